package liquid

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/providers"
)

func TestColumns(t *testing.T) {
	for source, want := range map[string]string{
		"a\nä {{ x | shout }}":                               `line 2, column 3: unknown filter "shout"`,
		"{{ a }} {{ x | shout }} {{ b }}":                    `line 1, column 9: unknown filter "shout"`,
		"{% if a %}{% iff %}{% endif %}":                     `line 1, column 11: unknown tag "iff"`,
		"{{ a }}\n{{ a }} {{ b ":                             `line 2, column 9: {{ is not closed`,
		"{% if a %}x{% for y in z %}{% break %}{% endfor %}": `line 1, column 1: unterminated "if" block`,
	} {
		_, err := Compile(providers.Content{Text: source}, nil)
		wrong, err := fault.Gather(nil, err)
		require.NoError(t, err)
		require.Contains(t, WithColumn(source, wrong[0].Message), want, source)
	}
	require.Equal(t, "no line", WithColumn("{{ a }}", "no line"))
}
