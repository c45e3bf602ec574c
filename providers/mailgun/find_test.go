package mailgun

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/providers"
)

const ours = `{"event":"accepted","user-variables":{"carillon":"7-x"},"message":{"headers":{"message-id":"a@mg"}}}`

func TestAMissingEventMeansSomethingAfterHalfAnHour(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	p := &Provider{deps: providers.Deps{Installation: "x", Clock: clock.NewFake(now)}}
	other := strings.Replace(ours, "7-x", "8-x", 1)
	for list, fates := range map[string][2]providers.Fate{
		ours:  {providers.FateTaken, providers.FateTaken},
		"":    {providers.FateUntold, providers.FateNotTaken},
		other: {providers.FateUntold, providers.FateNotTaken},
		strings.Replace(ours, "accepted", "delivered", 1):         {providers.FateUntold, providers.FateNotTaken},
		strings.TrimSuffix(strings.Repeat(other+",", 300), ","):   {providers.FateUntold, providers.FateUntold},
		`{"event":"accepted","user-variables":{"carillon":[]}}`:   {providers.FateUntold, providers.FateNotTaken},
		strings.Replace(ours, `{"message-id":"a@mg"}`, "null", 1): {providers.FateTaken, providers.FateTaken},
	} {
		for i, after := range []time.Duration{29 * time.Minute, 31 * time.Minute} {
			found, err := p.accepted([]byte(`{"items":[`+list+`]}`), providers.Sought{MessageID: 7, Until: now.Add(-after)})
			require.NoError(t, err)
			require.Equal(t, fates[i], found.Fate, "%s after %s", list, after)
			require.Equal(t, found.Fate == providers.FateUntold, found.Detail != "")
		}
	}
	for _, text := range []string{"", "{}", "[]", `{"items":null}`} {
		_, err := p.accepted([]byte(text), providers.Sought{MessageID: 7})
		require.Error(t, err, text)
	}
}

func FuzzAccepted(f *testing.F) {
	f.Add(`{"items":[` + ours + `]}`)
	f.Add(`{"items":[]}`)
	p := &Provider{deps: providers.Deps{Installation: "x", Clock: clock.NewFake(time.Unix(1795251600, 0))}}
	f.Fuzz(func(t *testing.T, text string) {
		found, err := p.accepted([]byte(text), providers.Sought{MessageID: 7})
		if err == nil && found.ProviderID != "" {
			require.True(t, providers.Key(found.ProviderID))
			require.Equal(t, providers.FateTaken, found.Fate)
		}
	})
}
