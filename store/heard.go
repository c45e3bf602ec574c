package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/targeting"
)

// heardKept is for how long it is kept when somebody wrote to a channel last: longer than any
// provider's window (Registry.ReplyWindow), of which the longest is the week of a tag of Meta's.
const heardKept = 8 * 24 * time.Hour

// hear notes when somebody wrote to a channel, if nothing later is known.
func (tx conn) hear(ctx context.Context, r contacts.Reply) error {
	if r.Setting || r.Address == "" || r.At.Before(tx.s.clock.Now().Add(-heardKept)) {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO heard (channel_id, address, at) VALUES (?, ?, ?)
		ON CONFLICT (channel_id, address) DO UPDATE SET at = excluded.at WHERE heard.at < excluded.at`, r.ChannelID, r.Address, sqldb.Millis(r.At))
	return err
}

// heard adds to messages of a channel when their recipients wrote to it last, if that was after
// since.
func (tx conn) heard(ctx context.Context, channelID int64, since time.Time, fed []messages.QueuedMessage) error {
	addresses := make([]string, len(fed))
	for i := range fed {
		addresses[i] = fed[i].Recipient.Address
	}
	at := map[string]time.Time{}
	if err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var address string
		var heard sqldb.Time
		err := scan(&address, &heard)
		at[address] = heard.Time
		return err
	}, "SELECT address, at FROM heard WHERE channel_id = ? AND at > ? AND address "+tx.d.InTexts,
		channelID, sqldb.Millis(since), tx.d.TextList(addresses)); err != nil {
		return err
	}
	for i := range fed {
		fed[i].HeardAt = at[fed[i].Recipient.Address]
	}
	return nil
}

// unhear forgets that the recipients of messages wrote to the channel, where the provider says
// that their windows are closed. What they have written since it was asked stays.
func (tx conn) unhear(ctx context.Context, settled []messages.Outcome) error {
	for _, o := range settled {
		if o.Unheard.IsZero() {
			continue
		}
		if _, err := tx.Exec(ctx, "DELETE FROM heard WHERE channel_id = ? AND address = (SELECT address FROM messages WHERE id = ?) AND at <= ?",
			o.ChannelID, o.MessageID, sqldb.Millis(o.Unheard)); err != nil {
			return err
		}
	}
	return nil
}

// HeardAt is when an address wrote to a channel last; zero where nothing is kept of that.
func (s *Store) HeardAt(ctx context.Context, channelID int64, address string) (time.Time, error) {
	var at sqldb.Time
	err := s.reader().Row(ctx, "SELECT at FROM heard WHERE channel_id = ? AND address = ?", channelID, address).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return at.Time, s.translate(err)
}

// forgetHeard forgets a batch of what is too long ago to matter.
func (tx conn) forgetHeard(ctx context.Context) (int64, error) {
	return tx.Exec(ctx, "DELETE FROM heard WHERE (channel_id, address) IN (SELECT channel_id, address FROM heard WHERE at < ? ORDER BY at LIMIT ?)",
		sqldb.Millis(tx.s.clock.Now().Add(-heardKept)), forgetBatch)
}

// UnheardLanguages are the languages of those who would be sent to and have not written to the
// channel since then, with how many have each; empty for those who have none.
func (s *Store) UnheardLanguages(
	ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64, since time.Time,
) (map[string]int64, error) {
	return s.audienceBy(ctx, counted{"language", fragment{
		" AND NOT EXISTS (SELECT 1 FROM heard h WHERE h.channel_id = ? AND h.address = a.address AND h.at > ?)", []any{channel.ID, sqldb.Millis(since)},
	}}, channel, audience, category)
}
