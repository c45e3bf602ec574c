package store

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/testenv"
	"carillon/store/sqldb"
)

// unowned are tables of the installation, with nothing of an account, and the one of the accounts.
var unowned = []string{
	"accounts", "workers", "leases", "halts", "meta", "goose_db_version", "outbox_state", "message_partitions", "sqlite_sequence", "sqlite_stat1", "sqlite_stat4",
	// What is a person's, who may be in other accounts; forgetUsers removes it with the last one.
	"users", "user_recovery", "user_devices", "user_passkeys", "password_resets",
	// What sign-ins began with: hashes of it, for minutes.
	"used_sign_ins", "passkey_challenges",
}

// Every table of the schema is emptied of what is an account's, or known to have nothing of
// one: who makes a table needs a line in ownedTables.
func TestEveryTableIsKnownToTheDeletionOfAccounts(t *testing.T) {
	known := slices.Clone(unowned)
	for _, o := range ownedTables {
		known = append(known, o.table)
		for table := range o.with {
			known = append(known, table)
		}
	}
	for name, dsn := range map[string]string{"SQLite": t.TempDir() + "/carillon.db", "PostgreSQL": testenv.SharedPostgres(t).NewDatabase(t)} {
		s, err := Open(t.Context(), Options{DSN: dsn})
		require.NoError(t, err)
		_, err = s.Migrate(t.Context())
		require.NoError(t, err)
		query := "SELECT name FROM sqlite_master WHERE type = 'table'"
		if s.Postgres() {
			query = `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
				WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition`
		}
		tables, err := sqldb.Column[string](t.Context(), s.reader(), query)
		require.NoError(t, err)
		require.Greater(t, len(tables), 80)
		for _, table := range tables {
			require.Contains(t, known, table, name)
		}
		require.NoError(t, s.Close())
	}
}
