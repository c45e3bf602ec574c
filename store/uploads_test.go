package store_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/store"
	"carillon/store/storetest"
)

func testUpload(t testing.TB, s *storetest.Store, account int64, chunks ...[]byte) contacts.Upload {
	t.Helper()
	ctx := t.Context()
	u, err := s.CreateUpload(ctx, contacts.Upload{
		AccountID: account, Filename: "people.csv", Notices: []string{"read as UTF-8"}, Columns: []string{"coupon"},
		Options: contacts.ImportOptions{Key: contacts.ByEmail, Mapping: map[string]string{"Mail": "email"}, Group: "friends"},
	})
	require.NoError(t, err)
	var size int64
	for i, chunk := range chunks {
		require.NoError(t, s.AddChunk(ctx, u.ID, int64(i), chunk))
		size += int64(len(chunk))
	}
	u, err = s.QueueUpload(ctx, u.ID, size)
	require.NoError(t, err)
	return u
}

func countRows(t testing.TB, s *storetest.Store, table string) (n int) {
	t.Helper()
	require.NoError(t, s.Reader().Row(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n))
	return n
}

func TestUploads(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		s.FakeTime()
		account, other := s.Account("one"), s.Account("other")
		_, found, err := s.ClaimUpload(ctx, 0)
		require.NoError(t, err)
		require.False(t, found)

		receiving, err := s.CreateUpload(ctx, contacts.Upload{AccountID: account, Filename: "slow.csv"})
		require.NoError(t, err)
		require.NoError(t, s.AddChunk(ctx, receiving.ID, 0, []byte("email\n")))
		_, err = s.GetUpload(ctx, account, receiving.ID)
		require.True(t, fault.Is(err, fault.NotFound), "what is being received is not there yet")

		first := testUpload(t, s, account, []byte("Mail\n"), []byte("a@example.com\n"))
		second := testUpload(t, s, account, []byte("Mail\n"))
		require.Equal(t, contacts.UploadQueued, first.State)
		require.EqualValues(t, 19, first.Size)
		require.Equal(t, "friends", first.Options.Group)
		require.Equal(t, []string{"coupon"}, first.Columns)
		require.Equal(t, []string{"read as UTF-8"}, first.Notices)
		list, err := s.ListUploads(ctx, account, 0, 10)
		require.NoError(t, err)
		require.Equal(t, []contacts.Upload{second, first}, list)
		list, err = s.ListUploads(ctx, account, second.ID, 10)
		require.NoError(t, err)
		require.Len(t, list, 1)
		list, err = s.ListUploads(ctx, other, 0, 10)
		require.NoError(t, err)
		require.Empty(t, list)

		// They are claimed in turn, and each by one.
		claimed, found, err := s.ClaimUpload(ctx, 0)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, first.ID, claimed.ID)
		require.Equal(t, contacts.UploadRunning, claimed.State)
		_, found, err = s.ClaimUpload(ctx, first.ID)
		require.NoError(t, err)
		require.False(t, found)
		claimed, found, err = s.ClaimUpload(ctx, second.ID)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, second.ID, claimed.ID)
		require.NoError(t, s.ReleaseUpload(ctx, first.ID))
		claimed, found, err = s.ClaimUpload(ctx, 0)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, first.ID, claimed.ID)

		for seq, want := range [][]byte{[]byte("Mail\n"), []byte("a@example.com\n"), nil} {
			chunk, err := s.ReadChunk(ctx, first.ID, int64(seq))
			require.NoError(t, err)
			require.Equal(t, want, chunk)
		}
		require.NoError(t, s.FinishUpload(ctx, first.ID, ""))
		require.True(t, fault.Is(s.FinishUpload(ctx, first.ID, ""), fault.Conflict))
		require.NoError(t, s.FinishUpload(ctx, second.ID, "it is no CSV"))
		done, err := s.GetUpload(ctx, account, first.ID)
		require.NoError(t, err)
		require.Equal(t, contacts.UploadFinished, done.State)
		require.Equal(t, done.Size, done.BytesRead)
		require.NotNil(t, done.FinishedAt)
		failed, err := s.GetUpload(ctx, account, second.ID)
		require.NoError(t, err)
		require.Equal(t, contacts.UploadFailed, failed.State)
		require.Equal(t, "it is no CSV", failed.Error)
		require.Equal(t, 1, countRows(t, s, "upload_chunks"), "files are forgotten, but the one that is coming in")
	})
}

func TestUploadThatNeverBecomesWhole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		u, err := s.CreateUpload(ctx, contacts.Upload{AccountID: account, Filename: "x.csv"})
		require.NoError(t, err)
		const chunks = 40 // more than are deleted at once
		for seq := range int64(chunks) {
			require.NoError(t, s.AddChunk(ctx, u.ID, seq, []byte("x")))
		}
		_, err = s.QueueUpload(ctx, u.ID, 1)
		require.True(t, fault.Is(err, fault.Conflict), "the size must be right")
		require.NoError(t, s.CleanUploads(ctx))
		require.Equal(t, chunks, countRows(t, s, "upload_chunks"), "it may still come")

		age := func(id int64) {
			s.Exec("UPDATE uploads SET touched_at = touched_at - ? WHERE id = ?", (2 * time.Hour).Milliseconds(), id)
		}
		age(u.ID)
		require.NoError(t, s.CleanUploads(ctx))
		for _, table := range []string{"upload_chunks", "uploads", "lists"} {
			require.Zero(t, countRows(t, s, table), table)
		}
		require.True(t, fault.Is(s.AddChunk(ctx, u.ID, 99, []byte("x")), fault.Conflict))
		require.NoError(t, s.DiscardUpload(ctx, u.ID), "again changes nothing")

		// What is whole stays, and what is over leaves no file behind.
		whole := testUpload(t, s, account, []byte("email\n"))
		age(whole.ID)
		require.NoError(t, s.DiscardUpload(ctx, whole.ID))
		require.NoError(t, s.CleanUploads(ctx))
		require.Equal(t, 1, countRows(t, s, "upload_chunks"))
		s.Exec("UPDATE uploads SET state = 'finished'")
		require.NoError(t, s.CleanUploads(ctx))
		require.Zero(t, countRows(t, s, "upload_chunks"))
	})
}

func TestUploadErrorsAreStreamed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account, other := s.Account("one"), s.Account("other")
		u := testUpload(t, s, account, bytes.Repeat([]byte("x"), 10))
		_, _, err := s.ClaimUpload(ctx, u.ID)
		require.NoError(t, err)
		const lines = 2*store.ErrorsAtOnce + 1
		batch := contacts.ImportBatch{UploadID: u.ID, AccountID: account, Records: lines}
		for i := range lines {
			batch.Refused = append(batch.Refused, contacts.RefusedLine{
				Line: int64(i + 2), Field: "email", Value: fmt.Sprintf(`"%d"\`, i), Reason: "no\te-mail address: it has no @",
			})
		}
		require.NoError(t, s.ImportBatch(ctx, batch))
		var got []contacts.RefusedLine
		for line, err := range s.UploadErrors(ctx, account, u.ID) {
			require.NoError(t, err)
			got = append(got, line)
		}
		require.Equal(t, batch.Refused, got)
		for _, err := range s.UploadErrors(ctx, account, u.ID) {
			require.NoError(t, err)
			break // a reader may leave
		}
		for _, err := range s.UploadErrors(ctx, other, u.ID) {
			require.True(t, fault.Is(err, fault.NotFound))
		}
	})
}
