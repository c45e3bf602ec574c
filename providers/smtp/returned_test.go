package smtp_test

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/bounce"
	"carillon/providers/providertest"
	"carillon/providers/smtp"
)

const (
	bounceToken  = "what-the-mail-server-presents-01"
	installation = "theinstallation1"
)

var arrivedAt = time.Date(2027, 3, 9, 12, 0, 0, 0, time.UTC)

// returning is a channel whose mail comes back to addresses of its own.
func returning(t testing.TB, deps providers.Deps) providers.Provider {
	t.Helper()
	deps.Clock, deps.Concurrency = clock.NewFake(arrivedAt), 1
	p, err := smtp.Kind().New(fmt.Appendf(nil, `{"host":"mail.example.org","from":"news@example.org","bounce_address":"bounces@example.org","bounce_token":%q}`,
		bounceToken), deps)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// named are what a message is known by when it comes back.
func named(token, installation string, channel, id int64) (address, messageID string) {
	m := bounce.NewMarker(secret.New(token), installation, channel)
	return "bounces+" + string(m.AppendLocal(nil, id)) + "@example.org", fmt.Sprintf("%d-%s-%s@example.org", id, installation, m.Code(id))
}

// sample is a mail of testdata about a message.
func sample(t testing.TB, name, address, messageID string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "returned", name+".eml"))
	require.NoError(t, err)
	return []byte(strings.NewReplacer("{RETURN}", address, "{ID}", messageID, "\n", "\r\n").Replace(string(raw)))
}

func read(t testing.TB, p providers.Provider, mail []byte) []providers.Receipt {
	t.Helper()
	receipts, err := p.(providers.CallbackParser).ParseCallback(http.Header{providers.HookTokenHeader: {bounceToken}}, mail)
	require.NoError(t, err)
	return receipts
}

// verdicts are what the samples say.
var verdicts = map[string][]providers.Receipt{
	"postfix": {{Status: providers.ReceiptRejected, Bounce: providers.BounceHard, Code: "550 5.1.1",
		Detail: "<nobody@example.com>: Recipient address rejected: User unknown in virtual mailbox table", At: at(4, 10, 0, 3)}},
	"postfix-expired": {{Status: providers.ReceiptFailed, Bounce: providers.BounceSoft, Code: "450 4.4.1",
		Detail: "connect to mx.example.com[192.0.2.25]:25: Connection timed out", At: at(9, 10, 0, 3)}},
	"postfix-delayed":   nil,
	"postfix-delivered": {{Status: providers.ReceiptDelivered, At: at(4, 10, 0, 3)}},
	"exim":              {{Status: providers.ReceiptFailed, Code: "550 5.0.0", Detail: "No such user here", At: at(4, 10, 0, 4)}},
	"exim-old": {{Status: providers.ReceiptRejected, Bounce: providers.BounceHard, Code: "550 5.1.1",
		Detail: "<nobody@example.com>: User unknown", At: at(4, 10, 0, 4)}},
	"exchange": {{Status: providers.ReceiptRejected, Bounce: providers.BounceHard, Code: "550 5.1.10",
		Detail: "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", At: at(4, 10, 0, 5)}},
	"gmail": {{Status: providers.ReceiptRejected, Bounce: providers.BounceHard, Code: "550 5.1.1", Detail: "The email account that you tried to reach " +
		"does not exist. Please try 550-5.1.1 double-checking the recipient's email address for typos or 550-5.1.1 unnecessary spaces. " +
		"For more information, go to 550 5.1.1  https://support.google.com/mail/?p=NoSuchUser d75a77b69052e - gsmtp", At: at(4, 10, 0, 6)}},
	"gmail-full": {{Status: providers.ReceiptRejected, Bounce: providers.BounceSoft, Code: "552 5.2.2", Detail: "The recipient's inbox is out of storage " +
		"space. Please direct the 552-5.2.2 recipient to https://support.google.com/mail/?p=OverQuotaPerm - gsmtp", At: at(4, 10, 0, 6)}},
	"qmail": {{Status: providers.ReceiptRejected, Bounce: providers.BounceHard, Code: "550 5.1.1",
		Detail: "<nobody@example.com>: Sorry, no mailbox here by that name. (#5.1.1)", At: at(4, 10, 0, 7)}},
	"yahoo-abuse":    {{Status: providers.ReceiptComplained, Code: "abuse", At: at(4, 11, 0, 0)}},
	"fastmail-abuse": {{Status: providers.ReceiptComplained, Code: "abuse", At: at(4, 11, 0, 0)}},
	"not-spam":       nil,
	"vacation":       nil,
}

func at(day, hour, minute, second int) time.Time {
	return time.Date(2027, 3, day, hour, minute, second, 0, time.UTC)
}

// Every sample is read, known by its address, by that in small or capital letters, and by the
// Message-ID alone; and nobody else's counts.
func TestReturned(t *testing.T) {
	files, err := filepath.Glob("testdata/returned/*.eml")
	require.NoError(t, err)
	require.Len(t, files, len(verdicts), "each sample has a verdict")
	p := returning(t, providers.Deps{ChannelID: 3, Installation: installation})
	address, messageID := named(bounceToken, installation, 3, 4711)
	for name, want := range verdicts {
		t.Run(name, func(t *testing.T) {
			for i := range want {
				want[i].MessageID = 4711
			}
			require.Equal(t, want, read(t, p, sample(t, name, address, messageID)))
			if name != "fastmail-abuse" { // it comes to another address
				require.Equal(t, want, read(t, p, sample(t, name, strings.ToUpper(address), "lost@example.org")), "by the address")
			}
			if name != "gmail-full" { // nothing is sent along
				require.Equal(t, want, read(t, p, sample(t, name, "news@example.org", messageID)), "by the Message-ID")
			}
			returned, err := p.(providers.ReturnReader).ParseReturned(address, sample(t, name, "lost@example.org", "lost@example.org"))
			require.NoError(t, err)
			require.Equal(t, want, returned, "by the envelope")
			forged := func(token, of string, channel int64) {
				address, messageID := named(token, of, channel, 4711)
				require.Empty(t, read(t, p, sample(t, name, address, messageID)))
				require.False(t, p.(providers.ReturnReader).Expects(address))
			}
			forged("another-secret-of-somebody-else", installation, 3)
			forged(bounceToken, "theinstallation2", 3)
			forged(bounceToken, installation, 4)
			other, otherID := named(bounceToken, installation, 3, 4712)
			swapped := strings.Replace(other, "-"+bounce.NewMarker(secret.New(bounceToken), installation, 3).Code(4712),
				"-"+bounce.NewMarker(secret.New(bounceToken), installation, 3).Code(4711), 1)
			require.Empty(t, read(t, p, sample(t, name, swapped, strings.Replace(otherID, "4712-", "4713-", 1))), "who got a mail can't report others'")
			// Installations of before, and whoever reads a Message-ID, know this much.
			require.Empty(t, read(t, p, sample(t, name, "news@example.org", "4711-"+installation+"@example.org")))
		})
	}
}

// Each message has an address of its own to come back to, and the From that people see stays.
func TestTheAddressThatAMessageComesBackTo(t *testing.T) {
	var got []sink.Delivery
	s := receiver(t, sink.Options{Seen: func(d sink.Delivery) { got = append(got, d) }})
	p := to(t, s, providers.Deps{Concurrency: 1, ChannelID: 3, Installation: installation},
		`, "bounce_address": "bounces@example.org", "bounce_token": "`+bounceToken+`"`)
	for id := int64(1); id <= 2; id++ {
		require.NoError(t, send(t, p, id))
		address, messageID := named(bounceToken, installation, 3, id)
		d := got[id-1]
		require.Equal(t, address, d.From)
		require.True(t, p.(providers.ReturnReader).Expects(d.From))
		require.LessOrEqual(t, strings.IndexByte(d.From, '@'), 64)
		require.Contains(t, string(d.Body), "\r\nFrom: <news@example.org>\r\n")
		require.Contains(t, string(d.Body), "\r\nMessage-ID: <"+messageID+">\r\n")
	}
	require.NotEqual(t, got[0].From, got[1].From)
	longest := "nineteen-is-allowed+" + string(bounce.NewMarker(secret.New(bounceToken), installation, math.MaxInt64).AppendLocal(nil, math.MaxInt64))
	require.Len(t, longest, 64, "the longest that there can be")
}

// What was sent before a token was exchanged comes back for as long as that is taken.
func TestAReplacedTokenIsKnownForItsTime(t *testing.T) {
	const before = "what-the-mail-server-presented-0"
	address, messageID := named(before, installation, 3, 5)
	for ends, want := range map[time.Time]int{arrivedAt.Add(time.Minute): 1, arrivedAt: 0} {
		p := returning(t, providers.Deps{ChannelID: 3, Installation: installation,
			Replaced: map[string]providers.Replaced{"bounce_token": {Secret: secret.New(before), EndsAt: ends}}})
		require.Len(t, read(t, p, sample(t, "postfix", address, messageID)), want)
	}
}

// A failure of one of several, and what is only said of them.
func TestSeveralRecipients(t *testing.T) {
	p := returning(t, providers.Deps{ChannelID: 3, Installation: installation})
	address, _ := named(bounceToken, installation, 3, 1)
	const head = "To: %s\r\nFrom: x@example.com\r\nDate: Fri, 04 Mar 2033 10:00:00 +0000\r\nContent-Type: multipart/report; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n%s\r\n--b--\r\n"
	groups := func(status ...string) string {
		text := ""
		for i, s := range status {
			action, code, _ := strings.Cut(s, " ")
			text += fmt.Sprintf("Final-Recipient: rfc822; p%d@example.com\r\nAction: %s\r\nStatus: %s\r\n\r\n", i, action, code)
		}
		return text
	}
	for _, c := range []struct {
		status []string
		want   []providers.Receipt
	}{
		{[]string{"failed 5.1.1", "failed 5.1.1"}, []providers.Receipt{{Status: providers.ReceiptRejected, Bounce: providers.BounceHard, Code: "550 5.1.1"}}},
		{[]string{"failed 5.1.1", "failed 5.2.2"}, []providers.Receipt{{Status: providers.ReceiptRejected, Bounce: providers.BounceSoft, Code: "550 5.1.1"}}},
		{[]string{"failed 5.1.1", "delivered 2.0.0"}, []providers.Receipt{{Status: providers.ReceiptDelivered}}},
		{[]string{"Failed 5.7.1"}, []providers.Receipt{{Status: providers.ReceiptFailed, Code: "550 5.7.1"}}},
		{[]string{"failed 4.2.2"}, []providers.Receipt{{Status: providers.ReceiptRejected, Bounce: providers.BounceSoft, Code: "450 4.2.2"}}},
		{[]string{"failed 5.4.4"}, []providers.Receipt{{Status: providers.ReceiptFailed, Bounce: providers.BounceSoft, Code: "550 5.4.4"}}},
		{[]string{"relayed 2.0.0"}, nil}, {[]string{"expanded 2.0.0"}, nil}, {[]string{"delayed 4.0.0"}, nil}, {nil, nil},
	} {
		for i := range c.want {
			c.want[i].MessageID = 1 // and a date that is to come is nobody's
		}
		require.Equal(t, c.want, read(t, p, fmt.Appendf(nil, head, address, groups(c.status...))), "%v", c.status)
	}
}

func TestWhatIsNoMailIsRefused(t *testing.T) {
	p := returning(t, providers.Deps{ChannelID: 3, Installation: installation})
	address, _ := named(bounceToken, installation, 3, 1)
	for _, raw := range []string{"", "\r\n\r\nx", strings.Repeat("a: b\r\n", bounce.MaxMail)} {
		_, err := p.(providers.CallbackParser).ParseCallback(http.Header{providers.HookTokenHeader: {bounceToken}}, []byte(raw))
		require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
		_, err = p.(providers.ReturnReader).ParseReturned(address, []byte(raw))
		require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
	}
	_, err := p.(providers.ReturnReader).ParseReturned("bounces@example.org", sample(t, "postfix", address, "x@y"))
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
}

func FuzzReturned(f *testing.F) {
	address, messageID := named(bounceToken, installation, 3, 4711)
	for name := range verdicts {
		f.Add(sample(f, name, address, messageID))
	}
	p := returning(f, providers.Deps{ChannelID: 3, Installation: installation})
	code := bounce.NewMarker(secret.New(bounceToken), installation, 3).Code(4711)
	f.Fuzz(func(t *testing.T, mail []byte) {
		receipts, err := p.(providers.CallbackParser).ParseCallback(http.Header{providers.HookTokenHeader: {bounceToken}}, mail)
		if err != nil {
			require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
			return
		}
		require.LessOrEqual(t, len(receipts), 1)
		for _, r := range receipts {
			require.EqualValues(t, 4711, r.MessageID, "no other code is known here")
			require.LessOrEqual(t, len(r.Detail), 2000)
			require.True(t, r.Bounce == "" || r.Status == providers.ReceiptFailed || r.Status == providers.ReceiptRejected)
			require.True(t, r.At.IsZero() || !r.At.After(arrivedAt))
		}
		if !strings.Contains(strings.ToLower(string(mail)), code) && !strings.Contains(strings.ToLower(string(mail)), "quoted-printable") &&
			!strings.Contains(strings.ToLower(string(mail)), "base64") && !strings.Contains(string(mail), "=?") {
			require.Empty(t, receipts, "nothing counts without the code")
		}
	})
}

// reported is the far end's report of a message, as it comes back to its address.
func reported(t testing.TB, _ time.Time, r providertest.Report) (http.Header, []byte) {
	address, messageID := named(bounceToken, installation, 3, r.MessageID)
	mail := sample(t, map[providers.ReceiptStatus]string{
		providers.ReceiptFailed: "exim", providers.ReceiptDelivered: "postfix-delivered",
		providers.ReceiptRejected: "postfix", providers.ReceiptComplained: "yahoo-abuse",
	}[r.Status], address, messageID)
	return http.Header{providers.HookTokenHeader: {bounceToken}}, mail
}
