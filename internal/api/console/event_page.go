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
// are not kept any more are left out.
func (h *handler) eventStates(r *request) (any, error) {
	ids := strings.Split(r.param("ids"), ",")
	if len(ids) > maxStates || ids[0] == "" {
		return nil, fault.New(fault.Invalid, "InvalidArgument", "The parameter ids names %d events.", len(ids)).WithHint("Give 1 to %d ids with commas between them.", maxStates)
	}
	out := []Event{}
	may := h.mayRuns(r)
	for _, id := range ids {
		e, runs, err := h.History.Lookup(r.Context(), id)
		if fault.Is(err, "EventNotFound") {
			continue
		}
		if err == nil {
			err = h.maySee(r, e)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, show(e, runs, may))
	}
	return out, nil
}
