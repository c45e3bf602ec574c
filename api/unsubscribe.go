package api

import (
	"context"
	"html/template"
	"net/http"
	"strings"

	"carillon/api/gate"
	"carillon/providers"
)

// recipientStyle is how the pages of recipients look.
const recipientStyle = `<style>
body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 15vh auto; padding: 0 1rem; color: #1c2733; background: #fff }
button { font: inherit; padding: .6rem 1.2rem; border: 0; border-radius: .4rem; background: #14532d; color: #fff; cursor: pointer }
button:focus-visible, input:focus-visible { outline: 3px solid #86b49a }
</style>`

// unsubscribePage is what a recipient sees. It asks before it does anything,
// because mail scanners open links; a mail program's one click (RFC 8058) posts
// and is not asked.
var unsubscribePage = template.Must(template.New("unsubscribe").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{ .Title }}</title>
` + recipientStyle + `
<main>
<h1>{{ .Title }}</h1>
<p>{{ .Text }}</p>
{{ if .Ask }}<form method="post"><button name="List-Unsubscribe" value="One-Click">Unsubscribe</button></form>{{ end }}
</main>
</html>
`))

type unsubscribeText struct {
	Title, Text string
	Ask         bool
}

func (s *Server) unsubscribeRoutes() {
	show := func(w http.ResponseWriter, status int, text unsubscribeText) {
		showRecipient(w, status, unsubscribePage, text)
	}
	fail := s.failRecipient
	s.mux.HandleFunc("GET /u/{token}", func(w http.ResponseWriter, r *http.Request) {
		u, err := s.Messages.Unsubscriber(r.Context(), r.PathValue("token"))
		if err != nil {
			fail(w, r, err)
			return
		}
		show(w, http.StatusOK, unsubscribeText{Title: "Unsubscribe", Text: "Do you want no more messages to " + hint(u.Kind, u.Address) + "?", Ask: true})
	})
	s.mux.HandleFunc("POST /u/{token}", func(w http.ResponseWriter, r *http.Request) {
		// What is in the form doesn't matter: every POST to the address means it.
		if _, err := s.Messages.Unsubscribe(context.WithoutCancel(r.Context()), r.PathValue("token")); err != nil {
			fail(w, r, err)
			return
		}
		show(w, http.StatusOK, unsubscribeText{Title: "You are unsubscribed", Text: "You will get no more messages of this kind."})
	})
}

// showRecipient shows a page of a recipient, which nobody keeps and which loads nothing.
func showRecipient(w http.ResponseWriter, status int, page *template.Template, what any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
	w.WriteHeader(status)
	_ = page.Execute(w, what)
}

// failRecipient says on a recipient's page that it can't be shown.
func (s *Server) failRecipient(w http.ResponseWriter, r *http.Request, err error) {
	status := gate.StatusOf(err)
	text := unsubscribeText{Title: "This link does not work", Text: "Please open it as it stands in the message; it may have been cut off."}
	if status >= http.StatusInternalServerError {
		s.Logger.ErrorContext(r.Context(), "a recipient's page failed", "request_id", gate.RequestID(r.Context()), "error", err)
		text = unsubscribeText{Title: "Please try again", Text: "Something went wrong on our side. Please try again in a moment."}
	}
	showRecipient(w, status, unsubscribePage, text)
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
