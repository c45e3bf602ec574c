package bench

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/templates/liquid"
)

// TestContentsAreWhatTheySay shows that each content compiles, renders to the size
// that its name says, and leaves no template behind.
func TestContentsAreWhatTheySay(t *testing.T) {
	for name, size := range map[string]struct{ html, text [2]int }{
		"line": {text: [2]int{150, 400}},
		"json": {text: [2]int{120, 200}},
		"rows": {html: [2]int{2000, 4000}, text: [2]int{400, 1000}},
		"5k":   {html: [2]int{4800, 5300}, text: [2]int{700, 1500}},
		"30k":  {html: [2]int{29_000, 32_000}, text: [2]int{3000, 6000}},
	} {
		content, err := contentNamed(name)
		require.NoError(t, err)
		compiled, err := liquid.Compile(content.Templates, nil)
		require.NoError(t, err)
		for i := range 50 {
			person, err := content.person(i)
			require.NoError(t, err)
			got, err := compiled.Render(t.Context(), person)
			require.NoError(t, err)
			require.NotEmpty(t, got.Subject)
			for _, text := range []string{got.Subject, got.Text, got.HTML} {
				require.NotContains(t, text, "{{", name)
				require.NotContains(t, text, "{%", name)
			}
			between := func(text string, bounds [2]int) {
				require.GreaterOrEqual(t, len(text), bounds[0], name)
				require.LessOrEqual(t, len(text), bounds[1], name)
			}
			between(got.Text, size.text)
			between(got.HTML, size.html)
		}
	}
	require.Len(t, ContentNames(), 5)
	_, err := contentNamed("40k")
	require.ErrorContains(t, err, "one of line, json, rows, 5k, 30k")
}

// TestTheLargeContentWorks shows that it has what makes a large newsletter costly:
// three conditionals, a loop, and many links that are each recipient's own.
func TestTheLargeContentWorks(t *testing.T) {
	content, err := contentNamed("30k")
	require.NoError(t, err)
	html := content.Templates.HTML
	require.Equal(t, 3, strings.Count(html, "{% if ")+strings.Count(html, "{% unless "))
	require.Equal(t, 1, strings.Count(html, "{% for "))
	compiled, err := liquid.Compile(content.Templates, nil)
	require.NoError(t, err)
	links := regexp.MustCompile(`https://t\.example\.com/[a-z]/n47-\d+/[0-9a-f]{28}`)
	seen := map[string]int{}
	for i := range 20 {
		person, err := content.person(i)
		require.NoError(t, err)
		got, err := compiled.Render(t.Context(), person)
		require.NoError(t, err)
		found := links.FindAllString(got.HTML, -1)
		require.Greater(t, len(found), 55)
		for _, link := range found {
			if before, ok := seen[link]; ok {
				require.Equal(t, i, before, "two recipients have the same link")
			}
			seen[link] = i
		}
	}
}

// TestRowsDiffer shows that 100,000 recipients have 100,000 different rows.
func TestRowsDiffer(t *testing.T) {
	content, err := contentNamed("rows")
	require.NoError(t, err)
	rows := map[string]bool{}
	for i := range 100_000 {
		var row strings.Builder
		for _, column := range content.Columns {
			if column != "member" && column != "coupon" { // these differ by themselves
				row.WriteString(value(column, i) + "\n")
			}
		}
		rows[row.String()] = true
	}
	require.Len(t, rows, 100_000)
}
