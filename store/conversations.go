package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"carillon/contacts"
	"carillon/conversations"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/webhooks"
)

// The things of which an account's have running numbers.
const (
	numberOfCampaign     = "campaign"
	numberOfConversation = "conversation"
)

// nextNumber is the next running number of an account's things of a kind. None comes again.
func (tx conn) nextNumber(ctx context.Context, accountID int64, kind string) (n int64, err error) {
	err = tx.Row(ctx, `INSERT INTO account_numbers (account_id, kind, last) VALUES (?, ?, 1)
		ON CONFLICT (account_id, kind) DO UPDATE SET last = account_numbers.last + 1 RETURNING last`, accountID, kind).Scan(&n)
	return n, err
}

const selectConversation = `SELECT v.id, v.account_id, v.number, v.channel_id, v.contact_id, v.uuid, v.source_id, v.status, v.labels, v.custom, v.additional,
	v.created_at, v.updated_at, v.last_activity_at, v.resolved_at FROM conversations v`

func scanConversation(scan sqldb.Scan) (conversations.Conversation, error) {
	var c conversations.Conversation
	var labels, custom, additional []byte
	var created, updated, active, resolved sqldb.Time
	err := scan(&c.ID, &c.AccountID, &c.Number, &c.ChannelID, &c.ContactID, &c.UUID, &c.SourceID, &c.Status, &labels, &custom, &additional,
		&created, &updated, &active, &resolved)
	if err != nil {
		return c, err
	}
	c.Custom, c.Additional = custom, additional
	c.CreatedAt, c.UpdatedAt, c.LastActivityAt, c.ResolvedAt = created.Time, updated.Time, active.Time, resolved.Ptr()
	if err := json.Unmarshal(labels, &c.Labels); err != nil {
		return c, fmt.Errorf("read labels of conversation %d: %w", c.ID, err)
	}
	return c, nil
}

func noConversation(number int64) error {
	return fault.New(fault.NotFound, "there is no conversation %d", number)
}

// CreateConversation opens a conversation.
func (s *Store) CreateConversation(ctx context.Context, c conversations.Conversation) (made conversations.Conversation, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		made, err = tx.createConversation(ctx, c)
		return err
	})
	return made, err
}

func (tx conn) createConversation(ctx context.Context, c conversations.Conversation) (conversations.Conversation, error) {
	var known int
	if err := tx.Row(ctx, `SELECT (SELECT COUNT(*) FROM channels WHERE id = ? AND account_id = ? AND deleted_at IS NULL)
		+ (SELECT COUNT(*) FROM contacts WHERE id = ? AND account_id = ? AND status <> 'deleted')`,
		c.ChannelID, c.AccountID, c.ContactID, c.AccountID).Scan(&known); err != nil {
		return c, err
	}
	if known != 2 {
		return c, fault.New(fault.NotFound, "there is no channel %d, or no contact %d", c.ChannelID, c.ContactID)
	}
	number, err := tx.nextNumber(ctx, c.AccountID, numberOfConversation)
	if err != nil {
		return c, err
	}
	now := sqldb.Millis(tx.s.clock.Now())
	id, err := tx.Insert(ctx, `INSERT INTO conversations (account_id, number, channel_id, contact_id, uuid, source_id, status, labels, custom, additional,
		created_at, updated_at, last_activity_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.AccountID, number, c.ChannelID, c.ContactID, c.UUID, clean(c.SourceID), string(c.Status), labelsJSON(c.Labels), string(c.Custom), string(c.Additional),
		now, now, now)
	if err != nil {
		return c, err
	}
	if c, err = scanConversation(tx.Row(ctx, selectConversation+" WHERE v.id = ?", id).Scan); err != nil {
		return c, err
	}
	return c, tx.tellOfConversation(ctx, webhooks.ConversationCreated, c, webhooks.Conversation{})
}

func labelsJSON(labels []string) string {
	if len(labels) == 0 {
		return "[]"
	}
	return mustJSON(labels)
}

// tellOfConversation has something told that happened to a conversation.
func (tx conn) tellOfConversation(ctx context.Context, event webhooks.Event, c conversations.Conversation, more webhooks.Conversation) error {
	more.ID, more.Number, more.ContactID, more.ChannelID, more.Status = c.ID, c.Number, c.ContactID, c.ChannelID, string(c.Status)
	return tx.occur(ctx, happening{event: event, accountID: c.AccountID, channelID: c.ChannelID, data: more})
}

// GetConversation is the one of a number.
func (s *Store) GetConversation(ctx context.Context, accountID, number int64) (conversations.Conversation, error) {
	c, err := s.reader().conversation(ctx, accountID, number, "")
	return c, s.translate(err)
}

func (tx conn) conversation(ctx context.Context, accountID, number int64, lock string) (conversations.Conversation, error) {
	c, err := scanConversation(tx.Row(ctx, selectConversation+" WHERE v.account_id = ? AND v.number = ?"+lock, accountID, number).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return c, noConversation(number)
	}
	return c, err
}

// ConversationOf is the one of an id.
func (s *Store) ConversationOf(ctx context.Context, accountID, id int64) (conversations.Conversation, error) {
	c, err := scanConversation(s.reader().Row(ctx, selectConversation+" WHERE v.id = ? AND v.account_id = ?", id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return c, noConversation(id)
	}
	return c, s.translate(err)
}

// ListConversations lists conversations, those of late first.
func (s *Store) ListConversations(ctx context.Context, f conversations.Filter) (list []conversations.Conversation, total int64, err error) {
	where, args := []string{"v.account_id = ?"}, []any{f.AccountID}
	add := func(condition string, more ...any) { where, args = append(where, condition), append(args, more...) }
	if f.ContactID != 0 {
		add("v.contact_id = ?", f.ContactID)
	}
	if f.ChannelID != 0 {
		add("v.channel_id = ?", f.ChannelID)
	}
	if f.Status != "" {
		add("v.status = ?", string(f.Status))
	}
	if len(f.Labels) > 0 {
		var one []string
		for _, label := range f.Labels {
			one, args = append(one, `v.labels LIKE ? ESCAPE '\'`), append(args, "%"+escapeLike(mustJSON(label))+"%")
		}
		where = append(where, "("+strings.Join(one, " OR ")+")")
	}
	if f.Text != "" {
		add(`(EXISTS (SELECT 1 FROM conversation_entries e WHERE e.conversation_id = v.id AND LOWER(e.text) LIKE ? ESCAPE '\')
			OR EXISTS (SELECT 1 FROM contacts c WHERE c.id = v.contact_id AND c.folded ->> 'name' LIKE ? ESCAPE '\'))`,
			holding(strings.ToLower(f.Text)), holding(nameText(f.Text)))
	}
	if f.Behind.ID != 0 {
		add("(v.last_activity_at, v.id) < (?, ?)", sqldb.Millis(f.Behind.At), f.Behind.ID)
	}
	condition := " WHERE " + strings.Join(where, " AND ")
	if !f.Uncounted {
		if err := s.reader().Row(ctx, "SELECT COUNT(*) FROM conversations v"+condition, args...).Scan(&total); err != nil {
			return nil, 0, s.translate(err)
		}
	}
	list, err = sqldb.Query(ctx, s.reader(), scanConversation, selectConversation+condition+" ORDER BY v.last_activity_at DESC, v.id DESC LIMIT ? OFFSET ?",
		append(args, f.Limit, f.Offset)...)
	return list, total, s.translate(err)
}

// escapeLike is a text as LIKE … ESCAPE '\' finds it.
func escapeLike(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
}

// UpdateConversation changes a conversation.
func (s *Store) UpdateConversation(
	ctx context.Context, accountID, number int64, change func(*conversations.Conversation) error,
) (updated conversations.Conversation, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		c, err := tx.conversation(ctx, accountID, number, tx.d.ForUpdate)
		if err != nil {
			return err
		}
		before := c
		if err := change(&c); err != nil {
			return err
		}
		updated, err = tx.writeConversation(ctx, before, c)
		return err
	})
	return updated, err
}

// writeConversation keeps what was changed, and has it told.
func (tx conn) writeConversation(ctx context.Context, before, c conversations.Conversation) (conversations.Conversation, error) {
	now := tx.s.clock.Now()
	if c.Status != before.Status {
		c.ResolvedAt = nil
		if c.Status == conversations.Resolved {
			c.ResolvedAt = &now
		}
	}
	if _, err := tx.Exec(ctx, "UPDATE conversations SET status = ?, labels = ?, custom = ?, additional = ?, updated_at = ?, resolved_at = ? WHERE id = ?",
		string(c.Status), labelsJSON(c.Labels), string(c.Custom), string(c.Additional), sqldb.Millis(now), sqldb.MillisPtr(c.ResolvedAt), c.ID); err != nil {
		return c, err
	}
	updated, err := scanConversation(tx.Row(ctx, selectConversation+" WHERE v.id = ?", c.ID).Scan)
	if err != nil {
		return updated, err
	}
	if c.Status != before.Status {
		if err := tx.tellOfConversation(ctx, webhooks.ConversationStatus, updated, webhooks.Conversation{Before: string(before.Status)}); err != nil {
			return updated, err
		}
	}
	if !slices.Equal(c.Labels, before.Labels) || string(c.Custom) != string(before.Custom) || string(c.Additional) != string(before.Additional) {
		return updated, tx.tellOfConversation(ctx, webhooks.ConversationUpdated, updated, webhooks.Conversation{})
	}
	return updated, nil
}

// selectEntry reads what scanEntry takes: what was written stands with the message or the
// reply, and is gone when that is.
const selectEntry = `SELECT e.id, e.account_id, e.conversation_id, e.message_id, e.reply_id, e.direction, e.private, e.kind, e.text, e.attributes, e.additional,
	e.source_id, e.created_at, e.updated_at, e.deleted_at, COALESCE(m.state, -1), COALESCE(m.reason, ''), COALESCE(t.content, ''), COALESCE(r.text, '')
	FROM conversation_entries e LEFT JOIN messages m ON m.id = e.message_id AND e.message_id > 0
	LEFT JOIN message_contents t ON t.message_id = e.message_id AND e.message_id > 0 LEFT JOIN replies r ON r.id = e.reply_id AND e.reply_id > 0`

func scanEntry(scan sqldb.Scan) (conversations.Entry, error) {
	var e conversations.Entry
	var attributes, additional []byte
	var created, updated, deleted sqldb.Time
	var state int
	var sent, heard string
	err := scan(&e.ID, &e.AccountID, &e.ConversationID, &e.MessageID, &e.ReplyID, &e.Direction, &e.Private, &e.Kind, &e.Text, &attributes, &additional,
		&e.SourceID, &created, &updated, &deleted, &state, &e.Reason, &sent, &heard)
	if err != nil {
		return e, err
	}
	e.Attributes, e.Additional = attributes, additional
	e.CreatedAt, e.UpdatedAt, e.DeletedAt = created.Time, updated.Time, deleted.Ptr()
	e.State = messages.Delivered
	if state >= 0 {
		e.State = messages.State(state)
	}
	if e.DeletedAt != nil {
		return e, nil
	}
	if sent != "" {
		var content providers.Content
		if err := json.Unmarshal([]byte(sent), &content); err != nil {
			return e, fmt.Errorf("read content of message %d: %w", e.MessageID, err)
		}
		e.Attachment = content.Attachment
		e.Text = cmp.Or(e.Text, content.Text)
	}
	e.Text = cmp.Or(e.Text, heard)
	return e, nil
}

// addEntry keeps an entry, has its conversation be of late, and has it told.
func (tx conn) addEntry(ctx context.Context, e conversations.Entry) (id int64, err error) {
	c, err := scanConversation(tx.Row(ctx, selectConversation+" WHERE v.id = ? AND v.account_id = ?"+tx.d.ForUpdate, e.ConversationID, e.AccountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, noConversation(e.ConversationID)
	}
	if err != nil {
		return 0, err
	}
	now := sqldb.Millis(tx.s.clock.Now())
	id, err = tx.Insert(ctx, `INSERT INTO conversation_entries (account_id, conversation_id, message_id, reply_id, direction, private, kind, text, attributes,
		additional, source_id, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.AccountID, e.ConversationID, e.MessageID, e.ReplyID, string(e.Direction), e.Private, e.Kind, e.Text, objectJSON(e.Attributes), objectJSON(e.Additional),
		clean(e.SourceID), now, now)
	if err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, "UPDATE conversations SET last_activity_at = ? WHERE id = ?", now, c.ID); err != nil {
		return 0, err
	}
	return id, tx.tellOfConversation(ctx, webhooks.ConversationEntry, c, webhooks.Conversation{EntryID: id, MessageID: e.MessageID})
}

func objectJSON(text json.RawMessage) string {
	if len(text) == 0 {
		return "{}"
	}
	return string(text)
}

// AddNote keeps a private note.
func (s *Store) AddNote(ctx context.Context, e conversations.Entry) (made conversations.Entry, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		id, err := tx.addEntry(ctx, e)
		if err == nil {
			made, err = scanEntry(tx.Row(ctx, selectEntry+" WHERE e.id = ?", id).Scan)
		}
		return err
	})
	return made, err
}

// ReceiveEntry takes a reply into its conversation.
func (s *Store) ReceiveEntry(ctx context.Context, r contacts.Reply, e conversations.Entry) (made conversations.Entry, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, r.AccountID); err != nil {
			return err
		}
		fresh, err := tx.takeReply(ctx, r)
		if err != nil {
			return err
		}
		if !fresh {
			return fault.New(fault.Conflict, "a message with the source_id %s came before", r.ProviderID)
		}
		// Whoever takes another of the account's waits for this one.
		made, err = scanEntry(tx.Row(ctx, selectEntry+" WHERE e.conversation_id = ? AND e.reply_id > 0 ORDER BY e.id DESC LIMIT 1", r.ConversationID).Scan)
		if err != nil {
			return err
		}
		made.Kind, made.Attributes = e.Kind, e.Attributes
		_, err = tx.Exec(ctx, "UPDATE conversation_entries SET kind = ?, attributes = ?, source_id = ? WHERE id = ?",
			e.Kind, objectJSON(e.Attributes), clean(e.SourceID), made.ID)
		made.SourceID = e.SourceID
		return err
	})
	return made, err
}

// converse has a reply stand in the contact's conversation: the one that it names, else the
// last open one on its channel, else a new one where somebody has conversations.
func (tx conn) converse(ctx context.Context, r contacts.Reply) error {
	if r.ContactID == 0 {
		return nil
	}
	if r.ConversationID == 0 {
		err := tx.Row(ctx, `SELECT id FROM conversations WHERE contact_id = ? AND channel_id = ? AND status <> 'resolved'
			ORDER BY last_activity_at DESC, id DESC LIMIT 1`,
			r.ContactID, r.ChannelID).Scan(&r.ConversationID)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	if r.ConversationID == 0 {
		converses, err := tx.converses(ctx, r.AccountID)
		if err != nil || !converses {
			return err
		}
		c, err := tx.createConversation(ctx, conversations.Conversation{
			AccountID: r.AccountID, ChannelID: r.ChannelID, ContactID: r.ContactID, UUID: conversations.NewUUID(), Status: conversations.Open,
			Custom: json.RawMessage("{}"), Additional: json.RawMessage("{}"),
		})
		if fault.Is(err, fault.NotFound) {
			return nil // of a contact or channel that is deleted
		}
		if err != nil {
			return err
		}
		r.ConversationID = c.ID
	}
	_, err := tx.addEntry(ctx, conversations.Entry{
		AccountID: r.AccountID, ConversationID: r.ConversationID, ReplyID: r.ID, Direction: conversations.Incoming, Kind: "text", SourceID: r.ProviderID,
	})
	return err
}

// converses says whether an account has conversations, or somebody wants to know of them:
// for others nothing is kept.
func (tx conn) converses(ctx context.Context, accountID int64) (does bool, err error) {
	err = tx.Row(ctx, "SELECT EXISTS (SELECT 1 FROM conversations WHERE account_id = ?)", accountID).Scan(&does)
	if err == nil && !does {
		does, err = tx.wanted(ctx, accountID, webhooks.ConversationCreated)
	}
	return does, err
}

// ListSaid lists entries, the oldest first unless the newest are to be.
func (s *Store) ListSaid(ctx context.Context, f conversations.Entries) ([]conversations.Entry, error) {
	query, args := selectEntry+" WHERE e.account_id = ? AND e.conversation_id = ?", []any{f.AccountID, f.ConversationID}
	order := " ORDER BY e.id DESC LIMIT ?"
	switch {
	case f.Before != 0:
		query, args = query+" AND e.id < ?", append(args, f.Before)
	case f.After != 0:
		query, args, order = query+" AND e.id > ?", append(args, f.After), " ORDER BY e.id LIMIT ?"
	}
	list, err := sqldb.Query(ctx, s.reader(), scanEntry, query+order, append(args, f.Limit)...)
	if ascending := f.After != 0 && f.Before == 0; ascending == f.NewestFirst {
		slices.Reverse(list)
	}
	return list, s.translate(err)
}

// GetEntry is one entry.
func (s *Store) GetEntry(ctx context.Context, accountID, id int64) (conversations.Entry, error) {
	return s.entry(ctx, "e.id = ?", id, accountID)
}

// EntryOfMessage is the entry that went out as a message.
func (s *Store) EntryOfMessage(ctx context.Context, accountID, messageID int64) (conversations.Entry, error) {
	return s.entry(ctx, "e.message_id > 0 AND e.message_id = ?", messageID, accountID)
}

func (s *Store) entry(ctx context.Context, where string, id, accountID int64) (conversations.Entry, error) {
	e, err := scanEntry(s.reader().Row(ctx, selectEntry+" WHERE "+where+" AND e.account_id = ?", id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return e, fault.New(fault.NotFound, "nothing was said under %d in a conversation", id)
	}
	return e, s.translate(err)
}

// HideEntry hides an entry; what was sent was sent.
func (s *Store) HideEntry(ctx context.Context, accountID, id int64) (hidden conversations.Entry, err error) {
	e, err := s.GetEntry(ctx, accountID, id)
	if err != nil {
		return e, err
	}
	err = s.inTx(ctx, func(tx conn) error {
		now := sqldb.Millis(s.clock.Now())
		n, err := tx.Exec(ctx, "UPDATE conversation_entries SET text = '', attributes = '{}', deleted_at = ?, updated_at = ? WHERE id = ? AND deleted_at IS NULL",
			now, now, id)
		if err != nil {
			return err
		}
		if hidden, err = scanEntry(tx.Row(ctx, selectEntry+" WHERE e.id = ?", id).Scan); err != nil || n == 0 {
			return err
		}
		c, err := scanConversation(tx.Row(ctx, selectConversation+" WHERE v.id = ?", e.ConversationID).Scan)
		if err != nil {
			return err
		}
		return tx.tellOfConversation(ctx, webhooks.ConversationHidden, c, webhooks.Conversation{EntryID: id, MessageID: e.MessageID})
	})
	return hidden, err
}

// CountConversations counts by the times at which things happened.
func (s *Store) CountConversations(ctx context.Context, q conversations.Count) ([]int64, error) {
	counts := make([]int64, len(q.Times)-1)
	at, from := "v.created_at", "conversations v"
	switch q.What {
	case conversations.CountOpened:
	case conversations.CountResolved:
		at = "v.resolved_at"
	default:
		at, from = "e.created_at", "conversation_entries e JOIN conversations v ON v.id = e.conversation_id AND NOT e.private AND e.direction = ?"
	}
	var args []any
	if q.What == conversations.CountIncoming || q.What == conversations.CountOutgoing {
		args = append(args, string(q.What))
	}
	query := "SELECT " + at + " FROM " + from + " WHERE " + at + " >= ? AND " + at + " < ? AND v.account_id = ?"
	args = append(args, sqldb.Millis(q.Times[0]), sqldb.Millis(q.Times[len(q.Times)-1]), q.AccountID)
	if q.ChannelID != 0 {
		query, args = query+" AND v.channel_id = ?", append(args, q.ChannelID)
	}
	if q.Label != "" {
		query, args = query+` AND v.labels LIKE ? ESCAPE '\'`, append(args, "%"+escapeLike(mustJSON(q.Label))+"%")
	}
	err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var at sqldb.Time
		if err := scan(&at); err != nil {
			return err
		}
		counts[sort.Search(len(counts)-1, func(i int) bool { return q.Times[i+1].After(at.Time) })]++
		return nil
	}, query, args...)
	return counts, s.translate(err)
}
