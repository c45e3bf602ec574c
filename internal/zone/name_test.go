package zone

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestName(t *testing.T) {
	for text, want := range map[string]string{
		"Europe/Berlin": "Europe/Berlin", "europe/london": "Europe/London", "EUROPE/LONDON": "Europe/London",
		" america/new york ": "America/New_York", "America/Port-Au-Prince": "America/Port-au-Prince",
		"utc": "UTC", "Utc": "UTC", "gmt": "GMT", "cet": "CET", "etc/gmt-1": "Etc/GMT-1",
		"W. Europe Standard Time": "Europe/Berlin", "w. europe standard  time": "Europe/Berlin",
		"Turkey Standard Time": "Europe/Istanbul", "GMT Standard Time": "Europe/London", "India Standard Time": "Asia/Kolkata",
		"Central Standard Time (Mexico)": "America/Mexico_City", "Russia Time Zone 3": "Europe/Samara",
	} {
		got, reason := Name(text)
		require.Empty(t, reason, text)
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string]string{
		"":          "no time zone",
		"Mars":      "such as Europe/Berlin or UTC",
		"../passwd": "no time zone", "posix/Europe/Berlin": "no time zone", "Local": "no time zone", "localtime": "no time zone", "Factory": "no time zone",
		"GMT+1":                          "or Etc/GMT-1 for this offset all year",
		"UTC+01:00":                      "write a place such as Europe/Berlin, or Etc/GMT-1",
		"+0100":                          "Etc/GMT-1",
		"utc -5":                         "write a place such as America/New_York, or Etc/GMT+5",
		"UTC-11":                         "Etc/GMT+11",
		"GMT+5:30":                       "an offset is no time zone",
		"(UTC+01:00) Amsterdam, Berlin":  "an offset is no time zone",
		"UTC+99":                         "an offset is no time zone",
		"Berlin":                         "for this one write Europe/Berlin",
		"New York":                       "for this one write America/New_York",
		"PST":                            "for this one write America/Los_Angeles",
		"MEZ":                            "for this one write Europe/Berlin",
		strings.Repeat("Europe/", 1_000): "no time zone",
	} {
		got, reason := Name(text)
		require.Empty(t, got, text)
		require.Contains(t, reason, want, text)
	}
}

// TestEveryNameIsAZone holds the tables to the database that Go has.
func TestEveryNameIsAZone(t *testing.T) {
	require.Greater(t, len(known()), 700)
	for folded, name := range known() {
		_, err := time.LoadLocation(name)
		require.NoError(t, err, name)
		require.Equal(t, folded, fold(folded))
		again, reason := Name(strings.ToUpper(name))
		require.Empty(t, reason)
		require.Equal(t, name, again)
	}
}

func TestLoadSaysWhatIsMeant(t *testing.T) {
	for name, want := range map[string]string{
		"W. Europe Standard Time": "write Europe/Berlin", "america/new york": "write America/New_York", "Mars": "write a name such as Europe/Berlin",
	} {
		_, err := Load(name)
		require.ErrorContains(t, err, want)
	}
	_, err := Load("Europe/Berlin")
	require.NoError(t, err)
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"Europe/Berlin", "GMT+1", "W. Europe Standard Time", "(UTC+01:00) Berlin", "\x00", "−1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, reason := Name(text)
		require.NotEqual(t, name == "", reason == "")
		if name != "" {
			_, err := Load(name)
			require.NoError(t, err)
		}
	})
}
