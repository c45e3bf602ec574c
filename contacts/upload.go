package contacts

import (
	"context"
	"iter"
	"strconv"
	"time"

	"carillon/contacts/property"
)

// UploadReceiving is the state of an upload whose file is still coming in. It is
// on no list and nobody imports it; if the file never ends, it is forgotten.
const UploadReceiving UploadState = "receiving"

// UploadTakenOver is how long an upload may be left alone by whoever imports it
// before another process goes on with it.
const UploadTakenOver = 5 * time.Second

// UploadStore looks uploads up.
type UploadStore interface {
	// GetUpload is NotFound if the account has no such upload.
	GetUpload(ctx context.Context, accountID, id int64) (Upload, error)
	// ListUploads lists an account's uploads before the id before, newest first; 0
	// begins with the newest.
	ListUploads(ctx context.Context, accountID, before int64, limit int) ([]Upload, error)
	// UploadErrors goes through the lines that an upload refused, and the values that it
	// took lines without, in the order of the file; an error ends it.
	UploadErrors(ctx context.Context, accountID, uploadID int64) iter.Seq2[RefusedLine, error]
}

// Uploads is the service for files that were taken in. It is safe for concurrent use.
type Uploads struct{ store UploadStore }

// NewUploads makes the service.
func NewUploads(store UploadStore) *Uploads { return &Uploads{store: store} }

// Get is an upload and how far its import is; NotFound if the account has no such one.
func (s *Uploads) Get(ctx context.Context, accountID, id int64) (Upload, error) {
	return s.store.GetUpload(ctx, accountID, id)
}

// List lists uploads before the id before, newest first; 0 begins with the newest.
func (s *Uploads) List(ctx context.Context, accountID, before int64, limit int) ([]Upload, error) {
	return s.store.ListUploads(ctx, accountID, before, limit)
}

// Refused goes through the lines that an upload refused, and the values that it took
// lines without, in the order of the file; an error ends it. It is NotFound if the
// account has no such upload.
func (s *Uploads) Refused(ctx context.Context, accountID, id int64) (iter.Seq2[RefusedLine, error], error) {
	if _, err := s.store.GetUpload(ctx, accountID, id); err != nil {
		return nil, err
	}
	return s.store.UploadErrors(ctx, accountID, id), nil
}

// RefusedColumns are the columns of a file of refused lines; RefusedLine.Cells fills one.
func RefusedColumns() []string { return []string{"line", "field", "value", "reason"} }

// Cells are a refused line under RefusedColumns.
func (l RefusedLine) Cells() []string {
	return []string{strconv.FormatInt(l.Line, 10), l.Field, l.Value, l.Reason}
}

// Inbox keeps uploaded files.
type Inbox interface {
	// CreateUpload keeps a new upload in the state receiving.
	CreateUpload(ctx context.Context, u Upload) (Upload, error)
	// AddChunk keeps the next piece of the file; seq counts from 0. It is a Conflict if
	// the upload is not receiving.
	AddChunk(ctx context.Context, uploadID, seq int64, data []byte) error
	// QueueUpload says that the file, size bytes long, is whole. It is a Conflict if the
	// upload is not receiving.
	QueueUpload(ctx context.Context, uploadID, size int64) (Upload, error)
	// DiscardUpload forgets an upload that is being received, and nothing of any other.
	DiscardUpload(ctx context.Context, uploadID int64) error
}

// ImportStore carries an import out.
type ImportStore interface {
	// GetUpload is NotFound if the account has no such upload.
	GetUpload(ctx context.Context, accountID, id int64) (Upload, error)
	// ClaimUpload takes an upload that is queued, or running and left alone for
	// UploadTakenOver, and makes it running: the one called id, or the oldest if
	// id is 0. found is false if there is none.
	ClaimUpload(ctx context.Context, id int64) (u Upload, found bool, err error)
	// ReleaseUpload lets another process claim a running upload at once.
	ReleaseUpload(ctx context.Context, id int64) error
	// ListProperties are the properties that a file may have columns for.
	ListProperties(ctx context.Context, accountID int64) ([]property.Property, error)
	// CreateProperty keeps a property that an upload makes; see PropertyStore.
	CreateProperty(ctx context.Context, p property.Property) (property.Property, error)
	// ProposeProperties puts on record what properties a running upload makes.
	ProposeProperties(ctx context.Context, uploadID int64, proposed []Proposal) error
	// NoteUpload puts on record what was found out about a running upload's file, in the
	// place of what its first lines said.
	NoteUpload(ctx context.Context, uploadID int64, notices []string) error
	// ReadChunk is a piece of the file; nil behind the last.
	ReadChunk(ctx context.Context, uploadID, seq int64) ([]byte, error)
	// ImportBatch carries out one batch in one transaction; see ImportBatch. A batch
	// that does not begin where the upload stands is a Conflict.
	ImportBatch(ctx context.Context, b ImportBatch) error
	// Rehearse makes a place for a dry run, which has the properties that the upload
	// proposes, and sets a running upload back to its beginning.
	Rehearse(ctx context.Context, u Upload) (Rehearsal, error)
	// FinishUpload ends a running upload, failed if there is a reason, and forgets its
	// file. It is a Conflict if the upload is not running.
	FinishUpload(ctx context.Context, uploadID int64, reason string) error
}

// Rehearsal is where a dry run is carried out: copies of what an import writes.
type Rehearsal interface {
	// ImportBatch is that of ImportStore, but for everything that is not the
	// upload's own: its counters, refused lines and position are real.
	ImportBatch(ctx context.Context, b ImportBatch) error
	// Close forgets the copies.
	Close() error
}

// ImportBatch is a piece of an upload that is carried out as a whole.
type ImportBatch struct {
	UploadID, AccountID int64
	Key                 KeyField
	// Group is a group that everybody joins; may be empty.
	Group string
	// From and Records are the position in the file before and behind the batch.
	// The store refuses a batch that does not begin where the upload stands, so
	// that two processes never carry out the same lines.
	From, Records int64
	// BytesRead is how much of the file is behind the position.
	BytesRead int64
	Rows      []ImportRow
	// Refused are the lines that could not be read, and the values that lines
	// were taken without.
	Refused []RefusedLine
	// Columns are the file's columns by the fields that refused lines name.
	Columns map[string]string
	// Preview asks for the first people as they would be.
	Preview bool
}
