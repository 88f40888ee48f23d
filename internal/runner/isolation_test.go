package runner

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// probe runs a shell command or a piece of Python inside, and tells what came of it.
const probe = `
import ctypes, errno, json, os, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)

def syscall(nr, *args):
    ctypes.set_errno(0)
    r = libc.syscall(nr, *args)
    return errno.errorcode.get(ctypes.get_errno(), str(r)) if r < 0 else 'ok'

def opened(path, flags):
    # Opens only: if isolation failed, nothing on the host must change.
    try:
        os.close(os.open(path, flags))
        return 'ok'
    except OSError as e:
        return 'refused' if e.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ETXTBSY, errno.ENOENT) else errno.errorcode[e.errno]

def connect(family, address):
    try:
        s = socket.socket(family, socket.SOCK_STREAM)
        s.settimeout(2)
        s.connect(address)
        return 'ok'
    except OSError as e:
        return errno.errorcode.get(e.errno, type(e).__name__)

def handler(event, context):
    return str(eval(event.decode()))
`

func TestIsolation(t *testing.T) {
	host, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	port := host.Addr().(*net.TCPAddr).Port
	for _, spares := range []bool{false, true} {
		name := map[bool]string{true: "from a spare", false: "from nothing"}[spares]
		w := newWorld(t, func(o *Options) { o.NoSpares = !spares })
		writeFile(t, filepath.Join(w.root, "secret"), "secret")
		other := w.fn("python3.10", "index.handler", "index.py", "neighbour = 1")
		fn := w.fn("python3.10", "index.handler", "index.py", probe)
		fn.Config.DiskMB = 16
		if spares {
			w.Warm("python3.10")
			w.awaitSpare("python3.10")
		}
		for what, c := range map[string]struct{ expr, want string }{
			"host loopback":           {fmt.Sprintf("connect(socket.AF_INET, ('127.0.0.1', %d))", port), "ECONNREFUSED"},
			"metadata":                {"connect(socket.AF_INET, ('100.100.100.200', 80))", "ENETUNREACH"},
			"metadata of others":      {"connect(socket.AF_INET, ('169.254.169.254', 80))", "ENETUNREACH"},
			"the internet":            {"connect(socket.AF_INET, ('223.5.5.5', 53))", "ENETUNREACH"},
			"vsock":                   {"connect(40, (2, 1))", "EAFNOSUPPORT"},
			"host files":              {fmt.Sprintf("os.path.exists(%q)", filepath.Join(w.root, "secret")), "False"},
			"host root":               {"sorted(set(os.listdir('/')) & {'home', 'mnt', 'srv', 'boot', 'sys', 'work', 'media'})", "[]"},
			"host etc":                {"os.path.exists('/etc/shadow') or os.path.exists('/etc/ssh')", "False"},
			"neighbour's code":        {fmt.Sprintf("subprocess.getoutput('find / -name %s* -not -path \"/proc/*\" 2>/dev/null')", other.Config.Code.ID), ""},
			"the code store":          {"os.path.exists('/var/alcedo/store') and os.listdir('/var/alcedo/store') or []", "[]"},
			"own code":                {"os.listdir('/code')", "['index.py']"},
			"write /code":             {"opened('/code/new', os.O_WRONLY | os.O_CREAT)", "refused"},
			"write own code":          {"opened('/code/index.py', os.O_WRONLY)", "refused"},
			"write /":                 {"opened('/new', os.O_WRONLY | os.O_CREAT)", "refused"},
			"write /usr":              {"opened('/usr/bin/env', os.O_WRONLY)", "refused"},
			"write /etc":              {"opened('/etc/hosts', os.O_WRONLY)", "refused"},
			"write /dev":              {"opened('/dev/new', os.O_WRONLY | os.O_CREAT)", "refused"},
			"write the bootstrap":     {"opened('/var/alcedo/boot/python.py', os.O_WRONLY)", "refused"},
			"write the binary":        {"opened('/var/alcedo/alcedo', os.O_WRONLY)", "refused"},
			"kernel settings":         {"opened('/proc/sys/kernel/core_pattern', os.O_WRONLY)", "refused"},
			"more kernel settings":    {"opened('/proc/sys/vm/drop_caches', os.O_WRONLY)", "refused"},
			"sysrq":                   {"opened('/proc/sysrq-trigger', os.O_WRONLY)", "refused"},
			"write /tmp":              {"opened('/tmp/new', os.O_WRONLY | os.O_CREAT)", "ok"},
			"shared memory":           {"opened('/dev/shm/new', os.O_WRONLY | os.O_CREAT)", "ok"},
			"/tmp size":               {"subprocess.run(['dd', 'if=/dev/zero', 'of=/tmp/big', 'bs=1M', 'count=20'], stderr=subprocess.PIPE).stderr.count(b'No space left')", "1"},
			"processes":               {"len([p for p in os.listdir('/proc') if p.isdigit()]) < 5", "True"},
			"capabilities":            {"[l.split()[1] for l in open('/proc/self/status') if l.startswith('Cap')]", "['0000000000000000', '0000000000000000', '0000000000000000', '0000000000000000', '0000000000000000']"},
			"no new privileges":       {"[l.split()[1] for l in open('/proc/self/status') if l.startswith(('NoNewPrivs', 'Seccomp:'))]", "['1', '2']"},
			"capabilities of a child": {"subprocess.getoutput('grep CapEff /proc/self/status').split()[1]", "0000000000000000"},
			"port 80 of its own":      {"connect(socket.AF_INET, ('127.0.0.1', 80))", "ok"},
			"unshare":                 {"libc.unshare(0x10000000), errno.errorcode[ctypes.get_errno()]", "(-1, 'EPERM')"},
			"mount":                   {"libc.mount(b'x', b'/tmp', b'tmpfs', 0, None), errno.errorcode[ctypes.get_errno()]", "(-1, 'EPERM')"},
			"ptrace":                  {"libc.ptrace(0, 0, 0, 0), errno.errorcode[ctypes.get_errno()]", "(-1, 'EPERM')"},
			"clone3":                  {"syscall(435, 0, 0)", "ENOSYS"},
			"io_uring":                {"syscall(425, 1, 0)", "ENOSYS"},
			"clone namespaces":        {"syscall(56 if os.uname().machine == 'x86_64' else 220, 0x10000000 | 17, 0, 0, 0, 0)", "EPERM"},
			"host name":               {"socket.gethostname().startswith('c-')", "True"},
			"environment":             {"[k for k in os.environ if k.startswith(('ALCEDO', 'PYENV', 'GO', 'SSH'))]", "[]"},
			"packages of the host":    {"[p for p in sys.path if 'packages' in p]", "[]"},
			"descriptors":             {"[os.readlink('/proc/self/fd/' + f).split(':')[0] for f in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + f) or not f.isdigit() or os.path.lexists('/proc/self/fd/' + f)]", "['/dev/null', 'pipe', 'pipe', 'socket']"},
			"fork and threads":        {"subprocess.getoutput('echo $((1+1))')", "2"},
		} {
			if got := w.ok(fn, c.expr); got != c.want {
				t.Errorf("%s, %s: %q, want %q", name, what, got, c.want)
			}
		}
		if spares && w.Stats().FromSpare == 0 {
			t.Error("no spare was used")
		}
	}
}

func (w *world) awaitSpare(runtime string) *instance {
	w.Helper()
	var in *instance
	eventually(w, "a spare", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		rt, _ := w.host.Check(runtime)
		s := w.spares[rt.Path]
		if s != nil {
			in = s.ready
		}
		return in != nil
	})
	return in
}

// The names of the cloud's endpoints work with nothing but the languages' own clients.
func TestEndpoints(t *testing.T) {
	w := newWorld(t, func(o *Options) {
		o.Endpoints = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			in, ok := InstanceFrom(r.Context())
			if !ok {
				http.Error(rw, "who?", 500)
				return
			}
			b, _ := io.ReadAll(r.Body)
			json.NewEncoder(rw).Encode(map[string]any{"host": r.Host, "tls": r.TLS != nil, "fn": in.FunctionName, "reqs": in.RequestIDs, "n": len(b)})
		})
	})
	js := `exports.handler = async (event) => (await fetch(String(event), {method: 'PUT', body: Buffer.alloc(300000)})).text()`
	py := "import urllib.request\ndef handler(event, context):\n    return urllib.request.urlopen(urllib.request.Request(event.decode(), data=bytes(300000), method='PUT')).read()\n"
	php := `<?php function handler($event, $context) { return file_get_contents($event, false, stream_context_create(['http' => ['method' => 'PUT', 'content' => str_repeat("\0", 300000)]])); }`
	curl := `<?php function handler($event, $context) { $c = curl_init($event); curl_setopt_array($c, [CURLOPT_RETURNTRANSFER => true, CURLOPT_CUSTOMREQUEST => 'PUT', CURLOPT_POSTFIELDS => str_repeat("\0", 300000)]); $r = curl_exec($c); if ($r === false) throw new Exception(curl_error($c)); return $r; }`
	for _, f := range []struct{ rt, file, text string }{{"nodejs20", "index.js", js}, {"python3.10", "index.py", py}, {"php8.2", "index.php", php}, {"php8.2", "index.php", curl}} {
		fn := w.fn(f.rt, "index.handler", f.file, f.text)
		for _, host := range []string{"oss-cn-hangzhou-internal.aliyuncs.com", "testbucket.oss-cn-hangzhou.aliyuncs.com", "1234567890123456.cn-hangzhou.fc.aliyuncs.com", "sts.cn-hangzhou.aliyuncs.com"} {
			for _, scheme := range []string{"http", "https"} {
				req := request(fn, scheme+"://"+host+"/x")
				res, err := w.Invoke(t.Context(), req)
				if err != nil || res.ErrorType != "" {
					t.Fatalf("%s %s: %v %s\n%s", f.rt, req.Event, err, res.Payload, res.Log)
				}
				var got struct {
					Host, Fn string
					TLS      bool
					Reqs     []string
					N        int
				}
				if err := json.Unmarshal(res.Payload, &got); err != nil {
					t.Fatalf("%s: %q", f.rt, res.Payload)
				}
				if got.Host != host || got.TLS != (scheme == "https") || got.Fn != fn.Name || len(got.Reqs) != 1 || got.Reqs[0] != req.RequestID || got.N != 300000 {
					t.Errorf("%s %s: %s", f.rt, req.Event, res.Payload)
				}
			}
		}
		if res := w.call(fn, "http://example.com/"); res.ErrorType == "" && !strings.Contains(string(res.Log), "getaddrinfo") {
			t.Errorf("%s reached example.com: %s", f.rt, res.Payload)
		}
	}
}

// The process driver runs the same code, without isolation and without the endpoints.
func TestProcessDriver(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Sandbox = SandboxProcess })
	if !strings.Contains(w.log.String(), "WITHOUT ANY ISOLATION") {
		t.Errorf("no warning: %s", w.log)
	}
	for _, f := range []struct{ rt, name, text string }{
		{"nodejs20", "index.js", echoJS}, {"python3.10", "index.py", echoPy}, {"php8.2", "index.php", echoPHP},
	} {
		if got := w.ok(w.fn(f.rt, "index.handler", f.name, f.text), "hi"); got != "hi" {
			t.Errorf("%s: %q", f.rt, got)
		}
	}
	// Without control groups, a child of a child outlives its parent here; the next server
	// ends it.
	w.groups = nil
	fn := w.fn("python3.10", "index.handler", "index.py", "import subprocess\ndef handler(e, c):\n    return str(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)")
	orphan := w.ok(fn, "")
	if e, _ := os.ReadDir(filepath.Join(w.root, "runner/instances")); len(e) == 0 {
		t.Error("no scratch directory")
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	next, err := New(w.opt)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close(t.Context())
	eventually(t, "the end of the orphan", func() bool {
		b, err := os.ReadFile("/proc/" + orphan + "/stat")
		return err != nil || strings.Contains(string(b), ") Z ")
	})
}

func TestDiagnose(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct{ rt, handler, file, text, want string }{
		"good node":    {"nodejs20", "index.handler", "index.mjs", "", ""},
		"good php":     {"php8.2", "index.handler", "index.php", "<?php function handler($e, $c) {}", ""},
		"php 7 offset": {"php7.2", "index.handler", "index.php", "<?php\n$evt = $event['events']{0};\n", `PHP 8 removed the curly-brace offset "]{0}": write "][0]"`},
		"php broken":   {"php8.2", "index.handler", "index.php", "<?php\nfunction (\n", "the code does not parse: Parse error"},
		"no file":      {"python3.10", "index.handler", "main.py", "", "At its root it holds: main.py."},
		"zipped dir":   {"nodejs20", "index.handler", "app/index.js", "", "zip the contents of the directory"},
		"form":         {"nodejs20", "index", "index.js", "", "not of the form file.function"},
		"runtime":      {"cobol", "index.handler", "index.js", "", "unknown"},
	} {
		f := w.fn(c.rt, c.handler, c.file, c.text)
		err := w.Diagnose(t.Context(), c.rt, filepath.Join(w.root, "code", f.Config.Code.ID), c.handler)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
