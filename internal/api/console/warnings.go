package console

import (
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

func (h *handler) warningsOperations() map[string]operation {
	return map[string]operation{"GET /api/warnings": h.warningsOfMany}
}

// maxWarned bounds one request for the warnings of functions that a page shows.
const maxWarned = 100

// FunctionWarnings is what should be looked at of one function.
type FunctionWarnings struct {
	Function string    `json:"function"`
	Warnings []Warning `json:"warnings"`
}

// warningsOfMany tells of the functions=NAME,NAME… what /api/functions/{name}/warnings does
// of one. It needs fc:GetFunction for each: those that the caller may not get are left out,
// as are those that are gone; if it may get none of them, it is refused.
func (h *handler) warningsOfMany(r *request) (any, error) {
	names := strings.Split(r.param("functions"), ",")
	if len(names) > maxWarned || names[0] == "" {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "The parameter functions names %d functions.", len(names)).WithHint("Give 1 to %d names with commas between them.", maxWarned)
	}
	out := []FunctionWarnings{}
	var refused error
	allowed := false
	for _, name := range names {
		if err := h.may(r, "fc:GetFunction", name); err != nil {
			refused = err
			continue
		}
		allowed = true
		list, err := h.warningsOf(r.Context(), name)
		if fault.Is(err, "FunctionNotFound") {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, FunctionWarnings{name, list})
	}
	if !allowed {
		return nil, refused
	}
	return out, nil
}
