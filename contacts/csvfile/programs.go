package csvfile

import (
	"fmt"
	"slices"
	"strings"

	"carillon/contacts/value"
	"carillon/providers"
)

// style is how a program writes the cells of a column.
type style struct {
	// between separates the names in a cell of groups or labels; empty means the
	// vertical bar of our own files.
	between string
	// ours drops a program's own lists, which begin so.
	own string
	// quoted says that names stand in quotes.
	quoted bool
	// international says that numbers are written with their country code and
	// without the plus.
	international bool
	// marked says that an apostrophe before a number is no part of it.
	marked bool
}

// program is what an export is known by, and the columns in it that mean more
// than their names say. Columns whose names speak for themselves are among the
// synonyms.
type program struct {
	name string
	// signs are headers, squashed, of which one list must be there entirely.
	signs [][]string
	// columns are targets by header, squashed.
	columns map[string]programColumn
	// marked says that it puts an apostrophe before numbers, for spreadsheets.
	marked bool
}

type programColumn struct {
	field Field
	style style
}

// programs are the exports that are known as they come. Sources: the files that
// these programs write, in English and, where a program translates its headers,
// in its users' languages.
func programs() []program {
	google := style{between: " ::: ", own: "* "}
	return []program{
		{
			name:  "Google Contacts",
			signs: [][]string{{"labels", "fileas"}, {"labels", "email1value"}, {"labels", "phone1value"}, {"groupmembership"}},
			columns: map[string]programColumn{
				"labels": {FieldLabels, google}, "groupmembership": {FieldLabels, google},
			},
		},
		{
			// Outlook's categories are colours for oneself, no topics that somebody
			// has asked for.
			name: "Outlook",
			signs: [][]string{
				{"emailaddress", "email2address"}, {"emailaddress", "emaildisplayname"}, {"emailadresse", "email2adresse"},
				{"emailadresse", "emailangezeigtername"}, {"adressedemessagerie"}, {"emailaddress", "businessfax"},
			},
			columns: map[string]programColumn{
				"categories": {FieldLabels, style{between: ";"}}, "kategorien": {FieldLabels, style{between: ";"}},
			},
		},
		{
			name:  "Mailchimp",
			signs: [][]string{{"memberrating"}, {"leid", "euid"}},
			columns: map[string]programColumn{
				"tags": {FieldLabels, style{between: ",", quoted: true}}, "cc": {FieldCountry, style{}},
			},
		},
		{
			name:  "Brevo",
			signs: [][]string{{"doubleoptin"}, {"addedtime", "modifiedtime"}},
			columns: map[string]programColumn{
				"sms": {Field(providers.SMS), style{international: true}}, "landlinenumber": {"", style{international: true}},
			},
		},
		{
			name:  "Shopify",
			signs: [][]string{{"acceptsemailmarketing"}, {"acceptsmarketing", "totalspent"}},
			columns: map[string]programColumn{
				"tags": {FieldLabels, style{between: ","}},
			},
			marked: true,
		},
	}
}

// refusers are columns, squashed, in which mail programs say who wants no mail.
const refusers = `unsubscribedfromallemail emailoptout hasoptedoutofemail optedoutofemail optout optedout unsubscribed unsubtime unsubscribedat
	unsubscribedate cleantime emailblacklist emailblacklisted blacklisted blocklisted donotemail donotcontact
	acceptsemailmarketing acceptssmsmarketing acceptsmarketing marketingcontactstatus emailmarketingconsent subscribed optin emailoptin
	abgemeldet newsletterabmeldung desinscrit desabonne disiscritto`

// mapByProgram recognises the program that wrote the file and maps the columns
// that it is known for. It says so, and names columns whose meaning is not taken
// over.
func mapByProgram(cols []Column) (notices []Notice) {
	has := func(header string) bool {
		return slices.ContainsFunc(cols, func(c Column) bool { return value.Squash(c.Header) == header })
	}
	for _, p := range programs() {
		if !slices.ContainsFunc(p.signs, func(sign []string) bool {
			return !slices.ContainsFunc(sign, func(header string) bool { return !has(header) })
		}) {
			continue
		}
		var read []string
		for i := range cols {
			c := &cols[i]
			to, ok := p.columns[value.Squash(c.Header)]
			if c.Field != "" {
				continue
			}
			c.style = to.style
			c.style.marked = p.marked
			if !ok || to.field == "" || slices.ContainsFunc(cols, func(other Column) bool { return other.Field == to.field }) {
				continue
			}
			c.Field = to.field
			read = append(read, fmt.Sprintf("%s as %s", columnName(*c), to.field))
		}
		if len(read) > 0 {
			notices = append(notices, Notice{NoticeColumn, "an export of " + p.name + ": " + strings.Join(read, ", ")})
		}
		break
	}
	var wishes []string
	for _, c := range cols {
		if c.Field == "" && slices.Contains(strings.Fields(refusers), value.Squash(c.Header)) {
			wishes = append(wishes, columnName(c))
		}
	}
	if len(wishes) > 0 {
		notices = append(notices, Notice{NoticeColumn, strings.Join(wishes, ", ") +
			": who wants mail and who doesn't is not read from this; take those who don't in as suppressions, or leave their lines out"})
	}
	return notices
}

// names cuts a cell into the names that a program puts into it.
func (s *style) names(cell string) []string {
	between := s.between
	if between == "" {
		between = "|"
	}
	names := strings.Split(cell, between)
	if s.own == "" && !s.quoted {
		return names
	}
	kept := names[:0]
	for _, name := range names {
		name = strings.TrimSpace(name)
		if s.quoted {
			name = strings.Trim(name, `"`)
		}
		if s.own == "" || !strings.HasPrefix(name, s.own) {
			kept = append(kept, name)
		}
	}
	return kept
}

// unmarked is a cell without the apostrophe that marks a number as text.
func unmarked(cell string) string {
	if len(cell) > 1 && cell[0] == '\'' && strings.IndexByte("+0123456789", cell[1]) >= 0 {
		return cell[1:]
	}
	return cell
}

// number is a cell of numbers as we read them.
func (s *style) number(cell string) string {
	if s.international && value.Digits(cell) && cell[0] != '0' {
		return "+" + cell
	}
	return cell
}
