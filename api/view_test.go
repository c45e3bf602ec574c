package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/messages"
)

// A message is shown as its run made it: with the feed that is kept, whatever the far end
// says now.
func TestAMessageIsSeenInABrowser(t *testing.T) {
	s := newServer(t)
	var edition atomic.Int64
	feed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"edition":"No. %d"}`, edition.Add(1))
	}))
	t.Cleanup(feed.Close)
	channel := s.channel()
	ada := s.contact("Ada <b>", "ada@example.org")
	campaign := s.campaign(channel, fmt.Sprintf(`,"feed":{"url":%q}`, feed.URL))
	shown := s.ok("GET", fmt.Sprintf("/v1/campaigns/%d", campaign), "")
	require.Equal(t, map[string]any{"url": feed.URL}, shown["feed"])
	s.ok("PATCH", fmt.Sprintf("/v1/campaigns/%d", campaign), `{"content":{"subject":"{{ feed.edition }}",
		"html":"<p>{{ contact.first_name }}: {{ feed.edition }} of {{ campaign.name }}, {{ run.id }}</p><a href=\"{{ view_url }}\">in a browser</a>"}}`)
	s.ok("POST", fmt.Sprintf("/v1/campaigns/%d/start", campaign), "")
	services := s.over(s.store)
	plan := func() {
		_, err := s.store.PlanBatch(t.Context(), 1, 100)
		require.NoError(t, err)
		_, err = services.DataFeeds.RunNext(t.Context())
		require.NoError(t, err)
	}
	plan()
	plan()
	run := s.ok("GET", "/v1/runs/1", "")
	require.Equal(t, true, run["feed"].(map[string]any)["kept"])

	tokens := messages.NewTokens(secret.NewRing(secret.New(masterKey)), messages.NewHosts("https://n.example.org"))
	address := tokens.Links(messages.Unsubscriber{AccountID: s.account, MessageID: 1}).ViewURL()
	page := strings.TrimPrefix(address, "https://n.example.org")
	look := func() *httptest.ResponseRecorder { return s.do("GET", page, "", "Authorization", "") }
	w := look()
	require.Equal(t, 200, w.Code, w.Body.String())
	require.Equal(t, `<p>Ada &lt;b&gt;: No. 1 of Spring, 1</p><a href="`+address+`">in a browser</a>`, w.Body.String())
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "sandbox")
	require.NotContains(t, w.Header().Get("Content-Security-Policy"), "allow-scripts")
	require.Equal(t, w.Body.String(), look().Body.String())
	require.Equal(t, int64(1), edition.Load())

	// The contact is as it is now; of one that is gone nothing is shown.
	s.ok("PATCH", fmt.Sprintf("/v1/contacts/%d", ada), `{"first_name":"Grace"}`)
	require.Contains(t, look().Body.String(), "Grace: No. 1")
	s.ok("DELETE", fmt.Sprintf("/v1/contacts/%d", ada), "")
	require.Equal(t, 404, look().Code)

	// A text is a page of its own, in which nothing is HTML.
	s.contact("Alan", "alan@example.org")
	texts := s.campaign(channel, "")
	s.ok("PATCH", fmt.Sprintf("/v1/campaigns/%d", texts), `{"content":{"subject":"a < b","text":"Hi {{ contact.first_name }} <script>",
		"buttons":[{"type":"link","caption":"Shop","info":"https://example.org/"}]}}`)
	s.ok("POST", fmt.Sprintf("/v1/campaigns/%d/start", texts), "")
	_, err := s.store.PlanBatch(t.Context(), 2, 100)
	require.NoError(t, err)
	list, err := s.store.ListMessages(t.Context(), messages.MessageFilter{AccountID: s.account, RunID: 2, Address: "alan@example.org"})
	require.NoError(t, err)
	page = strings.TrimPrefix(tokens.Links(messages.Unsubscriber{AccountID: s.account, MessageID: list[0].ID}).ViewURL(), "https://n.example.org")
	require.Contains(t, look().Body.String(), "<h1>a &lt; b</h1>")
	require.Contains(t, look().Body.String(), "Hi Alan &lt;script&gt;")
	require.Contains(t, look().Body.String(), "Shop: https://example.org/", "its buttons, too")

	for _, token := range []string{"x", strings.TrimPrefix(tokens.URL(messages.Unsubscriber{AccountID: s.account, MessageID: 1}), "https://n.example.org/u/"),
		strings.TrimPrefix(tokens.Links(messages.Unsubscriber{AccountID: s.account}).ViewURL(), "https://n.example.org/v/"),
		strings.TrimPrefix(tokens.Links(messages.Unsubscriber{AccountID: s.account + 1, MessageID: 1}).ViewURL(), "https://n.example.org/v/")} {
		require.Equal(t, 404, s.do("GET", "/v/"+token, "", "Authorization", "").Code, token)
	}
}
