// Package run is the one way a function is run, whoever asks: a request to the API, a
// trigger's delivery or a retry. It finds the configuration, issues the run's
// credentials, which carry its lineage, has the runner run it, and tells the history.
package run

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/runner"
)

// CredentialTTL is how long the credentials of a run are good: what the cloud gives
// (36 hours), because functions keep SDK clients made in one run for later ones. What
// such a client writes carries the lineage of the run whose credentials it holds.
const CredentialTTL = 36 * time.Hour

// Functions finds what a name means; *function.Store does.
type Functions interface {
	Resolve(ctx context.Context, name, qualifier string, rnd float64) (*function.Resolved, function.Key, error)
}

// Issuer makes credentials of a function's role for one run; *identity.Store does. l is
// the run's own lineage.
type Issuer interface {
	IssueForRun(roleARN, service, session string, ttl time.Duration, l *lineage.Lineage) (identity.Credentials, error)
}

// Runner runs one request on an instance; *runner.Runner does. A failure of the
// function itself is a Result, not an error.
type Runner interface {
	Invoke(ctx context.Context, r *runner.Request) (*runner.Result, error)
}

// Recorder is told of every run that reached a function, when it is over. It owns the
// Record from then on, except that the caller of Invoke may read it. It must not block.
type Recorder interface {
	Record(*Record)
}

// Kinds of runs.
const (
	Sync    = "sync"    // somebody waits for the answer
	Async   = "async"   // an asynchronous invocation through the API
	Trigger = "trigger" // an event made a trigger fire

	Destination = "destination" // the result of an asynchronous invocation is handed on
)

// Call is one attempt to run a function.
type Call struct {
	Function  string
	Qualifier string // empty: LATEST
	Event     []byte // may be reused once Invoke returned a Result without ErrorType; else an instance may still read it
	RequestID string // of the attempt; unique
	Attempt   int    // 0 for the first, then the number of retries
	Kind      string
	Trigger   string // name of the trigger, if any
	EventID   string // id of the event, if any
	Bucket    string // of the event, if any
	Key       string // likewise
	Mark      string // delivery.Mark…, or empty

	// Lineage of this run; nil for one that no run caused (see [Direct]).
	Lineage *lineage.Lineage

	// OnStart and OnLog are as in runner.Request; either may be nil.
	OnStart func(runner.Start)
	OnLog   func(chunk []byte)

	Stop <-chan struct{} // as in runner.Request: once closed, the run ends
}

// Record tells how a run went.
type Record struct {
	RequestID  string
	Function   string
	FunctionID string
	Version    string // the version that ran: LATEST or a version id
	Qualifier  string // as asked
	Kind       string
	Trigger    string
	EventID    string
	Mark       string
	Attempt    int
	Start      time.Time // when Invoke was called
	Elapsed    time.Duration
	Queued     time.Duration
	Init       time.Duration
	Duration   time.Duration // of the handler
	Cold       bool
	MemoryMB   int
	InstanceID string
	ErrorType  string // runner.Error…, or empty
	Fault      string // reason why it could not be run at all, or empty
	Message    string // of the Fault, for people; or empty
	Lineage    *lineage.Lineage
	Log        []byte // tail of the output
	LogCut     bool
	Payload    []byte // what the function returned; the error's JSON if it failed

	Checksum string // of the code package
}

// Succeeded reports whether the function ran and did not fail.
func (r *Record) Succeeded() bool { return r.ErrorType == "" && r.Fault == "" }

// Invoker runs functions. Recorder may be nil; everything else is needed. Its methods
// may be called from many goroutines.
type Invoker struct {
	Functions Functions
	Identity  Issuer
	Runner    Runner
	Recorder  Recorder
	Region    string
	Account   string

	// MaxDepth stops chains of runs that cause each other: a call whose lineage is
	// deeper is refused (reason RecursiveInvocation). 0: no limit. Functions can have
	// limits of their own.
	MaxDepth int

	active sync.Map // request id → *flight, of runs under way
	live   live
}

// Active returns the lineage of a run under way, or nil.
func (i *Invoker) Active(requestID string) *lineage.Lineage {
	if l, ok := i.active.Load(requestID); ok {
		return l.(*flight).lineage
	}
	return nil
}

// Direct is the lineage of a run that a request asked for: by is the lineage of the
// run that made the request, or nil.
func Direct(by *lineage.Lineage, requestID, function string) *lineage.Lineage {
	if by == nil {
		return &lineage.Lineage{Run: requestID, Function: function}
	}
	return lineage.Next(by, requestID, function, "", "")
}

// Running reports whether a run is under way, by its request id.
func (i *Invoker) Running(requestID string) bool {
	_, ok := i.active.Load(requestID)
	return ok
}

// Check reports whether a function can be invoked now: it exists, it is not disabled,
// and the chain that leads to it is not too long. Asynchronous calls ask before they
// are accepted.
func (i *Invoker) Check(ctx context.Context, name, qualifier string, l *lineage.Lineage) error {
	r, _, err := i.Functions.Resolve(ctx, name, qualifier, 0)
	if err != nil {
		return err
	}
	return i.allowed(r, l)
}

func (i *Invoker) allowed(r *function.Resolved, l *lineage.Lineage) error {
	if r.Disabled != "" {
		return fault.New(fault.Denied, "FunctionDisabled", "Invocation of function '%s' is disabled: %s.", r.Name, r.Disabled).
			WithHint("Enable it with EnableFunctionInvocation.")
	}
	if r.Reserved != nil && *r.Reserved == 0 {
		return fault.New(fault.Throttled, "ResourceExhausted", "The reserved concurrency of function '%s' is 0, so it cannot run.", r.Name).
			WithHint("Raise reservedConcurrency or delete the concurrency config.")
	}
	if most := i.DepthLimit(r.LoopLimit); most > 0 && l != nil && l.Depth > most {
		return fault.New(fault.Denied, Recursive, "Function '%s' is the end of a chain of %d runs that caused each other; at most %d are allowed.", r.Name, l.Depth, most).
			With("depth", strconv.Itoa(l.Depth)).With("limit", strconv.Itoa(most)).
			WithHint("The chain began with run '%s'. Break the loop.", first(l))
	}
	return nil
}

// Recursive is the reason of a call that is refused because its chain is too long.
const Recursive = "RecursiveInvocation"

// DepthLimit is what a function's loop limit comes to; 0: none.
func (i *Invoker) DepthLimit(ofFunction int) int {
	switch ofFunction {
	case function.LoopDefault:
		return i.MaxDepth
	case function.LoopOff:
		return 0
	}
	return ofFunction
}

func first(l *lineage.Lineage) string {
	if len(l.Chain) > 0 {
		return l.Chain[0]
	}
	return l.Run
}

// Invoke runs a function once and returns what came of it. An error means that it was
// not run, or that nobody knows whether it was (the context ended); a failure of the
// function is in the result. The Record is nil only if the function was not found, or
// may not run now.
func (i *Invoker) Invoke(ctx context.Context, c Call) (*runner.Result, *Record, error) {
	start := time.Now()
	res, key, err := i.Functions.Resolve(ctx, c.Function, c.Qualifier, rand.Float64())
	if err != nil {
		return nil, nil, err
	}
	if c.Lineage == nil {
		c.Lineage = Direct(nil, c.RequestID, res.Name)
	}
	if err := i.allowed(res, c.Lineage); err != nil {
		return nil, nil, err
	}
	rec := &Record{
		RequestID: c.RequestID, Function: res.Name, FunctionID: res.ID, Version: res.Version, Qualifier: res.Qualifier,
		Kind: c.Kind, Trigger: c.Trigger, EventID: c.EventID, Mark: c.Mark, Attempt: c.Attempt, Start: start, Lineage: c.Lineage,
		Checksum: res.Config.Code.Checksum,
	}
	req := runner.Request{
		Function: res, PoolKey: key, RequestID: c.RequestID, Event: c.Event, Region: i.Region, Account: i.Account,
		RetryCount: c.Attempt, Lineage: c.Lineage, OnStart: c.OnStart, OnLog: c.OnLog, Stop: c.Stop,
	}
	hook(ctx, &req)
	var result *runner.Result
	if role := res.Config.Role; role != "" {
		var cred identity.Credentials
		if cred, err = i.Identity.IssueForRun(role, identity.ServiceFC, res.Name, CredentialTTL, c.Lineage); err == nil {
			req.AccessKeyID, req.AccessKeySecret, req.SecurityToken = cred.AccessKeyID, cred.AccessKeySecret, cred.SecurityToken
		}
	}
	if err == nil {
		f := i.begin(rec)
		req.OnStart, req.OnLog = both(f.started, req.OnStart), both(f.printed, req.OnLog)
		result, err = i.Runner.Invoke(ctx, &req)
		i.end(f)
	}
	rec.Elapsed = time.Since(start)
	if err != nil {
		f := fault.As(err)
		rec.Fault, rec.Message = string(f.Reason), f.Message
	} else {
		rec.Queued, rec.Init, rec.Duration, rec.Cold = result.Queued, result.Init, result.Duration, result.Cold
		rec.MemoryMB, rec.InstanceID, rec.ErrorType = result.MemoryMB, result.InstanceID, result.ErrorType
		rec.Log, rec.LogCut, rec.Payload = result.Log, result.LogCut, result.Payload
	}
	if i.Recorder != nil {
		i.Recorder.Record(rec)
	}
	return result, rec, err
}
