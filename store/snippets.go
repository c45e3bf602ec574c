package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/store/sqldb"
	"carillon/templates"
	"carillon/templates/liquid"
)

const selectSnippet = "SELECT account_id, name, text, created_at, updated_at FROM snippets"

func scanSnippet(scan sqldb.Scan) (templates.Snippet, error) {
	var sn templates.Snippet
	var created, updated sqldb.Time
	err := scan(&sn.AccountID, &sn.Name, &sn.Text, &created, &updated)
	sn.CreatedAt, sn.UpdatedAt = created.Time, updated.Time
	return sn, err
}

func noSnippet(name string) error {
	return fault.New(fault.NotFound, "there is no snippet %q", name)
}

// GetSnippet is one snippet.
func (s *Store) GetSnippet(ctx context.Context, accountID int64, name string) (templates.Snippet, error) {
	sn, err := scanSnippet(s.reader().Row(ctx, selectSnippet+" WHERE account_id = ? AND name = ?", accountID, name).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return templates.Snippet{}, noSnippet(name)
	}
	return sn, s.translate(err)
}

// ListSnippets lists snippets behind the name after, by name.
func (s *Store) ListSnippets(ctx context.Context, accountID int64, after string, limit int) ([]templates.Snippet, error) {

	list, err := sqldb.Query(ctx, s.reader(), scanSnippet, selectSnippet+" WHERE account_id = ? AND name > ? ORDER BY name LIMIT ?", accountID, after, limit)
	return list, s.translate(err)
}

// SaveSnippet keeps a snippet, instead of the one of its name unless it has to be
// new. Refused are what liquid.CheckSnippet refuses, and a text with which a
// scheduled campaign could no longer be sent.
func (s *Store) SaveSnippet(ctx context.Context, sn templates.Snippet, mustBeNew bool) (templates.Snippet, error) {
	var saved templates.Snippet
	err := s.inTx(ctx, func(tx conn) error {
		// Two snippets that are saved at the same time could make a circle together.
		if err := tx.lockAccount(ctx, sn.AccountID); err != nil {
			return err
		}
		if err := tx.roomForSnippet(ctx, sn, mustBeNew); err != nil {
			return err
		}
		texts, err := tx.snippetTexts(ctx, []string{sn.Name}, snippetsOf{accountID: sn.AccountID, changed: &sn})
		if err != nil {
			return err
		}
		if err := liquid.CheckSnippet(sn.Name, texts); err != nil {
			return err
		}
		if err := tx.checkScheduled(ctx, sn); err != nil {
			return err
		}
		now := sqldb.Millis(s.clock.Now())
		_, err = tx.Exec(ctx, `INSERT INTO snippets (account_id, name, text, created_at, updated_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (account_id, name) DO UPDATE SET text = excluded.text, updated_at = excluded.updated_at`, sn.AccountID, sn.Name, sn.Text, now, now)
		if err != nil {
			return err
		}
		saved, err = scanSnippet(tx.Row(ctx, selectSnippet+" WHERE account_id = ? AND name = ?", sn.AccountID, sn.Name).Scan)
		return err
	})
	return saved, err
}

// roomForSnippet refuses a new snippet whose name is taken or for which there is no
// room.
func (tx conn) roomForSnippet(ctx context.Context, sn templates.Snippet, mustBeNew bool) error {
	var n, same int
	err := tx.Row(ctx, "SELECT COUNT(*), COUNT(CASE WHEN name = ? THEN 1 END) FROM snippets WHERE account_id = ?", sn.Name, sn.AccountID).Scan(&n, &same)
	switch {
	case err != nil:
		return err
	case same > 0 && mustBeNew:
		return &fault.Error{Code: fault.Conflict, Message: "the name is taken", Fields: []fault.Field{{
			Location: "name", Value: sn.Name, Message: "there is a snippet of this name: choose another, or change that one",
		}}}
	case same == 0 && n >= templates.MaxSnippets:
		return fault.New(fault.Conflict, "there are %d snippets already: delete one that is not needed", n)
	}
	return nil
}

// snippetsOf says whose snippets are read: changed stands in for the stored one of
// its name, and lock ends the query.
type snippetsOf struct {
	accountID int64
	changed   *templates.Snippet
	lock      string
}

// snippetTexts are the texts of the snippets that are named and of those that they
// render in turn, by name, except for those that are not there. More than a content
// may have is not read.
func (tx conn) snippetTexts(ctx context.Context, names []string, of snippetsOf) (map[string]string, error) {
	texts := map[string]string{}
	waiting := slices.Clone(names)
	for size := 0; len(waiting) > 0 && size <= liquid.MaxTemplateBytes; {
		name := waiting[0]
		waiting = waiting[1:]
		if _, known := texts[name]; known {
			continue
		}
		text := ""
		if of.changed != nil && of.changed.Name == name {
			text = of.changed.Text
		} else if err := tx.Row(ctx, "SELECT text FROM snippets WHERE account_id = ? AND name = ?"+of.lock, of.accountID, name).Scan(&text); errors.Is(err,
			sql.ErrNoRows) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("read snippet %q: %w", name, err)
		}
		texts[name] = text
		size += len(text)
		waiting = append(waiting, liquid.Rendered(text)...)
	}
	return texts, nil
}

// SnippetTexts are the texts of the snippets that are named and of those that they
// render in turn, by name, except for those that are not there.
func (s *Store) SnippetTexts(ctx context.Context, accountID int64, names []string) (map[string]string, error) {
	texts, err := s.reader().snippetTexts(ctx, names, snippetsOf{accountID: accountID})
	return texts, s.translate(err)
}

// holdSnippets keeps the snippets that a campaign's texts render from being deleted
// until the transaction ends. One that is not there is an Invalid error.
func (tx conn) holdSnippets(ctx context.Context, c campaigns.Campaign) error {
	names := renderedBy(c)
	texts, err := tx.snippetTexts(ctx, names, snippetsOf{accountID: c.AccountID, lock: tx.d.ForShare})
	for _, name := range names {
		if _, ok := texts[name]; err == nil && !ok {
			err = fault.InvalidField("content", name, "there is no snippet %q: GET /v1/snippets lists them", name)
		}
	}
	return err
}

// renderedBy are the names of the snippets that a campaign's own texts render.
func renderedBy(c campaigns.Campaign) (names []string) {
	for _, w := range c.Wordings() {
		names = append(names, liquid.RenderedBy(w.Content)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// renderers calls does for each campaign that is not over and renders snippets,
// drafts included.
func (tx conn) renderers(ctx context.Context, accountID int64, does func(k campaigns.Campaign, names []string) error) error {

	list, err := sqldb.Query(ctx, tx, scanCampaign, selectCampaign+
		" WHERE account_id = ? AND status IN ('draft', 'scheduled', 'running', 'paused') AND content LIKE '%render%' ORDER BY id", accountID)
	for _, k := range list {
		names := renderedBy(k)
		if err == nil && len(names) > 0 {
			err = does(k, names)
		}
	}
	return err
}

// checkScheduled is the Conflict for a snippet with whose text a campaign that fires
// by itself could not be sent. Drafts are looked at when they are started, and what
// runs keeps the words that it began with.
func (tx conn) checkScheduled(ctx context.Context, sn templates.Snippet) error {
	return tx.renderers(ctx, sn.AccountID, func(k campaigns.Campaign, names []string) error {
		if k.Status == campaigns.Draft || k.RunID != 0 && !k.Schedule.Recurs() {
			return nil
		}
		texts, err := tx.snippetTexts(ctx, names, snippetsOf{accountID: sn.AccountID, changed: &sn})
		if err != nil {
			return err
		}
		if _, uses := texts[sn.Name]; !uses {
			return nil
		}
		for _, w := range k.Wordings() {
			if _, err := liquid.Compile(w.Content, texts); err != nil {
				return fault.New(fault.Conflict, "campaign %d %q (%s) could not be sent with this text: %s", k.ID, k.Name, k.Status, err)
			}
		}
		return nil
	})
}

// DeleteSnippet forgets a snippet. One that another snippet renders, or a campaign
// that is not over, is a Conflict that says which.
func (s *Store) DeleteSnippet(ctx context.Context, accountID int64, name string) error {
	return s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		// Campaigns that are saved at this moment hold it; they are seen afterwards.
		n, err := tx.Exec(ctx, "DELETE FROM snippets WHERE account_id = ? AND name = ?", accountID, name)
		if err != nil {
			return err
		}
		if n == 0 {
			return noSnippet(name)
		}
		users, err := tx.snippetUsers(ctx, accountID, name)
		if err == nil && len(users) > 0 {
			err = fault.New(fault.Conflict, "snippet %q is used by %s: take it out there, or delete, cancel or await the campaign first", name, someOf(users))
		}
		return err
	})
}

func (tx conn) snippetUsers(ctx context.Context, accountID int64, name string) ([]string, error) {
	var users []string
	err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		sn, err := scanSnippet(scan)
		if err == nil && slices.Contains(liquid.Rendered(sn.Text), name) {
			users = append(users, fmt.Sprintf("snippet %q", sn.Name))
		}
		return err
	}, selectSnippet+" WHERE account_id = ? AND text LIKE '%render%' ORDER BY name", accountID)
	if err != nil {
		return nil, err
	}
	inTemplates, err := tx.templateUsers(ctx, accountID, func(names []string) bool { return slices.Contains(names, name) })
	if err != nil {
		return nil, err
	}
	users = append(users, inTemplates...)
	return users, tx.renderers(ctx, accountID, func(k campaigns.Campaign, names []string) error {
		if slices.Contains(names, name) {
			users = append(users, fmt.Sprintf("campaign %d %q (%s)", k.ID, k.Name, k.Status))
		}
		return nil
	})
}
