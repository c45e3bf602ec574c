package store_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/store/storetest"
)

// dump is every value of the database as text, by table.
func dump(t *testing.T, s *storetest.Store) map[string]string {
	t.Helper()
	ctx := t.Context()
	query := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if s.Postgres() {
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
	}
	tables, err := sqldb.Column[string](ctx, s.Reader(), query)
	require.NoError(t, err)
	all := map[string]string{}
	for _, table := range tables {
		all[table] = dumpTable(t, s, table)
	}
	return all
}

func dumpTable(t *testing.T, s *storetest.Store, table string) string {
	t.Helper()
	rows, err := s.Reader().Rows(t.Context(), "SELECT * FROM "+table)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var text strings.Builder
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		require.NoError(t, rows.Scan(values...))
		for i, v := range values {
			if raw, ok := (*v.(*any)).([]byte); ok {
				fmt.Fprintf(&text, "%s=%s ", columns[i], raw)
			} else {
				fmt.Fprintf(&text, "%s=%v ", columns[i], *v.(*any))
			}
		}
	}
	require.NoError(t, rows.Err())
	return text.String()
}

// files are the raw bytes of SQLite's files, by name; none with PostgreSQL.
func files(t *testing.T, s *storetest.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	if s.Postgres() {
		return all
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		raw, err := os.ReadFile(s.DSN + end)
		require.NoError(t, err)
		all["file"+end] = string(raw)
	}
	return all
}

// holding names the tables in which a person is named.
func holding(all map[string]string, names ...string) (tables []string) {
	for table, text := range all {
		for _, name := range names {
			if strings.Contains(strings.ToLower(text), strings.ToLower(name)) {
				tables = append(tables, table+": "+name)
			}
		}
	}
	return tables
}

func TestErasureLeavesNoTrace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 9)
		const email, phone, external, first, last = "ada@lovelace.example", "+4915112345678", "cust-4711", "Adalberta", "Lovelace"
		ada, err := s.CreateContact(ctx, contacts.Contact{AccountID: j.AccountID, ExternalID: external, FirstName: first, LastName: last, Status: contacts.Active,
			Addresses: map[providers.AddressKind]string{providers.Email: email, providers.Phone: phone}})
		require.NoError(t, err)
		importer := contacts.NewImporter(s, s, contacts.ImportConfig{})
		upload, err := importer.Take(ctx, j.AccountID, "people.csv",
			strings.NewReader("email,first_name,coupon\n"+email+","+first+",for-"+external+"\n"), contacts.ImportOptions{})
		require.NoError(t, err)
		_, err = s.EraseContact(ctx, j.AccountID, ada.ID, false)
		require.ErrorContains(t, err, "is being taken in")
		require.NoError(t, importer.Run(ctx, upload.ID))
		require.NoError(t, s.CleanUploads(ctx))

		// A campaign with a try that failed, a message of her own, one that waits.
		run := j.Start()
		j.PlanAll(run.ID, 100)
		j.Feed(run.ID, []int64{1}, 100)
		list, err := s.ListMessages(ctx, messages.MessageFilter{AccountID: j.AccountID, RunID: run.ID, ContactID: ada.ID})
		require.NoError(t, err)
		bulk := list[0].ID
		require.Len(t, j.Claim(run.ID, 1, []messages.FeedMessage{{ID: bulk, EnvelopeID: 1}}), 1)
		_, err = s.EraseContact(ctx, j.AccountID, ada.ID, false)
		require.True(t, fault.Is(err, fault.Conflict), "while it is sent: %v", err)
		require.ErrorContains(t, err, "try again")
		j.Record(run.ID, []int64{bulk}, func(o *messages.Outcome) {
			o.State, o.Kind, o.Detail, o.Reason, o.ProviderID = messages.Rejected, "recipient", "no mailbox "+email, messages.ReasonRecipient, "wamid-"+phone
		})
		for _, address := range []string{email, email} {
			_, err := s.CreateMessage(ctx, messages.Outgoing{AccountID: j.AccountID, ChannelID: j.Channel.ID, ContactID: ada.ID, Address: address,
				Content: []byte(`{"text":"Dear ` + first + `"}`)})
			require.NoError(t, err)
		}
		later := j.another(0)
		require.Equal(t, "pending", j.whyOf(later.ID, ada.ID))

		_, err = s.OptOut(ctx, contacts.ConsentChange{AccountID: j.AccountID, ContactID: ada.ID, Kind: providers.Phone, Source: "test", Proof: "call to " + phone,
			Actor: "me"})
		require.NoError(t, err)
		_, err = contacts.NewReplies(s).Take(ctx, j.Channel, []providers.Reply{{ID: "in-" + phone, From: email, Text: "I am " + first + " " + last,
			Parts: providers.ReplyParts{Location: &providers.Location{Name: "At " + first + "'s", Address: email}}}})
		require.NoError(t, err)
		require.NoError(t, s.AddAudit(ctx, access.AuditEntry{AccountID: j.AccountID, Actor: "me", Action: "x", Target: "message 1",
			Detail: map[string]any{"to": email}}))
		require.NoError(t, s.InTx(ctx, func(tx sqldb.Conn) error {
			for _, insert := range []struct {
				sql  string
				args []any
			}{
				{"INSERT INTO upload_errors (upload_id, line, field, value, reason) VALUES (?, 1, 'email', ?, 'x')", []any{upload.ID, strings.ToUpper(email) + " "}},
				{"INSERT INTO upload_errors (upload_id, line, field, value, reason) VALUES (?, 1, 'name', ?, 'x')", []any{upload.ID, first}},
				{"INSERT INTO idempotency (account_id, key, request, status, body, created_at) VALUES (?, 'k', 'r', 201, ?, 0)",
					[]any{j.AccountID, []byte(`{"addresses":{"email":"` + email + `"},"first_name":"` + first + `"}`)}},
				{"INSERT INTO clears (account_id, channel_id, campaign_id, max_id, actor, examples, created_at) VALUES (?, 0, 0, 0, 'me', ?, 0)",
					[]any{j.AccountID, `[{"address":"` + email + `"}]`}},
				{"UPDATE clears SET finished_at = 0 WHERE account_id = ?", []any{j.AccountID}},
				{"INSERT INTO receipts (channel_id, message_id, status, at, detail, received_at) VALUES (?, ?, 'read', 0, ?, 0)", []any{j.Channel.ID, bulk, email}},
				{"INSERT INTO bounces (account_id, kind, address, soft, last_at) VALUES (?, 'email', ?, 1, 0)", []any{j.AccountID, email}},
			} {
				if _, err := tx.Exec(ctx, insert.sql, insert.args...); err != nil {
					return err
				}
			}
			return nil
		}))
		belongings, err := s.ContactBelongings(ctx, j.AccountID, ada.ID)
		require.NoError(t, err)
		require.Len(t, belongings.Memberships, 1)
		require.Contains(t, belongings.Memberships[0].Data, "coupon")
		require.Len(t, belongings.Suppressions, 1)
		require.Len(t, belongings.Bounces, 1)

		names := []string{email, phone, external, first, last}
		before := dump(t, s)
		require.NotEmpty(t, holding(before, names...))
		require.Equal(t, !s.Postgres(), len(holding(files(t, s), names...)) > 0, "they are in SQLite's files")
		rehearsed, err := s.EraseContact(ctx, j.AccountID, ada.ID, true)
		require.NoError(t, err)
		require.Equal(t, before, dump(t, s), "a rehearsal changes nothing")

		done, err := s.EraseContact(ctx, j.AccountID, ada.ID, false)
		require.NoError(t, err)
		require.Equal(t, rehearsed, done)
		require.Equal(t, int64(3), done.Skipped)
		require.Equal(t, int64(2), done.Kept)
		require.Empty(t, holding(dump(t, s), names...), "nothing names the person any more")
		require.Empty(t, holding(files(t, s), names...), "nor do free pages or the log")
		j.Balanced(run.ID)
		j.Balanced(later.ID)
		require.Equal(t, int64(1), j.Counts(run.ID)[messages.Rejected], "statistics stay")
		_, err = s.EraseContact(ctx, j.AccountID, ada.ID, false)
		require.True(t, fault.Is(err, fault.NotFound))

		// Who comes again is known as one who opted out.
		_, err = s.CreateContact(ctx, contacts.Contact{AccountID: j.AccountID, Status: contacts.Active,
			Addresses: map[providers.AddressKind]string{providers.Email: email}})
		require.NoError(t, err)
		require.Equal(t, "unsubscribed", j.reasonOf(email))
	})
}

func TestErasureOfWhoNeverObjectedKeepsNoHash(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 2)
		done, err := s.EraseContact(t.Context(), j.AccountID, j.contactIDs()[0], false)
		require.NoError(t, err)
		require.Zero(t, done.Kept)
		other := s.Account("other")
		_, err = s.EraseContact(t.Context(), other, j.contactIDs()[0], false)
		require.True(t, fault.Is(err, fault.NotFound))
	})
}
