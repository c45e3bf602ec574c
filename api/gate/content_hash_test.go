package gate

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// However a body comes in, its hash is the same, and every other content has
// another one.
func FuzzContentHash(f *testing.F) {
	f.Add("content", "other", uint8(3))
	f.Add("--b", "-b--", uint8(1))
	f.Add("", "b", uint8(2))
	f.Fuzz(func(t *testing.T, content, other string, at uint8) {
		const one, two = "boundary-one", "boundary-two-which-is-longer"
		if strings.Contains(content+other, "boundary-") {
			return // none is a part of the content
		}
		sum := func(content, boundary string, byByte bool) string {
			body := "--" + boundary + "\r\n\r\n" + content + "\r\n--" + boundary + "--\r\n"
			r := httptest.NewRequest(http.MethodPost, "/v1/contacts/import", strings.NewReader(body))
			r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
			c := newContentHash(r)
			var from io.Reader = c
			if byByte {
				from = iotest.OneByteReader(c)
			}
			_, err := io.CopyN(io.Discard, from, int64(at))
			if err == nil {
				_, err = io.Copy(io.Discard, from)
			}
			if err != nil {
				require.ErrorIs(t, err, io.EOF)
			}
			_, hash, _ := strings.Cut(c.whole(), ":")
			return hash
		}
		whole := sum(content, one, false)
		require.Equal(t, whole, sum(content, one, true))
		require.Equal(t, whole, sum(content, two, true))
		require.Equal(t, content == other, whole == sum(other, two, false))
	})
}
