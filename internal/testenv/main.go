package testenv

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// shared holds the servers of this test binary. It is state of the package
// because it stands for the process: TestMain and the tests have nothing else
// in common.
var shared sharedServers

type sharedServers struct {
	mu sync.Mutex
	// open says that Main runs and will end what is started.
	open     bool
	redis    *RedisServer
	postgres *PostgresServer
}

// errNoMain tells how to have the shared servers ended.
var errNoMain = errors.New("a shared server needs `func TestMain(m *testing.M) { testenv.Main(m) }` in this package")

// Main runs a package's tests, ends the shared servers and then fails if a
// goroutine was left behind. It is the whole of a TestMain, and does not
// return. The options are goleak's, for goroutines that a library never ends.
func Main(m *testing.M, options ...goleak.Option) {
	os.Exit(shared.run(m.Run, os.Stderr.WriteString, options...))
}

// run returns the exit code of the process.
func (s *sharedServers) run(tests func() int, report func(string) (int, error), options ...goleak.Option) int {
	s.setOpen(true)
	code := tests()
	errs := []error{s.close()}
	if code == 0 {
		// After a failure there may well be leaks, which would hide its cause.
		errs = append(errs, goleak.Find(options...))
	}
	if err := errors.Join(errs...); err != nil {
		_, _ = report(fmt.Sprintf("testenv: after the tests: %v\n", err)) // the exit code says so, too
		return max(code, 1)
	}
	return code
}

func (s *sharedServers) setOpen(open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = open
}

func (s *sharedServers) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = false
	var errs []error
	if s.redis != nil {
		errs = append(errs, s.redis.Close())
		s.redis = nil
	}
	if s.postgres != nil {
		errs = append(errs, s.postgres.Close())
		s.postgres = nil
	}
	return errors.Join(errs...)
}

func (s *sharedServers) startedRedis() (*RedisServer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return nil, errNoMain
	}
	var err error
	if s.redis == nil {
		s.redis, err = StartRedis("")
	}
	return s.redis, err
}

func (s *sharedServers) startedPostgres() (*PostgresServer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		return nil, errNoMain
	}
	var err error
	if s.postgres == nil {
		s.postgres, err = StartPostgres("", WithFsync(false))
	}
	return s.postgres, err
}

// SharedRedis is the one Redis server of this test binary, started at the first
// call and ended by Main. Tests take a database each (NewDatabase), and must
// not stop the server nor flush all of it.
func SharedRedis(t testing.TB) *RedisServer {
	t.Helper()
	s, err := shared.startedRedis()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// SharedPostgres is the one PostgreSQL server of this test binary, started at
// the first call without fsync and ended by Main. Tests take a database each
// (NewDatabase), and must not stop the server.
func SharedPostgres(t testing.TB) *PostgresServer {
	t.Helper()
	s, err := shared.startedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// IgnoreServers keeps goleak's checks within a test (goleak.VerifyNone) from
// taking the goroutines that watch running servers for leaks.
func IgnoreServers() goleak.Option {
	return goleak.IgnoreAnyFunction("carillon/internal/testenv.(*process).run")
}
