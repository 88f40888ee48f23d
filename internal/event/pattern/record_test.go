package pattern

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"pgregory.net/rapid"
)

// Also bytes that are no UTF-8, as clients send them in keys.
var recordStrings = rapid.Custom(func(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "/", "图", "\"", "\xff", "\xe5\x9b", "\x00", ".", "\uFFFD", "<"}), 0, 6).Draw(t, "parts"), "")
})

func drawRecord(t *rapid.T) *event.Record {
	str := func(name string) string { return recordStrings.Draw(t, name) }
	r := &event.Record{
		Type:   event.Type(rapid.SampledFrom([]string{string(event.PutObject), string(event.DeleteBucket), "x"}).Draw(t, "type")),
		Time:   time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "s"), rapid.Int64Range(0, 999999999).Draw(t, "ns")),
		Bucket: str("bucket"), Owner: str("owner"), Region: str("region"), Key: str("key"),
		Size: rapid.Int64().Draw(t, "size"), Delta: rapid.Int64().Draw(t, "delta"), ETag: str("etag"),
		Meta: event.Meta{
			ContentType: str("type"), CacheControl: str("cache"), ContentDisposition: str("disposition"),
			ContentEncoding: str("encoding"), ContentLanguage: str("language"), Expires: str("expires"),
			User: rapid.MapOfN(recordStrings, recordStrings, 0, 4).Draw(t, "user"),
		},
		Origin: event.Origin{RequestID: str("id"), PrincipalID: str("principal"), SourceIP: str("ip")},
	}
	if rapid.Bool().Draw(t, "append") {
		p := rapid.Int64().Draw(t, "position")
		r.Position = &p
	}
	return r
}

func TestFromRecordIsItsJSON(t *testing.T) {
	var reused Event
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		published := time.Unix(0, rapid.Int64Range(0, 1<<62).Draw(t, "published"))
		text := r.AppendCloud(nil, published)
		want, err := ParseEvent(text)
		if err != nil {
			t.Fatal(err)
		}
		reused.Load(r, published)
		for _, got := range []*Event{FromRecord(r, published), &reused} {
			if len(got.fields) != len(want.fields) || got.nested || want.nested {
				t.Fatalf("%d fields, want %d of %s", len(got.fields), len(want.fields), text)
			}
			for _, f := range want.fields {
				if g, w := got.find(f.path), want.find(f.path); !slices.Equal(g, w) {
					t.Fatalf("%s: %v, want %v", strings.ReplaceAll(f.path, separator, "."), g, w)
				}
			}
		}
	})
}

// Names that become one name in JSON: the last in its order counts.
func TestRepairedMetaNames(t *testing.T) {
	r := ossRecord()
	r.Meta.User = map[string]string{"x\xff": "3", "x\xfe": "2", "x\uFFFD": "1\xff", "y": "4"}
	want := parseEvent(t, string(r.AppendCloud(nil, r.Time)))
	got := FromRecord(r, r.Time)
	if len(got.fields) != len(want.fields) {
		t.Errorf("%d fields, want %d", len(got.fields), len(want.fields))
	}
	for _, name := range []string{"x\uFFFD", "y"} {
		g, w := got.find(pathUserMetaPrefix+name), want.find(pathUserMetaPrefix+name)
		if len(w) != 1 || !slices.Equal(g, w) {
			t.Errorf("%q: %v, want %v", name, g, w)
		}
	}
}

func TestReset(t *testing.T) {
	e := FromRecord(ossRecord(), time.Time{})
	p := parse(t, `{"source":["acs.oss"]}`)
	if !p.Match(e) {
		t.Fatal(p.Explain(e))
	}
	e.Reset()
	if p.Match(e) || len(e.find(pathKey)) != 0 {
		t.Error("an event that was reset still has fields")
	}
}

// What the published example of a rule wants and does not want.
func TestRuleForPictures(t *testing.T) {
	p := parse(t, `{"source":["acs.oss"],"type":["oss:ObjectCreated:PutObject"],
		"subject":[{"prefix":"acs:oss:cn-hangzhou:123456789:bucket-0/src/"},{"suffix":".png"}]}`)
	r := ossRecord()
	for key, want := range map[string]string{
		"src/a.txt":  "", // prefix or suffix
		"dir/a.png":  "",
		"dir/a.jpeg": `subject "acs:oss:cn-hangzhou:123456789:bucket-0/dir/a.jpeg" does not start with "acs:oss:cn-hangzhou:123456789:bucket-0/src/", and does not end with ".png"`,
	} {
		r.Key = key
		if got := p.Explain(FromRecord(r, r.Time)).String(); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	r.Type = event.PostObject
	if got, want := p.Explain(FromRecord(r, r.Time)).String(), `type "oss:ObjectCreated:PostObject" is not "oss:ObjectCreated:PutObject"`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	native := parse(t, `{"type":["ObjectCreated:PostObject"]}`)
	if got := native.Explain(FromRecord(r, r.Time)).String(); !strings.Contains(got, `start with "oss:"`) {
		t.Errorf("%q does not say what event types start with", got)
	}
}

// Long keys are matched to their end.
func TestLongSubject(t *testing.T) {
	r := ossRecord()
	r.Key = strings.Repeat("k", 1019) + ".png"
	p := parse(t, `{"subject":[{"suffix":"k.png"}]}`)
	if why := p.Explain(FromRecord(r, r.Time)); why != nil {
		t.Error(why)
	}
}

func BenchmarkLoad(b *testing.B) {
	r := ossRecord()
	var e Event
	b.ReportAllocs()
	for b.Loop() {
		e.Load(r, r.Time)
	}
}

// What Load saves.
func BenchmarkParseEvent(b *testing.B) {
	r := ossRecord()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = r.AppendCloud(buf[:0], r.Time)
		if _, err := ParseEvent(buf); err != nil {
			b.Fatal(err)
		}
	}
}
