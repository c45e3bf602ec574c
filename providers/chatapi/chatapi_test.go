package chatapi_test

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
	"carillon/providers/chatapi"
	"carillon/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	token = "the-token-of-the-instance-01234"
	hook  = "what-stands-in-the-address-0123"
)

func config(url string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"url":%q,"token":%q,"hook_token":%q,"timeout_ms":60000}`, url+"/instance12", token, hook))
}

// message is what arrives.
type message struct{ Phone, Body, Filename, Caption string }

func parse(body []byte) (m message) {
	_ = json.Unmarshal(body, &m) // what can't be read has no recipient
	return m
}

// idOf is the id that an instance gives a message.
func idOf(id int64) string {
	return fmt.Sprintf("true_%s@c.us_3EB0%016X", strings.TrimPrefix(providertest.Address(providers.WhatsApp, id), "+"), id)
}

// instance plays one.
func instance(r *http.Request, body []byte) sink.Exchange {
	reply := func(status int, text string) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}}
	}
	if r.URL.Query().Get("token") != token {
		return reply(401, `{"error":"Wrong token. Please provide token as a GET parameter."}`)
	}
	switch r.Method + r.URL.Path {
	case "GET/instance12/status":
		return reply(200, `{"accountStatus":"authenticated"}`)
	case "POST/instance12/sendMessage", "POST/instance12/sendFile":
		id := max(1, providertest.Number(providers.WhatsApp, "+"+parse(body).Phone))
		return sink.Exchange{Messages: []int64{id}, Reply: func(w http.ResponseWriter, verdicts []sink.Answer) {
			if code := verdicts[0].Code; code != 0 && code/100 != 2 {
				w.WriteHeader(code)
				return
			}
			_, _ = fmt.Fprintf(w, `{"sent":true,"message":"Sent to it","id":%q,"queueNumber":%d}`, idOf(id), id)
		}}
	}
	return reply(404, `{"error":"there is no such method"}`)
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	o.Dialect = instance
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(s.URL()), Tally: &s.Tally}
}

func plain(status int, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{Name: strconv.Itoa(status), Answer: sink.Answer{Code: status, Text: "why not"}, Kind: kind, Code: strconv.Itoa(status)}
}

func TestContract(t *testing.T) {
	says := func(name string, status int, text string, want providers.Error) providertest.Refusal {
		return providertest.Refusal{Name: name, Answer: sink.Answer{Code: status, Text: text}, Kind: want.Kind, Code: want.Code}
	}
	throttled := plain(429, providers.ErrorThrottled)
	throttled.Answer.Header, throttled.RetryAfter = http.Header{"Retry-After": {"7"}}, 7*time.Second
	gone := plain(410, providers.ErrorRecipient)
	gone.Bounce = providers.BounceHard
	wrong := providers.Error{Kind: providers.ErrorAuth, Code: "wrong_token"}
	providertest.Run(t, providertest.Subject{
		Kind:    chatapi.Kind(),
		Serve:   serve,
		Nowhere: func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets: []string{token, hook},
		Refusals: []providertest.Refusal{
			{Name: "without an id", Answer: sink.Answer{Code: 200, Text: `{"sent":true,"message":"ok"}`}},
			says("not sent", 200, `{"sent":false,"message":"because of `+token+`"}`, providers.Error{Kind: providers.ErrorContent, Code: "not_sent"}),
			says("wrong token", 401, `{"error":"Wrong token. Please provide token as a GET parameter."}`, wrong),
			says("wrong token with 200", 200, `{"error":"Wrong token"}`, wrong),
			says("an error with 200", 200, `{"error":"Limit"}`, providers.Error{Kind: providers.ErrorContent, Code: "error"}),
			says("no such instance", 404, `{"error":"no such instance"}`, providers.Error{Kind: providers.ErrorAccount, Code: "404"}),
			plain(301, providers.ErrorAccount), plain(302, providers.ErrorTemporary), plain(400, providers.ErrorContent), plain(401, providers.ErrorAuth),
			plain(403, providers.ErrorAuth), plain(404, providers.ErrorTemporary), gone, throttled, plain(500, providers.ErrorTemporary),
		},
		Arrived: func(_ testing.TB, d sink.Delivery) []providers.Message {
			m := parse(d.Body)
			c := providers.Content{Text: m.Body}
			if m.Filename != "" {
				// A file without a name goes by that in its address.
				c = providers.Content{Attachment: &providers.Attachment{URL: m.Body, Caption: m.Caption, Filename: strings.TrimSuffix(m.Filename, "a b.pdf")}}
			}
			return []providers.Message{{To: "+" + m.Phone, Content: c}}
		},
		Proof:   providertest.Password,
		Reports: []providers.ReceiptStatus{providers.ReceiptDelivered, providers.ReceiptRead},
		Receipt: func(_ testing.TB, _ time.Time, r providertest.Report) (http.Header, []byte) {
			word := map[providers.ReceiptStatus]string{providers.ReceiptDelivered: "delivered", providers.ReceiptRead: "viewed"}[r.Status]
			return posted(fmt.Sprintf(`{"ack":[{"id":%q,"queueNumber":%d,"chatId":"1@c.us","status":%q}],"instanceId":"12"}`, idOf(r.MessageID), r.MessageID, word))
		},
		Reply: func(t testing.TB, at time.Time, r providers.Reply) (http.Header, []byte) {
			sort, body, caption := "chat", r.Text, ""
			if f := r.Parts.Media; f != nil {
				sort, body, caption = string(f.Type), "https://x.org/a", f.Caption
			}
			words, err := json.Marshal(map[string]any{"id": r.ID, "body": body, "caption": caption, "type": sort, "senderName": "Zoë", "fromMe": false,
				"time": at.Unix(), "chatId": strings.TrimPrefix(r.From, "+") + "@c.us"})
			require.NoError(t, err)
			return posted(fmt.Sprintf(`{"messages":[%s],"instanceId":"12"}`, words))
		},
		Parts: providertest.Files("look ✋", ""),
	})
}

func posted(body string) (http.Header, []byte) {
	return http.Header{providers.HookTokenHeader: {hook}}, []byte(body)
}

// L66 to 116 of the document.
func TestRequests(t *testing.T) {
	var got sink.Delivery
	far := serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d }})
	p, err := chatapi.Kind().New(far.Config, providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	for name, c := range map[string]struct {
		content providers.Content
		want    string
	}{
		"text": {providers.Content{Text: "Hello 🍏"}, `"body":"Hello 🍏"`},
		"file": {
			providers.Content{Text: "c", Attachment: &providers.Attachment{URL: "https://x.org/a.jpg", Caption: "c", Filename: "b.jpg"}},
			`"body":"https://x.org/a.jpg","filename":"b.jpg","caption":"c"`,
		},
		"without name": {
			providers.Content{Attachment: &providers.Attachment{URL: "https://x.org/d/a.jpg?x=1"}}, `"body":"https://x.org/d/a.jpg?x=1","filename":"a.jpg"`,
		},
		"no name at all": {providers.Content{Attachment: &providers.Attachment{URL: "https://x.org"}}, `"body":"https://x.org","filename":"file"`},
	} {
		m := providertest.Message(providers.WhatsApp, 7)
		m.Content = c.content
		accepted, err := p.Send(t.Context(), m)
		require.NoError(t, err, name)
		require.Equal(t, idOf(7), accepted.ProviderID)
		require.JSONEq(t, `{"phone":"`+strings.TrimPrefix(m.To, "+")+`",`+c.want+`}`, string(got.Body), name)
	}
}

// L160 to 210 of the document, and what only others would take for theirs.
func TestWhatIsPosted(t *testing.T) {
	p, err := chatapi.Kind().New(config("https://example.org"), providers.Deps{Clock: clock.NewFake(providertest.Now)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	header, body := posted(`{"ack":[{"id":"true_1","status":"sent"},{"id":"true_1","status":"viewed"},{"id":"a b","status":"viewed"}],"messages":[
		{"id":"false_1","body":"https://x.org/a.jpg","caption":"look","type":"image","time":1504208593,"chatId":"17472822486@c.us"},
		{"id":"true_2","body":"ours","fromMe":true,"chatId":"17472822486@c.us"},{"id":"false_3","body":"all","chatId":"1-2@g.us"},
		{"id":"","body":"x","chatId":"17472822486@c.us"},{"id":"false_4","body":"x","chatId":"@c.us"}]}`)
	receipts, err := p.(providers.CallbackParser).ParseCallback(header, body)
	var refused providers.Refused
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "ack[2].id", refused[0].Location)
	require.Equal(t, []providers.Receipt{{ProviderID: "true_1", Status: providers.ReceiptRead}}, receipts)
	replies, err := p.(providers.ReplyParser).ParseReplies(header, body)
	require.ErrorAs(t, err, &refused)
	require.Len(t, refused, 2)
	require.Equal(t, []providers.Reply{{ID: "false_1", From: "+17472822486", Text: "look https://x.org/a.jpg", At: time.Unix(1504208593, 0).UTC(),
		Parts: providers.ReplyParts{Media: &providers.ReplyFile{Type: providers.Image, Caption: "look"}}}}, replies)
	_, err = p.(providers.ReplyParser).ParseReplies(header, []byte(`[`))
	require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
}

func TestAnInstanceThatIsNotSignedIn(t *testing.T) {
	s, err := sink.NewHTTP(sink.Options{Dialect: func(*http.Request, []byte) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			_, _ = w.Write([]byte(`{"accountStatus":"got qr code"}`))
		}}
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	p, err := chatapi.Kind().New(config(s.URL()), providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	require.ErrorContains(t, p.(providers.Checker).Check(t.Context()), "got qr code")
}

func TestConfigRefused(t *testing.T) {
	for field, raw := range map[string]string{
		"config.url":        `{"url":"https://x.org/instance1?token=x","token":"t"}`,
		"config.token":      `{"url":"https://x.org/instance1","token":""}`,
		"config.hook_token": `{"url":"https://x.org/instance1","token":"t","hook_token":"short"}`,
	} {
		err := chatapi.Kind().Validate(json.RawMessage(raw))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", field, err)
		require.ErrorContains(t, err, field)
	}
	sample, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, chatapi.Kind().Validate(sample))
}

// Whatever is posted is read or refused, and what is read can be kept.
func FuzzPosted(f *testing.F) {
	for _, seed := range []string{
		`{"ack":[{"id":"true_1","status":"viewed"}]}`, `{"messages":[{"id":"x","chatId":"1@c.us","time":-1}]}`, `{"ack":[null],"messages":null}`, `[]`,
		`{"messages":[{"id":1}]}`, `{"messages":[{"id":"x","chatId":"1@c.us","type":"ptt","caption":"\u0000"}]}`,
	} {
		f.Add([]byte(seed))
	}
	raw := config("https://example.org")
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := chatapi.Kind().New(raw, providers.Deps{})
		require.NoError(t, err)
		header := http.Header{providers.HookTokenHeader: {hook}}
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
