// Package oss speaks the protocol of Alibaba Cloud Object Storage Service: addressing,
// routing, signatures and permissions, XML, errors.
//
// It decides nothing about storage: [object.Store] does. It decides everything about
// the wire: one table names the operations and the permissions they need (routes.go,
// auth.go), one maps faults to OSS's codes (errors.go).
package oss

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/object"
)

// Options are what a Handler is made of. Objects and Identity are required.
type Options struct {
	Objects  *object.Store
	Identity Authenticator
	Images   Imager // nil: image processing answers NotImplemented

	Region  string   // "cn-hangzhou"
	Account string   // uid of the account that owns what is created here
	Domains []string // base domains, besides localhost, that carry buckets as first label

	Logger *slog.Logger     // nil: slog.Default(); requests are logged at debug level
	Now    func() time.Time // nil: time.Now

	// Origin, if not nil, returns the run whose sandbox a request came from, or nil. A
	// session token that carries lineage takes precedence.
	Origin func(context.Context) *lineage.Lineage
}

// Handler answers OSS requests. It must be mounted without a ServeMux, which would clean
// and redirect paths that are keys.
type Handler struct {
	objects *object.Store
	auth    Authenticator
	images  Imager
	region  string
	account string
	addr    addressing
	log     *slog.Logger
	now     func() time.Time
	origin  func(context.Context) *lineage.Lineage
	ids     *requestIDs
}

// New returns a handler. It may serve many requests at once.
func New(o Options) (*Handler, error) {
	switch {
	case o.Objects == nil:
		return nil, errors.New("oss: Options.Objects is missing")
	case o.Identity == nil:
		return nil, errors.New("oss: Options.Identity is missing")
	case o.Region == "" || o.Account == "":
		return nil, errors.New("oss: Options.Region and Options.Account must be set")
	}
	h := &Handler{
		objects: o.Objects, auth: o.Identity, images: o.Images,
		region: o.Region, account: o.Account,
		addr: newAddressing(o.Region, o.Domains),
		log:  o.Logger, now: o.Now, origin: o.Origin, ids: newRequestIDs(),
	}
	if h.log == nil {
		h.log = slog.Default()
	}
	if h.now == nil {
		h.now = time.Now
	}
	return h, nil
}

// Canonical header names, so that the header map is indexed without work.
const (
	hRequestID  = "X-Oss-Request-Id"
	hNextAppend = "X-Oss-Next-Append-Position"
	hCRC64      = "X-Oss-Hash-Crc64ecma"
)

var serverHeader = []string{"AliyunOSS"}

// request is one request on its way through this package.
type request struct {
	address
	h       *Handler
	w       http.ResponseWriter
	r       *http.Request
	id      string
	now     time.Time
	query   query
	op      *operation
	who     principal
	bucketI *object.Bucket // set for every operation on an existing bucket
	given   http.Header    // what stood in the answer before: the console's, of its own pages
	status  int            // 0 until the header is written
	err     *fault.Error   // what the request came to, nil if it went well
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{h: h, w: w, r: r, now: h.now()}
	q.id = h.ids.next(q.now)
	hdr := w.Header()
	if len(hdr) > 0 {
		q.given = maps.Clone(hdr)
	}
	hdr["Server"] = serverHeader
	hdr[hRequestID] = []string{q.id}
	if err := q.serve(); err != nil {
		q.fail(err)
	}
	if q.err != nil && q.err.Err != nil && (q.err.Kind == fault.Internal || q.err.Kind == fault.Unavailable) && !clientGone(q.err.Err) {
		h.log.Error("oss request failed", "id", q.id, "method", r.Method, "bucket", q.bucket, "key", q.key, "error", q.err.Err)
	}
	if h.log.Enabled(r.Context(), slog.LevelDebug) {
		q.logAccess()
	}
}

// clientGone reports whether err only says that nobody reads the answer anymore.
func clientGone(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, context.Canceled) || errors.Is(err, syscall.EPIPE) || errors.Is(err, http.ErrHandlerTimeout)
}

func (q *request) serve() error {
	raw := q.r.RequestURI
	if raw == "" || raw[0] != '/' { // absolute form, or no server in front
		raw = q.r.URL.EscapedPath()
	} else if i := strings.IndexByte(raw, '?'); i >= 0 {
		raw = raw[:i]
	}
	var err error
	if q.address, err = q.h.addr.resolve(q.r.Host, raw); err != nil {
		return err
	}
	if q.query, err = parseQuery(q.r.URL.RawQuery); err != nil {
		return err
	}
	// Who asks comes before what is asked: see resolvePath.
	if err = q.authenticate(); err != nil {
		return err
	}
	if err = checkKey(q.key); err != nil {
		return err
	}
	if q.op, err = q.route(); err != nil {
		return err
	}
	if q.bucket != "" && q.op != opPutBucket { // which makes it
		if q.bucketI, err = q.h.objects.GetBucket(q.r.Context(), q.bucket); err != nil {
			return err
		}
	}
	if err = q.authorize(); err != nil {
		return err
	}
	return q.op.serve(q)
}

func (q *request) logAccess() {
	name := ""
	if q.op != nil {
		name = q.op.name
	}
	why := ""
	if q.err != nil {
		why = string(q.err.Reason)
	}
	q.h.log.Debug("oss request", "id", q.id, "op", name, "method", q.r.Method, "bucket", q.bucket, "key", q.key,
		"status", q.status, "from", q.r.RemoteAddr, "who", q.who.id(), "took", q.h.now().Sub(q.now), "why", why)
}

// origin says who causes the change that this request makes.
func (q *request) origin() event.Origin {
	o := event.Origin{RequestID: q.id, PrincipalID: q.who.id(), SourceIP: q.sourceIP(), Lineage: q.who.lineage()}
	if o.Lineage == nil && q.h.origin != nil {
		o.Lineage = q.h.origin(q.r.Context())
	}
	return o
}

func (q *request) sourceIP() string {
	host, _, err := net.SplitHostPort(q.r.RemoteAddr)
	if err != nil {
		return q.r.RemoteAddr
	}
	return host
}

// header returns the first value of a header named in canonical form.
func (q *request) header(canonical string) string {
	if v := q.r.Header[canonical]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (q *request) set(canonical, value string) {
	q.w.Header()[canonical] = []string{value}
}

func (q *request) writeHeader(status int) {
	q.status = status
	q.w.WriteHeader(status)
}

// reply answers with a whole body.
func (q *request) reply(status int, contentType string, body []byte) {
	h := q.w.Header()
	h["Content-Type"] = []string{contentType}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	q.writeHeader(status)
	if q.r.Method != http.MethodHead {
		_, _ = q.w.Write(body) // the client is gone: nobody to tell
	}
}

// replyXML answers 200 with a document and releases its buffer.
func (q *request) replyXML(x *xmlWriter) error {
	q.reply(http.StatusOK, "application/xml", x.b)
	x.free()
	return nil
}

var zeroLength = []string{"0"}

// empty answers without a body.
func (q *request) empty(status int) error {
	if status != http.StatusNoContent && q.r.Method != http.MethodHead {
		q.w.Header()["Content-Length"] = zeroLength
	}
	q.writeHeader(status)
	return nil
}
