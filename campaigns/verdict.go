package campaigns

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Tally is how a variant did: of so many to whom it was sent, so many did what counts.
type Tally struct {
	Trials    int64 `json:"trials"`
	Successes int64 `json:"successes"`
}

// Rate is the share of successes; 0 without trials.
func (t Tally) Rate() float64 {
	if t.Trials == 0 {
		return 0
	}
	return float64(t.Successes) / float64(t.Trials)
}

// Interval is where a share, or a difference of two, is with some confidence.
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Interval is Wilson's score interval of the share (E. B. Wilson, Probable inference, the
// law of succession, and statistical inference, JASA 22, 1927). z is the quantile of the
// normal distribution that stands for the confidence. Without trials it is everything.
func (t Tally) Interval(z float64) Interval {
	if t.Trials == 0 {
		return Interval{0, 1}
	}
	n, p := float64(t.Trials), t.Rate()
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	reach := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return Interval{max(0, middle-reach), min(1, middle+reach)}
}

// Ahead is by how much the share of one tally is above another's: Newcombe's hybrid score
// interval (R. G. Newcombe, Interval estimation for the difference between independent
// proportions, Statistics in Medicine 17, 1998, method 10), which keeps its promise for
// small numbers and shares near 0 and 1, too.
func (t Tally) Ahead(of Tally, z float64) Interval {
	p, q := t.Rate(), of.Rate()
	a, b := t.Interval(z), of.Interval(z)
	return Interval{p - q - math.Hypot(p-a.Low, b.High-q), p - q + math.Hypot(a.High-p, q-b.Low)}
}

// quantile is the z of a two-sided confidence, which is below 1.
func quantile(confidence float64) float64 { return math.Sqrt2 * math.Erfinv(confidence) }

// Verdict is what the tallies of a test say.
type Verdict struct {
	// Leader is the variant with the highest share, from 1 on; 0 where two have it, or
	// one was sent to nobody.
	Leader int
	// Against is the variant that is nearest to it, Lead by how much the leader is above
	// that, and Ahead where that is at the confidence that is asked for.
	Against int
	Lead    float64
	Ahead   Interval
	// Decided says that the leader is above every other with that confidence.
	Decided bool
}

// Judge says which variant wins. confidence is of the whole answer, in percent: what is
// looked at several times, or against several others, has to be surer each time
// (Bonferroni), or chance alone would make a winner sooner or later.
func Judge(tallies []Tally, confidence, looks int) (v Verdict) {
	if len(tallies) < 2 || slices.ContainsFunc(tallies, func(t Tally) bool { return t.Trials == 0 }) {
		return v
	}
	order := make([]int, len(tallies))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(tallies[b].Rate(), tallies[a].Rate()) })
	first := order[0]
	if tallies[first].Rate() == tallies[order[1]].Rate() {
		return v
	}
	doubt := (1 - float64(confidence)/100) / float64(max(1, looks)*(len(tallies)-1))
	z := quantile(1 - doubt)
	v.Leader, v.Decided, v.Ahead.Low = first+1, true, math.Inf(1)
	for _, other := range order[1:] {
		if ahead := tallies[first].Ahead(tallies[other], z); ahead.Low < v.Ahead.Low {
			v.Against, v.Lead, v.Ahead = other+1, tallies[first].Rate()-tallies[other].Rate(), ahead
		}
	}
	v.Decided = v.Ahead.Low > 0
	return v
}

// Words say a verdict in a sentence.
func (v Verdict) Words(e *Experiment, by Metric, confidence int) string {
	if v.Leader == 0 {
		return "not decidable yet: no variant leads in " + string(by)
	}
	ahead := fmt.Sprintf("%s leads %s in %s by %.1f points (%.1f to %.1f with %d%% confidence)", e.Name(v.Leader), e.Name(v.Against), by,
		100*v.Lead, 100*v.Ahead.Low, 100*v.Ahead.High, confidence)
	if v.Decided {
		return ahead
	}
	return "not decidable yet: " + ahead
}
