package api

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/messages"
)

func TestEveryPageSpeaksEveryLanguage(t *testing.T) {
	p, err := readPages()
	require.NoError(t, err)
	require.Len(t, p.words, 8)
	english := reflect.ValueOf(p.words["en"])
	for _, l := range pageLanguages {
		words := reflect.ValueOf(p.words[l.Tag])
		for i := range words.NumField() {
			text, name := words.Field(i).String(), words.Type().Field(i).Name
			require.NotEmpty(t, text, "%s has no %s", l.Tag, name)
			require.Equal(t, strings.Contains(english.Field(i).String(), "{address}"), strings.Contains(text, "{address}"), "%s of %s", name, l.Tag)
		}
	}
}

func TestAPageSpeaksToItsVisitor(t *testing.T) {
	p := newPages()
	speak := func(query, own, browser string) string {
		r := httptest.NewRequest(http.MethodGet, "/u/x"+query, nil)
		r.Header.Set("Accept-Language", browser)
		return p.speak(r, own)
	}
	require.Equal(t, "en", speak("", "", ""))
	require.Equal(t, "de", speak("", "", "de-CH, fr;q=0.8"))
	require.Equal(t, "pt", speak("", "pt-BR", "de"), "the recipient's own before the browser's")
	require.Equal(t, "de", speak("", "ja", "de"))
	require.Equal(t, "it", speak("?lang=it", "pt-BR", "de"), "what was asked for before all")
	require.Equal(t, "pl", speak("?lang=xx", "", "pl"))
}

func TestAPageIsWholeWhateverItShows(t *testing.T) {
	s := &Server{pages: newPages()}
	for _, shown := range []pageShown{
		{Kind: "ask", Address: "a…@example.org"}, {Kind: "done"}, {Kind: "broken"}, {Kind: "retry"},
		{Kind: "choose", WasSaved: true, Brand: messages.Brand{Name: "<b>Bells & Co", Color: "#ffcc00"}, Mine: "ja", Languages: s.pages.choices("ja"),
			Topics: contacts.Topics{List: []contacts.Topic{{Name: `"News"`, Wanted: true}}}},
		{Kind: "choose", Topics: contacts.Topics{Suppressed: true}},
	} {
		for _, l := range pageLanguages {
			w := httptest.NewRecorder()
			s.showPage(w, httptest.NewRequest(http.MethodGet, "/p/x?lang="+l.Tag, nil), http.StatusOK, shown)
			body := w.Body.String()
			require.Contains(t, body, `<html lang="`+l.Tag+`">`)
			require.Contains(t, body, "</html>", "%s in %s", shown.Kind, l.Tag)
			require.NotContains(t, body, "{address}")
			require.NotContains(t, body, "<b>")
			require.NotContains(t, body, "<script")
			require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
			require.Equal(t, shown.Brand.Color != "", strings.Contains(body, "--accent: #ffcc00; --on-accent: #000000"))
		}
	}
}
