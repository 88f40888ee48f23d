package ca

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func verify(t *testing.T, a *Authority, name string, at time.Time) error {
	t.Helper()
	c, err := a.Leaf(name)
	if err != nil {
		t.Fatal(err)
	}
	x, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a.PEM())
	_, err = x.Verify(x509.VerifyOptions{DNSName: name, Roots: pool, CurrentTime: at})
	return err
}

func TestAuthority(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	clock := func() time.Time { return now }
	a, err := Open(dir, clock)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(filepath.Join(dir, "ca.key")); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("key file: %v %v", st, err)
	}
	name := "a-bucket-name-that-has-exactly-sixty-three-characters-in-it-000.oss-cn-hangzhou-internal.aliyuncs.com"
	for range 2 {
		if err := verify(t, a, name, now); err != nil {
			t.Fatal(err)
		}
	}
	if n := a.recent.Len(); n != 1 {
		t.Fatalf("%d leafs for one name", n)
	}
	// A leaf near its end is replaced.
	now = now.Add(29 * 24 * time.Hour)
	if err := verify(t, a, name, now.Add(3*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	// The same authority after a restart.
	b, err := Open(dir, clock)
	if err != nil || !bytes.Equal(a.PEM(), b.PEM()) {
		t.Fatalf("restart made another authority: %v", err)
	}
	for i := range maxLeafs + 10 {
		if _, err := b.Leaf(fmt.Sprintf("b%d.oss-cn-hangzhou.aliyuncs.com", i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := b.recent.Len(); n != maxLeafs || len(b.leafs) != maxLeafs {
		t.Fatalf("%d leafs kept", n)
	}
	// One that is running out is made anew.
	now = now.AddDate(9, 3, 0)
	c, err := Open(dir, clock)
	if err != nil || bytes.Equal(a.PEM(), c.PEM()) {
		t.Fatalf("old authority kept: %v", err)
	}
}

func TestOpenRefusesDamage(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.key"), []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, nil); err == nil {
		t.Fatal("a damaged key was accepted")
	}
}
