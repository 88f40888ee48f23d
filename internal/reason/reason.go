// Package reason is why something is as it is: a code with its arguments, from which a page
// makes a sentence in its reader's language, and that sentence in English, which the
// command line and logs show.
package reason

import "fmt"

// Code names a reason. It is a part of the console's API: codes are added, and those that
// were there keep their meaning and their arguments.
type Code string

// Args are what a reason's sentence tells, by name: texts, numbers, and times in RFC 3339.
type Args map[string]any

// Why is one reason. A nil one is none, and its sentence is empty.
type Why struct {
	Code Code `cbor:"1,keyasint" json:"reason"`
	Args Args `cbor:"2,keyasint,omitempty" json:"args,omitempty"`
	// Parts are clauses of the sentence, all of which hold; Hint names the mistake that
	// was probably made.
	Parts []Why `cbor:"3,keyasint,omitempty" json:"parts,omitempty"`
	Hint  *Why  `cbor:"4,keyasint,omitempty" json:"hint,omitempty"`

	message string // the sentence; it is told beside the reason
}

// New makes a reason; format and a make its sentence.
func New(code Code, args Args, format string, a ...any) *Why {
	return &Why{Code: code, Args: args, message: fmt.Sprintf(format, a...)}
}

// String is the sentence in English; a reason that was stored or sent has lost it.
func (w *Why) String() string {
	if w == nil {
		return ""
	}
	return w.message
}

// Why no native trigger's filter, and no rule's pattern, wants an event.
const (
	TriggerDisabled   Code = "TriggerDisabled"
	TriggerPaused     Code = "TriggerPaused" // what it matches becomes a dead letter
	OtherBucket       Code = "OtherBucket"
	EventNotListed    Code = "EventNotListed"
	PrefixWithSlash   Code = "PrefixWithSlash"
	KeyTooShort       Code = "KeyTooShort" // it ends before the prefix does
	PrefixDiffers     Code = "PrefixDiffers"
	SuffixDiffers     Code = "SuffixDiffers"
	FieldMissing      Code = "FieldMissing"
	FieldRefused      Code = "FieldRefused" // Parts say why
	FieldOfManyValues Code = "FieldOfManyValues"
	NoElementMatches  Code = "NoElementMatches"
)

// Parts of FieldRefused: what the field's values are not.
const (
	NotEqual       Code = "NotEqual"
	NotPrefix      Code = "NotPrefix"
	NotSuffix      Code = "NotSuffix"
	NotContaining  Code = "NotContaining"
	Excluded       Code = "Excluded"
	PrefixExcluded Code = "PrefixExcluded"
	NoSuchNumber   Code = "NoSuchNumber"
	NoSuchAddress  Code = "NoSuchAddress"
	MustNotExist   Code = "MustNotExist"
)

// Hints of FieldMissing and FieldRefused.
const (
	NameCaseDiffers  Code = "NameCaseDiffers"
	ValueCaseDiffers Code = "ValueCaseDiffers"
	NoWildcard       Code = "NoWildcard"
	EventWithoutOSS  Code = "EventWithoutOSS"
	WithoutQuotes    Code = "WithoutQuotes" // a number or a word, where the event has a text
)

// What somebody should look at.
const (
	StartsItself Code = "StartsItself" // a trigger, by what its function's runs have written
	SeemsToLoop  Code = "SeemsToLoop"  // why the guard paused a trigger
	LoopStopped  Code = "LoopStopped"
	Paused       Code = "Paused"       // a trigger, that is
	QueueHeld    Code = "QueueHeld"    // its function takes no deliveries
	QueueBlocked Code = "QueueBlocked" // its function fails, and its trigger tolerates no errors
	Fault        Code = "Fault"        // an error by its name
)

// Why a delivery was given up.
const (
	AttemptsFailed Code = "AttemptsFailed"
	TooOld         Code = "TooOld"
	CameWhenPaused Code = "CameWhenPaused"
	ChainTooLong   Code = "ChainTooLong"
	GivenUp        Code = "GivenUp" // the function was not reached for long
)

// How a request would be decided.
const (
	AccountItself        Code = "AccountItself"
	UserGone             Code = "UserGone"
	RoleGone             Code = "RoleGone"
	RequestAnonymous     Code = "RequestAnonymous"
	ServiceItself        Code = "ServiceItself"
	StatementDenies      Code = "StatementDenies"
	StatementAllows      Code = "StatementAllows"
	NoPolicyAllows       Code = "NoPolicyAllows"
	SessionPolicyDenies  Code = "SessionPolicyDenies"
	SessionPolicyIsQuiet Code = "SessionPolicyIsQuiet"
)

// What a trace does not tell.
const (
	TraceTooLarge  Code = "TraceTooLarge"  // more than n nodes
	TraceTooLong   Code = "TraceTooLong"   // more than n events led there
	TraceTooDeep   Code = "TraceTooDeep"   // it goes on for more than n events
	TraceForgotten Code = "TraceForgotten" // what led there is not kept
)

// What a job waits for.
const FunctionBusy Code = "FunctionBusy"

// Known are all codes, with the names of their arguments; those with a question mark may
// be absent. An argument n decides between singular and plural.
var Known = map[Code][]string{
	TriggerDisabled:   nil,
	TriggerPaused:     {"since", "pause", "detail?"},
	OtherBucket:       {"bucket"},
	EventNotListed:    {"event", "listed"},
	PrefixWithSlash:   {"prefix"},
	KeyTooShort:       {"prefix", "key"},
	PrefixDiffers:     {"prefix", "key", "at"}, // at: the character, counted from 1
	SuffixDiffers:     {"suffix", "key"},
	FieldMissing:      {"field"},
	FieldRefused:      {"field", "values"},
	FieldOfManyValues: {"field", "values", "more"},
	NoElementMatches:  nil,

	NotEqual:       {"of", "n"},
	NotPrefix:      {"of", "n"},
	NotSuffix:      {"of", "n"},
	NotContaining:  {"of", "n"},
	Excluded:       {"of", "n"},
	PrefixExcluded: {"of", "n"},
	NoSuchNumber:   {"of", "n"},
	NoSuchAddress:  {"of", "n"},
	MustNotExist:   nil,

	NameCaseDiffers:  {"near"},
	ValueCaseDiffers: nil,
	NoWildcard:       nil,
	EventWithoutOSS:  nil,
	WithoutQuotes:    nil,

	StartsItself: {"trigger", "function", "n", "looked", "event", "object"},
	SeemsToLoop:  {"events", "principal?", "address", "key", "proofs"},
	LoopStopped:  {"function", "n", "more?", "since", "last"},
	Paused:       {"trigger", "since", "pause", "detail?"},
	QueueHeld:    {"n", "since", "fault", "message"},
	QueueBlocked: {"n", "since", "trigger", "fault"},
	Fault:        {"fault", "message"},

	AttemptsFailed: {"fault", "n"},
	TooOld:         {"seconds", "setting", "limit"},
	CameWhenPaused: {"since", "pause", "detail?"},
	ChainTooLong:   {"function", "depth", "limit"},
	GivenUp:        {"seconds", "fault", "message"},

	AccountItself:        nil,
	UserGone:             nil,
	RoleGone:             nil,
	RequestAnonymous:     nil,
	ServiceItself:        nil,
	StatementDenies:      {"policy", "statement"},
	StatementAllows:      {"policy", "statement"},
	NoPolicyAllows:       nil,
	SessionPolicyDenies:  {"statement"},
	SessionPolicyIsQuiet: nil,

	TraceTooLarge:  {"n"},
	TraceTooLong:   {"n"},
	TraceTooDeep:   {"n"},
	TraceForgotten: nil,

	FunctionBusy: {"n"},
}

// Check says what is wrong with a reason, so that a page could not tell it: its code is
// unknown, or it has other arguments than Known says.
func (w *Why) Check() error {
	if w == nil {
		return nil
	}
	names, ok := Known[w.Code]
	if !ok {
		return fmt.Errorf("the reason %q is not known", w.Code)
	}
	left := len(w.Args)
	for _, n := range names {
		name, optional := n, n[len(n)-1] == '?'
		if optional {
			name = n[:len(n)-1]
		}
		if _, ok := w.Args[name]; ok {
			left--
		} else if !optional {
			return fmt.Errorf("%s has no %s", w.Code, name)
		}
	}
	if left > 0 {
		return fmt.Errorf("%s has more than %v: %v", w.Code, names, w.Args)
	}
	for i := range w.Parts {
		if err := w.Parts[i].Check(); err != nil {
			return err
		}
	}
	return w.Hint.Check()
}
