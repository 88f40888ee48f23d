package object_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob/dirblob"
	"github.com/alcedo-storage/alcedo/internal/blob/memblob"
	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/pebblekv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/medium"
	"github.com/alcedo-storage/alcedo/internal/object"
	"github.com/alcedo-storage/alcedo/internal/trigger"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// house is everything between an upload and the run that it owes, on a disk whose
// operations can fail.
type house struct {
	disk    *faultyDisk
	kv      *pebblekv.Store
	objects *object.Store
}

// faultyDisk fails the operation number from of a kind, alone or with all that follow,
// while it is armed.
type faultyDisk struct {
	kind    errorfs.OpReadWrite
	from    int64
	forever bool
	dir     string // only what is under it fails
	err     error
	armed   atomic.Bool
	n       atomic.Int64
}

func (f *faultyDisk) String() string { return "faulty disk" }

func (f *faultyDisk) MaybeError(op errorfs.Op) error {
	if !f.armed.Load() || op.Kind.ReadOrWrite() != f.kind || op.Kind == errorfs.OpFilePreallocate || !strings.HasPrefix(op.Path, f.dir) {
		return nil
	}
	if n := f.n.Add(1) - 1; f.from >= 0 && (n == f.from || f.forever && n > f.from) {
		return f.err
	}
	return nil
}

func openHouse(t *testing.T, mem vfs.FS, d *faultyDisk, codeDir string) (*house, *function.Store, *trigger.Store) {
	t.Helper()
	fs := errorfs.Wrap(mem, d)
	kvs, err := pebblekv.Open("/data/kv", pebblekv.Options{FS: fs, Cache: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := dirblob.Open("/data/blob", dirblob.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	fns, err := function.Open(context.Background(), kvs, memblob.New(), function.Options{Dir: codeDir})
	if err != nil {
		t.Fatal(err)
	}
	ts := trigger.Open(kvs, trigger.Options{Region: "cn-hangzhou", Account: "1", Bucket: object.RegionOf})
	journal := history.Open(kvs, history.Options{})
	queue := delivery.Open(kvs, delivery.Options{Triggers: ts, Settings: fns, Journal: journal})
	h := &house{d, kvs, object.Open(kvs, blobs, object.Options{Region: "cn-hangzhou", Sink: queue})}
	journal.Close() // only its Event is used, which writes in the caller's transaction
	return h, fns, ts
}

func newHouse(t *testing.T, mem vfs.FS, d *faultyDisk, codeDir string) *house {
	t.Helper()
	ctx := context.Background()
	h, fns, ts := openHouse(t, mem, d, codeDir)
	if _, err := h.objects.CreateBucket(ctx, event.Origin{}, object.Bucket{Name: "testbucket", Owner: "1"}); err != nil {
		t.Fatal(err)
	}
	var pkg bytes.Buffer
	z := zip.NewWriter(&pkg)
	z.Create("index.js")
	z.Close()
	code, err := fns.AddCode(ctx, &pkg, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fns.Create(ctx, function.Function{Name: "f", Config: function.Config{Runtime: "nodejs20", Handler: "index.handler", Code: code}}); err != nil {
		t.Fatal(err)
	}
	if _, err := ts.Create(ctx, "f", trigger.Trigger{
		Name: "t", Type: "oss", Config: `{"events":["oss:ObjectCreated:*"],"filter":{"key":{"prefix":"run/"}}}`,
		SourceARN: "acs:oss:cn-hangzhou:1:testbucket", InvocationRole: "acs:ram::1:role/r",
	}); err != nil {
		t.Fatal(err)
	}
	return h
}

// step is one operation of the workload, on one key: what it makes of the key's content
// and the event that tells of it.
type step struct {
	name  string
	key   string
	after string // content, or "" for none
	typ   event.Type
	do    func(h *house) error
	err   error
}

func filled(text string, size int) string {
	return strings.Repeat(text+"\n", size/(len(text)+1)+1)[:size]
}

// steps is a small house's day: each kind of write, on keys that owe a run and on others.
func steps() []*step {
	ctx := context.Background()
	put := func(key string, size int, text string) *step {
		c := filled(text, size)
		return &step{name: "put " + text, key: key, after: c, typ: event.PutObject, do: func(h *house) error {
			_, err := h.objects.Put(ctx, event.Origin{}, object.PutInput{Bucket: "testbucket", Key: key, Body: strings.NewReader(c), Size: int64(size), Event: event.PutObject})
			return err
		}}
	}
	addTo := func(key string, at, size int, before string) *step {
		c := filled(fmt.Sprint("append ", at), size)
		return &step{name: fmt.Sprint("append at ", at), key: key, after: before + c, typ: event.AppendObject, do: func(h *house) error {
			_, err := h.objects.Append(ctx, event.Origin{}, object.AppendInput{Bucket: "testbucket", Key: key, Body: strings.NewReader(c), Size: int64(size), Position: int64(at)})
			return err
		}}
	}
	remove := func(key string) *step {
		return &step{name: "delete", key: key, typ: event.DeleteObject, do: func(h *house) error {
			_, err := h.objects.Delete(ctx, event.Origin{}, "testbucket", key)
			return err
		}}
	}
	parts := filled("multipart", object.MinPartSize+100)
	first := addTo("run/log", 0, 700, "")
	return []*step{
		put("run/small", 500, "small"),
		put("run/blob", 50<<10, "blob"),
		put("quiet/over", 900, "before"),
		first,
		put("quiet/gone", 48<<10, "to be deleted"),
		{name: "multipart", key: "run/parts", after: parts, typ: event.CompleteMultipartUpload, do: func(h *house) error {
			u, err := h.objects.InitiateMultipart(ctx, event.Origin{}, object.PutInput{Bucket: "testbucket", Key: "run/parts"})
			if err != nil {
				return err
			}
			var done []object.CompletedPart
			for n, d := range []string{parts[:object.MinPartSize], parts[object.MinPartSize:]} {
				p, err := h.objects.UploadPart(ctx, event.Origin{}, object.PartInput{Bucket: "testbucket", Key: "run/parts", UploadID: u.ID, Number: n + 1, Body: strings.NewReader(d), Size: int64(len(d))})
				if err != nil {
					return err
				}
				done = append(done, object.CompletedPart{Number: n + 1, ETag: p.ETag})
			}
			_, err = h.objects.CompleteMultipart(ctx, event.Origin{}, "testbucket", "run/parts", u.ID, done, false, false)
			return err
		}},
		put("quiet/over", 60<<10, "after"),
		addTo("run/log", 700, 900, first.after),
		remove("quiet/gone"),
		put("run/last", 100<<10, "last"),
	}
}

// get returns a key's content, "" if it is not there.
func (h *house) get(key string) (string, error) {
	rd, err := h.objects.Get(context.Background(), "testbucket", key)
	if fault.Is(err, object.NoSuchKey) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer rd.Close()
	got, err := io.ReadAll(rd.Open())
	return string(got), err
}

// told counts the events of a type and key, and the deliveries that keys are owed.
func (h *house) told() (events map[string]int, owed map[string]int, err error) {
	events, owed = map[string]int{}, map[string]int{}
	err = h.kv.View(context.Background(), func(r kv.Reader) error {
		err := r.Scan(kv.Prefix([]byte("h/e/")), func(_, v []byte) error {
			var e history.Event
			if err := row.Decode(v, &e); err != nil {
				return err
			}
			events[fmt.Sprint(e.Record.Type, " ", e.Record.Key)]++
			return nil
		})
		if err != nil {
			return err
		}
		return r.Scan(kv.Prefix([]byte("d/q/")), func(_, v []byte) error {
			var d delivery.Delivery
			if err := row.Decode(v, &d); err != nil {
				return err
			}
			if bytes.Contains(d.Payload, []byte("MultipartUpload\"")) && !bytes.Contains(d.Payload, []byte("CompleteMultipartUpload")) || bytes.Contains(d.Payload, []byte(`:UploadPart"`)) {
				return nil // of an upload that need not be an object
			}
			owed[d.Key]++
			return nil
		})
	})
	return events, owed, err
}

// verify checks that every step's answer is true: done, with its event and the delivery it
// owes; or not done, with neither; or, where it said that it does not know, one of the two.
func (h *house) verify(t *testing.T, when string, done []*step) {
	t.Helper()
	events, owed, err := h.told()
	if err != nil {
		t.Errorf("%s: %v", when, err)
		return
	}
	may := map[string][]string{} // what each key may hold
	count := map[string][2]int{} // of each key and type: events at least and at most
	runs := map[string][2]int{}
	for _, s := range done {
		if may[s.key] == nil {
			may[s.key] = []string{""}
		}
		what := fmt.Sprint(s.typ, " ", s.key)
		n, m := count[what], runs[s.key]
		owes := strings.HasPrefix(s.key, "run/") && s.typ != event.DeleteObject
		switch {
		case s.err == nil:
			if s.typ != event.DeleteObject || !slices.Contains(may[s.key], "") {
				n[0]++ // to delete what is not there is no event
			}
			may[s.key] = []string{s.after}
			m[0]++
			fallthrough
		case errors.Is(s.err, kv.ErrUndecided):
			if s.err != nil {
				may[s.key] = append(may[s.key], s.after)
			}
			n[1]++
			m[1]++
		}
		count[what] = n
		if owes {
			runs[s.key] = m
		}
	}
	for key, contents := range may {
		got, err := h.get(key)
		if err != nil {
			t.Errorf("%s: %s: %v", when, key, err)
			continue
		}
		if !slices.Contains(contents, got) {
			t.Errorf("%s: %s holds %d bytes, %.30q, that no answer told of", when, key, len(got), got)
		}
		if got != "" && strings.HasPrefix(key, "run/") && owed[key] == 0 {
			t.Errorf("%s: %s is there, and nothing is owed for it", when, key)
		}
		if got == "" && owed[key] > 0 {
			t.Errorf("%s: %s has a delivery and is not there", when, key)
		}
	}
	for what, n := range count {
		if events[what] < n[0] || events[what] > n[1] {
			t.Errorf("%s: %d events %s, want %d to %d", when, events[what], what, n[0], n[1])
		}
	}
	for key, n := range runs {
		if owed[key] < n[0] || owed[key] > n[1] {
			t.Errorf("%s: %s is owed %d runs, want %d to %d", when, key, owed[key], n[0], n[1])
		}
	}
}

func stride(short int64) int64 {
	if os.Getenv("ALCEDO_FAULTS") == "all" {
		return 1
	}
	if n, err := strconv.ParseInt(os.Getenv("ALCEDO_FAULTS"), 10, 64); err == nil {
		return max(1, n)
	}
	return short
}

// The promise, on a disk that fails: every operation of the disk is the first to fail, in
// turn. Every answer is an error or true, reads go on, and when the disk is mended so do
// writes. ALCEDO_FAULTS=all fails each of them, not only some.
func TestFaults(t *testing.T) {
	codeDir := t.TempDir()
	var total int64
	t.Run("none", func(t *testing.T) {
		total = faults(t, &faultyDisk{kind: errorfs.OpIsWrite, from: -1}, codeDir, false)
	})
	for from := int64(0); from < total; from += stride(13) {
		for mode, name := range []string{"once", "until mended", "until closed", "under kv until mended"} {
			err := []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS}[int(from)%3]
			t.Run(fmt.Sprintf("%d %s: %v", from, name, err), func(t *testing.T) {
				t.Parallel()
				d := &faultyDisk{kind: errorfs.OpIsWrite, from: from, forever: mode > 0, err: err}
				if mode == 3 {
					d.dir = "/data/kv" // a blob can then be removed while its row is undecided
				}
				faults(t, d, codeDir, mode == 2)
			})
		}
	}
}

func faults(t *testing.T, d *faultyDisk, codeDir string, closed bool) (operations int64) {
	mem := vfs.NewMem()
	h := newHouse(t, mem, d, codeDir)
	d.armed.Store(true)
	all := steps()
	for i, s := range all {
		if s.err = s.do(h); s.err != nil && fault.KindOf(s.err) != fault.Unavailable && !follows(s, all[:i]) {
			t.Errorf("%s %s: %v, want a fault of the kind unavailable", s.name, s.key, s.err)
		}
	}
	h.verify(t, "while the disk fails", all)
	operations = d.n.Load()
	if closed {
		_ = h.kv.Close()
		d.armed.Store(false)
	} else {
		d.armed.Store(false)
		writesGoOn(t, h)
		if n, err := h.objects.Sweep(context.Background()); err != nil {
			t.Errorf("sweeping blobs that nothing names: %d, %v", n, err)
		}
		h.verify(t, "after the disk was mended", all)
		if err := h.kv.Close(); err != nil {
			t.Error(err)
		}
	}
	h, _, _ = openHouse(t, mem, d, codeDir)
	if _, err := h.objects.Sweep(context.Background()); err != nil {
		t.Error(err)
	}
	h.verify(t, "after reopening", all)
	for _, s := range all { // as a client would
		if s.err != nil && s.name != "delete" && !strings.HasPrefix(s.name, "append") {
			if err := s.do(h); err != nil {
				t.Errorf("%s %s again: %v", s.name, s.key, err)
			}
			s.err = kv.ErrUndecided // its event may be there twice
		}
	}
	if err := h.kv.Close(); err != nil {
		t.Error(err)
	}
	return operations
}

// follows reports whether s may fail because an earlier step on its key did.
func follows(s *step, before []*step) bool {
	for _, b := range before {
		if b.key == s.key && b.err != nil {
			return true
		}
	}
	return false
}

func writesGoOn(t *testing.T, h *house) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := h.objects.SetBucketACL(context.Background(), "testbucket", "private")
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("writes do not go on: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A failed read is told as one, and never as other data.
func TestReadFaults(t *testing.T) {
	codeDir := t.TempDir()
	mem := vfs.NewMem()
	d := &faultyDisk{kind: errorfs.OpIsRead, from: -1, err: syscall.EIO}
	h := newHouse(t, mem, d, codeDir)
	all := steps()
	for _, s := range all {
		if s.err = s.do(h); s.err != nil {
			t.Fatal(s.err)
		}
	}
	if err := h.kv.Close(); err != nil {
		t.Fatal(err)
	}
	told := 0
	for from := int64(0); ; from += stride(3) {
		d.armed.Store(false)
		d.from, d.forever = from, from%2 == 1
		d.n.Store(0)
		h, _, _ := openHouse(t, mem, d, codeDir)
		d.armed.Store(true)
		last := map[string]string{}
		for _, s := range all {
			last[s.key] = s.after
		}
		for key, want := range last {
			got, err := h.get(key)
			if err != nil {
				told++
				if !fault.Is(err, medium.ReadFailed) {
					t.Errorf("read %d: %s: %v, want a fault that says that it could not be read", from, key, err)
				}
			} else if got != want {
				t.Errorf("read %d: %s holds %d bytes, want %d: %.40q… %.40q", from, key, len(got), len(want), got, want)
			}
		}
		failed := d.n.Load() > from
		d.armed.Store(false)
		if err := h.kv.Close(); err != nil {
			t.Fatal(err)
		}
		if !failed || t.Failed() {
			break
		}
	}
	if told == 0 {
		t.Error("no read failed")
	}
}
