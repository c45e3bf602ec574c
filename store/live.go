package store

import (
	"context"
	"encoding/json"
	"slices"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/store/sqldb"
)

// LiveRuns are the accounts' runs that are not finished, those that are newer
// than after (none if it is negative), and those of also, with their counts.
// latest is the newest run of all accounts.
func (s *Store) LiveRuns(ctx context.Context, accountIDs []int64, after int64, also []int64) (runs []campaigns.LiveRun, latest int64, err error) {
	c := s.reader()
	if err := c.Row(ctx, "SELECT COALESCE(MAX(id), 0) FROM runs").Scan(&latest); err != nil {
		return nil, 0, s.translate(err)
	}
	if after < 0 {
		after = latest
	}
	open, err := s.ids(ctx, "SELECT id FROM runs WHERE finished_at IS NULL UNION SELECT id FROM runs WHERE id > ?", after)
	if err != nil {
		return nil, 0, err
	}
	wanted := slices.Concat(open, also)
	slices.Sort(wanted)
	byID := map[int64]int{}
	err = sqldb.Each(ctx, c, func(scan sqldb.Scan) error {
		var r campaigns.LiveRun
		var limits, throttle []byte
		var warmth string
		var changed sqldb.Time
		r.Run, err = scanRun(func(into ...any) error {
			return scan(append(into, &limits, &warmth, &throttle, &changed, &r.AccountPerSecond, &r.AccountPerDay)...)
		})
		if err != nil {
			return err
		}
		r.CampaignChangedAt = changed.Time
		byID[r.ID] = len(runs)
		if err := json.Unmarshal(limits, &r.Limits); err != nil {
			return err
		}
		if r.Warmth, err = readWarmth(warmth); err != nil {
			return err
		}
		err := json.Unmarshal(throttle, &r.Throttle)
		runs = append(runs, r)
		return err
	}, "SELECT "+runColumns+`, h.limits, h.warmth, k.throttle, k.updated_at, COALESCE(a.most_per_second, 0), COALESCE(a.most_per_day, 0)
		FROM runs r JOIN accounts a ON a.id = r.account_id JOIN channels h ON h.id = r.channel_id
			JOIN campaigns k ON k.id = r.campaign_id LEFT JOIN run_feeds f ON f.run_id = r.id
		WHERE r.id `+c.d.InIDs+` AND r.account_id `+c.d.InIDs, c.d.IDList(slices.Compact(wanted)), c.d.IDList(accountIDs))
	if err != nil {
		return nil, 0, s.translate(err)
	}
	ids := make([]int64, 0, len(runs))
	for _, r := range runs {
		ids = append(ids, r.ID)
	}
	// After the runs: one that is finished by now has all of its counts.
	err = sqldb.Each(ctx, c, func(scan sqldb.Scan) error {
		var id int64
		var counts messages.Counts
		if err := scan(append([]any{&id}, countTargets(&counts)...)...); err != nil {
			return err
		}
		runs[byID[id]].Counts = counts
		return nil
	}, "SELECT c.run_id, "+sumCounts+" FROM run_counts c WHERE c.run_id "+c.d.InIDs+" GROUP BY c.run_id", c.d.IDList(ids))
	return runs, latest, s.translate(err)
}

// LiveChannels are the accounts' channels with what waits on them; those of every
// account if accountIDs is nil.
func (s *Store) LiveChannels(ctx context.Context, accountIDs []int64) (channels []campaigns.LiveChannel, err error) {
	byID := map[int64]int{}
	err = sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var c campaigns.LiveChannel
		var statusSince, since, next, updated sqldb.Time
		err := scan(&c.ID, &c.AccountID, &c.Name, &c.Status, &c.StatusReason, &statusSince, &c.Health.State, &c.Health.Reason, &since, &next, &updated)
		c.StatusSince, c.Health.Since, c.Health.NextTry, c.UpdatedAt = statusSince.Time, since.Time, next.Time, updated.Time
		byID[c.ID] = len(channels)
		channels = append(channels, c)
		return err
	}, `SELECT id, account_id, name, status, status_reason, status_since, health, health_reason, health_since, next_try_at, updated_at
		FROM channels WHERE deleted_at IS NULL AND (? OR account_id `+s.d.InIDs+")", accountIDs == nil, s.d.IDList(accountIDs))
	if err != nil {
		return nil, s.translate(err)
	}
	// Only what is not finished has messages that wait.
	err = sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var id, pending, queued, sending int64
		if err := scan(&id, &pending, &queued, &sending); err != nil {
			return err
		}
		if i, ok := byID[id]; ok {
			channels[i].Pending, channels[i].Queued, channels[i].Sending = pending, queued, sending
		}
		return nil
	}, `SELECT channel_id, CAST(SUM(pending) AS BIGINT), CAST(SUM(queued) AS BIGINT), CAST(SUM(sending) AS BIGINT) FROM run_counts
		WHERE run_id IN (SELECT 0 UNION ALL SELECT id FROM runs WHERE finished_at IS NULL) GROUP BY channel_id`)
	return channels, s.translate(err)
}
