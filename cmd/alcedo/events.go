package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/api/console"
	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/spf13/cobra"
)

func eventsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "events",
		Aliases: []string{"event"},
		Short:   "Show what happened to objects, and what became of it",
	}
	c.AddCommand(eventsList(), eventsShow(), eventsTail(), eventSample())
	return c
}

// eventFilter are the flags that choose events.
type eventFilter struct {
	bucket, prefix, key, typ, outcome, function, trigger string
}

func (f *eventFilter) add(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.bucket, "bucket", "", "of this bucket")
	fl.StringVar(&f.prefix, "prefix", "", "of keys that begin so")
	fl.StringVar(&f.key, "key", "", "of exactly this key; with --bucket that is fast however many events there are")
	fl.StringVar(&f.typ, "type", "", "of this type, as ObjectCreated:PutObject, or group, as ObjectRemoved")
	fl.StringVar(&f.outcome, "outcome", "", "with a run in this state: "+strings.Join(console.States[1:], ", ")+"; or None, if no trigger matched")
	fl.StringVar(&f.function, "function", "", "that ran this function")
	fl.StringVar(&f.trigger, "trigger", "", "that this trigger matched")
}

func (f *eventFilter) query() url.Values {
	q := url.Values{}
	for name, v := range map[string]string{
		"bucket": f.bucket, "prefix": f.prefix, "key": f.key, "type": f.typ, "state": f.outcome, "function": f.function, "trigger": f.trigger,
	} {
		if v != "" {
			q.Set(name, v)
		}
	}
	return q
}

func eventsList() *cobra.Command {
	var f eventFilter
	var s span
	var limit int
	c := &cobra.Command{
		Use:   "list",
		Short: "List events, the latest first",
		Long: `List events, the latest first, with the runs that they owed and what became of those.

  alcedo events list --bucket testbucket --prefix source/ --since 1h
  alcedo events list --outcome Failed            what a person should look at
  alcedo events list --outcome None              what no trigger matched`,
		Args: cobra.NoArgs,
	}
	f.add(c)
	s.add(c)
	c.Flags().IntVar(&limit, "limit", 20, "how many")
	return talking(c, func(x *call) error {
		q := f.query()
		if err := s.set(q, time.Now()); err != nil {
			return err
		}
		list, _, err := pages(x, "/api/events", q, limit, func(p *console.Events) ([]console.Event, string, bool) { return p.Events, p.Next, p.More })
		return tell(x, list, err, func(w io.Writer, list []console.Event) {
			if len(list) == 0 {
				fmt.Fprintln(w, "no events")
				return
			}
			fmt.Fprintln(w, "TIME\tEVENT\tTYPE\tOBJECT\tSIZE\tRUNS")
			for _, e := range list {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Time.Local().Format(clock), e.ID, e.Type, object(&e.Info), bytesOf(e.Size), ranBy(&e))
			}
		})
	})
}

// ranBy says what became of the runs that an event owed, in short.
func ranBy(e *console.Event) string {
	if len(e.Owed) == 0 {
		if e.HiddenRuns > 0 {
			return "not shown to you"
		}
		return "-"
	}
	var parts []string
	for i, x := range e.Owed {
		if i == 3 {
			parts = append(parts, fmt.Sprintf("and %d more", len(e.Owed)-3))
			break
		}
		p := x.Function + " " + x.State
		if x.Mark != "" {
			p += " (" + x.Mark + ")"
		}
		parts = append(parts, p)
	}
	return strings.Join(parts, ", ")
}

func object(e *history.Info) string {
	if e.Key == "" {
		return e.Bucket
	}
	return plain(e.Bucket + "/" + e.Key)
}

// plain keeps what a key holds from doing things to a terminal.
func plain(s string) string {
	if q := strconv.Quote(s); q != `"`+s+`"` && strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return q
	}
	return s
}

func bytesOf(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f KB", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

func eventsShow() *cobra.Command {
	return talking(&cobra.Command{
		Use:   "show EVENT",
		Short: "Show one event: its runs, what they wrote, and why triggers did or did not match",
		Args:  cobra.ExactArgs(1),
	}, func(x *call) error {
		e, err := get[*console.EventDetail](x, "/api/events/"+url.PathEscape(x.args[0]), nil)
		return tell(x, e, err, showEvent)
	})
}

func showEvent(w io.Writer, e *console.EventDetail) {
	line := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	line("Event", "%s", e.ID)
	if e.Mark != "" {
		line("Mark", "%s (there was no event: the object is older than the history)", e.Mark)
	} else {
		line("Type", "%s", e.Type)
	}
	line("Time", "%s", e.Time.Local().Format(clock))
	line("Object", "%s", object(&e.Info))
	if e.Key != "" {
		line("Size", "%s (%+d)", bytesOf(e.Size), e.Delta)
	}
	if e.RequestID != "" {
		line("Request", "%s by %s from %s", e.RequestID, e.PrincipalID, e.SourceIP)
	}
	if e.By != nil {
		line("Written by", "run %s of %s", e.By.Run, e.By.Function)
	}
	for _, x := range e.Owed {
		line("Run", "%s %s %s", x.RequestID, x.Function, strings.TrimSpace(runState(x)))
	}
	if e.HiddenRuns > 0 {
		line("", "%d runs of functions that you may not see", e.HiddenRuns)
	}
	if len(e.Owed)+e.HiddenRuns == 0 {
		line("Run", "none: no trigger matched")
	}
	for i := range e.Written {
		x := &e.Written[i]
		run := ""
		if x.By != nil {
			run = " by " + x.By.Run
		}
		line("Wrote", "%s %s %s%s", x.ID, x.Type, object(x), run)
	}
	for _, m := range e.Triggers {
		if m.Fires {
			line("Trigger now", "%s of %s matches", m.Trigger, m.Function)
		} else {
			line("Trigger now", "%s of %s does not match: %s", m.Trigger, m.Function, m.Reason)
		}
	}
}

func eventsTail() *cobra.Command {
	var f eventFilter
	var begin int
	c := &cobra.Command{
		Use:   "tail",
		Short: "Show events as they come",
		Long: `Show the last events, the earliest first, and then each new one at once, until Ctrl-C. What
becomes of its runs is not known yet then: see events show and trace.`,
		Args: cobra.NoArgs,
	}
	f.add(c)
	c.Flags().IntVar(&begin, "tail", 10, "how many past events to begin with, at most 1000")
	return talking(c, func(x *call) error {
		out := x.OutOrStdout()
		show := func(e *console.Event) error {
			if x.output == "json" {
				return json.NewEncoder(out).Encode(e)
			}
			by := ""
			if e.By != nil {
				by = "  by " + e.By.Function + " " + e.By.Run
			}
			_, err := fmt.Fprintf(out, "%s  %s  %s  %s  %s%s\n", e.Time.Local().Format(clock), e.ID, e.Type, object(&e.Info), bytesOf(e.Size), by)
			return err
		}
		q := f.query()
		q.Set("limit", strconv.Itoa(max(begin, 1)))
		p, err := get[console.Events](x, "/api/events", q)
		if err != nil {
			return err
		}
		for i := min(len(p.Events), begin) - 1; i >= 0; i-- {
			if err := show(&p.Events[i]); err != nil {
				return err
			}
		}
		q.Set("limit", "1000")
		q.Set("wait", "30")
		for after := p.Head; ; after = p.Next {
			if after != "" {
				q.Set("after", after)
			}
			p, err = get[console.Events](x, "/api/events", q)
			if errors.Is(err, context.Canceled) {
				return nil // Ctrl-C
			}
			if err != nil {
				return err
			}
			for i := range p.Events {
				if err := show(&p.Events[i]); err != nil {
					return err
				}
			}
		}
	})
}
