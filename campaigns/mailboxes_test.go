package campaigns_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/providers"
)

// Whose mailbox provider is known by the domain alone takes as long as its own limits demand, and
// the slowest of them decides where nothing else is slower.
func TestAPreviewKnowsMailboxProviders(t *testing.T) {
	const day = 24 * time.Hour
	f := newFixture(t)
	for domain, n := range map[string]int{"gmail.com": 30, "googlemail.com": 10, "web.de": 5, "yahoo.com": 2, "bells.example": 20} {
		for i := range n {
			_, err := f.Store.CreateContact(t.Context(), contacts.Contact{AccountID: f.Account, FirstName: "Eve", Status: contacts.Active,
				Addresses: map[providers.AddressKind]string{providers.Email: fmt.Sprintf("eve%d@%s", i, domain)}})
			require.NoError(t, err)
		}
	}
	c := f.create(t) // to 67 of these, and to Ada at example.org
	up := providers.WarmUp{First: 5, Ceiling: 1000, Factor: 2}
	google := func(d time.Duration, by string) campaigns.MailboxShare {
		return campaigns.MailboxShare{Name: "google", Recipients: 40, Duration: d, LimitedBy: by}
	}
	gmx := campaigns.MailboxShare{Name: "gmx", Recipients: 5}
	for name, test := range map[string]struct {
		limits providers.Limits
		took   time.Duration
		by     string
		at     []campaigns.MailboxShare
		none   bool
	}{
		"no limits for any": {limits: providers.Limits{PerSecond: 17}, took: 4 * time.Second, by: "channel.per_second", none: true},
		"one decides": {limits: providers.Limits{PerSecond: 17, Mailboxes: providers.Mailboxes{"google": {PerSecond: 2}, "gmx": {}}},
			took: 20 * time.Second, by: "mailbox.per_second", at: []campaigns.MailboxShare{google(20*time.Second, "mailbox.per_second"), gmx}},
		"the channel is slower": {limits: providers.Limits{PerSecond: 1, Mailboxes: providers.Mailboxes{"google": {PerSecond: 2}}},
			took: 68 * time.Second, by: "channel.per_second", at: []campaigns.MailboxShare{google(20*time.Second, "mailbox.per_second")}},
		"by the day": {limits: providers.Limits{Mailboxes: providers.Mailboxes{"google": {PerSecond: 2, RecipientsPerDay: 15}}},
			took: 2 * day, by: "mailbox.recipients_per_day", at: []campaigns.MailboxShare{google(2*day, "mailbox.recipients_per_day")}},
		"a warm-up at its start": {limits: providers.Limits{Mailboxes: providers.Mailboxes{"google": {WarmUp: up}}},
			took: 3 * day, by: "mailbox.warm_up", at: []campaigns.MailboxShare{google(3*day, "mailbox.warm_up")}},
		"the others": {limits: providers.Limits{Mailboxes: providers.Mailboxes{"default": {PerSecond: 0.1}, "google": {PerSecond: 20}, "gmx": {PerSecond: 1}}},
			took: 20 * time.Second, by: "mailbox.per_second", at: []campaigns.MailboxShare{
				{Name: "yahoo", Recipients: 2, Duration: 20 * time.Second, LimitedBy: "mailbox.per_second"},
				{Name: "gmx", Recipients: 5, Duration: 5 * time.Second, LimitedBy: "mailbox.per_second"},
				google(2*time.Second, "mailbox.per_second"),
			}},
		"none that is known": {limits: providers.Limits{Mailboxes: providers.Mailboxes{"mimecast.com": {PerSecond: 1}}}},
	} {
		t.Run(name, func(t *testing.T) {
			channel := f.Mail
			channel.Limits = test.limits
			_, err := f.Store.UpdateChannel(t.Context(), channel)
			require.NoError(t, err)
			forecast, err := f.Preview(t.Context(), f.Account, c.ID)
			require.NoError(t, err)
			require.EqualValues(t, 68, forecast.Reachable)
			require.Equal(t, test.took, forecast.Duration)
			require.Equal(t, test.by, forecast.LimitedBy)
			if test.none {
				require.Nil(t, forecast.Mailboxes)
				return
			}
			require.Equal(t, test.at, forecast.Mailboxes.At)
			require.EqualValues(t, 21, forecast.Mailboxes.Elsewhere, "they may be anywhere")
		})
	}
}
