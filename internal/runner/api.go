// Package runner runs function code: a pool of sandboxed instances per function
// configuration, and the protocol spoken with the runtime inside each.
package runner

import (
	"time"

	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/lineage"
)

// Request is one invocation.
type Request struct {
	Function *function.Resolved
	// PoolKey tells which instances may serve this request; see function.Key.
	PoolKey   function.Key
	RequestID string
	Event     []byte
	Region    string
	Account   string
	// Credentials of the function's role; all empty when the function has no role.
	AccessKeyID, AccessKeySecret, SecurityToken string
	RetryCount                                  int
	// Lineage of the run, or nil: what the run writes is caused by it. See
	// InstanceInfo.Lineage.
	Lineage *lineage.Lineage

	// OnStart, if not nil, is called once when the event is handed to an instance,
	// before its handler's first line can run. It must not block.
	OnStart func(Start)
	// OnLog, if not nil, receives each captured chunk of output as it arrives. It must
	// not block and must not keep the slice.
	OnLog func(chunk []byte)

	// Stop, once closed, ends the run as its time-out would, and Invoke fails with reason
	// RunStopped. A nil channel never does.
	Stop <-chan struct{}
}

// RunStopped is the reason of Invoke when Request.Stop ended a run that had begun.
const RunStopped = "RunStopped"

// Start says which instance a request was given to.
type Start struct {
	InstanceID string
	Cold       bool          // the instance was started for this request
	Queued     time.Duration // waiting for an instance, without Init
	Init       time.Duration // starting the instance and loading the code; 0 when warm
}

// Error types as FC reports them in X-Fc-Error-Type.
const (
	ErrorUnhandled = "UnhandledInvocationError" // thrown, rejected, exited, timed out, out of memory
	ErrorHandled   = "HandledInvocationError"   // Node.js: callback(err)
	ErrorInit      = "InitializationError"      // the initializer failed or timed out
)

// Result is what came of an invocation that reached an instance. Failures of the
// function itself are results, with ErrorType set and the error's JSON in Payload; an
// error from [Runner.Invoke] means that Alcedo could not run the function.
type Result struct {
	Start
	Payload   []byte
	ErrorType string        // empty: success
	Duration  time.Duration // of the handler, from event handed over to result
	MemoryMB  int           // peak resident memory of the instance so far, MB
	Log       []byte        // captured output, oldest first, cut to the last MaxLog bytes
	LogCut    bool          // some output was dropped
}
