package policy

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Context is what conditions may ask of a request.
type Context struct {
	SourceIP  netip.Addr // acs:SourceIp; the zero Addr is "unknown"
	Secure    bool       // acs:SecureTransport
	Time      time.Time  // acs:CurrentTime
	List      bool       // the request lists objects, so oss:Prefix and oss:Delimiter exist
	Prefix    string     // oss:Prefix
	Delimiter string     // oss:Delimiter
}

type key uint8

const (
	keySourceIP key = iota
	keySecure
	keyTime
	keyPrefix
	keyDelimiter
)

var keys = map[string]key{
	"acs:sourceip":        keySourceIP,
	"acs:securetransport": keySecure,
	"acs:currenttime":     keyTime,
	"oss:prefix":          keyPrefix,
	"oss:delimiter":       keyDelimiter,
}

const keyNames = "acs:SourceIp, acs:SecureTransport, acs:CurrentTime, oss:Prefix and oss:Delimiter"

// family is how an operator compares; negated operators hold when no value matches,
// and when the request lacks the key.
type family uint8

const (
	stringEquals family = iota
	stringFold
	stringLike
	numeric
	date
	boolean
	ipAddress
)

type relation uint8

const (
	equal relation = iota
	less
	lessEqual
	greater
	greaterEqual
)

type operator struct {
	family  family
	rel     relation
	negated bool
}

var operators = map[string]operator{
	"StringEquals":              {family: stringEquals},
	"StringNotEquals":           {family: stringEquals, negated: true},
	"StringEqualsIgnoreCase":    {family: stringFold},
	"StringNotEqualsIgnoreCase": {family: stringFold, negated: true},
	"StringLike":                {family: stringLike},
	"StringNotLike":             {family: stringLike, negated: true},
	"NumericEquals":             {family: numeric},
	"NumericNotEquals":          {family: numeric, negated: true},
	"NumericLessThan":           {family: numeric, rel: less},
	"NumericLessThanEquals":     {family: numeric, rel: lessEqual},
	"NumericGreaterThan":        {family: numeric, rel: greater},
	"NumericGreaterThanEquals":  {family: numeric, rel: greaterEqual},
	"DateEquals":                {family: date},
	"DateNotEquals":             {family: date, negated: true},
	"DateLessThan":              {family: date, rel: less},
	"DateLessThanEquals":        {family: date, rel: lessEqual},
	"DateGreaterThan":           {family: date, rel: greater},
	"DateGreaterThanEquals":     {family: date, rel: greaterEqual},
	"Bool":                      {family: boolean},
	"IpAddress":                 {family: ipAddress},
	"NotIpAddress":              {family: ipAddress, negated: true},
}

type condition struct {
	op    operator
	key   key
	texts []string
	nums  []float64
	times []time.Time
	nets  []netip.Prefix
	bools []bool
}

func parseConditions(raw json.RawMessage, what string) ([]condition, error) {
	ops, err := object(raw, what+": Condition")
	if err != nil {
		return nil, err
	}
	var out []condition
	for name, v := range ops {
		op, ok := operators[name]
		if !ok {
			return nil, bad("%s: the condition operator %q is not known.", what, name)
		}
		ks, err := object(v, what+": Condition."+name)
		if err != nil {
			return nil, err
		}
		if len(ks) == 0 {
			return nil, bad("%s: Condition.%s names no key.", what, name)
		}
		for kn, v := range ks {
			k, ok := keys[strings.ToLower(kn)]
			if !ok {
				return nil, bad("%s: the condition key %q is not known; %s are.", what, kn, keyNames)
			}
			c := condition{op: op, key: k}
			if err := c.parseValues(v, what, name, kn); err != nil {
				return nil, err
			}
			out = append(out, c)
		}
	}
	return out, nil
}

// fits says which keys a family of operators can compare at all.
func (f family) fits(k key) bool {
	switch f {
	case date:
		return k == keyTime
	case boolean:
		return k == keySecure
	case ipAddress:
		return k == keySourceIP
	}
	return true
}

func (c *condition) parseValues(raw json.RawMessage, what, op, key string) error {
	var list []json.RawMessage
	if len(raw) > 0 && raw[0] == '[' {
		if json.Unmarshal(raw, &list) != nil {
			list = nil
		}
	} else {
		list = []json.RawMessage{raw}
	}
	if len(list) == 0 || len(list) > maxValues {
		return bad("%s: Condition.%s.%s must hold 1 to %d values.", what, op, key, maxValues)
	}
	if !c.op.family.fits(c.key) {
		return bad("%s: %s cannot compare %s.", what, op, key)
	}
	for _, r := range list {
		text := string(r)
		var s string
		switch {
		case json.Unmarshal(r, &s) == nil && text != "null":
			text = s
		case text == "" || strings.IndexByte("{[n", text[0]) >= 0:
			return bad("%s: Condition.%s.%s has a value that is no string, number or truth value.", what, op, key)
		}
		if !c.addValue(text) {
			return bad("%s: Condition.%s.%s cannot be compared with %q.", what, op, key, text)
		}
	}
	return nil
}

func (c *condition) addValue(text string) bool {
	switch c.op.family {
	case numeric:
		f, err := strconv.ParseFloat(text, 64)
		c.nums = append(c.nums, f)
		return err == nil && f == f
	case date:
		t, ok := parseDate(text)
		c.times = append(c.times, t)
		return ok
	case boolean:
		b, err := strconv.ParseBool(strings.ToLower(text))
		c.bools = append(c.bools, b)
		return err == nil
	case ipAddress:
		n, ok := parseNet(text)
		c.nets = append(c.nets, n)
		return ok
	}
	c.texts = append(c.texts, text)
	return true
}

func parseDate(s string) (time.Time, bool) {
	for _, f := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02"} {
		if t, err := time.Parse(f, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func parseNet(s string) (netip.Prefix, bool) {
	if strings.Contains(s, "/") {
		n, err := netip.ParsePrefix(s)
		return n.Masked(), err == nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}

// holds reports whether the condition is met. A key that the request lacks meets only
// negated operators.
func (c *condition) holds(x *Context) bool {
	return c.matches(x) != c.op.negated
}

func (c *condition) matches(x *Context) bool {
	switch c.op.family {
	case date:
		for _, t := range c.times {
			if relate(x.Time.Compare(t), c.op.rel) {
				return true
			}
		}
		return false
	case boolean:
		for _, b := range c.bools {
			if b == x.Secure {
				return true
			}
		}
		return false
	case ipAddress:
		a := x.SourceIP.Unmap()
		for _, n := range c.nets {
			if n.Contains(a) {
				return true
			}
		}
		return false
	}
	v, ok := x.text(c.key)
	if !ok {
		return false
	}
	switch c.op.family {
	case stringEquals:
		for _, t := range c.texts {
			if t == v {
				return true
			}
		}
	case stringFold:
		for _, t := range c.texts {
			if strings.EqualFold(t, v) {
				return true
			}
		}
	case stringLike:
		for _, t := range c.texts {
			if match(t, v, false) {
				return true
			}
		}
	case numeric:
		f, err := strconv.ParseFloat(v, 64)
		if err != nil {
			return false
		}
		for _, n := range c.nums {
			cmp := 0
			if f < n {
				cmp = -1
			} else if f > n {
				cmp = 1
			}
			if relate(cmp, c.op.rel) {
				return true
			}
		}
	}
	return false
}

func relate(cmp int, r relation) bool {
	switch r {
	case less:
		return cmp < 0
	case lessEqual:
		return cmp <= 0
	case greater:
		return cmp > 0
	case greaterEqual:
		return cmp >= 0
	}
	return cmp == 0
}

func (x *Context) text(k key) (string, bool) {
	switch k {
	case keySourceIP:
		return x.SourceIP.Unmap().String(), x.SourceIP.IsValid()
	case keySecure:
		return strconv.FormatBool(x.Secure), true
	case keyTime:
		return x.Time.UTC().Format(time.RFC3339), true
	case keyPrefix:
		return x.Prefix, x.List
	}
	return x.Delimiter, x.List
}
