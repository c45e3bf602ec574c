package hook_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/hook"
)

const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"

var now = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func both(t testing.TB) (*hook.Signer, *hook.Parser) {
	t.Helper()
	signer, err := hook.NewSigner(secret.New(key))
	require.NoError(t, err)
	parser, err := hook.NewParser(secret.New(key), providers.Deps{Clock: clock.NewFake(now)})
	require.NoError(t, err)
	return signer, parser
}

func TestSignatureIsTheLibrarys(t *testing.T) {
	signer, _ := both(t)
	library, err := standardwebhooks.NewWebhook(key)
	require.NoError(t, err)
	for _, body := range []string{"", "{}", strings.Repeat("ü", 5000)} {
		want, err := library.Sign("msg_1", now, []byte(body))
		require.NoError(t, err)
		require.Equal(t, want, signer.Sign("msg_1", now.Unix(), []byte(body)))
	}
}

func TestCheckSecret(t *testing.T) {
	require.Empty(t, hook.CheckSecret(secret.New(key)))
	for _, bad := range []string{"", "whsec_", "whsec_AAAA", "whsec_not base64 at all, but long enough"} {
		require.NotEmpty(t, hook.CheckSecret(secret.New(bad)))
	}
}

func TestParseCallback(t *testing.T) {
	signer, parser := both(t)
	body := []byte(`{"events": [
		{"message_id": 1, "status": "delivered", "at": "2026-11-21T09:59:00+01:00", "ignored": true},
		{"message_id": 2, "status": "failed", "code": "550", "detail": "no\u0000 such\nuser"}]}`)
	events, err := parser.ParseCallback(signer.Header("evt", now, body), body)
	require.NoError(t, err)
	require.Equal(t, []providers.Receipt{
		{MessageID: 1, Status: providers.ReceiptDelivered, At: now.Add(-time.Minute)},
		{MessageID: 2, Status: providers.ReceiptFailed, Code: "550", Detail: "no suchuser"},
	}, events)
}

func TestParseCallbackRefusesTheWhole(t *testing.T) {
	signer, parser := both(t)
	for body, want := range map[string]string{
		``: "it is empty", `[]`: `it is "[]"`, `null`: "", `{"events": 1}`: "events must be a list, not \"1\"", `{"replies": {}}`: "replies must be a list",
		`{"events": []} {}`: "something follows it", `{"events": [`: "it ends in the middle, after 12 bytes", `{"events": ]}`: "it is no JSON at byte 12 of 13",
	} {
		_, err := parser.ParseCallback(signer.Header("evt", now, []byte(body)), []byte(body))
		if want == "" {
			require.NoError(t, err, body)
			continue
		}
		require.ErrorContains(t, err, want)
		require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
		plainWords(t, err)
	}
}

// plainWords checks that an error is not of Go's making.
func plainWords(t *testing.T, err error) {
	t.Helper()
	for _, gos := range []string{"json:", "unmarshal", "parsing time", "Go ", "invalid character", "EOF"} {
		require.NotContains(t, err.Error(), gos)
	}
}

// What is wrong with an item is said of the item, and the others are taken.
func TestParseCallbackRefusesItems(t *testing.T) {
	signer, parser := both(t)
	for item, want := range map[string]string{
		`{"message_id": 1, "status": "sent"}`: `events[1].status: must be delivered, read, failed, rejected, complained or unsubscribed, not ` +
			`"sent"`,
		`{"message_id": 1}`:              `events[1].status: must be delivered`,
		`{"message_id": 1, "status": 7}`: `events[1].status: must be a text, not "7"`,
		`{"message_id": 0, "status": "read"}`: `events[1].message_id: must be the id that the message carried, a number above 0, ` +
			`not "0"`,
		`{"status": "read"}`: `events[1].message_id: is missing`,
		`{"message_id": 1, "status": "read", "at": "yesterday"}`: `events[1].at: must be a time such as 2026-03-01T12:00:00Z (RFC 3339), not ` +
			`"yesterday"`,
		`{"message_id": 1, "status": "read", "at": 1772366400}`:                `events[1].at: must be a text, not "1772366400"`,
		`{"message_id": 1.5, "status": "read"}`:                                `events[1].message_id: must be`,
		`{"message_id": 99999999999999999999, "status": "read"}`:               `events[1].message_id: must be`,
		`{"message_id": "` + strings.Repeat("9", 500) + `", "status": "read"}`: `events[1].message_id: must be`,
		`{"message_id": 1, "status": "read", "bounce": "hard"}`:                `events[1].bounce: only what failed`,
		`{"message_id": 1, "status": "failed", "bounce": "firm"}`:              `events[1].bounce: must be hard or soft, not "firm"`,
		`{"message_id": 1, "status": "failed", "detail": {}}`:                  `events[1].detail: must be a text`,
		`null`:        `events[1]: must be an object, not "null"`,
		`"read"`:      `events[1]: must be an object, not "\"read\""`,
		`[1, "read"]`: `events[1]: must be an object`,
	} {
		body := []byte(`{"events": [{"message_id": 1, "status": "read", "bounce": null, "at": null}, ` + item + `, {"message_id": 3, "status": "read"}]}`)
		events, err := parser.ParseCallback(signer.Header("evt", now, body), body)
		require.Equal(t, []providers.Receipt{{MessageID: 1, Status: providers.ReceiptRead}, {MessageID: 3, Status: providers.ReceiptRead}}, events, item)
		var refused providers.Refused
		require.ErrorAs(t, err, &refused)
		require.Len(t, refused, 1)
		require.Contains(t, refused.Error(), want)
		require.Less(t, len(refused.Error()), 400)
		plainWords(t, err)
	}
}

func TestParseRepliesRefusesItems(t *testing.T) {
	signer, parser := both(t)
	body := []byte(`{"replies": [{"text": "STOP"}, {"from": "a@example.org", "text": "STOP"}, {"from": "b@example.org", "text": 1}, {"id": "r", "from": ` +
		`"c@example.org"}]}`)
	header := signer.Header("evt", now, body)
	replies, err := parser.ParseReplies(header, body)
	var refused providers.Refused
	require.ErrorAs(t, err, &refused)
	require.Equal(t, []string{"replies[0].from", "replies[2].text"}, []string{refused[0].Location, refused[1].Location})
	require.Equal(t, []string{parser.RequestID(header, body) + "/1", "r"}, []string{replies[0].ID, replies[1].ID})
}

// What somebody pressed, chose or sent is read in the form in which it is shown, and what can't be
// is named.
func TestPartsOfReplies(t *testing.T) {
	signer, parser := both(t)
	read := func(rest string) ([]providers.Reply, error) {
		body := []byte(`{"replies": [{"id": "r", "from": "a@example.org", ` + rest + `}]}`)
		return parser.ParseReplies(signer.Header("evt", now, body), body)
	}
	for rest, want := range map[string]providers.Reply{
		`"text": "Yes", "button": {"id": "yes_1", "title": "Yes"}`: {Text: "Yes", Parts: providers.ReplyParts{
			Button: &providers.ReplyOption{ID: "yes_1", Title: "Yes"}}},
		`"button": {"id": "yes_1", "title": "Yes"}`:   {Text: "yes_1", Parts: providers.ReplyParts{Button: &providers.ReplyOption{ID: "yes_1", Title: "Yes"}}},
		`"choice": {"title": "Blue"}, "button": null`: {Text: "Blue", Parts: providers.ReplyParts{Choice: &providers.ReplyOption{Title: "Blue"}}},
		`"location": {"latitude": 1.5, "longitude": -180, "name": "Main"}`: {Text: "Main 1.5,-180", Parts: providers.ReplyParts{
			Location: &providers.Location{Latitude: 1.5, Longitude: -180, Name: "Main"}}},
		`"media": {"type": "audio"}`: {Text: "[audio]", Parts: providers.ReplyParts{Media: &providers.ReplyFile{Type: providers.Audio}}},
		`"media": {"type": "image", "caption": "look\nhere", "filename": "a.jpg"}`: {Text: "look\nhere", Parts: providers.ReplyParts{
			Media: &providers.ReplyFile{Type: providers.Image, Caption: "look\nhere", Filename: "a.jpg"}}},
	} {
		want.ID, want.From = "r", "a@example.org"
		replies, err := read(rest)
		require.NoError(t, err, rest)
		require.Equal(t, []providers.Reply{want}, replies, rest)
	}
	for rest, want := range map[string]string{
		`"button": "yes"`:                           `replies[0].button: must be an object, not "\"yes\""`,
		`"choice": {}`:                              `replies[0].choice.id: is missing, and so is title`,
		`"choice": {"id": 1}`:                       `replies[0].choice.id: must be a text, not "1"`,
		`"location": {"latitude": 1}`:               `replies[0].location.longitude: is missing: it must be a number from -180 to 180`,
		`"location": {"latitude": 91}`:              `replies[0].location.latitude: must be a number from -90 to 90, not "91"`,
		`"location": {"latitude": "1"}`:             `replies[0].location.latitude: must be a number from -90 to 90`,
		`"media": {"type": "voice"}`:                `replies[0].media.type: must be image, video, audio or document, not "voice"`,
		`"button": {"id": "x"}, "media": {}`:        `replies[0].media: stands beside button: a reply has one of button, choice, location and media`,
		`"button": {"id": "x"}, "text": ["button"]`: `replies[0].text: must be a text`,
	} {
		replies, err := read(rest)
		require.ErrorContains(t, err, want)
		require.Empty(t, replies)
	}
}

// A repeat is signed anew, and has the same id; another request has another one,
// even if its sender calls them all the same.
func TestRequestID(t *testing.T) {
	signer, parser := both(t)
	id := func(webhookID string, at time.Time, body string) string {
		return parser.RequestID(signer.Header(webhookID, at, []byte(body)), []byte(body))
	}
	one := id("evt", now, `{"events": []}`)
	require.Equal(t, one, id("evt", now.Add(time.Hour), `{"events": []}`))
	require.NotEqual(t, one, id("evt2", now, `{"events": []}`))
	require.NotEqual(t, one, id("evt", now, `{"events": [1]}`))
	require.Less(t, len(id(strings.Repeat("x", 10000), now, "")), 100)
}

// An old timestamp is called an old timestamp, and a bad signature one.
func TestWhyARequestIsNotTrusted(t *testing.T) {
	signer, parser := both(t)
	body := []byte(`{"events": []}`)
	for want, change := range map[string]func(http.Header) http.Header{
		"its timestamp is old: the header webhook-timestamp says 2026-11-21T08:00:00Z and this server's clock 2026-11-21T09:00:00Z": func(http.Header) http.Header {
			return signer.Header("evt", now.Add(-time.Hour), body)
		},
		"its timestamp is in the future": func(http.Header) http.Header { return signer.Header("evt", now.Add(time.Hour), body) },
		"the header webhook-id is missing": func(h http.Header) http.Header {
			h.Del("Webhook-Id")
			return h
		},
		`must be a number of seconds since 1970, not "soon"`: func(h http.Header) http.Header {
			h.Set("Webhook-Timestamp", "soon")
			return h
		},
		"the signature is not right: it must be made with the channel's secret": func(h http.Header) http.Header {
			h.Set("Webhook-Signature", "v1,AAAA")
			return h
		},
	} {
		_, err := parser.ParseCallback(change(signer.Header("evt", now, body)), body)
		require.ErrorContains(t, err, want)
		require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
	}
}

func TestSignatures(t *testing.T) {
	signer, parser := both(t)
	body := []byte(`{"events": []}`)
	for name, c := range map[string]struct {
		change func(http.Header)
		ok     bool
	}{
		"good":             {func(http.Header) {}, true},
		"one of several":   {func(h http.Header) { h.Set("Webhook-Signature", "v1,AAAA v2,x "+h.Get("Webhook-Signature")) }, true},
		"other id":         {func(h http.Header) { h.Set("Webhook-Id", "other") }, false},
		"no id":            {func(h http.Header) { h.Del("Webhook-Id") }, false},
		"other time":       {func(h http.Header) { h.Set("Webhook-Timestamp", "1") }, false},
		"no number":        {func(h http.Header) { h.Set("Webhook-Timestamp", "soon") }, false},
		"no signature":     {func(h http.Header) { h.Del("Webhook-Signature") }, false},
		"broken signature": {func(h http.Header) { h.Set("Webhook-Signature", "v1,") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			header := signer.Header("evt", now.Add(-hook.Tolerance), body)
			c.change(header)
			_, err := parser.ParseCallback(header, body)
			if c.ok {
				require.NoError(t, err)
				return
			}
			require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
		})
	}
	closed, err := hook.NewParser(secret.String{}, providers.Deps{})
	require.NoError(t, err)
	_, err = closed.ParseCallback(signer.Header("evt", now, body), body)
	require.ErrorContains(t, err, "set config.secret")
}

func FuzzParseCallback(f *testing.F) {
	f.Add([]byte(`{"events": [{"message_id": 1, "status": "delivered", "at": "2026-11-21T09:00:00Z", "code": "x", "detail": "y"}]}`))
	f.Add([]byte(`{"events": null}`))
	f.Add([]byte(`{"replies": [{"from": "a", "button": {"id": "\u0000"}}, {"from": "a", "location": {"latitude": 1e300}}]}`))
	f.Add([]byte(`{"replies": [{"from": "a", "media": {"type": "image"}}, {"from": "a", "choice": {"id": 7}}]}`))
	f.Add([]byte(`{"replies": [{"from": "a", "text": "STOP"}, 1], "events": [{"message_id": "1", "at": 7}]}`))
	signer, parser := both(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		header := signer.Header("evt", now, body)
		events, err := parser.ParseCallback(header, body)
		var refused providers.Refused
		if err != nil && !errors.As(err, &refused) {
			require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
			require.Empty(t, events)
			return
		}
		for _, field := range refused {
			require.True(t, utf8.ValidString(field.Message))
			require.False(t, strings.ContainsFunc(field.Message, unicode.IsControl))
		}
		replies, _ := parser.ParseReplies(header, body)
		for _, r := range replies {
			require.NotEmpty(t, r.From)
			require.NotEmpty(t, r.ID)
			require.Equal(t, r.Parts, r.Parts.Kept(), "what is read can be kept as it is")
		}
		for _, e := range events {
			require.Positive(t, e.MessageID)
			for _, text := range []string{e.Code, e.Detail} {
				require.True(t, utf8.ValidString(text))
				require.False(t, strings.ContainsFunc(text, unicode.IsControl))
			}
		}
	})
}

// FuzzSignature throws headers at the check: whatever they hold, what isn't
// signed isn't read.
func FuzzSignature(f *testing.F) {
	_, parser := both(f)
	f.Add("evt", "1795251600", "v1,AAAA")
	f.Fuzz(func(t *testing.T, id, at, signature string) {
		_, err := parser.ParseCallback(http.Header{
			"Webhook-Id": {id}, "Webhook-Timestamp": {at}, "Webhook-Signature": {signature},
		}, []byte(`{"events": []}`))
		require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
	})
}

func BenchmarkSign(b *testing.B) {
	signer, _ := both(b)
	body := []byte(strings.Repeat("x", 1024))
	b.ReportAllocs()
	for b.Loop() {
		signer.Sign("msg_123456", 1795251600, body)
	}
}
