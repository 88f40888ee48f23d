package delivery_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob"
	"github.com/alcedo-storage/alcedo/internal/blob/dirblob"
	"github.com/alcedo-storage/alcedo/internal/blob/memblob"
	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
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
// lose its power. Only the functions themselves are not there.
type house struct {
	kv        *pebblekv.Store
	blobs     *dirblob.Store
	objects   *object.Store
	functions *function.Store
	triggers  *trigger.Store
	queue     *delivery.Queue
	history   *history.Store
}

type houseOptions struct {
	fs      vfs.FS
	codeDir string // of this house alone
	invoker delivery.Invoker
	now     func() time.Time // nil: the clock
}

func openHouse(o houseOptions) (*house, error) {
	kvs, err := pebblekv.Open("/data/kv", pebblekv.Options{FS: o.fs, Cache: 64 << 20})
	if err != nil {
		return nil, err
	}
	blobs, err := dirblob.Open("/data/blob", dirblob.Options{FS: o.fs})
	if err != nil {
		return nil, errors.Join(err, kvs.Close())
	}
	h := &house{kv: kvs, blobs: blobs}
	if h.functions, err = function.Open(context.Background(), kvs, memblob.New(), function.Options{Dir: o.codeDir}); err != nil {
		return nil, errors.Join(err, kvs.Close())
	}
	h.triggers = trigger.Open(kvs, trigger.Options{Region: "cn-hangzhou", Account: "1", Bucket: object.RegionOf, Now: o.now})
	h.history = history.Open(kvs, history.Options{Now: o.now})
	h.queue = delivery.Open(kvs, delivery.Options{Triggers: h.triggers, Settings: h.functions, Journal: h.history, Invoker: o.invoker, Now: o.now})
	h.objects = object.Open(kvs, blobs, object.Options{Region: "cn-hangzhou", Sink: h.queue, Guard: h.triggers.CheckBucketFree, Now: o.now})
	return h, nil
}

func (h *house) close() error {
	h.history.Close()
	return errors.Join(h.kv.Close(), h.blobs.Close())
}

// newDisk is a disk with an empty, synced directory for a house.
func newDisk() (*vfs.MemFS, error) {
	fs := vfs.NewCrashableMem()
	if err := fs.MkdirAll("/data", 0o700); err != nil {
		return nil, err
	}
	for _, d := range []string{"/", "/data"} {
		f, err := fs.OpenDir(d)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return nil, err
		}
	}
	return fs, nil
}

// addFunction makes a function whose asynchronous runs are tried again so many times.
func (h *house) addFunction(name string, retries int) error {
	ctx := context.Background()
	var pkg bytes.Buffer // what is in it does not matter here
	z := zip.NewWriter(&pkg)
	if _, err := z.Create("index.js"); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	code, err := h.functions.AddCode(ctx, &pkg, "")
	if err != nil {
		return err
	}
	if _, err := h.functions.Create(ctx, function.Function{Name: name, Config: function.Config{Runtime: "nodejs20", Handler: "index.handler", Code: code}}); err != nil {
		return err
	}
	_, err = h.functions.PutAsyncConfig(ctx, function.AsyncConfig{Function: name, Retries: &retries})
	return err
}

func nativeTrigger(name, bucket, prefix, suffix string, types ...event.Type) trigger.Trigger {
	var events []string
	for _, t := range types {
		events = append(events, "oss:"+string(t))
	}
	return trigger.Trigger{
		Name: name, Type: trigger.TypeOSS, Config: nativeConfig(prefix, suffix, events),
		SourceARN: "acs:oss:cn-hangzhou:1:" + bucket, InvocationRole: "acs:ram::1:role/r",
	}
}

func nativeConfig(prefix, suffix string, events []string) string {
	names, _ := json.Marshal(events)
	return fmt.Sprintf(`{"events":%s,"filter":{"key":{"prefix":%q,"suffix":%q}}}`, names, prefix, suffix)
}

// eventBridgeTrigger is a rule for keys with a suffix; more are further settings, as JSON.
func eventBridgeTrigger(name, bucket, suffix, more string, types ...event.Type) trigger.Trigger {
	var names []string
	for _, t := range types {
		names = append(names, "oss:"+string(t))
	}
	list, _ := json.Marshal(names)
	pattern, _ := json.Marshal(fmt.Sprintf(`{"source":["acs.oss"],"type":%s,"data":{"oss":{"bucket":{"name":[%q]},"object":{"key":[{"suffix":%q}]}}}}`, list, bucket, suffix))
	return trigger.Trigger{Name: name, Type: trigger.TypeEventBridge, Config: fmt.Sprintf(`{"eventRuleFilterPattern":%s%s}`, pattern, more)}
}

// bytesOf is a pool of random bytes: slices of it tell themselves apart and cost nothing.
var bytesOf = func() string {
	b := make([]byte, 1<<20)
	rng := rand.New(rand.NewChaCha8([32]byte{1}))
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return string(b)
}()

// someBytes returns size random bytes, other ones for every seed.
func someBytes(seed uint64, size int) string {
	at := int(seed % uint64(len(bytesOf)-size))
	return bytesOf[at : at+size]
}

// said is one event as a line, for comparison.
func said(t event.Type, bucket, key string, size, delta int) string {
	return fmt.Sprintf("%s %s/%s %d %+d", t, bucket, key, size, delta)
}

// kept is one stored event.
type kept struct {
	seq  string // of the commit
	line string
	history.Event
}

// events returns the stored events in the order of their commits, those of one commit by
// their lines.
func (h *house) events() (all []kept, err error) {
	const table = "h/e/"
	err = h.kv.View(context.Background(), func(r kv.Reader) error {
		return r.Scan(kv.Prefix([]byte(table)), func(k, v []byte) error {
			e := kept{seq: string(k[len(table) : len(table)+8])}
			if err := row.Decode(v, &e.Event); err != nil {
				return err
			}
			rec := &e.Record
			e.line = said(rec.Type, rec.Bucket, rec.Key, int(rec.Size), int(rec.Delta))
			all = append(all, e)
			return nil
		})
	})
	slices.SortFunc(all, func(a, b kept) int { return cmp.Or(strings.Compare(a.seq, b.seq), strings.Compare(a.line, b.line)) })
	return all, err
}

// queued returns the deliveries that wait.
func (h *house) queued() (all []delivery.Delivery, err error) {
	err = scan(h.kv, "d/q/", func(_ string, d *delivery.Delivery) { all = append(all, *d) })
	return all, err
}

// dead returns the deliveries that were given up.
func (h *house) dead() (all []delivery.Dead, err error) {
	err = scan(h.kv, "d/x/", func(_ string, d *delivery.Dead) { all = append(all, *d) })
	return all, err
}

func scan[T any](s kv.Store, table string, fn func(key string, v *T)) error {
	return s.View(context.Background(), func(r kv.Reader) error {
		return r.Scan(kv.Prefix([]byte(table)), func(k, v []byte) error {
			x := new(T)
			if err := row.Decode(v, x); err != nil {
				return fmt.Errorf("%q: %w", k, err)
			}
			fn(string(k[len(table):]), x)
			return nil
		})
	})
}

// names returns the keys of a table.
func (h *house) names(table string) (all []string, err error) {
	err = h.kv.View(context.Background(), func(r kv.Reader) error {
		return r.Scan(kv.Prefix([]byte(table)), func(k, _ []byte) error {
			all = append(all, string(k[len(table):]))
			return nil
		})
	})
	return all, err
}

func (h *house) blobIDs() (ids []string, err error) {
	err = h.blobs.List(context.Background(), func(e blob.Entry) error { ids = append(ids, e.ID); return nil })
	slices.Sort(ids)
	return ids, err
}

// read returns an object's data.
func (h *house) read(bucket, key string) (string, error) {
	rd, err := h.objects.Get(context.Background(), bucket, key)
	if err != nil {
		return "", err
	}
	defer rd.Close()
	var b strings.Builder
	_, err = io.Copy(&b, rd.Open())
	return b.String(), err
}

// short names data in a message.
func short(s string) string {
	if len(s) > 24 {
		return fmt.Sprintf("%d bytes %x…", len(s), s[:8])
	}
	return fmt.Sprintf("%d bytes %x", len(s), s)
}

func (h *house) createBucket(name string) error {
	_, err := h.objects.CreateBucket(context.Background(), event.Origin{}, object.Bucket{Name: name, Owner: "1"})
	return err
}
