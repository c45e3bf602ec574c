package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/sqldb"
	"carillon/targeting"
	"carillon/tracking"
)

// picked are the contacts of a part of an audience that goes by messages: a query that
// yields the id of each once, and the column by which its ids are bounded. Without a
// query there is no such part.
type picked struct {
	fragment
	column string
}

func (p picked) there() bool { return p.sql != "" }

// holds is a condition over c: it is one of them.
func (p picked) holds() fragment {
	return fragment{"EXISTS (" + p.sql + " AND " + p.column + " = c.id)", p.args}
}

// frozenSide is who a run has frozen on a side: in its audience, or left out.
type frozenSide int

const (
	frozenIn  frozenSide = 0
	frozenOut frozenSide = 1
)

// frozen are those whom a run froze on a side.
func frozen(runID int64, side frozenSide) picked {
	return picked{fragment{"SELECT f.contact_id FROM frozen_members f WHERE f.run_id = ? AND f.side = ?", []any{runID, int(side)}}, "f.contact_id"}
}

// nots are the states that somebody must have no message in, by the word for it.
var nots = map[string][]messages.State{
	targeting.NotSent:      {messages.Sent, messages.Delivered, messages.Read},
	targeting.NotDelivered: {messages.Delivered, messages.Read},
	targeting.NotRead:      {messages.Read},
}

// engagedAt are the columns of engagement that say that somebody has opened or clicked.
var engagedAt = map[string]string{targeting.NotOpened: "opened_at", targeting.NotClicked: "clicked_at"}

// pick compiles a part of an account's audience as it is now; nil is no part.
func (tx conn) pick(ctx context.Context, accountID int64, by *targeting.ByMessages) (picked, error) {
	if by == nil {
		return picked{}, nil
	}
	runs, err := sqldb.IDs(ctx, tx, "SELECT id FROM runs WHERE account_id = ? AND (id = ? OR campaign_id = ?)", accountID, by.RunID, by.CampaignID)
	if err != nil {
		return picked{}, err
	}
	states, err := statesOf(by.States)
	if err != nil {
		return picked{}, err
	}
	return tx.pickOf(runs, states, by), nil
}

// pickOf is pick of messages of some runs.
func (tx conn) pickOf(runs []int64, states []messages.State, by *targeting.ByMessages) picked {
	ofRuns := func(alias string) string { return alias + ".run_id > 0 AND " + alias + ".run_id " + tx.d.InIDs }
	list := tx.d.IDList(runs)
	p := picked{fragment{"SELECT DISTINCT m.contact_id FROM messages m WHERE " + ofRuns("m") + " AND m.contact_id > 0", []any{list}}, "m.contact_id"}
	if len(states) > 0 {
		p.sql += " AND m.state " + is(states...)
	}
	if len(by.Reasons) > 0 {
		p.sql += " AND m.reason " + tx.d.InTexts
		p.args = append(p.args, tx.d.TextList(by.Reasons))
	}
	did := func(word string) string {
		return "EXISTS (SELECT 1 FROM messages n JOIN engagement e ON e.message_id = n.id WHERE " + ofRuns("n") + " AND n.contact_id = m.contact_id AND e." +
			engagedAt[word] + " IS NOT NULL)"
	}
	if by.Did != "" {
		p.sql += " AND " + did(by.Did)
		p.args = append(p.args, list)
	}
	switch by.Not {
	case "":
	case targeting.NotOpened, targeting.NotClicked:
		p.sql += " AND NOT " + did(by.Not)
		p.args = append(p.args, list)
	case targeting.NotReplied:
		p.sql += " AND NOT EXISTS (SELECT 1 FROM messages n JOIN replies y ON y.contact_id = n.contact_id AND y.contact_id > 0 AND y.channel_id = n.channel_id " +
			"AND y.at >= n.sent_at WHERE " + ofRuns("n") + " AND n.contact_id = m.contact_id)"
		p.args = append(p.args, list)
	default:
		p.sql += " AND NOT EXISTS (SELECT 1 FROM messages n WHERE " + ofRuns("n") + " AND n.contact_id = m.contact_id AND n.state " + is(nots[by.Not]...) + ")"
		p.args = append(p.args, list)
	}
	return p
}

// statesOf reads names of states.
func statesOf(names []string) ([]messages.State, error) {
	states := make([]messages.State, len(names))
	for i, name := range names {
		state, err := messages.ParseState(name)
		if err != nil {
			return nil, fault.InvalidField(fmt.Sprintf("states[%d]", i), name, "%v", err)
		}
		states[i] = state
	}
	return states, nil
}

// checkByMessages names what a part of an audience asks for that there is not.
func (s *Store) checkByMessages(ctx context.Context, accountID int64, at string, by *targeting.ByMessages) (wrong []fault.Field, err error) {
	if by == nil {
		return nil, nil
	}
	add := func(name string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: at + ".messages." + name, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	var campaigns, runs int
	if err := s.reader().Row(ctx, `SELECT (SELECT COUNT(*) FROM campaigns WHERE account_id = ? AND id = ?),
		(SELECT COUNT(*) FROM runs WHERE account_id = ? AND id = ?)`, accountID, by.CampaignID, accountID, by.RunID).Scan(&campaigns, &runs); err != nil {
		return nil, err
	}
	if by.CampaignID != 0 && campaigns == 0 {
		add("campaign_id", by.CampaignID, "%s", noSuch("campaign", by.CampaignID))
	}
	if by.RunID != 0 && runs == 0 {
		add("run_id", by.RunID, "there is no run %d: GET /v1/campaigns/{id}/runs lists those of a campaign", by.RunID)
	}
	for _, asked := range []struct{ name, word string }{{"not", by.Not}, {"did", by.Did}} {
		untracked, err := s.untracked(ctx, accountID, by, asked.word)
		if err != nil {
			return nil, err
		}
		if untracked != "" {
			add(asked.name, asked.word, "%s", untracked)
		}
	}
	for i, name := range by.States {
		if _, err := messages.ParseState(name); err != nil {
			add(fmt.Sprintf("states[%d]", i), name, "%v", err)
		}
	}
	for i, reason := range by.Reasons {
		if !slices.Contains(messages.Reasons(), reason) {
			add(fmt.Sprintf("reasons[%d]", i), reason, "is no reason of a message: one of %s", strings.Join(messages.Reasons(), ", "))
		}
	}
	return wrong, nil
}

// untracked says that nobody knows who has opened or clicked the messages that a part of an
// audience names; empty if it is known, or nobody asks.
func (s *Store) untracked(ctx context.Context, accountID int64, by *targeting.ByMessages, word string) (string, error) {
	if engagedAt[word] == "" {
		return "", nil
	}
	// What is tracked now, or was when a run of it began.
	tracked, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (tracking.Settings, error) {
		var content []byte
		var kept keptContent
		if err := scan(&content); err != nil {
			return kept.Tracking, err
		}
		return kept.Tracking, readParts(by.CampaignID, part{"content", content, &kept})
	}, `SELECT content FROM campaigns WHERE account_id = ? AND id = ?
		UNION ALL SELECT v.content FROM campaigns k JOIN campaign_versions v ON v.campaign_id = k.id WHERE k.account_id = ? AND k.id = ?
		UNION ALL SELECT v.content FROM runs r JOIN campaign_versions v ON v.campaign_id = r.campaign_id AND v.version = r.version
		WHERE r.account_id = ? AND r.id = ?`, accountID, by.CampaignID, accountID, by.CampaignID, accountID, by.RunID)
	if err != nil || len(tracked) == 0 {
		return "", err // there is no such campaign
	}
	if word == targeting.NotClicked {
		if !slices.ContainsFunc(tracked, func(t tracking.Settings) bool { return t.Links }) {
			return "its links are not tracked, so that nobody knows who has clicked: leave it out, or ask with states", nil
		}
	} else if !slices.ContainsFunc(tracked, func(t tracking.Settings) bool { return t.Opens }) {
		return "its opens are not tracked, so that nobody knows who has opened: leave it out, or ask with states", nil
	}
	return "", nil
}

// freezeMembers keeps who a run names by messages as they are at this moment, so that no
// message that changes its state while the run is planned is missed, or counted twice.
// The transaction holds the run. It returns how many are in.
func (tx conn) freezeMembers(ctx context.Context, runID int64, in, out picked) (n int64, err error) {
	for side, p := range map[frozenSide]picked{frozenIn: in, frozenOut: out} {
		if !p.there() {
			continue
		}
		added, err := tx.Exec(ctx, "INSERT INTO frozen_members (run_id, side, contact_id) SELECT CAST(? AS BIGINT), "+fmt.Sprint(int(side))+
			", p.contact_id FROM ("+p.sql+") p ORDER BY 3", append([]any{runID}, p.args...)...)
		if err != nil {
			return 0, fmt.Errorf("freeze the audience of run %d: %w", runID, err)
		}
		if side == frozenIn {
			n = added
		}
	}
	_, err = tx.Exec(ctx, "UPDATE runs SET frozen = TRUE WHERE id = ?", runID)
	return n, err
}

// countPicked is how many are picked.
func (tx conn) countPicked(ctx context.Context, p picked) (n int64, err error) {
	err = tx.Row(ctx, "SELECT COUNT(*) FROM ("+p.sql+") p", p.args...).Scan(&n)
	return n, err
}

// freezeRun freezes a run before the first batch of its plan.
func (s *Store) freezeRun(ctx context.Context, p planned) error {
	return s.inTx(ctx, func(tx conn) error {
		var pending bool
		if err := tx.Row(ctx, "SELECT status = 'planning' AND NOT frozen FROM runs WHERE id = ?"+tx.d.ForUpdate, p.run.ID).Scan(&pending); err != nil || !pending {
			return err
		}
		by, without := p.audience.ByMessages()
		in, err := tx.pick(ctx, p.run.AccountID, by)
		if err != nil {
			return err
		}
		out, err := tx.pick(ctx, p.run.AccountID, without)
		if err != nil {
			return err
		}
		_, err = tx.freezeMembers(ctx, p.run.ID, in, out)
		return err
	})
}

// frozenAtOnce is how many rows one transaction of the housekeeping forgets.
const frozenAtOnce = 10_000

// forgetFrozen forgets a batch of who was frozen by runs that are planned or over. It
// reports whether there may be more.
func (s *Store) forgetFrozen(ctx context.Context) (more bool, err error) {
	runs, err := s.ids(ctx, "SELECT id FROM runs WHERE frozen AND (plan_done OR finished_at IS NOT NULL) ORDER BY id LIMIT 100")
	if err != nil {
		return false, err
	}
	for _, id := range runs {
		err := s.inTx(ctx, func(tx conn) error {
			n, err := tx.Exec(ctx, "DELETE FROM frozen_members WHERE run_id = ? AND (side, contact_id) IN (SELECT side, contact_id FROM frozen_members "+
				"WHERE run_id = ? ORDER BY side, contact_id LIMIT ?)", id, id, frozenAtOnce)
			if err != nil {
				return err
			}
			if n == frozenAtOnce {
				more = true
				return nil
			}
			_, err = tx.Exec(ctx, "UPDATE runs SET frozen = FALSE WHERE id = ? AND (plan_done OR finished_at IS NOT NULL)", id)
			return err
		})
		if err != nil {
			return false, err
		}
	}
	return more || len(runs) == 100, nil
}
