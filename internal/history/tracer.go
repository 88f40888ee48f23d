package history

import (
	"context"
	"slices"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/reason"
)

// tracer builds one trace on one snapshot.
type tracer struct {
	Trace
	s     *Store
	r     kv.Reader
	q     TraceQuery
	known map[string]bool
}

// link is a node with what is needed to go on from it.
type link struct {
	node  *Node
	edge  Edge // from its parent; From and To are filled in later
	event *Event
	run   string // request id
	fn    string // function of the run
}

func (t *tracer) trace(ctx context.Context) error {
	focus, err := t.focus()
	if err != nil {
		return err
	}
	up, err := t.up(focus)
	if err != nil {
		return err
	}
	t.Focus = focus.node.ID
	slices.Reverse(up) // the root first
	t.Root = up[0].node.ID
	for i, l := range up {
		l.node.Level = i - (len(up) - 1)
		var parent *Node
		if i > 0 {
			parent = up[i-1].node
		}
		t.add(parent, l)
	}
	for i, l := range up[:len(up)-1] {
		if err := t.siblings(l, up[i+1]); err != nil {
			return err
		}
	}
	if err := t.down(ctx, focus); err != nil {
		return err
	}
	t.begun()
	return nil
}

// begun corrects the states of runs that are known to have begun only by what they wrote:
// they are under way, or were just over.
func (t *tracer) begun() {
	runs := map[string]*Owed{}
	for _, n := range t.Nodes {
		if n.Run != nil && n.Run.State == delivery.Enqueued {
			runs[n.ID] = n.Run
		}
	}
	for _, e := range t.Edges {
		if x := runs[e.From]; x != nil {
			x.State, x.Attempts = delivery.Running, max(1, x.Attempts)
		}
	}
}

// add puts a node into the trace; false if it is there already, or there is no room.
func (t *tracer) add(parent *Node, l *link) bool {
	if t.known[l.node.ID] {
		return false
	}
	if parent != nil && l.node.Level > 0 && len(t.Nodes) >= t.q.Nodes {
		t.say(reason.New(reason.TraceTooLarge, reason.Args{"n": t.q.Nodes}, "Only the first %d nodes are told of.", t.q.Nodes))
		return false
	}
	t.known[l.node.ID] = true
	t.Nodes = append(t.Nodes, l.node)
	if parent != nil {
		l.node.Parent = parent.ID
		l.edge.From, l.edge.To = parent.ID, l.node.ID
		t.Edges = append(t.Edges, l.edge)
	}
	return true
}

// say tells once that something is not told.
func (t *tracer) say(why *reason.Why) {
	if !slices.ContainsFunc(t.Cut, func(c Cut) bool { return c.Why.Code == why.Code }) {
		t.Cut = append(t.Cut, Cut{why.String(), why})
	}
}

// focus finds what was asked for.
func (t *tracer) focus() (*link, error) {
	switch {
	case t.q.Run != "":
		o := delivery.Owed{RequestID: t.q.Run}
		var err error
		if o.Function, err = functionOf(t.r, t.q.Run); err != nil {
			return nil, err
		}
		if o.Function == "" {
			return nil, fault.New(fault.NotFound, "RunNotFound", "No run with request id '%s' is known.", t.q.Run)
		}
		return t.run(o)
	case t.q.Event != "":
		e, err := find(t.r, t.q.Event, "")
		if err == nil && e == nil {
			err = eventNotFound(t.q.Event)
		}
		if err != nil {
			return nil, err
		}
		return t.event(e), nil
	}
	var e *Event
	prefix := ofKey(t.q.Bucket, t.q.Key)
	rg := kv.Prefix(prefix)
	rg.Reverse = true
	err := t.r.Scan(rg, func(k, _ []byte) (err error) {
		if e, err = get(t.r, k[len(prefix):]); err != nil || e == nil {
			return err
		}
		return kv.Stop
	})
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, fault.New(fault.NotFound, "EventNotFound", "No event of '%s' in bucket '%s' is known.", t.q.Key, t.q.Bucket).
			WithHint("The key must be whole. Events are kept for a time and up to a size: see `alcedo serve --help`.")
	}
	return t.event(e), nil
}

func (t *tracer) event(e *Event) *link {
	l := &link{node: &Node{ID: nodeID(NodeEvent, e.ID), Kind: NodeEvent}, event: e, edge: Edge{Kind: EdgeWrote}}
	if !t.q.MayEvent(e.Record.Bucket, e.Record.Key) {
		l.node.Hidden, l.event = true, nil
		return l
	}
	info := e.Info()
	l.node.Event = &info
	return l
}

func (t *tracer) run(o delivery.Owed) (*link, error) {
	l := &link{
		node: &Node{ID: nodeID(NodeRun, o.RequestID), Kind: NodeRun}, run: o.RequestID, fn: o.Function,
		edge: Edge{Kind: EdgeOwes, Trigger: o.Trigger, Mark: o.Mark},
	}
	if !t.q.MayFunction(o.Function) {
		l.node.Hidden, l.run = true, ""
		return l, nil
	}
	x, err := t.s.state(t.r, o)
	if err != nil {
		return nil, err
	}
	if x.Last != nil {
		if x.Qualifier == "" {
			x.Qualifier = x.Last.Qualifier
		}
		if x.Trigger == "" {
			x.Trigger = x.Last.Trigger
		}
		if x.Mark == "" {
			x.Mark = x.Last.Mark
		}
	}
	l.node.Run = x
	return l, nil
}

// up returns the chain from a link to its root, the link first.
func (t *tracer) up(focus *link) ([]*link, error) {
	chain := []*link{focus}
	at := focus
	var by *lineage.Lineage // of the run at, where its event told
	for range 2 * t.q.Up {
		var next *link
		var err error
		switch {
		case at.event != nil:
			if by = at.event.Record.Origin.Lineage; by == nil {
				return chain, nil
			}
			next, err = t.run(delivery.Owed{RequestID: by.Run, Function: by.Function, Trigger: by.Trigger})
			at.edge = Edge{Kind: EdgeWrote}
		case at.run != "":
			if by == nil || by.Run != at.run {
				by = nil
				if x := at.node.Run; x != nil && x.Last != nil {
					by = x.Last.Lineage
				}
			}
			next, err = t.cause(at, by)
			by = nil
		}
		if err != nil || next == nil {
			return chain, err
		}
		chain = append(chain, next)
		at = next
	}
	t.say(reason.New(reason.TraceTooLong, reason.Args{"n": t.q.Up}, "More than %d events led to it; the first of them are not told of.", t.q.Up))
	return chain, nil
}

// cause finds what a run was started by: an event, a run, or nothing that is known (nil).
func (t *tracer) cause(at *link, by *lineage.Lineage) (*link, error) {
	mark := ""
	if x := at.node.Run; x != nil {
		mark = x.Mark
	}
	if by == nil || by.Event == "" {
		// An object may stand for the event that it had not.
		var e *Event
		prefix := standsFor(at.run)
		err := t.r.Scan(kv.Prefix(prefix), func(k, _ []byte) (err error) {
			e, err = get(t.r, k[len(prefix):])
			return stopOr(err)
		})
		if err != nil {
			return nil, err
		}
		if e != nil {
			at.edge = Edge{Kind: EdgeOwes, Trigger: at.edge.Trigger, Mark: e.Mark}
			return t.event(e), nil
		}
	}
	switch {
	case by == nil:
		return nil, nil
	case by.Event != "":
		e, err := find(t.r, by.Event, by.Run)
		if err != nil && !fault.Is(err, "InvalidArgument") {
			return nil, err
		}
		at.edge = Edge{Kind: EdgeOwes, Trigger: by.Trigger, Mark: mark}
		if e == nil {
			t.say(reason.New(reason.TraceForgotten, nil, "Some of what led to it is not kept any more."))
			return &link{node: &Node{ID: nodeID(NodeEvent, by.Event), Kind: NodeEvent, Missing: true}}, nil
		}
		return t.event(e), nil
	case len(by.Chain) > 0:
		at.edge = Edge{Kind: EdgeCalled}
		o := delivery.Owed{RequestID: by.Chain[len(by.Chain)-1]}
		var err error
		if o.Function, err = functionOf(t.r, o.RequestID); err != nil {
			return nil, err
		}
		if o.Function == "" {
			t.say(reason.New(reason.TraceForgotten, nil, "Some of what led to it is not kept any more."))
			return &link{node: &Node{ID: nodeID(NodeRun, o.RequestID), Kind: NodeRun, Missing: true}}, nil
		}
		return t.run(o)
	}
	return nil, nil
}

// siblings counts what a link on the way up caused beside the next one.
func (t *tracer) siblings(l, next *link) error {
	n, of := 0, NodeRun
	switch {
	case l.event != nil:
		list, err := owed(t.r, l.event)
		if err != nil {
			return err
		}
		n = len(list) - 1
	case l.run != "":
		of = NodeEvent
		_, others, err := caused(t.r, l.fn, l.run, 0)
		if err != nil {
			return err
		}
		if n = others; next.node.Kind == NodeEvent {
			n--
		}
	}
	t.more(l.node, n, of)
	return nil
}

func (t *tracer) more(parent *Node, n int, of string) {
	if n <= 0 {
		return
	}
	kind := EdgeOwes
	if of == NodeEvent {
		kind = EdgeWrote
	} else if parent.Kind == NodeRun {
		kind = EdgeCalled
	}
	l := &link{node: &Node{ID: nodeID(NodeMore, of+":"+parent.ID), Kind: NodeMore, Level: parent.Level + 1, Count: n, Of: of}, edge: Edge{Kind: kind}}
	t.known[l.node.ID] = false
	room := t.q.Nodes
	t.q.Nodes = len(t.Nodes) + 1 // what is counted always has room
	t.add(parent, l)
	t.q.Nodes = room
}

// down adds what a link caused, level by level.
func (t *tracer) down(ctx context.Context, focus *link) error {
	level := []*link{focus}
	for len(level) > 0 {
		var next []*link
		for _, l := range level {
			if err := ctx.Err(); err != nil {
				return err
			}
			children, more, calls, err := t.effects(l)
			if err != nil {
				return err
			}
			if len(children) > 0 && l.node.Level >= 2*t.q.Down {
				t.say(reason.New(reason.TraceTooDeep, reason.Args{"n": t.q.Down}, "What is more than %d events away is not told of.", t.q.Down))
				continue
			}
			for _, c := range children {
				c.node.Level = l.node.Level + 1
				if t.add(l.node, c) {
					next = append(next, c)
				} else if !t.known[c.node.ID] {
					return nil // no more room
				}
			}
			of := NodeRun
			if l.node.Kind == NodeRun {
				of = NodeEvent
			}
			t.more(l.node, more, of)
			t.more(l.node, calls, NodeRun)
		}
		level = next
	}
	return nil
}

// effects returns what a link caused, as much as is shown of it; and how many more events
// (of a run) or runs (of an event), and how many more called runs there are.
func (t *tracer) effects(l *link) (children []*link, more, calls int, err error) {
	switch {
	case l.event != nil:
		list, err := owed(t.r, l.event)
		if err != nil {
			return nil, 0, 0, err
		}
		shown := list[:min(len(list), t.q.Fan)]
		for _, o := range shown {
			c, err := t.run(o)
			if err != nil {
				return nil, 0, 0, err
			}
			children = append(children, c)
		}
		return children, len(list) - len(shown), 0, nil
	case l.run != "":
		events, others, err := caused(t.r, l.fn, l.run, t.q.Fan)
		if err != nil {
			return nil, 0, 0, err
		}
		for _, e := range events {
			children = append(children, t.event(e))
		}
		runs, others2, err := t.called(l.run)
		if err != nil {
			return nil, 0, 0, err
		}
		return append(children, runs...), others, others2, nil
	}
	return nil, 0, 0, nil
}

// called returns the runs that a run asked for. Retries of one stand together.
func (t *tracer) called(requestID string) (runs []*link, others int, err error) {
	seen := map[string]bool{}
	err = t.r.Scan(kv.Prefix(append(row.Key(tCalled, requestID), 0)), func(_, v []byte) error {
		i := slices.Index(v, 0)
		if i < 0 {
			return nil
		}
		o := delivery.Owed{Function: string(v[:i]), RequestID: string(v[i+1:])}
		switch {
		case seen[o.RequestID]:
			return nil
		case len(runs) == t.q.Fan:
			if others++; others == maxShown {
				return kv.Stop
			}
			return nil
		}
		seen[o.RequestID] = true
		c, err := t.run(o)
		if err != nil {
			return err
		}
		c.edge = Edge{Kind: EdgeCalled}
		runs = append(runs, c)
		return nil
	})
	return runs, others, err
}
