package campaigns

import (
	"context"
	"fmt"
	"time"

	"carillon/internal/words"
	"carillon/providers"
	"carillon/templates"
)

// Outside is how many of those who would be sent to have not written within the channel's window
// until now, and would not be sent what others are.
type Outside struct {
	// Skipped get nothing, and Template the template of window_template.
	Skipped, Template int64
}

// outside counts who is outside of a channel's window now, by what they would be sent. Of variants
// it is the one that skips the most.
func (s *Service) outside(ctx context.Context, c Campaign, channel providers.Channel, list []saying) (most Outside, err error) {
	window, err := s.messages.Window(channel)
	if err != nil || window == 0 {
		return most, err
	}
	people, err := s.store.UnheardLanguages(ctx, channel, c.Audience, c.CategoryID, s.clock.Now().Add(-window))
	if err != nil {
		return most, err
	}
	for _, said := range list {
		of := outsideOf(said.Resolved, people)
		if of.Skipped > most.Skipped || of.Skipped == most.Skipped && of.Template > most.Template {
			most = of
		}
	}
	return most, nil
}

// outsideOf is what becomes of people by their languages who are outside of the window.
func outsideOf(said templates.Resolved, people map[string]int64) (of Outside) {
	for language, n := range people {
		switch content, _, _ := said.For(language); {
		case content.Kept != nil: // which everybody may be sent
		case content.Outside != nil:
			of.Template += n
		default:
			of.Skipped += n
		}
	}
	return of
}

// checkWindow warns of those whom a campaign would skip because they have not written.
func (s *Service) checkWindow(ctx context.Context, c Campaign, channel providers.Channel, list []saying) (checks Checks, err error) {
	of, err := s.outside(ctx, c, channel, list)
	if err != nil || of.Skipped == 0 {
		return checks, err
	}
	window, err := s.messages.Window(channel)
	if err != nil {
		return checks, err
	}
	can, err := s.messages.Can(channel)
	if err != nil {
		return checks, err
	}
	but, remedy := "", "write to them by another channel (a flow's fallback)"
	if can.Templates {
		but, remedy = " but approved templates", "name a template for them in window_template that is approved in their languages"
	}
	checks.Warnings = append(checks.Warnings, Check{
		Code: CheckWindow, Field: "content",
		Message: fmt.Sprintf("%s would be skipped: they have not written to the channel in the last %s, and a %s channel sends such people nothing%s",
			words.Count(of.Skipped, "recipient"), long(window), channel.Provider, but),
		Remedy: fmt.Sprintf("%s; and see that what people write comes to /hooks/%d", remedy, channel.ID),
	})
	return checks, nil
}

// long is a window in words: 24 hours, 7 days.
func long(window time.Duration) string {
	if window < 48*time.Hour {
		return words.Count(int64(window.Hours()), "hour")
	}
	return words.Duration(window)
}
