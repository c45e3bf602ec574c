package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
)

// maxChoice bounds the form of a choice, in bytes.
const maxChoice = 64 << 10

func (s *Server) preferencesRoutes() {
	s.mux.public("GET /p/{token}", func(w http.ResponseWriter, r *http.Request) {
		p, err := s.Messages.Preferences(r.Context(), r.PathValue("token"))
		if err != nil {
			s.failRecipient(w, r, err)
			return
		}
		s.showChoice(w, r, p, false)
	})
	s.mux.public("POST /p/{token}", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxChoice)
		if err := r.ParseForm(); err != nil {
			s.failRecipient(w, r, fault.New(fault.Invalid, "the form can't be read"))
			return
		}
		choice := messages.Choice{
			Everything: contacts.ConsentAction(r.PostForm.Get("everything")), Shown: numbersOf(r.PostForm, "shown"), Wanted: numbersOf(r.PostForm, "wanted"),
			Language: s.pages.tagOf(r.PostForm.Get("language")),
		}
		// It is carried out although the browser goes away.
		p, err := s.Messages.Choose(context.WithoutCancel(r.Context()), r.PathValue("token"), choice)
		if err != nil {
			s.failRecipient(w, r, err)
			return
		}
		s.showChoice(w, r, p, true)
	})
}

// showChoice shows where a recipient chooses categories and a language.
func (s *Server) showChoice(w http.ResponseWriter, r *http.Request, p messages.Preferences, saved bool) {
	shown := pageShown{Kind: "choose", Brand: p.Brand, Address: hint(p.Kind, p.Address), WasSaved: saved, Topics: p.Topics, Mine: p.Language, Own: p.Language}
	if p.ContactID != 0 && !p.Suppressed {
		shown.Languages = s.pages.choices(p.Language)
	}
	s.showPage(w, r, http.StatusOK, shown)
}

// numbersOf are the ids that a form has under a name.
func numbersOf(form url.Values, name string) (ids []int64) {
	for _, text := range form[name] {
		if id, err := strconv.ParseInt(text, 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}
