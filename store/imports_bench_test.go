package store_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/store/sqldb"
	"carillon/store/storetest"
)

// benchmarkRows is how many contacts one iteration imports.
const benchmarkRows = 100_000

// contactsCSV is a file of rows different contacts with two addresses, an
// external id, names, a language and two extra columns. The same seed makes the
// same contacts; the edition changes what is said of them.
func contactsCSV(rows int, seed uint64, edition int) []byte {
	random := rand.New(rand.NewPCG(seed, 0)) // repeatable on purpose
	var b bytes.Buffer
	b.WriteString("customer_id,email,phone,first_name,last_name,language,coupon,city\n")
	for i := range rows {
		fmt.Fprintf(&b, "c-%08d,user.%08x.%d@example%d.com,+4915%09d,First%d,Last%d,de,SAVE-%d-%d,Town %d\n",
			i, random.Uint32(), i, random.IntN(50), i, i%977, edition, edition, random.IntN(1e6), i%5000)
	}
	return b.Bytes()
}

func BenchmarkImport(b *testing.B) {
	storetest.EachBenchmark(b, func(b *testing.B, s *storetest.Store) {
		importer := contacts.NewImporter(s, s, contacts.ImportConfig{})
		account, _, err := s.EnsureAccount(b.Context(), "benchmark")
		require.NoError(b, err)
		run := func(b *testing.B, file []byte) contacts.Upload {
			upload, err := importer.Take(b.Context(), account.ID, "contacts.csv", bytes.NewReader(file), contacts.ImportOptions{})
			require.NoError(b, err)
			require.NoError(b, importer.Run(b.Context(), upload.ID))
			upload, err = s.GetUpload(b.Context(), account.ID, upload.ID)
			require.NoError(b, err)
			return upload
		}
		report := func(b *testing.B, rows int64) {
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(0, "ns/op")
		}
		b.Run("created", func(b *testing.B) {
			var rows int64
			for b.Loop() {
				b.StopTimer()
				truncateContacts(b, s)
				file := contactsCSV(benchmarkRows, 1, 0)
				b.StartTimer()
				upload := run(b, file)
				require.EqualValues(b, benchmarkRows, upload.Created)
				rows += upload.Rows
			}
			report(b, rows)
		})
		b.Run("updated", func(b *testing.B) {
			truncateContacts(b, s)
			run(b, contactsCSV(benchmarkRows, 1, 0))
			var rows int64
			for edition := 1; b.Loop(); edition++ {
				b.StopTimer()
				file := contactsCSV(benchmarkRows, 1, edition)
				b.StartTimer()
				upload := run(b, file)
				require.EqualValues(b, benchmarkRows, upload.Updated)
				rows += upload.Rows
			}
			report(b, rows)
		})
	})
}

// truncateContacts empties the tables as if they were new: what was deleted row
// by row would still be in PostgreSQL's indexes.
func truncateContacts(tb testing.TB, s *storetest.Store) {
	tb.Helper()
	empty := "DELETE FROM "
	if s.Postgres() {
		empty = "TRUNCATE TABLE "
	}
	require.NoError(tb, s.InTx(tb.Context(), func(tx sqldb.Conn) error {
		for _, table := range []string{"members", "addresses", "contacts"} {
			if _, err := tx.Exec(tb.Context(), empty+table); err != nil {
				return err
			}
		}
		return nil
	}))
}
