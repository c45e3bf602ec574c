// Package store is the authority on what may happen to a message: the schema,
// its migrations for SQLite and PostgreSQL, the queries and the group-commit
// writer. It implements the interfaces that the domain packages declare. It
// knows no HTTP and no Redis.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
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
}

// defaultSoftBounces is how many soft bounces in a row suppress an address: a
// mailbox that is full for five messages is left alone by most mailing systems.
const defaultSoftBounces = 5

// Store is an open database.
type Store struct {
	// write has a single connection on SQLite, which has a single writer anyway:
	// waiting for it in Go is fair and never ends in SQLITE_BUSY.
	write *gorm.DB
	// read is a pool beside it on SQLite and the same as write on PostgreSQL.
	read  *gorm.DB
	d     *dialect
	box   *secret.Box
	clock clock.Clock
	log   *slog.Logger
	dsn   string
	// shredding says that the log may still hold what was erased.
	shredding atomic.Bool
	halts     halts
	writable  writable
	// transactions counts those that were begun to write.
	transactions atomic.Int64
	// softBounces in a row suppress an address.
	softBounces int
	// leastPlanPart is the constant; tests plan in parts with fewer contacts.
	leastPlanPart int
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
	s := &Store{box: o.Box, clock: o.Clock, log: o.Logger, dsn: o.DSN, softBounces: o.SoftBounces, leastPlanPart: leastPlanPart, maxRequests: maxRequests}
	var err error
	if IsPostgres(o.DSN) {
		err = s.openPostgres(o.DSN)
	} else {
		err = s.openSQLite(o.DSN)
	}
	if err != nil {
		return nil, err
	}
	if err := s.Ping(ctx); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// IsPostgres reports whether a DSN names a PostgreSQL database.
func IsPostgres(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

func gormConfig() *gorm.Config {
	return &gorm.Config{
		Logger:                 logger.Discard,
		SkipDefaultTransaction: true,
		NamingStrategy:         nil,
		// Rows are mapped by explicit column names; nothing is created, updated
		// or joined behind our back.
		DisableForeignKeyConstraintWhenMigrating: true,
		TranslateError:                           true,
	}
}

// Pool sizes. A process holds few connections, because what is fast goes
// through the group-commit writer and what is slow is rare.
const (
	postgresConnections = 12
	sqliteReaders       = 4
)

func (s *Store) openPostgres(dsn string) error {
	config, err := postgresConfig(dsn)
	if err != nil {
		return err
	}
	// Compiling a rule of many conditions to machine code takes seconds, running it
	// does not. Not a startup parameter, because connection poolers refuse those.
	connections := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SET jit = off")
		return err
	}))
	db, err := gorm.Open(postgres.New(postgres.Config{Conn: connections}), gormConfig())
	if err != nil {
		_ = connections.Close()
		return fault.Wrap(fault.Unavailable, "open PostgreSQL", err)
	}
	pool, err := db.DB()
	if err != nil {
		return fmt.Errorf("open PostgreSQL: %w", err)
	}
	pool.SetMaxOpenConns(postgresConnections)
	pool.SetMaxIdleConns(postgresConnections)
	s.write, s.read, s.d = db, db, &postgresDialect
	return nil
}

// postgresConfig reads a DSN. Its errors quote nothing of it that could be a
// part of the password.
func postgresConfig(dsn string) (*pgx.ConnConfig, error) {
	unreadable := fault.InvalidField("store_dsn", nil, "can't be read: it must be postgres://user:password@host:5432/database, "+
		"and in user and password / ? # @ : and %% are written %%2F %%3F %%23 %%40 %%3A and %%25")
	u, err := url.Parse(dsn)
	// A password with a # or ? ends the host before its @: the rest would be
	// connected to, or quoted, as something else.
	if err != nil || u.User == nil && strings.Contains(dsn, "@") {
		return nil, unreadable
	}
	config, err := pgx.ParseConfig(dsn)
	if err == nil {
		return config, nil
	}
	password, _ := u.User.Password()
	if cause := errors.Unwrap(err); cause != nil && (password == "" || !strings.Contains(cause.Error(), password)) {
		return nil, fault.InvalidField("store_dsn", nil, "can't be used: %v", cause)
	}
	return nil, unreadable
}

func (s *Store) openSQLite(path string) error {
	err := keepPrivate(path)
	if err != nil {
		return err
	}
	if s.write, err = sqliteDB(path, "&_txlock=immediate", 1); err != nil {
		return err
	}
	if s.read, err = sqliteDB(path, "&_query_only=1", sqliteReaders); err != nil {
		return err
	}
	s.d = &sqliteDialect
	// A process may have died before it emptied the log.
	s.shredding.Store(true)
	return nil
}

// busyTimeout is how long, in milliseconds, SQLite waits for a lock.
const busyTimeout = 10_000

// sqliteDB opens a SQLite file.
func sqliteDB(path, extra string, connections int) (*gorm.DB, error) {
	// With secure_delete what is deleted is overwritten: erased people would else
	// stay in free pages.
	pragmas := "?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=" + strconv.Itoa(busyTimeout) + "&_foreign_keys=on&_cache_size=-16000&_stmt_cache_size=256&_secure_delete=on"
	db, err := gorm.Open(sqlite.Open("file:"+path+pragmas+extra), gormConfig())
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "open SQLite file "+path, err)
	}
	pool, err := db.DB()
	if err != nil {
		return nil, fmt.Errorf("open SQLite: %w", err)
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return db, nil
}

// Transactions is how many transactions this process has begun to write, tries
// that were repeated among them. It is what commits cost whatever the machine.
func (s *Store) Transactions() int64 { return s.transactions.Load() }

// Ping asks the database whether it answers.
func (s *Store) Ping(ctx context.Context) error {
	for _, db := range []*gorm.DB{s.write, s.read} {
		pool, err := db.DB()
		if err != nil {
			return fault.Wrap(fault.Unavailable, "reach the store", err)
		}
		if err := pool.PingContext(ctx); err != nil {
			return fault.Wrap(fault.Unavailable, "reach the store", err)
		}
	}
	return nil
}

// Close releases the connections.
func (s *Store) Close() error {
	s.halts.reading.Wait()
	var errs []error
	for _, db := range []*gorm.DB{s.write, s.read} {
		if db == nil {
			continue
		}
		if pool, err := db.DB(); err == nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// Postgres reports whether the store is a PostgreSQL database, which several
// processes may share.
func (s *Store) Postgres() bool { return s.d == &postgresDialect }

// conn is a connection or transaction that runs plain SQL. Statements are
// written with ? and rebound for the database.
type conn struct {
	pool    gorm.ConnPool
	d       *dialect
	effects *effects // of the transaction; nil outside of one
	// own is the connection of a transaction of inCopyTx on PostgreSQL, else nil.
	own *sql.Conn
}

// effects are what a transaction has this process do once it is committed.
type effects struct{ halted bool }

func (s *Store) reader() conn { return conn{pool: s.read.Statement.ConnPool, d: s.d} }

func (c conn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := c.pool.ExecContext(ctx, c.d.rebind(query), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (c conn) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return c.pool.QueryContext(ctx, c.d.rebind(query), args...)
}

func (c conn) row(ctx context.Context, query string, args ...any) *sql.Row {
	return c.pool.QueryRowContext(ctx, c.d.rebind(query), args...)
}

// scanAll runs a query and calls scan for each row.
func (c conn) scanAll(ctx context.Context, scan func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := c.query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// ids runs a query that yields one id a row.
func (s *Store) ids(ctx context.Context, query string, args ...any) ([]int64, error) {
	var list []int64
	err := s.reader().scanAll(ctx, func(scan func(...any) error) error {
		var id int64
		if err := scan(&id); err != nil {
			return err
		}
		list = append(list, id)
		return nil
	}, query, args...)
	return list, s.translate(err)
}

// insert runs an INSERT … RETURNING id.
func (c conn) insert(ctx context.Context, query string, args ...any) (int64, error) {
	var id int64
	err := c.row(ctx, query+" RETURNING id", args...).Scan(&id)
	return id, err
}

// maxTxTries is how often a transaction is begun again after a deadlock or a
// serialization failure, which PostgreSQL may report to either side at any time.
const maxTxTries = 5

// inTx runs fn in one transaction and repeats it whole when the database asks
// for that; fn must therefore set its results anew each time.
func (s *Store) inTx(ctx context.Context, fn func(tx conn) error) error {
	return s.repeat(ctx, func(effects *effects) error {
		return s.write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			return fn(conn{pool: tx.Statement.ConnPool, d: s.d, effects: effects})
		})
	})
}

// repeat begins a transaction, again and again while the database asks for that.
func (s *Store) repeat(ctx context.Context, begin func(*effects) error) error {
	var err error
	for try := range maxTxTries {
		s.transactions.Add(1)
		var effects effects
		err = begin(&effects)
		if effects.halted { // even after an error: it may have been committed
			s.halts.here.Add(1)
		}
		if err == nil || !s.d.retryable(err) {
			break
		}
		if sleepErr := s.clock.Sleep(ctx, time.Duration(try+1)*5*time.Millisecond); sleepErr != nil {
			break
		}
	}
	return s.translate(err)
}

// inTxAsync is inTx for what is simply done again if a crash of the database
// loses it: planning, feeding, importing.
func (s *Store) inTxAsync(ctx context.Context, fn func(tx conn) error) error {
	return s.inTx(ctx, async(ctx, fn))
}

// async is fn in a transaction of which PostgreSQL does not wait until it is on
// the disk; whatever is committed later and waits, takes it with it. SQLite has no
// such choice for a single transaction.
func async(ctx context.Context, fn func(tx conn) error) func(tx conn) error {
	return func(tx conn) error {
		if tx.d == &postgresDialect {
			if _, err := tx.exec(ctx, "SET LOCAL synchronous_commit = off"); err != nil {
				return err
			}
		}
		return fn(tx)
	}
}

// translate gives errors of the database a code that callers can act on.
func (s *Store) translate(err error) error {
	var known *fault.Error
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, sql.ErrNoRows), errors.Is(err, gorm.ErrRecordNotFound):
		return fault.Wrap(fault.NotFound, "look up", err)
	case s.d.unreachable(err):
		return fault.Wrap(fault.Unavailable, "reach the store", err)
	}
	return err
}

// millis is the one type in which times are stored: UTC milliseconds since
// 1970. The zero time is NULL.
type millis struct{ time.Time }

// Scan reads a stored time.
func (m *millis) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		m.Time = time.Time{}
	case int64:
		m.Time = time.UnixMilli(v).UTC()
	default:
		return fmt.Errorf("scan time: unexpected %T", value)
	}
	return nil
}

// ptr is the time, nil where there is none.
func (m millis) ptr() *time.Time {
	if m.IsZero() {
		return nil
	}
	t := m.Time
	return &t
}

// ms is a time as it is stored; nil for the zero time.
func ms(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// msPtr is ms for a time that may be missing.
func msPtr(t *time.Time) any {
	if t == nil {
		return nil
	}
	return ms(*t)
}

// millisOf is a time in the precision in which it is stored.
func millisOf(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
