package messengerpeople_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/api/compat/messengerpeople"
	"carillon/contacts"
	"carillon/providers/fetch"
	"carillon/services/servicestest"
	"carillon/webhooks"
)

const hookFields = "id,messenger,usernumber,date,text,userstatus,is_retry"

func TestWebhook(t *testing.T) {
	s := newServer(t)
	usual := "id,messenger,usernumber,date,attachment,attachment_type,text,welcome,channelnumber,userstatus,chat_id"
	require.Equal(t, map[string]any{"code": 200., "url": "", "active": "0", "email": "", "webhook_fields": usual}, s.ok("GET", "channel/webhook"))
	s.refused("url", "PUT", "channel/webhook", "test", "1")
	s.refused("url", "PUT", "channel/webhook", "active", "1")
	set := []string{"url", "https://example.org/hook", "active", "1", "email", "ops@example.org", "webhook_fields", hookFields}
	require.Equal(t, map[string]any{
		"code": 200., "url": "https://example.org/hook", "active": "1", "email": "ops@example.org", "webhook_fields": hookFields,
	}, s.ok("PUT", "channel/webhook", set...))
	s.refused("is no field", "PUT", "channel/webhook", "webhook_fields", "id,shoesize")
	s.refused("url", "PUT", "channel/webhook", "url", "shoe")
	s.refused("e-mail", "PUT", "channel/webhook", "email", "shoe")

	s.ok("PUT", "channel/webhook", "test", "1")
	require.Len(t, s.poster.bodies, 1)
	var sent struct {
		Messages []map[string]string `json:"messages"`
	}
	require.NoError(t, json.Unmarshal([]byte(s.poster.bodies[0]), &sent), "all values are texts")
	require.Len(t, sent.Messages, 3)
	for i, messenger := range []string{"WB", "WB", "FB"} {
		require.Equal(t, messenger, sent.Messages[i]["messenger"])
		require.Len(t, sent.Messages[i], 7, "only the fields that are asked for")
	}
	for _, answer := range []fetch.Told{
		{Status: 200, Text: "ok"}, {Status: 500, Text: `{"success":"true"}`}, {Status: 200, Text: `{"success":"false"}`}, {Text: "refused"},
	} {
		s.poster.answer = answer
		s.refused("must answer", "PUT", "channel/webhook", "test", "1")
		require.False(t, messengerpeople.Format{}.Took(answer))
	}
	require.True(t, messengerpeople.Format{}.Took(fetch.Told{Status: 200, Text: `{"success":true}`}))
	s.ok("PUT", "channel/webhook", "active", "0")
	require.Equal(t, "0", s.ok("GET", "channel/webhook")["active"])
	list, err := s.Webhooks.List(t.Context(), s.Account, 0, 10)
	require.NoError(t, err)
	require.Len(t, list, 1, "there is one for a channel")
	require.Equal(t, []webhooks.Event{webhooks.MessageReceived}, list[0].Events)
	require.NotZero(t, list[0].KeyID)
	most, off := messengerpeople.Format{}.Tries(list[0])
	require.Equal(t, 10, most)
	require.True(t, off)
}

// What is told of a message, field by field.
func TestFormat(t *testing.T) {
	s := newServer(t)
	s.people()
	s.ok("PUT", "channel/webhook", "url", "https://example.org/hook", "webhook_fields",
		"id,messenger,usernumber,date,attachment,attachment_type,text,welcome,channelnumber,userstatus,chat_id,bot_chatid,is_retry")
	list, err := s.Webhooks.List(t.Context(), s.Account, 0, 10)
	require.NoError(t, err)
	format := messengerpeople.Format{Services: s.Services}
	found, err := s.Contacts.Search(t.Context(), contacts.ContactFilter{AccountID: s.Account, Text: "+" + anna, Limit: 1})
	require.NoError(t, err)
	ask := func(from string, contact int64, tries int, meaning string) map[string]string {
		data, err := json.Marshal(webhooks.Reply{ID: 7, ContactID: contact, ChannelID: s.channel.ID, Meaning: meaning, Content: &webhooks.Written{From: from,
			Text: "hello there"}})
		require.NoError(t, err)
		r, ok, err := format.Request(t.Context(), list[0], webhooks.Delivery{Tries: tries}, webhooks.Occurrence{
			Type: webhooks.MessageReceived, Timestamp: servicestest.Noon, Data: data,
		})
		require.NoError(t, err)
		require.True(t, ok)
		var body struct {
			Messages []map[string]string `json:"messages"`
		}
		require.NoError(t, json.Unmarshal(r.Body, &body))
		require.Len(t, body.Messages, 1)
		return body.Messages[0]
	}
	require.Equal(t, map[string]string{
		"id": "7", "chat_id": "7", "messenger": "WB", "usernumber": anna, "date": fmt.Sprint(servicestest.Noon.Unix()), "attachment": "", "attachment_type": "",
		"text": "hello there", "welcome": "0", "channelnumber": "", "userstatus": "1", "bot_chatid": "", "is_retry": "0",
	}, ask("+"+anna, found[0].ID, 0, ""))
	again := ask("+"+anna, found[0].ID, 1, "opt_in")
	require.Equal(t, []string{"1", "1"}, []string{again["is_retry"], again["welcome"]})
	s.ok("PUT", "user/"+anna+"/stop")
	require.Equal(t, "0", ask("+"+anna, found[0].ID, 0, "")["userstatus"])
	require.Equal(t, "0", ask("+4915199999999", 0, 0, "")["userstatus"], "somebody whom nobody knows")
	s.ok("DELETE", "user/"+anna)
	require.Equal(t, "-1", ask("+"+anna, found[0].ID, 0, "")["userstatus"])

	for _, o := range []webhooks.Occurrence{
		{Type: webhooks.ContactCreated}, {Type: webhooks.MessageReceived, Data: json.RawMessage(`{"reply_id":7}`)},
		{Type: webhooks.MessageReceived, Data: json.RawMessage(`{"channel_id":99,"content":{"from":"+49","text":"x"}}`)},
	} {
		_, ok, err := format.Request(t.Context(), list[0], webhooks.Delivery{}, o)
		require.NoError(t, err)
		require.False(t, ok, "of what is not told here, and of what is gone")
	}
	r, ok, err := format.Request(t.Context(), list[0], webhooks.Delivery{}, webhooks.Occurrence{Type: webhooks.Test})
	require.NoError(t, err)
	require.True(t, ok)
	require.Contains(t, string(r.Body), `"messenger":"WB"`)
}
