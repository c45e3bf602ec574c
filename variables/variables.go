// Package variables owns the values that the programs of an account share: a name, and any
// JSON. It must not know the store or HTTP, nor what a program does with a value.
package variables

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"carillon/internal/fault"
)

// Variable is a value that programs share. It is no place for secrets: every key that may
// look at contacts sees it.
type Variable struct {
	AccountID int64
	Name      string
	// Value is JSON of any sort.
	Value json.RawMessage
	// Group and Description are for people; both may be empty.
	Group, Description string
	// Disabled has programs take it for one that is not there.
	Disabled             bool
	CreatedAt, UpdatedAt time.Time
}

// Bounds of variables.
const (
	// MostVariables is how many an account may have.
	MostVariables = 1000
	// MaxValue is in bytes.
	MaxValue       = 16 << 10
	maxDescription = 500
)

var nameForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,99}$`)

// Store keeps variables.
type Store interface {
	// GetVariable is NotFound if there is none.
	GetVariable(ctx context.Context, accountID int64, name string) (Variable, error)
	// ListVariables lists those behind the name after, by name.
	ListVariables(ctx context.Context, accountID int64, after string, limit int) ([]Variable, error)
	// SetVariable keeps a variable, new or instead of the one of its name; a Conflict if
	// there are too many.
	SetVariable(ctx context.Context, v Variable, most int) (Variable, error)
	// DeleteVariable is NotFound if there is none.
	DeleteVariable(ctx context.Context, accountID int64, name string) error
}

// Service is what people and programs do with variables. It is safe for concurrent use.
type Service struct{ store Store }

// NewService makes the service.
func NewService(store Store) *Service { return &Service{store} }

// Get is one variable.
func (s *Service) Get(ctx context.Context, accountID int64, name string) (Variable, error) {
	return s.store.GetVariable(ctx, accountID, name)
}

// List lists variables behind the name after, by name.
func (s *Service) List(ctx context.Context, accountID int64, after string, limit int) ([]Variable, error) {
	return s.store.ListVariables(ctx, accountID, after, limit)
}

// Set checks and keeps a variable, new or instead of the one of its name.
func (s *Service) Set(ctx context.Context, v Variable) (Variable, error) {
	var wrong []fault.Field
	add := func(location string, value any, message string) {
		wrong = append(wrong, fault.Field{Location: location, Value: value, Message: message})
	}
	if !nameForm.MatchString(v.Name) {
		add("name", v.Name, "has 1 to 100 letters from A to Z, digits, - _ and ., and begins with a letter: such as support.hours")
	}
	switch {
	case len(v.Value) > MaxValue:
		add("value", len(v.Value), "has at most 16384 bytes")
	case !json.Valid(v.Value) || !utf8.Valid(v.Value):
		add("value", nil, `must be JSON, such as "a text", 3 or {"from": 9}`)
	case strings.Contains(string(v.Value), `\u0000`):
		add("value", nil, "must have no NUL in it")
	}
	for location, text := range map[string]string{"group": v.Group, "description": v.Description} {
		if utf8.RuneCountInString(text) > maxDescription || strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
			add(location, nil, "must be text of at most 500 letters")
		}
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return Variable{}, err
	}
	return s.store.SetVariable(ctx, v, MostVariables)
}

// Delete forgets a variable.
func (s *Service) Delete(ctx context.Context, accountID int64, name string) error {
	return s.store.DeleteVariable(ctx, accountID, name)
}
