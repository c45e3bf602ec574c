package api_test

import "testing"

func TestProperties(t *testing.T) {
	s := newServer(t)
	golden(t, "properties.txt", s.transcript(
		[]string{"POST", "/v1/properties", `{"key":"age","type":"number","rule":">=0 <=130","label":"Age","filterable":true}`},
		[]string{"POST", "/v1/properties", `{"key":"age","type":"text"}`},
		[]string{"POST", "/v1/properties", `{"key":"Shoe size","type":"number"}`},
		[]string{"POST", "/v1/properties", `{"key":"size","type":"number","rule":"a,b"}`},
		[]string{"POST", "/v1/properties", `{"key":"size"}`},
		[]string{"POST", "/v1/properties", `{"key":"size","type":"colour"}`},
		[]string{"POST", "/v1/properties", `{"key":"plan","type":"enum","rule":"free,plus","default":"PLUS","expires_seconds":3600,"editable":false,"hidden":true,"position":1}`},
		[]string{"POST", "/v1/properties", `{"key":"plan2","type":"enum","rule":"free,plus","default":"gold"}`},
		[]string{"POST", "/v1/properties", `{"key":"plan2","type":"text","expires_seconds":0}`},
		[]string{"GET", "/v1/properties"},
		[]string{"PATCH", "/v1/properties/plan?dry_run=true", `{"rule":"free,plus,team","default":null}`},
		[]string{"PATCH", "/v1/properties/plan", `{"rule":"free,plus,team","default":null,"expires_seconds":null,"label":"Plan"}`},
		[]string{"PATCH", "/v1/properties/plan", `{"type":"text"}`},
		[]string{"PATCH", "/v1/properties/age", `{"type":"date"}`},
		[]string{"PATCH", "/v1/properties/nothing", `{"label":"x"}`},
		[]string{"GET", "/v1/properties/plan"},
		[]string{"DELETE", "/v1/properties/plan?dry_run=true"},
		[]string{"DELETE", "/v1/properties/plan"},
		[]string{"DELETE", "/v1/properties/plan"},
		[]string{"GET", "/v1/audit?limit=2"},
	))
}
