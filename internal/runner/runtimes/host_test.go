package runtimes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

func fake(t *testing.T, dir, name, version string) string {
	t.Helper()
	os.MkdirAll(dir, 0o755)
	p := filepath.Join(dir, name)
	if err := os.WriteFile(p, []byte("#!/bin/sh\necho "+version+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNearest(t *testing.T) {
	root, _ := filepath.EvalSymlinks(t.TempDir())
	bin := filepath.Join(root, "bin")
	fake(t, bin, "node", "v18.19.0")
	fake(t, bin, "python", "Python 2.7.18") // never looked at
	py311 := fake(t, bin, "python3", "Python 3.11.2")
	py39 := fake(t, filepath.Join(root, "pyenv/versions/3.9.18/bin"), "python3.9", "Python 3.9.18")
	fake(t, filepath.Join(root, "pyenv/shims"), "python3.9", "a shim must not be run")
	h := NewHost(bin + ":" + filepath.Join(root, "pyenv/shims"))
	for name, want := range map[string]struct {
		path  string
		exact bool
	}{
		"nodejs20":   {filepath.Join(bin, "node"), false},
		"nodejs18":   {filepath.Join(bin, "node"), true},
		"python3.12": {py311, false},
		"python3.10": {py311, false}, // 3.9 and 3.11 are as near: the newer one
		"python3.9":  {py39, true},
		"python3":    {py39, false},
	} {
		r, err := h.Check(name)
		if err != nil || r.Path != want.path || r.Exact != want.exact || r.Version == "" {
			t.Errorf("%s: %+v %v", name, r, err)
		}
	}
	_, err := h.Check("php8.2")
	if !fault.Is(err, "RuntimeNotInstalled") || !strings.Contains(err.Error(), "apt-get install php8.2-cli") {
		t.Errorf("php: %v", err)
	}
	_, err = h.Check("cobol")
	if !fault.Is(err, "InvalidArgument") || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "nodejs20") {
		t.Errorf("unknown: %v", err)
	}
	if _, err = h.Check("java11"); fault.KindOf(err) != fault.Unsupported {
		t.Errorf("java11: %v", err)
	}
}

func TestColdOnly(t *testing.T) {
	for _, c := range []struct {
		lang, key string
		want      bool
	}{
		{"nodejs", "NODE_OPTIONS", true}, {"nodejs", "LD_PRELOAD", true}, {"nodejs", "TZ", true}, {"nodejs", "FOO", false},
		{"nodejs", "PYTHONPATH", false}, {"python", "PYTHONPATH", true}, {"php", "PHP_INI_SCAN_DIR", true}, {"nodejs", "TZX", false},
	} {
		if got := languages[c.lang].ColdOnly(map[string]string{c.key: "x"}); got != c.want {
			t.Errorf("%s %s: %v", c.lang, c.key, got)
		}
	}
}

func TestSplit(t *testing.T) {
	for in, want := range map[string]string{
		"index.handler": "index|handler", "src/a/index.main": "src/a/index|main", "pkg.mod.f": "pkg.mod|f",
		"index": "", ".x": "", "x.": "", "../x.f": "", "/etc/x.f": "",
	} {
		f, fn, ok := Split(in)
		if got := f + "|" + fn; ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q %v", in, got, ok)
		}
	}
}
