package store

import (
	"context"
	"fmt"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/store/sqldb"
)

// takeDoubtBack puts messages back that the reaper took for in doubt, because
// their worker was cut off, and of which that worker, or its flight recorder, says
// now that the provider has not taken them: nobody has got them, so that they wait
// again. Of a canceled run they are canceled.
//
// It is safe because the outcome has to be that of the very claim that is in
// doubt: worker, try and envelope are compared with the row, and each message of
// an envelope is claimed once. Whatever has happened since changes one of them
// or the state: an operator's resend and a receipt the state, another claim the
// envelope. An address that was erased is not written to.
func (s *Store) takeDoubtBack(ctx context.Context, outcomes []messages.Outcome) error {
	ids := make([]int64, len(outcomes))
	for i, o := range outcomes {
		ids[i] = o.MessageID
	}
	// Mostly there is no doubt: a claim failed, and nothing of it was committed.
	doubtful, err := s.ids(ctx, "SELECT id FROM messages WHERE state "+is(messages.Unknown)+" AND id "+s.d.InIDs, s.d.IDList(ids))
	if err != nil || len(doubtful) == 0 {
		return err
	}
	byRun := map[int64][]messages.Outcome{}
	for _, o := range outcomes {
		byRun[o.RunID] = append(byRun[o.RunID], o)
	}
	for runID, list := range byRun {
		var moved int64
		err := s.inTx(ctx, func(tx conn) (err error) {
			moved, err = tx.takeBackOfRun(ctx, runID, list)
			return err
		})
		if err != nil {
			return fmt.Errorf("take messages out of doubt: %w", err)
		}
		if moved > 0 {
			s.log.Info("messages are in doubt no longer: the provider has not taken them", "run", runID, "messages", moved)
		}
	}
	return nil
}

// takeBackOfRun holds the run, so that it is neither finished nor canceled
// meanwhile; a finished one is opened again.
func (tx conn) takeBackOfRun(ctx context.Context, runID int64, outcomes []messages.Outcome) (moved int64, err error) {
	m, canceled := moves.notAsked, ""
	var final any
	if runID != 0 {
		var campaignID int64
		if err := tx.Row(ctx, "SELECT campaign_id FROM runs WHERE id = ?", runID).Scan(&campaignID); err != nil {
			return 0, err
		}
		status, err := tx.lockRun(ctx, campaignID, runID)
		if err != nil {
			return 0, err
		}
		if status == campaigns.RunCanceled || status == campaigns.RunFailed {
			if err := tx.Row(ctx, "SELECT reason FROM runs WHERE id = ?", runID).Scan(&canceled); err != nil {
				return 0, err
			}
			m, final = moves.notAskedCanceled, sqldb.Millis(tx.s.clock.Now())
		}
	}
	l := tx.ledger()
	var told []transition
	now := tx.s.clock.Now()
	var again []int64
	for _, o := range outcomes {
		reason, detail, spent := o.Reason, o.Detail, 0
		if o.Unspent {
			spent = 1
		}
		if o.NotAsked {
			reason, detail = messages.ReasonNotAsked, "the worker was taken for dead: it had not asked the provider"
		}
		kind := reason
		if m.to == messages.Canceled {
			reason, detail = messages.ReasonCanceled, canceled
		}
		due := int64(0)
		if m.to == messages.Pending && !o.DueAt.IsZero() {
			due = o.DueAt.UnixMilli()
		}
		n, err := l.swap(ctx, change{
			move: m, args: []any{reason, nullText(detail), due, final, spent}, whose: &countKey{runID, o.ChannelID},
			where: fragment{"id = ? AND reason = ? AND worker_id = ? AND attempt = ? AND envelope_id = ? AND address <> ''",
				[]any{o.MessageID, messages.ReasonInDoubt, o.WorkerID, o.Attempt, o.EnvelopeID}},
		})
		if err != nil {
			return 0, err
		}
		if n == 0 {
			continue
		}
		moved += n
		if o.NotAsked {
			var claimed sqldb.Time
			if err := tx.Row(ctx, "SELECT claimed_at FROM messages WHERE id = ?", o.MessageID).Scan(&claimed); err != nil {
				return 0, err
			}
			l.unsent(o.ChannelID, claimed.Time)
		}
		told = append(told, transition{
			id: o.MessageID, state: m.to, at: now, attempt: o.Attempt, reason: reason, kind: kind, code: o.Code, detail: detail,
		})
		again = append(again, o.MessageID)
	}
	if moved == 0 {
		return 0, nil
	}
	if err := tx.keepTransitions(ctx, told); err != nil {
		return 0, err
	}
	if err := l.cancelCleared(ctx, again); err != nil {
		return 0, err
	}
	if err := l.close(ctx, shardReaper); err != nil {
		return 0, err
	}
	if m.to == messages.Pending && runID != 0 {
		return moved, tx.reopenRun(ctx, runID)
	}
	return moved, nil
}

// TakeUp takes messages that were to be sent again, because their worker died in
// doubt, back to that worker, whose answers are at hand after all: the caller
// records them next. What has been claimed again meanwhile is another's.
func (s *Store) TakeUp(ctx context.Context, answered []messages.Outcome) error {
	if len(answered) == 0 {
		return nil
	}
	return s.inTx(ctx, func(tx conn) error {
		l := tx.ledger()
		for _, o := range answered {
			if _, err := l.swap(ctx, change{
				move: moves.takeUp, whose: &countKey{o.RunID, o.ChannelID},
				where: fragment{"id = ? AND reason = ? AND worker_id = ? AND attempt = ? AND envelope_id = ?",
					[]any{o.MessageID, messages.ReasonInDoubt, o.WorkerID, o.Attempt, o.EnvelopeID}},
			}); err != nil {
				return err
			}
		}
		return l.close(ctx, shardReaper)
	})
}
