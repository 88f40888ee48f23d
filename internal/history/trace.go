package history

import (
	"context"

	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/reason"
)

// TraceQuery says where a trace begins: at an event, at a run, or at the latest event of
// an object (which need not be there any more). Zero bounds get the defaults named.
type TraceQuery struct {
	Bucket, Key string
	Event       string // its id
	Run         string // its request id

	Up    int // events on the way up; default 32
	Down  int // events on the way down; default 16
	Fan   int // what one event or run caused, of which this many are told of; default 10
	Nodes int // in all; default 200

	// May… say what the caller may see; nil: everything. What it may not see is a hidden
	// node, and nothing behind it is told.
	MayEvent    func(bucket, key string) bool
	MayFunction func(name string) bool
}

// Kinds of nodes.
const (
	NodeEvent = "event"
	NodeRun   = "run"
	NodeMore  = "more" // further siblings, counted only
)

// Node is a thing in a trace. Every node but the root has one parent, so nodes are a tree;
// parents stand before their children, and children in their order.
type Node struct {
	ID     string `json:"id"` // "event:3f2a", "run:1-…", "more:…"; unique in the trace
	Kind   string `json:"kind"`
	Parent string `json:"parent,omitempty"`
	Level  int    `json:"level"` // 0 is the focus; what led to it is negative
	Event  *Info  `json:"event,omitempty"`
	Run    *Owed  `json:"run,omitempty"`

	Count   int    `json:"count,omitempty"`   // of NodeMore: how many; 1000 stands for that many or more
	Of      string `json:"of,omitempty"`      // of NodeMore: the kind of what was counted
	Missing bool   `json:"missing,omitempty"` // it is not kept any more, or not yet: only its id is known
	Hidden  bool   `json:"hidden,omitempty"`  // the caller may not see it
}

// Kinds of edges.
const (
	EdgeOwes   = "owes"   // event → run
	EdgeWrote  = "wrote"  // run → event
	EdgeCalled = "called" // run → run, through the API or as a destination
)

// Edge is a cause and its effect.
type Edge struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Kind    string `json:"kind"`
	Trigger string `json:"trigger,omitempty"`
	Mark    string `json:"mark,omitempty"` // delivery.Mark…
}

// Trace is the chain that led to something, and the tree that it caused.
type Trace struct {
	Focus string  `json:"focus"` // id of the node that was asked for
	Root  string  `json:"root"`  // id of the first node
	Nodes []*Node `json:"nodes"`
	Edges []Edge  `json:"edges"`
	Cut   []Cut   `json:"cut,omitempty"`
}

// Cut is what of a trace is not told.
type Cut struct {
	Message string      `json:"message"` // a sentence
	Why     *reason.Why `json:"why"`     // what it says
}

func nodeID(kind, id string) string { return kind + ":" + id }

// Trace returns what led to something and what it caused; EventNotFound or RunNotFound if
// nothing is known of it. Its work is bounded by the query's bounds.
func (s *Store) Trace(ctx context.Context, q TraceQuery) (*Trace, error) {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&q.Up, 32)
	def(&q.Down, 16)
	def(&q.Fan, 10)
	def(&q.Nodes, 200)
	if q.MayEvent == nil {
		q.MayEvent = func(_, _ string) bool { return true }
	}
	if q.MayFunction == nil {
		q.MayFunction = func(string) bool { return true }
	}
	var t *tracer
	err := s.kv.View(ctx, func(r kv.Reader) error {
		t = &tracer{s: s, r: r, q: q, known: map[string]bool{}}
		return t.trace(ctx)
	})
	if err != nil {
		return nil, err
	}
	return &t.Trace, nil
}
