package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"

	"carillon/contacts"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/statistics"
	"carillon/store/sqldb"
	"carillon/webhooks"
)

// errRehearsed ends a transaction that was only to say what it would do.
var errRehearsed = errors.New("this was a rehearsal")

// EraseContact removes everything that names a person: the contact, its
// addresses and memberships, and what messages, receipts, consents, replies,
// refused lines, audit entries and kept answers say of it. Rows that statistics
// count stay, without the person. Of addresses that may not be written to a hash
// stays. It is a Conflict while a message to the person is being sent or a file
// is being imported.
func (s *Store) EraseContact(ctx context.Context, accountID, id int64, dryRun bool) (done contacts.Erasure, err error) {
	// Transactional messages have no index by contact: they are looked for before
	// anything is locked, and once more only behind them.
	found, last, err := s.reader().transactionalOf(ctx, accountID, id, 0)
	if err != nil {
		return done, err
	}
	err = s.inTx(ctx, func(tx conn) error {
		e := erasing{s: s, conn: tx, accountID: accountID, messages: slices.Clone(found)}
		e.done = contacts.Erasure{ContactID: id, Rows: map[string]int64{}}
		if err := e.run(ctx, id, last); err != nil {
			return err
		}
		done = e.done
		if dryRun {
			return errRehearsed
		}
		return nil
	})
	if errors.Is(err, errRehearsed) {
		return done, nil
	}
	if err == nil {
		// The person is erased; what is left is the log.
		if shredErr := s.shred(context.WithoutCancel(ctx)); shredErr != nil {
			s.log.WarnContext(ctx, "the log may still hold what was erased; it is emptied later", "error", shredErr)
		}
	}
	return done, err
}

// transactionalOf are the transactional messages to a contact or to an address
// that it holds, behind the id after, and the last id that there is.
func (tx conn) transactionalOf(ctx context.Context, accountID, contactID, after int64) (ids []int64, last int64, err error) {
	if err := tx.Row(ctx, "SELECT COALESCE(MAX(id), 0) FROM messages").Scan(&last); err != nil {
		return nil, 0, tx.s.translate(err)
	}
	ids, err = sqldb.IDs(ctx, tx, `SELECT m.id FROM messages m JOIN channels h ON h.id = m.channel_id
		WHERE m.run_id = 0 AND m.id > ? AND h.account_id = ? AND (m.contact_id = ? OR EXISTS
			(SELECT 1 FROM addresses a WHERE a.contact_id = ? AND a.kind = h.address_kind AND a.address = m.address))`,
		after, accountID, contactID, contactID)
	return ids, last, tx.s.translate(err)
}

// erasing is one erasure in its transaction.
type erasing struct {
	conn
	s         *Store
	accountID int64
	contact   contacts.Contact
	messages  []int64
	done      contacts.Erasure
}

func (e *erasing) run(ctx context.Context, id, last int64) (err error) {
	if err := e.lockAccount(ctx, e.accountID); err != nil {
		return err
	}
	if err := e.conn.lockChannels(ctx, e.accountID, 0); err != nil {
		return err
	}
	// Who writes of somebody holds the contact (holdContacts): it comes before what is
	// erased, or finds nobody.
	if _, err := sqldb.IDs(ctx, e.conn, "SELECT id FROM contacts WHERE id = ?"+e.d.ForUpdate, id); err != nil {
		return err
	}
	// A move of the person's that is under way ends first: what it makes is found.
	if _, err := sqldb.IDs(ctx, e.conn, sessionsOf+" ORDER BY id"+e.d.ForUpdate, id); err != nil {
		return err
	}
	if e.contact, err = e.readContact(ctx, e.accountID, id); err != nil {
		return err
	}
	var open int64
	if err := e.Row(ctx, "SELECT COALESCE(MAX(id), 0) FROM uploads WHERE account_id = ? AND state IN ('receiving', 'queued', 'running')",
		e.accountID).Scan(&open); err != nil {
		return err
	}
	if open != 0 {
		return fault.New(fault.Conflict, "upload %d is being taken in, and may name contact %d: wait until it is finished and try again", open, id)
	}
	for _, step := range []func(context.Context) error{e.findMessages(last), e.keepHashes, e.eraseMessages, e.eraseWords, e.eraseFlows, e.eraseTraces,
		e.eraseContact} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return e.occur(ctx, happening{event: webhooks.ContactErased, accountID: e.accountID, data: webhooks.Contact{ID: id}})
}

// sessionsOf are the ids of a contact's sessions.
const sessionsOf = "SELECT id FROM flow_sessions WHERE contact_id = ?"

// findMessages finds the person's messages and skips those that wait.
func (e *erasing) findMessages(last int64) func(context.Context) error {
	return func(ctx context.Context) error {
		later, _, err := e.conn.transactionalOf(ctx, e.accountID, e.contact.ID, last)
		if err != nil {
			return err
		}
		bulk, err := sqldb.IDs(ctx, e, "SELECT id FROM messages WHERE run_id > 0 AND run_id IN (SELECT id FROM runs WHERE account_id = ?) AND contact_id = ?",
			e.accountID, e.contact.ID)
		if err != nil {
			return err
		}
		e.messages = slices.Concat(e.messages, later, bulk)
		l := e.ledger()
		list := e.d.IDList(e.messages)
		if e.done.Skipped, err = l.skipWaiting(ctx, messages.ReasonDeleted, fragment{"id " + e.d.InIDs, []any{list}}, true); err != nil {
			return err
		}
		if err := l.close(ctx, shardOperator); err != nil {
			return err
		}
		var sending int64
		if err := e.Row(ctx, "SELECT COALESCE(MAX(id), 0) FROM messages WHERE state "+is(messages.Pending, messages.Queued, messages.Sending)+" AND id "+
			e.d.InIDs, list).Scan(&sending); err != nil {
			return err
		}
		if sending != 0 {
			return fault.New(fault.Conflict, "message %d to contact %d is being sent just now: try again in a moment; if it stays so, its worker died and the message "+
				"is settled within a minute", sending, e.contact.ID)
		}
		return nil
	}
}

// change runs a statement and counts its rows for a table.
func (e *erasing) change(ctx context.Context, table, query string, args ...any) error {
	n, err := e.Exec(ctx, query, args...)
	e.done.Rows[table] += n
	return err
}

// changeAudit empties details in the audit trail.
func (e *erasing) changeAudit(ctx context.Context, where string, args ...any) error {
	n, err := e.eraseDetails(ctx, where, args...)
	e.done.Rows["audit"] += n
	return err
}

// keepHashes leaves hashes of the addresses that may not be written to: the
// suppressed ones, and all of them if the person ever said that they do not want
// something, and has not taken that back.
func (e *erasing) keepHashes(ctx context.Context) error {
	held := make([]contacts.Suppression, 0, len(e.contact.Addresses))
	for kind, address := range e.contact.Addresses {
		held = append(held, contacts.Suppression{AccountID: e.accountID, Kind: kind, Address: address})
	}
	standing, err := e.suppressionsOf(ctx, e.accountID, held)
	if err != nil {
		return err
	}
	type scope struct {
		category int64
		kind     providers.AddressKind
	}
	words := map[scope]contacts.ConsentAction{}
	if err := sqldb.Each(ctx, e, func(scan sqldb.Scan) error {
		c, err := scanConsent(scan)
		if c.Source != contacts.SourceBounce && c.Source != contacts.SourceComplaint {
			words[scope{c.CategoryID, c.Kind}] = c.Action
		}
		return err
	}, selectConsent+" WHERE account_id = ? AND contact_id = ? ORDER BY id", e.accountID, e.contact.ID); err != nil {
		return err
	}
	out := false
	for _, action := range words {
		out = out || action == contacts.OptOut
	}
	known := map[contacts.Suppression]bool{}
	for _, p := range standing {
		known[keyOf(p)] = true
	}
	for _, p := range held {
		if out && !known[keyOf(p)] {
			p.Reason, p.OptedOut = unsubscribed, true
			standing = append(standing, p)
		}
	}
	hashes := make([]contacts.Suppression, len(standing))
	for i, p := range standing {
		p.Hash = e.s.fingerprint(p.AccountID, p.Kind, p.Address)
		hashes[i] = p
	}
	if _, err := e.conn.keepHashes(ctx, hashes); err != nil {
		return err
	}
	e.done.Kept = int64(len(hashes))
	for _, p := range held {
		for _, table := range []string{"suppressions", "bounces"} {
			if err := e.change(ctx, table, "DELETE FROM "+table+" WHERE account_id = ? AND kind = ? AND address = ?",
				p.AccountID, string(p.Kind), p.Address); err != nil {
				return err
			}
		}
	}
	return nil
}

// eraseMessages empties what the messages say of their recipient, and what that one did
// with them; states, times and counters stay.
func (e *erasing) eraseMessages(ctx context.Context) error {
	list := e.d.IDList(e.messages)
	return errors.Join(
		e.change(ctx, "receipts", "DELETE FROM receipts WHERE message_id > 0 AND message_id "+e.d.InIDs, list),
		e.change(ctx, "receipts", `DELETE FROM receipts WHERE message_id = 0 AND EXISTS (SELECT 1 FROM messages m WHERE m.id `+e.d.InIDs+`
			AND m.channel_id = receipts.channel_id AND m.provider_id = receipts.provider_id)`, list),
		e.change(ctx, "engagement", "DELETE FROM engagement WHERE message_id "+e.d.InIDs, list),
		e.change(ctx, "message_contents", "UPDATE message_contents SET content = '{}', metadata = '{}' WHERE message_id "+e.d.InIDs, list),
		e.change(ctx, "message_metadata", "DELETE FROM message_metadata WHERE message_id "+e.d.InIDs, list),
		e.change(ctx, "transitions", "UPDATE transitions SET detail = '' WHERE message_id "+e.d.InIDs, list),
		e.change(ctx, "messages", "UPDATE messages SET address = '', detail = NULL, provider_id = NULL WHERE id "+e.d.InIDs, list))
}

// eraseWords empties what the person and others wrote down about consent.
func (e *erasing) eraseWords(ctx context.Context) error {
	err := errors.Join(
		e.change(ctx, "consents", "UPDATE consents SET address = '', proof = '' WHERE account_id = ? AND contact_id = ?", e.accountID, e.contact.ID),
		e.change(ctx, "replies", "UPDATE replies SET address = '', text = '', parts = '', provider_id = '' WHERE contact_id > 0 AND contact_id = ? "+
			"AND account_id = ?", e.contact.ID, e.accountID))
	for kind, address := range e.contact.Addresses {
		err = errors.Join(err,
			e.change(ctx, "consents", "UPDATE consents SET address = '', proof = '' WHERE account_id = ? AND kind = ? AND address = ?",
				e.accountID, string(kind), address),
			e.change(ctx, "replies", "UPDATE replies SET address = '', text = '', parts = '', provider_id = '' WHERE account_id = ? AND kind = ? AND address = ?",
				e.accountID, string(kind), address),
			e.change(ctx, "heard", "DELETE FROM heard WHERE address = ? AND channel_id IN (SELECT id FROM channels WHERE account_id = ? AND address_kind = ?)",
				address, e.accountID, string(kind)))
	}
	return err
}

// eraseTraces empties what names the person in refused lines, the audit trail,
// examples of cleared messages and kept answers.
func (e *erasing) eraseTraces(ctx context.Context) error {
	if err := e.changeAudit(ctx, "account_id = ? AND target = ?", e.accountID, "contact "+strconv.FormatInt(e.contact.ID, 10)); err != nil {
		return err
	}
	// Who was first in a dry run is named as a whole; nobody needs that for long.
	if err := e.change(ctx, "uploads", "UPDATE uploads SET preview = '[]', proposed = '[]' WHERE account_id = ? AND (preview <> '[]' OR proposed <> '[]')",
		e.accountID); err != nil {
		return err
	}
	full := strings.TrimSpace(e.contact.FirstName + " " + e.contact.LastName)
	for _, whole := range []string{e.contact.ExternalID, e.contact.Name, e.contact.FirstName, e.contact.LastName, full} {
		if whole == "" {
			continue
		}
		if err := e.change(ctx, "upload_errors", "UPDATE upload_errors SET value = '' WHERE value = ? AND upload_id IN (SELECT id FROM uploads WHERE account_id = ?)",
			whole, e.accountID); err != nil {
			return err
		}
	}
	// What is long enough to name one person is looked for inside of texts.
	const shortest = 6
	var needles []string
	for _, needle := range append(sortedAddresses(e.contact), e.contact.ExternalID, e.contact.Name, full) {
		if len(needle) >= shortest && !slices.Contains(needles, needle) {
			needles = append(needles, needle)
		}
	}
	for _, needle := range needles {
		like := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(needle)) + "%"
		const holds = ` LIKE ? ESCAPE '\'`
		if err := errors.Join(
			e.change(ctx, "upload_errors", "UPDATE upload_errors SET value = '' WHERE upload_id IN (SELECT id FROM uploads WHERE account_id = ?) AND LOWER(value)"+
				holds, e.accountID, like),
			e.changeAudit(ctx, "account_id = ? AND LOWER(detail)"+holds, e.accountID, like),
			e.change(ctx, "clears", "UPDATE clears SET examples = '[]' WHERE account_id = ? AND LOWER(examples)"+holds, e.accountID, like),
			e.change(ctx, "idempotency", "UPDATE idempotency SET body = ?, headers = '{}' WHERE account_id = ? AND status <> 0 AND "+e.d.bodyHolds,
				[]byte("{}"), e.accountID, []byte(needle)),
		); err != nil {
			return err
		}
	}
	return nil
}

// eraseFlows erases what programs told of the person, and what they answered in flows, and
// has them leave.
func (e *erasing) eraseFlows(ctx context.Context) error {
	return errors.Join(
		e.change(ctx, "message_answers", "DELETE FROM message_answers WHERE message_id "+e.d.InIDs, e.d.IDList(e.messages)),
		e.change(ctx, "contact_events", "DELETE FROM contact_events WHERE contact_id = ?", e.contact.ID),
		e.change(ctx, "flow_answers", "DELETE FROM flow_answers WHERE contact_id = ?", e.contact.ID),
		e.change(ctx, "flow_inbox", "DELETE FROM flow_inbox WHERE session_id IN ("+sessionsOf+")", e.contact.ID),
		e.change(ctx, "flow_calls", "DELETE FROM flow_calls WHERE session_id IN ("+sessionsOf+")", e.contact.ID),
		e.change(ctx, "flow_sessions", "UPDATE flow_sessions SET answers = '{}' WHERE contact_id = ? AND answers <> '{}'", e.contact.ID),
		e.change(ctx, "conversation_entries", "DELETE FROM conversation_entries WHERE conversation_id IN (SELECT id FROM conversations WHERE contact_id = ?)",
			e.contact.ID),
		e.change(ctx, "conversations", "DELETE FROM conversations WHERE contact_id = ?", e.contact.ID),
		e.wakeContacts(ctx, e.contact.ID),
	)
}

func sortedAddresses(c contacts.Contact) (list []string) {
	for _, kind := range value.Kinds() {
		if address := c.Addresses[kind]; address != "" {
			list = append(list, address)
		}
	}
	return list
}

func (e *erasing) eraseContact(ctx context.Context) error {
	if e.contact.Status != contacts.Deleted {
		if err := e.keepPeople(ctx, e.accountID, statistics.ContactRemoved, 1); err != nil {
			return err
		}
	}
	return errors.Join(
		e.change(ctx, "members", "DELETE FROM members WHERE contact_id = ?", e.contact.ID),
		e.change(ctx, "addresses", "DELETE FROM addresses WHERE contact_id = ?", e.contact.ID),
		e.change(ctx, "contacts", "DELETE FROM contacts WHERE id = ? AND account_id = ?", e.contact.ID, e.accountID))
}

// ContactBelongings is what is known of a contact besides its row, its messages,
// its consents and its replies.
func (s *Store) ContactBelongings(ctx context.Context, accountID, id int64) (b contacts.Belongings, err error) {
	c := s.reader()
	contact, err := c.readContact(ctx, accountID, id)
	if err != nil {
		return b, s.translate(err)
	}
	if b.Memberships, err = sqldb.Structs(ctx, c, func(m *contacts.Membership) []any {
		return []any{&m.ListID, &m.Kind, &m.Name, &m.Data}
	}, `SELECT l.id, l.kind, l.name, COALESCE(m.data, '') FROM members m JOIN lists l ON l.id = m.list_id
		WHERE m.contact_id = ? AND l.account_id = ? ORDER BY l.id`, id, accountID); err != nil {
		return b, s.translate(err)
	}
	var held []contacts.Suppression
	for kind, address := range contact.Addresses {
		held = append(held, contacts.Suppression{Kind: kind, Address: address})
		if err := sqldb.Each(ctx, c, func(scan sqldb.Scan) error {
			bounce := contacts.Bounce{Kind: string(kind), Address: address}
			var at sqldb.Time
			err := scan(&bounce.Soft, &at)
			bounce.LastAt = at.Time
			b.Bounces = append(b.Bounces, bounce)
			return err
		}, "SELECT soft, last_at FROM bounces WHERE account_id = ? AND kind = ? AND address = ?", accountID, string(kind), address); err != nil {
			return b, s.translate(err)
		}
	}
	b.Suppressions, err = c.suppressionsOf(ctx, accountID, held)
	return b, s.translate(err)
}

// MessageContent is the content of a transactional message as JSON; empty for a
// campaign's.
func (s *Store) MessageContent(ctx context.Context, id int64) ([]byte, error) {
	var content []byte
	err := s.reader().Row(ctx, "SELECT content FROM message_contents WHERE message_id = ?", id).Scan(&content)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return content, s.translate(err)
}
