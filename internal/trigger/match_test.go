package trigger

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/event/pattern"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/pebblekv"
)

func record(typ event.Type, bucket, key string) *event.Record {
	return &event.Record{
		Type: typ, Time: time.Unix(1700000000, 0), Bucket: bucket, Owner: "123", Region: "cn-hangzhou", Key: key, Size: 7,
		Origin: event.Origin{RequestID: "58F9FF2D3DF792092E12044C", PrincipalID: "123", SourceIP: "127.0.0.1"},
	}
}

func names(ts []*Trigger) string {
	var n []string
	for _, t := range ts {
		n = append(n, t.Function+"/"+t.Name)
	}
	return strings.Join(n, " ")
}

func matched(t testing.TB, s *Store, rec *event.Record) string {
	t.Helper()
	var got string
	err := s.kv.Update(ctx, func(tx kv.Txn) error {
		ts, err := s.Match(tx, rec)
		got = names(ts)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// clock gives the triggers that a test makes an order.
func clock(s *Store) {
	now := time.Unix(1700000000, 0)
	s.o.Now = func() time.Time { now = now.Add(time.Second); return now }
}

func TestFanOut(t *testing.T) {
	s := open(t)
	clock(s)
	make := func(fn string, tr Trigger) {
		t.Helper()
		if _, err := s.Create(ctx, fn, tr); err != nil {
			t.Fatal(err)
		}
	}
	arn := "acs:oss:cn-hangzhou:123:"
	make("resize", rule("z-first", images, ""))
	make("resize", native("n", put, "in/", ".png"))
	make("other", rule("any", `{"source":["acs.oss"],"type":[{"prefix":"oss:ObjectCreated:"}]}`, ""))
	make("other", rule("off", `{"source":["acs.oss"]}`, `,"triggerEnable":false`))
	make("resize", rule("two-prefixes", `{"subject":[{"prefix":"`+arn+`testbucket/a/"},{"prefix":"`+arn+`bucket2/b/"}]}`, ""))
	make("resize", rule("pairs", `{"subject":[{"prefix":"`+arn+`testbucket/p"}],"data":{"oss":{"object":{"key":[{"suffix":".jpg"},{"suffix":".png"}]}}}}`, ""))
	make("resize", rule("by-name", `{"data":{"oss":{"bucket":{"name":["bucket2"]}}}}`, ""))
	make("resize", rule("buckets", `{"type":["oss:BucketCreated:PutBucket","oss:BucketRemoved:DeleteBucket"]}`, ""))
	make("resize", rule("elsewhere", `{"subject":[{"prefix":"acs:oss:cn-beijing:123:testbucket/"},{"prefix":"acs:oss:cn-hangzhou:9:testbucket/"}]}`, ""))
	make("resize", rule("any-png", `{"subject":[{"prefix":"`+arn+`testbucket/none"},{"suffix":"x.png"}]}`, ""))

	check := func() {
		t.Helper()
		for _, tt := range []struct {
			typ         event.Type
			bucket, key string
			want        string
		}{
			{event.PutObject, "testbucket", "in/a.png", "resize/n resize/z-first other/any"},
			{event.PostObject, "testbucket", "in/a.png", "other/any"},
			{event.PutObject, "testbucket", "in/a.jpg", "resize/z-first other/any"},
			{event.DeleteObject, "testbucket", "in/a.png", ""},
			{event.DeleteObject, "testbucket", "a/1", "resize/two-prefixes"},
			{event.DeleteObject, "testbucket", "b/1", ""},
			{event.DeleteObject, "bucket2", "b/1", "resize/two-prefixes resize/by-name"},
			{event.DeleteObject, "bucket2", "a/1", "resize/by-name"},
			{event.DeleteObject, "testbucket", "p1.jpg", "resize/pairs"},
			{event.DeleteObject, "testbucket", "p1.png", "resize/pairs"},
			{event.DeleteObject, "testbucket", "p1.gif", ""},
			{event.DeleteObject, "testbucket", "q1.png", ""},
			{event.DeleteObject, "third", "x.png", "resize/any-png"},
			{event.DeleteObject, "testbucket", "x.png", "resize/any-png"},
			{event.PutObject, "third", "x.png", "other/any resize/any-png"},
			{event.PutBucket, "third", "", "resize/buckets"},
			{event.PutBucket, "bucket2", "", "resize/by-name resize/buckets"},
			{event.DeleteBucket, "testbucket", "", "resize/buckets"},
			{event.PutBucket, "testbucket2", "", "resize/buckets"},
		} {
			rec := record(tt.typ, tt.bucket, tt.key)
			for range 2 { // from the store, then from memory
				if got := matched(t, s, rec); got != tt.want {
					t.Errorf("%s of %s/%s: %q, want %q", tt.typ, tt.bucket, tt.key, got, tt.want)
				}
			}
			// Explain says the same.
			vs, err := s.Explain(ctx, rec)
			if err != nil {
				t.Fatal(err)
			}
			var fire []*Trigger
			for _, v := range vs {
				if v.Fires != (v.Why == nil) || v.Why.Check() != nil {
					t.Errorf("%+v", v)
				}
				if v.Fires {
					fire = append(fire, v.Trigger)
				}
			}
			if names(fire) != tt.want {
				t.Errorf("Explain of %s of %s/%s: %q, want %q", tt.typ, tt.bucket, tt.key, names(fire), tt.want)
			}
		}
	}
	check()

	// A rule that is enabled, changed or deleted counts with the next write.
	config := rule("", `{"source":["acs.oss"],"type":["oss:ObjectRemoved:DeleteObject"],"subject":[{"suffix":"/gone"}]}`, "").Config
	if _, err := s.Update(ctx, "other", "off", Change{Config: &config}); err != nil {
		t.Fatal(err)
	}
	if got := matched(t, s, record(event.DeleteObject, "third", "x/gone")); got != "other/off" {
		t.Errorf("enabled: %q", got)
	}
	check()
	if err := s.Delete(ctx, "other", "any"); err != nil {
		t.Fatal(err)
	}
	if got := matched(t, s, record(event.PutObject, "third", "y")); got != "" {
		t.Errorf("deleted: %q", got)
	}
}

func TestPause(t *testing.T) {
	s := open(t)
	clock(s)
	for _, tr := range []Trigger{native("n", put, "in/", ""), rule("r", images, "")} {
		if _, err := s.Create(ctx, "resize", tr); err != nil {
			t.Fatal(err)
		}
	}
	rec := record(event.PutObject, "testbucket", "in/a.png")
	states := func() string {
		t.Helper()
		var got []string
		err := s.kv.Update(ctx, func(tx kv.Txn) error {
			ts, err := s.Match(tx, rec)
			got = nil
			for _, t := range ts {
				p := "-"
				if t.Paused != nil {
					p = t.Paused.Reason + ":" + t.Paused.Detail
				}
				got = append(got, t.Name+"="+t.State()+"="+p)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(got, " ")
	}
	if got := states(); got != "n=enabled=- r=enabled=-" {
		t.Error(got)
	}
	for _, name := range []string{"n", "r"} {
		before, _ := s.Get(ctx, "resize", name)
		if err := s.Pause(ctx, "resize", name, LoopSuspected, "9 in a minute"); err != nil {
			t.Fatal(err)
		}
		first, _ := s.Get(ctx, "resize", name)
		if err := s.Pause(ctx, "resize", name, Manual, "later"); err != nil {
			t.Fatal(err)
		}
		again, _ := s.Get(ctx, "resize", name)
		if first.Paused == nil || again.Paused == nil || *again.Paused != *first.Paused {
			t.Errorf("paused again: %+v, before %+v", again.Paused, first.Paused)
		}
		if first.Status != "OK" || !first.Modified.Equal(before.Modified) {
			t.Errorf("FC's clients see a difference: %+v", first)
		}
	}
	if got := states(); got != "n=paused=LoopSuspected:9 in a minute r=paused=LoopSuspected:9 in a minute" {
		t.Error(got)
	}
	vs, err := s.Explain(ctx, rec)
	if err != nil || len(vs) != 2 {
		t.Fatalf("%v, %v", vs, err)
	}
	for _, v := range vs {
		why := v.Why.String()
		if v.Fires || !strings.Contains(why, "LoopSuspected: 9 in a minute") || !strings.Contains(why, "2023-11-14T22:1") || v.Why.Args["detail"] != "9 in a minute" || v.Why.Check() != nil {
			t.Errorf("%+v", v)
		}
	}
	// A change of the configuration ends no pause.
	config := native("n", put, "in", "").Config
	if got, err := s.Update(ctx, "resize", "n", Change{Config: &config}); err != nil || got.Paused == nil {
		t.Errorf("%+v, %v", got, err)
	}
	for range 2 {
		for _, name := range []string{"n", "r"} {
			if err := s.Resume(ctx, "resize", name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := states(); got != "n=enabled=- r=enabled=-" {
		t.Error(got)
	}
	for _, err := range []error{s.Pause(ctx, "resize", "x", Manual, ""), s.Resume(ctx, "resize", "x")} {
		if !fault.Is(err, "TriggerNotFound") {
			t.Error(err)
		}
	}
	if err := s.Pause(ctx, "none", "n", Manual, ""); !fault.Is(err, "FunctionNotFound") {
		t.Error(err)
	}
	// In a transaction of the caller's, which learns whether it was the one.
	for _, want := range []bool{true, false} {
		err := s.kv.Update(ctx, func(tx kv.Txn) error {
			did, err := s.PauseIn(tx, "resize", "r", LoopSuspected, "")
			if did != want {
				t.Errorf("PauseIn: %v, want %v", did, want)
			}
			// The same transaction sees it.
			ts, err2 := s.Match(tx, rec)
			if err2 != nil || len(ts) != 2 || ts[1].Paused == nil {
				t.Errorf("%v, %v", ts, err2)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := states(); got != "n=enabled=- r=paused=LoopSuspected:" {
		t.Error(got)
	}
}

// Whatever a pattern is, asking it only about its buckets misses nothing.
func TestNamedBuckets(t *testing.T) {
	arn := "acs:oss:cn-hangzhou:123:"
	for _, tt := range []struct {
		pattern string
		want    string // "any": it may concern every bucket
	}{
		{images, "testbucket"},
		{`{"subject":["` + arn + `b","` + arn + `c/k"]}`, "b c"},
		{`{"subject":[{"prefix":"` + arn + `b"}]}`, "any"},
		{`{"subject":[{"prefix":"` + arn + `b/"},{"suffix":".png"}]}`, "any"},
		{`{"subject":[{"prefix":"acs:oss:"}]}`, "any"},
		{`{"subject":[{"anything-but":"` + arn + `b/"}]}`, "any"},
		{`{"subject":[{"exists":true}]}`, "any"},
		{`{"subject":[{"exists":false}]}`, "any"},
		{`{"subject":[null,"` + arn + `b"]}`, "any"},
		{`{"data":{"oss":{"bucket":{"name":["b","c"]}}},"subject":[{"suffix":"x"}]}`, "b c"},
		{`{"data":{"oss":{"bucket":{"name":[{"prefix":"b"}]}}},"subject":["` + arn + `c/x"]}`, "c"},
		{`{"data":{"oss":{"bucket":{"name":[{"prefix":"b"}]}}}}`, "any"},
		{`{"data":[{"exists":true}]}`, "any"},
		{`{"source":["acs.oss"]}`, "any"},
		{`{"Subject":[{"exists":false}],"type":["x"]}`, "any"},
	} {
		if _, err := pattern.Parse([]byte(tt.pattern)); err != nil {
			t.Logf("%s is no pattern: %v", tt.pattern, err)
		}
		got := "any"
		if n := namedBuckets(tt.pattern); n != nil {
			got = strings.Join(n, " ")
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.pattern, got, tt.want)
		}
	}
	// Random patterns of few words, against the pattern itself.
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[rnd.IntN(len(of))] }
	expr := func() string {
		s := quote(pick(arn, "acs:oss:", "") + pick("b", "c", "", "bb") + pick("/", "") + pick("", "k", "b"))
		return pick(s, `{"prefix":`+s+`}`, `{"suffix":`+s+`}`, `{"anything-but":`+s+`}`, `{"exists":true}`, `{"exists":false}`, `null`)
	}
	field := func() string { return "[" + strings.Join([]string{expr(), expr()}[:1+rnd.IntN(2)], ",") + "]" }
	valid, narrow := 0, 0
	for range 3000 {
		text := pick(`{"subject":`+field()+`}`, `{"data":{"oss":{"bucket":{"name":`+field()+`}}}}`, `{"Subject":`+field()+`,"subject":`+field()+`}`, `{"subject":`+field()+`,"SUBJECT":`+field()+`}`)
		p, err := pattern.Parse([]byte(text))
		if err != nil {
			continue
		}
		valid++
		buckets := namedBuckets(text)
		if buckets == nil {
			continue
		}
		narrow++
		for _, b := range []string{"b", "c", "bb"} {
			for _, k := range []string{"", "k", "b", "b/k"} {
				if rec := record(event.PutObject, b, k); p.Match(pattern.FromRecord(rec, rec.Time)) && !slices.Contains(buckets, b) {
					t.Fatalf("%s matches %s/%s, and is thought to be about %q", text, b, k, buckets)
				}
			}
		}
	}
	if valid < 500 || narrow < 100 {
		t.Errorf("only %d of 3000 patterns are valid, %d name buckets", valid, narrow)
	}
}

// An event is judged by the triggers that its own transaction sees, whatever changes
// meanwhile: what Match says from memory is what the rows of the transaction say.
func TestMatchSeesItsTransaction(t *testing.T) {
	kvs, err := pebblekv.Open(t.TempDir(), pebblekv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer kvs.Close()
	s := openOn(t, kvs)
	var changes, writes sync.WaitGroup
	over := make(chan struct{})
	change := func(n uint64) {
		defer changes.Done()
		rnd := rand.New(rand.NewPCG(n, 7))
		for i := range 60 {
			fn, name := []string{"resize", "other"}[n%2], fmt.Sprintf("t%d", rnd.IntN(4))
			var err error
			switch rnd.IntN(6) {
			case 0:
				err = s.Delete(ctx, fn, name)
			case 1:
				err = s.Pause(ctx, fn, name, Manual, fmt.Sprint(i))
			case 2:
				err = s.Resume(ctx, fn, name)
			default:
				tr := rule(name, images, fmt.Sprintf(`,"triggerEnable":%v`, i%3 > 0))
				if i%2 == 0 {
					tr.Config = rule("", `{"data":{"oss":{"bucket":{"name":["bucket2"]}}}}`, "").Config
				}
				if _, err = s.Create(ctx, fn, tr); fault.Is(err, "TriggerAlreadyExists") {
					_, err = s.Update(ctx, fn, name, Change{Config: &tr.Config})
				}
			}
			if err != nil && !fault.Is(err, "TriggerNotFound") {
				t.Error(err)
			}
		}
	}
	write := func(n uint64) {
		defer writes.Done()
		rec := record(event.PutObject, []string{"testbucket", "bucket2", "third"}[n%3], "in/a.png")
		for i := 0; ; i++ {
			select {
			case <-over:
				return
			default:
			}
			var got, want string
			err := kvs.Update(ctx, func(tx kv.Txn) error {
				ts, err := s.Match(tx, rec)
				if err != nil {
					return err
				}
				got, want = "", ""
				for _, t := range ts {
					got += fmt.Sprintf("%s/%s %v\n", t.Function, t.Name, t.Paused)
				}
				all, err := onBus(tx)
				if err != nil {
					return err
				}
				for _, t := range all {
					if why, err := mismatch(t, rec); err != nil {
						return err
					} else if why == nil && t.Rule.Enabled {
						want += fmt.Sprintf("%s/%s %v\n", t.Function, t.Name, t.Paused)
					}
				}
				tx.Set(fmt.Appendf(nil, "x/%d/%d", n, i), nil) // as a change of an object would
				return nil
			})
			if err != nil {
				t.Error(err)
				return
			}
			if got != want { // only what was committed counts
				t.Errorf("%s: judged by\n%swhile its transaction sees\n%s", rec.Bucket, got, want)
				return
			}
		}
	}
	for n := range uint64(3) {
		changes.Add(1)
		go change(n)
		writes.Add(1)
		go write(n)
	}
	changes.Wait()
	close(over)
	writes.Wait()
}

// meddler has something happen right after a scan.
type meddler struct {
	kv.Txn
	then func()
}

func (m *meddler) Scan(r kv.Range, fn func(k, v []byte) error) error {
	err := m.Txn.Scan(r, fn)
	if m.then != nil && string(r.Start) == tRule {
		then := m.then
		m.then = nil
		then()
	}
	return err
}

// A rule that is made while another write reads the rules into memory is in memory next.
func TestMatchKeepsNothingOld(t *testing.T) {
	kvs, err := pebblekv.Open(t.TempDir(), pebblekv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer kvs.Close()
	s := openOn(t, kvs)
	m := &meddler{then: func() {
		if _, err := s.Create(ctx, "resize", rule("new", images, "")); err != nil {
			t.Error(err)
		}
	}}
	rec := record(event.PutObject, "testbucket", "in/a.png")
	tries, got := 0, ""
	err = kvs.Update(ctx, func(tx kv.Txn) error {
		tries++
		m.Txn = tx
		ts, err := s.Match(m, rec)
		got = names(ts)
		tx.Set([]byte("x/o"), nil)
		return err
	})
	// Whether it came before or after the rule, the write was judged by what was there.
	if err != nil || m.then != nil || (got == "resize/new") != (tries > 1) {
		t.Errorf("%q after %d tries, %v", got, tries, err)
	}
	if got := matched(t, s, rec); got != "resize/new" {
		t.Errorf("the write after: %q", got)
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, bench := range []struct {
		name    string
		natives int
		rules   int
		bucket  string
	}{
		{"no triggers", 0, 0, "testbucket"},
		{"one native", 1, 0, "testbucket"},
		{"one rule", 0, 1, "testbucket"},
		{"one native and 50 rules", 1, MaxRules, "testbucket"},
		{"50 rules on other buckets", 0, MaxRules, "third"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			kvs, err := pebblekv.Open(b.TempDir(), pebblekv.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer kvs.Close()
			s := openOn(b, kvs)
			for range bench.natives {
				if _, err := s.Create(ctx, "resize", native("n", put, "in/", ".png")); err != nil {
					b.Fatal(err)
				}
			}
			for i := range bench.rules {
				p := strings.Replace(images, "/in/", fmt.Sprintf("/in/%s", strings.Repeat("x", i)), 1) // one matches
				if _, err := s.Create(ctx, []string{"resize", "other"}[i%2], rule(fmt.Sprintf("r%d", i), p, "")); err != nil {
					b.Fatal(err)
				}
			}
			rec := record(event.PutObject, bench.bucket, "in/a.png")
			b.ReportAllocs()
			err = kvs.Update(ctx, func(tx kv.Txn) error {
				for b.Loop() {
					ts, err := s.Match(tx, rec)
					if err != nil || len(ts) != map[string]int{"testbucket": bench.natives + min(bench.rules, 1)}[bench.bucket] {
						b.Fatal(names(ts), err)
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}

// reads counts what a transaction is asked for.
type reads struct {
	kv.Txn
	n int
}

func (r *reads) Get(key []byte) ([]byte, error) { r.n++; return r.Txn.Get(key) }

func (r *reads) Scan(rg kv.Range, fn func(k, v []byte) error) error {
	r.n++
	return r.Txn.Scan(rg, fn)
}

// While no trigger changes, a write reads nothing to find its triggers.
func TestMatchReadsNothingTwice(t *testing.T) {
	kvs, err := pebblekv.Open(t.TempDir(), pebblekv.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer kvs.Close()
	s := openOn(t, kvs)
	for _, tr := range []Trigger{native("n", put, "in/", ""), rule("r", images, "")} {
		if _, err := s.Create(ctx, "resize", tr); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []bool{true, false, false} {
		for _, bucket := range []string{"testbucket", "third"} {
			n := 0
			err := kvs.Update(ctx, func(tx kv.Txn) error {
				r := &reads{Txn: tx}
				_, err := s.Match(r, record(event.PutObject, bucket, "in/a.png"))
				n = r.n
				return err
			})
			if err != nil || (n > 0) != want {
				t.Errorf("write %d to %s: %d reads, %v", i+1, bucket, n, err)
			}
		}
	}
	// A change of another bucket's native trigger is not this bucket's.
	other := native("n2", put, "in/", "")
	other.SourceARN = strings.Replace(other.SourceARN, "testbucket", "bucket2", 1)
	if _, err := s.Create(ctx, "resize", other); err != nil {
		t.Fatal(err)
	}
	if err := kvs.Update(ctx, func(tx kv.Txn) error {
		r := &reads{Txn: tx}
		if _, err := s.Match(r, record(event.PutObject, "testbucket", "in/a.png")); err != nil || r.n > 0 {
			t.Errorf("%d reads, %v", r.n, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
