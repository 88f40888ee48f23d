package fc

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/destination"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/kv"
	"github.com/alcedo-storage/alcedo/internal/object"
)

type destinationRef struct {
	Destination string `json:"destination,omitempty"`
}

type destinationConfig struct {
	OnSuccess *destinationRef `json:"onSuccess,omitempty"`
	OnFailure *destinationRef `json:"onFailure,omitempty"`
}

type asyncOutput struct {
	FunctionARN       string            `json:"functionArn"`
	AsyncTask         bool              `json:"asyncTask"`
	MaxRetries        int               `json:"maxAsyncRetryAttempts"`
	MaxAgeSeconds     int               `json:"maxAsyncEventAgeInSeconds"`
	DestinationConfig destinationConfig `json:"destinationConfig"`
	CreatedTime       string            `json:"createdTime"`
	LastModifiedTime  string            `json:"lastModifiedTime"`
}

func (h *Handler) showAsync(a *function.AsyncConfig) asyncOutput {
	arn := h.functionARN(a.Function)
	if a.Qualifier != function.Latest {
		arn += "/" + a.Qualifier
	}
	out := asyncOutput{FunctionARN: arn, AsyncTask: a.Task, MaxRetries: a.MaxRetries(), MaxAgeSeconds: int(a.MaxAge().Seconds()),
		CreatedTime: wireTime(a.Created), LastModifiedTime: wireTime(a.Modified)}
	if a.OnSuccess != "" {
		out.DestinationConfig.OnSuccess = &destinationRef{a.OnSuccess}
	}
	if a.OnFailure != "" {
		out.DestinationConfig.OnFailure = &destinationRef{a.OnFailure}
	}
	return out
}

// checkDestination gives what must hold, in the transaction that sets it, of a
// destination of f's results at a qualifier; nil if nothing must.
func (h *Handler) checkDestination(c *call, f, qualifier, field, arn string) (func(kv.Reader) error, error) {
	t, err := destination.Parse(arn, h.Region, h.Account)
	if err != nil {
		f := fault.As(err)
		message, hint := f.Said()
		return nil, fault.New(f.Kind, f.Reason, "destinationConfig.%s: %s", field, message).WithHint("%s", hint).Because(f.Err)
	}
	switch t.Kind {
	case destination.Function:
		if t.Function == f && cmp.Or(t.Qualifier, function.Latest) == cmp.Or(qualifier, function.Latest) {
			return nil, invalid("destinationConfig.%s: function '%s' cannot be the destination of its own results: it would run for ever.", field, f).
				WithHint("Name another function, or another version or alias.")
		}
		// The destination is invoked for whoever names it.
		cond := identity.Conditions{SourceIP: sourceIP(c.r), Secure: c.r.TLS != nil}
		if err := h.Identity.Authorize(c.who, "fc:InvokeFunction", h.functionARN(t.Function), cond); err != nil {
			return nil, err
		}
		return func(r kv.Reader) error {
			err := function.Exists(r, t.Function, t.Qualifier)
			if fault.KindOf(err) == fault.NotFound && err != nil {
				message, _ := fault.As(err).Said()
				return invalid("destinationConfig.%s: %s", field, message).WithHint("Create it first.")
			}
			return err
		}, nil
	case destination.Object:
		return func(r kv.Reader) error {
			_, err := object.RegionOf(r, t.Bucket)
			if fault.Is(err, "NoSuchBucket") {
				return invalid("destinationConfig.%s: bucket '%s' does not exist.", field, t.Bucket).WithHint("Create it first, and let the function's role put objects there (oss:PutObject).")
			}
			return err
		}, nil
	}
	return nil, nil
}

func (h *Handler) putAsyncConfig(c *call) error {
	var in struct {
		AsyncTask         bool              `json:"asyncTask"`
		MaxRetries        *int              `json:"maxAsyncRetryAttempts"`
		MaxAgeSeconds     *int              `json:"maxAsyncEventAgeInSeconds"`
		DestinationConfig destinationConfig `json:"destinationConfig"`
	}
	if err := c.decode(&in); err != nil {
		return err
	}
	a := function.AsyncConfig{Function: c.args[0], Qualifier: c.r.URL.Query().Get("qualifier"), Retries: in.MaxRetries, MaxAgeSeconds: in.MaxAgeSeconds, Task: in.AsyncTask}
	var checks []func(kv.Reader) error
	for _, d := range []struct {
		field string
		from  *destinationRef
		to    *string
	}{{"onSuccess", in.DestinationConfig.OnSuccess, &a.OnSuccess}, {"onFailure", in.DestinationConfig.OnFailure, &a.OnFailure}} {
		if d.from == nil || d.from.Destination == "" {
			continue
		}
		*d.to = d.from.Destination
		check, err := h.checkDestination(c, a.Function, a.Qualifier, d.field, *d.to)
		if err != nil {
			return err
		}
		if check != nil {
			checks = append(checks, check)
		}
	}
	made, err := h.Functions.PutAsyncConfig(c.r.Context(), a, checks...)
	if err != nil {
		return err
	}
	return c.json(h.showAsync(made))
}

func (h *Handler) getAsyncConfig(c *call) error {
	a, err := h.Functions.GetAsyncConfig(c.r.Context(), c.args[0], c.r.URL.Query().Get("qualifier"))
	if err != nil {
		return err
	}
	return c.json(h.showAsync(a))
}

func (h *Handler) deleteAsyncConfig(c *call) error {
	if err := h.Functions.DeleteAsyncConfig(c.r.Context(), c.args[0], c.r.URL.Query().Get("qualifier")); err != nil {
		return err
	}
	return c.done()
}

func (h *Handler) listAsyncConfigs(c *call) error {
	q := c.r.URL.Query()
	limit, err := c.limit("limit")
	if err != nil {
		return err
	}
	list, next, err := h.Functions.ListAsyncConfigs(c.r.Context(), q.Get("functionName"), q.Get("nextToken"), limit)
	if err != nil {
		return err
	}
	out := struct {
		Configs   []asyncOutput `json:"configs"`
		NextToken string        `json:"nextToken,omitempty"`
	}{make([]asyncOutput, 0, len(list)), next}
	for _, a := range list {
		out.Configs = append(out.Configs, h.showAsync(a))
	}
	return c.json(out)
}

type concurrencyOutput struct {
	FunctionARN string `json:"functionArn"`
	Reserved    *int   `json:"reservedConcurrency,omitempty"`
}

const maxReserved = 10_000

func (h *Handler) putConcurrency(c *call) error {
	var in struct {
		Reserved *int `json:"reservedConcurrency"`
	}
	if err := c.decode(&in); err != nil {
		return err
	}
	if in.Reserved == nil {
		return invalid("reservedConcurrency is required")
	}
	if *in.Reserved < 0 || *in.Reserved > maxReserved {
		return invalid("reservedConcurrency %d is out of range: it must be 0 to %d", *in.Reserved, maxReserved)
	}
	if err := h.Functions.SetReserved(c.r.Context(), c.args[0], in.Reserved); err != nil {
		return err
	}
	return c.json(concurrencyOutput{h.functionARN(c.args[0]), in.Reserved})
}

// getConcurrency answers without reservedConcurrency when none is set.
func (h *Handler) getConcurrency(c *call) error {
	f, err := h.Functions.Get(c.r.Context(), c.args[0])
	if err != nil {
		return err
	}
	return c.json(concurrencyOutput{h.functionARN(f.Name), f.Reserved})
}

func (h *Handler) deleteConcurrency(c *call) error {
	if err := h.Functions.SetReserved(c.r.Context(), c.args[0], nil); err != nil {
		return err
	}
	return c.done()
}

func (h *Handler) listConcurrency(c *call) error {
	q := c.r.URL.Query()
	limit, err := c.limit("limit")
	if err != nil {
		return err
	}
	name := q.Get("functionName")
	fs, next, err := h.Functions.List(c.r.Context(), function.Query{
		Prefix: name, Token: q.Get("nextToken"), Limit: limit,
		Keep: func(f *function.Function) bool { return f.Reserved != nil && (name == "" || f.Name == name) },
	})
	if err != nil {
		return err
	}
	out := struct {
		Configs   []concurrencyOutput `json:"configs"`
		NextToken string              `json:"nextToken,omitempty"`
	}{make([]concurrencyOutput, 0, len(fs)), next}
	for _, f := range fs {
		out.Configs = append(out.Configs, concurrencyOutput{h.functionARN(f.Name), f.Reserved})
	}
	return c.json(out)
}

// resourceNames reads the functions that tag operations name by ARN or by name.
func (h *Handler) resourceNames(ids []string) ([]string, error) {
	if len(ids) > 50 {
		return nil, invalid("ResourceId names %d resources: at most 50 are allowed", len(ids))
	}
	var names []string
	for _, id := range ids {
		name := id
		if strings.HasPrefix(id, "acs:") {
			rest, ok := strings.CutPrefix(id, "acs:fc:")
			i := strings.LastIndex(rest, ":functions/")
			if !ok || i < 0 {
				return nil, invalid("ResourceId '%s' is invalid: it must be the ARN of a function, such as %s", clip(id), h.functionARN("name"))
			}
			if parts := strings.Split(rest[:i], ":"); len(parts) != 2 || parts[1] != h.Account || parts[0] != h.Region {
				return nil, invalid("ResourceId '%s' is not of this account and region (%s)", clip(id), h.functionARN("name"))
			}
			name = rest[i+len(":functions/"):]
		}
		names = append(names, name)
	}
	return names, nil
}

// checkResourceType accepts what SDKs ("ALIYUN::FC:FUNCTION") and `s` ("function") send.
func checkResourceType(t string) error {
	switch strings.ToUpper(t) {
	case "", "FUNCTION", "ALIYUN::FC:FUNCTION", "ALIYUN::FC::FUNCTION":
		return nil
	}
	return invalid("ResourceType '%s' is not supported: it must be ALIYUN::FC:FUNCTION", clip(t))
}

// onEach runs change on the tags of each function. It looks first whether all of them
// exist, so that a wrong name changes none.
func (h *Handler) onEach(ctx context.Context, names []string, change func([]function.Tag) ([]function.Tag, error)) error {
	for _, n := range names {
		f, err := h.Functions.Get(ctx, n)
		if err != nil {
			return err
		}
		if _, err := change(f.Tags); err != nil {
			return err
		}
	}
	for _, n := range names {
		if err := h.Functions.SetTags(ctx, n, change); err != nil {
			return err
		}
	}
	return nil
}

func (h *Handler) tagResources(c *call) error {
	var in struct {
		ResourceType string
		ResourceID   []string `json:"ResourceId"`
		Tag          []function.Tag
	}
	if err := c.decode(&in); err != nil {
		return err
	}
	if err := checkResourceType(in.ResourceType); err != nil {
		return err
	}
	if len(in.ResourceID) == 0 || len(in.Tag) == 0 {
		return invalid("ResourceId and Tag are required")
	}
	names, err := h.resourceNames(in.ResourceID)
	if err != nil {
		return err
	}
	err = h.onEach(c.r.Context(), names, func(old []function.Tag) ([]function.Tag, error) {
		tags := append([]function.Tag(nil), old...)
	next:
		for _, t := range in.Tag {
			for i := range tags {
				if tags[i].Key == t.Key {
					tags[i].Value = t.Value
					continue next
				}
			}
			tags = append(tags, t)
		}
		return tags, checkTags(tags)
	})
	if err != nil {
		return err
	}
	return c.done()
}

// stringList reads a query parameter that holds a JSON array of strings.
func (c *call) stringList(name string) (list []string, err error) {
	s := c.r.URL.Query().Get(name)
	if s == "" {
		return nil, nil
	}
	if !strings.HasPrefix(s, "[") {
		return []string{s}, nil
	}
	if json.Unmarshal([]byte(s), &list) != nil {
		return nil, invalid("%s '%s' is invalid: it must be a JSON array of strings", name, clip(s))
	}
	return list, nil
}

func (h *Handler) untagResources(c *call) error {
	q := c.r.URL.Query()
	if err := checkResourceType(q.Get("ResourceType")); err != nil {
		return err
	}
	ids, err := c.stringList("ResourceId")
	if err != nil {
		return err
	}
	keys, err := c.stringList("TagKey")
	if err != nil {
		return err
	}
	all := strings.EqualFold(q.Get("All"), "true")
	if len(ids) == 0 || len(keys) == 0 && !all {
		return invalid("ResourceId, and TagKey or All=true, are required")
	}
	names, err := h.resourceNames(ids)
	if err != nil {
		return err
	}
	err = h.onEach(c.r.Context(), names, func(old []function.Tag) (tags []function.Tag, err error) {
		for _, t := range old {
			drop := all
			for _, k := range keys {
				drop = drop || k == t.Key
			}
			if !drop {
				tags = append(tags, t)
			}
		}
		return tags, nil
	})
	if err != nil {
		return err
	}
	return c.done()
}

func (h *Handler) listTagResources(c *call) error {
	q := c.r.URL.Query()
	if err := checkResourceType(q.Get("ResourceType")); err != nil {
		return err
	}
	limit, err := c.limit("Limit")
	if err != nil {
		return err
	}
	ids, err := c.stringList("ResourceId")
	if err != nil {
		return err
	}
	names, err := h.resourceNames(ids)
	if err != nil {
		return err
	}
	var want []function.Tag
	if t := q.Get("Tag"); t != "" && json.Unmarshal([]byte(t), &want) != nil {
		return invalid("Tag '%s' is invalid: it must be a JSON array of {\"Key\",\"Value\"}", clip(t))
	}
	type resource struct {
		ResourceID   string `json:"ResourceId"`
		ResourceType string
		TagKey       string
		TagValue     string
	}
	out := struct {
		RequestID    string `json:"RequestId"`
		NextToken    string `json:",omitempty"`
		TagResources []resource
	}{RequestID: c.requestID, TagResources: []resource{}}
	var fs []*function.Function
	if len(names) > 0 {
		for _, n := range names {
			f, err := h.Functions.Get(c.r.Context(), n)
			if err != nil {
				return err
			}
			if hasTags(f.Tags, want) {
				fs = append(fs, f)
			}
		}
	} else if fs, out.NextToken, err = h.Functions.List(c.r.Context(), function.Query{
		Token: q.Get("NextToken"), Limit: limit,
		Keep: func(f *function.Function) bool { return len(f.Tags) > 0 && hasTags(f.Tags, want) },
	}); err != nil {
		return err
	}
	for _, f := range fs {
		for _, t := range f.Tags {
			out.TagResources = append(out.TagResources, resource{h.functionARN(f.Name), "ALIYUN::FC:FUNCTION", t.Key, t.Value})
		}
	}
	return c.json(out)
}

func (h *Handler) describeRegions(c *call) error {
	type region struct {
		RegionID  string `json:"RegionId"`
		LocalName string `json:"LocalName"`
	}
	type regions struct{ Region []region }
	return c.json(struct{ Regions regions }{regions{[]region{{h.Region, h.Region}}}})
}

// noConfig answers for a provision or scaling config of a function that exists: clients
// take an answer without functionArn for "none".
func (h *Handler) noConfig(c *call) error {
	if err := h.exists(c); err != nil {
		return err
	}
	return c.json(struct{}{})
}

func (h *Handler) deleteNothing(c *call) error {
	if err := h.exists(c); err != nil {
		return err
	}
	return c.done()
}

func (h *Handler) exists(c *call) error {
	_, err := h.Functions.Get(c.r.Context(), c.args[0])
	return err
}

func (h *Handler) noVPCBindings(c *call) error {
	if err := h.exists(c); err != nil {
		return err
	}
	return c.json(map[string][]string{"vpcIds": {}})
}

// emptyList answers a list of things of which there never are any.
func emptyList(name string) func(*Handler, *call) error {
	return func(_ *Handler, c *call) error { return c.json(map[string][]string{name: {}}) }
}
