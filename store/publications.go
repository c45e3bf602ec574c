package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/store/sqldb"
	"carillon/templates"
)

// Publish keeps what a campaign says now, in place of what was published of it before.
func (s *Store) Publish(ctx context.Context, accountID int64, p campaigns.Publication) error {
	return s.inTx(ctx, func(tx conn) error {
		// Two that want the same keyword wait for each other.
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		c, err := scanCampaign(tx.Row(ctx, selectCampaign+" WHERE id = ? AND account_id = ?", p.CampaignID, accountID).Scan)
		if err != nil {
			return err
		}
		said := templates.Plain(c.Content)
		r, err := tx.worded(ctx, accountID, c.ChannelID, campaigns.Wording{Content: c.Content, Template: c.Template})
		if err != nil {
			return err
		}
		if r != nil {
			said = *r
		}
		snippets, err := tx.snippetTexts(ctx, said.RenderedBy(), snippetsOf{accountID: accountID})
		if err != nil {
			return err
		}
		if err := tx.keywordsFree(ctx, p); err != nil {
			return err
		}
		if err := tx.dropKeywords(ctx, p.CampaignID); err != nil {
			return err
		}
		var until any
		if !p.Until.IsZero() {
			until = sqldb.Millis(p.Until)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO publications (campaign_id, account_id, channel_id, keywords, resolved, snippets, since, until, by_whom)
			VALUES (?, ?, ?, ?, ?, ?, ?, CAST(? AS BIGINT), ?) ON CONFLICT (campaign_id) DO UPDATE SET channel_id = excluded.channel_id, keywords = excluded.keywords,
				resolved = excluded.resolved, snippets = excluded.snippets, since = excluded.since, until = excluded.until, by_whom = excluded.by_whom`,
			p.CampaignID, accountID, p.ChannelID, mustJSON(p.Keywords), mustJSON(said), mustJSON(snippets), sqldb.Millis(p.From), until, clean(p.By)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE campaigns SET kind = ? WHERE id = ?", string(campaigns.ContentKind), p.CampaignID); err != nil {
			return err
		}
		for _, word := range p.Keywords {
			if _, err := tx.Exec(ctx, "INSERT INTO publication_keywords (channel_id, keyword, campaign_id) VALUES (?, ?, ?)",
				p.ChannelID, word, p.CampaignID); err != nil {
				return err
			}
		}
		return nil
	})
}

// keywordsFree is a Conflict if another publication has one of the keywords at the same
// time.
func (tx conn) keywordsFree(ctx context.Context, p campaigns.Publication) error {
	end := int64(pastEveryTime)
	if !p.Until.IsZero() {
		end = p.Until.UnixMilli()
	}
	var word, name string
	var other int64
	err := tx.Row(ctx, `SELECT k.keyword, c.id, c.name FROM publication_keywords k JOIN publications p ON p.campaign_id = k.campaign_id
			JOIN campaigns c ON c.id = k.campaign_id
		WHERE k.channel_id = ? AND k.keyword `+tx.d.InTexts+` AND k.campaign_id <> ? AND COALESCE(p.until, ?) > ? AND p.since < ? ORDER BY 1 LIMIT 1`,
		p.ChannelID, tx.d.TextList(p.Keywords), p.CampaignID, int64(pastEveryTime), p.From.UnixMilli(), end).Scan(&word, &other, &name)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return &fault.Error{Code: fault.Conflict, Message: "a keyword is taken", Fields: []fault.Field{{
		Location: "keywords", Value: word,
		Message: fmt.Sprintf("campaign %d (%s) is published under it on the same channel at that time: choose another word, or withdraw that one", other, name),
	}}}
}

// pastEveryTime is later than every time, ms since 1970.
const pastEveryTime = 1 << 53

func (tx conn) dropKeywords(ctx context.Context, campaignID int64) error {
	_, err := tx.Exec(ctx, "DELETE FROM publication_keywords WHERE campaign_id = ?", campaignID)
	return err
}

// forgetPublication drops what was published of a campaign that is deleted.
func (tx conn) forgetPublication(ctx context.Context, campaignID int64) error {
	if err := tx.dropKeywords(ctx, campaignID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM publications WHERE campaign_id = ?", campaignID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "DELETE FROM pulls WHERE campaign_id = ?", campaignID)
	return err
}

// Withdraw ends a publication.
func (s *Store) Withdraw(ctx context.Context, accountID, campaignID int64) error {
	return s.inTx(ctx, func(tx conn) error {
		now := sqldb.Millis(s.clock.Now())
		n, err := tx.Exec(ctx, "UPDATE publications SET until = ? WHERE campaign_id = ? AND account_id = ? AND COALESCE(until, ?) > ?",
			now, campaignID, accountID, int64(pastEveryTime), now)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "nothing of campaign %d is published", campaignID)
		}
		return tx.dropKeywords(ctx, campaignID)
	})
}

// GetPublication is nil where nothing was published.
func (s *Store) GetPublication(ctx context.Context, accountID, campaignID int64) (*campaigns.Publication, error) {
	p := &campaigns.Publication{CampaignID: campaignID}
	var keywords []byte
	var since, until sqldb.Time
	err := s.reader().Row(ctx, "SELECT channel_id, keywords, since, until, by_whom, answered, failed FROM publications WHERE campaign_id = ? AND account_id = ?",
		campaignID, accountID).Scan(&p.ChannelID, &keywords, &since, &until, &p.By, &p.Answered, &p.Failed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, s.translate(err)
	}
	p.From, p.Until = since.Time, until.Time
	return p, readParts(campaignID, part{"keywords", keywords, &p.Keywords})
}

// who is a hash of a sender.
func who(r contacts.Reply) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(string(r.Kind) + "\x00" + r.Address))
	return int64(h.Sum64() >> 1)
}

// pull takes down that a reply asks for a content, if it does and its sender did not
// just now.
func (tx conn) pull(ctx context.Context, r contacts.Reply) error {
	if r.Word == "" || r.Address == "" {
		return nil
	}
	now := tx.s.clock.Now()
	var campaignID int64
	err := tx.Row(ctx, `SELECT p.campaign_id FROM publication_keywords k JOIN publications p ON p.campaign_id = k.campaign_id
		WHERE k.channel_id = ? AND k.keyword = ? AND p.since <= ? AND COALESCE(p.until, ?) > ? ORDER BY 1 LIMIT 1`,
		r.ChannelID, r.Word, sqldb.Millis(now), int64(pastEveryTime), sqldb.Millis(now)).Scan(&campaignID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	var lately, today int64
	if err := tx.Row(ctx, `SELECT CAST(COALESCE(SUM(CASE WHEN at > ? THEN 1 ELSE 0 END), 0) AS BIGINT), COUNT(*) FROM pulls
			WHERE campaign_id = ? AND who = ? AND at > ?`,
		sqldb.Millis(now.Add(-campaigns.PullsApart)), campaignID, who(r), sqldb.Millis(now.Add(-24*time.Hour))).Scan(&lately, &today); err != nil {
		return err
	}
	if lately > 0 || today >= campaigns.PullsPerDay {
		return nil
	}
	_, err = tx.Exec(ctx, "INSERT INTO pulls (reply_id, campaign_id, who, at) VALUES (?, ?, ?, ?)", r.ID, campaignID, who(r), sqldb.Millis(now))
	return err
}

// pullsAtOnce bounds what one look answers.
const pullsAtOnce = 100

// OpenPulls are some that were not answered, oldest first.
func (s *Store) OpenPulls(ctx context.Context) ([]campaigns.Pull, error) {
	list, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (campaigns.Pull, error) {
		var p campaigns.Pull
		var said, snippets []byte
		if err := scan(&p.ReplyID, &p.AccountID, &p.CampaignID, &p.ChannelID, &p.ContactID, &p.Address, &said, &snippets); err != nil {
			return p, err
		}
		return p, readParts(p.CampaignID, part{"published content", said, &p.Said}, part{"published snippets", snippets, &p.Snippets})
	}, `SELECT u.reply_id, r.account_id, u.campaign_id, r.channel_id, r.contact_id, r.address, p.resolved, p.snippets
		FROM pulls u JOIN replies r ON r.id = u.reply_id JOIN publications p ON p.campaign_id = u.campaign_id
		WHERE u.message_id = 0 AND u.failure = '' AND r.`+ofOpenAccounts+` ORDER BY u.reply_id LIMIT ?`, pullsAtOnce)
	return list, s.translate(err)
}

// answered takes down that a message answers a reply. Somebody else may have done so.
func (tx conn) answered(ctx context.Context, replyID, messageID int64) error {
	if replyID == 0 {
		return nil
	}
	n, err := tx.Exec(ctx, "UPDATE pulls SET message_id = ? WHERE reply_id = ? AND message_id = 0 AND failure = ''", messageID, replyID)
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.Conflict, "reply %d is answered already", replyID)
	}
	_, err = tx.Exec(ctx, "UPDATE publications SET answered = answered + 1 WHERE campaign_id = (SELECT campaign_id FROM pulls WHERE reply_id = ?)", replyID)
	return err
}

// FailPull says why a reply can't be answered.
func (s *Store) FailPull(ctx context.Context, replyID int64, why string) error {
	return s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "UPDATE pulls SET failure = ? WHERE reply_id = ? AND message_id = 0 AND failure = ''", clean(why), replyID)
		if err != nil || n == 0 {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE publications SET failed = failed + 1 WHERE campaign_id = (SELECT campaign_id FROM pulls WHERE reply_id = ?)", replyID)
		return err
	})
}

// pullsKept is for how long it is kept who asked for what.
const pullsKept = 30 * 24 * time.Hour

// forgetPulls forgets some that are old.
func (tx conn) forgetPulls(ctx context.Context) (int64, error) {
	return tx.Exec(ctx, "DELETE FROM pulls WHERE reply_id "+tx.d.InQuery("SELECT reply_id FROM pulls WHERE at < ? ORDER BY at LIMIT ?"),
		sqldb.Millis(tx.s.clock.Now().Add(-pullsKept)), forgetBatch)
}
