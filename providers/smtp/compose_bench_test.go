package smtp

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/providers"
)

func BenchmarkCompose(b *testing.B) {
	paragraph := "Liebe Zoë, zum Frühling läuten wir die Glocken: kommen Sie am Samstag um zehn Uhr auf den Markt. "
	m := &providers.Message{
		ID: 1, Attempt: 1, To: "someone@example.com", ToName: "Zoë Ångström",
		Content: providers.Content{
			Subject: "Grüße zum Frühling", Text: strings.Repeat(paragraph+"\n\n", 10),
			HTML: "<html><body>" + strings.Repeat("<p style=\"margin:0 0 16px\">"+paragraph+"<a href=\"https://example.com/x\">mehr</a></p>\n", 18) + "</body></html>",
		},
		UnsubscribeURL: "https://example.com/u/abcdefghijklmnop",
	}
	c := newComposer(&Config{From: "news@example.org", FromName: "Die Glöckner"}, mailbox{domain: "example.org"}, providers.Deps{Installation: "k3jq2m5xw7ab4cde"})
	now := clock.System{}.Now()
	var buffer []byte
	var err error
	b.ReportAllocs()
	for b.Loop() {
		buffer, err = c.compose(buffer[:0], m, now)
		require.NoError(b, err)
	}
	b.SetBytes(int64(len(buffer)))
}

// BenchmarkQuoted compares our quoted-printable with the standard library's.
func BenchmarkQuoted(b *testing.B) {
	text := []byte(strings.Repeat("Liebe Zoë, zum Frühling läuten wir die Glocken\r\n", 60))
	b.Run("Ours", func(b *testing.B) {
		var buffer []byte
		for b.Loop() {
			buffer = appendQuoted(buffer[:0], text)
		}
		b.SetBytes(int64(len(text)))
	})
	b.Run("Standard", func(b *testing.B) {
		for b.Loop() {
			w := quotedprintable.NewWriter(io.Discard)
			_, _ = bytes.NewReader(text).WriteTo(w)
			_ = w.Close()
		}
		b.SetBytes(int64(len(text)))
	})
}
