package smtp_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/smtp"
)

// attached is what a mail says and the file that it carries, read as mailboxes read it.
func attached(t testing.TB, mail []byte) (words, contentType, name string, content []byte) {
	t.Helper()
	read, err := netmail.ReadMessage(bytes.NewReader(mail))
	require.NoError(t, err)
	kind, params, err := mime.ParseMediaType(read.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/mixed", kind)
	parts := multipart.NewReader(read.Body, params["boundary"])
	said, err := parts.NextPart()
	require.NoError(t, err)
	inner, err := io.ReadAll(said)
	require.NoError(t, err)
	file, err := parts.NextPart()
	require.NoError(t, err)
	require.Equal(t, "base64", file.Header.Get("Content-Transfer-Encoding"))
	disposition, params, err := mime.ParseMediaType(file.Header.Get("Content-Disposition"))
	require.NoError(t, err)
	require.Equal(t, "attachment", disposition)
	content, err = io.ReadAll(base64.NewDecoder(base64.StdEncoding, file))
	require.NoError(t, err)
	_, err = parts.NextPart()
	require.ErrorIs(t, err, io.EOF)
	return said.Header.Get("Content-Type") + "\n" + string(inner), file.Header.Get("Content-Type"), params["filename"], content
}

// A mail carries an uploaded file, byte by byte, in place of a link to it.
func TestAMailCarriesItsFile(t *testing.T) {
	var got []byte
	s := receiver(t, sink.Options{Seen: func(d sink.Delivery) { got = d.Body }})
	p := to(t, s, providers.Deps{Concurrency: 1}, "")
	content := bytes.Repeat([]byte("%PDF\r\n.\r\n\x00\xff"), 100_000)
	long := strings.Repeat("Speisekarte für Größte ", 8) + ".pdf"
	for _, c := range []struct {
		name, renamed, contentType string
		says                       providers.Content
		wantName, wantType         string
	}{
		{"menu.pdf", "", "application/pdf", providers.Content{Text: "Our menu"}, "menu.pdf", "application/pdf"},
		{"menu.pdf", `the "best" \ menu.pdf`, "application/pdf", providers.Content{HTML: "<p>Our menu</p>"}, `the "best" \ menu.pdf`, "application/pdf"},
		{long, "", "application/pdf", providers.Content{Text: "Our menu", HTML: "<p>Our menu</p>"}, long, "application/pdf"},
		{"a.eml", "a\r\nBcc: b@example.org", "message/rfc822", providers.Content{Text: "Our menu"}, "a\r\nBcc: b@example.org", "application/octet-stream"},
	} {
		c.says.Subject = "Menu"
		c.says.Attachment = &providers.Attachment{
			MediaID: 3, URL: "https://n.example.org/files/t/menu.pdf", Filename: c.renamed,
			File: &providers.File{Name: c.name, ContentType: c.contentType, Size: int64(len(content)), Content: content},
		}
		_, err := p.Send(t.Context(), providers.Message{ID: 7, To: "zoe@example.org", Content: c.says})
		require.NoError(t, err)
		for line := range strings.Lines(string(got)) {
			require.LessOrEqual(t, len(line), 250)
		}
		words, contentType, name, read := attached(t, got)
		require.Contains(t, words, "Our menu")
		require.NotContains(t, words, "files/t", "no link beside the file")
		require.Equal(t, c.wantName, name)
		require.Equal(t, c.wantType, contentType)
		require.True(t, bytes.Equal(content, read), "the file is another: %d bytes", len(read))
	}
}

// What is too large is refused before the server is asked, and where it is saved.
func TestAFileThatAMailCannotCarry(t *testing.T) {
	s := receiver(t, sink.Options{Record: true})
	p := to(t, s, providers.Deps{Concurrency: 1}, "")
	file := &providers.File{Name: "menu.pdf", ContentType: "application/pdf", Size: 7_000_001, Content: make([]byte, 7_000_001)}
	m := providers.Message{ID: 7, To: "zoe@example.org", Content: providers.Content{Text: "x", Attachment: &providers.Attachment{MediaID: 3, File: file}}}
	_, err := p.Send(t.Context(), m)
	require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind)
	require.ErrorContains(t, err, "menu.pdf has 7.1 MB, and a mail carries at most 7 MB")
	require.Zero(t, s.Connections())
	file.Content = file.Content[:7_000_000]
	_, err = p.Send(t.Context(), m)
	require.NoError(t, err)

	can := smtp.Kind().Capabilities
	require.True(t, can.Carries(&providers.Attachment{MediaID: 3}))
	require.False(t, can.Carries(&providers.Attachment{URL: "https://example.org/menu.pdf"}))
	facts := providers.FileFacts{Sort: providers.Document, ContentType: "application/pdf", Size: 7_000_001}
	require.Equal(t, "has 7.1 MB; as document the channel sends at most 7 MB", can.WrongFile(providers.Email, facts))
	facts.Linked = true
	require.Empty(t, can.WrongFile(providers.Email, facts), "a link has no bound")
}
