package whatsapp

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"carillon/providers"
)

// part is a component of a template as Meta lists it. Examples have several forms, and what can't be
// read of them is left out: no list may be lost by one.
type part struct {
	Type    string          `json:"type"`
	Format  string          `json:"format"`
	Text    string          `json:"text"`
	Example json.RawMessage `json:"example"`
	Buttons json.RawMessage `json:"buttons"`
}

type keptButton struct {
	Type    string          `json:"type"`
	Text    string          `json:"text"`
	URL     string          `json:"url"`
	Phone   string          `json:"phone_number"`
	Example json.RawMessage `json:"example"`
}

// into puts a component into the template that it belongs to.
func (c *part) into(t *providers.Template) {
	switch {
	case c.Type == "BODY":
		t.Body = c.Text
		t.BodySamples = c.samples("body_text")
	case c.Type == "HEADER" && c.Format == "TEXT":
		t.Header = c.Text
		t.HeaderSamples = c.samples("header_text")
	case c.Type == "HEADER":
		t.Besides = append(t.Besides, "a header of the type "+c.Format)
	case c.Type == "FOOTER":
		t.Footer = c.Text
	case c.Type == "BUTTONS":
		var list []keptButton
		if json.Unmarshal(c.Buttons, &list) != nil {
			t.Besides = append(t.Besides, "buttons that can't be read")
		}
		for i := range list {
			list[i].into(t)
		}
	default:
		t.Besides = append(t.Besides, "a part of the type "+c.Type)
	}
}

// placeIn is a place of a text.
var placeIn = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

// samples are the places of the text, in its order, with their examples, which stand in the field of
// a name.
func (c *part) samples(field string) (list []providers.PlaceValue) {
	known := examples(c.Example, field)
	for _, found := range placeIn.FindAllStringSubmatch(c.Text, -1) {
		place := found[1]
		if !slices.ContainsFunc(list, func(p providers.PlaceValue) bool { return p.Place == place }) {
			list = append(list, providers.PlaceValue{Place: place, Value: known(place)})
		}
	}
	return list
}

// examples tell the example of a place: by its name, or by its number in a list, which of a body
// stands in a list.
func examples(raw json.RawMessage, field string) func(place string) string {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(raw, &fields)
	var named []struct {
		Name    string `json:"param_name"`
		Example string `json:"example"`
	}
	_ = json.Unmarshal(fields[field+"_named_params"], &named)
	var list []string
	if json.Unmarshal(fields[field], &list) != nil {
		var lists [][]string
		if json.Unmarshal(fields[field], &lists) == nil && len(lists) > 0 {
			list = lists[0]
		}
	}
	return func(place string) string {
		for _, one := range named {
			if one.Name == place {
				return one.Example
			}
		}
		if n := number(place); n > 0 && n <= len(list) {
			return list[n-1]
		}
		return ""
	}
}

// into puts a button into the template that it belongs to.
func (b *keptButton) into(t *providers.Template) {
	made := providers.NewButton{Text: b.Text}
	example := b.example()
	switch b.Type {
	case "QUICK_REPLY":
		made.Type = providers.NewQuickReply
	case "PHONE_NUMBER":
		made.Type, made.Value = providers.NewPhone, b.Phone
	case "COPY_CODE":
		made.Type, made.Sample = providers.NewCopyCode, cmp.Or(example, "CODE")
	case "URL":
		place := placeIn.FindStringIndex(b.URL)
		made.Type, made.Value = providers.NewURL, b.URL
		switch {
		case place == nil:
		case place[1] < len(b.URL):
			t.Besides = append(t.Besides, "a link that goes on behind its place")
			return
		default:
			made.Value = b.URL[:place[0]]
			made.Sample = cmp.Or(strings.TrimPrefix(example, made.Value), "example")
		}
	default:
		t.Besides = append(t.Besides, "a button of the type "+b.Type)
		return
	}
	t.Buttons = append(t.Buttons, made)
}

// example is what Meta has of a button: a text, or a list of one.
func (b *keptButton) example() string {
	var one string
	if json.Unmarshal(b.Example, &one) == nil {
		return one
	}
	var list []string
	if json.Unmarshal(b.Example, &list) == nil && len(list) > 0 {
		return list[0]
	}
	return ""
}
