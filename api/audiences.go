package api

import (
	"encoding/json"

	"carillon/internal/naming"
	"carillon/targeting"
)

// AudienceInput is whom something is for, as it is asked for: everybody, or the union of its
// parts, less exclude. Things are named by ids and names; they are kept, and shown again, by
// their ids.
type AudienceInput struct {
	All bool `json:"all,omitempty" doc:"Every contact of the account."`
	AudienceParts
	Exclude *ExcludeInput `json:"exclude,omitempty" doc:"Who is left out: their messages are skipped with the reason excluded."`
}

// AudienceParts are the parts that an audience and who is left out of it may both have.
type AudienceParts struct {
	Targeting  []naming.Ref          `json:"targeting,omitempty" kind:"targeting" doc:"Whoever one of these targeting lists holds for."`
	Rule       json.RawMessage       `json:"rule,omitempty" doc:"Whoever this rule holds for, in the form of a targeting list's."`
	Uploads    []naming.Ref          `json:"uploads,omitempty" kind:"upload" doc:"Contacts of these CSV uploads, which are called as their files."`
	Categories []naming.Ref          `json:"categories,omitempty" kind:"category" doc:"Subscribers of these categories."`
	Groups     []naming.Ref          `json:"groups,omitempty" kind:"group" doc:"Members of these groups."`
	Labels     []naming.Ref          `json:"labels,omitempty" kind:"label" doc:"Contacts with these labels."`
	Contacts   []int64               `json:"contacts,omitempty" doc:"These contacts." maxItems:"10000"`
	Messages   *targeting.ByMessages `json:"messages,omitempty" doc:"Whoever has messages of a campaign that are like this, as it is when the run is planned."`
}

// ExcludeInput is who is left out of an audience.
type ExcludeInput struct {
	AudienceParts
	Campaigns []naming.Ref        `json:"campaigns,omitempty" kind:"campaign" doc:"Whoever was sent one of these campaigns."`
	Received  *targeting.Received `json:"received,omitempty" doc:"Whoever was sent this very campaign, by an earlier run: for campaigns that recur."`
}

// AudienceOf asks for an audience as it is kept.
func AudienceOf(a targeting.Audience) AudienceInput {
	in := AudienceInput{All: a.All, AudienceParts: AudienceParts{
		Targeting: naming.Refs(a.Targeting), Rule: a.Rule, Uploads: naming.Refs(a.Uploads), Categories: naming.Refs(a.Categories),
		Groups: naming.Refs(a.Groups), Labels: naming.Refs(a.Labels), Contacts: a.Contacts, Messages: a.Messages,
	}}
	if out := a.Exclude; out != nil {
		in.Exclude = &ExcludeInput{
			AudienceParts: AudienceParts{
				Targeting: naming.Refs(out.Targeting), Rule: out.Rule, Uploads: naming.Refs(out.Uploads), Categories: naming.Refs(out.Categories),
				Groups: naming.Refs(out.Groups), Labels: naming.Refs(out.Labels), Contacts: out.Contacts, Messages: out.Messages,
			},
			Campaigns: naming.Refs(out.Campaigns), Received: out.Received,
		}
	}
	return in
}

// Some reports whether it names anybody but everybody.
func (in AudienceInput) Some() bool { return in.audience().Some() }

// Some reports whether it leaves anybody out.
func (in ExcludeInput) Some() bool { return AudienceInput{Exclude: &in}.audience().Exclude.Some() }

// audience is the audience once everything in it has been found.
func (in AudienceInput) audience() targeting.Audience {
	a := targeting.Audience{
		All: in.All, Targeting: naming.IDs(in.Targeting), Rule: in.Rule, Uploads: naming.IDs(in.Uploads), Categories: naming.IDs(in.Categories),
		Groups: naming.IDs(in.Groups), Labels: naming.IDs(in.Labels), Contacts: in.Contacts, Messages: in.Messages,
	}
	if out := in.Exclude; out != nil {
		a.Exclude = &targeting.Exclude{
			Targeting: naming.IDs(out.Targeting), Rule: out.Rule, Uploads: naming.IDs(out.Uploads), Categories: naming.IDs(out.Categories),
			Groups: naming.IDs(out.Groups), Labels: naming.IDs(out.Labels), Contacts: out.Contacts, Messages: out.Messages,
			Campaigns: naming.IDs(out.Campaigns), Received: out.Received,
		}
	}
	return a
}
