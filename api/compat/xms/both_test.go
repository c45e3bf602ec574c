package xms_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/providers"
	adapter "carillon/providers/xms"
)

// The adapter and the dialect understand each other: every type arrives as it was, and why
// something is refused is known. What comes of messages is in internal/twoway.
func TestAnAdapterAndTheDialectMeanTheSame(t *testing.T) {
	s := newServer(t)
	far := httptest.NewServer(s.handler)
	t.Cleanup(far.Close)
	open := func(key string) providers.Provider {
		config := fmt.Sprintf(`{"url":%q,"api_key":%q,"channel_id":"wa360:3"}`, far.URL+"/xms", key)
		require.NoError(t, adapter.Kind().Validate(json.RawMessage(config)))
		p, err := adapter.Kind().New(json.RawMessage(config), providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}, Clock: s.Clock})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		return p
	}
	p := open("sender-key-0123456789")
	require.NoError(t, p.(providers.Checker).Check(t.Context()))
	for name, content := range map[string]providers.Content{
		"text": {Text: "Hello {{ you }} 🍏\n"},
		"buttons": {Text: "Choose", Buttons: []providers.MessageButton{
			{Type: providers.ButtonPostback, Caption: "Yes", Info: "yes"}, {Type: providers.ButtonLink, Caption: "Site", Info: "https://example.org/?a=1&b=2"},
			{Type: providers.ButtonCall, Caption: "Call", Info: "+919988776655"},
		}},
		"image":    {Attachment: &providers.Attachment{URL: "https://example.org/x.png", Caption: "c", Filename: "x.png", Type: providers.Image}},
		"voice":    {Attachment: &providers.Attachment{URL: "https://example.org/x.ogg", Type: providers.Voice}},
		"location": {Location: &providers.Location{Latitude: 12.90909, Longitude: -6.5, Name: "Main", Address: "1 Hacker Way", URL: "https://example.org"}},
		"cards":    {Cards: []providers.Card{{Name: providers.CardName{Formatted: "Zoë", First: "Zoë"}, Org: &providers.CardOrg{Company: "W"}}}},
	} {
		accepted, err := p.Send(t.Context(), providers.Message{ID: 1, To: "+4915112345671", ToName: "Ann", Content: content})
		require.NoError(t, err, name)
		m, got := s.message(map[string]any{"id": accepted.ProviderID})
		require.Equal(t, content, got, name)
		require.Equal(t, "+4915112345671", m.Address)
	}

	// What is refused there is understood here.
	for key, kind := range map[string]providers.ErrorKind{"nothing-0123456789": providers.ErrorAuth, "viewer-key-0123456789": providers.ErrorAuth} {
		_, err := open(key).Send(t.Context(), providers.Message{ID: 1, To: "+4915112345671", Content: providers.Content{Text: "x"}})
		require.Equal(t, kind, providers.AsError(err).Kind, key)
	}
	_, err := p.Send(t.Context(), providers.Message{ID: 1, To: "+1", Content: providers.Content{Text: "x"}})
	require.Equal(t, []any{providers.ErrorRecipient, "INSUFFICIENT_CONTACT_DETAILS"}, []any{providers.AsError(err).Kind, providers.AsError(err).Code})
	_, err = s.Channels.Pause(t.Context(), s.Account, s.chat.ID, string(access.Admin))
	require.NoError(t, err)
	_, err = p.Send(t.Context(), providers.Message{ID: 1, To: "+4915112345671", Content: providers.Content{Text: "x"}})
	require.Equal(t, providers.ErrorSender, providers.AsError(err).Kind)
}
