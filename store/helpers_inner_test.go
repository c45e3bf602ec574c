package store

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/providers"
	"carillon/store/sqldb"
)

// What tests of the inside share with the black-box tests.

// Valued are contacts that a test makes with values of a property.
type Valued struct {
	Account int64
	Key     string
	N       int
	// Value is that of the ith contact, empty for none.
	Value func(i int) string
}

// WithValues makes contacts and gives each its value.
func WithValues(t testing.TB, s *Store, people Valued) {
	t.Helper()
	require.NoError(t, s.inTx(t.Context(), func(tx conn) error {
		for i := range people.N {
			name := fmt.Sprintf("Name %d", i)
			values := contacts.Attributes{}
			if v := people.Value(i); v != "" {
				values[people.Key], values["other"] = json.RawMessage(v), json.RawMessage(`"Ä"`)
			}
			_, err := tx.Exec(t.Context(), `INSERT INTO contacts (account_id, name, status, created_at, updated_at, attributes, attribute_expiry, folded)
				VALUES (?, ?, 'active', 1, 1, ?, '{}', ?)`, people.Account, name, values.JSON(), contacts.Folded(name, "", "", values))
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// ColumnsOf reads JSON columns of every contact in the order of the ids.
func ColumnsOf(t testing.TB, s *Store, column string) []string {
	t.Helper()
	var list []string
	require.NoError(t, sqldb.Each(t.Context(), s.reader(), func(scan sqldb.Scan) error {
		var v []byte
		err := scan(&v)
		list = append(list, string(v))
		return err
	}, "SELECT "+column+" FROM contacts ORDER BY id"))
	return list
}

// RuleProperties has a property of every type; keys are the types' names.
func RuleProperties() []property.Property {
	list := make([]property.Property, 0, len(property.Types()))
	for _, typ := range property.Types() {
		list = append(list, property.Property{Key: string(typ), Type: typ})
	}
	return list
}

// OneRule is a rule of one condition.
func OneRule(field, operator, value string) json.RawMessage {
	return fmt.Appendf(nil, `{"condition": "AND", "rules": [{"field": %q, "operator": %q, "value": %s}]}`, field, operator, value)
}

// Unsubscribe opts the holder of an e-mail address out, as a link does.
func Unsubscribe(ctx context.Context, s *Store, accountID int64, address string) error {
	_, err := s.OptOut(ctx, contacts.ConsentChange{AccountID: accountID, Kind: providers.Email, Address: address, Source: contacts.SourceLink, Actor: "recipient"})
	return err
}
