package console

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"html"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// pages serves the built web console, or the page that says how to build it.
type pages struct {
	files fs.FS
	index []byte // with nonceMark and bootMark in it
	boot  func(r *http.Request) any
}

const (
	nonceMark = "__NONCE__"
	bootMark  = "__BOOT__"
)

// newPages reads the index of a built console. boot is what every page starts with: the
// session, if there is one, and what the server is; it saves the first round trip.
func newPages(files fs.FS, boot func(r *http.Request) any) *pages {
	// Registries of some systems know .js as text/plain, with which no browser runs it.
	for ext, typ := range map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2"} {
		_ = mime.AddExtensionType(ext, typ) // the types are well formed
	}
	index, err := fs.ReadFile(files, "dist/index.html")
	if err != nil {
		index, err = fs.ReadFile(files, "dist/stub.html")
	}
	if err != nil {
		panic("console: nothing is embedded: " + err.Error()) // go:embed saw to it
	}
	return &pages{files: files, index: index, boot: boot}
}

// policy is the Content-Security-Policy of every page. Ant Design and CodeMirror make
// style elements, which carry the nonce; nothing makes style attributes from text, inline
// scripts or code from strings. Objects are shown from this origin, sandboxed.
func policy(nonce string) string {
	return "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; font-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; frame-src 'self'; " +
		"style-src 'self' 'nonce-" + nonce + "'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}

func secure(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// page answers every path that is no asset and no API with the index: the page itself
// finds out what to show.
func (p *pages) page(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, "pages are read with GET", http.StatusMethodNotAllowed)
		return
	}
	if path.Ext(r.URL.Path) != "" && !strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.NotFound(w, r)
		return
	}
	nonce := rand.Text()
	boot, err := json.Marshal(p.boot(r)) // escapes <, > and &
	if err != nil {
		http.Error(w, "the page's first data cannot be encoded", http.StatusInternalServerError)
		return
	}
	page := bytes.ReplaceAll(p.index, []byte(nonceMark), []byte(html.EscapeString(nonce)))
	page = bytes.Replace(page, []byte(bootMark), boot, 1)
	h := w.Header()
	secure(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy(nonce))
	h.Set("Cache-Control", "no-store") // it holds the session's name
	_, _ = w.Write(page)               // the client went away: nothing to do
}

// asset serves a file that is named by its content, so it never changes. What is not
// there is not found: after an upgrade an old tab may ask for it, and HTML in its place
// would only confuse.
func (p *pages) asset(w http.ResponseWriter, r *http.Request) {
	name := path.Join("dist", path.Clean("/"+r.URL.Path))
	data, err := fs.ReadFile(p.files, name)
	if err != nil || strings.HasSuffix(name, ".br") {
		w.Header().Set("Cache-Control", "no-store")
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	secure(h)
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	if small, err := fs.ReadFile(p.files, name+".br"); err == nil && accepts(r, "br") {
		data = small
		h.Set("Content-Encoding", "br")
	}
	_, _ = w.Write(data) // the client went away: nothing to do
}

func accepts(r *http.Request, encoding string) bool {
	for e := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(e), ";")
		if strings.EqualFold(name, encoding) {
			return strings.TrimSpace(q) != "q=0"
		}
	}
	return false
}
