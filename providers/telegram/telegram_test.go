package telegram_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/fault"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/telegram"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	half  = "the-half-that-is-not-to-be-guessed0"
	token = "110201543:" + half
	hook  = "what-telegram-shows-0123"
)

func config(address string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"api":%q,"token":%q,"secret_token":%q,"timeout_ms":60000}`, address, token, hook))
}

// parameters are those of every call that takes a message.
type parameters struct {
	ChatID    string `json:"chat_id"`
	Text      string
	Caption   string
	Photo     string
	Video     string
	Animation string
	Audio     string
	Voice     string
	Document  string
	Latitude  float64
	Longitude float64
	Title     string
	Address   string
	Markup    struct {
		Keyboard [][]struct {
			Text string
			URL  string
			Data string `json:"callback_data"`
		} `json:"inline_keyboard"`
	} `json:"reply_markup"`
}

func parse(body []byte) (p parameters) {
	_ = json.Unmarshal(body, &p) // what can't be read has no recipient
	return p
}

// needs are the parameters without which a call is refused.
var needs = map[string][]string{
	"sendMessage": {"text"}, "sendPhoto": {"photo"}, "sendVideo": {"video"}, "sendAnimation": {"animation"}, "sendAudio": {"audio"},
	"sendVoice": {"voice"}, "sendDocument": {"document"}, "sendLocation": {"latitude", "longitude"},
	"sendVenue": {"latitude", "longitude", "title", "address"},
}

// botAPI plays Telegram.
func botAPI(r *http.Request, body []byte) sink.Exchange {
	reply := func(status int, result string) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(result))
		}}
	}
	call, known := strings.CutPrefix(r.URL.Path, "/bot"+token+"/")
	if !known {
		return reply(401, `{"ok":false,"error_code":401,"description":"Unauthorized"}`)
	}
	if call == "getMe" {
		return reply(200, `{"ok":true,"result":{"id":110201543,"is_bot":true,"first_name":"News","username":"news_bot"}}`)
	}
	given := map[string]any{}
	_ = json.Unmarshal(body, &given) // what can't be read lacks all
	needed, known := needs[call]
	if !known {
		return reply(404, `{"ok":false,"error_code":404,"description":"Not Found: method not found"}`)
	}
	for _, name := range append(needed, "chat_id") {
		if given[name] == nil || given[name] == "" {
			return reply(400, fmt.Sprintf(`{"ok":false,"error_code":400,"description":"Bad Request: %s is empty"}`, name))
		}
	}
	to := parse(body).ChatID
	id := max(1, providertest.Number(providers.Telegram, to))
	return sink.Exchange{Messages: []int64{id}, Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		_, _ = fmt.Fprintf(w, `{"ok":true,"result":{"message_id":%d,"chat":{"id":%s,"type":"supergroup"},"date":1504208593}}`, id, to)
	}}
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	o.Dialect = botAPI
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(s.URL()), Tally: &s.Tally}
}

// content is what arrived as Carillon has it.
func (p parameters) content() providers.Content {
	c := providers.Content{Text: p.Text}
	if file := p.Photo + p.Video + p.Animation + p.Audio + p.Voice + p.Document; file != "" {
		c.Attachment = &providers.Attachment{URL: file, Caption: p.Caption}
	}
	if p.Latitude != 0 {
		c.Location = &providers.Location{Latitude: p.Latitude, Longitude: p.Longitude, Name: p.Title, Address: p.Address, URL: p.Markup.Keyboard[0][0].URL}
		return c
	}
	for _, row := range p.Markup.Keyboard {
		b := providers.MessageButton{Type: providers.ButtonLink, Caption: row[0].Text, Info: row[0].URL}
		if row[0].Data != "" {
			b.Type, b.Info = providers.ButtonPostback, row[0].Data
		}
		if shared, ok := strings.CutPrefix(b.Info, "https://t.me/share/url?url="); ok {
			b.Type = providers.ButtonShare
			b.Info, _ = url.QueryUnescape(shared)
		}
		c.Buttons = append(c.Buttons, b)
	}
	return c
}

// said is a refusal in Telegram's words.
func said(status int, description string, kind providers.ErrorKind, bounce providers.BounceKind) providertest.Refusal {
	return providertest.Refusal{
		Name: description, Kind: kind, Code: strconv.Itoa(status), Bounce: bounce,
		Answer: sink.Answer{Code: status, Text: fmt.Sprintf(`{"ok":false,"error_code":%d,"description":%q}`, status, description)},
	}
}

// plain is an answer of somebody else's, such as a proxy before Telegram.
func plain(status int, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{Name: strconv.Itoa(status), Answer: sink.Answer{Code: status, Text: "why not"}, Kind: kind, Code: strconv.Itoa(status)}
}

func refusals() []providertest.Refusal {
	slow := said(429, "Too Many Requests: retry after 7", providers.ErrorThrottled, "")
	slow.Answer.Text = `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 7","parameters":{"retry_after":7}}`
	slow.RetryAfter = 7 * time.Second
	moved := said(400, "Bad Request: group chat was upgraded to a supergroup chat", providers.ErrorRecipient, "")
	moved.Moved = "-1001201784679"
	moved.Answer.Text = strings.TrimSuffix(moved.Answer.Text, "}") + `,"parameters":{"migrate_to_chat_id":-1001201784679}}`
	within := said(400, "refused with 200", providers.ErrorContent, "")
	within.Answer.Code = 200
	uncoded := providertest.Refusal{Name: "without a code", Answer: sink.Answer{Code: 200, Text: `{"ok":false}`}, Kind: providers.ErrorContent, Code: "400"}
	status := providertest.Refusal{Name: "with a status alone", Answer: sink.Answer{Code: 401, Text: `{"ok":false}`}, Kind: providers.ErrorAuth, Code: "401"}
	doubt := func(code int, text string) providertest.Refusal {
		return providertest.Refusal{Name: "doubt " + text, Answer: sink.Answer{Code: code, Text: text}, Kind: providers.ErrorInDoubt}
	}
	gone := plain(410, providers.ErrorRecipient)
	gone.Bounce = providers.BounceHard
	return []providertest.Refusal{
		slow, moved, within, uncoded, status, said(429, "Too Many Requests", providers.ErrorThrottled, ""),
		said(403, "Forbidden: bot was blocked by the user", providers.ErrorRecipient, providers.BounceHard),
		said(403, "Forbidden: user is deactivated", providers.ErrorRecipient, providers.BounceHard),
		said(403, "Forbidden: bot was kicked from the supergroup chat", providers.ErrorRecipient, providers.BounceHard),
		said(403, "Forbidden: the group chat was deleted", providers.ErrorRecipient, providers.BounceHard),
		said(403, "Forbidden: bot can't initiate conversation with a user", providers.ErrorRecipient, ""),
		said(403, "Forbidden: bot is not a member of the channel chat", providers.ErrorRecipient, ""),
		said(400, "Bad Request: chat not found", providers.ErrorRecipient, ""),
		said(400, "Bad Request: PEER_ID_INVALID", providers.ErrorRecipient, ""),
		said(400, "Bad Request: not enough rights to send text messages to the chat", providers.ErrorRecipient, ""),
		said(400, "Bad Request: wrong file identifier/HTTP URL specified because of "+token, providers.ErrorContent, ""),
		said(400, "Bad Request: BUTTON_URL_INVALID", providers.ErrorContent, ""),
		said(401, "Unauthorized", providers.ErrorAuth, ""), said(404, "Not Found", providers.ErrorAuth, ""),
		said(413, "Request Entity Too Large", providers.ErrorContent, ""), said(500, "Internal Server Error", providers.ErrorTemporary, ""),
		said(502, "Bad Gateway "+half+" "+hook, providers.ErrorTemporary, ""),
		doubt(200, `{"ok":true}`), doubt(200, `{"ok":true,"result":{"message_id":"x"}}`), doubt(200, "<html>welcome</html>"), doubt(204, ""),
		plain(301, providers.ErrorAccount), plain(302, providers.ErrorTemporary), plain(403, providers.ErrorAuth), plain(404, providers.ErrorTemporary),
		gone, plain(502, providers.ErrorTemporary),
	}
}

func TestContract(t *testing.T) {
	providertest.Run(t, providertest.Subject{
		Kind:     telegram.Kind(),
		Serve:    serve,
		Nowhere:  func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets:  []string{token, half, hook},
		Refusals: refusals(),
		Unnamed:  true,
		Arrived: func(_ testing.TB, d sink.Delivery) []providers.Message {
			p := parse(d.Body)
			return []providers.Message{{To: p.ChatID, Content: p.content()}}
		},
		Proof: providertest.Password,
		Reply: func(t testing.TB, at time.Time, r providers.Reply) (http.Header, []byte) {
			number := strings.TrimPrefix(r.ID, "in_")
			said := written(r)
			said["message_id"], said["from"], said["date"] = json.Number(number), map[string]any{"id": 5, "is_bot": false, "first_name": "Zoë"}, at.Unix()
			said["chat"] = map[string]any{"id": json.Number(r.From), "type": "supergroup", "title": "News"}
			update := map[string]any{"update_id": json.Number("1000" + number), "message": said}
			if b := r.Parts.Button; b != nil {
				update = map[string]any{"update_id": update["update_id"], "callback_query": map[string]any{"id": r.ID, "from": said["from"], "message": said, "data": b.ID}}
			}
			body, err := json.Marshal(update)
			require.NoError(t, err)
			return posted(string(body))
		},
		Parts: append([]providers.ReplyParts{
			{Button: &providers.ReplyOption{ID: "yes_1", Title: "Yes, \"please\""}},
			{Location: &providers.Location{Latitude: 52.5125, Longitude: -13.25}},
			{Location: &providers.Location{Latitude: 52.5125, Longitude: -13.25, Name: "Café", Address: "1 Way"}},
			{Media: &providers.ReplyFile{Type: providers.Image, Caption: "look ✋"}},
			{Media: &providers.ReplyFile{Type: providers.Image}},
		}, providertest.Files("look ✋", "a.pdf")[1:]...),
	})
}

// written is a reply as a message of Telegram's.
func written(r providers.Reply) map[string]any {
	switch p := r.Parts; p.Type() {
	case providers.ReplyButton:
		return map[string]any{"reply_markup": map[string]any{"inline_keyboard": [][]map[string]string{
			{{"text": "No", "callback_data": "no"}, {"text": "See", "url": "https://x.org"}}, {{"text": p.Button.Title, "callback_data": p.Button.ID}}}}}
	case providers.ReplyLocation:
		at := map[string]float64{"latitude": p.Location.Latitude, "longitude": p.Location.Longitude}
		if p.Location.Name == "" {
			return map[string]any{"location": at}
		}
		return map[string]any{"location": at, "venue": map[string]any{"location": at, "title": p.Location.Name, "address": p.Location.Address}}
	case providers.ReplyMedia:
		if p.Media.Type == providers.Image {
			return map[string]any{"photo": []any{map[string]string{"file_id": "x"}}, "caption": p.Media.Caption}
		}
		return map[string]any{string(p.Media.Type): map[string]string{"file_id": "x", "file_name": p.Media.Filename}, "caption": p.Media.Caption}
	default:
		return map[string]any{"text": r.Text}
	}
}

func posted(body string) (http.Header, []byte) {
	return http.Header{"X-Telegram-Bot-Api-Secret-Token": {hook}}, []byte(body)
}

// open makes the adapter for a configuration.
func open(t testing.TB, raw json.RawMessage) providers.Provider {
	t.Helper()
	return providertest.Open(t, telegram.Kind(), raw)
}

// Each content goes by the call that Telegram has for it, with no parameter that it does not know.
func TestEveryCall(t *testing.T) {
	var called string
	var got []byte
	s, err := sink.NewHTTP(sink.Options{Dialect: func(r *http.Request, body []byte) sink.Exchange {
		called, got = strings.TrimPrefix(r.URL.Path, "/bot"+token+"/"), body
		return botAPI(r, body)
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	p := open(t, config(s.URL()+"/"))
	file := func(address string, of providers.AttachmentType) providers.Content {
		return providers.Content{Text: "a", Attachment: &providers.Attachment{URL: address, Caption: "b", Type: of, Filename: "n"}}
	}
	for name, c := range map[string]struct {
		content    providers.Content
		call, want string
	}{
		"text":      {providers.Content{Text: "Hello 🍏 <b> & \"x\""}, "sendMessage", `"text":"Hello 🍏 <b> & \"x\""`},
		"photo":     {file("https://x.org/a.jpg?x=1", ""), "sendPhoto", `"photo":"https://x.org/a.jpg?x=1","caption":"a\nb"`},
		"animation": {file("https://x.org/a.GIF?x=1", ""), "sendAnimation", `"animation":"https://x.org/a.GIF?x=1","caption":"a\nb"`},
		"video":     {file("https://x.org/a.mp4", ""), "sendVideo", `"video":"https://x.org/a.mp4","caption":"a\nb"`},
		"audio":     {file("https://x.org/a.mp3", ""), "sendAudio", `"audio":"https://x.org/a.mp3","caption":"a\nb"`},
		"voice":     {file("https://x.org/a", providers.Voice), "sendVoice", `"voice":"https://x.org/a","caption":"a\nb"`},
		"document":  {providers.Content{Attachment: &providers.Attachment{URL: "https://x.org/a.pdf"}}, "sendDocument", `"document":"https://x.org/a.pdf"`},
		"place":     {providers.Content{Location: &providers.Location{Latitude: 12.5, Longitude: -6}}, "sendLocation", `"latitude":12.5,"longitude":-6`},
		"name alone": {
			providers.Content{Location: &providers.Location{Latitude: 12.5, Longitude: -6, Name: "Main"}}, "sendVenue",
			`"latitude":12.5,"longitude":-6,"title":"Main","address":"12.5, -6"`,
		},
		"address alone": {
			providers.Content{Location: &providers.Location{Latitude: 12.5, Longitude: -6, Address: "1 Way"}}, "sendVenue",
			`"latitude":12.5,"longitude":-6,"title":"1 Way","address":"1 Way"`,
		},
		"place with an address": {
			providers.Content{Location: &providers.Location{Latitude: 12.5, Longitude: -6, URL: "https://x.org/a"}}, "sendLocation",
			`"latitude":12.5,"longitude":-6,"reply_markup":{"inline_keyboard":[[{"text":"https://x.org/a","url":"https://x.org/a"}]]}`,
		},
		"buttons": {
			providers.Content{Text: "Choose", Buttons: []providers.MessageButton{
				{Type: providers.ButtonPostback, Caption: "Yes"}, {Type: providers.ButtonPostback, Caption: "No", Info: "never"},
				{Type: providers.ButtonLink, Caption: "See", Info: "https://x.org/?a=1&b=2"},
				{Type: providers.ButtonShare, Caption: "Tell", Info: "https://x.org/?a=1&b=2"},
			}}, "sendMessage",
			`"text":"Choose","reply_markup":{"inline_keyboard":[[{"text":"Yes","callback_data":"Yes"}],[{"text":"No","callback_data":"never"}],
				[{"text":"See","url":"https://x.org/?a=1&b=2"}],[{"text":"Tell","url":"https://t.me/share/url?url=https%3A%2F%2Fx.org%2F%3Fa%3D1%26b%3D2"}]]}`,
		},
	} {
		accepted, err := p.Send(t.Context(), providers.Message{ID: 7, To: "123456789", Content: c.content})
		require.NoError(t, err, name)
		require.Equal(t, "123456789:1", accepted.ProviderID, "messages are numbered in each chat")
		require.Equal(t, c.call, called, name)
		require.JSONEq(t, `{"chat_id":"123456789",`+c.want+`}`, string(got), name)
	}
}

// What Telegram would refuse is refused before it is asked, in words that say what to do.
func TestTooLong(t *testing.T) {
	far := serve(t, sink.Options{})
	p := open(t, far.Config)
	for want, c := range map[string]providers.Content{
		"4097 letters": {Text: strings.Repeat("😀", 2048) + "x"},
		"1025 letters": {Text: strings.Repeat("x", 1000), Attachment: &providers.Attachment{URL: "https://x.org/a.jpg", Caption: strings.Repeat("y", 24)}},
		"66 bytes":     {Text: "x", Buttons: []providers.MessageButton{{Type: providers.ButtonPostback, Caption: "x", Info: strings.Repeat("я", 33)}}},
	} {
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: "1", Content: c})
		require.ErrorContains(t, err, want)
		require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
	}
	require.Zero(t, far.Tally.Asked())
}

// A group that has become a supergroup is said with its new number; a wrong token with what to do.
func TestErrorsSayWhatHelps(t *testing.T) {
	for want, r := range map[string]providertest.Refusal{
		"upgraded to a supergroup chat; the group has the chat id -1001201784679 now, and its contact gets it": refusals()[1],
		"@BotFather": said(401, "Unauthorized", providers.ErrorAuth, ""),
	} {
		p := open(t, serve(t, sink.Options{Answer: func(int64, int64) sink.Answer { return r.Answer }}).Config)
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: "1", Content: providers.Content{Text: "x"}})
		require.ErrorContains(t, err, want)
	}
	wrong := open(t, json.RawMessage(strings.Replace(string(serve(t, sink.Options{}).Config), half, "another-half-0123456789", 1)))
	err := wrong.(providers.Checker).Check(t.Context())
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
	require.ErrorContains(t, err, "Unauthorized")
}

// Of what Telegram tells, what people say is read and the rest is taken.
func TestWhatIsPosted(t *testing.T) {
	p := open(t, config("https://example.org"))
	for body, want := range map[string]string{
		`"message":{"message_id":3,"chat":{"id":12},"text":"/stop@news_bot now"}`:                                                   "/stop now",
		`"message":{"message_id":3,"chat":{"id":12},"text":"mail a@b.org"}`:                                                         "mail a@b.org",
		`"message":{"message_id":3,"chat":{"id":12},"photo":[{"file_id":"x"}],"caption":"look"}`:                                    "look",
		`"message":{"message_id":3,"chat":{"id":12},"voice":{"file_id":"x"}}`:                                                       "[audio]",
		`"message":{"message_id":3,"chat":{"id":12},"photo":[{"file_id":"x"}]}`:                                                     "[image]",
		`"message":{"message_id":3,"chat":{"id":12},"sticker":{"emoji":"👍"}}`:                                                       "👍",
		`"message":{"message_id":3,"chat":{"id":12},"contact":{"phone_number":"+49301234567","first_name":"Zoë"}}`:                  "Zoë +49301234567",
		`"message":{"message_id":3,"chat":{"id":12},"location":{"latitude":1.5,"longitude":-2}}`:                                    "1.5,-2",
		`"message":{"message_id":3,"chat":{"id":12},"location":{"latitude":1.5,"longitude":-2},"venue":{"title":"M","address":""}}`: "M 1.5,-2",
	} {
		header, raw := posted(`{"update_id":7,` + body + `}`)
		replies, err := p.(providers.ReplyParser).ParseReplies(header, raw)
		require.NoError(t, err, body)
		require.Len(t, replies, 1, body)
		replies[0].Parts = providers.ReplyParts{}
		require.Equal(t, []providers.Reply{{ID: "12:3", From: "12", Text: want}}, replies, body)
		require.Nil(t, p.(providers.Acknowledger).Acknowledgement(raw))
		require.Equal(t, "7", p.(providers.RequestIdentifier).RequestID(header, raw))
	}
	for _, ignored := range []string{
		`{"update_id":8,"my_chat_member":{"chat":{"id":12},"new_chat_member":{"status":"kicked"}}}`, `{"update_id":9,"poll":{"id":"1"}}`, `{}`, `null`,
		`{"update_id":9,"message":{"message_id":4,"chat":{"id":-12},"new_chat_members":[{"id":5}]}}`,
		`{"update_id":9,"message":{"message_id":4,"chat":{"id":-12},"migrate_to_chat_id":-10012}}`,
		`{"update_id":9,"edited_message":{"message_id":4,"chat":{"id":12},"text":"x"}}`, `{"update_id":9,"callback_query":{"id":"4","game_short_name":"x"}}`,
	} {
		replies, err := p.(providers.ReplyParser).ParseReplies(posted(ignored))
		require.NoError(t, err, ignored)
		require.Empty(t, replies, ignored)
	}
	for body, place := range map[string]string{
		`{"message":{"message_id":1,"text":"x"}}`: "message.chat.id", `{"message":{"chat":{"id":1},"text":"x"}}`: "message.message_id",
		`{"callback_query":{"data":"x","from":{"id":1}}}`: "callback_query.id", `{"callback_query":{"data":"x","id":"1"}}`: "callback_query.from.id",
	} {
		_, err := p.(providers.ReplyParser).ParseReplies(posted(body))
		var refused providers.Refused
		require.ErrorAs(t, err, &refused)
		require.Equal(t, place, refused[0].Location)
	}
	_, err := p.(providers.ReplyParser).ParseReplies(posted(`{"update_id":"x"}`))
	require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
	// Without a secret token nobody can show who they are.
	p = open(t, json.RawMessage(strings.Replace(string(config("https://example.org")), hook, "", 1)))
	_, err = p.(providers.ReplyParser).ParseReplies(http.Header{"X-Telegram-Bot-Api-Secret-Token": {""}}, []byte(`{}`))
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
}

// A button that is pressed is a reply from where it stands, and Telegram is told that it was
// heard.
func TestPressed(t *testing.T) {
	p := open(t, config("https://example.org"))
	header, body := posted(`{"update_id":7,"callback_query":{"id":"4382bfdwdsb323b2d9","from":{"id":12},"message":{"message_id":3,"chat":{"id":-100},
		"date":1504208593},"data":"never"}}`)
	replies, err := p.(providers.ReplyParser).ParseReplies(header, body)
	require.NoError(t, err)
	require.Equal(t, []providers.Reply{{ID: "pressed:4382bfdwdsb323b2d9", From: "-100", Text: "never", Parts: providers.ReplyParts{
		Button: &providers.ReplyOption{ID: "never"}}}}, replies, "what stood on it is not told")
	require.JSONEq(t, `{"method":"answerCallbackQuery","callback_query_id":"4382bfdwdsb323b2d9"}`, string(p.(providers.Acknowledger).Acknowledgement(body)))
	replies, err = p.(providers.ReplyParser).ParseReplies(posted(`{"callback_query":{"id":"4","from":{"id":12},"data":"x"}}`))
	require.NoError(t, err)
	require.Equal(t, "12", replies[0].From)
}

func TestConfigRefused(t *testing.T) {
	for field, raw := range map[string]string{
		"config.api":                     `{"token":"` + token + `","api":"ftp://x.org"}`,
		"config.api: must not":           `{"token":"` + token + `","api":"https://x.org?token=x"}`,
		"config.token":                   `{"token":"12345:short"}`,
		"config.token: is":               `{"token":""}`,
		"config.secret_token":            `{"token":"` + token + `","secret_token":"short"}`,
		"config.secret_token: must have": `{"token":"` + token + `","secret_token":"0123456789abcdef="}`,
	} {
		err := telegram.Kind().Validate(json.RawMessage(raw))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", field, err)
		require.ErrorContains(t, err, strings.Split(field, ":")[0])
	}
	sample, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, telegram.Kind().Validate(sample))
	require.Equal(t, 5, telegram.Kind().MostRequests(json.RawMessage(`{"token":"`+token+`","max_connections":5}`)))
}

// Whatever is posted is read or refused, and what is read can be kept.
func FuzzPosted(f *testing.F) {
	for _, seed := range []string{
		`{"update_id":1,"message":{"message_id":1,"chat":{"id":-1},"date":-1,"text":"/a@b"}}`, `{"callback_query":{"id":"é","data":"x","from":{"id":1}}}`,
		`{"message":{"message_id":1,"chat":{"id":1},"venue":{},"location":{"latitude":1e300}}}`, `{"message":null,"callback_query":{}}`, `[]`,
		`{"message":{"message_id":1.5}}`, `{"message":{"message_id":1,"chat":{"id":1},"document":{"file_name":"\u0000"},"caption":"\ud800"}}`,
		`{"callback_query":{"id":"4","data":"x","from":{"id":1},"message":{"chat":{"id":1},"reply_markup":{"inline_keyboard":[null,[{},{"callback_data":"x"}]]}}}}`,
	} {
		f.Add([]byte(seed))
	}
	raw := config("https://example.org")
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := telegram.Kind().New(raw, providers.Deps{})
		require.NoError(t, err)
		header := http.Header{"X-Telegram-Bot-Api-Secret-Token": {hook}}
		replies, _ := p.(providers.ReplyParser).ParseReplies(header, body)
		for _, r := range replies {
			require.True(t, providers.Key(r.ID))
			require.NotEqual(t, "0", r.From)
			_, err := strconv.ParseInt(r.From, 10, 64)
			require.NoError(t, err)
			providertest.RequireKept(t, r.Parts)
		}
		require.LessOrEqual(t, len(p.(providers.RequestIdentifier).RequestID(header, body)), 100)
		if words := p.(providers.Acknowledger).Acknowledgement(body); words != nil {
			require.True(t, json.Valid(words))
		}
		require.NoError(t, p.Close())
	})
}

// Whatever is answered to a message is an acceptance that can be kept or an error that says what it
// means, without the token.
func FuzzAnswered(f *testing.F) {
	providertest.FuzzAnswers(f, telegram.Kind(), serve, providertest.Answered{To: "1", Secret: half, Seeds: []string{
		`{"ok":true,"result":{"message_id":1}}`, `{"ok":false,"error_code":429,"parameters":{"retry_after":-1}}`, `{"ok":false,"error_code":1e9}`, `{"ok":null}`,
		`{"ok":false,"error_code":-5,"description":"` + token + `"}`, `{"ok":false,"parameters":{"migrate_to_chat_id":-1}}`,
	}})
}
