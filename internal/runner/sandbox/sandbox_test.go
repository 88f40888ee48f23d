package sandbox

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFilterFits(t *testing.T) {
	p, err := filter()
	if err != nil || len(p) == 0 || len(p) > unix.BPF_MAXINSNS {
		t.Fatalf("%d instructions, %v", len(p), err)
	}
	// A number twice, or refused and absent at once, would mean that one rule is dead.
	all := slices.Concat(refused, refusedHere, absent)
	slices.Sort(all)
	if n := len(all); len(slices.Compact(all)) != n {
		t.Error("a system call is listed twice")
	}
}

func TestBuildEtc(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etc")
	for range 2 { // the second replaces the first
		if err := BuildEtc(dir, []byte("-- the CA --\n")); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "ssl/certs/ca-certificates.crt"))
	if err != nil || !bytes.HasSuffix(b, []byte("\n-- the CA --\n")) && string(b) != "-- the CA --\n" {
		t.Errorf("bundle of %d bytes ends in %.40q: %v", len(b), b[max(0, len(b)-40):], err)
	}
	for _, f := range []string{"shadow", "gshadow", "ssh", "ssl/private", "hostname", "machine-id"} {
		if _, err := os.Lstat(filepath.Join(dir, f)); err == nil {
			t.Errorf("%s was copied", f)
		}
	}
}

func TestCopyPublic(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "to")
	os.WriteFile(filepath.Join(from, "public"), []byte("x"), 0o644)
	os.WriteFile(filepath.Join(from, "private"), []byte("x"), 0o640)
	os.Mkdir(filepath.Join(from, "closed"), 0o750)
	os.WriteFile(filepath.Join(from, "closed", "public"), []byte("x"), 0o644)
	os.Chmod(from, 0o755)
	if err := copyPublic(from, to); err != nil {
		t.Fatal(err)
	}
	var got []string
	filepath.Walk(to, func(p string, _ os.FileInfo, _ error) error {
		got = append(got, strings.TrimPrefix(p, to))
		return nil
	})
	if !slices.Equal(got, []string{"", "/public"}) {
		t.Errorf("%q", got)
	}
}

// A spare gets nothing that is not below its store.
func TestGiveStaysInside(t *testing.T) {
	p := &Proc{}
	for _, code := range []string{"/store", "/store/..", "/store/../other", "/elsewhere"} {
		if err := p.Give("/store", code, 1, 0); err == nil {
			t.Errorf("%s was given", code)
		}
	}
}

func TestSweep(t *testing.T) {
	start := func(owner string) *exec.Cmd {
		c := exec.Command("sleep", "60")
		c.Env = []string{"PATH=/usr/bin:/bin", ownerVar + owner}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Process.Kill(); c.Wait() })
		return c
	}
	mine, other := start("unittest-a"), start("unittest-ab")
	if n := Sweep("unittest-a"); n != 1 {
		t.Errorf("%d processes ended", n)
	}
	if err := mine.Wait(); err == nil {
		t.Error("it ended by itself")
	}
	if err := other.Process.Signal(unix.Signal(0)); err != nil {
		t.Errorf("the process of another server: %v", err)
	}
}
