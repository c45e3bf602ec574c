package messages

import (
	"context"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates"
	"carillon/templates/liquid"
)

// Rehearsal is for whom a template is rendered without anything being sent.
type Rehearsal struct {
	Template templates.TemplateRef
	// Draft is rendered instead of Template, and is not kept; nil for none.
	Draft *templates.Template
	Use   templates.Use
	// Kind is the kind of channel; empty for the first of the template's.
	Kind providers.AddressKind
	// ContactID is the contact; 0 has the samples stand where the parameters do.
	ContactID int64
	// Data is the row.
	Data map[string]any
	// FeedURL is where a data feed is read from; empty for none.
	FeedURL string
}

// Rehearsed is what a rehearsal shows.
type Rehearsed struct {
	Version  int
	Language string
	Choice   templates.Choice
	// Kind is the kind of channel for which it was rendered.
	Kind    providers.AddressKind
	Content providers.Content
	// Lacks are the names that the content asks for and the contact has not.
	Lacks []string
}

// Rehearse renders a template for a contact, or with its samples. A contact that there is
// not, and what can't be rendered for it, is Invalid.
func (s *Service) Rehearse(ctx context.Context, r Rehearsal) (Rehearsed, error) {
	accountID := r.Template.AccountID
	resolved, err := s.resolved(ctx, r)
	if err != nil {
		return Rehearsed{}, err
	}
	var to Recipient
	var links Links
	if r.ContactID != 0 {
		contact, err := s.store.GetContact(ctx, accountID, r.ContactID)
		if fault.Is(err, fault.NotFound) {
			return Rehearsed{}, fault.InvalidField("contact_id", r.ContactID, "there is no such contact")
		}
		if err != nil {
			return Rehearsed{}, err
		}
		to = recipientOf(contact, resolved.Kind)
		if to.Address != "" {
			links = s.tokens.Links(Unsubscriber{AccountID: accountID, Kind: resolved.Kind, Address: to.Address})
		}
	}
	var wrong string
	if to.Row, wrong, err = rowOf(r.Data); err != nil {
		return Rehearsed{}, err
	}
	if wrong != "" {
		return Rehearsed{}, fault.InvalidField("data", nil, "%s", wrong)
	}
	content, tag, how := resolved.For(to.Language)
	compiled, err := s.catalogue.Compile(ctx, accountID, content)
	if err != nil {
		return Rehearsed{}, err
	}
	of, err := s.Occasion(ctx, providers.Channel{AccountID: accountID})
	if err != nil {
		return Rehearsed{}, err
	}
	if r.FeedURL != "" {
		if of.Feed, err = s.feedNow(ctx, r.FeedURL); err != nil {
			return Rehearsed{}, err
		}
	}
	vars := to.Vars(of, links)
	rendered, err := compiled.Render(ctx, vars)
	if err != nil {
		return Rehearsed{}, fault.InvalidField("contact_id", r.ContactID, "can't be rendered: %s", err)
	}
	rehearsed := Rehearsed{Version: resolved.Version, Language: tag, Choice: how, Kind: resolved.Kind, Content: rendered}
	if r.ContactID != 0 {
		rehearsed.Lacks = compiled.Lacks(vars.Contact)
	}
	return rehearsed, nil
}

// resolved is the template of a rehearsal.
func (s *Service) resolved(ctx context.Context, r Rehearsal) (templates.Resolved, error) {
	samples := r.ContactID == 0
	if r.Draft == nil {
		return s.catalogue.Rehearse(ctx, r.Template, r.Use, r.Kind, samples)
	}
	draft := *r.Draft
	draft.AccountID = r.Template.AccountID
	return s.catalogue.RehearseDraft(ctx, draft, r.Use, r.Kind, samples)
}

// feedNow reads a data feed; what can't be read is Invalid.
func (s *Service) feedNow(ctx context.Context, address string) (*liquid.Feed, error) {
	body, err := s.fetcher.JSON(ctx, address, liquid.MaxFeedBytes)
	if err != nil {
		return nil, fault.InvalidField("feed_url", address, "%v", err)
	}
	feed, err := liquid.ParseFeed(body)
	if err != nil {
		return nil, fault.InvalidField("feed_url", address, "what it sends %v", err)
	}
	return feed, nil
}

// recipientOf is what templates see of a contact with its address of a kind.
func recipientOf(contact contacts.Contact, kind providers.AddressKind) Recipient {
	return Recipient{
		ContactID: contact.ID, ExternalID: contact.ExternalID, Name: contact.Name, FirstName: contact.FirstName, LastName: contact.LastName,
		Language: contact.Language, Timezone: contact.Timezone, Address: contact.Addresses[kind], Attributes: contact.Attributes.JSON(),
	}
}
