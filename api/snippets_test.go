package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

func TestSnippets(t *testing.T) {
	s := newServer(t)
	channel := s.channel()
	s.contact("Ada", "ada@example.org")
	content := func(text string) string {
		return fmt.Sprintf(`{"name":"Spring","channel_id":%d,"audience":{"all":true},"content":{"subject":"Hello","text":%q}}`, channel, text)
	}
	const footer = `{% render 'parts/footer', year: 2026 %}`
	golden(t, "snippets.txt", s.transcript(
		[]string{"POST", "/v1/campaigns", content("\n" + footer)},
		[]string{"POST", "/v1/snippets", `{"name":"parts/footer","text":"({{ year }} {{ contact.first_name }} {{ contact.firstname }})"}`},
		[]string{"POST", "/v1/snippets", `{"name":"parts/footer","text":"x"}`},
		[]string{"POST", "/v1/snippets", `{"name":"../x","text":"x"}`},
		[]string{"PUT", "/v1/snippets/wrong", `{"text":"x\n{{ 1 | shout }}"}`},
		[]string{"PUT", "/v1/snippets/wrong", `{"text":"{% render 'wrong' %}"}`},
		[]string{"GET", "/v1/snippets/wrong"},
		[]string{"PUT", "/v1/snippets/all", `{"text":"` + footer + `"}`},
		[]string{"GET", "/v1/snippets?limit=1"},
		[]string{"GET", "/v1/snippets?cursor=YWxs"},
		[]string{"GET", "/v1/snippets?cursor=x"},
		[]string{"GET", "/v1/snippets/parts%2Ffooter"},
		[]string{"PUT", "/v1/snippets/parts%2Ffooter", `{"text":"{% render 'all' %}"}`},
		[]string{"POST", "/v1/campaigns", content(footer)},
		[]string{"GET", "/v1/campaigns/1/preview"},
		[]string{"DELETE", "/v1/snippets/parts%2Ffooter"},
		[]string{"DELETE", "/v1/snippets/all"},
		[]string{"DELETE", "/v1/snippets/all"},
		[]string{"GET", "/v1/audit?limit=3"},
	))
	// A message is rendered with the snippets as they are.
	s.ok("PUT", "/v1/snippets/parts%2Ffooter", `{"text":"[{{ year }}]"}`)
	s.ok("POST", "/v1/messages", fmt.Sprintf(`{"channel_id":%d,"to":"bob@example.org","content":{"subject":"s","text":%q}}`, channel, footer))
	w := s.do("POST", "/v1/messages", fmt.Sprintf(`{"channel_id":%d,"to":"bob@example.org","content":{"subject":"s","text":"{%% render 'gone' %%}"}}`, channel))
	require.Equal(t, 422, w.Code)
	require.Contains(t, w.Body.String(), `there is no snippet \"gone\"`)
	// A campaign that is started keeps its words.
	s.ok("POST", "/v1/campaigns/1/start", `{}`)
	s.ok("PUT", "/v1/snippets/parts%2Ffooter", `{"text":"new words"}`)
	run, err := s.store.CampaignOfRun(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"parts/footer": "[{{ year }}]"}, run.Snippets)
	// 64 KiB and no more, however it is written.
	large := strings.Repeat("x", 60<<10)
	s.ok("PUT", "/v1/snippets/large", `{"text":"`+large+`"}`)
}

func TestWhoMaySeeAndSaveSnippets(t *testing.T) {
	s := newServer(t)
	for _, c := range []struct {
		method, path, body string
		allowed            []access.Role
	}{
		{"POST", "/v1/snippets", `{"name":"a","text":"x"}`, []access.Role{access.Admin, access.Editor}},
		{"PUT", "/v1/snippets/a", `{"text":"x"}`, []access.Role{access.Admin, access.Editor}},
		{"GET", "/v1/snippets", "", []access.Role{access.Admin, access.Editor, access.Viewer}},
		{"GET", "/v1/snippets/a", "", []access.Role{access.Admin, access.Editor, access.Viewer}},
		{"DELETE", "/v1/snippets/a", "", []access.Role{access.Admin, access.Editor}},
	} {
		for _, role := range access.Roles() {
			w := s.do(c.method, c.path, c.body, as(role)...)
			may := false
			for _, r := range c.allowed {
				may = may || r == role
			}
			require.Equal(t, !may, w.Code == 403, "%s %s as %s: %d", c.method, c.path, role, w.Code)
		}
	}
}
