package api

import (
	"html/template"
	"net/http"
	"strings"
	"time"

	"carillon/access"
	"carillon/api/gate"
	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
)

// statusPage stands where the console will: what runs, how far it is, how to go
// on. Without a key it shows the version and links only, with one it shows names
// and numbers but nobody's address.
var statusPage = template.Must(template.New("status").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{{ if .Details }}<meta http-equiv="refresh" content="5">{{ end }}
<title>Carillon</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733 }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem }
td, th { text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid #dde3e8 }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
progress { width: 12rem }
code { background: #f1f4f6; padding: .1rem .3rem; border-radius: .2rem }
</style>
<h1>Carillon <small>{{ .Version }}</small></h1>
{{ if .Details }}
{{ with .Problems }}<h2>What is wrong</h2>
<ul>
{{ range . }}<li>{{ . }}</li>
{{ end }}</ul>
{{ end }}<h2>Campaigns</h2>
{{ if .Campaigns }}<table>
<tr><th>Campaign</th><th>Status</th><th>Progress</th><th class="n">Done</th><th class="n">Of</th></tr>
{{ range .Campaigns }}<tr><td>{{ .Name }}</td><td>{{ .Status }}</td><td>{{ if .Total }}<progress max="{{ .Total }}" value="{{
.Done }}"></progress>{{ end }}</td><td class="n">{{ .Done }}</td><td class="n">{{ .Total }}</td></tr>
{{ end }}</table>{{ else }}<p>None yet.</p>{{ end }}
<h2>Queue</h2>
{{ if .Queue }}<table>
<tr><th>Channel</th><th>Status</th><th class="n">Pending</th><th class="n">Queued</th><th class="n">Sending</th></tr>
{{ range .Queue }}<tr><td>{{ .Channel }}</td><td>{{ .Status }}</td><td class="n">{{ .Pending }}</td><td class="n">{{ .Queued }}</td><td class="n">{{
.Sending }}</td></tr>
{{ end }}</table>{{ else if not .Planning }}<p>Nothing waits to be sent.</p>{{ end }}
{{ range .Planning }}<p>{{ .CampaignName }} is still being planned: {{ .Planned }} messages so far, more are to come{{
if eq .Status "paused" }} when it is resumed{{ end }}.</p>
{{ end }}{{ with .Next }}<p>{{ .CampaignName }} fires at {{ .At.UTC.Format "2006-01-02 15:04:05 MST" }}.</p>{{ end }}
{{ else }}
<p>The server is running. <a href="/?details">Show what it is doing</a>: your browser asks for a name, which may be anything,{{/*
*/}} and a password, which is an API key
(the first one is in <code>admin.key</code> in the data folder).</p>
{{ end }}
<h2>How to go on</h2>
<ul>
<li><a href="/docs">The API</a> and its <a href="/openapi.json">OpenAPI document</a></li>
<li><code>carillon import contacts.csv</code> takes contacts in; <code>carillon campaign --help</code> shows how to write to them</li>
<li><a href="/readyz">Is everything ready?</a></li>
</ul>
</html>
`))

type statusView struct {
	Version   string
	Details   bool
	Problems  []string
	Campaigns []statusCampaign
	Queue     []statusQueue
	campaigns.QueueOutlook
}

type statusCampaign struct {
	Name, Status string
	Done, Total  int64
}

type statusQueue struct {
	Channel, Status          string
	Pending, Queued, Sending int64
}

// statusCampaigns is how many campaigns the page shows.
const statusCampaigns = 10

func (s *Server) statusRoutes() {
	s.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		view := statusView{Version: s.Options.Version}
		_, _, given := r.BasicAuth()
		if r.URL.Query().Has("details") || given || r.Header.Get("Authorization") != "" {
			caller, err := s.statusCaller(r)
			if err == nil {
				err = s.fillStatus(r, caller, &view)
			}
			switch {
			case fault.Is(err, fault.Unauthorized):
				w.Header().Set("WWW-Authenticate", `Basic realm="Carillon: any name, an API key as password", charset="UTF-8"`)
				http.Error(w, "an API key is needed as the password", http.StatusUnauthorized)
				return
			case err != nil:
				if gate.StatusOf(err) >= http.StatusInternalServerError {
					s.Logger.ErrorContext(r.Context(), "status page failed", "request_id", gate.RequestID(r.Context()), "error", err)
				}
				writeProblem(w, err)
				return
			}
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_ = statusPage.Execute(w, view)
	})
	s.mux.HandleFunc("/", s.notFound)
}

// statusCaller takes a key as a browser or as a program gives it.
func (s *Server) statusCaller(r *http.Request) (access.Caller, error) {
	_, presented, ok := r.BasicAuth()
	if !ok {
		_, presented, _ = strings.Cut(r.Header.Get("Authorization"), " ")
	}
	if strings.TrimSpace(presented) == "" {
		return access.Caller{}, fault.New(fault.Unauthorized, "a key is needed")
	}
	caller, err := s.gate.LookupPresented(r.Context(), r, strings.TrimSpace(presented))
	if err == nil {
		err = s.gate.May(r.Context(), gate.Route{Roles: mayLook, Resource: "status", Reads: true}, caller)
	}
	if err == nil {
		if wait := s.limits.Take(caller.ID, caller.Rate); wait > 0 {
			err = fault.New(fault.RateLimited, "too many requests with this key: wait %s", wait.Round(time.Millisecond))
		}
	}
	return caller, err
}

func (s *Server) fillStatus(r *http.Request, caller access.Caller, view *statusView) error {
	ctx := r.Context()
	view.Details = true
	status, err := s.status(ctx, caller.AccountID)
	if err != nil {
		return err
	}
	view.Problems = status.Wrong
	for _, h := range status.Hindrances {
		view.Problems = append(view.Problems, h.Words+" "+h.Remedy)
	}
	list, err := s.Campaigns.List(ctx, campaigns.Filter{AccountID: caller.AccountID, Limit: statusCampaigns})
	if err != nil {
		return err
	}
	for _, c := range list {
		row := statusCampaign{Name: c.Name, Status: string(c.Status)}
		if c.RunID != 0 {
			run, err := s.Campaigns.Run(ctx, caller.AccountID, c.RunID)
			if err != nil {
				return err
			}
			row.Total = run.Counts.Total()
			row.Done = row.Total - run.Counts.Active()
		}
		view.Campaigns = append(view.Campaigns, row)
	}
	if view.QueueOutlook, err = s.Campaigns.Outlook(ctx, messages.QueueFilter{AccountID: caller.AccountID}); err != nil {
		return err
	}
	totals, err := s.Queue.Totals(ctx, messages.QueueFilter{AccountID: caller.AccountID})
	if err != nil {
		return err
	}
	for _, t := range totals {
		channel, err := s.Channels.Get(ctx, caller.AccountID, t.ChannelID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		view.Queue = append(view.Queue, statusQueue{
			Channel: channel.Name, Status: string(channel.Status), Pending: t.Pending, Queued: t.Queued, Sending: t.Sending,
		})
	}
	return nil
}
