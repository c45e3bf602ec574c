package channels_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/channels"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/services/servicestest"
)

// pigeons is a provider whose address kind follows from its configuration.
type pigeons struct {
	Loft  string        `json:"loft"`
	Ring  secret.String `json:"ring,omitempty"`
	Phone bool          `json:"phone,omitempty"`
}

func newChannels(t *testing.T) (*channels.Service, *servicestest.Fixture) {
	t.Helper()
	kind := providers.Define(providers.Kind{
		Name: "pigeons", Title: "Pigeons", Capabilities: providers.Capabilities{Address: providers.Email},
		Preset: providers.Limits{PerSecond: 2, PerRecipientSeconds: 5},
		AddressFor: func(config json.RawMessage) providers.AddressKind {
			if strings.Contains(string(config), `"phone":true`) {
				return providers.Phone
			}
			return providers.Email
		},
	}, nil, func(*pigeons, providers.Deps) (providers.Provider, error) { return nil, errors.New("not here") })
	registry, err := providers.NewRegistry(kind)
	require.NoError(t, err)
	f := servicestest.New(t)
	return channels.NewService(f.Store, registry, channels.Outside{}, f.Clock), f
}

// replaceBy has a channel become what c is.
func replaceBy(ctx context.Context, of *channels.Service, c providers.Channel) (providers.Channel, error) {
	return of.Update(ctx, channels.Change{AccountID: c.AccountID, ID: c.ID, By: "bob"}, func(to *providers.Channel) error {
		*to = c
		return nil
	})
}

// A new channel is limited as its provider is, unless somebody says how; afterwards that stands.
func TestANewChannelHasTheLimitsOfItsProvider(t *testing.T) {
	service, f := newChannels(t)
	ctx := t.Context()
	preset := providers.Limits{PerSecond: 2, PerRecipientSeconds: 5}
	for i, c := range []struct{ given, want providers.Limits }{
		{providers.Limits{}, preset}, {providers.Limits{PerSecond: 9}, providers.Limits{PerSecond: 9}}, {providers.Limits{Burst: 1}, providers.Limits{Burst: 1}},
	} {
		made, err := service.Create(ctx, providers.Channel{
			AccountID: f.Account, Name: fmt.Sprintf("homing %d", i), Provider: "pigeons", Config: json.RawMessage(`{"loft":"north","ring":"s3cret"}`), Limits: c.given,
		}, "ada")
		require.NoError(t, err)
		require.Equal(t, c.want, made.Limits)
		made.Limits = providers.Limits{}
		changed, err := replaceBy(ctx, service, made)
		require.NoError(t, err)
		require.Equal(t, providers.Limits{}, changed.Limits, "who takes them away means it")
	}
}

func TestChannelLife(t *testing.T) {
	channels, f := newChannels(t)
	ctx := t.Context()
	made, err := channels.Create(ctx, providers.Channel{
		AccountID: f.Account, Name: " homing ", Provider: "pigeons", Config: json.RawMessage(`{"loft":"north","ring":"s3cret"}`),
	}, "ada")
	require.NoError(t, err)
	require.Equal(t, "homing", made.Name)
	require.Equal(t, "UTC", made.Timezone)
	require.Equal(t, providers.Email, made.Address)
	require.Equal(t, providers.ChannelActive, made.Status)

	paused, err := channels.Pause(ctx, f.Account, made.ID, "ops")
	require.NoError(t, err)
	require.Equal(t, providers.ChannelPaused, paused.Status)
	require.Contains(t, paused.StatusReason, "ops")

	// A secret that is sent back masked stays; the provider can't be changed, and
	// an update resumes nothing.
	change := made
	change.Provider, change.Limits.PerSecond, change.InDoubt = "mail", 7, providers.InDoubtHold
	change.Config = json.RawMessage(`{"loft":"south","ring":"<redacted>"}`)
	updated, err := replaceBy(ctx, channels, change)
	require.NoError(t, err)
	require.Equal(t, "pigeons", updated.Provider)
	require.JSONEq(t, `{"loft":"south","ring":"s3cret"}`, string(updated.Config))
	require.InDelta(t, 7, updated.Limits.PerSecond, 0)
	require.Equal(t, providers.InDoubtHold, updated.InDoubt)
	require.Equal(t, providers.ChannelPaused, updated.Status)

	change.Config = json.RawMessage(`{"loft":"south","phone":true}`)
	_, err = replaceBy(ctx, channels, change)
	require.True(t, fault.Is(err, fault.Invalid))
	require.ErrorContains(t, err, "delivers to email addresses")

	resumed, err := channels.Resume(ctx, f.Account, made.ID, "ops")
	require.NoError(t, err)
	require.Equal(t, providers.ChannelActive, resumed.Status)
	require.Empty(t, resumed.StatusReason)

	list, err := channels.List(ctx, f.Account, f.Text.ID, 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.NoError(t, channels.Delete(ctx, f.Account, made.ID))
	_, err = channels.Get(ctx, f.Account, made.ID)
	require.True(t, fault.Is(err, fault.NotFound))
}

func TestChannelOfAnotherAccountIsNotThere(t *testing.T) {
	channels, f := newChannels(t)
	other := f.Account + 1
	for name, call := range map[string]func(context.Context) error{
		"get":    func(ctx context.Context) error { _, err := channels.Get(ctx, other, f.Mail.ID); return err },
		"pause":  func(ctx context.Context) error { _, err := channels.Pause(ctx, other, f.Mail.ID, "x"); return err },
		"resume": func(ctx context.Context) error { _, err := channels.Resume(ctx, other, f.Mail.ID, "x"); return err },
		"delete": func(ctx context.Context) error { return channels.Delete(ctx, other, f.Mail.ID) },
		"update": func(ctx context.Context) error {
			c := f.Mail
			c.AccountID = other
			_, err := replaceBy(ctx, channels, c)
			return err
		},
	} {
		require.True(t, fault.Is(call(t.Context()), fault.NotFound), name)
	}
	still, err := channels.Get(t.Context(), f.Account, f.Mail.ID)
	require.NoError(t, err)
	require.Equal(t, f.Mail, still)
}

func TestChannelRefusals(t *testing.T) {
	channels, f := newChannels(t)
	for name, c := range map[string]struct {
		change func(*providers.Channel)
		want   []string
	}{
		"everything at once": {func(c *providers.Channel) {
			*c = providers.Channel{AccountID: f.Account, Provider: "pigeons", Timezone: "Mars", InDoubt: "maybe", Limits: providers.Limits{PerSecond: -1}}
		}, []string{"name:", "timezone: not an IANA time zone", "in_doubt: must be hold or resend", "limits:", "config.loft"}},
		"unknown provider":   {func(c *providers.Channel) { c.Provider = "owls" }, []string{`"owls"`, "pigeons"}},
		"unknown setting":    {func(c *providers.Channel) { c.Config = json.RawMessage(`{"loft":"x","colour":1}`) }, []string{"config.colour"}},
		"long name":          {func(c *providers.Channel) { c.Name = strings.Repeat("ä", 201) }, []string{"name:"}},
		"a burst of nothing": {func(c *providers.Channel) { c.Limits.PerRecipientBurst = 3 }, []string{"limits.per_recipient_burst", "set per_recipient_seconds"}},
		"a large burst": {func(c *providers.Channel) { c.Limits.PerRecipientSeconds, c.Limits.PerRecipientBurst = 1, 1001 },
			[]string{"limits.per_recipient_burst", "from 0 to 1000"}},
		"a negative burst": {func(c *providers.Channel) { c.Limits.PerRecipientBurst = -1 }, []string{"limits:"}},
		"a pool without a limit": {func(c *providers.Channel) { c.Limits.RecipientsPool = "shop" },
			[]string{"limits.recipients_pool", "shop", "set recipients_per_day"}},
		"a pool that warms up": {func(c *providers.Channel) {
			c.Limits = providers.Limits{RecipientsPerDay: 5, RecipientsPool: "shop", WarmUp: providers.WarmUp{First: 1, Ceiling: 9}}
		}, []string{"limits.recipients_pool", "warm_up"}},
		"a pool of no name": {func(c *providers.Channel) {
			c.Limits = providers.Limits{RecipientsPerDay: 5, RecipientsPool: "Our shop"}
		},
			[]string{"limits.recipients_pool", "Our shop", "small letters"}},
		"taken name": {func(c *providers.Channel) { c.Name = "news" }, []string{"news"}},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := providers.Channel{AccountID: f.Account, Name: "x", Provider: "pigeons", Config: json.RawMessage(`{"loft":"x"}`)}
			c.change(&wrong)
			_, err := channels.Create(t.Context(), wrong, "ada")
			require.Error(t, err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
	list, err := channels.List(t.Context(), f.Account, 0, 10)
	require.NoError(t, err)
	require.Len(t, list, 2, "what is refused changes nothing")
}
