package chatwoot

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"carillon/targeting"
	"carillon/wording"
)

// filterRule is the rule of a filter, as wording.Filters say it.
func (c *Server) filterRule(ctx context.Context, account int64, payload []any, k *known) (json.RawMessage, error) {
	says := wording.Filters{Attribute: func(key string) (string, string, bool) {
		d, defined := k.definition(key)
		return d.Property, d.Display, defined
	}}
	asked := wording.FilterKeys(payload)
	if slices.ContainsFunc(asked, func(key string) bool { return slices.Contains(besides, key) }) {
		if err := c.ensureBesides(ctx, account, k); err != nil {
			return nil, err
		}
	}
	if slices.Contains(asked, "labels") {
		labels, err := c.labels(ctx, account)
		if err != nil {
			return nil, err
		}
		says.Label = func(title string) (int64, bool) {
			l, there := labels[title]
			return l.ID, there
		}
	}
	text, err := says.Rule(payload)
	var refused wording.Refused
	if errors.As(err, &refused) {
		return nil, refuse(string(refused))
	}
	return text, err
}

func (c *Server) filterContacts(ctx context.Context, a asked) (any, error) {
	k, err := c.known(ctx, a.account())
	if err != nil {
		return nil, err
	}
	text, err := c.filterRule(ctx, a.account(), a.given.list("payload"), &k)
	if err != nil {
		return nil, err
	}
	list, total, page, err := c.browse(ctx, a, targeting.Browse{Rule: text, Known: true})
	if err != nil {
		return nil, saidOfRule(err)
	}
	return map[string]any{"meta": map[string]any{"count": total, "current_page": page}, "payload": list}, nil
}

// saidOfRule says what of a rule can't be read: only what Chatwoot takes and rules do not.
func saidOfRule(err error) error {
	if fields := fieldsOf(err, "invalid"); len(fields) > 0 {
		return refuse("Invalid value. " + fields[0].Message)
	}
	return err
}

func showFilter(f targeting.SavedFilter) map[string]any {
	return map[string]any{
		"id": f.ID, "name": f.Name, "filter_type": f.Kind, "query": f.Query, "created_at": iso(f.CreatedAt), "updated_at": iso(f.UpdatedAt),
	}
}

// filterKind reads what a filter is for: also as the document and clients call it.
func filterKind(a asked) (targeting.FilterKind, error) {
	text := a.given.text("filter_type")
	if text == "" {
		text = a.given.text("type")
	}
	if text == "" {
		return targeting.FilterConversations, nil
	}
	name, ok := numbered(text, []string{"conversation", "contact", "report"})
	if !ok {
		return "", refuse("'" + text + "' is not a valid filter_type")
	}
	return targeting.FilterKind(name), nil
}

func (c *Server) listFilters(ctx context.Context, a asked) (any, error) {
	kind, err := filterKind(a)
	if err != nil {
		return nil, err
	}
	list, err := c.Filters.List(ctx, a.account(), a.caller.ID, kind)
	shown := []any{}
	for _, f := range list {
		shown = append(shown, showFilter(f))
	}
	return shown, err
}

// filterOf reads a filter, and the rule of one of contacts that can be one.
func (c *Server) filterOf(ctx context.Context, a asked, f *targeting.SavedFilter) (text json.RawMessage, err error) {
	if a.given.has("name") {
		f.Name = a.given.text("name")
	}
	if strings.TrimSpace(f.Name) == "" {
		return nil, refuseField("name", "Name can't be blank")
	}
	if a.given.has("query") {
		f.Query = encoded(a.given.object("query"))
	}
	if len(f.Query) == 0 {
		f.Query = json.RawMessage("{}")
	}
	if f.Kind != targeting.FilterContacts {
		return nil, nil
	}
	query := given{"query": string(f.Query)}.object("query")
	k, err := c.known(ctx, a.account())
	if err != nil {
		return nil, err
	}
	// A filter is kept whatever it says, there: one that nobody could ask is no list.
	if text, err = c.filterRule(ctx, a.account(), given(query).list("payload"), &k); isRefusal(err) {
		text, err = nil, nil
	}
	return text, err
}

func (c *Server) createFilter(ctx context.Context, a asked) (any, error) {
	f := targeting.SavedFilter{AccountID: a.account(), KeyID: a.caller.ID}
	var err error
	if f.Kind, err = filterKind(a); err != nil {
		return nil, err
	}
	text, err := c.filterOf(ctx, a, &f)
	if err != nil {
		return nil, err
	}
	if f, err = c.Filters.Create(ctx, f, text); err != nil {
		return nil, err
	}
	return showFilter(f), nil
}

func (c *Server) showFilter(ctx context.Context, a asked) (any, error) {
	f, err := c.Filters.Get(ctx, a.account(), a.caller.ID, a.ids[0])
	if err != nil {
		return nil, err
	}
	return showFilter(f), nil
}

func (c *Server) updateFilter(ctx context.Context, a asked) (any, error) {
	f, err := c.Filters.Get(ctx, a.account(), a.caller.ID, a.ids[0])
	if err != nil {
		return nil, err
	}
	if a.given.text("filter_type") != "" {
		if f.Kind, err = filterKind(a); err != nil {
			return nil, err
		}
	}
	text, err := c.filterOf(ctx, a, &f)
	if err != nil {
		return nil, err
	}
	if f, err = c.Filters.Update(ctx, f, text); err != nil {
		return nil, err
	}
	return showFilter(f), nil
}

func (c *Server) deleteFilter(ctx context.Context, a asked) (any, error) {
	return nothing(http.StatusNoContent), c.Filters.Delete(ctx, a.account(), a.caller.ID, a.ids[0])
}

// iso is an instant as filters, definitions and campaigns show it.
func iso(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }
