package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"carillon/contacts/property"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/store/sqldb"
	"carillon/targeting"
	"carillon/targeting/rule"
)

// rules is the database as the rule compiler knows it.
func (d *dialect) rules() rule.Dialect {
	if d.Dollar {
		return rule.Postgres
	}
	return rule.SQLite
}

// RuleSchema is what the account's rules may talk about.
func (s *Store) RuleSchema(ctx context.Context, accountID int64) (*rule.Schema, error) {
	schema, err := s.reader().writtenSchema(ctx, accountID)
	return schema, s.translate(err)
}

// mostNames bounds the things of a kind that rules may call by their names.
const mostNames = 10_000

// writtenSchema is ruleSchema for rules that somebody writes.
func (tx conn) writtenSchema(ctx context.Context, accountID int64) (*rule.Schema, error) {
	v, err := tx.ruleVocabulary(ctx, accountID)
	if err != nil {
		return nil, err
	}
	v.Names, err = tx.ruleNames(ctx, accountID, v.Labels)
	return rule.NewSchema(v), err
}

// ruleNames are the ids of what rules may call by its name.
func (tx conn) ruleNames(ctx context.Context, accountID int64, labels map[string]int64) (names map[string]map[string]int64, err error) {
	names = map[string]map[string]int64{"label": labels}
	for field, query := range map[string]string{
		"group":     "SELECT name, id FROM lists WHERE kind = 'group' AND account_id = ? ORDER BY id LIMIT ?",
		"category":  "SELECT name, id FROM lists WHERE kind = 'category' AND account_id = ? ORDER BY id LIMIT ?",
		"targeting": "SELECT name, id FROM targeting_lists WHERE account_id = ? ORDER BY id LIMIT ?",
	} {
		if names[field], err = sqldb.Map[string, int64](ctx, tx, query, accountID, mostNames); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// mostEventFields bounds the events that are shown as fields; rules may ask for any.
const mostEventFields = 200

func (tx conn) ruleSchema(ctx context.Context, accountID int64) (*rule.Schema, error) {
	v, err := tx.ruleVocabulary(ctx, accountID)
	return rule.NewSchema(v), err
}

func (tx conn) ruleVocabulary(ctx context.Context, accountID int64) (v rule.Vocabulary, err error) {
	properties, err := tx.properties(ctx, accountID)
	if err != nil {
		return v, err
	}
	labels, err := sqldb.Map[string, int64](ctx, tx, "SELECT name, id FROM lists WHERE account_id = ? AND kind = 'label' ORDER BY id DESC", accountID)
	if err != nil {
		return v, err
	}
	events, err := sqldb.Column[string](ctx, tx, "SELECT name FROM event_names WHERE account_id = ? ORDER BY name LIMIT ?", accountID, mostEventFields)
	return rule.Vocabulary{Properties: properties, Kinds: value.Kinds(), Labels: labels, Events: events}, err
}

// referenced are the queries for what rules and audiences name by id: by the
// kind of list, "targeting" or "campaign".
var referenced = map[string]string{
	"category": "SELECT id FROM lists WHERE kind = 'category'",
	"group":    "SELECT id FROM lists WHERE kind = 'group'",
	"label":    "SELECT id FROM lists WHERE kind = 'label'",
	// A dry run is nobody's audience. No quote within a JSON text is bare, so that
	// nothing else reads like this.
	"upload":    `SELECT id FROM lists WHERE kind = 'upload' AND id NOT IN (SELECT id FROM uploads WHERE options LIKE '%"dry_run":true%')`,
	"contact":   "SELECT id FROM contacts WHERE status <> 'deleted'",
	"targeting": "SELECT id FROM targeting_lists WHERE TRUE",
	"campaign":  "SELECT id FROM campaigns WHERE TRUE",
}

// unknownIDs are those of ids that name nothing of the account.
func (tx conn) unknownIDs(ctx context.Context, accountID int64, noun string, ids []int64) (map[int64]bool, error) {
	unknown := make(map[int64]bool, len(ids))
	for _, id := range ids {
		unknown[id] = true
	}
	err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		err := scan(&id)
		delete(unknown, id)
		return err
	}, referenced[noun]+" AND account_id = ? AND id "+tx.d.InIDs, accountID, tx.d.IDList(ids))
	return unknown, err
}

// noSuch says that something named by its id is not there.
func noSuch(noun string, id int64) string {
	return fmt.Sprintf("there is no %s: GET /v1/%s lists them", nounOf(noun, id), pathOf(noun))
}

func nounOf(noun string, id int64) string {
	if noun == "targeting" {
		noun = "targeting list"
	}
	return fmt.Sprintf("%s %d", noun, id)
}

func pathOf(noun string) string {
	switch noun {
	case "targeting":
		return noun
	case "category":
		return "categories"
	default:
		return noun + "s"
	}
}

// CheckReferences names what a rule refers to and is not there.
func (s *Store) CheckReferences(ctx context.Context, accountID int64, refs []rule.Reference) ([]fault.Field, error) {
	fields, err := s.reader().checkReferences(ctx, accountID, refs)
	return fields, s.translate(err)
}

func (tx conn) checkReferences(ctx context.Context, accountID int64, refs []rule.Reference) ([]fault.Field, error) {
	ids := map[string][]int64{}
	for _, ref := range refs {
		ids[ref.Noun()] = append(ids[ref.Noun()], ref.ID)
	}
	unknown := map[string]map[int64]bool{}
	for noun, list := range ids {
		var err error
		if unknown[noun], err = tx.unknownIDs(ctx, accountID, noun, list); err != nil {
			return nil, err
		}
	}
	var wrong []fault.Field
	for _, ref := range refs {
		if unknown[ref.Noun()][ref.ID] {
			wrong = append(wrong, fault.Field{Location: ref.At, Value: ref.ID, Message: noSuch(ref.Noun(), ref.ID)})
		}
	}
	return wrong, nil
}

// moment is when and with which lists a rule is looked at. Lists that no longer
// fit what the account's contacts have are an error: nobody may be left out
// silently.
func (tx conn) moment(ctx context.Context, accountID int64, schema *rule.Schema, rules []rule.Rule, now time.Time) (rule.Moment, error) {
	m := rule.Moment{AccountID: accountID, Now: now, Lists: map[int64]rule.Rule{}}
	var want []int64
	for _, r := range rules {
		want = append(want, r.TargetingLists()...)
	}
	for len(want) > 0 {
		found, err := tx.targetingRules(ctx, accountID, schema, want)
		if err != nil {
			return m, err
		}
		want = nil
		for id, r := range found {
			m.Lists[id] = r
			for _, inner := range r.TargetingLists() {
				if _, known := m.Lists[inner]; !known && !slices.Contains(want, inner) {
					want = append(want, inner)
				}
			}
		}
		want = slices.DeleteFunc(want, func(id int64) bool { _, known := m.Lists[id]; return known })
	}
	return m, nil
}

// targetingRules are the rules of some targeting lists, or of all if ids is nil.
func (tx conn) targetingRules(ctx context.Context, accountID int64, schema *rule.Schema, ids []int64) (map[int64]rule.Rule, error) {
	query, args := "SELECT id, rule FROM targeting_lists WHERE account_id = ?", []any{accountID}
	if ids != nil {
		query, args = query+" AND id "+tx.d.InIDs, append(args, tx.d.IDList(ids))
	}
	rules := map[int64]rule.Rule{}
	return rules, sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var text string
		if err := scan(&id, &text); err != nil {
			return err
		}
		parsed, err := rule.Parse([]byte(text), schema)
		if err != nil {
			return &fault.Error{Code: fault.Conflict, Op: fmt.Sprintf("read targeting list %d", id), Err: err}
		}
		rules[id] = parsed
		return nil
	}, query, args...)
}

const selectTargeting = "SELECT id, account_id, name, rule, created_at, updated_at FROM targeting_lists"

func scanTargeting(scan sqldb.Scan) (targeting.TargetingList, error) {
	var l targeting.TargetingList
	var text string
	var created, updated sqldb.Time
	err := scan(&l.ID, &l.AccountID, &l.Name, &text, &created, &updated)
	l.Rule, l.CreatedAt, l.UpdatedAt = []byte(text), created.Time, updated.Time
	return l, err
}

func noTargeting(id int64) error {
	return fault.New(fault.NotFound, "there is no targeting list %d", id)
}

// GetTargetingList is one targeting list.
func (s *Store) GetTargetingList(ctx context.Context, accountID, id int64) (targeting.TargetingList, error) {
	l, err := scanTargeting(s.reader().Row(ctx, selectTargeting+" WHERE id = ? AND account_id = ?", id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return targeting.TargetingList{}, noTargeting(id)
	}
	return l, s.translate(err)
}

// ListTargetingLists lists targeting lists behind the id after.
func (s *Store) ListTargetingLists(ctx context.Context, accountID, after int64, limit int) ([]targeting.TargetingList, error) {

	list, err := sqldb.Query(ctx, s.reader(), scanTargeting, selectTargeting+" WHERE account_id = ? AND id > ? ORDER BY id LIMIT ?", accountID, after, limit)
	return list, s.translate(err)
}

// CreateTargetingList keeps a new targeting list; ID and the times are set here.
// A name that is taken is a Conflict that names the list.
func (s *Store) CreateTargetingList(ctx context.Context, l targeting.TargetingList, parsed rule.Rule) (targeting.TargetingList, error) {
	l.ID = 0
	return s.saveTargeting(ctx, l, parsed, func(tx conn, now any) (int64, error) {
		var n int
		if err := tx.Row(ctx, "SELECT COUNT(*) FROM targeting_lists WHERE account_id = ?", l.AccountID).Scan(&n); err != nil {
			return 0, err
		}
		if n >= targeting.MaxTargetingLists {
			return 0, fault.New(fault.Conflict, "there are %d targeting lists already: delete one that is not needed", n)
		}
		return tx.Insert(ctx, "INSERT INTO targeting_lists (account_id, name, rule, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
			l.AccountID, l.Name, string(l.Rule), now, now)
	})
}

// UpdateTargetingList replaces name and rule of a targeting list.
func (s *Store) UpdateTargetingList(ctx context.Context, l targeting.TargetingList, parsed rule.Rule) (targeting.TargetingList, error) {
	return s.saveTargeting(ctx, l, parsed, func(tx conn, now any) (int64, error) {
		n, err := tx.Exec(ctx, "UPDATE targeting_lists SET name = ?, rule = ?, updated_at = ? WHERE id = ? AND account_id = ?",
			l.Name, string(l.Rule), now, l.ID, l.AccountID)
		if err == nil && n == 0 {
			err = noTargeting(l.ID)
		}
		return l.ID, err
	})
}

func (s *Store) saveTargeting(
	ctx context.Context, l targeting.TargetingList, parsed rule.Rule, write func(tx conn, now any) (int64, error),
) (targeting.TargetingList, error) {
	var saved targeting.TargetingList
	err := s.inTx(ctx, func(tx conn) error {
		// Two lists that are saved at the same time could make a circle together.
		if err := tx.lockAccount(ctx, l.AccountID); err != nil {
			return err
		}
		var holder int64
		err := tx.Row(ctx, "SELECT id FROM targeting_lists WHERE account_id = ? AND name = ? AND id <> ?", l.AccountID, l.Name, l.ID).Scan(&holder)
		if err == nil {
			return &fault.Error{Code: fault.Conflict, Message: "the name is taken", Fields: []fault.Field{{
				Location: "name", Value: l.Name, Message: fmt.Sprintf("targeting list %d has this name: choose another, or change that list", holder),
			}}}
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if len(parsed.TargetingLists()) > 0 || l.ID != 0 {
			schema, err := tx.ruleSchema(ctx, l.AccountID)
			if err != nil {
				return err
			}
			all, err := tx.targetingRules(ctx, l.AccountID, schema, nil)
			if err != nil {
				return err
			}
			if err := rule.CheckNesting(l.ID, parsed, all); err != nil {
				return err
			}
		}
		id, err := write(tx, sqldb.Millis(s.clock.Now()))
		if err != nil {
			return err
		}
		saved, err = scanTargeting(tx.Row(ctx, selectTargeting+" WHERE id = ?", id).Scan)
		return err
	})
	return saved, err
}

// DeleteTargetingList forgets a targeting list. One that is in use is a Conflict
// that says by whom.
func (s *Store) DeleteTargetingList(ctx context.Context, accountID, id int64) error {
	return s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		users, err := tx.ruleUsers(ctx, accountID, func(r rule.Rule, lists []int64) bool {
			return slices.Contains(lists, id) || slices.Contains(r.TargetingLists(), id)
		})
		if err != nil {
			return err
		}
		if len(users) > 0 {
			return fault.New(fault.Conflict, "targeting list %d is used by %s: take it out there first", id, someOf(users))
		}
		n, err := tx.Exec(ctx, "DELETE FROM targeting_lists WHERE id = ? AND account_id = ?", id, accountID)
		if err == nil && n == 0 {
			err = noTargeting(id)
		}
		return err
	})
}

// refuseUsedProperty is the Conflict for a property that rules look at.
func (tx conn) refuseUsedProperty(ctx context.Context, p property.Property, verb string) error {
	users, err := tx.ruleUsers(ctx, p.AccountID, func(r rule.Rule, _ []int64) bool { return r.Uses(p) })
	if err == nil && len(users) > 0 {
		err = fault.New(fault.Conflict, "the property %q can't be %s: it is used by %s; take it out there first", p.Key, verb, someOf(users))
	}
	return err
}

func someOf(users []string) string {
	const most = 5
	if len(users) > most {
		return strings.Join(users[:most], ", ") + fmt.Sprintf(" and %d more", len(users)-most)
	}
	return strings.Join(users, ", ")
}

// ruleUsers names the targeting lists and the campaigns that are not over whose
// rules do what does asks for; lists are the targeting lists that a campaign
// names.
func (tx conn) ruleUsers(ctx context.Context, accountID int64, does func(r rule.Rule, lists []int64) bool) ([]string, error) {
	schema, err := tx.ruleSchema(ctx, accountID)
	if err != nil {
		return nil, err
	}
	var users []string
	err = sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var name, text string
		if err := scan(&id, &name, &text); err != nil {
			return err
		}
		if r, err := rule.Parse([]byte(text), schema); err == nil && does(r, nil) {
			users = append(users, fmt.Sprintf("targeting list %d (%s)", id, name))
		}
		return nil
	}, "SELECT id, name, rule FROM targeting_lists WHERE account_id = ? ORDER BY id", accountID)
	if err != nil {
		return nil, err
	}
	return users, sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		campaign, err := scanCampaign(scan)
		if err != nil {
			return err
		}
		texts, lists := [][]byte{campaign.Audience.Rule}, campaign.Audience.Targeting
		if e := campaign.Audience.Exclude; e != nil {
			texts, lists = append(texts, e.Rule), slices.Concat(lists, e.Targeting)
		}
		for _, text := range texts {
			r := rule.Rule{}
			if targeting.HasRule(text) {
				if r, err = rule.Parse(text, schema); err != nil {
					continue
				}
			}
			if does(r, lists) {
				users = append(users, fmt.Sprintf("campaign %d (%s)", campaign.ID, campaign.Name))
				break
			}
		}
		return nil
	}, selectCampaign+" WHERE account_id = ? AND status IN ('draft', 'scheduled', 'running', 'paused') ORDER BY id", accountID)
}

// maxChoices is how many things of a kind a rule builder is offered.
const maxChoices = 1000

// RuleChoices are things that rules may name by their ids: of each kind the
// newest.
func (s *Store) RuleChoices(ctx context.Context, accountID int64) ([]targeting.RuleChoice, error) {
	var choices []targeting.RuleChoice
	for _, part := range []struct{ field, query string }{
		{"category", "SELECT id, name FROM lists WHERE kind = 'category'"},
		{"group", "SELECT id, name FROM lists WHERE kind = 'group'"},
		{"label", "SELECT id, name FROM lists WHERE kind = 'label'"},
		{"upload", "SELECT id, name FROM lists WHERE kind = 'upload'"},
		{"targeting", "SELECT id, name FROM targeting_lists WHERE TRUE"},
		{"campaign", "SELECT id, name FROM campaigns WHERE status <> 'draft'"},
	} {
		found, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (targeting.RuleChoice, error) {
			choice := targeting.RuleChoice{Field: part.field}
			err := scan(&choice.ID, &choice.Name)
			return choice, err
		}, part.query+" AND account_id = ? ORDER BY id DESC LIMIT ?", accountID, maxChoices)
		if err != nil {
			return nil, s.translate(err)
		}
		choices = append(choices, found...)
	}
	return choices, nil
}
