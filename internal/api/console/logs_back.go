package console

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/history"
)

func (h *handler) logsBackOperations() map[string]operation {
	return map[string]operation{"GET /api/functions/{function}/logs": h.logsBack}
}

// LogsBack is a page of what a function's runs printed, the latest first. If More is set,
// before=Next continues, even if there are none on this page: a search does no more than a
// second's work at a time. Head, on the first page, is where the latest run of all stands: GET
// /api/logs follows from there.
type LogsBack struct {
	Runs     []Attempt  `json:"runs"`
	Next     string     `json:"next,omitempty"`
	More     bool       `json:"more"`
	Head     string     `json:"head,omitempty"`
	Searched *time.Time `json:"searched,omitempty"` // when the last run ended that was looked at; missing: none was
}

// searchTime is how long one call searches: short enough for a page to show how far it came.
const searchTime = 700 * time.Millisecond

// logsBack goes back in what a function's runs printed, by outcome, time of their end,
// version or alias (qualifier), attempt (0 for the first …, or "retry" for all after it), a
// text (q), and the gravest level that was printed. Of runs with a level, some may not be of it: the page,
// which puts lines together, looks again.
func (h *handler) logsBack(r *request) (any, error) {
	name := r.PathValue("function")
	if err := h.mayGet(r, name); err != nil {
		return nil, err
	}
	q := history.RunQuery{Function: name, Outcome: r.param("outcome"), Text: r.param("q"), Level: r.param("level"), Qualifier: r.param("qualifier"), Reverse: true}
	var err error
	if q.Attempt, err = r.attempt(); err != nil {
		return nil, err
	}
	if q.Limit, err = r.limit(); err != nil {
		return nil, err
	}
	q.Limit = min(q.Limit, 200) // of 32 KiB each
	if q.Since, q.Until, err = r.span(); err != nil {
		return nil, err
	}
	before, err := r.cursor("before")
	if err != nil {
		return nil, err
	}
	q.After = string(before)
	out := LogsBack{Runs: []Attempt{}}
	if q.After == "" {
		last, err := h.History.Runs(r.Context(), name, "", 1)
		if err != nil {
			return nil, err
		}
		if len(last) > 0 {
			out.Head = hex.EncodeToString([]byte(last[0].Cursor))
		}
	}
	for begun := time.Now(); ; {
		p, err := h.History.FindRuns(r.Context(), q)
		if err != nil {
			return nil, err
		}
		out.Runs = append(out.Runs, attempts(p.Runs)...)
		out.Next, out.More = hex.EncodeToString([]byte(p.Next)), p.More
		if !p.Back.IsZero() {
			back := p.Back.UTC()
			out.Searched = &back
		}
		q.After = p.Next
		if q.Limit -= len(p.Runs); !p.More || q.Limit == 0 || time.Since(begun) > searchTime {
			return out, nil
		}
	}
}

// attempt reads the parameter of that name, as a history.RunQuery has it.
func (r *request) attempt() (int, error) {
	switch v := r.param("attempt"); v {
	case "":
		return 0, nil
	case "retry":
		return history.AnyRetry, nil
	default:
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > 1000 {
			return 0, fault.New(fault.Invalid, "InvalidArgument", "attempt %q is not a number of an attempt.", v).WithHint("Give 0 for the first, 1 for its first retry, or retry for all but the first.")
		}
		return n + 1, nil
	}
}
