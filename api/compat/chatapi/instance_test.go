package chatapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api/compat/chatapi"
	"carillon/campaigns"
	"carillon/internal/secret"
	"carillon/messages"
	"carillon/providers"
	"carillon/providers/fetch"
	"carillon/targeting"
	"carillon/webhooks"
)

// steer asks as an editor, and requires that it is answered.
func (s *server) steer(method, call, body string) (answer map[string]any) {
	s.t.Helper()
	w := s.as(access.Editor, method, call, body)
	require.Equal(s.t, 200, w.Code, w.Body.String())
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &answer))
	return answer
}

// L92: files that come along are kept, and their addresses are sent.
func TestFilesThatComeAlong(t *testing.T) {
	s := newServer(t)
	form := "--x\r\nContent-Disposition: form-data; name=\"phone\"\r\n\r\n17472822486\r\n" +
		"--x\r\nContent-Disposition: form-data; name=\"filename\"\r\n\r\nnote.txt\r\n" +
		"--x\r\nContent-Disposition: form-data; name=\"caption\"\r\n\r\nA note\r\n" +
		"--x\r\nContent-Disposition: form-data; name=\"body\"; filename=\"n.txt\"\r\nContent-Type: text/plain\r\n\r\na note \x00\xff\r\n--x--\r\n"
	const to = `"phone":"17472822486","filename":"p.png","caption":"x",`
	address := fmt.Sprintf("http://carillon.example:8080/instance%d/sendFile?token=sender-key-0123456789", s.Text.ID)
	for name, of := range map[string]struct{ kind, body, want, content string }{
		"a data URI":     {"application/json", `{` + to + `"body":"data:image/png;base64,iVBORw0KGgoAAQ=="}`, "image/png", "\x89PNG\r\n\x1a\n\x00\x01"},
		"with a blank":   {"application/json", `{` + to + `"body":"data: image/png;base64,iVBORw0KGgoAAQ=="}`, "image/png", "\x89PNG\r\n\x1a\n\x00\x01"},
		"a file in form": {"multipart/form-data; boundary=x", form, "application/octet-stream", "a note \x00\xff"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", address, strings.NewReader(of.body))
		r.Header.Set("Content-Type", of.kind)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		var answer map[string]any
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer), name)
		require.Equal(t, true, answer["sent"], "%s: %s", name, w.Body)
		m, err := s.Messages.Get(t.Context(), s.Account, int64(answer["queueNumber"].(float64)))
		require.NoError(t, err)
		content, err := s.Messages.Content(t.Context(), m)
		require.NoError(t, err)
		address := content.Attachment.URL
		require.Contains(t, address, "/files/", name)
		token := strings.Split(address, "/")[4]
		f, err := s.Files.Open(t.Context(), token)
		require.NoError(t, err)
		kept, err := io.ReadAll(s.Files.Read(t.Context(), f))
		require.NoError(t, err)
		require.Equal(t, []string{of.want, of.content}, []string{f.ContentType, string(kept)}, name)
	}
}

// L160 to 222, and what settings pages of clients do.
func TestSettings(t *testing.T) {
	s := newServer(t)
	require.Equal(t, map[string]any{"set": false, "webhookUrl": ""}, s.ok("GET", "webhook", ""))
	require.Equal(t, 403, s.as(access.Sender, "POST", "webhook", `{"webhookUrl":"https://example.org/h"}`).Code)
	require.Equal(t, 403, s.as(access.Sender, "GET", "settings/ackNotificationsOn", "").Code)
	require.Equal(t, map[string]any{"set": true, "webhookUrl": "https://example.org/h"}, s.steer("POST", "webhook", `{"webhookUrl":"https://example.org/h"}`))
	refused := s.steer("POST", "webhook", `{"webhookUrl":"not an address"}`)
	require.Equal(t, []any{false, "https://example.org/h"}, []any{refused["set"], refused["webhookUrl"]})
	require.Contains(t, refused["message"], "webhookUrl")
	require.Equal(t, map[string]any{"set": false, "webhookUrl": "https://example.org/h"}, s.steer("POST", "webhook", `{}`))
	for _, c := range []struct {
		method, call, body string
		on                 bool
	}{
		{"POST", "settings/ackNotificationsOn", `{"ackNotificationsOn":1}`, true}, {"GET", "settings/ackNotificationsOn", "", true},
		{"GET", "settings/ackNotificationsOn?ackNotificationsOn=0", "", false}, {"POST", "settings/ackNotificationsOn", `{"ackNotificationsOn":"true"}`, true},
	} {
		require.Equal(t, map[string]any{"ackNotificationsOn": c.on}, s.steer(c.method, c.call, c.body), c.call)
	}
	all := s.steer("POST", "settings", `{"webhookUrl":"https://example.org/i","guaranteedHooks":true,"sendDelay":5,"proxy":"p"}`)
	require.Equal(t, map[string]any{"webhookUrl": "https://example.org/i", "guaranteedHooks": true, "sendDelay": 5., "proxy": "p"}, all["updated"])
	read := s.ok("GET", "settings", "")
	delete(all, "updated")
	require.Equal(t, all, read)
	for _, body := range []string{`{"sendDelay":-1}`, `{"sendDelay":"soon"}`, `{"chatUpdateOn":"perhaps"}`, `{"webhookUrl":["x"]}`, `{"webhookUrl":"ftp://x/"}`} {
		require.Equal(t, 422, s.as(access.Editor, "POST", "settings", body).Code, body)
		require.Equal(t, read, s.ok("GET", "settings", ""), "nothing is changed by %s", body)
	}
	list, err := s.Webhooks.List(t.Context(), s.Account, 0, 10)
	require.NoError(t, err)
	require.Len(t, list, 1, "an instance has one")
	require.Equal(t, []any{"https://example.org/i", webhooks.Format("chatapi"), []int64{s.Text.ID}}, []any{list[0].URL, list[0].Format, list[0].Channels})

	// sendDelay is how long after it was taken a message goes out.
	id := s.ok("POST", "sendMessage", `{"phone":"17472822486","body":"later"}`)["queueNumber"].(float64)
	m, err := s.Messages.Get(t.Context(), s.Account, int64(id))
	require.NoError(t, err)
	require.Equal(t, s.Clock.Now().Add(5*time.Second).UTC(), m.DueAt.UTC())

	s.steer("POST", "settings", `{"webhookUrl":""}`)
	list, err = s.Webhooks.List(t.Context(), s.Account, 0, 10)
	require.NoError(t, err)
	require.Empty(t, list, "who takes the address away is told nothing")
	require.NotEmpty(t, s.steer("POST", "logout", "")["result"])
}

// A token that is bound to an instance opens no other.
func TestATokenOfAnInstance(t *testing.T) {
	s := newServer(t)
	_, err := s.Store.AddKey(t.Context(), access.Key{AccountID: s.Account, Name: "bot", Role: access.Sender, API: "chatapi", ChannelID: s.Mail.ID},
		secret.New("bound-key-0123456789"))
	require.NoError(t, err)
	ask := func(id int64) int {
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("/instance%d/status?token=bound-key-0123456789", id), nil))
		return w.Code
	}
	require.Equal(t, 404, ask(s.Text.ID))
	require.Equal(t, 200, ask(s.Mail.ID))
}

// told lets every reader of the outbox come to its end, and returns what the webhook is told.
func (s *server) told(f *chatapi.Format, w webhooks.Webhook) (bodies []string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		some, err := s.Store.SequenceOutbox(s.t.Context())
		require.NoError(s.t, err)
		live, err := s.Store.LiveWebhooks(s.t.Context())
		require.NoError(s.t, err)
		for _, id := range live {
			more, _, err := s.Store.PrepareDeliveries(s.t.Context(), id)
			require.NoError(s.t, err)
			some = some || more
		}
		return !some
	}, 20*time.Second, time.Millisecond)
	list, err := s.Webhooks.Deliveries(s.t.Context(), webhooks.DeliveryFilter{AccountID: s.Account, WebhookID: w.ID, Limit: 100})
	require.NoError(s.t, err)
	for i := len(list) - 1; i >= 0; i-- {
		var o webhooks.Occurrence
		require.NoError(s.t, json.Unmarshal([]byte(list[i].Body), &o))
		r, ok, err := f.Request(s.t.Context(), w, list[i], o)
		require.NoError(s.t, err)
		if ok {
			bodies = append(bodies, string(r.Body))
		}
	}
	return bodies
}

func (s *server) hook() webhooks.Webhook {
	s.t.Helper()
	list, err := s.Webhooks.List(s.t.Context(), s.Account, 0, 10)
	require.NoError(s.t, err)
	require.Len(s.t, list, 1)
	return list[0]
}

// send has a message sent, as a worker does.
func (s *server) send(id int64) {
	s.t.Helper()
	ctx := s.t.Context()
	worker, err := s.Store.RegisterWorker(ctx, "w")
	require.NoError(s.t, err)
	writer := s.Store.StartWriter(worker)
	defer writer.Stop()
	_, err = s.Store.Feed(ctx, messages.FeedRequest{ChannelID: s.Text.ID, Envelopes: []int64{1}, PerEnvelope: 10})
	require.NoError(s.t, err)
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
	claimed, err := writer.Claim(ctx, messages.Claim{WorkerID: worker, ChannelID: s.Text.ID, EnvelopeID: 1, MessageIDs: []int64{id}})
	require.NoError(s.t, err)
	require.Equal(s.t, []int64{id}, claimed)
	require.NoError(s.t, writer.Record(ctx, []messages.Outcome{{
		MessageID: id, ChannelID: s.Text.ID, WorkerID: worker, Attempt: 1, State: messages.Sent, At: s.Clock.Now(),
	}}))
}

// campaign has a campaign to everybody planned.
func (s *server) campaign(text string) {
	s.t.Helper()
	ctx := s.t.Context()
	k, err := s.Campaigns.Create(ctx, campaigns.Campaign{
		AccountID: s.Account, Name: "k", ChannelID: s.Text.ID, Audience: targeting.Audience{All: true}, Content: providers.Content{Text: text},
	})
	require.NoError(s.t, err)
	_, err = s.Campaigns.Start(ctx, s.Account, k.ID, true)
	require.NoError(s.t, err)
	runs, err := s.Store.ListRuns(ctx, s.Account, k.ID, 0, 10)
	require.NoError(s.t, err)
	require.Len(s.t, runs, 1)
	_, err = s.Store.PlanBatch(ctx, runs[0].ID, 100)
	require.NoError(s.t, err)
}

// L123 and L172: both directions in the log, and in the webhook, each told alone.
func TestBothDirections(t *testing.T) {
	s := newServer(t)
	format := chatapi.NewFormat(s.Services, s.Clock)
	s.steer("POST", "webhook", `{"webhookUrl":"https://example.org/h"}`)
	require.Equal(t, map[string]any{"messages": []any{}, "lastMessageNumber": 0.}, s.ok("GET", "messages", ""))
	sent := s.ok("POST", "sendMessage", `{"phone":"17472822486","body":"Hello, world! 🍏"}`)
	id := int64(sent["queueNumber"].(float64))
	s.send(id)
	_, err := s.Replies.Take(t.Context(), s.Text, []providers.Reply{{ID: "in-1", From: "17472822486", Text: "Ok!", At: s.Clock.Now()}})
	require.NoError(t, err)
	require.Len(t, s.told(format, s.hook()), 1, "acks are off: only what came in is told")

	page := s.ok("GET", "messages?last=1", "")
	list := page["messages"].([]any)
	require.Len(t, list, 2)
	out, in := list[0].(map[string]any), list[1].(map[string]any)
	require.Equal(t, map[string]any{
		"id": sent["id"], "body": "Hello, world! 🍏", "type": "chat", "senderName": s.Text.Name, "fromMe": true, "author": "", "time": out["time"],
		"chatId": "17472822486@c.us", "messageNumber": out["messageNumber"], "self": 0., "isForwarded": 0., "caption": nil, "chatName": nil,
		"quotedMsgId": nil, "quotedMsgBody": nil, "quotedMsgType": nil,
	}, out)
	require.Equal(t, []any{"Ok!", false, "17472822486@c.us", "17472822486@c.us", "17472822486", page["lastMessageNumber"]},
		[]any{in["body"], in["fromMe"], in["author"], in["chatId"], in["senderName"], in["messageNumber"]})
	require.Greater(t, in["messageNumber"], out["messageNumber"])
	next := fmt.Sprintf("messages?lastMessageNumber=%v", page["lastMessageNumber"])
	require.Equal(t, map[string]any{"messages": []any{}, "lastMessageNumber": page["lastMessageNumber"]}, s.ok("GET", next, ""))
	require.Len(t, s.ok("GET", fmt.Sprintf("messages?lastMessageNumber=%v", out["messageNumber"]), "")["messages"], 1)
	require.Len(t, s.ok("GET", "messages?limit=1&chatId=17472822486@c.us", "")["messages"], 1)
	require.Empty(t, s.ok("GET", "messages?chatId=17472822487@c.us", "")["messages"])
	latest := int64(max(out["time"].(float64), in["time"].(float64)))
	require.Empty(t, s.ok("GET", fmt.Sprintf("messages?min_time=%d", latest+1), "")["messages"])
	require.Len(t, s.ok("GET", fmt.Sprintf("messages?max_time=%d", latest), "")["messages"], 2)
	require.Equal(t, 422, s.as(access.Sender, "GET", "messages?limit=x", "").Code)

	// With acks, what became of a message is told too, each alone and in its order.
	s.steer("POST", "settings/ackNotificationsOn", `{"ackNotificationsOn":1}`)
	bodies := s.told(format, s.hook())
	require.Len(t, bodies, 2)
	require.JSONEq(t, fmt.Sprintf(`{"ack":[{"id":%q,"queueNumber":%d,"chatId":"17472822486@c.us","status":"sent"}],"instanceId":"%d"}`,
		sent["id"], id, s.Text.ID), bodies[0])
	var incoming struct {
		Messages   []map[string]any `json:"messages"`
		Ack        any              `json:"ack"`
		InstanceID string           `json:"instanceId"`
	}
	require.NoError(t, json.Unmarshal([]byte(bodies[1]), &incoming))
	require.Equal(t, []map[string]any{in}, incoming.Messages, "as /messages shows it")
	require.Nil(t, incoming.Ack)

	require.True(t, format.Took(fetch.Told{Status: 200}))
	require.False(t, format.Took(fetch.Told{Status: 500}))
	most, off := format.Tries(s.hook())
	require.Equal(t, []any{0, false}, []any{most, off})
	s.steer("POST", "settings", `{"guaranteedHooks":1}`)
	most, _ = format.Tries(s.hook())
	require.Equal(t, 20, most)
}

// The queue shows what each message says, a campaign's too.
func TestTheQueueShowsTheTextsOfCampaigns(t *testing.T) {
	s := newServer(t)
	s.campaign("Hi {{ contact.first_name }}")
	w := s.as(access.Editor, "GET", "showMessagesQueue", "")
	var queue struct {
		First100 []struct{ Body string } `json:"first100"`
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &queue))
	require.NotEmpty(t, queue.First100)
	for _, m := range queue.First100 {
		require.True(t, strings.HasPrefix(m.Body, "Hi "), m.Body)
		require.NotContains(t, m.Body, "{{")
	}
}

// Whatever the body is, it is answered, and by no fault of ours.
func FuzzBodies(f *testing.F) {
	for _, body := range []string{
		`{"phone":"17472822486","body":"x"}`, "phone=17472822486&body=x", `{"phone":{"a":[]},"body":1e999}`, "%zz", "[", `{"a":`, "\xff",
		`{"body":"data:;base64,","filename":"y","phone":"17472822486"}`, "a;b=c", `{"webhookUrl":"http://\u0000","sendDelay":1e9}`,
	} {
		for _, call := range []string{"sendMessage", "sendFile", "settings", "messages", "webhook"} {
			f.Add(call, body, "application/json")
			f.Add(call, body, "multipart/form-data; boundary=x")
		}
	}
	s := newServer(f)
	f.Fuzz(func(t *testing.T, call, body, kind string) {
		r := httptest.NewRequestWithContext(t.Context(), "POST", fmt.Sprintf("/instance%d/x?token=editor-key-0123456789", s.Text.ID), strings.NewReader(body))
		r.URL.Path = fmt.Sprintf("/instance%d/%s", s.Text.ID, call)
		r.Header["Content-Type"] = []string{kind}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		require.Less(t, w.Code, 500, w.Body.String())
	})
}

// More than a hundred messages at once are in the trail.
func TestReadingTheLogInBulkIsWrittenDown(t *testing.T) {
	s := newServer(t)
	noted := func() int {
		list, err := s.Trail.List(t.Context(), access.AuditQuery{AccountID: s.Account, Action: "list-log", Limit: 10})
		require.NoError(t, err)
		return len(list)
	}
	s.steer("POST", "webhook", `{"webhookUrl":"https://example.org/h"}`)
	s.ok("GET", "messages", "") // from now on the log is kept
	for i := range 101 {
		_, err := s.Replies.Take(t.Context(), s.Text, []providers.Reply{{ID: fmt.Sprint("in-", i), From: "17472822486", Text: "Ok!", At: s.Clock.Now()}})
		require.NoError(t, err)
	}
	s.told(chatapi.NewFormat(s.Services, s.Clock), s.hook()) // which writes the log, too
	require.Len(t, s.ok("GET", "messages?limit=100", "")["messages"], 100)
	require.Zero(t, noted())
	require.Len(t, s.ok("GET", "messages?limit=0", "")["messages"], 101)
	require.Equal(t, 1, noted())
}
