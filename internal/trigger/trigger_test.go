package trigger

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/blob/memblob"
	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
)

var ctx = context.Background()

// emptyZip is a code package; what is in it does not matter here.
func emptyZip() []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.Create("index.js")
	w.Close()
	return b.Bytes()
}

type roles struct{}

func (roles) CheckTrust(arn, service string) error {
	if strings.HasSuffix(arn, "/good") && service == "oss.aliyuncs.com" {
		return nil
	}
	return fault.New(fault.Denied, "AccessDenied", "No permission to assume the role '%s' for you.", arn)
}

func open(t testing.TB) *Store {
	t.Helper()
	return openOn(t, memkv.New())
}

func openOn(t testing.TB, kvs kv.Store) *Store {
	t.Helper()
	fs, err := function.Open(ctx, kvs, memblob.New(), function.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	code, err := fs.AddCode(ctx, bytes.NewReader(emptyZip()), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"resize", "other"} {
		if _, err := fs.Create(ctx, function.Function{Name: n, Config: function.Config{Runtime: "nodejs20", Handler: "index.handler", Code: code}}); err != nil {
			t.Fatal(err)
		}
	}
	return Open(kvs, Options{
		Region: "cn-hangzhou", Account: "123", Roles: roles{},
		Bucket: func(_ kv.Reader, name string) (string, error) {
			switch name {
			case "testbucket", "bucket2":
				return "cn-hangzhou", nil
			case "faraway":
				return "cn-beijing", nil
			}
			return "", fault.New(fault.NotFound, "NoSuchBucket", "The specified bucket does not exist.")
		},
	})
}

func native(name, event, prefix, suffix string) Trigger {
	return Trigger{
		Name: name, Type: "oss", SourceARN: "acs:oss:cn-hangzhou:123:testbucket", InvocationRole: "acs:ram::123:role/good",
		Config: fmt.Sprintf(`{"events":["%s"],"filter":{"key":{"prefix":"%s","suffix":"%s"}}}`, event, prefix, suffix),
	}
}

const put = "oss:ObjectCreated:PutObject"

// The table of "Triggering rules for OSS triggers", through Create: the rule holds for
// the whole bucket, whatever the function.
func TestOverlapTable(t *testing.T) {
	for _, tt := range []struct {
		event, prefix, suffix string
		ok                    bool
	}{
		{"oss:ObjectCreated:*", "source", "zip", false},
		{"oss:ObjectCreated:*", "source1", "zip1", true},
		{put, "source", "zip", false},
		{put, "source", "1zip", false},
		{put, "source1", "zip", false},
		{put, "source", "", false},
		{put, "", "zip", false},
		{put, "source1", "zip1", true},
		{put, "1source", "1zip", true},
		{"oss:ObjectCreated:PostObject", "source", "zip", true},
	} {
		s := open(t)
		if _, err := s.Create(ctx, "resize", native("first", put, "source", "zip")); err != nil {
			t.Fatal(err)
		}
		_, err := s.Create(ctx, "other", native("second", tt.event, tt.prefix, tt.suffix))
		if tt.ok && err != nil || !tt.ok && !fault.Is(err, "OSSInvalidRequest") {
			t.Errorf("(%s, %s, %s): %v, want ok %v", tt.event, tt.prefix, tt.suffix, err, tt.ok)
		}
		if !tt.ok {
			want := "event source 'oss' returned error: Cannot specify overlapping prefix and suffix with same event type. In the way is trigger 'first' of function 'resize'"
			if !strings.HasPrefix(err.Error(), want) {
				t.Errorf("text %q, want it to start %q", err, want)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	change := func(f func(*Trigger)) Trigger { tr := native("t", put, "a", "b"); f(&tr); return tr }
	tests := []struct {
		name string
		fn   string
		t    Trigger
		want string // reason: part of the text
	}{
		{"no function", "none", native("t", put, "a", "b"), "FunctionNotFound:none"},
		{"no version", "resize", change(func(t *Trigger) { t.Qualifier = "7" }), "VersionNotFound:7"},
		{"no alias", "resize", change(func(t *Trigger) { t.Qualifier = "prod" }), "AliasNotFound:prod"},
		{"name", "resize", change(func(t *Trigger) { t.Name = "1t" }), "InvalidArgument:1t"},
		{"type", "resize", change(func(t *Trigger) { t.Type = "oos" }), "InvalidArgument:oos"},
		{"type not built", "resize", change(func(t *Trigger) { t.Type = "timer" }), "NotImplemented:timer"},
		{"no config", "resize", change(func(t *Trigger) { t.Config = "" }), "InvalidArgument:invalid OSS trigger config."},
		{"not JSON", "resize", change(func(t *Trigger) { t.Config = "{" }), "InvalidArgument:invalid OSS trigger config."},
		{"unknown field", "resize", change(func(t *Trigger) { t.Config = `{"events":["` + put + `"],"prefix":"a"}` }), `InvalidArgument:"prefix"`},
		{"no events", "resize", change(func(t *Trigger) { t.Config = `{"events":[]}` }), "InvalidArgument:names no events"},
		{"event", "resize", native("t", "oss:ObjectCreated:putObject", "a", "b"), "InvalidArgument:write \"oss:ObjectCreated:PutObject\""},
		{"wildcard", "resize", native("t", put, "a*", "b"), "InvalidArgument:wildcard"},
		{"slash", "resize", native("t", put, "/a", "b"), "InvalidArgument:forward slash"},
		{"bucket", "resize", change(func(t *Trigger) { t.SourceARN = "acs:oss:cn-hangzhou:123:none" }), "NoSuchBucket:bucket"},
		{"arn", "resize", change(func(t *Trigger) { t.SourceARN = "testbucket" }), "InvalidArgument:acs:oss:cn-hangzhou:123:<bucket>"},
		{"region", "resize", change(func(t *Trigger) { t.SourceARN = "acs:oss:cn-beijing:123:testbucket" }), "InvalidArgument:same region"},
		{"bucket's region", "resize", change(func(t *Trigger) { t.SourceARN = "acs:oss:cn-hangzhou:123:faraway" }), "InvalidArgument:same region"},
		{"account", "resize", change(func(t *Trigger) { t.SourceARN = "acs:oss:cn-hangzhou:9:testbucket" }), "InvalidArgument:account"},
		{"no role", "resize", change(func(t *Trigger) { t.InvocationRole = "" }), "InvalidArgument:aliyunosseventnotificationrole"},
		{"role", "resize", change(func(t *Trigger) { t.InvocationRole = "acs:ram::123:role/bad" }), "AccessDenied:bad"},
	}
	s := open(t)
	for _, tt := range tests {
		_, err := s.Create(ctx, tt.fn, tt.t)
		reason, text, _ := strings.Cut(tt.want, ":")
		if !fault.Is(err, fault.Reason(reason)) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	if ts, _, err := s.List(ctx, "resize", "", "", 100); err != nil || len(ts) != 0 {
		t.Errorf("refused triggers are there: %v, %v", ts, err)
	}
}

func TestTenPerBucket(t *testing.T) {
	s := open(t)
	for i := range MaxPerBucket {
		if _, err := s.Create(ctx, "resize", native(fmt.Sprintf("t%d", i), put, fmt.Sprintf("p%d/", i), "")); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Create(ctx, "other", native("t", put, "q/", ""))
	if !fault.Is(err, "OSSInvalidRequest") || !strings.Contains(err.Error(), "10") {
		t.Errorf("eleventh: %v", err)
	}
	more := native("t", put, "q/", "")
	more.SourceARN = "acs:oss:cn-hangzhou:123:bucket2"
	if _, err := s.Create(ctx, "other", more); err != nil {
		t.Errorf("in another bucket: %v", err)
	}
}

func TestLifeAndMatching(t *testing.T) {
	s := open(t)
	match := func(key string) (names []string) {
		err := s.kv.Update(ctx, func(tx kv.Txn) error {
			ts, err := s.Match(tx, &event.Record{Type: event.PutObject, Bucket: "testbucket", Key: key})
			for _, t := range ts {
				names = append(names, t.Name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	if got := match("source/a.png"); got != nil {
		t.Errorf("no triggers: %q", got)
	}
	in := native("t", put, "source", "png")
	in.Config = strings.Replace(in.Config, `"filter":{"key":{"prefix"`, `"Filter":{"Key":{"Prefix"`, 1) // older tools
	made, err := s.Create(ctx, "resize", in)
	if err != nil {
		t.Fatal(err)
	}
	if made.Config != in.Config || made.Qualifier != "LATEST" || made.Status != "OK" || len(made.RuleID) != 40 || len(made.ID) != 36 {
		t.Errorf("made %+v", made)
	}
	if _, err := s.Create(ctx, "resize", in); !fault.Is(err, "TriggerAlreadyExists") {
		t.Errorf("again: %v", err)
	}
	if got := match("source/a.png"); len(got) != 1 || got[0] != "t" {
		t.Errorf("match: %q", got)
	}
	// Changing it takes effect for the next event, although it is cached.
	cfg := native("t", put, "other", "png").Config
	changed, err := s.Update(ctx, "resize", "t", Change{Config: &cfg})
	if err != nil || changed.ID != made.ID || changed.RuleID != made.RuleID || changed.Config != cfg || changed.InvocationRole != made.InvocationRole {
		t.Errorf("changed %+v, %v", changed, err)
	}
	if got := match("source/a.png"); got != nil {
		t.Errorf("after the change: %q", got)
	}
	if got := match("other/a.png"); len(got) != 1 {
		t.Errorf("after the change: %q", got)
	}
	if err := s.CheckNone(memView(s), "resize", ""); !fault.Is(err, "FunctionNotEmpty") || !strings.Contains(err.Error(), "'t'") {
		t.Errorf("CheckNone: %v", err)
	}
	if err := s.CheckNone(memView(s), "resize", "prod"); err != nil {
		t.Errorf("CheckNone of another qualifier: %v", err)
	}
	if err := s.CheckBucketFree(memView(s), "testbucket"); !fault.Is(err, "BucketHasTriggers") {
		t.Errorf("CheckBucketFree: %v", err)
	}
	if err := s.Delete(ctx, "resize", "t"); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(ctx, "resize", "t"); !fault.Is(err, "TriggerNotFound") {
		t.Errorf("again: %v", err)
	}
	if got := match("other/a.png"); got != nil {
		t.Errorf("after the delete: %q", got)
	}
	if _, err := s.Get(ctx, "resize", "t"); !fault.Is(err, "TriggerNotFound") {
		t.Errorf("Get: %v", err)
	}
}

// memView returns a reader of the store as it is now.
func memView(s *Store) (out kv.Reader) {
	s.kv.View(ctx, func(r kv.Reader) error { out = r; return nil })
	return out // memkv's snapshots stay valid
}

func TestListPages(t *testing.T) {
	s := open(t)
	for _, n := range []string{"a", "b1", "b2", "c"} {
		if _, err := s.Create(ctx, "resize", native(n, put, n, "")); err != nil {
			t.Fatal(err)
		}
	}
	list := func(prefix, after string, limit int) string {
		ts, more, err := s.List(ctx, "resize", prefix, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, x := range ts {
			names = append(names, x.Name)
		}
		return fmt.Sprint(strings.Join(names, " "), more)
	}
	for _, tt := range []struct{ prefix, after, want string }{
		{"", "", "a b1true"}, {"", "b1", "b2 cfalse"}, {"b", "", "b1 b2false"}, {"b", "b1", "b2false"}, {"b", "a", "b1 b2false"},
	} {
		if got := list(tt.prefix, tt.after, 2); got != tt.want {
			t.Errorf("prefix %q after %q: %s, want %s", tt.prefix, tt.after, got, tt.want)
		}
	}
}

func FuzzParseNative(f *testing.F) {
	for _, s := range []string{native("t", put, "a", "b").Config, `{"events":null}`, `{}`, `[]`, `{"events":["oss:ObjectCreated:*"],"filter":{"key":{}}} x`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fl, err := ParseNative(s)
		if err == nil && len(fl.Events) == 0 {
			t.Error("a filter without events")
		}
	})
}
