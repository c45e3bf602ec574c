package chatapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api/compat/chatapi"
	"carillon/api/gate"
	"carillon/internal/secret"
	"carillon/internal/testenv"
	"carillon/messages"
	"carillon/services/servicestest"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// server is the dialect over real services.
type server struct {
	*servicestest.Fixture
	t       testing.TB
	handler http.Handler
	log     bytes.Buffer
	woken   int
}

func newServer(t testing.TB) *server {
	s := &server{Fixture: servicestest.New(t), t: t}
	for _, role := range access.Roles() {
		_, err := s.Store.AddKey(t.Context(), access.Key{AccountID: s.Account, Name: string(role), Role: role}, secret.New(string(role)+"-key-0123456789"))
		require.NoError(t, err)
	}
	logger := slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	limits := gate.NewLimits(0, 1, s.Clock)
	s.handler = chatapi.New(s.Services, func() { s.woken++ }, s.Clock, func(d gate.Dialect) *gate.Gate {
		return gate.New(gate.Deps{
			Dialect: d, API: "chatapi", Keys: s.Keys, Answers: s.Store, Limits: limits, MaxBodyBytes: 4 << 10, LargeBody: "the bound", Clock: s.Clock, Logger: logger,
		})
	})
	return s
}

// as asks as a role; path stands behind the instance of the channel for texts.
func (s *server) as(role access.Role, method, call, body string) *httptest.ResponseRecorder {
	s.t.Helper()
	call, query, _ := strings.Cut(call, "?")
	address := fmt.Sprintf("/instance%d/%s?token=%s-key-0123456789&%s", s.Text.ID, call, role, query)
	r := httptest.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(body))
	if !strings.HasPrefix(body, "{") {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// ok asks as a sender, and requires that it is answered.
func (s *server) ok(method, call, body string) (answer map[string]any) {
	s.t.Helper()
	w := s.as(access.Sender, method, call, body)
	require.Equal(s.t, http.StatusOK, w.Code, w.Body.String())
	require.Equal(s.t, "no-store", w.Header().Get("Cache-Control"))
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &answer))
	return answer
}

// L20 of the document, and what clients look for.
func TestATokenIsNeeded(t *testing.T) {
	s := newServer(t)
	for _, query := range []string{"", "?token=", "?token=nothing"} {
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("/instance%d/status%s", s.Text.ID, query), nil))
		require.Equal(t, 401, w.Code)
		require.JSONEq(t, `{"error":"Wrong token. Please provide token as a GET parameter."}`, w.Body.String())
	}
	require.Equal(t, 403, s.as(access.Admin, "GET", "status", "").Code, "an administrator's key is not for addresses")
	require.Equal(t, 403, s.as(access.Viewer, "GET", "status", "").Code)
	require.Equal(t, 403, s.as(access.Sender, "GET", "clearMessagesQueue", "").Code, "a sender clears nothing")
	require.Equal(t, 404, s.as(access.Sender, "GET", "nothing", "").Code)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/instance99999999/status?token=sender-key-0123456789", nil))
	require.Equal(t, 404, w.Code)
	require.Contains(t, w.Body.String(), `"error"`)
	require.NotContains(t, s.log.String(), "key-0123456789", "tokens never reach the log")
}

func TestStatus(t *testing.T) {
	s := newServer(t)
	require.Equal(t, map[string]any{"accountStatus": "authenticated"}, s.ok("GET", "status?full=1", ""))
	_, err := s.Channels.Pause(t.Context(), s.Account, s.Text.ID, "ada")
	require.NoError(t, err)
	require.Equal(t, map[string]any{"accountStatus": "loading"}, s.ok("GET", "status", ""))
}

// said is what a message says.
func (s *server) said(id float64) (to, text string) {
	s.t.Helper()
	m, err := s.Messages.Get(s.t.Context(), s.Account, int64(id))
	require.NoError(s.t, err)
	content, err := s.Messages.Content(s.t.Context(), m)
	require.NoError(s.t, err)
	return m.Address, content.Text
}

// L66 to 90, in every way in which clients send it.
func TestSendMessage(t *testing.T) { servicestest.Each(t, messagesAreSent) }

func messagesAreSent(t *testing.T) {
	s := newServer(t)
	const body = `Hello, {{ world }}! 🍏 {% endraw %} <b> "x"`
	for name, of := range map[string]struct{ method, call, body string }{
		"JSON":                  {"POST", "sendMessage", `{"phone":"17472822486","body":` + quoted(body) + `,"mentionedPhones":["1"]}`},
		"a number":              {"POST", "sendMessage", `{"phone":17472822486,"body":` + quoted(body) + `}`},
		"a chat":                {"POST", "message", `{"chatId":"17472822486@c.us","phone":null,"body":` + quoted(body) + `}`},
		"a form":                {"POST", "message", "phone=%2B17472822486&body=" + escaped(body)},
		"JSON by GET, as erxes": {"GET", "sendMessage", `{"phone":"17472822486","body":` + quoted(body) + `}`},
		"a query":               {"GET", "sendMessage?phone=17472822486&body=" + escaped(body), ""},
	} {
		answer := s.ok(of.method, of.call, of.body)
		require.Equal(t, true, answer["sent"], name)
		require.Equal(t, "Sent to 17472822486@c.us", answer["message"], name)
		number := answer["queueNumber"].(float64)
		require.Equal(t, fmt.Sprintf("true_17472822486@c.us_3EB0%016X", int64(number)), answer["id"], name)
		to, text := s.said(number)
		require.Equal(t, "+17472822486", to, name)
		require.Equal(t, body, text, "%s: what is sent is no template", name)
	}
	require.Equal(t, 6, s.woken)
}

func quoted(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

func escaped(text string) string {
	return strings.NewReplacer("%", "%25", " ", "+", "{", "%7B", "}", "%7D", "🍏", "%F0%9F%8D%8F", "<", "%3C", ">", "%3E", `"`, "%22").Replace(text)
}

// What can't be sent is answered as clients know it: with 200, and why.
func TestWhatIsNotSent(t *testing.T) {
	s := newServer(t)
	for body, why := range map[string]string{
		`{"phone":"17472822486","chatId":"17472822486@c.us","body":"x"}`: "either phone or chatId",
		`{"body":"x"}`:                                        "phone or chatId",
		`{"phone":"17472822486"}`:                             "say what to send",
		`{"phone":"17-CALL-ME","body":"x"}`:                   "9 to 14 digits",
		`{"phone":"12345678","body":"x"}`:                     "9 to 14 digits",
		`{"chatId":"17472822486-1479621234@g.us","body":"x"}`: "is a group",
		`{"chatId":"somebody","body":"x"}`:                    "17472822486@c.us",
		`{"phone":["1"],"body":"x"}`:                          "must be a text",
		`{"phone":"17472822486","body":"x"`:                   "no JSON object",
		`["x"]`:                                               "an object",
		`{"phone":"17472822486","body":"x"} y`:                "behind",
		`{"phone":"17472822486","body":"` + strings.Repeat("x", 5000) + `"}`: "",
	} {
		answer := s.ok("POST", "sendMessage", body)
		require.Equal(t, false, answer["sent"], body)
		require.Contains(t, answer["message"], why, body)
		require.NotContains(t, answer, "id")
	}
	require.Zero(t, s.woken)
	list, err := s.Messages.List(t.Context(), messages.MessageFilter{AccountID: s.Account, Limit: 10})
	require.NoError(t, err)
	require.Empty(t, list)
}

// L92 to 116: a file by its address.
func TestSendFile(t *testing.T) {
	s := newServer(t)
	answer := s.ok("POST", "sendFile", `{"chatId":"17472822486@c.us","body":"https://example.org/cover.jpg","filename":"cover.jpg","caption":"The {{ cover }}"}`)
	require.Equal(t, true, answer["sent"], answer)
	m, err := s.Messages.Get(t.Context(), s.Account, int64(answer["queueNumber"].(float64)))
	require.NoError(t, err)
	content, err := s.Messages.Content(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, "The {{ cover }}", content.Text)
	require.Equal(t, "https://example.org/cover.jpg", content.Attachment.URL)
	for body, why := range map[string]string{
		`{"phone":"17472822486","body":"https://example.org/cover.jpg"}`:                    "filename",
		`{"phone":"17472822486","body":"cover.jpg","filename":"a"}`:                         "give the file",
		`{"phone":"17472822486","body":"data:image/png;base64,%%","filename":"a"}`:          "not in base64",
		`{"phone":"17472822486","body":"data:image/png;base64,","filename":"a"}`:            "is empty",
		`{"phone":"17472822486","body":"data:,hello","filename":"a"}`:                       "in base64",
		`{"body":"https://example.org/cover.jpg","filename":"a","caption":"x"}`:             "phone or chatId",
		`{"phone":"17472822486","body":"ftp://example.org/a","filename":"a","caption":"x"}`: "attachment.url",
	} {
		answer := s.ok("POST", "sendFile", body)
		require.Equal(t, false, answer["sent"], body)
		require.Contains(t, answer["message"], why, body)
	}
}

// L247 to 277.
func TestTheQueueIsShownAndCleared(t *testing.T) {
	s := newServer(t)
	require.Equal(t, map[string]any{"totalMessages": 0., "first100": []any{}}, s.ok("GET", "showMessagesQueue", ""))
	first := s.ok("POST", "sendMessage", `{"phone":"17472822486","body":"Hello world"}`)["queueNumber"]
	second := s.ok("POST", "sendMessage", `{"phone":"17472822487","body":"Hello again"}`)["queueNumber"]
	require.Equal(t, map[string]any{"totalMessages": 2., "first100": []any{
		map[string]any{"id": first, "body": "Hello world", "type": "text", "chatId": "17472822486@c.us", "last_try": 0., "metadata": "{}"},
		map[string]any{"id": second, "body": "Hello again", "type": "text", "chatId": "17472822487@c.us", "last_try": 0., "metadata": "{}"},
	}}, s.ok("GET", "showMessagesQueue", ""))

	for _, method := range []string{"HEAD", "POST", "DELETE"} {
		w := s.as(access.Editor, method, "clearMessagesQueue", "")
		require.Equal(t, http.StatusMethodNotAllowed, w.Code, "%s clears nothing", method)
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	}
	w := s.as(access.Editor, "GET", "clearMessagesQueue", "")
	require.JSONEq(t, `{"message":"Cleared 2 messages","messageTextsExample":["Hello world","Hello again"]}`, w.Body.String())
	w = s.as(access.Editor, "GET", "clearMessagesQueue", "")
	require.JSONEq(t, `{"message":"Cleared 0 messages","messageTextsExample":[]}`, w.Body.String())
	require.Equal(t, map[string]any{"totalMessages": 0., "first100": []any{}}, s.ok("GET", "showMessagesQueue", ""))
	trail, err := s.Trail.List(t.Context(), access.AuditQuery{AccountID: s.Account, Limit: 10})
	require.NoError(t, err)
	require.Equal(t, []any{"clear-queue", fmt.Sprintf("channel %d", s.Text.ID)}, []any{trail[1].Action, trail[1].Target})
}
