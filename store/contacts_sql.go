package store

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"carillon/internal/jsontext"
	"carillon/store/sqldb"
)

// contactStatements are the statements on contacts that differ between the
// databases. Each takes its rows as the last arguments, in the form that
// rowArgs gives them.
type contactStatements struct {
	// lockAccount keeps everybody else from changing the account's contacts and
	// addresses until the transaction ends; empty where there is one writer
	// anyway. It also leaves the planner nothing but one index look-up for each
	// row: with statistics of a minute ago, which know nothing of a bulk import, it
	// would read whole tables and lists for every batch.
	lockAccount string
	// findExternal and findAddress return who is stored. The first takes external
	// ids and the account, the second addresses, account and kind.
	findExternal, findAddress string
	// allocate returns as many contact ids as it is asked for, or fewer of which
	// the last is followed by free ones; nobody else gets them.
	allocate string
	// insertContacts takes id, external id, name, first and last name, language,
	// time zone, status, folded; before them account, times of creation and change,
	// attributes, attribute_expiry and attribute_changed, which are the same for all.
	insertContacts insertion
	// updateContacts takes the same rows, with what is folded of the names alone;
	// before them the time.
	updateContacts string
	// findExpired finds contacts with values that ended, and their accounts. It
	// takes the id behind which to look, the time, and how many at most.
	findExpired string
	// updateAttributes takes contact, attributes, attribute_expiry, attribute_changed,
	// folded; before
	// them the time, 0 for one that stays.
	updateAttributes string
	// updateFree takes contact, free.
	updateFree string
	// insertAddresses takes contact, kind, address; before them the account.
	insertAddresses insertion
	// deleteAddresses takes contact, kind.
	deleteAddresses string
	// insertMembers takes contact, data; before them the list. joinMembers is the
	// same where some may be in the list already, and leaves those as they are;
	// mergeMembers is for those who are, and joins their data key by key.
	insertMembers             insertion
	joinMembers, mergeMembers string
	// insertConsents takes contact and nothing; before them account, category,
	// actor, time.
	insertConsents string
	// insertRefused takes line, field, value, reason; before them the upload.
	insertRefused string
}

const sqliteInsertMembers = `INSERT INTO members (list_id, contact_id, data)
	SELECT ?, value ->> 0, NULLIF(value ->> 1, '') FROM jsonb_each(?)`

var sqliteContacts = contactStatements{
	findExternal: `SELECT c.id FROM json_each(?) v CROSS JOIN contacts c
		WHERE c.account_id = ? AND c.external_id IS NOT NULL AND c.external_id = v.value`,
	findAddress: `SELECT a.contact_id FROM json_each(?) v CROSS JOIN addresses a
		WHERE a.account_id = ? AND a.kind = ? AND a.address = v.value`,
	allocate: `SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'contacts'), 0) + 1 WHERE ? > 0`,
	insertContacts: insertion{statement: `INSERT INTO contacts (account_id, created_at, updated_at, attributes, attribute_expiry, attribute_changed,
		id, external_id, name, first_name, last_name, language, timezone, status, folded)
		SELECT ?, ?, ?, ?, ?, ?, value ->> 0, NULLIF(value ->> 1, ''), value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
		FROM jsonb_each(?)`},
	updateContacts: `UPDATE contacts SET external_id = NULLIF(v.value ->> 1, ''), name = v.value ->> 2, first_name = v.value ->> 3,
		last_name = v.value ->> 4, language = v.value ->> 5, timezone = v.value ->> 6, status = v.value ->> 7, updated_at = ?1,
		stopped_at = CASE WHEN status = v.value ->> 7 THEN stopped_at WHEN v.value ->> 7 <> 'active' THEN ?1 END,
		folded = json_patch(folded, v.value ->> 8)
		FROM jsonb_each(?2) v WHERE contacts.id = v.value ->> 0`,
	findExpired: `SELECT c.id, c.account_id FROM contacts c WHERE c.attribute_expiry <> '{}' AND c.id > ?
		AND EXISTS (SELECT 1 FROM json_each(c.attribute_expiry) e WHERE e.value <= ?) ORDER BY c.id LIMIT ?`,
	updateAttributes: `UPDATE contacts SET updated_at = COALESCE(NULLIF(?, 0), updated_at), attributes = v.value ->> 1,
		attribute_expiry = v.value ->> 2, attribute_changed = v.value ->> 3, folded = v.value ->> 4 FROM jsonb_each(?) v WHERE contacts.id = v.value ->> 0`,
	updateFree: "UPDATE contacts SET free = v.value ->> 1 FROM jsonb_each(?) v WHERE contacts.id = v.value ->> 0",
	insertAddresses: insertion{statement: `INSERT INTO addresses (account_id, contact_id, kind, address)
		SELECT ?, value ->> 0, value ->> 1, value ->> 2 FROM jsonb_each(?)`},
	deleteAddresses: `DELETE FROM addresses WHERE (contact_id, kind) IN (SELECT value ->> 0, value ->> 1 FROM jsonb_each(?))`,
	insertMembers:   insertion{statement: sqliteInsertMembers},
	joinMembers:     sqliteInsertMembers + " WHERE TRUE ON CONFLICT (list_id, contact_id) DO NOTHING",
	mergeMembers: `UPDATE members SET data = json_patch(COALESCE(data, '{}'), v.value ->> 1) FROM jsonb_each(?2) v
		WHERE members.list_id = ?1 AND members.contact_id = v.value ->> 0`,
	insertConsents: `INSERT INTO consents (account_id, contact_id, category_id, action, source, actor, at)
		SELECT ?1, value ->> 0, ?2, 'opt_in', 'import', ?3, ?4 FROM jsonb_each(?5)`,
	insertRefused: `INSERT INTO upload_errors (upload_id, line, field, value, reason, taken)
		SELECT ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3, CAST(value ->> 4 AS INTEGER) FROM jsonb_each(?)`,
}

var postgresContacts = contactStatements{
	lockAccount: `SELECT id, set_config('enable_seqscan', 'off', TRUE), set_config('enable_bitmapscan', 'off', TRUE),
		set_config('enable_hashjoin', 'off', TRUE), set_config('enable_mergejoin', 'off', TRUE), set_config('jit', 'off', TRUE)
		FROM accounts WHERE id = ? FOR NO KEY UPDATE`,
	findExternal: `SELECT id FROM contacts WHERE external_id IS NOT NULL AND external_id = ANY(?::text[]) AND account_id = ?`,
	findAddress:  `SELECT contact_id FROM addresses WHERE address = ANY(?::text[]) AND account_id = ? AND kind = ?`,
	// Materialized, the sequence's name is looked up once instead of for each id.
	allocate: `WITH s AS MATERIALIZED (SELECT pg_get_serial_sequence('contacts', 'id')::regclass AS ids)
		SELECT nextval(ids) FROM s, generate_series(1, ?::int)`,
	insertContacts: insertion{table: "contacts", columns: []string{"account_id", "created_at", "updated_at", "attributes", "attribute_expiry",
		"attribute_changed", "id", "external_id", "name", "first_name", "last_name", "language", "timezone", "status", "folded"}, optional: "external_id"},
	updateContacts: `UPDATE contacts SET updated_at = n.at, external_id = NULLIF(v.external_id, ''), name = v.name,
		first_name = v.first_name, last_name = v.last_name, language = v.language, timezone = v.timezone, status = v.status,
		stopped_at = CASE WHEN contacts.status = v.status THEN contacts.stopped_at WHEN v.status <> 'active' THEN n.at END,
		folded = contacts.folded || v.folded::jsonb
		FROM (SELECT ?::bigint AS at) n CROSS JOIN unnest(?::bigint[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[])
			AS v (id, external_id, name, first_name, last_name, language, timezone, status, folded) WHERE contacts.id = v.id`,
	findExpired: `SELECT c.id, c.account_id FROM contacts c WHERE c.attribute_expiry <> '{}' AND c.id > ?
		AND EXISTS (SELECT 1 FROM jsonb_each_text(c.attribute_expiry) e WHERE e.value::bigint <= ?) ORDER BY c.id LIMIT ?`,
	updateAttributes: `UPDATE contacts SET updated_at = COALESCE(NULLIF(?::bigint, 0), updated_at), attributes = v.attributes::jsonb,
		attribute_expiry = v.expiry::jsonb, attribute_changed = v.changed::jsonb, folded = v.folded::jsonb
		FROM unnest(?::bigint[], ?::text[], ?::text[], ?::text[], ?::text[]) AS v (id, attributes, expiry, changed, folded) WHERE contacts.id = v.id`,
	updateFree:      "UPDATE contacts SET free = v.free FROM unnest(?::bigint[], ?::text[]) AS v (id, free) WHERE contacts.id = v.id",
	insertAddresses: insertion{table: "addresses", columns: []string{"account_id", "contact_id", "kind", "address"}},
	deleteAddresses: `DELETE FROM addresses USING unnest(?::bigint[], ?::text[]) AS v (id, kind)
		WHERE addresses.contact_id = v.id AND addresses.kind = v.kind`,
	insertMembers: insertion{table: "members", columns: []string{"list_id", "contact_id", "data"}, optional: "data"},
	joinMembers: `INSERT INTO members (list_id, contact_id, data)
		SELECT ?::bigint, v.id, NULLIF(v.data, '') FROM unnest(?::bigint[], ?::text[]) AS v (id, data)
		ON CONFLICT (list_id, contact_id) DO NOTHING`,
	mergeMembers: `UPDATE members SET data = (COALESCE(members.data, '{}')::jsonb || v.data::jsonb)::text
		FROM (SELECT ?::bigint AS id) list, unnest(?::bigint[], ?::text[]) AS v (id, data)
		WHERE members.list_id = list.id AND members.contact_id = v.id`,
	insertConsents: `INSERT INTO consents (account_id, category_id, actor, at, contact_id, action, source)
		SELECT n.account, n.category, n.actor, n.at, v.id, 'opt_in', 'import'
		FROM (SELECT ?::bigint AS account, ?::bigint AS category, ?::text AS actor, ?::bigint AS at) n, unnest(?::bigint[], ?::text[]) AS v (id, nothing)`,
	insertRefused: `INSERT INTO upload_errors (upload_id, line, field, value, reason, taken)
		SELECT ?::bigint, v.line, v.field, v.value, v.reason, v.taken::smallint
		FROM unnest(?::bigint[], ?::text[], ?::text[], ?::text[], ?::text[]) AS v (line, field, value, reason, taken)`,
}

func (d *dialect) contacts() *contactStatements {
	if d == &postgresDialect {
		return &postgresContacts
	}
	return &sqliteContacts
}

// lockAccount makes the transaction the only one that changes the account's
// contacts, addresses, keys and channels, so that what it reads of them stays
// true until it writes.
func (tx conn) lockAccount(ctx context.Context, accountID int64) error {
	lock := tx.d.contacts().lockAccount
	if lock == "" {
		return nil
	}
	return sqldb.Drain(ctx, tx, lock, accountID)
}

// contactIDs takes ids for new contacts, which must be inserted in this
// transaction.
func (tx conn) contactIDs(ctx context.Context, n int) ([]int64, error) {
	ids := make([]int64, 0, n)
	if n == 0 {
		return ids, nil
	}
	err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
		var id int64
		err := scan(&id)
		ids = append(ids, id)
		return err
	}, tx.d.contacts().allocate, n)
	for err == nil && len(ids) < n {
		ids = append(ids, ids[len(ids)-1]+1)
	}
	return ids, err
}

// columns are rows as the statements take them: column by column, the first of
// them ids.
type columns struct {
	ids   []int64
	texts [][]string
}

func newColumns(texts, rows int) *columns {
	c := &columns{ids: make([]int64, 0, rows), texts: make([][]string, texts)}
	for i := range c.texts {
		c.texts[i] = make([]string, 0, rows)
	}
	return c
}

func (c *columns) add(id int64, texts ...string) {
	c.ids = append(c.ids, id)
	for i, text := range texts {
		c.texts[i] = append(c.texts[i], text)
	}
}

// rowArgs are the arguments of a statement that takes rows: arrays on
// PostgreSQL, one JSON array of arrays on SQLite.
func (d *dialect) rowArgs(c *columns, before ...any) []any {
	if d.Dollar {
		args := append(slices.Clone(before), any(c.ids))
		for _, texts := range c.texts {
			args = append(args, texts)
		}
		return args
	}
	size := 2
	for _, texts := range c.texts {
		for _, text := range texts {
			size += len(text) + 3
		}
	}
	b := append(make([]byte, 0, size+len(c.ids)*12), '[')
	for i, id := range c.ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, '['), id, 10)
		for _, texts := range c.texts {
			b = jsontext.AppendString(append(b, ','), texts[i])
		}
		b = append(b, ']')
	}
	return append(before, string(append(b, ']')))
}

// sortByID orders the rows by id.
func (c *columns) sortByID() {
	c.sort(func(a, b int) int { return cmp.Compare(c.ids[a], c.ids[b]) })
}

// sortBy orders the rows by their nth text, so that an index is entered page by
// page.
func (c *columns) sortBy(n int) {
	by := c.texts[n-1]
	c.sort(func(a, b int) int { return strings.Compare(by[a], by[b]) })
}

func (c *columns) sort(compare func(a, b int) int) {
	order := make([]int, len(c.ids))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, compare)
	ids := make([]int64, len(order))
	for to, from := range order {
		ids[to] = c.ids[from]
	}
	c.ids = ids
	for t, texts := range c.texts {
		sorted := make([]string, len(order))
		for to, from := range order {
			sorted[to] = texts[from]
		}
		c.texts[t] = sorted
	}
}
