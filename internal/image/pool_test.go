package image_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/image"
)

func newPool(t testing.TB, o image.Options) *image.Pool {
	p := image.New(o)
	t.Cleanup(func() { p.Close() })
	return p
}

func parse(t testing.TB, s string) *image.Process {
	t.Helper()
	p, err := image.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// gate is a source that gives its first bytes, says so, and the rest when it is let.
type gate struct {
	data    []byte
	at      int
	half    chan struct{} // closed when the first half has been taken
	open    chan struct{} // close it to let the rest through
	opens   atomic.Int32
	readErr error
}

func newGate(data []byte) *gate {
	return &gate{data: data, half: make(chan struct{}), open: make(chan struct{})}
}

func (g *gate) source() image.Source {
	return image.Source{Size: int64(len(g.data)), Open: func() (io.ReadCloser, error) { g.opens.Add(1); return io.NopCloser(g), nil }}
}

func (g *gate) Read(b []byte) (int, error) {
	end := len(g.data) / 2
	if g.at >= end {
		if g.at == end {
			close(g.half)
			<-g.open
			if g.readErr != nil {
				return 0, g.readErr
			}
		}
		end = len(g.data)
	}
	n := copy(b, g.data[g.at:end])
	if g.at += n; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func await(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

type outcome struct {
	r   *image.Result
	err error
}

func start(p *image.Pool, ctx context.Context, key string, proc *image.Process, src image.Source) <-chan outcome {
	c := make(chan outcome, 1)
	go func() {
		r, err := p.Run(ctx, key, proc, src)
		c <- outcome{r, err}
	}()
	return c
}

func TestKilledWorkerIsReplaced(t *testing.T) {
	p := newPool(t, image.Options{Workers: 1, Logger: slog.New(slog.DiscardHandler)})
	if _, err := p.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	pid, gone := p.IdlePIDs()[0], p.IdleExited()
	jpg, proc := encode(photo(500, 500), "jpg"), parse(t, "image/resize,w_50")
	g := newGate(jpg)
	c := start(p, t.Context(), "", proc, g.source())
	<-g.half
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-gone
	close(g.open)
	o := <-c
	e := wantFault(t, o.err, "InternalError", "")
	if e.Kind != fault.Internal || !strings.Contains(e.Error(), "worker") || e.Hint == "" {
		t.Errorf("unclear: %v", e)
	}
	if _, err := p.Run(t.Context(), "", proc, source(jpg)); err != nil {
		t.Fatalf("after a killed worker: %v", err)
	}
	if now := p.IdlePIDs(); len(now) != 1 || now[0] == pid {
		t.Errorf("workers are %v, the killed one was %d", now, pid)
	}
	// One that dies while idle goes unnoticed by the next job.
	dead := p.IdleExited()
	syscall.Kill(p.IdlePIDs()[0], syscall.SIGKILL)
	<-dead
	if _, err := p.Run(t.Context(), "", proc, source(jpg)); err != nil {
		t.Fatalf("after a worker that died idle: %v", err)
	}
}

func TestTimeoutEndsTheJob(t *testing.T) {
	p := newPool(t, image.Options{Workers: 1, Timeout: 150 * time.Millisecond})
	src := encode(photo(200, 200), "png")
	_, err := p.Run(t.Context(), "", parse(t, "image/resize,w_3000,limit_0/format,avif"), source(src))
	if e := wantFault(t, err, "InternalError", ""); !strings.Contains(e.Message, "within 150ms") {
		t.Errorf("unclear: %v", e)
	}
	if _, err := p.Run(t.Context(), "", parse(t, "image/resize,w_20"), source(encode(photo(40, 40), "jpg"))); err != nil {
		t.Fatalf("after a timeout: %v", err)
	}
}

func TestMemoryIsCapped(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector itself needs more memory than the cap; run without -race")
	}
	p := newPool(t, image.Options{Workers: 1, MemoryLimit: 200 << 20, Logger: slog.New(slog.DiscardHandler)})
	src := pngFlat(15000, 15000) // 225 MB of pixels that flip needs at once, beside the rest
	_, err := p.Run(t.Context(), "", parse(t, "image/flip,v_1"), source(src))
	if k := fault.KindOf(err); err == nil || k != fault.TooLarge && k != fault.Internal {
		t.Fatalf("got %v", err)
	}
	t.Log(err)
	if _, err := p.Run(t.Context(), "", parse(t, "image/resize,w_20"), source(src)); err != nil {
		t.Fatalf("a job that needs little memory: %v", err)
	}
}

func TestMissingLibraryIsExplained(t *testing.T) {
	exe, _ := os.Executable()
	for _, plain := range []bool{false, true} {
		p := newPool(t, image.Options{Command: []string{exe, "image-worker-without-libvips"}, NoSandbox: plain})
		_, err := p.Check(t.Context())
		e := wantFault(t, err, "ServiceUnavailable", "")
		if e.Kind != fault.Unavailable || !strings.Contains(e.Hint, "libvips42") {
			t.Errorf("unclear: %v", e)
		}
		if _, err = p.Run(t.Context(), "", parse(t, "image/info"), source(encode(photo(9, 9), "png"))); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("Run: %v", err)
		}
	}
}

func TestWorkerThatCannotStart(t *testing.T) {
	exe, _ := os.Executable()
	for _, command := range [][]string{{exe, "image-worker-that-dies"}, {"/nonexistent/alcedo", "image-worker"}} {
		p := newPool(t, image.Options{Command: command, Logger: slog.New(slog.DiscardHandler)})
		if _, err := p.Check(t.Context()); fault.KindOf(err) != fault.Internal || !strings.Contains(err.Error(), "could not be started") {
			t.Errorf("%v: %v", command, err)
		}
	}
}

// TestSandbox fails where bubblewrap is installed and yet not used, for then workers run
// less guarded than they could be. It is the log that tells.
func TestSandbox(t *testing.T) {
	var log bytes.Buffer
	p := newPool(t, image.Options{Workers: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if _, err := p.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, missing := exec.LookPath("bwrap")
	works := missing == nil && exec.Command("bwrap", "--unshare-all", "--ro-bind", "/", "/", "true").Run() == nil
	if works != p.Sandboxed() {
		t.Errorf("bubblewrap works: %v; used: %v; log: %s", works, p.Sandboxed(), &log)
	}
	if p.Sandboxed() == strings.Contains(log.String(), "without a sandbox") {
		t.Errorf("sandboxed: %v, log: %s", p.Sandboxed(), &log)
	}
	plain := newPool(t, image.Options{Workers: 1, NoSandbox: true})
	if _, err := plain.Run(t.Context(), "", parse(t, "image/resize,w_5"), source(encode(photo(9, 9), "png"))); err != nil {
		t.Errorf("without a sandbox: %v", err)
	}
}

func TestSameJobsAreSharedAndQueueIsBounded(t *testing.T) {
	p := newPool(t, image.Options{Workers: 1, Queue: 2})
	jpg, proc := encode(photo(300, 300), "jpg"), parse(t, "image/resize,w_50")
	g := newGate(jpg)
	first := start(p, t.Context(), "etag", proc, g.source())
	<-g.half
	second := start(p, t.Context(), "etag", proc, g.source())
	await(t, "sharing", func() bool { return p.Waiters() == 2 })
	// The same source with another process is another job, and so is one without a key.
	ctx, leave := context.WithCancel(t.Context())
	other := start(p, t.Context(), "etag", parse(t, "image/resize,w_51"), source(jpg))
	left := newGate(jpg)
	abandoned := start(p, ctx, "", proc, left.source())
	await(t, "queueing", func() bool { return p.Waiting() == 2 })
	_, err := p.Run(t.Context(), "", proc, source(jpg))
	if e := wantFault(t, err, "ServiceUnavailable", "0004-00000801"); e.Kind != fault.Throttled {
		t.Errorf("kind %v", e.Kind)
	}
	leave()
	if o := <-abandoned; !errors.Is(o.err, context.Canceled) {
		t.Errorf("abandoned job: %v", o.err)
	}
	await(t, "leaving the queue", func() bool { return p.Waiting() == 1 })
	close(g.open)
	a, b, c := <-first, <-second, <-other
	if a.err != nil || b.err != nil || c.err != nil {
		t.Fatal(a.err, b.err, c.err)
	}
	if a.r != b.r || c.r == a.r || c.r.Width != 51 || g.opens.Load() != 1 || left.opens.Load() != 0 {
		t.Errorf("not shared as meant: opened %d and %d times", g.opens.Load(), left.opens.Load())
	}
}

func TestSourceErrors(t *testing.T) {
	p := newPool(t, image.Options{Workers: 1})
	jpg, proc := encode(photo(500, 500), "jpg"), parse(t, "image/resize,w_50")
	broken := errors.New("the disk is on fire")
	_, err := p.Run(t.Context(), "", proc, image.Source{Size: 99, Open: func() (io.ReadCloser, error) { return nil, broken }})
	if !errors.Is(err, broken) {
		t.Errorf("Open's error became %v", err)
	}
	g := newGate(jpg)
	g.readErr = broken
	close(g.open)
	if _, err = p.Run(t.Context(), "", proc, g.source()); !errors.Is(err, broken) {
		t.Errorf("Read's error became %v", err)
	}
	for _, size := range []int{len(jpg) + 1, 40} {
		short := source(jpg[:min(size-1, len(jpg))])
		short.Size = int64(size)
		if _, err = p.Run(t.Context(), "", proc, short); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a source that ends early: %v", err)
		}
	}
	large := source(jpg)
	large.Size = image.DefaultMaxSource + 1
	_, err = p.Run(t.Context(), "", proc, large)
	wantFault(t, err, "ImageTooLarge", "0040-00000001")
	if _, err := p.Run(t.Context(), "", proc, source(jpg)); err != nil {
		t.Errorf("after broken sources: %v", err)
	}
}

func TestIdleWorkersEnd(t *testing.T) {
	p := newPool(t, image.Options{Workers: 1, Idle: 10 * time.Millisecond})
	if _, err := p.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, "the end of an idle worker", func() bool { return len(p.IdlePIDs()) == 0 })
	if _, err := p.Check(t.Context()); err != nil {
		t.Errorf("after reaping: %v", err)
	}
}

func TestCloseDrains(t *testing.T) {
	p := image.New(image.Options{Workers: 1})
	jpg, proc := encode(photo(300, 300), "jpg"), parse(t, "image/resize,w_50")
	g := newGate(jpg)
	running := start(p, t.Context(), "", proc, g.source())
	<-g.half
	queued := start(p, t.Context(), "", proc, source(jpg))
	await(t, "queueing", func() bool { return p.Waiting() == 1 })
	closed := make(chan struct{})
	go func() { p.Close(); close(closed) }()
	if o := <-queued; fault.KindOf(o.err) != fault.Unavailable {
		t.Errorf("queued job at Close: %v", o.err)
	}
	close(g.open)
	if o := <-running; o.err != nil {
		t.Errorf("running job at Close: %v", o.err)
	}
	<-closed
	if _, err := p.Run(t.Context(), "", proc, source(jpg)); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("after Close: %v", err)
	}
	if _, err := p.Check(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("Check after Close: %v", err)
	}
}

// bench runs a process on a source from as many callers as there are workers.
func bench(b *testing.B, process string, src []byte, workers int) {
	p := newPool(b, image.Options{Workers: workers})
	proc := parse(b, process)
	if _, err := p.Run(b.Context(), "", proc, source(src)); err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(1)
	b.ReportAllocs()
	b.ResetTimer()
	sem := make(chan struct{}, workers)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			sem <- struct{}{}
			if _, err := p.Run(context.Background(), "", proc, source(src)); err != nil {
				b.Error(err)
			}
			<-sem
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "img/s")
}

func BenchmarkPool(b *testing.B) {
	large := encode(photo(2725, 2225), "jpg")
	b.Logf("a JPEG of %d bytes, %.2f bits a pixel", len(large), 8*float64(len(large))/2725/2225)
	for _, c := range []struct {
		name, process string
		workers       int
	}{
		{"jpeg-128-fixed/1", "image/resize,m_fixed,w_128,h_128", 1},
		{"jpeg-128-fixed/2", "image/resize,m_fixed,w_128,h_128", 2},
		{"jpeg-720/1", "image/resize,w_720", 1},
		{"jpeg-720-webp/1", "image/resize,w_720/format,webp", 1},
		{"info/1", "image/info", 1},
	} {
		b.Run(c.name, func(b *testing.B) { bench(b, c.process, large, c.workers) })
	}
	b.Run("png-1024-to-256/1", func(b *testing.B) { bench(b, "image/resize,w_256", encode(photo(1024, 1024), "png"), 1) })
	b.Run("jpeg-64-to-32/1", func(b *testing.B) { bench(b, "image/resize,w_32", encode(photo(64, 64), "jpg"), 1) })
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := image.Parse("image/resize,m_fixed,w_128,h_128|sys/saveas,o_cHJvY2Vzc2VkL2EuanBn,b_dGVzdGJ1Y2tldA=="); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWorkerStart(b *testing.B) {
	for name, plain := range map[string]bool{"sandboxed": false, "plain": true} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				p := image.New(image.Options{Workers: 1, NoSandbox: plain})
				if _, err := p.Check(context.Background()); err != nil {
					b.Fatal(err)
				}
				p.Close()
			}
		})
	}
}
