package function

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

var testLimits = limits{unpacked: 1 << 20, entries: 100}

func TestUnzip(t *testing.T) {
	dir := t.TempDir()
	defer syscall.Umask(syscall.Umask(0o077))
	z := makeZip(t,
		entry{name: "index.js", body: "code", mode: 0o600},
		entry{name: "bin/tool", body: "#!/bin/sh", mode: 0o711},
		entry{name: "empty/", mode: fs.ModeDir | 0o700},
		entry{name: "./lib/../index.js.map", body: "x"},
		entry{name: "node_modules/.bin/x", body: "../../bin/tool", mode: fs.ModeSymlink | 0o777},
		entry{name: "dangling", body: "nowhere", mode: fs.ModeSymlink | 0o777},
		entry{name: "index.js", body: "later code"},
	)
	// "./lib/../x" has a ".." and is refused; without it everything passes.
	if err := unzip(bytes.NewReader(z), int64(len(z)), t.TempDir(), testLimits); !fault.Is(err, "InvalidArgument") {
		t.Fatalf("a name with '..': %v", err)
	}
	z = makeZip(t,
		entry{name: "index.js", body: "code", mode: 0o600},
		entry{name: "bin/tool", body: "#!/bin/sh", mode: 0o711},
		entry{name: "empty/", mode: fs.ModeDir | 0o700},
		entry{name: "./dot.js", body: "x"},
		entry{name: "node_modules/.bin/x", body: "../../bin/tool", mode: fs.ModeSymlink | 0o777},
		entry{name: "dangling", body: "nowhere", mode: fs.ModeSymlink | 0o777},
		entry{name: "index.js", body: "later code"},
	)
	if err := unzip(bytes.NewReader(z), int64(len(z)), dir, testLimits); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		body string
		mode fs.FileMode
	}{"index.js": {"later code", 0o644}, "bin/tool": {"#!/bin/sh", 0o755}, "dot.js": {"x", 0o644}, "node_modules/.bin/x": {"#!/bin/sh", 0o755}} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		info, _ := os.Stat(filepath.Join(dir, name))
		if err != nil || string(b) != want.body || info.Mode().Perm() != want.mode {
			t.Errorf("%s: %q %v %v", name, b, info.Mode(), err)
		}
	}
	for _, d := range []string{"empty", "bin", "node_modules", "node_modules/.bin"} {
		if info, err := os.Stat(filepath.Join(dir, d)); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v %v", d, info, err)
		}
	}
}

func TestUnzipRefuses(t *testing.T) {
	link := fs.ModeSymlink | 0o777
	good := makeZip(t, entry{name: "index.js", body: strings.Repeat("code ", 100)})
	damaged := bytes.Clone(good)
	damaged[45] ^= 0xff // within the deflated data
	encrypted := bytes.Clone(good)
	cd := bytes.LastIndex(encrypted, []byte("PK\x01\x02"))
	encrypted[cd+8] |= 1
	method := bytes.Clone(good)
	binary.LittleEndian.PutUint16(method[bytes.LastIndex(method, []byte("PK\x01\x02"))+10:], 14)
	lying := makeZip(t, entry{name: "a", body: strings.Repeat("0", 2<<20)})
	binary.LittleEndian.PutUint32(lying[bytes.LastIndex(lying, []byte("PK\x01\x02"))+24:], 10)
	many := make([]entry, 101)
	for i := range many {
		many[i].name = "f" + strings.Repeat("x", i)
	}
	for name, c := range map[string]struct {
		zip  []byte
		says string
	}{
		"no zip":            {[]byte("hello"), "cannot be read as a zip"},
		"nothing":           {nil, "cannot be read as a zip"},
		"cut":               {good[:len(good)-10], "cannot be read as a zip"},
		"no files":          {makeZip(t), "no files"},
		"dot dot":           {makeZip(t, entry{name: "../x"}), "leads out"},
		"dot dot inside":    {makeZip(t, entry{name: "a/../../x"}), "leads out"},
		"absolute":          {makeZip(t, entry{name: "/etc/x"}), "absolute"},
		"backslash":         {makeZip(t, entry{name: `a\b`}), "backslash"},
		"zero byte":         {makeZip(t, entry{name: "a\x00b"}), "zero byte"},
		"long part":         {makeZip(t, entry{name: strings.Repeat("a", 256)}), "longer than 255"},
		"device":            {makeZip(t, entry{name: "dev", mode: fs.ModeDevice | 0o666}), "special file"},
		"link absolute":     {makeZip(t, entry{name: "l", body: "/etc/passwd", mode: link}), "symbolic link"},
		"link out":          {makeZip(t, entry{name: "d/l", body: "../../x", mode: link}), "symbolic link"},
		"link chain out":    {makeZip(t, entry{name: "d/e/f", body: "x"}, entry{name: "a", body: "d/e", mode: link}, entry{name: "b", body: "a/../../..", mode: link}, entry{name: "d/up", body: "..", mode: link}, entry{name: "c", body: "d/up/../x", mode: link}), "symbolic link"},
		"link empty":        {makeZip(t, entry{name: "l", mode: link}), "symbolic link"},
		"file over dir":     {makeZip(t, entry{name: "a/b", body: "x"}, entry{name: "a", body: "x"}), "in the way"},
		"file under file":   {makeZip(t, entry{name: "a", body: "x"}, entry{name: "a/b", body: "x"}), "in the way"},
		"link over file":    {makeZip(t, entry{name: "a", body: "x"}, entry{name: "a", body: "b", mode: link}), "in the way"},
		"damaged":           {damaged, "damaged"},
		"encrypted":         {encrypted, "encrypted"},
		"odd method":        {method, "compression method 14"},
		"too large":         {makeZip(t, entry{name: "a", body: strings.Repeat("0", 2<<20)}), "unpacks to more than"},
		"too large, hidden": {lying, ""},
		"too many":          {makeZip(t, many...), "101 entries"},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, func(o *Options) { o.MaxUnpacked, o.MaxEntries = testLimits.unpacked, testLimits.entries })
			_, err := h.AddCode(context.Background(), bytes.NewReader(c.zip), "")
			if !fault.Is(err, "InvalidArgument") || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v, want it to say %q", err, c.says)
			}
			if left, _ := os.ReadDir(h.dir); len(left) > 0 {
				t.Fatalf("a refused package left %v", left)
			}
		})
	}
}

func TestUnzipRatio(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	// What a directory declares is enough to refuse it; nothing is unpacked.
	f, err := w.CreateRaw(&zip.FileHeader{Name: "zeros", Method: zip.Deflate, CompressedSize64: 3, UncompressedSize64: 70 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	err = unzip(bytes.NewReader(b.Bytes()), int64(b.Len()), t.TempDir(), limits{unpacked: 500 << 20, entries: 10})
	if !fault.Is(err, "InvalidArgument") || !strings.Contains(err.Error(), "bomb") {
		t.Fatal(err)
	}
}

// Whatever the bytes, unzip writes inside its directory only, and no more than it may.
func FuzzUnzip(f *testing.F) {
	link := fs.ModeSymlink | 0o777
	f.Add(makeZip(f, entry{name: "index.js", body: "x"}))
	f.Add(makeZip(f, entry{name: "../x", body: "x"}))
	f.Add(makeZip(f, entry{name: "a", body: "..", mode: link}, entry{name: "a/b", body: "x"}))
	f.Add(makeZip(f, entry{name: "d/a", body: "..", mode: link}, entry{name: "b", body: "d/a/..", mode: link}))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, b []byte) {
		outer := t.TempDir()
		dir := filepath.Join(outer, "code")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		err := unzip(bytes.NewReader(b), int64(len(b)), dir, limits{unpacked: 1 << 16, entries: 64})
		if entries, _ := os.ReadDir(outer); len(entries) != 1 {
			t.Fatalf("wrote outside: %v", entries)
		}
		if err != nil {
			return
		}
		var total int64
		_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				t.Fatal(err)
			}
			if d.Type()&fs.ModeSymlink != 0 {
				if real, err := filepath.EvalSymlinks(p); err == nil && real != dir && !strings.HasPrefix(real, dir+"/") {
					t.Fatalf("%s leads to %s", p, real)
				}
			} else if d.Type().IsRegular() {
				info, _ := d.Info()
				total += info.Size()
			}
			return nil
		})
		if total > 1<<16 {
			t.Fatalf("%d bytes unpacked", total)
		}
	})
}
