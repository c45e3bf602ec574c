package templates

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates/liquid"
)

// Import is a template that a channel's provider keeps, as it is taken over into the catalogue.
type Import struct {
	// Template is what the catalogue gets: the languages that can be taken over, and what fills
	// their places until somebody says what does. Its ID is 0 until it is there.
	Template
	// Exists says that the catalogue has a template of the name, Template.ID, which stays as it is.
	Exists bool
	// Wrong says why it is not taken over; empty if it is.
	Wrong string
	// Left are the languages that are not.
	Left []LeftLanguage
}

// LeftLanguage is a language that is not taken over, as the provider writes it, and why.
type LeftLanguage struct{ Language, Body, Why string }

// Open reports whether it is to be taken over.
func (i *Import) Open() bool { return !i.Exists && i.Wrong == "" }

// Imports are the templates that a channel's provider keeps, in its order, as they would be taken
// over; of one name alone where that is given. That is Invalid if the provider keeps none of that
// name, and Conflict if the catalogue has one.
func (s *Catalogue) Imports(ctx context.Context, channel providers.Channel, name string, kept []providers.Template) ([]Import, error) {
	_, attributes, err := s.store.TemplateNames(ctx, channel.AccountID, nil)
	if err != nil {
		return nil, err
	}
	var names []string
	byName := map[string][]providers.Template{}
	for _, t := range kept {
		if name != "" && t.Name != name {
			continue
		}
		if byName[t.Name] == nil {
			names = append(names, t.Name)
		}
		byName[t.Name] = append(byName[t.Name], t)
	}
	if name != "" && len(names) == 0 {
		return nil, fault.InvalidField("template", name, "the provider keeps no template of this name: POST /v1/channels/%d/templates/sync lists them", channel.ID)
	}
	known, list := map[string]*Saved{}, make([]Import, len(names))
	for i, one := range names {
		there, err := s.named(ctx, channel.AccountID, one, known)
		switch {
		case err != nil:
			return nil, err
		case there != nil && name != "":
			return nil, fault.New(fault.Conflict, "the catalogue has a template %q already, the template %d, and nothing is overwritten: "+
				"change it there, or delete it", name, there.ID)
		case there != nil:
			list[i] = Import{Template: Template{ID: there.ID, Name: one}, Exists: true}
			continue
		}
		t := taking{Import: Import{Template: Template{AccountID: channel.AccountID, Name: one}}, kind: channel.Address, attributes: attributes}
		if err := s.take(ctx, &t, byName[one]); err != nil {
			return nil, err
		}
		list[i] = t.Import
	}
	return list, nil
}

// Import takes templates over, those that are Open. What can't be kept says so in Wrong.
func (s *Catalogue) Import(ctx context.Context, list []Import) error {
	for i := range list {
		one := &list[i]
		if !one.Open() {
			continue
		}
		saved, err := s.CreateTemplate(ctx, one.Template)
		if one.Wrong, err = wrongWords(err); err != nil {
			return err
		}
		if one.Wrong == "" {
			one.Template = saved.Template
		}
	}
	return nil
}

// wrongWords are what is wrong with a template in words; every other error stays one.
func wrongWords(err error) (string, error) {
	switch {
	case err == nil:
		return "", nil
	case fault.Is(err, fault.Conflict):
		return err.Error(), nil
	}
	fields, rest := fault.Gather(nil, err)
	if rest != nil {
		return "", rest
	}
	words := make([]string, len(fields))
	for i, f := range fields {
		words[i] = f.Location + ": " + f.Message
	}
	return strings.Join(words, "; "), nil
}

// taking is one template on its way into the catalogue.
type taking struct {
	Import
	kind       providers.AddressKind
	attributes []string
	from       []providers.Template // what Translations are made of, in their order
}

// take makes a template of its languages. One that can't be kept is left, and the others are tried
// without it: places have the same numbers in all of them.
func (s *Catalogue) take(ctx context.Context, t *taking, kept []providers.Template) error {
	for _, k := range kept {
		language, ok := NormalLanguage(strings.ReplaceAll(k.Language, "_", "-"))
		switch {
		case k.Status != providers.TemplateApproved:
			t.leave(k, fmt.Sprintf("it is %s: what is approved is taken over", k.Status))
		case !ok || t.has(language):
			t.leave(k, "it is no language by itself (BCP 47)")
		case len(k.Besides) > 0:
			t.leave(k, "a template here has no such part: "+strings.Join(k.Besides, ", "))
		default:
			t.from = append(t.from, k)
			t.Translations = append(t.Translations, Translation{Language: language})
		}
	}
	for len(t.from) > 0 {
		t.define()
		if err := s.CheckName(ctx, t.AccountID, t.Name); err != nil {
			t.Wrong, err = wrongWords(err)
			return err
		}
		_, err := s.prepare(ctx, t.Template, Saved{})
		if err == nil {
			return nil
		}
		fields, rest := fault.Gather(nil, err)
		if rest != nil {
			return rest
		}
		at, why := wrongLanguage(fields)
		if at < 0 || at >= len(t.from) {
			t.Wrong, err = wrongWords(err)
			return err
		}
		t.leave(t.from[at], why)
		t.from, t.Translations = slices.Delete(t.from, at, at+1), slices.Delete(t.Translations, at, at+1)
	}
	t.Wrong = "none of its languages can be taken over"
	return nil
}

func (t *taking) leave(k providers.Template, why string) {
	t.Left = append(t.Left, LeftLanguage{k.Language, k.Body, why})
}

func (t *taking) has(language string) bool { return t.Translation(language) != nil }

// inLanguage is where in a definition something of a language is wrong.
var inLanguage = regexp.MustCompile(`^translations\[([0-9]+)\]\.?(.*)$`)

// wrongLanguage is the first language of which something is wrong, and what; -1 for none.
func wrongLanguage(fields []fault.Field) (at int, why string) {
	at = -1
	var words []string
	for _, f := range fields {
		found := inLanguage.FindStringSubmatch(f.Location)
		if found == nil {
			continue
		}
		n, err := strconv.Atoi(found[1])
		if err != nil || at >= 0 && n != at {
			continue
		}
		at = n
		words = append(words, found[2]+": "+f.Message)
	}
	return at, strings.Join(words, "; ")
}

// define makes the definition of the languages. The places of a text keep their names, by which the
// catalogue's is known for the provider's; what a provider counts by itself, a header and each
// button, has a parameter of its own where it is another.
func (t *taking) define() {
	given := newPlacing(t.from)
	translations := make([]Translation, len(t.from))
	for i, k := range t.from {
		tr := Translation{Language: t.Translations[i].Language, Body: k.Body, Footer: k.Footer}
		if k.Header != "" {
			tr.Header = &Header{Text: given.header(k)}
		}
		for n, b := range k.Buttons {
			tr.Buttons = append(tr.Buttons, given.button(n, b))
		}
		translations[i] = tr
	}
	t.Definition = Definition{
		Category: Category(t.from[0].Category), Kinds: []providers.AddressKind{t.kind}, Default: translations[0].Language,
		Parameters: given.parameters(t.filling), Translations: translations,
	}
}

// filling is what fills a parameter until somebody says what does: what a contact has of that name,
// or else a column of an upload. What has neither is empty, and is not sent.
func (t *taking) filling(name string) string {
	value := "{{ contact." + name + " }}"
	compiled, err := liquid.Compile(providers.Content{Text: value}, nil)
	if !isNumber(name) && err == nil && len(compiled.Mistakes(t.attributes)) == 0 {
		return value
	}
	if isNumber(name) {
		name = "value_" + name
	}
	return "{{ row." + name + " }}"
}
