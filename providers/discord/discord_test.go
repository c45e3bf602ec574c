package discord_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/fault"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/discord"
	"carillon/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "what-nobody-guesses-of-68_letters"

func webhook(n int) string { return fmt.Sprintf("https://discord.com/api/webhooks/%d/%s", n, token) }

func config(address string) json.RawMessage { return providertest.Rooms(address, webhook) }

var webhooks = regexp.MustCompile(`^/api/webhooks/([0-9]+)/([^/]*)$`)

// service plays Discord. It has the number of the webhook go with the request, as a header.
func service(r *http.Request, body []byte) sink.Exchange {
	reply := func(status int, words string) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(words))
		}}
	}
	found := webhooks.FindStringSubmatch(r.URL.Path)
	switch {
	case found == nil:
		return reply(404, `{"message":"404: Not Found","code":0}`)
	case found[2] != token:
		return reply(401, `{"message":"Invalid Webhook Token","code":50027}`)
	case r.Method == http.MethodGet:
		return reply(200, `{"id":"`+found[1]+`","type":1,"channel_id":"199737254929760256","name":"news"}`)
	}
	var posted struct{ Content string }
	switch err := json.Unmarshal(body, &posted); {
	case r.Method != http.MethodPost || err != nil:
		return reply(400, `{"message":"The request body contains invalid JSON.","code":50109}`)
	case posted.Content == "":
		return reply(400, `{"message":"Cannot send an empty message","code":50006}`)
	case len([]rune(posted.Content)) > 2000:
		return reply(400, `{"message":"Invalid Form Body","code":50035,"errors":{"content":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH"}]}}}`)
	}
	r.Header.Set("Webhook", found[1])
	r.Header.Set("Query", r.URL.RawQuery)
	n, _ := strconv.ParseInt(found[1], 10, 64)
	return sink.Exchange{Messages: []int64{max(1, n)}, Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		if r.URL.Query().Get("wait") != "true" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = fmt.Fprintf(w, `{"id":"1134567890123456%03d","type":0,"webhook_id":"%d"}`, n, n)
	}}
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
	n, err := strconv.ParseInt(d.Header.Get("Webhook"), 10, 64)
	require.NoError(t, err)
	var posted struct {
		Content  string
		Mentions map[string][]string `json:"allowed_mentions"`
	}
	require.NoError(t, json.Unmarshal(d.Body, &posted))
	require.Equal(t, map[string][]string{"parse": {}}, posted.Mentions, "nobody is pinged")
	return []providers.Message{{To: providertest.Address(providers.Custom, n), Content: providers.Content{Text: posted.Content}}}
}

// said is a refusal in Discord's words.
func said(status, code int, words string, kind providers.ErrorKind) providertest.Refusal {
	r := providertest.Refusal{Name: words, Answer: sink.Answer{Code: status, Text: fmt.Sprintf(`{"message":%q,"code":%d}`, words, code)}, Kind: kind}
	if r.Code = strconv.Itoa(code); code == 0 {
		r.Code = strconv.Itoa(status)
	}
	return r
}

// plain is an answer of somebody else's, such as a proxy before Discord.
func plain(status int, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{Name: strconv.Itoa(status), Answer: sink.Answer{Code: status, Text: "why not"}, Kind: kind, Code: strconv.Itoa(status)}
}

func refusals() []providertest.Refusal {
	limited := func(name, retry string, wait time.Duration) providertest.Refusal {
		return providertest.Refusal{Name: name, Kind: providers.ErrorThrottled, Code: "429", RetryAfter: wait, Answer: sink.Answer{
			Code: 429, Text: `{"message":"You are being rate limited.","retry_after":` + retry + `,"global":false}`,
			Header: http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset-After": {"1"}},
		}}
	}
	banned := plain(429, providers.ErrorThrottled)
	banned.Answer.Header, banned.RetryAfter = http.Header{"Retry-After": {"600"}}, 10*time.Minute
	doubt := func(code int, text string) providertest.Refusal {
		return providertest.Refusal{Name: "doubt " + text, Answer: sink.Answer{Code: code, Text: text}, Kind: providers.ErrorInDoubt}
	}
	return []providertest.Refusal{
		limited("a part of a second", "0.35", time.Second), limited("seconds", "64.57", 65*time.Second), limited("for ever", "1e300", 24*time.Hour), banned,
		limited("below zero", "-3", 0),
		said(404, 10015, "Unknown Webhook", providers.ErrorRecipient), said(401, 50027, "Invalid Webhook Token", providers.ErrorRecipient),
		said(404, 10003, "Unknown Channel", providers.ErrorRecipient), said(403, 50013, "Missing Permissions", providers.ErrorRecipient),
		said(400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id", providers.ErrorRecipient),
		said(400, 50006, "Cannot send an empty message", providers.ErrorContent), said(400, 50035, "Invalid Form Body "+token, providers.ErrorContent),
		said(403, 40333, "internal network error", providers.ErrorAuth), said(410, 0, "Gone", providers.ErrorRecipient),
		said(500, 0, "500: Internal Server Error", providers.ErrorTemporary),
		doubt(204, ""), doubt(200, `{}`), doubt(200, `null`), doubt(200, `{"id":""}`), doubt(200, "<html>welcome</html>"), doubt(200, `{"id":7}`),
		plain(301, providers.ErrorAccount), plain(302, providers.ErrorTemporary), plain(403, providers.ErrorAuth), plain(404, providers.ErrorTemporary),
		plain(410, providers.ErrorRecipient), plain(413, providers.ErrorContent), plain(502, providers.ErrorTemporary),
	}
}

func TestContract(t *testing.T) {
	providertest.Run(t, providertest.Subject{
		Kind:     discord.Kind(),
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
	return providertest.Open(t, discord.Kind(), raw)
}

// A thread is written to by the URL of its channel's webhook, and the id is Discord's.
func TestThread(t *testing.T) {
	var query string
	s, err := sink.NewHTTP(sink.Options{Dialect: service, Seen: func(d sink.Delivery) { query = d.Header.Get("Query") }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	p := open(t, json.RawMessage(fmt.Sprintf(`{"webhook":"%s?thread_id=11","api":%q}`, webhook(5), s.URL()+"/")))
	accepted, err := p.Send(t.Context(), providers.Message{ID: 7, To: "whatever", Content: providers.Content{Text: "@everyone"}})
	require.NoError(t, err)
	require.Equal(t, "thread_id=11&wait=true", query)
	require.Equal(t, "1134567890123456005", accepted.ProviderID)
}

// The check names the webhook that Discord doesn't know.
func TestCheckNamesTheRoom(t *testing.T) {
	s, err := sink.NewHTTP(sink.Options{Dialect: service})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	p := open(t, json.RawMessage(fmt.Sprintf(`{"webhook":%q,"rooms":{"ops":"https://discord.com/api/webhooks/7/another-token"},"api":%q}`, webhook(5), s.URL())))
	err = p.(providers.Checker).Check(t.Context())
	require.ErrorContains(t, err, `config.rooms["ops"]`)
	require.ErrorContains(t, err, "token")
	require.NotContains(t, err.Error(), "another-token")
}

func TestConfigRefused(t *testing.T) {
	for raw, want := range map[string]string{
		`{"webhook":"https://discord.com.example.org/api/webhooks/1/` + token + `"}`:               "config.webhook: must be as Copy Webhook URL gives it",
		`{"rooms":{"ops":"https://discord.com/api/webhooks/1/x/slack"}}`:                           `config.rooms: the URL of "ops" must be as Copy Webhook URL`,
		`{"webhook":"https://discord.com/api/webhooks/1/` + token + `?wait=false"}`:                "config.webhook: must hold no query but thread_id",
		`{"webhook":"https://discord.com/api/webhooks/1/` + token + `","api":"https://x.org?x=1"}`: "config.api: must not hold",
	} {
		err := discord.Kind().Validate(json.RawMessage(raw))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", raw, err)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "https://discord.com/api/webhooks/1/"+token)
	}
	sample, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, discord.Kind().Validate(sample))
	require.NoError(t, discord.Kind().Validate(json.RawMessage(`{"webhook":"https://ptb.discord.com/api/v10/webhooks/1/x"}`)))
}

// Whatever is answered to a message is an acceptance that can be kept or an error that says what
// it means, without the webhook.
func FuzzAnswered(f *testing.F) {
	for _, seed := range []string{
		`{"id":"1"}`, `{"id":"é"}`, `{"message":"x","code":10015}`, `[]`,
		`{"message":"` + token + `","code":-1}`, `{"retry_after":1e308}`, `{"retry_after":-1}`, `null`,
	} {
		f.Add(200, seed)
		f.Add(404, seed)
		f.Add(429, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || status == 204 || status == 304 {
			return // net/http writes no such answer with a body
		}
		p := open(t, serve(t, sink.Options{Answer: func(int64, int64) sink.Answer { return sink.Answer{Code: status, Text: body} }}).Config)
		accepted, err := p.Send(t.Context(), providers.Message{ID: 7, To: providertest.Address(providers.Custom, 7), Content: providers.Content{Text: "x"}})
		if err == nil {
			require.True(t, providers.Key(accepted.ProviderID))
			return
		}
		e := providers.AsError(err)
		require.Contains(t, providers.ErrorKinds(), e.Kind)
		require.Empty(t, e.Bounce)
		require.GreaterOrEqual(t, e.RetryAfter, time.Duration(0))
		require.NotContains(t, err.Error(), token)
	})
}
