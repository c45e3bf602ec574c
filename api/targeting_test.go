package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

func TestTargeting(t *testing.T) {
	s := newServer(t)
	s.channel()
	s.ok("POST", "/v1/properties", `{"key":"plan","type":"enum","rule":"gold,silver","label":"Plan","filterable":true}`)
	s.ok("POST", "/v1/properties", `{"key":"score","type":"number"}`)
	for _, c := range []string{
		`{"first_name":"Ann","addresses":{"email":"ann@example.org"},"attributes":{"plan":"gold","score":7}}`,
		`{"first_name":"Bob","addresses":{"email":"bob@example.org"},"attributes":{"plan":"silver"}}`,
		`{"first_name":"Cy","addresses":{"phone":"+491701234567"},"attributes":{"plan":"gold"}}`,
		`{"first_name":"Dee","addresses":{"email":"dee@example.org"}}`,
	} {
		s.ok("POST", "/v1/contacts", c)
	}
	s.ok("POST", "/v1/contacts/2/opt-out", `{}`)
	const gold = `{"condition":"AND","rules":[{"id":"attributes.plan","field":"attributes.plan","type":"string","input":"select","operator":"equal",` +
		`"value":"GOLD"}]}`
	golden(t, "targeting.txt", s.transcript(
		[]string{"POST", "/v1/targeting", `{"name":"Gold","rule":` + gold + `}`},
		[]string{"POST", "/v1/targeting", `{"name":"Gold","rule":` + gold + `}`},
		[]string{"POST", "/v1/targeting", `{"name":"Others","rule":{"condition":"AND","rules":[{"field":"targeting","operator":"not_equal","value":1}]}}`},
		[]string{"POST", "/v1/targeting", `{"name":"Silver","rule":{"payload":[{"attribute_key":"plan","filter_operator":"equal_to","values":["silver"],` +
			`"query_operator":"OR"},{"attribute_key":"created_at","filter_operator":"days_before","values":["7"],"query_operator":null}]}}`},
		[]string{"POST", "/v1/targeting", `{"name":"x","rule":{"condition":"AND","rules":[{"field":"plan","operator":"equal","value":"gold"},{"condition":"OR",` +
			`"rules":[{"field":"attributes.score","operator":"contains","value":7},{"field":"attributes.score","operator":"less","value":"many"},{"field":"group",` +
			`"operator":"in","value":[4]}]}]}}`},
		[]string{"POST", "/v1/targeting", `{"name":"x","rule":{"condition":"AND","rules":[{"field":"group","operator":"in","value":[4]}]}}`},
		[]string{"POST", "/v1/targeting", `{"name":"x","rule":null}`},
		[]string{"POST", "/v1/targeting", `{"name":"x"}`},
		[]string{"PATCH", "/v1/targeting/1", `{"rule":{"condition":"AND","rules":[{"field":"targeting","operator":"equal","value":2}]}}`},
		[]string{"PATCH", "/v1/targeting/1", `{"name":"Gold members"}`},
		[]string{"GET", "/v1/targeting?limit=1"},
		[]string{"GET", "/v1/targeting/2"},
		[]string{"GET", "/v1/targeting/9"},
		[]string{"DELETE", "/v1/targeting/1"},
		[]string{"GET", "/v1/targeting/1/count"},
		[]string{"GET", "/v1/targeting/2/count?kind=email"},
		[]string{"GET", "/v1/targeting/2/count?channel_id=1"},
		[]string{"GET", "/v1/targeting/2/count?channel_id=1&kind=email"},
		[]string{"GET", "/v1/targeting/2/count?kind=pigeon"},
		[]string{"POST", "/v1/targeting/count", `{"rule":` + gold + `}`},
		[]string{"POST", "/v1/targeting/count", `{"rule":` + gold + `,"kind":"email"}`},
		[]string{"POST", "/v1/targeting/count", `{"rule":{"condition":"AND","rules":[]}}`},
		[]string{"GET", "/v1/targeting/1/contacts?limit=1"},
		[]string{"POST", "/v1/contacts/search?limit=1", `{"rule":` + gold + `}`},
		[]string{"POST", "/v1/campaigns", `{"name":"Spring","channel_id":1,"audience":{"targeting":[1],"rule":` + gold +
			`,"exclude":{"rule":{"condition":"AND","rules":[{"field":"first_name","operator":"equal","value":"cy"}]}}},"content":{"subject":"s","text":"t"}}`},
		[]string{"GET", "/v1/campaigns/1/preview"},
		[]string{"POST", "/v1/campaigns", `{"name":"Spring","channel_id":1,"audience":{"targeting":[7],"labels":[8],"rule":{"condition":"AND",` +
			`"rules":[{"field":"x","operator":"equal","value":"y"}]}},"content":{"subject":"s","text":"t"}}`},
		[]string{"DELETE", "/v1/targeting/2"},
		[]string{"GET", "/v1/audit?limit=3"},
	))
	golden(t, "targeting-fields.txt", s.transcript([]string{"GET", "/v1/targeting/fields"}))
	w := s.do("POST", "/v1/targeting", `{"name":"x","rule":`+gold+`}`, as(access.Viewer)...)
	require.Equal(t, 403, w.Code)
	w = s.do("POST", "/v1/targeting/count", `{"rule":`+gold+`}`, as(access.Viewer)...)
	require.Equal(t, 200, w.Code)
}
