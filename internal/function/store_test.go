package function

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob"
	"github.com/alcedo-storage/alcedo/internal/blob/memblob"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
)

type house struct {
	*Store
	kv    kv.Store
	blobs *memblob.Store
	dir   string
	mu    sync.Mutex
	clock time.Time
}

func open(t testing.TB, change ...func(*Options)) *house {
	t.Helper()
	h := &house{kv: memkv.New(), blobs: memblob.New(), dir: t.TempDir(), clock: time.Unix(1_700_000_000, 0)}
	opt := Options{Dir: h.dir, Now: func() time.Time { h.mu.Lock(); defer h.mu.Unlock(); return h.clock }}
	for _, c := range change {
		c(&opt)
	}
	s, err := Open(context.Background(), h.kv, h.blobs, opt)
	if err != nil {
		t.Fatal(err)
	}
	h.Store = s
	return h
}

func (h *house) pass(d time.Duration) { h.mu.Lock(); h.clock = h.clock.Add(d); h.mu.Unlock() }

type entry struct {
	name, body string
	mode       os.FileMode
}

func makeZip(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.mode == 0 {
			e.mode = 0o644
		}
		h.SetMode(e.mode)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (h *house) code(t testing.TB, body string) Code {
	t.Helper()
	c, err := h.AddCode(context.Background(), bytes.NewReader(makeZip(t, entry{name: "index.js", body: body})), "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (h *house) create(t testing.TB, name string) *Function {
	t.Helper()
	f, err := h.Create(context.Background(), Function{Name: name, Config: Config{Runtime: "nodejs20", Handler: "index.handler", Timeout: 3, MemoryMB: 512, Code: h.code(t, name)}})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func wantReason(t *testing.T, err error, reason fault.Reason) {
	t.Helper()
	if !fault.Is(err, reason) {
		t.Fatalf("got error %v, want reason %s", err, reason)
	}
}

func ok[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestFunctionLife(t *testing.T) {
	ctx, h := context.Background(), open(t)
	f := h.create(t, "resize")
	if f.ID == "" || f.ETag == "" || f.Created.IsZero() {
		t.Fatalf("incomplete: %+v", f)
	}
	_, err := h.Create(ctx, Function{Name: "resize", Config: f.Config})
	wantReason(t, err, "FunctionAlreadyExists")
	_, err = h.Get(ctx, "other")
	wantReason(t, err, "FunctionNotFound")

	cfg := f.Config
	cfg.Env = map[string]string{"A": "b"}
	_, err = h.Update(ctx, "resize", "stale", cfg)
	wantReason(t, err, "PreconditionFailed")
	if g := ok[*Function](t)(h.Get(ctx, "resize")); g.ETag != f.ETag || g.Config.Env != nil {
		t.Fatalf("a refused update changed the function: %+v", g)
	}
	h.pass(time.Minute)
	g := ok[*Function](t)(h.Update(ctx, "resize", f.ETag, cfg))
	if g.ETag == f.ETag || !g.Modified.After(f.Modified) || !g.Created.Equal(f.Created) || g.ID != f.ID {
		t.Fatalf("after update: %+v", g)
	}
	cfg.Env["A"] = "changed by the caller"
	if g := ok[*Function](t)(h.Get(ctx, "resize")); g.Config.Env["A"] != "b" {
		t.Fatalf("env %v", g.Config.Env)
	}

	busy := fault.New(fault.Conflict, "FunctionNotEmpty", "function 'resize' has active triggers")
	_, err = h.Delete(ctx, "resize", "", func(kv.Reader, string, string) error { return busy })
	wantReason(t, err, "FunctionNotEmpty")
	ok[*Version](t)(h.PublishVersion(ctx, "resize", "", ""))
	ok[*Alias](t)(h.CreateAlias(ctx, "resize", Alias{Name: "live", Version: "1"}))
	ok[*AsyncConfig](t)(h.PutAsyncConfig(ctx, AsyncConfig{Function: "resize", Qualifier: "live"}))
	if err := h.PutTestEvent(ctx, "resize", TestEvent{"put", `{"a":1}`}); err != nil {
		t.Fatal(err)
	}
	h.create(t, "resize2") // a name that begins alike keeps its rows
	ok[*Version](t)(h.PublishVersion(ctx, "resize2", "", ""))
	was := ok[*Function](t)(h.Delete(ctx, "resize", g.ETag, nil))
	if was.ID != f.ID {
		t.Fatalf("deleted %s, want %s", was.ID, f.ID)
	}
	left := 0
	if err := h.kv.View(ctx, func(r kv.Reader) error {
		return r.Scan(kv.Prefix([]byte("f/")), func(k, _ []byte) error {
			if strings.Contains(string(k), "resize\x00") || strings.HasSuffix(string(k), "resize") {
				left++
				t.Errorf("row %q outlived its function", k)
			}
			return nil
		})
	}); err != nil || left > 0 {
		t.Fatal(err)
	}
	ok[*Function](t)(h.GetQualified(ctx, "resize2", "1"))
	if n := h.create(t, "resize"); n.ID == f.ID {
		t.Fatal("a function made anew has the old id")
	}
}

func TestCheckName(t *testing.T) {
	for name, good := range map[string]bool{"a": true, "_a-9": true, strings.Repeat("x", 64): true,
		"": false, "9a": false, "-a": false, "a b": false, "a/b": false, "é": false, "a\x00b": false, strings.Repeat("x", 65): false} {
		if err := CheckName(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestListPages(t *testing.T) {
	ctx, h := context.Background(), open(t)
	code := h.code(t, "x")
	for i := range 25 {
		for _, p := range []string{"a", "b"} {
			ok[*Function](t)(h.Create(ctx, Function{Name: fmt.Sprintf("%s-%02d", p, i), Config: Config{Code: code}}))
		}
	}
	var got []string
	token := ""
	for pages := 0; ; pages++ {
		fs, next, err := h.List(ctx, Query{Prefix: "b", Token: token, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fs {
			got = append(got, f.Name)
		}
		if token = next; token == "" {
			if pages != 2 {
				t.Errorf("%d pages, want 3", pages+1)
			}
			break
		}
	}
	if len(got) != 25 || got[0] != "b-00" || got[24] != "b-24" {
		t.Fatalf("got %v", got)
	}
	fs, next, err := h.List(ctx, Query{Limit: 25, Prefix: "a"})
	if err != nil || len(fs) != 25 || next != "" {
		t.Fatalf("a full last page: %d, token %q, %v", len(fs), next, err)
	}
	// A token from elsewhere must not lead out of the prefix.
	if fs, _, err = h.List(ctx, Query{Prefix: "b", Token: Token("a-03")}); err != nil || fs[0].Name != "b-00" {
		t.Fatalf("%v %v", fs, err)
	}
	if fs, _, err = h.List(ctx, Query{Prefix: "a", Token: Token("b-03")}); err != nil || len(fs) != 0 {
		t.Fatalf("%v %v", fs, err)
	}
	for _, limit := range []int{-1, 101} {
		_, _, err = h.List(ctx, Query{Limit: limit})
		wantReason(t, err, "InvalidArgument")
	}
	_, _, err = h.List(ctx, Query{Token: "***"})
	wantReason(t, err, "InvalidArgument")
}

func TestVersions(t *testing.T) {
	ctx, h := context.Background(), open(t)
	f := h.create(t, "f")
	v1 := ok[*Version](t)(h.PublishVersion(ctx, "f", "", "first"))
	if again := ok[*Version](t)(h.PublishVersion(ctx, "f", "", "")); again.ID != v1.ID {
		t.Fatalf("publishing twice made version %s", again.ID)
	}
	if other := ok[*Version](t)(h.PublishVersion(ctx, "f", "", "second")); other.ID != "2" {
		t.Fatalf("another description made version %s", other.ID)
	}
	cfg := f.Config
	cfg.Timeout = 60
	ok[*Function](t)(h.Update(ctx, "f", "", cfg))
	v3 := ok[*Version](t)(h.PublishVersion(ctx, "f", "", ""))
	if v3.ID != "3" || v3.Config.Timeout != 60 {
		t.Fatalf("%+v", v3)
	}
	if g := ok[*Function](t)(h.GetQualified(ctx, "f", "1")); g.Config.Timeout != 3 {
		t.Fatalf("version 1 changed: %+v", g.Config)
	}
	ids := func(forward bool) (s string) {
		token := ""
		for {
			vs, next, err := h.ListVersions(ctx, "f", token, 2, forward)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range vs {
				s += v.ID
			}
			if token = next; token == "" {
				return s
			}
		}
	}
	if a, b := ids(false), ids(true); a != "321" || b != "123" {
		t.Fatalf("backward %s forward %s", a, b)
	}

	ok[*Alias](t)(h.CreateAlias(ctx, "f", Alias{Name: "live", Version: "1", Weights: map[string]float64{"3": 0.25}}))
	wantReason(t, h.DeleteVersion(ctx, "f", "1", nil), "VersionInUse")
	wantReason(t, h.DeleteVersion(ctx, "f", "3", nil), "VersionInUse")
	wantReason(t, h.DeleteVersion(ctx, "f", "9", nil), "VersionNotFound")
	wantReason(t, h.DeleteVersion(ctx, "f", "01", nil), "VersionNotFound")
	wantReason(t, h.DeleteVersion(ctx, "f", Latest, nil), "InvalidArgument")
	none := map[string]float64{}
	two := "2"
	ok[*Alias](t)(h.UpdateAlias(ctx, "f", "live", AliasChange{Version: &two, Weights: &none}))
	for _, id := range []string{"1", "3"} {
		if err := h.DeleteVersion(ctx, "f", id, nil); err != nil {
			t.Fatal(err)
		}
	}
	if v := ok[*Version](t)(h.PublishVersion(ctx, "f", "", "")); v.ID != "4" {
		t.Fatalf("number %s was used before", v.ID)
	}
}

func TestAliasRules(t *testing.T) {
	ctx, h := context.Background(), open(t)
	h.create(t, "f")
	ok[*Version](t)(h.PublishVersion(ctx, "f", "", ""))
	ok[*Version](t)(h.PublishVersion(ctx, "f", "", "again"))
	for name, c := range map[string]struct {
		alias  Alias
		reason fault.Reason
	}{
		"no version":      {Alias{Name: "a"}, "InvalidArgument"},
		"unknown version": {Alias{Name: "a", Version: "7"}, "VersionNotFound"},
		"reserved name":   {Alias{Name: "LATEST", Version: "1"}, "InvalidArgument"},
		"digit first":     {Alias{Name: "1a", Version: "1"}, "InvalidArgument"},
		"major again":     {Alias{Name: "a", Version: "1", Weights: map[string]float64{"1": .5}}, "AdditionalVersionContainsMajorVersion"},
		"over 1":          {Alias{Name: "a", Version: "1", Weights: map[string]float64{"2": 1.5}}, "InvalidArgument"},
		"unknown weight":  {Alias{Name: "a", Version: "1", Weights: map[string]float64{"8": .5}}, "VersionNotFound"},
		"description":     {Alias{Name: "a", Version: "1", Description: strings.Repeat("é", 257)}, "InvalidArgument"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.CreateAlias(ctx, "f", c.alias)
			wantReason(t, err, c.reason)
		})
	}
	as, _, err := h.ListAliases(ctx, "f", "", "", 0)
	if err != nil || len(as) != 0 {
		t.Fatalf("refused aliases are there: %v %v", as, err)
	}
	ok[*Alias](t)(h.CreateAlias(ctx, "f", Alias{Name: "a", Version: "1"}))
	_, err = h.CreateAlias(ctx, "f", Alias{Name: "a", Version: "1"})
	wantReason(t, err, "AliasAlreadyExists")
	if err := h.DeleteAlias(ctx, "f", "a", nil); err != nil {
		t.Fatal(err)
	}
	wantReason(t, h.DeleteAlias(ctx, "f", "a", nil), "AliasNotFound")
}

func TestResolve(t *testing.T) {
	ctx, h := context.Background(), open(t)
	f := h.create(t, "f")
	_, _, err := h.Resolve(ctx, "nope", "", 0)
	wantReason(t, err, "FunctionNotFound")
	_, _, err = h.Resolve(ctx, "f", "1", 0)
	wantReason(t, err, "VersionNotFound")
	_, _, err = h.Resolve(ctx, "f", "live", 0)
	wantReason(t, err, "AliasNotFound")

	resolve := func(q string, rnd float64) (*Resolved, Key) {
		t.Helper()
		r, k, err := h.Resolve(ctx, "f", q, rnd)
		if err != nil {
			t.Fatal(err)
		}
		return r, k
	}
	r, k := resolve("", 0)
	if r.Version != Latest || r.Qualifier != Latest || k != (Key{f.ID, Latest, f.ETag}) || r.Config.Timeout != 3 {
		t.Fatalf("%+v %+v", r, k)
	}
	if again, _ := resolve(Latest, 0); again != r {
		t.Error("not from the cache")
	}
	cfg := f.Config
	cfg.Timeout = 9
	ok[*Function](t)(h.Update(ctx, "f", "", cfg))
	r2, k2 := resolve("", 0)
	if r2.Config.Timeout != 9 || k2.ETag == k.ETag || r.Config.Timeout != 3 {
		t.Fatalf("after update: %+v %+v", r2, k2)
	}

	ok[*Version](t)(h.PublishVersion(ctx, "f", "", ""))
	ok[*Version](t)(h.PublishVersion(ctx, "f", "", "b"))
	ok[*Version](t)(h.PublishVersion(ctx, "f", "", "c"))
	ok[*Alias](t)(h.CreateAlias(ctx, "f", Alias{Name: "live", Version: "1", Weights: map[string]float64{"2": .2, "3": .1}}))
	for rnd, want := range map[float64]string{0: "2", .19: "2", .21: "3", .29: "3", .31: "1", .999: "1", 1: "1"} {
		if r, k := resolve("live", rnd); r.Version != want || r.Qualifier != "live" || k != (Key{f.ID, want, ""}) {
			t.Errorf("rnd %v: %+v %+v, want version %s", rnd, r, k, want)
		}
	}
	if _, a := resolve("live", .9); true {
		if _, b := resolve("1", 0); a != b {
			t.Errorf("an alias and its version have different keys: %v %v", a, b)
		}
	}
	none, three := map[string]float64{}, "3"
	ok[*Alias](t)(h.UpdateAlias(ctx, "f", "live", AliasChange{Version: &three, Weights: &none}))
	if r, _ := resolve("live", 0); r.Version != "3" {
		t.Errorf("after the alias moved: %+v", r)
	}
	if err := h.SetDisabled(ctx, "f", "broken"); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := h.SetReserved(ctx, "f", &n); err != nil {
		t.Fatal(err)
	}
	if r, k := resolve("", 0); r.Disabled != "broken" || r.Reserved == nil || *r.Reserved != 0 || k != k2 {
		t.Errorf("disabled: %+v %v", r, k)
	}
	ok[*Function](t)(h.Delete(ctx, "f", "", nil))
	_, _, err = h.Resolve(ctx, "f", "live", 0)
	wantReason(t, err, "FunctionNotFound")
}

// An acknowledged change is seen by every Resolve that starts after it, whatever loads
// are under way.
func TestResolveNeverStale(t *testing.T) {
	ctx, h := context.Background(), open(t)
	f := h.create(t, "f")
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _, _ = h.Resolve(ctx, "f", "", 0)
				}
			}
		})
	}
	for i := range 100 {
		cfg := f.Config
		cfg.Timeout = i + 10
		ok[*Function](t)(h.Update(ctx, "f", "", cfg))
		if r, _, err := h.Resolve(ctx, "f", "", 0); err != nil || r.Config.Timeout != i+10 {
			t.Fatalf("update %d: %v %v", i, r, err)
		}
	}
	close(stop)
	wg.Wait()
}

func TestAsyncConfig(t *testing.T) {
	ctx, h := context.Background(), open(t)
	h.create(t, "f")
	num := func(n int) *int { return &n }
	for _, c := range []AsyncConfig{{Retries: num(9)}, {Retries: num(-1)}, {MaxAgeSeconds: num(0)}, {MaxAgeSeconds: num(604801)}} {
		c.Function = "f"
		_, err := h.PutAsyncConfig(ctx, c)
		wantReason(t, err, "InvalidArgument")
	}
	refuse := func(kv.Reader) error { return fault.New(fault.Unsupported, "NotImplemented", "no.") }
	_, err := h.PutAsyncConfig(ctx, AsyncConfig{Function: "f", OnFailure: "acs:mns:cn-hangzhou:1:/queues/q/messages"}, refuse)
	wantReason(t, err, "NotImplemented")
	_, err = h.PutAsyncConfig(ctx, AsyncConfig{Function: "f", Qualifier: "nope"})
	wantReason(t, err, "AliasNotFound")
	_, err = h.GetAsyncConfig(ctx, "f", "")
	wantReason(t, err, "AsyncConfigNotExists")
	if c := ok[*AsyncConfig](t)(h.AsyncConfigFor(ctx, "f", "")); c.MaxRetries() != 3 || c.MaxAge() != 24*time.Hour {
		t.Fatalf("defaults: %+v", c)
	}
	ok[*AsyncConfig](t)(h.PutAsyncConfig(ctx, AsyncConfig{Function: "f", Retries: num(0), MaxAgeSeconds: num(60)}))
	if c := ok[*AsyncConfig](t)(h.AsyncConfigFor(ctx, "f", Latest)); c.MaxRetries() != 0 || c.MaxAge() != time.Minute {
		t.Fatalf("%+v", c)
	}
	cs, token, err := h.ListAsyncConfigs(ctx, "f", "", 0)
	if err != nil || len(cs) != 1 || token != "" {
		t.Fatalf("%v %q %v", cs, token, err)
	}
	if err := h.DeleteAsyncConfig(ctx, "f", ""); err != nil {
		t.Fatal(err)
	}
	wantReason(t, h.DeleteAsyncConfig(ctx, "f", ""), "AsyncConfigNotExists")
}

func TestCodeIsSharedAndCollected(t *testing.T) {
	ctx, h := context.Background(), open(t)
	blobs := func() (n int) {
		_ = h.blobs.List(ctx, func(blob.Entry) error { n++; return nil })
		return n
	}
	exists := func(id string) bool { _, err := os.Stat(filepath.Join(h.dir, id)); return err == nil }
	collect := func() int { t.Helper(); return ok[int](t)(h.Collect(ctx)) }

	one, two := h.code(t, "one"), h.code(t, "two")
	if h.code(t, "one") != one || blobs() != 2 {
		t.Fatalf("equal packages do not share: %d blobs", blobs())
	}
	a := ok[*Function](t)(h.Create(ctx, Function{Name: "a", Config: Config{Code: one}}))
	ok[*Function](t)(h.Create(ctx, Function{Name: "b", Config: Config{Code: one}}))
	h.pass(2 * time.Hour)
	if n := collect(); n != 1 || blobs() != 1 || exists(two.ID) || !exists(one.ID) {
		t.Fatalf("collected %d, %d blobs left", n, blobs())
	}
	_, err := h.Create(ctx, Function{Name: "c", Config: Config{Code: two}})
	wantReason(t, err, "CodeNotFound")

	// A version keeps its package when LATEST gets another.
	ok[*Version](t)(h.PublishVersion(ctx, "a", "", ""))
	cfg := a.Config
	cfg.Code = h.code(t, "two")
	ok[*Function](t)(h.Update(ctx, "a", "", cfg))
	ok[*Function](t)(h.Delete(ctx, "b", "", nil))
	h.pass(2 * time.Hour)
	if n := collect(); n != 0 || !exists(one.ID) {
		t.Fatalf("collected %d that are in use", n)
	}
	if err := h.DeleteVersion(ctx, "a", "1", nil); err != nil {
		t.Fatal(err)
	}
	if n := collect(); n != 0 {
		t.Fatal("collected without grace")
	}
	h.pass(2 * time.Hour)
	if n := collect(); n != 1 || exists(one.ID) || blobs() != 1 {
		t.Fatalf("collected %d, %d blobs", n, blobs())
	}

	// The directory is only a cache.
	r, _, err := h.Resolve(ctx, "a", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(h.dir, cfg.Code.ID)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			dir, err := h.CodeDir(ctx, r)
			if b, e := os.ReadFile(filepath.Join(dir, "index.js")); err != nil || e != nil || string(b) != "two" {
				t.Errorf("%s: %q %v %v", dir, b, err, e)
			}
		})
	}
	wg.Wait()
}

// A collector that runs all the time, with no grace at all, never takes the code of a
// function that exists. Whose package it took before Create named it is told so.
func TestCollectRaces(t *testing.T) {
	ctx := context.Background()
	h := open(t, func(o *Options) { o.Now, o.Grace = time.Now, time.Nanosecond })
	stop := make(chan struct{})
	var collector, writers sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				ok[int](t)(h.Collect(ctx))
			}
		}
	})
	zips := make([][]byte, 3)
	for i := range zips {
		zips[i] = makeZip(t, entry{name: "index.js", body: fmt.Sprint(i)})
	}
	var made atomic.Int64
	for w := range 4 {
		writers.Go(func() {
			name := fmt.Sprint("f", w)
			for i := range 40 {
				which := (i + w) % len(zips)
				code, err := h.AddCode(ctx, bytes.NewReader(zips[which]), "")
				if err != nil {
					t.Error(err)
					return
				}
				_, err = h.Create(ctx, Function{Name: name, Config: Config{Code: code}})
				if fault.Is(err, "CodeNotFound") {
					continue
				} else if err != nil {
					t.Error(err)
					return
				}
				made.Add(1)
				dir, err := h.CodePath(ctx, code)
				b, readErr := os.ReadFile(filepath.Join(dir, "index.js"))
				if err != nil || readErr != nil || string(b) != fmt.Sprint(which) {
					t.Errorf("code of a living function: %q %v %v", b, err, readErr)
				}
				if _, err := h.Delete(ctx, name, "", nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	collector.Wait()
	if made.Load() == 0 {
		t.Error("the collector let nothing live")
	}
	h.Store.opt.Now = func() time.Time { return time.Now().Add(time.Second) } // past the rounding of times
	ok[int](t)(h.Collect(ctx))
	_ = h.blobs.List(ctx, func(e blob.Entry) error { t.Errorf("blob %s is left", e.ID); return nil })
}

func TestCodeSpooledAndBounded(t *testing.T) {
	ctx, h := context.Background(), open(t, func(o *Options) { o.MaxZip = 4096 })
	z := makeZip(t, entry{name: "index.js", body: "x"})
	c := ok[Code](t)(h.AddCode(ctx, struct{ *bytes.Buffer }{bytes.NewBuffer(z)}, "")) // not a *bytes.Reader: spooled
	if d := ok[Code](t)(h.AddCode(ctx, bytes.NewReader(z), c.Checksum)); d != c {
		t.Fatalf("%+v %+v", c, d)
	}
	_, err := h.AddCode(ctx, bytes.NewReader(z), "123")
	wantReason(t, err, "InvalidArgument")
	_, err = h.AddCode(ctx, struct{ *bytes.Buffer }{bytes.NewBuffer(make([]byte, 5000))}, "")
	wantReason(t, err, "EntityTooLarge")
	if left, _ := filepath.Glob(filepath.Join(h.dir, "tmp-*")); len(left) > 0 {
		t.Fatalf("left behind: %v", left)
	}
	f := ok[blob.File](t)(h.OpenCode(ctx, c))
	defer f.Close()
	got := make([]byte, f.Size())
	if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, z) {
		t.Fatalf("the zip kept is not the zip given: %v", err)
	}
}

// fullDisk is a blob store whose commits fail.
type fullDisk struct{ blob.Store }

type fullWriter struct{ blob.Writer }

func (d fullDisk) Create(ctx context.Context) (blob.Writer, error) {
	w, err := d.Store.Create(ctx)
	return fullWriter{w}, err
}

func (w fullWriter) Commit() (string, error) {
	w.Abort()
	return "", fmt.Errorf("write: %w", syscall.ENOSPC)
}

func TestCodeOnFullDisk(t *testing.T) {
	ctx, h := context.Background(), open(t)
	z := makeZip(t, entry{name: "index.js", body: "x"})
	h.Store.blobs = fullDisk{h.blobs}
	_, err := h.AddCode(ctx, bytes.NewReader(z), "")
	wantReason(t, err, "InsufficientStorage")
	h.Store.blobs = h.blobs
	c := ok[Code](t)(h.AddCode(ctx, bytes.NewReader(z), "")) // whatever the failure left does not matter
	ok[*Function](t)(h.Create(ctx, Function{Name: "f", Config: Config{Code: c}}))
	r, _, err := h.Resolve(ctx, "f", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(ok[string](t)(h.CodeDir(ctx, r)), "index.js")); string(b) != "x" {
		t.Fatalf("%q %v", b, err)
	}
}

// What a crash may leave in the directory goes away.
func TestStraysAreRemoved(t *testing.T) {
	ctx, h := context.Background(), open(t)
	h.create(t, "f")
	for _, n := range []string{"tmp-123", strings.Repeat("a", 64)} {
		if err := os.MkdirAll(filepath.Join(h.dir, n, "sub"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := ok[*Store](t)(Open(ctx, h.kv, h.blobs, Options{Dir: h.dir, Now: func() time.Time { return time.Now().Add(2 * time.Hour) }}))
	r, _, err := s.Resolve(ctx, "f", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	ok[int](t)(s.Collect(ctx))
	if left, _ := os.ReadDir(h.dir); len(left) != 1 || left[0].Name() != r.Config.Code.ID {
		t.Fatalf("left %v", left)
	}
}

func TestTestEvents(t *testing.T) {
	ctx, h := context.Background(), open(t)
	h.create(t, "f")
	wantReason(t, h.PutTestEvent(ctx, "g", TestEvent{"a", `{}`}), "FunctionNotFound")
	wantReason(t, h.PutTestEvent(ctx, "f", TestEvent{"a", `{`}), "InvalidArgument")
	for _, n := range []string{"b", "a", "a"} {
		if err := h.PutTestEvent(ctx, "f", TestEvent{n, `{"n":1}`}); err != nil {
			t.Fatal(err)
		}
	}
	if es := ok[[]*TestEvent](t)(h.ListTestEvents(ctx, "f")); len(es) != 2 || es[0].Name != "a" {
		t.Fatalf("%v", es)
	}
	if err := h.DeleteTestEvent(ctx, "f", "a"); err != nil {
		t.Fatal(err)
	}
	if es := ok[[]*TestEvent](t)(h.ListTestEvents(ctx, "f")); len(es) != 1 {
		t.Fatalf("%v", es)
	}
}

func FuzzParseToken(f *testing.F) {
	for _, s := range []string{"", Token("resize"), "MTIzNCNhYmM=", "1#x", "!!!!", strings.Repeat("A", 2000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		name, err := ParseToken(token)
		if err == nil && Token(name) != token {
			t.Fatalf("%q means %q, whose token is %q", token, name, Token(name))
		}
		if err != nil && !fault.Is(err, "InvalidArgument") {
			t.Fatal(err)
		}
	})
}

func BenchmarkResolve(b *testing.B) {
	ctx, h := context.Background(), open(b)
	h.create(b, "f")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := h.Resolve(ctx, "f", "", 0.5); err != nil {
				b.Fatal(err)
			}
		}
	})
}
