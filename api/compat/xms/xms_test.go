package xms_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api/compat/xms"
	"carillon/api/gate"
	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/secret"
	"carillon/internal/testenv"
	"carillon/messages"
	"carillon/providers"
	"carillon/services/servicestest"
	"carillon/templates"
	"carillon/variables"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// server is the dialect over real services.
type server struct {
	*servicestest.Fixture
	t       *testing.T
	handler http.Handler
	chat    providers.Channel
	keys    map[access.Role]access.Key
	log     bytes.Buffer
	woken   int
}

func newServer(t *testing.T) *server {
	s := &server{Fixture: servicestest.New(t), t: t, keys: map[access.Role]access.Key{}}
	for _, role := range access.Roles() {
		key, err := s.Store.AddKey(t.Context(), access.Key{AccountID: s.Account, Name: string(role), Role: role}, secret.New(string(role)+"-key-0123456789"))
		require.NoError(t, err)
		s.keys[role] = key
	}
	var err error
	s.chat, err = s.Channels.Create(t.Context(), providers.Channel{AccountID: s.Account, Name: "Customer Support", Provider: "chat"}, "test")
	require.NoError(t, err)
	logger := slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	limits := gate.NewLimits(0, 1, s.Clock)
	s.handler = xms.New(s.Services, func() { s.woken++ }, func(d gate.Dialect) *gate.Gate {
		return gate.New(gate.Deps{
			Dialect: d, API: "xms", Keys: s.Keys, Answers: s.Store, Limits: limits, MaxBodyBytes: 16 << 10, LargeBody: "the bound", Clock: s.Clock, Logger: logger,
		})
	})
	return s
}

const base = "/xms/api/v1"

// do asks with a key; empty is without.
func (s *server) do(key, method, path, body string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, base+path, strings.NewReader(body))
	if key != "" {
		r.Header.Set("x-api-key", key)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// as asks as a role and reads the answer, which is of the status.
func (s *server) as(role access.Role, status int, call, body string) (answer map[string]any) {
	s.t.Helper()
	method, path, _ := strings.Cut(call, " ")
	w := s.do(string(role)+"-key-0123456789", method, path, body)
	require.Equal(s.t, status, w.Code, w.Body.String())
	require.Equal(s.t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(s.t, "no-store", w.Header().Get("Cache-Control"))
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &answer))
	require.Equal(s.t, strconv.Itoa(status), answer["status"], "the status is a text")
	return answer
}

// results are those of an admin's call that is made.
func (s *server) results(call, body string) []any {
	s.t.Helper()
	answer := s.as(access.Admin, 200, call, body)
	require.Equal(s.t, "SUCCESS", answer["statusKey"])
	return answer["results"].([]any)
}

// refused is the error of an admin's call that is refused.
func (s *server) refused(call, body string) map[string]any {
	s.t.Helper()
	answer := s.as(access.Admin, 400, call, body)
	require.NotEmpty(s.t, answer["errors"])
	return answer["errors"].([]any)[0].(map[string]any)
}

func keysOf(object any) []string {
	var keys []string
	for key := range object.(map[string]any) {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// L8, and the server's own words.
func TestTheKeyIsInAHeader(t *testing.T) {
	s := newServer(t)
	for key, says := range map[string]string{"": "Missing x-api-key", "nothing": "Invalid x-api-key"} {
		for _, call := range []string{"GET /config/channels", "POST /message/send", "GET /nothing"} {
			method, path, _ := strings.Cut(call, " ")
			w := s.do(key, method, path, `{"channelId":"x"}`)
			require.Equal(t, 403, w.Code, call)
			var answer map[string]any
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
			require.Equal(t, "403", answer["status"])
			require.Equal(t, "ACCESS_DENIED", answer["statusKey"])
			require.Equal(t, says, answer["errors"].([]any)[0].(map[string]any)["description"])
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", base+"/config/channels", nil)
	r.Header.Set("Authorization", "Bearer admin-key-0123456789")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	require.Equal(t, 403, w.Code, "a bearer's token is no key here")
	require.Equal(t, "ACCESS_DENIED", s.as(access.Viewer, 403, "POST /message/send", `{}`)["statusKey"], "a viewer sends nothing")
	require.Equal(t, "NOT_FOUND", s.as(access.Admin, 404, "GET /nothing", "")["statusKey"])
	require.Equal(t, "METHOD_NOT_ALLOWED", s.as(access.Admin, 405, "GET /message/send", "")["statusKey"])
	require.NotContains(t, s.log.String(), "key-0123456789", "keys never reach the log")
}

// Below a prefix and on a host of its own the API is without its name.
func TestTheNameMayBeLeftOut(t *testing.T) {
	s := newServer(t)
	for _, path := range []string{"/api/v1/config/channels", "/xms/api/v1/config/channels/"} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
		r.Header.Set("x-api-key", "admin-key-0123456789")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		require.Equal(t, 200, w.Code, path)
	}
	require.True(t, xms.Serves("/xms/api/v1/x"))
	require.False(t, xms.Serves("/xmsx"))
}

// L202 to 223, L6154 to 6187 and the compact envelope of L9148.
func TestChannels(t *testing.T) {
	s := newServer(t)
	answer := s.as(access.Sender, 200, "GET /config/channels", "")
	require.Equal(t, []string{"message", "messageKey", "meta", "results", "status", "statusKey", "timestamp", "traceid"}, keysOf(answer))
	require.Equal(t, []any{
		map[string]any{"channelId": "mailto:1", "contactType": "EMAIL", "lane": "1", "name": "news"},
		map[string]any{"channelId": "tel:2", "contactType": "SMS", "lane": "2", "name": "sms"},
		map[string]any{"channelId": "wa360:3", "contactType": "WHATSAPP", "lane": "3", "name": "Customer Support"},
	}, answer["results"])
	require.InDelta(t, servicestest.Noon.UnixMilli(), answer["timestamp"], 0)
	for _, query := range []string{"sabdnox=true", "sandbox=FALSE", "sabdnox="} {
		require.Len(t, s.results("GET /config/channels?"+query, ""), 3)
	}
	answer = s.as(access.Sender, 400, "GET /config/channels?sabdnox=perhaps", "")
	require.Equal(t, "PARAM_TYPE_MISMATCH", answer["statusKey"])
	// A key that is bound to a channel has no other.
	bound := secret.New("bound-key-0123456789")
	_, err := s.Store.AddKey(t.Context(), access.Key{AccountID: s.Account, Name: "bound", Role: access.Sender, API: "xms", ChannelID: s.chat.ID}, bound)
	require.NoError(t, err)
	w := s.do(bound.Reveal(), "GET", "/config/channels", "")
	require.Contains(t, w.Body.String(), "wa360:3")
	require.NotContains(t, w.Body.String(), "mailto:1")
	w = s.do(bound.Reveal(), "POST", "/message/send", `{"channelId":"tel:2","to":{"phone":"4915112345671"},"type":"text","text":{"body":"x"}}`)
	require.Contains(t, w.Body.String(), "CHANNEL_NOT_FOUND")
}

// L407 to 428 and L4866: the full envelope of L7516.
func TestGlobalVariables(t *testing.T) {
	s := newServer(t)
	full := []string{
		"data", "details", "error", "errors", "exception", "extra", "logs", "message", "messageKey", "meta", "params", "path", "query", "redirectUrl",
		"results", "status", "statusKey", "timestamp", "traceid", "warningKey", "warnings",
	}
	answer := s.as(access.Viewer, 200, "GET /config/global/vars?channelId=x", "")
	require.Equal(t, full, keysOf(answer))
	require.Nil(t, answer["data"])
	require.Equal(t, []any{}, answer["results"])
	for name, value := range map[string]string{"b": `{"from":9}`, "a": `"x"`, "c": "3", "d": "true", "e": "[1]", "f": "null"} {
		_, err := s.Variables.Set(t.Context(), variables.Variable{AccountID: s.Account, Name: name, Value: json.RawMessage(value), Group: "g", Disabled: name == "b"})
		require.NoError(t, err)
	}
	answer = s.as(access.Viewer, 200, "GET /config/global/vars", "")
	require.Equal(t, map[string]any{
		"id": "a", "key": "a", "value": "x", "type": "STRING", "group": "g", "description": "", "disabled": false, "domain": "n", "server": "example.org",
		"shared": false,
	}, answer["data"])
	var types []any
	for _, v := range answer["results"].([]any) {
		types = append(types, v.(map[string]any)["type"])
	}
	require.Equal(t, []any{"STRING", "OBJECT", "NUMBER", "BOOLEAN", "LIST", "NULL"}, types)
}

// feedback makes the template of the document's example.
func (s *server) feedback() templates.Saved {
	s.t.Helper()
	saved, err := s.Catalogue.CreateTemplate(s.t.Context(), templates.Template{AccountID: s.Account, Name: "feedback", Definition: templates.Definition{
		Category: "utility", Kinds: []providers.AddressKind{providers.WhatsApp}, Default: "en-US",
		Parameters: []templates.Parameter{{Name: "amount", Value: "{{ row.amount }}", Sample: "10"}, {Name: "currency", Value: "{{ row.currency }}", Sample: "INR"}},
		Translations: []templates.Translation{
			{Language: "en-US", Header: &templates.Header{Text: "Thanks"}, Body: "You paid {{amount}} {{currency}} today.", Footer: "Your shop",
				Buttons: []templates.Button{{Type: templates.URLButton, Text: "Site", URL: "https://example.org/"}}},
			{Language: "de", Header: &templates.Header{Media: &templates.Media{Type: "image", URL: "https://example.org/de.png"}},
				Body: "Bezahlt: {{amount}} {{currency}}."},
		},
	}})
	require.NoError(s.t, err)
	return saved
}

// L612 to 634 and L5319 to 5388: one entry a translation.
func TestTemplates(t *testing.T) {
	s := newServer(t)
	id := strconv.FormatInt(s.feedback().ID, 10)
	list := s.results("GET /config/tmpl/hsm", "")
	require.Len(t, list, 2)
	require.Equal(t, map[string]any{
		"id": id + ":en-US", "code": "FEEDBACK", "name": "feedback", "lang": "en_US", "body": "You paid {{amount}} {{currency}} today.", "header": "Thanks",
		"footer": "Your shop", "category": "UTILITY", "categoryType": "UTILITY", "formatType": "TEXT", "contactType": "WHATSAPP", "title": nil, "desc": nil,
		"template": "You paid {{amount}} {{currency}} today.", "model": map[string]any{"amount": "10", "currency": "INR"}, "meta": map[string]any{},
		"options": map[string]any{"buttons": []any{map[string]any{
			"code": "", "desc": "", "label": "Site", "name": "Site", "phone": "", "type": "URL", "url": "https://example.org/",
		}}},
		"attachments": []any{}, "approved": []any{map[string]any{"channelId": "wa360:3", "status": "APPROVED", "templateId": id + ":en-US"}},
		"createdBy": nil, "createdStamp": float64(servicestest.Noon.UnixMilli()),
	}, list[0])
	require.Equal(t, "IMAGE", list[1].(map[string]any)["formatType"])
	require.Len(t, s.results("GET /config/tmpl/hsm?channelId=wa360:3&channelStatus=approved", ""), 2)
	require.Empty(t, s.results("GET /config/tmpl/hsm?channelId=wa360:3&channelStatus=REJECTED", ""))
	require.Empty(t, s.results("GET /config/tmpl/hsm?channelId=nothing", ""))
	rejected := templates.Approval{ChannelID: s.chat.ID, Language: "de", State: templates.Rejected}
	require.NoError(t, s.Catalogue.SetStatus(t.Context(), s.Account, s.feedbackID(), rejected))
	require.Len(t, s.results("GET /config/tmpl/hsm?channelStatus=REJECTED", ""), 1)
}

func (s *server) feedbackID() int64 {
	saved, err := s.Catalogue.FindTemplate(s.t.Context(), s.Account, "feedback")
	require.NoError(s.t, err)
	return saved.ID
}

// L1088 to 1117 and L9064.
func TestLanguage(t *testing.T) {
	s := newServer(t)
	ada := s.People["Ada"]
	answer := s.as(access.Editor, 200, "POST /contact/prefs/lang", fmt.Sprintf(`{"contactId":%d,"lang":"en_US"}`, ada.ID))
	require.Equal(t, []string{"message", "messageKey", "meta", "results", "status", "statusKey", "timestamp", "traceid"}, keysOf(answer))
	result := answer["results"].([]any)[0].(map[string]any)
	require.Equal(t, []any{strconv.FormatInt(ada.ID, 10), "CONTACT_UPDATE"}, []any{result["contactId"], result["eventCode"]})
	changed, err := s.Contacts.Get(t.Context(), s.Account, ada.ID)
	require.NoError(t, err)
	require.Equal(t, "en-US", changed.Language)
	for _, nobody := range []string{`"99999999"`, `"fb:12121212121"`} {
		s.results("POST /contact/prefs/lang", `{"contactId":`+nobody+`,"lang":"de"}`)
	}
	require.Equal(t, "contactId", s.refused("POST /contact/prefs/lang", `{"lang":"de"}`)["field"])
	require.Equal(t, "lang", s.refused("POST /contact/prefs/lang", fmt.Sprintf(`{"contactId":%d}`, ada.ID))["field"])
	require.Equal(t, "lang", s.refused("POST /contact/prefs/lang", fmt.Sprintf(`{"contactId":%d,"lang":"???"}`, ada.ID))["field"])
}

// L1349 to 1386: a customer is a contact, anything else happened to those who are linked.
func TestPushData(t *testing.T) {
	s := newServer(t)
	s.property("tier")
	const first = `{"id":"C777","type":"customer","data":{"name":"Bea","email":"Bea@example.org","phone":"4915112345672","tier":"gold","other":1},"links":[]}`
	result := s.results("POST /data/push", first)[0].(map[string]any)
	require.Equal(t, map[string]any{"id": "C777", "type": "customer", "links": []any{}, "data": map[string]any{
		"name": "Bea", "email": "Bea@example.org", "phone": "4915112345672", "tier": "gold", "other": 1.,
	}}, result, "what came in comes back")
	bea := s.byID("C777")
	require.Equal(t, "Bea", bea.Name)
	require.Equal(t, map[providers.AddressKind]string{
		providers.Email: "bea@example.org", providers.Phone: "+4915112345672", providers.WhatsApp: "+4915112345672",
	}, bea.Addresses)
	require.JSONEq(t, `{"tier":"gold"}`, bea.Attributes.JSON())
	s.results("POST /data/push", `{"id":"C777","type":"CUSTOMER","data":{"name":"Bea B."}}`)
	require.Equal(t, "Bea B.", s.byID("C777").Name)
	// Who is known by an address alone gets the id.
	s.results("POST /data/push", `{"id":42,"type":"CONTACT","data":{"email":"ada@example.org"}}`)
	require.Equal(t, s.People["Ada"].ID, s.byID("42").ID)
	s.refused("POST /data/push", `{"id":"C9","type":"PROFILE","data":{"email":"bea@example.org"}}`)

	result = s.results("POST /data/push", `{"id":"O1","type":"ORDER","data":{"total":3},"links":[{"linkName":"a","linkType":"CUSTOMER","linkValue":"C777"},
		{"linkType":"SHOP","linkValue":"1"},{"linkType":"CUSTOMER","linkValue":"nobody"}],"whatever":1}`)[0].(map[string]any)
	require.Equal(t, "O1", result["id"])
	events := s.events(bea.ID)
	require.Len(t, events, 1)
	require.Equal(t, "order", events[0].Name)
	require.Contains(t, string(events[0].Payload), `"total":3`)
	for body, field := range map[string]string{
		`{"type":"CUSTOMER"}`: "id", `{"id":"1"}`: "type", `{"id":"1","type":"CUSTOMER","data":[]}`: "data",
		`{"id":"1","type":"CUSTOMER","data":{"email":{}}}`: "data.email", `{"id":"1","type":"CUSTOMER","data":{"email":"x"}}`: "data.email",
		`{"id":"1","type":"CUSTOMER","data":{"mobile":"x"}}`: "data.phone", `{"id":{},"type":"CUSTOMER"}`: "",
	} {
		refused := s.refused("POST /data/push", body)
		require.Equal(t, "DigitalObjectDto", refused["obzect"], body)
		if field != "" {
			require.Contains(t, refused["field"], field, body)
		}
	}
	many := strings.Repeat(`{"linkType":"X"},`, 101)
	require.Equal(t, "links", s.refused("POST /data/push", `{"id":"1","type":"X","links":[`+strings.TrimSuffix(many, ",")+`]}`)["field"])
}

// L1612 to 1648.
func TestPushEvent(t *testing.T) {
	s := newServer(t)
	ada := s.People["Ada"]
	body := fmt.Sprintf(`{"eventName":"CUSTOMER_CREATED","id":1234567,"links":[{"linkName":"c","linkType":"CONTACT","linkValue":%d}]}`, ada.ID)
	require.Equal(t, map[string]any{"eventName": "CUSTOMER_CREATED", "id": "1234567", "links": []any{
		map[string]any{"linkName": "c", "linkType": "CONTACT", "linkValue": strconv.FormatInt(ada.ID, 10)},
	}}, s.results("POST /event/push", body)[0])
	s.results("POST /event/push", body)
	events := s.events(ada.ID)
	require.Len(t, events, 1, "an event is known by its id")
	require.Equal(t, "customer_created", events[0].Name)
	active, err := s.Contacts.Get(t.Context(), s.Account, ada.ID)
	require.NoError(t, err)
	require.Equal(t, servicestest.Noon, active.LastActivityAt.UTC())
	require.Positive(t, s.woken, "a flow may begin")
	s.results("POST /event/push", `{"eventName":"CUSTOMER_CREATED","id":"2"}`)
	require.Equal(t, "eventName", s.refused("POST /event/push", `{"id":1}`)["field"])
	require.Equal(t, "eventName", s.refused("POST /event/push", `{"eventName":"é","id":1}`)["field"])
}

func (s *server) property(key string) {
	s.t.Helper()
	_, err := s.Properties.Create(s.t.Context(), property.Property{AccountID: s.Account, Key: key, Label: key, Type: property.Text})
	require.NoError(s.t, err)
}

func (s *server) byID(externalID string) contacts.Contact {
	s.t.Helper()
	found, err := s.Contacts.Search(s.t.Context(), contacts.ContactFilter{AccountID: s.Account, ExternalID: externalID, Limit: 2})
	require.NoError(s.t, err)
	require.Len(s.t, found, 1)
	return found[0]
}

func (s *server) events(contactID int64) []contacts.Event {
	s.t.Helper()
	list, err := s.Events.List(s.t.Context(), s.Account, contactID, 0, 10)
	require.NoError(s.t, err)
	return list
}

// message is what a message says, and the message.
func (s *server) message(result any) (messages.Message, providers.Content) {
	s.t.Helper()
	id, err := strconv.ParseInt(result.(map[string]any)["id"].(string), 10, 64)
	require.NoError(s.t, err)
	m, err := s.Messages.Get(s.t.Context(), s.Account, id)
	require.NoError(s.t, err)
	content, err := s.Messages.Content(s.t.Context(), m)
	require.NoError(s.t, err)
	require.NotNil(s.t, content)
	return m, *content
}
