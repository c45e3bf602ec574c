package liquid_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/providers"
	"carillon/templates/liquid"
)

func TestUnknownNamesAreSaid(t *testing.T) {
	c, err := liquid.Compile(providers.Content{
		Subject: `{{ contact.first_name }} {{ contact.nmae | default: "contact.quoted" }} {{campaign.name}}`,
		Text: `contact.outside {% if row.coupon and contact.attributes.plan == "x" %}{{ row["any"] }}{{ contact.attributes["any"] }}{% endif %}
			{{ row.cupon }} {{ row.cupon }} {{ contact.attributes.paln }} {{ contact.attributes }}`,
	}, nil)

	require.NoError(t, err)
	require.Equal(t, []string{
		"contact.nmae is not known and renders as nothing; did you mean contact.name?",
		"row.any is not known and renders as nothing; under row there are coupon, city",
		"contact.attributes.any is not known and renders as nothing; under contact.attributes there are plan",
		"row.cupon is not known and renders as nothing; did you mean row.coupon?",
		"contact.attributes.paln is not known and renders as nothing; did you mean contact.attributes.plan?",
	}, c.Unknown([]string{"coupon", "city"}, []string{"plan"}, nil))
	require.Contains(t, c.Unknown(nil, nil, nil), "row.coupon is not known and renders as nothing; under row there are none")
}

func TestWhatWasMeantIsSaid(t *testing.T) {
	for source, want := range map[string][]string{
		"{{ contact.firstname }}":    {"contact.firstname is not known and renders as nothing; did you mean contact.first_name?"},
		"{{ contact.FirstName }}":    {"contact.FirstName is not known and renders as nothing; did you mean contact.first_name?"},
		"{{ contact['firstname'] }}": {"contact.firstname is not known and renders as nothing; did you mean contact.first_name?"},
		"{{ contact.plan }}":         {"contact.plan is not known and renders as nothing; did you mean contact.attributes.plan?"},
		"{{ first_name }}":           {"first_name is not known and renders as nothing; did you mean contact.first_name?"},
		"{{ contcat.first_name }}":   {"contcat.first_name is not known and renders as nothing; did you mean contact?"},
		"{{ contact.city }}":         {"contact.city is not known and renders as nothing; did you mean row.city?"},
		"{{ user.wibble }}": {"user.wibble is not known and renders as nothing; " +
			"there are contact, row, feed, account, campaign, channel, run, preferences_url, unsubscribe_url, view_url"},
		"{% if contact.vip == true %}{% endif %}": {"contact.vip is not known and renders as nothing; under contact there are address, external_id, " +
			"first_name, language, last_name, name, timezone, attributes"},
		`{{ contact.first_name or "x" }}`: {`{{ contact.first_name or "x" }} prints true or false and not a value; for a stand-in write {{ ` +
			`contact.first_name | default: "x" }}`},
		`{% echo contact.first_name or "a or b" %}`: {`{{ contact.first_name or "a or b" }} prints true or false and not a value; for a stand-in write {{ ` +
			`contact.first_name | default: "a or b" }}`},
		"{% liquid\n assign x = 1\n echo contact.nam\n%}": {"contact.nam is not known and renders as nothing; did you mean contact.name?"},

		`{{ contact.first_name | default: "x or y" }}`:                                                                nil,
		`{% if contact.first_name or contact.name %}{{ unsubscribe_url }}{% endif %}`:                                 nil,
		`{% assign x = 'a,b' | split: "," %}{% for i in x reversed limit: 2 %}{{ i }}{{ forloop.index }}{% endfor %}`: nil,
		`{% raw %}{{ nobody }}{% endraw %}{% comment %}{{ nobody }}{% endcomment %}{% # {{ nobody }} %}`:              nil,
		`{{ row["coupon code"] }}{{ row.coupon.size }}{{ 1.5 | plus: 2 }}{% increment n %}{{ n }}`:                    nil,
		`{% capture a %}x{% endcapture %}{{ a }}{{ f | default: 1, allow_false: true }}`: {"f is not known and renders as nothing; " +
			"there are contact, row, feed, account, campaign, channel, run, preferences_url, unsubscribe_url, view_url"},
		`{% if x != blank and contact.name != empty %}{% endif %}`: {"x is not known and renders as nothing; " +
			"there are contact, row, feed, account, campaign, channel, run, preferences_url, unsubscribe_url, view_url"},
	} {
		c, err := liquid.Compile(providers.Content{HTML: source}, nil)
		require.NoError(t, err, source)
		require.Equal(t, want, c.Unknown([]string{"coupon", "coupon code", "city"}, []string{"plan"}, nil), source)
	}
}
