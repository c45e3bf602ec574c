package providers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

// publicConfig is config with every secret masked; with addresses false also
// what addresses carry behind the host, because many a webhook's key is a part
// of its URL. Settings that the struct doesn't know are left out, because nobody
// can say whether they are secret.
func publicConfig(config any, raw json.RawMessage, addresses bool) (json.RawMessage, error) {
	given, err := object(raw)
	if err != nil {
		return nil, err
	}
	shown := make(map[string]json.RawMessage, len(given))
	mask, _ := json.Marshal(secret.Redacted)
	for _, s := range settingsOf(reflect.TypeOf(config).Elem()) {
		value, ok := given[s.name]
		switch {
		case !ok:
			continue
		case s.typ == secretType:
			if string(value) != `""` && string(value) != "null" {
				value = mask
			}
		case s.typ == secretMapType:
			values := map[string]json.RawMessage{}
			if json.Unmarshal(value, &values) != nil {
				continue
			}
			for name := range values {
				values[name] = mask
			}
			if value, err = json.Marshal(values); err != nil {
				return nil, fmt.Errorf("encode setting %s: %w", s.name, err)
			}
		case s.tag.Get("format") == "uri" && !addresses:
			var text string
			if json.Unmarshal(value, &text) != nil {
				continue
			}
			if value, err = json.Marshal(hostOnly(text)); err != nil {
				return nil, fmt.Errorf("encode setting %s: %w", s.name, err)
			}
		}
		shown[s.name] = value
	}
	return json.Marshal(shown)
}

// hostOnly is an address up to its host; what follows, and a name or password
// before it, is masked.
func hostOnly(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return secret.Redacted
	}
	host := u.Scheme + "://" + u.Host
	if u.User == nil && (u.Path == "" || u.Path == "/") && u.RawQuery == "" && u.Fragment == "" {
		return host
	}
	return host + "/" + secret.Redacted
}

// mergeConfig is update with the secrets that it leaves out, or sends back
// masked, taken from stored. An empty text removes a secret. Secrets are bound
// to where they go: if a setting changes that is a destination, none is taken
// over, and an error names each that has to be given anew.
func mergeConfig(config any, stored, update json.RawMessage) (json.RawMessage, error) {
	before, err := object(stored)
	if err != nil {
		return nil, err
	}
	after, err := object(update)
	if err != nil {
		return nil, err
	}
	settings := settingsOf(reflect.TypeOf(config).Elem())
	moved := changedDestinations(settings, before, after)
	var wrong []fault.Field
	for _, s := range settings {
		old, had := before[s.name]
		if !had || !s.isSecret() || isNothing(old) {
			continue
		}
		kept, err := s.keep(old, after)
		if err != nil {
			return nil, err
		}
		if kept && len(moved) > 0 {
			wrong = append(wrong, fault.Field{Location: s.location(), Message: fmt.Sprintf(
				"must be given anew%s, because %s changes: what is stored was given for where it went until now", s.orRemoved(), strings.Join(moved, " and "))})
		}
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return nil, err
	}
	return json.Marshal(after)
}

// changedDestinations are the settings, as in config.host, that say where
// secrets go and that differ, a default being equal to nothing.
func changedDestinations(settings []setting, before, after map[string]json.RawMessage) (changed []string) {
	for _, s := range settings {
		if s.destination() && s.effective(before) != s.effective(after) {
			changed = append(changed, s.location())
		}
	}
	return changed
}

// effective is a setting's value in one form, so that what means the same is
// equal.
func (s setting) effective(given map[string]json.RawMessage) string {
	value := given[s.name]
	if len(value) == 0 || string(value) == "null" {
		value = s.fallback()
	}
	field := reflect.New(s.typ)
	if len(value) > 0 && json.Unmarshal(value, field.Interface()) != nil {
		return string(value) // DecodeConfig says what is wrong with it
	}
	return fmt.Sprint(field.Elem().Interface())
}

// keep puts what is stored of a secret into an update that leaves it out or
// masks it, and reports whether it did.
func (s setting) keep(old json.RawMessage, update map[string]json.RawMessage) (kept bool, err error) {
	value, given := update[s.name]
	if !given {
		update[s.name] = old
		return true, nil
	}
	if s.typ == secretType {
		if kept = isText(value, secret.Redacted); kept {
			update[s.name] = old
		}
		return kept, nil
	}
	values, olds := texts(value), texts(old)
	if values == nil {
		return false, nil // DecodeConfig says what is wrong with it
	}
	for name, each := range values {
		if stored, ok := olds[name]; ok && isText(each, secret.Redacted) {
			values[name], kept = stored, true
		}
	}
	if update[s.name], err = json.Marshal(values); err != nil {
		return false, fmt.Errorf("encode setting %s: %w", s.name, err)
	}
	return kept, nil
}

// orRemoved says how a secret is removed, if there may be none.
func (s setting) orRemoved() string {
	switch {
	case s.required:
		return ""
	case s.typ == secretMapType:
		return ", or removed with {}"
	default:
		return `, or removed with ""`
	}
}

// isNothing reports whether a stored secret holds none.
func isNothing(raw json.RawMessage) bool {
	return slices.Contains([]string{"", "null", `""`, "{}"}, string(bytes.TrimSpace(raw)))
}

// texts are the members of an object; nil if it is none.
func texts(raw json.RawMessage) (members map[string]json.RawMessage) {
	if json.Unmarshal(raw, &members) != nil {
		return nil
	}
	return members
}

func isText(raw json.RawMessage, text string) bool {
	var s string
	return json.Unmarshal(raw, &s) == nil && s == text
}
