package store

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
)

// receiptStates is the state that a receipt stands for.
var receiptStates = map[providers.ReceiptStatus]messages.State{
	providers.ReceiptDelivered: messages.Delivered,
	providers.ReceiptRead:      messages.Read,
	providers.ReceiptFailed:    messages.Failed,
	providers.ReceiptRejected:  messages.Rejected,
}

// receiptTarget is a message that receipts are for, and what they make of it.
type receiptTarget struct {
	whose                  countKey
	from, to               messages.State
	delivered, read, final time.Time
	code, detail           string
	address                string
	asked                  asked
	// ended, reason and why are final_at, reason and detail before the receipts.
	ended       sqldb.Time
	reason, why string
	// left is the move with which it left the plain way, if off is set. What
	// follows, such as read after delivered, is plain again.
	left messages.State
	off  bool
}

// asked says whether the provider has been asked to send a message that waits, or
// ended while it waited, since somebody last asked for it to be sent.
type asked struct {
	ever bool
	// anew is false after an operator sent it again: what is said of a time that
	// failed is over with it.
	anew bool
	// since is false after an operator sent again what had been sent: what is said
	// of the first time is over with it.
	since bool
}

// counts reports whether a receipt may move a message from a state.
func (t *receiptTarget) counts(state messages.State) bool {
	if !messages.CanMove(t.to, state) {
		return false
	}
	arrived := arrived(state)
	switch t.to {
	case messages.Sending:
		return t.asked.since && arrived
	case messages.Pending, messages.Queued, messages.Skipped, messages.Canceled:
		return t.asked.since && (arrived || t.asked.anew)
	case messages.Failed, messages.Rejected:
		// What arrived is no failure, whatever the provider had answered; but its
		// receipts contradict each other if one has said so.
		return t.reason != messages.ReasonReceipt && t.final.IsZero()
	}
	return true
}

// apply folds one receipt into the target and reports whether it moves the
// message; one that would not move it forward changes nothing but a missing
// time.
func (t *receiptTarget) apply(e providers.Receipt, now time.Time) (moved bool) {
	state, known := receiptStates[e.Status]
	if !known {
		return false
	}
	at := e.At
	// A provider's clock is taken as it is, but never for a time in the future.
	if at.IsZero() || at.After(now) {
		at = now
	}
	counts := t.counts(state)
	if t.from.Active() && !counts && t.to == t.from {
		return false
	}
	switch state {
	case messages.Delivered:
		t.delivered = at
	case messages.Read:
		t.read = at
	}
	if !counts {
		return false
	}
	ends := state == messages.Failed || state == messages.Rejected
	if !t.off && (ends || (t.to != messages.Sent && t.to != messages.Delivered)) {
		t.left, t.off = state, true
	}
	t.to = state
	if ends {
		t.final, t.code, t.detail = at, e.Code, e.Detail
	}
	return true
}

// move is how the message left the plain way.
func (t *receiptTarget) move(id int64, now time.Time) transition {
	m := transition{id: id, state: t.left, at: now}
	if !t.final.IsZero() {
		m.reason, m.detail = messages.ReasonReceipt, t.said()
	}
	return m
}

// said is what the provider said of a message that did not arrive.
func (t *receiptTarget) said() string { return strings.TrimSpace(t.code + " " + t.detail) }

// arrived reports whether somebody has the message in a state.
func arrived(state messages.State) bool {
	return state == messages.Delivered || state == messages.Read
}

// tooEarly reports whether a receipt has to wait for the answer of the worker that
// is asking just now; or, where nobody has asked yet, is stray. While a further try
// is claimed, what arrived by an earlier one does not wait.
func (t *receiptTarget) tooEarly(status providers.ReceiptStatus) bool {
	if t.from == messages.Sending {
		return !t.asked.since || !arrived(receiptStates[status])
	}
	return t.from.Active() && !t.asked.ever
}

// applyReceipts moves messages forward by receipts of one channel. Receipts of
// messages whose outcome is not recorded yet are parked.
func (l *ledger) applyReceipts(ctx context.Context, channelID int64, receipts []providers.Receipt) error {
	targets, byProvider, err := l.receiptTargets(ctx, channelID, receipts)
	if err != nil {
		return err
	}
	var parked [][9]any
	notes := bounceNotes{}
	for _, e := range receipts {
		id := e.MessageID
		if id == 0 {
			id = byProvider[e.ProviderID]
		}
		target := targets[id]
		if (target == nil && e.MessageID == 0) || (target != nil && target.tooEarly(e.Status)) {
			parked = append(parked, [9]any{
				channelID, e.MessageID, clean(e.ProviderID), string(e.Status), sqldb.Millis(receiptTime(e, l.now)), clean(e.Code), clean(e.Detail), sqldb.Millis(l.now),
				string(e.Bounce),
			})
			continue
		}
		if target != nil {
			l.received = append(l.received, messages.Received{MessageID: id, RunID: target.whose.runID, Status: e.Status, At: receiptTime(e, l.now)})
			notes.add(target.address, target.whose.runID, e, target.apply(e, l.now))
		}
	}
	if err := l.keepBounces(ctx, notes, channelID, l.now); err != nil {
		return err
	}
	if parked != nil {
		if _, err := l.Exec(ctx, l.d.statements.insertReceipts, mustJSON(parked)); err != nil {
			return err
		}
	}
	return l.moveTargets(ctx, targets)
}

func receiptTime(e providers.Receipt, now time.Time) time.Time {
	if e.At.IsZero() {
		return now
	}
	return e.At
}

// receiptTargets looks up and locks the messages that receipts are for.
func (tx conn) receiptTargets(ctx context.Context, channelID int64, receipts []providers.Receipt) (map[int64]*receiptTarget, map[string]int64, error) {
	var ids []int64
	var providerIDs []string
	for _, e := range receipts {
		if e.MessageID != 0 {
			ids = append(ids, e.MessageID)
		} else {
			providerIDs = append(providerIDs, e.ProviderID)
		}
	}
	targets := make(map[int64]*receiptTarget, len(receipts))
	byProvider := map[string]int64{}
	collect := func(scan sqldb.Scan) error {
		var id int64
		var providerID string
		t := receiptTarget{whose: countKey{channelID: channelID}}
		if err := scan(&id, &t.whose.runID, &t.from, &providerID, &t.address, &t.reason, &t.why, &t.ended); err != nil {
			return err
		}
		t.to = t.from
		targets[id] = &t
		if providerID != "" {
			byProvider[providerID] = id
		}
		return nil
	}
	const columns = "SELECT id, run_id, state, COALESCE(provider_id, ''), address, COALESCE(reason, ''), COALESCE(detail, ''), final_at FROM messages " +
		"WHERE channel_id = ? AND "
	if ids != nil {
		// Ordered, so that two transactions can't lock the same rows crosswise.
		which := tx.d.among("id", ids)
		if err := sqldb.Each(ctx, tx, collect, columns+which.sql+" ORDER BY id"+tx.d.ForUpdate, append([]any{channelID}, which.args...)...); err != nil {
			return nil, nil, err
		}
	}
	if providerIDs != nil {
		if err := sqldb.Each(ctx, tx, collect, columns+"provider_id IS NOT NULL AND provider_id "+tx.d.InTexts+" ORDER BY id"+tx.d.ForUpdate,
			channelID, tx.d.TextList(providerIDs)); err != nil {
			return nil, nil, err
		}
	}
	return targets, byProvider, tx.lookWhetherAsked(ctx, targets)
}

// lookWhetherAsked fills in asked, for the few targets for which it matters.
func (tx conn) lookWhetherAsked(ctx context.Context, targets map[int64]*receiptTarget) error {
	var ids []int64
	for id, t := range targets {
		if t.from.Active() || t.from == messages.Skipped || t.from == messages.Canceled {
			ids = append(ids, id)
		}
	}
	if ids == nil {
		return nil
	}
	return sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var reason, kind string
		if err := scan(&id, &reason, &kind); err != nil {
			return err
		}
		a := &targets[id].asked
		switch {
		case reason == messages.ReasonResendSent:
			*a = asked{ever: true}
		case reason == messages.ReasonResend:
			*a = asked{ever: true, since: true}
		case kind != "" && kind != messages.ReasonNotAsked:
			*a = asked{ever: true, since: true, anew: true}
		}
		return nil
	}, "SELECT message_id, reason, kind FROM transitions WHERE message_id "+tx.d.InIDs+" ORDER BY message_id, seq", tx.d.IDList(ids))
}

// moveTargets writes what receipts made of their messages.
func (l *ledger) moveTargets(ctx context.Context, targets map[int64]*receiptTarget) error {
	var rows [][7]any
	var ends, told []transition
	recall := false
	for id, t := range targets {
		if t.to == t.from && t.delivered.IsZero() && t.read.IsZero() {
			continue
		}
		if err := checkMove(t.from, t.to); err != nil {
			return err
		}
		row := [7]any{id, int(t.to), sqldb.Millis(t.delivered), sqldb.Millis(t.read), nil, nil, sqldb.Millis(t.final)}
		if !t.final.IsZero() {
			row[4], row[5] = messages.ReasonReceipt, clean(t.said())
		}
		if t.off {
			told = append(told, t.move(id, l.now))
			recall = recall || t.from == messages.Sending
		}
		if t.off && (t.from == messages.Skipped || t.from == messages.Canceled) {
			// Its end was told by the row, which tells another one now.
			ends = append(ends, transition{id: id, state: t.from, at: t.ended.Time, reason: t.reason, detail: t.why})
		}
		rows = append(rows, row)
		if t.to != t.from {
			l.count(t.whose, t.from, t.to, 1)
			if err := l.settle(ctx, t.whose.runID, t.to, id); err != nil {
				return err
			}
		}
	}
	if rows == nil {
		return nil
	}
	for _, kept := range [][]transition{ends, told} {
		if err := l.keepTransitions(ctx, kept); err != nil {
			return err
		}
	}
	if _, err := l.Exec(ctx, l.d.statements.applyReceipts, mustJSON(rows)); err != nil || !recall {
		return err
	}
	return l.halt(ctx) // a worker that has claimed one and not asked yet does not ask
}

// applyParked applies receipts that came before their message's outcome was
// recorded, which it has been now, whatever it is: an answer never beats a fact.
func (l *ledger) applyParked(ctx context.Context, settled []messages.Outcome) error {
	var parked int
	// The table is empty nearly always; one look saves the look-ups.
	if err := l.Row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM receipts LIMIT 1) r").Scan(&parked); err != nil || parked == 0 {
		return err
	}
	ids := make([]int64, 0, len(settled))
	providerIDs := map[int64][]string{} // by channel
	for _, o := range settled {
		if o.State == messages.Pending && o.Kind == "" {
			continue // the provider was not asked: whatever is parked is not for this try
		}
		ids = append(ids, o.MessageID)
		if o.ProviderID != "" {
			providerIDs[o.ChannelID] = append(providerIDs[o.ChannelID], o.ProviderID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := l.unparkMessages(ctx, ids); err != nil {
		return err
	}
	for _, channelID := range slices.Sorted(maps.Keys(providerIDs)) { // in one order, so that no two transactions wait crosswise
		if err := l.unparkProvider(ctx, channelID, providerIDs[channelID]); err != nil {
			return err
		}
	}
	return nil
}

// unparkProvider applies the parked receipts of a channel that name a provider's ids. Others may
// be many: where a number is shared with another system, all of its receipts come here, too.
func (l *ledger) unparkProvider(ctx context.Context, channelID int64, providerIDs []string) error {
	return l.unpark(ctx, "message_id = 0 AND channel_id = ? AND provider_id "+l.d.InTexts, channelID, l.d.TextList(providerIDs))
}

// unparkMessages applies the parked receipts that name messages.
func (l *ledger) unparkMessages(ctx context.Context, ids []int64) error {
	return l.unpark(ctx, "message_id > 0 AND message_id "+l.d.InIDs, l.d.IDList(ids))
}

// unpark takes receipts out of their table and applies them; those whose
// message still is not ready go back.
func (l *ledger) unpark(ctx context.Context, where string, args ...any) error {
	byChannel := map[int64][]providers.Receipt{}
	err := sqldb.Each(ctx, l, func(scan sqldb.Scan) error {
		var channelID int64
		var e providers.Receipt
		var at sqldb.Time
		if err := scan(&channelID, &e.MessageID, &e.ProviderID, &e.Status, &at, &e.Code, &e.Detail, &e.Bounce); err != nil {
			return err
		}
		e.At = at.Time
		byChannel[channelID] = append(byChannel[channelID], e)
		return nil
	}, "DELETE FROM receipts WHERE "+where+" RETURNING channel_id, message_id, provider_id, status, at, code, detail, bounce", args...)
	if err != nil {
		return err
	}
	for channelID, receipts := range byChannel {
		// Receipts are folded in any order; the state machine takes care of the rest.
		if err := l.applyReceipts(ctx, channelID, receipts); err != nil {
			return err
		}
	}
	return nil
}

// parkedFor is how long a receipt that fits no message is kept: providers
// repeat theirs for up to a week, so what came so early can only be stray.
const parkedFor = 24 * time.Hour

// analyzeEvery is after how many more parked receipts PostgreSQL is told how many there are: it
// would go on reading all of them for an outcome, as it should have while they were few.
const analyzeEvery = 1000

func (s *Store) analyzeParked(ctx context.Context) error {
	if !s.Postgres() {
		return nil
	}
	var last int64
	if err := s.reader().Row(ctx, "SELECT COALESCE(MAX(id), 0) FROM receipts").Scan(&last); err != nil || last < s.analyzed.Load()+analyzeEvery {
		return s.translate(err)
	}
	s.analyzed.Store(last)
	_, err := s.outside().Exec(ctx, "ANALYZE receipts")
	return s.translate(err)
}

// overlap is for how long a receipt that was parked is looked at again. Who records an outcome
// applies what is parked; missed is only what a transaction parked that had looked before that one
// was committed, and neither takes nearly as long.
const overlap = time.Minute

// SweepReceipts applies parked receipts whose message has been recorded since,
// and drops those that nobody claimed for a day. It returns how many it applied. After the first
// time it looks at those of the last minute alone: the others are stray, and may be very many.
func (s *Store) SweepReceipts(ctx context.Context) (n int, err error) {
	now, swept := s.clock.Now(), s.swept.Load()
	// A count for each receipt, because PostgreSQL would rather join the few with
	// all messages that there are.
	recorded := "(SELECT COUNT(*) FROM messages m WHERE m.channel_id = r.channel_id AND m.state " +
		isNot(messages.Pending, messages.Queued, messages.Sending) + " AND "
	ids, err := s.ids(ctx, `SELECT r.id FROM receipts r WHERE r.id > ? AND CASE WHEN r.message_id > 0
		THEN `+recorded+`m.id = r.message_id) ELSE `+recorded+`m.provider_id IS NOT NULL AND m.provider_id = r.provider_id) END > 0
		ORDER BY r.id LIMIT 500`, swept)
	if err != nil {
		return 0, err
	}
	if err := s.analyzeParked(ctx); err != nil {
		return 0, err
	}
	if len(ids) == 0 {
		over, err := s.ids(ctx, "SELECT id FROM receipts WHERE received_at < ? ORDER BY received_at DESC LIMIT 1", sqldb.Millis(now.Add(-overlap)))
		if err != nil {
			return 0, err
		}
		for _, id := range over {
			s.swept.Store(max(swept, id))
		}
	}
	err = s.inTx(ctx, func(tx conn) error {
		if len(ids) > 0 {
			l := tx.ledger()
			if err := l.unpark(ctx, "id "+tx.d.InIDs, tx.d.IDList(ids)); err != nil {
				return err
			}
			if err := l.close(ctx, shardReaper); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, "DELETE FROM receipts WHERE received_at < ?", sqldb.Millis(now.Add(-parkedFor)))
		return err
	})
	return len(ids), err
}
