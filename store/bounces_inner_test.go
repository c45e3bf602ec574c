package store

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/store/sqldb"
)

// What was due to be suppressed before addresses were suppressed with what decides it is
// suppressed by the migration, with its consent; soft bounces go on counting.
func TestWhatWasDueIsSuppressedByTheMigration(t *testing.T) {
	eachStore(t, func(t *testing.T, s *Store) {
		ctx := t.Context()
		provider, err := s.goose()
		require.NoError(t, err)
		_, err = provider.DownTo(ctx, 54)
		require.NoError(t, err)
		require.NoError(t, s.inTx(ctx, func(tx conn) error {
			for _, query := range strings.Split(strings.TrimSpace(`
				INSERT INTO accounts (id, name, created_at) VALUES (7, 'a', 0);
				INSERT INTO suppressions (account_id, kind, address, reason, opted_out, created_at) VALUES (7, 'email', 'left@example.com', 'unsubscribed', TRUE, 1);
				INSERT INTO suppressions (account_id, kind, address, reason, opted_out, created_at) VALUES (7, 'email', 'known@example.com', 'bounced', FALSE, 1);
				INSERT INTO bounces (account_id, kind, address, soft, hard, last_at) VALUES (7, 'email', 'new@example.com', 1048576, 'complained', 9);
				INSERT INTO bounces (account_id, kind, address, soft, hard, last_at) VALUES (7, 'email', 'left@example.com', 1048576, 'bounced', 9);
				INSERT INTO bounces (account_id, kind, address, soft, hard, last_at) VALUES (7, 'email', 'known@example.com', 1048576, 'bounced', 9);
				INSERT INTO bounces (account_id, kind, address, soft, hard, last_at) VALUES (7, 'email', 'soft@example.com', 2, '', 9)`), ";\n") {
				if _, err := tx.Exec(ctx, query); err != nil {
					return err
				}
			}
			return nil
		}))
		_, err = s.Migrate(ctx)
		require.NoError(t, err)
		for query, want := range map[string][]string{
			"SELECT address || ' ' || reason FROM suppressions ORDER BY address": {
				"known@example.com bounced", "left@example.com bounced", "new@example.com complained",
			},
			"SELECT address || ' ' || source FROM consents ORDER BY address": {"left@example.com bounce", "new@example.com complaint"},
			"SELECT address || ' ' || soft FROM bounces":                     {"soft@example.com 2"},
			"SELECT address FROM suppressions WHERE opted_out":               {"left@example.com"},
		} {
			found, err := sqldb.Column[string](ctx, s.reader(), query)
			require.NoError(t, err)
			require.Equal(t, want, found, query)
		}
	})
}
