package campaigns

import (
	"context"
	"time"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
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
func (s *Service) Speak(ctx context.Context, c Campaign, channel providers.Channel) (func(context.Context, messages.Recipient) (providers.Content,
	error), error) {
	list, err := s.sayings(ctx, c, channel)
	if err != nil {
		return nil, err
	}
	can, err := s.messages.Can(channel)
	if err != nil {
		return nil, err
	}
	carried := list[0].Carried(can.Buttons)
	compiled, err := s.catalogue.CompileResolved(ctx, c.AccountID, carried)
	if err != nil {
		return nil, err
	}
	of, _, err := s.occasion(ctx, c, channel)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, to messages.Recipient) (providers.Content, error) {
		content, _, _, err := compiled.For(to.Language)
		if err != nil {
			return providers.Content{}, err
		}
		return content.Render(ctx, to.Vars(of, s.tokens.Links(messages.Unsubscriber{AccountID: c.AccountID})))
	}, nil
}

// FlowTiming is when the messages of a flow may go, by the hours that hold now.
func (s *Service) FlowTiming(ctx context.Context, c Campaign, channel providers.Channel) (Timing, error) {
	quiet, err := s.quieting(ctx, channel)
	return NewTiming(c.Schedule, time.Time{}, channel.Timezone, quiet), err
}
