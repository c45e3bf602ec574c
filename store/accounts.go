package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"carillon/access"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
)

// isDefault is true for the account that every installation has.
const isDefault = "a.id = COALESCE((SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'default_account'), 0)"

// selectAccount yields what scanAccount reads. Its first argument is the first step of the
// day.
const selectAccount = "SELECT a.id, a.name, a.created_at, a.closed_at, a.deletes_at, a.closed_by, a.deleting_at, a.deleted_rows, " +
	"COALESCE(a.most_contacts, 0), COALESCE((SELECT n.contacts FROM account_contacts n WHERE n.account_id = a.id), 0), " +
	"COALESCE(a.most_per_day, 0), COALESCE(a.most_per_second, 0), " +
	"CAST(COALESCE((SELECT SUM(n.claimed) FROM account_sends n WHERE n.account_id = a.id AND n.bucket >= ?), 0) AS BIGINT), " + isDefault + " FROM accounts a"

// ofOpenAccounts is true for rows of accounts that are not closed.
const ofOpenAccounts = "account_id NOT IN (SELECT z.id FROM accounts z WHERE z.closed_at IS NOT NULL)"

func scanAccount(scan sqldb.Scan) (a access.Account, err error) {
	var created, closed, deletes, deleting sqldb.Time
	err = scan(&a.ID, &a.Name, &created, &closed, &deletes, &a.ClosedBy, &deleting, &a.DeletedRows, &a.Limits.Contacts, &a.Contacts,
		&a.Limits.PerDay, &a.Limits.PerSecond, &a.SentToday, &a.Default)
	a.CreatedAt, a.ClosedAt, a.DeletesAt, a.DeletingAt = created.Time, closed.Ptr(), deletes.Ptr(), deleting.Ptr()
	return a, err
}

// EnsureAccount returns the account that every installation has and makes it
// under this name if there is none; created says that it did. Processes that
// start at the same time agree on one.
func (s *Store) EnsureAccount(ctx context.Context, name string) (account access.Account, created bool, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		account, created = access.Account{}, false
		// The row in meta decides who makes the account: a second process waits
		// here until the first has committed.
		n, err := tx.Exec(ctx, "INSERT INTO meta (name, value) VALUES ('default_account', '0') ON CONFLICT (name) DO NOTHING")
		if err != nil {
			return err
		}
		if created = n == 1; created {
			id, err := tx.Insert(ctx, "INSERT INTO accounts (name, created_at) VALUES (?, ?)", name, sqldb.Millis(s.clock.Now()))
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "UPDATE meta SET value = ? WHERE name = 'default_account'", strconv.FormatInt(id, 10)); err != nil {
				return err
			}
		}
		account, err = scanAccount(tx.Row(ctx, selectAccount+" WHERE "+isDefault, firstSendsBucket(s.clock.Now())).Scan)
		return err
	})
	return account, created, err
}

// AccountName is the name of an account.
func (s *Store) AccountName(ctx context.Context, accountID int64) (name string, err error) {
	err = s.reader().Row(ctx, "SELECT name FROM accounts WHERE id = ?", accountID).Scan(&name)
	return name, s.translate(err)
}

// CreateAccount makes an account with its first key in one step. A name that is taken is a
// Conflict.
func (s *Store) CreateAccount(ctx context.Context, name string, key secret.String) (account access.Account, made access.Key, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.accountNameFree(ctx, 0, name); err != nil {
			return err
		}
		id, err := tx.Insert(ctx, "INSERT INTO accounts (name, created_at) VALUES (?, ?)", name, sqldb.Millis(s.clock.Now()))
		if err != nil {
			return err
		}
		wanted := access.Key{AccountID: id, Name: access.FirstKeyName, Role: access.Admin}
		if made, err = tx.takeKey(ctx, wanted, key); err == nil {
			err = usable(made, wanted)
		}
		if err != nil {
			return err
		}
		account, err = tx.account(ctx, id)
		return err
	})
	return account, made, err
}

// accountNameFree refuses a name that another account than id has. Whoever gives names does so
// one after the other.
func (tx conn) accountNameFree(ctx context.Context, id int64, name string) error {
	if err := sqldb.Drain(ctx, tx, "SELECT value FROM meta WHERE name = 'default_account'"+tx.d.ForUpdate); err != nil {
		return err
	}
	var other int64
	err := tx.Row(ctx, "SELECT id FROM accounts WHERE name = ? AND id <> ?", name, id).Scan(&other)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return &fault.Error{Code: fault.Conflict, Message: "the name is taken", Fields: []fault.Field{{
		Location: "name", Value: name, Message: fmt.Sprintf("account %d has this name: choose another", other),
	}}}
}

func (tx conn) account(ctx context.Context, id int64) (access.Account, error) {
	a, err := scanAccount(tx.Row(ctx, selectAccount+" WHERE a.id = ?", firstSendsBucket(tx.s.clock.Now()), id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = fault.New(fault.NotFound, "there is no account %d", id)
	}
	return a, err
}

// GetAccount is an account by its id.
func (s *Store) GetAccount(ctx context.Context, id int64) (access.Account, error) {
	a, err := s.reader().account(ctx, id)
	return a, s.translate(err)
}

// FindAccount is an account by its name.
func (s *Store) FindAccount(ctx context.Context, name string) (access.Account, error) {
	a, err := scanAccount(s.reader().Row(ctx, selectAccount+" WHERE a.name = ?", firstSendsBucket(s.clock.Now()), name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fault.New(fault.NotFound, "there is no account %q", name)
	}
	return a, s.translate(err)
}

// ListAccounts lists the accounts behind the id after.
func (s *Store) ListAccounts(ctx context.Context, after int64, limit int) ([]access.Account, error) {
	list, err := sqldb.Query(ctx, s.reader(), scanAccount, selectAccount+" WHERE a.id > ? ORDER BY a.id LIMIT ?", firstSendsBucket(s.clock.Now()), after, limit)
	return list, s.translate(err)
}

// ChangeAccount changes an account's name and limits; change is given what is stored and
// alters it. A name that is taken is a Conflict. No request begins after the answer at
// another rate.
func (s *Store) ChangeAccount(ctx context.Context, id int64, change func(*access.Account) error) (account access.Account, err error) {
	err = s.withdraw(ctx, func(tx conn) error {
		if account, err = tx.lockedAccount(ctx, id); err != nil {
			return err
		}
		before := account.Limits
		if err := change(&account); err != nil {
			return err
		}
		if err := tx.accountNameFree(ctx, id, account.Name); err != nil {
			return err
		}
		limits := account.Limits
		if _, err := tx.Exec(ctx, `UPDATE accounts SET name = ?, most_contacts = NULLIF(?, 0), most_per_day = NULLIF(?, 0), most_per_second = NULLIF(?, 0)
			WHERE id = ?`, account.Name, limits.Contacts, limits.PerDay, limits.PerSecond, id); err != nil {
			return err
		}
		if account, err = tx.account(ctx, id); err != nil || before.PerSecond == limits.PerSecond {
			return err
		}
		// Slots that were had by the old rate are not used: each channel is another now.
		now := sqldb.Millis(s.clock.Now())
		if _, err := tx.Exec(ctx, "UPDATE channels SET "+touch+" WHERE account_id = ? AND deleted_at IS NULL", now, now, id); err != nil {
			return err
		}
		return tx.halt(ctx)
	})
	return account, err
}

// roomForContacts is how many contacts an account has, and may have. The transaction must hold
// the account.
func (tx conn) roomForContacts(ctx context.Context, accountID int64) (room contacts.Room, err error) {
	err = tx.Row(ctx, `SELECT COALESCE((SELECT n.contacts FROM account_contacts n WHERE n.account_id = a.id), 0), COALESCE(a.most_contacts, 0)
		FROM accounts a WHERE a.id = ?`, accountID).Scan(&room.Has, &room.Most)
	return room, err
}

// refuseFull refuses another contact where the account has as many as it may have.
func (tx conn) refuseFull(ctx context.Context, accountID int64) error {
	room, err := tx.roomForContacts(ctx, accountID)
	if err != nil {
		return err
	}
	return room.Full()
}

// AccountContents counts what there is in an account. Messages are counted by their counters.
func (s *Store) AccountContents(ctx context.Context, id int64) (n access.Contents, err error) {
	err = s.reader().Row(ctx, `SELECT COALESCE((SELECT n.contacts FROM account_contacts n WHERE n.account_id = a.id), 0),
		(SELECT CAST(COALESCE(SUM(`+strings.Join(countColumns, " + ")+`), 0) AS BIGINT) FROM run_counts
			WHERE channel_id IN (SELECT h.id FROM channels h WHERE h.account_id = a.id)),
		(SELECT COUNT(*) FROM channels WHERE account_id = a.id AND deleted_at IS NULL),
		(SELECT COUNT(*) FROM campaigns WHERE account_id = a.id),
		(SELECT COUNT(*) FROM runs WHERE account_id = a.id AND finished_at IS NULL),
		(SELECT COUNT(*) FROM api_keys WHERE account_id = a.id AND revoked_at IS NULL)
		FROM accounts a WHERE a.id = ?`, id).Scan(&n.Contacts, &n.Messages, &n.Channels, &n.Campaigns, &n.LiveRuns, &n.Keys)
	if errors.Is(err, sql.ErrNoRows) {
		return n, fault.New(fault.NotFound, "there is no account %d", id)
	}
	return n, s.translate(err)
}

// closedReason is why the channels of a closed account are paused: by it they are known, to
// go on if the account is restored.
const closedReason = "the account is closed, to be deleted"

// CloseAccount closes an account at once, to be deleted later: no key of it opens anything,
// and its channels are paused, so that what is in their windows goes back.
func (s *Store) CloseAccount(ctx context.Context, d access.Deletion) (account access.Account, err error) {
	err = s.withdraw(ctx, func(tx conn) error {
		if account, err = tx.lockedAccount(ctx, d.ID); err != nil {
			return err
		}
		switch {
		case account.Default:
			return fault.New(fault.Conflict, "account %d (%q) is the installation's own and can't be deleted", account.ID, account.Name)
		case account.ClosedAt != nil:
			return fault.New(fault.Conflict, "account %d (%q) is closed already, and will be deleted at %s", account.ID, account.Name,
				account.DeletesAt.UTC().Format("2006-01-02 15:04 UTC"))
		}
		now := s.clock.Now()
		if _, err := tx.Exec(ctx, "UPDATE accounts SET closed_at = ?, deletes_at = ?, closed_by = ? WHERE id = ?", sqldb.Millis(now),
			sqldb.Millis(now.Add(d.Wait)), d.By, d.ID); err != nil {
			return err
		}
		active, err := sqldb.IDs(ctx, tx, "SELECT id FROM channels WHERE account_id = ? AND status = ? AND deleted_at IS NULL ORDER BY id", d.ID,
			string(providers.ChannelActive))
		if err != nil {
			return err
		}
		for _, channel := range active {
			if _, err := tx.Exec(ctx, "UPDATE channels SET status = ?, status_reason = ?, status_since = ?, "+nothingKnown+", "+touch+" WHERE id = ?",
				string(providers.ChannelPaused), closedReason, sqldb.Millis(now), sqldb.Millis(now), sqldb.Millis(now), channel); err != nil {
				return err
			}
			if err := tx.takeBack(ctx, windowOf{channelID: channel}, messages.ReasonPaused); err != nil {
				return err
			}
		}
		account, err = tx.account(ctx, d.ID)
		return err
	})
	return account, err
}

// lockedAccount is an account that nobody else changes until the transaction ends.
func (tx conn) lockedAccount(ctx context.Context, id int64) (access.Account, error) {
	if err := sqldb.Drain(ctx, tx, "SELECT id FROM accounts WHERE id = ?"+tx.d.ForUpdate, id); err != nil {
		return access.Account{}, err
	}
	return tx.account(ctx, id)
}

// RestoreAccount opens an account again that was closed. Its channels go on but for those
// that were paused before, or are stopped.
func (s *Store) RestoreAccount(ctx context.Context, id int64) (account access.Account, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if account, err = tx.lockedAccount(ctx, id); err != nil {
			return err
		}
		switch {
		case account.ClosedAt == nil:
			return fault.New(fault.Conflict, "account %d (%q) is not closed", account.ID, account.Name)
		case account.DeletingAt != nil:
			return fault.New(fault.Conflict, "the deletion of account %d (%q) began at %s: what is gone can't be brought back", account.ID, account.Name,
				account.DeletingAt.UTC().Format("2006-01-02 15:04 UTC"))
		}
		if _, err := tx.Exec(ctx, "UPDATE accounts SET closed_at = NULL, deletes_at = NULL, closed_by = '' WHERE id = ?", id); err != nil {
			return err
		}
		now := sqldb.Millis(s.clock.Now())
		if _, err := tx.Exec(ctx, "UPDATE channels SET status = ?, status_reason = '', status_since = ?, "+nothingKnown+`, epoch = epoch + 1,
			reconsider = CASE WHEN reconsider < ? THEN ? ELSE reconsider END, `+touch+" WHERE account_id = ? AND status = ? AND status_reason = ?",
			string(providers.ChannelActive), now, begunAnew, begunAnew, now, now, id, string(providers.ChannelPaused), closedReason); err != nil {
			return err
		}
		account, err = tx.account(ctx, id)
		return err
	})
	return account, err
}
