package templates_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/templates"
)

func TestHowLongATextIsAsAnSMS(t *testing.T) {
	for _, c := range []struct {
		text string
		want templates.Length
	}{
		{"", templates.Length{Encoding: "gsm7", Segments: 1, Left: 160}},
		{strings.Repeat("a", 160), templates.Length{Encoding: "gsm7", Units: 160, Segments: 1}},
		{strings.Repeat("a", 161), templates.Length{Encoding: "gsm7", Units: 161, Segments: 2, Left: 145}},
		{strings.Repeat("€", 80), templates.Length{Encoding: "gsm7", Units: 160, Segments: 1}},
		{strings.Repeat("€", 81), templates.Length{Encoding: "gsm7", Units: 162, Segments: 2, Left: 143}},
		{"Grüße, Ñandú", templates.Length{Encoding: "ucs2", Units: 12, Segments: 1, Left: 58}},
		{"Grüße, \\o/", templates.Length{Encoding: "gsm7", Units: 11, Segments: 1, Left: 149}},
		{strings.Repeat("ż", 70), templates.Length{Encoding: "ucs2", Units: 70, Segments: 1}},
		{strings.Repeat("ż", 71), templates.Length{Encoding: "ucs2", Units: 71, Segments: 2, Left: 63}},
		{strings.Repeat("🔔", 36), templates.Length{Encoding: "ucs2", Units: 72, Segments: 2, Left: 61}},
	} {
		require.Equal(t, c.want, templates.LengthOf(c.text), "%.20s", c.text)
	}
}

// Twilio's own counter comes to the same figures; tools/twilio writes down what it says. But it
// keeps letters together that are one to the eye, such as the two of a flag, and needs a part more
// where these stand at the end of one.
func TestTwilioCountsAlike(t *testing.T) {
	text, err := os.ReadFile("testdata/segments.json")
	require.NoError(t, err)
	var texts []struct {
		Text, Encoding  string
		Units, Segments int
	}
	require.NoError(t, json.Unmarshal(text, &texts))
	require.GreaterOrEqual(t, len(texts), 80)
	kept := strings.Repeat("a", 65) + "🇩🇪" + strings.Repeat("a", 65)
	for _, c := range texts {
		got := templates.LengthOf(c.Text)
		require.Equal(t, c.Encoding, got.Encoding, "%q", c.Text)
		require.Equal(t, c.Units, got.Units, "%q", c.Text)
		if c.Text == kept {
			require.Equal(t, 3, c.Segments)
			c.Segments = 2
		}
		require.Equal(t, c.Segments, got.Segments, "%q", c.Text)
	}
}
