package store

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"carillon/internal/failpoint"
	"carillon/internal/fault"
)

//go:embed migrations
var migrations embed.FS

func (s *Store) goose() (*goose.Provider, error) {
	dialect, dir := goose.DialectSQLite3, "migrations/sqlite"
	if s.Postgres() {
		dialect, dir = goose.DialectPostgres, "migrations/postgres"
	}
	files, err := fs.Sub(migrations, dir)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	pool, err := s.db.Pool()
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	inGo, _ := s.goMigrations()
	return goose.NewProvider(dialect, pool, files, goose.WithGoMigrations(inGo...), goose.WithDisableGlobalRegistry(true))
}

// A migration that finds the tables in use for long is tried again, for some minutes.
const (
	mostBusy  = 100
	busyPause = time.Second
)

// Migrate brings the schema to the newest version and returns the names of the
// migrations it applied. Each is one transaction: a process killed in the
// middle leaves the version before it.
//
// Who migrates at the same time waits, and then finds nothing left to do.
func (s *Store) Migrate(ctx context.Context) (applied []string, err error) {
	unlock, err := s.lockMigration(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	provider, err := s.goose()
	if err != nil {
		return nil, err
	}
	for busy := 0; ; {
		result, err := provider.UpByOne(ctx)
		if err != nil {
			if isNoNext(err) {
				return applied, nil
			}
			// The step that others wait for gives up where it waits for them.
			if busy++; busy <= mostBusy && (s.d.Busy(err) || s.d.Retryable(err)) {
				if err := s.clock.Sleep(ctx, busyPause); err == nil {
					continue
				}
			}
			return applied, fault.Wrap(fault.Unavailable, "migrate the schema", err)
		}
		_, names := s.goMigrations()
		applied = append(applied, cmp.Or(result.Source.Path, names[result.Source.Version]))
		failpoint.Hit(failpoint.DuringMigration)
	}
}

// MigrateDown takes every migration back; all data is lost. It exists for the
// test that proves up → down → up.
func (s *Store) MigrateDown(ctx context.Context) error {
	provider, err := s.goose()
	if err != nil {
		return err
	}
	_, err = provider.DownTo(ctx, 0)
	return err
}

// SchemaVersion is the database's version and the newest that this program
// knows. The server refuses to start unless they are equal.
func (s *Store) SchemaVersion(ctx context.Context) (current, newest int64, err error) {
	provider, err := s.goose()
	if err != nil {
		return 0, 0, err
	}
	return provider.GetVersions(ctx)
}

func isNoNext(err error) bool { return errors.Is(err, goose.ErrNoNextVersion) }
