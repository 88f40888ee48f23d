package poll

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestLoop(t *testing.T) {
	l, err := New()
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 10)
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	h, err := l.Add(p[0], func(Handle) {
		b := make([]byte, 10)
		n, _ := unix.Read(p[0], b)
		got <- string(b[:n])
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"one", "two"} {
		unix.Write(p[1], []byte(s))
		select {
		case g := <-got:
			if g != s {
				t.Fatalf("got %q, want %q", g, s)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("no event")
		}
	}
	l.Remove(h, p[0])
	unix.Write(p[1], []byte("three"))
	// A second descriptor proves that the loop has gone round since.
	r, w, _ := os.Pipe()
	defer r.Close()
	seen := make(chan bool, 1)
	fd := int(r.Fd())
	if _, err := l.Add(fd, func(h Handle) { l.Remove(h, fd); seen <- true }); err != nil {
		t.Fatal(err)
	}
	w.Close()
	<-seen
	select {
	case g := <-got:
		t.Fatalf("called after Remove: %q", g)
	default:
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	unix.Close(p[0])
	unix.Close(p[1])
}
