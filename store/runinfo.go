package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/templates/liquid"
)

// CampaignOfRun is the campaign behind a run, as far as sending needs it: content
// and audience of the version that the run keeps, its snippets, throttle, weight.
func (s *Store) CampaignOfRun(ctx context.Context, runID int64) (campaigns.Campaign, error) {
	var c campaigns.Campaign
	var audience, content, resolved, variants, throttle, snippets []byte
	err := s.reader().Row(ctx, `SELECT k.id, k.account_id, k.name, k.channel_id, v.audience, v.content, v.resolved, v.variants, k.throttle, k.weight, k.status,
			r.snippets, v.version
		FROM runs r JOIN campaigns k ON k.id = r.campaign_id JOIN campaign_versions v ON v.campaign_id = r.campaign_id AND v.version = r.version
		WHERE r.id = ?`, runID).
		Scan(&c.ID, &c.AccountID, &c.Name, &c.ChannelID, &audience, &content, &resolved, &variants, &throttle, &c.Weight, &c.Status, &snippets, &c.Version)
	if err != nil {
		return c, s.translate(err)
	}
	var written keptContent
	if err := readParts(c.ID, part{"audience", audience, &c.Audience}, part{"content", content, &written}, part{"throttle", throttle, &c.Throttle},
		part{"snippets", snippets, &c.Snippets}); err != nil {
		return c, err
	}
	c.Content, c.Template, c.Experiment, c.Tracking = written.Content, written.Template, written.Experiment, written.Tracking
	c.Conversion = written.Conversion
	if len(resolved) > 0 {
		if err := readParts(c.ID, part{"resolved template", resolved, &c.Resolved}); err != nil {
			return c, err
		}
	}
	if len(variants) > 0 {
		if err := readParts(c.ID, part{"resolved templates of variants", variants, &c.ResolvedVariants}); err != nil {
			return c, err
		}
	}
	c.RunID = runID
	return c, nil
}

// RunLanguages counts the messages of a run by the languages in which its template spoke,
// the largest first.
func (s *Store) RunLanguages(ctx context.Context, runID int64) ([]campaigns.SpokenCount, error) {
	list, err := sqldb.Structs(ctx, s.reader(), func(c *campaigns.SpokenCount) []any { return []any{&c.Language, &c.Messages, &c.Reached} },
		`SELECT language, COUNT(*), SUM(CASE WHEN state `+is(accepted...)+` THEN 1 ELSE 0 END) FROM messages
		WHERE run_id > 0 AND run_id = ? AND language IS NOT NULL GROUP BY language ORDER BY 2 DESC, 1`, runID)
	return list, s.translate(err)
}

// RunReasons counts the messages of a run by state and reason, the largest first, those
// without a reason left out.
func (s *Store) RunReasons(ctx context.Context, runID int64) ([]campaigns.ReasonCount, error) {
	list, err := sqldb.Structs(ctx, s.reader(), func(c *campaigns.ReasonCount) []any { return []any{&c.State, &c.Reason, &c.Messages} },
		`SELECT state, reason, COUNT(*) FROM messages
		WHERE run_id > 0 AND run_id = ? AND reason IS NOT NULL AND reason <> '' GROUP BY state, reason ORDER BY 3 DESC, 1, 2`, runID)
	return list, s.translate(err)
}

// OccasionOfRun is what the messages of a run are part of, with the data feed as it is kept
// with the run. It is Invalid if the feed can't be read any more.
func (s *Store) OccasionOfRun(ctx context.Context, runID int64) (*liquid.Occasion, error) {
	o := &liquid.Occasion{Run: liquid.Run{ID: runID}}
	var instant, kept sqldb.Time
	var schedule, feed []byte
	var channelZone string
	err := s.reader().Row(ctx, `SELECT r.instant, r.kind, k.name, k.schedule, h.name, h.provider, h.timezone, a.name, f.kept_at, f.body
		FROM runs r JOIN campaigns k ON k.id = r.campaign_id JOIN channels h ON h.id = r.channel_id JOIN accounts a ON a.id = r.account_id
		LEFT JOIN run_feeds f ON f.run_id = r.id WHERE r.id = ?`, runID).
		Scan(&instant, &o.Run.Kind, &o.CampaignName, &schedule, &o.Channel.Name, &o.Channel.Provider, &channelZone, &o.AccountName, &kept, &feed)
	if err != nil {
		return nil, s.translate(err)
	}
	var zoned campaigns.Schedule
	if err := readParts(runID, part{"schedule", schedule, &zoned}); err != nil {
		return nil, err
	}
	o.Run.Instant = zoned.LocalInstant(instant.Time, channelZone)
	if feed == nil && !kept.IsZero() {
		return nil, fault.New(fault.Invalid, "the data feed of the run is not kept any more: it was over 90 days ago")
	}
	if feed != nil {
		if o.Feed, err = liquid.ParseFeed(feed); err != nil {
			return nil, fault.New(fault.Invalid, "the data feed that is kept with the run %v", err)
		}
	}
	return o, nil
}

// ChannelByID is a channel of any account.
func (s *Store) ChannelByID(ctx context.Context, id int64) (providers.Channel, error) {
	list, err := s.channels(ctx, selectChannel+" WHERE id = ?", id)
	if err == nil && len(list) == 0 {
		err = noChannel(id)
	}
	if err != nil {
		return providers.Channel{}, err
	}
	return list[0], nil
}

// AnyChannel is a channel of whatever account that is not deleted.
func (s *Store) AnyChannel(ctx context.Context, id int64) (providers.Channel, error) {
	list, err := s.channels(ctx, selectChannel+" WHERE id = ? AND deleted_at IS NULL", id)
	if err == nil && len(list) == 0 {
		err = noChannel(id)
	}
	if err != nil {
		return providers.Channel{}, err
	}
	return list[0], nil
}

// PooledChannels are the channels of an account that count their recipients of a day under a
// name, those that were deleted among them: what they have sent counts for a day.
func (s *Store) PooledChannels(ctx context.Context, accountID int64, pool string) (ids []int64, err error) {
	err = sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var id int64
		var kept []byte
		if err := scan(&id, &kept); err != nil {
			return err
		}
		var limits providers.Limits
		if err := json.Unmarshal(kept, &limits); err != nil {
			return fmt.Errorf("read limits of channel %d: %w", id, err)
		}
		if limits.RecipientsPool == pool {
			ids = append(ids, id)
		}
		return nil
	}, "SELECT id, limits FROM channels WHERE account_id = ? ORDER BY id", accountID)
	return ids, s.translate(err)
}

// RecentSends says when each address was last claimed for a send on a channel,
// if after since. It reads through the channel's messages: it is for the rare
// moment at which Redis has lost what it knew of the limits per recipient.
func (s *Store) RecentSends(ctx context.Context, channelID int64, since time.Time) (list []messages.RecentSend, err error) {
	list, err = sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (messages.RecentSend, error) {
		var send messages.RecentSend
		var at sqldb.Time
		if err := scan(&send.Address, &at); err != nil {
			return send, err
		}
		send.At = at.Time
		return send, nil
	}, `SELECT address, MAX(at) FROM (
			SELECT address, claimed_at AS at FROM messages WHERE channel_id = ? AND claimed_at > ?
			UNION ALL SELECT m.address, t.claimed_at FROM transitions t JOIN messages m ON m.id = t.message_id WHERE m.channel_id = ? AND t.claimed_at > ?
		) sends GROUP BY address`, channelID, sqldb.Millis(since), channelID, sqldb.Millis(since))
	return list, s.translate(err)
}
