package store

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"carillon/providers"
)

// channelMailbox is a mailbox provider on a channel.
type channelMailbox struct {
	channelID int64
	mailbox   string
}

// readWarmths reads where warm-ups of mailbox providers stand, as they are kept: JSON, empty for
// none.
func readWarmths(text string) (at map[string]providers.Warmth, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &at)
	}
	return at, err
}

// adoptMailboxes begins the warm-ups of a channel's mailbox providers, goes on with those that were
// there before, and ends those that were taken away.
func (tx conn) adoptMailboxes(ctx context.Context, c providers.Channel, before map[string]providers.Warmth) error {
	now := map[string]providers.Warmth{}
	for _, name := range slices.Sorted(maps.Keys(c.Limits.Mailboxes)) {
		up := c.Limits.Mailboxes[name].WarmUp
		if !up.On() {
			continue
		}
		if _, err := tx.Exec(ctx, "INSERT INTO channel_mailboxes (channel_id, mailbox) VALUES (?, ?) ON CONFLICT DO NOTHING", c.ID, name); err != nil {
			return err
		}
		total, err := tx.mailboxTraffic(ctx, channelMailbox{c.ID, name})
		if err != nil {
			return err
		}
		var at *providers.Warmth
		if known, begun := before[name]; begun {
			at = &known
		}
		now[name] = up.Adopt(at, c.SenderDomain, total)
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, goesOn := now[name]; goesOn {
			continue
		}
		if _, err := tx.Exec(ctx, "DELETE FROM channel_mailboxes WHERE channel_id = ? AND mailbox = ?", c.ID, name); err != nil {
			return err
		}
	}
	if len(now)+len(before) == 0 {
		return nil
	}
	return tx.keepWarmths(ctx, c.ID, now)
}

func (tx conn) keepWarmths(ctx context.Context, channelID int64, at map[string]providers.Warmth) error {
	kept := ""
	if len(at) > 0 {
		kept = mustJSON(at)
	}
	_, err := tx.Exec(ctx, "UPDATE channels SET mailbox_warmth = ? WHERE id = ?", kept, channelID)
	return err
}

// mailboxTraffic is what has come of messages to a mailbox provider that a channel warms up for.
func (tx conn) mailboxTraffic(ctx context.Context, of channelMailbox) (t providers.Traffic, err error) {
	err = tx.Row(ctx, "SELECT asked, deferred, bounced, complained FROM channel_mailboxes WHERE channel_id = ? AND mailbox = ?", of.channelID, of.mailbox).
		Scan(&t.Asked, &t.Deferred, &t.Bounced, &t.Complained)
	return t, err
}

// stepMailboxesOn takes the warm-ups of a channel's mailbox providers a step on, from where they
// stood, and reports whether the day of one allows another number now.
func (tx conn) stepMailboxesOn(ctx context.Context, c providers.Channel, kept string, now time.Time) (moved bool, err error) {
	at, err := readWarmths(kept)
	if err != nil {
		return false, err
	}
	stepped := false
	for _, name := range slices.Sorted(maps.Keys(at)) {
		total, err := tx.mailboxTraffic(ctx, channelMailbox{c.ID, name})
		if err != nil {
			return false, err
		}
		was := at[name]
		next := c.Limits.Mailboxes[name].WarmUp.Step(was, total, now)
		if next == was {
			continue
		}
		at[name], stepped = next, true
		moved = moved || next.Allowance != was.Allowance || next.Slowed != was.Slowed
	}
	if !stepped {
		return false, nil
	}
	return moved, tx.keepWarmths(ctx, c.ID, at)
}

// keepMailboxTroubles adds to a column of what came of messages to mailbox providers; those that no
// channel warms up for are not counted.
func (tx conn) keepMailboxTroubles(ctx context.Context, column string, by map[channelMailbox]int64) error {
	order := func(a, b channelMailbox) int {
		return cmp.Or(cmp.Compare(a.channelID, b.channelID), cmp.Compare(a.mailbox, b.mailbox))
	}
	for _, of := range slices.SortedFunc(maps.Keys(by), order) { // in one order, so that no two transactions wait crosswise
		if _, err := tx.Exec(ctx, "UPDATE channel_mailboxes SET "+column+" = "+column+" + ? WHERE channel_id = ? AND mailbox = ?",
			by[of], of.channelID, of.mailbox); err != nil {
			return err
		}
	}
	return nil
}

// NoteMailboxes adds what workers found out of messages to mailbox providers that a channel warms
// up for.
func (s *Store) NoteMailboxes(ctx context.Context, channelID int64, by map[string]providers.Traffic) error {
	return s.inTx(ctx, func(tx conn) error {
		for _, name := range slices.Sorted(maps.Keys(by)) {
			if _, err := tx.Exec(ctx, "UPDATE channel_mailboxes SET asked = asked + ?, deferred = deferred + ? WHERE channel_id = ? AND mailbox = ?",
				by[name].Asked, by[name].Deferred, channelID, name); err != nil {
				return err
			}
		}
		return nil
	})
}
