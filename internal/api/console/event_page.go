package console

import (
	"strings"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

func (h *handler) eventPageOperations() map[string]operation {
	return map[string]operation{"GET /api/events/states": h.eventStates}
}

// maxStates bounds one request for the states of events that a page shows.
const maxStates = 100

// eventStates tells of the events ids=ID,ID… as /api/events does: a page that shows them
// asks again for those whose runs are not over, wherever in the list they are. Events that
// are not kept any more are left out, and those that the caller may not see; if it may
// see none of them, it is refused.
func (h *handler) eventStates(r *request) (any, error) {
	ids := strings.Split(r.param("ids"), ",")
	if len(ids) > maxStates || ids[0] == "" {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "The parameter ids names %d events.", len(ids)).WithHint("Give 1 to %d ids with commas between them.", maxStates)
	}
	out := []Event{}
	may := h.mayRuns(r)
	var refused error
	for _, id := range ids {
		e, runs, err := h.History.Lookup(r.Context(), id)
		if fault.Is(err, "EventNotFound") {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := h.maySee(r, e); err != nil {
			refused = err
			continue
		}
		out = append(out, show(e, runs, may))
	}
	if len(out) == 0 && refused != nil {
		return nil, refused
	}
	return out, nil
}
