package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/store/sqldb"
)

// An account whose time is over is deleted by the leader, a few hundred rows a transaction.
// Where it is stands in no place but the tables: who leads next, or starts again after a
// kill, finds what is left.
const (
	// deletedAtOnce is how many rows a transaction deletes, without what belongs to them.
	deletedAtOnce = 500
	// deletionRests is how many times as long as it took a piece is rested after it.
	deletionRests = 1
)

// owned is a table with rows of accounts.
type owned struct {
	table string
	// key are the columns of a row's key.
	key string
	// of is true for the rows of the account that is its parameter.
	of string
	// with are the tables of what belongs to each row, by their column of its id: they are many
	// rows of many, and go with it.
	with map[string]string
	// first is done before a piece of the table is deleted, in the same transaction; may be nil.
	first func(ctx context.Context, tx conn, account int64) error
}

const (
	ofAccount   = "account_id = ?"
	channelsOf  = "channel_id IN (SELECT id FROM channels WHERE account_id = ?)"
	campaignsOf = "campaign_id IN (SELECT id FROM campaigns WHERE account_id = ?)"
	runsOf      = "run_id IN (SELECT id FROM runs WHERE account_id = ?)"
	webhooksOf  = "webhook_id IN (SELECT id FROM webhooks WHERE account_id = ?)"
	templatesOf = "template_id IN (SELECT id FROM templates WHERE account_id = ?)"
	uploadsOf   = "upload_id IN (SELECT id FROM uploads WHERE account_id = ?)"
)

// ofMessages is what goes with messages; that of campaigns which they led to stays with the run.
var ofMessages = func() map[string]string {
	with := map[string]string{}
	for _, table := range belongingTables {
		with[table] = "message_id"
	}
	return with
}()

// ownedTables are the tables with rows of accounts, in the order in which they are emptied:
// what points at others first. A test holds them to the schema.
var ownedTables = []owned{
	{table: "messages", key: "id", of: "run_id > 0 AND " + runsOf, with: ofMessages},
	{table: "messages", key: "id", of: "run_id = 0 AND " + channelsOf, with: ofMessages},
	{table: "conversions", key: "message_id", of: runsOf},
	{table: "series_messages", key: "message_id", of: "series_id IN (SELECT id FROM series WHERE account_id = ?)"},
	{table: "message_metadata", key: "account_id, name, value, message_id", of: ofAccount},
	{table: "message_log", key: "id", of: ofAccount},
	{table: "receipts", key: "id", of: channelsOf},
	{table: "hook_requests", key: "channel_id, webhook_id", of: channelsOf},
	{table: "flow_sessions", key: "id", of: campaignsOf, with: map[string]string{
		"flow_calls": "session_id", "flow_inbox": "session_id", "flow_moves": "session_id",
	}},
	{table: "flow_answers", key: "id", of: campaignsOf},
	{table: "flow_says", key: "campaign_id, version, step, again", of: campaignsOf},
	{table: "flow_questions", key: "id", of: campaignsOf},
	{table: "flow_triggers", key: "account_id, kind, key, campaign_id", of: ofAccount},
	{table: "flow_versions", key: "campaign_id, version", of: campaignsOf},
	{table: "flows", key: "campaign_id", of: ofAccount},
	{table: "frozen_members", key: "run_id, side, contact_id", of: runsOf},
	{table: "engagement_counts", key: "run_id, variant, number, shard", of: runsOf},
	{table: "run_links", key: "run_id, number", of: runsOf},
	{table: "run_feeds", key: "run_id", of: runsOf},
	{table: "run_counts", key: "run_id, channel_id, shard", of: channelsOf},
	{table: "experiments", key: "run_id", of: runsOf},
	{table: "pulls", key: "reply_id", of: campaignsOf},
	{table: "publication_keywords", key: "channel_id, keyword", of: campaignsOf},
	{table: "publications", key: "campaign_id", of: ofAccount},
	{table: "approvals", key: "campaign_id", of: campaignsOf},
	{table: "campaign_conversions", key: "account_id, event, campaign_id", of: ofAccount},
	{table: "campaign_tags", key: "account_id, tag, campaign_id", of: ofAccount},
	{table: "campaign_versions", key: "campaign_id, version", of: campaignsOf},
	{table: "runs", key: "id", of: ofAccount},
	{table: "campaigns", key: "id", of: ofAccount},
	{table: "clears", key: "id", of: ofAccount},
	{table: "slots", key: "channel_id, campaign_id", of: channelsOf},
	{table: "channel_mailboxes", key: "channel_id, mailbox", of: channelsOf},
	{table: "channel_troubles", key: "channel_id, shard", of: channelsOf},
	{table: "template_statuses", key: "template_id, channel_id, language", of: templatesOf},
	{table: "template_versions", key: "template_id, version", of: templatesOf},
	{table: "templates", key: "id", of: ofAccount},
	{table: "conversation_entries", key: "id", of: ofAccount},
	{table: "conversations", key: "id", of: ofAccount},
	{table: "heard", key: "channel_id, address", of: channelsOf},
	{table: "replies", key: "id", of: ofAccount},
	{table: "members", key: "list_id, contact_id", of: "list_id IN (SELECT id FROM lists WHERE account_id = ?)"},
	{table: "contacts", key: "id", of: ofAccount, with: map[string]string{"addresses": "contact_id", "contact_events": "contact_id"}},
	{table: "account_contacts", key: "account_id", of: ofAccount},
	{table: "account_sends", key: "account_id, bucket, shard", of: ofAccount},
	{table: "contact_events", key: "id", of: ofAccount},
	{table: "event_names", key: "account_id, name", of: ofAccount},
	{table: "consents", key: "id", of: ofAccount},
	{table: "suppressions", key: "account_id, kind, address", of: ofAccount},
	{table: "suppression_hashes", key: "account_id, kind, hash", of: ofAccount},
	{table: "bounces", key: "account_id, kind, address", of: ofAccount},
	{table: "upload_chunks", key: "upload_id, seq", of: uploadsOf},
	{table: "upload_errors", key: "id", of: uploadsOf},
	{table: "uploads", key: "id", of: ofAccount},
	{table: "lists", key: "id", of: ofAccount},
	{table: "jobs", key: "id", of: ofAccount},
	{table: "attribute_definitions", key: "id", of: ofAccount},
	{table: "properties", key: "id", of: ofAccount},
	{table: "saved_filters", key: "id", of: ofAccount},
	{table: "targeting_lists", key: "id", of: ofAccount},
	{table: "frequency_caps", key: "id", of: ofAccount},
	{table: "holiday_calendars", key: "id", of: ofAccount},
	{table: "series", key: "id", of: ofAccount},
	{table: "snippets", key: "account_id, name", of: ofAccount},
	{table: "variables", key: "account_id, name", of: ofAccount},
	{table: "media_ids", key: "channel_id, file_id, sort", of: channelsOf},
	{table: "file_pieces", key: "file_id, at", of: "file_id IN (SELECT id FROM files WHERE account_id = ?)"},
	{table: "files", key: "id", of: ofAccount},
	{table: "webhook_bodies", key: "id", of: "id IN (SELECT d.shared FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id WHERE w.account_id = ?)"},
	{table: "webhook_deliveries", key: "id", of: webhooksOf},
	{table: "webhooks", key: "id", of: ofAccount},
	{table: "outbox", key: "id", of: channelsOf},
	{table: "outbox", key: "id", of: ofAccount},
	{table: "stats_removed", key: "run_id, channel_id, metric, slot, variant, language, template_id, code", of: ofAccount},
	{table: "stats", key: "account_id, slot, metric, channel_id, campaign_id, run_id, variant, language, template_id, code", of: ofAccount},
	{table: "stats_deltas", key: "id", of: ofAccount},
	{table: "api_settings", key: "account_id, api, channel_id", of: ofAccount},
	{table: "idempotency", key: "account_id, key", of: ofAccount},
	{table: "replaced_keys", key: "hash", of: "key_id IN (SELECT id FROM api_keys WHERE account_id = ?)"},
	{table: "api_keys", key: "id", of: ofAccount},
	{table: "invitations", key: "id", of: ofAccount},
	{table: "user_sessions", key: "id", of: ofAccount},
	{table: "user_identities", key: "id", of: ofAccount},
	{table: "identity_providers", key: "id", of: ofAccount},
	{table: "account_users", key: "account_id, user_id", of: ofAccount},
	{table: "channels", key: "id", of: ofAccount},
	{table: "audit", key: "id", of: ofAccount, first: closeChain},
	{table: "audit_chains", key: "account_id", of: ofAccount},
	{table: "account_numbers", key: "account_id, kind", of: ofAccount},
	{table: "account_settings", key: "account_id", of: ofAccount},
}

// deleting is how far the deletion is that this process is at.
type deleting struct {
	account int64
	// at is the table that is being emptied.
	at int
	// await are accounts whose entries of the trail are not copied yet, and when to look again.
	await map[int64]time.Time
}

// awaitedEvery is how often it is looked whether the trail of an account is copied.
const awaitedEvery = time.Minute

// DeleteAccounts deletes a piece of the accounts whose time is over, and rests. It reports
// whether there is more.
func (s *Store) DeleteAccounts(ctx context.Context) (more bool, err error) {
	began := s.clock.Now()
	account, err := s.dueDeletion(ctx, began)
	if err != nil || account == 0 {
		return false, s.translate(err)
	}
	if s.deleting.account != account {
		s.deleting = deleting{account: account, await: s.deleting.await}
	}
	switch n, err := s.deletePiece(ctx, account); {
	case errors.Is(err, errUncopied):
		s.awaitTrail(ctx, account, began)
		return true, nil // others may be due
	case err != nil:
		return false, s.translate(err)
	case n > 0:
		return true, s.clock.Sleep(ctx, deletionRests*min(s.clock.Now().Sub(began), time.Second))
	}
	return true, nil
}

// deletePiece deletes rows of the table that is being emptied, or of the next that has some, and
// the account behind the last one.
func (s *Store) deletePiece(ctx context.Context, account int64) (n int64, err error) {
	tables := s.ownedTables()
	for d := &s.deleting; d.at < len(tables); {
		err := s.inTxAsync(ctx, func(tx conn) (err error) {
			n, err = tx.deleteOwned(ctx, account, tables[d.at])
			return err
		})
		if err == nil && n < deletedAtOnce {
			d.at++ // what comes to it still goes with the account
		}
		if err != nil || n > 0 {
			return n, err
		}
	}
	s.deleting.at = 0
	return 0, s.forgetAccount(ctx, account)
}

// ownedTables are those of the database in use.
func (s *Store) ownedTables() []owned {
	if s.Postgres() {
		return ownedTables
	}
	tables := slices.DeleteFunc(slices.Clone(ownedTables), func(t owned) bool { return t.table == "stats_deltas" })
	for i := range tables {
		if tables[i].table == "outbox" {
			tables[i].key = "seq"
		}
	}
	return tables
}

// awaitTrail puts the rest of a deletion off until the trail of the account may be copied.
func (s *Store) awaitTrail(ctx context.Context, account int64, now time.Time) {
	s.log.WarnContext(ctx, "the deletion of an account waits for entries of its audit trail that are not copied yet", "account", account, "at_most",
		access.UncopiedStays)
	if s.deleting.await == nil {
		s.deleting.await = map[int64]time.Time{}
	}
	s.deleting = deleting{await: s.deleting.await}
	s.deleting.await[account] = now.Add(awaitedEvery)
}

// dueDeletion is an account whose deletion is under way or due, and waits for nothing; 0 for none.
// From then on it can't be restored.
func (s *Store) dueDeletion(ctx context.Context, now time.Time) (account int64, err error) {
	due, err := s.ids(ctx, "SELECT id FROM accounts WHERE deletes_at <= ? ORDER BY deleting_at IS NULL, id", sqldb.Millis(now))
	due = slices.DeleteFunc(due, func(id int64) bool { return now.Before(s.deleting.await[id]) })
	if err != nil || len(due) == 0 {
		return 0, err
	}
	account = due[0]
	err = s.inTx(ctx, func(tx conn) error {
		// Somebody may have restored it meanwhile.
		n, err := tx.Exec(ctx, "UPDATE accounts SET deleting_at = COALESCE(deleting_at, ?) WHERE id = ? AND deletes_at <= ?", sqldb.Millis(now), account,
			sqldb.Millis(now))
		if err == nil && n == 0 {
			account = 0
		}
		return err
	})
	return account, err
}

// deleteOwned deletes some of an account's rows of a table, with what belongs to them.
func (tx conn) deleteOwned(ctx context.Context, account int64, t owned) (n int64, err error) {
	if t.first != nil {
		if err := t.first(ctx, tx, account); err != nil {
			return 0, err
		}
	}
	picked := "SELECT " + t.key + " FROM " + t.table + " WHERE " + t.of + " LIMIT ?"
	if len(t.with) == 0 {
		n, err = tx.Exec(ctx, "WITH picked AS MATERIALIZED ("+picked+") DELETE FROM "+t.table+" WHERE ("+t.key+") IN (SELECT "+t.key+" FROM picked)",
			account, deletedAtOnce)
		return n, tx.deleted(ctx, account, n, err)
	}
	ids, err := sqldb.IDs(ctx, tx, picked, account, deletedAtOnce)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	for table, column := range t.with {
		which := tx.d.among(column, ids)
		more, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE "+which.sql, which.args...)
		if err != nil {
			return n, err
		}
		n += more
	}
	which := tx.d.among("id", ids)
	own, err := tx.Exec(ctx, "DELETE FROM "+t.table+" WHERE "+which.sql, which.args...)
	n += own
	return n, tx.deleted(ctx, account, n, err)
}

// deleted counts rows of an account that are gone.
func (tx conn) deleted(ctx context.Context, account, n int64, err error) error {
	if err != nil || n == 0 {
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE accounts SET deleted_rows = deleted_rows + ? WHERE id = ?", n, account)
	return err
}

// errMuchCame is why the row of an account stays for now.
var errMuchCame = errors.New("much has come while the account was deleted")

// forgetAccount deletes the row of an account, and with it what came to tables that were empty
// already: some of what is written holds the account's lock, or looks for the row under it, as what
// recipients do does. Where much has come the tables are emptied once more first.
func (s *Store) forgetAccount(ctx context.Context, id int64) error {
	account, err := s.GetAccount(ctx, id)
	if err != nil {
		return err
	}
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, id); err != nil {
			return err
		}
		for _, table := range s.ownedTables() {
			n, err := tx.deleteOwned(ctx, id, table)
			if err == nil && n >= deletedAtOnce {
				err = errMuchCame
			}
			if err != nil {
				return err
			}
		}
		n, err := tx.Exec(ctx, "DELETE FROM accounts WHERE id = ? AND deleting_at IS NOT NULL", id)
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "account %d is not being deleted", id)
		}
		if err != nil {
			return err
		}
		// People who were in no other account go with it.
		return tx.forgetUsers(ctx, "u.id > ?", 0)
	})
	if errors.Is(err, errMuchCame) {
		return nil
	}
	if err != nil {
		return err
	}
	delete(s.deleting.await, id)
	s.deleting = deleting{await: s.deleting.await}
	s.log.InfoContext(ctx, "an account is deleted", "account", id, "name", strings.TrimSpace(account.Name), "rows", account.DeletedRows, "closed_by",
		account.ClosedBy)
	return nil
}
