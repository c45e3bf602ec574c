package crashtest

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// takeOverWithin is the promise: a killed leader is replaced in that time.
const takeOverWithin = 10 * time.Second

func TestTwoSchedulersAndThreeWorkers(t *testing.T) {
	t.Parallel()
	const concurrency = 8
	people := inLong(3000, 20_000)
	c := newCluster(t, servers)
	to := c.httpSink(sink.Options{Answer: slowly})
	c.serve("api")
	schedulers := []*process{c.start("scheduler"), c.start("scheduler")}
	workers := []*process{c.start("worker"), c.start("worker"), c.start("worker")}
	channel := c.createChannel(to, providers.Limits{PerSecond: 600, Concurrency: concurrency}, "")
	campaign := c.draft(channel, people)
	c.startCampaign(campaign)
	c.awaitArrivals(to, people/8)

	leader, other := schedulers[0], schedulers[1]
	if other.leads() {
		leader, other = other, leader
	}
	require.True(t, leader.leads())
	require.False(t, other.leads(), "one leads at a time")
	leader.Kill()
	killed := time.Now()
	c.await("the other scheduler leads", func() error {
		if !other.leads() {
			return errors.New("it does not")
		}
		return nil
	})
	took := time.Since(killed)
	t.Logf("the killed leader was replaced after %v", took.Round(time.Millisecond))
	require.Less(t, took, takeOverWithin)

	c.awaitArrivals(to, people/2)
	workers[0].Kill()
	c.awaitStatus(campaign, "finished")
	c.prove(campaign, to, expected{people: people, doubt: concurrency})
}
