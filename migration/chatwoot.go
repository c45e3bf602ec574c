package migration

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/wording"
)

// chatwoot reads Chatwoot's application API.
type chatwoot struct {
	*client
	optedOut []string
	// labels are the titles of labels, once they were read.
	labels []string
}

var cwAccount = regexp.MustCompile(`^[0-9]{1,18}$`)

func newChatwoot(o Options) (source, error) {
	c, err := newClient(o, "", func(r *http.Request, key string) { r.Header.Set("api_access_token", key) })
	if err != nil {
		return nil, err
	}
	if !strings.Contains(c.base.Path, "/accounts/") {
		if !cwAccount.MatchString(o.Account) {
			return nil, fault.InvalidField("account", o.Account, "must be the number of the account at the source, as in /app/accounts/1 of its address")
		}
		c.base.Path = strings.TrimSuffix(c.base.Path, "/api/v1") + "/api/v1/accounts/" + o.Account
	}
	optedOut := make([]string, len(o.OptedOutLabels))
	for i, label := range o.OptedOutLabels {
		optedOut[i] = strings.ToLower(strings.TrimSpace(label))
	}
	return &chatwoot{client: c, optedOut: optedOut}, nil
}

func (c *chatwoot) scope() string { return strings.Join(c.optedOut, ",") }

// cwDefinition is a custom attribute's definition.
type cwDefinition struct {
	Key     word   `json:"attribute_key"`
	Name    word   `json:"attribute_display_name"`
	Display word   `json:"attribute_display_type"`
	Model   word   `json:"attribute_model"`
	Values  []word `json:"attribute_values"`
}

func (c *chatwoot) definitions(ctx context.Context) (d Definitions, err error) {
	var defined []cwDefinition
	if err := c.get(ctx, "/custom_attribute_definitions", url.Values{"attribute_model": {"contact_attribute"}}, &defined); err != nil {
		return d, err
	}
	for _, of := range defined {
		if of.Model != "" && of.Model != "contact_attribute" && of.Model != "1" {
			d.Left = append(d.Left, Left{"properties", string(of.Key), "it is an attribute of conversations"})
			continue
		}
		typ, _ := contacts.DisplayedAs(string(of.Display))
		d.Properties = append(d.Properties, Property{
			Key: property.KeyOf(string(of.Key)), Name: string(of.Key), Label: string(of.Name), Type: string(typ), Display: string(of.Display),
		})
	}
	var labels struct {
		Payload []struct {
			ID          word `json:"id"`
			Title       word `json:"title"`
			Description word `json:"description"`
			Color       word `json:"color"`
		} `json:"payload"`
	}
	if err := c.get(ctx, "/labels", nil, &labels); err != nil {
		return d, err
	}
	for _, l := range labels.Payload {
		d.Lists = append(d.Lists, List{
			Kind: Labels, Number: string(l.ID), Name: string(l.Title), Description: string(l.Description), Color: strings.TrimPrefix(string(l.Color), "#"),
		})
	}
	for _, label := range c.optedOut {
		if !slices.ContainsFunc(d.Lists, func(l List) bool { return strings.ToLower(l.Name) == label }) {
			return d, fault.InvalidField("opted-out-label", label, "is no label at the source")
		}
	}
	if err := c.readFilters(ctx, &d); err != nil {
		return d, err
	}
	return d, c.readTemplates(ctx, &d)
}

func (c *chatwoot) readFilters(ctx context.Context, d *Definitions) error {
	var filters []struct {
		ID    word            `json:"id"`
		Name  word            `json:"name"`
		Kind  word            `json:"filter_type"`
		Query json.RawMessage `json:"query"`
	}
	if err := c.get(ctx, "/custom_filters", url.Values{"filter_type": {"contact"}}, &filters); err != nil {
		return d.refused(err, "targeting lists")
	}
	for _, f := range filters {
		if f.Kind == "" || f.Kind == "contact" || f.Kind == "1" {
			d.Rules = append(d.Rules, Rule{Number: string(f.ID), Name: string(f.Name), Query: f.Query})
		}
	}
	return nil
}

// waTemplate is a template as WhatsApp has it.
type waTemplate struct {
	Name       string `json:"name"`
	Language   string `json:"language"`
	Category   string `json:"category"`
	Components []struct {
		Type    string           `json:"type"`
		Format  string           `json:"format"`
		Text    string           `json:"text"`
		Buttons []wording.Button `json:"buttons"`
	} `json:"components"`
}

func (c *chatwoot) readTemplates(ctx context.Context, d *Definitions) error {
	var inboxes struct {
		Payload []struct {
			Name      word            `json:"name"`
			Templates json.RawMessage `json:"message_templates"`
		} `json:"payload"`
	}
	if err := c.get(ctx, "/inboxes", nil, &inboxes); err != nil {
		return d.refused(err, "templates")
	}
	whole := map[string]*mpTemplate{}
	var order []string
	for _, inbox := range inboxes.Payload {
		var list []waTemplate
		if json.Unmarshal(inbox.Templates, &list) != nil {
			continue // an inbox without templates has null, an object or nothing there
		}
		for _, t := range list {
			if whole[t.Name] == nil {
				whole[t.Name] = &mpTemplate{Name: t.Name, Category: t.Category}
				order = append(order, t.Name)
			}
			translation, lost := t.translation()
			if lost != "" {
				d.Left = append(d.Left, Left{"templates", t.Name + " (" + t.Language + ")", lost})
			}
			of := whole[t.Name]
			if !slices.ContainsFunc(of.Translations, func(known wording.Translation) bool { return known.Language == translation.Language }) {
				of.Translations = append(of.Translations, translation)
			}
		}
	}
	for _, name := range order {
		d.addTemplate(*whole[name], providers.WhatsApp)
	}
	return nil
}

// translation is a template in one language; lost says what of it does not come over.
func (t waTemplate) translation() (out wording.Translation, lost string) {
	out.Language = wording.LanguageTag(t.Language)
	for _, part := range t.Components {
		switch strings.ToUpper(part.Type) {
		case "BODY":
			out.Body = part.Text
		case "FOOTER":
			out.Footer = part.Text
		case "BUTTONS":
			out.Buttons = part.Buttons
		case "HEADER":
			if strings.ToUpper(part.Format) != "TEXT" && part.Format != "" {
				lost = "its header is a file, which the API does not give: put one in"
				continue
			}
			out.Header, _ = wording.Encoded(part.Text) // a text
		}
	}
	return out, lost
}

// cwContact is a contact as lists show it.
type cwContact struct {
	ID         word  `json:"id"`
	Name       word  `json:"name"`
	Email      word  `json:"email"`
	Phone      word  `json:"phone_number"`
	Identifier word  `json:"identifier"`
	Blocked    word  `json:"blocked"`
	Custom     texts `json:"custom_attributes"`
	Additional texts `json:"additional_attributes"`
	Inboxes    []struct {
		Source word `json:"source_id"`
		Inbox  struct {
			Type word `json:"channel_type"`
		} `json:"inbox"`
	} `json:"contact_inboxes"`
}

// cwPlace is a page of the contacts, or of those with a label.
type cwPlace struct {
	// Label is a label's title, empty for everybody.
	Label string `json:"label,omitempty"`
	Page  int    `json:"page"`
	// Count is how many contacts there were, and First the first of the page before.
	Count int64  `json:"count,omitempty"`
	First string `json:"first,omitempty"`
	Back  int    `json:"back,omitempty"`
}

func (c *chatwoot) people(ctx context.Context, place string) (out page, err error) {
	at := cwPlace{Page: 1}
	if place != "" {
		if err := json.Unmarshal([]byte(place), &at); err != nil || at.Page < 1 {
			return out, fault.New(fault.Invalid, "the folder's place in the list of contacts is damaged: read anew with --fresh")
		}
	}
	if c.labels == nil {
		if err := c.readLabels(ctx); err != nil {
			return out, err
		}
	}
	query := url.Values{"page": {strconv.Itoa(at.Page)}, "sort": {"created_at"}, "include_contact_inboxes": {"true"}}
	if at.Label != "" {
		query.Set("labels[]", at.Label)
	}
	var answer struct {
		Meta struct {
			Count json.Number `json:"count"`
		} `json:"meta"`
		Payload []cwContact `json:"payload"`
	}
	if err := c.get(ctx, "/contacts", query, &answer); err != nil {
		return out, err
	}
	count, _ := answer.Meta.Count.Int64()
	if at.Label == "" {
		out.total = count
	}
	next, more, err := c.turn(at, answer.Payload, count)
	if err != nil {
		return out, err
	}
	for _, contact := range answer.Payload {
		out.people = append(out.people, c.person(contact, at.Label))
	}
	if !more {
		return out, nil
	}
	text, err := json.Marshal(next)
	out.next = string(text)
	return out, err
}

// turn is the page behind one, if there is more. Where contacts were deleted meanwhile the list
// has moved past some who were not read: it is read from a page before once more.
func (c *chatwoot) turn(at cwPlace, payload []cwContact, count int64) (next cwPlace, more bool, err error) {
	if count < at.Count {
		const atOnce = 15
		back := at.Page - int(min((at.Count-count+atOnce-1)/atOnce, int64(at.Page)))
		if at.Back++; at.Back > mostBack {
			return at, false, fault.New(fault.Conflict, "the list of contacts at %s moves too fast to be read: contacts are deleted there meanwhile",
				c.place("/contacts"))
		}
		at.Page, at.Count, at.First = max(1, back), count, ""
		return at, true, nil
	}
	if len(payload) == 0 {
		for _, label := range c.labels {
			if label > at.Label {
				return cwPlace{Label: label, Page: 1}, true, nil
			}
		}
		return at, false, nil
	}
	if first := string(payload[0].ID); first != at.First {
		at.Page, at.Count, at.First, at.Back = at.Page+1, count, first, 0
		return at, true, nil
	}
	return at, false, fault.New(fault.Invalid, "%s answers page %d with the people of the page before: does --url name the API of Chatwoot?",
		c.place("/contacts"), at.Page)
}

func (c *chatwoot) readLabels(ctx context.Context) error {
	var answer struct {
		Payload []struct {
			Title word `json:"title"`
		} `json:"payload"`
	}
	if err := c.get(ctx, "/labels", nil, &answer); err != nil {
		return err
	}
	c.labels = []string{}
	for _, l := range answer.Payload {
		c.labels = append(c.labels, string(l.Title))
	}
	// They are read in an order that does not depend on what is changed there.
	slices.Sort(c.labels)
	return nil
}

// cwInboxes are the kinds of address by the inboxes in which contacts are called so.
var cwInboxes = map[string]providers.AddressKind{
	"Channel::Whatsapp": providers.WhatsApp, "Channel::Telegram": providers.Telegram, "Channel::FacebookPage": providers.Facebook,
	"Channel::Instagram": providers.Instagram,
}

// cwBesides are the additional attributes that come over.
var cwBesides = []string{"city", "country_code", "company_name"}

// person is a contact; with a label one who is told elsewhere, and has it.
func (c *chatwoot) person(contact cwContact, label string) Person {
	p := Person{ID: string(contact.ID), ExternalID: string(contact.Identifier), Blocked: contact.Blocked.yes()}
	p.setAddress(providers.Email, string(contact.Email))
	p.setNumber(string(contact.Phone))
	for _, in := range contact.Inboxes {
		kind := cwInboxes[string(in.Inbox.Type)]
		if kind == "" || in.Source == "" || p.Addresses[kind] != "" {
			continue
		}
		source := string(in.Source)
		if kind == providers.WhatsApp {
			source = "+" + strings.TrimPrefix(source, "+")
		}
		p.setAddress(kind, source)
	}
	if label != "" {
		p.Member, p.Labels = true, []string{label}
		p.OptedOut = slices.Contains(c.optedOut, strings.ToLower(label))
		return p
	}
	p.Name = string(contact.Name)
	for _, name := range slices.Sorted(maps.Keys(contact.Custom)) {
		p.setAttribute(name, contact.Custom[name])
	}
	for _, name := range slices.Sorted(maps.Keys(contact.Additional)) {
		switch text := contact.Additional[name]; {
		case slices.Contains(cwBesides, name):
			p.setAttribute(name, text)
		case text != "" && text != "{}" && text != "[]":
			p.Left = append(p.Left, fmt.Sprintf("additional attributes such as %s have no place", name))
		}
	}
	return p
}
