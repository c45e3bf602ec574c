package instagram_test

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
	"carillon/providers/instagram"
	"carillon/providers/providertest"
	"carillon/providers/providertest/sendapitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const account = "17841400000000000"

var far = sendapitest.Far{ID: account, Place: "me", Kind: providers.Instagram, MostText: 1000, Bytes: true}

func config(address string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"api":%q,"account_id":%q,"token":%q,"app_secret":%q,"verify_token":%q,"timeout_ms":60000}`,
		address+"/v26.0", account, sendapitest.Token, sendapitest.AppSecret, sendapitest.Verify))
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
		Kind:      instagram.Kind(),
		Serve:     serve,
		Nowhere:   func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets:   []string{sendapitest.Token, sendapitest.AppSecret, sendapitest.Verify},
		Refusals:  sendapitest.Refusals(),
		Windows:   map[string]time.Duration{`{"tag":"HUMAN_AGENT"}`: 7 * 24 * time.Hour},
		Unnamed:   true,
		Challenge: sendapitest.Challenge,
		Proof:     providertest.Signed,
		Reports:   []providers.ReceiptStatus{providers.ReceiptRead},
		Arrived:   func(_ testing.TB, d sink.Delivery) []providers.Message { return sendapitest.Arrived(d.Body) },
		Receipt: func(_ testing.TB, at time.Time, r providertest.Report) (http.Header, []byte) {
			return sendapitest.Posted("instagram", account, fmt.Sprintf(`{"sender":{"id":"17"},"recipient":{"id":%q},"timestamp":%d,"read":{"mid":%q}}`,
				account, at.UnixMilli(), sendapitest.Mid(r.MessageID)))
		},
		Reply: func(_ testing.TB, at time.Time, r providers.Reply) (http.Header, []byte) {
			return sendapitest.Posted("instagram", account, sendapitest.Reply(at, r))
		},
		Parts: sendapitest.Parts(),
	})
}

// open makes the adapter for a configuration.
func open(t testing.TB, raw json.RawMessage) providers.Provider {
	t.Helper()
	return providertest.Open(t, instagram.Kind(), raw)
}

// What Instagram has otherwise than Messenger: bytes, documents, and no word for what a message
// is for.
func TestForms(t *testing.T) {
	var got []byte
	served := serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d.Body }})
	p := open(t, served.Config)
	tagged := open(t, json.RawMessage(strings.Replace(string(served.Config), "{", `{"tag":"HUMAN_AGENT",`, 1)))
	document := func(address string) providers.Content {
		return providers.Content{Attachment: &providers.Attachment{URL: address, Type: providers.Document}}
	}
	send := func(p providers.Provider, c providers.Content, want string) {
		t.Helper()
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: "17", Content: c})
		require.NoError(t, err)
		require.JSONEq(t, `{"recipient":{"id":"17"},`+want+`}`, string(got))
	}
	send(p, providers.Content{Text: "Hello 🍏"}, `"message":{"text":"Hello 🍏"}`)
	send(p, document("https://x.org/a.PDF?x=1"), `"message":{"attachment":{"type":"file","payload":{"url":"https://x.org/a.PDF?x=1"}}}`)
	send(p, document("https://x.org/a.txt"), `"message":{"text":"https://x.org/a.txt"}`)
	send(tagged, providers.Content{Text: "x"}, `"messaging_type":"MESSAGE_TAG","tag":"HUMAN_AGENT","message":{"text":"x"}`)
	_, err := p.Send(t.Context(), providers.Message{ID: 7, To: "17", Content: providers.Content{Text: strings.Repeat("я", 500) + "x"}})
	require.ErrorContains(t, err, "1001 bytes, of which a letter has one to four; Instagram takes at most 1000")
}

// That somebody has seen a message names it; one that names none is taken.
func TestSeen(t *testing.T) {
	p := open(t, config("https://example.org"))
	header, body := sendapitest.Posted("instagram", account, `{"sender":{"id":"17"},"timestamp":1458692752478,"read":{"mid":"m_1"}}`,
		`{"read":{}}`, `{"read":{"mid":"é"}}`)
	receipts, err := p.(providers.CallbackParser).ParseCallback(header, body)
	require.Equal(t, []providers.Receipt{{ProviderID: "m_1", Status: providers.ReceiptRead, At: time.UnixMilli(1458692752478).UTC()}}, receipts)
	var refused providers.Refused
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "entry[0].messaging[2].read.mid", refused[0].Location)
}

func TestConfigRefused(t *testing.T) {
	sample, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, instagram.Kind().Validate(sample))
	for field, change := range map[string][2]string{
		"config.api":          {`{`, `{"api":"ftp://x.org",`},
		"config.account_id":   {`17841400000000000`, `my account`},
		"config.token":        {`a-token-that-only-shows-the-form-0`, `short`},
		"config.app_secret":   {`a-secret-of-the-app-0123`, `short`},
		"config.verify_token": {`a-token-of-ours-0123`, `short`},
		"config.tag":          {`{`, `{"tag":"ACCOUNT_UPDATE",`},
	} {
		err := instagram.Kind().Validate(json.RawMessage(strings.Replace(string(sample), change[0], change[1], 1)))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", field, err)
		require.ErrorContains(t, err, field)
	}
}

// A wrong token is found before anything is sent, and an answer that names no account.
func TestCheck(t *testing.T) {
	served := serve(t, sink.Options{})
	require.NoError(t, open(t, served.Config).(providers.Checker).Check(t.Context()))
	wrong := open(t, json.RawMessage(strings.Replace(string(served.Config), sendapitest.Token, "another-token-0123456789", 1)))
	err := wrong.(providers.Checker).Check(t.Context())
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
	nobody, err := sink.NewHTTP(sink.Options{Answer: func(int64, int64) sink.Answer { return sink.Answer{Text: `{}`} }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, nobody.Close()) })
	err = open(t, config(nobody.URL())).(providers.Checker).Check(t.Context())
	require.Equal(t, providers.ErrorAccount, providers.AsError(err).Kind)
}

// Whatever is posted is read or refused, and what is read can be kept.
func FuzzPosted(f *testing.F) {
	for _, seed := range []string{
		`{"entry":[{"id":"17841400000000000","messaging":[{"sender":{"id":"1"},"timestamp":-1,"message":{"mid":"m","text":"x"}},{"read":{"mid":"x"}}]}]}`,
		`{"entry":[{"id":"17841400000000000","messaging":[null,{"read":{"mid":" "}},{"read":null}]}]}`, `[]`,
		`{"entry":[{"id":"17841400000000000","messaging":[{"sender":{"id":"1"},"message":{"mid":"m","attachments":[{"type":"image"},{}]}},
			{"postback":{"mid":"x"}}]}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p := open(t, config("https://example.org"))
		header := sendapitest.Sign(body)
		replies, _ := p.(providers.ReplyParser).ParseReplies(header, body)
		for _, r := range replies {
			require.True(t, providers.Key(r.ID))
			providertest.RequireKept(t, r.Parts)
		}
		receipts, _ := p.(providers.CallbackParser).ParseCallback(header, body)
		for _, r := range receipts {
			require.True(t, providers.Key(r.ProviderID))
		}
	})
}

func FuzzAnswered(f *testing.F) {
	providertest.FuzzAnswers(f, instagram.Kind(), serve, providertest.Answered{To: "17", Secret: sendapitest.Token, Seeds: []string{
		`{"message_id":"m_1"}`, `{"message_id":7}`, `{"error":{"code":1e9}}`, `{"error":null}`, sendapitest.Problem(190, 460),
	}})
}
