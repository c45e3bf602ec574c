package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"carillon/messages"
)

// errUnexpected says that a group can't be written without a look at each row.
var errUnexpected = errors.New("some rows are not as expected")

// applyGroup writes a whole group: claims, outcomes, receipts, then the
// counters they change. Nearly always every message is in the state in which its
// claim or outcome expects it: the number of rows changed proves that, and to
// have each row returned costs half as much again as to change it. Only check
// looks at each row; without it the answer may be errUnexpected.
func applyGroup(ctx context.Context, tx conn, group []*op, shard int, now time.Time, check bool) error {
	d := deltas{}
	var claims, records, receipts []*op
	for _, o := range group {
		switch {
		case o.claim != nil:
			claims = append(claims, o)
		case o.outcomes != nil:
			records = append(records, o)
		default:
			receipts = append(receipts, o)
		}
	}
	if len(claims) > 0 {
		if err := applyClaims(ctx, tx, claims, d, now, check); err != nil {
			return fmt.Errorf("claim messages: %w", err)
		}
	}
	if len(records) > 0 {
		if err := applyOutcomes(ctx, tx, records, d, now, check); err != nil {
			return fmt.Errorf("record outcomes: %w", err)
		}
	}
	for _, o := range receipts {
		if err := o.remember(ctx, tx, now); err != nil {
			return fmt.Errorf("remember a request: %w", err)
		}
		if o.repeated {
			continue
		}
		if err := applyReceipts(ctx, tx, o.channel, o.events, d, now); err != nil {
			return fmt.Errorf("apply receipts: %w", err)
		}
	}
	return d.apply(ctx, tx, shard)
}

// applyClaims moves queued → sending. A message is given to the claim of the
// envelope that the row names: a stale task of an earlier envelope gets nothing.
func applyClaims(ctx context.Context, tx conn, claims []*op, d deltas, now time.Time, check bool) error {
	if !check && len(claims) <= maxClaimsEach {
		for _, o := range claims {
			if err := claimAll(ctx, tx, o, d, now); err != nil {
				return err
			}
		}
		return nil
	}
	byEnvelope := make(map[int64][]*op, len(claims))
	workers := make(map[int64][]int64, 1)
	for _, o := range claims {
		o.claimed = nil
		byEnvelope[o.claim.EnvelopeID] = append(byEnvelope[o.claim.EnvelopeID], o)
		workers[o.claim.WorkerID] = append(workers[o.claim.WorkerID], o.claim.MessageIDs...)
	}
	envelopes := make([]int64, 0, len(byEnvelope))
	for id := range byEnvelope {
		envelopes = append(envelopes, id)
	}
	for worker, ids := range workers {
		granted := make(map[int64]int64, len(ids)) // message → envelope
		err := tx.scanAll(ctx, func(scan func(...any) error) error {
			var id, envelope int64
			if err := scan(&id, &envelope); err != nil {
				return err
			}
			granted[id] = envelope
			return nil
		}, claimSQL(tx)+tx.d.inIDs+" RETURNING id, envelope_id",
			worker, ms(now), tx.d.idList(ids), tx.d.idList(envelopes))
		if err != nil {
			return err
		}
		for _, o := range claims {
			if o.claim.WorkerID != worker {
				continue
			}
			for _, id := range o.claim.MessageIDs {
				if envelope, ok := granted[id]; ok && envelope == o.claim.EnvelopeID {
					o.claimed = append(o.claimed, id)
					// Each message is granted once, even if two tasks of one
					// envelope ask for it at the same time.
					delete(granted, id)
				}
			}
			d.move(o.claim.RunID, o.claim.ChannelID, messages.Queued, messages.Sending, int64(len(o.claimed)))
		}
		if err := unclaim(ctx, tx, granted); err != nil {
			return err
		}
	}
	return nil
}

// maxClaimsEach is up to how many claims have a statement each: bulk envelopes
// claim by the hundred and few at once, transactional ones by one and many.
const maxClaimsEach = 4

// claimSQL claims messages of the envelopes that what follows it selects.
func claimSQL(tx conn) string {
	return "UPDATE messages SET state = 2, worker_id = ?, attempt = attempt + 1, claimed_at = ? WHERE id " + tx.d.inIDs + " AND state = 1 AND envelope_id "
}

// claimAll gives a claim everything it asks for, or fails with errUnexpected.
func claimAll(ctx context.Context, tx conn, o *op, d deltas, now time.Time) error {
	n, err := tx.exec(ctx, claimSQL(tx)+"= ?",
		o.claim.WorkerID, ms(now), tx.d.idList(o.claim.MessageIDs), o.claim.EnvelopeID)
	if err != nil {
		return err
	}
	if n != int64(len(o.claim.MessageIDs)) {
		return errUnexpected
	}
	o.claimed = o.claim.MessageIDs
	d.move(o.claim.RunID, o.claim.ChannelID, messages.Queued, messages.Sending, n)
	return nil
}

// unclaim puts messages back that a stale task asked for while a claim of the
// envelope that they are in now was in the same group: the statement found both
// in its lists, and only their owner may have them.
func unclaim(ctx context.Context, tx conn, granted map[int64]int64) error {
	if len(granted) == 0 {
		return nil
	}
	ids := slices.Sorted(maps.Keys(granted))
	_, err := tx.exec(ctx, "UPDATE messages SET state = 1, attempt = attempt - 1, worker_id = 0, claimed_at = NULL WHERE state = 2 AND id "+tx.d.inIDs, tx.d.idList(ids))
	return err
}

// try is what an outcome is the outcome of. A worker that was taken for dead may
// have the same message again by the time that it answers for the first try.
type try struct {
	worker  int64
	attempt int
}

// outcomeKey names an outcome within a set. The envelope is 0 where the try's
// number is enough.
type outcomeKey struct{ message, envelope int64 }

// outcomeSet holds outcomes that one statement can write.
type outcomeSet struct {
	ids   []int64
	byKey map[outcomeKey]messages.Outcome
}

// The sets of one try: messages that simply were sent go in one statement
// without a value each, the others carry theirs, and what does not count is told
// from the next try of the same number by its envelope.
const (
	simpleSet = iota
	detailedSet
	unspentSet
	numSets
)

func setOf(o messages.Outcome) (set int, key outcomeKey) {
	switch {
	case o.Unspent:
		return unspentSet, outcomeKey{o.MessageID, o.EnvelopeID}
	case o.State == messages.Sent && o.ProviderID == "" && o.Kind == "":
		return simpleSet, outcomeKey{message: o.MessageID}
	}
	return detailedSet, outcomeKey{message: o.MessageID}
}

// applyOutcomes moves sending → what became of it, and unknown → what a worker
// that was taken for dead says. Outcomes that nothing could be done with, but
// that say that the provider has not taken the message, are left to their callers.
func applyOutcomes(ctx context.Context, tx conn, records []*op, d deltas, now time.Time, check bool) error {
	tries := map[try]*[numSets]outcomeSet{}
	for _, o := range records {
		o.notTaken = nil
		for _, outcome := range o.outcomes {
			sets := tries[try{outcome.WorkerID, outcome.Attempt}]
			if sets == nil {
				sets = new([numSets]outcomeSet)
				for i := range sets {
					sets[i].byKey = map[outcomeKey]messages.Outcome{}
				}
				tries[try{outcome.WorkerID, outcome.Attempt}] = sets
			}
			kind, key := setOf(outcome)
			sets[kind].ids = append(sets[kind].ids, outcome.MessageID)
			sets[kind].byKey[key] = outcome
		}
	}
	var settled []messages.Outcome
	var moves []move
	settle := func(set outcomeSet, from messages.State, withEnvelope bool) func(scan func(...any) error) error {
		return func(scan func(...any) error) error {
			var key outcomeKey
			into := []any{&key.message}
			if withEnvelope {
				into = append(into, &key.envelope)
			}
			if err := scan(into...); err != nil {
				return err
			}
			outcome, ok := set.byKey[key]
			if !ok {
				return nil
			}
			delete(set.byKey, key)
			d.move(outcome.RunID, outcome.ChannelID, from, outcome.State, 1)
			settled = append(settled, outcome)
			if m, off := moveOf(outcome, from, now); off {
				moves = append(moves, m)
			}
			return nil
		}
	}
	for key, sets := range tries {
		switch set := sets[simpleSet]; {
		case len(set.ids) == 0:
		case !check:
			if err := recordSent(ctx, tx, key, set, d); err != nil {
				return err
			}
			settled = slices.AppendSeq(settled, maps.Values(set.byKey))
			clear(set.byKey)
		default:
			if err := tx.scanAll(ctx, settle(set, messages.Sending, false), recordSentSQL(tx)+" RETURNING id",
				ms(set.sentAt()), tx.d.idList(set.ids), key.worker, key.attempt); err != nil {
				return err
			}
		}
		if set := sets[detailedSet]; len(set.byKey) > 0 {
			if err := tx.scanAll(ctx, settle(set, messages.Sending, false), tx.d.statements.recordOutcomes,
				outcomeValues(set.byKey), messages.Sending, key.worker, key.attempt); err != nil {
				return err
			}
		}
		if set := sets[unspentSet]; len(set.byKey) > 0 {
			if err := tx.scanAll(ctx, settle(set, messages.Sending, true), tx.d.statements.recordUnspent,
				outcomeValues(set.byKey), messages.Sending, key.worker, key.attempt); err != nil {
				return err
			}
		}
		// What is left was settled by the reaper, who took this worker for dead:
		// the true answer clears up the doubt.
		for _, set := range sets[:unspentSet] {
			late := maps.Clone(set.byKey)
			// The reaper has decided about another try.
			maps.DeleteFunc(late, func(_ outcomeKey, o messages.Outcome) bool { return o.State == messages.Pending })
			if len(late) == 0 {
				continue
			}
			if err := tx.scanAll(ctx, settle(set, messages.Unknown, false), tx.d.statements.recordOutcomes,
				outcomeValues(late), messages.Unknown, key.worker, key.attempt); err != nil {
				return err
			}
		}
	}
	leaveNotTaken(records, tries)
	if err := keepMoves(ctx, tx, moves); err != nil {
		return err
	}
	if err := noteBounces(ctx, tx, settled); err != nil {
		return err
	}
	var again []int64
	for _, o := range settled {
		if o.State == messages.Pending {
			again = append(again, o.MessageID)
		}
	}
	if err := cancelCleared(ctx, tx, again, d, now); err != nil {
		return err
	}
	return applyParked(ctx, tx, settled, d, now)
}

// leaveNotTaken gives each caller those of its outcomes back that found no claim
// of theirs under way and prove that the provider has not taken the message.
func leaveNotTaken(records []*op, tries map[try]*[numSets]outcomeSet) {
	for _, o := range records {
		for _, outcome := range o.outcomes {
			if !outcome.NotTaken() {
				continue
			}
			set, key := setOf(outcome)
			if _, left := tries[try{outcome.WorkerID, outcome.Attempt}][set].byKey[key]; left {
				o.notTaken = append(o.notTaken, outcome)
			}
		}
	}
}

// sentAt is when one of the set's messages was sent, for all of them.
func (s outcomeSet) sentAt() time.Time { return s.byKey[outcomeKey{message: s.ids[0]}].At }

func recordSentSQL(tx conn) string {
	return "UPDATE messages SET state = 3, sent_at = ?, reason = NULL, detail = NULL WHERE id " + tx.d.inIDs + " AND state = 2 AND worker_id = ? AND attempt = ?"
}

// recordSent records that all messages of a set were sent, or fails with
// errUnexpected.
func recordSent(ctx context.Context, tx conn, key try, set outcomeSet, d deltas) error {
	n, err := tx.exec(ctx, recordSentSQL(tx), ms(set.sentAt()), tx.d.idList(set.ids), key.worker, key.attempt)
	if err != nil {
		return err
	}
	if n != int64(len(set.ids)) {
		return errUnexpected
	}
	for _, outcome := range set.byKey {
		d.move(outcome.RunID, outcome.ChannelID, messages.Sending, messages.Sent, 1)
	}
	return nil
}

// outcomeValues are the rows of statements.recordOutcomes and recordUnspent.
func outcomeValues(outcomes map[outcomeKey]messages.Outcome) string {
	rows := make([][10]any, 0, len(outcomes))
	for key, o := range outcomes {
		row := [10]any{
			o.MessageID, int(o.State), nullText(o.Reason), nullText(o.Detail), int64(0), 0,
			nullText(o.ProviderID), nil, nil, key.envelope,
		}
		switch {
		case o.State == messages.Pending:
			if !o.DueAt.IsZero() {
				row[4] = ms(o.DueAt)
			}
		case o.State == messages.Sent:
			row[7] = ms(o.At)
		case !o.State.Active():
			row[8] = ms(o.At)
		}
		if o.Unspent {
			row[5] = 1
		}
		rows = append(rows, row)
	}
	return mustJSON(rows)
}

// moveOf is the move that an outcome is, unless it is of the plain way.
func moveOf(o messages.Outcome, from messages.State, now time.Time) (m move, off bool) {
	m = move{id: o.MessageID, state: o.State, at: o.At, attempt: o.Attempt, reason: o.Reason, kind: o.Kind, code: o.Code, detail: o.Detail}
	if from == messages.Unknown {
		m.at = now // the answer is older than the doubt that it clears up
	}
	plain := from == messages.Sending && o.State == messages.Sent
	return m, !plain && o.State != from
}

// maxDetail bounds what is kept of a provider's answer, in bytes.
const maxDetail = 1000

// clean makes a text from outside fit to be stored: PostgreSQL refuses NUL and
// broken UTF-8, and one such answer must not hold up a whole group.
func clean(text string) string {
	if len(text) > maxDetail {
		text = text[:maxDetail]
	}
	return cleanText(text)
}

// cleanText is clean for a text whose length somebody else has bounded.
func cleanText(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
}

func nullText(text string) any {
	if text == "" {
		return nil
	}
	return clean(text)
}

// mustJSON marshals rows of numbers and texts, which can't fail.
func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("marshal rows: " + err.Error())
	}
	return string(b)
}
