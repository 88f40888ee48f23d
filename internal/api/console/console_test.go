package console

import (
	"encoding/hex"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/alcedo-storage/alcedo/internal/runner"
)

func TestHealth(t *testing.T) {
	w := newWorld(t)
	if got := w.do(nil, "GET", "/healthz", ""); got.Code != 200 || got.Body.String() != "ok\n" {
		t.Errorf("ready: %d %q", got.Code, got.Body)
	}
	w.ready = false
	if got := w.do(nil, "GET", "/healthz", ""); got.Code != 503 {
		t.Errorf("not ready: %d %q", got.Code, got.Body)
	}
}

// Every page has a policy whose nonce is the page's own, and no page has what it forbids.
func TestPage(t *testing.T) {
	w := newWorld(t)
	seen := map[string]bool{}
	for _, path := range []string{"/", "/functions/f", "/buckets/b/objects?prefix=a.b"} {
		got := w.do(nil, "GET", path, "")
		policy, body := got.Header().Get("Content-Security-Policy"), got.Body.String()
		m := regexp.MustCompile(`style-src 'self' 'nonce-([A-Z2-7]{26})'`).FindStringSubmatch(policy)
		if got.Code != 200 || m == nil || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Fatalf("%s: %d, %s", path, got.Code, policy)
		}
		if seen[m[1]] || strings.Contains(body, nonceMark) || strings.Contains(body, bootMark) || !strings.Contains(body, m[1]) {
			t.Errorf("%s: the nonce %s is not fresh, or not in the page", path, m[1])
		}
		seen[m[1]] = true
		if strings.Contains(body, " style=") || regexp.MustCompile(`<script[^>]*>[^<{]`).MatchString(body) {
			t.Errorf("%s has what its policy forbids", path)
		}
	}
	for path, status := range map[string]int{"/assets/gone.js": 404, "/assets/../stub.html": 404, "/favicon.png": 404} {
		if got := w.do(nil, "GET", path, ""); got.Code != status && got.Code != 307 && got.Code != 301 {
			t.Errorf("%s: %d, want %d", path, got.Code, status)
		}
	}
	if got := w.do(nil, "POST", "/functions", ""); got.Code != 405 {
		t.Errorf("POST of a page: %d", got.Code)
	}
	for _, path := range []string{"/api/", "/api/nothing"} {
		if got := w.root("GET", path, ""); got.Code != 404 {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
	w.root("PATCH", "/api/roles", "{}").refused(404, "NoSuchOperation", "PATCH /api/roles")
}

func TestRuns(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	w.ran("f", "R1", now.Add(-2*time.Second), "first")
	w.ran("f", "R2", now.Add(-time.Second), "second")
	w.ran("g", "R3", now, "of g")
	w.ran("f", "R1", now, "first again") // a retry has the same request id

	var list []history.Run
	w.root("GET", "/api/runs?function=f", "").into(&list)
	var ids []string
	for _, r := range list {
		ids = append(ids, r.RequestID)
	}
	if !slices.Equal(ids, []string{"R1", "R2", "R1"}) {
		t.Errorf("runs %v, the latest first", ids)
	}
	w.root("GET", "/api/runs?function=f&limit=1", "").into(&list)
	if len(list) != 1 {
		t.Errorf("%d runs with limit=1", len(list))
	}
	var attempts []Attempt
	w.root("GET", "/api/runs/R1", "").into(&attempts)
	if len(attempts) != 2 || attempts[0].Log != "first" || attempts[1].Log != "first again" || attempts[0].Payload != "result of R1" || attempts[0].Function != "f" {
		t.Errorf("%+v", attempts)
	}
	if got := w.root("GET", "/api/runs?function=f&limit=1000", "").Body.String(); strings.Contains(got, "first") {
		t.Errorf("the list holds what runs printed: %s", got)
	}

	w.root("GET", "/api/runs/R9", "").refused(404, "RunNotFound", "R9")
	w.root("GET", "/api/runs?function=h", "").refused(404, "FunctionNotFound", "h")
	w.root("GET", "/api/runs", "").refused(404, "FunctionNotFound", "")
	for _, bad := range []string{"0", "1001", "-1", "x", "1.5"} {
		w.root("GET", "/api/runs?function=f&limit="+bad, "").refused(400, "InvalidArgument", bad)
		w.root("GET", "/api/logs?function=f&limit="+bad, "").refused(400, "InvalidArgument", bad)
	}
	if got := w.do(&root, "GET", "/api/runs?function=f", ""); got.Header().Get("Content-Type") != "application/json; charset=utf-8" || got.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", got.Header())
	}
}

func texts(l Logs) string {
	var out []string
	for _, r := range l.Runs {
		out = append(out, r.Log)
	}
	return strings.Join(out, " ")
}

func TestLogs(t *testing.T) {
	w := newWorld(t)
	page := func(query string) (l Logs) {
		t.Helper()
		w.root("GET", "/api/logs?function=f"+query, "").into(&l)
		return l
	}
	if l := page(""); l.Runs == nil || len(l.Runs) != 0 || l.Next != "" {
		t.Errorf("before any run: %+v", l)
	}
	// The cursor carries the start in binary. These moments have bytes from 0x00 to 0xff in
	// it, most of which JSON cannot carry as text.
	begin := time.UnixMicro(0x0006_40a1_f00d_0000)
	for i, at := range []int64{0, 0x7f, 0x80, 0xc2, 0xef_bfbd, 0xff_fffe} {
		w.ran("f", "R"+string(rune('0'+i)), begin.Add(time.Duration(at)*time.Microsecond), string(rune('a'+i)))
	}
	w.ran("g", "R9", begin, "of g")

	if l := page(""); texts(l) != "a b c d e f" {
		t.Errorf("%q, the earliest first", texts(l))
	}
	l := page("&limit=2")
	if texts(l) != "e f" {
		t.Errorf("%q, the latest two", texts(l))
	}
	if rest := page("&after=" + l.Next); len(rest.Runs) != 0 || rest.Next != l.Next {
		t.Errorf("after the end: %+v", rest)
	}
	// Page after page, one by one, from the first run on.
	first, err := w.history.Runs(t.Context(), "f", "", 6)
	if err != nil {
		t.Fatal(err)
	}
	cursor := hex.EncodeToString([]byte(first[5].Cursor))
	var got []string
	for range 5 {
		l := page("&limit=1&after=" + cursor)
		got, cursor = append(got, texts(l)), l.Next
	}
	if strings.Join(got, " ") != "b c d e f" {
		t.Errorf("%v", got)
	}

	w.root("GET", "/api/logs?function=f&after=zz", "").refused(400, "InvalidArgument", "not a cursor")
	w.root("GET", "/api/logs?function=g&after="+cursor, "").refused(400, "InvalidArgument", "does not belong")
	w.root("GET", "/api/logs?function=h", "").refused(404, "FunctionNotFound", "h")
	for _, bad := range []string{"-1", "61", "x"} {
		w.root("GET", "/api/logs?function=f&wait="+bad, "").refused(400, "InvalidArgument", bad)
	}
}

func TestLogsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ask := func(query string) (l Logs, took time.Duration) {
			t.Helper()
			begun := time.Now()
			w.root("GET", "/api/logs?function=f"+query, "").into(&l)
			return l, time.Since(begun)
		}
		// Nothing happens.
		if l, took := ask("&wait=30"); len(l.Runs) != 0 || took != 30*time.Second {
			t.Errorf("%q after %s", texts(l), took)
		}
		if _, took := ask("&wait=0"); took != 0 {
			t.Errorf("wait=0 took %s", took)
		}
		// Something happens: to another function, then to this one.
		var l Logs
		var took time.Duration
		waiter := func(query string) chan struct{} {
			done := make(chan struct{})
			go func() { l, took = ask(query); close(done) }()
			synctest.Wait()
			return done
		}
		done := waiter("&wait=30")
		time.Sleep(5 * time.Second)
		w.ran("g", "R0", time.Now(), "of g")
		time.Sleep(5 * time.Second)
		w.ran("f", "R1", time.Now(), "a")
		<-done
		if texts(l) != "a" || took < 10*time.Second || took > 11*time.Second {
			t.Errorf("%q after %s", texts(l), took)
		}
		// And goes on after the cursor.
		done = waiter("&wait=30&after=" + l.Next)
		time.Sleep(time.Second)
		w.ran("f", "R2", time.Now(), "b")
		<-done
		if texts(l) != "b" || took > 2*time.Second {
			t.Errorf("%q after %s", texts(l), took)
		}
		// What is there already is not waited for.
		if l, took := ask("&wait=30"); texts(l) != "a b" || took != 0 {
			t.Errorf("%q after %s", texts(l), took)
		}
		w.history.Close()
	})
}

func TestMatch(t *testing.T) {
	w := newWorld(t)
	ask := func(bucket, key, event string) answer {
		return w.root("GET", "/api/triggers/match?"+url.Values{"bucket": {bucket}, "key": {key}, "event": {event}}.Encode(), "")
	}
	for _, c := range []struct{ key, event, why string }{
		{"in/a.png", "oss:ObjectCreated:PutObject", ""},
		{"in/ü &+.png", "oss:ObjectCreated:PutObject", ""},
		{"in/a.jpg", "oss:ObjectCreated:PutObject", "suffix"},
		{"out/a.png", "oss:ObjectCreated:PutObject", "prefix"},
		{"in/a.png", "oss:ObjectRemoved:DeleteObject", "DeleteObject"},
	} {
		var m []Match
		ask("b", c.key, c.event).into(&m)
		if len(m) != 1 || m[0].Trigger != "t" || m[0].Function != "f" || m[0].Fires != (c.why == "") || !strings.Contains(m[0].Reason, c.why) {
			t.Errorf("%s of %s: %+v", c.event, c.key, m)
		}
	}
	var none []Match
	if ask("other", "in/a.png", "oss:ObjectCreated:PutObject").into(&none); none == nil || len(none) != 0 {
		t.Errorf("%+v", none)
	}
	for _, bad := range []string{"", "ObjectCreated:PutObject", "oss:", "oss:Nothing"} {
		if got := ask("b", "k", bad); got.Code != 400 {
			t.Errorf("event %q: %d %s", bad, got.Code, got.Body)
		}
	}
}

func TestRuntimes(t *testing.T) {
	w := newWorld(t)
	w.withRunner()
	var list []runner.Runtime
	w.root("GET", "/api/runtimes", "").into(&list)
	names := map[string]bool{}
	for _, r := range list {
		names[r.Name] = true
		if r.Available == (r.Path == "") || !r.Available && r.Install == "" {
			t.Errorf("%+v", r)
		}
	}
	for _, n := range []string{"nodejs20", "python3.10", "php8.2", "php7.2"} {
		if !names[n] {
			t.Errorf("no %s in %v", n, names)
		}
	}
}

// A slash in a name is part of the name, not of the path.
func TestSlashesInNames(t *testing.T) {
	w := newWorld(t)
	for path, code := range map[string]string{
		"/api/roles/a%2Fb":        "EntityNotExist.Role",
		"/api/users/a%2Fb":        "EntityNotExist.User",
		"/api/users/x%2Fkeys%2Fk": "EntityNotExist.User",
	} {
		w.root("DELETE", path, "").refused(404, code, "/")
	}
}
