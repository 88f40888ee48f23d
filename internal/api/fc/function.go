package fc

import (
	"bytes"
	"context"
	"encoding/json"
	"path"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/function"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/runner"
)

// functionOutput is the model Function. Settings that are only given back are added
// to its JSON by functionJSON.
type functionOutput struct {
	FunctionARN          string            `json:"functionArn"`
	FunctionID           string            `json:"functionId"`
	FunctionName         string            `json:"functionName"`
	Runtime              string            `json:"runtime"`
	Handler              string            `json:"handler"`
	Description          string            `json:"description"`
	Role                 string            `json:"role"`
	CPU                  float64           `json:"cpu"`
	MemorySize           int               `json:"memorySize"`
	DiskSize             int               `json:"diskSize"`
	Timeout              int               `json:"timeout"`
	EnvironmentVariables map[string]string `json:"environmentVariables"`
	InstanceConcurrency  int               `json:"instanceConcurrency"`
	InternetAccess       bool              `json:"internetAccess"`
	IdleTimeout          int               `json:"idleTimeout,omitempty"`
	LifecycleConfig      *lifecycle        `json:"instanceLifecycleConfig,omitempty"`
	CodeSize             int64             `json:"codeSize"`
	CodeChecksum         string            `json:"codeChecksum"`
	CreatedTime          string            `json:"createdTime"`
	LastModifiedTime     string            `json:"lastModifiedTime"`
	Tags                 []function.Tag    `json:"tags,omitempty"`

	State            string       `json:"state,omitempty"`
	LastUpdateStatus string       `json:"lastUpdateStatus,omitempty"`
	Restriction      *restriction `json:"invocationRestriction,omitempty"`
}

type restriction struct {
	Disable          bool   `json:"disable"`
	Reason           string `json:"reason"`
	LastModifiedTime string `json:"lastModifiedTime"`
}

func wireTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// functionJSON shows a function; whole also tells its state, which lists leave out.
func (h *Handler) functionJSON(f *function.Function, whole bool) (json.RawMessage, error) {
	c := &f.Config
	o := functionOutput{
		FunctionARN: h.functionARN(f.Name), FunctionID: f.ID, FunctionName: f.Name,
		Runtime: c.Runtime, Handler: c.Handler, Description: c.Description, Role: c.Role,
		CPU: c.CPU, MemorySize: c.MemoryMB, DiskSize: c.DiskMB, Timeout: c.Timeout,
		EnvironmentVariables: c.Env, InstanceConcurrency: c.Concurrency, InternetAccess: c.Internet, IdleTimeout: c.IdleTimeout,
		CodeSize: c.Code.Size, CodeChecksum: c.Code.Checksum,
		CreatedTime: wireTime(f.Created), LastModifiedTime: wireTime(f.Modified), Tags: f.Tags,
	}
	if l := (lifecycle{hookOutput(c.Initializer), hookOutput(c.PreStop)}); l != (lifecycle{}) {
		o.LifecycleConfig = &l
	}
	if o.EnvironmentVariables == nil {
		o.EnvironmentVariables = map[string]string{}
	}
	if whole {
		o.State, o.LastUpdateStatus = "Active", "Successful"
	}
	if !f.DisabledAt.IsZero() {
		o.Restriction = &restriction{f.Disabled != "", f.Disabled, wireTime(f.DisabledAt)}
	}
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	b = b[:len(b)-1]
	for _, s := range inert { // in this order, so that equal functions look equal
		if v, ok := c.Extra[s.name]; ok {
			b = append(append(b, `,"`+s.name+`":`...), v...)
		}
	}
	return append(b, '}'), nil
}

func hookOutput(h function.Hook) *lifecycleHook {
	if h.Handler == "" {
		return nil
	}
	return &lifecycleHook{Handler: h.Handler, Timeout: h.Timeout}
}

// answerFunction answers with a function, its ETag and what serves its runtime.
func (h *Handler) answerFunction(c *call, f *function.Function) error {
	b, err := h.functionJSON(f, true)
	if err != nil {
		return err
	}
	c.w.Header().Set("Etag", f.ETag)
	if h.Runtimes != nil {
		if rt, err := h.Runtimes.CheckRuntime(f.Config.Runtime); err == nil {
			c.w.Header().Set("X-Alcedo-Runtime", f.Config.Runtime+" -> "+servedBy(rt))
		}
	}
	c.write(200, b)
	return nil
}

// warm has a spare instance started for a function's language, so that its first run need
// not wait for the interpreter. Whether there is one was checked before.
func (h *Handler) warm(f *function.Function) {
	if h.Runtimes != nil {
		_ = h.Runtimes.Warm(f.Config.Runtime)
	}
}

// servedBy names an interpreter as people know it: "node v20.20.2".
func servedBy(rt runner.Runtime) string {
	s := path.Base(rt.Path) + " v" + strings.TrimPrefix(rt.Version, "v")
	if !rt.Exact {
		s += " (the nearest version on this host)"
	}
	return s
}

func (h *Handler) createFunction(c *call) error {
	in, err := decodeFunction(c)
	if err != nil {
		return err
	}
	if in.FunctionName == nil || *in.FunctionName == "" {
		return invalid("functionName is required")
	}
	f := function.Function{Name: *in.FunctionName, Tags: in.Tags}
	if err := function.CheckName(f.Name); err != nil {
		return err
	}
	if err := h.authorizeOn(c, f.Name); err != nil {
		return err
	}
	if err := in.apply(&f.Config, true); err != nil {
		return err
	}
	if err := checkTags(f.Tags); err != nil {
		return err
	}
	if in.Code == nil {
		return invalid("code is required: give code.zipFile, or code.ossBucketName and code.ossObjectName")
	}
	ctx := c.r.Context()
	if err := h.checkEnvironment(&f.Config); err != nil {
		return err
	}
	// An early answer saves the upload; Create decides.
	if _, err := h.Functions.Get(ctx, f.Name); err == nil {
		return fault.New(fault.Exists, "FunctionAlreadyExists", "function '%s' already exists.", f.Name).WithHint("Update it, or choose another name.")
	}
	if f.Config.Code, err = h.addCode(ctx, c.who, in.Code); err != nil {
		return err
	}
	if err := h.diagnose(ctx, &f.Config); err != nil {
		return err
	}
	made, err := h.Functions.Create(ctx, f)
	if err != nil {
		return err
	}
	h.warm(made)
	return h.answerFunction(c, made)
}

// checkEnvironment checks what the configuration needs around it: its runtime on this
// host, its role in this account.
func (h *Handler) checkEnvironment(cfg *function.Config) error {
	if h.Runtimes != nil {
		if _, err := h.Runtimes.CheckRuntime(cfg.Runtime); err != nil {
			return err
		}
	}
	if cfg.Role != "" {
		return h.Identity.CheckTrust(cfg.Role, identity.ServiceFC)
	}
	return nil
}

func (h *Handler) diagnose(ctx context.Context, cfg *function.Config) error {
	if h.Runtimes == nil {
		return nil
	}
	dir, err := h.Functions.CodePath(ctx, cfg.Code)
	if err != nil {
		return err
	}
	return h.Runtimes.Diagnose(ctx, cfg.Runtime, dir, cfg.Handler)
}

// addCode keeps the code package of a request.
func (h *Handler) addCode(ctx context.Context, who *identity.Principal, in *codeInput) (function.Code, error) {
	fromOSS := in.OSSBucketName != "" || in.OSSObjectName != ""
	switch {
	case len(in.ZipFile) > 0 && fromOSS:
		return function.Code{}, invalid("code has both a zipFile and an OSS object: give one of them")
	case len(in.ZipFile) > 0:
		return h.Functions.AddCode(ctx, bytes.NewReader(in.ZipFile), in.Checksum)
	case in.OSSBucketName == "" || in.OSSObjectName == "":
		return function.Code{}, invalid("code is empty: give code.zipFile, or code.ossBucketName and code.ossObjectName")
	case h.Objects == nil:
		return function.Code{}, notImplemented("Code from OSS is not available on this server.").WithHint("Give code.zipFile.")
	}
	r, err := h.Objects.OpenObject(ctx, who, in.OSSBucketName, in.OSSObjectName)
	if err != nil {
		return function.Code{}, noCode(err, in.OSSBucketName, in.OSSObjectName)
	}
	defer r.Close()
	return h.Functions.AddCode(ctx, r, in.Checksum)
}

func (h *Handler) getFunction(c *call) error {
	f, err := h.Functions.GetQualified(c.r.Context(), c.args[0], c.r.URL.Query().Get("qualifier"))
	if err != nil {
		return err
	}
	return h.answerFunction(c, f)
}

// concurrentUpdates is how often an update whose caller set no condition is tried again
// when another one was faster.
const concurrentUpdates = 5

func (h *Handler) updateFunction(c *call) error {
	ctx, name := c.r.Context(), c.args[0]
	in, err := decodeFunction(c)
	if err != nil {
		return err
	}
	ifMatch := c.r.Header.Get("If-Match")
	var code function.Code
	for range concurrentUpdates {
		f, err := h.Functions.Get(ctx, name)
		if err != nil {
			return err
		}
		if m := strings.Trim(ifMatch, `"`); m != "" && m != "*" && m != f.ETag {
			return fault.New(fault.Precondition, "PreconditionFailed", "the resource being modified has been changed").
				WithHint("Get function '%s' again and repeat the change with its new ETag.", name)
		}
		cfg := f.Config
		if err := in.apply(&cfg, false); err != nil {
			return err
		}
		if err := h.checkEnvironment(&cfg); err != nil {
			return err
		}
		if in.Code != nil {
			if code.ID == "" {
				if code, err = h.addCode(ctx, c.who, in.Code); err != nil {
					return err
				}
			}
			cfg.Code = code
		}
		if cfg.Code.ID != f.Config.Code.ID || cfg.Handler != f.Config.Handler || cfg.Runtime != f.Config.Runtime {
			if err := h.diagnose(ctx, &cfg); err != nil {
				return err
			}
		}
		made, err := h.Functions.Update(ctx, name, f.ETag, cfg)
		if fault.Is(err, "PreconditionFailed") {
			continue
		}
		if err != nil {
			return err
		}
		h.warm(made)
		return h.answerFunction(c, made)
	}
	return fault.New(fault.Conflict, "ConcurrentUpdateError", "function '%s' is being changed by others at the same time", name).WithHint("Try again.")
}

func (h *Handler) deleteFunction(c *call) error {
	f, err := h.Functions.Delete(c.r.Context(), c.args[0], c.r.Header.Get("If-Match"), h.unbound())
	if err != nil {
		return err
	}
	if h.Runtimes != nil {
		h.Runtimes.Evict(f.ID)
	}
	return c.done()
}

// unbound refuses a deletion while triggers are bound to what is deleted.
func (h *Handler) unbound() function.Check {
	if h.Triggers == nil {
		return nil
	}
	return h.Triggers.CheckNone
}

func (h *Handler) listFunctions(c *call) error {
	q := c.r.URL.Query()
	limit, err := c.limit("limit")
	if err != nil {
		return err
	}
	var tags []function.Tag
	if t := q.Get("tags"); t != "" {
		if json.Unmarshal([]byte(t), &tags) != nil {
			return invalid("tags '%s' is invalid: it must be a JSON array of {\"Key\",\"Value\"}", clip(t))
		}
	}
	if v := q.Get("fcVersion"); v == "v2" {
		return c.json(map[string]any{"functions": []any{}}) // there are no FC 2.0 functions
	}
	name, description, runtime := q.Get("functionName"), q.Get("description"), q.Get("runtime")
	none := q.Get("gpuType") != "" || q.Get("resourceGroupId") != ""
	fs, next, err := h.Functions.List(c.r.Context(), function.Query{
		Prefix: q.Get("prefix"), Token: q.Get("nextToken"), Limit: limit,
		Keep: func(f *function.Function) bool {
			return !none && strings.Contains(f.Name, name) && strings.Contains(f.Config.Description, description) &&
				(runtime == "" || f.Config.Runtime == runtime) && hasTags(f.Tags, tags)
		},
	})
	if err != nil {
		return err
	}
	out := struct {
		Functions []json.RawMessage `json:"functions"`
		NextToken string            `json:"nextToken,omitempty"`
	}{make([]json.RawMessage, 0, len(fs)), next}
	for _, f := range fs {
		b, err := h.functionJSON(f, false)
		if err != nil {
			return err
		}
		out.Functions = append(out.Functions, b)
	}
	return c.json(out)
}

// hasTags reports whether all of want are among tags; an empty value stands for any.
func hasTags(tags, want []function.Tag) bool {
	for _, w := range want {
		found := false
		for _, t := range tags {
			found = found || t.Key == w.Key && (w.Value == "" || t.Value == w.Value)
		}
		if !found {
			return false
		}
	}
	return true
}

func (h *Handler) disableInvocation(c *call) error {
	var in struct {
		Reason string `json:"reason"`
		Abort  bool   `json:"abortOngoingRequest"`
	}
	if err := c.decode(&in); err != nil {
		return err
	}
	if len([]rune(in.Reason)) > 256 {
		return invalid("reason has %d characters: at most 256 are allowed", len([]rune(in.Reason)))
	}
	if in.Abort {
		return notImplemented("abortOngoingRequest is not implemented: runs under way are let finish.").WithHint("Leave it out or set it to false.")
	}
	if in.Reason == "" {
		in.Reason = "no reason was given"
	}
	if err := h.Functions.SetDisabled(c.r.Context(), c.args[0], in.Reason); err != nil {
		return err
	}
	return c.json(map[string]bool{"success": true})
}

func (h *Handler) enableInvocation(c *call) error {
	if err := h.Functions.SetDisabled(c.r.Context(), c.args[0], ""); err != nil {
		return err
	}
	return c.json(map[string]bool{"success": true})
}
