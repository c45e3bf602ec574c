package providertest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
)

// The messenger is the adapter that the suite is tried on: of a provider that has all
// that no built-in one has. It comes as a cloud, which sells access tokens, takes
// batches and keeps templates, and as a bot, which has one token for ever, in its
// address.
type messengerConfig struct {
	URL    string        `json:"url" destination:"true" format:"uri" doc:"Where its API is."`
	Secret secret.String `json:"secret" writeOnly:"true" doc:"What access tokens are bought with, or a bot's token."`
	Hook   secret.String `json:"hook,omitempty" writeOnly:"true" presented:"true" doc:"Secret of what it posts to /hooks/{channel_id}."`

	Address providers.AddressKind `json:"address,omitempty" enum:"email,phone,sms,whatsapp,telegram,viber,facebook,instagram,push,web,custom" default:"whatsapp"`

	Days int `json:"days,omitempty" minimum:"1" maximum:"7" default:"1" doc:"For how long who has written can be written to."`
}

const (
	messengerBound = 4096
	// messengerUnits fit into messengerBound, whatever letters they are of.
	messengerUnits = 1000
	messengerBatch = 5
)

// style is what messengers differ in.
type style struct {
	// bot is one that has a password in its callbacks in place of a signature.
	bot bool
	// echoes says that requests carry our id, and receipts name it.
	echoes bool
}

// kind describes a messenger; change, unless nil, makes another provider of it.
func (st style) kind(change func(*cloud) providers.Provider) providers.Kind {
	can := providers.Capabilities{
		Address: providers.WhatsApp, MaxTextBytes: messengerBound, Receipts: true, Replies: true, Media: true, GivesID: true, EchoesID: st.echoes,
		Buttons: providers.ButtonTypes(), Location: true, Cards: true, ReplyWindow: 24 * time.Hour,
	}
	if !st.bot {
		can.MaxBatch, can.Templates = messengerBatch, true
	}
	k := providers.Define(providers.Kind{
		Name: "messenger", Title: "Messenger", Description: "Plays a messenger.", Capabilities: can,
	}, func(*messengerConfig) []fault.Field { return nil }, func(c *messengerConfig, deps providers.Deps) (providers.Provider, error) {
		m := newMessenger(c, deps, st)
		switch {
		case change != nil:
			return change(&cloud{m}), nil
		case st.bot:
			return m, nil
		}
		return &cloud{m}, nil
	})
	k.AddressFor = func(raw json.RawMessage) providers.AddressKind {
		var c messengerConfig
		if providers.DecodeConfig(raw, &c) != nil {
			return providers.WhatsApp
		}
		return c.Address
	}
	k.ReplyWindowFor = func(raw json.RawMessage) time.Duration {
		var c messengerConfig
		if providers.DecodeConfig(raw, &c) != nil {
			return can.ReplyWindow
		}
		return time.Duration(c.Days) * 24 * time.Hour
	}
	return k
}

type messenger struct {
	config    *messengerConfig
	deps      providers.Deps
	style     style
	transport *http.Transport
	tokens    tokenSource
	// quote is what is told of an answer that refuses.
	quote func(answer []byte, token string) string
}

func newMessenger(c *messengerConfig, deps providers.Deps, st style) *messenger {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	m := &messenger{config: c, deps: deps, style: st, transport: &http.Transport{
		DialContext: deps.Dialer.DialContext, Protocols: protocols,
		MaxConnsPerHost: deps.Concurrency, MaxIdleConnsPerHost: deps.Concurrency,
	}}
	m.quote = m.words
	m.tokens = fixedToken{c.Secret}
	if !st.bot {
		m.tokens = newBoughtTokens(m.buy)
	}
	return m
}

// cloud is a messenger that takes batches and keeps templates.
type cloud struct{ *messenger }

// Send is a batch of one.
func (m *messenger) Send(ctx context.Context, message providers.Message) (providers.Accepted, error) {
	r := m.hand(ctx, []providers.Message{message})[0]
	return r.Accepted, r.Err
}

func (c *cloud) SendBatch(ctx context.Context, messages []providers.Message) []providers.Result {
	return c.hand(ctx, messages)
}

// outgoing is a message as the provider wants it.
type outgoing struct {
	To        string                    `json:"to"`
	Text      string                    `json:"text,omitempty"`
	File      *providers.Attachment     `json:"file,omitempty"`
	Buttons   []providers.MessageButton `json:"buttons,omitempty"`
	Place     *providers.Location       `json:"place,omitempty"`
	Cards     []providers.Card          `json:"cards,omitempty"`
	Template  *providers.KeptTemplate   `json:"template,omitempty"`
	ClientRef string                    `json:"client_ref,omitempty"`
}

// answer is what the provider says of one message.
type answer struct {
	ID     string   `json:"id"`
	Status int      `json:"status"`
	Error  *problem `json:"error"`
}

type problem struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// hand asks the provider to take messages in one request, and once more if all that
// was wrong with it is that its token had expired.
func (m *messenger) hand(ctx context.Context, messages []providers.Message) []providers.Result {
	results := make([]providers.Result, len(messages))
	left := make([]int, 0, len(messages)) // the places of those that may still go
	for i := range messages {
		if len(messages[i].Content.Text) > messengerBound {
			results[i].Err = &providers.Error{Kind: providers.ErrorContent, Code: "too_long", Err: fmt.Errorf("the text has more than %d bytes", messengerBound)}
			continue
		}
		left = append(left, i)
	}
	settle := func(err error) []providers.Result {
		for _, i := range left {
			results[i].Err = err
		}
		return results
	}
	if err := ctx.Err(); err != nil {
		return settle(&providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("not asked: %w", err)})
	}
	token, err := m.tokens.get(ctx, "")
	for renewed := false; ; renewed = true {
		if err != nil {
			return settle(err)
		}
		going := left[:0]
		for _, i := range left {
			if results[i].Err = messages[i].MayBegin(); results[i].Err == nil {
				going = append(going, i)
			}
		}
		if left = going; len(left) == 0 {
			return results
		}
		answers, failure := m.deliver(ctx, token, m.pick(messages, left))
		switch {
		case failure == nil:
			for at, i := range left {
				results[i].Accepted, results[i].Err = answers[at].result()
			}
			return results
		case failure.Code == expired && !renewed && !m.style.bot:
			token, err = m.tokens.get(ctx, token)
		default:
			return settle(failure)
		}
	}
}

// expired is the code of an answer to a token that is good no more.
const expired = "401"

func (m *messenger) pick(messages []providers.Message, places []int) []providers.Message {
	picked := make([]providers.Message, len(places))
	for at, i := range places {
		picked[at] = messages[i]
	}
	return picked
}

// deliver makes one request of messages that have begun.
func (m *messenger) deliver(ctx context.Context, token string, messages []providers.Message) ([]answer, *providers.Error) {
	list := make([]outgoing, len(messages))
	for i := range messages {
		c := messages[i].Content
		o := outgoing{
			To: strings.TrimPrefix(messages[i].To, "+"), Text: c.Text, File: c.Attachment, Buttons: c.Buttons, Place: c.Location, Cards: c.Cards, Template: c.Kept,
		}
		if m.style.echoes {
			o.ClientRef = strconv.FormatInt(messages[i].ID, 10)
		}
		list[i] = o
	}
	body, err := json.Marshal(map[string]any{"messages": list})
	if err != nil {
		return nil, &providers.Error{Kind: providers.ErrorContent, Err: err}
	}
	raw, failure := m.ask(ctx, request{method: http.MethodPost, path: "/messages", token: token, body: body, commit: func() {
		for i := range messages {
			messages[i].Commits()
		}
	}})
	if failure != nil {
		return nil, failure
	}
	var said struct {
		Results []answer `json:"results"`
	}
	if json.Unmarshal(raw, &said) != nil || len(said.Results) != len(messages) {
		return nil, &providers.Error{Kind: providers.ErrorInDoubt, Err: errors.New("the messages were taken, in words that say nothing of each")}
	}
	return said.Results, nil
}

// result is what became of a message that was answered by itself.
func (a answer) result() (providers.Accepted, error) {
	switch {
	case a.Error != nil || a.Status/100 > 2:
		return providers.Accepted{}, classify(a.Status, a.Error)
	case a.ID == "":
		return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt, Err: errors.New("the message was taken, but has no id")}
	}
	return providers.Accepted{ProviderID: a.ID, Response: "accepted"}, nil
}

// codes are the provider's codes that say more than the status.
var codes = map[int]providers.Error{
	131026: {Kind: providers.ErrorRecipient, Bounce: providers.BounceHard},
	131047: {Kind: providers.ErrorRecipient, WindowClosed: true},
	131056: {Kind: providers.ErrorRecipientBusy},
	130429: {Kind: providers.ErrorThrottled},
	132000: {Kind: providers.ErrorContent},
	368:    {Kind: providers.ErrorAccount},
}

func classify(status int, p *problem) *providers.Error {
	failure := providers.ClassifyHTTP(status, http.Header{}, time.Time{})
	if p == nil {
		return failure
	}
	if known, ok := codes[p.Code]; ok && failure != nil {
		failure.Kind, failure.Bounce, failure.WindowClosed, failure.Code = known.Kind, known.Bounce, known.WindowClosed, strconv.Itoa(p.Code)
		failure.Err = errors.New(p.Message)
	}
	return failure
}

// request is one request to the provider.
type request struct {
	method, path, token string
	body                []byte
	commit              func()
}

// ask makes a request and returns the body of an answer that is no refusal.
func (m *messenger) ask(ctx context.Context, r request) ([]byte, *providers.Error) {
	base := m.config.URL
	if m.style.bot {
		base += "/bot" + r.token
	}
	var connected atomic.Bool
	q, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		connected.Store(true)
		if r.commit != nil {
			r.commit()
		}
	}}), r.method, base+r.path, bytes.NewReader(r.body))
	if err != nil {
		return nil, &providers.Error{Kind: providers.ErrorAccount, Err: errors.New("config.url is no address")}
	}
	q.Header.Set("Content-Type", "application/json")
	if !m.style.bot {
		q.Header.Set("Authorization", "Bearer "+r.token)
	}
	got, err := m.transport.RoundTrip(q)
	switch {
	case err != nil && !connected.Load():
		return nil, providers.ClassifyDial(err)
	case err != nil:
		return nil, &providers.Error{Kind: providers.ErrorInDoubt, Err: fmt.Errorf("read answer: %w", err)}
	}
	defer func() { _ = got.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(got.Body, 1<<20))
	failure := providers.ClassifyHTTP(got.StatusCode, got.Header, m.deps.Clock.Now())
	if failure == nil {
		if err != nil {
			return nil, &providers.Error{Kind: providers.ErrorInDoubt, Err: fmt.Errorf("read answer: %w", err)}
		}
		return raw, nil
	}
	var said answer
	if json.Unmarshal(raw, &said) == nil && said.Error != nil {
		after := failure.RetryAfter
		failure = classify(got.StatusCode, said.Error)
		failure.RetryAfter = after
	}
	if words := m.quote(raw, r.token); words != "" {
		failure.Err = errors.New(words)
	}
	return nil, failure
}

// words are the provider's own about a refusal, without a secret in them.
func (m *messenger) words(raw []byte, token string) string {
	var said answer
	if json.Unmarshal(raw, &said) != nil || said.Error == nil {
		return ""
	}
	pairs := []string{m.config.Secret.Reveal(), secret.Redacted, m.config.Hook.Reveal(), secret.Redacted}
	if token != "" {
		pairs = append(pairs, token, secret.Redacted)
	}
	return strings.NewReplacer(pairs...).Replace(said.Error.Message)
}

// get reads what the provider keeps; nothing is sent by it, so nothing is in doubt.
func (m *messenger) get(ctx context.Context, path string, into any) error {
	token, err := m.tokens.get(ctx, "")
	for renewed := false; err == nil; renewed = true {
		raw, failure := m.ask(ctx, request{method: http.MethodGet, path: path, token: token})
		switch {
		case failure == nil:
			if err := json.Unmarshal(raw, into); err != nil {
				return &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("the answer is no JSON")}
			}
			return nil
		case failure.Code == expired && !renewed && !m.style.bot:
			token, err = m.tokens.get(ctx, token)
		case failure.Kind == providers.ErrorInDoubt:
			failure.Kind = providers.ErrorTemporary
			return failure
		default:
			return failure
		}
	}
	return err
}

// Check asks who we are.
func (m *messenger) Check(ctx context.Context) error {
	var me struct{}
	return m.get(ctx, "/me", &me)
}

var statuses = map[string]providers.TemplateStatus{
	"PENDING": providers.TemplatePending, "APPROVED": providers.TemplateApproved, "REJECTED": providers.TemplateRejected,
	"PAUSED": providers.TemplatePaused, "DISABLED": providers.TemplateDisabled,
}

// SyncTemplates reads page after page.
func (c *cloud) SyncTemplates(ctx context.Context) ([]providers.Template, error) {
	if err := ctx.Err(); err != nil {
		return nil, &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("not asked: %w", err)}
	}
	var all []providers.Template
	for path := "/templates"; path != ""; {
		var page struct {
			Templates []struct{ Name, Language, Status, Body, Reason string }
			Next      string
		}
		if err := c.get(ctx, path, &page); err != nil {
			return nil, err
		}
		for _, t := range page.Templates {
			all = append(all, providers.Template{Name: t.Name, Language: t.Language, Status: statuses[t.Status], Body: t.Body, Reason: t.Reason})
		}
		path = page.Next
	}
	return all, nil
}

// Challenge answers what the messenger asks before it posts anything.
func (c *cloud) Challenge(query url.Values) (string, error) {
	if !c.config.Hook.Equal(query.Get("token")) {
		return "", &providers.Error{Kind: providers.ErrorAuth, Err: errors.New("the question is not the provider's")}
	}
	return query.Get("say"), nil
}

// incoming is a request to /hooks/{channel_id}.
type incoming struct {
	Statuses []struct {
		ID        string   `json:"id"`
		ClientRef string   `json:"client_ref"`
		Status    string   `json:"status"`
		Error     *problem `json:"error"`
	} `json:"statuses"`
	Messages []struct {
		ID   string    `json:"id"`
		From string    `json:"from"`
		Text string    `json:"text"`
		At   time.Time `json:"at"`
		// Parts are in Carillon's own form there.
		Parts providers.ReplyParts `json:"parts"`
	} `json:"messages"`
}

func (m *messenger) read(header http.Header, body []byte) (in incoming, err error) {
	want, got := m.config.Hook.Reveal(), header.Get("X-Secret-Token")
	if !m.style.bot {
		want, got = signature(want, body), header.Get("X-Signature")
	}
	if !hmac.Equal([]byte(want), []byte(got)) {
		return in, &providers.Error{Kind: providers.ErrorAuth, Err: errors.New("the request is not the provider's")}
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return in, &providers.Error{Kind: providers.ErrorContent, Err: errors.New("the body is no JSON")}
	}
	return in, nil
}

func signature(key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func (m *messenger) ParseCallback(header http.Header, body []byte) ([]providers.Receipt, error) {
	in, err := m.read(header, body)
	if err != nil {
		return nil, err
	}
	var receipts []providers.Receipt
	for _, s := range in.Statuses {
		r := providers.Receipt{ProviderID: s.ID, Status: providers.ReceiptStatus(s.Status)}
		if m.style.echoes {
			if r.MessageID, err = strconv.ParseInt(s.ClientRef, 10, 64); err != nil {
				return nil, &providers.Error{Kind: providers.ErrorContent, Err: errors.New("client_ref is not ours")}
			}
			r.ProviderID = ""
		}
		if s.Error != nil {
			r.Code, r.Detail = strconv.Itoa(s.Error.Code), s.Error.Message
		}
		receipts = append(receipts, r)
	}
	return receipts, nil
}

func (m *messenger) ParseReplies(header http.Header, body []byte) ([]providers.Reply, error) {
	in, err := m.read(header, body)
	if err != nil {
		return nil, err
	}
	var replies []providers.Reply
	for _, s := range in.Messages {
		r := providers.Reply{ID: s.ID, From: s.From, Text: s.Text, Parts: s.Parts, At: s.At}
		if m.config.Address == providers.WhatsApp {
			r.From = "+" + s.From
		}
		replies = append(replies, r)
	}
	return replies, nil
}

func (m *messenger) Close() error {
	m.tokens.close()
	m.transport.CloseIdleConnections()
	return nil
}

// buy exchanges the secret for an access token. Nobody was asked to take a message
// yet, so nothing is in doubt.
func (m *messenger) buy(ctx context.Context) (string, error) {
	raw, failure := m.ask(ctx, request{method: http.MethodPost, path: "/token", token: m.config.Secret.Reveal()})
	var given struct {
		Token string `json:"access_token"`
	}
	switch {
	case failure != nil:
		if failure.Kind == providers.ErrorInDoubt {
			failure.Kind = providers.ErrorTemporary
		}
		return "", failure
	case json.Unmarshal(raw, &given) != nil || given.Token == "":
		return "", &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("the answer holds no access token")}
	}
	return given.Token, nil
}
