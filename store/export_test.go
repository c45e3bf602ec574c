package store_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts/csvfile"
	"carillon/contacts/property"
	"carillon/store/storetest"
	"carillon/targeting"
)

// What is exported can be taken in again and changes nothing.
func TestAnExportComesBackAsItWent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("exported")
		for _, p := range []property.Property{
			{Key: "plan", Label: "Tarif", Type: property.Text, Default: json.RawMessage(`"=1+1"`)},
			{Key: "tags", Type: property.Collection},
			{Key: "vip", Type: property.Checkbox},
			{Key: "score", Type: property.Percent},
		} {
			p.AccountID = account
			_, err := s.CreateProperty(t.Context(), p)
			require.NoError(t, err)
		}
		var file strings.Builder
		file.WriteString("external_id,email,phone,telegram,name,language,timezone,status,groups,labels,categories,plan,tags,vip,score\n")
		file.WriteString("'=x,a@example.com,+491711234567,123,@Ann,de,Europe/Berlin,active,VIP|\"\"Q\"\",red,News,-plan,a|b c,yes,12.5\n")
		for i := range 2500 {
			fmt.Fprintf(&file, "%d,,,,\"N %d\nx\",,,%s,,,,,,,\n", i, i, []string{"blocked", "inactive", "active"}[i%3])
		}
		importCSV(t, s, account, csvFile{text: strings.ReplaceAll(file.String(), `""Q""`, "Q")})

		export := func(a targeting.Audience) (string, int) {
			x, err := targeting.NewExporter(s).Begin(t.Context(), account, a)
			require.NoError(t, err)
			var out bytes.Buffer
			w := csv.NewWriter(&out)
			require.NoError(t, w.Write(x.Header))
			n := 0
			require.NoError(t, x.Write(t.Context(), func(cells ...string) error {
				require.Len(t, cells, len(x.Header))
				for i := range cells {
					cells[i] = csvfile.Harmless(cells[i])
				}
				n++
				return w.Write(cells)
			}))
			w.Flush()
			return out.String(), n
		}
		first, n := export(targeting.Audience{All: true})
		require.Equal(t, 2501, n)
		lines := strings.SplitN(first, "\n", 3)
		require.Contains(t, lines[1], "'=x,a@example.com,+491711234567,123,'@Ann,,,de,Europe/Berlin,active,Q|VIP,red,News,'-plan,12.5,a|b c,true,")
		again := importCSV(t, s, account, csvFile{text: first})
		require.EqualValues(t, 2501, again.Updated)
		second, _ := export(targeting.Audience{All: true})
		require.Zero(t, strings.Compare(first, second), "nothing has changed") // not shown as a difference: it is long

		var vip int64
		require.NoError(t, s.Reader().Row(t.Context(), "SELECT id FROM lists WHERE name = 'VIP'").Scan(&vip))
		_, n = export(targeting.Audience{Groups: []int64{vip}})
		require.Equal(t, 1, n)
		_, n = export(targeting.Audience{All: true, Exclude: &targeting.Exclude{Groups: []int64{vip}}})
		require.Equal(t, 2500, n)
		_, err := targeting.NewExporter(s).Begin(t.Context(), account, targeting.Audience{})
		require.Error(t, err, "an audience names somebody")
	})
}
