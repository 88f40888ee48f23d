// Package fault is the one error shape of Alcedo's rooms.
//
// A [Error] says what kind of thing went wrong, with which operation and on which
// thing, and what to do next. Rooms below the wire never choose HTTP statuses or
// protocol codes: each protocol (api/oss, api/fc, api/sts) holds one table that maps
// a [Reason], or failing that a [Kind], to its own code, status and text.
package fault

import (
	"errors"
	"fmt"
)

// Kind is the class of a failure; it decides whether a retry can help.
type Kind uint8

const (
	Internal     Kind = iota // a bug or a broken disk; retrying may help
	Invalid                  // the request itself is wrong; retrying cannot help
	NotFound                 // the thing does not exist
	Exists                   // the thing exists already
	Denied                   // the caller may not do this
	Unauthentic              // the caller could not be identified
	Conflict                 // the thing is in a state that forbids this now
	Precondition             // a condition the caller set does not hold
	TooLarge                 // a documented size limit is exceeded
	Throttled                // too many requests; retry later
	Unavailable              // a part is not ready, the disk is full, the server drains
	Unsupported              // understood, but Alcedo does not implement it
)

var kindNames = [...]string{"internal", "invalid", "not found", "exists", "denied", "unauthentic", "conflict", "precondition", "too large", "throttled", "unavailable", "unsupported"}

func (k Kind) String() string { return kindNames[k] }

// Reason names one precise failure, in the field's own words where the protocols have
// one ("NoSuchBucket", "FunctionNotFound"). It is what wire tables switch on.
type Reason string

// Error is the error every room returns for failures it understands.
//
// Message is a whole sentence for the person who made the request; it must never hold
// a secret. Hint says what to do next and may be empty. Params carries values that a
// wire format shows in fields of their own (for example BucketName).
type Error struct {
	Kind    Kind
	Reason  Reason
	Message string
	Hint    string
	Params  map[string]string
	Err     error // the cause, shown in logs only

	said, hinted Sentence // what made Message and Hint
}

// Sentence is a text, or a part of one, and how it was made: by its format, it can be told
// in another language. Given to %s or %v it is its text. What it was filled with is not
// to be changed afterwards.
type Sentence struct {
	text, format string
	args         []any
}

// Say makes a sentence as package fmt does.
func Say(format string, args ...any) Sentence {
	return Sentence{fmt.Sprintf(format, args...), format, args}
}

// Word is a text that was not made of others: the format of its own.
func Word(text string) Sentence { return Sentence{text, text, nil} }

// String is the text.
func (s Sentence) String() string { return s.text }

// Made returns what package fmt made the text of. A text that came whole is its own format.
func (s Sentence) Made() (format string, args []any) { return s.format, s.args }

// Said returns Message and Hint, and how they were made.
func (e *Error) Said() (message, hint Sentence) {
	of := func(s Sentence, text string) Sentence {
		if s.text != text { // it was written, or changed, by other means
			return Word(text)
		}
		return s
	}
	return of(e.said, e.Message), of(e.hinted, e.Hint)
}

func (e *Error) Error() string {
	s := e.Message
	if e.Hint != "" {
		s += " " + e.Hint
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a kind and reason; format and args make its Message.
func New(k Kind, r Reason, format string, args ...any) *Error {
	said := Say(format, args...)
	return &Error{Kind: k, Reason: r, Message: said.text, said: said}
}

// WithHint returns e with the next step added.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.hinted = Say(format, args...)
	c.Hint = c.hinted.text
	return &c
}

// With returns e with a parameter added.
func (e *Error) With(name, value string) *Error {
	c := *e
	c.Params = make(map[string]string, len(e.Params)+1)
	for k, v := range e.Params {
		c.Params[k] = v
	}
	c.Params[name] = value
	return &c
}

// Because returns e with its cause set.
func (e *Error) Because(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

// As returns the first *Error in err's chain. An error that is none becomes an
// Internal one, so that callers need not handle two shapes; nil stays nil.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Internal, Reason: "InternalError", Message: "An internal error has occurred.", Err: err}
}

// Is reports whether err carries the given reason.
func Is(err error, r Reason) bool {
	var e *Error
	return errors.As(err, &e) && e.Reason == r
}

// KindOf returns the kind of err; an unknown error is Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
