package trail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"carillon/access"
)

// filePerm lets nobody else read who did what.
const filePerm = 0o600

// File appends entries to a file, a line of JSON each. Where the file was moved away, or
// removed, it begins another: whoever rotates it need tell nobody.
type File struct {
	path string
	open *os.File // nil until it is needed, and after an error
}

// NewFile makes the target of a path; nothing is opened until there is something to write.
func NewFile(path string) *File { return &File{path: path} }

// Write appends the entries in one piece, and returns when they are on the disk.
func (f *File) Write(_ context.Context, entries []access.AuditEntry) error {
	var lines bytes.Buffer
	for _, e := range entries {
		line, err := encode(e)
		if err != nil {
			return err
		}
		lines.Write(append(line, '\n'))
	}
	if err := f.reopen(); err != nil {
		return fmt.Errorf("audit_file: %w", err)
	}
	_, err := f.open.Write(lines.Bytes())
	if err == nil {
		err = f.open.Sync()
	}
	if err != nil {
		// What was written of it ends somewhere in a line: that is seen when it is opened.
		return fmt.Errorf("audit_file: %w", errors.Join(err, f.Close()))
	}
	return nil
}

// reopen opens the file unless it is the one that is open.
func (f *File) reopen() error {
	named, err := os.Stat(f.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if f.open != nil {
		if is, statErr := f.open.Stat(); err == nil && statErr == nil && os.SameFile(is, named) {
			return nil
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	opened, err := os.OpenFile(f.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, filePerm)
	if err != nil {
		return err
	}
	f.open = opened
	if err := errors.Join(syncFolder(filepath.Dir(f.path)), f.endLine()); err != nil {
		return errors.Join(err, f.Close())
	}
	return nil
}

// endLine ends a line that a crash, or a full disk, left without its end, so that what comes is
// read as lines of their own.
func (f *File) endLine() error {
	size, err := f.open.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return err
	}
	last := []byte{0}
	if _, err := f.open.ReadAt(last, size-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = f.open.WriteString("\n")
	return err
}

// syncFolder makes the name of a file in it durable.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Close closes the file; another Write opens it again.
func (f *File) Close() error {
	if f.open == nil {
		return nil
	}
	err := f.open.Close()
	f.open = nil
	return err
}

// encode is an entry as it is exported, as people read it too.
func encode(e access.AuditEntry) ([]byte, error) {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e.Line()); err != nil {
		return nil, fmt.Errorf("encode audit entry %d: %w", e.ID, err)
	}
	return bytes.TrimSuffix(line.Bytes(), []byte("\n")), nil
}
