package messengerpeople

import (
	"encoding/json"
	"net/url"
	"path"
	"regexp"
	"strings"

	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/providers"
)

// placeholders are what texts may say of who gets them, by their names between dollars.
var placeholders = []struct{ name, liquid string }{
	{"profile_name", "{{ contact.name }}"},
	{"first_name", "{{ contact.first_name }}"},
	{"last_name", "{{ contact.last_name }}"},
	{"language", "{{ contact.language }}"},
}

// placeholder is a name between dollars, as far as it may be one.
var placeholder = regexp.MustCompile(`\$[^\s$]{1,100}\$`)

// bareBrace is how a brace is written that would begin Liquid otherwise.
const bareBrace = `{{ "{" }}`

// bareBraces are those braces: what somebody writes here is no template.
var bareBraces = regexp.MustCompile(`\{([{%])`)

// attributeForm is a value of a property, with what stands there without one.
var attributeForm = regexp.MustCompile(`\{\{ contact\.attributes\.([a-z0-9_]+)(?: \| default: "[^"]*")? \}\}`)

// liquid writes a text as a template: its placeholders are filled for each recipient, all
// else is said as it stands.
func liquid(text string, properties []property.Property) string {
	var b strings.Builder
	for {
		at := placeholder.FindStringIndex(text)
		if at == nil {
			break
		}
		filled := filling(strings.Trim(text[at[0]:at[1]], "$"), properties)
		if filled == "" { // the dollar behind may begin another
			at[1]--
			filled = plainLiquid(text[at[0]:at[1]])
		}
		before := plainLiquid(text[:at[0]])
		if open, is := strings.CutSuffix(before, "{"); is && strings.HasPrefix(filled, "{") {
			before = open + bareBrace // it would be part of what follows
		}
		b.WriteString(before)
		b.WriteString(filled)
		text = text[at[1]:]
	}
	b.WriteString(plainLiquid(text))
	return b.String()
}

func plainLiquid(text string) string {
	for bareBraces.MatchString(text) {
		// One at a time: of three braces in a row the second begins another.
		at := bareBraces.FindStringIndex(text)
		return text[:at[0]] + bareBrace + plainLiquid(text[at[0]+1:])
	}
	return text
}

// filling is what fills a placeholder; empty if it is none.
func filling(name string, properties []property.Property) string {
	for _, p := range placeholders {
		if p.name == name {
			return p.liquid
		}
	}
	for _, p := range properties {
		if p.Called() != name {
			continue
		}
		if fallback, ok := property.Plain(p.Default); ok && len(p.Default) > 0 && !strings.ContainsAny(fallback, "\"\\\r\n{}") {
			return `{{ contact.attributes.` + p.Key + ` | default: "` + fallback + `" }}`
		}
		return "{{ contact.attributes." + p.Key + " }}"
	}
	return ""
}

// said is the text that liquid made a template of, as it was written. Of one that another
// wrote, Liquid is left.
func said(template string, properties []property.Property) string {
	for _, p := range placeholders {
		template = strings.ReplaceAll(template, p.liquid, "$"+p.name+"$")
	}
	template = attributeForm.ReplaceAllStringFunc(template, func(form string) string {
		key := attributeForm.FindStringSubmatch(form)[1]
		for _, p := range properties {
			if p.Key == key {
				return "$" + p.Called() + "$"
			}
		}
		return form
	})
	return strings.ReplaceAll(template, bareBrace, "{")
}

// The kinds of files, by their endings.
var fileKinds = map[string]string{
	"jpg": "image", "jpeg": "image", "png": "image", "gif": "image",
	"mp4": "video", "m4v": "video", "mpg": "video", "mpeg": "video", "mov": "video", "avi": "video",
	"mp3": "audio", "pdf": "document",
}

// kindOfFile is what sort of file an address leads to.
func kindOfFile(location, address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fault.InvalidField(location, address, "must be the address of a file, such as https://example.org/cover.jpg")
	}
	kind := fileKinds[strings.ToLower(strings.TrimPrefix(path.Ext(u.Path), "."))]
	if kind == "" {
		return "", fault.InvalidField(location, address, "must lead to a jpg, jpeg, png, gif, mp4, m4v, mpg, mpeg, mov, avi, mp3 or pdf")
	}
	return kind, nil
}

// contentNames are the parameters of a message's parts: newsletters, chats and contents
// call them otherwise.
type contentNames struct{ text, media string }

// content reads what is to be said; attached is the address of its file, empty for none.
func (a asked) content(names contentNames, properties []property.Property) (c providers.Content, attached string, err error) {
	text, err := a.Text(names.text)
	if err != nil {
		return c, "", err
	}
	if attached, err = a.Text(names.media); err != nil {
		return c, "", err
	}
	filename, err := a.Text("filename")
	if err != nil {
		return c, "", err
	}
	if text == "" && attached == "" {
		return c, "", fault.InvalidField(names.text, nil, "say what to send: %s or %s", names.text, names.media)
	}
	if c.Buttons, err = a.buttons(properties); err != nil {
		return c, "", err
	}
	c.Text = liquid(text, properties)
	if attached == "" {
		return c, "", nil
	}
	kind, err := kindOfFile(names.media, attached)
	if err != nil {
		return c, "", err
	}
	c.Attachment = &providers.Attachment{URL: plainLiquid(attached), Filename: filename}
	if kind == "audio" || kind == "document" {
		c.Text = "" // as the document says
	}
	return c, attached, nil
}

// button is a button as clients write it.
type button struct {
	Type    providers.ButtonType `json:"type"`
	Caption string               `json:"caption"`
	Info    string               `json:"info"`
}

func (a asked) buttons(properties []property.Property) (list []providers.MessageButton, err error) {
	var given []button
	if err := a.JSON("buttons", &given); err != nil {
		return nil, err
	}
	for _, b := range given {
		list = append(list, providers.MessageButton{Type: b.Type, Caption: liquid(b.Caption, properties), Info: liquid(b.Info, properties)})
	}
	return list, nil
}

// metadata reads the parameter meta.
func (a asked) metadata() (map[string]string, error) {
	var given map[string]json.RawMessage
	if err := a.JSON("meta", &given); err != nil {
		return nil, err
	}
	values := map[string]string{}
	for name, raw := range given {
		text, err := plainText(raw)
		if err != nil {
			return nil, fault.InvalidField("meta."+name, nil, "must be a text")
		}
		values[name] = text
	}
	return values, nil
}
