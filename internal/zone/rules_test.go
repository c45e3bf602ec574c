package zone_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/internal/zone"
)

// The last day of a leap year in a zone whose rules go on behind its table: there Go
// gives an instant as the end of the period that begins with it.
func TestTheLastDayOfALeapYearEnds(t *testing.T) {
	cairo, err := zone.Load("Africa/Cairo")
	require.NoError(t, err)
	for year := 2037; year < 2080; year++ {
		for _, day := range []int{30, 31} {
			wall := time.Date(year, 12, day, 9, 0, 0, 0, time.UTC)
			require.Equal(t, wall.Add(-2*time.Hour), zone.Resolve(wall, cairo), "%s", wall)
		}
	}
}

func TestEvenlyGoesOn(t *testing.T) {
	for _, name := range []string{"Africa/Cairo", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "America/Santiago"} {
		location, err := zone.Load(name)
		require.NoError(t, err)
		rapid.Check(t, func(t *rapid.T) {
			from := time.Unix(rapid.Int64Range(0, 4_000_000_000).Draw(t, "from"), 0)
			until, ends := zone.Evenly(from, location)
			if !ends {
				return
			}
			require.True(t, until.After(from))
			_, before := from.In(location).Zone()
			_, then := until.Add(-time.Second).In(location).Zone()
			require.Equal(t, before, then, "%s runs evenly from %s to %s", name, from, until)
		})
	}
}
