package store_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts/property"
	"carillon/contacts/value"
	"carillon/internal/clock"
	"carillon/store"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/targeting/rule"
)

func ruleSchema() *rule.Schema {
	return rule.NewSchema(rule.Vocabulary{Properties: store.RuleProperties(), Kinds: value.Kinds()})
}

// ruleWorld is a store with contacts as rules see them, under the same ids in
// every store.
type ruleWorld struct {
	t        testing.TB
	stores   []*storetest.Store
	account  int64
	contacts []rule.Contact
	moment   rule.Moment
	runs     map[int64]int64 // of a campaign
}

// newRuleWorld opens a store of each kind, with lists 1 to 8, two of each kind,
// and campaigns 1 to 3.
func newRuleWorld(t testing.TB) *ruleWorld {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w := &ruleWorld{t: t, stores: []*storetest.Store{storetest.Open(t, storetest.SQLite(t)), storetest.Open(t, storetest.Postgres(t))}, runs: map[int64]int64{}}
	for _, s := range w.stores {
		s.Clock.Set(clock.NewFake(now))
		w.account = s.Account("rules")
		w.exec(s, `INSERT INTO channels (id, account_id, name, provider, config, address_kind, limits, timezone, in_doubt, status, created_at, updated_at)
			VALUES (1, ?, 'mail', 'sandbox', '', 'email', '{}', 'UTC', 'hold', 'active', 0, 0)`, w.account)
		for id := int64(1); id <= 8; id++ {
			w.exec(s, "INSERT INTO lists (id, account_id, kind, name, created_at) VALUES (?, ?, ?, ?, 0)", id, w.account, ruleListKind(id), fmt.Sprint("list ", id))
		}
		for id := int64(1); id <= 3; id++ {
			w.exec(s, `INSERT INTO campaigns (id, account_id, name, channel_id, audience, content, schedule, throttle, status, created_at, updated_at)
				VALUES (?, ?, 'c', 1, '{}', '{}', '{}', '{}', 'finished', 0, 0)`, id, w.account)
			w.exec(s, "INSERT INTO runs (id, account_id, campaign_id, channel_id, instant, status, created_at) VALUES (?, ?, ?, 1, 0, 'finished', 0)", 10+id,
				w.account, id)
			w.runs[id] = 10 + id
		}
	}
	w.moment = rule.Moment{AccountID: w.account, Now: now, Lists: map[int64]rule.Rule{}}
	return w
}

func ruleListKind(id int64) string {
	return []string{"category", "group", "label", "upload"}[(id-1)%4]
}

func (w *ruleWorld) exec(s *storetest.Store, query string, args ...any) {
	w.t.Helper()
	s.Exec(query, args...)
}

// clear forgets the contacts.
func (w *ruleWorld) clear() {
	w.t.Helper()
	w.contacts = nil
	for _, s := range w.stores {
		for _, table := range []string{"contacts", "addresses", "members", "messages", "engagement", "contact_events", "event_names"} {
			w.exec(s, "DELETE FROM "+table)
		}
	}
}

// add writes a contact into every store.
func (w *ruleWorld) add(c rule.Contact) {
	w.t.Helper()
	c.ID = int64(len(w.contacts) + 1)
	w.contacts = append(w.contacts, c)
	for _, s := range w.stores {
		require.NoError(w.t, s.InTx(w.t.Context(), func(tx sqldb.Conn) error { return w.write(tx, c) }))
	}
}

func (w *ruleWorld) write(tx sqldb.Conn, c rule.Contact) error {
	expiry := map[string]int64{}
	for key, at := range c.Expiry {
		expiry[key] = at.UnixMilli()
	}
	changed := map[string]int64{}
	for key, at := range c.ChangedAt {
		changed[key] = at.UnixMilli()
	}
	var texts [4]string
	for i, v := range []any{orEmpty(c.Attributes), expiry, changed, ruleFolded(c)} {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		texts[i] = string(b)
	}
	ctx := w.t.Context()
	if _, err := tx.Exec(ctx, `INSERT INTO contacts (id, account_id, external_id, name, first_name, last_name, language, timezone, status, created_at, updated_at,
		attributes, attribute_expiry, attribute_changed, folded, last_activity_at, last_replied_at)
		VALUES (?, ?, NULLIF(?, ''), ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?)`,
		c.ID, w.account, c.ExternalID, c.Name, c.FirstName, c.LastName, c.Language, c.Timezone, c.Status, sqldb.Millis(c.CreatedAt),
		texts[0], texts[1], texts[2], texts[3], sqldb.Millis(c.LastActivityAt), sqldb.Millis(c.LastRepliedAt)); err != nil {
		return err
	}
	for kind, address := range c.Addresses {
		if _, err := tx.Exec(ctx, "INSERT INTO addresses (contact_id, kind, account_id, address) VALUES (?, ?, ?, ?)", c.ID, kind, w.account, address); err != nil {
			return err
		}
	}
	for id := range c.Lists {
		if _, err := tx.Exec(ctx, "INSERT INTO members (list_id, contact_id) VALUES (?, ?)", id, c.ID); err != nil {
			return err
		}
	}
	for name, times := range c.Events {
		for _, at := range times {
			if _, err := tx.Exec(ctx, "INSERT INTO contact_events (account_id, contact_id, name, payload, at, created_at) VALUES (?, ?, ?, '{}', ?, 0)",
				w.account, c.ID, name, sqldb.Millis(at)); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, "INSERT INTO event_names (account_id, name, first_at, last_at) VALUES (?, ?, 0, 0) ON CONFLICT DO NOTHING", w.account,
			name); err != nil {
			return err
		}
	}
	for i, m := range c.Messages {
		id, err := tx.Insert(ctx, `INSERT INTO messages (channel_id, run_id, contact_id, step, state, created_at, sent_at, delivered_at, read_at, address)
			VALUES (1, ?, ?, ?, 3, 0, ?, ?, ?, '')`, w.runs[m.CampaignID], c.ID, i, sqldb.Millis(m.SentAt), sqldb.Millis(m.DeliveredAt),
			sqldb.Millis(m.ReadAt))
		if err != nil {
			return err
		}
		if m.LastOpenedAt.IsZero() && m.LastClickedAt.IsZero() {
			continue
		}
		if _, err := tx.Exec(ctx, "INSERT INTO engagement (message_id, last_opened_at, last_clicked_at) VALUES (?, ?, ?)", id,
			sqldb.Millis(m.LastOpenedAt), sqldb.Millis(m.LastClickedAt)); err != nil {
			return err
		}
	}
	return nil
}

func orEmpty(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

// ruleFolded is the column folded of a contact.
func ruleFolded(c rule.Contact) map[string]any {
	folded := map[string]any{}
	for key, text := range map[string]string{"name": c.Name, "first_name": c.FirstName, "last_name": c.LastName} {
		if text != "" {
			folded[key] = property.Fold(text)
		}
	}
	for key, value := range c.Attributes {
		switch property.Type(key).Comparison() {
		case property.AsText:
			if s, ok := value.(string); ok {
				folded["attributes."+key] = property.Fold(s)
			}
		case property.AsSet:
			elements := []string{}
			list, ok := value.([]any)
			for _, element := range list {
				elements = append(elements, property.Fold(element.(string)))
			}
			if ok {
				folded["attributes."+key] = elements
			}
		}
	}
	return folded
}

// matches is whom a rule holds for: in each store, and last in memory.
func (w *ruleWorld) matches(r rule.Rule) (found [][]int64, err error) {
	for _, s := range w.stores {
		f, err := r.SQL(ruleDialect(s), w.moment)
		if err != nil {
			return nil, err
		}
		ids := []int64{}
		// The condition is read for everybody, so that a NULL is found.
		err = sqldb.Each(w.t.Context(), s.Reader(), func(scan sqldb.Scan) error {
			var id int64
			var holds bool
			if err := scan(&id, &holds); err != nil {
				return err
			}
			if holds {
				ids = append(ids, id)
			}
			return nil
		}, "SELECT c.id, ("+f.SQL+") FROM contacts c WHERE c.account_id = ? ORDER BY c.id", append(f.Args, w.account)...)
		if err != nil {
			return nil, fmt.Errorf("%v: %w: %s %v", ruleDialect(s), err, f.SQL, f.Args)
		}
		// And as it is used, by whatever index.
		found = append(found, ids)
		var n int
		if err := s.Reader().Row(w.t.Context(), "SELECT COUNT(*) FROM contacts c WHERE c.account_id = ? AND "+f.SQL,
			append([]any{w.account}, f.Args...)...).Scan(&n); err != nil {
			return nil, err
		}
		if n != len(ids) {
			return nil, fmt.Errorf("%v: holds for %d, selects %d: %s", ruleDialect(s), len(ids), n, f.SQL)
		}
	}
	ids := []int64{}
	for i := range w.contacts {
		if r.Match(&w.contacts[i], w.moment) {
			ids = append(ids, w.contacts[i].ID)
		}
	}
	return append(found, ids), nil
}

func ruleDialect(s *storetest.Store) rule.Dialect {
	if s.Postgres() {
		return rule.Postgres
	}
	return rule.SQLite
}
