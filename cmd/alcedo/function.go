package main

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/api/console"
	"github.com/spf13/cobra"
)

func functionCommand() *cobra.Command {
	c := &cobra.Command{Use: "function", Short: "Show functions, what to look at in them, and limit their loops"}
	c.AddCommand(functionShow(), functionLoopLimit())
	return c
}

// functionSummary is what `function show` tells.
type functionSummary struct {
	Name      string            `json:"functionName"`
	Runtime   string            `json:"runtime"`
	Handler   string            `json:"handler"`
	Memory    int               `json:"memorySize"`
	Timeout   int               `json:"timeout"`
	Modified  string            `json:"lastModifiedTime"`
	LoopLimit console.LoopLimit `json:"loopLimit"`
	Warnings  []console.Warning `json:"warnings"`
}

func functionPath(name, rest string) string {
	return "/api/functions/" + url.PathEscape(name) + "/" + rest
}

func functionShow() *cobra.Command {
	return talking(&cobra.Command{
		Use:   "show FUNCTION",
		Short: "Show a function, and what to look at",
		Long: `Show a function in short, with warnings: loops that were stopped (with the last chain of
runs), triggers that are paused, deliveries that wait because it takes none.

  alcedo function show resize-nodejs`,
		Args: cobra.ExactArgs(1),
	}, func(x *call) error {
		var f functionSummary
		if _, err := x.server.JSON(x.Context(), "GET", "/functions/"+url.PathEscape(x.args[0]), nil, nil, &f); err != nil {
			return err
		}
		if err := x.server.Get(x.Context(), functionPath(x.args[0], "loop-limit"), nil, &f.LoopLimit); err != nil {
			return err
		}
		if err := x.server.Get(x.Context(), functionPath(x.args[0], "warnings"), nil, &f.Warnings); err != nil {
			return err
		}
		return tell(x, f, nil, showFunction)
	})
}

func showFunction(w io.Writer, f functionSummary) {
	fmt.Fprintf(w, "Function\t%s\nRuntime\t%s, handler %s\nMemory\t%d MB, time-out %d s\nModified\t%s\nLoop limit\t%s\n",
		f.Name, f.Runtime, f.Handler, f.Memory, f.Timeout, f.Modified, loopText(f.LoopLimit))
	if len(f.Warnings) == 0 {
		fmt.Fprintln(w, "Warnings\tnone")
	}
	for _, x := range f.Warnings {
		fmt.Fprintf(w, "\nWARNING: %s\n", x.Message)
		if len(x.Chain) > 0 {
			fmt.Fprintln(w, "The last chain, the first run first:")
			showChain(w, x.Chain)
			fmt.Fprintf(w, "The whole dead letter: alcedo dead show %s\n", x.Dead)
		}
		if x.Kind == console.WarnPaused {
			fmt.Fprintf(w, "To go on: alcedo trigger resume %s %s\n", f.Name, x.Trigger)
		}
	}
}

func loopText(l console.LoopLimit) string {
	switch {
	case l.Limit == "off":
		return "off: a loop of its own runs for ever"
	case l.Effective == 0:
		return "default (the server has none)"
	case l.Limit == "default":
		return fmt.Sprintf("default (%d runs that cause each other)", l.Effective)
	}
	return l.Limit + " runs that cause each other"
}

// showChain prints a chain of runs, numbered.
func showChain(w io.Writer, chain []console.Link) {
	for i, l := range chain {
		object := "(not in the history any more)"
		switch {
		case l.Bucket != "":
			object = l.Bucket + "/" + l.Key
		case l.Function != "":
			object = "(asked for directly)"
		}
		note := ""
		if l.Stopped {
			note = "  STOPPED HERE"
		}
		fmt.Fprintf(w, "  %d\t%s\t%s\t%s%s\n", i+1, l.Run, strings.TrimSuffix(l.Function+"/"+l.Trigger, "/"), object, note)
	}
}

func functionLoopLimit() *cobra.Command {
	return talking(&cobra.Command{
		Use:   "loop-limit FUNCTION [N|off|default]",
		Short: "Show or set how many runs may cause each other before this function",
		Long: `Show or set how long a chain of runs that cause each other may be when it reaches this
function: 1 to 1000 runs. A longer one is stopped, and its last event is kept as a dead
letter with the whole chain (alcedo dead list --reason RecursiveInvocation). All versions
share the limit; "default" is the server's --max-depth, "off" stops no loop.

  alcedo function loop-limit resize-nodejs          show it
  alcedo function loop-limit resize-nodejs 3
  alcedo function loop-limit resize-nodejs default`,
		Args: cobra.RangeArgs(1, 2),
	}, func(x *call) (err error) {
		var l console.LoopLimit
		path := functionPath(x.args[0], "loop-limit")
		if len(x.args) == 1 {
			l, err = get[console.LoopLimit](x, path, nil)
		} else {
			l, err = ask[console.LoopLimit](x, "PUT", path, map[string]string{"limit": x.args[1]})
		}
		return tell(x, l, err, func(w io.Writer, l console.LoopLimit) { fmt.Fprintf(w, "%s: %s\n", x.args[0], loopText(l)) })
	})
}
