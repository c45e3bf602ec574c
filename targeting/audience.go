// Package targeting owns who gets a message: audiences, the saved rules that name
// them, and the jobs that change everybody in one. It must not know the store,
// Redis or HTTP, nor what anybody is sent.
package targeting

import (
	"encoding/json"
	"fmt"
	"slices"

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
	}
	return fault.InvalidFields(wrong)
}
