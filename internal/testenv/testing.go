package testenv

import (
	"context"
	"testing"
)

// server is what the test-bound functions need of a server.
type server interface {
	Close() error
	log() string
}

// bind ends a server with its test, and shows the end of its log if the test
// failed.
func bind(t testing.TB, s server) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server's log ends:\n%s", s.log())
		}
		if err := s.Close(); err != nil {
			t.Errorf("end the test's server: %v", err)
		}
	})
}

// Redis starts a Redis server for this test alone.
func Redis(t testing.TB, options ...RedisOption) *RedisServer {
	t.Helper()
	s, err := StartRedis("", options...)
	if err != nil {
		t.Fatal(err)
	}
	bind(t, s)
	return s
}

// RedisCluster starts a cluster of three masters for this test alone and
// returns the nodes' host:port.
func RedisCluster(t testing.TB) []string {
	t.Helper()
	c, err := StartRedisCluster("")
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range c.Nodes {
		bind(t, node)
	}
	return c.Addrs()
}

// Sentinel starts a Redis server and a Sentinel that watches it for this test
// alone. It returns the name to ask the Sentinel for and the Sentinel's
// host:port.
func Sentinel(t testing.TB) (masterName, addr string) {
	t.Helper()
	s, err := StartSentinel("")
	if err != nil {
		t.Fatal(err)
	}
	bind(t, s)
	return s.MasterName(), s.Addr()
}

// Postgres starts a PostgreSQL server for this test alone. It takes a second
// or two; tests that don't stop the server share one (SharedPostgres).
func Postgres(t testing.TB, options ...PostgresOption) *PostgresServer {
	t.Helper()
	s, err := StartPostgres("", options...)
	if err != nil {
		t.Fatal(err)
	}
	bind(t, s)
	return s
}

// NewDatabase makes an empty database for this test alone and returns its
// address. It is deleted after the test, if the server is running then.
func (s *PostgresServer) NewDatabase(t testing.TB) string {
	t.Helper()
	return s.NewCopy(t, s.dsn("template1"))
}

// NewCopy is NewDatabase with all that is in another database, to which nobody
// may be connected meanwhile.
func (s *PostgresServer) NewCopy(t testing.TB, from string) string {
	t.Helper()
	dsn, err := s.CopyDatabase(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !s.daemon.running() {
			return
		}
		if err := s.DropDatabase(context.WithoutCancel(t.Context()), dsn); err != nil {
			t.Errorf("clean up after the test: %v", err)
		}
	})
	return dsn
}

// NewDatabase returns the address of a numbered database that no other test of
// this server uses.
func (s *RedisServer) NewDatabase(t testing.TB) string {
	t.Helper()
	url, err := s.NextDatabaseURL()
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// FreeAddress is a host:port of TCP that a program of the test may listen on; it is kept for
// the test until that ends.
func FreeAddress(t testing.TB) string {
	t.Helper()
	p, err := reservePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.release(); err != nil {
			t.Error(err)
		}
	})
	return p.addr()
}
