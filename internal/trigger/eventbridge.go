package trigger

import "time"

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
