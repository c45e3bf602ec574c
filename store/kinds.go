package store

import (
	"context"
	"strings"
	"time"

	"carillon/campaigns"
	"carillon/contacts/property"
	"carillon/store/sqldb"
)

// namesAtOnce is how many names a search reads at a time.
const namesAtOnce = 5000

// endedCampaign is what may be archived: what runs again is listed again.
const endedCampaign = "status IN ('finished', 'canceled', 'failed')"

// ListCampaigns lists campaigns, newest first.
func (s *Store) ListCampaigns(ctx context.Context, f campaigns.Filter) ([]campaigns.Campaign, error) {
	if f.Before == 0 {
		f.Before = pastEveryID
	}
	where, args := " WHERE account_id = ?", []any{f.AccountID}
	and := func(condition string, values ...any) { where, args = where+" AND "+condition, append(args, values...) }
	if f.Status != "" {
		and("status = ?", string(f.Status))
	}
	if f.Kind != "" {
		and("kind = ?", string(f.Kind))
	}
	if f.Tag != "" {
		and("id IN (SELECT campaign_id FROM campaign_tags WHERE account_id = ? AND tag = ?)", f.AccountID, campaigns.NormalTag(f.Tag))
	}
	switch f.Archived {
	case campaigns.NotArchived:
		and("(archived_at IS NULL OR NOT " + endedCampaign + ")")
	case campaigns.OnlyArchived:
		and("archived_at IS NOT NULL AND " + endedCampaign)
	default:
	}
	if f.Number != 0 {
		and("number = ?", f.Number)
	}
	if f.Search != "" {
		ids, err := s.searchNames(ctx, f, where, args)
		if err != nil {
			return nil, s.translate(err)
		}
		and("id "+s.d.InIDs, s.d.IDList(ids))
	}
	list, err := sqldb.Query(ctx, s.reader(), scanCampaign, selectCampaign+where+" AND id < ? ORDER BY id DESC LIMIT ?", append(args, f.Before, f.Limit)...)
	return list, s.translate(err)
}

// searchNames are the newest of the campaigns whose names have a text in them, compared as
// rules compare (ADR 0011), which no database does.
func (s *Store) searchNames(ctx context.Context, f campaigns.Filter, where string, args []any) (ids []int64, err error) {
	part := property.Fold(f.Search)
	for before := f.Before; ; {
		read := 0
		err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
			var name string
			if err := scan(&before, &name); err != nil {
				return err
			}
			if read++; len(ids) < f.Limit && strings.Contains(property.Fold(name), part) {
				ids = append(ids, before)
			}
			return nil
		}, "SELECT id, name FROM campaigns"+where+" AND id < ? ORDER BY id DESC LIMIT ?", append(args[:len(args):len(args)], before, namesAtOnce)...)
		if err != nil || read < namesAtOnce || len(ids) == f.Limit {
			return ids, err
		}
	}
}

// tagCampaign keeps the tags by which a campaign is found.
func (tx conn) tagCampaign(ctx context.Context, accountID, id int64, tags []string) error {
	if _, err := tx.Exec(ctx, "DELETE FROM campaign_tags WHERE campaign_id = ?", id); err != nil {
		return err
	}
	for _, tag := range tags {
		if _, err := tx.Exec(ctx, "INSERT INTO campaign_tags (account_id, tag, campaign_id) VALUES (?, ?, ?)", accountID, tag, id); err != nil {
			return err
		}
	}
	return nil
}

// DescribeCampaign keeps what is said of a campaign.
func (s *Store) DescribeCampaign(ctx context.Context, accountID, id int64, about campaigns.About) error {
	return s.inTx(ctx, func(tx conn) error {
		if _, err := tx.lockCampaign(ctx, accountID, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE campaigns SET tags = ?, notes = ?, data = ?, updated_at = ? WHERE id = ?", mustJSON(about.Tags), about.Notes,
			string(about.Data), sqldb.Millis(s.clock.Now()), id); err != nil {
			return err
		}
		return tx.tagCampaign(ctx, accountID, id, about.Tags)
	})
}

// ArchiveCampaign keeps since when a campaign is archived, nil for not.
func (s *Store) ArchiveCampaign(ctx context.Context, accountID, id int64, at *time.Time) error {
	return s.inTx(ctx, func(tx conn) error {
		c, err := tx.lockCampaign(ctx, accountID, id)
		if err != nil {
			return err
		}
		if err := c.mustBe("archived", "only one that has ended can; cancel it first, or delete it if it is a draft",
			campaigns.Finished, campaigns.Canceled, campaigns.Failed); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE campaigns SET archived_at = ?, updated_at = ? WHERE id = ?", sqldb.MillisPtr(at), sqldb.Millis(s.clock.Now()), id)
		return err
	})
}
