package runner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// The error texts are the cloud's where it has one; what to do next follows them.

func errorJSON(message string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(struct {
		ErrorMessage string `json:"errorMessage"`
	}{message})
	return bytes.TrimRight(b.Bytes(), "\n")
}

func mb(n int64) string { return fmt.Sprintf("%.2fMB", float64(n)/(1<<20)) }

func timeoutText(seconds int, peak int64) string {
	return fmt.Sprintf("Function timed out after %d seconds (maxMemoryUsage: %s)", seconds, mb(peak))
}

func exitText(d time.Duration, peak int64) string {
	return fmt.Sprintf("Process exited unexpectedly before completing request (duration: %dms, maxMemoryUsage: %s)", d.Milliseconds(), mb(peak))
}

func memoryText(d time.Duration, peak int64, limitMB int) string {
	return exitText(d, peak) + fmt.Sprintf(". It was killed because it used more than its memory limit of %d MB: raise memorySize, or hold less in memory at a time.", limitMB)
}

// errorText is the errorMessage of a payload, for the log's end line.
func errorText(payload []byte) string {
	var e struct {
		ErrorMessage string `json:"errorMessage"`
	}
	if json.Unmarshal(payload, &e) != nil {
		return ""
	}
	if len(e.ErrorMessage) > 1000 {
		return e.ErrorMessage[:1000] + "…"
	}
	return e.ErrorMessage
}
