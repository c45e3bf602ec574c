package contacts

import (
	"context"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"carillon/internal/fault"
)

// The longest names of lists and their longest description, in characters. A
// category's is what recipients see when they choose.
const (
	maxGroupName       = 255
	maxCategoryName    = 100
	maxListDescription = 1000
)

// maxMembersAtOnce bounds the contacts that one request adds or removes; more
// come by an upload or a bulk operation.
const maxMembersAtOnce = 10_000

// NamedKinds are the kinds of lists that people make and name; uploads make
// theirs by themselves.
func NamedKinds() []ListKind { return []ListKind{Group, Category, Label} }

// MemberChange adds contacts to a list or takes them out.
type MemberChange struct {
	AccountID int64
	Kind      ListKind
	ListID    int64
	Contacts  []int64
	// Source and Actor are for the consent records that a change of a category
	// writes.
	Source, Actor string
}

// ListStore keeps groups, categories and labels.
type ListStore interface {
	// CreateList keeps a new list; a category gets the lowest number that is free. A name
	// that another list of the kind has is a Conflict that names it, and so is a category
	// that must have a number where none is free.
	CreateList(ctx context.Context, l List) (List, error)
	// GetList is NotFound if the account has no such list of the kind.
	GetList(ctx context.Context, accountID int64, kind ListKind, id int64) (List, error)
	// ListLists lists those of a kind behind the id after.
	ListLists(ctx context.Context, accountID int64, kind ListKind, after int64, limit int) ([]List, error)
	// ListsOf lists those of a kind in which a contact is.
	ListsOf(ctx context.Context, accountID int64, kind ListKind, contactID int64) ([]List, error)
	// UpdateList changes a list in one transaction, with the errors of change; NotFound
	// if there is no such list, a Conflict for a name that is taken.
	UpdateList(ctx context.Context, accountID int64, kind ListKind, id int64, change func(*List) error) (List, error)
	// DeleteList removes a list; its contacts stay. It is a Conflict that names the
	// campaigns if live ones use the list, and NotFound if there is no such list.
	DeleteList(ctx context.Context, accountID int64, kind ListKind, id int64) error
	// AddMembers and RemoveMembers return how many were not, or were, in the list. Who
	// joins a category or leaves it gets a consent record, and an opt-out of a category
	// binds what waits to be sent. A list that there is not is NotFound; contacts to add
	// that there are not are Invalid, and nobody is added.
	AddMembers(ctx context.Context, c MemberChange) (added int64, err error)
	RemoveMembers(ctx context.Context, c MemberChange) (removed int64, err error)
}

// Lists is the service for groups, categories and labels: lists of contacts
// under a name. It is safe for concurrent use.
type Lists struct{ store ListStore }

// NewLists makes the service.
func NewLists(store ListStore) *Lists { return &Lists{store: store} }

// GroupName checks a group's name and collapses the white space in it.
func GroupName(name string) (string, error) { return listName(Group, name) }

func listName(kind ListKind, name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	most := maxGroupName
	if kind == Category {
		most = maxCategoryName
	}
	// Names stand in one cell of a file, with | between them.
	bad := func(r rune) bool { return r == '|' || unicode.IsControl(r) }
	if name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > most || strings.ContainsFunc(name, bad) {
		return name, fault.InvalidField("name", name, "a %s's name has 1 to %d characters, without | and control characters", kind, most)
	}
	return name, nil
}

var colorForm = regexp.MustCompile(`^[0-9A-F]{6}$`)

// Check is nil if a list can be made so; it brings names and colors into their form.
func (l *List) Check() (err error) {
	if l.Name, err = listName(l.Kind, l.Name); err != nil {
		return err
	}
	for _, color := range []struct {
		location string
		value    *string
	}{{"color", &l.Color}, {"text_color", &l.TextColor}} {
		*color.value = strings.ToUpper(strings.TrimPrefix(strings.TrimSpace(*color.value), "#"))
		if *color.value != "" && !colorForm.MatchString(*color.value) {
			return fault.InvalidField(color.location, *color.value, "is no color: write six hexadecimal digits such as FF9300")
		}
	}
	l.Description = strings.TrimSpace(l.Description)
	if !utf8.ValidString(l.Description) || utf8.RuneCountInString(l.Description) > maxListDescription || strings.ContainsRune(l.Description, 0) {
		return fault.InvalidField("description", nil, "has at most %d characters", maxListDescription)
	}
	return nil
}

// Create makes an empty list of AccountID, Kind, Name, Description and colors. A name
// that is taken is a Conflict; so is a category with Slot AnySlot where no number is free.
func (s *Lists) Create(ctx context.Context, l List) (List, error) {
	if err := l.Check(); err != nil {
		return List{}, err
	}
	return s.store.CreateList(ctx, l)
}

// Get is one list with the number of its members.
func (s *Lists) Get(ctx context.Context, accountID int64, kind ListKind, id int64) (List, error) {
	return s.store.GetList(ctx, accountID, kind, id)
}

// List lists an account's lists of a kind behind the id after.
func (s *Lists) List(ctx context.Context, accountID int64, kind ListKind, after int64, limit int) ([]List, error) {
	return s.store.ListLists(ctx, accountID, kind, after, limit)
}

// Of lists those of a kind in which a contact is.
func (s *Lists) Of(ctx context.Context, accountID int64, kind ListKind, contactID int64) ([]List, error) {
	return s.store.ListsOf(ctx, accountID, kind, contactID)
}

// ListChange is what to change of a list; nil leaves a text as it is.
type ListChange struct{ Name, Description, Color, TextColor *string }

// Update renames a list or describes it anew.
func (s *Lists) Update(ctx context.Context, accountID int64, kind ListKind, id int64, c ListChange) (List, error) {
	return s.store.UpdateList(ctx, accountID, kind, id, func(l *List) error {
		if c.Name != nil {
			l.Called = "" // what it was called was another name
		}
		for _, field := range []struct{ to, from *string }{
			{&l.Name, c.Name}, {&l.Description, c.Description}, {&l.Color, c.Color}, {&l.TextColor, c.TextColor},
		} {
			if field.from != nil {
				*field.to = *field.from
			}
		}
		return l.Check()
	})
}

// Delete removes a list; its contacts stay.
func (s *Lists) Delete(ctx context.Context, accountID int64, kind ListKind, id int64) error {
	return s.store.DeleteList(ctx, accountID, kind, id)
}

// Add puts contacts into a list and returns how many were not in it. If one of
// them does not exist nobody is added.
func (s *Lists) Add(ctx context.Context, c MemberChange) (added int64, err error) {
	if err := someContacts(c.Contacts); err != nil {
		return 0, err
	}
	return s.store.AddMembers(ctx, c)
}

// Remove takes contacts out of a list and returns how many were in it.
func (s *Lists) Remove(ctx context.Context, c MemberChange) (removed int64, err error) {
	if err := someContacts(c.Contacts); err != nil {
		return 0, err
	}
	return s.store.RemoveMembers(ctx, c)
}

func someContacts(ids []int64) error {
	if len(ids) == 0 || len(ids) > maxMembersAtOnce {
		return fault.InvalidField("contacts", len(ids), "give 1 to %d contact ids; more come by an upload or a bulk operation", maxMembersAtOnce)
	}
	return nil
}
