package csvfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"carillon/contacts/value"
	"carillon/internal/fault"
)

// Reader reads one file. It is not safe for concurrent use.
type Reader struct {
	opts    Options
	enc     encoding
	scan    *scanner
	used    *counter
	cols    []Column
	named   int  // columns from here on have no name
	gaps    bool // a column before that has none
	extras  []string
	attrs   []Attribute
	plan    []slot
	notices []Notice
	values  *value.Parser
	records int64
	behind  int64   // the line behind the last record
	under   bool    // the last record is a remark under the table
	pending *record // the first record, scanned by Open
	pendErr error
	slab    []string // where rows' Extra come from
	reading reading  // the line that Next is at
	sample  *sample  // of the first lines
	err     error    // how the file ended
}

// slot is what Next does with the field at the same index.
type slot struct {
	field       Field
	extra, attr int
	byHand      bool
	style       style
}

// counter counts what is taken from the source.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// Open looks at the head of a file and gets ready to read its rows. It refuses,
// with a *fault.Error of code Invalid that says what to do, a file that is empty
// or only a header, that is no CSV, that has no usable column or two of the same
// name, and options that don't fit it. Errors of r are passed on.
func Open(r io.Reader, opts Options) (*Reader, error) {
	rd := &Reader{opts: opts, used: &counter{r: r}}
	var err error
	if rd.values, err = value.NewParser(opts.DefaultCountry); err != nil {
		return nil, err
	}
	if opts.SkipRecords < 0 {
		return nil, fault.InvalidField("skip_records", opts.SkipRecords, "is negative")
	}
	head, err := lookAhead(rd.used)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read file: %w", err)
	}
	whole := err != nil
	if len(head) == 0 {
		return nil, fault.New(fault.Invalid, "the file is empty")
	}
	if rd.enc, err = chooseEncoding(opts.Encoding, head, whole); err != nil {
		return nil, err
	}
	rd.notices = rd.enc.notices
	body := io.MultiReader(bytes.NewReader(head[rd.enc.bom:]), rd.used)
	rd.scan = newScanner(rd.enc.decoder(body))
	if err := rd.readHeader(head); err != nil {
		return nil, err
	}
	if err := rd.first(); err != nil {
		return nil, err
	}
	return rd, rd.skip()
}

// lookAhead reads up to LookAhead bytes; io.EOF says that this is all.
func lookAhead(r io.Reader) ([]byte, error) {
	var head bytes.Buffer
	n, err := io.Copy(&head, io.LimitReader(r, LookAhead))
	if err == nil && n < LookAhead {
		err = io.EOF
	}
	return head.Bytes(), err
}

// first scans the first record, so that a file without any is refused before
// anything is changed.
func (rd *Reader) first() error {
	rec, err := rd.scan.next()
	if errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "the file has only a header line (%s) and no contacts", headerList(rd.cols))
	}
	rd.pending, rd.pendErr = &rec, err
	return nil
}

// skip passes over the records that an earlier reading has dealt with.
func (rd *Reader) skip() error {
	for rd.records < rd.opts.SkipRecords {
		if _, err := rd.nextRecord(); err != nil {
			if errors.Is(err, io.EOF) {
				rd.err = io.EOF
				return nil
			}
			return err
		}
	}
	return nil
}

// readHeader finds the separator and what the columns are.
func (rd *Reader) readHeader(head []byte) error {
	s := rd.scan
	for len(s.buf) > 0 && s.end < chunk/2 && s.fill() {
	}
	if err := refuseOther(head, s.buf[s.start:s.end]); err != nil {
		return err
	}
	if err := rd.skipToHeader(); err != nil {
		return err
	}
	rd.passRemarks()
	sep, headers, err := rd.chooseSeparator()
	if err != nil {
		return err
	}
	s.sep = sep
	if len(headers) > MaxColumns {
		return fault.New(fault.Invalid, "the header has %d columns; at most %d are read", len(headers), MaxColumns)
	}
	rd.sample = rd.takeSample()
	notices, err := rd.mapColumns(headers, rd.sample)
	if err != nil {
		return err
	}
	if !usable(rd.cols) {
		return refuseUseless(rd.cols)
	}
	rd.notices = append(rd.notices, notices...)
	rd.behind = s.line
	rd.plan = make([]slot, len(rd.cols))
	for i, c := range rd.cols {
		rd.plan[i] = slot{field: c.Field, byHand: c.byHand, style: c.style}
		rd.gaps = rd.gaps || c.Field == fieldNameless && i < rd.named
		if c.Field == FieldAttribute {
			rd.plan[i].attr = len(rd.attrs)
			rd.attrs = append(rd.attrs, rd.opts.Attributes[slices.IndexFunc(rd.opts.Attributes, func(a Attribute) bool { return a.Key == c.Key })])
		}
		if c.Field == FieldExtra || c.Field == FieldAttribute {
			rd.plan[i].extra = len(rd.extras)
			rd.extras = append(rd.extras, c.Key)
		}
	}
	return nil
}

// skipToHeader passes over blank lines and Excel's "sep=;" line, which it obeys.
func (rd *Reader) skipToHeader() error {
	s := rd.scan
	for {
		at, width, tooLong := s.lineEnd(0)
		if s.err != nil && !errors.Is(s.err, io.EOF) {
			return fmt.Errorf("read file: %w", s.err)
		}
		if tooLong {
			return fault.New(fault.Invalid, "the first line is longer than 1 MiB: the file is no CSV, or its line ends are missing")
		}
		if at == 0 && width == 0 {
			return fault.New(fault.Invalid, "the file is empty: it has no line with anything on it")
		}
		line := s.buf[s.start : s.start+at]
		sep, excel := sepLine(string(line))
		if excel && rd.opts.Separator == 0 && sep != 0 {
			rd.opts.Separator = rune(sep)
		}
		rest := bytes.TrimFunc(line, func(r rune) bool {
			return invisible(r) || strings.ContainsRune(" \t,;|\"\x1A", r) || r == rd.opts.Separator
		})
		if len(rest) > 0 && !excel {
			return nil
		}
		s.use(at+width, 1)
	}
}

// mostRemarks is how many lines above the header are looked at, at most.
const mostRemarks = 20

// passRemarks passes over the title of a report above the header: lines of fewer
// cells than the first one that names at least two fields, an address among
// them, where the first line names none.
func (rd *Reader) passRemarks() {
	s := rd.scan
	end := int(min(int64(s.end), sampleBytes-s.base))
	if rd.opts.Separator != 0 || len(rd.opts.Mapping) > 0 || end <= s.start {
		return
	}
	widest, at := 0, s.start
	for n := range mostRemarks {
		i := bytes.IndexByte(s.buf[at:end], '\n')
		if i < 0 {
			return
		}
		cells, known, reaches := looksLikeHeader(string(s.buf[at : at+i]))
		switch {
		case known > 0 && n == 0:
			return
		case known > 1 && reaches && cells > widest:
			s.use(at-s.start, int64(n))
			rd.notices = append(rd.notices, Notice{NoticeColumn, fmt.Sprintf("the header is in line %d: what stands above it is passed over", s.line)})
			return
		}
		widest = max(widest, cells)
		at += i + 1
	}
}

// looksLikeHeader says of a line, cut by whatever separator fits best, how many
// of its cells are filled, how many name fields, and whether one of those is an
// address.
func looksLikeHeader(line string) (cells, known int, reaches bool) {
	for _, sep := range []string{",", ";", "\t", "|"} {
		filled, names, address := 0, 0, false
		for part := range strings.SplitSeq(line, sep) {
			part = strings.Trim(trimCell(part), `"`)
			if part == "" {
				continue
			}
			filled++
			if f, _ := fieldByName(part); f != "" {
				names++
				address = address || f == FieldEmail || f == FieldPhone
			}
		}
		cells = max(cells, filled)
		if names > known {
			known, reaches = names, address
		}
	}
	return cells, known, reaches
}

// sepLine reads the line with which Excel is told the separator: "sep=;", which
// some programs put in quotes and Excel itself fills with separators up to the
// width of the sheet. sep is 0 if the line names none.
func sepLine(line string) (sep byte, ok bool) {
	line = strings.TrimFunc(line, func(r rune) bool { return r != '\t' && (r == '"' || invisible(r)) })
	if len(line) < 4 || !strings.EqualFold(line[:4], "sep=") {
		return 0, false
	}
	if line = line[4:]; line == "" {
		return 0, true
	}
	return line[0], strings.Trim(line, line[:1]+"\"") == ""
}

// chooseSeparator reads the header with each possible separator and takes the
// one that yields the most known columns, then the most columns.
func (rd *Reader) chooseSeparator() (byte, []string, error) {
	candidates := []byte{',', ';', '\t', '|'}
	if sep := rd.opts.Separator; sep != 0 {
		if sep <= ' ' && sep != '\t' || sep >= 0x7F || sep == '"' || sep >= '0' && sep <= '9' || sep|0x20 >= 'a' && sep|0x20 <= 'z' {
			return 0, nil, fault.InvalidField("separator", string(sep), "can't separate fields; use a comma, a semicolon, a tab or a vertical bar")
		}
		candidates = []byte{byte(sep)}
	}
	s := rd.scan
	begin, bestScore := s.mark(), -1
	var sep byte
	var headers []string
	var end mark
	var refused record
	for _, c := range candidates {
		s.sep = c
		rec, err := s.next()
		if err != nil {
			return 0, nil, fmt.Errorf("read header: %w", err)
		}
		after := s.mark()
		s.reset(begin)
		if rec.code != "" {
			if refused.code == "" {
				refused = rec
			}
			continue
		}
		names := headerNames(rec)
		score := len(names)
		for _, n := range names {
			if f, _ := fieldByName(n); f != "" {
				score += 10 * MaxColumns
			}
		}
		if score > bestScore {
			bestScore, sep, headers, end = score, c, names, after
		}
	}
	if bestScore < 0 {
		return 0, nil, fault.New(fault.Invalid, "the header in line %d can't be read: %s", refused.line, refused.reason)
	}
	s.reset(end)
	for i, h := range headers {
		if !utf8.ValidString(h) {
			return 0, nil, fault.New(fault.Invalid, "column %d of the header is not valid in the encoding %s; give the file's encoding", i+1, rd.enc.name)
		}
	}
	return sep, headers, nil
}

func headerNames(rec record) []string {
	names := make([]string, len(rec.spans))
	raw := string(rec.raw)
	for i, f := range rec.spans {
		names[i] = strings.Join(strings.Fields(trimCell(unwrap(trimCell(f.text(raw))))), " ")
	}
	return names
}

// text is the value of a field, quotes and line ends made plain.
func (f span) text(raw string) string {
	v := raw[f.from:f.to]
	if f.doubled {
		v = strings.ReplaceAll(v, `""`, `"`)
	}
	if f.lines && strings.IndexByte(v, '\r') >= 0 {
		v = strings.ReplaceAll(strings.ReplaceAll(v, "\r\n", "\n"), "\r", "\n")
	}
	return v
}

// Encoding is what the file was taken for, by one of the names in Encodings.
func (rd *Reader) Encoding() string { return rd.enc.name }

// Separator is the byte between fields.
func (rd *Reader) Separator() byte { return rd.scan.sep }

// Columns are the file's columns, in its order.
func (rd *Reader) Columns() []Column { return slices.Clone(rd.cols) }

// Has reports whether a column of the file is the field.
func (rd *Reader) Has(f Field) bool {
	return slices.ContainsFunc(rd.cols, func(c Column) bool { return c.Field == f })
}

// ByHand reports whether the uploader mapped a column to the field, and none was
// recognised.
func (rd *Reader) ByHand(f Field) bool {
	return slices.ContainsFunc(rd.cols, func(c Column) bool { return c.Field == f && c.byHand })
}

// ExtraKeys are the keys of the extra columns; Row.Extra is parallel to it.
func (rd *Reader) ExtraKeys() []string { return slices.Clone(rd.extras) }

// AttributeKeys are the properties that the file has; Row.Attributes is parallel
// to it.
func (rd *Reader) AttributeKeys() []string {
	keys := make([]string, len(rd.attrs))
	for i, a := range rd.attrs {
		keys[i] = a.Key
	}
	return keys
}

// Sample are the cells that a column has in the first lines, without the empty ones.
func (rd *Reader) Sample(column int) []string {
	var cells []string
	for _, row := range rd.sample.rows {
		if column < len(row) && row[column] != "" {
			cells = append(cells, row[column])
		}
	}
	return cells
}

// Said is the column as a mapping names it: by its header, or by its place where that
// says it better.
func (rd *Reader) Said(c Column) string {
	if c.Header == "" || strings.ContainsAny(c.Header, "'=\"") || len(findColumns(rd.cols, c.Header)) != 1 {
		return "column " + strconv.Itoa(c.Index+1)
	}
	return c.Header
}

// Notices are what was decided about the file.
func (rd *Reader) Notices() []Notice { return slices.Clone(rd.notices) }

// Position is how far the reading has come.
func (rd *Reader) Position() Position {
	p := Position{Records: rd.records, Line: rd.scan.line, Bytes: rd.used.n}
	if rd.enc.name == utf8Name {
		p.Bytes = int64(rd.enc.bom) + rd.scan.used()
	}
	if rd.pending != nil && rd.pendErr == nil {
		p.Line = rd.pending.line
	}
	return p
}

func (rd *Reader) nextRecord() (record, error) {
	var rec record
	var err error
	if rd.pending != nil {
		rec, err = *rd.pending, rd.pendErr
		rd.pending = nil
	} else {
		rec, err = rd.scan.next()
	}
	if err == nil {
		rd.records++
		// Reports end in a blank line and remarks of one cell.
		rd.under = len(rec.spans) == 1 && (rd.under || rec.line > rd.behind)
		rd.behind = rd.scan.line
	} else if !errors.Is(err, io.EOF) {
		err = fmt.Errorf("read file after line %d: %w", rd.scan.line-1, err)
	}
	return rec, err
}

// Next returns the next row. A line that can't be taken is a *LineError, after
// which the reading goes on. io.EOF is the end; every other error is the
// source's and ends the reading too.
func (rd *Reader) Next() (Row, error) {
	if rd.err != nil {
		return Row{}, rd.err
	}
	rec, err := rd.nextRecord()
	if err != nil {
		rd.err = err
		return Row{}, err
	}
	if bad := rd.row(&rec); bad != nil {
		return Row{}, bad
	}
	return rd.reading.row, nil
}
