package messages_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/messages"
)

// The type comes from the bytes: what is said counts where they begin so, too.
func TestTypesComeFromTheBytes(t *testing.T) {
	const png, zip = "\x89PNG\x0d\x0a\x1a\x0a", "PK\x03\x04\x14\x00\x00\x00"
	for _, c := range []struct{ begins, name, said, want string }{
		{png, "a.pdf", "application/pdf", "image/png"},
		{"%PDF-1.7", "a.png", "image/png", "application/pdf"},
		{"a;b\n1;2\n", "a.csv", "", "text/csv"},
		{"hello", "a", "", "text/plain"},
		{"hello", "a.html", "", "text/html"},
		{"<!doctype html><script>", "a.jpg", "image/jpeg", "text/html"},
		{`<svg xmlns="http://www.w3.org/2000/svg">`, "a.png", "image/png", "image/svg+xml"},
		{zip, "a.docx", "", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		{zip, "a.jpg", "image/jpeg", "application/zip"},
		{"\x00\x01\xff", "a.png", "image/png", "application/octet-stream"},
		{"MZ\x90\x00\x03\x00\x00\x00", "a.pdf", "application/pdf", "application/vnd.microsoft.portable-executable"},
	} {
		require.Equal(t, c.want, messages.TypeOf([]byte(c.begins), c.name, c.said), "%q %s", c.begins, c.name)
	}
}

// Whatever bytes, names and types are given, a type comes out that can stand in a header.
func FuzzTypeOf(f *testing.F) {
	f.Add([]byte("PK\x03\x04"), "a.docx", "text/html; charset=x")
	f.Add([]byte{}, "a.\n", "a/b\n")
	f.Fuzz(func(t *testing.T, begins []byte, name, said string) {
		require.Regexp(t, `^[a-z0-9.+-]+/[a-z0-9.+_-]+$`, messages.TypeOf(begins, name, said))
	})
}

func TestDataURIs(t *testing.T) {
	for text, want := range map[string]string{"data:text/plain;base64,aGk=": "hi", "data: text/plain;base64, aGk": "hi", "data:;base64,aGk=": "hi"} {
		_, content, err := messages.ParseDataURI(text)
		require.NoError(t, err, text)
		require.Equal(t, want, string(content), text)
	}
	for _, text := range []string{"", "data:", "data:text/plain,hi", "data:text/plain;base64,%", "https://example.org"} {
		_, _, err := messages.ParseDataURI(text)
		require.True(t, fault.Is(err, fault.Invalid), text)
	}
}
