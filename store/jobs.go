package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/targeting"
)

const selectJob = "SELECT id, account_id, kind, spec, state, total, done, changed, error, actor, created_at, finished_at FROM jobs"

func scanJob(scan sqldb.Scan) (targeting.Job, error) {
	var j targeting.Job
	var spec []byte
	var created, finished sqldb.Time
	if err := scan(&j.ID, &j.AccountID, &j.Kind, &spec, &j.State, &j.Total, &j.Done, &j.Changed, &j.Error, &j.Actor, &created, &finished); err != nil {
		return j, err
	}
	j.CreatedAt, j.FinishedAt = created.Time, finished.Ptr()
	if j.Kind == messages.MessagesJob {
		j.Spec = spec
		return j, nil
	}
	if err := json.Unmarshal(spec, &j.Bulk); err != nil {
		return j, fmt.Errorf("read job %d: %w", j.ID, err)
	}
	return j, nil
}

// FindListKind is the kind of a group, category or label.
func (s *Store) FindListKind(ctx context.Context, accountID, listID int64) (contacts.ListKind, error) {
	var kind contacts.ListKind
	err := s.reader().Row(ctx, "SELECT kind FROM lists WHERE id = ? AND account_id = ? AND kind <> 'upload'", listID, accountID).Scan(&kind)
	return kind, s.translate(err)
}

// CountMembers is how many contacts an audience has now, whatever becomes of
// them.
func (s *Store) CountMembers(ctx context.Context, accountID int64, a targeting.Audience) (int64, error) {
	compiled, err := s.reader().compileAudience(ctx, providers.Channel{AccountID: accountID}, a, 0, s.clock.Now())
	if err != nil {
		return 0, s.translate(err)
	}
	_, n, err := s.reader().batchOf(ctx, compiled, 0, noLimit)
	return int64(n), s.translate(err)
}

// CreateJob keeps a new job; ID and CreatedAt are set here.
func (s *Store) CreateJob(ctx context.Context, j targeting.Job) (targeting.Job, error) {
	var made targeting.Job
	err := s.inTx(ctx, func(tx conn) (err error) {
		made, err = tx.createJob(ctx, j)
		return err
	})
	return made, err
}

// CreateListAndJob makes a list and keeps a job that puts people into it, both or none.
func (s *Store) CreateListAndJob(ctx context.Context, l contacts.List, j targeting.Job) (list contacts.List, job targeting.Job, err error) {
	err = s.inTx(ctx, func(tx conn) (err error) {
		if list, err = tx.createList(ctx, l); err != nil {
			return err
		}
		j.Bulk.ListID = list.ID
		job, err = tx.createJob(ctx, j)
		return err
	})
	return list, job, err
}

func (tx conn) createJob(ctx context.Context, j targeting.Job) (targeting.Job, error) {
	spec := []byte(j.Spec)
	if spec == nil {
		var err error
		if spec, err = json.Marshal(j.Bulk); err != nil {
			return targeting.Job{}, fmt.Errorf("encode job: %w", err)
		}
	}
	id, err := tx.Insert(ctx, "INSERT INTO jobs (account_id, kind, spec, state, total, cursor, actor, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		j.AccountID, j.Kind, string(spec), string(targeting.JobQueued), j.Total, j.Cursor, clean(j.Actor), sqldb.Millis(tx.s.clock.Now()))
	if err != nil {
		return targeting.Job{}, err
	}
	return scanJob(tx.Row(ctx, selectJob+" WHERE id = ?", id).Scan)
}

// GetJob is one job.
func (s *Store) GetJob(ctx context.Context, accountID, id int64) (targeting.Job, error) {
	j, err := scanJob(s.reader().Row(ctx, selectJob+" WHERE id = ? AND account_id = ?", id, accountID).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return j, fault.New(fault.NotFound, "there is no job %d", id)
	}
	return j, s.translate(err)
}

// ListJobs lists an account's jobs before the id before, newest first.
func (s *Store) ListJobs(ctx context.Context, accountID, before int64, limit int) ([]targeting.Job, error) {

	list, err := sqldb.Query(ctx, s.reader(), scanJob, selectJob+" WHERE account_id = ? AND id < ? ORDER BY id DESC LIMIT ?", accountID, orNewest(before), limit)
	return list, s.translate(err)
}

// bulkAtOnce is how many contacts one transaction of a bulk operation changes.
const bulkAtOnce = 2000

// RunJobBatch does the next batch of the oldest job that is not over. The job's
// place moves in the transaction of the batch, so that a job which was killed
// anywhere goes on behind the last batch that counts, and does nothing twice.
func (s *Store) RunJobBatch(ctx context.Context) (worked bool, err error) {
	var job targeting.Job
	err = s.inTx(ctx, func(tx conn) (err error) {
		job, worked, err = tx.nextJobBatch(ctx)
		return err
	})
	if code := fault.CodeOf(err); err != nil && (code == fault.Invalid || code == fault.NotFound || code == fault.Conflict) {
		// What it works on is not as it was when it was made: it can't go on.
		return true, s.failJob(ctx, job.ID, err.Error())
	}
	return worked, err
}

// nextJobBatch does the work of RunJobBatch in its transaction.
func (tx conn) nextJobBatch(ctx context.Context) (job targeting.Job, worked bool, err error) {
	var id, cursor int64
	// Another process that is at a job keeps it; there may be another job.
	err = tx.Row(ctx, "SELECT id, cursor FROM jobs WHERE state IN ('queued', 'running') AND "+ofOpenAccounts+" "+
		"ORDER BY id LIMIT 1"+tx.d.SkipLocked).Scan(&id, &cursor)
	if errors.Is(err, sql.ErrNoRows) {
		return job, false, nil
	}
	if err != nil {
		return job, false, err
	}
	if job, err = scanJob(tx.Row(ctx, selectJob+" WHERE id = ?", id).Scan); err != nil {
		return job, true, err
	}
	if job.Kind == messages.MessagesJob {
		return job, true, tx.settleMessages(ctx, job, cursor)
	}
	if job.Kind == targeting.AdoptJob {
		return job, true, tx.adoptBatch(ctx, job, cursor)
	}
	if job.Kind != targeting.BulkJob {
		return job, true, tx.valuesBatch(ctx, job, cursor)
	}
	return job, true, tx.bulkBatch(ctx, job, cursor)
}

// bulkBatch changes the next contacts and moves the job behind them.
func (tx conn) bulkBatch(ctx context.Context, job targeting.Job, cursor int64) error {
	b := job.Bulk
	members := contacts.MemberChange{AccountID: job.AccountID, Kind: b.ListKind, ListID: b.ListID, Source: contacts.SourceBulk, Actor: job.Actor}
	if b.ListID != 0 {
		if err := tx.lockMembers(ctx, members); err != nil {
			return err
		}
	}
	if err := tx.lockAccount(ctx, job.AccountID); err != nil {
		return err
	}
	compiled, err := tx.compileAudience(ctx, providers.Channel{AccountID: job.AccountID}, b.Audience, 0, job.CreatedAt)
	if err != nil {
		return err
	}
	turn := compiled.members(cursor, bulkAtOnce)
	ids, err := sqldb.IDs(ctx, tx, turn.sql, turn.args...)
	if err != nil {
		return err
	}
	state, finished, changed := targeting.JobFinished, sqldb.Millis(tx.s.clock.Now()), int64(0)
	if len(ids) > 0 {
		if cursor = ids[len(ids)-1]; len(ids) == bulkAtOnce {
			state, finished = targeting.JobRunning, nil
		}
		living, err := sqldb.IDs(ctx, tx, "SELECT id FROM contacts WHERE account_id = ? AND status <> 'deleted' AND id "+tx.d.InIDs, job.AccountID, tx.d.IDList(ids))
		if err != nil {
			return err
		}
		members.Contacts = living
		if changed, err = tx.bulkChange(ctx, job, members); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, "UPDATE jobs SET state = ?, cursor = ?, done = done + ?, changed = changed + ?, finished_at = ? WHERE id = ?",
		string(state), cursor, len(ids), changed, finished, job.ID)
	return err
}

// bulkChange carries the action out for the contacts in members and returns how
// many are different now.
func (tx conn) bulkChange(ctx context.Context, job targeting.Job, members contacts.MemberChange) (int64, error) {
	if len(members.Contacts) == 0 {
		return 0, nil
	}
	switch b := job.Bulk; b.Action {
	case targeting.BulkAdd:
		return tx.addMembers(ctx, members)
	case targeting.BulkRemove:
		return tx.removeMembers(ctx, members)
	case targeting.BulkSet:
		return tx.bulkSet(ctx, job, members.Contacts)
	default:
		from, to := b.Action.Statuses()
		if to == "" {
			return 0, fault.New(fault.Conflict, "this version knows no action %q", b.Action)
		}
		statuses := make([]string, len(from))
		for i, status := range from {
			statuses[i] = string(status)
		}
		n, err := tx.Exec(ctx, "UPDATE contacts SET stopped_at = "+stopped+", status = ?, updated_at = ? WHERE account_id = ? AND id "+tx.d.InIDs+
			" AND status "+tx.d.InTexts,
			string(to), string(to), sqldb.Millis(tx.s.clock.Now()), string(to), sqldb.Millis(tx.s.clock.Now()), job.AccountID, tx.d.IDList(members.Contacts),
			tx.d.TextList(statuses))
		if err != nil || n == 0 || to == contacts.Active {
			return n, err
		}
		return n, tx.halt(ctx)
	}
}

// SetValues gives contacts a value of a property.
func (s *Store) SetValues(ctx context.Context, accountID int64, contactIDs []int64, key string, value json.RawMessage) (changed int64, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		if err := tx.lockAccount(ctx, accountID); err != nil {
			return err
		}
		living, err := sqldb.IDs(ctx, tx, "SELECT id FROM contacts WHERE account_id = ? AND status <> 'deleted' AND id "+tx.d.InIDs,
			accountID, tx.d.IDList(contactIDs))
		if err != nil {
			return err
		}
		if changed, err = tx.setValues(ctx, accountID, living, map[string]json.RawMessage{key: value}); err != nil {
			return err
		}
		// What was changed may be a goal of a flow, or end it.
		return tx.wakeContacts(ctx, living...)
	})
	return changed, err
}

// bulkSet writes the value of a property.
func (tx conn) bulkSet(ctx context.Context, job targeting.Job, ids []int64) (int64, error) {
	return tx.setValues(ctx, job.AccountID, ids, map[string]json.RawMessage{job.Bulk.Property: job.Bulk.Value})
}

// setValues writes values of contacts and returns how many are different now. It needs the
// account's lock.
func (tx conn) setValues(ctx context.Context, accountID int64, ids []int64, given map[string]json.RawMessage) (int64, error) {
	set, err := tx.propertySet(ctx, accountID)
	if err != nil {
		return 0, err
	}
	now := tx.s.clock.Now()
	list, err := tx.attributed(ctx, "c.account_id = ? AND c.id "+tx.d.InIDs, accountID, tx.d.IDList(ids))
	if err != nil {
		return 0, err
	}
	changed := list[:0]
	for _, a := range list {
		c := a.contact()
		c.Given = given
		before, ends := a.attributes.JSON(), maps.Clone(a.expiry)
		if err := c.Settle(set, now, false); err != nil {
			return 0, err
		}
		a.take(c)
		if a.attributes.JSON() != before || !maps.EqualFunc(a.expiry, ends, time.Time.Equal) {
			changed = append(changed, a)
		}
	}
	return int64(len(changed)), tx.writeAttributes(ctx, changed, now.UnixMilli())
}

// failJob ends a job that can't go on; what it did stays.
func (s *Store) failJob(ctx context.Context, id int64, reason string) error {
	return s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "UPDATE jobs SET state = ?, error = ?, finished_at = ? WHERE id = ? AND state IN ('queued', 'running')",
			string(targeting.JobFailed), clean(reason), sqldb.Millis(s.clock.Now()), id)
		return err
	})
}
