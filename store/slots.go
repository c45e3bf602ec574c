package store

import (
	"context"

	"carillon/messages"
	"carillon/store/sqldb"
)

// NoteSlots keeps until when the latest slots of a channel, and of a campaign on
// it, are paid for. It never takes anything back.
func (s *Store) NoteSlots(ctx context.Context, channelID, campaignID int64, latest messages.LatestSlots) error {
	return s.inTx(ctx, func(tx conn) error {
		// In the order of the key, so that two workers wait for each other but never
		// both.
		if !latest.Channel.IsZero() {
			if err := tx.noteSlot(ctx, channelID, 0, sqldb.Millis(latest.Channel)); err != nil {
				return err
			}
		}
		if latest.Campaign.IsZero() {
			return nil
		}
		return tx.noteSlot(ctx, channelID, campaignID, sqldb.Millis(latest.Campaign))
	})
}

func (tx conn) noteSlot(ctx context.Context, channelID, campaignID int64, paidUntil any) error {
	_, err := tx.Exec(ctx, `INSERT INTO slots (channel_id, campaign_id, paid_until) VALUES (?, ?, ?)
		ON CONFLICT (channel_id, campaign_id) DO UPDATE SET paid_until = excluded.paid_until WHERE slots.paid_until < excluded.paid_until`,
		channelID, campaignID, paidUntil)
	return err
}

// LatestSlots is what NoteSlots kept of a channel and of a campaign on it.
func (s *Store) LatestSlots(ctx context.Context, channelID, campaignID int64) (latest messages.LatestSlots, err error) {
	err = sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var campaign int64
		var at sqldb.Time
		if err := scan(&campaign, &at); err != nil {
			return err
		}
		if campaign == 0 {
			latest.Channel = at.Time
		} else {
			latest.Campaign = at.Time
		}
		return nil
	}, "SELECT campaign_id, paid_until FROM slots WHERE channel_id = ? AND campaign_id IN (0, ?)", channelID, campaignID)
	return latest, s.translate(err)
}
