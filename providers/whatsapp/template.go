package whatsapp

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"carillon/providers"
)

// maxCode is the longest code that a button copies, in letters.
const maxCode = 15

// template is a content as a template that Meta has approved.
func template(c *providers.Content) (map[string]any, *providers.Error) {
	kept := c.Kept
	var components []any
	if a := c.Attachment; a != nil {
		// A header has no sounds, and what is said of a file stands in the template.
		kind, file := attached(&providers.Attachment{URL: a.URL, Filename: a.Filename, Type: sortOf(a, "a header"), File: a.File}, "")
		components = append(components, component("header", []any{map[string]any{"type": kind, kind: file}}))
	}
	for _, text := range []struct {
		name   string
		places []providers.PlaceValue
	}{{"header", kept.Header}, {"body", kept.Body}} {
		if len(text.places) == 0 {
			continue
		}
		parameters, refused := filled(text.name, text.places)
		if refused != nil {
			return nil, refused
		}
		components = append(components, component(text.name, parameters))
	}
	for _, b := range kept.Buttons {
		made, refused := button(b)
		if refused != nil {
			return nil, refused
		}
		components = append(components, made)
	}
	body := map[string]any{"name": kept.Name, "language": map[string]any{"code": strings.ReplaceAll(kept.Language, "-", "_")}}
	if len(components) > 0 {
		body["components"] = components
	}
	return body, nil
}

func component(kind string, parameters []any) map[string]any {
	return map[string]any{"type": kind, "parameters": parameters}
}

// filled are the values of a text's places. Places that are numbers are told by their order
// alone, all others by their names.
func filled(text string, places []providers.PlaceValue) ([]any, *providers.Error) {
	places = slices.Clone(places)
	numbered := !slices.ContainsFunc(places, func(p providers.PlaceValue) bool { return number(p.Place) == 0 })
	if numbered {
		slices.SortStableFunc(places, func(a, b providers.PlaceValue) int { return cmp.Compare(number(a.Place), number(b.Place)) })
	}
	parameters := make([]any, len(places))
	for i, p := range places {
		value := oneLine(p.Value)
		if value == "" {
			return nil, empty(fmt.Sprintf("the place %q of the template's %s", p.Place, text))
		}
		parameter := map[string]any{"type": "text", "text": value}
		if !numbered {
			parameter["parameter_name"] = p.Place
		}
		parameters[i] = parameter
	}
	return parameters, nil
}

// number is a place that is one, from 1; else 0.
func number(place string) int {
	n, err := strconv.Atoi(place)
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// oneLine is a value without what WhatsApp refuses in one: new lines, tabs, and more than four
// spaces in a row.
func oneLine(value string) string { return strings.Join(strings.Fields(value), " ") }

// button is the value of a button.
func button(b providers.ButtonValue) (map[string]any, *providers.Error) {
	value := oneLine(b.Value)
	if value == "" {
		return nil, empty(fmt.Sprintf("the place of the template's button %d", b.Index+1))
	}
	parameter := map[string]any{"type": "text", "text": value}
	if b.Type == providers.TemplateCopyCode {
		if n := providers.Units(value); n > maxCode {
			return nil, &providers.Error{Kind: providers.ErrorContent, Code: "code_too_long",
				Err: fmt.Errorf("the code %q has %d letters; WhatsApp copies at most %d: shorten it", value, n, maxCode)}
		}
		parameter = map[string]any{"type": "coupon_code", "coupon_code": value}
	}
	made := component("button", []any{parameter})
	made["sub_type"], made["index"] = string(b.Type), strconv.Itoa(b.Index)
	return made, nil
}

// empty refuses a value that is none: Meta refuses it, too, for a reason that says less.
func empty(where string) *providers.Error {
	return &providers.Error{Kind: providers.ErrorContent, Code: "empty_value",
		Err: fmt.Errorf("%s is empty for this recipient, and WhatsApp takes no empty value: give it a fallback", where)}
}
