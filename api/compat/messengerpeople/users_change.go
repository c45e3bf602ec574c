package messengerpeople

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/targeting"
)

// changes are what PUT /user/{id} may change.
type changes struct {
	Name         *string                    `json:"name"`
	CustomFields map[string]json.RawMessage `json:"customfields"`
	AddLabel     []json.RawMessage          `json:"addlabel"`
	RemoveLabel  []json.RawMessage          `json:"removelabel"`
}

func (s *Server) changeUsers(ctx context.Context, a asked) (any, error) {
	users, err := s.inPath(ctx, a)
	if err != nil {
		return nil, err
	}
	if !a.Has("fields") {
		return nil, missing("fields")
	}
	var want changes
	if err := a.JSON("fields", &want); err != nil {
		return nil, err
	}
	attributes, err := s.storedValues(ctx, a, want.CustomFields)
	if err != nil {
		return nil, err
	}
	add, err := s.labelsOf(ctx, a, "addlabel", want.AddLabel)
	if err != nil {
		return nil, err
	}
	remove, err := s.labelsOf(ctx, a, "removelabel", want.RemoveLabel)
	if err != nil {
		return nil, err
	}
	// Everything has been looked at: what is changed from here on can be.
	ids := contactsOf(users)
	if want.Name != nil || len(attributes) > 0 {
		for _, id := range ids {
			if _, err := s.Contacts.Update(ctx, a.caller.AccountID, id, contacts.ContactChange{Name: want.Name, Attributes: attributes}); err != nil {
				return nil, err
			}
		}
	}
	for _, label := range add {
		if _, err := s.Lists.Add(ctx, a.members(contacts.Label, label, ids)); err != nil {
			return nil, err
		}
	}
	for _, label := range remove {
		if _, err := s.Lists.Remove(ctx, a.members(contacts.Label, label, ids)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (a asked) members(kind contacts.ListKind, list int64, ids []int64) contacts.MemberChange {
	return contacts.MemberChange{AccountID: a.caller.AccountID, Kind: kind, ListID: list, Contacts: ids, Source: source, Actor: a.caller.Actor()}
}

// labelsOf are labels that there are, by their ids.
func (s *Server) labelsOf(ctx context.Context, a asked, location string, raw []json.RawMessage) (ids []int64, err error) {
	for _, item := range raw {
		text, err := plainText(item)
		if err != nil {
			return nil, fault.InvalidField(location, nil, "must be a list of ids")
		}
		id, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return nil, fault.InvalidField(location, text, "is no id of a label")
		}
		if _, err := s.Lists.Get(ctx, a.caller.AccountID, contacts.Label, id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// storedValues checks values of properties, by their names or ids; an empty one takes a
// value away.
func (s *Server) storedValues(ctx context.Context, a asked, given map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	stored := map[string]json.RawMessage{}
	for name, raw := range given {
		text, err := plainText(raw)
		if err != nil && string(raw) != "null" {
			return nil, fault.InvalidField("customfields."+name, nil, "must be a text")
		}
		key, value, err := s.storedValue(ctx, a, name, text)
		if err != nil {
			return nil, err
		}
		stored[key] = value
	}
	return stored, nil
}

func (s *Server) storedValue(ctx context.Context, a asked, name, text string) (key string, stored json.RawMessage, err error) {
	p, err := s.Properties.Find(ctx, a.caller.AccountID, name)
	if err != nil {
		return "", nil, err
	}
	if text == "" {
		return p.Key, json.RawMessage("null"), nil
	}
	stored, err = parsed(p, name, text)
	return p.Key, stored, err
}

// parsed is a text as a value of a property. MessengerPeople writes collections with commas.
func parsed(p property.Property, location, text string) (json.RawMessage, error) {
	c, err := property.Compile(p)
	if err != nil {
		return nil, err
	}
	if p.Type == property.Collection {
		text = strings.ReplaceAll(text, ",", "|")
	}
	stored, reason := c.Parse(text)
	if reason != "" {
		return nil, fault.InvalidField(location, text, "%s", reason)
	}
	return stored, nil
}

// moveUsers starts, stops, blocks and unblocks.
func (s *Server) moveUsers(ctx context.Context, a asked) (any, error) {
	move, known := map[string]func(*Server, context.Context, asked, targeting.Entry) error{
		"start": (*Server).start, "stop": (*Server).stop, "block": (*Server).block, "unblock": (*Server).unblock,
	}[a.in["action"]]
	if !known {
		return nil, fault.New(fault.NotFound, "there is no such method")
	}
	users, err := s.inPath(ctx, a)
	if err != nil {
		return nil, err
	}
	for i, u := range users {
		if slices.ContainsFunc(users[:i], func(before targeting.Entry) bool { return before.ContactID == u.ContactID }) {
			continue
		}
		if err := move(s, ctx, a, u); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (s *Server) setStatus(ctx context.Context, a asked, u targeting.Entry, to contacts.ContactStatus, from ...contacts.ContactStatus) error {
	if !slices.Contains(from, u.Status) {
		return nil
	}
	_, err := s.Contacts.Update(ctx, a.caller.AccountID, u.ContactID, contacts.ContactChange{Status: &to})
	return err
}

func (s *Server) consent(a asked, u targeting.Entry) contacts.ConsentChange {
	return contacts.ConsentChange{AccountID: a.caller.AccountID, ContactID: u.ContactID, Source: source, Actor: a.caller.Actor()}
}

// stop opts somebody out of everything and makes them inactive.
func (s *Server) stop(ctx context.Context, a asked, u targeting.Entry) error {
	if _, err := s.Consents.OptOut(ctx, s.consent(a, u)); err != nil {
		return err
	}
	return s.setStatus(ctx, a, u, contacts.Inactive, contacts.Active)
}

// start takes back what stop did, and nothing else: who opted out by themselves, bounced or
// complained is not written to because a program says so.
func (s *Server) start(ctx context.Context, a asked, u targeting.Entry) error {
	stopped := false
	for c, err := range s.Consents.Each(ctx, a.caller.AccountID, u.ContactID) {
		if err != nil {
			return err
		}
		if c.CategoryID == 0 {
			stopped = c.Action == contacts.OptOut && c.Source == source
		}
	}
	if stopped {
		if _, err := s.Consents.OptIn(ctx, s.consent(a, u)); err != nil {
			return err
		}
	}
	held, _, err := s.usersOf(ctx, a, []string{u.Address})
	if err != nil {
		return err
	}
	for _, h := range held {
		if h.ContactID == u.ContactID && h.Suppressed != "" {
			return fault.InvalidField("id", userID(u.Address), "is not to be written to (%s): only they themselves or an operator can change that", h.Suppressed)
		}
	}
	return s.setStatus(ctx, a, u, contacts.Active, contacts.Inactive)
}

func (s *Server) block(ctx context.Context, a asked, u targeting.Entry) error {
	return s.setStatus(ctx, a, u, contacts.Blocked, contacts.Active, contacts.Inactive)
}

func (s *Server) unblock(ctx context.Context, a asked, u targeting.Entry) error {
	return s.setStatus(ctx, a, u, contacts.Active, contacts.Blocked)
}

func (s *Server) deleteUsers(ctx context.Context, a asked) (any, error) {
	users, err := s.inPath(ctx, a)
	if err != nil {
		return nil, err
	}
	for _, id := range contactsOf(users) {
		if err := s.erase(ctx, a, id); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (s *Server) erase(ctx context.Context, a asked, id int64) error {
	for try := 1; ; try++ {
		_, err := s.Contacts.Erase(ctx, a.caller.AccountID, id, false)
		if !fault.Is(err, fault.Conflict) || try == eraseTries {
			return err
		}
		if err := s.deps.Clock.Sleep(ctx, eraseWait); err != nil {
			return err
		}
	}
}
