package campaigns

import (
	"context"
	"slices"
	"time"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/templates"
)

// Forecast is what a campaign would do if it were started now.
type Forecast struct {
	Preview
	// Kind is the channel's.
	Kind providers.AddressKind
	// Samples are up to three renderings.
	Samples []Sample
	// Notices say what may be a mistake, such as a misspelt name in a template.
	Notices []string
	// Feed is why the data feed can't be read now, and the samples go without it; nil
	// where it can, or there is none.
	Feed error
	// Duration is how long it takes at least under the limits; 0 where no limit
	// is set and the provider decides.
	Duration time.Duration
	// LimitedBy says which limit decides: "channel.per_second", "account.per_second",
	// "account.per_day", "campaign.per_second", "campaign.batch", "channel.warm_up",
	// "channel.recipients_per_day", or of the mailbox provider that is the first of Mailboxes
	// "mailbox.per_second", "mailbox.warm_up" or "mailbox.recipients_per_day"; empty if none is
	// set.
	LimitedBy string
	// Mailboxes say how long it takes at mailbox providers; nil where the channel has no limits
	// for them.
	Mailboxes *MailboxForecast
	// EndsAt is when the last recipient has a turn at the earliest; nil where no limit
	// is set.
	EndsAt *time.Time
	// StartsAt is when it would fire; nil for at once.
	StartsAt *time.Time
	// Waves are when the recipients of each zone have their turn, in order; empty where
	// all have theirs at once, whatever their zone.
	Waves []Wave
	// Coverage says who gets a template in which language; nil without one.
	Coverage *templates.Coverage
	// Deal says how many get which variant, or nothing; zero where nothing is tried out.
	Deal Deal
	// VariantNames are the names of the variants in their order.
	VariantNames []string
	// Outside are those who have not written within the channel's window.
	Outside Outside
	// OutsideHours is how many of them have to wait for their hours.
	OutsideHours int64
}

// Sample is a campaign rendered for one recipient.
type Sample struct {
	Recipient messages.Recipient
	// Variant is the name of the variant that it is; empty where there are none.
	Variant string
	// Language is that of the template's translation; empty without a template.
	Language string
	Content  providers.Content
	// Error says why it can't be rendered; such a recipient is skipped.
	Error string
	// sentHTML is how many bytes its HTML has as it is sent, if that is more.
	sentHTML int
}

// samples is how many recipients a preview renders for.
const samples = 3

// Preview predicts what a campaign does: how many it reaches, who is skipped
// and why, how it reads, how long it takes.
func (s *Service) Preview(ctx context.Context, accountID, id int64) (Forecast, error) {
	return s.forecast(ctx, accountID, id, true)
}

// Samples is a Preview without the numbers, which take seconds where there are
// millions of recipients.
func (s *Service) Samples(ctx context.Context, accountID, id int64) (Forecast, error) {
	return s.forecast(ctx, accountID, id, false)
}

// Drawn is somebody who would get a campaign.
type Drawn struct {
	messages.Recipient
	// Lists are those of the audience that it is in; empty for who is in it by a rule, or
	// because everybody is.
	Lists []contacts.Membership
}

// MostDrawn is how many are drawn at most.
const MostDrawn = 20

// Draw is up to n of those who would get a campaign if it were started now, others each time.
// It is Invalid where n is not from 1 to MostDrawn, or the audience is wrong.
func (s *Service) Draw(ctx context.Context, accountID, id int64, n int) ([]Drawn, error) {
	if n < 1 || n > MostDrawn {
		return nil, fault.InvalidField("n", n, "must be from 1 to %d", MostDrawn)
	}
	c, err := s.ofOneStep(ctx, accountID, id)
	if err != nil {
		return nil, err
	}
	channel, err := s.store.GetChannel(ctx, accountID, c.ChannelID)
	if err != nil {
		return nil, err
	}
	missing, err := s.store.CheckAudience(ctx, accountID, &c.Audience)
	if err != nil {
		return nil, err
	}
	if err := fault.InvalidFields(missing); err != nil {
		return nil, err
	}
	return s.store.DrawAudience(ctx, channel, c.Audience, c.CategoryID, n)
}

func (s *Service) forecast(ctx context.Context, accountID, id int64, count bool) (f Forecast, err error) {
	c, err := s.ofOneStep(ctx, accountID, id)
	if err != nil {
		return Forecast{}, err
	}
	channel, err := s.store.GetChannel(ctx, accountID, c.ChannelID)
	if err != nil {
		return Forecast{}, err
	}
	missing, err := s.store.CheckAudience(ctx, accountID, &c.Audience)
	if err != nil {
		return Forecast{}, err
	}
	if err := fault.InvalidFields(missing); err != nil {
		return Forecast{}, err
	}
	f.Kind = channel.Address
	if err := s.sample(ctx, c, channel, &f); err != nil {
		return Forecast{}, err
	}
	if at, ok, err := c.Schedule.Instant(channel.Timezone); err == nil && ok && at.After(s.clock.Now()) {
		at = c.Schedule.Fires(at, channel.Timezone)
		f.StartsAt = &at
	}
	if !count {
		return f, nil
	}
	if f.Preview, err = s.store.PreviewAudience(ctx, channel, c.Audience, c.CategoryID); err != nil {
		return Forecast{}, err
	}
	f.Duration, f.LimitedBy = boundsOf(channel, c.Throttle).estimate(f.Reachable)
	if err := s.forecastMailboxes(ctx, c, channel, &f); err != nil {
		return Forecast{}, err
	}
	if f.LimitedBy != "" {
		begins := s.clock.Now()
		if f.StartsAt != nil {
			begins = *f.StartsAt
		}
		ends := begins.Add(f.Duration)
		f.EndsAt = &ends
	}
	f.VariantNames = c.Experiment.Names()
	if err := s.cover(ctx, c, channel, &f); err != nil {
		return Forecast{}, err
	}
	if len(f.VariantNames) > 0 {
		if f.Deal, err = s.store.DealAudience(ctx, channel, c.Audience, c.CategoryID); err != nil {
			return Forecast{}, err
		}
	}
	list, err := s.sayings(ctx, c, channel)
	if err != nil {
		return Forecast{}, err
	}
	if f.Outside, err = s.outside(ctx, c, channel, list); err != nil {
		return Forecast{}, err
	}
	return f, s.forecastWaves(ctx, c, channel, &f)
}

// cover says who gets a template in which language. Of variants the first is told of
// that has one.
func (s *Service) cover(ctx context.Context, c Campaign, channel providers.Channel, f *Forecast) error {
	list, err := s.sayings(ctx, c, channel)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(list, func(said saying) bool { return said.TemplateID != 0 })
	if at < 0 {
		return nil
	}
	people, err := s.store.AudienceLanguages(ctx, channel, c.Audience, c.CategoryID)
	if err != nil {
		return err
	}
	coverage := list[at].Languages.Cover(people)
	f.Coverage = &coverage
	return nil
}

// sample renders a campaign for some of its recipients, each variant for the same ones,
// and looks for mistakes.
func (s *Service) sample(ctx context.Context, c Campaign, channel providers.Channel, f *Forecast) error {
	list, err := s.sayings(ctx, c, channel)
	if err != nil {
		return err
	}
	columns, attributes, err := s.store.TemplateNames(ctx, c.AccountID, c.Audience.Uploads)
	if err != nil {
		return err
	}
	recipients, err := s.store.SampleAudience(ctx, channel, c.Audience, c.CategoryID, samples)
	if err != nil {
		return err
	}
	can, err := s.messages.Can(channel)
	if err != nil {
		return err
	}
	of, unread, err := s.occasion(ctx, c, channel)
	if err != nil {
		return err
	}
	f.Feed = unread
	for _, said := range list {
		compiled, err := s.catalogue.CompileResolved(ctx, c.AccountID, said.Carried(can.Buttons))
		if err != nil {
			return within(said.at, err)
		}
		notices := compiled.Unknown(columns, attributes, of.Feed)
		if s.tokens.Base(c.AccountID) == "" {
			for _, name := range pagesOf(said.Resolved) {
				notices = append(notices, name+" renders as nothing: no public_url is set (CARILLON_PUBLIC_URL, or carillon settings set --public-url)")
			}
		}
		for _, notice := range notices {
			if !slices.Contains(f.Notices, notice) {
				f.Notices = append(f.Notices, notice)
			}
		}
		for _, r := range recipients {
			links := s.tokens.Links(messages.Unsubscriber{AccountID: c.AccountID, Kind: channel.Address, Address: r.Address})
			sample := Sample{Recipient: r, Variant: said.name}
			content, tag, _, err := compiled.For(r.Language)
			if err == nil {
				sample.Language = tag
				sample.Content, err = content.Render(ctx, r.Vars(of, links))
			}
			if err != nil {
				sample.Error = err.Error()
			}
			f.Samples = append(f.Samples, sample)
		}
	}
	return nil
}
