// Package console serves the console's address: health, the JSON API that the command
// line and the web console use, and the pages themselves.
//
// Requests to /api/ are signed as those to FC are (ACS3-HMAC-SHA256), or come from a
// browser that has signed in with a key pair, and are judged by the same policies: the
// console can do nothing that its caller's key may not do. Nothing there is for anonymous
// callers. Under /oss/ and /fc/ the console's pages reach the wire protocols themselves,
// whose one authorisation holds.
package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"github.com/alcedo-storage/alcedo/console"
	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/gauge"
	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/replay"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

// Options of New; all are needed.
type Options struct {
	Identity  *identity.Store
	Functions *function.Store
	Triggers  *trigger.Store
	History   *history.Store
	Queue     *delivery.Queue
	Runner    *runner.Runner
	Region    string
	Account   string
	Version   string
	Ready     func() bool
	Trouble   func() error // why writes are refused now, a *fault.Error; nil: never

	Jobs     *replay.Store
	MaxDepth int          // run.Invoker's
	Runs     *run.Invoker // what is under way; nil: nobody knows
	Metrics  http.Handler // of GET /metrics, for who may read them; nil: none
	Gauge    *gauge.Gauge
	Usage    *gauge.Store // nil: nobody knows
	Buckets  Buckets      // nil: none is found by its name

	// OSS and FC are the handlers of the wire, for the console's own pages; nil: none.
	OSS, FC http.Handler
	OSSAddr string // where OSS listens, for links: host:port
}

type handler struct {
	Options
	tries tries // of signing in
	// changes is held from looking a role or a user up to changing it. Identity's calls
	// are atomic one by one, and this server is the only one that makes them.
	changes sync.Mutex
	paused  pausedTriggers
	watches watches
}

// operation answers a request whose caller is known. Without an answer and an error, the
// status is 204.
type operation func(*request) (any, error)

// New returns the handler of the console's address.
func New(o Options) http.Handler {
	h := &handler{Options: o}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", h.health)
	if h.Metrics != nil {
		mux.HandleFunc("GET /metrics", h.metrics)
	}
	for pattern, op := range h.operations() {
		mux.Handle(pattern, h.signedIn(h.api(op)))
	}
	session := http.NewCrossOriginProtection().Handler(http.HandlerFunc(h.session))
	for _, method := range []string{"GET", "POST", "DELETE"} {
		mux.Handle(method+" /api/session", session)
	}
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		reply(w, nil, fault.New(fault.NotFound, "NoSuchOperation", "There is no %s %s.", r.Method, r.URL.Path))
	})
	p := newPages(console.Dist, func(r *http.Request) any { return h.sessionOf(h.caller(r)) })
	mux.HandleFunc("GET /assets/", p.asset)
	mux.HandleFunc("/", p.page)
	return h.wires(mux)
}

// wires serves the wire protocols before a mux can tidy up their paths: it would send a
// DELETE of the object "a//b" on to "a/b".
func (h *handler) wires(next http.Handler) http.Handler {
	var oss, fc http.Handler
	if h.OSS != nil {
		oss = h.wire("/oss", h.OSS)
	}
	if h.FC != nil {
		fc = h.wire("/fc", h.watched(h.FC))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case oss != nil && strings.HasPrefix(r.URL.Path, "/oss/"):
			oss.ServeHTTP(w, r)
		case fc != nil && strings.HasPrefix(r.URL.Path, "/fc/"):
			fc.ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// operations are all that is under /api/; each file that serves some has its own list.
func (h *handler) operations() map[string]operation {
	all := map[string]operation{}
	for _, list := range []map[string]operation{h.runOperations(), h.accessOperations(), h.loopOperations(), h.deadOperations(), h.replayOperations(), h.triggerOperations(), h.eventOperations(), h.codeOperations(), h.eventPageOperations(), h.triggerPageOperations(), h.mayOperations(), h.bucketOperations(), h.overviewOperations(), h.watchOperations(), h.logsBackOperations(), h.findOperations(), h.underWayOperations(), h.warningsOperations()} {
		maps.Copy(all, list)
	}
	return all
}

func (h *handler) accessOperations() map[string]operation {
	return map[string]operation{
		"GET /api/roles":           h.listRoles,
		"POST /api/roles":          h.createRole,
		"GET /api/roles/{name}":    h.getRole,
		"PUT /api/roles/{name}":    h.updateRole,
		"DELETE /api/roles/{name}": h.deleteRole,

		"GET /api/users":                     h.listUsers,
		"POST /api/users":                    h.createUser,
		"GET /api/users/{name}":              h.getUser,
		"PUT /api/users/{name}":              h.updateUser,
		"DELETE /api/users/{name}":           h.deleteUser,
		"GET /api/users/{name}/keys":         h.listKeys,
		"POST /api/users/{name}/keys":        h.createKey,
		"DELETE /api/users/{name}/keys/{id}": h.deleteKey,

		"POST /api/explain/trust": h.explainTrust,
	}
}

func (h *handler) health(w http.ResponseWriter, _ *http.Request) {
	if !h.Ready() {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	state, text := "ok", "ok\n"
	if h.Trouble != nil {
		// Still 200: reads go on, and to restart the server would not mend the disk.
		if err := h.Trouble(); err != nil {
			state, text = "read-only", "read-only: "+fault.As(err).Message+"\n"
		}
	}
	w.Header().Set("X-Alcedo-State", state)
	_, _ = w.Write([]byte(text)) // the client went away: nothing to do
}

// request is a request whose caller is known and whose body is the one that was signed.
type request struct {
	*http.Request
	who  *identity.Principal
	body []byte
}

// maxBody bounds a request's body, in bytes: eight policies of 6 KiB, escaped, fit easily.
const maxBody = 1 << 20

// read takes the body into memory and returns its SHA-256 in hex. It is called when the
// signature has proved right.
func (r *request) read(w http.ResponseWriter) (string, error) {
	var err error
	r.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return "", fault.New(fault.TooLarge, "EntityTooLarge", "The request's body is larger than %d bytes.", maxBody)
	}
	if err != nil {
		return "", fault.New(fault.Invalid, "InvalidArgument", "The request's body ended early or could not be read.").WithHint("Send the request again.").Because(err)
	}
	sum := sha256.Sum256(r.body)
	return hex.EncodeToString(sum[:]), nil
}

// decode fills v from the body, one JSON object. Unknown fields are refused: a setting
// that is silently dropped would make a role that is not what was asked for.
func (r *request) decode(v any) error {
	invalid := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "InvalidArgument", "The request's body is not valid: "+format+".", args...)
	}
	if len(r.body) == 0 {
		return invalid("it is empty; send a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if typ := (*json.UnmarshalTypeError)(nil); errors.As(err, &typ) {
		if typ.Field == "" {
			return invalid("it must be a JSON object, not %s", typ.Value)
		}
		return invalid("the field %q cannot be %s", typ.Field, typ.Value)
	}
	if err != nil {
		return invalid("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); err != io.EOF {
		return invalid("something follows the JSON object")
	}
	return nil
}

var statuses = map[fault.Kind]int{
	fault.Invalid: 400, fault.Unauthentic: 403, fault.Denied: 403, fault.NotFound: 404, fault.Exists: 409, fault.Conflict: 409,
	fault.Precondition: 412, fault.TooLarge: 413, fault.Throttled: 429, fault.Unsupported: 501, fault.Unavailable: 503,
}

// api wraps an operation: who asks, what comes of it as JSON.
func (h *handler) api(op operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := &request{Request: r}
		var err error
		q.who, err = h.Identity.VerifyACS3(r, func() (string, error) { return q.read(w) })
		if err == nil && q.who.Kind == identity.Anonymous && fromPage(r) {
			err = fault.New(fault.Unauthentic, identity.ReasonNotSignedIn, "You are not signed in, or your session has ended.").WithHint("Sign in with an AccessKey pair.")
		}
		if err == nil && q.who.Kind == identity.Anonymous {
			err = fault.New(fault.Denied, identity.ReasonAccessDenied, "The request is anonymous.").WithHint("Sign it with ACS3-HMAC-SHA256, as requests to FC are.")
		}
		var out any
		if err == nil {
			out, err = op(q)
		}
		reply(w, out, err)
	}
}

// reply writes what came of an operation: out as JSON, 204 without any, or the error.
func reply(w http.ResponseWriter, out any, err error) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if err == nil && out == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	if t, ok := out.(tagged); ok && err == nil {
		h.Set("ETag", `"`+t.etag()+`"`)
	}
	if err != nil {
		f := fault.As(err)
		status := statuses[f.Kind]
		if status == 0 {
			status = 500
		}
		if f.Reason == identity.ReasonNotSignedIn {
			status = http.StatusUnauthorized // a page asks its reader to sign in
		}
		w.WriteHeader(status)
		out = refused(f)
	}
	_ = json.NewEncoder(w).Encode(out) // the client went away: nothing to do
}

// may checks a permission on a function; "*" for any.
func (h *handler) may(r *request, action, functionName string) error {
	return h.authorize(r, action, "acs:fc:"+h.Region+":"+h.Account+":functions/"+functionName)
}

// mayGet checks that the caller may get a function, and that there is one.
func (h *handler) mayGet(r *request, name string) error {
	if err := h.may(r, "fc:GetFunction", name); err != nil {
		return err
	}
	_, err := h.Functions.Get(r.Context(), name)
	return err
}

func (h *handler) authorize(r *request, action, resource string) error {
	return h.Identity.Authorize(r.who, action, resource, h.conditions(r))
}

func (h *handler) conditions(r *request) identity.Conditions {
	c := identity.Conditions{Secure: r.TLS != nil}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		a, _ := netip.ParseAddr(host) // the zero Addr is "unknown"
		c.SourceIP = a.Unmap()
	}
	return c
}

func (h *handler) runtimes(*request) (any, error) { return h.Runner.Runtimes(), nil }
