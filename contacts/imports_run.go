package contacts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"carillon/contacts/csvfile"
	"carillon/contacts/value"
	"carillon/internal/clock"
	"carillon/internal/failpoint"
	"carillon/internal/fault"
	"carillon/internal/jsontext"
	"carillon/providers"
)

// RunNext imports the upload that has waited longest, and reports whether there
// was one. An upload that its process left goes on where it stopped.
func (im *Importer) RunNext(ctx context.Context) (ran bool, err error) {
	upload, found, err := im.store.ClaimUpload(ctx, 0)
	if err != nil || !found {
		return false, err
	}
	return true, im.run(ctx, upload)
}

// Run imports one upload, to its end or until ctx ends; called again it goes on
// where it stopped. It is a Conflict if the upload is not waiting: it is over,
// or another process is at it.
func (im *Importer) Run(ctx context.Context, uploadID int64) error {
	upload, found, err := im.store.ClaimUpload(ctx, uploadID)
	if err != nil {
		return err
	}
	if !found {
		return fault.New(fault.Conflict, "upload %d is not waiting: it is over, or another process is importing it", uploadID)
	}
	return im.run(ctx, upload)
}

// look is how often Finish looks at an upload that another process is importing.
const look = 100 * time.Millisecond

// Finish imports an upload, or waits for who is at it, and returns it when it is over or
// the time is: then it goes on without being waited for.
func (im *Importer) Finish(ctx context.Context, accountID, uploadID int64, within time.Duration) (Upload, error) {
	working, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := im.Run(working, uploadID)
	for {
		if err != nil && !fault.Is(err, fault.Conflict) && working.Err() == nil {
			return Upload{}, err
		}
		upload, err := im.store.GetUpload(ctx, accountID, uploadID)
		if err != nil || upload.State == UploadFinished || upload.State == UploadFailed || working.Err() != nil {
			return upload, err
		}
		if err := (clock.System{}).Sleep(working, look); err != nil && ctx.Err() != nil {
			return Upload{}, ctx.Err()
		}
	}
}

// run imports a claimed upload.
func (im *Importer) run(ctx context.Context, upload Upload) error {
	err := im.rehearseOrImport(ctx, upload)
	var full FullError
	switch {
	case errors.As(err, &full):
		return im.store.FinishUpload(ctx, upload.ID, full.Error())
	case err == nil:
		return im.store.FinishUpload(ctx, upload.ID, "")
	case fault.Is(err, fault.Invalid):
		// Take has looked at the same file, so this is a new version that sees
		// something else in it.
		return im.store.FinishUpload(ctx, upload.ID, err.Error())
	}
	return errors.Join(err, im.store.ReleaseUpload(context.WithoutCancel(ctx), upload.ID))
}

func (im *Importer) rehearseOrImport(ctx context.Context, upload Upload) error {
	if upload.Options.Properties && (upload.Records == 0 || upload.Options.DryRun) {
		proposed, err := im.properties(ctx, upload)
		if err != nil {
			return err
		}
		upload.Proposed = proposed
	}
	if !upload.Options.DryRun {
		return im.importFile(ctx, upload, im.store.ImportBatch)
	}
	rehearsal, err := im.store.Rehearse(ctx, upload)
	if err != nil {
		return err
	}
	upload.Records = 0
	return errors.Join(im.importFile(ctx, upload, rehearsal.ImportBatch), rehearsal.Close())
}

// importFile reads the file and carries its batches out. The next batch is read
// while one is being written.
func (im *Importer) importFile(ctx context.Context, upload Upload, importBatch func(context.Context, ImportBatch) error) error {
	ctx, cancel := context.WithCancel(ctx)
	batches := make(chan ImportBatch)
	read := make(chan error, 1)
	pace := newPace(im.config.BatchRecords)
	go func() {
		defer close(batches)
		read <- im.readBatches(ctx, upload, pace, batches)
	}()
	var failed error
	for batch := range batches {
		if failed != nil {
			continue // until the reader has noticed
		}
		begun := im.config.Clock.Now()
		if failed = importBatch(ctx, batch); failed != nil {
			cancel()
			continue
		}
		pace.took(batch.Records-batch.From, im.config.Clock.Now().Sub(begun))
		failpoint.Hit(failpoint.DuringImport)
	}
	cancel()
	err := <-read
	if failed != nil {
		return failed
	}
	return err
}

// leftOut is what errors.csv says of a value that cost no more than itself.
const leftOut = " (left out; the line was taken without it)"

// readBatches cuts the file into batches.
func (im *Importer) readBatches(ctx context.Context, upload Upload, pace *pace, batches chan<- ImportBatch) error {
	opts, set, err := im.csv(ctx, upload.AccountID, upload.Options, upload.Proposed)
	if err != nil {
		return err
	}
	heard := listen(opts.Attributes, set, upload.Proposed)
	opts.SkipRecords = upload.Records
	file := &chunkReader{ctx: ctx, store: im.store, uploadID: upload.ID}
	reader, err := csvfile.Open(file, opts)
	if err != nil {
		return err
	}
	rows := newRowMaker(reader)
	columns := map[string]string{}
	for _, c := range reader.Columns() {
		if name := c.Name(); name != "" {
			columns[name] = reader.Said(c)
		}
	}
	position := reader.Position()
	for end := false; !end; {
		most := pace.next()
		batch := ImportBatch{
			UploadID: upload.ID, AccountID: upload.AccountID, Key: upload.Options.Key, Group: upload.Options.Group,
			From: position.Records, Rows: make([]ImportRow, 0, most), Columns: columns, Preview: upload.Options.DryRun,
		}
		begin := position.Bytes
		for position.Records-batch.From < most && position.Bytes-begin < batchBytes {
			row, err := reader.Next()
			var refused *csvfile.LineError
			switch {
			case errors.As(err, &refused):
				batch.Refused = append(batch.Refused, refusedLine(refused, false))
				for i := range refused.Also {
					batch.Refused = append(batch.Refused, refusedLine(&refused.Also[i], false))
				}
			case errors.Is(err, io.EOF):
				end = true
			case err != nil:
				return err
			default:
				batch.Rows = append(batch.Rows, rows.row(&row))
				for i := range row.Lost {
					batch.Refused = append(batch.Refused, refusedLine(&row.Lost[i], true))
				}
			}
			if position = reader.Position(); end {
				break
			}
		}
		batch.Records, batch.BytesRead = position.Records, position.Bytes
		if batch.Records == batch.From {
			return nil
		}
		select {
		case batches <- batch:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if upload.Records > 0 {
		return nil // who goes on in the middle has not heard what came before
	}
	notices := upload.Options.notices(reader, set, upload.Proposed, heard)
	if slices.Equal(notices, upload.Notices) {
		return nil
	}
	return im.store.NoteUpload(ctx, upload.ID, notices)
}

// refusedLine is a fault of a line; taken says that the line is taken without the value.
func refusedLine(e *csvfile.LineError, taken bool) RefusedLine {
	line := RefusedLine{Line: e.Line, Field: e.Field, Value: e.Value, Reason: e.Reason, Taken: taken, Code: e.Code}
	if taken {
		line.Reason += leftOut
	}
	return line
}

// rowMaker makes rows for the store of rows of the file.
type rowMaker struct {
	// keys are the names of the extra columns as they begin in JSON: "key":.
	keys    []string
	country bool
	spare   [value.NumKinds]bool
	// properties are those that the file has.
	properties []string
	buffer     []byte
}

func newRowMaker(reader *csvfile.Reader) *rowMaker {
	m := &rowMaker{country: countryColumn(reader), properties: reader.AttributeKeys()}
	for i, kind := range value.Kinds() {
		m.spare[i] = !reader.ByHand(csvfile.Field(kind))
	}
	for _, key := range append(reader.ExtraKeys(), countryKey) {
		m.keys = append(m.keys, string(append(jsontext.AppendString(nil, key), ':')))
	}
	return m
}

func (m *rowMaker) row(row *csvfile.Row) ImportRow {
	made := ImportRow{
		Line: row.Line, Control: row.Control, Data: m.data(row), Spare: m.spare,
		Profile: Profile{
			ExternalID: row.ExternalID, Name: row.Name, FirstName: row.FirstName, LastName: row.LastName,
			Language: row.Language, Timezone: row.Timezone, Status: ContactStatus(row.Status),
		},
	}
	for i, value := range row.Attributes {
		if value == "" {
			continue
		}
		if made.Attributes == nil {
			made.Attributes = Attributes{}
		}
		made.Attributes[m.properties[i]] = json.RawMessage(value)
	}
	for kind, names := range map[ListKind][]string{Group: row.Groups, Label: row.Labels, Category: row.Categories} {
		for _, name := range names {
			made.Lists = append(made.Lists, ListName{kind, name})
		}
	}
	made.Addresses[value.KindIndex(providers.Email)] = strings.ToLower(row.Email)
	made.Addresses[value.KindIndex(providers.Phone)] = row.Phone
	for _, a := range row.Addresses {
		made.Addresses[value.KindIndex(a.Kind.Kind())] = a.Value
	}
	return made
}

// data is the row's extra columns as a JSON object.
func (m *rowMaker) data(row *csvfile.Row) string {
	b := m.buffer[:0]
	put := func(key, value string) {
		if value == "" {
			return
		}
		sep := byte(',')
		if len(b) == 0 {
			sep = '{'
		}
		b = jsontext.AppendString(append(append(b, sep), key...), value)
	}
	for i, value := range row.Extra {
		put(m.keys[i], value)
	}
	if m.country {
		put(m.keys[len(m.keys)-1], row.Country)
	}
	if m.buffer = b; len(b) == 0 {
		return ""
	}
	return string(append(b, '}'))
}

// chunkReader reads a kept file.
type chunkReader struct {
	ctx      context.Context // it lives as long as one call of readBatches
	store    ImportStore
	uploadID int64
	seq      int64
	rest     []byte
}

func (r *chunkReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		chunk, err := r.store.ReadChunk(r.ctx, r.uploadID, r.seq)
		if err != nil {
			return 0, fmt.Errorf("read chunk %d of upload %d: %w", r.seq, r.uploadID, err)
		}
		if chunk == nil {
			return 0, io.EOF
		}
		r.seq++
		r.rest = chunk
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
