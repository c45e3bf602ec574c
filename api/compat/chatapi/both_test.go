package chatapi_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/providers"
	adapter "carillon/providers/chatapi"
)

// The adapter understands why the dialect refuses. What is taken, and what comes of it, is in
// internal/twoway.
func TestAnAdapterUnderstandsRefusals(t *testing.T) {
	s := newServer(t)
	far := httptest.NewServer(s.handler)
	t.Cleanup(far.Close)
	open := func(instance int64, token string) providers.Provider {
		config := json.RawMessage(fmt.Sprintf(`{"url":"%s/instance%d","token":%q}`, far.URL, instance, token))
		require.NoError(t, adapter.Kind().Validate(config))
		p, err := adapter.Kind().New(config, providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}, Clock: s.Clock})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		return p
	}
	for kind, refused := range map[providers.ErrorKind]providers.Provider{
		providers.ErrorAuth: open(s.Text.ID, "nothing-0123456789"), providers.ErrorAccount: open(4711, "sender-key-0123456789"),
	} {
		_, err := refused.Send(t.Context(), providers.Message{ID: 1, To: "+17472822486", Content: providers.Content{Text: "x"}})
		require.Equal(t, kind, providers.AsError(err).Kind, "%v", err)
	}
	p := open(s.Text.ID, "sender-key-0123456789")
	require.NoError(t, p.(providers.Checker).Check(t.Context()))
	_, err := p.Send(t.Context(), providers.Message{ID: 1, To: "+1747", Content: providers.Content{Text: "x"}})
	require.Equal(t, []any{providers.ErrorContent, "not_sent"}, []any{providers.AsError(err).Kind, providers.AsError(err).Code}, "%v", err)
}
