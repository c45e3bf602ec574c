package api

import (
	"cmp"
	"context"
	"net/http"

	"carillon/access"
	"carillon/campaigns"
	"carillon/providers"
)

// AccountSettings are what an account says of all that it sends.
type AccountSettings struct {
	QuietHours         *providers.QuietHours `json:"quiet_hours,omitempty" doc:"When nobody is written to by campaigns, on the recipient's own clock; absent for none."`
	QuietTransactional bool                  `json:"quiet_transactional" doc:"Transactional messages obey quiet hours, too, those of their channel among them."`
	Approval           ApprovalSettings      `json:"approval"`
	Timezone           string                `json:"timezone" doc:"The zone whose days statistics count."`
	BrandName          string                `json:"brand_name,omitempty" doc:"Who writes, as it stands on the pages on which recipients unsubscribe and choose; absent for nothing."`
	BrandColor         string                `json:"brand_color,omitempty" doc:"The colour of the pages on which recipients unsubscribe and choose; absent for ours."`
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
	BrandName          *string           `json:"brand_name,omitempty" maxLength:"100" doc:"Who writes, as it stands on the pages of recipients, such as Bell Foundry Ltd; empty takes it away."`
	BrandColor         *string           `json:"brand_color,omitempty" maxLength:"7" doc:"The colour of the pages of recipients, such as #14532d; empty takes it away. Words in it are white or black, whichever can be read."`
	Approval           *ApprovalSettings `json:"approval,omitempty" doc:"Whether campaigns need approval; what is started already goes on."`
}

type changeSettings struct{ Body SettingsChange }

func settingsOut(settings campaigns.Settings, err error) (*one[AccountSettings], error) {
	if err != nil {
		return nil, err
	}
	return &one[AccountSettings]{AccountSettings{
		QuietHours: settings.QuietHours, QuietTransactional: settings.QuietTransactional, Approval: ApprovalSettings{settings.ApprovalRequired},
		Timezone: cmp.Or(settings.Timezone, "UTC"), BrandName: settings.Brand.Name, BrandColor: settings.Brand.Color,
	}}, nil
}

func (s *Server) settingsRoutes() {
	const path, tag = "/v1/settings", "settings"
	register(s, operation{id: "get-settings", method: http.MethodGet, path: path, tag: tag, doc: "Show the account's settings", roles: mayLook},
		func(ctx context.Context, caller access.Key, _ *struct{}) (*one[AccountSettings], error) {
			return settingsOut(s.Settings.Get(ctx, caller.AccountID))
		})
	register(s, operation{id: "update-settings", method: http.MethodPatch, path: path, tag: tag, doc: "Change the account's settings", roles: mayAdmin},
		func(ctx context.Context, caller access.Key, in *changeSettings) (*one[AccountSettings], error) {
			settings, err := s.Settings.Get(ctx, caller.AccountID)
			if err != nil {
				return nil, err
			}
			in.Body.QuietHours.into(&settings.QuietHours)
			if in.Body.QuietTransactional != nil {
				settings.QuietTransactional = *in.Body.QuietTransactional
			}
			set(&settings.Timezone, in.Body.Timezone)
			set(&settings.Brand.Name, in.Body.BrandName)
			set(&settings.Brand.Color, in.Body.BrandColor)
			if in.Body.Approval != nil {
				settings.ApprovalRequired = in.Body.Approval.Required
			}
			return settingsOut(s.Settings.Set(ctx, settings))
		})
}
