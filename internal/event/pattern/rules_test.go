package pattern

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
)

// ossRules are n rules as people write them: a type or two of one bucket, below a directory,
// some with a suffix, a size or a look at who it was.
func ossRules(tb testing.TB, n int) []*Pattern {
	r := rand.New(rand.NewPCG(1, 2))
	types := []string{`"oss:ObjectCreated:PutObject"`, `"oss:ObjectCreated:PostObject"`, `"oss:ObjectCreated:CompleteMultipartUpload"`, `"oss:ObjectRemoved:DeleteObject"`, `"oss:ObjectCreated:CopyObject"`}
	suffixes := []string{".png", ".jpg", ".zip", ".csv", ".mp4", ".json"}
	var patterns []*Pattern
	for i := range n {
		bucket := fmt.Sprintf("bucket-%d", i/10)
		arn := "acs:oss:cn-hangzhou:123456789:" + bucket
		first := r.IntN(len(types))
		if i == 0 {
			first = 0 // what ossRecord meets
		}
		typ := types[first]
		if r.IntN(2) == 0 {
			typ += "," + types[(first+1)%len(types)]
		}
		dir, suffix := fmt.Sprintf("dir-%d/", i%10), suffixes[r.IntN(len(suffixes))]
		text := fmt.Sprintf(`{"source":["acs.oss"],"type":[%s],`, typ)
		switch i % 5 {
		case 0, 1:
			text += fmt.Sprintf(`"subject":[{"prefix":"%s/%s"}]}`, arn, dir)
		case 2:
			text += fmt.Sprintf(`"subject":[{"prefix":"%s/%s"}],"data":{"oss":{"object":{"key":[{"suffix":"%s"}]}}}}`, arn, dir, suffix)
		case 3:
			text += fmt.Sprintf(`"data":{"oss":{"bucket":{"name":["%s"]},"object":{"key":[{"prefix":"%s"}],"size":[{"numeric":[">",0,"<=",%d]}]}}}}`, bucket, dir, 1000*(1+r.IntN(1000)))
		case 4:
			text += fmt.Sprintf(`"data":{"oss":{"bucket":{"name":["%s"]}},"requestParameters":{"sourceIPAddress":[{"cidr":"10.%d.0.0/16"}]},"userIdentity":{"principalId":[{"anything-but":"%d"}]}}}`, bucket, r.IntN(256), i)
		}
		patterns = append(patterns, parse(tb, text))
	}
	return patterns
}

func ossRecord() *event.Record {
	return &event.Record{
		Type: event.PutObject, Time: time.Date(2022, 8, 13, 6, 45, 43, 0, time.UTC),
		Bucket: "bucket-0", Owner: "123456789", Region: "cn-hangzhou",
		Key: "dir-0/2026/report.png", Size: 122539, Delta: 122539, ETag: "688A7BF4F233DC9C88A80BF985AB0000",
		Meta:   event.Meta{ContentType: "image/png", User: map[string]string{"x-oss-meta-author": "zhang"}},
		Origin: event.Origin{RequestID: "58F9FF2D3DF792092E12044C", PrincipalID: "164901546557", SourceIP: "140.205.1.1"},
	}
}

func TestSetOfRulesAgrees(t *testing.T) {
	patterns := ossRules(t, 1000)
	set := NewSet(patterns)
	r := ossRecord()
	total := 0
	for i := range 200 {
		r.Bucket, r.Key = fmt.Sprintf("bucket-%d", i/2), fmt.Sprintf("dir-%d/a.png", i%10)
		r.Origin.SourceIP = fmt.Sprintf("10.%d.0.1", i)
		e := FromRecord(r, r.Time)
		var want, got []int
		for i, p := range patterns {
			if p.Match(e) {
				want = append(want, i)
			}
		}
		set.Match(e, func(i int) { got = append(got, i) })
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%s/%s: %v, want %v", r.Bucket, r.Key, got, want)
		}
		total += len(got)
	}
	if total < 20 {
		t.Errorf("%d matches in all: the rules never meet the events", total)
	}
}

func TestSetAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("pools drop things at random under the race detector")
	}
	set := NewSet(ossRules(t, 1000))
	e := FromRecord(ossRecord(), time.Time{})
	hits := 0
	hit := func(int) { hits++ }
	if n := testing.AllocsPerRun(1000, func() { set.Match(e, hit) }); n >= 1 {
		t.Errorf("%v allocations", n)
	}
	if hits == 0 {
		t.Error("no hits")
	}
}

// The time per event must not follow the number of rules; "naive" is every pattern in turn.
func BenchmarkSet(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		patterns := ossRules(b, n)
		set := NewSet(patterns)
		e := FromRecord(ossRecord(), time.Time{})
		hits := 0
		hit := func(int) { hits++ }
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Match(e, hit)
			}
		})
		b.Run(fmt.Sprintf("naive=%d", n), func(b *testing.B) {
			for b.Loop() {
				for i, p := range patterns {
					if p.Match(e) {
						hit(i)
					}
				}
			}
		})
	}
}

// The whole way of a write: lay out the event, then match 10,000 rules.
func BenchmarkLoadAndMatch(b *testing.B) {
	set := NewSet(ossRules(b, 10_000))
	r := ossRecord()
	var e Event
	hits := 0
	hit := func(int) { hits++ }
	b.ReportAllocs()
	for b.Loop() {
		e.Load(r, r.Time)
		set.Match(&e, hit)
	}
}

func BenchmarkNewSet(b *testing.B) {
	patterns := ossRules(b, 10_000)
	for b.Loop() {
		NewSet(patterns)
	}
}

// One kind of expression each, 10,000 rules of which the event meets one.
func BenchmarkSetKinds(b *testing.B) {
	for _, k := range []struct{ name, expr string }{
		{"prefix", `{"prefix":"v%05d/"}`}, {"suffix", `{"suffix":"/v%05d"}`}, {"contains", `{"contains":"<%05d>"}`}, {"exact", `"v%05d"`},
	} {
		var patterns []*Pattern
		for i := range 10_000 {
			patterns = append(patterns, parse(b, `{"f":[`+fmt.Sprintf(k.expr, i)+`]}`))
		}
		set := NewSet(patterns)
		e := parseEvent(b, `{"f":"v00042/`+strings.Repeat("x", 60)+`<00042>/v00042"}`)
		b.Run(k.name, func(b *testing.B) {
			for b.Loop() {
				set.Match(e, func(int) {})
			}
		})
	}
}
