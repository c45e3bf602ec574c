package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/providers"
)

func TestWarmUpsAndBatchesAsTheyAreTyped(t *testing.T) {
	var w providers.WarmUp
	f := warmUpFlag{&w}
	for text, want := range map[string]providers.WarmUp{
		"200:50000": {First: 200, Ceiling: 50000}, "200:50000:1.25": {First: 200, Ceiling: 50000, Factor: 1.25}, "none": {},
	} {
		require.NoError(t, f.Set(text))
		require.Equal(t, want, w)
		if want.On() {
			require.Equal(t, text, f.String())
		}
	}
	for _, text := range []string{"", "200", "200:", "a:b", "200:500:x", "1:2:3:4"} {
		require.ErrorContains(t, f.Set(text), "write it as 200:50000", text)
	}
	var b campaigns.Batch
	g := batchFlag{&b}
	require.NoError(t, g.Set("500 / 10m"))
	require.Equal(t, campaigns.Batch{Size: 500, Every: "10m"}, b)
	require.Equal(t, "500/10m", g.String())
	require.NoError(t, g.Set("500/10m/1.5"))
	require.Equal(t, campaigns.Batch{Size: 500, Every: "10m", Growth: 1.5}, b)
	require.Equal(t, "500/10m/1.5", g.String())
	for _, text := range []string{"", "500", "500/", "/10m", "many/10m", "500/10m/", "500/10m/fast"} {
		require.ErrorContains(t, g.Set(text), "write it as 500/10m", text)
	}
}

func TestLimitsOfMailboxProvidersAreTyped(t *testing.T) {
	var m providers.Mailboxes
	f := mailboxFlag{&m}
	require.Empty(t, f.String())
	require.NoError(t, f.Set("google=20,200:50000:1.5"))
	require.NoError(t, f.Set("gmx=2000/day,0.5"))
	require.NoError(t, f.Set("default=0"))
	require.Equal(t, providers.Mailboxes{
		"google":  {PerSecond: 20, WarmUp: providers.WarmUp{First: 200, Ceiling: 50000, Factor: 1.5}},
		"gmx":     {PerSecond: 0.5, RecipientsPerDay: 2000},
		"default": {},
	}, m)
	require.Equal(t, "default=0 gmx=0.5,2000/day google=20,200:50000:1.5", f.String())
	for _, text := range []string{"", "google", "=20", "google=", "google=fast", "google=20,", "google=many/day", "google=200:x"} {
		require.ErrorContains(t, f.Set(text), "write it as google=20", text)
	}
	require.NoError(t, f.Set("none"))
	require.Empty(t, m)
}
