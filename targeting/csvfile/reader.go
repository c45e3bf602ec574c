package csvfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"carillon/internal/fault"
)

// Reader reads one file. It is not safe for concurrent use.
type Reader struct {
	opts    Options
	enc     encoding
	scan    *scanner
	used    *counter
	cols    []Column
	extras  []string
	attrs   []Attribute
	plan    []slot
	notices []Notice
	values  *values
	records int64
	pending *record // the first record, scanned by Open
	pendErr error
	slab    []string // where rows' Extra come from
	err     error    // how the file ended
}

// slot is what Next does with the field at the same index.
type slot struct {
	field       Field
	extra, attr int
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
	if opts.Address == nil {
		opts.Address = func(_ Field, value, _ string) (string, string) { return value, "" }
	}
	rd := &Reader{opts: opts, used: &counter{r: r}}
	var err error
	if rd.values, err = newValues(opts.DefaultCountry); err != nil {
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
	sep, headers, err := rd.chooseSeparator()
	if err != nil {
		return err
	}
	s.sep = sep
	if len(headers) > MaxColumns {
		return fault.New(fault.Invalid, "the header has %d columns; at most %d are read", len(headers), MaxColumns)
	}
	var notices []Notice
	if rd.cols, notices, err = mapColumns(headers, rd.opts.Mapping, rd.opts.Attributes); err != nil {
		return err
	}
	if !usable(rd.cols) {
		return refuseUseless(rd.cols)
	}
	rd.notices = append(rd.notices, notices...)
	rd.plan = make([]slot, len(rd.cols))
	for i, c := range rd.cols {
		rd.plan[i] = slot{field: c.Field}
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
		line := bytes.TrimSpace(s.buf[s.start : s.start+at])
		excel := len(line) == 5 && strings.EqualFold(string(line[:4]), "sep=")
		if excel && rd.opts.Separator == 0 {
			rd.opts.Separator = rune(line[4])
		}
		if len(bytes.Trim(line, " \t,;|\""+string(max(rd.opts.Separator, ' ')))) > 0 && !excel {
			return nil
		}
		s.use(at+width, 1)
	}
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
	known := knownNames()
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
			if f, _ := fieldByName(known, n); f != "" {
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
		names[i] = strings.Join(strings.Fields(strings.Trim(f.text(raw), "\uFEFF")), " ")
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

// Notices are what was decided about the file.
func (rd *Reader) Notices() []Notice { return slices.Clone(rd.notices) }

// Position is how far the reading has come.
func (rd *Reader) Position() Position {
	p := Position{Records: rd.records, Line: rd.scan.line, Bytes: rd.used.n}
	if rd.enc.name == utf8Name {
		p.Bytes = int64(rd.enc.bom) + rd.scan.offset()
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
	var row Row
	if bad := rd.row(&rec, &row); bad != nil {
		return Row{}, bad
	}
	return row, nil
}

// row checks a record.
func (rd *Reader) row(rec *record, row *Row) *LineError {
	if rec.code != "" {
		return lineError(rec, rec.code, rec.reason)
	}
	if !utf8.Valid(rec.raw) {
		return rd.badBytes(rec)
	}
	if bytes.IndexByte(rec.raw, 0) >= 0 {
		return lineError(rec, CodeControl, "a NUL byte in the line; export the file as text")
	}
	if n := len(rec.spans); n != len(rd.cols) {
		more := "is a value missing?"
		if n > len(rd.cols) {
			more = "does a value with a separator in it lack its quotes?"
		}
		return lineError(rec, CodeRagged, fmt.Sprintf("%d fields where the header has %d; %s", n, len(rd.cols), more))
	}
	row.Line = rec.line
	row.Extra, row.Attributes = rd.take(len(rd.extras)), rd.take(len(rd.attrs))
	raw := string(rec.raw)
	phone := ""
	var others []Address // they need the country, which may come later
	var id Field         // the kind of address that the id is
	for i, f := range rec.spans {
		s := rd.plan[i]
		if s.field == FieldIgnored || f.from == f.to {
			continue
		}
		v := plainCell(strings.TrimSpace(f.text(raw)))
		if v == "" {
			continue
		}
		var code, reason string
		switch s.field {
		case FieldExtra:
			row.Extra[s.extra] = v
			code, reason = tooLong(v, MaxExtraLength)
		case FieldExternalID:
			row.ExternalID = v
			code, reason = checkID(v)
		case FieldName:
			row.Name, code, reason = cleanName(v)
		case FieldFirstName:
			row.FirstName, code, reason = cleanName(v)
		case FieldLastName:
			row.LastName, code, reason = cleanName(v)
		case FieldEmail:
			row.Email, reason = parseEmail(v)
			code = CodeEmail
		case FieldPhone:
			phone = v // needs the country, which may come later
		case FieldLanguage:
			row.Language, reason = rd.values.language(v)
			code = CodeLanguage
		case FieldTimezone:
			row.Timezone, reason = rd.values.timezone(v)
			code = CodeTimezone
		case FieldCountry:
			row.Country, reason = rd.values.country(v)
			code = CodeCountry
		case FieldSMS, FieldWhatsApp, FieldTelegram, FieldViber, FieldFacebook, FieldInstagram, FieldPush, FieldWeb, FieldCustom:
			others = append(others, Address{s.field, v})
		case FieldMessenger:
			id, reason = messenger(v)
			code = CodeAddress
		case FieldStatus:
			row.Status, reason = status(v)
			code = CodeStatus
		case FieldActivated, FieldDeactivated, FieldBlocked, FieldDeleted:
			reason = row.Control.take(s.field, v)
			code = CodeStatus
		case FieldGroups:
			row.Groups, code, reason = memberships(s.field, v)
		case FieldLabels:
			row.Labels, code, reason = memberships(s.field, v)
		case FieldCategories:
			row.Categories, code, reason = memberships(s.field, v)
		case FieldAttribute:
			row.Extra[s.extra] = v
			if code, reason = tooLong(v, MaxExtraLength); reason == "" {
				row.Attributes[s.attr], reason = rd.attrs[s.attr].Parse(v)
				code = CodeAttribute
			}
		}
		if reason != "" {
			field := rd.cols[i].name()
			return &LineError{Line: rec.line, Field: field, Value: shown(v), Reason: reason, Code: code}
		}
	}
	if phone != "" {
		var reason string
		if row.Phone, reason = rd.values.phone(phone, row.Country); reason != "" {
			return &LineError{Line: rec.line, Field: string(FieldPhone), Value: shown(phone), Reason: reason, Code: CodePhone}
		}
	}
	if id != "" && row.ExternalID != "" {
		// Whoever says the messenger gives the address in it as the id.
		others = append(others, Address{id, row.ExternalID})
		row.ExternalID = ""
	}
	for _, a := range others {
		normal, reason := rd.opts.Address(a.Kind, a.Value, row.Country)
		if reason != "" {
			return &LineError{Line: rec.line, Field: string(a.Kind), Value: shown(a.Value), Reason: reason, Code: CodeAddress}
		}
		row.Addresses = append(row.Addresses, Address{a.Kind, normal})
	}
	if row.Email == "" && row.Phone == "" && row.ExternalID == "" && len(row.Addresses) == 0 {
		return lineError(rec, CodeNoAddress, "no address and no external id")
	}
	return nil
}

// take is n texts for a row, from a slab that many rows share.
func (rd *Reader) take(n int) []string {
	if n == 0 {
		return nil
	}
	if len(rd.slab) < n {
		rd.slab = make([]string, 64*n)
	}
	texts := rd.slab[:n:n]
	rd.slab = rd.slab[n:]
	return texts
}

// name is a column as errors name it.
func (c Column) name() string {
	switch c.Field {
	case FieldExtra:
		return "row." + c.Key
	case FieldAttribute:
		return attributePrefix + c.Key
	case FieldIgnored:
		return ""
	default:
		return string(c.Field)
	}
}

func lineError(rec *record, code, reason string) *LineError {
	return &LineError{Line: rec.line, Value: shown(string(rec.raw[:min(len(rec.raw), 4*maxShown+utf8.UTFMax)])), Reason: reason, Code: code}
}

// badBytes says where a line stops being text.
func (rd *Reader) badBytes(rec *record) *LineError {
	at := 0
	for at < len(rec.raw) {
		r, n := utf8.DecodeRune(rec.raw[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	e := lineError(rec, CodeEncoding, "")
	for i, f := range rec.spans {
		if at <= f.to && i < len(rd.cols) {
			e.Field = rd.cols[i].name()
			e.Value = shown(string(rec.raw[f.from:f.to]))
			break
		}
	}
	if rd.enc.name == utf8Name {
		e.Reason = fmt.Sprintf("not valid UTF-8 (byte 0x%02X); if the whole file is in another encoding, such as windows-1252, give it", rec.raw[at])
	} else {
		e.Reason = "a character that does not exist in " + rd.enc.name + "; give the file's encoding"
	}
	return e
}
