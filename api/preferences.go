package api

import (
	"context"
	"html/template"
	"net/http"
	"net/url"
	"strconv"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
)

// preferencesPage is where a recipient chooses categories.
var preferencesPage = template.Must(template.New("preferences").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>What you get</title>
` + recipientStyle + `
<main>
<h1>What you get</h1>
{{ if .Saved }}<p role="status">Saved.</p>{{ end }}
{{ if .Suppressed }}<p>Nothing is sent to {{ .Address }}.</p>
<form method="post"><button name="everything" value="opt_in">Subscribe again</button></form>
{{ else }}<p>{{ if .List }}Choose what is sent to {{ .Address }}.{{ else }}Messages are sent to {{ .Address }}.{{ end }}</p>
{{ if .List }}<form method="post">
{{ range .List }}<p><input type="hidden" name="shown" value="{{ .ID }}"><label>
<input type="checkbox" name="wanted" value="{{ .ID }}"{{ if .Wanted }} checked{{ end }}> {{ .Name }}</label>
{{ with .Description }}<br>{{ . }}{{ end }}</p>
{{ end }}<p><button>Save</button></p>
</form>
{{ end }}<form method="post"><button name="everything" value="opt_out">Unsubscribe from everything</button></form>{{ end }}
</main>
</html>
`))

// chosen is what the page shows.
type chosen struct {
	contacts.Topics
	Address string
	Saved   bool
}

// maxChoice bounds the form of a choice, in bytes.
const maxChoice = 64 << 10

func (s *Server) preferencesRoutes() {
	show := func(w http.ResponseWriter, p messages.Preferences, saved bool) {
		showRecipient(w, http.StatusOK, preferencesPage, chosen{Topics: p.Topics, Address: hint(p.Kind, p.Address), Saved: saved})
	}
	s.mux.HandleFunc("GET /p/{token}", func(w http.ResponseWriter, r *http.Request) {
		p, err := s.Messages.Preferences(r.Context(), r.PathValue("token"))
		if err != nil {
			s.failRecipient(w, r, err)
			return
		}
		show(w, p, false)
	})
	s.mux.HandleFunc("POST /p/{token}", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxChoice)
		if err := r.ParseForm(); err != nil {
			s.failRecipient(w, r, fault.New(fault.Invalid, "the form can't be read"))
			return
		}
		choice := messages.Choice{
			Everything: contacts.ConsentAction(r.PostForm.Get("everything")), Shown: numbersOf(r.PostForm, "shown"), Wanted: numbersOf(r.PostForm, "wanted"),
		}
		// It is carried out although the browser goes away.
		p, err := s.Messages.Choose(context.WithoutCancel(r.Context()), r.PathValue("token"), choice)
		if err != nil {
			s.failRecipient(w, r, err)
			return
		}
		show(w, p, true)
	})
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
