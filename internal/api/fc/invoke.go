package fc

import (
	"encoding/base64"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/run"
)

// events holds buffers for the bodies of invocations. Large ones are left to the
// garbage collector.
var events = sync.Pool{New: func() any { b := make([]byte, 0, 8<<10); return &b }}

const maxPooled = 256 << 10

// invokeFunction is POST functions/{f}/invocations. It is the hot path: nothing here
// encodes or decodes, and the answer is written at once.
func (h *Handler) invokeFunction(c *call) (err error) {
	async := strings.EqualFold(c.r.Header.Get("X-Fc-Invocation-Type"), "Async")
	limit := int64(maxSyncEvent)
	if async {
		limit = maxAsyncEvent
	} else if t := c.r.Header.Get("X-Fc-Invocation-Type"); t != "" && !strings.EqualFold(t, "Sync") {
		return invalid("x-fc-invocation-type '%s' is invalid: it must be Sync or Async", clip(t))
	}
	buf := events.Get().(*[]byte)
	reusable := true
	defer func() {
		if reusable && cap(*buf) <= maxPooled {
			*buf = (*buf)[:0]
			events.Put(buf)
		}
	}()
	c.who, err = h.Identity.VerifyACS3(c.r, func() (string, error) {
		var err error
		if *buf, err = readAll(c.r, (*buf)[:0], limit); err != nil {
			return "", err
		}
		return hexSHA256(*buf), nil
	})
	if err != nil {
		return err
	}
	name := c.args[0]
	if err := h.authorize(c, name); err != nil {
		return err
	}
	qualifier := ""
	if c.r.URL.RawQuery != "" {
		qualifier = c.r.URL.Query().Get("qualifier")
	}
	if async {
		return h.invokeAsync(c, name, qualifier, *buf)
	}

	result, rec, err := h.Invoker.Invoke(c.r.Context(), run.Call{
		Function: name, Qualifier: qualifier, Event: *buf, RequestID: c.requestID, Kind: run.Sync,
		Lineage: run.Direct(h.cause(c), c.requestID, name),
	})
	if err != nil {
		reusable = rec == nil
		return err
	}
	reusable = result.ErrorType == ""

	// One array backs all header values. The names are in canonical form already.
	hdr := c.w.Header()
	values := make([]string, 0, 9)
	set := func(name, value string) {
		values = append(values, value)
		hdr[name] = values[len(values)-1 : len(values) : len(values)]
	}
	set("Content-Type", "application/octet-stream")
	set("Content-Length", strconv.Itoa(len(result.Payload)))
	set("X-Fc-Code-Checksum", rec.Checksum)
	set("X-Fc-Instance-Id", result.InstanceID)
	set("X-Fc-Invocation-Service-Version", rec.Version)
	set("X-Fc-Invocation-Duration", strconv.FormatInt(milliseconds(result.Duration), 10))
	set("X-Fc-Max-Memory-Usage", strconv.Itoa(result.MemoryMB))
	if result.ErrorType != "" {
		set("X-Fc-Error-Type", result.ErrorType)
	}
	if strings.EqualFold(c.r.Header.Get("X-Fc-Log-Type"), "Tail") {
		log := result.Log
		if len(log) > maxLogResult {
			log = log[len(log)-maxLogResult:]
		}
		set("X-Fc-Log-Result", base64.StdEncoding.EncodeToString(log))
	}
	c.w.WriteHeader(http.StatusOK)
	_, _ = c.w.Write(result.Payload) // the run is over whether or not the client is there
	return nil
}

// cause is the run that made a request, if one did: the one whose credentials signed it,
// or the one whose sandbox it came from.
func (h *Handler) cause(c *call) *lineage.Lineage {
	if c.who.Lineage != nil || h.Origin == nil {
		return c.who.Lineage
	}
	return h.Origin(c.r.Context())
}

// milliseconds rounds up, so that a run never took 0 ms.
func milliseconds(d time.Duration) int64 {
	return max(1, int64((d+time.Millisecond-1)/time.Millisecond))
}

// invokeAsync accepts an asynchronous invocation: 202 with an empty body once it is
// durable.
func (h *Handler) invokeAsync(c *call, name, qualifier string, payload []byte) error {
	if h.Async == nil {
		return notImplemented("Asynchronous invocation is not available on this server.")
	}
	task := c.r.Header.Get("X-Fc-Async-Task-Id")
	if task == "" {
		task = c.r.Header.Get("X-Fc-Stateful-Async-Invocation-Id") // its name in FC 2.0
	}
	if task == "" {
		task = c.requestID
	} else if !isTaskID(task) {
		return invalid("x-fc-async-task-id '%s' is invalid: it must be 1 to 128 letters, digits, '_' or '-', and start with a letter or '_'", clip(task))
	}
	by := h.cause(c)
	if err := h.Invoker.Check(c.r.Context(), name, qualifier, run.Direct(by, c.requestID, name)); err != nil {
		return err
	}
	ip, _, _ := net.SplitHostPort(c.r.RemoteAddr)
	origin := event.Origin{RequestID: c.requestID, PrincipalID: c.who.ID, SourceIP: ip, Lineage: by}
	if err := h.Async.Enqueue(c.r.Context(), name, qualifier, append([]byte(nil), payload...), c.requestID, task, origin); err != nil {
		return err
	}
	hdr := c.w.Header()
	hdr["X-Fc-Async-Task-Id"] = []string{task}
	hdr["Content-Length"] = []string{"0"}
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}

func isTaskID(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 128
}
