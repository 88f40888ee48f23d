// Package server puts the rooms together: it opens them in order, listens, and closes
// them in the reverse order when it is told to stop.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/alcedo-storage/alcedo/internal/api/conn"
	"github.com/alcedo-storage/alcedo/internal/api/console"
	"github.com/alcedo-storage/alcedo/internal/api/fc"
	"github.com/alcedo-storage/alcedo/internal/api/oss"
	"github.com/alcedo-storage/alcedo/internal/api/sts"
	"github.com/alcedo-storage/alcedo/internal/blob/dirblob"
	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/destination"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/gauge"
	"github.com/alcedo-storage/alcedo/internal/guard"
	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/image"
	"github.com/alcedo-storage/alcedo/internal/kv/pebblekv"
	"github.com/alcedo-storage/alcedo/internal/medium"
	"github.com/alcedo-storage/alcedo/internal/metrics"
	"github.com/alcedo-storage/alcedo/internal/object"
	"github.com/alcedo-storage/alcedo/internal/replay"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

// Options of Open.
type Options struct {
	Data    string // directory; made if needed
	OSS     string // listen addresses
	FC      string
	Console string
	Region  string
	Account string // 16 digits; empty: the directory's own, or the default

	AccessKeyID, AccessKeySecret string // root key pair; empty: the directory's own

	Domains    []string // further base domains that carry buckets as first label
	RuntimeDir string
	PHPModules string
	Sandbox    string // runner.SandboxBwrap or runner.SandboxProcess
	MaxDepth   int    // runs that cause each other, in one chain

	HistoryKeep time.Duration // how long events and runs are kept; 0: history's default
	HistorySize int64         // how many bytes of them; 0: history's default

	MinFree int64 // bytes of the disk kept back; see medium.Options

	Version string
	Logger  *slog.Logger
}

// Server is an Alcedo with all its rooms open.
type Server struct {
	o       Options
	log     *slog.Logger
	account *Account
	newKeys bool
	ready   atomic.Bool

	lock     *os.File
	kv       *pebblekv.Store
	history  *history.Store
	runner   *runner.Runner
	images   *image.Pool
	queue    *delivery.Queue
	guard    *guard.Guard
	counts   *metrics.Metrics
	objects  *object.Store
	fns      *function.Store
	listener map[string]net.Listener
	http     []*http.Server
	work     sync.WaitGroup // background work, ended by cancel
	cancel   context.CancelFunc
	failed   chan error
}

// Open opens every room and listens. When it returns nil, all parts are ready.
func Open(ctx context.Context, o Options) (_ *Server, err error) {
	s := &Server{o: o, log: o.Logger, failed: make(chan error, 3), listener: map[string]net.Listener{}}
	defer func() {
		if err != nil {
			stop, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			s.Close(stop)
		}
	}()
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if s.o.Data, err = filepath.Abs(o.Data); err != nil {
		return nil, err
	}
	if err := s.lockData(); err != nil {
		return nil, err
	}
	// Listen first: a port in use is the likeliest mistake, and nothing has changed yet.
	for _, at := range []struct{ name, addr string }{{"oss", o.OSS}, {"fc", o.FC}, {"console", o.Console}} {
		l, err := net.Listen("tcp", at.addr)
		if err != nil {
			return nil, fmt.Errorf("--%s %s: %w", at.name, at.addr, err)
		}
		s.listener[at.name] = l
	}
	if s.account, s.newKeys, err = account(&s.o); err != nil {
		return nil, err
	}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	s.ready.Store(true)
	return s, nil
}

// lockData makes sure that no other process uses the data directory.
func (s *Server) lockData() error {
	path := filepath.Join(s.o.Data, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		b := make([]byte, 32)
		n, _ := f.Read(b) // only to tell more
		f.Close()
		return fmt.Errorf("the data directory %s is in use by another alcedo (process %s): stop it, or choose another directory with --data", s.o.Data, strings.TrimSpace(string(b[:n])))
	}
	s.lock = f
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%d\n", os.Getpid())
	return err
}

func (s *Server) open(ctx context.Context) error {
	data := func(name string) string { return filepath.Join(s.o.Data, name) }
	room := func(name string) *slog.Logger { return s.log.With("room", name) }
	var err error
	disk := medium.New(medium.Options{Dir: s.o.Data, MinFree: s.o.MinFree, Logger: room("disk")})
	if s.kv, err = pebblekv.Open(data("kv"), pebblekv.Options{Medium: disk, Logger: room("kv")}); err != nil {
		return err
	}
	blobs, err := dirblob.Open(data("blob"), dirblob.Options{Medium: disk})
	if err != nil {
		return err
	}
	packages, err := dirblob.Open(data("package"), dirblob.Options{Medium: disk})
	if err != nil {
		return err
	}
	ids, err := identity.Open(ctx, s.kv, identity.Options{
		Account: s.account.ID, RootKeyID: s.account.AccessKeyID, RootKeySecret: s.account.AccessKeySecret, Secret: s.account.Secret,
	})
	if err != nil {
		return err
	}
	codeDir := data("code")
	if s.fns, err = function.Open(ctx, s.kv, packages, function.Options{Dir: codeDir}); err != nil {
		return err
	}
	var invoker *run.Invoker // set below, before anything runs
	s.history = history.Open(s.kv, history.Options{
		Keep: s.o.HistoryKeep, KeepBytes: s.o.HistorySize, Logger: room("history"),
		Active: func(requestID string) bool { return invoker.Running(requestID) },
	})
	ts := trigger.Open(s.kv, trigger.Options{
		Region: s.o.Region, Account: s.account.ID, Roles: ids, Bucket: object.RegionOf, Writes: s.history.Writes,
		CheckDestination: func(arn string) error {
			_, err := destination.Parse(arn, s.o.Region, s.account.ID)
			return err
		},
	})

	// Functions reach OSS, FC and STS from inside their sandboxes; what answers them is
	// only known below.
	var inside lateHandler
	if s.runner, err = runner.New(runner.Options{
		Dir: data("runner"), RuntimeDir: s.o.RuntimeDir, PHPModules: s.o.PHPModules, Sandbox: s.o.Sandbox,
		CodeDir:  func(r *function.Resolved) (string, error) { return s.fns.CodeDir(context.Background(), r) },
		CodeRoot: codeDir, Endpoints: &inside, Logger: room("runner"),
	}); err != nil {
		return err
	}
	s.counts = metrics.New(metrics.Sources{
		Version: s.o.Version, Queue: func() ([]delivery.Stats, error) { return s.queue.Stats(context.Background()) },
		Handed: func() (int64, int64) { return s.queue.Destinations() }, Runner: s.runner.Stats,
		Paused: func() uint64 { return s.guard.Stopped() }, Dropped: s.history.Dropped,
		Storage: func() bool { return disk.Trouble() == nil },
	})
	g := gauge.New(nil)
	invoker = &run.Invoker{
		Functions: s.fns, Identity: ids, Runner: s.runner, Recorder: s.counts.Recorder(g.Recorder(s.history)),
		Region: s.o.Region, Account: s.account.ID, MaxDepth: s.o.MaxDepth,
	}
	s.guard = guard.New(ts, invoker, s.history, room("guard"))
	s.queue = delivery.Open(s.kv, delivery.Options{
		Triggers: ts, Invoker: s.guard, Settings: s.fns, Journal: s.counts.Journal(g.Journal(s.guard)), Logger: room("delivery"),
		Destinations: destination.NewSender(s.o.Region, s.account.ID, resultObjects{s, ids}),
	})
	s.objects = object.Open(s.kv, blobs, object.Options{
		Region: s.o.Region, Sink: s.queue, Guard: ts.CheckBucketFree, Logger: room("object"),
	})
	usage := gauge.NewStore(s.objects, g.TakeChanged)
	jobs := replay.Open(s.kv, replay.Options{Triggers: ts, Objects: s.objects, Events: s.history, Queue: s.queue, Logger: room("replay")})
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s.images = image.New(image.Options{Command: []string{self, "image-worker"}, Logger: room("image")})

	ossHandler, err := oss.New(oss.Options{
		Objects: s.objects, Identity: ids, Images: s.images, Region: s.o.Region, Account: s.account.ID,
		Domains: s.o.Domains, Logger: room("oss"), Origin: originOf,
	})
	if err != nil {
		return err
	}
	fcAPI := fc.New(fc.Options{
		Functions: s.fns, Identity: ids, Invoker: invoker, Runtimes: s.runner, Async: s.queue, Tasks: s.queue,
		Objects: codeObjects{s.objects, ids, s.account.ID}, Triggers: ts,
		Origin: originOf, Region: s.o.Region, Account: s.account.ID, Log: room("fc"),
	})
	ossAPI := s.counts.Requests("oss", ossHandler)
	fcAndSTS := besideSTS(s.counts.Requests("fc", fcAPI), s.counts.Requests("sts", sts.New(ids)))
	inside.set(byHost(ossAPI, fcAndSTS))
	consoleAPI := console.New(console.Options{
		Identity: ids, Functions: s.fns, Triggers: ts, History: s.history, Queue: s.queue, Runner: s.runner,
		Region: s.o.Region, Account: s.account.ID, Version: s.o.Version, Ready: s.ready.Load, Trouble: disk.Trouble,
		OSS: ossAPI, FC: fcAndSTS, OSSAddr: s.Addr("oss"), Jobs: jobs, MaxDepth: s.o.MaxDepth, Runs: invoker, Metrics: s.counts.Handler(), Gauge: g, Usage: usage, Buckets: s.objects,
	})

	if err := s.queue.Start(ctx); err != nil {
		return err
	}
	if err := s.warm(ctx); err != nil {
		return err
	}
	background, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	for _, work := range []func(context.Context){s.objects.Collect, s.history.Trim, s.queue.Trim, s.queue.TrimTasks, s.collectCode, jobs.Work, usage.Work, s.gauge(g)} {
		s.work.Add(1)
		go func() {
			defer s.work.Done()
			work(background)
		}()
	}
	for name, h := range map[string]http.Handler{"oss": ossAPI, "fc": fcAndSTS, "console": s.counts.Requests("console", consoleAPI)} {
		srv := &http.Server{
			Handler: h, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 3 * time.Minute, MaxHeaderBytes: 64 << 10,
			ErrorLog: slog.NewLogLogger(room(name).Handler(), slog.LevelDebug), ConnContext: conn.Context,
		}
		s.http = append(s.http, srv)
		go func() {
			if err := srv.Serve(conn.Listen(s.listener[name])); !errors.Is(err, http.ErrServerClosed) {
				s.failed <- fmt.Errorf("%s: %w", name, err)
			}
		}()
	}
	return nil
}

// warm has a spare instance started for each language that a function uses.
func (s *Server) warm(ctx context.Context) error {
	seen := map[string]bool{}
	for token := ""; ; {
		fns, next, err := s.fns.List(ctx, function.Query{Token: token, Limit: 100})
		if err != nil {
			return err
		}
		for _, f := range fns {
			if seen[f.Config.Runtime] {
				continue
			}
			seen[f.Config.Runtime] = true
			if err := s.runner.Warm(f.Config.Runtime); err != nil {
				s.log.Warn("functions of a runtime cannot run on this host any more", "runtime", f.Config.Runtime, "function", f.Name, "error", err)
			}
		}
		if token = next; token == "" {
			return nil
		}
	}
}

// collectCode removes code packages that nothing refers to any more.
func (s *Server) collectCode(ctx context.Context) {
	t := time.NewTicker(10 * time.Minute)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if _, err := s.fns.Collect(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("removing unused code packages failed; it will be tried again", "error", err)
			}
		}
	}
}

// Addr returns the address of "oss", "fc" or "console".
func (s *Server) Addr(name string) string { return s.listener[name].Addr().String() }

// Account returns the account; madeKeys tells that its root key pair was made just now.
func (s *Server) Account() (a *Account, madeKeys bool) { return s.account, s.newKeys }

// Failed gets an error if a listener fails while the server runs.
func (s *Server) Failed() <-chan error { return s.failed }

// Close drains: no new requests are taken, those under way and runs under way get until
// ctx ends. Deliveries that are not done stay for the next start.
func (s *Server) Close(ctx context.Context) {
	s.ready.Store(false)
	var wg sync.WaitGroup
	for _, srv := range s.http {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := srv.Shutdown(ctx); err != nil {
				_ = srv.Close() // out of time: the rest is cut off
			}
		}()
	}
	if len(s.http) == 0 {
		for _, l := range s.listener {
			_ = l.Close()
		}
	}
	if s.guard != nil {
		s.guard.Close()
	}
	if s.queue != nil {
		s.queue.Stop(ctx)
	}
	wg.Wait()
	if s.cancel != nil {
		s.cancel()
	}
	s.work.Wait()
	if s.runner != nil {
		s.runner.Close(ctx)
	}
	if s.images != nil {
		s.images.Close()
	}
	if s.history != nil {
		s.history.Close()
	}
	if s.kv != nil {
		if err := s.kv.Close(); err != nil {
			s.log.Error("closing the key-value store failed", "error", err)
		}
	}
	if s.lock != nil {
		_ = s.lock.Close() // gives up the lock
	}
}
