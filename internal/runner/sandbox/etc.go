package sandbox

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Bundle is where programs inside look for trusted certificates.
const Bundle = "/etc/ssl/certs/ca-certificates.crt"

// LocalCA holds the local authority's certificate alone.
const LocalCA = "/etc/ssl/certs/alcedo-ca.crt"

// made is the /etc of a sandbox, as far as it is written by us.
var made = map[string]string{
	"passwd":        "root:x:0:0:root:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
	"group":         "root:x:0:\nnogroup:x:65534:\n",
	"hosts":         "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n",
	"resolv.conf":   "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n",
	"nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
	"host.conf":     "multi on\n",
}

// copied is what programs below /usr need of the host's /etc to run at all. Only files
// that every user of the host may read are taken.
var copied = []string{"ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "php", "mime.types", "services", "protocols",
	"fonts", "ImageMagick-6", "magic", "ssl/openssl.cnf", "debian_version", "os-release"}

// BuildEtc makes dir the /etc of sandboxes: files of ours, a little of the host's, and a
// trust bundle of the host's certificates plus ca (PEM). An earlier dir is replaced.
func BuildEtc(dir string, ca []byte) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "ssl/certs"), 0o755); err != nil {
		return err
	}
	for name, text := range made {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, name := range copied {
		if err := copyPublic(filepath.Join("/etc", name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	var host []byte
	for _, f := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem"} {
		if b, err := os.ReadFile(f); err == nil {
			host = append(bytes.TrimRight(b, "\n"), '\n')
			break
		}
	}
	if err := os.WriteFile(filepath.Join(dir, LocalCA[len("/etc"):]), ca, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, Bundle[len("/etc"):]), append(host, ca...), 0o644)
}

func copyPublic(from, to string) error {
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
				return nil
			}
			return err
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		dst := filepath.Join(to, rel)
		info, err := d.Info()
		if err != nil {
			return nil // gone in between
		}
		switch {
		case d.IsDir():
			if info.Mode().Perm()&0o005 != 0o005 {
				return fs.SkipDir
			}
			return os.MkdirAll(dst, 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(p)
			if err != nil {
				return nil
			}
			// Three quarters of Debian's alternatives: with them, a server's start takes
			// 100 ms longer on some disks.
			if strings.Contains(link, "/man/man") {
				return nil
			}
			return os.Symlink(link, dst)
		case d.Type().IsRegular() && info.Mode().Perm()&0o004 != 0 && info.Size() < 4<<20:
			b, err := os.ReadFile(p)
			if err != nil {
				return nil
			}
			return os.WriteFile(dst, b, 0o644)
		}
		return nil
	})
}
