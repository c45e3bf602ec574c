package campaigns

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"carillon/contacts/property"
	"carillon/internal/fault"
)

// Kind is what sort of campaign one is. It follows from what the campaign is made of.
type Kind string

// The kinds of campaigns.
const (
	// Newsletter fires once, and says something of its own.
	Newsletter Kind = "newsletter"
	// NotificationKind fires once, and says what a template says.
	NotificationKind Kind = "notification"
	// ContentKind was published, for people to pull it.
	ContentKind Kind = "content"
	// RecurringKind fires again and again, whatever it says.
	RecurringKind Kind = "recurring"
	// FlowKind walks people through several steps.
	FlowKind Kind = "flow"
)

// Kind is the campaign's kind.
func (c Campaign) Kind() Kind {
	switch {
	case c.IsFlow:
		return FlowKind
	case c.IsPublished:
		return ContentKind
	case c.Schedule.Recurs():
		return RecurringKind
	case c.Template != nil:
		return NotificationKind
	}
	return Newsletter
}

// Archival says which campaigns of those that have ended are listed.
type Archival string

// Which are listed.
const (
	NotArchived  Archival = "" // those that are not archived
	OnlyArchived Archival = "true"
	AndArchived  Archival = "all"
)

// Filter says which campaigns of an account are listed, newest first. Empty fields leave
// all in.
type Filter struct {
	AccountID int64
	Status    Status
	Kind      Kind
	// Tag is one that they have, Search a part of their names in any case.
	Tag, Search string
	Archived    Archival
	// Number is that of the one that is looked for; 0 for any.
	Number int64
	// Before is the id before which the list begins; 0 for the newest.
	Before int64
	// Limit is how many there are at most.
	Limit int
}

// About is what people say of a campaign for themselves. It is neither sent nor approved,
// and can be changed in every status.
type About struct {
	Tags  []string
	Notes string
	// Data is what programs keep of it: a JSON object; empty for nothing.
	Data json.RawMessage
}

// Bounds of what is said of a campaign, in letters.
const (
	maxTags  = 20
	maxTag   = 40
	maxNotes = 10_000
	maxData  = 64 << 10 // bytes
)

// NormalTag is a tag in the form in which it is kept: in lower case, single spaces.
func NormalTag(tag string) string { return strings.Join(strings.Fields(property.Fold(tag)), " ") }

// check says what is wrong, and brings the tags into the form in which they are kept:
// each once, in order.
func (a *About) check() (wrong []fault.Field) {
	var tags []string
	for i, tag := range a.Tags {
		kept := NormalTag(tag)
		if n := utf8.RuneCountInString(kept); n == 0 || n > maxTag || strings.ContainsFunc(kept, notInTags) {
			wrong = append(wrong, fault.Field{Location: fmt.Sprintf("tags[%d]", i), Value: tag,
				Message: fmt.Sprintf("a tag has 1 to %d letters and no comma, such as spring-sale", maxTag)})
		}
		tags = append(tags, kept)
	}
	slices.Sort(tags)
	if a.Tags = slices.Compact(tags); len(a.Tags) > maxTags {
		wrong = append(wrong, fault.Field{Location: "tags", Value: len(a.Tags), Message: fmt.Sprintf("at most %d tags", maxTags)})
	}
	if n := utf8.RuneCountInString(a.Notes); n > maxNotes {
		wrong = append(wrong, fault.Field{Location: "notes", Value: n, Message: fmt.Sprintf("at most %d letters", maxNotes)})
	}
	if len(a.Data) > maxData || len(a.Data) > 0 && (a.Data[0] != '{' || !json.Valid(a.Data) || !utf8.Valid(a.Data)) {
		wrong = append(wrong, fault.Field{Location: "data", Value: len(a.Data), Message: fmt.Sprintf("is no JSON object of at most %d bytes", maxData)})
	}
	return wrong
}

func notInTags(r rune) bool { return r == ',' || unicode.IsControl(r) }

// Archives keeps what campaigns are found by.
type Archives interface {
	// DescribeCampaign keeps what is said of a campaign; NotFound if there is none.
	DescribeCampaign(ctx context.Context, accountID, id int64, about About) error
	// ArchiveCampaign keeps since when a campaign is archived, nil for not. It is NotFound
	// if there is none, and a Conflict unless it has ended.
	ArchiveCampaign(ctx context.Context, accountID, id int64, at *time.Time) error
}

// Describe changes what people say of a campaign for themselves.
func (s *Service) Describe(ctx context.Context, accountID, id int64, about About) (Campaign, error) {
	if err := fault.InvalidFields(about.check()); err != nil {
		return Campaign{}, err
	}
	if err := s.store.DescribeCampaign(ctx, accountID, id, about); err != nil {
		return Campaign{}, err
	}
	return s.store.GetCampaign(ctx, accountID, id)
}

// Archive takes a campaign that has ended out of the list; one that is sent again is back
// in it until it has ended anew.
func (s *Service) Archive(ctx context.Context, accountID, id int64) (Campaign, error) {
	now := s.clock.Now()
	return s.archive(ctx, accountID, id, &now)
}

// Unarchive puts it back.
func (s *Service) Unarchive(ctx context.Context, accountID, id int64) (Campaign, error) {
	return s.archive(ctx, accountID, id, nil)
}

func (s *Service) archive(ctx context.Context, accountID, id int64, at *time.Time) (Campaign, error) {
	if err := s.store.ArchiveCampaign(ctx, accountID, id, at); err != nil {
		return Campaign{}, err
	}
	return s.store.GetCampaign(ctx, accountID, id)
}
