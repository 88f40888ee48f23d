package console

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/identity"
)

// doMatching is do with If-Match.
func (w *world) doMatching(cred identity.Credentials, method, path, body, match string) answer {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	identity.SignACS3(r, []byte(body), cred, w.now())
	if match != "" {
		r.Header.Set("If-Match", match)
	}
	return w.send(r)
}

func TestLastWriterIsTold(t *testing.T) {
	policies := func(name string) string {
		return `{"policies":[{"name":"` + name + `","document":` + readerPolicy + `}]}`
	}
	for _, thing := range []struct{ what, list, path, make string }{
		{"role", "/api/roles", "/api/roles/Shared", `{"name":"Shared","trust":` + rootTrust + `}`},
		{"user", "/api/users", "/api/users/Shared", `{"name":"Shared"}`},
	} {
		t.Run(thing.what, func(t *testing.T) {
			w := newWorld(t)
			ann := *w.key("ann", `{"Effect":"Allow","Action":"ram:*","Resource":"*"}`)
			made := w.root("POST", thing.list, thing.make)
			first := made.Header().Get("ETag")
			if got := w.root("GET", thing.path, "").Header().Get("ETag"); first == "" || got != first {
				t.Fatalf("made with ETag %s, read with %s", first, got)
			}
			saved := w.doMatching(ann, "PUT", thing.path, policies("anns"), first)
			second := saved.Header().Get("ETag")
			if saved.Code != 200 || second == first || second == "" || !strings.Contains(saved.Body.String(), `"updatedBy":"acs:ram::`+account+`:user/ann"`) {
				t.Fatalf("%d %s %s", saved.Code, second, saved.Body)
			}

			for _, c := range []struct {
				name, match, body string
				status            int
				text              string
			}{
				{"of what was there before", first, policies("mine"), 412, "was changed meanwhile by acs:ram::" + account + ":user/ann"},
				{"of no change", first, `{}`, 412, "changed meanwhile"},
				{"of nothing that ever was", `"x"`, policies("mine"), 412, "changed meanwhile"},
				{"of some that are past", first + `, "x"`, policies("mine"), 412, "changed meanwhile"},
				{"without quotation marks", strings.Trim(second, `"`), policies("mine"), 400, "not an ETag"},
				{"half quoted", `"x`, policies("mine"), 400, "not an ETag"},
				{"empty", `""`, policies("mine"), 400, "not an ETag"},
				{"weak", "W/" + second, policies("mine"), 400, "not an ETag"},
				{"too many", second + strings.Repeat(`,"x"`, maxTags), policies("mine"), 400, "not an ETag"},
			} {
				t.Run(c.name, func(t *testing.T) {
					got := w.doMatching(root, "PUT", thing.path, c.body, c.match)
					got.t = t
					got.refused(c.status, map[int]string{412: "PreconditionFailed", 400: "InvalidArgument"}[c.status], c.text)
				})
			}
			if now := w.root("GET", thing.path, ""); now.Header().Get("ETag") != second || !strings.Contains(now.Body.String(), `"anns"`) {
				t.Errorf("what was refused changed something: %s", now.Body)
			}

			for i, match := range []string{second, `"x", CURRENT`, "*", ""} {
				tag := w.root("GET", thing.path, "").Header().Get("ETag")
				if got := w.doMatching(root, "PUT", thing.path, policies(fmt.Sprint("mine", i)), strings.Replace(match, "CURRENT", tag, 1)); got.Code != 200 || got.Header().Get("ETag") == tag {
					t.Errorf("If-Match %s: %d %s", match, got.Code, got.Body)
				}
			}

			// One that was deleted and made again is another.
			tag := w.root("GET", thing.path, "").Header().Get("ETag")
			w.root("DELETE", thing.path, "")
			w.doMatching(root, "PUT", thing.path, policies("mine"), tag).refused(404, map[string]string{"role": "EntityNotExist.Role", "user": "EntityNotExist.User"}[thing.what], "hared")
			again := w.root("POST", thing.list, thing.make)
			if got := again.Header().Get("ETag"); got == first {
				t.Errorf("made again with the ETag %s of the first", got)
			}
			w.doMatching(root, "PUT", thing.path, policies("mine"), first).refused(412, "PreconditionFailed", "changed meanwhile")
		})
	}
}
