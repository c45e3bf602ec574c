package store

import (
	"context"
	"strings"

	"carillon/campaigns"
	"carillon/store/sqldb"
)

// keptTags are tags as they are kept.
func keptTags(tags []string) string {
	if len(tags) == 0 {
		return "[]"
	}
	return mustJSON(tags)
}

var likeEscapes = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// holding is a pattern of LIKE, with ESCAPE '\', for what holds a text as it is.
func holding(text string) string { return "%" + likeEscapes.Replace(text) + "%" }

// ListCampaigns lists campaigns that a filter means, newest first, those before the
// campaign that is the cursor (0: from the newest).
func (s *Store) ListCampaigns(ctx context.Context, accountID int64, f campaigns.Filter, before int64, limit int) ([]campaigns.Campaign, error) {
	if before == 0 {
		before = pastEveryID
	}
	where, args := " WHERE account_id = ? AND id < ?", []any{accountID, before}
	if f.Status != "" {
		where, args = where+" AND status = ?", append(args, string(f.Status))
	}
	switch f.Archived {
	case campaigns.WithoutArchived:
		where += " AND archived_at IS NULL"
	case campaigns.OnlyArchived:
		where += " AND archived_at IS NOT NULL"
	}
	if f.Tag != "" {
		// A tag within its quotation marks, which none has inside.
		where, args = where+` AND tags LIKE ? ESCAPE '\'`, append(args, holding(mustJSON(f.Tag)))
	}
	if f.Search != "" {
		ids, err := s.searchCampaigns(ctx, f, where, args, limit)
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		where, args = " WHERE id "+s.d.InIDs, []any{s.d.IDList(ids)}
	}
	list, err := sqldb.Query(ctx, s.reader(), scanCampaign, selectCampaign+where+" ORDER BY id DESC LIMIT ?", append(args, limit)...)
	return list, s.translate(err)
}

// searchedAtOnce bounds the campaigns that are read in one go to be searched.
const searchedAtOnce = 20_000

// searchCampaigns finds the newest campaigns that a filter searches, as databases fold
// other letters than Go does. It reads names and notes alone: 100,000 take a tenth of a
// second.
func (s *Store) searchCampaigns(ctx context.Context, f campaigns.Filter, where string, args []any, limit int) (ids []int64, err error) {
	for last := int64(pastEveryID); len(ids) < limit; {
		read := 0
		if err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
			var name, notes string
			if err := scan(&last, &name, &notes); err != nil {
				return err
			}
			if read++; len(ids) < limit && f.Searches(name, notes) {
				ids = append(ids, last)
			}
			return nil
		}, "SELECT id, name, notes FROM campaigns"+where+" AND id < ? ORDER BY id DESC LIMIT ?",
			append(args[:len(args):len(args)], last, searchedAtOnce)...); err != nil {
			return nil, s.translate(err)
		}
		if read < searchedAtOnce {
			break
		}
	}
	return ids, nil
}

// LabelCampaign replaces the tags and notes of a campaign.
func (s *Store) LabelCampaign(ctx context.Context, c campaigns.Campaign) (campaigns.Campaign, error) {
	err := s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "UPDATE campaigns SET tags = ?, notes = ?, updated_at = ? WHERE id = ? AND account_id = ?",
			keptTags(c.Tags), c.Notes, sqldb.Millis(s.clock.Now()), c.ID, c.AccountID)
		return err
	})
	if err != nil {
		return campaigns.Campaign{}, err
	}
	return s.GetCampaign(ctx, c.AccountID, c.ID) // NotFound if there was none
}

// ArchiveCampaign takes a campaign that is over out of the list, or back.
func (s *Store) ArchiveCampaign(ctx context.Context, accountID, campaignID int64, archived bool) error {
	return s.inTx(ctx, func(tx conn) error {
		c, err := tx.lockCampaign(ctx, accountID, campaignID)
		if err != nil {
			return err
		}
		err = c.mustBe("archived", "only one that is over can; a draft can be deleted", campaigns.Finished, campaigns.Canceled, campaigns.Failed)
		if archived && err != nil {
			return err
		}
		now := sqldb.Millis(s.clock.Now())
		_, err = tx.Exec(ctx, "UPDATE campaigns SET archived_at = CASE WHEN ? THEN COALESCE(archived_at, ?) END, updated_at = ? WHERE id = ?",
			archived, now, now, campaignID)
		return err
	})
}
