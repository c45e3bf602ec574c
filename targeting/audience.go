// Package targeting owns who gets a message: audiences, the saved rules that name
// them, and the jobs that change everybody in one. It must not know the store,
// Redis or HTTP, nor what anybody is sent.
package targeting

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"carillon/internal/fault"
)

// Audience is whom a campaign targets: everybody, or the union of its parts,
// less Exclude. A contact in several parts is one recipient.
type Audience struct {
	All        bool            `json:"all,omitempty" doc:"Every contact of the account."`
	Targeting  []int64         `json:"targeting,omitempty" doc:"Whoever one of these targeting lists holds for."`
	Rule       json.RawMessage `json:"rule,omitempty" doc:"Whoever this rule holds for, in the form of a targeting list's."`
	Uploads    []int64         `json:"uploads,omitempty" doc:"Contacts of these CSV uploads."`
	Categories []int64         `json:"categories,omitempty" doc:"Subscribers of these categories."`
	Groups     []int64         `json:"groups,omitempty" doc:"Members of these groups."`
	Labels     []int64         `json:"labels,omitempty" doc:"Contacts with these labels."`
	Contacts   []int64         `json:"contacts,omitempty" doc:"These contacts." maxItems:"10000"`
	Exclude    *Exclude        `json:"exclude,omitempty" doc:"Who is left out: their messages are skipped with the reason excluded."`
	// Of says whose audience it is; it is not kept.
	Of Owner `json:"-"`
}

// Owner is a campaign whose audience something is, at one of its runs.
type Owner struct {
	// CampaignID is the campaign, whose runs Exclude.Received is about; 0 for none.
	CampaignID int64
	// Before is when the run began: those that began earlier count. Zero is now.
	Before time.Time
	// NotWaiting leaves out who still waits for the message of an earlier run.
	NotWaiting bool
}

// Exclude is who is left out of an audience.
type Exclude struct {
	Targeting  []int64         `json:"targeting,omitempty" doc:"Whoever one of these targeting lists holds for."`
	Rule       json.RawMessage `json:"rule,omitempty" doc:"Whoever this rule holds for, in the form of a targeting list's."`
	Uploads    []int64         `json:"uploads,omitempty" doc:"Contacts of these CSV uploads."`
	Categories []int64         `json:"categories,omitempty" doc:"Subscribers of these categories."`
	Groups     []int64         `json:"groups,omitempty" doc:"Members of these groups."`
	Labels     []int64         `json:"labels,omitempty" doc:"Contacts with these labels."`
	Contacts   []int64         `json:"contacts,omitempty" doc:"These contacts." maxItems:"10000"`
	Campaigns  []int64         `json:"campaigns,omitempty" doc:"Whoever was sent one of these campaigns."`
	Received   *Received       `json:"received,omitempty" doc:"Whoever was sent this very campaign, by an earlier run: for campaigns that recur."`
}

// Received is who was sent a recurring campaign, or is about to be, by its earlier runs:
// one of these says which.
type Received struct {
	Ever   bool   `json:"ever,omitempty" doc:"By any of them: each run takes only who is new."`
	Runs   int    `json:"runs,omitempty" minimum:"1" maximum:"1000" doc:"By one of so many last runs."`
	Within string `json:"within,omitempty" maxLength:"30" doc:"Within a duration before the run, such as 168h." example:"168h"`
}

// maxWithin bounds how long ago counts.
const maxWithin = 5 * 366 * 24 * time.Hour

// Span is Within as a duration; 0 if nothing is said.
func (r Received) Span() time.Duration {
	d, _ := time.ParseDuration(r.Within) // Validate has looked at it
	return d
}

func (r Received) validate() (wrong []fault.Field) {
	const at = "audience.exclude.received"
	said := 0
	for _, is := range []bool{r.Ever, r.Runs != 0, r.Within != ""} {
		if is {
			said++
		}
	}
	if said != 1 {
		return append(wrong, fault.Field{Location: at, Message: `say one of {"ever": true}, {"runs": 3} and {"within": "168h"}`})
	}
	if r.Runs < 0 || r.Runs > 1000 {
		wrong = append(wrong, fault.Field{Location: at + ".runs", Value: r.Runs, Message: "must be from 1 to 1000"})
	}
	if d, err := time.ParseDuration(r.Within); r.Within != "" && (err != nil || d < time.Minute || d > maxWithin) {
		wrong = append(wrong, fault.Field{Location: at + ".within", Value: r.Within,
			Message: "not a duration from 1m to 43920h: write one such as 168h, which is a week"})
	}
	return wrong
}

// Part is a part of an audience that names things by their ids.
type Part struct {
	// Name is the key of the part, such as "groups".
	Name string
	IDs  []int64
}

// Parts are the parts that name things by their ids, as far as they name any.
func (a Audience) Parts() []Part {
	return named([]Part{
		{"targeting", a.Targeting}, {"uploads", a.Uploads}, {"categories", a.Categories}, {"groups", a.Groups}, {"labels", a.Labels}, {"contacts", a.Contacts},
	})
}

// Parts are those of Audience, and campaigns.
func (e Exclude) Parts() []Part {
	return named([]Part{
		{"targeting", e.Targeting}, {"uploads", e.Uploads}, {"categories", e.Categories}, {"groups", e.Groups}, {"labels", e.Labels}, {"contacts", e.Contacts},
		{"campaigns", e.Campaigns},
	})
}

func named(parts []Part) []Part {
	return slices.DeleteFunc(parts, func(p Part) bool { return len(p.IDs) == 0 })
}

// Lists are the lists whose members belong to the audience.
func (a Audience) Lists() []int64 {
	return slices.Concat(a.Uploads, a.Categories, a.Groups, a.Labels)
}

// Lists are the lists whose members are left out.
func (e Exclude) Lists() []int64 {
	return slices.Concat(e.Uploads, e.Categories, e.Groups, e.Labels)
}

// HasRule reports whether a part of an audience is a rule: null is none.
func HasRule(text json.RawMessage) bool { return len(text) > 0 && string(text) != "null" }

// maxListed bounds the contacts that an audience may name one by one; more
// belong into an upload or a group. maxTargeted bounds its targeting lists.
const (
	maxListed   = 10_000
	maxTargeted = 100
)

// Validate refuses an audience that names nobody or contradicts itself. Rules
// and whether what is named exists are for the store to look at.
func (a Audience) Validate() error {
	var wrong []fault.Field
	some := len(a.Parts()) > 0 || HasRule(a.Rule)
	switch {
	case a.All && some:
		wrong = append(wrong, fault.Field{Location: "audience.all", Value: true,
			Message: "everybody is already in: leave out uploads, groups, rules and contacts, or all"})
	case !a.All && !some:
		wrong = append(wrong, fault.Field{Location: "audience",
			Message: `names nobody: say {"all": true}, or give a rule, or name targeting lists, categories, groups, labels, uploads or contacts by their ids`})
	}
	check := func(where string, parts []Part) {
		for _, p := range parts {
			at, most := where+p.Name, maxListed
			if p.Name == "targeting" {
				most = maxTargeted
			}
			if len(p.IDs) > most {
				wrong = append(wrong, fault.Field{Location: at, Value: len(p.IDs),
					Message: fmt.Sprintf("at most %d ids; put more into an upload, a group or a rule", most)})
			}
			for i, id := range p.IDs {
				if id <= 0 {
					wrong = append(wrong, fault.Field{Location: fmt.Sprintf("%s[%d]", at, i), Value: id, Message: "ids are positive"})
				}
			}
		}
	}
	check("audience.", a.Parts())
	if a.Exclude != nil {
		check("audience.exclude.", a.Exclude.Parts())
		if a.Exclude.Received != nil {
			wrong = append(wrong, a.Exclude.Received.validate()...)
		}
	}
	return fault.InvalidFields(wrong)
}
