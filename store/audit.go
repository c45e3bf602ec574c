package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"carillon/access"
	"carillon/store/sqldb"
)

// audited is an entry as its row has it.
type audited struct {
	access.AuditEntry
	at                     int64 // milliseconds
	detail                 string
	mac, detailMAC, erased string
}

// What keyed hashes in the trail are for.
const (
	macEntry  = "audit entry"
	macDetail = "audit detail"
	macErased = "audit erased"
	macLink   = "audit link"
	macHead   = "audit head"
)

// content is what an entry's keyed hash is of: all but its place. Its detail is there by
// the keyed hash of it, so that it can be erased.
func (e audited) content() []string {
	return []string{
		decimal(e.ID), decimal(e.AccountID), e.Actor, e.Action, e.Target, e.TargetName, e.detailMAC, e.RequestID, e.Source, decimal(e.at),
	}
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// audit writes an entry in the transaction of what it tells of. The time is
// that of the transaction.
func (tx conn) audit(ctx context.Context, e access.AuditEntry) (err error) {
	row := audited{AuditEntry: e, at: tx.s.clock.Now().UnixMilli(), detail: "{}"}
	if len(e.Detail) > 0 {
		encoded, err := json.Marshal(e.Detail)
		if err != nil {
			return fmt.Errorf("encode audit detail: %w", err)
		}
		row.detail = string(encoded)
	}
	if row.AccountID == 0 {
		// What is nobody's, such as a wrong key, is shown to those who run the installation.
		if err := tx.Row(ctx, "SELECT COALESCE((SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'default_account'), 0)").Scan(&row.AccountID); err != nil {
			return err
		}
	}
	row.ID, err = tx.Insert(ctx, `INSERT INTO audit (account_id, actor, action, target, target_name, detail, request_id, source, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, row.AccountID, e.Actor, e.Action, e.Target, e.TargetName, row.detail, e.RequestID, e.Source, row.at)
	if err != nil {
		return err
	}
	// The hash is of the id, too: a copy of an entry is no entry.
	return tx.signEntry(ctx, &row)
}

// signEntry gives an entry the keyed hashes that nobody else can make.
func (tx conn) signEntry(ctx context.Context, row *audited) error {
	row.detailMAC = tx.s.box.MAC(macDetail, decimal(row.ID), row.detail)
	row.mac = tx.s.box.MAC(macEntry, row.content()...)
	_, err := tx.Exec(ctx, "UPDATE audit SET mac = ?, detail_mac = ? WHERE id = ?", row.mac, row.detailMAC, row.ID)
	return err
}

// AddAudit writes an entry by itself; ID and At are set here.
func (s *Store) AddAudit(ctx context.Context, e access.AuditEntry) error {
	return s.inTx(ctx, func(tx conn) error { return tx.audit(ctx, e) })
}

const auditColumns = "id, account_id, actor, action, target, target_name, detail, request_id, source, at, mac, detail_mac, erased, COALESCE(seq, 0), hash"

func scanAudited(scan sqldb.Scan) (e audited, err error) {
	err = scan(&e.ID, &e.AccountID, &e.Actor, &e.Action, &e.Target, &e.TargetName, &e.detail, &e.RequestID, &e.Source, &e.at, &e.mac, &e.detailMAC,
		&e.erased, &e.Seq, &e.Hash)
	e.At, e.Erased = time.UnixMilli(e.at).UTC(), e.erased != ""
	return e, err
}

// entry is a row with its detail read.
func (e audited) entry() (access.AuditEntry, error) {
	if err := json.Unmarshal([]byte(e.detail), &e.Detail); err != nil {
		return e.AuditEntry, fmt.Errorf("read detail of audit entry %d: %w", e.ID, err)
	}
	return e.AuditEntry, nil
}

// late is how much later than its time an entry's id may have been given: times are those of
// the processes, ids the database's.
const late = time.Hour

// ListAudit lists entries, newest first if nothing else is asked for.
func (s *Store) ListAudit(ctx context.Context, q access.AuditQuery) ([]access.AuditEntry, error) {
	c := s.reader()
	where, args := auditWhere(q)
	from, order, edge := "id < ?", " ORDER BY id DESC LIMIT ?", orNewest(q.Before)
	if q.Oldest {
		from, order, edge = "id > ?", " ORDER BY id LIMIT ?", q.After
	}
	where = "account_id = ? AND " + from + where
	query := "SELECT " + auditColumns + " FROM audit WHERE " + where + order
	args = append(append([]any{q.AccountID, edge}, args...), q.Limit)
	if prefix, all := strings.CutSuffix(q.Action, "*"); all {
		actions, err := c.auditActions(ctx, q.AccountID, prefix)
		if err != nil || len(actions) == 0 {
			return nil, s.translate(err)
		}
		query, args = eachAction(actions, where, order, args)
	}
	entries, err := sqldb.Query(ctx, c, func(scan sqldb.Scan) (access.AuditEntry, error) {
		e, err := scanAudited(scan)
		if err != nil {
			return e.AuditEntry, err
		}
		return e.entry()
	}, query, args...)
	return entries, c.s.translate(err)
}

// eachAction asks for the newest entries of each action, each by the index, and puts these in
// order: the entries of a rare action are not looked for among all others.
func eachAction(actions []string, where, order string, args []any) (query string, all []any) {
	limit := args[len(args)-1]
	parts := make([]string, len(actions))
	for i, action := range actions {
		parts[i] = "SELECT id FROM (SELECT id FROM audit WHERE " + where + " AND action = ?" + order + ") n" + strconv.Itoa(i)
		all = append(append(append(all, args[:len(args)-1]...), action), limit)
	}
	return "SELECT " + auditColumns + " FROM audit WHERE id IN (" + strings.Join(parts, " UNION ALL ") + ")" + order, append(all, limit)
}

// auditWhere is what a query narrows by, but actions by their beginnings.
func auditWhere(q access.AuditQuery) (where string, args []any) {
	add := func(condition string, values ...any) {
		where += " AND " + condition
		args = append(args, values...)
	}
	for column, value := range map[string]string{"actor": q.Actor, "target": q.Target} {
		if value != "" {
			add(column+" = ?", value)
		}
	}
	if q.RequestID != "" {
		add("request_id = ? AND request_id <> ''", q.RequestID)
	}
	if q.Action != "" && !strings.HasSuffix(q.Action, "*") {
		add("action = ?", q.Action)
	}
	if !q.From.IsZero() {
		add("at >= ? AND id > COALESCE((SELECT a.id FROM audit a WHERE a.account_id = ? AND a.at < ? ORDER BY a.at DESC, a.id DESC LIMIT 1), 0)",
			q.From.UnixMilli(), q.AccountID, q.From.Add(-late).UnixMilli())
	}
	if !q.To.IsZero() {
		add("at < ? AND id < COALESCE((SELECT a.id FROM audit a WHERE a.account_id = ? AND a.at > ? ORDER BY a.at, a.id LIMIT 1), 9223372036854775807)",
			q.To.UnixMilli(), q.AccountID, q.To.Add(late).UnixMilli())
	}
	return where, args
}

// auditActions are the actions in an account's trail that begin with a prefix: each is found by one
// look into the index.
func (tx conn) auditActions(ctx context.Context, accountID int64, prefix string) (actions []string, err error) {
	err = sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var action string
		err := scan(&action)
		if strings.HasPrefix(action, prefix) {
			actions = append(actions, action)
		}
		return err
	}, `WITH RECURSIVE n (action) AS (SELECT (SELECT MIN(action) FROM audit WHERE account_id = ?)
		UNION ALL SELECT (SELECT MIN(a.action) FROM audit a WHERE a.account_id = ? AND a.action > n.action) FROM n WHERE n.action IS NOT NULL)
		SELECT action FROM n WHERE action IS NOT NULL`, accountID, accountID)
	return actions, err
}

// orNewest is the id before which a list that shows the newest first goes on.
func orNewest(before int64) int64 {
	if before <= 0 {
		return 1<<63 - 1
	}
	return before
}
