// Package replay runs triggers over what was there before: events of the past (a replay),
// and objects that exist without an event for the trigger (a backfill).
//
// Both are jobs: rows that the server works on in the background, page by page. A page's
// deliveries are enqueued in the transaction that moves the job's cursor past them, so a
// crash neither leaves one out nor makes one twice; from then on they are deliveries like
// any other, run at least once. Jobs go on after a restart, keep to a rate, and wait while
// the function has too much before it.
package replay

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/reason"
)

// tJob is this room's table in kv: job id → Job.
const tJob = "j/"

// Kinds of jobs: delivery.MarkReplay and delivery.MarkBackfill.
const (
	Replay   = "replay"
	Backfill = "backfill"
)

// States of a job.
const (
	Running  = "Running"
	Paused   = "Paused"
	Done     = "Done"
	Canceled = "Canceled"
	Failed   = "Failed" // its trigger is gone, or matches nothing that it could do
)

// Bounds of jobs.
const (
	DefaultRate = 100    // deliveries a second
	MaxRate     = 10_000 // likewise
	MaxActive   = 16     // jobs that run or are paused
	keepEnded   = 200    // that are over; the oldest are forgotten when another begins
	maxExamples = 10
)

// Order asks for a job.
type Order struct {
	Kind     string
	Function string
	Trigger  string
	Bucket   string    // of an EventBridge trigger's backfill: only this one; "" for all
	Prefix   string    // only keys that begin with it
	Since    time.Time // of a replay: from
	Until    time.Time // and before; zero: now
	Rate     float64   // deliveries a second; 0: DefaultRate
	DryRun   bool      // count, and enqueue nothing
	By       event.Origin
}

// Job is a replay or a backfill. Times are UTC.
type Job struct {
	ID       string       `cbor:"1,keyasint" json:"id"` // in the order of their beginning
	Kind     string       `cbor:"2,keyasint" json:"kind"`
	Function string       `cbor:"3,keyasint" json:"function"`
	Trigger  string       `cbor:"4,keyasint" json:"trigger"`
	Bucket   string       `cbor:"5,keyasint,omitempty" json:"bucket,omitempty"`
	Prefix   string       `cbor:"6,keyasint,omitempty" json:"prefix,omitempty"`
	Since    time.Time    `cbor:"7,keyasint,omitempty" json:"since,omitzero"`
	Until    time.Time    `cbor:"8,keyasint,omitempty" json:"until,omitzero"`
	Rate     float64      `cbor:"9,keyasint" json:"rate"`
	DryRun   bool         `cbor:"10,keyasint,omitempty" json:"dryRun,omitempty"`
	State    string       `cbor:"11,keyasint" json:"state"`
	Message  string       `cbor:"12,keyasint,omitempty" json:"message,omitempty"` // why it is Failed, or Paused by itself
	Created  time.Time    `cbor:"13,keyasint" json:"created"`
	Ended    time.Time    `cbor:"14,keyasint,omitempty" json:"ended,omitzero"`
	Enqueued int64        `cbor:"15,keyasint,omitempty" json:"enqueued"` // deliveries, so far
	Looked   int64        `cbor:"16,keyasint,omitempty" json:"looked"`   // events or objects, so far
	Counted  bool         `cbor:"17,keyasint,omitempty" json:"counted"`  // Total is known
	Total    int64        `cbor:"18,keyasint,omitempty" json:"total"`    // that matched when they were counted
	Examples []string     `cbor:"19,keyasint,omitempty" json:"examples,omitempty"`
	Cursor   string       `cbor:"20,keyasint,omitempty" json:"-"` // behind which to go on
	By       event.Origin `cbor:"21,keyasint" json:"-"`
	Reason   string       `cbor:"22,keyasint,omitempty" json:"reason,omitempty"` // of the fault that Message tells of

	// Of the moment, not kept.
	Speed  float64       `cbor:"-" json:"speed,omitempty"`   // deliveries a second, lately
	Left   time.Duration `cbor:"-" json:"leftNanos"`         // until the end, at that speed; 0: unknown
	Waits  string        `cbor:"-" json:"waits,omitempty"`   // what it waits for, if anything but its rate
	Why    *reason.Why   `cbor:"-" json:"why,omitempty"`     // what Waits says
	Phase  string        `cbor:"-" json:"phase,omitempty"`   // "counting" or "enqueuing", of one that runs
	Counts int64         `cbor:"-" json:"counted_so_far"`    // while it counts
	Error  string        `cbor:"-" json:"trouble,omitempty"` // the last try's; it is tried again
}

// Active reports whether a job is not over.
func (j *Job) Active() bool { return j.State == Running || j.State == Paused }

func jobKey(id string) []byte { return row.Key(tJob, id) }

func notFound(id string) error {
	if len(id) > 100 {
		id = id[:100]
	}
	return fault.New(fault.NotFound, "JobNotFound", "There is no job '%s'.", strings.ToValidUTF8(id, "?")).WithHint("`alcedo jobs list` shows the jobs there are.")
}

func jobIn(r kv.Reader, id string) (*Job, error) {
	if id == "" || len(id) > 100 {
		return nil, notFound(id)
	}
	v, err := r.Get(jobKey(id))
	if errors.Is(err, kv.ErrNotFound) {
		return nil, notFound(id)
	}
	if err != nil {
		return nil, err
	}
	j := new(Job)
	return j, row.Decode(v, j)
}

// Get returns a job. Reason JobNotFound.
func (s *Store) Get(ctx context.Context, id string) (j *Job, err error) {
	err = s.kv.View(ctx, func(r kv.Reader) error {
		j, err = jobIn(r, id)
		return err
	})
	if err == nil {
		s.live(j)
	}
	return j, err
}

// List returns the jobs of a function, or of all if it is empty, the latest first. There
// are at most MaxActive and some hundred that are over.
func (s *Store) List(ctx context.Context, function string) (jobs []*Job, err error) {
	err = s.kv.View(ctx, func(r kv.Reader) error {
		jobs, err = all(r)
		return err
	})
	jobs = slices.DeleteFunc(jobs, func(j *Job) bool { return function != "" && j.Function != function })
	slices.Reverse(jobs)
	for _, j := range jobs {
		s.live(j)
	}
	return jobs, err
}

func all(r kv.Reader) (jobs []*Job, err error) {
	err = r.Scan(kv.Prefix([]byte(tJob)), func(_, v []byte) error {
		j := new(Job)
		jobs = append(jobs, j)
		return row.Decode(v, j)
	})
	return jobs, err
}

// Begin accepts a job, which Work does. Reasons: those of trigger.Store.Get,
// InvalidArgument, TriggerPaused, TriggerDisabled, TooManyJobs.
func (s *Store) Begin(ctx context.Context, o Order) (*Job, error) {
	invalid := func(format string, args ...any) *fault.Error {
		return fault.New(fault.Invalid, "InvalidArgument", format, args...)
	}
	now := s.o.Now().UTC()
	switch o.Kind {
	case Replay:
		if o.Until.IsZero() {
			o.Until = now
		}
		if o.Since.IsZero() || !o.Since.Before(o.Until) {
			return nil, invalid("A replay needs a time to begin with, before the one it ends with.").WithHint("Say --since 2h, or --since 2026-01-31T08:00:00Z.")
		}
		if o.Bucket != "" {
			return nil, invalid("A replay is of the events that its trigger matches; it takes no bucket.")
		}
	case Backfill:
		if !o.Since.IsZero() || !o.Until.IsZero() {
			return nil, invalid("A backfill is of the objects that are there now; it takes no times.")
		}
	default:
		return nil, invalid("The kind of job %q is unknown.", o.Kind).WithHint("Kinds are %s and %s.", Replay, Backfill)
	}
	if o.Rate == 0 {
		o.Rate = DefaultRate
	}
	if !(o.Rate >= 0.01 && o.Rate <= MaxRate) {
		return nil, invalid("The rate %v is out of range: it must be 0.01 to %d deliveries a second.", o.Rate, MaxRate)
	}
	if len(o.Prefix) > 1023 {
		return nil, invalid("The prefix has %d bytes; object keys have at most 1023.", len(o.Prefix))
	}
	m, err := s.matcher(ctx, o.Function, o.Trigger)
	if err != nil {
		return nil, err
	}
	if m.t.Rule == nil && o.Bucket != "" && o.Bucket != m.t.Bucket {
		return nil, invalid("Trigger '%s' listens to the bucket '%s', not to '%s'.", o.Trigger, m.t.Bucket, o.Bucket)
	}
	if err := m.ready(); err != nil && !o.DryRun {
		return nil, err
	}
	if o.Kind == Backfill {
		if err := m.creates(); err != nil {
			return nil, err
		}
		if _, err := m.prefix(o.Prefix); err != nil {
			return nil, err
		}
	}
	var random [4]byte
	s.read(random[:])
	j := &Job{
		ID:   strings.Replace(now.Format("20060102-150405.000000"), ".", "", 1) + "-" + hex.EncodeToString(random[:]),
		Kind: o.Kind, Function: o.Function, Trigger: o.Trigger, Bucket: o.Bucket, Prefix: o.Prefix, Since: o.Since.UTC(), Until: o.Until.UTC(),
		Rate: o.Rate, DryRun: o.DryRun, State: Running, Created: now, By: o.By,
	}
	if o.Kind == Backfill {
		j.Since, j.Until = time.Time{}, time.Time{}
	}
	err = s.kv.Update(ctx, func(tx kv.Txn) error {
		jobs, err := all(tx)
		if err != nil {
			return err
		}
		var over [][]byte
		for _, o := range jobs {
			if !o.Active() {
				over = append(over, jobKey(o.ID))
			}
		}
		if len(jobs)-len(over) >= MaxActive {
			return fault.New(fault.Conflict, "TooManyJobs", "%d jobs run or are paused, as many as there may be.", len(jobs)-len(over)).
				WithHint("Wait for one to end, or cancel one.")
		}
		for i := range len(over) - keepEnded {
			tx.Delete(over[i])
		}
		tx.Set(jobKey(j.ID), row.Encode(j))
		tx.OnCommit(func(uint64) { s.begin(j.ID) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.live(j)
	return j, nil
}

// Pause stops a job for as long as nobody resumes it; what it has enqueued is run. A job
// that is paused stays so; one that is over cannot be (Conflict, reason JobEnded).
func (s *Store) Pause(ctx context.Context, id string) (*Job, error) {
	return s.set(ctx, id, Paused)
}

// Resume has a paused job go on where it was.
func (s *Store) Resume(ctx context.Context, id string) (*Job, error) {
	return s.set(ctx, id, Running)
}

// Cancel ends a job. What it has enqueued is run.
func (s *Store) Cancel(ctx context.Context, id string) (*Job, error) {
	return s.set(ctx, id, Canceled)
}

func (s *Store) set(ctx context.Context, id, state string) (j *Job, err error) {
	err = s.kv.Update(ctx, func(tx kv.Txn) error {
		if j, err = jobIn(tx, id); err != nil {
			return err
		}
		if !j.Active() && j.State != state {
			return fault.New(fault.Conflict, "JobEnded", "The job '%s' is over: %s.", j.ID, j.State)
		}
		if j.State == state {
			return nil
		}
		j.State, j.Message, j.Reason = state, "", ""
		if !j.Active() {
			j.Ended = s.o.Now().UTC()
		}
		tx.Set(jobKey(j.ID), row.Encode(j))
		tx.OnCommit(func(uint64) {
			if state == Running {
				s.begin(id)
			} else {
				s.interrupt(id)
			}
		})
		return nil
	})
	if err == nil {
		s.live(j)
	}
	return j, err
}
