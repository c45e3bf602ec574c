package store

import (
	"context"
	"strings"
	"time"

	"carillon/campaigns"
	"carillon/providers"
)

// eventStates is the state that a receipt stands for.
var eventStates = map[providers.EventStatus]campaigns.State{
	providers.EventDelivered: campaigns.Delivered,
	providers.EventRead:      campaigns.Read,
	providers.EventFailed:    campaigns.Failed,
	providers.EventRejected:  campaigns.Rejected,
}

// receiptTarget is a message that receipts are for, and what they make of it.
type receiptTarget struct {
	runID, channelID       int64
	from, to               campaigns.State
	delivered, read, final time.Time
	code, detail           string
	address                string
	// left is the move with which it left the plain way, if off is set. What
	// follows, such as read after delivered, is plain again.
	left campaigns.State
	at   time.Time
	off  bool
}

// apply folds one event into the target and reports whether it moves the
// message; one that would not move it forward changes nothing but a missing
// time.
func (t *receiptTarget) apply(e providers.Event, now time.Time) (moved bool) {
	state, known := eventStates[e.Status]
	if !known {
		return false
	}
	at := e.At
	// A provider's clock is taken as it is, but never for a time in the future.
	if at.IsZero() || at.After(now) {
		at = now
	}
	switch state {
	case campaigns.Delivered:
		t.delivered = at
	case campaigns.Read:
		t.read = at
	}
	if !campaigns.CanMove(t.to, state) {
		return false
	}
	ends := state == campaigns.Failed || state == campaigns.Rejected
	if !t.off && (ends || (t.to != campaigns.Sent && t.to != campaigns.Delivered)) {
		t.left, t.at, t.off = state, at, true
	}
	t.to = state
	if ends {
		t.final, t.code, t.detail = at, e.Code, e.Detail
	}
	return true
}

// move is how the message left the plain way.
func (t *receiptTarget) move(id int64) move {
	m := move{id: id, state: t.left, at: t.at}
	if !t.final.IsZero() {
		m.reason, m.detail = campaigns.ReasonReceipt, t.said()
	}
	return m
}

// said is what the provider said of a message that did not arrive.
func (t *receiptTarget) said() string { return strings.TrimSpace(t.code + " " + t.detail) }

// applyEvents moves messages forward by receipts of one channel. Receipts of
// messages whose outcome is not recorded yet are parked.
func applyEvents(ctx context.Context, tx conn, channelID int64, events []providers.Event, d deltas, now time.Time) error {
	targets, byProvider, err := receiptTargets(ctx, tx, channelID, events)
	if err != nil {
		return err
	}
	var parked [][9]any
	notes := bounceNotes{}
	for _, e := range events {
		id := e.MessageID
		if id == 0 {
			id = byProvider[e.ProviderID]
		}
		target := targets[id]
		if (target == nil && e.MessageID == 0) || (target != nil && target.from.Active()) {
			parked = append(parked, [9]any{
				channelID, e.MessageID, clean(e.ProviderID), string(e.Status), ms(eventTime(e, now)), clean(e.Code), clean(e.Detail), ms(now), string(e.Bounce),
			})
			continue
		}
		if target != nil {
			notes.add(target.address, e, target.apply(e, now))
		}
	}
	if err := notes.write(ctx, tx, channelID, now); err != nil {
		return err
	}
	if parked != nil {
		if _, err := tx.exec(ctx, tx.d.statements.insertReceipts, mustJSON(parked)); err != nil {
			return err
		}
	}
	return moveTargets(ctx, tx, targets, d)
}

func eventTime(e providers.Event, now time.Time) time.Time {
	if e.At.IsZero() {
		return now
	}
	return e.At
}

// receiptTargets looks up and locks the messages that events are for.
func receiptTargets(ctx context.Context, tx conn, channelID int64, events []providers.Event) (map[int64]*receiptTarget, map[string]int64, error) {
	var ids []int64
	var providerIDs []string
	for _, e := range events {
		if e.MessageID != 0 {
			ids = append(ids, e.MessageID)
		} else {
			providerIDs = append(providerIDs, e.ProviderID)
		}
	}
	targets := make(map[int64]*receiptTarget, len(events))
	byProvider := map[string]int64{}
	collect := func(scan func(...any) error) error {
		var id int64
		var providerID string
		t := receiptTarget{channelID: channelID}
		if err := scan(&id, &t.runID, &t.from, &providerID, &t.address); err != nil {
			return err
		}
		t.to = t.from
		targets[id] = &t
		if providerID != "" {
			byProvider[providerID] = id
		}
		return nil
	}
	const columns = "SELECT id, run_id, state, COALESCE(provider_id, ''), address FROM messages WHERE channel_id = ? AND "
	if ids != nil {
		// Ordered, so that two transactions can't lock the same rows crosswise.
		if err := tx.scanAll(ctx, collect, columns+"id "+tx.d.inIDs+" ORDER BY id"+tx.d.forUpdate, channelID, tx.d.idList(ids)); err != nil {
			return nil, nil, err
		}
	}
	if providerIDs != nil {
		if err := tx.scanAll(ctx, collect, columns+"provider_id IS NOT NULL AND provider_id "+tx.d.inTexts+" ORDER BY id"+tx.d.forUpdate,
			channelID, tx.d.textList(providerIDs)); err != nil {
			return nil, nil, err
		}
	}
	return targets, byProvider, nil
}

// moveTargets writes what receipts made of their messages.
func moveTargets(ctx context.Context, tx conn, targets map[int64]*receiptTarget, d deltas) error {
	var rows [][7]any
	var moves []move
	for id, t := range targets {
		if t.to == t.from && t.delivered.IsZero() && t.read.IsZero() {
			continue
		}
		row := [7]any{id, int(t.to), ms(t.delivered), ms(t.read), nil, nil, ms(t.final)}
		if t.to == campaigns.Failed || t.to == campaigns.Rejected {
			row[4], row[5] = campaigns.ReasonReceipt, clean(t.said())
		}
		if t.off {
			moves = append(moves, t.move(id))
		}
		rows = append(rows, row)
		if t.to != t.from {
			d.move(t.runID, t.channelID, t.from, t.to, 1)
		}
	}
	if rows == nil {
		return nil
	}
	if err := keepMoves(ctx, tx, moves); err != nil {
		return err
	}
	_, err := tx.exec(ctx, tx.d.statements.applyReceipts, mustJSON(rows))
	return err
}

// applyParked applies receipts that came before their message's outcome was
// recorded, which it has been now.
func applyParked(ctx context.Context, tx conn, settled []campaigns.Outcome, d deltas) error {
	var parked int
	// The table is empty nearly always; one look saves the look-ups.
	if err := tx.row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM receipts LIMIT 1) r").Scan(&parked); err != nil || parked == 0 {
		return err
	}
	ids := make([]int64, 0, len(settled))
	var providerIDs []string
	for _, o := range settled {
		if o.State != campaigns.Sent {
			continue
		}
		ids = append(ids, o.MessageID)
		if o.ProviderID != "" {
			providerIDs = append(providerIDs, o.ProviderID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := unpark(ctx, tx, "message_id > 0 AND message_id "+tx.d.inIDs, tx.d.idList(ids), d); err != nil {
		return err
	}
	if providerIDs == nil {
		return nil
	}
	return unpark(ctx, tx, "message_id = 0 AND provider_id "+tx.d.inTexts, tx.d.textList(providerIDs), d)
}

// unpark takes receipts out of their table and applies them; those whose
// message still is not ready go back.
func unpark(ctx context.Context, tx conn, where string, arg any, d deltas) error {
	byChannel := map[int64][]providers.Event{}
	err := tx.scanAll(ctx, func(scan func(...any) error) error {
		var channelID int64
		var e providers.Event
		var at millis
		if err := scan(&channelID, &e.MessageID, &e.ProviderID, &e.Status, &at, &e.Code, &e.Detail, &e.Bounce); err != nil {
			return err
		}
		e.At = at.Time
		byChannel[channelID] = append(byChannel[channelID], e)
		return nil
	}, "DELETE FROM receipts WHERE "+where+" RETURNING channel_id, message_id, provider_id, status, at, code, detail, bounce", arg)
	if err != nil {
		return err
	}
	for channelID, events := range byChannel {
		// Receipts are folded in the order of the provider's times; the state
		// machine takes care of the rest. They are applied with their own times,
		// so the present one does not matter.
		if err := applyEvents(ctx, tx, channelID, events, d, latest(events)); err != nil {
			return err
		}
	}
	return nil
}

func latest(events []providers.Event) time.Time {
	var last time.Time
	for _, e := range events {
		if e.At.After(last) {
			last = e.At
		}
	}
	return last
}

// parkedFor is how long a receipt that fits no message is kept: providers
// repeat theirs for up to a week, so what came so early can only be stray.
const parkedFor = 24 * time.Hour

// SweepReceipts applies parked receipts whose message has been recorded since,
// and drops those that nobody claimed for a day. It returns how many it looked
// at.
func (s *Store) SweepReceipts(ctx context.Context) (n int, err error) {
	now := s.clock.Now()
	// A count for each receipt, because PostgreSQL would rather join the few with
	// all messages that there are.
	const recorded = "(SELECT COUNT(*) FROM messages m WHERE m.channel_id = r.channel_id AND m.state NOT IN (0, 1, 2) AND "
	ids, err := s.ids(ctx, `SELECT r.id FROM receipts r WHERE CASE WHEN r.message_id > 0
		THEN `+recorded+`m.id = r.message_id) ELSE `+recorded+`m.provider_id IS NOT NULL AND m.provider_id = r.provider_id) END > 0
		ORDER BY r.id LIMIT 500`)
	if err != nil {
		return 0, err
	}
	err = s.inTx(ctx, func(tx conn) error {
		if len(ids) > 0 {
			d := deltas{}
			if err := unpark(ctx, tx, "id "+tx.d.inIDs, tx.d.idList(ids), d); err != nil {
				return err
			}
			if err := d.apply(ctx, tx, shardReaper); err != nil {
				return err
			}
		}
		_, err := tx.exec(ctx, "DELETE FROM receipts WHERE received_at < ?", ms(now.Add(-parkedFor)))
		return err
	})
	return len(ids), err
}
