package viber_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/fault"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/viber"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "445da6az1s345z78-dazcczb2542zv51a-e0vc5fva17480im9"

func config(address string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"api":%q,"token":%q,"sender":"News","timeout_ms":60000}`, address+"/pa", token))
}

type asked struct {
	Receiver, Type, Text, Media string
	Sender                      struct{ Name, Avatar string }
	Keyboard                    *struct {
		Type    string
		Buttons []struct{ ActionType, ActionBody, Text string }
	}
}

func parse(body []byte) (a asked) {
	_ = json.Unmarshal(body, &a) // what can't be read lacks all
	return a
}

// wrong says why a message is refused; empty if it is not.
func (a asked) wrong() string {
	n := utf8.RuneCountInString(a.Text)
	switch {
	case a.Receiver == "" || a.Sender.Name == "" || utf8.RuneCountInString(a.Sender.Name) > 28:
		return "receiver and sender.name are required"
	case a.Type == "text" && (n == 0 || n > 7000), a.Type == "picture" && (n > 768 || a.Media == ""), a.Type != "text" && a.Type != "picture":
		return "the text, the media or the type is wrong"
	}
	if a.Keyboard == nil {
		return ""
	}
	for _, b := range a.Keyboard.Buttons {
		if b.Text == "" || b.ActionBody == "" || b.ActionType != "reply" && b.ActionType != "open-url" {
			return "a button is wrong"
		}
	}
	return ""
}

// number is Viber's id for a message: more digits than a float64 keeps.
func number(n int64) string { return fmt.Sprintf("491266184665%07d", n) }

// botAPI plays Viber.
func botAPI(r *http.Request, body []byte) sink.Exchange {
	reply := func(answer string) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) { _, _ = w.Write([]byte(answer)) }}
	}
	switch a := parse(body); {
	case r.Method != http.MethodPost:
		return reply(`{"status":3,"status_message":"badData"}`)
	case r.Header.Get("X-Viber-Auth-Token") != token:
		return reply(`{"status":2,"status_message":"invalidAuthToken"}`)
	case r.URL.Path == "/pa/get_account_info":
		return reply(`{"status":0,"status_message":"ok","id":"pa:1","name":"News"}`)
	case r.URL.Path != "/pa/send_message" || a.wrong() != "":
		return reply(`{"status":3,"status_message":"badData"}`)
	default:
		n := providertest.Number(providers.Viber, a.Receiver)
		return sink.Exchange{Messages: []int64{n}, Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			_, _ = fmt.Fprintf(w, `{"status":0,"status_message":"ok","message_token":%s,"chat_hostname":"SN-CHAT-05_"}`, number(n))
		}}
	}
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	o.Dialect = botAPI
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(s.URL()), Tally: &s.Tally}
}

// arrived is what arrived as Carillon has it.
func arrived(_ testing.TB, d sink.Delivery) []providers.Message {
	a := parse(d.Body)
	c := providers.Content{Text: a.Text}
	if a.Media != "" {
		c.Attachment = &providers.Attachment{URL: a.Media}
	}
	if a.Keyboard != nil {
		for _, b := range a.Keyboard.Buttons {
			kind := providers.ButtonPostback
			if b.ActionType == "open-url" {
				kind = providers.ButtonLink
			}
			c.Buttons = append(c.Buttons, providers.MessageButton{Type: kind, Caption: b.Text, Info: b.ActionBody})
		}
	}
	return []providers.Message{{To: a.Receiver, Content: c}}
}

func refusals() (all []providertest.Refusal) {
	said := func(status int, kind providers.ErrorKind, bounce providers.BounceKind) {
		r := providertest.Refusal{
			Name: "status " + strconv.Itoa(status), Kind: kind, Bounce: bounce, Code: strconv.Itoa(status),
			Answer: sink.Answer{Code: 200, Text: fmt.Sprintf(`{"status":%d,"status_message":"words with %s"}`, status, token)},
		}
		if kind == providers.ErrorRecipientBusy {
			r.RetryAfter = 10 * time.Minute
		}
		all = append(all, r)
	}
	for kind, statuses := range map[providers.ErrorKind][]int{
		providers.ErrorContent: {1, 3, 4, 13, 14, 16, 22}, providers.ErrorAuth: {2, 15}, providers.ErrorAccount: {7, 8, 9, 10, 17, 18},
		providers.ErrorRecipientBusy: {12}, providers.ErrorQuota: {23, 24}, providers.ErrorTemporary: {99, -1},
	} {
		for _, status := range statuses {
			said(status, kind, "")
		}
	}
	said(5, providers.ErrorRecipient, providers.BounceHard)
	said(6, providers.ErrorRecipient, providers.BounceSoft)
	said(11, providers.ErrorRecipient, providers.BounceSoft)
	said(21, providers.ErrorRecipient, "")
	for _, text := range []string{
		`{"status":0}`, `{"status":0,"message_token":"x"}`, `{"status":0,"message_token":1.5}`, `{"status":0,"message_token":0}`, "<html>welcome</html>",
	} {
		all = append(all, providertest.Refusal{Name: "doubt " + text, Answer: sink.Answer{Code: 200, Text: text}, Kind: providers.ErrorInDoubt})
	}
	for status, kind := range map[int]providers.ErrorKind{
		301: providers.ErrorAccount, 401: providers.ErrorAuth, 429: providers.ErrorThrottled, 502: providers.ErrorTemporary,
	} {
		all = append(all, providertest.Refusal{
			Name: "plain " + strconv.Itoa(status), Answer: sink.Answer{Code: status, Text: "why not " + token}, Kind: kind, Code: strconv.Itoa(status),
		})
	}
	return append(all, providertest.Refusal{
		Name: "well with 503", Answer: sink.Answer{Code: 503, Text: `{"status":0,"message_token":1}`}, Kind: providers.ErrorTemporary, Code: "503",
	})
}

func sign(body []byte) http.Header {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write(body)
	return http.Header{"X-Viber-Content-Signature": {hex.EncodeToString(mac.Sum(nil))}}
}

func posted(format string, args ...any) (http.Header, []byte) {
	body := fmt.Appendf(nil, format, args...)
	return sign(body), body
}

func TestContract(t *testing.T) {
	words := map[providers.ReceiptStatus]string{providers.ReceiptDelivered: "delivered", providers.ReceiptRead: "seen", providers.ReceiptFailed: "failed"}
	providertest.Run(t, providertest.Subject{
		Kind:     viber.Kind(),
		Serve:    serve,
		Nowhere:  func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets:  []string{token},
		Refusals: refusals(),
		Unnamed:  true,
		Proof:    providertest.Signed,
		Reports:  []providers.ReceiptStatus{providers.ReceiptDelivered, providers.ReceiptRead, providers.ReceiptFailed},
		Arrived:  arrived,
		Receipt: func(_ testing.TB, at time.Time, r providertest.Report) (http.Header, []byte) {
			return posted(`{"event":%q,"timestamp":%d,"message_token":%s,"user_id":"uV+/7xYz==","desc":"failure description"}`,
				words[r.Status], at.UnixMilli(), number(r.MessageID))
		},
		Reply: func(_ testing.TB, at time.Time, r providers.Reply) (http.Header, []byte) {
			words, _ := json.Marshal(written(r)) // texts can be written
			return posted(`{"event":"message","timestamp":%d,"message_token":49126618466551%s,"sender":{"id":%q,"name":"Zoë"},"message":%s}`,
				at.UnixMilli(), strings.TrimPrefix(r.ID, "in_"), r.From, words)
		},
		Parts: []providers.ReplyParts{
			{Location: &providers.Location{Latitude: 52.5125, Longitude: -13.25}},
			{Media: &providers.ReplyFile{Type: providers.Image, Caption: "look ✋"}}, {Media: &providers.ReplyFile{Type: providers.Video}},
			{Media: &providers.ReplyFile{Type: providers.Document, Filename: "a.pdf"}},
		},
	})
}

// written is a reply as Viber posts it.
func written(r providers.Reply) map[string]any {
	switch p := r.Parts; p.Type() {
	case providers.ReplyLocation:
		return map[string]any{"type": "location", "location": map[string]float64{"lat": p.Location.Latitude, "lon": p.Location.Longitude}}
	case providers.ReplyMedia:
		words := map[providers.AttachmentType]string{providers.Image: "picture", providers.Video: "video", providers.Document: "file"}
		return map[string]any{"type": words[p.Media.Type], "text": p.Media.Caption, "file_name": p.Media.Filename, "media": "https://x.org"}
	default:
		return map[string]any{"type": "text", "text": r.Text}
	}
}

// open makes the adapter for a configuration.
func open(t testing.TB, raw json.RawMessage) providers.Provider {
	t.Helper()
	return providertest.Open(t, viber.Kind(), raw)
}

// Each content goes in the one form that Viber has for it.
func TestForms(t *testing.T) {
	var got []byte
	p := open(t, json.RawMessage(strings.Replace(string(serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d.Body }}).Config),
		"{", `{"avatar":"https://x.org/me.png",`, 1)))
	picture := &providers.Attachment{URL: "https://x.org/a.jpg?x=1", Caption: "b"}
	buttons := []providers.MessageButton{{Type: providers.ButtonPostback, Caption: "Yes"}, {Type: providers.ButtonLink, Caption: "See", Info: "https://x.org/a"}}
	long := strings.Repeat("x", 769)
	for name, c := range map[string]struct {
		content providers.Content
		want    string
	}{
		"text":    {providers.Content{Text: "Hello 🍏"}, `"type":"text","text":"Hello 🍏"`},
		"picture": {providers.Content{Text: "a", Attachment: picture}, `"type":"picture","text":"a\nb","media":"https://x.org/a.jpg?x=1"`},
		"picture and a lot": {providers.Content{Text: long, Attachment: &providers.Attachment{URL: "https://x.org/a.jpg"}},
			`"type":"text","text":"` + long + `\nhttps://x.org/a.jpg"`},
		"video": {providers.Content{Attachment: &providers.Attachment{URL: "https://x.org/a.mp4"}}, `"type":"text","text":"https://x.org/a.mp4"`},
		"buttons": {
			providers.Content{Text: "Choose", Buttons: buttons}, `"type":"text","text":"Choose","keyboard":{"Type":"keyboard","DefaultHeight":false,"Buttons":[
				{"Columns":6,"Rows":1,"ActionType":"reply","ActionBody":"Yes","Text":"Yes"},
				{"Columns":6,"Rows":1,"ActionType":"open-url","ActionBody":"https://x.org/a","Text":"See"}]}`,
		},
		"buttons alone": {
			providers.Content{Buttons: buttons[1:]}, `"type":"text","text":"See: https://x.org/a","keyboard":{"Type":"keyboard","DefaultHeight":false,"Buttons":[
				{"Columns":6,"Rows":1,"ActionType":"open-url","ActionBody":"https://x.org/a","Text":"See"}]}`,
		},
	} {
		accepted, err := p.Send(t.Context(), providers.Message{ID: 7, To: providertest.Address(providers.Viber, 7), Content: c.content})
		require.NoError(t, err, name)
		require.Equal(t, number(7), accepted.ProviderID)
		require.JSONEq(t, `{"receiver":"`+providertest.Address(providers.Viber, 7)+`","sender":{"name":"News","avatar":"https://x.org/me.png"},
			"min_api_version":1,"tracking_data":"7-theinstallation1",`+c.want+`}`, string(got), name)
	}
}

// What Viber would refuse is refused before it is asked, in words that say what to do.
func TestTooLong(t *testing.T) {
	served := serve(t, sink.Options{})
	p := open(t, served.Config)
	for want, c := range map[string]providers.Content{
		"7001 letters, an emoji counted as two; Viber takes at most 7000": {Text: strings.Repeat("😀", 3500) + "x"},
		"bytes with its buttons; Viber takes at most 30720": {
			Text:    strings.Repeat("я", 7000),
			Buttons: slices.Repeat([]providers.MessageButton{{Type: providers.ButtonPostback, Caption: "x", Info: strings.Repeat("x", 2000)}}, 9),
		},
	} {
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: "x", Content: c})
		require.ErrorContains(t, err, want)
		require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
	}
	require.Zero(t, served.Tally.Asked())
}

// Of what Viber tells, what people say and do is read, and the rest is taken.
func TestWhatIsPosted(t *testing.T) {
	p := open(t, config("https://example.org"))
	at := time.UnixMilli(1457764197627).UTC()
	for rest, want := range map[string]string{
		`"event":"message","sender":{"id":"a="},"message":{"type":"text","text":"hello"}`:                                            "hello",
		`"event":"message","sender":{"id":"a="},"message":{"type":"picture","media":"https://x.org"}`:                                "[picture]",
		`"event":"message","sender":{"id":"a="},"message":{"type":"file","file_name":"a.pdf"}`:                                       "a.pdf",
		`"event":"message","sender":{"id":"a="},"message":{"type":"location","location":{"lat":1.5,"lon":-2}}`:                       "1.5,-2",
		`"event":"message","sender":{"id":"a="},"message":{"type":"contact","contact":{"name":"Zoë","phone_number":"+49301234567"}}`: "Zoë +49301234567",
		`"event":"subscribed","user":{"id":"a="}`:                                                                                    "START",
		`"event":"unsubscribed","user_id":"a="`:                                                                                      "STOP",
		`"event":"conversation_started","user":{"id":"a="},"subscribed":false`:                                                       "",
		`"event":"webhook"`: "",
		`"event":"message","sender":{"id":"a="},"message":{"type":"unknown"}`: "",
	} {
		header, body := posted(`{"timestamp":1457764197627,"message_token":4912661846655238145,%s}`, rest)
		replies, err := p.(providers.ReplyParser).ParseReplies(header, body)
		require.NoError(t, err, rest)
		receipts, err := p.(providers.CallbackParser).ParseCallback(header, body)
		require.NoError(t, err, rest)
		require.Empty(t, receipts, rest)
		if want == "" {
			require.Empty(t, replies, rest)
			continue
		}
		require.Len(t, replies, 1, rest)
		replies[0].Parts = providers.ReplyParts{}
		sets := !strings.Contains(rest, `"event":"message"`)
		require.Equal(t, []providers.Reply{{ID: "4912661846655238145", From: "a=", Text: want, At: at, Setting: sets}}, replies, rest)
	}
	for body, place := range map[string]string{
		`{"event":"message","sender":{"id":"a="},"message":{"text":"x"}}`: "message_token", `{"event":"unsubscribed","message_token":1}`: "user_id",
		`{"event":"subscribed","user":{"id":"a b"},"message_token":1}`: "user.id", `{"event":"message","message":{"text":"x"},"message_token":1}`: "sender.id",
	} {
		_, err := p.(providers.ReplyParser).ParseReplies(posted("%s", body))
		var refused providers.Refused
		require.ErrorAs(t, err, &refused, body)
		require.Equal(t, place, refused[0].Location)
	}
	_, err := p.(providers.CallbackParser).ParseCallback(posted(`{"event":"seen"}`))
	var refused providers.Refused
	require.ErrorAs(t, err, &refused)
	_, err = p.(providers.CallbackParser).ParseCallback(posted(`[]`))
	require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
	failed, err := p.(providers.CallbackParser).ParseCallback(posted(`{"event":"failed","message_token":1}`))
	require.NoError(t, err)
	require.NotEmpty(t, failed[0].Detail)
}

// Who answers a message has it: that settles one of which the answer was lost. What others sent
// with the same bot is none of ours.
func TestAnsweredMessagesHaveArrived(t *testing.T) {
	p := open(t, config("https://example.org"))
	for tracking, want := range map[string]int64{"7-theinstallation1": 7, "7-another": 0, "order 12": 0, "": 0} {
		receipts, err := p.(providers.CallbackParser).ParseCallback(posted(
			`{"event":"message","timestamp":1457764197627,"message_token":1,"sender":{"id":"a="},"message":{"type":"text","text":"x","tracking_data":%q}}`, tracking))
		require.NoError(t, err)
		if want == 0 {
			require.Empty(t, receipts)
			continue
		}
		require.Equal(t, []providers.Receipt{{MessageID: want, Status: providers.ReceiptDelivered, At: time.UnixMilli(1457764197627).UTC()}}, receipts)
	}
}

func TestConfigRefused(t *testing.T) {
	sample, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, viber.Kind().Validate(sample))
	for field, change := range map[string][2]string{
		"config.api":    {`{`, `{"api":"ftp://x.org",`},
		"config.token":  {token, `short`},
		"config.sender": {`"News"`, `"` + strings.Repeat("x", 29) + `"`},
		"config.avatar": {`https://news.example.org/a.png`, `a.png`},
	} {
		err := viber.Kind().Validate(json.RawMessage(strings.Replace(string(sample), change[0], change[1], 1)))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", field, err)
		require.ErrorContains(t, err, field)
	}
}

// A wrong token is found before anything is sent.
func TestCheck(t *testing.T) {
	served := serve(t, sink.Options{})
	require.NoError(t, open(t, served.Config).(providers.Checker).Check(t.Context()))
	err := open(t, json.RawMessage(strings.Replace(string(served.Config), token, "another-token-0123456789", 1))).(providers.Checker).Check(t.Context())
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
	require.ErrorContains(t, err, "admin panel")
}

// Whatever is posted is read or refused, and what is read can be kept.
func FuzzPosted(f *testing.F) {
	for _, seed := range []string{
		`{"event":"message","message_token":1,"sender":{"id":"a"},"message":{"text":"x","tracking_data":"1-theinstallation1"}}`,
		`{"event":"delivered","message_token":1e3}`, `{"event":"failed","message_token":"1","desc":7}`, `{"event":"subscribed","user":null}`, `[]`,
		`{"event":"message","message_token":1,"sender":{"id":"a"},"message":{"location":{"lat":1e300}}}`,
		`{"event":"message","message_token":1,"sender":{"id":"a"},"message":{"type":"file","file_name":"\u0000","text":"\ud800"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p := open(t, config("https://example.org"))
		header := sign(body)
		replies, _ := p.(providers.ReplyParser).ParseReplies(header, body)
		for _, r := range replies {
			require.True(t, providers.Key(r.ID))
			require.True(t, providers.Key(r.From))
			require.NotEmpty(t, r.Text)
			providertest.RequireKept(t, r.Parts)
		}
		receipts, _ := p.(providers.CallbackParser).ParseCallback(header, body)
		for _, r := range receipts {
			require.True(t, providers.Key(r.ProviderID) || r.MessageID > 0)
		}
	})
}

// Whatever is answered to a message is an acceptance that can be kept or an error that says what
// it means, without the token.
func FuzzAnswered(f *testing.F) {
	providertest.FuzzAnswers(f, viber.Kind(), serve, providertest.Answered{To: "x", Secret: token, Seeds: []string{
		`{"status":0,"message_token":1}`, `{"status":6}`, `{"status":1e9}`, `{"status":null}`, `{"status":2,"status_message":"` + token + `"}`,
	}})
}
