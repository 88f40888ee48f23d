package trigger

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

const images = `{"source":["acs.oss"],"type":["oss:ObjectCreated:PutObject"],"subject":[{"prefix":"acs:oss:cn-hangzhou:123:testbucket/in/"}]}`

func quote(s string) string {
	b, _ := json.Marshal(s) // a string always can
	return string(b)
}

// rule makes an EventBridge trigger whose config has more, of the form `,"a":1`.
func rule(name, pattern, more string) Trigger {
	return Trigger{Name: name, Type: TypeEventBridge, Config: `{"eventRuleFilterPattern":` + quote(pattern) + more + `}`}
}

func TestParseEventBridge(t *testing.T) {
	with := func(more string) string { return rule("t", images, more).Config }
	retry := func(r Retry) *Rule { return &Rule{Pattern: images, Enabled: true, Retry: &r} }
	backoff := retry(Retry{Strategy: Backoff})
	tests := []struct {
		name, config string
		want         *Rule
		refusal      string // reason: part of the text
	}{
		{"only a pattern", with(""), backoff, ""},
		{"all at its default", with(`,"triggerEnable":true,"asyncInvocationType":false,"eventSourceConfig":{"eventSourceType":"Default","eventSourceParameters":{"sourceMNSParameters":null,"sourceKafkaParameters":{"topic":""}}},
			"eventSinkConfig":{"deliveryOption":{"concurrency":0,"eventSchema":"CloudEvents"}},
			"runOptions":{"mode":"event-driven","errorsTolerance":"ALL","retryStrategy":{"PushRetryStrategy":"BACKOFF_RETRY","MaximumEventAgeInSeconds":0,"MaximumRetryAttempts":0},
			"deadLetterQueue":{"Arn":""},"batchWindow":{"CountBasedWindow":1,"TimeBasedWindow":0}}`), backoff, ""},
		{"nulls", with(`,"triggerEnable":null,"eventSourceConfig":null,"eventSinkConfig":{},"runOptions":null`), backoff, ""},
		{"all of retrying", with(`,"runOptions":{"retryStrategy":{"PushRetryStrategy":"EXPONENTIAL_DECAY_RETRY","MaximumEventAgeInSeconds":3600,"MaximumRetryAttempts":7},"deadLetterQueue":{"Arn":"acs:fc:cn-hangzhou:123:functions/other"}}`),
			retry(Retry{Strategy: ExponentialDecay, MaxAge: time.Hour, MaxAttempts: 7, DeadLetter: "acs:fc:cn-hangzhou:123:functions/other"}), ""},
		{"the bounds", with(`,"runOptions":{"retryStrategy":{"MaximumEventAgeInSeconds":86400,"MaximumRetryAttempts":176}}`), retry(Retry{Strategy: Backoff, MaxAge: 24 * time.Hour, MaxAttempts: 176}), ""},
		{"no tolerance", with(`,"runOptions":{"errorsTolerance":"NONE"}`), retry(Retry{Strategy: Backoff, Block: true}), ""},
		{"disabled", with(`,"triggerEnable":false`), &Rule{Pattern: images, Retry: &Retry{Strategy: Backoff}}, ""},
		{"asynchronous", with(`,"asyncInvocationType":true`), &Rule{Pattern: images, Enabled: true, Async: true}, ""},
		{"other case", strings.Replace(with(`,"RunOptions":{"RetryStrategy":{"pushRetryStrategy":"BACKOFF_RETRY"}}`), "eventRule", "EventRule", 1), backoff, ""},
		{"a window of one", with(`,"runOptions":{"batchWindow":{"CountBasedWindow":1,"TimeBasedWindow":5}}`), backoff, ""},

		{"nothing", "", nil, "InvalidArgument:cannot be read"},
		{"no object", `[]`, nil, "InvalidArgument:cannot be read"},
		{"null", `null`, nil, "InvalidArgument:no eventRuleFilterPattern"},
		{"two objects", with("") + `{}`, nil, "InvalidArgument:Something follows"},
		{"a stray brace", with("") + `}`, nil, "InvalidArgument:Something follows"},
		{"unknown field", with(`,"enable":true`), nil, `InvalidArgument:"enable"`},
		{"unknown field inside", with(`,"runOptions":{"retries":1}`), nil, `InvalidArgument:"retries"`},
		{"a pattern that is no string", `{"eventRuleFilterPattern":{"source":["acs.oss"]}}`, nil, "InvalidArgument:cannot be read"},
		{"an empty pattern", rule("t", " ", "").Config, nil, "InvalidArgument:no eventRuleFilterPattern"},
		{"a pattern that is no JSON", rule("t", "{", "").Config, nil, "InvalidArgument:attern"},
		{"a pattern with a bare value", rule("t", `{"source":"acs.oss"}`, "").Config, nil, "InvalidArgument:source"},
		{"an unknown matcher", rule("t", `{"subject":[{"regex":"x"}]}`, "").Config, nil, "InvalidArgument:regex"},
		{"a queue", with(`,"eventSourceConfig":{"eventSourceType":"MNS"}`), nil, "NotImplemented:MNS"},
		{"an unknown source", with(`,"eventSourceConfig":{"eventSourceType":"default"}`), nil, `InvalidArgument:"default" is unknown`},
		{"parameters of a queue", with(`,"eventSourceConfig":{"eventSourceParameters":{"sourceMNSParameters":{"QueueName":"q"}}}`), nil, "InvalidArgument:eventSourceParameters"},
		{"a list of parameters", with(`,"eventSourceConfig":{"eventSourceParameters":[]}`), nil, "InvalidArgument:eventSourceParameters"},
		{"streaming", with(`,"runOptions":{"mode":"event-streaming"}`), nil, "NotImplemented:event-streaming"},
		{"unknown mode", with(`,"runOptions":{"mode":"x"}`), nil, "InvalidArgument:mode"},
		{"batches", with(`,"runOptions":{"batchWindow":{"CountBasedWindow":2}}`), nil, "NotImplemented:batchWindow"},
		{"batches by time", with(`,"runOptions":{"batchWindow":{"TimeBasedWindow":1}}`), nil, "NotImplemented:batchWindow"},
		{"negative batches", with(`,"runOptions":{"batchWindow":{"CountBasedWindow":-1}}`), nil, "InvalidArgument:below 0"},
		{"unknown tolerance", with(`,"runOptions":{"errorsTolerance":"SOME"}`), nil, "InvalidArgument:ALL or NONE"},
		{"unknown strategy", with(`,"runOptions":{"retryStrategy":{"PushRetryStrategy":"LINEAR"}}`), nil, "InvalidArgument:BACKOFF_RETRY"},
		{"too old", with(`,"runOptions":{"retryStrategy":{"MaximumEventAgeInSeconds":86401}}`), nil, "InvalidArgument:1 to 86400"},
		{"too young", with(`,"runOptions":{"retryStrategy":{"MaximumEventAgeInSeconds":-1}}`), nil, "InvalidArgument:1 to 86400"},
		{"too often", with(`,"runOptions":{"retryStrategy":{"MaximumRetryAttempts":177}}`), nil, "InvalidArgument:1 to 176"},
		{"negative attempts", with(`,"runOptions":{"retryStrategy":{"MaximumRetryAttempts":-1}}`), nil, "InvalidArgument:1 to 176"},
		{"half an attempt", with(`,"runOptions":{"retryStrategy":{"MaximumRetryAttempts":0.5}}`), nil, "InvalidArgument:cannot be read"},
		{"no tolerance and dead letters", with(`,"runOptions":{"errorsTolerance":"NONE","deadLetterQueue":{"Arn":"acs:fc:cn-hangzhou:123:functions/f"}}`), nil, "InvalidArgument:deadLetterQueue"},
		{"asynchronous without tolerance", with(`,"asyncInvocationType":true,"runOptions":{"errorsTolerance":"NONE"}`), nil, "InvalidArgument:asyncInvocationType"},
		{"asynchronous with dead letters", with(`,"asyncInvocationType":true,"runOptions":{"deadLetterQueue":{"Arn":"acs:fc:cn-hangzhou:123:functions/f"}}`), nil, "InvalidArgument:onFailure"},
		{"raw data", with(`,"eventSinkConfig":{"deliveryOption":{"eventSchema":"RawData"}}`), nil, "NotImplemented:RawData"},
		{"unknown schema", with(`,"eventSinkConfig":{"deliveryOption":{"eventSchema":"x"}}`), nil, "InvalidArgument:eventSchema"},
		{"concurrency", with(`,"eventSinkConfig":{"deliveryOption":{"concurrency":5}}`), nil, "NotImplemented:PutConcurrencyConfig"},
		{"negative concurrency", with(`,"eventSinkConfig":{"deliveryOption":{"concurrency":-5}}`), nil, "InvalidArgument:concurrency"},
	}
	for _, tt := range tests {
		got, err := ParseEventBridge(tt.config)
		if tt.want != nil {
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s: %+v, %v; want %+v", tt.name, got, err, tt.want)
			}
			continue
		}
		reason, text, _ := strings.Cut(tt.refusal, ":")
		if !fault.Is(err, fault.Reason(reason)) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.refusal)
		}
	}
}

func TestRuleRefusals(t *testing.T) {
	s := open(t)
	change := func(f func(*Trigger)) Trigger { tr := rule("t", images, ""); f(&tr); return tr }
	dead := func(arn string) Trigger {
		return rule("t", images, `,"runOptions":{"deadLetterQueue":{"Arn":`+quote(arn)+`}}`)
	}
	for _, tt := range []struct {
		name string
		t    Trigger
		want string
	}{
		{"a bucket as source", change(func(t *Trigger) { t.SourceARN = "acs:oss:cn-hangzhou:123:testbucket" }), "InvalidArgument:event bus"},
		{"a bus elsewhere", change(func(t *Trigger) { t.SourceARN = "acs:eventbridge:cn-beijing:123:eventbus/default" }), "InvalidArgument:acs:eventbridge:cn-hangzhou:123:eventbus/default"},
		{"another bus", change(func(t *Trigger) { t.SourceARN = "acs:eventbridge:cn-hangzhou:123:eventbus/mine" }), "InvalidArgument:event bus"},
		{"no role's ARN", change(func(t *Trigger) { t.InvocationRole = "admin" }), "InvalidArgument:invocationRole"},
		{"another account's role", change(func(t *Trigger) { t.InvocationRole = "acs:ram::9:role/good" }), "InvalidArgument:invocationRole"},
		{"no version", change(func(t *Trigger) { t.Qualifier = "7" }), "VersionNotFound:7"},
		{"dead letters nowhere", dead("queue"), "InvalidArgument:deadLetterQueue"},
	} {
		_, err := s.Create(ctx, "resize", tt.t)
		reason, text, _ := strings.Cut(tt.want, ":")
		if !fault.Is(err, fault.Reason(reason)) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
	var asked []string
	s.o.CheckDestination = func(arn string) error {
		if asked = append(asked, arn); arn == "bad" {
			return fault.New(fault.Invalid, "InvalidArgument", "not there")
		}
		return nil
	}
	if _, err := s.Create(ctx, "resize", dead("bad")); err == nil || err.Error() != "not there" {
		t.Errorf("a destination that is refused: %v", err)
	}
	if _, err := s.Create(ctx, "resize", dead("good")); err != nil {
		t.Error(err)
	}
	if _, err := s.Create(ctx, "other", rule("t", images, "")); err != nil {
		t.Error(err)
	}
	if fmt.Sprint(asked) != "[bad good]" {
		t.Errorf("asked for %q", asked)
	}
}

// A rule is not tied to a bucket, and is kept as it was sent.
func TestRuleLife(t *testing.T) {
	s := open(t)
	in := rule("t", images, `,  "triggerEnable":true`)
	in.SourceARN, in.InvocationRole, in.Description = "acs:eventbridge:cn-hangzhou:123:eventbus/default", "acs:ram::123:role/any", "d"
	made, err := s.Create(ctx, "resize", in)
	if err != nil {
		t.Fatal(err)
	}
	if made.Config != in.Config || made.SourceARN != in.SourceARN || made.InvocationRole != in.InvocationRole || made.Bucket != "" || made.Status != "OK" || made.ID == "" || made.Qualifier != "LATEST" {
		t.Errorf("%+v", made)
	}
	got, err := s.Get(ctx, "resize", "t")
	if err != nil || got.Config != made.Config || got.ID != made.ID || got.SourceARN != made.SourceARN || got.Rule == nil || !reflect.DeepEqual(got.Rule, made.Rule) || !got.Created.Equal(made.Created) {
		t.Errorf("%+v, made %+v, %v", got, made, err)
	}
	if err := s.CheckBucketFree(memView(s), "testbucket"); err != nil {
		t.Errorf("a rule keeps its bucket: %v", err)
	}
	if err := s.CheckNone(memView(s), "resize", "LATEST"); !fault.Is(err, "FunctionNotEmpty") {
		t.Errorf("CheckNone: %v", err)
	}
	config := rule("t", `{"source":["acs.oss"]}`, `,"asyncInvocationType":true`).Config
	changed, err := s.Update(ctx, "resize", "t", Change{Config: &config})
	if err != nil || changed.ID != made.ID || !changed.Rule.Async || changed.Rule.Retry != nil || changed.Rule.Pattern != `{"source":["acs.oss"]}` || changed.Description != "d" {
		t.Errorf("%+v, %v", changed, err)
	}
	bad := "{}"
	if _, err := s.Update(ctx, "resize", "t", Change{Config: &bad}); !fault.Is(err, "InvalidArgument") {
		t.Errorf("a bad change: %v", err)
	}
	if err := s.Delete(ctx, "resize", "t"); err != nil {
		t.Fatal(err)
	}
	n, err := countRules(memView(s))
	if n != 0 || err != nil {
		t.Errorf("%d rules are left, %v", n, err)
	}
}

func TestFiftyRules(t *testing.T) {
	s := open(t)
	for i := range MaxRules {
		fn := []string{"resize", "other"}[i%2]
		if _, err := s.Create(ctx, fn, rule(fmt.Sprintf("t%d", i), images, "")); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Create(ctx, "resize", rule("more", images, ""))
	if !fault.Is(err, "InvalidArgument") || !strings.Contains(err.Error(), "50") {
		t.Errorf("the 51st: %v", err)
	}
	// Neither a change nor a native trigger needs room on the bus.
	config := rule("", images, `,"triggerEnable":false`).Config
	if _, err := s.Update(ctx, "other", "t1", Change{Config: &config}); err != nil {
		t.Error(err)
	}
	if _, err := s.Create(ctx, "resize", native("n", put, "a/", "")); err != nil {
		t.Error(err)
	}
	if err := s.Delete(ctx, "other", "t1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(ctx, "resize", rule("more", images, "")); err != nil {
		t.Errorf("after a delete: %v", err)
	}
}

func FuzzParseEventBridge(f *testing.F) {
	for _, more := range []string{"", `,"triggerEnable":false`, `,"asyncInvocationType":true`, `,"runOptions":{"errorsTolerance":"NONE","mode":"event-driven"}`,
		`,"eventSourceConfig":{"eventSourceType":"Default","eventSourceParameters":{}}`, `,"runOptions":{"batchWindow":{"CountBasedWindow":1}}`,
		`,"runOptions":{"retryStrategy":{"PushRetryStrategy":"EXPONENTIAL_DECAY_RETRY","MaximumEventAgeInSeconds":60,"MaximumRetryAttempts":2},"deadLetterQueue":{"Arn":"acs:x"}}`} {
		f.Add(rule("t", images, more).Config)
	}
	f.Add(`{} x`)
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseEventBridge(s)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.Unsupported && k != fault.TooLarge {
				t.Errorf("kind %s: %v", k, err)
			}
			return
		}
		if !json.Valid([]byte(r.Pattern)) || (r.Retry == nil) != r.Async {
			t.Errorf("%+v", r)
		}
		if x := r.Retry; x != nil && (x.MaxAge < 0 || x.MaxAge > maxEventAge || x.MaxAttempts < 0 || x.MaxAttempts > maxAttempts || x.Strategy != Backoff && x.Strategy != ExponentialDecay || x.Block && x.DeadLetter != "") {
			t.Errorf("%+v", x)
		}
		namedBuckets(r.Pattern)
	})
}
