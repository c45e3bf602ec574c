package tracking_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/tracking"
)

func TestWith(t *testing.T) {
	news := []tracking.Parameter{{"utm_campaign", "Größe & co"}, {"utm_source", "email"}}
	const added = "utm_campaign=Gr%C3%B6%C3%9Fe+%26+co&utm_source=email"
	for address, want := range map[string]string{
		"https://a.example":                          "https://a.example?" + added,
		"https://a.example/x?":                       "https://a.example/x?" + added,
		"https://a.example/x?a=1&":                   "https://a.example/x?a=1&" + added,
		"https://a.example/x?a=%20&b#top?y=1":        "https://a.example/x?a=%20&b&" + added + "#top?y=1",
		"https://a.example/#":                        "https://a.example/?" + added + "#",
		"https://a.example/?utm_source=mine":         "https://a.example/?utm_source=mine&utm_campaign=Gr%C3%B6%C3%9Fe+%26+co",
		"https://a.example/?utm%5Fsource=&a=1":       "https://a.example/?utm%5Fsource=&a=1&utm_campaign=Gr%C3%B6%C3%9Fe+%26+co",
		"https://a.example/?utm_source&utm_campaign": "https://a.example/?utm_source&utm_campaign",
		"https://a.example/?a;b=%zz":                 "https://a.example/?a;b=%zz&" + added,
	} {
		require.Equal(t, want, tracking.With(address, news))
		require.Equal(t, address, tracking.With(address, nil))
	}
}

func TestLocation(t *testing.T) {
	for address, want := range map[string]string{
		"https://a.example/x?y=%20#z": "https://a.example/x?y=%20#z",
		"https://bücher.example/ü?ß":  "https://xn--bcher-kva.example/%C3%BC?%C3%9F",
		"https://a.example/\r\nX: y":  "https://a.example/%0D%0AX:%20y",
	} {
		require.Equal(t, want, tracking.Location(address))
	}
}

// FuzzWith: the address's own query and fragment stay, and each parameter is there once.
func FuzzWith(f *testing.F) {
	f.Add("https://a.example/x?a=1&utm_source=b#c", "spring")
	f.Add("https://a.example/?&&;#", "%&=#?")
	f.Fuzz(func(t *testing.T, address, value string) {
		got := tracking.With(address, []tracking.Parameter{{"utm_source", value}, {"x", "y"}})
		path, fragment, has := strings.Cut(address, "#")
		newPath, newFragment, hasNow := strings.Cut(got, "#")
		require.Equal(t, has, hasNow)
		require.Equal(t, fragment, newFragment)
		require.True(t, strings.HasPrefix(newPath, path))
		_, was, _ := strings.Cut(path, "?")
		_, query, _ := strings.Cut(newPath, "?")
		parsed, err := url.ParseQuery(query)
		if err != nil || strings.Contains(was, ";") {
			return // its own query can't be read, and stays as it is
		}
		own, err := url.ParseQuery(was)
		require.NoError(t, err)
		for name, values := range own {
			require.Equal(t, values, parsed[name], name)
		}
		if _, named := own["utm_source"]; !named {
			require.Equal(t, []string{value}, parsed["utm_source"])
		}
		require.Equal(t, got, tracking.With(got, []tracking.Parameter{{"utm_source", value}, {"x", "y"}}), "once is enough")
		for _, c := range tracking.Location(got) {
			require.True(t, c > ' ' && c < 0x7f)
		}
	})
}

func TestSettings(t *testing.T) {
	mail := tracking.Where{Public: true, Kind: "email", HTML: true}
	good := tracking.Settings{Links: true, Opens: true, Parameters: map[string]string{"utm_source": "%SOURCE%", "utm_term": "100%"}}
	require.Empty(t, good.Check(mail))
	require.Equal(t, []tracking.Parameter{{"utm_source", "email"}, {"utm_term", "100%"}}, good.For("email"))
	require.True(t, tracking.Settings{}.IsZero())
	many := map[string]string{}
	for i := range 21 {
		many[strings.Repeat("a", i+1)] = "x"
	}
	for name, c := range map[string]struct {
		s     tracking.Settings
		where tracking.Where
		want  string
	}{
		"no public address": {good, tracking.Where{Kind: "email", HTML: true}, "set public_url"},
		"opens in a text":   {tracking.Settings{Opens: true}, tracking.Where{Public: true, Kind: "sms"}, "which a channel for sms does not carry"},
		"for nothing":       {tracking.Settings{Opens: true, Parameters: map[string]string{"a": "b"}}, mail, "set links, too"},
		"too many":          {tracking.Settings{Links: true, Parameters: many}, mail, "must be 20 at most"},
		"a bad name":        {tracking.Settings{Links: true, Parameters: map[string]string{"a b": "c"}}, mail, "a parameter's name has"},
		"empty":             {tracking.Settings{Links: true, Parameters: map[string]string{"a": ""}}, mail, "must have 1 to 200 bytes"},
		"long":              {tracking.Settings{Links: true, Parameters: map[string]string{"a": strings.Repeat("x", 201)}}, mail, "must have 1 to 200 bytes"},
		"Liquid":            {tracking.Settings{Links: true, Parameters: map[string]string{"a": "{{ contact.id }}"}}, mail, "without Liquid"},
		"two lines":         {tracking.Settings{Links: true, Parameters: map[string]string{"a": "x\ny"}}, mail, "must be one line"},
	} {
		wrong := c.s.Check(c.where)
		require.Len(t, wrong, 1, name)
		require.Contains(t, wrong[0].Message, c.want, name)
		require.True(t, strings.HasPrefix(wrong[0].Location, "tracking"), name)
	}
}
