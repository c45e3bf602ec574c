package fakes

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Bounds of a form, in bytes.
const (
	// mostFile bounds a file: Meta's own, and nobody takes larger ones.
	mostFile = 100 << 20
	maxValue = 1 << 20
	// maxFields bounds how many fields there are.
	maxFields = 10_000
)

// formFile is a file that was uploaded, of which nothing is kept.
type formFile struct {
	name string
	size int64
}

// formOf reads a form with files in it (multipart/form-data).
func formOf(r *http.Request) (values url.Values, files map[string]formFile, err error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, nil, fmt.Errorf("the body is no multipart/form-data: %w", err)
	}
	values, files = url.Values{}, map[string]formFile{}
	for range maxFields {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return values, files, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("the form can't be read: %w", err)
		}
		if part.FileName() == "" {
			value, err := io.ReadAll(io.LimitReader(part, maxValue))
			if err != nil {
				return nil, nil, fmt.Errorf("the form can't be read: %w", err)
			}
			values.Add(part.FormName(), string(value))
			continue
		}
		n, err := io.Copy(io.Discard, io.LimitReader(part, mostFile+1))
		if err != nil || n > mostFile {
			return nil, nil, fmt.Errorf("a file has more than %d bytes, or can't be read: %w", mostFile, err)
		}
		files[part.FormName()] = formFile{part.FileName(), n}
	}
	return nil, nil, fmt.Errorf("the form has more than %d fields", maxFields)
}
