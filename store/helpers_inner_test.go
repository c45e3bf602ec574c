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

// valued are contacts that a test makes with values of a property.
type valued struct {
	account int64
	key     string
	n       int
	// value is that of the ith contact, empty for none.
	value func(i int) string
}

// withValues makes contacts and gives each its value.
func withValues(t testing.TB, s *Store, people valued) {
	t.Helper()
	require.NoError(t, s.inTx(t.Context(), func(tx conn) error {
		for i := range people.n {
			name := fmt.Sprintf("Name %d", i)
			values := contacts.Attributes{}
			if v := people.value(i); v != "" {
				values[people.key], values["other"] = json.RawMessage(v), json.RawMessage(`"Ä"`)
			}
			_, err := tx.Exec(t.Context(), `INSERT INTO contacts (account_id, name, status, created_at, updated_at, attributes, attribute_expiry, folded)
				VALUES (?, ?, 'active', 1, 1, ?, '{}', ?)`, people.account, name, values.JSON(), contacts.Folded(name, "", "", values))
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// columnsOf reads JSON columns of every contact in the order of the ids.
func columnsOf(t testing.TB, s *Store, column string) []string {
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

// ruleProperties has a property of every type; keys are the types' names.
func ruleProperties() []property.Property {
	list := make([]property.Property, 0, len(property.Types()))
	for _, typ := range property.Types() {
		list = append(list, property.Property{Key: string(typ), Type: typ})
	}
	return list
}

// oneRule is a rule of one condition.
func oneRule(field, operator, value string) json.RawMessage {
	return fmt.Appendf(nil, `{"condition": "AND", "rules": [{"field": %q, "operator": %q, "value": %s}]}`, field, operator, value)
}

// unsubscribe opts the holder of an e-mail address out, as a link does.
func unsubscribe(ctx context.Context, s *Store, accountID int64, address string) error {
	_, err := s.OptOut(ctx, contacts.ConsentChange{AccountID: accountID, Kind: providers.Email, Address: address, Source: contacts.SourceLink, Actor: "recipient"})
	return err
}
