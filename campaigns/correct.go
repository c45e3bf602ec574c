package campaigns

import (
	"context"
	"errors"
	"fmt"
	"time"

	"carillon/internal/fault"
	"carillon/internal/words"
)

// Correction is what comes of it to correct a paused campaign.
type Correction struct {
	// HaveIt is how many have got it as it was, or may have. They are not sent it again.
	HaveIt int64
	// Recipients is how many have not: once it is resumed they get what it says then.
	Recipients int64
	// Runs are those that the recipients are in from now on; none in a preview.
	Runs []Run
}

// Correcting changes what campaigns say while they are under way.
type Correcting interface {
	// PreviewCorrection says what CorrectCampaign would do now, and errs as it does.
	PreviewCorrection(ctx context.Context, accountID, id int64) (Correction, error)
	// CorrectCampaign keeps what c says, and makes a run of it for everybody in the
	// campaign's runs to whom nothing has gone out, in place of theirs. It is NotFound if
	// there is no such campaign, and a Conflict unless it is paused, has runs that are under
	// way, and ErrStillSending while something of it is at a provider.
	CorrectCampaign(ctx context.Context, c Campaign, actor string) (Correction, error)
}

// ErrStillSending says that messages of a campaign are at the provider just now, so that
// nobody knows yet whether their people have got it.
var ErrStillSending = errors.New("messages are at the provider")

// For so long a correction waits until it is known what became of them.
const (
	stillSendingTries = 20
	stillSendingPause = 250 * time.Millisecond
)

// Correct changes what a paused campaign says, for everybody to whom nothing of it has gone
// out yet: their messages are canceled, and made anew of what it says now when it is
// resumed. Who has got it keeps what they got. With dry nothing is changed, and it says
// what would be.
func (s *Service) Correct(ctx context.Context, c Campaign, dry bool, actor string) (Correction, error) {
	current, err := s.ofOneStep(ctx, c.AccountID, c.ID)
	if err != nil {
		return Correction{}, err
	}
	if current.Experiment != nil {
		return Correction{}, fault.New(fault.Conflict, "campaign %d tries something out, and its numbers would be of two texts: cancel it, and duplicate it "+
			"for the rest: POST /v1/campaigns/%d/duplicate with rest, or carillon campaign duplicate %d --rest", c.ID, c.ID, c.ID)
	}
	c.Status, c.NextFireAt = current.Status, nil
	if err := s.validate(ctx, &c); err != nil {
		return Correction{}, err
	}
	for try := 0; ; try++ {
		var done Correction
		if dry {
			done, err = s.store.PreviewCorrection(ctx, c.AccountID, c.ID)
		} else {
			done, err = s.store.CorrectCampaign(ctx, c, actor)
		}
		if !errors.Is(err, ErrStillSending) || try == stillSendingTries {
			return done, err
		}
		if err := s.clock.Sleep(ctx, stillSendingPause); err != nil {
			return done, err
		}
	}
}

// Words say what a correction does.
func (c Correction) Words() []string {
	says := []string{fmt.Sprintf("%s will get what it says now, once it is resumed", words.Count(c.Recipients, "recipient"))}
	if c.HaveIt > 0 {
		says = append(says, fmt.Sprintf("%s got it as it was, or may have, and will not be sent it again", words.Count(c.HaveIt, "other")))
	}
	return says
}
