package messengerpeople

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"carillon/access"
	"carillon/api/gate"
	"carillon/channels"
	"carillon/contacts"
	"carillon/contacts/reply"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/outgoing"
	"carillon/providers"
	"carillon/providers/fetch"
	"carillon/services"
	"carillon/targeting"
	"carillon/webhooks"
	"carillon/wording"
)

// The settings of a channel that Carillon has itself.
const (
	settingName     = "name"
	settingTimezone = "timezone"
)

// settings are what clients have set of the channel and Carillon itself has no use for.
func (s *Server) settings(ctx context.Context, a asked) (map[string]string, error) {
	return s.Channels.DialectSettings(ctx, a.caller.AccountID, a.channel.ID, api)
}

func (s *Server) showChannel(ctx context.Context, a asked) (any, error) {
	settings, err := s.settings(ctx, a)
	if err != nil {
		return nil, err
	}
	settings[settingName], settings[settingTimezone] = a.channel.Name, a.zone()
	var shown newestFirst
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		shown = append(shown, member{name, settings[name]})
	}
	return shown, nil
}

// changeChannel sets name and time zone, and keeps everything else as it comes.
func (s *Server) changeChannel(ctx context.Context, a asked) (any, error) {
	kept := map[string]string{}
	c := a.channel
	for _, name := range a.Names() {
		text, err := a.Text(name)
		if err != nil && name != settingName && name != settingTimezone {
			var native []byte
			native, err = wording.Encoded(a.Value(name)) // JSON stays JSON
			text = string(native)
		}
		if err != nil {
			return nil, err
		}
		switch {
		case text == "" && (name == settingName || name == settingTimezone):
		case name == settingName:
			c.Name = text
		case name == settingTimezone:
			c.Timezone = text
		default:
			kept[name] = text
		}
	}
	if c.Name != a.channel.Name || c.Timezone != a.channel.Timezone {
		change := channels.Change{AccountID: a.caller.AccountID, ID: c.ID, By: a.caller.Actor()}
		if _, err := s.Channels.Update(ctx, change, func(to *providers.Channel) error {
			to.Name, to.Timezone = c.Name, c.Timezone
			return nil
		}); err != nil {
			return nil, err
		}
	}
	if len(kept) == 0 {
		return nil, nil
	}
	return nil, s.Channels.SetDialectSettings(ctx, a.caller.AccountID, a.channel.ID, api, kept)
}

// apiKey is the answer with a key.
type apiKey struct {
	Key string `json:"apikey"`
}

// showKey gives the key back that was presented: only its hash is kept.
func (s *Server) showKey(_ context.Context, a asked) (any, error) { return apiKey{a.key}, nil }

func (s *Server) rotateKey(ctx context.Context, a asked) (any, error) {
	_, key, err := s.Keys.Rotate(ctx, a.caller, a.caller.ID, 0)
	if err != nil {
		return nil, err
	}
	return apiKey{key.Reveal()}, s.audit(ctx, a, "rotate-key", fmt.Sprintf("key %d", a.caller.ID), nil)
}

// tokenLasts is how long a login is good for.
const tokenLasts = 24 * time.Hour

// token is the answer to a login.
type token struct {
	Token string `json:"token"`
}

// login makes a key that ends by itself. There are no people with passwords of their own: a
// password is a key of the account, and the token may do what that key may.
func (s *Server) login(ctx context.Context, a asked) (any, error) {
	name, err := a.needed("username")
	if err != nil {
		return nil, err
	}
	password, err := a.needed("password")
	if err != nil {
		return nil, err
	}
	k, err := s.Keys.Lookup(ctx, secret.New(password), gate.Source(ctx))
	if fault.Is(err, fault.Unauthorized) || err == nil && !s.opens(k, a) {
		return nil, fault.New(fault.Unauthorized, "the password is no API key of the account that opens this channel")
	}
	if err != nil {
		return nil, err
	}
	if k.ExpiresAt != nil {
		return nil, fault.New(fault.Unauthorized, "the password is the token of a login: log in with a key that does not end")
	}
	ends := s.deps.Clock.Now().Add(tokenLasts)
	_, key, err := s.Keys.Create(ctx, access.Key{
		AccountID: k.AccountID, Name: shortened("login of " + name), Role: k.Role, API: api, ChannelID: a.channel.ID, Networks: k.Networks, Rate: k.Rate,
		ExpiresAt: &ends,
	})
	if err != nil {
		return nil, err
	}
	return token{key.Reveal()}, s.audit(ctx, a, "log-in", fmt.Sprintf("key %d", k.ID), nil)
}

// opens reports whether a key opens the channel of a call: what is bound to another channel,
// to scopes of /v1, or made for another API, gains nothing by a login.
func (s *Server) opens(k access.Key, a asked) bool {
	return k.AccountID == a.caller.AccountID && (k.API == "" || k.API == api) && len(k.Scopes) == 0 && (k.ChannelID == 0 || k.ChannelID == a.channel.ID)
}

// shortened is a key's name.
func shortened(name string) string {
	const most = 100
	if letters := []rune(name); len(letters) > most {
		return string(letters[:most])
	}
	return name
}

func (s *Server) logout(ctx context.Context, a asked) (any, error) {
	if a.caller.ExpiresAt == nil {
		return nil, fault.New(fault.Invalid, "the key is no token of a login: PUT /channel/apikey replaces it")
	}
	return nil, s.Keys.Revoke(ctx, a.caller.AccountID, a.caller.ID)
}

// The parameters of a webhook, and the fields of what is told.
var (
	webhookFields = []string{"id", "messenger", "usernumber", "date", "attachment", "attachment_type", "text", "welcome", "channelnumber", "userstatus",
		"chat_id", "bot_chatid", "is_retry"}
	usualFields    = webhookFields[:11]
	mostFailures   = 10
	numberSettings = "channelnumber"
)

// hookOptions are what a webhook keeps of its own.
type hookOptions struct {
	Email  string   `json:"email,omitempty"`
	Fields []string `json:"fields,omitempty"`
	Number string   `json:"number,omitempty"`
}

func optionsOf(w webhooks.Webhook) (o hookOptions, err error) {
	if len(w.Options) > 0 {
		if err = json.Unmarshal(w.Options, &o); err != nil {
			return o, fmt.Errorf("read options of webhook %d: %w", w.ID, err)
		}
	}
	if len(o.Fields) == 0 {
		o.Fields = usualFields
	}
	return o, nil
}

// webhook is a webhook as clients read it.
type webhook struct {
	URL    string `json:"url"`
	Active string `json:"active"`
	Email  string `json:"email"`
	Fields string `json:"webhook_fields"`
}

// mostWebhooks is how many webhooks of an account are looked through.
const mostWebhooks = 1000

// ownWebhook is the channel's webhook in these words; nil if there is none.
func (s *Server) ownWebhook(ctx context.Context, a asked) (*webhooks.Webhook, error) {
	list, err := s.Webhooks.List(ctx, a.caller.AccountID, 0, mostWebhooks)
	for _, w := range list {
		if w.Format == api && slices.Contains(w.Channels, a.channel.ID) {
			return &w, err
		}
	}
	return nil, err
}

func (s *Server) showWebhook(ctx context.Context, a asked) (any, error) {
	w, err := s.ownWebhook(ctx, a)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return webhook{Active: "0", Fields: strings.Join(usualFields, ",")}, nil
	}
	o, err := optionsOf(*w)
	return webhook{w.URL, flag(w.State == webhooks.On), o.Email, strings.Join(o.Fields, ",")}, err
}

func (s *Server) changeWebhook(ctx context.Context, a asked) (any, error) {
	w, err := s.ownWebhook(ctx, a)
	if err != nil {
		return nil, err
	}
	change, err := s.webhookChange(ctx, a)
	if err != nil {
		return nil, err
	}
	if a.Has("url") || a.Has("active") || a.Has("email") || a.Has("webhook_fields") {
		if w == nil {
			made := webhooks.Webhook{
				AccountID: a.caller.AccountID, Format: api, Description: "MessengerPeople, " + a.channel.Name, Events: []webhooks.Event{webhooks.MessageReceived},
				Channels: []int64{a.channel.ID}, Sole: webhooks.SoleOfChannels, Content: true, State: webhooks.On, Batch: webhooks.Batch{Most: 1},
			}
			if err := change(&made); err != nil {
				return nil, err
			}
			if made.URL == "" {
				return nil, missing("url")
			}
			made, _, err = s.Webhooks.Create(ctx, made, a.caller.Actor())
			w = &made
		} else {
			*w, err = s.Webhooks.Update(ctx, webhooks.Change{AccountID: a.caller.AccountID, ID: w.ID, By: a.caller.Actor()}, change)
		}
		if err != nil {
			return nil, err
		}
	}
	test, err := a.Bool("test", false)
	if err != nil {
		return nil, err
	}
	if test {
		if w == nil {
			return nil, missing("url")
		}
		if err := s.tryWebhook(ctx, *w); err != nil {
			return nil, err
		}
	}
	return s.showWebhook(ctx, a)
}

// webhookChange reads what is to become of a webhook.
func (s *Server) webhookChange(ctx context.Context, a asked) (func(*webhooks.Webhook) error, error) {
	address, err := a.given("url")
	if err != nil {
		return nil, err
	}
	if address != nil {
		if u, err := url.Parse(*address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fault.InvalidField("url", *address, "must be an address such as https://example.org/webhook")
		}
	}
	var active *bool
	if a.Has("active") {
		is, err := a.Bool("active", true)
		if err != nil {
			return nil, err
		}
		active = &is
	}
	email, err := a.given("email")
	if err != nil {
		return nil, err
	}
	if email != nil {
		if _, err := mail.ParseAddress(*email); err != nil {
			return nil, fault.InvalidField("email", *email, "is no e-mail address")
		}
	}
	fields, err := a.List("webhook_fields")
	if err != nil {
		return nil, err
	}
	for _, field := range fields {
		if !slices.Contains(webhookFields, field) {
			return nil, fault.InvalidField("webhook_fields", field, "is no field: use %s", strings.Join(webhookFields, ", "))
		}
	}
	settings, err := s.settings(ctx, a)
	if err != nil {
		return nil, err
	}
	return func(w *webhooks.Webhook) error {
		o, err := optionsOf(*w)
		if err != nil {
			return err
		}
		if address != nil {
			w.URL = *address
		}
		if active != nil {
			if w.State = webhooks.Paused; *active {
				w.State = webhooks.On
			}
		}
		if email != nil {
			o.Email = *email
		}
		if len(fields) > 0 {
			o.Fields = fields
		}
		o.Number, w.KeyID = settings[numberSettings], a.caller.ID
		w.Options, err = wording.Encoded(o)
		return err
	}, nil
}

// told is a message as a program is told of it.
type told map[string]string

// pushed is the body of a request: the fields that are asked for alone.
func pushed(o hookOptions, list ...told) ([]byte, error) {
	shown := make([]told, len(list))
	for i, m := range list {
		shown[i] = told{}
		for _, field := range o.Fields {
			if value, has := m[field]; has {
				shown[i][field] = value
			}
		}
	}
	return wording.Encoded(struct {
		Messages []told `json:"messages"`
	}{shown})
}

// tryWebhook sends three messages that nobody wrote.
func (s *Server) tryWebhook(ctx context.Context, w webhooks.Webhook) error {
	o, err := optionsOf(w)
	if err != nil {
		return err
	}
	now := strconv.FormatInt(s.deps.Clock.Now().Unix(), 10)
	made := func(n int, messenger, from, text string) told {
		m := told{
			"id": strconv.Itoa(62103205 + n), "messenger": messenger, "usernumber": from, "date": now, "attachment": "", "attachment_type": "", "text": text,
			"welcome": "0", "userstatus": "1", "chat_id": strconv.Itoa(1234566 + n), "bot_chatid": "", "is_retry": "0",
		}
		if messenger == "WB" {
			m["channelnumber"] = o.Number
		}
		return m
	}
	body, err := pushed(o, made(1, "WB", "4917212345678", "Usermessage 1"), made(2, "WB", "4917212345678", "Usermessage 2"),
		made(3, "FB", "998694828505", "message via facebook"))
	if err != nil {
		return err
	}
	header, err := outgoing.Header(w.Secrets, "msg_test", s.deps.Clock.Now(), body)
	if err != nil {
		return err
	}
	answer := s.deps.Poster.Tell(ctx, w.URL, header, body)
	if !took(answer) {
		return fault.InvalidField("url", nil, `must answer with the JSON {"success":"true"}; it answered %d: %s`, answer.Status, answer.Text)
	}
	return nil
}

// took reports whether an answer says that a request was taken.
func took(answer fetch.Told) bool {
	var said struct {
		Success any `json:"success"`
	}
	if answer.Status < 200 || answer.Status >= 300 || json.Unmarshal([]byte(answer.Text), &said) != nil {
		return false
	}
	return said.Success == "true" || said.Success == true
}

// Format tells what people write in MessengerPeople's words.
type Format struct{ *services.Services }

// Request makes the request that tells what somebody wrote.
func (f Format) Request(ctx context.Context, w webhooks.Webhook, d webhooks.Delivery, o webhooks.Occurrence) (r outgoing.Request, ok bool, err error) {
	if o.Type == webhooks.Test {
		o.Data = nil
	} else if o.Type != webhooks.MessageReceived {
		return r, false, nil
	}
	options, err := optionsOf(w)
	if err != nil {
		return r, false, err
	}
	m := told{"attachment": "", "attachment_type": "", "welcome": "0", "bot_chatid": "", "is_retry": flag(d.Tries > 0),
		"date": strconv.FormatInt(o.Timestamp.Unix(), 10)}
	if o.Type == webhooks.Test {
		maps.Copy(m, told{"id": "1", "messenger": "WB", "usernumber": "4917212345678", "text": "test", "userstatus": "1", "chat_id": "1",
			"channelnumber": options.Number})
		r.Body, err = pushed(options, m)
		return r, true, err
	}
	var written webhooks.Reply
	if err := json.Unmarshal(o.Data, &written); err != nil {
		return r, false, fmt.Errorf("read occurrence %s: %w", o.ID, err)
	}
	if written.Content == nil {
		return r, false, nil // it is not kept any more
	}
	channel, err := f.Channels.Any(ctx, written.ChannelID)
	if fault.Is(err, fault.NotFound) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	number := strconv.FormatInt(written.ID, 10)
	maps.Copy(m, told{
		"id": number, "chat_id": number, "messenger": wording.CodeOf(channel.Address), "usernumber": userID(written.Content.From), "text": written.Content.Text,
		"welcome": flag(written.Meaning == string(reply.OptIn)),
	})
	if channel.Address != "facebook" {
		m["channelnumber"] = options.Number
	}
	if m["userstatus"], err = f.statusOf(ctx, w.AccountID, written); err != nil {
		return r, false, err
	}
	r.Body, err = pushed(options, m)
	return r, true, err
}

// statusOf is whether who wrote is active (1), is not (0), or was deleted (-1).
func (f Format) statusOf(ctx context.Context, accountID int64, written webhooks.Reply) (string, error) {
	list, err := f.Rules.Directory(ctx, targeting.DirectoryFilter{
		AccountID: accountID, Kinds: wording.Messengers(), Addresses: addressesOf([]string{written.Content.From}), Limit: 1,
	})
	switch {
	case err != nil:
		return "", err
	case len(list) > 0:
		return flag(list[0].Status == contacts.Active), nil
	case written.ContactID != 0:
		return "-1", nil
	}
	return "0", nil
}

// Took reports whether an answer says that the request was taken.
func (Format) Took(answer fetch.Told) bool { return took(answer) }

// Tries is how often a request is made; then the webhook is off.
func (Format) Tries(webhooks.Webhook) (most int, off bool) { return mostFailures, true }

// audit writes down what was done.
func (s *Server) audit(ctx context.Context, a asked, action, target string, detail map[string]any) error {
	if detail == nil {
		detail = map[string]any{}
	}
	detail["through"] = "MessengerPeople"
	return s.Trail.Add(context.WithoutCancel(ctx), access.AuditEntry{
		AccountID: a.caller.AccountID, Actor: a.caller.Actor(), Action: action, Target: target, RequestID: gate.RequestID(ctx), Source: gate.Source(ctx),
		Detail: detail,
	})
}
