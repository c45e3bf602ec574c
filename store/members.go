package store

import (
	"context"
	"fmt"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/sqldb"
)

// AddMembers puts contacts into a list and returns how many were not in it. A
// contact that does not exist is Invalid and nobody is added.
func (s *Store) AddMembers(ctx context.Context, m contacts.MemberChange) (added int64, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockMembers(ctx, m); err != nil {
			return err
		}
		if err := tx.refuseStrangers(ctx, m.AccountID, m.Contacts); err != nil {
			return err
		}
		added, err = tx.addMembers(ctx, m)
		return err
	})
	return added, err
}

// RemoveMembers takes contacts out of a list and returns how many were in it.
func (s *Store) RemoveMembers(ctx context.Context, m contacts.MemberChange) (removed int64, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockMembers(ctx, m); err != nil {
			return err
		}
		removed, err = tx.removeMembers(ctx, m)
		return err
	})
	return removed, err
}

// lockMembers makes sure that the list stays until the transaction ends. A
// category is consent: nothing of the account is fed meanwhile.
func (tx conn) lockMembers(ctx context.Context, m contacts.MemberChange) error {
	if m.Kind == contacts.Category {
		if err := tx.lockAccount(ctx, m.AccountID); err != nil {
			return err
		}
		if err := tx.lockChannels(ctx, m.AccountID, 0); err != nil {
			return err
		}
	}
	return tx.lockList(ctx, m.AccountID, m.Kind, m.ListID)
}

// addMembers adds contacts of the account; others are passed over. It needs
// lockMembers.
func (tx conn) addMembers(ctx context.Context, m contacts.MemberChange) (int64, error) {
	joined, err := sqldb.IDs(ctx, tx, `INSERT INTO members (list_id, contact_id) SELECT ?, id FROM contacts WHERE account_id = ? AND id `+tx.d.InIDs+`
		ON CONFLICT (list_id, contact_id) DO NOTHING RETURNING contact_id`, m.ListID, m.AccountID, tx.d.IDList(m.Contacts))
	if err == nil {
		err = tx.enterJoined(ctx, m.AccountID, m.ListID, joined)
	}
	if err != nil || m.Kind != contacts.Category {
		return int64(len(joined)), err
	}
	// Who is a member and opted out of it for a kind of address has to be taken at
	// their newest word, too.
	again, err := sqldb.IDs(ctx, tx, `SELECT k.id FROM contacts k WHERE k.account_id = ? AND k.id `+tx.d.InIDs+`
		AND EXISTS (SELECT 1 FROM consents o WHERE o.account_id = k.account_id AND o.contact_id = k.id AND o.category_id = ? AND o.action = 'opt_out'
			AND NOT EXISTS (SELECT 1 FROM consents n WHERE n.account_id = o.account_id AND n.contact_id = o.contact_id
				AND n.category_id = o.category_id AND n.id > o.id AND n.kind IN ('', o.kind)))`, m.AccountID, tx.d.IDList(m.Contacts), m.ListID)
	if err != nil {
		return 0, err
	}
	seen := make(map[int64]bool, len(joined))
	for _, id := range joined {
		seen[id] = true
	}
	consenting := joined
	for _, id := range again {
		if !seen[id] {
			consenting = append(consenting, id)
		}
	}
	return int64(len(joined)), tx.recordConsents(ctx, m, consenting, contacts.OptIn)
}

// removeMembers takes contacts out of a list. It needs lockMembers.
func (tx conn) removeMembers(ctx context.Context, m contacts.MemberChange) (int64, error) {
	const remove = "DELETE FROM members WHERE list_id = ? AND contact_id "
	if m.Kind != contacts.Category {
		return tx.Exec(ctx, remove+tx.d.InIDs, m.ListID, tx.d.IDList(m.Contacts))
	}
	left, err := sqldb.IDs(ctx, tx, remove+tx.d.InIDs+" RETURNING contact_id", m.ListID, tx.d.IDList(m.Contacts))
	if err != nil || len(left) == 0 {
		return 0, err
	}
	if err := tx.recordConsents(ctx, m, left, contacts.OptOut); err != nil {
		return 0, err
	}
	l := tx.ledger()
	if _, err := l.skipWaiting(ctx, messages.ReasonOptedOut, fragment{"contact_id " + tx.d.InIDs + ` AND run_id > 0
		AND run_id IN (SELECT r.id FROM runs r JOIN campaigns k ON k.id = r.campaign_id WHERE r.finished_at IS NULL AND r.account_id = ? AND k.category_id = ?)`,
		[]any{tx.d.IDList(left), m.AccountID, m.ListID}}, true); err != nil {
		return 0, err
	}
	return int64(len(left)), l.close(ctx, shardOperator)
}

// recordConsents records one consent of each contact for a category, as OptIn
// and OptOut do for one.
func (tx conn) recordConsents(ctx context.Context, m contacts.MemberChange, contactIDs []int64, action contacts.ConsentAction) error {
	if len(contactIDs) == 0 {
		return nil
	}
	source := m.Source
	if source == "" {
		source = contacts.SourceAPI
	}
	_, err := tx.Exec(ctx, `INSERT INTO consents (account_id, contact_id, category_id, action, source, actor, at)
		SELECT account_id, id, ?, ?, ?, ?, ? FROM contacts WHERE id `+tx.d.InIDs+" ORDER BY id",
		m.ListID, string(action), source, clean(m.Actor), sqldb.Millis(tx.s.clock.Now()), tx.d.IDList(contactIDs))
	return err
}

// refuseStrangers is an error that names the ids that are no contacts.
func (tx conn) refuseStrangers(ctx context.Context, accountID int64, ids []int64) error {
	known, err := sqldb.Set[int64](ctx, tx, "SELECT id FROM contacts WHERE account_id = ? AND id "+tx.d.InIDs, accountID, tx.d.IDList(ids))
	if err != nil {
		return err
	}
	var wrong []fault.Field
	for i, id := range ids {
		if !known[id] {
			wrong = append(wrong, fault.Field{Location: fmt.Sprintf("contacts[%d]", i), Value: id, Message: "there is no such contact"})
		}
	}
	return fault.InvalidFields(wrong)
}
