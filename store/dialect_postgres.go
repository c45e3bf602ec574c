package store

import "carillon/store/sqldb"

var postgresDialect = dialect{
	Dialect:    &sqldb.Postgres,
	bodyHolds:  "POSITION(?::bytea IN body) > 0",
	statements: postgresStatements,
	watch:      postgresWatch,
	lastTold:   "(SELECT last_seq FROM outbox_state)",
	planParts:  2,
	countParts: 1, // PostgreSQL divides the work by itself
	domain:     "split_part(a.address, '@', 2)",
	countReasons: func(query string, _ []string) string {
		return "SELECT COALESCE(why, ''), COUNT(*) FROM (" + query + ") r GROUP BY why"
	},
	// PostgreSQL does it by itself, but a minute later: until then each batch of
	// the planner would read and sort the whole audience. From the same tenth on
	// that makes PostgreSQL do it, because it takes as long as 10,000 new rows.
	grown: `SELECT c.relname FROM uploads u
		CROSS JOIN LATERAL (VALUES ('contacts'::regclass, u.created), ('addresses'::regclass, u.created), ('members'::regclass, u.row_count)) g (oid, n)
		JOIN pg_class c ON c.oid = g.oid WHERE u.id = ? AND g.n > c.reltuples / 10 ORDER BY 1`,
	tableSizes: `SELECT COALESCE(p.relname, c.relname), SUM(pg_total_relation_size(c.oid))::bigint, SUM(GREATEST(c.reltuples, 0))::bigint
		FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent
		WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace GROUP BY 1`,
	size:           "SELECT pg_database_size(current_database())",
	contactIndexes: "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'contacts'::regclass",
}
