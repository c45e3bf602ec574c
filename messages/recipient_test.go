package messages_test

import (
	"testing"
	"time"

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
		"{{ contact.language }}|{{ contact.timezone }}|{{ contact.address }}|{{ row.coupon }}|{{ campaign.name }}|{{ unsubscribe_url }}"}, nil)

	require.NoError(t, err)
	rendered, err := content.Render(t.Context(), r.Vars("Spring", "https://n.example.org/u/1"))
	require.NoError(t, err)
	require.Equal(t, "x1|Ada Lovelace|Ada|Lovelace|en|Europe/London|ada@example.org|C1|Spring|https://n.example.org/u/1", rendered.Text)
}
