package scheduler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"carillon/internal/fault"
)

// How often each loop looks when nobody wakes it. A campaign that another
// process started is planned at most planInterval later.
const (
	fireInterval   = 100 * time.Millisecond
	planInterval   = 100 * time.Millisecond
	feedInterval   = 100 * time.Millisecond
	reapInterval   = 500 * time.Millisecond
	finishInterval = 200 * time.Millisecond
	choreInterval  = 500 * time.Millisecond
)

// Batches of the planner: the first, and the largest, which holds the writer of
// SQLite for some 20 ms.
const (
	firstBatch = 500
	planBatch  = 10_000
)

// firePass fires what is due. It has a loop of its own, so that what is late does not
// wait for what is large.
func (s *Scheduler) firePass(ctx context.Context) (worked bool, err error) {
	fired, err := s.o.Store.FireDue(ctx)
	for _, run := range fired {
		s.o.Meter.Fired(run.Late())
		s.o.Logger.Info("campaign fired", "campaign", run.CampaignID, "run", run.ID, "due", run.Instant)
	}
	if len(fired) > 0 {
		wake(s.wake.plan)
	}
	return len(fired) > 0, err
}

// planPass plans one batch of every run, in turn, so that a large run does not hold up
// a small one. A run that can't be planned holds up no other.
func (s *Scheduler) planPass(ctx context.Context) (worked bool, err error) {
	runs, err := s.o.Store.RunsToPlan(ctx)
	if err != nil {
		return false, err
	}
	var errs []error
	for _, run := range runs {
		began := s.o.Clock.Now()
		step, err := s.o.Store.PlanBatch(ctx, run, s.feeder.batchSize(run))
		if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Conflict) || fault.Is(err, fault.NotFound) {
			// What its audience is made of can't be read any more, and no later try will.
			s.o.Logger.Error("run failed: its audience can't be planned", "run", run, "error", err)
			err = s.o.Store.FailRun(ctx, run, "its audience can't be planned: "+err.Error())
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("plan run %d: %w", run, err))
			continue
		}
		worked = worked || !step.Stopped
		if step.Inserted > 0 {
			s.o.Tracer.Planned(ctx, run, began, step.Inserted)
			wake(s.wake.feed)
		}
	}
	return worked, errors.Join(errs...)
}

// finishPass ends runs whose every message is final and goes on with
// cancelations, clearings, variants that won and what waited by limits that changed, a
// batch at a time.
func (s *Scheduler) finishPass(ctx context.Context) (worked bool, err error) {
	if worked, err = s.o.Store.CancelPending(ctx); err != nil {
		return false, err
	}
	more, err := s.o.Store.Reconsider(ctx)
	if err != nil {
		return false, err
	}
	if worked = worked || more; more {
		wake(s.wake.feed)
	}
	if more, err = s.winnerPass(ctx); err != nil {
		return false, err
	}
	worked = worked || more
	clears, err := s.o.Store.OpenClears(ctx)
	if err != nil {
		return false, err
	}
	for _, id := range clears {
		if _, err := s.o.Store.ContinueClear(ctx, id); err != nil {
			return false, err
		}
		worked = true
	}
	stopped, err := s.o.Store.GuardRuns(ctx)
	for run, why := range stopped {
		s.o.Logger.Warn("a guard has paused a campaign", "run", run, "reason", why)
	}
	if err != nil {
		return false, err
	}
	finished, unbalanced, err := s.o.Store.FinishRuns(ctx)
	for _, run := range finished {
		s.o.Logger.Info("run finished: every message is in a final state", "run", run)
		s.feeder.forget(run)
	}
	for _, run := range unbalanced {
		s.o.Logger.Error("run can't finish: its counters don't add up to what was planned; see carillon verify", "run", run)
	}
	return worked, err
}

// winnerPass looks for the winners of tests whose time has come, and lets a batch of those
// who wait for one have it.
func (s *Scheduler) winnerPass(ctx context.Context) (worked bool, err error) {
	won, err := s.o.Store.LookForWinners(ctx)
	for run, variant := range won {
		s.o.Logger.Info("a variant has won", "run", run, "variant", variant)
	}
	if err != nil {
		return false, err
	}
	if worked, err = s.o.Store.GiveWinner(ctx); worked {
		wake(s.wake.feed)
	}
	return worked, err
}
