package xms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// text is a text that clients may write as a number, or as true and false: then it is that
// in letters.
type text string

// UnmarshalJSON reads one; null is as if it were not there.
func (t *text) UnmarshalJSON(raw []byte) error {
	switch {
	case string(raw) == "null":
	case raw[0] == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return err
		}
		*t = text(s)
	case raw[0] == '{' || raw[0] == '[':
		return fmt.Errorf("must be a text, not %s", kindOf(raw))
	default:
		*t = text(raw)
	}
	return nil
}

func kindOf(raw []byte) string {
	if raw[0] == '[' {
		return "a list"
	}
	return "an object"
}

// trimmed is the text without white space around it.
func (t text) trimmed() string { return strings.TrimSpace(string(t)) }

// truth is true or false, which clients may write as a text.
type truth bool

// UnmarshalJSON reads one; null is false.
func (t *truth) UnmarshalJSON(raw []byte) error {
	value, known := truths[strings.ToLower(strings.Trim(string(raw), `"`))]
	if !known {
		return fmt.Errorf("must be true or false")
	}
	*t = truth(value)
	return nil
}

// truths are the ways in which true and false are written.
var truths = map[string]bool{
	"true": true, "false": false, "yes": true, "no": false, "on": true, "off": false, "1": true, "0": false, "": false, "null": false,
}

func readAll(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	return bytes.TrimSpace(body), err
}

// read reads the JSON object of a body.
func read[T any](body []byte) (T, error) {
	var into T
	if len(body) == 0 || body[0] != '{' {
		return into, refuse("", paramInvalid, `the body must be a JSON object`)
	}
	if err := json.Unmarshal(body, &into); err != nil {
		field := ""
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			field = wrong.Field
		}
		return into, refuse(field, paramInvalid, "the body can't be read: "+err.Error())
	}
	return into, nil
}
