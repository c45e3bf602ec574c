package liquid

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/providers"
)

// The bounds that every rendering keeps, whatever the template.
const (
	mostTime   = MaxRenderTime + 5*time.Second
	mostMemory = raceShare * 512 << 20
)

// renderBounded renders and sees that time and memory are bounded.
func renderBounded(t require.TestingT, c *Content, v Vars) (providers.Content, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := clock.System{}.Now()
	out, err := c.Render(context.Background(), v)
	require.Less(t, clock.System{}.Now().Sub(began), mostTime)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(mostMemory))
	return out, err
}

// long is a recipient with long values.
func long() Vars {
	v := ada
	v.Row = `{"long":"` + strings.Repeat("y", 30_000) + `","list":"` + strings.Repeat("ab,", 1900) + `","huge":"` + strings.Repeat("z", 1<<20) + `"}`
	v.Contact.Attributes = `{"tags":["` + strings.Repeat(`a","`, 1000) + `b"]}`
	return v
}

// Whatever a template does, it ends soon and takes little memory.
func TestRenderIsBounded(t *testing.T) {
	chain := func(filter string, n int) string { return "{{ x" + strings.Repeat(" | "+filter, n) + " }}" }
	exceeded := map[string]string{
		"empty loop":      "{% for i in (1..2000000000) %}{% endfor %}",
		"long loop":       "{% for i in (1..2000000000) %}" + strings.Repeat("x", 1000) + "{% endfor %}",
		"nested loops":    "{% for i in (1..100000) %}{% for j in (1..100000) %}{% endfor %}{% endfor %}",
		"loop in capture": "{% capture x %}{% for i in (1..2000000000) %}" + strings.Repeat("x", 1000) + "{% endfor %}{% endcapture %}",
		"table": "{% assign l = 'a,b,c,d,e,f,g,h' | split: ',' %}{% for i in (1..2000000000) %}{% tablerow x in l cols: 2 %}{{ x }}{% endtablerow %}" +
			"{% endfor %}",
		"doubling":              "{% assign x = 'xxxxxxxxxxxxxxxx' %}" + strings.Repeat("{% assign x = x | append: x %}", 40) + "{{ x }}",
		"replace":               "{% assign x = row.long | replace: '', row.long %}{{ x }}",
		"few bytes, much work":  "{% for i in (1..9999) %}{% assign x=row.long|upcase|downcase|upcase|downcase %}{% endfor %}",
		"two hundred filters":   "{% assign x=row.long %}{% for i in (1..9999) %}" + chain("upcase", 200) + "{% endfor %}",
		"sorting":               "{% assign x=row.list|split:',' %}{% for i in (1..9999) %}{% assign y=x|sort|uniq|reverse %}{% endfor %}",
		"splitting and joining": "{% assign x=row.list %}{% for i in (1..9999) %}{% assign x=x|split:','|join:',' %}{% endfor %}",
		"escaping":              "{% for i in (1..9999) %}{% assign y=row.long|escape|strip_html|url_encode %}{% endfor %}",
		"many variables": "{% assign x=row.long %}" + strings.Repeat("{% assign x=x|replace:'y','y' %}{% assign y=x %}", 4500) +
			"{% for i in (1..9) %}{% endfor %}",
		"huge value":            "{{ row.huge | upcase }}",
		"huge value many times": strings.Repeat("{{ row.huge }}", 1000),
		"huge value in a block": strings.Repeat("{% if true %}{{ row.huge }}{% endif %}", 1000),
		"list of long texts":    "{% assign a=row.long|split:',' %}{% assign b=a|concat:a|concat:a|concat:a %}{{ b|json }}",
		"json of everything":    "{% for i in (1..9999) %}{% assign y=contact.attributes.tags|json %}{% endfor %}",
		"long date format":      "{% for i in (1..99999) %}{% assign y='2026-12-01'|date:'" + strings.Repeat("%c", 400) + "' %}{% endfor %}",
	}
	for name, template := range exceeded {
		t.Run(name, func(t *testing.T) {
			compiled, err := Compile(providers.Content{Text: template}, nil)
			require.NoError(t, err)
			_, err = renderBounded(t, compiled, long())
			require.ErrorContains(t, err, "content.text")
			require.Less(t, len(err.Error()), 400)
			var bound *ExceededError
			require.ErrorAs(t, err, &bound)
			require.True(t, fault.Is(err, fault.Invalid))
		})
	}
	for name, template := range map[string]string{
		"wide date":          "{{ '2026-12-01' | date: '%1000000000Y' }}",
		"wrong loop value":   "{% for i in (1..contact.name) %}{% endfor %}",
		"division by zero":   "{{ 1 | divided_by: 0 }}",
		"modulo of zero":     "{{ 1 | modulo: 0 }}",
		"no number":          "{{ contact.name | plus: 1 }}",
		"too many arguments": "{{ 1 | upcase: 1, 2, 3 }}",
		"bad slice":          "{{ 'abc' | slice: 5, 2 }}",
	} {
		t.Run(name, func(t *testing.T) {
			compiled, err := Compile(providers.Content{Text: template}, nil)
			require.NoError(t, err)
			_, err = renderBounded(t, compiled, long())
			require.ErrorContains(t, err, "content.text")
			var bound *ExceededError
			require.NotErrorAs(t, err, &bound, "it is wrong, not too much")
		})
	}
}

// What an honest newsletter does stays far from the bounds.
func TestHonestTemplatesStayWithinTheBounds(t *testing.T) {
	template := "{% assign tags=contact.attributes.tags|uniq|sort %}{% for i in (1..500) %}<tr>{% for c in (1..8) %}<td>{{ row.list|truncate: 20|escape }}" +
		"{% if c == 3 %}x{% endif %}</td>{% endfor %}</tr>{% endfor %}"
	compiled, err := Compile(providers.Content{HTML: template}, nil)
	require.NoError(t, err)
	v := ada
	v.Row = `{"list":"a cheap thing & another"}`
	out, err := compiled.Render(t.Context(), v)
	require.NoError(t, err)
	require.Contains(t, out.HTML, "a cheap thing &amp;")
}

// A rendering ends with its context, and that is no fault of the recipient's.
func TestRenderEndsWithItsContext(t *testing.T) {
	compiled, err := Compile(providers.Content{Text: "{% for i in (1..20000) %}{% endfor %}"}, nil)
	require.NoError(t, err)
	_, err = compiled.Render(t.Context(), ada)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = compiled.Render(ctx, ada)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, fault.Is(err, fault.Invalid))
	late, cancel := context.WithTimeoutCause(t.Context(), 0, errTooSlow)
	defer cancel()
	<-late.Done()
	m := newMeter(late)
	var bound *ExceededError
	require.ErrorAs(t, m.failure("text", m.charge(lookEvery)), &bound)
	require.ErrorContains(t, bound, "content.text: the template takes more than 5s for this recipient")
}

// Any template of the parts that cost something renders within the bounds, however
// they are put together.
func TestAnyTemplateIsBounded(t *testing.T) {
	value := rapid.SampledFrom([]string{"x", "y", "row.long", "row.list", "row.huge", "contact.attributes.tags", "contact.attributes", "row", "'ab'", "i"})
	filter := rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{
			"append: x", "prepend: row.long", "replace: 'y', x", "replace: '', y", "split: ''", "split: ','", "join: x", "concat: y", "sort", "sort_natural", "uniq",
			"reverse",
			"json", "escape", "url_encode", "base64_encode", "upcase", "strip_html", "truncatewords: 9999", "map: 'size'", "sum", "where: 'size', 2", "times: 9",
			"slice: 0, 60000", "compact", "date: y",
		}).Draw(t, "filter")
	})
	expression := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(append([]string{value.Draw(t, "value")}, rapid.SliceOfN(filter, 0, 12).Draw(t, "filters")...), " | ")
	})
	var block func(t *rapid.T, depth int) string
	block = func(t *rapid.T, depth int) string {
		var b strings.Builder
		for range rapid.IntRange(1, 4).Draw(t, "parts") {
			inner := func() string {
				if depth == 0 {
					return "z"
				}
				return block(t, depth-1)
			}
			switch rapid.IntRange(0, 6).Draw(t, "part") {
			case 0:
				b.WriteString("{{ " + expression.Draw(t, "printed") + " }}")
			case 1:
				b.WriteString("{% assign x = " + expression.Draw(t, "x") + " %}")
			case 2:
				b.WriteString("{% assign y = " + expression.Draw(t, "y") + " %}")
			case 3:
				b.WriteString("{% for i in (1..99999) %}" + inner() + "{% endfor %}")
			case 4:
				b.WriteString("{% for i in y %}" + inner() + "{% endfor %}")
			case 5:
				b.WriteString("{% capture x %}" + inner() + "{% endcapture %}")
			case 6:
				b.WriteString("{% if x contains y or x == y %}" + inner() + "{% endif %}")
			}
		}
		return b.String()
	}
	v := long()
	rapid.Check(t, func(t *rapid.T) {
		source := block(t, 3)
		compiled, err := Compile(providers.Content{Text: source, HTML: source}, nil)
		require.NoError(t, err, source)
		_, _ = renderBounded(t, compiled, v)
	})
}

// A template that is as long as it may be, and made to cost, is taken or refused
// soon.
func TestCompileIsBounded(t *testing.T) {
	fill := func(piece string) string { return strings.Repeat(piece, MaxTemplateBytes/len(piece)) }
	names := &strings.Builder{}
	for i := 0; names.Len() < MaxTemplateBytes-100; i++ {
		_, _ = fmt.Fprintf(names, "{{ row.c%d | upcase }}{%% if contact.d%d == 'x' %%}a{%% endif %%}", i, i)
	}
	for name, source := range map[string]string{
		"placeholders":      fill("{{a}}"),
		"filters":           fill("{{a|upcase}}"),
		"trimmed":           ("{%- if a -%}{%endif%}x" + fill("{{row.a}}"))[:19_000*9],
		"blocks":            fill("{%if a%}b{%endif%}"),
		"nested loops":      fill(strings.Repeat("{%for i in a%}", 50) + strings.Repeat("{%endfor%}", 50)),
		"names":             names.String(),
		"opened":            fill("{{"),
		"opened tags":       fill("{%- "),
		"raws":              fill("{%raw%}{%endraw%}"),
		"open raws":         fill("{%raw%}"),
		"notes":             fill("{%#a%}"),
		"liquid lines":      "{% liquid\n" + fill("echo a\n")[:MaxTemplateBytes-100] + "\n%}",
		"long expression":   "{{ a" + fill(" | upcase")[:MaxTemplateBytes-100] + " }}",
		"long text quoted":  "{{ '" + fill("x")[:MaxTemplateBytes-100] + "' }}",
		"parentheses":       "{{ " + fill("(")[:MaxTemplateBytes-100] + " }}",
		"quotes":            "{{ " + fill(`"a" `)[:MaxTemplateBytes-100] + " }}",
		"elsifs":            "{% if a %}" + fill("{%elsif a%}")[:MaxTemplateBytes-100] + "{% endif %}",
		"many assignations": fill("{%assign a=b%}"),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := clock.System{}.Now()
			compiled, err := Compile(providers.Content{HTML: source}, nil)
			if err == nil {
				_ = compiled.Unknown(nil, nil, nil)
			}
			took := clock.System{}.Now().Sub(began)
			runtime.ReadMemStats(&after)
			require.Less(t, took, mostTime)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(mostMemory))
		})
	}
}
