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
	"carillon/store/sqldb"
)

// errUnexpected says that a group can't be written without a look at each row.
var errUnexpected = errors.New("some rows are not as expected")

// applyGroup writes a whole group: claims, outcomes, receipts, then the
// counters they change. Nearly always every message is in the state in which its
// claim or outcome expects it: the number of rows changed proves that, and to
// have each row returned costs half as much again as to change it. Only check
// looks at each row; without it the answer may be errUnexpected.
func (tx conn) applyGroup(ctx context.Context, group []*op, shard int, now time.Time, check bool) error {
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
		if err := tx.applyClaims(ctx, claims, d, now, check); err != nil {
			return fmt.Errorf("claim messages: %w", err)
		}
	}
	if len(records) > 0 {
		if err := tx.applyOutcomes(ctx, records, d, now, check); err != nil {
			return fmt.Errorf("record outcomes: %w", err)
		}
	}
	for _, o := range receipts {
		if err := tx.remember(ctx, o, now); err != nil {
			return fmt.Errorf("remember a request: %w", err)
		}
		if o.repeated {
			continue
		}
		if err := tx.applyReceipts(ctx, o.channel, o.events, d, now); err != nil {
			return fmt.Errorf("apply receipts: %w", err)
		}
	}
	return tx.keepCounts(ctx, d, shard)
}

// applyClaims moves queued → sending. A message is given to the claim of the
// envelope that the row names: a stale task of an earlier envelope gets nothing.
func (tx conn) applyClaims(ctx context.Context, claims []*op, d deltas, now time.Time, check bool) error {
	if !check && len(claims) <= maxClaimsEach {
		for _, o := range claims {
			if err := tx.claimAll(ctx, o, d, now); err != nil {
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
		err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
			var id, envelope int64
			if err := scan(&id, &envelope); err != nil {
				return err
			}
			granted[id] = envelope
			return nil
		}, claimSQL(tx)+tx.d.InIDs+" RETURNING id, envelope_id",
			worker, sqldb.Millis(now), tx.d.IDList(ids), tx.d.IDList(envelopes))
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
		if err := tx.unclaim(ctx, granted); err != nil {
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
	return "UPDATE messages SET state = 2, worker_id = ?, attempt = attempt + 1, claimed_at = ? WHERE id " + tx.d.InIDs + " AND state = 1 AND envelope_id "
}

// claimAll gives a claim everything it asks for, or fails with errUnexpected.
func (tx conn) claimAll(ctx context.Context, o *op, d deltas, now time.Time) error {
	n, err := tx.Exec(ctx, claimSQL(tx)+"= ?",
		o.claim.WorkerID, sqldb.Millis(now), tx.d.IDList(o.claim.MessageIDs), o.claim.EnvelopeID)
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
func (tx conn) unclaim(ctx context.Context, granted map[int64]int64) error {
	if len(granted) == 0 {
		return nil
	}
	ids := slices.Sorted(maps.Keys(granted))
	_, err := tx.Exec(ctx, "UPDATE messages SET state = 1, attempt = attempt - 1, worker_id = 0, claimed_at = NULL WHERE state = 2 AND id "+tx.d.InIDs, tx.d.IDList(ids))
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
func (tx conn) applyOutcomes(ctx context.Context, records []*op, d deltas, now time.Time, check bool) error {
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
	settle := func(set outcomeSet, from messages.State, withEnvelope bool) func(scan sqldb.Scan) error {
		return func(scan sqldb.Scan) error {
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
			if err := tx.recordSent(ctx, key, set, d); err != nil {
				return err
			}
			settled = slices.AppendSeq(settled, maps.Values(set.byKey))
			clear(set.byKey)
		default:
			if err := sqldb.Each(ctx, tx, settle(set, messages.Sending, false), recordSentSQL(tx)+" RETURNING id",
				sqldb.Millis(set.sentAt()), tx.d.IDList(set.ids), key.worker, key.attempt); err != nil {
				return err
			}
		}
		if set := sets[detailedSet]; len(set.byKey) > 0 {
			if err := sqldb.Each(ctx, tx, settle(set, messages.Sending, false), tx.d.statements.recordOutcomes,
				outcomeValues(set.byKey), messages.Sending, key.worker, key.attempt); err != nil {
				return err
			}
		}
		if set := sets[unspentSet]; len(set.byKey) > 0 {
			if err := sqldb.Each(ctx, tx, settle(set, messages.Sending, true), tx.d.statements.recordUnspent,
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
			if err := sqldb.Each(ctx, tx, settle(set, messages.Unknown, false), tx.d.statements.recordOutcomes,
				outcomeValues(late), messages.Unknown, key.worker, key.attempt); err != nil {
				return err
			}
		}
	}
	leaveNotTaken(records, tries)
	if err := tx.keepMoves(ctx, moves); err != nil {
		return err
	}
	if err := tx.noteBounces(ctx, settled); err != nil {
		return err
	}
	var again []int64
	for _, o := range settled {
		if o.State == messages.Pending {
			again = append(again, o.MessageID)
		}
	}
	if err := tx.cancelCleared(ctx, again, d, now); err != nil {
		return err
	}
	return tx.applyParked(ctx, settled, d, now)
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
	return "UPDATE messages SET state = 3, sent_at = ?, reason = NULL, detail = NULL WHERE id " + tx.d.InIDs + " AND state = 2 AND worker_id = ? AND attempt = ?"
}

// recordSent records that all messages of a set were sent, or fails with
// errUnexpected.
func (tx conn) recordSent(ctx context.Context, key try, set outcomeSet, d deltas) error {
	n, err := tx.Exec(ctx, recordSentSQL(tx), sqldb.Millis(set.sentAt()), tx.d.IDList(set.ids), key.worker, key.attempt)
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
				row[4] = sqldb.Millis(o.DueAt)
			}
		case o.State == messages.Sent:
			row[7] = sqldb.Millis(o.At)
		case !o.State.Active():
			row[8] = sqldb.Millis(o.At)
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
