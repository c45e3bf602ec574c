package campaigns

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/providers"
)

// LiveRun is a run as it is watched.
type LiveRun struct {
	Run
	// Limits, Warmth and Throttle are what its pace is reckoned by, and what the account may
	// send, as in a channel.
	AccountPerSecond, AccountPerDay int64

	Limits   providers.Limits
	Warmth   *providers.Warmth
	Throttle Throttle
	// CampaignChangedAt is when its campaign was changed last.
	CampaignChangedAt time.Time
	Pace              Pace

	ended time.Time // when it was first seen finished
}

// Same reports whether nothing of the run has changed but how fast it is.
func (r LiveRun) Same(other LiveRun) bool {
	return r.Status == other.Status && r.Reason == other.Reason && r.PlanDone == other.PlanDone && r.Planned == other.Planned &&
		r.Counts == other.Counts && r.Pace.Still == other.Pace.Still && (r.FinishedAt == nil) == (other.FinishedAt == nil)
}

// LiveChannel is a channel's health and what waits on it.
type LiveChannel struct {
	ID, AccountID int64
	Name          string
	Status        providers.ChannelStatus
	StatusReason  string
	StatusSince   time.Time
	Health        providers.Health
	UpdatedAt     time.Time
	// Still says why nothing goes out on it.
	Still Standstill
	// Pending, Queued and Sending are the messages of its outbound queue.
	Pending, Queued, Sending int64
}

// channel is as much of the channel as a standstill is told by.
func (c LiveChannel) channel() providers.Channel {
	return providers.Channel{
		ID: c.ID, AccountID: c.AccountID, Name: c.Name, Status: c.Status, StatusReason: c.StatusReason, StatusSince: c.StatusSince,
		Health: c.Health, UpdatedAt: c.UpdatedAt,
	}
}

// LiveState is what goes on in an account at a moment, by ids: the runs that are
// under way or ended lately, and its channels. It is not changed any more.
type LiveState struct {
	Runs     map[int64]LiveRun
	Channels map[int64]LiveChannel
}

func (s *LiveState) same(other *LiveState) bool {
	return maps.EqualFunc(s.Runs, other.Runs, LiveRun.Same) && maps.Equal(s.Channels, other.Channels)
}

// LiveStore looks up what goes on.
type LiveStore interface {
	// LiveRuns are the accounts' runs that are not finished, those that are newer
	// than after (none if it is negative), and those of also. latest is the newest
	// run of all accounts.
	LiveRuns(ctx context.Context, accountIDs []int64, after int64, also []int64) (runs []LiveRun, latest int64, err error)
	// LiveChannels are the accounts' channels; those of every account if accountIDs is
	// nil.
	LiveChannels(ctx context.Context, accountIDs []int64) ([]LiveChannel, error)
	StandstillStore
}

// Times of Live.
const (
	liveInterval = 500 * time.Millisecond
	// endedFor is how long a finished run is shown, so that whoever is slow sees
	// how it ended.
	endedFor = time.Minute
)

// MaxListeners is how many may listen to one account at a time, in one process:
// each holds a connection for as long as it likes.
const MaxListeners = 200

// Live watches what goes on for whoever listens. However many listen, the store
// is asked by one goroutine, and not at all while nobody does. A listener always
// gets the newest state: what it was too slow for it does not get.
type Live struct {
	store LiveStore
	clock clock.Clock
	log   *slog.Logger

	wake    chan struct{}
	polling sync.WaitGroup

	mu          sync.Mutex
	accounts    map[int64]*watched
	stopPolling context.CancelFunc // nil while nobody listens
	stopped     bool
}

// watched is an account that somebody listens to.
type watched struct {
	listeners map[*Listener]struct{}
	state     *LiveState // nil until the store was asked
}

// NewLive makes a Live. Stop ends it.
func NewLive(store LiveStore, c clock.Clock, log *slog.Logger) *Live {
	return &Live{store: store, clock: c, log: log, wake: make(chan struct{}, 1), accounts: map[int64]*watched{}}
}

// Listener is somebody who listens to an account.
type Listener struct {
	live      *Live
	accountID int64
	cancel    context.CancelFunc
	changed   chan struct{}
}

// Listen begins to watch an account. The context ends with ctx, with the
// listener's Close and when Live is stopped. It is refused as rate-limited while
// MaxListeners listen already.
func (l *Live) Listen(ctx context.Context, accountID int64) (context.Context, *Listener, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return nil, nil, fault.New(fault.Unavailable, "the server is stopping")
	}
	ctx, cancel := context.WithCancel(ctx)
	n := &Listener{live: l, accountID: accountID, cancel: cancel, changed: make(chan struct{}, 1)}
	w := l.accounts[accountID]
	if w == nil {
		w = &watched{listeners: map[*Listener]struct{}{}}
		l.accounts[accountID] = w
	}
	if len(w.listeners) >= MaxListeners {
		cancel()
		return nil, nil, fault.New(fault.RateLimited, "%d listen to what goes on already: close streams that nobody reads", MaxListeners)
	}
	w.listeners[n] = struct{}{}
	if w.state != nil {
		n.changed <- struct{}{}
	}
	switch {
	case l.stopPolling == nil:
		// It goes on for whoever comes later, when this one has left.
		looking, stop := context.WithCancel(context.WithoutCancel(ctx))
		l.stopPolling = stop
		l.polling.Go(func() {
			defer stop()
			l.poll(looking)
		})
	case w.state == nil:
		l.pollNow()
	}
	return ctx, n, nil
}

// Changed delivers when there is a state that State has not returned yet.
func (n *Listener) Changed() <-chan struct{} { return n.changed }

// State is the newest state; nil before the first.
func (n *Listener) State() *LiveState {
	n.live.mu.Lock()
	defer n.live.mu.Unlock()
	if w := n.live.accounts[n.accountID]; w != nil {
		return w.state
	}
	return nil
}

// Close ends listening. It may be called again.
func (n *Listener) Close() {
	n.cancel()
	n.live.mu.Lock()
	defer n.live.mu.Unlock()
	w := n.live.accounts[n.accountID]
	if w == nil {
		return
	}
	delete(w.listeners, n)
	if len(w.listeners) == 0 {
		delete(n.live.accounts, n.accountID)
		n.live.pollNow()
	}
}

// Stop ends everybody's listening and returns when nobody asks the store any
// more. It may be called again.
func (l *Live) Stop() {
	l.mu.Lock()
	l.stopped = true
	for _, w := range l.accounts {
		for n := range w.listeners {
			n.cancel()
		}
	}
	if l.stopPolling != nil {
		l.stopPolling()
	}
	l.mu.Unlock()
	l.polling.Wait()
}

func (l *Live) pollNow() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// poll asks the store until nobody listens any more.
func (l *Live) poll(ctx context.Context) {
	after := int64(-1)
	for {
		accounts, also := l.wanted()
		if accounts == nil {
			return
		}
		latest, err := l.refresh(ctx, accounts, after, also)
		if err == nil {
			after = latest
		} else if ctx.Err() == nil {
			l.log.Warn("what goes on could not be looked up for those who listen, trying again", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-l.wake:
		case <-l.clock.After(liveInterval):
		}
	}
}

// wanted are the accounts that somebody listens to, and their runs that were not
// finished when they were last looked at. It is nil when nobody listens: then
// looking ends, and the next who listens begins it anew.
func (l *Live) wanted() (accounts, also []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || len(l.accounts) == 0 {
		l.stopPolling = nil
		return nil, nil
	}
	for id, w := range l.accounts {
		accounts = append(accounts, id)
		if w.state == nil {
			continue
		}
		for run, r := range w.state.Runs {
			if r.FinishedAt == nil {
				also = append(also, run)
			}
		}
	}
	return accounts, also
}

// refresh asks the store for the accounts and tells those who listen what has
// changed.
func (l *Live) refresh(ctx context.Context, accounts []int64, after int64, also []int64) (latest int64, err error) {
	runs, latest, err := l.store.LiveRuns(ctx, accounts, after, also)
	if err != nil {
		return 0, err
	}
	channels, err := l.store.LiveChannels(ctx, accounts)
	if err != nil {
		return 0, err
	}
	states := make(map[int64]*LiveState, len(accounts))
	for _, id := range accounts {
		states[id] = &LiveState{Runs: map[int64]LiveRun{}, Channels: map[int64]LiveChannel{}}
	}
	now := l.clock.Now()
	around, err := newSurvey(ctx, l.store, now)
	if err != nil {
		return 0, err
	}
	for _, c := range channels {
		c.Still = around.channel(c.channel())
		states[c.AccountID].Channels[c.ID] = c
	}
	for _, r := range runs {
		still, err := around.run(ctx, r.Run, r.CampaignChangedAt, states[r.AccountID].Channels[r.ChannelID].channel())
		if err != nil {
			return 0, err
		}
		last, err := around.lastDue(ctx, r.Run)
		if err != nil {
			return 0, err
		}
		r.Pace = r.pace(still, last, boundsOf(providers.Channel{
			Limits: r.Limits, Warmth: r.Warmth, AccountPerSecond: r.AccountPerSecond, AccountPerDay: r.AccountPerDay,
		}, r.Throttle), now)
		if r.FinishedAt != nil {
			r.ended = now
		}
		states[r.AccountID].Runs[r.ID] = r
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, state := range states {
		if w := l.accounts[id]; w != nil {
			w.update(state, now)
		}
	}
	return latest, nil
}

// update takes over a state and tells the listeners, if anything has changed.
func (w *watched) update(state *LiveState, now time.Time) {
	old := w.state
	if old != nil {
		for id, r := range old.Runs {
			if _, again := state.Runs[id]; !again && r.FinishedAt != nil && now.Sub(r.ended) < endedFor {
				state.Runs[id] = r
			}
		}
	}
	w.state = state
	if old != nil && old.same(state) {
		return
	}
	for n := range w.listeners {
		select {
		case n.changed <- struct{}{}:
		default: // told already; it will get this state
		}
	}
}
