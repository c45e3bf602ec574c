package api_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api"
	"carillon/providers"
	"carillon/store/storetest"
)

// personalOfApple is what the account of the walk knows of people: nothing else has this in it.
var personalOfApple = regexp.MustCompile(`apple\.(one|two|three|gone)@|23456123|nonsense|quill`)

// Whatever operation somebody calls, an answer shows nothing of contacts that is masked for the
// role, and everything of them to who may see it.
func TestWhatIsMaskedIsInNoAnswer(t *testing.T) {
	s := newServerOn(t, storetest.NewestSQLite(t))
	w := &walk{server: s, raw: openRaw(t, s.dsn), asked: map[string]int{}}
	w.own = w.fill(presenting(adminKey), s.account, "apple")
	w.work()
	s.ok("POST", "/v1/properties", `{"key":"birthplace","type":"text"}`)
	s.ok("PATCH", "/v1/contacts/"+w.own["contact_id"], `{"name":"Ada Quill quill","last_name":"quill","attributes":{"birthplace":"quill town"}}`)
	s.ok("POST", "/v1/messages", put(`{"channel_id":@channel_id,"contact_id":@contact_id,"content":{"subject":"Hi","text":"{{ contact.last_name }}"}}`, w.own))
	reply := providers.Reply{ID: "quill", From: "apple.one@example.org", Text: "I am quill", Parts: providers.ReplyParts{
		Location: &providers.Location{Latitude: 52.23456123, Name: "quill's", Address: "2 quill lane", URL: "https://quill.example.org"}}}
	pressed := providers.Reply{ID: "button", From: reply.From, Text: "yes", Parts: providers.ReplyParts{
		Button: &providers.ReplyOption{ID: "quill_1", Title: "I am quill"}}}
	sent := providers.Reply{ID: "media", From: reply.From, Text: "x", Parts: providers.ReplyParts{
		Media: &providers.ReplyFile{Type: providers.Image, Caption: "quill", Filename: "quill.jpg"}}}
	channels, err := s.store.AllChannels(t.Context())
	require.NoError(t, err)
	_, err = s.Replies.Take(t.Context(), channels[0], []providers.Reply{reply, pressed, sent})
	require.NoError(t, err)
	w.work()

	type place struct {
		method, path string
		op           *huma.Operation
	}
	var places []place
	s.operations(func(method, path string, op *huma.Operation) {
		looks := method == http.MethodGet || strings.HasPrefix(op.OperationID, "preview-") || strings.HasPrefix(op.OperationID, "simulate-") ||
			slices.Contains([]string{"search-contacts", "export-contacts", "render-template"}, op.OperationID)
		if strings.HasPrefix(path, "/v1/") && looks && op.OperationID != "stream-events" {
			places = append(places, place{method, path, op})
		}
	})
	shown := func(role access.Role) (showing []string) {
		for _, p := range places {
			path := w.path(p.path, w.own) + required(p.op, w.own)
			bodies := bodiesOf[p.op.OperationID]
			if len(bodies) == 0 {
				bodies = []string{""}
			}
			for _, b := range bodies {
				body := ""
				if p.method != http.MethodGet {
					body = put(b, w.own)
				}
				answer := s.do(p.method, path, body, as(role)...)
				require.Less(t, answer.Code, 500, "%s %s: %s", p.method, path, answer.Body)
				if found := personalOfApple.FindString(answer.Body.String()); answer.Code < 300 && found != "" {
					showing = append(showing, p.op.OperationID+": "+found)
				}
			}
		}
		return showing
	}
	mask := func(masks string) {
		var settings api.AccountSettings
		answer := s.do("PATCH", "/v1/settings", `{"masked":`+masks+`}`)
		require.Equal(t, 200, answer.Code, answer.Body)
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &settings))
		require.NotNil(t, settings.Masked)
	}
	open := shown(access.Viewer)
	require.Greater(t, len(open), 15, "the walk finds people where nothing is masked: %v", open)
	everything := shown(access.Admin)

	mask(`{"addresses":"editor","names":"editor","attributes":"editor"}`)
	require.Empty(t, shown(access.Viewer))
	require.Empty(t, shown(access.Sender))
	require.NotEmpty(t, shown(access.Editor), "who may see it sees it")
	mask(`{"addresses":"admin","names":"admin","attributes.birthplace":"admin","attributes":"admin"}`)
	require.Empty(t, shown(access.Editor))
	require.Len(t, shown(access.Admin), len(everything), "admins see all")
}

func TestOneAttributeIsMasked(t *testing.T) {
	s := newServer(t)
	s.ok("POST", "/v1/properties", `{"key":"birthday","type":"text"}`)
	s.ok("POST", "/v1/properties", `{"key":"plan","type":"text"}`)
	s.ok("POST", "/v1/contacts", `{"first_name":"Ada","addresses":{"email":"ada@example.org"},"attributes":{"birthday":"12-10","plan":"gold"}}`)
	s.ok("PATCH", "/v1/settings", `{"masked":{"attributes.birthday":"admin"}}`)
	attributes := func(role access.Role) any { return s.ok("GET", "/v1/contacts/1", "", as(role)...)["attributes"] }
	require.Equal(t, map[string]any{"birthday": api.Masked, "plan": "gold"}, attributes(access.Editor))
	require.Equal(t, map[string]any{"birthday": "12-10", "plan": "gold"}, attributes(access.Admin))
	require.Equal(t, "Ada", s.ok("GET", "/v1/contacts/1", "", as(access.Viewer)...)["first_name"])
	changed := s.ok("PATCH", "/v1/contacts/1", `{"attributes":{"birthday":"12-11"}}`, as(access.Editor)...)
	require.Equal(t, api.Masked, changed["attributes"].(map[string]any)["birthday"], "an answer to a change is masked, too")

	for field, body := range map[string]string{
		"attributes.birthday": `{"attributes":{"birthday":"•••","plan":"gold"}}`, "first_name": `{"first_name":"•••"}`,
		"addresses.email": `{"addresses":{"email":"•••"}}`,
	} {
		answer := s.do("PATCH", "/v1/contacts/1", body, as(access.Editor)...)
		require.Equal(t, 422, answer.Code, answer.Body)
		require.Contains(t, answer.Body.String(), "body."+field, "what was read is not written back over the value")
	}
	channel := s.channel()
	s.campaign(channel, "")
	const test = `{"to":"eve@example.org"}`
	require.Equal(t, 403, s.do("POST", "/v1/campaigns/1/test", test, as(access.Editor)...).Code, "a test would show a contact to any address")
	require.Equal(t, 202, s.do("POST", "/v1/campaigns/1/test", test).Code)

	export := func(role access.Role) string {
		answer := s.do("POST", "/v1/contacts/export.csv", `{"audience":{"all":true}}`, as(role)...)
		require.Equal(t, 200, answer.Code, answer.Body)
		return answer.Body.String()
	}
	require.Contains(t, export(access.Admin), "attributes.birthday,attributes.plan")
	require.Contains(t, export(access.Admin), "12-11,gold")
	require.NotContains(t, export(access.Editor), "birthday", "the column is left out: a file with masks in it could be imported again")
	require.Contains(t, export(access.Editor), "gold")
	s.ok("PATCH", "/v1/settings", `{"masked":{}}`)
	require.Equal(t, "12-11", attributes(access.Viewer).(map[string]any)["birthday"])
	require.Equal(t, 202, s.do("POST", "/v1/campaigns/1/test", test, as(access.Editor)...).Code)

	for masked, says := range map[string]string{
		`{"shoe":"editor"}`:            "is no field",
		`{"attributes.":"editor"}`:     "is no field",
		`{"addresses":"viewer"}`:       "editor or admin",
		`{"attributes.plan":"nobody"}`: "editor or admin",
	} {
		answer := s.do("PATCH", "/v1/settings", `{"masked":`+masked+`}`)
		require.Equal(t, 422, answer.Code, "%s: %s", masked, answer.Body)
		require.Contains(t, answer.Body.String(), says)
	}
}
