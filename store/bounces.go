package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
	"carillon/providers/mail"
	"carillon/providers/mailbox"
	"carillon/store/sqldb"
)

// bounceNote is what the receipts of a group say of one address.
type bounceNote struct {
	soft  int
	hard  string
	reset bool
	runID int64 // of the last message
}

// bounceNotes collects notes by address, all of one channel.
type bounceNotes map[string]bounceNote

// forGood reports whether a receipt says of an address that it is not to be written to any more.
func forGood(e providers.Receipt) bool {
	return e.Bounce == providers.BounceHard || e.Status == providers.ReceiptComplained || e.Status == providers.ReceiptUnsubscribed
}

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
	case e.Status == providers.ReceiptUnsubscribed:
		if note.hard == "" {
			note.hard = contacts.Unsubscribed
		}
	case e.Bounce == providers.BounceHard && note.hard != contacts.Complained:
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

// bounced is an address that is to be suppressed.
type bounced struct {
	contacts.Suppression
	// channelID and runID are of the message whose fate decided it.
	channelID, runID int64
}

// source is what its suppression is recorded to come from.
func (b bounced) source() string {
	switch b.Reason {
	case contacts.Complained:
		return contacts.SourceComplaint
	case contacts.Unsubscribed:
		return contacts.SourceProvider
	}
	return contacts.SourceBounce
}

// keepBounces keeps the notes of a channel's addresses. Those that are due are suppressed
// when the ledger is closed.
func (l *ledger) keepBounces(ctx context.Context, n bounceNotes, channelID int64, now time.Time) error {
	if len(n) == 0 {
		return nil
	}
	var known int
	if err := l.Row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM bounces LIMIT 1) b").Scan(&known); err != nil {
		return err
	}
	var fine []string
	var bad []string
	for _, address := range slices.Sorted(maps.Keys(n)) { // in one order, so that no two transactions wait crosswise
		if n[address].soft == 0 && n[address].hard == "" {
			fine = append(fine, address)
		} else {
			bad = append(bad, address)
		}
	}
	if known == 0 && len(bad) == 0 {
		return nil // as nearly always
	}
	var accountID int64
	var kind providers.AddressKind
	if err := l.Row(ctx, "SELECT account_id, address_kind FROM channels WHERE id = ?", channelID).Scan(&accountID, &kind); err != nil {
		return err
	}
	if known > 0 && len(fine) > 0 {
		if _, err := l.Exec(ctx, "DELETE FROM bounces WHERE account_id = ? AND kind = ? AND address "+l.d.InTexts,
			accountID, string(kind), l.d.TextList(fine)); err != nil {
			return err
		}
	}
	for _, address := range bad {
		note := n[address]
		due := bounced{contacts.Suppression{AccountID: accountID, Kind: kind, Address: address, Reason: note.hard}, channelID, note.runID}
		if due.Reason == "" {
			soft, err := l.keepSoft(ctx, due.Suppression, note, now)
			if err != nil {
				return err
			}
			if soft < l.s.softBounces {
				continue
			}
			due.Reason = contacts.Bounced
		}
		l.bounced = append(l.bounced, due)
	}
	return nil
}

// keepSoft adds soft bounces of an address and returns how many it has in a row.
func (tx conn) keepSoft(ctx context.Context, p contacts.Suppression, note bounceNote, now time.Time) (soft int, err error) {
	keep := "bounces.soft"
	if note.reset {
		keep = "0"
	}
	err = tx.Row(ctx, `INSERT INTO bounces (account_id, kind, address, soft, last_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (account_id, kind, address) DO UPDATE SET soft = `+keep+` + excluded.soft, last_at = excluded.last_at RETURNING soft`,
		p.AccountID, string(p.Kind), p.Address, note.soft, sqldb.Millis(now)).Scan(&soft)
	return soft, err
}

// noteBounces keeps what refusals say of addresses.
func (l *ledger) noteBounces(ctx context.Context, settled []messages.Outcome) error {
	refused := map[int64]messages.Outcome{}
	for _, o := range settled {
		if o.Bounce != "" {
			refused[o.MessageID] = o
		}
	}
	if len(refused) == 0 {
		return nil // as nearly always
	}
	channels := map[int64]bounceNotes{}
	var at time.Time
	err := sqldb.Each(ctx, l, func(scan sqldb.Scan) error {
		var id int64
		var address string
		if err := scan(&id, &address); err != nil {
			return err
		}
		o := refused[id]
		at = o.At
		if channels[o.ChannelID] == nil {
			channels[o.ChannelID] = bounceNotes{}
		}
		channels[o.ChannelID].add(address, o.RunID, providers.Receipt{Status: providers.ReceiptRejected, Bounce: o.Bounce}, true)
		return nil
	}, "SELECT id, address FROM messages WHERE id "+l.d.InIDs, l.d.IDList(slices.Collect(maps.Keys(refused))))
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(channels)) {
		if err := l.keepBounces(ctx, channels[id], id, at); err != nil {
			return err
		}
	}
	return nil
}

// lockBouncing locks, before anything else, what suppressing takes for what a group says of
// addresses for good, and what a contact whose address moves takes. Soft bounces are too many and decide too seldom for that.
func (l *ledger) lockBouncing(ctx context.Context, group []*op) error {
	var channels []int64
	for _, o := range group {
		for _, outcome := range o.outcomes {
			if outcome.Bounce == providers.BounceHard || outcome.MovedTo != "" {
				channels = append(channels, outcome.ChannelID)
			}
		}
		if slices.ContainsFunc(o.events, forGood) {
			channels = append(channels, o.channel)
		}
	}
	if len(channels) == 0 || !l.s.Postgres() {
		return nil // SQLite has one writer
	}
	slices.Sort(channels)
	accounts, err := sqldb.Column[int64](ctx, l, "SELECT DISTINCT account_id FROM channels WHERE id "+l.d.InIDs+" ORDER BY account_id",
		l.d.IDList(slices.Compact(channels)))
	if err != nil {
		return err
	}
	return l.lockAccounts(ctx, accounts)
}

// lockAccounts locks accounts in order, then their channels.
func (tx conn) lockAccounts(ctx context.Context, accounts []int64) error {
	for _, id := range accounts {
		if err := tx.lockAccount(ctx, id); err != nil {
			return err
		}
		if err := tx.lockChannels(ctx, id, 0); err != nil {
			return err
		}
	}
	return nil
}

// suppressBounced suppresses the addresses that are due: those that bounced for good,
// complained or left, and those with too many soft bounces in a row.
func (l *ledger) suppressBounced(ctx context.Context) error {
	type cause struct {
		accountID int64
		source    string
	}
	lists := map[cause][]bounced{}
	var accounts []int64
	for _, b := range l.bounced {
		c := cause{b.AccountID, b.source()}
		lists[c] = append(lists[c], b)
		accounts = append(accounts, b.AccountID)
	}
	slices.Sort(accounts)
	if err := l.lockAccounts(ctx, slices.Compact(accounts)); err != nil {
		return err
	}
	for c, list := range lists {
		if err := l.suppressAll(ctx, c.accountID, c.source, list); err != nil {
			return err
		}
	}
	return nil
}

// suppressAll suppresses addresses of an account that are due for the same cause.
func (tx conn) suppressAll(ctx context.Context, accountID int64, source string, list []bounced) error {
	suppressions := make([]contacts.Suppression, len(list))
	byKind := map[providers.AddressKind][]string{}
	for i, b := range list {
		suppressions[i] = b.Suppression
		byKind[b.Kind] = append(byKind[b.Kind], b.Address)
	}
	done, err := tx.suppressAs(ctx, accountID, suppressions, source, "receipt")
	if err != nil {
		return err
	}
	by := suppressedBy{channels: map[int64]int64{}, runs: map[int64]int64{}, mailboxes: map[channelMailbox]int64{}}
	for _, b := range list {
		if done.before[keyOf(b.Suppression)] != b.Reason { // providers repeat themselves
			by.channels[b.channelID]++
			by.runs[b.runID]++
			if name := mailbox.Known(mail.Domain(b.Address)); name != "" {
				by.mailboxes[channelMailbox{b.channelID, name}]++
			}
		}
	}
	for kind, addresses := range byKind {
		if _, err := tx.Exec(ctx, "DELETE FROM bounces WHERE account_id = ? AND kind = ? AND address "+tx.d.InTexts,
			accountID, string(kind), tx.d.TextList(addresses)); err != nil {
			return err
		}
	}
	return tx.keepSuppressed(ctx, source, by)
}
