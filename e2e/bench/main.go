// Command bench measures the built server the way a client sees it, beside a floor: a
// bare Go net/http server that checks a signature and answers 4 KiB from memory, loaded
// by the same client in the same run. Ratios to the floor carry over between machines;
// absolute figures do not.
//
//	go run ./e2e/bench [--seconds N] [--output table|json] [--only TEXT] [--strict]
package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// row is one figure. Floor is the same load on the floor, in the same unit, or 0.
type row struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Target float64 `json:"target,omitempty"`
	// AtMost: the target is an upper limit; otherwise a lower one.
	AtMost bool    `json:"atMost,omitempty"`
	Floor  float64 `json:"floor,omitempty"`
	Ratio  float64 `json:"ratio,omitempty"`
	Met    *bool   `json:"met,omitempty"`
	Note   string  `json:"note,omitempty"`
}

type report struct {
	Machine machine `json:"machine"`
	Seconds float64 `json:"secondsPerLoad"`
	Rows    []row   `json:"rows"`
}

type machine struct {
	CPU      string  `json:"cpu"`
	Cores    int     `json:"cores"`
	MemoryGB float64 `json:"memoryGB"`
	Kernel   string  `json:"kernel"`
	Go       string  `json:"go"`
	When     string  `json:"when"`
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "floor" {
		floor(os.Args[2])
		return
	}
	seconds := flag.Float64("seconds", 4, "length of each load")
	output := flag.String("output", "table", "table or json")
	only := flag.String("only", "", "only the measurements whose name contains this: storage, invoke, trigger, process, backlog")
	strict := flag.Bool("strict", false, "exit 1 if a target is missed")
	bin := flag.String("bin", "bin/alcedo", "the server")
	flag.Parse()

	// An interrupted run must not leave servers behind.
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		killAll()
		os.Exit(130)
	}()

	b := &bench{bin: *bin, load: time.Duration(*seconds * float64(time.Second)), only: *only}
	rows, err := b.run()
	killAll()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	missed := false
	for i := range rows {
		r := &rows[i]
		if r.Floor > 0 {
			r.Ratio = r.Value / r.Floor
		}
		if r.Target > 0 {
			met := r.Value >= r.Target
			if r.AtMost {
				met = r.Value <= r.Target
			}
			r.Met = &met
			missed = missed || !met
		}
	}
	rep := report{Machine: thisMachine(), Seconds: *seconds, Rows: rows}
	if *output == "json" {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		_ = e.Encode(rep)
	} else {
		table(rep)
	}
	if missed && *strict {
		os.Exit(1)
	}
}

func table(rep report) {
	m := rep.Machine
	fmt.Printf("\n%s, %d cores, %.0f GB, Linux %s, %s; client, server and floor share the cores; %g s per load\n\n", m.CPU, m.Cores, m.MemoryGB, m.Kernel, m.Go, rep.Seconds)
	fmt.Printf("  %-52s %14s   %14s   %s\n", "", "measured", "target", "of the floor")
	for _, r := range rep.Rows {
		target, ratio, mark := "", "", " "
		if r.Target > 0 {
			sign := "≥"
			if r.AtMost {
				sign = "≤"
			}
			target = sign + " " + figure(r.Target, r.Unit)
			mark = "✓"
			if !*r.Met {
				mark = "✗"
			}
		}
		if r.Ratio > 0 {
			ratio = fmt.Sprintf("%.2f of %s", r.Ratio, figure(r.Floor, r.Unit))
		}
		fmt.Printf("%s %-52s %14s   %14s   %s\n", mark, r.Name, figure(r.Value, r.Unit), target, strings.TrimSpace(ratio+"  "+r.Note))
	}
	fmt.Println()
}

func figure(v float64, unit string) string {
	switch {
	case v >= 1000:
		s := fmt.Sprintf("%.0f", v)
		for i := len(s) - 3; i > 0; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s + " " + unit
	case v >= 100:
		return fmt.Sprintf("%.0f %s", v, unit)
	}
	return fmt.Sprintf("%.2f %s", v, unit)
}

func thisMachine() machine {
	field := func(file, name string) string {
		data, _ := os.ReadFile(file)
		for line := range strings.Lines(string(data)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
				return strings.TrimSpace(v)
			}
		}
		return ""
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	var kb float64
	_, _ = fmt.Sscanf(field("/proc/meminfo", "MemTotal"), "%f", &kb)
	return machine{
		CPU:      cmp.Or(field("/proc/cpuinfo", "model name"), runtime.GOARCH),
		Cores:    runtime.NumCPU(),
		MemoryGB: kb / (1 << 20),
		Kernel:   strings.TrimSpace(string(kernel)),
		Go:       runtime.Version(),
		When:     time.Now().UTC().Format(time.RFC3339),
	}
}

type bench struct {
	bin  string
	load time.Duration
	only string
	srv  *server
	rows []row
}

func (b *bench) wants(name string) bool { return b.only == "" || strings.Contains(name, b.only) }
func (b *bench) add(r row)              { b.rows = append(b.rows, r) }

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

func (b *bench) run() ([]row, error) {
	dir, err := os.MkdirTemp("", "alcedo-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if b.srv, err = startServer(b.bin, filepath.Join(dir, "data")); err != nil {
		return nil, err
	}
	fl, err := startFloor()
	if err != nil {
		return nil, err
	}
	for _, part := range []struct {
		name string
		run  func(*floorServer) error
	}{{"storage", b.storage}, {"invoke", b.invoke}, {"trigger", b.trigger}, {"process", b.process}, {"backlog", b.backlog}} {
		if !b.wants(part.name) {
			continue
		}
		if err := part.run(fl); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", part.name, err, b.srv.tail())
		}
	}
	return b.rows, b.srv.stop()
}
