package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/templates"
)

// selectTemplate reads what scanTemplate takes; a version is chosen behind it.
const selectTemplate = `SELECT t.id, t.account_id, t.name, v.version, v.definition, v.built, t.created_at, v.created_at
	FROM templates t JOIN template_versions v ON v.template_id = t.id`

func scanTemplate(scan sqldb.Scan) (templates.Saved, error) {
	var t templates.Saved
	var definition, built string
	var created, changed sqldb.Time
	if err := scan(&t.ID, &t.AccountID, &t.Name, &t.Version, &definition, &built, &created, &changed); err != nil {
		return t, err
	}
	t.CreatedAt, t.ChangedAt = created.Time, changed.Time
	if err := json.Unmarshal([]byte(definition), &t.Definition); err != nil {
		return t, fmt.Errorf("read template %d: %w", t.ID, err)
	}
	if err := json.Unmarshal([]byte(built), &t.Built); err != nil {
		return t, fmt.Errorf("read template %d: %w", t.ID, err)
	}
	return t, nil
}

func noTemplate(id int64) error { return fault.New(fault.NotFound, "there is no template %d", id) }

// ListTemplates lists templates behind the name After, by name, without their texts.
func (s *Store) ListTemplates(ctx context.Context, f templates.TemplateFilter) ([]templates.TemplateInfo, error) {
	query, args := `SELECT t.id, t.name, t.version, t.category, t.kinds, v.languages, t.created_at, v.created_at
		FROM templates t JOIN template_versions v ON v.template_id = t.id AND v.version = t.version
		WHERE t.account_id = ? AND t.deleted_at IS NULL AND t.name > ?`, []any{f.AccountID, f.After}
	if f.Kind != "" {
		query, args = query+" AND t.kinds LIKE ?", append(args, "% "+string(f.Kind)+" %")
	}
	if f.Category != "" {
		query, args = query+" AND t.category = ?", append(args, string(f.Category))
	}
	if f.Language != "" {
		query, args = query+" AND ' ' || v.languages || ' ' LIKE ?", append(args, "% "+f.Language+" %")
	}
	if f.State != "" {
		query, args = query+" AND EXISTS (SELECT 1 FROM template_statuses s WHERE s.template_id = t.id AND s.state = ?)", append(args, string(f.State))
	}
	if f.Search != "" {
		query, args = query+` AND LOWER(t.name) LIKE ? ESCAPE '\'`, append(args, holding(strings.ToLower(f.Search)))
	}
	list, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (t templates.TemplateInfo, err error) {
		var kinds, languages string
		var created, changed sqldb.Time
		err = scan(&t.ID, &t.Name, &t.Version, &t.Category, &kinds, &languages, &created, &changed)
		t.CreatedAt, t.ChangedAt = created.Time, changed.Time
		for _, kind := range strings.Fields(kinds) {
			t.Kinds = append(t.Kinds, providers.AddressKind(kind))
		}
		t.Languages = strings.Fields(languages)
		return t, err
	}, query+" ORDER BY t.name LIMIT ?", append(args, f.Limit)...)
	if err == nil {
		err = s.templateStates(ctx, list)
	}
	return list, s.translate(err)
}

// templateStates says of templates what the providers of channels do.
func (s *Store) templateStates(ctx context.Context, list []templates.TemplateInfo) error {
	at, ids := map[int64]int{}, make([]int64, len(list))
	for i, t := range list {
		at[t.ID], ids[i] = i, t.ID
	}
	return sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var id int64
		var state templates.State
		if err := scan(&id, &state); err != nil {
			return err
		}
		list[at[id]].States = append(list[at[id]].States, state)
		return nil
	}, "SELECT DISTINCT template_id, state FROM template_statuses WHERE template_id "+s.d.InIDs+" ORDER BY template_id, state", s.d.IDList(ids))
}

// GetTemplate is a version of a template with its statuses, 0 for the latest.
func (s *Store) GetTemplate(ctx context.Context, accountID, id int64, version int) (templates.Saved, error) {
	t, err := s.reader().template(ctx, accountID, id, version)
	return t, s.translate(err)
}

func (tx conn) template(ctx context.Context, accountID, id int64, version int) (templates.Saved, error) {
	t, err := scanTemplate(tx.Row(ctx, selectTemplate+` AND v.version = CASE WHEN ? = 0 THEN t.version ELSE ? END
		WHERE t.account_id = ? AND t.id = ? AND t.deleted_at IS NULL`, version, version, accountID, id).Scan)
	if !errors.Is(err, sql.ErrNoRows) {
		if err == nil {
			t.Statuses, err = tx.templateStatuses(ctx, t.ID)
		}
		return t, err
	}
	var latest int
	err = tx.Row(ctx, "SELECT version FROM templates WHERE account_id = ? AND id = ? AND deleted_at IS NULL", accountID, id).Scan(&latest)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return templates.Saved{}, noTemplate(id)
	case err != nil:
		return templates.Saved{}, err
	}
	return templates.Saved{}, fault.New(fault.NotFound, "template %d has no version %d: the latest is %d", id, version, latest)
}

// hasTemplate is NotFound if the account has no such template.
func (tx conn) hasTemplate(ctx context.Context, accountID, id int64) error {
	err := tx.Row(ctx, "SELECT id FROM templates WHERE account_id = ? AND id = ? AND deleted_at IS NULL", accountID, id).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return noTemplate(id)
	}
	return err
}

func (tx conn) templateStatuses(ctx context.Context, id int64) ([]templates.Approval, error) {
	return sqldb.Query(ctx, tx, func(scan sqldb.Scan) (st templates.Approval, err error) {
		var updated sqldb.Time
		err = scan(&st.ChannelID, &st.Language, &st.State, &st.Reason, &updated)
		st.UpdatedAt = updated.Time
		return st, err
	}, "SELECT channel_id, language, state, reason, updated_at FROM template_statuses WHERE template_id = ? ORDER BY channel_id, language", id)
}

// FindTemplate is the latest version of a template, by name.
func (s *Store) FindTemplate(ctx context.Context, accountID int64, name string) (templates.Saved, error) {
	var id int64
	err := s.reader().Row(ctx, "SELECT id FROM templates WHERE account_id = ? AND name = ? AND deleted_at IS NULL", accountID, name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return templates.Saved{}, fault.New(fault.NotFound, "there is no template %q", name)
	}
	if err != nil {
		return templates.Saved{}, s.translate(err)
	}
	return s.GetTemplate(ctx, accountID, id, 0)
}

// CreateTemplate keeps a new template as version 1.
func (s *Store) CreateTemplate(ctx context.Context, t templates.Saved) (templates.Saved, error) {
	var made templates.Saved
	err := s.inTx(ctx, func(tx conn) error {
		// A snippet that is deleted at the same time is seen, or sees this template.
		if err := tx.lockAccount(ctx, t.AccountID); err != nil {
			return err
		}
		if err := tx.roomForTemplate(ctx, t); err != nil {
			return err
		}
		id, err := tx.Insert(ctx, "INSERT INTO templates (account_id, name, version, category, kinds, created_at) VALUES (?, ?, 1, ?, ?, ?)",
			t.AccountID, t.Name, string(t.Category), kindsColumn(t.Kinds), sqldb.Millis(s.clock.Now()))
		if err != nil {
			return err
		}
		t.ID, t.Version = id, 1
		if err := tx.keepVersion(ctx, t); err != nil {
			return err
		}
		made, err = tx.template(ctx, t.AccountID, id, 0)
		return err
	})
	return made, err
}

func kindsColumn(kinds []providers.AddressKind) string {
	var b strings.Builder
	for _, kind := range kinds {
		b.WriteString(" " + string(kind))
	}
	return b.String() + " "
}

// keepVersion inserts a version, whose snippets must be there.
func (tx conn) keepVersion(ctx context.Context, t templates.Saved) error {
	names := t.Renders()
	texts, err := tx.snippetTexts(ctx, names, snippetsOf{accountID: t.AccountID})
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, ok := texts[name]; !ok {
			return fault.InvalidField("translations", name, "there is no snippet %q: GET /v1/snippets lists them", name)
		}
	}
	definition := mustJSON(t.Definition)
	if err := tx.holdFiles(ctx, t.AccountID, "translations", definition); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO template_versions (template_id, version, definition, built, languages, created_at) VALUES (?, ?, ?, ?, ?, ?)",
		t.ID, t.Version, definition, mustJSON(t.Built), strings.Join(t.Spoken(), " "), sqldb.Millis(tx.s.clock.Now()))
	return err
}

// roomForTemplate refuses a new template whose name is taken, or still reserved, or for
// which there is no room.
func (tx conn) roomForTemplate(ctx context.Context, t templates.Saved) error {
	var n, same int
	var deleted sqldb.Time
	err := tx.Row(ctx, `SELECT COUNT(CASE WHEN deleted_at IS NULL THEN 1 END), COUNT(CASE WHEN deleted_at IS NULL AND name = ? THEN 1 END),
		MAX(CASE WHEN name = ? THEN deleted_at END) FROM templates WHERE account_id = ?`, t.Name, t.Name, t.AccountID).Scan(&n, &same, &deleted)
	if err != nil {
		return err
	}
	refuse := func(format string, args ...any) error {
		return &fault.Error{Code: fault.Conflict, Message: "the name is taken", Fields: []fault.Field{{
			Location: "name", Value: t.Name, Message: fmt.Sprintf(format, args...),
		}}}
	}
	switch free := deleted.Add(templates.ReservedFor); {
	case same > 0:
		return refuse("there is a template of this name: choose another, or change that one")
	case !deleted.IsZero() && tx.s.clock.Now().Before(free):
		return refuse("a template of this name was deleted, and the name stays reserved until %s: choose another", free.UTC().Format("2006-01-02 15:04 MST"))
	case n >= templates.MaxTemplates:
		return fault.New(fault.Conflict, "there are %d templates already: delete one that is not needed", n)
	}
	return nil
}

// CheckTemplateName refuses a name that no new template may have.
func (s *Store) CheckTemplateName(ctx context.Context, accountID int64, name string) error {
	return s.translate(s.reader().roomForTemplate(ctx, templates.Saved{Template: templates.Template{AccountID: accountID, Name: name}}))
}

// ChangeTemplate keeps a new version behind t.Version, which must be the latest.
func (s *Store) ChangeTemplate(ctx context.Context, t templates.Saved) (templates.Saved, error) {
	var changed templates.Saved
	err := s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, t.AccountID); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE templates SET version = version + 1, category = ?, kinds = ?
			WHERE account_id = ? AND id = ? AND version = ? AND deleted_at IS NULL`,
			string(t.Category), kindsColumn(t.Kinds), t.AccountID, t.ID, t.Version)
		if err != nil {
			return err
		}
		if n == 0 {
			latest, err := tx.template(ctx, t.AccountID, t.ID, 0)
			if err != nil {
				return err
			}
			return templates.Changed(latest.Version)
		}
		before, err := tx.template(ctx, t.AccountID, t.ID, t.Version)
		if err != nil {
			return err
		}
		if err := tx.forgetApprovals(ctx, before, t.Definition); err != nil {
			return err
		}
		next := t
		next.Version++
		if err := tx.keepVersion(ctx, next); err != nil {
			return err
		}
		changed, err = tx.template(ctx, t.AccountID, t.ID, 0)
		return err
	})
	return changed, err
}

// forgetApprovals makes drafts of the languages in which a template says something else
// now: nobody has approved that.
func (tx conn) forgetApprovals(ctx context.Context, before templates.Saved, after templates.Definition) error {
	all := mustJSON(before.Parameters) != mustJSON(after.Parameters) || before.Category != after.Category
	for _, a := range before.Statuses {
		if !all && mustJSON(before.Translation(a.Language)) == mustJSON(after.Translation(a.Language)) {
			continue
		}
		if _, err := tx.Exec(ctx, "DELETE FROM template_statuses WHERE template_id = ? AND language = ?", before.ID, a.Language); err != nil {
			return err
		}
	}
	return nil
}

// DeleteTemplate deletes a template; its name stays taken for templates.ReservedFor.
func (s *Store) DeleteTemplate(ctx context.Context, accountID, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, "UPDATE templates SET deleted_at = ? WHERE account_id = ? AND id = ? AND deleted_at IS NULL",
			sqldb.Millis(s.clock.Now()), accountID, id)
		if err == nil && n == 0 {
			err = noTemplate(id)
		}
		if err != nil {
			return err
		}
		var name string
		if err := tx.Row(ctx, "SELECT name FROM templates WHERE id = ?", id).Scan(&name); err != nil {
			return err
		}
		uses, err := tx.campaignsOf(ctx, accountID, name)
		if err == nil && len(uses) > 0 {
			users := make([]string, len(uses))
			for i, u := range uses {
				users[i] = fmt.Sprintf("campaign %d %q (%s)", u.CampaignID, u.Name, u.Status)
			}
			err = fault.New(fault.Conflict, "template %q is used by %s: take it out there, or delete, cancel or await the campaign first", name, someOf(users))
		}
		return err
	})
}

// campaignsOf are the campaigns that are not over and say what a template says.
func (tx conn) campaignsOf(ctx context.Context, accountID int64, template string) (uses []templates.TemplateUse, err error) {
	list, err := sqldb.Query(ctx, tx, scanCampaign, selectCampaign+
		` WHERE account_id = ? AND status IN ('draft', 'scheduled', 'running', 'paused') AND content LIKE '%template":%' ORDER BY id`, accountID)
	for _, k := range list {
		if slices.ContainsFunc(k.Wordings(), func(w campaigns.Wording) bool {
			return w.Template != nil && w.Template.Name == template || w.WindowTemplate == template
		}) {
			uses = append(uses, templates.TemplateUse{CampaignID: k.ID, Name: k.Name, Status: string(k.Status)})
		}
	}
	return uses, err
}

// TemplateUses are the campaigns that are not over and say what a template says, as many as
// most at the most.
func (s *Store) TemplateUses(ctx context.Context, accountID, id int64, most int) ([]templates.TemplateUse, error) {
	tx := s.reader()
	t, err := tx.template(ctx, accountID, id, 0)
	if err != nil {
		return nil, s.translate(err)
	}
	uses, err := tx.campaignsOf(ctx, accountID, t.Name)
	return uses[:min(len(uses), most)], s.translate(err)
}

// ListVersions lists versions before the one given, 0 for all, the newest first.
func (s *Store) ListVersions(ctx context.Context, accountID, id int64, before, limit int) ([]templates.TemplateVersion, error) {
	tx := s.reader()
	if err := tx.hasTemplate(ctx, accountID, id); err != nil {
		return nil, s.translate(err)
	}
	list, err := sqldb.Query(ctx, tx, func(scan sqldb.Scan) (v templates.TemplateVersion, err error) {
		var languages string
		var created sqldb.Time
		err = scan(&v.Version, &languages, &created)
		v.Languages, v.CreatedAt = strings.Fields(languages), created.Time
		return v, err
	}, "SELECT version, languages, created_at FROM template_versions WHERE template_id = ? AND (? = 0 OR version < ?) ORDER BY version DESC LIMIT ?",
		id, before, before, limit)
	return list, s.translate(err)
}

// SetTemplateStatus keeps what a channel's provider says of a template.
func (s *Store) SetTemplateStatus(ctx context.Context, accountID, id int64, st templates.Approval) error {
	return s.inTx(ctx, func(tx conn) error {
		if err := tx.hasTemplate(ctx, accountID, id); err != nil {
			return err
		}
		var channels int
		if err := tx.Row(ctx, "SELECT COUNT(*) FROM channels WHERE account_id = ? AND id = ?", accountID, st.ChannelID).Scan(&channels); err != nil {
			return err
		}
		if channels == 0 {
			return fault.InvalidField("channel_id", st.ChannelID, "there is no such channel: GET /v1/channels lists them")
		}
		_, err := tx.Exec(ctx, `INSERT INTO template_statuses (template_id, channel_id, language, state, reason, updated_at) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (template_id, channel_id, language) DO UPDATE SET state = excluded.state, reason = excluded.reason, updated_at = excluded.updated_at`,
			id, st.ChannelID, st.Language, string(st.State), st.Reason, sqldb.Millis(s.clock.Now()))
		return err
	})
}

// TemplateStates are what a channel's provider says of the account's templates.
func (s *Store) TemplateStates(ctx context.Context, accountID, channelID int64) ([]templates.ChannelState, error) {
	list, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (k templates.ChannelState, err error) {
		err = scan(&k.TemplateID, &k.Language, &k.State, &k.Reason)
		return k, err
	}, `SELECT s.template_id, s.language, s.state, s.reason FROM template_statuses s JOIN templates t ON t.id = s.template_id
		WHERE t.account_id = ? AND t.deleted_at IS NULL AND s.channel_id = ? ORDER BY s.template_id, s.language`, accountID, channelID)
	return list, s.translate(err)
}

// CountLanguages counts the account's active contacts by their languages, of a kind of
// address those alone who have one; empty counts all.
func (s *Store) CountLanguages(ctx context.Context, accountID int64, kind providers.AddressKind) (map[string]int64, error) {
	query, args := "SELECT c.language, COUNT(*) FROM contacts c WHERE c.account_id = ? AND c.status = 'active'", []any{accountID}
	if kind != "" {
		query += " AND EXISTS (SELECT 1 FROM addresses a WHERE a.contact_id = c.id AND a.kind = ?)"
		args = append(args, string(kind))
	}
	people, err := sqldb.Map[string, int64](ctx, s.reader(), query+" GROUP BY c.language", args...)
	return people, s.translate(err)
}

// templateUsers adds the templates whose latest version renders a snippet.
func (tx conn) templateUsers(ctx context.Context, accountID int64, renders func(names []string) bool) (users []string, err error) {
	list, err := sqldb.Query(ctx, tx, scanTemplate, selectTemplate+
		" AND v.version = t.version WHERE t.account_id = ? AND t.deleted_at IS NULL AND v.definition LIKE '%render%' ORDER BY t.name", accountID)
	for _, t := range list {
		if renders(t.Renders()) {
			users = append(users, fmt.Sprintf("template %q", t.Name))
		}
	}
	return users, err
}
