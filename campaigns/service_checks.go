package campaigns

import (
	"context"
	"errors"
	"strings"
	"time"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/targeting"
)

// Gauge knows the sizes of audiences.
type Gauge interface {
	// AudienceIsEmpty reports whether nobody is in an audience, reachable or not.
	AudienceIsEmpty(ctx context.Context, channel providers.Channel, audience targeting.Audience) (bool, error)
	// LastAudience is how many recipients the newest run on a channel had that was no
	// resend, and not of the campaign except; 0 if there is none.
	LastAudience(ctx context.Context, channelID, except int64) (int64, error)
}

// Check says what stands in the way of a campaign before it is started, and what may be a
// mistake, each with what mends it. It counts the audience, which takes seconds where
// there are millions of recipients.
func (s *Service) Check(ctx context.Context, accountID, id int64) (checks Checks, err error) {
	c, err := s.ofOneStep(ctx, accountID, id)
	if err != nil {
		return checks, err
	}
	if checks, err = blocked(checks, CheckInvalid, s.validate(ctx, &c)); err != nil || len(checks.Blockers) > 0 {
		return checks, err // nothing else can be said of it
	}
	channel, err := s.store.GetChannel(ctx, accountID, c.ChannelID)
	if err != nil {
		return checks, err
	}
	for _, check := range []struct {
		code string
		err  error
	}{
		{CheckSchedulePast, s.stillToCome(ctx, c, channel)}, {CheckHours, s.checkHours(ctx, c, channel)}, {CheckUpload, s.uploadsReady(ctx, c)},
		{CheckApproval, s.approved(ctx, c)},
	} {
		if checks, err = blocked(checks, check.code, check.err); err != nil {
			return checks, err
		}
	}
	from, signed, err := s.messages.Domains(channel)
	if err != nil {
		return checks, err
	}
	checks = checks.and(checkSender(from, signed))
	var f Forecast
	if err := s.sample(ctx, c, channel, &f); err != nil {
		return checks, err
	}
	list, err := s.sayings(ctx, c, channel)
	if err != nil {
		return checks, err
	}
	for _, said := range list {
		more, err := s.checkSaying(ctx, c, channel, said, f)
		if err != nil {
			return checks, err
		}
		checks = checks.and(more)
	}
	more, err := s.checkWindow(ctx, c, channel, list)
	if err != nil {
		return checks, err
	}
	checks = checks.and(more)
	if f.Feed != nil {
		checks.Warnings = append(checks.Warnings, Check{
			Code: CheckDataFeed, Field: "feed", Message: "the data feed can't be read now: " + f.Feed.Error(),
			Remedy: "mend it before the campaign fires: a run waits ten minutes for it, and fails then",
		})
	}
	for _, notice := range f.Notices {
		checks.Warnings = append(checks.Warnings, Check{Code: CheckUnknownName, Field: "content", Message: notice, Remedy: "correct the name, or give it a default"})
	}
	preview, err := s.store.PreviewAudience(ctx, channel, c.Audience, c.CategoryID)
	if err != nil {
		return checks, err
	}
	last, err := s.store.LastAudience(ctx, channel.ID, id)
	if err != nil {
		return checks, err
	}
	checks = checks.and(checkAudience(preview, last, c.atOnce()))
	if channel.Status != providers.ChannelActive && channel.Status != "" {
		checks.Warnings = append(checks.Warnings, Check{
			Code: CheckChannel, Field: "channel_id", Message: "the channel is " + string(channel.Status) + ": nothing goes out until it is resumed",
			Remedy: "resume the channel",
		})
	}
	return checks, nil
}

// checkSaying checks what is said to everybody, or to those of one variant.
func (s *Service) checkSaying(ctx context.Context, c Campaign, channel providers.Channel, said saying, f Forecast) (checks Checks, err error) {
	var samples []Sample
	for _, sample := range f.Samples {
		if sample.Variant == said.name {
			samples = append(samples, sample)
		}
	}
	can, err := s.messages.Can(channel)
	if err != nil {
		return checks, err
	}
	for i := range samples {
		samples[i].sentHTML = s.trackedHTML(c, samples[i].Content)
	}
	checks = checkContent(said.Resolved, samples).and(checkCarried(said.Resolved, channel, can))
	checks = checks.and(s.checkAttached(ctx, attachedAt(said.Resolved, samples), channel, can))
	if said.TemplateID != 0 {
		people, err := s.store.AudienceLanguages(ctx, channel, c.Audience, c.CategoryID)
		if err != nil {
			return checks, err
		}
		checks = checks.and(checkTranslations(said.Languages.Cover(people), said.Resolved))
	}
	if s.lacksPages(channel, can) {
		checks = checks.and(checkPublicURL(said.Resolved))
	}
	if channel.Address == providers.Email {
		links := make([]messages.Links, len(samples))
		for i, sample := range samples {
			links[i] = s.tokens.Links(messages.Unsubscriber{AccountID: c.AccountID, Kind: channel.Address, Address: sample.Recipient.Address})
		}
		checks = checks.and(checkUnsubscribe(said.Resolved, samples, links))
	}
	return checks.in(said.at), nil
}

// lacksPages reports whether mails that reach people go out without addresses for the pages of
// their recipients.
func (s *Service) lacksPages(channel providers.Channel, can providers.Capabilities) bool {
	return channel.Address == providers.Email && !can.Pretends && s.tokens.Base(channel.AccountID) == ""
}

// atOnce reports whether the campaign is sent as soon as it is started.
func (c Campaign) atOnce() bool { return c.Schedule.At == "" && !c.Schedule.Recurs() }

// approved refuses a draft that needs approval and has none.
func (s *Service) approved(ctx context.Context, c Campaign) error {
	if c.Status != Draft {
		return nil
	}
	return s.store.CheckApproval(ctx, c)
}

// stillToCome refuses a schedule of which nothing is to come.
func (s *Service) stillToCome(ctx context.Context, c Campaign, channel providers.Channel) error {
	if c.Status != Draft {
		return nil
	}
	if c.Schedule.Recurs() {
		_, err := s.nextFiring(ctx, c, channel)
		return err
	}
	_, err := s.due(c, channel)
	return err
}

// blocked adds what an error says to the blockers; what is nobody's mistake stays an
// error.
func blocked(checks Checks, code string, err error) (Checks, error) {
	var f *fault.Error
	switch {
	case err == nil:
		return checks, nil
	case !errors.As(err, &f) || f.Code != fault.Invalid && f.Code != fault.Conflict:
		return checks, err
	case len(f.Fields) == 0:
		checks.Blockers = append(checks.Blockers, Check{Code: code, Message: f.Message, Remedy: remedyOf(code)})
	}
	for _, field := range f.Fields {
		checks.Blockers = append(checks.Blockers, Check{Code: code, Field: field.Location, Message: field.Message, Remedy: remedyOf(code)})
	}
	return checks, nil
}

// remedyOf is what mends what an error says.
func remedyOf(code string) string {
	switch code {
	case CheckSchedulePast:
		return "set a time to come, or none to start it at once"
	case CheckApproval:
		return "propose it, and have another person approve it with their key"
	case CheckHours:
		return "change the hours of the campaign, of its channel, or of the account"
	case CheckUpload:
		return "wait until the upload is finished; upload the file again if it failed, or leave it out"
	}
	return "change the campaign"
}

// unblocked refuses to start what can't be meant; what takes long to find out is left to
// Check. at is when it would fire, zero for now.
func (s *Service) unblocked(ctx context.Context, c Campaign, channel providers.Channel, at time.Time, withoutLinks bool) error {
	list, err := s.sayings(ctx, c, channel)
	if err != nil {
		return err
	}
	can, err := s.messages.Can(channel)
	if err != nil {
		return err
	}
	var checks Checks
	for _, said := range list {
		checks = checks.and(checkContent(said.Resolved, nil).in(said.at))
		if s.lacksPages(channel, can) && !withoutLinks {
			checks = checks.and(checkPublicURL(said.Resolved).in(said.at))
		}
	}
	if at.IsZero() && !c.Schedule.Recurs() {
		empty, err := s.store.AudienceIsEmpty(ctx, channel, c.Audience)
		if err != nil {
			return err
		}
		if empty {
			checks.Blockers = append(checks.Blockers, emptyAudience())
		}
	}
	if len(checks.Blockers) == 0 {
		return nil
	}
	lines := make([]string, len(checks.Blockers))
	for i, check := range checks.Blockers {
		lines[i] = check.String()
	}
	return fault.New(fault.Conflict, "campaign %d can't be started: %s", c.ID, strings.Join(lines, "; "))
}
