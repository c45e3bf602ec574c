package providertest

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// attachment is a file whose address and name hold what tends to be escaped twice.
var attachment = providers.Attachment{
	URL: "https://files.example.com/a%20b.pdf?x=1&y=%C3%BC", Filename: "Größe \"1\" & 2.pdf", Caption: "Für Zoë: \"1\" < 2",
}

// media sends a file with a caption, a file that nothing is said about, and one beside
// a text: it arrives as a file, and what is said as it was said. Whether a text beside
// a file is its caption is the provider's business. Where nothing can be said beside a
// file, the words arrive with its address.
func (s Subject) media(t testing.TB) {
	var arrived seen
	p := s.open(t, s.serve(t, sink.Options{Seen: arrived.add}).Config)
	for i, c := range []providers.Content{
		{Attachment: &attachment},
		{Attachment: &providers.Attachment{URL: attachment.URL}},
		{Attachment: &providers.Attachment{URL: attachment.URL, Filename: attachment.Filename}, Text: "Hello,\nZoë"},
	} {
		m := s.message(int64(i + 1))
		m.Content = c
		_, err := p.Send(t.Context(), m)
		require.NoError(t, err)
		if s.Serve == nil {
			continue
		}
		got := s.arrived(t, m.To, arrived.get(t, i)).Content
		if words := c.Text + c.Attachment.Caption; s.Kind.Capabilities.MediaAlone && words != "" {
			require.Equal(t, words+"\n"+c.Attachment.URL, got.Text, "Capabilities.MediaAlone promises the file's address below the words")
			continue
		}
		require.NotNil(t, got.Attachment, "Capabilities.Media promises that the file arrives as one")
		require.Equal(t, c.Attachment.URL, got.Attachment.URL)
		if !s.Unnamed {
			require.Equal(t, c.Attachment.Filename, got.Attachment.Filename)
		}
		require.Equal(t, c.Text+c.Attachment.Caption, got.Text+got.Attachment.Caption)
	}
}

// captionBound puts as much beside a file as the adapter says that it takes, and one unit more.
func (s Subject) captionBound(t testing.TB) {
	s.filled(t, s.Kind.Capabilities.MaxCaptionUnits, &providers.Attachment{URL: attachment.URL})
}

// link has an adapter that takes no files write where the file is.
func (s Subject) link(t testing.TB) {
	var arrived seen
	p := s.open(t, s.Serve(t, sink.Options{Seen: arrived.add}).Config)
	m := s.message(1)
	m.Content.Attachment = &attachment
	_, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	got := s.arrived(t, m.To, arrived.get(t, 0)).Content
	require.Contains(t, got.Text, m.Content.Text)
	require.Contains(t, got.Text, attachment.URL, "without Capabilities.Media the text says where the file is")
}

// within has a message carry a file in itself, as large as it may be: it arrives whole, with its
// name, beside what is said, and nothing stands in the text in its place. One that is a byte larger
// is refused before the far end is asked.
func (s Subject) within(t testing.TB) {
	var arrived seen
	p := s.open(t, s.serve(t, sink.Options{Seen: arrived.add}).Config)
	limits := s.Kind.Capabilities.FilesFor(s.Kind.Capabilities.Address)
	at := slices.IndexFunc(limits, func(l providers.FileLimit) bool { return l.Type == providers.Document })
	require.GreaterOrEqual(t, at, 0, "Capabilities.Files says how large a document may be")
	most := limits[at].MaxBytes
	content := bytes.Repeat([]byte("%PDF\r\n.\r\n\x00\xff"), int(most/11)+1)[:most+1]
	file := providers.File{Name: "menu.pdf", ContentType: "application/pdf", Size: most + 1, Content: content}
	m := s.message(1)
	m.Content = providers.Content{Subject: "Menu", Text: "Our menu"}
	m.Content.Attachment = &providers.Attachment{MediaID: 3, Filename: "Größe & 2.pdf", URL: attachment.URL, File: &file}
	_, err := p.Send(t.Context(), m)
	require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind, "a file that is larger than Capabilities.Files says")
	require.ErrorContains(t, err, "menu.pdf has ")
	file.Size, file.Content = most, file.Content[:most]
	_, err = p.Send(t.Context(), m)
	require.NoError(t, err)
	require.Len(t, arrived.all, 1, "a file that is too large is refused before anything goes")
	got := s.arrived(t, m.To, arrived.get(t, 0)).Content
	require.Contains(t, got.Text, "Our menu")
	require.NotContains(t, got.Text, attachment.URL, "no link beside the file")
	require.NotNil(t, got.Attachment, "Capabilities.Uploads promises the file within the message")
	require.Equal(t, []any{"Größe & 2.pdf", "application/pdf"}, []any{got.Attachment.Filename, got.Attachment.File.ContentType})
	require.True(t, bytes.Equal(file.Content, got.Attachment.File.Content), "the file is another: %d bytes", len(got.Attachment.File.Content))
}
