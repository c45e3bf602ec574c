package demo_test

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"carillon/contacts/csvfile"
	"carillon/demo"
)

// TestContacts counts what an importer makes of the sample, so that the demo's
// table can be checked against it.
func TestContacts(t *testing.T) {
	rd, err := csvfile.Open(bytes.NewReader(demo.Contacts), csvfile.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"plan", "coupon", "city"}, rd.ExtraKeys())
	for _, f := range []csvfile.Field{
		csvfile.FieldExternalID, csvfile.FieldEmail, csvfile.FieldPhone, csvfile.FieldFirstName, csvfile.FieldLastName,
		csvfile.FieldLanguage, csvfile.FieldTimezone, csvfile.FieldCountry,
	} {
		require.True(t, rd.Has(f), f)
	}
	require.Equal(t, "utf-8", rd.Encoding())
	require.Len(t, rd.Notices(), 1, "one line is not UTF-8")

	var (
		rows, withEmail, withPhone, withNeither int
		refused, without                        = map[string]int{}, map[string]int{}
		keys                                    = map[string]int{}
		emails                                  = map[string]string{}
		countries, languages, zones, scripts    = map[string]bool{}, map[string]bool{}, map[string]bool{}, map[rune]bool{}
	)
	for {
		row, err := rd.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		var bad *csvfile.LineError
		if errors.As(err, &bad) {
			refused[bad.Code]++
			t.Log(bad)
			continue
		}
		require.NoError(t, err)
		for _, lost := range row.Lost {
			without[lost.Code]++
		}
		rows++
		email := strings.ToLower(row.Email)
		key := cmp.Or(row.ExternalID, email, row.Phone)
		keys[key]++
		countries[row.Country], languages[row.Language], zones[row.Timezone] = true, true, true
		for _, r := range row.FirstName + row.LastName {
			if r >= utf8.RuneSelf {
				scripts[r>>8] = true
			}
		}
		if email != "" {
			withEmail++
			if before, ok := emails[email]; ok {
				require.Equal(t, before, key, "one address, one contact")
			}
			emails[email] = key
		}
		if row.Phone != "" {
			withPhone++
		}
		if row.Email == "" && row.Phone == "" {
			withNeither++
		}
	}
	require.Equal(t, map[string]int{
		csvfile.CodeEmail: 5, csvfile.CodeRagged: 1, csvfile.CodeQuote: 2, csvfile.CodeNoAddress: 2, csvfile.CodeEncoding: 1,
	}, refused)
	require.Equal(t, map[string]int{
		csvfile.CodePhone: 6, csvfile.CodeLanguage: 1, csvfile.CodeTimezone: 2, csvfile.CodeCountry: 1, csvfile.CodeControl: 1,
		csvfile.CodeTooLong: 1, csvfile.CodeFurther: 1,
	}, without)
	counts := map[string]int{"rows": rows, "contacts": len(keys), "email": withEmail, "phone": withPhone, "neither": withNeither}
	require.Equal(t, map[string]int{"rows": 2609, "contacts": 2577, "email": 2338, "phone": 2034, "neither": 63}, counts)
	require.GreaterOrEqual(t, len(countries), 30)
	require.GreaterOrEqual(t, len(languages), 30)
	require.GreaterOrEqual(t, len(zones), 40)
	require.GreaterOrEqual(t, len(scripts), 12)
}
