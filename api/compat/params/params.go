// Package params owns how the APIs of others are given what a call needs: in the query, as
// a form, as JSON that may be called a form, and as forms with files. It must not know a
// call of any of them.
package params

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"carillon/api/gate"
	"carillon/internal/fault"
)

// Bounds of a request's parameters. That of its body is the gate's.
const (
	mostParams = 1000
	mostFiles  = 20
)

// From says where a call may have its parameters.
type From int

// The places of parameters; of both the body wins.
const (
	Query From = 1 << iota
	Body
)

// File is one that came in a form.
type File struct {
	Name, ContentType string
	Content           []byte
}

// Params are what a call is given, by their names. Values are texts, and of JSON bodies what
// JSON holds: json.Number, bool, nil, lists and objects. A list in a form, name[]=, is a list
// of texts under the name without brackets.
type Params struct {
	values map[string]any
	files  map[string][]File
}

// Read takes what a request gives. What the body is it says itself: clients send JSON that
// is called a form, forms that are called JSON, and bodies with GET. A body that is neither,
// or holds text that can't be kept, is Invalid.
func Read(r *http.Request, from From) (Params, error) {
	p := Params{map[string]any{}, map[string][]File{}}
	if from&Query != 0 {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return p, fault.New(fault.Invalid, "the query can't be read: a %% is written %%25, and a ; %%3B")
		}
		if err := p.form(query); err != nil {
			return p, err
		}
	}
	if from&Body == 0 || r.Body == nil {
		return p, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return p, err
	}
	kind, of, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "multipart/form-data" {
		return p, p.multipart(body, of["boundary"])
	}
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return p, nil
	case body[0] == '{':
		return p, p.json(body)
	case body[0] == '[':
		return p, fault.New(fault.Invalid, "the body is a list: send an object")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || kind == "application/json" && !bytes.ContainsRune(body, '=') {
		return p, fault.New(fault.Invalid, "the body is neither a JSON object nor a form")
	}
	return p, p.form(form)
}

// Of are parameters that are given within another, as an object of JSON.
func Of(object map[string]any) Params { return Params{object, nil} }

// set keeps a parameter; too many are refused.
func (p Params) set(name string, value any) error {
	if _, has := p.values[name]; !has && len(p.values) >= mostParams {
		return fault.New(fault.Invalid, "there are more than %d parameters", mostParams)
	}
	p.values[name] = value
	return nil
}

func (p Params) form(form url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		list := form[name]
		for _, text := range append([]string{name}, list...) {
			if message := gate.WrongText(text, true); message != "" {
				return fault.InvalidField(printable(name), nil, "%s", message)
			}
		}
		var value any = list[0]
		if of, is := strings.CutSuffix(name, "[]"); is {
			items := make([]any, len(list))
			for i, item := range list {
				items[i] = item
			}
			name, value = of, items
		}
		if err := p.set(name, value); err != nil {
			return err
		}
	}
	return nil
}

// printable is the name of a parameter as an error may show it.
func printable(name string) string {
	if gate.WrongText(name, false) != "" {
		return "a parameter"
	}
	return name
}

// json takes the members of an object; null is as if it were not there.
func (p Params) json(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return fault.New(fault.Invalid, "the body is no JSON object: %s", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "something stands behind the JSON object of the body")
	}
	for name, value := range object {
		if value == nil {
			continue
		}
		if err := p.set(name, value); err != nil {
			return err
		}
	}
	return nil
}

// multipart takes a form with files. Its texts are checked here: the gate could not tell
// them from the files.
func (p Params) multipart(body []byte, boundary string) error {
	if boundary == "" {
		return fault.New(fault.Invalid, "the body is a form with files, and Content-Type does not name the boundary of its parts")
	}
	form, files := url.Values{}, 0
	for reader := multipart.NewReader(bytes.NewReader(body), boundary); ; {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return p.form(form)
		}
		if err != nil {
			return fault.New(fault.Invalid, "the form can't be read: %s", err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return fault.New(fault.Invalid, "the form can't be read: %s", err)
		}
		name := part.FormName()
		if part.FileName() == "" {
			if len(form) >= mostParams {
				return fault.New(fault.Invalid, "there are more than %d parameters", mostParams)
			}
			form.Add(name, string(content))
			continue
		}
		if files++; files > mostFiles {
			return fault.New(fault.Invalid, "there are more than %d files", mostFiles)
		}
		if message := gate.WrongText(part.FileName()+name, false); message != "" {
			return fault.InvalidField("file", nil, "its name %s", message)
		}
		of := strings.TrimSuffix(name, "[]")
		p.files[of] = append(p.files[of], File{part.FileName(), part.Header.Get("Content-Type"), content})
	}
}

// Has reports whether a parameter is given, and not as an empty text.
func (p Params) Has(name string) bool {
	value, has := p.values[name]
	return has && value != ""
}

// Value is a parameter as it came; nil if it is not given.
func (p Params) Value(name string) any { return p.values[name] }

// Names lists what is given.
func (p Params) Names() []string { return slices.Sorted(maps.Keys(p.values)) }

// Set gives a parameter as if it had come.
func (p Params) Set(name, value string) { p.values[name] = value }

// Drop takes parameters out.
func (p Params) Drop(names ...string) {
	for _, name := range names {
		delete(p.values, name)
	}
}

// Text is a parameter as a text; empty if it is not given. A list or an object is Invalid.
func (p Params) Text(name string) (string, error) {
	text, ok := textOf(p.values[name])
	if !ok {
		return "", fault.InvalidField(name, nil, "must be a text")
	}
	return text, nil
}

// Texts reads several parameters as Text does, into where their names say.
func (p Params) Texts(into map[string]*string) (err error) {
	for _, name := range slices.Sorted(maps.Keys(into)) {
		if *into[name], err = p.Text(name); err != nil {
			return err
		}
	}
	return nil
}

func textOf(value any) (text string, ok bool) {
	switch value := value.(type) {
	case nil:
		return "", true
	case string:
		return value, true
	case json.Number:
		return value.String(), true
	case bool:
		if value {
			return "1", true
		}
		return "0", true
	default:
		return "", false
	}
}

// Bool is a parameter as a truth: 1, 0, true or false; other if it is not given.
func (p Params) Bool(name string, other bool) (bool, error) {
	text, err := p.Text(name)
	if err != nil || text == "" {
		return other, err
	}
	truth, err := strconv.ParseBool(strings.ToLower(text))
	if err != nil {
		return other, fault.InvalidField(name, text, "must be 1 or 0")
	}
	return truth, nil
}

// Int is a parameter as a whole number; other if it is not given.
func (p Params) Int(name string, other int64) (int64, error) {
	text, err := p.Text(name)
	if err != nil || text == "" {
		return other, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return other, fault.InvalidField(name, text, "must be a whole number")
	}
	return n, nil
}

// List is a parameter as a list of texts: a list of JSON, also as a text, name[]= of a form,
// or texts with commas between them. What is empty is left out.
func (p Params) List(name string) (list []string, err error) {
	value := p.values[name]
	if text, is := value.(string); is {
		value = listOf(text)
	}
	items, is := value.([]any)
	if !is && value != nil {
		items = []any{value}
	}
	for _, item := range items {
		text, ok := textOf(item)
		if !ok {
			return nil, fault.InvalidField(name, nil, "must be a list of texts")
		}
		if text = strings.TrimSpace(text); text != "" {
			list = append(list, text)
		}
	}
	return list, nil
}

// listOf reads a list that is a text.
func listOf(text string) (items []any) {
	if strings.HasPrefix(strings.TrimSpace(text), "[") {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if d.Decode(&items) == nil {
			return items
		}
	}
	for item := range strings.SplitSeq(text, ",") {
		items = append(items, item)
	}
	return items
}

// JSON reads a parameter that is JSON, native or as a text, into a value. One that is not
// given leaves it as it is.
func (p Params) JSON(name string, into any) error {
	value, has := p.values[name]
	if !has || value == "" {
		return nil
	}
	text, is := value.(string)
	if !is {
		native, err := json.Marshal(value)
		if err != nil {
			return fault.InvalidField(name, nil, "can't be read")
		}
		text = string(native)
	}
	if wrong := gate.WrongJSON(name, []byte(text)); len(wrong) > 0 {
		return fault.InvalidFields(wrong)
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return fault.InvalidField(name, nil, "is not the JSON that is asked for: %s", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.InvalidField(name, nil, "something stands behind its JSON")
	}
	return nil
}

// File is the file of a name, and whether there is one.
func (p Params) File(name string) (File, bool) {
	if list := p.files[name]; len(list) > 0 {
		return list[0], true
	}
	return File{}, false
}

// Files are all files of a name.
func (p Params) Files(name string) []File { return p.files[name] }
