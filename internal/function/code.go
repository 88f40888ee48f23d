package function

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alcedo-storage/alcedo/internal/blob"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/kv/row"
)

// A package lives in three places: its zip is a blob (the truth), its row in tablePackage
// names that blob, and Dir/<Code.ID> holds its files (a cache, unpacked again when
// missing). A package is added before any function names it. Rows in tableRef say who
// does; one that nobody names for Options.Grace is collected. The time runs from its
// last upload or last use, so an upload that finds its content here already is safe
// from a collection under way: both touch the package's row, and one of them conflicts.
type codePackage struct {
	Code    Code      `cbor:"1,keyasint"`
	Touched time.Time `cbor:"2,keyasint"`
}

const temporary = "tmp-" // what names in Dir that are not packages begin with

var crcTable = crc64.MakeTable(crc64.ECMA)

// AddCode reads a code package, a zip, and keeps it; nothing refers to it until Create
// or Update names it, and it is collected if none does. checksum, if not empty, must be
// its CRC-64/ECMA-182 as a decimal number. Adding the same bytes again gives the same
// Code. The zip is checked whole, and unpacked, before anything is kept.
//
// Reasons InvalidArgument (not a zip, names that lead out of it, too many or too large
// files, wrong checksum), EntityTooLarge.
func (s *Store) AddCode(ctx context.Context, r io.Reader, checksum string) (Code, error) {
	zr, size, done, err := s.spool(r)
	if err != nil {
		return Code{}, err
	}
	defer done()
	sha, crc := sha256.New(), crc64.New(crcTable)
	if _, err := io.Copy(io.MultiWriter(sha, crc), io.NewSectionReader(zr, 0, size)); err != nil {
		return Code{}, diskFault(err)
	}
	code := Code{ID: hex.EncodeToString(sha.Sum(nil)), Checksum: strconv.FormatUint(crc.Sum64(), 10), Size: size}
	if checksum != "" && checksum != code.Checksum {
		return Code{}, fault.New(fault.Invalid, "InvalidArgument",
			"code.checksum '%s' does not match the code package: its CRC-64/ECMA-182 is %s (%d bytes).", shown(checksum), code.Checksum, size).
			WithHint("Upload the package again; if it is whole, mend the checksum.")
	}

	s.codeMu.RLock()
	defer s.codeMu.RUnlock()
	if known, err := s.touch(ctx, code, ""); err != nil || known.ID != "" {
		return known, err
	}
	if err := s.unpack(zr, size, code.ID); err != nil {
		return Code{}, err
	}
	id, err := s.keepZip(ctx, zr, size)
	if err != nil {
		return Code{}, err
	}
	kept, err := s.touch(ctx, code, id)
	if (err != nil || kept.Blob != id) && !errors.Is(err, kv.ErrUndecided) {
		_ = s.blobs.Delete(ctx, id) // of no use to anyone; the collector of blobs finds it if this fails
	}
	return kept, err
}

// spool gives random access to the bytes of r, by way of a file where need be.
func (s *Store) spool(r io.Reader) (io.ReaderAt, int64, func(), error) {
	tooLarge := fault.New(fault.TooLarge, "EntityTooLarge", "payload size exceeds maximum allowed size (%d bytes)", s.opt.MaxZip).
		WithHint("Leave out of the code package what the function does not need.")
	if b, ok := r.(*bytes.Reader); ok {
		if b.Size() > s.opt.MaxZip {
			return nil, 0, nil, tooLarge
		}
		return b, b.Size(), func() {}, nil
	}
	f, err := os.CreateTemp(s.opt.Dir, temporary+"*.zip")
	if err != nil {
		return nil, 0, nil, diskFault(err)
	}
	done := func() { f.Close(); os.Remove(f.Name()) }
	n, err := io.Copy(f, io.LimitReader(r, s.opt.MaxZip+1))
	if err == nil && n > s.opt.MaxZip {
		err = tooLarge
	}
	if err != nil {
		done()
		return nil, 0, nil, diskFault(err)
	}
	return f, n, done, nil
}

// touch renews a package's row, or makes it when blobID is given, and returns the code
// it holds; an empty Code if there is none and blobID is empty.
func (s *Store) touch(ctx context.Context, code Code, blobID string) (Code, error) {
	var out Code
	now := s.now()
	err := s.kv.Update(ctx, func(t kv.Txn) error {
		out = Code{}
		key := row.Key(tablePackage, code.ID)
		p, err := get[codePackage](t, key)
		switch {
		case errors.Is(err, kv.ErrNotFound) && blobID == "":
			return nil
		case errors.Is(err, kv.ErrNotFound):
			p = &codePackage{Code: code}
			p.Code.Blob = blobID
		case err != nil:
			return err
		}
		p.Touched = now
		out = p.Code
		return put(t, key, p)
	})
	return out, err
}

func (s *Store) keepZip(ctx context.Context, r io.ReaderAt, size int64) (string, error) {
	w, err := s.blobs.Create(ctx)
	if err != nil {
		return "", diskFault(err)
	}
	defer w.Abort()
	if _, err := io.Copy(w, io.NewSectionReader(r, 0, size)); err != nil {
		return "", diskFault(err)
	}
	id, err := w.Commit()
	return id, diskFault(err)
}

// unpack makes Dir/<id> from a zip; it is there whole or not at all.
func (s *Store) unpack(r io.ReaderAt, size int64, id string) error {
	dir := filepath.Join(s.opt.Dir, id)
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	tmp, err := os.MkdirTemp(s.opt.Dir, temporary)
	if err != nil {
		return diskFault(err)
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return diskFault(err)
	}
	if err := unzip(r, size, tmp, limits{unpacked: s.opt.MaxUnpacked, entries: s.opt.MaxEntries}); err != nil {
		return diskFault(err)
	}
	if err := syncTree(tmp); err != nil {
		return diskFault(err)
	}
	if err := os.Rename(tmp, dir); err != nil {
		if _, statErr := os.Stat(dir); statErr == nil {
			return nil // somebody else was faster
		}
		return diskFault(err)
	}
	return diskFault(syncDir(s.opt.Dir))
}

// CodeDir returns the directory that holds the files of a function's code. It must not
// be changed. Where the directory is missing it is unpacked again.
func (s *Store) CodeDir(ctx context.Context, r *Resolved) (string, error) {
	return s.CodePath(ctx, r.Config.Code)
}

// CodePath is CodeDir for a package that may not belong to a function yet.
func (s *Store) CodePath(ctx context.Context, code Code) (string, error) {
	if code.ID == "" || strings.ContainsAny(code.ID, "./\\") {
		return "", fault.New(fault.Invalid, "InvalidArgument", "The function has no code package.").WithHint("Update it with code.")
	}
	dir := filepath.Join(s.opt.Dir, code.ID)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	_, err, _ := s.unpacked.Do(code.ID, func() (any, error) {
		s.codeMu.RLock()
		defer s.codeMu.RUnlock()
		f, err := s.blobs.Open(context.WithoutCancel(ctx), code.Blob) // others wait for it too
		if err != nil {
			return nil, fmt.Errorf("open code package %s: %w", code.ID, err)
		}
		defer f.Close()
		return nil, s.unpack(f, f.Size(), code.ID)
	})
	return dir, err
}

// OpenCode opens the zip of a package.
func (s *Store) OpenCode(ctx context.Context, code Code) (blob.File, error) {
	return s.blobs.Open(ctx, code.Blob)
}

// CodeByID finds a package by Code.ID. Reason CodeNotFound.
func (s *Store) CodeByID(ctx context.Context, id string) (Code, error) {
	var out Code
	err := s.kv.View(ctx, func(r kv.Reader) error {
		p, err := get[codePackage](r, row.Key(tablePackage, id))
		if errors.Is(err, kv.ErrNotFound) {
			return fault.New(fault.NotFound, "CodeNotFound", "The code package does not exist.")
		} else if err != nil {
			return err
		}
		out = p.Code
		return nil
	})
	return out, err
}

// Blobs calls fn with the id of every blob that a package is kept in. A collector of
// blobs must spare these, and those younger than the longest upload.
func (s *Store) Blobs(ctx context.Context, fn func(id string) error) error {
	return s.kv.View(ctx, func(r kv.Reader) error {
		return r.Scan(kv.Prefix([]byte(tablePackage)), func(_, value []byte) error {
			var p codePackage
			if err := row.Decode(value, &p); err != nil {
				return err
			}
			return fn(p.Code.Blob)
		})
	})
}

// addRef notes, in a transaction, that a version of a function uses a package.
func (s *Store) addRef(t kv.Txn, code Code, name, version string) error {
	p, err := get[codePackage](t, row.Key(tablePackage, code.ID))
	if errors.Is(err, kv.ErrNotFound) {
		return fault.New(fault.Conflict, "CodeNotFound", "The code package of function '%s' is not there any more.", name).WithHint("Upload it again.")
	} else if err != nil {
		return err
	}
	if p.Code != code {
		return fault.New(fault.Internal, "InternalServerError", "The code package of function '%s' is not the one that was added.", name)
	}
	t.Set(row.Key(tableRef, code.ID, name, version), nil)
	return nil
}

// dropRef takes addRef back; a package that nobody uses then is as if just uploaded.
func (s *Store) dropRef(t kv.Txn, code Code, name, version string, now time.Time) error {
	t.Delete(row.Key(tableRef, code.ID, name, version))
	used, err := hasRef(t, code.ID)
	if err != nil || used {
		return err
	}
	key := row.Key(tablePackage, code.ID)
	p, err := get[codePackage](t, key)
	if errors.Is(err, kv.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	p.Touched = now
	return put(t, key, p)
}

func hasRef(r kv.Reader, id string) (used bool, err error) {
	err = r.Scan(kv.Prefix(prefix(tableRef, id)), func(_, _ []byte) error {
		used = true
		return kv.Stop
	})
	return used, err
}

// Collect deletes packages that nothing has used for Options.Grace, and directories of
// packages that are not there. It returns how many packages it deleted. It may run at
// any time, beside everything else; once in a while is enough.
func (s *Store) Collect(ctx context.Context) (deleted int, err error) {
	var old []codePackage
	limit := s.now().Add(-s.opt.Grace)
	kept := map[string]bool{}
	err = s.kv.View(ctx, func(r kv.Reader) error {
		old = nil
		return r.Scan(kv.Prefix([]byte(tablePackage)), func(_, value []byte) error {
			var p codePackage
			if err := row.Decode(value, &p); err != nil {
				return err
			}
			kept[p.Code.ID] = true
			if p.Touched.Before(limit) {
				old = append(old, p)
			}
			return nil
		})
	})
	if err != nil {
		return 0, err
	}
	for _, p := range old {
		gone, err := s.collect(ctx, p.Code, limit)
		if err != nil {
			return deleted, err
		}
		if gone {
			deleted++
			delete(kept, p.Code.ID)
		}
	}
	return deleted, s.removeStrays(kept, limit)
}

func (s *Store) collect(ctx context.Context, code Code, limit time.Time) (gone bool, err error) {
	s.codeMu.Lock()
	defer s.codeMu.Unlock()
	err = s.kv.Update(ctx, func(t kv.Txn) error {
		gone = false
		key := row.Key(tablePackage, code.ID)
		p, err := get[codePackage](t, key)
		if errors.Is(err, kv.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		used, err := hasRef(t, code.ID)
		if err != nil || used || !p.Touched.Before(limit) {
			return err
		}
		t.Delete(key)
		gone = true
		return nil
	})
	if err != nil || !gone {
		return false, err
	}
	if err := s.removeTree(code.ID); err != nil {
		return true, err
	}
	return true, s.blobs.Delete(ctx, code.Blob)
}

// removeStrays removes directories that no row names: what a crash left behind.
func (s *Store) removeStrays(kept map[string]bool, limit time.Time) error {
	entries, err := os.ReadDir(s.opt.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || kept[e.Name()] || strings.HasPrefix(e.Name(), temporary) || !info.ModTime().Before(limit) {
			continue // a vanished entry is none of ours
		}
		s.codeMu.Lock()
		if _, err = s.CodeByID(context.Background(), e.Name()); fault.Is(err, "CodeNotFound") {
			err = s.removeTree(e.Name())
		}
		s.codeMu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// removeTree removes Dir/<id> so that nobody sees half of it.
func (s *Store) removeTree(id string) error {
	tmp := filepath.Join(s.opt.Dir, temporary+id)
	if err := os.Rename(filepath.Join(s.opt.Dir, id), tmp); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return os.RemoveAll(tmp)
}

func (s *Store) removeTemporary() error {
	left, err := filepath.Glob(filepath.Join(s.opt.Dir, temporary+"*"))
	for _, p := range left {
		if e := os.RemoveAll(p); e != nil {
			err = errors.Join(err, e)
		}
	}
	return err
}

// diskFault says in a user's words that the disk is full; other errors stay.
func diskFault(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.New(fault.Unavailable, "InsufficientStorage", "The disk that holds code packages is full.").
			WithHint("Free some space and try again; nothing was changed.").Because(err)
	}
	return err
}
