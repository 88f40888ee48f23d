package console

import (
	"time"

	"github.com/alcedo-storage/alcedo/internal/run"
)

func (h *handler) underWayOperations() map[string]operation {
	return map[string]operation{"GET /api/functions/{function}/under-way": h.underWay}
}

// UnderWay is what of a function is under way.
type UnderWay struct {
	Runs  []RunUnderWay `json:"runs"` // the latest begun first, 20 at most
	Total int           `json:"total"`
	Next  uint64        `json:"next"` // position, to wait for what comes
	Now   time.Time     `json:"now"`
}

// RunUnderWay is a run that is not over, with the end of what it prints.
type RunUnderWay struct {
	RequestID string `json:"requestId"`
	Version   string `json:"version"`
	Qualifier string `json:"qualifier"`
	Kind      string `json:"kind"`
	Trigger   string `json:"trigger,omitempty"`
	EventID   string `json:"eventId,omitempty"`
	Attempt   int    `json:"attempt"`
	Start     int64  `json:"startedAtUnixMicro"`
	Running   bool   `json:"running"` // an instance has the event; false: it waits for one
	Cold      bool   `json:"cold"`
	Log       string `json:"log,omitempty"`
	Cut       bool   `json:"logCut,omitempty"` // it printed more, before
	Same      bool   `json:"same,omitempty"`   // nothing changed since the position that was given: the log is not repeated
}

// underWay shows the runs of a function that are not over, and what they print; after=NEXT
// with wait=SECONDS waits until that has changed.
func (h *handler) underWay(r *request) (any, error) {
	name := r.PathValue("function")
	if err := h.mayGet(r, name); err != nil {
		return nil, err
	}
	after, err := r.position("after")
	if err != nil {
		return nil, err
	}
	if h.Runs == nil {
		return UnderWay{Runs: []RunUnderWay{}, Now: time.Now().UTC()}, nil
	}
	return r.awaited(func() (any, <-chan struct{}, bool, error) {
		v, changed := h.Runs.Look(name, uint64(after))
		return underWayOf(v), changed, v.Next > uint64(after), nil
	})
}

func underWayOf(v run.View) UnderWay {
	out := UnderWay{Runs: make([]RunUnderWay, len(v.Runs)), Total: v.Total, Next: v.Next, Now: time.Now().UTC()}
	for i, u := range v.Runs {
		out.Runs[i] = RunUnderWay{
			RequestID: u.RequestID, Version: u.Version, Qualifier: u.Qualifier, Kind: u.Kind, Trigger: u.Trigger, EventID: u.EventID, Attempt: u.Attempt,
			Start: u.Start.UnixMicro(), Running: u.Running, Cold: u.Cold, Log: string(u.Log), Cut: u.Cut, Same: u.Same,
		}
	}
	return out
}
