package campaigns

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"carillon/contacts/reply"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/templates"
)

// Publication lets people pull a campaign's content: whoever writes one of its keywords
// on its channel gets it, while it lives. What it says is what the campaign said when it
// was published; to publish it again takes over what was changed.
type Publication struct {
	CampaignID int64
	ChannelID  int64
	// Keywords are as they are compared: folded, without punctuation around them.
	Keywords []string
	// From is since when it is there, Until its end; zero until somebody withdraws it.
	From, Until time.Time
	// By says who published it.
	By string
	// Answered are the people who got it, Failed those who asked and could not.
	Answered, Failed int64
}

// PublicationState is where in its life a publication is.
type PublicationState string

// The states of a publication.
const (
	PublicationScheduled PublicationState = "scheduled" // it is still to come
	Published            PublicationState = "published"
	PublicationOver      PublicationState = "over" // its life has ended, or it was withdrawn
)

// State is where in its life it is.
func (p Publication) State(now time.Time) PublicationState {
	switch {
	case !p.Until.IsZero() && !now.Before(p.Until):
		return PublicationOver
	case now.Before(p.From):
		return PublicationScheduled
	}
	return Published
}

// Bounds of publications.
const (
	mostKeywords = 20
	maxKeyword   = 40 // letters
)

// Bounds of what one sender gets of one publication, so that two programs that answer
// each other come to rest.
const (
	PullsApart  = time.Minute
	PullsPerDay = 20
)

// Pull is a reply that asks for a content.
type Pull struct {
	ReplyID    int64
	AccountID  int64
	CampaignID int64
	ChannelID  int64
	// ContactID is 0 where nobody known holds the address.
	ContactID int64
	Address   string
	// Said is what is given, Snippets what it renders by name.
	Said     templates.Resolved
	Snippets map[string]string
}

// Publications keeps what is published, and who asks for it.
type Publications interface {
	// Publish keeps what a campaign says now, in place of what was published of it
	// before. It is a Conflict where another has one of the keywords at the same time.
	Publish(ctx context.Context, accountID int64, p Publication) error
	// Withdraw ends a publication; NotFound if there is none that lives or is to come.
	Withdraw(ctx context.Context, accountID, campaignID int64) error
	// GetPublication is nil where nothing was published.
	GetPublication(ctx context.Context, accountID, campaignID int64) (*Publication, error)
	// OpenPulls are some that were not answered, oldest first.
	OpenPulls(ctx context.Context) ([]Pull, error)
	// FailPull says why one can't be answered.
	FailPull(ctx context.Context, replyID int64, why string) error
}

// check says what is wrong, and brings the keywords into the form in which they are
// compared.
func (p *Publication) check(now time.Time) (wrong []fault.Field) {
	add := func(location string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: location, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	var keywords []string
	for i, given := range p.Keywords {
		location, word := fmt.Sprintf("keywords[%d]", i), reply.Normal(given)
		if n := utf8.RuneCountInString(word); n == 0 || n > maxKeyword {
			add(location, given, "must have 1 to %d letters: what people write, such as menu", maxKeyword)
			continue
		}
		switch m := reply.Interpret(word); m {
		case reply.OptOut, reply.OptIn:
			add(location, given, "is a word by which people opt out or in: choose another")
		}
		keywords = append(keywords, word)
	}
	slices.Sort(keywords)
	if p.Keywords = slices.Compact(keywords); len(p.Keywords) > mostKeywords || len(p.Keywords)+len(wrong) == 0 {
		add("keywords", len(p.Keywords), "give 1 to %d words, by which people ask for it", mostKeywords)
	}
	if p.From.IsZero() {
		p.From = now
	}
	if !p.Until.IsZero() && !p.Until.After(p.From) {
		add("until", p.Until.Format(time.RFC3339), "must be after %s, when it begins", p.From.Format(time.RFC3339))
	}
	return wrong
}

// Publish lets people pull what a campaign says now. Nothing else becomes of the campaign:
// it may be sent as well, before or after.
func (s *Service) Publish(ctx context.Context, accountID int64, p Publication) (*Publication, error) {
	c, err := s.ofOneStep(ctx, accountID, p.CampaignID)
	if err != nil {
		return nil, err
	}
	channel, err := s.store.GetChannel(ctx, accountID, c.ChannelID)
	if err != nil {
		return nil, err
	}
	wrong := p.check(s.clock.Now())
	_, replies, err := s.messages.Hears(channel)
	if err != nil {
		return nil, err
	}
	if !replies {
		wrong = append(wrong, fault.Field{Location: "campaign.channel_id", Value: channel.ID,
			Message: "a " + channel.Provider + " channel hears of no replies, so that nobody can ask for it: choose another channel"})
	}
	if c.DataFeed != nil {
		wrong = append(wrong, fault.Field{Location: "campaign.feed", Message: "what is pulled belongs to no run, which would read the data feed: take it away"})
	}
	if c.Experiment != nil {
		wrong = append(wrong, fault.Field{Location: "campaign.experiment", Message: "what is pulled has no variants: take them away"})
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return nil, err
	}
	list, err := s.sayings(ctx, c, channel)
	if err != nil {
		return nil, err
	}
	compiled, err := s.catalogue.CompileResolved(ctx, accountID, list[0].Resolved)
	if err != nil {
		return nil, err
	}
	if compiled.NeedsRow() {
		return nil, fault.InvalidField("campaign.content", nil, "uses the row of an upload, and who asks for it is in none: use contact instead")
	}
	if err := s.store.CheckApproval(ctx, c); err != nil {
		return nil, err
	}
	p.ChannelID = c.ChannelID
	if err := s.store.Publish(ctx, accountID, p); err != nil {
		return nil, err
	}
	return s.store.GetPublication(ctx, accountID, p.CampaignID)
}

// Withdraw ends a publication: nobody who asks later gets it.
func (s *Service) Withdraw(ctx context.Context, accountID, id int64) (*Publication, error) {
	if _, err := s.store.GetCampaign(ctx, accountID, id); err != nil {
		return nil, err
	}
	if err := s.store.Withdraw(ctx, accountID, id); err != nil {
		return nil, err
	}
	return s.store.GetPublication(ctx, accountID, id)
}

// Publication is what is, was or will be published of a campaign; nil for nothing.
func (s *Service) Publication(ctx context.Context, accountID, id int64) (*Publication, error) {
	return s.store.GetPublication(ctx, accountID, id)
}

// AnswerPulls gives people what they asked for, and reports whether there was anybody.
// Each is answered once, whoever dies meanwhile: the message and that it is the answer
// are written together.
func (s *Service) AnswerPulls(ctx context.Context) (worked bool, err error) {
	pulls, err := s.store.OpenPulls(ctx)
	if err != nil {
		return false, err
	}
	var errs []error
	for _, p := range pulls {
		err := s.answer(ctx, p)
		if fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) {
			err = s.store.FailPull(ctx, p.ReplyID, err.Error()) // no later try can do better
		}
		if err != nil {
			// It is tried again, and nobody behind it waits for that.
			errs = append(errs, fmt.Errorf("answer reply %d: %w", p.ReplyID, err))
			continue
		}
		worked = true
	}
	return worked && len(errs) == 0, errors.Join(errs...)
}

func (s *Service) answer(ctx context.Context, p Pull) error {
	if p.Address == "" {
		return fault.New(fault.NotFound, "who asked was erased")
	}
	c, err := s.store.GetCampaign(ctx, p.AccountID, p.CampaignID)
	if err != nil {
		return err
	}
	channel, err := s.store.GetChannel(ctx, p.AccountID, p.ChannelID)
	if err != nil {
		return err
	}
	to := messages.Recipient{Address: p.Address}
	if p.ContactID != 0 {
		if to, err = s.store.RecipientOf(ctx, p.AccountID, p.ContactID, nil); err != nil {
			return err
		}
		to.Address = p.Address
	}
	can, err := s.messages.Can(channel)
	if err != nil {
		return err
	}
	carried := p.Said.Carried(can.Buttons)
	compiled, err := carried.Compile(p.Snippets)
	if err != nil {
		return err
	}
	content, tag, _, err := compiled.For(to.Language)
	if err != nil {
		return err
	}
	of, _, err := s.occasion(ctx, c, channel)
	if err != nil {
		return err
	}
	links := s.tokens.Links(messages.Unsubscriber{AccountID: p.AccountID, Kind: channel.Address, Address: to.Address})
	rendered, err := content.Render(ctx, to.Vars(of, links))
	if err != nil {
		return fault.InvalidField("content", nil, "%v", err)
	}
	return s.write(ctx, p, to, tag, rendered)
}

func (s *Service) write(ctx context.Context, p Pull, to messages.Recipient, language string, content providers.Content) error {
	_, err := s.messages.Write(ctx, messages.Outgoing{
		AccountID: p.AccountID, ChannelID: p.ChannelID, ContactID: to.ContactID, Address: to.Address, Language: language, ReplyID: p.ReplyID,
	}, content, map[string]string{"campaign_id": fmt.Sprint(p.CampaignID)})
	return err
}
