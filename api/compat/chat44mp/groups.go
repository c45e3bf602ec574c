package chat44mp

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"carillon/contacts"
	"carillon/internal/fault"
)

// shownGroup is a contact type; every value is a text.
type shownGroup struct {
	ID        string `json:"id"`
	UserID    string `json:"user_id"`
	Type      string `json:"type"`
	CreatedAt string `json:"created_at"`
	Deleted   string `json:"deleted"`
}

// noGroup is said where there is no such contact type.
const noGroup = "The contact type ID does not exist"

// calledOf is what a program calls a group.
func calledOf(l contacts.List) string { return cmp.Or(l.Called, l.Name) }

func (c *Server) showGroup(ctx context.Context, a asked) (any, error) {
	text, err := need(a.given, "contact_type_id", "The contact type ID is required")
	if err != nil {
		return nil, err
	}
	l, err := c.Lists.Get(ctx, a.caller.AccountID, contacts.Group, id(text))
	if err != nil {
		return nil, orElse(err, noGroup)
	}
	return shownGroup{
		ID: strconv.FormatInt(l.ID, 10), UserID: strconv.FormatInt(l.AccountID, 10), Type: calledOf(l), CreatedAt: timeOf(&l.CreatedAt), Deleted: "0",
	}, nil
}

func (c *Server) createGroup(ctx context.Context, a asked) (any, error) {
	name, err := need(a.given, "name", "The contact type name is required")
	if err != nil {
		return nil, err
	}
	l, err := c.Written.CreateAlike(ctx, contacts.List{AccountID: a.caller.AccountID, Kind: contacts.Group, Name: name})
	if err != nil {
		return nil, err
	}
	return struct {
		Status string `json:"status"`
		ID     int64  `json:"contact_type_id"`
	}{"success", l.ID}, nil
}

func (c *Server) updateGroup(ctx context.Context, a asked) (any, error) {
	if id(a.below) == 0 {
		return nil, said("Invalid contact type ID provided")
	}
	name, err := need(a.given, "name", "The contact type name is required")
	if err != nil {
		return nil, err
	}
	l, err := c.Lists.Get(ctx, a.caller.AccountID, contacts.Group, id(a.below))
	if err != nil {
		return nil, orElse(err, "You don NOT have permission to update contact group")
	}
	if calledOf(l) == name {
		return nil, unchanged{"Make sure, you changed the contact group name"}
	}
	return done{Status: "success"}, c.Written.Rename(ctx, l, name)
}

func (c *Server) deleteGroup(ctx context.Context, a asked) (any, error) {
	text, err := need(a.given, "contact_type_id", "The contact_type_id field is required")
	if err != nil {
		return nil, err
	}
	if err := c.Lists.Delete(ctx, a.caller.AccountID, contacts.Group, id(text)); err != nil {
		if fault.Is(err, fault.NotFound) {
			return nil, said(noGroup)
		}
		return nil, err
	}
	return done{"success", fmt.Sprintf("The contact type ID (%d) has been deleted", id(text))}, nil
}
