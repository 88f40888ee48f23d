package trigger

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
)

var namePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,127}$`)

func invalid(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "InvalidArgument", format, args...)
}

func checkName(name string) error {
	if namePattern.MatchString(name) {
		return nil
	}
	return invalid("triggerName %q is not valid.", name).
		WithHint("It has 1 to 128 letters, digits, underscores and hyphens, and does not start with a digit or hyphen.")
}

// nativeConfig is triggerConfig of a native trigger. Names match without case, since
// older tools write Key, Prefix and Suffix.
type nativeConfig struct {
	Events []string `json:"events"`
	Filter struct {
		Key struct {
			Prefix string `json:"prefix"`
			Suffix string `json:"suffix"`
		} `json:"key"`
	} `json:"filter"`
}

// badConfig has the cloud's text, with what it does not say.
func badConfig(format string, args ...any) *fault.Error {
	return invalid("invalid OSS trigger config. %s", fault.Say(format, args...))
}

const example = `A whole one is {"events":["oss:ObjectCreated:PutObject"],"filter":{"key":{"prefix":"source/","suffix":".png"}}}.`

// ParseNative reads the triggerConfig of a native trigger.
func ParseNative(config string) (event.Filter, error) {
	var f event.Filter
	var c nativeConfig
	d := json.NewDecoder(bytes.NewReader([]byte(config)))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return f, badConfig("It cannot be read: %s.", strings.TrimPrefix(err.Error(), "json: ")).WithHint(example)
	}
	if d.More() {
		return f, badConfig("Something follows the JSON object.").WithHint(example)
	}
	if len(c.Events) == 0 {
		return f, badConfig("It names no events.").WithHint(example)
	}
	seen := map[string]bool{}
	for _, e := range c.Events {
		if err := event.ParseType(e); err != nil {
			what, hint := fault.As(err).Said()
			return f, badConfig("%s", what).WithHint("%s", hint)
		}
		if seen[e] {
			return f, badConfig("It names %s twice.", e)
		}
		seen[e] = true
	}
	f = event.Filter{Events: c.Events, Prefix: c.Filter.Key.Prefix, Suffix: c.Filter.Key.Suffix}
	for _, p := range []struct{ name, value string }{{"prefix", f.Prefix}, {"suffix", f.Suffix}} {
		if len(p.value) > 1023 {
			return f, badConfig("The %s has %d bytes; object keys have at most 1023.", fault.Word(p.name), len(p.value))
		}
		if strings.ContainsAny(p.value, "*?") {
			// Legal in keys, but never meant: the seed says that wildcards are not supported.
			return f, badConfig("The %s %q has a wildcard; prefixes and suffixes are plain text.", fault.Word(p.name), p.value).
				WithHint("Leave the %s out to match every key, or use several triggers.", fault.Word(p.name))
		}
	}
	if strings.HasPrefix(f.Prefix, "/") {
		return f, badConfig("The prefix %q starts with a forward slash; object keys never do, so the trigger would never be invoked.", f.Prefix).
			WithHint("Use %q.", strings.TrimLeft(f.Prefix, "/"))
	}
	return f, nil
}

// parse checks what can be checked without the store, and fills in what Config and
// SourceARN mean.
func (s *Store) parse(t *Trigger) error {
	switch t.Type {
	case TypeOSS:
		if err := s.parseNative(t); err != nil {
			return err
		}
		return s.checkNotificationRole(t)
	case TypeEventBridge:
		return s.parseRule(t)
	case "timer", "http", "log", "cdn_events", "mns_topic", "tablestore":
		return fault.New(fault.Unsupported, "NotImplemented", "Triggers of type %q are not implemented.", t.Type).
			WithHint("Native OSS triggers (type %q) and rules on the default event bus (type %q) are.", TypeOSS, TypeEventBridge)
	default:
		return invalid("triggerType %q is unknown.", t.Type).WithHint("Use %q or %q.", TypeOSS, TypeEventBridge)
	}
}

// parseNative is parse for a native trigger, without its role.
func (s *Store) parseNative(t *Trigger) (err error) {
	if t.Filter, err = ParseNative(t.Config); err != nil {
		return err
	}
	arn := strings.Split(t.SourceARN, ":")
	if len(arn) != 5 || arn[0] != "acs" || arn[1] != "oss" || arn[4] == "" {
		return invalid("sourceArn %q is not the name of a bucket.", t.SourceARN).
			WithHint("It has the form acs:oss:%s:%s:<bucket>.", s.o.Region, s.o.Account)
	}
	if region := strings.TrimPrefix(arn[2], "oss-"); region != s.o.Region {
		return invalid("The bucket of sourceArn %q is in region %q, the function in %q.", t.SourceARN, region, s.o.Region).
			WithHint("A trigger's bucket and function must be in the same region.")
	}
	if arn[3] != s.o.Account {
		return invalid("The bucket of sourceArn %q belongs to account %q, the function to %q.", t.SourceARN, arn[3], s.o.Account).
			WithHint("Bucket and function must belong to the same account.")
	}
	t.Bucket = arn[4]
	return nil
}

func (s *Store) checkNotificationRole(t *Trigger) error {
	if t.InvocationRole == "" {
		return invalid("invocationRole is required: the role with which OSS invokes the function.").
			WithHint("The usual one is acs:ram::%s:role/aliyunosseventnotificationrole.", s.o.Account)
	}
	if s.o.Roles != nil {
		return s.o.Roles.CheckTrust(t.InvocationRole, "oss.aliyuncs.com")
	}
	return nil
}

// admit checks a trigger against what is in the store: a native one against its bucket
// and the bucket's other triggers, a rule against the number of the bus's.
func (s *Store) admit(tx kv.Txn, t *Trigger, isNew bool) error {
	if t.Rule != nil {
		return admitRule(tx, isNew)
	}
	if err := s.checkBucket(tx, t.Bucket); err != nil {
		return err
	}
	others, err := ofBucket(tx, t.Bucket)
	if err != nil {
		return err
	}
	if o := Conflict(t, others); o != nil {
		// The text is the cloud's; what follows it is what its users miss.
		return fault.New(fault.Invalid, "OSSInvalidRequest", "event source 'oss' returned error: Cannot specify overlapping prefix and suffix with same event type.").
			WithHint("In the way is trigger '%s' of function '%s': %s.", o.Name, o.Function, describe(&o.Filter)).
			With("Trigger", o.Name).With("Function", o.Function)
	}
	if isNew && len(others) >= MaxPerBucket {
		return fault.New(fault.Invalid, "OSSInvalidRequest", "event source 'oss' returned error: The bucket '%s' has %d native triggers already, as many as a bucket may have.", t.Bucket, len(others)).
			WithHint("Delete one, or keep the objects of further triggers in another bucket.")
	}
	return nil
}

// checkBucket refuses a bucket that is not there, or elsewhere.
func (s *Store) checkBucket(r kv.Reader, name string) error {
	region, err := s.o.Bucket(r, name)
	if err != nil {
		return err
	}
	if region != s.o.Region {
		return invalid("Bucket %q is in region %q, the function in %q.", name, region, s.o.Region).
			WithHint("A trigger's bucket and function must be in the same region.")
	}
	return nil
}

// Conflict returns the first of others that overlaps t, or nil; t itself does not count.
func Conflict(t *Trigger, others []*Trigger) *Trigger {
	for _, o := range others {
		if (o.Function != t.Function || o.Name != t.Name) && t.Filter.Overlaps(&o.Filter) {
			return o
		}
	}
	return nil
}

func describe(f *event.Filter) fault.Sentence {
	return fault.Say("%s with prefix %q and suffix %q", strings.Join(f.Events, ", "), f.Prefix, f.Suffix)
}
