package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"carillon/campaigns"
	"carillon/conversations"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/sqldb"
)

const selectMessage = `SELECT m.id, m.channel_id, m.run_id, COALESCE((SELECT campaign_id FROM runs WHERE id = m.run_id), 0), m.contact_id, m.step,
	m.priority, m.address, m.state, COALESCE(m.reason, ''), COALESCE(m.detail, ''), m.attempt, COALESCE(m.provider_id, ''), m.envelope_id,
	NULLIF(m.due_at, 0), m.created_at, m.queued_at, m.claimed_at, m.sent_at, m.delivered_at, m.read_at, m.final_at,
	COALESCE(m.language, ''), m.variant, COALESCE(m.template_id, 0) FROM messages m`

func scanMessage(scan sqldb.Scan) (messages.Message, error) {
	var m messages.Message
	var due, created, queued, claimed, sent, delivered, read, final sqldb.Time
	err := scan(&m.ID, &m.ChannelID, &m.RunID, &m.CampaignID, &m.ContactID, &m.Step, &m.Priority, &m.Address, &m.State, &m.Reason, &m.Detail,
		&m.Attempt, &m.ProviderID, &m.EnvelopeID, &due, &created, &queued, &claimed, &sent, &delivered, &read, &final, &m.Language, &m.Variant, &m.TemplateID)
	m.CreatedAt = created.Time
	m.DueAt, m.QueuedAt, m.ClaimedAt = due.Ptr(), queued.Ptr(), claimed.Ptr()
	m.SentAt, m.DeliveredAt, m.ReadAt, m.FinalAt = sent.Ptr(), delivered.Ptr(), read.Ptr(), final.Ptr()
	if m.Reason == messages.ReasonUndecided {
		m.DueAt = nil // nobody knows when
	}
	return m, err
}

// maxPage bounds a page of messages.
const maxPage = 1000

// ListMessages lists messages in the order of their ids, from behind the filter's
// cursor.
func (s *Store) ListMessages(ctx context.Context, f messages.MessageFilter) ([]messages.Message, error) {
	if f.State != nil && *f.State == messages.Unknown {
		// Every message would be looked at to find none, which is the rule.
		doubts, err := s.InDoubt(ctx, messages.QueueFilter{AccountID: f.AccountID, ChannelID: f.ChannelID, CampaignID: f.CampaignID})
		if err != nil || len(doubts) == 0 {
			return nil, err
		}
	}
	query := listMessages(f)
	list, err := sqldb.Query(ctx, s.reader(), scanMessage, query.sql, query.args...)
	if err == nil {
		err = s.reader().complete(ctx, list)
	}
	return list, s.translate(err)
}

// complete writes into messages what does not stand in their rows.
func (tx conn) complete(ctx context.Context, list []messages.Message) error {
	if err := tx.nameVariants(ctx, list); err != nil {
		return err
	}
	return tx.fillMetadata(ctx, list)
}

// listMessages is the query of ListMessages.
func listMessages(f messages.MessageFilter) fragment {
	behind, order := "m.id > ?", "m.id"
	if f.Newest {
		behind, order = "m.id < ?", "m.id DESC"
		f.After = orNewest(f.After)
	}
	where := []string{behind, "m.channel_id IN (SELECT id FROM channels WHERE account_id = ?)"}
	args := []any{f.After, f.AccountID}
	add := func(condition string, arg any) {
		where, args = append(where, condition), append(args, arg)
	}
	if f.ChannelID != 0 {
		add("m.channel_id = ?", f.ChannelID)
	}
	for name, value := range f.Metadata {
		where = append(where, "m.id IN (SELECT message_id FROM message_metadata WHERE account_id = ? AND name = ? AND value = ?)")
		args = append(args, f.AccountID, name, value)
	}
	if f.SenderID != 0 {
		add("m.id IN (SELECT message_id FROM message_senders WHERE sender_id = ?)", f.SenderID)
	}
	switch {
	case f.RunID != 0:
		add("m.run_id > 0 AND m.run_id = ?", f.RunID)
	case f.CampaignID != 0:
		add("m.run_id > 0 AND m.run_id IN (SELECT id FROM runs WHERE campaign_id = ?)", f.CampaignID)
	case f.Transactional:
		where = append(where, "m.run_id = 0")
	}
	if f.ContactID != 0 {
		add("m.contact_id = ?", f.ContactID)
	}
	if f.Address != "" {
		add("m.address = ?", f.Address)
	}
	if f.State != nil {
		add("m.state = ?", int(*f.State))
	}
	if f.Reason != "" {
		add("m.reason = ?", f.Reason)
	}
	limit := f.Limit
	if limit <= 0 || limit > maxPage {
		limit = maxPage
	}
	return fragment{selectMessage + " WHERE " + strings.Join(where, " AND ") + " ORDER BY " + order + " LIMIT ?", append(args, limit)}
}

// GetMessage is one message of an account.
func (s *Store) GetMessage(ctx context.Context, accountID, id int64) (messages.Message, error) {
	m, err := scanMessage(s.reader().Row(ctx, selectMessage+" WHERE m.id = ? AND m.channel_id IN (SELECT id FROM channels WHERE account_id = ?)",
		id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return m, fault.New(fault.NotFound, "there is no message %d", id)
	}
	if err == nil {
		list := []messages.Message{m}
		err = s.reader().complete(ctx, list)
		m = list[0]
	}
	return m, s.translate(err)
}

// SentBy reports whether a sender sent a message.
func (s *Store) SentBy(ctx context.Context, senderID, id int64) (sent bool, err error) {
	err = s.reader().Row(ctx, "SELECT EXISTS (SELECT 1 FROM message_senders WHERE message_id = ? AND sender_id = ?)", id, senderID).Scan(&sent)
	return sent, s.translate(err)
}

// CreateMessage writes a transactional message down; from the commit on it will
// be sent.
func (s *Store) CreateMessage(ctx context.Context, o messages.Outgoing) (m messages.Message, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		m, err = tx.createMessage(ctx, o)
		return err
	})
	return m, err
}

func (tx conn) createMessage(ctx context.Context, o messages.Outgoing) (m messages.Message, err error) {
	var due any = int64(0)
	if !o.DueAt.IsZero() {
		due = sqldb.Millis(o.DueAt)
	}
	id, err := tx.Insert(ctx, `INSERT INTO messages (channel_id, run_id, contact_id, priority, state, due_at, created_at, address, language, template_id)
		SELECT id, 0, ?, 1, `+number(messages.Pending)+`, ?, ?, ?, CAST(? AS TEXT), NULLIF(CAST(? AS BIGINT), 0)
		FROM channels WHERE id = ? AND account_id = ? AND deleted_at IS NULL`,
		o.ContactID, due, sqldb.Millis(tx.s.clock.Now()), o.Address, nullText(o.Language), o.TemplateID, o.ChannelID, o.AccountID)
	if errors.Is(err, sql.ErrNoRows) {
		return m, fault.InvalidField("channel_id", o.ChannelID, "there is no such channel: GET /v1/channels lists them")
	}
	if err != nil {
		return m, err
	}
	if err := tx.suppressRecipientByHash(ctx, o); err != nil {
		return m, err
	}
	if err := tx.holdFiles(ctx, o.AccountID, "content.attachment.media_id", string(o.Content)); err != nil {
		return m, err
	}
	metadata := o.Metadata
	if len(metadata) == 0 {
		metadata = []byte("{}")
	}
	if _, err := tx.Exec(ctx, "INSERT INTO message_contents (message_id, content, metadata, trace) VALUES (?, ?, ?, ?)",
		id, string(o.Content), string(metadata), o.Trace); err != nil {
		return m, err
	}
	if len(o.Metadata) > 0 {
		if err := tx.describe(ctx, o.AccountID, id, o.Metadata); err != nil {
			return m, err
		}
	}
	if o.SeriesID != 0 {
		if err := tx.intoSeries(ctx, o, id); err != nil {
			return m, err
		}
	}
	if o.SenderID != 0 {
		if _, err := tx.Exec(ctx, "INSERT INTO message_senders (message_id, sender_id) VALUES (?, ?)", id, o.SenderID); err != nil {
			return m, err
		}
	}
	if o.Masked {
		if err := tx.mask(ctx, id); err != nil {
			return m, err
		}
	}
	if err := tx.answered(ctx, o.ReplyID, id); err != nil {
		return m, err
	}
	if o.Said != nil {
		if _, err := tx.addEntry(ctx, conversations.Entry{
			AccountID: o.AccountID, ConversationID: o.Said.ConversationID, MessageID: id, Direction: conversations.Outgoing, Kind: o.Said.Kind, Text: o.Said.Text,
			Attributes: o.Said.Attributes, Additional: o.Said.Additional, SourceID: o.Said.SourceID,
		}); err != nil {
			return m, err
		}
	}
	l := tx.ledger()
	l.counts.add(countKey{0, o.ChannelID}, messages.Pending, 1)
	if o.HeedOptOut {
		if _, err := l.skipWaiting(ctx, messages.ReasonOptedOut, fragment{`id = ? AND run_id = 0 AND EXISTS (SELECT 1 FROM suppressions s
			JOIN channels h ON h.account_id = s.account_id AND h.address_kind = s.kind WHERE h.id = ? AND s.address = ?
			AND (s.opted_out OR s.reason = '` + unsubscribed + `'))`, []any{id, o.ChannelID, o.Address}}, true); err != nil {
			return m, err
		}
	}
	if err := l.close(ctx, shardOperator); err != nil {
		return m, err
	}
	return scanMessage(tx.Row(ctx, selectMessage+" WHERE m.id = ?", id).Scan)
}

// ResendMessage gives a failed, rejected or doubtful message a new attempt. A finished run
// is opened again until it is settled.
func (s *Store) ResendMessage(ctx context.Context, accountID, id int64, actor string) (messages.Message, error) {
	const hint = "only a failed, rejected or unknown message can be sent again; what was sent is by POST /v1/messages/resend with even_if_sent"
	m, err := s.GetMessage(ctx, accountID, id)
	if err != nil {
		return m, err
	}
	err = s.inTx(ctx, func(tx conn) error {
		if m.RunID != 0 {
			if err := tx.lockForResend(ctx, m); err != nil {
				return err
			}
		}
		from, err := tx.holdMessage(ctx, id)
		if err != nil {
			return err
		}
		if m.RunID == 0 {
			if err := tx.hasContent(ctx, id); err != nil {
				return err
			}
		}
		if !slices.Contains([]messages.State{messages.Failed, messages.Rejected, messages.Unknown}, from) {
			return fault.New(fault.Conflict, "message %d is %s: %s", id, from, hint)
		}
		by := "by " + clean(actor)
		if err := tx.moveHeld(ctx, &m, from, change{
			move: moves.resend, args: []any{messages.ReasonResend, by}, tell: moves.resend.tells(s.clock.Now(), messages.ReasonResend, by),
		}); err != nil || m.RunID == 0 {
			return err
		}
		return tx.reopenRun(ctx, m.RunID)
	})
	return m, err
}

// CancelMessage cancels a message that has not been claimed.
func (s *Store) CancelMessage(ctx context.Context, accountID, id int64, actor string) (messages.Message, error) {
	m, err := s.GetMessage(ctx, accountID, id)
	if err != nil {
		return m, err
	}
	err = s.inTx(ctx, func(tx conn) error {
		from, err := tx.holdMessage(ctx, id)
		if err != nil {
			return err
		}
		if !slices.Contains(moves.cancelOne.from, from) {
			return fault.New(fault.Conflict, "message %d is %s: only a message that has not been claimed can be canceled", id, from)
		}
		return tx.moveHeld(ctx, &m, from, change{
			move: moves.cancelOne, args: []any{messages.ReasonCleared, "by " + clean(actor), sqldb.Millis(s.clock.Now())},
		})
	})
	return m, err
}

// holdMessage locks a message and says in which state it is.
func (tx conn) holdMessage(ctx context.Context, id int64) (state messages.State, err error) {
	err = tx.Row(ctx, "SELECT state FROM messages WHERE id = ?"+tx.d.ForUpdate, id).Scan(&state)
	return state, err
}

// moveHeld moves a message that the transaction holds out of a state, counts it and
// reads it again.
func (tx conn) moveHeld(ctx context.Context, m *messages.Message, from messages.State, c change) error {
	c.move = c.narrowed(from)
	l := tx.ledger()
	if err := l.swapHeld(ctx, c, []int64{m.ID}); err != nil {
		return err
	}
	l.count(countKey{m.RunID, m.ChannelID}, from, c.to, 1)
	if err := l.close(ctx, shardOperator); err != nil {
		return err
	}
	var err error
	*m, err = scanMessage(tx.Row(ctx, selectMessage+" WHERE m.id = ?", m.ID).Scan)
	return err
}

// lockForResend holds the message's campaign and run, so that the run is not
// finished meanwhile, and refuses a run that nothing is sent of any more.
func (tx conn) lockForResend(ctx context.Context, m messages.Message) error {
	status, err := tx.lockRun(ctx, m.CampaignID, m.RunID)
	if err != nil {
		return err
	}
	if status == campaigns.RunCanceled || status == campaigns.RunFailed {
		return fault.New(fault.Conflict, "message %d can't be sent again: its campaign %d is %s; "+
			"duplicate the campaign, or send the recipient a message of its own", m.ID, m.CampaignID, status)
	}
	return nil
}

// hasContent is Conflict for a single message whose content is not kept any more. The message is
// held, and its content therefore stays.
func (tx conn) hasContent(ctx context.Context, id int64) error {
	found, err := sqldb.IDs(ctx, tx, "SELECT message_id FROM message_contents WHERE message_id = ?", id)
	if err == nil && len(found) == 0 {
		err = fault.New(fault.Conflict, "message %d can't be sent again: its content is not kept any more (carillon retention show); "+
			"send the recipient a new one", id)
	}
	return err
}

// lockRun locks a campaign and its run, in the order in which everybody does.
func (tx conn) lockRun(ctx context.Context, campaignID, runID int64) (status campaigns.RunStatus, err error) {
	if err := tx.Row(ctx, "SELECT id FROM campaigns WHERE id = ?"+tx.d.ForUpdate, campaignID).Scan(&campaignID); err != nil {
		return "", err
	}
	return status, tx.Row(ctx, "SELECT status FROM runs WHERE id = ?"+tx.d.ForUpdate, runID).Scan(&status)
}

func (tx conn) reopenRun(ctx context.Context, runID int64) error {
	if _, err := tx.Exec(ctx, `UPDATE runs SET finished_at = NULL, status = CASE WHEN (SELECT status FROM campaigns k WHERE k.id = runs.campaign_id) = 'paused'
		THEN 'paused' ELSE 'sending' END WHERE id = ? AND status = 'finished'`, runID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "UPDATE campaigns SET status = 'running' WHERE id = (SELECT campaign_id FROM runs WHERE id = ?) "+
		"AND status IN ('finished', 'scheduled')", runID)
	return err
}

const runColumns = `r.id, r.account_id, r.campaign_id, r.channel_id, r.instant, r.status, r.reason, r.plan_done, r.cursor, r.planned, r.created_at,
	r.finished_at, r.kind, r.detail, r.version, r.starts_at, r.started_at, r.resend_of, r.swept_at,
	f.since, f.tries, f.error, f.next_try_at, f.kept_at, f.news, f.bytes,
	(SELECT COALESCE(e.look_at, 0) FROM experiments e WHERE e.run_id = r.id AND e.winner = 0),
	(SELECT COUNT(*) FROM conversions v WHERE v.run_id = r.id)`

const selectRun = "SELECT " + runColumns + " FROM runs r LEFT JOIN run_feeds f ON f.run_id = r.id"

func scanRun(scan sqldb.Scan) (campaigns.Run, error) {
	var r campaigns.Run
	var instant, created, finished, starts, started, swept, since, next, kept sqldb.Time
	var f struct{ tries, news, bytes sql.NullInt64 }
	var why sql.NullString
	var look sql.NullInt64
	err := scan(&r.ID, &r.AccountID, &r.CampaignID, &r.ChannelID, &instant, &r.Status, &r.Reason, &r.PlanDone, &r.Cursor, &r.Planned, &created, &finished,
		&r.Kind, &r.Detail, &r.Version, &starts, &started, &r.ResendOf, &swept,
		&since, &f.tries, &why, &next, &kept, &f.news, &f.bytes, &look, &r.Converted)
	r.Instant, r.CreatedAt, r.FinishedAt, r.StartsAt, r.StartedAt = instant.Time, created.Time, finished.Ptr(), starts.Ptr(), started.Ptr()
	r.SweptAt = swept.Ptr()
	if r.Undecided = look.Valid; look.Int64 > 0 {
		r.LookAt = time.UnixMilli(look.Int64).UTC()
	}
	if !since.IsZero() {
		r.Feed = &campaigns.RunFeed{
			Kept: !kept.IsZero(), Since: since.Time, KeptAt: kept.Ptr(), Tries: int(f.tries.Int64), Error: why.String, NextTry: next.Ptr(),
			News: int(f.news.Int64), Bytes: int(f.bytes.Int64),
		}
		if r.Status == campaigns.RunPlanning && !r.Feed.Kept && r.Reason == "" {
			r.Reason = campaigns.RunAwaitsFeed
			if r.Feed.Error != "" {
				r.Detail = "its data feed could not be read yet: " + r.Feed.Error
			}
		}
	}
	return r, err
}

// GetRun is one run with its counts.
func (s *Store) GetRun(ctx context.Context, accountID, runID int64) (campaigns.Run, error) {
	run, err := scanRun(s.reader().Row(ctx, selectRun+" WHERE r.id = ? AND r.account_id = ?", runID, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return run, fault.New(fault.NotFound, "there is no run %d", runID)
	}
	if err != nil {
		return run, s.translate(err)
	}
	if run.Counts, err = s.reader().runCounts(ctx, runID); err == nil {
		run.Engagement, err = s.reader().runEngagement(ctx, runID)
	}
	return run, s.translate(err)
}

// ListRuns lists runs, of one campaign unless campaignID is 0, newest first,
// those before the run that is the cursor (0: from the newest).
func (s *Store) ListRuns(ctx context.Context, accountID, campaignID, before int64, limit int) ([]campaigns.Run, error) {
	if before == 0 {
		before = pastEveryID
	}
	runs, err := sqldb.Query(ctx, s.reader(), scanRun,
		selectRun+" WHERE r.account_id = ? AND (? = 0 OR r.campaign_id = ?) AND r.id < ? ORDER BY r.id DESC LIMIT ?",
		accountID, campaignID, campaignID, before, limit)
	if err != nil {
		return nil, s.translate(err)
	}
	for i := range runs {
		if runs[i].Counts, err = s.reader().runCounts(ctx, runs[i].ID); err != nil {
			return nil, s.translate(err)
		}
		if runs[i].Engagement, err = s.reader().runEngagement(ctx, runs[i].ID); err != nil {
			return nil, s.translate(err)
		}
	}
	return runs, nil
}
