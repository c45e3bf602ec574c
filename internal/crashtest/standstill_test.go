package crashtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// toldWithin is how long it may take until whoever looks is told that nothing goes
// out, and that it does again.
const toldWithin = 5 * time.Second

// The last worker is killed, then the last scheduler stopped: it is told why nothing goes out, and
// when they are back that it does.
func TestAKilledProcessIsToldInTime(t *testing.T) {
	t.Parallel()
	c := newCluster(t, servers)
	to := c.httpSink(sink.Options{})
	c.serve("api")
	scheduler, worker := c.start("scheduler"), c.start("worker")
	people := inLong(3000, 20_000)
	campaign := c.draft(c.createChannel(to, providers.Limits{PerSecond: 50}, ""), people)
	c.startCampaign(campaign)
	c.awaitArrivals(to, 10)
	told := func(reason string, since time.Time) {
		t.Helper()
		c.await("it is told: "+reason, func() error {
			var shown struct {
				Standstill struct{ Reason, Words string } `json:"standstill"`
			}
			if err := c.get(fmt.Sprintf("/v1/campaigns/%d", campaign), &shown); err != nil {
				return err
			}
			if shown.Standstill.Reason != reason {
				return fmt.Errorf("it is %q: %s", shown.Standstill.Reason, shown.Standstill.Words)
			}
			return nil
		})
		took := time.Since(since)
		t.Logf("%q was told after %v", reason, took.Round(time.Millisecond))
		require.Less(t, took, toldWithin)
	}
	told("", time.Now())

	worker.Kill()
	told("no_worker", time.Now())
	told("", c.working("worker"))

	c.stop(scheduler)
	told("no_scheduler", time.Now())
	told("", c.working("scheduler"))
}
