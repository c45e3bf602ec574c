package store

import (
	"context"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/store/sqldb"
	"carillon/targeting"
)

// adopt gives a new property the values that programs kept of contacts before there was one:
// of a few contacts at once, of more by a job. It needs the account's lock.
func (tx conn) adopt(ctx context.Context, p property.Property) error {
	a, err := tx.adopting(ctx, p)
	if err != nil {
		return err
	}
	for range valuesInOne / bulkAtOnce {
		if err := a.next(ctx); err != nil || a.through {
			return err
		}
	}
	var left int64
	if err := tx.Row(ctx, "SELECT COUNT(*) FROM contacts c WHERE "+a.where.sql, a.where.args...).Scan(&left); err != nil {
		return err
	}
	_, err = tx.queueValues(ctx, p.AccountID, targeting.AdoptJob, targeting.Bulk{Property: p.Key}, left)
	return err
}

// adoptBatch goes on for a job.
func (tx conn) adoptBatch(ctx context.Context, job targeting.Job, cursor int64) error {
	if err := tx.lockAccount(ctx, job.AccountID); err != nil {
		return err
	}
	p, err := tx.property(ctx, job.AccountID, job.Bulk.Property)
	if err != nil {
		return err
	}
	a, err := tx.adopting(ctx, p)
	if err != nil {
		return err
	}
	a.after = cursor
	if err := a.next(ctx); err != nil {
		return err
	}
	state, finished := targeting.JobRunning, any(nil)
	if a.through {
		state, finished = targeting.JobFinished, sqldb.Millis(tx.s.clock.Now())
	}
	_, err = tx.Exec(ctx, "UPDATE jobs SET state = ?, cursor = ?, done = done + ?, changed = changed + ?, finished_at = ? WHERE id = ?",
		string(state), a.after, a.read, a.adopted, finished, job.ID)
	return err
}

// adopting goes through the contacts of whom something is kept that may be a property's.
type adopting struct {
	conn
	checker *property.Checker
	// keys are those under which it is kept: the property's, and what programs call it.
	keys  []string
	where fragment
	// after is the last contact that was looked at; read and adopted are how many were, and
	// how many of them have the value now.
	after         int64
	read, adopted int
	// through says that there are no more.
	through bool
}

func (tx conn) adopting(ctx context.Context, p property.Property) (*adopting, error) {
	p.Default = nil // it is for contacts that are to come
	checker, err := property.Compile(p)
	if err != nil {
		return nil, err
	}
	a := &adopting{conn: tx, checker: checker, keys: []string{p.Key}}
	var called string
	if err := tx.Row(ctx, "SELECT COALESCE(MAX(key), '') FROM attribute_definitions WHERE account_id = ? AND model = 'contact' AND property = ?",
		p.AccountID, p.Key).Scan(&called); err != nil {
		return nil, err
	}
	if called != "" && called != p.Key {
		a.keys = append(a.keys, called)
	}
	custom := "c.free -> 'custom' -> CAST(? AS TEXT)"
	if tx.d.Dollar {
		custom = "c.free::jsonb -> 'custom' -> CAST(? AS TEXT)"
	}
	a.where = fragment{"c.account_id = ? AND c.free <> '{}' AND COALESCE(" + custom + ", " + custom + ") IS NOT NULL",
		[]any{p.AccountID, a.keys[0], a.keys[len(a.keys)-1]}}
	return a, nil
}

// next looks at the next contacts. A value that is none of the property stays as it is kept.
func (a *adopting) next(ctx context.Context) error {
	free := map[int64]contacts.Free{}
	var ids []int64
	some := a.where.and("c.id > ?", a.after)
	if err := sqldb.Each(ctx, a, func(scan sqldb.Scan) error {
		var id int64
		var object []byte
		if err := scan(&id, &object); err != nil {
			return err
		}
		kept, err := contacts.ParseFree(object)
		free[id], ids = kept, append(ids, id)
		return err
	}, "SELECT c.id, c.free FROM contacts c WHERE "+some.sql+" ORDER BY c.id LIMIT ?", append(some.args, bulkAtOnce)...); err != nil {
		return err
	}
	a.read, a.through = a.read+len(ids), len(ids) < bulkAtOnce
	if len(ids) == 0 {
		return nil
	}
	a.after = ids[len(ids)-1]
	list, err := a.attributed(ctx, "c.id "+a.d.InIDs, a.d.IDList(ids))
	if err != nil {
		return err
	}
	changed, rest, now := list[:0], newColumns(1, len(list)), a.s.clock.Now()
	for _, person := range list {
		c := person.contact()
		c.Free = free[person.id]
		if c.Adopt(a.checker, a.keys, now) {
			person.take(c)
			changed = append(changed, person)
			rest.add(person.id, c.Free.JSON())
		}
	}
	if len(changed) == 0 {
		return nil
	}
	a.adopted += len(changed)
	if err := a.writeAttributes(ctx, changed, 0); err != nil {
		return err
	}
	_, err = a.Exec(ctx, a.d.contacts().updateFree, a.d.rowArgs(rest)...)
	return err
}
