package runner

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/runner/cgroup"
	"github.com/alcedo-storage/alcedo/internal/runner/endpoints"
	"github.com/alcedo-storage/alcedo/internal/runner/frames"
	"github.com/alcedo-storage/alcedo/internal/runner/poll"
	"github.com/alcedo-storage/alcedo/internal/runner/runtimes"
	"github.com/alcedo-storage/alcedo/internal/runner/sandbox"
)

const (
	// bootLimit is how long a runtime may take until it can load code, on a busy machine.
	bootLimit = 30 * time.Second
	// loadLimit is how long code may take to load: what runs outside of the handler.
	loadLimit = 30 * time.Second
	// defaultMemory and defaultDisk are FC's defaults, MB.
	defaultMemory = 512
	defaultDisk   = 512
	// slackMemory is for what is charged to a group besides what was allocated and what
	// is in /tmp: page tables, sockets, page cache in use.
	slackMemory = 64
	maxPids     = 512
	// lastWords is how long after its end a process may still be heard.
	lastWords = time.Second
)

// newID makes an instance id in the cloud's form.
func newID(now time.Time) string {
	var b [10]byte
	rand.Read(b[:])
	h := hex.EncodeToString(b[:])
	return fmt.Sprintf("c-%08x-%s-%s", now.Unix(), h[:8], h[8:])
}

// paths are what an instance sees; the process driver sees the host's.
func (r *Runner) paths() runtimes.Paths {
	if !r.driver.Isolated() {
		return runtimes.Paths{Boot: r.bootDir, Modules: r.opt.RuntimeDir, PHP: r.opt.PHPModules}
	}
	p := runtimes.Paths{Boot: sandbox.BootPath, Modules: sandbox.ModulesPath, Bundle: sandbox.Bundle, LocalCA: sandbox.LocalCA}
	if r.opt.PHPModules != "" {
		p.PHP = sandbox.PHPPath
	}
	return p
}

// boot starts a process and waits until its runtime can be given code. Without code it
// becomes a spare.
func (r *Runner) boot(rt Runtime, code string, tmpMB int, env []string) (_ *instance, err error) {
	if !r.enter(code == "") {
		return nil, draining()
	}
	in := &instance{r: r, id: newID(time.Now()), rt: rt, control: make(chan frames.Frame, 4), dead: make(chan struct{}),
		startLog: &logBuffer{}, slots: 1, uncounted: true, booting: true}
	in.out, in.buf = -1, make([]byte, 4096)
	defer func() {
		if in.proc == nil {
			r.wg.Done()
		}
	}()
	spec := sandbox.Spec{ID: in.id, Argv: rt.Family.Argv(rt.Path, r.paths()), Env: append(rt.Family.Env(rt.Path, r.paths()), env...),
		Code: code, Store: r.opt.CodeRoot, TmpMB: tmpMB, Prefix: rt.Prefix}
	if !r.driver.Isolated() {
		in.scratch = filepath.Join(r.scratch, in.id)
		if err := os.Mkdir(in.scratch, 0o700); err != nil {
			return nil, err
		}
		spec.Scratch = in.scratch
	}
	if r.groups != nil {
		if in.group, err = r.groups.New(in.id); err != nil {
			r.log.Warn("an instance runs without control group", "instance", in.id, "err", err)
			in.group, err = nil, nil
		} else if code == "" {
			in.group.Background(true)
		}
	}
	if in.proc, err = r.driver.Start(spec); err != nil {
		if in.group != nil {
			in.group.Remove()
		}
		if in.scratch != "" {
			os.RemoveAll(in.scratch)
		}
		return nil, err
	}
	r.mu.Lock()
	r.every[in] = struct{}{} // until bury
	ending := r.ending
	r.mu.Unlock()
	in.outMu.Lock()
	in.out = in.proc.Out
	in.outMu.Unlock()
	defer func() {
		if err != nil {
			err = in.startError(err)
			in.mu.Lock()
			in.booting = false
			in.mu.Unlock()
			in.die(stopped)
		}
	}()
	if ending { // Close did not see it in r.every
		in.kill(stopped)
	}
	in.pid = in.proc.Process.Pid
	if r.driver.Isolated() {
		fds, pid, err := in.proc.Handshake(bootLimit)
		if err != nil {
			return nil, err
		}
		in.pid = pid
		k, err := endpoints.FromRights(fds)
		if err != nil {
			return nil, err
		}
		if in.sockets, err = r.ends.Attach(k, in); err != nil {
			return nil, err
		}
	}
	in.outMu.Lock()
	in.outKey, err = r.loop.Add(in.out, func(poll.Handle) { in.drain() })
	in.outMu.Unlock()
	if err != nil {
		return nil, err
	}
	if in.group != nil {
		// The runtime starts up meanwhile; nothing of the function's has run yet.
		if err := in.group.Add(in.pid); err != nil {
			return nil, fmt.Errorf("control group: %w", err)
		}
	}
	in.mu.Lock()
	in.booting = false
	why := in.why
	in.mu.Unlock()
	if why != alive {
		return nil, errDead
	}
	in.outMu.Lock()
	if pidfd := in.proc.PidFD; pidfd >= 0 {
		in.exitKey, err = r.loop.Add(pidfd, func(h poll.Handle) {
			r.loop.Remove(h, pidfd)
			// The reader finds the end itself, after the result that may have been the last
			// thing written. Only without a sandbox can a child keep the socket open.
			in.proc.Conn.SetReadDeadline(time.Now().Add(lastWords))
		})
	}
	in.outMu.Unlock()
	if err != nil {
		return nil, err
	}
	go in.read(bufio.NewReaderSize(in.proc.Conn, 4096))
	_, err = in.await(frames.Booted, bootLimit)
	return in, err
}

// startError adds the output of a process that never came up: it says why.
func (in *instance) startError(err error) error {
	in.mu.Lock()
	why := in.why
	in.mu.Unlock()
	if why == stopped {
		return draining()
	}
	time.Sleep(10 * time.Millisecond) // bubblewrap's complaint may come after the end of its socket
	in.drain()
	in.mu.Lock()
	b, _ := in.startLog.bytes()
	in.mu.Unlock()
	return fault.New(fault.Internal, "InternalServerError", "An instance for runtime '%s' could not be started.", in.rt.Name).
		Because(fmt.Errorf("%w; output: %q", err, strings.TrimSpace(string(b))))
}

// draining is what a request hears that the server will not serve any more.
func draining() error {
	return fault.New(fault.Unavailable, "ServerDraining", "The server is shutting down.").WithHint("Retry in a moment.")
}

var errLate = errors.New("no answer in time")

func (in *instance) await(typ byte, limit time.Duration) (frames.Frame, error) {
	t := time.NewTimer(limit)
	defer t.Stop()
	for {
		select {
		case f := <-in.control:
			if f.Type == typ {
				return f, nil
			}
		case <-in.dead:
			select { // answered with its last breath
			case f := <-in.control:
				if f.Type == typ {
					return f, nil
				}
			default:
			}
			return frames.Frame{}, errDead
		case <-t.C:
			return frames.Frame{}, errLate
		}
	}
}

// assignment for a bootstrap; see the Assign frame.
type assign struct {
	Code        string            `json:"code"`
	Runtime     string            `json:"runtime"`
	Handler     string            `json:"handler"`
	Initializer string            `json:"initializer"`
	PreStop     string            `json:"preStop"`
	Concurrency int               `json:"concurrency"`
	MaxPayload  int               `json:"maxPayload"`
	Modules     []string          `json:"modules"`
	Env         map[string]string `json:"env"`
	Region      string            `json:"region"`
	AccountID   string            `json:"accountId"`
	Function    struct {
		Name                  string `json:"name"`
		Handler               string `json:"handler"`
		Memory                int    `json:"memory"`
		Timeout               int    `json:"timeout"`
		Initializer           string `json:"initializer,omitempty"`
		InitializationTimeout int    `json:"initializationTimeout,omitempty"`
	} `json:"function"`
	Service struct {
		Name       string `json:"name"`
		LogProject string `json:"logProject"`
		LogStore   string `json:"logStore"`
		Qualifier  string `json:"qualifier"`
		VersionID  string `json:"versionId"`
	} `json:"service"`
}

// environment is what a function finds in its environment besides the credentials. Its
// own variables come first in rank, except for the reserved FC_ ones.
func (in *instance) environment(req *Request) map[string]string {
	c := req.Function.Config
	e := make(map[string]string, len(c.Env)+8)
	for k, v := range c.Env {
		e[k] = v
	}
	e["FC_ACCOUNT_ID"] = req.Account
	e["FC_REGION"] = req.Region
	e["FC_FUNCTION_NAME"] = req.Function.Name
	e["FC_FUNCTION_HANDLER"] = c.Handler
	e["FC_FUNCTION_MEMORY_SIZE"] = fmt.Sprint(memory(c))
	e["FC_FUNCTION_VERSION"] = req.Function.Version
	e["FC_VER_ID"] = req.Function.Version
	e["FC_QUALIFIER"] = req.Function.Qualifier
	e["FC_RUNTIME"] = c.Runtime
	e["FC_TIMEOUT"] = fmt.Sprint(c.Timeout)
	e["FC_INSTANCE_ID"] = in.id
	return e
}

func memory(c *function.Config) int {
	if c.MemoryMB > 0 {
		return c.MemoryMB
	}
	return defaultMemory
}

func disk(c *function.Config) int {
	if c.DiskMB > 0 {
		return c.DiskMB
	}
	return defaultDisk
}

// loadCode makes a booted instance the function's: limits, code, initializer. A non-nil
// outcome is a failure of the function itself; the instance is then of no more use.
func (in *instance) loadCode(req *Request, code string) (*outcome, error) {
	c := req.Function.Config
	began := time.Now()
	in.r.meter.wake()
	in.mu.Lock()
	in.fn, in.region, in.account = req.Function, req.Region, req.Account
	in.mu.Unlock()
	in.slots = slots(c, in.rt.Family.Concurrent)
	in.keep = in.r.opt.IdleTimeout
	if c.IdleTimeout > 0 {
		in.keep = time.Duration(c.IdleTimeout) * time.Second
	}
	if in.group != nil {
		in.group.Background(false)
		// Files in /tmp are memory too, but the function's disk, not its memory: the
		// kernel's limit covers both, and the watch holds the rest to memorySize.
		if err := in.group.Set(cgroup.Limits{Memory: int64(memory(c)+disk(c)+slackMemory) << 20, Pids: maxPids}); err != nil {
			return nil, err
		}
	}
	a := assign{Code: code, Runtime: c.Runtime, Handler: c.Handler, Initializer: c.Initializer.Handler, PreStop: c.PreStop.Handler,
		Concurrency: in.slots, MaxPayload: MaxPayload, Modules: in.rt.Family.Modules(in.r.paths()), Env: in.environment(req),
		Region: req.Region, AccountID: req.Account}
	a.Function.Name, a.Function.Handler, a.Function.Memory, a.Function.Timeout = req.Function.Name, c.Handler, memory(c), c.Timeout
	a.Function.Initializer, a.Function.InitializationTimeout = c.Initializer.Handler, c.Initializer.Timeout
	a.Service.Qualifier, a.Service.VersionID = req.Function.Qualifier, req.Function.Version
	b, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	in.setLoading(true)
	defer in.setLoading(false)
	if err := in.write(frames.Append(nil, frames.Assign, b)); err != nil {
		return in.lostAt(began), nil
	}
	o := in.settle(frames.Loaded, began, loadLimit, ErrorUnhandled,
		fmt.Sprintf("The code of function '%s' did not load within %d seconds. What runs outside of the handler should be short.", req.Function.Name, int(loadLimit.Seconds())))
	if o != nil {
		return o, nil
	}
	if c.Initializer.Handler != "" {
		limit := c.Initializer.Timeout
		if limit <= 0 {
			limit = 3 // FC's default
		}
		in.note("FC Initialize Start RequestId: " + req.RequestID)
		o = in.hook(frames.HookInit, req, time.Duration(limit)*time.Second, ErrorInit, fmt.Sprintf("Initializer '%s' timed out after %d seconds", c.Initializer.Handler, limit))
		end := "FC Initialize End RequestId: " + req.RequestID
		if o != nil {
			end += ", Error: " + errorText(o.payload)
		}
		in.note(end)
		if o != nil {
			return o, nil
		}
	}
	if in.group != nil && c.CPU > 0 {
		// Only now: a twentieth of a processor would take seconds to start a runtime.
		if err := in.group.Set(cgroup.Limits{CPU: c.CPU}); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// note adds a line of ours to the log of the start.
func (in *instance) note(line string) {
	in.drain()
	in.mu.Lock()
	if in.startLog != nil {
		in.startLog.write([]byte(line + "\n"))
	}
	in.mu.Unlock()
}

func (in *instance) hook(which byte, req *Request, limit time.Duration, errorType, late string) *outcome {
	h := head(req)
	began := time.Now()
	if err := in.write(frames.AppendHook(nil, which, &h)); err != nil {
		return in.lostAt(began)
	}
	return in.settle(frames.Hooked, began, limit, errorType, late)
}

// settle waits for the answer to Assign or Hook; nil means success.
func (in *instance) settle(typ byte, began time.Time, limit time.Duration, errorType, late string) *outcome {
	f, err := in.await(typ, limit)
	switch {
	case err == errLate:
		return &outcome{payload: errorJSON(late), errorType: errorType, platform: true, took: time.Since(began)}
	case err != nil:
		o := in.lostAt(began)
		o.errorType = errorType
		return o
	case f.Status != frames.OK:
		return &outcome{payload: f.Body, errorType: errorType, took: time.Since(began)}
	}
	return nil
}

func (in *instance) lostAt(began time.Time) *outcome {
	in.die(exited)
	<-in.dead
	o := in.death(time.Since(began))
	return &o
}
