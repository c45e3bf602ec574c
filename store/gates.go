package store

import (
	"context"
	"time"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/messages"
	"carillon/store/sqldb"
)

// gate is a reason not to write to somebody. It is asked in SQL of everybody in
// an audience, when a run is planned and when it is previewed, which is why what
// is predicted is what happens; and in Go of what was planned, just before it goes
// out, because people opt out meanwhile.
type gate struct {
	reason string
	// planned are conditions over c (contact), a (its address) and s (its
	// suppression) of which one keeps the contact from being written to; nil where
	// nothing is known of it before a message is fed.
	planned func(a audienceSQL) []fragment
	// fed says what becomes of a planned message; nil where a message stays what it
	// was planned as.
	fed func(l *lookup, m marked) hold
}

// hold is what a gate makes of a message. The zero value lets it through.
type hold struct {
	shut bool
	// until is when a message that only has to wait is looked at again; zero skips
	// it for good.
	until time.Time
	// detail is for people.
	detail string
}

// gates are all reasons not to write to somebody. The first that holds is the one
// that is told; where both ways of asking know of a reason, both give the same.
var gates = []gate{
	{reason: messages.ReasonExcluded, planned: audienceSQL.leftOut},
	{reason: messages.ReasonStillWaiting, planned: audienceSQL.stillWaiting},
	{reason: messages.ReasonBlocked, planned: where("c.status = 'blocked'"), fed: status(contacts.Blocked)},
	// An inactive contact is left alone by campaigns; what its own actions ask for
	// goes to it.
	{reason: messages.ReasonInactive, planned: where("c.status = 'inactive'"), fed: inCampaigns(status(contacts.Inactive))},
	{reason: messages.ReasonDeleted, planned: where("c.status = 'deleted'"), fed: status(contacts.Deleted)},
	// A message keeps the address that it was planned with.
	{reason: messages.ReasonNoAddress, planned: where("a.address IS NULL")},
	{reason: messages.ReasonOptedOut, planned: where("s.reason = '" + unsubscribed + "'"), fed: inCampaigns(func(l *lookup, m marked) hold {
		return hold{shut: l.suppressed[m.address] == unsubscribed}
	})},
	{reason: messages.ReasonSuppressed, planned: where("s.address IS NOT NULL"), fed: func(l *lookup, m marked) hold {
		why, suppressed := l.suppressed[m.address]
		return hold{shut: suppressed && why != unsubscribed}
	}},
	{reason: messages.ReasonOptedOut, planned: audienceSQL.leftCategory, fed: func(l *lookup, m marked) hold {
		return hold{shut: l.left[m.contactID]}
	}},
	// Last of what is planned: of those who are left out of a comparison, each would have
	// been sent to.
	{reason: messages.ReasonHoldout, planned: audienceSQL.heldOut},
	{reason: messages.ReasonExpired, fed: func(l *lookup, m marked) hold {
		expiry, ends := l.timing.Expires(l.zone(m))
		return hold{shut: ends && !l.now.Before(expiry)}
	}},
	// What o'clock it is where somebody is, too.
	{reason: messages.ReasonHours, fed: func(l *lookup, m marked) hold {
		next := l.next(m)
		return hold{shut: next.After(l.now), until: next}
	}},
	// How much somebody has got is known when a message is to go, and not before.
	{reason: messages.ReasonCapped, fed: func(l *lookup, m marked) hold {
		switch v := l.histories[m.contactID].judge(l.caps, l.now); v.action {
		case contacts.CapDefer:
			return hold{shut: true, until: v.due, detail: capDetail(v.cap)}
		case contacts.CapSkip:
			return hold{shut: true, detail: capDetail(v.cap)}
		default:
			return hold{}
		}
	}},
}

func where(condition string) func(audienceSQL) []fragment {
	return func(audienceSQL) []fragment { return []fragment{{sql: condition}} }
}

// leftCategory is the condition of having left the campaign's category.
func (a audienceSQL) leftCategory() []fragment {
	if a.category == 0 {
		return nil
	}
	word := lastWord("c.id", a.accountID, a.category, a.kind)
	return []fragment{{word.sql + " = 'opt_out'", word.args}}
}

// status holds for messages to contacts of a status; a contact that is not there
// any more counts as deleted. Messages without a contact have none.
func status(s contacts.ContactStatus) func(*lookup, marked) hold {
	return func(l *lookup, m marked) hold {
		if m.contactID == 0 {
			return hold{}
		}
		is, known := l.status[m.contactID]
		if !known {
			is = contacts.Deleted
		}
		return hold{shut: is == s}
	}
}

// inCampaigns lets transactional messages through.
func inCampaigns(fed func(*lookup, marked) hold) func(*lookup, marked) hold {
	return func(l *lookup, m marked) hold {
		if l.transactional {
			return hold{}
		}
		return fed(l, m)
	}
}

// lookup is what gates need to know of the recipients of some messages.
type lookup struct {
	now           time.Time
	transactional bool
	status        map[int64]contacts.ContactStatus
	suppressed    map[string]string // reason of the suppression, by address
	left          map[int64]bool    // the campaign's category, by contact
	timing        campaigns.Timing
	zones         map[int64]string // by contact
	nexts         map[string]time.Time
	caps          []contacts.FrequencyCap
	histories     map[int64]capHistory
}

// zone is where a message's recipient is.
func (l *lookup) zone(m marked) *time.Location { return l.timing.Zone(l.zones[m.contactID]) }

// next is when a message may go by its recipient's clock; now if it may.
func (l *lookup) next(m marked) time.Time {
	if !l.timing.Gated() {
		return l.now
	}
	name := l.zones[m.contactID]
	next, known := l.nexts[name]
	if !known {
		next = l.timing.Next(l.now, l.timing.Zone(name))
		l.nexts[name] = next
	}
	return next
}

// lookUp reads what gates need to know. The messages must be marked queued, if
// caps are to be asked.
func (tx conn) lookUp(ctx context.Context, f feeding, list []marked, now time.Time) (l *lookup, err error) {
	contactIDs := make([]int64, 0, len(list))
	addresses := make([]string, 0, len(list))
	for _, m := range list {
		if m.contactID != 0 {
			contactIDs = append(contactIDs, m.contactID)
		}
		addresses = append(addresses, m.address)
	}
	l = &lookup{now: now, transactional: f.runID == 0, caps: f.caps, timing: f.timing, nexts: map[string]time.Time{}}
	if err := tx.lookUpContacts(ctx, l, contactIDs); err != nil {
		return nil, err
	}
	if l.suppressed, err = tx.suppressedAddresses(ctx, f, addresses); err != nil {
		return nil, err
	}
	if l.left, err = tx.leftCategory(ctx, f.accountID, f.category, f.kind, contactIDs); err != nil {
		return nil, err
	}
	if len(f.caps) > 0 && len(list) > 0 {
		l.histories, err = tx.capHistories(ctx, f, list, now)
	}
	return l, err
}

// lookUpContacts reads the status and the zone of contacts.
func (tx conn) lookUpContacts(ctx context.Context, l *lookup, ids []int64) error {
	l.status, l.zones = make(map[int64]contacts.ContactStatus, len(ids)), map[int64]string{}
	if len(ids) == 0 {
		return nil
	}
	var id int64
	var status contacts.ContactStatus
	var zone string
	return sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		err := scan(&id, &status, &zone)
		l.status[id] = status
		if zone != "" && l.timing.Gated() {
			l.zones[id] = zone
		}
		return err
	}, "SELECT id, status, timezone FROM contacts WHERE id "+tx.d.InIDs, tx.d.IDList(ids))
}

// suppressedAddresses says which addresses are suppressed, and why.
func (tx conn) suppressedAddresses(ctx context.Context, f feeding, addresses []string) (map[string]string, error) {
	found := map[string]string{}
	var address, why string
	return found, sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		err := scan(&address, &why)
		found[address] = why
		return err
	}, "SELECT address, reason FROM suppressions WHERE account_id = ? AND kind = ? AND address "+tx.d.InTexts,
		f.accountID, string(f.kind), tx.d.TextList(addresses))
}

// holding is the first gate that keeps a message from going now, and what it makes
// of it.
func (l *lookup) holding(m marked) (reason string, h hold) {
	for _, g := range gates {
		if g.fed == nil {
			continue
		}
		if h := g.fed(l, m); h.shut {
			return g.reason, h
		}
	}
	return "", hold{}
}

// applyGates keeps those of the just queued messages that may go. The others are
// skipped or wait, whatever was so when the run was planned. It reports whether some
// were late: outside of their hours, or expired.
func (l *ledger) applyGates(ctx context.Context, f feeding, list []marked) (kept []marked, late bool, err error) {
	known, err := l.lookUp(ctx, f, list, l.now)
	if err != nil {
		return nil, false, err
	}
	kept = list[:0]
	whose := countKey{f.runID, f.channelID}
	skipped := map[skipping][]int64{}
	deferred := map[string][][3]any{} // rows of message, due time and detail, by reason
	for _, m := range list {
		reason, h := known.holding(m)
		late = late || reason == messages.ReasonHours || reason == messages.ReasonExpired
		switch why := (skipping{whose, reason, h.detail, l.now}); {
		case !h.shut:
			kept = append(kept, m)
		case h.until.IsZero():
			skipped[why] = append(skipped[why], m.ID)
		default:
			deferred[reason] = append(deferred[reason], [3]any{m.ID, sqldb.Millis(h.until), nullText(h.detail)})
		}
	}
	for reason, rows := range deferred {
		n, err := l.Exec(ctx, l.d.statements.deferMessages, reason, mustJSON(rows))
		if err != nil {
			return nil, false, err
		}
		l.count(whose, messages.Queued, messages.Pending, n)
	}
	for why, ids := range skipped {
		if err := l.skipQueued(ctx, ids, why); err != nil {
			return nil, false, err
		}
	}
	return kept, late, nil
}
