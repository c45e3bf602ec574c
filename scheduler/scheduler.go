// Package scheduler moves campaigns on: it fires what is due, expands audiences
// into messages, keeps each channel's window filled, settles what dead workers
// left behind and finishes runs. One scheduler at a time does so, the holder of
// a lease in the store; everything it does is safe all the same if two believe
// they hold it. It must not know how messages are sent.
package scheduler

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/internal/loops"
	"carillon/internal/tracing"
	"carillon/messages"
)

// Leases hands out the leader's lease. Its errors have no code but Unavailable.
type Leases interface {
	// AcquireLease takes or renews the lease called name for ttl and reports whether
	// holder has it. The epoch grows each time that it changes hands.
	AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (epoch int64, held bool, err error)
	// ReleaseLease gives the lease back; one that another has stays.
	ReleaseLease(ctx context.Context, name, holder string) error
}

// Plans is what firing, planning and finishing need of the store.
type Plans interface {
	// FireDue decides of the instants of campaigns that have come, and returns the runs
	// that began.
	FireDue(ctx context.Context) ([]campaigns.Run, error)
	// RunsToPlan are the runs whose audience is not expanded yet, oldest first.
	RunsToPlan(ctx context.Context) ([]int64, error)
	// PlanBatch turns the next n members of a run's audience into messages; repeating a
	// batch is harmless. It is Invalid, or a Conflict, if a rule of the audience can't
	// be read any more.
	PlanBatch(ctx context.Context, runID int64, n int) (campaigns.PlanStep, error)
	// FailRun ends a run that can't be planned, and keeps why.
	FailRun(ctx context.Context, runID int64, why string) error
	// GuardRuns pauses the campaigns of runs that their guards stop, and returns these with
	// the reasons.
	GuardRuns(ctx context.Context) (stopped map[int64]string, err error)
	// FinishRuns ends the runs whose every message is in a final state. Those whose
	// counters don't add up are left open, and reported.
	FinishRuns(ctx context.Context) (finished, unbalanced []int64, err error)
	// CancelPending cancels a batch of what waits of canceled runs.
	CancelPending(ctx context.Context) (more bool, err error)
	// Reconsider lets a batch of what waits for a later time be fed now, because the
	// limits that set that time have changed.
	Reconsider(ctx context.Context) (more bool, err error)
	// LookForWinners looks at the tests of variants whose time has come, and returns the
	// winners that were told, by run.
	LookForWinners(ctx context.Context) (won map[int64]string, err error)
	// GiveWinner lets a batch of those who wait for a winner that is told have it, and
	// their turn.
	GiveWinner(ctx context.Context) (more bool, err error)
	// OpenClears are the clearings that are not finished.
	OpenClears(ctx context.Context) ([]int64, error)
	// ContinueClear cancels the next batch of a clearing; NotFound if there is no such
	// one.
	ContinueClear(ctx context.Context, id int64) (messages.Clearing, error)
}

// Store is everything that the scheduler needs of the store.
type Store interface {
	Leases
	Plans
	FeedStore
	ReapStore
}

// Queue is what the scheduler needs of Redis.
type Queue interface {
	FeedQueue
	ReapQueue
}

// Chore is other work that only the leader does, such as CSV imports: Run is
// called again and again, and reports whether it found anything to do.
type Chore struct {
	Name string
	// Every is how long to wait when there is nothing to do; 0 is half a second.
	Every time.Duration
	// Woken ends the wait; may be nil.
	Woken <-chan struct{}
	Run   func(ctx context.Context) (worked bool, err error)
}

// Options say what a scheduler works with.
type Options struct {
	Store Store
	Queue Queue
	// Holder names this process in the lease; unique among all processes.
	Holder string
	// Chores run beside the scheduler's own loops while this process leads.
	Chores []Chore
	Clock  clock.Clock
	Logger *slog.Logger
	// Meter counts what is done; nil counts nothing.
	Meter Meter
	// Tracer follows messages; nil follows none.
	Tracer *tracing.Tracer
}

// Meter counts what the scheduler does, for /metrics.
type Meter interface {
	// Pass counts a pass of a loop or chore that found work or failed, and how long it took.
	Pass(loop string, took time.Duration, failed bool)
	// Fired counts a run that began, and how late it was.
	Fired(late time.Duration)
}

// unmetered counts nothing.
type unmetered struct{}

func (unmetered) Pass(string, time.Duration, bool) {}
func (unmetered) Fired(time.Duration)              {}

// Lease times. A leader that is killed is replaced after at most leaseTTL and
// one leaseRetry.
const (
	leaseName  = "scheduler"
	leaseTTL   = 5 * time.Second
	leaseRetry = 1 * time.Second
)

// Scheduler is a process that leads or waits to lead.
type Scheduler struct {
	o      Options
	feeder *feeder
	reaper *reaper
	wake   wakers
	loops  loops.Group
	leads  atomic.Bool
}

// wakers let other parts of the process say that there is something to do now,
// instead of at the next look.
type wakers struct{ fire, plan, feed chan struct{} }

func wake(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// New makes a scheduler.
func New(o Options) *Scheduler {
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Meter == nil {
		o.Meter = unmetered{}
	}
	s := &Scheduler{o: o, wake: wakers{fire: make(chan struct{}, 1), plan: make(chan struct{}, 1), feed: make(chan struct{}, 1)}}
	s.feeder = newFeeder(o, func() { wake(s.wake.feed) })
	s.reaper = &reaper{store: o.Store, queue: o.Queue, clock: o.Clock, log: o.Logger}
	return s
}

// Start begins to compete for the lease.
func (s *Scheduler) Start() {
	s.loops.Go(s.compete)
}

// Stop ends the scheduler and gives the lease back. It returns when all its
// goroutines are gone.
func (s *Scheduler) Stop() {
	s.loops.Stop()
}

// Wake says that a campaign was started or a message created.
func (s *Scheduler) Wake() {
	wake(s.wake.fire)
	wake(s.wake.plan)
	wake(s.wake.feed)
}

// Leads reports whether this scheduler leads now.
func (s *Scheduler) Leads() bool { return s.leads.Load() }

// FeedStats is what the feeder has done since the start.
func (s *Scheduler) FeedStats() FeedStats {
	s.feeder.mu.Lock()
	defer s.feeder.mu.Unlock()
	return s.feeder.stats
}

// compete asks for the lease for ever, and leads while it has it.
func (s *Scheduler) compete(ctx context.Context) {
	for ctx.Err() == nil {
		asked := s.o.Clock.Now()
		_, held, err := s.o.Store.AcquireLease(ctx, leaseName, s.o.Holder, leaseTTL)
		if err != nil && ctx.Err() == nil {
			s.o.Logger.Warn("asking for the scheduler's lease failed, trying again", "error", err)
		}
		if held {
			s.lead(ctx, asked)
		}
		_ = s.o.Clock.Sleep(ctx, leaseRetry)
	}
}

// lead runs the loops until the lease, asked for at since, is lost or ctx ends.
func (s *Scheduler) lead(ctx context.Context, since time.Time) {
	s.o.Logger.Info("this scheduler leads now", "holder", s.o.Holder)
	s.leads.Store(true)
	defer s.leads.Store(false)
	leading, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for _, loop := range []func(context.Context){
		func(ctx context.Context) { s.every(ctx, "fire", fireInterval, s.wake.fire, s.firePass) },
		func(ctx context.Context) { s.every(ctx, "plan", planInterval, s.wake.plan, s.planPass) },
		func(ctx context.Context) {
			s.every(ctx, "feed", feedInterval, s.wake.feed, s.feeder.pass)
			s.feeder.wait()
		},
		func(ctx context.Context) { s.every(ctx, "reap", reapInterval, nil, s.reaper.pass) },
		func(ctx context.Context) { s.every(ctx, "finish", finishInterval, nil, s.finishPass) },
	} {
		wg.Go(func() { loop(leading) })
	}
	for _, chore := range s.o.Chores {
		wg.Go(func() { s.every(leading, chore.Name, cmp.Or(chore.Every, choreInterval), chore.Woken, chore.Run) })
	}
	s.renew(ctx, since)
	stop()
	wg.Wait()
	s.feeder.forgetAll()
	// The lease may be another's already; then this changes nothing.
	release, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseRetry)
	defer cancel()
	if err := s.o.Store.ReleaseLease(release, leaseName, s.o.Holder); err != nil {
		s.o.Logger.Warn("giving the scheduler's lease back failed; it runs out by itself", "error", err)
	}
	s.o.Logger.Info("this scheduler leads no more", "holder", s.o.Holder)
}

// renew keeps the lease, which was asked for at renewed. It returns when ctx ends
// or the lease is another's, and a leaseRetry before it may be another's because
// the store does not answer, or not in time.
func (s *Scheduler) renew(ctx context.Context, renewed time.Time) {
	var failure error
	for {
		left := func() time.Duration { return renewed.Add(leaseTTL - leaseRetry).Sub(s.o.Clock.Now()) }
		if s.o.Clock.Sleep(ctx, min(leaseRetry, left())) != nil {
			return
		}
		asked := s.o.Clock.Now()
		if left() <= 0 {
			s.giveUp(failure, asked.Sub(renewed))
			return
		}
		asking, cancel := context.WithTimeout(ctx, left())
		_, held, err := s.o.Store.AcquireLease(asking, leaseName, s.o.Holder, leaseTTL)
		cancel()
		if err == nil && !held {
			s.o.Logger.Warn("the scheduler's lease was taken over")
			return
		}
		if failure = err; err == nil {
			renewed = asked
		}
	}
}

// giveUp says why a lease that was renewed so long ago is not believed any more.
func (s *Scheduler) giveUp(failure error, since time.Duration) {
	if failure == nil {
		s.o.Logger.Warn("the scheduler's lease was not renewed in time: this process or its machine stood still", "renewed_ago", since)
		return
	}
	s.o.Logger.Warn("the scheduler's lease could not be renewed", "renewed_ago", since, "error", failure)
}

// errorPause is how long a loop waits after an error.
const errorPause = 500 * time.Millisecond

// every calls pass again and again: at once while it finds work, else after
// interval or when woken.
func (s *Scheduler) every(ctx context.Context, name string, interval time.Duration, woken <-chan struct{}, pass func(context.Context) (bool, error)) {
	for ctx.Err() == nil {
		began := s.o.Clock.Now()
		worked, err := pass(ctx)
		if failed := err != nil && ctx.Err() == nil; worked || failed {
			s.o.Meter.Pass(name, s.o.Clock.Now().Sub(began), failed)
		}
		wait := interval
		switch {
		case err != nil && ctx.Err() == nil:
			s.o.Logger.Warn("a pass of the scheduler failed, trying again", "loop", name, "error", err)
			wait = max(interval, errorPause)
		case worked:
			continue
		}
		select {
		case <-ctx.Done():
		case <-woken:
		case <-s.o.Clock.After(wait):
		}
	}
}
