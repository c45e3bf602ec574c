// Package chatwoot owns the adapter that sends through an inbox of a Chatwoot: a message in
// the open conversation with its recipient, or in a new one. It must not know what of
// Chatwoot Carillon speaks itself.
package chatwoot

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/line"
)

// TemplateParams is the name in a message's metadata under which a template stands, as
// Chatwoot's template_params: a JSON object.
const TemplateParams = "template_params"

// Bounds of an exchange.
const (
	maxAnswer = 1 << 20
	// oldest is how old a request to /hooks may be.
	oldest = 5 * time.Minute
)

// Kind describes the adapter.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "chatwoot", Title: "Chatwoot",
		Description: "Sends through an inbox of a Chatwoot. The recipient is found by phone, e-mail or identifier, or made; the message goes into their open " +
			"conversation, or into a new one. Receipts and replies come by its webhook, signed.",
		Capabilities: providers.Capabilities{Address: providers.WhatsApp, Receipts: true, Replies: true, GivesID: true},
	}, check, open)
	k.AddressFor = func(raw json.RawMessage) providers.AddressKind {
		var c Config
		if providers.DecodeConfig(raw, &c) != nil {
			return providers.WhatsApp
		}
		return c.Address
	}
	return k
}

// Provider sends through an inbox.
type Provider struct {
	config Config
	deps   providers.Deps
	line   *line.Line
	scrub  func(string) string
}

func open(c *Config, deps providers.Deps) (providers.Provider, error) {
	return &Provider{
		config: *c, deps: deps, scrub: line.Scrub(append(deps.Taken("secret", c.Secret), c.Token)...),
		line: line.New(deps, 0, time.Duration(c.TimeoutMS)*time.Millisecond),
	}, nil
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.line.Close() }

// Send finds the recipient and their open conversation, and says the message there, or in a
// new one. Before that nobody was asked to take it, so that nothing is in doubt.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	if err := ctx.Err(); err != nil {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("not asked: %w", err)}
	}
	message, err := content(m)
	if err != nil {
		return providers.Accepted{}, err
	}
	if err := m.MayBegin(); err != nil {
		return providers.Accepted{}, err
	}
	contact, failure := p.contact(ctx, m)
	if failure != nil {
		return providers.Accepted{}, failure
	}
	talk, failure := p.conversation(ctx, contact)
	if failure != nil {
		return providers.Accepted{}, failure
	}
	path, body := "conversations", map[string]any{"inbox_id": p.config.Inbox, "contact_id": contact, "message": message}
	if talk != 0 {
		path, body = "conversations/"+strconv.FormatInt(talk, 10)+"/messages", message
	}
	var taken struct {
		ID       int64 `json:"id"`
		Messages []struct {
			ID int64 `json:"id"`
		} `json:"messages"`
	}
	raw, failure := p.ask(ctx, &m, asking{http.MethodPost, path, body})
	if failure != nil {
		return providers.Accepted{}, failure
	}
	if json.Unmarshal(raw, &taken) == nil && talk == 0 {
		taken.ID = 0
		if n := len(taken.Messages); n > 0 {
			taken.ID = taken.Messages[n-1].ID
		}
	}
	if taken.ID == 0 {
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt, Err: errors.New("the message was taken, in words that do not name it")}
	}
	return providers.Accepted{ProviderID: strconv.FormatInt(taken.ID, 10), Response: "accepted"}, nil
}

// content is a message as Chatwoot takes it.
func content(m providers.Message) (map[string]any, error) {
	text := m.Content.Text
	if a := m.Content.Attachment; a != nil {
		for _, more := range []string{a.Caption, a.URL} {
			if more != "" {
				text = strings.TrimPrefix(text+"\n"+more, "\n")
			}
		}
	}
	body := map[string]any{"content": literal(text), "message_type": "outgoing", "private": false}
	if named := m.Metadata[TemplateParams]; named != "" {
		if !json.Valid([]byte(named)) || named[0] != '{' {
			return nil, &providers.Error{Kind: providers.ErrorContent, Err: errors.New("template_params in the metadata is no JSON object")}
		}
		body[TemplateParams] = json.RawMessage(named)
	}
	return body, nil
}

// code is text in which Chatwoot reads no Liquid.
var code = regexp.MustCompile("(?s)`.*?`")

// literal is a text of which Chatwoot's Liquid, which it reads in what it sends, makes that
// text.
func literal(text string) string {
	var b strings.Builder
	spans := append(code.FindAllStringIndex(text, -1), []int{len(text), len(text)})
	at := 0
	for _, span := range spans {
		for ; at < span[0]; at++ {
			// Before code stands a tag of Chatwoot's own.
			if text[at] == '{' && at+1 < len(text) && strings.IndexByte("{%`", text[at+1]) >= 0 {
				b.WriteString(`{{ "{" }}`)
			} else {
				b.WriteByte(text[at])
			}
		}
		b.WriteString(text[span[0]:span[1]])
		at = span[1]
	}
	return b.String()
}

// person is a contact as Chatwoot shows it.
type person struct {
	ID         int64  `json:"id"`
	Email      string `json:"email"`
	Phone      string `json:"phone_number"`
	Identifier string `json:"identifier"`
}

// address is that of a contact to which the inbox sends.
func (p *Provider) address(c person) string {
	switch p.config.Address {
	case providers.Email:
		return strings.ToLower(c.Email)
	case providers.Custom:
		return c.Identifier
	default:
		return c.Phone
	}
}

// contact is the recipient's number; one who is not there is made.
func (p *Provider) contact(ctx context.Context, m providers.Message) (int64, *providers.Error) {
	var found struct {
		Payload []person `json:"payload"`
	}
	if failure := p.read(ctx, asking{http.MethodGet, "contacts/search?q=" + url.QueryEscape(m.To), nil}, &found); failure != nil {
		return 0, failure
	}
	if at := slices.IndexFunc(found.Payload, func(c person) bool { return p.address(c) == m.To }); at >= 0 {
		return found.Payload[at].ID, nil
	}
	body := map[string]any{"inbox_id": p.config.Inbox, "name": m.ToName}
	switch p.config.Address {
	case providers.Email:
		body["email"] = m.To
	case providers.Custom:
		body["identifier"] = m.To
	default:
		body["phone_number"] = m.To
	}
	var made struct {
		Payload struct {
			Contact person `json:"contact"`
		} `json:"payload"`
	}
	if failure := p.read(ctx, asking{http.MethodPost, "contacts", body}, &made); failure != nil {
		return 0, failure
	}
	if made.Payload.Contact.ID == 0 {
		return 0, &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("the answer names no contact")}
	}
	return made.Payload.Contact.ID, nil
}

// conversation is the number of the contact's open conversation in the inbox; 0 for none.
func (p *Provider) conversation(ctx context.Context, contact int64) (int64, *providers.Error) {
	var list struct {
		Payload []struct {
			ID     int64  `json:"id"`
			Inbox  int64  `json:"inbox_id"`
			Status string `json:"status"`
		} `json:"payload"`
	}
	if failure := p.read(ctx, asking{http.MethodGet, "contacts/" + strconv.FormatInt(contact, 10) + "/conversations", nil}, &list); failure != nil {
		return 0, failure
	}
	for _, v := range list.Payload {
		if v.Inbox == p.config.Inbox && v.Status == "open" {
			return v.ID, nil
		}
	}
	return 0, nil
}

// read asks for something by which no message is sent, so that nothing is in doubt.
func (p *Provider) read(ctx context.Context, o asking, into any) *providers.Error {
	raw, failure := p.ask(ctx, &providers.Message{}, o)
	if failure != nil {
		if failure.Kind == providers.ErrorInDoubt {
			failure.Kind = providers.ErrorTemporary
		}
		return failure
	}
	if json.Unmarshal(raw, into) != nil {
		return &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("the answer is none of a Chatwoot: check config.url")}
	}
	return nil
}

// ask makes a request for a message, by which it may be taken, and returns the body of an
// answer that is no refusal.
func (p *Provider) ask(ctx context.Context, m *providers.Message, o asking) (raw []byte, failure *providers.Error) {
	var text []byte
	if o.body != nil {
		var err error
		if text, err = json.Marshal(o.body); err != nil {
			return nil, &providers.Error{Kind: providers.ErrorContent, Err: err}
		}
	}
	_, err := p.line.Ask(ctx, line.Asking{
		Message: m,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			address := fmt.Sprintf("%s/api/v1/accounts/%d/%s", strings.TrimRight(p.config.URL, "/"), p.config.Account, o.path)
			r, err := line.Request(ctx, o.method, address, "url")
			if err != nil {
				return nil, nil, err
			}
			// Proxies drop names with underscores; the other is the same there.
			r.Header["api_access_token"] = []string{p.config.Token.Reveal()}
			r.Header.Set("Api-Access-Token", p.config.Token.Reveal())
			return r, text, nil
		},
		Read: func(answer *http.Response) (providers.Accepted, error) {
			var err error
			raw, err = io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
			refused := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
			if refused == nil && err != nil {
				return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt, Err: errors.New("the answer did not come whole")}
			}
			if refused == nil {
				return providers.Accepted{}, nil
			}
			if words := p.words(raw); words != "" {
				refused.Err = fmt.Errorf("%w: %s", refused.Err, words)
			}
			return providers.Accepted{}, refused
		},
	})
	if err != nil {
		return nil, providers.AsError(err)
	}
	return raw, nil
}

// asking is a request.
type asking struct {
	method, path string
	body         any
}

// words are Chatwoot's own about a refusal, in one line and without a secret.
func (p *Provider) words(raw []byte) string {
	var said struct {
		Error   string `json:"error"`
		Message string `json:"message"`
	}
	if json.Unmarshal(raw, &said) != nil {
		return ""
	}
	return line.Quote(p.scrub(said.Error + " " + said.Message))
}

// Check asks for the inbox.
func (p *Provider) Check(ctx context.Context) error {
	var inbox struct {
		ID int64 `json:"id"`
	}
	if failure := p.read(ctx, asking{http.MethodGet, "inboxes/" + strconv.FormatInt(p.config.Inbox, 10), nil}, &inbox); failure != nil {
		return failure
	}
	return nil
}

// told is what a webhook tells of a message.
type told struct {
	Event      string `json:"event"`
	ID         int64  `json:"id"`
	Content    string `json:"content"`
	Type       string `json:"message_type"`
	Private    bool   `json:"private"`
	CreatedAt  string `json:"created_at"`
	Files      []file `json:"attachments"`
	Attributes struct {
		Error string `json:"external_error"`
	} `json:"content_attributes"`
	Inbox struct {
		ID int64 `json:"id"`
	} `json:"inbox"`
	Conversation struct {
		Meta struct {
			Sender person `json:"sender"`
		} `json:"meta"`
		Messages []struct {
			ID     int64  `json:"id"`
			Status string `json:"status"`
		} `json:"messages"`
	} `json:"conversation"`
}

// file is a file that goes along, or a place.
type file struct {
	Type      string   `json:"file_type"`
	Latitude  *float64 `json:"coordinates_lat"`
	Longitude *float64 `json:"coordinates_long"`
	// Title is what a place is called.
	Title string `json:"fallback_title"`
}

// files are Chatwoot's words for the types of files.
var files = map[string]providers.AttachmentType{
	"image": providers.Image, "video": providers.Video, "audio": providers.Audio, "file": providers.Document,
}

// parts are what a message has beside words: of several files the first.
func (t *told) parts() (p providers.ReplyParts) {
	if len(t.Files) == 0 {
		return p
	}
	f := t.Files[0]
	if sort, sent := files[f.Type]; sent {
		p.Media = &providers.ReplyFile{Type: sort, Caption: t.Content}
	} else if f.Type == "location" && f.Latitude != nil && f.Longitude != nil {
		p.Location = &providers.Location{Latitude: *f.Latitude, Longitude: *f.Longitude, Name: f.Title}
	}
	return p
}

// verified is what a request tells whose signature is right and not old.
func (p *Provider) verified(header http.Header, body []byte) (t told, err error) {
	at := header.Get("X-Chatwoot-Timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	right := false
	for _, s := range p.deps.Taken("secret", p.config.Secret) {
		mac := hmac.New(sha256.New, []byte(s.Reveal()))
		mac.Write([]byte(at + "."))
		mac.Write(body)
		right = hmac.Equal([]byte("sha256="+hex.EncodeToString(mac.Sum(nil))), []byte(header.Get("X-Chatwoot-Signature"))) || right
	}
	if err != nil || !right {
		return t, &providers.Error{Kind: providers.ErrorAuth, Err: errors.New("X-Chatwoot-Signature is not that of config.secret")}
	}
	if age := p.deps.Clock.Now().Sub(time.Unix(seconds, 0)); age > oldest || age < -oldest {
		return t, &providers.Error{Kind: providers.ErrorAuth, Err: errors.New("X-Chatwoot-Timestamp is more than five minutes away: check the clocks")}
	}
	if json.Unmarshal(body, &t) != nil {
		return t, &providers.Error{Kind: providers.ErrorContent, Err: errors.New("the body is none of Chatwoot's webhooks")}
	}
	return t, nil
}

// ParseCallback reads what became of a message. Its own status is not told: it is that of the
// conversation's last message, where that is the one.
func (p *Provider) ParseCallback(header http.Header, body []byte) ([]providers.Receipt, error) {
	t, err := p.verified(header, body)
	if err != nil || t.Event != "message_updated" || t.Type != "outgoing" || t.Private {
		return nil, err
	}
	r := providers.Receipt{ProviderID: strconv.FormatInt(t.ID, 10)}
	for _, m := range t.Conversation.Messages {
		if m.ID == t.ID {
			r.Status = map[string]providers.ReceiptStatus{
				"delivered": providers.ReceiptDelivered, "read": providers.ReceiptRead, "failed": providers.ReceiptFailed,
			}[m.Status]
		}
	}
	if t.Attributes.Error != "" {
		r.Status = providers.ReceiptFailed
	}
	if r.Status == "" {
		return nil, nil
	}
	if r.Status == providers.ReceiptFailed {
		r.Code, r.Detail = "failed", p.scrub(t.Attributes.Error)
	}
	return []providers.Receipt{r}, nil
}

// ParseReplies reads what somebody wrote.
func (p *Provider) ParseReplies(header http.Header, body []byte) ([]providers.Reply, error) {
	t, err := p.verified(header, body)
	if err != nil || t.Event != "message_created" || t.Type != "incoming" || t.Private || t.Inbox.ID != p.config.Inbox {
		return nil, err
	}
	from := p.address(t.Conversation.Meta.Sender)
	if from == "" {
		return nil, nil // whom nobody could answer
	}
	r := providers.Reply{ID: strconv.FormatInt(t.ID, 10), From: from, Parts: t.parts()}
	r.Text = cmp.Or(t.Content, r.Parts.Words())
	if at, err := time.Parse(time.RFC3339, t.CreatedAt); err == nil {
		r.At = at
	}
	return []providers.Reply{r}, nil
}
