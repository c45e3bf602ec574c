// Package retention says how long what is kept: an account's choice for each kind of what
// grows as it sends, and what a choice would remove.
package retention

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"carillon/internal/fault"
)

// Kind is one of what grows without end unless it is removed.
type Kind string

// The kinds. What is counted of them stays for ever.
const (
	Messages   Kind = "messages"
	Contents   Kind = "contents"
	Attempts   Kind = "attempts"
	Replies    Kind = "replies"
	Answers    Kind = "answers"
	Clicks     Kind = "clicks"
	Events     Kind = "events"
	Deliveries Kind = "deliveries"
	Audit      Kind = "audit"
)

// Most is the longest that can be set, in days: ten years. Zero keeps for ever.
const Most = 3650

// Rule is what holds for a kind where an account says nothing, and the least that it may say.
type Rule struct {
	Kind Kind
	// Default is the number of days; 0 keeps for ever.
	Default int
	// Least is the fewest days that can be set: receipts, replies and retries still come for
	// that long.
	Least int
	// What is what is removed, and what is lost by it.
	What string
}

var rules = []Rule{
	{Messages, 0, 30, "messages that are over, with all that belongs to them; who received a campaign is known no more"},
	{Contents, 0, 1, "content and metadata of single messages that are over, and files that were taken in to be sent"},
	{Attempts, 0, 1, "what was tried, and answered by providers, before a message was over"},
	{Replies, 0, 1, "what people wrote"},
	{Answers, 0, 1, "what people answered in flows, once they are through"},
	{Clicks, 0, 1, "when each click and opening was; how many there were stays"},
	{Events, 400, 1, "events that programs told of contacts; rules know of none that is removed"},
	{Deliveries, 7, 1, "requests to webhooks, which can't be made again then"},
	{Audit, 0, 30, "the record of who changed what"},
}

// Rules are those of all kinds, in the order in which they are shown.
func Rules() []Rule { return slices.Clone(rules) }

// RuleOf is the rule of a kind.
func RuleOf(kind Kind) (r Rule, known bool) {
	i := slices.IndexFunc(rules, func(r Rule) bool { return r.Kind == kind })
	if i < 0 {
		return Rule{}, false
	}
	return rules[i], true
}

// Choice is for how many days an account keeps what; kinds that are absent are kept as their
// rule says, and 0 is for ever.
type Choice map[Kind]int

// Days is for how many days a kind is kept; 0 is for ever.
func (c Choice) Days(kind Kind) int {
	if days, set := c[kind]; set {
		return days
	}
	r, _ := RuleOf(kind)
	return r.Default
}

// Before is the instant before which what is of a kind is removed; false if none is.
func (c Choice) Before(kind Kind, now time.Time) (before time.Time, removes bool) {
	days := c.Days(kind)
	return now.Add(-time.Duration(days) * 24 * time.Hour), days > 0
}

// Changed is the choice with what another one says instead. It is Invalid, and names the kind,
// where that can't be.
func (c Choice) Changed(by Choice) (Choice, error) {
	next := Choice{}
	maps.Copy(next, c)
	for _, kind := range slices.Sorted(maps.Keys(by)) {
		days := by[kind]
		r, known := RuleOf(kind)
		switch {
		case !known:
			return nil, fault.InvalidField(string(kind), days, "is nothing that is removed")
		case days != 0 && days < r.Least:
			return nil, fault.InvalidField(string(kind), days, "is less than the %d days that there must be; 0 keeps for ever", r.Least)
		case days > Most || days < 0:
			return nil, fault.InvalidField(string(kind), days, "is not between %d and %d days; 0 keeps for ever", r.Least, Most)
		}
		if next[kind] = days; days == r.Default {
			delete(next, kind)
		}
	}
	return next, nil
}

// Parse reads a choice that was kept.
func Parse(text string) (c Choice, err error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return nil, fmt.Errorf("read how long what is kept: %w", err)
	}
	return c, nil
}

// String is a choice as it is kept.
func (c Choice) String() string {
	if len(c) == 0 {
		return ""
	}
	b, err := json.Marshal(map[Kind]int(c))
	if err != nil {
		panic("numbers always marshal: " + err.Error())
	}
	return string(b)
}
