package campaigns

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/words"
	"carillon/messages"
	"carillon/targeting"
)

// Resend says to whom a run is to be sent again: whoever has messages of it, or of the
// resends of it, that are like this.
type Resend struct {
	// RunID is the run; 0 is the campaign's latest that is no resend itself.
	RunID int64
	// States are those of the messages, of which there has to be one; Reasons and Not are
	// as in targeting.ByMessages.
	States  []messages.State
	Reasons []string
	Not     string
	// EvenIfSent sends it to people who have got it, or may have. Without it they are left
	// out. Who is about to get it always is.
	EvenIfSent bool
}

// ResendPreview is what a resend does.
type ResendPreview struct {
	// RunID is the run that is sent again.
	RunID int64
	// Preview is of those to whom it goes; the planner does exactly that.
	Preview
	// HaveIt is how many are like that and left out, because they have it, or are about
	// to.
	HaveIt int64
}

// Resending makes runs for those whom a run did not reach.
type Resending interface {
	// PreviewResend says what a resend would do now. It is NotFound if there is no such
	// campaign or run of it, and a Conflict if nothing of the campaign is sent any more, or
	// nothing of it was sent yet.
	PreviewResend(ctx context.Context, accountID, campaignID int64, r Resend) (ResendPreview, error)
	// ResendRun makes the run and freezes to whom it goes, and returns how many these are:
	// with 0 there is no run. It errs as PreviewResend does.
	ResendRun(ctx context.Context, accountID, campaignID int64, r Resend, actor string) (run Run, recipients int64, err error)
}

// notGotten are the states of messages that are over and brought nobody anything.
func notGotten() []messages.State {
	return []messages.State{messages.Failed, messages.Rejected, messages.Skipped, messages.Canceled}
}

// Has are the states of messages because of which their people are left out.
func (r Resend) Has() []messages.State {
	has := []messages.State{messages.Pending, messages.Queued, messages.Sending}
	if !r.EvenIfSent {
		has = append(has, messages.Sent, messages.Delivered, messages.Read, messages.Unknown)
	}
	return has
}

// check refuses what can't be meant.
func (r Resend) check() error {
	if len(r.States) == 0 {
		return fault.InvalidField("states", nil, "say which: failed, rejected, skipped or canceled; what was sent, or may have been, only with even_if_sent")
	}
	for i, state := range r.States {
		at := fmt.Sprintf("states[%d]", i)
		switch {
		case slices.Contains(notGotten(), state):
		case state.Active():
			return fault.InvalidField(at, state.String(), "these people are about to get it: wait until it is settled")
		case state == messages.Unknown && !r.EvenIfSent:
			return fault.InvalidField(at, state.String(), "these people may have got it: settle it first, or say even_if_sent if they are to get it again")
		case !r.EvenIfSent:
			return fault.InvalidField(at, state.String(), "these people have got it: say even_if_sent if they are to get it again")
		}
	}
	for i, reason := range r.Reasons {
		if !slices.Contains(messages.Reasons(), reason) {
			return fault.InvalidField(fmt.Sprintf("reasons[%d]", i), reason, "is no reason of a message: one of %s", strings.Join(messages.Reasons(), ", "))
		}
	}
	if r.Not != "" && !slices.Contains(targeting.Nots(), r.Not) {
		return fault.InvalidField("not", r.Not, "%s", targeting.WrongNot())
	}
	return nil
}

// PreviewResend says what a resend would do now.
func (s *Service) PreviewResend(ctx context.Context, accountID, id int64, r Resend) (ResendPreview, error) {
	if err := r.check(); err != nil {
		return ResendPreview{}, err
	}
	if by := Metric(r.Not); by == ByOpened || by == ByClicked {
		c, err := s.store.GetCampaign(ctx, accountID, id)
		if err != nil {
			return ResendPreview{}, err
		}
		if !tells(c, by) {
			return ResendPreview{}, fault.InvalidField("not", r.Not, "%s", untracked(by))
		}
	}
	return s.store.PreviewResend(ctx, accountID, id, r)
}

// Resend sends a run of a campaign again to those whom it did not reach, with the content
// that the campaign has now. Whoever has it, or is about to get it, is left out. Who it
// goes to is frozen when it returns: asking for the same again finds nobody, as long as
// these are under way. If there is nobody, no run is made, and that which is returned has
// no id.
func (s *Service) Resend(ctx context.Context, accountID, id int64, r Resend, actor string) (ResendPreview, Run, error) {
	p, err := s.PreviewResend(ctx, accountID, id, r)
	if err != nil {
		return p, Run{}, err
	}
	c, err := s.ofOneStep(ctx, accountID, id)
	if err != nil {
		return p, Run{}, err
	}
	if _, err := s.store.GetChannel(ctx, accountID, c.ChannelID); fault.Is(err, fault.NotFound) {
		return p, Run{}, fault.New(fault.Conflict, "the channel of campaign %d was deleted: duplicate the campaign and choose another channel", id)
	} else if err != nil {
		return p, Run{}, err
	}
	r.RunID = p.RunID
	run, recipients, err := s.store.ResendRun(ctx, accountID, id, r, actor)
	if err == nil && recipients != p.Total {
		// Something has changed in between: what was made is what counts.
		p.HaveIt += max(0, p.Total-recipients)
		p.Total = recipients
		p.Reachable = min(p.Reachable, recipients)
	}
	return p, run, err
}

// Words are the filter in words, such as "failed with attempts_used_up".
func (r Resend) Words() string {
	names := make([]string, len(r.States))
	for i, state := range r.States {
		names[i] = state.String()
	}
	text := strings.Join(names, ", ")
	if len(r.Reasons) > 0 {
		text += " with " + strings.Join(r.Reasons, ", ")
	}
	if r.Not != "" {
		text += ", not " + r.Not
	}
	return text
}

// Words say what a resend does.
func (p ResendPreview) Words(r Resend) []string {
	says := []string{fmt.Sprintf("%s of run %d will be sent it again (%s)", words.Count(p.Total, "recipient"), p.RunID, r.Words())}
	if p.Total == 0 {
		says = []string{fmt.Sprintf("nobody of run %d is to be sent it again (%s): nothing will be done", p.RunID, r.Words())}
	}
	if n := p.Total - p.Reachable; n > 0 {
		says = append(says, fmt.Sprintf("%d of them are skipped: what kept them from getting it is not mended, or something else does now", n))
	}
	if p.HaveIt > 0 {
		says = append(says, fmt.Sprintf("%d more are left out: they have it, or may, or are about to get it", p.HaveIt))
	}
	if r.EvenIfSent && p.Total > 0 {
		says = append(says, "whoever of them has got it gets it twice")
	}
	return says
}
