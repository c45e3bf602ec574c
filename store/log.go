package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"carillon/contacts"
	"carillon/messages"
	"carillon/store/sqldb"
	"carillon/webhooks"
)

// The log is written by a reader of the outbox of its own, which stands among the webhooks:
// so nothing is missed, whatever dies, entries are in the order of what happened, and where
// nobody wants a log it costs nothing.

// KeepLog has the log of a channel kept from now on.
func (s *Store) KeepLog(ctx context.Context, accountID, channelID int64) error {
	return s.inTx(ctx, func(tx conn) error {
		if err := tx.lockWebhooks(ctx); err != nil {
			return err
		}
		if err := tx.ownsChannel(ctx, accountID, channelID); err != nil {
			return err
		}
		id, channels, err := tx.logReader(ctx, accountID)
		if err != nil || slices.Contains(channels, channelID) {
			return err
		}
		now := sqldb.Millis(s.clock.Now())
		channels = append(channels, channelID)
		if id != 0 {
			_, err := tx.Exec(ctx, "UPDATE webhooks SET channels = ?, updated_at = ? WHERE id = ?", listJSON(channels), now, id)
			return err
		}
		config, err := tx.sealWebhook(ctx, webhooks.Webhook{})
		if err != nil {
			return err
		}
		id, err = tx.Insert(ctx, `INSERT INTO webhooks (account_id, url, events, channels, config, format, cursor_seq, created_at, updated_at)
			VALUES (?, '', ?, ?, ?, ?, 0, ?, ?)`, accountID, listJSON([]webhooks.Event{webhooks.MessageEvent(messages.Sent), webhooks.MessageReceived}),
			listJSON(channels), config, string(webhooks.Log), now, now)
		if err != nil {
			return err
		}
		if err := tx.skipOutbox(ctx, id); err != nil {
			return err
		}
		return tx.watchMessages(ctx)
	})
}

// LoggedChannels are those whose log is kept.
func (s *Store) LoggedChannels(ctx context.Context, accountID int64) ([]int64, error) {
	_, channels, err := s.reader().logReader(ctx, accountID)
	return channels, s.translate(err)
}

// logReader is an account's reader of the outbox for the log, and the channels that it reads;
// 0 where there is none.
func (tx conn) logReader(ctx context.Context, accountID int64) (id int64, channels []int64, err error) {
	var text []byte
	err = tx.Row(ctx, "SELECT id, channels FROM webhooks WHERE account_id = ? AND format = ?", accountID, string(webhooks.Log)).Scan(&id, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &channels)
	}
	return id, channels, err
}

// writeLog writes what of a page belongs into the log, and moves its reader on.
func (s *Store) writeLog(ctx context.Context, w webhooks.Webhook, cursor int64, page *outboxPage) (more bool, err error) {
	var rows [][]any
	for _, o := range page.wantedBy(w) {
		var of struct {
			MessageID int64 `json:"message_id"`
			ReplyID   int64 `json:"reply_id"`
			ChannelID int64 `json:"channel_id"`
		}
		if err := json.Unmarshal(o.Data, &of); err != nil {
			return false, fmt.Errorf("read %s for the log: %w", o.ID, err)
		}
		rows = append(rows, []any{w.AccountID, of.ChannelID, sqldb.Millis(o.Timestamp), of.MessageID, of.ReplyID})
	}
	err = s.inTxAsync(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "UPDATE webhooks SET cursor_seq = ? WHERE id = ? AND cursor_seq = ?", page.last, w.ID, cursor)
		if more = n > 0; err != nil || n == 0 || len(rows) == 0 {
			return err
		}
		return tx.insertValues(ctx, "message_log (account_id, channel_id, at, message_id, reply_id)", rows, "bigint", "bigint", "bigint", "bigint", "bigint")
	})
	return more, err
}

// ListLog lists entries in the order of their numbers, with what they are of.
func (s *Store) ListLog(ctx context.Context, f messages.LogFilter) (list []messages.LogEntry, err error) {
	c := s.reader()
	where, args := "account_id = ? AND id > ?", []any{f.AccountID, f.After}
	if f.ChannelID != 0 {
		where, args = where+" AND channel_id = ?", append(args, f.ChannelID)
	}
	and := func(condition string, values ...any) { where, args = where+" AND "+condition, append(args, values...) }
	if f.Address != "" {
		and(`(EXISTS (SELECT 1 FROM messages m WHERE message_log.message_id <> 0 AND m.id = message_log.message_id AND m.address = ?)
			OR EXISTS (SELECT 1 FROM replies r WHERE message_log.reply_id <> 0 AND r.id = message_log.reply_id AND r.address = ?))`, f.Address, f.Address)
	}
	if !f.From.IsZero() {
		and("at >= ?", sqldb.Millis(f.From))
	}
	if !f.To.IsZero() {
		and("at < ?", sqldb.Millis(f.To))
	}
	order, limit := "id", f.Limit
	if f.Last > 0 {
		order, limit = "id DESC", f.Last
	}
	list, err = sqldb.Query(ctx, c, func(scan sqldb.Scan) (e messages.LogEntry, err error) {
		var at sqldb.Time
		err = scan(&e.Number, &e.ChannelID, &at, &e.MessageID, &e.ReplyID)
		e.At = at.Time
		return e, err
	}, "SELECT id, channel_id, at, message_id, reply_id FROM message_log WHERE "+where+" ORDER BY "+order+" LIMIT ?", append(args, limit)...)
	if err != nil {
		return nil, s.translate(err)
	}
	if f.Last > 0 {
		slices.Reverse(list)
	}
	return list, s.translate(c.fillLog(ctx, list))
}

// LogNumber is the number of what was written.
func (s *Store) LogNumber(ctx context.Context, replyID int64) (number int64, err error) {
	err = s.reader().Row(ctx, "SELECT id FROM message_log WHERE reply_id <> 0 AND reply_id = ?", replyID).Scan(&number)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return number, s.translate(err)
}

// fillLog finds the messages and replies of entries.
func (tx conn) fillLog(ctx context.Context, list []messages.LogEntry) error {
	var messageIDs, replyIDs []int64
	for _, e := range list {
		if e.MessageID != 0 {
			messageIDs = append(messageIDs, e.MessageID)
		} else {
			replyIDs = append(replyIDs, e.ReplyID)
		}
	}
	sent, written := map[int64]*messages.Message{}, map[int64]*contacts.Reply{}
	if len(messageIDs) > 0 {
		which := tx.d.among("m.id", messageIDs)
		found, err := sqldb.Query(ctx, tx, scanMessage, selectMessage+" WHERE "+which.sql, which.args...)
		if err != nil {
			return err
		}
		for i := range found {
			sent[found[i].ID] = &found[i]
		}
	}
	if len(replyIDs) > 0 {
		which := tx.d.among("id", replyIDs)
		found, err := sqldb.Query(ctx, tx, scanReply, selectReply+" WHERE "+which.sql, which.args...)
		if err != nil {
			return err
		}
		for i := range found {
			written[found[i].ID] = &found[i]
		}
	}
	for i := range list {
		list[i].Message, list[i].Reply = sent[list[i].MessageID], written[list[i].ReplyID]
	}
	return nil
}
