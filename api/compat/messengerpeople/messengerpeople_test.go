package messengerpeople_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api/compat/messengerpeople"
	"carillon/api/gate"
	"carillon/channels"
	"carillon/contacts"
	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/internal/testenv"
	"carillon/providers"
	"carillon/providers/fetch"
	"carillon/services/servicestest"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const apiKey = "messenger-people-key-0123456789"

// server is the dialect over real services, with a channel to WhatsApp.
type server struct {
	*servicestest.Fixture
	t       testing.TB
	channel providers.Channel
	handler http.Handler
	key     string
	poster  poster
	log     bytes.Buffer
	woken   int
}

// poster is where webhooks are told; it answers what a test says.
type poster struct {
	mu     sync.Mutex
	answer fetch.Told
	bodies []string
}

func (p *poster) Tell(_ context.Context, _ string, _ http.Header, body []byte) fetch.Told {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bodies = append(p.bodies, string(body))
	return p.answer
}

func newServer(t testing.TB) *server {
	s := &server{Fixture: servicestest.New(t), t: t, key: apiKey}
	var err error
	s.channel, err = s.Channels.Create(t.Context(), providers.Channel{
		AccountID: s.Account, Name: "mp", Provider: "messenger", Config: json.RawMessage(`{}`), Timezone: "Europe/Berlin",
	}, "test")
	require.NoError(t, err)
	for _, role := range access.Roles() {
		_, err := s.Store.AddKey(t.Context(), access.Key{AccountID: s.Account, Name: string(role), Role: role}, secret.New(string(role)+"-key-0123456789"))
		require.NoError(t, err)
	}
	_, err = s.Store.AddKey(t.Context(), access.Key{AccountID: s.Account, Name: "mp", Role: access.Admin, API: "messengerpeople", ChannelID: s.channel.ID},
		secret.New(apiKey))
	require.NoError(t, err)
	logger := slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	limits := gate.NewLimits(0, 1, s.Clock)
	s.poster.answer = fetch.Told{Status: 200, Text: `{"success":"true"}`}
	s.handler = messengerpeople.New(messengerpeople.Deps{
		Services: s.Services, Wake: func() { s.woken++ }, Poster: &s.poster, Clock: s.Clock,
	}, func(d gate.Dialect) *gate.Gate {
		return gate.New(gate.Deps{
			Dialect: d, API: "messengerpeople", Keys: s.Keys, Answers: s.Store, Limits: limits, MaxBodyBytes: 1 << 20, LargeBody: "the bound", Clock: s.Clock,
			Logger: logger,
		})
	})
	return s
}

// raw makes a request.
func (s *server) raw(method, path, kind string, body io.Reader) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, "/api/v14/"+path, body)
	r.Header.Set("Content-Type", kind)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

const form = "application/x-www-form-urlencoded"

// pairs are names and values in turn.
func pairs(list []string) url.Values {
	values := url.Values{}
	for i := 0; i+1 < len(list); i += 2 {
		values.Set(list[i], list[i+1])
	}
	return values
}

// call makes a call: parameters in the query, or of POST and PUT as a form.
func (s *server) call(method, path string, parameters ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	values := pairs(parameters)
	values.Set("apikey", s.key)
	if method == "GET" || method == "DELETE" {
		return s.raw(method, path+"?"+values.Encode(), "", nil)
	}
	return s.raw(method, path, form, strings.NewReader(values.Encode()))
}

// ok requires success; the answer is compact, its code first.
func (s *server) ok(method, path string, parameters ...string) map[string]any {
	s.t.Helper()
	w := s.call(method, path, parameters...)
	require.Equal(s.t, http.StatusOK, w.Code, w.Body.String())
	require.True(s.t, strings.HasPrefix(w.Body.String(), `{"code":200`), w.Body.String())
	return decoded(s.t, w.Body.Bytes())
}

func decoded(t testing.TB, body []byte) (answer map[string]any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(body, &answer))
	return answer
}

// same requires a number of JSON.
func same(t testing.TB, want int, got any, words ...any) {
	t.Helper()
	require.EqualValues(t, want, got, words...)
}

// refused requires 400 with a reason that has words in it.
func (s *server) refused(why, method, path string, parameters ...string) {
	s.t.Helper()
	refusal(s.t, s.call(method, path, parameters...), why)
}

func refusal(t testing.TB, w *httptest.ResponseRecorder, why string) {
	t.Helper()
	require.Equal(t, http.StatusBadRequest, w.Code, w.Body.String())
	require.True(t, strings.HasPrefix(w.Body.String(), `{"code":400,"reason":"`), w.Body.String())
	answer := decoded(t, w.Body.Bytes())
	require.Len(t, answer, 2)
	require.Contains(t, answer["reason"], why)
}

// upload sends a CSV file.
func (s *server) upload(content string, keyFirst bool) *httptest.ResponseRecorder {
	s.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	if keyFirst {
		require.NoError(s.t, m.WriteField("apikey", s.key))
	}
	part, err := m.CreateFormFile("file", "users.csv")
	require.NoError(s.t, err)
	_, err = io.WriteString(part, content)
	require.NoError(s.t, err)
	if !keyFirst {
		require.NoError(s.t, m.WriteField("apikey", s.key))
	}
	require.NoError(s.t, m.Close())
	return s.raw("POST", "user/csv", m.FormDataContentType(), &b)
}

// people makes the properties and the users that the tests are about.
func (s *server) people() {
	s.t.Helper()
	s.ok("POST", "custom", "name", "Hair-Color", "type", "enumeration", "values", "brown,black,red", "label", "Hair color")
	s.ok("POST", "custom", "name", "loyalty", "type", "number", "values", ">=0 <=9", "default", "0")
	w := s.upload("id,messenger,name,Hair-Color,loyalty,blocked\n"+
		"4915112345671,WB,Anna Zwei,brown,3,0\n4915112345672,WB,Ben Drei,black,5,0\n4915112345673,WB,Cem Vier,brown,9,1\n"+
		"4915112345674,WB,Dora Fuenf,green,1,0\nabc,WB,Eva Sechs,red,1,0\n", true)
	require.Equal(s.t, 200, w.Code, w.Body.String())
	answer := decoded(s.t, w.Body.Bytes())
	require.Equal(s.t, []any{3., 0., 2.}, []any{answer["created"], answer["updated"], answer["failed"]})
	require.Len(s.t, answer["errors"], 2)
	require.Equal(s.t, []any{5., "green"}, []any{answer["errors"].([]any)[0].(map[string]any)["line"], answer["errors"].([]any)[0].(map[string]any)["value"]})
}

func (s *server) users(parameters ...string) (ids []string) {
	s.t.Helper()
	for _, u := range s.ok("GET", "user", parameters...)["user"].([]any) {
		ids = append(ids, u.(map[string]any)["id"].(string))
	}
	return ids
}

const anna, ben, cem = "4915112345671", "4915112345672", "4915112345673"

// Where the other APIs and the versions begin and end.
func TestServes(t *testing.T) {
	for path, serves := range map[string]bool{
		"/api/v14/user": true, "/api/v1/user/49/start": true, "/api/v17/chat/notification": true, "/api/v10/stats": true, "/api/v2/login": true,
		"/api/v18/user": false, "/api/v0/user": false, "/api/user": false, "/api/v1/accounts/1/contacts": false, "/api/v2/accounts/1/reports": false,
		"/api/users": false, "/v1/campaigns": false, "/api/v1/profile": false, "/api/v14/users": false,
	} {
		require.Equal(t, serves, messengerpeople.Serves(path), path)
	}
}

// Keys stand in the query or in the body of every method, whatever it is called.
func TestKeys(t *testing.T) {
	s := newServer(t)
	const missing = "the API key is missing"
	refusal(t, s.raw("GET", "user", "", nil), missing)
	refusal(t, s.raw("POST", "chat", form, strings.NewReader("message=x")), missing)
	refusal(t, s.raw("GET", "user?apikey=nothing", "", nil), "unknown")
	for name, r := range map[string]struct{ kind, body string }{
		"a form":                   {form, "apikey=" + apiKey + "&timezone=UTC"},
		"a form called JSON":       {"application/json", "timezone=UTC&apikey=" + apiKey},
		"JSON":                     {"application/json", `{"timezone":"UTC","x":{"apikey":"no"},"apikey":"` + apiKey + `"}`},
		"JSON that is called none": {"", `{"timezone":"UTC","token":"` + apiKey + `"}`},
		"a form with files": {"multipart/form-data; boundary=b",
			"--b\r\nContent-Disposition: form-data; name=\"apikey\"\r\n\r\n" + apiKey +
				"\r\n--b\r\nContent-Disposition: form-data; name=\"timezone\"\r\n\r\nUTC\r\n--b--\r\n"},
	} {
		_, err := s.Channels.Update(t.Context(), channels.Change{AccountID: s.Account, ID: s.channel.ID, By: "test"}, func(c *providers.Channel) error {
			c.Timezone = "Europe/Berlin"
			return nil
		})
		require.NoError(t, err)
		w := s.raw("PUT", "channel", r.kind, strings.NewReader(r.body))
		require.Equal(t, `{"code":200}`, w.Body.String(), name)
		c, err := s.Channels.Get(t.Context(), s.Account, s.channel.ID)
		require.NoError(t, err)
		require.Equal(t, "UTC", c.Timezone, name)
	}
	for _, body := range []string{"[]", `{"apikey":`, `{"apikey":{}}`, "apikey", "%zz"} {
		refusal(t, s.raw("PUT", "channel", "application/json", strings.NewReader(body)), "")
	}
	refusal(t, s.raw("PUT", "channel", form, strings.NewReader("x="+strings.Repeat("y", 2<<20)+"&apikey="+apiKey)), "into the query")

	s.key = "viewer-key-0123456789"
	s.refused("viewer key", "PUT", "channel", "timezone", "UTC")
	s.ok("GET", "user")
	s.refused("no such method", "GET", "user/1/nothing")
	s.refused("no such method", "PATCH", "user")
	require.NotContains(t, s.log.String(), "key-0123456789", "keys never reach the log")
	require.Contains(t, s.log.String(), "GET /api/v{n}/user")
}

// A key that is bound to no channel is for the only one to a messenger.
func TestTheChannelOfAKey(t *testing.T) {
	s := newServer(t)
	s.key = "admin-key-0123456789"
	require.Equal(t, "Europe/Berlin", s.ok("GET", "channel")["timezone"])
	_, err := s.Channels.Create(t.Context(), providers.Channel{AccountID: s.Account, Name: "second", Provider: "messenger", Config: json.RawMessage(`{}`)}, "test")
	require.NoError(t, err)
	s.refused("the key names none", "GET", "channel")
	s.key = apiKey
	require.Equal(t, "mp", s.ok("GET", "channel")["name"])
}

func TestChannel(t *testing.T) {
	s := newServer(t)
	s.ok("PUT", "channel", "timezone", "America/New_York", "startword", "start", "every_word_starts", "0", "name", "Shop")
	require.Equal(t, map[string]any{
		"code": 200., "name": "Shop", "timezone": "America/New_York", "startword": "start", "every_word_starts": "0",
	}, s.ok("GET", "channel"))
	s.refused("timezone", "PUT", "channel", "timezone", "Mars/Base")
}

func TestProperties(t *testing.T) {
	s := newServer(t)
	s.people()
	shown := s.ok("GET", "custom/Hair-Color")["custom"].([]any)[0].(map[string]any)
	id := shown["id"].(string)
	require.Equal(t, map[string]any{
		"id": id, "name": "Hair-Color", "type": "enum", "values": "brown,black,red", "expiration": "-1", "editable": "1", "label": "Hair color", "position": "0",
		"hidden": "0", "default": "",
	}, shown)
	require.Equal(t, "1", s.ok("GET", "custom/loyalty")["custom"].([]any)[0].(map[string]any)["position"], "at the end")
	s.refused("called so already", "POST", "custom", "name", "Hair-Color", "type", "text")
	s.refused("without spaces", "POST", "custom", "name", "hair color", "type", "text")
	s.refused("must be number", "POST", "custom", "name", "shoe", "type", "currency-ish")
	s.refused("expiration", "POST", "custom", "name", "shoe", "type", "text", "expiration", "0")
	s.refused("default", "POST", "custom", "name", "shoe", "type", "number", "values", "<=9", "default", "10")
	s.refused("no property", "GET", "custom/shoe")
	s.ok("PUT", "custom", "id", id, "label", "Haarfarbe", "hidden", "1")
	require.Len(t, s.ok("GET", "custom")["custom"], 1)
	require.Len(t, s.ok("GET", "custom", "hidden", "1")["custom"], 2)
	s.refused("none of the property's values", "PUT", "custom", "id", "Hair-Color", "values", "black,red")

	require.Equal(t, map[string]any{anna: "3", ben: "5", cem: "9"}, s.ok("GET", "user/property", "name", "loyalty")["property"])
	s.ok("PUT", "user/property", "id", anna+","+ben, "name", "loyalty", "value", "7")
	require.Equal(t, map[string]any{anna: "7"}, s.ok("GET", "user/property", "name", "loyalty", "id", "+"+anna)["property"])
	s.refused("loyalty", "PUT", "user/property", "id", anna+","+ben, "name", "loyalty", "value", "10")
	s.refused("no such user", "PUT", "user/property", "id", anna+",4915199999999", "name", "loyalty", "value", "1")
	require.Equal(t, map[string]any{anna: "7", ben: "7", cem: "9"}, s.ok("GET", "user/property", "name", "loyalty")["property"], "all or nobody")
	s.ok("DELETE", "custom", "id", "Hair-Color")
	s.refused("no property", "DELETE", "custom", "id", "Hair-Color")
}

func TestUsers(t *testing.T) { servicestest.Each(t, usersAreKept) }

func usersAreKept(t *testing.T) {
	s := newServer(t)
	s.people()
	w := s.call("GET", "user/"+anna)
	answer := decoded(t, w.Body.Bytes())["user"].([]any)[0].(map[string]any)
	require.Len(t, answer, 8, "a strict client refuses more")
	for _, name := range []string{"id", "messenger", "name", "image", "created", "status", "blocked", "stopped"} {
		require.IsType(t, "", answer[name], name)
	}
	require.Equal(t, []any{anna, "WB", "Anna Zwei", "1", "0", "0", fmt.Sprint(servicestest.Noon.Unix())},
		[]any{answer["id"], answer["messenger"], answer["name"], answer["status"], answer["blocked"], answer["stopped"], answer["created"]})
	full := s.ok("GET", "user/"+anna, "customfields", "1", "last_chat", "1")["user"].([]any)[0].(map[string]any)
	require.Equal(t, map[string]any{"Hair-Color": "brown", "loyalty": "3"}, full["customfields"])
	require.Equal(t, "0", full["last_chat"])

	require.ElementsMatch(t, []string{anna, ben, cem}, s.users())
	require.Equal(t, []string{cem, ben, anna}, s.users("order", "name"))
	require.Equal(t, []string{ben}, s.users("order", "name", "asc", "1", "offset", "1", "limit", "1"))
	read, err := s.Trail.List(t.Context(), access.AuditQuery{AccountID: s.Account, Action: "list-contacts", Limit: 10})
	require.NoError(t, err)
	require.Len(t, read, 1, "what is read behind the first page is in the trail")
	require.Equal(t, "MessengerPeople", read[0].Detail["through"])
	require.Equal(t, []string{ben}, s.users("search", "Drei"))
	require.Equal(t, []string{ben}, s.users("search", "345672"))
	require.Equal(t, []string{cem}, s.users("blocked", "1"))
	require.ElementsMatch(t, []string{anna, ben}, s.users("active", "1"))
	require.Equal(t, []string{cem}, s.users("active", "0"))
	require.Equal(t, []string{anna}, s.users("filter",
		`[{"type":"customfield","name":"Hair-Color","value":"brown"},{"type":"customfield","name":"loyalty","value":3}]`))
	require.Empty(t, s.users("filter", fmt.Sprintf(`[{"type":"created","before":"%d"}]`, servicestest.Noon.Unix()-1)))
	changed := func(name, bound string, at int64) []string {
		return s.users("filter", fmt.Sprintf(`[{"type":"customfield","name":%q,%q:%d}]`, name, bound, at))
	}
	noon := servicestest.Noon.Unix()
	require.ElementsMatch(t, []string{anna, ben, cem}, changed("Hair-Color", "after", noon))
	require.Empty(t, changed("Hair-Color", "after", noon+1))
	require.Empty(t, changed("Hair-Color", "before", noon-1))
	brownOnes := fmt.Sprintf(`[{"type":"customfield","name":"Hair-Color","value":"brown","before":"%d"}]`, noon)
	require.ElementsMatch(t, []string{anna, cem}, s.users("filter", brownOnes))
	s.refused("Unix time", "GET", "user", "filter", `[{"type":"customfield","name":"Hair-Color","after":1.5}]`)
	s.refused("no such user", "GET", "user/4915199999999")
	s.refused("order", "GET", "user", "order", "shoe")
	s.refused("filter", "GET", "user", "filter", `[{"type":"shoe"}]`)
	s.refused("filter", "GET", "user", "filter", `{`)
	s.refused("limit", "GET", "user", "limit", "5001")

	w = s.upload("id,messenger,name\n"+anna+",WB,Anna Neu\n", true)
	require.Contains(t, w.Body.String(), `"created":0,"updated":1,"failed":0`)
	full = s.ok("GET", "user/"+anna, "customfields", "1")["user"].([]any)[0].(map[string]any)
	require.Equal(t, "Anna Neu", full["name"])
	require.Equal(t, map[string]any{"Hair-Color": "brown", "loyalty": "3"}, full["customfields"], "only the columns that are there are touched")
	refusal(t, s.upload("id,name\n1,x\n", true), "columns id and messenger")
	refusal(t, s.upload(strings.Repeat("x", 70<<10), false), "before the file")

	w = s.raw("PUT", "user/"+ben+"?"+pairs([]string{"apikey", apiKey, "fields",
		`{"name":"Ben Neu","customfields":{"Hair-Color":"red","loyalty":"1"}}`}).Encode(), "", nil)
	require.JSONEq(t, `{"code":200}`, w.Body.String())
	s.refused("Hair-Color", "PUT", "user/"+ben, "fields", `{"name":"No","customfields":{"Hair-Color":"green"}}`)
	s.refused("no label", "PUT", "user/"+ben, "fields", `{"name":"No","addlabel":[99]}`)
	require.Equal(t, "Ben Neu", s.ok("GET", "user/"+ben)["user"].([]any)[0].(map[string]any)["name"], "nothing was changed")

	id := s.ok("POST", "channel/labels", "name", "VIP", "color", "BADA55", "text_color", "C0FFEE")["id"]
	require.Equal(t, []any{map[string]any{"id": fmt.Sprint(id), "name": "VIP", "color": "BADA55", "text_color": "C0FFEE"}}, s.ok("GET",
		"channel/labels")["labels"])
	s.ok("PUT", "user/"+anna+","+ben, "fields", fmt.Sprintf(`{"addlabel":["%v"]}`, id))
	s.ok("PUT", "user/"+ben, "fields", fmt.Sprintf(`{"removelabel":[%v]}`, id))
	list, err := s.Lists.List(t.Context(), s.Account, contacts.Label, 0, 10)
	require.NoError(t, err)
	require.EqualValues(t, 1, list[0].Members)
	s.ok("PUT", "channel/labels", "id", fmt.Sprint(id), "label", "Best")
	s.refused("color", "PUT", "channel/labels", "id", fmt.Sprint(id), "color", "green")
	s.ok("DELETE", "channel/labels", "id", fmt.Sprint(id))

	s.ok("DELETE", "user/"+cem)
	s.refused("no such user", "GET", "user/"+cem)
}

// Start lifts what stop did, and nothing that the person or their messenger said.
func TestStartAndStop(t *testing.T) {
	s := newServer(t)
	s.people()
	status := func(id string) []any {
		u := s.ok("GET", "user/"+id)["user"].([]any)[0].(map[string]any)
		return []any{u["status"], u["blocked"], u["stopped"]}
	}
	noon := fmt.Sprint(servicestest.Noon.Unix())
	require.Equal(t, []any{"0", "1", noon}, status(cem))
	s.ok("PUT", "user/"+cem+"/unblock")
	require.Equal(t, []any{"1", "0", "0"}, status(cem))
	s.ok("PUT", "user/"+cem+","+anna+"/stop")
	require.Equal(t, []any{"0", "0", noon}, status(cem))
	s.ok("PUT", "user/"+cem+"/start")
	require.Equal(t, []any{"1", "0", "0"}, status(cem))
	found, err := s.Contacts.Search(t.Context(), contacts.ContactFilter{AccountID: s.Account, Text: "+" + cem, Limit: 1})
	require.NoError(t, err)
	consents, err := s.Consents.List(t.Context(), s.Account, found[0].ID, 0, 10)
	require.NoError(t, err)
	require.Equal(t, []contacts.ConsentAction{contacts.OptOut, contacts.OptIn}, []contacts.ConsentAction{consents[0].Action, consents[1].Action})
	require.Equal(t, "messengerpeople", consents[0].Source)

	_, err = s.Consents.OptOut(t.Context(), contacts.ConsentChange{AccountID: s.Account, ContactID: found[0].ID, Source: contacts.SourceReply})
	require.NoError(t, err)
	s.refused("unsubscribed", "PUT", "user/"+cem+"/start")
	_, err = s.Consents.Suppress(t.Context(), contacts.Suppression{AccountID: s.Account, Kind: providers.WhatsApp, Address: "+" + anna,
		Reason: contacts.Bounced}, "test")
	require.NoError(t, err)
	s.refused("bounced", "PUT", "user/"+anna+"/start")
	s.refused("no such method", "PUT", "user/"+anna+"/jump")
	s.ok("PUT", "user/"+ben+"/block")
	require.Equal(t, []any{"0", "1", noon}, status(ben))
}

func TestCategories(t *testing.T) {
	s := newServer(t)
	s.people()
	same(t, 1, s.ok("POST", "newsletter/category", "name", "Weather")["id"])
	same(t, 2, s.ok("POST", "newsletter/category", "name", "Sport")["id"])
	s.refused("has this name", "POST", "newsletter/category", "name", "weather")
	s.refused("100 characters", "POST", "newsletter/category", "name", strings.Repeat("x", 101))
	s.ok("PUT", "newsletter/category", "id", "2", "name", "Sports")
	require.Equal(t, map[string]any{"code": 200., "list": map[string]any{"1": "Weather", "2": "Sports"}}, s.ok("GET", "newsletter/category"))
	s.ok("PUT", "user/"+anna+","+ben+"/categories", "category", "1")
	s.ok("PUT", "user/"+ben+"/categories", "category", "1", "active", "0")
	require.Equal(t, []any{
		map[string]any{"id": anna, "categories": map[string]any{"1": "1", "2": "0"}}, map[string]any{"id": ben, "categories": map[string]any{"1": "0", "2": "0"}},
	}, s.ok("GET", "user/"+anna+","+ben+"/categories")["user"])
	s.refused("no such category", "PUT", "user/"+anna+"/categories", "category", "3")
	s.ok("DELETE", "newsletter/category", "id", "1")
	for i := range 9 {
		require.NotEqual(t, 2., s.ok("POST", "newsletter/category", "name", fmt.Sprint("topic ", i))["id"])
	}
	s.refused("no more numbers", "POST", "newsletter/category", "name", "eleventh")
	s.ok("PUT", "channel", "categories_auto_assign", "1")
	s.ok("DELETE", "newsletter/category", "id", "3")
	s.ok("POST", "newsletter/category", "name", "for all")
	worked, err := s.Jobs.RunNext(t.Context())
	require.NoError(t, err)
	require.True(t, worked)
	require.Equal(t, "1", s.ok("GET", "user/"+anna+"/categories")["user"].([]any)[0].(map[string]any)["categories"].(map[string]any)["3"])
}

const brown = `{"condition":"AND","rules":[{"id":"Hair-Color","field":"Hair-Color","type":"string","input":"select","operator":"equal","value":"brown"}]}`

func TestTargeting(t *testing.T) {
	s := newServer(t)
	s.people()
	id := fmt.Sprint(s.ok("POST", "targeting", "name", "Brown", "query", brown)["id"])
	require.Equal(t, "11", id, "the first behind the categories")
	s.refused("is no operator", "POST", "targeting", "name", "Odd", "query", strings.Replace(brown, `"equal"`, `"sounds_like"`, 1))
	s.refused("query", "POST", "targeting", "name", "Odd", "query", "{")
	s.refused("is no field", "POST", "targeting", "name", "Odd", "query", `[{"field":"shoe","operator":"equal","value":"1"}]`)
	count := func(parameters ...string) any { return s.ok("GET", "targeting/count", parameters...)["count"] }
	same(t, 1, count("id", id), "Cem is blocked")
	for query, n := range map[string]int{
		`{"query":{"condition":"OR","rules":[{"id":"rufnummer","field":"rufnummer","type":"string","input":"text","operator":"equal","value":"` + ben + `"}]}}`: 1,
		`[{"field":"rufnummer","operator":"not_equal","value":"` + ben + `"}]`:                                                                                  1,
		`[{"field":"rufnummer","operator":"begins_with","value":"49151"}]`:                                                                                      2,
		`[{"field":"rufnummer","operator":"in","value":["` + ben + `","` + anna + `"]}]`:                                                                        2,
		`[{"field":"rufnummer","operator":"contains","value":"45672"}]`:                                                                                         1,
		`[{"field":"messenger","operator":"equal","value":"WB"}]`:                                                                                               2,
		`[{"field":"messenger","operator":"in","value":["FB","TG"]}]`:                                                                                           0,
		`[{"field":"messenger","operator":"not_equal","value":"FB"}]`:                                                                                           2,
		`[{"field":"status","operator":"equal","value":"1"},{"field":"loyalty","operator":"less","value":"4"}]`:                                                 1,
		`[{"field":"blocked","operator":"equal","value":"0"}]`:                                                                                                  2,
		`[{"field":"targeting","operator":"equal","value":11}]`:                                                                                                 1,
		`[{"field":"created","operator":"less","value":"2020-01-01"}]`:                                                                                          0,
		`[{"field":"name","operator":"contains","value":"anna"}]`:                                                                                               1,
	} {
		same(t, n, count("query", query), query)
	}
	s.refused("either id or query", "GET", "targeting/count")
	s.refused("no such targeting list", "GET", "targeting/count", "id", "12")
	require.Equal(t, map[string]any{"code": 200., "list": map[string]any{id: "Brown"}}, s.ok("GET", "newsletter/targeting"))
	require.Equal(t, map[string]any{"code": 200., "list": map[string]any{id: "Brown"}, "count": 1.}, s.ok("GET", "newsletter/targeting", "id", id, "count", "1"))
	s.ok("PUT", "targeting", "id", id, "name", "Brown hair")
	shown := s.ok("GET", "targeting", "id", id)["targeting"].([]any)[0].(map[string]any)
	require.Equal(t, "Brown hair", shown["name"])
	require.Equal(t, "Hair-Color", shown["query"].(map[string]any)["rules"].([]any)[0].(map[string]any)["field"])
	require.Equal(t, []string{anna}, s.users("targeting", id), "active users only")
	config := s.ok("GET", "targeting/config")["config"].([]any)
	require.Equal(t, "rufnummer", config[0].(map[string]any)["id"])
	require.Contains(t, fmt.Sprint(config), "Hair-Color")
	s.ok("POST", "newsletter", "message", "x", "targeting_id", id, "sendtime", "2027-06-01 09:30")
	s.refused("used by", "DELETE", "targeting", "id", id)
	other := fmt.Sprint(s.ok("POST", "targeting", "name", "Other", "config", brown)["id"])
	s.ok("DELETE", "targeting", "id", other)
}

const translations = `[{"language":"en","header":"News for {{1}}","body":"Hello {{1}}, parcel {{2}} is on its way"},
	{"language":"de","header":"Neues für {{1}}","body":"Hallo {{1}}, Paket {{2}} ist unterwegs"}]`

func TestLoginAndKeys(t *testing.T) {
	s := newServer(t)
	require.Equal(t, apiKey, s.ok("GET", "channel/apikey")["apikey"])
	s.refused("no API key", "POST", "login", "username", "ada", "password", "wrong")
	// A key of another channel, or of another API, gains nothing here.
	for name, k := range map[string]access.Key{"channel": {API: "messengerpeople", ChannelID: s.Mail.ID}, "xms": {API: "xms"}} {
		k.AccountID, k.Name, k.Role = s.Account, name, access.Admin
		_, err := s.Store.AddKey(t.Context(), k, secret.New(name+"-other-key-0123456789"))
		require.NoError(t, err)
		s.refused("no API key", "POST", "login", "username", "ada", "password", name+"-other-key-0123456789")
	}
	token := s.ok("POST", "login", "username", "ada", "password", "editor-key-0123456789")["token"].(string)
	w := s.raw("GET", "user?token="+token, "", nil)
	require.Equal(t, 200, w.Code)
	s.key = token
	s.ok("GET", "user")
	s.refused("editor key", "PUT", "channel", "timezone", "UTC")
	s.refused("does not end", "POST", "login", "username", "ada", "password", token)
	s.ok("DELETE", "login")
	s.refused("revoked", "GET", "user")
	s.key = apiKey
	s.refused("no token", "DELETE", "login")
	second := s.ok("POST", "login", "username", "ada", "password", "editor-key-0123456789")["token"].(string)
	s.Clock.Advance(25 * 60 * 60 * 1e9)
	s.key = second
	s.refused("", "GET", "user")

	s.key = apiKey
	fresh := s.ok("PUT", "channel/apikey")["apikey"].(string)
	s.refused("revoked", "GET", "user")
	s.key = fresh
	s.ok("GET", "user")
	require.NotContains(t, s.log.String(), fresh)
}

func TestStatistics(t *testing.T) {
	s := newServer(t)
	s.people()
	for path, answer := range map[string]string{
		"statistics/notifications": "[]", "statistics/labels": "{}", "statistics/chats": "[]", "statistics/custom": "[]",
	} {
		require.Equal(t, answer, s.call("GET", path).Body.String(), path)
	}
	w := s.call("GET", "statistics/notifications", "format", "csv")
	require.Equal(t, "template,total,total_sent,total_failed,total_undelivered,total_delivered,total_read\n", w.Body.String())
	require.Contains(t, w.Header().Get("Content-Type"), "text/csv")
	for _, path := range []string{"statistics/content", "statistics/mau"} {
		require.True(t, strings.HasPrefix(s.call("GET", path).Body.String(), `[{"from":`), path)
	}
	id := fmt.Sprint(s.ok("POST", "channel/labels", "name", "VIP", "color", "FF9300")["id"])
	s.ok("PUT", "user/"+anna, "fields", `{"addlabel":[`+id+`]}`)
	// The database itself counts who joins, by its own clock.
	now := clock.System{}.Now()
	around := []string{"from", fmt.Sprint(now.AddDate(0, 0, -2).Unix()), "to", fmt.Sprint(now.AddDate(0, 0, 2).Unix())}
	byLabel := decoded(t, s.call("GET", "statistics/labels", around...).Body.Bytes())["VIP"].(map[string]any)
	same(t, 1, byLabel["total"])
	require.Len(t, byLabel["stats"], 1)
	byDay := s.call("GET", "statistics/labels", append(around, "interval", "days")...).Body.String()
	require.Contains(t, byDay, `{"`+id+`":{"id":`+id+`,"label":"VIP","color":"FF9300","count":1}}`)
	require.Equal(t, map[string]any{"code": 200., "users": 3., "active": 2.}, s.ok("GET", "stats"))
	created := 0
	s.Clock.Advance(60 * 60 * 1e9)
	for _, day := range s.ok("GET", "stats/user")["days"].(map[string]any) {
		created += int(day.(map[string]any)["created"].(float64))
	}
	require.Equal(t, 6, created, "with those of the fixture")
	require.Contains(t, s.ok("GET", "stats/user", "hours", "1"), "hours")
	s.ok("GET", "stats/newsletter", "clicks", "1")
	s.refused("interval", "GET", "statistics/custom", "interval", "years")
	s.refused("kpi", "GET", "statistics/custom", "kpi", "shoes")
	s.refused("format", "GET", "statistics/chats", "format", "xml")
	s.refused("period", "GET", "statistics/mau", "period", "never")
	s.refused("from", "GET", "statistics/chats", "from", "yesterday")
}
