package slack_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
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
	"carillon/providers/slack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "what-nobody-guesses-of-24"

func webhook(n int) string {
	return fmt.Sprintf("https://hooks.slack.com/services/T024BE7LD/B%d/%s", n, token)
}

func config(address string) json.RawMessage { return providertest.Rooms(address, webhook) }

var webhooks = regexp.MustCompile(`^/services/T024BE7LD/B([0-9]+)/` + token + `$`)

// service plays Slack. It has the number of the room go with the request, as a header.
func service(r *http.Request, body []byte) sink.Exchange {
	reply := func(status int, word string) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(word))
		}}
	}
	found := webhooks.FindStringSubmatch(r.URL.Path)
	if found == nil {
		return reply(404, "no_service")
	}
	var posted struct{ Text *string }
	switch err := json.Unmarshal(body, &posted); {
	case r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || err != nil:
		return reply(400, "invalid_payload")
	case posted.Text == nil || *posted.Text == "":
		return reply(400, "no_text")
	}
	r.Header.Set("Room", found[1])
	n, _ := strconv.ParseInt(found[1], 10, 64)
	return sink.Exchange{Messages: []int64{max(1, n)}, Reply: func(w http.ResponseWriter, _ []sink.Answer) { _, _ = w.Write([]byte("ok")) }}
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	o.Dialect = service
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(s.URL()), Tally: &s.Tally}
}

// arrived reads a request.
func arrived(t testing.TB, d sink.Delivery) []providers.Message {
	t.Helper()
	n, err := strconv.ParseInt(d.Header.Get("Room"), 10, 64)
	require.NoError(t, err)
	posted := map[string]string{}
	require.NoError(t, json.Unmarshal(d.Body, &posted))
	require.Len(t, posted, 1)
	text := strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">").Replace(posted["text"])
	return []providers.Message{{To: providertest.Address(providers.Custom, n), Content: providers.Content{Text: text}}}
}

// said is a refusal in a word of Slack's.
func said(status int, word string, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{Name: word, Answer: sink.Answer{Code: status, Text: word}, Kind: kind, Code: word}
}

// plain is an answer of somebody else's, such as a proxy before Slack.
func plain(status int, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{Name: strconv.Itoa(status), Answer: sink.Answer{Code: status, Text: "Why not?"}, Kind: kind, Code: strconv.Itoa(status)}
}

func refusals() []providertest.Refusal {
	slow := said(429, "rate_limited", providers.ErrorThrottled)
	slow.Answer.Header = http.Header{"Retry-After": {"30"}}
	slow.RetryAfter = 30 * time.Second
	doubt := func(code int, text string) providertest.Refusal {
		return providertest.Refusal{Name: "doubt " + text, Answer: sink.Answer{Code: code, Text: text}, Kind: providers.ErrorInDoubt}
	}
	return []providertest.Refusal{
		slow, said(400, "invalid_payload", providers.ErrorContent), said(400, "no_text", providers.ErrorContent), said(500, "no_text", providers.ErrorContent),
		said(400, "another_word", providers.ErrorContent), said(400, "user_not_found", providers.ErrorRecipient),
		said(403, "action_prohibited", providers.ErrorRecipient), said(403, "posting_to_general_channel_denied", providers.ErrorRecipient),
		said(403, "invalid_token", providers.ErrorRecipient), said(403, "team_disabled", providers.ErrorRecipient),
		said(404, "channel_not_found", providers.ErrorRecipient), said(404, "no_service", providers.ErrorRecipient),
		said(404, "no_active_hooks", providers.ErrorRecipient), said(404, "no_team", providers.ErrorRecipient),
		said(410, "channel_is_archived", providers.ErrorRecipient), said(410, "gone", providers.ErrorRecipient),
		said(500, "rollup_error", providers.ErrorTemporary), doubt(200, "invalid_payload"), doubt(200, "<html>welcome</html>"), doubt(204, ""),
		plain(301, providers.ErrorAccount), plain(302, providers.ErrorTemporary), plain(403, providers.ErrorAuth), plain(404, providers.ErrorTemporary),
		plain(410, providers.ErrorRecipient), plain(413, providers.ErrorContent), plain(502, providers.ErrorTemporary),
	}
}

func TestContract(t *testing.T) {
	providertest.Run(t, providertest.Subject{
		Kind:     slack.Kind(),
		Serve:    serve,
		Nowhere:  func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets:  []string{token},
		Refusals: refusals(),
		Arrived:  arrived,
	})
}

// open makes the adapter for a configuration.
func open(t testing.TB, raw json.RawMessage) providers.Provider {
	t.Helper()
	return providertest.Open(t, slack.Kind(), raw)
}

// Nothing in a text is a mention or a link in Slack's notation, and it isn't cut.
func TestEscaped(t *testing.T) {
	var got []byte
	far := serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d.Body }})
	p := open(t, far.Config)
	m := providers.Message{ID: 7, To: providertest.Address(providers.Custom, 7), Content: providers.Content{Text: "<!channel> & <https://x.org|bank>"}}
	_, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	require.JSONEq(t, `{"text":"&lt;!channel&gt; &amp; &lt;https://x.org|bank&gt;"}`, string(got))
	m.Content.Text = strings.Repeat("&", 8001)
	_, err = p.Send(t.Context(), m)
	require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
	require.ErrorContains(t, err, "40005 letters")
	require.Equal(t, int64(1), far.Tally.Asked())
}

func TestConfigRefused(t *testing.T) {
	for raw, want := range map[string]string{
		`{"webhook":"https://hooks.slack.com.example.org/services/T/B/x"}`:               "config.webhook: must be at hooks.slack.com",
		`{"rooms":{"ops":"https://hooks.slack.com/triggers/T/1/x"}}`:                     `config.rooms: the URL of "ops" must begin with https://hooks.slack.com`,
		`{"webhook":"https://hooks.slack.com/workflows/T/1/` + token + `","rooms":{}}`:   "config.webhook: must begin with",
		`{"webhook":"http://hooks.slack.com/services/T/B/` + token + `","rooms":{}}`:     "config.webhook: must be an https address",
		`{"webhook":"https://me:x@hooks.slack.com/services/T/B/` + token + `"}`:          "config.webhook: must not hold a name",
		`{"webhook":"https://hooks.slack.com:8443/services/T/B/` + token + `#fragment"}`: "config.webhook: must not hold a name, a password, a port",
	} {
		err := slack.Kind().Validate(json.RawMessage(raw))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", raw, err)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), token)
	}
	sample, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, slack.Kind().Validate(sample))
	require.NoError(t, slack.Kind().Validate(json.RawMessage(`{"webhook":"https://hooks.slack-gov.com/services/T/B/x"}`)))
	require.Equal(t, 5, slack.Kind().MostRequests(json.RawMessage(`{"max_connections":5}`)))
}

// Whatever is answered to a message is an acceptance or an error that says what it means, without
// the webhook.
func FuzzAnswered(f *testing.F) {
	for _, seed := range []string{"ok", "no_service", "channel_is_archived", "rate_limited", token, "", "\xff_"} {
		f.Add(200, seed)
		f.Add(404, seed)
		f.Add(410, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || status == 204 || status == 304 {
			return // net/http writes no such answer with a body
		}
		p := open(t, serve(t, sink.Options{Answer: func(int64, int64) sink.Answer { return sink.Answer{Code: status, Text: body} }}).Config)
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: providertest.Address(providers.Custom, 7), Content: providers.Content{Text: "x"}})
		if err == nil {
			return
		}
		e := providers.AsError(err)
		require.Contains(t, providers.ErrorKinds(), e.Kind)
		require.Empty(t, e.Bounce)
		require.NotContains(t, err.Error(), token)
	})
}
