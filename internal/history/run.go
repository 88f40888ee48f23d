package history

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/run"
)

// Run tells of one attempt to run a function.
type Run struct {
	Cursor     string           `cbor:"-" json:"-"`
	RequestID  string           `cbor:"1,keyasint" json:"requestId"`
	Function   string           `cbor:"2,keyasint" json:"function"`
	Version    string           `cbor:"3,keyasint" json:"version"`
	Qualifier  string           `cbor:"4,keyasint" json:"qualifier"`
	Kind       string           `cbor:"5,keyasint" json:"kind"`
	Trigger    string           `cbor:"6,keyasint,omitempty" json:"trigger,omitempty"`
	EventID    string           `cbor:"7,keyasint,omitempty" json:"eventId,omitempty"`
	Attempt    int              `cbor:"8,keyasint,omitempty" json:"attempt"`
	Start      int64            `cbor:"9,keyasint" json:"startedAtUnixMicro"` // when the run was asked for
	Queued     time.Duration    `cbor:"10,keyasint,omitempty" json:"queuedNanos"`
	Init       time.Duration    `cbor:"11,keyasint,omitempty" json:"initNanos"`
	Duration   time.Duration    `cbor:"12,keyasint,omitempty" json:"durationNanos"`
	Cold       bool             `cbor:"13,keyasint,omitempty" json:"cold"`
	MemoryMB   int              `cbor:"14,keyasint,omitempty" json:"memoryMB"`
	InstanceID string           `cbor:"15,keyasint,omitempty" json:"instanceId,omitempty"`
	ErrorType  string           `cbor:"16,keyasint,omitempty" json:"errorType,omitempty"`
	Fault      string           `cbor:"17,keyasint,omitempty" json:"fault,omitempty"`
	Message    string           `cbor:"18,keyasint,omitempty" json:"message,omitempty"`
	Lineage    *lineage.Lineage `cbor:"19,keyasint,omitempty" json:"lineage,omitempty"`
	Log        []byte           `cbor:"20,keyasint,omitempty" json:"-"`
	LogCut     bool             `cbor:"21,keyasint,omitempty" json:"logCut,omitempty"`
	Payload    []byte           `cbor:"22,keyasint,omitempty" json:"-"`
	Checksum   string           `cbor:"23,keyasint,omitempty" json:"codeChecksum,omitempty"`
	Mark       string           `cbor:"24,keyasint,omitempty" json:"mark,omitempty"`     // delivery.Mark…
	BilledMS   int64            `cbor:"25,keyasint,omitempty" json:"billedMs,omitempty"` // the handler's time in whole milliseconds, rounded up; 0 if it did not run
}

// End is when a run was over, as far as its times tell.
func (r *Run) End() time.Time {
	return time.UnixMicro(r.Start).Add(r.Queued + r.Init + r.Duration)
}

// Succeeded reports whether the function ran and did not fail.
func (r *Run) Succeeded() bool { return r.ErrorType == "" && r.Fault == "" }

// caller is the request id of the run that asked for this one through the API, or "".
func (r *Run) caller() string {
	if l := r.Lineage; l != nil && l.Event == "" && len(l.Chain) > 0 {
		return l.Chain[len(l.Chain)-1]
	}
	return ""
}

func runsOf(function string) []byte { return append(row.Key(tRun, function), 0) }

// place is the end of a row's key, the same in tRun, tRequest and tCalled.
func place(key []byte) []byte { return key[len(key)-10:] }

func fromRecord(r *run.Record) *Run {
	tail := func(b []byte, n int) []byte { return b[max(0, len(b)-n):] }
	return &Run{
		RequestID: r.RequestID, Function: r.Function, Version: r.Version, Qualifier: r.Qualifier, Kind: r.Kind,
		Trigger: r.Trigger, EventID: r.EventID, Attempt: r.Attempt, Start: r.Start.UnixMicro(),
		Queued: r.Queued, Init: r.Init, Duration: r.Duration, Cold: r.Cold, MemoryMB: r.MemoryMB, InstanceID: r.InstanceID,
		ErrorType: r.ErrorType, Fault: r.Fault, Message: r.Message, Lineage: r.Lineage,
		Log: tail(r.Log, maxLog), LogCut: r.LogCut || len(r.Log) > maxLog,
		Payload: r.Payload[:min(len(r.Payload), maxPayload)], Checksum: r.Checksum,
		Mark: r.Mark, BilledMS: billed(r),
	}
}

// billed is the time of the handler in started milliseconds. The start of an instance is
// not billed: it cannot be told from what of it would be the function's own initializer.
func billed(r *run.Record) int64 {
	if r.Fault != "" {
		return 0
	}
	return max(1, int64((r.Duration+time.Millisecond-1)/time.Millisecond))
}

// Runs returns up to limit runs of a function, in the order in which they ended. With
// after empty they are the latest ones, the latest first; otherwise they are those after
// that Cursor, the earliest first.
func (s *Store) Runs(ctx context.Context, function, after string, limit int) (runs []*Run, err error) {
	p, err := s.FindRuns(ctx, RunQuery{Function: function, After: after, Reverse: after == "", Limit: limit})
	if err != nil {
		return nil, err
	}
	return p.Runs, nil
}

// Outcomes of runs that a RunQuery can ask for, beside the error types.
const (
	RunOK     = "ok"
	RunFailed = "failed" // the function failed, or it could not be run
	RunNotRun = "notrun" // it could not be run
)

// RunQuery asks for runs of one function. Zero fields ask for nothing in particular.
type RunQuery struct {
	Function     string    // needed
	Outcome      string    // RunOK, RunFailed, RunNotRun, or an error type as runs have it
	Since, Until time.Time // of the run's end: from, and before
	Text         string    // printed, or told of an error, in any case; at most MaxText bytes
	Level        string    // of Levels: printed at least so grave, or failed. Some runs may not be so
	Qualifier    string    // of the version that ran, or asked for by this name
	Attempt      int       // 1: the first, 2: the first retry …; AnyRetry; 0: any
	After        string    // go on behind this cursor
	Reverse      bool      // the latest first
	Limit        int       // default 100
}

// AnyRetry, as the Attempt of a RunQuery, asks for all runs but first attempts.
const AnyRetry = -1

// RunPage is a part of an answer. If More is set, After: Next continues; there may be more
// to find even where Runs is empty, since the work of a call is bounded.
type RunPage struct {
	Runs []*Run
	Next string
	More bool
	Back time.Time // when the last run ended that was looked at; zero: none was
}

// FindRuns returns a page of runs in the order in which they ended.
func (s *Store) FindRuns(ctx context.Context, q RunQuery) (*RunPage, error) {
	if q.Limit <= 0 {
		q.Limit = 100
	}
	prefix := runsOf(q.Function)
	if q.After != "" && !strings.HasPrefix(q.After, string(prefix)) {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "The cursor does not belong to function '%s'.", q.Function)
	}
	printed, err := newPrinted(&q)
	if err != nil {
		return nil, err
	}
	want := strings.ToLower(q.Outcome)
	p := &RunPage{Next: q.After}
	skipped := false // the row at Next, so nothing of it is known
	err = s.kv.View(ctx, func(r kv.Reader) error {
		rg, err := timed(r, prefix, prefix, q.Since, q.Until, timeOfRun)
		if err != nil {
			return err
		}
		rg = continued(rg, []byte(q.After), q.Reverse)
		w := newWork(ctx)
		err = r.Scan(rg, func(k, v []byte) error {
			if len(p.Runs) == q.Limit {
				p.More = true
				return kv.Stop
			}
			if over, err := w.over(); over || err != nil {
				p.More = true
				return stopOr(err)
			}
			p.Next = string(k)
			if printed != nil && !printed.mayMatch(v) {
				skipped = true
				return nil
			}
			x := &Run{Cursor: string(k)}
			if err := row.Decode(v, x); err != nil {
				return err
			}
			skipped, p.Back = false, x.End()
			if !x.is(want) || !x.of(&q) || !within(p.Back, q.Since, q.Until) || printed != nil && !printed.match(x) {
				return nil
			}
			p.Runs = append(p.Runs, x)
			return nil
		})
		if err != nil || !skipped {
			return err
		}
		v, err := r.Get([]byte(p.Next))
		if err == nil {
			p.Back, err = timeOfRun(v)
		}
		return err
	})
	return p, err
}

func (r *Run) is(outcome string) bool {
	switch outcome {
	case "":
		return true
	case RunOK:
		return r.Succeeded()
	case RunFailed:
		return !r.Succeeded()
	case RunNotRun:
		return r.Fault != ""
	}
	return strings.EqualFold(r.ErrorType, outcome) || strings.EqualFold(r.Fault, outcome)
}

// of reports whether a run is of the version and the attempt that are asked for.
func (r *Run) of(q *RunQuery) bool {
	return (q.Qualifier == "" || r.Version == q.Qualifier || r.Qualifier == q.Qualifier) &&
		(q.Attempt == 0 || r.Attempt+1 == q.Attempt || q.Attempt == AnyRetry && r.Attempt > 0)
}

// timeOfRun reads when a run ended.
func timeOfRun(v []byte) (time.Time, error) {
	var r struct {
		Start    int64         `cbor:"9,keyasint"`
		Queued   time.Duration `cbor:"10,keyasint"`
		Init     time.Duration `cbor:"11,keyasint"`
		Duration time.Duration `cbor:"12,keyasint"`
	}
	err := row.Decode(v, &r)
	return time.UnixMicro(r.Start).Add(r.Queued + r.Init + r.Duration), err
}

// Attempts returns the runs of a request, the earliest first: several, if it was retried.
func (s *Store) Attempts(ctx context.Context, requestID string) (runs []*Run, err error) {
	err = s.kv.View(ctx, func(r kv.Reader) error {
		runs, err = attempts(r, requestID)
		return err
	})
	return runs, err
}

func attempts(r kv.Reader, requestID string) (runs []*Run, err error) {
	err = r.Scan(kv.Prefix(append(row.Key(tRequest, requestID), 0)), func(k, name []byte) error {
		key := append(runsOf(string(name)), place(k)...)
		v, err := r.Get(key)
		if errors.Is(err, kv.ErrNotFound) {
			return nil // trimmed
		}
		if err != nil {
			return err
		}
		x := &Run{Cursor: string(key)}
		runs = append(runs, x)
		return row.Decode(v, x)
	})
	return runs, err
}

// Owed is a run that was owed to an event or asked for, and what became of it.
type Owed struct {
	delivery.Owed
	State    string `json:"state"` // delivery.Enqueued and so on
	Reason   string `json:"reason,omitempty"`
	Attempts int    `json:"attempts"`       // runs begun
	Last     *Run   `json:"last,omitempty"` // the latest attempt that is known
}

// state says what became of a run: what its delivery's end says, if it is over; else what
// its attempts say.
func (s *Store) state(r kv.Reader, o delivery.Owed) (*Owed, error) {
	x := &Owed{Owed: o}
	runs, err := attempts(r, o.RequestID)
	if err != nil {
		return nil, err
	}
	x.Attempts = len(runs)
	if len(runs) > 0 {
		x.Last = runs[len(runs)-1]
		x.Attempts = max(x.Attempts, x.Last.Attempt+1)
	}
	end, err := outcome(r, o.RequestID)
	if err != nil {
		return nil, err
	}
	switch {
	case end != nil:
		x.State, x.Reason, x.Attempts = end.State, end.Reason, max(x.Attempts, end.Attempts)
	case s.o.Active(o.RequestID):
		x.State = delivery.Running
		if x.Last == nil || x.Attempts == len(runs) {
			x.Attempts++
		}
	case x.Last == nil:
		x.State = delivery.Enqueued
	case x.Last.Succeeded():
		x.State = delivery.Succeeded
	case x.Last.Kind == run.Sync:
		x.State, x.Reason = delivery.Failed, x.Last.ErrorType+x.Last.Fault
	default:
		x.State, x.Reason = delivery.Retrying, x.Last.ErrorType+x.Last.Fault
	}
	return x, nil
}

// stateName is state, for a filter, at the cost of one read where the run is over.
func (s *Store) stateName(r kv.Reader, o delivery.Owed) (string, error) {
	end, err := outcome(r, o.RequestID)
	if err != nil {
		return "", err
	}
	if end != nil {
		return end.State, nil
	}
	x, err := s.state(r, o)
	if err != nil {
		return "", err
	}
	return x.State, nil
}

func outcome(r kv.Reader, requestID string) (*delivery.Outcome, error) {
	v, err := r.Get(outcomeKey(requestID))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	o := new(delivery.Outcome)
	return o, row.Decode(v, o)
}
