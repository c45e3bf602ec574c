package store

import (
	"context"
	"strconv"

	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
)

// hashesBehind is a page of the hashes of erased addresses.
func (s *Store) hashesBehind(ctx context.Context, accountID int64, kind, hash string) (list []contacts.Suppression, err error) {
	err = s.reader().scanAll(ctx, func(scan func(...any) error) error {
		p := contacts.Suppression{AccountID: accountID}
		var at millis
		err := scan(&p.Kind, &p.Hash, &p.Reason, &p.OptedOut, &at)
		p.CreatedAt = at.Time
		list = append(list, p)
		return err
	}, `SELECT kind, hash, reason, opted_out, created_at FROM suppression_hashes WHERE account_id = ? AND (kind, hash) > (?, ?)
		ORDER BY kind, hash LIMIT ?`, accountID, kind, hash, exportPage)
	return list, s.translate(err)
}

// fingerprint is what stands for an address when it is erased.
func (s *Store) fingerprint(accountID int64, kind providers.AddressKind, address string) string {
	return s.box.Fingerprint("suppression", strconv.FormatInt(accountID, 10), string(kind), address)
}

// keepHashes keeps hashes of suppressed addresses and returns how many are new.
func (s *Store) keepHashes(ctx context.Context, tx conn, list []contacts.Suppression) (added int64, err error) {
	for _, p := range list {
		n, err := tx.exec(ctx, `INSERT INTO suppression_hashes (account_id, kind, hash, reason, opted_out, created_at) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (account_id, kind, hash) DO NOTHING`, p.AccountID, string(p.Kind), p.Hash, p.Reason, p.OptedOut || p.Reason == unsubscribed, ms(s.clock.Now()))
		if err != nil {
			return added, err
		}
		added += n
	}
	return added, nil
}

// taken is an address that a contact has been given.
type taken struct {
	contactID int64
	kind      providers.AddressKind
	address   string
}

// takeIn suppresses those of the addresses just given to contacts that were
// suppressed before they were erased, and those of contacts who opted out of
// everything.
func (s *Store) takeIn(ctx context.Context, tx conn, accountID int64, list []taken) error {
	if len(list) == 0 {
		return nil
	}
	if err := s.recognize(ctx, tx, accountID, list); err != nil {
		return err
	}
	ids := make([]int64, len(list))
	for i, t := range list {
		ids[i] = t.contactID
	}
	var some int
	if err := tx.row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM consents WHERE account_id = ? LIMIT 1) c", accountID).Scan(&some); err != nil || some == 0 {
		return err
	}
	out := map[int64]bool{}
	word := lastWord("k.id", accountID, 0, "")
	if err := tx.scanAll(ctx, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		out[id] = true
		return err
	}, "SELECT k.id FROM contacts k WHERE k.id "+tx.d.inIDs+" AND "+word.sql+" = 'opt_out'", append([]any{tx.d.idList(ids)}, word.args...)...); err != nil {
		return err
	}
	for _, t := range list {
		if !out[t.contactID] {
			continue
		}
		if _, err := tx.exec(ctx, insertSuppression, accountID, string(t.kind), t.address, unsubscribed, true, ms(s.clock.Now())); err != nil {
			return err
		}
	}
	return nil
}

// anyHash says whether an account has any hash: nearly none has.
const anyHash = "SELECT COUNT(*) FROM (SELECT 1 FROM suppression_hashes WHERE account_id = ? LIMIT 1) h"

// recognize suppresses addresses again whose hashes are known.
func (s *Store) recognize(ctx context.Context, tx conn, accountID int64, list []taken) error {
	var some int
	if err := tx.row(ctx, anyHash, accountID).Scan(&some); err != nil || some == 0 {
		return err
	}
	marks := map[providers.AddressKind][]string{}
	byMark := make(map[string]taken, len(list))
	for _, t := range list {
		mark := s.fingerprint(accountID, t.kind, t.address)
		marks[t.kind] = append(marks[t.kind], mark)
		byMark[mark] = t
	}
	var known []contacts.Suppression
	for kind, hashes := range marks {
		if err := tx.scanAll(ctx, func(scan func(...any) error) error {
			p := contacts.Suppression{Kind: kind}
			var at millis
			err := scan(&p.Hash, &p.Reason, &p.OptedOut, &at)
			p.Address, p.CreatedAt = byMark[p.Hash].address, at.Time
			known = append(known, p)
			return err
		}, "SELECT hash, reason, opted_out, created_at FROM suppression_hashes WHERE account_id = ? AND kind = ? AND hash "+tx.d.inTexts,
			accountID, string(kind), tx.d.textList(hashes)); err != nil {
			return err
		}
	}
	for _, p := range known {
		if _, err := tx.exec(ctx, insertSuppression, accountID, string(p.Kind), p.Address, p.Reason, p.OptedOut, ms(p.CreatedAt)); err != nil {
			return err
		}
	}
	return nil
}

// applyHashes suppresses the addresses of present contacts whose hashes have
// been taken in.
func (s *Store) applyHashes(ctx context.Context, accountID int64) error {
	var after taken
	for {
		var page []taken
		err := s.inTx(ctx, func(tx conn) error {
			page = nil
			if err := lockChannels(ctx, tx, accountID, 0); err != nil {
				return err
			}
			if err := tx.scanAll(ctx, func(scan func(...any) error) error {
				var t taken
				err := scan(&t.contactID, &t.kind, &t.address)
				page = append(page, t)
				return err
			}, "SELECT contact_id, kind, address FROM addresses WHERE account_id = ? AND (contact_id, kind) > (?, ?) ORDER BY contact_id, kind LIMIT ?",
				accountID, after.contactID, string(after.kind), exportPage); err != nil {
				return err
			}
			if err := s.recognize(ctx, tx, accountID, page); err != nil {
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
			return s.skipSuppressed(ctx, tx, accountID, standing)
		})
		if err != nil || len(page) < exportPage {
			return err
		}
		after = page[len(page)-1]
	}
}

// recognizeRecipient suppresses the address of a transactional message again if
// its hash is known; the feeder sees it then.
func (s *Store) recognizeRecipient(ctx context.Context, tx conn, o messages.Outgoing) error {
	var some int
	if err := tx.row(ctx, anyHash, o.AccountID).Scan(&some); err != nil || some == 0 {
		return err
	}
	t := taken{address: o.Address}
	if err := tx.row(ctx, "SELECT address_kind FROM channels WHERE id = ?", o.ChannelID).Scan(&t.kind); err != nil {
		return err
	}
	return s.recognize(ctx, tx, o.AccountID, []taken{t})
}
