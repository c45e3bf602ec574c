package store

import (
	"context"
	"strconv"

	"carillon/access"
	"carillon/store/sqldb"
)

// EnsureAccount returns the one account that every installation has and makes
// it under this name if there is none; created says that it did. Processes that
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
		var at sqldb.Time
		err = tx.Row(ctx, `SELECT id, name, created_at FROM accounts
			WHERE id = (SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'default_account')`).Scan(&account.ID, &account.Name, &at)
		account.CreatedAt = at.Time
		return err
	})
	return account, created, err
}

// AccountName is the name of an account.
func (s *Store) AccountName(ctx context.Context, accountID int64) (name string, err error) {
	err = s.reader().Row(ctx, "SELECT name FROM accounts WHERE id = ?", accountID).Scan(&name)
	return name, s.translate(err)
}
