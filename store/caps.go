package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/sqldb"
)

const selectCap = "SELECT id, account_id, category_id, priority, max_messages, window_seconds, action, created_at FROM frequency_caps"

func scanCap(scan sqldb.Scan) (contacts.FrequencyCap, error) {
	var c contacts.FrequencyCap
	var seconds int64
	var created sqldb.Time
	err := scan(&c.ID, &c.AccountID, &c.CategoryID, &c.Priority, &c.MaxMessages, &seconds, &c.Action, &created)
	c.Window, c.CreatedAt = time.Duration(seconds)*time.Second, created.Time
	return c, err
}

// SetCap keeps a cap, instead of one of the same category, priority and window.
func (s *Store) SetCap(ctx context.Context, c contacts.FrequencyCap) (contacts.FrequencyCap, error) {
	err := s.inTx(ctx, func(tx conn) error {
		id, err := tx.Insert(ctx, `INSERT INTO frequency_caps (account_id, category_id, priority, max_messages, window_seconds, action, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account_id, category_id, priority, window_seconds)
			DO UPDATE SET max_messages = excluded.max_messages, action = excluded.action`,
			c.AccountID, c.CategoryID, c.Priority, c.MaxMessages, int64(c.Window/time.Second), string(c.Action), sqldb.Millis(s.clock.Now()))
		if err != nil {
			return err
		}
		c, err = scanCap(tx.Row(ctx, selectCap+" WHERE id = ?", id).Scan)
		return err
	})
	return c, err
}

// GetCap is one frequency cap.
func (s *Store) GetCap(ctx context.Context, accountID, id int64) (contacts.FrequencyCap, error) {
	c, err := scanCap(s.reader().Row(ctx, selectCap+" WHERE id = ? AND account_id = ?", id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return c, noCap(id)
	}
	return c, s.translate(err)
}

func noCap(id int64) error { return fault.New(fault.NotFound, "there is no frequency cap %d", id) }

// ListCaps lists an account's frequency caps behind the id after.
func (s *Store) ListCaps(ctx context.Context, accountID, after int64, limit int) ([]contacts.FrequencyCap, error) {

	list, err := sqldb.Query(ctx, s.reader(), scanCap, selectCap+" WHERE account_id = ? AND id > ? ORDER BY id LIMIT ?", accountID, after, limit)
	return list, s.translate(err)
}

// DeleteCap takes a frequency cap away.
func (s *Store) DeleteCap(ctx context.Context, accountID, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "DELETE FROM frequency_caps WHERE id = ? AND account_id = ?", id, accountID)
		if err == nil && n == 0 {
			return noCap(id)
		}
		return err
	})
}

// capsFor are the caps that campaigns of a category count for. Feeders of the
// account wait for each other here, until the transaction ends: each must see
// what the one before has put into a window.
func (tx conn) capsFor(ctx context.Context, accountID, category int64) (list []contacts.FrequencyCap, err error) {
	list, err = sqldb.Query(ctx, tx, scanCap, selectCap+" WHERE account_id = ? AND (category_id = 0 OR category_id = ?) ORDER BY id"+tx.d.ForUpdate,
		accountID, category)
	return list, err
}

// capHistory is what a contact was sent, or is about to be.
type capHistory struct {
	sent     []capSend
	inFlight map[int64]int // by category
}

type capSend struct {
	at       time.Time
	category int64
}

// recheck is how soon a message is looked at again that waits for one in flight,
// of which nobody knows yet whether it will count.
const recheck = time.Minute

// verdict is what a cap makes of a message.
type verdict struct {
	action contacts.CapAction // empty: it may go
	due    time.Time
	cap    contacts.FrequencyCap
}

// judge says whether a contact may be sent another message at the time now.
func (h capHistory) judge(caps []contacts.FrequencyCap, now time.Time) (v verdict) {
	for _, c := range caps {
		var times []time.Time
		for _, s := range h.sent {
			if (c.CategoryID == 0 || c.CategoryID == s.category) && s.at.After(now.Add(-c.Window)) {
				times = append(times, s.at)
			}
		}
		flying := 0
		for category, n := range h.inFlight {
			if c.CategoryID == 0 || c.CategoryID == category {
				flying += n
			}
		}
		if len(times)+flying < c.MaxMessages {
			continue
		}
		due := now.Add(min(recheck, c.Window))
		if flying < c.MaxMessages {
			// There is room when the oldest of the newest that fill the cap is out of
			// the window.
			slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
			due = times[c.MaxMessages-1-flying].Add(c.Window)
		}
		if v.action == contacts.CapSkip {
			continue
		}
		if c.Action == contacts.CapSkip || due.After(v.due) {
			v = verdict{c.Action, due, c}
		}
	}
	return v
}

func capDetail(c contacts.FrequencyCap) string {
	return fmt.Sprintf("frequency cap %d: at most %d in %s", c.ID, c.MaxMessages, c.Window)
}

// capHistories reads what the recipients were sent in the longest window, and
// what is in flight to them besides these messages, which are marked queued.
func (tx conn) capHistories(ctx context.Context, f feeding, fed []marked, now time.Time) (map[int64]capHistory, error) {
	histories := make(map[int64]capHistory, len(fed))
	ids := make([]int64, 0, len(fed))
	for _, m := range fed {
		ids = append(ids, m.contactID)
		h, known := histories[m.contactID]
		if !known {
			h.inFlight = map[int64]int{}
		}
		h.inFlight[f.category]--
		histories[m.contactID] = h
	}
	var longest time.Duration
	for _, c := range f.caps {
		longest = max(longest, c.Window)
	}
	const from = " FROM messages m JOIN runs r ON r.id = m.run_id JOIN campaigns k ON k.id = r.campaign_id WHERE m.run_id > 0 AND m.contact_id > 0 " +
		"AND m.contact_id "
	list := tx.d.IDList(ids)
	// One statement, which sees one moment: between two a message could be sent that
	// is in flight no more for the second and not sent yet for the first.
	return histories, sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var send capSend
		var at sqldb.Time
		if err := scan(&id, &at, &send.category); err != nil {
			return err
		}
		h := histories[id]
		if at.IsZero() {
			h.inFlight[send.category]++
			return nil
		}
		// What is kept is the beginning of the millisecond in which it was sent: counted
		// to its end, no window is that much too short.
		send.at = at.Add(time.Millisecond)
		h.sent = append(h.sent, send)
		histories[id] = h
		return nil
	}, "SELECT m.contact_id, m.sent_at, k.category_id"+from+tx.d.InIDs+` AND m.sent_at IS NOT NULL AND m.sent_at >= ? AND m.state `+
		isNot(messages.Queued, messages.Sending)+`
		UNION ALL SELECT m.contact_id, CAST(NULL AS BIGINT), k.category_id`+from+tx.d.InIDs+` AND m.`+phaseInFlight+`
		AND m.channel_id IN (SELECT id FROM channels WHERE account_id = ?)`, list, sqldb.Millis(now.Add(-longest)), list, f.accountID)
}
