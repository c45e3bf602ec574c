package xms

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/outgoing"
	"carillon/providers"
	"carillon/providers/fetch"
	"carillon/services"
	"carillon/webhooks"
)

// Format tells webhooks in the words of XMS: messages that came in, and what became of those
// that went out, each in a post of its own.
type Format struct {
	*services.Services
	host host
}

// NewFormat makes the format.
func NewFormat(s *services.Services) *Format { return &Format{Services: s, host: hostOf(s.PublicURL)} }

// Took reports whether a post was taken: by any 2xx.
func (f *Format) Took(answer fetch.Told) bool { return answer.Status >= 200 && answer.Status < 300 }

// Tries is how often a post is made: XMS makes it once, Carillon as often as its own.
func (f *Format) Tries(webhooks.Webhook) (most int, off bool) { return 0, false }

// post is what is posted; of messages and statuses it has one kind.
type post struct {
	Type     string          `json:"type"`
	Meta     postMeta        `json:"meta"`
	Contacts []postContact   `json:"contacts"`
	Messages []postedMessage `json:"messages,omitempty"`
	Statuses []postedStatus  `json:"statuses,omitempty"`
}

// postMeta says where the answer goes: to https://{domain}.{server}/xms.
type postMeta struct {
	Domain string `json:"domain"`
	Server string `json:"server"`
	AppID  string `json:"appId"`
	Debug  bool   `json:"debug"`
}

// postContact is with whom the message was exchanged.
type postContact struct {
	ContactID   string `json:"contactId"`
	ContactType string `json:"contactType"`
	ChannelID   string `json:"channelId"`
	Lane        string `json:"lane"`
	// CSID is the other side's number or id on the channel.
	CSID            string           `json:"csid"`
	Profile         *postProfile     `json:"profile"`
	BusinessProfile *businessProfile `json:"businessProfile"`
}

type postProfile struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	Phone string `json:"phone"`
}

type businessProfile struct {
	postProfile
	// ProfileID is the program's own id of the contact.
	ProfileID string `json:"profileId"`
}

// postedMessage is one that came in.
type postedMessage struct {
	ID           string      `json:"id"`
	MessageIDExt *string     `json:"messageIdExt"`
	From         string      `json:"from"`
	ContactID    string      `json:"contactId"`
	Timestamp    int64       `json:"timestamp"`
	Type         string      `json:"type"`
	Text         *postedText `json:"text,omitempty"`
	Session      postSession `json:"session"`
	Tags         struct{}    `json:"tags"`
	Attachments  []any       `json:"attachments"`
}

type postedText struct {
	Body string `json:"body"`
	Type string `json:"type"`
}

// postSession is the conversation: one with each contact on each channel.
type postSession struct {
	SessionID string `json:"sessionId"`
	RoutingID string `json:"routingId"`
}

// postedStatus is what became of a message.
type postedStatus struct {
	ID           string        `json:"id"`
	MessageIDExt *string       `json:"messageIdExt"`
	ContactID    string        `json:"contactId"`
	Status       string        `json:"status"`
	Timestamp    int64         `json:"timestamp"`
	Errors       []postedError `json:"errors"`
}

type postedError struct {
	// Code is a text: a provider's own, or our reason.
	Code    string  `json:"code"`
	Title   string  `json:"title"`
	Details *string `json:"details"`
	Href    *string `json:"href"`
}

// Request makes the post that tells what happened. What has no word in XMS, and whose message
// or channel is gone, is not told.
func (f *Format) Request(ctx context.Context, w webhooks.Webhook, _ webhooks.Delivery, o webhooks.Occurrence) (r outgoing.Request, ok bool, err error) {
	appID := appIDOf(w.KeyID)
	p := post{Meta: postMeta{f.host.domain, f.host.server, appID, false}}
	if o.Type == webhooks.MessageReceived {
		ok, err = f.received(ctx, w, o, &p)
	} else {
		ok, err = f.moved(ctx, w, o, &p)
	}
	if fault.Is(err, fault.NotFound) {
		return r, false, nil
	}
	if err != nil || !ok {
		return r, false, err
	}
	r.Header = http.Header{}
	if p.Messages != nil {
		r.Header.Set("Cookie", "x-api-id="+appID)
	}
	r.Body, err = json.Marshal(p)
	return r, true, err
}

// received fills in a message that came in.
func (f *Format) received(ctx context.Context, w webhooks.Webhook, o webhooks.Occurrence, p *post) (ok bool, err error) {
	var data webhooks.Reply
	if err := json.Unmarshal(o.Data, &data); err != nil {
		return false, fmt.Errorf("read what came in: %w", err)
	}
	if data.Content == nil {
		return false, nil // it is not kept any more
	}
	with, err := f.with(ctx, w.AccountID, party{data.ChannelID, data.ContactID, data.Content.From})
	if err != nil {
		return false, err
	}
	p.Type, p.Contacts = "messages", []postContact{with}
	p.Messages = []postedMessage{{
		ID: fmt.Sprintf("in-%d", data.ID), From: with.CSID, ContactID: with.ContactID, Timestamp: o.Timestamp.UnixMilli(),
		Type: typeText, Text: &postedText{data.Content.Text, typeText}, Session: sessionOf(with, data.ChannelID), Attachments: []any{},
	}}
	return true, nil
}

// sessionOf is the conversation with a contact on a channel.
func sessionOf(with postContact, channelID int64) postSession {
	id := fmt.Sprintf("%s-%d", with.ContactID, channelID)
	return postSession{SessionID: id, RoutingID: id}
}

// moved fills in what became of a message.
func (f *Format) moved(ctx context.Context, w webhooks.Webhook, o webhooks.Occurrence, p *post) (ok bool, err error) {
	var data webhooks.Message
	if err := json.Unmarshal(o.Data, &data); err != nil {
		return false, fmt.Errorf("read what became of a message: %w", err)
	}
	var state messages.State
	for s := range statuses {
		if webhooks.MessageEvent(s) == o.Type {
			state, ok = s, true
		}
	}
	if !ok {
		return false, nil
	}
	m, err := f.Messages.Get(ctx, w.AccountID, data.ID)
	if err != nil {
		return false, err
	}
	with, err := f.with(ctx, w.AccountID, party{m.ChannelID, m.ContactID, m.Address})
	if err != nil {
		return false, err
	}
	status := postedStatus{
		ID: strconv.FormatInt(m.ID, 10), MessageIDExt: optional(cmp.Or(m.ProviderID, data.ProviderID)), ContactID: with.ContactID,
		Status: statuses[state], Timestamp: o.Timestamp.UnixMilli(), Errors: []postedError{},
	}
	if status.Status == failed {
		reason := cmp.Or(data.Reason, m.Reason, state.String())
		status.Errors = append(status.Errors, postedError{Code: reason, Title: cmp.Or(m.Detail, strings.ReplaceAll(reason, "_", " "))})
	}
	p.Type, p.Contacts, p.Statuses = "statuses", []postContact{with}, []postedStatus{status}
	return true, nil
}

// party is the other side of a message.
type party struct {
	channelID, contactID int64
	address              string
}

// with is the other side of a message in the words of XMS.
func (f *Format) with(ctx context.Context, accountID int64, of party) (postContact, error) {
	channel, err := f.Channels.Get(ctx, accountID, of.channelID)
	if err != nil {
		return postContact{}, err
	}
	csid := of.address
	if isDialled(channel.Address) {
		csid = strings.TrimPrefix(csid, "+")
	}
	p := postContact{
		ContactID: unknownIDOf(channel, csid), ContactType: words[channel.Address].contactType, ChannelID: channelIDOf(channel), Lane: laneOf(channel),
		CSID: csid, Profile: &postProfile{},
	}
	if isDialled(channel.Address) {
		p.Profile.Phone = csid
	}
	if of.contactID == 0 {
		return p, nil
	}
	contact, err := f.Contacts.Get(ctx, accountID, of.contactID)
	if fault.Is(err, fault.NotFound) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	p.ContactID = strconv.FormatInt(contact.ID, 10)
	p.Profile = &postProfile{Name: nameOf(contact), Email: contact.Addresses[providers.Email], Phone: cmp.Or(p.Profile.Phone, numberOf(contact))}
	p.BusinessProfile = &businessProfile{*p.Profile, contact.ExternalID}
	return p, nil
}

func isDialled(kind providers.AddressKind) bool {
	return kind == providers.Phone || kind == providers.SMS || kind == providers.WhatsApp
}

// nameOf is the name of a contact, put together where it is in parts.
func nameOf(c contacts.Contact) string {
	return cmp.Or(c.Name, strings.TrimSpace(c.FirstName+" "+c.LastName))
}

// numberOf is the number of a contact, in digits.
func numberOf(c contacts.Contact) string {
	return strings.TrimPrefix(cmp.Or(c.Addresses[providers.Phone], c.Addresses[providers.WhatsApp], c.Addresses[providers.SMS]), "+")
}

// unknownIDOf is the id of somebody who is no contact: one can write to them by it.
func unknownIDOf(c providers.Channel, csid string) string {
	return words[c.Address].prefix + ":" + csid
}
