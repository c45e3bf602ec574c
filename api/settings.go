package api

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"

	"carillon/access"
	"carillon/campaigns"
	"carillon/internal/naming"
	"carillon/providers"
)

// AccountSettings are what an account says of all that it sends.
type AccountSettings struct {
	QuietHours         *providers.QuietHours `json:"quiet_hours,omitempty" doc:"When nobody is written to by campaigns, on the recipient's own clock; absent for none."`
	QuietTransactional bool                  `json:"quiet_transactional" doc:"Transactional messages obey quiet hours, too, those of their channel among them."`
	Approval           ApprovalSettings      `json:"approval"`
	Timezone           string                `json:"timezone" doc:"The zone whose days statistics count."`
	PublicURL          string                `json:"public_url,omitempty" doc:"Where the account's recipients reach this server; absent for the installation's address."`
	BrandName          string                `json:"brand_name,omitempty" doc:"Who writes, as it stands on the pages on which recipients unsubscribe and choose; absent for nothing."`
	BrandColor         string                `json:"brand_color,omitempty" doc:"The colour of the pages on which recipients unsubscribe and choose; absent for ours."`
	ReportMail         ReportMail            `json:"report_mail"`
	Masked             access.Masks          `json:"masked" doc:"From which role on fields of contacts are seen: editor or admin, by addresses, names, attributes, or one such as attributes.birthday."`
	Country            string                `json:"country,omitempty" doc:"The country of phone numbers that programs give without one; absent for none."`
	APIs               []string              `json:"apis" doc:"The APIs of others that are served to the account."`
}

// ReportMail says who gets mails about the account, and about what.
type ReportMail struct {
	ChannelID int64    `json:"channel_id,omitempty" doc:"The e-mail channel through which they go; absent for none."`
	To        []string `json:"to" doc:"Who gets them."`
	Weekly    bool     `json:"weekly" doc:"A summary of each week, on the Monday after at 7 o'clock on the account's clock."`
	Troubles  bool     `json:"troubles" doc:"What was stopped by itself: a channel that its provider refuses, a campaign that paused itself, a webhook that failed for a day."`
}

// ReportMailChange is what to change of who gets mails about the account; what is absent stays.
type ReportMailChange struct {
	ChannelID *int64     `json:"channel_id,omitempty" minimum:"0" doc:"The e-mail channel through which they go; 0 takes it away."`
	Channel   naming.Ref `json:"channel,omitzero" kind:"channel" doc:"Instead of channel_id: the channel, by its id or its name; an empty one takes it away."`
	To        *[]string  `json:"to,omitempty" maxItems:"20" doc:"Who gets them, instead of those before." example:"[\"boss@example.org\"]"`
	Weekly    *bool      `json:"weekly,omitempty" doc:"Whether each week is summed up, on the Monday after at 7 o'clock on the account's clock."`
	Troubles  *bool      `json:"troubles,omitempty" doc:"Whether they hear what was stopped by itself: a channel that its provider refuses, a campaign that paused itself, a webhook that failed for a day."`
}

// ApprovalSettings say whether campaigns need approval.
type ApprovalSettings struct {
	Required bool `json:"required" doc:"No campaign is started that another person has not approved as it is."`
}

// QuietHoursChange are new quiet hours; the empty object takes them away.
type QuietHoursChange struct {
	From string `json:"from,omitempty" doc:"Time of day such as 20:00." example:"20:00"`
	To   string `json:"to,omitempty" doc:"Time of day such as 08:00." example:"08:00"`
}

// into replaces quiet hours, if they are to be.
func (q *QuietHoursChange) into(hours **providers.QuietHours) {
	switch {
	case q == nil:
	case *q == QuietHoursChange{}:
		*hours = nil
	default:
		*hours = &providers.QuietHours{From: q.From, To: q.To}
	}
}

// SettingsChange is what to change of an account's settings; what is absent stays.
type SettingsChange struct {
	QuietHours         *QuietHoursChange `json:"quiet_hours,omitempty" doc:"When nobody is written to by campaigns, on the recipient's own clock; {} takes them away. Takes effect at once, also for campaigns that are under way."`
	QuietTransactional *bool             `json:"quiet_transactional,omitempty" doc:"Whether transactional messages obey quiet hours, too."`
	Timezone           *string           `json:"timezone,omitempty" maxLength:"64" doc:"The zone whose days statistics count, such as Europe/Berlin; empty for UTC."`
	Masked             *access.Masks     `json:"masked,omitempty" doc:"From which role on fields of contacts are seen, instead of what held before: editor hides a field from viewers and senders, admin from editors, too. Fields are addresses, names (external ids among them), attributes, and one such as attributes.birthday. Who does not see all of them sees no texts either that may hold them: what was written, rendered or uploaded. {} shows everything." example:"{\"addresses\":\"editor\",\"attributes.birthday\":\"admin\"}"`
	PublicURL          *string           `json:"public_url,omitempty" maxLength:"255" doc:"Where the account's recipients reach this server, such as https://news.example.org: links in messages lead there. Its name must lead to this server. Empty is the installation's address." example:"https://news.example.org"`
	BrandName          *string           `json:"brand_name,omitempty" maxLength:"100" doc:"Who writes, as it stands on the pages of recipients, such as Bell Foundry Ltd; empty takes it away."`
	BrandColor         *string           `json:"brand_color,omitempty" maxLength:"7" doc:"The colour of the pages of recipients, such as #14532d; empty takes it away. Words in it are white or black, whichever can be read."`
	Approval           *ApprovalSettings `json:"approval,omitempty" doc:"Whether campaigns need approval; what is started already goes on."`
	ReportMail         *ReportMailChange `json:"report_mail,omitempty" doc:"Who gets mails about the account, and about what."`
	Country            *string           `json:"country,omitempty" maxLength:"2" doc:"The country of phone numbers that programs give without one, such as IT; empty for none. The API of Chat44mp takes such numbers."`
	APIs               *[]string         `json:"apis,omitempty" maxItems:"20" doc:"The APIs of others that are served to the account, of chat44mp, chatapi, chatwoot, messengerpeople and xms; [] for none." example:"[\"chatapi\"]"`
}

type changeSettings struct{ Body SettingsChange }

func settingsOut(settings campaigns.Settings, err error) (*one[AccountSettings], error) {
	if err != nil {
		return nil, err
	}
	mail := settings.ReportMail
	return &one[AccountSettings]{AccountSettings{
		QuietHours: settings.QuietHours, QuietTransactional: settings.QuietTransactional, Approval: ApprovalSettings{settings.ApprovalRequired},
		Timezone: cmp.Or(settings.Timezone, "UTC"), BrandName: settings.Brand.Name, BrandColor: settings.Brand.Color,
		PublicURL:  settings.PublicURL,
		Country:    settings.Country,
		Masked:     maps.Collect(maps.All(settings.Masked)),
		APIs:       slices.DeleteFunc(access.APIs(), func(name string) bool { return !settings.Serves(name) }),
		ReportMail: ReportMail{mail.ChannelID, slices.Concat([]string{}, mail.To), mail.Weekly, mail.Troubles},
	}}, nil
}

func (s *Server) settingsRoutes() {
	const path, tag = "/v1/settings", "settings"
	register(s, operation{id: "get-settings", method: http.MethodGet, path: path, tag: tag, doc: "Show the account's settings", roles: mayLook},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*one[AccountSettings], error) {
			return settingsOut(s.Settings.Get(ctx, caller.AccountID))
		})
	register(s, operation{id: "update-settings", method: http.MethodPatch, path: path, tag: tag, doc: "Change the account's settings", roles: mayAdmin},
		func(ctx context.Context, caller access.Caller, in *changeSettings) (*one[AccountSettings], error) {
			settings, err := s.Settings.Get(ctx, caller.AccountID)
			if err != nil {
				return nil, err
			}
			in.Body.QuietHours.into(&settings.QuietHours)
			if in.Body.QuietTransactional != nil {
				settings.QuietTransactional = *in.Body.QuietTransactional
			}
			set(&settings.Timezone, in.Body.Timezone)
			set(&settings.PublicURL, in.Body.PublicURL)
			set(&settings.Brand.Name, in.Body.BrandName)
			set(&settings.Brand.Color, in.Body.BrandColor)
			if in.Body.Approval != nil {
				settings.ApprovalRequired = in.Body.Approval.Required
			}
			set(&settings.Country, in.Body.Country)
			set(&settings.Masked, in.Body.Masked)
			set(&settings.APIs, in.Body.APIs)
			if mail := in.Body.ReportMail; mail != nil {
				set(&settings.ReportMail.ChannelID, mail.ChannelID)
				set(&settings.ReportMail.To, mail.To)
				set(&settings.ReportMail.Weekly, mail.Weekly)
				set(&settings.ReportMail.Troubles, mail.Troubles)
			}
			return settingsOut(s.Settings.Set(ctx, settings))
		})
}
