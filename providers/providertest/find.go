package providertest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// Lag is how long before the suite's Now a message was in doubt about which a far end is asked:
// long enough for all of them to know.
const Lag = time.Hour

// sought is a message of the suite's that is in doubt since long.
func (s Subject) sought(id int64) providers.Sought {
	return providers.Sought{
		MessageID: id, To: s.message(id).To, From: Now.Add(-Lag - time.Minute), Until: Now.Add(-Lag), Alone: true,
		Others: func(context.Context, []string) (map[string]bool, error) { return nil, nil },
	}
}

// finds has the adapter ask what became of messages whose answers were lost: one that was taken
// is found under the very id that others get from Send, one that was not is told to be missing,
// and nothing is sent. Where the far end can't be asked, or refuses to tell, nothing is told.
func (s Subject) finds(t testing.TB) {
	far := s.Serve(t, sink.Options{Record: true, Answer: func(_, id int64) sink.Answer {
		switch id {
		case 1:
			return sink.Answer{Drop: sink.AfterAccepting}
		case 2:
			return sink.Answer{Drop: sink.BeforeAccepting}
		}
		return sink.Answer{}
	}})
	p := s.open(t, far.Config)
	finder, can := p.(providers.Finder)
	require.True(t, can, "Capabilities.Finds promises a Finder")
	for id := int64(1); id <= 2; id++ {
		_, err := p.Send(t.Context(), s.message(id))
		require.Error(t, err)
		require.Equal(t, providers.ErrorInDoubt, providers.AsError(err).Kind, err.Error())
	}
	accepted, err := p.Send(t.Context(), s.message(3))
	require.NoError(t, err)
	asked := far.Tally.Asked()

	found, err := finder.Find(t.Context(), s.sought(1))
	require.NoError(t, err)
	require.Equal(t, providers.FateTaken, found.Fate, "it was taken: %s", found.Detail)
	if found.ProviderID != "" {
		requireKey(t, found.ProviderID)
	}
	found, err = finder.Find(t.Context(), s.sought(3))
	require.NoError(t, err)
	require.Equal(t, providers.FateTaken, found.Fate, found.Detail)
	require.Equal(t, accepted.ProviderID, found.ProviderID, "it is found under the id that Send returned")
	for _, id := range []int64{2, 4} {
		found, err = finder.Find(t.Context(), s.sought(id))
		require.NoError(t, err)
		require.Equal(t, providers.FateNotTaken, found.Fate, "message %d was not taken: %s", id, found.Detail)
		require.Empty(t, found.ProviderID)
		require.Nil(t, found.Receipt)
	}
	require.Equal(t, asked, far.Tally.Asked(), "to ask sends nothing")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = finder.Find(ctx, s.sought(1))
	require.ErrorIs(t, err, context.Canceled)
	requireTemporary(t, err)
	nobody, can := s.open(t, s.Nowhere(shut(t))).(providers.Finder)
	require.True(t, can)
	_, err = nobody.Find(t.Context(), s.sought(1))
	requireTemporary(t, err)
}
