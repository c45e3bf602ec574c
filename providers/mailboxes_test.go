package providers

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
)

func TestLimitsOfMailboxProvidersAreChecked(t *testing.T) {
	up := WarmUp{First: 10, Ceiling: 100}
	require.Empty(t, Mailboxes(nil).Check(Phone))
	require.Empty(t, Mailboxes{"google": {PerSecond: 0.5, WarmUp: up}, "example.org": {RecipientsPerDay: 5}, "default": {}}.Check(Email))
	many := Mailboxes{}
	for i := range mostMailboxes + 1 {
		many[string(rune('a'+i%26))+string(rune('a'+i/26))+".example"] = MailboxLimits{}
	}
	for at, c := range map[string]struct {
		m       Mailboxes
		address AddressKind
		says    string
	}{
		"limits.mailboxes":                          {Mailboxes{"google": {}}, Phone, "are for channels that deliver to e-mail addresses; this one delivers to pho"},
		"limits.mailboxes.gogle":                    {Mailboxes{"gogle": {}}, Email, "is no mailbox provider: there are default, google"},
		"limits.mailboxes.google.per_second":        {Mailboxes{"google": {PerSecond: math.NaN()}}, Email, "must be from 0"},
		"limits.mailboxes.gmx.recipients_per_day":   {Mailboxes{"gmx": {RecipientsPerDay: -1}}, Email, "must be from 0"},
		"limits.mailboxes.gmx.warm_up.ceiling":      {Mailboxes{"gmx": {WarmUp: WarmUp{First: 10, Ceiling: 5}}}, Email, "must be from first (10)"},
		"limits.mailboxes.default.warm_up":          {Mailboxes{"default": {WarmUp: up}}, Email, "a warm-up is of one mailbox provider"},
		"limits.mailboxes.example.org.per_second":   {Mailboxes{"example.org": {PerSecond: -1}}, Email, "must be from 0"},
		"limits.mailboxes.yahoo.per_second":         {Mailboxes{"yahoo": {PerSecond: 1e6}}, Email, "100000"},
		"limits.mailboxes.apple.recipients_per_day": {Mailboxes{"apple": {RecipientsPerDay: maxWarmUp + 1}}, Email, "100000000"},
		"limits.mailboxes.microsoft.warm_up.factor": {Mailboxes{"microsoft": {WarmUp: WarmUp{First: 1, Ceiling: 5, Factor: 99}}}, Email, "1.01 to 10"},
		"limits.mailboxes.proton.warm_up.first":     {Mailboxes{"proton": {WarmUp: WarmUp{Ceiling: 5}}}, Email, "must be from 1"},
	} {
		wrong := c.m.Check(c.address)
		require.Len(t, wrong, 1, at)
		require.Equal(t, at, wrong[0].Location)
		require.ErrorContains(t, fault.InvalidFields(wrong), c.says)
	}
	require.Len(t, many.Check(Email), 1)
}

func TestAMailboxProviderHasItsOwnLimitsOrTheDefault(t *testing.T) {
	c := Channel{Limits: Limits{Mailboxes: Mailboxes{
		"google":  {PerSecond: 20, WarmUp: WarmUp{First: 10, Ceiling: 100}},
		"gmx":     {RecipientsPerDay: 5, WarmUp: WarmUp{First: 10, Ceiling: 100}},
		"default": {PerSecond: 3},
	}}, MailboxWarmth: map[string]Warmth{"google": {Allowance: 40}}}
	bounds := c.Bounds().Mailboxes
	for name, want := range map[string]MailboxLimits{
		"google": {PerSecond: 20, RecipientsPerDay: 40, WarmUp: WarmUp{First: 10, Ceiling: 100}},
		"gmx":    {RecipientsPerDay: 5, WarmUp: WarmUp{First: 10, Ceiling: 100}},
		"yahoo":  {PerSecond: 3},
	} {
		limits, limited := bounds.Of(name)
		require.True(t, limited)
		require.Equal(t, want, limits, name)
	}
	require.Zero(t, c.Limits.Mailboxes["google"].RecipientsPerDay, "what was set stays")
	_, limited := bounds.Of("")
	require.False(t, limited)
	_, limited = Mailboxes{"google": {}}.Of("yahoo")
	require.False(t, limited)
	require.True(t, c.Limits.Equal(Channel{Limits: c.Limits}.Limits))
	require.True(t, Limits{}.Equal(Limits{Mailboxes: Mailboxes{}}))
	require.False(t, c.Limits.Equal(Limits{}))
	require.False(t, Limits{Burst: 1}.Equal(Limits{}))
}
