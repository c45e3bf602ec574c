package xms_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api/compat/xms"
	"carillon/providers"
	adapter "carillon/providers/xms"
	"carillon/services/servicestest"
	"carillon/webhooks"
)

// The adapter and the dialect understand each other: what one Carillon sends through another
// arrives as it was, and what comes of it is told and read.
func TestOneCarillonSendsThroughAnother(t *testing.T) {
	s := newServer(t)
	far := httptest.NewServer(s.handler)
	t.Cleanup(far.Close)
	open := func(key string) providers.Provider {
		config := fmt.Sprintf(`{"url":%q,"api_key":%q,"channel_id":"wa360:3","verify_token":"a-token"}`, far.URL+"/xms", key)
		require.NoError(t, adapter.Kind().Validate(json.RawMessage(config)))
		p, err := adapter.Kind().New(json.RawMessage(config), providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}, Clock: s.Clock})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		return p
	}
	p := open("sender-key-0123456789")
	require.NoError(t, p.(providers.Checker).Check(t.Context()))
	var last string
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
		last = accepted.ProviderID
	}
	for event, status := range map[webhooks.Event]providers.ReceiptStatus{
		"message.delivered": providers.ReceiptDelivered, "message.read": providers.ReceiptRead, "message.skipped": providers.ReceiptFailed,
	} {
		id, err := strconv.ParseInt(last, 10, 64)
		require.NoError(t, err)
		receipts, replies := s.posted(p, event, webhooks.Message{ID: id, ChannelID: s.chat.ID, Reason: "opted_out"})
		require.Empty(t, replies)
		require.Len(t, receipts, 1)
		require.Equal(t, []any{last, status, servicestest.Noon}, []any{receipts[0].ProviderID, receipts[0].Status, receipts[0].At})
	}
	receipts, replies := s.posted(p, webhooks.MessageReceived,
		webhooks.Reply{ID: 5, ChannelID: s.chat.ID, Content: &webhooks.Written{From: "+4915112345671", Text: "STOP ✋"}})
	require.Empty(t, receipts)
	require.Equal(t, []providers.Reply{{ID: "in-5", From: "+4915112345671", Text: "STOP ✋", At: servicestest.Noon}}, replies)

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

// posted is what an adapter reads of the post that tells what happened.
func (s *server) posted(p providers.Provider, event webhooks.Event, data any) ([]providers.Receipt, []providers.Reply) {
	s.t.Helper()
	raw, err := json.Marshal(data)
	require.NoError(s.t, err)
	w := webhooks.Webhook{AccountID: s.Account, KeyID: 7}
	o := webhooks.Occurrence{Type: event, Timestamp: servicestest.Noon, Data: raw}
	r, ok, err := xms.NewFormat(s.Services).Request(s.t.Context(), w, webhooks.Delivery{}, o)
	require.NoError(s.t, err)
	require.True(s.t, ok)
	r.Header.Set("x-verify-token", "a-token")
	receipts, err := p.(providers.CallbackParser).ParseCallback(r.Header, r.Body)
	require.NoError(s.t, err)
	replies, err := p.(providers.ReplyParser).ParseReplies(r.Header, r.Body)
	require.NoError(s.t, err)
	return receipts, replies
}
