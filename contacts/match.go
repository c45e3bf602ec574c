package contacts

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"carillon/contacts/csvfile"
	"carillon/contacts/value"
	"carillon/providers"
)

// ImportRow is one checked line of an upload.
type ImportRow struct {
	// Line is the physical line on which it starts, from 1.
	Line int64
	// Profile.Status is what a column status says.
	Profile
	// Control is what the control columns say, which win over Status.
	Control csvfile.Control
	// Lists are the lists that the contact joins.
	Lists []ListName
	// Attributes are values of properties; nil if the line has none.
	Attributes Attributes
	// Spare says which addresses came from columns that were recognised and not
	// mapped: the line is taken without one that somebody else holds.
	Spare [value.NumKinds]bool
	// Data holds the extra columns that are not empty as a JSON object; empty if
	// there are none.
	Data string
}

// ListName names a list of an account; it is made if there is none.
type ListName struct {
	Kind ListKind
	Name string
}

// Profile is what an upload can say of a contact; what is empty is not said.
type Profile struct {
	ExternalID string
	Name       string
	FirstName  string
	LastName   string
	Language   string
	Timezone   string
	Status     ContactStatus
	// Addresses are in the order of AddressKinds.
	Addresses [value.NumKinds]string
}

// Person is a contact as a batch of an upload sees it.
type Person struct {
	// ID is 0 on a new contact until the store gives it one.
	ID int64
	Profile
	// Member says that an earlier batch of the same upload had the contact.
	Member bool
	// Data is what the batch says of the contact in the extra columns.
	Data string
	// Lists are the lists that the contact joins; one may be named twice.
	Lists []ListName
	// Attributes are the values that the batch gives to properties.
	Attributes Attributes
	// Stored is the contact as it was before the batch; nil on a new one.
	Stored *Profile
	joined bool
}

// Changed reports whether the batch says something new of a known contact.
func (p *Person) Changed() bool { return p.Stored != nil && p.Profile != *p.Stored }

// Matching decides what the rows of one batch mean for the contacts that are
// there: which row is whom, who is new, which lines are refused. It takes rows
// one after the other, as if each were alone, so that the result does not
// depend on where batches begin and end. It is not safe for concurrent use.
type Matching struct {
	key        KeyField
	byExternal map[string]*Person
	byAddress  [value.NumKinds]map[string]*Person

	// New, Joined and the counts are the result. Joined lists everybody whom the
	// batch mentions, each once, New those of them who are not stored yet.
	New, Joined                  []*Person
	Created, Updated, Duplicates int64
	// Gained is how many contacts more there are in the end, but for deleted ones.
	Gained int64
	// FullAt is the line for which there was no room; 0 if there was room for all.
	FullAt   int64
	refusals []refusal
}

// refusal is a refused line whose holder may have no id yet.
type refusal struct {
	line         int64
	field, value string
	holder       *Person
	taken        bool // only the value was refused
}

// NewMatching starts a batch. known must hold every contact of the account that
// has an external id or an address that occurs in the batch.
func NewMatching(key KeyField, known []*Person, rows int) *Matching {
	m := &Matching{key: key, byExternal: make(map[string]*Person, rows), Joined: make([]*Person, 0, rows)}
	for i, kind := range value.Kinds() {
		size := 0
		if kind == providers.Email || kind == providers.Phone {
			size = rows
		}
		m.byAddress[i] = make(map[string]*Person, size)
	}
	for _, p := range known {
		m.index(p)
	}
	return m
}

func (m *Matching) index(p *Person) {
	if p.ExternalID != "" {
		m.byExternal[p.ExternalID] = p
	}
	for i, address := range p.Addresses {
		if address != "" {
			m.byAddress[i][address] = p
		}
	}
}

// Take takes the next row.
func (m *Matching) Take(row *ImportRow) {
	p, missing := m.find(row)
	if missing != "" {
		m.refusals = append(m.refusals, refusal{line: row.Line, field: missing})
		return
	}
	if m.conflicts(row, p) {
		return
	}
	if p == nil {
		p = &Person{Profile: Profile{Status: Active}}
		m.New = append(m.New, p)
	}
	switch {
	case p.joined || p.Member:
		m.Duplicates++
	case p.Stored == nil:
		m.Created++
	default:
		m.Updated++
	}
	if !p.joined {
		p.joined = true
		m.Joined = append(m.Joined, p)
	}
	m.apply(row, p)
}

// TakeWithin takes the next row if there is room for whom it makes, or brings back from the
// deleted ones; else it takes nothing, and no row after it is to be taken.
func (m *Matching) TakeWithin(row *ImportRow, room Room) bool {
	gains := m.gains(row)
	if gains > 0 && room.Most > 0 && room.Has+m.Gained >= room.Most {
		m.FullAt = row.Line
		return false
	}
	m.Take(row)
	m.Gained += gains
	return true
}

// gains is how many contacts more there are once a row is taken, but for deleted ones: one less
// where it deletes somebody, and as many where it is refused.
func (m *Matching) gains(row *ImportRow) int64 {
	p, missing := m.find(row)
	if missing != "" {
		return 0
	}
	if _, is := m.claims(row, p); is {
		return 0
	}
	status := Active
	var had int64
	if p != nil {
		if status = p.Status; status != Deleted {
			had = 1
		}
	}
	if row.Status != "" {
		status = row.Status
	}
	if status.Controlled(row.Control) == Deleted {
		return -had
	}
	return 1 - had
}

// find is the contact that the row's key names, nil if it is new; missing names
// the key if the row has none.
func (m *Matching) find(row *ImportRow) (p *Person, missing string) {
	if row.ExternalID != "" && (m.key == ByAny || m.key == ByExternalID) {
		return m.byExternal[row.ExternalID], ""
	}
	if m.key == ByExternalID {
		return nil, string(m.key)
	}
	for i, kind := range value.Kinds() {
		if m.key != ByAny && m.key != KeyField(kind) {
			continue
		}
		if address := row.Addresses[i]; address != "" {
			return m.byAddress[i][address], ""
		}
		if m.key != ByAny {
			return nil, string(kind)
		}
	}
	return nil, string(ByExternalID)
}

// conflicts refuses a row that claims what another contact holds. A number that
// a family or an office shares costs a row that has an e-mail address no more
// than itself.
func (m *Matching) conflicts(row *ImportRow, p *Person) bool {
	if refused, is := m.claims(row, p); is {
		m.refusals = append(m.refusals, refused)
		return true
	}
	for i, address := range row.Addresses {
		if holder := m.holder(i, address); holder != nil && holder != p {
			m.refusals = append(m.refusals, refusal{line: row.Line, field: string(value.Kinds()[i]), value: address, holder: holder, taken: true})
			row.Addresses[i] = ""
		}
	}
	return false
}

// claims is why a row is refused that claims what another contact holds, and can't do without.
func (m *Matching) claims(row *ImportRow, p *Person) (refused refusal, is bool) {
	if row.ExternalID != "" {
		if holder := m.byExternal[row.ExternalID]; holder != nil && holder != p {
			return refusal{line: row.Line, field: string(ByExternalID), value: row.ExternalID, holder: holder}, true
		}
	}
	for i, address := range row.Addresses {
		if holder := m.holder(i, address); holder != nil && holder != p && !m.spares(row, i) {
			return refusal{line: row.Line, field: string(value.Kinds()[i]), value: address, holder: holder}, true
		}
	}
	return refusal{}, false
}

// holder is whose an address of a kind is; nil for nobody's, and for none.
func (m *Matching) holder(kind int, address string) *Person {
	if address == "" {
		return nil
	}
	return m.byAddress[kind][address]
}

// spares reports whether a row can do without an address: it has an e-mail
// address beside it, and the upload does not go by this kind.
func (m *Matching) spares(row *ImportRow, kind int) bool {
	email := value.KindIndex(providers.Email)
	return row.Spare[kind] && kind != email && row.Addresses[email] != "" && m.key != KeyField(value.Kinds()[kind])
}

// apply lets the row's values win; what is empty erases nothing.
func (m *Matching) apply(row *ImportRow, p *Person) {
	if row.ExternalID != "" && row.ExternalID != p.ExternalID {
		if p.ExternalID != "" {
			delete(m.byExternal, p.ExternalID)
		}
		p.ExternalID = row.ExternalID
		m.byExternal[row.ExternalID] = p
	}
	for i, address := range row.Addresses {
		if address == "" || address == p.Addresses[i] {
			continue
		}
		if old := p.Addresses[i]; old != "" {
			delete(m.byAddress[i], old)
		}
		p.Addresses[i] = address
		m.byAddress[i][address] = p
	}
	for _, field := range [...]struct {
		to   *string
		from string
	}{
		{&p.Name, row.Name},
		{&p.FirstName, row.FirstName},
		{&p.LastName, row.LastName},
		{&p.Language, row.Language},
		{&p.Timezone, row.Timezone},
	} {
		if field.from != "" {
			*field.to = field.from
		}
	}
	if row.Status != "" {
		p.Status = row.Status
	}
	p.Status = p.Status.Controlled(row.Control)
	p.Lists = append(p.Lists, row.Lists...)
	if p.Attributes == nil {
		p.Attributes = maps.Clone(row.Attributes)
	} else {
		maps.Copy(p.Attributes, row.Attributes)
	}
	p.Data = mergeData(p.Data, row.Data)
}

// mergeData lets the later of two JSON objects win, key by key.
func mergeData(earlier, later string) string {
	if earlier == "" || later == "" {
		return earlier + later
	}
	merged := map[string]string{}
	for _, object := range []string{earlier, later} {
		// Both were made by the importer: objects of strings.
		if err := json.Unmarshal([]byte(object), &merged); err != nil {
			return later
		}
	}
	b, err := json.Marshal(merged)
	if err != nil {
		return later
	}
	return string(b)
}

// Refused are the lines that can't be taken, and the values that lines were taken
// without. It is called once everybody in New
// has an id.
func (m *Matching) Refused() []RefusedLine {
	lines := make([]RefusedLine, len(m.refusals))
	for i, r := range m.refusals {
		lines[i] = RefusedLine{Line: r.line, Field: r.field, Value: r.value, Reason: r.reason(), Taken: r.taken, Code: codeHeld}
		if r.holder == nil {
			lines[i].Code = codeKey
		}
	}
	return lines
}

func (r refusal) reason() string {
	name, known := map[string]string{
		string(providers.Email): "e-mail address",
		string(providers.Phone): "phone number",
		string(ByExternalID):    "external id",
	}[r.field]
	if !known {
		name = r.field + " address"
	}
	if r.holder == nil {
		return fmt.Sprintf("the line has no %s, by which this upload finds its contacts; fill it in, or choose another key", name)
	}
	if r.taken {
		return fmt.Sprintf("contact %d holds this %s%s", r.holder.ID, name, leftOut)
	}
	return fmt.Sprintf("contact %d holds this %s, and the line is of another contact; correct one of them, or choose %s as the key",
		r.holder.ID, name, strings.TrimSpace(r.field))
}
