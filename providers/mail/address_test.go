package mail

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzMailbox: what is taken can't leave its angle brackets, and the standard
// library takes it too.
func FuzzMailbox(f *testing.F) {
	for _, s := range []string{
		"a@b.example", `"a b"@b.example`, "a@[127.0.0.1]", "a@[IPv6:::1]", "ä@ö.example", "a..b@c", ".a@b", "a@-b", "a@b-.c", "a>b@c", "a b@c", "@", "a@",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMailbox(s)
		if err != nil {
			return
		}
		require.Equal(t, s, m.Text)
		require.True(t, utf8.ValidString(s))
		require.LessOrEqual(t, len(s), maxMailbox)
		require.False(t, strings.ContainsAny(s, "\r\n\x00"))
		if !strings.Contains(s, `"`) {
			require.False(t, strings.ContainsAny(s, "<> \t"), s)
		}
		require.Equal(t, m.UTF8, !isASCII(s))
	})
}

func TestParseMailbox(t *testing.T) {
	for _, good := range []string{
		"a@b", "a.b+c@example.com", "o'hara@example.co.uk", `"a b"@example.com`, `"a\"b"@example.com`, "a@[127.0.0.1]", "ä@example.com", "a@ex_ample.com",
		"a@xn--bcher-kva.example",
	} {
		_, err := ParseMailbox(good)
		require.NoError(t, err, good)
	}
	for _, bad := range []string{
		"", "a", "@", "a@", "@b", "a b@c", "a@b c", "a@@b", ".a@b", "a.@b", "a..b@c", "a@.b", "a@b.", "a@b..c", "a@-b", "a@b-", "a@b-.c",
		"a<b@c", "a>b@c", "a\r@c", "a@c\n", "a\x00@c", `"a"b"@c`, `"a\"@c`, "a@[", "a@[]", "a@[x>]", "a\u2028b@c", "a\u00a0b@c", "a@b\u202e",
		strings.Repeat("a", 65) + "@b", "a@" + strings.Repeat("b", 260), "a\xff@b",
	} {
		_, err := ParseMailbox(bad)
		require.Error(t, err, bad)
	}
}
