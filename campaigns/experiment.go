package campaigns

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/targeting"
	"carillon/templates"
)

// Experiment is what a campaign tries out: several variants of what it says, and what it
// is like to send nothing at all. Who gets what is dealt out by targeting.Split.
type Experiment struct {
	// Variants are what is tried, from 1 on as messages count them; none where there is a
	// holdout alone.
	Variants []Variant `json:"variants,omitempty" doc:"What is tried, by share; none for a holdout alone."`
	// TestShare is how many percent, of those who are not held out, get the variants; the
	// others wait for the winner. 0 stands for everybody.
	TestShare int `json:"test_share,omitempty" minimum:"0" maximum:"100" doc:"How many percent, of those who are not held out, are in the test; the others wait, and get the winner. Everybody if absent."`
	// Winner says how it is told which variant those get who wait.
	Winner *WinnerRule `json:"winner,omitempty" doc:"How it is told which variant those get who wait; needed where somebody waits."`
	// Holdout is how many percent get nothing: their messages are skipped.
	Holdout int `json:"holdout,omitempty" minimum:"0" maximum:"50" doc:"How many percent get nothing (skipped: holdout), the same people in every run of the campaign."`
}

// Variant is one of the contents that are tried.
type Variant struct {
	Name string `json:"name" maxLength:"30" example:"B"`
	// Share is in percent of the test; 0 of all stands for equal shares.
	Share int `json:"share,omitempty" minimum:"0" maximum:"99" doc:"Percent of the test; all absent for equal shares."`
	// Content is what it says; nil for what the campaign says itself.
	Content *Wording `json:"content,omitempty" doc:"What it says; the campaign's own content if absent."`
}

// Wording is what is said: texts, or a template.
type Wording struct {
	providers.Content
	Template *templates.Use `json:"template,omitempty" doc:"A template instead of texts; everybody gets it in their language."`
}

// WinnerRule says by what the winner is told, and when.
type WinnerRule struct {
	By         Metric `json:"by,omitempty" doc:"What counts: delivered, read, replied, opened, clicked or converted; or person, who chooses." example:"read"`
	After      string `json:"after,omitempty" doc:"Duration such as 4h, from the run's start, after which the test is looked at." example:"4h"`
	Until      string `json:"until,omitempty" doc:"Duration from the run's start: as long as it can't be told, it is looked at again after twice the time, and for the last time then. Once if absent." example:"24h"`
	Otherwise  string `json:"otherwise,omitempty" doc:"If it can't be told at the last look: wait for a person (default), or take the leader."`
	Confidence int    `json:"confidence,omitempty" minimum:"0" maximum:"99" doc:"How sure it has to be, in percent from 80 to 99; default 95."`
}

// Metric is what a variant is judged by: how many of those to whom it was sent have it
// delivered, have read it, have replied, have opened it or clicked a link of it.
type Metric string

// The metrics.
const (
	ByDelivered Metric = "delivered"
	ByRead      Metric = "read"
	ByReplied   Metric = "replied"
	// ByOpened and ByClicked count what persons did, where that is tracked.
	ByOpened  Metric = "opened"
	ByClicked Metric = "clicked"
	// ByConverted counts those of whom the event came that counts for the campaign.
	ByConverted Metric = "converted"
	// ByPerson counts nothing: a person chooses the winner.
	ByPerson Metric = "person"
)

// Metrics are those that count something.
func Metrics() []Metric {
	return []Metric{ByDelivered, ByRead, ByReplied, ByOpened, ByClicked, ByConverted}
}

// CheckMetric says what is wrong with a word for what counts; empty if nothing is.
func CheckMetric(m Metric) string {
	names := make([]string, len(Metrics()))
	for i, known := range Metrics() {
		names[i] = string(known)
	}
	list := strings.Join(names, ", ")
	if slices.Contains(Metrics(), m) {
		return ""
	}
	return "must be one of " + list
}

// What becomes of those who wait if no winner can be told.
const (
	OtherwiseWait   = "wait"   // they wait for a person
	OtherwiseLeader = "leader" // they get the variant that is ahead
)

const (
	mostVariants = 10
	mostVariant  = 30 // letters of a name
	mostHoldout  = 50
	// maxWinnerWait is a month, as of what expires.
	maxWinnerWait     = 30 * 24 * time.Hour
	defaultConfidence = 95
	leastConfidence   = 80
	mostConfidence    = 99
)

// Empty reports whether nothing is tried out.
func (e *Experiment) Empty() bool {
	return e == nil || len(e.Variants) == 0 && e.Holdout == 0 && e.TestShare == 0 && e.Winner == nil
}

// Waits reports whether somebody waits for a winner.
func (e *Experiment) Waits() bool { return e != nil && len(e.Variants) > 0 && e.tested() < 100 }

func (e *Experiment) tested() int {
	if e.TestShare == 0 {
		return 100
	}
	return e.TestShare
}

// Shares are the variants' shares of the test in percent; they add up to 100.
func (e *Experiment) Shares() []int {
	shares, left := make([]int, len(e.Variants)), 100
	for i, v := range e.Variants {
		if shares[i] = v.Share; v.Share == 0 {
			shares[i] = left / (len(e.Variants) - i)
		}
		left -= shares[i]
	}
	return shares
}

// Split deals out a campaign's contacts; nil without an experiment.
func (e *Experiment) Split(campaignID int64) *targeting.Split {
	if e == nil {
		return nil
	}
	return targeting.NewSplit(campaignID, e.Holdout, e.tested(), e.Shares())
}

// Name is that of a variant by its number; empty for 0 and for what there is not.
func (e *Experiment) Name(variant int) string {
	if e == nil || variant < 1 || variant > len(e.Variants) {
		return ""
	}
	return e.Variants[variant-1].Name
}

// Number is the number of a variant by its name, whose letters' case does not matter; 0
// if there is none.
func (e *Experiment) Number(name string) int {
	if e == nil {
		return 0
	}
	return slices.IndexFunc(e.Variants, func(v Variant) bool { return strings.EqualFold(v.Name, strings.TrimSpace(name)) }) + 1
}

// Names are the names of the variants.
func (e *Experiment) Names() []string {
	if e == nil {
		return nil
	}
	names := make([]string, len(e.Variants))
	for i, v := range e.Variants {
		names[i] = v.Name
	}
	return names
}

// Looks are when the test is looked at, from the run's start on; none where a person
// chooses.
func (w *WinnerRule) Looks() (looks []time.Duration) {
	if w.By == ByPerson {
		return nil
	}
	after, _ := durationOf("", w.After, maxWinnerWait)
	until, _ := durationOf("", w.Until, maxWinnerWait)
	until = max(until, after)
	for at := after; at < until; at *= 2 {
		looks = append(looks, at)
	}
	return append(looks, until)
}

func (w *WinnerRule) confidence() int {
	if w.Confidence == 0 {
		return defaultConfidence
	}
	return w.Confidence
}

// Wordings are what a campaign says: its own content, or that of each variant.
func (c *Campaign) Wordings() []Wording {
	own := Wording{c.Content, c.Template}
	if c.Experiment == nil || len(c.Experiment.Variants) == 0 {
		return []Wording{own}
	}
	list := make([]Wording, len(c.Experiment.Variants))
	for i, v := range c.Experiment.Variants {
		if list[i] = own; v.Content != nil {
			list[i] = *v.Content
		}
	}
	return list
}

// Said is what a campaign that is read for a run says, by variant as Wordings are.
func (c *Campaign) Said() []templates.Resolved {
	wordings := c.Wordings()
	list := make([]templates.Resolved, len(wordings))
	for i, w := range wordings {
		list[i] = templates.Plain(w.Content)
		switch {
		case i < len(c.ResolvedVariants) && c.ResolvedVariants[i] != nil:
			list[i] = *c.ResolvedVariants[i]
		case len(wordings) == 1 && c.Resolved != nil:
			list[i] = *c.Resolved
		}
	}
	return list
}

// usesOwn reports whether a variant is the campaign's own content.
func (e *Experiment) usesOwn() bool {
	return slices.ContainsFunc(e.Variants, func(v Variant) bool { return v.Content == nil })
}

// variantAt is the field of a variant's content.
func variantAt(i int) string { return fmt.Sprintf("experiment.variants[%d].content", i) }

// find is Number, and Invalid where there is no such variant.
func (e *Experiment) find(field, name string) (int, error) {
	n := e.Number(name)
	switch {
	case n > 0:
		return n, nil
	case e == nil || len(e.Variants) == 0:
		return 0, fault.InvalidField(field, name, "the campaign has no variants: leave it out")
	}
	return 0, fault.InvalidField(field, name, "is no variant of the campaign: it has %s", strings.Join(e.Names(), ", "))
}

// normal trims names.
func (e *Experiment) normal() {
	if e == nil {
		return
	}
	for i := range e.Variants {
		e.Variants[i].Name = strings.TrimSpace(e.Variants[i].Name)
	}
}

// check names what can't be meant, together with when a campaign's messages have their
// turn. What variants say is looked at elsewhere.
func (e *Experiment) check(d Delivery) (wrong []fault.Field) {
	if e == nil {
		return nil
	}
	add := func(location string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "experiment" + location, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	if e.Holdout < 0 || e.Holdout > mostHoldout {
		add(".holdout", e.Holdout, "must be from 0 to %d percent", mostHoldout)
	}
	switch n := len(e.Variants); {
	case n == 0 && e.Holdout == 0:
		add("", nil, "name two variants at least, or a holdout; or leave it out")
	case n == 1:
		add(".variants", e.Variants[0].Name, "one variant is nothing to choose from: name another; one without content is the campaign's own")
	case n > mostVariants:
		add(".variants", n, "must be %d at most: each needs enough recipients to tell anything", mostVariants)
	case n == 0 && (e.TestShare != 0 || e.Winner != nil):
		add(".variants", nil, "test_share and winner are about variants: name two at least")
	}
	if e.TestShare < 0 || e.TestShare > 100 {
		add(".test_share", e.TestShare, "must be from 1 to 100 percent")
		return wrong
	}
	e.checkVariants(add)
	switch {
	case e.Waits() && e.Winner == nil:
		add(".winner", nil, `%d percent wait for a winner: say how it is told, such as {"by": "read", "after": "4h"}, or leave out test_share`, 100-e.TestShare)
	case !e.Waits() && e.Winner != nil && len(e.Variants) > 1:
		add(".winner", nil, "nobody waits for the winner: set test_share, such as 20, or leave it out; GET /v1/runs/{id}/variants says which is ahead")
	case e.Winner != nil:
		e.Winner.check(d, add)
	}
	return wrong
}

func (e *Experiment) checkVariants(add func(location string, value any, format string, args ...any)) {
	sum, said, own := 0, 0, -1
	for i, v := range e.Variants {
		at := fmt.Sprintf(".variants[%d]", i)
		switch n := utf8.RuneCountInString(v.Name); {
		case n == 0 || n > mostVariant || strings.ContainsFunc(v.Name, unicode.IsControl):
			add(at+".name", v.Name, "must have 1 to %d letters, such as B", mostVariant)
		case e.Number(v.Name) != i+1:
			add(at+".name", v.Name, "is the name of another variant already")
		}
		if v.Share < 0 || v.Share > 99 {
			add(at+".share", v.Share, "must be from 1 to 99 percent")
		}
		if sum += v.Share; v.Share != 0 {
			said++
		}
		if v.Content == nil {
			if own >= 0 {
				add(at+".content", nil, "says the same as variant %s, which has no content of its own either", e.Variants[own].Name)
			}
			own = i
		}
	}
	if said > 0 && (said < len(e.Variants) || sum != 100) {
		add(".variants", sum, "the shares are percent of the test and have to add up to 100, each with its own; leave all out for equal ones")
	}
}

// check names what is wrong with a rule.
func (w *WinnerRule) check(d Delivery, add func(location string, value any, format string, args ...any)) {
	if d.RecipientTime {
		add(".winner", nil, "whoever waits would get it long after the time on their clock: leave out schedule.recipient_time, or test_share and winner")
	}
	if w.By == ByPerson {
		if (*w != WinnerRule{By: ByPerson}) {
			add(".winner", nil, "a person chooses when they like: leave out after, until, otherwise and confidence")
		}
		return
	}
	if words := CheckMetric(w.By); words != "" {
		add(".winner.by", string(w.By), "%s; or person, who chooses", words)
	}
	after, wrongAfter := durationOf("", w.After, maxWinnerWait)
	if w.After == "" || len(wrongAfter) > 0 {
		add(".winner.after", w.After, "must be a duration from 1s to 720h, such as 4h")
	}
	until, wrongUntil := durationOf("", w.Until, maxWinnerWait)
	switch {
	case len(wrongUntil) > 0:
		add(".winner.until", w.Until, "must be a duration up to 720h, such as 24h")
	case w.Until != "" && until <= after:
		add(".winner.until", w.Until, "must be longer than after (%s); leave it out to look once", w.After)
	}
	if w.Otherwise != "" && w.Otherwise != OtherwiseWait && w.Otherwise != OtherwiseLeader {
		add(".winner.otherwise", w.Otherwise, "must be %s (for a person) or %s (take the one that is ahead)", OtherwiseWait, OtherwiseLeader)
	}
	if c := w.confidence(); c < leastConfidence || c > mostConfidence {
		add(".winner.confidence", w.Confidence, "must be from %d to %d percent", leastConfidence, mostConfidence)
	}
	if expires, _ := durationOf("", d.ExpiresAfter, maxExpiry); expires > 0 && max(after, until) >= expires {
		add(".winner", nil, "whoever waits would be skipped before it is told: schedule.expires_after (%s) has to be longer", d.ExpiresAfter)
	}
}

// Undecided is until when the messages wait that have no variant yet: a time that does not
// come, so that nobody who looks for what is due meets them.
var Undecided = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// SentStates are those of messages that were sent as far as a test is concerned: the
// provider was asked, whatever came of it.
func SentStates() []messages.State {
	return []messages.State{messages.Sent, messages.Delivered, messages.Read, messages.Failed, messages.Rejected, messages.Unknown}
}
