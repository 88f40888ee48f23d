package server

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// Account is what a data directory belongs to: the account, its root key pair and the
// secret that session tokens are sealed with. It is kept in the data directory, mode 0600.
type Account struct {
	ID              string `json:"account"`
	AccessKeyID     string `json:"accessKeyId,omitempty"`
	AccessKeySecret string `json:"accessKeySecret,omitempty"`
	Secret          []byte `json:"secret"`
}

const accountFile = "account.json"

// defaultAccount is the account of a data directory that is made without --account.
const defaultAccount = "1000000000000001"

var sixteenDigits = regexp.MustCompile(`^[0-9]{16}$`)

// ReadAccount reads the account of a data directory, for tools on the same machine.
func ReadAccount(dir string) (*Account, error) {
	b, err := os.ReadFile(filepath.Join(dir, accountFile))
	if err != nil {
		return nil, err
	}
	a := new(Account)
	if err := json.Unmarshal(b, a); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", filepath.Join(dir, accountFile), err)
	}
	return a, nil
}

// account reads the data directory's account or makes one. Keys given from outside are
// used and not stored. made tells that a root key pair was made now.
func account(o *Options) (a *Account, made bool, err error) {
	if o.Account != "" && !sixteenDigits.MatchString(o.Account) {
		return nil, false, fmt.Errorf("--account %q is not a 16-digit account id", o.Account)
	}
	if (o.AccessKeyID == "") != (o.AccessKeySecret == "") {
		return nil, false, errors.New("set both ALCEDO_ACCESS_KEY_ID and ALCEDO_ACCESS_KEY_SECRET, or neither")
	}
	a, err = ReadAccount(o.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		a = &Account{ID: o.Account, Secret: make([]byte, 32)}
		if a.ID == "" {
			a.ID = defaultAccount
		}
		if _, err := rand.Read(a.Secret); err != nil {
			return nil, false, err
		}
	case err != nil:
		return nil, false, err
	case o.Account != "" && o.Account != a.ID:
		return nil, false, fmt.Errorf("the data directory %s belongs to account %s, not %s: start without --account, or with another --data", o.Data, a.ID, o.Account)
	}
	changed := err != nil
	if o.AccessKeyID == "" && a.AccessKeyID == "" {
		a.AccessKeyID, a.AccessKeySecret = "LTAI"+randomText(20), randomText(30)
		changed, made = true, true
	}
	if changed {
		if err := writeAccount(o.Data, a); err != nil {
			return nil, false, err
		}
	}
	if o.AccessKeyID != "" {
		a.AccessKeyID, a.AccessKeySecret = o.AccessKeyID, o.AccessKeySecret
	}
	return a, made, nil
}

func randomText(n int) string {
	const alphabet = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz" // 58, no look-alikes
	var out []byte
	var b [64]byte
	for len(out) < n {
		if _, err := rand.Read(b[:]); err != nil {
			panic("no randomness: " + err.Error()) // crypto/rand never fails
		}
		for _, c := range b {
			if int(c) < 4*len(alphabet) && len(out) < n {
				out = append(out, alphabet[int(c)%len(alphabet)])
			}
		}
	}
	return string(out)
}

// writeAccount replaces the file whole, and durably.
func writeAccount(dir string, a *Account) error {
	b, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, accountFile)
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
