package migration

import (
	"bytes"
	"encoding/json"
	"strings"

	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/wording"
)

// Known is what a source's names and numbers stand for where rules go.
type Known struct {
	// Key is a property's key.
	Key func(Property) string
	// List is the id of a category or label, Targeting that of a targeting list by its number at
	// the source; 0 for none.
	List      func(List) int64
	Targeting func(number string) int64
}

// Rule says a rule of the source in Carillon's words. An error says why that can't be done.
func (f *Folder) Rule(r Rule, known Known) (json.RawMessage, error) {
	if f.progress.System == Chatwoot {
		return f.filter(r, known)
	}
	return f.query(r, known)
}

func (f *Folder) query(r Rule, known Known) (json.RawMessage, error) {
	var missing error
	list := func(kind string) func(string) any {
		return func(number string) any {
			for _, l := range f.Definitions.Lists {
				if l.Kind == kind && l.Number == number {
					if id := known.List(l); id != 0 {
						return id
					}
				}
			}
			missing = fault.New(fault.Invalid, "it asks for one of the %s, %s, that did not come over", kind, number)
			return nil
		}
	}
	says := wording.Queries{
		Category: list(Categories), Label: list(Labels),
		Targeting: func(number string) any {
			if id := known.Targeting(number); id != 0 {
				return id
			}
			missing = fault.New(fault.Invalid, "it asks for the targeting list %s, which did not come over", number)
			return nil
		},
	}
	for _, p := range f.Definitions.Properties {
		number, _ := json.Number(p.Number).Int64()
		says.Properties = append(says.Properties, property.Property{ID: number, Key: known.Key(p), Name: p.Name})
	}
	text, err := says.Rule(r.Query)
	if err == nil {
		err = missing
	}
	return text, err
}

func (f *Folder) filter(r Rule, known Known) (json.RawMessage, error) {
	says := wording.Filters{
		Attribute: func(key string) (string, string, bool) {
			for _, p := range f.Definitions.Properties {
				if p.Name == key && p.Display != "" {
					return known.Key(p), p.Display, true
				}
			}
			return "", "", false
		},
		Label: func(title string) (int64, bool) {
			for _, l := range f.Definitions.Lists {
				if l.Kind == Labels && strings.ToLower(l.Name) == title {
					id := known.List(l)
					return id, id != 0
				}
			}
			return 0, false
		},
	}
	d := json.NewDecoder(bytes.NewReader(r.Query))
	d.UseNumber()
	var query struct {
		Payload []any `json:"payload"`
	}
	if err := d.Decode(&query); err != nil {
		return nil, fault.New(fault.Invalid, "its query has no payload with clauses")
	}
	return says.Rule(query.Payload)
}
