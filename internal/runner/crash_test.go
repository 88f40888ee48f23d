package runner

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/function"
)

// crashServer is a server of its own process: it starts a run that does not end, and
// says so.
func crashServer(dir string) {
	r, err := New(Options{Dir: filepath.Join(dir, "runner"), CodeRoot: filepath.Join(dir, "code"),
		CodeDir: func(*function.Resolved) (string, error) { return filepath.Join(dir, "code", "one"), nil }})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	r.Warm("nodejs20")
	for {
		r.mu.Lock()
		n := 0
		for _, s := range r.spares {
			if s.ready != nil {
				n++
			}
		}
		r.mu.Unlock()
		if n == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	fn := &function.Resolved{Name: "f", ID: "f", Version: "LATEST", Config: &function.Config{Runtime: "python3.10", Handler: "index.handler", Timeout: 600}}
	req := request(fn, "")
	req.OnStart = func(Start) { fmt.Println("started") }
	r.Invoke(context.Background(), req)
}

func TestKilledServerLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir+"/code/one/index.py", "import subprocess, time\ndef handler(e, c):\n    subprocess.Popen(['sleep', '98765'])\n    time.sleep(98765)\n")
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "ALCEDO_TEST_SERVER="+dir)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "started\n" {
		t.Fatalf("%q %v", line, err)
	}
	// Everything that is bound to this directory, or descends from the server.
	family := func() (pids []string) {
		stats, _ := filepath.Glob("/proc/[0-9]*/mountinfo")
		for _, s := range stats {
			if b, err := os.ReadFile(s); err == nil && strings.Contains(string(b), dir) {
				pids = append(pids, filepath.Base(filepath.Dir(s)))
			}
		}
		return pids
	}
	if n := len(family()); n < 4 {
		t.Fatalf("only %d processes seen: this test could not fail", n)
	}
	c.Process.Kill()
	c.Wait()
	eventually(t, "the end of every process", func() bool { return len(family()) == 0 })
	// The next server cleans up what a dead one cannot.
	groups, _ := os.ReadFile(dir + "/runner/cgroups")
	left := func() (n int) {
		for d := range strings.FieldsSeq(string(groups)) {
			m, _ := filepath.Glob(d + "/alcedo-*-c-*")
			for _, g := range m {
				if b, err := os.ReadFile(g + "/cgroup.procs"); err == nil && len(b) == 0 {
					n++
				}
			}
		}
		return n
	}
	before := left()
	r, err := New(Options{Dir: dir + "/runner", CodeDir: func(*function.Resolved) (string, error) { return dir, nil }})
	if err != nil {
		t.Fatal(err)
	}
	if after := left(); len(groups) > 0 && (before == 0 || after >= before) {
		t.Errorf("control groups: %d before, %d after", before, after)
	}
	if err := r.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
