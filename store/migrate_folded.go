package store

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/store/sqldb"
)

// foldedVersion is the version that fills contacts.folded. It is written in Go,
// because only Go folds as rules compare (ADR 0011).
const foldedVersion = 3

// sigmaVersion is the version that folds anew what has the sigma at the end of a Greek
// word, which was another letter before.
const sigmaVersion = 54

// goMigrations are the migrations that SQL can't do, by their names.
func (s *Store) goMigrations() (list []*goose.Migration, names map[int64]string) {
	up := &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		return conn{Conn: sqldb.On(tx, s.d.Dialect), s: s, d: s.d}.fold(ctx)
	}}
	down := &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE contacts SET folded = '{}' WHERE folded <> '{}'")
		return err
	}}
	sigma := &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		return conn{Conn: sqldb.On(tx, s.d.Dialect), s: s, d: s.d}.foldSigma(ctx)
	}}
	return []*goose.Migration{goose.NewGoMigration(foldedVersion, up, down), goose.NewGoMigration(sigmaVersion, sigma, nil)},
		map[int64]string{foldedVersion: "00003_folded.go", sigmaVersion: "00054_sigma.go"}
}

// fold writes contacts.folded of every contact that lacks it.
func (tx conn) fold(ctx context.Context) error { return tx.foldAnew(ctx, "folded = '{}'") }

// foldSigma writes anew what is folded otherwise since the letter folds.
func (tx conn) foldSigma(ctx context.Context) error {
	const holds = " LIKE '%" + property.FinalSigma + "%'"
	if err := tx.foldAnew(ctx, "CAST(folded AS TEXT)"+holds); err != nil {
		return err
	}
	const folded = "REPLACE(tag, '" + property.FinalSigma + "', 'σ')"
	if _, err := tx.Exec(ctx, "INSERT INTO campaign_tags (account_id, tag, campaign_id) SELECT account_id, "+folded+
		", campaign_id FROM campaign_tags WHERE tag"+holds+" ON CONFLICT DO NOTHING"); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "DELETE FROM campaign_tags WHERE tag"+holds)
	return err
}

// foldAnew writes contacts.folded of the contacts for which a condition holds that no
// folded contact fulfils, batch by batch, so that memory does not grow with them. It knows
// the columns that there were when it was first needed.
func (tx conn) foldAnew(ctx context.Context, lacking string) error {
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
		}, "SELECT id, name, first_name, last_name, attributes FROM contacts WHERE id > ? AND "+lacking+" ORDER BY id LIMIT ?", after, valuesAtOnce)
		if err != nil || len(rows.ids) == 0 {
			return err
		}
		if _, err := tx.Exec(ctx, write, tx.d.rowArgs(rows)...); err != nil {
			return err
		}
	}
}
