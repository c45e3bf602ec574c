package store

import (
	"context"

	"carillon/internal/fault"
)

// canary is what CheckMasterKey seals: any other text would do.
const canary = "carillon"

// CheckMasterKey makes sure that this process has the master key that the
// store's secrets were sealed with, before a secret is sealed with another. The
// first process decides which it is.
func (s *Store) CheckMasterKey(ctx context.Context) error {
	sealed, err := s.box.Seal([]byte(canary))
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(tx conn) error {
		if _, err := tx.Exec(ctx, "INSERT INTO meta (name, value) VALUES ('canary', ?) ON CONFLICT (name) DO NOTHING", sealed); err != nil {
			return err
		}
		var kept string
		if err := tx.Row(ctx, "SELECT value FROM meta WHERE name = 'canary'").Scan(&kept); err != nil {
			return err
		}
		if opened, err := s.box.Open(kept); err != nil || string(opened) != canary {
			return fault.InvalidField("master_key", nil,
				"is not the key that this store's secrets are encrypted with: set CARILLON_MASTER_KEY to the one that was used before, the same for every process")
		}
		return nil
	})
}
