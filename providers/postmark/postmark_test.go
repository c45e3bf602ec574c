package postmark_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	netmail "net/mail"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/fault"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/postmark"
	"carillon/providers/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	token = "the-token-of-the-server-01234"
	hook  = "what-stands-in-the-address-0123"
)

func config(url string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"api":%q,"token":%q,"from":"news@example.org","from_name":"Die \"Glöckner\", Łódź","reply_to":"answers@example.org",
		"hook_token":%q,"timeout_ms":60000}`, url, token, hook))
}

// message is what arrives.
type message struct {
	From, To, ReplyTo, Subject, TextBody, HTMLBody, MessageStream, TrackLinks string
	Metadata                                                                  map[string]string
	Headers                                                                   []struct{ Name, Value string }
	Attachments                                                               []struct {
		Name, ContentType, ContentID string
		Content                      []byte
	}
	TrackOpens bool
}

func parse(body []byte) (list []message) {
	_ = json.Unmarshal(body, &list) // what can't be read has no messages
	return list
}

// to is the recipient's address.
func (m *message) to() string {
	a, err := netmail.ParseAddress(m.To)
	if err != nil {
		return ""
	}
	return a.Address
}

// idOf is the id that Postmark gives a message.
func idOf(id int64) string { return fmt.Sprintf("0a129aee-e1cd-480d-b08d-%012d", id) }

const streams = `{"MessageStreams":[{"ID":"broadcast","MessageStreamType":"Broadcasts"},{"ID":"outbound","MessageStreamType":"Transactional"},
	{"ID":"inbound","MessageStreamType":"Inbound"}],"TotalCount":3}`

// wrong is what Postmark says of a message that it can't take; empty for one that it can.
func (m *message) wrong() string {
	say := func(code int, words string) string { return fmt.Sprintf(`{"ErrorCode":%d,"Message":%q}`, code, words) }
	_, err := netmail.ParseAddress(m.From)
	switch {
	case err != nil:
		return say(300, "Invalid 'From' address: '"+m.From+"'.")
	case m.to() == "":
		return say(300, "Invalid 'To' address: '"+m.To+"'.")
	case m.TextBody == "" && m.HTMLBody == "":
		return say(300, "Provide either email TextBody or HtmlBody or both.")
	case !strings.Contains(streams, `"`+m.MessageStream+`"`):
		return say(1235, "The 'MessageStream' provided does not exist on this server.")
	}
	for name, value := range m.Metadata {
		if len(name) > 20 || len(value) > 80 {
			return say(300, "Metadata is too long")
		}
	}
	return ""
}

// server plays Postmark.
func server(r *http.Request, body []byte) sink.Exchange {
	reply := func(status int, text string) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}}
	}
	if r.Header.Get("X-Postmark-Server-Token") != token {
		return reply(401, `{"ErrorCode":10,"Message":"No Account or Server API tokens were supplied in the HTTP headers."}`)
	}
	if r.Header.Get("Accept") != "application/json" || r.Header.Get("Content-Type") != "application/json" {
		return reply(422, `{"ErrorCode":409,"Message":"Set Content-Type and Accept to application/json"}`)
	}
	switch r.Method + r.URL.Path {
	case "GET/message-streams":
		return reply(200, streams)
	case "POST/email/batch":
	default:
		return reply(404, "")
	}
	list := parse(body)
	switch {
	case len(list) == 0:
		return reply(422, `{"ErrorCode":402,"Message":"Invalid JSON"}`)
	case len(list) > 500:
		return reply(422, `{"ErrorCode":410,"Message":"Too many batch messages"}`)
	}
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = max(1, providertest.Number(providers.Email, list[i].to()))
	}
	return sink.Exchange{Messages: ids, Reply: func(w http.ResponseWriter, verdicts []sink.Answer) {
		said := make([]string, len(list))
		for i := range list {
			said[i] = list[i].wrong()
			if v := verdicts[i]; v.Code != 0 {
				said[i] = v.Text
			}
			if said[i] == "" {
				said[i] = fmt.Sprintf(`{"To":%q,"SubmittedAt":"2026-11-21T09:00:00.7018604-05:00","MessageID":%q,"ErrorCode":0,"Message":"OK"}`, list[i].to(), idOf(ids[i]))
			}
		}
		_, _ = w.Write([]byte("[" + strings.Join(said, ",") + "]"))
	}}
}

// outbound lists what was taken, by its metadata.
func outbound(r *http.Request, taken []sink.Arrival) sink.Exchange {
	list := []string{}
	for _, a := range taken {
		ours := fmt.Sprintf("%d-theinstallation1", a.ID)
		if r.FormValue("metadata_carillon") == ours {
			list = append(list, fmt.Sprintf(`{"MessageID":%q,"Status":"Sent","Metadata":{"carillon":%q}}`, idOf(a.ID), ours))
		}
	}
	return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
		_, _ = fmt.Fprintf(w, `{"TotalCount":%d,"Messages":[%s]}`, len(list), strings.Join(list, ","))
	}}
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	var s *sink.HTTP
	o.Dialect = func(r *http.Request, body []byte) sink.Exchange {
		if r.Method+r.URL.Path == "GET/messages/outbound" && r.Header.Get("X-Postmark-Server-Token") == token {
			return outbound(r, s.Arrivals())
		}
		return server(r, body)
	}
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(s.URL()), Tally: &s.Tally}
}

// said is a refusal in Postmark's words.
func said(status, code int, words string, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{
		Name: fmt.Sprint(code, " ", words), Kind: kind, Code: strconv.Itoa(code),
		Answer: sink.Answer{Code: status, Text: fmt.Sprintf(`{"ErrorCode":%d,"Message":%q}`, code, words)},
	}
}

// plain is an answer of somebody else's, such as a proxy before Postmark.
func plain(status int, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{Name: strconv.Itoa(status), Answer: sink.Answer{Code: status, Text: "why not " + token}, Kind: kind, Code: strconv.Itoa(status)}
}

func refusals() []providertest.Refusal {
	slow := said(429, 429, "Too many requests", providers.ErrorThrottled)
	slow.Answer.Header, slow.RetryAfter = http.Header{"Retry-After": {"7"}}, 7*time.Second
	doubt := func(text string) providertest.Refusal {
		return providertest.Refusal{Name: "doubt " + text, Answer: sink.Answer{Code: 200, Text: text}, Kind: providers.ErrorInDoubt}
	}
	return []providertest.Refusal{
		said(401, 10, "The Server Token you provided "+token+" was invalid", providers.ErrorAuth), said(503, 100, "Maintenance", providers.ErrorTemporary),
		said(422, 300, "Invalid 'To' address: 'x'.", providers.ErrorRecipient), said(422, 300, "Invalid 'From' address: 'x'.", providers.ErrorSender),
		said(422, 300, "The 'Subject' is too long", providers.ErrorContent), said(422, 400, "The 'From' address is not a Sender Signature", providers.ErrorSender),
		said(422, 401, "not confirmed", providers.ErrorSender), said(422, 402, "Invalid JSON", providers.ErrorContent),
		said(422, 403, "Incompatible JSON", providers.ErrorContent), said(422, 405, "Not allowed to send", providers.ErrorQuota),
		said(422, 406, "You tried to send to a recipient that has been marked as inactive.", providers.ErrorRecipient),
		said(422, 411, "Forbidden attachment type", providers.ErrorContent), said(422, 412, "Account is pending", providers.ErrorAccount),
		said(422, 413, "Account may not send", providers.ErrorAccount), said(422, 1235, "no such stream", providers.ErrorSender),
		said(422, 9999, "unheard of "+hook, providers.ErrorContent), said(500, 0, "Internal", providers.ErrorTemporary), slow,
		plain(301, providers.ErrorAccount), plain(302, providers.ErrorTemporary), plain(401, providers.ErrorAuth), plain(404, providers.ErrorTemporary),
		plain(410, providers.ErrorAccount), plain(500, providers.ErrorTemporary), plain(503, providers.ErrorTemporary),
		doubt("[]"), doubt("<html>"), doubt("{}"), doubt(""), doubt("[1"), doubt("[{}]"), doubt(`[{"ErrorCode":0}]`),
	}
}

func TestContract(t *testing.T) {
	providertest.Run(t, providertest.Subject{
		Kind:     postmark.Kind(),
		Serve:    serve,
		Nowhere:  func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets:  []string{token, hook},
		Refusals: refusals(),
		Arrived: func(_ testing.TB, d sink.Delivery) (all []providers.Message) {
			for _, m := range parse(d.Body) {
				got := providers.Message{To: m.to(), Content: providers.Content{Subject: m.Subject, Text: m.TextBody, HTML: m.HTMLBody}}
				for _, a := range m.Attachments {
					got.Content.Attachment = &providers.Attachment{Filename: a.Name, File: &providers.File{ContentType: a.ContentType, Content: a.Content}}
				}
				all = append(all, got)
			}
			return all
		},
		Key:     func(d sink.Delivery) string { return parse(d.Body)[0].Metadata["carillon"] },
		Proof:   providertest.Password,
		Reports: []providers.ReceiptStatus{providers.ReceiptDelivered, providers.ReceiptFailed, providers.ReceiptRejected},
		Receipt: func(_ testing.TB, at time.Time, r providertest.Report) (http.Header, []byte) {
			about := fmt.Sprintf(`"MessageID":%q,"Metadata":{"carillon":"%d-theinstallation1"}`, idOf(r.MessageID), r.MessageID)
			bounce := `{"RecordType":"Bounce","TypeCode":%d,"Name":"x","Description":"y","BouncedAt":%q,%s}`
			switch r.Status {
			case providers.ReceiptDelivered:
				return posted(fmt.Sprintf(`{"RecordType":"Delivery","DeliveredAt":%q,%s}`, at.Format(time.RFC3339), about))
			case providers.ReceiptRejected:
				return posted(fmt.Sprintf(bounce, 1, at.Format(time.RFC3339), about))
			default:
				return posted(fmt.Sprintf(bounce, 100006, at.Format(time.RFC3339), about))
			}
		},
	})
}

func posted(body string) (http.Header, []byte) {
	return http.Header{providers.HookTokenHeader: {hook}}, []byte(body)
}

// open makes the adapter for a configuration.
func open(t testing.TB, raw json.RawMessage) providers.Provider {
	t.Helper()
	return providertest.Open(t, postmark.Kind(), raw)
}

// All that a mail has arrives in the place that Postmark has for it.
func TestWhatArrives(t *testing.T) {
	var got []byte
	far := serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d.Body }})
	p := open(t, far.Config)
	m := providers.Message{ID: 42, To: "zoe@example.com", ToName: `Zoe "Z", Doe`, UnsubscribeURL: "https://example.com/u/1", Content: providers.Content{
		Subject: "Grüße", Text: "Hello", HTML: `<body><img src="data:image/png;base64,iVBORw0KGgo="></body>`, Preheader: "soon",
		Attachment: &providers.Attachment{URL: "https://example.com/a.pdf", Filename: "a.pdf"},
	}}
	_, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	require.NotContains(t, string(got), `\u003c`)
	const html = `"<body><div style=\"display:none;max-height:0;overflow:hidden;mso-hide:all\">soon</div>\n` +
		`<img src=\"cid:p1.16-theinstallation1@example.org\"><p><a href=\"https://example.com/a.pdf\">a.pdf</a></p>\n</body>"`
	require.JSONEq(t, `[{"From":"\"Die \\\"Glöckner\\\", Łódź\" <news@example.org>","To":"\"Zoe \\\"Z\\\", Doe\" <zoe@example.com>",
		"ReplyTo":"answers@example.org","Subject":"Grüße","TextBody":"Hello\n\na.pdf: https://example.com/a.pdf",
		"HtmlBody":`+html+`,
		"Headers":[{"Name":"List-Unsubscribe","Value":"<https://example.com/u/1>"},{"Name":"List-Unsubscribe-Post","Value":"List-Unsubscribe=One-Click"}],
		"Attachments":[{"Name":"picture.png","ContentType":"image/png","ContentID":"cid:p1.16-theinstallation1@example.org","Content":"iVBORw0KGgo="}],
		"Metadata":{"carillon":"42-theinstallation1"},"MessageStream":"broadcast","TrackOpens":false,"TrackLinks":"None"}]`, string(got))
	m.Transactional = true
	_, err = p.Send(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, "outbound", parse(got)[0].MessageStream)
	require.Empty(t, parse(got)[0].Headers, "nobody leaves a list by a receipt")
}

// What is too large for one request goes in several; a message that can't go stays out alone.
func TestALargeBatch(t *testing.T) {
	requests := 0
	far := serve(t, sink.Options{Record: true, Seen: func(d sink.Delivery) {
		requests++
		if len(d.Body) > 9<<20 {
			panic("a request has more than its bound")
		}
	}})
	p := open(t, far.Config).(providers.BatchSender)
	messages := make([]providers.Message, 20)
	for i := range messages {
		messages[i] = providertest.Message(providers.Email, int64(i+1))
		messages[i].Content.HTML = strings.Repeat("x", 1<<20)
	}
	messages[3].Content = providers.Content{}
	messages[5].To = "no address"
	results := p.SendBatch(t.Context(), messages)
	require.Equal(t, providers.ErrorContent, providers.AsError(results[3].Err).Kind)
	require.Equal(t, providers.ErrorRecipient, providers.AsError(results[5].Err).Kind)
	for i, r := range results {
		if i != 3 && i != 5 {
			require.NoError(t, r.Err)
			require.Equal(t, idOf(int64(i+1)), r.Accepted.ProviderID)
		}
	}
	require.Equal(t, int64(18), far.Tally.Count())
	require.Equal(t, 3, requests)
	many := make([]providers.Message, 501)
	for i := range many {
		many[i] = providertest.Message(providers.Email, int64(i+100))
	}
	for _, r := range p.SendBatch(t.Context(), many) {
		require.NoError(t, r.Err)
	}
	require.Equal(t, 5, requests)
}

// A configuration whose streams are not there is told so before anything is sent.
func TestStreams(t *testing.T) {
	far := serve(t, sink.Options{})
	for setting, wrong := range map[string]string{"stream": "news", "transactional_stream": "inbound"} {
		raw := strings.Replace(string(far.Config), `"token"`, fmt.Sprintf(`%q:%q,"token"`, setting, wrong), 1)
		err := open(t, json.RawMessage(raw)).(providers.Checker).Check(t.Context())
		require.Equal(t, providers.ErrorSender, providers.AsError(err).Kind)
		require.ErrorContains(t, err, "config."+setting)
	}
	err := open(t, json.RawMessage(strings.Replace(string(far.Config), token, "another", 1))).(providers.Checker).Check(t.Context())
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
	s, err := sink.NewHTTP(sink.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.ErrorContains(t, open(t, config(s.URL())).(providers.Checker).Check(t.Context()), "is not Postmark")
}

// What Postmark reports, its documentation's samples among it, and what it means.
func TestReports(t *testing.T) {
	p := open(t, config("https://example.org")).(providers.CallbackParser)
	at := time.Date(2019, 11, 5, 16, 33, 54, 0, time.UTC)
	ours := `,"Metadata":{"carillon":"7-theinstallation1"}}`
	bounce := func(code int) string {
		return fmt.Sprintf(`{"RecordType":"Bounce","TypeCode":%d,"Name":"N","Description":"d","Details":"x\ny","BouncedAt":"2019-11-05T16:33:54Z"`+ours, code)
	}
	bounced := func(code string, status providers.ReceiptStatus, kind providers.BounceKind) *providers.Receipt {
		return &providers.Receipt{MessageID: 7, Status: status, Bounce: kind, At: at, Code: code, Detail: "N: d x y"}
	}
	for body, want := range map[string]*providers.Receipt{
		`{"RecordType":"Delivery","DeliveredAt":"2019-11-05T18:33:54+02:00"` + ours:       {MessageID: 7, Status: providers.ReceiptDelivered, At: at},
		`{"RecordType":"Delivery","DeliveredAt":"yesterday"` + ours:                       {MessageID: 7, Status: providers.ReceiptDelivered},
		`{"RecordType":"SpamComplaint","BouncedAt":"2019-11-05T16:33:54.0000000Z"` + ours: {MessageID: 7, Status: providers.ReceiptComplained, At: at},
		bounce(1): bounced("1", providers.ReceiptRejected, providers.BounceHard), bounce(100000): bounced("100000", providers.ReceiptRejected, providers.BounceHard),
		bounce(2): bounced("2", providers.ReceiptFailed, providers.BounceSoft), bounce(4096): bounced("4096", providers.ReceiptFailed, providers.BounceSoft),
		bounce(256): bounced("256", providers.ReceiptFailed, providers.BounceSoft), bounce(512): bounced("512", providers.ReceiptFailed, ""),
		bounce(100006): bounced("100006", providers.ReceiptFailed, ""), bounce(100002): bounced("100002", providers.ReceiptRejected, ""),
		bounce(100001): bounced("100001", providers.ReceiptComplained, ""),
		bounce(16):     bounced("16", providers.ReceiptUnsubscribed, ""),
		`{"RecordType":"SubscriptionChange","SuppressSending":true,"SuppressionReason":"ManualSuppression","Origin":"Recipient","ChangedAt":"2019-11-05T16:33:54Z"` +
			ours: {MessageID: 7, Status: providers.ReceiptUnsubscribed, At: at},
		`{"RecordType":"SubscriptionChange","SuppressSending":true,"SuppressionReason":"ManualSuppression","Origin":"Customer"` + ours: nil,
		`{"RecordType":"SubscriptionChange","SuppressSending":false,"SuppressionReason":null,"Origin":"Recipient"` + ours:              nil,
		`{"RecordType":"SubscriptionChange","SuppressSending":true,"SuppressionReason":"HardBounce","Origin":"Recipient"` + ours:       nil,
		bounce(32): nil, bounce(64): nil, bounce(128): nil, bounce(16384): nil,
		`{"RecordType":"Open"` + ours: nil, `{"RecordType":"SubscriptionChange","SuppressSending":true` + ours: nil, `{}`: nil,
		`{"RecordType":"Delivery","Metadata":{"carillon":"7-another"}}`: nil, `{"RecordType":"Delivery","Metadata":{"carillon":7}}`: nil,
		`{"RecordType":"Delivery","Metadata":{"carillon":"07-theinstallation1"}}`: nil, `{"RecordType":"Delivery","Metadata":null}`: nil,
	} {
		receipts, err := p.ParseCallback(posted(body))
		require.NoError(t, err, body)
		if want == nil {
			require.Empty(t, receipts, body)
			continue
		}
		require.Equal(t, []providers.Receipt{*want}, receipts, body)
	}
	_, err := p.ParseCallback(posted("[]"))
	require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
}

func TestConfigRefused(t *testing.T) {
	for field, raw := range map[string]string{
		"config.api":                  `{"api":"https://x.org/?token=x","token":"t","from":"a@b.example"}`,
		"config.token":                `{"token":"","from":"a@b.example"}`,
		"config.from":                 `{"token":"t","from":"a"}`,
		"config.stream":               `{"token":"t","from":"a@b.example","stream":"a b"}`,
		"config.transactional_stream": `{"token":"t","from":"a@b.example","transactional_stream":"ä"}`,
		"config.hook_token":           `{"token":"t","from":"a@b.example","hook_token":"short"}`,
	} {
		err := postmark.Kind().Validate(json.RawMessage(raw))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", field, err)
		require.ErrorContains(t, err, field)
	}
	sample, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, postmark.Kind().Validate(sample))
	require.Equal(t, "news@example.org", postmark.Kind().Sender(sample))
	require.Equal(t, "example.org", postmark.Kind().SenderDomain(sample))
	require.Equal(t, "smtp.postmarkapp.com", postmark.Kind().Server(sample))
}

// Whatever is posted is read or refused, and what is read is of one of ours.
func FuzzPosted(f *testing.F) {
	for _, seed := range []string{
		`{"RecordType":"Bounce","TypeCode":1,"Metadata":{"carillon":"7-theinstallation1"}}`,
		`{"RecordType":"Delivery","DeliveredAt":"x","Metadata":{"carillon":null}}`,
		`{"RecordType":"Bounce","TypeCode":1e9}`, `[]`, `{"Metadata":[]}`,
	} {
		f.Add([]byte(seed))
	}
	p, err := postmark.Kind().New(config("https://example.org"), providers.Deps{Installation: "theinstallation1"})
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, p.Close()) })
	f.Fuzz(func(t *testing.T, body []byte) {
		receipts, _ := p.(providers.CallbackParser).ParseCallback(posted(string(body)))
		for _, r := range receipts {
			require.Positive(t, r.MessageID)
			require.NotEmpty(t, r.Status)
		}
	})
}
