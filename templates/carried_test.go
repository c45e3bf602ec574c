package templates_test

import (
	"html"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/providers"
	"carillon/templates"
	"carillon/templates/liquid"
)

// What a channel can't carry stands in its text, and at the end of its HTML.
func TestButtonsThatAreNotCarriedAreRead(t *testing.T) {
	written := providers.Content{
		Text: "Hello", HTML: "<html><body><p>Hello</p></BODY></html>",
		Buttons: []providers.MessageButton{
			{Type: providers.ButtonLink, Caption: "Tea & {{ row.name }}", Info: "https://example.org/?a=1&b={{ row.name }}"},
			{Type: providers.ButtonPostback, Caption: "Yes", Info: "yes-1"},
			{Type: providers.ButtonCall, Caption: "Call us", Info: "+49301234567"},
			{Type: providers.ButtonShare, Caption: "Tell others", Info: "https://example.org/"},
		},
	}
	render := func(c providers.Content) providers.Content {
		compiled, err := liquid.Compile(c, nil)
		require.NoError(t, err)
		rendered, err := compiled.Render(t.Context(), liquid.Vars{Row: `{"name": "<cake>"}`})
		require.NoError(t, err)
		return rendered
	}
	got := render(templates.Carried(written, nil))
	require.Equal(t, "Hello\n\nTea & <cake>: https://example.org/?a=1&b=<cake>\nReply \"Yes\"\nCall us: +49301234567\nTell others: https://example.org/", got.Text)
	require.Empty(t, got.Buttons)
	style := `style="display:inline-block;padding:10px 18px;border:1px solid;border-radius:4px;text-decoration:none"`
	require.Equal(t, `<html><body><p>Hello</p><p><a href="https://example.org/?a=1&amp;b=&lt;cake&gt;" `+style+`>Tea &amp; &lt;cake&gt;</a></p>`+"\n"+
		`<p>Reply &quot;Yes&quot;</p>`+"\n"+`<p><a href="tel:+49301234567" `+style+`>Call us</a></p>`+"\n"+
		`<p><a href="https://example.org/" `+style+`>Tell others</a></p>`+"\n"+`</BODY></html>`, got.HTML)

	some := render(templates.Carried(written, []providers.ButtonType{providers.ButtonLink, providers.ButtonCall}))
	require.Equal(t, "Hello\n\nReply \"Yes\"\nTell others: https://example.org/", some.Text)
	require.Equal(t, []providers.MessageButton{
		{Type: providers.ButtonLink, Caption: "Tea & <cake>", Info: "https://example.org/?a=1&b=<cake>"},
		{Type: providers.ButtonCall, Caption: "Call us", Info: "+49301234567"},
	}, some.Buttons)

	written.Text = ""
	require.Empty(t, templates.Carried(written, nil).Text, "an HTML part alone stays alone")
}

// Every button is either carried or read, in its order, and what is there besides stays.
func TestNoButtonIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := providers.Content{Text: rapid.StringMatching(`[a-z ]{1,20}`).Draw(t, "text")}
		c.HTML = rapid.SampledFrom([]string{"", "<p>x</p>", "<body>x</body>"}).Draw(t, "html")
		for range rapid.IntRange(0, 6).Draw(t, "buttons") {
			c.Buttons = append(c.Buttons, providers.MessageButton{
				Type: rapid.SampledFrom(providers.ButtonTypes()).Draw(t, "type"), Info: "https://example.org",
				Caption: rapid.StringMatching(`[A-Z<&"]{1,8}`).Draw(t, "caption"),
			})
		}
		can := rapid.SliceOfDistinct(rapid.SampledFrom(providers.ButtonTypes()), rapid.ID).Draw(t, "can")
		got := templates.Carried(c, can)
		lines := strings.Count(got.Text, "\n")
		if left := len(c.Buttons) - len(got.Buttons); left == 0 {
			require.Equal(t, c, got)
		} else {
			require.Equal(t, left+1, lines)
		}
		require.True(t, strings.HasPrefix(got.Text, c.Text))
		for _, b := range c.Buttons {
			carried := false
			for _, kept := range got.Buttons {
				carried = carried || kept == b
			}
			read := strings.Contains(got.Text, b.Caption) && (c.HTML == "" || strings.Contains(got.HTML, html.EscapeString(b.Caption)))
			require.True(t, carried || read, "%v", b)
		}
	})
}
