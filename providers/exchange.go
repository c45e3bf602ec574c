package providers

import (
	"encoding/json"
	"reflect"
	"time"

	"carillon/internal/secret"
)

// Replaced is what a secret was before, which is taken until its time is over.
type Replaced struct {
	Secret secret.String
	EndsAt time.Time
}

// Equal reports whether the same is taken until the same time.
func (r Replaced) Equal(other Replaced) bool {
	return r.Secret.Equal(other.Secret.Reveal()) && r.EndsAt.Equal(other.EndsAt)
}

// Exchange is what a change of a configuration does to its secrets.
type Exchange struct {
	// Before and After are the secrets by the names of their settings, those of a map such as
	// headers.Authorization.
	Before, After map[string]secret.String
	// Presented are the settings of secrets by which a provider proves itself at
	// /hooks/{channel_id}: what one was before can be taken for a time.
	Presented []string
	// Moved are the settings, as in config.host, that say where secrets go and that change.
	Moved []string
}

// exchange compares the secrets of two configurations; one that can't be read has none.
func exchange(config any, before, after json.RawMessage) (Exchange, error) {
	was, err := object(before)
	if err != nil {
		return Exchange{}, err
	}
	is, err := object(after)
	if err != nil {
		return Exchange{}, err
	}
	settings := settingsOf(reflect.TypeOf(config).Elem())
	x := Exchange{Before: secretsOf(settings, was), After: secretsOf(settings, is), Moved: changedDestinations(settings, was, is)}
	for _, s := range settings {
		if s.presented() {
			x.Presented = append(x.Presented, s.name)
		}
	}
	return x, nil
}

// secretsOf are the secrets that are given, by the names of their settings.
func secretsOf(settings []setting, given map[string]json.RawMessage) map[string]secret.String {
	found := map[string]secret.String{}
	take := func(name string, raw json.RawMessage) {
		var value secret.String
		if json.Unmarshal(raw, &value) == nil && !value.Empty() {
			found[name] = value
		}
	}
	for _, s := range settings {
		switch s.typ {
		case secretType:
			take(s.name, given[s.name])
		case secretMapType:
			for name, raw := range texts(given[s.name]) {
				take(s.name+"."+name, raw)
			}
		}
	}
	return found
}

// Taken are the secrets of a setting that are taken now: the present one, and the one before
// it for as long as that is taken. Without a present one nothing is.
func (d Deps) Taken(setting string, present secret.String) []secret.String {
	if present.Empty() {
		return nil
	}
	if was, ok := d.Replaced[setting]; ok && d.Clock.Now().Before(was.EndsAt) {
		return []secret.String{present, was.Secret}
	}
	return []secret.String{present}
}

// Takes reports whether what somebody presents is a secret of a setting that is taken now, in a
// time that does not tell which, nor how much of it is right.
func (d Deps) Takes(setting string, present secret.String, presented string) (right bool) {
	for _, s := range d.Taken(setting, present) {
		right = s.Equal(presented) || right
	}
	return right
}
