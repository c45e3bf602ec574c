package campaigns_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
)

// stage is a LiveStore whose runs and channels the test sets.
type stage struct {
	mu       sync.Mutex
	asked    int
	accounts []int64
	runs     map[int64]campaigns.LiveRun
	channels []campaigns.LiveChannel
	err      error
}

func (s *stage) LiveRuns(_ context.Context, accounts []int64, after int64, also []int64) (runs []campaigns.LiveRun, latest int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	s.accounts = slices.Sorted(slices.Values(accounts))
	for id, r := range s.runs {
		latest = max(latest, id)
		if slices.Contains(accounts, r.AccountID) && (r.FinishedAt == nil || (after >= 0 && id > after) || slices.Contains(also, id)) {
			runs = append(runs, r)
		}
	}
	return runs, latest, s.err
}

func (s *stage) LiveChannels(_ context.Context, accounts []int64) (channels []campaigns.LiveChannel, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.channels {
		if slices.Contains(accounts, c.AccountID) {
			channels = append(channels, c)
		}
	}
	return channels, s.err
}

// Everything works on this stage.
func (s *stage) Workers(context.Context) ([]campaigns.Worker, error) {
	return []campaigns.Worker{{ID: 1, State: campaigns.WorkerAlive, Since: noon, Channels: []int64{0, 1, 2}}}, nil
}

func (s *stage) Leader(context.Context) (campaigns.Leader, error) {
	return campaigns.Leader{Holder: "x"}, nil
}

func (s *stage) LastDue(context.Context, int64, int64) (last time.Time, err error) { return last, nil }

func (s *stage) FullDays(context.Context) (map[int64]messages.DaySends, error) { return nil, nil }

func (s *stage) NextDue(context.Context, int64, int64) (due messages.Due, err error) {
	return due, nil
}

func (s *stage) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *stage) questions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *stage) put(id, account int64, status campaigns.RunStatus, sent int64) {
	s.set(func() {
		if s.runs == nil {
			s.runs = map[int64]campaigns.LiveRun{}
		}
		r := campaigns.LiveRun{Run: campaigns.Run{ID: id, AccountID: account, Status: status, Counts: messages.Counts{messages.Sent: sent}}}
		if status == campaigns.RunFinished {
			r.FinishedAt = &noon
		}
		s.runs[id] = r
	})
}

// live runs a test in a bubble, where time passes when nothing else happens.
func live(t *testing.T, test func(t *testing.T, s *stage, l *campaigns.Live)) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{channels: []campaigns.LiveChannel{{ID: 1, AccountID: 1, Name: "a", Status: providers.ChannelActive}, {ID: 2, AccountID: 2, Name: "b"}}}
		l := campaigns.NewLive(s, clock.System{}, slog.New(slog.DiscardHandler))
		defer l.Stop()
		test(t, s, l)
	})
}

func wait(d time.Duration) {
	_ = clock.System{}.Sleep(context.Background(), d)
	synctest.Wait()
}

func listen(t *testing.T, l *campaigns.Live, account int64) *campaigns.Listener {
	t.Helper()
	_, n, err := l.Listen(t.Context(), account)
	require.NoError(t, err)
	t.Cleanup(n.Close)
	return n
}

// told reports whether a listener was told of something new.
func told(n *campaigns.Listener) bool {
	select {
	case <-n.Changed():
		return true
	default:
		return false
	}
}

func TestOneLooksForAllWhoListenAndNobodyOtherwise(t *testing.T) {
	live(t, func(t *testing.T, s *stage, l *campaigns.Live) {
		wait(time.Minute)
		require.Zero(t, s.questions(), "nobody listens")
		var all []*campaigns.Listener
		for i := range int64(50) {
			all = append(all, listen(t, l, 1+i%2))
		}
		wait(time.Second)
		before := s.questions()
		wait(10 * time.Second)
		require.Equal(t, 20, s.questions()-before, "two a second, however many listen")
		require.Equal(t, []int64{1, 2}, s.accounts)
		for i, n := range all {
			require.True(t, told(n), i)
			require.False(t, told(n), "once")
			require.Len(t, n.State().Channels, 1, "its own account's")
		}
		for _, n := range all[1:] {
			n.Close()
			n.Close()
		}
		wait(time.Second)
		require.Equal(t, []int64{1}, s.accounts)
		all[0].Close()
		wait(time.Second)
		before = s.questions()
		wait(time.Minute)
		require.Equal(t, before, s.questions(), "they have left")
		again := listen(t, l, 2)
		wait(time.Second)
		require.True(t, told(again))
	})
}

func TestNotTooManyListen(t *testing.T) {
	live(t, func(t *testing.T, _ *stage, l *campaigns.Live) {
		first := listen(t, l, 1)
		for range campaigns.MaxListeners - 1 {
			listen(t, l, 1)
		}
		_, _, err := l.Listen(t.Context(), 1)
		require.True(t, fault.Is(err, fault.RateLimited), err)
		listen(t, l, 2) // each account has its own
		first.Close()
		listen(t, l, 1)
	})
}

// Whoever does not look for a while gets the newest state alone, and holds
// nobody up.
func TestASlowListenerGetsTheNewest(t *testing.T) {
	live(t, func(t *testing.T, s *stage, l *campaigns.Live) {
		slow, quick := listen(t, l, 1), listen(t, l, 1)
		wait(time.Second)
		require.True(t, told(slow))
		require.True(t, told(quick))
		for sent := range int64(20) {
			s.put(7, 1, campaigns.RunSending, sent)
			wait(time.Second)
			require.True(t, told(quick))
			require.Equal(t, sent, quick.State().Runs[7].Counts[messages.Sent])
		}
		require.True(t, told(slow))
		require.Equal(t, int64(19), slow.State().Runs[7].Counts[messages.Sent])
		wait(time.Minute)
		require.False(t, told(slow), "nothing happens")
		late := listen(t, l, 1)
		require.True(t, told(late), "there is a state already")
		require.Equal(t, slow.State(), late.State())
	})
}

func TestAFinishedRunIsShownForAWhile(t *testing.T) {
	live(t, func(t *testing.T, s *stage, l *campaigns.Live) {
		s.put(1, 1, campaigns.RunFinished, 9) // before anybody listens
		s.put(2, 1, campaigns.RunSending, 1)
		n := listen(t, l, 1)
		wait(time.Second)
		shown := func() []int64 { return slices.Sorted(maps.Keys(n.State().Runs)) }
		require.Equal(t, []int64{2}, shown())
		s.put(2, 1, campaigns.RunFinished, 2)
		s.put(3, 1, campaigns.RunFinished, 3) // it was over before it was seen under way
		s.put(4, 2, campaigns.RunSending, 3)  // another account's
		wait(time.Second)
		require.Equal(t, []int64{2, 3}, shown())
		require.Equal(t, campaigns.RunFinished, n.State().Runs[2].Status)
		wait(50 * time.Second)
		require.Equal(t, []int64{2, 3}, shown())
		wait(15 * time.Second)
		require.Empty(t, shown())
		s.put(2, 1, campaigns.RunSending, 2) // a message of it goes again
		wait(time.Second)
		require.Equal(t, []int64{2}, shown())
	})
}

func TestTheStoreIsAwayForAWhile(t *testing.T) {
	live(t, func(t *testing.T, s *stage, l *campaigns.Live) {
		s.set(func() { s.err = errors.New("away") })
		n := listen(t, l, 1)
		wait(3 * time.Second)
		require.False(t, told(n))
		require.Nil(t, n.State())
		s.set(func() { s.err = nil })
		wait(time.Second)
		require.True(t, told(n))
		s.set(func() { s.err = errors.New("away") })
		wait(3 * time.Second)
		require.NotNil(t, n.State(), "what was known last")
	})
}

func TestStoppingEndsListening(t *testing.T) {
	live(t, func(t *testing.T, s *stage, l *campaigns.Live) {
		ctx, n, err := l.Listen(t.Context(), 1)
		require.NoError(t, err)
		wait(time.Second)
		require.NoError(t, ctx.Err())
		l.Stop()
		require.Error(t, ctx.Err())
		before := s.questions()
		wait(time.Minute)
		require.Equal(t, before, s.questions())
		n.Close()
		_, _, err = l.Listen(t.Context(), 1)
		require.True(t, fault.Is(err, fault.Unavailable))
		l.Stop()
	})
}
