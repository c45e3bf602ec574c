package api

import (
	"html/template"
	"net/http"
)

// viewPage shows a message that is a text.
var viewPage = template.Must(template.New("view").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{ .Subject }}</title>
<style>
body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 10vh auto; padding: 0 1rem }
body { color: #1c2733; background: #fff; overflow-wrap: anywhere }
</style>
<main>
{{ with .Subject }}<h1>{{ . }}</h1>
{{ end }}<p style="white-space: pre-wrap">{{ .Text }}</p>
{{ with .Attachment }}<p><a rel="noopener noreferrer" href="{{ .URL }}">{{ or .Caption .Filename .URL }}</a></p>
{{ end }}</main>
</html>
`))

// viewPolicy lets a message show pictures and styles and open links, as a mail reader does,
// and nothing else: what a campaign has written runs no script on this host.
const viewPolicy = "default-src 'none'; img-src https: http: data:; style-src 'unsafe-inline' https:; font-src https: data:; " +
	"sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"

// viewsAtOnce bounds how many messages are made at a time: each is a template's work, and
// anybody may ask.
const viewsAtOnce = 4

func (s *Server) viewRoutes() {
	room := make(chan struct{}, viewsAtOnce)
	s.mux.public("GET /v/{token}", func(w http.ResponseWriter, r *http.Request) {
		select {
		case room <- struct{}{}:
			defer func() { <-room }()
		case <-r.Context().Done():
			return
		}
		content, err := s.Campaigns.View(r.Context(), r.PathValue("token"))
		if err != nil {
			s.failRecipient(w, r, err)
			return
		}
		if content.HTML == "" {
			showRecipient(w, http.StatusOK, viewPage, content)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Robots-Tag", "noindex")
		w.Header().Set("Content-Security-Policy", viewPolicy)
		_, _ = w.Write([]byte(content.HTML))
	})
}
