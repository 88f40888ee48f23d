package console

import (
	"encoding/hex"
	"slices"

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
	if err := h.mayGet(r, name); err != nil {
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
	after, err := r.cursor("after")
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
	if err := h.mayGet(r, name); err != nil {
		return nil, err
	}
	n, err := r.limit()
	if err != nil {
		return nil, err
	}
	after, err := r.cursor("after")
	if err != nil {
		return nil, err
	}
	return r.awaited(func() (any, <-chan struct{}, bool, error) {
		changed := h.History.Changed()
		list, err := h.History.Runs(r.Context(), name, string(after), n)
		if err != nil || len(list) == 0 {
			return Logs{Runs: []Attempt{}, Next: r.param("after")}, changed, false, err
		}
		if len(after) == 0 {
			slices.Reverse(list)
		}
		return Logs{Runs: attempts(list), Next: hex.EncodeToString([]byte(list[len(list)-1].Cursor))}, changed, true, nil
	})
}
