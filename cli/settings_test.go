package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/api"
)

func TestQuietHoursAsTheyAreTyped(t *testing.T) {
	q, err := quietHours("20:00 - 08:00")
	require.NoError(t, err)
	require.Equal(t, api.QuietHoursChange{From: "20:00", To: "08:00"}, q)
	q, err = quietHours("none")
	require.NoError(t, err)
	require.Zero(t, q)
	for _, text := range []string{"20:00", "-08:00", "20:00-", "never"} {
		_, err := quietHours(text)
		require.ErrorContains(t, err, "write them as 20:00-08:00, or none", text)
	}
}

// Nothing but none takes quiet hours away.
func FuzzQuietHours(f *testing.F) {
	f.Add("20:00-08:00")
	f.Add("none")
	f.Add(" - ")
	f.Fuzz(func(t *testing.T, text string) {
		if q, err := quietHours(text); err == nil && q == (api.QuietHoursChange{}) {
			require.Equal(t, "none", text)
		}
	})
}
