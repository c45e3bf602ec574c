package hook_test

import (
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
	parser, err := hook.NewParser(secret.New(key), clock.NewFake(now))
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
	require.Equal(t, []providers.Event{
		{MessageID: 1, Status: providers.EventDelivered, At: now.Add(-time.Minute)},
		{MessageID: 2, Status: providers.EventFailed, Code: "550", Detail: "no suchuser"},
	}, events)
}

func TestParseCallbackRefuses(t *testing.T) {
	signer, parser := both(t)
	for body, want := range map[string]string{
		``: "read callback", `[]`: "read callback", `{"events": 1}`: "read callback", `{"events": []} {}`: "more than one",
		`{"events": [{"message_id": 1, "status": "sent"}]}`:                     "events[0].status",
		`{"events": [{"message_id": 0, "status": "read"}]}`:                     "events[0].message_id",
		`{"events": [{"status": "read"}]}`:                                      "events[0].message_id",
		`{"events": [{"message_id": 1, "status": "read", "at": "yesterday"}]}`:  "read callback",
		`{"events": [{"message_id": 1.5, "status": "read"}]}`:                   "read callback",
		`{"events": [{"message_id": 99999999999999999999, "status": "read"}]}`:  "read callback",
		`{"events": [{"message_id": 1, "status": "read"}, {"message_id": -1}]}`: "events[1]",
	} {
		_, err := parser.ParseCallback(signer.Header("evt", now, []byte(body)), []byte(body))
		require.ErrorContains(t, err, want)
		require.Equal(t, providers.BadContent, providers.AsError(err).Kind)
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
			require.Equal(t, providers.Auth, providers.AsError(err).Kind)
		})
	}
	closed, err := hook.NewParser(secret.String{}, clock.System{})
	require.NoError(t, err)
	_, err = closed.ParseCallback(signer.Header("evt", now, body), body)
	require.ErrorContains(t, err, "set config.secret")
}

func FuzzParseCallback(f *testing.F) {
	f.Add([]byte(`{"events": [{"message_id": 1, "status": "delivered", "at": "2026-11-21T09:00:00Z", "code": "x", "detail": "y"}]}`))
	f.Add([]byte(`{"events": null}`))
	signer, parser := both(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := parser.ParseCallback(signer.Header("evt", now, body), body)
		if err != nil {
			require.Equal(t, providers.BadContent, providers.AsError(err).Kind)
			require.Empty(t, events)
			return
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
		require.Equal(t, providers.Auth, providers.AsError(err).Kind)
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
