package liquid

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"carillon/internal/fault"
	"carillon/providers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ada = Vars{
	Contact: Contact{
		ExternalID: "c-1", Name: "Ada Lovelace", FirstName: "Ada", LastName: "Lovelace",
		Language: "en", Timezone: "Europe/London", Address: "ada@example.org",
	},
	Row: `{"coupon":"A<1>","city":"München","note":"one\ntwo","coupon code":"X"}`,
	Of:  &Occasion{CampaignName: "Spring"}, UnsubscribeURL: "https://example.org/u/t?a=1&b=2",
}

func TestRender(t *testing.T) {
	for name, c := range map[string]struct{ template, plain, html string }{
		"static": {"Hello & goodbye", "Hello & goodbye", "Hello & goodbye"},
		"name":   {"Hello {{ contact.first_name }}!", "Hello Ada!", "Hello Ada!"},
		"tight":  {"{{contact.name}}", "Ada Lovelace", "Ada Lovelace"},
		"every field": {"{{contact.external_id}} {{contact.last_name}} {{contact.language}} {{contact.timezone}} {{contact.address}}",
			"c-1 Lovelace en Europe/London ada@example.org", "c-1 Lovelace en Europe/London ada@example.org"},
		"column":             {"{{ row.coupon }}", "A<1>", "A&lt;1&gt;"},
		"column with space":  {`{{ row["coupon code"] }} {{ row['city'] }}`, "X München", "X München"},
		"raw":                {"{{ row.coupon | raw }}", "A<1>", "A<1>"},
		"default":            {`{{ row.none | default: "<you>" }}`, "<you>", "&lt;you&gt;"},
		"default unused":     {`{{ contact.first_name | default: 'you' }}`, "Ada", "Ada"},
		"default raw":        {`{{ row.none | default: "<you>" | raw }}`, "<you>", "<you>"},
		"unknown":            {"[{{ contact.shoe_size }}{{ nobody }}{{ nobody.name }}{{ row.none }}]", "[]", "[]"},
		"campaign":           {"{{ campaign.name }} {{ campaign.id }}", "Spring ", "Spring "},
		"unsubscribe":        {"{{ unsubscribe_url }}", "https://example.org/u/t?a=1&b=2", "https://example.org/u/t?a=1&amp;b=2"},
		"filters":            {"{{ contact.first_name | upcase | append: '<' }}", "ADA<", "ADA&lt;"},
		"escaped by hand":    {"{{ row.coupon | escape }}", "A&lt;1&gt;", "A&lt;1&gt;"},
		"escaped then raw":   {"{{ row.coupon | escape | raw }}", "A&lt;1&gt;", "A&lt;1&gt;"},
		"line breaks":        {"{{ row.note | newline_to_br }}", "one<br>two", "one<br>two"},
		"break and escape":   {`{{ "<b>" | newline_to_br }}`, "<b>", "&lt;b&gt;"},
		"condition":          {"{% if contact.first_name %}Dear {{ contact.first_name }}{% else %}Hello{% endif %}", "Dear Ada", "Dear Ada"},
		"empty is missing":   {"{% if row.none %}yes{% else %}no{% endif %}", "no", "no"},
		"unless":             {"{% unless contact.language == 'de' %}not German{% endunless %}", "not German", "not German"},
		"case":               {"{% case contact.language %}{% when 'de' %}Hallo{% when 'en' %}Hello{% else %}?{% endcase %}", "Hello", "Hello"},
		"loop":               {"{% for i in (1..3) %}{{ i }}{% unless forloop.last %},{% endunless %}{% endfor %}", "1,2,3", "1,2,3"},
		"nested loops":       {"{% for i in (1..2) %}{% for j in (1..2) %}{{ i }}{{ j }} {% endfor %}{% endfor %}", "11 12 21 22 ", "11 12 21 22 "},
		"loop with trim":     {"{% for i in (1..3) -%}\n  {{ i }}\n{%- endfor %}", "123", "123"},
		"split":              {"{% assign parts = 'a,<b>' | split: ',' %}{{ parts | join: '-' }}", "a-<b>", "a-&lt;b&gt;"},
		"list printed":       {"{% assign parts = 'a,<b>' | split: ',' %}{{ parts }}", "a<b>", "a&lt;b&gt;"},
		"capture":            {"{% capture x %}<i>{{ row.coupon }}</i>{% endcapture %}{{ x }}", "<i>A<1></i>", "<i>A&lt;1&gt;</i>"},
		"capture reassigned": {"{% capture x %}a{% endcapture %}{% assign x = row.coupon %}{{ x }}", "A<1>", "A&lt;1&gt;"},
		"tag's end quoted":   {"{{ row.coupon | append: '%}' }}", "A<1>%}", "A&lt;1&gt;%}"},
		"conditions":         {"{{ row.coupon == 'x' or row.none }}{{ row.none and row.coupon }}", "falsefalse", "falsefalse"},
		"capture, then tabs": {"{% capture x %}a{% endcapture %}{% assign x\t= row.coupon %}{{ x }}", "A<1>", "A&lt;1&gt;"},
		"trim":               {"a {{- contact.first_name -}} b", "aAdab", "aAdab"},
		"raw block":          {"{% raw %}{{ not }} {% this %}{% endraw %}{{ contact.first_name }}", "{{ not }} {% this %}Ada", "{{ not }} {% this %}Ada"},
		"comment":            {"a{% comment %}{{ 1 | nothing }}{% if %}{% endcomment %}b{{ contact.first_name }}", "abAda", "abAda"},
		"letters": {"{{ 'élan' | capitalize }} {{ 'Grüße an alle' | truncate: 8 }} {{ 'a b c d' | truncatewords: 2 }}", "Élan Grüße... a b...",
			"Élan Grüße... a b..."},
		"date":        {"{{ '2026-12-01' | date: '%d.%m.%Y' }}[{{ row.none | date: '%Y' }}]", "01.12.2026[]", "01.12.2026[]"},
		"note":        {"{% # note %}a{%# note -%} b{%- # two\n# lines -%} c", "abc", "abc"},
		"note in raw": {"{% raw %}{% # kept %}{% endraw %}{% comment %}{% # x %}{% liquid{% endcomment %}", "{% # kept %}", "{% # kept %}"},
		"echo":        {"{% echo row.coupon | downcase %}{%- echo 'a  b' -%} c", "a<1>a  bc", "a&lt;1&gt;a  bc"},
		"liquid": {"[{% liquid\n  # note\n  assign x = row.coupon\n\n  if x == 'A<1>'\n    echo x\n  endif\n  for i in (1..2)\n    echo i\n" +
			"  endfor -%}\n]", "[A<1>12]", "[A&lt;1&gt;12]"},
		"when or":           {"{% case contact.language %}{% when 'de' or 'a or b' or 'en' %}yes{% endcase %}", "yes", "yes"},
		"when or in quotes": {"{% case 'a or b' %}{% when 'a or b' %}yes{% endcase %}", "yes", "yes"},
		"allow false": {"{% assign f = false %}{{ f | default: 'x', allow_false: true }}{{ f | default: 'x' }}{{ ', allow_false: true' | default: 'x' }}",
			"falsex, allow_false: true", "falsex, allow_false: true"},
		"counters": {"{% increment n %}{% increment n %}{{ n }} {% decrement m %}{% decrement m %}{{ m }}{% assign n = 'x' %}{% increment n %}{{ n }}",
			"012 -1-2-22x", "012 -1-2-22x"},
		"counters in blocks": {"{% if true %}{% increment n %}{% endif %}{% if true %}{% increment n %}{% endif %}", "01", "01"},
		"sum":                {"{{ '1,2.5,3' | split: ',' | sum }} {{ contact.nobody | sum }}", "6.5 0", "6.5 0"},
		"least and most":     {"{{ 3 | at_least: 5 }}{{ 3 | at_most: 2 }}{{ '7' | at_least: 5.5 }}", "527", "527"},
		"where": {"{% assign l = 'a,bb,cc' | split: ',' %}{{ l | where: 'size', 2 | join: '-' }} {{ l | reject: 'size', 2 }} {{ l | find: 'size', 2 " +
			"}} {{ l | find_index: 'size', 2 }} {{ l | has: 'size', 9 }}", "bb-cc a bb 1 false", "bb-cc a bb 1 false"},
		"base64": {"{{ 'Grüße?>' | base64_encode }} {{ 'R3LDvMOfZT8+' | base64_decode }} {{ '>>>?' | base64_url_safe_encode }} {{ 'Pj4-Pw==' | " +
			"base64_url_safe_decode }}", "R3LDvMOfZT8+ Grüße?> Pj4-Pw== >>>?", "R3LDvMOfZT8+ Grüße?&gt; Pj4-Pw== &gt;&gt;&gt;?"},
		"last ones": {"{{ 'a-b-c' | replace_last: '-', '+' }} {{ 'a-b-c' | remove_last: '-' }} {{ 'abc' | remove_last: 'x' }} {{ ' a  b ' | squish }}",
			"a-b+c a-bc abc a b", "a-b+c a-bc abc a b"},
		"large numbers": {"{{ 500000 | times: 2 }} {{ 1234567 | times: 1.5 }} {{ 0.1 | plus: 0.2 }} {{ 7 | divided_by: 2 }} {{ 7 | divided_by: 2.0 }} {{ -7 | " +
			"divided_by: 2 }} {{ 1234.567 | round: 2 }}", "1000000 1851850.5 0.3 3 3.5 -4 1234.57", "1000000 1851850.5 0.3 3 3.5 -4 1234.57"},
		"uniq":              {"{{ 'b,a,b' | split: ',' | uniq | join }}", "b a", "b a"},
		"numbers":           {"{{ 3 | times: 2 }}", "6", "6"},
		"by variable":       {"{% assign f = 'first_name' %}{{ contact[f] }}", "Ada", "Ada"},
		"by variable later": {"{% assign f = 'last_' | append: 'name' %}{% if contact[f] == 'Lovelace' %}yes{% endif %}", "yes", "yes"},
		"quotes in strings": {`{{ contact.first_name | append: " | }" }}`, "Ada | }", "Ada | }"},
		"css":               {"<style>@media a{b{c:d}}</style>{{ contact.first_name }}", "<style>@media a{b{c:d}}</style>Ada", "<style>@media a{b{c:d}}</style>Ada"},
		"braces":            {"function(){ return {a:1} }", "function(){ return {a:1} }", "function(){ return {a:1} }"},
	} {
		t.Run(name, func(t *testing.T) {
			compiled, err := Compile(providers.Content{Text: c.template, HTML: c.template}, nil)
			require.NoError(t, err)
			out, err := compiled.Render(t.Context(), ada)
			require.NoError(t, err)
			require.Equal(t, c.plain, out.Text)
			require.Equal(t, c.html, out.HTML)
		})
	}
}

func TestRenderEveryField(t *testing.T) {
	compiled, err := Compile(providers.Content{
		Subject: "{{ row.note }}\r\nBcc: x@example.org", Text: "t {{ contact.first_name }}", HTML: "<p>{{ contact.first_name }}",
		Preheader:  "{{ row.note }}",
		Attachment: &providers.Attachment{URL: "https://example.org/{{ contact.external_id }}", Filename: "{{ row.city }}.pdf", Caption: "{{ row.note }}"},
	}, nil)

	require.NoError(t, err)
	require.True(t, compiled.NeedsRow())
	out, err := compiled.Render(t.Context(), ada)
	require.NoError(t, err)
	require.Equal(t, providers.Content{
		Subject: "one two Bcc: x@example.org", Text: "t Ada", HTML: "<p>Ada", Preheader: "one two",
		Attachment: &providers.Attachment{URL: "https://example.org/c-1", Filename: "München.pdf", Caption: "one\ntwo"},
	}, out)
	require.Equal(t, "{{ row.city }}.pdf", compiled.source.Attachment.Filename, "the template itself is unchanged")
}

func TestCompileRefuses(t *testing.T) {
	for name, c := range map[string]struct{ template, want string }{
		"unclosed placeholder": {"a\nb {{ contact.first_name }", "line 2: {{ is not closed"},
		"unclosed tag":         {"\n\n{% if x ", "line 3: {% is not closed"},
		"unclosed block":       {"a\n{% if contact.first_name %}b", `line 2: unterminated "if" block`},
		"stray end":            {"{% endif %}", "line 1:"},
		"unknown filter":       {"x\n{{ contact.first_name | shout }}", `line 2: unknown filter "shout"`},
		"unknown in a branch":  {"{% if false %}{{ 1 | shout: 2 }}{% endif %}", `line 1: unknown filter "shout"`},
		"unknown in a tag":     {"{% assign x = 1 | shout %}", `unknown filter "shout"`},
		"include":              {"a\n{% include 'footer' %}", "line 2: include is not available: write render"},
		"tag nobody knows":     {"a\n{% sectoin 'x' %}", `line 2: unknown tag "sectoin"`},
		"filter in a liquid":   {"{% liquid\n  assign a = 1\n  echo a | shout\n%}", `line 3: unknown filter "shout"`},
		"tag in a liquid":      {"{% liquid\n  # note\n  assing a = 1\n%}", `line 3: unknown tag "assing"`},
		"filter after a note":  {"{% # a\n b %}\n{{ 1 | shout }}", `line 3: unknown filter "shout"`},
		"filter after an echo": {"{% echo 1\n| plus: 1 -%}\n{{ 1 | shout }}", `line 3: unknown filter "shout"`},
		"long expression":      {"{{ 1" + strings.Repeat(" | upcase", 300) + " }}", "more than 500 words and signs"},
		"deep expression":      {"{{ " + strings.Repeat("(", 600) + "1" + strings.Repeat(")", 600) + " }}", "more than 500 words and signs"},
		"counter without name": {"{% increment %}", "needs one name"},
		"internal tag":         {"{% x_step 0 %}", "unknown tag"},
		"internal filter":      {"{{ 1 | x_escape }}", "unknown filter"},
		"selector":             {"{{ %assign x = 1 }}", "no expression"},
		"bad expression":       {"{{ contact..name }}", "line 1"},
		"two words":            {"{{ contact first }}", "line 1: syntax error"},
		"range in output":      {"{{ (1..9000000000) | join }}", "a range"},
		"range with filter":    {"{% for i in (1..9000000000) | reverse %}{% endfor %}", "a range"},
		"raw in the middle":    {"{{ row.x | raw | upcase }}", "raw must be the last"},
		"raw in a tag":         {"{% assign x = row.x | raw %}", "raw must be the last"},
		"unclosed raw":         {"{% raw %}{{ x }}", "never closed"},
		"number out of range":  {"{{ 99999999999999999999999999 }}", "can't be understood"},
		"capture without name": {"{% capture a b %}{% endcapture %}", "one name"},
		"deep":                 {strings.Repeat("{% if true %}", 60) + strings.Repeat("{% endif %}", 60), "inside each other"},
		"too long":             {strings.Repeat("x", MaxTemplateBytes+1), "at most 512 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Compile(providers.Content{HTML: c.template}, nil)
			require.ErrorContains(t, err, c.want)
			require.True(t, fault.Is(err, fault.Invalid))
			require.NotContains(t, err.Error(), "x_escape: ")
		})
	}
	_, err := Compile(providers.Content{Subject: "{{", Text: "{%", HTML: "fine"}, nil)
	require.ErrorContains(t, err, "content.subject")
	require.ErrorContains(t, err, "content.text")
}

// What is kept of a filled content is its recipient's own alone.
func TestFilledKeepsItsOwnAlone(t *testing.T) {
	constant := strings.Repeat("constant ", 10_000)
	texts := providers.Content{
		Subject: "{{ row.note }}", Text: constant + "{{ contact.first_name }}" + constant,
		HTML: "{% assign x = row.coupon %}{{ x }}" + constant + "{% for i in (1..2) %}<b>{{ row.city }}</b>" + constant + "{% endfor %}{% capture y %}" +
			constant[:100] + "{{ x }}{% endcapture %}{{ y }}",
	}
	compiled, err := Compile(texts, nil)
	require.NoError(t, err)
	filled, err := compiled.Fill(t.Context(), ada)
	require.NoError(t, err)
	require.Less(t, filled.Bytes(), 500)
	require.Equal(t, providers.Content{
		Subject: "one two", Text: constant + "Ada" + constant,
		HTML: "A&lt;1&gt;" + constant + strings.Repeat("<b>München</b>"+constant, 2) + constant[:100] + "A&lt;1&gt;",
	}, filled.Content())
}

func TestBrokenRow(t *testing.T) {
	compiled, err := Compile(providers.Content{Text: "{{ row.a }}"}, nil)
	require.NoError(t, err)
	_, err = compiled.Render(t.Context(), Vars{Row: `{"a":`})
	require.ErrorContains(t, err, "row can't be read")
	compiled, err = Compile(providers.Content{Text: "{{ contact.name }}"}, nil)
	require.NoError(t, err)
	_, err = compiled.Render(t.Context(), Vars{Row: `{"a":`})
	require.NoError(t, err, "nobody asked for the row")
}

// renderText renders one text for one recipient.
func renderText(t text, v Vars) (string, error) {
	s := &scope{vars: &v, mentioned: mention(nil, "contact unsubscribe_url"), meter: newMeter(context.Background())}
	out := output{meter: s.meter}
	err := t.render(s, &out)
	return out.whole(), err
}

// plainProgram is a template of which the engine renders everything.
func plainProgram(p *parsed) (*program, error) {
	p.library.under = append(p.library.under, "as in a snippet")
	defer func() { p.library.under = p.library.under[:len(p.library.under)-1] }()
	return p.program()
}

// The quick way and the engine are the same.
func TestPlaceholdersEqualProgram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for range rapid.IntRange(1, 6).Draw(t, "placeholders") {
			b.WriteString(rapid.StringMatching(`[a-z<&\n ]{0,8}`).Draw(t, "text"))
			b.WriteString("{{ " + rapid.SampledFrom([]string{
				"contact.first_name", "contact.address", "contact.nothing", "row.a", "row.b", `row["c d"]`, "campaign.name", "campaign.x", "unsubscribe_url", "nothing",
				"nothing.x",
			}).Draw(t, "name"))
			b.WriteString(rapid.SampledFrom([]string{"", ` | default: "<d>"`, " | default: 'e'"}).Draw(t, "default"))
			b.WriteString(rapid.SampledFrom([]string{"", " | raw"}).Draw(t, "raw") + " }}")
		}
		value := rapid.SampledFrom([]string{"", "x", "<b>", `"q" & 'a'`, "日本"})
		row, err := json.Marshal(map[string]string{"a": value.Draw(t, "a"), "c d": value.Draw(t, "cd")})
		require.NoError(t, err)
		v := Vars{Contact: Contact{FirstName: value.Draw(t, "first"), Address: value.Draw(t, "address")}, Row: string(row),
			Of:             &Occasion{CampaignName: value.Draw(t, "campaign")},
			UnsubscribeURL: value.Draw(t, "url")}
		for _, m := range []mode{plainText, htmlText} {
			p, err := parse(b.String(), m, newLibrary(nil))
			require.NoError(t, err)
			quick, ok := p.placeholders()
			require.True(t, ok)
			slow, err := plainProgram(p)
			require.NoError(t, err)
			want, err := renderText(slow, v)
			require.NoError(t, err)
			got, err := renderText(quick, v)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	})
}

// What a program writes without the engine is what the engine writes, whatever
// variables the template makes and wherever it stands.
func TestQuickRunsEqualTheEngine(t *testing.T) {
	name := rapid.SampledFrom([]string{
		"contact.first_name", "row.a", `row["b c"] | default: "<d>"`, "row.a | raw", "campaign.name", "unsubscribe_url",
		"i", "x", "nothing.x", "row.a | upcase", "forloop.index", "contact", "contact[x]",
	})
	made := rapid.SampledFrom([]string{"x", "i", "row", "contact", "campaign", "unsubscribe_url"})
	dash := rapid.SampledFrom([]string{"", "", "", "", "", "-"})
	tag := func(t *rapid.T, inside string) string {
		return "{%" + dash.Draw(t, "left") + " " + inside + " " + dash.Draw(t, "right") + "%}"
	}
	text := rapid.StringMatching(`[a-z<&\n ]{0,8}`)
	var block func(t *rapid.T, depth int) string
	block = func(t *rapid.T, depth int) string {
		var b strings.Builder
		for range rapid.IntRange(1, 5).Draw(t, "parts") {
			inner := " z "
			if depth > 0 {
				inner = block(t, depth-1)
			}
			b.WriteString(text.Draw(t, "text"))
			switch rapid.IntRange(0, 8).Draw(t, "part") {
			case 0, 1, 2:
				b.WriteString("{{" + dash.Draw(t, "left") + " " + name.Draw(t, "name") + " " + dash.Draw(t, "right") + "}}")
			case 3:
				b.WriteString(tag(t, "assign "+made.Draw(t, "made")+rapid.SampledFrom([]string{" ", "\t", "\n"}).Draw(t, "blank")+"= 'first_name' | append: row.a"))
			case 4:
				b.WriteString(tag(t, "capture "+made.Draw(t, "captured")) + inner + tag(t, "endcapture"))
			case 5:
				b.WriteString(tag(t, "for "+made.Draw(t, "item")+" in contact.attributes.tags") + inner + tag(t, "endfor"))
			case 6:
				b.WriteString(tag(t, "if row.a == 'x'") + inner + tag(t, "else") + "\n{{ row.a }}" + text.Draw(t, "text") + tag(t, "endif"))
			case 7:
				b.WriteString(tag(t, "increment "+made.Draw(t, "counted")))
			case 8:
				b.WriteString(tag(t, "render '"+rapid.SampledFrom([]string{"globals", "raw", "outer", "trims"}).Draw(t, "snippet")+
					"', contact: row, body: x, title: row.a"))
			}
		}
		return b.String()
	}
	rapid.Check(t, func(t *rapid.T) {
		source := block(t, 2)
		v := Vars{Contact: Contact{FirstName: "Ada & Co", Attributes: `{"tags":["a","<b>"]}`}, Of: &Occasion{CampaignName: "Spring"},
			UnsubscribeURL: "https://a.example/?b&c"}
		v.Row = `{"a":"` + rapid.SampledFrom([]string{"", "x", "<i>"}).Draw(t, "a") + `","b c":"<"}`
		for _, m := range []mode{plainText, htmlText} {
			p, err := parse(source, m, newLibrary(snippets))
			require.NoError(t, err, source)
			quick, err := p.program()
			require.NoError(t, err, source)
			engine, err := plainProgram(p)
			require.NoError(t, err, source)
			want, wrong := renderText(engine, v)
			got, err := renderText(quick, v)
			require.Equal(t, wrong, err, source)
			require.Equal(t, want, got, source)
		}
	})
}

// An error names the line of the whole template, whatever it is cut into.
func TestRenderErrorNamesLine(t *testing.T) {
	compiled, err := Compile(providers.Content{Text: "one {{ contact.name }}\ntwo\n{% if true %}\n{{ 1 | divided_by: 0 }}{% endif %}"}, nil)
	require.NoError(t, err)
	_, err = compiled.Render(t.Context(), ada)
	require.ErrorContains(t, err, "line 3", "the engine names the line of the block")
	compiled, err = Compile(providers.Content{HTML: "one {{ contact.name }}\n{{ row.a }}\ntwo {{- 1 | divided_by: 0 -}}"}, nil)
	require.NoError(t, err)
	_, err = compiled.Render(t.Context(), ada)
	require.ErrorContains(t, err, `content.html: line 3: error applying filter "divided_by" ("division by zero") in {{`)
	require.ErrorContains(t, err, "1 | divided_by: 0 ")
	require.NotContains(t, err.Error(), "x_print")
}

func TestEscapedIsWhatTheStandardLibraryMakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s") + rapid.StringMatching(`[&'<>"a\xff]{0,20}`).Draw(t, "signs")
		require.Equal(t, "x"+html.EscapeString(s), string(appendEscaped([]byte("x"), s)))
	})
}

func TestParseRowEqualsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.MapOf(rapid.StringMatching(`[a-z "\\é]{0,4}`), rapid.String()).Draw(t, "row")
		encoded, err := json.Marshal(want)
		require.NoError(t, err)
		got, err := parseRow(string(encoded))
		require.NoError(t, err)
		require.LessOrEqual(t, len(got), len(want))
		for k, v := range want { // what is empty may be missing
			require.Equal(t, strings.ReplaceAll(strings.ToValidUTF8(v, "\uFFFD"), "\x00", ""), shown(got[k]))
		}
	})
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{
		"Hello {{ contact.first_name | default: 'you' }}", "{% for i in (1..3) %}{{ i }}{% endfor %}",
		"{% capture x %}{{ row.a }}{% endcapture %}{{ x | raw }}", "{% raw %}{{{% endraw %}", "{{- 'a' | split: '' -}}",
		"{% case row.a %}{% when 1, 2 %}{% cycle 'a', 'b' %}{% endcase %}", "{% tablerow i in row cols:2 limit: 3 %}{{ forloop.index }}{% endtablerow %}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		compiled, err := Compile(providers.Content{Subject: source, Text: source, HTML: source}, nil)
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid))
			return
		}
		out, err := renderBounded(t, compiled, ada)
		if err == nil {
			require.NotContains(t, out.Subject, "\n")
			require.LessOrEqual(t, len(out.HTML), MaxRenderedBytes)
		}
	})
}

// A list of a contact is written alike by every way of rendering, with commas
// that the engine alone would leave out.
func TestListsHaveCommasWhereverTheyStand(t *testing.T) {
	v := Vars{Contact: Contact{Attributes: `{"tags":["a","b"]}`}}
	for _, around := range []string{
		"%s", "%s{% if true %}x{% endif %}", "{% assign x = 1 %}%s", "{% if true %}%s{% endif %}", "{% for i in (1..2) %}%s{% endfor %}",
	} {
		compiled, err := Compile(providers.Content{Text: strings.ReplaceAll(around, "%s", "<{{ contact.attributes.tags }}>")}, nil)
		require.NoError(t, err)
		out, err := compiled.Render(t.Context(), v)
		require.NoError(t, err)
		require.Contains(t, out.Text, "<a, b>", around)
		require.NotContains(t, out.Text, "<ab>", around)
	}
}

func BenchmarkRender(b *testing.B) {
	newsletter := "Dear {{ contact.first_name | default: \"reader\" }},\n\n" + strings.Repeat("Here is the news of the week. ", 40) +
		"\nYour code {{ row.coupon }} is good in {{ row.city }}.\n{{ campaign.name }}\n{{ unsubscribe_url }}\n"
	v := ada
	v.Row = `{"coupon":"SPRING-1234","city":"Munich","points":"12"}`
	for name, template := range map[string]string{
		"placeholders": newsletter,
		"block":        newsletter + "{% if contact.language == 'de' %}Gruss{% endif %}",
		"variable":     "{% assign salute = 'Gruss' %}" + newsletter + "{{ salute }}",
	} {
		b.Run(name, func(b *testing.B) {
			compiled, err := Compile(providers.Content{Subject: "News for {{ contact.first_name }}", Text: template}, nil)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := compiled.Render(b.Context(), v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func ExampleCompile() {
	content, err := Compile(providers.Content{Text: "Hello {{ contact.first_name | default: 'you' }}, {{ row.coupon }} is yours."}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	rendered, _ := content.Render(context.Background(), Vars{Row: `{"coupon": "SPRING"}`})
	fmt.Println(rendered.Text)
	_, err = Compile(providers.Content{Text: "Hello\n{% if row.coupon %}"}, nil)
	fmt.Println(err)
	// Output:
	// Hello you, SPRING is yours.
	// the input is not valid (content.text: line 2: unterminated "if" block in {% if row.coupon %})
}
