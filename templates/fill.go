package templates

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"carillon/providers"
	"carillon/templates/email"
)

var (
	// paramForm matches a placeholder of a parameter alone.
	paramForm = regexp.MustCompile(`\{\{\s*([0-9]+|[A-Za-z_][A-Za-z0-9_]*)\s*\}\}`)
	// anyPiece matches a piece of Liquid.
	anyPiece = regexp.MustCompile(`(?s)\{%.*?%\}|\{\{[^\n]*?\}\}`)
	// onePlaceholder matches a value that is one placeholder and nothing else.
	onePlaceholder = regexp.MustCompile(`^\{\{-?([^{}\n]+?)-?\}\}$`)
	word           = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
)

// used are the names of the placeholders of a text that may be parameters': every
// number, and every name that is declared, wherever Liquid has it.
func used(text string, declared map[string]string) []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, piece := range anyPiece.FindAllString(text, -1) {
		if name := paramOf(paramForm.FindStringSubmatch(piece)); isNumber(name) {
			add(name)
			continue
		}
		for _, name := range word.FindAllString(piece, -1) {
			if _, ok := declared[name]; ok {
				add(name)
			}
		}
	}
	return names
}

func isNumber(name string) bool { return name != "" && name[0] >= '0' && name[0] <= '9' }

// fill puts the values of parameters, which are Liquid, where a text names them. Where
// a name stands alone, the value takes its place; where a tag or a filter asks for it,
// it is assigned before the text, on its first line, so that errors keep their lines.
func fill(text string, values map[string]string) string {
	if len(values) == 0 || !strings.Contains(text, "{") {
		return text
	}
	var within []string
	filled := anyPiece.ReplaceAllStringFunc(text, func(piece string) string {
		if m := paramForm.FindStringSubmatch(piece); m != nil {
			if value, ok := values[m[1]]; ok {
				return value
			}
		}
		for _, name := range word.FindAllString(piece, -1) {
			if _, ok := values[name]; ok && !slices.Contains(within, name) {
				within = append(within, name)
			}
		}
		return piece
	})
	before := ""
	for _, name := range within {
		if m := onePlaceholder.FindStringSubmatch(values[name]); m != nil {
			before += "{% assign " + name + " = " + strings.TrimSpace(m[1]) + " %}"
		} else {
			before += "{% capture " + name + " %}" + values[name] + "{% endcapture %}"
		}
	}
	return before + filled
}

// contentFor is what a template says in one language through a kind of channel: Liquid
// for each recipient. Header and footer stand above and below the text; what becomes of
// the buttons is the channel's business (Carried).
func contentFor(t Translation, kind providers.AddressKind, values map[string]string, built email.Built) providers.Content {
	var c providers.Content
	if t.Header != nil && t.Header.Media != nil {
		m := t.Header.Media
		c.Attachment = &providers.Attachment{URL: fill(m.URL, values), Filename: fill(m.Filename, values), MediaID: m.MediaID}
		if m.MediaID != 0 {
			c.Attachment.Type = providers.AttachmentType(m.Type)
		}
	}
	if kind == providers.Email && t.Email != nil {
		c.Subject, c.Preheader = fill(t.Email.Subject, values), fill(t.Email.Preheader, values)
		c.HTML, c.Text = fill(built.HTML, values), fill(built.Text, values)
		if c.HTML != "" || c.Text != "" {
			return c
		}
	}
	var parts, codes []string
	if t.Header != nil {
		parts = append(parts, t.Header.Text)
	}
	parts = append(parts, t.Body, t.Footer)
	for _, b := range t.Buttons {
		button := providers.MessageButton{Caption: fill(b.Text, values)}
		switch b.Type {
		case URLButton:
			button.Type, button.Info = providers.ButtonLink, fill(b.URL+b.Suffix, values)
		case PhoneButton:
			button.Type, button.Info = providers.ButtonCall, b.Phone
		case CopyCode: // which no other channel has
			codes = append(codes, b.Text+": "+b.Code)
			continue
		default:
			button.Type = providers.ButtonPostback
		}
		c.Buttons = append(c.Buttons, button)
	}
	parts = slices.DeleteFunc(append(parts, strings.Join(codes, "\n")), func(s string) bool { return s == "" })
	c.Text = fill(strings.Join(parts, "\n\n"), values)
	return c
}

// keptFor is how the provider of a channel is asked for a template that it has approved: by
// its name, with what fills the places of its texts, in Liquid for each recipient.
func keptFor(name string, t Translation, values map[string]string) *providers.KeptTemplate {
	kept := &providers.KeptTemplate{Name: name, Language: t.Language, Body: placed(t.Body, values)}
	if t.Header != nil {
		kept.Header = placed(t.Header.Text, values)
	}
	for i, b := range t.Buttons {
		switch {
		case b.Type == URLButton && b.Suffix != "":
			kept.Buttons = append(kept.Buttons, providers.ButtonValue{Index: i, Type: providers.TemplateURL, Value: fill(b.Suffix, values)})
		case b.Type == CopyCode:
			kept.Buttons = append(kept.Buttons, providers.ButtonValue{Index: i, Type: providers.TemplateCopyCode, Value: fill(b.Code, values)})
		}
	}
	return kept
}

// placed is what fills the places of a text: by their numbers, or as the text names them.
func placed(text string, values map[string]string) (list []providers.PlaceValue) {
	names := used(text, values)
	slices.SortStableFunc(names, func(a, b string) int {
		if !isNumber(a) || !isNumber(b) {
			return 0
		}
		return cmp.Or(len(a)-len(b), strings.Compare(a, b))
	})
	for _, name := range names {
		list = append(list, providers.PlaceValue{Place: name, Value: values[name]})
	}
	return list
}

// Reference is what the variables of the reference documents are in Liquid.
func reference() map[string]string {
	return map[string]string{
		"profile_name": "{{ contact.name }}",
		"first_name":   "{{ contact.first_name }}",
		"last_name":    "{{ contact.last_name }}",
		"language":     "{{ contact.language }}",
	}
}

var referenceForm = regexp.MustCompile(`\$([a-z]+(?:_[a-z]+)*)\$`)

// Translate writes the variables of the reference documents, such as $profile_name$, in
// Liquid. unknown is the first that there is not, with its dollars.
func Translate(value string) (liquid, unknown string) {
	known := reference()
	liquid = referenceForm.ReplaceAllStringFunc(value, func(variable string) string {
		if written, ok := known[strings.Trim(variable, "$")]; ok {
			return written
		}
		if unknown == "" {
			unknown = variable
		}
		return variable
	})
	return liquid, unknown
}

// unknownReference says what to write instead of a variable that there is not.
func unknownReference(variable string) string {
	return fmt.Sprintf("there is no %s: there are $profile_name$, $first_name$, $last_name$ and $language$; all else is Liquid, "+
		"such as {{ contact.first_name }}", variable)
}
