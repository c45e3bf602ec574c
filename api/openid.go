package api

import (
	"context"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"carillon/access"
	"carillon/api/gate"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// flowCookie is kept by a browser while somebody signs in at an identity provider, so that
// another's sign-in is not ended in it.
const flowCookie = "__Host-carillon-oidc"

// maxReturned bounds each thing that a browser comes back with.
const maxReturned = 4096

// refusedPage says why a sign-in came to nothing.
var refusedPage = template.Must(template.New("refused").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733 }
</style>
<h1>You are not signed in</h1>
<p>{{ .Why }}</p>
{{ with .Again }}<p><a href="{{ . }}">Begin again</a></p>
{{ end }}</html>
`))

// beginOpenID sends a browser to an identity provider.
func (s *Server) beginOpenID(w http.ResponseWriter, r *http.Request) {
	id := providerID(r)
	address, keeps, err := s.People.BeginOpenID(r.Context(), id)
	if err != nil {
		s.refuseOpenID(w, r, err, "")
		return
	}
	kept := cookie(flowCookie, keeps, access.FlowLasts)
	http.SetCookie(w, &kept)
	leave(w, address)
}

// finishOpenID begins the session of whom an identity provider has sent back.
func (s *Server) finishOpenID(w http.ResponseWriter, r *http.Request) {
	gone := cookie(flowCookie, secret.String{}, -time.Second)
	http.SetCookie(w, &gone)
	back := access.OpenIDReturn{
		ProviderID: providerID(r), Arrival: browserOf(r).arrival(r.Context()), Keeps: secret.New(cookieOf(r, flowCookie)),
	}
	for name, value := range map[string]*string{"state": &back.State, "code": &back.Code, "iss": &back.Issuer, "error": &back.Refusal} {
		if *value = r.URL.Query().Get(name); len(*value) > maxReturned {
			s.refuseOpenID(w, r, fault.InvalidField("query."+name, len(*value), "is longer than %d bytes", maxReturned), "")
			return
		}
	}
	in, err := s.People.FinishOpenID(r.Context(), back)
	if before := cookieOf(r, gate.SessionCookie); err == nil && before != "" {
		err = s.endBefore(context.WithoutCancel(r.Context()), before)
	}
	out, err := s.signedIn(in, err)
	if err != nil {
		s.refuseOpenID(w, r, err, s.People.SignInPage(back.ProviderID))
		return
	}
	for _, c := range out.SetCookie {
		http.SetCookie(w, &c)
	}
	leave(w, s.People.Address)
}

// providerID is that of the path; 0 for what is none.
func providerID(r *http.Request) int64 {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64)
	return max(id, 0)
}

func cookieOf(r *http.Request, name string) string {
	kept, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return kept.Value
}

func browserOf(r *http.Request) Browser {
	return Browser{Device: cookieOf(r, deviceCookie), Agent: r.UserAgent()}
}

// leave sends a browser elsewhere, which learns nothing of this address: it holds what opens.
func leave(w http.ResponseWriter, to string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// refuseOpenID shows why nobody is signed in.
func (s *Server) refuseOpenID(w http.ResponseWriter, r *http.Request, err error, again string) {
	status, why := gate.StatusOf(err), err.Error()
	if status == http.StatusInternalServerError {
		s.Logger.ErrorContext(r.Context(), "request failed", "operation", "sign-in-oidc", "request_id", gate.RequestID(r.Context()), "error", err)
		why = "Something went wrong here: whoever runs this server finds it in the log."
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	// Who has gone away reads nothing.
	_ = refusedPage.Execute(w, map[string]string{"Why": why, "Again": again})
}
