package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"

	"github.com/alcedo-storage/alcedo/internal/api/console"
	"github.com/alcedo-storage/alcedo/internal/runner/runtimes"
	"github.com/spf13/cobra"
)

// showLog prints the tail of the log that an invocation's answer carries.
func showLog(w io.Writer, h http.Header) {
	b, err := base64.StdEncoding.DecodeString(h.Get("X-Fc-Log-Result"))
	if err == nil && len(b) > 0 {
		_, _ = w.Write(b) // for people; the result is what counts
	}
}

func logsCommand() *cobra.Command {
	var follow bool
	var tail int
	c := &cobra.Command{
		Use:   "logs FUNCTION",
		Short: "Show what a function's runs printed",
		Long: `Show what a function's last runs printed, the earliest first; with -f, go on with each
run as it ends.`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until Ctrl-C")
	c.Flags().IntVar(&tail, "tail", 20, "how many runs to begin with, at most 1000")
	return talking(c, func(x *call) error {
		query := url.Values{"function": {x.args[0]}, "limit": {strconv.Itoa(tail)}}
		for {
			page, err := get[console.Logs](x, "/api/logs", query)
			if errors.Is(err, context.Canceled) {
				return nil // Ctrl-C
			}
			if err != nil {
				return err
			}
			// What a function prints may hold tabs, which are not those of a table.
			if err := tell(x, page.Runs, nil, func(_ io.Writer, runs []console.Attempt) {
				for _, run := range runs {
					_, _ = io.WriteString(x.OutOrStdout(), run.Log)
					if run.Fault != "" {
						fmt.Fprintf(x.OutOrStdout(), "%s was not run: %s: %s\n", run.RequestID, run.Fault, run.Message)
					}
				}
			}); err != nil || !follow {
				return err
			}
			query = url.Values{"function": {x.args[0]}, "after": {page.Next}, "wait": {"30"}}
		}
	})
}

func runtimesCommand() *cobra.Command {
	var r remote
	c := &cobra.Command{
		Use:   "runtimes",
		Short: "Show which interpreter serves each runtime name on this machine",
		Args:  cobra.NoArgs,
	}
	r.add(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		list := runtimes.NewHost(os.Getenv("PATH")).All()
		return r.print(c.OutOrStdout(), list, func(w io.Writer) {
			fmt.Fprintln(w, "RUNTIME\tSERVED BY\t")
			for _, x := range list {
				by, note := x.Language+" "+x.Version+" ("+x.Path+")", x.Why
				if !x.Available {
					by, note = "-", x.Why+" "+x.Install
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", x.Name, by, note)
			}
		})
	}
	return c
}
