package store

import (
	"context"
	"database/sql"
	"errors"

	"carillon/contacts"
)

// SetWritten notes how an address was written.
func (s *Store) SetWritten(ctx context.Context, of contacts.Holding, written string) error {
	return s.inTx(ctx, func(tx conn) error { return tx.setWritten(ctx, of, written) })
}

func (tx conn) setWritten(ctx context.Context, of contacts.Holding, written string) error {
	_, err := tx.Exec(ctx, "UPDATE addresses SET written = ? WHERE contact_id = ? AND kind = ? AND account_id = ?",
		written, of.ContactID, string(of.Kind), of.AccountID)
	return err
}

// Written is how an address was written.
func (s *Store) Written(ctx context.Context, of contacts.Holding) (string, error) {
	return s.text(ctx, "SELECT written FROM addresses WHERE contact_id = ? AND kind = ? AND account_id = ?", of.ContactID, string(of.Kind), of.AccountID)
}

// SetListCalled notes what a program called a list.
func (s *Store) SetListCalled(ctx context.Context, accountID, listID int64, called string) error {
	return s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "UPDATE lists SET called = ? WHERE id = ? AND account_id = ?", called, listID, accountID)
		return err
	})
}

// text reads one text; empty where there is none.
func (s *Store) text(ctx context.Context, query string, args ...any) (text string, err error) {
	err = s.reader().Row(ctx, query, args...).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return text, s.translate(err)
}
