package tracking_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"carillon/internal/testenv"
	"carillon/providers"
	"carillon/tracking"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const base = "https://n.example.org"

// picture tells of an open.
const picture = `<img src="` + base + `/o/x.gif" width="1" height="1" alt="" style="border:0;width:1px;height:1px">`

// numbered makes addresses that say what they stand for.
type numbered struct{}

func (numbered) ClickURL(l tracking.Link) string {
	return fmt.Sprintf("%s/c/%d.%d.%d", base, l.Number, l.Place, l.Of)
}

func (numbered) OpenURL() string { return base + "/o/x.gif" }
func (numbered) Base() string    { return base }

func writer(table ...string) *tracking.Writer {
	return &tracking.Writer{Settings: tracking.Settings{Links: true}, Table: tracking.NewTable(table)}
}

// What is a link in a text, and what is none.
func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"See https://a.example/x.":                         "See <1>.",
		"(https://a.example/x)":                            "(<1>)",
		"https://a.example/x_(y), and":                     "<1>, and",
		"(see https://a.example/x_(y)).":                   "(see <1>).",
		"[shop](https://a.example/x)":                      "[shop](<1>)",
		"<https://a.example/x>":                            "<<1>>",
		`"https://a.example/x"`:                            `"<1>"`,
		"„https://a.example/x“":                            "„<1>“",
		"«https://a.example/x»":                            "«<1>»",
		"‘https://a.example/x’!":                           "‘<1>’!",
		"https://a.example/x?y=1&z=ü#f…":                   "<1>…",
		"見て https://a.example/店。次":                         "見て <1>。次",
		"「https://a.example/x」":                            "「<1>」",
		"https://bücher.example/":                          "<1>",
		"HTTPS://A.example/X":                              "<1>",
		"http://a.example\nhttps://b.example":              "<1>\n<2>",
		"https://a.example/x https://a.example/x":          "<1> <1>",
		"https://a.example/x\u200b next":                   "<1>\u200b next",
		"https://a.example:8080/x?u=https://b.example/y":   "<1>",
		"*https://a.example/x*":                            "*<1>*",
		"https://a.example/x?!":                            "<1>?!",
		"https://[2001:db8::1]/x":                          "<1>",
		"mailto:ada@example.org tel:+49 ftp://a.example/x": "mailto:ada@example.org tel:+49 ftp://a.example/x",
		"xhttps://a.example/x":                             "xhttps://a.example/x",
		"https://":                                         "https://",
		"https://.":                                        "https://.",
		"https:///path":                                    "https:///path",
		"https://user@a.example/":                          "https://user@a.example/",
		"a.example/x and www.a.example":                    "a.example/x and www.a.example",
		base + "/u/abc " + base + "/v/abc":                 base + "/u/abc " + base + "/v/abc",
		base + "/p/abc, " + base + "/shop":                 base + "/p/abc, <1>",
		"broken \xff https://a.example/x\xff":              "broken \xff <1>\xff",
	} {
		got := writer().Write(providers.Content{Text: text}, numbered{}).Text
		for i := range 3 {
			for of := range 3 {
				got = strings.ReplaceAll(got, fmt.Sprintf("%s/c/0.%d.%d", base, i+1, of+1), fmt.Sprintf("<%d>", i+1))
			}
		}
		require.Equal(t, want, got, "%s", text)
	}
}

// What is a link in HTML, and what is none; all else stays byte for byte.
func TestHTML(t *testing.T) {
	const to = base + "/c/0.1.1"
	for source, want := range map[string]string{
		`<a href="https://a.example/x">x</a>`:                                `<a href="` + to + `">x</a>`,
		`<A  HREF = 'https://a.example/x'  class=b>x</A >`:                   `<A  HREF = '` + to + `'  class=b>x</A >`,
		`<a href=https://a.example/x>x</a>`:                                  `<a href=` + to + `>x</a>`,
		"<a\n\ttitle=\"href=x\" href=\" https://a.example/x \n\">x":          "<a\n\ttitle=\"href=x\" href=\"" + to + "\">x",
		`<area shape=rect href="https://a.example/x?a=1&amp;b=2"/>`:          `<area shape=rect href="` + to + `"/>`,
		`<a/href="https://a.example/x"/>`:                                    `<a/href="` + to + `"/>`,
		`<a href="https://a.example/x" href="https://b.example">`:            `<a href="` + to + `" href="https://b.example">`,
		`<a href="https&#58;//a.example/x">`:                                 `<a href="` + to + `">`,
		`<a title="a > b" href="https://a.example/x">x</a>`:                  `<a title="a > b" href="` + to + `">x</a>`,
		`<a href="mailto:a@example.org">`:                                    `<a href="mailto:a@example.org">`,
		`<a href="tel:+491">`:                                                `<a href="tel:+491">`,
		`<a href="#top">`:                                                    `<a href="#top">`,
		`<a href="/shop">`:                                                   `<a href="/shop">`,
		`<a href="javascript:alert(1)">`:                                     `<a href="javascript:alert(1)">`,
		`<a name="https://a.example/x">`:                                     `<a name="https://a.example/x">`,
		`<link href="https://a.example/x.css"><img src="https://a.example">`: `<link href="https://a.example/x.css"><img src="https://a.example">`,
		`<!-- <a href="https://a.example/x"> -->`:                            `<!-- <a href="https://a.example/x"> -->`,
		`<!--[if mso]><a href="https://a.example/x"><![endif]-->`:            `<!--[if mso]><a href="https://a.example/x"><![endif]-->`,
		`<style>a[href="https://a.example/x"]{}</style>`:                     `<style>a[href="https://a.example/x"]{}</style>`,
		`<script>"<a href='https://a.example/x'>"</script>`:                  `<script>"<a href='https://a.example/x'>"</script>`,
		`<p>https://a.example/x</p>`:                                         `<p>https://a.example/x</p>`,
		`<a href="` + base + `/u/abc">`:                                      `<a href="` + base + `/u/abc">`,
		"<p>a\r\nb&nbsp;\x00</p><a href=\"https://a.example/x\">\r\n":        "<p>a\r\nb&nbsp;\x00</p><a href=\"" + to + "\">\r\n",
		`<a href="https://a.example/x`:                                       `<a href="https://a.example/x`,
		`<abbr href="https://a.example/x">`:                                  `<abbr href="https://a.example/x">`,
	} {
		require.Equal(t, want, writer().Write(providers.Content{HTML: source}, numbered{}).HTML, "%s", source)
	}
}

// One address is one link wherever it stands, and buttons that open something have it, too.
func TestWrite(t *testing.T) {
	c := providers.Content{
		HTML: `<body><a href="https://a.example/1">x</a><a href="https://a.example/2">y</a></BODY></html>`,
		Text: "https://a.example/2 https://a.example/3?c=7",
		Buttons: []providers.MessageButton{
			{Type: providers.ButtonLink, Caption: "Shop", Info: "https://a.example/1"},
			{Type: providers.ButtonShare, Caption: "Share", Info: "https://a.example/1"},
			{Type: providers.ButtonCall, Caption: "Call", Info: "+491"},
		},
	}
	before := c.Buttons[0].Info
	w := writer("https://a.example/2", "https://a.example/3?c="+tracking.Open)
	w.Settings.Opens = true
	got := w.Write(c, numbered{})
	require.Equal(t, `<body><a href="`+base+`/c/0.1.3">x</a><a href="`+base+`/c/1.2.3">y</a>`+picture+`</BODY></html>`, got.HTML)
	require.Equal(t, base+"/c/1.2.3 "+base+"/c/2.3.3", got.Text)
	require.Equal(t, base+"/c/0.1.3", got.Buttons[0].Info)
	require.Equal(t, "https://a.example/1", got.Buttons[1].Info, "what is handed on is nobody's own")
	require.Equal(t, before, c.Buttons[0].Info, "the content itself stays")
	require.Equal(t, []string{"https://a.example/1", "https://a.example/2", "https://a.example/3?c=7"}, tracking.Addresses(c, base))

	w.Settings.Links = false
	got = w.Write(c, numbered{})
	require.Equal(t, c.Text, got.Text)
	require.Contains(t, got.HTML, "/o/x.gif")
	w.Settings = tracking.Settings{}
	require.Equal(t, c, w.Write(c, numbered{}))
}

// The links of a content are told apart by what is written, and an address of somebody's is
// found among them.
func TestTable(t *testing.T) {
	list := tracking.Collect([]providers.Content{
		{HTML: `{% if a %}<a href="https://a.example/?c={{ contact.id | default: "a>b" }}&amp;x=1">{% endif %}<a href="https://a.example/fix">`},
		{Text: "https://a.example/fix {{ view_url }} {{ item.url }} https://{{ contact.attributes.shop }}/x", Buttons: []providers.MessageButton{
			{Type: providers.ButtonLink, Info: "https://b.example/{{ contact.id }}"},
		}},
	})
	require.Equal(t, []string{
		"https://a.example/?c=" + tracking.Open + "&x=1", "https://a.example/fix", "https://" + tracking.Open + "/x", "https://b.example/" + tracking.Open,
	}, list)
	table := tracking.NewTable(list)
	for address, want := range map[string]int{
		"https://a.example/?c=7&x=1": 1, "https://a.example/fix": 2, "https://any.example/x": 3, "https://b.example/9": 4, "https://c.example/": tracking.Other,
		"https://a.example/?c=&x=1": 1, "https://b.example/": 4,
	} {
		require.Equal(t, want, table.Number(address), address)
	}
	_, fixed := table.Fixed(1)
	require.False(t, fixed)
	address, fixed := table.Fixed(2)
	require.True(t, fixed)
	require.Equal(t, "https://a.example/fix", address)
	_, fixed = table.Fixed(99)
	require.False(t, fixed)
	require.Equal(t, "https://b.example/…", tracking.Shown(table.Address(4)))
}

// The addresses in a data feed are links of their own, as far as there is room.
func TestLinksOfAFeed(t *testing.T) {
	feed := slices.Values([]string{"https://", "https://a.example/1", " https://a.example/1.png", "https://a.example/1.png", "A bell"})
	require.Equal(t, []string{"https://a.example/1.png"}, tracking.CollectFixed([]string{"https://a.example/1"}, feed))
	many := make([]string, 1100)
	for i := range many {
		many[i] = fmt.Sprintf("https://a.example/%d", i)
	}
	require.Len(t, tracking.CollectFixed(many[:900], slices.Values(many)), 100)
}

// FuzzText: nothing but links changes, and each that is written leads back to what stood there.
func FuzzText(f *testing.F) {
	for _, seed := range []string{
		"See https://a.example/x.", "(http://a.example/(x))", "「https://a.example」", "https://https://a.example", "https://a.example/\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, base) {
			return
		}
		list := tracking.Addresses(providers.Content{Text: text}, base)
		got := writer().Write(providers.Content{Text: text}, numbered{}).Text
		require.Equal(t, text, undone(got, list))
	})
}

// FuzzHTML is the same of HTML, as a tokenizer reads it; all but the values of href stays.
func FuzzHTML(f *testing.F) {
	for _, seed := range []string{
		`<a href="https://a.example/x">`, `<a href=https://a.example>`, `<a =href="https://a.example/x" href='http://b.example'>`,
		`<a href="https://a.example/?a=1&amp;b&copy=2">`, `<style><a href="https://a.example"></style>`, `<a href="https&#58;//a.example">`,
		`<a href=https://a.example/>x`, `<title><a href="http://a.example"></title>`, "<a href=\"http://a.example\r\n\">",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if strings.Contains(source, base) {
			return
		}
		list := tracking.Addresses(providers.Content{HTML: source}, base)
		opens := writer()
		opens.Settings = tracking.Settings{Opens: true}
		withPicture := opens.Write(providers.Content{HTML: source}, numbered{}).HTML
		require.Equal(t, source, strings.Replace(withPicture, picture, "", 1))
		got := writer().Write(providers.Content{HTML: source}, numbered{}).HTML
		was, is := tokens(source), tokens(got)
		require.Len(t, is, len(was))
		for i := range was {
			for at, address := range list {
				marked := base + fmt.Sprintf("/c/0.%d.%d", at+1, len(list))
				if len(was[i].Attr) == len(is[i].Attr) {
					for k := range is[i].Attr {
						if is[i].Attr[k].Val == marked {
							require.Equal(t, address, strings.TrimSpace(was[i].Attr[k].Val))
							is[i].Attr[k].Val = was[i].Attr[k].Val
						}
					}
				}
			}
			require.Equal(t, was[i], is[i])
		}
	})
}

func tokens(source string) (list []html.Token) {
	z := html.NewTokenizer(strings.NewReader(source))
	for z.Next() != html.ErrorToken {
		list = append(list, z.Token())
	}
	return list
}

// undone puts addresses back where their links stand.
func undone(text string, list []string) string {
	for i := len(list); i > 0; i-- {
		text = strings.ReplaceAll(text, base+fmt.Sprintf("/c/0.%d.%d", i, len(list)), list[i-1])
	}
	return text
}
