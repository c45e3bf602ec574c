package fcm_test

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
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
	"carillon/providers/fcm"
	"carillon/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const project = "news-example"

// file is a service account's key that only shows the form.
type file struct {
	Type       string `json:"type"`
	Project    string `json:"project_id"`
	KeyID      string `json:"private_key_id"`
	PrivateKey string `json:"private_key"`
	Email      string `json:"client_email"`
	TokenURI   string `json:"token_uri"`
}

func account(t testing.TB) (f file) {
	t.Helper()
	raw, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	var c struct {
		Account string `json:"service_account"`
	}
	require.NoError(t, json.Unmarshal(raw, &c))
	require.NoError(t, json.Unmarshal([]byte(c.Account), &f))
	return f
}

// config leads to an address, with a file in which something may be changed.
func config(t testing.TB, address string, change func(f *file)) json.RawMessage {
	t.Helper()
	f := account(t)
	if change != nil {
		change(&f)
	}
	text, err := json.Marshal(f)
	require.NoError(t, err)
	raw, err := json.Marshal(map[string]any{"service_account": string(text), "api": address, "token_uri": address + "/token", "timeout_ms": 60000})
	require.NoError(t, err)
	return raw
}

func reply(status int, text string) sink.Exchange {
	return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}}
}

// refused is a refusal in Google's words.
func refused(status int, word, message, details string) string {
	return fmt.Sprintf(`{"error":{"code":%d,"message":%q,"status":%q,"details":[%s]}}`, status, message, word, details)
}

// coded is Firebase's own detail.
func coded(code string) string {
	return fmt.Sprintf(`{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":%q}`, code)
}

// field is the detail that names what is wrong.
func field(name string) string {
	return fmt.Sprintf(`{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":%q,"description":"Invalid value"}]}`, name)
}

// request is what Firebase is asked.
type request struct {
	ValidateOnly bool `json:"validate_only"`
	Message      struct {
		Token, Topic string
		Notification struct{ Title, Body, Image string }
		Data         map[string]string
	}
}

func parse(body []byte) (r request) {
	_ = json.Unmarshal(body, &r) // what can't be read has no recipient
	return r
}

// google plays Firebase, and who sells access tokens for it.
type google struct {
	desk providertest.TokenDesk
	file file
	key  *rsa.PrivateKey
}

func (g *google) answer(r *http.Request, body []byte) sink.Exchange {
	if r.URL.Path == "/token" {
		if problem := g.wrong(r, body); problem != "" {
			return reply(400, `{"error":"invalid_grant","error_description":"Invalid JWT: `+problem+`"}`)
		}
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			g.desk.Give(w, r, func(token string) {
				_, _ = fmt.Fprintf(w, `{"access_token":%q,"expires_in":3599,"token_type":"Bearer"}`, token)
			})
		}}
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	asked := parse(body)
	to := providertest.Number(providers.Push, asked.Message.Token)
	switch {
	case !g.desk.Good(token):
		return reply(401, refused(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", ""))
	case r.Method+r.URL.Path != "POST/v1/projects/"+g.file.Project+"/messages:send":
		return reply(404, "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>")
	case asked.ValidateOnly && asked.Message.Topic != "":
		return reply(200, `{"name":"projects/`+project+`/messages/fake_message_id"}`)
	case asked.Message.Token == "":
		return reply(400, refused(400, "INVALID_ARGUMENT", "Recipient of the message is not set.", coded("INVALID_ARGUMENT")+","+field("message")))
	}
	return sink.Exchange{Messages: []int64{to}, Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		_, _ = fmt.Fprintf(w, `{"name":"projects/%s/messages/0:1500415314455276%%31bd1c96%d"}`, project, to)
	}}
}

// wrong says what is wrong with a request for a token.
func (g *google) wrong(r *http.Request, body []byte) string {
	form, _ := url.ParseQuery(string(body)) // what can't be read has nothing in it
	if r.Method != http.MethodPost || form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" {
		return "grant_type"
	}
	var claims struct {
		jwt.RegisteredClaims
		Scope string `json:"scope"`
	}
	parsed, err := jwt.ParseWithClaims(form.Get("assertion"), &claims, func(*jwt.Token) (any, error) { return &g.key.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(g.file.Email), jwt.WithAudience(g.file.TokenURI), jwt.WithIssuedAt(),
		jwt.WithExpirationRequired(), jwt.WithTimeFunc(func() time.Time { return providertest.Now }))
	switch {
	case err != nil:
		return err.Error()
	case parsed.Header["kid"] != g.file.KeyID:
		return "kid"
	case claims.Scope != "https://www.googleapis.com/auth/firebase.messaging" || claims.ExpiresAt.Sub(claims.IssuedAt.Time) > time.Hour:
		return "scope"
	}
	return ""
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	g := &google{file: account(t)}
	var err error
	g.key, err = jwt.ParseRSAPrivateKeyFromPEM([]byte(g.file.PrivateKey))
	require.NoError(t, err)
	o.Dialect = g.answer
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(t, s.URL(), nil), Tally: &s.Tally, Tokens: &g.desk}
}

// said is a refusal in Firebase's words and what it means.
func said(status int, word, code string, kind providers.ErrorKind) providertest.Refusal {
	message := "because of " + providertest.FirstToken
	r := providertest.Refusal{Name: word, Answer: sink.Answer{Code: status, Text: refused(status, word, message, "")}, Kind: kind, Code: word}
	if code != "" {
		r.Name, r.Code, r.Answer.Text = code, code, refused(status, word, message, coded(code))
	}
	if kind == providers.ErrorThrottled {
		r.RetryAfter = time.Minute
	}
	return r
}

// plain is an answer of somebody else's, such as a proxy before Firebase.
func plain(status int, kind providers.ErrorKind) providertest.Refusal {
	code := strconv.Itoa(status)
	return providertest.Refusal{Name: code, Answer: sink.Answer{Code: status, Text: "why not"}, Kind: kind, Code: code}
}

func named(r providertest.Refusal, name string, change func(r *providertest.Refusal)) providertest.Refusal {
	r.Name = name
	change(&r)
	return r
}

func hard(r *providertest.Refusal) { r.Bounce = providers.BounceHard }

func slow(r *providertest.Refusal) {
	r.Answer.Header, r.RetryAfter = http.Header{"Retry-After": {"7"}}, 7*time.Second
}

func refusals() []providertest.Refusal {
	invalid := said(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", providers.ErrorContent)
	token := said(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", providers.ErrorRecipient)
	doubt := func(text string) providertest.Refusal {
		return providertest.Refusal{Name: "doubt " + text, Answer: sink.Answer{Code: 200, Text: text}, Kind: providers.ErrorInDoubt}
	}
	return []providertest.Refusal{
		named(said(404, "NOT_FOUND", "UNREGISTERED", providers.ErrorRecipient), "UNREGISTERED", hard),
		said(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", providers.ErrorRecipient), invalid,
		named(invalid, "a wrong value", func(r *providertest.Refusal) {
			r.Answer.Text = refused(400, "INVALID_ARGUMENT", "Invalid value", field("message.data[0].value"))
		}),
		named(token, "a wrong token by its field", func(r *providertest.Refusal) {
			hard(r)
			r.Answer.Text = refused(400, "INVALID_ARGUMENT", "Invalid registration token", coded("INVALID_ARGUMENT")+","+field("message.token"))
		}),
		named(token, "a wrong token in words", func(r *providertest.Refusal) {
			hard(r)
			r.Answer.Text = refused(400, "INVALID_ARGUMENT", "The registration token is not a valid FCM registration token", coded("INVALID_ARGUMENT"))
		}),
		said(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", providers.ErrorThrottled), said(429, "RESOURCE_EXHAUSTED", "", providers.ErrorThrottled),
		named(said(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", providers.ErrorThrottled), "quota with Retry-After", slow),
		said(503, "UNAVAILABLE", "UNAVAILABLE", providers.ErrorTemporary),
		named(said(503, "UNAVAILABLE", "UNAVAILABLE", providers.ErrorTemporary), "unavailable with Retry-After", slow),
		said(500, "INTERNAL", "INTERNAL", providers.ErrorTemporary), said(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", providers.ErrorAuth),
		said(401, "UNAUTHENTICATED", "", providers.ErrorAuth), said(403, "PERMISSION_DENIED", "", providers.ErrorAuth),
		said(404, "NOT_FOUND", "", providers.ErrorAccount), said(400, "FAILED_PRECONDITION", "NEW_ONE", providers.ErrorContent),
		doubt(""), doubt("<html>"), doubt(`{"name":"a b"}`), doubt(`{"name":7}`),
		plain(301, providers.ErrorAccount), plain(302, providers.ErrorTemporary), plain(400, providers.ErrorContent), plain(401, providers.ErrorAuth),
		plain(403, providers.ErrorAuth), plain(404, providers.ErrorTemporary), plain(502, providers.ErrorTemporary),
	}
}

// lines are those of the private key, which are secret each by itself.
func lines(t testing.TB) []string {
	all := strings.Split(strings.TrimSpace(account(t).PrivateKey), "\n")
	return all[1 : len(all)-1]
}

func TestContract(t *testing.T) {
	providertest.Run(t, providertest.Subject{
		Kind: fcm.Kind(), Serve: serve, Refusals: refusals(), Unnamed: true, Tokens: true,
		Nowhere: func(addr string) json.RawMessage { return config(t, "https://"+addr, nil) },
		Secrets: append(lines(t), providertest.FirstToken),
		Arrived: func(t testing.TB, d sink.Delivery) []providers.Message {
			m := parse(d.Body).Message
			c := providers.Content{Subject: m.Notification.Title, Text: m.Notification.Body}
			if file := m.Notification.Image + m.Data["file"]; file != "" {
				c.Attachment = &providers.Attachment{URL: file}
			}
			if text := m.Data["actions"]; text != "" {
				var actions []struct{ Action, Title string }
				require.NoError(t, json.Unmarshal([]byte(text), &actions))
				for _, a := range actions {
					c.Buttons = append(c.Buttons, providers.MessageButton{Type: providers.ButtonLink, Caption: a.Title, Info: a.Action})
				}
			}
			return []providers.Message{{To: m.Token, Content: c}}
		},
		Key: func(d sink.Delivery) string { return parse(d.Body).Message.Data["id"] },
	})
}

// open makes the adapter for a configuration, on a clock.
func open(t testing.TB, raw json.RawMessage, c clock.Clock) providers.Provider {
	t.Helper()
	require.NoError(t, fcm.Kind().Validate(raw))
	p, err := fcm.Kind().New(raw, providers.Deps{Installation: "x", Dialer: providers.Dialer{AllowPrivate: true}, Clock: c})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// Each content goes in the fields that Firebase has for it.
func TestEveryContent(t *testing.T) {
	var got sink.Delivery
	far := serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d }})
	p := open(t, far.Config, clock.NewFake(providertest.Now))
	to := providertest.Address(providers.Push, 7)
	button := providers.MessageButton{Type: providers.ButtonLink, Caption: "See", Info: "u"}
	file := func(address string) *providers.Attachment { return &providers.Attachment{URL: address, Caption: "b"} }
	for want, c := range map[string]providers.Content{
		`"notification":{"title":"Grüße","body":"<b> & \"x\""},"data":{"id":"7-x"}`: {Subject: "Grüße", Text: "<b> & \"x\""},
		`"notification":{"body":"a\nb","image":"https://x.org/a.jpg?x=1&y=2"},"data":{"id":"7-x"}`: {
			Text: "a", Attachment: file("https://x.org/a.jpg?x=1&y=2"),
		},
		`"notification":{"body":"a\nb"},"data":{"id":"7-x","url":"https://x.org/a","file":"https://x.org/a"}`: {Text: "a", Attachment: file("https://x.org/a")},
		`"notification":{"body":"a"},"data":{"id":"7-x","url":"u","actions":"[{\"action\":\"u\",\"title\":\"See\"}]"}`: {
			Text: "a", Buttons: []providers.MessageButton{button},
		},
	} {
		accepted, err := p.Send(t.Context(), providers.Message{ID: 7, To: to, Content: c})
		require.NoError(t, err)
		require.Equal(t, "projects/news-example/messages/0:1500415314455276%31bd1c967", accepted.ProviderID)
		require.JSONEq(t, fmt.Sprintf(`{"message":{"token":%q,%s}}`, to, want), string(got.Body))
	}
	_, err := p.Send(t.Context(), providers.Message{ID: 7, To: to, Content: providers.Content{Text: strings.Repeat("x", 4096-len("bodyid7-x"))}})
	require.NoError(t, err)
	_, err = p.Send(t.Context(), providers.Message{ID: 7, To: to, Content: providers.Content{Text: strings.Repeat("x", 4097-len("bodyid7-x"))}})
	require.ErrorContains(t, err, "4097 bytes together; Firebase takes at most 4096")
	require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
}

// A token is replaced before it ends, so that nothing has to go twice.
func TestTokenIsReplacedEarly(t *testing.T) {
	far := serve(t, sink.Options{})
	fake := clock.NewFake(providertest.Now)
	p := open(t, far.Config, fake)
	send := func() {
		t.Helper()
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: providertest.Address(providers.Push, 7), Content: providers.Content{Text: "x"}})
		require.NoError(t, err)
	}
	send()
	fake.Advance(3538 * time.Second)
	send()
	require.Equal(t, int64(1), far.Tokens.Asked())
}

// What is wrong with the key is said in Google's words, and what to do.
func TestErrorsSayWhatHelps(t *testing.T) {
	far := serve(t, sink.Options{})
	var settings map[string]any
	require.NoError(t, json.Unmarshal(far.Config, &settings))
	api := settings["api"].(string)
	fake := clock.NewFake(providertest.Now)
	try := func(raw json.RawMessage) *providers.Error {
		err := open(t, raw, fake).(providers.Checker).Check(t.Context())
		require.Error(t, err)
		return providers.AsError(err)
	}
	err := try(config(t, api, func(f *file) { f.Email = "other@news-example.iam.gserviceaccount.com" }))
	require.Equal(t, providers.ErrorAuth, err.Kind)
	require.ErrorContains(t, err, "buy an access token: the provider answered 400 Bad Request: the key is not taken")
	require.ErrorContains(t, err, "invalid_grant Invalid JWT")
	err = try(config(t, api, func(f *file) { f.Project = "another-project" }))
	require.ErrorContains(t, err, "not in Firebase's words: check config.api")
	far.Tokens.Answer(sink.Answer{Code: 200, Text: "<html>"})
	require.Equal(t, providers.ErrorTemporary, try(far.Config).Kind)
	far.Tokens.Answer(sink.Answer{Code: 429, Text: "{}"})
	require.Equal(t, providers.ErrorThrottled, try(far.Config).Kind)
}

func TestSettings(t *testing.T) {
	kind := fcm.Kind()
	for want, change := range map[string]func(f *file){
		"google-services.json of an app is another": func(f *file) { f.Type = "" },
		"project_id":   func(f *file) { f.Project = "a/../b" },
		"client_email": func(f *file) { f.Email = "" },
		"private_key":  func(f *file) { f.PrivateKey = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" },
		"token_uri":    func(f *file) { f.TokenURI = "http://oauth2.googleapis.com/token" },
	} {
		err := kind.Validate(config(t, "https://example.org", change))
		require.True(t, fault.Is(err, fault.Invalid), want)
		require.ErrorContains(t, err, "config.service_account")
		require.ErrorContains(t, err, want)
	}
	good := string(config(t, "https://example.org", nil))
	for want, raw := range map[string]string{
		"config.api":       strings.Replace(good, `"api":"https://example.org"`, `"api":"example.org"`, 1),
		"config.token_uri": strings.Replace(good, `"token_uri":"https://example.org/token"`, `"token_uri":"https://me:secret@example.org"`, 1),
		"config.service_account: must be the JSON file": `{"service_account":"x"}`,
		"config.service_account":                        `{}`,
	} {
		require.ErrorContains(t, kind.Validate(json.RawMessage(raw)), want)
	}
}

// FuzzAnswer has nothing that answers in Firebase's place, or sells tokens, bring the adapter down.
func FuzzAnswer(f *testing.F) {
	for _, r := range refusals() {
		f.Add(r.Answer.Code, r.Answer.Text)
	}
	f.Fuzz(func(t *testing.T, code int, text string) {
		if code < 200 || code > 599 {
			return
		}
		far := serve(t, sink.Options{Answer: func(int64, int64) sink.Answer { return sink.Answer{Code: code, Text: text} }})
		p := open(t, far.Config, clock.NewFake(providertest.Now))
		m := providers.Message{ID: 7, To: providertest.Address(providers.Push, 7), Content: providers.Content{Text: "x"}}
		accepted, err := p.Send(t.Context(), m)
		if err == nil {
			require.True(t, providers.Key(accepted.ProviderID))
			return
		}
		require.Contains(t, providers.ErrorKinds(), providers.AsError(err).Kind)
		far.Tokens.Expire()
		far.Tokens.Answer(sink.Answer{Code: code, Text: text})
		_, err = open(t, far.Config, clock.NewFake(providertest.Now)).Send(t.Context(), m)
		require.NotEqual(t, providers.ErrorInDoubt, providers.AsError(err).Kind, "no message was sent")
	})
}
