package access

// Sealing is what hangs on which master key.
type Sealing struct {
	// Using is the id of the key that all processes seal and sign with.
	Using string
	// Sealed is how much is sealed with which key, by its id; empty is what was sealed
	// before keys had one.
	Sealed map[string]int64
	// Fingerprints is how many stand for addresses that were erased. They can't be made
	// anew: those that were made under a key are recognized as long as it is there.
	Fingerprints int64
}

// Left is how much is sealed with another key than the one that holds.
func (s Sealing) Left() (n int64) {
	for id, count := range s.Sealed {
		if id != s.Using {
			n += count
		}
	}
	return n
}
