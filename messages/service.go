package messages

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"carillon/contacts"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates"
)

// Archive looks messages up.
type Archive interface {
	// ListMessages lists in the order of ids, behind After.
	ListMessages(ctx context.Context, f MessageFilter) ([]Message, error)
	// GetMessage is NotFound if the account has no such message.
	GetMessage(ctx context.Context, accountID, id int64) (Message, error)
	// SentBy reports whether a sender sent a message.
	SentBy(ctx context.Context, senderID, id int64) (bool, error)
	// Transitions are a message's moves off the plain way, in order; none of a message
	// that there is not.
	Transitions(ctx context.Context, messageID int64) ([]Transition, error)
	// MessageContent is the content of a transactional message as JSON; empty for a
	// campaign's.
	MessageContent(ctx context.Context, id int64) ([]byte, error)
}

// Mover moves single messages.
type Mover interface {
	// ResendMessage gives a message whose case is over another try. It is NotFound if
	// the account has no such message, and a Conflict if it is in another state, or
	// nothing of its campaign is sent any more.
	ResendMessage(ctx context.Context, accountID, id int64, actor string) (Message, error)
	// CancelMessage cancels a message that has not been claimed. It is NotFound if the
	// account has no such message, and a Conflict if it is in another state.
	CancelMessage(ctx context.Context, accountID, id int64, actor string) (Message, error)
}

// Outbox takes single messages in.
type Outbox interface {
	// CreateMessage keeps a message, which is sent from then on. A channel that there is
	// not is Invalid.
	CreateMessage(ctx context.Context, o Outgoing) (Message, error)
	// GetChannel is NotFound if the account has no such channel.
	GetChannel(ctx context.Context, accountID, id int64) (providers.Channel, error)
	// AccountName is the name of an account.
	AccountName(ctx context.Context, accountID int64) (string, error)
	// GetContact is NotFound if the account has no such contact.
	GetContact(ctx context.Context, accountID, id int64) (contacts.Contact, error)
	// WhySuppressed is why an address is suppressed; empty where it is not.
	WhySuppressed(ctx context.Context, accountID int64, kind providers.AddressKind, address string) (reason string, err error)
	// HeardAt is when an address wrote to a channel last; zero where it did not within eight days.
	HeardAt(ctx context.Context, channelID int64, address string) (time.Time, error)
	// TemplateNames are the columns of uploads and the keys of properties that templates
	// may name.
	TemplateNames(ctx context.Context, accountID int64, uploads []int64) (columns, attributes []string, err error)
	// OptOut and OptIn are those of contacts.ConsentStore, with their errors.
	OptOut(ctx context.Context, c contacts.ConsentChange) (contacts.ConsentResult, error)
	OptIn(ctx context.Context, c contacts.ConsentChange) (contacts.ConsentResult, error)
	// Topics is what an address gets of campaigns.
	Topics(ctx context.Context, accountID int64, kind providers.AddressKind, address string) (contacts.Topics, error)
	// Visitor says whose page one is: how the account shows itself, and who holds the
	// address.
	Visitor(ctx context.Context, accountID int64, kind providers.AddressKind, address string) (Visitor, error)
	// ChooseLanguage writes the language that a contact chose on its own page.
	ChooseLanguage(ctx context.Context, accountID, contactID int64, language string) error
}

// Store is what the service for messages needs kept.
type Store interface {
	Archive
	Mover
	Outbox
	Settler
}

// Kinds describes the providers; *providers.Registry does.
type Kinds interface {
	// Kind is Invalid if there is no provider of the name.
	Kind(name string) (providers.Kind, error)
	// ReplyWindow is for how long after somebody has written to a channel it may send them
	// anything; 0 where it may always, or does not hear who has written.
	ReplyWindow(name string, config json.RawMessage) (time.Duration, error)
}

// Service is what people and programs do with messages. Everything that
// they can get wrong is refused here, with the field and what to do.
type Service struct {
	store     Store
	kinds     Kinds
	catalogue *templates.Catalogue
	tokens    Tokens
	fetcher   Fetcher
	files     *Files
	clock     clock.Clock
}

// Fetcher reads documents; *fetch.Fetcher does.
type Fetcher interface {
	// Look looks at what lies at an address, and counts up to most bytes of it. Its errors are
	// JSON's.
	Look(ctx context.Context, address string, most int64) (providers.Looked, error)
	// JSON reads a document of at most the bytes given, guarded and bounded in time. It is
	// Invalid where no later try can do better, and else Unavailable; the message says
	// in a sentence what the far end did.
	JSON(ctx context.Context, address string, most int) ([]byte, error)
}

// Deps is what the service is made of; all fields are needed.
type Deps struct {
	Store     Store
	Kinds     Kinds
	Catalogue *templates.Catalogue
	Tokens    Tokens
	Fetcher   Fetcher
	Files     *Files
	Clock     clock.Clock
}

// NewService makes the service.
func NewService(d Deps) *Service {
	return &Service{store: d.Store, kinds: d.Kinds, catalogue: d.Catalogue, tokens: d.Tokens, fetcher: d.Fetcher, files: d.Files, clock: d.Clock}
}

// List lists messages in the order of their ids, behind After.
func (s *Service) List(ctx context.Context, f MessageFilter) ([]Message, error) {
	return s.store.ListMessages(ctx, f)
}

// eachPage is how many messages Each reads at a time, the most that a filter takes.
const eachPage = 1000

// Each goes through messages in the order of their ids, a page at a time, so that any
// number can be streamed; an error ends it.
func (s *Service) Each(ctx context.Context, f MessageFilter) iter.Seq2[Message, error] {
	f.Limit = eachPage
	return func(yield func(Message, error) bool) {
		for {
			list, err := s.store.ListMessages(ctx, f)
			if err != nil {
				yield(Message{}, err)
				return
			}
			for _, m := range list {
				if !yield(m, nil) {
					return
				}
				f.After = m.ID
			}
			if len(list) < f.Limit {
				return
			}
		}
	}
}

// Get is one message; NotFound if the account has no such message.
func (s *Service) Get(ctx context.Context, accountID, id int64) (Message, error) {
	return s.store.GetMessage(ctx, accountID, id)
}

// GetOf is Get for a sender who sees the own messages alone; 0 sees those of all.
func (s *Service) GetOf(ctx context.Context, accountID, senderID, id int64) (Message, error) {
	if senderID != 0 {
		own, err := s.store.SentBy(ctx, senderID, id)
		if err == nil && !own {
			err = fault.New(fault.NotFound, "there is no message %d that this sender has sent", id)
		}
		if err != nil {
			return Message{}, err
		}
	}
	return s.Get(ctx, accountID, id)
}

// History is every state that a message passed, in order.
func (s *Service) History(ctx context.Context, m Message) ([]Passage, error) {
	moves, err := s.store.Transitions(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	return History(m, moves), nil
}

// Content is what a transactional message says; nil for one of a campaign, whose run
// has the content.
func (s *Service) Content(ctx context.Context, m Message) (*providers.Content, error) {
	raw, err := s.store.MessageContent(ctx, m.ID)
	if err != nil || len(raw) == 0 {
		return nil, err
	}
	content := &providers.Content{}
	if err := json.Unmarshal(raw, content); err != nil {
		return nil, err
	}
	if content.Masked { // it is for who sends it alone
		return &providers.Content{Masked: true}, nil
	}
	return content, nil
}

// Resend gives a failed, rejected or doubtful message another try. A finished run is
// opened again until it is settled. A message in another state is a Conflict, one
// that there isn't NotFound.
func (s *Service) Resend(ctx context.Context, accountID, id int64, actor string) (Message, error) {
	return s.store.ResendMessage(ctx, accountID, id, actor)
}

// Cancel cancels a message that has not been claimed. A message in another state is a
// Conflict, one that there isn't NotFound.
func (s *Service) Cancel(ctx context.Context, accountID, id int64, actor string) (Message, error) {
	return s.store.CancelMessage(ctx, accountID, id, actor)
}
