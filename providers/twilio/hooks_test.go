package twilio_test

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/twilio"
)

// Of what Twilio's own client signs we take what it takes, at the address with the port and without
// it, and nothing that was altered; tools/twilio writes down what it signs.
func TestTwilioSignsAlike(t *testing.T) {
	text, err := os.ReadFile("testdata/signed.json")
	require.NoError(t, err)
	var requests []struct {
		Name, URL, Body, Signature string
		Among                      []string
	}
	require.NoError(t, json.Unmarshal(text, &requests))
	require.GreaterOrEqual(t, len(requests), 14)
	const usual = "https://news.example.org/hooks/3"
	for _, r := range requests {
		for _, address := range []string{usual, strings.Replace(usual, "https", "http", 1), r.URL} {
			p := open(t, config("https://example.org"), address)
			read := func(signature, body string) error {
				_, err := p.(providers.CallbackParser).ParseCallback(http.Header{"X-Twilio-Signature": {signature}}, []byte(body))
				return err
			}
			taken := false
			for _, a := range r.Among {
				taken = taken || a == address
			}
			require.Equal(t, taken, read(r.Signature, r.Body) == nil, "%s at %s", r.Name, address)
			for _, altered := range []error{
				read(r.Signature, r.Body+"&x=y"), read(strings.ToLower(r.Signature), r.Body), read("", r.Body), read(r.Signature+"=", r.Body),
			} {
				require.Equal(t, providers.ErrorAuth, providers.AsError(altered).Kind, "%s at %s", r.Name, address)
			}
		}
	}
}

// Each status is read, with the code and what it means to the recipient.
func TestStatuses(t *testing.T) {
	p := open(t, config("https://example.org"), providertest.HookURL)
	receipts := func(form url.Values) []providers.Receipt {
		t.Helper()
		header, body := posted(form)
		found, err := p.(providers.CallbackParser).ParseCallback(header, body)
		require.NoError(t, err)
		return found
	}
	for _, word := range []string{"accepted", "scheduled", "queued", "sending", "sent", "partially_delivered"} {
		require.Empty(t, receipts(status(7, word)), word)
	}
	one := func(form url.Values) providers.Receipt {
		t.Helper()
		found := receipts(form)
		require.Len(t, found, 1)
		require.Equal(t, sid(7), found[0].ProviderID)
		require.True(t, found[0].At.IsZero())
		return found[0]
	}
	require.Equal(t, providers.ReceiptDelivered, one(status(7, "delivered")).Status)
	require.Equal(t, providers.ReceiptRead, one(status(7, "read", "EventType", "READ")).Status)
	canceled := one(status(7, "canceled"))
	require.Equal(t, []string{"failed", "canceled"}, []string{string(canceled.Status), canceled.Code})
	require.Equal(t, "undelivered", one(status(7, "undelivered")).Code)
	require.Equal(t, "failed", one(status(7, "failed", "ErrorCode", "0")).Code)
	said := one(status(7, "undelivered", "ErrorCode", "30003", "ErrorMessage", "Unreachable\nbecause of "+token))
	require.Equal(t, "the telephone is switched off or out of reach; Unreachable because of <redacted>", said.Detail)
	require.Equal(t, "blocked", one(status(7, "undelivered", "ErrorCode", "99999", "ChannelStatusMessage", "blocked")).Detail)
	for _, c := range codes {
		for _, code := range c.codes {
			r := one(status(7, "undelivered", "ErrorCode", strconv.Itoa(code)))
			want := providers.ReceiptFailed
			if c.kind == providers.ErrorRecipient {
				want = providers.ReceiptRejected
			}
			require.Equal(t, []any{want, c.bounce, strconv.Itoa(code)}, []any{r.Status, r.Bounce, r.Code}, "%d", code)
		}
	}
	// The names that older messages have.
	header, body := posted(url.Values{"SmsSid": {"SM1"}, "SmsStatus": {"delivered"}})
	found, err := p.(providers.CallbackParser).ParseCallback(header, body)
	require.NoError(t, err)
	require.Equal(t, []providers.Receipt{{ProviderID: "SM1", Status: providers.ReceiptDelivered}}, found)
}

// Of what somebody wrote everything that can be said in words is there.
func TestWhatIsWritten(t *testing.T) {
	p := open(t, config("https://example.org"), providertest.HookURL)
	for want, form := range map[string]url.Values{
		" hello\nthere ":                  {"Body": {" hello\nthere "}},
		"":                                {"Body": {""}},
		"look https://x.org/a":            {"Body": {"look"}, "NumMedia": {"1"}, "MediaUrl0": {"https://x.org/a"}},
		"https://x.org/a https://x.org/b": {"Body": {""}, "NumMedia": {"2"}, "MediaUrl0": {"https://x.org/a"}, "MediaUrl1": {"https://x.org/b"}},
		"1.5,-2":                          {"Latitude": {"1.5"}, "Longitude": {"-2"}},
		"Main 1 Way 1.5,-2":               {"Latitude": {"1.5"}, "Longitude": {"-2"}, "Label": {"Main"}, "Address": {"1 Way"}},
		"Yes":                             {"Body": {"Yes"}, "ButtonText": {"Yes"}, "ButtonPayload": {"yes_1"}},
		"Yes!":                            {"ButtonText": {"Yes!"}, "ButtonPayload": {"yes_1"}},
		"yes_2":                           {"ButtonPayload": {"yes_2"}},
	} {
		form["MessageSid"], form["From"], form["SmsStatus"] = []string{"SM7"}, []string{"whatsapp:+4917000000007"}, []string{"received"}
		header, body := posted(form)
		replies, err := p.(providers.ReplyParser).ParseReplies(header, body)
		require.NoError(t, err)
		require.Len(t, replies, 1)
		replies[0].Parts = providers.ReplyParts{}
		require.Equal(t, []providers.Reply{{ID: "SM7", From: "+4917000000007", Text: want}}, replies)
		require.Equal(t, "SM7:received:", p.(providers.RequestIdentifier).RequestID(header, body))
	}
	without := url.Values{"MessageSid": {"SM7"}, "From": {"+491"}, "Body": {"x"}}
	replies, err := p.(providers.ReplyParser).ParseReplies(posted(without))
	require.NoError(t, err)
	require.Len(t, replies, 1, "without a status it is what somebody wrote, too")
	for place, form := range map[string]url.Values{
		"MessageSid": {"From": {"+491"}, "SmsStatus": {"received"}}, "From": {"MessageSid": {"SM7"}, "SmsStatus": {"received"}},
	} {
		_, err := p.(providers.ReplyParser).ParseReplies(posted(form))
		var refused providers.Refused
		require.ErrorAs(t, err, &refused)
		require.Equal(t, place, refused[0].Location)
	}
	_, err = p.(providers.CallbackParser).ParseCallback(posted(url.Values{"MessageStatus": {"delivered"}}))
	var refused providers.Refused
	require.ErrorAs(t, err, &refused)
}

// Repeats are known by the message and its status, which both stand in what is signed.
func TestRepeats(t *testing.T) {
	named := open(t, config("https://example.org"), providertest.HookURL).(providers.RequestIdentifier)
	of := func(form url.Values) string { return named.RequestID(http.Header{}, []byte(form.Encode())) }
	require.Equal(t, sid(7)+":delivered:", of(status(7, "delivered")))
	require.NotEqual(t, of(status(7, "delivered")), of(status(7, "read")))
	require.NotEqual(t, of(status(7, "failed", "ErrorCode", "30005")), of(status(7, "failed", "ErrorCode", "30006")))
	require.Empty(t, of(url.Values{"MessageStatus": {"sent"}}))
	require.Empty(t, of(url.Values{"MessageSid": {strings.Repeat("x", 101)}}))
	require.Empty(t, named.RequestID(http.Header{}, []byte("MessageSid=%zz")))
}

// Without an address or a token nothing can be checked, and it is said what is missing.
func TestUnchecked(t *testing.T) {
	keyed := changed(config("https://example.org"), `"auth_token":"`+token+`"`,
		`"api_key_sid":"SK00000000000000000000000000000003","api_key_secret":"`+token+`"`)
	header, body := posted(status(7, "delivered"))
	ruled := header.Clone()
	ruled.Set("X-Twilio-Webhooks-Signature-Settings", "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256")
	elsewhere := header.Clone()
	elsewhere.Set("X-Twilio-Signature", "x")
	for want, c := range map[string]struct {
		config json.RawMessage
		hook   string
		header http.Header
	}{
		"public_url is not set":        {config("https://example.org"), "", header},
		"config.auth_token is not set": {keyed, providertest.HookURL, header},
		"a Webhooks Rule":              {config("https://example.org"), providertest.HookURL, ruled},
		providertest.HookURL:           {config("https://example.org"), providertest.HookURL, elsewhere},
	} {
		p := open(t, c.config, c.hook)
		_, err := p.(providers.CallbackParser).ParseCallback(c.header, body)
		require.ErrorContains(t, err, want)
		require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
		_, err = p.(providers.ReplyParser).ParseReplies(c.header, body)
		require.ErrorContains(t, err, want)
	}
}

// The token before is taken for its time.
func TestExchanged(t *testing.T) {
	raw := changed(config("https://example.org"), token, "another-token-that-shows-the-form")
	header, body := posted(status(7, "delivered"))
	for ends, taken := range map[time.Duration]bool{time.Second: true, -time.Second: false} {
		p, err := twilio.Kind().New(raw, providers.Deps{
			HookURL: providertest.HookURL, Clock: clock.NewFake(providertest.Now),
			Replaced: map[string]providers.Replaced{"auth_token": {Secret: secret.New(token), EndsAt: providertest.Now.Add(ends)}},
		})
		require.NoError(t, err)
		_, err = p.(providers.CallbackParser).ParseCallback(header, body)
		require.Equal(t, taken, err == nil)
		require.NoError(t, p.Close())
	}
}

// Twilio is answered in TwiML that says nothing, whatever it posted: what it is answered it would send
// to who wrote.
func TestAnswersNothing(t *testing.T) {
	p := open(t, config("https://example.org"), "").(providers.AcknowledgerIn)
	require.Contains(t, p.AcknowledgementType(), "text/xml")
	var answer struct {
		XMLName xml.Name `xml:"Response"`
		Inner   string   `xml:",innerxml"`
	}
	require.NoError(t, xml.Unmarshal(p.Acknowledgement([]byte("Body=x")), &answer))
	require.Empty(t, answer.Inner)
}

// Whatever is posted is read or refused, and what is read can be kept.
func FuzzPosted(f *testing.F) {
	for _, seed := range []string{
		"MessageSid=SM1&MessageStatus=failed&ErrorCode=-1", "SmsSid=%00&SmsStatus=received&From=%2B1", "a=%zz", "MessageSid=SM1&Body=x;y", "=&&",
		"MessageSid=SM1&SmsStatus=received&From=whatsapp:&Latitude=1",
		"MessageSid=SM1&From=%2B1&Body=&Latitude=NaN&Longitude=-Inf&Label=%00%ff", "MessageSid=SM1&From=%2B1&Body=%ff&ButtonText=&MediaUrl0=x",
		"MessageSid=SM1&MessageStatus=undelivered&ErrorCode=99999999999999999999",
	} {
		f.Add([]byte(seed))
	}
	raw := config("https://example.org")
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := twilio.Kind().New(raw, providers.Deps{HookURL: providertest.HookURL})
		require.NoError(t, err)
		form, _ := url.ParseQuery(string(body))
		header, _ := posted(form)
		receipts, _ := p.(providers.CallbackParser).ParseCallback(header, body)
		for _, r := range receipts {
			require.True(t, providers.Key(r.ProviderID))
			require.NotEmpty(t, r.Status)
		}
		replies, _ := p.(providers.ReplyParser).ParseReplies(header, body)
		for _, r := range replies {
			require.True(t, providers.Key(r.ID))
			require.True(t, providers.Key(r.From))
			providertest.RequireKept(t, r.Parts)
		}
		require.LessOrEqual(t, len(p.(providers.RequestIdentifier).RequestID(header, body)), 100)
		require.NoError(t, p.Close())
	})
}
