package csvfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"carillon/contacts/value"
	"carillon/providers"
)

// The sample of lines from which columns are judged: what of it stands in the
// first sampleBytes of text, so that it is the same in whatever pieces a file
// comes, and at most so many lines.
const (
	sampleBytes = chunk / 2
	sampleLines = 200
)

// sample are the cells of the first lines.
type sample struct{ rows [][]string }

// takeSample reads the lines behind the header without using them up.
func (rd *Reader) takeSample() *sample {
	s := rd.scan
	end := min(int64(s.end), sampleBytes-s.base)
	taken := &sample{}
	if end <= int64(s.start) {
		return taken
	}
	ahead := newScanner(bytes.NewReader(bytes.Clone(s.buf[s.start:end])))
	ahead.sep = s.sep
	for len(taken.rows) < sampleLines {
		rec, err := ahead.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if rec.code != "" || ahead.start == ahead.end && s.base+end == sampleBytes {
			continue // can't be read, or may have been cut off
		}
		raw := string(rec.raw)
		row := make([]string, len(rec.spans))
		for i, f := range rec.spans {
			row[i] = cell(strings.ToValidUTF8(f.text(raw), "\uFFFD"))
		}
		taken.rows = append(taken.rows, row)
	}
	return taken
}

// filled is how many lines have something in a column.
func (s *sample) filled(column int) int {
	n := 0
	for _, row := range s.rows {
		if column < len(row) && row[column] != "" {
			n++
		}
	}
	return n
}

// mostly reports whether a column plainly holds something, by how many cells:
// nine of ten are that, or it is 0. different says that hardly two of them are
// the same, as is so with people and not with whoever looks after them.
func (s *sample) mostly(column int, is func(cell string) bool) (cells int, different bool) {
	n, good := 0, 0
	seen := map[string]bool{}
	for _, row := range s.rows {
		if column >= len(row) || row[column] == "" {
			continue
		}
		n++
		if is(row[column]) {
			good++
			seen[strings.ToLower(row[column])] = true
		}
	}
	if 10*good < 9*n {
		return 0, false
	}
	return good, 10*len(seen) >= 9*good
}

// belie reports whether a column plainly is not what its name says, for fields
// whose names other programs use for something else: a status of their own, a
// date in "activated", a web site.
func (s *sample) belie(column int, f Field) bool {
	var can func(cell string) bool
	switch f {
	case FieldStatus:
		can = func(cell string) bool {
			_, reason := status(cell)
			return reason == ""
		}
	case FieldActivated, FieldDeactivated, FieldBlocked, FieldDeleted:
		can = func(cell string) bool {
			_, reason := yesOrNo(cell)
			return reason == ""
		}
	case FieldMessenger:
		can = func(cell string) bool {
			_, reason := messenger(cell)
			return reason == ""
		}
	default:
		if !f.messenger() || value.Telling(f.Kind()) || f.Kind() == providers.Custom {
			return false
		}
		can = func(cell string) bool { return !strings.Contains(cell, "://") && !strings.HasPrefix(cell, "www.") }
	}
	n, good := 0, 0
	for _, row := range s.rows {
		if column < len(row) && row[column] != "" {
			n++
			if can(row[column]) {
				good++
			}
		}
	}
	return 2*good < n && (n > 1 || f.Kind() == providers.Web)
}

// notPersonal are words in the names of columns, squashed, whose addresses and
// numbers are not the person's own.
func notPersonal() []string {
	return []string{
		"pager", "owner", "manager", "assistant", "company", "sender", "creator", "createdby", "agent", "referrer", "referral", "partner", "spouse", "parent",
		"emergency", "supplier", "invoice", "betreuer",
		"besitzer", "inhaber", "berater", "verkaufer", "eltern", "notfall", "rechnung", "lieferant", "firma", "entreprise", "empresa", "vendedor", "azienda",
	}
}

// enough is how many cells must be numbers before a column that nobody knows is
// taken for the phone, if there is another way to know the contact: a number is
// soon written into a note.
const enough = 3

// mapByValue looks at what the columns hold that nobody knows. Where a file has
// no column for e-mail addresses, or none for numbers, and one column plainly
// holds them, it is that column; in any other case they are named, so that none
// is passed over in silence.
func (rd *Reader) mapByValue(first *sample) (notices []Notice) {
	if looksLikeData(rd.cols) {
		return nil
	}
	for _, kind := range []struct {
		field Field
		what  string
		is    func(cell string) bool
	}{
		{FieldEmail, "e-mail addresses", func(cell string) bool {
			_, reason := value.Email(cell)
			return reason == ""
		}},
		{FieldPhone, "phone numbers", rd.plainNumber},
	} {
		var sure, others []Column
		least := 1
		if kind.field == FieldPhone && usable(rd.cols) {
			least = enough
		}
		for _, c := range rd.cols {
			f, _ := fieldByName(c.Header)
			// Of the field's own names one was chosen, and said so.
			if c.Field != "" || f == kind.field || strings.Contains(value.Squash(c.Header), "fax") {
				continue
			}
			switch cells, different := first.mostly(c.Index, kind.is); {
			case cells == 0:
			case cells >= least && different && !slices.ContainsFunc(notPersonal(), func(word string) bool { return strings.Contains(value.Squash(c.Header), word) }):
				sure = append(sure, c)
			default:
				others = append(others, c)
			}
		}
		if len(sure) == 1 && !rd.Has(kind.field) {
			c := sure[0]
			rd.cols[c.Index].Field = kind.field
			notices = append(notices, Notice{NoticeColumn, fmt.Sprintf("%s holds %s: taken as %s; if it is something else, map it to row",
				columnName(c), kind.what, kind.field)})
			sure = nil
		}
		for _, c := range append(sure, others...) {
			notices = append(notices, Notice{NoticeColumn, fmt.Sprintf("%s holds %s and is only kept as an extra column; map it to %s if it is the contact's",
				columnName(c), kind.what, kind.field)})
		}
	}
	return notices
}

// plainNumber reports whether a cell can't be anything but a phone number: it has
// its country code.
func (rd *Reader) plainNumber(cell string) bool {
	if !strings.HasPrefix(cell, "+") && !strings.HasPrefix(cell, "00") {
		return false
	}
	_, reason := rd.values.Phone(cell, "")
	return reason == ""
}
