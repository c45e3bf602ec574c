package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"carillon/campaigns/flow"
	"carillon/campaigns/flows"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/sqldb"
)

const selectSession = `SELECT n.id, n.campaign_id, n.version, n.contact_id, n.source, n.step, n.phase, n.wake_at, n.answers, n.outcome, n.reason, n.entered_at,
	n.moved_at, n.ended_at FROM flow_sessions n`

func scanSession(scan sqldb.Scan) (n flows.Session, err error) {
	var wake, entered, moved, ended sqldb.Time
	var answers []byte
	if err := scan(&n.ID, &n.CampaignID, &n.Version, &n.ContactID, &n.Source, &n.Step, &n.Phase, &wake, &answers, &n.Outcome, &n.Reason, &entered, &moved,
		&ended); err != nil {
		return n, err
	}
	n.WakeAt, n.EnteredAt, n.MovedAt, n.EndedAt = wake.Ptr(), entered.Time, moved.Time, ended.Ptr()
	return n, json.Unmarshal(answers, &n.Answers)
}

// FlowSessions lists sessions, newest first.
func (s *Store) FlowSessions(ctx context.Context, f flows.SessionFilter) ([]flows.Session, error) {
	where, args := []string{"n.account_id = ? AND n.id < ?"}, []any{f.AccountID, orNewest(f.Before)}
	add := func(condition string, values ...any) { where, args = append(where, condition), append(args, values...) }
	if f.CampaignID != 0 {
		add("n.campaign_id = ?", f.CampaignID)
	}
	if f.ContactID != 0 {
		add("n.contact_id = ?", f.ContactID)
	}
	if f.Step != "" {
		add("n.step = ?", f.Step)
	}
	if f.Ended != nil {
		add("(n.ended_at IS NOT NULL) = ?", *f.Ended)
	}
	list, err := sqldb.Query(ctx, s.reader(), scanSession, selectSession+" WHERE "+strings.Join(where, " AND ")+" ORDER BY n.id DESC LIMIT ?",
		append(args, f.Limit)...)
	return list, s.translate(err)
}

// FlowSession is one session with its way.
func (s *Store) FlowSession(ctx context.Context, accountID, id int64) (flows.Session, error) {
	n, err := scanSession(s.reader().Row(ctx, selectSession+" WHERE n.id = ? AND n.account_id = ?", id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return n, fault.New(fault.NotFound, "there is no session %d", id)
	}
	if err == nil {
		n.Moves, err = sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (m flows.Move, err error) {
			var at sqldb.Time
			err = scan(&at, &m.Step, &m.Exit, &m.Why)
			m.At = at.Time
			return m, err
		}, "SELECT at, step, exit, why FROM flow_moves WHERE session_id = ? ORDER BY seq", id)
	}
	gaveUp := slices.ContainsFunc(n.Moves, func(m flows.Move) bool { return m.Exit == flow.ExitTimeout || m.Exit == flow.ExitFailed })
	if err == nil && gaveUp {
		err = s.reader().arrivedLate(ctx, accountID, n)
	}
	return n, s.translate(err)
}

// arrivedLate notes at the moves of a session which of the messages that they gave up arrived
// after all: those that failed, and those of which nothing was heard in time.
func (tx conn) arrivedLate(ctx context.Context, accountID int64, n flows.Session) error {
	compiled, err := tx.compiledFlow(ctx, accountID, n.CampaignID, n.Version)
	if err != nil {
		return err
	}
	var said []byte
	sent := map[string]int64{} // the latest messages of steps
	if err := tx.Row(ctx, "SELECT said FROM flow_sessions WHERE id = ?", n.ID).Scan(&said); err != nil {
		return err
	}
	if err := json.Unmarshal(said, &sent); err != nil {
		return err
	}
	var message int64
	for i := range n.Moves {
		m := &n.Moves[i]
		if id, sends := sent[m.Step]; sends {
			message = id
		}
		if message == 0 || !compiled.GaveUp(m.Step, m.Exit) {
			continue
		}
		var at sqldb.Time
		err := tx.Row(ctx, "SELECT COALESCE(delivered_at, read_at) FROM messages WHERE id = ? AND state "+is(messages.Delivered, messages.Read), message).Scan(&at)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if at.After(m.At) {
			m.ArrivedAt = at.Time
		}
	}
	return nil
}

// FlowAnswers lists what was answered, oldest first.
func (s *Store) FlowAnswers(ctx context.Context, f flows.AnswerFilter) ([]flows.Answer, error) {
	where, args := []string{"f.account_id = ? AND a.id > ?"}, []any{f.AccountID, f.After}
	add := func(condition string, value any) { where, args = append(where, condition), append(args, value) }
	if f.CampaignID != 0 {
		add("a.campaign_id = ?", f.CampaignID)
	}
	if f.ContactID != 0 {
		add("a.contact_id = ?", f.ContactID)
	}
	if f.Step != "" {
		add("a.step = ?", f.Step)
	}
	list, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (a flows.Answer, err error) {
		var value []byte
		var at sqldb.Time
		err = scan(&a.ID, &a.SessionID, &a.CampaignID, &a.ContactID, &a.QuestionID, &a.Step, &a.Question, &a.Text, &value, &at)
		a.Value, a.At = value, at.Time
		return a, err
	}, `SELECT a.id, a.session_id, a.campaign_id, a.contact_id, COALESCE(q.id, 0), a.step, COALESCE(q.text, ''), a.text, a.value, a.at
		FROM flow_answers a JOIN flows f ON f.campaign_id = a.campaign_id LEFT JOIN flow_questions q ON q.campaign_id = a.campaign_id AND q.step = a.step
		WHERE `+strings.Join(where, " AND ")+" ORDER BY a.id LIMIT ?", append(args, f.Limit)...)
	return list, s.translate(err)
}

// FlowReport says where everybody is, by the steps of the version in force and those of
// which somebody is still at another.
func (s *Store) FlowReport(ctx context.Context, accountID, id int64) (r flows.Report, err error) {
	f, err := s.GetFlow(ctx, accountID, id)
	if err != nil {
		return r, err
	}
	c, at := s.reader(), map[string]*flows.StepCount{}
	var names []string
	step := func(name string) *flows.StepCount {
		if at[name] == nil {
			at[name] = &flows.StepCount{Step: name, Exits: map[string]int64{}}
			names = append(names, name)
		}
		return at[name]
	}
	for _, d := range f.Definition.Steps {
		step(d.ID).Kind = d.Kind
	}
	for _, read := range []struct {
		query string
		scan  func(sqldb.Scan) error
	}{
		// One statement for everybody, so that its sums are those of one moment.
		{`SELECT CASE WHEN ended_at IS NULL THEN step ELSE '' END, outcome, reason, COUNT(*) FROM flow_sessions WHERE campaign_id = ?
			GROUP BY 1, 2, 3 ORDER BY 4 DESC, 2, 3`, func(scan sqldb.Scan) error {
			var name string
			var o flows.Outcome
			err := scan(&name, &o.Outcome, &o.Reason, &o.Count)
			if r.Entered += o.Count; name == "" {
				r.Outcomes = append(r.Outcomes, o)
				return err
			}
			step(name).Here = o.Count
			r.Inside += o.Count
			return err
		}},
		{"SELECT m.step, m.exit, COUNT(*) FROM flow_moves m JOIN flow_sessions n ON n.id = m.session_id WHERE n.campaign_id = ? GROUP BY m.step, m.exit",
			func(scan sqldb.Scan) error {
				var name, exit string
				var n int64
				err := scan(&name, &exit, &n)
				step(name).Exits[exit] = n
				return err
			}},
		{"SELECT y.step, " + sumCounts + " FROM flow_says y LEFT JOIN run_counts c ON c.run_id = y.run_id WHERE y.campaign_id = ? GROUP BY y.step",
			func(scan sqldb.Scan) error {
				var name string
				var counts messages.Counts
				err := scan(append([]any{&name}, countTargets(&counts)...)...)
				step(name).Messages = &counts
				return err
			}},
	} {
		if err := sqldb.Each(ctx, c, read.scan, read.query, id); err != nil {
			return r, s.translate(err)
		}
	}
	for _, name := range names {
		r.Steps = append(r.Steps, *at[name])
	}
	return r, nil
}
