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

func (s Subject) reply(t testing.TB) {
	p := s.open(t, s.serve(t, sink.Options{}).Config)
	parser, ok := p.(providers.ReplyParser)
	require.True(t, ok, "Capabilities.Replies promises a ReplyParser")
	const from, text = "ann@example.com", "STOP ✋ \"now\"\nplease"
	header, body := s.Reply(t, Now, from, text)
	replies, err := parser.ParseReplies(header, body)
	require.NoError(t, err)
	require.Len(t, replies, 1)
	require.NotEmpty(t, replies[0].ID, "by which a repeat is known")
	require.Equal(t, from, replies[0].From)
	require.Equal(t, text, replies[0].Text)
	if receipts, ok := p.(providers.CallbackParser); ok {
		found, err := receipts.ParseCallback(header, body)
		require.NoError(t, err, "the same request is read for receipts")
		require.Empty(t, found)
	}
	unsigned := func(header http.Header, body []byte) {
		t.Helper()
		_, err := parser.ParseReplies(header, body)
		require.Error(t, err)
		require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, err.Error())
	}
	unsigned(http.Header{}, body)
	unsigned(header, append(bytes.Clone(body), ' '))
	unsigned(s.Reply(t, Now.Add(-time.Hour), from, text))
}
