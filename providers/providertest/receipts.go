package providertest

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

func (s Subject) callback(t testing.TB) {
	p := s.open(t, s.serve(t, sink.Options{}).Config)
	parser, ok := p.(providers.CallbackParser)
	require.True(t, ok, "Capabilities.Receipts promises a CallbackParser")
	header, body := s.Callback(t, Now)
	receipts, err := parser.ParseCallback(header, body)
	require.NoError(t, err)
	require.Len(t, receipts, 1)
	require.Equal(t, int64(7), receipts[0].MessageID)
	require.Equal(t, providers.ReceiptDelivered, receipts[0].Status)

	unsigned := func(header http.Header, body []byte) {
		t.Helper()
		_, err := parser.ParseCallback(header, body)
		require.Error(t, err)
		require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, err.Error())
	}
	unsigned(http.Header{}, body)
	unsigned(header, append(bytes.Clone(body), ' '))
	unsigned(s.Callback(t, Now.Add(-time.Hour)))
	unsigned(s.Callback(t, Now.Add(time.Hour)))
}
