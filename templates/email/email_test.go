package email

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"carillon/internal/fault"
)

const letter = `<mjml>
<mj-head><mj-preview>Hi {{ contact.first_name }}</mj-preview>
<mj-style inline="inline">.red {color: red}</mj-style><mj-style>.x {color: {{ row.color }}}</mj-style></mj-head>
<mj-body>
{% if contact.first_name == "Ada" and 2 > 1 %}
<mj-section><mj-column>
<mj-text><h1>Hello</h1><p class="red">Dear {{ contact.first_name | default: "reader" }}</p></mj-text>
<mj-table>{% for x in list %}<tr><td>{{ x }}</td></tr>{% endfor %}</mj-table>
{%- comment %}<mj-foo>{% endcomment %}
<mj-button href='{{ row.link | append: "?a&b" }}'>Go</mj-button>
</mj-column></mj-section>
{% endif %}
</mj-body></mjml>`

func TestMJMLBecomesHTMLWithItsLiquid(t *testing.T) {
	built, err := NewBuilder().Build(t.Context(), Source{MJML: letter})
	require.NoError(t, err)
	for _, want := range []string{
		"<!doctype html>", `{% if contact.first_name == "Ada" and 2 > 1 %}`, "{% endif %}", `href="{{ row.link | append: "?a&b" }}"`,
		`<p class="red" style="color: red;">Dear {{ contact.first_name | default: "reader" }}</p>`,
		"{% for x in list %}<tr><td>{{ x }}</td></tr>{% endfor %}", ".x {color: {{ row.color }}}", "Hi {{ contact.first_name }}</div>",
	} {
		require.Contains(t, built.HTML, want)
	}
	require.NotContains(t, built.HTML, "fonts.googleapis.com", "nothing is fetched from elsewhere that nobody asked for")
	require.NotContains(t, built.HTML, "lq0n")
	require.Equal(t, `{% if contact.first_name == "Ada" and 2 > 1 %}

Hello

Dear {{ contact.first_name | default: "reader" }}

{% for x in list %} {{ x }} {% endfor %}

Go ( {{ row.link | append: "?a&b" }} )

{% endif %}`, built.Text)
}

func TestWrongSourcesAreRefused(t *testing.T) {
	b := NewBuilder()
	body := func(inner string) Source {
		return Source{MJML: "<mjml><mj-body><mj-section><mj-column>" + inner + "</mj-column></mj-section></mj-body></mjml>"}
	}
	for name, c := range map[string]struct {
		src  Source
		want []string
	}{
		"both":    {Source{MJML: "<mjml></mjml>", HTML: "<p>"}, []string{"html: give either mjml or html"}},
		"long":    {Source{HTML: strings.Repeat("x", MaxSourceBytes+1)}, []string{"html: at most 256 KiB"}},
		"many":    {Source{HTML: strings.Repeat("<p>", 2*maxElements+1)}, []string{"html: at most 10000 elements"}},
		"no mjml": {Source{MJML: "hello"}, []string{"must be MJML, such as <mjml>"}},
		"html":    {Source{MJML: "<html></html>"}, []string{"must begin with <mjml> and not with <html>"}},
		"empty":   {Source{MJML: "<mjml></mjml>"}, []string{"can't be compiled: Malformed MJML"}},
		"open":    {Source{MJML: "<mjml><mj-body><mj-section></mj-section>"}, []string{"<mj-body> is never closed: write </mj-body>"}},
		"crossed": {Source{MJML: "<mjml><mj-body>\n<mj-section></mj-body></mjml>"}, []string{"line 2: </mj-body> stands where <mj-section> is still open"}},
		"closed":  {Source{MJML: "<mjml></mj-body></mjml></mjml>"}, []string{"</mj-body> stands where <mjml> is still open"}},
		"elements": {body("<mj-foo></mj-foo>\n\n<mj-text colour='red'>x</mj-text>"),
			[]string{"line 1: <mj-foo>: Element mj-foo doesn't exist", "line 3: <mj-text>: Attribute colour is illegal"}},
		"lines":   {body("{% if\n a %}<mj-text>x</mj-text>{% endif %}\n<mj-foo></mj-foo>"), []string{"line 3: <mj-foo>"}},
		"include": {body("\n<mj-include path='/etc/passwd' />"), []string{"line 2: mj-include is not available"}},
		"lost":    {body("\n <mj-spacer {{ row.x }}=\"3\" />"), []string{"line 2, column 13: Liquid has no effect here", "{{ row.x }}"}},
		"number":  {Source{MJML: `<mjml><mj-body width="{{ row.w }}px"><mj-section></mj-section></mj-body></mjml>`}, []string{"is no number, such as 600px"}},
		"deep":    {Source{MJML: "<mjml>" + strings.Repeat("<mj-wrapper>", maxNested)}, []string{"more than 50 elements inside each other"}},
		"amplified": {Source{MJML: "<mjml><mj-head><mj-attributes><mj-all css-class=\"" + strings.Repeat("x", 20_000) + "\" /></mj-attributes></mj-head><mj-body>" +
			strings.Repeat("<mj-section></mj-section>", 1_000) + "</mj-body></mjml>"}, []string{"mj-attributes has"}},
		"crowd": {body(strings.Repeat("<mj-divider />", maxMJMLElements)), []string{"elements; at most 2000"}},
		"selectors": {Source{HTML: "<style>" + strings.Repeat("a b c d e,", 9) + "p {}</style>" + strings.Repeat("<div>", 400)},
			[]string{"its styles would take too long"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.Build(t.Context(), c.src)
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestStylesAreWrittenIntoElements(t *testing.T) {
	for name, c := range map[string]struct{ html, want string }{
		"no style": {`<p>Hi {{ x | default: "y" }}`, `<p>Hi {{ x | default: "y" }}`},
		"rules": {`<style>p, .a b {color: red}</style><p class="a"><b>x</b></p>`,
			`<html><head></head><body><p class="a" style="color:red"><b style="color:red">x</b></p></body></html>`},
		"later": {`<style>a:hover {color: red}</style><a>x</a>`,
			"<html><head><style type=\"text/css\">a:hover {\ncolor: red !important\n}</style></head><body><a>x</a></body></html>"},
		"kept": {`<style data-premailer="ignore">p {color: red}</style><p>x</p>`,
			`<html><head><style data-premailer="ignore">p {color: red}</style></head><body><p>x</p></body></html>`},
		"liquid": {`<style>p {color: {{ row.c }}}</style><p>x</p>`,
			`<html><head><style data-premailer="ignore">p {color: {{ row.c }}}</style></head><body><p>x</p></body></html>`},
		"attributes": {`<style>p {color: red}</style><p {% if a == "b" %}class="x"{% endif %} title="{{ "<b>" }}">x</p>`,
			`<html><head></head><body><p {% if a == "b" %}class="x" {% endif %} title="{{ "<b>" }}" style="color:red">x</p></body></html>`},
		"rows": {`<style>td {color: red}</style><table>{% for r in l %}<tr><td>{{ r }}</td></tr>{% endfor %}</table>`,
			`<html><head></head><body><table>{% for r in l %}<tr><td style="color:red">{{ r }}</td></tr>{% endfor %}</table></body></html>`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := inline(c.html)
			require.NoError(t, err)
			require.Equal(t, c.want, strings.ReplaceAll(got, "  ", " "))
		})
	}
}

func TestATextIsWhatAReaderSees(t *testing.T) {
	for html, want := range map[string]string{
		`<h1>News</h1><p>Dear <b>{{ x }}</b>,<br>hi</p>`:                                                   "News\n\nDear {{ x }},\nhi",
		`<div style="display: none">preview</div><a href="{{ unsubscribe_url }}">Unsubscribe</a>`:          "Unsubscribe ( {{ unsubscribe_url }} )",
		`<title>no</title><!-- no --><table>{% for x in l %}<tr><td>{{ x }}</td></tr>{% endfor %}</table>`: "{% for x in l %} {{ x }} {% endfor %}",
		`a &amp; b &lt;i&gt; {{ "&amp;" }}`:                                                                `a & b <i> {{ "&amp;" }}`,
	} {
		got, err := textOf(html)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	built, err := NewBuilder().Build(t.Context(), Source{HTML: "<p>x</p>", Text: "mine"})
	require.NoError(t, err)
	require.Equal(t, Built{HTML: "<p>x</p>", Text: "mine"}, built)
}

func TestBuiltIsRemembered(t *testing.T) {
	b := NewBuilder()
	first, err := b.Build(t.Context(), Source{MJML: letter})
	require.NoError(t, err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	again, err := b.Build(ended, Source{MJML: letter})
	require.NoError(t, err)
	require.Equal(t, first, again)
	_, err = b.Build(ended, Source{MJML: letter + " "})
	require.ErrorIs(t, err, context.Canceled)
	for i := range 40 {
		_, err := b.Build(t.Context(), Source{HTML: strings.Repeat("x", MaxSourceBytes-i)})
		require.NoError(t, err)
		require.LessOrEqual(t, b.size, maxRemembered)
		require.Len(t, b.built, len(b.order))
	}
}

// A document that takes too long is given up in the middle of a loop.
func TestCompilingEndsWithItsContext(t *testing.T) {
	c := &compiler{}
	_, err := c.load()
	require.NoError(t, err)
	// Every way to find twenty names among a thousand ancestors is tried.
	source := `<mjml><mj-head><mj-style inline="inline">z ` + strings.Repeat("a ", 20) + "q {color: red}</mj-style></mj-head><mj-body><mj-section><mj-column>" +
		"<mj-text>" + strings.Repeat("<a>", 200) + "<q>x</q></mj-text></mj-column></mj-section></mj-body></mjml>"
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = c.compile(ctx, source)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// What a document does to the interpreter's objects must not reach the next one.
func TestDocumentsLeaveNothingBehind(t *testing.T) {
	b := NewBuilder()
	want, err := b.Build(t.Context(), Source{MJML: letter})
	require.NoError(t, err)
	_, _ = b.Build(t.Context(), Source{MJML: `<mjml><mj-head><mj-attributes><mj-class name="__proto__"><mj-text color="red" /></mj-class>` +
		`<mj-all color="red" /></mj-attributes></mj-head><mj-body></mj-body></mjml>`})
	got, err := NewBuilder().Build(t.Context(), Source{MJML: letter})
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func FuzzLiquidPassesThrough(f *testing.F) {
	for _, s := range []string{
		letter, "{{ a }}{% b %}", "{% comment %}<b>{{ x }}{% endcomment %}lq0n0e", "<a href=\"{{ '\"' }}\" {% x %}>",
		"<style>{{ a }}</style>", "<!--{{ x }}-->", "{{\n}}", "<title>{{ a }}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		s, safe := shielded("html", source)
		back, err := s.restore(safe)
		require.NoError(t, err)
		require.Equal(t, source, back)
	})
}

func FuzzHTML(f *testing.F) {
	for _, s := range []string{
		"<style>p{color:red}</style><p>{{ x }}", "<style>@media x{", "<table>{% for x in y %}<tr>", "<style>a:not(b){}</style>", "<a href='x'>y</a><h1>z</h1>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		built, err := NewBuilder().Build(t.Context(), Source{HTML: source})
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			return
		}
		_, err = html.Parse(strings.NewReader(built.HTML))
		require.NoError(t, err)
	})
}

func FuzzMJML(f *testing.F) {
	for _, s := range []string{letter, "<mjml><mj-body></mj-body></mjml>", "<mjml><mj-body><mj-raw>{{ x }}</mj-raw></mj-body></mjml>"} {
		f.Add(s)
	}
	b := NewBuilder()
	f.Fuzz(func(t *testing.T, source string) {
		if _, err := b.Build(t.Context(), Source{MJML: source}); err != nil {
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
		}
	})
}

func BenchmarkMJML(b *testing.B) {
	c := &compiler{}
	_, err := c.compile(b.Context(), letter)
	require.NoError(b, err)
	for b.Loop() {
		_, err := c.compile(b.Context(), letter)
		require.NoError(b, err)
	}
}
