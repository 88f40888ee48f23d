package identity

import (
	"strconv"
	"time"

	"github.com/alcedo-storage/alcedo/internal/fault"
)

// Edit says who changes a role or a user, and what they know of it.
type Edit struct {
	By      string // ARN of who changes it, shown to the next who does; "" if nobody says
	IfMatch string // the Revision that the change was made from; "" to change whatever is there
}

// editRow is what a row keeps of its last edit.
type editRow struct {
	Count uint64 `cbor:"1,keyasint,omitempty"` // of changes since the row was made
	By    string `cbor:"2,keyasint,omitempty"` // ARN
}

// revision tells every state of a role or user from all others, also from those of one of
// the same name that was deleted.
func (r editRow) revision(id string) string { return id + "." + strconv.FormatUint(r.Count, 10) }

// check fails with Precondition unless a change by e may follow: what stands in the row of
// that id is what it was made from.
func (r editRow) check(e Edit, what, name, id string, updated int64) error {
	if e.IfMatch == "" || e.IfMatch == r.revision(id) {
		return nil
	}
	by := fault.Word("")
	if r.By != "" {
		by = fault.Say(" by %s", r.By)
	}
	return fault.New(fault.Precondition, ReasonPrecondition, "The %s %s was changed meanwhile%s, at %s.", fault.Word(what), name, by, time.Unix(updated, 0).UTC().Format(time.RFC3339)).
		WithHint("Get it again and repeat the change with its new ETag.")
}
