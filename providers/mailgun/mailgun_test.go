package mailgun_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	netmail "net/mail"
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
	"carillon/providers/mailgun"
	"carillon/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	apiKey     = "key-the-key-of-the-domain-01234"
	signingKey = "what-mailgun-signs-with-0123"
)

func config(url string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"api":%q,"domain":"mg.example.org","api_key":%q,"from":"news@example.org","from_name":"Die \"Glöckner\", Łódź",
		"reply_to":"answers@example.org","signing_key":%q,"timeout_ms":60000}`, url, apiKey, signingKey))
}

// parse reads a form: its fields, and the names and contents of its files.
func parse(header http.Header, body []byte) map[string]string {
	fields := map[string]string{}
	_, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return fields
	}
	for r := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
		part, err := r.NextPart()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				fields = map[string]string{}
			}
			return fields
		}
		content, _ := io.ReadAll(part) // what is cut short is no message
		name := part.FormName()
		if part.FileName() != "" {
			name += " " + part.FileName() + " " + part.Header.Get("Content-Type")
		}
		fields[name] = string(content)
	}
}

// address is the one of a text such as "Zoë" <zoe@example.com>.
func address(text string) string {
	a, err := netmail.ParseAddress(text)
	if err != nil {
		return ""
	}
	return a.Address
}

func says(words string) string { return fmt.Sprintf(`{"message":%q}`, words) }

// domain plays Mailgun.
func domain(r *http.Request, body []byte) sink.Exchange {
	reply := func(status int, text string) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}}
	}
	if user, password, _ := r.BasicAuth(); user != "api" || password != apiKey {
		return reply(401, "Forbidden")
	}
	if r.Method+r.URL.Path != "POST/v3/mg.example.org/messages" {
		return reply(404, says("Domain not found: "+r.URL.Path))
	}
	m := parse(r.Header, body)
	switch {
	case m["from"] == "":
		return reply(400, says("from parameter is missing"))
	case address(m["from"]) == "":
		return reply(400, says("'from' parameter is not a valid address. please check documentation"))
	case address(m["to"]) == "":
		return reply(400, says("'to' parameter is not a valid address. please check documentation"))
	case m["text"]+m["html"] == "":
		return reply(400, says("Need at least one of 'text' or 'html' parameters specified"))
	}
	id := max(1, providertest.Number(providers.Email, address(m["to"])))
	return sink.Exchange{Messages: []int64{id}, Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		_, _ = fmt.Fprintf(w, `{"id":"<20261121090000.1.%d@mg.example.org>","message":"Queued. Thank you."}`, id)
	}}
}

// events lists what was accepted for a recipient.
func events(r *http.Request, taken []sink.Arrival) sink.Exchange {
	list := []string{}
	for _, a := range taken {
		if r.FormValue("event") == "accepted" && r.FormValue("recipient") == providertest.Address(providers.Email, a.ID) {
			list = append(list, fmt.Sprintf(`{"event":"accepted","timestamp":1795251600.5,"user-variables":{"carillon":"%d-theinstallation1"},
				"message":{"headers":{"message-id":"20261121090000.1.%d@mg.example.org"}}}`, a.ID, a.ID))
		}
	}
	return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		_, _ = w.Write([]byte(`{"items":[` + strings.Join(list, ",") + `],"paging":{}}`))
	}}
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	var s *sink.HTTP
	o.Dialect = func(r *http.Request, body []byte) sink.Exchange {
		if _, password, _ := r.BasicAuth(); r.Method+r.URL.Path == "GET/v3/mg.example.org/events" && password == apiKey {
			return events(r, s.Arrivals())
		}
		return domain(r, body)
	}
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(s.URL()), Tally: &s.Tally}
}

// refusal is one in Mailgun's words.
func refusal(status int, words string, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{
		Name: fmt.Sprint(status, " ", words), Kind: kind, Code: strconv.Itoa(status), Answer: sink.Answer{Code: status, Text: says(words)},
	}
}

// plain is an answer without such words: Mailgun's of a wrong key, or somebody else's.
func plain(status int, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{Name: strconv.Itoa(status), Answer: sink.Answer{Code: status, Text: "Forbidden " + apiKey}, Kind: kind, Code: strconv.Itoa(status)}
}

func refusals() []providertest.Refusal {
	slow := refusal(429, "Domain mg.example.org is not allowed to send: request limit exceeded, try again after 7 s", providers.ErrorThrottled)
	slow.Answer.Header, slow.RetryAfter = http.Header{"Retry-After": {"7"}}, 7*time.Second
	doubt := func(text string) providertest.Refusal {
		return providertest.Refusal{Name: "doubt " + text, Answer: sink.Answer{Code: 200, Text: text}, Kind: providers.ErrorInDoubt}
	}
	return []providertest.Refusal{
		slow, refusal(400, "'to' parameter is not a valid address. please check documentation", providers.ErrorRecipient),
		refusal(400, "'from' parameter is not a valid address. please check documentation", providers.ErrorSender),
		refusal(400, "Need at least one of 'text' or 'html' parameters specified "+signingKey, providers.ErrorContent),
		refusal(401, "Invalid private key", providers.ErrorAuth), refusal(402, "Payment required", providers.ErrorQuota),
		refusal(403, "Domain mg.example.org is not allowed to send: The domain is unverified and requires DNS configuration.", providers.ErrorSender),
		refusal(403, "Domain mg.example.org is not allowed to send: recipient limit exceeded", providers.ErrorQuota),
		refusal(403, "Domain mg.example.org is not allowed to send: request limit exceeded", providers.ErrorQuota),
		refusal(403, "Domain mg.example.org is not allowed to send: Free accounts are for test purposes only.", providers.ErrorAccount),
		refusal(400, "Sandbox subdomains are for test purposes only. Please add your own domain.", providers.ErrorAccount),
		refusal(404, "Domain not found: mg.example.org", providers.ErrorSender), refusal(413, "Request entity too large", providers.ErrorContent),
		refusal(500, "Internal: domain not found", providers.ErrorTemporary), refusal(503, "Service unavailable", providers.ErrorTemporary),
		plain(301, providers.ErrorAccount), plain(302, providers.ErrorTemporary), plain(401, providers.ErrorAuth), plain(403, providers.ErrorAuth),
		plain(404, providers.ErrorTemporary), plain(410, providers.ErrorAccount), plain(502, providers.ErrorTemporary),
		doubt(""), doubt("<html>"), doubt(`{"message":"Queued. Thank you."}`), doubt(`{"id":"a b"}`),
	}
}

// signed is a request with an event, signed at a time under a token.
func signed(at time.Time, token, event string) (http.Header, []byte) {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(signingKey))
	mac.Write([]byte(stamp + token))
	return http.Header{}, []byte(fmt.Sprintf(`{"signature":{"timestamp":%q,"token":%q,"signature":%q},"event-data":%s}`,
		stamp, token, hex.EncodeToString(mac.Sum(nil)), event))
}

func TestContract(t *testing.T) {
	providertest.Run(t, providertest.Subject{
		Kind:     mailgun.Kind(),
		Serve:    serve,
		Nowhere:  func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets:  []string{apiKey, signingKey},
		Refusals: refusals(),
		Arrived: func(_ testing.TB, d sink.Delivery) []providers.Message {
			m := parse(d.Header, d.Body)
			got := providers.Message{To: address(m["to"]), Content: providers.Content{Subject: m["subject"], Text: m["text"], HTML: m["html"]}}
			for field, content := range m {
				if named, attached := strings.CutPrefix(field, "attachment "); attached {
					at := strings.LastIndex(named, " ")
					got.Content.Attachment = &providers.Attachment{Filename: named[:at], File: &providers.File{ContentType: named[at+1:], Content: []byte(content)}}
				}
			}
			return []providers.Message{got}
		},
		Key:     func(d sink.Delivery) string { return parse(d.Header, d.Body)["v:carillon"] },
		Proof:   providertest.Within,
		Reports: []providers.ReceiptStatus{providers.ReceiptDelivered, providers.ReceiptFailed, providers.ReceiptRejected},
		Receipt: func(_ testing.TB, at time.Time, r providertest.Report) (http.Header, []byte) {
			what := map[providers.ReceiptStatus]string{
				providers.ReceiptDelivered: `"event":"delivered"`, providers.ReceiptFailed: `"event":"failed","severity":"permanent","reason":"generic"`,
				providers.ReceiptRejected: `"event":"failed","severity":"permanent","reason":"bounce","delivery-status":{"code":550,"message":"5.1.1 unknown"}`,
			}[r.Status]
			return signed(at, fmt.Sprintf("%050d", r.MessageID), fmt.Sprintf(`{%s,"timestamp":%d.5,"user-variables":{"carillon":"%d-theinstallation1"}}`,
				what, at.Unix(), r.MessageID))
		},
	})
}

// open makes the adapter for a configuration.
func open(t testing.TB, raw json.RawMessage) providers.Provider {
	t.Helper()
	return providertest.Open(t, mailgun.Kind(), raw)
}

// All that a mail has arrives in the place that Mailgun has for it.
func TestWhatArrives(t *testing.T) {
	var got map[string]string
	p := open(t, serve(t, sink.Options{Seen: func(d sink.Delivery) { got = parse(d.Header, d.Body) }}).Config)
	m := providers.Message{ID: 42, To: "zoe@example.com", ToName: `Zoe "Z", Doe`, UnsubscribeURL: "https://example.com/u/1", Content: providers.Content{
		Subject: "Grüße", Text: "Hello", HTML: `<body><img src="data:image/png;base64,UE5H"></body>`,
		Attachment: &providers.Attachment{URL: "https://example.com/a.pdf", Filename: "a.pdf"},
	}}
	_, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"from": `"Die \"Glöckner\", Łódź" <news@example.org>`, "to": `"Zoe \"Z\", Doe" <zoe@example.com>`, "subject": "Grüße",
		"text": "Hello\n\na.pdf: https://example.com/a.pdf", "h:Reply-To": "answers@example.org", "v:carillon": "42-theinstallation1", "o:tracking": "no",
		"html":               `<body><img src="cid:p1.16-theinstallation1@example.org"><p><a href="https://example.com/a.pdf">a.pdf</a></p>` + "\n</body>",
		"h:List-Unsubscribe": "<https://example.com/u/1>", "h:List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		"inline p1.16-theinstallation1@example.org image/png": "PNG",
	}, got)
	m.Transactional, m.Content = true, providers.Content{Subject: "s", HTML: "<p>x</p>"}
	_, err = p.Send(t.Context(), m)
	require.NoError(t, err)
	require.Len(t, got, 7, "no part that is empty, and nobody leaves a list by a receipt")
	for to, kind := range map[string]providers.ErrorKind{"no address": providers.ErrorRecipient, "a@b.example\n": providers.ErrorContent} {
		_, err = p.Send(t.Context(), providers.Message{ID: 1, To: to, Content: m.Content})
		require.Equal(t, kind, providers.AsError(err).Kind)
	}
}

// What is wrong with a configuration is told before anything is sent.
func TestCheck(t *testing.T) {
	far := serve(t, sink.Options{})
	for _, c := range []struct {
		from, to string
		kind     providers.ErrorKind
	}{{apiKey, "another", providers.ErrorAuth}, {"mg.example.org", "mg.example.net", providers.ErrorSender}} {
		err := open(t, bytes.ReplaceAll(far.Config, []byte(c.from), []byte(c.to))).(providers.Checker).Check(t.Context())
		require.Equal(t, c.kind, providers.AsError(err).Kind)
	}
	s, err := sink.NewHTTP(sink.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.ErrorContains(t, open(t, config(s.URL())).(providers.Checker).Check(t.Context()), "is not Mailgun")
}

// What Mailgun reports, and what it means.
func TestReports(t *testing.T) {
	p := open(t, config("https://example.org")).(providers.CallbackParser)
	failed := func(rest string) string { return `"event":"failed","severity":"permanent",` + rest }
	for what, want := range map[string]*providers.Receipt{
		`"event":"delivered"`:    {Status: providers.ReceiptDelivered},
		`"event":"complained"`:   {Status: providers.ReceiptComplained},
		`"event":"accepted"`:     nil,
		`"event":"opened"`:       nil,
		`"event":"clicked"`:      nil,
		`"event":"unsubscribed"`: {Status: providers.ReceiptUnsubscribed},
		`"event":"failed","severity":"temporary","reason":"generic"`: nil,
		`"event":"rejected","reject":{"reason":"a virus"}`:           {Status: providers.ReceiptFailed, Code: "rejected", Detail: "a virus"},
		failed(`"reason":"bounce","delivery-status":{"code":550,"enhanced-code":"5.1.1","message":"unknown"}`): {
			Status: providers.ReceiptRejected, Bounce: providers.BounceHard, Code: "550", Detail: "bounce unknown"},
		failed(`"reason":"bounce","delivery-status":{"code":550,"message":"5.1.1 unknown"}`): {
			Status: providers.ReceiptRejected, Bounce: providers.BounceHard, Code: "550", Detail: "bounce 5.1.1 unknown"},
		failed(`"reason":"bounce","delivery-status":{"code":552,"description":"5.2.2 full"}`): {
			Status: providers.ReceiptFailed, Bounce: providers.BounceSoft, Code: "552", Detail: "bounce 5.2.2 full"},
		failed(`"reason":"bounce","delivery-status":{"code":554,"message":"5.7.1 spam, says 15.1.1.2"}`): {
			Status: providers.ReceiptFailed, Code: "554", Detail: "bounce 5.7.1 spam, says 15.1.1.2"},
		failed(`"reason":"old"`):             {Status: providers.ReceiptFailed, Bounce: providers.BounceSoft, Code: "old", Detail: "old"},
		failed(`"reason":"suppress-bounce"`): {Status: providers.ReceiptRejected, Code: "suppress-bounce", Detail: "suppress-bounce"},
		failed(`"reason":"suppress-complaint","delivery-status":{"code":607,"message":"5.1.1"}`): {
			Status: providers.ReceiptRejected, Code: "607", Detail: "suppress-complaint 5.1.1"},
	} {
		receipts, err := p.ParseCallback(signed(providertest.Now, "t", `{"user-variables":{"carillon":"7-theinstallation1"},"timestamp":1521472262.5,`+what+`}`))
		require.NoError(t, err, what)
		if want == nil {
			require.Empty(t, receipts, what)
			continue
		}
		want.MessageID, want.At = 7, time.UnixMilli(1521472262500).UTC()
		require.Equal(t, []providers.Receipt{*want}, receipts, what)
	}
	for _, foreign := range []string{`{"event":"delivered"}`, `{"event":"delivered","user-variables":{"carillon":"7-another"}}`, `null`} {
		receipts, err := p.ParseCallback(signed(providertest.Now, "t", foreign))
		require.NoError(t, err)
		require.Empty(t, receipts)
	}
	_, err := p.ParseCallback(signed(providertest.Now, "t", `[]`))
	require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
	_, err = p.ParseCallback(http.Header{}, []byte("x"))
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
}

// What was signed long ago is refused: later than Mailgun repeats anything.
func TestOldSignatures(t *testing.T) {
	p := open(t, config("https://example.org")).(providers.CallbackParser)
	for away, refused := range map[time.Duration]bool{
		0: false, -8 * time.Hour: false, -10 * time.Hour: true, 4 * time.Minute: false, 6 * time.Minute: true,
	} {
		header, body := signed(providertest.Now.Add(away), "t", "{}")
		_, err := p.ParseCallback(header, body)
		if !refused {
			require.NoError(t, err, away)
			number := strings.Replace(string(body), `"timestamp":"`, `"timestamp":`, 1)
			_, err = p.ParseCallback(header, []byte(strings.Replace(number, `","token"`, `,"token"`, 1)))
			require.NoError(t, err, "a time may be a number")
			continue
		}
		require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, away)
		require.ErrorContains(t, err, "clock")
	}
	identifier := p.(providers.RequestIdentifier)
	_, body := signed(providertest.Now, strings.Repeat("x", 101), "{}")
	require.Empty(t, identifier.RequestID(nil, body))
	require.Empty(t, identifier.RequestID(nil, []byte("x")))
}

func TestConfigRefused(t *testing.T) {
	for raw, field := range map[string]string{
		`{"api":"https://x.org/?token=x","domain":"a.b","api_key":"t","from":"a@b.example"}`:   "config.api",
		`{"domain":"a/b","api_key":"t","from":"a@b.example"}`:                                  "config.domain",
		`{"domain":"","api_key":"t","from":"a@b.example"}`:                                     "config.domain",
		`{"domain":"a.b","api_key":"","from":"a@b.example"}`:                                   "config.api_key",
		`{"domain":"a.b","api_key":"t","from":"a"}`:                                            "config.from",
		`{"domain":"a.b","api_key":"t","from":"a@b.example","signing_key":"has a space here"}`: "config.signing_key",
	} {
		err := mailgun.Kind().Validate(json.RawMessage(raw))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", raw, err)
		require.ErrorContains(t, err, field)
	}
	sample, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	k := mailgun.Kind()
	require.NoError(t, k.Validate(sample))
	require.Equal(t, "news@example.org", k.Sender(sample))
	require.Equal(t, "example.org", k.SenderDomain(sample))
	require.Equal(t, "mg.example.org", k.SignedDomain(sample))
	require.Equal(t, "smtp.mailgun.org", k.Server(sample))
	require.Equal(t, "smtp.eu.mailgun.org", k.Server(bytes.Replace(sample, []byte("{"), []byte(`{"api":"https://api.eu.mailgun.net",`), 1)))
}

// Whatever is posted is read or refused, and what is read is of one of ours.
func FuzzPosted(f *testing.F) {
	for _, seed := range []string{
		`{"event":"failed","reason":"bounce","user-variables":{"carillon":"7-theinstallation1"}}`, `{"event":"delivered","timestamp":1e300}`,
		`{"event":"delivered","timestamp":-1,"user-variables":{"carillon":7}}`, `[]`, `{"delivery-status":null}`,
	} {
		f.Add([]byte(seed))
	}
	p, err := mailgun.Kind().New(config("https://example.org"), providers.Deps{Installation: "theinstallation1", Clock: clock.NewFake(providertest.Now)})
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, p.Close()) })
	f.Fuzz(func(t *testing.T, event []byte) {
		receipts, _ := p.(providers.CallbackParser).ParseCallback(signed(providertest.Now, "t", string(event)))
		for _, r := range receipts {
			require.Positive(t, r.MessageID)
			require.NotEmpty(t, r.Status)
		}
	})
}
