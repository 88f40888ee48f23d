package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// span are the flags --since and --until.
type span struct{ since, until string }

func (s *span) add(c *cobra.Command) {
	c.Flags().StringVar(&s.since, "since", "", "from then on: a duration before now (90s, 1h, 7d) or a time (2026-01-31T12:00:00Z, 2026-01-31)")
	c.Flags().StringVar(&s.until, "until", "", "before then")
}

func (s *span) set(q url.Values, now time.Time) error {
	for name, v := range map[string]string{"since": s.since, "until": s.until} {
		if v == "" {
			continue
		}
		t, err := moment(v, now)
		if err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
		q.Set(name, t.Format(time.RFC3339Nano))
	}
	return nil
}

// moment reads a time, or how long before now it was.
func moment(v string, now time.Time) (time.Time, error) {
	ago := v
	days := 0
	if head, tail, ok := strings.Cut(v, "d"); ok {
		if n, err := strconv.Atoi(head); err == nil && n >= 0 && n <= 36500 {
			days, ago = n, tail
			if tail == "" {
				ago = "0s"
			}
		}
	}
	if d, err := time.ParseDuration(ago); err == nil && d >= 0 {
		return now.Add(-d).AddDate(0, 0, -days), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, v, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a duration (90s, 1h, 7d) nor a time (2026-01-31T12:00:00Z)", v)
}

const clock = "2006-01-02 15:04:05.000"

// timeFlag reads a flag that is a time, or how long ago; empty is the zero time.
func timeFlag(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := moment(text, time.Now())
	if err != nil {
		return t, fmt.Errorf("--%s: %w", flag, err)
	}
	return t.UTC(), nil
}

func local(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }
