package templates_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates"
	"carillon/templates/liquid"
)

func TestACompiledTemplateSpeaksToEverybody(t *testing.T) {
	r := templates.Resolved{
		Languages: templates.Languages{Has: []string{"de", "en"}, Default: "en"},
		Contents: map[string]providers.Content{
			"de": {Text: "Hallo {{ contact.first_name }}{% render 'end' %}"}, "en": {Text: "Hello {{ row.name }}{% render 'end' %}{% render 'bye' %}"},
		},
	}
	require.Equal(t, []string{"end", "bye"}, r.RenderedBy())
	_, err := r.Compile(map[string]string{"end": "!"})
	require.True(t, fault.Is(err, fault.Invalid))
	require.ErrorContains(t, err, `content.text: in en: line 1: there is no snippet "bye"`)
	c, err := r.Compile(map[string]string{"end": "!", "bye": "?"})
	require.NoError(t, err)
	require.True(t, c.NeedsRow())
	for language, want := range map[string]string{"de-AT": "Hallo Ada!", "de": "Hallo Ada!", "pl": "Hello X!?", "": "Hello X!?"} {
		content, _, _, err := c.For(language)
		require.NoError(t, err)
		said, err := content.Render(t.Context(), liquid.Vars{Contact: liquid.Contact{FirstName: "Ada"}, Row: `{"name":"X"}`})
		require.NoError(t, err)
		require.Equal(t, want, said.Text)
	}
	plain := templates.Plain(providers.Content{Text: "Hi"})
	c, err = plain.Compile(nil)
	require.NoError(t, err)
	require.False(t, c.NeedsRow())
	for _, language := range []string{"", "de", "no language"} {
		content, tag, how, err := c.For(language)
		require.NoError(t, err)
		require.Empty(t, tag)
		require.Equal(t, templates.DefaultLanguage, how)
		said, err := content.Render(t.Context(), liquid.Vars{})
		require.NoError(t, err)
		require.Equal(t, "Hi", said.Text)
	}
	_, _, _, err = (&templates.Compiled{}).For("de")
	require.ErrorIs(t, err, templates.ErrNoLanguage)
}
