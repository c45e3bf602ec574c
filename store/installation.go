package store

import (
	"context"
	"crypto/rand"
)

// Installation names this store among all others, for ever: ids of messages are
// unique together with it.
func (s *Store) Installation(ctx context.Context) (name string, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if _, err := tx.exec(ctx, "INSERT INTO meta (name, value) VALUES ('installation', ?) ON CONFLICT (name) DO NOTHING", rand.Text()); err != nil {
			return err
		}
		return tx.row(ctx, "SELECT value FROM meta WHERE name = 'installation'").Scan(&name)
	})
	return name, err
}
