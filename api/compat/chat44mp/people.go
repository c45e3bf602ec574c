package chat44mp

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"carillon/api/gate"
	"carillon/contacts"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting"
)

// labelsOf are the ids of a contact's labels.
func (c *Server) labelsOf(ctx context.Context, a asked, contactID int64) ([]string, error) {
	return c.idsOf(ctx, a, contacts.Label, contactID)
}

func (c *Server) idsOf(ctx context.Context, a asked, kind contacts.ListKind, contactID int64) (ids []string, err error) {
	list, err := c.Lists.Of(ctx, a.caller.AccountID, kind, contactID)
	for _, l := range list {
		ids = append(ids, strconv.FormatInt(l.ID, 10))
	}
	return ids, err
}

// phoneKinds are the addresses that may be a contact's phone number, the first that it has.
var phoneKinds = []providers.AddressKind{providers.Phone, providers.SMS, providers.WhatsApp}

// phoneOf is a contact's number as it was written.
func (c *Server) phoneOf(ctx context.Context, of contacts.Contact) (string, error) {
	for _, kind := range phoneKinds {
		if number := of.Addresses[kind]; number != "" {
			written, err := c.Written.Written(ctx, contacts.Holding{AccountID: of.AccountID, ContactID: of.ID, Kind: kind})
			if written == "" {
				written = number
			}
			return written, err
		}
	}
	return "", nil
}

// optedOut reports whether a contact has opted out as a whole: all its addresses have.
func (c *Server) optedOut(ctx context.Context, of contacts.Contact) (bool, error) {
	if len(of.Addresses) == 0 {
		return false, nil
	}
	list, err := c.Rules.Directory(ctx, targeting.DirectoryFilter{
		AccountID: of.AccountID, Among: targeting.Audience{Contacts: []int64{of.ID}}, Kinds: providers.AddressKinds(), Limit: len(providers.AddressKinds()),
	})
	out := len(list) > 0
	for _, e := range list {
		out = out && e.Suppressed == string(contacts.Unsubscribed)
	}
	return out, err
}

// shownContact is a contact; every value is a text.
type shownContact struct {
	ID            string `json:"id"`
	UserID        string `json:"user_id"`
	ContactTypeID string `json:"contact_type_id"`
	FirstName     string `json:"first_name"`
	LastName      string `json:"last_name"`
	PhoneNumber   string `json:"phone_number"`
	Email         string `json:"email"`
	Notes         string `json:"notes"`
	Unsubscribed  string `json:"unsubscribed"`
	Deleted       string `json:"deleted"`
}

// noContact is said where there is no such contact.
const noContact = "The contact ID does not exist"

// contactOf is a contact that has not been deleted.
func (c *Server) contactOf(ctx context.Context, a asked, text string) (contacts.Contact, error) {
	of, err := c.Contacts.Get(ctx, a.caller.AccountID, id(text))
	if err == nil && of.Status == contacts.Deleted {
		err = fault.New(fault.NotFound, "it is deleted")
	}
	return of, orElse(err, noContact)
}

func (c *Server) showContact(ctx context.Context, a asked) (any, error) {
	text, err := need(a.given, "contact_id", "The contact_id field is required")
	if err != nil {
		return nil, err
	}
	of, err := c.contactOf(ctx, a, text)
	if err != nil {
		return nil, err
	}
	groups, err := c.idsOf(ctx, a, contacts.Group, of.ID)
	if err != nil {
		return nil, err
	}
	phone, err := c.phoneOf(ctx, of)
	if err != nil {
		return nil, err
	}
	out, err := c.optedOut(ctx, of)
	return shownContact{
		ID: strconv.FormatInt(of.ID, 10), UserID: strconv.FormatInt(of.AccountID, 10), ContactTypeID: strings.Join(groups, ","),
		FirstName: of.FirstName, LastName: of.LastName, PhoneNumber: phone, Email: of.Addresses[providers.Email],
		Unsubscribed: truth(out), Deleted: "0",
	}, err
}

// details are what calls give of a contact.
type details struct{ email, phone, first, last string }

func detailsOf(a asked) (d details, err error) {
	err = a.given.Texts(map[string]*string{"email": &d.email, "phone_number": &d.phone, "first_name": &d.first, "last_name": &d.last})
	d.email, d.phone = strings.TrimSpace(d.email), strings.TrimSpace(d.phone)
	return d, err
}

// addresses are the e-mail address and the phone number of the details in their normal form;
// empty where they were not given.
func (c *Server) addresses(ctx context.Context, a asked, d details) (email, phone string, err error) {
	if d.email != "" {
		if email, err = value.Normal(providers.Email, d.email, ""); err != nil {
			return "", "", fault.InvalidField("email", d.email, "%s", gate.TextOf(err))
		}
	}
	if d.phone != "" {
		settings, err := c.Settings.Get(ctx, a.caller.AccountID)
		if err != nil {
			return "", "", err
		}
		if phone, err = value.Normal(providers.Phone, d.phone, settings.Country); err != nil {
			return "", "", fault.InvalidField("phone_number", d.phone, "%s (numbers without a country need carillon settings set --country)", gate.TextOf(err))
		}
	}
	return email, phone, nil
}

// taken refuses addresses that another contact holds.
func (c *Server) taken(ctx context.Context, a asked, email, phone string, but int64) error {
	for _, of := range []struct {
		kind           providers.AddressKind
		address, words string
	}{{providers.Email, email, "Please try with different email address"}, {providers.Phone, phone, "Please try with different phone_number"}} {
		if of.address == "" {
			continue
		}
		found, err := c.Contacts.Search(ctx, contacts.ContactFilter{AccountID: a.caller.AccountID, Kind: of.kind, Address: of.address, Limit: 1})
		if err != nil {
			return err
		}
		if len(found) > 0 && found[0].ID != but {
			return said(of.words)
		}
	}
	return nil
}

func (c *Server) createContact(ctx context.Context, a asked) (any, error) {
	group, err := need(a.given, "contact_type_id", "The contact_type_id is required")
	if err != nil {
		return nil, err
	}
	l, err := c.Lists.Get(ctx, a.caller.AccountID, contacts.Group, id(group))
	if err != nil {
		return nil, orElse(err, "You can NOT add the contact to the specified contact group")
	}
	d, err := detailsOf(a)
	if err != nil {
		return nil, err
	}
	if d.email == "" && d.phone == "" {
		return nil, said("The email or phone_number is required")
	}
	email, phone, err := c.addresses(ctx, a, d)
	if err != nil {
		return nil, err
	}
	if err := c.taken(ctx, a, email, phone, 0); err != nil {
		return nil, err
	}
	made, err := c.Contacts.CreateIn(ctx, contacts.Contact{
		AccountID: a.caller.AccountID, FirstName: d.first, LastName: d.last, Status: contacts.Active, Number: phone,
		Addresses: map[providers.AddressKind]string{providers.Email: email},
	}, contacts.Joining{Kind: contacts.Group, ListID: l.ID, Actor: a.caller.Actor(), Written: writtenAs(d.phone, phone)})
	if err != nil {
		return nil, err
	}
	return struct {
		Status string `json:"status"`
		ID     int64  `json:"new_contact_id"`
	}{"success", made.ID}, nil
}

func (c *Server) updateContact(ctx context.Context, a asked) (any, error) {
	d, err := detailsOf(a)
	if err != nil {
		return nil, err
	}
	if d == (details{}) {
		return nil, said("You should at least provide value for first name or last name or email or phone number")
	}
	of, err := c.contactOf(ctx, a, a.below)
	if err != nil {
		return nil, err
	}
	email, phone, err := c.addresses(ctx, a, d)
	if err != nil {
		return nil, err
	}
	if err := c.taken(ctx, a, email, phone, of.ID); err != nil {
		return nil, err
	}
	change, changed := contacts.ContactChange{}, false
	if email != "" {
		change.Addresses, changed = map[providers.AddressKind]string{providers.Email: email}, email != of.Addresses[providers.Email]
	}
	if phone != "" {
		change.Number, changed = &phone, changed || phone != of.Addresses[providers.Phone]
	}
	for _, text := range []struct {
		given, is string
		to        **string
	}{{d.first, of.FirstName, &change.FirstName}, {d.last, of.LastName, &change.LastName}} {
		if text.given != "" {
			*text.to, changed = &text.given, changed || text.given != text.is
		}
	}
	if !changed {
		return nil, unchanged{"Make sure, you changed the contact information"}
	}
	if _, err := c.Contacts.Update(ctx, a.caller.AccountID, of.ID, change); err != nil {
		return nil, err
	}
	if written := writtenAs(d.phone, phone); written != "" {
		err = c.Written.SetWritten(ctx, contacts.Holding{AccountID: of.AccountID, ContactID: of.ID, Kind: providers.Phone}, written)
	}
	return done{Status: "success"}, err
}

// writtenAs is how a number was written; empty where it is kept so.
func writtenAs(given, kept string) string {
	if given == kept {
		return ""
	}
	return given
}

func (c *Server) deleteContact(ctx context.Context, a asked) (any, error) {
	text, err := need(a.given, "contact_id", "The contact_id field is required")
	if err != nil {
		return nil, err
	}
	of, err := c.contactOf(ctx, a, text)
	if err != nil {
		return nil, err
	}
	if err := c.Contacts.Delete(ctx, a.caller.AccountID, of.ID); err != nil {
		return nil, orElse(err, noContact)
	}
	return done{"success", fmt.Sprintf("The contact ID (%d) has been deleted", of.ID)}, nil
}
