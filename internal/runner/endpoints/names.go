// Package endpoints makes the cloud's host names work inside a function: it answers DNS
// for the endpoints of OSS, FC and STS, and serves them over HTTP and HTTPS on sockets
// that an instance's first process opened inside its own network namespace.
package endpoints

import "strings"

// Served reports whether a host name (lower case or not, with or without a final dot)
// is one of the endpoints that functions reach:
//
//	oss-<region>[-internal].aliyuncs.com, <bucket>.oss-<region>[-internal].aliyuncs.com
//	fcv3.<region>.aliyuncs.com, <account>.<region>[-internal|-vpc].fc.aliyuncs.com
//	sts.aliyuncs.com, sts.<region>.aliyuncs.com, sts-vpc.<region>.aliyuncs.com
//
// Any region is served: the server decides what to answer for another one than its own.
func Served(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	rest, ok := strings.CutSuffix(name, ".aliyuncs.com")
	if !ok || rest == "" {
		return false
	}
	l := strings.Split(rest, ".")
	last := l[len(l)-1]
	switch {
	case strings.HasPrefix(last, "oss-"):
		return len(last) > len("oss-") && (len(l) == 1 || len(l) == 2 && l[0] != "")
	case last == "fc":
		return len(l) == 3 && l[0] != "" && l[1] != ""
	case rest == "sts":
		return true
	case len(l) == 2:
		return last != "" && (l[0] == "sts" || l[0] == "sts-vpc" || l[0] == "fcv3")
	}
	return false
}
