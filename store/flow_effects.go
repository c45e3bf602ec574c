package store

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"carillon/campaigns/flow"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/internal/naming"
	"carillon/store/sqldb"
)

// writeSets makes the changes of contacts: values of properties, and the lists that they
// are in. All who come to the same step have the same change.
func (m *moving) writeSets(ctx context.Context) error {
	type change struct {
		version int64
		step    string
	}
	who := map[change][]int64{}
	writes := map[int64]map[string]json.RawMessage{} // by contact
	note := func(contact int64, key string, value json.RawMessage) {
		if writes[contact] == nil {
			writes[contact] = map[string]json.RawMessage{}
		}
		writes[contact][key] = value
	}
	for i := range m.places {
		p := &m.places[i]
		for _, a := range p.do.Answered {
			if a.Write != "" {
				note(p.was.ContactID, a.Write, a.Value)
			}
		}
		if p.do.Set == "" {
			continue
		}
		step, _ := p.flow.StepOf(p.do.Set)
		for key, value := range step.Set.Attributes {
			note(p.was.ContactID, key, value)
		}
		who[change{p.version, p.do.Set}] = append(who[change{p.version, p.do.Set}], p.was.ContactID)
	}
	if err := m.writeValues(ctx, writes); err != nil {
		return err
	}
	for of, ids := range who {
		step, _ := m.versions[of.version].StepOf(of.step)
		if err := m.writeLists(ctx, step, ids); err != nil {
			return err
		}
	}
	return nil
}

// writeValues writes values of properties; null takes one away.
func (m *moving) writeValues(ctx context.Context, writes map[int64]map[string]json.RawMessage) error {
	if len(writes) == 0 {
		return nil
	}
	ids := make([]int64, 0, len(writes))
	for id := range writes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	list, err := m.attributed(ctx, "c.account_id = ? AND c.id "+m.d.InIDs, m.campaign.AccountID, m.d.IDList(ids))
	if err != nil {
		return err
	}
	properties, err := m.flowVocabulary(ctx, m.campaign.AccountID)
	if err != nil {
		return err
	}
	for i := range list {
		c := list[i].contact()
		for key, value := range writes[list[i].id] {
			p, known := properties.Writable[key]
			if !known {
				continue // deleted meanwhile
			}
			if string(value) == "null" {
				value = nil
			}
			c.Write(p, value, m.l.now)
		}
		list[i].take(c)
	}
	return m.writeAttributes(ctx, list, m.l.now.UnixMilli())
}

// writeLists puts contacts into lists and takes them out. Categories are consent, and are
// recorded as such.
func (m *moving) writeLists(ctx context.Context, step flow.Step, ids []int64) error {
	for _, side := range []struct {
		lists *flow.NamedLists
		add   bool
	}{{step.Set.Add, true}, {step.Set.Remove, false}} {
		if side.lists == nil {
			continue
		}
		for _, part := range []struct {
			kind contacts.ListKind
			ids  []naming.Ref
		}{{contacts.Group, side.lists.Groups}, {contacts.Label, side.lists.Labels}, {contacts.Category, side.lists.Categories}} {
			for _, list := range naming.IDs(part.ids) {
				change := contacts.MemberChange{AccountID: m.campaign.AccountID, Kind: part.kind, ListID: list, Contacts: ids, Source: contacts.SourceFlow,
					Actor: "flow " + strconv.FormatInt(m.campaign.ID, 10)}
				err := m.lockMembers(ctx, change)
				switch {
				case fault.Is(err, fault.NotFound):
					continue // the list was deleted meanwhile
				case err != nil:
					return err
				case side.add:
					_, err = m.addMembers(ctx, change)
				default:
					_, err = m.removeMembers(ctx, change)
				}
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// writeStarts lets contacts enter other flows.
func (m *moving) writeStarts(ctx context.Context) error {
	for i := range m.places {
		p := &m.places[i]
		for _, id := range p.do.Start {
			if p.depth >= mostDeep {
				continue // flows that start each other come to rest
			}
			_, err := m.enterFlow(ctx, m.campaign.AccountID, entry{flow: id, contacts: []int64{p.was.ContactID}, source: "flow", depth: p.depth + 1})
			if err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.NotFound) {
				return err
			}
		}
	}
	return nil
}

// mostDeep is how many flows may start each other in a row.
const mostDeep = 10

// trigger is a flow that people enter by something.
type trigger struct{ campaign, channel int64 }

// triggered are the flows that something lets people enter.
func (tx conn) triggered(ctx context.Context, accountID int64, kind, key string) ([]trigger, error) {
	return sqldb.Structs(ctx, tx, func(t *trigger) []any { return []any{&t.campaign, &t.channel} },
		"SELECT campaign_id, channel_id FROM flow_triggers WHERE account_id = ? AND kind = ? AND key = ? ORDER BY campaign_id", accountID, kind, key)
}
