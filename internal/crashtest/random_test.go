package crashtest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/internal/testenv"
	"carillon/providers"
)

const (
	randomRate        = 600
	randomConcurrency = 16
	// answerTime is how long the far end takes for each message, so that some are
	// in flight at every moment.
	answerTime = 15 * time.Millisecond
)

// slowly answers each message after answerTime.
func slowly(int64, int64) sink.Answer {
	wait := make(chan struct{})
	time.AfterFunc(answerTime, func() { close(wait) })
	return sink.Answer{Wait: wait}
}

// chaos kills and stops things at random moments while a campaign runs.
type chaos struct {
	*cluster
	random    *rand.Rand
	to        far
	campaign  int64
	processes []*process
	redis     *testenv.RedisServer
	postgres  *testenv.PostgresServer
	// kills counts the processes killed.
	kills int
}

func TestRandomKills(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("CARILLON_TEST_SEED"); given != "" {
		var err error
		seed, err = strconv.ParseUint(given, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("CARILLON_TEST_SEED=%d repeats the moments of this run", seed)
	people, rounds := inLong(2000, 30_000), inLong(4, 40)
	for _, inDoubt := range []string{"hold", "resend"} {
		if inDoubt == "resend" || long {
			t.Run("embedded/"+inDoubt, func(t *testing.T) {
				t.Parallel()
				x := &chaos{cluster: newCluster(t, embedded), random: rand.New(rand.NewPCG(seed, 1))}
				x.processes = []*process{x.serve("serve")}
				x.run(people, rounds, inDoubt, []func(){x.killOne})
			})
		}
		if inDoubt == "resend" && !long {
			continue
		}
		t.Run("servers/"+inDoubt, func(t *testing.T) {
			t.Parallel()
			x := &chaos{
				redis: testenv.Redis(t), postgres: testenv.Postgres(t, testenv.WithFsync(false)), random: rand.New(rand.NewPCG(seed, 2)),
			}
			x.cluster = newCluster(t, ownServers(x.redis, x.postgres))
			x.processes = []*process{x.serve("serve"), x.serve("serve")}
			x.run(people, rounds, inDoubt, []func(){x.killOne, x.flushRedis, x.killOne, x.stopRedis, x.killOne, x.restartPostgres})
		})
	}
}

// What a concurrency of auto grows to at most: over SMTP two for each of 20 connections.
const (
	mostOverHTTP = 128
	mostOverSMTP = 40
)

// TestKillsAtFullSpeed kills a process three times while it sends a thousand
// messages a second to a far end that answers at once: what is in doubt then is
// what the far end was asked for at that moment, and a fraction of what was claimed.
func TestKillsAtFullSpeed(t *testing.T) {
	t.Parallel()
	const rate, kills = 1000, 3
	for _, s := range []stack{embedded, servers} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, s)
			p := c.serve("serve")
			to := c.smtpSink(sink.Options{})
			people := inLong(4000, 8000)
			campaign := c.draft(c.createChannel(to, providers.Limits{PerSecond: rate}, "hold"), people)
			c.startCampaign(campaign)
			for i := range kills {
				c.awaitArrivals(to, (i+1)*people/(kills+2))
				p.Kill()
				p = c.serve("serve")
			}
			c.awaitStatus(campaign, "finished")
			c.prove(campaign, to, expected{people: people, doubt: kills * mostOverSMTP, unasked: kills})
		})
	}
}

// run sends a campaign through rounds of disturbances, each at least once if
// there are as many rounds, and proves that the promises held.
func (x *chaos) run(people, rounds int, inDoubt string, disturbances []func()) {
	x.t.Helper()
	x.to = x.httpSink(sink.Options{Answer: slowly})
	channel := x.createChannel(x.to, providers.Limits{PerSecond: randomRate, Concurrency: randomConcurrency}, inDoubt)
	x.campaign = x.draft(channel, people)
	x.startCampaign(x.campaign)
	order := x.random.Perm(len(disturbances))
	for i := range max(rounds, len(order)) {
		x.moment()
		disturbances[order[i%len(order)]]()
	}
	x.awaitStatus(x.campaign, "finished")
	x.t.Logf("%d processes were killed", x.kills)
	x.prove(x.campaign, x.to, expected{people: people, doubt: x.kills * randomConcurrency, unasked: x.kills, resend: inDoubt == "resend"})
}

// moment lets a random number of messages arrive, or a random time pass.
func (x *chaos) moment() {
	until := x.to.Count() + x.random.Int64N(randomRate)
	late := time.After(time.Duration(x.random.Int64N(int64(1500 * time.Millisecond))))
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for x.to.Count() < until {
		select {
		case <-ticker.C:
		case <-late:
			return
		}
	}
}

func (x *chaos) killOne() {
	i := x.random.IntN(len(x.processes))
	x.processes[i].Kill()
	x.kills++
	x.processes[i] = x.serve("serve")
}

func (x *chaos) flushRedis() { require.NoError(x.t, x.redis.FlushAll()) }

func (x *chaos) stopRedis() {
	require.NoError(x.t, x.redis.Kill())
	x.moment()
	require.NoError(x.t, x.redis.Start())
}

func (x *chaos) restartPostgres() {
	if x.random.IntN(2) == 0 {
		require.NoError(x.t, x.postgres.Kill())
		x.moment()
	}
	require.NoError(x.t, x.postgres.Restart())
}
