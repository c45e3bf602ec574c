package ses_test

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
	"carillon/providers/providertest"
	"carillon/providers/ses"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// said is a refusal in SES's words; names are what SES calls it and its code here.
func said(status int, names, words string, kind providers.ErrorKind) providertest.Refusal {
	name, code, _ := strings.Cut(names, " ")
	return providertest.Refusal{Name: name + " " + words, Kind: kind, Code: code, Answer: refused(status, name, words)}
}

// plain is an answer of somebody else's, such as a proxy before SES.
func plain(status int, kind providers.ErrorKind) providertest.Refusal {
	return providertest.Refusal{
		Name: fmt.Sprint(status), Answer: sink.Answer{Code: status, Text: "why not " + key}, Kind: kind, Code: fmt.Sprint(status),
	}
}

func refusals() []providertest.Refusal {
	doubt := func(text string) providertest.Refusal {
		return providertest.Refusal{Name: "doubt " + text, Answer: sink.Answer{Code: 200, Text: text}, Kind: providers.ErrorInDoubt}
	}
	unverified := "Email address is not verified. The following identities failed the check in region EU-WEST-1: "
	return []providertest.Refusal{
		said(400, "MessageRejected MESSAGE_REJECTED", "Message length is more than the maximum "+key, providers.ErrorContent),
		said(400, "MessageRejected MESSAGE_REJECTED", unverified+"News <news@example.org>", providers.ErrorSender),
		said(400, "MessageRejected MESSAGE_REJECTED", unverified+"someone@example.com", providers.ErrorAccount),
		said(400, "BadRequestException BAD_REQUEST", "Missing final '@domain'", providers.ErrorRecipient),
		said(400, "BadRequestException BAD_REQUEST", "Transaction failed: Empty header name", providers.ErrorContent),
		said(400, "ValidationException:http://internal.amazon.com/coral/ VALIDATION", "1 validation error detected", providers.ErrorContent),
		said(400, "AccountSuspendedException ACCOUNT_SUSPENDED", "", providers.ErrorAccount),
		said(400, "SendingPausedException SENDING_PAUSED", "Email sending is disabled.", providers.ErrorAccount),
		said(400, "MailFromDomainNotVerifiedException MAIL_FROM_DOMAIN_NOT_VERIFIED", "", providers.ErrorSender),
		said(404, "NotFoundException NOT_FOUND", "Configuration set <news> does not exist.", providers.ErrorSender),
		said(429, "TooManyRequestsException TOO_MANY_REQUESTS", "Maximum sending rate exceeded.", providers.ErrorThrottled),
		said(429, "TooManyRequestsException TOO_MANY_REQUESTS", "Daily message quota exceeded.", providers.ErrorQuota),
		said(400, "Throttling THROTTLING", "Rate exceeded", providers.ErrorThrottled),
		said(400, "LimitExceededException LIMIT_EXCEEDED", "", providers.ErrorQuota),
		said(403, "AccessDeniedException ACCESS_DENIED", "User: arn:aws:iam::1:user/x is not authorized to perform: ses:SendEmail", providers.ErrorAuth),
		said(403, "com.amazon.coral.service#UnrecognizedClientException UNRECOGNIZED_CLIENT", "The security token is invalid.", providers.ErrorAuth),
		said(403, "SignatureDoesNotMatch SIGNATURE_DOES_NOT_MATCH", "no match for "+key, providers.ErrorAuth),
		said(403, "InvalidSignatureException INVALID_SIGNATURE", "Signature expired", providers.ErrorAuth),
		said(400, "RequestExpired REQUEST_EXPIRED", "", providers.ErrorAuth),
		said(503, "ServiceUnavailable SERVICE_UNAVAILABLE", "", providers.ErrorTemporary),
		said(500, "InternalFailure INTERNAL_FAILURE", "", providers.ErrorTemporary),
		said(400, "UnheardOfException UNHEARD_OF", "", providers.ErrorContent),
		plain(301, providers.ErrorAccount), plain(302, providers.ErrorTemporary), plain(403, providers.ErrorAuth), plain(404, providers.ErrorTemporary),
		plain(410, providers.ErrorAccount), plain(429, providers.ErrorThrottled), plain(500, providers.ErrorTemporary),
		doubt("{}"), doubt("<html>"), doubt(""), doubt(`{"MessageId":""}`), doubt(`{"BulkEmailEntryResults":[{"Status":"SUCCESS"}]}`),
	}
}

func TestContract(t *testing.T) {
	providertest.Run(t, providertest.Subject{
		Kind:     kind(),
		Serve:    serve,
		Nowhere:  func(addr string) json.RawMessage { return config("https://" + addr) },
		Secrets:  []string{key},
		Refusals: refusals(),
		Arrived: func(_ testing.TB, d sink.Delivery) (all []providers.Message) {
			for _, m := range parse(d.Body) {
				all = append(all, providers.Message{To: m.address(), Content: providers.Content{Subject: m.subject, Text: m.text, HTML: m.html, Attachment: m.file}})
			}
			return all
		},
		Key:     func(d sink.Delivery) string { return parse(d.Body)[0].tags["carillon"] },
		Proof:   providertest.Within,
		Reports: []providers.ReceiptStatus{providers.ReceiptDelivered, providers.ReceiptFailed, providers.ReceiptRejected},
		Receipt: func(_ testing.TB, at time.Time, r providertest.Report) (http.Header, []byte) {
			about := fmt.Sprintf(`"mail":{"messageId":%q,"tags":{"ses:configuration-set":["news"],"carillon":["%d-theinstallation1"]}}`, idOf(r.MessageID), r.MessageID)
			text := map[providers.ReceiptStatus]string{
				providers.ReceiptDelivered: `{"eventType":"Delivery","delivery":{"timestamp":"2026-11-21T09:00:00.000Z"},`,
				providers.ReceiptRejected:  `{"eventType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"General"},`,
				providers.ReceiptFailed:    `{"eventType":"Bounce","bounce":{"bounceType":"Transient","bounceSubType":"MailboxFull"},`,
			}[r.Status]
			return http.Header{}, far().sign(notify(at, fmt.Sprintf("22b80b92-fdea-4c2c-8f9d-%012d", r.MessageID), text+about+"}"))
		},
	})
}

// All that a mail has arrives in the place that SES has for it: alone, and as one of many.
func TestWhatArrives(t *testing.T) {
	var got []byte
	served := serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d.Body }})
	p, _ := open(t, served.Config, far().document)
	m := providers.Message{ID: 42, To: "zoe@example.com", ToName: `Zoë "Z", Doe`, UnsubscribeURL: "https://example.com/u/1", Content: providers.Content{
		Subject: "Grüße", Text: "Hello", HTML: `<body><img src="data:image/png;base64,iVBORw0KGgo="></body>`, Preheader: "soon",
	}}
	_, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	require.NotContains(t, string(got), `\u003c`)
	const html = `"<body><div style=\"display:none;max-height:0;overflow:hidden;mso-hide:all\">soon</div>\n` +
		`<img src=\"cid:p1.16-theinstallation1@example.org\"></body>"`
	const common = `"FromEmailAddress":"=?utf-8?b?RGllICJHbMO2Y2tuZXIiLCDFgcOzZMW6?= <news@example.org>",
		"ReplyToAddresses":["answers@example.org"],"ConfigurationSetName":"news"`
	const to = `"=?utf-8?b?Wm/DqyAiWiIsIERvZQ==?= <zoe@example.com>"`
	const headers = `[{"Name":"List-Unsubscribe","Value":"<https://example.com/u/1>"},{"Name":"List-Unsubscribe-Post","Value":"List-Unsubscribe=One-Click"}]`
	require.JSONEq(t, `{`+common+`,"Destination":{"ToAddresses":[`+to+`]},"EmailTags":[{"Name":"carillon","Value":"42-theinstallation1"}],
		"Content":{"Simple":{"Subject":{"Data":"Grüße","Charset":"UTF-8"},"Body":{"Text":{"Data":"Hello","Charset":"UTF-8"},
		"Html":{"Data":`+html+`,"Charset":"UTF-8"}},
		"Headers":`+headers+`,"Attachments":[{"FileName":"picture.png","ContentType":"image/png","ContentId":"p1.16-theinstallation1@example.org",
		"ContentDisposition":"INLINE","ContentTransferEncoding":"BASE64","RawContent":"iVBORw0KGgo="}]}}}`, string(got))

	second := m
	second.ID, second.To, second.ToName, second.Content = 43, "max@example.com", "Max", providers.Content{Subject: "S", Text: "T", HTML: "<p>"}
	m.Content.HTML, m.Transactional = "<b>1</b>", true
	for _, r := range p.(providers.BatchSender).SendBatch(t.Context(), []providers.Message{m, second}) {
		require.NoError(t, r.Err)
	}
	const template = `{"TemplateContent":{"Subject":"{{Subject}}","Text":"{{Text}}","Html":"{{Html}}"},"TemplateData":"{}"}`
	entry := func(to, id, html, subject, text, more string) string {
		data, err := json.Marshal(fmt.Sprintf(`{"Subject":%q,"Text":%q,"Html":%q}`, subject, text, html))
		require.NoError(t, err)
		return `{"Destination":{"ToAddresses":[` + to + `]},"ReplacementTags":[{"Name":"carillon","Value":"` + id + `-theinstallation1"}],
			"ReplacementEmailContent":{"ReplacementTemplate":{"ReplacementTemplateData":` + string(data) + `}}` + more + `}`
	}
	const soon = `<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">soon</div>` + "\n"
	require.JSONEq(t, `{`+common+`,"DefaultContent":{"Template":`+template+`},"BulkEmailEntries":[`+
		entry(to, "42", soon+"<b>1</b>", "Grüße", "Hello", "")+`,`+
		entry(`"\"Max\" <max@example.com>"`, "43", "<p>", "S", "T", `,"ReplacementHeaders":`+headers)+`]}`, string(got))
}

// What can't go with others goes alone, what has other parts with its like, and what is too large
// for one request in several; a message that can't go stays out alone.
func TestWhatGoesTogether(t *testing.T) {
	var requests [][]message
	served := serve(t, sink.Options{Record: true, Seen: func(d sink.Delivery) { requests = append(requests, parse(d.Body)) }})
	p, _ := open(t, served.Config, far().document)
	messages := make([]providers.Message, 60)
	for i := range messages {
		messages[i] = providertest.Message(providers.Email, int64(i+1))
		messages[i].Content.HTML = "<p>x</p>"
	}
	messages[1].Content.HTML = ""
	messages[2].Content.Text = "{{ of a cook }}"
	messages[3].Content.HTML = `<img src="data:image/png;base64,iVBORw0KGgo=">`
	messages[4].Content.HTML = strings.Repeat("x", 262144)
	messages[5].Content = providers.Content{}
	messages[6].To = "grüße@example.org"
	messages[7].UnsubscribeURL = "https://example.org/" + strings.Repeat("u", 860)
	messages[8].Content.HTML = ""
	menu := &providers.File{Name: "menu.pdf", ContentType: "application/pdf", Size: 4, Content: []byte("%PDF")}
	messages[9].Content.Attachment = &providers.Attachment{File: menu}
	results := p.(providers.BatchSender).SendBatch(t.Context(), messages)
	for i, r := range results {
		switch i {
		case 5, 7:
			require.Equal(t, providers.ErrorContent, providers.AsError(r.Err).Kind)
		case 6:
			require.Equal(t, providers.ErrorRecipient, providers.AsError(r.Err).Kind)
		default:
			require.NoError(t, r.Err, i)
			require.Equal(t, idOf(int64(i+1)), r.Accepted.ProviderID)
		}
	}
	var sizes []int
	for _, r := range requests {
		sizes = append(sizes, len(r))
	}
	require.Equal(t, []int{50, 2, 1, 1, 1, 1, 1}, sizes)
	require.Equal(t, "{{ of a cook }}", requests[2][0].text)
	require.Len(t, requests[3][0].pictures, 1)
	require.Len(t, requests[4][0].html, 262144)
	require.Equal(t, "%PDF", string(requests[5][0].file.File.Content))

	requests = nil
	for i := range messages {
		messages[i] = providertest.Message(providers.Email, int64(i+100))
		messages[i].Content.HTML = strings.Repeat("x", 100_000)
	}
	for _, r := range p.(providers.BatchSender).SendBatch(t.Context(), messages) {
		require.NoError(t, r.Err)
	}
	for _, r := range requests {
		require.LessOrEqual(t, len(r), 9)
	}
	require.Len(t, requests, 7)
}

// The states of one message of many mean what the same error means of a request.
func TestEntries(t *testing.T) {
	for status, want := range map[string]providers.ErrorKind{
		"MESSAGE_REJECTED": providers.ErrorContent, "MAIL_FROM_DOMAIN_NOT_VERIFIED": providers.ErrorSender, "CONFIGURATION_SET_NOT_FOUND": providers.ErrorSender,
		"CONFIGURATION_SET_DOES_NOT_EXIST": providers.ErrorSender, "ACCOUNT_SUSPENDED": providers.ErrorAccount, "ACCOUNT_THROTTLED": providers.ErrorThrottled,
		"ACCOUNT_DAILY_QUOTA_EXCEEDED": providers.ErrorQuota, "INVALID_SENDING_POOL_NAME": providers.ErrorAccount,
		"ACCOUNT_SENDING_PAUSED": providers.ErrorAccount, "CONFIGURATION_SET_SENDING_PAUSED": providers.ErrorSender, "INVALID_PARAMETER": providers.ErrorContent,
		"TRANSIENT_FAILURE": providers.ErrorTemporary, "FAILED": providers.ErrorTemporary, "NEW_STATUS": providers.ErrorContent, "": providers.ErrorInDoubt,
		"SUCCESS": providers.ErrorInDoubt, // without an id
	} {
		served := serve(t, sink.Options{Answer: func(int64, int64) sink.Answer {
			return sink.Answer{Code: 200, Text: fmt.Sprintf(`{"BulkEmailEntryResults":[{"Status":%[1]q,"Error":"why"},{"Status":%[1]q,"Error":"why"}]}`, status)}
		}})
		p, _ := open(t, served.Config, far().document)
		messages := []providers.Message{providertest.Message(providers.Email, 1), providertest.Message(providers.Email, 2)}
		for _, r := range p.(providers.BatchSender).SendBatch(t.Context(), messages) {
			failure := providers.AsError(r.Err)
			require.Equal(t, want, failure.Kind, status)
			if want != providers.ErrorInDoubt {
				require.Equal(t, status, failure.Code)
				require.ErrorContains(t, failure, "why")
			}
		}
	}
}

// Whoever tries a channel hears how much the account may send, and why it may not.
func TestAccounts(t *testing.T) {
	verified := map[string]bool{"example.org": true}
	for name, c := range map[string]struct {
		server
		says string
		kind providers.ErrorKind
	}{
		"whole": {server{fmt.Sprintf(quota, true, true, "HEALTHY", "50000.0"), verified},
			"The account may send 50000 mails in 24 hours (17 sent) and 14 a second.", ""},
		"no bound":    {server{fmt.Sprintf(quota, true, true, "HEALTHY", "-1"), verified}, "The account may send 14 mails a second.", ""},
		"an address":  {server{fmt.Sprintf(quota, true, true, "HEALTHY", "-1"), map[string]bool{"example.org": false, "news@example.org": true}}, "14", ""},
		"in sandbox":  {server{fmt.Sprintf(quota, false, true, "HEALTHY", "200.0"), verified}, "verified addresses alone", ""},
		"in review":   {server{fmt.Sprintf(quota, true, true, "PROBATION", "200.0"), verified}, "under review", ""},
		"paused":      {server{fmt.Sprintf(quota, true, false, "SHUTDOWN", "200.0"), verified}, "sending is paused", providers.ErrorAccount},
		"no identity": {server{fmt.Sprintf(quota, true, true, "HEALTHY", "200.0"), nil}, "verified identity in eu-west-1", providers.ErrorSender},
		"unverified": {server{fmt.Sprintf(quota, true, true, "HEALTHY", "200.0"), map[string]bool{"example.org": false}},
			"verified identity", providers.ErrorSender},
		"another":  {server{`{"name":"a proxy"}`, verified}, "is not Amazon SES", providers.ErrorTemporary},
		"not JSON": {server{`<html>`, verified}, "is not Amazon SES", providers.ErrorTemporary},
	} {
		t.Run(name, func(t *testing.T) {
			served := serveAs(t, c.server, sink.Options{})
			p, _ := open(t, served.Config, far().document)
			says, err := p.(providers.Informer).Inform(t.Context())
			if c.kind == "" {
				require.NoError(t, err)
				require.Contains(t, says, c.says)
				return
			}
			require.Equal(t, c.kind, providers.AsError(err).Kind)
			require.ErrorContains(t, err, c.says)
		})
	}
	served := serve(t, sink.Options{})
	wrong := strings.Replace(string(served.Config), key, "another", 1)
	p, _ := open(t, json.RawMessage(wrong), far().document)
	require.Equal(t, providers.ErrorAuth, providers.AsError(p.(providers.Checker).Check(t.Context())).Kind)
}

func TestConfigRefused(t *testing.T) {
	const good = `{"region":"eu-west-1","access_key_id":"AKIAIOSFODNN7EXAMPLE","secret_access_key":"x","from":"a@b.example"`
	for field, raw := range map[string]string{
		"config.api":               good + `,"api":"https://x.org/?token=x"}`,
		"config.region":            strings.Replace(good, "eu-west-1", "eu-west-1.evil.example/", 1) + `}`,
		"config.access_key_id":     strings.Replace(good, "AKIA", "AK A", 1) + `}`,
		"config.secret_access_key": strings.Replace(good, `"x"`, `"x y"`, 1) + `}`,
		"config.from":              strings.Replace(good, "a@b", "ä@b", 1) + `}`,
		"config.configuration_set": good + `,"configuration_set":"a b"}`,
		"config.topic_arn":         good + `,"topic_arn":"arn:aws:sns:eu-west-1:123456789012:mail.fifo"}`,
	} {
		err := ses.Kind().Validate(json.RawMessage(raw))
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", field, err)
		require.ErrorContains(t, err, field)
	}
	require.ErrorContains(t, ses.Kind().Validate(json.RawMessage(strings.Replace(good, `"x"`, `""`, 1)+`}`)), "is required")
	sample, err := os.ReadFile("testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, ses.Kind().Validate(sample))
	require.Equal(t, "news@example.org", ses.Kind().Sender(sample))
	require.Equal(t, "example.org", ses.Kind().SenderDomain(sample))
	require.Equal(t, "email-smtp.eu-west-1.amazonaws.com", ses.Kind().Server(sample))
}
