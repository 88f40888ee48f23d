package history

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/reason"
	"github.com/alcedo-storage/alcedo/internal/run"
)

// sketch draws a trace in one line per node.
func sketch(tr *Trace) string {
	kids := map[string][]*Node{}
	marks := map[string]string{}
	for _, n := range tr.Nodes {
		kids[n.Parent] = append(kids[n.Parent], n)
	}
	for _, e := range tr.Edges {
		marks[e.To] = e.Kind
	}
	var b strings.Builder
	var draw func(n *Node, depth int)
	draw = func(n *Node, depth int) {
		fmt.Fprintf(&b, "%s%s ", strings.Repeat(" ", depth), marks[n.ID])
		switch {
		case n.Hidden:
			b.WriteString("hidden " + n.Kind)
		case n.Missing:
			b.WriteString("missing " + n.Kind)
		case n.Event != nil:
			b.WriteString(n.Event.Bucket + "/" + n.Event.Key)
		case n.Run != nil:
			fmt.Fprintf(&b, "%s %s %s", n.Run.Function, n.Run.RequestID, n.Run.State)
		default:
			fmt.Fprintf(&b, "%d more %s", n.Count, n.Of)
		}
		fmt.Fprintf(&b, " %d", n.Level)
		if n.ID == tr.Focus {
			b.WriteString(" <")
		}
		b.WriteString("\n")
		for _, k := range kids[n.ID] {
			draw(k, depth+1)
		}
	}
	for _, n := range kids[""] {
		draw(n, 0)
	}
	return strings.TrimSpace(b.String())
}

// chain makes: an upload of in/a → f r1 → out/a, out/b → g r2 (of out/a) → idx/a, and g r2
// calls h r3, which writes log/a.
func chain(j *journal) map[string]string {
	now := j.o.Now()
	ids := map[string]string{}
	ids["in/a"] = j.event(put("b", "in/a", now, nil), owe("f", "r1"))
	l1 := lineage.Next(nil, "r1", "f", "t-f", ids["in/a"])
	ids["out/a"] = j.event(put("b", "out/a", now, l1), owe("g", "r2"))
	ids["out/b"] = j.event(put("b", "out/b", now, l1))
	l2 := lineage.Next(l1, "r2", "g", "t-g", ids["out/a"])
	ids["idx/a"] = j.event(put("c", "idx/a", now, l2))
	l3 := lineage.Next(l2, "r3", "h", "", "")
	ids["log/a"] = j.event(put("b", "log/a", now, l3))
	j.ran(&run.Record{RequestID: "r1", Function: "f", Lineage: l1, EventID: ids["in/a"], Cold: true, Duration: 1500 * time.Microsecond})
	j.ran(&run.Record{RequestID: "r2", Function: "g", Lineage: l2, EventID: ids["out/a"]})
	j.ran(&run.Record{RequestID: "r3", Function: "h", Lineage: l3, Kind: run.Sync})
	j.over("f", "r1", delivery.Succeeded)
	return ids
}

func TestTrace(t *testing.T) {
	j := newJournal(t, Options{})
	ids := chain(j)
	for _, c := range []struct {
		name string
		q    TraceQuery
		want string
	}{
		{"from the root", TraceQuery{Bucket: "b", Key: "in/a"}, `
b/in/a 0 <
 owes f r1 Succeeded 1
  wrote b/out/a 2
   owes g r2 Succeeded 3
    wrote c/idx/a 4
    called h r3 Succeeded 4
     wrote b/log/a 5
  wrote b/out/b 2`},
		{"from the middle", TraceQuery{Event: ids["out/a"]}, `
b/in/a -2
 owes f r1 Succeeded -1
  wrote b/out/a 0 <
   owes g r2 Succeeded 1
    wrote c/idx/a 2
    called h r3 Succeeded 2
     wrote b/log/a 3
  wrote 1 more event 0`},
		{"from a run", TraceQuery{Run: "r2"}, `
b/in/a -3
 owes f r1 Succeeded -2
  wrote b/out/a -1
   owes g r2 Succeeded 0 <
    wrote c/idx/a 1
    called h r3 Succeeded 1
     wrote b/log/a 2
  wrote 1 more event -1`},
		{"from what a called run wrote", TraceQuery{Bucket: "b", Key: "log/a"}, `
b/in/a -5
 owes f r1 Succeeded -4
  wrote b/out/a -3
   owes g r2 Succeeded -2
    called h r3 Succeeded -1
     wrote b/log/a 0 <
    wrote 1 more event -1
  wrote 1 more event -3`},
		{"what the caller may not see hides what is behind it", TraceQuery{Bucket: "b", Key: "out/a", MayFunction: func(f string) bool { return f != "g" }, MayEvent: func(b, _ string) bool { return b != "c" }}, `
b/in/a -2
 owes f r1 Succeeded -1
  wrote b/out/a 0 <
   owes hidden run 1
  wrote 1 more event 0`},
		{"an event hides its runs", TraceQuery{Bucket: "b", Key: "in/a", MayEvent: func(_, k string) bool { return k != "out/a" }}, `
b/in/a 0 <
 owes f r1 Succeeded 1
  wrote hidden event 2
  wrote b/out/b 2`},
		{"on the way up too", TraceQuery{Bucket: "c", Key: "idx/a", MayFunction: func(f string) bool { return f != "f" }}, `
hidden run -3
 wrote b/out/a -2
  owes g r2 Succeeded -1
   wrote c/idx/a 0 <`},
		{"few nodes", TraceQuery{Bucket: "b", Key: "in/a", Nodes: 3}, `
b/in/a 0 <
 owes f r1 Succeeded 1
  wrote b/out/a 2`},
		{"one of each", TraceQuery{Bucket: "b", Key: "in/a", Fan: 1, Down: 1}, `
b/in/a 0 <
 owes f r1 Succeeded 1
  wrote b/out/a 2
  wrote 1 more event 2`},
	} {
		tr, err := j.Trace(t.Context(), c.q)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := sketch(tr); got != strings.TrimSpace(c.want) {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, strings.TrimSpace(c.want))
		}
		if cut := c.q.Nodes == 3 || c.q.Down == 1; cut != (len(tr.Cut) > 0) {
			t.Errorf("%s: cut %+v", c.name, tr.Cut)
		}
		for _, cut := range tr.Cut {
			if err := cut.Why.Check(); err != nil || cut.Message == "" {
				t.Errorf("%s: %q, %v", c.name, cut.Message, err)
			}
		}
		if len(tr.Edges) != len(tr.Nodes)-1 {
			t.Errorf("%s: %d edges for %d nodes", c.name, len(tr.Edges), len(tr.Nodes))
		}
		if b, err := json.Marshal(tr); err != nil || strings.Contains(c.name, "may not see") && strings.Contains(string(b), "idx") {
			t.Errorf("%s: %s, %v", c.name, b, err)
		}
	}
	for q, reason := range map[TraceKey]fault.Reason{{key: "gone"}: "EventNotFound", {event: "ff"}: "EventNotFound", {event: "x"}: "InvalidArgument", {run: "r9"}: "RunNotFound"} {
		_, err := j.Trace(t.Context(), TraceQuery{Bucket: "b", Key: q.key, Event: q.event, Run: q.run})
		if !fault.Is(err, reason) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

type TraceKey struct{ key, event, run string }

// The way up ends where the history does.
func TestTraceOfWhatIsForgotten(t *testing.T) {
	j := newJournal(t, Options{})
	l := lineage.Next(nil, "r1", "f", "t", "3")
	j.update(func(tx kv.Txn) { tx.SetSequenced([]byte("x/"), nil, nil) })
	j.event(put("b", "k", time.Now(), l))
	tr, err := j.Trace(t.Context(), TraceQuery{Bucket: "b", Key: "k"})
	want := "missing event -2\n owes f r1 Running -1\n  wrote b/k 0 <"
	if err != nil || sketch(tr) != want || len(tr.Cut) != 1 || tr.Cut[0].Why.Code != reason.TraceForgotten || tr.Cut[0].Why.Check() != nil {
		t.Errorf("%v\n%s", err, sketch(tr))
	}
}

func TestTraceOfMany(t *testing.T) {
	j := newJournal(t, Options{})
	l := lineage.Next(nil, "r1", "f", "t", j.event(put("b", "in", time.Now(), nil), owe("f", "r1")))
	for i := range 1500 {
		j.event(put("b", fmt.Sprintf("out/%04d", i), time.Now(), l))
	}
	tr, err := j.Trace(t.Context(), TraceQuery{Bucket: "b", Key: "in", Fan: 2})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := sketch(tr), "b/in 0 <\n owes f r1 Running 1\n  wrote b/out/0000 2\n  wrote b/out/0001 2\n  wrote 1000 more event 2"; got != want {
		t.Error(got)
	}
	// A chain that is longer than what is told of it.
	var last string
	for i := range 40 {
		id := j.event(put("b", fmt.Sprint("c/", i), time.Now(), l))
		l, last = lineage.Next(l, fmt.Sprint("c", i), "f", "t", id), id
	}
	tr, err = j.Trace(t.Context(), TraceQuery{Event: last, Up: 4})
	if err != nil || len(tr.Cut) != 1 || tr.Nodes[0].Level != -8 {
		t.Errorf("%v, %+v", err, tr)
	}
}
