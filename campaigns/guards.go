package campaigns

import (
	"fmt"

	"carillon/internal/fault"
	"carillon/messages"
)

// Guards pause a campaign by themselves where something is not as it should be, with the
// reason; a person who looks at it resumes it, which lets the run go on whatever its guards
// say. What compares runs with each other belongs to a campaign that recurs.
type Guards struct {
	// FailedRuns is how many runs in a row may fail; 0 is defaultFailedRuns.
	FailedRuns int           `json:"failed_runs,omitempty" minimum:"1" maximum:"100" doc:"On a campaign that recurs: pause after so many runs in a row that failed; 5 if absent."`
	Failures   *FailureGuard `json:"failures,omitempty" doc:"Pause when too much of a run fails."`
	// Complaints is about people who call what they got spam.
	Complaints *ComplaintGuard `json:"complaints,omitempty" doc:"Pause when too many people complain about a run, also when it is over."`
	Audience   *AudienceGuard  `json:"audience,omitempty" doc:"Pause before anything of a run is sent, if its audience is not as expected."`
}

// FailureGuard is about what providers and recipients refuse.
type FailureGuard struct {
	// Share is of what was sent or refused: from 0.01 to 1.
	Share float64 `json:"share" minimum:"0.01" maximum:"1" doc:"The share of messages that may fail or be rejected, such as 0.1."`
	// OfFirst is from how many messages on it counts.
	OfFirst int64 `json:"of_first,omitempty" minimum:"1" maximum:"1000000" doc:"From so many messages on; 100 if absent."`
}

// ComplaintGuard is about recipients who complain.
type ComplaintGuard struct {
	// Share is of what was sent: from 0.0001 to 1.
	Share float64 `json:"share" minimum:"0.0001" maximum:"1" doc:"The share of recipients who may complain, such as 0.003, which mail services ask senders to stay below."`
	// OfFirst is from how many messages on it counts.
	OfFirst int64 `json:"of_first,omitempty" minimum:"1" maximum:"1000000" doc:"From so many messages on; 100 if absent."`
}

// AudienceGuard is about whom a run would reach.
type AudienceGuard struct {
	Empty bool `json:"empty,omitempty" doc:"Pause if the run would reach nobody."`
	// Change is by how much it may differ from the run before, as a share of that; 0
	// for as much as it likes.
	Change float64 `json:"change,omitempty" minimum:"0.01" maximum:"100" doc:"On a campaign that recurs: pause if it would reach more or fewer than the run before by more than this share, such as 0.5."`
}

const (
	defaultFailedRuns = 5
	defaultOfFirst    = 100
)

func (g *Guards) validate() (wrong []fault.Field) {
	if g == nil {
		return nil
	}
	refuse := func(field string, value any, message string) {
		wrong = append(wrong, fault.Field{Location: "schedule.guards." + field, Value: value, Message: message})
	}
	if g.FailedRuns < 0 || g.FailedRuns > 100 {
		refuse("failed_runs", g.FailedRuns, "must be from 1 to 100")
	}
	if f := g.Failures; f != nil {
		if f.Share < 0.01 || f.Share > 1 {
			refuse("failures.share", f.Share, "must be from 0.01 to 1: 0.1 is one of ten")
		}
		if f.OfFirst < 0 || f.OfFirst > 1_000_000 {
			refuse("failures.of_first", f.OfFirst, "must be from 1 to 1000000")
		}
	}
	if c := g.Complaints; c != nil {
		if c.Share < 0.0001 || c.Share > 1 {
			refuse("complaints.share", c.Share, "must be from 0.0001 to 1: 0.003 is three of a thousand")
		}
		if c.OfFirst < 0 || c.OfFirst > 1_000_000 {
			refuse("complaints.of_first", c.OfFirst, "must be from 1 to 1000000")
		}
	}
	if a := g.Audience; a != nil {
		if a.Change < 0 || a.Change > 100 || a.Change > 0 && a.Change < 0.01 {
			refuse("audience.change", a.Change, "must be from 0.01 to 100: 0.5 is half as many more or fewer")
		}
		if !a.Empty && a.Change == 0 {
			refuse("audience", nil, `say what is not expected: {"empty": true}, or {"change": 0.5}`)
		}
	}
	return wrong
}

// countsRuns and comparesRuns report whether they say something of several runs.
func (g *Guards) countsRuns() bool   { return g != nil && g.FailedRuns != 0 }
func (g *Guards) comparesRuns() bool { return g != nil && g.Audience != nil && g.Audience.Change != 0 }

// HoldsPlan reports whether nothing of a run may be sent before it is planned.
func (g *Guards) HoldsPlan() bool { return g != nil && g.Audience != nil }

// MostFailed is how many runs in a row may fail.
func (g *Guards) MostFailed() int {
	if g == nil || g.FailedRuns == 0 {
		return defaultFailedRuns
	}
	return g.FailedRuns
}

// JudgeAudience says why a run that would reach so many is not to be sent; empty if it
// is. before is how many the run before reached, negative if there was none.
func (g *Guards) JudgeAudience(reach, before int64) (why string) {
	if !g.HoldsPlan() {
		return ""
	}
	a := g.Audience
	if a.Empty && reach == 0 {
		return "its audience is empty: it would reach nobody"
	}
	if a.Change == 0 || before < 0 {
		return ""
	}
	if differs := float64(max(reach-before, before-reach)); differs > a.Change*float64(before) {
		return fmt.Sprintf("it would reach %d, and the run before reached %d: that is more than %g %% apart", reach, before, a.Change*100)
	}
	return ""
}

// JudgeFailures says why a run of which so much was sent and refused is not to go on;
// empty if it is.
func (g *Guards) JudgeFailures(c messages.Counts) (why string) {
	if g == nil || g.Failures == nil {
		return ""
	}
	refused := c[messages.Failed] + c[messages.Rejected]
	asked := refused + c[messages.Sent] + c[messages.Delivered] + c[messages.Read]
	if asked < ofFirst(g.Failures.OfFirst) || float64(refused) <= g.Failures.Share*float64(asked) {
		return ""
	}
	return fmt.Sprintf("%d of its first %d messages failed or were rejected: that is more than %g %%", refused, asked, g.Failures.Share*100)
}

// JudgeComplaints says why a campaign is not to go on after a run of which so much was
// sent and about which so many complained; empty if it is.
func (g *Guards) JudgeComplaints(c messages.Counts, complained int64) (why string) {
	if g == nil || g.Complaints == nil {
		return ""
	}
	sent := c[messages.Sent] + c[messages.Delivered] + c[messages.Read]
	if sent < ofFirst(g.Complaints.OfFirst) || float64(complained) <= g.Complaints.Share*float64(sent) {
		return ""
	}
	return fmt.Sprintf("%d of the %d people who got it complained: that is more than %g %%", complained, sent, g.Complaints.Share*100)
}

// ofFirst is from how many messages on a guard counts, which 0 leaves to the default.
func ofFirst(n int64) int64 {
	if n == 0 {
		return defaultOfFirst
	}
	return n
}
