package xms_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/xms"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	key     = "the-key-of-the-app-0123456789"
	token   = "the-token-of-the-webhook-0123"
	channel = "wa360:919999998888"
)

func config(url string) json.RawMessage {
	const form = `{"url":%q,"api_key":%q,"api_id":"an-app","channel_id":%q,"verify_token":%q,"timeout_ms":60000}`
	return json.RawMessage(fmt.Sprintf(form, url+"/xms", key, channel, token))
}

// server plays an XMS server.
func server(r *http.Request, body []byte) sink.Exchange {
	reply := func(status int, text string) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}}
	}
	if r.Header.Get("x-api-key") != key {
		return reply(403, `{"status":"403","statusKey":"ACCESS_DENIED","errors":[{"description":"Invalid x-api-key"}]}`)
	}
	switch r.Method + r.URL.Path {
	case "GET/xms/api/v1/config/channels":
		return reply(200, `{"status":"200","results":[{"channelId":"other"},{"channelId":"`+channel+`"}]}`)
	case "POST/xms/api/v1/message/send":
		id := idOf(body)
		return sink.Exchange{Messages: []int64{id}, Reply: func(w http.ResponseWriter, verdicts []sink.Answer) {
			if !strings.HasPrefix(strconv.Itoa(verdicts[0].Code), "2") && verdicts[0].Code != 0 {
				w.WriteHeader(verdicts[0].Code)
				return
			}
			_, _ = fmt.Fprintf(w, `{"status":"200","statusKey":"SUCCESS","data":null,"results":[{"id":"x%d"}]}`, id)
		}}
	}
	return reply(404, `{}`)
}

// message is what arrives.
type message struct {
	ChannelID string `json:"channelId"`
	To        struct{ Phone, Email, Name string }
	Type      string
	Text      struct{ Body, Subject string }
	Image     *media
	Video     *media
	Audio     *media
	Document  *media
	Location  *struct{ Latitude, Longitude, Name, Address, URL string }
	Contacts  []providers.Card
	Options   struct {
		Buttons []struct{ Type, Label, Code, URL, Phone string }
	}
	Mask bool
}

type media struct{ Link, Caption, Filename string }

func parse(body []byte) (m message) {
	_ = json.Unmarshal(body, &m) // what can't be read has no recipient
	return m
}

// idOf is our id: a message is known by its recipient.
func idOf(body []byte) int64 {
	to := parse(body).To
	for _, kind := range []providers.AddressKind{providers.WhatsApp, providers.Phone, providers.SMS} {
		if n := providertest.Number(kind, "+"+to.Phone); n != 0 {
			return n
		}
	}
	return max(1, providertest.Number(providers.Email, to.Email))
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	o.Dialect = server
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(s.URL()), Tally: &s.Tally}
}

// content is a message that arrived as Carillon has it.
func (m message) content() providers.Content {
	c := providers.Content{Text: m.Text.Body, Subject: m.Text.Subject}
	for _, f := range []*media{m.Image, m.Video, m.Audio, m.Document} {
		if f != nil {
			c.Attachment = &providers.Attachment{URL: f.Link, Caption: f.Caption, Filename: f.Filename}
		}
	}
	c.Cards = m.Contacts
	if l := m.Location; l != nil {
		latitude, _ := strconv.ParseFloat(l.Latitude, 64) // what is none is nowhere
		longitude, _ := strconv.ParseFloat(l.Longitude, 64)
		c.Location = &providers.Location{Latitude: latitude, Longitude: longitude, Name: l.Name, Address: l.Address, URL: l.URL}
	}
	for _, b := range m.Options.Buttons {
		kinds := map[string]providers.ButtonType{"URL": providers.ButtonLink, "PHONE_NUMBER": providers.ButtonCall, "QUICK_REPLY": providers.ButtonPostback}
		c.Buttons = append(c.Buttons, providers.MessageButton{Type: kinds[b.Type], Caption: b.Label, Info: b.URL + b.Phone + b.Code})
	}
	return c
}

// refusal is an answer of the server.
func refusal(status int, code string, kind providers.ErrorKind) providertest.Refusal {
	const form = `{"status":"%d","statusKey":"PARAM_INVALID","errors":[{"field":"x","obzect":"OutBoundMsg","codeKey":%q,"description":"because of %s"}]}`
	text := fmt.Sprintf(form, status, code, key)
	return providertest.Refusal{Name: code, Answer: sink.Answer{Code: status, Text: text}, Kind: kind, Code: code}
}

func plain(status int, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{Name: strconv.Itoa(status), Answer: sink.Answer{Code: status, Text: "why not"}, Kind: kind, Code: strconv.Itoa(status)}
}

func TestContract(t *testing.T) {
	throttled := plain(429, providers.ErrorThrottled)
	throttled.Answer.Header, throttled.RetryAfter = http.Header{"Retry-After": {"7"}}, 7*time.Second
	denied := refusal(403, "ACCESS_DENIED", providers.ErrorAuth)
	denied.Answer.Text = `{"status":"403","statusKey":"ACCESS_DENIED","errors":[{"description":"Invalid x-api-key"}]}`
	gone := plain(410, providers.ErrorRecipient)
	gone.Bounce = providers.BounceHard
	within := refusal(200, "CHANNEL_DISABLED", providers.ErrorSender)
	within.Name, within.Answer.Text = "refused with 200", strings.Replace(within.Answer.Text, `"200"`, `"400"`, 1)
	providertest.Run(t, providertest.Subject{
		Kind:    xms.Kind(),
		Serve:   serve,
		Nowhere: func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets: []string{key, token},
		Refusals: []providertest.Refusal{
			refusal(400, "CHANNEL_NOT_FOUND", providers.ErrorSender), refusal(400, "CHANNEL_DISABLED", providers.ErrorSender),
			refusal(400, "INSUFFICIENT_CONTACT_DETAILS", providers.ErrorRecipient), refusal(400, "TEXT_DETAILS_MISSING", providers.ErrorContent),
			denied, within, plain(301, providers.ErrorAccount), plain(400, providers.ErrorContent), plain(401, providers.ErrorAuth),
			plain(404, providers.ErrorTemporary), gone, throttled, plain(500, providers.ErrorTemporary), plain(502, providers.ErrorTemporary),
		},
		Arrived: func(_ testing.TB, d sink.Delivery) []providers.Message {
			m := parse(d.Body)
			to := m.To.Email
			if m.To.Phone != "" {
				to = "+" + m.To.Phone
			}
			return []providers.Message{{To: to, Content: m.content()}}
		},
		Proof: providertest.Password,
		Receipt: func(_ testing.TB, at time.Time, r providertest.Report) (http.Header, []byte) {
			word := map[providers.ReceiptStatus]string{providers.ReceiptDelivered: "DLVRD", providers.ReceiptFailed: "FAILD"}[r.Status]
			const form = `{"type":"statuses","contacts":[{}],"statuses":[{"id":"x%d","status":%q,"timestamp":%d,"errors":[{"code":471,"title":"too many"}]}]}`
			return posted(fmt.Sprintf(form, r.MessageID, word, at.UnixMilli()))
		},
		Reply: func(t testing.TB, at time.Time, r providers.Reply) (http.Header, []byte) {
			sort, of := "text", any(map[string]string{"body": r.Text})
			if r.Parts.Location != nil {
				sort, of = "location", r.Parts.Location
			} else if f := r.Parts.Media; f != nil {
				sort, of = string(f.Type), map[string]string{"caption": f.Caption, "filename": f.Filename, "link": "https://x.org/a"}
			}
			words, err := json.Marshal(of)
			require.NoError(t, err)
			return posted(fmt.Sprintf(`{"type":"messages","messages":[{"id":%q,"from":%s,"timestamp":%d,"type":%q,%q:%s}]}`,
				r.ID, strings.TrimPrefix(r.From, "+"), at.UnixMilli(), sort, sort, words))
		},
		Parts: append([]providers.ReplyParts{{Location: &providers.Location{
			Latitude: 52.5125, Longitude: -13.25, Name: "Café", Address: "1 Way", URL: "https://x.org/p",
		}}}, providertest.Files("look ✋", "a.pdf")...),
	})
}

func posted(body string) (http.Header, []byte) {
	return http.Header{"X-Verify-Token": {token}}, []byte(body)
}

// open makes the adapter for a channel that nobody asks.
func open(t *testing.T, change func(string) string) providers.Provider {
	t.Helper()
	raw := string(config("https://example.org"))
	if change != nil {
		raw = change(raw)
	}
	p, err := xms.Kind().New(json.RawMessage(raw), providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}, Clock: clock.NewFake(providertest.Now)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// Every type goes as what it is, with the headers that the document names.
func TestEveryType(t *testing.T) {
	var got sink.Delivery
	far := serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d }})
	p, err := xms.Kind().New(far.Config, providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	card := providers.Card{Name: providers.CardName{Formatted: "John Smith"}, Phones: []providers.CardPhone{{Phone: "+1 (940) 555-1234", Type: "HOME"}}}
	for name, c := range map[string]struct {
		content providers.Content
		want    string
	}{
		"text": {providers.Content{Text: "Hello", Masked: true}, `"type":"text","text":{"body":"Hello"},"mask":true`},
		"image": {
			providers.Content{Text: "c", Attachment: &providers.Attachment{URL: "https://example.org/x.png", Caption: "c", Filename: "x"}},
			`"type":"image","image":{"link":"https://example.org/x.png","caption":"c","filename":"x"}`,
		},
		"both": {
			providers.Content{Text: "a", Attachment: &providers.Attachment{URL: "https://x.org/v.mp4", Caption: "b"}},
			`"type":"video","video":{"link":"https://x.org/v.mp4","caption":"a\nb"}`,
		},
		"audio": {
			providers.Content{Attachment: &providers.Attachment{URL: "https://x.org/a.ogg?x=1"}}, `"type":"audio","audio":{"link":"https://x.org/a.ogg?x=1"}`,
		},
		"voice": {
			providers.Content{Attachment: &providers.Attachment{URL: "https://x.org/a", Type: providers.Voice}},
			`"type":"voice","audio":{"link":"https://x.org/a"}`,
		},
		"document": {providers.Content{Attachment: &providers.Attachment{URL: "https://x.org/a"}}, `"type":"document","document":{"link":"https://x.org/a"}`},
		"location": {
			providers.Content{Location: &providers.Location{Latitude: 12.90909, Longitude: -6.5, Name: "Main"}},
			`"type":"location","location":{"latitude":"12.90909","longitude":"-6.5","name":"Main"}`,
		},
		"contacts": {
			providers.Content{Cards: []providers.Card{card}},
			`"type":"contacts","contacts":[{"name":{"formatted_name":"John Smith"},"phones":[{"phone":"+1 (940) 555-1234","type":"HOME"}]}]`,
		},
		"buttons": {
			providers.Content{Text: "Choose", Buttons: []providers.MessageButton{{Type: providers.ButtonPostback, Caption: "Yes", Info: "yes"}}},
			`"type":"text","text":{"body":"Choose"},"options":{"buttons":[{"type":"QUICK_REPLY","label":"Yes","code":"yes"}]}`,
		},
	} {
		m := providertest.Message(providers.WhatsApp, 7)
		m.ToName, m.Content = "Ann", c.content
		accepted, err := p.Send(t.Context(), m)
		require.NoError(t, err, name)
		require.Equal(t, "x7", accepted.ProviderID)
		require.JSONEq(t, `{"channelId":"`+channel+`","to":{"phone":"`+strings.TrimPrefix(m.To, "+")+`","name":"Ann"},`+c.want+`}`, string(got.Body), name)
		require.Equal(t, []string{"an-app", key}, []string{got.Header.Get("x-api-id"), got.Header.Get("x-api-key")})
	}
}

// What the document shows of what is posted is read: numbers for texts, several errors.
func TestWhatIsPosted(t *testing.T) {
	p := open(t, nil)
	header, body := posted(`{"type":"statuses","statuses":[{"id":1234567,"status":"SENT"},{"id":1234567,"status":"DLVRD","timestamp":156753339076},
		{"id":"a b","status":"READ"},{"id":"2","status":"FAILD","errors":[{"code":470,"title":"outside the window"}]},{"id":"3","status":"DELTD"},
		{"id":"4","status":"FAILD"}]}`)
	receipts, err := p.(providers.CallbackParser).ParseCallback(header, body)
	var refused providers.Refused
	require.ErrorAs(t, err, &refused)
	require.Len(t, refused, 1)
	require.Equal(t, "statuses[2].id", refused[0].Location)
	require.Equal(t, []providers.Receipt{
		{ProviderID: "1234567", Status: providers.ReceiptDelivered, At: time.UnixMilli(156753339076).UTC()},
		{ProviderID: "2", Status: providers.ReceiptRejected, Code: "470", Detail: "outside the window"},
		{ProviderID: "4", Status: providers.ReceiptFailed, Code: "FAILD"},
	}, receipts)
	header, body = posted(`{"type":"message","messages":[{"id":1,"from":919988776655,"type":"image","image":{"caption":"look","link":"https://x.org/a"}},
		{"id":2,"from":"919988776655","type":"location","location":{"latitude":1.5,"longitude":"2","name":"Main"}},{"id":3,"from":""},
		{"id":4,"from":"919988776655","attachments":[{"link":"https://x.org/b"}]},{"id":5,"from":"919988776655"}]}`)
	replies, err := p.(providers.ReplyParser).ParseReplies(header, body)
	require.ErrorAs(t, err, &refused)
	var said []string
	for _, r := range replies {
		require.Equal(t, "+919988776655", r.From)
		said = append(said, r.Text)
	}
	require.Equal(t, []string{"look https://x.org/a", "Main  1.5,2", "https://x.org/b", ""}, said)
	_, body = posted(`{`)
	_, err = p.(providers.CallbackParser).ParseCallback(header, body)
	require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
	// Without a token nobody can show who they are.
	p = open(t, func(raw string) string { return strings.Replace(raw, token, "", 1) })
	_, err = p.(providers.CallbackParser).ParseCallback(http.Header{"X-Verify-Token": {""}}, []byte(`{}`))
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
}

// Another address than a number goes as what it is.
func TestEmail(t *testing.T) {
	var got sink.Delivery
	far := serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d }})
	raw := json.RawMessage(strings.Replace(string(far.Config), `{"url"`, `{"address":"email","url"`, 1))
	require.Equal(t, providers.Email, xms.Kind().AddressFor(raw))
	require.Equal(t, "919999998888", xms.Kind().Sender(raw))
	p, err := xms.Kind().New(raw, providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	_, err = p.Send(t.Context(), providers.Message{ID: 1, To: "a@example.org", Content: providers.Content{Subject: "News", Text: "Hello"}})
	require.NoError(t, err)
	m := parse(got.Body)
	require.Equal(t, []string{"a@example.org", "News", ""}, []string{m.To.Email, m.Text.Subject, m.To.Phone})
}

func TestConfigRefused(t *testing.T) {
	for field, raw := range map[string]string{
		"config.url":          `{"url":"ftp://x.org","api_key":"k","channel_id":"c"}`,
		"config.api_key":      `{"url":"https://x.org","api_key":"","channel_id":"c"}`,
		"config.channel_id":   `{"url":"https://x.org","api_key":"k","channel_id":"a b"}`,
		"config.verify_token": `{"url":"https://x.org","api_key":"k","channel_id":"c","verify_token":"ü"}`,
		"config.address":      `{"url":"https://x.org","api_key":"k","channel_id":"c","address":"fax"}`,
	} {
		err := xms.Kind().Validate(json.RawMessage(raw))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", field, err)
		require.ErrorContains(t, err, field)
	}
	sample, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, xms.Kind().Validate(sample))
}

// Whatever is posted is read or refused, and what is read can be kept.
func FuzzPosted(f *testing.F) {
	for _, seed := range []string{
		`{"statuses":[{"id":1,"status":"READ","timestamp":-1}]}`, `{"messages":[{"id":{},"from":[]}]}`, `{"statuses":[null]}`, `[]`,
		`{"messages":[{"id":"a","from":"1","text":{"body":1e9}}]}`,
		`{"messages":[{"id":"a","from":"1","location":{"latitude":"NaN","longitude":"1e999"}},{"id":"b","from":"1","attachments":[{"mime_type":"video/mp4"}]}]}`,
	} {
		f.Add([]byte(seed))
	}
	raw := config("https://example.org")
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := xms.Kind().New(raw, providers.Deps{})
		require.NoError(t, err)
		header := http.Header{"X-Verify-Token": {token}}
		receipts, _ := p.(providers.CallbackParser).ParseCallback(header, body)
		for _, r := range receipts {
			require.NotEmpty(t, r.ProviderID)
			require.LessOrEqual(t, len(r.ProviderID), providers.MaxProviderID)
		}
		replies, _ := p.(providers.ReplyParser).ParseReplies(header, body)
		for _, r := range replies {
			require.NotEmpty(t, r.ID)
			providertest.RequireKept(t, r.Parts)
		}
		require.NoError(t, p.Close())
	})
}
