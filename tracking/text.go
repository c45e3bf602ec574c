package tracking

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// inText are the web addresses of a text in their order.
func inText(text string) (list []span) {
	for at := 0; at < len(text); {
		next := strings.Index(text[at:], "://")
		if next < 0 {
			break
		}
		start, end := addressAround(text, at, at+next)
		if end <= start {
			at += next + len("://")
			continue
		}
		if address := text[start:end]; isWeb(address) {
			list = append(list, span{start, end, address})
		}
		at = end
	}
	return list
}

// addressAround is where the address begins and ends whose :// is at colon, and that does not
// begin before from; empty if there is none.
func addressAround(text string, from, colon int) (start, end int) {
	for _, scheme := range []string{"https", "http"} {
		begin := colon - len(scheme)
		if begin < from || !strings.EqualFold(text[begin:colon], scheme) {
			continue
		}
		if before, _ := utf8.DecodeLastRuneInString(text[:begin]); unicode.IsLetter(before) || unicode.IsDigit(before) || strings.ContainsRune("+-._", before) {
			continue
		}
		end := colon + len("://")
		for end < len(text) {
			r, size := utf8.DecodeRuneInString(text[end:])
			if endsAddress(r, size) {
				break
			}
			end += size
		}
		return begin, colon + len("://") + len(trimTail(text[colon+len("://"):end]))
	}
	return 0, 0
}

// endsAddress reports whether an address ends before a letter: at spaces, quotes and angle
// brackets of any script, at what can't be seen, and at the full stops and brackets of
// scripts that put no space behind them.
func endsAddress(r rune, size int) bool {
	switch {
	case r == utf8.RuneError && size <= 1, unicode.IsSpace(r), unicode.IsControl(r), unicode.Is(unicode.Cf, r):
		return true
	case strings.ContainsRune("<>\"`{}|\\^", r):
		return true
	}
	return r >= 0x80 && (unicode.In(r, unicode.Pi, unicode.Pf, unicode.Ps, unicode.Pe, unicode.Po))
}

// trimTail cuts off what ends a sentence around an address, and brackets that were opened
// before it.
func trimTail(address string) string {
	for address != "" {
		last := address[len(address)-1]
		switch last {
		case '.', ',', ';', ':', '!', '?', '\'', '*', '_', '~':
		case ')', ']':
			opening := map[byte]string{')': "(", ']': "["}[last]
			if strings.Count(address, opening) >= strings.Count(address, string(last)) {
				return address
			}
		default:
			return address
		}
		address = address[:len(address)-1]
	}
	return address
}
