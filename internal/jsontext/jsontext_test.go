package jsontext

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func FuzzAppendString(f *testing.F) {
	for _, seed := range []string{"", "plain", `a "quoted" \ one`, "tab\tline\nnul\x00\x1f\x7f", "Zoë 😀 \u2028"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		b := AppendString([]byte("["), s)
		var got []string
		require.NoError(t, json.Unmarshal(append(b, ']'), &got))
		require.Equal(t, []string{s}, got)
	})
}
