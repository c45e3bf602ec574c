package csvfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"carillon/contacts/value"
	"carillon/internal/fault"
)

// keyOf makes a name that a template can use out of a column's: lower-case
// ASCII letters, digits and underscores, starting with no digit. It is empty if
// nothing is left.
func keyOf(header string) string {
	var b strings.Builder
	gap, lower := false, false
	put := func(s string) {
		if gap && b.Len() > 0 {
			b.WriteByte('_')
		}
		gap = false
		b.WriteString(s)
	}
	for _, r := range norm.NFKD.String(header) {
		switch {
		case unicode.Is(unicode.Mn, r):
			continue
		case r >= 'A' && r <= 'Z':
			gap = gap || lower // couponCode
			put(string(r + 'a' - 'A'))
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			put(string(r))
		default:
			if p := value.Letters(unicode.ToLower(r)); p != "" {
				put(p)
			} else {
				gap = true
			}
		}
		lower = r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
	}
	key := b.String()
	if key != "" && key[0] >= '0' && key[0] <= '9' {
		key = "_" + key
	}
	return key
}

// columnName names a column in a message.
func columnName(c Column) string { return fmt.Sprintf("column %d %q", c.Index+1, shown(c.Header)) }

// mapColumns decides what each column is.
func (rd *Reader) mapColumns(headers []string, first *sample) (notices []Notice, err error) {
	cols := make([]Column, len(headers))
	for i, h := range headers {
		cols[i] = Column{Index: i, Header: h}
		if h != "" {
			rd.named = i + 1
		}
	}
	rd.cols = cols
	attributes := rd.opts.Attributes
	if err := applyMapping(cols, rd.opts.Mapping, attributes); err != nil {
		return nil, err
	}
	notices = mapByProgram(cols)
	more, err := mapByName(cols, first)
	if err != nil {
		return nil, err
	}
	notices = append(notices, more...)
	if err := mapAttributes(cols, attributes); err != nil {
		return nil, err
	}
	notices = append(notices, rd.mapByValue(first)...)
	leaveNameless(cols, rd.named, first)
	more, err = nameExtras(cols)
	if err != nil {
		return nil, err
	}
	return append(notices, more...), nil
}

// applyMapping carries out what the uploader asked for.
func applyMapping(cols []Column, mapping map[string]string, attributes []Attribute) error {
	var wrong []fault.Field
	refuse := func(column string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "mapping." + column, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	taken := make(map[Field]Column)
	names := make([]string, 0, len(mapping))
	for name := range mapping {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		found := findColumns(cols, name)
		if len(found) == 0 {
			refuse(name, nil, "the file has no such column; it has %s", headerList(cols))
			continue
		}
		if len(found) > 1 {
			refuse(name, nil, "%s and %s have this name; say which by its place, as column %d", columnName(cols[found[0]]), columnName(cols[found[1]]), found[0]+1)
			continue
		}
		c := &cols[found[0]]
		if c.Field != "" {
			refuse(name, nil, "%s is mapped twice", columnName(*c))
			continue
		}
		c.byHand = true
		to := strings.ToLower(strings.TrimSpace(mapping[name]))
		switch f := Field(to); {
		case to == "" || f == FieldIgnored:
			c.Field = FieldIgnored
		case f == FieldExtra:
			c.Field = FieldExtra
		case strings.HasPrefix(to, "row."):
			c.Field, c.Key = FieldExtra, strings.TrimPrefix(to, "row.")
			if keyOf(c.Key) != c.Key || c.Key == "" {
				refuse(name, to, "a key for templates has lower-case letters, digits and underscores and starts with no digit")
			}
		case strings.HasPrefix(to, attributePrefix):
			c.Field, c.Key = FieldAttribute, strings.TrimPrefix(to, attributePrefix)
			if !slices.ContainsFunc(attributes, func(a Attribute) bool { return a.Key == c.Key }) {
				refuse(name, to, "there is no property %q; %s", c.Key, propertyList(attributes))
			}
		case !slices.Contains(Fields(), f):
			refuse(name, to, "is not a field; use one of %s, attributes.<key> for a property, row.<key> to keep the column for templates, or - to ignore it",
				fieldList())
		default:
			if before, ok := taken[f]; ok {
				refuse(name, to, "%s is mapped to it already", columnName(before))
				continue
			}
			c.Field, taken[f] = f, *c
		}
	}
	return fault.InvalidFields(wrong)
}

// mapAttributes makes properties of the columns that bear the key or the label
// of one and are nothing else yet. A property in two columns is refused.
func mapAttributes(cols []Column, attributes []Attribute) error {
	for _, a := range attributes {
		var candidates []int
		for i, c := range cols {
			named := c.Field == "" && (value.Squash(strings.TrimPrefix(c.Header, attributePrefix)) == value.Squash(a.Key) ||
				(a.Name != "" && value.Squash(c.Header) == value.Squash(a.Name)) ||
				(a.Label != "" && value.Squash(c.Header) == value.Squash(a.Label)))
			if named || (c.Field == FieldAttribute && c.Key == a.Key) {
				candidates = append(candidates, i)
			}
		}
		if len(candidates) > 1 {
			return fault.New(fault.Invalid, "%s and %s could both be the property %s; say which by a mapping, or rename one",
				columnName(cols[candidates[0]]), columnName(cols[candidates[1]]), a.Key)
		}
		for _, i := range candidates {
			cols[i].Field, cols[i].Key = FieldAttribute, a.Key
		}
	}
	return nil
}

func propertyList(attributes []Attribute) string {
	if len(attributes) == 0 {
		return "the account has none yet"
	}
	keys := make([]string, len(attributes))
	for i, a := range attributes {
		keys[i] = a.Key
	}
	return "there are " + strings.Join(keys, ", ")
}

// findColumns are the columns that a name means: those that bear it exactly, or
// else roughly, or the one of that place (column 3).
func findColumns(cols []Column, name string) []int {
	exact, sq := strings.TrimSpace(name), value.Squash(name)
	for _, means := range []func(c Column) bool{
		func(c Column) bool { return exact != "" && c.Header == exact },
		func(c Column) bool { return sq != "" && value.Squash(c.Header) == sq },
		func(c Column) bool { return sq == value.Squash(placeKey(c.Index)) },
	} {
		var found []int
		for i, c := range cols {
			if means(c) {
				found = append(found, i)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// placeKey is the name of a column that has none.
func placeKey(index int) string { return "column_" + strconv.Itoa(index+1) }

// candidate is a column that its name makes a field.
type candidate struct{ index, rank int }

// mapByName maps the columns that nobody mapped by their names. Where several
// name one field, the one of the best rank has it, of addresses one that has
// values before one that has none; two of the same rank are refused, since choosing
// between a "tel" and a "telefon" would be a guess.
func mapByName(cols []Column, first *sample) ([]Notice, error) {
	var notices []Notice
	for _, f := range Fields() {
		if slices.ContainsFunc(cols, func(c Column) bool { return c.Field == f }) {
			continue
		}
		candidates := named(cols, f, first)
		if len(candidates) == 0 {
			continue
		}
		best := candidates[0]
		if len(candidates) > 1 && candidates[1].rank == best.rank && best.rank < rankSecond {
			return nil, fault.New(fault.Invalid, "%s and %s could both be the %s; say which by a mapping, or rename one",
				columnName(cols[best.index]), columnName(cols[candidates[1].index]), f)
		}
		cols[best.index].Field = f
		if kept := columnNames(cols, candidates[1:]); kept != "" {
			notices = append(notices, Notice{NoticeColumn, fmt.Sprintf("%s is taken as %s; %s", columnName(cols[best.index]), f, kept)})
		}
	}
	var others []string
	for _, c := range cols {
		if f, _ := fieldByName(c.Header); c.Field == "" && f != "" && first.belie(c.Index, f) {
			others = append(others, fmt.Sprintf("%s is not read as %s", columnName(c), f))
		}
	}
	if len(others) > 0 {
		notices = append(notices, Notice{NoticeColumn, someOf(others) + ", since most of its values are none: kept for templates alone"})
	}
	return append(notices, surnames(cols)...), nil
}

// named are the columns that could be the field, the best first.
func named(cols []Column, f Field, first *sample) []candidate {
	var found []candidate
	for i, c := range cols {
		if c.Field != "" {
			continue
		}
		if of, rank := fieldByName(c.Header); of == f && !first.belie(i, f) {
			if f == FieldExternalID && value.Squash(c.Header) == "id" {
				rank = rankSecond // beside a "customer id" it is the exporting system's own
			}
			found = append(found, candidate{i, rank})
		}
	}
	filled := func(c candidate) bool { return first.filled(c.index) > 0 }
	if reached := f == FieldEmail || f == FieldPhone; reached && slices.ContainsFunc(found, filled) {
		for i, c := range found {
			if !filled(c) {
				found[i].rank += rankEmpty
			}
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.rank - b.rank })
	return found
}

// columnNames says of columns that they are kept; empty if there are none.
func columnNames(cols []Column, kept []candidate) string {
	var names []string
	for _, c := range kept {
		names = append(names, columnName(cols[c.index]))
	}
	switch len(names) {
	case 0:
		return ""
	case 1:
		return names[0] + " is kept as an extra column"
	}
	return strings.Join(names, ", ") + " are kept as extra columns"
}

// surnames reads "Vorname, Name" as Germans mean it: beside a column of first
// names and without one of last names, a bare "Name" or "Nom" is the last name.
// Beside a Turkish column of last names, "Ad" is the first name; alone it may be
// anybody's advertisement.
func surnames(cols []Column) []Notice {
	at := func(f Field) int {
		return slices.IndexFunc(cols, func(c Column) bool { return c.Field == f })
	}
	first, last, name := at(FieldFirstName), at(FieldLastName), at(FieldName)
	if last >= 0 && first < 0 && strings.HasPrefix(value.Squash(cols[last].Header), "soy") {
		if i := slices.IndexFunc(cols, func(c Column) bool { return c.Field == "" && value.Squash(c.Header) == "ad" }); i >= 0 {
			cols[i].Field = FieldFirstName
			return nil
		}
	}
	if first < 0 || name < 0 || last >= 0 {
		return nil
	}
	if sq := value.Squash(cols[first].Header); value.Squash(cols[name].Header) != "name" || (sq != "vorname" && sq != "rufname") {
		return nil
	}
	cols[name].Field = FieldLastName
	return []Notice{{NoticeColumn, fmt.Sprintf("%s stands beside %s: read as the last name", columnName(cols[name]), columnName(cols[first]))}}
}

// fieldNameless is a column without a header in which hardly any line has text:
// what is there is surplus.
const fieldNameless Field = "nameless"

// leaveNameless finds the columns without a header that are none: those behind
// the last header, which spreadsheets leave there, and those in which most lines
// have nothing. A row number without a header, as data tools write it, is a
// column.
func leaveNameless(cols []Column, end int, first *sample) {
	for i := range cols {
		c := &cols[i]
		if c.Header == "" && c.Field == "" && (i >= end || 2*first.filled(i) < len(first.rows) || len(first.rows) == 0) {
			c.Field = fieldNameless
		}
	}
}

// nameExtras gives the columns that are nothing else their keys. A key that is
// taken is numbered.
func nameExtras(cols []Column) ([]Notice, error) {
	var nameless, numbered []string
	taken := make(map[string]Column)
	for i := range cols {
		if c := cols[i]; c.Key != "" {
			if before, ok := taken[c.Key]; ok {
				return nil, fault.New(fault.Invalid, "%s and %s would both be row.%s in templates; rename one", columnName(before), columnName(c), c.Key)
			}
			taken[c.Key] = c
		}
	}
	for i := range cols {
		c := &cols[i]
		if c.Field == "" {
			c.Field = FieldExtra
		}
		if c.Field != FieldExtra || c.Key != "" {
			continue
		}
		key := keyOf(c.Header)
		if key == "" {
			key = placeKey(i)
			nameless = append(nameless, fmt.Sprintf("%s is row.%s", columnName(*c), key))
		}
		c.Key = key
		for n := 2; ; n++ {
			before, ok := taken[c.Key]
			if !ok {
				break
			}
			if before.byHand && n == 2 {
				return nil, fault.New(fault.Invalid, "%s and %s would both be row.%s in templates; rename one", columnName(before), columnName(*c), c.Key)
			}
			c.Key = fmt.Sprintf("%s_%d", key, n)
		}
		if c.Key != key {
			numbered = append(numbered, fmt.Sprintf("%s is row.%s", columnName(*c), c.Key))
		}
		taken[c.Key] = *c
	}
	var notices []Notice
	if len(nameless) > 0 {
		notices = append(notices, Notice{NoticeColumn, "no name that a template could use: " + someOf(nameless)})
	}
	if len(numbered) > 0 {
		notices = append(notices, Notice{NoticeColumn, "columns of one name are numbered: " + someOf(numbered)})
	}
	return notices, nil
}

// someOf lists the first of many texts.
func someOf(texts []string) string {
	const most = 20
	if len(texts) > most {
		texts = append(texts[:most:most], fmt.Sprintf("and %d more", len(texts)-most))
	}
	return strings.Join(texts, ", ")
}

func usable(cols []Column) bool {
	return slices.ContainsFunc(cols, func(c Column) bool {
		return c.Field == FieldEmail || c.Field == FieldPhone || c.Field == FieldExternalID || c.Field.messenger()
	})
}

// refuseUseless says which columns there are and what was looked for.
func refuseUseless(cols []Column) error {
	hint := ""
	if looksLikeData(cols) {
		hint = " The first line looks like data: it must name the columns."
	} else if len(cols) == 1 && strings.ContainsAny(cols[0].Header, ",;\t|") {
		hint = " Each line seems to stand in quotes as a whole: export it without them."
	}
	return fault.New(fault.Invalid,
		"no column can be used to reach or to know a contact: the file has %s; name one email, phone or external_id, or as a messenger such as whatsapp "+
			"(or a usual word for it in one of the languages that Carillon reads), or give a mapping.%s",
		headerList(cols), hint)
}

// looksLikeData reports whether the header seems to be a line of contacts.
func looksLikeData(cols []Column) bool {
	return slices.ContainsFunc(cols, func(c Column) bool { return strings.Contains(c.Header, "@") || digits(c.Header) >= 7 })
}

func digits(s string) int {
	n := 0
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

func headerList(cols []Column) string {
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = strconv.Quote(shown(c.Header))
	}
	return someOf(names)
}

func fieldList() string {
	names := make([]string, 0, len(Fields()))
	for _, f := range Fields() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}
