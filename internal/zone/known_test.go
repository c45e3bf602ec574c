package zone_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/zone"
)

func TestKnownAreTheIANANamesAlone(t *testing.T) {
	require.Greater(t, len(zone.Names()), 400)
	for _, name := range zone.Names() {
		location, ok := zone.Known(name)
		if _, err := zone.Load(name); err != nil {
			require.False(t, ok, "%s: this machine does not have it", name)
			continue
		}
		require.True(t, ok, name)
		require.Equal(t, name, location.String())
		again, _ := zone.Known(name)
		require.Same(t, location, again)
	}
	for _, name := range []string{"", "Local", "europe/berlin", "Mars/Olympus", "right/UTC"} {
		_, ok := zone.Known(name)
		require.False(t, ok, name)
	}
}
