package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/messylist"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/targeting"
)

// A list as offices keep it becomes contacts that rules can tell apart, and what is wrong in
// it is counted with what to do.
func TestMessyList(t *testing.T) {
	var list bytes.Buffer
	require.NoError(t, messylist.Write(&list))
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("messy")
		dry := importCSV(t, s, account, csvFile{config: contacts.ImportConfig{BatchRecords: 2},
			options: contacts.ImportOptions{DryRun: true, Properties: true}, text: list.String()})
		require.EqualValues(t, messylist.People, dry.Created)
		require.EqualValues(t, 1, dry.Refused, "the total")
		require.EqualValues(t, messylist.JunkPhones, dry.Incomplete)
		var phones, totals contacts.Fault
		for _, f := range dry.Faults {
			if f.Field == "phone" {
				phones = f
			} else {
				totals = f
			}
		}
		require.Len(t, dry.Faults, 2, dry.Faults)
		require.Equal(t, "Telefon", phones.Column)
		require.EqualValues(t, messylist.JunkPhones, phones.LeftOut)
		require.Equal(t, contacts.LeaveOut, phones.Remedy())
		require.EqualValues(t, 1, totals.Refused)
		require.Equal(t, contacts.Correct, totals.Remedy())
		require.Len(t, dry.Preview, contacts.PreviewPeople)
		require.Equal(t, "Jürgen", dry.Preview[0].FirstName)
		require.Equal(t, "Müller", dry.Preview[0].LastName)
		require.Equal(t, map[string]string{"email": "person0@example.org", "phone": "+491711000000"}, dry.Preview[0].Addresses)
		// The people are shown as they would be: with the properties that a dry run does not make.
		require.JSONEq(t, "10.5", string(dry.Preview[0].Attributes["umsatz"]))
		require.JSONEq(t, `"80331"`, string(dry.Preview[0].Attributes["plz"]))
		require.Contains(t, string(dry.Preview[0].Row), "10,50", "templates find it as the file has it, too")
		types := map[string]property.Type{}
		for _, p := range dry.Proposed {
			types[p.Key] = p.Type
			require.EqualValues(t, messylist.People, p.Values, p.Key)
		}
		require.Equal(t, map[string]property.Type{
			"plz": property.Text, "ort": property.Text, "umsatz": property.Number, "geburtstag": property.Date, "newsletter": property.Checkbox,
		}, types)
		made, err := s.ListProperties(ctx, account)
		require.NoError(t, err)
		require.Empty(t, made, "a dry run makes none")
		require.Zero(t, s.Int("SELECT COUNT(*) FROM contacts"))

		plain := importCSV(t, s, account, csvFile{options: contacts.ImportOptions{DryRun: true}, text: list.String()})
		require.Contains(t, plain.Notices[len(plain.Notices)-1], `"Umsatz", "Geburtstag", "Newsletter"; --properties`)

		upload := importCSV(t, s, account, csvFile{
			options: contacts.ImportOptions{Properties: true, Mapping: map[string]string{"Telefon": "-"}}, text: list.String()})
		require.Zero(t, upload.Incomplete)
		require.Len(t, upload.Faults, 1)
		require.Empty(t, upload.Preview)
		require.Len(t, upload.Proposed, 5)
		rules := targeting.NewRules(s)
		for text, people := range map[string]int64{
			`{"field":"attributes.umsatz","operator":"greater","value":1000}`:           messylist.Rich,
			`{"field":"attributes.plz","operator":"equal","value":"01067"}`:             messylist.People / 5,
			`{"field":"attributes.geburtstag","operator":"less","value":"1951-01-01"}`:  messylist.People / 50,
			`{"field":"attributes.newsletter","operator":"equal","value":false}`:        167,
			`{"field":"first_name","operator":"equal","value":"anna  maria"}`:           63,
			`{"field":"attributes.geburtstag","operator":"equal","value":"1950-01-01"}`: 1,
		} {
			audience, err := rules.Audience(ctx, account, json.RawMessage(`{"condition":"AND","rules":[`+text+`]}`))
			require.NoError(t, err)
			counted, err := rules.Count(ctx, account, audience, "")
			require.NoError(t, err)
			require.Equal(t, people, counted.Total, text)
		}

		_, err = contacts.NewContacts(s).Erase(ctx, account, s.IDs("SELECT id FROM contacts ORDER BY id LIMIT 1")[0], false)
		require.NoError(t, err)
		require.Zero(t, s.Int("SELECT COUNT(*) FROM uploads WHERE preview <> '[]' OR proposed <> '[]'"))
	})
}

// Every fault of a line is named at once, and dates and numbers are read as the file writes
// them once somebody has said how.
func TestEveryFaultOfALine(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("faults")
		for _, p := range []property.Property{{Key: "age", Type: property.Number}, {Key: "born", Type: property.Date}, {Key: "spent", Type: property.Number}} {
			p.AccountID = account
			_, err := contacts.NewProperties(s).Create(t.Context(), p)
			require.NoError(t, err)
		}
		strict := importCSV(t, s, account, csvFile{options: contacts.ImportOptions{Strict: true}, text: "email;phone;language;age\n" +
			"nobody;many;??;old\nann@example.org;;de;7\n"})
		require.EqualValues(t, 1, strict.Refused)
		require.EqualValues(t, 1, strict.Created)
		require.Len(t, refusedLines(t, s, strict), 4)
		require.Len(t, strict.Faults, 4)

		const loose = "email;born;spent\nann@example.org;03/04/1981;1.234\nbob@example.org;23/04/1981;12,50\n"
		unsure := importCSV(t, s, account, csvFile{text: loose})
		require.EqualValues(t, 2, unsure.Incomplete)
		require.Equal(t, contacts.SayDates, unsure.Faults[0].Remedy())
		require.Equal(t, []string{
			`"born" has its dates with the day first, such as 03/04/1981: --dates dmy takes them`,
			`"spent" has numbers such as 1.234: --decimal , reads a comma before the fraction, as its other numbers`,
		}, unsure.Notices)
		said := importCSV(t, s, account, csvFile{options: contacts.ImportOptions{Dates: property.DayFirst, Decimal: ","}, text: loose})
		require.Zero(t, said.Incomplete)
		require.Empty(t, said.Notices)
		require.Empty(t, said.Faults)

		// What tells how they are to be read may stand far behind the first lines.
		var long strings.Builder
		long.WriteString("email;born;spent\n")
		for i := range 300 {
			fmt.Fprintf(&long, "p%d@example.org;03/04/1981;1.234\n", i)
		}
		unknown := importCSV(t, s, account, csvFile{options: contacts.ImportOptions{DryRun: true}, text: long.String()})
		require.Contains(t, unknown.Notices[0], "of which nobody can tell the day")
		long.WriteString("last@example.org;23/04/1981;1.234,50\n")
		for _, options := range []contacts.ImportOptions{{DryRun: true}, {}} {
			require.Equal(t, unsure.Notices, importCSV(t, s, account, csvFile{options: options, text: long.String()}).Notices)
		}
		made := importCSV(t, s, s.Account("elsewhere"), csvFile{options: contacts.ImportOptions{DryRun: true, Properties: true}, text: long.String()})
		require.Equal(t, unsure.Notices, made.Notices)
		kept, err := sqldb.Column[[]byte](t.Context(), s.Reader(), "SELECT attributes FROM contacts ORDER BY id LIMIT 1")
		require.NoError(t, err)
		require.JSONEq(t, `{"age":7,"born":"1981-04-03","spent":1234}`, string(kept[0]))

		_, err = contacts.NewImporter(s, s, contacts.ImportConfig{}).Take(t.Context(), account, "x.csv", bytes.NewReader([]byte(loose)),
			contacts.ImportOptions{Dates: "ddmmyy", Decimal: ";"})
		require.ErrorContains(t, err, "use dmy, mdy or ymd")
		require.ErrorContains(t, err, "stands before no fraction")
	})
}

// dying fails where a process may die: when so many properties are made, or batches written.
type dying struct {
	*storetest.Store
	properties, batches int
}

var errDied = errors.New("the process died")

func (d *dying) CreateProperty(ctx context.Context, p property.Property) (property.Property, error) {
	if d.properties--; d.properties < 0 {
		return p, errDied
	}
	return d.Store.CreateProperty(ctx, p)
}

func (d *dying) ImportBatch(ctx context.Context, b contacts.ImportBatch) error {
	if d.batches--; d.batches < 0 {
		return errDied
	}
	return d.Store.ImportBatch(ctx, b)
}

// However far an import was that makes properties, what goes on with it makes the others, and
// everybody has every value.
func TestAnImportThatMakesPropertiesGoesOnWhereItDied(t *testing.T) {
	var list bytes.Buffer
	require.NoError(t, messylist.Write(&list))
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("died")
		options := contacts.ImportOptions{Properties: true, Mapping: map[string]string{"Telefon": "-"}}
		const never = 1 << 30
		var id int64
		for i, at := range []dying{{s, 0, never}, {s, 2, never}, {s, never, 0}, {s, never, 3}, {s, never, never}} {
			importer := contacts.NewImporter(s, &at, contacts.ImportConfig{BatchRecords: 50})
			if i == 0 {
				upload, err := importer.Take(t.Context(), account, "kunden.csv", bytes.NewReader(list.Bytes()), options)
				require.NoError(t, err)
				id = upload.ID
			}
			err := importer.Run(t.Context(), id)
			if at.properties < 0 || at.batches < 0 {
				require.ErrorIs(t, err, errDied)
			} else {
				require.NoError(t, err)
			}
		}
		upload, err := s.GetUpload(t.Context(), account, id)
		require.NoError(t, err)
		require.Equal(t, []int64{messylist.People, 0, 1}, []int64{upload.Created, upload.Updated, upload.Refused})
		require.Len(t, upload.Proposed, 5, "those that were made before it died among them")
		made, err := s.ListProperties(t.Context(), account)
		require.NoError(t, err)
		require.Len(t, made, 5)
		for _, p := range made {
			has := s.Int("SELECT COUNT(*) FROM contacts WHERE account_id = ? AND CAST(attributes AS TEXT) LIKE ?", account, `%"`+p.Key+`":%`)
			require.Equal(t, messylist.People, has, p.Key)
		}
	})
}
