package smtp

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"carillon/providers"
	"carillon/providers/mail"
)

func testComposer(keys ...providers.SigningKey) composer {
	c, err := newComposer(&Config{From: "news@example.org", FromName: "Die Glöckner", ReplyTo: "answers@example.org"},
		mail.Mailbox{Domain: "example.org"}, providers.Deps{Installation: "k3jq2m5xw7ab4cde", SigningKeys: keys})
	if err != nil {
		panic(err)
	}
	return c
}

func TestCompose(t *testing.T) {
	m := &providers.Message{
		ID: 42, To: "zoe@example.com", ToName: `Zoe "Z" Doe`,
		Content: providers.Content{
			Subject: "Grüße", Text: "Hello\n.dot", HTML: "<html><Body class=x><p>Zoë</p></body></html>", Preheader: "a < b",
			Attachment: &providers.Attachment{URL: "https://example.com/a.pdf?x=1&y=2", Filename: "a.pdf"},
		},
		UnsubscribeURL: "https://example.com/u/1",
	}
	got, err := testComposer().compose(nil, m, time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	want, err := os.ReadFile("testdata/message.eml")
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(string(want), "\n", "\r\n"), string(got))

	m.Transactional = true
	got, err = testComposer().compose(nil, m, time.Time{})
	require.NoError(t, err)
	require.NotContains(t, string(got), "List-Unsubscribe", "not for transactional mail")
}

func TestBoundaryIsInNoPart(t *testing.T) {
	m := &providers.Message{ID: 1, To: "a@example.com", Content: providers.Content{Text: "--=_c1\n--=_c1_--\n", HTML: "x"}}
	got, err := testComposer().compose(nil, m, time.Time{})
	require.NoError(t, err)
	require.Contains(t, string(got), `boundary="=_c1__"`)
}

// FuzzCompose reads every message back with the standard library: whatever is
// in it, the header has the fields it should have and no other, and the text
// comes back.
func FuzzCompose(f *testing.F) {
	f.Add("Zoë", "Grüße", "Hello\n.\n", "zoe@example.com")
	f.Add("a\r\nBcc: b@example.com", "=?utf-8?q?x?=", "x", "a@b")
	f.Add(strings.Repeat("long ", 300), strings.Repeat("x", 3000), strings.Repeat("ü \n", 300), `"quo ted"@[127.0.0.1]`)
	f.Add("x", "x "+strings.Repeat("x", 3000), "x", "a@b") // was folded into an empty line, which ended the header
	f.Add("x", strings.Repeat("x  x", 3000), "x", "a@b")
	f.Fuzz(func(t *testing.T, name, subject, text, to string) {
		address, err := mail.ParseMailbox(to)
		if err != nil || text == "" {
			return
		}
		m := &providers.Message{ID: 7, To: address.Text, ToName: name, Content: providers.Content{Subject: subject, Text: text}}
		composed, err := testComposer().compose(nil, m, time.Unix(0, 0).UTC())
		if err != nil {
			require.True(t, strings.ContainsAny(name+subject, "\r\n"), err)
			return
		}
		raw, err := io.ReadAll(textproto.NewReader(bufio.NewReader(bytes.NewReader(composed))).DotReader())
		require.NoError(t, err)
		require.True(t, bytes.HasSuffix(composed, []byte("\r\n.\r\n")))
		require.Equal(t, 1, bytes.Count(composed, []byte("\r\n.\r\n")), "nothing follows the final dot")
		for _, line := range bytes.Split(composed, []byte("\r\n")) {
			require.LessOrEqual(t, len(line), 998)
			require.False(t, bytes.ContainsAny(line, "\r\n"))
		}
		read, err := netmail.ReadMessage(bytes.NewReader(raw))
		require.NoError(t, err)
		require.Len(t, read.Header, 9)
		decoded, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
		require.NoError(t, err)
		valid := strings.ToValidUTF8(subject, "\uFFFD")
		require.Equal(t, strings.Trim(valid, " "), strings.Trim(decoded, " "))
		body := read.Body
		switch read.Header.Get("Content-Transfer-Encoding") {
		case "quoted-printable":
			body = quotedprintable.NewReader(body)
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, body)
		}
		back, err := io.ReadAll(body)
		require.NoError(t, err)
		require.Equal(t, strings.TrimSuffix(oneBreak.Replace(strings.ToValidUTF8(text, "\uFFFD")), "\n"),
			strings.TrimSuffix(oneBreak.Replace(string(back)), "\n"))
	})
}

func TestReadReply(t *testing.T) {
	for raw, want := range map[string]reply{
		"250 ok\r\n":                         {250, "ok"},
		"250\r\n":                            {250, ""},
		"250 \r\n":                           {250, ""},
		"250 ok\n":                           {250, "ok"},
		"550-5.1.1 one\r\n550 5.1.1 two\r\n": {550, "5.1.1 one two"},
		"250 a\tb\x1b[31m\r\n":               {250, "ab[31m"},
		"250 " + strings.Repeat("x", 900) + "\r\n": {250, strings.Repeat("x", 900)},
		"250 " + strings.Repeat("x", 901) + "\r\n": {250, strings.Repeat("x", 447) + " ... " + strings.Repeat("x", 447)},
		"250 \xff\xe4\r\n":                         {250, ""},
	} {
		got, err := readReply(bufio.NewReader(strings.NewReader(raw)))
		require.NoError(t, err, raw)
		require.Equal(t, want, got, raw)
	}
	for _, raw := range []string{
		"", "25", "250", "abc def\r\n", "\r\n", "199 x\r\n", "600 x\r\n", "250x\r\n", "2-0 x\r\n",
		strings.Repeat("250-x\r\n", 200), "250 " + strings.Repeat("x", 5000) + "\r\n",
	} {
		_, err := readReply(bufio.NewReader(strings.NewReader(raw)))
		require.Error(t, err, raw)
	}
}

func FuzzReply(f *testing.F) {
	f.Add([]byte("250-one\r\n250 5.1.1 two\r\n"))
	f.Add([]byte("421 4.7.0 too many\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := readReply(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return
		}
		require.True(t, r.code >= 200 && r.code < 600)
		require.LessOrEqual(t, len(r.text), maxReplyText)
		require.True(t, utf8.ValidString(r.text))
		for _, at := range []stage{greeting, hello, encrypt, signIn, sender, recipient, content, body} {
			if r.ok() {
				continue
			}
			e := classify(at, r)
			require.NotEmpty(t, e.Kind)
			if r.code/100 == 4 {
				require.NotContains(t, []providers.ErrorKind{providers.ErrorContent, providers.ErrorRecipient, providers.ErrorAuth, providers.ErrorInDoubt}, e.Kind)
			}
			if r.code/100 == 5 {
				require.NotContains(t, []providers.ErrorKind{providers.ErrorTemporary, providers.ErrorRecipientBusy, providers.ErrorInDoubt}, e.Kind)
			}
		}
	})
}
