package providers

import (
	"strings"

	"carillon/internal/fault"
)

// Refused lists the items of a report that can't be used, each by its place,
// value and what is wrong with it. A CallbackParser and a ReplyParser return it
// beside the items that can: those are taken.
type Refused []fault.Field

// Error names every item.
func (r Refused) Error() string {
	lines := make([]string, len(r))
	for i, f := range r {
		lines[i] = f.Location + ": " + f.Message
	}
	return strings.Join(lines, "; ")
}

// OrNil is the list as an error, nil if it is empty.
func (r Refused) OrNil() error {
	if len(r) == 0 {
		return nil
	}
	return r
}
