package chat44mp_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api/compat/chat44mp"
	"carillon/api/gate"
	"carillon/campaigns"
	"carillon/campaigns/flow"
	"carillon/campaigns/flows"
	"carillon/contacts"
	"carillon/internal/secret"
	"carillon/internal/testenv"
	"carillon/messages"
	"carillon/providers"
	"carillon/services/servicestest"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// server is the dialect over real services.
type server struct {
	*servicestest.Fixture
	t       testing.TB
	handler *chat44mp.Server
	page    string
	seen    int64
}

func newServer(t testing.TB) *server {
	s := &server{Fixture: servicestest.New(t), t: t}
	for _, role := range access.Roles() {
		_, err := s.Store.AddKey(t.Context(), access.Key{AccountID: s.Account, Name: string(role), Role: role}, secret.New(string(role)+"-key-0123456789"))
		require.NoError(t, err)
	}
	limits := gate.NewLimits(0, 1, s.Clock)
	s.handler = chat44mp.New(s.Services, func(d gate.Dialect) *gate.Gate {
		return gate.New(gate.Deps{Dialect: d, API: "chat44mp", Keys: s.Keys, Answers: s.Store, Limits: limits, Clock: s.Clock})
	})
	s.page = fmt.Sprint(s.Text.ID)
	return s
}

// ask makes a call as a role; GET has its parameters in the query, POST in the form.
func (s *server) ask(role access.Role, method, call string, given url.Values) string {
	s.t.Helper()
	given.Set("api_key", string(role)+"-key-0123456789")
	address, body := "/api/"+call, ""
	if method == "GET" {
		address += "?" + given.Encode()
	} else {
		body = given.Encode()
	}
	r := httptest.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	require.Equal(s.t, 200, w.Code, "the status is 200 whatever becomes of it")
	require.Equal(s.t, "no-store", w.Header().Get("Cache-Control"))
	return w.Body.String()
}

func (s *server) get(call string, pairs ...string) string {
	return s.ask(access.Editor, "GET", call, values(pairs))
}

func (s *server) post(call string, pairs ...string) string {
	return s.ask(access.Editor, "POST", call, values(pairs))
}

func values(pairs []string) url.Values {
	given := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		given.Set(pairs[i], pairs[i+1])
	}
	return given
}

// failed requires an error with such words, and nothing beside them.
func (s *server) failed(words, answer string) {
	s.t.Helper()
	want, err := json.Marshal(map[string]string{"status": "error", "message": words})
	require.NoError(s.t, err)
	require.JSONEq(s.t, string(want), answer)
}

// number is a field of an answer.
func (s *server) number(answer, field string) string {
	s.t.Helper()
	var of map[string]any
	require.NoError(s.t, json.Unmarshal([]byte(answer), &of), answer)
	require.Contains(s.t, of, field, answer)
	return strings.Trim(strings.TrimSpace(fmt.Sprint(of[field])), `"`)
}

func (s *server) subscriber(psid string) contacts.Contact {
	s.t.Helper()
	c, err := s.Contacts.Create(s.t.Context(), contacts.Contact{
		AccountID: s.Account, FirstName: "Test", LastName: "Uno", Status: contacts.Active,
		Addresses: map[providers.AddressKind]string{providers.Facebook: psid, providers.Phone: "+393331234567"},
	}, "")
	require.NoError(s.t, err)
	return c
}

// L1 to L142: a key in the query of a GET and in the form of a POST, and nowhere else.
func TestKeys(t *testing.T) {
	s := newServer(t)
	ask := func(method, address, body string) string {
		r := httptest.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		require.Equal(t, 200, w.Code)
		return w.Body.String()
	}
	s.failed("API Key is required", ask("GET", "/api/get_contact/?contact_id=1", ""))
	s.failed("API Key is required", ask("POST", "/api/create_contact_group?api_key=editor-key-0123456789", "name=x"))
	s.failed("Either API Key Invalid or Member Validity Expired", ask("GET", "/api/get_contact?api_key=1-nothing", ""))
	s.failed("Either API Key Invalid or Member Validity Expired", ask("POST", "/api/create_contact_group", "api_key=1-nothing&name=x"))
	require.Contains(t, ask("POST", "/api/get_contact", "api_key=editor-key-0123456789"), "API Key is required")
	require.Contains(t, s.ask(access.Admin, "GET", "get_flow_campaigns", url.Values{}), "needs one of", "an administrator's key is not for addresses")
	require.Contains(t, s.ask(access.Viewer, "POST", "create_contact_group", url.Values{"name": {"x"}}), "needs one of")
	require.JSONEq(t, "[]", s.ask(access.Viewer, "GET", "get_flow_campaigns/", url.Values{}))
	for path, serves := range map[string]bool{
		"/api/get_contact": true, "/api/get_contact/": true, "/api/update_contact/7": true, "/api/get_contact/7": false, "/api/v14/user": false,
		"/api/v1/accounts/1/contacts": false, "/api/nothing": false, "/get_contact": false,
	} {
		require.Equal(t, serves, chat44mp.Serves(path), path)
	}
}

// L143 to 262.
func TestSubscribersAndLabels(t *testing.T) {
	s := newServer(t)
	of := s.subscriber("2499454673490220")
	s.failed("Provide subscriber_id field", s.get("subscriber_information"))
	s.failed("No Matching Subscriber Found", s.get("subscriber_information", "subscriber_id", "1"))
	s.failed("Provide page_id field", s.get("get_all_labels"))
	s.failed("No Matching Label Found", s.get("get_all_labels", "page_id", s.page))
	s.failed("Provide page_id field", s.post("create_label", "label_name", "x"))
	s.failed("Provide label_name field", s.post("create_label", "page_id", s.page))
	s.failed("No Enabled Bot Found", s.post("create_label", "page_id", "99999999", "label_name", "x"))
	made := s.post("create_label", "page_id", s.page, "label_name", "Important")
	label := s.number(made, "label_id")
	require.JSONEq(t, fmt.Sprintf(`{"status":"success","label_id":%q}`, label), made)
	require.Contains(t, s.post("create_label", "page_id", s.page, "label_name", "Important"), `"status":"error"`)
	require.JSONEq(t, fmt.Sprintf(`{"status":"success","label_info":[{"label_id":%q,"label_name":"Important"}]}`, label),
		s.get("get_all_labels", "page_id", s.page))

	assign := func(labels, page, psid string) string {
		return s.post("assign_label", "label_ids", labels, "page_id", page, "subscriber_id", psid)
	}
	s.failed("No Enabled Bot Found", assign(label, "99999999", "2499454673490220"))
	s.failed("No Label Found", assign("99999999", s.page, "2499454673490220"))
	s.failed("(#100) The user ID is not valid.", assign(label, s.page, "77"))
	require.JSONEq(t, `{"success":true,"status":"success"}`, assign(label+",99999999", s.page, "2499454673490220"))
	var shown struct {
		Info map[string]string `json:"subscriber_info"`
	}
	require.NoError(t, json.Unmarshal([]byte(s.get("subscriber_information/", "subscriber_id", "2499454673490220")), &shown), "all values are texts")
	require.Equal(t, map[string]string{
		"subscriber_id": "2499454673490220", "labels": label, "first_name": "Test", "last_name": "Uno", "full_name": "Test Uno", "gender": "", "locale": "",
		"timezone": "", "page_name": "", "page_id": "", "unavailable": "0", "last_error_message": "", "refferer_source": "",
		"subscribed_at": of.CreatedAt.UTC().Format(time.DateTime), "email": "", "phone_number": "+393331234567", "birthdate": "0000-00-00",
		"last_subscriber_interaction_time": "0000-00-00 00:00:00",
	}, shown.Info)
}

// L263 to 349.
func TestContactGroups(t *testing.T) {
	s := newServer(t)
	s.failed("The contact type name is required", s.post("create_contact_group"))
	first := s.number(s.post("create_contact_group", "name", "Group 12"), "contact_type_id")
	second := s.number(s.post("create_contact_group", "name", "Group 12"), "contact_type_id")
	require.NotEqual(t, first, second, "the same name again is another group")
	for _, id := range []string{first, second} {
		var shown map[string]string
		require.NoError(t, json.Unmarshal([]byte(s.get("get_contact_group", "contact_type_id", id)), &shown))
		require.Equal(t, []string{id, "Group 12", "0", fmt.Sprint(s.Account)}, []string{shown["id"], shown["type"], shown["deleted"], shown["user_id"]})
		require.Len(t, shown, 5)
	}
	s.failed("The contact type ID is required", s.get("get_contact_group"))
	s.failed("The contact type ID does not exist", s.get("get_contact_group", "contact_type_id", "99999999"))
	s.failed("Invalid contact type ID provided", s.post("update_contact_group/0", "name", "x"))
	s.failed("The contact type name is required", s.post("update_contact_group/"+second))
	s.failed("You don NOT have permission to update contact group", s.post("update_contact_group/99999999", "name", "x"))
	require.JSONEq(t, `{"status":"info","message":"Make sure, you changed the contact group name"}`, s.post("update_contact_group/"+second, "name", "Group 12"))
	require.JSONEq(t, `{"status":"success"}`, s.post("update_contact_group/"+second, "name", "Group 13"))
	require.Contains(t, s.get("get_contact_group", "contact_type_id", second), `"type":"Group 13"`)
	s.failed("The contact_type_id field is required", s.post("delete_contact_group"))
	require.JSONEq(t, fmt.Sprintf(`{"status":"success","message":"The contact type ID (%s) has been deleted"}`, second),
		s.post("delete_contact_group", "contact_type_id", second))
	s.failed("The contact type ID does not exist", s.post("delete_contact_group", "contact_type_id", second))
}

// L350 to 466.
func TestContacts(t *testing.T) { servicestest.Each(t, contactsAreKept) }

func contactsAreKept(t *testing.T) {
	s := newServer(t)
	group := s.number(s.post("create_contact_group", "name", "Group"), "contact_type_id")
	create := func(pairs ...string) string {
		return s.post("create_contact", append([]string{"contact_type_id", group}, pairs...)...)
	}
	s.failed("The contact_type_id is required", s.post("create_contact", "email", "a@example.org"))
	s.failed("You can NOT add the contact to the specified contact group", s.post("create_contact", "contact_type_id", "99999999", "email", "a@example.org"))
	s.failed("The email or phone_number is required", create("first_name", "No"))
	for _, number := range []string{"call me", "01234567891"} {
		require.Contains(t, create("phone_number", number), `"status":"error"`, "no number, and one without a country")
	}
	id := s.number(create("email", "test@example.org", "phone_number", "+39 333 1234567", "first_name", "Test", "last_name", "Uno"), "new_contact_id")
	require.JSONEq(t, fmt.Sprintf(`{"id":"%s","user_id":"%d","contact_type_id":"%s","first_name":"Test","last_name":"Uno","phone_number":"+39 333 1234567",
		"email":"test@example.org","notes":"","unsubscribed":"0","deleted":"0"}`, id, s.Account, group), s.get("get_contact/", "contact_id", id))
	s.failed("Please try with different email address", create("email", "TEST@example.org"))
	s.failed("Please try with different phone_number", create("phone_number", "+393331234567"))
	require.Contains(t, create("phone_number", "+393331234568"), `"new_contact_id":`, "a second one with a number alone")
	require.Contains(t, create("phone_number", "+393331234569"), `"new_contact_id":`)

	// With a country of the account, numbers without one are taken, and shown as they came.
	settings, err := s.Services.Settings.Get(t.Context(), s.Account)
	require.NoError(t, err)
	settings.Country = "it"
	_, err = s.Services.Settings.Set(t.Context(), settings)
	require.NoError(t, err)
	national := s.number(create("phone_number", "333 7654321"), "new_contact_id")
	require.Contains(t, s.get("get_contact", "contact_id", national), `"phone_number":"333 7654321"`)
	settings.Country = "Nowhere"
	_, err = s.Services.Settings.Set(t.Context(), settings)
	require.ErrorContains(t, err, "country")

	s.failed("You should at least provide value for first name or last name or email or phone number", s.post("update_contact/"+id))
	s.failed("The contact ID does not exist", s.post("update_contact/99999999", "first_name", "x"))
	s.failed("Please try with different phone_number", s.post("update_contact/"+id, "phone_number", "+393331234568"))
	require.JSONEq(t, `{"status":"success"}`, s.post("update_contact/"+id, "first_name", "Testo", "phone_number", "+393331112223"))
	require.Contains(t, s.post("update_contact/"+id, "first_name", "Testo"), `"status":"info"`)
	require.Contains(t, s.get("get_contact", "contact_id", id), `"phone_number":"+393331112223"`, "how another number was written is forgotten")

	_, err = s.Consents.OptOut(t.Context(), contacts.ConsentChange{AccountID: s.Account, ContactID: toInt(id), Source: contacts.SourceAPI, Actor: "test"})
	require.NoError(t, err)
	require.Contains(t, s.get("get_contact", "contact_id", id), `"unsubscribed":"1"`)
	s.failed("The contact_id field is required", s.get("get_contact"))
	require.JSONEq(t, fmt.Sprintf(`{"status":"success","message":"The contact ID (%s) has been deleted"}`, id), s.post("delete_contact", "contact_id", id))
	s.failed("The contact ID does not exist", s.get("get_contact", "contact_id", id))
	s.failed("The contact ID does not exist", s.post("delete_contact", "contact_id", id))
}

func toInt(text string) (n int64) {
	_, _ = fmt.Sscan(text, &n)
	return n
}

// L467 to 640: a flow's questions and what was answered.
func TestFlows(t *testing.T) {
	s := newServer(t)
	of := s.subscriber("2499454673490220")
	ask := func(id, text string) flow.Step {
		return flow.Step{
			ID: id, Kind: flow.Ask, Content: &flow.Saying{Content: providers.Content{Text: text}}, Question: &flow.Question{Type: "text", Timeout: "24h"},
		}
	}
	f, err := s.Flows.Create(t.Context(), flows.Flow{
		Campaign: campaigns.Campaign{AccountID: s.Account, Name: "serial check", ChannelID: s.Text.ID},
		Definition: flow.Definition{Steps: []flow.Step{
			ask("pet", "What is your favorite pet?"), ask("color", "What is your favorite color?"), {ID: "over", Kind: flow.End, Outcome: "done"},
		}},
	})
	require.NoError(t, err)
	id := fmt.Sprint(f.ID)
	require.JSONEq(t, fmt.Sprintf(`[{"id":%q,"flow_name":"serial check"}]`, id), s.get("get_flow_campaigns"))
	questions := fmt.Sprintf(`{"id":%q,"flow_name":"serial check","questions":["What is your favorite pet?","What is your favorite color?"]}`, id)
	require.JSONEq(t, questions, s.get("get_flow_campaign_info/", "flow_campaign_id", id))
	posted := httptest.NewRequestWithContext(t.Context(), "POST", "/api/get_flow_campaign_info/?api_key=editor-key-0123456789&flow_campaign_id="+id, nil)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, posted)
	require.JSONEq(t, questions, w.Body.String(), "by POST, too, with its parameters in the query")
	s.failed("The flow_campaign_id field is required", s.get("get_flow_campaign_info"))
	s.failed("The flow campaign ID does not exist", s.get("get_flow_campaign_info", "flow_campaign_id", "99999999"))
	s.failed("The subscriber_id field is required", s.get("get_single_subscriber_flow_info", "flow_campaign_id", id))
	s.failed("The flow campaign ID does not exist", s.get("get_single_subscriber_flow_info", "flow_campaign_id", "99999999", "subscriber_id", "1"))
	require.JSONEq(t, fmt.Sprintf(`{"id":%q,"flow_name":"serial check","data":[]}`, id),
		s.get("get_single_subscriber_flow_info", "flow_campaign_id", id, "subscriber_id", "2499454673490220"))
	require.JSONEq(t, fmt.Sprintf(`{"id":%q,"flow_name":"serial check","data":{}}`, id), s.get("get_all_subscriber_flow_info", "flow_campaign_id", id))

	_, err = s.Flows.Start(t.Context(), s.Account, f.ID, "test")
	require.NoError(t, err)
	_, err = s.Flows.Enter(t.Context(), s.Account, flows.Entry{CampaignID: f.ID, Source: "api"}, []flows.Who{{ID: of.ID}})
	require.NoError(t, err)
	for _, text := range []string{"Dog", "Black"} {
		s.move()
		s.send()
		_, err := s.Replies.Take(t.Context(), s.Text, []providers.Reply{{ID: text, From: "+393331234567", Text: text, At: s.Clock.Now()}})
		require.NoError(t, err)
		s.move()
	}
	var one struct {
		Data []struct {
			QuestionID string `json:"question_id"`
			Question   string `json:"question"`
			Answer     string `json:"answer"`
		} `json:"data"`
	}
	require.NoError(t, json.Unmarshal([]byte(s.get("get_single_subscriber_flow_info", "flow_campaign_id", id, "subscriber_id", "2499454673490220")), &one))
	require.Len(t, one.Data, 2)
	require.Equal(t, []string{"What is your favorite pet?", "Dog", "What is your favorite color?", "Black"},
		[]string{one.Data[0].Question, one.Data[0].Answer, one.Data[1].Question, one.Data[1].Answer})
	require.JSONEq(t, fmt.Sprintf(`{"id":"%s","flow_name":"serial check","data":{"2499454673490220":[
		{"id":"%[2]s","question_id":"%[2]s","question":"What is your favorite pet?","answer":"Dog"},
		{"id":"%[3]s","question_id":"%[3]s","question":"What is your favorite color?","answer":"Black"}]}}`, id, one.Data[0].QuestionID, one.Data[1].QuestionID),
		s.get("get_all_subscriber_flow_info", "flow_campaign_id", id))
}

// move walks everybody on who is due.
func (s *server) move() {
	s.t.Helper()
	s.Clock.Advance(time.Second)
	for {
		worked, err := s.Store.MoveFlows(s.t.Context())
		require.NoError(s.t, err)
		if !worked {
			return
		}
	}
}

// send has what waits sent, as a worker does.
func (s *server) send() {
	s.t.Helper()
	ctx := s.t.Context()
	worker, err := s.Store.RegisterWorker(ctx, "w")
	require.NoError(s.t, err)
	writer := s.Store.StartWriter(worker)
	defer writer.Stop()
	over := make(chan struct{})
	defer close(over)
	go func() { // the writer gathers for a moment of the clock
		for {
			select {
			case <-over:
				return
			case <-time.After(time.Millisecond):
				s.Clock.Advance(time.Millisecond)
			}
		}
	}()
	list, err := s.Messages.List(ctx, messages.MessageFilter{AccountID: s.Account, ChannelID: s.Text.ID, After: s.seen, Limit: 10})
	require.NoError(s.t, err)
	require.Len(s.t, list, 1)
	m := list[0]
	s.seen = m.ID
	_, err = s.Store.Feed(ctx, messages.FeedRequest{ChannelID: s.Text.ID, RunID: m.RunID, Envelopes: []int64{m.ID}, PerEnvelope: 10})
	require.NoError(s.t, err)
	claimed, err := writer.Claim(ctx, messages.Claim{WorkerID: worker, ChannelID: s.Text.ID, RunID: m.RunID, EnvelopeID: m.ID, MessageIDs: []int64{m.ID}})
	require.NoError(s.t, err)
	require.Equal(s.t, []int64{m.ID}, claimed)
	require.NoError(s.t, writer.Record(ctx, []messages.Outcome{{
		MessageID: m.ID, ChannelID: s.Text.ID, RunID: m.RunID, WorkerID: worker, Attempt: 1, State: messages.Sent, At: s.Clock.Now(),
	}}))
}

// Whatever is sent, it is answered, and by no fault of ours.
func FuzzCalls(f *testing.F) {
	for _, seed := range []string{
		"name=x", "contact_type_id=1&email=a&phone_number=%2B39333", "label_ids=1,,2&page_id=2&subscriber_id=1", "%zz", "{\"name\":\"x\"}", "\xff",
	} {
		for _, call := range []string{"create_contact", "create_label", "assign_label", "update_contact/1", "create_contact_group", "delete_contact_group"} {
			f.Add(call, seed)
		}
	}
	s := newServer(f)
	f.Fuzz(func(t *testing.T, call, body string) {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/x", strings.NewReader("api_key=editor-key-0123456789&"+body))
		r.URL.Path = "/api/" + call
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		require.Equal(t, 200, w.Code)
		require.True(t, json.Valid(w.Body.Bytes()), w.Body.String())
		require.NotContains(t, w.Body.String(), "on our side")
	})
}
