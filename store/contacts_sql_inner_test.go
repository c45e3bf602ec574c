package store

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/store/sqldb"
)

// TestABatchOfContactsReadsNoWholeTable: SQLite reads the rows of the batch and looks each up.
// The other way round, which it takes where a statement leaves it no choice, costs the batch
// times the table.
func TestABatchOfContactsReadsNoWholeTable(t *testing.T) {
	s := openTestStore(t, sqliteDSN(t))
	parameters := regexp.MustCompile(`\?\d*`)
	looked := 0
	for field, statement := range reflect.ValueOf(sqliteContacts).Fields() {
		text := statement.String()
		if statement.Kind() == reflect.Struct {
			text = statement.FieldByName("statement").String()
		}
		if !strings.Contains(text, "_each(?") {
			continue
		}
		looked++
		require.NoError(t, sqldb.Each(t.Context(), s.reader(), func(scan sqldb.Scan) error {
			var id, parent, unused int
			var step string
			err := scan(&id, &parent, &unused, &step)
			require.NotRegexp(t, `^SCAN (contacts|addresses|members|consents|c|a)\b`, step, field.Name)
			return err
		}, "EXPLAIN QUERY PLAN "+parameters.ReplaceAllString(text, "''")), field.Name)
	}
	require.Greater(t, looked, 10)
}
