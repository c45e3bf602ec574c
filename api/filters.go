package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/targeting"
)

// SavedFilter is a filter that the holder of a key saved.
type SavedFilter struct {
	ID        int64           `json:"id"`
	Kind      string          `json:"kind" enum:"contact,conversation,report"`
	Name      string          `json:"name"`
	Query     json.RawMessage `json:"query" doc:"What was asked for, as whoever saved it wrote it."`
	Targeting int64           `json:"targeting_id,omitempty" doc:"The targeting list that it stands for; absent for none."`
	CreatedAt time.Time       `json:"created_at"`
	UpdatedAt time.Time       `json:"updated_at"`
}

func (f SavedFilter) identity() int64 { return f.ID }

// FilterInput is what a filter is made of.
type FilterInput struct {
	Kind  string          `json:"kind,omitempty" enum:"contact,conversation,report" doc:"contact if absent."`
	Name  string          `json:"name" minLength:"1" maxLength:"255"`
	Query json.RawMessage `json:"query,omitempty" doc:"Any JSON that the program wants to read again; the rule if absent."`
	Rule  json.RawMessage `json:"rule,omitempty" doc:"Of a filter of contacts: it stands for a targeting list with this rule from then on."`
}

// FilterChange is what to change of a filter; what is absent stays.
type FilterChange struct {
	Name  *string         `json:"name,omitempty" minLength:"1" maxLength:"255"`
	Query json.RawMessage `json:"query,omitempty"`
	Rule  json.RawMessage `json:"rule,omitempty" doc:"Of a filter of contacts: the rule of its targeting list."`
}

type listFilters struct {
	Kind string `query:"kind" enum:"contact,conversation,report" default:"contact"`
}

type createFilter struct{ Body FilterInput }

type changeFilter struct {
	ByID
	Body FilterChange
}

func filterView(f targeting.SavedFilter) SavedFilter {
	return SavedFilter{
		ID: f.ID, Kind: string(f.Kind), Name: f.Name, Query: f.Query, Targeting: f.Targeting, CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt,
	}
}

func filterOut(f targeting.SavedFilter, err error) (*one[SavedFilter], error) {
	if err != nil {
		return nil, err
	}
	return &one[SavedFilter]{filterView(f)}, nil
}

// ruleOfFilter checks a rule before anything is saved.
func (s *Server) ruleOfFilter(ctx context.Context, caller access.Caller, kind targeting.FilterKind, rule json.RawMessage) error {
	if len(rule) == 0 {
		return nil
	}
	if kind != targeting.FilterContacts {
		return fault.InvalidField("rule", nil, "only filters of contacts have one")
	}
	_, err := s.Rules.Audience(ctx, caller.AccountID, rule)
	return err
}

// filtered is the audience of a filter of contacts.
func (s *Server) filtered(ctx context.Context, caller access.Caller, id int64) (a targeting.Audience, err error) {
	f, err := s.Filters.Get(ctx, caller.AccountID, caller.ID, id)
	if err == nil && f.Targeting == 0 {
		err = fault.New(fault.Conflict, "filter %d stands for no targeting list: give it a rule", id)
	}
	if err == nil {
		_, err = s.Rules.Get(ctx, caller.AccountID, f.Targeting)
	}
	return targeting.Audience{Targeting: []int64{f.Targeting}}, err
}

func (s *Server) filterRoutes() {
	const path, tag = "/v1/filters", "filters"
	register(s, operation{id: "list-filters", method: http.MethodGet, path: path, tag: tag, doc: "List the filters of a kind that this key saved", roles: mayLook,
		more: "All of them, at most 1000. Other keys have their own; rules that all share are targeting lists."},
		func(ctx context.Context, caller access.Caller, in *listFilters) (*pageOut[SavedFilter], error) {
			list, err := s.Filters.List(ctx, caller.AccountID, caller.ID, targeting.FilterKind(in.Kind))
			if err != nil {
				return nil, err
			}
			return page(list, len(list), filterView, func(f targeting.SavedFilter) string { return idKey(f.ID) }), nil
		})
	register(s, operation{id: "create-filter", method: http.MethodPost, path: path, tag: tag, doc: "Save a filter for this key", status: http.StatusCreated,
		roles: mayEdit, more: ruleDoc},
		func(ctx context.Context, caller access.Caller, in *createFilter) (*one[SavedFilter], error) {
			f := targeting.SavedFilter{
				AccountID: caller.AccountID, KeyID: caller.ID, Kind: targeting.FilterContacts, Name: in.Body.Name, Query: in.Body.Query,
			}
			if in.Body.Kind != "" {
				f.Kind = targeting.FilterKind(in.Body.Kind)
			}
			if len(f.Query) == 0 {
				f.Query = in.Body.Rule
			}
			if len(f.Query) == 0 {
				return nil, fault.InvalidField("rule", nil, "say what the filter asks for: a rule, or a query of your own")
			}
			if err := s.ruleOfFilter(ctx, caller, f.Kind, in.Body.Rule); err != nil {
				return nil, err
			}
			return filterOut(s.Filters.Create(ctx, f, in.Body.Rule))
		})
	register(s, operation{id: "get-filter", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a filter", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[SavedFilter], error) {
			return filterOut(s.Filters.Get(ctx, caller.AccountID, caller.ID, in.ID))
		})
	register(s, operation{id: "update-filter", method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Change a filter", roles: mayEdit, more: ruleDoc},
		func(ctx context.Context, caller access.Caller, in *changeFilter) (*one[SavedFilter], error) {
			f, err := s.Filters.Get(ctx, caller.AccountID, caller.ID, in.ID)
			if err != nil {
				return nil, err
			}
			if in.Body.Name != nil {
				f.Name = *in.Body.Name
			}
			if len(in.Body.Query) > 0 {
				f.Query = in.Body.Query
			} else if len(in.Body.Rule) > 0 {
				f.Query = in.Body.Rule
			}
			if err := s.ruleOfFilter(ctx, caller, f.Kind, in.Body.Rule); err != nil {
				return nil, err
			}
			return filterOut(s.Filters.Update(ctx, f, in.Body.Rule))
		})
	register(s, operation{id: "delete-filter", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Delete a filter, and its targeting list",
		status: http.StatusNoContent, roles: mayEdit, more: "The list stays while a campaign or another list uses it."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.Filters.Delete(ctx, caller.AccountID, caller.ID, in.ID)
		})
	register(s, operation{id: "count-filter", method: http.MethodGet, path: path + "/{id}/count", tag: tag, doc: "Count the contacts of a filter", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *countTargeting) (*one[AudienceCount], error) {
			a, err := s.filtered(ctx, caller, in.ID)
			if err != nil {
				return nil, err
			}
			return s.count(ctx, caller, a, in.CountBy)
		})
	register(s, operation{reads: readsPeople, id: "list-filter-contacts", method: http.MethodGet, path: path + "/{id}/contacts", tag: tag,
		doc: "List the contacts of a filter", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *struct {
			ByID
			Paged
		}) (*pageOut[Contact], error) {
			a, err := s.filtered(ctx, caller, in.ID)
			if err != nil {
				return nil, err
			}
			return s.audiencePage(ctx, caller, a, in.Paged)
		})
}
