package store

import (
	"context"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/store/sqldb"
)

// walkedAtOnce is how many entries are read at a time.
const walkedAtOnce = 1000

// walk is a walk along a chain.
type walk struct {
	conn
	chain chain
	access.ChainWalk
	step access.ChainStep
}

// WalkAudit checks entries in the order of their chain, and at its end what has no place
// in it yet.
func (s *Store) WalkAudit(ctx context.Context, in access.ChainWalk) (access.ChainStep, error) {
	w := walk{conn: s.reader(), ChainWalk: in}
	err := w.walk(ctx)
	return w.step, s.translate(err)
}

func (w *walk) walk(ctx context.Context) (err error) {
	if err := w.readHead(ctx); err != nil || w.step.Done {
		return err
	}
	w.step.Place = w.After
	if w.After.Seq == 0 || w.After.Seq < w.chain.floor.Seq {
		w.step.Place = w.chain.floor
	}
	for w.step.Place.Seq < w.chain.head.Seq {
		if w.step.Checked >= int64(w.Most) {
			return nil
		}
		if err := w.piece(ctx); err != nil || w.step.Done {
			return err
		}
	}
	return w.end(ctx)
}

// readHead reads the chain's ends.
func (w *walk) readHead(ctx context.Context) (err error) {
	if w.chain, err = w.readChain(ctx, w.AccountID, ""); err != nil {
		return err
	}
	w.step.Head, w.step.Floor = w.chain.head, w.chain.floor.Seq
	if !w.chain.begun {
		return w.withoutChain(ctx)
	}
	if right, known := w.s.box.CheckMAC(w.chain.mac, macHead, w.chain.content()...); !right {
		what := "the head of the chain was changed"
		if !known && w.chain.mac != "" {
			what = "the head of the chain " + otherKey
		}
		w.found(access.ChainProblem{Seq: w.chain.head.Seq, What: what})
	}
	return nil
}

// withoutChain is what is found where there is no chain.
func (w *walk) withoutChain(ctx context.Context) error {
	sealed, err := w.s.ids(ctx, "SELECT id FROM audit WHERE account_id = ? AND seq IS NOT NULL ORDER BY seq LIMIT 1", w.AccountID)
	if err == nil && len(sealed) > 0 {
		w.found(access.ChainProblem{EntryID: sealed[0], What: "the head of the chain was removed"})
	}
	return err
}

// found ends the walk.
func (w *walk) found(p access.ChainProblem) { w.step.Done, w.step.Problem = true, &p }

// piece checks the next entries.
func (w *walk) piece(ctx context.Context) error {
	rows, err := sqldb.Query(ctx, w, scanAudited, "SELECT "+auditColumns+
		" FROM audit WHERE account_id = ? AND seq > ? AND seq <= ? ORDER BY seq, id LIMIT ?", w.AccountID, w.step.Place.Seq, w.chain.head.Seq, walkedAtOnce)
	if err != nil {
		return err
	}
	for _, e := range rows {
		if p := w.wrong(e); p != nil {
			return w.stop(ctx, *p)
		}
		w.step.Place = access.ChainPlace{Seq: e.Seq, Hash: e.Hash}
		w.step.Checked++
		if e.Erased {
			w.step.Erased++
		}
	}
	if len(rows) < walkedAtOnce && w.step.Place.Seq < w.chain.head.Seq {
		return w.stop(ctx, access.ChainProblem{Seq: w.step.Place.Seq + 1, What: "the entry was removed"})
	}
	return nil
}

// wrong is what is wrong with the entry that comes next.
func (w *walk) wrong(e audited) *access.ChainProblem {
	p := &access.ChainProblem{Seq: w.step.Place.Seq + 1, EntryID: e.ID}
	if e.Seq > p.Seq {
		p.EntryID, p.What = 0, "the entry was removed"
		return p
	}
	if e.Seq < p.Seq {
		p.Seq, p.What = e.Seq, "the entry was put in at a place that is another's"
		return p
	}
	if what := w.s.wrongEntry(e); what != "" {
		p.What = "the entry " + what
		return p
	}
	if right, _ := w.s.box.CheckMAC(e.Hash, macLink, e.link(e.Seq, w.step.Place.Hash)...); !right {
		p.What = "the entry was moved here, or one before it was put in or removed"
		return p
	}
	return nil
}

// stop ends the walk with a problem, unless what is missing was removed meanwhile because its
// time was over: then it goes on at the new floor.
func (w *walk) stop(ctx context.Context, p access.ChainProblem) error {
	if err := w.readHead(ctx); err != nil || w.step.Done {
		return err
	}
	if w.chain.floor.Seq >= p.Seq {
		w.step.Place = w.chain.floor
		return nil
	}
	w.found(p)
	return nil
}

// end checks what belongs to no place, and the noted head.
func (w *walk) end(ctx context.Context) error {
	if w.chain.begun && w.step.Place != w.chain.head {
		w.found(access.ChainProblem{Seq: w.chain.head.Seq, What: "the chain does not end with the hash of its head"})
		return nil
	}
	if err := w.outside(ctx); err != nil || w.step.Done {
		return err
	}
	if err := w.unsealed(ctx); err != nil || w.step.Done {
		return err
	}
	w.step.Done = true
	return w.noted(ctx)
}

// outside looks for entries below the floor and above the head.
func (w *walk) outside(ctx context.Context) error {
	stray, err := sqldb.Query(ctx, w, scanAudited, "SELECT "+auditColumns+
		" FROM audit WHERE account_id = ? AND seq IS NOT NULL AND (seq <= ? OR seq > ?) ORDER BY seq LIMIT 1", w.AccountID, w.chain.floor.Seq, w.chain.head.Seq)
	if err != nil || len(stray) == 0 {
		return err
	}
	now, err := w.readChain(ctx, w.AccountID, "")
	if err != nil {
		return err
	}
	// What was sealed since the walk began is checked by the next one.
	if seq := stray[0].Seq; seq <= w.chain.floor.Seq || seq > now.head.Seq {
		w.found(access.ChainProblem{Seq: seq, EntryID: stray[0].ID, What: "the entry was put in at a place that is none of the chain's"})
	}
	return nil
}

// unsealed checks the entries that have no place yet.
func (w *walk) unsealed(ctx context.Context) error {
	var after int64
	for {
		rows, err := sqldb.Query(ctx, w, scanAudited, "SELECT "+auditColumns+
			" FROM audit WHERE account_id = ? AND seq IS NULL AND id > ? ORDER BY id LIMIT ?", w.AccountID, after, walkedAtOnce)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, e := range rows {
			after = e.ID
			w.step.Unsealed++
			legacy := e.mac == "" && (e.ID <= w.chain.legacy || !w.chain.begun)
			if what := w.s.wrongEntry(e); what != "" && !legacy {
				w.found(access.ChainProblem{EntryID: e.ID, What: "the entry " + what})
				return nil
			}
		}
	}
}

// noted compares a head that was noted before with the chain as it is.
func (w *walk) noted(ctx context.Context) error {
	switch {
	case w.Noted.Seq == 0, w.Noted == w.chain.floor:
		return nil
	case w.Noted.Seq < w.chain.floor.Seq:
		return fault.InvalidField("head", w.Noted.Seq, "is a place whose entries are gone because their time was over, as all up to %d: note a newer one",
			w.chain.floor.Seq)
	}
	hashes, err := sqldb.Column[string](ctx, w, "SELECT hash FROM audit WHERE account_id = ? AND seq = ?", w.AccountID, w.Noted.Seq)
	if err != nil {
		return err
	}
	if len(hashes) != 1 || hashes[0] != w.Noted.Hash {
		w.found(access.ChainProblem{Seq: w.Noted.Seq, What: "the noted head is not in the chain: entries were removed from its newest end, or it was made anew"})
	}
	return nil
}
