package messages

import (
	"context"

	"carillon/contacts"
)

// Preferences is what the recipient behind a link chooses among.
type Preferences struct {
	Unsubscriber
	contacts.Topics
	Visitor
}

// Visitor is whose page one is.
type Visitor struct {
	Brand Brand
	// ContactID is 0 where nobody known holds the address.
	ContactID int64
	// Language is the contact's; may be empty.
	Language string
}

// Preferences reads the token of a link and finds what its recipient gets. A token that
// was not made here is NotFound.
func (s *Service) Preferences(ctx context.Context, token string) (p Preferences, err error) {
	if p.Unsubscriber, err = s.Unsubscriber(ctx, token); err != nil {
		return p, err
	}
	if p.Visitor, err = s.store.Visitor(ctx, p.AccountID, p.Kind, p.Address); err != nil {
		return p, err
	}
	p.Topics, err = s.store.Topics(ctx, p.AccountID, p.Kind, p.Address)
	return p, err
}

// Choice is what a recipient chose.
type Choice struct {
	// Everything is contacts.OptOut or OptIn for all campaigns; empty leaves that.
	Everything contacts.ConsentAction
	// Shown are the categories that the recipient saw, Wanted those of them to get; what
	// was not shown stays as it is.
	Shown, Wanted []int64
	// Language is what to speak from now on; empty leaves it.
	Language string
}

// Choose carries out what a recipient chose, and records what is different now. It binds
// when it returns.
func (s *Service) Choose(ctx context.Context, token string, choice Choice) (Preferences, error) {
	p, err := s.Preferences(ctx, token)
	if err != nil {
		return p, err
	}
	change := p.change(contacts.SourcePreferences)
	do := map[contacts.ConsentAction]func(context.Context, contacts.ConsentChange) (contacts.ConsentResult, error){
		contacts.OptOut: s.store.OptOut, contacts.OptIn: s.store.OptIn,
	}
	if act := do[choice.Everything]; act != nil && (choice.Everything == contacts.OptOut) != p.Suppressed {
		if _, err := act(ctx, change); err != nil {
			return p, err
		}
	}
	if choice.Language != "" && choice.Language != p.Language && p.ContactID != 0 {
		if err := s.store.ChooseLanguage(ctx, p.AccountID, p.ContactID, choice.Language); err != nil {
			return p, err
		}
	}
	shown, wanted := map[int64]bool{}, map[int64]bool{}
	for _, id := range choice.Shown {
		shown[id] = true
	}
	for _, id := range choice.Wanted {
		wanted[id] = true
	}
	for _, topic := range p.List {
		if !shown[topic.ID] || wanted[topic.ID] == topic.Wanted {
			continue
		}
		change.CategoryID = topic.ID
		act := s.store.OptOut
		if wanted[topic.ID] {
			act = s.store.OptIn
		}
		if _, err := act(ctx, change); err != nil {
			return p, err
		}
	}
	return s.Preferences(ctx, token)
}
