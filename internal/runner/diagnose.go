package runner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/runner/runtimes"
	"github.com/alcedo-storage/alcedo/internal/runner/sandbox"
)

// Diagnose looks, before a function is deployed, for what would make every run of it
// fail: a handler of the wrong form, a handler file that the package does not hold, and
// for PHP code that does not parse (checked by php -l, inside the sandbox). No code of
// the function runs. codeDir holds the unpacked package.
//
// The error is Invalid with reason InvalidArgument, and says what to change; an error of
// another kind means that the check itself could not be made. It takes some
// microseconds; for PHP as long as the start of a sandbox.
func (r *Runner) Diagnose(ctx context.Context, runtime, codeDir, handler string) error {
	rt, err := r.host.Check(runtime)
	if err != nil {
		return err
	}
	file, _, ok := runtimes.Split(handler)
	if !ok {
		return fault.New(fault.Invalid, "InvalidArgument", "handler '%s' is not of the form file.function.", handler).
			WithHint("For example index.handler, or src/index.handler for a file in a directory.")
	}
	found, tried := rt.Family.HandlerFile(codeDir, file)
	if found == "" {
		return fault.New(fault.Invalid, "InvalidArgument", "the code package has no file for handler '%s'; looked for %s.", handler, strings.Join(tried, ", ")).
			WithHint("%s", packageHint(codeDir, tried))
	}
	if rt.Language == "php" {
		return r.lint(ctx, rt, codeDir, found)
	}
	return nil
}

// packageHint finds the usual mistake: a zip of the directory instead of its contents.
func packageHint(codeDir string, tried []string) fault.Sentence {
	for _, t := range tried {
		if m, _ := filepath.Glob(filepath.Join(codeDir, "*", t)); len(m) > 0 {
			dir := filepath.Base(strings.TrimSuffix(m[0], "/"+t))
			return fault.Say("It holds %s/%s: zip the contents of the directory, not the directory, or set the handler to %s/….", dir, t, dir)
		}
	}
	e, _ := os.ReadDir(codeDir)
	var names []string
	for _, f := range e {
		if len(names) == 8 {
			names = append(names, "…")
			break
		}
		names = append(names, f.Name())
	}
	if len(names) == 0 {
		return fault.Word("The package is empty.")
	}
	return fault.Say("At its root it holds: %s.", strings.Join(names, ", "))
}

var (
	lintError = regexp.MustCompile(`(?s)(?:PHP )?((?:Parse|Fatal) error: .*?) in (\S+) on line (\d+)`)
	oldOffset = regexp.MustCompile(`[\w\])]\s*\{\s*[-\w$'"]+\s*\}`)
)

func (r *Runner) lint(ctx context.Context, rt Runtime, codeDir, file string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	path := filepath.Join(codeDir, file)
	if r.driver.Isolated() {
		path = filepath.Join(sandbox.CodePath, file)
	}
	spec := sandbox.Spec{ID: newID(time.Now()), Code: codeDir, TmpMB: 1, Prefix: rt.Prefix, Scratch: os.TempDir(),
		// -n: no extension is needed to parse, and loading them is most of PHP's start.
		Argv: []string{rt.Path, "-n", "-d", "display_errors=1", "-d", "log_errors=0", "-d", "html_errors=0", "-l", path}, Env: []string{"PATH=/usr/bin:/bin"}}
	if !r.enter(false) {
		return draining()
	}
	defer r.wg.Done()
	p, err := r.driver.Start(spec)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, p.Kill)
	defer stop()
	if r.driver.Isolated() {
		fds, _, err := p.Handshake(10 * time.Second)
		if err != nil {
			p.Kill()
		}
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
	st, err := p.Wait()
	var out [16 << 10]byte // a pipe holds 64 KB: what php -l says fits in it
	n, _ := unix.Read(p.Out, out[:])
	p.Close()
	if err == nil && st.Success() {
		return nil
	}
	m := lintError.FindSubmatch(out[:max(n, 0)])
	if m == nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fault.New(fault.Internal, "InternalServerError", "The PHP code could not be checked.").Because(fmt.Errorf("%v %v: %q", st, err, out[:max(n, 0)]))
	}
	e := fault.New(fault.Invalid, "InvalidArgument", "the code does not parse: %s in %s on line %s.", m[1], file, m[3])
	var line int
	fmt.Sscan(string(m[3]), &line)
	if b, err := os.ReadFile(filepath.Join(codeDir, file)); err == nil {
		if lines := strings.Split(string(b), "\n"); line > 0 && line <= len(lines) {
			if old := oldOffset.FindString(lines[line-1]); old != "" && rt.Version >= "8" {
				now := strings.NewReplacer("{", "[", "}", "]", " ", "").Replace(old)
				return e.WithHint("This host's PHP is %s, and PHP 8 removed the curly-brace offset %q: write %q, as in $event['events'][0].", rt.Version, old, now)
			}
		}
	}
	return e.WithHint("This host's PHP is %s; check the line with: php -l %s.", rt.Version, file)
}
