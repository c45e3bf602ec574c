package migration

import (
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"carillon/contacts/csvfile"
	"carillon/contacts/property"
	"carillon/contacts/value"
	"carillon/providers"
)

// Report is what of the people comes over.
type Report struct {
	// People are persons, each counted once. Lines are those of contacts.csv.
	People int64 `json:"people"`
	Lines  int64 `json:"lines"`
	// Whoever is one of these is not written to.
	Blocked  int64 `json:"blocked"`
	Inactive int64 `json:"inactive"`
	OptedOut int64 `json:"opted_out"`
	// Suppressions are addresses that are suppressed.
	Suppressions int64 `json:"suppressions"`
	// Missing is how many fewer people were read than the source says that it has.
	Missing int64     `json:"missing,omitempty"`
	Left    []LeftOut `json:"left_out"`
}

// LeftOut says what of how many people does not come over, with a few of their ids.
type LeftOut struct {
	Reason   string   `json:"reason"`
	People   int64    `json:"people"`
	Examples []string `json:"examples"`
}

// Bounds of what is reported, and of properties that are made of values alone.
const (
	maxReasons    = 100
	maxExamples   = 3
	maxProperties = 200
)

func (r *Report) left(reason, id string) {
	at := slices.IndexFunc(r.Left, func(l LeftOut) bool { return l.Reason == reason })
	if at < 0 {
		if len(r.Left) == maxReasons {
			reason = "other reasons"
			at = len(r.Left) - 1
			r.Left[at].Reason = reason
		} else {
			r.Left = append(r.Left, LeftOut{Reason: reason})
			at = len(r.Left) - 1
		}
	}
	if r.Left[at].People++; len(r.Left[at].Examples) < maxExamples {
		r.Left[at].Examples = append(r.Left[at].Examples, id)
	}
}

// uniqueKeys gives each property a key of its own.
func (d *Definitions) uniqueKeys() {
	taken := map[string]bool{}
	for i := range d.Properties {
		p := &d.Properties[i]
		key := p.Key
		for n := 2; taken[key]; n++ {
			key = p.Key + "_" + strconv.Itoa(n)
		}
		p.Key, taken[key] = key, true
	}
}

// addUndefined makes properties of the values that have none: texts.
func (f *Folder) addUndefined() error {
	d := &f.Definitions
	known := map[string]bool{}
	for _, p := range d.Properties {
		known[p.Name] = true
	}
	added := false
	err := f.each(func(p Person) error {
		for name := range p.Attributes {
			if known[name] || len(d.Properties) >= maxProperties {
				continue
			}
			known[name], added = true, true
			d.Properties = append(d.Properties, Property{
				Key: property.KeyOf(name), Name: name, Label: strings.ReplaceAll(name, "_", " "), Type: string(property.Text),
			})
		}
		return nil
	})
	if err != nil || !added {
		return err
	}
	d.uniqueKeys()
	return f.save(definitionsFile, d)
}

// kinds are the columns of addresses.
func kinds() []providers.AddressKind { return value.Kinds() }

// Columns are those of contacts.csv. key says what a property is called there, if otherwise
// than in the folder; nil if nothing is.
func (f *Folder) Columns(key func(Property) string) (columns []string) {
	columns = append(columns, "external_id")
	for _, kind := range kinds() {
		columns = append(columns, string(kind))
	}
	columns = append(columns, "name", "first_name", "last_name", "language", "deactivated", "blocked", "groups", "labels", "categories")
	for _, p := range f.Definitions.Properties {
		called := p.Key
		if key != nil {
			called = key(p)
		}
		columns = append(columns, "attributes."+called)
	}
	return columns
}

// build writes contacts.csv and suppressions.csv of the people that were read.
func (f *Folder) build(country string) (r Report, err error) {
	if err := f.addUndefined(); err != nil {
		return r, err
	}
	b := builder{folder: f, country: country, seen: map[[16]byte]struct{}{}}
	err = f.replace(SuppressionsFile, func(suppressed io.Writer) error {
		b.suppressed = csv.NewWriter(suppressed)
		if err := b.suppressed.Write([]string{"kind", "address", "reason"}); err != nil {
			return err
		}
		err := f.replace(ContactsFile, func(people io.Writer) error {
			b.people = csv.NewWriter(people)
			if err := b.people.Write(f.Columns(nil)); err != nil {
				return err
			}
			if err := f.each(b.add); err != nil {
				return err
			}
			b.people.Flush()
			return b.people.Error()
		})
		b.suppressed.Flush()
		if err == nil {
			err = b.suppressed.Error()
		}
		return err
	})
	if missing := f.progress.Total - b.report.People; f.progress.System == Chatwoot && missing > 0 {
		b.report.Missing = missing
	}
	return b.report, err
}

// builder makes the files of people.
type builder struct {
	folder             *Folder
	country            string
	people, suppressed *csv.Writer
	// seen are digests of those who were written: a list that moved shows some twice.
	seen   map[[16]byte]struct{}
	report Report
}

func (b *builder) add(p Person) error {
	digest := sha256.Sum256(fmt.Appendf(nil, "%q %q %t", p.ID, p.Labels, p.Member))
	key := [16]byte(digest[:16])
	if _, twice := b.seen[key]; twice {
		return nil
	}
	b.seen[key] = struct{}{}
	for _, reason := range p.Left {
		b.report.left(reason, p.ID)
	}
	if !p.Member {
		b.report.People++
	}
	reachable := b.normal(&p)
	if p.OptedOut || p.Deleted {
		if err := b.suppress(p); err != nil {
			return err
		}
	}
	switch {
	case p.Deleted:
		b.report.left("deleted at the source: the addresses are suppressed", p.ID)
		return nil
	case !reachable && p.ExternalID == "":
		if !p.Member {
			b.report.left("no address that can be used", p.ID)
		}
		return nil
	}
	for _, count := range []struct {
		is bool
		of *int64
	}{{p.Blocked && !p.Member, &b.report.Blocked}, {p.Inactive && !p.Member, &b.report.Inactive}, {p.OptedOut, &b.report.OptedOut}} {
		if count.is {
			*count.of++
		}
	}
	b.report.Lines++
	return b.people.Write(b.cells(p))
}

// normal brings the addresses into the form in which they are kept; those that are none are
// left out. It reports whether one is left.
func (b *builder) normal(p *Person) bool {
	told := "" // one number stands for three kinds
	for _, kind := range kinds() {
		given := p.Addresses[kind]
		if given == "" {
			continue
		}
		address, err := value.Normal(kind, given, b.country)
		if err == nil {
			p.Addresses[kind] = address
			continue
		}
		delete(p.Addresses, kind)
		// Who is told again for a label was told of before.
		if !p.Member && given != told {
			b.report.left("an address that is no "+string(kind)+reasonFor(kind, given), p.ID)
			told = given
		}
	}
	return len(p.Addresses) > 0
}

// reasonFor says what to do about a number without a country.
func reasonFor(kind providers.AddressKind, given string) string {
	if kind != providers.Email && !strings.HasPrefix(given, "+") && strings.Trim(given, "0123456789 -/()") == "" {
		return " (numbers without + need --country)"
	}
	return ""
}

func (b *builder) suppress(p Person) error {
	for _, kind := range kinds() {
		if p.Addresses[kind] == "" {
			continue
		}
		b.report.Suppressions++
		if err := b.suppressed.Write([]string{string(kind), p.Addresses[kind], "unsubscribed"}); err != nil {
			return err
		}
	}
	return nil
}

// cells are the columns of a person. Nothing says that somebody may be written to: whoever is
// kept from it here stays so.
func (b *builder) cells(p Person) []string {
	cells := []string{p.ExternalID}
	for _, kind := range kinds() {
		cells = append(cells, p.Addresses[kind])
	}
	cells = append(cells, p.Name, p.FirstName, p.LastName, p.Language, yes(p.Inactive), yes(p.Blocked), names(p.Groups), names(p.Labels), names(p.Categories))
	for _, property := range b.folder.Definitions.Properties {
		cells = append(cells, p.Attributes[property.Name])
	}
	for i, cell := range cells {
		cells[i] = csvfile.Harmless(cell)
	}
	return cells
}

func yes(is bool) string {
	if is {
		return "1"
	}
	return ""
}

// names are names in one cell.
func names(list []string) string {
	plain := make([]string, len(list))
	for i, name := range list {
		plain[i] = strings.ReplaceAll(name, "|", "/") // which separates them
	}
	return strings.Join(plain, "|")
}
