package apns_test

import (
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/apns"
	"carillon/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	team  = "ABCDE12345"
	keyID = "FGHIJ67890"
	topic = "com.example.news"
)

// sample is the configuration in testdata.
func sample(t testing.TB) map[string]any {
	t.Helper()
	raw, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, apns.Kind().Validate(raw))
	var c map[string]any
	require.NoError(t, json.Unmarshal(raw, &c))
	return c
}

// config leads to an address, with other settings beside.
func config(t testing.TB, address string, more map[string]any) json.RawMessage {
	t.Helper()
	c := sample(t)
	c["api"], c["timeout_ms"] = address, 60000
	for name, value := range more {
		c[name] = value
	}
	raw, err := json.Marshal(c)
	require.NoError(t, err)
	return raw
}

func public(t testing.TB) *ecdsa.PublicKey {
	t.Helper()
	key, err := jwt.ParseECPrivateKeyFromPEM([]byte(sample(t)["private_key"].(string)))
	require.NoError(t, err)
	return &key.PublicKey
}

// refused is a refusal in Apple's words.
func refused(status int, reason string) sink.Answer {
	return sink.Answer{Code: status, Text: fmt.Sprintf(`{"reason":%q}`, reason)}
}

func reply(a sink.Answer) sink.Exchange {
	return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		w.WriteHeader(a.Code)
		_, _ = w.Write([]byte(a.Text))
	}}
}

// known reports whether a request has a token of the key's.
func known(r *http.Request, key *ecdsa.PublicKey) bool {
	var claims jwt.MapClaims
	token, err := jwt.ParseWithClaims(strings.TrimPrefix(r.Header.Get("Authorization"), "bearer "), &claims, func(*jwt.Token) (any, error) { return key, nil },
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithTimeFunc(func() time.Time { return providertest.Now }), jwt.WithIssuedAt())
	return err == nil && claims["iss"] == team && token.Header["kid"] == keyID
}

// place is where a test's far end keeps the path of a request.
const place = "Test-Path"

// apple plays Apple's service.
func apple(t testing.TB) sink.Dialect {
	key := public(t)
	return func(r *http.Request, body []byte) sink.Exchange {
		device, toDevice := strings.CutPrefix(r.URL.Path, "/3/device/")
		r.Header.Set(place, device)
		var p payload
		switch {
		case r.ProtoMajor != 2:
			return reply(sink.Answer{Code: 505})
		case r.Method != http.MethodPost || !toDevice:
			return reply(refused(404, "BadPath"))
		case !known(r, key):
			return reply(refused(403, "InvalidProviderToken"))
		case r.Header.Get("Apns-Topic") != topic:
			return reply(refused(400, "TopicDisallowed"))
		case strings.Trim(device, "0") == "":
			return reply(refused(400, "BadDeviceToken"))
		case len(body) > 4096:
			return reply(refused(413, "PayloadTooLarge"))
		case json.Unmarshal(body, &p) != nil || p.APS.Alert.Body+p.Image+p.File == "" || r.Header.Get("Apns-Push-Type") != "alert" ||
			len(r.Header.Get("Apns-Id")) != 36:
			return reply(refused(400, "PayloadEmpty"))
		}
		return sink.Exchange{Messages: []int64{max(1, providertest.Number(providers.Push, device))}, Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			w.Header().Set("Apns-Id", strings.ToUpper(r.Header.Get("Apns-Id")))
		}}
	}
}

type payload struct {
	APS struct {
		Alert struct{ Title, Body string }
	}
	ID, URL, Image, File string
	Actions              []struct{ Action, Title string }
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	o.Dialect = apple(t)
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(t, s.URL(), nil), Tally: &s.Tally}
}

// reasons are all that has a meaning of its own, by what it means, with the status that it comes with.
var reasons = []struct {
	kind    providers.ErrorKind
	bounce  providers.BounceKind
	after   time.Duration
	status  int
	reasons []string
}{
	{providers.ErrorRecipient, providers.BounceHard, 0, 410, []string{"Unregistered", "ExpiredToken"}},
	{providers.ErrorRecipient, providers.BounceSoft, 0, 400, []string{"BadDeviceToken"}},
	{providers.ErrorRecipient, "", 0, 400, []string{"DeviceTokenNotForTopic"}},
	{providers.ErrorRecipientBusy, "", 0, 429, []string{"TooManyRequests"}},
	{providers.ErrorThrottled, "", 20 * time.Minute, 429, []string{"TooManyProviderTokenUpdates"}},
	{providers.ErrorTemporary, "", 0, 500, []string{"InternalServerError"}},
	{providers.ErrorTemporary, "", 0, 503, []string{"ServiceUnavailable", "Shutdown"}},
	{providers.ErrorTemporary, "", 0, 400, []string{"IdleTimeout"}},
	{providers.ErrorAuth, "", 0, 403, []string{
		"ExpiredProviderToken", "InvalidProviderToken", "MissingProviderToken", "Forbidden", "UnrelatedKeyIdInToken", "BadEnvironmentKeyIdInToken",
	}},
	{providers.ErrorSender, "", 0, 400, []string{"BadTopic", "MissingTopic", "TopicDisallowed", "BadCollapseId"}},
	{providers.ErrorAccount, "", 0, 404, []string{"BadPath", "MethodNotAllowed"}},
	{providers.ErrorContent, "", 0, 400, []string{
		"BadExpirationDate", "BadMessageId", "BadPriority", "InvalidPushType", "PayloadEmpty", "PayloadTooLarge", "NewOne",
	}},
}

func refusals() (list []providertest.Refusal) {
	for _, c := range reasons {
		for _, reason := range c.reasons {
			list = append(list, providertest.Refusal{Name: reason, Answer: refused(c.status, reason), Kind: c.kind, Bounce: c.bounce, RetryAfter: c.after, Code: reason})
		}
	}
	for status, kind := range map[int]providers.ErrorKind{
		301: providers.ErrorAccount, 302: providers.ErrorTemporary, 401: providers.ErrorAuth, 404: providers.ErrorTemporary, 410: providers.ErrorTemporary,
		429: providers.ErrorThrottled, 502: providers.ErrorTemporary,
	} {
		list = append(list, providertest.Refusal{Name: fmt.Sprint(status), Answer: sink.Answer{Code: status, Text: "why not"}, Kind: kind, Code: fmt.Sprint(status)})
	}
	return append(list,
		providertest.Refusal{Name: "doubt", Answer: sink.Answer{Code: 200}, Kind: providers.ErrorInDoubt},
		providertest.Refusal{Name: "doubt of another", Answer: sink.Answer{Code: 200, Header: http.Header{"Apns-Id": {"another"}}}, Kind: providers.ErrorInDoubt},
		providertest.Refusal{Name: "410 of a new reason", Answer: refused(410, "NewOne"), Kind: providers.ErrorRecipient, Code: "NewOne"},
	)
}

func TestContract(t *testing.T) {
	pem := sample(t)["private_key"].(string)
	providertest.Run(t, providertest.Subject{
		Kind: apns.Kind(), Serve: serve, Refusals: refusals(), Unnamed: true,
		Nowhere: func(addr string) json.RawMessage { return config(t, "https://"+addr, nil) },
		Secrets: strings.Split(strings.TrimSpace(pem), "\n")[1:4],
		Arrived: func(t testing.TB, d sink.Delivery) []providers.Message {
			var p payload
			require.NoError(t, json.Unmarshal(d.Body, &p))
			c := providers.Content{Subject: p.APS.Alert.Title, Text: p.APS.Alert.Body}
			if file := p.Image + p.File; file != "" {
				c.Attachment = &providers.Attachment{URL: file}
			}
			for _, a := range p.Actions {
				c.Buttons = append(c.Buttons, providers.MessageButton{Type: providers.ButtonLink, Caption: a.Title, Info: a.Action})
			}
			return []providers.Message{{To: d.Header.Get(place), Content: c}}
		},
		Key: func(d sink.Delivery) string { return d.Header.Get("Apns-Id") },
	})
}

// open makes the adapter for a configuration.
func open(t testing.TB, raw json.RawMessage, c clock.Clock) providers.Provider {
	t.Helper()
	require.NoError(t, apns.Kind().Validate(raw))
	p, err := apns.Kind().New(raw, providers.Deps{Installation: "x", Dialer: providers.Dialer{AllowPrivate: true}, Clock: c, Concurrency: 64})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// Each content goes in the fields that Apple has for it, with the headers that the settings say.
func TestForms(t *testing.T) {
	var got sink.Delivery
	far := serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d }})
	c := clock.NewFake(providertest.Now)
	see := providers.MessageButton{Type: providers.ButtonLink, Caption: "See", Info: "u"}
	send := func(raw json.RawMessage, content providers.Content) {
		t.Helper()
		_, err := open(t, raw, c).Send(t.Context(), providers.Message{ID: 7, To: "0a/b", Content: content})
		require.NoError(t, err)
	}
	for want, content := range map[string]providers.Content{
		`{"aps":{"alert":{"title":"T","body":"Hello 🍏"},"sound":"default"},"id":"7-x"}`: {Subject: "T", Text: "Hello 🍏"},
		`{"aps":{"alert":{"body":"a\nb"},"sound":"default","mutable-content":1},"id":"7-x","image":"https://x.org/a.jpg"}`: {
			Text: "a", Attachment: &providers.Attachment{URL: "https://x.org/a.jpg", Caption: "b"},
		},
		`{"aps":{"alert":{"body":"a"},"sound":"default"},"id":"7-x","url":"https://x.org/a","file":"https://x.org/a"}`: {
			Text: "a", Attachment: &providers.Attachment{URL: "https://x.org/a"},
		},
		`{"aps":{"alert":{"body":"a"},"sound":"default"},"id":"7-x","url":"u","actions":[{"action":"u","title":"See"}]}`: {
			Text: "a", Buttons: []providers.MessageButton{see},
		},
	} {
		send(far.Config, content)
		require.JSONEq(t, want, string(got.Body))
		require.Equal(t, "0a/b", got.Header.Get(place))
		require.Equal(t, "10", got.Header.Get("Apns-Priority"))
		require.Equal(t, fmt.Sprint(providertest.Now.Unix()+30*24*3600), got.Header.Get("Apns-Expiration"))
		require.NotContains(t, got.Header, "Apns-Collapse-Id")
		require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, got.Header.Get("Apns-Id"))
	}
	var served map[string]any
	require.NoError(t, json.Unmarshal(far.Config, &served))
	other := map[string]any{"sound": "none", "urgency": "normal", "expires_s": 60, "collapse_id": "news"}
	send(config(t, served["api"].(string), other), providers.Content{Text: "a"})
	require.JSONEq(t, `{"aps":{"alert":{"body":"a"}},"id":"7-x"}`, string(got.Body))
	require.Equal(t, []string{"5", "news", fmt.Sprint(providertest.Now.Unix() + 60)},
		[]string{got.Header.Get("Apns-Priority"), got.Header.Get("Apns-Collapse-Id"), got.Header.Get("Apns-Expiration")})
	_, err := open(t, far.Config, c).Send(t.Context(), providers.Message{ID: 7, To: "0a", Content: providers.Content{Text: strings.Repeat("x", 4096)}})
	require.ErrorContains(t, err, "Apple takes at most 4096")
	require.Equal(t, "too_long", providers.AsError(err).Code)
}

// A token is signed once for forty minutes, and told to nobody.
func TestTokens(t *testing.T) {
	var tokens []string
	s, err := sink.NewHTTP(sink.Options{Dialect: func(r *http.Request, _ []byte) sink.Exchange {
		tokens = append(tokens, strings.TrimPrefix(r.Header.Get("Authorization"), "bearer "))
		return reply(sink.Answer{Code: 502, Text: "you said " + tokens[len(tokens)-1]})
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	now := clock.NewFake(providertest.Now)
	p := open(t, config(t, s.URL(), nil), now)
	for _, after := range []time.Duration{0, 39 * time.Minute, 2 * time.Minute} {
		now.Advance(after)
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: "0a", Content: providers.Content{Text: "x"}})
		require.ErrorContains(t, err, "you said <redacted>")
	}
	require.Equal(t, tokens[0], tokens[1])
	require.NotEqual(t, tokens[1], tokens[2])
}

// Many notifications are under way on one connection; those that are on it when it breaks are in
// doubt, each that was asked for, and none else.
func TestAConnectionThatIsSharedBreaks(t *testing.T) {
	const n = 40
	hold := make(chan struct{})
	far := serve(t, sink.Options{Answer: func(asked, _ int64) sink.Answer {
		if asked == n {
			close(hold)
		}
		return sink.Answer{Wait: hold, Drop: sink.AfterAccepting}
	}})
	p := open(t, far.Config, clock.NewFake(providertest.Now))
	kinds, commits := make(chan providers.ErrorKind, n), make(chan int64, n)
	for i := range int64(n) {
		go func() {
			_, err := p.Send(t.Context(), providers.Message{ID: i + 1, To: fmt.Sprintf("%x", i+1), Content: providers.Content{Text: "x"},
				Commit: func() { commits <- i }})
			kinds <- providers.AsError(err).Kind
		}()
	}
	for range n {
		require.Equal(t, providers.ErrorInDoubt, <-kinds)
	}
	require.Len(t, commits, n, "each once")
	require.EqualValues(t, n, far.Tally.Asked(), "none is tried again")
	require.LessOrEqual(t, far.Tally.Connections(), int64(2), "one, and one more at most on a busy machine")
}

// The key is tried on a device that there is not.
func TestCheck(t *testing.T) {
	far := serve(t, sink.Options{})
	now := clock.NewFake(providertest.Now)
	require.NoError(t, open(t, far.Config, now).(providers.Checker).Check(t.Context()))
	require.Zero(t, far.Tally.Count())
	var served map[string]any
	require.NoError(t, json.Unmarshal(far.Config, &served))
	for want, change := range map[string]map[string]any{
		"auth InvalidProviderToken": {"key_id": "ZZZZZ00000"}, "sender TopicDisallowed": {"topic": "com.example.other"},
	} {
		require.ErrorContains(t, open(t, config(t, served["api"].(string), change), now).(providers.Checker).Check(t.Context()), want)
	}
	nobody, err := sink.NewHTTP(sink.Options{Dialect: func(*http.Request, []byte) sink.Exchange { return reply(sink.Answer{Code: 200, Text: "{}"}) }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, nobody.Close()) })
	require.ErrorContains(t, open(t, config(t, nobody.URL(), nil), now).(providers.Checker).Check(t.Context()), "is not Apple's")
}

func TestConfigRefused(t *testing.T) {
	for field, value := range map[string]string{
		"api": "ftp://x.org", "team_id": "team", "key_id": "a", "private_key": "-----BEGIN PRIVATE KEY-----", "topic": "my app",
		"collapse_id": strings.Repeat("x", 65), "urgency": "urgent",
	} {
		err := apns.Kind().Validate(config(t, "https://example.org", map[string]any{field: value}))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", field, err)
		require.ErrorContains(t, err, "config."+field)
	}
	require.Equal(t, 5, apns.Kind().MostRequests(config(t, "https://example.org", map[string]any{"max_requests": 5})))
}

// Every reason that is known is on the page.
func TestReasonsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/providers/apns.md")
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(page), "## What errors mean")
	for _, c := range reasons {
		for _, reason := range c.reasons {
			if reason != "NewOne" {
				require.Regexp(t, `(?m)^\| [0-9A-Za-z, ]*\b`+reason+`\b[0-9A-Za-z, ]* \|`, table)
			}
		}
	}
}

// Whatever is answered to a message is an acceptance that can be kept or an error that says what it
// means, without the key.
func FuzzAnswered(f *testing.F) {
	pem := strings.Split(sample(f)["private_key"].(string), "\n")[1]
	providertest.FuzzAnswers(f, apns.Kind(), serve, providertest.Answered{To: "0a", Secret: pem, Seeds: []string{
		`{"reason":"Unregistered","timestamp":1}`, `{"reason":7}`, `{"reason":"` + pem + `"}`, "", `[]`, pem,
	}})
}
