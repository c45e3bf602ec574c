package value

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Squash is a name without everything that does not distinguish it: case,
// accents, spaces, punctuation, a byte order mark.
func Squash(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(s)) {
		if p := Letters(r); p != "" {
			b.WriteString(p)
		} else if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Letters are those for which r stands that no decomposition takes apart, such as
// ss for ß; empty for any other.
func Letters(r rune) string {
	switch r {
	case 'ß':
		return "ss"
	case 'ø':
		return "o"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'ł':
		return "l"
	case 'đ', 'ð':
		return "d"
	case 'þ':
		return "th"
	case 'ı':
		return "i"
	}
	return ""
}
