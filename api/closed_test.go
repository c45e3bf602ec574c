package api_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/outgoing"
	"carillon/providers"
	"carillon/providers/fetch"
	"carillon/store/storetest"
)

// Nothing that waits in an account goes on while it is closed, whatever its time is, nobody outside is
// told or asked, and nobody signs in to it. If it is restored, all of that goes on: it was ready.
func TestNothingOfAClosedAccountGoesOn(t *testing.T) {
	for name, dsn := range map[string]func(testing.TB) string{"SQLite": storetest.NewestSQLite, "PostgreSQL": storetest.NewestPostgres} {
		t.Run(name, func(t *testing.T) { closeAndRestore(t, newServerOn(t, dsn(t))) })
	}
}

func closeAndRestore(t *testing.T, s *server) {
	w := &walk{server: s, raw: openRaw(t, s.dsn), asked: map[string]int{}}
	w.operator()
	w.raw.begin(firstOfB)
	other, _, err := s.store.CreateAccount(t.Context(), "strangers", secret.New(strangersKey+"-first"))
	require.NoError(t, err)
	_, err = s.store.AddKey(t.Context(), access.Key{AccountID: other.ID, Name: "okapi key", Role: access.Admin}, secret.New(strangersKey))
	require.NoError(t, err)
	w.raw.number(other.ID, firstOfB)
	var asked atomic.Int64
	outside := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		answer.Header().Set("Content-Type", "application/json")
		_, _ = answer.Write([]byte(`{"items":[]}`))
	}))
	t.Cleanup(outside.Close)
	f := filling{walk: w, header: presenting(strangersKey), made: w.fill(presenting(strangersKey), other.ID, "okapi")}
	f.waits(outside.URL)
	invited := f.send("POST", "/v1/invitations", `{"email":"okapi.bob@example.org","role":"viewer"}`)
	f.post("/v1/invitation/accept", fmt.Sprintf(`{"token":%q,"name":"Bob","password":%q}`, invited["token"], goodPassword))
	before := w.raw.rowsOf(idOfB)

	path := fmt.Sprintf("/v1/accounts/%d", other.ID)
	ada := s.in("okapi.bob@example.org")
	w.ok("DELETE", path+"?confirm=strangers&wait_hours=2000", "", presenting(operatorKey)...)
	require.Equal(t, http.StatusUnauthorized, ada.ask("GET", "/v1/session", "").Code, "a session of before is none any more")
	require.Equal(t, http.StatusForbidden, s.browser().signIn("okapi.bob@example.org", goodPassword, "").Code)
	provider, err := strconv.ParseInt(f.made["identity-providers"], 10, 64)
	require.NoError(t, err)
	_, err = s.store.SignInProvider(t.Context(), provider)
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	closed := w.raw.rowsOf(idOfB)
	s.clock.Advance(10 * 24 * time.Hour)
	w.chores()
	require.Equal(t, tell(closed), tell(w.raw.rowsOf(idOfB)), "nothing of it goes on")
	require.Zero(t, asked.Load(), "nobody is asked or told")

	w.ok("POST", path+"/restore", "", presenting(operatorKey)...)
	require.Equal(t, http.StatusOK, s.browser().signIn("okapi.bob@example.org", goodPassword, "").Code)
	w.chores()
	after := w.raw.rowsOf(idOfB)
	changed := map[string]bool{}
	for _, sides := range [][2][]string{{before, after}, {after, before}} {
		for _, row := range sides[0] {
			if _, there := slices.BinarySearch(sides[1], row); !there {
				table, _, _ := strings.Cut(row, " ")
				changed[table] = true
			}
		}
	}
	for _, table := range []string{
		"campaigns", "runs", "messages", "flow_sessions", "flow_calls", "run_feeds", "jobs", "uploads", "pulls", "webhook_deliveries", "account_settings",
	} {
		require.Contains(t, changed, table, "it waited, and goes on now")
	}
	require.GreaterOrEqual(t, asked.Load(), int64(3), "a webhook, the program of a flow, and a data feed")
}

// tell leaves out what says that sign-ins were refused, and when keys were used.
func tell(rows []string) []string {
	return slices.DeleteFunc(slices.Clone(rows), func(row string) bool {
		return strings.Contains(row, access.RefusedSignIn) || strings.HasPrefix(row, "audit_chains ")
	})
}

// waits leaves something of everything that waits for its time, or for a process, in an account.
func (f filling) waits(outside string) {
	f.t.Helper()
	content := `"channel_id":@channel_id,"audience":{"all":true},"content":{"subject":"Hello","text":"Hi"}`
	f.keep("later", "POST", "/v1/campaigns", `{"name":"okapi later",`+content+`}`)
	f.post("/v1/campaigns/@later/schedule", `{"at":"2026-03-02T09:00","timezone":"UTC"}`)
	f.keep("feeding", "POST", "/v1/campaigns", `{"name":"okapi feed","feed":{"url":"`+outside+`"},`+content+`}`)
	f.post("/v1/campaigns/@feeding/start", `{"now":true}`)
	f.plan() // it waits for its feed
	f.keep("unplanned", "POST", "/v1/campaigns", `{"name":"okapi unplanned",`+content+`}`)
	f.post("/v1/campaigns/@unplanned/start", `{"now":true}`)
	f.keep("published", "POST", "/v1/campaigns", `{"name":"okapi weather",`+content+`}`)
	f.post("/v1/campaigns/@published/publish", `{"keywords":["weather"]}`)
	list, err := f.store.AllChannels(f.t.Context())
	require.NoError(f.t, err)
	at := slices.IndexFunc(list, func(c providers.Channel) bool { return fmt.Sprint(c.ID) == f.made["channel_id"] })
	_, err = f.Replies.Take(f.t.Context(), list[at], []providers.Reply{{ID: "pull", From: "okapi.one@example.org", Text: "weather"}})
	require.NoError(f.t, err)
	f.post("/v1/properties", `{"key":"okapi_day","type":"date"}`)
	f.send("PATCH", "/v1/contacts/@contact_id", `{"attributes":{"okapi_day":"2026-03-02"}}`)
	f.keep("dated", "POST", "/v1/flows", `{"name":"okapi dated","channel_id":@channel_id,"triggers":[{"date":{"property":"okapi_day","time":"09:00"}}],
		"steps":[{"id":"over","kind":"end"}]}`)
	f.post("/v1/flows/@dated/start", "")
	f.keep("calling", "POST", "/v1/flows", `{"name":"okapi calling","channel_id":@channel_id,"steps":[{"id":"ask","kind":"call","call":{"url":"`+outside+`"}},
		{"id":"over","kind":"end"}]}`)
	f.post("/v1/flows/@calling/start", "")
	f.post("/v1/flows/@calling/enter", `{"contacts":[{"id":@contact_id}]}`)
	_, err = f.store.MoveFlows(f.t.Context())
	require.NoError(f.t, err)
	f.send("PATCH", "/v1/settings", `{"report_mail":{"channel_id":@channel_id,"to":["boss@example.org"],"weekly":true}}`)
	body, kind := upload("okapi-later.csv", "email,first_name\nokapi.five@example.org,Five\n")
	f.ok("POST", "/v1/contacts/import", body, append([]string{"Content-Type", kind}, f.header...)...)
	f.post("/v1/contacts/bulk", `{"action":"add","list":"okapi group","all":true}`)
	f.send("DELETE", "/v1/webhooks/@webhooks", "") // it is at an address that is nobody's here
	f.keep("telling", "POST", "/v1/webhooks", `{"url":"`+outside+`","events":["message.sent"]}`)
	f.post("/v1/webhooks/@telling/test", "")
}

// chores lets a leader do all that it does for accounts, until nothing is left.
func (w *walk) chores() {
	w.t.Helper()
	ctx := w.t.Context()
	poster := fetch.ForMany(providers.Dialer{AllowPrivate: true}).Within(2 * time.Second)
	defer poster.Close()
	teller := outgoing.New(w.store, outgoing.Way{Poster: poster}, w.clock, slog.New(slog.DiscardHandler))
	for range 5 {
		w.work()
		w.plan()
		_, err := w.store.EnterByDate(ctx)
		require.NoError(w.t, err)
		_, err = w.importer.RunNext(ctx)
		require.NoError(w.t, err)
		_, err = w.DataFeeds.RunNext(ctx)
		require.NoError(w.t, err)
		_, err = w.Campaigns.AnswerPulls(ctx)
		require.NoError(w.t, err)
		_, err = w.Calls.RunNext(ctx)
		require.NoError(w.t, err)
		_, err = w.Summaries.MailWeeks(ctx)
		require.NoError(w.t, err)
		_, err = teller.Pass(ctx)
		require.NoError(w.t, err)
		teller.Wait()
	}
}
