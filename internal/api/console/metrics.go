package console

import (
	"net"
	"net/http"
	"net/netip"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity"
)

// metrics answers GET /metrics: to whoever is on this machine, and to others with HTTP
// basic authentication, an access key pair that may alcedo:ReadMetrics. Behind a proxy on
// this machine, everybody is on this machine: a request that says it was forwarded is
// another's.
func (h *handler) metrics(w http.ResponseWriter, r *http.Request) {
	if err := h.mayReadMetrics(r); err != nil {
		f := fault.As(err)
		status := http.StatusForbidden
		if f.Kind == fault.Unauthentic {
			w.Header().Set("WWW-Authenticate", `Basic realm="Alcedo metrics: an AccessKey ID and its secret"`)
			status = http.StatusUnauthorized
		}
		http.Error(w, f.Message, status)
		return
	}
	h.Metrics.ServeHTTP(w, r)
}

func (h *handler) mayReadMetrics(r *http.Request) error {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	a, _ := netip.ParseAddr(host) // the zero Addr is nowhere
	forwarded := r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != ""
	if err == nil && a.Unmap().IsLoopback() && !forwarded {
		return nil
	}
	id, secret, ok := r.BasicAuth()
	if !ok {
		return fault.New(fault.Unauthentic, identity.ReasonNotSignedIn, "Metrics are for this machine, and for those who give an AccessKey pair by HTTP basic authentication.")
	}
	who, err := h.Identity.KeyPair(id, secret)
	if err != nil {
		return fault.New(fault.Unauthentic, identity.ReasonSignature, "The AccessKey pair is not right.")
	}
	return h.authorize(&request{Request: r, who: who}, "alcedo:ReadMetrics", "acs:alcedo:"+h.Region+":"+h.Account+":metrics")
}
