package messages

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"carillon/contacts"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/internal/tracing"
	"carillon/providers"
	"carillon/templates"
	"carillon/templates/liquid"
)

// Notification is one message that somebody's action asked for.
type Notification struct {
	AccountID int64
	ChannelID int64
	// To is the address; empty where ContactID says it.
	To string
	// ContactID is the contact to write to; 0 where To says it.
	ContactID int64
	// Content may hold Liquid: contact of the contact, row of Data.
	Content providers.Content
	// Template stands instead of Content: it speaks the contact's language.
	Template *templates.Use
	// File goes along with a template that has no file of its own.
	File *providers.Attachment
	// SenderID is the sender who sees it as the own one: a key, or less a user's id; 0 for nobody.
	SenderID int64
	// SeriesID is the series in which it is counted; 0 for none.
	SeriesID int64
	// HeedOptOut has it skipped if the recipient opted out of campaigns.
	HeedOptOut bool
	// Verbatim has the content sent as it is: no Liquid is read in it.
	Verbatim bool
	// Name stands in for the contact's in this message; empty leaves it.
	Name string
	// Data are values for templates, of any kind that JSON has; at most
	// liquid.MaxRowBytes of it.
	Data     map[string]any
	Metadata map[string]string
	// DueAt is when to send it; zero means now.
	DueAt time.Time
	// Said is its place in a conversation; nil for none.
	Said *Said

	// language is that of the template's translation, templateID the template's.
	language   string
	templateID int64
}

// Say puts what a template says to somebody in the place of the content.
func (t *Notification) Say(wording templates.Resolved, to Recipient) {
	t.Content, t.language, _ = wording.For(to.Language)
	t.templateID = wording.TemplateID
}

// Bounds of what programs say of a message.
const (
	// maxMetadata bounds the entries of metadata.
	maxMetadata = 50
	// MaxMetadataFound is how long a name and a value of metadata may be, in bytes, for
	// messages to be found by them.
	MaxMetadataFound = 200
)

// stillNow is by how much a time may be over that a program reckoned just before it asked.
const stillNow = time.Minute

// Send writes one transactional message down; from then on it is sent, before
// any campaign. Address, content and templates are checked first.
func (s *Service) Send(ctx context.Context, t Notification) (Message, error) {
	m, err := s.prepare(ctx, t)
	if err != nil {
		return Message{}, err
	}
	return s.Create(ctx, m)
}

// SendNoting is Send; it says besides what may be a mistake, as a preview does.
func (s *Service) SendNoting(ctx context.Context, t Notification) (sent Message, notices []string, err error) {
	m, err := s.prepare(ctx, t)
	if err != nil {
		return Message{}, nil, err
	}
	rendered, notices, err := s.noting(ctx, m)
	if err != nil {
		return Message{}, nil, err
	}
	sent, err = s.write(ctx, m, rendered)
	return sent, notices, err
}

// Preview is what would be sent.
type Preview struct {
	// To is the address, Language that of the template's translation; empty without one.
	To, Language string
	Content      providers.Content
	// Skipped is the reason for which it would not be sent; empty if it would.
	Skipped string
	// Notices are what may be a mistake, such as a value that nobody gave.
	Notices []string
}

// Preview says what Send would do, and errs as it does.
func (s *Service) Preview(ctx context.Context, t Notification) (p Preview, err error) {
	m, err := s.prepare(ctx, t)
	if err != nil {
		return p, err
	}
	p.To, p.Language = m.To.Address, m.language
	if p.Content, p.Notices, err = s.noting(ctx, m); err != nil {
		return p, err
	}
	why, err := s.store.WhySuppressed(ctx, t.AccountID, m.Channel.Address, m.To.Address)
	switch {
	case err != nil || why == "":
	case why != contacts.Unsubscribed:
		p.Skipped = ReasonSuppressed
	case t.HeedOptOut:
		p.Skipped = ReasonOptedOut
	}
	if err != nil || p.Skipped != "" || p.Content.Kept != nil {
		return p, err
	}
	switch closed, err := s.closed(ctx, m.Channel, m.To.Address); {
	case err != nil || !closed:
		return p, err
	case p.Content.Outside == nil:
		p.Skipped = ReasonWindow
	default:
		p.Content = *p.Content.Outside
	}
	return p, nil
}

// prepare checks a message and says to whom it goes.
func (s *Service) prepare(ctx context.Context, t Notification) (m Single, err error) {
	channel, err := s.store.GetChannel(ctx, t.AccountID, t.ChannelID)
	if fault.Is(err, fault.NotFound) {
		return m, fault.InvalidField("channel_id", t.ChannelID, "there is no such channel: GET /v1/channels lists them")
	}
	if err != nil {
		return m, err
	}
	to, fields, err := s.Recipient(ctx, t, channel)
	if err != nil {
		return m, err
	}
	wrong, err := s.template(ctx, &t, to, channel)
	if err != nil {
		return m, err
	}
	if len(wrong) == 0 {
		if wrong, err = s.checkNotification(ctx, t, channel); err != nil {
			return m, err
		}
	}
	if t.Name != "" {
		to.Name = t.Name
	}
	if len(t.Metadata) > maxMetadata {
		wrong = append(wrong, fault.Field{Location: "metadata", Value: len(t.Metadata), Message: fmt.Sprintf("at most %d entries", maxMetadata)})
	}
	if !t.DueAt.IsZero() && t.DueAt.Before(s.clock.Now().Add(-stillNow)) {
		wrong = append(wrong, fault.Field{Location: "due_at", Value: t.DueAt.UTC().Format(time.RFC3339),
			Message: "is over: set a time to come, or none to send it now"})
	}
	var said string
	if to.Row, said, err = rowOf(t.Data); err != nil {
		return m, err
	}
	if said != "" {
		wrong = append(wrong, fault.Field{Location: "data", Message: said})
	}
	if err := fault.InvalidFields(append(wrong, fields...)); err != nil {
		return m, err
	}
	of, err := s.Occasion(ctx, channel)
	return Single{Notification: t, Channel: channel, To: to, Of: of}, err
}

// rowOf is what a program gives for templates as they read it, and what is wrong with it.
func rowOf(data map[string]any) (row, wrong string, err error) {
	if len(data) == 0 {
		return "", "", nil
	}
	text, err := json.Marshal(data)
	if err != nil {
		return "", "", fmt.Errorf("encode data: %w", err)
	}
	return string(text), liquid.CheckRow(text), nil
}

// Occasion is what every message through a channel is part of.
func (s *Service) Occasion(ctx context.Context, channel providers.Channel) (*liquid.Occasion, error) {
	name, err := s.store.AccountName(ctx, channel.AccountID)
	return &liquid.Occasion{Channel: liquid.Channel{Name: channel.Name, Provider: channel.Provider}, AccountName: name}, err
}

// template puts the content of the template that a message names in its place, in the
// language of who gets it; fields are what is wrong.
func (s *Service) template(ctx context.Context, t *Notification, to Recipient, channel providers.Channel) ([]fault.Field, error) {
	if t.Template == nil && t.Content.WindowTemplate == "" {
		return nil, nil
	}
	wrong, err := s.CheckWindow(t.Content, channel)
	if err != nil || len(wrong) > 0 {
		return wrong, err
	}
	resolved, err := s.catalogue.Wording(ctx, t.Content, t.Template, channel)
	if err != nil {
		return fault.Gather(nil, err)
	}
	masked := t.Content.Masked
	t.Say(resolved, to)
	t.Content.Masked = masked
	if t.Template != nil && t.File != nil && t.Content.Attachment == nil {
		if hasLiquid(t.File.URL + t.File.Filename + t.File.Caption) {
			return []fault.Field{{Location: "content.attachment", Message: "is no text of the template: no Liquid is read in it"}}, nil
		}
		t.Content.Attachment = t.File
	}
	return nil, nil
}

// Recipient says to whom a transactional message goes; fields are what is wrong.
func (s *Service) Recipient(ctx context.Context, t Notification, channel providers.Channel) (to Recipient, fields []fault.Field, err error) {
	refuse := func(location string, value any, format string, args ...any) (Recipient, []fault.Field, error) {
		return Recipient{}, []fault.Field{{Location: location, Value: value, Message: fmt.Sprintf(format, args...)}}, nil
	}
	switch {
	case t.To != "" && t.ContactID != 0:
		return refuse("to", nil, "give either to or contact_id")
	case t.To == "" && t.ContactID == 0:
		return refuse("to", nil, "say to whom: an %s address, or contact_id", channel.Address)
	case t.To != "":
		address, err := value.Normal(channel.Address, t.To, "")
		if err != nil {
			return refuse("to", t.To, "%s", reason(err))
		}
		return Recipient{Address: address}, nil, nil
	}
	contact, err := s.store.GetContact(ctx, t.AccountID, t.ContactID)
	switch {
	case fault.Is(err, fault.NotFound):
		return refuse("contact_id", t.ContactID, "there is no such contact")
	case err != nil:
		return Recipient{}, nil, err
	case contact.Status != contacts.Active:
		return refuse("contact_id", t.ContactID, "the contact is %s", contact.Status)
	case contact.Addresses[channel.Address] == "":
		return refuse("contact_id", t.ContactID, "the contact has no %s address, to which this channel sends", channel.Address)
	}
	return Recipient{
		ContactID: contact.ID, ExternalID: contact.ExternalID, Name: contact.Name, FirstName: contact.FirstName, LastName: contact.LastName,
		Language: contact.Language, Timezone: contact.Timezone, Address: contact.Addresses[channel.Address], Attributes: contact.Attributes.JSON(),
	}, nil, nil
}

// reason is the message of an error's first field.
func reason(err error) string {
	if fields, rest := fault.Gather(nil, err); rest == nil && len(fields) > 0 {
		return fields[0].Message
	}
	return err.Error()
}

// Single is a message for one recipient, not rendered yet.
type Single struct {
	Notification
	Channel providers.Channel
	To      Recipient
	// Of is what the message shows to be part of. One that shows no campaign has no
	// links to the recipient's own pages either.
	Of *liquid.Occasion
}

// Create renders a message and writes it down.
func (s *Service) Create(ctx context.Context, m Single) (Message, error) {
	rendered, _, err := s.render(ctx, m)
	if err != nil {
		return Message{}, err
	}
	return s.write(ctx, m, rendered)
}

// write writes a message down with what it says.
func (s *Service) write(ctx context.Context, m Single, rendered providers.Content) (Message, error) {
	return s.Write(ctx, Outgoing{
		AccountID: m.AccountID, ChannelID: m.Channel.ID, ContactID: m.To.ContactID, Address: m.To.Address, Language: m.language,
		TemplateID: m.templateID, DueAt: m.DueAt, HeedOptOut: m.HeedOptOut, SenderID: m.SenderID, SeriesID: m.SeriesID, Said: m.Said,
	}, rendered, m.Metadata)
}

// render is what a message says, and what that was made of; nil for what is sent as it is.
func (s *Service) render(ctx context.Context, m Single) (rendered providers.Content, of *liquid.Content, err error) {
	can, err := s.Can(m.Channel)
	if err != nil {
		return rendered, nil, err
	}
	var links Links
	if m.Of.CampaignName != "" {
		links = s.tokens.Links(Unsubscriber{AccountID: m.AccountID, Kind: m.Channel.Address, Address: m.To.Address})
	}
	fill := func(content providers.Content) (filled providers.Content, of *liquid.Content, err error) {
		if of, err = s.catalogue.Compile(ctx, m.AccountID, templates.Carried(content, can.Buttons)); err == nil {
			filled, err = of.Render(ctx, m.To.Vars(m.Of, links))
		}
		return filled, of, err
	}
	if m.Verbatim {
		rendered = templates.Carried(m.Content, can.Buttons)
		rendered.WindowTemplate = ""
	} else if rendered, of, err = fill(m.Content); err != nil {
		return rendered, nil, err
	}
	if m.Content.Outside != nil {
		outside, _, err := fill(*m.Content.Outside)
		if err != nil {
			return rendered, nil, err
		}
		rendered.Outside = &outside
	}
	return rendered, of, nil
}

// noting is render, and says which values the message asks for that nobody gave.
func (s *Service) noting(ctx context.Context, m Single) (rendered providers.Content, notices []string, err error) {
	rendered, of, err := s.render(ctx, m)
	if err != nil || of == nil {
		return rendered, nil, err
	}
	_, attributes, err := s.store.TemplateNames(ctx, m.AccountID, nil)
	return rendered, of.Unknown(slices.Sorted(maps.Keys(m.Data)), attributes, nil), err
}

// Write writes a message down whose content is rendered.
func (s *Service) Write(ctx context.Context, o Outgoing, content providers.Content, metadata map[string]string) (m Message, err error) {
	if o.Content, err = content.Store(); err != nil {
		return Message{}, fmt.Errorf("encode content: %w", err)
	}
	o.Masked = content.Masked
	if len(metadata) > 0 {
		if o.Metadata, err = json.Marshal(metadata); err != nil {
			return Message{}, fmt.Errorf("encode metadata: %w", err)
		}
	}
	o.Trace = tracing.Kept(ctx)
	return s.store.CreateMessage(ctx, o)
}

// TestChannel sends a short message through a channel to one address.
func (s *Service) TestChannel(ctx context.Context, accountID, channelID int64, to string) (Message, error) {
	channel, err := s.store.GetChannel(ctx, accountID, channelID)
	if err != nil {
		return Message{}, err
	}
	kind, err := s.kinds.Kind(channel.Provider)
	if err != nil {
		return Message{}, err
	}
	content := providers.Content{Text: "This is a test message of Carillon, sent through the channel " + quoteLiquid(channel.Name) + "."}
	if kind.Capabilities.Subject {
		content.Subject = "Test message of Carillon"
	}
	return s.Send(ctx, Notification{AccountID: accountID, ChannelID: channelID, To: to, Content: content})
}

// quoteLiquid makes sure that a name is not read as a template.
func quoteLiquid(name string) string { return strings.ReplaceAll(name, "{", "(") }

// Hears says what comes back over a channel: receipts of what arrived, and what people reply.
func (s *Service) Hears(channel providers.Channel) (receipts, replies bool, err error) {
	kind, err := s.kinds.Kind(channel.Provider)
	return kind.Capabilities.Receipts && !kind.Capabilities.OnlyFailures, kind.Capabilities.Replies, err
}

// CheckWindow says what is wrong of the template for who is outside of a channel's window.
func (s *Service) CheckWindow(content providers.Content, channel providers.Channel) ([]fault.Field, error) {
	can, err := s.Can(channel)
	if err != nil || content.WindowTemplate == "" || can.ReplyWindow > 0 && can.Templates {
		return nil, err
	}
	why := "sends anything to everybody at any time"
	if can.ReplyWindow > 0 {
		why = "has no template that could go to who has not written lately: they are skipped with the reason window"
	}
	return []fault.Field{{Location: "content.window_template", Value: content.WindowTemplate,
		Message: "a " + channel.Provider + " channel " + why + ". Leave it out"}}, nil
}

// Window is for how long after somebody has written to a channel it may send them anything; 0
// where it may always, or does not hear who has written.
func (s *Service) Window(channel providers.Channel) (time.Duration, error) {
	return s.kinds.ReplyWindow(channel.Provider, channel.Config)
}

// HeardAt is when an address wrote to a channel last; zero where that is not known.
func (s *Service) HeardAt(ctx context.Context, channel providers.Channel, address string) (time.Time, error) {
	return s.store.HeardAt(ctx, channel.ID, address)
}

// closed reports whether only what the provider has approved may go to an address now.
func (s *Service) closed(ctx context.Context, channel providers.Channel, address string) (bool, error) {
	window, err := s.Window(channel)
	if err != nil || window == 0 {
		return false, err
	}
	at, err := s.HeardAt(ctx, channel, address)
	return !at.After(s.clock.Now().Add(-window)), err
}

// CheckContent says what of a content its channel can't send, and compiles it with the
// account's snippets.
func (s *Service) CheckContent(ctx context.Context, content providers.Content, channel providers.Channel) ([]fault.Field, error) {
	can, err := s.Can(channel)
	if err != nil {
		return nil, err
	}
	wrong, err := s.checkFile(ctx, content.Attachment, channel, can)
	if err != nil {
		return nil, err
	}
	wrong = append(wrong, checkCarried(content, channel, can)...)
	if _, err := s.catalogue.Compile(ctx, channel.AccountID, content); err != nil {
		return fault.Gather(wrong, err)
	}
	return wrong, nil
}

// checkNotification is CheckContent for a message that may be sent as it is written.
func (s *Service) checkNotification(ctx context.Context, t Notification, channel providers.Channel) ([]fault.Field, error) {
	if !t.Verbatim {
		return s.CheckContent(ctx, t.Content, channel)
	}
	can, err := s.Can(channel)
	if err != nil {
		return nil, err
	}
	wrong, err := s.checkFile(ctx, t.Content.Attachment, channel, can)
	if err != nil {
		return nil, err
	}
	wrong = append(wrong, checkCarried(t.Content, channel, can)...)
	if n := len(t.Content.Text) + len(t.Content.HTML); n > liquid.MaxTemplateBytes {
		wrong = append(wrong, fault.Field{Location: "content", Value: n, Message: fmt.Sprintf("at most %d KiB in all", liquid.MaxTemplateBytes>>10)})
	}
	return wrong, nil
}

// checkCarried says what of a content its channel can't send, its Liquid aside.
func checkCarried(content providers.Content, channel providers.Channel, can providers.Capabilities) (wrong []fault.Field) {
	add := func(location, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "content." + location, Message: fmt.Sprintf(format, args...)})
	}
	switch wordless := content.Text == "" && content.HTML == ""; {
	case content.Location != nil || len(content.Cards) > 0:
		wrong = append(wrong, checkAlone(content, channel, can)...)
	case wordless && content.Attachment == nil:
		add("text", "there is nothing to send: give a text, or html on an e-mail channel")
	case wordless && !can.Media:
		add("text", "a %s channel writes an attachment as a link below the text: give a text", channel.Provider)
	}
	if content.Subject != "" && !can.Subject {
		add("subject", "a %s channel sends no subject: leave it out", channel.Provider)
	}
	if can.Subject && channel.Address == providers.Email && strings.TrimSpace(content.Subject) == "" {
		add("subject", "e-mail needs a subject")
	}
	if content.HTML != "" && !can.HTML {
		add("html", "a %s channel sends no HTML: use text", channel.Provider)
	}
	if content.Preheader != "" && content.HTML == "" {
		add("preheader", "stands in the HTML part: give html, or leave it out")
	}
	carried := templates.Carried(content, can.Buttons)
	if n := len(carried.Text); can.MaxTextBytes > 0 && n > can.MaxTextBytes {
		add("text", "has %d bytes%s; a %s channel sends at most %d", n, withButtons(content, can), channel.Provider, can.MaxTextBytes)
	}
	most, where := can.MaxTextUnits, ""
	if content.Attachment != nil {
		most, where = can.MaxCaptionUnits, " beside a file"
	}
	if n := providers.Units(carried.Beside()); most > 0 && n > most {
		add("text", "has %d letters%s, an emoji counted as two; a %s channel sends at most %d%s", n, withButtons(content, can), channel.Provider, most, where)
	}
	wrong = append(wrong, checkButtons(content.Buttons)...)
	if a := content.Attachment; a != nil {
		switch {
		case a.MediaID != 0 && a.URL != "":
			add("attachment.url", "give either an address, or media_id")
		case a.MediaID == 0 && !isWebAddress(a.URL):
			add("attachment.url", "must be an address such as https://example.org/menu.pdf, or give media_id")
		}
		if reason := a.Type.Check(); reason != "" {
			add("attachment.type", "%s", reason)
		}
	}
	return wrong
}

// checkAlone checks a place or cards, which are a message of their own.
func checkAlone(content providers.Content, channel providers.Channel, can providers.Capabilities) (wrong []fault.Field) {
	add := func(location, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "content." + location, Message: fmt.Sprintf(format, args...)})
	}
	if content.Location != nil && len(content.Cards) > 0 || content.Text != "" || content.HTML != "" || content.Attachment != nil || len(content.Buttons) > 0 {
		add("text", "a place, and contact cards, are a message of their own: leave all else out")
	}
	if l := content.Location; l != nil {
		if !can.Location {
			add("location", "a %s channel sends no places: write the address as a text, or choose another channel", channel.Provider)
		}
		if reason := l.Check(); reason != "" {
			add("location", "%s", reason)
		}
	}
	switch n := len(content.Cards); {
	case n > 0 && !can.Cards:
		add("cards", "a %s channel sends no contact cards: write it as a text, or choose another channel", channel.Provider)
	case n > providers.MaxCards:
		add("cards", "at most %d cards", providers.MaxCards)
	}
	for i := range content.Cards {
		if reason := content.Cards[i].Check(); reason != "" {
			add(fmt.Sprintf("cards[%d]", i), "%s", reason)
		}
	}
	return wrong
}
