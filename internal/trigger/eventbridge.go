package trigger

import (
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/event/pattern"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
)

// TypeEventBridge is the type of triggers that are rules on the default event bus.
const TypeEventBridge = "eventbridge"

// Rule is what an EventBridge trigger has that a native one has not.
type Rule struct {
	Pattern string `cbor:"1,keyasint"`           // eventRuleFilterPattern, as it was received
	Async   bool   `cbor:"2,keyasint,omitempty"` // asyncInvocationType: FC's asynchronous rules hold, and Retry does not
	Enabled bool   `cbor:"3,keyasint,omitempty"` // triggerEnable
	Retry   *Retry `cbor:"4,keyasint,omitempty"` // of synchronous invocation; never nil when Async is false
}

// Strategies of EventBridge's retries.
const (
	Backoff          = "BACKOFF_RETRY"           // 3 times, each 10 to 20 s after the one before
	ExponentialDecay = "EXPONENTIAL_DECAY_RETRY" // 176 times over a day: 1, 2, 4 … 512 s apart, then 512 s
)

// Retry says how EventBridge repeats what a function failed, and what becomes of it in
// the end.
type Retry struct {
	Strategy    string        `cbor:"1,keyasint"`
	MaxAttempts int           `cbor:"2,keyasint,omitempty"` // retries; 0: as the strategy has it
	MaxAge      time.Duration `cbor:"3,keyasint,omitempty"` // 0: a day
	Block       bool          `cbor:"4,keyasint,omitempty"` // errorsTolerance NONE: the trigger's later events wait until this one succeeds
	DeadLetter  string        `cbor:"5,keyasint,omitempty"` // ARN of deadLetterQueue; "": kept as a dead letter only
}

// Bounds of what retryStrategy may ask for. EventBridge's longest strategy makes 176
// retries in a day.
const (
	maxEventAge = 24 * time.Hour
	maxAttempts = 176
)

// ruleConfig is triggerConfig of an EventBridge trigger (EventBridgeTriggerConfig of the
// FC API). Names match without case, as those of native triggers do.
type ruleConfig struct {
	TriggerEnable          *bool  `json:"triggerEnable"`
	AsyncInvocationType    bool   `json:"asyncInvocationType"`
	EventRuleFilterPattern string `json:"eventRuleFilterPattern"`
	EventSourceConfig      struct {
		EventSourceType       string          `json:"eventSourceType"`
		EventSourceParameters json.RawMessage `json:"eventSourceParameters"`
	} `json:"eventSourceConfig"`
	EventSinkConfig struct {
		DeliveryOption struct {
			Concurrency int    `json:"concurrency"`
			EventSchema string `json:"eventSchema"`
		} `json:"deliveryOption"`
	} `json:"eventSinkConfig"`
	RunOptions struct {
		Mode            string `json:"mode"`
		ErrorsTolerance string `json:"errorsTolerance"`
		RetryStrategy   struct {
			PushRetryStrategy        string `json:"PushRetryStrategy"`
			MaximumEventAgeInSeconds int    `json:"MaximumEventAgeInSeconds"`
			MaximumRetryAttempts     int    `json:"MaximumRetryAttempts"`
		} `json:"retryStrategy"`
		DeadLetterQueue struct {
			Arn string `json:"Arn"`
		} `json:"deadLetterQueue"`
		BatchWindow struct {
			CountBasedWindow int `json:"CountBasedWindow"`
			TimeBasedWindow  int `json:"TimeBasedWindow"`
		} `json:"batchWindow"`
	} `json:"runOptions"`
}

func badRule(format string, args ...any) *fault.Error {
	return invalid("invalid EventBridge trigger config. %s", fault.Say(format, args...))
}

// unserved refuses what EventBridge has and Alcedo has not.
func unserved(what string, args ...any) *fault.Error {
	return fault.New(fault.Unsupported, "NotImplemented", "invalid EventBridge trigger config. %s", fault.Say(what, args...))
}

const ruleExample = `A whole one is {"triggerEnable":true,"asyncInvocationType":false,"eventRuleFilterPattern":"{\"source\":[\"acs.oss\"],\"type\":[\"oss:ObjectCreated:PutObject\"]}","eventSourceConfig":{"eventSourceType":"Default"}}.`

// ParseEventBridge reads the triggerConfig of an EventBridge trigger. A field that it does
// not know is refused (InvalidArgument); one that it knows and cannot honour is refused
// with the reason why (NotImplemented), never dropped. A number that is 0 and a text that
// is empty count as left out, since generated clients send them.
func ParseEventBridge(config string) (*Rule, error) {
	var c ruleConfig
	d := json.NewDecoder(strings.NewReader(config))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return nil, badRule("It cannot be read: %s.", strings.TrimPrefix(err.Error(), "json: ")).WithHint(ruleExample)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, badRule("Something follows the JSON object.").WithHint(ruleExample)
	}
	if err := c.checkSource(); err != nil {
		return nil, err
	}
	if strings.TrimSpace(c.EventRuleFilterPattern) == "" {
		return nil, badRule("It has no eventRuleFilterPattern.").
			WithHint(`It is a string that holds a JSON object, for example "{\"source\":[\"acs.oss\"],\"type\":[\"oss:ObjectCreated:PutObject\"]}". A rule that wants every event says so: "{\"source\":[\"acs.oss\"]}".`)
	}
	if _, err := pattern.Parse([]byte(c.EventRuleFilterPattern)); err != nil {
		return nil, err
	}
	if err := c.checkSink(); err != nil {
		return nil, err
	}
	retry, err := c.retry()
	if err != nil {
		return nil, err
	}
	r := &Rule{Pattern: c.EventRuleFilterPattern, Async: c.AsyncInvocationType, Enabled: c.TriggerEnable == nil || *c.TriggerEnable}
	if !r.Async {
		r.Retry = retry
	} else if retry.Block {
		return nil, badRule("errorsTolerance NONE has a rule's later events wait for one that fails; of an asynchronous invocation (asyncInvocationType true) a rule does not learn whether it fails.").
			WithHint("Leave out one of the two.")
	} else if retry.DeadLetter != "" {
		return nil, badRule("deadLetterQueue takes what a synchronous invocation could not deliver; with asyncInvocationType true the function's own rules hold.").
			WithHint("Set a destination for failures on the function instead (PutAsyncInvokeConfig, destinationConfig.onFailure).")
	}
	return r, nil
}

// checkSource refuses events of anything but the default event bus.
func (c *ruleConfig) checkSource() error {
	switch s := c.EventSourceConfig.EventSourceType; s {
	case "", "Default":
	case "MNS", "RocketMQ", "RabbitMQ", "Kafka", "MQTT", "DTS", "SLS", "EventBus", "Eventbus":
		return unserved("eventSourceType %q takes messages from a service that Alcedo does not have; its events are those of its own objects and buckets.", s).
			WithHint("Use %q, the default event bus.", "Default")
	default:
		return badRule("eventSourceType %q is unknown.", s).WithHint("Use %q, the default event bus.", "Default")
	}
	if !empty(c.EventSourceConfig.EventSourceParameters) {
		return badRule("eventSourceParameters belong to the queues that other event sources read; %q has none.", "Default").WithHint("Leave them out.")
	}
	return nil
}

// empty reports whether a JSON value says nothing: null, "", 0, or an object of such.
func empty(raw json.RawMessage) bool {
	if len(raw) == 0 {
		return true
	}
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return false // not reached: the decoder has read it
	}
	var nothing func(v any) bool
	nothing = func(v any) bool {
		switch v := v.(type) {
		case nil:
			return true
		case string:
			return v == ""
		case float64:
			return v == 0
		case map[string]any:
			for _, of := range v {
				if !nothing(of) {
					return false
				}
			}
			return true
		}
		return false
	}
	return nothing(v)
}

func (c *ruleConfig) checkSink() error {
	o := c.EventSinkConfig.DeliveryOption
	switch o.EventSchema {
	case "", "CloudEvents", "CloudEvent":
	case "RawData":
		return unserved("eventSchema %q hands over the data of a queue's message; events of the default event bus are CloudEvents.", o.EventSchema).WithHint("Leave it out.")
	default:
		return badRule("eventSchema %q is unknown.", o.EventSchema).WithHint("Leave it out: events are CloudEvents.")
	}
	switch {
	case o.Concurrency < 0:
		return badRule("concurrency %d is below 0.", o.Concurrency)
	case o.Concurrency > 0:
		return unserved("concurrency of one trigger cannot be limited.").
			WithHint("Leave it out, and limit that of the function (PutConcurrencyConfig).")
	}
	return nil
}

// retry reads runOptions.
func (c *ruleConfig) retry() (*Retry, error) {
	o := &c.RunOptions
	switch o.Mode {
	case "", "event-driven":
	case "event-streaming":
		return nil, unserved("mode %q hands batches of a queue's messages to the function; events of the default event bus come one by one.", o.Mode).
			WithHint("Use %q, or leave mode out.", "event-driven")
	default:
		return nil, badRule("mode %q is unknown.", o.Mode).WithHint("Use %q, or leave mode out.", "event-driven")
	}
	switch w := o.BatchWindow; {
	case w.CountBasedWindow < 0 || w.TimeBasedWindow < 0:
		return nil, badRule("batchWindow has a number below 0.")
	case w.CountBasedWindow > 1 || w.CountBasedWindow == 0 && w.TimeBasedWindow > 0:
		return nil, unserved("batchWindow gathers events into one run, which only event sources that are queues have.").
			WithHint("Leave batchWindow out, or set CountBasedWindow to 1.")
	}
	r := &Retry{DeadLetter: o.DeadLetterQueue.Arn}
	switch s := o.RetryStrategy.PushRetryStrategy; s {
	case "":
		r.Strategy = Backoff
	case Backoff, ExponentialDecay:
		r.Strategy = s
	default:
		return nil, badRule("PushRetryStrategy %q is unknown.", s).WithHint("Use %s or %s.", Backoff, ExponentialDecay)
	}
	switch age := o.RetryStrategy.MaximumEventAgeInSeconds; {
	case age < 0 || age > int(maxEventAge/time.Second):
		return nil, badRule("MaximumEventAgeInSeconds %d is out of range: it must be 1 to %d.", age, int(maxEventAge/time.Second))
	default:
		r.MaxAge = time.Duration(age) * time.Second
	}
	if r.MaxAttempts = o.RetryStrategy.MaximumRetryAttempts; r.MaxAttempts < 0 || r.MaxAttempts > maxAttempts {
		return nil, badRule("MaximumRetryAttempts %d is out of range: it must be 1 to %d.", r.MaxAttempts, maxAttempts)
	}
	switch o.ErrorsTolerance {
	case "", "ALL":
	case "NONE":
		if r.DeadLetter != "" {
			return nil, badRule("With errorsTolerance NONE an event is tried until it succeeds, so that nothing gets to the deadLetterQueue.").
				WithHint("Leave deadLetterQueue out, or use errorsTolerance ALL.")
		}
		r.Block = true
	default:
		return nil, badRule("errorsTolerance %q is unknown.", o.ErrorsTolerance).WithHint("Use ALL or NONE.")
	}
	return r, nil
}

// parseRule is parse for an EventBridge trigger. Neither sourceArn nor invocationRole is
// needed: there is one event bus, and its rules run functions in the account's own name,
// as the cloud's service-linked role does. What is given is checked, kept and shown.
func (s *Store) parseRule(t *Trigger) error {
	r, err := ParseEventBridge(t.Config)
	if err != nil {
		return err
	}
	t.Rule, t.Bucket, t.Filter = r, "", event.Filter{}
	busARN := "acs:eventbridge:" + s.o.Region + ":" + s.o.Account + ":eventbus/default"
	if t.SourceARN != "" && t.SourceARN != busARN && !strings.HasPrefix(t.SourceARN, busARN+"/rule/") {
		return invalid("sourceArn %q is not the default event bus of this region and account.", t.SourceARN).
			WithHint("Leave it out, or use %s. Which bucket a rule listens to is part of its eventRuleFilterPattern.", busARN)
	}
	if t.InvocationRole != "" && !strings.HasPrefix(t.InvocationRole, "acs:ram::"+s.o.Account+":role/") {
		return invalid("invocationRole %q is not a role of account %q.", t.InvocationRole, s.o.Account).
			WithHint("Leave it out: EventBridge triggers need none.")
	}
	if r.Retry == nil || r.Retry.DeadLetter == "" {
		return nil
	}
	if s.o.CheckDestination != nil {
		return s.o.CheckDestination(r.Retry.DeadLetter)
	}
	if !strings.HasPrefix(r.Retry.DeadLetter, "acs:") || strings.Count(r.Retry.DeadLetter, ":") < 4 {
		return badRule("deadLetterQueue.Arn %q is not an ARN.", r.Retry.DeadLetter).WithHint("One has the form acs:<service>:<region>:<account>:<thing>.")
	}
	return nil
}

// admitRule keeps the bus within its limit.
func admitRule(tx kv.Txn, isNew bool) error {
	if !isNew {
		return nil
	}
	n, err := countRules(tx)
	if err != nil || n < MaxRules {
		return err
	}
	return fault.New(fault.Conflict, "InvalidArgument", "the default event bus has %d rules already, as many as a bus may have.", n).
		WithHint("Delete an EventBridge trigger, or let one rule's pattern listen to more: the expressions of one array are alternatives.")
}

func countRules(r kv.Reader) (n int, err error) {
	err = r.Scan(kv.Prefix([]byte(tRule)), func(_, _ []byte) error { n++; return nil })
	return n, err
}
