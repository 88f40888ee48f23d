package image

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/image/wire"
)

// startTimeout is how long a worker may take to load libvips, which takes some 50 ms
// with a warm disk cache.
const startTimeout = 20 * time.Second

// process is one worker process as the pool sees it. Only one goroutine uses it at once.
type process struct {
	cmd       *exec.Cmd
	in, out   *os.File
	stderr    *tail
	exited    chan struct{}
	status    error // of the exit; valid once exited is closed
	version   string
	timeout   time.Duration
	log       *slog.Logger
	idleSince time.Time
}

func (w *process) alive() bool {
	select {
	case <-w.exited:
		return false
	default:
		return true
	}
}

// end lets the worker finish: it exits when its input ends.
func (w *process) end() { w.in.Close() }

// kill ends the worker now and waits until it is gone.
func (w *process) kill() {
	killAll(w.cmd)
	w.in.Close()
	<-w.exited
	w.out.Close()
}

// run sends one image and reads the result. usable tells whether the worker can take
// another job.
func (w *process) run(proc *Process, head []byte, rest io.Reader, size int64) (res *Result, err error, usable bool) {
	var late atomic.Bool
	timer := time.AfterFunc(w.timeout, func() {
		late.Store(true)
		killAll(w.cmd)
	})
	defer timer.Stop()
	var done wire.Done
	var data []byte
	source := &sourceReader{r: io.LimitReader(rest, size-int64(len(head)))}
	err = func() error {
		if err := wire.WriteHeader(w.in, wire.Job{Process: proc.String()}, size); err != nil {
			return err
		}
		buf := copyBuffers.Get().(*[]byte)
		defer copyBuffers.Put(buf)
		// The bare interface makes io.CopyBuffer use the large buffer.
		n, err := io.CopyBuffer(struct{ io.Writer }{w.in}, io.MultiReader(bytes.NewReader(head), source), *buf)
		if err != nil {
			return err
		}
		if n != size {
			source.err = io.ErrUnexpectedEOF
			return source.err
		}
		payload, err := wire.ReadHeader(w.out, &done, MaxOutput)
		if err != nil {
			return err
		}
		data = make([]byte, payload)
		_, err = io.ReadFull(w.out, data)
		return err
	}()
	switch {
	case err == nil && timer.Stop():
		if done.Fault != nil {
			return nil, done.Fault.Error(), true
		}
		res, err = result(done, data)
		return res, err, err == nil
	case late.Load():
		return nil, fault.New(fault.Internal, "InternalError", "The image was not processed within %v.", w.timeout).WithHint("Use a smaller image or fewer actions."), false
	case source.err != nil: // not the worker's fault, but it waits for bytes that will not come
		return nil, sourceFault(source.err), false
	}
	return nil, w.died(err), false
}

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

// sourceReader remembers an error of the source, to tell it from one of the worker.
type sourceReader struct {
	r   io.Reader
	err error
}

func (s *sourceReader) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// died makes the fault for a worker that stopped answering.
func (w *process) died(cause error) error {
	killAll(w.cmd)
	<-w.exited
	if w.status != nil {
		cause = fmt.Errorf("%w; worker: %w", cause, w.status)
	}
	if s := w.stderr.String(); s != "" {
		cause = fmt.Errorf("%w; it wrote: %s", cause, s)
	}
	w.log.Warn("image worker died during a job", "error", cause)
	return fault.New(fault.Internal, "InternalError", "The image worker ended before it had a result.").
		WithHint("The image may be damaged, or need more memory than a worker may have.").Because(cause)
}

// spawner starts workers. It does so from one thread that lives as long as the pool:
// the kernel ties "die with the parent" to the thread that forked, and Go may end others.
type spawner struct {
	o        Options
	requests chan func()
	once     sync.Once

	noSandbox atomic.Bool // after it proved not to work
}

func newSpawner(o Options) *spawner { return &spawner{o: o, requests: make(chan func())} }

func (s *spawner) close() {
	s.once.Do(func() {}) // never started: then there is nobody to stop
	close(s.requests)
}

func (s *spawner) loop() {
	runtime.LockOSThread()
	for f := range s.requests {
		f()
	}
}

// start starts a worker and waits until it is ready.
func (s *spawner) start() (*process, error) {
	s.once.Do(func() { go s.loop() })
	sandbox := ""
	if !s.o.NoSandbox && !s.noSandbox.Load() {
		sandbox, _ = exec.LookPath("bwrap")
		if sandbox == "" && !s.noSandbox.Swap(true) {
			s.o.Logger.Warn("image workers run without a sandbox: bubblewrap is not installed", "install", "apt install bubblewrap")
		}
	}
	w, err := s.launch(sandbox)
	if err == nil || sandbox == "" || fault.KindOf(err) == fault.Unavailable {
		return w, err
	}
	// The worker never spoke. Is it the sandbox's doing, as where user namespaces are
	// forbidden? Then it works without.
	w, plain := s.launch("")
	if plain != nil {
		return nil, plain
	}
	if !s.noSandbox.Swap(true) {
		s.o.Logger.Warn("image workers run without a sandbox: bubblewrap does not work here", "error", fault.As(err).Err)
	}
	return w, nil
}

// launch starts a worker, under bubblewrap when sandbox is its path.
func (s *spawner) launch(sandbox string) (*process, error) {
	if len(s.o.Command) == 0 {
		return nil, startFault(errors.New("the path of this program is unknown"))
	}
	w := &process{stderr: &tail{}, exited: make(chan struct{}), timeout: s.o.Timeout, log: s.o.Logger}
	argv := s.o.Command
	if sandbox != "" {
		argv = sandboxed(sandbox, argv)
	}
	childIn, in, err := os.Pipe()
	if err != nil {
		return nil, startFault(err)
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		childIn.Close()
		in.Close()
		return nil, startFault(err)
	}
	widen(in)
	widen(out)
	w.in, w.out = in, out
	w.cmd = exec.Command(argv[0], argv[1:]...)
	w.cmd.Stdin, w.cmd.Stdout, w.cmd.Stderr = childIn, childOut, w.stderr
	w.cmd.Env = workerEnv
	w.cmd.Dir = "/"
	// The worker holds stderr only until it dies; anything it left behind must not.
	w.cmd.WaitDelay = time.Second
	isolate(w.cmd)
	started := make(chan error)
	s.requests <- func() { started <- w.cmd.Start() }
	err = <-started
	childIn.Close()
	childOut.Close()
	if err != nil {
		in.Close()
		out.Close()
		return nil, startFault(err)
	}
	go func() {
		w.status = w.cmd.Wait()
		close(w.exited)
	}()
	if err := w.hello(s.o.MemoryLimit); err != nil {
		w.kill()
		if fault.KindOf(err) != fault.Unavailable {
			err = startFault(fmt.Errorf("%w; %v; it wrote: %s", err, w.status, w.stderr.String()))
		}
		return nil, err
	}
	return w, nil
}

func startFault(err error) error {
	return fault.New(fault.Internal, "InternalError", "An image worker could not be started.").Because(err)
}

func (w *process) hello(memory int64) error {
	timer := time.AfterFunc(startTimeout, func() { killAll(w.cmd) })
	defer timer.Stop()
	if err := wire.WriteHeader(w.in, wire.Hello{Memory: memory}, 0); err != nil {
		return err
	}
	var r wire.Ready
	if _, err := wire.ReadHeader(w.out, &r, 0); err != nil {
		return err
	}
	if r.Fault != nil {
		return r.Fault.Error()
	}
	w.version = r.Version
	return nil
}

// workerEnv is a worker's whole environment. libvips runs with one thread, since the
// pool has a process per core; it keeps what it decodes in (limited) memory, never in
// temporary files; and malloc keeps to few arenas, which count against the limit.
var workerEnv = []string{
	"PATH=/usr/bin:/bin",
	"VIPS_CONCURRENCY=1",
	"VIPS_DISC_THRESHOLD=16g",
	"VIPS_WARNING=0",
	"MALLOC_ARENA_MAX=2",
	"GOTRACEBACK=single",
}

// sandboxed returns the command line that runs argv in namespaces of its own: no
// network, no other processes, a file system that holds system libraries and the
// program, read-only.
func sandboxed(bwrap string, argv []string) []string {
	c := []string{bwrap, "--unshare-all", "--unshare-user", "--die-with-parent", "--clearenv"}
	for _, kv := range workerEnv {
		k, v, _ := strings.Cut(kv, "=")
		c = append(c, "--setenv", k, v)
	}
	for _, dir := range []string{"/usr/lib", "/usr/lib64", "/usr/lib32", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/fonts", "/nix/store", "/gnu/store"} {
		c = append(c, "--ro-bind-try", dir, dir)
	}
	exe := argv[0]
	if abs, err := exec.LookPath(exe); err == nil {
		exe = abs
	}
	if real, err := filepath.EvalSymlinks(exe); err == nil {
		exe = real
	}
	const inside = "/image-worker"
	c = append(c, "--ro-bind", exe, inside, "--remount-ro", "/", "--chdir", "/", "--", inside)
	return append(c, argv[1:]...)
}

// tail keeps the end of what a worker writes to its standard error.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const maxTail = 4 << 10

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b[max(0, len(b)-maxTail):]...)
	if len(t.b) > maxTail {
		t.b = append(t.b[:0], t.b[len(t.b)-maxTail:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(strings.ToValidUTF8(string(t.b), "?"))
}
