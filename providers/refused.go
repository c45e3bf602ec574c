package providers

import (
	"fmt"
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

// Key reports whether an id that a report gives can be looked up: 1 to MaxProviderID bytes
// of printable ASCII without spaces.
func Key(id string) bool {
	return id != "" && len(id) <= MaxProviderID && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// longestQuoted is of a value that can't be used, in bytes.
const longestQuoted = 100

// NoKey says of an item of a report that what it gives at a place is no Key.
func NoKey(place, value string) fault.Field {
	return fault.Field{
		Location: place, Value: strings.ToValidUTF8(value[:min(len(value), longestQuoted)], ""),
		Message: fmt.Sprintf("must be 1 to %d bytes of printable ASCII without spaces", MaxProviderID),
	}
}
