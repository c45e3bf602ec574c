package mail

import (
	"cmp"
	"fmt"
	"strings"

	"carillon/providers"
)

// Within is the file that a mail carries; nil for none.
func Within(c *providers.Content) *providers.File {
	if c.Attachment == nil || c.Attachment.File == nil || len(c.Attachment.File.Content) == 0 {
		return nil
	}
	return c.Attachment.File
}

// CheckFile says whether the file of a content is larger than a mail carries; most is in bytes. The
// services count a mail as it goes out: in base64, with its line breaks, a file is 1.37 times as large.
func CheckFile(c *providers.Content, most int) error {
	if f := Within(c); f != nil && len(f.Content) > most {
		return fmt.Errorf("%s has %s, and a mail carries at most %s", f.Name, providers.Megabytes(f.Size), providers.Megabytes(int64(most)))
	}
	return nil
}

// FileOf is the file of a content as it stands in a mail; nil for none.
func FileOf(c *providers.Content) *File {
	f := Within(c)
	if f == nil {
		return nil
	}
	return &File{Name: cmp.Or(c.Attachment.Filename, f.Name), ContentType: contentType(f.ContentType), Content: f.Content}
}

// contentType is the type that a file has as a part: a mail within a mail, or parts, must not be
// encoded (RFC 2045, 6.4), and so go as what they are to those who save them.
func contentType(of string) string {
	kind, _, _ := strings.Cut(of, "/")
	if kind == "message" || kind == "multipart" || of == "" {
		return "application/octet-stream"
	}
	return of
}
