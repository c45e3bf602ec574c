package flow

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/targeting"
	"carillon/targeting/rule"
)

// Flow is a definition that was checked and is ready to be walked through. It is safe
// for concurrent use.
type Flow struct {
	Definition
	at    map[string]*step
	goals []rule.Rule
	// asked are the keys of answers with the steps that ask for them.
	asked map[string][]string
	// places are where somebody wrote each step, such as steps[0].fallback[1].
	places []string
	gap    time.Duration
	// ruled says that some rule looks at the contact, stepped at what became of messages.
	ruled, stepped bool
	lists          []int64
	sources        []rule.Source
	refs           []rule.Reference
}

// step is a Step that was checked.
type step struct {
	Step
	next     string
	question *question
	timeout  time.Duration // of a question, a wait or the wait for an event
	clock    *clock
	ways     []way
}

// way is a BranchWay that was read.
type way struct {
	rule  rule.Rule
	share int
	next  string
}

// At is where somebody wrote a field of a step.
func (f *Flow) At(i int, field string) string {
	if field == "wait.at_most" && strings.Contains(f.places[i], ".fallback[") {
		field = "undelivered"
	}
	return f.places[i] + "." + field
}

// First is the step at which everybody enters.
func (f *Flow) First() string { return f.Steps[0].ID }

// Ruled reports whether a move needs the contact as rules see it, and Stepped whether it
// needs what became of the messages of steps.
func (f *Flow) Ruled() bool { return f.ruled }

// Stepped is said at Ruled.
func (f *Flow) Stepped() bool { return f.stepped }

// TargetingLists are the ids of the targeting lists inside of rules.
func (f *Flow) TargetingLists() []int64 { return f.lists }

// Sources are where the fields of its rules come from.
func (f *Flow) Sources() []rule.Source { return f.sources }

// References are what its rules name by id, at their places in the definition.
func (f *Flow) References() []rule.Reference { return f.refs }

// Gap is the least time between two entries of a contact; 0 for none.
func (f *Flow) Gap() time.Duration { return f.gap }

// Says are the steps that send something, in their order.
func (f *Flow) Says() []Step {
	var list []Step
	for _, s := range f.Steps {
		if s.Kind == Send || s.Kind == Ask {
			list = append(list, s)
		}
	}
	return list
}

// SpeaksElsewhere reports whether a step speaks over another channel than the flow's.
func (f *Flow) SpeaksElsewhere() bool {
	return slices.ContainsFunc(f.Says(), func(s Step) bool { return s.ChannelID != 0 })
}

// StepOf is the step of a name.
func (f *Flow) StepOf(id string) (Step, bool) {
	if s := f.at[id]; s != nil {
		return s.Step, true
	}
	return Step{}, false
}

// follows is the step to which an exit of a step leads that is taken for a reason.
func (s *step) follows(exit, why string) string {
	for _, name := range []string{exit + exitReason + why, exit} {
		if to := s.Exits[name]; exit != "" && to != "" {
			return to
		}
	}
	return s.next
}

// cutExit cuts the reason from an exit that is taken for one alone.
func cutExit(name string) (exit, reason string) {
	exit, reason, _ = strings.Cut(name, exitReason)
	return exit, reason
}

// leads are all the steps to which a step leads. Instant are those to which it leads
// without that anybody or any time has passed.
func (s *step) leads(instant bool) (to []string) {
	switch s.Kind {
	case End:
		return nil
	case Branch:
		for _, w := range s.ways {
			to = append(to, w.next)
		}
		return append(to, s.next)
	case Ask:
		to = append(to, s.follows(ExitSkipped, ""), s.follows(ExitFailed, ""))
		if !instant {
			to = append(to, s.next, s.follows(ExitTimeout, ""), s.follows(ExitInvalid, ""))
		}
		for exit := range s.Exits {
			if _, reason := cutExit(exit); reason != "" {
				to = append(to, s.Exits[exit])
			}
		}
		return to
	case Wait:
		if instant {
			return nil
		}
	default:
	}
	to = append(to, s.next)
	for exit := range s.Exits {
		to = append(to, s.Exits[exit])
	}
	return to
}

// split deals contacts out at a branch: the same ones have the same way whenever they
// come by, and other ways at other branches.
func (s *step) split(campaignID int64) *targeting.Split {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strconv.FormatInt(campaignID, 10) + "\x00" + s.ID))
	shares, rest := make([]int, 0, len(s.ways)+1), 100
	for _, w := range s.ways {
		shares, rest = append(shares, w.share), rest-w.share
	}
	return targeting.NewSplit(int64(h.Sum64()>>1), 0, 100, append(shares, rest))
}
