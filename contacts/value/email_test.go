package value

import (
	"net/mail"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEmails(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, c := range []struct{ in, want, reason string }{
		{in: "ann@example.com", want: "ann@example.com"},
		{in: " Ann.O'Hara+tag@Mail.Example.COM ", want: "Ann.O'Hara+tag@mail.example.com"},
		{in: "\u200Bann@example.com\uFEFF", want: "ann@example.com"},
		{in: "ann@Bücher.example", want: "ann@xn--bcher-kva.example"},
		{in: "ann@例え。テスト", want: "ann@xn--r8jz45g.xn--zckzah"},
		{in: "jürgen@example.com", want: "jürgen@example.com"},
		{in: `"ann smith"@example.com`, want: `"ann smith"@example.com`},
		{in: strings.Repeat("a", 64) + "@example.com", want: strings.Repeat("a", 64) + "@example.com"},
		{in: "a@" + label + "." + label + "." + label + ".example.com", want: "a@" + label + "." + label + "." + label + ".example.com"},
		{in: "ann", reason: "it has no @"},
		{in: "@example.com", reason: "nothing before the @"},
		{in: "ann@", reason: "nothing after the @"},
		{in: "ann@localhost", reason: "the domain has no dot"},
		{in: "ann@example.1", reason: "no top level"},
		{in: "ann@192.0.2.1", reason: "no top level"},
		{in: "ann@[192.0.2.1]", reason: `"[" is not allowed`},
		{in: "ann@example..com", reason: "a dot too many in the domain"},
		{in: "ann@example.com.", reason: "a dot too many in the domain"},
		{in: "ann@-example.com", reason: "a hyphen at the edge"},
		{in: "ann@exa_mple.com", reason: `"_" is not allowed`},
		{in: ".ann@example.com", reason: "a dot too many before the @"},
		{in: "an..n@example.com", reason: "a dot too many before the @"},
		{in: "ann.@example.com", reason: "a dot too many before the @"},
		{in: "an n@example.com", reason: "a space in it"},
		{in: "ann@exam ple.com", reason: "a space in it"},
		{in: "ann@exam\u200Bple.com", want: "ann@example.com"}, // looking a name up leaves it out
		{in: "an\u200Bn@example.com", reason: "an invisible character (U+200B)"},
		{in: "ann@@example.com", reason: "several addresses or an @ too many"},
		{in: "ann@example.com; bob@example.com", reason: "several addresses"},
		{in: "Ann <ann@example.com>", reason: "a space in it"},
		{in: "<ann@example.com>", reason: "write the address alone"},
		{in: "ann@example.com\r\nBcc: bob@example.com", reason: "several addresses"},
		{in: `"ann@example.com`, reason: "quoted part"},
		{in: strings.Repeat("a", 65) + "@example.com", reason: "longer than 64"},
		{in: "a@" + label + "a.com", reason: "longer than 63"},
		{in: "a@" + strings.Repeat("abcdefgh.", 30) + "com", reason: "longer than"},
		{in: strings.Repeat("a", 5000) + "@example.com", reason: "longer than 254"},
	} {
		got, reason := Email(c.in)
		require.Equal(t, c.want, got, "%q: %s", c.in, reason)
		if c.reason == "" {
			require.Empty(t, reason)
		} else {
			require.Contains(t, reason, c.reason, "%q", c.in)
		}
	}
}

// TestInternationalDomains has the samples of RFC 3492, section 7.1, that are
// letters only, and names that no registry gives.
func TestInternationalDomains(t *testing.T) {
	for in, want := range map[string]string{
		"他们为什么不说中文":                    "xn--ihqwcrb4cv8a8dqg056pqjye",
		"למההםפשוטלאמדבריםעברית":       "xn--4dbcagdahymbxekheh6e0a7fei0b",
		"почемужеонинеговорятпорусски": "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l",
		"3年b組金八先生":                     "xn--3b-ww4c5e180e575a65lsy2b",
		"BÜCHER":                       "xn--bcher-kva",
		"straße":                       "xn--strae-oqa",
		"ｅｘａｍｐｌｅ":                      "example",
	} {
		got, reason := Email("ann@" + in + ".example")
		require.Empty(t, reason, in)
		require.Equal(t, "ann@"+want+".example", got)
	}
	for in, want := range map[string]string{
		"بob":       "no domain can have this name", // two directions in one label
		"\u0301ann": "no domain can have this name", // a mark without its letter
		"a\u2028ü":  "a space in it",
		"a☃\u202Eü": "is not allowed",
	} {
		_, reason := Email("ann@" + in + ".example")
		require.Contains(t, reason, want, "%q", in)
	}
}

func FuzzEmail(f *testing.F) {
	for _, s := range []string{"ann@example.com", "a.b+c@x.y.zz", `"a b"@example.com`, "ann@bücher.example", "@", "a@b@c.de"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		addr, reason := Email(s)
		require.NotEqual(t, addr == "", reason == "", "%q: %q, %q", s, addr, reason)
		if addr == "" {
			return
		}
		again, _ := Email(addr)
		require.Equal(t, addr, again, "not stable")
		require.NotContains(t, addr, "\n")
		require.NotContains(t, addr, "\r")
		_, err := mail.ParseAddress(addr)
		require.NoError(t, err, "%q is taken, but net/mail refuses %q", s, addr)
	})
}
