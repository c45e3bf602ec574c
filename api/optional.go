package api

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// Optional is a field of a change: absent leaves things as they are, null takes
// them away.
type Optional[T any] struct {
	// Given says that the field was there, Null that it was null.
	Given, Null bool
	Value       T
}

// Given is a field with a value.
func Given[T any](value T) Optional[T] { return Optional[T]{Given: true, Value: value} }

// UnmarshalJSON notes whether the field was there.
func (o *Optional[T]) UnmarshalJSON(b []byte) error {
	o.Given = true
	if string(b) == "null" {
		o.Null = true
		return nil
	}
	return json.Unmarshal(b, &o.Value)
}

// MarshalJSON writes what UnmarshalJSON reads; a field that was not given is
// left out by omitzero.
func (o Optional[T]) MarshalJSON() ([]byte, error) {
	if !o.Given || o.Null {
		return []byte("null"), nil
	}
	return json.Marshal(o.Value)
}

// IsZero reports whether the field was not given.
func (o Optional[T]) IsZero() bool { return !o.Given }

// Schema is that of the value, or null.
func (o Optional[T]) Schema(r huma.Registry) *huma.Schema {
	s := huma.SchemaFromType(r, reflect.TypeFor[T]())
	if s.Ref == "" && s.Type != "" {
		s.Nullable = true
	}
	return s
}

// pointer is nil for a field that was not given, and the zero value for null,
// which erases what a text or a number says.
func (o Optional[T]) pointer() *T {
	if !o.Given {
		return nil
	}
	return &o.Value
}

// text is what a field that may be missing says.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
