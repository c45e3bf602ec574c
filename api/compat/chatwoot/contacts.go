package chatwoot

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"carillon/api/gate"
	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting"
)

// Pages are of so many.
const (
	contactsAtOnce = 15
	maxName        = 255
)

// besides are the additional attributes that rules can ask for: properties here.
var besides = []string{"city", "country_code", "company_name"}

// known is what a contact is shown with: loaded once for a request.
type known struct {
	channels    []providers.Channel
	definitions []contacts.Definition
}

func (c *Server) known(ctx context.Context, account int64) (k known, err error) {
	if k.channels, err = c.channels(ctx, account); err == nil {
		k.definitions, err = c.Definitions.List(ctx, account)
	}
	return k, err
}

// definition is the one of contacts that has a key.
func (k known) definition(key string) (contacts.Definition, bool) {
	for _, d := range k.definitions {
		if d.Model == contacts.OfContacts && d.Key == key {
			return d, true
		}
	}
	return contacts.Definition{}, false
}

// keyOf is what programs call a property.
func (k known) keyOf(property string) string {
	for _, d := range k.definitions {
		if d.Model == contacts.OfContacts && d.Property == property {
			return d.Key
		}
	}
	return property
}

// attributes are a contact's as they are shown: custom ones, and others.
func (k known) attributes(contact contacts.Contact) (custom, additional map[string]any) {
	custom, additional = map[string]any{}, map[string]any{}
	for key, text := range contact.Attributes {
		if slices.Contains(besides, key) {
			additional[key] = text
			continue
		}
		custom[k.keyOf(key)] = text
	}
	for key, text := range contact.Free.Custom {
		custom[k.keyOf(key)] = text
	}
	for key, text := range contact.Free.Additional {
		additional[key] = text
	}
	return custom, additional
}

// orNull is a text, or null if there is none.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// nameOf is what a contact is called.
func nameOf(contact contacts.Contact) string {
	if contact.Name != "" {
		return contact.Name
	}
	return strings.TrimSpace(contact.FirstName + " " + contact.LastName)
}

// phoneOf is a contact's number: that of the phone, else that of texts or WhatsApp.
func phoneOf(contact contacts.Contact) string {
	for _, kind := range []providers.AddressKind{providers.Phone, providers.SMS, providers.WhatsApp} {
		if number := contact.Addresses[kind]; number != "" {
			return number
		}
	}
	return ""
}

// show is a contact as it is shown.
func (k known) show(contact contacts.Contact, inboxes bool) map[string]any {
	custom, additional := k.attributes(contact)
	out := map[string]any{
		"id": contact.ID, "name": nameOf(contact), "email": orNull(contact.Addresses[providers.Email]), "phone_number": orNull(phoneOf(contact)),
		"identifier": orNull(contact.ExternalID), "blocked": contact.Status == contacts.Blocked, "thumbnail": "", "availability_status": "offline",
		"additional_attributes": additional, "custom_attributes": custom, "created_at": contact.CreatedAt.Unix(),
	}
	if contact.LastActivityAt != nil {
		out["last_activity_at"] = contact.LastActivityAt.Unix()
	}
	if inboxes {
		list := []any{}
		for _, channel := range k.channels {
			if source := sourceOf(channel, contact); source != "" {
				list = append(list, map[string]any{"source_id": source, "inbox": slim(channel)})
			}
		}
		out["contact_inboxes"] = list
	}
	return out
}

// contact is the one that the path names first.
func (c *Server) contact(ctx context.Context, a asked) (contacts.Contact, error) {
	contact, err := c.Contacts.Get(ctx, a.account(), a.ids[0])
	if err == nil && contact.Status == contacts.Deleted {
		err = fault.New(fault.NotFound, "there is no contact %d", a.ids[0])
	}
	return contact, err
}

// page is the page that is asked for, from 1, and what is said of it.
func (a asked) page() (page int, shown any) {
	text := a.given.text("page")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		n = 1
	}
	if text == "" {
		return n, 1
	}
	return min(n, 1<<30), text
}

// browse is a page of contacts.
func (c *Server) browse(ctx context.Context, a asked, b targeting.Browse) (list []any, total int64, shown any, err error) {
	page, shown := a.page()
	b.AccountID, b.Offset, b.Limit = a.account(), (page-1)*contactsAtOnce, contactsAtOnce
	b.Order, b.Descending = order(a.given.text("sort"))
	found, total, err := c.Rules.Browse(ctx, b)
	if err == nil {
		err = gate.NoteReading(ctx, c.Trail, gate.Reading{
			Caller: a.caller, Action: "list-contacts", Target: "contact", Through: "Chatwoot", Items: len(found), Further: page > 1,
		})
	}
	if err != nil {
		return nil, 0, nil, err
	}
	k, err := c.known(ctx, a.account())
	if err != nil {
		return nil, 0, nil, err
	}
	list = make([]any, 0, len(found))
	for _, contact := range found {
		list = append(list, k.show(contact, a.given.boolean("include_contact_inboxes", true)))
	}
	return list, total, shown, nil
}

// orders are those that clients know.
var orders = map[string]targeting.Sort{
	"name": targeting.SortName, "email": targeting.SortEmail, "phone_number": targeting.SortPhone, "last_activity_at": targeting.SortLastActivity,
	"created_at": targeting.SortID, "company_name": contacts.AttributePrefix + "company_name", "city": contacts.AttributePrefix + "city",
	"country": contacts.AttributePrefix + "country_code",
}

// order reads an order; one that there is not is that of ids.
func order(sort string) (by targeting.Sort, descending bool) {
	name, descending := strings.CutPrefix(sort, "-")
	by, there := orders[name]
	return by, descending && there
}

func (c *Server) listContacts(ctx context.Context, a asked) (any, error) {
	b := targeting.Browse{Known: true}
	if titles := a.given.texts("labels"); len(titles) > 0 {
		labels, err := c.labels(ctx, a.account())
		if err != nil {
			return nil, err
		}
		b.Labels = []int64{0} // whom a label means that there is not
		for _, title := range titles {
			if l, ok := labels[strings.ToLower(title)]; ok {
				b.Labels = append(b.Labels, l.ID)
			}
		}
	}
	list, total, page, err := c.browse(ctx, a, b)
	return map[string]any{"meta": map[string]any{"count": total, "current_page": page}, "payload": list}, err
}

// searchContacts finds contacts by a text, also those who can't be reached. The count is that
// of the page.
func (c *Server) searchContacts(ctx context.Context, a asked) (any, error) {
	text := strings.TrimSpace(a.given.text("q"))
	if text == "" {
		return nil, refuse("Specify search string with parameter q")
	}
	list, total, page, err := c.browse(ctx, a, targeting.Browse{Text: text})
	if err != nil {
		return nil, err
	}
	at, _ := a.page()
	return map[string]any{
		"meta": map[string]any{"count": len(list), "current_page": page, "has_more": total > int64(at)*contactsAtOnce}, "payload": list,
	}, nil
}

func (c *Server) showContact(ctx context.Context, a asked) (any, error) {
	contact, err := c.contact(ctx, a)
	if err != nil {
		return nil, err
	}
	k, err := c.known(ctx, a.account())
	return map[string]any{"payload": k.show(contact, a.given.boolean("include_contact_inboxes", true))}, err
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{1,14}$`)

// contactChange reads what is to become of a contact, and says what is wrong with it.
func (c *Server) contactChange(ctx context.Context, a asked, k *known) (change contacts.ContactChange, w wrong, err error) {
	g := a.given
	change = contacts.ContactChange{Bare: true, Loose: true, Addresses: map[providers.AddressKind]string{}}
	if g.has("name") {
		name := strings.Join(strings.Fields(g.text("name")), " ")
		if utf8.RuneCountInString(name) > maxName {
			w.add("name", "Name is too long (maximum is 255 characters)")
		}
		change.Name = &name
	}
	if g.has("email") {
		email := strings.TrimSpace(g.text("email"))
		if _, err := value.Normal(providers.Email, email, ""); email != "" && err != nil {
			w.add("email", "Email Invalid email")
		}
		change.Addresses[providers.Email] = email
	}
	if g.has("phone_number") {
		number := strings.TrimSpace(g.text("phone_number"))
		if _, err := value.Normal(providers.Phone, number, ""); number != "" && (err != nil || !e164.MatchString(number)) {
			w.add("phone_number", "Phone number should be in e164 format")
		}
		change.Number = &number
	}
	if g.has("identifier") {
		identifier := strings.TrimSpace(g.text("identifier"))
		change.ExternalID = &identifier
	}
	if g.has("blocked") {
		status := contacts.Active
		if g.boolean("blocked", false) {
			status = contacts.Blocked
		}
		change.Status = &status
	}
	change.Attributes = k.given(g.object("custom_attributes"))
	additional := contacts.Attributes{}
	for key, item := range g.object("additional_attributes") {
		if !slices.Contains(besides, key) {
			additional[key] = encoded(item)
			continue
		}
		if change.Attributes[key] = encoded(item); textOf(item) == "" {
			change.Attributes[key] = json.RawMessage("null")
		}
	}
	change.Additional = additional
	if slices.ContainsFunc(besides, func(key string) bool { return change.Attributes[key] != nil }) {
		err = c.ensureBesides(ctx, a.account(), k)
	}
	return change, w, err
}

// given are custom attributes as they are kept: by their property, and in its form where they
// are meant so.
func (k known) given(values map[string]any) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for key, item := range values {
		d, defined := k.definition(key)
		if !defined {
			out[key] = encoded(item)
			continue
		}
		out[d.Property] = fitting(d.Display, item)
	}
	return out
}

// fitting is a value in the form of its display where a text says the same: forms have
// nothing but texts.
func fitting(display string, item any) json.RawMessage {
	text, isText := item.(string)
	switch {
	case isText && text == "":
		return json.RawMessage("null")
	case isText && slices.Contains([]string{"number", "currency", "percent"}, display):
		if n := json.Number(strings.TrimSpace(text)); json.Valid([]byte(n)) {
			if _, err := n.Float64(); err == nil {
				return encoded(n)
			}
		}
	case isText && display == "checkbox" && (text == "true" || text == "false"):
		return encoded(text == "true")
	case isText && display == "date":
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			return encoded(at.UTC().Format(time.DateOnly))
		}
	case !isText && slices.Contains([]string{"text", "link", "list"}, display):
		switch item.(type) {
		case json.Number, bool:
			return encoded(textOf(item))
		}
	}
	return encoded(item)
}

// ensureBesides makes the properties of additional attributes that rules can ask for.
func (c *Server) ensureBesides(ctx context.Context, account int64, k *known) error {
	for _, key := range besides {
		if slices.ContainsFunc(k.definitions, func(d contacts.Definition) bool { return d.Model == contacts.OfContacts && d.Property == key }) {
			continue
		}
		_, err := c.Properties.Create(ctx, property.Property{
			AccountID: account, Key: key, Label: strings.ReplaceAll(key, "_", " "), Type: property.Text, Editable: true,
		})
		if err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	var err error
	k.definitions, err = c.Definitions.List(ctx, account)
	return err
}

// taken says what another contact has, in Chatwoot's words; other errors stay.
func taken(err error) error {
	var w wrong
	for _, field := range fieldsOf(err, fault.Conflict) {
		switch field.Location {
		case "external_id":
			w.add("identifier", "Identifier has already been taken")
		case "addresses.email":
			w.add("email", "Email has already been taken")
		default:
			if !slices.Contains(w.attributes, "phone_number") {
				w.add("phone_number", "Phone number has already been taken")
			}
		}
	}
	if said := w.err(); said != nil {
		return said
	}
	return err
}

func (c *Server) createContact(ctx context.Context, a asked) (any, error) {
	k, err := c.known(ctx, a.account())
	if err != nil {
		return nil, err
	}
	var channel *providers.Channel
	if a.given.text("inbox_id") != "" {
		at := slices.IndexFunc(k.channels, func(h providers.Channel) bool { return h.ID == a.given.number("inbox_id") })
		if at < 0 {
			return nil, fault.New(fault.NotFound, "there is no such inbox")
		}
		channel = &k.channels[at]
	}
	change, w, err := c.contactChange(ctx, a, &k)
	if err != nil {
		return nil, err
	}
	if err := w.err(); err != nil {
		return nil, err
	}
	contact, err := c.Contacts.Create(ctx, created(a.account(), change), "")
	if fault.Is(err, fault.Conflict) {
		if contact, err = c.revive(ctx, a.account(), change, err); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	joined := map[string]any{"inbox": nil, "source_id": nil}
	if channel != nil {
		source, err := c.reach(ctx, contact, *channel, a.given.text("source_id"))
		if err != nil && !isRefusal(err) {
			return nil, err
		}
		if err == nil {
			joined = map[string]any{"inbox": slim(*channel), "source_id": source}
		}
		if contact, err = c.Contacts.Get(ctx, a.account(), contact.ID); err != nil {
			return nil, err
		}
	}
	return map[string]any{"payload": map[string]any{"contact": k.show(contact, true), "contact_inbox": joined}}, nil
}

func isRefusal(err error) bool {
	var own *refusal
	return errors.As(err, &own)
}

// created is a new contact that a change makes.
func created(account int64, change contacts.ContactChange) contacts.Contact {
	contact := contacts.Contact{
		AccountID: account, Addresses: change.Addresses, Given: change.Attributes, Loose: true, Bare: true,
		Free: contacts.Free{Additional: change.Additional},
	}
	for to, from := range map[*string]*string{&contact.Name: change.Name, &contact.ExternalID: change.ExternalID, &contact.Number: change.Number} {
		if from != nil {
			*to = *from
		}
	}
	if change.Status != nil {
		contact.Status = *change.Status
	}
	maps.DeleteFunc(contact.Free.Additional, func(_ string, text json.RawMessage) bool { return string(text) == "null" })
	return contact
}

// holder finds the contact in what the store says of somebody who holds something.
var holder = regexp.MustCompile(`^contact ([0-9]+) holds it already$`)

// revive brings a contact back that was deleted, and is made anew: there it was gone.
func (c *Server) revive(ctx context.Context, account int64, change contacts.ContactChange, held error) (contacts.Contact, error) {
	var id int64
	for _, field := range fieldsOf(held, fault.Conflict) {
		m := holder.FindStringSubmatch(field.Message)
		if m == nil {
			return contacts.Contact{}, taken(held)
		}
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil || id != 0 && id != n {
			return contacts.Contact{}, taken(held)
		}
		id = n
	}
	was, err := c.Contacts.Get(ctx, account, id)
	if err != nil || was.Status != contacts.Deleted || was.MergedInto != 0 {
		return contacts.Contact{}, taken(held)
	}
	if change.Status == nil {
		status := contacts.Active
		change.Status = &status
	}
	contact, err := c.Contacts.Update(ctx, account, id, change)
	return contact, taken(err)
}

func (c *Server) updateContact(ctx context.Context, a asked) (any, error) {
	if _, err := c.contact(ctx, a); err != nil {
		return nil, err
	}
	k, err := c.known(ctx, a.account())
	if err != nil {
		return nil, err
	}
	change, w, err := c.contactChange(ctx, a, &k)
	if err != nil {
		return nil, err
	}
	if err := w.err(); err != nil {
		return nil, err
	}
	contact, err := c.Contacts.Update(ctx, a.account(), a.ids[0], change)
	if err != nil {
		return nil, taken(err)
	}
	return map[string]any{"payload": k.show(contact, true)}, nil
}

func (c *Server) deleteContact(ctx context.Context, a asked) (any, error) {
	if _, err := c.contact(ctx, a); err != nil {
		return nil, err
	}
	return nothing(http.StatusOK), c.Contacts.Delete(ctx, a.account(), a.ids[0])
}

func (c *Server) destroyAttributes(ctx context.Context, a asked) (any, error) {
	if _, err := c.contact(ctx, a); err != nil {
		return nil, err
	}
	k, err := c.known(ctx, a.account())
	if err != nil {
		return nil, err
	}
	gone := map[string]any{}
	for _, key := range a.given.texts("custom_attributes") {
		gone[key] = nil
	}
	contact, err := c.Contacts.Update(ctx, a.account(), a.ids[0], contacts.ContactChange{Attributes: k.given(gone), Loose: true})
	if err != nil {
		return nil, err
	}
	return map[string]any{"payload": k.show(contact, true)}, nil
}
