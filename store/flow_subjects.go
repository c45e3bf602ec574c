package store

import (
	"context"

	"carillon/campaigns/flow"
	"carillon/campaigns/flows"
	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/targeting/rule"
)

// everySource are all that rules may look at.
var everySource = map[rule.Source]bool{rule.Address: true, rule.Membership: true, rule.Campaign: true, rule.Activity: true, rule.Received: true,
	rule.Engagement: true, rule.Engaged: true, rule.Happened: true}

// FlowSubjects are the contacts of ids, or the first n of an audience if there are none,
// with what the rules of a flow look at and where each can be reached.
func (s *Store) FlowSubjects(ctx context.Context, of flows.Flow, channel providers.Channel, ids []int64, n int) ([]flows.Subject, error) {
	c := s.reader()
	if len(ids) == 0 {
		sample, err := s.SampleAudience(ctx, channel, of.Audience, of.CategoryID, n)
		if err != nil {
			return nil, err
		}
		for _, r := range sample {
			ids = append(ids, r.ContactID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	known, err := c.ruleContacts(ctx, ids, everySource)
	if err != nil {
		return nil, s.translate(err)
	}
	recipients, err := c.recipients(ctx, ids, channel.Address, nil)
	if err != nil {
		return nil, s.translate(err)
	}
	schema, err := c.ruleSchema(ctx, of.AccountID)
	if err != nil {
		return nil, s.translate(err)
	}
	lists, err := c.targetingRules(ctx, of.AccountID, schema, nil)
	if err != nil {
		return nil, s.translate(err)
	}
	suppressed, err := c.suppressionsByContact(ctx, ids)
	if err != nil {
		return nil, s.translate(err)
	}
	left, err := c.leftCategory(ctx, of.AccountID, of.CategoryID, channel.Address, ids)
	if err != nil {
		return nil, s.translate(err)
	}
	list := make([]flows.Subject, 0, len(ids))
	for _, id := range ids {
		contact := known[id]
		if contact == nil {
			continue
		}
		one := flows.Subject{Contact: contact, Recipient: recipients[id], Lists: lists, Reached: map[providers.AddressKind]string{}}
		for kind := range contact.Addresses {
			why := suppressed[id][kind]
			if why == unsubscribed && kind == string(channel.Address) {
				one.Stop = flow.ReasonOptedOut
			}
			if why != "" {
				why = messages.ReasonSuppressed
			}
			one.Reached[providers.AddressKind(kind)] = why
		}
		switch status := contacts.ContactStatus(contact.Status); {
		case status == contacts.Deleted:
			one.Stop = flow.ReasonErased
		case status != contacts.Active:
			one.Stop = flow.ReasonBlocked
		case left[id]:
			one.Stop = flow.ReasonOptedOut
		}
		list = append(list, one)
	}
	return list, nil
}

// suppressionsByContact are the reasons for which addresses of contacts are suppressed, by
// contact and kind.
func (tx conn) suppressionsByContact(ctx context.Context, ids []int64) (map[int64]map[string]string, error) {
	found := map[int64]map[string]string{}
	return found, sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		var kind, why string
		err := scan(&id, &kind, &why)
		if found[id] == nil {
			found[id] = map[string]string{}
		}
		found[id][kind] = why
		return err
	}, `SELECT a.contact_id, a.kind, s.reason FROM addresses a JOIN suppressions s ON s.account_id = a.account_id AND s.kind = a.kind AND s.address = a.address
		WHERE a.contact_id `+tx.d.InIDs, tx.d.IDList(ids))
}
