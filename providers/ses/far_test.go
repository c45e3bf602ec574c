package ses_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	netmail "net/mail"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/ses"
)

const (
	keyID  = "AKIAIOSFODNN7EXAMPLE"
	key    = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	arn    = "arn:aws:sns:eu-west-1:123456789012:mail"
	certAt = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
)

func config(url string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"api":%q,"region":"eu-west-1","access_key_id":%q,"secret_access_key":%q,"from":"news@example.org",
		"from_name":"Die \"Glöckner\", Łódź","reply_to":"answers@example.org","configuration_set":"news","topic_arn":%q,"timeout_ms":60000}`, url, keyID, key, arn))
}

// message is what arrives, of either call.
type message struct {
	from, to, subject, text, html, set string
	tags, headers                      map[string]string
	pictures                           []string
	file                               *providers.Attachment
}

type pairs []struct{ Name, Value string }

func (p pairs) of() map[string]string {
	all := map[string]string{}
	for _, one := range p {
		all[one.Name] = one.Value
	}
	return all
}

// data is a text of SendEmail.
type data struct{ Data, Charset string }

// request is either call's.
type request struct {
	FromEmailAddress, ConfigurationSetName string
	ReplyToAddresses                       []string
	Destination                            struct{ ToAddresses []string }
	EmailTags                              pairs
	Content                                struct {
		Simple *struct {
			Subject     data
			Body        struct{ Text, HTML data }
			Headers     pairs
			Attachments []struct {
				FileName, ContentType, ContentID, ContentDisposition string
				RawContent                                           []byte
			}
		}
	}
	DefaultContent struct {
		Template struct {
			TemplateContent struct{ Subject, Text, HTML string }
			TemplateData    string
		}
	}
	BulkEmailEntries []struct {
		Destination             struct{ ToAddresses []string }
		ReplacementEmailContent struct {
			ReplacementTemplate struct{ ReplacementTemplateData string }
		}
		ReplacementHeaders, ReplacementTags pairs
	}
}

var places = regexp.MustCompile(`\{\{(\w+)\}\}`)

// rendered puts values into a template, as SES does with one that stands in the request: simply.
func rendered(template, values string) string {
	var known map[string]string
	if json.Unmarshal([]byte(values), &known) != nil {
		return "unreadable"
	}
	return places.ReplaceAllStringFunc(template, func(place string) string { return known[strings.Trim(place, "{}")] })
}

// parse reads the messages of a request.
func parse(body []byte) (list []message) {
	var r request
	if json.Unmarshal(body, &r) != nil {
		return nil
	}
	base := message{from: r.FromEmailAddress, set: r.ConfigurationSetName}
	if s := r.Content.Simple; s != nil && len(r.Destination.ToAddresses) == 1 {
		m := base
		m.to, m.subject, m.text, m.html = r.Destination.ToAddresses[0], s.Subject.Data, s.Body.Text.Data, s.Body.HTML.Data
		m.tags, m.headers = r.EmailTags.of(), s.Headers.of()
		for _, a := range s.Attachments {
			if a.ContentDisposition == "ATTACHMENT" {
				m.file = &providers.Attachment{Filename: a.FileName, File: &providers.File{ContentType: a.ContentType, Content: a.RawContent}}
				continue
			}
			m.pictures = append(m.pictures, fmt.Sprintf("%s %s %s %s %x", a.FileName, a.ContentType, a.ContentID, a.ContentDisposition, a.RawContent))
		}
		return []message{m}
	}
	t := r.DefaultContent.Template.TemplateContent
	for _, e := range r.BulkEmailEntries {
		values := e.ReplacementEmailContent.ReplacementTemplate.ReplacementTemplateData
		m := base
		if len(e.Destination.ToAddresses) != 1 {
			return nil
		}
		m.to, m.subject, m.text, m.html = e.Destination.ToAddresses[0], rendered(t.Subject, values), rendered(t.Text, values), rendered(t.HTML, values)
		m.tags, m.headers = e.ReplacementTags.of(), e.ReplacementHeaders.of()
		list = append(list, m)
	}
	return list
}

// address is the recipient's.
func (m *message) address() string {
	a, err := netmail.ParseAddress(m.to)
	if err != nil {
		return ""
	}
	return a.Address
}

// idOf is the id that SES gives a message.
func idOf(id int64) string {
	return fmt.Sprintf("0102018e4b9a3b7c-%08d-aaaa-bbbb-cccc-1234567890ab-000000", id)
}

// signedBy signs a request as whoever has the key does; it is the header that comes of it.
func signedBy(r *http.Request, body []byte) string {
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(body)
	again, err := http.NewRequest(r.Method, "http://"+r.Host+r.URL.RequestURI(), http.NoBody)
	if err != nil {
		return ""
	}
	_, names, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	names, _, _ = strings.Cut(names, ",")
	for _, name := range strings.Split(names, ";") {
		if value := r.Header.Get(name); value != "" {
			again.Header.Set(name, value)
		}
	}
	credentials := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: key}
	if v4.NewSigner().SignHTTP(context.Background(), credentials, again, hex.EncodeToString(sum[:]), "ses", "eu-west-1", at) != nil {
		return ""
	}
	return again.Header.Get("Authorization")
}

// refused is an error of SES's.
func refused(status int, name, words string) sink.Answer {
	text, _ := json.Marshal(map[string]string{"message": words})
	return sink.Answer{Code: status, Header: http.Header{"X-Amzn-Errortype": {name}}, Text: string(text)}
}

const quota = `{"ProductionAccessEnabled":%t,"SendingEnabled":%t,"EnforcementStatus":%q,
	"SendQuota":{"Max24HourSend":%s,"MaxSendRate":14.0,"SentLast24Hours":17.0}}`

// server plays SES, as an account says and with the identities that it has.
type server struct {
	account    string
	identities map[string]bool
}

func (s server) speak(r *http.Request, body []byte) sink.Exchange {
	reply := func(a sink.Answer) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) {
			for name, values := range a.Header {
				w.Header()[name] = values
			}
			w.WriteHeader(a.Code)
			_, _ = w.Write([]byte(a.Text))
		}}
	}
	if signature := signedBy(r, body); signature == "" || signature != r.Header.Get("Authorization") {
		return reply(refused(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."))
	}
	if name, ok := strings.CutPrefix(r.URL.Path, "/v2/email/identities/"); ok && r.Method == http.MethodGet {
		verified, known := s.identities[name]
		if !known {
			return reply(refused(404, "NotFoundException", "Email identity "+name+" does not exist."))
		}
		return reply(sink.Answer{Code: 200, Text: fmt.Sprintf(`{"VerifiedForSendingStatus":%t}`, verified)})
	}
	switch r.Method + r.URL.Path {
	case "GET/v2/email/account":
		return reply(sink.Answer{Code: 200, Text: s.account})
	case "POST/v2/email/outbound-emails", "POST/v2/email/outbound-bulk-emails":
	default:
		return reply(refused(404, "UnknownOperationException", ""))
	}
	list := parse(body)
	if len(list) == 0 || len(list) > 50 || len(list) > 1 && len(body) > 1_000_000 {
		return reply(refused(400, "BadRequestException", "the request is not one of mail"))
	}
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = max(1, providertest.Number(providers.Email, list[i].address()))
		if list[i].from == "" || list[i].address() == "" || list[i].subject+list[i].text+list[i].html == "" {
			return reply(refused(400, "BadRequestException", "Illegal address"))
		}
	}
	return sink.Exchange{Messages: ids, Reply: func(w http.ResponseWriter, verdicts []sink.Answer) {
		if strings.HasSuffix(r.URL.Path, "outbound-emails") {
			_, _ = fmt.Fprintf(w, `{"MessageId":%q}`, idOf(ids[0]))
			return
		}
		said := make([]string, len(list))
		for i, v := range verdicts {
			said[i] = fmt.Sprintf(`{"Status":"SUCCESS","MessageId":%q}`, idOf(ids[i]))
			if v.Code != 0 {
				said[i] = entryOf(v)
			}
		}
		_, _ = w.Write([]byte(`{"BulkEmailEntryResults":[` + strings.Join(said, ",") + "]}"))
	}}
}

// entryOf is an error of SES's as it is written of one message of many.
func entryOf(a sink.Answer) string {
	var said struct{ Message string }
	_ = json.Unmarshal([]byte(a.Text), &said)
	status := map[string]string{
		"MessageRejected": "MESSAGE_REJECTED", "BadRequestException": "BAD_REQUEST", "UnheardOfException": "UNHEARD_OF",
		"ValidationException:http://internal.amazon.com/coral/": "VALIDATION",
	}
	return fmt.Sprintf(`{"Status":%q,"Error":%q}`, status[a.Header.Get("X-Amzn-Errortype")], said.Message)
}

func serve(t testing.TB, o sink.Options) providertest.Far {
	t.Helper()
	return serveAs(t, server{fmt.Sprintf(quota, true, true, "HEALTHY", "50000.0"), map[string]bool{"example.org": true}}, o)
}

func serveAs(t testing.TB, account server, o sink.Options) providertest.Far {
	t.Helper()
	o.Dialect = account.speak
	s, err := sink.NewHTTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return providertest.Far{Config: config(s.URL()), Tally: &s.Tally}
}

// sns plays Amazon SNS: it signs, has its certificate at an address, and notes who confirms.
type sns struct {
	key         *rsa.PrivateKey
	certificate []byte

	mu    sync.Mutex
	asked []string
}

// newSNS makes one whose certificate holds for a day around the suite's time.
func newSNS() *sns {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sns.amazonaws.com"},
		NotBefore: providertest.Now.Add(-12 * time.Hour), NotAfter: providertest.Now.Add(12 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, k.Public(), k)
	if err != nil {
		panic(err)
	}
	return &sns{key: k, certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

var far = sync.OnceValue(newSNS)

// document is what is at an address of its.
func (s *sns) document(_ context.Context, address string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, address)
	switch {
	case address == certAt:
		return s.certificate, nil
	case strings.Contains(address, "ConfirmSubscription"):
		return []byte("<ConfirmSubscriptionResponse/>"), nil
	}
	return nil, errors.New("answered 404")
}

// envelope is what is posted.
type envelope map[string]string

// sign signs an envelope anew.
func (s *sns) sign(e envelope) []byte {
	order := []string{"Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
	var text bytes.Buffer
	for _, name := range order {
		if value, has := e[name]; has {
			text.WriteString(name + "\n" + value + "\n")
		}
	}
	hash, sum := crypto.SHA1, sha1.Sum(text.Bytes())
	signed, err := rsa.SignPKCS1v15(rand.Reader, s.key, hash, sum[:])
	if e["SignatureVersion"] == "2" {
		sum := sha256.Sum256(text.Bytes())
		signed, err = rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	}
	if err != nil {
		panic(err)
	}
	e["Signature"] = base64.StdEncoding.EncodeToString(signed)
	body, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return body
}

// notify posts something of SES's.
func notify(at time.Time, id, words string) envelope {
	return envelope{
		"Type": "Notification", "MessageId": id, "TopicArn": arn, "Message": words, "Timestamp": at.UTC().Format("2006-01-02T15:04:05.000Z"),
		"SignatureVersion": "2", "SigningCertURL": certAt, "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=" + arn + ":1",
	}
}

// kind is the adapter's, that asks far in place of SNS.
func kind() providers.Kind {
	k := ses.Kind()
	made := k.New
	k.New = func(raw json.RawMessage, deps providers.Deps) (providers.Provider, error) {
		p, err := made(raw, deps)
		if err == nil {
			ses.Ask(p, far().document)
		}
		return p, err
	}
	return k
}

// open makes the adapter for a configuration, and returns its clock.
func open(t testing.TB, raw json.RawMessage, document func(context.Context, string) ([]byte, error)) (providers.Provider, *clock.Fake) {
	t.Helper()
	c := clock.NewFake(providertest.Now)
	p, err := ses.Kind().New(raw, providers.Deps{Installation: "theinstallation1", Dialer: providers.Dialer{AllowPrivate: true}, Clock: c, Concurrency: 4})
	require.NoError(t, err)
	ses.Ask(p, document)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p, c
}
