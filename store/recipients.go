package store

import (
	"context"
	"database/sql"
	"time"

	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
)

// recipientColumns are what templates need of the contact c, which may be missing.
const recipientColumns = `COALESCE(c.external_id, ''), COALESCE(c.name, ''), COALESCE(c.first_name, ''), COALESCE(c.last_name, ''),
	COALESCE(c.language, ''), COALESCE(c.timezone, ''), c.attributes, c.attribute_expiry`

// scanRecipient scans recipientColumns behind others.
func scanRecipient(scan sqldb.Scan, r *messages.Recipient, now time.Time, others ...any) (err error) {
	var attributes, expiry sql.RawBytes
	if err := scan(append(others, &r.ExternalID, &r.Name, &r.FirstName, &r.LastName, &r.Language, &r.Timezone, &attributes, &expiry)...); err != nil {
		return err
	}
	r.Attributes, err = current(attributes, expiry, now)
	return err
}

// recipients looks contacts up for rendering, with the CSV line of the newest of
// the uploads that they are in.
func (tx conn) recipients(ctx context.Context, ids []int64, kind providers.AddressKind, uploads []int64) (map[int64]messages.Recipient, error) {
	found, now := make(map[int64]messages.Recipient, len(ids)), tx.s.clock.Now()
	if len(ids) == 0 {
		return found, nil
	}
	list := tx.d.IDList(ids)
	err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var r messages.Recipient
		err := scanRecipient(scan, &r, now, &r.ContactID, &r.Address)
		found[r.ContactID] = r
		return err
	}, "SELECT c.id, COALESCE(a.address, ''), "+recipientColumns+` FROM contacts c LEFT JOIN addresses a ON a.contact_id = c.id AND a.kind = ?
		WHERE c.id `+tx.d.InIDs, string(kind), list)
	if err != nil || len(uploads) == 0 {
		return found, err
	}
	return found, tx.rowsOf(ctx, uploads, ids, func(id int64, row string) {
		r := found[id]
		r.Row = row
		found[id] = r
	})
}

// RecipientOf is a contact of an account as it is now, with the line of the newest of the
// uploads that it is in, but without an address; NotFound if it is gone.
func (s *Store) RecipientOf(ctx context.Context, accountID, contactID int64, uploads []int64) (messages.Recipient, error) {
	ids, err := s.ids(ctx, "SELECT id FROM contacts WHERE id = ? AND account_id = ? AND status <> 'deleted'", contactID, accountID)
	if err != nil {
		return messages.Recipient{}, err
	}
	found, err := s.reader().recipients(ctx, ids, "", uploads)
	if err == nil && len(found) == 0 {
		err = noContact(contactID)
	}
	return found[contactID], s.translate(err)
}

// rowsOf calls take with the line of each contact that is in the uploads; the
// newest upload's comes last.
func (tx conn) rowsOf(ctx context.Context, uploads, contacts []int64, take func(id int64, row string)) error {
	return sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var row string
		err := scan(&id, &row)
		if err == nil {
			take(id, row)
		}
		return err
	}, "SELECT contact_id, data FROM members WHERE list_id "+tx.d.InIDs+" AND contact_id "+tx.d.InIDs+" AND data IS NOT NULL ORDER BY list_id",
		tx.d.IDList(uploads), tx.d.IDList(contacts))
}

// LoadEnvelope is what is needed to render those of an envelope's messages that are
// still queued in it, in the order of their ids. Whoever is gone meanwhile is left
// out, and so is who has come to be outside of their hours, because an envelope may lie
// for long if nobody works: those go back when its task is gone. It locks nothing: whether a message may be sent is for its claim to find out.
func (s *Store) LoadEnvelope(ctx context.Context, request messages.EnvelopeRequest) ([]messages.QueuedMessage, error) {
	messages, err := s.reader().loadEnvelope(ctx, request)
	return messages, s.translate(err)
}

func (tx conn) loadEnvelope(ctx context.Context, request messages.EnvelopeRequest) ([]messages.QueuedMessage, error) {
	messages, err := tx.queuedMessages(ctx, request)
	if err != nil || len(messages) == 0 {
		return nil, err
	}
	if !request.HeardSince.IsZero() {
		if err := tx.heard(ctx, request.ChannelID, request.HeardSince, messages); err != nil {
			return nil, err
		}
	}
	if request.RunID == 0 {
		return messages, tx.ownContents(ctx, messages)
	}
	if messages, err = tx.stillInTime(ctx, request.RunID, messages); err != nil {
		return nil, err
	}
	if step, err := tx.isStep(ctx, request.RunID); err != nil {
		return nil, err
	} else if step {
		return messages, tx.answersOf(ctx, messages)
	}
	if len(request.Uploads) == 0 {
		return messages, nil
	}
	// A contact has one message of a run and step, and may have several steps.
	of, ids := make(map[int64][]int, len(messages)), make([]int64, 0, len(messages))
	for i, m := range messages {
		of[m.Recipient.ContactID] = append(of[m.Recipient.ContactID], i)
		ids = append(ids, m.Recipient.ContactID)
	}
	return messages, tx.rowsOf(ctx, request.Uploads, ids, func(id int64, row string) {
		for _, i := range of[id] {
			messages[i].Recipient.Row = row
		}
	})
}

// queuedMessages are the messages of an envelope with their contacts. A
// transactional message may have none. With the sums PostgreSQL looks the ids up
// and nothing else: for a run of which it has no statistics yet it would read the
// whole run's index beside them, for each envelope.
func (tx conn) queuedMessages(ctx context.Context, request messages.EnvelopeRequest) (fed []messages.QueuedMessage, err error) {
	fed, now := make([]messages.QueuedMessage, 0, len(request.MessageIDs)), tx.s.clock.Now()
	which := tx.d.among("m.id", request.MessageIDs)
	err = sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var m messages.QueuedMessage
		var queued sqldb.Time
		err := scanRecipient(scan, &m.Recipient, now, &m.ID, &m.Recipient.ContactID, &m.Recipient.Address, &m.Variant, &queued)
		m.QueuedAt = queued.Time
		fed = append(fed, m)
		return err
	}, "SELECT m.id, m.contact_id, m.address, m.variant, m.queued_at, "+recipientColumns+`
		FROM messages m LEFT JOIN contacts c ON c.id = m.contact_id
		WHERE `+which.sql+` AND m.state `+is(messages.Queued)+
		` AND m.envelope_id = ? AND m.channel_id + 0 = ? AND m.run_id + 0 = ? AND (m.contact_id = 0 OR c.id IS NOT NULL)
		ORDER BY m.id`, append(which.args, request.EnvelopeID, request.ChannelID, request.RunID)...)
	return fed, err
}

// ownContents adds the contents of transactional messages.
func (tx conn) ownContents(ctx context.Context, fed []messages.QueuedMessage) error {
	of, ids := make(map[int64]*messages.QueuedMessage, len(fed)), make([]int64, len(fed))
	for i := range fed {
		of[fed[i].ID], ids[i] = &fed[i], fed[i].ID
	}
	which := tx.d.among("message_id", ids)
	return sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var content, metadata []byte
		var trace string
		if err := scan(&id, &content, &metadata, &trace); err != nil {
			return err
		}
		of[id].Content, of[id].Metadata, of[id].Trace = content, metadata, trace
		return nil
	}, "SELECT message_id, content, metadata, trace FROM message_contents WHERE "+which.sql, which.args...)
}

// Traces are the traces in which single messages were made, by their ids; those that are not
// followed are left out.
func (s *Store) Traces(ctx context.Context, messageIDs []int64) (map[int64]string, error) {
	if len(messageIDs) == 0 {
		return nil, nil
	}
	which := s.d.among("message_id", messageIDs)
	found, err := sqldb.Map[int64, string](ctx, s.reader(), "SELECT message_id, trace FROM message_contents WHERE trace <> '' AND "+which.sql, which.args...)
	return found, s.translate(err)
}
