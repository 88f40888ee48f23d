package runtimes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// Runtime is one runtime name and what serves it on this host.
type Runtime struct {
	Name      string `json:"name"` // the cloud's identifier
	Language  string `json:"language"`
	Available bool   `json:"available"`
	Path      string `json:"path,omitempty"`    // the interpreter
	Version   string `json:"version,omitempty"` // its version
	Exact     bool   `json:"exact"`             // its version is the one the name means
	Why       string `json:"why,omitempty"`     // not available, or another version: why
	Install   string `json:"install,omitempty"` // what to do to get it

	Prefix string    `json:"-"` // where the interpreter lives
	Family *Language `json:"-"`
}

// names are the cloud's identifiers, and php8.2 of ours, since no host of today has
// PHP 7.2. Versions: major and, where the name has it, minor; -1: any.
var names = []struct {
	name, lang   string
	major, minor int
}{
	{"nodejs20", "nodejs", 20, -1}, {"nodejs18", "nodejs", 18, -1}, {"nodejs16", "nodejs", 16, -1}, {"nodejs14", "nodejs", 14, -1}, {"nodejs12", "nodejs", 12, -1},
	{"python3.12", "python", 3, 12}, {"python3.10", "python", 3, 10}, {"python3.9", "python", 3, 9}, {"python3", "python", 3, 6},
	{"php8.2", "php", 8, 2}, {"php7.2", "php", 7, 2},
}

// unsupported are identifiers of the cloud that Alcedo understands and cannot run.
var unsupported = []string{"nodejs10", "nodejs8", "python2.7", "java11", "java8", "go1", "dotnetcore3.1", "dotnetcore2.1",
	"custom", "custom.debian10", "custom.debian11", "custom.debian12", "custom-container", "micro-sandbox"}

type interpreter struct {
	lang, path, prefix, version string
	major, minor                int
}

// Host is what interpreters a machine has. They are looked for once, at first use.
type Host struct {
	path string // as $PATH
	once sync.Once
	list []Runtime
}

// NewHost looks for interpreters in the directories of path, a list as in $PATH.
func NewHost(path string) *Host { return &Host{path: path} }

// All lists every runtime name with what serves it, in the order of the cloud's list.
func (h *Host) All() []Runtime {
	h.once.Do(func() {
		found := h.find()
		for _, n := range names {
			h.list = append(h.list, pick(n.name, n.lang, n.major, n.minor, found))
		}
	})
	return h.list
}

// Check returns what serves a runtime name; an error says why nothing does.
func (h *Host) Check(name string) (Runtime, error) {
	for _, r := range h.All() {
		if r.Name != name {
			continue
		}
		if !r.Available {
			return r, fault.New(fault.Unsupported, "RuntimeNotInstalled", "runtime '%s' cannot run on this host: %s.", name, r.Why).WithHint("%s", r.Install)
		}
		return r, nil
	}
	known := make([]string, len(names))
	for i, n := range names {
		known[i] = n.name
	}
	if slices.Contains(unsupported, name) {
		return Runtime{}, fault.New(fault.Unsupported, "InvalidArgument", "runtime '%s' exists in the cloud, but Alcedo does not run it.", name).
			WithHint("Choose one of: %s.", strings.Join(known, ", "))
	}
	return Runtime{}, fault.New(fault.Invalid, "InvalidArgument", "runtime '%s' is unknown.", name).
		WithHint("Choose one of: %s.", strings.Join(known, ", "))
}

// pick chooses the interpreter nearest to a version: the version itself, else the
// smallest difference, the newer one of two; never another major version of Python.
func pick(name, lang string, major, minor int, found []interpreter) Runtime {
	r := Runtime{Name: name, Language: lang, Family: languages[lang]}
	want := strconv.Itoa(major)
	if minor >= 0 {
		want += "." + strconv.Itoa(minor)
	}
	dist := func(i interpreter) int {
		d := (i.major - major) * 100
		if minor >= 0 {
			d += i.minor - minor
		}
		if d < 0 {
			return -2 * d // older counts as a little farther
		}
		return 2*d - 1
	}
	best := -1
	for i, c := range found {
		if c.lang != lang || lang == "python" && c.major != 3 {
			continue
		}
		if best < 0 || dist(c) < dist(found[best]) {
			best = i
		}
	}
	r.Install = "Install it, for example with: " + fmt.Sprintf(languages[lang].install, want) + "."
	if best < 0 {
		r.Why = fmt.Sprintf("no %s interpreter was found in PATH", map[string]string{"nodejs": "Node.js", "python": "Python 3", "php": "PHP"}[lang])
		if lang == "php" { // Debian and Ubuntu of today have no 7.2
			r.Install = "Install it, for example with: apt-get install php8.2-cli php8.2-curl php8.2-xml."
		}
		return r
	}
	c := found[best]
	r.Available, r.Path, r.Prefix, r.Version = true, c.path, c.prefix, c.version
	r.Exact = c.major == major && (minor < 0 || c.minor == minor)
	if r.Exact {
		r.Install = ""
	} else {
		r.Why = fmt.Sprintf("served by %s, the nearest version on this host", c.version)
	}
	return r
}

var (
	binary  = regexp.MustCompile(`^(node|nodejs|python3(\.\d+)?|php(\d\.\d)?)$`)
	version = regexp.MustCompile(`(\d+)\.(\d+)(\.\d+)?`)
)

// find looks for interpreters in PATH, resolves links and version managers' shims to
// real files, and asks each for its version.
func (h *Host) find() []interpreter {
	seen := map[string]bool{}
	var todo []interpreter
	add := func(p string) {
		real, err := filepath.EvalSymlinks(p)
		if err != nil || seen[real] {
			return
		}
		seen[real] = true
		if st, err := os.Stat(real); err != nil || !st.Mode().IsRegular() || st.Mode().Perm()&0o111 == 0 {
			return
		}
		lang := "nodejs"
		switch base := filepath.Base(p); {
		case strings.HasPrefix(base, "python"):
			lang = "python"
		case strings.HasPrefix(base, "php"):
			lang = "php"
		}
		todo = append(todo, interpreter{lang: lang, path: real, prefix: filepath.Dir(filepath.Dir(real))})
	}
	for _, dir := range filepath.SplitList(h.path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if !binary.MatchString(e.Name()) {
				continue
			}
			if filepath.Base(dir) != "shims" {
				add(filepath.Join(dir, e.Name()))
				continue
			}
			// A shim is a script that starts the manager: slow, and useless without it.
			real, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "versions", "*", "bin", e.Name()))
			for _, p := range real {
				add(p)
			}
		}
	}
	var wg sync.WaitGroup
	for i := range todo {
		wg.Go(func() { todo[i].ask() })
	}
	wg.Wait()
	return slices.DeleteFunc(todo, func(i interpreter) bool { return i.version == "" })
}

func (i *interpreter) ask() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	arg := "--version"
	c := exec.CommandContext(ctx, i.path, arg)
	c.Env = []string{"PATH=/usr/bin:/bin", "HOME=/nonexistent"}
	out, err := c.Output()
	if err != nil {
		return
	}
	m := version.FindStringSubmatch(string(out))
	if m == nil {
		return
	}
	i.version = m[0]
	i.major, _ = strconv.Atoi(m[1])
	i.minor, _ = strconv.Atoi(m[2])
}
