// Package lineage says which run made something, and how that run came to be.
//
// Every run gets session credentials that carry its lineage, so a write made with them
// inherits it with unmodified SDKs. A chain that grows past the limit is an endless loop.
package lineage

// MaxChain bounds the hops that Chain keeps; older ones fall off its front.
const MaxChain = 32

// Lineage is one run and the chain of causes behind it. The zero Depth belongs to a run
// that a person or another system started; nil means: not made by a run at all.
type Lineage struct {
	Run      string   `cbor:"1,keyasint,omitempty" json:"run"`               // request id of the run
	Function string   `cbor:"2,keyasint,omitempty" json:"function"`          // its function's name
	Trigger  string   `cbor:"3,keyasint,omitempty" json:"trigger,omitempty"` // the trigger that started it
	Event    string   `cbor:"4,keyasint,omitempty" json:"event,omitempty"`   // id of the event that caused it
	Root     string   `cbor:"5,keyasint,omitempty" json:"root,omitempty"`    // id of the first event of the chain
	Depth    int      `cbor:"6,keyasint,omitempty" json:"depth"`             // events between Root and this run, counting both
	Chain    []string `cbor:"7,keyasint,omitempty" json:"chain,omitempty"`   // earlier runs, oldest first
}

// Next returns the lineage of a run of function, started by trigger for event, where the
// event was caused by l (nil for an outside cause).
func Next(l *Lineage, run, function, trigger, event string) *Lineage {
	n := &Lineage{Run: run, Function: function, Trigger: trigger, Event: event, Root: event, Depth: 1}
	if l != nil {
		if l.Root != "" {
			n.Root = l.Root
		}
		n.Depth = l.Depth + 1
		n.Chain = append(append(make([]string, 0, len(l.Chain)+1), l.Chain...), l.Run)
		if d := len(n.Chain) - MaxChain; d > 0 {
			n.Chain = n.Chain[d:]
		}
	}
	return n
}
