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
func (tx conn) applyGroup(ctx context.Context, group []*op, shard int, check bool) error {
	l := tx.ledger()
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
	if err := l.lockBouncing(ctx, group); err != nil {
		return fmt.Errorf("lock what bounces: %w", err)
	}
	if len(claims) > 0 {
		if err := l.applyClaims(ctx, claims, check); err != nil {
			return fmt.Errorf("claim messages: %w", err)
		}
		if err := l.countClaims(ctx, claims, shard); err != nil {
			return fmt.Errorf("count claims: %w", err)
		}
	}
	if len(records) > 0 {
		if err := l.applyOutcomes(ctx, records, check); err != nil {
			return fmt.Errorf("record outcomes: %w", err)
		}
	}
	for _, o := range receipts {
		if err := tx.remember(ctx, o, l.now); err != nil {
			return fmt.Errorf("remember a request: %w", err)
		}
		if o.repeated {
			continue
		}
		l.received = nil
		if err := l.applyReceipts(ctx, o.channel, o.events); err != nil {
			return fmt.Errorf("apply receipts: %w", err)
		}
		o.received = l.received
	}
	return l.close(ctx, shard)
}

// applyClaims moves queued → sending. A message is given to the claim of the
// envelope that the row names: a stale task of an earlier envelope gets nothing.
func (l *ledger) applyClaims(ctx context.Context, claims []*op, check bool) error {
	if !check && len(claims) <= maxClaimsEach {
		for _, o := range claims {
			if err := l.claimAll(ctx, o); err != nil {
				return err
			}
		}
		return nil
	}
	byEnvelope := make(map[int64][]*op, len(claims))
	workers := make(map[int64][]int64, 1)
	var spoken tongues
	for _, o := range claims {
		o.claimed = nil
		byEnvelope[o.claim.EnvelopeID] = append(byEnvelope[o.claim.EnvelopeID], o)
		spoken = spoken.and(o.claim)
		workers[o.claim.WorkerID] = append(workers[o.claim.WorkerID], o.claim.MessageIDs...)
	}
	envelopes := make([]int64, 0, len(byEnvelope))
	for id := range byEnvelope {
		envelopes = append(envelopes, id)
	}
	for worker, ids := range workers {
		type grant struct{ message, envelope int64 }
		var g grant
		grants, err := swapReturning(ctx, l, l.claim(worker, ids, spoken, fragment{l.d.InIDs, []any{l.d.IDList(envelopes)}}), "id, envelope_id",
			func(scan sqldb.Scan) (grant, error) {
				err := scan(&g.message, &g.envelope)
				return g, err
			})
		if err != nil {
			return err
		}
		granted := make(map[int64]int64, len(grants)) // message → envelope
		for _, g := range grants {
			granted[g.message] = g.envelope
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
			l.count(countKey{o.claim.RunID, o.claim.ChannelID}, messages.Queued, messages.Sending, int64(len(o.claimed)))
		}
		if err := l.unclaim(ctx, granted); err != nil {
			return err
		}
	}
	return nil
}

// maxClaimsEach is up to how many claims have a statement each: bulk envelopes
// claim by the hundred and few at once, transactional ones by one and many.
const maxClaimsEach = 4

// tongues are messages by the languages in which they speak, those of one language beside
// each other; there are few languages.
type tongues []tongue

type tongue struct {
	language string
	ids      []int64
}

// and adds the messages of a claim.
func (t tongues) and(c *messages.Claim) tongues {
	if len(c.Languages) != len(c.MessageIDs) {
		return t
	}
	for i, language := range c.Languages {
		at := 0
		for at < len(t) && t[at].language != language {
			at++
		}
		if at == len(t) {
			t = append(t, tongue{language: language})
		}
		t[at].ids = append(t[at].ids, c.MessageIDs[i])
	}
	return t
}

// set is what sets the language of each message, in the statement that claims them.
func (t tongues) set(d *dialect) fragment {
	switch len(t) {
	case 0:
		return fragment{}
	case 1:
		return fragment{", language = ?", []any{t[0].language}}
	}
	set := fragment{sql: ", language = CASE"}
	for _, one := range t {
		set.sql += " WHEN id " + d.InIDs + " THEN CAST(? AS TEXT)"
		set.args = append(set.args, d.IDList(one.ids), one.language)
	}
	set.sql += " ELSE language END"
	return set
}

// claim claims messages for a worker, of envelopes that the condition selects.
func (l *ledger) claim(worker int64, ids []int64, spoken tongues, envelope fragment) change {
	claim, language := moves.claim, spoken.set(l.d)
	claim.set += language.sql
	return change{
		move: claim, args: append([]any{worker, sqldb.Millis(l.now)}, language.args...),
		where: l.d.among("id", ids).and("envelope_id "+envelope.sql, envelope.args...),
	}
}

// claimAll gives a claim everything it asks for, or fails with errUnexpected.
func (l *ledger) claimAll(ctx context.Context, o *op) error {
	c := l.claim(o.claim.WorkerID, o.claim.MessageIDs, tongues(nil).and(o.claim), fragment{"= ?", []any{o.claim.EnvelopeID}})
	c.whose = &countKey{o.claim.RunID, o.claim.ChannelID}
	n, err := l.swap(ctx, c)
	if err != nil {
		return err
	}
	if n != int64(len(o.claim.MessageIDs)) {
		return errUnexpected
	}
	o.claimed = o.claim.MessageIDs
	return nil
}

// unclaim puts messages back that a stale task asked for while a claim of the
// envelope that they are in now was in the same group: the statement found both
// in its lists, and only their owner may have them.
func (l *ledger) unclaim(ctx context.Context, granted map[int64]int64) error {
	if len(granted) == 0 {
		return nil
	}
	_, err := l.swap(ctx, change{
		move: moves.unclaim, uncounted: true, // as the claim of them is
		where: l.d.among("id", slices.Sorted(maps.Keys(granted))),
	})
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
func (l *ledger) applyOutcomes(ctx context.Context, records []*op, check bool) error {
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
	var told []transition
	settle := func(set outcomeSet, from messages.State, withEnvelope bool) func(scan sqldb.Scan) error {
		return func(scan sqldb.Scan) error {
			var key outcomeKey
			into := []any{&key.message}
			var claimed sqldb.Time
			if withEnvelope {
				into = append(into, &key.envelope, &claimed)
			}
			if err := scan(into...); err != nil {
				return err
			}
			outcome, ok := set.byKey[key]
			if !ok {
				return nil
			}
			delete(set.byKey, key)
			l.count(countKey{outcome.RunID, outcome.ChannelID}, from, outcome.State, 1)
			settled = append(settled, outcome)
			if outcome.NotAsked {
				l.unsent(outcome.ChannelID, claimed.Time)
			}
			if t, off := transitionOf(outcome, from, l.now); off {
				told = append(told, t)
			}
			return nil
		}
	}
	for key, sets := range tries {
		switch set := sets[simpleSet]; {
		case len(set.ids) == 0:
		case !check:
			if err := l.recordSent(ctx, key, set); err != nil {
				return err
			}
			settled = slices.AppendSeq(settled, maps.Values(set.byKey))
			clear(set.byKey)
		default:
			read := settle(set, messages.Sending, false)
			if _, err := swapReturning(ctx, l, l.sent(key, set), "id", func(scan sqldb.Scan) (struct{}, error) {
				return struct{}{}, read(scan)
			}); err != nil {
				return err
			}
		}
		if set := sets[detailedSet]; len(set.byKey) > 0 {
			if err := l.record(ctx, recording{key, messages.Sending, l.d.statements.recordOutcomes}, set.byKey, settle(set, messages.Sending, false)); err != nil {
				return err
			}
		}
		if set := sets[unspentSet]; len(set.byKey) > 0 {
			if err := l.record(ctx, recording{key, messages.Sending, l.d.statements.recordUnspent}, set.byKey, settle(set, messages.Sending, true)); err != nil {
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
			if err := l.record(ctx, recording{key, messages.Unknown, l.d.statements.recordOutcomes}, late, settle(set, messages.Unknown, false)); err != nil {
				return err
			}
		}
	}
	leaveNotTaken(records, tries)
	if err := l.keepTransitions(ctx, told); err != nil {
		return err
	}
	if err := l.moveAddresses(ctx, settled); err != nil {
		return err
	}
	if err := l.noteBounces(ctx, settled); err != nil {
		return err
	}
	if err := l.unhear(ctx, settled); err != nil {
		return err
	}
	var again []int64
	for _, o := range settled {
		if err := l.settle(ctx, o.RunID, o.State, o.MessageID); err != nil {
			return err
		}
		if o.State == messages.Pending {
			again = append(again, o.MessageID)
		}
		if o.Deferred() {
			l.deferred[o.ChannelID]++
		}
	}
	if err := l.cancelCleared(ctx, again); err != nil {
		return err
	}
	return l.applyParked(ctx, settled)
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

// sentAt is when the last of the set's messages was sent, for all of them: a message that
// counted as sent before it was would leave the window of a frequency cap too early.
func (s outcomeSet) sentAt() (at time.Time) {
	for _, o := range s.byKey {
		if o.At.After(at) {
			at = o.At
		}
	}
	return at
}

// sent records that messages of a set were sent.
func (l *ledger) sent(key try, set outcomeSet) change {
	return change{
		move: moves.sent, args: []any{sqldb.Millis(set.sentAt())}, uncounted: true,
		where: l.d.among("id", set.ids).and("worker_id = ? AND attempt = ?", key.worker, key.attempt),
	}
}

// recordSent records that all messages of a set were sent, or fails with
// errUnexpected.
func (l *ledger) recordSent(ctx context.Context, key try, set outcomeSet) error {
	n, err := l.swap(ctx, l.sent(key, set))
	if err != nil {
		return err
	}
	if n != int64(len(set.ids)) {
		return errUnexpected
	}
	for _, outcome := range set.byKey {
		l.count(countKey{outcome.RunID, outcome.ChannelID}, messages.Sending, messages.Sent, 1)
	}
	return nil
}

// recording is one statement that records outcomes of a try, for messages that are
// in a state.
type recording struct {
	try
	from      messages.State
	statement string
}

// record moves messages to what became of them and has each read that was.
func (l *ledger) record(ctx context.Context, r recording, outcomes map[outcomeKey]messages.Outcome, read func(sqldb.Scan) error) error {
	for _, o := range outcomes {
		if err := checkMove(r.from, o.State); err != nil {
			return err
		}
	}
	return sqldb.Each(ctx, l, read, r.statement, outcomeValues(outcomes), r.from, r.worker, r.attempt)
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

// transitionOf is the move that an outcome is, unless it is of the plain way.
func transitionOf(o messages.Outcome, from messages.State, now time.Time) (t transition, off bool) {
	t = transition{id: o.MessageID, state: o.State, at: o.At, attempt: o.Attempt, reason: o.Reason, kind: o.Kind, code: o.Code, detail: o.Detail}
	if from == messages.Unknown {
		t.at = now // the answer is older than the doubt that it clears up
	}
	plain := from == messages.Sending && o.State == messages.Sent
	return t, !plain && o.State != from
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
