package liquid

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"carillon/providers"
)

func parseFeed(t *testing.T, text string) *Feed {
	t.Helper()
	feed, err := ParseFeed([]byte(text))
	require.NoError(t, err)
	return feed
}

func TestTemplatesSeeTheFeed(t *testing.T) {
	v := Vars{Of: &Occasion{Feed: parseFeed(t, `{"title":"News & more","price":9.90,"count":3,"none":"","more":null,"sold":false,
		"items":[{"id":7,"title":"<A>","tags":["x","y"]},{"id":8,"title":"B","tags":[]}],"shop":{"open hours":"9-18"}}`)}}
	for template, want := range map[string]string{
		"{{ feed.title }}": "News &amp; more",
		"{{ feed.price }} {{ feed.count | plus: 1 }}":                                                          "9.9 4",
		"{% for item in feed.items %}{{ item.id }}{{ item.title }}{% if item.tags %}!{% endif %} {% endfor %}": "7&lt;A&gt;! 8B ",
		"{{ feed.items.size }} {{ feed.items.first.title | raw }} {{ feed.items[1].title }}":                   "2 <A> B",
		`{{ feed.shop["open hours"] }} {{ feed.none | default: "-" }}{{ feed.more }}{{ feed.sold }}`:           "9-18 -false",
		"{% if feed.none %}yes{% else %}no{% endif %} {{ feed.nothing.there }}":                                "no ",
		"{% assign last = feed.items | last %}{{ last.title }}":                                                "B",
		"{{ feed.items | map: 'title' | join: '+' }}":                                                          "&lt;A&gt;+B",
	} {
		compiled, err := Compile(providers.Content{HTML: template}, nil)
		require.NoError(t, err)
		rendered, err := compiled.Render(t.Context(), v)
		require.NoError(t, err, template)
		require.Equal(t, want, rendered.HTML, template)
		// Without a feed it renders as nothing, and fails nobody.
		_, err = compiled.Render(t.Context(), Vars{Of: &Occasion{}})
		require.NoError(t, err, template)
		_, err = compiled.Render(t.Context(), Vars{})
		require.NoError(t, err, template)
	}
}

func TestAListIsAFeed(t *testing.T) {
	compiled, err := Compile(providers.Content{Text: "{% for item in feed %}{{ item.id }},{% endfor %}"}, nil)
	require.NoError(t, err)
	rendered, err := compiled.Render(t.Context(), Vars{Of: &Occasion{Feed: parseFeed(t, `[{"id":1},{"id":"b"}]`)}})
	require.NoError(t, err)
	require.Equal(t, "1,b,", rendered.Text)
}

// Recipients are rendered side by side, and no filter changes the feed for the others.
func TestTheFeedIsShared(t *testing.T) {
	feed := parseFeed(t, `{"items":[{"n":3},{"n":1},{"n":2}]}`)
	before, err := json.Marshal(feed.value)
	require.NoError(t, err)
	compiled, err := Compile(providers.Content{Text: "{% assign s = feed.items | sort: 'n' | reverse %}{% for i in s %}{{ i.n }}{% endfor %}" +
		"{% assign c = feed.items | concat: feed.items | uniq | compact %}{{ c | size }}"}, nil)
	require.NoError(t, err)
	of := &Occasion{Feed: feed}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				rendered, err := compiled.Render(t.Context(), Vars{Of: of})
				if err != nil || rendered.Text != "3213" {
					t.Errorf("%q %v", rendered.Text, err)
				}
			}
		})
	}
	group.Wait()
	after, err := json.Marshal(feed.value)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
}

func TestFeedsThatCanNotBeRead(t *testing.T) {
	for text, says := range map[string]string{
		"":                 "is empty",
		"\n":               "is empty",
		"<html>":           "is no JSON",
		`"text"`:           "is neither a JSON object nor a list",
		`7`:                "is neither a JSON object nor a list",
		`{"a":1`:           "is no JSON",
		`{"a":1}{"b":2}`:   "has more than one JSON document",
		"{\"a\":\"\xff\"}": "is not valid UTF-8",
		strings.Repeat("[", 33) + strings.Repeat("]", 33): "more than 32 deep",
		"[" + strings.Repeat("1,", MaxFeedValues) + "1]":  "more than 100000 values",
		`["` + strings.Repeat("x", MaxFeedBytes) + `"]`:   "is larger than 1024 KiB",
	} {
		_, err := ParseFeed([]byte(text))
		require.ErrorContains(t, err, says, "%.40s", text)
	}
	for _, text := range []string{"\uFEFF{}", "[]", strings.Repeat("[", 32) + strings.Repeat("]", 32), `{"a":1e999,"b":"\u0000x"}`} {
		_, err := ParseFeed([]byte(text))
		require.NoError(t, err, text)
	}
}

func TestItemsOfAFeed(t *testing.T) {
	feed := parseFeed(t, `{"data":{"articles":[{"id":1},{"id":"1"},{"id":{"x":1}},{"name":"b"},"c"],"none":[],"text":"x"}}`)
	items, ok := feed.Items("data.articles")
	require.True(t, ok)
	var keys []string
	for _, item := range items {
		keys = append(keys, ItemKey(item, "id"))
	}
	require.Equal(t, []string{"1", "1", `{"id":{"x":1}}`, `{"name":"b"}`, `"c"`}, keys)
	items, ok = feed.Items("data.none")
	require.True(t, ok, "an empty list is one")
	require.Empty(t, items)
	for _, path := range []string{"", "data", "data.text", "data.text.more", "nothing.there"} {
		_, ok = feed.Items(path)
		require.False(t, ok, path)
	}
}

func TestUnknownNamesOfAFeedAreSaid(t *testing.T) {
	compiled, err := Compile(providers.Content{Text: "{{ feed.titel }} {% for i in feed.items %}{{ i.x }}{% endfor %}"}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"feed.titel is not known and renders as nothing; did you mean feed.title?"},
		compiled.Unknown(nil, nil, parseFeed(t, `{"title":"x","items":[]}`))[:1])
	require.Equal(t, []string{"feed is empty: the campaign reads no data feed"}, compiled.Unknown(nil, nil, nil))
	require.Empty(t, compiled.Unknown(nil, nil, parseFeed(t, `[]`)))
	require.Empty(t, compiled.Unknown(nil, nil, &Feed{}), "nobody knows what is in it")
	require.Empty(t, compiled.Mistakes(nil))
}

// Whatever a far end sends, it is refused, or every template can show all of it.
func FuzzParseFeed(f *testing.F) {
	for _, seed := range []string{`{"items":[{"id":1,"title":"A"}]}`, `[1,2.5,"x",null,true]`, `{`, `{"a":{"b":{"c":[]}}}`, "\uFEFF[]", `{"a":1e400}`, `[]{}`} {
		f.Add([]byte(seed))
	}
	compiled, err := Compile(providers.Content{HTML: "{{ feed.items }}{% for i in feed %}{{ i }}{{ i.id | escape }}{% endfor %}{{ feed.a.b.c | json }}"}, nil)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, raw []byte) {
		feed, err := ParseFeed(raw)
		if err != nil {
			require.Less(t, len(err.Error()), 1000)
			return
		}
		again, err := ParseFeed(raw)
		require.NoError(t, err)
		require.Equal(t, feed, again)
		items, _ := feed.Items("")
		for _, item := range items {
			require.True(t, utf8.ValidString(ItemKey(item, "id")))
		}
		_ = compiled.Unknown(nil, nil, feed)
		_, err = compiled.Render(t.Context(), Vars{Of: &Occasion{Feed: feed}})
		var exceeded *ExceededError
		if err != nil {
			require.ErrorAs(t, err, &exceeded)
		}
	})
}

func TestTextsOfAFeed(t *testing.T) {
	feed := parseFeed(t, `{"b": ["x", {"z": "y", "c": 1}], "a": "w", "n": null}`)
	require.Equal(t, []string{"w", "x", "y"}, slices.Collect(feed.Texts()))
	for text := range feed.Texts() {
		require.Equal(t, "w", text)
		break
	}
}
