package console

import (
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/identity"
)

// tagged is an answer that says which state of a thing it shows: reply sends it as ETag.
type tagged interface{ etag() string }

// maxTags bounds the tags of one If-Match.
const maxTags = 16

// edit reads from If-Match which revision the caller changes. now is the one that stands
// there: a list of tags names it or none. Without the header, or with "*", any will do.
// Tags are compared strongly (RFC 9110, 13.1.1), so a weak one is refused.
func (r *request) edit(now string) (identity.Edit, error) {
	e := identity.Edit{By: r.who.ARN}
	header := strings.TrimSpace(strings.Join(r.Header.Values("If-Match"), ","))
	if header == "" || header == "*" {
		return e, nil
	}
	tags := strings.Split(header, ",")
	for _, t := range tags {
		t = strings.TrimSpace(t)
		tag := strings.TrimPrefix(strings.TrimSuffix(t, `"`), `"`)
		if len(tags) > maxTags || tag == "" || len(tag) != len(t)-2 || strings.Contains(tag, `"`) {
			return e, fault.New(fault.Invalid, identity.ReasonInvalidArgument, "If-Match %q is not an ETag.", header).
				WithHint(`Send the one that came with what is changed, in its quotation marks, for example "301234567890123456.7".`)
		}
		if tag == now || e.IfMatch == "" {
			e.IfMatch = tag
		}
	}
	return e, nil
}
