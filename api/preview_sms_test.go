package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The preview of a campaign says how many messages a telephone network makes of each text.
func TestAPreviewSaysHowLongAnSMSIs(t *testing.T) {
	s := newServer(t)
	s.ok("POST", "/v1/channels", `{"name":"phones","provider":"sandbox","config":{"address":"sms"}}`)
	s.ok("POST", "/v1/contacts", `{"first_name":"Ada","addresses":{"sms":"+4915112345678"}}`)
	s.ok("POST", "/v1/campaigns", `{"name":"Sale","channel_id":1,"audience":{"all":true},"content":{"text":"Łódź, {{ contact.first_name }}"}}`)
	samples := s.ok("GET", "/v1/campaigns/1/preview", "")["samples"].([]any)
	require.Len(t, samples, 1)
	require.Equal(t, map[string]any{"encoding": "ucs2", "units": 9.0, "segments": 1.0, "left": 61.0}, samples[0].(map[string]any)["sms"])
	s.ok("POST", "/v1/channels", `{"name":"mails","provider":"sandbox"}`)
	s.ok("PATCH", "/v1/campaigns/1", `{"channel_id":2,"content":{"subject":"Sale","text":"Hello"}}`)
	s.ok("PATCH", "/v1/contacts/1", `{"addresses":{"email":"ada@example.org"}}`)
	samples = s.ok("GET", "/v1/campaigns/1/preview", "")["samples"].([]any)
	require.NotContains(t, samples[0], "sms")
}
