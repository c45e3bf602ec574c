// Package targeting owns who gets a message: audiences, the saved rules that name
// them, and the jobs that change everybody in one. It must not know the store,
// Redis or HTTP, nor what anybody is sent.
package targeting

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"carillon/internal/fault"
	"carillon/internal/naming"
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
	Messages   *ByMessages     `json:"messages,omitempty" doc:"Whoever has messages of a campaign that are like this, as it is when the run is planned."`
	// Text occurs in a name, the external id or an address, as it is searched for in lists; for
	// bulk operations.
	Text    string   `json:"text,omitempty"`
	Exclude *Exclude `json:"exclude,omitempty" doc:"Who is left out: their messages are skipped with the reason excluded."`
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
	// Split deals its contacts out; nil if it tries nothing out.
	Split *Split
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
	Messages   *ByMessages     `json:"messages,omitempty" doc:"Whoever has messages of a campaign that are like this, as it is when the run is planned."`
	Received   *Received       `json:"received,omitempty" doc:"Whoever was sent this very campaign, by an earlier run: for campaigns that recur."`
}

// ByMessages picks people by what became of the messages that they had of a campaign.
// It is about contacts: one message that is like this is enough, of whatever run.
type ByMessages struct {
	CampaignID int64      `json:"campaign_id,omitempty" minimum:"1" doc:"Messages of any run of this campaign."`
	Campaign   naming.Ref `json:"campaign,omitzero" kind:"campaign" doc:"Instead of campaign_id: the campaign, by its id or its name. It is kept as an id."`
	RunID      int64      `json:"run_id,omitempty" minimum:"1" doc:"Instead: messages of this run."`
	States     []string   `json:"states,omitempty" enum:"pending,queued,sending,sent,delivered,read,failed,rejected,skipped,canceled,unknown" doc:"In one of these states; in any if absent."`
	Reasons    []string   `json:"reasons,omitempty" doc:"With one of these reasons, such as attempts_used_up; with any or none if absent."`
	Not        string     `json:"not,omitempty" maxLength:"20" doc:"And of which the same person has none that was sent, delivered or read, that they opened or clicked a link of, or has not replied since: sent, delivered, read, replied, opened or clicked." example:"read"`
	Did        string     `json:"did,omitempty" maxLength:"20" doc:"And of which the same person has one that they opened, or clicked a link of: opened or clicked." example:"clicked"`
}

// The words for what somebody has not done with any of the messages.
const (
	NotSent      = "sent"
	NotDelivered = "delivered"
	NotRead      = "read"
	NotReplied   = "replied"
	// These two are of campaigns that track them; Did may be one of them, too.
	NotOpened  = "opened"
	NotClicked = "clicked"
)

// Nots are the words that Not may be.
func Nots() []string {
	return []string{NotSent, NotDelivered, NotRead, NotReplied, NotOpened, NotClicked}
}

// check names what can't be meant; whether campaign, run, states and reasons exist is
// for the store to look at.
func (m *ByMessages) check(at string) (wrong []fault.Field) {
	if m == nil {
		return nil
	}
	add := func(name string, value any, message string) {
		wrong = append(wrong, fault.Field{Location: at + "messages" + name, Value: value, Message: message})
	}
	switch {
	case m.CampaignID == 0 && m.RunID == 0:
		add("", nil, "say of which campaign_id, or of which run_id")
	case m.CampaignID != 0 && m.RunID != 0:
		add(".run_id", m.RunID, "a run says of which campaign it is: leave out campaign_id, or run_id")
	case m.CampaignID < 0:
		add(".campaign_id", m.CampaignID, "ids are positive")
	case m.RunID < 0:
		add(".run_id", m.RunID, "ids are positive")
	}
	if m.Not != "" && !slices.Contains(Nots(), m.Not) {
		add(".not", m.Not, WrongNot())
	}
	if m.Did != "" && m.Did != NotOpened && m.Did != NotClicked {
		add(".did", m.Did, "must be opened or clicked; what became of the messages is asked with states")
	}
	return wrong
}

// WrongNot says what is wrong with a word for Not.
func WrongNot() string { return "must be one of " + strings.Join(Nots(), ", ") }

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

// Some reports whether the audience names anybody but everybody.
func (a Audience) Some() bool {
	return len(a.Parts()) > 0 || HasRule(a.Rule) || a.Messages != nil || a.Text != ""
}

// Some reports whether it leaves anybody out.
func (e Exclude) Some() bool {
	return len(e.Parts()) > 0 || HasRule(e.Rule) || e.Messages != nil || e.Received != nil
}

// ByMessages are the parts that go by messages: of who is in, and of who is left out;
// nil for none.
func (a Audience) ByMessages() (in, out *ByMessages) {
	if a.Exclude != nil {
		out = a.Exclude.Messages
	}
	return a.Messages, out
}

// Validate refuses an audience that names nobody or contradicts itself. Rules
// and whether what is named exists are for the store to look at.
func (a Audience) Validate() error {
	var wrong []fault.Field
	some := a.Some()
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
	wrong = append(wrong, a.Messages.check("audience.")...)
	if a.Exclude != nil {
		check("audience.exclude.", a.Exclude.Parts())
		wrong = append(wrong, a.Exclude.Messages.check("audience.exclude.")...)
		if a.Exclude.Received != nil {
			wrong = append(wrong, a.Exclude.Received.validate()...)
		}
	}
	return fault.InvalidFields(wrong)
}
