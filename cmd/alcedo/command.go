package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/alcedo-storage/alcedo/internal/client"
	"github.com/spf13/cobra"
)

// call is one use of a command that talks to a server: what was typed, and the server.
type call struct {
	*cobra.Command
	*remote
	args   []string
	server *client.Client
}

// talking makes c a command that talks to a server: it gets the flags of remote beside its
// own, and run is called with a client that has keys.
func talking(c *cobra.Command, run func(x *call) error) *cobra.Command {
	r := new(remote)
	r.add(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		server, err := r.client()
		if err != nil {
			return err
		}
		return run(&call{Command: c, remote: r, args: args, server: server})
	}
	return c
}

// checked is talking for a command that first looks at what was typed, so that a mistake
// there is told of even where there are no keys.
func checked(c *cobra.Command, check func(args []string) error, run func(x *call) error) *cobra.Command {
	talk := talking(c, run).RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := check(args); err != nil {
			return err
		}
		return talk(c, args)
	}
	return c
}

// deleting makes c a command that deletes what its last argument names.
func deleting(c *cobra.Command, remove func(x *call) error) *cobra.Command {
	return talking(c, func(x *call) error {
		gone := x.args[len(x.args)-1]
		return tell(x, map[string]string{"deleted": gone}, remove(x), func(w io.Writer, _ map[string]string) { fmt.Fprintf(w, "deleted %s\n", gone) })
	})
}

// send sends in (nil: no body) to the console's API; the caller closes the answer's body.
func (x *call) send(method, path string, in any) (*http.Response, error) {
	return x.server.Send(x.Context(), method, x.server.Console, path, nil, in)
}

// remove has the console's API delete something.
func (x *call) remove(path string) error {
	resp, err := x.send("DELETE", path, nil)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// ask sends in (nil: no body) to the console's API and gives the answer.
func ask[T any](x *call, method, path string, in any) (answer T, err error) {
	resp, err := x.send(method, path, in)
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close()
	err = json.NewDecoder(resp.Body).Decode(&answer)
	return answer, err
}

// get asks the console's API and gives the answer.
func get[T any](x *call, path string, query url.Values) (answer T, err error) {
	err = x.server.Get(x.Context(), path, query, &answer)
	return answer, err
}

// tell ends a command: with the answer as JSON for scripts or as text for people, or with
// err.
func tell[T any](x *call, answer T, err error, text func(w io.Writer, answer T)) error {
	if err != nil {
		return err
	}
	return x.print(x.OutOrStdout(), answer, func(w io.Writer) { text(w, answer) })
}

// pages asks the console's API for page after page of a list, until there are limit
// entries or no more; of says what a page holds, and where the next one begins. more
// tells that the list goes on.
func pages[P, T any](x *call, path string, query url.Values, limit int, of func(p *P) (entries []T, next string, more bool)) (all []T, more bool, err error) {
	all = []T{}
	for {
		query.Set("limit", strconv.Itoa(min(max(limit-len(all), 1), 1000)))
		p, err := get[P](x, path, query)
		if err != nil {
			return nil, false, err
		}
		entries, next, more := of(&p)
		all = append(all, entries...)
		if !more || len(all) >= limit {
			return all, more, nil
		}
		query.Set("after", next)
	}
}
