package main

import (
	"github.com/alcedo-storage/alcedo/internal/replay"
	"github.com/spf13/cobra"
)

func backfillCommand() *cobra.Command {
	var j jobFlags
	j.Kind = replay.Backfill
	c := &cobra.Command{
		Use:   "backfill",
		Short: "Run a trigger over objects that were there before it",
		Long: `Run a trigger over the objects that exist now and that it matches: each is handed to the
function as the event that its creation would have raised (PutObject, CompleteMultipartUpload,
AppendObject or PutSymlink; if the trigger does not listen to that, the first event of its
list that makes an object). In the history these runs are marked as a backfill.

  alcedo backfill --trigger resize-nodejs/oss-trigger --dry-run
  alcedo backfill --trigger resize-nodejs/oss-trigger --prefix source/2025/ --rate 20

The job runs in the server, and goes on after a restart. Ctrl-C only stops watching it:
alcedo jobs lists jobs, pauses, resumes and cancels them.`,
		Args: cobra.NoArgs,
	}
	j.add(c)
	c.Flags().StringVar(&j.Bucket, "bucket", "", "of an EventBridge trigger: only objects of this bucket; default: all that it matches")
	return j.command(c)
}
