package targeting

import (
	"fmt"

	"carillon/internal/fault"
)

// Audience is whom a campaign targets: everybody, or the union of its parts,
// less Exclude. A contact in several parts is one recipient.
type Audience struct {
	All      bool     `json:"all,omitempty" doc:"Every contact of the account."`
	Uploads  []int64  `json:"uploads,omitempty" doc:"Contacts of these CSV uploads."`
	Groups   []int64  `json:"groups,omitempty" doc:"Members of these groups."`
	Contacts []int64  `json:"contacts,omitempty" doc:"These contacts." maxItems:"10000"`
	Exclude  *Exclude `json:"exclude,omitempty" doc:"Who is left out: their messages are skipped with the reason excluded."`
}

// Exclude is who is left out of an audience.
type Exclude struct {
	Uploads   []int64 `json:"uploads,omitempty" doc:"Contacts of these CSV uploads."`
	Groups    []int64 `json:"groups,omitempty" doc:"Members of these groups."`
	Contacts  []int64 `json:"contacts,omitempty" doc:"These contacts." maxItems:"10000"`
	Campaigns []int64 `json:"campaigns,omitempty" doc:"Whoever was sent one of these campaigns."`
}

// maxListed bounds the contacts that an audience may name one by one; more
// belong into an upload or a group.
const maxListed = 10_000

// Validate refuses an audience that names nobody or contradicts itself.
func (a Audience) Validate() error {
	var wrong []fault.Field
	parts := len(a.Uploads) + len(a.Groups) + len(a.Contacts)
	switch {
	case a.All && parts > 0:
		wrong = append(wrong, fault.Field{Location: "audience.all", Value: true,
			Message: "everybody is already in: leave out uploads, groups and contacts, or all"})
	case !a.All && parts == 0:
		wrong = append(wrong, fault.Field{Location: "audience",
			Message: `names nobody: say {"all": true}, or name uploads, groups or contacts by their ids`})
	}
	check := func(where string, ids []int64) {
		if len(ids) > maxListed {
			wrong = append(wrong, fault.Field{Location: where, Value: len(ids),
				Message: fmt.Sprintf("at most %d ids; put more into an upload or a group", maxListed)})
		}
		for i, id := range ids {
			if id <= 0 {
				wrong = append(wrong, fault.Field{Location: fmt.Sprintf("%s[%d]", where, i), Value: id, Message: "ids are positive"})
			}
		}
	}
	check("audience.uploads", a.Uploads)
	check("audience.groups", a.Groups)
	check("audience.contacts", a.Contacts)
	if e := a.Exclude; e != nil {
		check("audience.exclude.uploads", e.Uploads)
		check("audience.exclude.groups", e.Groups)
		check("audience.exclude.contacts", e.Contacts)
		check("audience.exclude.campaigns", e.Campaigns)
	}
	return fault.InvalidFields(wrong)
}
