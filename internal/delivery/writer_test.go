package delivery_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/object"
)

// state is what a bucket holds, as plainly as it can be said.
type state struct {
	objects map[string]thing
	uploads map[string]map[int]string // key → part → data; here a key has one upload at most
}

type thing struct {
	kind object.Kind
	data string // of a symlink: its target
}

func newState() *state {
	return &state{objects: map[string]thing{}, uploads: map[string]map[int]string{}}
}

// change is one operation that changed something: each has one commit.
type change struct {
	events []string // said
	apply  func(*state)
}

// writer changes keys that are its own, one change after the other, so that what it did
// up to any of them tells what these keys hold.
type writer struct {
	prefix string
	rng    *rand.Rand
	state  *state            // after all changes
	ids    map[string]string // key → upload id
	sums   map[string]map[int]string

	changes []change // guarded by world.mu, as is acked
	acked   int
}

func newWriter(n int, seed uint64) *writer {
	return &writer{
		prefix: fmt.Sprintf("w%d/", n), rng: rand.New(rand.NewPCG(seed, 0)), state: newState(),
		ids: map[string]string{}, sums: map[string]map[int]string{},
	}
}

// work makes changes until the last power cut.
func (wr *writer) work(w *world, h *house) error {
	for {
		select {
		case <-w.over:
			return nil
		default:
		}
		c, do := wr.choose(h)
		w.mu.Lock()
		wr.changes = append(wr.changes, c)
		w.mu.Unlock()
		if err := do(context.Background()); err != nil {
			return fmt.Errorf("change %d of %s, %v: %w", len(wr.changes), wr.prefix, c.events, err)
		}
		w.mu.Lock()
		wr.acked++
		w.mu.Unlock()
		c.apply(wr.state)
	}
}

// data is small, inline or a blob.
func (wr *writer) data() string {
	size := 1 + wr.rng.IntN(800)
	switch wr.rng.IntN(8) {
	case 0:
		size = 0
	case 1:
		size = 8<<10 + wr.rng.IntN(10<<10)
	case 2, 3:
		size = 32<<10 + 1 + wr.rng.IntN(4<<10) // a blob
	}
	return someBytes(wr.rng.Uint64(), size)
}

// choose makes up the next change and how to do it.
func (wr *writer) choose(h *house) (change, func(context.Context) error) {
	key := fmt.Sprintf("%s%d.%s", wr.prefix, wr.rng.IntN(5), []string{"run", "quiet"}[wr.rng.IntN(2)])
	other := fmt.Sprintf("%s%d.%s", wr.prefix, wr.rng.IntN(5), []string{"run", "quiet"}[wr.rng.IntN(2)])
	old, there := wr.state.objects[key]
	size := 0
	if there && old.kind != object.Symlink {
		size = len(old.data)
	}
	set := func(t event.Type, x thing, n int) change {
		return change{[]string{said(t, cutBucket, key, n, n-size)}, func(s *state) { s.objects[key] = x }}
	}
	switch p := wr.rng.IntN(100); {
	case p < 15 && there:
		c := change{[]string{said(event.DeleteObject, cutBucket, key, 0, -size)}, func(s *state) { delete(s.objects, key) }}
		return c, func(ctx context.Context) error {
			_, err := h.objects.Delete(ctx, event.Origin{}, cutBucket, key)
			return err
		}
	case p < 20 && there:
		c := change{apply: func(s *state) { delete(s.objects, key); delete(s.objects, other) }}
		keys := slices.Compact([]string{key, other})
		for _, k := range keys {
			if x, ok := wr.state.objects[k]; ok {
				n := len(x.data)
				if x.kind == object.Symlink {
					n = 0
				}
				c.events = append(c.events, said(event.DeleteObjects, cutBucket, k, 0, -n))
			}
		}
		slices.Sort(c.events)
		return c, func(ctx context.Context) error {
			return h.objects.DeleteMultiple(ctx, event.Origin{}, cutBucket, keys)
		}
	case p < 28 && wr.copyable(other) && key != other:
		x := wr.state.objects[other]
		if x.kind == object.Appendable {
			x.kind = object.Normal
		}
		return set(event.CopyObject, x, len(x.data)), func(ctx context.Context) error {
			_, err := h.objects.Copy(ctx, event.Origin{}, object.CopyInput{SrcBucket: cutBucket, SrcKey: other, Bucket: cutBucket, Key: key})
			return err
		}
	case p < 32:
		return set(event.PutSymlink, thing{object.Symlink, other}, 0), func(ctx context.Context) error {
			_, err := h.objects.PutSymlink(ctx, event.Origin{}, object.PutInput{Bucket: cutBucket, Key: key}, other)
			return err
		}
	case p < 50 && (!there || old.kind == object.Appendable && size < 200<<10):
		add := wr.data()
		x := thing{object.Appendable, old.data + add}
		return set(event.AppendObject, x, len(x.data)), func(ctx context.Context) error {
			_, err := h.objects.Append(ctx, event.Origin{}, object.AppendInput{Bucket: cutBucket, Key: key, Position: int64(size), Body: strings.NewReader(add), Size: int64(len(add))})
			return err
		}
	case p < 72:
		return wr.multipart(h, key, size)
	}
	x := thing{object.Normal, wr.data()}
	return set(event.PutObject, x, len(x.data)), func(ctx context.Context) error {
		_, err := h.objects.Put(ctx, event.Origin{}, object.PutInput{Bucket: cutBucket, Key: key, Body: strings.NewReader(x.data), Size: int64(len(x.data)), Event: event.PutObject})
		return err
	}
}

func (wr *writer) copyable(key string) bool {
	x, ok := wr.state.objects[key]
	return ok && x.kind != object.Symlink
}

// multipart takes the upload of a key, or a new one, a step further.
func (wr *writer) multipart(h *house, key string, size int) (change, func(context.Context) error) {
	parts, open := wr.state.uploads[key]
	if !open {
		c := change{[]string{said(event.InitiateMultipartUpload, cutBucket, key, 0, 0)}, func(s *state) { s.uploads[key] = map[int]string{} }}
		return c, func(ctx context.Context) error {
			u, err := h.objects.InitiateMultipart(ctx, event.Origin{}, object.PutInput{Bucket: cutBucket, Key: key})
			if err == nil {
				wr.ids[key], wr.sums[key] = u.ID, map[int]string{}
			}
			return err
		}
	}
	var data string
	var list []object.CompletedPart
	whole := true
	for n := 1; n <= 3; n++ {
		if p, ok := parts[n]; ok {
			whole = whole && (len(data) == 0 || len(parts[list[len(list)-1].Number]) >= object.MinPartSize)
			data += p
			list = append(list, object.CompletedPart{Number: n, ETag: wr.sums[key][n]})
		}
	}
	switch p := wr.rng.IntN(10); {
	case p < 1 || p < 5 && !whole:
		c := change{[]string{said(event.AbortMultipartUpload, cutBucket, key, 0, 0)}, func(s *state) { delete(s.uploads, key) }}
		return c, func(ctx context.Context) error {
			return h.objects.AbortMultipart(ctx, event.Origin{}, cutBucket, key, wr.ids[key])
		}
	case p < 5 && len(list) > 0:
		all := wr.rng.IntN(2) == 0
		c := change{[]string{said(event.CompleteMultipartUpload, cutBucket, key, len(data), len(data)-size)}, func(s *state) {
			s.objects[key] = thing{object.Multipart, data}
			delete(s.uploads, key)
		}}
		return c, func(ctx context.Context) error {
			if all {
				list = nil
			}
			_, err := h.objects.CompleteMultipart(ctx, event.Origin{}, cutBucket, key, wr.ids[key], list, false, all)
			return err
		}
	}
	n, part := 1+wr.rng.IntN(3), wr.data()
	if wr.rng.IntN(3) == 0 {
		part = someBytes(wr.rng.Uint64(), object.MinPartSize)
	}
	if part == "" {
		part = "x"
	}
	c := change{[]string{said(event.UploadPart, cutBucket, key, len(part), len(part)-len(parts[n]))}, func(s *state) { s.uploads[key][n] = part }}
	return c, func(ctx context.Context) error {
		p, err := h.objects.UploadPart(ctx, event.Origin{}, object.PartInput{
			Bucket: cutBucket, Key: key, UploadID: wr.ids[key], Number: n, Body: bytes.NewReader([]byte(part)), Size: int64(len(part)),
		})
		if err == nil {
			wr.sums[key][n] = p.ETag
		}
		return err
	}
}

// match compares what is stored under the writer's keys with a state.
func (wr *writer) match(h *house, s *state) error {
	ctx := context.Background()
	l, err := h.objects.List(ctx, cutBucket, object.ListInput{Prefix: wr.prefix, Max: 1000})
	if err != nil {
		return err
	}
	if len(l.Objects) != len(s.objects) {
		return fmt.Errorf("%d objects are listed, want %d", len(l.Objects), len(s.objects))
	}
	for _, o := range l.Objects {
		want, ok := s.objects[o.Key]
		if !ok || o.Kind != want.kind {
			return fmt.Errorf("%s is there (%v) and is %s, want %q", o.Key, ok, o.Kind, want.kind)
		}
		got := o.Target
		if o.Kind != object.Symlink {
			if got, err = h.read(cutBucket, o.Key); err != nil {
				return fmt.Errorf("%s: %w", o.Key, err)
			}
			if int(o.Size) != len(got) {
				return fmt.Errorf("%s has %d bytes, and its row says %d", o.Key, len(got), o.Size)
			}
		}
		if got != want.data {
			return fmt.Errorf("%s holds %s, want %s", o.Key, short(got), short(want.data))
		}
	}
	ul, err := h.objects.ListUploads(ctx, cutBucket, object.UploadsInput{Prefix: wr.prefix, Max: 1000})
	if err != nil {
		return err
	}
	if len(ul.Uploads) != len(s.uploads) {
		return fmt.Errorf("%d uploads are unfinished, want %d", len(ul.Uploads), len(s.uploads))
	}
	for _, u := range ul.Uploads {
		want, ok := s.uploads[u.Key]
		if !ok {
			return fmt.Errorf("an upload of %s is unfinished", u.Key)
		}
		pl, err := h.objects.ListParts(ctx, cutBucket, u.Key, u.ID, 0, 1000)
		if err != nil {
			return err
		}
		if len(pl.Parts) != len(want) {
			return fmt.Errorf("the upload of %s has %d parts, want %d", u.Key, len(pl.Parts), len(want))
		}
		for _, p := range pl.Parts {
			if int(p.Size) != len(want[p.Number]) {
				return fmt.Errorf("part %d of the upload of %s has %d bytes, want %d", p.Number, u.Key, p.Size, len(want[p.Number]))
			}
		}
	}
	return nil
}
