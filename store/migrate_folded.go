package store

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"

	"carillon/contacts"
	"carillon/store/sqldb"
)

// foldedVersion is the version that fills contacts.folded. It is written in Go,
// because only Go folds as rules compare (ADR 0011).
const foldedVersion = 3

// goMigrations are the migrations that SQL can't do, by their names.
func (s *Store) goMigrations() (list []*goose.Migration, names map[int64]string) {
	up := &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		return conn{Conn: sqldb.On(tx, s.d.Dialect), s: s, d: s.d}.fold(ctx)
	}}
	down := &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE contacts SET folded = '{}' WHERE folded <> '{}'")
		return err
	}}
	return []*goose.Migration{goose.NewGoMigration(foldedVersion, up, down)}, map[int64]string{foldedVersion: "00003_folded.go"}
}

// fold writes contacts.folded of every contact that lacks it, batch by batch, so
// that memory does not grow with them. It knows the columns that there were then.
func (tx conn) fold(ctx context.Context) error {
	write := "UPDATE contacts SET folded = v.value ->> 1 FROM jsonb_each(?) v WHERE contacts.id = v.value ->> 0"
	if tx.d.Dollar {
		write = "UPDATE contacts SET folded = v.folded::jsonb FROM unnest(?::bigint[], ?::text[]) AS v (id, folded) WHERE contacts.id = v.id"
	}
	for after := int64(0); ; {
		rows := newColumns(1, valuesAtOnce)
		err := sqldb.Each(ctx, tx, func(scan sqldb.Scan) error {
			var name, firstName, lastName string
			var object []byte
			if err := scan(&after, &name, &firstName, &lastName, &object); err != nil {
				return err
			}
			attributes, err := contacts.ParseAttributes(object)
			rows.add(after, contacts.Folded(name, firstName, lastName, attributes))
			return err
		}, "SELECT id, name, first_name, last_name, attributes FROM contacts WHERE id > ? AND folded = '{}' ORDER BY id LIMIT ?", after, valuesAtOnce)
		if err != nil || len(rows.ids) == 0 {
			return err
		}
		if _, err := tx.Exec(ctx, write, tx.d.rowArgs(rows)...); err != nil {
			return err
		}
	}
}
