package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/webhooks"
)

// OptOut carries an opt-out out and records it, in one transaction: from its
// commit on nothing of what it is for is claimed.
func (s *Store) OptOut(ctx context.Context, c contacts.ConsentChange) (r contacts.ConsentResult, err error) {
	err = s.withdraw(ctx, func(tx conn) error {
		r, err = tx.optOut(ctx, c)
		return err
	})
	return r, err
}

func (tx conn) optOut(ctx context.Context, c contacts.ConsentChange) (r contacts.ConsentResult, err error) {
	addresses, err := tx.concerned(ctx, &c)
	if err != nil {
		return r, err
	}
	if c.Source == contacts.SourceLink && len(addresses) == 1 {
		// Mail programs and scanners post to a link again and again.
		if done, err := tx.linkFollowed(ctx, addresses[0]); err != nil || done {
			return r, err
		}
	}
	if r.Consent, err = tx.recordConsent(ctx, c, contacts.OptOut, ""); err != nil {
		return r, err
	}
	if c.ContactID != 0 {
		if err := tx.wakeContacts(ctx, c.ContactID); err != nil { // who is in a flow leaves it
			return r, err
		}
	}
	if c.CategoryID != 0 {
		r.Changed, err = tx.leaveCategory(ctx, c)
		return r, err
	}
	reason := c.Reason
	if reason == "" {
		reason = unsubscribed
	}
	for i := range addresses {
		addresses[i].Reason = clean(reason)
		addresses[i].OptedOut = c.Source != contacts.SourceBounce && c.Source != contacts.SourceComplaint
	}
	done, err := tx.suppress(ctx, c.AccountID, addresses)
	if err != nil {
		return r, err
	}
	r.Changed = len(done.fresh)+len(done.stricter) > 0
	r.Suppressions, err = tx.suppressionsOf(ctx, c.AccountID, addresses)
	return r, err
}

// linkFollowed reports whether the last that is recorded of an address is an
// opt-out by a link that still holds: another one would say nothing new.
func (tx conn) linkFollowed(ctx context.Context, a contacts.Suppression) (done bool, err error) {
	err = tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM consents n WHERE n.id = (SELECT MAX(id) FROM consents WHERE account_id = ? AND kind = ? AND address = ?
		AND category_id = 0)
			AND n.action = ? AND n.source = ?)
		AND EXISTS (SELECT 1 FROM suppressions WHERE account_id = ? AND kind = ? AND address = ?)`,
		a.AccountID, string(a.Kind), a.Address, string(contacts.OptOut), contacts.SourceLink, a.AccountID, string(a.Kind), a.Address).Scan(&done)
	return done, err
}

// concerned locks what a consent is for and lists the addresses: no address is
// given to the contact, and no message of the account fed, until the
// transaction ends. It fills in whose the address is, or which it is.
func (tx conn) concerned(ctx context.Context, change *contacts.ConsentChange) ([]contacts.Suppression, error) {
	if err := tx.lockAccount(ctx, change.AccountID); err != nil {
		return nil, err
	}
	// A link that names an address holds for longer than an account may.
	var there bool
	if err := tx.Row(ctx, "SELECT EXISTS (SELECT 1 FROM accounts WHERE id = ?)", change.AccountID).Scan(&there); err != nil {
		return nil, err
	}
	if !there {
		return nil, fault.New(fault.NotFound, "account %d is deleted", change.AccountID)
	}
	if err := tx.lockChannels(ctx, change.AccountID, 0); err != nil {
		return nil, err
	}
	if change.CategoryID != 0 {
		var id int64
		err := tx.Row(ctx, "SELECT id FROM lists WHERE id = ? AND account_id = ? AND kind = 'category'", change.CategoryID, change.AccountID).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, fault.InvalidField("category_id", change.CategoryID, "there is no such category: GET /v1/categories lists them")
		}
		if err != nil {
			return nil, err
		}
	}
	if change.ContactID == 0 {
		err := tx.Row(ctx, "SELECT contact_id FROM addresses WHERE account_id = ? AND kind = ? AND address = ?",
			change.AccountID, string(change.Kind), change.Address).Scan(&change.ContactID)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, err
		}
		if change.ContactID == 0 && change.CategoryID != 0 {
			return nil, fault.New(fault.NotFound, "no contact holds this %s address, and only contacts are in categories", change.Kind)
		}
		return []contacts.Suppression{{AccountID: change.AccountID, Kind: change.Kind, Address: change.Address}}, nil
	}
	var id int64
	err := tx.Row(ctx, "SELECT id FROM contacts WHERE id = ? AND account_id = ?", change.ContactID, change.AccountID).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, noContact(change.ContactID)
	}
	if err != nil {
		return nil, err
	}
	list, err := sqldb.Query(ctx, tx, func(scan sqldb.Scan) (contacts.Suppression, error) {
		p := contacts.Suppression{AccountID: change.AccountID}
		err := scan(&p.Kind, &p.Address)
		return p, err
	}, "SELECT kind, address FROM addresses WHERE contact_id = ? AND (? = '' OR kind = ?) ORDER BY kind",
		change.ContactID, string(change.Kind), string(change.Kind))
	if err != nil || change.Kind == "" {
		return list, err
	}
	if len(list) == 0 {
		return nil, fault.New(fault.Conflict, "contact %d has no %s address", change.ContactID, change.Kind)
	}
	change.Address = list[0].Address
	return list, nil
}

func (tx conn) recordConsent(ctx context.Context, c contacts.ConsentChange, action contacts.ConsentAction, lifted string) (contacts.Consent, error) {
	now := tx.s.clock.Now()
	r := contacts.Consent{
		AccountID: c.AccountID, ContactID: c.ContactID, Kind: c.Kind, Address: c.Address, CategoryID: c.CategoryID, RunID: c.RunID, Action: action,
		Source: c.Source, Wording: cleanText(c.Wording), Proof: cleanText(c.Proof), Lifted: lifted, Actor: clean(c.Actor), At: sqldb.Rounded(now),
	}
	var err error
	r.ID, err = tx.Insert(ctx, `INSERT INTO consents
			(account_id, contact_id, kind, address, category_id, run_id, action, source, wording, proof, lifted, actor, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, r.AccountID, r.ContactID, string(r.Kind), r.Address, r.CategoryID, r.RunID, string(r.Action),
		r.Source, r.Wording, r.Proof, r.Lifted, r.Actor, sqldb.Millis(now))
	if err != nil {
		return r, err
	}
	event := webhooks.ContactOptedOut
	if action == contacts.OptIn {
		event = webhooks.ContactOptedIn
	}
	return r, tx.occur(ctx, happening{event: event, accountID: r.AccountID, data: webhooks.Contact{ID: r.ContactID, CategoryID: r.CategoryID, Source: r.Source}})
}

// leaveCategory takes a contact out of a category and skips what waits for it
// of the category's campaigns.
func (tx conn) leaveCategory(ctx context.Context, c contacts.ConsentChange) (changed bool, err error) {
	if c.Kind == "" {
		n, err := tx.Exec(ctx, "DELETE FROM members WHERE list_id = ? AND contact_id = ?", c.CategoryID, c.ContactID)
		if err != nil {
			return false, err
		}
		changed = n > 0
	}
	l := tx.ledger()
	where := ` AND run_id IN (SELECT r.id FROM runs r JOIN campaigns k ON k.id = r.campaign_id
			WHERE r.finished_at IS NULL AND r.account_id = ? AND k.category_id = ?)
		AND channel_id IN (SELECT id FROM channels WHERE account_id = ? AND (? = '' OR address_kind = ?))`
	n, err := l.skipWaiting(ctx, messages.ReasonOptedOut, fragment{"contact_id = ? AND run_id > 0" + where,
		[]any{c.ContactID, c.AccountID, c.CategoryID, c.AccountID, string(c.Kind), string(c.Kind)}}, true)
	if err != nil {
		return false, err
	}
	if err := l.close(ctx, shardOperator); err != nil {
		return false, err
	}
	return changed || n > 0, tx.halt(ctx)
}

// skipWaiting skips the messages that a condition selects and that no worker
// has claimed: the queued ones and, if all is set, those that wait for room.
func (l *ledger) skipWaiting(ctx context.Context, why string, where fragment, all bool) (n int64, err error) {
	for _, from := range []struct {
		state messages.State
		phase string
	}{{messages.Queued, phaseInFlight}, {messages.Pending, phasePending}} {
		if from.state == messages.Pending && !all {
			break
		}
		skipped, err := l.swap(ctx, change{
			move: moves.skip.narrowed(from.state), args: []any{why, nil, sqldb.Millis(l.s.clock.Now())},
			where: fragment{from.phase + " AND " + where.sql, where.args},
		})
		if err != nil {
			return n, err
		}
		n += skipped
	}
	return n, nil
}

// OptIn brings back what an opt-out took and records it. By force it lifts what
// else keeps messages away, too, and records the reasons of that.
func (s *Store) OptIn(ctx context.Context, c contacts.ConsentChange) (r contacts.ConsentResult, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		r, err = tx.optIn(ctx, c)
		return err
	})
	return r, err
}

func (tx conn) optIn(ctx context.Context, c contacts.ConsentChange) (r contacts.ConsentResult, err error) {
	addresses, err := tx.concerned(ctx, &c)
	if err != nil {
		return r, err
	}
	if c.CategoryID != 0 {
		return tx.joinCategory(ctx, c, addresses)
	}
	standing, err := tx.suppressionsOf(ctx, c.AccountID, addresses)
	if err != nil {
		return r, err
	}
	var lifted []string
	for _, p := range standing {
		switch {
		case p.Reason == unsubscribed || c.Force:
			if err := tx.forget(ctx, p); err != nil {
				return r, err
			}
			if p.Reason != unsubscribed {
				lifted = append(lifted, p.Reason)
			}
			r.Changed = true
		case p.OptedOut:
			// The recipient's own word is taken back; what else there is stays.
			if _, err := tx.Exec(ctx, "UPDATE suppressions SET opted_out = FALSE WHERE account_id = ? AND kind = ? AND address = ?",
				p.AccountID, string(p.Kind), p.Address); err != nil {
				return r, err
			}
			p.OptedOut = false
			r.Suppressions = append(r.Suppressions, p)
		default:
			r.Suppressions = append(r.Suppressions, p)
		}
	}
	r.Consent, err = tx.recordConsent(ctx, c, contacts.OptIn, strings.Join(lifted, ","))
	return r, err
}

func (tx conn) joinCategory(ctx context.Context, c contacts.ConsentChange, addresses []contacts.Suppression) (r contacts.ConsentResult, err error) {
	n, err := tx.Exec(ctx, "INSERT INTO members (list_id, contact_id) VALUES (?, ?) ON CONFLICT (list_id, contact_id) DO NOTHING", c.CategoryID, c.ContactID)
	if err == nil && n > 0 {
		err = tx.enterJoined(ctx, c.AccountID, c.CategoryID, []int64{c.ContactID})
	}
	if err != nil {
		return r, err
	}
	r.Changed = n > 0
	if r.Consent, err = tx.recordConsent(ctx, c, contacts.OptIn, ""); err != nil {
		return r, err
	}
	r.Suppressions, err = tx.suppressionsOf(ctx, c.AccountID, addresses)
	return r, err
}

// lastWord is a scalar subquery: the action of the newest consent of a contact,
// named by a column, for a category (0: everything) among those for the contact
// as a whole and for one kind of address; NULL if there is none.
func lastWord(contact string, accountID, categoryID int64, kind providers.AddressKind) fragment {
	return fragment{"(SELECT o.action FROM consents o WHERE o.account_id = ? AND o.contact_id = " + contact +
		" AND o.category_id = ? AND o.kind IN ('', ?) ORDER BY o.id DESC LIMIT 1)", []any{accountID, categoryID, string(kind)}}
}

// leftCategory are those of the contacts whose last word on a category was to
// leave it.
func (tx conn) leftCategory(ctx context.Context, accountID, categoryID int64, kind providers.AddressKind, contactIDs []int64) (map[int64]bool, error) {
	if categoryID == 0 || len(contactIDs) == 0 {
		return nil, nil
	}
	word := lastWord("k.id", accountID, categoryID, kind)
	return sqldb.Set[int64](ctx, tx, "SELECT k.id FROM contacts k WHERE k.id "+tx.d.InIDs+" AND "+word.sql+" = 'opt_out'",
		append([]any{tx.d.IDList(contactIDs)}, word.args...)...)
}

// Topics is what an address gets of campaigns: the account's categories by name, unless
// nobody holds the address, and whether it is suppressed.
func (s *Store) Topics(ctx context.Context, accountID int64, kind providers.AddressKind, address string) (t contacts.Topics, err error) {
	word := lastWord("a.contact_id", accountID, 0, kind)
	// Of each category, whose id stands in the place of the argument.
	sql := strings.Replace(word.sql, "o.category_id = ?", "o.category_id = l.id", 1)
	t.List, err = sqldb.Structs(ctx, s.reader(), func(p *contacts.Topic) []any { return []any{&p.ID, &p.Name, &p.Description, &p.Wanted} },
		"SELECT l.id, l.name, l.description, COALESCE("+sql+`, 'opt_in') <> 'opt_out' FROM addresses a JOIN lists l ON l.account_id = a.account_id
		WHERE l.kind = 'category' AND a.account_id = ? AND a.kind = ? AND a.address = ? ORDER BY l.name, l.id LIMIT ?`,
		accountID, string(kind), accountID, string(kind), address, contacts.MaxTopics)
	if err != nil {
		return t, s.translate(err)
	}
	held, err := s.reader().suppressionsOf(ctx, accountID, []contacts.Suppression{{AccountID: accountID, Kind: kind, Address: address}})
	t.Suppressed = len(held) > 0
	return t, s.translate(err)
}

const selectConsent = "SELECT id, account_id, contact_id, kind, address, category_id, run_id, action, source, wording, proof, lifted, actor, at FROM consents"

func scanConsent(scan sqldb.Scan) (contacts.Consent, error) {
	var r contacts.Consent
	var at sqldb.Time
	err := scan(&r.ID, &r.AccountID, &r.ContactID, &r.Kind, &r.Address, &r.CategoryID, &r.RunID, &r.Action, &r.Source, &r.Wording, &r.Proof,
		&r.Lifted, &r.Actor, &at)
	r.At = at.Time
	return r, err
}

// ListConsents lists a contact's consents behind the id after, oldest first.
func (s *Store) ListConsents(ctx context.Context, accountID, contactID, after int64, limit int) ([]contacts.Consent, error) {

	list, err := sqldb.Query(ctx, s.reader(), scanConsent, selectConsent+" WHERE account_id = ? AND contact_id = ? AND id > ? ORDER BY id LIMIT ?",
		accountID, contactID, after, limit)
	return list, s.translate(err)
}
