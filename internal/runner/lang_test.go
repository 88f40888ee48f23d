package runner

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/function"
)

const echoJS = `exports.handler = async (event, context) => event`
const echoPy = "def handler(event, context):\n    return event\n"
const echoPHP = "<?php\nfunction handler($event, $context) { return $event; }\n"

func TestEcho(t *testing.T) {
	w := newWorld(t)
	binary := "\x00\xff\xfe\r\n\"é"
	for _, f := range []struct{ rt, name, text string }{
		{"nodejs20", "index.js", echoJS}, {"python3.10", "index.py", echoPy}, {"php8.2", "index.php", echoPHP},
	} {
		fn := w.fn(f.rt, "index.handler", f.name, f.text)
		for _, ev := range []string{"", "hello", binary, strings.Repeat("x", 500<<10), strings.Repeat("y", 6<<20)} {
			if got := w.ok(fn, ev); got != ev {
				t.Errorf("%s: %d bytes of %d came back: %.50q", f.rt, len(got), len(ev), got)
			}
		}
		if s := w.Stats(); s.Idle == 0 {
			t.Errorf("%s: %+v", f.rt, s)
		}
	}
}

func TestResults(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct{ rt, handler, file, text, want string }{
		"node object":      {"nodejs20", "index.handler", "index.js", `exports.handler = async () => ({a: [1, "é"]})`, `{"a":[1,"é"]}`},
		"node undefined":   {"nodejs20", "index.handler", "index.js", `exports.handler = async () => {}`, ``},
		"node number":      {"nodejs20", "index.handler", "index.js", `exports.handler = async () => 7`, `7`},
		"node buffer":      {"nodejs20", "index.handler", "index.js", `exports.handler = async () => Buffer.from([0, 255])`, "\x00\xff"},
		"node callback":    {"nodejs16", "index.handler", "index.js", `exports.handler = (e, c, cb) => { setTimeout(() => cb(null, 'done'), 5) }`, `done`},
		"node sync":        {"nodejs20", "index.handler", "index.js", `exports.handler = (e, c) => 'now'`, `now`},
		"node first wins":  {"nodejs20", "index.handler", "index.js", `exports.handler = async (e, c, cb) => { cb(null, 'callback'); return 'promise' }`, `callback`},
		"node promise won": {"nodejs20", "index.handler", "index.js", `exports.handler = async (e, c, cb) => { setTimeout(cb, 5, null, 'callback'); return 'promise' }`, `promise`},
		"node subdir":      {"nodejs20", "src/a/main.go", "src/a/main.js", `exports.go = async () => __filename`, `/code/src/a/main.js`},
		"node esm":         {"nodejs20", "index.handler", "index.mjs", `import fs from 'fs'; export const handler = async () => typeof fs.readFileSync`, `function`},
		"node esm default": {"nodejs20", "index.handler", "index.mjs", `export default { handler: async () => 'd' }`, `d`},
		"py str":           {"python3.10", "index.handler", "index.py", "def handler(e, c):\n  return 'é'", `é`},
		"py object":        {"python3.10", "index.handler", "index.py", "def handler(e, c):\n  return {'a': [1, None]}", `{"a": [1, null]}`},
		"py none":          {"python3.10", "index.handler", "index.py", "def handler(e, c):\n  pass", `null`},
		"py subdir":        {"python3.10", "a/b.run", "a/b.py", "def run(e, c):\n  return __file__", `/code/a/b.py`},
		"py dotted":        {"python3.10", "a.b.run", "a/b.py", "def run(e, c):\n  return __name__", `a.b`},
		"py named as std":  {"python3.10", "json.run", "json.py", "def run(e, c):\n  return __file__", `/code/json.py`},
		"py event bytes":   {"python3.10", "index.handler", "index.py", "import json\ndef handler(e, c):\n  return type(e).__name__", `bytes`},
		"php array":        {"php8.2", "index.handler", "index.php", `<?php function handler($e, $c) { return ['a' => [1, 'é/']]; }`, `{"a":[1,"é/"]}`},
		"php subdir":       {"php8.2", "src/m.run", "src/m.php", `<?php function run($e, $c) { return __FILE__; }`, `/code/src/m.php`},
		"php globals":      {"php8.2", "index.handler", "index.php", `<?php $n = 5; function handler($e, $c) { global $n; return (string) $n; }`, `5`},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			if got := w.ok(w.fn(c.rt, c.handler, c.file, c.text), "x"); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name, rt, file, text, typ string
		message, class, stack     string // regular expressions
	}{
		{"node throw", "nodejs20", "index.js", "exports.handler = async () => {\n  throw new TypeError('oops') }", ErrorUnhandled, `^oops$`, `^TypeError$`, `^\["TypeError: oops","    at exports.handler \(/code/index.js:2:`},
		{"node sync throw", "nodejs20", "index.js", `exports.handler = (e, c, cb) => { throw new Error('oops') }`, ErrorUnhandled, `^oops$`, `^Error$`, `index.js`},
		{"node callback", "nodejs20", "index.js", `exports.handler = (e, c, cb) => cb(new Error('oops'))`, ErrorHandled, `^oops$`, `^Error$`, `index.js`},
		{"node callback string", "nodejs20", "index.js", `exports.handler = (e, c, cb) => cb('oops')`, ErrorHandled, `^oops$`, `^$`, `^$`},
		{"node later", "nodejs20", "index.js", `exports.handler = (e, c, cb) => { setTimeout(() => { throw new RangeError('later') }, 5) }`, ErrorUnhandled, `^later$`, `^RangeError$`, `index.js`},
		{"node rejection", "nodejs20", "index.js", `exports.handler = (e, c, cb) => { Promise.reject(new Error('nobody')) }`, ErrorUnhandled, `^nobody$`, `^Error$`, `index.js`},
		{"node circular", "nodejs20", "index.js", `exports.handler = async () => { const a = {}; a.a = a; return a }`, ErrorUnhandled, `circular`, `^TypeError$`, ``},
		{"node no file", "nodejs20", "other.js", ``, ErrorUnhandled, `^Cannot find module '/code/index.js'\..*check the handler`, `^Error$`, ``},
		{"node no handler", "nodejs20", "index.js", `exports.main = () => {}`, ErrorUnhandled, `^Handler 'handler' missing on module 'index'\. It exports: main`, ``, ``},
		{"node no module", "nodejs20", "index.js", `require('left-pad-9')`, ErrorUnhandled, `Cannot find module 'left-pad-9'`, `^Error$`, `/code/index.js`},
		{"node syntax", "nodejs20", "index.js", `exports.handler = async ( => {}`, ErrorUnhandled, `Unexpected token`, `^SyntaxError$`, `/code/index.js:1`},
		{"node exit", "nodejs20", "index.js", `exports.handler = async () => { process.exit(0) }`, ErrorUnhandled, `^Process exited unexpectedly before completing request \(duration: \d+ms, maxMemoryUsage: \d+\.\d\dMB\)$`, `^$`, `^$`},
		{"py raise", "python3.10", "index.py", "def handler(e, c):\n    raise Exception('something is wrong')", ErrorUnhandled, `^something is wrong$`, `^Exception$`, `^\[\["File \\"/code/index.py\\"", ?"line 2", ?"in handler", ?"raise Exception\('something is wrong'\)"\]\]$`},
		{"py no file", "python3.10", "other.py", "", ErrorUnhandled, `^Cannot find module '/code/index.py'`, ``, ``},
		{"py no handler", "python3.10", "index.py", "def main(): pass", ErrorUnhandled, `^Handler 'handler' missing on module 'index'`, ``, ``},
		{"py no module", "python3.10", "index.py", "import leftpad9", ErrorUnhandled, `No module named 'leftpad9'`, `^ModuleNotFoundError$`, `/code/index.py`},
		{"py syntax", "python3.10", "index.py", "def handler(e, c)\n  pass", ErrorUnhandled, `.`, `^SyntaxError$`, `line 1`},
		{"py not json", "python3.10", "index.py", "def handler(e, c):\n    return object()", ErrorUnhandled, `not JSON serializable`, `^TypeError$`, ``},
		{"py exit", "python3.10", "index.py", "import sys\ndef handler(e, c):\n    sys.exit(1)", ErrorUnhandled, `^Process exited unexpectedly`, `^$`, `^$`},
		{"php throw", "php8.2", "index.php", "<?php\nfunction handler($e, $c) { throw new LogicException('oops'); }", ErrorUnhandled, `^oops$`, `^LogicException$`, `^\{"file":"/code/index.php","line":2,"traceString":""\}$`},
		{"php fatal", "php8.2", "index.php", "<?php\nini_set('memory_limit', '8M');\nfunction handler($e, $c) { return str_repeat('x', 50 << 20); }", ErrorUnhandled, `Allowed memory size`, `^FatalError$`, `"line":3`},
		{"php undefined", "php8.2", "index.php", "<?php\nfunction handler($e, $c) { nope(); }", ErrorUnhandled, `undefined function nope`, `^Error$`, `"line":2`},
		{"php old syntax", "php8.2", "index.php", "<?php\nfunction handler($e, $c) {\n $x = $e['events']{0};\n}", ErrorUnhandled, `PHP 8 removed the curly-brace offset.*write .*\[0\]`, `^FatalError$`, `"line":3`},
		{"php no handler", "php8.2", "index.php", "<?php\n", ErrorUnhandled, `^Handler 'handler' missing on module 'index'`, ``, ``},
		{"php no file", "php8.2", "other.php", "<?php\n", ErrorUnhandled, `^Cannot find module '/code/index.php'`, ``, ``},
		{"php exit", "php8.2", "index.php", "<?php\nfunction handler($e, $c) { exit(3); }", ErrorUnhandled, `^Process exited unexpectedly`, `^$`, `^$`},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, res := w.in(t).fails(w.fn(c.rt, "index.handler", c.file, c.text), "", c.typ)
			for _, m := range [][2]string{{c.message, e.ErrorMessage}, {c.class, e.ErrorType}, {c.stack, string(e.StackTrace)}} {
				if !regexp.MustCompile(m[0]).MatchString(m[1]) {
					t.Errorf("%q does not match %q", m[1], m[0])
				}
			}
			if strings.Contains(string(res.Payload), "bootstrap") || strings.Contains(string(res.Payload), "/var/alcedo") {
				t.Errorf("the payload shows our own frames: %s", res.Payload)
			}
			if !strings.Contains(string(res.Log), ", Error: ") {
				t.Errorf("the log does not tell: %s", res.Log)
			}
		})
	}
}

// An error of the handler does not cost the instance; an uncaught one does.
func TestInstanceAfterError(t *testing.T) {
	w := newWorld(t)
	fn := w.fn("nodejs20", "index.handler", "index.js", `let n = 0; exports.handler = async (e) => { n++; if (String(e) === 'throw') throw new Error('x'); if (String(e) === 'exit') process.exit(1); return n }`)
	for _, c := range []struct{ event, want string }{{"", "1"}, {"throw", ""}, {"", "3"}, {"exit", ""}, {"", "1"}} {
		if res := w.call(fn, c.event); c.want != "" && string(res.Payload) != c.want {
			t.Errorf("%q: %s, want %s", c.event, res.Payload, c.want)
		}
	}
}

func TestContexts(t *testing.T) {
	w := newWorld(t)
	js := `exports.handler = async (event, c) => ({ctx: c, env: process.env.ALIBABA_CLOUD_ACCESS_KEY_ID ?? null, has: [typeof c.logger.info, process.env.FC_FUNCTION_NAME, process.env.MINE, process.cwd()]})`
	py := `
import os, json
def handler(event, c):
    print(c)
    return {'ctx': json.loads(c.to_json()), 'env': os.environ.get('ALIBABA_CLOUD_ACCESS_KEY_ID'), 'has': [hasattr(c, 'credentials'), os.environ['FC_FUNCTION_NAME'], os.environ['MINE'], os.getcwd()]}
`
	php := `<?php function handler($e, $c) { return ['ctx' => $c, 'env' => getenv('ALIBABA_CLOUD_ACCESS_KEY_ID') ?: null, 'has' => [is_array($c), getenv('FC_FUNCTION_NAME'), getenv('MINE'), getcwd()]]; }`
	for _, c := range []struct{ rt, file, text, keyPath, has string }{
		{"nodejs20", "index.js", js, "credentials.accessKeyId", `["function",NAME,"v","/code"]`},
		{"python3.10", "index.py", py, "credentials.access_key_id", `[true,NAME,"v","/code"]`},
		{"python3.12", "index.py", py, "", `[false,NAME,"v","/code"]`},
		{"php8.2", "index.php", php, "credentials.accessKeyId", `[true,NAME,"v","/code"]`},
	} {
		fn := w.fn(c.rt, "index.handler", c.file, c.text)
		fn.Config.Env = map[string]string{"MINE": "v"}
		for _, key := range []string{"STS.one", "STS.two", ""} {
			req := request(fn, "")
			req.AccessKeyID = key
			if key != "" {
				req.AccessKeySecret, req.SecurityToken = "hidden-secret", strings.Repeat("t", 2000)
			}
			res, err := w.Invoke(t.Context(), req)
			if err != nil || res.ErrorType != "" {
				t.Fatalf("%s: %v %s", c.rt, err, res.Payload)
			}
			if strings.Contains(string(res.Log), "hidden-secret") {
				t.Errorf("%s: print(context) shows the secret: %s", c.rt, res.Log)
			}
			var out struct {
				Ctx map[string]any
				Env *string
				Has json.RawMessage
			}
			if err := json.Unmarshal(res.Payload, &out); err != nil {
				t.Fatal(err)
			}
			get := func(path string) any {
				var v any = out.Ctx
				for p := range strings.SplitSeq(path, ".") {
					m, _ := v.(map[string]any)
					v = m[p]
				}
				return v
			}
			id := "requestId"
			if strings.HasPrefix(c.rt, "python") {
				id = "request_id"
			}
			if get(id) != req.RequestID || get("region") != "cn-hangzhou" || get("function.name") != fn.Name || get("function.memory") != 256.0 {
				t.Errorf("%s: context %v", c.rt, out.Ctx)
			}
			if c.keyPath != "" && get(c.keyPath) != key {
				t.Errorf("%s: key %v, want %q", c.rt, get(c.keyPath), key)
			}
			if (out.Env == nil) != (key == "") || key != "" && *out.Env != key {
				t.Errorf("%s: key in the environment: %v, want %q", c.rt, out.Env, key)
			}
			if want := strings.Replace(c.has, "NAME", `"`+fn.Name+`"`, 1); strings.ReplaceAll(string(out.Has), " ", "") != want && strings.ReplaceAll(string(out.Has), `\/`, "/") != want {
				t.Errorf("%s: %s, want %s", c.rt, out.Has, want)
			}
		}
	}
	fn := w.fn("python3.12", "index.handler", "index.py", "def handler(e, c):\n  return c.credentials.access_key_id")
	if e, _ := w.fails(fn, "", ErrorUnhandled); !strings.Contains(e.ErrorMessage, "ALIBABA_CLOUD_ACCESS_KEY_ID") {
		t.Errorf("no advice: %s", e.ErrorMessage)
	}
}

func TestLogs(t *testing.T) {
	w := newWorld(t)
	js := `console.log('top');
exports.handler = async (e, c) => { console.log('one'); console.error('%s', 'two'); c.logger.info('three %d', 3); process.stdout.write('four\n');
require('child_process').execSync('echo five; echo six >&2', {stdio: 'inherit'}); c.logger.error('seven'); console.dir({a: 1}) }`
	py := `
import logging, os, sys
print('top')
def handler(e, c):
    print('one'); print('two', file=sys.stderr); logging.getLogger().info('three %d', 3); os.write(1, b'four\n')
    os.system('echo five; echo six >&2'); logging.error('seven'); print('{ a: 1 }', end='')
`
	php := `<?php
echo "top\n";
function handler($e, $c) { echo "one\n"; fwrite(STDERR, "two\n"); $GLOBALS['fcLogger']->info('three 3'); print("four\n");
passthru('echo five'); fwrite(STDERR, "six\n"); $GLOBALS['fcLogger']->error('seven'); ob_start(); echo "{ a: 1 }"; }`
	stamp := regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\S+) \[(\w+)\]`)
	consoleStamp := regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (\S+) \[(\w+)\]`)
	for _, f := range []struct{ rt, name, text string }{{"nodejs20", "index.js", js}, {"python3.10", "index.py", py}, {"php8.2", "index.php", php}} {
		fn := w.fn(f.rt, "index.handler", f.name, f.text)
		for i, top := range []string{"top\n", ""} {
			req := request(fn, "")
			var live strings.Builder
			req.OnLog = func(b []byte) { live.Write(b) }
			res, err := w.Invoke(t.Context(), req)
			if err != nil || res.ErrorType != "" {
				t.Fatalf("%s: %v %s", f.rt, err, res.Payload)
			}
			id := req.RequestID
			got := stamp.ReplaceAllString(string(res.Log), "T $1 [$2]")
			got = consoleStamp.ReplaceAllString(got, "T $1 [$2]")
			two := "two\n"
			if f.name == "index.js" { // console.error tells its level
				two = "T " + id + " [error] two\n"
			}
			want := top + "FC Invoke Start RequestId: " + id + "\none\n" + two + "T " + id + " [INFO] three 3\nfour\nfive\nsix\nT " + id + " [ERROR] seven\n{ a: 1 }\nFC Invoke End RequestId: " + id + "\n"
			if got != want {
				t.Errorf("%s call %d:\n%s\nwant:\n%s", f.rt, i, got, want)
			}
			if !strings.Contains(live.String(), "five\n") || !strings.HasSuffix(live.String(), "FC Invoke End RequestId: "+id+"\n") {
				t.Errorf("%s live: %q", f.rt, live.String())
			}
		}
	}
}

func TestLogIsBounded(t *testing.T) {
	w := newWorld(t)
	fn := w.fn("nodejs20", "index.handler", "index.js", `exports.handler = async () => { for (let i = 0; i < 50; i++) console.log(String(i).padStart(100 << 10, '.')) }`)
	res := w.call(fn, "")
	if len(res.Log) != MaxLog || !res.LogCut || !strings.Contains(string(res.Log[len(res.Log)-200:]), "..49\nFC Invoke End") {
		t.Errorf("%d bytes, cut %v, end %q", len(res.Log), res.LogCut, res.Log[len(res.Log)-100:])
	}
}

func TestHooks(t *testing.T) {
	w := newWorld(t)
	for _, f := range []struct{ rt, name, text string }{
		{"nodejs20", "index.js", `let n = 0; exports.init = (c, cb) => { console.log('init ' + c.requestId); n = 5; cb() }; exports.bad = async () => { throw new Error('no db') }; exports.slow = (c, cb) => {}; exports.handler = async () => n++`},
		{"python3.10", "index.py", "import time\nn = 0\ndef init(c):\n    global n\n    print('init ' + c.request_id)\n    n = 5\ndef bad(c):\n    raise Exception('no db')\ndef slow(c):\n    time.sleep(60)\ndef handler(e, c):\n    global n\n    n += 1\n    return n - 1\n"},
		{"php8.2", "index.php", `<?php $n = 0; function init($c) { global $n; echo "init {$c['requestId']}\n"; $n = 5; } function bad($c) { throw new Exception('no db'); } function slow($c) { sleep(60); } function handler($e, $c) { global $n; return $n++; }`},
	} {
		fn := w.fn(f.rt, "index.handler", f.name, f.text)
		fn.Config.Initializer = function.Hook{Handler: "index.init", Timeout: 5}
		for i, want := range []string{"5", "6"} {
			req := request(fn, "")
			res, err := w.Invoke(t.Context(), req)
			if err != nil || string(res.Payload) != want {
				t.Fatalf("%s: %v %s", f.rt, err, res.Payload)
			}
			if has := strings.Contains(string(res.Log), "FC Initialize Start RequestId: "+req.RequestID+"\ninit "+req.RequestID+"\nFC Initialize End"); has != (i == 0) {
				t.Errorf("%s call %d log: %s", f.rt, i, res.Log)
			}
			if res.Cold != (i == 0) || (res.Init > 0) != (i == 0) {
				t.Errorf("%s call %d: %+v", f.rt, i, res.Start)
			}
		}
		for hook, message := range map[string]string{"index.bad": "no db", "index.slow": "timed out after 1 seconds", "index.nope": "Handler 'nope' missing"} {
			fn := *fn
			c := *fn.Config
			c.Initializer = function.Hook{Handler: hook, Timeout: 1}
			fn.ID, fn.Config = fn.ID+hook, &c
			if e, _ := w.fails(&fn, "", ErrorInit); !strings.Contains(e.ErrorMessage, message) {
				t.Errorf("%s %s: %s", f.rt, hook, e.ErrorMessage)
			}
		}
	}
}

func TestBuiltInModules(t *testing.T) {
	w := newWorld(t)
	put := func(name, text string) {
		writeFile(t, w.root+"/modules/"+name, text)
	}
	put("nodejs/node_modules/built-in/index.js", "module.exports = 'js'")
	put("python/builtinmod/__init__.py", "name = 'py'")
	put("php/vendor/autoload.php", `<?php spl_autoload_register(function ($c) { if ($c === 'BuiltIn') { eval('class BuiltIn { const NAME = "php"; }'); } });`)
	for _, c := range []struct{ rt, file, text, want string }{
		{"nodejs20", "index.js", `exports.handler = async () => require('built-in')`, "js"},
		{"nodejs20", "index.mjs", `import m from 'built-in'; export const handler = async () => m`, "js"},
		{"python3.10", "index.py", "import builtinmod\ndef handler(e, c):\n    return builtinmod.name", "py"},
		{"php8.2", "index.php", `<?php function handler($e, $c) { return BuiltIn::NAME; }`, "php"},
	} {
		if got := w.ok(w.fn(c.rt, "index.handler", c.file, c.text), ""); got != c.want {
			t.Errorf("%s %s: %q", c.rt, c.file, got)
		}
	}
}
