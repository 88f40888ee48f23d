package console

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
)

// A page that invokes a function waits for one answer, at the end. To show what the
// function prints meanwhile, it gives its request a name of its own making in this header,
// and asks for the output by that name. Runs that nobody watches cost nothing.
//
// This is not run.Invoker's Look, which shows all runs of a function, the end of each from
// when somebody looked, to who may get it: here who may do no more than invoke follows one
// run from its first byte to its end, undisturbed by others.
const watchHeader = "X-Alcedo-Watch"

const (
	maxWatches  = 100              // at once; more, and there is nothing to see before the answer
	maxOwn      = 20               // of one caller, so that nobody takes them all
	maxWatched  = 64 << 10         // bytes of output that are kept, from its end
	watchUnused = time.Minute      // how long a name is kept that nothing ran under
	watchAfter  = 30 * time.Second // and one whose run is over
)

func (h *handler) watchOperations() map[string]operation {
	return map[string]operation{"GET /api/functions/{function}/output": h.output}
}

// Output is what a run that is watched printed so far.
type Output struct {
	Phase     int    `json:"phase"` // 0: not begun; 1: waits for an instance; 2: an instance has the event
	RequestID string `json:"requestId,omitempty"`
	Version   string `json:"version,omitempty"`
	Cold      bool   `json:"cold"`
	Init      int64  `json:"initNanos"`
	Log       string `json:"log"`           // from after on
	Next      int    `json:"next"`          // where more will stand: bytes since the begin
	Cut       bool   `json:"cut,omitempty"` // some between after and Log is not kept
	Over      bool   `json:"over"`          // nothing more will come
}

// output answers with what came after a position; with wait=SECONDS, when there is any, or
// when the phase is beyond the one given.
// Who may invoke a function gets its output with the answer, so may see it before, too.
func (h *handler) output(r *request) (any, error) {
	name := r.PathValue("function")
	if err := h.may(r, "fc:InvokeFunction", name); err != nil {
		return nil, err
	}
	after, err := r.position("after")
	if err != nil {
		return nil, err
	}
	phase, err := r.position("phase")
	if err != nil {
		return nil, err
	}
	watch := r.param("watch")
	if !watchName(watch) {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "watch %q is not a name of a watch.", watch).WithHint("Use 16 to 64 letters, digits, '-' and '_', chosen at random.")
	}
	w := h.watches.get(watchKey{r.who.ARN, name, watch}, time.Now())
	if w == nil {
		return Output{Over: true, Next: after}, nil
	}
	return r.awaited(func() (any, <-chan struct{}, bool, error) {
		out, changed := w.from(after)
		return out, changed, out.Over || out.Log != "" || out.Phase > phase, nil
	})
}

// watched lets pages watch the runs that they ask next, the handler of FC, for.
func (h *handler) watched(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Header.Get(watchHeader)
		function, ok := invoked(r.URL)
		if !ok || !watchName(name) {
			next.ServeHTTP(w, r)
			return
		}
		p, _ := h.caller(r)
		if p == nil {
			next.ServeHTTP(w, r)
			return
		}
		if x := h.watches.get(watchKey{p.ARN, function, name}, time.Now()); x != nil {
			defer x.end()
			r = r.WithContext(run.WithHooks(r.Context(), &run.Hooks{Begun: x.begun, Start: x.start, Log: x.write}))
		}
		next.ServeHTTP(w, r)
	})
}

// invoked returns the function of an InvokeFunction's path.
func invoked(u *url.URL) (name string, ok bool) {
	parts := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	if len(parts) != 4 || parts[1] != "functions" || parts[3] != "invocations" {
		return "", false
	}
	name, err := url.PathUnescape(parts[2])
	return name, err == nil
}

func watchName(s string) bool {
	if len(s) < 16 || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// watchKey keeps what one caller prints from another, whatever names they choose.
type watchKey struct{ who, function, name string }

// watches are those of the server, by name. Its zero value is ready.
type watches struct {
	mu  sync.Mutex
	all map[watchKey]*watch
}

// get returns the watch of a key, which need not have been asked for before: the request
// that runs and the one that looks come in either order. It is nil if there are too many.
func (s *watches) get(k watchKey, now time.Time) *watch {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.all[k]; w != nil {
		return w
	}
	own := 0
	for other, w := range s.all {
		if w.stale(now) {
			delete(s.all, other)
		} else if other.who == k.who {
			own++
		}
	}
	if len(s.all) >= maxWatches || own >= maxOwn {
		return nil
	}
	if s.all == nil {
		s.all = map[watchKey]*watch{}
	}
	w := &watch{since: now, changed: make(chan struct{})}
	s.all[k] = w
	return w
}

// watch is the output of one run.
type watch struct {
	mu      sync.Mutex
	since   time.Time // when it was asked for, or was over
	changed chan struct{}
	out     Output
	log     []byte // the end of it
	cut     int    // bytes before log
}

func (w *watch) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *watch) begun(requestID, version string) {
	w.change(func() { w.out.Phase, w.out.RequestID, w.out.Version = 1, requestID, version })
}

func (w *watch) start(s runner.Start) {
	w.change(func() { w.out.Phase, w.out.Cold, w.out.Init = 2, s.Cold, int64(s.Init) })
}

func (w *watch) write(chunk []byte) {
	w.change(func() {
		w.log = append(w.log, chunk...)
		if n := len(w.log) - maxWatched; n > maxWatched { // not at every chunk
			w.log = append(w.log[:0], w.log[n:]...)
			w.cut += n
		}
	})
}

func (w *watch) end() {
	w.change(func() { w.out.Over, w.since = true, time.Now() })
}

func (w *watch) stale(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	age := now.Sub(w.since)
	return w.out.Over && age > watchAfter || w.out.Phase == 0 && age > watchUnused
}

// from returns what stands after a position, and a channel that is closed when that is
// another answer. A letter that has not come whole is left for later.
func (w *watch) from(after int) (Output, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.out
	begin := max(w.cut, w.cut+len(w.log)-maxWatched)
	if after > w.cut+len(w.log) {
		after = w.cut + len(w.log)
	}
	out.Cut = after < begin
	text := w.log[max(after, begin)-w.cut:]
	if !out.Over {
		for i := 1; i < utf8.UTFMax && i <= len(text); i++ {
			if b := text[len(text)-i]; utf8.RuneStart(b) {
				if !utf8.FullRune(text[len(text)-i:]) {
					text = text[:len(text)-i]
				}
				break
			}
		}
	}
	out.Log, out.Next = string(text), max(after, begin)+len(text)
	return out, w.changed
}
