package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/store/sqldb"
	"carillon/targeting"
)

// settleWindow is how many messages one transaction of a settling looks at, by
// their ids, and settleAtOnce how many it changes.
const (
	settleWindow = 50_000
	settleAtOnce = 2000
)

// settleWhere is the condition of a settling over messages m.
func settleWhere(d *dialect, accountID int64, s messages.Settling) (string, []any) {
	states := make([]int64, len(s.States))
	for i, state := range s.States {
		states[i] = int64(state)
	}
	where := []string{"m.channel_id IN (SELECT id FROM channels WHERE account_id = ? AND deleted_at IS NULL)", "m.address <> ''", "m.state " + d.InIDs}
	args := []any{accountID, d.IDList(states)}
	add := func(condition string, arg any) {
		where, args = append(where, condition), append(args, arg)
	}
	if s.ChannelID != 0 {
		add("m.channel_id = ?", s.ChannelID)
	}
	if s.RunID != 0 {
		add("m.run_id = ?", s.RunID)
	}
	if s.CampaignID != 0 {
		add("m.run_id IN (SELECT id FROM runs WHERE campaign_id = ?)", s.CampaignID)
	}
	if s.Reason != "" {
		add("m.reason = ?", s.Reason)
	}
	// When it came to its state, as far as the row tells.
	const came = "COALESCE(m.final_at, m.read_at, m.delivered_at, m.sent_at, m.created_at)"
	if s.Since != nil {
		add(came+" >= ?", sqldb.Millis(*s.Since))
	}
	if s.Until != nil {
		add(came+" < ?", sqldb.Millis(*s.Until))
	}
	if len(s.IDs) > 0 {
		add("m.id "+d.InIDs, d.IDList(s.IDs))
	}
	return strings.Join(where, " AND "), args
}

// ended is true of messages of whose campaign nothing is sent any more, and of those whose own
// content is not kept any more.
const ended = `(EXISTS (SELECT 1 FROM runs r WHERE r.id = m.run_id AND r.status = 'canceled')
	OR m.run_id = 0 AND NOT EXISTS (SELECT 1 FROM message_contents b WHERE b.message_id = m.id))`

// resentElsewhere is true of messages whose people have, or get, the same by a run of kind
// resend: to send these again, too, would bring it twice.
var resentElsewhere = `EXISTS (SELECT 1 FROM runs o WHERE o.resend_of > 0 AND o.resend_of = (SELECT CASE WHEN r.resend_of > 0 THEN r.resend_of ELSE r.id END
		FROM runs r WHERE r.id = m.run_id) AND o.id <> m.run_id AND m.contact_id > 0 AND (
		EXISTS (SELECT 1 FROM messages x WHERE x.run_id > 0 AND x.run_id = o.id AND x.contact_id = m.contact_id AND x.state ` +
	is(campaigns.Resend{}.Has()...) + `)
		OR ` + stillPlanned + ` AND EXISTS (SELECT 1 FROM frozen_members z WHERE z.run_id = o.id AND z.side = 0 AND z.contact_id = m.contact_id)))`

// notEnded leaves those out of what is sent again.
func notEnded(s messages.Settling) string {
	switch {
	case s.Action != messages.SettleResend:
		return ""
	case s.EvenIfSent:
		return " AND NOT " + ended
	}
	return " AND NOT " + ended + " AND NOT " + resentElsewhere
}

// leftOut is an expression: whether a message is left out of what is sent again.
func leftOut(s messages.Settling) string {
	if s.Action != messages.SettleResend || s.EvenIfSent {
		return ended
	}
	return "(" + ended + " OR " + resentElsewhere + ")"
}

// PreviewSettling says what a settling would do now.
func (s *Store) PreviewSettling(ctx context.Context, accountID int64, settling messages.Settling) (messages.SettlePreview, error) {
	p := messages.SettlePreview{ByState: map[string]int64{}, ByReason: map[string]int64{}}
	where, args := settleWhere(s.d, accountID, settling)
	err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var state messages.State
		var reason string
		var over bool
		var n, first, last int64
		if err := scan(&state, &reason, &over, &n, &first, &last); err != nil {
			return err
		}
		if over && settling.Action == messages.SettleResend {
			p.Ended += n
			return nil
		}
		if p.Matched == 0 || first < p.FirstID {
			p.FirstID = first
		}
		p.Matched += n
		p.LastID = max(p.LastID, last)
		p.ByState[state.String()] += n
		if reason != "" {
			p.ByReason[reason] += n
		}
		return nil
	}, "SELECT m.state, COALESCE(m.reason, ''), "+leftOut(settling)+" AS over, COUNT(*), MIN(m.id), MAX(m.id) FROM messages m WHERE "+where+
		" GROUP BY 1, 2, 3", args...)
	if err != nil || p.Matched == 0 {
		return p, s.translate(err)
	}
	p.Examples, err = sqldb.Query(ctx, s.reader(), scanMessage, selectMessage+" WHERE m.id >= ? AND "+where+notEnded(settling)+" ORDER BY m.id LIMIT ?",
		slices.Concat([]any{p.FirstID}, args, []any{examplesKept})...)
	return p, s.translate(err)
}

// settleMessages changes the next messages of a job and moves it behind them.
func (tx conn) settleMessages(ctx context.Context, job targeting.Job, cursor int64) error {
	var settling messages.Settling
	if err := json.Unmarshal(job.Spec, &settling); err != nil {
		return fmt.Errorf("read job %d: %w", job.ID, err)
	}
	end := min(cursor+settleWindow, settling.MaxID)
	where, args := settleWhere(tx.d, job.AccountID, settling)
	runs := map[int64]bool{}
	found, err := sqldb.Query(ctx, tx, func(scan sqldb.Scan) (int64, error) {
		var id, runID int64
		err := scan(&id, &runID)
		runs[runID] = true
		return id, err
	}, "SELECT m.id, m.run_id FROM messages m WHERE m.id > ? AND m.id <= ? AND "+where+notEnded(settling)+" ORDER BY m.id LIMIT ?",
		slices.Concat([]any{cursor, end}, args, []any{settleAtOnce})...)
	if err != nil {
		return err
	}
	changed := int64(0)
	if len(found) > 0 {
		delete(runs, 0)
		if err := tx.lockRuns(ctx, runs); err != nil {
			return err
		}
		if changed, err = tx.settleFound(ctx, job, settling, found); err != nil {
			return err
		}
	}
	if len(found) == settleAtOnce {
		end = found[len(found)-1]
	}
	state, finished := targeting.JobRunning, any(nil)
	if end >= settling.MaxID {
		state, finished = targeting.JobFinished, sqldb.Millis(tx.s.clock.Now())
	}
	_, err = tx.Exec(ctx, "UPDATE jobs SET state = ?, cursor = ?, done = done + ?, changed = changed + ?, finished_at = ? WHERE id = ?",
		string(state), end, len(found), changed, finished, job.ID)
	return err
}

// lockRuns locks campaigns and their runs, in the order in which everybody does,
// so that none is finished or canceled meanwhile.
func (tx conn) lockRuns(ctx context.Context, runs map[int64]bool) error {
	type pair struct{ campaign, run int64 }
	ids := make([]int64, 0, len(runs))
	for id := range runs {
		ids = append(ids, id)
	}
	pairs, err := sqldb.Structs(ctx, tx, func(p *pair) []any {
		return []any{&p.campaign, &p.run}
	}, "SELECT campaign_id, id FROM runs WHERE id "+tx.d.InIDs, tx.d.IDList(ids))
	if err != nil {
		return err
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Or(cmp.Compare(a.campaign, b.campaign), cmp.Compare(a.run, b.run)) })
	for _, p := range pairs {
		if _, err := tx.lockRun(ctx, p.campaign, p.run); err != nil {
			return err
		}
	}
	return nil
}

// settleFound changes those of the found messages that still are as the settling
// wants them, under a lock.
func (tx conn) settleFound(ctx context.Context, job targeting.Job, settling messages.Settling, found []int64) (int64, error) {
	type key struct {
		countKey
		from messages.State
	}
	where, args := settleWhere(tx.d, job.AccountID, settling)
	groups := map[key]int64{}
	again := map[string][]int64{} // by the reason that they wait for then
	var all []int64
	err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var k key
		if err := scan(&id, &k.runID, &k.channelID, &k.from); err != nil {
			return err
		}
		groups[k]++
		all = append(all, id)
		reason := messages.ReasonResend
		if slices.Contains(accepted, k.from) {
			reason = messages.ReasonResendSent
		}
		again[reason] = append(again[reason], id)
		return nil
	}, "SELECT m.id, m.run_id, m.channel_id, m.state FROM messages m WHERE m.id "+tx.d.InIDs+" AND "+where+notEnded(settling)+" ORDER BY m.id"+
		tx.d.Lock(tx.d.ForUpdate, "m"), slices.Concat([]any{tx.d.IDList(found)}, args)...)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	by := fmt.Sprintf("by %s, job %d", clean(job.Actor), job.ID)
	l, to := tx.ledger(), messages.Pending
	switch settling.Action {
	case messages.SettleResend:
		for reason, ids := range again {
			if err := l.swapHeld(ctx, change{move: moves.resend, args: []any{reason, by}, tell: moves.resend.tells(l.now, reason, by)}, ids); err != nil {
				return 0, err
			}
		}
	default:
		m := moves.settleSent
		if settling.Action == messages.SettleNotSent {
			m = moves.settleNotSent
		}
		to = m.to
		if err := l.swapHeld(ctx, change{
			move: m, args: []any{messages.ReasonSettled, by, sqldb.Millis(l.now)}, tell: m.tells(l.now, messages.ReasonSettled, by),
		}, all); err != nil {
			return 0, err
		}
	}
	reopened := map[int64]bool{}
	for k, n := range groups {
		l.count(k.countKey, k.from, to, n)
		if to == messages.Pending && k.runID != 0 && !reopened[k.runID] {
			reopened[k.runID] = true
			if err := tx.reopenRun(ctx, k.runID); err != nil {
				return 0, err
			}
		}
	}
	return int64(len(all)), l.close(ctx, shardOperator)
}
