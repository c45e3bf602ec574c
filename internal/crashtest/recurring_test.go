package crashtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/failpoint"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/store/sqldb"
)

// TestManyRecurringCampaignsFireOnce: recurring campaigns are all due at the same
// second, two schedulers are there, and the one that leads is killed while it fires
// them. Each has one run for the instant, which reaches its recipient once.
func TestManyRecurringCampaignsFireOnce(t *testing.T) {
	t.Parallel()
	many := inLong(700, 100_000)
	c := newCluster(t, servers)
	to := c.httpSink(sink.Options{})
	c.serve("api")
	// It dies between two batches, and the other one is there to go on.
	leader := c.start("scheduler", "CARILLON_FAILPOINT="+failpoint.AfterFire+inLong(":1", ":20"))
	c.await("the first scheduler leads", func() error {
		if !leader.leads() {
			return errors.New("it does not")
		}
		return nil
	})
	c.start("scheduler")
	db := c.database()
	campaign := c.draft(c.createChannel(to, providers.Limits{}, ""), 1)
	instant := time.Now().Add(inLong(3*time.Second, 25*time.Second)).UTC().Truncate(time.Second)
	c.mustPost(fmt.Sprintf("/v1/campaigns/%d/schedule", campaign), object{
		"dates": []string{instant.Format("2006-01-02T15:04:05")}, "timezone": "UTC", "catch_up_within": "2h",
	}, nil)
	_, err := db.Writer().Exec(t.Context(), `INSERT INTO campaigns (account_id, name, channel_id, audience, content, schedule, throttle, weight, status,
			next_fire_at, look_at, behind_at, zones, created_at, updated_at)
		SELECT account_id, name, channel_id, audience, content, schedule, throttle, weight, status, next_fire_at, look_at, behind_at, zones, created_at, updated_at
		FROM campaigns, generate_series(2, ?)`, many)
	require.NoError(t, err)
	c.start("worker")
	count := func(query string) (n int) {
		require.NoError(t, db.Reader().Row(t.Context(), query).Scan(&n))
		return n
	}
	c.awaitDeath(leader)
	fired := count("SELECT COUNT(*) FROM runs")
	require.Less(t, fired, many, "it was killed in between")
	over := func() int { return count("SELECT COUNT(*) FROM runs WHERE status = 'finished'") }
	for now := over(); now < many; now = over() {
		c.await("more runs are over", func() error {
			if over() == now {
				return fmt.Errorf("%d of %d are", now, many)
			}
			return nil
		})
	}
	require.Equal(t, many, count("SELECT COUNT(*) FROM runs"), "one run each")
	require.Equal(t, many, count("SELECT COUNT(DISTINCT campaign_id) FROM runs"))
	require.Equal(t, many, count("SELECT COUNT(*) FROM campaigns WHERE status = 'finished'"), "no instant is to come")
	require.Equal(t, many, count("SELECT COUNT(*) FROM messages"), "one message each")

	late, err := sqldb.IDs(t.Context(), db.Reader(), "SELECT started_at - instant FROM runs ORDER BY 1")
	require.NoError(t, err)
	ended := time.UnixMilli(int64(count("SELECT MAX(finished_at) FROM runs")))
	took := ended.Sub(instant)
	t.Logf("%d campaigns due at one second, the leader killed after %d: fired late by %s (median), %s (p99), %s at most; "+
		"all runs over %s after the instant, %.0f a second", many, fired, ms(late[len(late)/2]), ms(late[len(late)*99/100]), ms(slices.Max(late)),
		took.Round(time.Millisecond), float64(many)/took.Seconds())
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// database is the cluster's PostgreSQL, for what no API makes or says.
func (c *cluster) database() *sqldb.DB {
	c.t.Helper()
	for _, variable := range c.env {
		if dsn, ok := strings.CutPrefix(variable, "CARILLON_STORE_DSN="); ok {
			db, err := sqldb.Open(c.t.Context(), dsn, clock.System{})
			require.NoError(c.t, err)
			c.t.Cleanup(func() { require.NoError(c.t, db.Close()) })
			return db
		}
	}
	require.FailNow(c.t, "the cluster has no server")
	return nil
}
