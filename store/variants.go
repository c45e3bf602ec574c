package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/targeting"
)

// What targeting.Split works out is worked out here in SQL: whole numbers below 2^62,
// which both databases multiply and divide as Go does.

// pointOf is Split.Point of a column with a contact's id.
func pointOf(s *targeting.Split, id string) string {
	x := fmt.Sprintf("((%s %% %d * %d + %d) %% %d)", id, targeting.SplitModulus, s.Multiplier, s.Offset, targeting.SplitModulus)
	square := fmt.Sprintf("(%s * %s %% %d)", x, x, targeting.SplitModulus)
	return fmt.Sprintf("(%s * %s %% %d * %s %% %d)", square, square, targeting.SplitModulus, x, targeting.SplitModulus)
}

// variantOf is Split.Variant of a column with a point.
func variantOf(s *targeting.Split, point string) string {
	var b strings.Builder
	b.WriteString("CASE")
	for i, end := range s.Cuts[:len(s.Cuts)-1] {
		fmt.Fprintf(&b, " WHEN %s %% %d < %d THEN %d", point, targeting.SplitParts, end, i+1)
	}
	fmt.Fprintf(&b, " ELSE %d END", len(s.Cuts))
	return b.String()
}

// heldOut is the condition over c of being held out.
func (a audienceSQL) heldOut() []fragment {
	split := a.audience.Of.Split
	if split == nil || split.Held == 0 {
		return nil
	}
	return []fragment{{sql: pointOf(split, "c.id") + " < " + strconv.FormatInt(split.Held, 10)}}
}

// dealtInsert is what of the planner's INSERT says which variant messages have.
type dealtInsert struct {
	// point selects the contact's point, variant makes the variant of it.
	point, variant string
}

// undecided is campaigns.Undecided as it is kept.
var undecided = strconv.FormatInt(campaigns.Undecided.UnixMilli(), 10)

// dealt says which variant the messages of a run have. Who waits for the winner has none,
// and no time that comes.
func (p planned) dealt(insert *timedInsert) dealtInsert {
	split := p.audience.Of.Split
	if split == nil || len(split.Cuts) == 0 {
		return dealtInsert{variant: "0"}
	}
	variant := variantOf(split, "r.point")
	if p.winner > 0 {
		variant = strconv.Itoa(p.winner)
	}
	others := ""
	if p.tests() {
		waits := "r.point >= " + strconv.FormatInt(split.Tested, 10)
		others = " WHEN " + waits + " THEN 0"
		insert.reason.sql = "CASE WHEN why IS NULL AND " + waits + " THEN '" + messages.ReasonUndecided + "' ELSE " + insert.reason.sql + " END"
		insert.due.sql = "CASE WHEN why IS NULL AND " + waits + " THEN " + undecided + " ELSE " + insert.due.sql + " END"
	}
	return dealtInsert{
		point:   pointOf(split, "c.id") + " AS point, ",
		variant: "CASE WHEN r.point < " + strconv.FormatInt(split.Held, 10) + " THEN 0" + others + " ELSE " + variant + " END",
	}
}

// tests reports whether people of the run wait for the variant that wins. Those of a
// resend get one at once.
func (p planned) tests() bool { return p.experiment.Waits() && p.run.Kind != campaigns.RunResend }

// experimentOf is what a run tries out; nil for nothing.
func (tx conn) experimentOf(ctx context.Context, runID int64) (e *campaigns.Experiment, err error) {
	var campaignID int64
	var content []byte
	err = tx.Row(ctx, `SELECT r.campaign_id, v.content FROM runs r JOIN campaign_versions v ON v.campaign_id = r.campaign_id AND v.version = r.version
		WHERE r.id = ? AND v.content LIKE '%"experiment"%'`, runID).Scan(&campaignID, &content)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var kept keptContent
	return kept.Experiment, readParts(campaignID, part{"content", content, &kept})
}

// winnerOf is the variant of an experiment that won in a run, which may have been of
// another version; 0 if none did, or it is not there any more.
func (tx conn) winnerOf(ctx context.Context, runID int64, now *campaigns.Experiment) (int, error) {
	var winner int
	err := tx.Row(ctx, "SELECT winner FROM experiments WHERE run_id = ?", runID).Scan(&winner)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil || winner == 0 {
		return 0, err
	}
	then, err := tx.experimentOf(ctx, runID)
	if err != nil {
		return 0, err
	}
	return now.Number(then.Name(winner)), nil
}

// nameVariants adds the names of the variants that messages are.
func (tx conn) nameVariants(ctx context.Context, list []messages.Message) error {
	known := map[int64]*campaigns.Experiment{}
	for i := range list {
		m := &list[i]
		if m.Variant == 0 {
			continue
		}
		e, read := known[m.RunID]
		if !read {
			var err error
			if e, err = tx.experimentOf(ctx, m.RunID); err != nil {
				return err
			}
			known[m.RunID] = e
		}
		m.VariantName = e.Name(m.Variant)
	}
	return nil
}
