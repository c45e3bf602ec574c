package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/targeting"
	"carillon/targeting/rule"
	"carillon/templates"
	"carillon/tracking"
)

const selectCampaign = `SELECT id, account_id, number, name, channel_id, audience, content, schedule, throttle, weight, category_id, status, next_fire_at,
	run_id, version, pause, schedule_pause, behind_at, fired, tags, notes, data, archived_at, kind = 'content', kind = 'flow', created_at,
	updated_at FROM campaigns`

// part is a JSON column of a campaign.
type part struct {
	name string
	text []byte
	to   any
}

// readParts reads the JSON columns of a campaign.
func readParts(campaignID int64, parts ...part) error {
	for _, p := range parts {
		if err := json.Unmarshal(p.text, p.to); err != nil {
			return fmt.Errorf("read %s of campaign %d: %w", p.name, campaignID, err)
		}
	}
	return nil
}

// keptContent is the content of a campaign as it is kept: texts or a template, and what
// is tried out with others.
type keptContent struct {
	providers.Content
	Template *templates.Use `json:"template,omitempty"`
	// Feed is the data feed that the texts are filled from.
	Feed       *campaigns.DataFeed   `json:"feed,omitempty"`
	Experiment *campaigns.Experiment `json:"experiment,omitempty"`
	Tracking   tracking.Settings     `json:"tracking,omitzero"`
	Conversion *campaigns.Conversion `json:"conversion,omitempty"`
}

// kept is what is kept of a campaign's content.
func kept(c campaigns.Campaign) keptContent {
	return keptContent{Content: c.Content, Template: c.Template, Feed: c.DataFeed, Experiment: c.Experiment, Tracking: c.Tracking, Conversion: c.Conversion}
}

func scanCampaign(scan sqldb.Scan) (campaigns.Campaign, error) {
	var c campaigns.Campaign
	var audience, content, schedule, throttle, pause, schedulePause, tags, data []byte
	var next, behind, archived, created, updated sqldb.Time
	var written keptContent
	err := scan(&c.ID, &c.AccountID, &c.Number, &c.Name, &c.ChannelID, &audience, &content, &schedule, &throttle, &c.Weight, &c.CategoryID, &c.Status, &next,
		&c.RunID, &c.Version, &pause, &schedulePause, &behind, &c.Fired, &tags, &c.About.Notes, &data, &archived, &c.IsPublished, &c.IsFlow, &created, &updated)
	if err != nil {
		return c, err
	}
	c.NextFireAt, c.Behind, c.ArchivedAt, c.CreatedAt, c.UpdatedAt = next.Ptr(), behind.Time, archived.Ptr(), created.Time, updated.Time
	if len(data) > 0 {
		c.About.Data = data
	}
	err = readParts(c.ID, part{"audience", audience, &c.Audience}, part{"content", content, &written}, part{"schedule", schedule, &c.Schedule},
		part{"throttle", throttle, &c.Throttle}, part{"pause", pause, &c.Pause}, part{"schedule_pause", schedulePause, &c.SchedulePause},
		part{"tags", tags, &c.About.Tags})
	c.Content, c.Template, c.DataFeed, c.Experiment, c.Tracking = written.Content, written.Template, written.Feed, written.Experiment, written.Tracking
	c.Conversion = written.Conversion
	c.Audience.Of.CampaignID, c.Audience.Of.Split = c.ID, c.Experiment.Split(c.ID)
	return c, err
}

// CreateCampaign keeps a new campaign as a draft; ID, Status and the times are
// set here.
func (s *Store) CreateCampaign(ctx context.Context, c campaigns.Campaign) (campaigns.Campaign, error) {
	return s.createCampaign(ctx, c, func(conn, int64) error { return nil })
}

// createCampaign is CreateCampaign with what else belongs to it.
func (s *Store) createCampaign(ctx context.Context, c campaigns.Campaign, besides func(tx conn, id int64) error) (campaigns.Campaign, error) {
	now := s.clock.Now()
	err := s.inTx(ctx, func(tx conn) error {
		if err := tx.holdSnippets(ctx, c); err != nil {
			return err
		}
		if err := tx.holdFiles(ctx, c.AccountID, "content.attachment.media_id", mustJSON(kept(c))); err != nil {
			return err
		}
		if err := tx.holdHolidays(ctx, c.AccountID, c.Schedule); err != nil {
			return err
		}
		number, err := tx.nextNumber(ctx, c.AccountID, numberOfCampaign)
		if err != nil {
			return err
		}
		id, err := tx.Insert(ctx, `INSERT INTO campaigns (account_id, number, name, channel_id, audience, content, schedule, throttle, weight, category_id, status,
			kind, tags, notes, data, created_at, updated_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, c.AccountID, number, c.Name, c.ChannelID, mustJSON(c.Audience),
			mustJSON(kept(c)),
			mustJSON(c.Schedule), mustJSON(c.Throttle), c.Weight, c.CategoryID, string(campaigns.Draft), string(c.Kind()),
			mustJSON(c.About.Tags), c.About.Notes, string(c.About.Data), sqldb.Millis(now), sqldb.Millis(now))
		if err != nil {
			return err
		}
		if err := tx.tagCampaign(ctx, c.AccountID, id, c.About.Tags); err != nil {
			return err
		}
		if err := tx.setConversion(ctx, c.AccountID, id, c.Conversion); err != nil {
			return err
		}
		if err := besides(tx, id); err != nil {
			return err
		}
		c, err = scanCampaign(tx.Row(ctx, selectCampaign+" WHERE id = ?", id).Scan)
		return err
	})
	return c, err
}

// UpdateCampaign replaces what a person may change of a campaign, and
// NextFireAt of one that fires once. That can be done with drafts and scheduled
// campaigns, and with one that recurs for the runs to come: what a run is made of
// stays as it was when it began.
func (s *Store) UpdateCampaign(ctx context.Context, c campaigns.Campaign) (campaigns.Campaign, error) {
	err := s.withdraw(ctx, func(tx conn) error {
		locked, err := tx.lockUpToDate(ctx, c.AccountID, c.ID)
		if err != nil {
			return err
		}
		if err := locked.mayChange(c); err != nil {
			return err
		}
		if err := tx.mayChangeUnderWay(ctx, locked, c); err != nil {
			return err
		}
		if err := tx.mayChangeApproved(ctx, locked, c); err != nil {
			return err
		}
		if err := tx.holdSnippets(ctx, c); err != nil {
			return err
		}
		if err := tx.holdFiles(ctx, c.AccountID, "content.attachment.media_id", mustJSON(kept(c))); err != nil {
			return err
		}
		if err := tx.holdHolidays(ctx, c.AccountID, c.Schedule); err != nil {
			return err
		}
		audience, content := mustJSON(c.Audience), mustJSON(kept(c))
		look := c.NextFireAt
		switch {
		case c.Schedule.Recurs() && c.Status != campaigns.Draft:
			look, c.NextFireAt = locked.lookAt.Ptr(), locked.nextFireAt.Ptr()
		case locked.status == campaigns.Paused: // it is looked at when it is resumed
			look = nil
		}
		_, err = tx.Exec(ctx, `UPDATE campaigns SET version = version + CASE WHEN audience = ? AND content = ? THEN 0 ELSE 1 END, name = ?, channel_id = ?,
			audience = ?, content = ?, schedule = ?, throttle = ?, weight = ?, category_id = ?,
			kind = CASE WHEN kind = 'content' THEN kind ELSE ? END, next_fire_at = ?, look_at = ?, updated_at = ? WHERE id = ?`,
			audience, content, c.Name, c.ChannelID, audience, content, mustJSON(c.Schedule), mustJSON(c.Throttle), c.Weight, c.CategoryID,
			string(c.Kind()), sqldb.MillisPtr(c.NextFireAt), sqldb.MillisPtr(look), sqldb.Millis(s.clock.Now()), c.ID)
		if err != nil {
			return err
		}
		if err := tx.setConversion(ctx, c.AccountID, c.ID, c.Conversion); err != nil {
			return err
		}
		if err := tx.rescheduled(ctx, locked, c); err != nil {
			return err
		}
		c, err = scanCampaign(tx.Row(ctx, selectCampaign+" WHERE id = ?", c.ID).Scan)
		return err
	})
	return c, err
}

// rescheduled lets a recurring campaign that is started go by what was changed of its
// schedule: its instants from now on, and the hours of what waits at once.
func (tx conn) rescheduled(ctx context.Context, from lockedCampaign, to campaigns.Campaign) error {
	if from.status == campaigns.Draft || !to.Schedule.Recurs() {
		return nil
	}
	if mustJSON(from.schedule) != mustJSON(to.Schedule) || from.channelID != to.ChannelID {
		if err := tx.aimAnew(ctx, to.AccountID, to.ID); err != nil {
			return err
		}
	}
	if mustJSON(from.schedule.Delivery) == mustJSON(to.Schedule.Delivery) {
		return nil
	}
	if err := tx.lockChannels(ctx, to.AccountID, from.channelID); err != nil {
		return err
	}
	return tx.hoursChanged(ctx, to.AccountID, from.channelID)
}

// mayChange refuses a change that the campaign's status does not allow, or that was
// meant for another status or kind of schedule.
func (c lockedCampaign) mayChange(to campaigns.Campaign) error {
	if c.status == campaigns.Draft {
		return c.mustBe("changed", "", campaigns.Draft)
	}
	if err := c.mustBe("changed", "duplicate it and change the copy", campaigns.Scheduled, campaigns.Running, campaigns.Paused); err != nil {
		return err
	}
	if !c.schedule.Recurs() && c.status != to.Status {
		return fault.New(fault.Conflict, "campaign %d has become %s meanwhile: look at it and try again", c.id, c.status)
	}
	if c.schedule.Recurs() != to.Schedule.Recurs() {
		return fault.New(fault.Conflict, "campaign %d is %s and can't begin or cease to recur: cancel it, and make another one", c.id, c.status)
	}
	return nil
}

// mayChangeUnderWay refuses a change of what a campaign that fires once says, to whom and
// when, while it is under way: a run keeps what it began with.
func (tx conn) mayChangeUnderWay(ctx context.Context, locked lockedCampaign, to campaigns.Campaign) error {
	fired := locked.nextFireAt.IsZero() && (locked.status == campaigns.Running || locked.status == campaigns.Paused)
	if !fired || locked.schedule.Recurs() {
		return nil
	}
	from, err := scanCampaign(tx.Row(ctx, selectCampaign+" WHERE id = ?", locked.id).Scan)
	if err != nil {
		return err
	}
	if mustJSON(kept(from)) != mustJSON(kept(to)) {
		return fault.New(fault.Conflict, "campaign %d is %s: pause it, and change what it says for those who have not got it: POST /v1/campaigns/%d/correct, "+
			"or carillon campaign set %d", locked.id, locked.status, locked.id, locked.id)
	}
	about := func(c campaigns.Campaign) string {
		return mustJSON([]any{c.ChannelID, c.Audience, c.Schedule, c.CategoryID})
	}
	if about(from) != about(to) {
		return fault.New(fault.Conflict, "campaign %d is %s, and its channel, audience, category and schedule stay as they were when it began: cancel it, and "+
			"duplicate it for the rest with another: carillon campaign duplicate %d --rest", locked.id, locked.status, locked.id)
	}
	return nil
}

// GetCampaign is one campaign of an account.
func (s *Store) GetCampaign(ctx context.Context, accountID, id int64) (campaigns.Campaign, error) {
	c, err := scanCampaign(s.reader().Row(ctx, selectCampaign+" WHERE id = ? AND account_id = ?", id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return c, fault.New(fault.NotFound, "there is no campaign %d", id)
	}
	return c, s.translate(err)
}

// DeleteCampaign deletes a draft; what was ever started stays for the record.
func (s *Store) DeleteCampaign(ctx context.Context, accountID, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		c, err := tx.lockCampaign(ctx, accountID, id)
		if err != nil {
			return err
		}
		if err := c.mustBe("deleted", "only a draft can be deleted; cancel what is scheduled or running", campaigns.Draft); err != nil {
			return err
		}
		if err := tx.forgetPublication(ctx, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM flows WHERE campaign_id = ?", id); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "DELETE FROM campaigns WHERE id = ?", id)
		return err
	})
}

// UnfinishedUploads lists the uploads among ids that are not taken in as a
// whole, with their states.
func (s *Store) UnfinishedUploads(ctx context.Context, accountID int64, ids []int64) (map[int64]contacts.UploadState, error) {
	states, err := sqldb.Map[int64, contacts.UploadState](ctx, s.reader(),
		"SELECT id, state FROM uploads WHERE account_id = ? AND state <> 'finished' AND id "+s.d.InIDs, accountID, s.d.IDList(ids))
	return states, s.translate(err)
}

// CheckAudience names every part of an audience that does not exist, and what
// is wrong in its rules; these it brings into the form in which they are kept.
func (s *Store) CheckAudience(ctx context.Context, accountID int64, a *targeting.Audience) ([]fault.Field, error) {
	exclude := a.Exclude
	if exclude == nil {
		exclude = &targeting.Exclude{}
	}
	var wrong []fault.Field
	for _, side := range []struct {
		at       string
		parts    []targeting.Part
		rule     *json.RawMessage
		messages *targeting.ByMessages
	}{{"audience", a.Parts(), &a.Rule, a.Messages}, {"audience.exclude", exclude.Parts(), &exclude.Rule, exclude.Messages}} {
		for _, part := range side.parts {
			noun := strings.TrimSuffix(part.Name, "s")
			if part.Name == "categories" {
				noun = "category"
			}
			unknown, err := s.reader().unknownIDs(ctx, accountID, noun, part.IDs)
			if err != nil {
				return nil, s.translate(err)
			}
			for i, id := range part.IDs {
				if unknown[id] {
					wrong = append(wrong, fault.Field{Location: fmt.Sprintf("%s.%s[%d]", side.at, part.Name, i), Value: id, Message: noSuch(noun, id)})
				}
			}
		}
		asked, err := s.checkByMessages(ctx, accountID, side.at, side.messages)
		if err != nil {
			return nil, s.translate(err)
		}
		wrong = append(wrong, asked...)
		fields, err := s.checkRule(ctx, accountID, side.rule)
		if err != nil {
			return nil, s.translate(err)
		}
		for _, field := range fields {
			field.Location = side.at + "." + field.Location
			wrong = append(wrong, field)
		}
	}
	return wrong, nil
}

// checkRule names what is wrong in a rule and brings it into the form in which
// it is kept.
func (s *Store) checkRule(ctx context.Context, accountID int64, text *json.RawMessage) ([]fault.Field, error) {
	if !targeting.HasRule(*text) {
		*text = nil
		return nil, nil
	}
	c := s.reader()
	schema, err := c.writtenSchema(ctx, accountID)
	if err != nil {
		return nil, err
	}
	parsed, err := rule.Parse(*text, schema)
	if err == nil {
		missing, err := c.checkReferences(ctx, accountID, parsed.References())
		if err != nil || len(missing) > 0 {
			return missing, err
		}
		moment, err := c.moment(ctx, accountID, schema, []rule.Rule{parsed}, s.clock.Now())
		if err != nil {
			return nil, err
		}
		if _, err = parsed.SQL(s.d.rules(), moment); err != nil {
			return fieldsOf(err)
		}
		*text, err = json.Marshal(parsed)
		return nil, err
	}
	return fieldsOf(err)
}

// fieldsOf are the fields of an Invalid error; any other stays an error.
func fieldsOf(err error) ([]fault.Field, error) {
	var f *fault.Error
	if errors.As(err, &f) && f.Code == fault.Invalid {
		return f.Fields, nil
	}
	return nil, err
}

// HasCategory reports whether an account has a category.
func (s *Store) HasCategory(ctx context.Context, accountID, id int64) (bool, error) {
	var n int
	err := s.reader().Row(ctx, "SELECT COUNT(*) FROM lists WHERE id = ? AND account_id = ? AND kind = 'category'", id, accountID).Scan(&n)
	return n > 0, s.translate(err)
}
