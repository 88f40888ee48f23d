package policy

import "strings"

// MaySome reports what a document says about r.Action on the resources that begin with
// r.Resource, its text taken as it is: whether an Allow speaks of some of them, and whether
// one Deny speaks of all. What several statements deny together is not seen. So a page
// that offers what this allows may offer too much, and never too little.
func (d *Document) MaySome(r *Request) (allowed, denied bool) {
	for i := range d.statements {
		st := &d.statements[i]
		if !st.matchAction(r.Action) || !st.holds(&r.Context) {
			continue
		}
		some, all := st.concerns(r.Resource)
		if st.deny {
			denied = denied || all
		} else {
			allowed = allowed || some
		}
	}
	return allowed, denied
}

// concerns reports whether a statement speaks of some of the resources that begin with
// prefix, and whether one of its patterns alone decides about all of them.
func (st *statement) concerns(prefix string) (some, all bool) {
	for _, p := range st.resources {
		some = some || reaches(p, prefix)
		all = all || strings.HasSuffix(p, "*") && match(p, prefix, false)
	}
	if st.notResources {
		return !all, !some
	}
	return some, all
}

// reaches reports whether a pattern matches some text that begins with prefix. Where both
// are whole ARNs, the parts before the name are compared one by one, as people mean them:
// else the star of "acs:oss:*:*:b/in/*" would reach every other bucket too, by keys with
// colons that nobody has.
func reaches(p, prefix string) bool {
	ps, parts := strings.SplitN(p, ":", 5), strings.SplitN(prefix, ":", 5)
	if len(ps) < 5 || len(parts) < 5 {
		return begins(p, prefix)
	}
	for i := range 4 {
		if !match(ps[i], parts[i], false) {
			return false
		}
	}
	return begins(ps[4], parts[4])
}

// begins is reaches for texts without parts: up to its first star the pattern must agree
// with prefix, and from there on the star takes what is needed.
func begins(p, prefix string) bool {
	for i := range len(prefix) {
		switch {
		case i == len(p):
			return false
		case p[i] == '*':
			return true
		case p[i] != '?' && p[i] != prefix[i]:
			return false
		}
	}
	return true
}
