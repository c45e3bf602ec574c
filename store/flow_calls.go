package store

import (
	"context"
	"encoding/json"
	"time"

	"carillon/campaigns/flow"
	"carillon/campaigns/flows"
	"carillon/store/sqldb"
)

// callsAtOnce bounds what one look finds.
const callsAtOnce = 50

// DueCalls are some programs that are to be asked now, those that wait longest first.
func (s *Store) DueCalls(ctx context.Context) ([]flows.Call, error) {
	c := s.reader()
	list, err := sqldb.Query(ctx, c, func(scan sqldb.Scan) (call flows.Call, err error) {
		var answers []byte
		var version int64
		if err := scan(&call.SessionID, &call.AccountID, &call.CampaignID, &call.ContactID, &call.Rev, &call.Step, &call.Tries, &answers, &version,
			&call.FlowName); err != nil {
			return call, err
		}
		f, err := c.compiledFlow(ctx, call.AccountID, call.CampaignID, version)
		if err != nil {
			return call, err
		}
		if step, known := f.StepOf(call.Step); known && step.Call != nil {
			call.Request = *step.Call
		}
		return call, json.Unmarshal(answers, &call.Answers)
	}, `SELECT l.session_id, n.account_id, n.campaign_id, n.contact_id, l.rev, l.step, l.tries, n.answers, n.version, k.name
		FROM (SELECT c.session_id, c.rev, c.step, c.tries, c.due_at FROM flow_calls c WHERE c.due_at <= ? AND (SELECT k.status FROM flow_sessions n
				JOIN campaigns k ON k.id = n.campaign_id WHERE n.id = c.session_id AND k.`+ofOpenAccounts+`) = 'running' ORDER BY c.due_at LIMIT ?) l
		JOIN flow_sessions n ON n.id = l.session_id JOIN campaigns k ON k.id = n.campaign_id ORDER BY l.due_at`, sqldb.Millis(s.clock.Now()), callsAtOnce)
	return list, s.translate(err)
}

// Called hands what a program answered to the session that asked, unless that has moved on.
func (s *Store) Called(ctx context.Context, call flows.Call, heard flow.Heard) error {
	return s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "DELETE FROM flow_calls WHERE session_id = ? AND rev = ?", call.SessionID, call.Rev)
		if err != nil || n == 0 {
			return err
		}
		heard.At = s.clock.Now()
		return tx.tellSession(ctx, call.SessionID, heard)
	})
}

// CallLater has a program asked again at a time.
func (s *Store) CallLater(ctx context.Context, call flows.Call, at time.Time) error {
	_, err := s.outside().Exec(ctx, "UPDATE flow_calls SET tries = tries + 1, due_at = ? WHERE session_id = ? AND rev = ?", sqldb.Millis(at),
		call.SessionID, call.Rev)
	return s.translate(err)
}
