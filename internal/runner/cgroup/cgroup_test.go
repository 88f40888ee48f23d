package cgroup

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func open(t *testing.T) (*Manager, string) {
	t.Helper()
	record := filepath.Join(t.TempDir(), "cgroups")
	m, err := Open("unittest", record)
	if err != nil {
		t.Skipf("this machine gives no control group to this user: %v", err)
	}
	return m, record
}

func TestLimitsHold(t *testing.T) {
	m, _ := open(t)
	if !m.HasMemory() {
		t.Skip("no memory controller")
	}
	g, err := m.New("one")
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Set(Limits{Memory: 64 << 20, CPU: 0.5, Pids: 20}); err != nil {
		t.Fatal(err)
	}
	// The shell waits until it is in the group, then becomes something greedy.
	c := exec.Command("sh", "-c", "read x; exec python3 -S -c 'b=bytearray(200<<20); print(\"allocated\")'")
	in, _ := c.StdinPipe()
	var out strings.Builder
	c.Stdout = &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := g.Add(c.Process.Pid); err != nil {
		t.Fatal(err)
	}
	in.Write([]byte("go\n"))
	if err := c.Wait(); err == nil || out.Len() > 0 {
		t.Errorf("allocated over the limit: %v %q", err, out.String())
	}
	if !g.OOMKilled() {
		t.Error("the kill was not seen")
	}
	if n, err := g.Anon(); err != nil || n < 0 {
		t.Errorf("Anon: %d %v", n, err)
	}
	if err := g.Remove(); err != nil {
		t.Fatal(err)
	}
}

// What is left in a group ends with it, or with the next server's start.
func TestLeftoversAreCleaned(t *testing.T) {
	m, record := open(t)
	left(t, m, func(g *Group) error { return g.Remove() })
	left(t, m, func(*Group) error {
		_, err := Open("unittest", record)
		return err
	})
}

func left(t *testing.T, m *Manager, end func(*Group) error) {
	t.Helper()
	g, err := m.New("left")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("sleep", "60")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := g.Add(c.Process.Pid); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	if err := end(g); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil {
		t.Error("the left-over process ended by itself")
	}
	for _, d := range []string{g.memory, g.cpu, g.pids} {
		if _, err := os.Stat(d); d != "" && err == nil {
			t.Errorf("%s is still there", d)
		}
	}
}
