package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/store/sqldb"
)

// maxWorkers bounds the list: of a process that is started again and again the newest
// are shown.
const maxWorkers = 1000

// Workers are the processes that send, or did so in the last day, newest first.
// Whether they live is told by the database's clock, which their heartbeats go by.
func (s *Store) Workers(ctx context.Context) ([]campaigns.Worker, error) {

	list, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (campaigns.Worker, error) {
		var w campaigns.Worker
		var since, seen, retired sqldb.Time
		var channels, requests, accepted []byte
		var alive bool
		if err := scan(&w.ID, &w.Name, &w.Version, &since, &seen, &retired, &channels, &requests, &accepted, &w.InFlight, &alive); err != nil {
			return w, err
		}
		w.Since, w.SeenAt, w.State = since.Time, seen.Time, campaigns.WorkerDead
		switch {
		case alive:
			w.State = campaigns.WorkerAlive
		case !retired.IsZero():
			w.State = campaigns.WorkerRetired
		}
		if err := json.Unmarshal(channels, &w.Channels); err != nil {
			return w, fmt.Errorf("read channels of worker %d: %w", w.ID, err)
		}
		if err := json.Unmarshal(requests, &w.Requests); err != nil {
			return w, fmt.Errorf("read requests of worker %d: %w", w.ID, err)
		}
		if err := json.Unmarshal(accepted, &w.Accepted); err != nil {
			return w, fmt.Errorf("read what worker %d was taken: %w", w.ID, err)
		}
		return w, nil
	}, "SELECT id, name, version, started_at, seen_at, retired_at, channels, requests, accepted, in_flight, heartbeat_at >= "+s.d.Now+
		" - ? FROM workers WHERE seen_at IS NOT NULL ORDER BY id DESC LIMIT ?", campaigns.WorkerSilentAfter.Milliseconds(), maxWorkers)
	return list, s.translate(err)
}

// LivingWorkers is how many worker processes were heard of lately.
func (s *Store) LivingWorkers(ctx context.Context) (n int, err error) {
	err = s.reader().Row(ctx, "SELECT COUNT(*) FROM workers WHERE seen_at IS NOT NULL AND heartbeat_at >= "+s.d.Now+" - ?",
		campaigns.WorkerSilentAfter.Milliseconds()).Scan(&n)
	return n, s.translate(err)
}

// schedulerLease is the lease that the leading scheduler holds.
const schedulerLease = "scheduler"

// Leader is the scheduler that leads, or the last that did.
func (s *Store) Leader(ctx context.Context) (l campaigns.Leader, err error) {
	var until sqldb.Time
	var left int64
	err = s.reader().Row(ctx, "SELECT holder, expires_at, expires_at - "+s.d.Now+" FROM leases WHERE name = ?", schedulerLease).Scan(&l.Holder, &until, &left)
	if errors.Is(err, sql.ErrNoRows) {
		return campaigns.Leader{}, nil
	}
	l.Until = until.Time
	if left < 0 {
		l.Expired = time.Duration(-left) * time.Millisecond
	}
	return l, s.translate(err)
}

// NextDue is when the first pending message of a run is due, and why it waits; zero
// if none is pending.
func (s *Store) NextDue(ctx context.Context, channelID, runID int64) (due messages.Due, err error) {
	var at sqldb.Time
	err = s.reader().Row(ctx, "SELECT due_at, COALESCE(reason, '') FROM messages "+s.d.pendingIndex+" WHERE channel_id = ? AND run_id = ? AND "+phasePending+
		" ORDER BY due_at, id LIMIT 1",
		channelID, runID).Scan(&at, &due.Reason)
	if errors.Is(err, sql.ErrNoRows) {
		return messages.Due{}, nil
	}
	due.At = at.Time
	if err != nil || runID == 0 {
		return due, s.translate(err)
	}
	if next, waits, err := s.nextBatch(ctx, runID); err != nil {
		return due, s.translate(err)
	} else if waits && next.After(due.At) {
		due = messages.Due{At: next.Time, Reason: campaigns.DueBatch}
	}
	return due, nil
}

// LastDue is when the last pending message of a run is due that does not wait for a
// winner; zero if none is.
func (s *Store) LastDue(ctx context.Context, channelID, runID int64) (time.Time, error) {
	var at sqldb.Time
	err := s.reader().Row(ctx, "SELECT due_at FROM messages "+s.d.pendingIndex+" WHERE channel_id = ? AND run_id = ? AND "+phasePending+
		" AND due_at < "+undecided+" ORDER BY due_at DESC, id DESC LIMIT 1", channelID, runID).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return at.Time, s.translate(err)
}
