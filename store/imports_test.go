package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/internal/testenv"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/store/storetest"
)

// csvFile is a file that a test takes in, and how.
type csvFile struct {
	config  contacts.ImportConfig
	options contacts.ImportOptions
	text    string
}

// importCSV takes a file in and imports it.
func importCSV(t testing.TB, s *storetest.Store, account int64, csv csvFile) contacts.Upload {
	t.Helper()
	importer := contacts.NewImporter(s, s, csv.config)
	upload, err := importer.Take(t.Context(), account, "people.csv", strings.NewReader(csv.text), csv.options)
	require.NoError(t, err)
	require.NoError(t, importer.Run(t.Context(), upload.ID))
	upload, err = s.GetUpload(t.Context(), account, upload.ID)
	require.NoError(t, err)
	require.Equal(t, contacts.UploadFinished, upload.State)
	require.Equal(t, upload.Size, upload.BytesRead)
	require.Equal(t, upload.Rows, upload.Created+upload.Updated+upload.Duplicates+upload.Refused, "every line is accounted for")
	return upload
}

func refusedLines(t testing.TB, s *storetest.Store, upload contacts.Upload) []string {
	t.Helper()
	lines := []string{}
	for line, err := range s.UploadErrors(t.Context(), upload.AccountID, upload.ID) {
		require.NoError(t, err)
		lines = append(lines, fmt.Sprintf("%d %s %q: %s", line.Line, line.Field, line.Value, line.Reason))
	}
	return lines
}

// memberData is what an upload's list holds, by e-mail address.
func memberData(t testing.TB, s *storetest.Store, listID int64) map[string]string {
	t.Helper()
	data, err := sqldb.Map[string, string](t.Context(), s.Reader(),
		`SELECT a.address, COALESCE(m.data, '') FROM members m JOIN addresses a ON a.contact_id = m.contact_id AND a.kind = 'email'
		WHERE m.list_id = ?`, listID)
	require.NoError(t, err)
	return data
}

func TestImport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account, other := s.Account("one"), s.Account("other")
		testContact(t, s, other, "ann@example.com")
		upload := importCSV(t, s, account, csvFile{options: contacts.ImportOptions{DefaultCountry: "DE", Group: " Friends  of ours"}, text: "" +
			"Customer ID;E-Mail;Telefon;Vorname;Nachname;Land;Coupon Code\n" +
			"7;Ann@Example.com;030 1234567;Ann;\"O'Neil \"\"A\"\"\";DE;SAVE-10\n" +
			"8;bob@example;;Bob;;;\n" +
			"9;;0664 1234567;Zoë;;AT;\n" +
			"7;;;Anna;;;SAVE-20\n"})
		require.EqualValues(t, 4, upload.Rows)
		require.EqualValues(t, 2, upload.Created)
		require.EqualValues(t, 1, upload.Refused)
		require.EqualValues(t, 1, upload.Duplicates)
		require.Equal(t, []string{"coupon_code", "country"}, upload.Columns)
		lines := refusedLines(t, s, upload)
		require.Len(t, lines, 1)
		require.Contains(t, lines[0], `3 email "bob@example"`)

		ann, err := s.FindContact(ctx, account, providers.Email, "ann@example.com")
		require.NoError(t, err)
		require.Equal(t, "7", ann.ExternalID)
		require.Equal(t, "Anna", ann.FirstName, "the last line wins")
		require.Equal(t, `O'Neil "A"`, ann.LastName, "an empty cell erases nothing")
		require.Equal(t, "+49301234567", ann.Addresses[providers.Phone])
		require.Equal(t, contacts.Active, ann.Status)
		zoe, err := s.FindContact(ctx, account, providers.Phone, "+436641234567")
		require.NoError(t, err)
		require.Equal(t, "Zoë", zoe.FirstName)
		require.JSONEq(t, `{"coupon_code":"SAVE-20","country":"DE"}`, memberData(t, s, upload.ID)["ann@example.com"])

		groups, err := s.ListGroups(ctx, account, 0, 10)
		require.NoError(t, err)
		require.Len(t, groups, 1)
		require.Equal(t, "Friends of ours", groups[0].Name)
		require.EqualValues(t, 2, groups[0].Members)
	})
}

func TestImportAgainDoublesNobody(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("one")
		config := contacts.ImportConfig{BatchRecords: 40}
		file := string(contactsCSV(100, 1, 0))
		first := importCSV(t, s, account, csvFile{config: config, text: file})
		require.EqualValues(t, 100, first.Created)
		state := dumpContacts(t, s, account)
		second := importCSV(t, s, account, csvFile{config: config, text: file})
		require.EqualValues(t, 100, second.Updated)
		require.Zero(t, second.Created)
		require.Equal(t, state, dumpContacts(t, s, account))
		require.Equal(t, memberData(t, s, first.ID), memberData(t, s, second.ID), "either upload is an audience of its own")

		changed := importCSV(t, s, account, csvFile{config: config, text: string(contactsCSV(100, 1, 7))})
		require.EqualValues(t, 100, changed.Updated)
		require.Contains(t, dumpContacts(t, s, account)[0], "Last7")
		require.Len(t, dumpContacts(t, s, account), 100)
	})
}

func TestImportKeys(t *testing.T) {
	const header = "external_id,email,phone,first_name\n"
	for name, test := range map[string]struct {
		key     contacts.KeyField
		line    string
		want    string // the stored contact afterwards; empty if the line is refused
		refused string
	}{
		"any, by external id":       {contacts.ByAny, "x1,new@example.com,,New", "x1 new@example.com +4930111111 New", ""},
		"any, by e-mail":            {contacts.ByAny, ",A@Example.com,,New", "x1 a@example.com +4930111111 New", ""},
		"any, by phone":             {contacts.ByAny, ",,+4930111111,New", "x1 a@example.com +4930111111 New", ""},
		"any, another's address":    {contacts.ByAny, "x2,a@example.com,,New", "", `email "a@example.com": contact %d holds this e-mail address`},
		"by e-mail, new id":         {contacts.ByEmail, "x9,a@example.com,,New", "x9 a@example.com +4930111111 New", ""},
		"by e-mail, without one":    {contacts.ByEmail, "x1,,,New", "", `email "": the line has no e-mail address`},
		"by e-mail, another's id":   {contacts.ByEmail, "x1,other@example.com,,New", "", `external_id "x1": contact %d holds this external id`},
		"by phone, new e-mail":      {contacts.ByPhone, ",n@example.com,+4930111111,", "x1 n@example.com +4930111111 Old", ""},
		"by external id":            {contacts.ByExternalID, "x1,,+4930222222,", "x1 a@example.com +4930222222 Old", ""},
		"by external id, without":   {contacts.ByExternalID, ",a@example.com,,", "", `external_id "": the line has no external id`},
		"by external id, held":      {contacts.ByExternalID, "x5,,+4930111111,", "", `phone "+4930111111": contact %d holds this phone number`},
		"nothing but what is known": {contacts.ByAny, "x1,,,", "x1 a@example.com +4930111111 Old", ""},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *storetest.Store) {
				account := s.Account("one")
				before := importCSV(t, s, account, csvFile{text: header + "x1,a@example.com,+4930111111,Old\n"})
				require.EqualValues(t, 1, before.Created)
				contact, err := s.FindContact(t.Context(), account, providers.Email, "a@example.com")
				require.NoError(t, err)
				upload := importCSV(t, s, account, csvFile{options: contacts.ImportOptions{Key: test.key}, text: header + test.line + "\n"})
				if test.refused != "" {
					lines := refusedLines(t, s, upload)
					require.Len(t, lines, 1)
					want := test.refused
					if strings.Contains(want, "%d") {
						want = fmt.Sprintf(want, contact.ID)
					}
					require.Contains(t, lines[0], "2 "+want)
					require.Empty(t, memberData(t, s, upload.ID), "who is refused is not in the audience")
					test.want = "x1 a@example.com +4930111111 Old"
				} else {
					require.EqualValues(t, 1, upload.Updated)
				}
				after, err := s.GetContact(t.Context(), account, contact.ID)
				require.NoError(t, err)
				require.Equal(t, test.want, strings.Join([]string{
					after.ExternalID, after.Addresses[providers.Email], after.Addresses[providers.Phone], after.FirstName,
				}, " "))
			})
		})
	}
}

// TestImportMovesAddresses has contacts hand their addresses and ids to each
// other within one batch.
func TestImportMovesAddresses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("one")
		importCSV(t, s, account, csvFile{text: "external_id,email\n1,a@example.com\n2,b@example.com\n"})
		upload := importCSV(t, s, account, csvFile{text: "external_id,email\n" +
			"1,spare@example.com\n2,a@example.com\n1,b@example.com\n3,spare@example.com\n"})
		require.Empty(t, refusedLines(t, s, upload))
		require.EqualValues(t, 2, upload.Updated)
		require.EqualValues(t, 1, upload.Duplicates)
		require.EqualValues(t, 1, upload.Created)
		upload = importCSV(t, s, account, csvFile{options: contacts.ImportOptions{Key: contacts.ByEmail}, text: "external_id,email\n" +
			"spare,a@example.com\n2,b@example.com\n1,spare@example.com\n"})
		require.Empty(t, refusedLines(t, s, upload))
		require.Equal(t, []string{
			"1|||||spare@example.com||0", "2|||||b@example.com||0", "spare|||||a@example.com||0",
		}, dumpContacts(t, s, account), "each line takes what the one before it gave up")
	})
}

// dumpContacts is everything stored of an account's contacts, in an order that
// does not depend on ids.
func dumpContacts(t testing.TB, s *storetest.Store, account int64) []string {
	t.Helper()
	dump := []string{}
	require.NoError(t, sqldb.Each(t.Context(), s.Reader(), func(scan sqldb.Scan) error {
		parts := make([]string, 8)
		to := make([]any, len(parts))
		for i := range parts {
			to[i] = &parts[i]
		}
		err := scan(to...)
		dump = append(dump, strings.Join(parts, "|"))
		return err
	}, `SELECT COALESCE(c.external_id, ''), c.first_name, c.last_name, c.language, c.timezone,
		COALESCE((SELECT a.address FROM addresses a WHERE a.contact_id = c.id AND a.kind = 'email'), ''),
		COALESCE((SELECT a.address FROM addresses a WHERE a.contact_id = c.id AND a.kind = 'phone'), ''),
		CAST((SELECT COUNT(*) FROM members m JOIN lists l ON l.id = m.list_id WHERE m.contact_id = c.id AND l.kind = 'group') AS TEXT)
		FROM contacts c WHERE c.account_id = ?`, account))
	sort.Strings(dump)
	return dump
}

// messyCSV is a file in which people come again, clash and are wrong.
func messyCSV(rows int, seed uint64) string {
	random := rand.New(rand.NewPCG(seed, 1)) // repeatable on purpose
	var b strings.Builder
	b.WriteString("external_id,email,phone,first_name,coupon\n")
	optional := func(format string, n int) string {
		if random.IntN(3) == 0 {
			return ""
		}
		return fmt.Sprintf(format, random.IntN(n))
	}
	for range rows {
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s\n", optional("id-%d", rows/2), optional("p%d@example.com", rows), optional("+4930%06d", rows),
			optional("Name %d", 1000), optional("c-%d", 50))
	}
	return b.String()
}

// killedStore dies in the nth batch, before or after its commit, and does
// nothing afterwards: what a kill leaves behind.
type killedStore struct {
	*storetest.Store
	left  int
	after bool
}

var errKilled = errors.New("killed")

func (k *killedStore) ImportBatch(ctx context.Context, b contacts.ImportBatch) error {
	if k.left--; k.left > 0 {
		return k.Store.ImportBatch(ctx, b)
	}
	if k.after {
		if err := k.Store.ImportBatch(ctx, b); err != nil {
			return err
		}
	}
	return errKilled
}

func (k *killedStore) ReleaseUpload(context.Context, int64) error { return errKilled }

func TestKilledImportGoesOnWhereItStopped(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		config := contacts.ImportConfig{BatchRecords: 25}
		options := contacts.ImportOptions{Group: "all"}
		file := messyCSV(240, 7)
		outcome := func(u contacts.Upload) string {
			return fmt.Sprint(u.State, u.Records, u.BytesRead, u.Rows, u.Created, u.Updated, u.Refused, u.Duplicates)
		}
		reference := s.Account("uninterrupted")
		whole := importCSV(t, s, reference, csvFile{config: config, options: options, text: file})
		require.Positive(t, whole.Refused)
		require.Positive(t, whole.Duplicates)
		want, wantData, wantLines := dumpContacts(t, s, reference), memberData(t, s, whole.ID), refusedFields(t, s, whole)

		for batch := 1; batch <= 10; batch++ {
			for _, after := range []bool{false, true} {
				account := s.Account(fmt.Sprint("killed in batch ", batch, after))
				killed := &killedStore{Store: s, left: batch, after: after}
				importer := contacts.NewImporter(s, killed, config)
				upload, err := importer.Take(ctx, account, "people.csv", strings.NewReader(file), options)
				require.NoError(t, err)
				require.ErrorIs(t, importer.Run(ctx, upload.ID), errKilled)

				restarted := contacts.NewImporter(s, s, config)
				require.True(t, fault.Is(restarted.Run(ctx, upload.ID), fault.Conflict), "it may still be alive elsewhere")
				require.NoError(t, s.ReleaseUpload(ctx, upload.ID), "as time does")
				ran, err := restarted.RunNext(ctx)
				require.NoError(t, err)
				require.True(t, ran)
				upload, err = s.GetUpload(ctx, account, upload.ID)
				require.NoError(t, err)
				require.Equal(t, outcome(whole), outcome(upload))
				require.Equal(t, want, dumpContacts(t, s, account))
				require.Equal(t, wantData, memberData(t, s, upload.ID))
				require.Equal(t, wantLines, refusedFields(t, s, upload))
			}
		}
		ran, err := contacts.NewImporter(s, s, config).RunNext(ctx)
		require.NoError(t, err)
		require.False(t, ran)
	})
}

// refusedFields is which fields of which lines were refused, without the ids
// that the reasons name.
func refusedFields(t testing.TB, s *storetest.Store, upload contacts.Upload) []string {
	t.Helper()
	var lines []string
	for _, line := range refusedLines(t, s, upload) {
		lines = append(lines, line[:strings.IndexByte(line, ':')])
	}
	return lines
}

func TestImportDoesNotDependOnBatches(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		file := messyCSV(300, 11)
		var want []string
		var wantData map[string]string
		for _, records := range []int64{300, 1, 7, 64} {
			account := s.Account(strconv.FormatInt(records, 10))
			upload := importCSV(t, s, account, csvFile{config: contacts.ImportConfig{BatchRecords: records}, text: file})
			if want == nil {
				want, wantData = dumpContacts(t, s, account), memberData(t, s, upload.ID)
			}
			require.Equal(t, want, dumpContacts(t, s, account))
			got := memberData(t, s, upload.ID)
			require.Len(t, got, len(wantData))
			for address, data := range wantData {
				if data == "" {
					require.Empty(t, got[address])
					continue
				}
				require.JSONEq(t, data, got[address])
			}
		}
	})
}

func TestCanceledImportCanGoOnAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("one")
		file := contactsCSV(200, 3, 0)
		ctx, cancel := context.WithCancel(t.Context())
		canceling := &cancelingStore{Store: s, cancel: cancel}
		importer := contacts.NewImporter(s, canceling, contacts.ImportConfig{BatchRecords: 20})
		upload, err := importer.Take(ctx, account, "people.csv", bytes.NewReader(file), contacts.ImportOptions{})
		require.NoError(t, err)
		require.ErrorIs(t, importer.Run(ctx, upload.ID), context.Canceled)
		stopped, err := s.GetUpload(t.Context(), account, upload.ID)
		require.NoError(t, err)
		require.Equal(t, contacts.UploadRunning, stopped.State)
		require.Less(t, stopped.Records, int64(200))
		ran, err := contacts.NewImporter(s, s, contacts.ImportConfig{}).RunNext(t.Context())
		require.NoError(t, err)
		require.True(t, ran)
		require.Len(t, dumpContacts(t, s, account), 200)
	})
}

// cancelingStore ends the import's context after the third batch.
type cancelingStore struct {
	*storetest.Store
	cancel  context.CancelFunc
	batches int
}

func (c *cancelingStore) ImportBatch(ctx context.Context, b contacts.ImportBatch) error {
	err := c.Store.ImportBatch(ctx, b)
	if c.batches++; c.batches == 3 {
		c.cancel()
	}
	return err
}

func TestTwoProcessesNeverCarryOutTheSameLines(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		second := storetest.Open(t, s.DSN)
		config := contacts.ImportConfig{BatchRecords: 50}
		upload, err := contacts.NewImporter(s, s, config).Take(ctx, account, "people.csv", bytes.NewReader(contactsCSV(1000, 5, 0)), contacts.ImportOptions{})
		require.NoError(t, err)
		// Both believe that the other is dead, whenever they begin.
		var wait sync.WaitGroup
		for _, process := range []*storetest.Store{s, second} {
			wait.Go(func() {
				importer := contacts.NewImporter(process, process, config)
				for {
					if err := process.ReleaseUpload(ctx, upload.ID); err != nil {
						panic(err)
					}
					done, err := process.GetUpload(ctx, account, upload.ID)
					if err != nil || done.State == contacts.UploadFinished {
						return
					}
					if err := importer.Run(ctx, upload.ID); err != nil && !fault.Is(err, fault.Conflict) {
						panic(err)
					}
				}
			})
		}
		wait.Wait()
		done, err := s.GetUpload(ctx, account, upload.ID)
		require.NoError(t, err)
		require.EqualValues(t, 1000, done.Rows)
		require.EqualValues(t, 1000, done.Created)
		require.Len(t, dumpContacts(t, s, account), 1000)
	})
}

func TestImportsAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		importer := contacts.NewImporter(s, s, contacts.ImportConfig{BatchRecords: 30})
		const files = 4
		uploads := make([]contacts.Upload, files)
		errs := make([]error, files+1)
		var wait sync.WaitGroup
		for i := range files {
			wait.Go(func() {
				var err error
				if uploads[i], err = importer.Take(ctx, account, "people.csv", bytes.NewReader(contactsCSV(300, 9, i)), contacts.ImportOptions{}); err == nil {
					err = importer.Run(ctx, uploads[i].ID)
				}
				errs[i] = err
			})
		}
		wait.Go(func() { // somebody edits contacts meanwhile
			for i := range 50 {
				_, err := s.CreateContact(ctx, contacts.Contact{
					AccountID: account, Status: contacts.Active, Addresses: addressesOf(fmt.Sprintf("editor%d@example.com", i)),
				})
				errs[files] = errors.Join(errs[files], err)
			}
		})
		wait.Wait()
		require.NoError(t, errors.Join(errs...))
		require.Len(t, dumpContacts(t, s, account), 300+50, "the files hold the same people")
		var created, rows int64
		for _, u := range uploads {
			u, err := s.GetUpload(ctx, account, u.ID)
			require.NoError(t, err)
			require.Equal(t, contacts.UploadFinished, u.State)
			require.Len(t, memberData(t, s, u.ID), 300)
			created, rows = created+u.Created, rows+u.Rows
		}
		require.EqualValues(t, 300, created)
		require.EqualValues(t, files*300, rows)
	})
}

func TestRefusedFilesLeaveNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		importer := contacts.NewImporter(s, s, contacts.ImportConfig{MaxBytes: 3 << 20})
		broken := errors.New("connection lost")
		for name, test := range map[string]struct {
			file    []byte
			options contacts.ImportOptions
			code    fault.Code
			reason  string
		}{
			"empty":            {nil, contacts.ImportOptions{}, fault.Invalid, "empty"},
			"only a header":    {[]byte("email,name\n"), contacts.ImportOptions{}, fault.Invalid, "no contacts"},
			"no usable column": {[]byte("colour,size\nred,7\n"), contacts.ImportOptions{}, fault.Invalid, "no column can be used"},
			"no CSV":           {[]byte("PK\x03\x04xl/workbook.xml"), contacts.ImportOptions{}, fault.Invalid, "Excel"},
			"too large":        {contactsCSV(60_000, 1, 0), contacts.ImportOptions{}, fault.TooLarge, "3 MiB"},
			"no such key":      {[]byte("email\na@example.com\n"), contacts.ImportOptions{Key: "shoe"}, fault.Invalid, "external_id or a kind of address"},
			"key not in file":  {[]byte("email\na@example.com\n"), contacts.ImportOptions{Key: contacts.ByPhone}, fault.Invalid, "no such column"},
			"mapping":          {[]byte("email\na@example.com\n"), contacts.ImportOptions{Mapping: map[string]string{"x": "email"}}, fault.Invalid, "no such column"},
			"separator":        {[]byte("email\na@example.com\n"), contacts.ImportOptions{Separator: "::"}, fault.Invalid, "one character"},
			"encoding":         {[]byte("email\na@example.com\n"), contacts.ImportOptions{Encoding: "ebcdic"}, fault.Invalid, "encoding"},
			"country":          {[]byte("email\na@example.com\n"), contacts.ImportOptions{DefaultCountry: "ZZ"}, fault.Invalid, "country"},
			"group":            {[]byte("email\na@example.com\n"), contacts.ImportOptions{Group: " "}, fault.Invalid, "group"},
		} {
			_, err := importer.Take(ctx, account, "people.csv", bytes.NewReader(test.file), test.options)
			require.True(t, fault.Is(err, test.code), "%s: %v", name, err)
			require.Contains(t, err.Error(), test.reason, name)
		}
		_, err := importer.Take(ctx, account, "people.csv", &breakingReader{data: contactsCSV(25_000, 1, 0), err: broken}, contacts.ImportOptions{})
		require.ErrorIs(t, err, broken)
		for _, table := range []string{"uploads", "upload_chunks", "lists", "contacts"} {
			require.Zero(t, countRows(t, s, table), table)
		}
	})
}

// breakingReader is a connection that is lost before the file's end.
type breakingReader struct {
	data []byte
	err  error
}

func (r *breakingReader) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, r.err
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

// TestImportInFlatMemory imports a file as it comes, without holding it, and
// looks at the heap: 60,000 rows, or the million that is promised when
// CARILLON_TEST_LONG is set.
func TestImportInFlatMemory(t *testing.T) {
	if !alone(t) {
		return
	}
	rows := 60_000
	if os.Getenv("CARILLON_TEST_LONG") != "" {
		rows = 1_000_000
	}
	const bound = 64 << 20 // of Go's heap; the process has SQLite's cache beside it
	storetest.EachInTurn(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		watched := &heapStore{Store: s}
		importer := contacts.NewImporter(s, watched, contacts.ImportConfig{})
		upload, err := importer.Take(ctx, account, "people.csv", &endlessCSV{rows: rows}, contacts.ImportOptions{})
		require.NoError(t, err)
		require.NoError(t, importer.Run(ctx, upload.ID))
		upload, err = s.GetUpload(ctx, account, upload.ID)
		require.NoError(t, err)
		require.EqualValues(t, rows, upload.Created)
		require.Less(t, watched.most, uint64(bound))
		t.Logf("%d rows, %d MiB of CSV, at most %d MiB of heap", rows, upload.Size>>20, watched.most>>20)
	})
}

// endlessCSV makes a file while it is read.
type endlessCSV struct {
	rows, made int
	buffer     bytes.Buffer
}

func (e *endlessCSV) Read(p []byte) (int, error) {
	if e.made == 0 {
		e.buffer.WriteString("external_id,email,phone,first_name,coupon\n")
	}
	for e.buffer.Len() < len(p) && e.made < e.rows {
		e.made++
		fmt.Fprintf(&e.buffer, "c-%d,user.%d@example.com,+4915%09d,First%d,SAVE-%d\n", e.made, e.made*7919%e.rows, e.made, e.made%977, e.made)
	}
	return e.buffer.Read(p)
}

// alone runs a test in a process of its own, and reports whether this is that process: what
// the heap has says as much of the tests before as of the one that measures it.
func alone(t *testing.T) bool {
	t.Helper()
	const name = "CARILLON_TEST_ALONE"
	if os.Getenv(name) == t.Name() {
		return true
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v", "-test.count=1")
	child.Env = append(os.Environ(), name+"="+t.Name())
	child.SysProcAttr = testenv.ChildAttributes()
	said, err := child.CombinedOutput()
	require.NoError(t, err, "%s", said)
	require.Contains(t, string(said), "--- PASS: "+t.Name(), "it ran")
	t.Logf("%s", said)
	return false
}

// heapStore looks at the heap in each batch.
type heapStore struct {
	*storetest.Store
	most uint64
}

func (h *heapStore) ImportBatch(ctx context.Context, b contacts.ImportBatch) error {
	err := h.Store.ImportBatch(ctx, b)
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	h.most = max(h.most, stats.HeapAlloc)
	return err
}
