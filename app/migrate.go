package app

import (
	"context"
	"errors"

	"carillon/configs"
	"carillon/store"
)

// Migrate brings the configured store's schema to the newest version and
// returns the migrations that were applied.
func Migrate(ctx context.Context, c configs.Config) (applied []string, err error) {
	if err := c.EnsureDataDir(); err != nil {
		return nil, err
	}
	if err := refuseEmptied(c); err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, store.Options{DSN: c.Store()})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.Migrate(ctx)
}
