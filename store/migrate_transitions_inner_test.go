package store

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/messages"
)

// What was kept before transitions were survives the way there: rows that point
// at each other, and the answers of tries.
func TestMigrationToTransitions(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		provider, err := s.goose()
		require.NoError(t, err)
		_, err = provider.DownTo(ctx, 5)
		require.NoError(t, err)
		require.NoError(t, s.inTx(ctx, func(tx conn) error {
			for _, query := range strings.Split(strings.TrimSpace(`
				INSERT INTO accounts (id, name, created_at) VALUES (7, 'a', 0);
				INSERT INTO api_keys (id, account_id, name, role, hash, hint, created_at) VALUES (3, 7, 'k', 'admin', 'h', '', 0);
				INSERT INTO channels (id, account_id, name, provider, config, address_kind, limits, timezone, in_doubt, status, created_at, updated_at, silent_opt_out)
					VALUES (5, 7, 'c', 'sandbox', '', 'email', '{}', 'UTC', '', 'active', 0, 0, TRUE);
				INSERT INTO campaigns (id, account_id, name, channel_id, audience, content, schedule, throttle, status, created_at, updated_at, category_id)
					VALUES (9, 7, 'k', 5, '{}', '{}', '{}', '{}', 'finished', 0, 0, 4);
				INSERT INTO runs (id, account_id, campaign_id, channel_id, instant, status, created_at) VALUES (11, 7, 9, 5, 1, 'finished', 0);
				INSERT INTO audit (id, account_id, actor, action, target, at) VALUES (2, 7, 'x', 'y', 'z', 1);
				INSERT INTO clears (id, account_id, channel_id, campaign_id, max_id, actor, created_at) VALUES (6, 7, 0, 0, 1, 'x', 1);
				INSERT INTO messages (id, channel_id, run_id, contact_id, state, attempt, envelope_id, created_at, queued_at, claimed_at, final_at, address, reason, detail)
					VALUES (1, 5, 11, 1, 6, 2, 8, 10, 50, 60, 70, 'a', 'attempts_used_up', 'no (try 2 of 2)');
				INSERT INTO attempts (message_id, attempt, at, kind, code, detail) VALUES (1, 1, 40, 'temporary', '503', 'busy');
				INSERT INTO attempts (message_id, attempt, at, kind, code, detail) VALUES (1, 2, 70, 'temporary', '', 'no (try 2 of 2)');
				INSERT INTO attempts (message_id, attempt, at, kind, code, detail) VALUES (99, 1, 70, 'temporary', '', 'of no message')`), ";\n") {
				if _, err := tx.Exec(ctx, query); err != nil {
					return err
				}
			}
			return nil
		}))
		_, err = s.Migrate(ctx)
		require.NoError(t, err)
		m, err := s.GetMessage(ctx, 7, 1)
		require.NoError(t, err)
		require.Equal(t, int64(9), m.CampaignID)
		moves, err := s.Transitions(ctx, 1)
		require.NoError(t, err)
		var shown []string
		for _, p := range messages.History(m, moves) {
			shown = append(shown, p.State.String()+" "+p.Reason)
		}
		require.Equal(t, []string{"pending ", "pending temporary", "queued ", "sending ", "failed attempts_used_up"}, shown)
		for table, want := range map[string]int64{"accounts": 7, "api_keys": 3, "channels": 5, "campaigns": 9, "runs": 11, "audit": 2, "clears": 6} {
			var id int64
			require.NoError(t, s.reader().Row(ctx, "SELECT id FROM "+table).Scan(&id), table)
			require.Equal(t, want, id, table)
		}
		channel, err := s.GetChannel(ctx, 7, 5)
		if err == nil { // its configuration is sealed, and this one is not
			require.True(t, channel.SilentOptOut)
		}
		require.NoError(t, s.inTx(ctx, func(tx conn) error {
			_, err := tx.Exec(ctx, "INSERT INTO campaigns (account_id, name, channel_id, audience, content, schedule, throttle, status, created_at, updated_at) "+
				"VALUES (7, 'k', 5, '', '', '', '', '', 0, 0)")
			return err
		}))
		err = s.inTx(ctx, func(tx conn) error {
			_, err := tx.Exec(ctx, "INSERT INTO campaigns (account_id, name, channel_id, audience, content, schedule, throttle, status, created_at, updated_at) "+
				"VALUES (7, 'k', 55, '', '', '', '', '', 0, 0)")
			return err
		})
		require.Error(t, err, "a campaign still needs a channel")

		_, err = provider.DownTo(ctx, 5)
		require.NoError(t, err)
		var n int
		require.NoError(t, s.reader().Row(ctx, "SELECT COUNT(*) FROM attempts").Scan(&n))
		require.Equal(t, 2, n)
	})
}
