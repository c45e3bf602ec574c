// Package sqldb owns how the store speaks to its database: opening SQLite and
// PostgreSQL, transactions that are repeated when the database asks for it, the
// words in which the two dialects differ, and how rows and times are read. It
// knows no table but meta-data of the databases themselves, and nothing of what
// is kept.
package sqldb

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"carillon/internal/clock"
	"carillon/internal/fault"
)

// DB is an open database.
type DB struct {
	// write has a single connection on SQLite, which has a single writer anyway:
	// waiting for it in Go is fair and never ends in SQLITE_BUSY.
	write *gorm.DB
	// read is a pool beside it on SQLite and the same as write on PostgreSQL.
	read    *gorm.DB
	dialect *Dialect
	// clock paces the repeats of a transaction.
	clock clock.Clock
	dsn   string
	// transactions counts those that were begun to write.
	transactions atomic.Int64
}

// Open connects to the database that a DSN names: a postgres:// URL, or the path
// of a SQLite file. The clock paces the repeats of a transaction. Errors are
// faults of code Unavailable, or Invalid for a DSN that can't be read.
func Open(ctx context.Context, dsn string, c clock.Clock) (*DB, error) {
	db := &DB{clock: c, dsn: dsn}
	var err error
	if IsPostgres(dsn) {
		err = db.openPostgres()
	} else {
		err = db.openSQLite(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := db.Ping(ctx); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
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
	// SQLiteReaders is how many connections read a SQLite file side by side.
	SQLiteReaders = 4
)

func (db *DB) openPostgres() error {
	config, err := postgresConfig(db.dsn)
	if err != nil {
		return err
	}
	// Compiling a rule of many conditions to machine code takes seconds, running it
	// does not. Not a startup parameter, because connection poolers refuse those.
	connections := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SET jit = off")
		return err
	}))
	opened, err := gorm.Open(postgres.New(postgres.Config{Conn: connections}), gormConfig())
	if err != nil {
		_ = connections.Close()
		return unreachable("open PostgreSQL", err)
	}
	pool, err := opened.DB()
	if err != nil {
		return fmt.Errorf("open PostgreSQL: %w", err)
	}
	pool.SetMaxOpenConns(postgresConnections)
	pool.SetMaxIdleConns(postgresConnections)
	db.write, db.read, db.dialect = opened, opened, &Postgres
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

func (db *DB) openSQLite(ctx context.Context) error {
	err := keepPrivate(db.dsn)
	if err != nil {
		return err
	}
	db.dialect = &SQLite
	if db.write, err = db.patiently(ctx, "&_txlock=immediate", 1); err != nil {
		return err
	}
	db.read, err = db.patiently(ctx, "&_query_only=1", SQLiteReaders)
	return err
}

// openPause is how long to wait before a file that is busy is opened again.
const openPause = 20 * time.Millisecond

// patiently opens the file, again and again for busyTimeout while it is busy: when
// several make a new file at once, SQLite answers that it is locked without waiting
// for whoever makes its log.
func (db *DB) patiently(ctx context.Context, extra string, connections int) (opened *gorm.DB, err error) {
	for range busyTimeout * time.Millisecond / openPause {
		if opened, err = sqliteDB(db.dsn, extra, connections); err == nil || !SQLite.Retryable(err) || db.clock.Sleep(ctx, openPause) != nil {
			break
		}
	}
	return opened, err
}

// busyTimeout is how long, in milliseconds, SQLite waits for a lock.
const busyTimeout = 10_000

// sqliteDB opens a SQLite file.
func sqliteDB(path, extra string, connections int) (*gorm.DB, error) {
	// With secure_delete what is deleted is overwritten: erased people would else
	// stay in free pages.
	pragmas := "?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=" + strconv.Itoa(busyTimeout) +
		"&_foreign_keys=on&_cache_size=-16000&_stmt_cache_size=256&_secure_delete=on"
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

// Dialect is what differs between the databases, for this one.
func (db *DB) Dialect() *Dialect { return db.dialect }

// Transactions is how many transactions this process has begun to write, tries
// that were repeated among them. It is what commits cost whatever the machine.
func (db *DB) Transactions() int64 { return db.transactions.Load() }

// Pool is the pool of connections that write.
func (db *DB) Pool() (*sql.DB, error) { return db.write.DB() }

// ReadPool is the pool of connections that read; the same as Pool on PostgreSQL.
func (db *DB) ReadPool() (*sql.DB, error) { return db.read.DB() }

// Reader is a connection to read with, outside of any transaction.
func (db *DB) Reader() Conn { return Conn{Pool: db.read.Statement.ConnPool, dialect: db.dialect} }

// Writer is a connection to write with outside of any transaction: for what the
// database refuses inside of one.
func (db *DB) Writer() Conn { return Conn{Pool: db.write.Statement.ConnPool, dialect: db.dialect} }

// Ping asks the database whether it answers.
func (db *DB) Ping(ctx context.Context) error {
	for _, pooled := range []*gorm.DB{db.write, db.read} {
		pool, err := pooled.DB()
		if err != nil {
			return fault.Wrap(fault.Unavailable, "reach the store", err)
		}
		if err := pool.PingContext(ctx); err != nil {
			return unreachable("reach the store", err)
		}
	}
	return nil
}

// A class of errors of PostgreSQL, and one error (its manual, appendix A).
const (
	invalidAuthorization  = "28"
	insufficientPrivilege = "42501"
)

// unreachable is Unavailable, and says what to do about a PostgreSQL that lets nobody in.
func unreachable(op string, err error) error {
	return &fault.Error{Code: fault.Unavailable, Op: op, Message: advice(err), Err: err}
}

// advice is empty where the error says it.
func advice(err error) string {
	var refused *pgconn.PgError
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &untrusted):
		return "the certificate of PostgreSQL is not trusted: name the file of its authority by sslrootcert in store_dsn (CARILLON_STORE_DSN), " +
			"and the host as the certificate does"
	case !errors.As(err, &refused):
		return ""
	case strings.HasPrefix(refused.Code, invalidAuthorization):
		return "PostgreSQL does not take the user and password of store_dsn (CARILLON_STORE_DSN): compare them with its roles and pg_hba.conf"
	case refused.Code == insufficientPrivilege:
		return "the role of store_dsn (CARILLON_STORE_DSN) may not use the database: make it the owner, as docs/network.md says"
	}
	return ""
}

// Close releases the connections.
func (db *DB) Close() error {
	var errs []error
	for _, pooled := range []*gorm.DB{db.write, db.read} {
		if pooled == nil {
			continue
		}
		if pool, err := pooled.DB(); err == nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// Postgres reports whether it is a PostgreSQL database, which several processes
// may share.
func (db *DB) Postgres() bool { return db.dialect == &Postgres }

// maxTxTries is how often a transaction is begun again after a deadlock or a
// serialization failure, which PostgreSQL may report to either side at any time.
const maxTxTries = 5

// InTx runs fn in one transaction and repeats it whole when the database asks
// for that; fn must therefore set its results anew each time.
func (db *DB) InTx(ctx context.Context, fn func(tx Conn) error) error {
	return db.repeat(ctx, func(after *[]func()) error {
		return db.write.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
			return fn(Conn{Pool: tx.Statement.ConnPool, dialect: db.dialect, after: after})
		})
	})
}

// repeat begins a transaction, again and again while the database asks for that.
func (db *DB) repeat(ctx context.Context, begin func(after *[]func()) error) error {
	var err error
	for try := range maxTxTries {
		db.transactions.Add(1)
		var after []func()
		err = begin(&after)
		for _, do := range after { // even after an error: it may have been committed
			do()
		}
		if err == nil || !db.dialect.Retryable(err) {
			break
		}
		if sleepErr := db.clock.Sleep(ctx, time.Duration(try+1)*5*time.Millisecond); sleepErr != nil {
			break
		}
	}
	return db.Translate(err)
}

// InTxAsync is InTx for what is simply done again if a crash of the database
// loses it: PostgreSQL does not wait until the transaction is on the disk;
// whatever is committed later and waits, takes it with it. SQLite has no such
// choice for a single transaction.
func (db *DB) InTxAsync(ctx context.Context, fn func(tx Conn) error) error {
	return db.InTx(ctx, Async(ctx, fn))
}

// Async is fn for a transaction of InTxAsync that is begun in another way.
func Async(ctx context.Context, fn func(tx Conn) error) func(tx Conn) error {
	return func(tx Conn) error {
		if tx.dialect == &Postgres {
			if _, err := tx.Exec(ctx, "SET LOCAL synchronous_commit = off"); err != nil {
				return err
			}
		}
		return fn(tx)
	}
}

// Translate gives errors of the database a code that callers can act on:
// NotFound for a row that is not there, Unavailable for a database that does not
// answer.
func (db *DB) Translate(err error) error {
	var known *fault.Error
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, sql.ErrNoRows), errors.Is(err, gorm.ErrRecordNotFound):
		return fault.Wrap(fault.NotFound, "look up", err)
	case db.dialect.Unreachable(err):
		return fault.Wrap(fault.Unavailable, "reach the store", err)
	}
	return err
}
