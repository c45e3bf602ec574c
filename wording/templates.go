package wording

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"carillon/internal/fault"
	"carillon/templates"
)

// TemplateCategory is a category in MessengerPeople's spelling, which are those of Carillon in capitals.
// WhatsApp's three of today are not among them.
func TemplateCategory(given string) (templates.Category, error) {
	c := templates.Category(strings.ToLower(given))
	if given != strings.ToUpper(given) || !slices.Contains(templates.Categories()[3:], c) {
		names := make([]string, 0, len(templates.Categories()))
		for _, c := range templates.Categories()[3:] {
			names = append(names, strings.ToUpper(string(c)))
		}
		return "", fault.InvalidField("category", given, "must be one of %s", strings.Join(names, ", "))
	}
	return c, nil
}

// numberedVariable is a variable as WhatsApp writes it.
var numberedVariable = regexp.MustCompile(`\{\{\s*(\d{1,3})\s*\}\}`)

// HighestVariable is the highest number of the variables of a text.
func HighestVariable(text string) (most int) {
	for _, m := range numberedVariable.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1]) // at most three digits
		most = max(most, n)
	}
	return most
}

// LanguageTag is a language as WhatsApp writes it, such as pt_BR, as a tag.
func LanguageTag(given string) string { return strings.ReplaceAll(given, "_", "-") }

// Translation is a template in one language as MessengerPeople has it.
type Translation struct {
	Language string          `json:"language"`
	Body     string          `json:"body"`
	Header   json.RawMessage `json:"header"`
	Footer   string          `json:"footer"`
	Buttons  []Button        `json:"buttons"`
}

// Header is a translation's header where it is no text alone.
type Header struct {
	Type     string `json:"type,omitempty"`
	Text     string `json:"text,omitempty"`
	URL      string `json:"url,omitempty"`
	Filename string `json:"filename,omitempty"`
}

// Button is a translation's button.
type Button struct {
	Type        string `json:"type"`
	Text        string `json:"text"`
	URL         string `json:"url"`
	Suffix      string `json:"suffix"`
	Phone       string `json:"phone"`
	PhoneNumber string `json:"phone_number"`
	Code        string `json:"code"`
}

// header reads a header: a text, or an object that names a file.
func (t Translation) header(location string, body int) (*templates.Header, error) {
	if len(t.Header) == 0 || string(t.Header) == "null" || string(t.Header) == `""` {
		return nil, nil
	}
	var h Header
	if json.Unmarshal(t.Header, &h.Text) != nil {
		if err := json.Unmarshal(t.Header, &h); err != nil {
			return nil, fault.InvalidField(location, nil, "must be a text, or an object with type and text or url")
		}
	}
	if h.URL != "" {
		return &templates.Header{Media: &templates.Media{Type: strings.ToLower(h.Type), URL: h.URL, Filename: h.Filename}}, nil
	}
	if h.Text == "" {
		return nil, nil
	}
	return &templates.Header{Text: numberedVariable.ReplaceAllString(h.Text, fmt.Sprintf("{{%d}}", body+1))}, nil
}

// buttonTypes are the types of buttons as WhatsApp calls them, too.
var buttonTypes = map[string]string{
	"quick_reply": templates.QuickReply, "url": templates.URLButton, "phone": templates.PhoneButton, "phone_number": templates.PhoneButton,
	"copy_code": templates.CopyCode,
}

// Template is what a template is made of, its translations and its parameters: they are
// numbered, the header's behind those of the body.
func Template(given []Translation) (translations []templates.Translation, parameters []templates.Parameter, err error) {
	body, header := 0, false
	for _, t := range given {
		body = max(body, HighestVariable(t.Body))
		header = header || HighestVariable(string(t.Header)) > 0
	}
	for i, t := range given {
		location := fmt.Sprintf("translations[%d].", i)
		tr := templates.Translation{Language: LanguageTag(t.Language), Body: t.Body, Footer: t.Footer}
		if tr.Header, err = t.header(location+"header", body); err != nil {
			return nil, nil, err
		}
		for _, b := range t.Buttons {
			tr.Buttons = append(tr.Buttons, templates.Button{
				Type: cmp.Or(buttonTypes[strings.ToLower(b.Type)], b.Type), Text: b.Text, URL: b.URL, Suffix: b.Suffix, Phone: cmp.Or(b.Phone, b.PhoneNumber), Code: b.Code,
			})
		}
		translations = append(translations, tr)
	}
	if header {
		body++
	}
	// A variable is filled when a notification is sent; what stands there is never said.
	for n := 1; n <= body; n++ {
		parameters = append(parameters, templates.Parameter{Name: strconv.Itoa(n), Value: "-", Sample: "value " + strconv.Itoa(n)})
	}
	return translations, parameters, nil
}
