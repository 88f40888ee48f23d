package console

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// signIn returns a browser's cookie.
func (w *world) signIn(id, secret string) *http.Cookie {
	w.Helper()
	got := w.do(nil, "POST", "/api/session", `{"accessKeyId":"`+id+`","accessKeySecret":"`+secret+`"}`)
	if got.Code != 200 || len(got.Result().Cookies()) != 1 {
		w.Fatalf("sign in: %d %s", got.Code, got.Body)
	}
	return got.Result().Cookies()[0]
}

// browse sends a request as a browser's page does. site is what the browser says of where
// it comes from.
func (w *world) browse(c *http.Cookie, method, path, body, site string) answer {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.7:4000"
	r.Header.Set("Sec-Fetch-Site", site)
	if c != nil {
		r.AddCookie(c)
	}
	return w.send(r)
}

func TestSession(t *testing.T) {
	w := newWorld(t)
	var s Session
	w.browse(nil, "GET", "/api/session", "", "same-origin").into(&s)
	if s.SignedIn || s.Account != account {
		t.Errorf("before: %+v", s)
	}
	c := w.signIn(root.AccessKeyID, root.AccessKeySecret)
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge <= 0 {
		t.Errorf("cookie %+v", c)
	}
	w.browse(c, "GET", "/api/session", "", "same-origin").into(&s)
	if !s.SignedIn || s.Kind != "Account" {
		t.Errorf("signed in: %+v", s)
	}
	if got := w.browse(c, "GET", "/api/roles", "", "same-origin"); got.Code != 200 {
		t.Errorf("the account's own session: %d %s", got.Code, got.Body)
	}
	w.browse(nil, "GET", "/api/roles", "", "same-origin").refused(401, "NotSignedIn", "session has ended")

	// A page of another site can send the cookie at most by a mistake of the browser, and
	// changes nothing then.
	before := w.everything()
	for _, site := range []string{"cross-site", "same-site"} {
		w.browse(c, "POST", "/api/users", `{"name":"evil"}`, site).refused(403, "CrossOrigin", "another site")
		if got := w.browse(nil, "POST", "/api/session", `{}`, site); got.Code != 403 {
			t.Errorf("signing in from %s: %d", site, got.Code)
		}
	}
	if w.everything() != before {
		t.Error("another site's page changed something")
	}
	if got := w.browse(c, "POST", "/api/users", `{"name":"fresh"}`, "same-origin"); got.Code != 200 {
		t.Errorf("our own page: %d %s", got.Code, got.Body)
	}

	if got := w.browse(c, "DELETE", "/api/session", "", "same-origin"); got.Code != 200 || got.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("sign out: %d %s", got.Code, got.Body)
	}
	w.browse(c, "GET", "/api/roles", "", "same-origin").refused(401, "NotSignedIn", "session has ended")
}

// A session may do what its key may do, and nothing else.
func TestSessionHasItsKeysPermissions(t *testing.T) {
	w := newWorld(t)
	k := w.key("reader", `{"Effect":"Allow","Action":"fc:GetFunction","Resource":"acs:fc:`+region+`:`+account+`:functions/f"}`)
	c := w.signIn(k.AccessKeyID, k.AccessKeySecret)
	if got := w.browse(c, "GET", "/api/runs?function=f", "", "same-origin"); got.Code != 200 {
		t.Errorf("f: %d %s", got.Code, got.Body)
	}
	w.browse(c, "GET", "/api/runs?function=g", "", "same-origin").refused(403, "AccessDenied", "fc:GetFunction")
	if err := w.ids.DeleteAccessKey(t.Context(), k.AccessKeyID); err != nil {
		t.Fatal(err)
	}
	if got := w.browse(c, "GET", "/api/runs?function=f", "", "same-origin"); got.Code != 401 {
		t.Errorf("after the key was deleted: %d", got.Code)
	}
}

func TestSigningInIsLimited(t *testing.T) {
	w := newWorld(t)
	wrong := `{"accessKeyId":"` + root.AccessKeyID + `","accessKeySecret":"x"}`
	for range signInTries {
		w.do(nil, "POST", "/api/session", wrong).refused(403, "SignatureDoesNotMatch", "secret")
	}
	got := w.do(nil, "POST", "/api/session", wrong)
	got.refused(429, "TooManyAttempts", "Try again")
	if got.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	// Another address is not held up.
	r := httptest.NewRequest("POST", "/api/session", strings.NewReader(wrong))
	r.RemoteAddr = "192.0.2.8:1"
	w.send(r).refused(403, "SignatureDoesNotMatch", "secret")

	var tr tries
	now := time.Unix(1_800_000_000, 0)
	for range signInTries {
		tr.failed("a", now)
	}
	if tr.allowed("a", now) != signInPause || tr.allowed("a", now.Add(signInPause)) != 0 || tr.allowed("b", now) != 0 {
		t.Error("the pause is not as long as it says")
	}
	tr.succeeded("a")
	if tr.allowed("a", now) != 0 {
		t.Error("a success does not end it")
	}
}
