package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/store/storetest"
)

// BenchmarkQueue looks at a queue in which a million messages wait, of an account that has
// finished many runs before, and for what is in doubt.
func BenchmarkQueue(b *testing.B) {
	const waiting, finished = 1_000_000, 5_000
	storetest.EachBenchmark(b, func(b *testing.B, s *storetest.Store) {
		ctx := b.Context()
		j := newJourney(b, s, 1)
		j.sealed()
		run := j.Start()
		numbers := "WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
		s.Exec(numbers+`INSERT INTO runs (account_id, campaign_id, channel_id, instant, status, plan_done, created_at, finished_at)
			SELECT account_id, campaign_id, channel_id, i, 'finished', TRUE, i, i FROM n, runs WHERE id = ?`, finished, run.ID)
		s.Exec(`INSERT INTO run_counts (run_id, channel_id, shard, delivered) SELECT r.id, r.channel_id, k.shard, 100
			FROM runs r, (SELECT 0 AS shard UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 4 UNION ALL SELECT 5) k WHERE r.finished_at IS NOT NULL`)
		s.Exec(numbers+`INSERT INTO messages (channel_id, run_id, contact_id, state, due_at, created_at, address)
			SELECT CAST(? AS BIGINT), CAST(? AS BIGINT), 1000000 + i, 0, i, i, 'a' || i || '@example.org' FROM n`, waiting, j.Channel.ID, run.ID)
		s.Exec("INSERT INTO run_counts (run_id, channel_id, shard, pending) VALUES (?, ?, 7, ?)", run.ID, j.Channel.ID, waiting)
		// As PostgreSQL does by itself after a while.
		settle := "ANALYZE"
		if s.Postgres() {
			settle = "VACUUM ANALYZE messages, runs, run_counts"
		}
		_, err := s.Outside().Exec(ctx, settle)
		require.NoError(b, err)
		all, unknown := messages.QueueFilter{AccountID: j.AccountID}, messages.Unknown
		doubtful := messages.MessageFilter{AccountID: j.AccountID, State: &unknown, Limit: 1}
		b.Run("totals", func(b *testing.B) {
			for b.Loop() {
				totals, err := s.QueueTotals(ctx, all)
				require.NoError(b, err)
				require.EqualValues(b, waiting, totals[0].Bulk.Pending)
			}
		})
		b.Run("first hundred", func(b *testing.B) {
			for b.Loop() {
				head, err := s.QueuePreview(ctx, all, 100)
				require.NoError(b, err)
				require.Len(b, head, 100)
			}
		})
		b.Run("all that the page shows", func(b *testing.B) {
			service := campaigns.NewService(campaigns.Deps{Store: s.Store, Queue: messages.NewQueue(s.Store, s.Clock), Clock: s.Clock})
			for b.Loop() {
				q, err := service.Queue(ctx, all)
				require.NoError(b, err)
				require.Len(b, q.Paces, 1)
			}
		})
		list := func(b *testing.B, n int) {
			for b.Loop() {
				found, err := s.ListMessages(ctx, doubtful)
				require.NoError(b, err)
				require.Len(b, found, n)
			}
		}
		b.Run("nothing in doubt", func(b *testing.B) { list(b, 0) })
		// One of a run of its own, behind the million.
		s.Exec(`INSERT INTO messages (channel_id, run_id, contact_id, state, created_at, address)
			SELECT ?, (SELECT MAX(id) FROM runs), 1, ?, 1, 'b@example.org'`, j.Channel.ID, int(unknown))
		s.Exec("UPDATE run_counts SET unknown = 1 WHERE shard = 4 AND run_id = (SELECT MAX(id) FROM runs)")
		b.Run("one in doubt", func(b *testing.B) { list(b, 1) })
	})
}
