package liquid

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/internal/fault"
	"carillon/providers"
)

// snippets are those that the tests render.
var snippets = map[string]string{
	"static":        "Hello & goodbye",
	"empty":         "",
	"title":         "<b>{{ title }}</b>",
	"parts/product": "[{{ product }}|{{ title }}|{{ forloop.index }}{% if forloop.last %}!{% endif %}]",
	"globals":       "{{ contact.first_name }} {{ row.coupon }} {{ campaign.name }} {{ unsubscribe_url }}",
	"outer":         "({% render 'title', title: title %})",
	"makes":         "{% assign made = 'inner' %}{{ made }}{% increment n %}",
	"captures":      "{% if no %}{% capture title %}<i>{% endcapture %}{% endif %}{{ title }}{% capture own %}<i>{{ title }}</i>{% endcapture %}{{ own }}",
	"fails":         "one\n{{ 1 | divided_by: 0 }}",
	"cycles":        "{% cycle 'odd', 'even' %}",
	"loop":          "{% for i in (1..3) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}",
	"trims":         "\n  {%- if true %} x {% endif -%} \n",
	"raw":           "{{ body | raw }}",
	"whole":         "{{ person.first_name }}",
}

func TestRenderOfSnippets(t *testing.T) {
	for name, c := range map[string]struct{ template, plain, html string }{
		"static":         {"{% render 'static' %}", "Hello & goodbye", "Hello & goodbye"},
		"empty":          {"a{% render 'empty' %}b", "ab", "ab"},
		"a value":        {"{% render 'title', title: row.coupon %}", "<b>A<1></b>", "<b>A&lt;1&gt;</b>"},
		"a quoted value": {`{% render "title", title: 'a, b: <c>' %}`, "<b>a, b: <c></b>", "<b>a, b: &lt;c&gt;</b>"},
		"no comma":       {`{% render "title" title: 5 %}`, "<b>5</b>", "<b>5</b>"},
		"lines":          {"{% render 'title',\n  title: row.city\n%}", "<b>München</b>", "<b>München</b>"},
		"globals": {"{% render 'globals' %}", "Ada A<1> Spring https://example.org/u/t?a=1&b=2",
			"Ada A&lt;1&gt; Spring https://example.org/u/t?a=1&amp;b=2"},
		"isolated":       {"{% assign title = 'x' %}{% render 'title' %}", "<b></b>", "<b></b>"},
		"leaves nothing": {"{% assign made = 'outer' %}{% render 'makes' %}{{ made }}{% increment n %}", "inner0outer0", "inner0outer0"},
		"shadows alone": {"{% assign contact = 'x' %}{% render 'globals' %}", "Ada A<1> Spring https://example.org/u/t?a=1&b=2",
			"Ada A&lt;1&gt; Spring https://example.org/u/t?a=1&amp;b=2"},
		"within":               {"{% render 'outer', title: '<' %}", "(<b><</b>)", "(<b>&lt;</b>)"},
		"with":                 {"{% render 'parts/product' with row.city, title: 't' %}", "[München|t|]", "[München|t|]"},
		"with as":              {"{% render 'parts/product' with row.city as title %}", "[|München|]", "[|München|]"},
		"with nothing":         {"{% render 'parts/product' with row.none %}", "[||]", "[||]"},
		"with a column":        {`{% render 'title' with row["coupon code"] as title %}`, "<b>X</b>", "<b>X</b>"},
		"with contact":         {"{% render 'whole', person: contact %}", "Ada", "Ada"},
		"for":                  {"{% assign l = 'a,b' | split: ',' %}{% render 'parts/product' for l, title: 't' %}", "[a|t|1][b|t|2!]", "[a|t|1][b|t|2!]"},
		"for as":               {"{% assign l = 'a,<' | split: ',' %}{% render 'title' for l as title %}", "<b>a</b><b><</b>", "<b>a</b><b>&lt;</b>"},
		"for nothing":          {"{% render 'title' for contact.attributes.none as title %}", "", ""},
		"for one":              {"{% render 'title' for row.city as title %}", "<b>München</b>", "<b>München</b>"},
		"for cycles":           {"{% assign l = 'a,b,c' | split: ',' %}{% render 'cycles' for l %}", "oddevenodd", "oddevenodd"},
		"no loop from outside": {"{% for i in (1..2) %}{% render 'parts/product' %}{% endfor %}", "[||][||]", "[||][||]"},
		"break ends its own":   {"{% for i in (1..2) %}{% render 'loop' %}.{% endfor %}", "1.1.", "1.1."},
		"captured by name":     {"{% render 'captures', title: '<' %}", "<<i><</i>", "&lt;<i>&lt;</i>"},
		"handed on for raw":    {"{% capture b %}<u>{{ row.coupon }}</u>{% endcapture %}{% render 'raw', body: b %}", "<u>A<1></u>", "<u>A&lt;1&gt;</u>"},
		"captured result":      {"{% capture b %}{% render 'title', title: '<' %}{% endcapture %}{{ b }}", "<b><</b>", "<b>&lt;</b>"},
		"trims within":         {"a {% render 'trims' %} b", "a  x  b", "a  x  b"},
		"trims around":         {"a {%- render 'static' -%} b", "aHello & goodbyeb", "aHello & goodbyeb"},
		"in liquid":            {"{% liquid\n render 'title', title: 1\n%}", "<b>1</b>", "<b>1</b>"},
		"not in raw": {"{% raw %}{% render 'none' %}{% endraw %}{% comment %}{% render 'none' %}{% endcomment %}", "{% render 'none' %}",
			"{% render 'none' %}"},
	} {
		t.Run(name, func(t *testing.T) {
			compiled, err := Compile(providers.Content{Text: c.template, HTML: c.template}, snippets)
			require.NoError(t, err)
			out, err := compiled.Render(t.Context(), ada)
			require.NoError(t, err)
			require.Equal(t, c.plain, out.Text)
			require.Equal(t, c.html, out.HTML)
		})
	}
}

func TestWrongSnippetsAreRefused(t *testing.T) {
	texts := map[string]string{
		"a": "\n{% render 'b' %}", "b": "{% render 'c' %}", "c": "{% render 'a' %}", "self": "{% render 'self' %}",
		"tag": "x\n{% iff %}", "filter": "{{ x | upcas }}", "gone": "{% render 'nothing' %}", "include": "{% include 'a' %}", "break": "{% break %}", "ok": "x",
		"open": "{% if x %}", "calls filter": "", "wrong call": "{% render ok %}", "big": strings.Repeat("x", MaxTemplateBytes),
	}
	for name, c := range map[string]struct{ template, want string }{
		"missing":        {"a\n{% render 'none' %}", `line 2: there is no snippet "none"`},
		"missing within": {"{% render 'gone' %}", `line 1: snippet "gone": line 1: there is no snippet "nothing"`},
		"circle":         {"{% render 'a' %}", `snippet "a" renders itself: a → b → c → a`},
		"itself":         {"{% render 'self' %}", `snippet "self" renders itself: self → self`},
		"tag":            {"{% render 'tag' %}", `line 1: snippet "tag": line 2: unknown tag "iff"`},
		"filter":         {"{% render 'filter' %}", `snippet "filter": line 1: unknown filter "upcas"`},
		"include":        {"{% render 'include' %}", "line 1: include is not available"},
		"break":          {"{% render 'break' %}", "line 1: break stands outside of a loop"},
		"not closed":     {"{% render 'open' %}", `snippet "open":`},
		"no quotes":      {"{% render ok %}", "line 1: render takes the quoted name"},
		"no name":        {"{% render %}", "line 1: render takes the quoted name"},
		"bad name":       {"{% render '../x' %}", `"../x" is no name of a snippet`},
		"no value":       {"{% render 'ok', title %}", "render takes the quoted name"},
		"a filter":       {"{% render 'ok', title: x | upcase %}", "values without filters"},
		"unknown filter": {"{% render 'ok', title: x|upcas %}", `unknown filter "upcas"`},
		"no expression":  {"{% render 'ok', title: (( %}", "line 1"},
		"a range":        {"{% render 'ok' for (1..3) as i %}", "a range"},
		"too long":       {"{% render 'big' %}", "more than 512 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Compile(providers.Content{HTML: c.template}, texts)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "content.html")
			require.True(t, fault.Is(err, fault.Invalid))
		})
	}
	require.ErrorContains(t, CheckSnippet("tag", texts), `text: line 2: unknown tag "iff"`, "the snippet that is saved is not named again")
	require.ErrorContains(t, CheckSnippet("b", texts), "b → c → a → b")
	require.NoError(t, CheckSnippet("ok", texts))
}

// Snippets are as deep inside each other as they may be, whichever is compiled first.
func TestDepthOfSnippetsIsBounded(t *testing.T) {
	texts := map[string]string{"0": "x"}
	for i := 1; i <= maxSnippetDepth; i++ {
		texts[fmt.Sprint(i)] = fmt.Sprintf("{%% render '%d' %%}", i-1)
	}
	deepest := fmt.Sprint(maxSnippetDepth - 1)
	compiled, err := Compile(providers.Content{Text: "{% render '" + deepest + "' %}"}, texts)
	require.NoError(t, err)
	out, err := compiled.Render(t.Context(), ada)
	require.NoError(t, err)
	require.Equal(t, "x", out.Text)
	_, err = Compile(providers.Content{Text: fmt.Sprintf("{%% render '%d' %%}", maxSnippetDepth)}, texts)
	require.ErrorContains(t, err, errTooDeep.Error())
	_, err = Compile(providers.Content{Text: fmt.Sprintf("{%% render '%s' %%}{%% render '%d' %%}", deepest, maxSnippetDepth)}, texts)
	require.ErrorContains(t, err, errTooDeep.Error())
}

func TestErrorWithinASnippetIsTheRecipients(t *testing.T) {
	compiled, err := Compile(providers.Content{Text: "\n{% render 'fails' %}"}, snippets)
	require.NoError(t, err)
	_, err = compiled.Render(t.Context(), ada)
	require.ErrorContains(t, err, `content.text: line 2: snippet "fails": line 2: `)
}

func TestRenderedNamesSnippets(t *testing.T) {
	require.Equal(t, []string{"a", "b/c", "d"}, RenderedBy(providers.Content{
		Subject: "{% render 'a' %}", Text: "{% raw %}{% render 'x' %}{% endraw %}{% liquid\n render 'b/c'\n%}{% render 'a' %}{{ render }}",
		Attachment: &providers.Attachment{Caption: "{% render 'd', a: 1 %}{% render wrong %}"},
	}))
}

func TestNoticesOfSnippets(t *testing.T) {
	texts := map[string]string{"card": "{{ title }}{{ contact.firstname }}{{ nobody }}", "unused": "{{ nope.x }}"}
	compiled, err := Compile(providers.Content{Text: "{% render 'card', title: contact.nme, titel: 1 %}{% render 'card' with row.a as title %}"}, texts)
	require.NoError(t, err)
	require.Equal(t, []string{
		`snippet "card" is given titel and does not use it`,
		"contact.nme is not known and renders as nothing; did you mean contact.name?",
		`snippet "card": contact.firstname is not known and renders as nothing; did you mean contact.first_name?`,
	}, compiled.Unknown([]string{"a"}, nil, nil))
}

// Snippets that render each other, in loops and by lists, are as bounded as one text.
func TestAnyTemplateWithSnippetsIsBounded(t *testing.T) {
	v := long()
	rapid.Check(t, func(t *rapid.T) {
		const n = 5
		texts := map[string]string{}
		body := func(below int) string {
			var b strings.Builder
			for range rapid.IntRange(1, 4).Draw(t, "parts") {
				called := "z"
				if below > 0 {
					called = fmt.Sprintf(rapid.SampledFrom([]string{
						"{%% render '%d', x: x, y: row.list %%}", "{%% render '%d' for y as x %%}", "{%% render '%d' for contact.attributes.tags as x, y: y %%}",
						"{%% render '%d' with row.long as x %%}", "{%% render '%d', x: contact, y: row.huge %%}",
					}).Draw(t, "call"), rapid.IntRange(0, below-1).Draw(t, "called"))
				}
				b.WriteString(rapid.SampledFrom([]string{
					called, "{% for i in (1..9999) %}" + called + "{% endfor %}", "{% capture x %}" + called + "{% endcapture %}{{ x | append: x }}",
					"{% assign y = x | split: ',' %}" + called, "{% capture x %}{% for i in y %}" + called + "{% endfor %}{% endcapture %}", "{{ x | replace: 'y', x }}",
					"{{ y | json }}{{ x }}",
				}).Draw(t, "part"))
			}
			return b.String()
		}
		for i := range n {
			texts[fmt.Sprint(i)] = body(i)
		}
		source := body(n)
		compiled, err := Compile(providers.Content{Text: source, HTML: source}, texts)
		require.NoError(t, err, "%s %v", source, texts)
		_, _ = renderBounded(t, compiled, v)
	})
}

// What doubles at every depth ends at the bound on work, and says so.
func TestSnippetsThatDoubleAreEnded(t *testing.T) {
	texts := map[string]string{"0": "x"}
	for i := 1; i < maxSnippetDepth; i++ {
		texts[fmt.Sprint(i)] = strings.Repeat(fmt.Sprintf("{%% render '%d' %%}", i-1), 2)
	}
	compiled, err := Compile(providers.Content{Text: fmt.Sprintf("{%% render '%d' %%}", maxSnippetDepth-1)}, texts)
	require.NoError(t, err)
	_, err = renderBounded(t, compiled, ada)
	var bound *ExceededError
	require.ErrorAs(t, err, &bound)
	require.ErrorContains(t, err, errTooMuchWork.Error())
}

func FuzzSnippets(f *testing.F) {
	for _, seed := range snippets {
		f.Add("{% render 'a', title: row.coupon %}", seed)
	}
	f.Add(`{% render "a" for contact.attributes.tags as tag, b: 'x, y' %}`, "{% render 'a' %}")
	f.Add("{% render 'a' %}", "{%# note%}")
	f.Add("{%render'a'with row%}", "{{ a.coupon }}{% render 'b' %}")
	f.Fuzz(func(t *testing.T, source, text string) {
		texts := map[string]string{"a": text, "b": source}
		for _, name := range Rendered(source, text) {
			require.True(t, ValidSnippetName(name))
		}
		if err := CheckSnippet("a", texts); err != nil {
			require.True(t, fault.Is(err, fault.Invalid))
		}
		compiled, err := Compile(providers.Content{Subject: source, HTML: source}, texts)
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid))
			return
		}
		_, _ = renderBounded(t, compiled, ada)
	})
}
