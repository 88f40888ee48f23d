package server

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/alcedo-storage/alcedo/internal/destination"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/gauge"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/object"
	"github.com/alcedo-storage/alcedo/internal/runner"
)

// lateHandler is a handler that is told later what it is.
type lateHandler struct{ h atomic.Pointer[http.Handler] }

func (l *lateHandler) set(h http.Handler) { l.h.Store(&h) }

func (l *lateHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := l.h.Load(); h != nil {
		(*h).ServeHTTP(w, r)
		return
	}
	http.Error(w, "starting", http.StatusServiceUnavailable)
}

// byHost tells the cloud's host names apart, for requests from inside a sandbox: those of
// FC and STS from those of OSS.
func byHost(oss, fc http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.ToLower(host)
		first, _, _ := strings.Cut(host, ".")
		if first == "sts" || strings.HasPrefix(first, "sts-vpc") || first == "fcv3" || strings.HasSuffix(host, ".fc.aliyuncs.com") {
			fc.ServeHTTP(w, r)
			return
		}
		oss.ServeHTTP(w, r)
	})
}

// besideSTS serves STS on FC's address: FC's paths all begin with an API version, STS has
// the one path "/".
func besideSTS(fc, sts http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" || r.URL.Path == "" {
			sts.ServeHTTP(w, r)
			return
		}
		fc.ServeHTTP(w, r)
	})
}

// originOf returns the run that a request from inside a sandbox comes from, whatever keys
// it is signed with, or nil.
func originOf(ctx context.Context) *lineage.Lineage {
	if i, ok := runner.InstanceFrom(ctx); ok {
		return i.Lineage
	}
	return nil
}

// codeObjects reads code packages from OSS for the one who deploys them.
type codeObjects struct {
	objects *object.Store
	ids     *identity.Store
	account string
}

func (c codeObjects) OpenObject(ctx context.Context, p *identity.Principal, bucket, key string) (io.ReadCloser, error) {
	if err := c.ids.Authorize(p, "oss:GetObject", "acs:oss:*:"+c.account+":"+bucket+"/"+key, identity.Conditions{}); err != nil {
		return nil, err
	}
	r, err := c.objects.Get(ctx, bucket, key)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{r.Open(), r}, nil
}

// resultObjects writes results of asynchronous invocations as objects, with the rights of
// the role of the function whose results they are.
type resultObjects struct {
	s   *Server // its rooms, which are not all open when this is made
	ids *identity.Store
}

func (w resultObjects) PutObject(ctx context.Context, in destination.Write) error {
	fn, _, err := w.s.fns.Resolve(ctx, in.Function, in.Qualifier, 0)
	if err != nil {
		return err
	}
	if fn.Config.Role == "" {
		return fault.New(fault.Invalid, "AccessDenied", "Function '%s' has no role, so its results cannot be written to bucket '%s'.", in.Function, in.Bucket).
			WithHint("Give it a role that allows oss:PutObject there.")
	}
	who, err := w.ids.AsRole(fn.Config.Role, identity.ServiceFC, in.Function)
	if err != nil {
		return err
	}
	if err := w.ids.Authorize(who, "oss:PutObject", "acs:oss:*:"+w.s.account.ID+":"+in.Bucket+"/"+in.Key, identity.Conditions{Secure: true}); err != nil {
		return err
	}
	_, err = w.s.objects.Put(ctx, event.Origin{RequestID: ossRequestID(in.RequestID), PrincipalID: who.ID, Lineage: in.Lineage}, object.PutInput{
		Bucket: in.Bucket, Key: in.Key, Body: bytes.NewReader(in.Body), Size: int64(len(in.Body)),
		Meta: event.Meta{ContentType: in.ContentType}, Event: event.PutObject,
	})
	return err
}

// ossRequestID makes a request id of OSS's form, 24 upper-case hex digits, of a run's.
func ossRequestID(run string) string {
	digits := strings.ToUpper(strings.ReplaceAll(strings.TrimPrefix(run, "1-"), "-", ""))
	return (digits + strings.Repeat("0", 24))[:24]
}

// gauge reads back what happened before the start, and looks at the queue from then on.
func (s *Server) gauge(g *gauge.Gauge) func(context.Context) {
	return func(ctx context.Context) {
		err := g.Recall(ctx, s.history, func(ctx context.Context, after string) (names []string, next string, err error) {
			fns, next, err := s.fns.List(ctx, function.Query{Token: after, Limit: 100})
			for _, f := range fns {
				names = append(names, f.Name)
			}
			return names, next, err
		})
		if err != nil && ctx.Err() == nil {
			s.log.Warn("what happened in the last hour cannot be read back; charts begin now", "error", err)
		}
		g.Work(ctx, s.queue.Stats)
	}
}
