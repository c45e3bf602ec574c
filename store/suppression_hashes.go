package store

import (
	"context"
	"strconv"

	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
)

// hashesBehind is a page of the hashes of erased addresses.
func (s *Store) hashesBehind(ctx context.Context, accountID int64, kind, hash string) (list []contacts.Suppression, err error) {
	list, err = sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (contacts.Suppression, error) {
		p := contacts.Suppression{AccountID: accountID}
		var at sqldb.Time
		err := scan(&p.Kind, &p.Hash, &p.Reason, &p.OptedOut, &at)
		p.CreatedAt = at.Time
		return p, err
	}, `SELECT kind, hash, reason, opted_out, created_at FROM suppression_hashes WHERE account_id = ? AND (kind, hash) > (?, ?)
		ORDER BY kind, hash LIMIT ?`, accountID, kind, hash, exportPage)
	return list, s.translate(err)
}

// fingerprint is what stands for an address when it is erased.
func (s *Store) fingerprint(accountID int64, kind providers.AddressKind, address string) string {
	return s.box.Fingerprint("suppression", strconv.FormatInt(accountID, 10), string(kind), address)
}

// fingerprints are what may stand for an address that was erased, under this master key or
// one of before.
func (s *Store) fingerprints(accountID int64, kind providers.AddressKind, address string) []string {
	return s.box.Fingerprints("suppression", strconv.FormatInt(accountID, 10), string(kind), address)
}

// keepHashes keeps hashes of suppressed addresses and returns how many are new.
func (tx conn) keepHashes(ctx context.Context, list []contacts.Suppression) (added int64, err error) {
	for _, p := range list {
		n, err := tx.Exec(ctx, `INSERT INTO suppression_hashes (account_id, kind, hash, reason, opted_out, created_at) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (account_id, kind, hash) DO NOTHING`, p.AccountID, string(p.Kind), p.Hash, p.Reason, p.OptedOut || p.Reason == unsubscribed,
			sqldb.Millis(tx.s.clock.Now()))
		if err != nil {
			return added, err
		}
		added += n
	}
	return added, nil
}

// givenAddress is an address that a contact has been given.
type givenAddress struct {
	contactID int64
	kind      providers.AddressKind
	address   string
}

// suppressGiven suppresses those of the addresses just given to contacts that were
// suppressed before they were erased, and those of contacts who opted out of
// everything.
func (tx conn) suppressGiven(ctx context.Context, accountID int64, list []givenAddress) error {
	if len(list) == 0 {
		return nil
	}
	if err := tx.suppressByHash(ctx, accountID, list); err != nil {
		return err
	}
	ids := make([]int64, len(list))
	for i, t := range list {
		ids[i] = t.contactID
	}
	var some int
	if err := tx.Row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM consents WHERE account_id = ? LIMIT 1) c", accountID).Scan(&some); err != nil || some == 0 {
		return err
	}
	word := lastWord("k.id", accountID, 0, "")
	out, err := sqldb.Set[int64](ctx, tx, "SELECT k.id FROM contacts k WHERE k.id "+tx.d.InIDs+" AND "+word.sql+" = 'opt_out'",
		append([]any{tx.d.IDList(ids)}, word.args...)...)
	if err != nil {
		return err
	}
	for _, t := range list {
		if !out[t.contactID] {
			continue
		}
		if _, err := tx.Exec(ctx, insertSuppression, accountID, string(t.kind), t.address, unsubscribed, true, sqldb.Millis(tx.s.clock.Now())); err != nil {
			return err
		}
	}
	return nil
}

// anyHash says whether an account has any hash: nearly none has.
const anyHash = "SELECT COUNT(*) FROM (SELECT 1 FROM suppression_hashes WHERE account_id = ? LIMIT 1) h"

// suppressByHash suppresses addresses again whose hashes are known.
func (tx conn) suppressByHash(ctx context.Context, accountID int64, list []givenAddress) error {
	var some int
	if err := tx.Row(ctx, anyHash, accountID).Scan(&some); err != nil || some == 0 {
		return err
	}
	marks := map[providers.AddressKind][]string{}
	byMark := make(map[string]givenAddress, len(list))
	for _, t := range list {
		for _, mark := range tx.s.fingerprints(accountID, t.kind, t.address) {
			marks[t.kind] = append(marks[t.kind], mark)
			byMark[mark] = t
		}
	}
	var known []contacts.Suppression
	for kind, hashes := range marks {
		found, err := sqldb.Query(ctx, tx, func(scan sqldb.Scan) (contacts.Suppression, error) {
			p := contacts.Suppression{Kind: kind}
			var at sqldb.Time
			err := scan(&p.Hash, &p.Reason, &p.OptedOut, &at)
			p.Address, p.CreatedAt = byMark[p.Hash].address, at.Time
			return p, err
		}, "SELECT hash, reason, opted_out, created_at FROM suppression_hashes WHERE account_id = ? AND kind = ? AND hash "+tx.d.InTexts,
			accountID, string(kind), tx.d.TextList(hashes))
		if err != nil {
			return err
		}
		known = append(known, found...)
	}
	for _, p := range known {
		if _, err := tx.Exec(ctx, insertSuppression, accountID, string(p.Kind), p.Address, p.Reason, p.OptedOut, sqldb.Millis(p.CreatedAt)); err != nil {
			return err
		}
	}
	return nil
}

// applyHashes suppresses the addresses of present contacts whose hashes have
// been taken in.
func (s *Store) applyHashes(ctx context.Context, accountID int64) error {
	var after givenAddress
	for {
		var page []givenAddress
		err := s.inTx(ctx, func(tx conn) error {
			page = nil
			if err := tx.lockChannels(ctx, accountID, 0); err != nil {
				return err
			}
			if err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
				var t givenAddress
				err := scan(&t.contactID, &t.kind, &t.address)
				page = append(page, t)
				return err
			}, "SELECT contact_id, kind, address FROM addresses WHERE account_id = ? AND (contact_id, kind) > (?, ?) ORDER BY contact_id, kind LIMIT ?",
				accountID, after.contactID, string(after.kind), exportPage); err != nil {
				return err
			}
			if err := tx.suppressByHash(ctx, accountID, page); err != nil {
				return err
			}
			list := make([]contacts.Suppression, len(page))
			for i, t := range page {
				list[i] = contacts.Suppression{Kind: t.kind, Address: t.address}
			}
			standing, err := tx.suppressionsOf(ctx, accountID, list)
			if err != nil {
				return err
			}
			return tx.skipSuppressed(ctx, accountID, standing)
		})
		if err != nil || len(page) < exportPage {
			return err
		}
		after = page[len(page)-1]
	}
}

// suppressRecipientByHash suppresses the address of a transactional message again if
// its hash is known; the feeder sees it then.
func (tx conn) suppressRecipientByHash(ctx context.Context, o messages.Outgoing) error {
	var some int
	if err := tx.Row(ctx, anyHash, o.AccountID).Scan(&some); err != nil || some == 0 {
		return err
	}
	t := givenAddress{address: o.Address}
	if err := tx.Row(ctx, "SELECT address_kind FROM channels WHERE id = ?", o.ChannelID).Scan(&t.kind); err != nil {
		return err
	}
	return tx.suppressByHash(ctx, o.AccountID, []givenAddress{t})
}
