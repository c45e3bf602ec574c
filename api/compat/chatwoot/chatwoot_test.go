package chatwoot_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api/compat/chatwoot"
	"carillon/api/gate"
	"carillon/internal/secret"
	"carillon/internal/testenv"
	"carillon/providers"
	"carillon/services/servicestest"
	"carillon/targeting"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// server is the dialect over real services, with an account in which nobody is yet.
type server struct {
	*servicestest.Fixture
	t          testing.TB
	handler    http.Handler
	log        bytes.Buffer
	woken      int
	whats, app providers.Channel
	role       access.Role
}

func newServer(t testing.TB) *server {
	s := &server{Fixture: servicestest.New(t), t: t, role: access.Editor}
	for _, person := range s.People {
		_, err := s.Contacts.Erase(t.Context(), s.Account, person.ID, false)
		require.NoError(t, err)
	}
	for _, role := range access.Roles() {
		_, err := s.Store.AddKey(t.Context(), access.Key{AccountID: s.Account, Name: string(role), Role: role}, secret.New(string(role)+"-key-0123456789"))
		require.NoError(t, err)
	}
	for name, to := range map[string]*providers.Channel{"whatsapp": &s.whats, "app": &s.app} {
		var err error
		*to, err = s.Channels.Create(t.Context(), providers.Channel{
			AccountID: s.Account, Name: name, Provider: name, Config: json.RawMessage(`{}`), Timezone: "UTC",
		}, "test")
		require.NoError(t, err)
	}
	logger := slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	limits := gate.NewLimits(0, 1, s.Clock)
	s.handler = chatwoot.New(s.Services, func() { s.woken++ }, s.Clock, func(d gate.Dialect) *gate.Gate {
		return gate.New(gate.Deps{
			Dialect: d, API: "chatwoot", Keys: s.Keys, Answers: s.Store, Limits: limits, MaxBodyBytes: 64 << 10, LargeBody: "the bound", Clock: s.Clock,
			Logger: logger,
		})
	})
	return s
}

// request asks with a body of any kind; path stands behind the account.
func (s *server) request(method, path, kind string, body io.Reader) *httptest.ResponseRecorder {
	s.t.Helper()
	if !strings.HasPrefix(path, "/api/") {
		path = fmt.Sprintf("/api/v1/accounts/%d/%s", s.Account, path)
	}
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, body)
	r.Header.Set("Content-Type", kind)
	r.Header["api_access_token"] = []string{string(s.role) + "-key-0123456789"}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// ask asks with JSON and requires a status; the answer is its body.
func (s *server) ask(status int, method, path string, body any) (answer any) {
	s.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(s.t, err)
	if body == nil {
		text = nil
	}
	return s.answer(status, s.request(method, path, "application/json", bytes.NewReader(text)))
}

func (s *server) answer(status int, w *httptest.ResponseRecorder) (answer any) {
	s.t.Helper()
	require.Equal(s.t, status, w.Code, w.Body.String())
	require.Equal(s.t, "no-store", w.Header().Get("Cache-Control"))
	if w.Body.Len() > 0 && strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &answer))
	}
	return answer
}

// made asks for something to be made, and returns the object at a place of the answer.
func (s *server) made(path string, body any, at ...string) map[string]any {
	s.t.Helper()
	return in(s.t, s.ask(200, "POST", path, body), at...)
}

// in is the object at a place.
func in(t testing.TB, value any, at ...string) map[string]any {
	t.Helper()
	for _, name := range at {
		require.IsType(t, map[string]any{}, value)
		value = value.(map[string]any)[name]
	}
	require.IsType(t, map[string]any{}, value, at)
	return value.(map[string]any)
}

type m = map[string]any

// What there is to say of tokens.
func TestATokenIsNeeded(t *testing.T) {
	s := newServer(t)
	ask := func(header, token string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("/api/v1/accounts/%d/contacts", s.Account), nil)
		if header != "" {
			r.Header[header] = []string{token}
		}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		return w
	}
	require.JSONEq(t, `{"errors":["You need to sign in or sign up before continuing."]}`, ask("", "").Body.String())
	w := ask("api_access_token", "nothing")
	require.Equal(t, 401, w.Code)
	require.JSONEq(t, `{"error":"Invalid Access Token"}`, w.Body.String())
	for _, header := range []string{"api_access_token", "Api-Access-Token"} {
		require.Equal(t, 200, ask(header, "viewer-key-0123456789").Code, header)
	}
	require.Equal(t, 200, ask("Authorization", "Bearer viewer-key-0123456789").Code, "clients send that beside")
	require.NotContains(t, s.log.String(), "key-0123456789", "tokens never reach the log")

	s.role = access.Viewer
	refused := m{"error": "You are not authorized to do this action"}
	require.Equal(t, refused, s.ask(401, "POST", "contacts", m{"name": "x"}), "a viewer looks")
	s.role = access.Sender
	s.ask(200, "POST", "contacts", m{"name": "x"})
	for _, call := range []string{"GET campaigns", "POST labels", "GET webhooks", "DELETE contacts/1", "POST contacts/import", "POST contacts/export",
		"POST custom_attribute_definitions", "GET /api/v2/accounts/1/reports"} {
		method, path, _ := strings.Cut(call, " ")
		require.Equal(t, refused, s.ask(401, method, path, nil), call)
	}
	s.role = access.Admin
	require.Equal(t, m{"error": "You are not authorized to access this account"}, s.ask(401, "GET", "/api/v1/accounts/99/contacts", nil))
	for _, path := range []string{"contacts/99", "nothing", "contacts/0", "contacts/x", "campaigns/99", "labels/99", "conversations/99", "webhooks/99",
		"custom_attribute_definitions/99", "custom_filters/99", "inboxes/99"} {
		require.Equal(t, m{"error": "Resource could not be found"}, s.ask(404, "GET", path, nil), path)
	}
	require.Equal(t, m{"error": "param is missing or the value is empty: webhook"}, s.ask(422, "POST", "webhooks", m{}))
}

func TestLabels(t *testing.T) {
	s := newServer(t)
	vip := s.made("labels", m{"title": "VIP", "description": "very", "color": "#FF0000"})
	require.Equal(t, m{"id": vip["id"], "title": "vip", "description": "very", "color": "#ff0000", "show_on_sidebar": true}, vip)
	news := s.made("labels", m{"label": m{"title": "news"}})
	require.Equal(t, "#1f93ff", news["color"])
	require.Equal(t, m{"message": "Title has already been taken", "attributes": []any{"title"}}, s.ask(422, "POST", "labels", m{"title": "Vip"}))
	require.Contains(t, in(t, s.ask(422, "POST", "labels", m{"title": " "}))["message"], "Title must not be blank")
	require.Equal(t, "hot", in(t, s.ask(200, "PUT", fmt.Sprintf("labels/%v", vip["id"]), m{"title": "Hot"}))["title"])
	require.Len(t, in(t, s.ask(200, "GET", "labels/", nil))["payload"], 2, "a slash at the end is nothing")
	s.ask(200, "DELETE", fmt.Sprintf("labels/%v", vip["id"]), nil)
	s.ask(404, "GET", fmt.Sprintf("labels/%v", vip["id"]), nil)
}

func TestDefinitions(t *testing.T) {
	s := newServer(t)
	seats := s.made("custom_attribute_definitions", m{"attribute_display_name": "Seats", "attribute_display_type": 1, "attribute_key": "seats",
		"attribute_model": 1})
	require.Equal(t, "number", seats["attribute_display_type"])
	require.Equal(t, "contact_attribute", seats["attribute_model"])
	require.Equal(t, []any{}, seats["attribute_values"])
	require.Nil(t, seats["default_value"])
	plan := s.made("custom_attribute_definitions", m{"custom_attribute_definition": m{
		"attribute_display_name": "Plan", "attribute_display_type": "list", "attribute_key": "Plan-2.x", "attribute_model": "contact_attribute",
		"attribute_values": []string{"gold", "silver"},
	}})
	require.Equal(t, []any{"gold", "silver"}, plan["attribute_values"])
	require.Equal(t, "conversation_attribute", s.made("custom_attribute_definitions",
		m{"attribute_display_name": "Topic", "attribute_display_type": 0, "attribute_key": "topic"})["attribute_model"], "which is the default")
	for body, message := range map[string]string{
		`{"attribute_display_name":"N","attribute_display_type":0,"attribute_key":"email","attribute_model":1}`: "Attribute key The provided key is " +
			"not allowed as it might conflict with default attributes.",
		`{"attribute_display_name":"S","attribute_display_type":1,"attribute_key":"seats","attribute_model":1}`:        "Attribute key has already been taken",
		`{"attribute_display_name":"S","attribute_display_type":99,"attribute_key":"x","attribute_model":1}`:           "'99' is not a valid attribute_display_type",
		`{"attribute_display_name":"S","attribute_display_type":"text","attribute_key":"a b","attribute_model":1}`:     "Attribute key is invalid",
		`{"attribute_display_name":"S","attribute_display_type":1,"attribute_key":"` + strings.Repeat("ä", 256) + `"}`: "Attribute key is invalid",
	} {
		require.Equal(t, message, in(t, s.ask(422, "POST", "custom_attribute_definitions", json.RawMessage(body)))["message"], body)
	}
	require.Equal(t, "Chairs", in(t, s.ask(200, "PATCH", fmt.Sprintf("custom_attribute_definitions/%v", seats["id"]),
		m{"attribute_display_name": "Chairs"}))["attribute_display_name"])

	// Values of a definition are those of a property, also where their key can be none.
	ada := s.made("contacts", m{"name": "Ada", "email": "ada@example.org", "custom_attributes": m{"Plan-2.x": "gold", "seats": "12", "free": m{"a": 1}}},
		"payload", "contact")
	require.Equal(t, m{"Plan-2.x": "gold", "seats": 12., "free": m{"a": 1.}}, ada["custom_attributes"])
	list := s.ask(200, "GET", "custom_attribute_definitions?attribute_model=1", nil)
	require.Len(t, list, 2)
	s.ask(204, "DELETE", fmt.Sprintf("custom_attribute_definitions/%v", plan["id"]), nil)
	require.Equal(t, m{"seats": 12., "free": m{"a": 1.}}, in(t, s.ask(200, "GET", fmt.Sprintf("contacts/%v", ada["id"]), nil), "payload")["custom_attributes"])
}

func TestContacts(t *testing.T) { servicestest.Each(t, contactsAreKept) }

func contactsAreKept(t *testing.T) {
	s := newServer(t)
	answer := s.made("contacts", m{
		"inbox_id": s.whats.ID, "name": "Ada", "email": "Ada@Example.org", "phone_number": "+4915112345671", "identifier": "crm-1",
		"additional_attributes": m{"city": "London", "country_code": "GB", "source": "shop"}, "custom_attributes": m{"plan": "Gold"},
	}, "payload")
	ada := in(t, answer, "contact")
	require.Equal(t, "4915112345671", in(t, answer, "contact_inbox")["source_id"])
	require.Equal(t, "ada@example.org", ada["email"])
	require.Equal(t, m{"city": "London", "country_code": "GB", "source": "shop"}, ada["additional_attributes"])
	require.Equal(t, false, ada["blocked"])
	require.NotContains(t, ada, "last_activity_at")
	require.Len(t, ada["contact_inboxes"], 3, "by mail, phone and WhatsApp")
	id := fmt.Sprintf("contacts/%v", ada["id"])

	edsger := in(t, s.answer(200, s.request("POST", "contacts", "application/x-www-form-urlencoded",
		strings.NewReader(url.Values{"name": {"Edsger"}, "phone_number": {"+31201234567"}, "additional_attributes[city]": {"Amsterdam"}}.Encode()))),
		"payload", "contact")
	require.Nil(t, edsger["email"])
	require.Equal(t, m{"city": "Amsterdam"}, edsger["additional_attributes"])
	anon := s.made("contacts", m{"name": "Anonyma"}, "payload", "contact")

	for body, want := range map[string]m{
		`{"email":"ADA@example.org"}`:     {"message": "Email has already been taken", "attributes": []any{"email"}},
		`{"identifier":"crm-1"}`:          {"message": "Identifier has already been taken", "attributes": []any{"identifier"}},
		`{"phone_number":"+31201234567"}`: {"message": "Phone number has already been taken", "attributes": []any{"phone_number"}},
		`{"phone_number":"0201234567","email":"x"}`: {"message": "Email Invalid email, Phone number should be in e164 format",
			"attributes": []any{"email", "phone_number"}},
		`{"name":"` + strings.Repeat("x", 256) + `"}`: {"message": "Name is too long (maximum is 255 characters)", "attributes": []any{"name"}},
	} {
		require.Equal(t, want, s.ask(422, "POST", "contacts", json.RawMessage(body)), body)
	}
	s.ask(404, "POST", "contacts", m{"name": "x", "inbox_id": 99})

	changed := in(t, s.ask(200, "PUT", id, m{"name": "Ada L.", "custom_attributes": m{"renewed": "2026-03-01"}, "blocked": true, "email": nil}), "payload")
	require.Equal(t, m{"plan": "Gold", "renewed": "2026-03-01"}, changed["custom_attributes"], "attributes are merged")
	require.Equal(t, true, changed["blocked"])
	require.Nil(t, changed["email"])
	require.Equal(t, m{"plan": "Gold"}, in(t, s.ask(200, "POST", id+"/destroy_custom_attributes", m{"custom_attributes": []string{"renewed"}}),
		"payload")["custom_attributes"])
	require.Equal(t, m{"payload": []any{"vip", "new"}}, s.ask(200, "POST", id+"/labels", m{"labels": []string{"VIP", "new"}}))
	require.Equal(t, m{"payload": []any{"new"}}, s.ask(200, "POST", id+"/labels", m{"labels": []string{"new"}}))
	require.Equal(t, m{"payload": []any{"new"}}, s.ask(200, "GET", id+"/labels", nil))

	all := s.ask(200, "GET", "contacts?sort=-name", nil)
	require.Equal(t, m{"count": 2., "current_page": 1.}, in(t, all, "meta"), "who can't be reached is not in it")
	require.Equal(t, []any{edsger["id"], ada["id"]}, ids(t, all))
	require.Equal(t, []any{ada["id"]}, ids(t, s.ask(200, "GET", "contacts?labels[]=new", nil)))
	require.Empty(t, ids(t, s.ask(200, "GET", "contacts?labels[]=none", nil)))
	require.Equal(t, m{"count": 2., "current_page": "2"}, in(t, s.ask(200, "GET", "contacts?page=2", nil), "meta"))
	found := s.ask(200, "GET", "contacts/search?q=NONYM", nil)
	require.Equal(t, []any{anon["id"]}, ids(t, found))
	require.Equal(t, m{"count": 1., "current_page": 1., "has_more": false}, in(t, found, "meta"))
	s.ask(422, "GET", "contacts/search", nil)

	s.ask(200, "DELETE", id, nil)
	s.ask(404, "GET", id, nil)
	again := s.made("contacts", m{"name": "Ada again", "phone_number": "+4915112345671"}, "payload", "contact")
	require.Equal(t, "Ada again", again["name"], "who was deleted can be made anew")

	// One number is for all that goes to phones, and can be taken away.
	kept, err := s.Contacts.Get(t.Context(), s.Account, int64(again["id"].(float64)))
	require.NoError(t, err)
	require.Equal(t, map[providers.AddressKind]string{providers.Phone: "+4915112345671", providers.SMS: "+4915112345671",
		providers.WhatsApp: "+4915112345671"}, kept.Addresses)
	gone := in(t, s.ask(200, "PATCH", fmt.Sprintf("contacts/%v", again["id"]), m{"phone_number": ""}), "payload")
	require.Nil(t, gone["phone_number"])
}

// ids are those of an answer's payload, in their order.
func ids(t testing.TB, answer any) (list []any) {
	t.Helper()
	payload, ok := in(t, answer)["payload"].([]any)
	require.True(t, ok, answer)
	for _, item := range payload {
		list = append(list, in(t, item)["id"])
	}
	return list
}

// people makes the contacts that filters are asked about.
func (s *server) people() (names map[any]string) {
	for _, d := range []m{
		{"attribute_display_name": "Plan", "attribute_display_type": "list", "attribute_key": "plan", "attribute_model": 1, "attribute_values": []string{"gold"}},
		{"attribute_display_name": "Seats", "attribute_display_type": "number", "attribute_key": "seats", "attribute_model": 1},
		{"attribute_display_name": "Renewed", "attribute_display_type": "date", "attribute_key": "renewed", "attribute_model": 1},
		{"attribute_display_name": "Active", "attribute_display_type": "checkbox", "attribute_key": "active", "attribute_model": 1},
	} {
		s.made("custom_attribute_definitions", d)
	}
	names = map[any]string{}
	for name, body := range map[string]m{
		"ada": {"email": "ada@example.org", "phone_number": "+4915112345671", "identifier": "crm-1",
			"additional_attributes": m{"city": "London", "country_code": "GB", "company_name": "Analytical"}, "custom_attributes": m{"plan": "Gold",
				"seats": 12, "active": true}},
		"grace": {"email": "grace@example.org", "phone_number": "+12025550111", "identifier": "crm-2",
			"additional_attributes": m{"country_code": "US", "company_name": "Navy"},
			"custom_attributes":     m{"plan": "silver", "seats": "3", "renewed": "2026-01-31T00:00:00Z"}},
		"edsger": {"phone_number": "+31201234567", "additional_attributes": m{"city": "Amsterdam", "country_code": "NL"}},
		"nobody": {},
	} {
		body["name"] = strings.ToUpper(name[:1]) + name[1:]
		names[s.made("contacts", body, "payload", "contact")["id"]] = name
	}
	for id, name := range names {
		if labels, has := map[string][]string{"ada": {"vip"}, "grace": {"news"}}[name]; has {
			s.ask(200, "POST", fmt.Sprintf("contacts/%v/labels", id), m{"labels": labels})
		}
	}
	return names
}

// Whom each clause holds for, as Chatwoot's SQL has it: who has no value of a standard key is
// meant by nothing, and who has none of a custom attribute by not_equal_to.
func TestFilters(t *testing.T) {
	s := newServer(t)
	names := s.people()
	for clause, want := range map[string]string{
		`name equal_to ["ADA"]`:                            "ada",
		`name not_equal_to ["ada"]`:                        "edsger grace",
		`name contains ["ad","gra"]`:                       "ada grace",
		`name does_not_contain ["a"]`:                      "edsger",
		`email not_equal_to ["ada@example.org"]`:           "grace",
		`phone_number equal_to ["4915112345671"]`:          "ada",
		`phone_number contains ["151"]`:                    "ada",
		`phone_number starts_with ["+49151"]`:              "ada",
		`identifier equal_to ["CRM-1"]`:                    "ada",
		`country_code equal_to ["us"]`:                     "grace",
		`city not_equal_to ["london"]`:                     "edsger",
		`company_name does_not_contain ["navy"]`:           "ada",
		`blocked equal_to ["false"]`:                       "ada edsger grace",
		`blocked not_equal_to ["false"]`:                   "",
		`labels equal_to ["VIP"]`:                          "ada",
		`labels not_equal_to ["vip"]`:                      "edsger grace",
		`labels equal_to ["unknown"]`:                      "",
		`labels not_equal_to ["unknown"]`:                  "ada edsger grace",
		`labels is_present []`:                             "ada grace",
		`labels is_not_present []`:                         "edsger",
		`created_at is_greater_than ["2020-01-01"]`:        "ada edsger grace",
		`created_at is_greater_than ["2026-03-01"]`:        "",
		`created_at is_less_than ["2026-03-01"]`:           "",
		`created_at is_less_than ["2026-03-02T09:00:00Z"]`: "ada edsger grace",
		`created_at days_before [3]`:                       "",
		`last_activity_at is_less_than ["2099-01-01"]`:     "",
		`plan equal_to ["GOLD"]`:                           "ada",
		`plan not_equal_to ["gold"]`:                       "edsger grace",
		`plan does_not_contain ["gold"]`:                   "grace",
		`plan is_present []`:                               "ada grace",
		`plan is_not_present []`:                           "edsger",
		`plan contains ["il"]`:                             "grace",
		`seats is_greater_than ["5.5"]`:                    "ada",
		`seats equal_to [3]`:                               "grace",
		`renewed is_less_than ["2026-02-01"]`:              "grace",
		`renewed equal_to ["2026-01-31"]`:                  "grace",
		`active equal_to ["true"]`:                         "ada",
		`name equal_to ["ada"] OR name equal_to ["grace"] AND country_code equal_to ["nl"]`:  "ada",
		`country_code equal_to ["us"] and name equal_to ["ada"] or name equal_to ["edsger"]`: "edsger",
		`plan not_equal_to ["gold"] AND name equal_to ["ada"]`:                               "",
	} {
		answer := s.ask(200, "POST", "contacts/filter", m{"payload": clauses(clause)})
		var got []string
		for _, id := range ids(t, answer) {
			got = append(got, names[id])
		}
		require.ElementsMatch(t, strings.Fields(want), got, clause)
		require.EqualValues(t, len(got), in(t, answer, "meta")["count"], clause)
	}
	for clause, said := range map[string]string{
		`country_code eq ["us"]`: "Invalid operator. The allowed operators for country_code are [equal_to,not_equal_to].",
		`name is_present []`:     "Invalid operator. The allowed operators for name are [equal_to,not_equal_to,contains,does_not_contain].",
		`colour equal_to ["red"]`: "Invalid attribute key - [colour]. The key should be one of " +
			"[name,phone_number,email,identifier,country_code,city,company_name,labels,created_at,last_activity_at,blocked] or a custom attribute " +
			"defined in the account.",
		`country_code equal_to []`:                    "Invalid value. The values provided for country_code are invalid",
		`created_at is_greater_than ["yesterday"]`:    "Invalid value. The values provided for created_at are invalid",
		`seats is_greater_than ["many"]`:              "Invalid value. The values provided for seats are invalid",
		`name equal_to ["a"] XOR name equal_to ["b"]`: `Query operator must be either "AND" or "OR".`,
	} {
		require.Equal(t, m{"error": said}, s.ask(422, "POST", "contacts/filter", m{"payload": clauses(clause)}), clause)
	}
	s.ask(422, "POST", "contacts/filter", m{})
	page := s.ask(200, "POST", "contacts/filter?page=2", m{"payload": clauses(`created_at is_greater_than ["2020-01-01"]`)})
	require.Equal(t, m{"count": 3., "current_page": "2"}, in(t, page, "meta"))
}

// clauses reads a filter as it is written here.
func clauses(text string) (list []any) {
	words := strings.Fields(text)
	for i := 0; i+2 < len(words); i += 4 {
		clause := m{"attribute_key": words[i], "filter_operator": words[i+1], "values": json.RawMessage(words[i+2]), "query_operator": nil}
		if i+3 < len(words) {
			clause["query_operator"] = words[i+3]
		}
		list = append(list, clause)
	}
	return list
}

func TestSavedFilters(t *testing.T) {
	s := newServer(t)
	s.people()
	query := m{"payload": clauses(`plan equal_to ["gold"]`)}
	gold := s.made("custom_filters", m{"custom_filter": m{"name": "Gold", "filter_type": "contact", "query": query}})
	require.Equal(t, "contact", gold["filter_type"])
	require.Equal(t, "gold", in(t, gold["query"].(map[string]any)["payload"].([]any)[0])["values"].([]any)[0])
	lists, err := s.Rules.List(t.Context(), s.Account, 0, 10)
	require.NoError(t, err)
	require.Len(t, lists, 1, "it is a targeting list, too")
	count, err := s.Rules.Count(t.Context(), s.Account, targeting.Audience{Targeting: []int64{lists[0].ID}}, "")
	require.NoError(t, err)
	require.EqualValues(t, 1, count.Total)

	too := s.made("custom_filters?filter_type=contact", m{"name": "Gold", "type": "contact", "query": query})
	require.Equal(t, "contact", too["filter_type"], "as the document and clients have it")
	require.Equal(t, "conversation", s.made("custom_filters", m{"name": "Talk", "query": m{}})["filter_type"])
	require.Len(t, s.ask(200, "GET", "custom_filters?filter_type=contact", nil), 2)
	require.Len(t, s.ask(200, "GET", "custom_filters", nil), 1, "conversation is the default")
	id := fmt.Sprintf("custom_filters/%v", gold["id"])
	require.Equal(t, "Golden", in(t, s.ask(200, "PATCH", id, m{"name": "Golden"}))["name"])
	s.role = access.Admin
	s.ask(404, "GET", id, nil)
	require.Empty(t, s.ask(200, "GET", "custom_filters?filter_type=contact", nil), "each token has its own")
	s.role = access.Editor
	s.ask(204, "DELETE", id, nil)
	s.ask(204, "DELETE", fmt.Sprintf("custom_filters/%v", too["id"]), nil)
	lists, err = s.Rules.List(t.Context(), s.Account, 0, 10)
	require.NoError(t, err)
	require.Empty(t, lists)
}

// form is a form with files.
func form(t testing.TB, fields map[string]string, files map[string]string) (kind string, body io.Reader) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range fields {
		require.NoError(t, w.WriteField(name, value))
	}
	for name, content := range files {
		part, err := w.CreateFormFile(name, "file.csv")
		require.NoError(t, err)
		_, err = io.WriteString(part, content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return w.FormDataContentType(), &b
}

// Contacts behind the first page are in the trail.
func TestReadingContactsInBulkIsWrittenDown(t *testing.T) {
	s := newServer(t)
	for i := range 16 {
		s.made("contacts", m{"name": "Ada", "email": fmt.Sprintf("ada%d@example.org", i)}, "payload", "contact")
	}
	noted := func() int {
		list, err := s.Trail.List(t.Context(), access.AuditQuery{AccountID: s.Account, Action: "list-contacts", Limit: 10})
		require.NoError(t, err)
		return len(list)
	}
	require.Len(t, ids(t, s.ask(200, "GET", "contacts", nil)), 15)
	require.Zero(t, noted())
	require.Len(t, ids(t, s.ask(200, "GET", "contacts?page=2", nil)), 1)
	require.Equal(t, 1, noted())
}
