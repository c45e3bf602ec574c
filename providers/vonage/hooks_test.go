package vonage_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/providertest"
)

var written = providers.Reply{ID: "in_1", From: "+4917000000007", Text: "Hello"}

// Whoever posts must show that Vonage signed this very body, with a secret that is taken now.
func TestWhoPosts(t *testing.T) {
	p := open(t, byKey("https://example.org"), providers.Deps{Replaced: map[string]providers.Replaced{
		"signature_secret": {Secret: secret.New("what-it-signed-with-before"), EndsAt: providertest.Now.Add(time.Hour)},
	}})
	_, body := posted(inbound(written))
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)
	for want, header := range map[string]http.Header{
		"":                           signed(signature, body, nil),
		"is not signed with":         signed("another-secret-0123", body, nil),
		"is another body's":          signed(signature, body, jwt.MapClaims{"payload_hash": "00"}),
		"no Authorization":           {"Authorization": {"Basic x"}},
		"not signed with config":     {"Authorization": {"Bearer " + none}},
		"signed with config.signatu": signed(signature, body, jwt.MapClaims{"exp": providertest.Now.Add(-time.Minute).Unix()}),
	} {
		replies, err := p.(providers.ReplyParser).ParseReplies(header, body)
		if want == "" {
			require.NoError(t, err)
			require.Len(t, replies, 1)
			continue
		}
		require.ErrorContains(t, err, want)
		require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
	}
	for _, header := range []http.Header{
		signed("what-it-signed-with-before", body, nil), // which is taken for an hour
		signed(signature, body, jwt.MapClaims{"iat": providertest.Now.Add(-20 * time.Hour).Unix()}),
	} {
		_, err := p.(providers.ReplyParser).ParseReplies(header, body)
		require.NoError(t, err)
	}
	deaf := open(t, changed(byKey("https://example.org"), `"signature_secret"`, `"api_secret"`), providers.Deps{})
	_, err = deaf.(providers.CallbackParser).ParseCallback(signed(signature, body, nil), body)
	require.ErrorContains(t, err, "config.signature_secret is not set")
	header := signed(signature, []byte("{"), nil)
	_, err = p.(providers.CallbackParser).ParseCallback(header, []byte("{"))
	require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
}

// Of what Vonage posts, what became of messages is read, and what people wrote to the number; the
// rest is taken.
func TestWhatIsPosted(t *testing.T) {
	p := open(t, byKey("https://example.org"), providers.Deps{Installation: "i"})
	receipt := func(body map[string]any) []providers.Receipt {
		t.Helper()
		receipts, err := p.(providers.CallbackParser).ParseCallback(posted(body))
		require.NoError(t, err)
		return receipts
	}
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	require.Equal(t, []providers.Receipt{{ProviderID: uuid(7), MessageID: 7, Status: providers.ReceiptDelivered, At: at}},
		receipt(status(7, "7-i", "delivered", "")))
	require.Equal(t, []providers.Receipt{{ProviderID: uuid(7), Status: providers.ReceiptRejected, Bounce: providers.BounceHard, At: at, Code: "1190",
		Detail: "the number is no longer in service; Because"}}, receipt(status(7, "7-another", "undeliverable", "1190")))
	require.Equal(t, []providers.Receipt{{ProviderID: uuid(7), Status: providers.ReceiptFailed, At: at, Code: "rejected"}}, receipt(status(7, "", "rejected", "")))
	require.Empty(t, receipt(status(7, "7-i", "submitted", "")))
	require.Empty(t, receipt(inbound(written)))

	for name, change := range map[string]func(map[string]any){
		"":                func(map[string]any) {},
		"another number":  func(body map[string]any) { body["to"] = "15550000007" },
		"another channel": func(body map[string]any) { body["channel"] = "whatsapp" },
		"no text":         func(body map[string]any) { body["message_type"] = "unsupported" },
		"a status":        func(body map[string]any) { body["status"] = "submitted" },
	} {
		body := inbound(written)
		change(body)
		replies, err := p.(providers.ReplyParser).ParseReplies(posted(body))
		require.NoError(t, err, name)
		if name == "" {
			require.Equal(t, []providers.Reply{{ID: "in_1", From: "+4917000000007", Text: "Hello", At: at}}, replies)
		} else {
			require.Empty(t, replies, name)
		}
	}
	for where, change := range map[string]func(map[string]any){
		"message_uuid": func(body map[string]any) { body["message_uuid"] = "é" },
		"from":         func(body map[string]any) { body["from"] = "Somebody" },
	} {
		body := inbound(written)
		change(body)
		_, err := p.(providers.ReplyParser).ParseReplies(posted(body))
		var refused providers.Refused
		require.ErrorAs(t, err, &refused)
		require.Equal(t, where, refused[0].Location)
	}
	_, err := p.(providers.CallbackParser).ParseCallback(posted(map[string]any{"message_uuid": "é", "status": "delivered"}))
	require.ErrorContains(t, err, "message_uuid")
}

// Whatever is posted is read or refused, and what is read can be kept.
func FuzzPosted(f *testing.F) {
	for _, seed := range []map[string]any{status(7, "7-i", "rejected", "1240"), inbound(written), {"status": 7}, {"error": map[string]any{"title": []int{1}}}} {
		text, err := json.Marshal(seed)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p := open(t, byKey("https://example.org"), providers.Deps{Installation: "i"})
		header := signed(signature, body, nil)
		replies, _ := p.(providers.ReplyParser).ParseReplies(header, body)
		for _, r := range replies {
			require.True(t, providers.Key(r.ID))
			require.Regexp(t, `^\+[1-9][0-9]{4,14}$`, r.From)
		}
		receipts, _ := p.(providers.CallbackParser).ParseCallback(header, body)
		for _, r := range receipts {
			require.True(t, providers.Key(r.ProviderID))
		}
		if id := p.(providers.RequestIdentifier).RequestID(header, body); id != "" {
			require.True(t, providers.Key(id))
		}
	})
}
