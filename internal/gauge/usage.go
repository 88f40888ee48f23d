package gauge

import (
	"context"
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
	firstLook = 5 * time.Second
	mostLook  = 10 * time.Minute
	rest      = 4   // times as long as it works, while it counts
	pause     = 100 // times as long as a count worked, until the next
	page      = 1000
	countMost = 5_000_000 // objects in one count
)

// Store tells how much is stored: counted beside everything else, at one percent of a
// processor's time, and only if something changed. So it is of a moment ago, never of now.
type Store struct {
	objects Objects
	changed func() uint64

	mu      sync.Mutex
	at      time.Time
	partial bool
	buckets []Usage
}

// NewStore returns a count that Work keeps. changed returns another number when objects
// may have been changed.
func NewStore(objects Objects, changed func() uint64) *Store {
	return &Store{objects: objects, changed: changed}
}

// Usage tells what each bucket held, by name, and when that was true; a zero time: it is
// being counted for the first time. partial: there is more, which was not counted.
func (s *Store) Usage() (buckets []Usage, at time.Time, partial bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.buckets), s.at, s.partial
}

// Work counts until ctx ends.
func (s *Store) Work(ctx context.Context) {
	for last, first := uint64(0), true; ; {
		wait := firstLook
		if now := s.changed(); first || now != last {
			worked, err := s.count(ctx)
			if ctx.Err() != nil {
				return
			}
			if err == nil { // else it is counted again after a while
				last, first = now, false
			}
			wait = min(max(worked*pause, firstLook), mostLook)
		}
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

func (s *Store) count(ctx context.Context) (worked time.Duration, err error) {
	at := time.Now()
	var out []Usage
	left := countMost
	for marker := ""; ; {
		buckets, next, err := s.objects.ListBuckets(ctx, "", marker, 100)
		if err != nil {
			return worked, err
		}
		for _, b := range buckets {
			u := Usage{Bucket: b.Name}
			for in := (object.ListInput{Max: page}); left > 0; {
				begun := time.Now()
				l, err := s.objects.List(ctx, b.Name, in)
				if fault.KindOf(err) == fault.NotFound {
					break // deleted meanwhile
				}
				if err != nil {
					return worked, err
				}
				left -= len(l.Objects)
				for _, o := range l.Objects {
					u.Objects++
					u.Bytes += o.Size
				}
				did := time.Since(begun)
				worked += did
				if !l.Truncated {
					break
				}
				in.Marker = l.Next
				if !sleep(ctx, did*rest) {
					return worked, ctx.Err()
				}
			}
			out = append(out, u)
		}
		if marker = next; marker == "" {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.partial, s.buckets = at, left <= 0, out
	return worked, nil
}
