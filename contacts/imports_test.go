package contacts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts/property"
	"carillon/internal/clock"
	"carillon/internal/fault"
)

// memory is an inbox and a store that carries nothing out.
type memory struct {
	uploads   map[int64]*Upload
	chunks    [][]byte
	batches   []ImportBatch
	discarded int
	released  int
	refuse    error // what keeping a chunk or a batch says
}

func (m *memory) CreateUpload(_ context.Context, u Upload) (Upload, error) {
	u.ID, u.State = int64(len(m.uploads)+1), UploadReceiving
	if m.uploads == nil {
		m.uploads = map[int64]*Upload{}
	}
	m.uploads[u.ID] = &u
	return u, nil
}

func (m *memory) AddChunk(ctx context.Context, _, seq int64, data []byte) error {
	if seq != int64(len(m.chunks)) {
		return fmt.Errorf("chunk %d came after %d", seq, len(m.chunks))
	}
	m.chunks = append(m.chunks, bytes.Clone(data))
	return errors.Join(m.refuse, ctx.Err())
}

func (m *memory) QueueUpload(_ context.Context, id, size int64) (Upload, error) {
	u := m.uploads[id]
	u.State, u.Size = UploadQueued, size
	return *u, nil
}

func (m *memory) DiscardUpload(ctx context.Context, id int64) error {
	m.discarded++
	delete(m.uploads, id)
	return ctx.Err()
}

func (m *memory) ClaimUpload(_ context.Context, id int64) (Upload, bool, error) {
	u, ok := m.uploads[max(id, 1)]
	if !ok || u.State != UploadQueued {
		return Upload{}, false, nil
	}
	u.State = UploadRunning
	return *u, true, nil
}

func (m *memory) GetUpload(_ context.Context, _, id int64) (Upload, error) {
	return *m.uploads[id], nil
}

func (m *memory) ReleaseUpload(ctx context.Context, id int64) error {
	m.released++
	m.uploads[id].State = UploadQueued
	return ctx.Err()
}

func (m *memory) ReadChunk(_ context.Context, _, seq int64) ([]byte, error) {
	if seq >= int64(len(m.chunks)) {
		return nil, nil
	}
	return m.chunks[seq], nil
}

func (m *memory) ImportBatch(_ context.Context, b ImportBatch) error {
	if m.refuse != nil {
		return m.refuse
	}
	m.batches = append(m.batches, b)
	return nil
}

func (m *memory) ListProperties(context.Context, int64) ([]property.Property, error) {
	return []property.Property{{Key: "age", Type: property.Number}}, nil
}

func (m *memory) CreateProperty(_ context.Context, p property.Property) (property.Property, error) {
	return p, errors.New("no property can be made here")
}

func (m *memory) ProposeProperties(context.Context, int64, []Proposal) error {
	return errors.New("nothing can be proposed here")
}

func (m *memory) NoteUpload(_ context.Context, id int64, notices []string) error {
	u := m.uploads[id]
	u.Notices = notices
	return nil
}

func (m *memory) Rehearse(context.Context, Upload) (Rehearsal, error) {
	return nil, errors.New("nothing can be rehearsed here")
}

func (m *memory) FinishUpload(_ context.Context, id int64, reason string) error {
	u := m.uploads[id]
	u.State, u.Error = UploadFinished, reason
	if reason != "" {
		u.State = UploadFailed
	}
	return nil
}

func TestTakeKeepsTheFileAsItCame(t *testing.T) {
	m := &memory{}
	im := NewImporter(m, m, ImportConfig{})
	file := "E-Mail;Größe;Land\n" + strings.Repeat("ann@example.com;XL;DE\n", 2*ChunkBytes/20)
	upload, err := im.Take(t.Context(), 7, `C:\Files\people.csv`, strings.NewReader(file), ImportOptions{})
	require.NoError(t, err)
	require.Equal(t, UploadQueued, upload.State)
	require.Equal(t, "people.csv", upload.Filename)
	require.EqualValues(t, 7, upload.AccountID)
	require.EqualValues(t, len(file), upload.Size)
	require.Equal(t, []string{"grosse", "country"}, upload.Columns)
	require.Greater(t, len(m.chunks), 2)
	require.Equal(t, file, string(bytes.Join(m.chunks, nil)))
}

func TestTakeSaysWhatItFoundOut(t *testing.T) {
	m := &memory{}
	upload, err := NewImporter(m, m, ImportConfig{}).Take(t.Context(), 1, "", strings.NewReader("email,name\na@example.com,Z\xF6e\n"), ImportOptions{})
	require.NoError(t, err)
	require.Equal(t, "upload.csv", upload.Filename)
	require.Len(t, upload.Notices, 1)
	require.Contains(t, upload.Notices[0], "Windows-1252")
}

func TestTakeLeavesNothingBehind(t *testing.T) {
	full := errors.New("disk full")
	m := &memory{refuse: full}
	im := NewImporter(m, m, ImportConfig{})
	_, err := im.Take(t.Context(), 1, "x.csv", strings.NewReader("email\na@example.com\n"), ImportOptions{})
	require.ErrorIs(t, err, full)
	require.Empty(t, m.uploads)

	m.refuse, m.chunks = nil, nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = im.Take(ctx, 1, "x.csv", strings.NewReader("email\na@example.com\n"), ImportOptions{})
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, m.uploads, "even if the client has gone")
	require.Equal(t, 2, m.discarded)
}

func TestTheBoundIsExact(t *testing.T) {
	file := "email\n" + strings.Repeat("a@example.com\n", 10)
	m := &memory{}
	_, err := NewImporter(m, m, ImportConfig{MaxBytes: int64(len(file))}).Take(t.Context(), 1, "x.csv", strings.NewReader(file), ImportOptions{})
	require.NoError(t, err)
	m = &memory{}
	_, err = NewImporter(m, m, ImportConfig{MaxBytes: int64(len(file)) - 1}).Take(t.Context(), 1, "x.csv", strings.NewReader(file), ImportOptions{})
	require.True(t, fault.Is(err, fault.TooLarge), "%v", err)
	require.Empty(t, m.uploads)
}

func TestRunCutsBatchesAtTheSameRecords(t *testing.T) {
	var file strings.Builder
	file.WriteString("email,note\n")
	for i := range 95 {
		if i%10 == 3 {
			file.WriteString("nobody,x\n")
			continue
		}
		fmt.Fprintf(&file, "u%d@example.com,\"two\nlines \"\"%d\"\"\"\n", i, i)
	}
	m := &memory{}
	im := NewImporter(m, m, ImportConfig{BatchRecords: 20})
	upload, err := im.Take(t.Context(), 1, "x.csv", strings.NewReader(file.String()), ImportOptions{Key: ByEmail, Group: "g"})
	require.NoError(t, err)
	ran, err := im.RunNext(t.Context())
	require.NoError(t, err)
	require.True(t, ran)
	require.Equal(t, UploadFinished, m.uploads[upload.ID].State)
	require.Len(t, m.batches, 5)
	for i, b := range m.batches {
		require.EqualValues(t, i*20, b.From)
		require.EqualValues(t, min(i*20+20, 95), b.Records)
		require.EqualValues(t, b.Records-b.From, len(b.Rows)+len(b.Refused))
		require.Equal(t, ByEmail, b.Key)
		require.Equal(t, "g", b.Group)
	}
	require.EqualValues(t, file.Len(), m.batches[4].BytesRead)
	require.JSONEq(t, `{"note":"two\nlines \"0\""}`, m.batches[0].Rows[0].Data)
	require.Equal(t, RefusedLine{Line: 8, Field: "email", Value: "nobody", Reason: "no e-mail address: it has no @", Code: "bad_email"},
		m.batches[0].Refused[0])

	// From the middle on it is the same.
	whole := m.batches
	m.batches, m.uploads[upload.ID].State, m.uploads[upload.ID].Records = nil, UploadQueued, 40
	require.NoError(t, im.Run(t.Context(), upload.ID))
	require.Equal(t, whole[2:], m.batches)
	require.True(t, fault.Is(im.Run(t.Context(), upload.ID), fault.Conflict), "it is over")
}

func TestBatchesAreBoundedInBytes(t *testing.T) {
	file := "email,note\n" + strings.Repeat("a@example.com,"+strings.Repeat("x", 9000)+"\n", 1000)
	m := &memory{}
	im := NewImporter(m, m, ImportConfig{})
	upload, err := im.Take(t.Context(), 1, "x.csv", strings.NewReader(file), ImportOptions{})
	require.NoError(t, err)
	require.NoError(t, im.Run(t.Context(), upload.ID))
	require.Len(t, m.batches, 3)
	for _, b := range m.batches {
		require.Less(t, len(b.Rows), 500)
	}
}

func TestRunGivesTheUploadBack(t *testing.T) {
	gone := errors.New("store gone")
	m := &memory{}
	im := NewImporter(m, m, ImportConfig{BatchRecords: 1})
	upload, err := im.Take(t.Context(), 1, "x.csv", strings.NewReader("email\na@example.com\nb@example.com\nc@example.com\n"), ImportOptions{})
	require.NoError(t, err)
	m.refuse = gone
	require.ErrorIs(t, im.Run(t.Context(), upload.ID), gone)
	require.Equal(t, 1, m.released)
	m.refuse = nil
	require.NoError(t, im.Run(t.Context(), upload.ID))

	// A file that this version no longer takes for CSV fails with the reason.
	m.uploads[upload.ID].State, m.chunks = UploadQueued, [][]byte{[]byte("%PDF-1.7")}
	require.NoError(t, im.Run(t.Context(), upload.ID))
	require.Equal(t, UploadFailed, m.uploads[upload.ID].State)
	require.Contains(t, m.uploads[upload.ID].Error, "PDF")
}

func TestAFileThatWasTakenIsSaidToWait(t *testing.T) {
	m := &memory{}
	im := NewImporter(m, m, ImportConfig{})
	_, err := im.Take(t.Context(), 1, "x.csv", strings.NewReader(""), ImportOptions{})
	require.Error(t, err)
	require.Empty(t, im.Queued(), "nothing waits")
	for range 2 {
		m.chunks = nil
		_, err := im.Take(t.Context(), 1, "x.csv", strings.NewReader("email\na@example.com\n"), ImportOptions{})
		require.NoError(t, err)
		require.Len(t, im.Queued(), 1, "nobody needs to hear it twice")
	}
}

// Who waits for an import has it done at once, waits for who is at it, and not for ever.
func TestFinishWaitsForAnImport(t *testing.T) {
	take := func(m *memory) (*Importer, Upload) {
		im := NewImporter(m, m, ImportConfig{})
		u, err := im.Take(t.Context(), 1, "a.csv", strings.NewReader("phone,age\n+4915112345678,7\n"), ImportOptions{})
		require.NoError(t, err)
		return im, u
	}
	m := &memory{}
	im, u := take(m)
	done, err := im.Finish(t.Context(), 1, u.ID, time.Minute)
	require.NoError(t, err)
	require.Equal(t, UploadFinished, done.State)
	require.Len(t, m.batches, 1)

	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		im, u := take(m)
		m.uploads[u.ID].State = UploadRunning // by another process
		begun := (clock.System{}).Now()
		done, err := im.Finish(t.Context(), 1, u.ID, 20*time.Second)
		require.NoError(t, err)
		require.Equal(t, UploadRunning, done.State)
		require.Equal(t, 20*time.Second, (clock.System{}).Now().Sub(begun))
		require.Empty(t, m.batches)
	})
}

func TestStrictFilesOfMessengers(t *testing.T) {
	m := &memory{}
	im := NewImporter(m, m, ImportConfig{})
	options := ImportOptions{Strict: true, Messengers: true}
	for _, header := range []string{"id,name", "messenger,name", "phone,messenger"} {
		_, err := im.Take(t.Context(), 1, "a.csv", strings.NewReader(header+"\n4915112345671,WB\n"), options)
		require.True(t, fault.Is(err, fault.Invalid), header)
	}
	take := func(options ImportOptions) ImportBatch {
		m.uploads, m.chunks, m.batches = nil, nil, nil
		u, err := im.Take(t.Context(), 1, "a.csv", strings.NewReader("id,messenger,age\n4915112345671,WB,old\n4915112345672,WB,7\n"), options)
		require.NoError(t, err)
		require.NoError(t, im.Run(t.Context(), u.ID))
		require.Len(t, m.batches, 1)
		return m.batches[0]
	}
	strict := take(options)
	require.Len(t, strict.Rows, 1)
	require.False(t, strict.Refused[0].Taken)
	lenient := take(ImportOptions{})
	require.Len(t, lenient.Rows, 2)
	require.True(t, lenient.Refused[0].Taken)
}
