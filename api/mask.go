package api

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"carillon/access"
	"carillon/contacts"
	"carillon/contacts/value"
	"carillon/providers"
)

// Masked stands in an answer in the place of what the caller's role may not see.
const Masked = "•••"

// personalTag marks fields of answers that hold what is known of contacts: addresses, names,
// attributes (a map by the keys of properties), or texts, which may hold any of it.
const personalTag = "personal"

// mask takes out of an answer what its caller may not see of contacts.
func (s *Server) mask(ctx context.Context, caller access.Caller, out any) error {
	hidden, err := s.hidden(ctx, caller)
	if err != nil || !hidden.Texts() {
		return err
	}
	masking(hidden).walk(reflect.ValueOf(out))
	return nil
}

// hidden is what a caller may not see of contacts.
func (s *Server) hidden(ctx context.Context, caller access.Caller) (access.Hidden, error) {
	if caller.Role == access.Admin {
		return access.Hidden{}, nil
	}
	settings, err := s.Settings.Get(ctx, caller.AccountID)
	return settings.Masked.For(caller.Role), err
}

// showsPeople reports whether something of a type is marked.
func showsPeople(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return showsPeople(t.Elem(), seen)
	case reflect.Struct:
		for field := range t.Fields() {
			if field.Tag.Get(personalTag) != "" || field.IsExported() && showsPeople(field.Type, seen) {
				return true
			}
		}
	}
	return false
}

// masking hides what is marked. It changes nothing that others may hold: what is behind a
// pointer, in a list or in a map is copied where it hides something.
type masking access.Hidden

func (m masking) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			m.walk(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		if showsPeople(v.Type().Elem(), map[reflect.Type]bool{}) {
			for i := range v.Len() {
				m.walk(v.Index(i))
			}
		}
	case reflect.Struct:
		for field, item := range v.Fields() {
			switch class := field.Tag.Get(personalTag); {
			case !field.IsExported():
			case class != "":
				m.hide(class, item)
			default:
				m.walk(item)
			}
		}
	}
}

// hide hides a field of a class.
func (m masking) hide(class string, v reflect.Value) {
	hidden := access.Hidden(m)
	switch {
	case class == "attributes":
		m.hideKeys(v)
	case class == "addresses" && hidden.Addresses, class == "names" && hidden.Names, class == "texts" && hidden.Texts():
		v.Set(blank(v))
	}
}

// hideKeys hides the values of some keys of a map.
func (m masking) hideKeys(v reflect.Value) {
	if v.IsNil() {
		return
	}
	shown := reflect.MakeMapWithSize(v.Type(), v.Len())
	for key, item := range v.Seq2() {
		if access.Hidden(m).Attribute(key.String()) {
			item = blank(item)
		}
		shown.SetMapIndex(key, item)
	}
	v.Set(shown)
}

// blank is a value with Masked in the place of every text in it; nothing stays nothing, so that
// one sees what is not known at all.
func blank(v reflect.Value) reflect.Value {
	masked := reflect.New(v.Type()).Elem()
	switch {
	case v.IsZero():
	case v.Type() == reflect.TypeFor[json.RawMessage]():
		masked.SetBytes([]byte(`"` + Masked + `"`))
	case v.Kind() == reflect.String:
		masked.SetString(Masked)
	case v.Kind() == reflect.Interface:
		masked.Set(reflect.ValueOf(Masked))
	case v.Kind() == reflect.Pointer:
		masked.Set(reflect.New(v.Type().Elem()))
		masked.Elem().Set(blank(v.Elem()))
	case v.Kind() == reflect.Map:
		masked.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for key, item := range v.Seq2() {
			masked.SetMapIndex(key, blank(item))
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		masked.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			masked.Index(i).Set(blank(v.Index(i)))
		}
	case v.Kind() == reflect.Struct:
		for field, item := range v.Fields() {
			if field.IsExported() {
				masked.FieldByIndex(field.Index).Set(blank(item))
			}
		}
	}
	return masked
}

// hidesColumn reports whether a column of a file is left out of it, by the name that exports and
// lists give to what is in it.
func hidesColumn(h access.Hidden, name string) bool {
	key, attribute := strings.CutPrefix(name, contacts.AttributePrefix)
	switch {
	case attribute:
		return h.Attribute(key)
	case name == "address", value.KindIndex(providers.AddressKind(name)) >= 0:
		return h.Addresses
	case slices.Contains([]string{"external_id", "name", "first_name", "last_name"}, name):
		return h.Names
	case slices.Contains([]string{"text", "value", "detail"}, name):
		return h.Texts()
	}
	return false
}
