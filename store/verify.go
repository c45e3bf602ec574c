package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/sqldb"
)

// VerifyRun counts the rows of a run and compares them with the counters and
// with what was planned. Everything is read in one statement, so that a run
// that is being sent is seen at one moment.
func (s *Store) VerifyRun(ctx context.Context, runID int64) (campaigns.Verification, error) {
	v := campaigns.Verification{RunID: runID}
	var finished bool
	err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var kind, key, n int64
		var status string
		if err := scan(&kind, &key, &n, &status); err != nil {
			return err
		}
		switch kind {
		case 0:
			v.CampaignID, v.Planned, v.Status = key, n, campaigns.RunStatus(status)
		case 1:
			if key >= 0 && key < messages.NumStates {
				v.Rows[key] = n
			}
		default:
			v.Counters[kind-2] = n
		}
		finished = v.Status == campaigns.RunFinished
		return nil
	}, verifyQuery, runID, runID, runID)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && v.CampaignID == 0) {
		return v, fault.New(fault.NotFound, "there is no run %d", runID)
	}
	if err != nil {
		return v, s.translate(err)
	}
	if total := v.Rows.Total(); total != v.Planned {
		v.Problems = append(v.Problems, fmt.Sprintf("%d messages were planned, the table holds %d", v.Planned, total))
	}
	for _, state := range messages.States() {
		if v.Rows[state] != v.Counters[state] {
			v.Problems = append(v.Problems, fmt.Sprintf("%s: the counter says %d, the table holds %d", state, v.Counters[state], v.Rows[state]))
		}
	}
	if finished && v.Rows.Active() > 0 {
		v.Problems = append(v.Problems, fmt.Sprintf("the run says finished, but %d messages are not in a final state", v.Rows.Active()))
	}
	return v, nil
}

// verifyQuery yields rows of kind, key, number, status: 0 the run, 1 a count of
// rows by state, 2+n the counter of state n.
var verifyQuery = func() string {
	query := "SELECT 0, campaign_id, planned, status FROM runs WHERE id = ?" +
		" UNION ALL SELECT 1, state, COUNT(*), '' FROM messages WHERE run_id > 0 AND run_id = ? GROUP BY state"
	for i, column := range countColumns {
		query += fmt.Sprintf(" UNION ALL SELECT %d, 0, CAST(COALESCE(SUM(%s), 0) AS BIGINT), '' FROM counters", i+2, column)
	}
	return "WITH counters AS (SELECT * FROM run_counts WHERE run_id = ?) " + query
}()
