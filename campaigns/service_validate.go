package campaigns

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/providers"
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
	if c.Throttle.PerSecond < 0 || c.Throttle.MaxAttempts < 0 {
		add("throttle", nil, "must not be negative")
	}
	if c.CategoryID != 0 {
		known, err := s.store.HasCategory(ctx, c.AccountID, c.CategoryID)
		if err != nil {
			return err
		}
		if !known {
			add("category_id", c.CategoryID, "there is no such category: GET /v1/categories lists them")
		}
	}
	channel, err := s.store.GetChannel(ctx, c.AccountID, c.ChannelID)
	switch {
	case fault.Is(err, fault.NotFound):
		add("channel_id", c.ChannelID, "there is no such channel: GET /v1/channels lists them")
		if _, err := s.compile(ctx, c.AccountID, c.Content); err != nil {
			if wrong, err = gather(wrong, err); err != nil {
				return err
			}
		}
	case err != nil:
		return err
	default:
		fields, err := s.checkContent(ctx, c.Content, channel)
		if err != nil {
			return err
		}
		wrong = append(wrong, fields...)
	}
	if _, _, err := c.Schedule.Instant(channel.Timezone); err != nil {
		if wrong, err = gather(wrong, err); err != nil {
			return err
		}
	}
	if err := c.Audience.Validate(); err != nil {
		if wrong, err = gather(wrong, err); err != nil {
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

// gather adds the fields of an Invalid error to those found so far; any other
// error comes back.
func gather(wrong []fault.Field, err error) ([]fault.Field, error) {
	var f *fault.Error
	if errors.As(err, &f) && f.Code == fault.Invalid && len(f.Fields) > 0 {
		return append(wrong, f.Fields...), nil
	}
	return wrong, err
}

// checkContent says what of a content its channel can't send, and compiles it with the
// account's snippets.
func (s *Service) checkContent(ctx context.Context, content providers.Content, channel providers.Channel) ([]fault.Field, error) {
	kind, err := s.kinds.Kind(channel.Provider)
	if err != nil {
		return nil, err
	}
	var wrong []fault.Field
	add := func(location, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "content." + location, Message: fmt.Sprintf(format, args...)})
	}
	can := kind.Capabilities
	if content.Text == "" && content.HTML == "" && content.Attachment == nil {
		add("text", "there is nothing to send: give a text, or html on an e-mail channel")
	}
	if content.Subject != "" && !can.Subject {
		add("subject", "a %s channel sends no subject: leave it out", channel.Provider)
	}
	if can.Subject && channel.Address == providers.Email && strings.TrimSpace(content.Subject) == "" {
		add("subject", "e-mail needs a subject")
	}
	if content.HTML != "" && !can.HTML {
		add("html", "a %s channel sends no HTML: use text", channel.Provider)
	}
	if content.Preheader != "" && content.HTML == "" {
		add("preheader", "stands in the HTML part: give html, or leave it out")
	}
	if can.MaxTextBytes > 0 && len(content.Text) > can.MaxTextBytes {
		add("text", "has %d bytes; a %s channel sends at most %d", len(content.Text), channel.Provider, can.MaxTextBytes)
	}
	if a := content.Attachment; a != nil && !strings.Contains(a.URL, "{") {
		if u, err := url.Parse(a.URL); err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
			add("attachment.url", "must be an address such as https://example.org/menu.pdf")
		}
	}
	if _, err := s.compile(ctx, channel.AccountID, content); err != nil {
		return gather(wrong, err)
	}
	return wrong, nil
}

// shorten cuts a text to at most n letters.
func shorten(s string, n int) string {
	if letters := []rune(s); len(letters) > n {
		return string(letters[:n-1]) + "…"
	}
	return s
}
