package csvfile

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// invisible reports whether a character at the edge of a cell is none of its
// text: white space, a byte order mark (files that were joined have them in the
// middle), and the marks that come along when text is copied.
func invisible(r rune) bool {
	switch r {
	case '\uFEFF', '\u200B', '\u200E', '\u200F', '\u2060', '\u00AD':
		return true
	}
	return r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069' || unicode.IsSpace(r)
}

// trimCell takes what is invisible off both ends.
func trimCell(v string) string {
	if v == "" || plainEnd(v[0]) && plainEnd(v[len(v)-1]) {
		return v
	}
	return strings.TrimFunc(v, invisible)
}

func plainEnd(c byte) bool { return c > ' ' && c < utf8.RuneSelf }

// cell is the value that a spreadsheet shows for a field's text.
func cell(text string) string {
	v := trimCell(text)
	if v == "" {
		return ""
	}
	if v[0] == '=' {
		return trimCell(unwrap(v))
	}
	if strings.IndexByte(v, '\'') >= 0 {
		return trimCell(Plain(v))
	}
	return v
}

// unwrap reads ="+49…", by which programs keep a spreadsheet from taking a
// number or a date for one.
func unwrap(v string) string {
	if len(v) < 3 || !strings.HasPrefix(v, `="`) || !strings.HasSuffix(v, `"`) {
		return v
	}
	inner := v[2 : len(v)-1]
	if single := strings.ReplaceAll(inner, `""`, ""); strings.Contains(single, `"`) {
		return v // a formula that joins texts
	}
	return strings.ReplaceAll(inner, `""`, `"`)
}

// Harmless keeps a spreadsheet from running a cell as a formula, which could
// send the sheet's content elsewhere: an apostrophe goes before it. A spreadsheet
// whose separator is another one, as the German Excel's semicolon, cuts the cell
// itself into pieces, as does a line end: each piece is treated so. Numbers with
// a sign, such as phone numbers, are no formulas. Plain takes it back.
func Harmless(cell string) string {
	if !strings.ContainsAny(cell, "=+-@\t\r＝＋－＠") {
		return cell
	}
	return pieces(cell, func(piece string) string {
		if formula(strings.TrimLeft(piece, "'")) {
			return "'" + piece
		}
		return piece
	})
}

// Plain is a cell without the apostrophes of Harmless.
func Plain(cell string) string {
	return pieces(cell, func(piece string) string {
		if strings.HasPrefix(piece, "'") && formula(strings.TrimLeft(piece, "'")) {
			return piece[1:]
		}
		return piece
	})
}

// pieces changes what a spreadsheet may cut a cell into, piece by piece.
func pieces(cell string, change func(string) string) string {
	end := strings.IndexAny(cell, ";\n")
	if end < 0 {
		return change(cell)
	}
	var b strings.Builder
	for ; end >= 0; end = strings.IndexAny(cell, ";\n") {
		b.WriteString(change(cell[:end]))
		b.WriteByte(cell[end])
		cell = cell[end+1:]
	}
	b.WriteString(change(cell))
	return b.String()
}

// formula reports whether a spreadsheet might run a cell. Where full-width
// letters are in use it takes their signs for the plain ones; it passes over
// quotes and spaces that the cutting of a cell leaves at the front of a piece.
func formula(cell string) bool {
	begin := strings.TrimLeft(cell, "\"' ")
	if begin == "" {
		return false
	}
	switch r, _ := utf8.DecodeRuneInString(begin); r {
	case '=', '@', '\t', '\r', '＝', '＋', '－', '＠':
		return true
	case '+', '-':
		return len(begin) == 1 || strings.Trim(begin[1:], "0123456789 .") != ""
	}
	return false
}
