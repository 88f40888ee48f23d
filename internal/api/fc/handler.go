// Package fc speaks the Function Compute 3.0 protocol (API version 2023-03-30), and of
// the old one (2016-08-15) what today's tools still call.
package fc

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/reason"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

// Identity says who asks and what they may do; *identity.Store does.
type Identity interface {
	VerifyACS3(r *http.Request, bodySHA256 func() (string, error)) (*identity.Principal, error)
	VerifyFC(r *http.Request) (*identity.Principal, error)
	Authorize(p *identity.Principal, action, resource string, cond identity.Conditions) error
	CheckTrust(roleARN, service string) error
}

// Runtimes knows the languages of this host; *runner.Runner does.
type Runtimes interface {
	// CheckRuntime returns what serves a runtime name, or a fault that says what to
	// install.
	CheckRuntime(name string) (runner.Runtime, error)

	// Diagnose looks at unpacked code before a function gets it: a missing handler
	// file, syntax that the interpreter cannot parse. A fault refuses the code.
	Diagnose(ctx context.Context, runtime, codeDir, handler string) error

	// Warm has an instance of a runtime started ahead. It does not wait.
	Warm(runtime string) error

	// Evict ends a function's instances once they are idle. It does not wait.
	Evict(functionID string)
}

// Async accepts asynchronous invocations.
type Async interface {
	// Enqueue makes an invocation durable before it returns nil; it then runs at
	// least once. requestID names the run, taskID the task (they may be equal).
	Enqueue(ctx context.Context, function, qualifier string, payload []byte, requestID, taskID string, origin event.Origin) error
}

// Objects reads code packages from OSS on behalf of who deploys them.
type Objects interface {
	// OpenObject opens an object that p may read (oss:GetObject).
	OpenObject(ctx context.Context, p *identity.Principal, bucket, key string) (io.ReadCloser, error)
}

// Uploads gives Serverless Devs a place to put code packages.
type Uploads interface {
	// TempBucket returns a bucket, an object name and credentials that may put an
	// object there under "<account>/<objectName>".
	TempBucket(ctx context.Context, p *identity.Principal) (TempBucket, error)
}

// TempBucket is the answer of tempBucketToken.
type TempBucket struct {
	Credentials identity.Credentials
	Region      string
	Bucket      string
	Object      string
}

// Triggers keeps the triggers of functions; *trigger.Store does.
type Triggers interface {
	Create(ctx context.Context, function string, t trigger.Trigger) (trigger.Trigger, error)
	Get(ctx context.Context, function, name string) (trigger.Trigger, error)
	Update(ctx context.Context, function, name string, c trigger.Change) (trigger.Trigger, error)
	Delete(ctx context.Context, function, name string) error
	List(ctx context.Context, function, prefix, after string, limit int) (ts []trigger.Trigger, more bool, err error)
	CheckNone(r kv.Reader, function, qualifier string) error

	// Warning says that a trigger, as Create or Update returned it, is likely to start
	// itself; empty if it is not. It is one line of ASCII.
	Warning(ctx context.Context, t trigger.Trigger) (*reason.Why, error)
}

// Options are the parts that a Handler puts on the wire. Async, Tasks, Objects, Uploads,
// Triggers and Runtimes may be nil: what needs them then answers NotImplemented.
type Options struct {
	Functions *function.Store
	Identity  Identity
	Invoker   *run.Invoker
	Runtimes  Runtimes
	Async     Async
	Tasks     Tasks
	Objects   Objects
	Uploads   Uploads
	Triggers  Triggers

	// Origin, if not nil, returns the run whose sandbox a request came from, or nil: a
	// function that calls functions with long-lived keys does not escape its lineage.
	Origin func(context.Context) *lineage.Lineage

	Region  string // "cn-hangzhou"
	Account string // 16 digits
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
}

// Sizes of requests and answers (FC quotas).
const (
	maxSyncEvent  = 32 << 20
	maxAsyncEvent = 128 << 10
	maxCodeBody   = 144 << 20 // a 100 MB zip in base64, and the settings beside it
	maxBody       = 1 << 20   // every other request
	maxLogResult  = 4 << 10   // of output, before base64
)

// Handler is the http.Handler of the Function Compute address.
type Handler struct {
	Options
	linkKey []byte        // signs download links of code; of this process only
	deploys chan struct{} // bounds how many large bodies are in memory at once
}

// New returns a Handler.
func New(o Options) *Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Handler{Options: o, linkKey: make([]byte, 32), deploys: make(chan struct{}, 3)}
	_, _ = rand.Read(h.linkKey) // never fails
	return h
}

// call is one request on its way through.
type call struct {
	w         http.ResponseWriter
	r         *http.Request
	route     *route
	args      [3]string // what the pattern's "*" stand for, unescaped
	requestID string
	who       *identity.Principal
	body      []byte
	slot      bool // the body is large: one of Handler.deploys is taken
}

// ServeHTTP answers one request. Every answer carries X-Fc-Request-Id.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := call{w: w, r: r, requestID: run.NewRequestID(h.Now())}
	w.Header()["X-Fc-Request-Id"] = []string{c.requestID}
	if err := h.serve(&c); err != nil {
		h.fail(&c, err)
	}
}

func (h *Handler) serve(c *call) error {
	var err error
	if c.route, err = match(c.r.Method, c.r.URL.EscapedPath(), &c.args); err != nil {
		return err
	}
	if c.route.unsigned {
		return c.route.serve(h, c)
	}
	if c.route.old {
		c.who, err = h.Identity.VerifyFC(c.r)
	} else if c.route.serve != nil && c.route.ownBody {
		return c.route.serve(h, c) // reads the body its own way, and authenticates
	} else {
		defer func() {
			if c.slot {
				<-h.deploys
			}
		}()
		c.who, err = h.Identity.VerifyACS3(c.r, func() (string, error) { return h.readBody(c) })
	}
	if err != nil {
		return err
	}
	if err := h.authorize(c, c.args[0]); err != nil {
		return err
	}
	if c.route.serve == nil {
		return fault.New(fault.Unsupported, "NotImplemented", "%s is not implemented by Alcedo: %s.", c.route.action, c.route.why)
	}
	return c.route.serve(h, c)
}

// readBody takes the request's body into memory and returns its SHA-256 in hex. The
// signature is right by now. A large body waits for its turn, so that few of them are
// in memory at once; small ones never wait for those.
func (h *Handler) readBody(c *call) (sum string, err error) {
	if c.body, err = readAll(c.r, nil, min(c.route.body, maxBody)); fault.Is(err, "EntityTooLarge") && c.route.body > maxBody {
		select {
		case h.deploys <- struct{}{}:
			c.slot = true
		case <-c.r.Context().Done():
			return "", c.r.Context().Err()
		}
		c.body, err = readAll(c.r, c.body, c.route.body)
	}
	if err != nil {
		return "", err
	}
	return hexSHA256(c.body), nil
}

const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func hexSHA256(b []byte) string {
	if len(b) == 0 {
		return emptySHA256
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// readAll appends the body of r, at most limit bytes, to buf.
func readAll(r *http.Request, buf []byte, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return buf, entityTooLarge(limit)
	}
	if n := r.ContentLength; n > int64(cap(buf)) {
		buf = append(make([]byte, 0, n+1), buf...) // room to see the end without growing
	} else if cap(buf) == 0 && n != 0 {
		buf = make([]byte, 0, 4<<10)
	}
	for r.Body != nil && r.Body != http.NoBody {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Body.Read(buf[len(buf):min(int64(cap(buf)), limit+1)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > limit {
			return buf, entityTooLarge(limit)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return buf, fault.New(fault.Invalid, "InvalidArgument", "The request's body ended early or could not be read.").
				WithHint("Send the request again.").Because(err)
		}
	}
	return buf, nil
}

func entityTooLarge(limit int64) error {
	return fault.New(fault.TooLarge, "EntityTooLarge", "payload size exceeds maximum allowed size (%d bytes)", limit)
}

// authorize checks that the caller may do the route's action on a function ("" stands
// for all of them).
func (h *Handler) authorize(c *call, function string) error {
	switch c.who.Kind {
	case identity.Root:
		return nil
	case identity.Anonymous:
		return fault.New(fault.Invalid, "MissingRequiredHeader", "required HTTP header Authorization was not specified").
			WithHint("Sign the request with ACS3-HMAC-SHA256, as the official SDKs do.")
	}
	switch {
	case c.route.resource == ownResource:
		return nil // serve calls authorizeOn once it has read the name
	case function == "" || c.route.resource == "*":
		function = "*"
	}
	return h.authorizeOn(c, function)
}

// authorizeOn checks that the caller, who is not anonymous, may do the route's action
// on a function.
func (h *Handler) authorizeOn(c *call, function string) error {
	if c.who.Kind == identity.Root {
		return nil
	}
	return h.Identity.Authorize(c.who, "fc:"+c.route.action, h.functionARN(function), identity.Conditions{SourceIP: sourceIP(c.r), Secure: c.r.TLS != nil})
}

func sourceIP(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	a, _ := netip.ParseAddr(host) // the zero Addr is "unknown"
	return a.Unmap()
}

func (h *Handler) functionARN(name string) string {
	return "acs:fc:" + h.Region + ":" + h.Account + ":functions/" + name
}

// decode fills v from the JSON body. Fields it does not know are left out, as the
// cloud does: tools send back what they were given.
func (c *call) decode(v any) error {
	if len(c.body) == 0 {
		return nil
	}
	err := json.Unmarshal(c.body, v)
	if err == nil {
		return nil
	}
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) && typ.Field != "" {
		return invalid("field '%s' must be %s, not %s", typ.Field, jsonName(typ.Type.String()), typ.Value)
	}
	return invalid("the body is not valid JSON (%s)", err)
}

func jsonName(goType string) string {
	switch goType {
	case "int", "*int", "float64", "*float64":
		return "a number"
	case "bool", "*bool":
		return "true or false"
	case "string", "*string":
		return "a string"
	case "[]uint8", "*[]uint8":
		return "base64"
	}
	return "of another type"
}

// json answers 200 with v.
func (c *call) json(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.write(http.StatusOK, b)
	return nil
}

// done answers 204: the operations whose answer has no body.
func (c *call) done() error {
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *call) write(status int, json []byte) {
	hdr := c.w.Header()
	hdr.Set("Content-Type", "application/json")
	hdr.Set("Content-Length", strconv.Itoa(len(json)))
	c.w.WriteHeader(status)
	_, _ = c.w.Write(json) // the client has gone if this fails
}

// limit reads the query parameter limit; 0 if there is none.
func (c *call) limit(name string) (int, error) {
	s := c.r.URL.Query().Get(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 100 {
		return 0, invalid("%s '%s' is out of range: it must be 1 to 100", name, clip(s))
	}
	return n, nil
}

func invalid(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "InvalidArgument", format, args...)
}

func notImplemented(format string, args ...any) *fault.Error {
	return fault.New(fault.Unsupported, "NotImplemented", format, args...)
}

// clip cuts a value from a request to what fits in a message.
func clip(s string) string {
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return s
}
