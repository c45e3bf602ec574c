package crashtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/internal/testenv"
	"carillon/providers"
)

// TestLimitsHold does not run beside other tests: it looks at when messages
// arrive. The low rates of the short form are no load, and are held side by side.
func TestLimitsHold(t *testing.T) {
	for _, rate := range inLong([]int{50, 200}, []int{50, 200, 1000}) {
		t.Run(fmt.Sprintf("%d a second", rate), func(t *testing.T) {
			if !long {
				t.Parallel()
			}
			limitHolds(t, rate, inLong(6, 40))
		})
	}
}

// limitHolds sends for so many seconds through three workers; after a third of
// that one is stopped and replaced, after two thirds another one is killed.
func limitHolds(t *testing.T, rate, seconds int) {
	c := newCluster(t, servers)
	to := c.httpSink(sink.Options{})
	c.serve("api")
	c.start("scheduler")
	workers := []*process{c.start("worker"), c.start("worker"), c.start("worker")}
	limits := providers.Limits{PerSecond: float64(rate)}
	channel := c.createChannel(to, limits, "")
	people := rate * (seconds + 20) // there is always more to send while it is measured
	campaign := c.draft(channel, people)
	c.startCampaign(campaign)

	first := rate / 2 // workers start and take their first envelopes
	c.awaitArrivals(to, first+rate*seconds/3)
	c.stop(workers[0])
	c.start("worker")
	c.awaitArrivals(to, first+rate*seconds*2/3)
	workers[1].Kill()
	c.start("worker")
	c.awaitArrivals(to, first+rate*seconds)
	c.steer(campaign, "cancel")
	c.awaitOver(campaign)

	arrivals := to.Arrivals()
	took := arrivals[first+rate*seconds-1].At.Sub(arrivals[first].At).Seconds()
	average, most := float64(rate*seconds-1)/took/float64(rate), to.MaxInSlidingSecond()
	pause := time.Duration(0)
	for i := first + 1; i < first+rate*seconds; i++ {
		pause = max(pause, arrivals[i].At.Sub(arrivals[i-1].At))
	}
	t.Logf("limit %d: at most %d in a sliding second, %.1f %% of it on average, the longest pause %v", rate, most, 100*average, pause.Round(time.Millisecond))
	require.LessOrEqual(t, most, rate+max(1, rate/100))
	if long { // a machine that is busy with other tests may be too slow
		require.GreaterOrEqual(t, average, 0.95)
	}
	c.prove(campaign, to, expected{people: people, status: "canceled", doubt: mostOverHTTP, others: []string{"canceled"}})
}

// TestAnAccountsDayHolds kills workers and has Redis forget everything, while an account
// sends through two channels as much as it may in a day, which is never passed and is
// reached; raised, the rest goes. It does not run beside other tests, as TestLimitsHold.
func TestAnAccountsDayHolds(t *testing.T) {
	const people, most = 400, 500
	redis := testenv.Redis(t)
	c := newCluster(t, ownServers(redis, testenv.Postgres(t, testenv.WithFsync(false))))
	to := c.httpSink(sink.Options{})
	c.serve("api")
	c.start("scheduler")
	workers := []*process{c.start("worker"), c.start("worker")}
	require.NoError(t, c.patch("/v1/accounts/1", object{"limits": object{"per_day": most, "per_second": 150}}))
	first := c.draft(c.createChannel(to, providers.Limits{}, ""), people)
	campaigns := []int64{first, c.draftFor(c.createChannel(to, providers.Limits{}, ""), c.awaitUpload(people))}
	for _, campaign := range campaigns {
		c.startCampaign(campaign)
	}
	for i, worker := range workers {
		c.awaitArrivals(to, (i+1)*most/3)
		worker.Kill()
		require.NoError(t, redis.FlushAll())
		c.start("worker")
	}
	sent := func() (n int) {
		var account struct {
			Used struct {
				SentToday int `json:"sent_today"`
			} `json:"used"`
		}
		require.NoError(t, c.get("/v1/account", &account))
		return account.Used.SentToday
	}
	c.await("the account has sent as much as it may", func() error {
		if n := sent(); n != most || to.Asked() < most-2*mostOverHTTP {
			return fmt.Errorf("%d are counted, and %d were asked for", n, to.Asked())
		}
		return nil
	})
	// What was asked for and not answered, or noted and not asked, counts as sent.
	require.Never(t, func() bool { return to.Asked() > most }, 3*time.Second, 50*time.Millisecond)
	require.LessOrEqual(t, to.MaxInSlidingSecond(), 150+2)
	require.NoError(t, c.patch("/v1/accounts/1", object{"limits": object{"per_day": nil, "per_second": nil}}))
	for _, campaign := range campaigns {
		c.awaitOver(campaign)
		c.proveBalanced(campaign, expected{people: people, status: "finished"})
	}
}
