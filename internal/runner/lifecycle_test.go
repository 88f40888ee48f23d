package runner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
)

func TestTimeout(t *testing.T) {
	w := newWorld(t)
	for _, f := range []struct{ rt, name, text string }{
		{"nodejs20", "index.js", `exports.handler = async (e) => { if (String(e) === 'hang') { console.log('before'); for (;;); } return 'ok' }`},
		{"nodejs20", "index.js", `exports.handler = (e, c, cb) => { if (String(e) === 'hang') console.log('before'); else cb(null, 'ok') }`},
		{"python3.10", "index.py", "import time\ndef handler(e, c):\n    if e == b'hang':\n        print('before')\n        time.sleep(100)\n    return 'ok'"},
		{"php8.2", "index.php", `<?php function handler($e, $c) { if ($e === 'hang') { echo "before\n"; sleep(100); } return 'ok'; }`},
	} {
		t.Run(f.rt, func(t *testing.T) {
			t.Parallel()
			w := w.in(t)
			fn := w.fn(f.rt, "index.handler", f.name, f.text)
			w.ok(fn, "")
			slow := *fn.Config
			slow.Timeout = 1
			fn.Config = &slow
			e, res := w.fails(fn, "hang", ErrorUnhandled)
			if !strings.HasPrefix(e.ErrorMessage, "Function timed out after 1 seconds (maxMemoryUsage: ") || res.Duration < time.Second || res.Duration > 20*time.Second {
				t.Errorf("%q after %v", e.ErrorMessage, res.Duration)
			}
			if body(res) != "before" || !strings.Contains(string(res.Log), ", Error: Function timed out after 1 seconds") {
				t.Errorf("log %q", res.Log)
			}
			if next := w.call(fn, ""); string(next.Payload) != "ok" || next.InstanceID == res.InstanceID || !next.Cold {
				t.Errorf("after the time-out: %s %+v", next.Payload, next.Start)
			}
		})
	}
}

func TestMemory(t *testing.T) {
	for _, groups := range []bool{true, false} {
		w := newWorld(t)
		if !groups {
			w.groups = nil // as on a host that gives none
		}
		for _, f := range []struct{ rt, name, text string }{
			{"nodejs20", "index.js", `exports.handler = async (e) => { const n = Number(String(e)), a = []; for (let i = 0; i < n; i++) { a.push(Buffer.alloc(10 << 20, 1)); await new Promise(r => setTimeout(r, 5)) } return 'ok' }`},
			{"python3.10", "index.py", "import time\ndef handler(e, c):\n    a = []\n    for i in range(int(e)):\n        a.append(b'x' * (10 << 20))\n        time.sleep(0.005)\n    return 'ok'"},
		} {
			fn := w.fn(f.rt, "index.handler", f.name, f.text)
			fn.Config.MemoryMB = 128
			res := w.call(fn, "3")
			if string(res.Payload) != "ok" || res.MemoryMB < 10 || res.MemoryMB > 128 {
				t.Errorf("%s: %s, %d MB", f.rt, res.Payload, res.MemoryMB)
			}
			e, res := w.fails(fn, "200", ErrorUnhandled)
			if !strings.HasPrefix(e.ErrorMessage, "Process exited unexpectedly before completing request (duration: ") || !strings.Contains(e.ErrorMessage, "memory limit of 128 MB") || res.MemoryMB < 100 {
				t.Errorf("%s, groups %v: %q, %d MB", f.rt, groups, e.ErrorMessage, res.MemoryMB)
			}
		}
		// What is in /tmp is no memory.
		fn := w.fn("python3.10", "index.handler", "index.py", "import time\ndef handler(e, c):\n    f = open('/tmp/x', 'wb')\n    for i in range(20):\n        f.write(b'x' * (10 << 20))\n    f.flush()\n    time.sleep(0.2)\n    return 'ok'")
		fn.Config.MemoryMB, fn.Config.DiskMB = 128, 512
		if got := w.ok(fn, ""); got != "ok" {
			t.Error(got)
		}
	}
}

func TestConcurrencyInOneInstance(t *testing.T) {
	w := newWorld(t)
	fn := w.fn("nodejs20", "index.handler", "index.js", `let n = 0, max = 0; exports.handler = async (e, c) => { n++; max = Math.max(max, n); console.log('in ' + e); await new Promise(r => setTimeout(r, 300)); console.log('out ' + e); c.logger.info('x'); n--; return String(max) }`)
	fn.Config.Concurrency = 10
	w.ok(fn, "0")
	var wg sync.WaitGroup
	var mu sync.Mutex
	instances, most := map[string]bool{}, ""
	for i := range 10 {
		wg.Go(func() {
			res, err := w.Invoke(t.Context(), request(fn, strconv.Itoa(i)))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			instances[res.InstanceID] = true
			most = max(most, fmt.Sprintf("%02s", res.Payload))
			if b := body(res); !strings.HasPrefix(b, fmt.Sprintf("in %d\nout %d\n", i, i)) || strings.Count(b, "\n") != 2 {
				t.Errorf("log of %d: %q", i, b)
			}
		})
	}
	wg.Wait()
	if len(instances) != 1 || most != "10" {
		t.Errorf("%d instances, at most %s at once", len(instances), most)
	}
}

func TestSlowHandlersScale(t *testing.T) {
	w := newWorld(t)
	fn := w.fn("python3.10", "index.handler", "index.py", "import time\ndef handler(e, c):\n    time.sleep(1)\n    return 'ok'")
	var wg sync.WaitGroup
	at := time.Now()
	for range 6 {
		wg.Go(func() {
			if res, err := w.Invoke(t.Context(), request(fn, "")); err != nil || string(res.Payload) != "ok" {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if d := time.Since(at); d > 4*time.Second {
		t.Errorf("six runs of a second took %v", d)
	}
	if n := w.Stats().Instances; n < 3 {
		t.Errorf("%d instances", n)
	}
}

func TestLimits(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.MaxInstances = 2 })
	text := "import time\ndef handler(e, c):\n    time.sleep(float(e))\n    return 'ok'"
	a, b := w.fn("python3.10", "index.handler", "index.py", text), w.fn("python3.10", "index.handler", "index.py", text)
	zero, one := 0, 1
	none := *a
	none.Reserved = &zero
	if _, err := w.Invoke(t.Context(), request(&none, "0")); !fault.Is(err, "ResourceExhausted") || fault.KindOf(err) != fault.Throttled {
		t.Errorf("reserved 0: %v", err)
	}
	w.ok(b, "0") // an idle instance that has to give way
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { w.ok(a, "1.5") })
	}
	eventually(t, "two runs", func() bool { return w.Stats().Busy == 2 })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := w.Invoke(ctx, request(b, "0")); !fault.Is(err, "ResourceExhausted") || !strings.Contains(err.Error(), "limit of instances") {
		t.Errorf("over the limit: %v", err)
	}
	if got := w.ok(b, "0"); got != "ok" { // gets one as soon as one of a's becomes idle
		t.Error(got)
	}
	wg.Wait()
	w.Evict(a.ID)
	w.Evict(b.ID)
	// Reserved 1: the second waits for the first.
	c := w.fn("python3.10", "index.handler", "index.py", text)
	c.Reserved = &one
	for range 3 {
		wg.Go(func() { w.ok(c, "0.2") })
	}
	wg.Wait()
	if n := w.Stats().Instances; n != 1 {
		t.Errorf("%d instances with one reserved", n)
	}
}

func TestClientGoesAway(t *testing.T) {
	w := newWorld(t)
	fn := w.fn("nodejs20", "index.handler", "index.js", `exports.handler = async () => { await new Promise(r => setTimeout(r, 200)); return 'done' }`)
	ctx, cancel := context.WithCancel(t.Context())
	req := request(fn, "")
	req.OnStart = func(Start) { cancel() }
	res, err := w.Invoke(ctx, req)
	if err != nil || string(res.Payload) != "done" {
		t.Errorf("%v %+v", err, res)
	}
	if _, err := w.Invoke(ctx, request(w.fn("nodejs20", "index.handler", "index.js", echoJS), "")); !fault.Is(err, "ClientClosedRequest") {
		t.Errorf("cancelled while waiting: %v", err)
	}
}

func TestEvictAndPreStop(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Sandbox = SandboxProcess })
	mark := filepath.Join(w.root, "mark")
	fn := w.fn("nodejs20", "index.handler", "index.js", fmt.Sprintf(`exports.stop = (c, cb) => { require('fs').appendFileSync(%q, 'stopped\n'); cb() }; exports.handler = async (e) => { await new Promise(r => setTimeout(r, Number(String(e)))); return 'v1' }`, mark))
	fn.Config.PreStop = function.Hook{Handler: "index.stop", Timeout: 3}
	w.ok(fn, "0")
	started := make(chan bool)
	req := request(fn, "300")
	req.OnStart = func(Start) { close(started) }
	done := make(chan string)
	go func() {
		res, err := w.Invoke(t.Context(), req)
		if err != nil {
			t.Error(err)
		}
		done <- string(res.Payload)
	}()
	<-started
	w.Evict(fn.ID)
	if got := <-done; got != "v1" {
		t.Errorf("the running request: %q", got)
	}
	eventually(t, "the preStop hook", func() bool { b, _ := os.ReadFile(mark); return string(b) == "stopped\n" })
	eventually(t, "the end of the instance", func() bool { return w.Stats().Instances == 0 })
	if res := w.call(fn, "0"); !res.Cold {
		t.Error("an evicted instance was used again")
	}
}

func TestReaping(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.IdleTimeout = 300 * time.Millisecond })
	fn := w.fn("python3.10", "index.handler", "index.py", echoPy)
	keep := w.fn("python3.10", "index.handler", "index.py", echoPy)
	keep.Config.IdleTimeout = 60
	w.ok(fn, "")
	w.ok(keep, "")
	eventually(t, "the idle instance's end", func() bool { return w.Stats().Instances == 1 })
	if res := w.call(keep, ""); res.Cold {
		t.Error("the function's own idle time-out was ignored")
	}
	eventually(t, "its traces", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.every) == 1
	})
}

func TestSpares(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.NoSpares = false })
	fn := w.fn("nodejs20", "index.handler", "index.js", `exports.handler = async () => ({env: process.env.MINE, code: require('fs').readdirSync('/code'), cwd: process.cwd()})`)
	fn.Config.Env = map[string]string{"MINE": "1"}
	if err := w.Warm("nodejs20"); err != nil {
		t.Fatal(err)
	}
	spare := w.awaitSpare("nodejs20")
	res := w.call(fn, "")
	if res.InstanceID != spare.id || !res.Cold || string(res.Payload) != `{"env":"1","code":["index.js"],"cwd":"/code"}` {
		t.Errorf("%+v %s", res.Start, res.Payload)
	}
	if next := w.awaitSpare("nodejs20"); next.id == spare.id {
		t.Error("the same spare twice")
	}
	cold := w.fn("nodejs20", "index.handler", "index.js", `exports.handler = async () => process.execArgv.length + process.env.NODE_OPTIONS`)
	cold.Config.Env = map[string]string{"NODE_OPTIONS": "--max-old-space-size=100"}
	if res := w.call(cold, ""); string(res.Payload) != "0--max-old-space-size=100" {
		t.Errorf("%s", res.Payload)
	}
	if s := w.Stats(); s.FromSpare != 1 || s.Cold != 2 {
		t.Errorf("%+v", s)
	}
	if err := w.Warm("cobol"); !fault.Is(err, "InvalidArgument") {
		t.Error(err)
	}
}

func TestDrain(t *testing.T) {
	w := newWorld(t)
	fn := w.fn("nodejs20", "index.handler", "index.js", `exports.handler = async (e) => { await new Promise(r => setTimeout(r, Number(String(e)))); return 'done' }`)
	run := func(event string) (chan bool, chan *Result) {
		started, done := make(chan bool), make(chan *Result, 1)
		req := request(fn, event)
		req.OnStart = func(Start) { close(started) }
		go func() {
			res, err := w.Invoke(context.Background(), req)
			if err != nil {
				t.Error(err)
			}
			done <- res
		}()
		return started, done
	}
	s1, short := run("200")
	s2, long := run("60000")
	<-s1
	<-s2
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	closed := make(chan error)
	go func() { closed <- w.Close(ctx) }()
	eventually(t, "refusal", func() bool {
		_, err := w.Invoke(t.Context(), request(fn, ""))
		return fault.KindOf(err) == fault.Unavailable
	})
	if res := <-short; string(res.Payload) != "done" {
		t.Errorf("the short run: %s", res.Payload)
	}
	if res := <-long; res.ErrorType != ErrorUnhandled || !strings.Contains(string(res.Payload), "The server stopped it") {
		t.Errorf("the long run: %s", res.Payload)
	}
	if err := <-closed; err != context.DeadlineExceeded {
		t.Errorf("close: %v", err)
	}
}
