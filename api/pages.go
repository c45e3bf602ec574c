package api

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"golang.org/x/text/language"

	"carillon/api/gate"
	"carillon/contacts"
	"carillon/messages"
)

// pageFiles are the layout of the pages of recipients and their texts, a file for each
// language.
//
//go:embed pages
var pageFiles embed.FS

// pageLanguages are those in which recipients are spoken to, each with its own name; the
// first speaks to who has none of them.
var pageLanguages = []struct{ Tag, Name string }{
	{"en", "English"}, {"de", "Deutsch"}, {"fr", "Français"}, {"es", "Español"}, {"it", "Italiano"}, {"nl", "Nederlands"}, {"pl", "Polski"}, {"pt", "Português"},
}

// pageWords are what the pages say in one language.
type pageWords struct {
	Unsubscribe, AskTitle, Ask, DoneTitle, Done, Undo string
	Title, Choose, ChooseNone, Saved, Save            string
	Everything, Nothing, Again, Language              string
	BrokenTitle, Broken, RetryTitle, Retry            string
}

// pages show recipients what they get. They load nothing and run no script.
type pages struct {
	page    *template.Template
	words   map[string]pageWords
	matcher language.Matcher
}

// newPages reads the pages. They are part of the program, so that one that can't be read
// is found when it is built: a test reads them all.
func newPages() pages {
	p, err := readPages()
	if err != nil {
		panic(err)
	}
	return p
}

func readPages() (p pages, err error) {
	p.words = make(map[string]pageWords, len(pageLanguages))
	tags := make([]language.Tag, len(pageLanguages))
	for i, l := range pageLanguages {
		text, err := pageFiles.ReadFile("pages/" + l.Tag + ".json")
		if err != nil {
			return p, err
		}
		var words pageWords
		if err := json.Unmarshal(text, &words); err != nil {
			return p, fmt.Errorf("read the texts of pages in %s: %w", l.Tag, err)
		}
		p.words[l.Tag], tags[i] = words, language.Make(l.Tag)
	}
	p.matcher = language.NewMatcher(tags)
	p.page, err = template.ParseFS(pageFiles, "pages/*.html")
	return p, err
}

// pageShown is one page.
type pageShown struct {
	pageWords
	// Lang is the page's language; Others are links to it in others.
	Lang   string
	Others []pageLink
	Brand  messages.Brand
	// Kind is ask, done, choose, broken or retry, Own the recipient's language; empty for none.
	Kind, Own     string
	Heading, Text string
	Address       string
	WasSaved      bool
	Topics        contacts.Topics
	// Mine is the language that the recipient has, of Languages; none where nobody known
	// holds the address.
	Mine      string
	Languages []pageLink
}

type pageLink struct{ Tag, Name, URL string }

// speak chooses the language of a page: that which was asked for, the recipient's, that of
// the browser, English.
func (p pages) speak(r *http.Request, own string) string {
	asked := r.URL.Query().Get("lang")
	if _, known := p.words[asked]; known {
		return asked
	}
	if tag, err := language.Parse(own); err == nil {
		if _, i, confidence := p.matcher.Match(tag); confidence >= language.High {
			return pageLanguages[i].Tag
		}
	}
	_, i := language.MatchStrings(p.matcher, r.Header.Get("Accept-Language"))
	return pageLanguages[i].Tag
}

// tagOf is a language that a form names; empty for one that there is not.
func (p pages) tagOf(tag string) string {
	if _, known := p.words[tag]; known {
		return tag
	}
	return ""
}

// choices are the languages that a recipient can choose: ours, and their own.
func (p pages) choices(own string) (list []pageLink) {
	if own != "" && p.tagOf(own) == "" {
		list = append(list, pageLink{Tag: own, Name: own})
	}
	for _, l := range pageLanguages {
		list = append(list, pageLink{Tag: l.Tag, Name: l.Name})
	}
	return list
}

// showPage shows a page, which nobody keeps.
func (s *Server) showPage(w http.ResponseWriter, r *http.Request, status int, shown pageShown) {
	shown.Lang = s.pages.speak(r, shown.Own)
	shown.pageWords = s.pages.words[shown.Lang]
	for _, l := range pageLanguages {
		if l.Tag != shown.Lang {
			shown.Others = append(shown.Others, pageLink{l.Tag, l.Name, "?lang=" + l.Tag})
		}
	}
	switch shown.Kind {
	case "ask":
		shown.Heading, shown.Text = shown.AskTitle, strings.ReplaceAll(shown.Ask, "{address}", shown.Address)
	case "done":
		shown.Heading, shown.Text = shown.DoneTitle, shown.Done
	case "choose":
		shown.Heading = shown.Title
		switch {
		case shown.Topics.Suppressed:
			shown.Text = shown.Nothing
		case len(shown.Topics.List) > 0:
			shown.Text = shown.Choose
		default:
			shown.Text = shown.ChooseNone
		}
		shown.Text = strings.ReplaceAll(shown.Text, "{address}", shown.Address)
	case "broken":
		shown.Heading, shown.Text = shown.BrokenTitle, shown.Broken
	case "retry":
		shown.Heading, shown.Text = shown.RetryTitle, shown.Retry
	}
	showRecipient(w, status, s.pages.page.Lookup("page.html"), shown)
}

// showRecipient shows a page of a recipient, which nobody keeps and which loads nothing.
func showRecipient(w http.ResponseWriter, status int, page *template.Template, what any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Robots-Tag", "noindex")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_ = page.Execute(w, what)
}

// failRecipient says on a recipient's page that it can't be shown.
func (s *Server) failRecipient(w http.ResponseWriter, r *http.Request, err error) {
	status, kind := gate.StatusOf(err), "broken"
	if status >= http.StatusInternalServerError {
		s.Logger.ErrorContext(r.Context(), "a recipient's page failed", "request_id", gate.RequestID(r.Context()), "error", err)
		kind = "retry"
	}
	s.showPage(w, r, status, pageShown{Kind: kind})
}
