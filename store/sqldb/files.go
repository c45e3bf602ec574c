package sqldb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"carillon/internal/fault"
)

// OwnerOnly is the mode of files that hold what nobody else may read.
const OwnerOnly fs.FileMode = 0o600

// keepPrivate makes a SQLite file that only its owner may read, before SQLite
// would make one by the umask, and takes the others' rights off one that is
// there already, with what SQLite keeps beside it. SQLite gives new files beside
// it the mode of the database.
func keepPrivate(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, OwnerOnly)
	if err != nil {
		return fault.Wrap(fault.Unavailable, "open SQLite file "+path, err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("open SQLite file: %w", err)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm", path + "-journal"} {
		info, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && info.Mode().Perm()&^OwnerOnly != 0 {
			err = os.Chmod(name, OwnerOnly)
		}
		if err != nil {
			return fault.Wrap(fault.Unavailable, "keep "+name+" from others' eyes (chmod 600)", err)
		}
	}
	return nil
}

// logPatience is how long, in milliseconds, an emptying of the log waits for
// readers; nobody can write meanwhile.
const logPatience = 100

// EmptyLog empties SQLite's write-ahead log, which holds what was erased as it
// was before. It reports false if readers kept it from doing so.
func (db *DB) EmptyLog(ctx context.Context) (emptied bool, err error) {
	pool, err := db.read.DB()
	if err != nil {
		return false, fmt.Errorf("empty the log: %w", err)
	}
	c, err := pool.Conn(ctx)
	if err != nil {
		return false, db.Translate(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", logPatience)); err != nil {
		return false, db.Translate(err)
	}
	var busy, pages, moved int
	err = c.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	if _, back := c.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf("PRAGMA busy_timeout = %d", busyTimeout)); back != nil {
		err = errors.Join(err, back)
	}
	return err == nil && busy == 0, db.Translate(err)
}
