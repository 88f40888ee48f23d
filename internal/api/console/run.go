package console

import (
	"context"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/history"
)

func (h *handler) runOperations() map[string]operation {
	return map[string]operation{
		"GET /api/runs":                      h.runs,
		"GET /api/runs/{request}":            h.run,
		"GET /api/functions/{function}/runs": h.runsOf,
		"GET /api/logs":                      h.logs,
		"GET /api/runtimes":                  h.runtimes,
	}
}

// runs lists a function's latest runs, the latest first: the first page of runsOf.
func (h *handler) runs(r *request) (any, error) {
	p, err := h.findRuns(r, r.param("function"))
	if err != nil {
		return nil, err
	}
	return p.Runs, nil
}

// Runs is a page of a function's runs, the latest first. If More is set, after=Next
// continues, even if there are none on this page.
type Runs struct {
	Runs []*history.Run `json:"runs"`
	Next string         `json:"next,omitempty"`
	More bool           `json:"more"`
}

// runsOf lists a function's runs by outcome and time.
func (h *handler) runsOf(r *request) (any, error) { return h.findRuns(r, r.PathValue("function")) }

func (h *handler) findRuns(r *request, name string) (*Runs, error) {
	if err := h.may(r, "fc:GetFunction", name); err != nil {
		return nil, err
	}
	if _, err := h.Functions.Get(r.Context(), name); err != nil {
		return nil, err
	}
	q := history.RunQuery{Function: name, Outcome: r.param("outcome"), Reverse: true}
	var err error
	if q.Limit, err = r.limit(); err != nil {
		return nil, err
	}
	if q.Since, q.Until, err = r.span(); err != nil {
		return nil, err
	}
	after, err := r.cursor()
	if err != nil {
		return nil, err
	}
	q.After = string(after)
	p, err := h.History.FindRuns(r.Context(), q)
	if err != nil {
		return nil, err
	}
	if p.Runs == nil {
		p.Runs = []*history.Run{}
	}
	return &Runs{Runs: p.Runs, Next: hex.EncodeToString([]byte(p.Next)), More: p.More}, nil
}

// span reads the parameters since and until, times in RFC 3339.
func (r *request) span() (since, until time.Time, err error) {
	for name, t := range map[string]*time.Time{"since": &since, "until": &until} {
		if v := r.param(name); v != "" {
			if *t, err = time.Parse(time.RFC3339Nano, v); err != nil {
				return since, until, fault.New(fault.Invalid, "InvalidArgument", "%s %q is not a time.", name, v).WithHint("Write it as 2006-01-02T15:04:05Z.")
			}
		}
	}
	return since, until, nil
}

// cursor reads the parameter after, of lists whose cursors are bytes.
func (r *request) cursor() ([]byte, error) {
	after, err := hex.DecodeString(r.param("after"))
	if err != nil {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "after %q is not a cursor.", r.param("after")).WithHint("Give the next of an earlier answer, as it was.")
	}
	return after, nil
}

// waiting reads the parameter wait, a number of seconds, and returns a context that ends
// when they have passed; without it, may is false.
func (r *request) waiting() (ctx context.Context, cancel context.CancelFunc, may bool, err error) {
	s := r.param("wait")
	if s == "" {
		return r.Context(), func() {}, false, nil
	}
	sec, err := strconv.Atoi(s)
	if err != nil || sec < 0 || sec > 60 {
		return nil, nil, false, fault.New(fault.Invalid, "InvalidArgument", "wait %q is not a number of seconds from 0 to 60.", s)
	}
	ctx, cancel = context.WithTimeout(r.Context(), time.Duration(sec)*time.Second)
	return ctx, cancel, true, nil
}

// Attempt is a run with what it printed and returned.
type Attempt struct {
	*history.Run
	Log     string `json:"log"`
	Payload string `json:"payload,omitempty"`
}

// run shows the attempts of one request.
func (h *handler) run(r *request) (any, error) {
	list, err := h.History.Attempts(r.Context(), r.PathValue("request"))
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fault.New(fault.NotFound, "RunNotFound", "No run with request id '%s' is known.", r.PathValue("request"))
	}
	if err := h.may(r, "fc:GetFunction", list[0].Function); err != nil {
		return nil, err
	}
	return attempts(list), nil
}

func attempts(list []*history.Run) []Attempt {
	out := make([]Attempt, len(list))
	for i, x := range list {
		out[i] = Attempt{x, string(x.Log), string(x.Payload)}
	}
	return out
}

// Logs is a page of what a function's runs printed, the earliest first. Next continues
// after it: the history's cursor in hex, since JSON keeps no bytes that are not text.
type Logs struct {
	Runs []Attempt `json:"runs"`
	Next string    `json:"next,omitempty"`
}

// logs returns what runs printed: the latest ones (without after), or those after a
// cursor. With wait=SECONDS it waits until there are some.
func (h *handler) logs(r *request) (any, error) {
	name := r.param("function")
	if err := h.may(r, "fc:GetFunction", name); err != nil {
		return nil, err
	}
	if _, err := h.Functions.Get(r.Context(), name); err != nil {
		return nil, err
	}
	n, err := r.limit()
	if err != nil {
		return nil, err
	}
	ctx, cancel, wait, err := r.waiting()
	if err != nil {
		return nil, err
	}
	defer cancel()
	after, err := r.cursor()
	if err != nil {
		return nil, err
	}
	for {
		changed := h.History.Changed()
		list, err := h.History.Runs(r.Context(), name, string(after), n)
		if err != nil {
			return nil, err
		}
		if len(list) > 0 {
			out := Logs{Runs: attempts(list)}
			if len(after) == 0 {
				for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
					out.Runs[i], out.Runs[j] = out.Runs[j], out.Runs[i]
				}
			}
			out.Next = hex.EncodeToString([]byte(out.Runs[len(list)-1].Cursor))
			return out, nil
		}
		if !wait {
			return Logs{Runs: []Attempt{}, Next: r.param("after")}, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Logs{Runs: []Attempt{}, Next: r.param("after")}, nil
		}
	}
}
