package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/runner/ca"
	"github.com/alcedo-storage/alcedo/internal/runner/cgroup"
	"github.com/alcedo-storage/alcedo/internal/runner/endpoints"
	"github.com/alcedo-storage/alcedo/internal/runner/poll"
	"github.com/alcedo-storage/alcedo/internal/runner/runtimes"
	"github.com/alcedo-storage/alcedo/internal/runner/sandbox"
)

// Runner runs functions. It is safe for concurrent use.
type Runner struct {
	opt     Options
	log     *slog.Logger
	host    *runtimes.Host
	driver  sandbox.Driver
	loop    *poll.Loop
	ends    *endpoints.Server
	groups  *cgroup.Manager // nil: none to be had
	bootDir string
	scratch string
	now     func() time.Time
	wg      sync.WaitGroup // what may have a process: instances that are not buried yet, lint; see enter
	invoked atomic.Uint64
	cold    atomic.Uint64
	spared  atomic.Uint64
	meter   meter
	// launch is how an instance is made for a request; tests of the pool alone put
	// something without a process here.
	launch func(*Request) (*instance, *outcome, error)
	end    func(*instance)

	once     sync.Once
	mu       sync.Mutex
	closed   bool                   // no new requests, no new spares
	ending   bool                   // no new processes
	every    map[*instance]struct{} // that has a process
	pools    map[function.Key]*pool
	perFunc  map[string]int // instances per function id
	blocked  map[*pool]struct{}
	total    int // instances and spares, starting ones included
	starting int
	busy     int
	waiting  int
	spares   map[string]*spare // by interpreter
	reaper   reaper
}

func newRunner(opt Options) *Runner {
	r := &Runner{opt: opt, log: opt.Logger, now: opt.Now, pools: map[function.Key]*pool{}, perFunc: map[string]int{},
		blocked: map[*pool]struct{}{}, every: map[*instance]struct{}{}, spares: map[string]*spare{}}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.now == nil {
		r.now = time.Now
	}
	if r.opt.MaxInstances <= 0 {
		r.opt.MaxInstances = 64
	}
	if r.opt.IdleTimeout <= 0 {
		r.opt.IdleTimeout = 5 * time.Minute
	}
	r.launch, r.end = r.newInstance, r.endInstance
	r.reaper.r = r
	r.meter.init(r)
	return r
}

// New makes a runner. It proves that sandboxes work, and cleans up after a server that
// crashed: no other runner may be using Dir. It looks for interpreters in the background.
func New(opt Options) (_ *Runner, err error) {
	if opt.Dir == "" || opt.CodeDir == nil {
		return nil, errors.New("runner: Dir and CodeDir are required")
	}
	for _, d := range []*string{&opt.Dir, &opt.RuntimeDir, &opt.PHPModules, &opt.CodeRoot} {
		if *d != "" {
			if *d, err = filepath.Abs(*d); err != nil {
				return nil, err
			}
		}
	}
	if opt.Self == "" {
		if opt.Self, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	if opt.Path == "" {
		opt.Path = os.Getenv("PATH")
	}
	r := newRunner(opt)
	r.host = runtimes.NewHost(opt.Path)
	go r.host.All()
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return nil, err
	}
	authority, err := ca.Open(filepath.Join(opt.Dir, "ca"), opt.Now)
	if err != nil {
		return nil, err
	}
	// Bound into sandboxes, whose user may be another than the owner of Dir: the
	// directories themselves are public, and hold nothing secret.
	r.bootDir, r.scratch = filepath.Join(opt.Dir, "boot"), filepath.Join(opt.Dir, "instances")
	if err := runtimes.WriteBoot(r.bootDir); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(r.scratch); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(r.scratch, 0o700); err != nil {
		return nil, err
	}
	owner := owner(opt.Dir)
	if n := sandbox.Sweep(owner); n > 0 {
		r.log.Warn("processes of an earlier server were still there, and were ended", "n", n)
	}
	r.groups, err = cgroup.Open(owner, filepath.Join(opt.Dir, "cgroups"))
	switch {
	case err != nil:
		r.log.Warn("functions run without control groups: memory is watched, processor time is not limited", "err", err)
	case !r.groups.HasMemory():
		r.log.Warn("no memory control group: the memory of functions is watched only")
	}
	switch opt.Sandbox {
	case SandboxBwrap, "":
		etc := filepath.Join(opt.Dir, "etc")
		if err := sandbox.BuildEtc(etc, authority.PEM()); err != nil {
			return nil, err
		}
		if r.driver, err = sandbox.NewBwrap(sandbox.BwrapConfig{Self: opt.Self, Etc: etc, Boot: r.bootDir, Modules: opt.RuntimeDir, PHP: opt.PHPModules, Owner: owner}); err != nil {
			return nil, err
		}
	case SandboxProcess:
		r.log.Warn("functions run WITHOUT ANY ISOLATION: they can do to this host what the server can, and the cloud's host names do not work in them")
		r.driver = sandbox.NewProcess(owner)
	default:
		return nil, errors.New("runner: sandbox is \"" + opt.Sandbox + "\"; choose bwrap or process")
	}
	if r.loop, err = poll.New(); err != nil {
		r.driver.Close()
		return nil, err
	}
	r.ends = endpoints.New(r.loop, authority, opt.Endpoints)
	go r.meter.run()
	return r, nil
}

// owner names the runner of a directory, in what it leaves on the host.
func owner(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return hex.EncodeToString(sum[:6])
}

// Runtimes lists every runtime name with what serves it, or why nothing does.
func (r *Runner) Runtimes() []Runtime { return r.host.All() }

// CheckRuntime returns what serves a runtime name. An unknown name is Invalid with
// reason InvalidArgument and lists the known ones; one that the host cannot run is
// Unsupported and says what to install.
func (r *Runner) CheckRuntime(name string) (Runtime, error) { return r.host.Check(name) }

// concurrent reports whether the request's runtime can run several calls at once.
func (r *Runner) concurrent(req *Request) bool {
	if req.Function.Config.Concurrency <= 1 {
		return false
	}
	rt, err := r.host.Check(req.Function.Config.Runtime)
	return err == nil && rt.Family.Concurrent
}

// startFor makes an instance for a pool, on behalf of the request that waits first.
func (r *Runner) startFor(p *pool, req *Request) {
	began := time.Now()
	in, fail, err := r.launch(req)
	a := assignment{in: in, cold: true, init: time.Since(began), fail: fail, err: err}
	if in != nil {
		in.mu.Lock()
		a.log, in.startLog = in.startLog, nil
		in.mu.Unlock()
		r.cold.Add(1)
	}
	r.mu.Lock()
	if in != nil && in.lost && fail == nil {
		o := in.death(a.init) // right after its code was loaded
		fail, a.fail = &o, &o
	}
	p.start--
	r.starting--
	p.up = time.Now()
	var stop bool
	if err != nil || fail != nil {
		r.total--
		if r.perFunc[p.key.ID]--; r.perFunc[p.key.ID] == 0 {
			delete(r.perFunc, p.key.ID)
		}
		// The one who waits longest hears of it; the others try again.
		if w := p.next(); w != nil {
			w.ch <- a
		}
		r.unblock()
		p.grow(p.up)
		p.tidy()
	} else {
		in.pool, in.uncounted = p, false
		p.all[in] = struct{}{}
		for in.active < in.slots && p.hand(in, a) {
			a = assignment{} // only the first of several finds it new
		}
		switch {
		case in.active == 0 && (p.gone || r.closed):
			in.retired, stop = true, true
		case in.active < in.slots:
			p.park(in, true)
		}
	}
	r.mu.Unlock()
	if stop {
		r.stop(in)
	}
	if fail != nil && in != nil {
		in.kill(stopped)
	}
	r.refill()
}

// Evict forgets what was started for a function, because its code or configuration
// changed or it was deleted. Idle instances end now, busy ones after their requests.
func (r *Runner) Evict(functionID string) {
	r.mu.Lock()
	var end []*instance
	for k, p := range r.pools {
		if k.ID != functionID {
			continue
		}
		p.gone = true
		delete(r.pools, k)
		for in := range p.all {
			if in.active == 0 && !in.retired {
				in.retired = true
				end = append(end, in)
			}
		}
		p.idle = nil
	}
	r.mu.Unlock()
	for _, in := range end {
		go r.stop(in)
	}
}

// stop ends an instance that runs nothing: its preStop hook first, if it has one.
func (r *Runner) stop(in *instance) { r.end(in) }

// Stats counts.
func (r *Runner) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Stats{Busy: r.busy, Starting: r.starting, Waiting: r.waiting, Invoked: r.invoked.Load(), Cold: r.cold.Load(), FromSpare: r.spared.Load()}
	for _, sp := range r.spares {
		if sp.ready != nil || sp.starting {
			s.Spares++
		}
	}
	s.Instances = r.total - s.Spares
	s.Idle = max(s.Instances-s.Busy-s.Starting, 0)
	return s
}

// Close refuses new requests, waits until the running ones have ended or ctx is done,
// and then ends every instance. When it returns, no process of the runner is left. It
// returns ctx's error if it had to end runs. Further calls wait for the first.
func (r *Runner) Close(ctx context.Context) (err error) {
	r.once.Do(func() { err = r.close(ctx) })
	return err
}

// enter asks to start a process. If it returns true, Close waits until r.wg.Done is
// called, which must not be before the process is reaped.
func (r *Runner) enter(spare bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ending || spare && r.closed {
		return false
	}
	r.wg.Add(1)
	return true
}

func (r *Runner) close(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var err error
	for err == nil {
		r.mu.Lock()
		idle := r.busy == 0 && r.waiting == 0 && r.starting == 0
		r.mu.Unlock()
		if idle {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	r.meter.close()
	r.mu.Lock()
	r.ending = true
	r.reaper.stop()
	var waiters []*waiter
	var idle, rest []*instance
	for in := range r.every {
		if in.pool != nil && in.active == 0 {
			idle = append(idle, in)
		} else {
			rest = append(rest, in)
		}
	}
	for _, p := range r.pools {
		for w := p.next(); w != nil; w = p.next() {
			waiters = append(waiters, w)
		}
	}
	r.mu.Unlock()
	for _, w := range waiters {
		w.ch <- assignment{err: exhausted(w.req.Function.Name).WithHint("The server is shutting down.")}
	}
	for _, in := range rest {
		go in.kill(stopped)
	}
	for _, in := range idle {
		if err == nil {
			go r.stop(in) // with its preStop hook
		} else {
			go in.kill(stopped)
		}
	}
	r.wg.Wait()
	r.driver.Close()
	r.ends.Close()
	if e := r.loop.Close(); err == nil {
		err = e
	}
	return err
}
