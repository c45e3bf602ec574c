package messengerpeople_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/fault"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/messengerpeople"
	"carillon/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	key  = "0123456789abcdef-api-key-of-the-channel"
	hook = "what-stands-in-the-address-0123"
)

func config(url string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"url": %q, "api_key": %q, "hook_token": %q, "timeout_ms": 60000}`, url+"/api/v14", key, hook))
}

// serve starts MessengerPeople: a form with the key in it, JSON with the code in it.
func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	o.Dialect = speak
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(s.URL()), Tally: &s.Tally}
}

func speak(r *http.Request, body []byte) sink.Exchange {
	refuse := func(reason string) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"code":400,"reason":%q}`, reason)
		}}
	}
	form, err := url.ParseQuery(string(body))
	switch {
	case err != nil || r.Method != http.MethodPost || r.URL.Path != "/api/v14/chat" && r.URL.Path != "/api/v14/chat/notification":
		return refuse("no such method")
	case form.Get("apikey") != key:
		return refuse("the API key is wrong")
	}
	var id int64
	for _, kind := range providers.AddressKinds() {
		id = max(id, providertest.Number(kind, restored(form.Get("id"))))
	}
	return sink.Exchange{Messages: []int64{id}, Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		_, _ = fmt.Fprintf(w, `{"code":200,"chat_id":%d}`, id)
	}}
}

// restored is an id with the + that the API leaves out.
func restored(id string) string {
	if providertest.Number(providers.WhatsApp, "+"+id) != 0 {
		return "+" + id
	}
	return id
}

func arrived(t testing.TB, d sink.Delivery) []providers.Message {
	t.Helper()
	form, err := url.ParseQuery(string(d.Body))
	require.NoError(t, err)
	m := providers.Message{To: restored(form.Get("id")), Content: providers.Content{Text: form.Get("message")}}
	if address := form.Get("attachment"); address != "" {
		m.Content.Attachment = &providers.Attachment{URL: address, Filename: form.Get("filename")}
	}
	return []providers.Message{m}
}

func TestContract(t *testing.T) {
	refusal := func(status int, reason string, kind providers.ErrorKind) providertest.Refusal {
		return providertest.Refusal{
			Name: fmt.Sprint(status, " ", reason), Kind: kind, Code: fmt.Sprint(status),
			Answer: sink.Answer{Code: status, Text: fmt.Sprintf(`{"code":%d,"reason":%q}`, status, reason)},
		}
	}
	slow := refusal(429, "too many requests", providers.ErrorThrottled)
	slow.Answer.Header, slow.RetryAfter = http.Header{"Retry-After": {"7"}}, 7*time.Second
	gone := refusal(410, "gone", providers.ErrorRecipient)
	gone.Bounce = providers.BounceHard
	within := providertest.Refusal{Name: "200 that says 400", Answer: sink.Answer{Code: 200, Text: `{"code":400,"reason":"no"}`},
		Kind: providers.ErrorContent, Code: "400"}
	moved := providertest.Refusal{Name: "302", Answer: sink.Answer{Code: 302, Header: http.Header{"Location": {"/elsewhere"}}},
		Kind: providers.ErrorTemporary, Code: "302"}
	doubt := func(code int, text string) providertest.Refusal {
		return providertest.Refusal{Name: fmt.Sprint(code, text), Answer: sink.Answer{Code: code, Text: text}, Kind: providers.ErrorInDoubt}
	}
	providertest.Run(t, providertest.Subject{
		Kind: messengerpeople.Kind(), Serve: serve, Nowhere: func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets: []string{key, hook}, Arrived: arrived, Proof: providertest.Password, Reply: posted,
		Parts: append(providertest.Files("look ✋", ""), providertest.Files("", "")...),
		Refusals: []providertest.Refusal{
			refusal(400, "message is missing", providers.ErrorContent), refusal(400, "the API key is unknown", providers.ErrorAuth),
			refusal(401, "unauthorized", providers.ErrorAuth), refusal(403, "forbidden", providers.ErrorAuth), refusal(402, "pay", providers.ErrorQuota),
			refusal(404, "no such method", providers.ErrorTemporary), refusal(405, "use POST", providers.ErrorAccount), gone, slow,
			refusal(500, "sorry", providers.ErrorTemporary), refusal(503, "sorry", providers.ErrorTemporary), within, moved,
			doubt(200, "welcome"), doubt(204, ""), doubt(200, `{"ok":true}`),
		},
	})
}

// posted is a request to the webhook, L521 to 565 of the document.
func posted(t testing.TB, at time.Time, r providers.Reply) (http.Header, []byte) {
	t.Helper()
	text, address := r.Text, ""
	if f := r.Parts.Media; f != nil {
		ends := map[providers.AttachmentType]string{providers.Image: "jpg", providers.Video: "mp4", providers.Audio: "ogg", providers.Document: "pdf"}
		text, address = f.Caption, "https://x.org/a."+ends[f.Type]+"?x=1"
	}
	body, err := json.Marshal(map[string]any{"messages": []any{map[string]string{
		"id": r.ID, "messenger": "WB", "usernumber": strings.TrimPrefix(r.From, "+"), "date": strconv.FormatInt(at.Unix(), 10), "attachment": address,
		"attachment_type": "", "text": text, "welcome": "0", "channelnumber": "49172", "userstatus": "1", "chat_id": "9", "is_retry": "0",
	}}})
	require.NoError(t, err)
	return http.Header{providers.HookTokenHeader: {hook}}, body
}

// What was written on other messengers is for other channels; what can't be used is named.
func TestWhatIsPosted(t *testing.T) {
	p, err := messengerpeople.Kind().New(config("https://example.org"), providers.Deps{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	header := http.Header{providers.HookTokenHeader: {hook}}
	replies, err := p.(providers.ReplyParser).ParseReplies(header, []byte(`{"messages":[
		{"id":"1","messenger":"FB","usernumber":"998694828505","text":"elsewhere"},{"chat_id":7,"usernumber":4915112345671,"date":1504208593,"text":"look",
		"attachment":"https://x.org/a.jpg"},{"usernumber":"4915112345671"},{"id":"8","usernumber":"a b"},{"id":{},"usernumber":["1"]}]}`))
	var refused providers.Refused
	require.ErrorAs(t, err, &refused)
	require.Len(t, refused, 3)
	require.Equal(t, []string{"messages[2].id", "messages[3].usernumber", "messages[4].id"},
		[]string{refused[0].Location, refused[1].Location, refused[2].Location})
	require.Equal(t, []providers.Reply{{ID: "7", From: "+4915112345671", Text: "look https://x.org/a.jpg", At: time.Unix(1504208593, 0).UTC(),
		Parts: providers.ReplyParts{Media: &providers.ReplyFile{Type: providers.Image, Caption: "look"}}}}, replies)
	_, err = p.(providers.ReplyParser).ParseReplies(header, []byte(`[`))
	require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
}

// Whatever is posted is read or refused, and what is read can be kept.
func FuzzPosted(f *testing.F) {
	for _, seed := range []string{
		`{"messages":[{"id":"1","messenger":"WB","usernumber":"49","date":"-1"}]}`, `{"messages":[null],"x":1}`, `[]`, `{"messages":[{"id":1.5}]}`,
		`{"messages":[{"id":"1","usernumber":"49","text":"\u0000","attachment":"https://x.org/a.mp4"}]}`,
	} {
		f.Add([]byte(seed))
	}
	raw := config("https://example.org")
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := messengerpeople.Kind().New(raw, providers.Deps{})
		require.NoError(t, err)
		replies, _ := p.(providers.ReplyParser).ParseReplies(http.Header{providers.HookTokenHeader: {hook}}, body)
		for _, r := range replies {
			require.True(t, providers.Key(r.ID))
			require.NotEmpty(t, r.From)
			providertest.RequireKept(t, r.Parts)
		}
		require.NoError(t, p.Close())
	})
}

// sent is what arrives of a message with further settings.
func sent(t *testing.T, more string, m providers.Message) (path string, form url.Values) {
	t.Helper()
	s, err := sink.NewHTTP(sink.Options{Dialect: func(r *http.Request, body []byte) sink.Exchange {
		path = r.URL.Path
		form, _ = url.ParseQuery(string(body))
		return speak(r, body)
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	raw := json.RawMessage(fmt.Sprintf(`{"url": %q, "api_key": %q%s}`, s.URL()+"/api/v14/", key, more))
	require.NoError(t, messengerpeople.Kind().Validate(raw))
	p, err := messengerpeople.Kind().New(raw, providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	_, err = p.Send(t.Context(), m)
	require.NoError(t, err)
	return path, form
}

func TestNotification(t *testing.T) {
	m := providertest.Message(providers.WhatsApp, 7)
	m.Content = providers.Content{Text: `Say "hi"`, Attachment: &providers.Attachment{URL: "https://example.org/a.png"}}
	path, form := sent(t, `, "notification_template": "news", "notification_language": "en"`, m)
	require.Equal(t, "/api/v14/chat/notification", path)
	require.Equal(t, url.Values{
		"id": {m.To[1:]}, "apikey": {key}, "notification_template": {"news"}, "notification_language": {"en"}, "notification_body_variables": {`["Say \"hi\""]`},
		"notification_header_media": {"https://example.org/a.png"},
	}, form)
}

// A file goes as one, and what is said beside it as its text.
func TestFiles(t *testing.T) {
	m := providertest.Message(providers.WhatsApp, 7)
	m.Content = providers.Content{Text: "Our menu", Attachment: &providers.Attachment{URL: "https://example.org/menu.png?x=1", Filename: "menu.png",
		Caption: "Today"}}
	path, form := sent(t, "", m)
	require.Equal(t, "/api/v14/chat", path)
	require.Equal(t, url.Values{
		"id": {m.To[1:]}, "apikey": {key}, "message": {"Our menu\nToday"}, "attachment": {"https://example.org/menu.png?x=1"}, "filename": {"menu.png"},
	}, form)
}

func TestConfig(t *testing.T) {
	for _, wrong := range []string{
		`{}`, `{"api_key":""}`, `{"api_key":"k","url":"rest.messengerpeople.com"}`, `{"api_key":"k","url":"https://a:b@example.org"}`,
		`{"api_key":"k","url":"https://example.org/api?apikey=x"}`, `{"api_key":"k","notification_language":"en"}`,
		`{"api_key":"k","hook_token":"short"}`, `{"api_key":"k","hook_token":"a token with blanks in it"}`,
		`{"api_key":"k","address":"telegram","notification_template":"x"}`, `{"api_key":"k","address":"email"}`,
	} {
		require.True(t, fault.Is(messengerpeople.Kind().Validate(json.RawMessage(wrong)), fault.Invalid), wrong)
	}
	require.Equal(t, providers.Telegram, messengerpeople.Kind().AddressFor(json.RawMessage(`{"api_key":"k","address":"telegram"}`)))
}
