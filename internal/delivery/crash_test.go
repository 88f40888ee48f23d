package delivery_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

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
	"github.com/alcedo-storage/alcedo/internal/object"
	"github.com/alcedo-storage/alcedo/internal/trigger"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// house is everything between an upload and the run that it owes, on a disk that can
// lose its power.
type house struct {
	kv      *pebblekv.Store
	blobs   *dirblob.Store
	objects *object.Store
}

func openHouse(fs vfs.FS, codeDir string) (*house, *function.Store, *trigger.Store, error) {
	kvs, err := pebblekv.Open("/data/kv", pebblekv.Options{FS: fs})
	if err != nil {
		return nil, nil, nil, err
	}
	blobs, err := dirblob.Open("/data/blob", dirblob.Options{FS: fs})
	if err != nil {
		return nil, nil, nil, err
	}
	fns, err := function.Open(context.Background(), kvs, memblob.New(), function.Options{Dir: codeDir})
	if err != nil {
		return nil, nil, nil, err
	}
	ts := trigger.Open(kvs, trigger.Options{Region: "cn-hangzhou", Account: "1", Bucket: object.RegionOf})
	journal := history.Open(kvs, history.Options{})
	queue := delivery.Open(kvs, delivery.Options{Triggers: ts, Settings: fns, Journal: journal})
	h := &house{kvs, blobs, object.Open(kvs, blobs, object.Options{Region: "cn-hangzhou", Sink: queue})}
	journal.Close() // only its Event is used, which writes in the caller's transaction
	return h, fns, ts, nil
}

// The promise: after a power cut at any moment, whatever part of the unsynced data the
// disk kept, every acknowledged object is whole and has its event and the delivery that
// it owes; there is no delivery and no event without its object; no multipart upload is
// half an object. Objects are never overwritten here, so a key tells its content.
//
// ALCEDO_CUTS sets how often the power is cut; `make torture` does it 100,000 times.
func TestPowerCuts(t *testing.T) {
	cuts := 100
	if n, err := strconv.Atoi(os.Getenv("ALCEDO_CUTS")); err == nil {
		cuts = n
	}
	seed := rand.Uint64()
	if n, err := strconv.ParseUint(os.Getenv("ALCEDO_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("ALCEDO_SEED=%d ALCEDO_CUTS=%d", seed, cuts)
	codeDir := t.TempDir()
	var lost, kept int
	for round := range cuts {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		a, b := powerCut(t, rng, codeDir)
		kept, lost = kept+a, lost+b
		if t.Failed() {
			t.Fatalf("round %d of ALCEDO_SEED=%d", round, seed)
		}
	}
	t.Logf("%d acknowledged objects, %d lost", kept, lost)
}

func powerCut(t *testing.T, rng *rand.Rand, codeDir string) (acked, lost int) {
	ctx := context.Background()
	fs := vfs.NewCrashableMem()
	if err := fs.MkdirAll("/data", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{"/", "/data"} {
		f, err := fs.OpenDir(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	h, fns, ts, err := openHouse(fs, codeDir)
	if err != nil {
		t.Fatal(err)
	}
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

	// Three writers until the power goes, at a time that a fourth goroutine chooses by the
	// number of acknowledgements.
	var mu sync.Mutex
	done := map[string]bool{}
	after := 1 + rng.IntN(25)
	var disk *vfs.MemFS
	var before map[string]bool
	seeds := [3]uint64{rng.Uint64(), rng.Uint64(), rng.Uint64()}
	percent, cutSeed := rng.IntN(101), rng.Uint64()
	cut := make(chan struct{})
	ack := func(key string) bool {
		mu.Lock()
		defer mu.Unlock()
		if disk != nil {
			return false
		}
		done[key] = true
		if len(done) == after {
			before = map[string]bool{}
			for k := range done {
				before[k] = true
			}
			disk = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(cutSeed, 0))})
			close(cut)
			return false
		}
		return true
	}
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seeds[w], 0))
			for i := 0; ; i++ {
				select {
				case <-cut:
					return
				default:
				}
				key := fmt.Sprintf("%s/%d-%d", []string{"run", "quiet"}[rng.IntN(2)], w, i)
				if err := h.write(ctx, rng, key); err != nil {
					t.Errorf("%s: %v", key, err)
					return
				}
				if !ack(key) {
					return
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return 0, 0
	}
	if err := h.kv.Close(); err != nil {
		t.Fatal(err)
	}

	h, _, _, err = openHouse(disk, codeDir)
	if err != nil {
		t.Fatalf("open after the cut: %v", err)
	}
	defer h.kv.Close()
	return len(before), h.check(t, before)
}

// content is what a key's object must hold: its size and bytes follow from the key.
func content(key string, size int) []byte {
	return bytes.Repeat([]byte(key+"\n"), size/(len(key)+1)+1)[:size]
}

func (h *house) write(ctx context.Context, rng *rand.Rand, key string) error {
	put := func(size int) error {
		_, err := h.objects.Put(ctx, event.Origin{}, object.PutInput{Bucket: "testbucket", Key: key, Body: bytes.NewReader(content(key, size)), Size: int64(size), Event: event.PutObject})
		return err
	}
	switch rng.IntN(4) {
	case 0:
		return put(rng.IntN(1000))
	case 1:
		return put(40<<10 + rng.IntN(1000)) // a blob
	case 2:
		const size = object.MinPartSize + 100
		data := content(key, size)
		u, err := h.objects.InitiateMultipart(ctx, event.Origin{}, object.PutInput{Bucket: "testbucket", Key: key})
		if err != nil {
			return err
		}
		var parts []object.CompletedPart
		for n, d := range [][]byte{data[:object.MinPartSize], data[object.MinPartSize:]} {
			p, err := h.objects.UploadPart(ctx, event.Origin{}, object.PartInput{Bucket: "testbucket", Key: key, UploadID: u.ID, Number: n + 1, Body: bytes.NewReader(d), Size: int64(len(d))})
			if err != nil {
				return err
			}
			parts = append(parts, object.CompletedPart{Number: n + 1, ETag: p.ETag})
		}
		_, err = h.objects.CompleteMultipart(ctx, event.Origin{}, "testbucket", key, u.ID, parts, false, false)
		return err
	default:
		_, err := h.objects.Append(ctx, event.Origin{}, object.AppendInput{Bucket: "testbucket", Key: key, Body: bytes.NewReader(content(key, 500)), Size: 500})
		return err
	}
}

func (h *house) check(t *testing.T, acked map[string]bool) (lost int) {
	ctx := context.Background()
	events, owed := map[string]int{}, map[string]int{}
	err := h.kv.View(ctx, func(r kv.Reader) error {
		err := r.Scan(kv.Prefix([]byte("h/e/")), func(_, v []byte) error {
			var e history.Event
			if err := row.Decode(v, &e); err != nil {
				return err
			}
			switch e.Record.Type {
			case event.PutObject, event.CompleteMultipartUpload, event.AppendObject:
				events[e.Record.Key]++
			}
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
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	l, err := h.objects.List(ctx, "testbucket", object.ListInput{Max: 1000})
	if err != nil && !fault.Is(err, object.NoSuchBucket) {
		t.Fatal(err)
	}
	for _, o := range l.Objects {
		there[o.Key] = true
		rd, err := h.objects.Get(ctx, "testbucket", o.Key)
		if err != nil {
			t.Errorf("%s: %v", o.Key, err)
			continue
		}
		got, err := io.ReadAll(rd.Open())
		rd.Close()
		if err != nil || !bytes.Equal(got, content(o.Key, int(o.Size))) {
			t.Errorf("%s is not whole: %d of %d bytes, %v", o.Key, len(got), o.Size, err)
		}
		want := 0
		if strings.HasPrefix(o.Key, "run/") {
			want = 1
		}
		if events[o.Key] != 1 || owed[o.Key] != want {
			t.Errorf("%s has %d events and %d deliveries, want 1 and %d", o.Key, events[o.Key], owed[o.Key], want)
		}
	}
	for k := range acked {
		if !there[k] {
			lost++
			t.Errorf("%s was acknowledged and is lost", k)
		}
	}
	for k := range events {
		if !there[k] {
			t.Errorf("%s has an event and is not there", k)
		}
	}
	for k := range owed {
		if !there[k] {
			t.Errorf("%s has a delivery and is not there", k)
		}
	}
	return lost
}
