package api

import (
	"context"
	"net/http"
	"strings"

	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
)

// unsubscribeRoutes are the page that asks before it does anything, because mail scanners
// open links, and what it posts; a mail program's one click (RFC 8058) posts and is not
// asked.
func (s *Server) unsubscribeRoutes() {
	show := func(w http.ResponseWriter, r *http.Request, kind string, p messages.Preferences) {
		s.showPage(w, r, http.StatusOK, pageShown{Kind: kind, Brand: p.Brand, Address: hint(p.Kind, p.Address), Own: p.Language})
	}
	s.mux.public("GET /u/{token}", func(w http.ResponseWriter, r *http.Request) {
		p, err := s.Messages.Preferences(r.Context(), r.PathValue("token"))
		if err != nil {
			s.failRecipient(w, r, err)
			return
		}
		show(w, r, "ask", p)
	})
	s.mux.public("POST /u/{token}", func(w http.ResponseWriter, r *http.Request) {
		// It is carried out although the browser goes away.
		ctx, token := context.WithoutCancel(r.Context()), r.PathValue("token")
		// What else is in the form doesn't matter: every other POST to the address means it.
		r.Body = http.MaxBytesReader(w, r.Body, maxChoice)
		if r.ParseForm() == nil && contacts.ConsentAction(r.PostForm.Get("undo")) == contacts.OptIn {
			p, err := s.Messages.Choose(ctx, token, messages.Choice{Everything: contacts.OptIn})
			if err != nil {
				s.failRecipient(w, r, err)
				return
			}
			s.showChoice(w, r, p, true)
			return
		}
		if _, err := s.Messages.Unsubscribe(ctx, token); err != nil {
			s.failRecipient(w, r, err)
			return
		}
		p, err := s.Messages.Preferences(ctx, token)
		if err != nil {
			s.failRecipient(w, r, err)
			return
		}
		show(w, r, "done", p)
	})
}

// hint shows enough of an address to be recognised by its owner, and no more:
// the link may have been forwarded.
func hint(kind providers.AddressKind, address string) string {
	if kind == providers.Email {
		name, domain, _ := strings.Cut(address, "@")
		return firstRune(name) + "…@" + domain
	}
	if len(address) > 4 {
		return "…" + address[len(address)-3:]
	}
	return "…"
}

func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}
