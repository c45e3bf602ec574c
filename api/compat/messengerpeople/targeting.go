package messengerpeople

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/targeting"
)

// Categories have the numbers 1 to 10, and content names categories and targeting lists by
// the same parameter: the numbers of these begin behind.
const firstTargeting = contacts.MaxSlots

func targetingNumber(list int64) int64 { return list + firstTargeting }

// targetingID is the targeting list that a parameter names, which must be there.
func (s *Server) targetingID(ctx context.Context, a asked, name string) (int64, error) {
	number, err := a.idOf(name)
	if err != nil {
		return 0, err
	}
	l, err := s.Rules.Get(ctx, a.caller.AccountID, number-firstTargeting)
	if fault.Is(err, fault.NotFound) {
		err = fault.InvalidField(name, number, "there is no such targeting list")
	}
	return l.ID, err
}

// targetingList is a targeting list as clients read it.
type targetingList struct {
	ID    string          `json:"id"`
	Name  string          `json:"name"`
	Query json.RawMessage `json:"query"`
}

func (s *Server) listTargeting(ctx context.Context, a asked) (any, error) {
	var list []targeting.TargetingList
	if a.Has("id") {
		id, err := s.targetingID(ctx, a, "id")
		if err != nil {
			return nil, err
		}
		l, err := s.Rules.Get(ctx, a.caller.AccountID, id)
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	} else {
		var err error
		if list, err = s.Rules.List(ctx, a.caller.AccountID, 0, targeting.MaxTargetingLists); err != nil {
			return nil, err
		}
	}
	if a.Has("status") {
		without, err := a.Bool("status", true)
		if err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(list, func(l targeting.TargetingList) bool { return asksForStatus(l.Rule) == without })
	}
	t, err := s.translator(ctx, a)
	if err != nil {
		return nil, err
	}
	shown := make([]targetingList, len(list))
	for i, l := range list {
		query, err := t.outward(l.Rule)
		if err != nil {
			return nil, err
		}
		shown[i] = targetingList{strconv.FormatInt(targetingNumber(l.ID), 10), l.Name, query}
	}
	return struct {
		Targeting []targetingList `json:"targeting"`
	}{shown}, nil
}

// asksForStatus reports whether a rule is about the status of contacts.
func asksForStatus(rule json.RawMessage) bool {
	return bytes.Contains(rule, []byte(`"field":"status"`))
}

// query is the query that a parameter gives, in Carillon's words; nil if none does.
func (s *Server) query(ctx context.Context, a asked, names ...string) (json.RawMessage, error) {
	for _, name := range names {
		if !a.Has(name) {
			continue
		}
		var raw json.RawMessage
		if err := a.JSON(name, &raw); err != nil {
			return nil, err
		}
		t, err := s.translator(ctx, a)
		if err != nil {
			return nil, err
		}
		return t.queries().Rule(raw)
	}
	return nil, nil
}

func (s *Server) createTargeting(ctx context.Context, a asked) (any, error) {
	name, err := a.needed("name")
	if err != nil {
		return nil, err
	}
	rule, err := s.query(ctx, a, "query", "config")
	if err != nil {
		return nil, err
	}
	if rule == nil {
		return nil, missing("query")
	}
	made, err := s.Rules.Create(ctx, a.caller.AccountID, name, rule)
	if err != nil {
		return nil, err
	}
	return identity{targetingNumber(made.ID)}, nil
}

func (s *Server) changeTargeting(ctx context.Context, a asked) (any, error) {
	id, err := s.targetingID(ctx, a, "id")
	if err != nil {
		return nil, err
	}
	name, err := a.given("name")
	if err != nil {
		return nil, err
	}
	rule, err := s.query(ctx, a, "query", "config")
	if err != nil {
		return nil, err
	}
	_, err = s.Rules.Update(ctx, a.caller.AccountID, id, name, rule)
	return nil, err
}

func (s *Server) deleteTargeting(ctx context.Context, a asked) (any, error) {
	id, err := s.targetingID(ctx, a, "id")
	if err != nil {
		return nil, err
	}
	return nil, s.Rules.Delete(ctx, a.caller.AccountID, id)
}

func (s *Server) countTargeting(ctx context.Context, a asked) (any, error) {
	rule, err := s.query(ctx, a, "query")
	if err != nil {
		return nil, err
	}
	var audience targeting.Audience
	switch {
	case rule != nil:
		audience, err = s.Rules.Audience(ctx, a.caller.AccountID, rule)
	case a.Has("id"):
		var id int64
		id, err = s.targetingID(ctx, a, "id")
		audience.Targeting = []int64{id}
	default:
		return nil, fault.InvalidField("id", nil, "give either id or query")
	}
	if err != nil {
		return nil, err
	}
	n, err := s.reachable(ctx, a, audience)
	return struct {
		Count int64 `json:"count"`
	}{n}, err
}

// reachable is how many active users an audience has on the channel.
func (s *Server) reachable(ctx context.Context, a asked, audience targeting.Audience) (int64, error) {
	count, err := s.Rules.Count(ctx, a.caller.AccountID, audience, a.channel.Address)
	return count.Reachable, err
}

func (s *Server) listAudiences(ctx context.Context, a asked) (any, error) {
	out := numbered{List: map[string]string{}}
	if a.Has("id") {
		id, err := s.targetingID(ctx, a, "id")
		if err != nil {
			return nil, err
		}
		l, err := s.Rules.Get(ctx, a.caller.AccountID, id)
		if err != nil {
			return nil, err
		}
		out.List[strconv.FormatInt(targetingNumber(id), 10)] = l.Name
		if count, err := a.Bool("count", false); err != nil || !count {
			return out, err
		}
		n, err := s.reachable(ctx, a, targeting.Audience{Targeting: []int64{id}})
		out.Count = &n
		return out, err
	}
	list, err := s.Rules.List(ctx, a.caller.AccountID, 0, targeting.MaxTargetingLists)
	if err != nil {
		return nil, err
	}
	for _, l := range list {
		out.List[strconv.FormatInt(targetingNumber(l.ID), 10)] = l.Name
	}
	with, err := a.Bool("categories", false)
	if err != nil || !with {
		return out, err
	}
	categories, err := s.categories(ctx, a)
	for _, l := range categories {
		out.List[strconv.Itoa(l.Slot)] = l.Name
	}
	return out, err
}
