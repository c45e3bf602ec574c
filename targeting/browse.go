package targeting

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/targeting/rule"
)

// Sort is by what contacts are listed. Who has no such value comes last.
type Sort string

// The orders. That of attributes is "attributes." and the property's key.
const (
	SortID           Sort = "" // which is the order of their making
	SortName         Sort = "name"
	SortEmail        Sort = "email"
	SortPhone        Sort = "phone"
	SortLastActivity Sort = "last_activity_at"
)

// Sorts are the orders that all contacts have, that of ids left out.
func Sorts() []Sort { return []Sort{SortName, SortEmail, SortPhone, SortLastActivity} }

// Browse asks for a page of contacts by its place, as people turn pages. What is empty does
// not restrict.
type Browse struct {
	AccountID int64
	// Rule holds for them.
	Rule json.RawMessage
	// Labels are lists of which they are in one.
	Labels []int64
	// Text occurs in a name, the external id or an address, whatever the case.
	Text string
	// Known leaves out who has neither an address nor an external id.
	Known         bool
	Order         Sort
	Descending    bool
	Offset, Limit int
}

// BrowseStore answers them.
type BrowseStore interface {
	// BrowseContacts is the page, and how many contacts there are on all pages. parsed is the
	// rule; its Root is nil where there is none.
	BrowseContacts(ctx context.Context, b Browse, parsed rule.Rule) (list []contacts.Contact, total int64, err error)
}

// maxBrowsed bounds a text that is looked for, in letters.
const maxBrowsed = 255

// Browse is a page of contacts, and how many there are on all pages.
func (s *Rules) Browse(ctx context.Context, b Browse) (list []contacts.Contact, total int64, err error) {
	if utf8.RuneCountInString(b.Text) > maxBrowsed || !utf8.ValidString(b.Text) || strings.ContainsRune(b.Text, 0) {
		return nil, 0, fault.InvalidField("q", nil, "has at most %d letters", maxBrowsed)
	}
	if b.Order != SortID && !slices.Contains(Sorts(), b.Order) && !strings.HasPrefix(string(b.Order), contacts.AttributePrefix) {
		return nil, 0, fault.InvalidField("order", string(b.Order), "contacts have no such order")
	}
	var parsed rule.Rule
	if HasRule(b.Rule) {
		if parsed, err = s.parse(ctx, b.AccountID, b.Rule); err != nil {
			return nil, 0, err
		}
	}
	return s.store.BrowseContacts(ctx, b, parsed)
}

// SavedFilter is a filter that a key's holder saved, as it was asked for. One of contacts may
// stand for a targeting list.
type SavedFilter struct {
	ID, AccountID, KeyID int64
	Kind                 FilterKind
	Name                 string
	Query                json.RawMessage
	// Targeting is the targeting list that it stands for; 0 for none.
	Targeting            int64
	CreatedAt, UpdatedAt time.Time
}

// FilterKind says what a filter is for.
type FilterKind string

// The kinds of filters. Only those of contacts are used by anybody but who saved them.
const (
	FilterContacts      FilterKind = "contact"
	FilterConversations FilterKind = "conversation"
	FilterReports       FilterKind = "report"
)

// FilterStore keeps filters. One that there is not, or that is of another key, is NotFound.
type FilterStore interface {
	CreateFilter(ctx context.Context, f SavedFilter, most int) (SavedFilter, error)
	GetFilter(ctx context.Context, accountID, keyID, id int64) (SavedFilter, error)
	ListFilters(ctx context.Context, accountID, keyID int64, kind FilterKind) ([]SavedFilter, error)
	UpdateFilter(ctx context.Context, f SavedFilter) (SavedFilter, error)
	DeleteFilter(ctx context.Context, accountID, keyID, id int64) error
}

// Filters is the service for filters that keys' holders save. It is safe for concurrent use.
type Filters struct {
	store FilterStore
	rules *Rules
}

// NewFilters makes the service.
func NewFilters(store FilterStore, rules *Rules) *Filters { return &Filters{store, rules} }

// Bounds of filters.
const (
	// mostFilters is how many a key has at most.
	mostFilters    = 1000
	maxFilterQuery = 64 << 10
)

func (f *SavedFilter) check() error {
	if f.Name = strings.TrimSpace(f.Name); f.Name == "" || utf8.RuneCountInString(f.Name) > maxTargetingName || !utf8.ValidString(f.Name) ||
		strings.ContainsRune(f.Name, 0) {
		return fault.InvalidField("name", f.Name, "a filter's name has 1 to %d letters", maxTargetingName)
	}
	if !slices.Contains([]FilterKind{FilterContacts, FilterConversations, FilterReports}, f.Kind) {
		return fault.InvalidField("kind", string(f.Kind), "must be contact, conversation or report")
	}
	if len(f.Query) > maxFilterQuery || !json.Valid(f.Query) || !utf8.Valid(f.Query) {
		return fault.InvalidField("query", nil, "is no JSON of at most %d bytes", maxFilterQuery)
	}
	return nil
}

// Create saves a filter. With a rule it stands for a targeting list from then on, which has
// its name, or one like it.
func (s *Filters) Create(ctx context.Context, f SavedFilter, text json.RawMessage) (SavedFilter, error) {
	if err := f.check(); err != nil {
		return SavedFilter{}, err
	}
	saved, err := s.store.CreateFilter(ctx, f, mostFilters)
	if err != nil || !HasRule(text) {
		return saved, err
	}
	return s.target(ctx, saved, text)
}

// target has a filter stand for a targeting list. Where the account has no room for another,
// the filter is a filter alone.
func (s *Filters) target(ctx context.Context, f SavedFilter, text json.RawMessage) (SavedFilter, error) {
	if f.Targeting != 0 {
		_, err := s.rules.Update(ctx, f.AccountID, f.Targeting, nil, text)
		if !fault.Is(err, fault.NotFound) {
			return f, err
		}
	}
	for _, name := range namesLike(f.Name, f.ID) {
		list, err := s.rules.Create(ctx, f.AccountID, name, text)
		if err == nil {
			f.Targeting = list.ID
			return s.store.UpdateFilter(ctx, f)
		}
		if !fault.Is(err, fault.Conflict) {
			return f, err
		}
	}
	return f, nil
}

// Get is one filter, List all of a kind.
func (s *Filters) Get(ctx context.Context, accountID, keyID, id int64) (SavedFilter, error) {
	return s.store.GetFilter(ctx, accountID, keyID, id)
}

// List lists the filters of a key.
func (s *Filters) List(ctx context.Context, accountID, keyID int64, kind FilterKind) ([]SavedFilter, error) {
	return s.store.ListFilters(ctx, accountID, keyID, kind)
}

// Update changes name, query and, with text, the rule of the list that it stands for.
func (s *Filters) Update(ctx context.Context, f SavedFilter, text json.RawMessage) (SavedFilter, error) {
	if err := f.check(); err != nil {
		return SavedFilter{}, err
	}
	saved, err := s.store.UpdateFilter(ctx, f)
	if err != nil || !HasRule(text) {
		return saved, err
	}
	return s.target(ctx, saved, text)
}

// Delete forgets a filter, and the list that it stands for unless something uses that.
func (s *Filters) Delete(ctx context.Context, accountID, keyID, id int64) error {
	f, err := s.store.GetFilter(ctx, accountID, keyID, id)
	if err != nil {
		return err
	}
	if f.Targeting != 0 {
		if err := s.rules.Delete(ctx, accountID, f.Targeting); err != nil && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	return s.store.DeleteFilter(ctx, accountID, keyID, id)
}

// namesLike are the names that a filter's targeting list may have: its own, else one that
// nobody else has.
func namesLike(name string, id int64) []string {
	letters := []rune(name)
	return []string{name, string(letters[:min(len(letters), maxTargetingName-maxSuffix)]) + " (filter " + strconv.FormatInt(id, 10) + ")"}
}

// maxSuffix is the longest of what namesLike adds.
const maxSuffix = 30
