package store_test

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/targeting"
)

// everything is the content of every table but the upload's own.
func everything(t testing.TB, s *storetest.Store) map[string]string {
	t.Helper()
	tables := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
	if s.Postgres() {
		tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
	}
	names, err := sqldb.Column[string](t.Context(), s.Reader(), tables)
	require.NoError(t, err)
	content := map[string]string{}
	for _, name := range names {
		if strings.HasPrefix(name, "upload") || name == "goose_db_version" {
			continue
		}
		var rows []string
		columns := s.Int(map[bool]string{
			false: "SELECT COUNT(*) FROM pragma_table_info(?)",
			true:  "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'public' AND table_name = ?",
		}[s.Postgres()], name)
		require.NoError(t, sqldb.Each(t.Context(), s.Reader(), func(scan sqldb.Scan) error {
			values, to := make([]any, columns), make([]any, columns)
			for i := range values {
				to[i] = &values[i]
			}
			err := scan(to...)
			rows = append(rows, fmt.Sprintf("%s", values))
			return err
		}, "SELECT * FROM "+name))
		sort.Strings(rows)
		content[name] = strings.Join(rows, "\n")
	}
	require.Greater(t, len(content), 20)
	return content
}

// TestADryRunSaysWhatAnImportDoesAndChangesNothing compares it with the import.
func TestADryRunSaysWhatAnImportDoesAndChangesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account, other := s.Account("rehearsed"), s.Account("other")
		importCSV(t, s, other, csvFile{text: "email\nx@example.com\n"})
		importCSV(t, s, account, csvFile{options: contacts.ImportOptions{Group: "Old"},
			text: "id,email,first_name,blocked\n1,a@example.com,Ann,\n2,b@example.com,Bob,1\n"})
		var file strings.Builder
		file.WriteString("id,email,first_name,blocked,groups,categories\n1,a@example.com,Anna,1,New,News\n,x@example.com,X,,Old,\n")
		for i := range 40 { // doubled far apart, refused, colliding with each other
			fmt.Fprintf(&file, "n%d,n%d@example.com,N,,New|G%d,\n", i%30, i%30, i%3)
			fmt.Fprintf(&file, "m%d,n%d@example.com,M,,,\nbad,nobody,,,,\n", i, i)
		}
		before := everything(t, s)
		config := contacts.ImportConfig{BatchRecords: 7}
		dry := importCSV(t, s, account, csvFile{config: config, options: contacts.ImportOptions{DryRun: true}, text: file.String()})
		require.Equal(t, before, everythingBut(t, s, before, dry), "nothing is changed")
		reason, err := s.CheckAudience(t.Context(), account, &targeting.Audience{Uploads: []int64{dry.ID}})
		require.NoError(t, err)
		require.Len(t, reason, 1, "it is no audience")

		done := importCSV(t, s, account, csvFile{config: config, text: file.String()})
		require.Equal(t, []int64{done.Rows, done.Created, done.Updated, done.Refused, done.Duplicates},
			[]int64{dry.Rows, dry.Created, dry.Updated, dry.Refused, dry.Duplicates})
		require.Positive(t, dry.Created)
		require.Positive(t, dry.Updated)
		require.Positive(t, dry.Duplicates)
		require.Len(t, refusedLines(t, s, dry), len(refusedLines(t, s, done)))
		require.NotEqual(t, before, everything(t, s))

		// One that was left begins anew.
		again := importAsFarAs(t, s, account, file.String())
		require.NoError(t, contacts.NewImporter(s, s, config).Run(t.Context(), again.ID))
		again, err = s.GetUpload(t.Context(), account, again.ID)
		require.NoError(t, err)
		require.Zero(t, again.Created, "the import was done meanwhile")
		require.Equal(t, done.Rows, again.Rows)
		require.Len(t, refusedLines(t, s, again), int(again.Refused))
	})
}

// everythingBut is everything without the list that a dry run has as an upload.
func everythingBut(t testing.TB, s *storetest.Store, before map[string]string, dry contacts.Upload) map[string]string {
	t.Helper()
	after := everything(t, s)
	rows := strings.Split(after["lists"], "\n")
	kept := rows[:0]
	for _, row := range rows {
		if !strings.HasPrefix(row, fmt.Sprintf("[%%!s(int64=%d) ", dry.ID)) {
			kept = append(kept, row)
		}
	}
	after["lists"] = strings.Join(kept, "\n")
	require.Len(t, after, len(before))
	return after
}

// importAsFarAs leaves a dry run after three batches, as a killed process does.
func importAsFarAs(t testing.TB, s *storetest.Store, account int64, csv string) contacts.Upload {
	t.Helper()
	const batches = 3
	stopping := &stoppingStore{Store: s, left: batches}
	importer := contacts.NewImporter(s, stopping, contacts.ImportConfig{BatchRecords: 7})
	upload, err := importer.Take(t.Context(), account, "left.csv", strings.NewReader(csv), contacts.ImportOptions{DryRun: true})
	require.NoError(t, err)
	require.ErrorIs(t, importer.Run(t.Context(), upload.ID), errLeft)
	left, err := s.GetUpload(t.Context(), account, upload.ID)
	require.NoError(t, err)
	require.EqualValues(t, batches*7, left.Records)
	return left
}

var errLeft = errors.New("stopped")

// stoppingStore ends a dry run after some batches.
type stoppingStore struct {
	*storetest.Store
	left int
}

func (s *stoppingStore) Rehearse(ctx context.Context, u contacts.Upload) (contacts.Rehearsal, error) {
	r, err := s.Store.Rehearse(ctx, u)
	return &stoppingRehearsal{r, s}, err
}

type stoppingRehearsal struct {
	contacts.Rehearsal
	store *stoppingStore
}

func (r *stoppingRehearsal) ImportBatch(ctx context.Context, b contacts.ImportBatch) error {
	if r.store.left == 0 {
		return errLeft
	}
	r.store.left--
	return r.Rehearsal.ImportBatch(ctx, b)
}
