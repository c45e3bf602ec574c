// Package naming owns how whoever asks names a thing: by its id, or by its name. It must not
// know what the things are, where they are kept, nor who asks.
package naming

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Kind is a kind of things that have names.
type Kind string

// The kinds. A flow is a campaign, and an upload is called as its file.
const (
	Channel   Kind = "channel"
	Campaign  Kind = "campaign"
	Targeting Kind = "targeting list"
	Upload    Kind = "upload"
	Category  Kind = "category"
	Group     Kind = "group"
	Label     Kind = "label"
	Series    Kind = "series"
	Calendar  Kind = "calendar of holidays"
)

// Kinds are all of them.
func Kinds() []Kind {
	return []Kind{Channel, Campaign, Targeting, Upload, Category, Group, Label, Series, Calendar}
}

// Ref names a thing by its id, or by its name; its zero value names nothing.
type Ref struct {
	ID   int64
	Name string
	// none says that an empty name was given.
	none bool
}

// None says in so many words that there is to be nothing.
func None() Ref { return Ref{none: true} }

// IsNone reports whether somebody said that there is to be nothing.
func (r Ref) IsNone() bool { return r.none }

// Read reads what somebody types: digits are an id, nothing is None.
func Read(text string) (r Ref) {
	if text = strings.TrimSpace(text); text == "" {
		return None()
	}
	if id, err := strconv.ParseInt(text, 10, 64); err == nil && id > 0 {
		return ByID(id)
	}
	return Ref{Name: text}
}

// ByID names a thing by its id.
func ByID(id int64) Ref { return Ref{ID: id} }

// IDs are the ids of things that have been found.
func IDs(refs []Ref) []int64 {
	if refs == nil {
		return nil
	}
	ids := make([]int64, len(refs))
	for i, r := range refs {
		ids[i] = r.ID
	}
	return ids
}

// Refs name things by their ids.
func Refs(ids []int64) []Ref {
	if ids == nil {
		return nil
	}
	refs := make([]Ref, len(ids))
	for i, id := range ids {
		refs[i] = ByID(id)
	}
	return refs
}

// IsZero reports whether it names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// MarshalJSON writes a number, or a name.
func (r Ref) MarshalJSON() ([]byte, error) {
	if r.Name != "" || r.none {
		return json.Marshal(r.Name)
	}
	return json.Marshal(r.ID)
}

// UnmarshalJSON reads a number, which is an id, or a name; an empty one is None.
func (r *Ref) UnmarshalJSON(b []byte) error {
	*r = Ref{}
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '"' {
		err := json.Unmarshal(b, &r.Name)
		r.none = r.Name == ""
		return err
	}
	if json.Unmarshal(b, &r.ID) != nil {
		return errors.New("must be an id or a name")
	}
	return nil
}

// UnmarshalText reads an id, if it is digits, or a name.
func (r *Ref) UnmarshalText(b []byte) error {
	if *r = Read(string(b)); r.none {
		*r = Ref{}
	}
	return nil
}

// Thing is something that has a name.
type Thing struct {
	ID   int64
	Name string
	Kind Kind
}

// Store keeps things that have names.
type Store interface {
	// Named lists the things of a kind that are called exactly so, the newest first, at most
	// MostSame of them.
	Named(ctx context.Context, accountID int64, kind Kind, name string) ([]Thing, error)
	// Newest lists the newest things of a kind, at most MostFolded of them.
	Newest(ctx context.Context, accountID int64, kind Kind) ([]Thing, error)
}

const (
	// MostSame bounds the things of one name.
	MostSame = 11
	// MostFolded bounds the things among which one is looked for whose name differs in case.
	MostFolded = 10_000
	// MostNames bounds the names that one request may give.
	MostNames = 100
	// mostShown is how many names there are is said.
	mostShown = 10
)

// Found is what there is of a name.
type Found struct {
	// Things are those of this name. One alone is meant.
	Things []Thing
	// Others are the names that there are, where nothing is called so; nil where there are more
	// than a few.
	Others []string
}

// Finder finds things for one request.
type Finder struct {
	store     Store
	accountID int64
	newest    map[Kind][]Thing
}

// For finds things of an account.
func For(store Store, accountID int64) *Finder {
	return &Finder{store: store, accountID: accountID, newest: map[Kind][]Thing{}}
}

// Find looks for a thing of one of the kinds: for the name as it is, else for one that differs in
// case alone.
func (f *Finder) Find(ctx context.Context, name string, kinds []Kind) (found Found, err error) {
	for _, kind := range kinds {
		same, err := f.store.Named(ctx, f.accountID, kind, name)
		if err != nil {
			return found, err
		}
		found.Things = append(found.Things, same...)
	}
	if len(found.Things) > 0 {
		return found, nil
	}
	names := map[string]bool{}
	for _, kind := range kinds {
		all, err := f.newestOf(ctx, kind)
		if err != nil {
			return found, err
		}
		for _, thing := range all {
			if strings.EqualFold(thing.Name, name) && len(found.Things) < MostSame {
				found.Things = append(found.Things, thing)
			}
			if !names[thing.Name] && len(names) <= mostShown {
				names[thing.Name] = true
				found.Others = append(found.Others, thing.Name)
			}
		}
	}
	if len(found.Things) > 0 || len(found.Others) > mostShown {
		found.Others = nil
	}
	return found, nil
}

// newestOf reads a kind once.
func (f *Finder) newestOf(ctx context.Context, kind Kind) ([]Thing, error) {
	if known, ok := f.newest[kind]; ok {
		return known, nil
	}
	all, err := f.store.Newest(ctx, f.accountID, kind)
	if err == nil {
		f.newest[kind] = all
	}
	return all, err
}
