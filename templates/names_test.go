package templates_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/providers"
	"carillon/templates"
)

func TestUnknownNamesAreSaid(t *testing.T) {
	c, err := templates.Compile(providers.Content{
		Subject: `{{ contact.first_name }} {{ contact.nmae | default: "contact.quoted" }} {{campaign.name}}`,
		Text: `contact.outside {% if row.coupon and contact.attributes.plan == "x" %}{{ row["any"] }}{{ contact.attributes["any"] }}{% endif %}
			{{ row.cupon }} {{ row.cupon }} {{ contact.attributes.paln }} {{ contact.attributes }}`,
	})
	require.NoError(t, err)
	require.Equal(t, []string{
		"contact.nmae is not known and renders as nothing; under contact there are address, external_id, first_name, language, last_name, name, timezone, attributes",
		"row.cupon is not known and renders as nothing; under row there are coupon, city",
		"contact.attributes.paln is not known and renders as nothing; under contact.attributes there are plan",
	}, c.Unknown([]string{"coupon", "city"}, []string{"plan"}))
	require.Contains(t, c.Unknown(nil, nil), "row.coupon is not known and renders as nothing; under row there are none")
}
