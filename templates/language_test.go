package templates_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/templates"
)

func TestWhichLanguageIsSpoken(t *testing.T) {
	l := templates.Languages{Has: []string{"de", "en", "pt-BR", "zh-Hant", "fr"}, Fallback: []string{"pl", "fr", "en"}, Default: "de"}
	for wanted, want := range map[string][2]string{
		"de": {"de", "exact"}, "pt-BR": {"pt-BR", "exact"}, "pt_BR": {"pt-BR", "exact"}, "EN": {"en", "exact"},
		"en-GB": {"en", "base"}, "zh-Hant-TW": {"zh-Hant", "base"},
		"pt": {"fr", "fallback"}, "zh": {"fr", "fallback"}, "pl": {"fr", "fallback"}, "": {"fr", "fallback"}, "no language": {"fr", "fallback"},
	} {
		tag, how := l.Choose(wanted)
		require.Equal(t, want, [2]string{tag, string(how)}, wanted)
	}
	l.Fallback = []string{"pl"}
	tag, how := l.Choose("it")
	require.Equal(t, "de", tag)
	require.Equal(t, templates.DefaultLanguage, how)
	require.Equal(t, templates.Coverage{
		Languages: []templates.LanguageCount{{"de", 317}, {"en", 12}},
		Missing:   []templates.LanguageCount{{"pl", 312}, {"", 4}},
	}, l.Cover(map[string]int64{"pl": 312, "de": 1, "en-GB": 5, "en": 7, "": 4}))
}

func TestSomebodyIsAlwaysSpokenTo(t *testing.T) {
	tags := []string{"de", "de-AT", "en", "en-GB", "en-US", "pl", "pt", "pt-BR", "zh-Hant", "zh-Hant-TW", "fr"}
	rapid.Check(t, func(t *rapid.T) {
		tag := rapid.SampledFrom(tags)
		l := templates.Languages{Has: rapid.SliceOfNDistinct(tag, 1, 6, rapid.ID).Draw(t, "has"), Fallback: rapid.SliceOfN(tag, 0, 3).Draw(t, "fallback")}
		l.Default = rapid.SampledFrom(l.Has).Draw(t, "default")
		wanted := rapid.OneOf(tag, rapid.String()).Draw(t, "wanted")
		got, how := l.Choose(wanted)
		require.Contains(t, l.Has, got)
		normal, ok := templates.NormalLanguage(wanted)
		exact := ok && slices.Contains(l.Has, normal)
		base := slices.ContainsFunc(l.Has, func(has string) bool { return ok && strings.HasPrefix(normal, has+"-") })
		fallback := slices.ContainsFunc(l.Fallback, func(next string) bool { return slices.Contains(l.Has, next) })
		switch how {
		case templates.ExactLanguage:
			require.Equal(t, normal, got)
		case templates.BaseLanguage:
			require.True(t, !exact && strings.HasPrefix(normal, got+"-"))
			for _, has := range l.Has { // none is nearer
				require.False(t, strings.HasPrefix(normal, has+"-") && len(has) > len(got))
			}
		case templates.FallbackLanguage:
			require.True(t, !exact && !base)
			first := slices.IndexFunc(l.Fallback, func(next string) bool { return slices.Contains(l.Has, next) })
			require.Equal(t, l.Fallback[first], got)
		case templates.DefaultLanguage:
			require.True(t, !exact && !base && !fallback)
			require.Equal(t, l.Default, got)
		}
		// Everybody is counted once.
		people := rapid.MapOf(tag, rapid.Int64Range(1, 9)).Draw(t, "people")
		var all, counted int64
		for _, n := range people {
			all += n
		}
		for _, c := range l.Cover(people).Languages {
			counted += c.People
		}
		require.Equal(t, all, counted)
	})
}

func FuzzNormalLanguage(f *testing.F) {
	for _, s := range []string{"de", "pt_BR", "x-y", "zh-Hant-TW", "en-u-ca-buddhist", "iw", "und"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		if normal, ok := templates.NormalLanguage(tag); ok {
			again, ok := templates.NormalLanguage(normal)
			require.True(t, ok)
			require.Equal(t, normal, again)
		}
	})
}
