package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/api"
	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/internal/sink"
	"carillon/internal/testenv"
	"carillon/messages"
	"carillon/providers"
)

// fromDocs is what stands between two words of docs/network.md.
func fromDocs(t *testing.T, begin, end string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "docs", "network.md"))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(page), begin)
	require.True(t, found, begin)
	text, _, found := strings.Cut(after, end)
	require.True(t, found, end)
	return text
}

// Everything works over TLS, with a user of Redis that has the documented rules alone and the
// documented role of PostgreSQL; what is wrong with either is said, without a password.
func TestServersOverTLSWithUsersOfTheirOwn(t *testing.T) {
	t.Parallel()
	certificate, ca := testenv.Certificate(t)
	_, foreign := testenv.Certificate(t)
	caFile, foreignFile := filepath.Join(t.TempDir(), "ca.pem"), filepath.Join(t.TempDir(), "foreign.pem")
	require.NoError(t, os.WriteFile(caFile, []byte(ca), 0o600))
	require.NoError(t, os.WriteFile(foreignFile, []byte(foreign), 0o600))
	redis := testenv.Redis(t, testenv.WithRedisTLS(certificate))
	allow := func(more ...string) {
		rules := strings.NewReplacer("'", "", "\\\n", " ").Replace(fromDocs(t, "redis-cli ACL SETUSER ", "```"))
		_, err := redis.Command(t.Context(), append(append([]string{"ACL", "SETUSER"}, strings.Fields(rules)...), more...)...)
		require.NoError(t, err)
	}
	allow()
	postgres := testenv.Postgres(t, testenv.WithFsync(false), testenv.WithPostgresTLS(certificate))
	require.NoError(t, postgres.Script(t.Context(), fromDocs(t, "```sql\n", "```")))

	config := testConfig(t)
	redisURL := strings.NewReplacer("redis.example.org:6379", redis.SecureAddr(), "redis-ca.pem", caFile).
		Replace(fromDocs(t, "CARILLON_REDIS_URL='", "'"))
	dsn := strings.NewReplacer("db.example.org", postgres.Addr(), "db-ca.pem", caFile).Replace(fromDocs(t, "CARILLON_STORE_DSN='", "'"))
	config.RedisURL, config.StoreDSN = secret.New(redisURL), secret.New(dsn)

	applied, err := Migrate(t.Context(), config)
	require.NoError(t, err)
	require.NotEmpty(t, applied)
	e := startTestEngine(t, config, AllRoles)
	far, settings := endpoint(t, sink.Options{Record: true})
	s := perform(t, e, testChannel{provider: "webhook", config: settings, limits: providers.Limits{PerSecond: 4000}}, 50)
	require.Eventually(t, func() bool { return s.run().Status == campaigns.RunFinished }, time.Minute, 5*time.Millisecond)
	require.EqualValues(t, 50, s.run().Counts[messages.Sent])
	require.EqualValues(t, 50, far.Asked())

	d := &doctor{engine: e, config: config}
	for _, found := range []api.Finding{d.store(t.Context()), d.redis(t.Context()), d.storeClock(t.Context()), d.redisClock(t.Context()),
		d.partitions(t.Context())} {
		require.Equal(t, api.FindingOK, found.State, "%+v", found)
	}
	allow("-zadd")
	found := d.redis(t.Context())
	require.Equal(t, api.FindingFailed, found.State)
	require.Contains(t, found.Found, "zadd")
	require.Contains(t, found.Found, "docs/network.md")
	require.NotContains(t, found.Found, "a-password")

	for name, wrong := range map[string]struct{ redis, dsn, says string }{
		"Redis, its rules":             {redisURL, dsn, "may not zadd"},
		"Redis, its password":          {strings.Replace(redisURL, "a-password", "t0p-secret", 1), dsn, "does not take the user and password of redis_url"},
		"Redis, its authority":         {strings.Replace(redisURL, caFile, foreignFile, 1), dsn, "name the file of its authority by ca_file"},
		"PostgreSQL, its password":     {redisURL, strings.Replace(dsn, "a-password", "t0p-secret", 1), "does not take the user and password of store_dsn"},
		"PostgreSQL, its authority":    {redisURL, strings.Replace(dsn, caFile, foreignFile, 1), "name the file of its authority by sslrootcert"},
		"PostgreSQL, without TLS":      {redisURL, strings.Replace(dsn, "verify-full", "disable", 1), "does not take the user and password of store_dsn"},
		"PostgreSQL, another database": {redisURL, strings.Replace(dsn, "/carillon_store", "/nowhere", 1), "nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			c := testConfig(t)
			c.RedisURL, c.StoreDSN = secret.New(wrong.redis), secret.New(wrong.dsn)
			_, err := StartEngine(t.Context(), Options{Config: c, Roles: AllRoles})
			require.True(t, fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Invalid), "%v", err)
			require.ErrorContains(t, err, wrong.says)
			for _, password := range []string{"a-password", "t0p-secret"} {
				require.NotContains(t, err.Error(), password)
			}
		})
	}
}
