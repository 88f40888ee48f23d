// Command fill makes a data directory large: functions, objects with their events, runs
// and dead letters, with names that are the same every time. It writes through the rooms
// of a server that is stopped, since a million requests over the wire take an hour; what
// it leaves is what a server would have written. Used by make fill and by the browser's
// measurements.
package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob/dirblob"
	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/kv/pebblekv"
	"github.com/alcedo-storage/alcedo/internal/medium"
	"github.com/alcedo-storage/alcedo/internal/object"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/alcedo-storage/alcedo/internal/server"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

const region = "cn-hangzhou"

// atOnce is how many changes wait for the disk together.
const atOnce = 256

type sizes struct{ functions, objects, runs, dead int }

func main() {
	dir := flag.String("data", "./alcedo-large", "the `directory` to fill; no server may be using it")
	var n sizes
	flag.IntVar(&n.functions, "functions", 10_000, "functions")
	flag.IntVar(&n.objects, "objects", 1_000_000, "objects, each with its event")
	flag.IntVar(&n.runs, "runs", 20_000, "runs with logs")
	flag.IntVar(&n.dead, "dead", 1_000, "dead letters")
	account := flag.String("account", "", "16-digit account id of a new directory")
	flag.Parse()
	if err := fill(context.Background(), *dir, *account, n); err != nil {
		fmt.Fprintln(os.Stderr, "fill:", err)
		os.Exit(1)
	}
}

func fill(ctx context.Context, dir, account string, n sizes) error {
	begun := time.Now()
	a, err := prepared(ctx, dir, account)
	if err != nil {
		return err
	}
	w, err := open(ctx, dir, a)
	if err != nil {
		return err
	}
	err = errors.Join(w.functions(ctx, n.functions), w.buckets(ctx))
	if err == nil {
		err = w.objectsOf(ctx, n.objects)
	}
	if err == nil {
		err = w.deadLetters(ctx, n.dead)
	}
	if err == nil {
		err = w.runs(ctx, n.runs, n.functions)
	}
	w.history.Close()
	if err = errors.Join(err, w.kv.Close()); err != nil {
		return err
	}
	fmt.Printf("%s is filled in %s; alcedo serve --data %s\n", dir, time.Since(begun).Round(time.Second), dir)
	return nil
}

// prepared has a server make what a directory has from its first start on.
func prepared(ctx context.Context, dir, account string) (*server.Account, error) {
	if a, err := server.ReadAccount(dir); !errors.Is(err, fs.ErrNotExist) {
		return a, err
	}
	s, err := server.Open(ctx, server.Options{
		Data: dir, OSS: "127.0.0.1:0", FC: "127.0.0.1:0", Console: "127.0.0.1:0", Region: region, Account: account,
		Sandbox: runner.SandboxProcess, RuntimeDir: os.Getenv("ALCEDO_RUNTIME_DIR"), MaxDepth: 16, Version: "fill", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	s.Close(ctx)
	return server.ReadAccount(dir)
}

type world struct {
	account  string
	kv       *pebblekv.Store
	fns      *function.Store
	triggers *trigger.Store
	objects  *object.Store
	history  *history.Store
	role     string
}

func open(ctx context.Context, dir string, a *server.Account) (*world, error) {
	at := func(name string) string { return filepath.Join(dir, name) }
	disk := medium.New(medium.Options{Dir: dir, Logger: slog.Default()})
	w := &world{account: a.ID}
	var err error
	if w.kv, err = pebblekv.Open(at("kv"), pebblekv.Options{Medium: disk, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		return nil, err
	}
	blobs, err := dirblob.Open(at("blob"), dirblob.Options{Medium: disk})
	if err != nil {
		return nil, err
	}
	packages, err := dirblob.Open(at("package"), dirblob.Options{Medium: disk})
	if err != nil {
		return nil, err
	}
	ids, err := identity.Open(ctx, w.kv, identity.Options{Account: a.ID, RootKeyID: "LTAIfill", RootKeySecret: "none", Secret: a.Secret})
	if err != nil {
		return nil, err
	}
	w.role = ids.RoleARN(identity.NotificationRole)
	if w.fns, err = function.Open(ctx, w.kv, packages, function.Options{Dir: at("code")}); err != nil {
		return nil, err
	}
	w.history = history.Open(w.kv, history.Options{})
	w.triggers = trigger.Open(w.kv, trigger.Options{Region: region, Account: a.ID, Roles: ids, Bucket: object.RegionOf, Writes: w.history.Writes})
	// The queue is never started: nothing runs.
	queue := delivery.Open(w.kv, delivery.Options{Triggers: w.triggers, Settings: w.fns, Journal: w.history})
	w.objects = object.Open(w.kv, blobs, object.Options{Region: region, Sink: queue})
	return w, nil
}

func (w *world) origin(i int) event.Origin {
	return event.Origin{RequestID: fmt.Sprintf("%024X", i+1), PrincipalID: w.account, SourceIP: "127.0.0.1"}
}

// handlers are what the functions' packages hold.
func handlers() (*bytes.Reader, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("index.js")
	if err != nil {
		return nil, err
	}
	if _, err := f.Write([]byte("exports.handler = async (event) => JSON.parse(event.toString());\n")); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return bytes.NewReader(b.Bytes()), nil
}

func functionName(i int) string {
	kinds := []string{"resize", "thumbnail", "index", "scan", "transcode", "notify", "archive", "label"}
	return fmt.Sprintf("%s-%05d", kinds[i%len(kinds)], i)
}

func (w *world) functions(ctx context.Context, n int) error {
	z, err := handlers()
	if err != nil {
		return err
	}
	code, err := w.fns.AddCode(ctx, z, "")
	if err != nil {
		return err
	}
	return each("functions", n, atOnce, func(i int) error {
		_, err := w.fns.Create(ctx, function.Function{Name: functionName(i), Config: function.Config{
			Runtime: "nodejs20", Handler: "index.handler", Description: fmt.Sprintf("filled, number %d", i), MemoryMB: 128 << (i % 4), CPU: 0.35, DiskMB: 512, Timeout: 60, Concurrency: 1, Code: code,
		}})
		return known(err)
	})
}

// known passes over what is there from an earlier filling.
func known(err error) error {
	if err != nil && strings.Contains(err.Error(), "exist") {
		return nil
	}
	return err
}

const (
	large    = "fill-large"
	deadPlan = "fill-dead"
)

func (w *world) buckets(ctx context.Context) error {
	for i := range 50 {
		if _, err := w.objects.CreateBucket(ctx, w.origin(i), object.Bucket{Name: fmt.Sprintf("fill-empty-%02d", i), Owner: w.account}); err != nil {
			return err
		}
	}
	for _, b := range []string{large, deadPlan} {
		if _, err := w.objects.CreateBucket(ctx, w.origin(0), object.Bucket{Name: b, Owner: w.account}); err != nil {
			return err
		}
	}
	// What a paused trigger matches is a dead letter at once.
	t := trigger.Trigger{
		Name: "paused", Type: "oss", Config: `{"events":["oss:ObjectCreated:PutObject"],"filter":{"key":{"prefix":"in/","suffix":""}}}`,
		SourceARN: "acs:oss:" + region + ":" + w.account + ":" + deadPlan, InvocationRole: w.role,
	}
	if _, err := w.triggers.Create(ctx, functionName(0), t); known(err) != nil {
		return err
	}
	return w.triggers.Pause(ctx, functionName(0), "paused", trigger.Manual, "make fill wanted dead letters")
}

// key is of the i-th object: a fifth lie flat in one folder, the others in folders of a
// thousand.
func key(i int) string {
	if i%5 == 4 {
		return fmt.Sprintf("flat/%07d.jpg", i)
	}
	return fmt.Sprintf("photos/%04d/%07d.jpg", i/1250, i)
}

func (w *world) put(ctx context.Context, bucket, key string, i int) error {
	body := fmt.Sprintf("object %d of %s\n", i, bucket)
	_, err := w.objects.Put(ctx, w.origin(i), object.PutInput{
		Bucket: bucket, Key: key, Body: strings.NewReader(body), Size: int64(len(body)), Event: event.PutObject, Meta: event.Meta{ContentType: "text/plain"},
	})
	return err
}

func (w *world) objectsOf(ctx context.Context, n int) error {
	return each("objects", n, atOnce, func(i int) error { return w.put(ctx, large, key(i), i) })
}

func (w *world) deadLetters(ctx context.Context, n int) error {
	return each("dead letters", n, atOnce, func(i int) error { return w.put(ctx, deadPlan, fmt.Sprintf("in/%05d.jpg", i), i) })
}

// runs are spread over the last day, most of them of the first functions; one in twenty
// failed.
func (w *world) runs(ctx context.Context, n, functions int) error {
	if functions == 0 {
		return nil
	}
	now := time.Now()
	return each("runs", n, 1, func(i int) error {
		start := now.Add(-time.Duration(i) * 24 * time.Hour / time.Duration(n))
		r := &run.Record{
			RequestID: fmt.Sprintf("1-%08x-%024x", start.Unix(), i), Function: functionName((i * i) % min(functions, 50)), Version: "LATEST", Kind: run.Async, Attempt: 1,
			Start: start, Elapsed: 40 * time.Millisecond, Duration: time.Duration(20+i%100) * time.Millisecond, MemoryMB: 40 + i%60, Log: fmt.Appendf(nil, "start %d\nthe picture has %d pixels\ndone\n", i, i*7),
		}
		if i%20 == 0 {
			r.ErrorType, r.Payload = runner.ErrorUnhandled, []byte(`{"errorMessage":"the picture is damaged","errorType":"Error"}`)
		}
		w.history.Record(r)
		if i%2000 == 1999 || i == n-1 {
			return w.written(ctx, r.RequestID)
		}
		return nil
	})
}

// written waits until a run is kept: the history takes runs faster than it writes them,
// and drops what it cannot hold.
func (w *world) written(ctx context.Context, requestID string) error {
	for {
		changed := w.history.Changed()
		runs, err := w.history.Attempts(ctx, requestID)
		if err != nil || len(runs) > 0 {
			return err
		}
		if w.history.Dropped() > 0 {
			return errors.New("the history could not keep up")
		}
		<-changed
	}
}

// each calls f for 0 to n-1, some at once, and shows how far it is.
func each(what string, n, atOnce int, f func(int) error) error {
	var next, done atomic.Int64
	var failed atomic.Pointer[error]
	var workers sync.WaitGroup
	begun := time.Now()
	over := make(chan struct{})
	var told sync.WaitGroup
	told.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			last := false
			select {
			case <-tick.C:
			case <-over:
				last = true
			}
			d := int(done.Load())
			const width = 40
			bar := width
			if n > 0 {
				bar = d * width / n
			}
			fmt.Printf("\r%-12s [%s%s] %d of %d, %.0f/s ", what, strings.Repeat("=", bar), strings.Repeat(" ", width-bar), d, n, float64(d)/time.Since(begun).Seconds())
			if last {
				fmt.Println()
				return
			}
		}
	})
	for range min(atOnce, max(1, n)) {
		workers.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1) - 1)
				if i >= n {
					return
				}
				if err := f(i); err != nil {
					err = fmt.Errorf("%s %d: %w", what, i, err)
					failed.CompareAndSwap(nil, &err)
					return
				}
				done.Add(1)
			}
		})
	}
	workers.Wait()
	close(over)
	told.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}
