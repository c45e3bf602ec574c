package templates_test

import (
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
