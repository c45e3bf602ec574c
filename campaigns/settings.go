package campaigns

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"carillon/access"
	"carillon/campaigns/hours"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/internal/links"
	"carillon/internal/zone"
	"carillon/messages"
	"carillon/providers"
)

// Settings are what an account says of all that it sends.
type Settings struct {
	AccountID int64
	// QuietHours are when nobody is written to by campaigns, on the recipient's clock;
	// nil for none.
	QuietHours *providers.QuietHours
	// QuietTransactional has transactional messages obey quiet hours, too, those of
	// their channel among them.
	QuietTransactional bool
	// ApprovalRequired has no campaign be started that another person has not approved.
	ApprovalRequired bool
	// Timezone is the IANA name of the zone whose days statistics count; empty is UTC.
	Timezone string
	// PublicURL is where the account's recipients reach this server, without a slash at its end;
	// empty is the installation's address.
	PublicURL string
	// Brand is how the pages of recipients look.
	Brand messages.Brand
	// ReportMail is who gets mails about the account.
	ReportMail ReportMail
	// Masked says from which role on fields of contacts are seen.
	Masked access.Masks
	// Country is the ISO 3166 code for phone numbers that programs give without one; empty
	// for none.
	Country string
	// APIs are those of others that are served to the account, by their names; nil is all.
	APIs []string
}

// Serves reports whether an API of others is served to the account.
func (s Settings) Serves(api string) bool { return s.APIs == nil || slices.Contains(s.APIs, api) }

// ReportMail says who gets mails about an account, and about what. They are single messages
// of the account's own.
type ReportMail struct {
	// ChannelID is the e-mail channel that they go through; 0 for none.
	ChannelID int64 `json:"channel_id,omitempty"`
	// To are the addresses.
	To []string `json:"to,omitempty"`
	// Weekly sends the summary of each week on the Monday after.
	Weekly bool `json:"weekly,omitempty"`
	// Troubles says what was stopped by itself: channels, campaigns, webhooks.
	Troubles bool `json:"troubles,omitempty"`
}

// MaxReportMails bounds who gets them.
const MaxReportMails = 20

// Settle checks it and puts its addresses into their normal form.
func (m *ReportMail) Settle() error {
	if len(m.To) > MaxReportMails {
		return fault.InvalidField("report_mail.to", len(m.To), "at most %d addresses: write to a list of your mail server instead", MaxReportMails)
	}
	known := map[string]bool{}
	var list []string
	for i, to := range m.To {
		address, err := value.Normal(providers.Email, to, "")
		if err != nil {
			return fault.InvalidField(fmt.Sprintf("report_mail.to[%d]", i), to, "is no e-mail address")
		}
		if !known[address] {
			known[address], list = true, append(list, address)
		}
	}
	m.To = list
	switch {
	case (m.Weekly || m.Troubles) && m.ChannelID == 0:
		return fault.InvalidField("report_mail.channel_id", m.ChannelID, "say through which e-mail channel mails about the account go")
	case (m.Weekly || m.Troubles) && len(m.To) == 0:
		return fault.InvalidField("report_mail.to", nil, "say who gets mails about the account")
	}
	return nil
}

// SettingsStore keeps settings.
type SettingsStore interface {
	// GetSettings are the account's; zero but for the account if it has set none.
	GetSettings(ctx context.Context, accountID int64) (Settings, error)
	// SetSettings replaces them. They bind when it returns. It is Invalid if quiet hours
	// leave no time at which a channel, or a campaign that is not over, may send, or the
	// channel of report mails is no e-mail channel of the account.
	SetSettings(ctx context.Context, s Settings) (Settings, error)
}

// SettingsService is the service for an account's settings.
type SettingsService struct {
	store SettingsStore
	hosts *messages.Hosts
}

// NewSettings makes the service. hosts are told at once where an account's recipients reach this
// server; other processes learn it from the store.
func NewSettings(store SettingsStore, hosts *messages.Hosts) *SettingsService {
	return &SettingsService{store: store, hosts: hosts}
}

// Get are an account's settings.
func (s *SettingsService) Get(ctx context.Context, accountID int64) (Settings, error) {
	return s.store.GetSettings(ctx, accountID)
}

// Serving says, for an API of others, whether it is served to an account.
func (s *SettingsService) Serving(api string) func(ctx context.Context, accountID int64) (bool, error) {
	return func(ctx context.Context, accountID int64) (bool, error) {
		settings, err := s.Get(ctx, accountID)
		return settings.Serves(api), err
	}
}

// Set replaces an account's settings; they bind when it returns.
func (s *SettingsService) Set(ctx context.Context, settings Settings) (Settings, error) {
	if q := settings.QuietHours; q != nil {
		if err := hours.CheckQuiet("quiet_hours", q.From, q.To); err != nil {
			return Settings{}, err
		}
	}
	if settings.Timezone != "" {
		if _, known := zone.Known(settings.Timezone); !known {
			return Settings{}, fault.InvalidField("timezone", settings.Timezone, "is no IANA time zone: write a name such as Europe/Berlin")
		}
	}
	settings.Brand.Name = strings.TrimSpace(settings.Brand.Name)
	if reason := messages.CheckBrandName(settings.Brand.Name); reason != "" {
		return Settings{}, fault.InvalidField("brand_name", settings.Brand.Name, "%s", reason)
	}
	if reason := messages.CheckColor(settings.Brand.Color); reason != "" {
		return Settings{}, fault.InvalidField("brand_color", settings.Brand.Color, "%s", reason)
	}
	settings.PublicURL = strings.TrimRight(strings.TrimSpace(settings.PublicURL), "/")
	if settings.PublicURL != "" && !links.IsBase(settings.PublicURL) {
		return Settings{}, fault.InvalidField("public_url", settings.PublicURL, "is no address such as https://news.example.org")
	}
	if err := settings.Masked.Validate(); err != nil {
		return Settings{}, err
	}
	if err := settings.ReportMail.Settle(); err != nil {
		return Settings{}, err
	}
	if settings.Country != "" {
		code, reason := value.Country(settings.Country)
		if reason != "" {
			return Settings{}, fault.InvalidField("country", settings.Country, "is %s", reason)
		}
		settings.Country = code
	}
	for _, name := range settings.APIs {
		if err := access.CheckAPI("apis", name); err != nil {
			return Settings{}, err
		}
	}
	settings, err := s.store.SetSettings(ctx, settings)
	if err == nil {
		s.hosts.Set(settings.AccountID, settings.PublicURL)
	}
	return settings, err
}
