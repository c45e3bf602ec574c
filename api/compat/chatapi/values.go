package chatapi

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"

	"carillon/internal/fault"
)

// values are what a call is given: of the query, and of the body, which wins.
type values map[string]string

// read takes what a request gives: in its query, as JSON or as a form. What the body is it
// says itself: clients send JSON that is called a form, and bodies with GET.
func read(r *http.Request) (values, error) {
	given := values{}
	given.take(r.URL.Query())
	delete(given, "token")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return given, nil
	case body[0] == '{':
		return given, given.json(body)
	case body[0] == '[':
		return nil, fault.New(fault.Invalid, "the body is a list: send an object such as {\"phone\":\"17472822486\",\"body\":\"Hello\"}")
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "application/json" {
		return nil, fault.New(fault.Invalid, "the body is no JSON object")
	}
	if kind == "multipart/form-data" {
		return nil, fault.New(fault.Invalid, "files of forms are not taken: send body as an address of the file")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fault.New(fault.Invalid, "the body is neither a JSON object nor a form")
	}
	given.take(form)
	return given, nil
}

func (v values) take(form url.Values) {
	for name, list := range form {
		if len(list) > 0 {
			v[name] = list[0]
		}
	}
}

// json takes the texts, numbers and truths of an object; null is as if it were not there.
func (v values) json(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return fault.New(fault.Invalid, "the body is no JSON object: %s", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return fault.New(fault.Invalid, "something stands behind the JSON object of the body")
	}
	for name, value := range object {
		switch value := value.(type) {
		case nil:
		case string:
			v[name] = value
		case json.Number:
			v[name] = value.String()
		case bool:
			v[name] = "0"
			if value {
				v[name] = "1"
			}
		default:
			if known[name] {
				return fault.InvalidField(name, nil, "must be a text")
			}
		}
	}
	return nil
}

// known are the parameters that calls look at; others, such as mentionedPhones, may be
// anything.
var known = map[string]bool{"phone": true, "chatId": true, "body": true, "filename": true, "caption": true}
