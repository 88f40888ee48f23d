package runner

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/runner/endpoints"
	"github.com/alcedo-storage/alcedo/internal/runner/frames"
	"github.com/alcedo-storage/alcedo/internal/runner/runtimes"
	"github.com/alcedo-storage/alcedo/internal/runner/sandbox"
)

const (
	// MaxLog is how many bytes of a request's output are kept: the last ones.
	MaxLog = 1 << 20
	// MaxPayload is the most bytes an event or a result may have.
	MaxPayload = frames.MaxPayload
	// SandboxBwrap runs functions inside bubblewrap; SandboxProcess isolates nothing.
	SandboxBwrap   = "bwrap"
	SandboxProcess = "process"
)

// Options configure a [Runner]. Only Dir and CodeDir are required.
type Options struct {
	// Dir is a directory of the runner's own, inside the data directory. Besides scratch
	// files it holds the local certificate authority.
	Dir string
	// RuntimeDir is where set-up installed the runtimes' built-in modules:
	// nodejs/node_modules, python, php/vendor. It need not exist.
	RuntimeDir string
	// PHPModules, if not empty, is a directory with an autoload.php that is used instead
	// of RuntimeDir's php/vendor.
	PHPModules string
	// Sandbox is SandboxBwrap (the default) or SandboxProcess.
	Sandbox string
	// MaxInstances bounds the processes of all functions together; 0 means 64.
	MaxInstances int
	// IdleTimeout ends instances that had nothing to do for so long; 0 means 5 minutes.
	// A function's own idleTimeout goes before it.
	IdleTimeout time.Duration
	// CodeDir returns the directory with the function's unpacked code. It is shown
	// read-only to every instance of the function and must stay until [Runner.Evict].
	CodeDir func(*function.Resolved) (string, error)
	// CodeRoot is a directory below which every CodeDir lies. With it, spare instances
	// that were started ahead can be given code; without it, every start is cold.
	CodeRoot string
	// Endpoints answers requests that functions send to the cloud's host names. See
	// [InstanceFrom] for who sent them.
	Endpoints http.Handler
	Logger    *slog.Logger
	// Self is the path of the alcedo binary, which calls [SandboxInit] when its first
	// argument is "sandbox-init"; empty means the running program.
	Self string
	// Path is the list of directories to find interpreters in; empty means $PATH.
	Path string
	// NoSpares starts no instance ahead.
	NoSpares bool
	// Now is the clock for certificates and idle times; nil means time.Now.
	Now func() time.Time
}

// Runtime is one runtime name and what serves it on this host.
type Runtime = runtimes.Runtime

// SandboxInit is what the alcedo binary does when its first argument is "sandbox-init":
// it is then the first process inside a sandbox, and becomes the function's runtime. It
// returns only on failure.
func SandboxInit(args []string) error { return sandbox.Init(args) }

// InstanceInfo tells which instance a request to an endpoint came from. It cannot be
// forged from inside: it follows from the socket.
type InstanceInfo struct {
	FunctionName string
	FunctionID   string
	Version      string // LATEST or a version id
	InstanceID   string
	RequestIDs   []string // the calls that run in it now, oldest first; usually one

	// Lineage is what a request from it is caused by: the latest call that runs in it
	// or, if none does any more, the last one that did, which may have left a timer or
	// a promise behind. An instance that runs several calls at once cannot tell which
	// of them makes a request: one is named, since to name none would hide a loop.
	Lineage *lineage.Lineage
}

// InstanceFrom returns the instance that sent an HTTP request with this context to one
// of the cloud's endpoints. ok is false for every other context.
func InstanceFrom(ctx context.Context) (*InstanceInfo, bool) {
	in, ok := endpoints.Owner(ctx).(*instance)
	if !ok {
		return nil, false
	}
	return in.info(), true
}

// Stats counts what a runner holds and did.
type Stats struct {
	Instances int // processes that serve a function, starting ones included
	Busy      int
	Idle      int
	Starting  int
	Spares    int // started ahead, without code
	Waiting   int // requests waiting for an instance
	Invoked   uint64
	Cold      uint64 // instances started for a function
	FromSpare uint64 // of these, made from a spare
}
