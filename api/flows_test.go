package api_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/api"
	"carillon/targeting/rule"
)

// What is wrong with a flow is named with its step and field, and nothing is kept of it.
func TestAFlowIsCheckedWhenItIsSaved(t *testing.T) {
	s := newServer(t)
	s.ok("POST", "/v1/channels", `{"name":"news","provider":"sandbox"}`)
	s.ok("POST", "/v1/channels", `{"name":"deaf","provider":"smtp","config":{"host":"mail.example.org","from":"news@example.org"}}`)
	const end = `,{"id":"end","kind":"end"}]`
	say := `"content":{"subject":"s","text":"t"}`
	for _, test := range []struct{ body, at, says string }{
		{`{"name":"x","channel_id":9,"steps":[{"id":"a","kind":"send",` + say + `}` + end + `}`, "body.channel_id", "no such channel"},
		{`{"name":"x","channel_id":1,"steps":[{"id":"a","kind":"send","channel_id":9,` + say + `}` + end + `}`, "body.steps[0].channel_id", "no such channel"},
		{`{"name":"x","channel_id":1,"steps":[{"id":"a","kind":"send","content":{"text":"t"}}` + end + `}`, "body.steps[0].content.subject",
			"e-mail needs a subject"},
		{`{"name":"x","channel_id":1,"steps":[{"id":"a","kind":"send","content":{"subject":"s","text":"{{ answers.b }}"}}` + end + `}`,
			"body.steps[0].content", "no step of the flow asks for it"},
		{`{"name":"x","channel_id":1,"steps":[{"id":"a","kind":"send","content":{"subject":"s","text":"{% if %}"}}` + end + `}`, "body.steps[0].content.text", ""},
		{`{"name":"x","channel_id":2,"steps":[{"id":"a","kind":"ask",` + say + `,"question":{"type":"text","timeout":"1d"}}` + end + `}`,
			"body.steps[0].channel_id", "hears of no replies"},
		{`{"name":"x","channel_id":2,"steps":[{"id":"a","kind":"send",` + say + `}` + end + `,"triggers":[{"keyword":"menu"}]}`,
			"body.triggers[0].keyword", "hears of no replies"},
		{`{"name":"x","channel_id":1,"steps":[{"id":"a","kind":"set","set":{"add":{"groups":[7]}}}` + end + `}`, "body.steps[0].set.add.groups[0]", "no such group"},
		{`{"name":"x","channel_id":1,"steps":[{"id":"a","kind":"start","flow_id":7}` + end + `}`, "body.steps[0].flow_id", "no such flow"},
		{`{"name":"x","channel_id":1,"steps":[{"id":"a","kind":"branch","branches":[{"rule":{"condition":"AND",
			"rules":[{"field":"group","operator":"equal","value":7}]},
			"next":"end"}]}` + end + `}`, "body.steps[0].branches[0].rule.rules[0].value", "there is no group 7"},
		{`{"name":"x","channel_id":1,"schedule":{"spread_over":"2h"},"steps":[{"id":"a","kind":"send",` + say + `}` + end + `}`,
			"body.schedule.spread_over", "a flow has waits"},
	} {
		w := s.do("POST", "/v1/flows", test.body)
		require.Equal(t, 422, w.Code, "%s: %s", test.body, w.Body.String())
		require.Contains(t, w.Body.String(), `"location":"`+test.at+`"`, test.body)
		require.Contains(t, w.Body.String(), test.says)
	}
	require.Contains(t, s.do("GET", "/v1/flows", "").Body.String(), `"items":[]`)
}

// Rules of a flow have its answers and messages beside everybody's fields, while its steps are still being written.
func TestRulesOfAFlowHaveItsOwnFields(t *testing.T) {
	s := newServer(t)
	steps := `{"steps":[{"id":"stars","kind":"ask","question":{"type":"number","timeout":""}},{"id":"","kind":"send"}]}`
	w := s.do("POST", "/v1/flows/fields", steps, as(access.Viewer)...)
	require.Equal(t, 200, w.Code, w.Body.String())
	var list api.RuleFields
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &list))
	require.Len(t, list.Fields, 2)
	require.Equal(t, "answers.stars", list.Fields[0].Field)
	require.Contains(t, list.Fields[0].Operators, "greater_or_equal")
	require.Equal(t, "steps.stars", list.Fields[1].Field)
	require.Len(t, list.Fields[1].Values, len(rule.StepFacts()), "what can have become of a message is known")
}

// A flow is no campaign of one step: what is of those says where to go.
func TestAFlowIsNoOtherCampaign(t *testing.T) {
	s := newServer(t)
	s.ok("POST", "/v1/channels", `{"name":"news","provider":"sandbox"}`)
	s.contact("Ada", "ada@example.org")
	s.ok("POST", "/v1/flows", `{"name":"x","channel_id":1,"steps":[{"id":"a","kind":"send","content":{"subject":"s","text":"t"}},{"id":"end","kind":"end"}]}`)
	for _, ask := range [][3]string{
		{"POST", "/v1/campaigns/1/start", ""}, {"GET", "/v1/campaigns/1/preview", ""}, {"PATCH", "/v1/campaigns/1", `{"name":"y"}`},
		{"POST", "/v1/campaigns/1/simulate", "{}"}, {"POST", "/v1/campaigns/1/duplicate", ""},
	} {
		w := s.do(ask[0], ask[1], ask[2])
		require.Equal(t, 409, w.Code, "%v: %s", ask, w.Body.String())
		require.Contains(t, w.Body.String(), "/v1/flows/1")
	}
	require.Equal(t, 409, s.do("POST", "/v1/flows/1/enter", `{"contacts":[{"id":1}]}`).Code, "a draft takes nobody in")
	s.ok("POST", "/v1/flows/1/start", "")
	require.Contains(t, s.do("GET", "/v1/flows/1/versions/1", "").Body.String(), `"steps":[{"id":"a","kind":"send"`)
	require.Equal(t, 404, s.do("GET", "/v1/flows/1/versions/2", "").Code)
	require.Equal(t, 404, s.do("GET", "/v1/flows/2/versions/1", "").Code)
	require.Equal(t, 422, s.do("POST", "/v1/flows/1/enter", `{"contacts":[{"id":1},{"external_id":"nobody"}]}`).Code)
	require.Contains(t, s.do("POST", "/v1/flows/1/enter", `{"contacts":[{"address":"ada@example.org"}]}`).Body.String(), `"session_id":1`)
	require.Contains(t, s.do("POST", "/v1/flows/1/enter", `{"contacts":[{"id":1}]}`).Body.String(), `"reason":"inside"`)
	require.Contains(t, s.do("GET", "/v1/flows/1/sessions/1", "").Body.String(), `"source":"api"`)
	require.Equal(t, 404, s.do("GET", "/v1/flows/2/sessions/1", "").Code)
	require.Contains(t, s.do("POST", "/v1/flows/1/cancel", "").Body.String(), `"status":"canceled"`)
}

// Who asks for what is known of them hears of their events and their ways through flows too.
func TestAPersonsExportHasEventsAndWays(t *testing.T) {
	s := newServer(t)
	s.ok("POST", "/v1/channels", `{"name":"news","provider":"sandbox"}`)
	s.contact("Ada", "ada@example.org")
	s.ok("POST", "/v1/flows", `{"name":"x","channel_id":1,"steps":[{"id":"a","kind":"send","content":{"subject":"s","text":"t"}},{"id":"end","kind":"end"}]}`)
	s.ok("POST", "/v1/flows/1/start", "")
	s.ok("POST", "/v1/flows/1/enter", `{"contacts":[{"id":1}]}`)
	s.ok("POST", "/v1/events/bought", `{"events":[{"contact_id":1,"payload":{"what":"a bell"}}]}`)
	export := s.do("GET", "/v1/contacts/1/export", "").Body.String()
	require.Contains(t, export, `"payload":{"what":"a bell"}`)
	require.Contains(t, export, `"source":"api"`)
	require.Contains(t, export, `"answers":[]`)
}
