// Package templates owns the catalogue of what messages are made of, and compiles
// a content with what it renders of the catalogue. It must not know the store,
// campaigns or how a message travels; the language is templates/liquid's.
package templates

import (
	"context"
	"fmt"
	"time"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates/email"
	"carillon/templates/liquid"
)

// MaxSnippets is how many snippets an account may have.
const MaxSnippets = 1000

// Snippet is a text that templates render by its name. A run keeps those that it
// renders as they were when it was fired.
type Snippet struct {
	AccountID int64
	Name      string // unique in the account; liquid.ValidSnippetName
	Text      string // Liquid, at most liquid.MaxSnippetBytes
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Snippets keeps snippets.
type Snippets interface {
	// ListSnippets lists those behind the name after.
	ListSnippets(ctx context.Context, accountID int64, after string, limit int) ([]Snippet, error)
	// GetSnippet is NotFound if the account has no such snippet.
	GetSnippet(ctx context.Context, accountID int64, name string) (Snippet, error)
	// SaveSnippet refuses a text that can't be rendered: Invalid. A name that is taken
	// by what must be new, more snippets than an account may have, and a text with which
	// a scheduled campaign could no longer be sent are a Conflict.
	SaveSnippet(ctx context.Context, sn Snippet, mustBeNew bool) (Snippet, error)
	// DeleteSnippet is a Conflict that says what uses the snippet, and NotFound if there
	// is none.
	DeleteSnippet(ctx context.Context, accountID int64, name string) error
	// SnippetTexts are the texts of the snippets that are named and of those that
	// they render in turn, by name, except for those that are not there.
	SnippetTexts(ctx context.Context, accountID int64, names []string) (map[string]string, error)
}

// Catalogue is the service for what messages are made of.
type Catalogue struct {
	store  Store
	emails *email.Builder
}

// NewCatalogue makes the service.
func NewCatalogue(store Store) *Catalogue {
	return &Catalogue{store: store, emails: email.NewBuilder()}
}

// ListSnippets lists snippets behind the name after, by name.
func (s *Catalogue) ListSnippets(ctx context.Context, accountID int64, after string, limit int) ([]Snippet, error) {
	return s.store.ListSnippets(ctx, accountID, after, limit)
}

// GetSnippet is one snippet.
func (s *Catalogue) GetSnippet(ctx context.Context, accountID int64, name string) (Snippet, error) {
	return s.store.GetSnippet(ctx, accountID, name)
}

// CreateSnippet keeps a new snippet; a name that is taken is a Conflict.
func (s *Catalogue) CreateSnippet(ctx context.Context, sn Snippet) (Snippet, error) {
	return s.saveSnippet(ctx, sn, true)
}

// SetSnippet keeps a snippet, instead of the one of its name.
func (s *Catalogue) SetSnippet(ctx context.Context, sn Snippet) (Snippet, error) {
	return s.saveSnippet(ctx, sn, false)
}

func (s *Catalogue) saveSnippet(ctx context.Context, sn Snippet, mustBeNew bool) (Snippet, error) {
	var wrong []fault.Field
	if !liquid.ValidSnippetName(sn.Name) {
		wrong = append(wrong, fault.Field{Location: "name", Value: sn.Name, Message: "must have " + liquid.SnippetNameRule})
	}
	if len(sn.Text) > liquid.MaxSnippetBytes {
		wrong = append(wrong, fault.Field{Location: "text", Value: len(sn.Text),
			Message: fmt.Sprintf("at most %d KiB: cut it into several snippets", liquid.MaxSnippetBytes>>10)})
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return Snippet{}, err
	}
	return s.store.SaveSnippet(ctx, sn, mustBeNew)
}

// DeleteSnippet forgets a snippet that nothing uses.
func (s *Catalogue) DeleteSnippet(ctx context.Context, accountID int64, name string) error {
	return s.store.DeleteSnippet(ctx, accountID, name)
}

// CompileResolved is Resolved.Compile with the account's snippets as they are now.
func (s *Catalogue) CompileResolved(ctx context.Context, accountID int64, r Resolved) (*Compiled, error) {
	var texts map[string]string
	if names := r.RenderedBy(); len(names) > 0 {
		var err error
		if texts, err = s.store.SnippetTexts(ctx, accountID, names); err != nil {
			return nil, err
		}
	}
	return r.Compile(texts)
}

// Compile compiles a content with the account's snippets as they are now; Invalid
// names the field and line of what is no template.
func (s *Catalogue) Compile(ctx context.Context, accountID int64, content providers.Content) (*liquid.Content, error) {
	var texts map[string]string
	if names := liquid.RenderedBy(content); len(names) > 0 {
		var err error
		if texts, err = s.store.SnippetTexts(ctx, accountID, names); err != nil {
			return nil, err
		}
	}
	return liquid.Compile(content, texts)
}
