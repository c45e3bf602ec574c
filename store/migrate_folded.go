package store

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"

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
// that memory does not grow with them.
func (tx conn) fold(ctx context.Context) error {
	for after := int64(0); ; {
		batch, err := tx.attributed(ctx, "c.id > ? AND c.folded = '{}' ORDER BY c.id LIMIT ?", after, valuesAtOnce)
		if err != nil || len(batch) == 0 {
			return err
		}
		after = batch[len(batch)-1].id
		if err := tx.writeAttributes(ctx, batch, 0); err != nil {
			return err
		}
	}
}
