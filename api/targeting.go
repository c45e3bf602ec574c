package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"carillon/access"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/internal/naming"
	"carillon/providers"
	"carillon/targeting"
	"carillon/targeting/rule"
)

// TargetingList is a saved rule.
type TargetingList struct {
	ID        int64           `json:"id"`
	Name      string          `json:"name"`
	Rule      json.RawMessage `json:"rule" doc:"The rule in jQuery QueryBuilder's form."`
	CreatedAt time.Time       `json:"created_at"`
	UpdatedAt time.Time       `json:"updated_at"`
}

func (l TargetingList) identity() int64 { return l.ID }

const ruleDoc = "A rule in jQuery QueryBuilder's form, {\"condition\": \"AND\", \"rules\": […]}, or in Chatwoot's, {\"payload\": […]}. docs/targeting.md " +
	"says what it means; /v1/targeting/fields lists the fields."

// TargetingInput is what a targeting list is made of.
type TargetingInput struct {
	Name string          `json:"name" minLength:"1" maxLength:"255"`
	Rule json.RawMessage `json:"rule" doc:"A rule in jQuery QueryBuilder's form, or in Chatwoot's flat one."`
}

// TargetingChange is what to change of a targeting list: what is absent stays.
type TargetingChange struct {
	Name *string         `json:"name,omitempty" maxLength:"255"`
	Rule json.RawMessage `json:"rule,omitempty" doc:"A rule in jQuery QueryBuilder's form, or in Chatwoot's flat one."`
}

// CountBy says for which channel, or kind of address, to count who can be
// reached.
type CountBy struct {
	ChannelID naming.Ref `json:"channel_id,omitzero" query:"channel_id" kind:"channel" doc:"Say too who can be reached on this channel, by its id or its name."`
	Channel   naming.Ref `json:"channel,omitzero" query:"channel" kind:"channel" doc:"Instead of channel_id: the same."`
	Kind      string     `json:"kind,omitempty" query:"kind" maxLength:"40" doc:"Say too who can be reached by this kind of address, such as email."`
}

// CountInput is a rule to count.
type CountInput struct {
	Rule json.RawMessage `json:"rule" doc:"A rule in jQuery QueryBuilder's form, or in Chatwoot's flat one."`
	CountBy
}

// AudienceCount is how many contacts a rule holds for.
type AudienceCount struct {
	Total     int64            `json:"total" doc:"Contacts that the rule holds for, whether they can be reached or not."`
	Reachable *int64           `json:"reachable,omitempty" doc:"How many a campaign would be sent to; only if a channel or a kind of address was named."`
	Skipped   map[string]int64 `json:"skipped,omitempty" doc:"How many not, by reason."`
}

// RuleField is a field as a rule builder needs it: a filter of jQuery
// QueryBuilder.
type RuleField struct {
	ID         string      `json:"id"`
	Field      string      `json:"field"`
	Label      string      `json:"label"`
	Type       string      `json:"type" enum:"string,integer,double,date,time,datetime,boolean"`
	Input      string      `json:"input" enum:"text,number,select,radio"`
	Comparison string      `json:"comparison" doc:"How values are compared: docs/targeting.md."`
	Operators  []string    `json:"operators"`
	Values     []RuleValue `json:"values,omitempty" doc:"The values that there are, where they are known: of ids the newest 1000."`
	Filterable bool        `json:"filterable" doc:"Rules over it are answered by an index."`
}

// RuleValue is a value that a field may have.
type RuleValue struct {
	Value any    `json:"value"`
	Label string `json:"label"`
}

// RuleFields are all fields.
type RuleFields struct {
	Fields []RuleField `json:"fields"`
}

type createTargeting struct{ Body TargetingInput }

type changeTargeting struct {
	ByID
	Body TargetingChange
}

type countRule struct{ Body CountInput }

type countTargeting struct {
	ByID
	CountBy
}

// SearchInput is a rule whose contacts are looked for.
type SearchInput struct {
	Rule json.RawMessage `json:"rule" doc:"A rule in jQuery QueryBuilder's form, or in Chatwoot's flat one."`
}

type searchContacts struct {
	Paged
	Turned
	Body SearchInput
}

// bulk reports whether it is more than a first page that is asked for.
func (in *searchContacts) bulk() bool { return in.Paged.bulk() || in.Page > 1 }

func targetingView(l targeting.TargetingList) TargetingList {
	return TargetingList{ID: l.ID, Name: l.Name, Rule: l.Rule, CreatedAt: l.CreatedAt, UpdatedAt: l.UpdatedAt}
}

func targetingOut(l targeting.TargetingList, err error) (*one[TargetingList], error) {
	if err != nil {
		return nil, err
	}
	return &one[TargetingList]{targetingView(l)}, nil
}

func (s *Server) targetingRoutes() {
	const path, tag = "/v1/targeting", "targeting"
	register(s, operation{id: "list-targeting", method: http.MethodGet, path: path, tag: tag, doc: "List targeting lists", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *Paged) (*pageOut[TargetingList], error) {
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Rules.List(ctx, caller.AccountID, after, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, targetingView, func(l targeting.TargetingList) string { return idKey(l.ID) }), nil
		})
	register(s, operation{id: "create-targeting", method: http.MethodPost, path: path, tag: tag, doc: "Save a rule as a targeting list",
		status: http.StatusCreated, roles: mayEdit,
		more: ruleDoc},
		func(ctx context.Context, caller access.Caller, in *createTargeting) (*one[TargetingList], error) {
			return targetingOut(s.Rules.Create(ctx, caller.AccountID, in.Body.Name, in.Body.Rule))
		})
	register(s, operation{id: "get-targeting", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a targeting list", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[TargetingList], error) {
			return targetingOut(s.Rules.Get(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "update-targeting", method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Change a targeting list", roles: mayEdit,
		more: ruleDoc},
		func(ctx context.Context, caller access.Caller, in *changeTargeting) (*one[TargetingList], error) {
			return targetingOut(s.Rules.Update(ctx, caller.AccountID, in.ID, in.Body.Name, in.Body.Rule))
		})
	register(s, operation{id: "delete-targeting", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Delete a targeting list",
		status: http.StatusNoContent, roles: mayEdit,
		more: "Refused while a campaign that is not over, or another targeting list, uses it."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.Rules.Delete(ctx, caller.AccountID, in.ID)
		})
	register(s, operation{id: "list-targeting-fields", method: http.MethodGet, path: path + "/fields", tag: tag,
		doc: "List the fields that rules may talk about", roles: mayLook,
		more: "Filters for jQuery QueryBuilder, and what other rule builders need. messages_received_<N>d takes every N from 1 to 365."}, s.ruleFields)
	register(s, operation{id: "count-rule", method: http.MethodPost, path: path + "/count", tag: tag, doc: "Count whom a rule holds for", roles: mayLook,
		unaudited: true, more: ruleDoc},
		func(ctx context.Context, caller access.Caller, in *countRule) (*one[AudienceCount], error) {
			audience, err := s.Rules.Audience(ctx, caller.AccountID, in.Body.Rule)
			if err != nil {
				return nil, err
			}
			return s.count(ctx, caller, audience, in.Body.CountBy)
		})
	register(s, operation{id: "count-targeting", method: http.MethodGet, path: path + "/{id}/count", tag: tag, doc: "Count the contacts of a targeting list",
		roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *countTargeting) (*one[AudienceCount], error) {
			if _, err := s.Rules.Get(ctx, caller.AccountID, in.ID); err != nil {
				return nil, err
			}
			return s.count(ctx, caller, targeting.Audience{Targeting: []int64{in.ID}}, in.CountBy)
		})
	register(s, operation{reads: readsPeople, id: "list-targeting-contacts", method: http.MethodGet, path: path + "/{id}/contacts", tag: tag,
		doc: "List the contacts of a targeting list", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *struct {
			ByID
			Paged
		}) (*pageOut[Contact], error) {
			if _, err := s.Rules.Get(ctx, caller.AccountID, in.ID); err != nil {
				return nil, err
			}
			return s.audiencePage(ctx, caller, targeting.Audience{Targeting: []int64{in.ID}}, in.Paged)
		})
	register(s, operation{reads: readsPeople, id: "search-contacts", method: http.MethodPost, path: "/v1/contacts/search", tag: "contacts",
		doc: "List the contacts that a rule holds for", roles: mayLook,
		unaudited: true, more: ruleDoc},
		func(ctx context.Context, caller access.Caller, in *searchContacts) (*contactPage, error) {
			audience, err := s.Rules.Audience(ctx, caller.AccountID, in.Body.Rule)
			if err != nil {
				return nil, err
			}
			if in.turned() {
				return s.turn(ctx, caller, targeting.Browse{Rule: in.Body.Rule}, in.Paged, in.Turned)
			}
			return cursored(s.audiencePage(ctx, caller, audience, in.Paged))
		})
}

// count counts an audience, for a channel or a kind of address if one is named.
func (s *Server) count(ctx context.Context, caller access.Caller, a targeting.Audience, by CountBy) (*one[AudienceCount], error) {
	kind := providers.AddressKind(by.Kind)
	if by.ChannelID.ID != 0 {
		if by.Kind != "" {
			return nil, fault.InvalidField("kind", by.Kind, "name a channel or a kind of address, not both")
		}
		channel, err := s.Channels.Get(ctx, caller.AccountID, by.ChannelID.ID)
		if err != nil {
			return nil, err
		}
		kind = channel.Address
	}
	n, err := s.Rules.Count(ctx, caller.AccountID, a, kind)
	if err != nil {
		return nil, err
	}
	out := AudienceCount{Total: n.Total, Skipped: n.Skipped}
	if kind != "" {
		out.Reachable = &n.Reachable
	}
	return &one[AudienceCount]{out}, nil
}

func (s *Server) audiencePage(ctx context.Context, caller access.Caller, a targeting.Audience, in Paged) (*pageOut[Contact], error) {
	after, err := in.position()
	if err != nil {
		return nil, err
	}
	list, err := s.Rules.Contacts(ctx, caller.AccountID, a, after, in.Limit+1)
	if err != nil {
		return nil, err
	}
	return page(list, in.Limit, contactView, func(c contacts.Contact) string { return idKey(c.ID) }), nil
}

func (s *Server) ruleFields(ctx context.Context, caller access.Caller, _ *struct{}) (*one[RuleFields], error) {
	fields, choices, err := s.Rules.Fields(ctx, caller.AccountID)
	if err != nil {
		return nil, err
	}
	values := map[string][]RuleValue{}
	for _, choice := range choices {
		values[choice.Field] = append(values[choice.Field], RuleValue{choice.ID, choice.Name})
	}
	return &one[RuleFields]{fieldsView(fields, values)}, nil
}

// fieldsView shows fields, with the things that those of ids may name.
func fieldsView(fields []rule.Described, values map[string][]RuleValue) RuleFields {
	out := RuleFields{Fields: make([]RuleField, 0, len(fields))}
	for _, f := range fields {
		typ, input := f.Form()
		view := RuleField{
			ID: f.Name, Field: f.Name, Label: f.Label, Type: typ, Input: input, Comparison: string(f.Compare), Filterable: f.Filterable, Values: values[f.Name],
		}
		for _, o := range f.Operators() {
			view.Operators = append(view.Operators, string(o))
		}
		for _, choice := range f.Choices {
			view.Values = append(view.Values, ruleValue(f, choice))
		}
		if len(f.Choices) > 0 && f.Compare != rule.AsBoolean {
			view.Input = "select"
		}
		out.Fields = append(out.Fields, view)
	}
	return out
}

func ruleValue(f rule.Described, choice string) RuleValue {
	if f.Compare == rule.AsBoolean {
		return RuleValue{choice == "true", choice}
	}
	return RuleValue{choice, choice}
}
