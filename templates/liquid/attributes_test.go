package liquid

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/providers"
)

func TestAttributesOfProperties(t *testing.T) {
	v := Vars{Contact: Contact{Attributes: `{"plan": "Plus & more", "age": 36, "size": 9.5, "vip": true, "tags": ["a", "b<"], "none": "", "nobody": []}`},
		Row: `{"plan":"row"}`}
	for source, want := range map[string]string{
		`{{ contact.attributes.plan }}/{{ row.plan }}`:                                                 "Plus & more/row",
		`{{ contact.attributes.age }} {{ contact.attributes.size }} {{ contact.attributes.vip }}`:      "36 9.5 true",
		`{{ contact.attributes.tags }}`:                                                                "a, b<",
		`{{ contact.attributes.none | default: "-" }}{{ contact.attributes.missing | default: "no" }}`: "-no",
		`{% if contact.attributes.age > 18 %}{{ contact.attributes.age | plus: 1 }}{% endif %}`:        "37",
		`{% for tag in contact.attributes.tags %}[{{ tag }}]{% endfor %}`:                              "[a][b<]",
		`{% if contact.attributes.nobody %}yes{% else %}no{% endif %}`:                                 "no",
		`{% if contact.attributes.vip %}vip{% endif %}`:                                                "vip",
	} {
		c, err := Compile(providers.Content{Text: source}, nil)
		require.NoError(t, err, source)
		got, err := c.Render(t.Context(), v)
		require.NoError(t, err, source)
		require.Equal(t, want, got.Text, source)
	}
	c, err := Compile(providers.Content{HTML: `{{ contact.attributes.plan }}{{ contact.attributes.tags }}`}, nil)
	require.NoError(t, err)
	got, err := c.Render(t.Context(), v)
	require.NoError(t, err)
	require.Equal(t, "Plus &amp; morea, b&lt;", got.HTML)
	got, err = c.Render(t.Context(), Vars{})
	require.NoError(t, err)
	require.Empty(t, got.HTML, "nothing is known")
	_, err = c.Render(t.Context(), Vars{Contact: Contact{Attributes: `{`}})
	require.ErrorContains(t, err, "attributes")
}
