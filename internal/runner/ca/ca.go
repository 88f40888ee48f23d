// Package ca is the local certificate authority that vouches for the cloud's host names
// inside function sandboxes, and nowhere else.
//
// Its certificate is put into the sandboxes' trust bundle only; the host never trusts
// it. Its key stays in the data directory (mode 0600) so that a restart does not make
// the certificates of running clients worthless.
package ca

import (
	"container/list"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	lifeRoot = 10 * 365 * 24 * time.Hour
	lifeLeaf = 30 * 24 * time.Hour
	maxLeafs = 512 // about 2 KB each
)

// Authority makes leaf certificates on demand. It is safe for concurrent use.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
	now  func() time.Time

	leafKey *ecdsa.PrivateKey // one for all leafs: they are trusted by sandboxes only
	mu      sync.Mutex
	leafs   map[string]*list.Element
	recent  *list.List // of *leaf, most recently used first
}

type leaf struct {
	name string
	cert *tls.Certificate
	til  time.Time
}

// Open reads the authority in dir, or makes one there when there is none or it has less
// than a year left. A nil now means time.Now.
func Open(dir string, now func() time.Time) (*Authority, error) {
	if now == nil {
		now = time.Now
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	a := &Authority{now: now, leafs: map[string]*list.Element{}, recent: list.New()}
	err := a.load(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && now().After(a.cert.NotAfter.AddDate(-1, 0, 0)) {
		err = a.create(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("local certificate authority in %s: %w", dir, err)
	}
	a.leafKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return a, err
}

func (a *Authority) load(dir string) error {
	kb, err := os.ReadFile(filepath.Join(dir, "ca.key"))
	if err != nil {
		return err
	}
	cb, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return err
	}
	kp, _ := pem.Decode(kb)
	cp, _ := pem.Decode(cb)
	if kp == nil || cp == nil {
		return errors.New("ca.key or ca.crt is not PEM; delete both to have new ones made")
	}
	k, err := x509.ParsePKCS8PrivateKey(kp.Bytes)
	if err != nil {
		return err
	}
	if a.cert, err = x509.ParseCertificate(cp.Bytes); err != nil {
		return err
	}
	ok := false
	if a.key, ok = k.(*ecdsa.PrivateKey); !ok || !a.key.PublicKey.Equal(a.cert.PublicKey) {
		return errors.New("ca.key does not belong to ca.crt; delete both to have new ones made")
	}
	a.pem = pem.EncodeToMemory(cp)
	return nil
}

func (a *Authority) create(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	now := a.now()
	der, err := sign(&x509.Certificate{
		Subject:   pkix.Name{CommonName: "Alcedo local CA", Organization: []string{"Alcedo (this machine's functions only)"}},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(lifeRoot),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil, &key.PublicKey, key)
	if err != nil {
		return err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	a.key = key
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	kb, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	// The certificate first: without the key file, the next start makes both anew.
	if err := replace(filepath.Join(dir, "ca.crt"), a.pem, 0o644); err != nil {
		return err
	}
	return replace(filepath.Join(dir, "ca.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kb}), 0o600)
}

func replace(name string, b []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if errors.Is(err, fs.ErrExist) {
		os.Remove(name + ".new")
		f, err = os.OpenFile(name+".new", os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

func sign(t, parent *x509.Certificate, pub crypto.PublicKey, key *ecdsa.PrivateKey) ([]byte, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	t.SerialNumber = n
	if parent == nil {
		parent = t
	}
	return x509.CreateCertificate(rand.Reader, t, parent, pub, key)
}

// PEM is the authority's certificate, for trust bundles.
func (a *Authority) PEM() []byte { return a.pem }

// Leaf returns a certificate for one host name. It is made at the first call and kept;
// the least recently used ones are forgotten.
func (a *Authority) Leaf(name string) (*tls.Certificate, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "" || len(name) > 253 {
		return nil, fmt.Errorf("no certificate for host name %q", name)
	}
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.leafs[name]; e != nil {
		l := e.Value.(*leaf)
		if now.Before(l.til.Add(-lifeLeaf / 4)) {
			a.recent.MoveToFront(e)
			return l.cert, nil
		}
		a.recent.Remove(e)
		delete(a.leafs, name)
	}
	til := now.Add(lifeLeaf)
	t := &x509.Certificate{
		NotBefore: now.Add(-24 * time.Hour), NotAfter: til, DNSNames: []string{name},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if len(name) <= 64 { // the most an X.509 common name may have
		t.Subject.CommonName = name
	}
	der, err := sign(t, a.cert, &a.leafKey.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.leafKey}
	a.leafs[name] = a.recent.PushFront(&leaf{name, c, til})
	if a.recent.Len() > maxLeafs {
		e := a.recent.Back()
		a.recent.Remove(e)
		delete(a.leafs, e.Value.(*leaf).name)
	}
	return c, nil
}
