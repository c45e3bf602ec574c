package chatwoot_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/api/compat/chatwoot"
	"carillon/campaigns"
	"carillon/messages"
	"carillon/providers"
	"carillon/providers/fetch"
	"carillon/services/servicestest"
	"carillon/templates"
	"carillon/webhooks"
)

// sent is the message that an entry went out as, and what it says.
func (s *server) sent(entry map[string]any) (messages.Message, providers.Content) {
	s.t.Helper()
	e, err := s.Conversations.Entry(s.t.Context(), s.Account, int64(entry["id"].(float64)))
	require.NoError(s.t, err)
	require.NotZero(s.t, e.MessageID)
	of, err := s.Messages.Get(s.t.Context(), s.Account, e.MessageID)
	require.NoError(s.t, err)
	content, err := s.Messages.Content(s.t.Context(), of)
	require.NoError(s.t, err)
	return of, *content
}

// mary makes somebody who is written to.
func (s *server) mary() (id any) {
	return s.made("contacts", m{"name": "Mary", "phone_number": "+447700900123", "email": "mary@example.org"}, "payload", "contact")["id"]
}

func TestConversations(t *testing.T) {
	s := newServer(t)
	mary := s.mary()
	source := s.made(fmt.Sprintf("contacts/%v/contact_inboxes", mary), m{"inbox_id": s.whats.ID})
	require.Equal(t, "447700900123", source["source_id"])
	require.Equal(t, "Channel::Whatsapp", in(t, source, "inbox")["channel_type"])
	conv := s.made("conversations", m{
		"source_id": source["source_id"], "inbox_id": fmt.Sprint(s.whats.ID), "contact_id": fmt.Sprint(mary), "status": "open",
		"message": m{"content": "Hi Mary", "template_params": m{"name": "unknown_template", "language": "en_US", "processed_params": m{"1": "Mary"}}},
	})
	require.EqualValues(t, 1, conv["id"], "the account's running number")
	require.Equal(t, mary, in(t, conv, "meta", "sender")["id"])
	require.Equal(t, "Hi Mary", in(t, conv["messages"].([]any)[0])["content"])
	_, content := s.sent(in(t, conv["messages"].([]any)[0]))
	require.Equal(t, "Hi Mary", content.Text, "where the catalogue has no such template the text is sent")
	require.Equal(t, 1, s.woken)

	app := s.made("conversations", m{"inbox_id": s.app.ID, "contact_id": mary})
	require.EqualValues(t, 2, app["id"])
	require.Empty(t, app["messages"])
	for body, status := range map[string]int{
		`{"inbox_id":99,"contact_id":1}`:                         404,
		`{"source_id":"nobody"}`:                                 404,
		fmt.Sprintf(`{"inbox_id":%d,"contact_id":99}`, s.app.ID): 404,
		fmt.Sprintf(`{"contact_id":%v}`, mary):                   404,
		`{"source_id":"447700900123"}`:                           200,
		fmt.Sprintf(`{"source_id":"447700900123","contact_id":%v,"inbox_id":%d}`, s.made("contacts", m{"name": "X", "phone_number": "+447700900124"},
			"payload", "contact")["id"],
			s.whats.ID): 422,
	} {
		s.ask(status, "POST", "conversations", json.RawMessage(body))
	}
	list := in(t, s.ask(200, "GET", "conversations", nil), "data")
	require.Equal(t, m{"mine_count": 0., "assigned_count": 0., "unassigned_count": 3., "all_count": 3.}, list["meta"])
	require.Equal(t, m{"payload": m{"success": true, "conversation_id": 2., "current_status": "resolved", "snoozed_until": nil}},
		s.ask(200, "POST", "conversations/2/toggle_status", m{"status": "resolved"}))
	require.EqualValues(t, 2, in(t, s.ask(200, "GET", "conversations", nil), "data", "meta")["all_count"], "open is the default")
	require.EqualValues(t, 3, in(t, s.ask(200, "GET", "conversations?status=all", nil), "data", "meta")["all_count"])
	require.Equal(t, m{"payload": []any{"hot"}}, s.ask(200, "POST", "conversations/1/labels", m{"labels": []string{"Hot"}}))
	require.EqualValues(t, 1, in(t, s.ask(200, "GET", "conversations?labels[]=hot", nil), "data", "meta")["all_count"])
	require.Len(t, in(t, s.ask(200, "GET", fmt.Sprintf("contacts/%v/conversations", mary), nil))["payload"], 3)
	require.Equal(t, m{"open": 2., "unattended": 2., "unassigned": 2., "pending": 0.},
		s.ask(200, "GET", fmt.Sprintf("/api/v2/accounts/%d/reports/conversations/?type=account", s.Account), nil))
}

func TestMessages(t *testing.T) { servicestest.Each(t, messagesAreSaid) }

func messagesAreSaid(t *testing.T) {
	s := newServer(t)
	mary := s.mary()
	s.made("conversations", m{"inbox_id": s.whats.ID, "contact_id": mary})
	s.made("conversations", m{"inbox_id": s.app.ID, "contact_id": mary})
	hello := s.made("conversations/1/messages", m{"content": "Hello {{ 1 }} {%", "message_type": "outgoing", "echo_id": "e-1", "content_attributes": m{"a": 1}})
	require.Equal(t, m{
		"id": hello["id"], "content": "Hello {{ 1 }} {%", "inbox_id": float64(s.whats.ID), "conversation_id": 1., "message_type": 1., "content_type": "text",
		"status": "sent", "content_attributes": m{"a": 1.}, "created_at": hello["created_at"], "private": false, "source_id": nil, "echo_id": "e-1",
	}, hello, "what is no Liquid is a text")
	of, content := s.sent(hello)
	require.Equal(t, "+447700900123", of.Address)
	require.Equal(t, "Hello {{ 1 }} {%", content.Text)
	named := s.made("conversations/1/messages", m{"content": "Dear {{contact.name}} at {{ contact.phone_number }} of {{ inbox.name }}, `{{ inbox.name }}`, `x`"})
	require.Equal(t, "Dear Mary at +447700900123 of whatsapp, `{{ inbox.name }}`, `x`", named["content"])

	woken := s.woken
	note := s.made("conversations/1/messages", m{"content": "a note", "private": true})
	require.Equal(t, true, note["private"])
	require.Equal(t, woken, s.woken, "a note is sent to nobody")
	all, err := s.Messages.List(t.Context(), messages.MessageFilter{AccountID: s.Account, Limit: 10})
	require.NoError(t, err)
	require.Len(t, all, 2)

	cards := s.made("conversations/1/messages", m{"content": "Look", "content_type": "cards", "content_attributes": m{"items": []any{
		m{"title": "A", "actions": []any{m{"type": "link", "text": "Go", "uri": "https://example.org"}, m{"type": "postback", "text": "Yes", "payload": "y"}}},
	}}})
	require.Equal(t, "cards", cards["content_type"])
	_, content = s.sent(cards)
	require.Equal(t, "Look", cards["content"])
	require.Contains(t, content.Text, "https://example.org", "this channel has no buttons of its own")
	for body, said := range map[string]string{
		`{"content":"x","message_type":"incoming"}`:           "Incoming messages are only allowed in Api inboxes",
		`{"content":"` + strings.Repeat("x", 150_001) + `"}`:  "",
		`{"content":"x","content_type":"cards"}`:              "Validation failed: Content attributes At least one item is required.",
		`{"content":"x","template_params":{"language":"en"}}`: "Validation failed: Additional attributes Name is required",
		`{"content":"x","message_type":"sideways"}`:           "'sideways' is not a valid message_type",
		`{"content":""}`:                        "Validation failed: Content can't be blank",
		`{"content":"x","template_params":[1]}`: "Validation failed: Additional attributes template_params must be of type hash",
	} {
		if said == "" { // the bound of bodies is below that of texts here
			s.ask(413, "POST", "conversations/1/messages", json.RawMessage(body))
			continue
		}
		require.Equal(t, m{"error": said}, s.ask(422, "POST", "conversations/1/messages", json.RawMessage(body)))
	}
	hi := s.made("conversations/2/messages", m{"content": "hi", "message_type": "incoming"})
	require.EqualValues(t, 0, hi["message_type"])
	require.Equal(t, mary, in(t, hi, "sender")["id"])
	require.Equal(t, "contact", in(t, hi, "sender")["type"])

	shown := s.ask(200, "GET", "conversations/1/messages", nil)
	require.Equal(t, mary, in(t, shown, "meta", "contact")["id"])
	require.Equal(t, []any{hello["id"], named["id"], note["id"], cards["id"]}, ids(t, shown), "the oldest first")
	require.Equal(t, []any{hello["id"]}, ids(t, s.ask(200, "GET", fmt.Sprintf("conversations/1/messages?before=%v", named["id"]), nil)))
	require.Equal(t, []any{note["id"], cards["id"]}, ids(t, s.ask(200, "GET", fmt.Sprintf("conversations/1/messages?after=%v", named["id"]), nil)))
	gone := s.ask(200, "DELETE", fmt.Sprintf("conversations/1/messages/%v", hello["id"]), nil)
	require.Equal(t, "This message was deleted", in(t, gone)["content"])
	require.Equal(t, m{"deleted": true}, in(t, gone)["content_attributes"])
	require.Equal(t, m{"error": "Message status update is only allowed for API inboxes"},
		s.ask(403, "PATCH", fmt.Sprintf("conversations/1/messages/%v", named["id"]), m{"status": "read"}))
	s.ask(404, "DELETE", fmt.Sprintf("conversations/2/messages/%v", named["id"]), nil)

	// As clients send it: a form with files, nested values as JSON texts.
	kind, body := form(t, map[string]string{
		"content": "Order 10", "message_type": "outgoing", "private": "false", "content_attributes": "{}",
		"template_params": `{"name":"order","language":"en_US","processed_params":{"1":"10"}}`,
	}, map[string]string{"attachments[]": "a file"})
	sent := in(t, s.answer(200, s.request("POST", "conversations/1/messages", kind, body)))
	require.Equal(t, "Order 10", sent["content"])
	require.Contains(t, in(t, sent["attachments"].([]any)[0])["data_url"], "/files/")
}

// template_params in all their forms come to a template of the catalogue.
func TestTemplates(t *testing.T) {
	s := newServer(t)
	_, err := s.Catalogue.CreateTemplate(t.Context(), templates.Template{AccountID: s.Account, Name: "order_update", Definition: templates.Definition{
		Category: "utility", Kinds: []providers.AddressKind{providers.WhatsApp}, Default: "en-US",
		Parameters:   []templates.Parameter{{Name: "1", Value: "{{ row.order }}", Sample: "7"}},
		Translations: []templates.Translation{{Language: "en-US", Body: "Your order {{1}} is on its way."}},
	}})
	require.NoError(t, err)
	s.made("conversations", m{"inbox_id": s.whats.ID, "contact_id": s.mary()})
	for name, params := range map[string]any{
		"by part":     m{"name": "order_update", "language": "en_US", "processed_params": m{"body": m{"1": "7"}}},
		"flat":        m{"name": "order_update", "language": "en_US", "processed_params": m{"1": "7"}},
		"a list":      m{"name": "order_update", "language": "en_US", "processed_params": []string{"7"}},
		"a JSON text": `{"name":"order_update","language":"en_US","processed_params":{"1":"7"}}`,
	} {
		entry := s.made("conversations/1/messages", m{"content": "Order 7", "template_params": params})
		require.Equal(t, "Order 7", entry["content"], name)
		_, content := s.sent(entry)
		require.Equal(t, "Your order 7 is on its way.", content.Text, name)
	}
	s.ask(422, "POST", "conversations/1/messages", m{"content": "x", "template_params": m{"name": "order_update", "processed_params": m{"2": "7"}}})
	inbox := in(t, s.ask(200, "GET", fmt.Sprintf("inboxes/%d/", s.whats.ID), nil))
	require.Equal(t, "order_update", in(t, inbox["message_templates"].([]any)[0])["name"])
	require.Len(t, in(t, s.ask(200, "GET", "inboxes", nil))["payload"], 4)
}

func TestCampaigns(t *testing.T) {
	s := newServer(t)
	vip := s.made("labels", m{"title": "vip"})["id"]
	s.ask(200, "POST", fmt.Sprintf("contacts/%v/labels", s.mary()), m{"labels": []string{"vip"}})
	spring := s.made("campaigns", m{
		"title": "Spring", "description": "d", "message": "Hello {{contact.name}}", "inbox_id": s.Text.ID, "scheduled_at": "2027-01-01T09:00:00Z",
		"audience": []any{m{"type": "Label", "id": vip}},
	})
	require.EqualValues(t, 1, spring["id"])
	require.Equal(t, "active", spring["campaign_status"])
	require.Equal(t, "one_off", spring["campaign_type"])
	require.EqualValues(t, time.Date(2027, 1, 1, 9, 0, 0, 0, time.UTC).Unix(), spring["scheduled_at"])
	require.Equal(t, []any{m{"type": "Label", "id": vip}}, spring["audience"])
	kept, err := s.Campaigns.List(t.Context(), campaigns.Filter{AccountID: s.Account, Number: 1, Limit: 1})
	require.NoError(t, err)
	require.Equal(t, campaigns.Scheduled, kept[0].Status)
	require.Equal(t, m{"message": "Title can't be blank", "attributes": []any{"title"}}, s.ask(422, "POST", "campaigns", m{"message": "x", "inbox_id": s.Text.ID}))
	require.Equal(t, m{"message": "Message can't be blank, Inbox must exist", "attributes": []any{"message", "inbox"}}, s.ask(422, "POST", "campaigns",
		m{"title": "x"}))
	summer := in(t, s.ask(200, "PATCH", "campaigns/1", m{"title": "Summer"}))
	require.Equal(t, "Summer", summer["title"])
	require.Equal(t, "Hello {{contact.name}}", summer["message"])
	require.Equal(t, "d", summer["description"])
	wa := s.made("campaigns", m{"title": "WA", "message": "Order", "inbox_id": s.whats.ID, "scheduled_at": "2027-01-01T09:00:00Z",
		"audience": []any{m{"type": "Label", "id": vip}}, "template_params": m{"name": "order_update", "processed_params": m{"body": m{"1": "{{contact.name}}"}}}})
	require.Equal(t, "order_update", in(t, wa, "template_params")["name"])
	now := s.made("campaigns", m{"title": "Now", "message": "Hi", "inbox_id": s.Text.ID, "audience": []any{m{"type": "Label", "id": vip}}})
	require.EqualValues(t, 3, now["id"])
	require.Len(t, s.ask(200, "GET", "campaigns", nil), 3)
	s.ask(200, "DELETE", "campaigns/1", nil)
	s.ask(404, "GET", "campaigns/1", nil)
	require.Len(t, s.ask(200, "GET", "campaigns", nil), 2)
	off := s.made("campaigns", m{"title": "Off", "message": "Hi", "inbox_id": s.Text.ID, "enabled": false, "audience": []any{m{"type": "Label", "id": vip}}})
	require.EqualValues(t, 4, off["id"], "no number comes again")
	kept, err = s.Campaigns.List(t.Context(), campaigns.Filter{AccountID: s.Account, Number: 4, Limit: 1})
	require.NoError(t, err)
	require.Equal(t, campaigns.Draft, kept[0].Status)
}

func TestImportAndExport(t *testing.T) {
	s := newServer(t)
	s.people()
	require.Equal(t, m{"error": "File is blank"}, s.ask(422, "POST", "contacts/import", m{}))
	kind, body := form(t, nil, map[string]string{"import_file": "name,email,phone_number,identifier,city,plan,shoe size,labels\n" +
		"Alan,alan@example.org,447700900999,crm-9,London,gold,44,\"vip,new\"\nBad,bad,,,,,,\n"})
	s.answer(422, s.request("POST", "contacts/import", kind, body))
	kind, body = form(t, nil, map[string]string{"import_file": "name,email,phone_number,identifier,city,plan,shoe_size,labels\n" +
		"Alan,alan@example.org,447700900999,crm-9,London,gold,44,\"vip,new\"\nBad,bad,,,,,,\n"})
	s.answer(200, s.request("POST", "contacts/import", kind, body))
	for more := true; more; {
		var err error
		more, err = s.Importer.RunNext(t.Context())
		require.NoError(t, err)
	}
	alan := in(t, in(t, s.ask(200, "GET", "contacts/search?q=alan@example.org", nil))["payload"].([]any)[0])
	require.Equal(t, "+447700900999", alan["phone_number"])
	require.Equal(t, m{"plan": "gold", "shoe_size": "44"}, alan["custom_attributes"])
	require.Equal(t, m{"payload": []any{"vip", "new"}}, s.ask(200, "GET", fmt.Sprintf("contacts/%v/labels", alan["id"]), nil))
	kept, err := s.Contacts.Get(t.Context(), s.Account, int64(alan["id"].(float64)))
	require.NoError(t, err)
	require.Equal(t, "+447700900999", kept.Addresses[providers.WhatsApp])

	w := s.request("POST", "contacts/export", "application/json", strings.NewReader(`{"column_names":["name","email","plan"],"label":"vip"}`))
	require.Equal(t, 200, w.Code)
	require.Equal(t, "name,email,plan\nAda,ada@example.org,Gold\nAlan,alan@example.org,gold\n", w.Body.String())
}

func TestReports(t *testing.T) {
	s := newServer(t)
	s.made("conversations", m{"inbox_id": s.app.ID, "contact_id": s.mary()})
	s.made("conversations/1/messages", m{"content": "hi", "message_type": "incoming"})
	reports := fmt.Sprintf("/api/v2/accounts/%d/reports", s.Account)
	days := s.ask(200, "GET", reports+"?metric=conversations_count&type=account", nil).([]any)
	require.Len(t, days, 31, "of 30 days")
	require.EqualValues(t, 1, in(t, days[30])["value"])
	require.EqualValues(t, 1, in(t, s.ask(200, "GET", reports+"?metric=incoming_messages_count&type=account", nil).([]any)[30])["value"])
	require.Equal(t, m{}, s.ask(200, "GET", reports+"?metric=happiness&type=account", nil))
	require.Contains(t, in(t, s.ask(200, "GET", reports+"?metric=reply_time&type=account&group_by=year", nil).([]any)[0]), "count")
	s.ask(422, "GET", reports+"?metric=conversations_count", nil)
	summary := in(t, s.ask(200, "GET", reports+"/summary/?type=account", nil))
	require.EqualValues(t, 1, summary["conversations_count"])
	require.EqualValues(t, 0, in(t, summary, "previous")["conversations_count"])
	require.Empty(t, s.ask(200, "GET", reports+"/conversations?type=agent", nil))
}

// told has the format tell what happened.
func (s *server) told(w webhooks.Webhook, event webhooks.Event, data any) (body map[string]any, ok bool) {
	s.t.Helper()
	text, err := json.Marshal(data)
	require.NoError(s.t, err)
	f := chatwoot.NewFormat(s.Services, s.Clock)
	r, ok, err := f.Request(s.t.Context(), w, webhooks.Delivery{Key: "msg_1"}, webhooks.Occurrence{Type: event, Data: text})
	require.NoError(s.t, err)
	if !ok {
		return nil, false
	}
	require.Regexp(s.t, `^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$`, r.Header.Get("X-Chatwoot-Delivery"))
	at := r.Header.Get("X-Chatwoot-Timestamp")
	require.Equal(s.t, fmt.Sprint(s.Clock.Now().Unix()), at)
	mac := hmac.New(sha256.New, []byte(w.Secrets[0].Reveal()))
	_, err = fmt.Fprintf(mac, "%s.%s", at, r.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, "sha256="+hex.EncodeToString(mac.Sum(nil)), r.Header.Get("X-Chatwoot-Signature"))
	require.NoError(s.t, json.Unmarshal(r.Body, &body))
	return body, true
}

func TestWebhooks(t *testing.T) {
	s := newServer(t)
	hook := in(t, s.made("webhooks", m{"url": "https://example.org/hook"}), "payload", "webhook")
	require.Equal(t, []any{"conversation_status_changed", "conversation_updated", "conversation_created", "contact_created", "contact_updated",
		"message_created", "message_updated", "webwidget_triggered"}, hook["subscriptions"])
	for body, want := range map[string]m{
		`{"url":"https://example.org/hook"}`:                                    {"message": "Url has already been taken", "attributes": []any{"url"}},
		`{"url":"javascript:alert(1)"}`:                                         {"message": "Url is invalid", "attributes": []any{"url"}},
		`{"url":"https://example.org/x","subscriptions":["campaign_finished"]}`: {"message": "Subscriptions Invalid events", "attributes": []any{"subscriptions"}},
		`{"webhook":{"url":"https://example.org/x","subscriptions":[]}}`:        {"message": "Subscriptions Invalid events", "attributes": []any{"subscriptions"}},
	} {
		require.Equal(t, want, s.ask(422, "POST", "webhooks", json.RawMessage(body)), body)
	}
	id := fmt.Sprintf("webhooks/%v", hook["id"])
	w, err := s.Webhooks.Get(t.Context(), s.Account, int64(hook["id"].(float64)))
	require.NoError(t, err)
	require.Equal(t, hook["secret"], w.Secrets[0].Reveal())
	require.False(t, w.Wants("message.sent", s.whats.ID, 7), "what campaigns send is no message there")
	require.True(t, w.Wants("message.sent", s.whats.ID, 0))

	mary := s.mary()
	number := int64(mary.(float64))
	body, ok := s.told(w, webhooks.ContactCreated, webhooks.Contact{ID: number})
	require.True(t, ok)
	require.Equal(t, m{
		"event": "contact_created", "account": m{"id": float64(s.Account), "name": "tests"}, "additional_attributes": m{}, "avatar": "", "custom_attributes": m{},
		"email": "mary@example.org", "id": mary, "identifier": nil, "name": "Mary", "phone_number": "+447700900123", "thumbnail": "", "blocked": false,
	}, body)
	body, _ = s.told(w, webhooks.ContactUpdated, webhooks.Contact{ID: number, Changed: []string{"name", "addresses.sms", "addresses.phone"}})
	require.Equal(t, []any{m{"name": m{"previous_value": nil, "current_value": "Mary"}}, m{"phone_number": m{"previous_value": nil,
		"current_value": "+447700900123"}}},
		body["changed_attributes"])
	s.made("conversations", m{"inbox_id": s.app.ID, "contact_id": mary})
	body, _ = s.told(w, webhooks.ConversationCreated, webhooks.Conversation{ID: 1})
	require.Equal(t, "conversation_created", body["event"])
	require.Equal(t, "Channel::Api", body["channel"])
	require.Equal(t, mary, in(t, body, "meta", "sender")["id"])
	entry := s.made("conversations/1/messages", m{"content": "Hello"})
	entryID := int64(entry["id"].(float64))
	body, _ = s.told(w, webhooks.ConversationEntry, webhooks.Conversation{ID: 1, EntryID: entryID})
	require.Equal(t, "message_created", body["event"])
	require.Equal(t, "outgoing", body["message_type"])
	require.Equal(t, "Hello", body["content"])
	require.IsType(t, "", body["created_at"])
	require.EqualValues(t, 1, in(t, body, "conversation")["id"])
	of, _ := s.sent(entry)
	body, _ = s.told(w, "message.sent", webhooks.Message{ID: of.ID})
	require.Equal(t, "message_updated", body["event"])
	require.Equal(t, "sent", in(t, in(t, body, "conversation")["messages"].([]any)[0])["status"])
	_, ok = s.told(w, "message.read", webhooks.Message{ID: of.ID + 99})
	require.False(t, ok, "what is in no conversation is told nobody")

	changed := in(t, s.ask(200, "PUT", id, m{"subscriptions": []string{"message_created"}}), "payload", "webhook")
	require.Equal(t, []any{"message_created"}, changed["subscriptions"])
	w, err = s.Webhooks.Get(t.Context(), s.Account, w.ID)
	require.NoError(t, err)
	_, ok = s.told(w, webhooks.ContactCreated, webhooks.Contact{ID: number})
	require.False(t, ok)
	s.ask(200, "DELETE", id, nil)
	require.Equal(t, m{"payload": m{"webhooks": []any{}}}, s.ask(200, "GET", "webhooks", nil))

	f := chatwoot.NewFormat(s.Services, nil)
	require.True(t, f.Took(fetch.Told{Status: 204}))
	require.False(t, f.Took(fetch.Told{Status: 302}))
}

// A reply comes into the contact's open conversation, else into a new one, where the account
// has conversations.
func TestReplies(t *testing.T) {
	s := newServer(t)
	mary := s.mary()
	take := func(id string) {
		_, err := s.Replies.Take(t.Context(), s.whats, []providers.Reply{{ID: id, From: "447700900123", Text: "Hello " + id}})
		require.NoError(t, err)
	}
	take("1")
	require.EqualValues(t, 0, in(t, s.ask(200, "GET", "conversations?status=all", nil), "data", "meta")["all_count"], "nobody wants to know of conversations")
	s.made("conversations", m{"inbox_id": s.whats.ID, "contact_id": mary})
	take("2")
	last := in(t, s.ask(200, "GET", "conversations/1/messages", nil))["payload"].([]any)
	require.Equal(t, "Hello 2", in(t, last[0])["content"])
	s.ask(200, "POST", "conversations/1/toggle_status", nil)
	take("3")
	require.Equal(t, "Hello 3", in(t, in(t, s.ask(200, "GET", "conversations/2/messages", nil))["payload"].([]any)[0])["content"])

	// Who is erased is gone from them.
	_, err := s.Contacts.Erase(t.Context(), s.Account, int64(mary.(float64)), false)
	require.NoError(t, err)
	s.ask(404, "GET", "conversations/1", nil)
}

// FuzzBodies has calls take whatever may come: none breaks, and none is a fault of ours.
func FuzzBodies(f *testing.F) {
	for _, seed := range []struct{ path, kind, body string }{
		{"contacts", "application/json", `{"name":"Ada","custom_attributes":{"a":[1,{"b":null}]},"additional_attributes":{"city":7}}`},
		{"contacts", "application/x-www-form-urlencoded", "name=x&additional_attributes[city]=y&a[][b][]=z&labels[]=1"},
		{"contacts/filter", "application/json", `{"payload":[{"attribute_key":"name","filter_operator":"contains","values":["a",{}],"query_operator":"or"},{}]}`},
		{"contacts/filter", "application/json", `{"payload":"[1]"}`},
		{"custom_filters", "application/json", `{"name":"x","filter_type":1,"query":{"payload":[{"attribute_key":"labels"}]}}`},
		{"labels", "application/json", `{"label":{"title":"é_1","color":"#fff"}}`},
		{"custom_attribute_definitions", "application/json", `{"attribute_key":"ü.1","attribute_display_name":"n","attribute_model":1,"attribute_values":{}}`},
		{"conversations", "application/json", `{"inbox_id":"3","contact_id":1e3,"message":{"content":"{{x","template_params":{"name":"t","processed_params":[[]]}}}`},
		{"conversations/1/messages", "application/json", `{"content":"{% if %}","content_type":"cards","content_attributes":{"items":[{"actions":[{}]}]}}`},
		{"campaigns", "application/json", `{"title":"t","message":"m","inbox_id":2,"audience":[{"id":"x"}],"scheduled_at":"-1"}`},
		{"webhooks", "application/json", `{"webhook":{"url":"http://[::1","subscriptions":"message_created"}}`},
	} {
		f.Add(seed.path, seed.kind, seed.body)
	}
	s := newServer(f)
	s.made("conversations", m{"inbox_id": s.app.ID, "contact_id": s.mary()})
	f.Fuzz(func(t *testing.T, path, kind, body string) {
		if len(path) > 100 || strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("%?#", r) }) {
			return // which is no path
		}
		s.t = t
		w := s.request("POST", path, kind, strings.NewReader(body))
		require.Less(t, w.Code, 500, w.Body.String())
	})
}
