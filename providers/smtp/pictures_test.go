package smtp

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/providers"
)

// parts reads the parts of a multipart body by their types.
func parts(t *testing.T, contentType string, body io.Reader) (of map[string]*multipart.Part, contents map[string][]byte) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	require.NoError(t, err)
	require.Contains(t, kind, "multipart/")
	of, contents = map[string]*multipart.Part{}, map[string][]byte{}
	for r := multipart.NewReader(body, params["boundary"]); ; {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return of, contents
		}
		require.NoError(t, err)
		kind, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		require.NoError(t, err)
		content, err := io.ReadAll(p)
		require.NoError(t, err)
		of[kind], contents[kind] = p, content
	}
}

// A picture that stands in the HTML goes as a part of its own, which Gmail shows.
func TestPicturesInHTMLGoAsParts(t *testing.T) {
	picture := bytes.Repeat([]byte{0x89, 'P', 'N', 'G', 0, 0xff, '\n', '.'}, 200)
	data := `"data:image/png;base64,` + base64.StdEncoding.EncodeToString(picture) + `"`
	broken := `<img src="data:image/png;base64,AAA">`
	m := &providers.Message{ID: 42, To: "a@example.com", Content: providers.Content{
		Subject: "s", Text: "hello", HTML: `<p>Zoë</p><img alt=x src=` + data + `><IMG SRC=` + data + `>` + broken,
	}}
	got, err := testComposer().compose(nil, m, time.Time{})
	require.NoError(t, err)
	read, err := netmail.ReadMessage(strings.NewReader(strings.ReplaceAll(strings.TrimSuffix(string(got), ".\r\n"), "\r\n..", "\r\n.")))
	require.NoError(t, err)
	outer, contents := parts(t, read.Header.Get("Content-Type"), read.Body)
	require.Equal(t, "hello\r\n", strings.TrimSuffix(string(contents["text/plain"]), "\r\n")+"\r\n")
	inner, contents := parts(t, outer["multipart/related"].Header.Get("Content-Type"), bytes.NewReader(contents["multipart/related"]))
	require.Equal(t, "inline", inner["image/png"].Header.Get("Content-Disposition"))
	id := strings.Trim(inner["image/png"].Header.Get("Content-ID"), "<>")
	require.Regexp(t, `^p1[0-9a-z.-]+@example\.org$`, id)
	decoded, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(contents["image/png"]), "\r\n", ""))
	require.NoError(t, err)
	require.Equal(t, picture, decoded)
	html := string(contents["text/html"])
	require.Equal(t, `<p>Zoë</p><img alt=x src="cid:`+id+`"><IMG SRC="cid:`+id+`">`+broken, strings.TrimSuffix(html, "\r\n"))
	require.Len(t, inner, 2, "the same picture goes once")

	m.Content.Text = ""
	got, err = testComposer().compose(nil, m, time.Time{})
	require.NoError(t, err)
	require.Contains(t, string(got), "\r\nContent-Type: multipart/related;")
	m.Content.HTML = "<p>no picture</p>"
	got, err = testComposer().compose(nil, m, time.Time{})
	require.NoError(t, err)
	require.NotContains(t, string(got), "multipart")
}
