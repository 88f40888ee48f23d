// Package runtimes knows the languages functions are written in: their bootstraps, the
// interpreters this host has, and which interpreter serves which of the cloud's runtime
// names.
package runtimes

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
)

//go:embed nodejs/bootstrap.js
var nodejsBoot []byte

//go:embed python/bootstrap.py
var pythonBoot []byte

//go:embed php/bootstrap.php
var phpBoot []byte

// Language is one family of runtimes.
type Language struct {
	Name string // nodejs, python, php
	// Concurrent: one instance can run several calls at once.
	Concurrent bool

	boot    []byte
	bootExt string
	prefix  string   // of runtime names
	install string   // how a host gets it, %s: major.minor or major version
	flags   []string // for the interpreter, before the bootstrap
	exts    []string // of handler files
	dotted  bool     // "a.b" may mean a/b
	// env of every process, given where the built-in modules and the trust bundle are
	env func(p Paths) []string
	// atStart lists names and prefixes (ending in *) of environment variables that the
	// interpreter reads when it starts, not later.
	atStart []string
}

// Paths are places as an instance sees them.
type Paths struct {
	Boot    string // directory of the bootstraps
	Modules string // directory that holds nodejs/, python/, php/; may not exist
	PHP     string // directory with an autoload.php to use instead of Modules/php/vendor; may be empty
	Bundle  string // trusted certificates, PEM; empty: the system's
	LocalCA string // the local authority alone; empty: none
}

var languages = map[string]*Language{
	"nodejs": {
		Name: "nodejs", Concurrent: true, boot: nodejsBoot, bootExt: ".js", prefix: "nodejs", install: "apt-get install nodejs (%s or near it), or from https://nodejs.org",
		exts: []string{".js", ".mjs", ".cjs"},
		env: func(p Paths) []string {
			e := []string{"NODE_PATH=" + p.Modules + "/nodejs/node_modules:/opt/nodejs/node_modules"}
			if p.LocalCA != "" {
				e = append(e, "NODE_EXTRA_CA_CERTS="+p.LocalCA)
			}
			return e
		},
		atStart: []string{"NODE_*", "UV_*", "OPENSSL_*"},
	},
	"python": {
		Name: "python", boot: pythonBoot, bootExt: ".py", prefix: "python", install: "apt-get install python3 (%s or near it)",
		// No site: packages installed on the host are no part of the cloud's runtime.
		// No byte code: /code is read-only.
		flags: []string{"-S", "-s", "-B"}, exts: []string{".py", "/__init__.py"}, dotted: true,
		env:     func(Paths) []string { return nil },
		atStart: []string{"PYTHON*", "OPENSSL_*"},
	},
	"php": {
		Name: "php", boot: phpBoot, bootExt: ".php", prefix: "php", install: "apt-get install php%[1]s-cli php%[1]s-curl php%[1]s-xml",
		flags: []string{"-d", "display_errors=1", "-d", "log_errors=0", "-d", "html_errors=0", "-d", "output_buffering=0", "-d", "implicit_flush=1",
			"-d", "max_execution_time=0", "-d", "date.timezone=UTC", "-d", "variables_order=EGPCS"},
		exts: []string{".php"},
		env:  func(Paths) []string { return nil }, atStart: []string{"PHP*", "OPENSSL_*"},
	},
}

// atStart holds for every language: the loader and the C library read these once.
var atStart = []string{"LD_*", "TZ", "LANG", "LANGUAGE", "LC_*", "MALLOC_*", "GLIBC_*", "GCONV_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "PATH", "HOME", "TMPDIR"}

// ColdOnly reports whether a function with these environment variables needs a process
// that was started with them.
func (l *Language) ColdOnly(env map[string]string) bool {
	for k := range env {
		for _, list := range [2][]string{atStart, l.atStart} {
			for _, p := range list {
				if pre, ok := strings.CutSuffix(p, "*"); ok && strings.HasPrefix(k, pre) || p == k {
					return true
				}
			}
		}
	}
	return false
}

// Argv is the command that runs the bootstrap.
func (l *Language) Argv(interpreter string, p Paths) []string {
	a := append([]string{interpreter}, l.flags...)
	if l.Name == "php" && p.Bundle != "" {
		a = append(a, "-d", "curl.cainfo="+p.Bundle, "-d", "openssl.cafile="+p.Bundle)
	}
	return append(a, filepath.Join(p.Boot, l.Name+l.bootExt))
}

// Env is the environment every process of the language starts with.
func (l *Language) Env(interpreter string, p Paths) []string {
	e := []string{
		"PATH=" + filepath.Dir(interpreter) + ":/usr/local/bin:/usr/bin:/bin",
		"HOME=/tmp", "LANG=C.UTF-8", "TZ=UTC", "FC_FUNC_CODE_PATH=/code",
	}
	if p.Bundle != "" {
		e = append(e, "SSL_CERT_FILE="+p.Bundle, "REQUESTS_CA_BUNDLE="+p.Bundle, "CURL_CA_BUNDLE="+p.Bundle)
	}
	return append(e, l.env(p)...)
}

// Modules are the places of built-in modules that a bootstrap is told of.
func (l *Language) Modules(p Paths) []string {
	switch l.Name {
	case "python":
		return []string{"/opt/python", p.Modules + "/python"}
	case "php":
		m := []string{}
		if p.PHP != "" {
			m = append(m, p.PHP+"/autoload.php")
		}
		return append(m, p.Modules+"/php/vendor/autoload.php")
	}
	return []string{}
}

// Split takes a handler apart: "dir/file.function". ok is false for any other form.
func Split(handler string) (file, function string, ok bool) {
	i := strings.LastIndexByte(handler, '.')
	if i <= 0 || i == len(handler)-1 || strings.Contains(handler, "..") || strings.HasPrefix(handler, "/") {
		return "", "", false
	}
	return handler[:i], handler[i+1:], true
}

// HandlerFile finds the file that a handler means below code, relative to it; tried
// lists what was looked for.
func (l *Language) HandlerFile(code, file string) (found string, tried []string) {
	names := []string{file}
	if l.dotted && strings.Contains(file, ".") {
		names = append(names, strings.ReplaceAll(file, ".", "/"))
	}
	for _, n := range names {
		for _, x := range l.exts {
			if st, err := os.Stat(filepath.Join(code, n+x)); err == nil && st.Mode().IsRegular() {
				return n + x, nil
			}
			tried = append(tried, n+x)
		}
	}
	return "", tried
}

// WriteBoot writes the bootstraps into dir.
func WriteBoot(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, l := range languages {
		if err := os.WriteFile(filepath.Join(dir, l.Name+l.bootExt), l.boot, 0o644); err != nil {
			return err
		}
	}
	return nil
}
