package console

import (
	"strings"

	"github.com/alcedo-storage/alcedo/internal/function"
)

// maxRoleUses bounds the functions that are named; more are said to be.
const maxRoleUses = 50

// RoleUses are the functions that run as a role. Known is false if the caller may not list
// functions.
type RoleUses struct {
	Known     bool     `json:"known"`
	Functions []string `json:"functions"`
	More      bool     `json:"more"`
}

// roleUses says what would fail without a role.
func (h *handler) roleUses(r *request) (any, error) {
	name := r.PathValue("name")
	if err := h.mayRole(r, "ram:GetRole", name); err != nil {
		return nil, err
	}
	role, err := h.Identity.GetRole(name)
	if err != nil {
		return nil, err
	}
	out := RoleUses{Functions: []string{}}
	if h.may(r, "fc:ListFunctions", "*") != nil {
		return out, nil
	}
	out.Known = true
	arn := strings.ToLower(role.ARN)
	q := function.Query{Limit: maxRoleUses, Keep: func(f *function.Function) bool {
		return strings.ToLower(f.Config.Role) == arn // names of roles compare without case
	}}
	for { // a page may end before its limit when few are kept
		list, next, err := h.Functions.List(r.Context(), q)
		if err != nil {
			return nil, err
		}
		for _, f := range list {
			out.Functions = append(out.Functions, f.Name)
		}
		q.Token, q.Limit, out.More = next, maxRoleUses-len(out.Functions), next != ""
		if next == "" || q.Limit == 0 {
			break
		}
	}
	return out, nil
}
