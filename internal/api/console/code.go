package console

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

func (h *handler) codeOperations() map[string]operation {
	return map[string]operation{
		"GET /api/functions/{name}/test-events":            h.listTestEvents,
		"PUT /api/functions/{name}/test-events/{event}":    h.putTestEvent,
		"DELETE /api/functions/{name}/test-events/{event}": h.deleteTestEvent,
		"GET /api/events/sample":                           h.sampleEvent,
		"GET /api/events/{id}/native":                      h.nativeEvent,
	}
}

// TestEvent is an event that people keep beside a function to try it with.
type TestEvent struct {
	Name    string `json:"name"`
	Content string `json:"content"` // JSON
}

// listTestEvents lists all of a function's test events, by name: it has at most 64.
func (h *handler) listTestEvents(r *request) (any, error) {
	name := r.PathValue("name")
	if err := h.may(r, "fc:GetFunction", name); err != nil {
		return nil, err
	}
	list, err := h.Functions.ListTestEvents(r.Context(), name)
	if err != nil {
		return nil, err
	}
	out := []TestEvent{}
	for _, e := range list {
		out = append(out, TestEvent{e.Name, e.JSON})
	}
	return out, nil
}

// putTestEvent keeps a test event, in place of one of that name. With the parameter new it
// refuses to take another's place: reason TestEventAlreadyExists.
func (h *handler) putTestEvent(r *request) (any, error) {
	name := r.PathValue("name")
	if err := h.may(r, "fc:UpdateFunction", name); err != nil {
		return nil, err
	}
	var in struct {
		Content string `json:"content"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	e := function.TestEvent{Name: r.PathValue("event"), JSON: in.Content}
	if r.param("new") != "" {
		h.changes.Lock() // this server is the only one that makes test events
		defer h.changes.Unlock()
		list, err := h.Functions.ListTestEvents(r.Context(), name)
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			if x.Name == e.Name {
				return nil, fault.New(fault.Exists, "TestEventAlreadyExists", "Function '%s' has a test event '%s' already.", name, e.Name).
					WithHint("Modify that one, or choose another name.")
			}
		}
	}
	if err := h.Functions.PutTestEvent(r.Context(), name, e); err != nil {
		return nil, err
	}
	return TestEvent{e.Name, e.JSON}, nil
}

func (h *handler) deleteTestEvent(r *request) (any, error) {
	name := r.PathValue("name")
	if err := h.may(r, "fc:UpdateFunction", name); err != nil {
		return nil, err
	}
	return nil, h.Functions.DeleteTestEvent(r.Context(), name, r.PathValue("event"))
}

// Payload is an event as functions get it. Sent says which of the two the function that
// was asked for would get from its triggers: oss, eventbridge, or nothing if none fires.
type Payload struct {
	Native string `json:"native"` // from a native OSS trigger
	Cloud  string `json:"cloud"`  // from an EventBridge trigger
	Sent   string `json:"sent,omitempty"`
}

// nativeEvent gives an event that happened exactly as triggers send it to the function
// that the parameter function names, or to any.
func (h *handler) nativeEvent(r *request) (any, error) {
	e, _, err := h.History.Lookup(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if err := h.maySee(r, e); err != nil {
		return nil, err
	}
	return h.payload(r, &e.Record)
}

// sampleEvent writes an event that did not happen, of parameters: type, bucket, key, size,
// etag, contentType, meta (name=value, any number), and function as in nativeEvent.
// It looks at no bucket: whatever it is told stands in the event.
func (h *handler) sampleEvent(r *request) (any, error) {
	q := r.URL.Query()
	typ := event.Type(strings.TrimPrefix(q.Get("type"), "oss:"))
	if typ == "" || q.Get("bucket") == "" {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "type and bucket are required.").WithHint("For example type=ObjectCreated:PutObject&bucket=testbucket&key=source/a.png.")
	}
	size, err := strconv.ParseInt(q.Get("size"), 10, 64)
	if q.Get("size") != "" && (err != nil || size < 0) {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "size %q is not a number of bytes.", q.Get("size"))
	}
	id := make([]byte, 12)
	_, _ = rand.Read(id) // never fails
	rec := event.Record{
		Type: typ, Time: time.Now().UTC().Truncate(time.Millisecond), Bucket: q.Get("bucket"), Owner: h.Account, Region: h.Region,
		Key: q.Get("key"), Size: size, Delta: size, ETag: strings.ToUpper(strings.Trim(q.Get("etag"), `"`)),
		Meta:   event.Meta{ContentType: q.Get("contentType")},
		Origin: event.Origin{RequestID: strings.ToUpper(hex.EncodeToString(id)), PrincipalID: r.who.ID, SourceIP: remoteAddr(r.Request)},
	}
	if strings.HasPrefix(string(typ), "ObjectRemoved:") {
		rec.Delta = -size
	}
	for _, m := range q["meta"] {
		if name, value, ok := strings.Cut(m, "="); ok && strings.HasPrefix(name, "x-oss-meta-") {
			if rec.Meta.User == nil {
				rec.Meta.User = map[string]string{}
			}
			rec.Meta.User[name] = value
		}
	}
	return h.payload(r, &rec)
}

// payload renders a record with the rule of the function's own trigger, if it has one and
// the caller may know.
func (h *handler) payload(r *request, rec *event.Record) (Payload, error) {
	var out Payload
	rule := ""
	if name := r.param("function"); name != "" && h.may(r, "fc:ListTriggers", name) == nil {
		verdicts, err := h.Triggers.Explain(r.Context(), rec)
		if err != nil {
			return out, err
		}
		for _, v := range verdicts {
			if v.Trigger.Function != name {
				continue
			}
			if v.Trigger.Type == trigger.TypeOSS && (rule == "" || v.Fires && out.Sent != trigger.TypeOSS) {
				rule = v.Trigger.RuleID
			}
			if v.Fires && out.Sent != trigger.TypeOSS { // a native one is the usual case
				out.Sent = v.Trigger.Type
			}
		}
	}
	out.Native = string(rec.AppendNative(nil, rule))
	out.Cloud = string(rec.AppendCloud(nil, rec.Time))
	return out, nil
}
