package store

import (
	"context"
	"database/sql"
	"errors"

	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/webhooks"
)

// moveAddresses gives contacts the addresses that they have now by their providers' word, and has
// their messages go there. An address that another contact has is left to that one: the old one,
// at which nobody is any more, is suppressed then.
func (l *ledger) moveAddresses(ctx context.Context, settled []messages.Outcome) error {
	for i := range settled {
		o := &settled[i]
		if o.MovedTo == "" {
			continue
		}
		held, err := l.moveAddress(ctx, *o)
		if err != nil {
			return err
		}
		if held {
			o.Bounce = providers.BounceHard
			continue // its message says of which address
		}
		if _, err := l.Exec(ctx, "UPDATE messages SET address = ? WHERE id = ?", clean(o.MovedTo), o.MessageID); err != nil {
			return err
		}
	}
	return nil
}

// moveAddress moves the address of whoever has the one that a message went to; held says that
// another contact has the new one.
func (l *ledger) moveAddress(ctx context.Context, o messages.Outcome) (held bool, err error) {
	var accountID, holder int64
	var kind providers.AddressKind
	var old string
	err = l.Row(ctx, "SELECT h.account_id, h.address_kind, m.address FROM messages m JOIN channels h ON h.id = m.channel_id WHERE m.id = ?", o.MessageID).
		Scan(&accountID, &kind, &old)
	if err != nil {
		return false, err
	}
	to := clean(o.MovedTo)
	err = l.Row(ctx, `UPDATE addresses SET address = ? WHERE account_id = ? AND kind = ? AND address = ? AND NOT EXISTS (SELECT 1 FROM addresses a
		WHERE a.account_id = ? AND a.kind = ? AND a.address = ?) RETURNING contact_id`, to, accountID, string(kind), old, accountID, string(kind), to).Scan(&holder)
	if errors.Is(err, sql.ErrNoRows) {
		var n int // of those who have the old one; nobody where it has moved already, or was nobody's
		err = l.Row(ctx, "SELECT COUNT(*) FROM addresses WHERE account_id = ? AND kind = ? AND address = ?", accountID, string(kind), old).Scan(&n)
		return n > 0, err
	}
	if err != nil {
		return false, err
	}
	if _, err := l.Exec(ctx, "UPDATE contacts SET updated_at = ? WHERE id = ?", sqldb.Millis(l.now), holder); err != nil {
		return false, err
	}
	return false, l.occurAll(ctx, accountID, webhooks.ContactUpdated, func() []happening {
		return []happening{{accountID: accountID, data: webhooks.Contact{ID: holder, Changed: []string{"addresses." + string(kind)}}}}
	})
}
