package store

import (
	"context"
	"slices"
	"strings"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/messages"
	"carillon/store/sqldb"
)

// What of a trace is shown at most.
const (
	tracedMessages  = 100
	tracedSingle    = 20 // transactional messages
	tracedCampaigns = 20
	tracedLines     = 20
)

// Trace is what is kept of somebody's messages and of why there were none.
func (s *Store) Trace(ctx context.Context, q campaigns.TraceQuery) (t campaigns.Trace, err error) {
	c := s.reader()
	if err := c.traceContacts(ctx, q, &t); err != nil {
		return t, s.translate(err)
	}
	addresses := make([]string, 0, len(q.Addresses))
	for _, address := range q.Addresses {
		if !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	for _, contact := range t.Contacts {
		if q.ContactID != 0 {
			addresses = append(addresses, sortedAddresses(contact)...)
		}
	}
	if err := c.traceMessages(ctx, q.AccountID, addresses, &t); err != nil {
		return t, s.translate(err)
	}
	ids := make([]int64, len(t.Messages))
	for i, m := range t.Messages {
		ids[i] = m.ID
	}
	if t.Engagement, err = c.engagements(ctx, ids); err != nil {
		return t, s.translate(err)
	}
	if err := c.traceCampaigns(ctx, q.AccountID, &t); err != nil {
		return t, s.translate(err)
	}
	return t, s.translate(c.traceRefused(ctx, q.AccountID, addresses, &t))
}

// traceContacts finds the contacts and what keeps messages from their addresses.
func (tx conn) traceContacts(ctx context.Context, q campaigns.TraceQuery, t *campaigns.Trace) error {
	ids := []int64{q.ContactID}
	var held []contacts.Suppression
	for kind, address := range q.Addresses {
		p := contacts.Suppression{AccountID: q.AccountID, Kind: kind, Address: address}
		held = append(held, p)
		id, err := tx.holder(ctx, p)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	var err error
	if t.Contacts, err = tx.readContacts(ctx, selectContact+" WHERE c.account_id = ? AND c.id "+tx.d.InIDs+" ORDER BY c.id",
		q.AccountID, tx.d.IDList(ids)); err != nil {
		return err
	}
	for _, contact := range t.Contacts {
		for kind, address := range contact.Addresses {
			if q.ContactID != 0 {
				held = append(held, contacts.Suppression{AccountID: q.AccountID, Kind: kind, Address: address})
			}
		}
	}
	t.Suppressions, err = tx.suppressionsOf(ctx, q.AccountID, held)
	return err
}

// traceMessages finds the newest messages: of campaigns by the contacts, for
// which there is an index, or by the address if nobody holds it now.
func (tx conn) traceMessages(ctx context.Context, accountID int64, addresses []string, t *campaigns.Trace) error {
	ids := make([]int64, len(t.Contacts))
	for i, contact := range t.Contacts {
		ids[i] = contact.ID
	}
	who, arg := "m.contact_id "+tx.d.InIDs, any(tx.d.IDList(ids))
	if len(ids) == 0 {
		who, arg = "m.address "+tx.d.InTexts, tx.d.TextList(addresses)
	}
	sent, err := sqldb.Query(ctx, tx, scanMessage, selectMessage+
		" WHERE m.run_id > 0 AND m.run_id IN (SELECT id FROM runs WHERE account_id = ?) AND "+who+" ORDER BY m.id DESC LIMIT ?",
		accountID, arg, tracedMessages)
	if err != nil {
		return err
	}
	single, err := sqldb.Query(ctx, tx, scanMessage, selectMessage+` WHERE m.run_id = 0 AND m.channel_id IN (SELECT id FROM channels WHERE account_id = ?)
		AND (m.contact_id > 0 AND m.contact_id `+tx.d.InIDs+" OR m.address "+tx.d.InTexts+") ORDER BY m.id DESC LIMIT ?",
		accountID, tx.d.IDList(ids), tx.d.TextList(addresses), tracedSingle)
	t.Messages = slices.Concat(sent, single)
	slices.SortFunc(t.Messages, func(a, b messages.Message) int { return int(b.ID - a.ID) })
	if err == nil {
		err = tx.nameVariants(ctx, t.Messages)
	}
	return err
}

// traceCampaigns adds the campaigns of the messages and the newest besides that
// were started.
func (tx conn) traceCampaigns(ctx context.Context, accountID int64, t *campaigns.Trace) error {
	var ids []int64
	for _, m := range t.Messages {
		ids = append(ids, m.CampaignID)
	}
	newest, err := sqldb.IDs(ctx, tx, "SELECT id FROM campaigns WHERE account_id = ? AND run_id > 0 ORDER BY id DESC LIMIT ?", accountID, tracedCampaigns)
	if err != nil {
		return err
	}
	t.Campaigns, err = sqldb.Query(ctx, tx, scanCampaign, selectCampaign+" WHERE account_id = ? AND id "+tx.d.InIDs+" ORDER BY id DESC",
		accountID, tx.d.IDList(append(ids, newest...)))
	return err
}

// traceRefused finds the lines of uploads that name an address and were refused.
func (tx conn) traceRefused(ctx context.Context, accountID int64, addresses []string, t *campaigns.Trace) error {
	for _, address := range addresses {
		like := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(address)) + "%"
		if err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
			line := campaigns.RefusedLine{Address: address}
			err := scan(&line.UploadID, &line.Filename, &line.Line, &line.Field, &line.Reason)
			t.Refused = append(t.Refused, line)
			return err
		}, `SELECT e.upload_id, u.filename, e.line, e.field, e.reason FROM upload_errors e JOIN uploads u ON u.id = e.upload_id
			WHERE u.account_id = ? AND LOWER(e.value) LIKE ? ESCAPE '\' ORDER BY e.id DESC LIMIT ?`, accountID, like, tracedLines); err != nil {
			return err
		}
	}
	return nil
}
