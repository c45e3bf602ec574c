package sqldb

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Postgres is PostgreSQL's dialect.
var Postgres = Dialect{
	Name:   "postgres",
	Dollar: true,
	// The subquery hides the length of the list from the planner, which would
	// rather read a whole table than look thousands of ids up, and would do so
	// again for each batch.
	InIDs:      "= ANY((SELECT ?::bigint[])::bigint[])",
	InTexts:    "= ANY((SELECT ?::text[])::text[])",
	Now:        "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)",
	ForUpdate:  " FOR UPDATE",
	ForShare:   " FOR SHARE",
	SkipLocked: " FOR UPDATE SKIP LOCKED",
	Retryable: func(err error) bool {
		var e *pgconn.PgError
		return errors.As(err, &e) && (e.Code == "40P01" || e.Code == "40001")
	},
	Busy: func(err error) bool {
		var e *pgconn.PgError
		return errors.As(err, &e) && e.Code == "55P03"
	},
	Duplicate: func(err error) bool {
		var e *pgconn.PgError
		return errors.As(err, &e) && e.Code == "23505"
	},
	Unreachable: func(err error) bool {
		var e *pgconn.PgError
		if errors.As(err, &e) {
			// Class 08: connection; 57P0x: shutting down or starting up; 53: out of
			// resources.
			return strings.HasPrefix(e.Code, "08") || strings.HasPrefix(e.Code, "57P") || strings.HasPrefix(e.Code, "53")
		}
		var connect *pgconn.ConnectError
		var network net.Error
		return errors.As(err, &connect) || errors.As(err, &network) ||
			errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
			strings.Contains(err.Error(), "conn closed")
	},
}
