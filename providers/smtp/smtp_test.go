package smtp_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/smtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "c0rrect-horse-battery"

func config(addr string) json.RawMessage {
	host, port, _ := strings.Cut(addr, ":")
	return json.RawMessage(fmt.Sprintf(
		`{"host": %q, "port": %s, "username": "sender", "password": %q, "tls": "none", "from": "news@example.org", "from_name": "Die Glöckner",
			"bounce_address": "bounces@example.org", "bounce_token": %q}`,
		host, port, password, bounceToken))
}

// signIn makes the sink offer AUTH PLAIN, beside what else is answered. The sink
// is on loopback, where a password may go in the clear.
func signIn(plain bool, also func(string) string) func(string) string {
	offer := "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-SIZE 52428800\r\n250 AUTH PLAIN"
	if plain {
		offer = strings.Replace(offer, "250-PIPELINING\r\n", "", 1)
	}
	return func(line string) string {
		if also != nil {
			if reply := also(line); reply != "" {
				return reply
			}
		}
		switch {
		case strings.HasPrefix(line, "EHLO"):
			return offer
		case strings.HasPrefix(line, "AUTH PLAIN"):
			return "235 2.7.0 welcome"
		}
		return ""
	}
}

func serve(plain bool) func(testing.TB, sink.Options) providertest.Far {
	return func(t testing.TB, o sink.Options) providertest.Far {
		t.Helper()
		o.Plain = plain
		o.Command = signIn(plain, o.Command)
		s, err := sink.NewSMTP(o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		return providertest.Far{Config: config(s.Addr()), Tally: &s.Tally}
	}
}

func TestContract(t *testing.T) {
	for name, plain := range map[string]bool{"Pipelining": false, "Plain": true} {
		t.Run(name, func(t *testing.T) {
			providertest.Run(t, providertest.Subject{
				Kind: smtp.Kind(), Serve: serve(plain), Nowhere: config, Refusals: refusals(),
				Proof: providertest.Password, Receipt: reported,
				Secrets: []string{
					password, bounceToken, base64.StdEncoding.EncodeToString([]byte(password)),
					base64.StdEncoding.EncodeToString([]byte("\x00sender\x00" + password)),
				},
				Arrived: arrived, Key: messageID,
			})
		})
	}
}

// messageID is the Message-ID of a message as it arrived.
func messageID(d sink.Delivery) string {
	_, rest, _ := bytes.Cut(d.Body, []byte("Message-ID: "))
	id, _, _ := bytes.Cut(rest, []byte("\r\n"))
	return string(id)
}

func refusals() []providertest.Refusal {
	at := func(verb, reply string, kind providers.ErrorKind, code string) providertest.Refusal {
		return providertest.Refusal{Name: verb + " " + reply, Kind: kind, Code: code, Command: func(line string) string {
			if strings.HasPrefix(line, verb) {
				return reply
			}
			return ""
		}}
	}
	atEnd := func(code int, text string, kind providers.ErrorKind, want string) providertest.Refusal {
		return providertest.Refusal{
			Name: fmt.Sprint("end ", code, " ", text), Kind: kind, Code: want, Answer: sink.Answer{Code: code, Text: text},
		}
	}
	bounce := func(kind providers.BounceKind, r providertest.Refusal) providertest.Refusal {
		r.Bounce = kind
		return r
	}
	hard, soft := providers.BounceHard, providers.BounceSoft
	quoted := "535 5.7.8 no: " + password + " " + base64.StdEncoding.EncodeToString([]byte("\x00sender\x00"+password))
	return []providertest.Refusal{
		at("AUTH", quoted, providers.ErrorAuth, "535 5.7.8"),
		at("AUTH", "454 4.7.0 try later", providers.ErrorTemporary, "454 4.7.0"),
		at("EHLO", "421 4.3.2 shutting down", providers.ErrorTemporary, "421 4.3.2"),
		at("MAIL", "530 5.7.0 sign in first", providers.ErrorAuth, "530 5.7.0"),
		at("MAIL", "550 5.7.1 sender refused", providers.ErrorSender, "550 5.7.1"),
		at("MAIL", "553 5.7.1 <news@example.org>: Sender address rejected: not owned by user sender", providers.ErrorSender, "553 5.7.1"),
		at("MAIL", "550 5.4.5 Daily user sending quota exceeded", providers.ErrorQuota, "550 5.4.5"),
		at("MAIL", "552 5.3.4 too big", providers.ErrorContent, "552 5.3.4"),
		at("MAIL", "421 4.7.0 too many messages", providers.ErrorThrottled, "421 4.7.0"),
		at("MAIL", "421 4.3.2 shutting down", providers.ErrorTemporary, "421 4.3.2"),
		at("MAIL", "451 4.3.0 later", providers.ErrorTemporary, "451 4.3.0"),
		at("MAIL", "451 rate limit exceeded", providers.ErrorThrottled, "451"),
		at("MAIL", "drop", providers.ErrorTemporary, ""),
		bounce(hard, at("RCPT", "550 5.1.1 no such user", providers.ErrorRecipient, "550 5.1.1")),
		at("RCPT", "550-no such\r\n550 user", providers.ErrorRecipient, "550"),
		at("RCPT", "551 not here", providers.ErrorRecipient, "551"),
		bounce(hard, at("RCPT", "553 5.1.3 bad address", providers.ErrorRecipient, "553 5.1.3")),
		at("RCPT", "554 5.7.1 relaying denied", providers.ErrorRecipient, "554 5.7.1"),
		bounce(hard, at("RCPT", "501 5.1.3 bad address", providers.ErrorRecipient, "501 5.1.3")),
		bounce(soft, at("RCPT", "552 5.2.2 mailbox full", providers.ErrorRecipient, "552 5.2.2")),
		at("RCPT", "530 5.7.0 sign in first", providers.ErrorAuth, "530 5.7.0"),
		at("RCPT", "450 4.2.1 mailbox busy", providers.ErrorRecipientBusy, "450 4.2.1"),
		at("RCPT", "553 5.7.1 <news@example.org>: Sender address rejected: not owned by user sender", providers.ErrorSender, "553 5.7.1"),
		at("RCPT", "450 4.7.1 greylisted", providers.ErrorTemporary, "450 4.7.1"),
		at("RCPT", "450 4.2.1 receiving mail at a rate too quickly", providers.ErrorRecipientBusy, "450 4.2.1"),
		at("RCPT", "452 4.5.3 too many recipients", providers.ErrorThrottled, "452 4.5.3"),
		at("RCPT", "421 4.3.2 shutting down", providers.ErrorTemporary, "421 4.3.2"),
		at("RCPT", "drop", providers.ErrorTemporary, ""),
		at("DATA", "451 4.3.0 later", providers.ErrorTemporary, "451 4.3.0"),
		at("DATA", "554 5.5.1 no valid recipients", providers.ErrorContent, "554 5.5.1"),
		at("DATA", "drop", providers.ErrorTemporary, ""),
		at("DATA", "not SMTP", providers.ErrorTemporary, ""),
		atEnd(250, "queued as 1", "", ""),
		atEnd(421, "4.3.2 shutting down", providers.ErrorTemporary, "421 4.3.2"),
		atEnd(421, "4.7.28 unusual rate of mail", providers.ErrorThrottled, "421 4.7.28"),
		atEnd(450, "4.2.0 later", providers.ErrorRecipientBusy, "450 4.2.0"),
		atEnd(554, "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException.MapiExceptionSubmissionQuotaExceeded", providers.ErrorQuota, "554 5.2.0"),
		atEnd(554, "Sending paused for this account", providers.ErrorAccount, "554"),
		atEnd(451, "4.3.0 later", providers.ErrorTemporary, "451 4.3.0"),
		atEnd(452, "4.3.1 disk full", providers.ErrorTemporary, "452 4.3.1"),
		atEnd(454, "Throttling failure: maximum sending rate exceeded", providers.ErrorThrottled, "454"),
		bounce(hard, atEnd(550, "5.1.1 no such user", providers.ErrorRecipient, "550 5.1.1")),
		atEnd(550, "5.7.1 spam", providers.ErrorContent, "550 5.7.1"),
		atEnd(552, "5.3.4 too big", providers.ErrorContent, "552 5.3.4"),
		atEnd(554, "5.7.1 spam", providers.ErrorContent, "554 5.7.1"),
		atEnd(554, "no", providers.ErrorContent, "554"),
	}
}

func arrived(t testing.TB, d sink.Delivery) []providers.Message {
	t.Helper()
	if bytes.Contains(d.Body, []byte("multipart/mixed")) {
		words, kind, name, file := attached(t, d.Body)
		return []providers.Message{{To: d.To, Content: providers.Content{
			Text: words, Attachment: &providers.Attachment{Filename: name, File: &providers.File{ContentType: kind, Content: file}},
		}}}
	}
	return []providers.Message{{To: d.To, Content: content(t, d)}}
}

// content reads a message with the standard library alone.
func content(t testing.TB, d sink.Delivery) providers.Content {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(d.Body))
	require.NoError(t, err)
	for _, line := range bytes.Split(d.Body, []byte("\r\n")) {
		require.LessOrEqual(t, len(line), 998, "RFC 5322, 2.1.1")
		require.NotContains(t, string(line), "\n")
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	require.NoError(t, err)
	c := providers.Content{Subject: subject}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	take := func(kind, encoding string, r io.Reader) {
		switch encoding {
		case "quoted-printable":
			r = quotedprintable.NewReader(r)
		case "base64":
			r = base64.NewDecoder(base64.StdEncoding, r)
		default:
			require.Equal(t, "7bit", encoding)
		}
		raw, err := io.ReadAll(r)
		require.NoError(t, err)
		text := strings.TrimSuffix(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n")
		if strings.HasPrefix(kind, "text/html") {
			c.HTML = text
		} else {
			c.Text = text
		}
	}
	if kind != "multipart/alternative" {
		take(kind, m.Header.Get("Content-Transfer-Encoding"), m.Body)
		return c
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for {
		// NextPart would decode quoted-printable by itself.
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return c
		}
		require.NoError(t, err)
		take(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part)
	}
}
