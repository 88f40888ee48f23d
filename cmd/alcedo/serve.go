package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	_ "net/http/pprof" // on the default mux, which only --pprof serves
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/server"
	"github.com/spf13/cobra"
)

// drain is how long requests and runs under way get after SIGTERM.
const drain = 15 * time.Second

func serveCommand() *cobra.Command {
	var o server.Options
	var logLevel, logFormat, profile string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Start a server",
		Long: `Start a server: OSS, Function Compute and STS, and the console.

The root key pair is taken from ALCEDO_ACCESS_KEY_ID and ALCEDO_ACCESS_KEY_SECRET; without
them one is made at the first start, shown once and kept in the data directory, where the
commands on this machine find it. STS answers on the FC address.

The server stops on Ctrl-C or SIGTERM: it takes no new requests, and requests and runs under
way get 15 seconds. What a killed server owed is run after the next start.`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&o.Data, "data", "./alcedo-data", "data directory; made if needed")
	f.StringVar(&o.OSS, "oss", "127.0.0.1:8000", "address of OSS")
	f.StringVar(&o.FC, "fc", "127.0.0.1:8001", "address of Function Compute and STS")
	f.StringVar(&o.Console, "console", "127.0.0.1:8080", "address of the console and of GET /healthz")
	f.StringVar(&o.Region, "region", "cn-hangzhou", "region that this server is")
	f.StringVar(&o.Account, "account", "", "16-digit account id; default: the data directory's own")
	f.StringSliceVar(&o.Domains, "domain", nil, "further domain under which BUCKET.DOMAIN names a bucket (localhost and the cloud's are known)")
	f.StringVar(&o.RuntimeDir, "runtime-dir", "./.alcedo/runtimes", "where `make setup` installed the runtimes' built-in modules")
	f.StringVar(&o.PHPModules, "php-modules", "", "directory with an unpacked PHP SDK and its autoload.php, instead of the runtime directory's")
	f.StringVar(&o.Sandbox, "sandbox", "bwrap", "bwrap, or process: functions then run UNPROTECTED, with your rights")
	f.IntVar(&o.MaxDepth, "max-depth", 16, "how many runs may cause each other before a chain is stopped; 0: no limit")
	minFree := size(-1)
	f.Var(&minFree, "min-free", "keep this much of the disk free: below it writes are refused while reads and deletes go on (default 256MiB, or 5% of a smaller disk; 0: off)")
	f.DurationVar(&o.HistoryKeep, "history-keep", 7*24*time.Hour, "how long events, runs and their output are kept to be shown")
	historySize := size(2 << 30)
	f.Var(&historySize, "history-size", "how much of them is kept; the oldest go first")
	f.StringVar(&logLevel, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&logFormat, "log-format", "text", "text or json")
	f.StringVar(&profile, "pprof", "", "address for Go profiles (net/http/pprof); keep it on loopback")
	twin(c, "pprof", "data", "oss", "fc", "console", "region", "account", "domain", "runtime-dir", "php-modules", "sandbox", "max-depth", "min-free", "history-keep", "history-size", "log-level", "log-format")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := fromEnvironment(c); err != nil {
			return err
		}
		log, err := newLogger(c.ErrOrStderr(), logLevel, logFormat)
		if err != nil {
			return err
		}
		if profile != "" {
			l, err := net.Listen("tcp", profile)
			if err != nil {
				return fmt.Errorf("--pprof %s: %w", profile, err)
			}
			go http.Serve(l, nil) //nolint:errcheck // ends with the process
		}
		o.AccessKeyID, o.AccessKeySecret = os.Getenv("ALCEDO_ACCESS_KEY_ID"), os.Getenv("ALCEDO_ACCESS_KEY_SECRET")
		o.Version, o.Logger, o.MinFree = version, log, int64(minFree)
		o.HistorySize = int64(historySize)
		return serve(c.Context(), c.OutOrStdout(), o)
	}
	return c
}

func newLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level %q is none of debug, info, warn and error", level)
	}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l})), nil
	}
	return nil, fmt.Errorf("--log-format %q is neither text nor json", format)
}

func serve(ctx context.Context, out io.Writer, o server.Options) error {
	begun := time.Now()
	if _, ok := os.LookupEnv("GOGC"); !ok {
		// The heap is small beside what requests allocate: at 100 the collector would
		// run many times a second under load, for a few megabytes.
		debug.SetGCPercent(400)
	}
	s, err := server.Open(ctx, o)
	if err != nil {
		return err
	}
	a, made := s.Account()
	o.Logger.Info("ready", "oss", s.Addr("oss"), "fc", s.Addr("fc"), "console", s.Addr("console"), "region", o.Region, "account", a.ID, "data", o.Data, "took", time.Since(begun).Round(time.Millisecond))
	fmt.Fprintf(out, "OSS      http://%s\nFC, STS  http://%s\nConsole  http://%s\n", s.Addr("oss"), s.Addr("fc"), s.Addr("console"))
	if made {
		fmt.Fprintf(out, "\nA root key pair was made; it is shown this once and kept in %s/account.json:\n  AccessKey ID      %s\n  AccessKey Secret  %s\n", strings.TrimSuffix(o.Data, "/"), a.AccessKeyID, a.AccessKeySecret)
	}
	// Reading the log and the tables back took memory that is not needed any more.
	debug.FreeOSMemory()
	select {
	case <-ctx.Done():
	case err = <-s.Failed():
	}
	o.Logger.Info("stopping: no new requests; those under way get a moment", "most", drain)
	stop, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	// A second Ctrl-C ends the wait.
	stop, again := signal.NotifyContext(stop, os.Interrupt)
	defer again()
	s.Close(stop)
	o.Logger.Info("stopped")
	return err
}
