// Package pattern is EventBridge's event pattern language.
package pattern

import (
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
)

// Pattern is one parsed event pattern.
type Pattern struct{}

// Parse reads a pattern. A pattern that breaks a rule is a *fault.Error (Invalid, or TooLarge).
func Parse(text []byte) (*Pattern, error) { return &Pattern{}, nil }

// String is the pattern's canonical text.
func (p *Pattern) String() string { return "{}" }

// Match reports whether the event is what the pattern asks for.
func (p *Pattern) Match(e *Event) bool { return p.Explain(e) == "" }

// Explain says in a sentence why the event does not match; empty if it does.
func (p *Pattern) Explain(e *Event) string { return "" }

// Event is one event, laid out for matching. The zero Event is empty and can be filled with Load.
type Event struct{}

// ParseEvent reads an event's JSON.
func ParseEvent(text []byte) (*Event, error) { return &Event{}, nil }

// FromRecord is ParseEvent(r.AppendCloud(nil, published)) without the JSON between.
func FromRecord(r *event.Record, published time.Time) *Event { return &Event{} }

// Load makes e what FromRecord returns, reusing e's memory. r must not change until Reset.
func (e *Event) Load(r *event.Record, published time.Time) {}

// Reset empties e, keeping its memory, so that it can go back to a pool.
func (e *Event) Reset() {}

// Set is many patterns, compiled to be matched at once. It is immutable and safe for
// concurrent use.
type Set struct{ patterns []*Pattern }

// NewSet compiles patterns; their positions are the numbers that Match reports.
func NewSet(patterns []*Pattern) *Set { return &Set{patterns} }

// Match calls hit once, in no particular order, with the number of every pattern that matches.
func (s *Set) Match(e *Event, hit func(i int)) {
	for i, p := range s.patterns {
		if p.Match(e) {
			hit(i)
		}
	}
}
