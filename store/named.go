package store

import (
	"context"

	"carillon/internal/naming"
	"carillon/store/sqldb"
)

// namedTables says where the things of each kind are, as far as they go by a name.
var namedTables = map[naming.Kind]string{
	naming.Channel:   "SELECT id, name FROM channels WHERE account_id = ? AND deleted_at IS NULL",
	naming.Campaign:  "SELECT id, name FROM campaigns WHERE account_id = ?",
	naming.Targeting: "SELECT id, name FROM targeting_lists WHERE account_id = ?",
	naming.Upload:    "SELECT id, filename AS name FROM uploads WHERE account_id = ?",
	naming.Category:  "SELECT id, name FROM lists WHERE account_id = ? AND kind = 'category'",
	naming.Group:     "SELECT id, name FROM lists WHERE account_id = ? AND kind = 'group'",
	naming.Label:     "SELECT id, name FROM lists WHERE account_id = ? AND kind = 'label'",
	naming.Series:    "SELECT id, name FROM series WHERE account_id = ?",
	naming.Calendar:  "SELECT id, name FROM holiday_calendars WHERE account_id = ?",
}

// Named lists the things of a kind that are called exactly so, the newest first, at most
// naming.MostSame of them.
func (s *Store) Named(ctx context.Context, accountID int64, kind naming.Kind, name string) ([]naming.Thing, error) {
	things, err := sqldb.Query(ctx, s.reader(), scanThing(kind),
		"SELECT id, name FROM ("+namedTables[kind]+") named WHERE name = ? ORDER BY id DESC LIMIT ?", accountID, name, naming.MostSame)
	return things, s.translate(err)
}

// Newest lists the newest things of a kind, at most naming.MostFolded of them.
func (s *Store) Newest(ctx context.Context, accountID int64, kind naming.Kind) ([]naming.Thing, error) {
	things, err := sqldb.Query(ctx, s.reader(), scanThing(kind), namedTables[kind]+" ORDER BY id DESC LIMIT ?", accountID, naming.MostFolded)
	return things, s.translate(err)
}

func scanThing(kind naming.Kind) func(sqldb.Scan) (naming.Thing, error) {
	return func(scan sqldb.Scan) (naming.Thing, error) {
		thing := naming.Thing{Kind: kind}
		return thing, scan(&thing.ID, &thing.Name)
	}
}
