package messengerpeople_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/providers"
	"carillon/services/servicestest"
)

func TestNewsletters(t *testing.T) {
	s := newServer(t)
	s.people()
	list := fmt.Sprint(s.ok("POST", "targeting", "name", "Brown", "query", brown)["id"])
	s.ok("POST", "newsletter/category", "name", "Weather")
	s.ok("PUT", "user/"+ben+"/categories", "category", "1")
	require.Equal(t, "{}", s.call("GET", "newsletter").Body.String())

	const text = "Hello $profile_name$, $Hair-Color$ & {{ world }} {% if %} {{{ for $5 or $10"
	w := s.call("POST", "newsletter", "message", text, "targeting_id", list, "sendtime", "2027-06-01 09:30")
	require.Regexp(t, `^\{"code":200,"broadcast_id":\d+\}$`, w.Body.String(), "nothing more: a strict client refuses it")
	id := fmt.Sprint(int(decoded(t, w.Body.Bytes())["broadcast_id"].(float64)))
	history := decoded(t, s.call("GET", "newsletter", "limit", "10").Body.Bytes())
	require.Equal(t, map[string]any{id: map[string]any{
		"targeting_list_id": list, "targeting_list": "Brown", "category_name": "", "created": "2026-03-01 13:00", "recipients": map[string]any{}, "text": text,
		"to": "Brown", "sendtime": "2027-06-01 09:30", "created_by": "", "status": "scheduled", "media": "",
	}}, history, "a bare map of eleven members each")
	number := int64(decoded(t, w.Body.Bytes())["broadcast_id"].(float64))
	samples, err := s.Campaigns.Samples(t.Context(), s.Account, number)
	require.NoError(t, err)
	require.Equal(t, "Hello Anna Zwei, brown & {{ world }} {% if %} {{{ for $5 or $10", samples.Samples[0].Content.Text)

	s.refused("YYYY-mm-dd HH:ii", "POST", "newsletter", "message", "x", "sendtime", "tomorrow at nine")
	s.refused("say what to send", "POST", "newsletter", "targeting_id", list)
	s.refused("no such targeting list", "POST", "newsletter", "message", "x", "targeting_id", "99")
	s.refused("no such category", "POST", "newsletter", "message", "x", "category", "7")
	s.refused("must lead to", "POST", "newsletter", "attachment", "https://example.org/a.exe")
	s.refused("bytes", "POST", "newsletter", "message", strings.Repeat("x", 5000))
	require.Len(t, decoded(t, s.call("GET", "newsletter").Body.Bytes()), 1, "what is refused leaves nothing")
	require.Zero(t, s.woken-1)

	s.ok("DELETE", "newsletter", "id", id)
	require.Equal(t, "{}", s.call("GET", "newsletter").Body.String())
	s.refused("no such", "DELETE", "newsletter", "id", id)

	// The category wins, and a time that is over is now.
	w = s.raw("POST", "newsletter?"+pairs([]string{"apikey", apiKey, "message", "Snow on the pass", "category", "1", "targeting_id", list, "sendtime",
		"2020-01-01 00:00"}).Encode(), "", nil)
	require.Equal(t, 200, w.Code, w.Body.String())
	sent := decoded(t, w.Body.Bytes())["broadcast_id"].(float64)
	c, err := s.Campaigns.Get(t.Context(), s.Account, int64(sent))
	require.NoError(t, err)
	require.NotZero(t, c.CategoryID)
	require.Equal(t, []int64{c.CategoryID}, c.Audience.Categories)
	require.NotZero(t, c.RunID)
	s.refused("only what is scheduled", "DELETE", "newsletter", "id", fmt.Sprint(int64(sent)))
	answer := s.ok("POST", "newsletter", "message", "gone", "attachment", "https://example.org/menu.pdf", "filename", "menu.pdf")
	require.Equal(t, "https://example.org/menu.pdf", answer["reusable_attachment"])
	c, err = s.Campaigns.Get(t.Context(), s.Account, int64(answer["broadcast_id"].(float64)))
	require.NoError(t, err)
	require.True(t, c.Audience.All)
	require.Empty(t, c.Content.Text, "a document comes without words")
	newest := s.call("GET", "newsletter").Body.String()
	require.True(t, strings.HasPrefix(newest, fmt.Sprintf(`{"%d":`, c.ID)), newest)
}

func TestContent(t *testing.T) {
	s := newServer(t)
	s.people()
	list := fmt.Sprint(s.ok("POST", "targeting", "name", "Brown", "query", brown)["id"])
	s.ok("POST", "newsletter/category", "name", "Weather")
	draft := fmt.Sprint(s.ok("POST", "content", "text", "Report", "media", "https://example.org/report.png", "notification", "Report", "targeting", list,
		"draft", "1")["id"])
	later := fmt.Sprint(s.ok("POST", "content", "text", "Later", "category", "1", "date", fmt.Sprint(servicestest.Noon.AddDate(0, 1, 0).Unix()))["id"])
	s.ok("POST", "content", "text", "Now", "weblink", "https://example.org/")
	items := func(parameters ...string) (ids []string) {
		for _, item := range s.ok("GET", "content", parameters...)["content"].([]any) {
			ids = append(ids, fmt.Sprint(item.(map[string]any)["id"]))
		}
		return ids
	}
	require.Equal(t, []string{draft}, items("filter", "draft"))
	require.Equal(t, []string{later}, items("filter", "scheduled"))
	require.Len(t, items("filter", "published"), 1)
	require.Equal(t, later, items()[0])
	shown := s.ok("GET", "content", "id", draft)["content"].([]any)[0].(map[string]any)
	require.Equal(t, []any{"Report", "https://example.org/report.png", list, "draft"}, []any{shown["text"], shown["media"], shown["targeting"], shown["status"]})
	require.Equal(t, "1", s.ok("GET", "content", "id", later)["content"].([]any)[0].(map[string]any)["targeting"])
	s.ok("PUT", "content", "id", draft, "text", "Better", "draft", "0")
	shown = s.ok("GET", "content", "id", draft)["content"].([]any)[0].(map[string]any)
	require.Equal(t, []any{"Better", "https://example.org/report.png", list, "published"}, []any{shown["text"], shown["media"], shown["targeting"],
		shown["status"]})
	s.refused("can't be changed", "PUT", "content", "id", draft, "text", "Late")
	s.refused("not supported", "POST", "content", "text", "x", "promotion", "1")
	s.refused("lifetime", "POST", "content", "text", "x", "lifetime", "-1")
	s.refused("lifetime", "POST", "content", "text", "x", "lifetime", "soon")
	expires := func(id any) string {
		number, err := strconv.ParseInt(fmt.Sprint(id), 10, 64)
		require.NoError(t, err)
		c, err := s.Campaigns.Get(t.Context(), s.Account, number)
		require.NoError(t, err)
		return c.Schedule.ExpiresAfter
	}
	require.Empty(t, expires(later))
	s.ok("PUT", "content", "id", later, "lifetime", "90")
	s.ok("PUT", "content", "id", later, "text", "Even later")
	require.Equal(t, "1m30s", expires(later), "what is left out stays")
	s.ok("PUT", "content", "id", later, "lifetime", "0")
	require.Empty(t, expires(later))
	short := s.ok("POST", "content", "text", "Short", "lifetime", "3600")["id"]
	require.Equal(t, "1h0m0s", expires(short))
	s.ok("DELETE", "content", "id", fmt.Sprint(short))
	long := s.ok("POST", "content", "text", "Long", "lifetime", "31536000")["id"]
	require.Equal(t, "720h0m0s", expires(long))
	s.ok("DELETE", "content", "id", fmt.Sprint(long))
	s.ok("DELETE", "content", "id", later)
	s.ok("PUT", "content/stopinteraction", "id", draft)
	s.ok("DELETE", "content", "id", draft)
	require.Len(t, items(), 1)
	require.Equal(t, "{}", s.call("GET", "newsletter").Body.String(), "contents are no newsletters")
}

func TestTemplates(t *testing.T) {
	s := newServer(t)
	id := s.ok("POST", "templates", "name", "parcel", "category", "SHIPPING_UPDATE", "translations", translations, "visibility", "1")["id"]
	s.refused("category", "POST", "templates", "name", "x_y", "category", "MARKETING", "translations", "[]")
	s.refused("name", "POST", "templates", "name", "parcel", "category", "AUTO_REPLY", "translations", translations)
	s.refused("of this name", "GET", "templates/parcel/validate-name")
	s.ok("GET", "templates/other/validate-name")
	shown := s.ok("GET", "templates/parcel")["template"].(map[string]any)
	require.Equal(t, []any{fmt.Sprint(id), "parcel", "SHIPPING_UPDATE", "approved"}, []any{shown["id"], shown["name"], shown["category"], shown["status"]})
	de := s.ok("GET", "templates/parcel/translations/de")["translation"].(map[string]any)
	require.Equal(t, []any{"de", "Hallo {{1}}, Paket {{2}} ist unterwegs", map[string]any{"text": "Neues für {{1}}"}}, []any{de["language"], de["body"],
		de["header"]})
	s.refused("no such translation", "GET", "templates/parcel/translations/fr")
	require.Equal(t, map[string]any{"de": "approved", "en": "approved"}, s.ok("GET", "templates/parcel/review")["review"])
	require.Equal(t, map[string]any{"en": "approved"}, s.ok("GET", "templates/parcel/translations/en/review")["review"])
	require.Len(t, s.ok("GET", "templates")["templates"], 1)
	s.ok("PUT", "templates", "id", fmt.Sprint(id), "category", "ALERT_UPDATE")
	require.Equal(t, "ALERT_UPDATE", s.ok("GET", "templates/parcel")["template"].(map[string]any)["category"])
	s.ok("DELETE", "templates/parcel", "language", "de")
	s.ok("DELETE", "templates/parcel")
	s.refused("no such template", "GET", "templates/parcel")
	s.refused("stays reserved", "GET", "templates/parcel/validate-name")
}

func TestNotifications(t *testing.T) {
	s := newServer(t)
	s.people()
	s.ok("POST", "templates", "name", "parcel", "category", "SHIPPING_UPDATE", "translations", translations)
	notify := func(parameters ...string) []string {
		// Clients fill every name that they do not use with nothing.
		given := map[string]string{
			"id": "", "batch_ids": "", "user_filter": "", "notification_template": "parcel", "notification_body_variables": "[\n  \"$profile_name$\",\n  \"A-17\"\n]",
			"notification_header_media": "", "notification_header_variable": "you", "notification_button_variable": "", "notification_language": "en",
		}
		for i := 0; i+1 < len(parameters); i += 2 {
			given[parameters[i]] = parameters[i+1]
		}
		var list []string
		for name, value := range given {
			list = append(list, name, value)
		}
		return list
	}
	answer := s.ok("POST", "chat/notification", notify("batch_ids", anna+","+ben+","+cem+",abc")...)
	require.Equal(t, []any{anna, ben}, answer["success"])
	require.Equal(t, []any{"abc", cem}, answer["failure"], "who is not known, and who is blocked")
	require.Equal(t, "{}", s.call("GET", "newsletter").Body.String())
	require.Equal(t, 1, s.woken)

	s.ok("POST", "chat/notification", notify("id", anna, "notification_language", "de")...)
	chat := s.ok("GET", "chat", "id", anna)["chats"].([]any)[0].(map[string]any)
	require.Equal(t, []any{"Neues für you\n\nHallo Anna Zwei, Paket A-17 ist unterwegs", true, "0"}, []any{chat["text"], chat["outgoing"], chat["send_status"]})
	s.refused("no such template", "POST", "chat/notification", notify("id", anna, "notification_template", "nothing_here")...)
	s.refused("has 2 of them", "POST", "chat/notification", notify("id", anna, "notification_body_variables", `["one"]`)...)
	s.refused("the header", "POST", "chat/notification", notify("id", anna, "notification_header_variable", "")...)
	s.refused("no such translation", "POST", "chat/notification", notify("id", anna, "notification_language", "fr")...)
	s.refused("say to whom", "POST", "chat/notification", notify()...)
	s.refused("notification_template", "POST", "chat/notification", "id", anna)
	answer = s.ok("POST", "chat/notification", notify("user_filter", `{"search":"Ben"}`)...)
	require.Equal(t, []any{ben}, answer["success"])
}

func TestChats(t *testing.T) {
	s := newServer(t)
	s.people()
	w := s.raw("POST", "chat", "application/json", strings.NewReader("id=%2B"+anna+"&message=Hello+$profile_name$+{{1}}&apikey="+apiKey))
	require.Regexp(t, `^\{"code":200,"chat_id":\d+\}$`, w.Body.String(), "a form that calls itself JSON, and a plus sign")
	_, err := s.Replies.Take(t.Context(), s.channel, []providers.Reply{{ID: "in-1", From: "+" + anna, Text: "hello there", At: servicestest.Noon.Add(-1)}})
	require.NoError(t, err)
	chats := s.ok("GET", "chat", "id", anna, "limit", "10")["chats"].([]any)
	require.Len(t, chats, 2)
	out, in := chats[0].(map[string]any), chats[1].(map[string]any)
	require.Equal(t, []any{"Hello Anna Zwei {{1}}", true, "0", anna, "WB"}, []any{out["text"], out["outgoing"], out["send_status"], out["user_id"],
		out["messenger"]})
	require.Equal(t, []any{"hello there", false, nil}, []any{in["text"], in["outgoing"], in["send_status"]})
	require.Len(t, s.ok("GET", "channel/chats", "incoming", "0")["chats"], 1)
	require.Len(t, s.ok("GET", "channel/chats")["chats"], 2)
	s.refused("say to whom", "POST", "chat", "message", "Hello")
	s.refused("say what to send", "POST", "chat", "id", anna)
	s.refused("no such user", "POST", "chat", "id", "4915199999999", "message", "x")
	s.ok("PUT", "user/"+anna+"/stop")
	s.refused("opted out", "POST", "chat", "id", anna, "message", "x")
	s.refused("not blanked", "DELETE", "chat", "id", "1")
	answer := s.ok("POST", "chat", "batch_ids", `["`+anna+`","`+ben+`","nobody"]`, "message", "x")
	require.Equal(t, []any{ben}, answer["success"])
	require.Equal(t, []any{"nobody", anna}, answer["failure"])
}
