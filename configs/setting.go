package configs

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"carillon/internal/secret"
)

// Setting describes one setting to the command line, the documentation and the
// loader.
type Setting struct {
	// Name is its name in the file.
	Name string
	// Default is what holds if nobody says anything, as text.
	Default string
	Doc     string
	// Secret says that the value is never shown and that there are settings with the suffixes
	// of ways, which say where it is.
	Secret bool
	// Enum lists the values that are allowed; empty for others.
	Enum             []string
	minimum, maximum string
	index            int
	kind             reflect.Kind
}

// Env is the environment variable.
func (s Setting) Env() string { return "CARILLON_" + strings.ToUpper(s.Name) }

// Flag is the flag's name without dashes; empty for secrets, whose FileFlag
// there is instead.
func (s Setting) Flag() string {
	if s.Secret {
		return ""
	}
	return strings.ReplaceAll(s.Name, "_", "-")
}

// FileFlag is the flag that names a secret's file; empty for other settings.
func (s Setting) FileFlag() string {
	if !s.Secret {
		return ""
	}
	return strings.ReplaceAll(s.Name, "_", "-") + "-file"
}

// Bool reports whether the setting is a switch.
func (s Setting) Bool() bool { return s.kind == reflect.Bool }

// Settings are all settings, in the order of the documentation.
func Settings() []Setting {
	t := reflect.TypeFor[Config]()
	var all []Setting
	for i := range t.NumField() {
		field := t.Field(i)
		name := field.Tag.Get("koanf")
		if name == "" {
			continue
		}
		s := Setting{
			Name: name, Default: field.Tag.Get("default"), Doc: field.Tag.Get("doc"),
			Secret: field.Type == reflect.TypeFor[secret.String](), index: i, kind: field.Type.Kind(),
			minimum: field.Tag.Get("minimum"), maximum: field.Tag.Get("maximum"),
		}
		if enum := field.Tag.Get("enum"); enum != "" {
			s.Enum = strings.Split(enum, ",")
		}
		all = append(all, s)
	}
	return all
}

// set reads text into the setting's field and says what is wrong with it; empty
// if nothing is.
func (s Setting) set(c *Config, text string) string {
	field := reflect.ValueOf(c).Elem().Field(s.index)
	if u, ok := field.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return err.Error()
		}
		return ""
	}
	switch s.kind {
	case reflect.String:
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
			return "must be one of " + strings.Join(s.Enum, ", ")
		}
		field.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return "must be true or false"
		}
		field.SetBool(b)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return "must be a whole number"
		}
		field.SetInt(int64(n))
		return s.bounds(float64(n))
	case reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || n != n {
			return "must be a number"
		}
		field.SetFloat(n)
		return s.bounds(n)
	default:
		return fmt.Sprintf("is of a kind that the configuration doesn't know: %s", s.kind)
	}
	return ""
}

func (s Setting) bounds(n float64) string {
	low, errLow := strconv.ParseFloat(s.minimum, 64)
	high, errHigh := strconv.ParseFloat(s.maximum, 64)
	if (errLow == nil && n < low) || (errHigh == nil && n > high) {
		return fmt.Sprintf("must be from %s to %s", s.minimum, s.maximum)
	}
	return ""
}

// shown is the setting's value in c as it may be printed.
func (s Setting) shown(c Config) string {
	return fmt.Sprint(reflect.ValueOf(c).Field(s.index).Interface())
}
