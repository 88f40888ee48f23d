package replay

import (
	"context"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/alcedo-storage/alcedo/internal/object"
)

// Bounds of a page.
const (
	pageRuns   = 200     // deliveries
	pageBytes  = 1 << 20 // of their payloads
	pageLooked = 2000    // objects or events, whether they match or not
)

// page is what lies behind a cursor.
type page struct {
	items  []found
	looked int
	cursor string
	over   bool
}

type found struct {
	rec   *event.Record
	event string // its id; "" for an object
}

func (p *page) full(most, size int) bool {
	return len(p.items) >= most || size >= pageBytes || p.looked >= pageLooked
}

// look finds up to most events or objects behind a cursor that the trigger wants.
func (s *Store) look(ctx context.Context, j *Job, m *matcher, at string, most int) (*page, error) {
	if j.Kind == Replay {
		return s.past(ctx, j, m, at, most)
	}
	return s.present(ctx, j, m, at, most)
}

// past looks at events. The cursor is history's.
func (s *Store) past(ctx context.Context, j *Job, m *matcher, at string, most int) (*page, error) {
	p := &page{cursor: at}
	q := history.EventQuery{Bucket: m.t.Bucket, Prefix: j.Prefix, Since: j.Since, Until: j.Until, After: at, Limit: most}
	got, err := s.o.Events.Events(ctx, q)
	if err != nil {
		return nil, err
	}
	size := 0
	for _, e := range got.Events {
		p.looked++
		p.cursor = e.ID
		if m.wants(&e.Record) {
			p.items = append(p.items, found{&e.Record, e.ID})
			size += sizeOf(&e.Record)
		}
		if p.full(most, size) {
			return p, nil
		}
	}
	p.cursor, p.over = got.Next, !got.More
	return p, nil
}

// present looks at objects. The cursor is the bucket, a zero byte and the key.
func (s *Store) present(ctx context.Context, j *Job, m *matcher, at string, most int) (*page, error) {
	p := &page{cursor: at}
	prefix, err := m.prefix(j.Prefix)
	if err != nil {
		return nil, err
	}
	bucket, marker, _ := strings.Cut(at, "\x00")
	fixed := j.Bucket
	if m.t.Rule == nil {
		fixed = m.t.Bucket
	}
	if bucket == "" {
		if bucket = fixed; bucket == "" {
			if bucket, err = s.bucketAfter(ctx, ""); err != nil || bucket == "" {
				p.over = bucket == ""
				return p, err
			}
		}
	}
	size := 0
	for {
		b, err := s.o.Objects.GetBucket(ctx, bucket)
		if err != nil && (fixed != "" || !fault.Is(err, object.NoSuchBucket)) {
			return nil, err
		}
		for more := b != nil; more; {
			list, err := s.o.Objects.List(ctx, bucket, object.ListInput{Prefix: prefix, Marker: marker, Max: min(most, object.MaxListing)})
			if err != nil {
				return nil, err
			}
			for _, o := range list.Objects {
				p.looked++
				marker = o.Key
				if rec, ok := m.created(b, o, &j.By); ok {
					p.items = append(p.items, found{rec, ""})
					size += sizeOf(rec)
				}
				if p.full(most, size) {
					p.cursor = bucket + "\x00" + marker
					return p, nil
				}
			}
			more = list.Truncated
		}
		if fixed != "" {
			p.cursor, p.over = bucket+"\x00"+marker, true
			return p, nil
		}
		if bucket, err = s.bucketAfter(ctx, bucket); err != nil {
			return nil, err
		}
		marker = ""
		if bucket == "" {
			p.over = true
			return p, nil
		}
		p.cursor = bucket + "\x00"
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

func (s *Store) bucketAfter(ctx context.Context, name string) (string, error) {
	list, _, err := s.o.Objects.ListBuckets(ctx, "", name, 1)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0].Name, nil
}

// sizeOf is about what an event's delivery takes, in bytes.
func sizeOf(r *event.Record) int {
	n := 1500 + 2*len(r.Key) + 2*len(r.Bucket)
	for k, v := range r.Meta.User {
		n += len(k) + 2*len(v)
	}
	return n
}
