package console

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/trigger"
)

func (h *handler) bucketOperations() map[string]operation {
	return map[string]operation{
		"GET /api/buckets/{name}/triggers":         h.bucketTriggers,
		"POST /api/buckets/{name}/upload-triggers": h.uploadTriggers,
		"POST /api/objects/link":                   h.signLink,
	}
}

// BucketTriggers are the triggers that a bucket's events may start.
type BucketTriggers struct {
	Triggers []Trigger `json:"triggers"` // its native ones
	Limit    int       `json:"limit"`    // how many of them a bucket may have
	Rules    []Trigger `json:"rules"`    // rules of the bus whose pattern does not bind them to other buckets
}

func (h *handler) bucketTriggers(r *request) (any, error) {
	if err := h.may(r, "fc:ListTriggers", "*"); err != nil {
		return nil, err
	}
	ts, err := h.Triggers.ForBucket(r.Context(), r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	rules, err := h.Triggers.RulesFor(r.Context(), r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	out := BucketTriggers{Triggers: []Trigger{}, Limit: trigger.MaxPerBucket, Rules: []Trigger{}}
	for _, t := range ts {
		out.Triggers = append(out.Triggers, showTrigger(t))
	}
	for _, t := range rules {
		out.Rules = append(out.Rules, showTrigger(t))
	}
	return out, nil
}

// maxPlanned bounds the files of one UploadPlan; maxPlannedKeys the examples of what each
// trigger fires for, and maxQuiet the triggers that are told to fire for none.
const (
	maxPlanned     = 200
	maxPlannedKeys = 5
	maxQuiet       = 20
)

// UploadPlan names files that are about to be uploaded.
type UploadPlan struct {
	Files []PlannedFile `json:"files"` // at most 200
}

// PlannedFile is an object to be, and the event that its upload will cause.
type PlannedFile struct {
	Key         string `json:"key"`
	Event       string `json:"event"` // with oss: in front
	Size        int64  `json:"size"`
	ContentType string `json:"contentType,omitempty"`
}

// UploadTriggers says what an upload will fire, by trigger.
type UploadTriggers struct {
	Fires []Firing `json:"fires"`
	Quiet []Match  `json:"quiet"`  // native triggers of the bucket that fire for none of the files, with the reason of the first file
	Alone int      `json:"alone"`  // files that fire nothing
	Rules int      `json:"rules"`  // rules of the bus that fire for none
	Limit int      `json:"atMost"` // files that one plan may have
}

// Firing is a trigger and the files that it fires for, some of them by name.
type Firing struct {
	Trigger  string   `json:"trigger"`
	Function string   `json:"function"`
	Type     string   `json:"type"`
	Count    int      `json:"count"`
	Keys     []string `json:"keys"`
}

// uploadTriggers judges all triggers by files that are about to be uploaded, so that
// whoever uploads them knows before what they will start.
func (h *handler) uploadTriggers(r *request) (any, error) {
	if err := h.may(r, "fc:ListTriggers", "*"); err != nil {
		return nil, err
	}
	var in UploadPlan
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if n := len(in.Files); n > maxPlanned {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "The plan has %d files: at most %d are judged at once.", n, maxPlanned)
	}
	out := UploadTriggers{Fires: []Firing{}, Quiet: []Match{}, Limit: maxPlanned}
	type name struct{ function, trigger string }
	at := map[name]int{} // where in out.Fires
	var first []trigger.Verdict
	now := time.Now()
	for i, f := range in.Files {
		typ, err := eventType(f.Event)
		if err != nil {
			return nil, err
		}
		if f.Size < 0 || f.Key == "" || len(f.Key) > 1023 {
			return nil, fault.New(fault.Invalid, "InvalidArgument", "The file %d has no key of 1 to 1023 bytes, or a negative size.", i+1)
		}
		vs, err := h.Triggers.Explain(r.Context(), &event.Record{
			Type: typ, Time: now, Bucket: r.PathValue("name"), Owner: h.Account, Region: h.Region, Key: f.Key, Size: f.Size, Delta: f.Size,
			Meta:   event.Meta{ContentType: f.ContentType},
			Origin: event.Origin{RequestID: "000000000000000000000000", PrincipalID: r.who.ID, SourceIP: remoteAddr(r.Request)},
		})
		if err != nil {
			return nil, err
		}
		if i == 0 {
			first = vs
		}
		alone := true
		for _, v := range vs {
			if !v.Fires {
				continue
			}
			alone = false
			k := name{v.Trigger.Function, v.Trigger.Name}
			n, ok := at[k]
			if !ok {
				n = len(out.Fires)
				at[k] = n
				out.Fires = append(out.Fires, Firing{Trigger: k.trigger, Function: k.function, Type: v.Trigger.Type, Keys: []string{}})
			}
			x := &out.Fires[n]
			if x.Count++; len(x.Keys) < maxPlannedKeys {
				x.Keys = append(x.Keys, f.Key)
			}
		}
		if alone {
			out.Alone++
		}
	}
	for _, v := range first {
		if _, fires := at[name{v.Trigger.Function, v.Trigger.Name}]; fires {
			continue
		}
		if v.Trigger.Type != trigger.TypeOSS {
			out.Rules++
		} else if len(out.Quiet) < maxQuiet {
			out.Quiet = append(out.Quiet, showVerdict(v))
		}
	}
	return out, nil
}

// LinkInput asks for a link to an object. Process is an x-oss-process to apply, and
// Download makes browsers save what they get.
type LinkInput struct {
	Bucket   string `json:"bucket"`
	Key      string `json:"key"`
	Seconds  int    `json:"seconds"` // 1 to 604800
	Process  string `json:"process,omitempty"`
	Download bool   `json:"download,omitempty"`
}

// SignedLink is a link that whoever has it can use until it expires. Its signature covers
// neither scheme nor host: behind a proxy, the path can be put after the proxy's address.
type SignedLink struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires"`
}

// maxLink is how long a signature of V4 may live, in seconds.
const maxLink = 7 * 24 * 3600

// signLink signs a GET of an object with the caller's long-lived key. The link lives no
// longer than that key, and is worth nothing without its permission.
func (h *handler) signLink(r *request) (any, error) {
	var in LinkInput
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if in.Bucket == "" || strings.Contains(in.Bucket, "/") || in.Key == "" {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "A link needs a bucket and a key.")
	}
	if err := h.authorize(r, "oss:GetObject", "acs:oss:*:"+h.Account+":"+in.Bucket+"/"+in.Key); err != nil {
		return nil, err
	}
	if in.Seconds < 1 || in.Seconds > maxLink {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "seconds is %d: a link lives from 1 to %d seconds.", in.Seconds, maxLink)
	}
	// Every part of the key is escaped on its own: "." and ".." are names like others.
	parts := strings.Split(in.Key, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.QueryEscape(p), "+", "%20")
	}
	u := &url.URL{Scheme: "http", Host: h.ossHost(r.Request), Path: "/" + in.Bucket + "/" + in.Key, RawPath: "/" + in.Bucket + "/" + strings.Join(parts, "/")}
	escape := func(v string) string { return strings.ReplaceAll(url.QueryEscape(v), "+", "%20") }
	var query []string
	if in.Download {
		query = append(query, "response-content-disposition=attachment")
	}
	if in.Process != "" {
		query = append(query, "x-oss-process="+escape(in.Process))
	}
	u.RawQuery = strings.Join(query, "&")
	expires := time.Now().Add(time.Duration(in.Seconds) * time.Second)
	if err := h.Identity.Presign(r.who, &http.Request{Method: "GET", URL: u, Host: u.Host, Header: http.Header{}}, in.Bucket, in.Key, h.Region, time.Duration(in.Seconds)*time.Second); err != nil {
		return nil, err
	}
	return SignedLink{URL: u.String(), Expires: expires.UTC().Truncate(time.Second)}, nil
}

// ossHost is the OSS address as the caller can reach it: where the server listens or, if
// that is every address, the name by which the caller reached the console.
func (h *handler) ossHost(r *http.Request) string {
	host, port, err := net.SplitHostPort(h.OSSAddr)
	if err != nil {
		return h.OSSAddr
	}
	if ip, err := netip.ParseAddr(host); host != "" && (err != nil || !ip.IsUnspecified()) {
		return h.OSSAddr
	}
	name := r.Host
	if n, _, err := net.SplitHostPort(name); err == nil {
		name = n
	}
	return net.JoinHostPort(strings.Trim(name, "[]"), port)
}
