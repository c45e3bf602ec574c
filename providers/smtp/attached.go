package smtp

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"carillon/providers"
	"carillon/providers/mail"
)

// mostAttached is the largest file that a mail carries, in bytes. As base64 it has 9.6 MB, and
// with its words it stays below the 10,240,000 bytes that Postfix takes unless it is configured
// otherwise (postconf(5), message_size_limit); Gmail and Microsoft 365 take more.
const mostAttached = 7 * providers.MB

// appendWithFile appends what a message says, and its file.
func appendWithFile(b []byte, w *says, f *mail.File) []byte {
	boundary := boundaryFor("=_m", w.id, w.text, w.html)
	b = append(append(b, "Content-Type: multipart/mixed;\r\n boundary=\""...), boundary...)
	b = append(append(b, "\"\r\n\r\n--"...), boundary...)
	b = w.append(append(b, "\r\n"...))
	b = append(append(b, "\r\n--"...), boundary...)
	b = append(append(b, "\r\nContent-Type: "...), f.ContentType...)
	b = append(b, "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment"...)
	b = append(appendFilename(b, f.Name), "\r\n\r\n"...)
	b = slices.Grow(b, len(f.Content)/57*78+1<<10) // once, and not piece by piece
	b = appendBase64(b, f.Content)
	b = append(append(b, "\r\n--"...), boundary...)
	return append(b, "--\r\n"...)
}

// appendFilename appends the name of a file as a parameter; what is not ASCII, or long, by pieces
// of whole letters (RFC 2231, 3 and 4).
func appendFilename(b []byte, name string) []byte {
	const most, hex = 60, "0123456789ABCDEF" // bytes of a piece: 180 where all are escaped
	if isPlainText(name) && len(name) <= most {
		b = append(b, ";\r\n filename=\""...)
		for i := range len(name) {
			if name[i] == '"' || name[i] == '\\' {
				b = append(b, '\\')
			}
			b = append(b, name[i])
		}
		return append(b, '"')
	}
	name = strings.ToValidUTF8(name, "\uFFFD")
	for n := 0; name != ""; n++ {
		end := wholeLetters(name, most)
		b = strconv.AppendInt(append(b, ";\r\n filename*"...), int64(n), 10)
		b = append(b, "*="...)
		if n == 0 {
			b = append(b, "utf-8''"...)
		}
		for _, c := range []byte(name[:end]) {
			if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_' {
				b = append(b, c)
			} else {
				b = append(b, '%', hex[c>>4], hex[c&15])
			}
		}
		name = name[end:]
	}
	return b
}

// wholeLetters is how much of valid UTF-8 of at most so many bytes ends with a letter.
func wholeLetters(s string, most int) int {
	n := min(most, len(s))
	for n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}
