package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/replay"
)

// progress shows how far something is: a bar on a terminal, a line now and then elsewhere,
// JSON lines for scripts.
type progress struct {
	to       io.Writer
	json     bool
	terminal bool
	done     string // "redriven"
	drawn    int    // characters on the terminal's line
	said     string
	last     time.Time
}

func newProgress(to io.Writer, output, done string) *progress {
	p := &progress{to: to, json: output == "json", done: done}
	if f, ok := to.(*os.File); ok && !p.json {
		st, err := f.Stat()
		p.terminal = err == nil && st.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// every is how often it is worth to look.
func (p *progress) every() time.Duration {
	if p.terminal {
		return 250 * time.Millisecond
	}
	return 500 * time.Millisecond
}

func (p *progress) draw(text string) {
	if p.terminal {
		fmt.Fprintf(p.to, "\r%s%s", text, strings.Repeat(" ", max(p.drawn-len([]rune(text)), 0)))
		p.drawn = len([]rune(text))
		return
	}
	if text != p.said && time.Since(p.last) >= 5*time.Second {
		fmt.Fprintln(p.to, text)
		p.said, p.last = text, time.Now()
	}
}

// end leaves the terminal's line.
func (p *progress) end() {
	if p.drawn > 0 {
		fmt.Fprintf(p.to, "\r%s\r", strings.Repeat(" ", p.drawn))
		p.drawn = 0
	}
}

// count shows a number that grows to nobody knows what.
func (p *progress) count(n int) {
	if !p.json {
		p.draw(fmt.Sprintf("%s %d …", p.done, n))
	}
}

// job shows a job. JSON lines are written when something has changed, and at its end.
func (p *progress) job(j *replay.Job) {
	if p.json {
		b, err := json.Marshal(j)
		if err != nil {
			panic(err) // plain data
		}
		if string(b) != p.said || j.State != replay.Running {
			fmt.Fprintf(p.to, "%s\n", b)
			p.said = string(b)
		}
		return
	}
	p.draw(jobLine(j))
}

// jobLine is a job in one line of text.
func jobLine(j *replay.Job) string {
	if !j.Counted {
		return fmt.Sprintf("counting: %d found", j.Counts)
	}
	if j.DryRun {
		return ""
	}
	const width = 30
	part := 1.0
	if j.Total > 0 {
		part = min(float64(j.Enqueued)/float64(j.Total), 1)
	}
	full := int(part * width)
	line := fmt.Sprintf("[%s%s] %3.0f %%  %d of %d", strings.Repeat("#", full), strings.Repeat(".", width-full), part*100, j.Enqueued, j.Total)
	if j.Speed > 0 {
		line += fmt.Sprintf("  %.0f/s", j.Speed)
	}
	if j.Left > 0 {
		line += "  " + j.Left.Round(time.Second).String() + " left"
	}
	switch {
	case j.Error != "":
		line += "  (" + j.Error + ")"
	case j.Waits != "":
		line += "  (waits: " + j.Waits + ")"
	}
	return line
}
