package queue

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/internal/testenv"
)

// documented are the rules of docs/network.md for Redis' user, its name first.
func documented(t testing.TB) []string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "docs", "network.md"))
	require.NoError(t, err)
	require.Contains(t, string(page), "`"+clusterRules+"`")
	_, after, found := strings.Cut(string(page), "redis-cli ACL SETUSER ")
	require.True(t, found)
	rules, _, _ := strings.Cut(after, "```")
	return strings.Fields(strings.NewReplacer("'", "", "\\\n", " ").Replace(rules))
}

// limited is a server that speaks TLS and has the documented user, changed by more rules, and
// the file of its authority.
func limited(t testing.TB, more ...string) (server *testenv.RedisServer, caFile string) {
	t.Helper()
	certificate, ca := testenv.Certificate(t)
	server = testenv.Redis(t, testenv.WithRedisTLS(certificate))
	allow(t, server, more...)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(caFile, []byte(ca), 0o600))
	return server, caFile
}

// limitedCluster is a cluster with the documented user, and its URL.
func limitedCluster(t testing.TB) string {
	t.Helper()
	rules := slices.Concat(documented(t), strings.Fields(clusterRules), strings.Fields(forTests))
	addresses := testenv.RedisCluster(t)
	for _, address := range addresses {
		client := redis.NewClient(&redis.Options{Addr: address})
		args := []any{"ACL", "SETUSER"}
		for _, rule := range rules {
			args = append(args, rule)
		}
		require.NoError(t, client.Do(t.Context(), args...).Err())
		require.NoError(t, client.Close())
	}
	return "redis+cluster://carillon:a-password@" + strings.Join(addresses, ",")
}

const (
	// clusterRules are documented besides.
	clusterRules = "+cluster|slots +command +readonly"
	// forTests is what tests, asynq's inspector and the measuring of a bench do as the user, and a server does not.
	forTests = "+script|flush +keys +flushdb +smembers +sismember +scan +memory|usage"
)

func allow(t testing.TB, server *testenv.RedisServer, more ...string) {
	t.Helper()
	reply, err := server.Command(t.Context(), slices.Concat([]string{"ACL", "SETUSER"}, documented(t), more)...)
	require.NoError(t, err)
	require.Equal(t, "OK", reply)
}

// Each documented rule is needed, and what is lacking is said at the start.
func TestLackingRightsAreSaid(t *testing.T) {
	t.Parallel()
	server, caFile := limited(t)
	url := "rediss://carillon:a-password@" + server.SecureAddr() + "/1?ca_file=" + caFile
	refused := func(url string) string {
		q, err := Open(t.Context(), Options{URL: url, Logger: quiet()})
		require.Nil(t, q)
		require.True(t, fault.Is(err, fault.Invalid) || fault.Is(err, fault.Unavailable), "%v", err)
		require.NotContains(t, err.Error(), "a-password")
		return err.Error()
	}
	require.NoError(t, open(t, Options{URL: url}).Check(t.Context()))
	for _, rule := range documented(t) {
		command, is := strings.CutPrefix(rule, "+")
		if !is || command == "info" {
			continue
		}
		allow(t, server, "-"+command)
		says := refused(url)
		require.Contains(t, says, command)
		require.Contains(t, says, "docs/network.md")
		allow(t, server)
	}
	for _, other := range [][]string{{"resetkeys", "~asynq:*"}, {"resetkeys", "~carillon:*"}} {
		allow(t, server, other...)
		require.Contains(t, refused(url), "may not")
	}
	allow(t, server, "resetchannels")
	require.Contains(t, refused(url), "subscribe asynq:cancel")
	allow(t, server)

	require.Contains(t, refused(strings.Replace(url, "a-password", "another", 1)), "does not take the user and password")
	require.Contains(t, refused(strings.Replace(url, "carillon:", "nobody:", 1)), "does not take the user and password")
	_, foreign := limited(t)
	for _, wrong := range []string{strings.Replace(url, caFile, foreign, 1), strings.Replace(url, "?ca_file="+caFile, "", 1)} {
		says := refused(wrong)
		require.Contains(t, says, "is not trusted")
		require.Contains(t, says, "ca_file")
	}
	require.Contains(t, refused(strings.Replace(url, caFile, "/nowhere", 1)), "ca_file")
	require.Contains(t, refused("redis://carillon:a-password@"+server.Addr()+"?ca_file="+caFile), "rediss")
}

// A file of authorities is taken out of every form of URL.
func TestAuthoritiesOfEveryForm(t *testing.T) {
	_, ca := testenv.Certificate(t)
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(caFile, []byte(ca), 0o600))
	for _, form := range []string{"rediss://h:1/0?ca_file=", "rediss+cluster://h1:1,h2?ca_file=", "rediss+sentinel://h1,h2/0?master=m&ca_file="} {
		client, err := connect(form + caFile)
		require.NoError(t, err, form)
		require.NoError(t, client.Close())
		_, err = connect(form + "/nowhere")
		require.ErrorContains(t, err, "ca_file")
	}
}
