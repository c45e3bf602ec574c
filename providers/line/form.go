package line

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"time"

	"carillon/providers"
)

// Form is a request with a file in it, as multipart/form-data. It is streamed: none of the file is
// in memory for longer than it is written.
type Form struct {
	// Fields are names and values, which stand before the file.
	Fields [][2]string
	// Field is the file's name as a field, File the file, which has Open.
	Field string
	File  providers.File
}

// leastRate is how fast a file goes out at least, in bytes a second: it lengthens the timeout.
const leastRate = 256 << 10

// timeFor is how long is waited for so many bytes to go out.
func timeFor(size int64) time.Duration { return time.Duration(size) * time.Second / leastRate }

// body is what a request carries. It may be opened again.
type body struct {
	size int64
	open func() (io.ReadCloser, error)
	// more is how much longer the request may take.
	more time.Duration
}

// bytesOf is a body that is in memory.
func bytesOf(content []byte) body {
	// net/http writes header and body at once only if it knows the reader's type.
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	return body{size: int64(len(content)), more: timeFor(int64(len(content))), open: open}
}

// body writes the form around the file; the second is its Content-Type.
func (f *Form) body() (body, string, error) {
	var head bytes.Buffer
	w := multipart.NewWriter(&head)
	for _, field := range f.Fields {
		if err := w.WriteField(field[0], field[1]); err != nil {
			return body{}, "", fmt.Errorf("write form: %w", err)
		}
	}
	if _, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {multipart.FileContentDisposition(f.Field, f.File.Name)}, "Content-Type": {f.File.ContentType},
	}); err != nil {
		return body{}, "", fmt.Errorf("write form: %w", err)
	}
	before := bytes.Clone(head.Bytes())
	head.Reset()
	if err := w.Close(); err != nil {
		return body{}, "", fmt.Errorf("write form: %w", err)
	}
	after := head.Bytes()
	return body{
		size: int64(len(before)) + f.File.Size + int64(len(after)), more: timeFor(f.File.Size),
		open: func() (io.ReadCloser, error) {
			content, err := f.File.Open()
			if err != nil {
				return nil, err
			}
			return struct {
				io.Reader
				io.Closer
			}{io.MultiReader(bytes.NewReader(before), io.LimitReader(content, f.File.Size), bytes.NewReader(after)), content}, nil
		},
	}, w.FormDataContentType(), nil
}
