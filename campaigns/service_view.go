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
	run, err := s.remaking(ctx, m.RunID)
	if err != nil {
		return none, err
	}
	from, err := run.of(accountID, m)
	if err != nil {
		return none, err
	}
	content, err := s.fillAgain(ctx, m, from)
	if err != nil {
		return none, err
	}
	return content, s.messages.ShowFile(ctx, accountID, content.Attachment)
}

// Contents are what messages say: of single ones what is kept, of those of runs what is made
// again of the run and of the contact as it is now. One whose content or recipient is gone
// says nothing; one that has not been sent yet may still come to say something else.
func (s *Service) Contents(ctx context.Context, accountID int64, list []messages.Message) ([]providers.Content, error) {
	contents, runs := make([]providers.Content, len(list)), map[int64]*remaking{}
	for i, m := range list {
		if m.RunID == 0 {
			kept, err := s.messages.Content(ctx, m)
			if err != nil {
				return nil, err
			}
			if kept != nil { // it may be removed by age
				contents[i] = *kept
			}
			continue
		}
		run, known := runs[m.RunID]
		if !known {
			var err error
			if run, err = s.remaking(ctx, m.RunID); err != nil && !gone(err) {
				return nil, err
			}
			runs[m.RunID] = run
		}
		if run == nil || m.Address == "" {
			continue
		}
		from, err := run.of(accountID, m)
		if err == nil {
			contents[i], err = s.fillAgain(ctx, m, from)
		}
		if err != nil && !gone(err) {
			return nil, err
		}
	}
	for i := range contents {
		if err := s.messages.ShowFile(ctx, accountID, contents[i].Attachment); err != nil {
			return nil, err
		}
	}
	return contents, nil
}

// LogContents are what the messages among entries of the log say, at the entries' places.
func (s *Service) LogContents(ctx context.Context, accountID int64, list []messages.LogEntry) ([]providers.Content, error) {
	var sent []messages.Message
	var at []int
	for i, e := range list {
		if e.Message != nil {
			sent, at = append(sent, *e.Message), append(at, i)
		}
	}
	of, err := s.Contents(ctx, accountID, sent)
	contents := make([]providers.Content, len(list))
	for i, content := range of {
		contents[at[i]] = content
	}
	return contents, err
}

// gone reports whether a message can't be made again: what it was made of is kept no more,
// or says nothing for its recipient as that is now.
func gone(err error) bool { return fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) }

// remaking is what the messages of a run are made of again.
type remaking struct {
	campaign Campaign
	occasion *liquid.Occasion
	// compiled are its pages, by variant.
	compiled map[int]*templates.Compiled
}

func (s *Service) remaking(ctx context.Context, runID int64) (*remaking, error) {
	c, err := s.store.CampaignOfRun(ctx, runID)
	if err != nil {
		return nil, err
	}
	of, err := s.store.OccasionOfRun(ctx, runID)
	if err != nil {
		return nil, err
	}
	return &remaking{c, of, map[int]*templates.Compiled{}}, nil
}

// of is what one message of the run is made of, with the buttons of a messenger left out.
func (r *remaking) of(accountID int64, m messages.Message) (remade, error) {
	list := r.campaign.Said()
	variant := min(max(1, m.Variant), len(list))
	compiled := r.compiled[variant]
	if compiled == nil {
		var err error
		page := list[variant-1].Carried(nil)
		if compiled, err = page.Compile(r.campaign.Snippets); err != nil {
			return remade{}, err
		}
		r.compiled[variant] = compiled
	}
	return remade{accountID, compiled, r.occasion, r.campaign.Audience.Uploads}, nil
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
