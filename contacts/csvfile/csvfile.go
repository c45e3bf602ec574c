// Package csvfile owns the reading of uploaded contact files: what encoding and
// separator a file has, which column is what, and whether each line can be
// taken. It streams: memory does not grow with the file. It must not know the
// store, HTTP or campaigns, and it changes nothing; the importer does.
//
// It has its own tokenizer because encoding/csv cannot say where a broken
// quoted field began nor go on after it: one stray quote would swallow the rest
// of a file, and with LazyQuotes it would silently join people into one field.
package csvfile

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"carillon/contacts/value"
)

// Bounds on what is read. A line beyond them is refused, never cut.
const (
	// MaxRecordBytes is the longest record (one row with all the lines of its
	// quoted fields) in bytes of UTF-8, and so the bound on the reader's memory.
	MaxRecordBytes = 1 << 20
	// MaxRecordLines is the most lines that one quoted record may span. A quote
	// that is not closed within them is taken for a stray one.
	MaxRecordLines = 1000
	// MaxColumns is the most columns that a header may have.
	MaxColumns = 1000
	// MaxExtraLength is the longest value of an extra column, in characters.
	MaxExtraLength = 10_000
	// LookAhead is how much of a file is looked at to find its encoding, in
	// bytes of the source.
	LookAhead = 1 << 20
)

// Field is what a column can be to a contact.
type Field string

// The fields; the other kinds of address are fields by their own names (see
// Kind). FieldMessenger says of what kind the address in the column id is,
// as in the files of MessengerPeople; FieldAttribute is a column that holds a property and is kept for
// templates too; FieldExtra is one that is only kept for templates, as
// row.<key>; FieldIgnored is one that the mapping drops.
const (
	FieldExternalID Field = "external_id"
	FieldName       Field = "name"
	FieldFirstName  Field = "first_name"
	FieldLastName   Field = "last_name"
	FieldEmail      Field = "email"
	FieldPhone      Field = "phone"
	FieldLanguage   Field = "language"
	FieldTimezone   Field = "timezone"
	FieldCountry    Field = "country"

	FieldMessenger Field = "messenger"

	FieldStatus      Field = "status"
	FieldActivated   Field = "activated"
	FieldDeactivated Field = "deactivated"
	FieldBlocked     Field = "blocked"
	FieldDeleted     Field = "deleted"

	FieldGroups     Field = "groups"
	FieldLabels     Field = "labels"
	FieldCategories Field = "categories"

	FieldAttribute Field = "attributes"
	FieldExtra     Field = "row"
	FieldIgnored   Field = "-"
)

// Fields are the fields that a mapping may name, in the order of documentation.
func Fields() []Field {
	return slices.Concat([]Field{
		FieldExternalID, FieldEmail, FieldPhone, FieldName, FieldFirstName,
		FieldLastName, FieldLanguage, FieldTimezone, FieldCountry,
	}, messengers(), []Field{
		FieldMessenger, FieldStatus, FieldActivated, FieldDeactivated, FieldBlocked, FieldDeleted,
		FieldGroups, FieldLabels, FieldCategories,
	})
}

// Options say what the uploader knows about the file. The zero value finds
// everything out by looking.
type Options struct {
	// Encoding is the file's encoding by name (see Encodings); empty means that
	// it is detected.
	Encoding string
	// Separator is the byte between fields; 0 means that it is found from the
	// header. Any ASCII character but a quote, a line end, a space, a letter or
	// a digit.
	Separator rune
	// Mapping gives columns, named as in the header (case, spaces and
	// punctuation don't matter) or by their place (column 3), a field: one of Fields, "attributes.<key>", "-"
	// or "" to ignore the column, "row" or "row.<key>" to keep it as an extra
	// column. Columns that it does not name are mapped by their own names.
	Mapping map[string]string
	// Attributes are the properties that columns may hold.
	Attributes []Attribute
	// Key is the field by which lines find their contacts; empty means the first
	// of external id, e-mail, phone and other addresses that a line has. What
	// another column can't hold costs the line its value, not its place.
	Key Field
	// DefaultCountry is the country of phone numbers written without a country
	// code on lines that name no country: an ISO 3166 code or a country's name.
	// Empty means that such numbers are refused.
	DefaultCountry string
	// Strict refuses lines for values that their columns can't hold, instead of taking them
	// without these.
	Strict bool
	// SkipRecords is how many records after the header to pass over unchecked,
	// counted as Position.Records counts them: how a killed import goes on.
	SkipRecords int64
}

// Column is one column of the file.
type Column struct {
	// Index counts from 0.
	Index int
	// Header is the column's name as the file has it, trimmed.
	Header string
	// Field is what the column is; FieldExtra for row.<Key>, FieldAttribute for
	// the property Key.
	Field Field
	// Key is the name of an extra column in templates, and that of a property;
	// empty on others.
	Key string
	// byHand says that the uploader mapped it: what it can't hold refuses the line.
	byHand bool
	// style is how the program that wrote the file writes the column.
	style style
}

// ByHand reports whether the uploader mapped the column.
func (c Column) ByHand() bool { return c.byHand }

// Notice is something the reader decided about a file that its owner should
// know of, such as the encoding it was taken for. It refuses nothing.
type Notice struct {
	// Code is one of the Notice codes.
	Code string
	// Message is for people.
	Message string
}

// The codes of notices.
const (
	NoticeEncoding  = "encoding"
	NoticeSeparator = "separator"
	NoticeColumn    = "column"
)

// Position says how far the reading has come.
type Position struct {
	// Records is how many records have been returned or passed over, good and
	// refused ones alike; blank lines and the header are not counted. It is the
	// token to go on from: pass it as Options.SkipRecords with the same file and
	// the same options.
	Records int64
	// Line is the physical line behind the last record, from 1: no record that is
	// still to come starts before it.
	Line int64
	// Bytes is how much of the source has been used: exact for UTF-8, up to one
	// buffer ahead for other encodings. It is for progress, and equals the size
	// of the file at its end.
	Bytes int64
}

// Row is one checked line. Its strings share one piece of memory: who keeps a
// single field for long should clone it.
type Row struct {
	// Line is the physical line on which the row starts, from 1, as an editor
	// shows it.
	Line int64
	// ExternalID is the uploader's own id, trimmed.
	ExternalID string
	// Name, FirstName and LastName have their white space collapsed to single
	// spaces, so that they are safe in a mail header.
	Name, FirstName, LastName string
	// Email is a checked mailbox with a lower-case ASCII domain; the local part
	// keeps its case.
	Email string
	// Phone is E.164 with a leading +, of a length that its country has.
	Phone string
	// Language is a canonical BCP 47 tag.
	Language string
	// Timezone is an IANA name.
	Timezone string
	// Country is an ISO 3166-1 alpha-2 code.
	Country string
	// Addresses are those that are neither e-mail nor phone.
	Addresses []Address
	// Status is what the column status says, one of Statuses; empty if nothing.
	Status  string
	Control Control
	// Groups, Labels and Categories are the names in those columns.
	Groups, Labels, Categories []string
	// Attributes holds the properties as JSON, parallel to Reader.AttributeKeys;
	// empty where the file has nothing.
	Attributes []string
	// Extra holds the values of the extra columns, parallel to
	// Reader.ExtraKeys: trimmed, empty where the file has nothing.
	Extra []string
	// Lost are values that the line has and the row has not, each with the reason.
	Lost []LineError
}

// The codes of refused lines, to count and group them by.
const (
	CodeQuote     = "quote"    // a stray or unclosed quote
	CodeRagged    = "ragged"   // text where the header has no column
	CodeEncoding  = "encoding" // bytes that are no text in the file's encoding
	CodeControl   = value.CodeControl
	CodeTooLong   = value.CodeTooLong // a value, or a line
	CodeEmail     = "bad_email"       // no e-mail address
	CodePhone     = "bad_phone"       // no phone number
	CodeAddress   = "bad_address"     // no address of another kind
	CodeLanguage  = "bad_lang"        // no language tag
	CodeTimezone  = "bad_zone"        // no time zone
	CodeCountry   = "bad_country"     // no country
	CodeStatus    = "bad_status"      // no status, or no yes or no
	CodeID        = value.CodeID
	CodeAttribute = "bad_value"     // no value of the property's type
	CodeDate      = "unsure_date"   // a date whose day and month nobody can tell apart
	CodeNumber    = "unsure_number" // a number of which nobody can tell the fraction
	CodeNoAddress = "no_address"    // nothing to reach or to know the contact by
	CodeFurther   = "further"       // a second address in one cell; refuses no line
)

// LineError says why a line was refused, or, in Row.Lost, a value of it left out.
// The reading goes on after it.
type LineError struct {
	// Line is the physical line on which the refused record starts, from 1.
	Line int64
	// Field is the field or row.<key> that is wrong; empty if the line itself is.
	Field string
	// Value is what was there, cut to 200 characters and always valid UTF-8.
	Value string
	// Reason says what is wrong and what to do.
	Reason string
	// Code is one of the Code constants.
	Code string
	// Also is what else is wrong with the line.
	Also []LineError
}

// Error says line, field, value and reason.
func (e *LineError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "line %d", e.Line)
	if e.Field != "" {
		b.WriteString(", " + e.Field)
	}
	if e.Value != "" {
		fmt.Fprintf(&b, " %q", e.Value)
	}
	b.WriteString(": " + e.Reason)
	return b.String()
}

// maxShown is how much of a value an error shows, in characters.
const maxShown = 200

// shown cuts a value for an error and makes it valid UTF-8 that holds on to no
// record.
func shown(s string) string {
	cut := false
	if len(s) > maxShown {
		n := 0
		for i := range s {
			if n == maxShown {
				s, cut = s[:i], true
				break
			}
			n++
		}
	}
	s = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if cut {
		return s + "…"
	}
	return strings.Clone(s)
}
