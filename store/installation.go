package store

import (
	"context"
	"crypto/rand"
	"strings"
)

// Installation names this store among all others, for ever, in 16 lower-case
// letters and digits (80 random bits): ids of messages are unique together with it.
func (s *Store) Installation(ctx context.Context) (name string, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if _, err := tx.Exec(ctx, "INSERT INTO meta (name, value) VALUES ('installation', ?) ON CONFLICT (name) DO NOTHING",
			strings.ToLower(rand.Text()[:16])); err != nil {
			return err
		}
		return tx.Row(ctx, "SELECT value FROM meta WHERE name = 'installation'").Scan(&name)
	})
	return name, err
}
