package tracking

import "time"

// Counts are what was done with messages, apart by persons and machines.
type Counts struct {
	// Opened and Clicked are messages that a person opened, or clicked a link of.
	Opened, Clicked int64
	// Opens and Clicks are how often, MachineOpens and MachineClicks those of machines.
	Opens, Clicks, MachineOpens, MachineClicks int64
}

// Any reports whether anything was done.
func (c Counts) Any() bool { return c != Counts{} }

// LinkCount is what was done with a link of a run, in a variant of it.
type LinkCount struct {
	// Number is the link's number in its run's table, or Other.
	Number int
	// Address is as in a Table; empty for Other.
	Address string
	// Variant is 0 where there are none; VariantName is its name.
	Variant     int
	VariantName string
	// People are messages in which a person clicked it, Clicks how often persons did.
	People, Clicks, Machine int64
}

// Kept is a click or an open that is kept.
type Kept struct {
	At   time.Time
	Open bool
	// Number is the link's in its run's table, Address as in that; zero for an open.
	Number  int
	Address string
	Why     Why
}
