package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/store/sqldb"
)

// QueueOutlook says what is still to come into the queue: the runs that are
// still being planned, and the scheduled campaign that fires first.
func (s *Store) QueueOutlook(ctx context.Context, f messages.QueueFilter) (o campaigns.QueueOutlook, err error) {
	where, args := outlookWhere(f)
	o.Planning, err = sqldb.Structs(ctx, s.reader(), func(r *campaigns.PlanningRun) []any {
		return []any{&r.RunID, &r.CampaignID, &r.CampaignName, &r.ChannelID, &r.Status, &r.Planned}
	}, `SELECT r.id, r.campaign_id, k.name, r.channel_id, r.status, r.planned FROM runs r JOIN campaigns k ON k.id = r.campaign_id
		WHERE r.finished_at IS NULL AND r.status IN ('planning', 'paused') AND NOT r.plan_done AND `+where+" ORDER BY r.id", args...)
	if err != nil {
		return o, s.translate(err)
	}
	var next campaigns.NextFiring
	var fires sqldb.Time
	err = s.reader().Row(ctx, `SELECT k.id, k.name, k.channel_id, k.next_fire_at FROM campaigns k
		WHERE k.next_fire_at IS NOT NULL AND k.status = 'scheduled' AND `+where+" ORDER BY k.next_fire_at, k.id LIMIT 1", args...).
		Scan(&next.CampaignID, &next.CampaignName, &next.ChannelID, &fires)
	switch {
	case err == nil:
		next.At = fires.Time
		o.Next = &next
	case !errors.Is(err, sql.ErrNoRows):
		return o, s.translate(err)
	}
	return o, nil
}

// outlookWhere is the condition of a filter over campaigns k.
func outlookWhere(f messages.QueueFilter) (string, []any) {
	where, args := []string{"k.account_id = ?"}, []any{f.AccountID}
	if f.ChannelID != 0 {
		where, args = append(where, "k.channel_id = ?"), append(args, f.ChannelID)
	}
	if f.CampaignID != 0 {
		where, args = append(where, "k.id = ?"), append(args, f.CampaignID)
	}
	return strings.Join(where, " AND "), args
}
