package campaigns

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"carillon/internal/fault"
)

// Bounds of a campaign.
const (
	maxName       = 200
	defaultWeight = 1
	maxWeight     = 100
)

// validate refuses a campaign that could not be sent, all wrong fields at once,
// and fills in defaults.
func (s *Service) validate(ctx context.Context, c *Campaign) error {
	var wrong []fault.Field
	add := func(location string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: location, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	c.Name = strings.TrimSpace(c.Name)
	if n := utf8.RuneCountInString(c.Name); n == 0 || n > maxName {
		add("name", nil, "a campaign needs a name of 1 to %d characters", maxName)
	}
	if c.Weight == 0 {
		c.Weight = defaultWeight
	}
	if c.Weight < 1 || c.Weight > maxWeight {
		add("weight", c.Weight, "must be from 1 to %d", maxWeight)
	}
	wrong = append(wrong, c.DataFeed.check()...)
	wrong = append(wrong, c.Conversion.check()...)
	if c.Throttle.PerSecond < 0 || c.Throttle.MaxAttempts < 0 {
		add("throttle", nil, "must not be negative")
	}
	wrong = append(wrong, c.Throttle.Batch.Check()...)
	if c.CategoryID != 0 {
		known, err := s.store.HasCategory(ctx, c.AccountID, c.CategoryID)
		if err != nil {
			return err
		}
		if !known {
			add("category_id", c.CategoryID, "there is no such category: GET /v1/categories lists them")
		}
	}
	wrong = append(wrong, c.About.check()...)
	c.Experiment.normal()
	wrong = append(wrong, c.Experiment.check(c.Schedule.Delivery)...)
	channel, err := s.store.GetChannel(ctx, c.AccountID, c.ChannelID)
	switch {
	case fault.Is(err, fault.NotFound):
		add("channel_id", c.ChannelID, "there is no such channel: GET /v1/channels lists them")
		if _, err := s.catalogue.Compile(ctx, c.AccountID, c.Content); err != nil {
			if wrong, err = fault.Gather(wrong, err); err != nil {
				return err
			}
		}
	case err != nil:
		return err
	case c.IsFlow: // each step has its own
	default:
		fields, err := s.checkWording(ctx, *c, channel)
		if err != nil {
			return err
		}
		wrong = append(wrong, fields...)
		if fields, err = s.checkExperiment(*c, channel); err != nil {
			return err
		}
		wrong = append(wrong, fields...)
		if fields, err = s.checkTracking(*c, channel); err != nil {
			return err
		}
		wrong = append(wrong, fields...)
	}
	o, err := s.compiledWith(ctx, c.AccountID, c.Schedule, channel.Timezone)
	if err != nil {
		return err
	}
	if err := c.Schedule.Validate(o); err != nil {
		if wrong, err = fault.Gather(wrong, err); err != nil {
			return err
		}
	}
	if c.IsFlow && !c.Audience.All && !c.Audience.Some() {
		return fault.InvalidFields(wrong)
	}
	if err := c.Audience.Validate(); err != nil {
		if wrong, err = fault.Gather(wrong, err); err != nil {
			return err
		}
	} else {
		missing, err := s.store.CheckAudience(ctx, c.AccountID, &c.Audience)
		if err != nil {
			return err
		}
		wrong = append(wrong, missing...)
	}
	return fault.InvalidFields(wrong)
}

// shorten cuts a text to at most n letters.
func shorten(s string, n int) string {
	if letters := []rune(s); len(letters) > n {
		return string(letters[:n-1]) + "…"
	}
	return s
}
