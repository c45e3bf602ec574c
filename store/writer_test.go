package store

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
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
		claim := func(envelope int64, messages ...campaigns.FeedMessage) *op {
			c := campaigns.Claim{WorkerID: j.worker, ChannelID: j.channel.ID, RunID: run.ID, EnvelopeID: envelope}
			for _, m := range messages {
				c.MessageIDs = append(c.MessageIDs, m.ID)
			}
			return &op{claim: &c}
		}
		// The owner asks for its first two now and for the others later.
		group := []*op{claim(1, stale...), claim(2, now[:2]...)}
		require.NoError(t, s.inTx(t.Context(), func(tx conn) error {
			return applyGroup(t.Context(), tx, group, shardFirstWriter, s.clock.Now())
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

// Whoever asks, and through however many processes: each message is granted to
// one of them.
func TestEachMessageIsGrantedOnce(t *testing.T) {
	for name, dsn := range map[string]func(testing.TB) string{"SQLite": sqliteDSN, "PostgreSQL": postgresDSN} {
		t.Run(name, func(t *testing.T) {
			dsn := dsn(t)
			j := newJourney(t, openTestStore(t, dsn), 100)
			writers := []*Writer{j.writer}
			if j.Postgres() {
				writer := openTestStore(t, dsn).StartWriter(j.worker + 1)
				t.Cleanup(writer.Stop)
				writers = append(writers, writer)
			}
			run := j.start()
			j.planAll(run.ID, 100)
			messages := j.feed(run.ID, []int64{1}, 100)
			require.Len(t, messages, 90)
			ids := make([]int64, len(messages))
			for i, m := range messages {
				ids[i] = m.ID
			}
			const askers = 16
			granted := make([][]int64, askers)
			var wg sync.WaitGroup
			for i := range askers {
				wg.Go(func() {
					var err error
					granted[i], err = writers[i%len(writers)].Claim(t.Context(), campaigns.Claim{
						WorkerID: j.worker + int64(i%3), ChannelID: j.channel.ID, RunID: run.ID, EnvelopeID: 1, MessageIDs: ids,
					})
					require.NoError(t, err)
				})
			}
			wg.Wait()
			var all []int64
			for _, some := range granted {
				all = append(all, some...)
			}
			require.ElementsMatch(t, ids, all)
			j.balanced(run.ID)
		})
	}
}
