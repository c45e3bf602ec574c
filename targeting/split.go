package targeting

// Split deals the contacts of a campaign's audience out: who is held out, who is in a
// test, and which of several variants each has. It is arithmetic on the contact's id
// alone, which both databases do as this does, so that the same contact has the same
// place in every run of the campaign, whoever works it out; and another campaign has
// other numbers, of which nothing can be told from these.
type Split struct {
	// Multiplier and Offset are the campaign's own numbers, below SplitModulus.
	Multiplier, Offset int64
	// Held and Tested are points: who is below the first is held out, who is below the
	// second is in the test, and who is behind it waits.
	Held, Tested int64
	// Cuts are where each variant ends, of SplitParts; empty where there are none.
	Cuts []int64
}

const (
	// SplitModulus is the prime 2^31 - 1: points are below it, and products of two
	// numbers below it fit into 62 bits.
	SplitModulus = 1<<31 - 1
	// SplitParts is into how many parts variants are cut.
	SplitParts = 100_000
)

// NewSplit is the split of a campaign: percent of everybody are held out, and of the
// others tested percent are in the test. shares are percent as well, of the variants in
// their order.
func NewSplit(campaignID int64, held, tested int, shares []int) *Split {
	s := &Split{
		Multiplier: int64(scatter(uint64(campaignID)*2)%(SplitModulus-1)) + 1,
		Offset:     int64(scatter(uint64(campaignID)*2+1) % SplitModulus),
		Held:       SplitModulus * int64(held) / 100,
	}
	s.Tested = s.Held + (SplitModulus-s.Held)*int64(tested)/100
	var end int64
	for _, share := range shares {
		end += int64(share) * SplitParts / 100
		s.Cuts = append(s.Cuts, end)
	}
	return s
}

// Point is a contact's place among all, below SplitModulus. The fifth power is one to
// one by this modulus, and is no line, as the place in two campaigns would be without it.
func (s *Split) Point(contactID int64) int64 {
	x := (contactID%SplitModulus*s.Multiplier + s.Offset) % SplitModulus
	square := x * x % SplitModulus
	return square * square % SplitModulus * x % SplitModulus
}

// HoldsOut reports whether a contact is held out: it gets nothing.
func (s *Split) HoldsOut(contactID int64) bool { return s.Point(contactID) < s.Held }

// Waits reports whether a contact waits for what the test says.
func (s *Split) Waits(contactID int64) bool { return s.Point(contactID) >= s.Tested }

// Variant is a contact's among the variants, from 1 on, in the test or not; 0 where there
// are none. It does not change with the sizes of holdout and test.
func (s *Split) Variant(contactID int64) int {
	part := s.Point(contactID) % SplitParts
	for i, end := range s.Cuts {
		if part < end {
			return i + 1
		}
	}
	return len(s.Cuts)
}

// scatter is the finalizer of SplitMix64 (Steele, Lea, Flood: Fast splittable
// pseudorandom number generators, 2014): numbers that follow each other become numbers
// that don't.
func scatter(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}
