package providertest

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// replies has the far end hand on what people wrote: from an address of the channel's
// kind, letter by letter, and under an id by which it is known when it comes again.
func (s Subject) replies(t testing.TB) {
	p := s.open(t, s.serve(t, sink.Options{}).Config)
	parser, ok := p.(providers.ReplyParser)
	require.True(t, ok, "Capabilities.Replies promises a ReplyParser")
	first := providers.Reply{ID: "in_1", From: Address(s.Kind.Capabilities.Address, 7), Text: "STOP ✋ \"now\"\nplease", At: Now}
	second := providers.Reply{ID: "in_2", From: first.From, Text: first.Text, At: Now}
	read := func(r providers.Reply) providers.Reply {
		t.Helper()
		header, body := s.Reply(t, Now, r)
		found, err := parser.ParseReplies(header, body)
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, r.From, found[0].From, "the sender is one whom the channel could write to")
		require.Equal(t, r.Text, found[0].Text)
		require.NotEmpty(t, found[0].ID, "by which a repeat is known")
		requireKey(t, found[0].ID)
		if receipts, ok := p.(providers.CallbackParser); ok {
			about, err := receipts.ParseCallback(header, body)
			require.NoError(t, err, "the same request is read for receipts")
			require.Empty(t, about)
		}
		return found[0]
	}
	once, again, twice := read(first).ID, read(first).ID, read(second).ID
	require.Equal(t, once, again, "what comes again has the same id")
	require.NotEqual(t, once, twice, "who writes the same again says it twice")
	s.forgeries(t, func(at time.Time) (http.Header, []byte) { return s.Reply(t, at, first) }, func(header http.Header, body []byte) error {
		_, err := parser.ParseReplies(header, body)
		return err
	})
}

// SignedReply is a Subject's Reply in Carillon's own form, the one that hook.Parser
// reads.
func SignedReply(key string) func(testing.TB, time.Time, providers.Reply) (http.Header, []byte) {
	return func(t testing.TB, at time.Time, r providers.Reply) (http.Header, []byte) {
		t.Helper()
		reply := map[string]any{"id": r.ID, "from": r.From, "text": r.Text, "at": r.At}
		return signed(t, key, at, map[string]any{"replies": []any{reply}})
	}
}
