package chatwoot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"carillon/contacts"
	"carillon/internal/fault"
)

// labels are the account's by their titles.
func (c *Server) labels(ctx context.Context, account int64) (map[string]contacts.List, error) {
	const page = 500
	labels := map[string]contacts.List{}
	for after := int64(0); ; {
		list, err := c.Lists.List(ctx, account, contacts.Label, after, page)
		if err != nil {
			return nil, err
		}
		for _, l := range list {
			labels[strings.ToLower(l.Name)] = l
			after = l.ID
		}
		if len(list) < page {
			return labels, nil
		}
	}
}

// titles are the labels of a contact.
func (c *Server) titles(ctx context.Context, account, contactID int64) ([]string, error) {
	names, err := c.Lists.Of(ctx, account, contacts.Label, contactID)
	if err != nil {
		return nil, err
	}
	titles := []string{}
	for _, l := range names {
		titles = append(titles, l.Name)
	}
	return titles, nil
}

func (c *Server) contactLabels(ctx context.Context, a asked) (any, error) {
	if _, err := c.contact(ctx, a); err != nil {
		return nil, err
	}
	titles, err := c.titles(ctx, a.account(), a.ids[0])
	return map[string]any{"payload": titles}, err
}

// labelContact replaces the labels of a contact; one that there is not is made.
func (c *Server) labelContact(ctx context.Context, a asked) (any, error) {
	if _, err := c.contact(ctx, a); err != nil {
		return nil, err
	}
	all, err := c.labels(ctx, a.account())
	if err != nil {
		return nil, err
	}
	wanted, shown := map[int64]bool{}, []string{}
	for _, title := range a.given.texts("labels") {
		title = strings.ToLower(strings.TrimSpace(title))
		l, there := all[title]
		if !there {
			if l, err = c.Lists.Create(ctx, contacts.List{AccountID: a.account(), Kind: contacts.Label, Name: title}); err != nil {
				return nil, refuseField("labels", "Labels are invalid: "+fmt.Sprint(fieldsOf(err, fault.Invalid)))
			}
			all[title] = l
		}
		if !wanted[l.ID] {
			wanted[l.ID] = true
			shown = append(shown, l.Name)
		}
	}
	has, err := c.Lists.Of(ctx, a.account(), contacts.Label, a.ids[0])
	if err != nil {
		return nil, err
	}
	for _, l := range has {
		if !wanted[l.ID] {
			if _, err := c.Lists.Remove(ctx, c.member(a, l.ID)); err != nil {
				return nil, err
			}
		}
		delete(wanted, l.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(wanted)) {
		if _, err := c.Lists.Add(ctx, c.member(a, id)); err != nil {
			return nil, err
		}
	}
	return map[string]any{"payload": shown}, nil
}

func (c *Server) member(a asked, list int64) contacts.MemberChange {
	return contacts.MemberChange{AccountID: a.account(), Kind: contacts.Label, ListID: list, Contacts: []int64{a.ids[0]}, Actor: a.caller.Actor()}
}
