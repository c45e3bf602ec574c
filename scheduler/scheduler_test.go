package scheduler

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/fault"
)

func TestPlanningTakesTurns(t *testing.T) {
	f := newFixture()
	f.store.plan = map[int64]int{1: 25_000, 2: 100, 3: 600}
	worked := true
	for worked {
		var err error
		worked, err = f.planPass(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, []string{"1:500", "2:500", "3:500", "1:1000", "3:1000", "1:2000", "1:4000", "1:8000", "1:10000"}, f.store.batches,
		"small batches first, so that sending begins at once, and a large run holds up no small one")
	require.Len(t, f.wake.feed, 1, "the feeder is woken")
}

func TestARunThatCannotBePlannedHoldsUpNoOther(t *testing.T) {
	f := newFixture()
	f.store.plan = map[int64]int{1: 10, 2: 10}
	f.store.planErr[1] = errors.New("its audience can't be read")
	worked, err := f.planPass(t.Context())
	require.ErrorContains(t, err, "plan run 1: its audience can't be read")
	require.True(t, worked)
	require.NotContains(t, f.store.plan, int64(2))
}

func TestARunWhoseAudienceIsGoneFails(t *testing.T) {
	f := newFixture()
	f.store.plan = map[int64]int{1: 10}
	f.store.planErr[1] = fault.New(fault.Conflict, "targeting list 7 can't be read any more")
	_, err := f.planPass(t.Context())
	require.NoError(t, err, "it is not tried for ever")
	require.Equal(t, []string{"1: its audience can't be planned: targeting list 7 can't be read any more"}, f.store.failed)
}

// leaders are two schedulers over one store, and what they did.
type leaders struct {
	store *fakeStore
	mu    sync.Mutex
	at    map[string]int // passes under way, by holder
	both  bool
	jobs  map[string]int
	all   map[string]*Scheduler
}

func newLeaders(c clock.Clock, holders ...string) *leaders {
	l := &leaders{store: newFakeStore(), at: map[string]int{}, jobs: map[string]int{}, all: map[string]*Scheduler{}}
	l.store.now = c.Now
	for _, holder := range holders {
		l.all[holder] = New(Options{Store: l.store, Queue: newFakeQueue(), Holder: holder,
			Chores: []Chore{{Name: "look", Every: 100 * time.Millisecond, Run: func(ctx context.Context) (bool, error) {
				l.enter(holder)
				err := clock.System{}.Sleep(ctx, 100*time.Millisecond)
				l.leave(holder)
				return false, err
			}}}})
	}
	return l
}

func (l *leaders) enter(holder string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at[holder]++
	l.jobs[holder]++
	busy := 0
	for _, n := range l.at {
		busy += n
	}
	l.both = l.both || busy > 1
}

func (l *leaders) leave(holder string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at[holder]--
}

func (l *leaders) done(holder string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.jobs[holder]
}

func (l *leaders) leader() string {
	l.store.mu.Lock()
	defer l.store.mu.Unlock()
	return l.store.leaseHolder
}

func wait(t *testing.T, d time.Duration) {
	t.Helper()
	require.NoError(t, clock.System{}.Sleep(t.Context(), d))
	synctest.Wait()
}

func TestOneLeads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLeaders(clock.System{}, "a", "b")
		l.all["a"].Start()
		synctest.Wait()
		l.all["b"].Start()
		wait(t, time.Minute)
		require.Equal(t, "a", l.leader(), "whoever leads goes on")
		require.Zero(t, l.done("b"))
		require.Positive(t, l.done("a"))
		for _, loop := range []string{"plan", "feed", "reap", "finish"} {
			require.Positive(t, l.store.passed(loop), loop)
		}

		l.all["a"].Stop()
		require.Equal(t, []string{"a"}, l.store.released)
		done := l.done("a")
		wait(t, leaseRetry)
		require.Equal(t, "b", l.leader(), "what is given back is taken at once")
		require.Positive(t, l.done("b"))
		require.Equal(t, done, l.done("a"))
		require.False(t, l.both)
		l.all["b"].Stop()
		l.all["b"].Stop()
	})
}

// A leader that can't renew its lease stops before another takes it.
func TestALeaderThatIsCutOffStopsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLeaders(clock.System{}, "a", "b")
		l.all["a"].Start()
		synctest.Wait()
		l.all["b"].Start()
		wait(t, 10*time.Second)
		l.store.mu.Lock()
		l.store.leaseErr["a"] = errors.New("the store is away")
		l.store.mu.Unlock()
		wait(t, leaseTTL+leaseRetry)
		require.Equal(t, "b", l.leader())
		require.False(t, l.both, "they never led at the same time")
		done := l.done("a")
		wait(t, time.Minute)
		require.Equal(t, done, l.done("a"))
		require.Positive(t, l.done("b"))
		// The first one comes back, and waits for its turn.
		l.store.mu.Lock()
		delete(l.store.leaseErr, "a")
		l.store.mu.Unlock()
		wait(t, time.Minute)
		require.Equal(t, "b", l.leader())
		l.all["b"].Stop()
		wait(t, leaseRetry)
		require.Equal(t, "a", l.leader())
		l.all["a"].Stop()
		require.False(t, l.both)
	})
}

// Nor does one whose store hangs instead of failing.
func TestALeaderWhoseStoreHangsStopsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLeaders(clock.System{}, "a", "b")
		l.all["a"].Start()
		synctest.Wait()
		l.all["b"].Start()
		wait(t, 10*time.Second)
		l.store.mu.Lock()
		l.store.leaseHangs = "a"
		l.store.mu.Unlock()
		wait(t, leaseTTL+leaseRetry)
		require.Equal(t, "b", l.leader())
		require.False(t, l.both, "they never led at the same time")
		l.all["a"].Stop()
		l.all["b"].Stop()
	})
}

// Whoever reads the log learns why the lead ended, with an error only where there
// was one.
func TestALeaderSaysWhyItGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLeaders(clock.System{}, "a")
		var log strings.Builder
		l.all["a"].o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		l.all["a"].renew(t.Context(), clock.System{}.Now().Add(-leaseTTL)) // as if the machine had slept
		require.Contains(t, log.String(), "stood still")
		require.NotContains(t, log.String(), "error=")
		log.Reset()
		l.store.leaseErr["a"] = errors.New("the store is away")
		l.all["a"].renew(t.Context(), clock.System{}.Now())
		require.Contains(t, log.String(), `could not be renewed" renewed_ago=4s error="the store is away"`)
	})
}

// What is kept of runs and channels goes with them, and with the lead.
func TestNothingIsKeptOfWhatIsOver(t *testing.T) {
	f := newFixture()
	f.campaign(5, 1000, nil)
	_, err := f.feeder.pass(t.Context())
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		f.feeder.mu.Lock()
		defer f.feeder.mu.Unlock()
		return len(f.feeder.turns) == 1 && len(f.feeder.lanes) == 0
	}, 10*time.Second, time.Millisecond)
	f.store.feedable = nil
	_, err = f.feeder.pass(t.Context())
	require.NoError(t, err)
	require.Empty(t, f.feeder.turns)
	f.feeder.batchSize(5)
	f.feeder.forgetAll()
	require.Empty(t, f.feeder.batches)
}

// A killed leader does not give its lease back: it runs out.
func TestAKilledLeaderIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLeaders(clock.System{}, "b")
		_, held, err := l.store.AcquireLease(t.Context(), leaseName, "killed", leaseTTL)
		require.NoError(t, err)
		require.True(t, held)
		l.all["b"].Start()
		wait(t, leaseTTL-time.Millisecond)
		require.Equal(t, "killed", l.leader())
		wait(t, leaseRetry+time.Millisecond)
		require.Equal(t, "b", l.leader())
		l.all["b"].Stop()
	})
}

// A lease that another took over, whyever, ends the lead.
func TestALeaderThatIsReplacedStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLeaders(clock.System{}, "a")
		l.all["a"].Start()
		wait(t, 3*time.Second)
		l.store.mu.Lock()
		l.store.leaseHolder, l.store.leaseUntil = "other", l.store.now().Add(time.Hour)
		l.store.mu.Unlock()
		wait(t, leaseRetry)
		done := l.done("a")
		wait(t, time.Minute)
		require.Equal(t, done, l.done("a"))
		require.Equal(t, "other", l.leader())
		l.all["a"].Stop()
	})
}

func TestEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := clock.System{}.Now()
		var at []time.Duration
		results := []struct {
			worked bool
			err    error
		}{{true, nil}, {true, nil}, {false, nil}, {true, errors.New("away")}, {false, nil}, {false, nil}}
		ctx, cancel := context.WithCancel(t.Context())
		woken := make(chan struct{}, 1)
		done := make(chan struct{})
		go func() {
			defer close(done)
			New(Options{}).every(ctx, "test", 100*time.Millisecond, woken, func(context.Context) (bool, error) {
				at = append(at, clock.System{}.Now().Sub(start))
				r := results[min(len(at), len(results))-1]
				return r.worked, r.err
			})
		}()
		wait(t, 750*time.Millisecond)
		require.Equal(t, []time.Duration{0, 0, 0, 100 * time.Millisecond, 600 * time.Millisecond, 700 * time.Millisecond}, at,
			"at once while there is work, then at the interval, and slower after an error")
		wake(woken)
		synctest.Wait()
		require.Equal(t, 750*time.Millisecond, at[6])
		require.Len(t, at, 7)
		cancel()
		<-done
	})
}

func TestWakeComesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLeaders(clock.System{}, "a")
		s := l.all["a"]
		s.Start()
		synctest.Wait()
		plans, feeds := l.store.passed("plan"), l.store.passed("feed")
		s.Wake()
		synctest.Wait()
		require.Equal(t, plans+1, l.store.passed("plan"))
		require.Equal(t, feeds+1, l.store.passed("feed"))
		s.Stop()
	})
}

func TestAJobIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		woken := make(chan struct{}, 1)
		var looks []time.Duration
		start := clock.System{}.Now()
		s := New(Options{Store: newLeaders(clock.System{}).store, Queue: newFakeQueue(), Holder: "a", Chores: []Chore{{
			Name: "look", Every: time.Minute, Woken: woken, Run: func(context.Context) (bool, error) {
				looks = append(looks, clock.System{}.Now().Sub(start))
				return false, nil
			},
		}}})
		s.Start()
		wait(t, time.Second)
		wake(woken)
		synctest.Wait()
		s.Stop()
		require.Equal(t, []time.Duration{0, time.Second}, looks)
	})
}

func TestWakingTwiceIsWakingOnce(t *testing.T) {
	s := New(Options{})
	s.Wake()
	s.Wake()
	require.Len(t, s.wake.plan, 1)
	require.Len(t, s.wake.feed, 1)
}

func TestStopBeforeStart(t *testing.T) {
	newLeaders(clock.System{}, "a").all["a"].Stop()
}
