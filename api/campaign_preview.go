package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/campaigns"
	"carillon/providers"
	"carillon/templates"
)

// Forecast is what a campaign would do if it were started now.
type Forecast struct {
	Kind      string           `json:"kind" enum:"email,phone,sms,whatsapp,telegram,viber,facebook,instagram,push,web,custom" doc:"The kind of address that it goes to."`
	Total     *int64           `json:"total,omitempty" doc:"Recipients; absent with count=false, as the other numbers are."`
	Reachable *int64           `json:"reachable,omitempty" doc:"How many of them will be sent to."`
	Skipped   map[string]int64 `json:"skipped,omitzero" doc:"The others, by reason."`
	Samples   []Sample         `json:"samples"`
	Notices   []string         `json:"notices,omitempty" doc:"What may be a mistake, such as a misspelt name in a template."`
	FeedError string           `json:"feed_error,omitempty" doc:"Why the data feed can't be read now; the samples are rendered without it."`
	// Seconds is absent where no limit is set.
	Seconds   *float64 `json:"seconds,omitempty" doc:"How long it takes at least under the limits; absent where none is set."`
	LimitedBy string   `json:"limited_by,omitempty" enum:"channel.per_second,account.per_second,account.per_day,campaign.per_second,campaign.batch,channel.warm_up,channel.recipients_per_day,mailbox.per_second,mailbox.warm_up,mailbox.recipients_per_day" doc:"The limit that decides; one of mailbox is of the first of mailboxes.at."`
	// Mailboxes is absent where the channel has no limits for mailbox providers.
	Mailboxes *MailboxForecast `json:"mailboxes,omitempty" doc:"How long it takes at mailbox providers, on a channel with limits.mailboxes, as far as that is known before anything is sent: recipients are counted at the own domains of the large ones, such as gmail.com, and nothing is looked up in the DNS."`
	StartsAt  *time.Time       `json:"starts_at,omitempty"`
	EndsAt    *time.Time       `json:"ends_at,omitempty" doc:"When the last recipient has a turn at the earliest; absent where no limit is set."`
	Waves     []Wave           `json:"waves,omitempty" doc:"When the recipients of each zone have their turn, in order, the first 100; absent where all have theirs at once."`
	Variants  []DealtVariant   `json:"variants,omitempty" doc:"How many get which variant in the test."`
	Waiting   int64            `json:"waiting,omitempty" doc:"How many of those who will be sent to wait for the variant that wins."`
	// OutsideHours is absent where nobody waits.
	OutsideHours int64 `json:"outside_hours,omitempty" doc:"How many have to wait for the hours at which they may be written to."`
	// OutsideWindow is absent where the channel has no window, or everybody has written within it.
	OutsideWindow *OutsideWindow      `json:"outside_window,omitempty" doc:"Who has not written to the channel within its window (WhatsApp: 24 hours) until now, and may be sent nothing but approved templates; of variants, the one that skips the most."`
	Coverage      *templates.Coverage `json:"coverage,omitempty" doc:"Who gets the template in which language, and who has one that it lacks; absent without a template."`
}

// MailboxForecast is how long a campaign takes at mailbox providers.
type MailboxForecast struct {
	At        []MailboxShare `json:"at" doc:"Those for which the channel has limits, the slowest first."`
	Elsewhere int64          `json:"elsewhere" doc:"How many recipients are at other domains. Any mailbox provider may host these, which is found out when they are sent to: they are not in the estimate, and may make it longer."`
}

// MailboxShare is what of a campaign goes to one mailbox provider.
type MailboxShare struct {
	Mailbox    string  `json:"mailbox" doc:"Its name." example:"google"`
	Recipients int64   `json:"recipients"`
	Seconds    float64 `json:"seconds" doc:"How long it takes at least; 0 where limits.mailboxes sets no limit for it."`
}

// OutsideWindow is how many have not written to a channel within its window, by what they would get.
type OutsideWindow struct {
	Skipped  int64 `json:"skipped" doc:"How many would be skipped, with the reason window."`
	Template int64 `json:"template" doc:"How many would get the template of window_template."`
}

// Wave is when the recipients of some zones have their turn.
type Wave struct {
	At         time.Time `json:"at"`
	Zones      []string  `json:"zones" doc:"IANA names, the campaign's own for who has none; the first 20."`
	ZoneCount  int       `json:"zone_count"`
	Recipients int64     `json:"recipients"`
	Waits      bool      `json:"waits,omitempty" doc:"Later than was meant, because of hours."`
}

// DealtVariant is how many of an audience get a variant.
type DealtVariant struct {
	Variant    string `json:"variant"`
	Recipients int64  `json:"recipients"`
}

// DrawnContact is one of those who would get a campaign.
type DrawnContact struct {
	ContactID int64        `json:"contact_id"`
	Name      string       `json:"name,omitempty" personal:"names"`
	Address   string       `json:"address" personal:"addresses"`
	Language  string       `json:"language,omitempty"`
	Lists     []Membership `json:"lists" doc:"Those of the audience's groups, categories, labels and uploads that the contact is in; empty for who is in the audience by a rule, or because everybody is."`
}

func drawnView(d campaigns.Drawn) DrawnContact {
	view := DrawnContact{ContactID: d.ContactID, Name: d.Name, Address: d.Address, Language: d.Language, Lists: []Membership{}}
	for _, m := range d.Lists {
		view.Lists = append(view.Lists, membershipView(m))
	}
	return view
}

type drawCampaign struct {
	ByID
	N int `query:"n" minimum:"1" maximum:"20" default:"5" doc:"How many, at most."`
}

// Sample is a campaign rendered for one recipient.
type Sample struct {
	Variant   string             `json:"variant,omitempty" doc:"Which variant it is; each is rendered for the same recipients."`
	ContactID int64              `json:"contact_id"`
	Address   string             `json:"address" personal:"addresses"`
	Content   *providers.Content `json:"content,omitempty" personal:"texts"`
	Error     string             `json:"error,omitempty" personal:"texts" doc:"Why it can't be rendered for this recipient, who will be skipped."`
	Language  string             `json:"language,omitempty" doc:"Of the template's translation."`
	SMS       *templates.Length  `json:"sms,omitempty" doc:"Of the kind sms: how long the text is."`
}

type previewCampaign struct {
	ByID
	Count bool `query:"count" default:"true" doc:"false leaves the numbers out, which take seconds where there are millions of recipients: samples and notices are there at once."`
}

func (s *Server) previewRoutes() {
	const path, tag = "/v1/campaigns", "campaigns"
	register(s, operation{id: "draw-campaign", method: http.MethodGet, path: path + "/{id}/sample", tag: tag, roles: mayLook,
		doc:  "Draw a few of those who would get a campaign",
		more: "Others each time, from all who would be sent to if it were started now; with the lists of the audience that they are in."},
		func(ctx context.Context, caller access.Caller, in *drawCampaign) (*pageOut[DrawnContact], error) {
			list, err := s.Campaigns.Draw(ctx, caller.AccountID, in.ID, in.N)
			if err != nil {
				return nil, err
			}
			return page(list, len(list), drawnView, func(d campaigns.Drawn) string { return idKey(d.ContactID) }), nil
		})
	register(s, operation{id: "preview-campaign", method: http.MethodGet, path: path + "/{id}/preview", tag: tag,
		doc: "What a campaign would do if it were started now", roles: mayLook,
		more: "Samples are rendered for three recipients."},
		func(ctx context.Context, caller access.Caller, in *previewCampaign) (*one[Forecast], error) {
			if !in.Count {
				f, err := s.Campaigns.Samples(ctx, caller.AccountID, in.ID)
				return &one[Forecast]{forecastView(f)}, err
			}
			f, err := s.Campaigns.Preview(ctx, caller.AccountID, in.ID)
			view := forecastView(f)
			view.Total, view.Reachable, view.Skipped = &f.Total, &f.Reachable, f.Skipped
			if view.Skipped == nil {
				view.Skipped = map[string]int64{}
			}
			return &one[Forecast]{view}, err
		})
}

func forecastView(f campaigns.Forecast) Forecast {
	view := Forecast{Kind: string(f.Kind), Samples: []Sample{}, LimitedBy: f.LimitedBy, Notices: f.Notices, Coverage: f.Coverage,
		StartsAt: timestamp(f.StartsAt), EndsAt: timestamp(f.EndsAt), OutsideHours: f.OutsideHours, Waiting: f.Deal.Waiting}
	if o := f.Outside; o != (campaigns.Outside{}) {
		view.OutsideWindow = &OutsideWindow{Skipped: o.Skipped, Template: o.Template}
	}
	if m := f.Mailboxes; m != nil {
		view.Mailboxes = &MailboxForecast{At: []MailboxShare{}, Elsewhere: m.Elsewhere}
		for _, at := range m.At {
			view.Mailboxes.At = append(view.Mailboxes.At, MailboxShare{Mailbox: at.Name, Recipients: at.Recipients, Seconds: at.Duration.Seconds()})
		}
	}
	for i, n := range f.Deal.Variants {
		view.Variants = append(view.Variants, DealtVariant{f.VariantNames[i], n})
	}
	for _, w := range f.Waves {
		view.Waves = append(view.Waves, Wave{At: w.At.UTC(), Zones: w.Zones, ZoneCount: w.ZoneCount, Recipients: w.Recipients, Waits: w.Waits})
	}
	if f.Feed != nil {
		view.FeedError = f.Feed.Error()
	}
	if f.LimitedBy != "" {
		seconds := f.Duration.Seconds()
		view.Seconds = &seconds
	}
	for _, sample := range f.Samples {
		v := Sample{Variant: sample.Variant, ContactID: sample.Recipient.ContactID, Address: sample.Recipient.Address, Language: sample.Language, Error: sample.Error}
		if sample.Error == "" {
			v.Content = &sample.Content
			v.SMS = lengthOf(f.Kind, sample.Content.Text)
		}
		view.Samples = append(view.Samples, v)
	}
	return view
}
