package trigger

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/event/pattern"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// Triggers are kept in memory the way a write asks for them. A bucket's native ones are
// one entry with the mark of the bucket's version row; all rules of the bus are another,
// with the mark of the bus's. While the marks stay as they were, a write reads nothing:
// it takes the two marks, which also make its transaction conflict with one that changes
// those triggers, and looks the bucket up twice.

// bucketTriggers are the native triggers of one bucket.
type bucketTriggers struct {
	mark     uint64 // of the bucket's version row; see kv.Txn
	triggers []*Trigger
}

// bus is every enabled rule, compiled. Most rules name the buckets they are about, so
// each named bucket has a set of its own: a write to any other bucket only meets the
// rules that name none.
type bus struct {
	mark    uint64
	general *rules            // those that may concern any bucket; nil: there are none
	named   map[string]*rules // of a bucket that some rule names: those, and the general ones
}

// rules are some of the bus's, in their order, and their patterns as one.
type rules struct {
	triggers []*Trigger
	patterns []*pattern.Pattern
	set      *pattern.Set
}

func (r *rules) add(t *Trigger, p *pattern.Pattern) *rules {
	if r == nil {
		r = &rules{}
	}
	r.triggers, r.patterns = append(r.triggers, t), append(r.patterns, p)
	return r
}

// compile is called once, when every rule was added.
func (r *rules) compile() {
	if r != nil {
		r.set = pattern.NewSet(r.patterns)
	}
}

// question is what is needed to ask a set about an event, kept between writes.
type question struct {
	event pattern.Event
	hits  []int
	hit   func(i int)
}

var questions = sync.Pool{New: func() any {
	q := new(question)
	q.hit = func(i int) { q.hits = append(q.hits, i) }
	return q
}}

// match returns the triggers that want an event, in the order of r; the slice is shared
// and must not be changed.
func (r *rules) match(rec *event.Record) []*Trigger {
	if r == nil {
		return nil
	}
	q := questions.Get().(*question)
	q.event.Load(rec, rec.Time)
	r.set.Match(&q.event, q.hit)
	q.event.Reset()
	defer func() {
		q.hits = q.hits[:0]
		questions.Put(q)
	}()
	switch len(q.hits) {
	case 0:
		return nil
	case 1:
		return r.triggers[q.hits[0] : q.hits[0]+1 : q.hits[0]+1]
	}
	slices.Sort(q.hits)
	ts := make([]*Trigger, len(q.hits))
	for n, i := range q.hits {
		ts[n] = r.triggers[i]
	}
	return ts
}

// Match returns the triggers that want an event, within the transaction of the change,
// judged by what that transaction sees of them: the native one (at most one, by the
// overlap rule), then the rules of the bus in the order in which they were made. Paused
// triggers are among them, since what they match must not be lost; disabled rules are not.
//
// It is on the path of every write: it reads nothing from the store unless triggers
// changed. The result is shared: it must not be changed.
func (s *Store) Match(tx kv.Txn, rec *event.Record) ([]*Trigger, error) {
	b, err := s.ofBucketCached(tx, rec.Bucket)
	if err != nil {
		return nil, err
	}
	var native []*Trigger
	for i, t := range b.triggers {
		if t.Filter.Match(rec.Type, rec.Key) {
			native = b.triggers[i : i+1 : i+1]
			break
		}
	}
	all, err := s.rulesCached(tx)
	if err != nil {
		return nil, err
	}
	concerned := all.general
	if len(all.named) > 0 {
		if r, ok := all.named[rec.Bucket]; ok {
			concerned = r
		}
	}
	byRule := concerned.match(rec)
	if len(native) == 0 {
		return byRule, nil
	}
	return append(native, byRule...), nil // native has no room left, so this copies
}

func (s *Store) ofBucketCached(tx kv.Txn, bucket string) (*bucketTriggers, error) {
	mark := tx.Mark(row.Key(tVersion, bucket))
	if v, ok := s.cache.Load(bucket); ok {
		if b := v.(*bucketTriggers); mark != 0 && b.mark == mark {
			return b, nil
		}
	}
	ts, err := ofBucket(tx, bucket)
	if err != nil {
		return nil, err
	}
	b := &bucketTriggers{mark, ts}
	if mark != 0 {
		s.cache.Store(bucket, b)
	}
	return b, nil
}

var busKey = []byte(tBus)

func (s *Store) rulesCached(tx kv.Txn) (*bus, error) {
	mark := tx.Mark(busKey)
	if b := s.bus.Load(); b != nil && mark != 0 && b.mark == mark {
		return b, nil
	}
	ts, err := onBus(tx)
	if err != nil {
		return nil, err
	}
	b := &bus{mark: mark}
	type rule struct {
		t       *Trigger
		p       *pattern.Pattern
		buckets []string // nil: any
	}
	var enabled []rule
	for _, t := range ts {
		if !t.Rule.Enabled {
			continue
		}
		p, err := pattern.Parse([]byte(t.Rule.Pattern))
		if err != nil {
			// It was read when the trigger was made. To go on without the rule would
			// lose its events and tell nobody.
			return nil, fault.New(fault.Internal, "InternalError", "The pattern of trigger '%s' of function '%s' cannot be read any more.", t.Name, t.Function).
				WithHint("Change the trigger's pattern, or delete the trigger.").Because(err)
		}
		r := rule{t, p, namedBuckets(t.Rule.Pattern)}
		enabled = append(enabled, r)
		for _, name := range r.buckets {
			if b.named == nil {
				b.named = map[string]*rules{}
			}
			b.named[name] = &rules{}
		}
	}
	for _, r := range enabled {
		if r.buckets == nil {
			b.general = b.general.add(r.t, r.p)
		}
		for name, of := range b.named {
			if r.buckets == nil || slices.Contains(r.buckets, name) {
				of.add(r.t, r.p)
			}
		}
	}
	b.general.compile()
	for _, of := range b.named {
		of.compile()
	}
	if mark != 0 {
		s.bus.Store(b)
	}
	return b, nil
}

// namedBuckets returns the buckets outside of which a pattern matches no event; nil if it
// is not bound to buckets, or not in a way that is seen easily. The pattern is one that
// pattern.Parse accepts.
func namedBuckets(text string) []string {
	var p struct {
		Subject []any
		Data    struct {
			OSS struct{ Bucket struct{ Name []any } }
		}
	}
	// Names of fields match without case here, and with it in a pattern: one that is
	// spelled otherwise is no field of any event, so its pattern matches none at all, and
	// nothing is lost if it is asked too seldom.
	if json.Unmarshal([]byte(text), &p) != nil {
		return nil // some field is not of the form that is looked for
	}
	if names := eachNames(p.Data.OSS.Bucket.Name, func(s string, exact bool) (string, bool) { return s, exact }); names != nil {
		return names
	}
	return eachNames(p.Subject, func(s string, exact bool) (string, bool) {
		parts := strings.SplitN(s, ":", 5) // acs:oss:<region>:<account>:<bucket>/<key>
		if len(parts) < 5 {
			return "", false
		}
		name, _, whole := strings.Cut(parts[4], "/")
		return name, whole || exact
	})
}

// eachNames returns what name finds in each expression of a field, or nil if some
// expression names no bucket.
func eachNames(field []any, name func(s string, exact bool) (string, bool)) (names []string) {
	for _, e := range field {
		var n string
		var ok bool
		switch e := e.(type) {
		case string:
			n, ok = name(e, true)
		case map[string]any:
			if prefix, is := e["prefix"].(string); is && len(e) == 1 {
				n, ok = name(prefix, false)
			}
		}
		if !ok {
			return nil
		}
		names = append(names, n)
	}
	return names
}

// ForBucket returns the native triggers of a bucket.
func (s *Store) ForBucket(ctx context.Context, bucket string) (ts []*Trigger, err error) {
	err = s.kv.View(ctx, func(r kv.Reader) (err error) {
		ts, err = ofBucket(r, bucket)
		return err
	})
	return ts, err
}

// ofBucket reads the native triggers of a bucket.
func ofBucket(r kv.Reader, bucket string) ([]*Trigger, error) {
	return byReference(r, append(row.Key(tBucket, bucket), 0))
}

// onBus reads all rules, disabled ones too, in the order in which they were made.
func onBus(r kv.Reader) ([]*Trigger, error) {
	ts, err := byReference(r, []byte(tRule))
	slices.SortFunc(ts, func(a, b *Trigger) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		if c := strings.Compare(a.Function, b.Function); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return ts, err
}

// byReference reads the triggers that the rows under a prefix refer to.
func byReference(r kv.Reader, prefix []byte) (ts []*Trigger, err error) {
	err = r.Scan(kv.Prefix(prefix), func(_, ref []byte) error {
		v, err := r.Get(append([]byte(tTrigger), bytes.Clone(ref)...))
		if err != nil {
			return err
		}
		t := new(Trigger)
		ts = append(ts, t)
		return row.Decode(v, t)
	})
	return ts, err
}
