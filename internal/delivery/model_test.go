package delivery_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/object"
	"github.com/alcedo-storage/alcedo/internal/run"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/alcedo-storage/alcedo/internal/trigger"
	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"
)

// Random operations on buckets, objects, uploads, triggers and runs, with restarts in
// between, against a plain model: after each step the contents, the listings, the events
// and the deliveries owed, queued and given up are the model's.
//
// A failure is shrunk to a short sequence. -rapid.checks sets how many sequences are
// tried, -rapid.steps how long they are; -rapid.seed repeats one.
func TestModel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	begun := time.Now()
	rapid.Check(t, func(t *rapid.T) {
		if testing.Short() || !longModel() && time.Since(begun) > 15*time.Second {
			return // enough for every day
		}
		m := newModel(t, dir)
		defer m.close(t)
		t.Repeat(rapid.StateMachineActions(m))
	})
}

var (
	modelBuckets   = []string{"bucket-a", "bucket-b"}
	modelKeys      = []string{"in/a.png", "in/b.txt", "out/a.png", "plain"}
	modelFunctions = []string{"f", "g"} // f is tried again once, g never
	modelRetries   = map[string]int{"f": 1, "g": 0}
	modelEvents    = []event.Type{
		event.PutObject, event.CopyObject, event.AppendObject, event.PutSymlink, event.UpdateObjectMeta,
		event.InitiateMultipartUpload, event.UploadPart, event.CompleteMultipartUpload, event.AbortMultipartUpload,
		event.DeleteObject, event.DeleteObjects,
	}
)

// model is what the house must look like, beside the house.
type model struct {
	house   *house
	fs      *vfs.MemFS
	dir     string
	now     time.Time
	invoker *scripted

	buckets  map[string]*state
	triggers map[string]*listens // function/name
	events   []string
	owed     []*owedRun
	dead     []*owedRun
}

// listens is a trigger.
type listens struct {
	function, bucket, prefix string
	types                    []event.Type
	everything               bool // an EventBridge rule for every object event of every bucket
	paused                   bool
}

func (l *listens) wants(t event.Type, bucket, key string) bool {
	return l.everything || l.bucket == bucket && strings.HasPrefix(key, l.prefix) && slices.Contains(l.types, t)
}

// owedRun is a delivery.
type owedRun struct {
	function, trigger, bucket, key string
	attempt                        int
	reason                         string // of a dead letter
}

func (o *owedRun) String() string {
	return fmt.Sprintf("%s by %s for %s/%s attempt %d %s", o.function, o.trigger, o.bucket, o.key, o.attempt, o.reason)
}

func lines[T fmt.Stringer](list []T) []string {
	var s []string
	for _, x := range list {
		s = append(s, x.String())
	}
	slices.Sort(s)
	return s
}

// scripted is where functions run; each run fails if its function is in failing.
type scripted struct {
	mu      sync.Mutex
	failing map[string]bool
	begun   []string
	news    chan struct{}
}

func (s *scripted) Invoke(_ context.Context, c run.Call) (*runner.Result, *run.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = append(s.begun, fmt.Sprintf("%s by %s attempt %d", c.Function, c.Trigger, c.Attempt))
	select {
	case s.news <- struct{}{}:
	default:
	}
	if s.failing[c.Function] {
		return &runner.Result{ErrorType: runner.ErrorUnhandled}, &run.Record{}, nil
	}
	return &runner.Result{}, &run.Record{}, nil
}

func newModel(t *rapid.T, dir string) *model {
	m := &model{
		dir: dir, now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), fs: vfs.NewMem(), invoker: &scripted{news: make(chan struct{}, 1)},
		buckets: map[string]*state{}, triggers: map[string]*listens{},
	}
	m.open(t)
	for _, f := range modelFunctions {
		if err := m.house.addFunction(f, modelRetries[f]); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m *model) open(t *rapid.T) {
	h, err := openHouse(houseOptions{fs: m.fs, codeDir: m.dir, invoker: m.invoker, now: func() time.Time { return m.now }})
	if err != nil {
		t.Fatal(err)
	}
	m.house = h
}

func (m *model) close(t *rapid.T) {
	if err := m.house.close(); err != nil {
		t.Fatal(err)
	}
}

// happened is told of an event.
func (m *model) happened(t event.Type, bucket, key string, size, delta int) {
	m.events = append(m.events, said(t, bucket, key, size, delta))
	for name, l := range m.triggers {
		if key != "" && l.wants(t, bucket, key) {
			o := &owedRun{function: l.function, trigger: name, bucket: bucket, key: key}
			if l.paused {
				o.reason = delivery.ReasonPaused
				m.dead = append(m.dead, o)
			} else {
				m.owed = append(m.owed, o)
			}
		}
	}
}

// Check is called after every step.
func (m *model) Check(t *rapid.T) {
	h := m.house
	for _, b := range modelBuckets {
		s := m.buckets[b]
		l, err := h.objects.List(context.Background(), b, object.ListInput{Max: 1000})
		if s == nil {
			if !fault.Is(err, object.NoSuchBucket) {
				t.Fatalf("listing %s, which is not there: %v", b, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range l.Objects {
			got = append(got, o.Key)
			want := s.objects[o.Key]
			data := o.Target
			if o.Kind != object.Symlink {
				if data, err = h.read(b, o.Key); err != nil {
					t.Fatalf("%s/%s: %v", b, o.Key, err)
				}
			}
			if o.Kind != want.kind || data != want.data {
				t.Fatalf("%s/%s is %s and holds %s, want %s and %s", b, o.Key, o.Kind, short(data), want.kind, short(want.data))
			}
		}
		if want := slices.Sorted(maps.Keys(s.objects)); !slices.Equal(got, want) {
			t.Fatalf("%s lists %q, want %q", b, got, want)
		}
		ul, err := h.objects.ListUploads(context.Background(), b, object.UploadsInput{Max: 1000})
		if err != nil {
			t.Fatal(err)
		}
		got = nil
		for _, u := range ul.Uploads {
			got = append(got, u.Key)
		}
		if want := slices.Sorted(maps.Keys(s.uploads)); !slices.Equal(got, want) {
			t.Fatalf("%s has unfinished uploads of %q, want %q", b, got, want)
		}
	}
	events, err := h.events()
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		if i >= len(m.events) || e.line != m.events[i] {
			t.Fatalf("event %d is %q, want %q", i, e.line, m.events[min(i, len(m.events)):min(i+1, len(m.events))])
		}
	}
	if len(events) != len(m.events) {
		t.Fatalf("there is no event %q", m.events[len(events)])
	}
	queued, err := h.queued()
	if err != nil {
		t.Fatal(err)
	}
	var got []*owedRun
	for _, d := range queued {
		got = append(got, &owedRun{function: d.Function, trigger: d.Function + "/" + d.Trigger, bucket: d.Bucket, key: d.Key, attempt: d.Attempt})
	}
	if got, want := lines(got), lines(m.owed); !slices.Equal(got, want) {
		t.Fatalf("deliveries wait:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	dead, err := h.dead()
	if err != nil {
		t.Fatal(err)
	}
	got = nil
	for _, x := range dead {
		d := &x.Delivery
		got = append(got, &owedRun{function: d.Function, trigger: d.Function + "/" + d.Trigger, bucket: d.Bucket, key: d.Key, attempt: d.Attempt, reason: x.Reason})
	}
	if got, want := lines(got), lines(m.dead); !slices.Equal(got, want) {
		t.Fatalf("dead letters:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// expect fails unless err has the reason, "" for none.
func expect(t *rapid.T, err error, reason fault.Reason) bool {
	if reason == "" && err != nil || reason != "" && !fault.Is(err, reason) {
		t.Fatalf("the answer is %v, want %q", err, reason)
	}
	return reason == ""
}

// at draws a bucket and a key, and gives what they hold. The bucket may not be there:
// then want is NoSuchBucket.
func (m *model) at(t *rapid.T) (bucket, key string, s *state, want fault.Reason) {
	bucket, key = rapid.SampledFrom(modelBuckets).Draw(t, "bucket"), rapid.SampledFrom(modelKeys).Draw(t, "key")
	if s = m.buckets[bucket]; s == nil {
		return bucket, key, newState(), object.NoSuchBucket
	}
	return bucket, key, s, ""
}

// length is an object's size; a link has none, as has what is not there.
func (s *state) length(key string) int {
	if x := s.objects[key]; x.kind != object.Symlink {
		return len(x.data)
	}
	return 0
}

func drawData(t *rapid.T) string {
	// Nothing, a row, and what needs a blob; other bytes each time.
	size := rapid.SampledFrom([]int{0, 1, 300, 33 << 10}).Draw(t, "size")
	return someBytes(uint64(rapid.IntRange(0, 1<<19).Draw(t, "bytes")), size)
}

func (m *model) CreateBucket(t *rapid.T) {
	b := rapid.SampledFrom(modelBuckets).Draw(t, "bucket")
	if err := m.house.createBucket(b); err != nil {
		t.Fatal(err)
	}
	if m.buckets[b] == nil { // the owner may make it again, without effect
		m.buckets[b] = newState()
		m.happened(event.PutBucket, b, "", 0, 0)
	}
}

func (m *model) DeleteBucket(t *rapid.T) {
	b := rapid.SampledFrom(modelBuckets).Draw(t, "bucket")
	want := fault.Reason("")
	s := m.buckets[b]
	switch {
	case s == nil:
		want = object.NoSuchBucket
	case len(s.objects)+len(s.uploads) > 0:
		want = object.BucketNotEmpty
	default:
		for _, l := range m.triggers {
			if l.bucket == b {
				want = object.HasActiveTriggers
			}
		}
	}
	if expect(t, m.house.objects.DeleteBucket(context.Background(), event.Origin{}, b), want) {
		delete(m.buckets, b)
		m.happened(event.DeleteBucket, b, "", 0, 0)
	}
}

func (m *model) Put(t *rapid.T) {
	b, k, s, want := m.at(t)
	data, forbid := drawData(t), rapid.Bool().Draw(t, "forbid overwrite")
	if _, there := s.objects[k]; want == "" && forbid && there {
		want = object.FileAlreadyExists
	}
	_, err := m.house.objects.Put(context.Background(), event.Origin{}, object.PutInput{
		Bucket: b, Key: k, Body: strings.NewReader(data), Size: int64(len(data)), ForbidOverwrite: forbid, Event: event.PutObject,
	})
	if expect(t, err, want) {
		old := s.length(k)
		s.objects[k] = thing{object.Normal, data}
		m.happened(event.PutObject, b, k, len(data), len(data)-old)
	}
}

func (m *model) Append(t *rapid.T) {
	b, k, s, want := m.at(t)
	data, position := drawData(t), s.length(k)
	switch rapid.IntRange(0, 9).Draw(t, "position") {
	case 0:
		position = 0
	case 1:
		position++
	case 2:
		position = max(0, position-1)
	}
	old, there := s.objects[k]
	if want == "" && there && old.kind != object.Appendable {
		want = object.ObjectNotAppendable
	} else if want == "" && position != len(old.data) {
		want = object.PositionNotEqual
	}
	_, err := m.house.objects.Append(context.Background(), event.Origin{}, object.AppendInput{Bucket: b, Key: k, Position: int64(position), Body: strings.NewReader(data), Size: int64(len(data))})
	if expect(t, err, want) {
		s.objects[k] = thing{object.Appendable, old.data + data}
		m.happened(event.AppendObject, b, k, len(old.data)+len(data), len(data))
	}
}

func (m *model) Copy(t *rapid.T) {
	b, k, s, want := m.at(t)
	sb, sk := rapid.SampledFrom(modelBuckets).Draw(t, "source bucket"), rapid.SampledFrom(modelKeys).Draw(t, "source key")
	src, there := thing{}, false
	if from := m.buckets[sb]; from == nil {
		want = object.NoSuchBucket
	} else if src, there = from.objects[sk]; !there && want == "" {
		want = object.NoSuchKey
	}
	replace := rapid.Bool().Draw(t, "replace metadata")
	_, err := m.house.objects.Copy(context.Background(), event.Origin{}, object.CopyInput{SrcBucket: sb, SrcKey: sk, Bucket: b, Key: k, MetadataReplace: replace})
	if !expect(t, err, want) {
		return
	}
	typ, self, old := event.CopyObject, b == sb && k == sk, s.length(k)
	if self && replace {
		typ = event.UpdateObjectMeta
	}
	if src.kind == object.Appendable && !self {
		src.kind = object.Normal
	}
	s.objects[k] = src
	m.happened(typ, b, k, s.length(k), s.length(k)-old)
}

func (m *model) Symlink(t *rapid.T) {
	b, k, s, want := m.at(t)
	target := rapid.SampledFrom(modelKeys).Draw(t, "target")
	_, err := m.house.objects.PutSymlink(context.Background(), event.Origin{}, object.PutInput{Bucket: b, Key: k}, target)
	if expect(t, err, want) {
		old := s.length(k)
		s.objects[k] = thing{object.Symlink, target}
		m.happened(event.PutSymlink, b, k, 0, -old)
	}
}

func (m *model) Delete(t *rapid.T) {
	b, k, s, want := m.at(t)
	existed, err := m.house.objects.Delete(context.Background(), event.Origin{}, b, k)
	if !expect(t, err, want) {
		return
	}
	_, there := s.objects[k]
	if existed != there {
		t.Fatalf("the answer is that it existed: %v, want %v", existed, there)
	}
	if there {
		old := s.length(k)
		delete(s.objects, k)
		m.happened(event.DeleteObject, b, k, 0, -old)
	}
}

func (m *model) DeleteMultiple(t *rapid.T) {
	b, _, s, want := m.at(t)
	keys := rapid.SliceOfNDistinct(rapid.SampledFrom(modelKeys), 1, 3, rapid.ID).Draw(t, "keys")
	if !expect(t, m.house.objects.DeleteMultiple(context.Background(), event.Origin{}, b, keys), want) {
		return
	}
	slices.Sort(keys) // as house.events sorts those of one commit
	for _, k := range keys {
		if _, there := s.objects[k]; there {
			old := s.length(k)
			delete(s.objects, k)
			m.happened(event.DeleteObjects, b, k, 0, -old)
		}
	}
}

// Multipart takes an upload of a key a step further; a key has one at most here.
func (m *model) Multipart(t *rapid.T) {
	b, k, s, want := m.at(t)
	ctx := context.Background()
	parts, open := s.uploads[k]
	if !open {
		_, err := m.house.objects.InitiateMultipart(ctx, event.Origin{}, object.PutInput{Bucket: b, Key: k})
		if expect(t, err, want) {
			s.uploads[k] = map[int]string{}
			m.happened(event.InitiateMultipartUpload, b, k, 0, 0)
		}
		return
	}
	l, err := m.house.objects.ListUploads(ctx, b, object.UploadsInput{Prefix: k, Max: 1})
	if err != nil || len(l.Uploads) != 1 {
		t.Fatalf("%d uploads, %v", len(l.Uploads), err)
	}
	id := l.Uploads[0].ID
	switch step := rapid.SampledFrom([]string{"part", "part", "complete", "abort"}).Draw(t, "step"); step {
	case "part":
		n := rapid.IntRange(1, 2).Draw(t, "number")
		data := drawData(t)
		if n == 1 && rapid.Bool().Draw(t, "whole part") {
			data = someBytes(uint64(len(m.events)), object.MinPartSize)
		}
		_, err := m.house.objects.UploadPart(ctx, event.Origin{}, object.PartInput{Bucket: b, Key: k, UploadID: id, Number: n, Body: strings.NewReader(data), Size: int64(len(data))})
		if expect(t, err, "") {
			m.happened(event.UploadPart, b, k, len(data), len(data)-len(parts[n]))
			parts[n] = data
		}
	case "complete":
		if len(parts) == 0 {
			want = object.InvalidPart
		} else if _, two := parts[2]; two {
			if first, one := parts[1]; one && len(first) < object.MinPartSize {
				want = object.EntityTooSmall
			}
		}
		_, err := m.house.objects.CompleteMultipart(ctx, event.Origin{}, b, k, id, nil, false, true)
		if expect(t, err, want) {
			old := s.length(k)
			s.objects[k] = thing{object.Multipart, parts[1] + parts[2]}
			delete(s.uploads, k)
			m.happened(event.CompleteMultipartUpload, b, k, s.length(k), s.length(k)-old)
		}
	case "abort":
		if expect(t, m.house.objects.AbortMultipart(ctx, event.Origin{}, b, k, id), "") {
			delete(s.uploads, k)
			m.happened(event.AbortMultipartUpload, b, k, 0, 0)
		}
	}
}

// overlap says whether another native trigger is in the way.
func (m *model) overlap(name string, l *listens) bool {
	for other, o := range m.triggers {
		if other != name && o.bucket == l.bucket && (strings.HasPrefix(o.prefix, l.prefix) || strings.HasPrefix(l.prefix, o.prefix)) {
			for _, t := range l.types {
				if slices.Contains(o.types, t) {
					return true
				}
			}
		}
	}
	return false
}

func drawListens(t *rapid.T) *listens {
	types := rapid.SliceOfNDistinct(rapid.SampledFrom(modelEvents), 1, 4, rapid.ID).Draw(t, "types")
	return &listens{
		function: rapid.SampledFrom(modelFunctions).Draw(t, "function"), bucket: rapid.SampledFrom(modelBuckets).Draw(t, "bucket"),
		prefix: rapid.SampledFrom([]string{"", "in/", "in/a", "out/"}).Draw(t, "prefix"), types: types,
	}
}

func (m *model) CreateTrigger(t *rapid.T) {
	l := drawListens(t)
	name := rapid.SampledFrom([]string{"t", "u"}).Draw(t, "name")
	full := l.function + "/" + name
	want := fault.Reason("")
	switch {
	case m.triggers[full] != nil:
		want = "TriggerAlreadyExists"
	case m.buckets[l.bucket] == nil:
		want = object.NoSuchBucket
	case m.overlap(full, l):
		want = "OSSInvalidRequest"
	}
	_, err := m.house.triggers.Create(context.Background(), l.function, nativeTrigger(name, l.bucket, l.prefix, "", l.types...))
	if expect(t, err, want) {
		m.triggers[full] = l
	}
}

// CreateRule makes an EventBridge trigger for all objects.
func (m *model) CreateRule(t *rapid.T) {
	f := rapid.SampledFrom(modelFunctions).Draw(t, "function")
	full := f + "/rule"
	want := fault.Reason("")
	if m.triggers[full] != nil {
		want = "TriggerAlreadyExists"
	}
	_, err := m.house.triggers.Create(context.Background(), f, trigger.Trigger{
		Name: "rule", Type: trigger.TypeEventBridge,
		Config: `{"eventRuleFilterPattern":"{\"source\":[\"acs.oss\"],\"data\":{\"oss\":{\"object\":{\"key\":[{\"exists\":true}]}}}}","asyncInvocationType":true}`,
	})
	if expect(t, err, want) {
		m.triggers[full] = &listens{function: f, everything: true}
	}
}

// pick draws one of the triggers, or skips the step.
func (m *model) pick(t *rapid.T) (full, function, name string, l *listens) {
	all := slices.Sorted(maps.Keys(m.triggers))
	if len(all) == 0 {
		t.Skip("no trigger")
	}
	full = rapid.SampledFrom(all).Draw(t, "trigger")
	function, name, _ = strings.Cut(full, "/")
	return full, function, name, m.triggers[full]
}

func (m *model) ChangeTrigger(t *rapid.T) {
	full, function, name, old := m.pick(t)
	if old.everything {
		t.Skip("a rule")
	}
	l := drawListens(t)
	l.function, l.bucket, l.paused = old.function, old.bucket, old.paused
	want := fault.Reason("")
	if m.overlap(full, l) {
		want = "OSSInvalidRequest"
	}
	config := nativeTrigger(name, l.bucket, l.prefix, "", l.types...).Config
	_, err := m.house.triggers.Update(context.Background(), function, name, trigger.Change{Config: &config})
	if expect(t, err, want) {
		m.triggers[full] = l
	}
}

func (m *model) DeleteTrigger(t *rapid.T) {
	full, function, name, _ := m.pick(t)
	if expect(t, m.house.triggers.Delete(context.Background(), function, name), "") {
		delete(m.triggers, full) // what it owes, it still owes
	}
}

func (m *model) PauseOrResume(t *rapid.T) {
	_, function, name, l := m.pick(t)
	var err error
	if l.paused {
		err = m.house.triggers.Resume(context.Background(), function, name)
	} else {
		err = m.house.triggers.Pause(context.Background(), function, name, "Manual", "")
	}
	if expect(t, err, "") {
		l.paused = !l.paused
	}
}

// Restart closes the house and opens it again.
func (m *model) Restart(t *rapid.T) {
	m.close(t)
	m.open(t)
}

// Run starts the dispatcher, lets every delivery that waits have one attempt, and restarts
// the house. The clock then goes on, so that all retries are due.
func (m *model) Run(t *rapid.T) {
	failing := map[string]bool{}
	for _, f := range modelFunctions {
		failing[f] = rapid.Bool().Draw(t, f+" fails")
	}
	m.invoker.mu.Lock()
	m.invoker.failing, m.invoker.begun = failing, nil
	m.invoker.mu.Unlock()
	var want []string
	for _, o := range m.owed {
		want = append(want, fmt.Sprintf("%s by %s attempt %d", o.function, strings.TrimPrefix(o.trigger, o.function+"/"), o.attempt))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := m.house.queue.Start(ctx); err != nil {
		t.Fatal(err)
	}
	for n := -1; n < len(want); {
		m.invoker.mu.Lock()
		n = len(m.invoker.begun)
		m.invoker.mu.Unlock()
		if n >= len(want) {
			break
		}
		select {
		case <-m.invoker.news:
		case <-ctx.Done():
			t.Fatalf("%d of %d deliveries have run", n, len(want))
		}
	}
	m.house.queue.Stop(ctx)
	slices.Sort(want)
	slices.Sort(m.invoker.begun)
	if !slices.Equal(m.invoker.begun, want) {
		t.Fatalf("these ran:\n%s\nwant:\n%s", strings.Join(m.invoker.begun, "\n"), strings.Join(want, "\n"))
	}
	var still []*owedRun
	for _, o := range m.owed {
		switch {
		case !failing[o.function]:
		case o.attempt >= modelRetries[o.function]:
			o.reason = delivery.ReasonRetries
			m.dead = append(m.dead, o)
		default:
			o.attempt++
			still = append(still, o)
		}
	}
	m.owed = still
	m.now = m.now.Add(10 * time.Minute)
	m.Restart(t)
}

// Get reads through a reader that is held over a change of the object.
func (m *model) Get(t *rapid.T) {
	b, k, s, _ := m.at(t)
	x, there := s.objects[k]
	if !there || x.kind == object.Symlink {
		t.Skip("nothing to read")
	}
	rd, err := m.house.objects.Get(context.Background(), b, k)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	m.Put(t) // perhaps over it
	got, err := io.ReadAll(rd.Open())
	if err != nil || string(got) != x.data {
		t.Fatalf("%s/%s as it was: %s, %v; want %s", b, k, short(string(got)), err, short(x.data))
	}
}

// longModel reports whether more sequences were asked for than rapid's default.
func longModel() bool {
	f := flag.Lookup("rapid.checks")
	return f != nil && f.Value.String() != f.DefValue
}
