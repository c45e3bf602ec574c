package contacts

import (
	"fmt"

	"carillon/internal/fault"
)

// Room is how many contacts an account has, deleted ones left out, and may have; Most is 0 for
// any number.
type Room struct{ Has, Most int64 }

// howToHaveRoom says what to do about an account that is full.
const howToHaveRoom = "delete some, or have an operator of this installation raise the limit (carillon accounts set --max-contacts)"

// Full refuses another contact where the account has as many as it may have.
func (r Room) Full() error {
	if r.Most == 0 || r.Has < r.Most {
		return nil
	}
	return fault.New(fault.Conflict, "the account may have %d contacts and has %d: %s", r.Most, r.Has, howToHaveRoom)
}

// FullError ends an upload at the line for which the account has no room.
type FullError struct {
	// Line is the first that was not taken.
	Line int64
	// Room is what the account had before the batch that the line is in.
	Room Room
	// Created and Updated are what the upload did before the line.
	Created, Updated int64
	DryRun           bool
}

// Error says what is taken in, and what to do.
func (e FullError) Error() string {
	taken, then := "Everything before it is taken in", "import the file again: who is in it already is found again, and nobody is taken twice"
	if e.DryRun {
		taken, then = "Everything before it would be taken in", "look again"
	}
	return fmt.Sprintf("line %d would make more contacts than the %d that the account may have. %s (%d new contacts, %d changed), nothing from it on: %s, and %s",
		e.Line, e.Room.Most, taken, e.Created, e.Updated, howToHaveRoom, then)
}

// End ends the batch before one of its rows: what was read from that line on is not of it.
func (b *ImportBatch) End(row int) {
	line := b.Rows[row].Line
	refused := b.Refused[:0:0]
	records := map[int64]bool{}
	for _, r := range b.Refused {
		if r.Line >= line {
			continue
		}
		refused = append(refused, r)
		if !r.Taken {
			records[r.Line] = true
		}
	}
	b.Rows, b.Refused = b.Rows[:row], refused
	b.Records = b.From + int64(row) + int64(len(records))
}
