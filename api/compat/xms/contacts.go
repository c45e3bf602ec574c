package xms

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/providers"
)

// languageWish is the language of a contact.
type languageWish struct {
	ContactID text `json:"contactId"`
	Lang      text `json:"lang"`
}

// contactEvent is what happened to a contact.
type contactEvent struct {
	Checksum  *string     `json:"checksum"`
	Contact   *contactRef `json:"contact"`
	ContactID string      `json:"contactId"`
	EventCode string      `json:"eventCode"`
	EventID   *string     `json:"eventId"`
	SessionID *string     `json:"sessionId"`
	Trace     []any       `json:"trace"`
}

type contactRef struct {
	ContactID string  `json:"contactId"`
	Name      *string `json:"name"`
}

const contactUpdate = "CONTACT_UPDATE"

// setLanguage sets the language of a contact. Of somebody who is not known it is an update
// of nothing, and a success.
func (x *Server) setLanguage(ctx context.Context, a asked) (answer, error) {
	wish, err := read[languageWish](a.body)
	if err != nil {
		return answer{}, err
	}
	switch {
	case wish.ContactID == "":
		return answer{}, refuse("contactId", paramMissing, "contactId is required")
	case wish.Lang == "":
		return answer{}, refuse("lang", paramMissing, "lang is required")
	}
	out := one(contactEvent{ContactID: string(wish.ContactID), EventCode: contactUpdate, Contact: &contactRef{ContactID: string(wish.ContactID)}, Trace: []any{}})
	out.compact = true
	id, ok := idOf(wish.ContactID)
	if !ok {
		return out, nil // nobody's
	}
	language := strings.ReplaceAll(wish.Lang.trimmed(), "_", "-")
	_, err = x.Contacts.Update(ctx, a.caller.AccountID, id, contacts.ContactChange{Language: &language})
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return out, err
}

// idOf is an id of ours; ok is false for what is none.
func idOf(t text) (id int64, ok bool) {
	id, err := strconv.ParseInt(t.trimmed(), 10, 64)
	return id, err == nil
}

// link says to whom or what an object or event belongs.
type link struct {
	LinkName  text `json:"linkName"`
	LinkType  text `json:"linkType"`
	LinkValue text `json:"linkValue"`
}

// pushed is an object, or an event, that a program tells of.
type pushed struct {
	ID        text            `json:"id"`
	Type      text            `json:"type"`
	EventName text            `json:"eventName"`
	Data      json.RawMessage `json:"data"`
	Links     []link          `json:"links"`
}

// pushedObject and pushedEvent are what comes back: what came in.
type pushedObject struct {
	ID    text            `json:"id"`
	Type  text            `json:"type"`
	Data  json.RawMessage `json:"data"`
	Links []link          `json:"links"`
}

type pushedEvent struct {
	EventName text   `json:"eventName"`
	ID        text   `json:"id"`
	Links     []link `json:"links"`
}

// mostLinks bounds those of one object.
const mostLinks = 100

func (p *pushed) check() error {
	if len(p.Links) > mostLinks {
		return refuse("links", paramInvalid, fmt.Sprintf("at most %d links", mostLinks))
	}
	if p.Links == nil {
		p.Links = []link{}
	}
	return nil
}

// people are the types of objects that are contacts.
var people = map[string]bool{"CUSTOMER": true, "CONTACT": true, "PROFILE": true}

func isPerson(t text) bool { return people[strings.ToUpper(t.trimmed())] }

// pushData takes a customer in, or keeps an object as something that happened to the
// contacts that its links name.
func (x *Server) pushData(ctx context.Context, a asked) (answer, error) {
	given, err := read[pushed](a.body)
	if err == nil {
		err = given.check()
	}
	switch {
	case err != nil:
		return answer{}, err
	case given.ID.trimmed() == "":
		return answer{}, refuse("id", paramMissing, "id is required")
	case given.Type.trimmed() == "":
		return answer{}, refuse("type", paramMissing, "type is required")
	}
	if len(given.Data) == 0 {
		given.Data = json.RawMessage("null")
	}
	out := one(pushedObject{given.ID, given.Type, given.Data, given.Links})
	if isPerson(given.Type) {
		return out, x.adopt(ctx, a, given)
	}
	payload, err := json.Marshal(pushedObject{given.ID, given.Type, given.Data, given.Links})
	if err != nil {
		return answer{}, err
	}
	return out, x.happened(ctx, a, given, happening{name: string(given.Type), field: "type", payload: payload})
}

// pushEvent keeps an event of the contacts that its links name: flows begin with it, and
// wait for it.
func (x *Server) pushEvent(ctx context.Context, a asked) (answer, error) {
	given, err := read[pushed](a.body)
	if err == nil {
		err = given.check()
	}
	if err != nil {
		return answer{}, err
	}
	if given.EventName.trimmed() == "" {
		return answer{}, refuse("eventName", paramMissing, "eventName is required")
	}
	out := pushedEvent{given.EventName, given.ID, given.Links}
	payload, err := json.Marshal(out)
	if err != nil {
		return answer{}, err
	}
	return one(out), x.happened(ctx, a, given, happening{name: string(given.EventName), field: "eventName", payload: payload, key: given.ID.trimmed()})
}

// happening is what is kept of an object or event.
type happening struct {
	name string
	// field is where the name stands in the body.
	field   string
	payload json.RawMessage
	// key is that by which a repeat is known; empty for none.
	key string
}

// eventNameOf is a name as Carillon writes it: CUSTOMER_CREATED is customer_created.
func eventNameOf(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_', r == '-', r == '.':
			return r
		}
		return '_'
	}, strings.ToLower(strings.TrimSpace(name)))
	return strings.TrimLeft(name, "_-.0123456789")
}

// happened keeps something of the contacts that the links name. Who is not known is passed
// over: XMS takes links to anything.
func (x *Server) happened(ctx context.Context, a asked, given pushed, h happening) error {
	name := eventNameOf(h.name)
	if reason := contacts.CheckEventName(name); reason != "" {
		return refuse(h.field, paramInvalid, reason)
	}
	var list []contacts.GivenEvent
	seen := map[int64]bool{}
	for _, l := range given.Links {
		contact, known, err := x.linked(ctx, a, l)
		if err != nil {
			return err
		}
		if !known || seen[contact.ID] {
			continue
		}
		seen[contact.ID] = true
		e := contacts.GivenEvent{ContactID: contact.ID, Payload: h.payload}
		if h.key != "" {
			e.Key = fmt.Sprintf("%s/%d", h.key, contact.ID)
		}
		list = append(list, e)
	}
	if len(list) == 0 {
		return nil
	}
	if _, err := x.Events.Take(ctx, a.caller.AccountID, name, list); err != nil {
		return err
	}
	now := x.Clock.Now()
	for id := range seen {
		_, err := x.Contacts.Update(ctx, a.caller.AccountID, id, contacts.ContactChange{LastActivityAt: &now})
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	x.wake()
	return nil
}

// linked is the contact that a link names: by our id if it says contactId, else by the
// program's own.
func (x *Server) linked(ctx context.Context, a asked, l link) (contacts.Contact, bool, error) {
	value := l.LinkValue.trimmed()
	if !isPerson(l.LinkType) || value == "" {
		return contacts.Contact{}, false, nil
	}
	found, err := x.Contacts.Search(ctx, contacts.ContactFilter{AccountID: a.caller.AccountID, ExternalID: value, Limit: 1})
	if err != nil || len(found) == 1 {
		return append(found, contacts.Contact{})[0], err == nil, err
	}
	id, ok := idOf(l.LinkValue)
	if !ok || !strings.EqualFold(l.LinkType.trimmed(), "CONTACT") {
		return contacts.Contact{}, false, nil
	}
	contact, err := x.Contacts.Get(ctx, a.caller.AccountID, id)
	if fault.Is(err, fault.NotFound) {
		return contact, false, nil
	}
	return contact, err == nil && contact.Status != contacts.Deleted, err
}

// adopt takes a customer in, by the program's own id. Keys that are neither an address nor a
// name become the properties that there are; others are passed over.
func (x *Server) adopt(ctx context.Context, a asked, given pushed) error {
	var data map[string]json.RawMessage
	if len(given.Data) > 0 && string(given.Data) != "null" {
		if err := json.Unmarshal(given.Data, &data); err != nil {
			return refuse("data", paramInvalid, "data must be an object")
		}
	}
	change := contacts.ContactChange{Addresses: map[providers.AddressKind]string{}, Attributes: map[string]json.RawMessage{}}
	all, err := x.Properties.List(ctx, a.caller.AccountID)
	if err != nil {
		return err
	}
	for _, p := range all {
		if value, given := data[p.Key]; given && !own[p.Key] {
			change.Attributes[p.Key] = value
		}
	}
	texts := map[string]*string{}
	for key := range own {
		raw, is := data[key]
		if !is || string(bytes.TrimSpace(raw)) == "null" {
			continue
		}
		var value text
		if err := json.Unmarshal(raw, &value); err != nil {
			return refuse("data."+key, paramInvalid, "data."+key+" must be a text")
		}
		s := value.trimmed()
		texts[key] = &s
	}
	change.Name = texts["name"]
	if change.Language = texts["lang"]; change.Language != nil {
		*change.Language = strings.ReplaceAll(*change.Language, "_", "-")
	}
	if email := texts["email"]; email != nil {
		change.Addresses[providers.Email] = *email
	}
	phone := texts["phone"]
	if phone == nil {
		phone = texts["mobile"]
	}
	if phone != nil {
		kinds, err := x.dialledKinds(ctx, a)
		if err != nil {
			return err
		}
		for _, kind := range kinds {
			change.Addresses[kind] = dialled(*phone)
		}
	}
	_, err = x.Contacts.Adopt(ctx, a.caller.AccountID, given.ID.trimmed(), change)
	return err
}

// own are the keys of a customer's data that are the contact's own fields.
var own = map[string]bool{"name": true, "email": true, "phone": true, "mobile": true, "lang": true}

// dialledKinds are the kinds of address that a number is kept under: the plain one, and those
// of the account's channels.
func (x *Server) dialledKinds(ctx context.Context, a asked) ([]providers.AddressKind, error) {
	kinds := []providers.AddressKind{providers.Phone}
	all, err := x.channels(ctx, a.caller)
	for _, kind := range []providers.AddressKind{providers.SMS, providers.WhatsApp} {
		for _, c := range all {
			if c.Address == kind {
				kinds = append(kinds, kind)
				break
			}
		}
	}
	return kinds, err
}

// dialled is a number as Carillon writes it: clients leave the + out.
func dialled(number string) string {
	number = strings.TrimPrefix(strings.Join(strings.Fields(number), ""), "+")
	if number == "" {
		return ""
	}
	return "+" + number
}
