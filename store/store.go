// Package store is the authority on what may happen to a message: the schema,
// its migrations for SQLite and PostgreSQL, the queries and the group-commit
// writer. It implements the interfaces that the domain packages declare. It
// knows no HTTP and no Redis.
package store

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"carillon/access"
	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/store/sqldb"
)

// Options say which database to open and how.
type Options struct {
	// DSN is a postgres:// URL, or the path of a SQLite file.
	DSN string
	// Box seals what is secret; nil only in tests that store no secret.
	Box *secret.Box
	// Clock is the time for everything but leases and heartbeats between
	// processes, which go by the database's clock. Nil means the system's.
	Clock clock.Clock
	// Logger may be nil.
	Logger *slog.Logger
	// SoftBounces is how many soft bounces in a row suppress an address; 0 means
	// 5.
	SoftBounces int
	// Copies are the places to which the audit trail is copied: entries stay for
	// access.UncopiedStays until they are there.
	Copies []access.TrailCopy
}

// defaultSoftBounces is how many soft bounces in a row suppress an address: a
// mailbox that is full for five messages is left alone by most mailing systems.
const defaultSoftBounces = 5

// Store is an open database.
type Store struct {
	db    *sqldb.DB
	d     *dialect
	box   *secret.Box
	clock clock.Clock
	log   *slog.Logger
	dsn   string
	// shredding says that the log may still hold what was erased.
	shredding atomic.Bool
	// zonesChecked says that no campaign waits for an instant of other rules of time
	// zones any more.
	zonesChecked atomic.Bool
	halts        halts
	writable     writable
	lates        lates
	turns        turnTable
	rehours      rehoursPlace
	// flows are versions of flows that were read, *flow.Flow by campaign and version, and
	// stepRuns the runs of which it is known whether they are those of steps.
	flows    sync.Map
	stepRuns sync.Map
	// accounts are those of channels, by the channels' ids.
	accounts      sync.Map
	stepRunsKnown atomic.Int64
	// softBounces in a row suppress an address.
	softBounces int
	// copies are the places to which the audit trail is copied.
	copies []access.TrailCopy
	// leastPlanPart is the constant; tests plan in parts with fewer contacts.
	leastPlanPart int
	outboxPages   outboxPages
	retaining     retaining
	// swept is the last parked receipt that need not be looked at again, and analyzed the last one
	// when the query planner was told of them.
	swept, analyzed atomic.Int64
	deleting        deleting
	partitioning    partitionRules
	// maxRequests is the constant; tests remember fewer.
	maxRequests int
}

// Open connects to the database. It does not migrate.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.SoftBounces <= 0 {
		o.SoftBounces = defaultSoftBounces
	}
	db, err := sqldb.Open(ctx, o.DSN, o.Clock)
	if err != nil {
		return nil, err
	}
	s := &Store{
		db: db, d: dialectOf(db), box: o.Box, clock: o.Clock, log: o.Logger, dsn: o.DSN, softBounces: o.SoftBounces, copies: o.Copies,
		leastPlanPart: leastPlanPart, maxRequests: maxRequests,
		partitioning: partitionRules{width: partitionWidth, least: partitionLeast, lasts: partitionLasts},
	}
	// A process may have died before it emptied the log.
	s.shredding.Store(!s.Postgres())
	return s, nil
}

// Transactions is how many transactions this process has begun to write, tries
// that were repeated among them. It is what commits cost whatever the machine.
func (s *Store) Transactions() int64 { return s.db.Transactions() }

// Ping asks the database whether it answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Close releases the connections.
func (s *Store) Close() error {
	s.halts.reading.Wait()
	return s.db.Close()
}

// Postgres reports whether the store is a PostgreSQL database, which several
// processes may share.
func (s *Store) Postgres() bool { return s.db.Postgres() }

// translate gives errors of the database a code that callers can act on.
func (s *Store) translate(err error) error { return s.db.Translate(err) }

// ids runs a query that yields one id a row.
func (s *Store) ids(ctx context.Context, query string, args ...any) ([]int64, error) {
	list, err := sqldb.IDs(ctx, s.reader(), query, args...)
	return list, s.translate(err)
}
