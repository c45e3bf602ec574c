package vonage_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"regexp"
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
	"carillon/providers/providertest"
	"carillon/providers/vonage"
)

const (
	apiKey      = "abcd1234"
	apiSecret   = "what-the-key-is-used-with"
	signature   = "what-vonage-signs-with-0123"
	number      = "+15550000006"
	application = "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"
)

// application's key, made once.
var private, privatePEM = made()

func made() (*rsa.PrivateKey, string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// seven is somebody by whom the far end knows message 7.
var seven = providertest.Address(providers.SMS, 7)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// byKey and byApplication are the two ways in which a channel proves itself.
func byKey(address string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"api":%q,"api_key":%q,"api_secret":%q,"signature_secret":%q,"from":%q,"timeout_ms":60000}`,
		address, apiKey, apiSecret, signature, number))
}

func byApplication(address string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"api":%q,"application_id":%q,"private_key":%q,"signature_secret":%q,"from":%q,"timeout_ms":60000}`,
		address, application, privatePEM, signature, number))
}

// refused is a refusal in Vonage's words.
func refused(status int, code, detail string) sink.Answer {
	page := "https://developer.vonage.com/api-errors/messages#"
	if len(code) != 4 {
		page = "https://developer.vonage.com/api-errors#"
	}
	text, _ := json.Marshal(map[string]string{"type": page + code, "title": "Title", "detail": detail, "instance": "bf0ca0bf927b3b52e3cb03217e1a1ddf"})
	return sink.Answer{Code: status, Text: string(text)}
}

func reply(a sink.Answer) sink.Exchange {
	return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		w.WriteHeader(a.Code)
		_, _ = w.Write([]byte(a.Text))
	}}
}

type asked struct {
	Type    string `json:"message_type"`
	Channel string
	To      string
	From    string
	Text    string
	Ref     string `json:"client_ref"`
	Hook    string `json:"webhook_url"`
	Version string `json:"webhook_version"`
}

// known reports whether a request proves who asks.
func known(r *http.Request) bool {
	if name, password, ok := r.BasicAuth(); ok {
		return name == apiKey && password == apiSecret
	}
	var claims jwt.MapClaims
	_, err := jwt.ParseWithClaims(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), &claims,
		func(*jwt.Token) (any, error) { return &private.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithTimeFunc(func() time.Time { return providertest.Now }), jwt.WithIssuedAt(), jwt.WithExpirationRequired())
	return err == nil && claims["application_id"] == application && claims["jti"] != ""
}

var plain = regexp.MustCompile(`^[1-9][0-9]{4,14}$`)

// messagesAPI plays Vonage.
func messagesAPI(r *http.Request, body []byte) sink.Exchange {
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	var a asked
	switch wrong := decoder.Decode(&a); {
	case r.Method+r.URL.Path != "POST/v1/messages":
		return reply(refused(404, "not-found", "The requested resource does not exist"))
	case !known(r):
		return reply(refused(401, "unauthorized", "You did not provide correct credentials."))
	case wrong != nil || a.Type != "text" || a.Channel != "sms" || a.Text == "" || a.From == "" || len(a.Ref) > 100 ||
		r.Header.Get("Content-Type") != "application/json":
		return reply(refused(422, "1010", "Your request is incomplete and missing some mandatory parameters."))
	case !plain.MatchString(a.To) || providers.Units(a.Text) > 1000 || strings.HasPrefix(a.From, "+"):
		return reply(refused(422, "1020", "The value of one or more parameters is invalid."))
	}
	n := max(1, providertest.Number(providers.SMS, "+"+a.To))
	return sink.Exchange{Messages: []int64{n}, Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(w, `{"message_uuid":%q}`, uuid(n))
	}}
}

func uuid(n int64) string { return fmt.Sprintf("aaaaaaaa-bbbb-4ccc-8ddd-%012d", n) }

func serve(config func(address string) json.RawMessage) func(testing.TB, sink.Options) providertest.Far {
	return func(t testing.TB, o sink.Options) providertest.Far {
		t.Helper()
		o.Dialect = messagesAPI
		s, err := sink.NewHTTP(o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return providertest.Far{Config: config(s.URL()), Tally: &s.Tally}
	}
}

// posted is a request that Vonage signs.
func posted(body map[string]any) (http.Header, []byte) {
	text, _ := json.Marshal(body) // texts can be written
	return signed(signature, text, nil), text
}

// signed is the header with which a body is posted; more are claims of the token.
func signed(key string, body []byte, more jwt.MapClaims) http.Header {
	hash := sha256.Sum256(body)
	claims := jwt.MapClaims{
		"iat": providertest.Now.Unix(), "jti": "c9ac6ac1-1111-2222-3333-444455556666", "iss": "Vonage", "payload_hash": hex.EncodeToString(hash[:]),
		"api_key": apiKey, "application_id": application,
	}
	for name, value := range more {
		claims[name] = value
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(key))
	if err != nil {
		panic(err)
	}
	return http.Header{"Authorization": {"Bearer " + token}}
}

// status is what Vonage posts of a message.
func status(id int64, ref, word, code string) map[string]any {
	body := map[string]any{
		"message_uuid": uuid(id), "to": "4917000000007", "from": "15550000006", "timestamp": "2026-11-21T09:00:00Z",
		"status": word, "channel": "sms", "client_ref": ref,
		"usage": map[string]string{"currency": "EUR", "price": "0.0333"}, "sms": map[string]string{"count_total": "2"},
	}
	if code != "" {
		body["error"] = map[string]any{
			"type": "https://developer.vonage.com/api-errors/messages#" + code, "title": json.Number(code), "detail": "Because", "instance": "bf0c",
		}
	}
	return body
}

// inbound is what Vonage posts of what somebody wrote.
func inbound(r providers.Reply) map[string]any {
	return map[string]any{
		"message_uuid": r.ID, "to": "15550000006", "from": strings.TrimPrefix(r.From, "+"), "timestamp": "2026-11-21 09:00:00 UTC", "channel": "sms",
		"message_type": "text", "text": r.Text, "sms": map[string]string{"num_messages": "1", "keyword": "STOP"},
		"origin": map[string]string{"network_code": "23410"},
	}
}

// said is a refusal and what it means.
func said(status int, code string, kind providers.ErrorKind, bounce providers.BounceKind) providertest.Refusal {
	return providertest.Refusal{Name: code, Answer: refused(status, code, "because of "+apiSecret), Kind: kind, Code: code, Bounce: bounce}
}

// codes are all that has a meaning of its own, by what it means.
var codes = []struct {
	kind   providers.ErrorKind
	bounce providers.BounceKind
	codes  []string
}{
	{providers.ErrorAuth, "", []string{"unauthorized", "forbidden", "jwt-expired", "1110"}},
	{providers.ErrorAccount, "", []string{"unprovisioned", "account-suspended", "1060", "1080", "1140"}},
	{providers.ErrorQuota, "", []string{"low-balance", "1070"}},
	{providers.ErrorThrottled, "", []string{"1000"}},
	{providers.ErrorTemporary, "", []string{"1030", "1100", "1230", "1330", "1360"}},
	{providers.ErrorSender, "", []string{"1120", "1420"}},
	{providers.ErrorContent, "", []string{"1010", "1020", "1090", "1210", "1320"}},
	{providers.ErrorRecipientBusy, "", []string{"1220", "1241"}},
	{providers.ErrorRecipient, "", []string{"1040", "1050", "1160", "1240", "1270", "1280", "1310"}},
	{providers.ErrorRecipient, providers.BounceSoft, []string{"1180", "1200", "1250", "1260", "1290", "1300"}},
	{providers.ErrorRecipient, providers.BounceHard, []string{"1170", "1190", "1430"}},
}

func refusals() (list []providertest.Refusal) {
	for _, c := range codes {
		for _, code := range c.codes {
			list = append(list, said(422, code, c.kind, c.bounce))
		}
	}
	foreign := func(status int, kind providers.ErrorKind) {
		text := sink.Answer{Code: status, Text: "why not " + apiSecret}
		list = append(list, providertest.Refusal{Name: fmt.Sprint(status), Answer: text, Kind: kind, Code: fmt.Sprint(status)})
	}
	foreign(301, providers.ErrorAccount)
	foreign(302, providers.ErrorTemporary)
	foreign(400, providers.ErrorContent)
	foreign(401, providers.ErrorAuth)
	foreign(402, providers.ErrorQuota)
	foreign(404, providers.ErrorTemporary)
	foreign(429, providers.ErrorThrottled)
	foreign(502, providers.ErrorTemporary)
	for _, text := range []string{`{"message_uuid":""}`, `{"message_uuid":"a b"}`, "<html>welcome</html>", ""} {
		list = append(list, providertest.Refusal{Name: "doubt " + text, Answer: sink.Answer{Code: 202, Text: text}, Kind: providers.ErrorInDoubt})
	}
	slow := said(429, "1000", providers.ErrorThrottled, "")
	slow.Name, slow.Answer.Header, slow.RetryAfter = "Retry-After", http.Header{"Retry-After": {"7"}}, 7*time.Second
	return append(list, slow, said(503, "1999", providers.ErrorTemporary, ""), said(422, "1999", providers.ErrorContent, ""))
}

func TestContract(t *testing.T) {
	words := map[providers.ReceiptStatus][2]string{
		providers.ReceiptDelivered: {"delivered"}, providers.ReceiptRead: {"read"},
		providers.ReceiptFailed: {"rejected", "1210"}, providers.ReceiptRejected: {"undeliverable", "1190"},
	}
	for name, c := range map[string]struct {
		config  func(string) json.RawMessage
		secrets []string
	}{"Key": {byKey, []string{apiSecret, signature}}, "Application": {byApplication, append(strings.Split(strings.TrimSpace(privatePEM), "\n")[1:4], signature)}} {
		t.Run(name, func(t *testing.T) {
			providertest.Run(t, providertest.Subject{
				Kind:     vonage.Kind(),
				Serve:    serve(c.config),
				Nowhere:  func(addr string) json.RawMessage { return c.config("https://" + addr) },
				Secrets:  c.secrets,
				Refusals: refusals(),
				Arrived: func(t testing.TB, d sink.Delivery) []providers.Message {
					var a asked
					require.NoError(t, json.Unmarshal(d.Body, &a))
					require.Equal(t, providertest.HookURL, a.Hook)
					require.Equal(t, "v1", a.Version)
					return []providers.Message{{To: "+" + a.To, Content: providers.Content{Text: a.Text}}}
				},
				Key: func(d sink.Delivery) string {
					var a asked
					_ = json.Unmarshal(d.Body, &a) // no key is none of a message
					return a.Ref
				},
				Proof:   providertest.Signed,
				Reports: []providers.ReceiptStatus{providers.ReceiptDelivered, providers.ReceiptRead, providers.ReceiptFailed, providers.ReceiptRejected},
				Receipt: func(_ testing.TB, _ time.Time, r providertest.Report) (http.Header, []byte) {
					ref := providers.Deps{Installation: "theinstallation1"}.UniqueID(r.MessageID)
					return posted(status(r.MessageID, ref, words[r.Status][0], words[r.Status][1]))
				},
				Reply: func(_ testing.TB, _ time.Time, r providers.Reply) (http.Header, []byte) { return posted(inbound(r)) },
			})
		})
	}
}

// open makes the adapter for a configuration.
func open(t testing.TB, raw json.RawMessage, deps providers.Deps) providers.Provider {
	t.Helper()
	require.NoError(t, vonage.Kind().Validate(raw))
	deps.Dialer = providers.Dialer{AllowPrivate: true}
	if deps.Clock == nil {
		deps.Clock = clock.NewFake(providertest.Now)
	}
	p, err := vonage.Kind().New(raw, deps)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func changed(raw json.RawMessage, part, other string) json.RawMessage {
	return json.RawMessage(strings.Replace(string(raw), part, other, 1))
}

// A message goes as Vonage has it, from a number or a name, with the address of the hook where
// there is one.
func TestForms(t *testing.T) {
	var got []byte
	far := serve(byKey)(t, sink.Options{Seen: func(d sink.Delivery) { got = d.Body }})
	for from, want := range map[string]string{number: "15550000006", "12345": "12345", "News24": "News24"} {
		p := open(t, changed(far.Config, number, from), providers.Deps{Installation: "i"})
		a, err := p.Send(t.Context(), providers.Message{ID: 7, To: seven, Content: providers.Content{Text: "Hello 🍏"}})
		require.NoError(t, err)
		require.Equal(t, uuid(7), a.ProviderID)
		require.JSONEq(t, `{"message_type":"text","channel":"sms","to":"`+seven[1:]+`","from":"`+want+`","text":"Hello 🍏","client_ref":"7-i"}`, string(got))
		require.Equal(t, from, vonage.Kind().Sender(changed(far.Config, number, from)))
	}
	require.Empty(t, vonage.Kind().Sender(json.RawMessage(`[]`)))
	p := open(t, far.Config, providers.Deps{HookURL: "https://n.example.org/hooks/1"})
	_, err := p.Send(t.Context(), providers.Message{ID: 7, To: "+4917000000007", Content: providers.Content{Text: "x"}})
	require.NoError(t, err)
	require.Contains(t, string(got), `"webhook_url":"https://n.example.org/hooks/1","webhook_version":"v1"`)
	_, err = p.Send(t.Context(), providers.Message{ID: 7, To: "+491", Content: providers.Content{Text: strings.Repeat("😀", 501)}})
	require.ErrorContains(t, err, "1002 letters")
	require.Equal(t, "too_long", providers.AsError(err).Code)
}

// An application's token is signed once for ten minutes, and told to nobody.
func TestTokens(t *testing.T) {
	var tokens []string
	echo := func(r *http.Request, _ []byte) sink.Exchange {
		tokens = append(tokens, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		return reply(refused(422, "1020", "you said "+tokens[len(tokens)-1]))
	}
	s, err := sink.NewHTTP(sink.Options{Dialect: echo})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	now := clock.NewFake(providertest.Now)
	p := open(t, byApplication(s.URL()), providers.Deps{Clock: now})
	for _, after := range []time.Duration{0, 9 * time.Minute, 2 * time.Minute} {
		now.Advance(after)
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: "+491", Content: providers.Content{Text: "x"}})
		require.ErrorContains(t, err, "you said <redacted>")
	}
	require.Equal(t, tokens[0], tokens[1])
	require.NotEqual(t, tokens[1], tokens[2])
}

// What was refused is said with what to do.
func TestErrorsSayWhatHelps(t *testing.T) {
	for want, answer := range map[string]sink.Answer{
		"refused by Vonage: Title: Wrong; check config.application_id": refused(401, "unauthorized", "Wrong"),
		"they have written STOP":     refused(422, "1240", "x"),
		"no credit left":             refused(402, "low-balance", "x"),
		"check config.from":          refused(422, "1120", "x"),
		"set config.api to where":    {Code: 301},
		"not in Vonage's words":      {Code: 404, Text: "x"},
		"refused by Vonage: Numbers": {Code: 422, Text: `{"type":"x#1020","title":1020,"detail":"Numbers"}`},
	} {
		far := serve(byKey)(t, sink.Options{Answer: func(int64, int64) sink.Answer { return answer }})
		_, err := open(t, far.Config, providers.Deps{}).Send(t.Context(), providers.Message{ID: 7, To: "+4917000000007", Content: providers.Content{Text: "x"}})
		require.ErrorContains(t, err, want)
	}
}

// Every code that the page names is known, and every one that is known is on the page.
func TestCodesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/providers/vonage.md")
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(page), "## What errors mean")
	for _, c := range codes {
		for _, code := range c.codes {
			require.Regexp(t, `(?m)^\| [0-9a-z, -]*\b`+code+`\b[0-9a-z, -]* \|`, table)
		}
	}
}

// Who asks is tried without a message: Vonage refuses that of everybody, and says of whom it does
// not know that this is why.
func TestCheck(t *testing.T) {
	for _, config := range []func(string) json.RawMessage{byKey, byApplication} {
		far := serve(config)(t, sink.Options{})
		require.NoError(t, open(t, far.Config, providers.Deps{}).(providers.Checker).Check(t.Context()))
		require.Zero(t, far.Tally.Count())
	}
	far := serve(byKey)(t, sink.Options{})
	wrong := open(t, changed(far.Config, apiSecret, "another-secret"), providers.Deps{})
	require.Equal(t, providers.ErrorAuth, providers.AsError(wrong.(providers.Checker).Check(t.Context())).Kind)
	for want, answer := range map[string]sink.Answer{
		"account 1060": refused(422, "1060", "x"), "throttled 1000": refused(429, "1000", "x"),
		"is not Vonage": {Code: 200, Text: `{}`}, "what answers there": {Code: 422, Text: "no"},
	} {
		s, err := sink.NewHTTP(sink.Options{Dialect: func(*http.Request, []byte) sink.Exchange { return reply(answer) }})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		require.ErrorContains(t, open(t, byKey(s.URL()+"/"), providers.Deps{}).(providers.Checker).Check(t.Context()), want)
	}
}

func TestConfigRefused(t *testing.T) {
	key, app := byKey("https://example.org"), byApplication("https://example.org")
	for want, raw := range map[string]json.RawMessage{
		"config.api: must be":                      changed(key, "https://example.org", "ftp://example.org"),
		"config.application_id: is required":       changed(key, apiSecret, ""),
		"config.application_id: must be a UUID":    changed(app, application, "my-app"),
		"config.private_key: must be an RSA key":   changed(app, "RSA PRIVATE", "EC PRIVATE"),
		"config.api_key: must be letters":          changed(key, apiKey, "a b"),
		"config.api_secret: must have 8":           changed(key, apiSecret, "short"),
		"config.signature_secret: must have 8":     changed(key, signature, "a b c d e f"),
		"config.from: must be a number such as +1": changed(key, number, "Company of twelve"),
	} {
		err := vonage.Kind().Validate(raw)
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", want, err)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), privatePEM[40:80])
	}
	sample, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, vonage.Kind().Validate(sample))
	require.Equal(t, 5, vonage.Kind().MostRequests(json.RawMessage(`{"max_connections":5}`)))
}

// Whatever is answered to a message is an acceptance that can be kept or an error that says what it
// means, without the secret.
func FuzzAnswered(f *testing.F) {
	providertest.FuzzAnswers(f, vonage.Kind(), serve(byKey), providertest.Answered{To: "+4917000000007", Secret: apiSecret, Seeds: []string{
		`{"message_uuid":"a"}`, `{"message_uuid":7}`, `{"type":"x#` + apiSecret + `"}`, `{"type":"#1000","title":{}}`, `{"type":"#","detail":"` + apiSecret + `"}`,
		refused(422, "1240", apiSecret).Text, apiSecret[:7] + "\xd4" + apiSecret[7:],
	}})
}
