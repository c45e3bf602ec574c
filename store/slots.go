package store

import (
	"context"

	"carillon/messages"
)

// NoteSlots keeps until when the latest slots of a channel, and of a campaign on
// it, are paid for. It never takes anything back.
func (s *Store) NoteSlots(ctx context.Context, channelID, campaignID int64, latest messages.LatestSlots) error {
	return s.inTx(ctx, func(tx conn) error {
		// In the order of the key, so that two workers wait for each other but never
		// both.
		if !latest.Channel.IsZero() {
			if err := noteSlot(ctx, tx, channelID, 0, ms(latest.Channel)); err != nil {
				return err
			}
		}
		if latest.Campaign.IsZero() {
			return nil
		}
		return noteSlot(ctx, tx, channelID, campaignID, ms(latest.Campaign))
	})
}

func noteSlot(ctx context.Context, tx conn, channelID, campaignID int64, paidUntil any) error {
	_, err := tx.exec(ctx, `INSERT INTO slots (channel_id, campaign_id, paid_until) VALUES (?, ?, ?)
		ON CONFLICT (channel_id, campaign_id) DO UPDATE SET paid_until = excluded.paid_until WHERE slots.paid_until < excluded.paid_until`,
		channelID, campaignID, paidUntil)
	return err
}

// LatestSlots is what NoteSlots kept of a channel and of a campaign on it.
func (s *Store) LatestSlots(ctx context.Context, channelID, campaignID int64) (latest messages.LatestSlots, err error) {
	err = s.reader().scanAll(ctx, func(scan func(...any) error) error {
		var campaign int64
		var at millis
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
