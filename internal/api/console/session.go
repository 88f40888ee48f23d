package console

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity"
)

// sessionCookie holds a browser session's token. It is sent to this origin only, never
// from another site's page, and scripts cannot read it.
const sessionCookie = "alcedo_session"

// Session is who a browser is signed in as, and what the server is.
type Session struct {
	SignedIn bool   `json:"signedIn"`
	Kind     string `json:"kind,omitempty"` // root, user or role
	Name     string `json:"name,omitempty"`
	Expires  int64  `json:"expiresAtUnixMilli,omitempty"`
	Account  string `json:"account"`
	Region   string `json:"region"`
	Version  string `json:"version"`
}

func (h *handler) sessionOf(p *identity.Principal, expires time.Time) Session {
	s := Session{Account: h.Account, Region: h.Region, Version: h.Version}
	if p != nil {
		s.SignedIn, s.Kind, s.Name, s.Expires = true, p.Kind.String(), p.Name, expires.UnixMilli()
	}
	return s
}

// caller returns whose browser session a request belongs to; nil if to none.
func (h *handler) caller(r *http.Request) (*identity.Principal, time.Time) {
	c, err := r.Cookie(sessionCookie)
	if err != nil || len(c.Value) > 128 {
		return nil, time.Time{}
	}
	p, expires, err := h.Identity.SignedIn(r.Context(), c.Value)
	if err != nil {
		return nil, time.Time{}
	}
	return p, expires
}

// fromPage reports whether a request without a signature is one of the console's pages: its
// session has ended, and with its time the browser drops the cookie too.
func fromPage(r *http.Request) bool {
	_, err := r.Cookie(sessionCookie)
	return err == nil || r.Header.Get("Sec-Fetch-Site") == "same-origin"
}

// signedIn lets a handler of the wire take requests of a browser session as its key's
// own. What changes something must come from this origin's pages. Requests with a
// signature go through as they are: the signature is what proves them.
func (h *handler) signedIn(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Alcedo-Version", h.Version) // an open tab sees that the server is a newer one
		if r.Header.Get("Authorization") == "" {
			if p, _ := h.caller(r); p != nil {
				if err := crossOrigin.Check(r); err != nil {
					reply(w, nil, fault.New(fault.Denied, "CrossOrigin", "The request comes from another site's page.").WithHint("Use the console's own pages, or sign the request."))
					return
				}
				r = r.WithContext(identity.As(r.Context(), p))
			}
		}
		next.ServeHTTP(w, r)
	})
}

// wire mounts a handler of the OSS or FC protocol under a prefix, for the console's own
// pages: only with a session, addressed by path, and nothing that it answers can run as
// a page of this origin.
func (h *handler) wire(prefix string, next http.Handler) http.Handler {
	inner := http.StripPrefix(prefix, next)
	return h.signedIn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p, _ := h.caller(r); p == nil || r.Header.Get("Authorization") != "" {
			reply(w, nil, fault.New(fault.Unauthentic, identity.ReasonNotSignedIn, "You are not signed in, or your session has ended.").
				WithHint("Sign in; programs talk to the server's OSS and FC addresses."))
			return
		}
		hdr := w.Header()
		secure(hdr)
		hdr.Set("Content-Security-Policy", "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'")
		hdr.Set("Cross-Origin-Resource-Policy", "same-origin")
		r = r.Clone(r.Context())
		r.Host = "127.0.0.1" // no bucket's name: buckets are in the path
		r.RequestURI = strings.TrimPrefix(r.RequestURI, prefix)
		inner.ServeHTTP(w, r)
	}))
}

// tries limits how often sign-in is tried from one address: signInTries that fail,
// then one more each signInPause.
type tries struct {
	mu   sync.Mutex
	from map[string]*tried
}

type tried struct {
	failed int
	last   time.Time
}

const (
	signInTries = 10
	signInPause = time.Minute
	maxTried    = 10_000 // addresses remembered
)

// allowed reports whether addr may try, and if not, when it may.
func (t *tries) allowed(addr string, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := t.from[addr]
	if x == nil || x.failed < signInTries {
		return 0
	}
	return max(0, signInPause-now.Sub(x.last))
}

func (t *tries) failed(addr string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.from == nil || len(t.from) >= maxTried {
		t.from = map[string]*tried{}
	}
	x := t.from[addr]
	if x == nil || now.Sub(x.last) > time.Hour {
		x = &tried{}
		t.from[addr] = x
	}
	x.failed++
	x.last = now
}

func (t *tries) succeeded(addr string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.from, addr)
}

func remoteAddr(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// session serves /api/session: GET tells who is signed in, POST signs in, DELETE out.
func (h *handler) session(w http.ResponseWriter, r *http.Request) {
	p, expires := h.caller(r)
	switch r.Method {
	case http.MethodGet:
		reply(w, h.sessionOf(p, expires), nil)
	case http.MethodPost:
		s, err := h.signIn(w, r)
		reply(w, s, err)
	case http.MethodDelete:
		if c, err := r.Cookie(sessionCookie); err == nil {
			if err := h.Identity.SignOut(r.Context(), c.Value); err != nil {
				reply(w, nil, err)
				return
			}
		}
		h.setCookie(w, r, "", -1)
		reply(w, h.sessionOf(nil, time.Time{}), nil)
	}
}

func (h *handler) signIn(w http.ResponseWriter, r *http.Request) (any, error) {
	addr, now := remoteAddr(r), time.Now()
	if wait := h.tries.allowed(addr, now); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		return nil, fault.New(fault.Throttled, "TooManyAttempts", "Signing in failed %d times from your address.", signInTries).
			WithHint("Try again in %s.", wait.Round(time.Second))
	}
	var in struct {
		AccessKeyID     string `json:"accessKeyId"`
		AccessKeySecret string `json:"accessKeySecret"`
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<10))
	if err != nil || json.Unmarshal(body, &in) != nil {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "The request's body must be a JSON object with accessKeyId and accessKeySecret.")
	}
	token, p, expires, err := h.Identity.SignIn(r.Context(), strings.TrimSpace(in.AccessKeyID), strings.TrimSpace(in.AccessKeySecret))
	if err != nil {
		if fault.As(err).Kind == fault.Unauthentic {
			h.tries.failed(addr, now)
		}
		return nil, err
	}
	h.tries.succeeded(addr)
	h.setCookie(w, r, token, int(identity.SignInTTL/time.Second))
	return h.sessionOf(p, expires), nil
}

func (h *handler) setCookie(w http.ResponseWriter, r *http.Request, token string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: token, Path: "/", MaxAge: age, HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	})
}
