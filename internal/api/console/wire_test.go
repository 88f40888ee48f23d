package console

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The wire protocols get a path as it was asked for: tidied up, it names another object.
func TestWirePathsStayAsTheyAre(t *testing.T) {
	w := newWorld(t)
	var got string
	o := w.h.Options
	o.OSS = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Method + " " + r.URL.EscapedPath() })
	w.Handler = New(o)
	in := httptest.NewRequest("POST", "/api/session", strings.NewReader(fmt.Sprintf(`{"accessKeyId":%q,"accessKeySecret":%q}`, root.AccessKeyID, root.AccessKeySecret)))
	cookies := w.send(in).Result().Cookies()
	for _, path := range []string{"/b/a//b", "/b//a", "/b/a/../b", "/b/./a", "/b/a%2F%2Fb", "/b/a/"} {
		r := httptest.NewRequest("DELETE", "/oss"+path, nil)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		for _, c := range cookies {
			r.AddCookie(c)
		}
		got = ""
		if code := w.send(r).Code; code != 200 || got != "DELETE "+path {
			t.Errorf("%s: %d, OSS got %q", path, code, got)
		}
	}
}
