package smtp

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"carillon/providers"
	"carillon/providers/bounce"
	"carillon/providers/mail"
)

// composer writes messages by RFC 5322 and MIME. It does so by hand and into
// the sender's own buffer, because that is done once for each recipient:
// BenchmarkCompose holds it against go-mail's composing.
type composer struct {
	// fixed are the header fields that are the same for every message.
	fixed []byte
	// id is what follows the message's id in its Message-ID, as Deps.UniqueID has it, and idTail
	// ends it with the sender's domain.
	id, idTail string
	// from is the sender on the envelope of a message that has no address of its own to come
	// back to: it stands before the + of those, and returns behind.
	from, returns string
	// marker makes what messages are known by when they come back; nil where nothing is said
	// of them.
	marker *bounce.Marker
	// signer signs what is composed; nil where nothing is signed.
	signer  *signer
	scratch *sync.Pool
}

func newComposer(c *Config, from mail.Mailbox, deps providers.Deps) (composer, error) {
	signer, err := newSigner(c, mail.Domain(c.From), deps.SigningKeys)
	if err != nil {
		return composer{}, err
	}
	var b []byte
	b = appendAddress(append(b, "From: "...), c.FromName, c.From)
	if c.ReplyTo != "" {
		b = appendAddress(append(b, "Reply-To: "...), "", c.ReplyTo)
	}
	b = append(b, "MIME-Version: 1.0\r\n"...)
	domain := from.Domain
	if strings.HasPrefix(domain, "[") {
		domain = "carillon.invalid" // an address literal is no right side of an id
	}
	made := composer{
		fixed: b, id: strings.TrimPrefix(deps.UniqueID(0), "0"), idTail: "@" + domain + ">\r\n",
		from: c.From, signer: signer, scratch: &sync.Pool{New: func() any { return new(scratch) }},
	}
	if !c.BounceToken.Empty() {
		marker := bounce.NewMarker(c.BounceToken, deps.Installation, deps.ChannelID)
		made.marker = &marker
	}
	if name, at, has := strings.Cut(c.Bounces, "@"); has && made.marker != nil {
		made.from, made.returns = name, "@"+at
	}
	return made, nil
}

// appendSender appends the sender on a message's envelope: the address of its own that it comes
// back to (VERP), if there are such.
func (c composer) appendSender(b []byte, id int64) []byte {
	b = append(b, c.from...)
	if c.returns == "" {
		return b
	}
	return append(c.marker.AppendLocal(append(b, '+'), id), c.returns...)
}

// appendID appends a Message-ID: the message's id, Deps.UniqueID's, and the code by which what
// comes back is known for a report of this message, where the address was lost.
func (c composer) appendID(b []byte, id int64) []byte {
	b = append(strconv.AppendInt(b, id, 10), c.id...)
	if c.marker != nil {
		b = append(append(b, '-'), c.marker.Code(id)...)
	}
	return append(b, c.idTail...)
}

// scratch is memory for one composing.
type scratch struct{ text, html []byte }

// compose writes m, dot-stuffed and with the final dot, into b, which is empty. An error means
// that the message can't be sent as it is.
func (c composer) compose(b []byte, m *providers.Message, now time.Time) ([]byte, error) {
	if err := mail.Check(m); err != nil {
		return b, fmt.Errorf("compose message: %w", err)
	}
	if err := mail.CheckFile(&m.Content, mostAttached); err != nil {
		return b, fmt.Errorf("compose message: %w", err)
	}
	b = append(b, "Date: "...)
	b = now.AppendFormat(b, time.RFC1123Z)
	b = append(b, "\r\n"...)
	b = append(b, c.fixed...)
	b = appendAddress(append(b, "To: "...), m.ToName, m.To)
	b = appendText(append(b, "Subject: "...), m.Content.Subject, len("Subject: "))
	b = append(b, "\r\nMessage-ID: <"...)
	b = c.appendID(b, m.ID)
	unsubscribes := mail.Unsubscribes(m)
	if unsubscribes {
		b = append(b, mail.Unsubscribe+": <"...)
		b = append(b, m.UnsubscribeURL...)
		b = append(b, ">\r\n"+mail.UnsubscribePost+": "+mail.OneClick+"\r\n"...)
	}
	s := c.scratch.Get().(*scratch)
	defer c.scratch.Put(s)
	b = append(c.appendBody(b, m, s), ".\r\n"...)
	if c.signer == nil {
		return b, nil
	}
	return c.signer.sign(b, unsubscribes)
}

// appendBody appends the MIME fields and the parts.
func (c composer) appendBody(b []byte, m *providers.Message, s *scratch) []byte {
	s.text = mail.AppendText(s.text[:0], &m.Content, appendLines)
	s.html = mail.AppendHTML(s.html[:0], &m.Content, appendLines)
	content, pictures := mail.Pictures(s.html, m.ID, strings.TrimSuffix(c.idTail, ">\r\n"))
	w := says{m.ID, newPart("plain", s.text), newPart("html", content), pictures}
	if f := mail.FileOf(&m.Content); f != nil {
		return appendWithFile(b, &w, f)
	}
	return w.append(b)
}

// says is what a message says; a part without content is not there.
type says struct {
	id         int64
	text, html part
	pictures   []mail.Picture
}

func (w *says) append(b []byte) []byte {
	switch {
	case len(w.html.content) == 0:
		return w.text.append(b)
	case len(w.text.content) == 0:
		return appendRelated(b, w.id, w.html, w.pictures)
	}
	boundary := boundaryFor("=_c", w.id, w.text, w.html)
	b = append(b, "Content-Type: multipart/alternative;\r\n boundary=\""...)
	b = append(b, boundary...)
	b = append(b, "\"\r\n\r\n--"...)
	b = append(b, boundary...)
	b = append(b, "\r\n"...)
	b = w.text.append(b)
	b = append(b, "\r\n--"...)
	b = append(b, boundary...)
	b = append(b, "\r\n"...)
	b = appendRelated(b, w.id, w.html, w.pictures)
	b = append(b, "\r\n--"...)
	b = append(b, boundary...)
	return append(b, "--\r\n"...)
}

// boundaryFor is a boundary that is in none of the parts; the same message always
// gets the same. "=_" stands neither in quoted-printable nor in base64 (RFC 2045,
// 6.7), so that only what goes as it is has to be looked at.
func boundaryFor(prefix string, id int64, parts ...part) []byte {
	boundary := strconv.AppendInt([]byte(prefix), id, 36)
	for slices.ContainsFunc(parts, func(p part) bool { return p.encoding == sevenBit && bytes.Contains(p.content, boundary) }) {
		boundary = append(boundary, '_')
	}
	return boundary
}

// appendLines appends a text as valid UTF-8 with every line break as CRLF.
func appendLines(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if strings.IndexByte(s, '\r') >= 0 {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	for {
		i := strings.IndexByte(s, '\n')
		if i < 0 {
			return append(b, s...)
		}
		b = append(append(b, s[:i]...), '\r', '\n')
		s = s[i+1:]
	}
}

// The encodings of parts.
const (
	sevenBit        = "7bit"
	quotedPrintable = "quoted-printable"
	base64Encoding  = "base64"
)

// part is a text, its line breaks CRLF, with the shortest encoding that every server
// takes.
type part struct {
	subtype, encoding string
	content           []byte
}

func newPart(subtype string, content []byte) part {
	p := part{subtype: subtype, encoding: quotedPrintable, content: content}
	switch high := countHigh(content); {
	case high == 0 && isPlain(content):
		p.encoding = sevenBit
	case high > len(content)/4:
		p.encoding = base64Encoding
	}
	return p
}

// append appends the fields and the content of a part, dot-stuffed.
func (p part) append(b []byte) []byte {
	b = append(append(b, "Content-Type: text/"...), p.subtype...)
	b = append(append(b, "; charset=utf-8\r\nContent-Transfer-Encoding: "...), p.encoding...)
	b = append(b, "\r\n\r\n"...)
	switch p.encoding {
	case sevenBit:
		b = appendStuffed(b, p.content)
	case base64Encoding:
		b = appendBase64(b, p.content)
	default:
		b = appendQuoted(b, p.content)
	}
	if !bytes.HasSuffix(b, crlf) {
		b = append(b, crlf...)
	}
	return b
}

var crlf = []byte("\r\n")

// Eight bytes are looked at together, as one number: these have the same in each.
const (
	ones     = 0x0101010101010101
	topBits  = 0x80 * ones
	blanks   = ' ' * ones
	equals   = '=' * ones
	together = 8
)

func word(s []byte) uint64 { return binary.LittleEndian.Uint64(s) }

// countHigh counts the bytes above ASCII.
func countHigh(content []byte) (high int) {
	const stride = 4 * together
	for ; len(content) >= stride; content = content[stride:] {
		p := (*[stride]byte)(content)
		if (word(p[:])|word(p[together:])|word(p[2*together:])|word(p[3*together:]))&topBits == 0 {
			continue // as nearly everywhere in HTML
		}
		for _, c := range p {
			high += int(c >> 7)
		}
	}
	for _, c := range content {
		high += int(c >> 7)
	}
	return high
}

// isPlain reports whether ASCII can go as it is: no long line, no control character.
func isPlain(content []byte) bool {
	for rest := content; len(rest) > mail.MaxHeaderLine; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 || end > mail.MaxHeaderLine {
			return false
		}
		rest = rest[end+1:]
	}
	for len(content) > 0 {
		switch c := content[0]; {
		case c == '=' || c == '\r' || c == '\n':
			content = content[1:]
		case !isLiteral(c):
			return false
		}
		content = content[literals(content):]
	}
	return true
}

// isLiteral reports whether a byte stands for itself in quoted-printable, unless it
// is a blank at the end of a line.
func isLiteral(c byte) bool { return c >= ' ' && c < 0x7f && c != '=' || c == '\t' }

// literals is how many bytes at the beginning of s are literal.
func literals(s []byte) int {
	i := 0
	for ; i+together <= len(s); i += together {
		x := word(s[i:])
		// The top bit of each byte says whether it is above ASCII, 0x7f, below a space
		// or "=". Only a byte that is one of these takes from the next or carries over
		// to it, so that the first that is found is right.
		special := (x | (x + ones) | (x - blanks) | ((x ^ equals) - ones)) & topBits
		if special == 0 {
			continue
		}
		i += bits.TrailingZeros64(special) / 8
		if s[i] != '\t' {
			return i
		}
		i -= together - 1 // behind the tab
	}
	for i < len(s) && isLiteral(s[i]) {
		i++
	}
	return i
}

// appendStuffed appends content with the dots at the beginning of its lines doubled
// (RFC 5321, 4.5.2).
func appendStuffed(b, content []byte) []byte {
	for len(content) > 0 {
		if content[0] == '.' {
			b = append(b, '.')
		}
		n := bytes.IndexByte(content, '\n') + 1
		if n == 0 {
			n = len(content)
		}
		b = append(b, content[:n]...)
		content = content[n:]
	}
	return b
}

func appendBase64(b, content []byte) []byte {
	const chunk = 57 // 76 characters
	for len(content) > 0 {
		n := min(chunk, len(content))
		b = base64.StdEncoding.AppendEncode(b, content[:n])
		b = append(b, crlf...)
		content = content[n:]
	}
	return b
}

// appendQuoted appends content, whose line breaks are CRLF, as quoted-printable
// (RFC 2045, 6.7), by runs of what stands for itself, and dot-stuffed.
func appendQuoted(b, content []byte) []byte {
	const hex = "0123456789ABCDEF"
	const longest = 75 // and the "=" of a soft line break
	line := 0
	for i := 0; i < len(content); {
		run := i + literals(content[i:])
		// A blank at the end of a line would be lost.
		if run > i && (content[run-1] == ' ' || content[run-1] == '\t') && (run == len(content) || content[run] == '\r') {
			run--
		}
		for i < run {
			if line == longest {
				b = append(b, "=\r\n"...)
				line = 0
			}
			if line == 0 && content[i] == '.' {
				b = append(b, '.')
			}
			n := min(run-i, longest-line)
			b = append(b, content[i:i+n]...)
			line += n
			i += n
		}
		if i == len(content) {
			break
		}
		c := content[i]
		i++
		if c == '\r' && i < len(content) && content[i] == '\n' {
			b = append(b, crlf...)
			line = 0
			i++
			continue
		}
		if line+3 > longest {
			b = append(b, "=\r\n"...)
			line = 0
		}
		b = append(b, '=', hex[c>>4], hex[c&15])
		line += 3
	}
	return b
}

// appendAddress appends a name and an address, and ends the line.
func appendAddress(b []byte, name, address string) []byte {
	if name != "" {
		if isPlainText(name) && len(name) <= 200 {
			b = append(b, '"')
			for i := range len(name) {
				if name[i] == '"' || name[i] == '\\' {
					b = append(b, '\\')
				}
				b = append(b, name[i])
			}
			b = append(b, '"')
		} else {
			b = appendWords(b, name)
		}
		// The address could make the line too long; folding here is always allowed.
		b = append(b, "\r\n <"...)
	} else {
		b = append(b, '<')
	}
	b = append(b, address...)
	return append(b, ">\r\n"...)
}

// appendText appends unstructured text, such as a subject, folded where it is
// long; column is where the line stands.
func appendText(b []byte, s string, column int) []byte {
	if !isPlainText(s) || strings.HasPrefix(s, " ") || strings.HasSuffix(s, " ") {
		return appendWords(b, s)
	}
	const wanted = 76
	start := len(b)
	for rest := s; ; column = 0 {
		if column+len(rest) <= wanted {
			return append(b, rest...)
		}
		// Folding puts the break before a space, and unfolding gives it back. A line
		// of spaces alone is not allowed, hence between two other characters.
		at := foldAt(rest, wanted-column)
		if at < 0 {
			at = len(rest)
		}
		if at > mail.MaxHeaderLine {
			return appendWords(b[:start], s) // no line can hold it
		}
		b = append(b, rest[:at]...)
		if at == len(rest) {
			return b
		}
		b = append(b, crlf...)
		rest = rest[at:]
	}
}

// foldAt is the space before which s is best folded, -1 if there is none: the
// last within width, or else the first.
func foldAt(s string, width int) int {
	best := -1
	for i := 1; i+1 < len(s); i++ {
		if s[i] != ' ' || s[i-1] == ' ' || s[i+1] == ' ' {
			continue
		}
		if i > width && best > 0 {
			return best
		}
		best = i
		if i > width {
			return best
		}
	}
	return best
}

// isPlainText reports whether s can stand in a header as it is: printable ASCII
// that doesn't look like an encoded word.
func isPlainText(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return !strings.Contains(s, "=?")
}

// appendWords appends s as encoded words (RFC 2047) of whole characters, each on
// its own line.
func appendWords(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	const most = 39 // bytes: 64 characters, so that a line with "Subject: " keeps within 76
	for first := true; len(s) > 0; first = false {
		n := wholeLetters(s, most)
		if !first {
			b = append(b, "\r\n "...)
		}
		b = append(b, "=?utf-8?b?"...)
		b = base64.StdEncoding.AppendEncode(b, []byte(s[:n]))
		b = append(b, "?="...)
		s = s[n:]
	}
	return b
}
