package console

import "net/http"

// page is what a browser gets until the web console is built: what runs here, and how to
// talk to it.
func (h *handler) page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+styleHash+"'; frame-ancestors 'none'; base-uri 'none'")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(stub)) // the client went away: nothing to do
}

// styleHash is the SHA-256 of the one style element below, for the page's policy; a test
// compares them.
const styleHash = "STA6r1nyXN3M65nY1yQbHC8S63ZGJg0Wot/WUYgWkzc="

const stub = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Alcedo</title>
<style>body{font:16px/1.6 system-ui,sans-serif;max-width:42rem;margin:4rem auto;padding:0 1rem;color:#1f2937;background:#fff}code{background:#f3f4f6;padding:.1em .3em;border-radius:4px}@media(prefers-color-scheme:dark){body{color:#e5e7eb;background:#111827}code{background:#1f2937}}</style>
<h1>Alcedo is running</h1>
<p>Object storage that runs your code. The web console is not built yet; the command line does what it will do:</p>
<ul>
<li><code>alcedo deploy DIR</code> makes a function from a folder</li>
<li><code>alcedo trigger create</code> runs it when an object changes</li>
<li><code>alcedo logs FUNCTION -f</code> follows what it prints</li>
<li><code>alcedo trigger match</code> says which triggers an event would fire, and why not</li>
</ul>
<p><code>GET /healthz</code> answers 200 while every part is ready.</p>
</html>
`
