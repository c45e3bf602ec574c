package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"carillon/campaigns"
	"carillon/campaigns/flow"
	"carillon/campaigns/flows"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/sqldb"
)

// TakeEvents keeps events that are not known by their keys, and has happen what waits for
// them: flows are entered, waits end, conversions are counted, all in one transaction.
func (s *Store) TakeEvents(ctx context.Context, accountID int64, name string, list []contacts.GivenEvent) (fresh int, err error) {
	who := make([]flows.Who, len(list))
	for i, e := range list {
		who[i] = flows.Who{ID: e.ContactID, ExternalID: e.ExternalID, Kind: e.Kind, Address: e.Address}
	}
	ids, err := s.FindContacts(ctx, accountID, who)
	if err != nil {
		return 0, err
	}
	var wrong []fault.Field
	for i, id := range ids {
		if id == 0 {
			wrong = append(wrong, fault.Field{Location: fmt.Sprintf("events[%d]", i),
				Message: "is of nobody who is known: take the contact in first (POST /v1/contacts)"})
		}
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return 0, err
	}
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.holdContacts(ctx, ids); err != nil {
			return err
		}
		kept, err := tx.keepEvents(ctx, accountID, name, list, ids)
		if fresh = len(kept); err != nil || fresh == 0 {
			return err
		}
		if err := tx.convert(ctx, accountID, name, kept); err != nil {
			return err
		}
		return tx.happened(ctx, accountID, name, kept)
	})
	return fresh, err
}

// holdContacts keeps contacts from being erased or merged until the transaction ends, so
// that nothing is written of somebody who is gone.
func (tx conn) holdContacts(ctx context.Context, ids []int64) error {
	held, err := sqldb.IDs(ctx, tx, "SELECT id FROM contacts WHERE status <> 'deleted' AND id "+tx.d.InIDs+" ORDER BY id"+tx.d.ForShare, tx.d.IDList(ids))
	if err != nil {
		return err
	}
	for i, id := range ids {
		if _, found := slices.BinarySearch(held, id); !found {
			return fault.InvalidFields([]fault.Field{{Location: fmt.Sprintf("events[%d]", i), Message: "is of somebody who was deleted, merged or erased"}})
		}
	}
	return nil
}

// keepEvents keeps those of the events that are not known, and returns them.
func (tx conn) keepEvents(ctx context.Context, accountID int64, name string, list []contacts.GivenEvent, ids []int64) (kept []contacts.Event, err error) {
	now := tx.s.clock.Now().UnixMilli()
	rows := make([][]any, len(list))
	for i, e := range list {
		rows[i] = []any{accountID, ids[i], name, nullText(e.Key), string(e.Payload), e.At.UnixMilli(), now}
	}
	kept, err = sqldb.Query(ctx, tx, func(scan sqldb.Scan) (e contacts.Event, err error) {
		var payload []byte
		var at sqldb.Time
		err = scan(&e.ID, &e.ContactID, &payload, &at)
		e.AccountID, e.Name, e.Payload, e.At = accountID, name, payload, at.Time
		return e, err
	}, "INSERT INTO contact_events (account_id, contact_id, name, key, payload, at, created_at) SELECT "+
		tx.d.statements.columns("bigint", "bigint", "text", "text", "text", "bigint", "bigint")+" FROM "+tx.d.statements.rows+
		" WHERE true ON CONFLICT (account_id, name, key) WHERE key IS NOT NULL DO NOTHING RETURNING id, contact_id, payload, at", mustJSON(rows))
	if err != nil || len(kept) == 0 {
		return nil, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO event_names (account_id, name, first_at, last_at, total) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (account_id, name) DO UPDATE SET last_at = excluded.last_at, total = event_names.total + excluded.total`, accountID, name, now, now, len(kept))
	return kept, err
}

// happened ends the waits of flows for an event, and lets people enter those that it
// triggers.
func (tx conn) happened(ctx context.Context, accountID int64, name string, list []contacts.Event) error {
	ids, latest := make([]int64, len(list)), map[int64]time.Time{}
	for i, e := range list {
		if ids[i] = e.ContactID; e.At.After(latest[e.ContactID]) {
			latest[e.ContactID] = e.At
		}
	}
	type waiting struct{ session, contact int64 }
	found, err := sqldb.Structs(ctx, tx, func(w *waiting) []any { return []any{&w.session, &w.contact} },
		"SELECT id, contact_id FROM flow_sessions WHERE ended_at IS NULL AND awaits = ? AND account_id = ? AND contact_id "+tx.d.InIDs, name, accountID,
		tx.d.IDList(ids))
	if err != nil {
		return err
	}
	for _, w := range found {
		if err := tx.tellSession(ctx, w.session, flow.Heard{Event: name, At: latest[w.contact]}); err != nil {
			return err
		}
	}
	triggered, err := tx.triggered(ctx, accountID, byEvent, name)
	if err != nil {
		return err
	}
	for _, t := range triggered {
		for _, e := range list {
			_, err := tx.enterFlow(ctx, accountID, entry{flow: t.campaign, contacts: []int64{e.ContactID}, source: byEvent, answers: scalars(e.Payload)})
			if fault.Is(err, fault.Conflict) {
				break // it takes nobody in any more
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// scalars are the texts, numbers and truths at the top of a payload: what a flow knows from
// the beginning.
func scalars(payload json.RawMessage) map[string]json.RawMessage {
	var object map[string]json.RawMessage
	if json.Unmarshal(payload, &object) != nil {
		return nil
	}
	for key, value := range object {
		if len(value) == 0 || value[0] == '{' || value[0] == '[' || string(value) == "null" {
			delete(object, key)
		}
	}
	return object
}

// convert counts events for the campaigns that name them: for the latest message of each
// that the contact was sent within its days before, once per message.
func (tx conn) convert(ctx context.Context, accountID int64, name string, list []contacts.Event) error {
	type counting struct{ campaign, days int64 }
	counts, err := sqldb.Structs(ctx, tx, func(c *counting) []any { return []any{&c.campaign, &c.days} },
		"SELECT campaign_id, within_days FROM campaign_conversions WHERE account_id = ? AND event = ?", accountID, name)
	if err != nil || len(counts) == 0 {
		return err
	}
	rows := make([][]any, len(list))
	for i, e := range list {
		rows[i] = []any{e.ID, e.ContactID, e.At.UnixMilli()}
	}
	f := tx.d.statements.field
	for _, c := range counts {
		if _, err := tx.Exec(ctx, `INSERT INTO conversions (message_id, run_id, variant, event_id, at)
			SELECT m.id, m.run_id, m.variant, e.id, e.at FROM (SELECT `+f(0, "bigint")+" AS id, "+f(1, "bigint")+" AS contact, "+f(2, "bigint")+" AS at FROM "+
			tx.d.statements.rows+" LIMIT "+everyRow+`) e JOIN messages m ON m.id = (SELECT n.id FROM messages n WHERE n.contact_id = e.contact AND n.contact_id > 0
				AND n.run_id > 0 AND n.run_id IN (SELECT id FROM runs WHERE campaign_id = ?) AND n.sent_at <= e.at AND n.sent_at > e.at - ?
				AND n.state `+is(messages.Sent, messages.Delivered, messages.Read)+` ORDER BY n.sent_at DESC, n.id DESC LIMIT 1)
			WHERE true ON CONFLICT (message_id) DO NOTHING`, mustJSON(rows), c.campaign, c.days*24*time.Hour.Milliseconds()); err != nil {
			return err
		}
	}
	return nil
}

// setConversion keeps which event counts for a campaign; nil for none.
func (tx conn) setConversion(ctx context.Context, accountID, campaignID int64, c *campaigns.Conversion) error {
	if _, err := tx.Exec(ctx, "DELETE FROM campaign_conversions WHERE campaign_id = ?", campaignID); err != nil || c.Empty() {
		return err
	}
	_, err := tx.Exec(ctx, "INSERT INTO campaign_conversions (account_id, event, campaign_id, within_days) VALUES (?, ?, ?, ?)",
		accountID, c.Event, campaignID, c.WithinDays)
	return err
}

// ListEvents lists a contact's events, newest first.
func (s *Store) ListEvents(ctx context.Context, accountID, contactID, before int64, limit int) ([]contacts.Event, error) {
	if _, err := s.GetContact(ctx, accountID, contactID); err != nil {
		return nil, err
	}
	list, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (e contacts.Event, err error) {
		var payload []byte
		var at sqldb.Time
		err = scan(&e.ID, &e.AccountID, &e.ContactID, &e.Name, &e.Key, &payload, &at)
		e.Payload, e.At = payload, at.Time
		return e, err
	}, `SELECT id, account_id, contact_id, name, COALESCE(key, ''), payload, at FROM contact_events WHERE contact_id = ? AND account_id = ? AND id < ?
		ORDER BY id DESC LIMIT ?`, contactID, accountID, orNewest(before), limit)
	return list, s.translate(err)
}

// EventNames are the names under which an account's events came.
func (s *Store) EventNames(ctx context.Context, accountID int64) ([]contacts.EventName, error) {
	list, err := sqldb.Query(ctx, s.reader(), func(scan sqldb.Scan) (n contacts.EventName, err error) {
		var first, latest sqldb.Time
		err = scan(&n.Name, &first, &latest, &n.Total)
		n.First, n.Latest = first.Time, latest.Time
		return n, err
	}, "SELECT name, first_at, last_at, total FROM event_names WHERE account_id = ? ORDER BY name", accountID)
	return list, s.translate(err)
}
