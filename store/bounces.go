package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
)

// A hard bounce counts as more soft ones than any limit, so that one index finds
// everything that is due.
const hardBounce = 1 << 20

// bounceNote is what the receipts of a group say of one address.
type bounceNote struct {
	soft  int
	hard  string
	reset bool
	runID int64 // of the last message
}

// bounceNotes collects notes by address, all of one channel.
type bounceNotes map[string]bounceNote

// bad reports whether a receipt may lead to a suppression.
func bad(e providers.Receipt) bool { return e.Bounce != "" || e.Status == providers.ReceiptComplained }

// add takes one receipt down. Moved says that it was news for the message:
// receipts come more than once, and a soft bounce must count once.
func (n bounceNotes) add(address string, runID int64, e providers.Receipt, moved bool) {
	note := n[address]
	note.runID = runID
	switch {
	case address == "":
		return
	case e.Status == providers.ReceiptComplained:
		note.hard = contacts.Complained
	case e.Bounce == providers.BounceHard && note.hard == "":
		note.hard = contacts.Bounced
	case e.Bounce == providers.BounceSoft && moved:
		note.soft++
	case e.Status == providers.ReceiptDelivered || e.Status == providers.ReceiptRead:
		if !moved {
			return
		}
		note.soft, note.reset = 0, true
	default:
		return
	}
	n[address] = note
}

// keepBounces keeps the notes of a channel's addresses.
func (tx conn) keepBounces(ctx context.Context, n bounceNotes, channelID int64, now time.Time) error {
	if len(n) == 0 {
		return nil
	}
	var known int
	if err := tx.Row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM bounces LIMIT 1) b").Scan(&known); err != nil {
		return err
	}
	var fine []string
	var bounced []string
	for _, address := range slices.Sorted(maps.Keys(n)) { // in one order, so that no two transactions wait crosswise
		if n[address].soft == 0 && n[address].hard == "" {
			fine = append(fine, address)
		} else {
			bounced = append(bounced, address)
		}
	}
	if known == 0 && len(bounced) == 0 {
		return nil // as nearly always
	}
	var accountID int64
	var kind providers.AddressKind
	if err := tx.Row(ctx, "SELECT account_id, address_kind FROM channels WHERE id = ?", channelID).Scan(&accountID, &kind); err != nil {
		return err
	}
	if known > 0 && len(fine) > 0 {
		if _, err := tx.Exec(ctx, "DELETE FROM bounces WHERE account_id = ? AND kind = ? AND hard = '' AND address "+tx.d.InTexts,
			accountID, string(kind), tx.d.TextList(fine)); err != nil {
			return err
		}
	}
	for _, address := range bounced {
		note := n[address]
		if note.hard != "" {
			note.soft = hardBounce
		}
		keep := "bounces.soft"
		if note.reset {
			keep = "0"
		}
		if _, err := tx.Exec(ctx, `INSERT INTO bounces (account_id, kind, address, soft, hard, last_at, channel_id, run_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (account_id, kind, address) DO UPDATE SET soft = `+keep+` + excluded.soft, last_at = excluded.last_at, channel_id = excluded.channel_id,
				run_id = excluded.run_id,
				hard = CASE WHEN excluded.hard = '' THEN bounces.hard ELSE excluded.hard END`,
			accountID, string(kind), address, note.soft, note.hard, sqldb.Millis(now), channelID, note.runID); err != nil {
			return err
		}
	}
	return nil
}

// noteBounces keeps what refusals say of addresses.
func (tx conn) noteBounces(ctx context.Context, settled []messages.Outcome) error {
	bounced := map[int64]messages.Outcome{}
	for _, o := range settled {
		if o.Bounce != "" {
			bounced[o.MessageID] = o
		}
	}
	if len(bounced) == 0 {
		return nil // as nearly always
	}
	channels := map[int64]bounceNotes{}
	var at time.Time
	err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var address string
		if err := scan(&id, &address); err != nil {
			return err
		}
		o := bounced[id]
		at = o.At
		if channels[o.ChannelID] == nil {
			channels[o.ChannelID] = bounceNotes{}
		}
		channels[o.ChannelID].add(address, o.RunID, providers.Receipt{Status: providers.ReceiptRejected, Bounce: o.Bounce}, true)
		return nil
	}, "SELECT id, address FROM messages WHERE id "+tx.d.InIDs, tx.d.IDList(slices.Collect(maps.Keys(bounced))))
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(channels)) {
		if err := tx.keepBounces(ctx, channels[id], id, at); err != nil {
			return err
		}
	}
	return nil
}

// bouncesAtOnce bounds the addresses that one transaction suppresses.
const bouncesAtOnce = 500

// SuppressBounced suppresses the addresses that are due: those that bounced for
// good or complained, and those with too many soft bounces in a row. It reports
// whether there may be more.
func (s *Store) SuppressBounced(ctx context.Context) (more bool, err error) {
	type noted struct {
		contacts.Suppression
		known bool // it is suppressed for that already: providers repeat themselves
	}
	due, err := sqldb.Structs(ctx, s.reader(), func(p *noted) []any {
		return []any{&p.AccountID, &p.Kind, &p.Address, &p.Reason, &p.known}
	}, `SELECT b.account_id, b.kind, b.address, b.hard, EXISTS (SELECT 1 FROM suppressions p WHERE p.account_id = b.account_id AND p.kind = b.kind
			AND p.address = b.address AND p.reason = CASE WHEN b.hard = '' THEN ? ELSE b.hard END)
		FROM bounces b WHERE b.soft >= ? ORDER BY b.soft LIMIT ?`, contacts.Bounced, s.softBounces, bouncesAtOnce)
	if err != nil || len(due) == 0 {
		return false, s.translate(err)
	}
	type cause struct {
		accountID int64
		source    string
	}
	lists := map[cause][]contacts.Suppression{}
	known := map[contacts.Suppression]bool{}
	for _, p := range due {
		c := cause{p.AccountID, contacts.SourceBounce}
		switch p.Reason {
		case "":
			p.Reason = contacts.Bounced
		case contacts.Complained:
			c.source = contacts.SourceComplaint
		}
		lists[c] = append(lists[c], p.Suppression)
		known[p.Suppression] = p.known
	}
	for c, list := range lists {
		if _, err := s.SuppressAll(ctx, c.accountID, list, c.source, "receipt"); err != nil {
			return false, err
		}
		if err := s.inTx(ctx, func(tx conn) error {
			by := suppressedBy{channels: map[int64]int64{}, runs: map[int64]int64{}}
			for _, p := range list {
				if err := sqldb.Each(ctx, tx, by.add(!known[p]), "DELETE FROM bounces WHERE account_id = ? AND kind = ? AND address = ? RETURNING channel_id, run_id",
					p.AccountID, string(p.Kind), p.Address); err != nil {
					return err
				}
			}
			return tx.keepSuppressed(ctx, c.source, by)
		}); err != nil {
			return false, err
		}
	}
	return len(due) == bouncesAtOnce, nil
}
