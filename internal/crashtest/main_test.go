package crashtest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/testenv"
)

// long is set for the long form of the suite.
var long = os.Getenv("CARILLON_TEST_LONG") != ""

// inLong is a number of the short form, and that of the long one.
func inLong[T any](short, longer T) T {
	if long {
		return longer
	}
	return short
}

// bothInLong are both stacks in the long form. In the short one it is the embedded one, for
// what others show on the servers, too: three processes, a database and a Redis for each test
// are what takes the time.
func bothInLong() []stack { return inLong([]stack{embedded}, []stack{embedded, servers}) }

// program is the real binary, built once for all tests.
var program string

// The servers that tests share, each test with a database of its own. Tests that
// stop a server start one for themselves.
var (
	sharedRedis    = sync.OnceValues(func() (*testenv.RedisServer, error) { return testenv.StartRedis("") })
	sharedPostgres = sync.OnceValues(func() (*testenv.PostgresServer, error) {
		return testenv.StartPostgres("", testenv.WithFsync(false))
	})
)

// newestSchema is a database of the shared server that was migrated once. Each test takes a
// copy: sixty migrations take longer than some tests.
var newestSchema = sync.OnceValues(func() (dsn string, err error) {
	postgres, err := sharedPostgres()
	if err != nil {
		return "", err
	}
	if dsn, err = postgres.CreateDatabase(context.Background()); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(context.Background(), program, "migrate")
	cmd.Env = append(os.Environ(), serverEnv(dsn, "")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("migrate: %w\n%s", err, out)
	}
	return dsn, nil
})

// newestFile is the embedded database in the newest schema, for the same reason.
var newestFile = sync.OnceValues(func() (content []byte, err error) { return testenv.NewestDatabase(program) })

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "carillon-crash-")
	if err != nil {
		return failed(err)
	}
	program = filepath.Join(dir, "carillon")
	if err := build(); err != nil {
		return failed(errors.Join(err, os.RemoveAll(dir)))
	}
	// Most of a test is waiting until a dead worker's heartbeat is old enough. This
	// is the default for -parallel.
	if err := flag.Set("test.parallel", "6"); err != nil {
		return failed(errors.Join(err, os.RemoveAll(dir)))
	}
	code := m.Run()
	errs := []error{os.RemoveAll(dir)}
	for _, shared := range []func() (io.Closer, error){
		func() (io.Closer, error) { return sharedRedis() },
		func() (io.Closer, error) { return sharedPostgres() },
	} {
		if server, err := shared(); err == nil {
			errs = append(errs, server.Close())
		}
	}
	if code == 0 {
		errs = append(errs, goleak.Find())
	}
	if err := errors.Join(errs...); err != nil {
		return max(code, failed(err))
	}
	return code
}

func failed(err error) int {
	_, _ = fmt.Fprintf(os.Stderr, "crashtest: %v\n", err)
	return 1
}

func build() error {
	cmd := exec.CommandContext(context.Background(), "go", "build", "-ldflags=-s", "-tags", "failpoint", "-o", program, "carillon/cmd/carillon")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return nil
}

// stack is what a cluster stands on.
type stack struct {
	name string
	// shared says that several processes can work on it.
	shared bool
	// empty says that the database has no schema yet, which on servers is for `carillon
	// migrate` to make.
	empty bool
	// env is the configuration of its processes, which keep their files in a folder; it makes the
	// databases.
	env func(t *testing.T, dir string) []string
}

var (
	embedded = stack{"embedded", false, false, func(t *testing.T, dir string) []string {
		newest, err := newestFile()
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, testenv.DatabaseFile), newest, 0o600))
		return nil
	}}
	servers = stack{"servers", true, false, func(t *testing.T, _ string) []string {
		newest, err := newestSchema()
		require.NoError(t, err)
		return sharedEnv(t, func(s *testenv.PostgresServer) string { return s.NewCopy(t, newest) })
	}}
	// emptyEmbedded and emptyServers are these before any migration.
	emptyEmbedded = stack{"embedded", false, true, func(*testing.T, string) []string { return nil }}
	emptyServers  = stack{"servers", true, true, func(t *testing.T, _ string) []string {
		return sharedEnv(t, func(s *testenv.PostgresServer) string { return s.NewDatabase(t) })
	}}
)

// sharedEnv is the configuration for a database of the shared PostgreSQL and one of the shared
// Redis.
func sharedEnv(t *testing.T, database func(*testenv.PostgresServer) (dsn string)) []string {
	t.Helper()
	redis, err := sharedRedis()
	require.NoError(t, err)
	postgres, err := sharedPostgres()
	require.NoError(t, err)
	return serverEnv(database(postgres), redis.NewDatabase(t))
}

// ownServers is a stack on servers that the test may stop.
func ownServers(redis *testenv.RedisServer, postgres *testenv.PostgresServer) stack {
	return stack{"own servers", true, true, func(*testing.T, string) []string { return serverEnv(postgres.DSN(), redis.URL()) }}
}

func serverEnv(dsn, redisURL string) []string {
	return []string{"CARILLON_STORE_DSN=" + dsn, "CARILLON_REDIS_URL=" + redisURL, "CARILLON_MASTER_KEY=a master key for tests alone"}
}
