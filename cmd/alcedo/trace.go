package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/spf13/cobra"
)

func traceCommand() *cobra.Command {
	var event, run string
	var depth, fan int
	c := &cobra.Command{
		Use:   "trace BUCKET/KEY",
		Short: "Show what led to an object, and what it caused",
		Long: `Show the chain of events and runs that led to an object's latest event, and the tree of runs
and objects that this one caused. The object need not be there any more. The line that was
asked for is marked.

  alcedo trace testbucket/processed/a.png
  alcedo trace --event 3f2a
  alcedo trace --run 1-65a0c3f2-1f0e9d8c-0123456789ab`,
		Args: cobra.MaximumNArgs(1),
	}
	c.Flags().StringVar(&event, "event", "", "begin at the event with this id")
	c.Flags().StringVar(&run, "run", "", "begin at the run with this request id")
	c.Flags().IntVar(&depth, "depth", 16, "how many events to follow each way, at most 64")
	c.Flags().IntVar(&fan, "fan", 10, "how many runs of an event, and objects of a run, to show; the rest is counted; at most 100")
	var q url.Values
	return checked(c, func(args []string) error {
		q = url.Values{"depth": {strconv.Itoa(depth)}, "fan": {strconv.Itoa(fan)}}
		if len(args) == 1 {
			bucket, key, ok := strings.Cut(strings.TrimPrefix(args[0], "oss://"), "/")
			if !ok || key == "" {
				return fmt.Errorf("%q is not BUCKET/KEY", args[0])
			}
			q.Set("bucket", bucket)
			q.Set("key", key)
		}
		if event != "" {
			q.Set("event", event)
		}
		if run != "" {
			q.Set("run", run)
		}
		if n := len(args); n == 1 && (event != "" || run != "") || n == 0 && (event == "") == (run == "") {
			return errors.New("a trace begins at one thing: BUCKET/KEY, --event or --run")
		}
		return nil
	}, func(x *call) error {
		t, err := get[*history.Trace](x, "/api/trace", q)
		if err != nil || x.output == "json" {
			return tell(x, t, err, nil)
		}
		_, err = io.WriteString(x.OutOrStdout(), drawTrace(t, colours(x.OutOrStdout())))
		return err
	})
}

// colours returns whether a writer is a terminal whose reader has nothing against colours.
func colours(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	i, err := f.Stat()
	return err == nil && i.Mode()&os.ModeCharDevice != 0
}

// Colours of a terminal (SGR).
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// painter colours text, or not.
type painter bool

func (p painter) paint(sgr, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

func drawTrace(t *history.Trace, colour bool) string {
	p := painter(colour)
	kids := map[string][]*history.Node{}
	edges := map[string]history.Edge{}
	for _, n := range t.Nodes {
		kids[n.Parent] = append(kids[n.Parent], n)
	}
	for _, e := range t.Edges {
		edges[e.To] = e
	}
	var b strings.Builder
	var draw func(n *history.Node, head, rest string)
	draw = func(n *history.Node, head, rest string) {
		lines := p.node(n, edges[n.ID])
		mark := ""
		if n.ID == t.Focus {
			mark = p.paint(bold, "  ◀")
		}
		fmt.Fprintf(&b, "%s%s%s\n", p.paint(dim, head), lines[0], mark)
		under := kids[n.ID]
		for _, l := range lines[1:] {
			bar := "  "
			if len(under) > 0 {
				bar = "│ "
			}
			fmt.Fprintf(&b, "%s%s\n", p.paint(dim, rest+bar), p.paint(dim, l))
		}
		for i, k := range under {
			if i < len(under)-1 {
				draw(k, rest+"├─ ", rest+"│  ")
			} else {
				draw(k, rest+"└─ ", rest+"   ")
			}
		}
	}
	for _, n := range kids[""] {
		draw(n, "", "")
	}
	for _, c := range t.Cut {
		b.WriteString(p.paint(yellow, c.Message) + "\n")
	}
	return b.String()
}

// node says what a node is: a line, and what is less important.
func (p painter) node(n *history.Node, e history.Edge) []string {
	_, id, _ := strings.Cut(n.ID, ":")
	switch {
	case n.Hidden:
		return []string{"(" + what(n.Kind) + " that you may not see)"}
	case n.Missing:
		return []string{what(n.Kind) + " " + id + " (not kept any more)"}
	case n.Event != nil:
		x := n.Event
		name := string(x.Type)
		if x.Mark != "" {
			name = x.Mark + " of"
		}
		_, short, ok := strings.Cut(name, ":")
		if !ok {
			short = name
		}
		who := "event " + x.ID
		if x.By == nil && x.PrincipalID != "" {
			who += ", request " + x.RequestID + " by " + x.PrincipalID + " from " + x.SourceIP
		}
		return []string{
			fmt.Sprintf("● %s %s  %s  %s", short, p.paint(bold, object(x)), bytesOf(x.Size), x.Time.Local().Format(clock)),
			who,
		}
	case n.Run != nil:
		return p.run(n.Run, e)
	}
	count := fmt.Sprint(n.Count)
	if n.Count >= 1000 {
		count = "at least 1000"
	}
	s := "s"
	if n.Count == 1 {
		s = ""
	}
	return []string{fmt.Sprintf("… %s more %s%s", count, what(n.Of), s)}
}

func what(kind string) string {
	if kind == history.NodeEvent {
		return "event"
	}
	return "run"
}

func (p painter) run(x *history.Owed, e history.Edge) []string {
	colour := yellow
	switch x.State {
	case delivery.Succeeded:
		colour = green
	case delivery.Failed, delivery.Expired, delivery.Invalid:
		colour = red
	}
	line := fmt.Sprintf("▶ %s  %s%s", p.paint(bold, x.Function), p.paint(colour, x.State), p.paint(dim, runTimes(x)))
	id := "run " + x.RequestID
	switch {
	case e.Kind == history.EdgeCalled:
		id += ", called by the run above"
	case x.Trigger != "":
		id += ", trigger " + x.Trigger
	}
	mark := x.Mark
	if mark == "" {
		mark = e.Mark
	}
	if mark != "" {
		line += "  " + p.paint(yellow, mark)
	}
	if x.Last != nil {
		id += ", " + time.UnixMicro(x.Last.Start).Format(clock)
	}
	return []string{line, id}
}

// runState says how a run went, in words.
func runState(x *history.Owed) string {
	s := x.State + runTimes(x)
	if x.Mark != "" {
		s += "  " + x.Mark
	}
	return s
}

func runTimes(x *history.Owed) string {
	s := ""
	if x.Reason != "" {
		s += "  " + x.Reason
	}
	if x.Attempts > 1 {
		s += fmt.Sprintf("  %d attempts", x.Attempts)
	}
	if l := x.Last; l != nil {
		if l.Cold {
			s += "  cold, started in " + short(l.Init)
		} else if l.Fault == "" {
			s += "  warm"
		}
		if l.Fault == "" {
			s += "  ran " + short(l.Duration)
		}
		if l.ErrorType != "" && l.ErrorType != x.Reason {
			s += "  " + l.ErrorType
		}
	}
	return s
}
