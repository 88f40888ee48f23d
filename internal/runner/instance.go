package runner

import (
	"bufio"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/runner/cgroup"
	"github.com/alcedo-storage/alcedo/internal/runner/endpoints"
	"github.com/alcedo-storage/alcedo/internal/runner/frames"
	"github.com/alcedo-storage/alcedo/internal/runner/poll"
	"github.com/alcedo-storage/alcedo/internal/runner/sandbox"
)

// instance is one process that runs, or will run, one function.
type instance struct {
	r       *Runner
	id      string
	rt      Runtime
	proc    *sandbox.Proc
	pid     int // the root of its processes, as seen from the host
	scratch string
	group   *cgroup.Group // nil: none to be had
	sockets *endpoints.Attachment
	outWatch
	exitWatch
	control chan frames.Frame // answers to Assign and Hook
	dead    chan struct{}     // closed when nothing can be sent any more
	peak    atomic.Int64      // bytes
	sampled atomic.Int64      // when peak was last looked at; see meter.now

	// Set when the function is given, before the first call.
	fn      *function.Resolved
	region  string
	account string
	keep    time.Duration // idle time-out
	slots   int

	wmu  sync.Mutex // one frame at a time
	wbuf []byte

	mu       sync.Mutex
	calls    []*call          // running, oldest first
	cause    *lineage.Lineage // of the call that began last
	last     uint32
	startLog *logBuffer // takes the output while the code loads
	why      reason     // why it was killed
	over     bool       // dead
	booting  bool       // what follows from the process is still being set up

	// Guarded by Runner.mu.
	pool      *pool
	active    int
	since     time.Time // idle since
	given     time.Time // when it last got a call
	retired   bool      // gets no further calls
	lost      bool      // died
	uncounted bool
	loading   bool
}

type outWatch struct {
	outMu  sync.Mutex
	out    int // -1: closed
	outKey poll.Handle
	buf    []byte
}

type exitWatch struct{ exitKey poll.Handle }

// reason is why an instance was killed by us.
type reason uint8

const (
	alive reason = iota
	exited
	overMemory
	timedOut
	stopped
	broke // it broke the protocol
)

// call is one request inside an instance.
type call struct {
	id    uint32
	req   *Request
	log   logBuffer
	at    time.Time
	start Start
	done  chan outcome // buffered
}

// outcome is how a call, or a load, ended.
type outcome struct {
	payload   []byte
	errorType string
	platform  bool // the payload is ours, not the runtime's
	discard   bool // the instance must not be used again
	passed    bool // its slot was passed on to a waiter
	took      time.Duration
}

var errDead = errors.New("the instance is gone")

func (in *instance) info() *InstanceInfo {
	in.mu.Lock()
	defer in.mu.Unlock()
	i := &InstanceInfo{InstanceID: in.id}
	if in.fn != nil {
		i.FunctionName, i.FunctionID, i.Version = in.fn.Name, in.fn.ID, in.fn.Version
	}
	i.Lineage = in.cause
	for _, c := range in.calls {
		i.RequestIDs = append(i.RequestIDs, c.req.RequestID)
		i.Lineage = c.req.Lineage
	}
	return i
}

// begin registers a call; the caller then sends it.
func (in *instance) begin(req *Request, prefix *logBuffer) (*call, error) {
	c := &call{req: req, done: make(chan outcome, 1)}
	if prefix != nil {
		c.log = *prefix
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.over {
		return nil, errDead
	}
	in.last++
	c.id = in.last
	c.at = time.Now()
	in.calls = append(in.calls, c)
	in.cause = req.Lineage
	return c, nil
}

// end takes a running call away from the instance; nil if it ended already.
func (in *instance) end(id uint32) *call {
	in.mu.Lock()
	defer in.mu.Unlock()
	for i, c := range in.calls {
		if c.id == id {
			in.calls = append(in.calls[:i], in.calls[i+1:]...)
			return c
		}
	}
	return nil
}

// send writes one Invoke frame. A large event is written from where it is.
func (in *instance) send(c *call) error {
	h := head(c.req)
	in.wmu.Lock()
	defer in.wmu.Unlock()
	in.wbuf = frames.AppendInvoke(in.wbuf[:0], c.id, &h, len(c.req.Event))
	if len(c.req.Event) <= 64<<10 {
		in.wbuf = append(in.wbuf, c.req.Event...)
		_, err := in.proc.Conn.Write(in.wbuf)
		return err
	}
	if _, err := in.proc.Conn.Write(in.wbuf); err != nil {
		return err
	}
	_, err := in.proc.Conn.Write(c.req.Event)
	return err
}

func head(req *Request) frames.Head {
	return frames.Head{RequestID: req.RequestID, AccessKeyID: req.AccessKeyID, AccessKeySecret: req.AccessKeySecret,
		SecurityToken: req.SecurityToken, RetryCount: req.RetryCount}
}

func (in *instance) write(b []byte) error {
	in.wmu.Lock()
	defer in.wmu.Unlock()
	_, err := in.proc.Conn.Write(b)
	return err
}

// read is the instance's one goroutine.
func (in *instance) read(rd *bufio.Reader) {
	for {
		f, err := frames.Read(rd)
		if err != nil {
			why := exited
			if errors.Is(err, frames.ErrTooLarge) {
				why = broke
			}
			in.die(why)
			return
		}
		switch f.Type {
		case frames.Result:
			if in.slots == 1 {
				in.drain() // what was written before the result belongs to it
			}
			c := in.end(f.Call)
			if c == nil {
				continue // it timed out meanwhile
			}
			o := outcome{payload: f.Body, took: time.Since(c.at)}
			switch f.Status {
			case frames.OK:
			case frames.Handled:
				o.errorType = ErrorHandled
			default:
				o.errorType = ErrorUnhandled
				o.discard = f.Status == frames.Fatal
			}
			// The next request goes out before anybody is woken: else the process would
			// stand idle while two goroutines are scheduled.
			o.passed = !o.discard && in.r.pass(in, o.took)
			c.done <- o
		case frames.Output:
			in.mu.Lock()
			for _, c := range in.calls {
				if c.id == f.Call {
					c.output(f.Body)
				}
			}
			in.mu.Unlock()
		default:
			in.drain() // as above, for what loading wrote
			select {
			case in.control <- f:
			default: // nobody asked
			}
		}
	}
}

func (c *call) output(b []byte) {
	c.log.write(b)
	if c.req.OnLog != nil {
		c.req.OnLog(b)
	}
}

// drain reads what the output pipe holds and gives it to the call that runs, or to the
// start. Between calls it is dropped: nobody's request wrote it. With several calls at
// once, what comes through the pipe (child processes, native code) goes to the oldest.
func (in *instance) drain() {
	in.outMu.Lock()
	defer in.outMu.Unlock()
	for range 32 { // a process that writes without end must not hold us forever
		if in.out < 0 {
			return
		}
		n, err := unix.Read(in.out, in.buf)
		if err == unix.EINTR {
			continue
		}
		if n == 0 && err == nil { // every writer is gone
			in.r.loop.Remove(in.outKey, in.out)
		}
		if n <= 0 {
			return
		}
		in.mu.Lock()
		if len(in.calls) > 0 {
			in.calls[0].output(in.buf[:n])
		} else if in.startLog != nil {
			in.startLog.write(in.buf[:n])
		}
		in.mu.Unlock()
		if n < len(in.buf) {
			return
		}
	}
}

// die ends the instance at once: the process is killed and its calls fail. The first
// reason counts.
func (in *instance) die(why reason) {
	in.mu.Lock()
	if in.over {
		in.mu.Unlock()
		return
	}
	in.over = true
	if in.why == alive {
		in.why = why
	}
	why = in.why
	in.mu.Unlock()
	if why == exited && in.group != nil && in.group.OOMKilled() {
		why = overMemory
		in.mu.Lock()
		in.why = why
		in.mu.Unlock()
	}
	in.drain() // its last words
	in.glance(true)
	in.proc.Kill()

	r := in.r
	r.mu.Lock()
	in.lost = true
	r.forget(in)
	r.mu.Unlock()

	in.mu.Lock()
	calls := in.calls
	in.calls = nil
	in.mu.Unlock()
	close(in.dead)
	for _, c := range calls {
		c.done <- in.death(time.Since(c.at))
	}
	go in.bury()
}

// death is the outcome of a call that its instance did not survive.
func (in *instance) death(took time.Duration) outcome {
	in.mu.Lock()
	why := in.why
	in.mu.Unlock()
	text := exitText(took, in.peak.Load())
	switch why {
	case overMemory:
		text = memoryText(took, in.peak.Load(), in.fn.Config.MemoryMB)
	case broke:
		text += ". Its response was larger than a response may be."
	case stopped:
		text += ". The server stopped it."
	}
	return outcome{payload: errorJSON(text), errorType: ErrorUnhandled, platform: true, took: took}
}

// bury frees what a dead instance held.
func (in *instance) bury() {
	defer in.r.wg.Done()
	in.proc.Wait()
	if in.sockets != nil {
		in.sockets.Close()
	}
	in.outMu.Lock()
	if in.out >= 0 {
		in.r.loop.Remove(in.outKey, in.out)
		in.out = -1
	}
	if in.proc.PidFD >= 0 {
		in.r.loop.Remove(in.exitKey, in.proc.PidFD)
	}
	in.proc.Close()
	in.outMu.Unlock()
	if in.group != nil {
		if err := in.group.Remove(); err != nil {
			in.r.log.Warn("a control group could not be removed", "instance", in.id, "err", err)
		}
	}
	if in.scratch != "" {
		os.RemoveAll(in.scratch)
	}
	in.r.mu.Lock()
	delete(in.r.every, in)
	in.r.mu.Unlock()
}

func (in *instance) setLoading(on bool) {
	in.r.mu.Lock()
	in.loading = on
	in.r.mu.Unlock()
}
