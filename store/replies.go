package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"carillon/contacts"
	"carillon/contacts/reply"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/webhooks"
)

// repliesAtOnce bounds what one transaction takes, which others who change contacts of
// the account wait for.
const repliesAtOnce = 100

// TakeReplies keeps replies of one account, finds whose they are and carries their meanings
// out, in their order. It returns how many were not known by the provider's id. Each is kept
// whole or not at all; of many the first may be kept when it fails.
func (s *Store) TakeReplies(ctx context.Context, list []contacts.Reply) (fresh int, err error) {
	for chunk := range slices.Chunk(list, repliesAtOnce) {
		var taken int
		err := s.inTx(ctx, func(tx conn) error {
			taken = 0
			if err := tx.lockAccount(ctx, chunk[0].AccountID); err != nil {
				return err
			}
			for _, r := range chunk {
				is, err := tx.takeReply(ctx, r)
				if err != nil {
					return err
				}
				if is {
					taken++
				}
			}
			return nil
		})
		if err != nil {
			return fresh, err
		}
		fresh += taken
	}
	return fresh, nil
}

func (tx conn) takeReply(ctx context.Context, r contacts.Reply) (fresh bool, err error) {
	now := tx.s.clock.Now()
	if r.At.IsZero() || r.At.After(now) {
		r.At = now // a provider's clock is not taken for a time in the future
	}
	r.Text = cleanText(r.Text)
	if r.ConversationID == 0 { // which is its contact's
		if r.ContactID, err = tx.holder(ctx, contacts.Suppression{AccountID: r.AccountID, Kind: r.Kind, Address: r.Address}); err != nil {
			return false, err
		}
	}
	parts := ""
	if r.Parts != (providers.ReplyParts{}) {
		parts = mustJSON(r.Parts)
	}
	r.ID, err = tx.Insert(ctx, `INSERT INTO replies (account_id, channel_id, contact_id, kind, address, provider_id, text, type, parts, meaning, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel_id, provider_id) WHERE provider_id <> '' DO NOTHING`,
		r.AccountID, r.ChannelID, r.ContactID, string(r.Kind), r.Address, clean(r.ProviderID), r.Text, string(r.Type), parts, string(r.Meaning), sqldb.Millis(r.At))
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := tx.hear(ctx, r); err != nil {
		return false, err
	}
	if r.ContactID != 0 {
		const later = "CASE WHEN COALESCE(%[1]s, 0) < ? THEN ? ELSE %[1]s END"
		if _, err := tx.Exec(ctx, "UPDATE contacts SET last_replied_at = "+fmt.Sprintf(later, "last_replied_at")+
			", last_activity_at = "+fmt.Sprintf(later, "last_activity_at")+" WHERE id = ?",
			sqldb.Millis(r.At), sqldb.Millis(r.At), sqldb.Millis(r.At), sqldb.Millis(r.At), r.ContactID); err != nil {
			return false, err
		}
	}
	// A word to opt out is no answer to anything.
	inFlow := false
	if r.Meaning != reply.OptOut && r.Meaning != reply.OptIn {
		if inFlow, err = tx.replyInFlow(ctx, r); err != nil {
			return false, err
		}
	}
	if !inFlow {
		if err := tx.pull(ctx, r); err != nil {
			return false, err
		}
	}
	if err := tx.converse(ctx, r); err != nil {
		return false, err
	}
	if err := tx.occur(ctx, happening{
		event: webhooks.MessageReceived, accountID: r.AccountID, channelID: r.ChannelID,
		data: webhooks.Reply{ID: r.ID, ContactID: r.ContactID, ChannelID: r.ChannelID, Meaning: string(r.Meaning), Type: string(r.Type)},
	}); err != nil {
		return false, err
	}
	return true, tx.heed(ctx, r, contacts.SourceReply, "recipient")
}

// heed does what a reply means.
func (tx conn) heed(ctx context.Context, r contacts.Reply, source, actor string) error {
	change := contacts.ConsentChange{
		AccountID: r.AccountID, Kind: r.Kind, Address: r.Address, Source: source, Actor: actor,
		Proof: fmt.Sprintf("reply %d: %s", r.ID, r.Text),
	}
	switch r.Meaning {
	case reply.OptOut:
		var err error
		if change.RunID, err = tx.repliedTo(ctx, r); err != nil {
			return err
		}
		done, err := tx.optOut(ctx, change)
		if err != nil || !done.Changed {
			return err // who has opted out before has been told before
		}
		return tx.confirm(ctx, r)
	case reply.OptIn:
		_, err := tx.optIn(ctx, change)
		return err
	default:
		return nil
	}
}

// answeredFor is how old a campaign's message is at most that a word to opt out is taken to
// answer.
const answeredFor = 7 * 24 * time.Hour

// repliedTo is the run of the campaign's message that was sent last to who replies, through
// the channel that the reply came by; 0 for none of late. A word to stop names no message.
func (tx conn) repliedTo(ctx context.Context, r contacts.Reply) (runID int64, err error) {
	if r.ContactID == 0 {
		return 0, nil
	}
	err = tx.Row(ctx, "SELECT run_id FROM messages WHERE contact_id = ? AND sent_at BETWEEN ? AND ? AND channel_id = ? AND run_id > 0 "+
		"ORDER BY sent_at DESC LIMIT 1", r.ContactID, sqldb.Millis(r.At.Add(-answeredFor)), sqldb.Millis(r.At), r.ChannelID).Scan(&runID)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return runID, err
}

// confirm tells who opted out that it was done, in their language.
func (tx conn) confirm(ctx context.Context, r contacts.Reply) error {
	var silent bool
	if err := tx.Row(ctx, "SELECT silent_opt_out FROM channels WHERE id = ?", r.ChannelID).Scan(&silent); err != nil || silent {
		return err
	}
	var language string
	if err := tx.Row(ctx, "SELECT language FROM contacts WHERE id = ?", r.ContactID).Scan(&language); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if language == "" {
		language = reply.LanguageOf(r.Text)
	}
	subject, text := reply.Confirmation(language)
	content := providers.Content{Text: text}
	if r.Kind == providers.Email {
		content.Subject = subject
	}
	_, err := tx.createMessage(ctx, messages.Outgoing{
		AccountID: r.AccountID, ChannelID: r.ChannelID, ContactID: r.ContactID, Address: r.Address, Content: []byte(mustJSON(content)),
	})
	return err
}

const selectReply = `SELECT id, account_id, channel_id, contact_id, kind, address, provider_id, text, type, parts, meaning, reviewed_at, at FROM replies`

func scanReply(scan sqldb.Scan) (contacts.Reply, error) {
	var r contacts.Reply
	var parts string
	var reviewed, at sqldb.Time
	err := scan(&r.ID, &r.AccountID, &r.ChannelID, &r.ContactID, &r.Kind, &r.Address, &r.ProviderID, &r.Text, &r.Type, &parts, &r.Meaning, &reviewed, &at)
	r.ReviewedAt, r.At = reviewed.Ptr(), at.Time
	if err != nil {
		return r, err
	}
	r.Parts, err = replyParts(parts)
	return r, err
}

// replyParts reads what a reply has beside words; nothing was kept of those without.
func replyParts(kept string) (p providers.ReplyParts, err error) {
	if kept == "" {
		return p, nil
	}
	if err := json.Unmarshal([]byte(kept), &p); err != nil {
		return p, fmt.Errorf("read parts of reply: %w", err)
	}
	return p, nil
}

// ListReplies lists replies, newest first.
func (s *Store) ListReplies(ctx context.Context, f contacts.ReplyFilter) ([]contacts.Reply, error) {
	where, args := []string{"account_id = ?", "id < ?"}, []any{f.AccountID, orNewest(f.Before)}
	if f.Review {
		where = append(where, "meaning = 'near' AND reviewed_at IS NULL")
	}
	if f.Meaning != "" {
		where, args = append(where, "meaning = ?"), append(args, string(f.Meaning))
	}
	if f.ContactID != 0 {
		where, args = append(where, "contact_id > 0 AND contact_id = ?"), append(args, f.ContactID)
	}
	if f.ChannelID != 0 {
		where, args = append(where, "channel_id = ?"), append(args, f.ChannelID)
	}
	list, err := sqldb.Query(ctx, s.reader(), scanReply, selectReply+" WHERE "+strings.Join(where, " AND ")+" ORDER BY id DESC LIMIT ?", append(args, f.Limit)...)
	return list, s.translate(err)
}

// GetReply is one reply.
func (s *Store) GetReply(ctx context.Context, accountID, id int64) (contacts.Reply, error) {
	r, err := scanReply(s.reader().Row(ctx, selectReply+" WHERE id = ? AND account_id = ?", id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return r, fault.New(fault.NotFound, "there is no reply %d", id)
	}
	return r, s.translate(err)
}

// ReviewReply gives a reply that waits for it the meaning that a person read in
// it, and carries that out.
func (s *Store) ReviewReply(ctx context.Context, accountID, id int64, meaning reply.Meaning, actor string) (r contacts.Reply, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		r, err = scanReply(tx.Row(ctx, selectReply+" WHERE id = ? AND account_id = ?"+tx.d.ForUpdate, id, accountID).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.NotFound, "there is no reply %d", id)
		}
		if err != nil {
			return err
		}
		if r.Meaning != reply.Near || r.ReviewedAt != nil {
			return fault.New(fault.Conflict, "reply %d does not wait to be read: it means %s", id, r.Meaning)
		}
		now := sqldb.Rounded(s.clock.Now())
		r.Meaning, r.ReviewedAt = meaning, &now
		if _, err := tx.Exec(ctx, "UPDATE replies SET meaning = ?, reviewed_at = ? WHERE id = ?", string(meaning), sqldb.Millis(now), id); err != nil {
			return err
		}
		if r.Address == "" {
			return nil // erased meanwhile
		}
		return tx.heed(ctx, r, contacts.SourceReview, actor)
	})
	return r, err
}
