package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"carillon/campaigns"
	"carillon/campaigns/flow"
	"carillon/campaigns/flows"
	"carillon/contacts/property"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/internal/naming"
	"carillon/store/sqldb"
	"carillon/targeting/rule"
	"carillon/templates"
)

// FlowVocabulary is what flows of an account may name that somebody writes.
func (s *Store) FlowVocabulary(ctx context.Context, accountID int64) (flow.Vocabulary, error) {
	tx := s.reader()
	v, err := tx.flowVocabulary(ctx, accountID)
	if err == nil {
		v.Names, err = tx.ruleNames(ctx, accountID, v.Labels)
	}
	return v, s.translate(err)
}

func (tx conn) flowVocabulary(ctx context.Context, accountID int64) (v flow.Vocabulary, err error) {
	if v.Properties, err = tx.properties(ctx, accountID); err != nil {
		return v, err
	}
	v.Kinds, v.Writable = value.Kinds(), make(map[string]property.Property, len(v.Properties))
	for _, p := range v.Properties {
		v.Writable[p.Key] = p
	}
	v.Labels, err = sqldb.Map[string, int64](ctx, tx, "SELECT name, id FROM lists WHERE account_id = ? AND kind = 'label' ORDER BY id DESC", accountID)
	return v, err
}

// CheckFlowRules names what the rules of a flow refer to and is not there.
func (s *Store) CheckFlowRules(ctx context.Context, accountID int64, refs []rule.Reference) ([]fault.Field, error) {
	fields, err := s.reader().checkReferences(ctx, accountID, refs)
	return fields, s.translate(err)
}

// UnknownLists are those of ids that are no lists of a kind.
func (s *Store) UnknownLists(ctx context.Context, accountID int64, kind string, ids []int64) (map[int64]bool, error) {
	unknown, err := s.reader().unknownIDs(ctx, accountID, kind, ids)
	return unknown, s.translate(err)
}

// CreateFlow keeps a new flow as a draft.
func (s *Store) CreateFlow(ctx context.Context, f flows.Flow) (flows.Flow, error) {
	f.IsFlow = true
	c, err := s.createCampaign(ctx, f.Campaign, func(tx conn, id int64) error {
		definition := mustJSON(f.Definition)
		if err := tx.holdFiles(ctx, f.AccountID, "steps", definition); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO flows (campaign_id, account_id, definition) VALUES (?, ?, ?)", id, f.AccountID, definition)
		return err
	})
	if err != nil {
		return f, err
	}
	return s.GetFlow(ctx, f.AccountID, c.ID)
}

// UpdateFlow replaces what a person may change of a flow. Its definition is in force when
// it is started, or published; the rest at once.
func (s *Store) UpdateFlow(ctx context.Context, f flows.Flow) (flows.Flow, error) {
	err := s.withdraw(ctx, func(tx conn) error {
		c, err := tx.lockCampaign(ctx, f.AccountID, f.ID)
		if err != nil {
			return err
		}
		if err := c.mustBe("changed", "duplicate it and change the copy", campaigns.Draft, campaigns.Running, campaigns.Paused); err != nil {
			return err
		}
		if c.status != campaigns.Draft && (c.channelID != f.ChannelID || mustJSON(c.schedule) != mustJSON(f.Schedule)) {
			return fault.New(fault.Conflict,
				"flow %d was started: its channel and schedule stay, and steps may name other channels; for another time, enter people by POST "+
					"/v1/flows/%d/enter", f.ID, f.ID)
		}
		before, err := scanCampaign(tx.Row(ctx, selectCampaign+" WHERE id = ?", f.ID).Scan)
		if err != nil {
			return err
		}
		retracked := mustJSON(before.Tracking) != mustJSON(f.Tracking)
		if _, err := tx.Exec(ctx, `UPDATE campaigns SET name = ?, channel_id = ?, audience = ?, content = ?, schedule = ?, throttle = ?, weight = ?, category_id = ?,
			updated_at = ? WHERE id = ?`, f.Name, f.ChannelID, mustJSON(f.Audience), mustJSON(kept(f.Campaign)), mustJSON(f.Schedule), mustJSON(f.Throttle),
			f.Weight, f.CategoryID,
			sqldb.Millis(s.clock.Now()), f.ID); err != nil {
			return err
		}
		if err := tx.setConversion(ctx, f.AccountID, f.ID, f.Conversion); err != nil {
			return err
		}
		definition := mustJSON(f.Definition)
		if err := tx.holdFiles(ctx, f.AccountID, "steps", definition); err != nil {
			return err
		}
		_, err = tx.Exec(ctx,
			"UPDATE flows SET changed = CASE WHEN definition = ? AND NOT CAST(? AS BOOLEAN) THEN changed ELSE ? END, definition = ? WHERE campaign_id = ?",
			definition, retracked, true, definition, f.ID)
		return err
	})
	if err != nil {
		return f, err
	}
	return s.GetFlow(ctx, f.AccountID, f.ID)
}

const selectFlow = `SELECT f.campaign_id, f.definition, f.version, f.changed, f.closed_at,
	(SELECT COUNT(*) FROM flow_sessions n WHERE n.campaign_id = f.campaign_id AND n.ended_at IS NULL),
	(SELECT COUNT(*) FROM flow_sessions n WHERE n.campaign_id = f.campaign_id) FROM flows f`

func scanFlow(scan sqldb.Scan) (f flows.Flow, err error) {
	var definition []byte
	var closed sqldb.Time
	if err := scan(&f.ID, &definition, &f.InForce, &f.Changed, &closed, &f.Inside, &f.Entered); err != nil {
		return f, err
	}
	f.ClosedAt = closed.Ptr()
	return f, readParts(f.ID, part{"definition", definition, &f.Definition})
}

// GetFlow is one flow of an account.
func (s *Store) GetFlow(ctx context.Context, accountID, id int64) (flows.Flow, error) {
	f, err := scanFlow(s.reader().Row(ctx, selectFlow+" WHERE f.campaign_id = ? AND f.account_id = ?", id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return f, noFlow(id)
	}
	if err != nil {
		return f, s.translate(err)
	}
	f.Campaign, err = s.GetCampaign(ctx, accountID, id)
	return f, err
}

func noFlow(id int64) error {
	return fault.New(fault.NotFound, "there is no flow %d: GET /v1/flows lists them", id)
}

// ListFlows lists flows, newest first, from before an id.
func (s *Store) ListFlows(ctx context.Context, f campaigns.Filter) ([]flows.Flow, error) {
	f.Kind = campaigns.FlowKind
	list, err := s.ListCampaigns(ctx, f)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	ids := make([]int64, len(list))
	for i, c := range list {
		ids[i] = c.ID
	}
	found := make(map[int64]flows.Flow, len(list))
	err = sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		one, err := scanFlow(scan)
		found[one.ID] = one
		return err
	}, selectFlow+" WHERE f.campaign_id "+s.d.InIDs, s.d.IDList(ids))
	all := make([]flows.Flow, 0, len(list))
	for _, c := range list {
		one := found[c.ID]
		one.Campaign = c
		all = append(all, one)
	}
	return all, s.translate(err)
}

// StartFlow puts a flow's definition in force as a new version and, if the flow is a
// draft, begins with it: who is in its audience enters when its schedule says. People who
// are inside stay on their version.
func (s *Store) StartFlow(ctx context.Context, accountID, id int64, by string) error {
	return s.inTx(ctx, func(tx conn) error {
		c, err := tx.lockCampaign(ctx, accountID, id)
		if err != nil {
			return err
		}
		if err := c.mustBe("started", "duplicate it to begin again", campaigns.Draft, campaigns.Running, campaigns.Paused); err != nil {
			return err
		}
		settings, err := tx.settings(ctx, accountID)
		switch {
		case err != nil:
			return err
		case c.status == campaigns.Draft:
			err = tx.mayStart(ctx, c)
		case settings.ApprovalRequired:
			err = fault.New(fault.Conflict, "flow %d was started as it was approved: duplicate it, change the copy and propose that", id)
		}
		if err != nil {
			return err
		}
		k, err := scanCampaign(tx.Row(ctx, selectCampaign+" WHERE id = ?", id).Scan)
		if err != nil {
			return err
		}
		if err := tx.putInForce(ctx, k, by); err != nil || c.status != campaigns.Draft {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE campaigns SET status = 'running', updated_at = ? WHERE id = ?", sqldb.Millis(s.clock.Now()), id); err != nil {
			return err
		}
		return tx.beginEntering(ctx, c, k)
	})
}

// beginEntering has the audience of a flow enter by its schedule.
func (tx conn) beginEntering(ctx context.Context, c lockedCampaign, k campaigns.Campaign) error {
	if !k.Audience.Some() && !k.Audience.All {
		return nil
	}
	if c.schedule.Recurs() {
		if err := tx.holdHolidays(ctx, c.accountID, c.schedule); err != nil {
			return err
		}
		t, err := tx.timetable(ctx, c)
		if err != nil {
			return err
		}
		return tx.aim(ctx, &c, t, campaigns.Standing{CampaignID: c.id, Behind: tx.s.clock.Now()})
	}
	at, later, err := c.schedule.Instant(c.zone)
	if err != nil {
		return err
	}
	if now := tx.s.clock.Now(); !later || !at.After(now) {
		_, err := tx.takeDown(ctx, func(w *turnWriter) error {
			w.aims = append(w.aims, aim{of: &c})
			return w.decide(ctx, &c, campaigns.RunScheduled, campaigns.Decision{Instant: now, Status: campaigns.RunPlanning})
		})
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE campaigns SET next_fire_at = ?, look_at = ?, zones = '' WHERE id = ?", sqldb.Millis(at), sqldb.Millis(at), c.id)
	return err
}

// putInForce makes the definition of a flow its new version: with a run for each step
// that says something, and the words that let people enter.
func (tx conn) putInForce(ctx context.Context, k campaigns.Campaign, by string) error {
	f, err := scanFlow(tx.Row(ctx, selectFlow+" WHERE f.campaign_id = ?"+tx.d.Lock(tx.d.ForUpdate, "f"), k.ID).Scan)
	if err != nil {
		return err
	}
	if f.InForce > 0 && !f.Changed {
		return fault.New(fault.Conflict, "flow %d is in force as it is: change its steps first", k.ID)
	}
	v, err := tx.flowVocabulary(ctx, k.AccountID)
	if err != nil {
		return err
	}
	compiled, err := flow.Compile(f.Definition, v)
	if err != nil {
		return err
	}
	version, now := f.InForce+1, sqldb.Millis(tx.s.clock.Now())
	if _, err := tx.Exec(ctx, "INSERT INTO flow_versions (campaign_id, version, definition, by_whom, created_at) VALUES (?, ?, ?, ?, ?)",
		k.ID, version, mustJSON(f.Definition), clean(by), now); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx,
		"UPDATE flows SET version = ?, changed = ?, dated_until = CASE WHEN dated_until = 0 THEN ? ELSE dated_until END WHERE campaign_id = ?",
		version, false, now, k.ID); err != nil {
		return err
	}
	if err := tx.makeSayings(ctx, k, version, compiled); err != nil {
		return err
	}
	return tx.setTriggers(ctx, k, compiled)
}

// makeSayings makes the runs of a version, one for each text that its steps send. They
// are under way for as long as somebody is on the version.
func (tx conn) makeSayings(ctx context.Context, k campaigns.Campaign, version int64, f *flow.Flow) error {
	var before sql.NullInt64
	if err := tx.Row(ctx, "SELECT MIN(instant) FROM runs WHERE campaign_id = ?", k.ID).Scan(&before); err != nil {
		return err
	}
	// No other run of the campaign stands for these instants: those that its audience
	// enters at are to come, or, made up for, whole seconds.
	at := tx.s.clock.Now().UnixMilli()
	if before.Valid {
		at = min(at, before.Int64)
	}
	ordinal := version * 1000
	for _, step := range f.Says() {
		said := keptContent{Content: step.Content.Content, Template: step.Content.Template, Tracking: k.Tracking}
		if step.ChannelID == 0 {
			step.ChannelID = k.ChannelID
		}
		sayings := []keptContent{said}
		if step.Question != nil {
			if _, err := tx.Exec(ctx, `INSERT INTO flow_questions (campaign_id, step, text) VALUES (?, ?, ?)
				ON CONFLICT (campaign_id, step) DO UPDATE SET text = excluded.text`, k.ID, step.ID, questionText(said)); err != nil {
				return err
			}
			if step.Question.Retry != nil {
				sayings = append(sayings, keptContent{Content: step.Question.Retry.Content, Template: step.Question.Retry.Template, Tracking: k.Tracking})
			}
		}
		for i, said := range sayings {
			ordinal++
			if at--; at%1000 == 0 {
				at--
			}
			if err := tx.makeSaying(ctx, k, saying{version: version, ordinal: ordinal, instant: at, step: step, again: i > 0, said: said}); err != nil {
				return err
			}
		}
	}
	return nil
}

// saying is one text of a version's step.
type saying struct {
	version, ordinal, instant int64
	step                      flow.Step
	again                     bool
	said                      keptContent
}

func (tx conn) makeSaying(ctx context.Context, k campaigns.Campaign, s saying) error {
	said, resolved := templates.Plain(s.said.Content), any(nil)
	r, err := tx.worded(ctx, k.AccountID, s.step.ChannelID, campaigns.Wording{Content: s.said.Content, Template: s.said.Template})
	if err != nil {
		return err
	}
	if r != nil {
		said, resolved = *r, mustJSON(r)
	}
	snippets, err := tx.snippetTexts(ctx, said.RenderedBy(), snippetsOf{accountID: k.AccountID, lock: tx.d.ForShare})
	if err != nil {
		return err
	}
	now := sqldb.Millis(tx.s.clock.Now())
	// The versions of a campaign's own content count up from 1; those of steps are below 0.
	if _, err := tx.Exec(ctx, `INSERT INTO campaign_versions (campaign_id, version, audience, content, resolved, created_at)
		VALUES (?, ?, '{}', ?, CAST(? AS TEXT), ?)`, k.ID, -s.ordinal, mustJSON(s.said), resolved, now); err != nil {
		return err
	}
	runID, err := tx.Insert(ctx, `INSERT INTO runs (account_id, campaign_id, channel_id, instant, status, kind, started_at, version, snippets, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, k.AccountID, k.ID, s.step.ChannelID, s.instant, string(campaigns.RunSending), string(campaigns.RunStep),
		now, -s.ordinal, mustJSON(snippets), now)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO flow_says (campaign_id, version, step, again, run_id) VALUES (?, ?, ?, ?, ?)", k.ID, s.version, s.step.ID, s.again, runID)
	return err
}

// questionText is a question as it is listed.
func questionText(said keptContent) string {
	if said.Template != nil {
		return said.Template.Name
	}
	if said.Text != "" {
		return said.Text
	}
	return said.Subject
}

// The kinds of triggers.
const (
	byEvent, byKeyword, byJoining, byDate = "event", "keyword", "joins", "date"
)

// setTriggers keeps what lets people enter by itself.
func (tx conn) setTriggers(ctx context.Context, k campaigns.Campaign, f *flow.Flow) error {
	if _, err := tx.Exec(ctx, "DELETE FROM flow_triggers WHERE campaign_id = ?", k.ID); err != nil {
		return err
	}
	for _, t := range f.Triggers {
		kind, keys := byEvent, []string{t.Event}
		switch {
		case t.Keyword != "":
			kind, keys = byKeyword, []string{t.Keyword}
		case t.Joins != nil:
			kind, keys = byJoining, nil
			for _, refs := range [][]naming.Ref{t.Joins.Groups, t.Joins.Labels, t.Joins.Categories} {
				for _, id := range naming.IDs(refs) {
					keys = append(keys, fmt.Sprint(id))
				}
			}
		case t.Date != nil:
			kind, keys = byDate, []string{t.Date.Property}
		}
		for _, key := range keys {
			if _, err := tx.Exec(ctx, "INSERT INTO flow_triggers (account_id, kind, key, campaign_id, channel_id) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
				k.AccountID, kind, key, k.ID, k.ChannelID); err != nil {
				return err
			}
		}
	}
	return nil
}

// CloseFlow lets nobody enter any more; who is inside goes on, and when the last has ended
// the flow is finished.
func (s *Store) CloseFlow(ctx context.Context, accountID, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		c, err := tx.lockCampaign(ctx, accountID, id)
		if err != nil {
			return err
		}
		if err := c.mustBe("closed", "only one that was started can", campaigns.Running, campaigns.Paused); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE flows SET closed_at = COALESCE(closed_at, ?) WHERE campaign_id = ?", sqldb.Millis(s.clock.Now()), id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM flow_triggers WHERE campaign_id = ?", id); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE campaigns SET next_fire_at = NULL, look_at = NULL WHERE id = ?", id)
		return err
	})
}

// compiledFlow is a version of a flow, ready to be walked through. Versions don't change,
// so each is read once.
func (tx conn) compiledFlow(ctx context.Context, accountID, id, version int64) (*flow.Flow, error) {
	key := [2]int64{id, version}
	if known, ok := tx.s.flows.Load(key); ok {
		return known.(*flow.Flow), nil
	}
	var text []byte
	if err := tx.Row(ctx, "SELECT definition FROM flow_versions WHERE campaign_id = ? AND version = ?", id, version).Scan(&text); err != nil {
		return nil, err
	}
	var d flow.Definition
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("read version %d of flow %d: %w", version, id, err)
	}
	v, err := tx.flowVocabulary(ctx, accountID)
	if err != nil {
		return nil, err
	}
	f, err := flow.Compile(d, v)
	if err != nil {
		return nil, fmt.Errorf("read version %d of flow %d: %w", version, id, err)
	}
	tx.s.flows.Store(key, f)
	return f, nil
}

const (
	versionColumns = `v.version, v.created_at, v.by_whom, (SELECT COUNT(*) FROM flow_sessions n WHERE n.campaign_id = v.campaign_id AND n.version = v.version
		AND n.ended_at IS NULL), v.retired_at`
	fromVersions = " FROM flow_versions v JOIN flows f ON f.campaign_id = v.campaign_id WHERE v.campaign_id = ? AND f.account_id = ?"
)

func scanVersion(scan sqldb.Scan, more ...any) (v flows.Version, err error) {
	var created, retired sqldb.Time
	err = scan(append([]any{&v.Version, &created, &v.By, &v.Inside, &retired}, more...)...)
	v.CreatedAt, v.RetiredAt = created.Time, retired.Ptr()
	return v, err
}

// FlowVersions are those of a flow, newest first.
func (s *Store) FlowVersions(ctx context.Context, accountID, id int64) ([]flows.Version, error) {
	list, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (flows.Version, error) { return scanVersion(scan) },
		"SELECT "+versionColumns+fromVersions+" ORDER BY v.version DESC", id, accountID)
	return list, s.translate(err)
}

// FlowVersion is one version of a flow with its definition.
func (s *Store) FlowVersion(ctx context.Context, accountID, id, version int64) (flows.Version, error) {
	var text []byte
	v, err := scanVersion(s.reader().Row(ctx, "SELECT "+versionColumns+", v.definition"+fromVersions+" AND v.version = ?", id, accountID, version).Scan, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return v, fault.New(fault.NotFound, "flow %d has no version %d: GET /v1/flows/%d/versions lists them", id, version, id)
	}
	if err != nil {
		return v, s.translate(err)
	}
	return v, readParts(id, part{"definition", text, &v.Definition})
}

// retireVersions closes the runs of versions that nobody is on any more, and on which
// nobody can come: of older versions, and of flows that are closed.
func (s *Store) retireVersions(ctx context.Context) error {
	var due [][2]int64
	if err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var v [2]int64
		err := scan(&v[0], &v[1])
		due = append(due, v)
		return err
	}, `SELECT v.campaign_id, v.version FROM flow_versions v JOIN flows f ON f.campaign_id = v.campaign_id
		WHERE v.retired_at IS NULL AND (v.version < f.version OR f.closed_at IS NOT NULL)
			AND NOT EXISTS (SELECT 1 FROM flow_sessions n WHERE n.campaign_id = v.campaign_id AND n.version = v.version AND n.ended_at IS NULL)
			AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.campaign_id = v.campaign_id AND r.finished_at IS NULL AND r.kind <> 'step') LIMIT 100`); err != nil {
		return s.translate(err)
	}
	for _, v := range due {
		if err := s.inTx(ctx, func(tx conn) error {
			if _, err := tx.Exec(ctx, "SELECT 1 FROM flows WHERE campaign_id = ?"+tx.d.ForUpdate, v[0]); err != nil && !strings.Contains(err.Error(), "no rows") {
				return err
			}
			n, err := tx.Exec(ctx, `UPDATE flow_versions SET retired_at = ? WHERE campaign_id = ? AND version = ? AND retired_at IS NULL
				AND NOT EXISTS (SELECT 1 FROM flow_sessions n WHERE n.campaign_id = ? AND n.version = ? AND n.ended_at IS NULL)`,
				sqldb.Millis(s.clock.Now()), v[0], v[1], v[0], v[1])
			if err != nil || n == 0 {
				return err
			}
			if _, err = tx.Exec(ctx, `UPDATE runs SET plan_done = ? WHERE id IN (SELECT run_id FROM flow_says WHERE campaign_id = ? AND version = ?)`,
				true, v[0], v[1]); err != nil {
				return err
			}
			// A flow that says nothing has no run whose end would finish it.
			return tx.settleCampaign(ctx, v[0], campaigns.Finished)
		}); err != nil {
			return err
		}
	}
	return nil
}
