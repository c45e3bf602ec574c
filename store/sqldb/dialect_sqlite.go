package sqldb

import (
	"errors"

	"github.com/mattn/go-sqlite3"
)

// SQLite is SQLite's dialect.
var SQLite = Dialect{
	Name:    "sqlite3",
	InIDs:   "IN (SELECT value FROM json_each(?))",
	InTexts: "IN (SELECT value FROM json_each(?))",
	Now:     "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
	Retryable: func(err error) bool {
		var e sqlite3.Error
		return errors.As(err, &e) && (e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrLocked)
	},
	Busy: func(error) bool { return false }, // nothing that it has gives up a lock before it is there
	Duplicate: func(err error) bool {
		var e sqlite3.Error
		return errors.As(err, &e) && e.ExtendedCode == sqlite3.ErrConstraintUnique
	},
	Unreachable: func(err error) bool {
		var e sqlite3.Error
		return errors.As(err, &e) && (e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrIoErr ||
			e.Code == sqlite3.ErrFull || e.Code == sqlite3.ErrCantOpen)
	},
}
