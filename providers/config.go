package providers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

// DecodeConfig reads a channel's configuration into the struct that into points
// to, strictly: an unknown setting, a wrong type, and a value outside the
// field's tags (required, minimum, maximum, enum) is a *fault.Error of code
// Invalid that names each field. A setting that is left out, or null, takes its
// default tag. The tags are those from which the JSON Schema is made, so that
// what is documented and what is checked cannot differ.
func DecodeConfig(raw json.RawMessage, into any) error {
	target := reflect.ValueOf(into).Elem()
	given, err := object(raw)
	if err != nil {
		return err
	}
	settings := settingsOf(target.Type())
	wrong := unknown(given, settings)
	for _, s := range settings {
		value, ok := given[s.name]
		if !ok || string(value) == "null" {
			value = s.fallback()
			if value == nil {
				if s.required {
					wrong = append(wrong, fault.Field{Location: s.location(), Message: "is required"})
				}
				continue
			}
		}
		field := target.Field(s.index)
		if message := s.decode(value, field); message != "" {
			wrong = append(wrong, fault.Field{Location: s.location(), Message: message, Value: s.shown(field)})
		}
	}
	return fault.InvalidFields(wrong)
}

func object(raw json.RawMessage) (map[string]json.RawMessage, error) {
	raw = bytes.TrimSpace(raw)
	given := map[string]json.RawMessage{}
	if len(raw) == 0 || string(raw) == "null" {
		return given, nil
	}
	// The cause is left out: it could quote a secret.
	if err := json.Unmarshal(raw, &given); err != nil {
		return nil, fault.InvalidField("config", nil, "must be a JSON object of settings")
	}
	return given, nil
}

// setting is one field of a configuration struct.
type setting struct {
	index    int
	name     string
	required bool
	tag      reflect.StructTag
	typ      reflect.Type
}

func settingsOf(t reflect.Type) []setting {
	settings := make([]setting, 0, t.NumField())
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		settings = append(settings, setting{
			index: i, name: name, tag: field.Tag, typ: field.Type,
			required: !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero"),
		})
	}
	return settings
}

func unknown(given map[string]json.RawMessage, settings []setting) []fault.Field {
	names := make([]string, len(settings))
	for i, s := range settings {
		names[i] = s.name
	}
	var wrong []fault.Field
	for name := range given {
		if !slices.Contains(names, name) {
			wrong = append(wrong, fault.Field{
				Location: "config." + name,
				Message:  "is not a setting of this provider; its settings are " + strings.Join(names, ", "),
			})
		}
	}
	slices.SortFunc(wrong, func(a, b fault.Field) int { return strings.Compare(a.Location, b.Location) })
	return wrong
}

var (
	secretType    = reflect.TypeFor[secret.String]()
	secretMapType = reflect.TypeFor[map[string]secret.String]()
)

func (s setting) location() string { return "config." + s.name }

// destination reports whether the setting says where the secrets go.
func (s setting) destination() bool { return s.tag.Get("destination") == "true" }

// presented reports whether the setting is a secret by which the provider proves itself to us.
func (s setting) presented() bool { return s.tag.Get("presented") == "true" }

func (s setting) isSecret() bool { return s.typ == secretType || s.typ == secretMapType }

// shown is the value that an error may quote: none for secrets.
func (s setting) shown(field reflect.Value) any {
	if s.isSecret() || field.IsZero() {
		return nil
	}
	return field.Interface()
}

func (s setting) fallback() json.RawMessage {
	value, ok := s.tag.Lookup("default")
	if !ok {
		return nil
	}
	if s.typ.Kind() == reflect.String {
		return json.RawMessage(strconv.Quote(value))
	}
	return json.RawMessage(value)
}

// decode reads value into field and says what is wrong with it; empty if
// nothing is.
func (s setting) decode(value json.RawMessage, field reflect.Value) string {
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(field.Addr().Interface()); err != nil {
		return "must be " + s.wanted()
	}
	switch held := field.Interface().(type) {
	case secret.String:
		if held.Reveal() == secret.Redacted {
			return "is the mask that stands for a secret, not the secret: leave the setting out to keep what is stored"
		}
		return ""
	case map[string]secret.String:
		for name, each := range held {
			if each.Reveal() == secret.Redacted {
				return fmt.Sprintf("holds under %q the mask that stands for a secret, not the secret", name)
			}
		}
		return ""
	}
	switch field.Kind() {
	case reflect.Int, reflect.Int64:
		return s.bounds(float64(field.Int()))
	case reflect.Float64:
		return s.bounds(field.Float())
	case reflect.String:
		if s.required && field.String() == "" {
			return "is required"
		}
		if strings.Contains(field.String(), secret.Redacted) {
			return "holds the mask that stands for what is not shown: write it out"
		}
		if enum := s.tag.Get("enum"); enum != "" && !slices.Contains(strings.Split(enum, ","), field.String()) {
			return "must be one of " + strings.ReplaceAll(enum, ",", ", ")
		}
	}
	return ""
}

func (s setting) wanted() string {
	switch s.typ.Kind() {
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.Map:
		return "an object of texts"
	default:
		return "a text"
	}
}

func (s setting) bounds(value float64) string {
	low, errLow := strconv.ParseFloat(s.tag.Get("minimum"), 64)
	high, errHigh := strconv.ParseFloat(s.tag.Get("maximum"), 64)
	if errLow == nil && value < low || errHigh == nil && value > high {
		return fmt.Sprintf("must be from %s to %s", s.tag.Get("minimum"), s.tag.Get("maximum"))
	}
	return ""
}
