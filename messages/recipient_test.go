package messages_test

import (
	"strings"
	"testing"
	"time"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/messages"
	"carillon/providers"
	"carillon/templates/liquid"

	"github.com/stretchr/testify/require"
)

func TestBackoff(t *testing.T) {
	for attempt, want := range map[int]time.Duration{
		0: 15 * time.Second, 1: 15 * time.Second, 2: time.Minute, 3: 4 * time.Minute, 4: 16 * time.Minute, 5: time.Hour, 6: time.Hour, 20: time.Hour,
		1 << 30: time.Hour,
	} {
		require.Equal(t, want, messages.Backoff(attempt), attempt)
	}
}

func TestRecipientKey(t *testing.T) {
	key := messages.RecipientKey("ada@example.org")
	require.Equal(t, key, messages.RecipientKey("ada@example.org"))
	require.NotEqual(t, key, messages.RecipientKey("Ada@example.org"))
	require.Len(t, key, 16)
	require.NotContains(t, key, "ada")
}

func TestVars(t *testing.T) {
	r := messages.Recipient{
		ContactID: 7, ExternalID: "x1", Name: "Ada Lovelace", FirstName: "Ada", LastName: "Lovelace",
		Language: "en", Timezone: "Europe/London", Address: "ada@example.org", Row: `{"coupon":"C1"}`,
	}
	content, err := liquid.Compile(providers.Content{Text: "{{ contact.external_id }}|{{ contact.name }}|{{ contact.first_name }}|{{ contact.last_name }}|" +
		"{{ contact.language }}|{{ contact.timezone }}|{{ contact.address }}|{{ row.coupon }}|{{ campaign.name }}|{{ run.id }}|{{ run.instant }}|{{ run.kind }}|" +
		"{{ channel.name }}|{{ channel.provider }}|{{ account.name }}|{{ feed.title }}|{{ unsubscribe_url }}|{{ preferences_url }}|{{ view_url }}"}, nil)

	require.NoError(t, err)
	feed, err := liquid.ParseFeed([]byte(`{"title":"News"}`))
	require.NoError(t, err)
	tokens := messages.NewTokens(secret.NewRing(secret.New("a master key")), messages.NewHosts("https://n.example.org"))
	links := tokens.Links(messages.Unsubscriber{AccountID: 1, MessageID: 5})
	rendered, err := content.Render(t.Context(), r.Vars(&liquid.Occasion{
		CampaignName: "Spring", Run: liquid.Run{ID: 3, Instant: "2026-03-01T09:00:00+01:00", Kind: "scheduled"},
		Channel: liquid.Channel{Name: "news", Provider: "smtp"}, AccountName: "Acme", Feed: feed,
	}, links))
	require.NoError(t, err)
	require.Equal(t, "x1|Ada Lovelace|Ada|Lovelace|en|Europe/London|ada@example.org|C1|Spring|3|2026-03-01T09:00:00+01:00|scheduled|"+
		"news|smtp|Acme|News|"+links.UnsubscribeURL+"|"+links.PreferencesURL()+"|"+links.ViewURL(), rendered.Text)
	require.Contains(t, links.PreferencesURL(), "https://n.example.org/p/")

	account, message, err := tokens.ParseView(strings.TrimPrefix(links.ViewURL(), "https://n.example.org/v/"))
	require.NoError(t, err)
	require.Equal(t, []int64{1, 5}, []int64{account, message})
	// What shows the message neither unsubscribes nor chooses, and the other way round.
	_, err = tokens.Parse(strings.TrimPrefix(links.ViewURL(), "https://n.example.org/v/"))
	require.Equal(t, fault.NotFound, fault.CodeOf(err))
	_, _, err = tokens.ParseView(strings.TrimPrefix(links.UnsubscribeURL, "https://n.example.org/u/"))
	require.Equal(t, fault.NotFound, fault.CodeOf(err))

	// Nothing of it is there for what is part of nothing.
	rendered, err = content.Render(t.Context(), messages.Recipient{}.Vars(&liquid.Occasion{}, messages.Links{}))
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("|", 18), rendered.Text)
}
