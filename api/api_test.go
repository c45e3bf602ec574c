package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api"
	"carillon/contacts"
	"carillon/conversations"
	"carillon/internal/secret"
	"carillon/messages"
	"carillon/providers"
	"carillon/providers/hook"
	"carillon/store"
)

func TestOpenAPI(t *testing.T) {
	s := newServer(t)
	document, err := s.Document()
	require.NoError(t, err)
	golden(t, "openapi.json", string(document))
	w := s.do("GET", "/openapi.json", "")
	require.Equal(t, string(document), w.Body.String())
	again, err := newServer(t).Document()
	require.NoError(t, err)
	require.Equal(t, string(document), string(again), "the same every time")
	for path, item := range s.OpenAPI().Paths {
		require.True(t, strings.HasPrefix(path, "/v1/") || path == "/hooks/{channel_id}", path)
		require.NotNil(t, item)
	}
}

func TestDocsLoadNothingFromElsewhere(t *testing.T) {
	s := newServer(t)
	for _, path := range []string{"/docs", "/u/x"} {
		body := s.do("GET", path, "", "Authorization", "").Body.String()
		require.NotRegexp(t, `(?i)(src|href)="?(https?:)?//`, body, path)
		require.NotContains(t, body, "<script", path)
	}
	require.Contains(t, s.do("GET", "/docs", "").Body.String(), "/v1/campaigns/{id}/start")
}

func TestChannels(t *testing.T) {
	s := newServer(t)
	const hook = `{"name":"hook","provider":"webhook","config":{"url":"https://example.org/hook",` +
		`"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"},"limits":{"per_second":5}}`
	golden(t, "channels.txt", s.transcript(
		[]string{"GET", "/v1/channels"},
		[]string{"POST", "/v1/channels", hook},
		[]string{"POST", "/v1/channels", hook},
		[]string{"POST", "/v1/channels", `{"name":"x","provider":"pigeon"}`},
		[]string{"POST", "/v1/channels", `{"name":"x","provider":"webhook","config":{"ulr":"https://example.org"},"timezone":"Mars","colour":"red"}`},
		[]string{"POST", "/v1/channels", `{"name":"x","provider":"webhook","config":{"ulr":"https://example.org"},"timezone":"Mars"}`},
		[]string{"PATCH", "/v1/channels/1", `{"name":"hooked","config":{"url":"https://example.org/other"},"limits":{"per_second":7}}`},
		[]string{"PATCH", "/v1/channels/1", `{"name":"hooked","config":{"url":"https://example.org/other",` +
			`"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"},"limits":{"per_second":7}}`},
		[]string{"PATCH", "/v1/channels/1", `{"limits":{"concurrency":12}}`},
		[]string{"PATCH", "/v1/channels/1", `{"limits":{"concurrency":"auto","max_concurrency":50}}`},
		[]string{"PATCH", "/v1/channels/1", `{"limits":{"concurrency":"fast"}}`},
		[]string{"PATCH", "/v1/channels/1", `{"limits":{"concurrency":1001,"max_concurrency":1001}}`},
		[]string{"POST", "/v1/channels/1/pause"},
		[]string{"POST", "/v1/channels/1/resume"},
		[]string{"GET", "/v1/channels/1"},
		[]string{"GET", "/v1/channels/99"},
		[]string{"GET", "/v1/channels/x"},
		[]string{"DELETE", "/v1/channels/1"},
		[]string{"GET", "/v1/channels"},
	))
	s.ok("POST", "/v1/channels", hook)
	for role, address := range map[access.Role]string{
		access.Admin: "https://example.org/hook", access.Editor: "https://example.org/<redacted>",
		access.Viewer: "https://example.org/<redacted>", access.Sender: "https://example.org/<redacted>",
	} {
		shown := s.ok("GET", "/v1/channels/2", "", as(role)...)
		require.Equal(t, address, shown["config"].(map[string]any)["url"], role)
	}
	golden(t, "providers.txt", s.transcript([]string{"GET", "/v1/providers"}))
}

func TestContactsGroupsSuppressions(t *testing.T) {
	s := newServer(t)
	golden(t, "contacts.txt", s.transcript(
		[]string{"POST", "/v1/contacts", `{"first_name":"Ada","language":"en","addresses":{"email":"Ada@Example.org","phone":"0151 12345678"},"country":"DE"}`},
		[]string{"POST", "/v1/contacts", `{"first_name":"Bob","addresses":{"email":"ada@example.org"}}`},
		[]string{"POST", "/v1/contacts", `{"first_name":"Bob","addresses":{"email":"nonsense","fax":"1"}}`},
		[]string{"POST", "/v1/contacts", `{"external_id":"b-1","first_name":"Bob"}`},
		[]string{"PATCH", "/v1/contacts/1", `{"last_name":"Lovelace","status":"inactive"}`},
		[]string{"GET", "/v1/contacts?limit=1"},
		[]string{"GET", "/v1/contacts?q=lovel"},
		[]string{"GET", "/v1/contacts?email=ADA@example.org"},
		[]string{"GET", "/v1/contacts?cursor=!"},
		[]string{"GET", "/v1/contacts?limt=1"},
		[]string{"POST", "/v1/groups", `{"name":"VIP"}`},
		[]string{"POST", "/v1/groups/1/members", `{"contacts":[1,2]}`},
		[]string{"POST", "/v1/groups/1/members", `{"contacts":[1,99]}`},
		[]string{"GET", "/v1/groups/1/members?limit=1"},
		[]string{"POST", "/v1/groups/1/members/remove", `{"contacts":[2]}`},
		[]string{"GET", "/v1/groups"},
		[]string{"POST", "/v1/contacts/1/opt-out", `{"kind":"email"}`},
		[]string{"POST", "/v1/contacts/2/opt-out"},
		[]string{"POST", "/v1/suppressions", `{"kind":"phone","address":"+49 151 99999999","reason":"complained"}`},
		[]string{"POST", "/v1/suppressions", `{"kind":"email","address":"nonsense"}`},
		[]string{"GET", "/v1/suppressions?limit=1"},
		[]string{"POST", "/v1/contacts/1/opt-in"},
		[]string{"DELETE", "/v1/suppressions?kind=phone&address=%2B4915199999999"},
		[]string{"DELETE", "/v1/suppressions?kind=phone&address=%2B4915199999999"},
		[]string{"GET", "/v1/suppressions"},
		[]string{"DELETE", "/v1/groups/1"},
		[]string{"DELETE", "/v1/contacts/2"},
		[]string{"GET", "/v1/contacts/2"},
	))
}

func TestCampaigns(t *testing.T) {
	s := newServer(t)
	s.channel()
	s.contact("Ada", "ada@example.org")
	s.contact("Bob", "bob@example.org")
	s.ok("POST", "/v1/suppressions", `{"kind":"email","address":"bob@example.org"}`)
	s.campaign(1, "")
	golden(t, "campaigns.txt", s.transcript(
		[]string{"POST", "/v1/campaigns", `{"name":"x","channel_id":9,"audience":{},"content":{"text":"{{ x"},"schedule":{"at":null}}`},
		[]string{"GET", "/v1/campaigns/1"},
		[]string{"PATCH", "/v1/campaigns/1", `{"name":"Summer","weight":3}`},
		[]string{"GET", "/v1/campaigns/1/preview"},
		[]string{"GET", "/v1/campaigns/1/preview?count=false"},
		[]string{"POST", "/v1/campaigns/1/test", `{"to":"me@example.org"}`},
		[]string{"POST", "/v1/campaigns/1/test", `{"to":"nonsense"}`},
		[]string{"POST", "/v1/campaigns/1/schedule", `{"at":"2026-03-01T09:00"}`},
		[]string{"POST", "/v1/campaigns/1/schedule", `{"at":"2026-03-02T09:00"}`},
		[]string{"GET", "/v1/campaigns?status=scheduled"},
		[]string{"GET", "/v1/queue"},
		[]string{"POST", "/v1/campaigns/1/start", `{"now":true}`},
		[]string{"POST", "/v1/campaigns/1/start"},
		[]string{"DELETE", "/v1/campaigns/1"},
		[]string{"GET", "/v1/queue"},
		[]string{"POST", "/v1/campaigns/1/pause"},
		[]string{"GET", "/v1/queue?campaign_id=1"},
		[]string{"POST", "/v1/campaigns/1/resume"},
		[]string{"POST", "/v1/campaigns/1/duplicate"},
		[]string{"GET", "/v1/campaigns/1/explain?recipient=ada@example.org"},
	))
	_, err := s.store.PlanBatch(t.Context(), 1, 100)
	require.NoError(t, err)
	golden(t, "runs.txt", s.transcript(
		[]string{"GET", "/v1/campaigns/1/runs"},
		[]string{"GET", "/v1/runs/1"},
		[]string{"GET", "/v1/runs/1/messages?state=skipped"},
		[]string{"GET", "/v1/runs/1/messages.csv"},
		[]string{"GET", "/v1/campaigns/1/verify"},
		[]string{"GET", "/v1/campaigns/1/explain?recipient=BOB@example.org"},
		[]string{"GET", "/v1/campaigns/1/explain?recipient=1"},
		[]string{"GET", "/v1/campaigns/1/explain?recipient=nobody"},
		[]string{"GET", "/v1/explain?address=Ada@example.org"},
		[]string{"GET", "/v1/explain?contact_id=99"},
		[]string{"GET", "/v1/explain"},
		[]string{"GET", "/v1/explain?address=nobody@example.org"},
		[]string{"GET", "/v1/contacts/1/messages"},
		[]string{"GET", "/v1/queue"},
		[]string{"DELETE", "/v1/queue?campaign_id=9"},
		[]string{"DELETE", "/v1/queue?campaign_id=1"},
		[]string{"GET", "/v1/queue/clearings/1"},
		[]string{"GET", "/v1/runs/99"},
	))
	require.Contains(t, s.ok("GET", "/v1/audit?limit=3", "")["items"].([]any)[0].(map[string]any), "action")
}

func TestMessages(t *testing.T) {
	s := newServer(t)
	s.channel()
	golden(t, "messages.txt", s.transcript(
		[]string{"POST", "/v1/messages", `{"channel_id":1,"to":"ada@example.org","content":{"subject":"Code {{ row.code }}",` +
			`"text":"Your code is {{ row.code }}."},"data":{"code":"123"}}`},
		[]string{"POST", "/v1/messages", `{"channel_id":7,"to":"ada","content":{}}`},
		[]string{"POST", "/v1/messages", `{"channel_id":1,"content":{"text":"x"},"to":"a@b.org","extra":1}`},
		[]string{"GET", "/v1/messages?transactional=true"},
		[]string{"GET", "/v1/messages/1"},
		[]string{"POST", "/v1/messages/1/resend"},
		[]string{"POST", "/v1/messages/1/cancel"},
		[]string{"GET", "/v1/messages?state=canceled&channel_id=1"},
		[]string{"GET", "/v1/messages/99"},
	))
}

func TestConsents(t *testing.T) {
	s := newServer(t)
	s.contact("Ada", "ada@example.org")
	s.contact("Bob", "bob@example.org")
	golden(t, "consents.txt", s.transcript(
		[]string{"POST", "/v1/contacts/1/opt-out", `{"source":"web_form","wording":"No more, please","proof":"form 17"}`},
		[]string{"POST", "/v1/contacts/1/opt-out", `{"source":"A Form"}`},
		[]string{"POST", "/v1/contacts/1/opt-out", `{"category_id":9}`},
		[]string{"POST", "/v1/contacts/99/opt-out"},
		[]string{"POST", "/v1/contacts/2/opt-in", `{"kind":"phone"}`},
		[]string{"PATCH", "/v1/contacts/1", `{"addresses":{"phone":"+4915112345678"}}`},
		[]string{"GET", "/v1/suppressions?kind=phone"},
		[]string{"GET", "/v1/suppressions?q=ADA%40"},
		[]string{"GET", "/v1/suppressions?q=a%25a"},
		[]string{"POST", "/v1/suppressions", `{"kind":"email","address":"ADA@example.org","reason":"bounced"}`},
		[]string{"POST", "/v1/suppressions", `{"kind":"pigeon","address":"x"}`},
		[]string{"POST", "/v1/suppressions", `{"kind":"email","address":"x"}`},
		[]string{"POST", "/v1/contacts/1/opt-in"},
		[]string{"DELETE", "/v1/suppressions?kind=email&address=ada@example.org"},
		[]string{"POST", "/v1/contacts/1/opt-in", `{"force":true}`},
		[]string{"GET", "/v1/contacts/1/consents"},
		[]string{"GET", "/v1/suppressions"},
		[]string{"DELETE", "/v1/suppressions?kind=email&address=nobody@example.org"},
	))
}

func TestSuppressionFiles(t *testing.T) {
	s := newServer(t)
	const csv = "kind,address,reason\nemail,ada@example.org,bounced\nemail,nonsense,\nphone,+4915112345678,\n"
	out := s.ok("POST", "/v1/suppressions/import", csv, "Content-Type", "text/csv; charset=utf-8")
	require.InDelta(t, 2, out["added"], 0)
	require.InDelta(t, 1, out["refused"], 0)
	require.InDelta(t, 3, out["errors"].([]any)[0].(map[string]any)["line"], 0)
	w := s.do("GET", "/v1/suppressions/export", "")
	require.Equal(t, "text/csv; charset=utf-8", w.Header().Get("Content-Type"))
	require.Equal(t, "kind,address,reason,opted_out,created_at,hash\n"+
		"email,ada@example.org,bounced,false,2026-03-01T12:00:00Z,\nphone,+4915112345678,unsubscribed,true,2026-03-01T12:00:00Z,\n", w.Body.String())
	// What is exported can be imported.
	out = s.ok("POST", "/v1/suppressions/import", w.Body.String(), "Content-Type", "text/csv")
	require.InDelta(t, 2, out["known"], 0)
	require.Contains(t, s.do("POST", "/v1/suppressions/import", csv).Body.String(), "text/csv")
	require.Contains(t, s.do("POST", "/v1/suppressions/import", "colour\nred\n", "Content-Type", "text/csv").Body.String(), "body.file")
	// It is streamed: larger than any other body may be.
	big := s.ok("POST", "/v1/suppressions/import", "email\n"+strings.Repeat("someone@example.org\n", 10_000), "Content-Type", "text/csv")
	require.InDelta(t, 10_000, big["rows"], 0)
	require.InDelta(t, 1, big["added"], 0)
	require.Equal(t, 403, s.do("GET", "/v1/suppressions/export", "", as(access.Viewer)...).Code)
}

func upload(filename, content string, fields ...string) (body, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i+1 < len(fields); i += 2 {
		_ = w.WriteField(fields[i], fields[i+1])
	}
	if filename != "" {
		part, _ := w.CreateFormFile("file", filename)
		_, _ = io.WriteString(part, content)
	}
	_ = w.Close()
	return b.String(), w.FormDataContentType()
}

func TestImport(t *testing.T) {
	s := newServer(t)
	body, kind := upload("people.csv", "Mail,First name,coupon\nada@example.org,Ada,A1\nnonsense,Bob,=2+5\n",
		"mapping", `{"Mail":"email"}`, "options", `{"group":"VIP"}`)
	out := s.ok("POST", "/v1/contacts/import", body, "Content-Type", kind)
	require.Equal(t, "queued", out["state"])
	require.Equal(t, []any{"coupon"}, out["columns"])
	ran, err := s.importer.RunNext(t.Context())
	require.NoError(t, err)
	require.True(t, ran)
	done := s.ok("GET", "/v1/uploads/1", "")
	require.Equal(t, "finished", done["state"])
	require.InDelta(t, 1, done["created"], 0)
	require.InDelta(t, 1, done["refused"], 0)
	w := s.do("GET", "/v1/uploads/1/errors.csv", "")
	require.Equal(t, "text/csv; charset=utf-8", w.Header().Get("Content-Type"))
	require.Contains(t, w.Body.String(), "nonsense")
	require.Len(t, s.ok("GET", "/v1/uploads", "")["items"], 1)
	require.Len(t, s.ok("GET", "/v1/groups", "")["items"], 1)
	for name, c := range map[string]struct {
		body, kind string
		status     int
		want       string
	}{
		"no multipart": {`{}`, "application/json", 422, "multipart/form-data"},
		"no file": func() (c struct {
			body, kind string
			status     int
			want       string
		}) {
			c.body, c.kind = upload("", "", "options", "{}")
			c.status, c.want = 422, "body.file"
			return c
		}(),
	} {
		w := s.do("POST", "/v1/contacts/import", c.body, "Content-Type", c.kind)
		require.Equal(t, c.status, w.Code, name)
		require.Contains(t, w.Body.String(), c.want, name)
	}
	for name, content := range map[string]string{"empty": "", "no column": "colour,size\nred,1\n"} {
		body, kind := upload("x.csv", content)
		require.Equal(t, 422, s.do("POST", "/v1/contacts/import", body, "Content-Type", kind).Code, name)
	}
	body, kind = upload("big.csv", "email\n"+strings.Repeat("someone@example.org\n", 60_000))
	require.Equal(t, 413, s.do("POST", "/v1/contacts/import", body, "Content-Type", kind).Code)
	body, kind = upload("x.csv", "email\na@b.org\n", "options", `{"colour":"red"}`)
	require.Contains(t, s.do("POST", "/v1/contacts/import", body, "Content-Type", kind).Body.String(), "body.options")
	require.Len(t, s.ok("GET", "/v1/uploads", "")["items"], 1, "what is refused changes nothing")
}

// Spreadsheets take cells that begin with certain characters for formulas.
func TestCSVCellsAreHarmless(t *testing.T) {
	s := newServer(t)
	body, kind := upload("x.csv", "email,name\n=cmd|x!A1,E\n+evil,E\n")
	s.ok("POST", "/v1/contacts/import", body, "Content-Type", kind)
	_, err := s.importer.RunNext(t.Context())
	require.NoError(t, err)
	csv := s.do("GET", "/v1/uploads/1/errors.csv", "").Body.String()
	require.Contains(t, csv, ",'=cmd|x!A1,")
	require.Contains(t, csv, ",'+evil,")
}

// broken is a store whose database is gone.
type broken struct{ *store.Store }

func (broken) ListUploads(context.Context, int64, int64, int) ([]contacts.Upload, error) {
	panic("no such table: secrets")
}

func (broken) ListSuppressions(context.Context, contacts.SuppressionFilter) ([]contacts.Suppression, error) {
	return nil, fmt.Errorf("dial 10.1.2.3: password wrong")
}

func TestOurOwnFaults(t *testing.T) {
	s := newServer(t, func(s *server, d *api.Deps) { d.Services = s.over(broken{s.store}) })
	for _, path := range []string{"/v1/uploads", "/v1/suppressions"} {
		w := s.do("GET", path, "")
		require.Equal(t, 500, w.Code)
		require.Contains(t, w.Body.String(), "something went wrong on our side")
		require.NotContains(t, w.Body.String(), "password")
		require.NotContains(t, w.Body.String(), "table")
	}
	require.Contains(t, s.log.String(), "no such table")
	require.Contains(t, s.log.String(), "password wrong")
}

func TestHealth(t *testing.T) {
	bad := false
	s := newServer(t, func(s *server, d *api.Deps) {
		d.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metrics") })
		d.Ready = func(context.Context) map[string]error {
			if bad {
				return map[string]error{"store": nil, "redis": fmt.Errorf("refused by 10.0.0.1")}
			}
			return map[string]error{"store": nil, "redis": nil}
		}
	})
	for path, want := range map[string]string{"/healthz": "alive", "/readyz": "ready", "/metrics": "metrics"} {
		w := s.do("GET", path, "", "Authorization", "")
		require.Equal(t, 200, w.Code)
		require.Contains(t, w.Body.String(), want)
	}
	bad = true
	w := s.do("GET", "/readyz", "", "Authorization", "")
	require.Equal(t, 503, w.Code)
	require.NotContains(t, w.Body.String(), "10.0.0.1")
}

func TestConsole(t *testing.T) {
	s := newServer(t)
	const accept = "text/html,application/xhtml+xml,*/*;q=0.8"
	for path, accepts := range map[string]string{"/": "*/*", "/campaigns/12": accept, "/sign-in": accept, "/v2/campaigns": accept, "/assets/x.js": "*/*"} {
		w := s.do("GET", path+"?status=running", "", "Authorization", "", "Accept", accepts)
		require.Equal(t, 200, w.Code, path)
		require.Equal(t, "the console at "+path, w.Body.String())
	}
	// Programs, and whoever asks for what only programs ask for, are told that there is nothing.
	for _, given := range [][]string{
		{"GET", "/campaigns/12", "Accept", "application/json"}, {"GET", "/v1/nothing", "Accept", accept}, {"POST", "/campaigns/12", "Accept", accept},
	} {
		w := s.do(given[0], given[1], "", given[2:]...)
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), given)
		require.Contains(t, w.Body.String(), `"code":"not_found"`, given)
	}
}

func TestUnsubscribe(t *testing.T) {
	s := newServer(t)
	tokens := messages.NewTokens(secret.NewRing(secret.New(masterKey)), messages.NewHosts(""))
	token := tokens.Make(messages.Unsubscriber{AccountID: s.account, Kind: providers.Email, Address: "ada@example.org"})
	w := s.do("GET", "/u/"+token, "", "Authorization", "")
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Body.String(), "a…@example.org")
	require.NotContains(t, w.Body.String(), "ada@")
	require.NotContains(t, w.Body.String(), "<header>", "an account that has not said who it is shows no name of its own making")
	s.ok("PATCH", "/v1/settings", `{"brand_name":" Bell Foundry & Sons ","brand_color":"#ffcc00"}`)
	for field, value := range map[string]string{"brand_name": `"two\nlines"`, "brand_color": `"yellow"`} {
		w := s.do("PATCH", "/v1/settings", `{"`+field+`":`+value+`}`)
		require.Equal(t, 422, w.Code)
		require.Contains(t, w.Body.String(), field)
	}
	page := s.do("GET", "/u/"+token, "", "Authorization", "").Body.String()
	require.Contains(t, page, "<header>Bell Foundry &amp; Sons</header>")
	require.Contains(t, page, "#ffcc00")
	suppressed := func() bool {
		known, err := s.store.Suppressed(t.Context(), s.account, providers.Email, "ada@example.org")
		require.NoError(t, err)
		return known
	}
	require.False(t, suppressed(), "looking at the page changes nothing: scanners do")
	w = s.do("POST", "/u/"+token, "List-Unsubscribe=One-Click", "Authorization", "", "Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, 200, w.Code)
	require.True(t, suppressed())
	w = s.do("POST", "/u/"+token, "undo=opt_in", "Authorization", "", "Content-Type", "application/x-www-form-urlencoded", "Accept-Language", "de")
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Body.String(), "Gespeichert.")
	require.False(t, suppressed(), "it was a mistake")
	require.Equal(t, 404, s.do("POST", "/u/"+token[:10], "", "Authorization", "").Code)
}

func TestRepliesAndBouncesComeThroughTheHook(t *testing.T) {
	s := newServer(t)
	const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"
	s.ok("POST", "/v1/channels", `{"name":"hook","provider":"webhook","config":{"url":"https://example.org/hook","secret":"`+key+`"}}`)
	s.contact("Ada", "ada@example.org")
	s.contact("Bob", "bob@example.org")
	signer, err := hook.NewSigner(secret.New(key))
	require.NoError(t, err)
	post := func(body string) (int, string) {
		header := signer.Header("evt", noon, []byte(body))
		var pairs []string
		for name := range header {
			pairs = append(pairs, name, header.Get(name))
		}
		w := s.do("POST", "/hooks/1", body, append(pairs, "Authorization", "")...)
		return w.Code, w.Body.String()
	}
	status, answer := post(`{"replies":[{"id":"r1","from":"ada@example.org","text":"STOP","at":"2026-03-01T11:59:00Z"},{"id":"r2","from":"bob@example.org",` +
		`"text":"please stop"},{"id":"r1","from":"ada@example.org","text":"STOP"}]}`)
	require.Equal(t, 200, status, answer)
	require.Contains(t, answer, `"accepted":3`)
	require.Equal(t, 401, s.do("POST", "/hooks/1", `{"replies":[]}`, "Authorization", "").Code)
	status, answer = post(`{"replies":[{"from":"bob@example.org","text":"thank you"}]}`)
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"accepted":1}`, answer)
	// The same request, as its sender repeats it: nothing is doubled.
	status, answer = post(`{"replies":[{"from":"bob@example.org","text":"thank you"}]}`)
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"accepted":1,"repeated":true}`, answer)
	// One item that nobody can use, among others.
	status, answer = post(`{"events":[{"message_id":1,"status":"bounced"}],"replies":[{"id":"r3","from":"ada@example.org",` +
		`"button":{"id":"hello","title":"Say hello"}}]}`)
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"accepted":1,"refused":1,"errors":[{"location":"body.events[0].status","value":"bounced",
		"message":"must be delivered, read, failed, rejected, complained or unsubscribed, not \"bounced\""}]}`, answer)
	for body, want := range map[string]string{
		`{"replies":[{"text":"STOP"}]}`:                                      "replies[0].from",
		`{"replies":[{"from":"a@example.org","location":{"latitude":91}}]}`:  "replies[0].location.latitude",
		`{"events":[{"message_id":1,"status":"delivered","bounce":"hard"}]}`: "events[0].bounce",
		`{"events":[{"message_id":1,"status":"failed","bounce":"elastic"}]}`: "hard or soft",
	} {
		status, answer = post(body)
		require.Equal(t, 422, status)
		require.Contains(t, answer, want)
	}
	golden(t, "replies.txt", s.transcript(
		[]string{"GET", "/v1/replies"},
		[]string{"GET", "/v1/replies?review=true"},
		[]string{"GET", "/v1/suppressions"},
		[]string{"POST", "/v1/replies/1/review", `{"meaning":"other"}`},
		[]string{"POST", "/v1/replies/2/review", `{"meaning":"perhaps"}`},
		[]string{"POST", "/v1/replies/2/review", `{"meaning":"opt_out"}`},
		[]string{"GET", "/v1/replies?contact_id=2&meaning=opt_out"},
		[]string{"GET", "/v1/contacts/2/consents"},
		[]string{"GET", "/v1/messages?transactional=true"},
		[]string{"POST", "/v1/replies/99/review", `{"meaning":"other"}`},
	))
}

func TestFrequencyCaps(t *testing.T) {
	s := newServer(t)
	golden(t, "caps.txt", s.transcript(
		[]string{"POST", "/v1/frequency-caps", `{"max_messages":3,"window_seconds":86400}`},
		[]string{"POST", "/v1/frequency-caps", `{"max_messages":2,"window_seconds":86400,"action":"skip"}`},
		[]string{"POST", "/v1/frequency-caps", `{"max_messages":2,"window_seconds":86400,"category_id":7}`},
		[]string{"POST", "/v1/frequency-caps", `{"max_messages":0,"window_seconds":0}`},
		[]string{"POST", "/v1/frequency-caps", `{"max_messages":1,"window_seconds":60,"priority":"bulk"}`},
		[]string{"PATCH", "/v1/frequency-caps/2", `{"max_messages":5}`},
		[]string{"GET", "/v1/frequency-caps"},
		[]string{"GET", "/v1/frequency-caps/2"},
		[]string{"DELETE", "/v1/frequency-caps/1"},
		[]string{"GET", "/v1/frequency-caps/1"},
		[]string{"DELETE", "/v1/frequency-caps/1"},
	))
}

func TestErasureAndExport(t *testing.T) {
	s := newServer(t)
	s.channel()
	s.contact("Ada", "ada@example.org")
	s.ok("POST", "/v1/contacts/1/opt-out", `{"proof":"a call"}`)
	s.ok("POST", "/v1/messages", `{"channel_id":1,"contact_id":1,"content":{"subject":"Code","text":"It is 123."}}`)
	golden(t, "erasure.txt", s.transcript(
		[]string{"GET", "/v1/contacts/1/export"},
		[]string{"POST", "/v1/contacts/1/erase", `{"dry_run":true}`},
		[]string{"POST", "/v1/contacts/1/erase"},
		[]string{"GET", "/v1/contacts/1"},
		[]string{"GET", "/v1/messages/1"},
		[]string{"POST", "/v1/contacts/1/erase"},
		[]string{"GET", "/v1/contacts/1/export"},
	))
	require.Contains(t, s.do("GET", "/v1/suppressions/export", "").Body.String(), "email,,unsubscribed,true,2026-03-01T12:00:00Z,")
	require.Equal(t, 403, s.do("POST", "/v1/contacts/1/erase", "", as(access.Editor)...).Code)
}

// What was said to and fro, noted, and kept by programs is shown to whom it is about.
func TestExportOfConversations(t *testing.T) {
	s := newServer(t)
	channel := s.channel()
	id := s.contact("Ada", "ada@example.org")
	svc := s.over(s.store)
	of := svc.Conversations
	v, err := of.Create(t.Context(), conversations.Conversation{AccountID: s.account, ChannelID: channel, ContactID: id})
	require.NoError(t, err)
	for i := range 101 {
		_, err = of.Note(t.Context(), conversations.Entry{AccountID: s.account, ConversationID: v.ID, Text: fmt.Sprint("note ", i)})
		require.NoError(t, err)
	}
	_, err = svc.Contacts.Update(t.Context(), s.account, id, contacts.ContactChange{
		Loose: true, Attributes: map[string]json.RawMessage{"shoe": json.RawMessage(`44`)},
	})
	require.NoError(t, err)
	export := s.ok("GET", "/v1/contacts/1/export", "")
	talk := export["conversations"].([]any)[0].(map[string]any)
	require.Equal(t, "open", talk["status"])
	entries := talk["entries"].([]any)
	require.Len(t, entries, 101, "on all pages")
	require.Equal(t, "note 100", entries[100].(map[string]any)["text"])
	require.Equal(t, map[string]any{"custom": map[string]any{"shoe": 44.}}, export["free"])
}

func TestHooks(t *testing.T) {
	s := newServer(t)
	s.ok("POST", "/v1/channels", `{"name":"hook","provider":"webhook","config":{"url":"https://example.org/hook",`+
		`"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"}}`)
	s.ok("POST", "/v1/channels", `{"name":"mail","provider":"smtp","config":{"host":"mail.example.org","port":25,"from":"a@example.org","tls":"none"}}`)
	require.Equal(t, 401, s.do("POST", "/hooks/1", `{}`, "Authorization", "").Code, "no signature")
	require.Equal(t, 401, s.do("POST", "/hooks/2", `{}`, "Authorization", "").Code, "no token, and none is set")
	require.Equal(t, 404, s.do("POST", "/hooks/9", `{}`, "Authorization", "").Code)
	require.Equal(t, 404, s.do("POST", "/hooks/x", `{}`, "Authorization", "").Code)
}
