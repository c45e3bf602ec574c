package xms_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api/compat/xms"
	"carillon/providers/fetch"
	"carillon/services/servicestest"
	"carillon/webhooks"
)

// hooks are the account's webhooks.
func (s *server) hooks() []webhooks.Webhook {
	s.t.Helper()
	list, err := s.Webhooks.List(s.t.Context(), s.Account, 0, 10)
	require.NoError(s.t, err)
	return list
}

// L844 to 872 and L7543: one webhook for each app, and no secret in what is shown.
func TestSetTheWebhook(t *testing.T) {
	s := newServer(t)
	answer := s.as(access.Admin, 200, "POST /config/webhook", `{"url":"https://app.example.org/in"}`)
	require.Equal(t, map[string]any{"url": "https://app.example.org/in"}, answer["meta"])
	app := answer["results"].([]any)[0].(map[string]any)
	require.Equal(t, []any{fmt.Sprint(s.keys[access.Admin].ID), "https://app.example.org/in", "WEBHOOK"}, []any{app["id"], app["webhook"], app["appType"]})
	require.NotContains(t, app, "key")
	require.NotContains(t, app, "secret")
	token := app["props"].(map[string]any)["verifyToken"]
	require.Len(t, token, 32)
	list := s.hooks()
	require.Len(t, list, 1)
	require.Equal(t, []any{webhooks.Format("xms"), s.keys[access.Admin].ID, true}, []any{list[0].Format, list[0].KeyID, list[0].Content})
	require.Equal(t, token, list[0].Headers["x-verify-token"].Reveal())
	require.ElementsMatch(t, []webhooks.Event{
		"message.received", "message.sent", "message.delivered", "message.read", "message.failed", "message.rejected", "message.skipped", "message.canceled",
	}, list[0].Events)

	// Set again it is the same one, and the token stays, whoever's server it is now.
	app = s.results("POST /config/webhook", `{"url":"https://other.example.org/in"}`)[0].(map[string]any)
	require.Empty(t, app["props"], "it is shown once")
	list = s.hooks()
	require.Len(t, list, 1)
	require.Equal(t, "https://other.example.org/in", list[0].URL)
	require.Equal(t, token, list[0].Headers["x-verify-token"].Reveal())
	s.results("POST /config/webhook", `{"url":"https://other.example.org/in","verifyToken":"our own"}`)
	require.Equal(t, "our own", s.hooks()[0].Headers["x-verify-token"].Reveal())
	// Another app has its own.
	s.as(access.Editor, 200, "POST /config/webhook", `{"url":"https://third.example.org/"}`)
	require.Len(t, s.hooks(), 2)
	refused := s.refused("POST /config/webhook", `{"url":"nonsense"}`)
	require.Equal(t, []any{"url", "WebhookUrlRequest"}, []any{refused["field"], refused["obzect"]})
	s.as(access.Sender, 403, "POST /config/webhook", `{"url":"https://app.example.org/in"}`)
	for range 2 {
		app = s.results("POST /config/webhook", `{"url":""}`)[0].(map[string]any)
		require.Nil(t, app["webhook"])
	}
	require.Len(t, s.hooks(), 1)
}

// told is what is posted of an occurrence; nil if nothing is.
func (s *server) told(event webhooks.Event, data any) (body, header map[string]any) {
	s.t.Helper()
	raw, err := json.Marshal(data)
	require.NoError(s.t, err)
	w := webhooks.Webhook{AccountID: s.Account, KeyID: 7, Format: "xms"}
	o := webhooks.Occurrence{ID: "evt_1", Type: event, Timestamp: servicestest.Noon, Data: raw}
	r, ok, err := xms.NewFormat(s.Services).Request(s.t.Context(), w, webhooks.Delivery{}, o)
	require.NoError(s.t, err)
	if !ok {
		return nil, nil
	}
	require.NoError(s.t, json.Unmarshal(r.Body, &body))
	return body, map[string]any{"Cookie": r.Header.Get("Cookie")}
}

// L2564 to 2814, L5745 to 5782 and the server's own words.
func TestStatusesAreTold(t *testing.T) {
	s := newServer(t)
	ada := s.People["Ada"]
	m, _ := s.message(s.results(send, fmt.Sprintf(`{"channelId":"tel:2","to":{"contactId":%d},"type":"text","text":{"body":"x"}}`, ada.ID))[0])
	data := webhooks.Message{ID: m.ID, ContactID: ada.ID, ChannelID: s.Text.ID, ProviderID: "p-1", Reason: "refused"}
	post, header := s.told("message.delivered", data)
	profile := map[string]any{"name": "Ada", "email": "ada@example.org", "phone": "4915112345678"}
	require.Equal(t, map[string]any{
		"type": "statuses", "meta": map[string]any{"domain": "n", "server": "example.org", "appId": "7", "debug": false},
		"contacts": []any{map[string]any{
			"contactId": fmt.Sprint(ada.ID), "contactType": "SMS", "channelId": "tel:2", "lane": "2", "csid": "4915112345678", "profile": profile,
			"businessProfile": map[string]any{"name": "Ada", "email": "ada@example.org", "phone": "4915112345678", "profileId": ""},
		}},
		"statuses": []any{map[string]any{
			"id": fmt.Sprint(m.ID), "messageIdExt": "p-1", "contactId": fmt.Sprint(ada.ID), "status": "DLVRD",
			"timestamp": float64(servicestest.Noon.UnixMilli()), "errors": []any{},
		}},
	}, post)
	require.Equal(t, map[string]any{"Cookie": ""}, header)
	for event, word := range map[webhooks.Event]string{
		"message.sent": "SENT", "message.read": "READ", "message.failed": "FAILD", "message.rejected": "FAILD",
		"message.skipped": "FAILD", "message.canceled": "FAILD",
	} {
		post, _ := s.told(event, data)
		status := post["statuses"].([]any)[0].(map[string]any)
		require.Equal(t, word, status["status"], event)
		if word == "FAILD" {
			require.Equal(t, []any{map[string]any{"code": "refused", "title": "refused", "details": nil, "href": nil}}, status["errors"])
		}
	}
	for _, event := range []webhooks.Event{"message.queued", "message.unknown", webhooks.ContactCreated, webhooks.Test} {
		post, _ := s.told(event, data)
		require.Nil(t, post, event)
	}
	data.ID = 4711
	post, _ = s.told("message.sent", data)
	require.Nil(t, post, "a message that is gone is not told")
}

func TestWhatCameInIsTold(t *testing.T) {
	s := newServer(t)
	reply := webhooks.Reply{ID: 5, ContactID: s.People["Cy"].ID, ChannelID: s.chat.ID, Content: &webhooks.Written{From: "+4915112345679", Text: "hello there"}}
	post, header := s.told(webhooks.MessageReceived, reply)
	require.Equal(t, map[string]any{"Cookie": "x-api-id=7"}, header)
	require.Equal(t, "messages", post["type"])
	require.NotContains(t, post, "statuses")
	id := fmt.Sprint(s.People["Cy"].ID)
	require.Equal(t, map[string]any{
		"id": "in-5", "messageIdExt": nil, "from": "4915112345679", "contactId": id, "timestamp": float64(servicestest.Noon.UnixMilli()), "type": "text",
		"text": map[string]any{"body": "hello there", "type": "text"}, "session": map[string]any{"sessionId": id + "-3", "routingId": id + "-3"},
		"tags": map[string]any{}, "attachments": []any{},
	}, post["messages"].([]any)[0])
	// Who is no contact has an id by which one can answer.
	reply.ContactID, reply.Content.From = 0, "+4915112345999"
	post, _ = s.told(webhooks.MessageReceived, reply)
	unknown := post["contacts"].([]any)[0].(map[string]any)["contactId"]
	require.Equal(t, "wa360:4915112345999", unknown)
	m, _ := s.message(s.results(send, fmt.Sprintf(`{"channelId":"wa360:3","to":{"contactId":%q},"type":"text","text":{"body":"x"}}`, unknown))[0])
	require.Equal(t, "+4915112345999", m.Address)
	reply.Content = nil
	post, _ = s.told(webhooks.MessageReceived, reply)
	require.Nil(t, post, "what is not kept any more is not told")
}

func TestAnyGoodAnswerTakesAPost(t *testing.T) {
	f := xms.NewFormat(newServer(t).Services)
	require.True(t, f.Took(fetch.Told{Status: 204}))
	require.False(t, f.Took(fetch.Told{Status: 302}))
	most, off := f.Tries(webhooks.Webhook{})
	require.Zero(t, most)
	require.False(t, off)
}
