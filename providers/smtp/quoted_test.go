package smtp

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/providers"
	"carillon/providers/mail"
)

// plainQuoted is quoted-printable byte by byte, as RFC 2045 (6.7) has it, dot-stuffed:
// what appendQuoted does by runs.
func plainQuoted(content []byte) []byte {
	var b []byte
	column := 0
	add := func(s string) {
		if column+len(s) > 75 {
			b = append(b, "=\r\n"...)
			column = 0
		}
		if column == 0 && s[0] == '.' {
			b = append(b, '.')
		}
		b = append(b, s...)
		column += len(s)
	}
	for i, c := range content {
		last := i+1 == len(content) || content[i+1] == '\r'
		switch {
		case c == '\r' && bytes.HasPrefix(content[i:], crlf):
			b = append(b, crlf...)
			column = 0
		case c == '\n' && i > 0 && content[i-1] == '\r':
		case (c == ' ' || c == '\t') && !last, c > ' ' && c < 0x7f && c != '=':
			add(string(rune(c)))
		default:
			add(fmt.Sprintf("=%02X", c))
		}
	}
	return b
}

// requireQuoted holds appendQuoted against the plain way and against the standard
// library's reader.
func requireQuoted(t require.TestingT, content []byte) {
	quoted := appendQuoted(nil, content)
	require.Equal(t, string(plainQuoted(content)), string(quoted))
	for i, line := range bytes.Split(quoted, crlf) {
		stuffed := bytes.HasPrefix(line, []byte("."))
		require.Equal(t, stuffed, bytes.HasPrefix(line, []byte("..")), "line %d", i)
		if stuffed {
			line = line[1:]
		}
		require.LessOrEqual(t, len(line), 76, "line %d", i)
	}
	back, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(unstuffed(quoted))))
	require.NoError(t, err)
	require.Equal(t, string(content), string(back))
}

// unstuffed takes away what dot-stuffing adds.
func unstuffed(b []byte) []byte {
	return bytes.TrimPrefix(bytes.ReplaceAll(b, []byte("\n.."), []byte("\n.")), []byte("."))
}

// somePart is what texts are made of, and what is special in quoted-printable.
var somePart = rapid.OneOf(
	rapid.SampledFrom([]string{
		"\r\n", "\r\n", " ", "\t", "=", ".", "..", "\r\n.", "\r", "\n", "\x7f", "\x00", "\x1f", "é", "’", "日本", "\xff", "~", "!", "--=_c1", "=_c1_",
		`<a href="https://t.example.com/l/n47-07/9e3779b97f4a7c15c2b2ae3d27d4" style="color:#8a5a2b">`, " \r\n", "\t\r\n",
	}),
	rapid.StringMatching(`[a-z .]{1,90}`), rapid.String(),
)

func TestQuotedEqualsThePlainWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		requireQuoted(t, []byte(strings.Join(rapid.SliceOfN(somePart, 0, 40).Draw(t, "parts"), "")))
	})
	requireQuoted(t, []byte(strings.ReplaceAll(issue().Content.HTML, "\n", "\r\n")))
}

func FuzzQuoted(f *testing.F) {
	for _, s := range []string{"", ".", "a \r\n.b\t\r\n", strings.Repeat("x", 75) + ".", strings.Repeat("é", 40), "=\r=\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) { requireQuoted(t, content) })
}

// What is found eight bytes at a time is what is found one by one.
func TestBytesAreClassedAlikeOneByOne(t *testing.T) {
	near := rapid.SampledFrom([]byte{' ', '!', 0x1f, '\t', '\r', '\n', '=', '<', '>', '~', 0x7f, 0x7e, 0x80, 0x9f, 0xa0, 0xff, 0, 1, 'a'})
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SliceOfN(rapid.OneOf(near, rapid.Just(byte('a')), rapid.Byte()), 0, 40).Draw(t, "s")
		first, high, plain := len(s), 0, true
		for i, c := range s {
			if !isLiteral(c) {
				first = min(first, i)
			}
			if c >= 0x80 {
				high++
			}
			plain = plain && (isLiteral(c) || c == '=' || c == '\r' || c == '\n')
		}
		require.Equal(t, first, literals(s))
		require.Equal(t, high, countHigh(s))
		require.Equal(t, plain, isPlain(s))
	})
	require.False(t, isPlain(bytes.Repeat([]byte("x"), mail.MaxHeaderLine+1)))
	require.True(t, isPlain([]byte(strings.Repeat(strings.Repeat("x", mail.MaxHeaderLine-1)+"\r\n", 3))))
}

// Both texts of a message come back from it, whatever is in them.
func TestTextsComeBack(t *testing.T) {
	texts := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(somePart, 1, 30).Draw(t, "parts"), "") })
	rapid.Check(t, func(t *rapid.T) {
		content := providers.Content{Text: texts.Draw(t, "text"), HTML: texts.Draw(t, "html")}
		if content.Text == "" || content.HTML == "" {
			return
		}
		composed, err := testComposer().compose([]byte("kept"), &providers.Message{ID: 1, To: "a@example.com", Content: content}, time.Time{})
		require.NoError(t, err)
		composed = bytes.TrimPrefix(composed, []byte("kept"))
		require.Equal(t, 1, bytes.Count(composed, []byte("\r\n.\r\n")), "nothing follows the final dot")
		raw, err := io.ReadAll(textproto.NewReader(bufio.NewReader(bytes.NewReader(composed))).DotReader())
		require.NoError(t, err)
		read, err := netmail.ReadMessage(bytes.NewReader(raw))
		require.NoError(t, err)
		_, params, err := mime.ParseMediaType(read.Header.Get("Content-Type"))
		require.NoError(t, err)
		parts := multipart.NewReader(read.Body, params["boundary"])
		for _, want := range []string{content.Text, content.HTML} {
			part, err := parts.NextRawPart()
			require.NoError(t, err)
			back := io.Reader(part)
			switch part.Header.Get("Content-Transfer-Encoding") {
			case quotedPrintable:
				back = quotedprintable.NewReader(part)
			case base64Encoding:
				back = base64.NewDecoder(base64.StdEncoding, part)
			}
			got, err := io.ReadAll(back)
			require.NoError(t, err)
			require.Equal(t, strings.TrimSuffix(oneBreak.Replace(strings.ToValidUTF8(want, "\uFFFD")), "\n"), strings.TrimSuffix(oneBreak.Replace(string(got)), "\n"))
		}
		_, err = parts.NextRawPart()
		require.ErrorIs(t, err, io.EOF)
	})
}

// oneBreak writes every line break alike.
var oneBreak = strings.NewReplacer("\r\n", "\n", "\r", "\n")
