package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// SignInTTL is how long a browser stays signed in.
const SignInTTL = 12 * time.Hour

// ReasonNotSignedIn refuses a session that never was, has ended, or whose access key is
// not what it was when the session began.
const ReasonNotSignedIn fault.Reason = "NotSignedIn"

// tableSignIns holds browser sessions: SHA-256 of the token → signInRow. A copy of the
// data directory does not give a way in.
const tableSignIns = "i/s/"

type signInRow struct {
	KeyID   string `cbor:"1,keyasint"`
	Proof   []byte `cbor:"2,keyasint"` // that the key's secret is still the one that signed in
	Expires int64  `cbor:"3,keyasint"` // unix seconds
}

func proof(token, secret string) []byte {
	m := hmac.New(sha256.New, []byte(secret))
	_, _ = io.WriteString(m, "console session\x00"+token)
	return m.Sum(nil)
}

func signInKey(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return append([]byte(tableSignIns), sum[:]...)
}

// SignIn begins a browser session for who knows a long-lived access key pair: the token
// stands for the pair until expires. It is durable. Reasons InvalidAccessKeyId and
// SignatureDoesNotMatch; whether the id exists takes no longer to find out than that the
// secret is wrong. The caller limits how often it is tried.
func (s *Store) SignIn(ctx context.Context, keyID, secret string) (token string, p *Principal, expires time.Time, err error) {
	now := s.now()
	c, err := s.keyPair(keyID, secret, now)
	if err != nil {
		return "", nil, expires, err
	}
	var b [32]byte
	if _, err := io.ReadFull(s.rand, b[:]); err != nil {
		return "", nil, expires, fault.As(err)
	}
	token = base64.RawURLEncoding.EncodeToString(b[:])
	expires = now.Add(SignInTTL).Truncate(time.Second)
	v := row.Encode(&signInRow{KeyID: c.id, Proof: proof(token, c.secret), Expires: expires.Unix()})
	var gone [][]byte
	if err := s.kv.View(ctx, func(r kv.Reader) (err error) {
		gone, err = endedSignIns(r, now)
		return err
	}); err != nil {
		return "", nil, expires, err
	}
	err = s.kv.Update(kv.Reserve(ctx), func(tx kv.Txn) error {
		for _, k := range gone {
			tx.Delete(k)
		}
		tx.Set(signInKey(token), v)
		return nil
	})
	return token, c.who, expires, err
}

// KeyPair returns whose long-lived access key pair this is, for clients that can do no
// more than HTTP basic authentication. Reasons as those of SignIn.
func (s *Store) KeyPair(keyID, secret string) (*Principal, error) {
	c, err := s.keyPair(keyID, secret, s.now())
	if err != nil {
		return nil, err
	}
	return c.who, nil
}

func (s *Store) keyPair(keyID, secret string, now time.Time) (*credential, error) {
	c, err := s.credential(keyID, "", now)
	want := ""
	if err == nil {
		want = c.secret
	}
	same := subtle.ConstantTimeCompare([]byte(secret), []byte(want)) == 1
	if err != nil {
		return nil, err
	}
	if !same || want == "" {
		return nil, fault.New(fault.Unauthentic, ReasonSignature, "The AccessKey secret does not belong to the AccessKey ID %s.", keyID).
			WithHint("Check it for missing characters; it is shown only once, when the key is made.")
	}
	return c, nil
}

// endedSignIns returns the keys of sessions that are over.
func endedSignIns(r kv.Reader, now time.Time) (gone [][]byte, err error) {
	err = r.Scan(kv.Prefix([]byte(tableSignIns)), func(k, v []byte) error {
		var in signInRow
		if err := row.Decode(v, &in); err != nil || in.Expires <= now.Unix() {
			gone = append(gone, append([]byte(nil), k...))
		}
		if len(gone) == 1000 {
			return kv.Stop
		}
		return nil
	})
	return gone, err
}

// SignedIn returns whose session a token is, and until when. Reason NotSignedIn.
func (s *Store) SignedIn(ctx context.Context, token string) (*Principal, time.Time, error) {
	ended := fault.New(fault.Unauthentic, ReasonNotSignedIn, "You are not signed in, or your session has ended.").WithHint("Sign in with an AccessKey pair.")
	var in signInRow
	err := s.kv.View(ctx, func(r kv.Reader) error {
		v, err := r.Get(signInKey(token))
		if err != nil {
			return err
		}
		return row.Decode(v, &in)
	})
	if errors.Is(err, kv.ErrNotFound) {
		return nil, time.Time{}, ended
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	now := s.now()
	c, err := s.credential(in.KeyID, "", now)
	if err != nil || in.Expires <= now.Unix() || !hmac.Equal(in.Proof, proof(token, c.secret)) {
		return nil, time.Time{}, ended
	}
	return c.who, time.Unix(in.Expires, 0), nil
}

// SignOut ends a session. One that is over already is no error.
func (s *Store) SignOut(ctx context.Context, token string) error {
	return s.kv.Update(ctx, func(tx kv.Txn) error {
		tx.Delete(signInKey(token))
		return nil
	})
}

// Presign adds a signature of p's, good for ttl (V4: at most 7 days), to the URL of a
// request for an object, so that whoever has the link can send it. It fails for
// principals without a long-lived key.
func (s *Store) Presign(p *Principal, r *http.Request, bucket, key, region string, ttl time.Duration) error {
	c := s.root
	if p != s.root.who {
		c = nil
		for _, k := range s.snap.Load().keys {
			if k.who == p && (c == nil || k.id < c.id) {
				c = k
			}
		}
	}
	if c == nil {
		return fault.New(fault.Denied, ReasonAccessDenied, "Links can only be signed with a long-lived AccessKey.").WithHint("Sign in with a user's AccessKey pair.")
	}
	PresignOSSV4(r, bucket, key, region, Credentials{AccessKeyID: c.id, AccessKeySecret: c.secret}, s.now(), ttl)
	return nil
}

type signedInKey struct{}

// As returns a context whose requests are p's although nothing in them is signed. Only the
// console makes one, for a request that its session cookie has proved to be p's; the
// handlers of the wire then judge it as they judge a signed one.
func As(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, signedInKey{}, p)
}

// FromConsole reports whether a request is one of the console's pages, by [As].
func FromConsole(ctx context.Context) bool { return signedIn(ctx) != nil }

// signedIn returns the principal that As put there, or nil.
func signedIn(ctx context.Context) *Principal {
	p, _ := ctx.Value(signedInKey{}).(*Principal)
	return p
}
