package store

import (
	"context"
	"encoding/json"
	"time"

	"carillon/messages"
	"carillon/store/sqldb"
	"carillon/targeting/rule"
)

// loadFacts reads what the rules of the flow look at: contacts, the lists inside of rules,
// and what became of the messages of steps.
func (m *moving) loadFacts(ctx context.Context) error {
	ruled, stepped := false, false
	needs := map[rule.Source]bool{}
	var lists []int64
	for _, f := range m.versions {
		ruled, stepped, lists = ruled || f.Ruled(), stepped || f.Stepped(), append(lists, f.TargetingLists()...)
		for _, source := range f.Sources() {
			needs[source] = true
		}
	}
	if !ruled {
		return nil
	}
	of, ids := m.byContact()
	inside := map[int64]rule.Rule{}
	if len(lists) > 0 {
		schema, err := m.ruleSchema(ctx, m.campaign.AccountID)
		if err != nil {
			return err
		}
		moment, err := m.moment(ctx, m.campaign.AccountID, schema, []rule.Rule{rule.OfLists(lists)}, m.l.now)
		if err != nil {
			return err
		}
		inside = moment.Lists
		for _, r := range inside {
			for _, source := range r.Sources() {
				needs[source] = true
			}
		}
	}
	found, err := m.ruleContacts(ctx, ids, needs)
	if err != nil {
		return err
	}
	for id, places := range of {
		for _, p := range places {
			p.in.Contact, p.in.Lists = found[id], inside
		}
	}
	if !stepped {
		return nil
	}
	return m.loadSteps(ctx, found)
}

// loadSteps finds out what became of the messages of steps.
func (m *moving) loadSteps(ctx context.Context, known map[int64]*rule.Contact) error {
	type said struct {
		p    *place
		step string
	}
	of := map[int64][]said{}
	var ids []int64
	for i := range m.places {
		p := &m.places[i]
		p.in.Steps = map[string][]string{}
		for step, id := range p.was.Messages {
			of[id], ids = append(of[id], said{p, step}), append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return sqldb.Each(ctx, m, func(scan sqldb.Scan) error {
		var id int64
		var state messages.State
		var sent, clicked sqldb.Time
		if err := scan(&id, &state, &sent, &clicked); err != nil {
			return err
		}
		for _, s := range of[id] {
			facts := factsOf(state)
			if !clicked.IsZero() {
				facts = append(facts, "clicked")
			}
			if c := known[s.p.was.ContactID]; c != nil && !sent.IsZero() && !c.LastRepliedAt.Before(sent.Time) {
				facts = append(facts, "replied")
			}
			s.p.in.Steps[s.step] = facts
		}
		return nil
	}, "SELECT m.id, m.state, m.sent_at, e.clicked_at FROM messages m LEFT JOIN engagement e ON e.message_id = m.id WHERE m.id "+m.d.InIDs, m.d.IDList(ids))
}

// factsOf are what a state says of a message, as rules of flows ask.
func factsOf(state messages.State) []string {
	switch state {
	case messages.Sent, messages.Unknown:
		return []string{"sent"}
	case messages.Delivered:
		return []string{"sent", "delivered"}
	case messages.Read:
		return []string{"sent", "delivered", "read"}
	}
	if settled := settledAs(state); settled != "" {
		return []string{settled}
	}
	return nil
}

// ruleContacts are contacts as rules see them; of what hangs on them, only the sources
// that are needed are read.
func (tx conn) ruleContacts(ctx context.Context, ids []int64, needs map[rule.Source]bool) (map[int64]*rule.Contact, error) {
	found, list := make(map[int64]*rule.Contact, len(ids)), tx.d.IDList(ids)
	err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		c := &rule.Contact{}
		var attributes, expiry, changed []byte
		var created, active, replied sqldb.Time
		if err := scan(&c.ID, &c.ExternalID, &c.Name, &c.FirstName, &c.LastName, &c.Language, &c.Timezone, &c.Status,
			&attributes, &expiry, &changed, &created, &active, &replied); err != nil {
			return err
		}
		c.CreatedAt, c.LastActivityAt, c.LastRepliedAt = created.Time, active.Time, replied.Time
		var err error
		if c.Expiry, err = parseTimes(expiry); err != nil {
			return err
		}
		if c.ChangedAt, err = parseTimes(changed); err != nil {
			return err
		}
		found[c.ID] = c
		return json.Unmarshal(attributes, &c.Attributes)
	}, `SELECT id, COALESCE(external_id, ''), name, first_name, last_name, language, timezone, status, attributes, attribute_expiry, attribute_changed,
		created_at, last_activity_at, last_replied_at FROM contacts WHERE id `+tx.d.InIDs, list)
	if err != nil {
		return nil, err
	}
	if needs[rule.Address] {
		err = sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
			var id int64
			var kind, address string
			err := scan(&id, &kind, &address)
			if c := found[id]; c != nil {
				if c.Addresses == nil {
					c.Addresses = map[string]string{}
				}
				c.Addresses[kind] = address
			}
			return err
		}, "SELECT contact_id, kind, address FROM addresses WHERE contact_id "+tx.d.InIDs, list)
	}
	if err == nil && needs[rule.Membership] {
		err = sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
			var id, listID int64
			var kind string
			err := scan(&id, &listID, &kind)
			if c := found[id]; c != nil {
				if c.Lists == nil {
					c.Lists = map[int64]string{}
				}
				c.Lists[listID] = kind
			}
			return err
		}, "SELECT m.contact_id, l.id, l.kind FROM members m JOIN lists l ON l.id = m.list_id WHERE m.contact_id "+tx.d.InIDs, list)
	}
	if err == nil && (needs[rule.Campaign] || needs[rule.Activity] || needs[rule.Received] || needs[rule.Engagement] || needs[rule.Engaged]) {
		err = sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
			var id int64
			var was rule.Message
			var sent, delivered, read, opened, clicked sqldb.Time
			err := scan(&id, &was.CampaignID, &sent, &delivered, &read, &opened, &clicked)
			was.SentAt, was.DeliveredAt, was.ReadAt = sent.Time, delivered.Time, read.Time
			was.LastOpenedAt, was.LastClickedAt = opened.Time, clicked.Time
			if c := found[id]; c != nil {
				c.Messages = append(c.Messages, was)
			}
			return err
		}, `SELECT m.contact_id, COALESCE(r.campaign_id, 0), m.sent_at, m.delivered_at, m.read_at, e.last_opened_at, e.last_clicked_at
			FROM messages m LEFT JOIN runs r ON r.id = m.run_id LEFT JOIN engagement e ON e.message_id = m.id
			WHERE m.contact_id > 0 AND m.sent_at IS NOT NULL AND m.contact_id `+tx.d.InIDs, list)
	}
	if err == nil && needs[rule.Happened] {
		err = sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
			var id int64
			var name string
			var at sqldb.Time
			err := scan(&id, &name, &at)
			if c := found[id]; c != nil {
				if c.Events == nil {
					c.Events = map[string][]time.Time{}
				}
				c.Events[name] = append(c.Events[name], at.Time)
			}
			return err
		}, "SELECT contact_id, name, at FROM contact_events WHERE contact_id "+tx.d.InIDs, list)
	}
	return found, err
}
