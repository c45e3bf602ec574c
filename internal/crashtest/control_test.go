package crashtest

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"carillon/internal/sink"
	"carillon/providers"
)

const (
	controlPeople = 2000
	// Many claims run ahead of their requests, as they do at full speed.
	controlConcurrency = 256
	controlRate        = 800
)

// underLoad runs a test on stacks while a campaign of controlPeople is being sent.
func underLoad(t *testing.T, stacks []stack, test func(t *testing.T, l load)) {
	t.Helper()
	t.Parallel()
	for _, s := range stacks {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			l := load{cluster: newCluster(t, s)}
			l.server = l.serve("serve")
			if s.shared {
				for range 2 {
					l.serve("serve") // several workers
				}
			}
			l.to = l.httpSink(sink.Options{Answer: slowly})
			l.channel = l.createChannel(l.to, providers.Limits{PerSecond: controlRate, Concurrency: controlConcurrency}, "")
			l.campaign = l.draft(l.channel, controlPeople)
			l.startCampaign(l.campaign)
			l.awaitArrivals(l.to, controlPeople/5)
			test(t, l)
		})
	}
}

// load is a cluster that is sending.
type load struct {
	*cluster
	server            *process
	to                far
	channel, campaign int64
}

// boundAtOnce does something and proves by the far end's own log that no request of
// the campaign began after its answer.
func (l load) boundAtOnce(do func()) {
	l.t.Helper()
	do()
	answered := time.Now()
	l.await("nothing of the campaign is in the window or in flight", func() error {
		s, err := l.state(l.campaign)
		if err == nil && s.Counts["queued"]+s.Counts["sending"] > 0 {
			err = fmt.Errorf("it is %+v", s)
		}
		return err
	})
	stopped := l.to.Count()
	for _, a := range l.to.Asks() {
		require.False(l.t, a.Began.After(answered), "message %d began %s after the answer", a.ID, a.Began.Sub(answered))
	}
	// A message of its own shows that scheduler and worker have gone on since.
	l.mustPost("/v1/messages", object{"channel_id": l.channel, "to": "alone@example.com", "content": object{"subject": "alone", "text": "alone"}}, nil)
	l.awaitArrivals(l.to, int(stopped)+1)
	require.Equal(l.t, stopped+1, l.to.Count(), "nothing of the campaign arrives any more")
}

// proveUnspent proves that nothing was tried twice.
func (l load) proveUnspent(got outcome) {
	l.t.Helper()
	for _, m := range got.messages {
		require.LessOrEqual(l.t, m.attempt, 1, "message %d", m.id)
	}
}

func TestPauseBindsAtOnceAndResumeGoesOn(t *testing.T) {
	underLoad(t, []stack{embedded, servers}, func(_ *testing.T, l load) {
		l.boundAtOnce(func() { l.steer(l.campaign, "pause") })
		l.steer(l.campaign, "resume")
		l.awaitStatus(l.campaign, "finished")
		l.proveUnspent(l.prove(l.campaign, l.to, expected{people: controlPeople, besides: 1}))
	})
}

func TestCancelBindsAtOnce(t *testing.T) {
	underLoad(t, bothInLong(), func(t *testing.T, l load) {
		l.boundAtOnce(func() { l.steer(l.campaign, "cancel") })
		l.awaitOver(l.campaign)
		got := l.prove(l.campaign, l.to, expected{people: controlPeople, status: "canceled", others: []string{"canceled"}, besides: 1})
		require.NotZero(t, got.states["canceled"])
	})
}

func TestClearBindsAtOnce(t *testing.T) {
	underLoad(t, bothInLong(), func(t *testing.T, l load) {
		var answer struct {
			Cleared int `json:"cleared"`
		}
		l.boundAtOnce(func() {
			require.NoError(t, l.do(ask{method: http.MethodDelete, path: fmt.Sprintf("/v1/queue?campaign_id=%d", l.campaign)}, &answer))
		})
		l.awaitStatus(l.campaign, "finished")
		got := l.prove(l.campaign, l.to, expected{people: controlPeople, others: []string{"canceled"}, besides: 1})
		require.NotZero(t, answer.Cleared)
		require.LessOrEqual(t, answer.Cleared, got.states["canceled"], "and what was given back")
		require.LessOrEqual(t, got.states["canceled"], answer.Cleared+3*controlConcurrency)
	})
}

func TestShutdownUnderLoadLeavesNothingInDoubt(t *testing.T) {
	underLoad(t, []stack{embedded, servers}, func(t *testing.T, l load) {
		l.stop(l.server)
		require.Less(t, l.to.Count(), int64(controlPeople), "it was stopped in the middle")
		l.serve("serve")
		l.awaitStatus(l.campaign, "finished")
		l.proveUnspent(l.prove(l.campaign, l.to, expected{people: controlPeople}))
	})
}

func TestWhoOptsOutMeanwhileIsNotSentTo(t *testing.T) {
	underLoad(t, bothInLong(), func(t *testing.T, l load) {
		var mu sync.Mutex
		answered := map[string]time.Time{}
		var group errgroup.Group
		for i := range 20 { // the last ones to be sent to, each answered after a while
			who := address(controlPeople - 1 - i)
			group.Go(func() error {
				err := l.optOut(who, true)
				mu.Lock()
				defer mu.Unlock()
				answered[who] = time.Now()
				return err
			})
		}
		require.NoError(t, group.Wait())
		l.awaitStatus(l.campaign, "finished")
		got := l.prove(l.campaign, l.to, expected{people: controlPeople, others: []string{"skipped"}})
		for _, m := range got.messages {
			if m.state == "skipped" {
				require.Contains(t, answered, m.address, "nobody else is skipped")
			}
		}
		require.NotZero(t, got.states["skipped"], "some were in time")
		l.proveNoneBegunLater(l.to, got, answered)
	})
}
