package main

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/api/console"
	"github.com/alcedo-storage/alcedo/internal/history"
	"github.com/spf13/cobra"
)

func runsCommand() *cobra.Command {
	c := &cobra.Command{Use: "runs", Short: "Show how functions ran"}
	c.AddCommand(runsList(), runsShow())
	return c
}

func runsList() *cobra.Command {
	var s span
	var limit int
	var which string
	c := &cobra.Command{
		Use:   "list FUNCTION",
		Short: "List a function's last runs, the latest first",
		Long: `List a function's last runs, the latest first. Each attempt is a run.

  alcedo runs list resize-nodejs --outcome failed --since 1h`,
		Args: cobra.ExactArgs(1),
	}
	s.add(c)
	c.Flags().IntVar(&limit, "limit", 20, "how many")
	c.Flags().StringVar(&which, "outcome", "", "ok, failed, notrun, or a type of error as HandledInvocationError")
	return talking(c, func(x *call) error {
		q := url.Values{}
		if which != "" {
			q.Set("outcome", which)
		}
		if err := s.set(q, time.Now()); err != nil {
			return err
		}
		runs, _, err := pages(x, functionPath(x.args[0], "runs"), q, limit, func(p *console.Runs) ([]*history.Run, string, bool) { return p.Runs, p.Next, p.More })
		return tell(x, runs, err, func(w io.Writer, runs []*history.Run) {
			fmt.Fprintln(w, "STARTED\tREQUEST\tKIND\tSTART\tDURATION\tBILLED\tMEMORY\tOUTCOME")
			for _, x := range runs {
				kind := x.Kind
				if x.Mark != "" {
					kind += " (" + x.Mark + ")"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d ms\t%d MB\t%s\n", time.UnixMicro(x.Start).Format(clock), x.RequestID, kind, warmth(x), short(x.Duration), x.BilledMS, x.MemoryMB, outcome(x))
			}
		})
	})
}

func runsShow() *cobra.Command {
	return talking(&cobra.Command{
		Use:   "show REQUEST",
		Short: "Show every attempt of a run, and what it printed and returned",
		Args:  cobra.ExactArgs(1),
	}, func(x *call) error {
		runs, err := get[[]console.Attempt](x, "/api/runs/"+url.PathEscape(x.args[0]), nil)
		return tell(x, runs, err, func(w io.Writer, runs []console.Attempt) {
			for i, x := range runs {
				if i > 0 {
					fmt.Fprintln(w)
				}
				showRun(w, &x)
			}
		})
	})
}

func showRun(w io.Writer, x *console.Attempt) {
	line := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	line("Run", "%s, attempt %d", x.RequestID, x.Attempt+1)
	line("Function", "%s, version %s", x.Function, x.Version)
	kind := x.Kind
	if x.Trigger != "" {
		kind += " " + x.Trigger
	}
	if x.Mark != "" {
		kind += " (" + x.Mark + ")"
	}
	line("Kind", "%s", kind)
	if x.EventID != "" {
		line("Event", "%s", x.EventID)
	}
	line("Started", "%s", time.UnixMicro(x.Start).Format(clock))
	line("Start", "%s, after %s in the queue and %s of starting", warmth(x.Run), short(x.Queued), short(x.Init))
	line("Duration", "%s, billed %d ms", short(x.Duration), x.BilledMS)
	line("Memory", "%d MB", x.MemoryMB)
	line("Outcome", "%s", outcome(x.Run))
	if x.Message != "" {
		line("", "%s", x.Message)
	}
	if x.Lineage != nil && x.Lineage.Depth > 0 {
		line("Depth", "%d", x.Lineage.Depth)
	}
	if x.Payload != "" {
		line("Returned", "%s", x.Payload)
	}
	if x.Log != "" {
		cut := ""
		if x.LogCut {
			cut = " (its end)"
		}
		fmt.Fprintf(w, "Log%s:\n%s\n", cut, strings.TrimRight(x.Log, "\n"))
	}
}

func outcome(x *history.Run) string {
	switch {
	case x.Fault != "":
		return "not run: " + x.Fault
	case x.ErrorType != "":
		return x.ErrorType
	}
	return "ok"
}

func warmth(x *history.Run) string {
	if x.Cold {
		return "cold"
	}
	return "warm"
}

// short rounds a duration to what a person looks at.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}
