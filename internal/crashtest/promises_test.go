package crashtest

import (
	"fmt"
	"maps"

	"github.com/stretchr/testify/require"
)

// expected is what must have become of a campaign that is over.
type expected struct {
	// people is the size of the audience.
	people int
	// status is the run's; finished if empty.
	status string
	// doubt is the most messages that can have been in flight when processes
	// died: the channel's concurrency for each worker killed. How many truly were is
	// what the far end says (asks).
	doubt int
	// unasked is how many messages may be in doubt that the far end was not asked
	// for: one for each process that died between its note and its request.
	unasked int
	// resend says that the channel sends messages in doubt again.
	resend bool
	// others says that not everybody was to be sent to: what is neither sent nor
	// unknown is of these states.
	others []string
	// besides is how many messages of other campaigns the far end got.
	besides int
}

// outcome is what did become of it.
type outcome struct {
	states   map[string]int
	messages []message
	// copies is how many more messages arrived than there are.
	copies int
}

// prove holds a campaign that is over to the promises: everybody is accounted
// for, who was sent to has got it, and nobody got it twice but those in doubt.
func (c *cluster) prove(campaign int64, to far, want expected) outcome {
	c.t.Helper()
	if want.status == "" {
		want.status = "finished"
	}
	run := c.proveBalanced(campaign, want)
	got := outcome{states: map[string]int{}, messages: c.messages(run)}
	require.Len(c.t, got.messages, want.people, "everybody has one message")

	asked := map[int64]bool{}
	for _, a := range to.Asks() {
		asked[a.ID] = true
	}
	unasked := 0
	arrived := map[int64]int{}
	for _, a := range to.Arrivals() {
		arrived[a.ID]++
	}
	people := map[string]bool{}
	for i := range want.people {
		people[address(i)] = true
	}
	allowed := map[string]bool{"sent": true, "unknown": true}
	for _, state := range want.others {
		allowed[state] = true
	}
	for _, m := range got.messages {
		require.True(c.t, people[m.address], "%s is of the audience and has one message", m.address)
		delete(people, m.address)
		require.True(c.t, allowed[m.state], "message %d is %s", m.id, m.state)
		got.states[m.state]++
		copies := arrived[m.id]
		delete(arrived, m.id)
		switch m.state {
		case "sent":
			require.NotZero(c.t, copies, "message %d was sent, so it has arrived", m.id)
		case "unknown":
			if !asked[m.id] {
				unasked++
			}
		default:
			require.Zero(c.t, copies, "message %d is %s, so it has not arrived", m.id, m.state)
		}
		if copies > 1 {
			got.copies += copies - 1
			require.True(c.t, want.resend, "message %d arrived %d times although messages in doubt are held", m.id, copies)
			require.GreaterOrEqual(c.t, c.doubts(m.id), copies-1, "message %d arrived %d times, so it was in doubt", m.id, copies)
		}
	}
	require.Len(c.t, arrived, want.besides, "nothing arrived that is not of the campaign")
	require.LessOrEqual(c.t, got.states["unknown"], want.doubt, "no more are in doubt than were in flight")
	require.LessOrEqual(c.t, unasked, want.unasked, "what the far end was not asked for is not in doubt")
	require.LessOrEqual(c.t, got.copies, want.doubt, "no more arrived twice than were in flight")
	if want.resend {
		require.Zero(c.t, got.states["unknown"])
	}
	c.t.Logf("%v, %d in doubt (at most %d), %d of them never asked for, %d arrived once more", got.states, got.states["unknown"], want.doubt, unasked, got.copies)
	return got
}

// proveBalanced holds what verify says to what was planned, and returns the
// campaign's only run.
func (c *cluster) proveBalanced(campaign int64, want expected) (run int64) {
	c.t.Helper()
	var proof struct {
		Balanced bool `json:"balanced"`
		Runs     []struct {
			RunID    int64          `json:"run_id"`
			Status   string         `json:"status"`
			Planned  int            `json:"planned"`
			Rows     map[string]int `json:"rows"`
			Problems []string       `json:"problems"`
		} `json:"runs"`
	}
	require.NoError(c.t, c.get(fmt.Sprintf("/v1/campaigns/%d/verify", campaign), &proof))
	require.Len(c.t, proof.Runs, 1, "the campaign was fired once")
	r := proof.Runs[0]
	require.True(c.t, proof.Balanced, "%v", r.Problems)
	require.Equal(c.t, want.status, r.Status)
	require.Equal(c.t, want.people, r.Planned)
	total := 0
	for state, n := range maps.All(r.Rows) {
		total += n
		if state == "pending" || state == "queued" || state == "sending" {
			require.Zero(c.t, n, "a run that is over has nothing %s", state)
		}
	}
	require.Equal(c.t, want.people, total)
	return r.RunID
}
