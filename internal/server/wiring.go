package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

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
