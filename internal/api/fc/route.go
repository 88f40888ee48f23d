package fc

import (
	"net/url"
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

const (
	apiPath = "/2023-03-30/"
	oldPath = "/2016-08-15/"
)

func isOldPath(p string) bool { return strings.HasPrefix(p, oldPath) }

// route is one operation.
type route struct {
	method  string
	pattern string // below the API's path; "*" stands for one segment
	action  string // the operation's name; "fc:" + action is what policies allow
	serve   func(*Handler, *call) error

	why      string // with serve nil: why it is not implemented
	body     int64  // most bytes of a body; 0: maxBody
	resource string // "*": on all functions, whatever the path says; ownResource: serve knows
	ownBody  bool   // serve reads the body and authenticates by itself
	unsigned bool   // needs no signature in headers
	old      bool   // of the old API

	segments []string
}

const ownResource = "own"

// Why operations are not implemented.
const (
	noLayers    = "functions cannot use layers; put what they need into the code package"
	noDomains   = "functions are invoked through the API and by triggers, not under domains of their own"
	noProvision = "instances are started when they are needed and kept warm, not provisioned"
	noVPC       = "there are no virtual private clouds here"
	noSessions  = "requests of one session are not bound to one instance"
	noInstances = "instances cannot be listed or entered through this API"
	noGroups    = "there are no resource groups here"
)

var routes = []*route{
	{method: "POST", pattern: "functions/*/invocations", action: "InvokeFunction", serve: (*Handler).invokeFunction, ownBody: true},

	{method: "POST", pattern: "functions", action: "CreateFunction", serve: (*Handler).createFunction, body: maxCodeBody, resource: ownResource},
	{method: "GET", pattern: "functions", action: "ListFunctions", serve: (*Handler).listFunctions},
	{method: "GET", pattern: "functions/*", action: "GetFunction", serve: (*Handler).getFunction},
	{method: "PUT", pattern: "functions/*", action: "UpdateFunction", serve: (*Handler).updateFunction, body: maxCodeBody},
	{method: "DELETE", pattern: "functions/*", action: "DeleteFunction", serve: (*Handler).deleteFunction},
	{method: "GET", pattern: "functions/*/code", action: "GetFunctionCode", serve: (*Handler).getFunctionCode},
	{method: "POST", pattern: "functions/*/invoke/disable", action: "DisableFunctionInvocation", serve: (*Handler).disableInvocation},
	{method: "PUT", pattern: "functions/*/invoke/disable", action: "DisableFunctionInvocation", serve: (*Handler).disableInvocation},
	{method: "POST", pattern: "functions/*/invoke/enable", action: "EnableFunctionInvocation", serve: (*Handler).enableInvocation},
	{method: "PUT", pattern: "functions/*/invoke/enable", action: "EnableFunctionInvocation", serve: (*Handler).enableInvocation},

	{method: "POST", pattern: "functions/*/versions", action: "PublishFunctionVersion", serve: (*Handler).publishVersion},
	{method: "GET", pattern: "functions/*/versions", action: "ListFunctionVersions", serve: (*Handler).listVersions},
	{method: "DELETE", pattern: "functions/*/versions/*", action: "DeleteFunctionVersion", serve: (*Handler).deleteVersion},
	{method: "POST", pattern: "functions/*/aliases", action: "CreateAlias", serve: (*Handler).createAlias},
	{method: "GET", pattern: "functions/*/aliases", action: "ListAliases", serve: (*Handler).listAliases},
	{method: "GET", pattern: "functions/*/aliases/*", action: "GetAlias", serve: (*Handler).getAlias},
	{method: "PUT", pattern: "functions/*/aliases/*", action: "UpdateAlias", serve: (*Handler).updateAlias},
	{method: "DELETE", pattern: "functions/*/aliases/*", action: "DeleteAlias", serve: (*Handler).deleteAlias},

	{method: "POST", pattern: "functions/*/triggers", action: "CreateTrigger", serve: (*Handler).createTrigger},
	{method: "GET", pattern: "functions/*/triggers", action: "ListTriggers", serve: (*Handler).listTriggers},
	{method: "GET", pattern: "functions/*/triggers/*", action: "GetTrigger", serve: (*Handler).getTrigger},
	{method: "PUT", pattern: "functions/*/triggers/*", action: "UpdateTrigger", serve: (*Handler).updateTrigger},
	{method: "DELETE", pattern: "functions/*/triggers/*", action: "DeleteTrigger", serve: (*Handler).deleteTrigger},

	{method: "PUT", pattern: "functions/*/async-invoke-config", action: "PutAsyncInvokeConfig", serve: (*Handler).putAsyncConfig},
	{method: "GET", pattern: "functions/*/async-invoke-config", action: "GetAsyncInvokeConfig", serve: (*Handler).getAsyncConfig},
	{method: "DELETE", pattern: "functions/*/async-invoke-config", action: "DeleteAsyncInvokeConfig", serve: (*Handler).deleteAsyncConfig},
	{method: "GET", pattern: "async-invoke-configs", action: "ListAsyncInvokeConfigs", serve: (*Handler).listAsyncConfigs},
	{method: "GET", pattern: "functions/*/async-tasks", action: "ListAsyncTasks", serve: (*Handler).listTasks},
	{method: "GET", pattern: "functions/*/async-tasks/*", action: "GetAsyncTask", serve: (*Handler).getTask},
	{method: "PUT", pattern: "functions/*/async-tasks/*/stop", action: "StopAsyncTask", serve: (*Handler).stopTask},

	{method: "PUT", pattern: "functions/*/concurrency", action: "PutConcurrencyConfig", serve: (*Handler).putConcurrency},
	{method: "GET", pattern: "functions/*/concurrency", action: "GetConcurrencyConfig", serve: (*Handler).getConcurrency},
	{method: "DELETE", pattern: "functions/*/concurrency", action: "DeleteConcurrencyConfig", serve: (*Handler).deleteConcurrency},
	{method: "GET", pattern: "concurrency-configs", action: "ListConcurrencyConfigs", serve: (*Handler).listConcurrency},

	// Tools ask for these in their usual course. There never are any, and that is
	// the answer; making one is refused.
	{method: "GET", pattern: "functions/*/provision-config", action: "GetProvisionConfig", serve: (*Handler).noConfig},
	{method: "PUT", pattern: "functions/*/provision-config", action: "PutProvisionConfig", why: noProvision},
	{method: "DELETE", pattern: "functions/*/provision-config", action: "DeleteProvisionConfig", serve: (*Handler).deleteNothing},
	{method: "GET", pattern: "provision-configs", action: "ListProvisionConfigs", serve: emptyList("provisionConfigs")},
	{method: "GET", pattern: "functions/*/scaling-config", action: "GetScalingConfig", serve: (*Handler).noConfig},
	{method: "PUT", pattern: "functions/*/scaling-config", action: "PutScalingConfig", why: noProvision},
	{method: "DELETE", pattern: "functions/*/scaling-config", action: "DeleteScalingConfig", serve: (*Handler).deleteNothing},
	{method: "GET", pattern: "scaling-configs", action: "ListScalingConfigs", serve: emptyList("scalingConfigs")},
	{method: "GET", pattern: "functions/*/vpc-bindings", action: "ListVpcBindings", serve: (*Handler).noVPCBindings},
	{method: "POST", pattern: "functions/*/vpc-bindings", action: "CreateVpcBinding", why: noVPC},
	{method: "DELETE", pattern: "functions/*/vpc-bindings/*", action: "DeleteVpcBinding", why: noVPC},

	{method: "GET", pattern: "functions/*/instances", action: "ListInstances", why: noInstances},
	{method: "GET", pattern: "functions/*/instances/*/exec", action: "InstanceExec", why: noInstances},
	{method: "POST", pattern: "layers/*/versions", action: "CreateLayerVersion", why: noLayers, resource: "*"},
	{method: "GET", pattern: "layers/*/versions", action: "ListLayerVersions", why: noLayers, resource: "*"},
	{method: "GET", pattern: "layers/*/versions/*", action: "GetLayerVersion", why: noLayers, resource: "*"},
	{method: "DELETE", pattern: "layers/*/versions/*", action: "DeleteLayerVersion", why: noLayers, resource: "*"},
	{method: "PUT", pattern: "layers/*/acl", action: "PutLayerACL", why: noLayers, resource: "*"},
	{method: "GET", pattern: "layers", action: "ListLayers", why: noLayers},
	{method: "GET", pattern: "layerarn/*", action: "GetLayerVersionByArn", why: noLayers, resource: "*"},
	{method: "POST", pattern: "custom-domains", action: "CreateCustomDomain", why: noDomains},
	{method: "GET", pattern: "custom-domains", action: "ListCustomDomains", why: noDomains},
	{method: "GET", pattern: "custom-domains/*", action: "GetCustomDomain", why: noDomains, resource: "*"},
	{method: "PUT", pattern: "custom-domains/*", action: "UpdateCustomDomain", why: noDomains, resource: "*"},
	{method: "DELETE", pattern: "custom-domains/*", action: "DeleteCustomDomain", why: noDomains, resource: "*"},
	{method: "POST", pattern: "functions/*/sessions", action: "CreateSession", why: noSessions},
	{method: "GET", pattern: "functions/*/sessions", action: "ListSessions", why: noSessions},
	{method: "GET", pattern: "functions/*/sessions/*", action: "GetSession", why: noSessions},
	{method: "PUT", pattern: "functions/*/sessions/*", action: "UpdateSession", why: noSessions},
	{method: "DELETE", pattern: "functions/*/sessions/*", action: "DeleteSession", why: noSessions},
	{method: "PUT", pattern: "functions/*/sessions/*/pause", action: "PauseSession", why: noSessions},
	{method: "PUT", pattern: "functions/*/sessions/*/resume", action: "ResumeSession", why: noSessions},
	{method: "PUT", pattern: "resource-groups", action: "ChangeResourceGroup", why: noGroups},

	{method: "POST", pattern: "tags-v2", action: "TagResources", serve: (*Handler).tagResources},
	{method: "GET", pattern: "tags-v2", action: "ListTagResources", serve: (*Handler).listTagResources},
	{method: "DELETE", pattern: "tags-v2", action: "UntagResources", serve: (*Handler).untagResources},
	{method: "GET", pattern: "regions", action: "DescribeRegions", serve: (*Handler).describeRegions},

	{method: "GET", pattern: "alcedo/code/*", action: "GetFunctionCode", serve: (*Handler).downloadCode, unsigned: true},
	{method: "GET", pattern: "tempBucketToken", action: "GetTempBucketToken", serve: (*Handler).tempBucketToken, old: true},
}

const maxSegments = 5

// table holds the routes by their number of segments.
var table = func() (t [maxSegments + 1][]*route) {
	for _, r := range routes {
		r.segments = strings.Split(r.pattern, "/")
		if r.body == 0 {
			r.body = maxBody
		}
		t[len(r.segments)] = append(t[len(r.segments)], r)
	}
	return t
}()

// match finds the operation for a method and an escaped path, and puts what the
// pattern's "*" stand for, unescaped, into args. Names are matched in their escaped
// form, so a name may hold "/" as %2F.
func match(method, path string, args *[3]string) (*route, error) {
	var segments [maxSegments]string
	rest, isNew := strings.CutPrefix(path, apiPath)
	isOld := false
	if !isNew {
		rest, isOld = strings.CutPrefix(path, oldPath)
	}
	if !isNew && !isOld || len(path) > 4096 {
		return nil, pathNotSupported(method, path)
	}
	n := 0
	for more := true; more; n++ {
		if n == maxSegments {
			return nil, pathNotSupported(method, path)
		}
		segments[n], rest, more = strings.Cut(rest, "/")
	}
candidates:
	for _, r := range table[n] {
		if r.method != method || r.old != isOld {
			continue
		}
		for i, s := range r.segments {
			if s != segments[i] && (s != "*" || segments[i] == "") {
				continue candidates
			}
		}
		k := 0
		for i, s := range r.segments {
			if s != "*" {
				continue
			}
			arg := segments[i]
			if strings.IndexByte(arg, '%') >= 0 {
				var err error
				if arg, err = url.PathUnescape(arg); err != nil {
					return nil, invalid("the path '%s' is not well escaped", clip(path))
				}
			}
			args[k] = arg
			k++
		}
		return r, nil
	}
	return nil, pathNotSupported(method, path)
}

func pathNotSupported(method, path string) error {
	return fault.New(fault.Invalid, "PathNotSupported", "'%s' against '%s' is not supported", clip(method), clip(path))
}
