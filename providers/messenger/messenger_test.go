package messenger_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/fault"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/messenger"
	"carillon/providers/providertest"
	"carillon/providers/providertest/sendapitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const page = "1234567890123456"

var far = sendapitest.Far{ID: page, Place: page, Kind: providers.Facebook, MostText: 2000, Typed: true}

func config(address string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"api":%q,"page_id":%q,"token":%q,"app_secret":%q,"verify_token":%q,"timeout_ms":60000}`,
		address+"/v26.0", page, sendapitest.Token, sendapitest.AppSecret, sendapitest.Verify))
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	o.Dialect = far.API
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(s.URL()), Tally: &s.Tally}
}

func TestContract(t *testing.T) {
	providertest.Run(t, providertest.Subject{
		Kind:      messenger.Kind(),
		Serve:     serve,
		Nowhere:   func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets:   []string{sendapitest.Token, sendapitest.AppSecret, sendapitest.Verify},
		Refusals:  sendapitest.Refusals(),
		Windows:   map[string]time.Duration{`{"tag":"HUMAN_AGENT"}`: 7 * 24 * time.Hour, `{"tag":"ACCOUNT_UPDATE"}`: 0},
		Unnamed:   true,
		Challenge: sendapitest.Challenge,
		Proof:     providertest.Signed,
		Reports:   []providers.ReceiptStatus{providers.ReceiptDelivered},
		Arrived:   func(_ testing.TB, d sink.Delivery) []providers.Message { return sendapitest.Arrived(d.Body) },
		Receipt: func(_ testing.TB, at time.Time, r providertest.Report) (http.Header, []byte) {
			return sendapitest.Posted("page", page, fmt.Sprintf(`{"sender":{"id":"24"},"recipient":{"id":%q},"delivery":{"mids":[%q],"watermark":%d}}`,
				page, sendapitest.Mid(r.MessageID), at.UnixMilli()))
		},
		Reply: func(_ testing.TB, at time.Time, r providers.Reply) (http.Header, []byte) {
			return sendapitest.Posted("page", page, sendapitest.Reply(at, r))
		},
		Parts: sendapitest.Parts(),
	})
}

// open makes the adapter for a configuration.
func open(t testing.TB, raw json.RawMessage) providers.Provider {
	t.Helper()
	return providertest.Open(t, messenger.Kind(), raw)
}

// Each content goes in the one form that Messenger has for it.
func TestForms(t *testing.T) {
	var got []byte
	p := open(t, serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d.Body }}).Config)
	answer := providers.MessageButton{Type: providers.ButtonPostback, Caption: "Yes"}
	never := providers.MessageButton{Type: providers.ButtonPostback, Caption: "No", Info: "never"}
	see := providers.MessageButton{Type: providers.ButtonLink, Caption: "See", Info: "https://x.org/a"}
	call := providers.MessageButton{Type: providers.ButtonCall, Caption: "Call", Info: "+49301234567"}
	picture := &providers.Attachment{URL: "https://x.org/a.jpg?x=1"}
	long := strings.Repeat("x", 641)
	for name, c := range map[string]struct {
		content providers.Content
		want    string
	}{
		"text":    {providers.Content{Text: "Hello 🍏"}, `{"text":"Hello 🍏"}`},
		"picture": {providers.Content{Attachment: picture}, `{"attachment":{"type":"image","payload":{"url":"https://x.org/a.jpg?x=1"}}}`},
		"voice": {providers.Content{Attachment: &providers.Attachment{URL: "https://x.org/a", Type: providers.Voice}},
			`{"attachment":{"type":"audio","payload":{"url":"https://x.org/a"}}}`},
		"document": {providers.Content{Attachment: &providers.Attachment{URL: "https://x.org/a.txt"}},
			`{"attachment":{"type":"file","payload":{"url":"https://x.org/a.txt"}}}`},
		"file and words": {
			providers.Content{Text: "a", Attachment: &providers.Attachment{URL: "https://x.org/a.mp4", Caption: "b"}}, `{"text":"a\nb\nhttps://x.org/a.mp4"}`,
		},
		"file and a link": {
			providers.Content{Attachment: picture, Buttons: []providers.MessageButton{see}},
			`{"attachment":{"type":"template","payload":{"template_type":"button","text":"https://x.org/a.jpg?x=1","buttons":[
				{"type":"web_url","title":"See","url":"https://x.org/a"}]}}}`,
		},
		"file and answers": {
			providers.Content{Attachment: picture, Buttons: []providers.MessageButton{answer, never}},
			`{"attachment":{"type":"image","payload":{"url":"https://x.org/a.jpg?x=1"}},"quick_replies":[
				{"content_type":"text","title":"Yes","payload":"Yes"},{"content_type":"text","title":"No","payload":"never"}]}`,
		},
		"three": {
			providers.Content{Text: "Choose", Buttons: []providers.MessageButton{answer, see, call}},
			`{"attachment":{"type":"template","payload":{"template_type":"button","text":"Choose","buttons":[
				{"type":"postback","title":"Yes","payload":"Yes"},{"type":"web_url","title":"See","url":"https://x.org/a"},
				{"type":"phone_number","title":"Call","payload":"+49301234567"}]}}}`,
		},
		"four": {
			providers.Content{Text: "Choose", Buttons: []providers.MessageButton{answer, see, call, never}},
			`{"text":"Choose\n\nSee: https://x.org/a\nCall: +49301234567","quick_replies":[
				{"content_type":"text","title":"Yes","payload":"Yes"},{"content_type":"text","title":"No","payload":"never"}]}`,
		},
		"a long text": {
			providers.Content{Text: long, Buttons: []providers.MessageButton{answer, see}},
			`{"text":"` + long + `\n\nSee: https://x.org/a","quick_replies":[{"content_type":"text","title":"Yes","payload":"Yes"}]}`,
		},
		"buttons alone": {providers.Content{Buttons: []providers.MessageButton{answer, see}}, `{"text":"See: https://x.org/a\nReply \"Yes\""}`},
	} {
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: "24", Content: c.content})
		require.NoError(t, err, name)
		require.JSONEq(t, `{"recipient":{"id":"24"},"messaging_type":"UPDATE","message":`+c.want+`}`, string(got), name)
	}
	// With a tag it goes outside the 24 hours.
	served := serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d.Body }})
	p = open(t, json.RawMessage(strings.Replace(string(served.Config), "{", `{"tag":"HUMAN_AGENT",`, 1)))
	_, err := p.Send(t.Context(), providers.Message{ID: 7, To: "24", Content: providers.Content{Text: "x"}})
	require.NoError(t, err)
	require.JSONEq(t, `{"recipient":{"id":"24"},"messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT","message":{"text":"x"}}`, string(got))
}

// What Meta would refuse is refused before it is asked, in words that say what to do.
func TestTooLong(t *testing.T) {
	served := serve(t, sink.Options{})
	p := open(t, served.Config)
	for want, c := range map[string]providers.Content{
		"2001 letters, an emoji counted as two; Messenger takes at most 2000": {Text: strings.Repeat("😀", 1000) + "x"},
		"21 letters":   {Text: "x", Buttons: []providers.MessageButton{{Type: providers.ButtonLink, Caption: strings.Repeat("x", 21), Info: "https://x.org"}}},
		"1001 letters": {Text: "x", Buttons: []providers.MessageButton{{Type: providers.ButtonPostback, Caption: "x", Info: strings.Repeat("я", 1001)}}},
	} {
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: "24", Content: c})
		require.ErrorContains(t, err, want)
		require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
	}
	require.Zero(t, served.Tally.Asked())
}

// Of what Meta tells, what people say is read, and what arrived; the rest is taken.
func TestWhatIsPosted(t *testing.T) {
	p := open(t, config("https://example.org"))
	at := time.UnixMilli(1458692752478).UTC()
	for item, want := range map[string]string{
		`"message":{"mid":"m_1","text":"hello"}`:                                                                                  "hello",
		`"message":{"mid":"m_1","text":"Yes","quick_reply":{"payload":"yes"}}`:                                                    "yes",
		`"message":{"mid":"m_1","attachments":[{"type":"image","payload":{"url":"https://x.org"}}]}`:                              "[image]",
		`"message":{"mid":"m_1","attachments":[{"type":"fallback","title":"A page","payload":null}]}`:                             "A page",
		`"message":{"mid":"m_1","attachments":[{"type":"location","title":"M","payload":{"coordinates":{"lat":1.5,"long":-2}}}]}`: "M 1.5,-2",
		`"postback":{"mid":"m_1","title":"Yes","payload":"yes"}`:                                                                  "yes",
		`"postback":{"mid":"m_1","title":"Yes"}`:                                                                                  "Yes",
		`"message":{"mid":"m_1","is_echo":true,"text":"ours"}`:                                                                    "",
		`"message":{"mid":"m_1","is_deleted":true}`:                                                                               "",
		`"reaction":{"mid":"m_1","action":"react","emoji":"❤"}`:                                                                   "",
		`"read":{"watermark":1458668856253}`:                                                                                      "",
		`"optin":{"type":"notification_messages"}`:                                                                                "",
	} {
		header, body := sendapitest.Posted("page", page, `{"sender":{"id":"24"},"recipient":{"id":"1"},"timestamp":1458692752478,`+item+`}`)
		replies, err := p.(providers.ReplyParser).ParseReplies(header, body)
		require.NoError(t, err, item)
		receipts, err := p.(providers.CallbackParser).ParseCallback(header, body)
		require.NoError(t, err, item)
		require.Empty(t, receipts, item)
		if want == "" {
			require.Empty(t, replies, item)
			continue
		}
		require.Len(t, replies, 1, item)
		replies[0].Parts = providers.ReplyParts{}
		require.Equal(t, []providers.Reply{{ID: "m_1", From: "24", Text: want, At: at}}, replies, item)
	}
	// What is about another page is left out.
	said := sendapitest.Reply(at, providers.Reply{ID: "m_1", From: "24", Text: "x"})
	replies, err := p.(providers.ReplyParser).ParseReplies(sendapitest.Posted("page", sendapitest.Other, said))
	require.NoError(t, err)
	require.Empty(t, replies)
	// One item of a form that nobody knew spoils no other.
	header, body := sendapitest.Posted("page", page, `{"delivery":7}`, `{"delivery":{"mids":["m_1","é","m_2"]}}`, `{"delivery":{"watermark":7}}`)
	receipts, err := p.(providers.CallbackParser).ParseCallback(header, body)
	var refused providers.Refused
	require.ErrorAs(t, err, &refused)
	require.Len(t, refused, 2)
	require.Equal(t, "entry[0].messaging[0]", refused[0].Location)
	require.Equal(t, "entry[0].messaging[1].delivery.mids[1]", refused[1].Location)
	require.Equal(t, []providers.Receipt{
		{ProviderID: "m_1", Status: providers.ReceiptDelivered}, {ProviderID: "m_2", Status: providers.ReceiptDelivered},
	}, receipts)
	_, err = p.(providers.ReplyParser).ParseReplies(sendapitest.Posted("page", page, `{"sender":{"id":"24"},"message":{"text":"x"}}`))
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "entry[0].messaging[0].message.mid", refused[0].Location)
}

func TestConfigRefused(t *testing.T) {
	sample, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, messenger.Kind().Validate(sample))
	for field, change := range map[string][2]string{
		"config.api":          {`{`, `{"api":"ftp://x.org",`},
		"config.page_id":      {`1234567890123456`, `my page`},
		"config.token":        {`a-token-that-only-shows-the-form-0`, `short`},
		"config.app_secret":   {`a-secret-of-the-app-0123`, `short`},
		"config.verify_token": {`a-token-of-ours-0123`, `short`},
		"config.tag":          {`{`, `{"tag":"human agent",`},
	} {
		err := messenger.Kind().Validate(json.RawMessage(strings.Replace(string(sample), change[0], change[1], 1)))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", field, err)
		require.ErrorContains(t, err, field)
	}
}

// A token of another page is found before anything is sent.
func TestCheck(t *testing.T) {
	served := serve(t, sink.Options{})
	require.NoError(t, open(t, served.Config).(providers.Checker).Check(t.Context()))
	wrong := open(t, json.RawMessage(strings.Replace(string(served.Config), sendapitest.Token, "another-token-0123456789", 1)))
	err := wrong.(providers.Checker).Check(t.Context())
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
	err = open(t, json.RawMessage(strings.Replace(string(served.Config), page, "77", 1))).(providers.Checker).Check(t.Context())
	require.Equal(t, providers.ErrorSender, providers.AsError(err).Kind)
}

// Whatever is posted is read or refused, and what is read can be kept.
func FuzzPosted(f *testing.F) {
	for _, seed := range []string{
		`{"entry":[{"id":"1234567890123456","messaging":[{"sender":{"id":"1"},"timestamp":-1,"message":{"mid":"m","text":"x"}}]}]}`,
		`{"entry":[{"id":"1234567890123456","messaging":[null,[],{"delivery":{"mids":[""]}},{"read":{"mid":"x"}},{"postback":{}}]}]}`, `[]`, `null`,
		`{"entry":[{"id":"1234567890123456","messaging":[{"sender":{"id":"1"},"message":{"mid":"m","attachments":[{"payload":{"coordinates":{"lat":1e300}}}]}}]}]}`,
		`{"entry":[{"id":"1234567890123456","messaging":[{"sender":{"id":"1"},"message":{"mid":"m","text":"\u0000","quick_reply":{"payload":"\ud800"}}},
		{"sender":{"id":"1"},"message":{"mid":"m","attachments":[{"type":"file","title":"x"}]}}]}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p := open(t, config("https://example.org"))
		header := sendapitest.Sign(body)
		replies, _ := p.(providers.ReplyParser).ParseReplies(header, body)
		for _, r := range replies {
			require.True(t, providers.Key(r.ID))
			require.NotEmpty(t, r.From)
			require.NotEmpty(t, r.Text)
			providertest.RequireKept(t, r.Parts)
		}
		receipts, _ := p.(providers.CallbackParser).ParseCallback(header, body)
		for _, r := range receipts {
			require.True(t, providers.Key(r.ProviderID))
		}
	})
}

// Whatever is answered to a message is an acceptance that can be kept or an error that says what
// it means, without the token.
func FuzzAnswered(f *testing.F) {
	providertest.FuzzAnswers(f, messenger.Kind(), serve, providertest.Answered{To: "24", Secret: sendapitest.Token, Seeds: []string{
		`{"message_id":"m_1"}`, `{"error":{"code":10,"error_subcode":2018278}}`, `{"error":{"code":1e9}}`, `{"error":null}`, sendapitest.Problem(190, 460),
	}})
}
