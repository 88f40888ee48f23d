package fc

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/function"
)

// functionInput is CreateFunctionInput and UpdateFunctionInput. Nil: not given.
type functionInput struct {
	FunctionName *string        `json:"functionName"`
	Tags         []function.Tag `json:"tags"`
	Code         *codeInput     `json:"code"`

	Runtime                 *string            `json:"runtime"`
	Handler                 *string            `json:"handler"`
	Description             *string            `json:"description"`
	Role                    *string            `json:"role"`
	CPU                     *float64           `json:"cpu"`
	MemorySize              *int               `json:"memorySize"`
	DiskSize                *int               `json:"diskSize"`
	Timeout                 *int               `json:"timeout"`
	EnvironmentVariables    *map[string]string `json:"environmentVariables"`
	InstanceConcurrency     *int               `json:"instanceConcurrency"`
	InternetAccess          *bool              `json:"internetAccess"`
	Layers                  *[]json.RawMessage `json:"layers"`
	InstanceLifecycleConfig *lifecycle         `json:"instanceLifecycleConfig"`
	IdleTimeout             *int               `json:"idleTimeout"`

	// What is given back but changes nothing; see inert.
	LogConfig                json.RawMessage `json:"logConfig"`
	TracingConfig            json.RawMessage `json:"tracingConfig"`
	CustomRuntimeConfig      json.RawMessage `json:"customRuntimeConfig"`
	EnableLongLiving         json.RawMessage `json:"enableLongLiving"`
	ResourceGroupID          json.RawMessage `json:"resourceGroupId"`
	VPCConfig                json.RawMessage `json:"vpcConfig"`
	NASConfig                json.RawMessage `json:"nasConfig"`
	OSSMountConfig           json.RawMessage `json:"ossMountConfig"`
	PolarFSConfig            json.RawMessage `json:"polarFsConfig"`
	JuiceFSConfig            json.RawMessage `json:"juiceFsConfig"`
	GPUConfig                json.RawMessage `json:"gpuConfig"`
	CustomDNS                json.RawMessage `json:"customDNS"`
	CustomContainerConfig    json.RawMessage `json:"customContainerConfig"`
	SessionAffinity          json.RawMessage `json:"sessionAffinity"`
	SessionAffinityConfig    json.RawMessage `json:"sessionAffinityConfig"`
	InstanceIsolationMode    json.RawMessage `json:"instanceIsolationMode"`
	DisableInjectCredentials json.RawMessage `json:"disableInjectCredentials"`
	DisableOndemand          json.RawMessage `json:"disableOndemand"`
}

type codeInput struct {
	ZipFile       []byte `json:"zipFile"`
	OSSBucketName string `json:"ossBucketName"`
	OSSObjectName string `json:"ossObjectName"`
	Checksum      string `json:"checksum"`
}

type lifecycle struct {
	Initializer *lifecycleHook `json:"initializer,omitempty"`
	PreStop     *lifecycleHook `json:"preStop,omitempty"`
}

type lifecycleHook struct {
	Handler string   `json:"handler"`
	Timeout int      `json:"timeout"`
	Command []string `json:"command,omitempty"`
}

// decodeFunction reads the body of CreateFunction or UpdateFunction.
func decodeFunction(c *call) (*functionInput, error) {
	in := &functionInput{}
	if len(c.body) == 0 {
		return nil, invalid("the body is empty: it must be a JSON object")
	}
	if err := c.decode(in); err != nil {
		return nil, err
	}
	return in, nil
}

// Defaults of CreateFunction, as the cloud and `s` have them.
const (
	defaultMemory  = 512 // MB
	defaultTimeout = 3   // seconds
	defaultDisk    = 512 // MB
	defaultHook    = 3   // seconds
)

// isCustom reports whether a runtime runs the user's own server, which needs no handler.
func isCustom(runtime string) bool {
	return runtime == "custom" || strings.HasPrefix(runtime, "custom.")
}

// apply puts what in gives onto cfg and checks the result; creating fills in defaults.
// The code, the role and the runtime's presence on this host are checked elsewhere.
func (in *functionInput) apply(cfg *function.Config, creating bool) error {
	set(&cfg.Runtime, in.Runtime)
	set(&cfg.Handler, in.Handler)
	set(&cfg.Description, in.Description)
	set(&cfg.Role, in.Role)
	set(&cfg.DiskMB, in.DiskSize)
	set(&cfg.Timeout, in.Timeout)
	set(&cfg.Concurrency, in.InstanceConcurrency)
	set(&cfg.Internet, in.InternetAccess)
	set(&cfg.IdleTimeout, in.IdleTimeout)
	if in.EnvironmentVariables != nil {
		cfg.Env = *in.EnvironmentVariables
	}
	if creating {
		given(&cfg.DiskMB, in.DiskSize, defaultDisk)
		given(&cfg.Timeout, in.Timeout, defaultTimeout)
		given(&cfg.Concurrency, in.InstanceConcurrency, 1)
		given(&cfg.Internet, in.InternetAccess, true)
	}
	for _, check := range []func(*function.Config) error{checkText, in.power, checkNumbers, checkEnv, in.hooks, in.layers, in.extra} {
		if err := check(cfg); err != nil {
			return err
		}
	}
	return nil
}

func set[T any](to *T, v *T) {
	if v != nil {
		*to = *v
	}
}

func given[T any](to *T, v *T, otherwise T) {
	if v == nil {
		*to = otherwise
	}
}

func checkText(cfg *function.Config) error {
	if cfg.Runtime == "" {
		return invalid("runtime is required, for example nodejs20")
	}
	if len([]rune(cfg.Description)) > 256 {
		return invalid("description has %d characters: at most 256 are allowed", len([]rune(cfg.Description)))
	}
	return checkHandler("handler", cfg.Handler, cfg.Runtime)
}

// checkHandler says whether a handler has the form of its runtime: "file.function" for
// built-in ones, where the file may be in directories.
func checkHandler(field, h, runtime string) error {
	if isCustom(runtime) {
		if len(h) > 128 {
			return invalid("%s has %d characters: at most 128 are allowed", field, len(h))
		}
		return nil
	}
	if h == "" {
		return invalid("%s is required: it names the file and the function in it, for example index.handler", field)
	}
	dot := strings.LastIndexByte(h, '.')
	ok := len(h) <= 128 && dot > 0 && dot < len(h)-1 && h[0] != '/' && !strings.Contains(h, "..") && !strings.ContainsAny(h, "\\\x00\n\r") && h[dot-1] != '/' && !strings.Contains(h[dot:], "/")
	if !ok {
		return invalid("%s '%s' is invalid: it must have the form file.function, for example index.handler, in at most 128 characters", field, clip(h))
	}
	return nil
}

// power settles memory and CPU. The one that is not given follows from the other:
// two vCPUs for 3 GB, which gives the cloud console's 0.35 vCPU for 512 MB.
func (in *functionInput) power(cfg *function.Config) error {
	set(&cfg.MemoryMB, in.MemorySize)
	set(&cfg.CPU, in.CPU)
	switch {
	case in.MemorySize == nil && in.CPU == nil && cfg.MemoryMB == 0:
		cfg.MemoryMB = defaultMemory
		cfg.CPU = cpuFor(cfg.MemoryMB)
	case in.MemorySize == nil && cfg.MemoryMB == 0:
		cfg.MemoryMB = defaultMemory
		if cfg.CPU > 0 && cfg.CPU <= 16 && !ratio(cfg.CPU, cfg.MemoryMB) {
			cfg.MemoryMB = min(32768, max(128, int(math.Ceil(cfg.CPU*1536/64))*64))
		}
	case in.MemorySize != nil && in.CPU == nil && (cfg.CPU == 0 || !ratio(cfg.CPU, cfg.MemoryMB)):
		cfg.CPU = cpuFor(cfg.MemoryMB)
	}
	if m := cfg.MemoryMB; m < 128 || m > 32768 || m%64 != 0 {
		return invalid("memorySize %d is invalid: it must be 128 to 32768 MB and a multiple of 64", m)
	}
	steps := cfg.CPU / 0.05
	if math.IsNaN(steps) || cfg.CPU < 0.05-1e-9 || cfg.CPU > 16+1e-9 || math.Abs(steps-math.Round(steps)) > 1e-6 {
		return invalid("cpu %v is invalid: it must be 0.05 to 16 vCPUs in steps of 0.05", cfg.CPU)
	}
	cfg.CPU = math.Round(math.Round(steps)*5) / 100
	if !ratio(cfg.CPU, cfg.MemoryMB) {
		return invalid("cpu %v and memorySize %d do not fit: the ratio of vCPUs to GB of memory must be 1:1 to 1:4", cfg.CPU, cfg.MemoryMB)
	}
	return nil
}

// ratio reports whether cpu:memory in GB is 1:1 to 1:4.
func ratio(cpu float64, mb int) bool {
	gb := float64(mb) / 1024
	return cpu <= gb+1e-9 && cpu >= gb/4-1e-9
}

func cpuFor(mb int) float64 {
	return min(16, max(0.05, math.Ceil(float64(mb)/1536/0.05-1e-9)*5/100))
}

func checkNumbers(cfg *function.Config) error {
	switch {
	case cfg.DiskMB != 512 && cfg.DiskMB != 10240:
		return invalid("diskSize %d is invalid: it must be 512 or 10240 MB", cfg.DiskMB)
	case cfg.Timeout < 1 || cfg.Timeout > 86400:
		return invalid("timeout %d is out of range: it must be 1 to 86400 seconds", cfg.Timeout)
	case cfg.Concurrency < 1 || cfg.Concurrency > 200:
		return invalid("instanceConcurrency %d is out of range: it must be 1 to 200", cfg.Concurrency)
	case cfg.IdleTimeout < 0 || cfg.IdleTimeout > 86400:
		return invalid("idleTimeout %d is out of range: it must be 0 (the default) to 86400 seconds", cfg.IdleTimeout)
	}
	return nil
}

const maxEnv = 4 << 10 // bytes of all names and values

func checkEnv(cfg *function.Config) error {
	size := 0
	for k, v := range cfg.Env {
		if !isEnvName(k) {
			return invalid("environmentVariables: the name '%s' is invalid: it must start with a letter and hold only letters, digits and '_'", clip(k))
		}
		if strings.HasPrefix(strings.ToUpper(k), "FC_") {
			return invalid("environmentVariables: the name '%s' is invalid: names that start with FC_ are reserved", clip(k))
		}
		if strings.IndexByte(v, 0) >= 0 {
			return invalid("environmentVariables: the value of '%s' has a zero byte", clip(k))
		}
		size += len(k) + len(v)
	}
	if size > maxEnv {
		return invalid("environmentVariables take %d bytes: at most %d are allowed", size, maxEnv)
	}
	return nil
}

func isEnvName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

func (in *functionInput) hooks(cfg *function.Config) error {
	l := in.InstanceLifecycleConfig
	if l == nil {
		return nil
	}
	for _, h := range []struct {
		field string
		in    *lifecycleHook
		to    *function.Hook
		most  int
	}{
		{"instanceLifecycleConfig.initializer", l.Initializer, &cfg.Initializer, 600},
		{"instanceLifecycleConfig.preStop", l.PreStop, &cfg.PreStop, 900},
	} {
		*h.to = function.Hook{}
		if h.in == nil || h.in.Handler == "" && len(h.in.Command) == 0 {
			continue
		}
		if len(h.in.Command) > 0 {
			return notImplemented("%s.command is not implemented.", h.field).WithHint("Use its handler instead.")
		}
		if h.in.Timeout < 0 || h.in.Timeout > h.most {
			return invalid("%s.timeout %d is out of range: it must be 1 to %d seconds", h.field, h.in.Timeout, h.most)
		}
		if err := checkHandler(h.field+".handler", h.in.Handler, cfg.Runtime); err != nil {
			return err
		}
		*h.to = function.Hook{Handler: h.in.Handler, Timeout: h.in.Timeout}
		if h.to.Timeout == 0 {
			h.to.Timeout = defaultHook
		}
	}
	return nil
}

func (in *functionInput) layers(cfg *function.Config) error {
	if in.Layers == nil {
		return nil
	}
	if len(*in.Layers) > 0 {
		return notImplemented("layers are not implemented: %s.", noLayers)
	}
	cfg.Layers = nil
	return nil
}

// inert are settings that are kept and given back, but change nothing here. Those with
// a reason may only be given in a form that asks for nothing: what they ask for
// otherwise would change how the function runs, and is refused.
var inert = []struct {
	name     string
	of       func(*functionInput) json.RawMessage
	harmless func(json.RawMessage) bool
	reason   string
}{
	{"logConfig", func(in *functionInput) json.RawMessage { return in.LogConfig }, anything, ""},                     // logs are kept here whatever it says
	{"tracingConfig", func(in *functionInput) json.RawMessage { return in.TracingConfig }, anything, ""},             // no traces are sent
	{"customRuntimeConfig", func(in *functionInput) json.RawMessage { return in.CustomRuntimeConfig }, anything, ""}, // the custom runtimes read it
	{"enableLongLiving", func(in *functionInput) json.RawMessage { return in.EnableLongLiving }, anything, ""},       // deprecated
	{"resourceGroupId", func(in *functionInput) json.RawMessage { return in.ResourceGroupID }, anything, ""},
	{"vpcConfig", func(in *functionInput) json.RawMessage { return in.VPCConfig }, blank, noVPC},
	{"nasConfig", func(in *functionInput) json.RawMessage { return in.NASConfig }, noMounts, "file systems cannot be mounted"},
	{"ossMountConfig", func(in *functionInput) json.RawMessage { return in.OSSMountConfig }, noMounts, "buckets cannot be mounted; use the OSS SDK"},
	{"polarFsConfig", func(in *functionInput) json.RawMessage { return in.PolarFSConfig }, noMounts, "file systems cannot be mounted"},
	{"juiceFsConfig", func(in *functionInput) json.RawMessage { return in.JuiceFSConfig }, noMounts, "file systems cannot be mounted"},
	{"gpuConfig", func(in *functionInput) json.RawMessage { return in.GPUConfig }, blank, "functions have no GPUs"},
	{"customDNS", func(in *functionInput) json.RawMessage { return in.CustomDNS }, blank, "functions use the server's own name service"},
	{"customContainerConfig", func(in *functionInput) json.RawMessage { return in.CustomContainerConfig }, blank, "container images cannot be run; deploy a code package"},
	{"sessionAffinity", func(in *functionInput) json.RawMessage { return in.SessionAffinity }, oneOf("NONE"), noSessions},
	{"sessionAffinityConfig", func(in *functionInput) json.RawMessage { return in.SessionAffinityConfig }, blank, noSessions},
	{"instanceIsolationMode", func(in *functionInput) json.RawMessage { return in.InstanceIsolationMode }, oneOf("SHARE"), "instances are shared by the requests of a function (SHARE)"},
	{"disableInjectCredentials", func(in *functionInput) json.RawMessage { return in.DisableInjectCredentials }, oneOf("NONE"), "a function with a role gets its credentials in every way the cloud has; leave the role out to get none"},
	{"disableOndemand", func(in *functionInput) json.RawMessage { return in.DisableOndemand }, oneOf("false"), "instances are always started on demand"},
}

const maxExtra = 24 << 10 // bytes of all inert settings

func (in *functionInput) extra(cfg *function.Config) error {
	total := 0
	extra := map[string]string{}
	for k, v := range cfg.Extra {
		extra[k] = v
	}
	for _, s := range inert {
		raw := s.of(in)
		if len(raw) == 0 || string(raw) == "null" {
			continue
		}
		if !s.harmless(raw) {
			return notImplemented("%s is not implemented: %s.", s.name, s.reason).WithHint("Leave it out.")
		}
		var b bytes.Buffer
		if err := json.Compact(&b, raw); err != nil {
			return invalid("%s is not valid JSON", s.name)
		}
		extra[s.name] = b.String()
	}
	for k, v := range extra {
		total += len(k) + len(v)
	}
	if total > maxExtra {
		return invalid("the settings beside the code take %d bytes: at most %d are allowed", total, maxExtra)
	}
	cfg.Extra = extra
	return nil
}

func anything(json.RawMessage) bool { return true }

// blank reports whether a value is empty all the way down: "", 0, false, [], {}, null,
// and objects and arrays of nothing but these. Tools send such blocks to clear a setting.
func blank(raw json.RawMessage) bool {
	var v any
	return json.Unmarshal(raw, &v) == nil && isBlank(v)
}

func isBlank(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case float64:
		return v == 0
	case bool:
		return !v
	case []any:
		for _, e := range v {
			if !isBlank(e) {
				return false
			}
		}
		return true
	case map[string]any:
		for _, e := range v {
			if !isBlank(e) {
				return false
			}
		}
		return true
	}
	return false
}

// noMounts reports whether a mount configuration mounts nothing (its user and group
// ids do not matter then).
func noMounts(raw json.RawMessage) bool {
	var v struct {
		MountPoints []json.RawMessage `json:"mountPoints"`
	}
	return json.Unmarshal(raw, &v) == nil && len(v.MountPoints) == 0
}

func oneOf(value string) func(json.RawMessage) bool {
	return func(raw json.RawMessage) bool {
		s := strings.Trim(string(raw), `"`)
		return s == "" || strings.EqualFold(s, value)
	}
}

const (
	maxTags     = 20
	maxTagKey   = 64
	maxTagValue = 128
)

// checkTags says whether tags may stand on one resource.
func checkTags(tags []function.Tag) error {
	if len(tags) > maxTags {
		return invalid("a function may have at most %d tags; these are %d", maxTags, len(tags))
	}
	seen := map[string]bool{}
	for _, t := range tags {
		lower := strings.ToLower(t.Key)
		switch {
		case t.Key == "" || len([]rune(t.Key)) > maxTagKey:
			return invalid("the tag key '%s' is invalid: it must have 1 to %d characters", clip(t.Key), maxTagKey)
		case len([]rune(t.Value)) > maxTagValue:
			return invalid("the value of tag '%s' has %d characters: at most %d are allowed", t.Key, len([]rune(t.Value)), maxTagValue)
		case strings.HasPrefix(lower, "aliyun") || strings.HasPrefix(lower, "acs:"):
			return invalid("the tag key '%s' is invalid: it must not start with aliyun or acs:", t.Key)
		case strings.Contains(lower, "http://") || strings.Contains(lower, "https://"):
			return invalid("the tag key '%s' is invalid: it must not contain http:// or https://", t.Key)
		case seen[t.Key]:
			return invalid("the tag key '%s' is given twice", t.Key)
		}
		seen[t.Key] = true
	}
	return nil
}
