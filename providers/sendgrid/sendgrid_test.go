package sendgrid_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/sendgrid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const apiKey = "SG.the-key-of-the-account-01234"

// signer is the key that SendGrid signs with, public its other half as SendGrid shows it.
var signer, public = keys("what-signs-in-the-tests")

func keys(seed string) (*ecdsa.PrivateKey, string) {
	number := sha256.Sum256([]byte(seed))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), number[:])
	if err != nil {
		panic(err)
	}
	return key, encoded(&key.PublicKey)
}

func encoded(key any) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

func config(url string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"api":%q,"api_key":%q,"from":"news@example.org","from_name":"Die \"Glöckner\", Łódź","reply_to":"answers@example.org",
		"verification_key":%q,"timeout_ms":60000}`, url, apiKey, public))
}

// message is what arrives.
type message struct {
	Personalizations []struct {
		To   []struct{ Email, Name string }
		Args map[string]string `json:"custom_args"`
	}
	From        struct{ Email, Name string }
	Subject     string
	Content     []struct{ Type, Value string }
	Headers     map[string]string
	Attachments []struct {
		Content                     []byte
		Type, Filename, Disposition string
	}
}

func parse(body []byte) (m message) {
	_ = json.Unmarshal(body, &m) // what can't be read has no recipient
	return m
}

func (m *message) to() string {
	if len(m.Personalizations) != 1 || len(m.Personalizations[0].To) != 1 {
		return ""
	}
	return m.Personalizations[0].To[0].Email
}

// said is the body of a refusal in SendGrid's words.
func said(words, field string) string {
	return fmt.Sprintf(`{"errors":[{"message":%q,"field":%q,"help":null}]}`, words, field)
}

// wrong is the refusal of a message that SendGrid can't take; empty for one that it can.
func (m *message) wrong() string {
	switch {
	case m.to() == "":
		return said("Does not contain a valid address.", "personalizations.0.to")
	case m.From.Email == "":
		return said("The from object must be provided for every email send.", "from.email")
	case m.Subject == "":
		return said("The subject is required.", "subject")
	case len(m.Content) == 0:
		return said("The content parameter is required.", "content")
	}
	for i, c := range m.Content {
		if c.Value == "" || i > 0 && c.Type == "text/plain" {
			return said("If present, text/plain must be first", "content")
		}
	}
	return ""
}

// account plays SendGrid.
func account(r *http.Request, body []byte) sink.Exchange {
	reply := func(status int, text string) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}}
	}
	if r.Header.Get("Authorization") != "Bearer "+apiKey {
		return reply(401, said("The provided authorization grant is invalid, expired, or revoked", ""))
	}
	if r.Header.Get("Accept") != "application/json" || r.Header.Get("Content-Type") != "application/json" {
		return reply(406, said("Missing Accept header", ""))
	}
	switch r.Method + r.URL.Path {
	case "GET/v3/scopes":
		return reply(200, `{"scopes":["mail.batch.create","mail.send"]}`)
	case "POST/v3/mail/send":
	default:
		return reply(404, said("Not Found", ""))
	}
	m := parse(body)
	if words := m.wrong(); words != "" {
		return reply(400, words)
	}
	id := max(1, providertest.Number(providers.Email, m.to()))
	return sink.Exchange{Messages: []int64{id}, Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		w.Header().Set("X-Message-Id", fmt.Sprintf("14c5d75ce93.dfd.%d", id))
		w.WriteHeader(http.StatusAccepted)
	}}
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	o.Dialect = account
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(s.URL()), Tally: &s.Tally}
}

// refusal is one in SendGrid's words.
func refusal(status int, words, field string, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{
		Name: fmt.Sprint(status, " ", words, " ", field), Kind: kind, Code: strconv.Itoa(status), Answer: sink.Answer{Code: status, Text: said(words, field)},
	}
}

// plain is an answer of somebody else's, such as a proxy before SendGrid.
func plain(status int, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{Name: strconv.Itoa(status), Answer: sink.Answer{Code: status, Text: "why not " + apiKey}, Kind: kind, Code: strconv.Itoa(status)}
}

func refusals() []providertest.Refusal {
	slow := refusal(429, "too many requests", "", providers.ErrorThrottled)
	slow.Answer.Header, slow.RetryAfter = http.Header{"X-Ratelimit-Reset": {strconv.FormatInt(providertest.Now.Unix()+7, 10)}}, 7*time.Second
	told := refusal(429, "too many requests, told otherwise", "", providers.ErrorThrottled)
	told.Answer.Header, told.RetryAfter = http.Header{"Retry-After": {"9"}, "X-Ratelimit-Reset": {"1"}}, 9*time.Second
	doubt := func(status int, text string) providertest.Refusal {
		return providertest.Refusal{Name: fmt.Sprint("doubt ", status, text), Answer: sink.Answer{Code: status, Text: text}, Kind: providers.ErrorInDoubt}
	}
	return []providertest.Refusal{
		slow, told, refusal(429, "too many requests, for nobody knows how long", "", providers.ErrorThrottled),
		refusal(400, "Does not contain a valid address.", "personalizations.0.to.0.email", providers.ErrorRecipient),
		refusal(400, "Does not contain a valid address.", "from.email", providers.ErrorSender),
		refusal(400, "The content is wrong "+apiKey, "content.0.value", providers.ErrorContent), refusal(400, "Bad Request", "", providers.ErrorContent),
		refusal(401, "The provided authorization grant is invalid, expired, or revoked", "", providers.ErrorAuth),
		refusal(401, "Maximum credits exceeded", "", providers.ErrorQuota),
		refusal(401, "authenticated user is not authorized to send mail", "", providers.ErrorAuth),
		refusal(403, "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.", "from", providers.ErrorSender),
		refusal(403, "access forbidden", "", providers.ErrorAuth), refusal(404, "Not Found", "", providers.ErrorTemporary),
		refusal(410, "Gone", "", providers.ErrorContent), refusal(413, "Payload too large", "", providers.ErrorContent),
		refusal(500, "internal error "+public, "", providers.ErrorTemporary), refusal(503, "unavailable", "", providers.ErrorTemporary),
		plain(301, providers.ErrorAccount), plain(302, providers.ErrorTemporary), plain(404, providers.ErrorTemporary), plain(410, providers.ErrorAccount),
		plain(502, providers.ErrorTemporary), doubt(202, ""), doubt(200, `{"message":"success"}`), doubt(200, "<html>"),
	}
}

// posted is a request that SendGrid has signed at a time.
func posted(at time.Time, body string) (http.Header, []byte) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	sum := sha256.Sum256([]byte(stamp + body))
	signature, err := ecdsa.SignASN1(rand.Reader, signer, sum[:])
	if err != nil {
		panic(err)
	}
	return http.Header{
		"X-Twilio-Email-Event-Webhook-Signature": {base64.StdEncoding.EncodeToString(signature)},
		"X-Twilio-Email-Event-Webhook-Timestamp": {stamp},
	}, []byte(body)
}

func TestContract(t *testing.T) {
	providertest.Run(t, providertest.Subject{
		Kind:     sendgrid.Kind(),
		Serve:    serve,
		Nowhere:  func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets:  []string{apiKey, public},
		Refusals: refusals(),
		Arrived: func(_ testing.TB, d sink.Delivery) []providers.Message {
			m := parse(d.Body)
			got := providers.Message{To: m.to(), Content: providers.Content{Subject: m.Subject}}
			for _, c := range m.Content {
				if c.Type == "text/plain" {
					got.Content.Text = c.Value
				} else {
					got.Content.HTML = c.Value
				}
			}
			for _, a := range m.Attachments {
				got.Content.Attachment = &providers.Attachment{Filename: a.Filename, File: &providers.File{ContentType: a.Type, Content: a.Content}}
			}
			return []providers.Message{got}
		},
		Key:     func(d sink.Delivery) string { return parse(d.Body).Personalizations[0].Args["carillon"] },
		Proof:   providertest.Signed,
		Reports: []providers.ReceiptStatus{providers.ReceiptDelivered, providers.ReceiptFailed, providers.ReceiptRejected},
		Receipt: func(_ testing.TB, at time.Time, r providertest.Report) (http.Header, []byte) {
			what := map[providers.ReceiptStatus]string{
				providers.ReceiptDelivered: `"event":"delivered"`, providers.ReceiptFailed: `"event":"bounce","type":"blocked","status":"5.7.1"`,
				providers.ReceiptRejected: `"event":"bounce","type":"bounce","status":"5.1.1"`,
			}[r.Status]
			return posted(at, fmt.Sprintf(`[{%s,"timestamp":%d,"carillon":"%d-theinstallation1"}]`, what, at.Unix(), r.MessageID))
		},
	})
}

// open makes the adapter for a configuration.
func open(t testing.TB, raw json.RawMessage) providers.Provider {
	t.Helper()
	return providertest.Open(t, sendgrid.Kind(), raw)
}

// All that a mail has arrives in the place that SendGrid has for it.
func TestWhatArrives(t *testing.T) {
	var got []byte
	p := open(t, serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d.Body }}).Config)
	m := providers.Message{ID: 42, To: "zoe@example.com", ToName: `Zoe "Z", Doe`, UnsubscribeURL: "https://example.com/u/1", Content: providers.Content{
		Subject: "Grüße", Text: "Hello", HTML: `<body><img src="data:image/png;base64,iVBORw0KGgo="></body>`,
		Attachment: &providers.Attachment{URL: "https://example.com/a.pdf", Filename: "a.pdf"},
	}}
	const off = `"tracking_settings":{"click_tracking":{"enable":false,"enable_text":false},"open_tracking":{"enable":false},
		"subscription_tracking":{"enable":false},"ganalytics":{"enable":false}}`
	_, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	require.JSONEq(t, `{"personalizations":[{"to":[{"email":"zoe@example.com","name":"Zoe \"Z\", Doe"}],"custom_args":{"carillon":"42-theinstallation1"}}],
		"from":{"email":"news@example.org","name":"Die \"Glöckner\", Łódź"},"reply_to":{"email":"answers@example.org"},"subject":"Grüße",
		"content":[{"type":"text/plain","value":"Hello\n\na.pdf: https://example.com/a.pdf"},{"type":"text/html","value":
		"<body><img src=\"cid:p1.16-theinstallation1@example.org\"><p><a href=\"https://example.com/a.pdf\">a.pdf</a></p>\n</body>"}],
		"headers":{"List-Unsubscribe":"<https://example.com/u/1>","List-Unsubscribe-Post":"List-Unsubscribe=One-Click"},
		"attachments":[{"content":"iVBORw0KGgo=","type":"image/png","filename":"picture.png","disposition":"inline",
			"content_id":"p1.16-theinstallation1@example.org"}],
		`+off+`}`, string(got))
	m.Transactional, m.Content = true, providers.Content{Subject: "s", HTML: "<p>x</p>"}
	_, err = p.Send(t.Context(), m)
	require.NoError(t, err)
	require.JSONEq(t, `{"personalizations":[{"to":[{"email":"zoe@example.com","name":"Zoe \"Z\", Doe"}],"custom_args":{"carillon":"42-theinstallation1"}}],
		"from":{"email":"news@example.org","name":"Die \"Glöckner\", Łódź"},"reply_to":{"email":"answers@example.org"},"subject":"s",
		"content":[{"type":"text/html","value":"<p>x</p>"}],`+off+`}`, string(got))
	for to, kind := range map[string]providers.ErrorKind{"no address": providers.ErrorRecipient, "a@b.example\n": providers.ErrorContent} {
		_, err = p.Send(t.Context(), providers.Message{ID: 1, To: to, Content: m.Content})
		require.Equal(t, kind, providers.AsError(err).Kind)
	}
}

// A key that may not send is told so before anything is sent.
func TestAKeyThatMayNotSend(t *testing.T) {
	for want, c := range map[string]struct {
		text string
		kind providers.ErrorKind
	}{"mail.send": {`{"scopes":["alerts.read"]}`, providers.ErrorAuth}, "not SendGrid": {"<html>", providers.ErrorTemporary}} {
		s, err := sink.NewHTTP(sink.Options{Dialect: func(*http.Request, []byte) sink.Exchange {
			return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) { _, _ = w.Write([]byte(c.text)) }}
		}})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		err = open(t, config(s.URL())).(providers.Checker).Check(t.Context())
		require.ErrorContains(t, err, want)
		require.Equal(t, c.kind, providers.AsError(err).Kind)
	}
	wrong := bytes.ReplaceAll(serve(t, sink.Options{}).Config, []byte(apiKey), []byte("another"))
	err := open(t, wrong).(providers.Checker).Check(t.Context())
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
}

// What SendGrid reports, and what it means.
func TestReports(t *testing.T) {
	p := open(t, config("https://example.org")).(providers.CallbackParser)
	for what, want := range map[string]*providers.Receipt{
		`"event":"delivered","response":"250 OK"`:  {Status: providers.ReceiptDelivered},
		`"event":"spamreport"`:                     {Status: providers.ReceiptComplained},
		`"event":"processed"`:                      nil,
		`"event":"deferred","response":"400 soon"`: nil,
		`"event":"open"`:                           nil,
		`"event":"click"`:                          nil,
		`"event":"unsubscribe"`:                    {Status: providers.ReceiptUnsubscribed},
		`"event":"group_unsubscribe"`:              nil,
		`"event":"bounce","type":"bounce","status":"5.1.1","reason":"550 5.1.1 no such user"`: {
			Status: providers.ReceiptRejected, Bounce: providers.BounceHard, Code: "5.1.1", Detail: "550 5.1.1 no such user"},
		`"event":"bounce","type":"bounce","status":"5.2.2"`: {Status: providers.ReceiptFailed, Bounce: providers.BounceSoft, Code: "5.2.2"},
		`"event":"bounce","type":"bounce","status":"5.0.0","bounce_classification":"Invalid Address"`: {
			Status: providers.ReceiptRejected, Bounce: providers.BounceHard, Code: "5.0.0"},
		`"event":"bounce","type":"bounce","status":"","bounce_classification":"Mailbox Unavailable"`: {
			Status: providers.ReceiptFailed, Bounce: providers.BounceSoft, Code: "bounce"},
		`"event":"bounce","type":"bounce","status":"5.7.1","bounce_classification":"Reputation"`: {Status: providers.ReceiptFailed, Code: "5.7.1"},
		`"event":"bounce","type":"blocked","status":"5.1.1"`:                                     {Status: providers.ReceiptFailed, Code: "5.1.1"},
		`"event":"dropped","reason":"Bounced Address"`: {
			Status: providers.ReceiptRejected, Code: "dropped", Detail: "Bounced Address"},
		`"event":"dropped","reason":"Spam Content"`: {
			Status: providers.ReceiptFailed, Code: "dropped", Detail: "Spam Content"},
	} {
		receipts, err := p.ParseCallback(posted(providertest.Now, `[{"carillon":"7-theinstallation1","timestamp":1513299569,`+what+`}]`))
		require.NoError(t, err, what)
		if want == nil {
			require.Empty(t, receipts, what)
			continue
		}
		want.MessageID, want.At = 7, time.Unix(1513299569, 0).UTC()
		require.Equal(t, []providers.Receipt{*want}, receipts, what)
	}
	receipts, err := p.ParseCallback(posted(providertest.Now, `[{"event":1},{"event":"delivered","carillon":"7-another"},{"event":"delivered"},
		{"event":"delivered","carillon":"8-theinstallation1"}]`))
	require.Equal(t, []providers.Receipt{{MessageID: 8, Status: providers.ReceiptDelivered}}, receipts, "those that can be used are")
	require.ErrorContains(t, err, "[0]: can't be read")
	_, err = p.ParseCallback(posted(providertest.Now, `{}`))
	require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
}

// What was signed long ago is refused: later than SendGrid repeats anything.
func TestOldSignatures(t *testing.T) {
	p := open(t, config("https://example.org")).(providers.CallbackParser)
	for away, refused := range map[time.Duration]bool{
		0: false, -24 * time.Hour: false, -26 * time.Hour: true, 4 * time.Minute: false, 6 * time.Minute: true,
	} {
		_, err := p.ParseCallback(posted(providertest.Now.Add(away), "[]"))
		if !refused {
			require.NoError(t, err, away)
			continue
		}
		require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, away)
		require.ErrorContains(t, err, "clock")
	}
}

func TestConfigRefused(t *testing.T) {
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	larger, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	for raw, want := range map[string]string{
		`{"api":"https://x.org/?token=x","api_key":"t","from":"a@b.example"}`:                           "config.api",
		`{"api_key":"","from":"a@b.example"}`:                                                           "config.api_key: is required",
		`{"api_key":"a b","from":"a@b.example"}`:                                                        "config.api_key",
		`{"api_key":"t","from":"a"}`:                                                                    "config.from",
		`{"api_key":"t","from":"a@b.example","verification_key":"?"}`:                                   "it is no base64",
		`{"api_key":"t","from":"a@b.example","verification_key":"AAAA"}`:                                "it is no public key",
		`{"api_key":"t","from":"a@b.example","verification_key":"` + encoded(&foreign.PublicKey) + `"}`: "P-256",
		`{"api_key":"t","from":"a@b.example","verification_key":"` + encoded(&larger.PublicKey) + `"}`:  "P-256",
	} {
		err := sendgrid.Kind().Validate(json.RawMessage(raw))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", raw, err)
		require.ErrorContains(t, err, strings.TrimPrefix(want, "config.api_key: "))
	}
	sample, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, sendgrid.Kind().Validate(sample))
	require.Equal(t, "news@example.org", sendgrid.Kind().Sender(sample))
	require.Equal(t, "example.org", sendgrid.Kind().SenderDomain(sample))
	require.Equal(t, "smtp.sendgrid.net", sendgrid.Kind().Server(sample))
}

// Whatever is posted is read or refused, and what is read is of one of ours.
func FuzzPosted(f *testing.F) {
	for _, seed := range []string{
		`[{"event":"bounce","carillon":"7-theinstallation1"}]`, `[{"event":"delivered","timestamp":-1,"carillon":7}]`, `[null]`, `{}`, `[[]]`,
	} {
		f.Add([]byte(seed))
	}
	p, err := sendgrid.Kind().New(config("https://example.org"), providers.Deps{Installation: "theinstallation1", Clock: clock.NewFake(providertest.Now)})
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, p.Close()) })
	f.Fuzz(func(t *testing.T, body []byte) {
		receipts, _ := p.(providers.CallbackParser).ParseCallback(posted(providertest.Now, string(body)))
		for _, r := range receipts {
			require.Positive(t, r.MessageID)
			require.NotEmpty(t, r.Status)
		}
	})
}
