package store

import (
	"context"
	"fmt"
	"time"

	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
)

// askAfter are how long after a doubt began the provider is asked about it, until it can tell:
// its lists lag behind what it took, by seconds mostly and by up to half an hour (Mailgun).
var askAfter = []time.Duration{5 * time.Minute, 40 * time.Minute, 3 * time.Hour}

// askedUntil is when a doubt is too old to ask about: the shortest time that a provider tells of
// its messages is a day (Mailgun without a plan).
const askedUntil = 23 * time.Hour

// keepDoubts takes down which messages came to be in doubt.
func (tx conn) keepDoubts(ctx context.Context, moves []transition) error {
	var ids []int64
	for _, m := range moves {
		if m.state == messages.Unknown && m.reason == messages.ReasonInDoubt {
			ids = append(ids, m.id)
		}
	}
	if ids == nil {
		return nil
	}
	now := tx.s.clock.Now()
	_, err := tx.Exec(ctx, "INSERT INTO doubts (message_id, began_at, ask_at) SELECT id, ?, ? FROM messages WHERE id "+tx.d.InIDs+
		" ON CONFLICT (message_id) DO UPDATE SET began_at = excluded.began_at, ask_at = excluded.ask_at, tries = 0",
		sqldb.Millis(now), sqldb.Millis(now.Add(askAfter[0])), tx.d.IDList(ids))
	return err
}

// TakeDoubts are messages in doubt about which providers of some names are to be asked now, on
// channels that are active; at most limit. They are not taken again before their next turn,
// whatever becomes of the asking.
func (s *Store) TakeDoubts(ctx context.Context, names []string, limit int) (list []messages.Doubt, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		list, err = tx.takeDoubts(ctx, names, limit)
		return err
	})
	return list, err
}

func (tx conn) takeDoubts(ctx context.Context, names []string, limit int) ([]messages.Doubt, error) {
	now := tx.s.clock.Now()
	// What was settled meanwhile, by whomever, is no doubt any more.
	if _, err := tx.Exec(ctx, "DELETE FROM doubts WHERE began_at < ? OR ask_at <= ? AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = message_id AND m.state "+
		is(messages.Unknown)+")", sqldb.Millis(now.Add(-askedUntil)), sqldb.Millis(now)); err != nil {
		return nil, err
	}
	tries := map[int64]int{}
	list, err := sqldb.Query(ctx, tx, func(scan sqldb.Scan) (d messages.Doubt, err error) {
		var n int
		var began, asked sqldb.Time
		err = scan(&d.MessageID, &n, &began, &d.ChannelID, &d.AccountID, &d.RunID, &d.To, &asked, &d.Alone)
		d.Began, d.AskedFrom, d.Last = began.Time, asked.Time, n+1 == len(askAfter)
		tries[d.MessageID] = n + 1
		return d, err
	}, `SELECT d.message_id, d.tries, d.began_at, m.channel_id, h.account_id, m.run_id, m.address, COALESCE(m.claimed_at, m.created_at),
			NOT EXISTS (SELECT 1 FROM doubts e JOIN messages x ON x.id = e.message_id JOIN channels o ON o.id = x.channel_id
				WHERE e.message_id <> d.message_id AND x.state `+is(messages.Unknown)+` AND x.address = m.address AND o.account_id = h.account_id)
		FROM doubts d JOIN messages m ON m.id = d.message_id JOIN channels h ON h.id = m.channel_id
		WHERE d.ask_at <= ? AND d.tries < ? AND m.address <> '' AND h.deleted_at IS NULL AND h.status = ? AND h.provider `+tx.d.InTexts+`
		ORDER BY d.ask_at, d.message_id LIMIT ?`,
		sqldb.Millis(now), len(askAfter), string(providers.ChannelActive), tx.d.TextList(names), limit)
	for i := 0; err == nil && i < len(list); i++ {
		n, next := tries[list[i].MessageID], list[i].Began.Add(askedUntil)
		if n < len(askAfter) {
			next = list[i].Began.Add(askAfter[n])
		}
		_, err = tx.Exec(ctx, "UPDATE doubts SET tries = ?, ask_at = ? WHERE message_id = ?", n, sqldb.Millis(next), list[i].MessageID)
	}
	return list, err
}

// ReturnDoubts gives doubts back about which the provider was not asked after all: they are taken
// again in a minute.
func (s *Store) ReturnDoubts(ctx context.Context, list []messages.Doubt) error {
	ids := make([]int64, len(list))
	for i, d := range list {
		ids[i] = d.MessageID
	}
	return s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "UPDATE doubts SET tries = tries - 1, ask_at = ? WHERE tries > 0 AND message_id "+tx.d.InIDs,
			sqldb.Millis(tx.s.clock.Now().Add(returnedFor)), tx.d.IDList(ids))
		return err
	})
}

// returnedFor is how long a doubt waits that was taken and not asked about.
const returnedFor = time.Minute

// OtherMessages are those of the ids of a channel's provider that messages of the account have,
// through any channel of that provider.
func (s *Store) OtherMessages(ctx context.Context, accountID, channelID int64, providerIDs []string) (map[string]bool, error) {
	known := map[string]bool{}
	err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var id string
		err := scan(&id)
		known[id] = true
		return err
	}, `SELECT m.provider_id FROM channels h JOIN messages m ON m.channel_id = h.id AND m.provider_id IS NOT NULL AND m.provider_id `+s.d.InTexts+`
		WHERE h.account_id = ? AND h.provider = (SELECT provider FROM channels WHERE id = ?)`, s.d.TextList(providerIDs), accountID, channelID)
	return known, s.translate(err)
}

// SettleFound does what somebody would who had looked into the provider's log: a message in
// doubt counts as sent, with what the provider says of it besides, or as failed. One that was
// settled meanwhile stays as it is. What the provider could not tell the last time that it was
// asked is written into the message's history.
func (s *Store) SettleFound(ctx context.Context, f messages.Finding) (settled bool, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if f.RunID != 0 { // which may have finished, or been canceled meanwhile
			if err := tx.lockRuns(ctx, map[int64]bool{f.RunID: true}); err != nil {
				return err
			}
		}
		l := tx.ledger()
		if settled, err = l.settleFound(ctx, f); err != nil {
			return err
		}
		return l.close(ctx, shardReaper)
	})
	if err != nil {
		return false, fmt.Errorf("settle what was in doubt: %w", err)
	}
	return settled, nil
}

func (l *ledger) settleFound(ctx context.Context, f messages.Finding) (bool, error) {
	key := countKey{f.RunID, f.ChannelID}
	where := fragment{"id = ?", []any{f.MessageID}}
	switch f.Fate {
	case providers.FateTaken:
		const detail = "the provider was asked, and has taken it"
		n, err := l.swap(ctx, change{
			move: moves.found, args: []any{messages.ReasonProviderAsked, detail, sqldb.Millis(l.now), nullText(f.ProviderID)}, where: where, whose: &key,
			tell: moves.found.tells(l.now, messages.ReasonProviderAsked, detail),
		})
		if err != nil || n == 0 {
			return false, err
		}
		return true, l.learn(ctx, f)
	case providers.FateNotTaken:
		const detail = "the provider was asked, and has not taken it"
		n, err := l.swap(ctx, change{
			move: moves.settleNotSent, args: []any{messages.ReasonProviderAsked, detail, sqldb.Millis(l.now)}, where: where, whose: &key,
			tell: moves.settleNotSent.tells(l.now, messages.ReasonProviderAsked, detail),
		})
		return n > 0, err
	}
	if !f.Last {
		return false, nil
	}
	held, err := sqldb.IDs(ctx, l, "SELECT id FROM messages WHERE id = ? AND state "+is(messages.Unknown)+l.d.ForUpdate, f.MessageID)
	if err != nil || len(held) == 0 {
		return false, err
	}
	return false, l.keepTransitions(ctx, []transition{{
		id: f.MessageID, state: messages.Unknown, at: l.now, reason: messages.ReasonProviderAsked,
		detail: "the provider was asked, and can't tell: " + f.Detail,
	}})
}

// learn takes down what else is known of a message that was found: receipts that came by the
// provider's id, which nobody knew, and what the provider said just now.
func (l *ledger) learn(ctx context.Context, f messages.Finding) error {
	if f.ProviderID != "" {
		if err := l.unparkProvider(ctx, f.ChannelID, []string{f.ProviderID}); err != nil {
			return err
		}
	}
	if f.Receipt == nil {
		return nil
	}
	r := *f.Receipt
	r.MessageID, r.ProviderID = f.MessageID, ""
	return l.applyReceipts(ctx, f.ChannelID, []providers.Receipt{r})
}
