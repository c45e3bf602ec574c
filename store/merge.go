package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"carillon/access"
	"carillon/contacts"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/sqldb"
)

// errDryRun takes back what a dry run did.
var errDryRun = errors.New("a dry run changes nothing")

// MergeContacts makes one contact of two. A dry run does the same and takes it
// back, so that what is foretold is what happens.
func (s *Store) MergeContacts(ctx context.Context, m contacts.Merging) (contacts.Merge, error) {
	var merge contacts.Merge
	err := s.inTx(ctx, func(tx conn) error {
		var err error
		if merge, err = tx.merge(ctx, m); err == nil && m.DryRun {
			return errDryRun
		}
		return err
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return merge, err
}

func (tx conn) merge(ctx context.Context, of contacts.Merging) (m contacts.Merge, err error) {
	accountID, keep, from := of.AccountID, of.Keep, of.From
	if err := tx.lockAccount(ctx, accountID); err != nil {
		return m, err
	}
	if err := tx.lockChannels(ctx, accountID, 0); err != nil {
		return m, err
	}
	kept, err := tx.mergeable(ctx, accountID, keep)
	if err != nil {
		return m, err
	}
	other, err := tx.mergeable(ctx, accountID, from)
	if err != nil {
		return m, err
	}
	now := tx.s.clock.Now()
	kept.Forget(now)
	other.Forget(now)
	m.From = from
	m.Moved, m.Left, m.Attributes = kept.Absorb(other)
	slices.Sort(m.Attributes)
	outs, err := tx.standingOptOuts(ctx, accountID, keep, from)
	if err != nil {
		return m, err
	}
	if err := tx.moveProfile(ctx, kept, other, m, now.UnixMilli()); err != nil {
		return m, err
	}
	if err := tx.moveBelongings(ctx, accountID, keep, from, &m); err != nil {
		return m, err
	}
	for _, out := range outs {
		out.AccountID, out.ContactID, out.Source, out.Actor = accountID, keep, contacts.SourceMerge, of.Actor
		out.Wording = fmt.Sprintf("contact %d was merged into this one, and one of them had opted out", from)
		if out.Kind != "" && kept.Addresses[out.Kind] == "" {
			// There is nothing to keep messages from yet; the word stands for later.
			if _, err := tx.recordConsent(ctx, out, contacts.OptOut, ""); err != nil {
				return m, err
			}
		} else if _, err := tx.optOut(ctx, out); err != nil {
			return m, err
		}
	}
	m.OptedOut = len(outs) > 0
	if m.Contact, err = tx.readContact(ctx, accountID, keep); err != nil {
		return m, err
	}
	return m, tx.audit(ctx, access.AuditEntry{
		AccountID: accountID, Actor: of.Actor, Action: "merge-contacts", Target: fmt.Sprintf("contact %d", keep), Detail: map[string]any{"from": from},
	})
}

// mergeable reads a contact that is not deleted.
func (tx conn) mergeable(ctx context.Context, accountID, id int64) (contacts.Contact, error) {
	contact, err := tx.readContact(ctx, accountID, id)
	if err == nil && contact.Status == contacts.Deleted {
		err = fault.New(fault.Conflict, "contact %d is deleted: give it another status first", id)
	}
	return contact, err
}

// standingOptOuts are the opt-outs of the contacts that no later word took back.
func (tx conn) standingOptOuts(ctx context.Context, accountID int64, ids ...int64) ([]contacts.ConsentChange, error) {

	outs, err := sqldb.Structs(ctx, tx, func(out *contacts.ConsentChange) []any {
		return []any{&out.CategoryID, &out.Kind}
	}, `SELECT DISTINCT o.category_id, o.kind FROM consents o WHERE o.account_id = ? AND o.contact_id `+tx.d.InIDs+` AND o.action = 'opt_out'
		AND NOT EXISTS (SELECT 1 FROM consents n WHERE n.account_id = o.account_id AND n.contact_id = o.contact_id
			AND n.category_id = o.category_id AND n.id > o.id AND n.kind IN ('', o.kind))
		ORDER BY o.category_id, o.kind`, accountID, tx.d.IDList(ids))
	if err != nil {
		return nil, err
	}
	// Out of a category that is gone nobody needs to opt.
	return slices.DeleteFunc(outs, func(out contacts.ConsentChange) bool {
		var n int
		return out.CategoryID != 0 && (tx.Row(ctx, "SELECT COUNT(*) FROM lists WHERE id = ?", out.CategoryID).Scan(&n) != nil || n == 0)
	}), nil
}

// moveProfile writes both contacts and moves the addresses.
func (tx conn) moveProfile(ctx context.Context, kept, other contacts.Contact, m contacts.Merge, now int64) error {
	if _, err := tx.Exec(ctx, "UPDATE contacts SET status = 'deleted', merged_into = ?, external_id = "+
		"CASE WHEN ? = external_id THEN NULL ELSE external_id END, updated_at = ? WHERE id = ?",
		kept.ID, kept.ExternalID, now, other.ID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE contacts SET external_id = NULLIF(?, ''), name = ?, first_name = ?, last_name = ?, language = ?, timezone = ?, status = ?,
		updated_at = ?, last_activity_at = ?, attributes = ?, attribute_expiry = ?, attribute_changed = ?, folded = ?, free = ?, bare = ?,
		last_replied_at = (SELECT MAX(last_replied_at) FROM contacts WHERE id IN (?, ?)) WHERE id = ?`,
		kept.ExternalID, kept.Name, kept.FirstName, kept.LastName, kept.Language, kept.Timezone, string(kept.Status), now, sqldb.MillisPtr(kept.LastActivityAt),
		kept.Attributes.JSON(), timesJSON(kept.Expiry), timesJSON(kept.ChangedAt), kept.Folded(), kept.Free.JSON(),
		kept.ExternalID == "" && len(kept.Addresses) == 0, kept.ID, other.ID, kept.ID); err != nil {
		return err
	}
	var list []givenAddress
	for kind, address := range m.Moved {
		list = append(list, givenAddress{kept.ID, kind, address})
		if _, err := tx.Exec(ctx, "UPDATE addresses SET contact_id = ? WHERE contact_id = ? AND kind = ?", kept.ID, other.ID, string(kind)); err != nil {
			return err
		}
	}
	slices.SortFunc(list, func(a, b givenAddress) int { return compareKinds(a.kind, b.kind) })
	return tx.suppressGiven(ctx, kept.AccountID, list)
}

func compareKinds(a, b providers.AddressKind) int {
	kinds := value.Kinds()
	return slices.Index(kinds, a) - slices.Index(kinds, b)
}

// moveSessions moves the places in flows, and what programs told. Where both are in a flow that takes nobody twice,
// the other's ends, because its contact is gone.
func (tx conn) moveSessions(ctx context.Context, keep, from int64) error {
	// The messages of both are told apart by one count, and are the one's from here on.
	if _, err := tx.Exec(ctx, `UPDATE flow_sessions SET sends = (SELECT MAX(p.sends) FROM flow_sessions p WHERE p.campaign_id = flow_sessions.campaign_id
			AND p.contact_id IN (?, ?)) WHERE contact_id IN (?, ?)`, keep, from, keep, from); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE flow_sessions SET contact_id = ? WHERE contact_id = ? AND (ended_at IS NOT NULL OR NOT EXISTS (SELECT 1 FROM flow_sessions p
		WHERE p.campaign_id = flow_sessions.campaign_id AND p.contact_id = ? AND p.lane = flow_sessions.lane AND p.ended_at IS NULL))`, keep, from,
		keep); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE flow_answers SET contact_id = ? WHERE contact_id = ?", keep, from); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE contact_events SET contact_id = ? WHERE contact_id = ?", keep, from); err != nil {
		return err
	}
	return tx.wakeContacts(ctx, from)
}

// moveBelongings moves memberships, consents, replies, messages and places in flows.
func (tx conn) moveBelongings(ctx context.Context, accountID, keep, from int64, m *contacts.Merge) (err error) {
	if m.Lists, err = tx.Exec(ctx, `INSERT INTO members (list_id, contact_id, data) SELECT list_id, CAST(? AS BIGINT), data FROM members WHERE contact_id = ?
		ON CONFLICT (list_id, contact_id) DO NOTHING`, keep, from); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM members WHERE contact_id = ?", from); err != nil {
		return err
	}
	if err := tx.moveSessions(ctx, keep, from); err != nil {
		return err
	}
	// A run that is still to be planned meets the one who is kept.
	const toPlan = "run_id IN (SELECT r.id FROM runs r WHERE r.frozen AND r.account_id = ?) AND contact_id = ?"
	if _, err := tx.Exec(ctx, "INSERT INTO frozen_members (run_id, side, contact_id) SELECT run_id, side, CAST(? AS BIGINT) FROM frozen_members WHERE "+toPlan+
		" ON CONFLICT (run_id, side, contact_id) DO NOTHING", keep, accountID, from); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM frozen_members WHERE "+toPlan, accountID, from); err != nil {
		return err
	}
	if m.Consents, err = tx.Exec(ctx, "UPDATE consents SET contact_id = ? WHERE account_id = ? AND contact_id = ?", keep, accountID, from); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE replies SET contact_id = ? WHERE account_id = ? AND contact_id = ? AND contact_id > 0", keep, accountID, from); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE conversations SET contact_id = ? WHERE contact_id = ?", keep, from); err != nil {
		return err
	}
	// By the indexes that there are: a recipient's of each run, and those of the
	// transactional messages of each channel.
	const ofRuns = "run_id > 0 AND run_id IN (SELECT r.id FROM runs r WHERE r.account_id = ?) AND contact_id = ?"
	m.Messages, err = tx.Exec(ctx, "UPDATE messages SET contact_id = ? WHERE "+ofRuns+` AND NOT EXISTS (SELECT 1 FROM messages k
		WHERE k.run_id > 0 AND k.run_id = messages.run_id AND k.contact_id = ? AND k.step = messages.step)`, keep, accountID, from, keep)
	if err != nil {
		return err
	}
	single, err := tx.Exec(ctx, "UPDATE messages SET contact_id = ? WHERE run_id = 0 AND channel_id IN (SELECT id FROM channels WHERE account_id = ?) "+
		"AND contact_id = ?",
		keep, accountID, from)
	if err != nil {
		return err
	}
	m.Messages += single
	return tx.Row(ctx, "SELECT COUNT(*) FROM messages WHERE "+ofRuns, accountID, from).Scan(&m.MessagesLeft)
}
