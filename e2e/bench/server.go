package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

var (
	procsMu sync.Mutex
	procs   []*exec.Cmd
)

func start(cmd *exec.Cmd) error {
	procsMu.Lock()
	defer procsMu.Unlock()
	if err := cmd.Start(); err != nil {
		return err
	}
	procs = append(procs, cmd)
	return nil
}

// killAll ends every process this one started and that is still there.
func killAll() {
	procsMu.Lock()
	defer procsMu.Unlock()
	for _, p := range procs {
		if p.ProcessState == nil {
			_ = p.Process.Kill()
		}
	}
}

func freePorts(n int) (ports []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().String())
	}
	return ports, nil
}

// server is one run of bin/alcedo.
type server struct {
	bin, data        string
	oss, fc, console string
	cmd              *exec.Cmd
	done             chan error
	mu               sync.Mutex
	log              bytes.Buffer
}

func (s *server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *server) tail() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.log.Bytes()
	return string(b[max(0, len(b)-4000):])
}

func startServer(bin, data string) (*server, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	s := &server{bin: bin, data: data, oss: ports[0], fc: ports[1], console: ports[2]}
	_, err = s.launch()
	return s, err
}

// launch starts the process and returns the time until /healthz answers 200.
func (s *server) launch() (time.Duration, error) {
	s.cmd = exec.Command(s.bin, "serve", "--data", s.data, "--oss", s.oss, "--fc", s.fc, "--console", s.console, "--region", region, "--account", account)
	s.cmd.Env = append(os.Environ(), "ALCEDO_ACCESS_KEY_ID="+keyID, "ALCEDO_ACCESS_KEY_SECRET="+keySecret)
	if os.Getenv("ALCEDO_RUNTIME_DIR") == "" {
		if dir, err := filepath.Abs(".alcedo/runtimes"); err == nil {
			s.cmd.Env = append(s.cmd.Env, "ALCEDO_RUNTIME_DIR="+dir)
		}
	}
	s.cmd.Stdout, s.cmd.Stderr = s, s
	begun := time.Now()
	if err := start(s.cmd); err != nil {
		return 0, err
	}
	s.done = make(chan error, 1)
	go func(cmd *exec.Cmd, done chan error) { done <- cmd.Wait() }(s.cmd, s.done)
	client := &http.Client{Timeout: time.Second}
	for {
		select {
		case err := <-s.done:
			return 0, fmt.Errorf("%s serve ended: %w\n%s", s.bin, err, s.tail())
		default:
		}
		if res, err := client.Get("http://" + s.console + "/healthz"); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode == 200 {
				return time.Since(begun), nil
			}
		}
		if time.Since(begun) > 30*time.Second {
			return 0, fmt.Errorf("not ready after 30 s\n%s", s.tail())
		}
		time.Sleep(2 * time.Millisecond) // /healthz is there to be polled
	}
}

func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.done:
		return err
	case <-time.After(30 * time.Second):
		_ = s.cmd.Process.Kill()
		return errors.New("the server was still there 30 s after SIGTERM")
	}
}

// rss gives the resident memory of the server's own process, MB.
func (s *server) rss() float64 {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	for line := range strings.Lines(string(data)) {
		var kb float64
		if _, err := fmt.Sscanf(line, "VmRSS: %f kB", &kb); err == nil {
			return kb / 1024
		}
	}
	return 0
}

// settle waits until the server is idle: its processor time of a second is under 50 ms, or
// a minute has gone.
func (s *server) settle() {
	ticks := func() (n int) { // of 10 ms, in user and system mode
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
		_, rest, _ := strings.Cut(string(data), ") ")
		var user, system int
		f := strings.Fields(rest)
		if len(f) > 12 {
			_, _ = fmt.Sscan(f[11]+" "+f[12], &user, &system)
		}
		return user + system
	}
	for range 60 {
		before := ticks()
		time.Sleep(time.Second) // processor time is measured over it
		if ticks()-before < 5 {
			return
		}
	}
}

// once sends one request on a connection of its own.
func once(addr string, req []byte) (int, []byte, error) {
	c, err := dial(addr)
	if err != nil {
		return 0, nil, err
	}
	defer c.Close()
	return c.do(req)
}

type floorServer struct{ addr string }

// startFloor runs this program again as the floor, in a process of its own as the server is.
func startFloor() (*floorServer, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "floor", ports[0])
	cmd.Stderr = os.Stderr
	// The floor ends with this process, however that ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := start(cmd); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if c, err := net.Dial("tcp", ports[0]); err == nil {
			c.Close()
			return &floorServer{ports[0]}, nil
		}
		time.Sleep(2 * time.Millisecond) // nothing tells when another process listens
	}
	return nil, errors.New("the floor did not start")
}

// floor serves 4 KiB from memory after checking an OSS V1 signature: what any signed
// protocol on Go's net/http costs at the least.
func floor(addr string) {
	data := bytes.Repeat([]byte("x"), 4096)
	log.Fatal(http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mac := hmac.New(sha1.New, []byte(keySecret))
		_, _ = io.WriteString(mac, r.Method+"\n\n\n"+r.Header.Get("Date")+"\n"+r.URL.Path)
		want := "OSS " + keyID + ":" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if !hmac.Equal([]byte(want), []byte(r.Header.Get("Authorization"))) {
			http.Error(w, "SignatureDoesNotMatch", http.StatusForbidden)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(data)
	})))
}
