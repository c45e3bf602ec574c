package telegram

import (
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"carillon/providers"
)

func TestMarksAreEntities(t *testing.T) {
	for text, want := range map[string]struct {
		plain    string
		entities []entity
	}{
		"nothing":                           {"nothing", nil},
		"*bold* and _italic_":               {"bold and italic", []entity{{"bold", 0, 4}, {"italic", 9, 6}}},
		"~old~ `code *as it is*`":           {"old code *as it is*", []entity{{"strikethrough", 0, 3}, {"code", 4, 15}}},
		"*_both_*":                          {"both", []entity{{"italic", 0, 4}, {"bold", 0, 4}}},
		"*a _b_ c*":                         {"a b c", []entity{{"bold", 0, 5}, {"italic", 2, 1}}},
		"(*in brackets*), *end*.":           {"(in brackets), end.", []entity{{"bold", 1, 11}, {"bold", 15, 3}}},
		"😀 *ä😀*":                            {"😀 ä😀", []entity{{"bold", 3, 3}}},
		"two\n*lines*\n*of\nthem*":          {"two\nlines\n*of\nthem*", []entity{{"bold", 4, 5}}},
		"2 * 3 * 4, snake_case_name, a*b*c": {"2 * 3 * 4, snake_case_name, a*b*c", nil},
		"* list\n* of things":               {"* list\n* of things", nil},
		"**":                                {"**", nil},
		"*open":                             {"*open", nil},
		"*one*two*":                         {"one*two", []entity{{"bold", 0, 7}}},
	} {
		plain, entities := withoutMarks(text)
		require.Equal(t, want.plain, plain, text)
		require.Equal(t, want.entities, entities, text)
	}
}

// A text of marks alone, however long, is read in a moment.
func TestManyMarksAreReadInAMoment(t *testing.T) {
	for _, text := range []string{"*_~", "* ", "*a", "_*a*_ ", " *"} {
		_, entities := withoutMarks(strings.Repeat(text, 300_000))
		require.LessOrEqual(t, len(entities), 600_000)
	}
}

func TestAChannelSaysWhetherTextsAreReadForMarks(t *testing.T) {
	of := func(formatting string, c providers.Content) map[string]any {
		p := &Provider{config: &Config{Formatting: formatting}}
		_, body, refused := p.outbound(&providers.Message{To: "42", Content: c})
		require.Nil(t, refused)
		delete(body, "photo")
		return body
	}
	bold := []entity{{"bold", 0, 3}}
	text := providers.Content{Text: "*Hi!*"}
	picture := providers.Content{Text: "*Hi!*", Attachment: &providers.Attachment{Type: providers.Image, URL: "https://example.org/a.jpg"}}
	require.Equal(t, map[string]any{"chat_id": "42", "text": "*Hi!*"}, of("plain", text))
	require.Equal(t, map[string]any{"chat_id": "42", "text": "Hi!", "entities": bold}, of(marks, text))
	require.Equal(t, map[string]any{"chat_id": "42", "caption": "Hi!", "caption_entities": bold}, of(marks, picture))
	require.Equal(t, map[string]any{"chat_id": "42", "caption": "*Hi!*"}, of("plain", picture))

	// What counts is what is shown.
	p := &Provider{config: &Config{Formatting: marks}}
	most := strings.Repeat("*a* ", maxText/2)
	_, _, refused := p.outbound(&providers.Message{To: "42", Content: providers.Content{Text: most}})
	require.Nil(t, refused)
	_, _, refused = p.outbound(&providers.Message{To: "42", Content: providers.Content{Text: most + "*b*"}})
	require.Equal(t, "too_long", refused.Code)
}

// Whatever the text is: entities lie within what is shown, in or beside each other, and nothing but
// marks is taken away.
func FuzzMarks(f *testing.F) {
	for _, text := range []string{"*bold* _italic_ ~old~ `code`", "*_a_ b*", "😀*😀*", "*a\n*", "_*a_*", "`*`*"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		plain, entities := withoutMarks(text)
		units := utf16.Encode([]rune(plain))
		var open []int // ends
		for _, e := range entities {
			require.Positive(t, e.Length)
			require.LessOrEqual(t, e.Offset+e.Length, len(units))
			for len(open) > 0 && open[len(open)-1] <= e.Offset {
				open = open[:len(open)-1]
			}
			if len(open) > 0 {
				require.LessOrEqual(t, e.Offset+e.Length, open[len(open)-1], "one that ends within another")
			}
			open = append(open, e.Offset+e.Length)
		}
		strip := func(s string) string {
			return strings.NewReplacer("*", "", "_", "", "~", "", "`", "").Replace(string([]rune(s)))
		}
		require.Equal(t, strip(text), strip(plain))
		require.Len(t, []rune(plain), len([]rune(text))-2*len(entities))
	})
}
