package queue

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"carillon/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// quiet drops the log, which speaks of the faults that tests provoke.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// open opens a queue that the test closes.
func open(t testing.TB, o Options) *Queue {
	t.Helper()
	if o.Logger == nil {
		o.Logger = quiet()
	}
	q, err := Open(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, q.Close()) })
	return q
}

// context0 is for code that rapid runs many times within one test.
var context0 = context.Background()

// scriptFlush makes a node forget all scripts.
func scriptFlush(ctx context.Context, node redis.UniversalClient) error {
	return node.ScriptFlush(ctx).Err()
}

// onEveryRedis runs a test on the embedded Redis, a server, a cluster and a
// Sentinel's master.
func onEveryRedis(t *testing.T, test func(t *testing.T, q *Queue)) {
	urls := map[string]func(t *testing.T) string{
		"embedded": func(*testing.T) string { return "" },
		"redis":    func(t *testing.T) string { return testenv.SharedRedis(t).NewDatabase(t) },
		"redis with the least rights": func(t *testing.T) string {
			server, caFile := limited(t, strings.Fields(forTests)...)
			return "rediss://carillon:a-password@" + server.SecureAddr() + "/1?ca_file=" + caFile
		},
		"cluster with the least rights": func(t *testing.T) string { return limitedCluster(t) },
		"cluster":                       func(t *testing.T) string { return "redis+cluster://" + strings.Join(testenv.RedisCluster(t), ",") },
		"cluster, with a hyphen":        func(t *testing.T) string { return "redis-cluster://" + strings.Join(testenv.RedisCluster(t), ",") },
		"sentinel": func(t *testing.T) string {
			master, addr := testenv.Sentinel(t)
			return "redis+sentinel://" + addr + "/0?master=" + master
		},
	}
	for name, url := range urls {
		t.Run(name, func(t *testing.T) { test(t, open(t, Options{URL: url(t)})) })
	}
}
