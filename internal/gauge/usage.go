package gauge

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/object"
)

// Usage is what a bucket held when it was last counted.
type Usage struct {
	Bucket  string `json:"bucket"`
	Objects int64  `json:"objects"`
	Bytes   int64  `json:"bytes"`
}

// Objects is where usage is counted; *object.Store is one.
type Objects interface {
	ListBuckets(ctx context.Context, prefix, marker string, max int) ([]*object.Bucket, string, error)
	List(ctx context.Context, bucket string, in object.ListInput) (*object.Listing, error)
}

const (
	look      = time.Second
	mostLook  = 10 * time.Minute
	rest      = 4   // times as long as it works, while it counts
	pause     = 100 // times as long as a count worked, until the next
	page      = 1000
	countMost = 5_000_000 // objects in all
)

// Store tells how much is stored: counted beside everything else, at one percent of a
// processor's time for each bucket, and only where something changed. Of a bucket that is
// counted in some milliseconds it is of a second ago, of a large one of longer.
type Store struct {
	objects Objects
	changed func() (buckets []string, all bool)

	mu      sync.Mutex
	version uint64
	at      time.Time
	partial bool
	buckets []Usage
}

// NewStore returns a count that Work keeps. changed returns the buckets in which objects may
// have changed since it was called last; all: any may be.
func NewStore(objects Objects, changed func() (buckets []string, all bool)) *Store {
	return &Store{objects: objects, changed: changed}
}

// Usage tells what each bucket held, by name, and since when that is true of all; a zero
// time: it is being counted for the first time. partial: there is more, which was not
// counted.
func (s *Store) Usage() (buckets []Usage, at time.Time, partial bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.buckets), s.at, s.partial
}

// Version changes with what Usage tells.
func (s *Store) Version() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// bucket is one as it was counted.
type bucket struct {
	Usage
	at      time.Time // then
	due     time.Time // it is not counted again before
	changed bool      // since
	partial bool
}

// Work counts until ctx ends.
func (s *Store) Work(ctx context.Context) {
	known := map[string]*bucket{}
	for again := true; ; { // again: it is not known which buckets there are
		names, all := s.changed()
		for _, b := range known {
			b.changed = b.changed || all
		}
		for _, name := range names {
			if b := known[name]; b != nil {
				b.changed = true
			}
		}
		wait := look
		if again = again || all || len(names) > 0; again {
			listed, err := s.list(ctx, known)
			again = err != nil
			wait = later(listed)
		}
		s.count(ctx, known)
		if !sleep(ctx, wait) {
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// later is how long to wait after so much work.
func later(worked time.Duration) time.Duration { return min(max(worked*pause, look), mostLook) }

// list finds out which buckets there are.
func (s *Store) list(ctx context.Context, known map[string]*bucket) (worked time.Duration, err error) {
	there := map[string]bool{}
	begun := time.Now()
	for marker := ""; ; {
		buckets, next, err := s.objects.ListBuckets(ctx, "", marker, 100)
		if err != nil {
			return time.Since(begun), err
		}
		for _, b := range buckets {
			there[b.Name] = true
			if known[b.Name] == nil {
				known[b.Name] = &bucket{Usage: Usage{Bucket: b.Name}, changed: true}
			}
		}
		if marker = next; marker == "" {
			break
		}
	}
	for name := range known {
		if !there[name] {
			delete(known, name)
		}
	}
	return time.Since(begun), nil
}

// count counts the buckets that changed and are due, those that are counted soonest first,
// and tells what it found. A bucket that cannot be read is counted again later.
func (s *Store) count(ctx context.Context, known map[string]*bucket) {
	all := slices.SortedFunc(maps.Values(known), func(a, b *bucket) int {
		return cmp.Or(cmp.Compare(a.Objects, b.Objects), cmp.Compare(a.Bucket, b.Bucket))
	})
	left := int64(countMost)
	for _, b := range all {
		left -= b.Objects
	}
	now := time.Now()
	for _, b := range all {
		if !b.changed || now.Before(b.due) {
			continue
		}
		begun := time.Now()
		u, partial, worked, err := s.one(ctx, b.Bucket, left+b.Objects)
		if ctx.Err() != nil {
			return
		}
		b.due = time.Now().Add(later(worked))
		if err != nil {
			continue
		}
		left += b.Objects - u.Objects
		b.Usage, b.partial, b.at, b.changed = u, partial, begun, false
	}
	s.tell(now, all)
}

// tell publishes what is known by now, once all has been counted.
func (s *Store) tell(now time.Time, all []*bucket) {
	at, partial, out := now, false, make([]Usage, 0, len(all))
	for _, b := range all {
		if b.at.IsZero() {
			return
		}
		if b.changed && b.at.Before(at) {
			at = b.at
		}
		partial = partial || b.partial
		out = append(out, b.Usage)
	}
	slices.SortFunc(out, func(a, b Usage) int { return cmp.Compare(a.Bucket, b.Bucket) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.at.IsZero() && s.partial == partial && slices.Equal(s.buckets, out) {
		return
	}
	s.version++
	s.at, s.partial, s.buckets = at, partial, out
}

// one counts a bucket, up to most objects.
func (s *Store) one(ctx context.Context, name string, most int64) (u Usage, partial bool, worked time.Duration, err error) {
	u.Bucket = name
	for in := (object.ListInput{Max: page}); ; {
		if u.Objects >= most {
			return u, true, worked, nil
		}
		begun := time.Now()
		l, err := s.objects.List(ctx, name, in)
		if fault.KindOf(err) == fault.NotFound {
			return Usage{Bucket: name}, false, worked, nil // deleted meanwhile
		}
		if err != nil {
			return u, false, worked, err
		}
		for _, o := range l.Objects {
			u.Objects++
			u.Bytes += o.Size
		}
		did := time.Since(begun)
		worked += did
		if !l.Truncated {
			return u, false, worked, nil
		}
		in.Marker = l.Next
		if !sleep(ctx, did*rest) {
			return u, false, worked, ctx.Err()
		}
	}
}
