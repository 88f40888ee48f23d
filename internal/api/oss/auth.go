package oss

import (
	"net/http"
	"net/netip"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/object"
)

// Authenticator is what this package needs of [identity.Store].
type Authenticator interface {
	// VerifyOSS returns who signed r; an anonymous principal if nobody did.
	VerifyOSS(r *http.Request, q identity.OSSRequest) (*identity.Principal, error)
	// VerifyPost returns who signed the policy of a form upload; an anonymous principal
	// if nobody did.
	VerifyPost(policyBase64 string, fields map[string]string) (*identity.Principal, error)
	Authorize(p *identity.Principal, action, resource string, c identity.Conditions) error
	Explain(p *identity.Principal, action, resource string, c identity.Conditions) identity.Decision
}

// principal is who makes a request, if that is known yet.
type principal struct{ *identity.Principal }

func (p principal) anonymous() bool {
	return p.Principal == nil || p.Kind == identity.Anonymous
}

func (p principal) id() string {
	if p.Principal == nil {
		return ""
	}
	return p.ID
}

func (p principal) lineage() *lineage.Lineage {
	if p.Principal == nil || p.Lineage == nil {
		return nil
	}
	return (*lineage.Lineage)(p.Lineage)
}

func (q *request) authenticate() error {
	p, err := q.h.auth.VerifyOSS(q.r, q.ossRequest())
	if err != nil {
		if !fault.Is(err, identity.ReasonSignature) {
			return err
		}
		first := q.address
		other, ok := q.h.addr.resolvePath(first)
		if !ok {
			return err
		}
		q.address = other
		var err2 error
		if p, err2 = q.h.auth.VerifyOSS(q.r, q.ossRequest()); err2 != nil {
			q.address = first
			return err
		}
	}
	q.who.Principal = p
	return nil
}

func (q *request) ossRequest() identity.OSSRequest {
	return identity.OSSRequest{
		Bucket: q.bucket, Key: q.key, RawPath: q.rawPath, Region: q.h.region, PathStyle: q.pathStyle, Now: q.now,
	}
}

// authorize checks the permission that the operation table names.
func (q *request) authorize() error {
	if q.op.acl == grantAny {
		return nil
	}
	return q.allow(q.op.action, q.bucketI, q.key, q.op.acl)
}

// allow returns nil if the caller may do action on a key of b, or on b itself if key is
// empty, or on the service if b is nil. A policy that allows it suffices, and so does an
// ACL that grants g, unless a policy forbids it outright.
func (q *request) allow(action string, b *object.Bucket, key string, g grant) error {
	p := q.who.Principal
	name := "*"
	owner := q.h.account
	switch {
	case b != nil:
		name, owner = b.Name, b.Owner
	case q.bucket != "": // it is yet to be made
		name = q.bucket
	}
	if p.Kind == identity.Root && p.Account == owner {
		return nil
	}
	resource := "acs:oss:" + q.h.region + ":" + owner + ":" + name
	if key != "" {
		resource += "/" + key
	}
	var err error
	if p.Account == owner {
		c := q.conditions()
		if err = q.h.auth.Authorize(p, action, resource, c); err == nil {
			return nil
		}
		if fault.KindOf(err) != fault.Denied {
			return err
		}
		if g == grantNone || q.h.auth.Explain(p, action, resource, c).Statement > 0 {
			return denied(err)
		}
	}
	ok, aclErr := q.aclGrants(b, key, g)
	switch {
	case aclErr != nil:
		return aclErr
	case ok:
		return nil
	case err != nil:
		return denied(err)
	case key == "":
		return fault.New(fault.Denied, "AccessDenied", "Anonymous access is forbidden for this operation.").WithHint("Sign the request.")
	}
	return errDenied()
}

// denied puts OSS's own sentence in front of the explanation.
func denied(err error) error {
	f := fault.As(err)
	message, hint := f.Said()
	e := fault.New(f.Kind, "AccessDenied", "You have no right to access this object. %s", message).WithHint("%s", hint).Because(f.Err)
	e.Params = f.Params
	return e
}

// aclGrants reports whether the ACL in force grants g to everybody: the object's own, or
// the bucket's where the object has none or is yet to be written.
func (q *request) aclGrants(b *object.Bucket, key string, g grant) (bool, error) {
	if g == grantNone || b == nil || key == "" {
		return false, nil
	}
	acl := b.ACL
	i, err := q.h.objects.Head(q.r.Context(), b.Name, key)
	switch {
	case err == nil:
		if i.ACL != "" && i.ACL != "default" {
			acl = i.ACL
		}
	case !fault.Is(err, object.NoSuchKey):
		return false, err
	}
	return acl == "public-read-write" || g == grantRead && acl == "public-read", nil
}

func (q *request) conditions() identity.Conditions {
	c := identity.Conditions{Secure: q.r.TLS != nil, Time: q.now}
	if ap, err := netip.ParseAddrPort(q.r.RemoteAddr); err == nil {
		c.SourceIP = ap.Addr().Unmap()
	}
	switch q.op.action {
	case "oss:ListObjects", "oss:ListMultipartUploads":
		c.List = true
		c.Prefix, c.Delimiter = q.query.get("prefix"), q.query.get("delimiter")
	}
	return c
}
