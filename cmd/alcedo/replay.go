package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/api/console"
	"github.com/alcedo-storage/alcedo/internal/replay"
	"github.com/spf13/cobra"
)

// jobFlags are those of replay and backfill.
type jobFlags struct {
	console.JobInput
	trigger      string
	since, until string
	detach       bool
}

func (j *jobFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&j.trigger, "trigger", "", "FUNCTION/TRIGGER (required)")
	f.StringVar(&j.Prefix, "prefix", "", "only objects whose key begins with this")
	f.Float64Var(&j.Rate, "rate", replay.DefaultRate, "deliveries a second")
	f.BoolVar(&j.DryRun, "dry-run", false, "count what would be run, show the first of it, and run nothing")
	f.BoolVar(&j.detach, "detach", false, "begin the job and do not wait for it")
	if err := c.MarkFlagRequired("trigger"); err != nil {
		panic(err)
	}
}

// command makes c the command that begins such a job.
func (j *jobFlags) command(c *cobra.Command) *cobra.Command {
	return checked(c, j.check, func(x *call) error {
		job, err := ask[replay.Job](x, "POST", "/api/jobs", j.JobInput)
		if err != nil || j.detach {
			return tell(x, job, err, func(w io.Writer, job replay.Job) {
				fmt.Fprintf(w, "began %s; follow it with: alcedo jobs show %s\n", job.ID, job.ID)
			})
		}
		return x.follow(job.ID)
	})
}

func (j *jobFlags) check([]string) (err error) {
	var ok bool
	if j.Function, j.Trigger, ok = strings.Cut(j.trigger, "/"); !ok || j.Function == "" || j.Trigger == "" {
		return fmt.Errorf("--trigger %q is not FUNCTION/TRIGGER; `alcedo trigger list FUNCTION` shows the triggers", j.trigger)
	}
	if j.Since, err = timeFlag("since", j.since); err == nil {
		j.Until, err = timeFlag("until", j.until)
	}
	return err
}

func jobPath(id string) string { return "/api/jobs/" + url.PathEscape(id) }

// follow shows a job until it is over. Ctrl-C leaves it running in the server.
func (x *call) follow(id string) error {
	p := newProgress(x.ErrOrStderr(), x.output, "enqueued")
	if x.output == "json" {
		p.to = x.OutOrStdout()
	}
	for {
		job, err := get[replay.Job](x, jobPath(id), nil)
		if errors.Is(err, context.Canceled) {
			p.end()
			if x.output != "json" {
				fmt.Fprintf(x.ErrOrStderr(), "It goes on in the server. alcedo jobs show %s shows it, and pause, resume and cancel are there too.\n", id)
			}
			return nil
		}
		if err != nil {
			p.end()
			return err
		}
		p.job(&job)
		if job.State != replay.Running {
			p.end()
			if x.output != "json" {
				showJobEnd(x.OutOrStdout(), &job)
			}
			if job.State == replay.Failed {
				return fmt.Errorf("the job %s failed: %s", job.ID, job.Message)
			}
			return nil
		}
		select {
		case <-x.Context().Done():
		case <-time.After(p.every()):
		}
	}
}

func showJobEnd(w io.Writer, j *replay.Job) {
	things := "objects"
	if j.Kind == replay.Replay {
		things = "events"
	}
	switch {
	case j.DryRun && j.State == replay.Done:
		fmt.Fprintf(w, "%d %s would be run (of %d looked at)", j.Total, things, j.Looked)
		if len(j.Examples) == 0 {
			fmt.Fprintln(w)
			return
		}
		fmt.Fprintln(w, ", the first:")
		for _, e := range j.Examples {
			fmt.Fprintf(w, "  %s\n", e)
		}
	case j.State == replay.Done:
		fmt.Fprintf(w, "done: %d deliveries enqueued (%s). alcedo runs list %s shows their runs.\n", j.Enqueued, j.ID, j.Function)
	default:
		fmt.Fprintf(w, "%s: %d deliveries enqueued (%s). %s\n", strings.ToLower(j.State), j.Enqueued, j.ID, j.Message)
	}
}

func replayCommand() *cobra.Command {
	var j jobFlags
	j.Kind = replay.Replay
	c := &cobra.Command{
		Use:   "replay",
		Short: "Run a trigger over events of the past",
		Long: `Run a trigger over the events of the past that it matches as it is now, in their order. The
function gets the events as they were; in the history these runs are marked as a replay.
Events are kept for as long as the history is.

  alcedo replay --trigger resize-nodejs/oss-trigger --since 2h --dry-run
  alcedo replay --trigger resize-nodejs/oss-trigger --since 2026-01-31T08:00:00Z --until 2026-01-31T09:00:00Z

The job runs in the server, and goes on after a restart. Ctrl-C only stops watching it:
alcedo jobs lists jobs, pauses, resumes and cancels them.`,
		Args: cobra.NoArgs,
	}
	j.add(c)
	c.Flags().StringVar(&j.since, "since", "", "from when: 2h or 3d (ago), or a time (required)")
	c.Flags().StringVar(&j.until, "until", "", "and before when; default: now")
	if err := c.MarkFlagRequired("since"); err != nil {
		panic(err)
	}
	return j.command(c)
}

func jobsCommand() *cobra.Command {
	c := &cobra.Command{Use: "jobs", Short: "List, show, pause, resume and cancel replays and backfills"}
	c.AddCommand(jobsList(), jobsShow())
	for _, op := range []struct{ verb, short string }{
		{"pause", "Stop a job until it is resumed"}, {"resume", "Have a paused job go on where it was"}, {"cancel", "End a job; what it has enqueued is run"},
	} {
		c.AddCommand(talking(&cobra.Command{Use: op.verb + " JOB", Short: op.short, Args: cobra.ExactArgs(1)}, func(x *call) error {
			job, err := ask[replay.Job](x, "POST", jobPath(x.args[0])+"/"+op.verb, nil)
			return tell(x, job, err, func(w io.Writer, j replay.Job) { fmt.Fprintf(w, "%s is %s\n", j.ID, strings.ToLower(j.State)) })
		}))
	}
	return c
}

func jobsList() *cobra.Command {
	var function string
	c := &cobra.Command{Use: "list", Short: "List jobs, the latest first", Args: cobra.NoArgs}
	c.Flags().StringVar(&function, "function", "", "only of this function")
	return talking(c, func(x *call) error {
		query := url.Values{}
		if function != "" {
			query.Set("function", function)
		}
		jobs, err := get[[]replay.Job](x, "/api/jobs", query)
		return tell(x, jobs, err, func(w io.Writer, jobs []replay.Job) {
			if len(jobs) == 0 {
				fmt.Fprintln(w, "no jobs")
				return
			}
			fmt.Fprintln(w, "JOB\tKIND\tTRIGGER\tSTATE\tDONE\tBEGAN")
			for _, j := range jobs {
				kind := j.Kind
				if j.DryRun {
					kind += " (dry run)"
				}
				fmt.Fprintf(w, "%s\t%s\t%s/%s\t%s\t%s\t%s\n", j.ID, kind, j.Function, j.Trigger, j.State, doneText(&j), local(j.Created))
			}
		})
	})
}

func doneText(j *replay.Job) string {
	switch {
	case j.DryRun && j.Counted:
		return fmt.Sprintf("%d found", j.Total)
	case j.Counted:
		return fmt.Sprintf("%d of %d", j.Enqueued, j.Total)
	}
	return "counting"
}

func jobsShow() *cobra.Command {
	var follow bool
	c := &cobra.Command{Use: "show JOB", Short: "Show a job, or follow it to its end", Args: cobra.ExactArgs(1)}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "watch it until it is over")
	return talking(c, func(x *call) error {
		if follow {
			return x.follow(x.args[0])
		}
		job, err := get[*replay.Job](x, jobPath(x.args[0]), nil)
		return tell(x, job, err, showJob)
	})
}

func showJob(w io.Writer, j *replay.Job) {
	fmt.Fprintf(w, "Job\t%s\nKind\t%s\nTrigger\t%s/%s\nState\t%s\nBegan\t%s\nEnqueued\t%s\nLooked at\t%d\nRate\t%g a second\n",
		j.ID, j.Kind, j.Function, j.Trigger, j.State, local(j.Created), doneText(j), j.Looked, j.Rate)
	for _, line := range []struct{ name, text string }{{"Prefix", j.Prefix}, {"Bucket", j.Bucket}, {"Message", j.Message}, {"Waits", j.Waits}, {"Trouble", j.Error}} {
		if line.text != "" {
			fmt.Fprintf(w, "%s\t%s\n", line.name, line.text)
		}
	}
	if !j.Since.IsZero() {
		fmt.Fprintf(w, "Events\tfrom %s to %s\n", local(j.Since), local(j.Until))
	}
	if j.Left > 0 {
		fmt.Fprintf(w, "Left\tabout %s\n", j.Left.Round(time.Second))
	}
	for _, e := range j.Examples {
		fmt.Fprintf(w, "Such as\t%s\n", e)
	}
}
