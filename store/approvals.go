package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/store/sqldb"
	"carillon/templates"
)

// fingerprint is a hash of what an approval is of: what a campaign says, to whom, when
// and by which channel. The version of its template, the texts of the snippets that are
// rendered, and the days of its holiday calendars are in it, so that nobody changes them
// behind an approval.
func (tx conn) fingerprint(ctx context.Context, c campaigns.Campaign) (string, error) {
	var said []string
	names := renderedBy(c)
	for _, w := range c.Wordings() {
		r, err := tx.worded(ctx, c.AccountID, c.ChannelID, w)
		switch {
		case err == nil && r == nil:
		case err == nil:
			said, names = append(said, mustJSON(r)), append(names, r.RenderedBy()...)
		case !fault.Is(err, fault.Invalid): // what can't be resolved can't be started either
			return "", err
		}
	}
	steps, err := tx.flowSaid(ctx, c)
	if err != nil {
		return "", err
	}
	var snippets map[string]string
	if len(names) > 0 {
		var err error
		if snippets, err = tx.snippetTexts(ctx, names, snippetsOf{accountID: c.AccountID}); err != nil {
			return "", err
		}
	}
	var off []string
	if x := c.Schedule.Exclude; x != nil && len(x.Holidays) > 0 {
		var err error
		if off, err = sqldb.Column[string](ctx, tx, "SELECT days FROM holiday_calendars WHERE account_id = ? AND id "+tx.d.InIDs+" ORDER BY id",
			c.AccountID, tx.d.IDList(x.Holidays)); err != nil {
			return "", err
		}
	}
	sum := sha256.Sum256([]byte(mustJSON([]any{
		c.ChannelID, c.CategoryID, c.Audience, kept(c), c.Schedule, said, snippets, off,
	}) + steps))
	return hex.EncodeToString(sum[:]), nil
}

// flowSaid is what a flow does and says, with its templates as they are now; empty for
// other campaigns.
func (tx conn) flowSaid(ctx context.Context, c campaigns.Campaign) (string, error) {
	if !c.IsFlow {
		return "", nil
	}
	f, err := scanFlow(tx.Row(ctx, selectFlow+" WHERE f.campaign_id = ?", c.ID).Scan)
	if err != nil {
		return "", err
	}
	all := []any{f.Definition}
	for _, step := range f.Definition.Steps {
		if step.Content == nil {
			continue
		}
		if step.ChannelID == 0 {
			step.ChannelID = c.ChannelID
		}
		r, err := tx.worded(ctx, c.AccountID, step.ChannelID, campaigns.Wording{Content: step.Content.Content, Template: step.Content.Template})
		switch {
		case fault.Is(err, fault.Invalid): // what can't be resolved can't be started either
			all = append(all, templates.Resolved{})
		case err != nil:
			return "", err
		case r != nil:
			all = append(all, r)
		}
	}
	return mustJSON(all), nil
}

// keptApproval is an approval with the hash of what it is of.
type keptApproval struct {
	campaigns.Approval
	hash string
}

// approval is zero where nothing was proposed.
func (tx conn) approval(ctx context.Context, c campaigns.Campaign) (a keptApproval, err error) {
	var proposed, decided sqldb.Time
	err = tx.Row(ctx, `SELECT campaign_id, state, hash, proposed_by, proposer, proposed_at, decided_by, decider, decided_at, note FROM approvals
		WHERE campaign_id = ?`, c.ID).Scan(&a.CampaignID, &a.State, &a.hash, &a.ProposedBy, &a.Proposer, &proposed, &a.DecidedBy, &a.Decider, &decided, &a.Note)
	if errors.Is(err, sql.ErrNoRows) {
		return a, nil
	}
	if err != nil {
		return a, err
	}
	a.ProposedAt, a.DecidedAt = proposed.Time, decided.Ptr()
	now, err := tx.fingerprint(ctx, c)
	a.Current = now == a.hash
	return a, err
}

// GetApproval is what was said of a campaign; zero if nothing was proposed.
func (s *Store) GetApproval(ctx context.Context, accountID, campaignID int64) (campaigns.Approval, error) {
	c, err := s.GetCampaign(ctx, accountID, campaignID)
	if err != nil {
		return campaigns.Approval{}, err
	}
	a, err := s.reader().approval(ctx, c)
	return a.Approval, s.translate(err)
}

// Propose asks for the approval of a draft as it is now.
func (s *Store) Propose(ctx context.Context, accountID, campaignID int64, by campaigns.By) (a campaigns.Approval, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		c, err := tx.heldDraft(ctx, accountID, campaignID, "proposed")
		if err != nil {
			return err
		}
		hash, err := tx.fingerprint(ctx, c)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO approvals (campaign_id, state, hash, proposed_by, proposer, proposed_at, note) VALUES (?, 'proposed', ?, ?, ?, ?, ?)
			ON CONFLICT (campaign_id) DO UPDATE SET state = 'proposed', hash = excluded.hash, proposed_by = excluded.proposed_by, proposer = excluded.proposer,
			proposed_at = excluded.proposed_at, note = excluded.note, decided_by = 0, decider = '', decided_at = NULL`,
			campaignID, hash, by.KeyID, clean(by.Actor), sqldb.Millis(s.clock.Now()), clean(by.Note)); err != nil {
			return err
		}
		kept, err := tx.approval(ctx, c)
		a = kept.Approval
		return err
	})
	return a, err
}

// heldDraft is a draft whose row the transaction holds.
func (tx conn) heldDraft(ctx context.Context, accountID, campaignID int64, action string) (c campaigns.Campaign, err error) {
	locked, err := tx.lockCampaign(ctx, accountID, campaignID)
	if err != nil {
		return c, err
	}
	if err := locked.mustBe(action, "only a draft waits for approval", campaigns.Draft); err != nil {
		return c, err
	}
	return scanCampaign(tx.Row(ctx, selectCampaign+" WHERE id = ?", campaignID).Scan)
}

// Decide approves or rejects what was proposed.
func (s *Store) Decide(
	ctx context.Context, accountID, campaignID int64, to campaigns.ApprovalState, by campaigns.By,
) (a campaigns.Approval, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		c, err := tx.heldDraft(ctx, accountID, campaignID, string(to))
		if err != nil {
			return err
		}
		kept, err := tx.approval(ctx, c)
		switch {
		case err != nil:
			return err
		case kept.State == "":
			return fault.New(fault.Conflict, "campaign %d was not proposed: POST …/propose first", campaignID)
		case !kept.Current:
			return fault.New(fault.Conflict, "campaign %d has changed since it was proposed: have it proposed again, as it is now", campaignID)
		case kept.State == campaigns.Rejected && to == campaigns.Approved:
			return fault.New(fault.Conflict, "campaign %d was rejected by %s: have it proposed again", campaignID, kept.Decider)
		case kept.ProposedBy == by.KeyID && to == campaigns.Approved:
			return fault.New(fault.Forbidden, "campaign %d was proposed by this key: another person approves it, with another key", campaignID)
		}
		if _, err := tx.Exec(ctx, "UPDATE approvals SET state = ?, decided_by = ?, decider = ?, decided_at = ?, note = ? WHERE campaign_id = ?",
			string(to), by.KeyID, clean(by.Actor), sqldb.Millis(s.clock.Now()), clean(by.Note), campaignID); err != nil {
			return err
		}
		kept, err = tx.approval(ctx, c)
		a = kept.Approval
		return err
	})
	return a, err
}

// CheckApproval is a Conflict if the account asks for approval and the campaign, as it is
// given, has none.
func (s *Store) CheckApproval(ctx context.Context, c campaigns.Campaign) error {
	return s.translate(s.reader().mustBeApproved(ctx, c))
}

func (tx conn) mustBeApproved(ctx context.Context, c campaigns.Campaign) error {
	settings, err := tx.settings(ctx, c.AccountID)
	if err != nil || !settings.ApprovalRequired {
		return err
	}
	a, err := tx.approval(ctx, c)
	if err != nil {
		return err
	}
	const ask = "POST …/propose, and have another key POST …/approve"
	switch {
	case a.State == "":
		return fault.New(fault.Conflict, "campaign %d needs approval before it is started: %s", c.ID, ask)
	case a.State == campaigns.Rejected:
		return fault.New(fault.Conflict, "campaign %d was rejected by %s: change it, then %s", c.ID, a.Decider, ask)
	case !a.Current:
		return fault.New(fault.Conflict, "campaign %d is not what was %s: %s", c.ID, a.State, ask)
	case a.State == campaigns.Proposed:
		return fault.New(fault.Conflict, "campaign %d waits for approval: it was proposed by %s, and another key has to POST …/approve", c.ID, a.Proposer)
	}
	return nil
}

// mayStart is mustBeApproved for a draft that the transaction holds; what is started
// already was approved.
func (tx conn) mayStart(ctx context.Context, locked lockedCampaign) error {
	if locked.status != campaigns.Draft {
		return nil
	}
	c, err := scanCampaign(tx.Row(ctx, selectCampaign+" WHERE id = ?", locked.id).Scan)
	if err != nil {
		return err
	}
	return tx.mustBeApproved(ctx, c)
}

// mayChangeApproved refuses to make something else of a campaign that is started, where
// that needs approval.
func (tx conn) mayChangeApproved(ctx context.Context, locked lockedCampaign, to campaigns.Campaign) error {
	settings, err := tx.settings(ctx, locked.accountID)
	if err != nil || !settings.ApprovalRequired || locked.status == campaigns.Draft {
		return err
	}
	from, err := scanCampaign(tx.Row(ctx, selectCampaign+" WHERE id = ?", locked.id).Scan)
	if err != nil {
		return err
	}
	before, err := tx.fingerprint(ctx, from)
	if err != nil {
		return err
	}
	after, err := tx.fingerprint(ctx, to)
	if err != nil || before == after {
		return err
	}
	return fault.New(fault.Conflict, "campaign %d is %s as it was approved and can't be changed: duplicate it, change the copy and propose that%s", locked.id,
		locked.status, fmt.Sprintf("; POST /v1/campaigns/%d/cancel ends this one", locked.id))
}
