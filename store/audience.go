package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"carillon/campaigns"
	"carillon/campaigns/calendar"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/targeting"
	"carillon/targeting/rule"
)

// fragment is a piece of SQL with its arguments.
type fragment struct {
	sql  string
	args []any
}

// and adds a condition.
func (f fragment) and(sql string, args ...any) fragment {
	return fragment{f.sql + " AND " + sql, slices.Concat(f.args, args)}
}

// audienceSQL compiles an audience for one channel. The planner, the preview
// and the samples are all built from it, which is why what is predicted is what
// happens.
type audienceSQL struct {
	d         *dialect
	accountID int64
	audience  targeting.Audience
	kind      providers.AddressKind
	// category is that of the campaign; 0 for none.
	category int64
	// sentRuns are the runs of the campaigns in audience.exclude.campaigns.
	sentRuns []int64
	// ownRuns are the runs of the campaign itself that audience.exclude.received is
	// about, and since is from when on what they sent counts; zero for always.
	ownRuns []int64
	since   time.Time
	// openRuns are those of the campaign in which people still wait.
	openRuns []int64
	// rules and excluded are conditions over c: of the audience's rule and
	// targeting lists, and of those of its exclude.
	rules, excluded []rule.Fragment
	// in and out are those of the audience, and of its exclude, by their messages.
	in, out picked
}

// compileAudience compiles an audience as it is at a moment, which rules with
// relative dates are about.
func (tx conn) compileAudience(ctx context.Context, channel providers.Channel, a targeting.Audience, category int64, now time.Time) (audienceSQL, error) {
	compiled := audienceSQL{d: tx.d, accountID: channel.AccountID, audience: a, kind: channel.Address, category: category}
	exclude := a.Exclude
	if exclude == nil {
		exclude = &targeting.Exclude{}
	}
	var err error
	if compiled.in, err = tx.pick(ctx, channel.AccountID, a.Messages); err != nil {
		return compiled, err
	}
	if compiled.out, err = tx.pick(ctx, channel.AccountID, exclude.Messages); err != nil {
		return compiled, err
	}
	if compiled.rules, compiled.excluded, err = tx.compileRules(ctx, channel.AccountID, a, *exclude, now); err != nil {
		return compiled, err
	}
	if a.Text != "" {
		found := searched(a.Text)
		compiled.rules = append(compiled.rules, rule.Fragment{SQL: found.sql, Args: found.args})
	}
	if err := tx.compileOwn(ctx, &compiled, exclude.Received, now); err != nil || len(exclude.Campaigns) == 0 {
		return compiled, err
	}
	compiled.sentRuns, err = sqldb.IDs(ctx, tx, "SELECT id FROM runs WHERE account_id = ? AND campaign_id "+tx.d.InIDs,
		channel.AccountID, tx.d.IDList(exclude.Campaigns))
	return compiled, err
}

// compileOwn finds the earlier runs of the campaign whose audience it is.
func (tx conn) compileOwn(ctx context.Context, a *audienceSQL, received *targeting.Received, now time.Time) (err error) {
	of := a.audience.Of
	if of.CampaignID == 0 {
		if received != nil {
			return fault.InvalidField("audience.exclude.received", nil, "is about the earlier runs of a campaign: leave it out here")
		}
		return nil
	}
	before := of.Before
	if before.IsZero() {
		before = tx.s.clock.Now().Add(time.Millisecond)
	}
	if of.NotWaiting {
		if a.openRuns, err = sqldb.IDs(ctx, tx, "SELECT id FROM runs WHERE campaign_id = ? AND started_at < ? AND finished_at IS NULL",
			of.CampaignID, sqldb.Millis(before)); err != nil {
			return err
		}
	}
	if received == nil {
		return nil
	}
	most := int64(pastEveryID)
	if received.Runs > 0 {
		most = int64(received.Runs)
	}
	if span := received.Span(); span > 0 {
		a.since = now.Add(-span)
	}
	// A resend belongs to the run that it is of, and is none of so many last ones.
	a.ownRuns, err = sqldb.IDs(ctx, tx, `SELECT r.id FROM runs r LEFT JOIN runs o ON o.id = r.resend_of WHERE r.campaign_id = ? AND r.started_at < ?
		AND COALESCE(o.id, r.id) IN (SELECT id FROM (SELECT id FROM runs WHERE campaign_id = ? AND started_at < ? AND kind <> 'resend'
			ORDER BY started_at DESC, id DESC LIMIT ?) last)`, of.CampaignID, sqldb.Millis(before), of.CampaignID, sqldb.Millis(before), most)
	return err
}

// compileRules compiles the rules and targeting lists of an audience and of its
// exclude.
func (tx conn) compileRules(
	ctx context.Context, accountID int64, a targeting.Audience, e targeting.Exclude, now time.Time,
) (in, out []rule.Fragment, err error) {
	if !targeting.HasRule(a.Rule) && !targeting.HasRule(e.Rule) && len(a.Targeting)+len(e.Targeting) == 0 {
		return nil, nil, nil
	}
	schema, err := tx.ruleSchema(ctx, accountID)
	if err != nil {
		return nil, nil, err
	}
	parse := func(text []byte, lists []int64) (rules []rule.Rule, err error) {
		if targeting.HasRule(text) {
			parsed, err := rule.Parse(text, schema)
			if err != nil {
				return nil, err
			}
			rules = append(rules, parsed)
		}
		if len(lists) > 0 {
			rules = append(rules, rule.OfLists(lists))
		}
		return rules, nil
	}
	included, err := parse(a.Rule, a.Targeting)
	if err != nil {
		return nil, nil, err
	}
	excluded, err := parse(e.Rule, e.Targeting)
	if err != nil {
		return nil, nil, err
	}
	moment, err := tx.moment(ctx, accountID, schema, slices.Concat(included, excluded), now)
	if err != nil {
		return nil, nil, err
	}
	compile := func(rules []rule.Rule) (list []rule.Fragment, err error) {
		for _, r := range rules {
			f, err := r.SQL(tx.d.rules(), moment)
			if err != nil {
				return nil, err
			}
			list = append(list, f)
		}
		return list, nil
	}
	if in, err = compile(included); err == nil {
		out, err = compile(excluded)
	}
	return in, out, err
}

// members selects the ids of the audience's contacts behind cursor in ascending
// order, at most limit of them. Each part of a union is bounded by itself, so
// that a batch costs the same however large the audience is.
func (a audienceSQL) members(cursor int64, limit int) fragment {
	if a.audience.All {
		return fragment{
			"SELECT id AS contact_id FROM contacts WHERE id > ? AND account_id = ? AND status <> 'deleted' ORDER BY id LIMIT ?",
			[]any{cursor, a.accountID, limit},
		}
	}
	parts, args := a.parts(" AND %s > ? ORDER BY 1 LIMIT ?", cursor, limit)
	for _, r := range a.rules {
		parts = append(parts, "SELECT c.id AS contact_id FROM contacts c WHERE c.account_id = ? AND c.status <> 'deleted' AND "+r.SQL+
			" AND c.id > ? ORDER BY 1 LIMIT ?")
		args = append(append(append(args, a.accountID), r.Args...), cursor, limit)
	}
	for i, part := range parts {
		parts[i] = "SELECT contact_id FROM (" + part + ") p"
	}
	return fragment{strings.Join(parts, " UNION ") + " ORDER BY contact_id LIMIT ?", append(args, limit)}
}

// membersOf is the condition over members m of a list of an account.
const membersOf = "m.list_id = ? AND EXISTS (SELECT 1 FROM lists l WHERE l.id = m.list_id AND l.account_id = ?)"

// parts selects each part of a union that is no rule; bound restricts its ids,
// named by %s.
func (a audienceSQL) parts(bound string, boundArgs ...any) (parts []string, args []any) {
	for _, id := range a.audience.Lists() {
		parts = append(parts, "SELECT m.contact_id FROM members m WHERE "+membersOf+fmt.Sprintf(bound, "m.contact_id"))
		args = append(append(args, id, a.accountID), boundArgs...)
	}
	if len(a.audience.Contacts) > 0 {
		parts = append(parts, "SELECT id AS contact_id FROM contacts WHERE id "+a.d.InIDs+" AND account_id = ?"+fmt.Sprintf(bound, "id"))
		args = append(append(args, a.d.IDList(a.audience.Contacts), a.accountID), boundArgs...)
	}
	if a.in.there() {
		parts = append(parts, a.in.sql+fmt.Sprintf(bound, a.in.column))
		args = append(append(args, a.in.args...), boundArgs...)
	}
	return parts, args
}

// reason is an expression over c, a and s: why the contact is not written to, NULL
// if it is.
func (a audienceSQL) reason() fragment {
	var b strings.Builder
	var args []any
	b.WriteString("CASE")
	for _, g := range gates {
		if g.planned == nil {
			continue
		}
		for _, condition := range g.planned(a) {
			fmt.Fprintf(&b, " WHEN %s THEN '%s'", condition.sql, g.reason)
			args = append(args, condition.args...)
		}
	}
	b.WriteString(" END")
	return fragment{b.String(), args}
}

// counts yields each reason of the audience's contacts behind cursor and not
// behind last, empty for those who are written to, and how many have it.
func (a audienceSQL) counts(cursor, last int64) fragment {
	var reasons []string
	for _, g := range gates {
		if g.planned != nil && len(g.planned(a)) > 0 && !slices.Contains(reasons, g.reason) {
			reasons = append(reasons, g.reason)
		}
	}
	reason, from := a.reason(), a.from(cursor, last)
	return fragment{a.d.countReasons("SELECT "+reason.sql+" AS why"+from.sql, reasons), slices.Concat(reason.args, from.args)}
}

// leftOut are the conditions over c of which one holds for whoever is excluded.
func (a audienceSQL) leftOut() (conditions []fragment) {
	e := a.audience.Exclude
	if e == nil {
		return nil
	}
	if lists := e.Lists(); len(lists) > 0 {
		conditions = append(conditions, fragment{"EXISTS (SELECT 1 FROM members x WHERE x.contact_id = c.id AND x.list_id " + a.d.InIDs + ")",
			[]any{a.d.IDList(lists)}})
	}
	if len(e.Contacts) > 0 {
		conditions = append(conditions, fragment{"c.id " + a.d.InIDs, []any{a.d.IDList(e.Contacts)}})
	}
	for _, r := range a.excluded {
		conditions = append(conditions, fragment{r.SQL, r.Args})
	}
	if a.out.there() {
		conditions = append(conditions, a.out.holds())
	}
	if len(a.sentRuns) > 0 {
		// Whoever was written to, or may have been: sent and what follows it,
		// being sent, and in doubt.
		conditions = append(conditions, fragment{"EXISTS (SELECT 1 FROM messages x WHERE x.run_id > 0 AND x.run_id " + a.d.InIDs +
			" AND x.contact_id = c.id AND x.state " + is(messages.Queued, messages.Sending, messages.Sent, messages.Delivered, messages.Read, messages.Unknown) + ")",
			[]any{a.d.IDList(a.sentRuns)}})
	}
	if len(a.ownRuns) > 0 {
		when, args := "", []any{a.d.IDList(a.ownRuns)}
		if !a.since.IsZero() {
			when, args = " AND (x.sent_at IS NULL OR x.sent_at > ?)", append(args, sqldb.Millis(a.since))
		}
		conditions = append(conditions, fragment{"EXISTS (SELECT 1 FROM messages x WHERE x.run_id > 0 AND x.run_id " + a.d.InIDs +
			" AND x.contact_id = c.id AND x.state " + is(messages.Pending, messages.Queued, messages.Sending, messages.Sent, messages.Delivered, messages.Read,
			messages.Unknown) + when + ")", args})
	}
	return conditions
}

// stillWaiting is the condition over c of waiting for the message of an earlier run.
func (a audienceSQL) stillWaiting() []fragment {
	if len(a.openRuns) == 0 {
		return nil
	}
	return []fragment{{"EXISTS (SELECT 1 FROM messages x WHERE x.run_id > 0 AND x.run_id " + a.d.InIDs + " AND x.contact_id = c.id AND x.state " +
		is(messages.Pending, messages.Queued, messages.Sending) + ")", []any{a.d.IDList(a.openRuns)}}}
}

// batchOf is how many members of an audience there are behind cursor, n at most, and the id of
// the last of them; cursor itself if there are none.
func (tx conn) batchOf(ctx context.Context, a audienceSQL, cursor int64, n int) (last int64, found int, err error) {
	members := a.members(cursor, n)
	err = tx.Row(ctx, "SELECT COALESCE(MAX(contact_id), ?), COUNT(*) FROM ("+members.sql+") b", append([]any{cursor}, members.args...)...).
		Scan(&last, &found)
	return last, found, err
}

// from is the FROM clause of the audience's contacts c behind cursor and not
// behind last, with a and s for reason. The range is said of every table,
// because PostgreSQL does not conclude it and would read the whole of each.
func (a audienceSQL) from(cursor, last int64) fragment {
	const tables = `contacts c
		LEFT JOIN addresses a ON a.contact_id = c.id AND a.kind = ? AND a.contact_id > ? AND a.contact_id <= ?
		LEFT JOIN suppressions s ON s.account_id = ? AND s.kind = ? AND s.address = a.address
		WHERE c.id > ? AND c.id <= ?`
	args := []any{string(a.kind), cursor, last, a.accountID, string(a.kind), cursor, last}
	if list, only := a.onlyList(); only {
		// Nobody is in a list twice, so that its members need not be gathered before
		// they are looked up. CROSS makes SQLite begin with them.
		return fragment{" FROM members m CROSS JOIN " + tables + " AND c.id = m.contact_id AND m.contact_id > ? AND m.contact_id <= ? AND " + membersOf,
			append(args, cursor, last, list, a.accountID)}
	}
	contacts := a.within(" AND %[1]s > ? AND %[1]s <= ?", cursor, last)
	return fragment{" FROM " + tables + " AND " + contacts.sql, append(args, contacts.args...)}
}

// onlyList is the list that makes up the audience, if nothing else does.
func (a audienceSQL) onlyList() (id int64, only bool) {
	lists := a.audience.Lists()
	if a.audience.All || len(lists) != 1 || len(a.audience.Contacts)+len(a.rules) > 0 || a.in.there() {
		return 0, false
	}
	return lists[0], true
}

// contacts is the condition over c of belonging to the audience, whoever is
// excluded.
func (a audienceSQL) contacts() fragment { return a.within("%.0s") }

// within is contacts; bound restricts the ids of its lists, named by %[1]s.
func (a audienceSQL) within(bound string, boundArgs ...any) fragment {
	if a.audience.All {
		return fragment{"c.account_id = ? AND c.status <> 'deleted'", []any{a.accountID}}
	}
	var conditions []string
	parts, args := a.parts(bound, boundArgs...)
	if len(parts) > 0 {
		conditions = append(conditions, "c.id IN ("+strings.Join(parts, " UNION ALL ")+")")
	}
	for _, r := range a.rules {
		conditions = append(conditions, "c.account_id = ? AND c.status <> 'deleted' AND "+r.SQL)
		args = append(append(args, a.accountID), r.Args...)
	}
	if len(conditions) == 1 {
		return fragment{conditions[0], args}
	}
	return fragment{"(" + strings.Join(conditions, " OR ") + ")", args}
}

const (
	// pastEveryID is an id that nothing reaches.
	pastEveryID = 1 << 40
	// noLimit is more rows than there are.
	noLimit = 1 << 40
)

// PreviewAudience says how many contacts a campaign of a category (0: of none)
// would be sent to and who is skipped for which reason.
func (s *Store) PreviewAudience(ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64) (campaigns.Preview, error) {
	compiled, err := s.reader().compileAudience(ctx, channel, audience, category, s.clock.Now())
	if err != nil {
		return campaigns.Preview{}, s.translate(err)
	}
	bounds, err := s.countParts(ctx)
	if err != nil {
		return campaigns.Preview{}, s.translate(err)
	}
	parts := make([]campaigns.Preview, len(bounds)-1)
	group, ctx := errgroup.WithContext(ctx)
	for i := range parts {
		group.Go(func() (err error) {
			parts[i], err = s.previewPart(ctx, compiled.counts(bounds[i], bounds[i+1]))
			return err
		})
	}
	err = group.Wait()
	preview := campaigns.Preview{Skipped: map[string]int64{}}
	for _, part := range parts {
		preview.Total += part.Total
		preview.Reachable += part.Reachable
		for reason, n := range part.Skipped {
			preview.Skipped[reason] += n
		}
	}
	return preview, s.translate(err)
}

// SharedRecipients counts those who would be sent to by both of two campaigns.
func (s *Store) SharedRecipients(ctx context.Context, one, other calendar.Recipients) (n int64, err error) {
	var sides []string
	var args []any
	for _, r := range []calendar.Recipients{one, other} {
		compiled, err := s.reader().compileAudience(ctx, r.Channel, r.Audience, r.Category, s.clock.Now())
		if err != nil {
			return 0, s.translate(err)
		}
		reason, from := compiled.reason(), compiled.from(0, pastEveryID)
		sides = append(sides, "SELECT c.id"+from.sql+" AND "+reason.sql+" IS NULL")
		args = append(append(args, from.args...), reason.args...)
	}
	err = s.reader().Row(ctx, "SELECT COUNT(*) FROM ("+strings.Join(sides, " INTERSECT ")+") both_of_them", args...).Scan(&n)
	return n, s.translate(err)
}

// countParts cuts the contacts into as many ranges of ids as are counted side by
// side, and returns the bounds between them.
func (s *Store) countParts(ctx context.Context) ([]int64, error) {
	var last int64
	if err := s.reader().Row(ctx, "SELECT COALESCE(MAX(id), 0) FROM contacts").Scan(&last); err != nil {
		return nil, err
	}
	bounds := []int64{0}
	for part := range s.d.countParts - 1 {
		bounds = append(bounds, last*int64(part+1)/int64(s.d.countParts))
	}
	return append(bounds, pastEveryID), nil
}

// previewPart takes the rows of counts.
func (s *Store) previewPart(ctx context.Context, counts fragment) (campaigns.Preview, error) {
	preview := campaigns.Preview{Skipped: map[string]int64{}}
	err := sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var why string
		var n int64
		if err := scan(&why, &n); err != nil {
			return err
		}
		preview.Total += n
		if why == "" {
			preview.Reachable += n
		} else {
			preview.Skipped[why] = n
		}
		return nil
	}, counts.sql, counts.args...)
	return preview, err
}

// SampleAudience is up to n recipients that a campaign would be sent to, the first by their ids.
func (s *Store) SampleAudience(
	ctx context.Context, channel providers.Channel, audience targeting.Audience, category int64, n int,
) ([]messages.Recipient, error) {
	compiled, err := s.reader().compileAudience(ctx, channel, audience, category, s.clock.Now())
	if err != nil {
		return nil, s.translate(err)
	}
	ids, err := s.reader().reachableBehind(ctx, compiled, 0, n)
	if err != nil {
		return nil, s.translate(err)
	}
	return s.recipientsOf(ctx, ids, channel, audience)
}

// reachableBehind are the ids of up to n who would be sent to, behind an id.
func (tx conn) reachableBehind(ctx context.Context, compiled audienceSQL, behind int64, n int) ([]int64, error) {
	// The first members may all be skipped; a few hundred are looked at.
	last, _, err := tx.batchOf(ctx, compiled, behind, 100*n)
	if err != nil {
		return nil, err
	}
	reason, from := compiled.reason(), compiled.from(behind, last)
	return sqldb.IDs(ctx, tx, "SELECT id FROM (SELECT c.id, "+reason.sql+" AS why"+from.sql+") r WHERE why IS NULL ORDER BY id LIMIT ?",
		append(slices.Concat(reason.args, from.args), n)...)
}

// recipientsOf are contacts as recipients, in the order of the ids.
func (s *Store) recipientsOf(ctx context.Context, ids []int64, channel providers.Channel, audience targeting.Audience) ([]messages.Recipient, error) {
	found, err := s.reader().recipients(ctx, ids, channel.Address, audience.Uploads)
	if err != nil {
		return nil, s.translate(err)
	}
	list := make([]messages.Recipient, 0, len(ids))
	for _, id := range ids {
		list = append(list, found[id])
	}
	return list, nil
}
