package contacts

import (
	"context"
	"time"

	"carillon/contacts/property"
)

// UploadReceiving is the state of an upload whose file is still coming in. It is
// on no list and nobody imports it; if the file never ends, it is forgotten.
const UploadReceiving UploadState = "receiving"

// UploadTakenOver is how long an upload may be left alone by whoever imports it
// before another process goes on with it.
const UploadTakenOver = 5 * time.Second

// Inbox keeps uploaded files.
type Inbox interface {
	// CreateUpload keeps a new upload in the state receiving.
	CreateUpload(ctx context.Context, u Upload) (Upload, error)
	// AddChunk keeps the next piece of the file; seq counts from 0.
	AddChunk(ctx context.Context, uploadID, seq int64, data []byte) error
	// QueueUpload says that the file, size bytes long, is whole.
	QueueUpload(ctx context.Context, uploadID, size int64) (Upload, error)
	// DiscardUpload forgets an upload that is being received.
	DiscardUpload(ctx context.Context, uploadID int64) error
}

// ImportStore carries an import out.
type ImportStore interface {
	// ClaimUpload takes an upload that is queued, or running and left alone for
	// UploadTakenOver, and makes it running: the one called id, or the oldest if
	// id is 0. found is false if there is none.
	ClaimUpload(ctx context.Context, id int64) (u Upload, found bool, err error)
	// ReleaseUpload lets another process claim a running upload at once.
	ReleaseUpload(ctx context.Context, id int64) error
	// ListProperties are the properties that a file may have columns for.
	ListProperties(ctx context.Context, accountID int64) ([]property.Property, error)
	// ReadChunk is a piece of the file; nil behind the last.
	ReadChunk(ctx context.Context, uploadID, seq int64) ([]byte, error)
	// ImportBatch carries out one batch in one transaction; see ImportBatch.
	ImportBatch(ctx context.Context, b ImportBatch) error
	// Rehearse makes a place for a dry run and sets a running upload back to its
	// beginning.
	Rehearse(ctx context.Context, u Upload) (Rehearsal, error)
	// FinishUpload ends a running upload, failed if there is a reason, and
	// forgets its file.
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
}
