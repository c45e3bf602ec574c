package mail

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever stands in the HTML, what is taken out is what its places name, and the rest stays.
func FuzzPictures(f *testing.F) {
	f.Add([]byte(`<img src="data:image/png;base64,iVBORw0KGgo="><img src='data:image/gif;base64,R0lG'>`))
	f.Add([]byte(`data:image/png;base64, src=data:image/jpeg;base64,!!! src="data:image/png;base64,AAAA`))
	f.Add([]byte("\n src = data:image/png;base64,AA\r\nAA"))
	f.Fuzz(func(t *testing.T, html []byte) {
		left, found := Pictures(bytes.Clone(html), 7, "-x@example.org")
		if len(found) == 0 {
			require.Equal(t, html, left)
			return
		}
		for _, p := range found {
			require.NotEmpty(t, p.Content)
			require.Contains(t, string(left), "cid:"+p.ID)
		}
		require.LessOrEqual(t, len(found), bytes.Count(bytes.ToLower(html), []byte("data:image/")))
	})
}
