package store

import (
	"context"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting"
)

// AddSuppression puts an address on the list of those never to write to, as
// Unsubscribe does; added is false if it was there already. Then the first reason
// stays, unless it was that the recipient unsubscribed and the new one keeps
// transactional messages away too. The address must be normal (targeting.NormalAddress).
func (s *Store) AddSuppression(ctx context.Context, p targeting.Suppression) (added bool, err error) {
	known, err := s.Suppressed(ctx, p.AccountID, p.Kind, p.Address)
	if err != nil {
		return false, err
	}
	return !known, s.Unsubscribe(ctx, p.AccountID, p.Kind, p.Address, p.Reason)
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

// ListSuppressions lists an account's suppressions in the order of kind and
// address, behind the given one; the zero Suppression begins at the first.
func (s *Store) ListSuppressions(ctx context.Context, accountID int64, after targeting.Suppression, limit int) ([]targeting.Suppression, error) {
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
