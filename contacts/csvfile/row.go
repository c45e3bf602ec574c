package csvfile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"carillon/contacts/property"
	"carillon/contacts/value"
	"carillon/providers"
)

// reading is a line while it becomes a row.
type reading struct {
	rd   *Reader
	line int64
	row  Row
	// phone and others need the country, which may come later.
	phone  claim
	others []claim
	// given says which addresses the line has, good or bad ones.
	given struct{ email, phone bool }
	// id is the kind of address that the id is.
	id Field
	// faults are why the line is refused.
	faults []LineError
}

// claim is an address before it is checked, and the column that it came from.
type claim struct {
	kind   Field
	value  string
	column int
}

// row checks a record; the row is then in rd.reading.
func (rd *Reader) row(rec *record) *LineError {
	if rec.code != "" {
		return lineError(rec, rec.code, rec.reason)
	}
	if !utf8.Valid(rec.raw) {
		return rd.badBytes(rec)
	}
	if bytes.IndexByte(rec.raw, 0) >= 0 {
		return lineError(rec, CodeControl, "a NUL byte in the line; export the file as text")
	}
	raw := string(rec.raw)
	if bad := rd.surplus(rec, raw); bad != nil {
		return bad
	}
	r := &rd.reading
	// Field by field: clearing all of it at once takes as long as checking a name.
	r.rd, r.line, r.row, r.others, r.id, r.faults = rd, rec.line, Row{}, r.others[:0], "", nil
	r.given.email, r.given.phone = false, false
	r.row.Line = rec.line
	r.row.Extra, r.row.Attributes = rd.take(len(rd.extras)), rd.take(len(rd.attrs))
	for i, f := range rec.spans[:min(len(rec.spans), len(rd.plan))] {
		if field := rd.plan[i].field; field == FieldIgnored || field == fieldNameless || f.from == f.to {
			continue
		}
		v := cell(f.text(raw))
		if v == "" {
			continue
		}
		r.take(i, v)
	}
	r.addresses()
	if len(r.faults) == 0 {
		return r.identify(rec)
	}
	return r.refused()
}

// refused is the first reason for which the line is refused, with all others.
func (r *reading) refused() *LineError {
	e := r.faults[0]
	e.Also = r.faults[1:]
	for _, lost := range r.row.Lost {
		if lost.Code != CodeFurther {
			e.Also = append(e.Also, lost)
		}
	}
	return &e
}

// take takes a cell, which is not empty.
func (r *reading) take(column int, v string) {
	rd, row, s := r.rd, &r.row, &r.rd.plan[column]
	if s.style.marked {
		v = unmarked(v)
	}
	var code, reason string
	switch s.field {
	case FieldExtra:
		row.Extra[s.extra] = v
		code, reason = value.CheckLength(v, MaxExtraLength)
	case FieldExternalID:
		row.ExternalID = v
		if code, reason = value.CheckID(v); reason != "" {
			row.ExternalID = ""
		}
	case FieldName:
		row.Name, code, reason = value.Name(v)
	case FieldFirstName:
		row.FirstName, code, reason = value.Name(v)
	case FieldLastName:
		row.LastName, code, reason = value.Name(v)
	case FieldEmail:
		r.given.email = true
		row.Email, reason = value.Email(v)
		code = CodeEmail
		if reason != "" && !s.byHand {
			row.Email, reason = r.first(FieldEmail, value.BareEmail(v), reason, value.Email)
		}
	case FieldPhone:
		r.given.phone = true
		r.phone = claim{s.field, s.style.number(v), column}
	case FieldLanguage:
		row.Language, reason = rd.values.Language(v)
		code = CodeLanguage
	case FieldTimezone:
		row.Timezone, reason = rd.values.Timezone(v)
		code = CodeTimezone
	case FieldCountry:
		row.Country, reason = rd.values.Country(v)
		code = CodeCountry
	case FieldMessenger:
		r.id, reason = messenger(v)
		code = CodeAddress
	case FieldStatus:
		row.Status, reason = status(v)
		code = CodeStatus
	case FieldActivated, FieldDeactivated, FieldBlocked, FieldDeleted:
		reason = row.Control.take(s.field, v)
		code = CodeStatus
	case FieldGroups:
		row.Groups, code, reason = memberships(s.field, &s.style, v)
	case FieldLabels:
		row.Labels, code, reason = memberships(s.field, &s.style, v)
	case FieldCategories:
		row.Categories, code, reason = memberships(s.field, &s.style, v)
	case FieldAttribute:
		row.Extra[s.extra] = v
		if code, reason = value.CheckLength(v, MaxExtraLength); reason == "" {
			row.Attributes[s.attr], reason = rd.attrs[s.attr].Parse(v)
			code = valueCode(reason)
		}
	default:
		if s.field.messenger() {
			r.others = append(r.others, claim{s.field, s.style.number(v), column})
		}
	}
	if reason != "" {
		r.lose(column, LineError{Field: rd.cols[column].Name(), Value: v, Code: code, Reason: reason})
	}
}

// valueCode is the code of what a property's value is refused for.
func valueCode(reason string) string {
	switch reason {
	case property.UnsureDate:
		return CodeDate
	case property.UnsureNumber:
		return CodeNumber
	}
	return CodeAttribute
}

// lose leaves a value out that its column can't hold. It refuses the line if the
// column was mapped by hand, the options are strict, or if the value says whether the contact is written
// to at all.
func (r *reading) lose(column int, e LineError) {
	s := &r.rd.plan[column]
	if !s.byHand && s.field.alwaysChecked() && placeholder(e.Value) {
		return
	}
	e.Line, e.Value = r.line, shown(e.Value)
	refuses := s.byHand || r.rd.opts.Strict
	switch s.field {
	case FieldMessenger, FieldStatus, FieldActivated, FieldDeactivated, FieldBlocked, FieldDeleted, FieldExtra:
		refuses = true
	case FieldAttribute:
		r.row.Attributes[s.attr] = ""
	}
	if refuses {
		r.faults = append(r.faults, e)
	} else {
		r.row.Lost = append(r.row.Lost, e)
	}
}

// first reads a cell with several addresses as its first, and says which it
// leaves out. reason is why the cell is none.
func (r *reading) first(f Field, v, reason string, check func(string) (string, string)) (normal, why string) {
	parts := strings.FieldsFunc(v, func(c rune) bool { return c == ';' || c == ',' || c == '\n' })
	if strings.Contains(v, " ::: ") {
		parts = strings.Split(v, " ::: ") // Google Contacts
	}
	for i, part := range parts {
		parts[i] = trimCell(part)
		checked, bad := check(parts[i])
		if bad != "" {
			return "", reason
		}
		if i == 0 {
			normal = checked
		}
	}
	if len(parts) < 2 {
		return normal, ""
	}
	r.row.Lost = append(r.row.Lost, LineError{
		Line: r.line, Field: string(f), Value: shown(strings.Join(parts[1:], ", ")), Code: CodeFurther,
		Reason: "a further one in the cell, of which the first is taken",
	})
	return normal, ""
}

// addresses checks the addresses that need the country.
func (r *reading) addresses() {
	row := &r.row
	if r.given.phone {
		number := func(v string) (string, string) { return r.rd.values.Phone(v, row.Country) }
		var reason string
		if row.Phone, reason = number(r.phone.value); reason != "" && !r.rd.plan[r.phone.column].byHand {
			row.Phone, reason = r.first(FieldPhone, r.phone.value, reason, number)
		}
		if reason != "" {
			r.lose(r.phone.column, LineError{Field: string(FieldPhone), Value: r.phone.value, Reason: reason, Code: CodePhone})
		}
	}
	for _, c := range r.others {
		normal, reason := r.address(c.kind, c.value)
		if reason == "" {
			row.Addresses = append(row.Addresses, Address{c.kind, normal})
			continue
		}
		r.lose(c.column, LineError{Field: string(c.kind), Value: c.value, Reason: reason, Code: CodeAddress})
	}
	if r.id != "" && row.ExternalID != "" {
		// Whoever says the messenger gives the address in it as the id.
		given := row.ExternalID
		row.ExternalID = ""
		normal, reason := r.address(r.id, given)
		if reason != "" {
			r.faults = append(r.faults, LineError{Line: r.line, Field: string(r.id), Value: shown(given), Reason: reason, Code: CodeAddress})
			return
		}
		row.Addresses = append(row.Addresses, Address{r.id, normal})
	}
}

// address checks an address of a messenger, or of SMS.
func (r *reading) address(f Field, v string) (normal, reason string) {
	if f.Kind() == providers.WhatsApp && value.Digits(v) && !strings.HasPrefix(v, "0") {
		v = "+" + v // as WhatsApp itself writes its ids
	}
	return r.rd.values.Address(f.Kind(), v, r.row.Country)
}

// identify refuses a line that has lost what its contact is found by: the key
// of the upload, or else the first of external id, e-mail, phone and other
// addresses. An external id that is none leaves that to the addresses; one
// without any of its addresses is refused too, since it reaches nobody.
func (r *reading) identify(rec *record) *LineError {
	row := &r.row
	reached := row.Email != "" || row.Phone != "" || len(row.Addresses) > 0
	by := r.rd.opts.Key
	switch {
	case by != "" || row.ExternalID != "":
	case r.given.email:
		by = FieldEmail
	case r.given.phone:
		by = FieldPhone
	case len(r.others) > 0:
		by = r.others[0].kind
	}
	for i := range row.Lost {
		if e := &row.Lost[i]; e.Code != CodeFurther && (e.Field == string(by) || !reached && identifies(Field(e.Field))) {
			r.faults, row.Lost = append(r.faults, *e), slices.Delete(row.Lost, i, i+1)
			return r.refused()
		}
	}
	if !reached && row.ExternalID == "" {
		return lineError(rec, CodeNoAddress, "no address and no external id")
	}
	if !reached && len(rec.spans) == 1 && len(r.rd.cols) > 2 && (r.rd.under || strings.Contains(row.ExternalID, " ")) {
		return lineError(rec, CodeNoAddress, "text and nothing else, as under a report: no line of a contact")
	}
	return nil
}

// identifies reports whether contacts are found by a field.
func identifies(f Field) bool {
	return f == FieldExternalID || f == FieldEmail || f == FieldPhone || f.messenger()
}

// alwaysChecked reports whether a cell of the field must be more than text.
func (f Field) alwaysChecked() bool {
	return f == FieldLanguage || f == FieldTimezone || f == FieldCountry || f != FieldExternalID && identifies(f)
}

// placeholder reports whether a cell says, as programs do, that there is nothing.
func placeholder(v string) bool {
	if len(v) > 11 {
		return false
	}
	switch strings.ToLower(v) {
	case "-", "--", "?", "n/a", "#n/a", "#nv", "null", "(null)", "none", "(none)", "nan", `\n`, "undefined", "k.a.", "#name?", "#ref!", "#value!":
		return true
	}
	return false
}

// surplus refuses a line that has text where the header names no column.
// Spreadsheets leave empty cells out at the end of a line, or add some; text is
// what an unquoted separator inside a value leaves there.
func (rd *Reader) surplus(rec *record, raw string) *LineError {
	if len(rec.spans) <= rd.named && !rd.gaps {
		return nil
	}
	for i, f := range rec.spans {
		if i < len(rd.plan) && rd.plan[i].field != fieldNameless {
			continue
		}
		v := cell(f.text(raw))
		if v == "" {
			continue
		}
		reason := fmt.Sprintf("%d fields where the header has %d; does a value with a separator in it lack its quotes?", len(rec.spans), len(rd.cols))
		if i < len(rd.cols) {
			reason = fmt.Sprintf("text in a column without a header; does a value with a separator in it lack its quotes? "+
				"Otherwise name the column, or map %s to row to keep it", placeKey(i))
		}
		return &LineError{Line: rec.line, Field: placeKey(i), Value: shown(v), Code: CodeRagged, Reason: reason}
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

// Name is the column as errors and refused lines name it; empty if it is ignored.
func (c Column) Name() string {
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
			e.Field = rd.cols[i].Name()
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
