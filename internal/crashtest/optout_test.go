package crashtest

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// The rate of the campaign and the share of its audience that opts out.
const (
	optOutRate  = 500
	optOutShare = 5 // one in so many
)

// TestOptOutsBindUnderLoad has people opt out and addresses suppressed while a
// campaign is sent to them at full speed and workers die: nothing is claimed
// for them after the answer.
func TestOptOutsBindUnderLoad(t *testing.T) {
	t.Parallel()
	people, kills := inLong(1500, 15_000), inLong(2, 20)
	for _, s := range bothInLong() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			x := &chaos{cluster: newCluster(t, s), random: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 3))}
			x.processes = []*process{x.serve("serve")}
			if s.name != embedded.name {
				x.processes = append(x.processes, x.serve("serve"))
			}
			x.to = x.httpSink(sink.Options{Answer: slowly})
			channel := x.createChannel(x.to, providers.Limits{PerSecond: optOutRate, Concurrency: randomConcurrency}, "hold")
			x.campaign = x.draft(channel, people)
			x.startCampaign(x.campaign)
			x.awaitArrivals(x.to, people/10)

			answered := map[string]time.Time{}
			var mu sync.Mutex
			var wg sync.WaitGroup
			chosen := x.random.Perm(people)[:people/optOutShare]
			for lane := range 4 {
				wg.Go(func() {
					for i := lane; i < len(chosen); i += 4 {
						who := address(chosen[i])
						x.await(who+" has opted out", func() error { return x.optOut(who, i%2 == 0) })
						mu.Lock()
						answered[who] = time.Now()
						mu.Unlock()
					}
				})
			}
			for range kills {
				x.moment()
				x.killOne()
			}
			wg.Wait()
			x.awaitStatus(x.campaign, "finished")
			got := x.prove(x.campaign, x.to, expected{people: people, doubt: x.kills * randomConcurrency, unasked: x.kills, others: []string{"skipped"}})
			require.Len(t, answered, len(chosen))
			x.proveNoneClaimedLater(answered)
			x.proveNoneBegunLater(x.to, got, answered)
			t.Logf("%d of %d who opted out were skipped, %d processes were killed", got.states["skipped"], len(chosen), x.kills)
			require.NotZero(t, got.states["skipped"], "some were in time")
		})
	}
}

// optOut opts the holder of an address out, or has the address suppressed.
func (c *cluster) optOut(who string, suppress bool) error {
	if suppress {
		return c.post("/v1/suppressions", object{"kind": "email", "address": who, "reason": "complained"}, nil)
	}
	var found struct {
		Items []hasID `json:"items"`
	}
	if err := c.get("/v1/contacts?email="+url.QueryEscape(who), &found); err != nil {
		return err
	}
	if len(found.Items) != 1 {
		return fmt.Errorf("%d contacts hold %s", len(found.Items), who)
	}
	return c.post(fmt.Sprintf("/v1/contacts/%d/opt-out", found.Items[0].ID), object{"source": "crash_suite"}, nil)
}

// proveNoneBegunLater holds the far end's own log to when the opt-outs were
// answered: nothing was begun for anybody after the answer.
func (c *cluster) proveNoneBegunLater(to far, got outcome, answered map[string]time.Time) {
	c.t.Helper()
	addresses := map[int64]string{}
	for _, m := range got.messages {
		addresses[m.id] = m.address
	}
	for _, a := range to.Asks() {
		if bound, opted := answered[addresses[a.ID]]; opted {
			require.False(c.t, a.Began.After(bound), "message %d to %s began %s after the answer", a.ID, addresses[a.ID], a.Began.Sub(bound))
		}
	}
}

// proveNoneClaimedLater compares when messages were claimed with when the
// opt-outs of their recipients were answered, which is after their commit.
func (x *chaos) proveNoneClaimedLater(answered map[string]time.Time) {
	x.t.Helper()
	s, err := x.state(x.campaign)
	require.NoError(x.t, err)
	var raw []byte
	require.NoError(x.t, x.get(fmt.Sprintf("/v1/runs/%d/messages.csv", s.RunID), &raw))
	rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	require.NoError(x.t, err)
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	later, compared := []string{}, 0
	for _, row := range rows[1:] {
		bound, opted := answered[row[column["address"]]]
		if !opted || row[column["claimed_at"]] == "" {
			continue
		}
		claimed, err := time.Parse(time.RFC3339Nano, row[column["claimed_at"]])
		require.NoError(x.t, err)
		compared++
		if claimed.After(bound) {
			later = append(later, fmt.Sprintf("%s was claimed %s after", row[column["address"]], claimed.Sub(bound)))
		}
	}
	x.t.Logf("%d of those who opted out had been claimed before", compared)
	require.Empty(x.t, later, strings.Join(later, "\n"))
}
