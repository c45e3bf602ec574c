package campaigns

import (
	"context"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/templates"
	"carillon/templates/liquid"
)

// Viewing finds what a message was made of.
type Viewing interface {
	// CampaignOfRun is the campaign behind a run as the run keeps it; NotFound if there is
	// no such run.
	CampaignOfRun(ctx context.Context, runID int64) (Campaign, error)
	// OccasionOfRun is what the run's messages are part of, with the data feed as it is
	// kept; with the errors of CampaignOfRun, and Invalid if the feed can't be read.
	OccasionOfRun(ctx context.Context, runID int64) (*liquid.Occasion, error)
	// RecipientOf is a contact as it is now, with its line of the newest of the uploads;
	// NotFound if it is gone.
	RecipientOf(ctx context.Context, accountID, contactID int64, uploads []int64) (messages.Recipient, error)
	// AnswersTo are what was answered in a flow before its message was made, a JSON object;
	// empty for others.
	AnswersTo(ctx context.Context, messageID int64) (string, error)
}

// View is the message behind the token of a view_url, as a page: made of what its run
// keeps, and of the contact as it is now. A token that was not made here, a message that
// was never sent, and one whose recipient is gone are NotFound.
func (s *Service) View(ctx context.Context, token string) (providers.Content, error) {
	var none providers.Content
	accountID, id, err := s.tokens.ParseView(token)
	if err != nil {
		return none, err
	}
	if id == 0 {
		return none, fault.New(fault.NotFound, "this is a preview or a test: only what was sent can be looked at")
	}
	m, err := s.sentMessage(ctx, accountID, id)
	if err != nil {
		return none, err
	}
	c, err := s.store.CampaignOfRun(ctx, m.RunID)
	if err != nil {
		return none, err
	}
	of, err := s.store.OccasionOfRun(ctx, m.RunID)
	if err != nil {
		return none, err
	}
	list := c.Said()
	page := list[min(max(1, m.Variant), len(list))-1].Carried(nil) // a page has no buttons of a messenger
	compiled, err := page.Compile(c.Snippets)
	if err != nil {
		return none, err
	}
	return s.fillAgain(ctx, m, remade{accountID, compiled, of, c.Audience.Uploads})
}

// sentMessage is a message of a campaign whose recipient is not gone; else NotFound.
func (s *Service) sentMessage(ctx context.Context, accountID, id int64) (messages.Message, error) {
	m, err := s.messages.Get(ctx, accountID, id)
	switch {
	case err != nil:
		return m, err
	case m.Address == "":
		return m, fault.New(fault.NotFound, "the recipient of message %d was erased", id)
	case m.RunID == 0:
		return m, fault.New(fault.NotFound, "message %d is of no campaign", id)
	}
	return m, nil
}

// remade is what a message is made of again.
type remade struct {
	accountID int64
	compiled  *templates.Compiled
	of        *liquid.Occasion
	uploads   []int64
}

// fillAgain fills a message's content again, for the contact as it is now. It is NotFound if
// that is gone.
func (s *Service) fillAgain(ctx context.Context, m messages.Message, from remade) (providers.Content, error) {
	var none providers.Content
	var uploads []int64
	if from.compiled.NeedsRow() {
		uploads = from.uploads
	}
	to, err := s.store.RecipientOf(ctx, from.accountID, m.ContactID, uploads)
	if err != nil {
		return none, err
	}
	to.Address = m.Address
	if to.Answers, err = s.store.AnswersTo(ctx, m.ID); err != nil {
		return none, err
	}
	language := m.Language // what was chosen then, whatever the contact speaks now
	if language == "" {
		language = to.Language
	}
	content, _, _, err := from.compiled.For(language)
	if err != nil {
		return none, err
	}
	return content.Render(ctx, to.Vars(from.of, s.tokens.Links(messages.Unsubscriber{AccountID: from.accountID, MessageID: m.ID})))
}
