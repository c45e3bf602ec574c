package scheduler

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/messages"
)

// queued are envelopes that were marked queued some time ago.
func queued(ago time.Duration, transactional bool, ids ...int64) (list []messages.QueuedEnvelope) {
	for _, id := range ids {
		list = append(list, messages.QueuedEnvelope{ID: id, Transactional: transactional, Messages: 5, QueuedAt: noon.Add(-ago)})
	}
	return list
}

func TestLostMessagesAreTakenBackAfterAGracePeriod(t *testing.T) {
	f := newFixture()
	f.store.reap.envelopes[1] = append(append(queued(time.Hour, false, 1, 2), queued(time.Hour, true, 3, 4)...),
		queued(graceQueued, false, 5)...)
	f.queue.alive = map[int64]bool{1: true, 3: true}
	worked, err := f.reaper.pass(t.Context())
	require.NoError(t, err)
	require.False(t, worked)
	require.Equal(t, map[bool][]int64{false: {1, 2}, true: {3, 4}}, f.queue.lost,
		"each looked for in its own queue; the feeder may not have enqueued the fifth yet")
	require.ElementsMatch(t, []int64{2, 4}, f.store.reap.requeued[1])
	require.Equal(t, 1, f.store.reap.swept)
	require.Equal(t, 1, f.store.passed("reap"))

	f.clock.Advance(time.Millisecond)
	_, err = f.reaper.pass(t.Context())
	require.NoError(t, err)
	require.Contains(t, f.store.reap.requeued[1], int64(5))
}

func TestADeadWorkerIsNamedWithWhatToLookAt(t *testing.T) {
	f := newFixture()
	f.store.reap.settled = []messages.DeadWorker{
		{ID: 11, Name: "mail-2/4711", Channels: []int64{3, 5}, Held: 4, Resent: 2}, {ID: 12, Name: "mail-3/12", Channels: []int64{5}, Resent: 1},
	}
	var out bytes.Buffer
	f.reaper.log = slog.New(slog.NewTextHandler(&out, nil))
	_, err := f.reaper.pass(t.Context())
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 2, "one each")
	require.Contains(t, lines[0], `worker=mail-2/4711 worker_id=11 channels="[3 5]" settled=6 in_doubt=4 resent=2 look="carillon messages ls --state unknown"`)
	require.Contains(t, lines[1], `worker=mail-3/12 worker_id=12 channels=[5] settled=1 in_doubt=0 resent=1 look="carillon workers"`)
}

func TestTasksOfDeadWorkersAreDiscarded(t *testing.T) {
	f := newFixture()
	f.store.reap.envelopes[1] = queued(time.Hour, false, 1, 2)
	f.queue.alive = map[int64]bool{1: true, 2: true} // as asynq's leases say
	f.queue.held = map[int64]int64{1: 11, 2: 12}
	f.store.reap.dead = []int64{12}
	_, err := f.reaper.pass(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int64{2}, f.queue.discarded, "a live worker keeps its tasks")
	require.Equal(t, map[int64][]int64{1: {2}}, f.store.reap.requeued, "and what the dead one had not claimed goes on at once")
}

func TestTasksOfAWorkerThatDiedBeforeItNotedThemAreDiscarded(t *testing.T) {
	f := newFixture()
	f.store.reap.envelopes[1] = queued(time.Hour, false, 1, 2)
	f.queue.alive = map[int64]bool{1: true, 2: true}
	f.queue.active, f.queue.held = []int64{1, 2}, map[int64]int64{1: 11}
	pass := func() {
		_, err := f.reaper.pass(t.Context())
		require.NoError(t, err)
	}
	pass()
	f.clock.Advance(WorkerDeadAfter - time.Millisecond)
	pass()
	require.Empty(t, f.queue.discarded, "a live worker may be about to note it")
	f.clock.Advance(time.Millisecond)
	pass()
	require.Equal(t, []int64{2}, f.queue.discarded)
	require.Equal(t, map[int64][]int64{1: {2}}, f.store.reap.requeued)
}

func TestYoungEnvelopesCostRedisNothing(t *testing.T) {
	f := newFixture()
	f.store.reap.envelopes[1] = queued(time.Second, false, 1)
	f.queue.down[1] = true
	_, err := f.reaper.pass(t.Context())
	require.NoError(t, err)
}

func TestAChannelWhoseRedisIsDownKeepsNoOtherWaiting(t *testing.T) {
	f := newFixture()
	f.store.reap.envelopes[1], f.store.reap.envelopes[2] = queued(time.Hour, false, 1), queued(time.Hour, false, 2)
	f.queue.down[1] = true
	_, err := f.reaper.pass(t.Context())
	require.ErrorIs(t, err, errDown)
	require.ErrorContains(t, err, "channel 1")
	require.Equal(t, map[int64][]int64{2: {2}}, f.store.reap.requeued)
	require.Equal(t, 1, f.store.reap.swept, "receipts need no Redis")
}

// A task that was seen just before its worker noted it is not discarded when the
// worker lets it go, long after.
func TestATaskThatWasNotedStartsAnew(t *testing.T) {
	f := newFixture()
	f.store.reap.envelopes[1] = queued(time.Hour, false, 1)
	f.queue.alive, f.queue.active = map[int64]bool{1: true}, []int64{1}
	for _, held := range []map[int64]int64{{}, {1: 11}, {}} {
		f.queue.held = held
		_, err := f.reaper.pass(t.Context())
		require.NoError(t, err)
		f.clock.Advance(WorkerDeadAfter)
	}
	require.Empty(t, f.queue.discarded)
}
