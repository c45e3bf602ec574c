package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api/compat"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/fetch"
)

// dialectsOf are requests of the APIs of others, each a method, a path with its query, and a body, with
// holes as in bodiesOf. Where a list is asked for there is none: nothing of another's is in it.
var dialectsOf = map[string][]string{
	"chatapi": {
		`GET /instance@channels/status`, `GET /instance@channels/messages`, `GET /instance@channels/webhook`, `GET /instance@channels/settings`,
		`GET /instance@channels/showMessagesQueue`, `GET /instance@channels/clearMessagesQueue`, `GET /instance@channels/logout`,
		`POST /instance@channels/sendMessage {"phone":"49151123456","body":"x"}`, `POST /instance@channels/message {"phone":"49151123456","body":"x"}`,
		`POST /instance@channels/sendFile {"phone":"49151123456","body":"https://example.org/x.png","filename":"x.png"}`,
		`POST /instance@channels/webhook {"webhookUrl":"https://example.org/x"}`, `POST /instance@channels/settings {"ackNotificationsOn":1}`,
	},
	"chat44mp": {
		`GET /api/subscriber_information?subscriber_id=@contacts`, `GET /api/subscriber_information?subscriber_id=@address`,
		`GET /api/get_all_labels?page_id=@channels`, `POST /api/create_label page_id=@channels&name=walked4`,
		`POST /api/assign_label subscriber_id=@contacts&page_id=@channels&label_ids=@labels`, `GET /api/get_contact_group?id=@groups`,
		`POST /api/update_contact_group/@groups name=walked`, `POST /api/delete_contact_group group_id=@groups&id=@groups`,
		`GET /api/get_contact?id=@contacts`, `GET /api/get_contact?email=@address`, `POST /api/create_contact first_name=x&contact_group_id=@groups`,
		`POST /api/update_contact/@contacts first_name=x&contact_group_id=@groups`, `POST /api/delete_contact contact_id=@contacts&id=@contacts`,
		`GET /api/get_flow_campaigns?page_id=@channels`, `GET /api/get_flow_campaign_info?page_id=@channels&campaign_id=@flows&id=@flows`,
		`GET /api/get_single_subscriber_flow_info?flow_campaign_id=@flows&subscriber_id=@contacts`, `GET /api/get_all_subscriber_flow_info?flow_campaign_id=@flows`,
	},
	"chatwoot": chatwootCalls(
		`GET contacts`, `GET contacts/search?q=okapi`, `POST contacts {"inbox_id":@channels,"name":"x"}`, `POST contacts {"email":"@address"}`,
		`POST contacts/filter {"payload":[{"attribute_key":"labels","filter_operator":"equal_to","values":["@label_name"],"query_operator":null}]}`,
		`GET contacts/@contacts`, `PATCH contacts/@contacts {"name":"x"}`, `PATCH contacts/@contacts {"email":"@address"}`, `DELETE contacts/@contacts`,
		`POST contacts/@contacts/destroy_custom_attributes {"custom_attributes":["x"]}`, `GET contacts/@contacts/labels`,
		`POST contacts/@contacts/labels {"labels":["x"]}`, `POST contacts/@contacts/contact_inboxes {"inbox_id":@channels,"source_id":"x"}`,
		`GET contacts/@contacts/contactable_inboxes`, `GET contacts/@contacts/conversations`, `GET labels`, `GET labels/@labels`,
		`PATCH labels/@labels {"title":"walked5"}`, `DELETE labels/@labels`, `GET custom_attribute_definitions`, `GET custom_attribute_definitions/@attributes`,
		`PATCH custom_attribute_definitions/@attributes {"attribute_display_name":"x"}`, `DELETE custom_attribute_definitions/@attributes`,
		`GET custom_filters`, `GET custom_filters/@filters`, `PATCH custom_filters/@filters {"name":"x"}`, `DELETE custom_filters/@filters`,
		`GET webhooks`, `PATCH webhooks/@webhooks {"name":"x"}`, `DELETE webhooks/@webhooks`, `GET inboxes`, `GET inboxes/@channels`, `GET conversations`,
		`GET conversations?inbox_id=@channels`, `POST conversations {"inbox_id":@channels,"contact_id":@contacts,"message":{"content":"x"}}`,
		`GET conversations/meta`, `GET conversations/@conversations`, `POST conversations/@conversations/toggle_status {"status":"resolved"}`,
		`GET conversations/@conversations/labels`, `POST conversations/@conversations/labels {"labels":["x"]}`,
		`POST conversations/@conversations/custom_attributes {"custom_attributes":{"x":"y"}}`, `GET conversations/@conversations/messages`,
		`GET conversations/@conversations/messages?before=@entries`, `POST conversations/@conversations/messages {"content":"x"}`,
		`PATCH conversations/@conversations/messages/@entries {"status":"read"}`, `DELETE conversations/@conversations/messages/@entries`,
		`POST conversations/@conversations/messages/@entries/retry`, `GET campaigns`, `GET campaigns/@campaigns`, `PATCH campaigns/@campaigns {"title":"x"}`,
		`POST campaigns {"title":"x","inbox_id":@channels,"message":"x","audience":[{"type":"Label","id":@labels}]}`, `DELETE campaigns/@campaigns`,
	),
	"messengerpeople": {
		`GET /api/v14/user`, `GET /api/v14/user/@contacts`, `GET /api/v14/user?id=@contacts`, `GET /api/v14/user/@contacts/categories`,
		`PUT /api/v14/user/@contacts firstname=x`, `PUT /api/v14/user/@contacts/categories category=@categories`, `PUT /api/v14/user/@contacts/stop x=y`,
		`DELETE /api/v14/user/@contacts`, `GET /api/v14/user/property?id=@contacts`, `PUT /api/v14/user/property id=@contacts&key=@properties&value=x`,
		`GET /api/v14/custom`, `GET /api/v14/custom/@properties`, `PUT /api/v14/custom key=@properties&name=x`, `DELETE /api/v14/custom?key=@properties`,
		`GET /api/v14/newsletter`, `GET /api/v14/newsletter?id=@campaigns`, `GET /api/v14/newsletter/targeting`, `GET /api/v14/newsletter/category`,
		`POST /api/v14/newsletter message=x&category=@categories`, `POST /api/v14/newsletter message=x&targeting=@targeting`,
		`PUT /api/v14/newsletter/category id=@categories&name=walked6`, `DELETE /api/v14/newsletter/category?id=@categories`,
		`DELETE /api/v14/newsletter?id=@campaigns`, `GET /api/v14/targeting`, `GET /api/v14/targeting?id=@targeting`, `GET /api/v14/targeting/config`,
		`GET /api/v14/targeting/count?id=@targeting`, `PUT /api/v14/targeting id=@targeting&name=walked7`, `DELETE /api/v14/targeting?id=@targeting`,
		`GET /api/v14/chat?id=@contacts`, `POST /api/v14/chat id=@contacts&message=x`, `DELETE /api/v14/chat?id=@messages`, `GET /api/v14/channel`,
		`GET /api/v14/channel/chats`, `GET /api/v14/channel/labels`, `PUT /api/v14/channel/labels id=@labels&name=walked8`,
		`DELETE /api/v14/channel/labels?id=@labels`, `GET /api/v14/templates`, `GET /api/v14/templates/@template_name`,
		`GET /api/v14/templates/@template_name/translations/en`, `GET /api/v14/templates/@template_name/review`, `DELETE /api/v14/templates/@template_name`,
		`GET /api/v14/content`, `GET /api/v14/content?id=@campaigns`, `PUT /api/v14/content id=@campaigns&name=x`, `DELETE /api/v14/content?id=@campaigns`,
		`GET /api/v14/statistics/labels`, `GET /api/v14/stats/newsletter`, `GET /api/v14/stats/user`, `GET /api/v14/stats`,
	},
	"xms": {
		`GET /xms/api/v1/config/channels`, `GET /xms/api/v1/config/global/vars`, `GET /xms/api/v1/config/tmpl/hsm`,
		`GET /xms/api/v1/view/campaign?id=@campaigns`, `GET /xms/api/v1/view/campaign?campaignId=@campaigns`,
		`POST /xms/api/v1/contact/prefs/lang {"contactId":"@external_id","lang":"en"}`, `POST /xms/api/v1/contact/prefs/lang {"email":"@address","lang":"en"}`,
		`POST /xms/api/v1/event/push {"eventCode":"x","contact":{"email":"@address"}}`,
		`POST /xms/api/v1/create/campaign {"campaignName":"x","channelId":"@channels"}`,
		`POST /xms/api/v1/message/send {"channelId":"@channels","to":"@address","text":"x"}`,
	},
}

// chatwootCalls are calls below an account's path.
func chatwootCalls(calls ...string) []string {
	for i, c := range calls {
		method, path, _ := strings.Cut(c, " ")
		calls[i] = method + " /api/v1/accounts/@accounts/" + path
	}
	return calls
}

// dialects asks the APIs of others for what is another account's: with each id or name of it in
// turn, and all others the caller's own.
func (w *walk) dialects() {
	w.t.Helper()
	w.ok("PATCH", "/v1/settings", `{"apis":["chat44mp","chatapi","chatwoot","messengerpeople","xms"]}`)
	channel, err := strconv.ParseInt(w.own["channels"], 10, 64)
	require.NoError(w.t, err)
	_, err = w.store.AddKey(w.t.Context(), access.Key{
		AccountID: w.account, Name: "mp", Role: access.Admin, API: "messengerpeople", ChannelID: channel,
	}, secret.New("messengerpeople-key-0123456789"))
	require.NoError(w.t, err)
	poster := fetch.New(providers.Dialer{AllowPrivate: true})
	handler := compat.New(compat.Deps{
		Services: w.Services, Wake: func() {}, Poster: poster, Clock: w.clock, Behind: w.Behind, Options: compat.Options{Prefix: "/compat"},
	}, http.NotFoundHandler())
	for _, name := range []string{"chatapi", "chat44mp", "chatwoot", "messengerpeople", "xms"} {
		served := 0
		for _, call := range dialectsOf[name] {
			ask := func(text string) {
				answer := w.inDialect(handler, name, text)
				said := answer.Body.String()
				if answer.Code < 300 {
					served++
				}
				if answer.Code >= 500 && answer.Code != http.StatusNotImplemented || strings.Contains(said, "okapi@") ||
					answer.Code < 300 && !strings.Contains(said, `"error"`) && idOfB.MatchString(said) {
					w.complain("%s: %s: %d %s", name, text, answer.Code, said)
				}
				w.asked[name]++
			}
			for _, hole := range holes.FindAllString(call, -1) {
				value, known := w.others[hole[1:]]
				require.True(w.t, known, call)
				ask(put(strings.Replace(call, hole, value, 1), w.own))
			}
			// A clearing of one's own goes up to the newest message of all, whosever it is.
			if strings.HasPrefix(call, "GET") && !strings.Contains(call, "clear") {
				ask(put(call, w.own))
			}
		}
		require.Greater(w.t, served, 2, "%s: hardly anything was answered", name)
	}
}

// inDialect makes a request, with the key where the dialect has it.
func (w *walk) inDialect(handler http.Handler, name, call string) *httptest.ResponseRecorder {
	w.t.Helper()
	method, rest, _ := strings.Cut(call, " ")
	path, body, _ := strings.Cut(rest, " ")
	key := map[string]string{"messengerpeople": "messengerpeople"}[name]
	if key == "" {
		key = string(access.Editor)
	}
	key += "-key-0123456789"
	kind := "application/json"
	if name == "chat44mp" || name == "messengerpeople" {
		kind = "application/x-www-form-urlencoded"
	}
	in := map[string]string{"chatapi": "token", "chat44mp": "api_key", "messengerpeople": "apikey"}[name]
	switch {
	case in == "":
	case name == "chat44mp" && method != http.MethodGet:
		body += fmt.Sprintf("&%s=%s", in, key)
	case strings.Contains(path, "?"):
		path += fmt.Sprintf("&%s=%s", in, key)
	default:
		path += fmt.Sprintf("?%s=%s", in, key)
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, "/compat/"+name+path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Api-Access-Token", key)
	r.Header.Set("X-Api-Key", key)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, r)
	return answer
}
