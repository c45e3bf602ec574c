package targeting

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"carillon/contacts"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting/rule"
)

// Bounds of targeting lists.
const (
	maxTargetingName = 255
	// MaxTargetingLists is how many an account may have.
	MaxTargetingLists = 1000
)

// TargetingList is a saved rule: whoever it holds for is in it, at any moment.
type TargetingList struct {
	ID        int64
	AccountID int64
	Name      string // unique in the account
	// Rule is in jQuery QueryBuilder's form; it has been parsed.
	Rule      json.RawMessage
	CreatedAt time.Time
	UpdatedAt time.Time
}

// RuleStore keeps targeting lists and answers rules.
type RuleStore interface {
	// RuleSchema is what the account's rules may talk about.
	RuleSchema(ctx context.Context, accountID int64) (*rule.Schema, error)
	// CheckReferences names what a rule refers to and is not there.
	CheckReferences(ctx context.Context, accountID int64, refs []rule.Reference) ([]fault.Field, error)
	// CreateTargetingList and UpdateTargetingList are Invalid for what rule.CheckNesting
	// refuses, and a Conflict for names that are taken and more lists than an account
	// may have. UpdateTargetingList is NotFound if there is no such list.
	CreateTargetingList(ctx context.Context, l TargetingList, parsed rule.Rule) (TargetingList, error)
	UpdateTargetingList(ctx context.Context, l TargetingList, parsed rule.Rule) (TargetingList, error)
	// GetTargetingList is NotFound if the account has no such list.
	GetTargetingList(ctx context.Context, accountID, id int64) (TargetingList, error)
	// ListTargetingLists lists those behind the id after.
	ListTargetingLists(ctx context.Context, accountID, after int64, limit int) ([]TargetingList, error)
	// DeleteTargetingList is NotFound if there is no such list, and a Conflict that says
	// what uses it.
	DeleteTargetingList(ctx context.Context, accountID, id int64) error
	// CountAudience counts an audience's contacts; by kind also whom of them a campaign
	// on a channel of this kind reaches. It is Invalid if its rule can't be read, and a
	// Conflict if that of a targeting list can't.
	CountAudience(ctx context.Context, accountID int64, a Audience, kind providers.AddressKind) (AudienceCount, error)
	// ListEntries lists addresses with who holds them, with the errors of CountAudience.
	ListEntries(ctx context.Context, f DirectoryFilter) ([]Entry, error)
	// AudienceContacts lists an audience's contacts in the order of their ids, with the
	// errors of CountAudience.
	AudienceContacts(ctx context.Context, accountID int64, a Audience, after int64, limit int) ([]contacts.Contact, error)
	// RuleChoices are things that rules may name by their ids.
	RuleChoices(ctx context.Context, accountID int64) ([]RuleChoice, error)
	BrowseStore
}

// AudienceCount is how many contacts an audience has.
type AudienceCount struct {
	Total int64
	// Reachable is how many a campaign would be sent to, and Skipped how many not,
	// by reason; both only if a kind of address was named.
	Reachable int64
	Skipped   map[string]int64
}

// RuleChoice is something that a rule may name by its id.
type RuleChoice struct {
	// Field is the field that takes the id: category, group, label, upload,
	// targeting or campaign.
	Field string
	ID    int64
	Name  string
}

// Rules is the service for rules and targeting lists. It is safe for concurrent
// use.
type Rules struct{ store RuleStore }

// NewRules makes the service.
func NewRules(store RuleStore) *Rules { return &Rules{store: store} }

// parse reads a rule and makes sure that what it names is there.
func (s *Rules) parse(ctx context.Context, accountID int64, text json.RawMessage) (rule.Rule, error) {
	schema, err := s.store.RuleSchema(ctx, accountID)
	if err != nil {
		return rule.Rule{}, err
	}
	parsed, err := rule.Parse(text, schema)
	if err != nil {
		return parsed, err
	}
	missing, err := s.store.CheckReferences(ctx, accountID, parsed.References())
	if err != nil {
		return parsed, err
	}
	return parsed, fault.InvalidFields(missing)
}

// Create keeps a new targeting list. The error names what is wrong in the rule
// by its place, from "rule" on; a name that is taken is a Conflict.
func (s *Rules) Create(ctx context.Context, accountID int64, name string, text json.RawMessage) (TargetingList, error) {
	l := TargetingList{AccountID: accountID}
	var err error
	if l.Name, err = targetingName(name); err != nil {
		return TargetingList{}, err
	}
	parsed, err := s.parse(ctx, accountID, text)
	if err != nil {
		return TargetingList{}, err
	}
	if l.Rule, err = json.Marshal(parsed); err != nil {
		return TargetingList{}, err
	}
	return s.store.CreateTargetingList(ctx, l, parsed)
}

// Update changes name and rule; nil leaves one as it is.
func (s *Rules) Update(ctx context.Context, accountID, id int64, name *string, text json.RawMessage) (TargetingList, error) {
	l, err := s.store.GetTargetingList(ctx, accountID, id)
	if err != nil {
		return TargetingList{}, err
	}
	if name != nil {
		if l.Name, err = targetingName(*name); err != nil {
			return TargetingList{}, err
		}
	}
	if text == nil {
		text = l.Rule
	}
	parsed, err := s.parse(ctx, accountID, text)
	if err != nil {
		return TargetingList{}, err
	}
	if l.Rule, err = json.Marshal(parsed); err != nil {
		return TargetingList{}, err
	}
	return s.store.UpdateTargetingList(ctx, l, parsed)
}

func targetingName(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	if name == "" || utf8.RuneCountInString(name) > maxTargetingName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return name, fault.InvalidField("name", name, "a targeting list's name has 1 to %d characters and no control characters", maxTargetingName)
	}
	return name, nil
}

// Get is one targeting list.
func (s *Rules) Get(ctx context.Context, accountID, id int64) (TargetingList, error) {
	return s.store.GetTargetingList(ctx, accountID, id)
}

// List lists targeting lists behind the id after.
func (s *Rules) List(ctx context.Context, accountID, after int64, limit int) ([]TargetingList, error) {
	return s.store.ListTargetingLists(ctx, accountID, after, limit)
}

// Delete forgets a targeting list. One that a campaign which is not over or
// another list uses is a Conflict that names them.
func (s *Rules) Delete(ctx context.Context, accountID, id int64) error {
	return s.store.DeleteTargetingList(ctx, accountID, id)
}

// Audience is the audience of a rule that is not saved.
func (s *Rules) Audience(ctx context.Context, accountID int64, text json.RawMessage) (Audience, error) {
	parsed, err := s.parse(ctx, accountID, text)
	if err != nil {
		return Audience{}, err
	}
	b, err := json.Marshal(parsed)
	return Audience{Rule: b}, err
}

// Count counts an audience; kind may be empty.
func (s *Rules) Count(ctx context.Context, accountID int64, a Audience, kind providers.AddressKind) (AudienceCount, error) {
	if reason := value.CheckKind(kind); kind != "" && reason != "" {
		return AudienceCount{}, fault.InvalidField("kind", string(kind), "%s", reason)
	}
	return s.store.CountAudience(ctx, accountID, a, kind)
}

// Contacts lists an audience's contacts, those with ids behind after.
func (s *Rules) Contacts(ctx context.Context, accountID int64, a Audience, after int64, limit int) ([]contacts.Contact, error) {
	return s.store.AudienceContacts(ctx, accountID, a, after, limit)
}

// Fields lists what rules may talk about, and what they may name by id.
func (s *Rules) Fields(ctx context.Context, accountID int64) ([]rule.Described, []RuleChoice, error) {
	schema, err := s.store.RuleSchema(ctx, accountID)
	if err != nil {
		return nil, nil, err
	}
	choices, err := s.store.RuleChoices(ctx, accountID)
	return schema.Fields(), choices, err
}
