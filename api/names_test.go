package api_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// refused makes a request that is not valid, and reads the first of its errors.
func (s *server) refused(method, path, body string, header ...string) map[string]any {
	s.t.Helper()
	w := s.do(method, path, body, header...)
	require.Equal(s.t, http.StatusUnprocessableEntity, w.Code, "%s %s: %s", method, path, w.Body)
	return decoded(s.t, w)["errors"].([]any)[0].(map[string]any)
}

func TestThingsAreNamedByTheirNames(t *testing.T) {
	s := newServer(t)
	news := s.channel()
	contact := s.contact("Ada", "ada@example.org")
	made := func(path, body string) int64 { return int64(s.ok("POST", path, body)["id"].(float64)) }
	group := made("/v1/groups", `{"name":"Customers"}`)
	category := made("/v1/categories", `{"name":"Offers"}`)
	label := made("/v1/labels", `{"name":"VIP"}`)
	list := made("/v1/targeting", `{"name":"Actives","rule":{"condition":"AND","rules":[{"field":"status","operator":"equal","value":"active"}]}}`)
	first := s.campaign(news, "")

	both := made("/v1/groups", `{"name":"Partners"}`)
	campaign := s.ok("POST", "/v1/campaigns", fmt.Sprintf(`{"name":"Summer","channel":"news","category":"Offers","content":{"subject":"S","text":"T"},
		"audience":{"groups":["Customers",%d],"categories":["Offers"],"labels":["VIP"],"targeting":["Actives"],
			"exclude":{"campaigns":["Spring"],"messages":{"campaign":"Spring","states":["sent"]}}}}`, both))
	require.EqualValues(t, news, campaign["channel_id"])
	require.EqualValues(t, category, campaign["category_id"])
	require.Equal(t, map[string]any{
		"groups": []any{float64(group), float64(both)}, "categories": []any{float64(category)}, "labels": []any{float64(label)}, "targeting": []any{float64(list)},
		"exclude": map[string]any{"campaigns": []any{float64(first)}, "messages": map[string]any{"campaign_id": float64(first), "states": []any{"sent"}}},
	}, campaign["audience"], "they are shown by their ids")
	require.NotContains(t, campaign, "channel")

	changed := s.ok("PATCH", fmt.Sprintf("/v1/campaigns/%.0f", campaign["id"]), `{"audience":{"groups":["Customers"]},"channel":"news"}`)
	require.Equal(t, map[string]any{"groups": []any{float64(group)}}, changed["audience"])
	copied := s.ok("POST", fmt.Sprintf("/v1/campaigns/%.0f/duplicate", campaign["id"]), `{"name":"Summer 2","channel":"news","audience":{"labels":["vip"]}}`)
	require.Equal(t, map[string]any{"labels": []any{float64(label)}}, copied["audience"], "one that differs in case alone is taken")

	message := s.ok("POST", "/v1/messages", `{"channel":"news","to":"bob@example.org","content":{"subject":"S","text":"T"}}`)
	require.EqualValues(t, news, message["channel_id"])
	conversation := s.ok("POST", "/v1/conversations", fmt.Sprintf(`{"channel":"news","contact_id":%d}`, contact))
	require.EqualValues(t, news, conversation["channel_id"])
	flow := s.ok("POST", "/v1/flows", `{"name":"Welcome","channel":"news","category":"Offers","audience":{"groups":["Customers"]},"steps":[
		{"id":"hello","kind":"send","channel":"NEWS","content":{"subject":"S","text":"T"}},{"id":"over","kind":"end","outcome":"done"}]}`)
	require.EqualValues(t, news, flow["channel_id"])
	require.EqualValues(t, news, flow["steps"].([]any)[0].(map[string]any)["channel_id"])
	require.NotContains(t, flow["steps"].([]any)[0], "channel", "what is kept is ids")
	webhook := s.ok("POST", "/v1/webhooks", `{"url":"https://example.org/hook","events":["message.sent"],"campaigns":["Spring"]}`)
	require.Equal(t, []any{float64(first)}, webhook["campaigns"])
	s.ok("POST", "/v1/contacts/bulk", `{"action":"add","list":"Customers","all":true,"dry_run":true}`)
	s.ok("POST", "/v1/targeting/count", `{"channel":"news","rule":{"condition":"AND","rules":[{"field":"status","operator":"equal","value":"active"}]}}`)

	s.ok("POST", fmt.Sprintf("/v1/groups/%d/members", group), fmt.Sprintf(`{"contacts":[%d]}`, contact))
	require.Len(t, s.ok("GET", "/v1/contacts?group=customers", "")["items"], 1)
	require.Empty(t, s.ok("GET", "/v1/contacts?group=Offers", "")["items"])
	require.Len(t, s.ok("GET", "/v1/messages?channel_id=news", "")["items"], 1)
	require.Empty(t, s.ok("GET", "/v1/messages?campaign_id=Spring", "")["items"])
	s.ok("GET", "/v1/queue?channel_id=news&campaign_id=Spring", "")
}

func TestWhatIsNotFoundByItsNameIsSaid(t *testing.T) {
	s := newServer(t)
	channel := s.channel()
	one, two := s.campaign(channel, ""), s.campaign(channel, "")
	const content = `"content":{"subject":"S","text":"T"}`

	wrong := s.refused("POST", "/v1/messages", `{"channel":"nws","to":"a@example.org",`+content+`}`)
	require.Equal(t, map[string]any{
		"location": "body.channel", "value": "nws", "message": "there is no channel of this name: there are news",
	}, wrong)
	wrong = s.refused("POST", "/v1/messages", `{"channel":"nws","to":"a@example.org",`+content+`}`, as("sender")...)
	require.Equal(t, "there is no channel of this name", wrong["message"], "who may not look at channels is not told")
	wrong = s.refused("POST", "/v1/messages", fmt.Sprintf(`{"channel":"news","channel_id":%d,"to":"a@example.org",%s}`, channel, content))
	require.Equal(t, "body.channel", wrong["location"])
	require.Equal(t, "is given beside body.channel_id: leave out one of the two", wrong["message"])
	wrong = s.refused("POST", "/v1/messages", `{"to":"a@example.org",`+content+`}`)
	require.Equal(t, "is missing: say which channel, by its id or its name, or by channel_id", wrong["message"])
	wrong = s.refused("POST", "/v1/messages", `{"channel":{"name":"news"},"to":"a@example.org",`+content+`}`)
	require.Equal(t, "must be an id or a name", wrong["message"])

	wrong = s.refused("POST", "/v1/contacts/export.csv", `{"audience":{"all":true,"exclude":{"campaigns":[1,"Spring"]}}}`)
	require.Equal(t, "body.audience.exclude.campaigns[1]", wrong["location"])
	require.Equal(t, fmt.Sprintf("is the name of several: give the id of one of campaign %d, campaign %d", two, one), wrong["message"])
	wrong = s.refused("GET", "/v1/contacts?group=Kunden", "")
	require.Equal(t, "query.group", wrong["location"])
	require.Equal(t, "there is no group or category or label or upload of this name: GET /v1/groups or GET /v1/categories or GET /v1/labels or "+
		"GET /v1/uploads shows which there are", wrong["message"])

	names := ""
	for i := range 101 {
		s.ok("POST", "/v1/groups", fmt.Sprintf(`{"name":"G%d"}`, i))
		names += fmt.Sprintf(`,"G%d"`, i)
	}
	wrong = s.refused("POST", "/v1/contacts/export.csv", `{"audience":{"groups":[`+names[1:]+`]}}`)
	require.Equal(t, "body.audience.groups[100]", wrong["location"])
	require.Equal(t, "is one name too many: a request may give 100 names, and any number of ids", wrong["message"])
}

// What flows and schedules name is found by its name as well, and kept by its id.
func TestFlowsAndSchedulesNameThings(t *testing.T) {
	s := newServer(t)
	s.channel()
	made := func(path, body string) float64 { return s.ok("POST", path, body)["id"].(float64) }
	group, label := made("/v1/groups", `{"name":"Customers"}`), made("/v1/labels", `{"name":"VIP"}`)
	calendar := made("/v1/holidays", `{"name":"Germany","dates":[{"date":"2027-01-01","name":"New Year"}]}`)

	flow := s.ok("POST", "/v1/flows", `{"name":"Welcome","channel":"news","triggers":[{"joins":{"groups":["Customers"]}}],"steps":[
		{"id":"which","kind":"branch","branches":[{"rule":{"condition":"AND","rules":[{"field":"group","operator":"equal","value":"customers"}]},"next":"mark"}]},
		{"id":"mark","kind":"set","set":{"add":{"labels":["VIP"]},"remove":{"groups":["Customers"]}}},
		{"id":"over","kind":"end","outcome":"done"}],
		"goals":[{"rule":{"condition":"AND","rules":[{"field":"label","operator":"equal","value":"VIP"}]},"outcome":"there"}]}`)
	steps := flow["steps"].([]any)
	require.Equal(t, map[string]any{"add": map[string]any{"labels": []any{label}}, "remove": map[string]any{"groups": []any{group}}},
		steps[1].(map[string]any)["set"])
	require.Equal(t, map[string]any{"groups": []any{group}}, flow["triggers"].([]any)[0].(map[string]any)["joins"])
	asked := func(ruled any) any {
		return ruled.(map[string]any)["rule"].(map[string]any)["rules"].([]any)[0].(map[string]any)["value"]
	}
	require.Equal(t, any(group), asked(steps[0].(map[string]any)["branches"].([]any)[0]), "whatever the group will be called")
	require.Equal(t, any(label), asked(flow["goals"].([]any)[0]))
	wrong := s.refused("PATCH", fmt.Sprintf("/v1/flows/%.0f", flow["id"]), `{"steps":[{"id":"mark","kind":"set","set":{"add":{"labels":["VIPs"]}}}]}`)
	require.Equal(t, "body.steps[0].set.add.labels[0]", wrong["location"])
	require.Equal(t, "there is no label of this name: there are VIP", wrong["message"])
	wrong = s.refused("PATCH", fmt.Sprintf("/v1/flows/%.0f", flow["id"]), `{"steps":[{"id":"mark","kind":"set","set":{"add":{"labels":[""]}}}]}`)
	require.Equal(t, "is empty: give an id or a name", wrong["message"])

	campaign := s.ok("POST", "/v1/campaigns", `{"name":"Daily","channel":"news","audience":{"all":true},"content":{"subject":"S","text":"T"},
		"schedule":{"cron":"0 9 * * *","exclude":{"holidays":["germany"]}}}`)
	require.Equal(t, map[string]any{"holidays": []any{calendar}}, campaign["schedule"].(map[string]any)["exclude"])
}

// An empty name takes away what the id 0 takes away, and nothing else.
func TestAnEmptyNameTakesAway(t *testing.T) {
	s := newServer(t)
	s.channel()
	category := s.ok("POST", "/v1/categories", `{"name":"Offers"}`)["id"]
	const body = `"name":"x","channel":"news","category":"Offers"`
	campaign := s.ok("POST", "/v1/campaigns", `{`+body+`,"audience":{"all":true},"content":{"subject":"S","text":"T"}}`)
	flow := s.ok("POST", "/v1/flows", `{`+body+`,"steps":[{"id":"over","kind":"end","outcome":"done"}]}`)
	for path, made := range map[string]map[string]any{"/v1/campaigns": campaign, "/v1/flows": flow} {
		require.Equal(t, category, made["category_id"])
		at := fmt.Sprintf("%s/%.0f", path, made["id"])
		require.Equal(t, category, s.ok("PATCH", at, `{"name":"y"}`)["category_id"])
		require.NotContains(t, s.ok("PATCH", at, `{"category":""}`), "category_id")
		require.Equal(t, "is missing: say which channel, by its id or its name, or by channel_id", s.refused("PATCH", at, `{"channel":""}`)["message"])
	}
	s.ok("PATCH", "/v1/settings", `{"report_mail":{"channel":"news"}}`)
	require.NotContains(t, fmt.Sprint(s.ok("PATCH", "/v1/settings", `{"report_mail":{"channel":""}}`)["report_mail"]), "channel_id")
}
