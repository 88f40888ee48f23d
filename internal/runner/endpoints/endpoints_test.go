package endpoints

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"github.com/alcedo-storage/alcedo/internal/runner/ca"
	"github.com/alcedo-storage/alcedo/internal/runner/poll"
)

func TestServed(t *testing.T) {
	for name, want := range map[string]bool{
		"oss-cn-hangzhou.aliyuncs.com":                     true,
		"OSS-cn-hangzhou-Internal.aliyuncs.com.":           true,
		"testbucket.oss-cn-hangzhou-internal.aliyuncs.com": true,
		"a.b.oss-cn-hangzhou.aliyuncs.com":                 false,
		".oss-cn-hangzhou.aliyuncs.com":                    false,
		"oss-.aliyuncs.com":                                false,
		"fcv3.cn-hangzhou.aliyuncs.com":                    true,
		"123.cn-hangzhou.fc.aliyuncs.com":                  true,
		"123.cn-hangzhou-internal.fc.aliyuncs.com":         true,
		"fc.aliyuncs.com":                                  false,
		"sts.aliyuncs.com":                                 true,
		"sts.cn-hangzhou.aliyuncs.com":                     true,
		"sts-vpc.cn-hangzhou.aliyuncs.com":                 true,
		"ecs.aliyuncs.com":                                 false,
		"aliyuncs.com":                                     false,
		"oss-cn-hangzhou.aliyuncs.com.evil.example":        false,
		"evil-oss-cn-hangzhou.aliyuncs.com":                false,
		"localhost":                                        false,
		"":                                                 false,
	} {
		if got := Served(name); got != want {
			t.Errorf("Served(%q) = %v", name, got)
		}
	}
}

func query(name string, typ dnsmessage.Type) []byte {
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 77, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: typ, Class: dnsmessage.ClassINET}}}
	b, _ := m.Pack()
	return b
}

func TestAnswer(t *testing.T) {
	for _, c := range []struct {
		name    string
		typ     dnsmessage.Type
		rcode   dnsmessage.RCode
		answers int
	}{
		{"oss-cn-hangzhou-internal.aliyuncs.com.", dnsmessage.TypeA, dnsmessage.RCodeSuccess, 1},
		{"oss-cn-hangzhou-internal.aliyuncs.com.", dnsmessage.TypeAAAA, dnsmessage.RCodeSuccess, 0},
		{"example.com.", dnsmessage.TypeA, dnsmessage.RCodeNameError, 0},
	} {
		var m dnsmessage.Message
		if err := m.Unpack(Answer(nil, query(c.name, c.typ))); err != nil {
			t.Fatal(err)
		}
		if m.ID != 77 || !m.Response || m.RCode != c.rcode || len(m.Answers) != c.answers || len(m.Questions) != 1 {
			t.Errorf("%s %v: %+v", c.name, c.typ, m)
		}
	}
	if Answer(nil, []byte("short")) != nil {
		t.Error("answered rubbish")
	}
	reply := Answer(nil, query("example.com.", dnsmessage.TypeA))
	if Answer(nil, reply) != nil {
		t.Error("answered an answer: two such servers would never stop")
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(query("oss-cn-hangzhou.aliyuncs.com.", dnsmessage.TypeA))
	f.Add([]byte{0, 1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		if m := Answer(nil, b); m != nil {
			var msg dnsmessage.Message
			if err := msg.Unpack(m); err != nil {
				t.Fatalf("unreadable answer: %v", err)
			}
		}
	})
}

// listen opens the three sockets as an instance's first process does.
func listen(t *testing.T) (k Sockets, addrs [3]string) {
	t.Helper()
	var fds [3]int
	for i := range fds {
		typ := unix.SOCK_STREAM
		if i == 2 {
			typ = unix.SOCK_DGRAM
		}
		fd, err := unix.Socket(unix.AF_INET, typ|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		if i < 2 {
			unix.Listen(fd, 16)
		}
		sa, _ := unix.Getsockname(fd)
		addrs[i] = fmt.Sprintf("127.0.0.1:%d", sa.(*unix.SockaddrInet4).Port)
		fds[i] = fd
	}
	k, err := FromRights(fds[:])
	if err != nil {
		t.Fatal(err)
	}
	return k, addrs
}

func TestServer(t *testing.T) {
	loop, err := poll.New()
	if err != nil {
		t.Fatal(err)
	}
	defer loop.Close()
	authority, err := ca.Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := New(loop, authority, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%v %s tls=%v", Owner(r.Context()), r.Host, r.TLS != nil)
	}))
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority.PEM())
	for _, owner := range []string{"one", "two"} {
		k, addrs := listen(t)
		at, err := s.Attach(k, owner)
		if err != nil {
			t.Fatal(err)
		}
		res := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "udp", addrs[2])
		}}
		ips, err := res.LookupHost(t.Context(), "b.oss-cn-hangzhou-internal.aliyuncs.com")
		if err != nil || len(ips) != 1 || ips[0] != "127.0.0.1" {
			t.Fatalf("lookup: %v %v", ips, err)
		}
		c := &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pool},
			DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
				_, port, _ := net.SplitHostPort(addr)
				to := addrs[0]
				if port == "443" {
					to = addrs[1]
				}
				return (&net.Dialer{}).DialContext(ctx, "tcp", to)
			}}}
		for _, scheme := range []string{"http", "https"} {
			r, err := c.Get(scheme + "://b.oss-cn-hangzhou-internal.aliyuncs.com/x")
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(r.Body)
			r.Body.Close()
			want := fmt.Sprintf("%s b.oss-cn-hangzhou-internal.aliyuncs.com tls=%v", owner, scheme == "https")
			if string(b) != want {
				t.Errorf("%q, want %q", b, want)
			}
		}
		if _, err := c.Get("https://example.com/"); err == nil {
			t.Error("a certificate for example.com was made")
		}
		at.Close()
		at.Close()
		if _, err := c.Get("http://b.oss-cn-hangzhou-internal.aliyuncs.com/x"); err == nil {
			t.Error("still served after Close")
		}
	}
}
