package providertest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// providerIDs has each message answered with an id that can be kept and looked up, and
// that no other message has; or with none, where the provider keeps ours.
func (s Subject) providerIDs(t testing.TB) {
	p := s.open(t, s.serve(t, sink.Options{}).Config)
	known := map[string]int64{}
	for id := int64(1); id <= 20; id++ {
		accepted, err := p.Send(t.Context(), s.message(id))
		require.NoError(t, err)
		s.requireID(t, accepted)
		if accepted.ProviderID != "" {
			require.NotContains(t, known, accepted.ProviderID, "message %d has an id of its own", id)
			known[accepted.ProviderID] = id
		}
	}
}

// requireID checks the form of a provider's id.
func (s Subject) requireID(t testing.TB, accepted providers.Accepted) {
	t.Helper()
	id := accepted.ProviderID
	if !s.Kind.Capabilities.GivesID {
		require.Empty(t, id, "an id that Capabilities.GivesID does not speak of")
		return
	}
	require.NotEmpty(t, id, "Capabilities.GivesID promises the provider's id")
	requireKey(t, id)
}

// requireKey checks that an id can be kept and looked up.
func requireKey(t testing.TB, id string) {
	t.Helper()
	require.LessOrEqual(t, len(id), providers.MaxProviderID, "an id of the provider's has at most MaxProviderID bytes")
	require.False(t, strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r >= 0x7f }), "an id is printable ASCII without spaces, not %q", id)
}

// idUnreadable has the far end take a message and say so in words that hold no id. It
// was taken: whatever comes of it, it is not sent again.
func (s Subject) idUnreadable(t testing.TB) {
	for _, text := range []string{"", "<html>ok</html>", "{}", "[1", `{"id": null}`} {
		far := s.Serve(t, sink.Options{Answer: func(int64, int64) sink.Answer { return sink.Answer{Code: 200, Text: text} }})
		accepted, err := s.open(t, far.Config).Send(t.Context(), s.message(1))
		require.Equal(t, int64(1), far.Tally.Asked(), "an adapter never retries")
		require.Empty(t, accepted.ProviderID, "no id was given")
		if err != nil {
			require.Equal(t, providers.ErrorInDoubt, providers.AsError(err).Kind, "the answer %q: %v", text, err)
		}
	}
}
