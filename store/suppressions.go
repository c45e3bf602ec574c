package store

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"

	"carillon/contacts"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
)

// unsubscribed is the reason of a suppression that the recipient asked for.
// Such an address still gets transactional messages.
const unsubscribed = contacts.Unsubscribed

// SuppressAll puts addresses on the list of those never to write to and returns
// how many were not there. From the commit on nothing is claimed for them. The
// first reason stays, unless it was that the recipient unsubscribed and the new
// one keeps transactional messages away too. The addresses must be normal; an
// entry may be a hash instead.
func (s *Store) SuppressAll(ctx context.Context, accountID int64, list []contacts.Suppression, source, actor string) (added int64, err error) {
	var addresses, hashes []contacts.Suppression
	for _, p := range list {
		p.AccountID, p.Reason = accountID, clean(p.Reason)
		if p.Hash != "" {
			hashes = append(hashes, p)
			continue
		}
		p.OptedOut = p.OptedOut || p.Reason == unsubscribed
		addresses = append(addresses, p)
	}
	err = s.withdraw(ctx, func(tx conn) error {
		added = 0
		if err := tx.lockAccounts(ctx, []int64{accountID}); err != nil {
			return err
		}
		done, err := tx.suppressAs(ctx, accountID, addresses, source, actor)
		if err != nil {
			return err
		}
		kept, err := tx.keepHashes(ctx, hashes)
		added = int64(len(done.fresh)) + kept
		return err
	})
	if err == nil && len(hashes) > 0 {
		err = s.applyHashes(ctx, accountID)
	}
	return added, err
}

// suppressAs is suppress, recorded as opt-outs. The account must be locked too.
func (tx conn) suppressAs(ctx context.Context, accountID int64, list []contacts.Suppression, source, actor string) (suppressed, error) {
	done, err := tx.suppress(ctx, accountID, list)
	if err != nil {
		return done, err
	}
	for _, p := range slices.Concat(done.fresh, done.stricter) {
		holder, err := tx.holder(ctx, p)
		if err != nil {
			return done, err
		}
		if _, err := tx.recordConsent(ctx, contacts.ConsentChange{
			AccountID: accountID, ContactID: holder, Kind: p.Kind, Address: p.Address, Source: source, Wording: p.Reason, Actor: actor,
		}, contacts.OptOut, ""); err != nil {
			return done, err
		}
	}
	return done, nil
}

// Holder is the contact that has an address now; 0 if nobody has.
func (s *Store) Holder(ctx context.Context, accountID int64, kind providers.AddressKind, address string) (int64, error) {
	id, err := s.reader().holder(ctx, contacts.Suppression{AccountID: accountID, Kind: kind, Address: address})
	return id, s.translate(err)
}

// holder is the contact that holds an address; 0 if none does.
func (tx conn) holder(ctx context.Context, p contacts.Suppression) (id int64, err error) {
	err = tx.Row(ctx, "SELECT contact_id FROM addresses WHERE account_id = ? AND kind = ? AND address = ?", p.AccountID, string(p.Kind), p.Address).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

// suppressed is what a call of suppress changed.
type suppressed struct {
	// fresh were not there, stricter have a stricter reason now.
	fresh, stricter []contacts.Suppression
	// before are the reasons that there were, by keyOf.
	before map[contacts.Suppression]string
}

// suppress writes suppressions and skips what waits for their addresses. The
// channels must be locked.
func (tx conn) suppress(ctx context.Context, accountID int64, list []contacts.Suppression) (done suppressed, err error) {
	if len(list) == 0 {
		return done, nil
	}
	before, err := tx.suppressionsOf(ctx, accountID, list)
	if err != nil {
		return done, err
	}
	known := make(map[contacts.Suppression]string, len(before))
	for _, p := range before {
		known[keyOf(p)] = p.Reason
	}
	done.before = maps.Clone(known)
	now := sqldb.Millis(tx.s.clock.Now())
	for _, p := range list {
		if _, err := tx.Exec(ctx, insertSuppression, accountID, string(p.Kind), p.Address, p.Reason, p.OptedOut, now); err != nil {
			return done, err
		}
		switch reason, there := known[keyOf(p)]; {
		case !there:
			done.fresh = append(done.fresh, p)
		case reason == unsubscribed && p.Reason != unsubscribed:
			done.stricter = append(done.stricter, p)
		default:
			continue
		}
		known[keyOf(p)] = p.Reason
	}
	after, err := tx.suppressionsOf(ctx, accountID, list)
	if err != nil {
		return done, err
	}
	if err := tx.skipSuppressed(ctx, accountID, after); err != nil || len(done.fresh)+len(done.stricter) == 0 {
		return done, err
	}
	return done, tx.halt(ctx)
}

// insertSuppression adds a suppression or makes one that is there stricter.
const insertSuppression = `INSERT INTO suppressions (account_id, kind, address, reason, opted_out, created_at) VALUES (?, ?, ?, ?, ?, ?)
	ON CONFLICT (account_id, kind, address) DO UPDATE SET opted_out = (suppressions.opted_out OR excluded.opted_out),
		reason = CASE WHEN suppressions.reason = '` + unsubscribed + `' THEN excluded.reason ELSE suppressions.reason END
	WHERE (suppressions.reason = '` + unsubscribed + "' AND excluded.reason <> '" + unsubscribed + `') OR (excluded.opted_out AND NOT suppressions.opted_out)`

// keyOf is what makes a suppression the same as another.
func keyOf(p contacts.Suppression) contacts.Suppression {
	return contacts.Suppression{Kind: p.Kind, Address: p.Address}
}

// skipSuppressed skips what waits for suppressed addresses: of an unsubscribed
// one only what belongs to campaigns.
func (tx conn) skipSuppressed(ctx context.Context, accountID int64, list []contacts.Suppression) error {
	type group struct {
		kind   providers.AddressKind
		strict bool
	}
	groups := map[group][]string{}
	for _, p := range list {
		g := group{p.Kind, p.Reason != unsubscribed}
		groups[g] = append(groups[g], p.Address)
	}
	l := tx.ledger()
	for g, addresses := range groups {
		why, texts := messages.ReasonOptedOut, tx.d.TextList(addresses)
		if g.strict {
			why = messages.ReasonSuppressed
		}
		// What is in the windows is found by its address, whoever holds that now;
		// the windows are small.
		const channels = " AND channel_id IN (SELECT id FROM channels WHERE account_id = ? AND address_kind = ?)"
		if _, err := l.skipWaiting(ctx, why, fragment{"address " + tx.d.InTexts + channels + " AND (run_id > 0 OR ?)",
			[]any{texts, accountID, string(g.kind), g.strict}}, false); err != nil {
			return err
		}
		// What waits for room is looked at again before it is fed. That which the
		// address's holder waits for is skipped now, so that people see it.
		if _, err := l.skipWaiting(ctx, why, fragment{"address " + tx.d.InTexts + channels + ` AND run_id > 0
			AND run_id IN (SELECT id FROM runs WHERE finished_at IS NULL AND account_id = ?)
			AND contact_id IN (SELECT contact_id FROM addresses WHERE account_id = ? AND kind = ? AND address ` + tx.d.InTexts + ")",
			[]any{texts, accountID, string(g.kind), accountID, accountID, string(g.kind), texts}}, true); err != nil {
			return err
		}
	}
	return l.close(ctx, shardOperator)
}

// suppressionsOf are the suppressions that stand for the addresses of a list.
func (tx conn) suppressionsOf(ctx context.Context, accountID int64, list []contacts.Suppression) ([]contacts.Suppression, error) {
	byKind := map[providers.AddressKind][]string{}
	for _, p := range list {
		byKind[p.Kind] = append(byKind[p.Kind], p.Address)
	}
	var found []contacts.Suppression
	for _, kind := range value.Kinds() {
		addresses := byKind[kind]
		if len(addresses) == 0 {
			continue
		}
		held, err := sqldb.Query(ctx, tx, scanSuppression, selectSuppression+" WHERE account_id = ? AND kind = ? AND address "+tx.d.InTexts+" ORDER BY address",
			accountID, string(kind), tx.d.TextList(addresses))
		if err != nil {
			return nil, err
		}
		found = append(found, held...)
	}
	return found, nil
}

const selectSuppression = "SELECT account_id, kind, address, reason, opted_out, created_at FROM suppressions"

func scanSuppression(scan sqldb.Scan) (contacts.Suppression, error) {
	var p contacts.Suppression
	var at sqldb.Time
	err := scan(&p.AccountID, &p.Kind, &p.Address, &p.Reason, &p.OptedOut, &at)
	p.CreatedAt = at.Time
	return p, err
}

// forget removes a suppression, its hash and the bounces that led to it.
func (tx conn) forget(ctx context.Context, p contacts.Suppression) error {
	for _, table := range []string{"suppressions", "bounces"} {
		if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE account_id = ? AND kind = ? AND address = ?", p.AccountID, string(p.Kind), p.Address); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, "DELETE FROM suppression_hashes WHERE account_id = ? AND kind = ? AND hash "+tx.d.InTexts,
		p.AccountID, string(p.Kind), tx.d.TextList(tx.s.fingerprints(p.AccountID, p.Kind, p.Address)))
	return err
}

// Unsuppress lets an address be written to again. A bounce or a complaint is a
// Conflict without force; where the recipient opted out as well, that stays.
func (s *Store) Unsuppress(ctx context.Context, p contacts.Suppression, force bool, actor string) error {
	return s.inTx(ctx, func(tx conn) error {
		standing, err := tx.suppressionsOf(ctx, p.AccountID, []contacts.Suppression{p})
		if err != nil {
			return err
		}
		if len(standing) == 0 {
			return fault.New(fault.NotFound, "%s is not suppressed", p.Address)
		}
		now := standing[0]
		if contacts.NeedsForce(now.Reason) && !force {
			return fault.New(fault.Conflict, "%s is suppressed because it %s: say force=true if you know that this is over", p.Address, now.Reason)
		}
		if err := tx.forget(ctx, now); err != nil {
			return err
		}
		if now.Reason != unsubscribed && now.OptedOut {
			_, err := tx.Exec(ctx, insertSuppression, now.AccountID, string(now.Kind), now.Address, unsubscribed, true, sqldb.Millis(now.CreatedAt))
			return err
		}
		holder, err := tx.holder(ctx, now)
		if err != nil {
			return err
		}
		lifted := ""
		if now.Reason != unsubscribed {
			lifted = now.Reason
		}
		_, err = tx.recordConsent(ctx, contacts.ConsentChange{
			AccountID: now.AccountID, ContactID: holder, Kind: now.Kind, Address: now.Address, Source: contacts.SourceAPI, Actor: actor,
		}, contacts.OptIn, lifted)
		return err
	})
}

// Suppressed reports whether an address is on the list.
func (s *Store) Suppressed(ctx context.Context, accountID int64, kind providers.AddressKind, address string) (bool, error) {
	why, err := s.WhySuppressed(ctx, accountID, kind, address)
	return why != "", err
}

// WhySuppressed is the reason for which an address is on the list; empty where it is not.
func (s *Store) WhySuppressed(ctx context.Context, accountID int64, kind providers.AddressKind, address string) (reason string, err error) {
	err = s.reader().Row(ctx, "SELECT reason FROM suppressions WHERE account_id = ? AND kind = ? AND address = ?",
		accountID, string(kind), address).Scan(&reason)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return reason, s.translate(err)
}

// ListSuppressions lists suppressions in the order of kind and address.
func (s *Store) ListSuppressions(ctx context.Context, f contacts.SuppressionFilter) ([]contacts.Suppression, error) {
	query, args := selectSuppression+" WHERE account_id = ? AND (kind, address) > (?, ?)", []any{f.AccountID, string(f.AfterKind), f.AfterAddress}
	if f.Kind != "" {
		query, args = query+" AND kind = ?", append(args, string(f.Kind))
	}
	if f.Reason != "" {
		query, args = query+" AND reason = ?", append(args, f.Reason)
	}
	if f.Text != "" {
		query, args = query+` AND LOWER(address) LIKE ? ESCAPE '\'`, append(args, holding(strings.ToLower(f.Text)))
	}
	list, err := sqldb.Query(ctx, s.reader(), scanSuppression, query+" ORDER BY kind, address LIMIT ?", append(args, f.Limit)...)
	return list, s.translate(err)
}

// exportPage is how many suppressions an export reads at once.
const exportPage = 5000

// EachSuppression goes through an account's suppressions, page by page, and
// through the hashes of erased ones.
func (s *Store) EachSuppression(ctx context.Context, accountID int64) iter.Seq2[contacts.Suppression, error] {
	return func(yield func(contacts.Suppression, error) bool) {
		f := contacts.SuppressionFilter{AccountID: accountID, Limit: exportPage}
		for {
			list, err := s.ListSuppressions(ctx, f)
			if err != nil {
				yield(contacts.Suppression{}, err)
				return
			}
			for _, p := range list {
				f.AfterKind, f.AfterAddress = p.Kind, p.Address
				if !yield(p, nil) {
					return
				}
			}
			if len(list) < exportPage {
				break
			}
		}
		var kind, hash string
		for {
			list, err := s.hashesBehind(ctx, accountID, kind, hash)
			if err != nil {
				yield(contacts.Suppression{}, err)
				return
			}
			for _, p := range list {
				kind, hash = string(p.Kind), p.Hash
				if !yield(p, nil) {
					return
				}
			}
			if len(list) < exportPage {
				return
			}
		}
	}
}
