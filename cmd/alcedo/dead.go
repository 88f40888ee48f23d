package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/api/console"
	"github.com/alcedo-storage/alcedo/internal/client"
	"github.com/spf13/cobra"
)

func deadCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "dead",
		Short: "Look at deliveries that were given up, run them again, delete them",
		Long: `A delivery is given up, and kept as a dead letter, when its function failed every attempt,
when it became too old, when its function is gone, when its trigger was paused, or when a
chain of runs that cause each other got too long.

  alcedo dead list --function resize-nodejs --since 1d
  alcedo dead show ID                       the event, why, every attempt, the chain
  alcedo dead redrive ID…                   run again, with no attempts behind it
  alcedo dead redrive --function resize-nodejs --reason RetriesExhausted
  alcedo dead delete --all`,
	}
	c.AddCommand(deadList(), deadShow(),
		deadChange("redrive", "redriven", "Run dead letters again", "run again, as new: with no attempts behind them, under their old request ids"),
		deadChange("delete", "deleted", "Delete dead letters for good", "deleted for good"))
	return c
}

// deadFilter are the flags that choose dead letters.
type deadFilter struct {
	console.DeadFilter
	since, until string
}

func (d *deadFilter) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&d.Function, "function", "", "only of this function")
	f.StringVar(&d.Trigger, "trigger", "", "only of this trigger")
	f.StringVar(&d.Reason, "reason", "", "only for this reason: RetriesExhausted, Expired, TriggerPaused, RecursiveInvocation, FunctionNotFound …")
	f.StringVar(&d.Bucket, "bucket", "", "only about objects of this bucket")
	f.StringVar(&d.Prefix, "prefix", "", "only about objects whose key begins with this")
	f.StringVar(&d.since, "since", "", "only given up since: 2h or 3d (ago), or a time")
	f.StringVar(&d.until, "until", "", "only given up before: likewise")
}

func (d *deadFilter) read() (err error) {
	if d.Since, err = timeFlag("since", d.since); err == nil {
		d.Until, err = timeFlag("until", d.until)
	}
	return err
}

func (d *deadFilter) query() url.Values {
	q := url.Values{}
	for name, v := range map[string]string{"function": d.Function, "trigger": d.Trigger, "reason": d.Reason, "bucket": d.Bucket, "prefix": d.Prefix} {
		if v != "" {
			q.Set(name, v)
		}
	}
	for name, t := range map[string]time.Time{"since": d.Since, "until": d.Until} {
		if !t.IsZero() {
			q.Set(name, t.Format(time.RFC3339Nano))
		}
	}
	return q
}

func local(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

func deadList() *cobra.Command {
	var r remote
	var d deadFilter
	var limit int
	c := &cobra.Command{Use: "list", Short: "List dead letters, the latest first", Args: cobra.NoArgs}
	r.add(c)
	d.add(c)
	c.Flags().IntVar(&limit, "limit", 50, "how many at the most; 0: all")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := d.read(); err != nil {
			return err
		}
		cl, err := r.client()
		if err != nil {
			return err
		}
		all := []console.DeadLetter{}
		query := d.query()
		more := false
		for {
			page := 1000
			if limit > 0 {
				page = min(page, limit-len(all))
			}
			query.Set("limit", strconv.Itoa(page))
			var p console.DeadPage
			if err := cl.Get(c.Context(), "/api/dead", query, &p); err != nil {
				return err
			}
			all = append(all, p.Dead...)
			if more = p.Next != ""; !more || limit > 0 && len(all) >= limit {
				break
			}
			query.Set("after", p.Next)
		}
		return r.print(c.OutOrStdout(), all, func(w io.Writer) {
			if len(all) == 0 {
				fmt.Fprintln(w, "no dead letters")
				return
			}
			fmt.Fprintln(w, "GIVEN UP\tREASON\tFUNCTION\tTRIGGER\tOBJECT\tID")
			for _, x := range all {
				object := "-"
				if x.Bucket != "" {
					object = x.Bucket + "/" + x.Key
				}
				trigger := x.Trigger
				if trigger == "" {
					trigger = "(" + x.Kind + ")"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", local(x.Time), x.Reason, x.Function, trigger, object, x.ID)
			}
			if more {
				fmt.Fprintf(w, "There are more: --limit 0 lists all.\n")
			}
		})
	}
	return c
}

func deadShow() *cobra.Command {
	var r remote
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show a dead letter: the event, why, every attempt, the chain",
		Args:  cobra.ExactArgs(1),
	}
	r.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		cl, err := r.client()
		if err != nil {
			return err
		}
		var d console.DeadLetter
		if err := cl.Get(c.Context(), "/api/dead/"+url.PathEscape(args[0]), nil, &d); err != nil {
			return err
		}
		return r.print(c.OutOrStdout(), d, func(w io.Writer) {
			fmt.Fprintf(w, "Dead letter\t%s\nGiven up\t%s\nReason\t%s\nWhy\t%s\nRequest\t%s\nFunction\t%s at %s\nAccepted\t%s\n", d.ID, local(d.Time), d.Reason, d.Message, d.RequestID, d.Function, d.Qualifier, local(d.Enqueued))
			if d.Trigger != "" {
				fmt.Fprintf(w, "Trigger\t%s\n", d.Trigger)
			}
			if d.Bucket != "" {
				fmt.Fprintf(w, "Object\t%s/%s\n", d.Bucket, d.Key)
			}
			if d.EventID != "" {
				fmt.Fprintf(w, "Event id\t%s\n", d.EventID)
			}
			if d.Mark != "" {
				fmt.Fprintf(w, "Made by\t%s %s\n", d.Mark, d.Job)
			}
			if len(d.Attempts) == 0 {
				fmt.Fprintln(w, "Attempts\tnone that the history knows")
			} else {
				fmt.Fprintln(w, "Attempts")
				for _, x := range d.Attempts {
					fmt.Fprintf(w, "  %s\t%s\t%s\n", local(time.UnixMicro(x.Start)), x.Duration.Round(10*time.Microsecond), outcome(x.Run))
					if x.ErrorType != "" && x.Payload != "" {
						fmt.Fprintf(w, "    %s\n", strings.ReplaceAll(x.Payload[:min(len(x.Payload), 500)], "\n", " "))
					}
				}
			}
			if len(d.Chain) > 0 {
				fmt.Fprintln(w, "Chain, the first run first")
				showChain(w, d.Chain)
			}
			fmt.Fprintf(w, "Event\n%s\n", d.Event)
		})
	}
	return c
}

// deadChange is the command that redrives or deletes.
func deadChange(verb, done, short, what string) *cobra.Command {
	var r remote
	var d deadFilter
	var all bool
	c := &cobra.Command{
		Use:   verb + " [ID…]",
		Short: short,
		Long: short + ": those named, those that the flags choose, or with --all every one. They are\n" + what + `.

  alcedo dead ` + verb + ` ID…
  alcedo dead ` + verb + ` --function resize-nodejs --since 2h
  alcedo dead ` + verb + ` --all

Those that the flags choose are taken in batches; Ctrl-C stops between two.`,
	}
	r.add(c)
	d.add(c)
	c.Flags().BoolVar(&all, "all", false, "every dead letter that there is")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := d.read(); err != nil {
			return err
		}
		chosen := len(d.query()) > 0
		switch {
		case len(args) > 0 && (chosen || all):
			return errors.New("give either ids, or flags that choose")
		case len(args) == 0 && !chosen && !all:
			return fmt.Errorf("say which: ids, flags that choose (--function …), or --all for every one")
		case chosen && all:
			return errors.New("--all is every dead letter: leave the other flags out, or --all")
		}
		cl, err := r.client()
		if err != nil {
			return err
		}
		n, err := eachDead(c.Context(), cl, verb, args, d.DeadFilter, newProgress(c.ErrOrStderr(), r.output, done))
		if err != nil && n == 0 {
			return err
		}
		if p := r.print(c.OutOrStdout(), map[string]int{done: n}, func(w io.Writer) { fmt.Fprintf(w, "%s %d\n", done, n) }); p != nil {
			return p
		}
		return err
	}
	return c
}

func eachDead(ctx context.Context, cl *client.Client, verb string, ids []string, filter console.DeadFilter, p *progress) (n int, err error) {
	const batch = 500
	for len(ids) > 0 {
		some := ids[:min(batch, len(ids))]
		ids = ids[len(some):]
		var out console.DeadResult
		if err := ask(ctx, cl, "POST", "/api/dead/"+verb, console.DeadOrder{IDs: some}, &out); err != nil {
			return n, err
		}
		if n += out.Count; len(ids) == 0 {
			return n, nil
		}
	}
	order := console.DeadOrder{Filter: &filter, Batch: batch}
	for {
		var out console.DeadResult
		if err := ask(ctx, cl, "POST", "/api/dead/"+verb, order, &out); err != nil {
			p.end()
			return n, err
		}
		n += out.Count
		if !out.More {
			p.end()
			return n, nil
		}
		p.count(n)
		order.After, order.Before = out.After, out.Before
	}
}
