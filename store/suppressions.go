package store

import (
	"context"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting"
)

// suppress puts an address on the list of those never to write to, in the
// transaction of whatever led to it. The first reason stays.
func (s *Store) suppress(ctx context.Context, tx conn, p targeting.Suppression) (added bool, err error) {
	n, err := tx.exec(ctx, `INSERT INTO suppressions (account_id, kind, address, reason, created_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (account_id, kind, address) DO NOTHING`,
		p.AccountID, string(p.Kind), p.Address, p.Reason, ms(s.clock.Now()))
	return n == 1, err
}

// AddSuppression is suppress by itself; added is false if the address was on
// the list already. The address must be normal (targeting.NormalAddress).
func (s *Store) AddSuppression(ctx context.Context, p targeting.Suppression) (added bool, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		var err error
		added, err = s.suppress(ctx, tx, p)
		return err
	})
	return added, err
}

// RemoveSuppression lets an address be written to again.
func (s *Store) RemoveSuppression(ctx context.Context, accountID int64, kind providers.AddressKind, address string) error {
	return s.inTx(ctx, func(tx conn) error {
		n, err := tx.exec(ctx, "DELETE FROM suppressions WHERE account_id = ? AND kind = ? AND address = ?", accountID, string(kind), address)
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "%s is not suppressed", address)
		}
		return err
	})
}

// Suppressed reports whether an address is on the list.
func (s *Store) Suppressed(ctx context.Context, accountID int64, kind providers.AddressKind, address string) (bool, error) {
	var n int
	err := s.reader().row(ctx, "SELECT COUNT(*) FROM suppressions WHERE account_id = ? AND kind = ? AND address = ?",
		accountID, string(kind), address).Scan(&n)
	return n > 0, s.translate(err)
}

// Suppressions lists an account's suppressions in the order of kind and
// address, behind the given one; the zero Suppression begins at the first.
func (s *Store) Suppressions(ctx context.Context, accountID int64, after targeting.Suppression, limit int) ([]targeting.Suppression, error) {
	var list []targeting.Suppression
	err := s.reader().scanAll(ctx, func(scan func(...any) error) error {
		p := targeting.Suppression{AccountID: accountID}
		var at millis
		if err := scan(&p.Kind, &p.Address, &p.Reason, &at); err != nil {
			return err
		}
		p.CreatedAt = at.Time
		list = append(list, p)
		return nil
	}, `SELECT kind, address, reason, created_at FROM suppressions WHERE account_id = ? AND (kind, address) > (?, ?)
		ORDER BY kind, address LIMIT ?`, accountID, string(after.Kind), after.Address, limit)
	return list, s.translate(err)
}
