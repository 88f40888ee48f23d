package runner

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/runner/sandbox"
)

// left counts the processes whose environment names the runner at dir: bubblewrap's own,
// without which there is no sandbox.
func left(dir string) (n int) {
	mark := []byte("ALCEDO_OWNER=" + owner(dir) + "\x00")
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range environs {
		if b, err := os.ReadFile(f); err == nil && bytes.Contains(b, mark) {
			n++
		}
	}
	return n
}

// A sandbox dies at whatever moment of its start it is killed. The hardest one is right
// after bubblewrap's fork: the child then waits for its parent, and holds the socket.
func TestKillWhileStarting(t *testing.T) {
	w := newWorld(t)
	fn := w.fn("python3.10", "index.handler", "index.py", echoPy)
	rt, err := w.CheckRuntime("python3.10")
	if err != nil {
		t.Fatal(err)
	}
	code, _ := w.opt.CodeDir(fn)
	early := 0
	for i := range 40 {
		p, err := w.driver.Start(sandbox.Spec{ID: fmt.Sprint("c-", i), Argv: rt.Family.Argv(rt.Path, w.paths()), Code: code, TmpMB: 1})
		if err != nil {
			t.Fatal(err)
		}
		pid := p.Process.Pid
		children := fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)
		eventually(t, "bubblewrap's child", func() bool {
			b, _ := os.ReadFile(children)
			stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			// On a busy machine it may have come and gone between two looks.
			return len(b) > 0 || bytes.Contains(stat, []byte(") Z "))
		})
		for end := time.Now().Add(time.Duration(i%20) * 300 * time.Microsecond); time.Now().Before(end); {
		}
		p.Kill()
		at := time.Now()
		fds, _, err := p.Handshake(20 * time.Second)
		if d := time.Since(at); d > 10*time.Second {
			t.Fatalf("start %d: the killed sandbox kept its socket open for %v", i, d)
		}
		if err != nil {
			early++
		}
		for _, fd := range fds {
			unix.Close(fd)
		}
		p.Wait()
		p.Kill() // of no effect
		p.Close()
		eventually(t, fmt.Sprintf("the end of every process of start %d", i), func() bool { return left(w.opt.Dir) == 0 })
	}
	if early == 0 {
		t.Error("no start was interrupted: this test could not fail")
	}
}

// Close ends what is starting, whoever asked for it and however far it is.
func TestCloseWhileStarting(t *testing.T) {
	expired, cancel := context.WithCancel(t.Context())
	cancel()
	for name, start := range map[string]func(*world){
		"spare": func(w *world) {
			if err := w.Warm("python3.10"); err != nil {
				t.Error(err)
			}
		},
		"invoke": func(w *world) {
			_, err := w.Invoke(context.Background(), request(w.fn("python3.10", "index.handler", "index.py", echoPy), ""))
			if err != nil && fault.KindOf(err) != fault.Unavailable && !fault.Is(err, "ResourceExhausted") {
				t.Errorf("the request hears: %v", err)
			}
		},
		"check": func(w *world) {
			fn := w.fn("php8.2", "index.handler", "index.php", echoPHP)
			w.Diagnose(context.Background(), "php8.2", filepath.Join(w.root, "code", fn.Config.Code.ID), "index.handler")
		},
	} {
		for i := range 4 {
			t.Run(fmt.Sprint(name, i), func(t *testing.T) {
				w := newWorld(t, func(o *Options) { o.NoSpares = false })
				for _, r := range []string{"python3.10", "php8.2"} { // look for the interpreter now, not in start
					if _, err := w.CheckRuntime(r); err != nil {
						t.Fatal(err)
					}
				}
				done := make(chan bool)
				go func() { start(w); close(done) }()
				for end := time.Now().Add(time.Duration(i) * 4 * time.Millisecond); time.Now().Before(end); {
				}
				at := time.Now()
				w.Close(expired)
				if d := time.Since(at); d > 10*time.Second {
					t.Errorf("closing took %v", d)
				}
				w.mu.Lock()
				if n := len(w.every); n > 0 {
					t.Errorf("%d instances are left", n)
				}
				w.mu.Unlock()
				<-done
				eventually(t, "the end of every process", func() bool { return left(w.opt.Dir) == 0 })
				if strings.Contains(w.log.String(), "could not be started") {
					t.Errorf("an end that was asked for is warned of:\n%s", w.log)
				}
			})
		}
	}
}
