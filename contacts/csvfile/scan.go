package csvfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// span is one field of a record, as offsets into its raw bytes.
type span struct {
	from, to int
	// doubled says that the field holds doubled quotes to be made single.
	doubled bool
	// lines says that the field runs over several lines.
	lines bool
}

// record is one row of the file before its values are looked at. Its slices are
// valid until the next one is scanned.
type record struct {
	line  int64 // the physical line it starts on
	raw   []byte
	spans []span
	// code and reason are set if the record can't be split; raw is then the
	// beginning of its first line.
	code, reason string
}

// scanner cuts a UTF-8 stream into records. A record that it can't split is
// returned with a reason, and scanning goes on after the first physical line of
// it: lines that a stray quote seemed to swallow are read for themselves.
type scanner struct {
	src io.Reader
	sep byte
	// buf[start:end] is read and not yet used; base is the offset of buf[0].
	buf        []byte
	start, end int
	base       int64
	err        error // io.EOF or what the source failed with
	tail       int64 // bytes at the end of the file that were passed over
	line       int64 // the physical line at start
	crEnds     bool  // the last line ended in a lone CR
	spans      []span
}

// chunk is how much is read at a time, at least.
const chunk = 64 << 10

func newScanner(src io.Reader) *scanner {
	return &scanner{src: src, sep: ',', line: 1, buf: make([]byte, chunk)}
}

// offset is how many decoded bytes have been used.
func (s *scanner) offset() int64 { return s.base + int64(s.start) }

// used is offset with what was passed over at the end of the file.
func (s *scanner) used() int64 {
	if s.start == s.end {
		return s.offset() + s.tail
	}
	return s.offset()
}

// endMark is how programs of the DOS tradition end a text (Ctrl-Z).
const endMark = 0x1A

// dropEndMarks takes the end marks off the end of the file.
func (s *scanner) dropEndMarks() {
	for s.end > s.start && s.buf[s.end-1] == endMark {
		s.end--
		s.tail++
	}
}

// fill reads more behind what is there; false means that there is no more.
func (s *scanner) fill() bool {
	if s.err != nil {
		return false
	}
	if s.start > 0 && len(s.buf)-s.end < chunk/4 {
		copy(s.buf, s.buf[s.start:s.end])
		s.base += int64(s.start)
		s.end -= s.start
		s.start = 0
	}
	if len(s.buf)-s.end < chunk/4 {
		// Bounded, since nobody asks for more once MaxRecordBytes are there.
		grown := make([]byte, 2*len(s.buf))
		copy(grown, s.buf[:s.end])
		s.buf = grown
	}
	for range 100 {
		n, err := s.src.Read(s.buf[s.end:])
		s.end += n
		if err != nil {
			s.err = err
			s.dropEndMarks()
		}
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// mark is a place to come back to.
type mark struct {
	offset, line int64
	crEnds       bool
}

func (s *scanner) mark() mark { return mark{s.offset(), s.line, s.crEnds} }

// reset goes back to a mark, or forward to one that was reached before. Not more
// than one record may have been scanned since the earlier of the two places.
func (s *scanner) reset(m mark) {
	s.start, s.line, s.crEnds = int(m.offset-s.base), m.line, m.crEnds
}

// lineEnd finds the first line end at or after start+from: where it is,
// relative to start, and how wide (1 or 2; 0 at the end of the file). tooLong
// means that there is none within the bound on records.
func (s *scanner) lineEnd(from int) (at, width int, tooLong bool) {
	for seen := from; ; {
		b := s.buf[s.start+seen : s.end]
		i := s.firstEnd(b)
		if i >= 0 {
			at = seen + i
			if at > MaxRecordBytes {
				return at, 0, true
			}
			if b[i] == '\n' {
				s.crEnds = false
				return at, 1, false
			}
			if i+1 == len(b) && s.fill() {
				// The CR may be half of a CRLF.
				b = s.buf[s.start+seen : s.end]
			}
			if i+1 < len(b) && b[i+1] == '\n' {
				s.crEnds = false
				return at, 2, false
			}
			s.crEnds = true
			return at, 1, false
		}
		seen += len(b)
		if seen > MaxRecordBytes {
			return seen, 0, true
		}
		if !s.fill() {
			return min(seen, s.end-s.start), 0, false
		}
	}
}

// firstEnd is the offset of the first CR or LF, -1 if there is none. It looks
// first for the kind that the file used last, so that it does not search far
// for the other.
func (s *scanner) firstEnd(b []byte) int {
	first, second := byte('\n'), byte('\r')
	if s.crEnds {
		first, second = second, first
	}
	i := bytes.IndexByte(b, first)
	if i < 0 {
		return bytes.IndexByte(b, second)
	}
	if j := bytes.IndexByte(b[:i], second); j >= 0 {
		return j
	}
	return i
}

// next returns the next record that is not blank, io.EOF at the end.
func (s *scanner) next() (record, error) {
	for {
		at, width, tooLong := s.lineEnd(0)
		if s.err != nil && !errors.Is(s.err, io.EOF) {
			return record{}, s.err
		}
		if tooLong {
			return s.skipLine(), nil
		}
		if at == 0 && width == 0 {
			return record{}, io.EOF
		}
		raw := s.buf[s.start : s.start+at]
		if s.blank(raw) {
			s.use(at+width, 1)
			continue
		}
		if bytes.IndexByte(raw, '"') >= 0 {
			return s.quoted(at, width)
		}
		rec := record{line: s.line, raw: raw, spans: s.split(raw)}
		s.use(at+width, 1)
		return rec, nil
	}
}

// use moves past n bytes and some physical lines.
func (s *scanner) use(n int, lines int64) {
	s.start += n
	s.line += lines
}

// blank reports whether a line holds no values at all. Spreadsheets leave lines
// of bare separators behind, other programs invisible characters.
func (s *scanner) blank(raw []byte) bool {
	for i, c := range raw {
		switch {
		case c == s.sep || c == ' ' || c == '\t' || c == '\f' || c == '\v' || c == '"' || c == endMark:
		case c >= utf8.RuneSelf:
			rest := bytes.TrimLeftFunc(raw[i:], invisible)
			return len(rest) < len(raw[i:]) && s.blank(rest) && bytes.Count(raw, []byte{'"'})%2 == 0
		default:
			return false
		}
	}
	// An odd quote is not nothing: it opens a field.
	return bytes.Count(raw, []byte{'"'})%2 == 0
}

func (s *scanner) split(raw []byte) []span {
	spans := s.spans[:0]
	from := 0
	for {
		i := bytes.IndexByte(raw[from:], s.sep)
		if i < 0 {
			break
		}
		spans = append(spans, span{from: from, to: from + i})
		from += i + 1
	}
	spans = append(spans, span{from: from, to: len(raw)})
	s.spans = spans
	return spans
}

// skipLine passes over a physical line that is longer than a record may be.
func (s *scanner) skipLine() record {
	shown := append([]byte(nil), s.buf[s.start:s.start+4*maxShown]...)
	rec := record{line: s.line, raw: shown, code: CodeTooLong, reason: "the line is longer than 1 MiB"}
	for {
		b := s.buf[s.start:s.end]
		if i := s.firstEnd(b); i >= 0 {
			s.start += i
			_, width, _ := s.lineEnd(0)
			s.use(width, 1)
			return rec
		}
		s.start = s.end
		if !s.fill() {
			return rec
		}
	}
}

// quoted scans a record whose first line, [0:at] with a line end of width, has a
// quote in it.
func (s *scanner) quoted(at, width int) (record, error) {
	firstLine, afterFirst := at, at+width
	refuse := func(code, reason string) (record, error) {
		rec := record{line: s.line, raw: s.buf[s.start : s.start+firstLine], code: code, reason: reason}
		s.use(afterFirst, 1)
		return rec, nil
	}
	b := s.buf[s.start:s.end]
	end, next := at, at+width
	lines := 1
	spans := s.spans[:0]
	for i := 0; ; {
		q := i
		for q < end && b[q] != s.sep && (b[q] == ' ' || b[q] == '\t') {
			q++
		}
		if q == end || b[q] != '"' {
			to := end
			if k := bytes.IndexByte(b[i:end], s.sep); k >= 0 {
				to = i + k
			}
			// Quotes in a field that does not begin with one are text (5" pipe), as
			// every spreadsheet reads them.
			spans = append(spans, span{from: i, to: to})
			i = to
		} else {
			f := span{from: q + 1}
			j := q + 1
			for {
				k := bytes.IndexByte(b[j:end], '"')
				if k >= 0 {
					j += k
					if j+1 < end && b[j+1] == '"' {
						f.doubled = true
						j += 2
						continue
					}
					break
				}
				// The field goes on in the next line.
				lineAt, lineWidth, tooLong := s.lineEnd(next)
				if s.err != nil && !errors.Is(s.err, io.EOF) {
					return record{}, s.err
				}
				switch {
				case tooLong:
					return refuse(CodeQuote, "a quote is opened and not closed within 1 MiB")
				case lineAt == next && lineWidth == 0:
					return refuse(CodeQuote, "a quote is opened and never closed")
				case lines == MaxRecordLines:
					return refuse(CodeQuote, "a quote is opened and not closed within 1,000 lines")
				}
				f.lines = true
				lines++
				b = s.buf[s.start:s.end] // it may have moved
				j, end, next = next, lineAt, lineAt+lineWidth
			}
			f.to = j
			spans = append(spans, f)
			i = j + 1
			for i < end && b[i] != s.sep && (b[i] == ' ' || b[i] == '\t') {
				i++
			}
			if i < end && b[i] != s.sep && f.lines {
				return refuse(CodeQuote, fmt.Sprintf("a quote is opened and not closed: the next one, in line %d, has text after it", s.line+int64(lines)-1))
			}
			if i < end && b[i] != s.sep {
				return refuse(CodeQuote, "text after a closing quote; double the quotes inside a quoted field")
			}
		}
		if i == end {
			break
		}
		i++ // the separator
	}
	s.spans = spans
	rec := record{line: s.line, raw: s.buf[s.start : s.start+end], spans: spans}
	s.use(next, int64(lines))
	return rec, nil
}
