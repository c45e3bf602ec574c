package property

import (
	"strings"
	"unicode"
)

// maxDigits is how many significant digits a number may have, and how many may
// stand on either side of its point: SQLite reads longer numbers less exactly
// than PostgreSQL and Go do (ADR 0012).
const maxDigits = 15

const (
	notNumber  = "is no number such as 7 or -12.5"
	longNumber = "has more than 15 digits: numbers keep 15 significant ones"
)

// decimal brings the JSON form of a number into the one in which it is stored:
// plain decimal notation, without an exponent and without zeros that say
// nothing.
func decimal(s string) (normal, reason string) {
	rest, negative := strings.CutPrefix(s, "-")
	mantissa, exponent, hasExponent := rest, 0, false
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		mantissa, hasExponent = rest[:i], true
		e, ok := smallInt(rest[i+1:])
		if !ok {
			return "", notNumber
		}
		exponent = e
	}
	whole, fraction, hasPoint := strings.Cut(mantissa, ".")
	if whole == "" || !digitsOnly(whole) || !digitsOnly(fraction) || (hasPoint && fraction == "") {
		return "", notNumber
	}
	if len(mantissa) > 400 {
		return "", longNumber
	}
	digits, point := whole+fraction, len(whole)+exponent
	stripped := strings.TrimLeft(digits, "0")
	point -= len(digits) - len(stripped)
	stripped = strings.TrimRight(stripped, "0")
	if stripped == "" {
		return "0", ""
	}
	if len(stripped) > maxDigits || point > maxDigits || len(stripped)-point > maxDigits {
		if hasExponent && len(stripped) <= maxDigits {
			return "", "is beyond what numbers keep: 15 digits before the point and 15 behind it"
		}
		return "", longNumber
	}
	var b strings.Builder
	if negative {
		b.WriteByte('-')
	}
	switch {
	case point <= 0:
		b.WriteString("0." + strings.Repeat("0", -point) + stripped)
	case point >= len(stripped):
		b.WriteString(stripped + strings.Repeat("0", point-len(stripped)))
	default:
		b.WriteString(stripped[:point] + "." + stripped[point:])
	}
	return b.String(), ""
}

// smallInt reads an exponent; anything beyond a thousand is one.
func smallInt(s string) (n int, ok bool) {
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(strings.TrimPrefix(s, "-"), "+")
	if s == "" || !digitsOnly(s) || len(s) > 4 {
		return 0, false
	}
	for _, d := range s {
		n = n*10 + int(d-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

func digitsOnly(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// plainNumber reads a number as people and spreadsheets write it: with a point
// or a comma before the fraction, with thousands grouped by a comma, a point, a
// space or an apostrophe, and with a currency or a percent sign. Where one
// separator could mean either, it is refused rather than guessed; a single point
// stands before a fraction. point is what stands before fractions in the whole
// file; empty if nobody says.
func plainNumber(t Type, s, point string) (normal, reason string) {
	s = strings.TrimSpace(strings.ReplaceAll(s, "\u2212", "-"))
	sign := ""
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		sign, s = "-", strings.TrimSpace(rest)
	} else if rest, ok := strings.CutPrefix(s, "+"); ok {
		s = strings.TrimSpace(rest)
	}
	switch t {
	case Percent:
		s = strings.TrimSpace(strings.TrimSuffix(s, "%"))
	case Currency:
		s = trimCurrency(s)
		if rest, ok := strings.CutPrefix(s, "-"); ok && sign == "" { // € -5
			sign, s = "-", strings.TrimSpace(rest)
		}
	}
	mantissa, exponent := s, ""
	if i := strings.IndexAny(s, "eE"); i > 0 {
		mantissa, exponent = s[:i], s[i:]
	}
	mantissa, reason = ungroup(mantissa, point)
	if reason != "" {
		return "", reason
	}
	return decimal(sign + mantissa + exponent)
}

// trimCurrency takes a currency sign, or a code of three capital letters, from
// either end.
func trimCurrency(s string) string {
	money := func(r rune) bool { return unicode.Is(unicode.Sc, r) || unicode.IsSpace(r) }
	s = strings.TrimFunc(s, money)
	code := func(s string) bool {
		return len(s) == 3 && strings.IndexFunc(s, func(r rune) bool { return r < 'A' || r > 'Z' }) < 0
	}
	switch {
	case len(s) > 3 && code(s[:3]):
		s = s[3:]
	case len(s) > 3 && code(s[len(s)-3:]):
		s = s[:len(s)-3]
	}
	return strings.TrimFunc(s, money)
}

// ungroup takes the separators of thousands out of a number and makes the
// fraction's, which is point if that says so, a point.
func ungroup(s, point string) (normal, reason string) {
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\u00a0', '\u202f', '\u2009', '’':
			return ' '
		case '\'':
			return ' '
		}
		return r
	}, s)
	points, commas := strings.Count(s, "."), strings.Count(s, ",")
	group, fraction := "", ""
	switch {
	case point != "":
		group, fraction = map[string]string{",": ".", ".": ","}[point], point
		if strings.Count(s, point) > 1 {
			return "", notNumber
		}
		if !strings.Contains(s, point) {
			fraction = ""
		}
		if !strings.Contains(s, group) {
			group = ""
		}
	case points > 0 && commas > 0:
		group, fraction = ",", "."
		if strings.LastIndex(s, ",") > strings.LastIndex(s, ".") {
			group, fraction = ".", ","
		}
		if strings.Count(s, fraction) > 1 {
			return "", notNumber
		}
	case points > 1:
		group = "."
	case commas > 1:
		group = ","
	case points == 1:
		fraction = "."
	case commas == 1:
		fraction = ","
		if whole, behind, _ := strings.Cut(s, ","); len(behind) == 3 && digitsOnly(behind) && len(whole) <= 3 && strings.Trim(whole, "0") != "" {
			return "", UnsureNumber
		}
	}
	whole, behind, hasFraction := s, "", false
	if fraction != "" {
		whole, behind, hasFraction = strings.Cut(s, fraction)
	}
	if strings.Contains(whole, " ") {
		if group != "" {
			return "", notNumber
		}
		group = " "
	}
	if group != "" {
		parts := strings.Split(whole, group)
		for i, part := range parts {
			if !digitsOnly(part) || (i > 0 && len(part) != 3) || (i == 0 && (part == "" || len(part) > 3)) {
				return "", notNumber
			}
		}
		whole = strings.Join(parts, "")
	}
	if whole == "" && hasFraction { // ".5"
		whole = "0"
	}
	if hasFraction {
		whole += "." + behind
	}
	return whole, ""
}

// compareDecimal compares two numbers in stored form exactly.
func compareDecimal(a, b string) int {
	a, negA := strings.CutPrefix(a, "-")
	b, negB := strings.CutPrefix(b, "-")
	switch {
	case negA && !negB:
		return -1
	case negB && !negA:
		return 1
	case negA && negB:
		a, b = b, a
	}
	wholeA, fractionA, _ := strings.Cut(a, ".")
	wholeB, fractionB, _ := strings.Cut(b, ".")
	if len(wholeA) != len(wholeB) {
		return len(wholeA) - len(wholeB)
	}
	if c := strings.Compare(wholeA, wholeB); c != 0 {
		return c
	}
	return strings.Compare(fractionA, fractionB)
}
