package twilio

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"carillon/providers"
	"carillon/providers/line"
)

// open checks who posts, and reads what.
func (p *Provider) open(header http.Header, body []byte) (url.Values, error) {
	form, err := url.ParseQuery(string(body))
	if wrong := p.forged(header, form); wrong != nil {
		return nil, &providers.Error{Kind: providers.ErrorAuth, Err: wrong}
	}
	if err != nil {
		return nil, &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("the body can't be read: %w", err)}
	}
	return form, nil
}

// status is what became of a message, by the two names that Twilio has for it.
func status(form url.Values) string { return cmp.Or(form.Get("MessageStatus"), form.Get("SmsStatus")) }

// incoming reports whether somebody wrote: what is posted of our messages has another status.
func incoming(form url.Values) bool {
	switch status(form) {
	case "received", "receiving":
		return true
	case "":
		return form.Has("Body") || form.Has("NumMedia")
	}
	return false
}

// arrived are the words that say more than that a message is on its way.
var arrived = map[string]providers.ReceiptStatus{
	"delivered":   providers.ReceiptDelivered,
	"read":        providers.ReceiptRead,
	"undelivered": providers.ReceiptFailed,
	"failed":      providers.ReceiptFailed,
	"canceled":    providers.ReceiptFailed,
}

// ParseCallback reads what became of a message.
func (p *Provider) ParseCallback(header http.Header, body []byte) ([]providers.Receipt, error) {
	form, err := p.open(header, body)
	if err != nil || incoming(form) {
		return nil, err
	}
	word := status(form)
	became, known := arrived[word]
	if !known {
		return nil, nil
	}
	r := p.receipt(became, form)
	if r.ProviderID = sid(form); !providers.Key(r.ProviderID) {
		return nil, providers.Refused{providers.NoKey("MessageSid", r.ProviderID)}
	}
	return []providers.Receipt{*r}, nil
}

// receipt is what is said of a message, by whichever way.
func (p *Provider) receipt(became providers.ReceiptStatus, form url.Values) *providers.Receipt {
	r := &providers.Receipt{Status: became}
	if became == providers.ReceiptFailed {
		p.explain(r, form)
	}
	return r
}

// explain says why a message did not arrive.
func (p *Provider) explain(r *providers.Receipt, form url.Values) {
	r.Code = status(form)
	code, err := strconv.Atoi(form.Get("ErrorCode"))
	if err == nil && code > 0 {
		r.Code = strconv.Itoa(code)
	}
	m, _ := p.meaningOf(code)
	if m.kind == providers.ErrorRecipient {
		r.Status, r.Bounce = providers.ReceiptRejected, m.bounce
	}
	r.Detail = m.words
	if said := line.Quote(p.scrub(cmp.Or(form.Get("ErrorMessage"), form.Get("ChannelStatusMessage")))); said != "" {
		r.Detail = strings.TrimPrefix(m.words+"; "+said, "; ")
	}
}

// sid is the message's id, by the two names that Twilio has for it.
func sid(form url.Values) string { return cmp.Or(form.Get("MessageSid"), form.Get("SmsSid")) }

// ParseReplies reads what somebody wrote.
func (p *Provider) ParseReplies(header http.Header, body []byte) ([]providers.Reply, error) {
	form, err := p.open(header, body)
	if err != nil || !incoming(form) {
		return nil, err
	}
	from := strings.TrimPrefix(form.Get("From"), whatsApp)
	r := providers.Reply{ID: sid(form), From: from, Text: said(form), Parts: parts(form)}
	switch {
	case !providers.Key(r.ID):
		return nil, providers.Refused{providers.NoKey("MessageSid", r.ID)}
	case !providers.Key(from):
		return nil, providers.Refused{providers.NoKey("From", from)}
	}
	return []providers.Reply{r}, nil
}

// mostFiles is how many files Twilio has in a message.
const mostFiles = 10

// said is what somebody wrote or pressed, with where they are and their files.
func said(form url.Values) string {
	words := []string{cmp.Or(form.Get("Body"), form.Get("ButtonText"), form.Get("ButtonPayload"))}
	if latitude, longitude := form.Get("Latitude"), form.Get("Longitude"); latitude != "" && longitude != "" {
		words = append(words, form.Get("Label"), form.Get("Address"), latitude+","+longitude)
	}
	for i := range mostFiles {
		words = append(words, form.Get("MediaUrl"+strconv.Itoa(i)))
	}
	text := ""
	for _, w := range words {
		if w != "" && text != "" {
			text += " "
		}
		text += w
	}
	return text
}

// parts are what there is beside words: the button that was pressed, where they are, or the first
// of their files, whose caption is the text.
func parts(form url.Values) (p providers.ReplyParts) {
	latitude, wrong := strconv.ParseFloat(form.Get("Latitude"), 64)
	longitude, wrongToo := strconv.ParseFloat(form.Get("Longitude"), 64)
	switch {
	case form.Has("ButtonPayload") || form.Has("ButtonText"):
		p.Button = &providers.ReplyOption{ID: form.Get("ButtonPayload"), Title: cmp.Or(form.Get("ButtonText"), form.Get("Body"))}
	case wrong == nil && wrongToo == nil:
		p.Location = &providers.Location{Latitude: latitude, Longitude: longitude, Name: form.Get("Label"), Address: form.Get("Address")}
	case form.Get("MediaUrl0") != "":
		p.Media = &providers.ReplyFile{Type: providers.SortOf(form.Get("MediaContentType0")), Caption: form.Get("Body")}
	}
	return p
}

// RequestID is the message and its status, of which each is posted once: a repeat is known by
// them.
func (p *Provider) RequestID(_ http.Header, body []byte) string {
	form, err := url.ParseQuery(string(body))
	id := sid(form) + ":" + status(form) + ":" + form.Get("ErrorCode")
	if err != nil || sid(form) == "" || len(id) > mostRequestID || !providers.Key(id) {
		return ""
	}
	return id
}

// mostRequestID bounds a RequestID, in bytes.
const mostRequestID = 100

// Acknowledgement is TwiML that answers nothing: Twilio takes what it is answered for what is to
// be sent back.
func (p *Provider) Acknowledgement([]byte) []byte {
	return []byte(`<?xml version="1.0" encoding="UTF-8"?><Response/>`)
}

// AcknowledgementType is that of TwiML.
func (p *Provider) AcknowledgementType() string { return "text/xml; charset=utf-8" }

const (
	signatureHeader = "X-Twilio-Signature"
	// settingsHeader comes with what is signed by another key than the auth token.
	settingsHeader = "X-Twilio-Webhooks-Signature-Settings"
)

// forged says why a request is not taken for Twilio's; nil for one that is.
func (p *Provider) forged(header http.Header, form url.Values) error {
	switch {
	case p.config.AuthToken.Empty():
		return errors.New("config.auth_token is not set, by which Twilio signs")
	case p.deps.HookURL == "":
		return errors.New("public_url is not set, and Twilio signs the address that it posts to: set it")
	case header.Get(settingsHeader) != "":
		return errors.New("it is signed by a SharedKey of a Webhooks Rule: take the rule back, so that Twilio signs with the auth token")
	}
	if !p.signed(header.Get(signatureHeader), form) {
		return errors.New(signatureHeader + " is not made of config.auth_token and " + p.deps.HookURL + ": Twilio must post to that very address")
	}
	return nil
}
