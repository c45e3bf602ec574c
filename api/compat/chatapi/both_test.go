package chatapi_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/api/compat/chatapi"
	"carillon/messages"
	"carillon/providers"
	adapter "carillon/providers/chatapi"
	"carillon/webhooks"
)

// The adapter and the dialect understand each other: what one Carillon sends through another
// arrives as it was, and what comes of it is told and read.
func TestOneCarillonSendsThroughAnother(t *testing.T) {
	s := newServer(t)
	far := httptest.NewServer(s.handler)
	t.Cleanup(far.Close)
	const hook = "a-token-of-the-hook"
	open := func(instance int64, token string) providers.Provider {
		config := json.RawMessage(fmt.Sprintf(`{"url":"%s/instance%d","token":%q,"hook_token":%q}`, far.URL, instance, token, hook))
		require.NoError(t, adapter.Kind().Validate(config))
		p, err := adapter.Kind().New(config, providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}, Clock: s.Clock})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		return p
	}
	p := open(s.Text.ID, "sender-key-0123456789")
	require.NoError(t, p.(providers.Checker).Check(t.Context()))
	const text = "Hello {{ you }} 🍏"
	accepted, err := p.Send(t.Context(), providers.Message{ID: 1, To: "+17472822486", Content: providers.Content{Text: text}})
	require.NoError(t, err)
	list, err := s.Messages.List(t.Context(), messages.MessageFilter{AccountID: s.Account, Limit: 10})
	require.NoError(t, err)
	require.Len(t, list, 1)
	m := list[0]
	content, err := s.Messages.Content(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, []any{"+17472822486", text}, []any{m.Address, content.Text})

	data, err := json.Marshal(webhooks.Message{ID: m.ID, ChannelID: s.Text.ID})
	require.NoError(t, err)
	w := webhooks.Webhook{AccountID: s.Account, Options: json.RawMessage(`{"ackNotificationsOn":true}`)}
	for event, status := range map[webhooks.Event]providers.ReceiptStatus{"message.delivered": providers.ReceiptDelivered, "message.read": providers.ReceiptRead} {
		r, ok, err := chatapi.NewFormat(s.Services, s.Clock).Request(t.Context(), w, webhooks.Delivery{}, webhooks.Occurrence{Type: event, Data: data})
		require.NoError(t, err)
		require.True(t, ok)
		receipts, err := p.(providers.CallbackParser).ParseCallback(map[string][]string{providers.HookTokenHeader: {hook}}, r.Body)
		require.NoError(t, err)
		require.Equal(t, []providers.Receipt{{ProviderID: accepted.ProviderID, Status: status}}, receipts)
	}

	// What is refused there is understood here.
	for kind, refused := range map[providers.ErrorKind]providers.Provider{
		providers.ErrorAuth: open(s.Text.ID, "nothing-0123456789"), providers.ErrorAccount: open(4711, "sender-key-0123456789"),
	} {
		_, err := refused.Send(t.Context(), providers.Message{ID: 1, To: "+17472822486", Content: providers.Content{Text: "x"}})
		require.Equal(t, kind, providers.AsError(err).Kind, "%v", err)
	}
	_, err = p.Send(t.Context(), providers.Message{ID: 1, To: "+1747", Content: providers.Content{Text: "x"}})
	require.Equal(t, []any{providers.ErrorContent, "not_sent"}, []any{providers.AsError(err).Kind, providers.AsError(err).Code}, "%v", err)
}
