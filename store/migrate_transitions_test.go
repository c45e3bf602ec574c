package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/store/sqldb"
	"carillon/store/storetest"
)

// publicTables are the tables whose ids people and programs get to see.
var publicTables = []string{
	"accounts", "api_keys", "audit", "channels", "contacts", "lists", "uploads", "campaigns", "runs", "messages", "workers", "clears",
	"properties", "targeting_lists", "consents", "replies", "jobs", "frequency_caps", "templates", "holiday_calendars",
	"contact_events", "series", "flow_sessions", "flow_answers", "flow_questions", "webhooks", "webhook_deliveries", "files", "message_log",
	"attribute_definitions", "saved_filters", "conversations", "conversation_entries", "users", "user_sessions", "invitations",
	"identity_providers", "user_identities", "user_passkeys",
}

// No id is ever used twice, whatever is deleted.
func TestNoIDComesBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		for _, table := range publicTables {
			if table == "uploads" {
				continue // an upload is a list, and has its id
			}
			if s.Postgres() {
				var generated string
				require.NoError(t, s.Reader().Row(ctx, `SELECT identity_generation FROM information_schema.columns
					WHERE table_schema = current_schema() AND table_name = ? AND column_name = 'id'`, table).Scan(&generated), table)
				require.Equal(t, "BY DEFAULT", generated, table)
				continue
			}
			var definition string
			require.NoError(t, s.Reader().Row(ctx, "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", table).Scan(&definition), table)
			require.Contains(t, definition, "AUTOINCREMENT", table)
		}
		// Every other table with an id is known not to be shown.
		query := "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'id' WHERE m.type = 'table'"
		if s.Postgres() {
			query = "SELECT table_name FROM information_schema.columns WHERE table_schema = current_schema() AND column_name = 'id' " +
				"AND table_name NOT IN (SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid)"
		}
		inside := []string{"upload_errors", "receipts", "goose_db_version", "flow_inbox", "outbox", "stats_deltas", "webhook_bodies"}
		require.NoError(t, sqldb.Each(ctx, s.Reader(), func(scan sqldb.Scan) error {
			var table string
			if err := scan(&table); err != nil {
				return err
			}
			require.Contains(t, append(inside, publicTables...), table)
			return nil
		}, query))

		j := newJourney(t, s, 1)
		draft := j.NewCampaign(`{"all":true}`)
		require.NoError(t, s.DeleteCampaign(ctx, j.AccountID, draft))
		require.Greater(t, j.NewCampaign(`{"all":true}`), draft)
	})
}
