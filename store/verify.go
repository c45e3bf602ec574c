package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/sqldb"
)

// verifyVariants looks whether each message of a run has the variant that its contact is
// to have, and nobody was sent to without one. A contact into which another was merged has
// the other's messages, too, and is not asked.
func (tx conn) verifyVariants(ctx context.Context, v *campaigns.Verification) error {
	e, err := tx.experimentOf(ctx, v.RunID)
	if err != nil {
		return err
	}
	v.VariantNames = e.Names()
	for variant, counts := range v.Variants {
		if variant > len(v.VariantNames) {
			v.Problems = append(v.Problems, fmt.Sprintf("%d messages are of variant %d, and there are %d", counts.Total(), variant, len(v.VariantNames)))
		}
	}
	if e == nil {
		return nil
	}
	split := e.Split(v.CampaignID)
	const point = "m.point"
	held := fmt.Sprintf("%s < %d", point, split.Held)
	// Whoever waits has none, or what won; of a resend everybody may have that.
	want := held + " AND m.variant <> 0"
	if len(v.VariantNames) > 0 {
		of := variantOf(split, point)
		want += fmt.Sprintf(" OR NOT %s AND %s < %d AND NOT m.resend AND m.variant <> %s", held, point, split.Tested, of) +
			fmt.Sprintf(" OR NOT %s AND %s >= %d AND NOT m.resend AND m.variant NOT IN (0, m.winner)", held, point, split.Tested)
	}
	var wrong, without, heldSent int64
	if err := tx.Row(ctx, "SELECT COUNT(CASE WHEN "+want+" THEN 1 END), COUNT(CASE WHEN NOT "+held+" AND m.variant = 0 AND m.state "+isSent+
		" THEN 1 END), COUNT(CASE WHEN "+held+" AND m.state "+isSent+" THEN 1 END) FROM (SELECT m.variant, m.state, "+pointOf(split, "m.contact_id")+
		` AS point, r.kind = 'resend' AS resend, COALESCE((SELECT e.winner FROM experiments e WHERE e.run_id = m.run_id), 0) AS winner
		FROM messages m JOIN runs r ON r.id = m.run_id WHERE m.run_id > 0 AND m.run_id = ?
			AND m.contact_id NOT IN (SELECT merged_into FROM contacts WHERE merged_into > 0)) m`, v.RunID).Scan(&wrong, &without, &heldSent); err != nil {
		return err
	}
	for _, found := range []struct {
		n    int64
		what string
	}{
		{wrong, "have another variant than their contact is to have"}, {heldSent, "went to people who are held out"},
	} {
		if found.n > 0 {
			v.Problems = append(v.Problems, fmt.Sprintf("%d messages %s", found.n, found.what))
		}
	}
	if without > 0 && len(v.VariantNames) > 0 {
		v.Problems = append(v.Problems, fmt.Sprintf("%d messages were sent without a variant", without))
	}
	return nil
}

// isSent follows a column of states: the message is on its way, or was.
var isSent = is(slices.Concat([]messages.State{messages.Queued, messages.Sending}, campaigns.SentStates())...)

// VerifyRun counts the rows of a run and compares them with the counters and
// with what was planned. Everything is read in one statement, so that a run
// that is being sent is seen at one moment.
func (s *Store) VerifyRun(ctx context.Context, runID int64) (campaigns.Verification, error) {
	v := campaigns.Verification{RunID: runID, Variants: map[int]messages.Counts{}}
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
			finished = v.Status == campaigns.RunFinished
		default:
			if kind > 0 {
				v.Counters[kind-1] = n
				break
			}
			if key >= 0 && key < messages.NumStates {
				v.Rows[key] += n
				if status != "" {
					v.Removed += n
				}
				of := v.Variants[int(-1-kind)]
				of[key] += n
				v.Variants[int(-1-kind)] = of
			}
		}
		return nil
	}, verifyQuery, runID, runID, runID, runID)
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
	return v, s.translate(s.reader().verifyVariants(ctx, &v))
}

// verifyQuery yields rows of kind, key, number, status: 0 the run, -1-n a count of rows of
// variant n by state, 1+n the counter of state n.
var verifyQuery = func() string {
	query := "SELECT 0, campaign_id, planned, status FROM runs WHERE id = ?" +
		" UNION ALL SELECT -1 - variant, state, COUNT(*), '' FROM messages WHERE run_id > 0 AND run_id = ? GROUP BY variant, state" +
		" UNION ALL SELECT -1 - variant, metric, CAST(SUM(n) AS BIGINT), 'removed' FROM stats_removed WHERE run_id = ? AND metric BETWEEN " +
		number(messages.Sent) + " AND " + number(messages.Unknown) + " GROUP BY variant, metric"
	for i, column := range countColumns {
		query += fmt.Sprintf(" UNION ALL SELECT %d, 0, CAST(COALESCE(SUM(%s), 0) AS BIGINT), '' FROM counters", i+1, column)
	}
	return "WITH counters AS (SELECT * FROM run_counts WHERE run_id = ?) " + query
}()
