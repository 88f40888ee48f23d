package console

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/gauge"
	"github.com/alcedo-storage/alcedo/internal/reason"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

func (h *handler) overviewOperations() map[string]operation {
	return map[string]operation{
		"GET /api/overview":                    h.overview,
		"GET /api/functions/{function}/series": h.series,
	}
}

// Overview is how the server does, as far as the caller may see it. Whole tells that its
// numbers are those of the whole server, for which alcedo:GetOverview is needed; else they
// are of what the caller may see: runs of the functions that it may get, and events and
// storage of the buckets that it may list, as in the list of events. Runs and warnings are
// of functions that the caller may see in any case.
type Overview struct {
	Whole    bool           `json:"whole"`
	Version  string         `json:"version"` // after= waits for another
	Series   gauge.Series   `json:"series"`
	Minute   gauge.Point    `json:"minute"` // the last sixty seconds
	Waiting  int            `json:"waiting"`
	Running  int            `json:"running"`
	Dead     int            `json:"dead"`
	Counting bool           `json:"counting,omitempty"` // what waited at the start is still being counted
	Runs     []OverviewRun  `json:"runs"`
	Warnings []ServerNotice `json:"warnings"`
	Storage  *Storage       `json:"storage,omitempty"` // not there before it was counted first
}

// OverviewRun is a run, and the object that it is about: none if there was no event, or the
// caller may not see it.
type OverviewRun struct {
	gauge.Run
	Bucket string `json:"bucket,omitempty"`
	Key    string `json:"key,omitempty"`
}

// Storage is what is stored, as it was counted a moment ago.
type Storage struct {
	Buckets int           `json:"buckets"`
	Objects int64         `json:"objects"`
	Bytes   int64         `json:"bytes"`
	At      time.Time     `json:"at"`
	Partial bool          `json:"partial,omitempty"` // there is more
	Largest []gauge.Usage `json:"largest"`           // some buckets, the largest first
}

// WarnDisk is the kind of a notice that the disk takes no writes.
const WarnDisk = "ReadOnly"

// ServerNotice is something on the server that a person should look at.
type ServerNotice struct {
	Kind     string      `json:"kind"` // WarnPaused, WarnHeld or WarnDisk
	Function string      `json:"function,omitempty"`
	Trigger  string      `json:"trigger,omitempty"`
	Reason   string      `json:"reason,omitempty"`
	Message  string      `json:"message,omitempty"`
	Why      *reason.Why `json:"why,omitempty"` // what Message says, and of which Reason
	Since    time.Time   `json:"since,omitzero"`
	Count    int         `json:"count,omitempty"` // deliveries that wait
}

const (
	shownRuns    = 20
	shownNotices = 20
	shownBuckets = 5
)

// overview answers at once, or with wait=SECONDS and after= a version when something was
// counted since.
func (h *handler) overview(r *request) (any, error) {
	q, err := r.series()
	if err != nil {
		return nil, err
	}
	if err := r.awaitVersion(h.overviewVersion); err != nil {
		return nil, err
	}
	may, mayList := h.mayRuns(r), h.mayBuckets(r)
	out := Overview{Whole: h.authorize(r, "alcedo:GetOverview", "acs:alcedo:"+h.Region+":"+h.Account+":overview") == nil, Version: h.overviewVersion()}
	if !out.Whole {
		q.May, q.MayEvent = may, mayList
	}
	out.Series = h.Gauge.Series(q)
	out.Minute = h.Gauge.Series(gauge.Query{May: q.May, MayEvent: q.MayEvent, From: time.Now().Add(-time.Minute), Step: 10 * time.Second}).Total
	if out.Runs, err = h.lastRuns(r, may); err != nil {
		return nil, err
	}
	if out.Warnings, err = h.notices(r.Context(), may); err != nil {
		return nil, err
	}
	stats, err := h.Queue.Stats(r.Context())
	if err != nil {
		return nil, err
	}
	for _, s := range stats {
		if out.Whole || may(s.Function) {
			out.Waiting += s.Waiting
			out.Running += s.Running
			out.Dead += s.Dead
			out.Counting = out.Counting || s.Partial
		}
		if len(s.Holds) > 0 && may(s.Function) {
			for _, x := range s.Holds {
				out.Warnings = append(out.Warnings, ServerNotice{Kind: WarnHeld, Function: s.Function, Trigger: x.Trigger, Reason: x.Reason, Message: x.Message, Why: faultWhy(x.Reason, x.Message), Since: x.Since.UTC(), Count: s.Waiting})
			}
		}
	}
	out.Warnings = out.Warnings[:min(len(out.Warnings), shownNotices)]
	out.Storage = h.storage(mayList, out.Whole)
	return out, nil
}

// mayBuckets returns a function that tells whether the caller may see all events of a
// bucket: those that the list of events has without a filter. It asks for each bucket once.
func (h *handler) mayBuckets(r *request) func(bucket string) bool {
	known := map[string]bool{}
	return func(bucket string) bool {
		may, ok := known[bucket]
		if !ok {
			may = h.mayEvents(r, bucket, "") == nil
			known[bucket] = may
		}
		return may
	}
}

// lastRuns are the latest runs that may is true of, with their objects.
func (h *handler) lastRuns(r *request, may func(function string) bool) ([]OverviewRun, error) {
	out := []OverviewRun{}
	for _, x := range h.Gauge.Runs(shownRuns, may) {
		run := OverviewRun{Run: x}
		if x.EventID != "" {
			e, err := h.History.Find(r.Context(), x.EventID, x.RequestID)
			switch {
			case err == nil && h.maySee(r, e) == nil:
				run.Bucket, run.Key = e.Record.Bucket, e.Record.Key
			case err != nil && fault.KindOf(err) != fault.NotFound: // it is kept for a time only
				return nil, err
			}
		}
		out = append(out, run)
	}
	return out, nil
}

// storage sums up the buckets that the caller may list, or all.
func (h *handler) storage(may func(bucket string) bool, whole bool) *Storage {
	if h.Usage == nil {
		return nil
	}
	buckets, at, partial := h.Usage.Usage()
	if at.IsZero() {
		return nil
	}
	out := Storage{At: at.UTC(), Partial: partial, Largest: []gauge.Usage{}}
	slices.SortFunc(buckets, func(a, b gauge.Usage) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Objects, a.Objects), cmp.Compare(a.Bucket, b.Bucket))
	})
	for _, b := range buckets {
		full := len(out.Largest) == shownBuckets
		seen := (!whole || !full) && may(b.Bucket)
		if seen && !full {
			out.Largest = append(out.Largest, b)
		}
		if whole || seen {
			out.Buckets++
			out.Objects += b.Objects
			out.Bytes += b.Bytes
		}
	}
	return &out
}

// faultWhy tells of an error by its name.
func faultWhy(name, message string) *reason.Why {
	return reason.New(reason.Fault, reason.Args{"fault": name, "message": message}, "%s", message)
}

func (h *handler) notices(ctx context.Context, may func(string) bool) ([]ServerNotice, error) {
	out := []ServerNotice{}
	if h.Trouble != nil {
		if err := h.Trouble(); err != nil {
			f := fault.As(err)
			out = append(out, ServerNotice{Kind: WarnDisk, Reason: string(f.Reason), Message: f.Message,
				Why: faultWhy(string(f.Reason), f.Message)})
		}
	}
	ts, err := h.paused.get(ctx, h.Triggers)
	if err != nil {
		return nil, err
	}
	for _, t := range ts {
		if may(t.Function) {
			out = append(out, ServerNotice{Kind: WarnPaused, Function: t.Function, Trigger: t.Name, Reason: t.Paused.Reason, Message: t.Paused.Detail, Why: t.Paused.Why, Since: t.Paused.Since.UTC()})
		}
	}
	return out, nil
}

// pausedTriggers remembers which triggers are paused: to find out takes reading them all.
type pausedTriggers struct {
	mu sync.Mutex
	at time.Time
	ts []trigger.Trigger
}

const (
	pausedFresh = 5 * time.Second
	pausedMost  = 1000
)

func (p *pausedTriggers) get(ctx context.Context, all *trigger.Store) ([]trigger.Trigger, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.at) > pausedFresh {
		ts, err := all.Paused(ctx, pausedMost)
		if err != nil {
			return nil, err
		}
		p.ts, p.at = ts, time.Now()
	}
	return p.ts, nil
}

// series reads the parameters from and to, times in RFC 3339, span, seconds before to in
// place of from, and step, seconds.
func (r *request) series() (q gauge.Query, err error) {
	if q.From, err = r.when("from"); err != nil {
		return q, err
	}
	if q.To, err = r.when("to"); err != nil {
		return q, err
	}
	seconds := func(name string, most int) (time.Duration, error) {
		v := r.param(name)
		if v == "" {
			return 0, nil
		}
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > most {
			return 0, fault.New(fault.Invalid, "InvalidArgument", "%s %q is not a number of seconds from 1 to %d.", name, v, most)
		}
		return time.Duration(n) * time.Second, nil
	}
	if q.Step, err = seconds("step", 86400); err != nil {
		return q, err
	}
	span, err := seconds("span", 86400)
	if err != nil {
		return q, err
	}
	if span > 0 && q.From.IsZero() {
		if q.To.IsZero() {
			q.To = time.Now()
		}
		q.From = q.To.Add(-span)
	}
	if !q.To.IsZero() && !q.From.IsZero() && !q.From.Before(q.To) {
		return q, fault.New(fault.Invalid, "InvalidArgument", "from is not before to.")
	}
	return q, nil
}

// FunctionSeries is how a function did, all of its versions together: none is counted on its
// own. after= waits for another version of the answer.
type FunctionSeries struct {
	gauge.Series
	Version string `json:"version"`
}

// series tells how a function did: at once, or with wait=SECONDS and after= a version when
// something was counted since, of any function. When the time is over it answers, too: the
// span has moved on.
func (h *handler) series(r *request) (any, error) {
	name := r.PathValue("function")
	if err := h.mayGet(r, name); err != nil {
		return nil, err
	}
	if _, err := r.series(); err != nil {
		return nil, err
	}
	if err := r.awaitVersion(h.gaugeVersion); err != nil {
		return nil, err
	}
	q, err := r.series() // of now
	if err != nil {
		return nil, err
	}
	q.Function = name
	version := h.gaugeVersion()
	return FunctionSeries{h.Gauge.Series(q), version}, nil
}

func (h *handler) gaugeVersion() string { return strconv.FormatUint(h.Gauge.Version(), 16) }

// overviewVersion changes with how much is stored, too.
func (h *handler) overviewVersion() string {
	v := h.gaugeVersion()
	if h.Usage != nil {
		v += "-" + strconv.FormatUint(h.Usage.Version(), 16)
	}
	return v
}
