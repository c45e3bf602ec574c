package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/store/storetest"
)

// A value that its column can't hold costs the line that value: it is counted
// and named, also where a batch ends between, in a dry run as in an import. A
// line that is refused for another reason is counted once.
func TestImportTakesLinesWithoutWhatTheyCantHold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("incomplete")
		testContact(t, s, account, "held@example.com")
		file := "id,E-Mail,Telefon,Zeitzone,Sprache,Land\n" +
			"1,a@example.com,12,GMT+1,Deutsch,Türkiye\n" +
			"2,b@example.com,,europe/london,klingon,\n" +
			"3,held@example.com,12,,,\n" +
			"4,nobody,,,,\n" +
			"5,c@example.com,,,,\n"
		for _, options := range []contacts.ImportOptions{{DryRun: true}, {}} {
			upload := importCSV(t, s, account, csvFile{config: contacts.ImportConfig{BatchRecords: 2}, options: options, text: file})
			require.Equal(t, []int64{5, 3, 2, 2}, []int64{upload.Rows, upload.Created, upload.Incomplete, upload.Refused})
			var taken []bool
			var named []string
			for line, err := range s.UploadErrors(t.Context(), account, upload.ID) {
				require.NoError(t, err)
				taken = append(taken, line.Taken)
				named = append(named, line.Field+" "+line.Value)
			}
			require.Equal(t, []string{"timezone GMT+1", "phone 12", "language klingon", "email held@example.com", "email nobody"}, named)
			require.Equal(t, []bool{true, true, true, false, false}, taken)
		}
		// A number that somebody else has is as good as none.
		family := importCSV(t, s, account, csvFile{text: "email,phone\nf@example.com,+4930111111\ng@example.com,+4930111111\n,+4930111111\n"})
		require.Equal(t, []int64{2, 1, 1, 0}, []int64{family.Created, family.Duplicates, family.Incomplete, family.Refused})
		require.Regexp(t, `^3 phone "\+4930111111": contact \d+ holds this phone number \(left out`, refusedLines(t, s, family)[0])
		byHand := importCSV(t, s, account, csvFile{options: contacts.ImportOptions{Mapping: map[string]string{"phone": "phone"}},
			text: "email,phone\nh@example.com,+4930111111\n"})
		require.Equal(t, []int64{0, 0, 1}, []int64{byHand.Created, byHand.Incomplete, byHand.Refused})
		require.Equal(t, 6, s.Int("SELECT COUNT(*) FROM contacts WHERE account_id = ?", account))
	})
}
