package csvfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"carillon/internal/fault"
)

// synonyms lists by what names columns are known, squashed (see squash), in
// English, German, Spanish, French, Italian and Portuguese.
//
//nolint:misspell // The linter reads Italian as English.
func synonyms() map[Field]string {
	return map[Field]string{
		FieldExternalID: `externalid extid id contactid customerid customernumber customerno clientid userid memberid
			membernumber subscriberid uid uuid identifier
			kundennummer kundennr kundenid mitgliedsnummer
			idcliente clienteid numerocliente numerodecliente codigocliente identificador
			idclient numeroclient numerodeclient identifiant codicecliente identificativo`,
		FieldName: `name fullname displayname contactname customername
			vollername vollstandigername kontaktname
			nombrecompleto nombreyapellido nombreyapellidos nomcomplet nometprenom prenometnom
			nomecompleto nominativo nomeecognome nomeesobrenome`,
		FieldFirstName: `firstname fname givenname forename vorname rufname
			nombre nombredepila primernombre prenom nome primonome primeironome`,
		FieldLastName: `lastname lname surname familyname nachname familienname zuname
			apellido apellidos nom nomdefamille cognome sobrenome apelido`,
		FieldEmail: `email mail emailaddress mailaddress emailid primaryemail
			emailadresse mailadresse
			correo correoelectronico direcciondecorreo direcciondecorreoelectronico direccionemail
			courriel adresseemail adressemail adresseelectronique adressecourriel
			indirizzoemail indirizzomail postaelettronica indirizzodipostaelettronica
			enderecodeemail enderecoemail correioeletronico correioelectronico enderecoeletronico`,
		FieldPhone: `phone phonenumber phoneno mobile mobilephone mobilenumber mobileno cell cellphone cellular
			cellnumber telephone telephonenumber tel telno telnr msisdn e164
			telefon telefonnummer telefonnr rufnummer handy handynummer handynr mobil mobiltelefon
			mobilnummer mobilfunk mobilfunknummer natel
			telefono telefonos numerodetelefono movil telefonomovil numeromovil celular numerodecelular
			telephoneportable telephonemobile numerodetelephone numerotelephone portable gsm
			cellulare telefonocellulare numeroditelefono numerocellulare
			telefone telemovel telefonecelular numerodetelefone`,
		FieldSMS:      `smsnumber smsnummer`,
		FieldWhatsApp: `whatsappnumber whatsappnummer whatsappphone numerowhatsapp numerodewhatsapp waid`,
		FieldLanguage: `language lang locale languagecode preferredlanguage
			sprache sprachcode idioma lengua langue lingua linguagem`,
		FieldTimezone: `timezone tz timezoneid zeitzone zonahoraria husohorario
			fuseauhoraire fuseau fusoorario fusohorario`,
		FieldCountry: `country countrycode countryiso isocountry nation
			land landescode landercode laenderkennzeichen pais codigopais codigodepais
			pays codepays paese codicepaese nazione codigodopais`,
	}
}

// squash is a column's name without everything that does not distinguish it:
// case, accents, spaces, punctuation, a byte order mark.
func squash(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(s)) {
		if r == 'ß' {
			b.WriteString("ss")
		} else if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// plain are letters that no decomposition takes apart.
func plain(r rune) string {
	switch r {
	case 'ß':
		return "ss"
	case 'ø':
		return "o"
	case 'æ':
		return "ae"
	case 'œ':
		return "oe"
	case 'ł':
		return "l"
	case 'đ', 'ð':
		return "d"
	case 'þ':
		return "th"
	case 'ı':
		return "i"
	}
	return ""
}

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
			if p := plain(unicode.ToLower(r)); p != "" {
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

// fieldByName finds the field that a header names by itself; exact says that it
// is the field's own name and not a synonym.
func fieldByName(known map[string]Field, header string) (f Field, exact bool) {
	sq := squash(header)
	f, ok := known[sq]
	if !ok {
		// "Phone (E.164)", "E-mail [required]".
		if i := strings.IndexAny(header, "(["); i > 0 {
			sq = squash(header[:i])
			f = known[sq]
		}
	}
	return f, f != "" && sq == squash(string(f))
}

// knownNames are the fields by the names of columns.
func knownNames() map[string]Field {
	known := make(map[string]Field)
	for _, f := range exactNames() {
		known[string(f)] = f
	}
	for f, names := range synonyms() {
		for n := range strings.FieldsSeq(names) {
			known[n] = f
		}
	}
	return known
}

// columnName names a column in a message.
func columnName(c Column) string { return fmt.Sprintf("column %d %q", c.Index+1, shown(c.Header)) }

// mapColumns decides what each column is.
func mapColumns(headers []string, mapping map[string]string, attributes []Attribute) (cols []Column, notices []Notice, err error) {
	cols = make([]Column, len(headers))
	for i, h := range headers {
		cols[i] = Column{Index: i, Header: h}
	}
	if err := refuseDuplicates(cols); err != nil {
		return nil, nil, err
	}
	if err := applyMapping(cols, mapping, attributes); err != nil {
		return nil, nil, err
	}
	notices, err = mapByName(cols)
	if err != nil {
		return nil, nil, err
	}
	if err := mapAttributes(cols, attributes); err != nil {
		return nil, nil, err
	}
	more, err := nameExtras(cols)
	if err != nil {
		return nil, nil, err
	}
	return cols, append(notices, more...), nil
}

func refuseDuplicates(cols []Column) error {
	seen := make(map[string]Column)
	for _, c := range cols {
		sq := squash(c.Header)
		if sq == "" {
			continue
		}
		if before, ok := seen[sq]; ok {
			return fault.New(fault.Invalid, "two columns have the same name: %s and %s; rename or remove one", columnName(before), columnName(c))
		}
		seen[sq] = c
	}
	return nil
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
		i := findColumn(cols, name)
		if i < 0 {
			refuse(name, nil, "the file has no such column; it has %s", headerList(cols))
			continue
		}
		c := &cols[i]
		if c.Field != "" {
			refuse(name, nil, "%s is mapped twice", columnName(*c))
			continue
		}
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
			refuse(name, to, "is not a field; use one of %s, attributes.<key> for a property, row.<key> to keep the column for templates, or - to ignore it", fieldList())
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
			named := c.Field == "" && (squash(strings.TrimPrefix(c.Header, attributePrefix)) == squash(a.Key) || (a.Label != "" && squash(c.Header) == squash(a.Label)))
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

func findColumn(cols []Column, name string) int {
	exact := strings.TrimSpace(name)
	if i := slices.IndexFunc(cols, func(c Column) bool { return c.Header == exact }); i >= 0 {
		return i
	}
	sq := squash(name)
	if sq == "" {
		return -1
	}
	return slices.IndexFunc(cols, func(c Column) bool { return squash(c.Header) == sq })
}

// mapByName maps the columns that nobody mapped by their names. Where several
// name one field, the one that bears the field's own name has it; two synonyms
// are refused, since choosing between a "tel" and a "handy" would be a guess.
func mapByName(cols []Column) ([]Notice, error) {
	known := knownNames()
	var notices []Notice
	for _, f := range Fields() {
		if slices.ContainsFunc(cols, func(c Column) bool { return c.Field == f }) {
			continue
		}
		var candidates []int
		exact := -1
		for i, c := range cols {
			if c.Field != "" {
				continue
			}
			found, isExact := fieldByName(known, c.Header)
			if found != f {
				continue
			}
			candidates = append(candidates, i)
			if isExact {
				exact = i
			}
		}
		if len(candidates) > 1 && exact < 0 && f == FieldExternalID {
			// A bare "id" beside a "customer id" is the exporting system's own.
			others := slices.DeleteFunc(slices.Clone(candidates), func(i int) bool { return squash(cols[i].Header) == "id" })
			if len(others) == 1 {
				exact = others[0]
			}
		}
		switch {
		case len(candidates) == 0:
			continue
		case len(candidates) == 1:
			exact = candidates[0]
		case exact < 0:
			return nil, fault.New(fault.Invalid, "%s and %s could both be the %s; say which by a mapping, or rename one",
				columnName(cols[candidates[0]]), columnName(cols[candidates[1]]), f)
		}
		cols[exact].Field = f
		for _, i := range candidates {
			if i != exact {
				notices = append(notices, Notice{NoticeColumn, fmt.Sprintf("%s is taken as %s; %s is kept as an extra column", columnName(cols[exact]), f, columnName(cols[i]))})
			}
		}
	}
	return append(notices, surnames(cols)...), nil
}

// surnames reads "Vorname, Name" as Germans mean it: beside a column of first
// names and without one of last names, a bare "Name" or "Nom" is the last name.
func surnames(cols []Column) []Notice {
	at := func(f Field) int {
		return slices.IndexFunc(cols, func(c Column) bool { return c.Field == f })
	}
	first, name := at(FieldFirstName), at(FieldName)
	if first < 0 || name < 0 || at(FieldLastName) >= 0 {
		return nil
	}
	if sq := squash(cols[first].Header); squash(cols[name].Header) != "name" || (sq != "vorname" && sq != "rufname") {
		return nil
	}
	cols[name].Field = FieldLastName
	return []Notice{{NoticeColumn, fmt.Sprintf("%s stands beside %s: read as the last name", columnName(cols[name]), columnName(cols[first]))}}
}

// nameExtras gives the columns that are nothing else their keys.
func nameExtras(cols []Column) ([]Notice, error) {
	var notices []Notice
	taken := make(map[string]Column)
	for i := range cols {
		c := &cols[i]
		switch c.Field {
		case "":
			c.Field = FieldExtra
		case FieldExtra, FieldAttribute: // a property's column is there for templates too
		default:
			continue
		}
		if c.Key == "" {
			c.Key = keyOf(c.Header)
		}
		if c.Key == "" {
			c.Key = "column_" + strconv.Itoa(i+1)
			notices = append(notices, Notice{NoticeColumn, fmt.Sprintf("%s has no name that a template could use: it is row.%s", columnName(*c), c.Key)})
		}
		if before, ok := taken[c.Key]; ok {
			return nil, fault.New(fault.Invalid, "%s and %s would both be row.%s in templates; rename one", columnName(before), columnName(*c), c.Key)
		}
		taken[c.Key] = *c
	}
	return notices, nil
}

func usable(cols []Column) bool {
	return slices.ContainsFunc(cols, func(c Column) bool {
		return c.Field == FieldEmail || c.Field == FieldPhone || c.Field == FieldExternalID || slices.Contains(messengers(), c.Field)
	})
}

// refuseUseless says which columns there are and what was looked for.
func refuseUseless(cols []Column) error {
	hint := ""
	for _, c := range cols {
		if strings.Contains(c.Header, "@") || digits(c.Header) >= 7 {
			hint = " The first line looks like data: it must name the columns."
			break
		}
	}
	return fault.New(fault.Invalid,
		"no column can be used to reach or to know a contact: the file has %s; name one email, phone or external_id, or as a messenger such as whatsapp (or a usual word for it in English, German, Spanish, French, Italian or Portuguese), or give a mapping.%s",
		headerList(cols), hint)
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
	var names []string
	for i, c := range cols {
		if i == 20 {
			names = append(names, fmt.Sprintf("and %d more", len(cols)-i))
			break
		}
		names = append(names, strconv.Quote(shown(c.Header)))
	}
	return strings.Join(names, ", ")
}

func fieldList() string {
	names := make([]string, 0, len(Fields()))
	for _, f := range Fields() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}
