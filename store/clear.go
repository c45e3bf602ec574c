package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/sqldb"
)

// Clearing the queue takes many small transactions. The first one binds: it
// writes the clearing down, which keeps the feeder away, and cancels what is in
// the windows. The rest follows in batches, by whoever began or, if that
// process dies, by the scheduler.

// examplesKept is how many of the cleared messages a clearing shows.
const examplesKept = 10

// BeginClear binds a clearing of everything that the filter selects and has not
// been claimed.
func (s *Store) BeginClear(ctx context.Context, f messages.QueueFilter, actor string) (c messages.Clearing, err error) {
	err = s.withdraw(ctx, func(tx conn) error {
		if err := tx.lockChannels(ctx, f.AccountID, f.ChannelID); err != nil {
			return err
		}
		c = messages.Clearing{
			AccountID: f.AccountID, ChannelID: f.ChannelID, CampaignID: f.CampaignID, Actor: actor, CreatedAt: s.clock.Now(),
		}
		examples, err := tx.clearExamples(ctx, f)
		if err != nil {
			return err
		}
		c.Examples = examples
		var maxID sql.NullInt64
		if err := tx.Row(ctx, "SELECT MAX(id) FROM messages").Scan(&maxID); err != nil {
			return err
		}
		c.ID, err = tx.Insert(ctx, `INSERT INTO clears (account_id, channel_id, campaign_id, max_id, actor, examples, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?)`, f.AccountID, f.ChannelID, f.CampaignID, maxID.Int64, clean(actor), mustJSON(examples), sqldb.Millis(c.CreatedAt))
		if err != nil {
			return err
		}
		scope, err := tx.clearScope(ctx, f, "queued")
		if err != nil {
			return err
		}
		for _, w := range scope {
			n, err := tx.clearState(ctx, clearing{
				countKey: w, id: c.ID, actor: actor, from: messages.Queued, maxID: maxID.Int64, limit: noLimit,
			})
			if err != nil {
				return err
			}
			c.Cleared += n
		}
		// What was claimed while this went on is not cleared here, but it is meant: the
		// time of the clearing is that of its end.
		c.CreatedAt = s.clock.Now()
		if _, err := tx.Exec(ctx, "UPDATE clears SET cleared = ?, created_at = ? WHERE id = ?", c.Cleared, sqldb.Millis(c.CreatedAt), c.ID); err != nil {
			return err
		}
		return tx.halt(ctx)
	})
	return c, err
}

// ContinueClear cancels the next batch of a clearing. FinishedAt is set once
// nothing is left.
func (s *Store) ContinueClear(ctx context.Context, id int64) (c messages.Clearing, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		var maxID int64
		c, maxID, err = scanClearing(tx.Row(ctx, selectClearing+" WHERE id = ?"+tx.d.ForUpdate, id))
		if err != nil || c.FinishedAt != nil {
			return err
		}
		f := messages.QueueFilter{AccountID: c.AccountID, ChannelID: c.ChannelID, CampaignID: c.CampaignID}
		scope, err := tx.clearScope(ctx, f, "pending")
		if err != nil {
			return err
		}
		var n int64
		for _, w := range scope {
			cleared, err := tx.clearState(ctx, clearing{
				countKey: w, id: id, actor: c.Actor, from: messages.Pending, maxID: maxID, limit: cancelBatch - n,
			})
			if err != nil {
				return err
			}
			if n += cleared; n >= cancelBatch {
				break
			}
		}
		c.Cleared += n
		if n < cancelBatch {
			now := s.clock.Now()
			c.FinishedAt = &now
		}
		_, err = tx.Exec(ctx, "UPDATE clears SET cleared = ?, finished_at = ? WHERE id = ?", c.Cleared, sqldb.MillisPtr(c.FinishedAt), id)
		return err
	})
	return c, err
}

// OpenClears are the clearings that are not finished.
func (s *Store) OpenClears(ctx context.Context) ([]int64, error) {
	return s.ids(ctx, "SELECT id FROM clears WHERE finished_at IS NULL ORDER BY id")
}

// GetClearing looks a clearing up afterwards.
func (s *Store) GetClearing(ctx context.Context, accountID, id int64) (messages.Clearing, error) {
	clearing, _, err := scanClearing(s.reader().Row(ctx, selectClearing+" WHERE id = ? AND account_id = ?", id, accountID))
	if errors.Is(err, sql.ErrNoRows) {
		return clearing, fault.New(fault.NotFound, "there is no clearing %d", id)
	}
	return clearing, s.translate(err)
}

const selectClearing = `SELECT id, account_id, channel_id, campaign_id, max_id, actor, cleared, examples, created_at, finished_at FROM clears`

func scanClearing(row *sql.Row) (c messages.Clearing, maxID int64, err error) {
	var examples string
	var created, finished sqldb.Time
	if err := row.Scan(&c.ID, &c.AccountID, &c.ChannelID, &c.CampaignID, &maxID, &c.Actor, &c.Cleared, &examples, &created, &finished); err != nil {
		return c, 0, err
	}
	c.CreatedAt, c.FinishedAt = created.Time, finished.Ptr()
	return c, maxID, json.Unmarshal([]byte(examples), &c.Examples)
}

// clearScope lists the channels and runs with messages in a state.
func (tx conn) clearScope(ctx context.Context, f messages.QueueFilter, column string) (scope []countKey, err error) {
	where, args := queueWhere(f)
	scope, err = sqldb.Structs(ctx, tx, func(key *countKey) []any {
		return []any{&key.runID, &key.channelID}
	}, `SELECT c.run_id, c.channel_id FROM `+unfinished+` r JOIN run_counts c ON c.run_id = r.id JOIN channels h ON h.id = c.channel_id
		WHERE `+where+` GROUP BY c.run_id, c.channel_id HAVING SUM(c.`+column+`) > 0 ORDER BY 1, 2`, args...)
	return scope, err
}

// clearing is what one transaction of a clearing cancels of a run and channel.
type clearing struct {
	countKey
	id    int64 // of the clearing
	actor string
	from  messages.State
	maxID int64
	limit int64
}

// clearState cancels at most limit messages of one run and channel in a state.
func (tx conn) clearState(ctx context.Context, c clearing) (int64, error) {
	found, index := phasePending, tx.d.pendingIndex
	if c.from == messages.Queued {
		found, index = phaseInFlight+" AND state "+is(messages.Queued), ""
	}
	l := tx.ledger()
	n, err := l.swap(ctx, change{
		move:  moves.cancel.narrowed(c.from),
		args:  []any{messages.ReasonCleared, "by " + clean(c.actor) + ", clearing " + strconv.FormatInt(c.id, 10), sqldb.Millis(tx.s.clock.Now())},
		whose: &c.countKey,
		where: fragment{"id " + tx.d.InQuery("SELECT id FROM messages "+index+" WHERE channel_id = ? AND run_id = ? AND "+found+
			" AND id <= ? ORDER BY due_at, id LIMIT ?"+tx.d.ForUpdate), []any{c.channelID, c.runID, c.maxID, c.limit}},
	})
	if err != nil {
		return 0, err
	}
	return n, l.close(ctx, shardOperator)
}

func (tx conn) clearExamples(ctx context.Context, f messages.QueueFilter) ([]messages.ClearedMessage, error) {
	examples := []messages.ClearedMessage{}
	waiting, err := tx.queueHead(ctx, f, examplesKept)
	for _, m := range waiting {
		examples = append(examples, messages.ClearedMessage{MessageID: m.ID, CampaignID: m.CampaignID, Address: m.Address})
	}
	return examples, err
}

// OldestWaiting is since when the oldest message waits on each of the channels, by
// id; those on which none does are left out.
func (s *Store) OldestWaiting(ctx context.Context, channels []campaigns.LiveChannel) (map[int64]time.Time, error) {
	oldest := map[int64]time.Time{}
	for _, c := range channels {
		if c.Pending+c.Queued == 0 {
			continue
		}
		by, err := s.waiting(ctx, messages.QueueFilter{AccountID: c.AccountID, ChannelID: c.ID})
		if err != nil {
			return nil, err
		}
		if since := by.of(c.ID).Whole.Oldest; since != nil {
			oldest[c.ID] = *since
		}
	}
	return oldest, nil
}

// QueuePreview is the head of the outbound queue: what is in the windows, then
// what waits for room, at most limit messages.
func (s *Store) QueuePreview(ctx context.Context, f messages.QueueFilter, limit int) ([]messages.Message, error) {
	head, err := s.reader().queueHead(ctx, f, limit)
	return head, s.translate(err)
}

// queueWhere is the condition of a filter over run_counts c, channels h and
// runs r.
func queueWhere(f messages.QueueFilter) (string, []any) {
	where, args := []string{"h.account_id = ?"}, []any{f.AccountID}
	if f.ChannelID != 0 {
		where, args = append(where, "c.channel_id = ?"), append(args, f.ChannelID)
	}
	if f.CampaignID != 0 {
		where, args = append(where, "r.campaign_id = ?"), append(args, f.CampaignID)
	}
	return strings.Join(where, " AND "), args
}

func (tx conn) queueHead(ctx context.Context, f messages.QueueFilter, limit int) (head []messages.Message, err error) {
	for _, part := range []struct{ column, condition string }{
		{"queued", "m." + phaseInFlight + " AND m.state " + is(messages.Queued)},
		{"pending", "m." + phasePending},
	} {
		scope, err := tx.clearScope(ctx, f, part.column)
		if err != nil {
			return nil, err
		}
		for _, w := range scope {
			if len(head) >= limit {
				return head, nil
			}
			waiting, err := sqldb.Query(ctx, tx, scanMessage,
				selectMessage+" WHERE m.channel_id = ? AND m.run_id = ? AND "+part.condition+" ORDER BY m.due_at, m.id LIMIT ?",
				w.channelID, w.runID, limit-len(head))
			if err != nil {
				return nil, err
			}
			head = append(head, waiting...)
		}
	}
	return head, nil
}

// clearSkew is how far the clocks of the processes may be apart: a claim that was
// committed before a clearing may carry a time after it. Nothing that a clearing
// means can be claimed anew so soon behind it, but for an operator's resend.
const clearSkew = time.Second

// clearRemembered is how long a clearing counts for messages that were in flight
// while it ran. It is longer than any request to a provider takes.
const clearRemembered = time.Hour

// cancelCleared cancels those of the messages that have just gone back to pending
// and that a clearing would have canceled had they not been claimed while it ran:
// given back, refused for now, or in doubt meanwhile.
func (l *ledger) cancelCleared(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := l.swap(ctx, change{
		move: moves.cancelCleared, args: []any{messages.ReasonCleared, sqldb.Millis(l.now)},
		where: fragment{"id " + l.d.InIDs + ` AND EXISTS (
			SELECT 1 FROM clears k JOIN channels h ON h.account_id = k.account_id AND h.id = messages.channel_id
			WHERE k.created_at > ? AND k.created_at >= messages.claimed_at - ? AND k.max_id >= messages.id AND k.channel_id IN (0, messages.channel_id)
				AND (k.campaign_id = 0 OR k.campaign_id = (SELECT campaign_id FROM runs WHERE runs.id = messages.run_id)))`,
			[]any{l.d.IDList(ids), sqldb.Millis(l.now.Add(-clearRemembered)), clearSkew.Milliseconds()}},
	})
	return err
}
