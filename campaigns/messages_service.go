package campaigns

import (
	"context"

	"carillon/contacts"
	"carillon/providers"
)

// MessageStore is what the service for messages needs kept.
type MessageStore interface {
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

// MessageService is what people and programs do with messages. Everything that
// they can get wrong is refused here, with the field and what to do.
type MessageService struct {
	store     MessageStore
	kinds     Kinds
	catalogue *Catalogue
	tokens    Tokens
}

// NewMessageService makes the service.
func NewMessageService(store MessageStore, kinds Kinds, catalogue *Catalogue, tokens Tokens) *MessageService {
	return &MessageService{store: store, kinds: kinds, catalogue: catalogue, tokens: tokens}
}
