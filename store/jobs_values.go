package store

import (
	"context"
	"encoding/json"
	"fmt"

	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/store/sqldb"
	"carillon/targeting"
)

// valuesInOne is how many values of a property one transaction converts or
// removes; more are a job's, because nobody else could write meanwhile.
const valuesInOne = 10_000

// refuseBusy is the Conflict for a property whose values a job is still at. It
// needs the account's lock.
func (tx conn) refuseBusy(ctx context.Context, accountID int64, key string) error {
	return sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		job, err := scanJob(scan)
		if err == nil && job.Bulk.Property == key {
			err = fault.New(fault.Conflict, "job %d is still at the values of %q: wait until it is over", job.ID, key)
		}
		return err
	}, selectJob+" WHERE state IN ('queued', 'running') AND account_id = ? AND kind IN (?, ?, ?)", accountID,
		targeting.ConvertJob, targeting.RemoveJob, targeting.AdoptJob)
}

// queueValues leaves the values of a property to a job.
func (tx conn) queueValues(ctx context.Context, accountID int64, kind string, b targeting.Bulk, values int64) (jobID int64, err error) {
	spec, err := json.Marshal(b)
	if err != nil {
		return 0, fmt.Errorf("encode job: %w", err)
	}
	return tx.Insert(ctx, "INSERT INTO jobs (account_id, kind, spec, state, total, actor, created_at) VALUES (?, ?, ?, ?, ?, 'server', ?)",
		accountID, kind, string(spec), string(targeting.JobQueued), values, sqldb.Millis(tx.s.clock.Now()))
}

// valuesBatch converts or removes the next values and moves the job behind them.
// A value that was written while its property changed and can't be converted
// stays, and the job says so.
func (tx conn) valuesBatch(ctx context.Context, job targeting.Job, cursor int64) error {
	if err := tx.lockAccount(ctx, job.AccountID); err != nil {
		return err
	}
	key := job.Bulk.Property
	var checker *property.Checker
	if job.Kind == targeting.ConvertJob {
		p, err := tx.property(ctx, job.AccountID, key)
		if err != nil {
			return err
		}
		if checker, err = property.Compile(p); err != nil {
			return err
		}
	}
	batch, err := tx.attributed(ctx, "c.account_id = ? AND c.id > ? AND (c.attributes -> CAST(? AS TEXT)) IS NOT NULL ORDER BY c.id LIMIT ?",
		job.AccountID, cursor, key, bulkAtOnce)
	if err != nil {
		return err
	}
	changed := make([]attributed, 0, len(batch))
	for _, contact := range batch {
		cursor = contact.id
		if checker == nil {
			contact.forget(key)
			changed = append(changed, contact)
			continue
		}
		old := contact.attributes[key]
		stored, reason := checker.Convert(job.Bulk.From, old)
		switch {
		case reason != "":
			job.Error = fmt.Sprintf("the value of contact %d %s, and stays as it is", contact.id, reason)
		case string(stored) != string(old):
			contact.attributes[key] = stored
			changed = append(changed, contact)
		}
	}
	if err := tx.writeAttributes(ctx, changed, 0); err != nil {
		return err
	}
	state, finished := targeting.JobRunning, any(nil)
	if len(batch) < bulkAtOnce {
		state, finished = targeting.JobFinished, sqldb.Millis(tx.s.clock.Now())
	}
	_, err = tx.Exec(ctx, "UPDATE jobs SET state = ?, cursor = ?, done = done + ?, changed = changed + ?, error = ?, finished_at = ? WHERE id = ?",
		string(state), cursor, len(batch), len(changed), job.Error, finished, job.ID)
	return err
}
