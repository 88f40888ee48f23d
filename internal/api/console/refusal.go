package console

import (
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/reason"
)

// refusal is an error's answer. The pages tell Said in their reader's language.
type refusal struct {
	Code    string
	Message string
	Said    *reason.Why `json:",omitempty"`
}

func refused(f *fault.Error) refusal {
	message := f.Message
	if f.Hint != "" {
		message += " " + f.Hint
	}
	return refusal{string(f.Reason), message, reason.Of(f)}
}
