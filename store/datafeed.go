package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/store/sqldb"
)

// hasFeed is true of the content, as it is kept, of a campaign that reads a data feed: in
// texts a quotation mark has a backslash before it.
const hasFeed = `LIKE '%"feed":{%'`

// notFed says that a run can't be planned before its data feed is kept.
type notFed struct{ planned }

func (notFed) Error() string { return "the data feed of the run is not kept yet" }

// awaitFeed takes down that a run needs a data feed. One that is sent again says what the
// first said: it has the feed of that.
func (s *Store) awaitFeed(ctx context.Context, p planned) error {
	return s.inTx(ctx, func(tx conn) error {
		now := sqldb.Millis(s.clock.Now())
		if p.run.Kind == campaigns.RunResend {
			n, err := tx.Exec(ctx, `INSERT INTO run_feeds (run_id, since, tries, kept_at, news, bytes, body)
				SELECT r.id, CAST(? AS BIGINT), 0, CAST(? AS BIGINT), f.news, f.bytes, f.body FROM runs r JOIN run_feeds f ON f.run_id = r.resend_of
				WHERE r.id = ? AND f.body IS NOT NULL ON CONFLICT (run_id) DO NOTHING`, now, now, p.run.ID)
			if err != nil || n > 0 {
				return err
			}
		}
		_, err := tx.Exec(ctx, "INSERT INTO run_feeds (run_id, since, next_try_at) VALUES (?, ?, ?) ON CONFLICT (run_id) DO NOTHING", p.run.ID, now, now)
		return err
	})
}

// AwaitedFeeds are up to n feeds of runs in planning whose next try has come.
func (s *Store) AwaitedFeeds(ctx context.Context, n int) ([]campaigns.AwaitedFeed, error) {
	list, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (f campaigns.AwaitedFeed, err error) {
		var since sqldb.Time
		var content []byte
		if err := scan(&f.RunID, &f.CampaignID, &since, &f.Tries, &content); err != nil {
			return f, err
		}
		f.Since = since.Time
		var kept keptContent
		if err := readParts(f.CampaignID, part{"content", content, &kept}); err != nil {
			return f, err
		}
		if kept.Feed == nil {
			return f, fault.New(fault.Internal, "run %d awaits a data feed, and its campaign has none", f.RunID)
		}
		f.Feed = *kept.Feed
		return f, nil
	}, `SELECT f.run_id, r.campaign_id, f.since, f.tries, v.content FROM run_feeds f JOIN runs r ON r.id = f.run_id
		JOIN campaign_versions v ON v.campaign_id = r.campaign_id AND v.version = r.version
		WHERE f.next_try_at IS NOT NULL AND f.next_try_at <= ? AND r.status = 'planning' AND r.`+ofOpenAccounts+` ORDER BY f.next_try_at, f.run_id LIMIT ?`,
		sqldb.Millis(s.clock.Now()), n)
	return list, s.translate(err)
}

// FeedBefore is the document of the last run of a campaign before one that was sent; nil
// if there is none. One that was canceled counts if somebody got it.
func (s *Store) FeedBefore(ctx context.Context, campaignID, runID int64) (body []byte, err error) {
	err = s.reader().Row(ctx, `SELECT f.body FROM runs r JOIN run_feeds f ON f.run_id = r.id
		WHERE r.campaign_id = ? AND r.id <> ? AND r.kind <> 'resend' AND f.body IS NOT NULL
		AND (r.status IN ('planning', 'sending', 'paused', 'finished')
			OR EXISTS (SELECT 1 FROM run_counts c WHERE c.run_id = r.id AND c.sent + c.delivered + c."read" > 0))
		ORDER BY r.started_at DESC, r.id DESC LIMIT 1`, campaignID, runID).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return body, s.translate(err)
}

// KeepFeed keeps the document of a run, from which on the run is planned. It changes
// nothing if the run has one: whatever is rendered of it is rendered with that.
func (s *Store) KeepFeed(ctx context.Context, runID int64, body []byte, news int) error {
	return s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, `UPDATE run_feeds SET body = ?, bytes = ?, news = ?, kept_at = ?, next_try_at = NULL, error = '', tries = tries + 1
			WHERE run_id = ? AND kept_at IS NULL`, string(body), len(body), news, sqldb.Millis(s.clock.Now()), runID)
		return err
	})
}

// PutOffFeed keeps why nothing was read, and when the next try comes.
func (s *Store) PutOffFeed(ctx context.Context, runID int64, why string, next time.Time) error {
	return s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "UPDATE run_feeds SET error = ?, next_try_at = ?, tries = tries + 1 WHERE run_id = ? AND kept_at IS NULL",
			clean(why), sqldb.Millis(next), runID)
		return err
	})
}

// GiveUpFeed fails a run whose feed can't be read, and keeps why; it changes nothing if
// somebody else has kept it.
func (s *Store) GiveUpFeed(ctx context.Context, runID int64, why string) error {
	var kept bool
	err := s.reader().Row(ctx, "SELECT kept_at IS NOT NULL FROM run_feeds WHERE run_id = ?", runID).Scan(&kept)
	if err != nil || kept {
		return s.translate(err)
	}
	return s.FailRun(ctx, runID, why)
}

// SkipRun leaves a run out of which nothing was planned: it becomes an instant that did
// not fire. It changes nothing if the run is not in planning, or if a reader that was
// taken for dead has kept its feed.
func (s *Store) SkipRun(ctx context.Context, runID int64, reason, detail string) error {
	return s.inTx(ctx, func(tx conn) error {
		var campaignID int64
		if err := tx.Row(ctx, "SELECT campaign_id FROM runs WHERE id = ?", runID).Scan(&campaignID); err != nil {
			return err
		}
		status, err := tx.lockRun(ctx, campaignID, runID)
		if err != nil || status != campaigns.RunPlanning {
			return err
		}
		now := sqldb.Millis(s.clock.Now())
		n, err := tx.Exec(ctx, "UPDATE runs SET status = 'skipped', reason = ?, detail = ?, started_at = NULL, finished_at = ? WHERE id = ? AND planned = 0 "+
			"AND NOT EXISTS (SELECT 1 FROM run_feeds f WHERE f.run_id = runs.id AND f.kept_at IS NOT NULL)",
			reason, clean(detail), now, runID)
		if err != nil || n == 0 {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE run_feeds SET next_try_at = NULL, error = '', tries = tries + 1 WHERE run_id = ?", runID); err != nil {
			return err
		}
		return tx.settleCampaign(ctx, campaignID, campaigns.Finished)
	})
}

// Old documents: how long they are kept, and how many are forgotten at a time.
const (
	feedsKeptFor   = 90 * 24 * time.Hour
	feedsForgotten = 100
)

// forgetFeeds forgets a batch of the documents of runs that were over long ago. The last
// of a campaign stays, because the next is compared with it.
func (tx conn) forgetFeeds(ctx context.Context) (n int64, err error) {
	return tx.Exec(ctx, `UPDATE run_feeds SET body = NULL WHERE run_id IN (SELECT f.run_id FROM run_feeds f JOIN runs r ON r.id = f.run_id
		WHERE f.body IS NOT NULL AND f.kept_at < ? AND r.finished_at IS NOT NULL AND EXISTS (SELECT 1 FROM runs n JOIN run_feeds g ON g.run_id = n.id
			WHERE n.campaign_id = r.campaign_id AND n.id > r.id AND n.status = 'finished' AND n.kind <> 'resend' AND g.body IS NOT NULL)
		ORDER BY f.kept_at LIMIT ?)`, sqldb.Millis(tx.s.clock.Now().Add(-feedsKeptFor)), feedsForgotten)
}

// forgetAwaited forgets when the next try of feeds comes whose runs are over: they were
// canceled, or failed.
func (tx conn) forgetAwaited(ctx context.Context) error {
	_, err := tx.Exec(ctx, `UPDATE run_feeds SET next_try_at = NULL WHERE next_try_at IS NOT NULL
		AND EXISTS (SELECT 1 FROM runs r WHERE r.id = run_feeds.run_id AND r.finished_at IS NOT NULL)`)
	return err
}
