package trigger

import (
	"context"
	"strconv"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/event/pattern"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/reason"
)

// States of a trigger.
const (
	Enabled  = "enabled"
	Disabled = "disabled" // triggerEnable false: what it would match is nothing to it
	Paused   = "paused"   // what it matches becomes a dead letter
)

// State is what a trigger does with events that it matches. One that is disabled and
// paused is disabled.
func (t *Trigger) State() string {
	switch {
	case t.Rule != nil && !t.Rule.Enabled:
		return Disabled
	case t.Paused != nil:
		return Paused
	}
	return Enabled
}

// Verdict says what a trigger makes of an event.
type Verdict struct {
	Trigger *Trigger
	Fires   bool
	Why     *reason.Why // why it does not fire; nil if it does
}

// Explain judges every trigger that is concerned with an event by it: the native ones of
// its bucket, then all rules of the bus in the order in which they were made.
func (s *Store) Explain(ctx context.Context, rec *event.Record) ([]Verdict, error) {
	var vs []Verdict
	err := s.kv.View(ctx, func(r kv.Reader) error {
		vs = nil
		natives, err := ofBucket(r, rec.Bucket)
		if err != nil {
			return err
		}
		rules, err := onBus(r)
		if err != nil {
			return err
		}
		for _, t := range append(natives, rules...) {
			why, err := explain(t, rec)
			if err != nil {
				return err
			}
			vs = append(vs, Verdict{Trigger: t, Fires: why == nil, Why: why})
		}
		return nil
	})
	return vs, err
}

func explain(t *Trigger, rec *event.Record) (*reason.Why, error) {
	if t.State() == Disabled {
		return reason.New(reason.TriggerDisabled, nil, "it is disabled (triggerEnable is false)"), nil
	}
	why, err := mismatch(t, rec)
	if err != nil || why != nil || t.Paused == nil {
		return why, err
	}
	p := t.Paused
	about := p.Reason
	if p.Detail != "" {
		about += ": " + p.Detail
	}
	why = reason.New(reason.TriggerPaused, p.Args(), "it is paused since %s (%s); the event becomes a dead letter", p.Since.UTC().Format(time.RFC3339), about)
	why.Hint = p.Why
	return why, nil
}

// Args are those of reasons that tell of the pause. The detail is among them if it is
// somebody's own text; if not, Why tells it.
func (p *Pause) Args() reason.Args {
	args := reason.Args{"since": p.Since.UTC().Format(time.RFC3339), "pause": p.Reason}
	if p.Why == nil && p.Detail != "" {
		args["detail"] = p.Detail
	}
	return args
}

// mismatch says why a trigger's filter or pattern does not want an event.
func mismatch(t *Trigger, rec *event.Record) (*reason.Why, error) {
	if t.Rule == nil {
		if t.Bucket != rec.Bucket {
			return reason.New(reason.OtherBucket, reason.Args{"bucket": t.Bucket}, "the trigger listens to the bucket %q", t.Bucket), nil
		}
		return t.Filter.Explain(rec.Type, rec.Key), nil
	}
	p, err := pattern.Parse([]byte(t.Rule.Pattern))
	if err != nil {
		return nil, err
	}
	return p.Explain(pattern.FromRecord(rec, rec.Time)), nil
}

// Report is what is to be known of a trigger before it is made.
type Report struct {
	Conflicts    []*Trigger  // triggers of the bucket that overlap it, so that it would be refused
	Used, Limit  int         // native triggers of its bucket, or rules of the bus, without it
	FunctionUsed int         // triggers of its function, without it; of MaxPerFunction
	Warning      *reason.Why // if it is likely to start itself
}

// Check tells what Create, or Update if there is one of that name, would say of a trigger
// in the store as it is; its role is not looked at. Errors are those of its
// configuration, and FunctionNotFound, which are as Create gives them.
func (s *Store) Check(ctx context.Context, functionName string, t Trigger) (*Report, error) {
	t.Function = functionName
	var err error
	if t.Type == TypeOSS {
		err = s.parseNative(&t)
	} else {
		err = s.parse(&t)
	}
	if err != nil {
		return nil, err
	}
	var rep *Report
	err = s.kv.View(ctx, func(r kv.Reader) (err error) {
		rep = &Report{Limit: MaxRules}
		if err := function.Exists(r, functionName, function.Latest); err != nil {
			return err
		}
		if rep.FunctionUsed, err = s.countOthers(r, &t); err != nil {
			return err
		}
		var others []*Trigger
		if t.Rule != nil {
			others, err = onBus(r)
		} else {
			rep.Limit = MaxPerBucket
			if err := s.checkBucket(r, t.Bucket); err != nil {
				return err
			}
			others, err = ofBucket(r, t.Bucket)
		}
		for _, o := range others {
			if o.Function == t.Function && o.Name == t.Name {
				continue
			}
			rep.Used++
			if t.Rule == nil && t.Filter.Overlaps(&o.Filter) {
				rep.Conflicts = append(rep.Conflicts, o)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	rep.Warning, err = s.Warning(ctx, t)
	return rep, err
}

// recentWrites is how many events of a function's runs are looked at for a trigger that
// would start itself.
const recentWrites = 200

// Warning returns a reason to look again if a trigger, as Create or Update returned it,
// would be started by what its own function's runs have written; nil if nothing is known.
// Its sentence is plain ASCII: it travels in a header.
func (s *Store) Warning(ctx context.Context, t Trigger) (*reason.Why, error) {
	if s.o.Writes == nil || t.State() == Disabled {
		return nil, nil
	}
	recs, err := s.o.Writes(ctx, t.Function, recentWrites)
	if err != nil {
		return nil, err
	}
	n, first := 0, -1
	for i := range recs {
		why, err := mismatch(&t, &recs[i])
		if err != nil {
			return nil, err
		}
		if why == nil {
			if n++; first < 0 {
				first = i
			}
		}
	}
	if n == 0 {
		return nil, nil
	}
	what := recs[first].Bucket
	if recs[first].Key != "" {
		what += "/" + recs[first].Key
	}
	typ := "oss:" + string(recs[first].Type)
	return reason.New(reason.StartsItself, reason.Args{"trigger": t.Name, "function": t.Function, "n": n, "looked": len(recs), "event": typ, "object": what},
		"Trigger '%s' is likely to start itself: %d of the last %d changes that runs of '%s' made match it, for example %s of %s. Write results under another prefix, or give the trigger a narrower prefix or suffix.",
		t.Name, n, len(recs), t.Function, typ, strconv.QuoteToASCII(what)), nil
}

// countOthers counts the triggers of t's function, without t.
func (s *Store) countOthers(r kv.Reader, t *Trigger) (n int, err error) {
	err = r.Scan(ofFunction(t.Function), func(_, v []byte) error {
		var o Trigger
		if err := row.Decode(v, &o); err != nil {
			return err
		}
		if o.Name != t.Name {
			n++
		}
		return nil
	})
	return n, err
}
