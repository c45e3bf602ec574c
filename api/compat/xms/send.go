package xms

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/templates"
)

// outbound is what errors call a message.
const outbound = "OutBoundMsg"

// recipient is to whom a message goes.
type recipient struct {
	ContactID text `json:"contactId"`
	Phone     text `json:"phone"`
	Email     text `json:"email"`
	Name      text `json:"name"`
}

// media is a file by its address.
type media struct {
	Link     text `json:"link"`
	Caption  text `json:"caption"`
	Filename text `json:"filename"`
}

// wording is what a message of type text says.
type wording struct {
	Body    text `json:"body"`
	Subject text `json:"subject"`
}

// templateRef names a template.
type templateRef struct {
	ID   text                       `json:"id"`
	Code text                       `json:"code"`
	Lang text                       `json:"lang"`
	Data map[string]json.RawMessage `json:"data"`
}

// place is a place on the map; its degrees are texts there.
type place struct {
	Address   text `json:"address"`
	Latitude  text `json:"latitude"`
	Longitude text `json:"longitude"`
	Name      text `json:"name"`
	URL       text `json:"url"`
}

// The types of buttons.
const (
	replyButton = "QUICK_REPLY"
	linkButton  = "URL"
	callButton  = "PHONE_NUMBER"
)

// button stands below a message.
type button struct {
	Code  text   `json:"code"`
	Desc  text   `json:"desc"`
	Label text   `json:"label"`
	Name  text   `json:"name"`
	Phone text   `json:"phone"`
	Type  string `json:"type"`
	URL   text   `json:"url"`
}

// message is what is to be sent.
type message struct {
	ChannelID       text         `json:"channelId"`
	MessageIDResend text         `json:"messageIdResend"`
	CampaignID      text         `json:"campaignId"`
	To              *recipient   `json:"to"`
	Type            text         `json:"type"`
	Text            *wording     `json:"text"`
	Template        *templateRef `json:"template"`
	Image           *media       `json:"image"`
	Video           *media       `json:"video"`
	Audio           *media       `json:"audio"`
	Document        *media       `json:"document"`
	Location        *place       `json:"location"`
	Contacts        []card       `json:"contacts"`
	Options         struct {
		Buttons []button `json:"buttons"`
	} `json:"options"`
	Mask truth `json:"mask"`
}

// sent is the answer to a message that was taken.
type sent struct {
	ID string `json:"id"`
	// Type is O: it goes out.
	Type         string  `json:"type"`
	TemplateCode *string `json:"templateCode"`
	TemplateID   *string `json:"templateId"`
	CampaignID   *string `json:"campaignId"`
}

// The types of messages.
const (
	typeText     = "text"
	typeTemplate = "template"
	typeImage    = "image"
	typeVideo    = "video"
	typeAudio    = "audio"
	typeVoice    = "voice"
	typeDocument = "document"
	typeLocation = "location"
	typeContacts = "contacts"
	typeSystem   = "system"
	typeOptIn    = "optin"
	typeOptOut   = "optout"
)

// possibleTypes are those that an error names.
var possibleTypes = []string{typeText, typeTemplate, typeAudio, typeVideo, typeImage, typeDocument}

// kind is the type of a message, in small letters.
func (m *message) kind() string { return strings.ToLower(m.Type.trimmed()) }

// file is the file of a type, and the field that it stands in.
func (m *message) file(kind string) (file *media, field string) {
	switch kind {
	case typeImage:
		return m.Image, typeImage
	case typeVideo:
		return m.Video, typeVideo
	case typeDocument:
		return m.Document, typeDocument
	}
	return m.Audio, typeAudio // a voice has no field of its own
}

// check refuses a message that lacks what its type needs, in the order of XMS.
func (m *message) check() *refusal {
	lacks := func(field, what string) *refusal {
		return refuse(field, strings.ToUpper(field)+"_DETAILS_MISSING", what+" is required")
	}
	switch kind := m.kind(); kind {
	case "":
		return refuse("type", "TYPE_MISSING", "type is required", possibleTypes...)
	case typeText:
		if m.Text == nil || m.Text.Body == "" {
			return lacks("text", "text.body")
		}
	case typeTemplate:
		if m.Template == nil || m.Template.ID.trimmed() == "" && m.Template.Code.trimmed() == "" {
			return refuse("template", "TEMPLATE_DETAILS_MISSING", "Either template.id or template.code is required")
		}
	case typeImage, typeVideo, typeAudio, typeVoice, typeDocument:
		if file, field := m.file(kind); file == nil || file.Link.trimmed() == "" {
			return lacks(field, field+".link")
		}
	case typeLocation:
		if m.Location == nil || m.Location.Latitude.trimmed() == "" || m.Location.Longitude.trimmed() == "" {
			return lacks("location", "location with latitude and longitude")
		}
	case typeContacts:
		if len(m.Contacts) == 0 {
			return lacks("contacts", "contacts")
		}
	case typeSystem, typeOptIn, typeOptOut:
	default:
		return refuse("type", "TYPE_INVALID", "there is no type "+strconv.Quote(string(m.Type)), possibleTypes...)
	}
	return nil
}

// sending is a message on its way to be written down.
type sending struct {
	asked
	message
	channel providers.Channel
	can     providers.Capabilities
}

// sendMessage writes a message down, with the checks of XMS in their order.
func (x *Server) sendMessage(ctx context.Context, a asked) (answer, error) {
	m, err := read[message](a.body)
	if err != nil {
		return answer{}, err
	}
	id := m.ChannelID.trimmed()
	if id == "" {
		return answer{}, refuse("channelId", "CHANNEL_MISSING", "channelId is required")
	}
	channel, found, err := x.findChannel(ctx, a.caller, id)
	switch {
	case err != nil:
		return answer{}, err
	case !found:
		return answer{}, refuse("channelId", "CHANNEL_NOT_FOUND", "Channel : "+id+" is Not Setup")
	case channel.Status != providers.ChannelActive:
		return answer{}, refuse("channelId", "CHANNEL_DISABLED", "Channel : "+id+" is Disabled")
	}
	s := sending{asked: a, message: m, channel: channel}
	if s.can, err = x.Messages.Can(channel); err != nil {
		return answer{}, err
	}
	if m.MessageIDResend.trimmed() != "" {
		return x.resend(ctx, s)
	}
	if wrong := m.check(); wrong != nil {
		return answer{}, wrong
	}
	contact, address, err := x.recipient(ctx, s)
	if err != nil {
		return answer{}, err
	}
	switch m.kind() {
	case typeOptIn, typeOptOut:
		return x.consent(ctx, s, contact)
	case typeSystem:
		return x.note(ctx, s, contact)
	}
	return x.send(ctx, s, contact, address)
}

// recipient is the contact to whom a message goes: who is not known is taken in. Somebody
// who was deleted stays so, and is written to by the address alone.
func (x *Server) recipient(ctx context.Context, s sending) (contact contacts.Contact, address string, err error) {
	insufficient := func(description string) error { return refuse("to", "INSUFFICIENT_CONTACT_DETAILS", description) }
	if s.To == nil {
		return contact, "", insufficient("to is required")
	}
	if id, ok := idOf(s.To.ContactID); ok {
		contact, err := x.Contacts.Get(ctx, s.caller.AccountID, id)
		if err == nil && contact.Status != contacts.Deleted || err != nil && !fault.Is(err, fault.NotFound) {
			return contact, "", err
		}
	}
	// Who is no contact yet is called by the address.
	if csid, ok := strings.CutPrefix(s.To.ContactID.trimmed(), words[s.channel.Address].prefix+":"); ok {
		to := *s.To
		to.Phone, to.Email = text(csid), text(csid)
		s.To = &to
	}
	what := "phone"
	switch {
	case s.channel.Address == providers.Email:
		what, address = "email", s.To.Email.trimmed()
	case isDialled(s.channel.Address):
		address = dialled(s.To.Phone.trimmed())
	default: // the ids of messengers are called so, too
		address = s.To.Phone.trimmed()
	}
	if address == "" {
		return contact, "", insufficient(fmt.Sprintf("to.contactId of a known contact, or to.%s, is required", what))
	}
	contact, err = x.Contacts.Reach(ctx, s.caller.AccountID, s.channel.Address, address, s.To.Name.trimmed())
	switch {
	case fault.Is(err, fault.Invalid):
		return contact, "", insufficient("to." + what + " " + reason(err))
	case fault.Is(err, fault.Conflict):
		return contacts.Contact{}, address, nil
	}
	return contact, "", err
}

// reason is what the first field of an error says.
func reason(err error) string {
	if fields, rest := fault.Gather(nil, err); rest == nil && len(fields) > 0 {
		return fields[0].Message
	}
	return err.Error()
}

// send writes a message down.
func (x *Server) send(ctx context.Context, s sending, contact contacts.Contact, address string) (answer, error) {
	t := messages.Notification{
		AccountID: s.caller.AccountID, SenderID: s.caller.SeesOwn(), ChannelID: s.channel.ID, ContactID: contact.ID, To: address,
		Name: s.To.Name.trimmed(), Verbatim: true, HeedOptOut: true,
	}
	out := sent{Type: "O", CampaignID: optional(s.CampaignID.trimmed())}
	var err error
	if s.kind() == typeTemplate {
		t.Verbatim = false
		out.TemplateCode, out.TemplateID, err = x.useTemplate(ctx, s, &t)
	} else {
		t.Content, err = s.content()
	}
	if err != nil {
		return answer{}, err
	}
	t.Content.Masked = bool(s.Mask)
	if t.SeriesID, err = x.seriesOf(ctx, s); err != nil {
		return answer{}, err
	}
	m, err := x.Messages.Send(ctx, t)
	if err != nil {
		return answer{}, err
	}
	x.wake()
	out.ID = strconv.FormatInt(m.ID, 10)
	return one(out), nil
}

// resend sends what a message said another time, as a message of its own.
func (x *Server) resend(ctx context.Context, s sending) (answer, error) {
	notFound := func(why string) error {
		return refuse("messageIdResend", "MESSAGE_NOT_FOUND", "Message : "+s.MessageIDResend.trimmed()+" "+why)
	}
	id, ok := idOf(s.MessageIDResend)
	if !ok {
		return answer{}, notFound("is Not Found")
	}
	before, err := x.Messages.GetOf(ctx, s.caller.AccountID, s.caller.SeesOwn(), id)
	if fault.Is(err, fault.NotFound) || err == nil && !mayUse(s.caller, before.ChannelID) {
		return answer{}, notFound("is Not Found")
	}
	if err != nil {
		return answer{}, err
	}
	content, err := x.Messages.Content(ctx, before)
	switch {
	case err != nil:
		return answer{}, err
	case content == nil || content.Masked:
		return answer{}, notFound("can't be sent again: what it said is not kept")
	}
	t := messages.Notification{
		AccountID: s.caller.AccountID, SenderID: s.caller.SeesOwn(), ChannelID: s.channel.ID, ContactID: before.ContactID, Content: *content,
		Verbatim: true, HeedOptOut: true,
	}
	if t.ContactID == 0 {
		t.To = before.Address
	}
	m, err := x.Messages.Send(ctx, t)
	if err != nil {
		return answer{}, err
	}
	x.wake()
	return one(sent{ID: strconv.FormatInt(m.ID, 10), Type: "O"}), nil
}

// consent records that somebody opted in or out of what the channel sends. Nothing goes out.
func (x *Server) consent(ctx context.Context, s sending, contact contacts.Contact) (answer, error) {
	change := contacts.ConsentChange{
		AccountID: s.caller.AccountID, ContactID: contact.ID, Kind: s.channel.Address, Source: contacts.SourceAPI, Actor: s.caller.Actor(),
	}
	do := x.Consents.OptIn
	if s.kind() == typeOptOut {
		do = x.Consents.OptOut
	}
	done, err := do(ctx, change)
	return one(sent{ID: fmt.Sprintf("%s-%d", s.kind(), done.Consent.ID), Type: "O"}), err
}

// systemEvent is the event as which a system message is kept.
const systemEvent = "system_message"

// note keeps a system message in the contact's history: it goes to nobody.
func (x *Server) note(ctx context.Context, s sending, contact contacts.Contact) (answer, error) {
	payload := map[string]string{"channelId": channelIDOf(s.channel)}
	if s.Text != nil {
		payload["body"] = string(s.Text.Body)
	}
	raw, err := json.Marshal(payload)
	if err != nil {
		return answer{}, err
	}
	id := "system-" + x.newID()
	_, err = x.Events.Take(ctx, s.caller.AccountID, systemEvent, []contacts.GivenEvent{{ContactID: contact.ID, Key: id, Payload: raw}})
	return one(sent{ID: id, Type: "O"}), err
}

// useTemplate has a message speak a template: its data are values of the parameters, and the
// row.
func (x *Server) useTemplate(ctx context.Context, s sending, t *messages.Notification) (code, id *string, err error) {
	notFound := func(what string) error {
		return refuse("template", "TEMPLATE_NOT_FOUND", "Template : "+what+" is Not Found")
	}
	saved, language, err := x.findTemplate(ctx, s)
	if fault.Is(err, fault.NotFound) {
		return nil, nil, notFound(cmp.Or(s.Template.ID.trimmed(), s.Template.Code.trimmed()))
	}
	if err != nil {
		return nil, nil, err
	}
	use := &templates.Use{Name: saved.Name, Params: templates.Params{}}
	if language != "" {
		normal, ok := templates.NormalLanguage(language)
		if !ok || saved.Translation(normal) == nil {
			return nil, nil, notFound(saved.Name + " in " + language)
		}
		use.Language = normal
	}
	t.Template, t.Data = use, map[string]any{}
	for key, value := range s.Template.Data {
		t.Data[key] = plain(value)
	}
	for _, p := range saved.Parameters {
		if value, given := t.Data[p.Name]; given {
			t.Data[parameter+p.Name] = value
			use.Params[p.Name] = "{{ row." + parameter + p.Name + " }}"
		}
	}
	for _, kind := range []string{typeImage, typeVideo, typeDocument} {
		file, _ := s.file(kind)
		if file == nil || file.Link.trimmed() == "" {
			continue
		}
		t.File = file.attachment(kind)
		for _, tr := range saved.Translations {
			if (use.Language == "" || use.Language == tr.Language) && tr.Header != nil && tr.Header.Media != nil {
				use.Header = &templates.Media{Type: kind, URL: file.Link.trimmed(), Filename: file.Filename.trimmed()}
			}
		}
	}
	tag := cmp.Or(use.Language, saved.Default)
	return optional(codeOf(saved.Name)), optional(templateIDOf(saved.ID, tag)), nil
}

// parameter begins the names of values that parameters take, in the row.
const parameter = "parameter_"

// findTemplate is the template that a message names, and the language that it asks for.
func (x *Server) findTemplate(ctx context.Context, s sending) (saved templates.Saved, language string, err error) {
	accountID := s.caller.AccountID
	if text := s.Template.ID.trimmed(); text != "" {
		id, tag, ok := readTemplateID(text)
		if !ok {
			return saved, "", fault.New(fault.NotFound, "there is no such template")
		}
		saved, err = x.Catalogue.GetTemplate(ctx, accountID, id, 0)
		return saved, cmp.Or(s.Template.Lang.trimmed(), tag), err
	}
	code := s.Template.Code.trimmed()
	if saved, err = x.Catalogue.FindTemplate(ctx, accountID, code); fault.Is(err, fault.NotFound) {
		saved, err = x.Catalogue.FindTemplate(ctx, accountID, strings.ToLower(code))
	}
	return saved, s.Template.Lang.trimmed(), err
}

// plain is a value as a text.
func plain(raw json.RawMessage) string {
	var value text
	if err := json.Unmarshal(raw, &value); err != nil {
		return string(raw)
	}
	return string(value)
}

// fieldOf is the field of a message that a field of the services is.
func fieldOf(location string) string {
	location = strings.TrimPrefix(location, "body.")
	for _, pair := range [][2]string{
		{"content.text", "text"}, {"content.subject", "text.subject"}, {"content.attachment.url", "link"}, {"content.attachment", "link"},
		{"content.buttons", "options.buttons"}, {"content.location", "location"}, {"content.cards", "contacts"}, {"content.template", "template"},
		{"contact_id", "to"}, {"to", "to"}, {"external_id", "id"}, {"addresses.email", "data.email"}, {"addresses", "data.phone"},
		{"attributes", "data"}, {"name", "data.name"}, {"language", "lang"}, {"events", "data"},
	} {
		if rest, ok := strings.CutPrefix(location, pair[0]); ok && (rest == "" || strings.ContainsAny(rest[:1], ".[")) {
			return pair[1] + rest
		}
	}
	return location
}
