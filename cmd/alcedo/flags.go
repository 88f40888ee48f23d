package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/alcedo-storage/alcedo/internal/client"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/server"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// fromEnvironment gives every flag that was not set the value of its twin: --some-flag is
// ALCEDO_SOME_FLAG.
func fromEnvironment(c *cobra.Command) error {
	var err error
	c.Flags().VisitAll(func(f *pflag.Flag) {
		v, ok := os.LookupEnv("ALCEDO_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_")))
		if ok && !f.Changed && f.Annotations["environment"] != nil && err == nil {
			if e := c.Flags().Set(f.Name, v); e != nil {
				err = fmt.Errorf("--%s: %w", f.Name, e)
			}
		}
	})
	return err
}

// twin marks flags that have a twin in the environment.
func twin(c *cobra.Command, names ...string) {
	for _, n := range names {
		if err := c.Flags().SetAnnotation(n, "environment", []string{}); err != nil {
			panic(err) // a flag that is not defined
		}
		f := c.Flags().Lookup(n)
		f.Usage += " [$ALCEDO_" + strings.ToUpper(strings.ReplaceAll(n, "-", "_")) + "]"
	}
}

// remote are the flags of commands that talk to a server.
type remote struct {
	fc, console, oss, data, region, account, output string
}

func (r *remote) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&r.fc, "fc", "127.0.0.1:8001", "address of the server's FC API")
	f.StringVar(&r.console, "console", "127.0.0.1:8080", "address of the server's console")
	f.StringVar(&r.oss, "oss", "127.0.0.1:8000", "address of the server's OSS")
	f.StringVar(&r.data, "data", "./alcedo-data", "data directory, to find the keys in; or set ALCEDO_ACCESS_KEY_ID and ALCEDO_ACCESS_KEY_SECRET")
	f.StringVar(&r.region, "region", "cn-hangzhou", "region of the server")
	f.StringVar(&r.account, "account", "", "account id; default: the data directory's")
	f.StringVar(&r.output, "output", "text", "text, or json for scripts")
	twin(c, "fc", "console", "oss", "data", "region", "account")
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		if err := fromEnvironment(c); err != nil {
			return err
		}
		if r.output != "text" && r.output != "json" {
			return fmt.Errorf("--output %q is neither text nor json", r.output)
		}
		return nil
	}
}

// client returns a client with the keys of the environment or of the data directory.
func (r *remote) client() (*client.Client, error) {
	c := &client.Client{FC: base(r.fc), Console: base(r.console), OSS: base(r.oss), Region: r.region}
	c.Key = identity.Credentials{
		AccessKeyID: os.Getenv("ALCEDO_ACCESS_KEY_ID"), AccessKeySecret: os.Getenv("ALCEDO_ACCESS_KEY_SECRET"),
		SecurityToken: os.Getenv("ALCEDO_SECURITY_TOKEN"),
	}
	if c.Key.AccessKeyID != "" && r.account != "" {
		return c, nil
	}
	a, err := server.ReadAccount(r.data)
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.Key.AccessKeyID != "":
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("no keys: there is no data directory %s. Say where it is with --data, or set ALCEDO_ACCESS_KEY_ID and ALCEDO_ACCESS_KEY_SECRET", r.data)
	case err != nil:
		return nil, err
	default:
		if r.account == "" {
			r.account = a.ID
		}
		if c.Key.AccessKeyID == "" {
			c.Key.AccessKeyID, c.Key.AccessKeySecret = a.AccessKeyID, a.AccessKeySecret
		}
	}
	if c.Key.AccessKeyID == "" {
		return nil, fmt.Errorf("no keys: %s holds none, since its server was started with keys from outside. Set ALCEDO_ACCESS_KEY_ID and ALCEDO_ACCESS_KEY_SECRET", r.data)
	}
	return c, nil
}

func base(address string) string {
	if strings.Contains(address, "://") {
		return strings.TrimSuffix(address, "/")
	}
	return "http://" + address
}

// print shows v as JSON for scripts, or calls text for people.
func (r *remote) print(w io.Writer, v any, text func(w io.Writer)) error {
	if r.output == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	text(t)
	return t.Flush()
}
