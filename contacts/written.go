package contacts

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/providers"
)

// WrittenStore keeps how programs wrote what Carillon keeps in its own form.
type WrittenStore interface {
	// SetWritten notes how an address of a contact was written; it lasts as long as the
	// address does.
	SetWritten(ctx context.Context, of Holding, written string) error
	// Written is how an address was written; empty for as it is kept.
	Written(ctx context.Context, of Holding) (string, error)
	// SetListCalled notes what a program called a list.
	SetListCalled(ctx context.Context, accountID, listID int64, called string) error
}

// Holding is an address that a contact of an account holds.
type Holding struct {
	AccountID, ContactID int64
	Kind                 providers.AddressKind
}

// Written is the service for how programs wrote what Carillon keeps in its own form. It is
// safe for concurrent use.
type Written struct {
	WrittenStore
	lists *Lists
}

// NewWritten makes the service.
func NewWritten(store WrittenStore, lists *Lists) *Written { return &Written{store, lists} }

// mostAlike bounds how many lists may be called the same.
const mostAlike = 100

// CreateAlike makes a list also where another has its name: then its own gets a number, and
// Called says how it was called.
func (s *Written) CreateAlike(ctx context.Context, l List) (made List, err error) {
	called, err := s.alike(l.Name, func(name string) error {
		l.Name = name
		made, err = s.lists.Create(ctx, l)
		return err
	})
	if err == nil && called != "" {
		made.Called = called
		err = s.SetListCalled(ctx, l.AccountID, made.ID, called)
	}
	return made, err
}

// maxWritten is the longest form of an address, in letters.
const maxWritten = 320

// Note notes how an address was written, and empty that it is as it is kept.
func (s *Written) Note(ctx context.Context, of Holding, written string) error {
	if !utf8.ValidString(written) || utf8.RuneCountInString(written) > maxWritten || strings.ContainsFunc(written, unicode.IsControl) {
		return fault.InvalidField("written", nil, "is not text of at most %d letters without control characters", maxWritten)
	}
	return s.SetWritten(ctx, of, written)
}

// Rename renames a list as CreateAlike names one.
func (s *Written) Rename(ctx context.Context, l List, name string) error {
	called, err := s.alike(name, func(name string) error {
		_, err := s.lists.Update(ctx, l.AccountID, l.Kind, l.ID, ListChange{Name: &name})
		return err
	})
	if err == nil {
		err = s.SetListCalled(ctx, l.AccountID, l.ID, called)
	}
	return err
}

// alike has a name given, with a number where it is taken; called is the name itself then.
func (s *Written) alike(name string, give func(name string) error) (called string, err error) {
	err = give(name)
	for n := 2; fault.Is(err, fault.Conflict) && n <= mostAlike; n++ {
		if err = give(fmt.Sprintf("%s (%d)", name, n)); err == nil {
			return name, nil
		}
	}
	return "", err
}
