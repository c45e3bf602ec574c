package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"carillon/store/sqldb"
)

// TemplateNames are the extra columns of uploads and the keys of an account's
// properties: what templates find under row and contact.attributes.
func (s *Store) TemplateNames(ctx context.Context, accountID int64, uploads []int64) (columns, attributes []string, err error) {
	err = sqldb.Each(ctx, s.reader(), func(scan sqldb.Scan) error {
		var raw []byte
		if err := scan(&raw); err != nil {
			return err
		}
		var names []string
		if err := json.Unmarshal(raw, &names); err != nil {
			return fmt.Errorf("read columns of an upload: %w", err)
		}
		for _, name := range names {
			if !slices.Contains(columns, name) {
				columns = append(columns, name)
			}
		}
		return nil
	}, "SELECT columns FROM uploads WHERE account_id = ? AND id "+s.d.InIDs, accountID, s.d.IDList(uploads))
	if err != nil {
		return nil, nil, s.translate(err)
	}
	properties, err := s.ListProperties(ctx, accountID)
	for _, p := range properties {
		attributes = append(attributes, p.Key)
	}
	return columns, attributes, err
}
