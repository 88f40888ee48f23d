package replay

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/event/pattern"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/object"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

// matcher is a trigger as it is now.
type matcher struct {
	t trigger.Trigger
	p *pattern.Pattern // of an EventBridge trigger
	e pattern.Event
}

func (s *Store) matcher(ctx context.Context, function, name string) (*matcher, error) {
	t, err := s.o.Triggers.Get(ctx, function, name)
	if err != nil {
		return nil, err
	}
	m := &matcher{t: t}
	if t.Rule != nil {
		m.p, err = pattern.Parse([]byte(t.Rule.Pattern))
	}
	return m, err
}

// ready says why the trigger starts nothing now.
func (m *matcher) ready() error {
	switch m.t.State() {
	case trigger.Paused:
		return fault.New(fault.Conflict, "TriggerPaused", "Trigger '%s' of function '%s' is paused (%s).", m.t.Name, m.t.Function, m.t.Paused.Reason).
			WithHint("Resume it first.")
	case trigger.Disabled:
		return fault.New(fault.Conflict, "TriggerDisabled", "Trigger '%s' of function '%s' is disabled.", m.t.Name, m.t.Function).
			WithHint("Enable it first.")
	}
	return nil
}

func (m *matcher) wants(rec *event.Record) bool {
	if m.t.Rule == nil {
		return rec.Bucket == m.t.Bucket && m.t.Filter.Match(rec.Type, rec.Key)
	}
	m.e.Load(rec, rec.Time)
	defer m.e.Reset()
	return m.p.Match(&m.e)
}

// creating are the events that make an object, in the order in which a backfill tries them
// after the one that made the object.
var creating = []event.Type{event.PutObject, event.PostObject, event.CompleteMultipartUpload, event.CopyObject, event.AppendObject, event.PutSymlink}

var made = map[object.Kind]event.Type{
	object.Normal: event.PutObject, object.Multipart: event.CompleteMultipartUpload, object.Appendable: event.AppendObject, object.Symlink: event.PutSymlink,
}

// creates refuses a native trigger that no object's creation starts. (An EventBridge
// pattern would have to be asked for each object.)
func (m *matcher) creates() error {
	if m.t.Rule != nil {
		return nil
	}
	for _, c := range creating {
		if m.t.Filter.Match(c, m.t.Filter.Prefix+m.t.Filter.Suffix) {
			return nil
		}
	}
	return fault.New(fault.Invalid, "InvalidArgument", "Trigger '%s' listens to %s: not to an event that makes an object, so there is nothing to run for objects that are there.", m.t.Name, strings.Join(m.t.Filter.Events, ", "))
}

// prefix is what a backfill's keys begin with: what is asked for, and what the trigger
// wants.
func (m *matcher) prefix(asked string) (string, error) {
	own := m.t.Filter.Prefix
	switch {
	case strings.HasPrefix(asked, own):
		return asked, nil
	case strings.HasPrefix(own, asked):
		return own, nil
	}
	return "", fault.New(fault.Invalid, "InvalidArgument", "Trigger '%s' wants keys that begin with %q, so none that begins with %q.", m.t.Name, own, asked)
}

// created makes the event that an object's creation would have raised, as its present
// owner's doing; false if the trigger wants none of it. Its time is the object's.
func (m *matcher) created(b *object.Bucket, o *object.Info, by *event.Origin) (*event.Record, bool) {
	rec := &event.Record{
		Time: o.Modified, Bucket: b.Name, Owner: b.Owner, Region: b.Region, Key: o.Key, Size: o.Size, Delta: o.Size, ETag: o.ETag, Meta: o.Meta,
		Origin: *by,
	}
	var id [12]byte
	_, _ = rand.Read(id[:]) // never fails
	rec.Origin.RequestID = strings.ToUpper(hex.EncodeToString(id[:]))
	try := func(typ event.Type) bool {
		rec.Type, rec.Position = typ, nil
		if typ == event.AppendObject {
			rec.Position = new(int64)
		}
		return m.wants(rec)
	}
	if try(made[o.Kind]) {
		return rec, true
	}
	for _, typ := range creating {
		if try(typ) {
			return rec, true
		}
	}
	return nil, false
}

// delivery is what the trigger owes for an event, on behalf of a job.
func (m *matcher) delivery(j *Job, rec *event.Record, eventID string, now time.Time) *delivery.Delivery {
	d := delivery.For(&m.t, rec)
	d.Enqueued, d.EventID, d.Mark, d.Job = now, eventID, j.Kind, j.ID
	return d
}
