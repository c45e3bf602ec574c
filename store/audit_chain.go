package store

import (
	"context"
	"database/sql"
	"errors"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/store/sqldb"
)

// chain is the row of an account's chain.
type chain struct {
	account int64
	head    access.ChainPlace
	floor   access.ChainPlace
	legacy  int64
	mac     string
	begun   bool
}

func (c chain) content() []string {
	return []string{decimal(c.account), decimal(c.head.Seq), c.head.Hash, decimal(c.floor.Seq), c.floor.Hash, decimal(c.legacy)}
}

// link is what the hash at a place is of: all that is before it, by the hash there, and the entry.
func (e audited) link(seq int64, before string) []string {
	return []string{decimal(e.AccountID), decimal(seq), decimal(e.ID), before, e.mac}
}

// sealedAtOnce is how many entries are sealed in a transaction.
const sealedAtOnce = 500

// SealAudit gives a batch of entries of each account their places in its chain. It
// reports whether there may be more. Entries that this store did not write get none; the walk
// finds them. Those of an account that is being deleted get none either, unless they are to be
// copied: they go.
func (s *Store) SealAudit(ctx context.Context) (more bool, err error) {
	stay := " AND account_id NOT IN (SELECT id FROM accounts WHERE deleting_at IS NOT NULL)"
	if len(s.copies) > 0 {
		stay = ""
	}
	accounts, err := s.ids(ctx, "SELECT DISTINCT account_id FROM audit WHERE seq IS NULL"+stay+" ORDER BY account_id")
	for _, account := range accounts {
		var n, foreign int
		sealErr := s.inTx(ctx, func(tx conn) error {
			var err error
			n, foreign, err = tx.sealEntries(ctx, account)
			return err
		})
		if foreign > 0 {
			s.log.ErrorContext(ctx, "the audit trail has entries that this program did not write: carillon audit verify names the first",
				"account", account, "entries", foreign)
		}
		more = more || n >= sealedAtOnce
		err = errors.Join(err, sealErr)
	}
	return more, s.translate(err)
}

// sealEntries seals a batch of an account's entries, n of them.
func (tx conn) sealEntries(ctx context.Context, account int64) (n, foreign int, err error) {
	c, err := tx.lockChain(ctx, account)
	if err != nil {
		return 0, 0, err
	}
	var after int64
	for n < sealedAtOnce {
		rows, err := sqldb.Query(ctx, tx, scanAudited, "SELECT "+auditColumns+
			" FROM audit WHERE account_id = ? AND seq IS NULL AND id > ? ORDER BY id LIMIT ?"+tx.d.ForUpdate, account, after, sealedAtOnce)
		if err != nil {
			return n, foreign, err
		}
		if len(rows) == 0 {
			break
		}
		after = rows[len(rows)-1].ID
		sealed, err := tx.sealRows(ctx, &c, rows)
		if err != nil {
			return n, foreign, err
		}
		n, foreign = n+sealed, foreign+len(rows)-sealed
	}
	if after >= c.legacy || n < sealedAtOnce {
		// What is from before comes first, and only once.
		c.legacy = 0
	}
	return n, foreign, tx.keepChain(ctx, c)
}

// sealRows gives entries the next places, and returns how many are ours.
func (tx conn) sealRows(ctx context.Context, c *chain, rows []audited) (n int, err error) {
	for i := range rows {
		e := &rows[i]
		if e.mac == "" && e.ID <= c.legacy {
			if err := tx.signEntry(ctx, e); err != nil {
				return n, err
			}
		}
		if tx.s.wrongEntry(*e) != "" {
			continue
		}
		seq := c.head.Seq + 1
		hash := tx.s.box.MAC(macLink, e.link(seq, c.head.Hash)...)
		if _, err := tx.Exec(ctx, "UPDATE audit SET seq = ?, hash = ? WHERE id = ?", seq, hash, e.ID); err != nil {
			return n, err
		}
		c.head = access.ChainPlace{Seq: seq, Hash: hash}
		n++
	}
	return n, nil
}

// lockChain reads an account's chain, and makes the first one.
func (tx conn) lockChain(ctx context.Context, account int64) (chain, error) {
	if _, err := tx.Exec(ctx, `INSERT INTO audit_chains (account_id, seq, hash, floor_seq, floor_hash, legacy, mac)
		SELECT CAST(? AS BIGINT), 0, '', 0, '', 0, '' WHERE NOT EXISTS (SELECT 1 FROM audit WHERE account_id = ? AND seq IS NOT NULL)
		ON CONFLICT (account_id) DO NOTHING`, account, account); err != nil {
		return chain{}, err
	}
	c, err := tx.readChain(ctx, account, tx.d.ForUpdate)
	switch {
	case err != nil:
		return c, err
	case !c.begun:
		return c, fault.New(fault.Conflict, "the chain of the audit trail of account %d is gone: nothing more is sealed; carillon audit verify says more", account)
	case c.mac == "" && c.head.Seq == 0 && c.floor.Seq == 0:
		err = tx.Row(ctx, "SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'audit_legacy'").Scan(&c.legacy)
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		return c, err
	}
	if right, _ := tx.s.box.CheckMAC(c.mac, macHead, c.content()...); !right {
		return c, fault.New(fault.Conflict, "the head of the audit trail of account %d was changed: nothing more is sealed; carillon audit verify says more", account)
	}
	return c, nil
}

// closeChain lets go all entries of an account that is being deleted, if there are any and none
// waits to be copied.
func closeChain(ctx context.Context, tx conn, account int64) error {
	if err := awaitCopies(ctx, tx, account); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO audit_chains (account_id, seq, hash, floor_seq, floor_hash, legacy, mac, closed)
		SELECT CAST(? AS BIGINT), 0, '', 0, '', 0, '', 1 WHERE EXISTS (SELECT 1 FROM audit WHERE account_id = ?)
		ON CONFLICT (account_id) DO UPDATE SET closed = 1`, account, account)
	return err
}

func (tx conn) readChain(ctx context.Context, account int64, lock string) (chain, error) {
	c := chain{account: account, begun: true}
	err := tx.Row(ctx, "SELECT seq, hash, floor_seq, floor_hash, legacy, mac FROM audit_chains WHERE account_id = ?"+lock, account).
		Scan(&c.head.Seq, &c.head.Hash, &c.floor.Seq, &c.floor.Hash, &c.legacy, &c.mac)
	if errors.Is(err, sql.ErrNoRows) {
		return chain{account: account}, nil
	}
	return c, err
}

func (tx conn) keepChain(ctx context.Context, c chain) error {
	_, err := tx.Exec(ctx, "UPDATE audit_chains SET seq = ?, hash = ?, floor_seq = ?, floor_hash = ?, legacy = ?, mac = ? WHERE account_id = ?",
		c.head.Seq, c.head.Hash, c.floor.Seq, c.floor.Hash, c.legacy, tx.s.box.MAC(macHead, c.content()...), c.account)
	return err
}

// otherKey is what is said of a hash that another master key made.
const otherKey = "was made with a master key that this process does not have"

// wrongEntry says what is wrong with an entry by itself; empty for nothing.
func (s *Store) wrongEntry(e audited) string {
	if right, known := s.box.CheckMAC(e.mac, macEntry, e.content()...); !right {
		switch {
		case e.mac == "":
			return "was put in by something else than this program"
		case !known:
			return otherKey
		}
		return "was changed, or put in"
	}
	if e.erased == "" {
		if right, _ := s.box.CheckMAC(e.detailMAC, macDetail, decimal(e.ID), e.detail); !right {
			return "has a detail that was changed"
		}
		return ""
	}
	if right, _ := s.box.CheckMAC(e.erased, macErased, decimal(e.ID), e.detailMAC); !right || e.detail != "{}" {
		return "has a detail that was changed, and not by an erasure"
	}
	return ""
}

// eraseDetails empties the details of entries that tell of a person, and leaves the word of this
// program that it did.
func (tx conn) eraseDetails(ctx context.Context, where string, args ...any) (n int64, err error) {
	rows, err := sqldb.Query(ctx, tx, scanAudited, "SELECT "+auditColumns+" FROM audit WHERE detail <> '{}' AND "+where+tx.d.ForUpdate, args...)
	for _, e := range rows {
		erased := ""
		if e.mac != "" {
			erased = tx.s.box.MAC(macErased, decimal(e.ID), e.detailMAC)
		}
		if _, err := tx.Exec(ctx, "UPDATE audit SET detail = '{}', erased = ? WHERE id = ?", erased, e.ID); err != nil {
			return n, err
		}
		n++
	}
	return n, err
}

// retainAudit removes the oldest entries of an account up to the first that is not older than
// an instant, or not copied yet for access.UncopiedStays. The last piece leaves the word of it in the trail.
func (w *sweep) retainAudit(ctx context.Context, s *Store) (done bool, err error) {
	var n int64
	err = s.inTx(ctx, func(tx conn) (err error) {
		var floor access.ChainPlace
		n, floor, err = tx.removeOldest(ctx, w)
		if err != nil || n == retainedAtOnce || w.removed+n == 0 {
			return err
		}
		return tx.audit(ctx, access.AuditEntry{
			AccountID: w.account, Actor: "retention", Action: "remove-audit", Target: "audit",
			Detail: map[string]any{"through": floor.Seq, "hash": floor.Hash, "items": w.removed + n},
		})
	})
	if err == nil {
		w.removed += n
	}
	return n < retainedAtOnce, err
}

// removeOldest removes a piece of the oldest entries: the floor moves up to there, and nothing
// above it can be removed.
func (tx conn) removeOldest(ctx context.Context, w *sweep) (n int64, floor access.ChainPlace, err error) {
	c, err := tx.readChain(ctx, w.account, tx.d.ForUpdate)
	if err != nil || !c.begun {
		return 0, floor, err
	}
	if right, _ := tx.s.box.CheckMAC(c.mac, macHead, c.content()...); !right {
		return 0, floor, fault.New(fault.Conflict, "the chain of the audit trail of account %d was changed: nothing of it is removed", w.account)
	}
	rows, err := sqldb.Query(ctx, tx, scanAudited, "SELECT "+auditColumns+" FROM audit WHERE account_id = ? AND seq > ? AND seq <= ? ORDER BY seq",
		w.account, c.floor.Seq, c.floor.Seq+retainedAtOnce)
	if err != nil {
		return 0, floor, err
	}
	copied, err := tx.copiedEverywhere(ctx, w.account)
	if err != nil {
		return 0, floor, err
	}
	for _, e := range rows {
		if e.at >= w.before || e.Seq != c.floor.Seq+1 {
			break
		}
		if e.Seq > copied && e.at >= w.before-access.UncopiedStays.Milliseconds() {
			tx.s.log.WarnContext(ctx, "entries of the audit trail stay longer than their account keeps them: they are not copied yet", "account", w.account,
				"first", e.Seq, "at_most", access.UncopiedStays)
			break
		}
		c.floor, n = access.ChainPlace{Seq: e.Seq, Hash: e.Hash}, n+1
	}
	if n == 0 {
		return 0, c.floor, nil
	}
	if err := tx.keepChain(ctx, c); err != nil {
		return 0, floor, err
	}
	_, err = tx.Exec(ctx, "DELETE FROM audit WHERE account_id = ? AND seq <= ?", w.account, c.floor.Seq)
	return n, c.floor, err
}
