package contacts

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"time"
	"unicode/utf8"

	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
)

// ConsentAction is what a consent record says.
type ConsentAction string

// The actions.
const (
	OptIn  ConsentAction = "opt_in"
	OptOut ConsentAction = "opt_out"
)

// Where a consent comes from, as the program itself writes it; a caller may give
// other words, such as the name of a form.
const (
	SourceAPI       = "api"
	SourceImport    = "import"
	SourceReply     = "reply"
	SourceLink      = "unsubscribe_link"
	SourceBounce    = "bounce"
	SourceComplaint = "complaint"
	SourceProvider  = "provider" // the provider says that the recipient told it
	SourceReview    = "review"   // a person read a reply
	SourceBulk      = "bulk"     // a bulk operation
	SourceFlow      = "flow"     // a step of a flow campaign
	SourceMerge     = "merge"    // two contacts became one
)

// Consent is one opt-in or opt-out, as it was given: it is never changed. Only
// erasure empties Address and Proof.
type Consent struct {
	ID        int64
	AccountID int64
	// ContactID is 0 where no contact held the address.
	ContactID int64
	// Kind and Address are the address it is for; both are empty where it is for
	// the contact as a whole.
	Kind    providers.AddressKind
	Address string
	// CategoryID is the category it is for; 0 stands for everything.
	CategoryID int64
	// RunID is the run of the message that it answers to; 0 where that is none's.
	RunID  int64
	Action ConsentAction
	Source string
	// Wording is what the person was shown and agreed to, or why an operator did
	// it; Proof what shows that they did, such as an address, a time or a reply.
	Wording string
	Proof   string
	// Lifted are the reasons of the suppressions that an opt-in took away by
	// force, separated by commas.
	Lifted string
	Actor  string
	At     time.Time
}

// ConsentChange is an opt-in or opt-out to be carried out and recorded.
type ConsentChange struct {
	AccountID int64
	// ContactID is whose it is; 0 for whoever holds Address.
	ContactID int64
	// Kind restricts it to one kind of address; empty for the contact as a whole.
	// It is needed where ContactID is 0.
	Kind    providers.AddressKind
	Address string // normal; given where ContactID is 0
	// CategoryID restricts it to a category; 0 stands for everything.
	CategoryID int64
	// RunID is the run of the message that it answers to; 0 where that is none's.
	RunID int64
	// Reason is the reason of an opt-out's suppressions; Unsubscribed if empty.
	Reason string
	// Source, Wording and Proof are kept in the record.
	Source, Wording, Proof string
	// Actor is who did it.
	Actor string
	// Force lets an opt-in lift bounces, complaints and an operator's
	// suppressions too, and is recorded.
	Force bool
}

// ConsentResult is what a change did.
type ConsentResult struct {
	Consent Consent
	// Changed says that something is different now: an address is suppressed or
	// no longer, a category subscribed or left.
	Changed bool
	// Suppressions are those of the addresses concerned, as they are now.
	Suppressions []Suppression
}

// ConsentStore keeps consents and carries them out.
type ConsentStore interface {
	// OptOut carries an opt-out out and records it, even where it changes nothing. It is
	// NotFound if there is no such contact, or nobody has the address that it is for; a
	// Conflict if the contact has no address of the kind; Invalid if there is no such
	// category.
	OptOut(ctx context.Context, c ConsentChange) (ConsentResult, error)
	// OptIn takes back what an opt-out took, with the errors of OptOut.
	OptIn(ctx context.Context, c ConsentChange) (ConsentResult, error)
	// ListConsents lists those behind the id after, in the order in which they were
	// given; none of a contact that there is not.
	ListConsents(ctx context.Context, accountID, contactID, after int64, limit int) ([]Consent, error)
	// GetContact is NotFound if the account has no such contact.
	GetContact(ctx context.Context, accountID, id int64) (Contact, error)
	SuppressionStore
}

// Consents is the service for consent: who may be written to about what. It is
// safe for concurrent use.
type Consents struct{ store ConsentStore }

// NewConsents makes the service.
func NewConsents(store ConsentStore) *Consents { return &Consents{store: store} }

// Bounds of what is recorded, in characters.
const (
	maxWording = 2000
	maxReason  = 200
)

var sourceForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,49}$`)

func (c *ConsentChange) check() error {
	var wrong []fault.Field
	if c.Source == "" {
		c.Source = SourceAPI
	}
	if !sourceForm.MatchString(c.Source) {
		wrong = append(wrong, fault.Field{Location: "source", Value: c.Source,
			Message: "must be 1 to 50 small letters, digits, dots, hyphens or underscores, such as web_form"})
	}
	for _, field := range []struct {
		location, value string
		most            int
	}{{"wording", c.Wording, maxWording}, {"proof", c.Proof, maxWording}, {"reason", c.Reason, maxReason}} {
		if !utf8.ValidString(field.value) || utf8.RuneCountInString(field.value) > field.most {
			wrong = append(wrong, fault.Field{Location: field.location, Message: fmt.Sprintf("must be text of at most %d characters", field.most)})
		}
	}
	if reason := value.CheckKind(c.Kind); c.Kind != "" && reason != "" {
		wrong = append(wrong, fault.Field{Location: "kind", Value: string(c.Kind), Message: reason})
	}
	return fault.InvalidFields(wrong)
}

// OptOut keeps somebody from being written to: from its answer on nothing of
// what it is for is claimed for them. It is recorded even where it changes
// nothing.
func (s *Consents) OptOut(ctx context.Context, c ConsentChange) (ConsentResult, error) {
	if err := c.check(); err != nil {
		return ConsentResult{}, err
	}
	if c.CategoryID != 0 && c.Reason != "" && c.Reason != Unsubscribed {
		return ConsentResult{}, fault.InvalidField("reason", c.Reason, "a category is left by opting out of it: give no reason, or opt out of everything")
	}
	return s.store.OptOut(ctx, c)
}

// OptIn brings back what an opt-out took. Bounces, complaints and what an
// operator suppressed stay unless Force says otherwise.
func (s *Consents) OptIn(ctx context.Context, c ConsentChange) (ConsentResult, error) {
	if err := c.check(); err != nil {
		return ConsentResult{}, err
	}
	return s.store.OptIn(ctx, c)
}

// List lists the consents of a contact in the order in which they were given,
// those behind the id after.
func (s *Consents) List(ctx context.Context, accountID, contactID, after int64, limit int) ([]Consent, error) {
	if _, err := s.store.GetContact(ctx, accountID, contactID); err != nil {
		return nil, err
	}
	return s.store.ListConsents(ctx, accountID, contactID, after, limit)
}

// eachPage is how many things Each reads at a time.
const eachPage = 500

// Each goes through the consents of a contact in the order in which they were given; an
// error ends it, NotFound if there is no such contact.
func (s *Consents) Each(ctx context.Context, accountID, contactID int64) iter.Seq2[Consent, error] {
	return func(yield func(Consent, error) bool) {
		for after := int64(0); ; {
			list, err := s.List(ctx, accountID, contactID, after, eachPage)
			if err != nil {
				yield(Consent{}, err)
				return
			}
			for _, c := range list {
				if !yield(c, nil) {
					return
				}
				after = c.ID
			}
			if len(list) < eachPage {
				return
			}
		}
	}
}

// Suppress puts an address on the list of those never to write to; added is
// false if it was there already. The first reason stays, unless it was that the
// recipient unsubscribed and the new one keeps transactional messages away too.
func (s *Consents) Suppress(ctx context.Context, p Suppression, actor string) (added bool, err error) {
	if p.Reason == "" {
		p.Reason = Unsubscribed
	}
	if p.Address, err = value.Normal(p.Kind, p.Address, ""); err != nil {
		return false, err
	}
	n, err := s.store.SuppressAll(ctx, p.AccountID, []Suppression{p}, SourceAPI, actor)
	return n > 0, err
}

// Unsuppress lets an address be written to again. A bounce or a complaint is
// only lifted by force; an opt-out below it stays.
func (s *Consents) Unsuppress(ctx context.Context, p Suppression, force bool, actor string) (err error) {
	if p.Address, err = value.Normal(p.Kind, p.Address, ""); err != nil {
		return err
	}
	return s.store.Unsuppress(ctx, p, force, actor)
}
