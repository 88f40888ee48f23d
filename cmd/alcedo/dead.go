package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/api/console"
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

// read reads the times of the flags, as a check of a command.
func (d *deadFilter) read([]string) (err error) {
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

func deadList() *cobra.Command {
	var d deadFilter
	var limit int
	c := &cobra.Command{Use: "list", Short: "List dead letters, the latest first", Args: cobra.NoArgs}
	d.add(c)
	c.Flags().IntVar(&limit, "limit", 50, "how many at the most; 0: all")
	return checked(c, d.read, func(x *call) error {
		most := limit
		if most <= 0 {
			most = math.MaxInt
		}
		all, more, err := pages(x, "/api/dead", d.query(), most, func(p *console.DeadPage) ([]console.DeadLetter, string, bool) {
			return p.Dead, p.Next, p.Next != ""
		})
		return tell(x, all, err, func(w io.Writer, all []console.DeadLetter) {
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
	})
}

func deadShow() *cobra.Command {
	return talking(&cobra.Command{
		Use:   "show ID",
		Short: "Show a dead letter: the event, why, every attempt, the chain",
		Args:  cobra.ExactArgs(1),
	}, func(x *call) error {
		letter, err := get[console.DeadLetter](x, "/api/dead/"+url.PathEscape(x.args[0]), nil)
		return tell(x, letter, err, showDead)
	})
}

func showDead(w io.Writer, d console.DeadLetter) {
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
}

// deadChange is the command that redrives or deletes.
func deadChange(verb, done, short, what string) *cobra.Command {
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
	d.add(c)
	c.Flags().BoolVar(&all, "all", false, "every dead letter that there is")
	check := func(ids []string) error {
		if err := d.read(ids); err != nil {
			return err
		}
		chosen := len(d.query()) > 0
		switch {
		case len(ids) > 0 && (chosen || all):
			return errors.New("give either ids, or flags that choose")
		case len(ids) == 0 && !chosen && !all:
			return fmt.Errorf("say which: ids, flags that choose (--function …), or --all for every one")
		case chosen && all:
			return errors.New("--all is every dead letter: leave the other flags out, or --all")
		}
		return nil
	}
	return checked(c, check, func(x *call) error {
		n, err := eachDead(x, verb, d.DeadFilter, newProgress(x.ErrOrStderr(), x.output, done))
		if err != nil && n == 0 {
			return err
		}
		said := tell(x, map[string]int{done: n}, nil, func(w io.Writer, _ map[string]int) { fmt.Fprintf(w, "%s %d\n", done, n) })
		if said != nil {
			return said
		}
		return err
	})
}

// eachDead has the server redrive or delete the dead letters that the arguments name, or
// else those that the filter chooses; n is how many it did, of which there are some even
// with an error.
func eachDead(x *call, verb string, filter console.DeadFilter, p *progress) (n int, err error) {
	const batch = 500
	path := "/api/dead/" + verb
	for ids := x.args; len(ids) > 0; {
		some := ids[:min(batch, len(ids))]
		ids = ids[len(some):]
		out, err := ask[console.DeadResult](x, "POST", path, console.DeadOrder{IDs: some})
		if err != nil {
			return n, err
		}
		if n += out.Count; len(ids) == 0 {
			return n, nil
		}
	}
	defer p.end()
	order := console.DeadOrder{Filter: &filter, Batch: batch}
	for {
		out, err := ask[console.DeadResult](x, "POST", path, order)
		if err != nil {
			return n, err
		}
		if n += out.Count; !out.More {
			return n, nil
		}
		p.count(n)
		order.After, order.Before = out.After, out.Before
	}
}
