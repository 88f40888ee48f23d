package object

import (
	"bytes"
	"context"
	"crypto/md5"
	"fmt"
	"hash/crc64"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob"
	"github.com/alcedo-storage/alcedo/internal/blob/memblob"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/lineage"
)

var ctx = context.Background()

// recorder is a Sink that keeps the events of committed transactions.
type recorder struct {
	mu     sync.Mutex
	events []event.Record
}

func (r *recorder) Record(tx kv.Txn, rec *event.Record) error {
	tx.OnCommit(func(uint64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.events = append(r.events, *rec)
	})
	return nil
}

func (r *recorder) take() []event.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.events
	r.events = nil
	return e
}

type fixture struct {
	*Store
	t     *testing.T
	rec   *recorder
	now   time.Time
	blobs *memblob.Store
}

func open(t *testing.T) *fixture {
	f := &fixture{t: t, rec: &recorder{}, now: time.Unix(1_700_000_000, 0), blobs: memblob.New()}
	f.Store = Open(memkv.New(), f.blobs, Options{Region: "cn-hangzhou", Sink: f.rec, Now: func() time.Time { return f.now }})
	if _, err := f.CreateBucket(ctx, event.Origin{}, Bucket{Name: "testbucket", Owner: "1"}); err != nil {
		t.Fatal(err)
	}
	f.rec.take()
	return f
}

func (f *fixture) put(key string, data []byte) *Info {
	f.t.Helper()
	i, err := f.Put(ctx, event.Origin{}, PutInput{Bucket: "testbucket", Key: key, Body: bytes.NewReader(data), Size: int64(len(data)), Event: event.PutObject})
	if err != nil {
		f.t.Fatal(err)
	}
	return i
}

func (f *fixture) get(key string) []byte {
	f.t.Helper()
	r, err := f.Get(ctx, "testbucket", key)
	if err != nil {
		f.t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r.Open())
	if err != nil {
		f.t.Fatal(err)
	}
	return b
}

func (f *fixture) expect(want ...string) []event.Record {
	f.t.Helper()
	events := f.rec.take()
	var got []string
	for _, e := range events {
		got = append(got, fmt.Sprintf("%s %s %d %+d", e.Type, e.Key, e.Size, e.Delta))
	}
	if !slices.Equal(got, want) {
		f.t.Errorf("events %q, want %q", got, want)
	}
	return events
}

func (f *fixture) blobCount() int {
	n := 0
	f.blobs.List(ctx, func(e2 blob.Entry) error { n++; return nil })
	return n
}

func wantReason(t *testing.T, err error, reason fault.Reason) {
	t.Helper()
	if !fault.Is(err, reason) {
		t.Errorf("got %v, want %s", err, reason)
	}
}

func data(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 7)
	}
	return b
}

func TestPutGetOverwriteDelete(t *testing.T) {
	for _, size := range []int{0, 1, 4096, inlineMax, inlineMax + 1, 3*copyBuffer + 5} {
		for _, announced := range []bool{true, false} {
			f := open(t)
			d := data(size)
			n := int64(-1)
			if announced {
				n = int64(size)
			}
			meta := event.Meta{ContentType: "image/png", User: map[string]string{"x-oss-meta-a": "b"}}
			in := PutInput{Bucket: "testbucket", Key: "source/a.png", Body: bytes.NewReader(d), Size: n, Meta: meta, Event: event.PostObject}
			info, err := f.Put(ctx, event.Origin{RequestID: "R", Lineage: &lineage.Lineage{Run: "run-1"}}, in)
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf("%X", md5.Sum(d)); info.ETag != want || info.Size != int64(size) || info.CRC64 != crc64.Checksum(d, ecma) || info.Run != "run-1" {
				t.Errorf("size %d: info %+v", size, info)
			}
			if got := f.get("source/a.png"); !bytes.Equal(got, d) {
				t.Errorf("size %d: read back %d bytes", size, len(got))
			}
			e := f.expect(fmt.Sprintf("ObjectCreated:PostObject source/a.png %d +%d", size, size))[0]
			if e.Meta.User["x-oss-meta-a"] != "b" || e.Origin.RequestID != "R" || e.ETag != info.ETag || e.Owner != "1" || e.Region != "cn-hangzhou" {
				t.Errorf("event %+v", e)
			}
			// Ranges, across the border between head and rest.
			r, err := f.Get(ctx, "testbucket", "source/a.png")
			if err != nil {
				t.Fatal(err)
			}
			var buf bytes.Buffer
			if _, err := r.WriteRange(&buf, int64(size/3), int64(size/2)); err != nil || !bytes.Equal(buf.Bytes(), d[size/3:size/3+size/2]) {
				t.Errorf("size %d: range of %d bytes, %v", size, buf.Len(), err)
			}
			// An open reader is not disturbed by overwriting, nor by the collector.
			f.put("source/a.png", []byte("new"))
			f.expect(fmt.Sprintf("ObjectCreated:PutObject source/a.png 3 %+d", 3-size))
			f.now = f.now.Add(time.Hour)
			if _, err := f.CollectGarbage(ctx); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r.Open()); err != nil || !bytes.Equal(got, d) {
				t.Errorf("size %d: open reader after overwrite: %d bytes, %v", size, len(got), err)
			}
			r.Close()
			if _, err := f.CollectGarbage(ctx); err != nil {
				t.Fatal(err)
			}
			if n := f.blobCount(); n != 0 {
				t.Errorf("size %d: %d blobs left", size, n)
			}
			for _, want := range []bool{true, false} {
				if existed, err := f.Delete(ctx, event.Origin{}, "testbucket", "source/a.png"); err != nil || existed != want {
					t.Errorf("delete: %v, %v", existed, err)
				}
			}
			f.expect("ObjectRemoved:DeleteObject source/a.png 0 -3")
			_, err = f.Get(ctx, "testbucket", "source/a.png")
			wantReason(t, err, NoSuchKey)
		}
	}
}

// A blob that lost bytes is an error for its readers, not an endless loop.
func TestDamagedBlob(t *testing.T) {
	f := open(t)
	info := f.put("a", data(inlineMax+100))
	short, err := f.blobs.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	short.Write(data(inlineMax))
	id, err := short.Commit()
	if err != nil {
		t.Fatal(err)
	}
	damaged := *info
	damaged.Content.Segments = []Segment{{Blob: id, Size: info.Size}}
	if err := f.kv.Update(ctx, func(tx kv.Txn) error {
		tx.Set(objectKey("testbucket", "a"), row.Encode(&damaged))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	r, err := f.Get(ctx, "testbucket", "a")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadAll(r.Open()); err == nil {
		t.Error("a short blob was read as if it were whole")
	}
	if n, err := r.WriteRange(io.Discard, 0, info.Size); err == nil && n == info.Size {
		t.Error("a short blob was written as if it were whole")
	}
}

func TestPutRefusals(t *testing.T) {
	f := open(t)
	f.put("there", []byte("x"))
	f.rec.take()
	sum := md5.Sum([]byte("other"))
	tests := []struct {
		name   string
		in     PutInput
		reason fault.Reason
	}{
		{"no bucket", PutInput{Bucket: "nobucket", Key: "a"}, NoSuchBucket},
		{"bucket name", PutInput{Bucket: "No_Bucket", Key: "a"}, InvalidBucketName},
		{"empty key", PutInput{Key: ""}, InvalidObjectName},
		{"long key", PutInput{Key: strings.Repeat("k", 1024)}, InvalidObjectName},
		{"slash", PutInput{Key: "/a"}, InvalidObjectName},
		{"not UTF-8", PutInput{Key: "\xff"}, InvalidObjectName},
		{"zero byte", PutInput{Key: "a\x00b"}, InvalidObjectName},
		{"MD5", PutInput{Key: "a", Body: strings.NewReader("body"), Size: 4, ContentMD5: sum[:]}, InvalidDigest},
		{"SHA-256", PutInput{Key: "a", Body: strings.NewReader("body"), Size: 4, SHA256: strings.Repeat("0", 64)}, InvalidDigest},
		{"truncated", PutInput{Key: "a", Body: strings.NewReader("body"), Size: 5}, IncompleteBody},
		{"truncated large", PutInput{Key: "a", Body: bytes.NewReader(data(inlineMax + 10)), Size: inlineMax + 11}, IncompleteBody},
		{"broken", PutInput{Key: "a", Body: io.MultiReader(strings.NewReader("x"), broken{}), Size: 5}, IncompleteBody},
		{"cut off, size unknown", PutInput{Key: "a", Body: io.MultiReader(strings.NewReader("x"), cutOff{}), Size: -1}, IncompleteBody},
		{"cut off large, size unknown", PutInput{Key: "a", Body: io.MultiReader(bytes.NewReader(data(inlineMax+10)), cutOff{}), Size: -1}, IncompleteBody},
		{"too large", PutInput{Key: "a", Size: MaxObjectSize + 1}, EntityTooLarge},
		{"overwrite", PutInput{Key: "there", ForbidOverwrite: true}, FileAlreadyExists},
		{"ACL", PutInput{Key: "a", ACL: "secret"}, InvalidArgument},
		{"user metadata", PutInput{Key: "a", Meta: event.Meta{User: map[string]string{"x-oss-meta-a": strings.Repeat("v", MaxUserMeta)}}}, InvalidArgument},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.in.Bucket == "" {
				tt.in.Bucket = "testbucket"
			}
			_, err := f.Put(ctx, event.Origin{}, tt.in)
			wantReason(t, err, tt.reason)
			f.expect()
			l, err := f.List(ctx, "testbucket", ListInput{Max: 10})
			if err != nil || len(l.Objects) != 1 {
				t.Errorf("objects: %v, %v", l, err)
			}
			if n := f.blobCount(); n != 0 {
				t.Errorf("%d blobs left", n)
			}
		})
	}
}

type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAppend(t *testing.T) {
	f := open(t)
	appendTo := func(pos int64, d []byte) (*Info, error) {
		return f.Append(ctx, event.Origin{}, AppendInput{Bucket: "testbucket", Key: "log", Position: pos, Body: bytes.NewReader(d), Size: int64(len(d))})
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var want []byte
	var crc uint64
	for i := range 700 {
		d := data(1 + rng.IntN(2000))
		switch {
		case i == 3:
			d = nil
		case i%100 == 50:
			d = data(inlineMax + 100)
		case i > 100:
			d = data(20<<10 + i) // two don't fit a chunk: the list grows and spills
		}
		info, err := appendTo(int64(len(want)), d)
		if err != nil {
			t.Fatal(err)
		}
		want, crc = append(want, d...), crc64.Update(crc, ecma, d)
		if info.Size != int64(len(want)) || info.CRC64 != crc {
			t.Fatalf("append %d: size %d of %d, CRC %x, want %x", i, info.Size, len(want), info.CRC64, crc)
		}
	}
	events := f.rec.take()
	if e := events[0]; *e.Position != 0 || e.Type != event.AppendObject {
		t.Errorf("first event %+v", e)
	}
	if e := events[len(events)-1]; e.Size != int64(len(want)) || *e.Position+e.Delta != e.Size {
		t.Errorf("last event %+v", e)
	}
	r, err := f.Get(ctx, "testbucket", "log")
	if err != nil {
		t.Fatal(err)
	}
	if r.Info.Content.Spilled == 0 {
		t.Error("the list of segments did not spill; the test is too small")
	}
	f.now = f.now.Add(time.Hour)
	if _, err := f.CollectGarbage(ctx); err != nil {
		t.Fatal(err)
	}
	if got := f.get("log"); !bytes.Equal(got, want) {
		t.Errorf("read back %d bytes of %d", len(got), len(want))
	}
	_, err = appendTo(3, []byte("x"))
	wantReason(t, err, PositionNotEqual)
	if p := fault.As(err).Params["Position"]; p != itoa(int64(len(want))) {
		t.Errorf("position %s", p)
	}
	// A copy is an ordinary object; deleting the source leaves its data alone.
	if i, err := f.Copy(ctx, event.Origin{}, CopyInput{SrcBucket: "testbucket", SrcKey: "log", Bucket: "testbucket", Key: "copy"}); err != nil || i.Kind != Normal {
		t.Fatalf("copy: %+v, %v", i, err)
	}
	if _, err := f.Delete(ctx, event.Origin{}, "testbucket", "log"); err != nil {
		t.Fatal(err)
	}
	r.Close()
	f.now = f.now.Add(time.Hour)
	if _, err := f.CollectGarbage(ctx); err != nil {
		t.Fatal(err)
	}
	if got := f.get("copy"); !bytes.Equal(got, want) {
		t.Errorf("copy has %d bytes of %d after its source was deleted", len(got), len(want))
	}
	f.put("log", []byte("normal"))
	_, err = appendTo(6, []byte("x"))
	wantReason(t, err, ObjectNotAppendable)
	if _, err := f.Delete(ctx, event.Origin{}, "testbucket", "copy"); err != nil {
		t.Fatal(err)
	}
	f.now = f.now.Add(time.Hour)
	if _, err := f.CollectGarbage(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Delete(ctx, event.Origin{}, "testbucket", "log"); err != nil {
		t.Fatal(err)
	}
	f.nothingLeft()
}

// nothingLeft checks that no row or blob of object data remains.
func (f *fixture) nothingLeft() {
	f.t.Helper()
	f.kv.View(ctx, func(r kv.Reader) error {
		return r.Scan(kv.Range{}, func(k, _ []byte) error {
			if !strings.HasPrefix(string(k), tBucket) {
				f.t.Errorf("row %q is left", k)
			}
			return nil
		})
	})
	if n := f.blobCount(); n != 0 {
		f.t.Errorf("%d blobs left", n)
	}
}

func TestCopy(t *testing.T) {
	f := open(t)
	for _, size := range []int{0, 10, inlineMax + 1} {
		f.put("src", data(size))
		f.rec.take()
		src, _ := f.Head(ctx, "testbucket", "src")
		info, err := f.Copy(ctx, event.Origin{}, CopyInput{SrcBucket: "testbucket", SrcKey: "src", Bucket: "testbucket", Key: "dst", Conditions: Conditions{IfMatch: `"` + src.ETag + `"`}})
		if err != nil || info.ETag != src.ETag {
			t.Fatalf("copy: %+v, %v", info, err)
		}
		if e := f.rec.take(); len(e) != 1 || e[0].Type != event.CopyObject || e[0].Key != "dst" || e[0].Size != int64(size) {
			t.Errorf("events %+v", e)
		}
		if !bytes.Equal(f.get("dst"), data(size)) {
			t.Error("the copy differs")
		}
	}
	// Onto itself, with new metadata.
	before, _ := f.Head(ctx, "testbucket", "src")
	info, err := f.Copy(ctx, event.Origin{}, CopyInput{SrcBucket: "testbucket", SrcKey: "src", Bucket: "testbucket", Key: "src", MetadataReplace: true, Meta: event.Meta{ContentType: "text/x"}})
	if err != nil || info.Meta.ContentType != "text/x" || info.Content.ID != before.Content.ID {
		t.Errorf("self copy: %+v, %v", info, err)
	}
	f.expect(fmt.Sprintf("ObjectModified:UpdateObjectMeta src %d +0", inlineMax+1))
	for name, tt := range map[string]struct {
		in     CopyInput
		reason fault.Reason
	}{
		"no source":  {CopyInput{SrcBucket: "testbucket", SrcKey: "none", Bucket: "testbucket", Key: "x"}, NoSuchKey},
		"no bucket":  {CopyInput{SrcBucket: "nobucket", SrcKey: "src", Bucket: "testbucket", Key: "x"}, NoSuchBucket},
		"condition":  {CopyInput{SrcBucket: "testbucket", SrcKey: "src", Bucket: "testbucket", Key: "x", Conditions: Conditions{IfMatch: "no"}}, PreconditionFailed},
		"unmodified": {CopyInput{SrcBucket: "testbucket", SrcKey: "src", Bucket: "testbucket", Key: "x", Conditions: Conditions{IfModifiedSince: f.now}}, NotModified},
		"overwrite":  {CopyInput{SrcBucket: "testbucket", SrcKey: "src", Bucket: "testbucket", Key: "dst", ForbidOverwrite: true}, FileAlreadyExists},
	} {
		_, err := f.Copy(ctx, event.Origin{}, tt.in)
		if !fault.Is(err, tt.reason) {
			t.Errorf("%s: %v, want %s", name, err, tt.reason)
		}
	}
	f.expect()
	if err := f.DeleteMultiple(ctx, event.Origin{}, "testbucket", []string{"src", "none", "dst"}); err != nil {
		t.Fatal(err)
	}
	f.expect(fmt.Sprintf("ObjectRemoved:DeleteObjects src 0 -%d", inlineMax+1), fmt.Sprintf("ObjectRemoved:DeleteObjects dst 0 -%d", inlineMax+1))
	f.now = f.now.Add(time.Hour)
	if _, err := f.CollectGarbage(ctx); err != nil {
		t.Fatal(err)
	}
	f.nothingLeft()
}

func TestSymlink(t *testing.T) {
	f := open(t)
	link := func(key, target string) error {
		_, err := f.PutSymlink(ctx, event.Origin{}, PutInput{Bucket: "testbucket", Key: key}, target)
		return err
	}
	if err := link("link", "target"); err != nil {
		t.Fatal(err)
	}
	f.expect("ObjectCreated:PutSymlink link 0 +0")
	_, err := f.Get(ctx, "testbucket", "link")
	wantReason(t, err, SymlinkTargetNotExist)
	f.put("target", []byte("data"))
	if got := f.get("link"); string(got) != "data" {
		t.Errorf("through the link: %q", got)
	}
	if err := link("link2", "link"); err != nil {
		t.Fatal(err)
	}
	_, err = f.Get(ctx, "testbucket", "link2")
	wantReason(t, err, InvalidTargetType)
}

func TestMultipart(t *testing.T) {
	f := open(t)
	u, err := f.InitiateMultipart(ctx, event.Origin{}, PutInput{Bucket: "testbucket", Key: "big", Meta: event.Meta{ContentType: "video/mp4"}})
	if err != nil {
		t.Fatal(err)
	}
	f.expect("ObjectCreated:InitiateMultipartUpload big 0 +0")
	part := func(n int, d []byte) CompletedPart {
		t.Helper()
		p, err := f.UploadPart(ctx, event.Origin{}, PartInput{Bucket: "testbucket", Key: "big", UploadID: u.ID, Number: n, Body: bytes.NewReader(d), Size: int64(len(d))})
		if err != nil {
			t.Fatal(err)
		}
		return CompletedPart{n, `"` + strings.ToLower(p.ETag) + `"`}
	}
	var want []byte
	var parts []CompletedPart
	part(1, data(9)) // replaced below
	part(7, data(inlineMax+5))
	for i := 1; i <= 70; i++ { // spills
		d := data(MinPartSize + i)
		if i == 70 {
			d = data(17)
		}
		parts = append(parts, part(i, d))
		want = append(want, d...)
	}
	stray := part(500, data(200))
	f.rec.take()
	src := f.put("src", data(MinPartSize*2))
	f.rec.take()
	if p, err := f.UploadPartCopy(ctx, event.Origin{}, PartCopyInput{SrcBucket: "testbucket", SrcKey: "src", Bucket: "testbucket", Key: "big", UploadID: u.ID, Number: 600, Offset: 5, Length: 100}); err != nil || p.Size != 100 {
		t.Errorf("part copy: %+v, %v", p, err)
	}
	f.expect("ObjectCreated:UploadPartCopy big 100 +100")
	_ = src
	l, err := f.ListParts(ctx, "testbucket", "big", u.ID, 69, 2)
	if err != nil || len(l.Parts) != 2 || l.Parts[0].Number != 70 || l.Parts[1].Number != 500 || !l.Truncated || l.Next != 500 {
		t.Errorf("parts: %+v, %v", l, err)
	}
	complete := func(parts []CompletedPart, all bool) (*Info, error) {
		return f.CompleteMultipart(ctx, event.Origin{}, "testbucket", "big", u.ID, parts, false, all)
	}
	for name, tt := range map[string]struct {
		parts  []CompletedPart
		reason fault.Reason
	}{
		"order":   {[]CompletedPart{parts[1], parts[0]}, InvalidPartOrder},
		"missing": {[]CompletedPart{{Number: 400, ETag: "x"}}, InvalidPart},
		"etag":    {[]CompletedPart{{Number: 1, ETag: "x"}}, InvalidPart},
		"small":   {[]CompletedPart{parts[69], stray}, EntityTooSmall},
		"empty":   {nil, "MalformedXML"},
	} {
		_, err := complete(tt.parts, false)
		if !fault.Is(err, tt.reason) {
			t.Errorf("%s: %v, want %s", name, err, tt.reason)
		}
	}
	info, err := complete(parts, false)
	if err != nil {
		t.Fatal(err)
	}
	if info.Kind != Multipart || !strings.HasSuffix(info.ETag, "-70") || info.CRC64 != crc64.Checksum(want, ecma) || info.Meta.ContentType != "video/mp4" || info.Content.Spilled == 0 {
		t.Errorf("info %+v; CRC want %x", info, crc64.Checksum(want, ecma))
	}
	f.expect(fmt.Sprintf("ObjectCreated:CompleteMultipartUpload big %d +%d", len(want), len(want)))
	if !bytes.Equal(f.get("big"), want) {
		t.Error("the object is not its parts")
	}
	r, err := f.Get(ctx, "testbucket", "big")
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	off, n := int64(MinPartSize-3), int64(3*MinPartSize)
	if _, err := r.WriteRange(&buf, off, n); err != nil || !bytes.Equal(buf.Bytes(), want[off:off+n]) {
		t.Errorf("range over parts: %v", err)
	}
	r.Close()
	_, err = complete(parts, false)
	wantReason(t, err, NoSuchUpload)

	// Abort takes everything away.
	u, _ = f.InitiateMultipart(ctx, event.Origin{}, PutInput{Bucket: "testbucket", Key: "big"})
	part(1, data(inlineMax*2))
	part(2, data(5))
	f.rec.take()
	if err := f.AbortMultipart(ctx, event.Origin{}, "testbucket", "big", u.ID); err != nil {
		t.Fatal(err)
	}
	f.expect("ObjectRemoved:AbortMultipartUpload big 0 +0")
	// complete-all takes what there is.
	u, _ = f.InitiateMultipart(ctx, event.Origin{}, PutInput{Bucket: "testbucket", Key: "all"})
	if _, err := f.UploadPart(ctx, event.Origin{}, PartInput{Bucket: "testbucket", Key: "all", UploadID: u.ID, Number: 3, Body: strings.NewReader("abc"), Size: 3}); err != nil {
		t.Fatal(err)
	}
	if i, err := f.CompleteMultipart(ctx, event.Origin{}, "testbucket", "all", u.ID, nil, false, true); err != nil || i.Size != 3 {
		t.Errorf("complete all: %+v, %v", i, err)
	}
	if err := f.DeleteMultiple(ctx, event.Origin{}, "testbucket", []string{"big", "src", "all"}); err != nil {
		t.Fatal(err)
	}
	f.now = f.now.Add(time.Hour)
	if _, err := f.CollectGarbage(ctx); err != nil {
		t.Fatal(err)
	}
	f.nothingLeft()
}

func TestList(t *testing.T) {
	f := open(t)
	for _, k := range []string{"a", "dir/1", "dir/2", "dir/sub/3", "dir0", "e", "图/片"} {
		f.put(k, nil)
	}
	tests := []struct {
		in   ListInput
		want string
	}{
		{ListInput{Max: 100}, "a dir/1 dir/2 dir/sub/3 dir0 e 图/片"},
		{ListInput{Max: 100, Delimiter: "/"}, "a dir/* dir0 e 图/*"},
		{ListInput{Max: 100, Prefix: "dir/", Delimiter: "/"}, "dir/1 dir/2 dir/sub/*"},
		{ListInput{Max: 2, Delimiter: "/"}, "a dir/* ..dir/"},
		{ListInput{Max: 2, Delimiter: "/", Marker: "dir/"}, "dir0 e ..e"},
		{ListInput{Max: 2, Marker: "dir/2"}, "dir/sub/3 dir0 ..dir0"},
		{ListInput{Max: 2, Marker: "e"}, "图/片"},
		{ListInput{Max: 100, Prefix: "dir", Marker: "a"}, "dir/1 dir/2 dir/sub/3 dir0"},
		{ListInput{Max: 100, Prefix: "dir", Marker: "z"}, ""},
		{ListInput{Max: 0}, ""},
		{ListInput{Max: 7}, "a dir/1 dir/2 dir/sub/3 dir0 e 图/片"},
	}
	for _, tt := range tests {
		l, err := f.List(ctx, "testbucket", tt.in)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range l.Objects {
			got = append(got, o.Key)
		}
		for _, p := range l.Prefixes {
			got = append(got, p+"*")
		}
		slices.Sort(got)
		if l.Truncated {
			got = append(got, ".."+l.Next)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%+v: %q, want %q", tt.in, s, tt.want)
		}
	}
}

func TestListUploads(t *testing.T) {
	f := open(t)
	ids := map[string][]string{}
	for _, k := range []string{"a", "a", "a/b", "c"} {
		u, err := f.InitiateMultipart(ctx, event.Origin{}, PutInput{Bucket: "testbucket", Key: k})
		if err != nil {
			t.Fatal(err)
		}
		ids[k] = append(ids[k], u.ID)
	}
	slices.Sort(ids["a"])
	list := func(in UploadsInput) string {
		l, err := f.ListUploads(ctx, "testbucket", in)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range l.Uploads {
			got = append(got, u.Key)
		}
		for _, p := range l.Prefixes {
			got = append(got, p+"*")
		}
		if l.Truncated {
			got = append(got, ".."+l.NextKey)
		}
		return strings.Join(got, " ")
	}
	for _, tt := range []struct {
		in   UploadsInput
		want string
	}{
		{UploadsInput{Max: 10}, "a a a/b c"},
		{UploadsInput{Max: 10, Delimiter: "/"}, "a a c a/*"},
		{UploadsInput{Max: 1}, "a ..a"},
		{UploadsInput{Max: 10, KeyMarker: "a"}, "a/b c"},
		{UploadsInput{Max: 10, KeyMarker: "a", UploadIDMarker: ids["a"][0]}, "a a/b c"},
		{UploadsInput{Max: 10, Prefix: "a/"}, "a/b"},
	} {
		if got := list(tt.in); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.in, got, tt.want)
		}
	}
	wantReason(t, f.DeleteBucket(ctx, event.Origin{}, "testbucket"), BucketNotEmpty)
}

func TestBuckets(t *testing.T) {
	f := open(t)
	for _, bad := range []string{"", "ab", strings.Repeat("a", 64), "-abc", "abc-", "Abc", "a_b", "a.b"} {
		_, err := f.CreateBucket(ctx, event.Origin{}, Bucket{Name: bad, Owner: "1"})
		wantReason(t, err, InvalidBucketName)
	}
	_, err := f.CreateBucket(ctx, event.Origin{}, Bucket{Name: "testbucket", Owner: "2"})
	wantReason(t, err, BucketAlreadyExists)
	if b, err := f.CreateBucket(ctx, event.Origin{}, Bucket{Name: "testbucket", Owner: "1", ACL: "public-read"}); err != nil || b.ACL != "public-read" {
		t.Errorf("again: %+v, %v", b, err)
	}
	if b, _ := f.GetBucket(ctx, "testbucket"); b.ACL != "public-read" {
		t.Errorf("the cache has ACL %s", b.ACL)
	}
	f.put("a", []byte("x"))
	wantReason(t, f.DeleteBucket(ctx, event.Origin{}, "testbucket"), BucketNotEmpty)
	f.Delete(ctx, event.Origin{}, "testbucket", "a")
	if err := f.DeleteBucket(ctx, event.Origin{}, "testbucket"); err != nil {
		t.Fatal(err)
	}
	_, err = f.GetBucket(ctx, "testbucket")
	wantReason(t, err, NoSuchBucket)
	for i := range MaxBuckets {
		if _, err := f.CreateBucket(ctx, event.Origin{}, Bucket{Name: fmt.Sprintf("b-%03d", i), Owner: "1"}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = f.CreateBucket(ctx, event.Origin{}, Bucket{Name: "one-more", Owner: "1"})
	wantReason(t, err, TooManyBuckets)
	l, next, err := f.ListBuckets(ctx, "b-00", "b-002", 3)
	if err != nil || len(l) != 3 || l[0].Name != "b-003" || next != "b-005" {
		t.Errorf("list: %v, %s, %v", l, next, err)
	}
}

// The collector must never take a blob that a request is about to name.
func TestSweepAgainstRacingWriters(t *testing.T) {
	f := open(t)
	orphan, _ := f.blobs.Create(ctx)
	orphan.Write([]byte("left by a crash"))
	if _, err := orphan.Commit(); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				f.put(fmt.Sprintf("%d/%d", w, i), data(inlineMax+1))
			}
		}()
	}
	swept := 0
	for range 200 {
		n, err := f.Sweep(ctx)
		if err != nil {
			t.Fatal(err)
		}
		swept += n
	}
	close(stop)
	wg.Wait()
	if swept != 1 {
		t.Errorf("swept %d blobs, want the one orphan", swept)
	}
	l, err := f.List(ctx, "testbucket", ListInput{Max: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range l.Objects {
		if len(f.get(o.Key)) != inlineMax+1 {
			t.Fatalf("%s lost its data", o.Key)
		}
	}
}

func TestCombineCRC(t *testing.T) {
	d := data(1 << 20)
	for _, cut := range []int{0, 1, 7, 8, 1000, 1 << 19, len(d)} {
		a, b := crc64.Checksum(d[:cut], ecma), crc64.Checksum(d[cut:], ecma)
		if got := combineCRC(a, b, int64(len(d)-cut)); got != crc64.Checksum(d, ecma) {
			t.Errorf("cut at %d: %x", cut, got)
		}
	}
}

func TestConditions(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 600e6, time.UTC)
	i := &Info{ETag: "ABC", Modified: at}
	sec := at.Truncate(time.Second)
	tests := []struct {
		c    Conditions
		want fault.Reason
	}{
		{Conditions{}, ""},
		{Conditions{IfMatch: `"abc"`}, ""},
		{Conditions{IfMatch: `"x", "ABC"`}, ""},
		{Conditions{IfMatch: "*"}, ""},
		{Conditions{IfMatch: "x"}, PreconditionFailed},
		{Conditions{IfNoneMatch: `W/"ABC"`}, NotModified},
		{Conditions{IfNoneMatch: "x"}, ""},
		{Conditions{IfModifiedSince: sec}, NotModified},
		{Conditions{IfModifiedSince: sec.Add(-time.Second)}, ""},
		{Conditions{IfUnmodifiedSince: sec}, ""},
		{Conditions{IfUnmodifiedSince: sec.Add(-time.Second)}, PreconditionFailed},
	}
	for _, tt := range tests {
		err := tt.c.Check(i)
		if (err == nil) != (tt.want == "") || err != nil && !fault.Is(err, tt.want) {
			t.Errorf("%+v: %v, want %q", tt.c, err, tt.want)
		}
	}
}
