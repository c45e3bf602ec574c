package campaigns

import (
	"fmt"
	"math"
	"time"

	"carillon/internal/words"
	"carillon/messages"
)

// Deal is how many of those to whom a campaign would be sent get what.
type Deal struct {
	// Variants are how many get each variant in the test, in their order.
	Variants []int64
	// Waiting is how many wait for the winner.
	Waiting int64
}

// Trial is how the variants of a run stand.
type Trial struct {
	RunID, CampaignID int64
	Status            RunStatus
	PlanDone          bool
	// Experiment is that of the version that the run began with; nil if it tries nothing
	// out.
	Experiment *Experiment
	// By is what the tallies count.
	By Metric
	// Counts are the messages of each variant by their states, in the order of the
	// variants; those who were held out and those who wait for a winner belong to none.
	Counts           []messages.Counts
	HeldOut, Waiting int64
	// Tallies are how those in the test did.
	Tallies []Tally
	// LookAt is when the winner is looked for next; nil where that is over, or left to a
	// person. Looks is how often it was.
	LookAt *time.Time
	Looks  int
	// Chosen is the winner; zero while there is none.
	Chosen Chosen
}

// Chosen is a winner, with what was known when it was chosen. It is written down once.
type Chosen struct {
	// Variant is the winner, from 1 on; 0 while there is none.
	Variant int
	At      time.Time
	// By is the person who chose it; empty if the rule did.
	By string
	// Tallies are what the test had come to by then.
	Tallies []Tally
	// Moved says that all who waited have it.
	Moved bool
}

// Metric is what variants are judged by; ByRead where nothing is said.
func (e *Experiment) Metric() Metric {
	if e != nil && e.Winner != nil && e.Winner.By != ByPerson {
		return e.Winner.By
	}
	return ByRead
}

// Verdict is what the tallies say at the confidence that is asked for.
func (t *Trial) Verdict() Verdict {
	confidence, looks := t.confidence()
	return Judge(t.Tallies, confidence, looks)
}

func (t *Trial) confidence() (percent, looks int) {
	if w := t.Experiment.Winner; w != nil {
		return w.confidence(), len(w.Looks())
	}
	return defaultConfidence, 1
}

// Interval is where the share of a tally is, at the confidence that is asked for.
func (t *Trial) Interval(of Tally) Interval {
	percent, _ := t.confidence()
	return of.Interval(quantile(float64(percent) / 100))
}

// Choose is what a look at the test comes to at a time after its run's start: the winner,
// 0 if there is none yet, and after which time it is looked at next; 0 for never.
func (t *Trial) Choose(since time.Duration) (variant int, next time.Duration) {
	v := t.Verdict()
	if v.Decided {
		return v.Leader, 0
	}
	for _, at := range t.Experiment.Winner.Looks() {
		if at > since {
			return 0, at
		}
	}
	if t.Experiment.Winner.Otherwise == OtherwiseLeader {
		return v.Leader, 0
	}
	return 0, 0
}

// Says are sentences about how it stands.
func (t *Trial) Says() (says []string) {
	e := t.Experiment
	if e == nil {
		return nil
	}
	if len(e.Variants) > 0 {
		percent, _ := t.confidence()
		words := t.Verdict().Words(e, t.By, percent)
		if t.Chosen.Variant > 0 {
			words = fmt.Sprintf("the winner is %s, chosen %s at %s", e.Name(t.Chosen.Variant), t.chosenBy(), exactTime(t.Chosen.At))
		}
		says = append(says, words)
	}
	if t.Waiting > 0 && t.Chosen.Variant == 0 {
		says = append(says, fmt.Sprintf("%s for the winner; %s", waiting(t.Waiting), t.whenTold()))
	}
	if t.HeldOut > 0 {
		says = append(says, fmt.Sprintf("%s held out, and %s nothing", words.Count(t.HeldOut, "recipient")+" "+words.Was(t.HeldOut), gets(t.HeldOut)))
	}
	return says
}

func waiting(n int64) string {
	if n == 1 {
		return "1 recipient waits"
	}
	return words.Count(n, "recipient") + " wait"
}

func gets(n int64) string {
	if n == 1 {
		return "gets"
	}
	return "get"
}

// chosenBy says who chose the winner, or what its rule went by.
func (t *Trial) chosenBy() string {
	confidence, looks := t.confidence()
	switch {
	case t.Chosen.By != "":
		return "by " + t.Chosen.By
	case Judge(t.Chosen.Tallies, confidence, looks).Decided:
		return "by its rule"
	}
	return "by its rule as the one that was ahead, which may be chance,"
}

// whenTold says when the winner is looked for, or who chooses it.
func (t *Trial) whenTold() string {
	if t.LookAt != nil {
		return "it is looked for at " + exactTime(*t.LookAt)
	}
	return fmt.Sprintf("a person has to choose it: carillon campaign winner %d --run %d --variant %s", t.CampaignID, t.RunID, t.Experiment.Name(1))
}

// Percent is a share in words.
func Percent(share float64) string { return fmt.Sprintf("%.1f%%", math.Round(share*1000)/10) }
