package messages

import (
	"context"

	"carillon/contacts"
	"carillon/providers"
	"carillon/templates"
)

// Store is what the service for messages needs kept.
type Store interface {
	Settler
	GetMessage(ctx context.Context, accountID, id int64) (Message, error)
	CreateMessage(ctx context.Context, o Outgoing) (Message, error)
	GetChannel(ctx context.Context, accountID, id int64) (providers.Channel, error)
	GetContact(ctx context.Context, accountID, id int64) (contacts.Contact, error)
	OptOut(ctx context.Context, c contacts.ConsentChange) (contacts.ConsentResult, error)
}

// Kinds describes the providers; *providers.Registry does.
type Kinds interface {
	Kind(name string) (providers.Kind, error)
}

// Service is what people and programs do with messages. Everything that
// they can get wrong is refused here, with the field and what to do.
type Service struct {
	store     Store
	kinds     Kinds
	catalogue *templates.Catalogue
	tokens    Tokens
}

// NewService makes the service.
func NewService(store Store, kinds Kinds, catalogue *templates.Catalogue, tokens Tokens) *Service {
	return &Service{store: store, kinds: kinds, catalogue: catalogue, tokens: tokens}
}
