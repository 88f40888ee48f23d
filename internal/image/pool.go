package image

import (
	"context"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/image/wire"
)

// Options of a [Pool]. The zero value is ready for use by cmd/alcedo.
type Options struct {
	Workers     int           // processes at once; 0 is GOMAXPROCS
	Queue       int           // jobs that may wait for a worker; 0 is 64 per worker
	MaxSource   int64         // bytes of a source image; 0 is DefaultMaxSource
	MemoryLimit int64         // bytes one worker may use; 0 is 2 GiB
	Timeout     time.Duration // of one job on its worker; 0 is 30 s
	Idle        time.Duration // after which an idle worker is ended; 0 is 60 s
	Command     []string      // of a worker; empty is this binary with "image-worker"
	NoSandbox   bool          // run workers without bubblewrap even where it is there
	Logger      *slog.Logger  // nil is slog.Default
}

// Source is an image to process.
type Source struct {
	Size int64 // bytes that Open's reader gives
	// Open is called at most once, and not after Close of the pool returned. It may be
	// called after the Run it was passed to has returned, when that Run's context ended
	// first, and must not depend on that context.
	Open func() (io.ReadCloser, error)
}

// Result is a processed image. Concurrent calls may share one Result: it is read-only.
type Result struct {
	Data          []byte
	ContentType   string
	Width, Height int
	Format        string // as in the info action; "json" for what is no image
}

// Pool runs processes in worker processes. Workers are started when there is work for
// them, and ended when there has been none for a while.
type Pool struct {
	o       Options
	spawner *spawner
	slots   chan struct{} // one token per worker at work
	running sync.WaitGroup
	stop    context.Context // ends when Close is called
	cancel  context.CancelFunc

	mu      sync.Mutex
	closed  bool
	waiting int
	idle    []*process // most recently used last
	flights map[string]*flight
	reaper  *time.Timer
}

// New makes a pool. It starts no process yet and checks nothing; see [Pool.Check].
func New(o Options) *Pool {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Queue <= 0 {
		o.Queue = 64 * o.Workers
	}
	if o.MaxSource <= 0 {
		o.MaxSource = DefaultMaxSource
	}
	if o.MemoryLimit <= 0 {
		o.MemoryLimit = 2 << 30
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Idle <= 0 {
		o.Idle = time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if len(o.Command) == 0 {
		if exe, err := os.Executable(); err == nil {
			o.Command = []string{exe, "image-worker"}
		}
	}
	p := &Pool{o: o, slots: make(chan struct{}, o.Workers), flights: make(map[string]*flight)}
	p.spawner = newSpawner(o)
	p.stop, p.cancel = context.WithCancel(context.Background())
	p.reaper = time.AfterFunc(o.Idle, p.reap)
	p.reaper.Stop()
	return p
}

// flight is one job and everyone who waits for it.
type flight struct {
	waiters int
	cancel  context.CancelFunc // abandons the job while it is queued
	done    chan struct{}
	result  *Result
	err     error
}

// Run makes the result of proc for src. Calls at the same time with the same non-empty
// key and the same proc share one job, so key must name the source's exact content (an
// ETag with the bucket and key, say).
//
// Faults: OSS's own for what is wrong with the image; Throttled when the queue is full;
// Unavailable when libvips is missing or the pool closes; Internal when the worker died,
// as a hostile image can make it, or took longer than Options.Timeout. When ctx ends, Run
// returns its error at once; a job that nobody waits for any more is dropped if it has
// not begun.
func (p *Pool) Run(ctx context.Context, key string, proc *Process, src Source) (*Result, error) {
	switch {
	case len(proc.Actions) == 0:
		return nil, fault.New(fault.Internal, "InternalError", "The process has no actions; its style has not been resolved.")
	case src.Size > p.o.MaxSource:
		return nil, tooLarge("0040-00000001", "The source image has %d bytes; at most %d can be processed.", src.Size, p.o.MaxSource)
	case src.Size < 12:
		return nil, NotAnImage("The object is too short to be an image.")
	}
	f, err := p.join(key, proc, src)
	if err != nil {
		return nil, err
	}
	select {
	case <-f.done:
		return f.result, f.err
	case <-ctx.Done():
		p.mu.Lock()
		if f.waiters--; f.waiters == 0 {
			f.cancel()
		}
		p.mu.Unlock()
		return nil, ctx.Err()
	}
}

// join returns the flight for a job, starting one if there is none.
func (p *Pool) join(key string, proc *Process, src Source) (*flight, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed()
	}
	id := key + "\x00" + proc.String()
	// A flight that its last waiter has just left is on its way out: don't board it.
	if f := p.flights[id]; key != "" && f != nil && f.waiters > 0 {
		f.waiters++
		return f, nil
	}
	select {
	case p.slots <- struct{}{}: // begins at once
	default:
		if p.waiting >= p.o.Queue {
			return nil, fault.New(fault.Throttled, "ServiceUnavailable", "Too many images are being processed.").WithHint("Retry after a moment.").With("EC", "0004-00000801")
		}
		p.waiting++
		return p.fly(id, key != "", proc, src, true), nil
	}
	return p.fly(id, key != "", proc, src, false), nil
}

// fly starts the goroutine of a flight, which owns a slot or else a place in the queue.
// p.mu is held.
func (p *Pool) fly(id string, shared bool, proc *Process, src Source, queued bool) *flight {
	ctx, cancel := context.WithCancel(p.stop)
	f := &flight{waiters: 1, cancel: cancel, done: make(chan struct{})}
	if shared {
		p.flights[id] = f
	}
	p.running.Go(func() {
		defer cancel()
		f.result, f.err = p.queueAndRun(ctx, proc, src, queued)
		p.mu.Lock()
		if p.flights[id] == f {
			delete(p.flights, id)
		}
		p.mu.Unlock()
		close(f.done)
	})
	return f
}

func (p *Pool) queueAndRun(ctx context.Context, proc *Process, src Source, queued bool) (*Result, error) {
	if queued {
		var err error
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			if err = ctx.Err(); p.stop.Err() != nil {
				err = errClosed()
			}
		}
		p.mu.Lock()
		p.waiting--
		p.mu.Unlock()
		if err != nil {
			return nil, err
		}
	}
	defer func() { <-p.slots }()
	return p.run(proc, src)
}

// run does a job on a worker; a slot is held.
func (p *Pool) run(proc *Process, src Source) (*Result, error) {
	r, err := src.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	// Looked at here, so that what is no image costs no worker.
	head := make([]byte, min(src.Size, SniffLen))
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, sourceFault(err)
	}
	if Sniff(head) == "" {
		return nil, NotAnImage("Supported are JPG, PNG, BMP, GIF, WebP, TIFF, HEIC and AVIF.")
	}
	w, err := p.worker()
	if err != nil {
		return nil, err
	}
	res, err, usable := w.run(proc, head, r, src.Size)
	if usable {
		p.release(w)
	} else {
		w.kill()
	}
	return res, err
}

func sourceFault(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fault.New(fault.Internal, "InternalError", "The source image ended before its stated size.").Because(err)
	}
	return err
}

func errClosed() error {
	return fault.New(fault.Unavailable, "ServiceUnavailable", "The server is shutting down.").WithHint("Retry in a moment.")
}

// worker takes an idle worker or starts one.
func (p *Pool) worker() (*process, error) {
	p.mu.Lock()
	for len(p.idle) > 0 {
		w := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		if w.alive() {
			p.mu.Unlock()
			return w, nil
		}
	}
	p.mu.Unlock()
	return p.spawner.start()
}

// release makes a worker idle.
func (p *Pool) release(w *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		w.end()
		return
	}
	w.idleSince = time.Now()
	p.idle = append(p.idle, w)
	if len(p.idle) == 1 {
		p.reaper.Reset(p.o.Idle)
	}
}

// reap ends workers that have been idle for long enough.
func (p *Pool) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(p.idle) && time.Since(p.idle[n].idleSince) >= p.o.Idle {
		p.idle[n].end()
		n++
	}
	p.idle = append(p.idle[:0], p.idle[n:]...)
	if len(p.idle) > 0 {
		p.reaper.Reset(max(p.o.Idle-time.Since(p.idle[0].idleSince), time.Millisecond))
	}
}

// Check starts a worker, if none is idle, and returns libvips' version: it tells at
// start what would otherwise be found by the first image. The worker stays for the next
// job.
func (p *Pool) Check(ctx context.Context) (version string, err error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return "", errClosed()
	}
	p.running.Add(1)
	p.mu.Unlock()
	defer p.running.Done()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return "", ctx.Err()
	case <-p.stop.Done():
		return "", errClosed()
	}
	w, err := p.worker()
	if err != nil {
		return "", err
	}
	p.release(w)
	return w.version, nil
}

// Close refuses new jobs and queued ones, waits for those on a worker and ends all
// workers. It takes no longer than Options.Timeout and a little.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	p.running.Wait()
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.reaper.Stop()
	p.mu.Unlock()
	for _, w := range idle {
		w.end()
	}
	for _, w := range idle {
		<-w.exited
	}
	p.spawner.close()
	return nil
}

// result checks what a worker said before anybody believes it.
func result(d wire.Done, data []byte) (*Result, error) {
	t := Format(d.Format).ContentType()
	if t == "" || d.Width < 0 || d.Height < 0 {
		return nil, fault.New(fault.Internal, "InternalError", "The image worker gave a result that makes no sense.")
	}
	return &Result{Data: data, ContentType: t, Width: d.Width, Height: d.Height, Format: d.Format}, nil
}
