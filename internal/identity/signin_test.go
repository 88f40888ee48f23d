package identity

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv/memkv"
)

func TestSignIn(t *testing.T) {
	ctx := t.Context()
	now := time.Unix(1_800_000_000, 0)
	kvs := memkv.New()
	open := func(rootSecret string) *Store {
		s, err := Open(ctx, kvs, Options{Account: "1000000000000001", RootKeyID: "root", RootKeySecret: rootSecret, Secret: make([]byte, 32), Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open("rootsecret")
	if _, err := s.PutUser(ctx, "u", nil, Edit{}); err != nil {
		t.Fatal(err)
	}
	key, err := s.CreateAccessKey(ctx, "u")
	if err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		id, secret string
		reason     fault.Reason
	}{
		{"root", "rootsecret", ""},
		{key.ID, key.Secret, ""},
		{"root", "rootsecret ", ReasonSignature},
		{"root", "", ReasonSignature},
		{key.ID, "rootsecret", ReasonSignature},
		{"nobody", "", ReasonInvalidAccessKeyID},
		{"", "", ReasonInvalidAccessKeyID},
	} {
		token, p, expires, err := s.SignIn(ctx, c.id, c.secret)
		if c.reason != "" {
			if !fault.Is(err, c.reason) || token != "" {
				t.Errorf("SignIn(%q, %q): %q, %v; want %s", c.id, c.secret, token, err, c.reason)
			}
			continue
		}
		if err != nil || !expires.Equal(now.Add(SignInTTL)) {
			t.Errorf("SignIn(%q): until %v, %v", c.id, expires, err)
		}
		if who, _, err := s.SignedIn(ctx, token); err != nil || who != p {
			t.Errorf("SignedIn as %q: %v, %v", c.id, who, err)
		}
	}

	token, who, _, err := s.SignIn(ctx, key.ID, key.Secret)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	if p, err := s.VerifyACS3(r.WithContext(As(ctx, who)), nil); err != nil || p != who {
		t.Errorf("VerifyACS3 of a signed-in request: %v, %v", p, err)
	}
	if p, err := s.VerifyOSS(r.WithContext(As(ctx, who)), OSSRequest{}); err != nil || p != who {
		t.Errorf("VerifyOSS of a signed-in request: %v, %v", p, err)
	}
	if p, err := s.VerifyOSS(r, OSSRequest{}); err != nil || p.Kind != Anonymous {
		t.Errorf("VerifyOSS of another request: %v, %v", p, err)
	}

	ended := func(what, token string) {
		t.Helper()
		if _, _, err := s.SignedIn(ctx, token); !fault.Is(err, ReasonNotSignedIn) {
			t.Errorf("%s: %v, want NotSignedIn", what, err)
		}
	}
	ended("no token", "")
	ended("another token", token+"x")
	if err := s.DeleteAccessKey(ctx, key.ID); err != nil {
		t.Fatal(err)
	}
	ended("the key was deleted", token)

	token, _, _, err = s.SignIn(ctx, "root", "rootsecret")
	if err != nil {
		t.Fatal(err)
	}
	s = open("rootsecret")
	if _, _, err := s.SignedIn(ctx, token); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	s = open("another")
	ended("the root secret was changed", token)
	s = open("rootsecret")
	if err := s.SignOut(ctx, token); err != nil {
		t.Fatal(err)
	}
	ended("signed out", token)
	if token, _, _, err = s.SignIn(ctx, "root", "rootsecret"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(SignInTTL)
	ended("too old", token)
}
