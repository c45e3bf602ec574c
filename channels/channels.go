// Package channels owns what people do with channels: making, changing, pausing
// and deleting an account's configured use of a provider. It must not know the
// store or HTTP, nor what is sent through a channel.
package channels

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"carillon/campaigns/hours"
	"carillon/channels/domains"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/internal/zone"
	"carillon/providers"
)

// Store keeps channels.
type Store interface {
	// CreateChannel keeps a new channel. A name that another has is a Conflict that
	// names it; quiet hours that leave no time to send at are Invalid.
	CreateChannel(ctx context.Context, c providers.Channel) (providers.Channel, error)
	// ChangeChannel changes what a person can change, in one step. It is NotFound if there
	// is no such channel, and a Conflict for a name that another has. Quiet hours that leave
	// no time to send at, of the account or of a campaign that is not over, are Invalid.
	ChangeChannel(ctx context.Context, accountID, id int64, change func(*providers.Channel) error) (providers.Channel, error)
	// GetChannel is NotFound if the account has no such channel.
	GetChannel(ctx context.Context, accountID, id int64) (providers.Channel, error)
	// AnyChannel is a channel whatever its account; NotFound if there is none, or none any
	// more.
	AnyChannel(ctx context.Context, id int64) (providers.Channel, error)
	// ListChannels lists those behind the id after.
	ListChannels(ctx context.Context, accountID, after int64, limit int) ([]providers.Channel, error)
	// ChangeSigningKeys replaces a channel's signing keys by what change makes of them, in one
	// step. It is NotFound if there is no such channel.
	ChangeSigningKeys(ctx context.Context, accountID, id int64,
		change func([]providers.SigningKey) ([]providers.SigningKey, error)) (providers.Channel, error)
	// DeleteChannel is NotFound if there is no such channel, and a Conflict while a
	// campaign uses it or messages of it are not sent yet.
	DeleteChannel(ctx context.Context, accountID, id int64) error
	// PauseChannel and ResumeChannel are NotFound if there is no such channel; one that
	// is paused, or active, already stays so.
	PauseChannel(ctx context.Context, accountID, channelID int64, actor string) error
	ResumeChannel(ctx context.Context, accountID, channelID int64, actor string) error
	// APISettings are what an API of others keeps of a channel, 0 for the account; empty if
	// it keeps nothing.
	APISettings(ctx context.Context, of APISettings) (settings string, err error)
	// ChangeAPISettings replaces them by what change makes of them, in one step. It is
	// NotFound if the account has no such channel.
	ChangeAPISettings(ctx context.Context, of APISettings, change func(settings string) (string, error)) error
}

// APISettings says of which settings of an API of others something is asked.
type APISettings struct {
	AccountID int64
	// API is its name.
	API string
	// ChannelID is of what they are; 0 is the account.
	ChannelID int64
}

// Configurations knows the providers' settings; *providers.Registry does.
type Configurations interface {
	// Kind is Invalid if there is no provider of the name, as all of these are.
	Kind(name string) (providers.Kind, error)
	// Validate names every setting that is wrong: Invalid.
	Validate(name string, config json.RawMessage) error
	// Address is the kind of address that the settings deliver to.
	Address(name string, config json.RawMessage) (providers.AddressKind, error)
	// SenderDomain is the domain that messages come from with the settings; empty if
	// they come from none.
	SenderDomain(name string, config json.RawMessage) (string, error)
	// BounceDomain is the domain that messages come back to, where it is not SenderDomain.
	BounceDomain(name string, config json.RawMessage) (string, error)
	// Server is the server that messages are handed to; empty where there is none of the
	// user's choice.
	Server(name string, config json.RawMessage) (string, error)
	// Sender is the number or address that people see messages come from; empty where
	// there is none.
	Sender(name string, config json.RawMessage) (string, error)
	// ReplyWindow is for how long after somebody has written to a channel with the settings it may
	// send them anything; 0 where it may always, or does not hear who has written.
	ReplyWindow(name string, config json.RawMessage) (time.Duration, error)
	// Merge lays an update over stored settings. It is Invalid where a secret is missing
	// that has to be given anew.
	Merge(name string, stored, update json.RawMessage) (json.RawMessage, error)
	// Exchange is what becomes of the secrets when settings are replaced by others.
	Exchange(name string, before, after json.RawMessage) (providers.Exchange, error)
	// New makes the provider of a channel.
	New(name string, config json.RawMessage, deps providers.Deps) (providers.Provider, error)
}

// Outside is how the outside is asked.
type Outside struct {
	// Resolver looks up what domains publish.
	Resolver domains.Resolver
	// Dialer reaches providers.
	Dialer providers.Dialer
	// PublicURL is where providers reach this server; empty where nobody said so.
	PublicURL string
	// Installation names this Carillon to providers; see providers.Deps.
	Installation string
}

// Service is the service for channels.
type Service struct {
	store   Store
	known   Configurations
	outside Outside
	clock   clock.Clock
}

// NewService makes the service.
func NewService(store Store, known Configurations, o Outside, c clock.Clock) *Service {
	return &Service{store: store, known: known, outside: o, clock: c}
}

// Create checks and keeps a new channel that somebody sets up; it is active at once. Where nobody
// says its limits, they are those of its provider.
func (s *Service) Create(ctx context.Context, c providers.Channel, by string) (providers.Channel, error) {
	if err := s.validate(&c); err != nil {
		return providers.Channel{}, err
	}
	kind, err := s.known.Kind(c.Provider)
	if err != nil {
		return providers.Channel{}, err
	}
	if c.Limits.Equal(providers.Limits{}) {
		c.Limits = kind.Preset
	}
	if c.Handle, err = s.known.Sender(c.Provider, c.Config); err != nil {
		return providers.Channel{}, err
	}
	x, err := s.known.Exchange(c.Provider, nil, c.Config)
	if err != nil {
		return providers.Channel{}, err
	}
	c.SecretsSet = secret.Record{}.After(x.Before, x.After, secret.GivenAt(s.clock.Now(), by))
	return s.store.CreateChannel(ctx, c)
}

// Change says which channel is changed, and by whom.
type Change struct {
	AccountID, ID int64
	By            string
	// Overlap is for how long what its provider proved itself by is still taken, where that is
	// changed; 0 for not at all.
	Overlap time.Duration
}

// Update changes a channel's name, configuration, limits, time zone and policy.
// Secrets that the configuration leaves out, or sends back masked, stay. The
// provider can't change: what was sent belongs to it.
func (s *Service) Update(ctx context.Context, of Change, change func(*providers.Channel) error) (providers.Channel, error) {
	if err := secret.CheckOverlap(of.Overlap); err != nil {
		return providers.Channel{}, err
	}
	return s.store.ChangeChannel(ctx, of.AccountID, of.ID, func(c *providers.Channel) error {
		before := *c
		if err := change(c); err != nil {
			return err
		}
		var err error
		c.Provider = before.Provider
		if c.Config, err = s.known.Merge(c.Provider, before.Config, c.Config); err != nil {
			return err
		}
		if err := s.validate(c); err != nil {
			return err
		}
		if c.Address != before.Address {
			return fault.InvalidField("config", nil, "the channel delivers to %s addresses; make another channel for %s", before.Address, c.Address)
		}
		x, err := s.known.Exchange(c.Provider, before.Config, c.Config)
		if err != nil {
			return err
		}
		now := s.clock.Now()
		c.SecretsSet = before.SecretsSet.After(x.Before, x.After, secret.GivenAt(now, of.By))
		c.Replaced, err = replaced(before, x, now.Add(of.Overlap), now)
		return err
	})
}

// replaced is what secrets were before and are still taken as once they are exchanged: what
// they are now until ends, where that is after now. Only the last one is taken beside the
// present one, and none once the secrets go elsewhere.
func replaced(c providers.Channel, x providers.Exchange, ends, now time.Time) (map[string]providers.Replaced, error) {
	kept := maps.Clone(c.Replaced)
	if kept == nil {
		kept = map[string]providers.Replaced{}
	}
	if len(x.Moved) > 0 {
		clear(kept)
	}
	exchanged := false
	for _, setting := range x.Presented {
		was, is := x.Before[setting], x.After[setting]
		if was.Equal(is.Reveal()) || was.Empty() && is.Empty() {
			continue
		}
		delete(kept, setting)
		if ends.After(now) && !was.Empty() && !is.Empty() {
			kept[setting], exchanged = providers.Replaced{Secret: was, EndsAt: ends}, true
		}
	}
	if !ends.After(now) || exchanged && len(x.Moved) == 0 {
		return kept, nil
	}
	return nil, noOverlap(c, x, ends.Sub(now))
}

// noOverlap says why nothing can be taken that was before.
func noOverlap(c providers.Channel, x providers.Exchange, overlap time.Duration) error {
	seconds := int64(overlap.Seconds())
	if len(x.Presented) == 0 {
		return fault.InvalidField("overlap_seconds", seconds, "a %s channel has no secret that its provider presents here: leave it out", c.Provider)
	}
	if len(x.Moved) > 0 {
		return fault.InvalidField("overlap_seconds", seconds, "nothing that was before is taken once %s changes: leave it out, or change that apart",
			strings.Join(x.Moved, " and "))
	}
	return fault.InvalidField("overlap_seconds", seconds, "is for how long what config.%s was before is still taken, and that is not replaced by another: "+
		"give a new one along, or leave this out", strings.Join(x.Presented, " or config."))
}

// EndOverlap has what a channel's secrets were before be taken no more. A channel of which
// nothing is stays as it is.
func (s *Service) EndOverlap(ctx context.Context, accountID, id int64) (providers.Channel, error) {
	return s.store.ChangeChannel(ctx, accountID, id, func(c *providers.Channel) (err error) {
		c.Replaced = nil
		c.SenderDomain, err = s.known.SenderDomain(c.Provider, c.Config)
		return err
	})
}

// Get is one channel, secrets included.
func (s *Service) Get(ctx context.Context, accountID, id int64) (providers.Channel, error) {
	return s.store.GetChannel(ctx, accountID, id)
}

// APISettings reads what an API of others keeps of a channel into a value, which stays as it
// is if nothing is kept.
func (s *Service) APISettings(ctx context.Context, of APISettings, into any) error {
	text, err := s.store.APISettings(ctx, of)
	if err != nil || text == "" {
		return err
	}
	return json.Unmarshal([]byte(text), into)
}

// ChangeAPISettings reads settings into a value, has it changed and keeps it, in one step.
func (s *Service) ChangeAPISettings(ctx context.Context, of APISettings, into any, change func() error) error {
	return s.store.ChangeAPISettings(ctx, of, func(text string) (string, error) {
		if text != "" {
			if err := json.Unmarshal([]byte(text), into); err != nil {
				return "", err
			}
		}
		if err := change(); err != nil {
			return "", err
		}
		kept, err := json.Marshal(into)
		return string(kept), err
	})
}

// Any is a channel whatever its account, for who knows it by its id alone, as providers
// do. It is NotFound if there is none, or none any more.
func (s *Service) Any(ctx context.Context, id int64) (providers.Channel, error) {
	return s.store.AnyChannel(ctx, id)
}

// List lists channels in the order of their ids, behind after.
func (s *Service) List(ctx context.Context, accountID, after int64, limit int) ([]providers.Channel, error) {
	return s.store.ListChannels(ctx, accountID, after, limit)
}

// Delete forgets a channel that nothing is sent through.
func (s *Service) Delete(ctx context.Context, accountID, id int64) error {
	return s.store.DeleteChannel(ctx, accountID, id)
}

// Pause stops everything on a channel, transactional messages too.
func (s *Service) Pause(ctx context.Context, accountID, id int64, actor string) (providers.Channel, error) {
	if err := s.store.PauseChannel(ctx, accountID, id, actor); err != nil {
		return providers.Channel{}, err
	}
	return s.store.GetChannel(ctx, accountID, id)
}

// Resume lets a paused or stopped channel send again.
func (s *Service) Resume(ctx context.Context, accountID, id int64, actor string) (providers.Channel, error) {
	if err := s.store.ResumeChannel(ctx, accountID, id, actor); err != nil {
		return providers.Channel{}, err
	}
	return s.store.GetChannel(ctx, accountID, id)
}

// maxName is the longest name of a channel, in characters.
const maxName = 200

// validate refuses a channel that could not send, all wrong fields at once, and
// sets what follows from the configuration.
func (s *Service) validate(c *providers.Channel) error {
	var wrong []fault.Field
	add := func(location string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: location, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	c.Name = strings.TrimSpace(c.Name)
	if n := utf8.RuneCountInString(c.Name); n == 0 || n > maxName {
		add("name", nil, "a channel needs a name of 1 to %d characters", maxName)
	}
	if c.Timezone == "" {
		c.Timezone = "UTC"
	}
	if _, err := zone.Load(c.Timezone); err != nil {
		add("timezone", c.Timezone, "%v", err)
	}
	switch c.InDoubt {
	case providers.InDoubtDefault, providers.InDoubtHold, providers.InDoubtResend:
	default:
		add("in_doubt", string(c.InDoubt), "must be hold or resend")
	}
	if q := c.QuietHours; q != nil {
		if err := hours.CheckQuiet("quiet_hours", q.From, q.To); err != nil {
			if wrong, err = fault.Gather(wrong, err); err != nil {
				return err
			}
		}
	}
	l := c.Limits
	if l.PerSecond < 0 || l.PerRecipientSeconds < 0 ||
		min(l.Burst, int(l.Concurrency), l.MaxConcurrency, l.PerRecipientBurst, l.RecipientsPerDay, l.RefusalsInARow, l.DoubtsInARow) < 0 {
		add("limits", nil, "must not be negative; 0 sets no limit")
	}
	wrong = append(wrong, checkRecipients(l)...)
	wrong = append(wrong, l.WarmUp.Check("limits.warm_up.")...)
	if len(c.Config) == 0 {
		c.Config = json.RawMessage("{}")
	}
	if err := s.known.Validate(c.Provider, c.Config); err != nil {
		if wrong, err = fault.Gather(wrong, err); err != nil {
			return err
		}
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return err
	}
	var err error
	if c.Address, err = s.known.Address(c.Provider, c.Config); err != nil {
		return err
	}
	if err := fault.InvalidFields(l.Mailboxes.Check(c.Address)); err != nil {
		return err
	}
	c.SenderDomain, err = s.known.SenderDomain(c.Provider, c.Config)
	return err
}

// Bounds of the limits on a recipient, and on the recipients of a day.
const maxPerRecipientBurst = 1000

var poolName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// checkRecipients names what is wrong in the limits on recipients.
func checkRecipients(l providers.Limits) (wrong []fault.Field) {
	add := func(field string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "limits." + field, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case l.PerRecipientBurst > maxPerRecipientBurst:
		add("per_recipient_burst", l.PerRecipientBurst, "must be from 0 to %d", maxPerRecipientBurst)
	case l.PerRecipientBurst > 1 && l.PerRecipientSeconds == 0:
		add("per_recipient_burst", l.PerRecipientBurst, "is had ahead of a spacing: set per_recipient_seconds, too")
	}
	if l.RecipientsPool == "" {
		return wrong
	}
	if !poolName.MatchString(l.RecipientsPool) {
		add("recipients_pool", l.RecipientsPool, "must be a name of 1 to 64 small letters, digits, - and _")
	}
	if l.RecipientsPerDay == 0 {
		add("recipients_pool", l.RecipientsPool, "says whose recipients of a day are counted together: set recipients_per_day, too")
	}
	if l.WarmUp.On() {
		add("recipients_pool", l.RecipientsPool, "can't be together with warm_up, which grows with what this channel alone sends: leave one of them out")
	}
	return wrong
}

// Bounds of what an API of others may set of a channel.
const (
	mostDialectSettings = 200
	maxDialectSetting   = 10_000 // bytes
)

// DialectSettings are what an API of others has set of a channel and Carillon itself has no
// use for, by their names.
func (s *Service) DialectSettings(ctx context.Context, accountID, id int64, api string) (map[string]string, error) {
	settings := map[string]string{}
	return settings, s.APISettings(ctx, APISettings{accountID, api, id}, &settings)
}

// SetDialectSettings sets some of them; the others stay.
func (s *Service) SetDialectSettings(ctx context.Context, accountID, id int64, api string, values map[string]string) error {
	kept := map[string]string{}
	return s.ChangeAPISettings(ctx, APISettings{accountID, api, id}, &kept, func() error {
		for name, value := range values {
			if len(name) > maxDialectSetting || len(value) > maxDialectSetting {
				return fault.InvalidField(name, nil, "is longer than %d bytes", maxDialectSetting)
			}
			kept[name] = value
		}
		if len(kept) > mostDialectSettings {
			return fault.New(fault.Invalid, "a channel has at most %d settings of an API that is not its own", mostDialectSettings)
		}
		return nil
	})
}
