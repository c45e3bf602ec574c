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

// issue is about what the newsletter of 30 KB of carillon bench renders to: HTML with
// sixty links that are the recipient's own, and a text part.
func issue() *providers.Message {
	story := "She went by barge and came back by lorry, wrapped in carpets like a piano. The crack that the frost of the bad winter left in her lip is welded, " +
		"her clapper is new, and her note is where the founder put it in 1741: a shade under A. " +
		"The welders kept the inscription, which asks the reader to wake up and be kind, in that order."
	link := "https://t.example.com/l/n47-07/9e3779b97f4a7c15c2b2ae3d27d4"
	item := "<tr><td class=\"pad\" style=\"padding:20px 32px 0 32px;font-size:16px;line-height:25px\">\n" +
		"<h2 style=\"margin:0 0 8px 0;font-size:20px;line-height:26px\"><a href=\"" + link +
		"\" style=\"color:#2b2622;text-decoration:none\">The sixth bell is back</a></h2>\n<p style=\"margin:0 0 12px 0\">" + story +
		"</p>\n<p style=\"margin:0 0 16px 0;font-size:14px\"><a href=\"" +
		link + "\" style=\"color:#8a5a2b\">Read on</a> &middot; <a href=\"" + link + "\" style=\"color:#8a5a2b\">Send it to somebody</a></p>\n</td></tr>\n"
	return &providers.Message{
		ID: 1, Attempt: 1, To: "someone@example.com", ToName: "Zoë Ångström",
		Content: providers.Content{
			Subject: "The big autumn issue", Preheader: "The sixth bell is back.",
			Text: strings.Repeat("THE SIXTH BELL IS BACK\n"+story+"\nRead on: "+link+"\n\n", 12) + "Yours,\nthe ringers of Saint Agatha’s\n",
			HTML: "<!DOCTYPE html>\n<html lang=\"en\"><body style=\"margin:0\">\n<table role=\"presentation\">\n" + strings.Repeat(item, 27) +
				"</table>\n<p>The ringers of Saint Agatha’s</p></body></html>\n",
		},
		UnsubscribeURL: "https://example.com/u/abcdefghijklmnop",
	}
}

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
	now := clock.System{}.Now()
	for name, of := range map[string]struct {
		composer
		*providers.Message
	}{
		"Letter": {testComposer(), m}, "Issue": {testComposer(), issue()},
		"IssueSignedRSA": {testComposer(keyOf(b, rsaKey(b))), issue()}, "IssueSignedEd25519": {testComposer(keyOf(b, edKey(b))), issue()},
	} {
		b.Run(name, func(b *testing.B) {
			var buffer []byte
			var err error
			b.ReportAllocs()
			for b.Loop() {
				buffer, err = of.compose(buffer[:0], of.Message, now)
				require.NoError(b, err)
			}
			b.SetBytes(int64(len(buffer)))
		})
	}
}

// BenchmarkSpliced is what composing could come to if everything that is constant had
// been encoded before: copying the encoded pieces and encoding the values between them.
func BenchmarkSpliced(b *testing.B) {
	m := issue()
	content := appendLines(nil, m.Content.HTML+m.Content.Text)
	var pieces [][]byte
	for rest := content; len(rest) > 0; {
		n := min(len(rest), len(content)/80)
		pieces = append(pieces, appendQuoted(nil, rest[:n]))
		rest = rest[n:]
	}
	value := []byte("9e3779b97f4a7c15c2b2ae3d27d4")
	var buffer []byte
	for b.Loop() {
		buffer = buffer[:0]
		for _, piece := range pieces {
			buffer = appendQuoted(append(buffer, piece...), value)
		}
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
