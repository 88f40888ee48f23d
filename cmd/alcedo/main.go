// Command alcedo is object storage that runs your code: the server, and the tools beside
// it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alcedo-storage/alcedo/internal/image/worker"
	"github.com/alcedo-storage/alcedo/internal/runner"
	"github.com/spf13/cobra"
)

var version = "devel" // set by the linker

func main() {
	// The server runs this binary again as a sandbox's first process and as image
	// worker. Both come first: they have no flags, no terminal and little environment.
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "sandbox-init":
			exit(runner.SandboxInit(os.Args[2:]))
		case "image-worker":
			exit(worker.Main(context.Background(), os.Stdin, os.Stdout))
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	stop()
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "alcedo: "+err.Error())
		os.Exit(1)
	}
	os.Exit(0)
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "alcedo",
		Short: "Object storage that runs your code",
		Long: `Alcedo speaks the protocols of Alibaba Cloud OSS and Function Compute 3.0: upload an
object, and the function whose trigger matches runs with that event.

  alcedo serve                                   start a server, data in ./alcedo-data
  alcedo bucket create testbucket                make a bucket
  alcedo deploy examples/resize-nodejs           make a function from a folder
  alcedo trigger create resize-nodejs --bucket testbucket --prefix source/ --suffix .png
  alcedo put a.png testbucket/source/a.png       upload a file, as any OSS SDK would
  alcedo logs resize-nodejs -f                   follow what it prints
  alcedo trace testbucket/processed/a.png        how an object came to be, and what it caused
  alcedo dead|replay|backfill|jobs --help        what was given up, and what was before
  alcedo role|user|key --help                    who may do what

Every option can be set in the environment: --fc as ALCEDO_FC, and so on.`,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddCommand(serveCommand(), bucketCommand(), putCommand(), deployCommand(), invokeCommand(), logsCommand(), runsCommand(), triggerCommand(), eventsCommand(), traceCommand(), runtimesCommand(),
		functionCommand(), deadCommand(), replayCommand(), backfillCommand(), jobsCommand(), roleCommand(), userCommand(), keyCommand())
	c.CompletionOptions.HiddenDefaultCmd = true
	return c
}
