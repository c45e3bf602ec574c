package campaigns

import (
	"context"
	"time"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/templates"
	"carillon/templates/liquid"
)

// ValidateFlow refuses what can't be meant of a flow beside its steps, all wrong fields at
// once, and fills in defaults. Nobody need be in its audience, and it says nothing itself.
func (s *Service) ValidateFlow(ctx context.Context, c *Campaign) error {
	c.IsFlow = true
	wrong, err := fault.Gather(nil, s.validate(ctx, c))
	if err != nil {
		return err
	}
	for _, part := range []struct {
		field string
		given bool
	}{
		{"spread_over", c.Schedule.SpreadOver != ""}, {"expires_after", c.Schedule.ExpiresAfter != ""}, {"recipient_time", c.Schedule.RecipientTime},
	} {
		if part.given {
			wrong = append(wrong, fault.Field{Location: "schedule." + part.field,
				Message: "is of campaigns of one step: a flow has waits instead, by the recipient's clock"})
		}
	}
	return fault.InvalidFields(wrong)
}

// CheckSaying says what of a text or template a channel can't send, by the fields of a
// content, and which answers of a flow it asks for.
func (s *Service) CheckSaying(ctx context.Context, c Campaign, channel providers.Channel) (answers []string, wrong []fault.Field, err error) {
	if wrong, err = s.checkWording(ctx, c, channel); err != nil || len(wrong) > 0 {
		return nil, wrong, err
	}
	list, err := s.sayings(ctx, c, channel)
	if err != nil {
		return nil, nil, err
	}
	for _, said := range list {
		compiled, err := s.catalogue.CompileResolved(ctx, c.AccountID, said.Resolved)
		if err != nil {
			wrong, err = fault.Gather(wrong, err)
			return nil, wrong, err
		}
		answers = append(answers, compiled.Answers()...)
	}
	return answers, nil, nil
}

// Speak is what a text or template says to a recipient, as it would read now.
func (s *Service) Speak(ctx context.Context, c Campaign, channel providers.Channel) (v Voice, err error) {
	list, err := s.sayings(ctx, c, channel)
	if err != nil {
		return v, err
	}
	can, err := s.messages.Can(channel)
	if err != nil {
		return v, err
	}
	if v.window, err = s.messages.Window(channel); err != nil {
		return v, err
	}
	v.heard = func(ctx context.Context, address string) (time.Time, error) {
		return s.messages.HeardAt(ctx, channel, address)
	}
	carried := list[0].Carried(can.Buttons)
	if v.compiled, err = s.catalogue.CompileResolved(ctx, c.AccountID, carried); err != nil {
		return v, err
	}
	v.links = s.tokens.Links(messages.Unsubscriber{AccountID: c.AccountID})
	v.of, _, err = s.occasion(ctx, c, channel)
	return v, err
}

// Voice is what a channel says to people.
type Voice struct {
	compiled *templates.Compiled
	window   time.Duration
	heard    func(ctx context.Context, address string) (time.Time, error)
	of       *liquid.Occasion
	links    messages.Links
}

// Closed reports whether only what the provider has approved may go at a time to somebody who
// wrote to the channel then; zero is who did not.
func (v Voice) Closed(wrote, at time.Time) bool {
	return v.window > 0 && !wrote.After(at.Add(-v.window))
}

// Reaches reports whether there is something for who has a language while the window is closed.
func (v Voice) Reaches(language string) bool {
	content, _, _, err := v.compiled.For(language)
	if err == nil && content.Kept() {
		return true
	}
	content, _ = v.compiled.Outside(language)
	return content != nil
}

// Says is what somebody is told; closed says that the window is, for which Reaches must be true.
func (v Voice) Says(ctx context.Context, to messages.Recipient, closed bool) (providers.Content, error) {
	content, _, _, err := v.compiled.For(to.Language)
	if err != nil {
		return providers.Content{}, err
	}
	if closed && !content.Kept() {
		content, _ = v.compiled.Outside(to.Language)
	}
	return content.Render(ctx, to.Vars(v.of, v.links))
}

// Windowed reports whether it matters when people have written to the channel.
func (v Voice) Windowed() bool { return v.window > 0 }

// Heard is when an address wrote to the channel last; zero where that is not known.
func (v Voice) Heard(ctx context.Context, address string) (time.Time, error) {
	return v.heard(ctx, address)
}

// FlowTiming is when the messages of a flow may go, by the hours that hold now.
func (s *Service) FlowTiming(ctx context.Context, c Campaign, channel providers.Channel) (Timing, error) {
	quiet, err := s.quieting(ctx, channel)
	return NewTiming(c.Schedule, time.Time{}, channel.Timezone, quiet), err
}
