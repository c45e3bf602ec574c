package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/messages"
)

// A stale task must not get messages that are in another envelope by now, nor
// keep others from theirs, even if both ask in one group.
func TestAStaleTaskClaimsNothingBesideTheOwner(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		j := newJourney(t, s, 20)
		run := j.start()
		j.planAll(run.ID, 100)
		stale := j.feed(run.ID, []int64{1}, 4)
		_, err := s.RequeueLost(t.Context(), j.channel.ID, []int64{1})
		require.NoError(t, err)
		now := j.feed(run.ID, []int64{2}, 4)
		require.Equal(t, stale[0].ID, now[0].ID)
		claim := func(envelope int64, fed ...messages.FeedMessage) *op {
			c := messages.Claim{WorkerID: j.worker, ChannelID: j.channel.ID, RunID: run.ID, EnvelopeID: envelope}
			for _, m := range fed {
				c.MessageIDs = append(c.MessageIDs, m.ID)
			}
			return &op{claim: &c}
		}
		// The owner asks for its first two now and for the others later.
		group := []*op{claim(1, stale...), claim(2, now[:2]...)}
		require.NoError(t, s.inTx(t.Context(), func(tx conn) error {
			return tx.applyGroup(t.Context(), group, shardFirstWriter, true)
		}))
		require.Empty(t, group[0].claimed)
		require.Equal(t, []int64{now[0].ID, now[1].ID}, group[1].claimed)
		j.balanced(run.ID)
		rest := j.claim(run.ID, 2, now)
		require.ElementsMatch(t, []int64{now[2].ID, now[3].ID}, rest)
		m, err := s.GetMessage(t.Context(), j.accountID, now[2].ID)
		require.NoError(t, err)
		require.Equal(t, 1, m.Attempt)
		j.balanced(run.ID)
	})
}
