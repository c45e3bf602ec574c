package api_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProperties(t *testing.T) {
	s := newServer(t)
	golden(t, "properties.txt", s.transcript(
		[]string{"POST", "/v1/properties", `{"key":"age","type":"number","rule":">=0 <=130","label":"Age","filterable":true}`},
		[]string{"POST", "/v1/properties", `{"key":"age","type":"text"}`},
		[]string{"POST", "/v1/properties", `{"key":"Shoe size","type":"number"}`},
		[]string{"POST", "/v1/properties", `{"key":"size","type":"number","rule":"a,b"}`},
		[]string{"POST", "/v1/properties", `{"key":"size"}`},
		[]string{"POST", "/v1/properties", `{"key":"size","type":"colour"}`},
		[]string{"POST", "/v1/properties", `{"key":"plan","type":"enum","rule":"free,plus","default":"PLUS","expires_seconds":3600,"editable":false,` +
			`"hidden":true,"position":1}`},
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

func TestAttributes(t *testing.T) {
	s := newServer(t)
	for _, p := range []string{
		`{"key":"plan","type":"enum","rule":"free,plus","default":"free"}`, `{"key":"age","type":"number","rule":">=0 <=130"}`,
		`{"key":"code","type":"word","rule":"<=4","expires_seconds":60}`, `{"key":"tags","type":"collection"}`,
	} {
		s.ok("POST", "/v1/properties", p)
	}
	golden(t, "attributes.txt", s.transcript(
		[]string{"POST", "/v1/contacts", `{"first_name":"Ada","addresses":{"whatsapp":"+49 151 12345678","telegram":"42"},"attributes":{"age":36.5,"code":"X1",` +
			`"tags":["a","b"]}}`},
		[]string{"POST", "/v1/contacts", `{"addresses":{"custom":"x"},"attributes":{"age":131,"code":"a b","plan":"gold","colour":"red","tags":"a"}}`},
		[]string{"POST", "/v1/contacts", `{"addresses":{"telegram":"@ada","facebook":"x"}}`},
		[]string{"POST", "/v1/contacts", `{"addresses":{"telegram":"42"}}`},
		[]string{"PATCH", "/v1/contacts/1", `{"first_name":null,"last_name":"L","addresses":{"whatsapp":null},"attributes":{"age":null,"plan":"PLUS"},` +
			`"last_activity_at":"2026-02-01T10:00:00+01:00"}`},
		[]string{"PATCH", "/v1/contacts/1", `{"last_activity_at":null,"language":"Klingonisch"}`},
		[]string{"GET", "/v1/contacts?kind=telegram&address=42"},
		[]string{"GET", "/v1/contacts?kind=telegram"},
		[]string{"PATCH", "/v1/properties/tags?dry_run=true", `{"type":"enum","rule":"a,b"}`},
		[]string{"PATCH", "/v1/properties/tags", `{"type":"enum","rule":"a,b"}`},
		[]string{"DELETE", "/v1/contacts/1"},
		[]string{"GET", "/v1/contacts"},
		[]string{"GET", "/v1/contacts?status=deleted"},
		[]string{"PATCH", "/v1/contacts/1", `{"status":"active"}`},
	))
}

func TestCategoriesAndLabels(t *testing.T) {
	s := newServer(t)
	s.contact("Ada", "ada@example.org")
	s.contact("Bob", "bob@example.org")
	golden(t, "lists.txt", s.transcript(
		[]string{"POST", "/v1/categories", `{"name":"Offers","description":"What is cheap"}`},
		[]string{"POST", "/v1/categories", `{"name":"` + strings.Repeat("x", 101) + `"}`},
		[]string{"POST", "/v1/labels", `{"name":"Offers"}`},
		[]string{"POST", "/v1/labels", `{"name":"Offers"}`},
		[]string{"PATCH", "/v1/labels/2", `{"name":"Hot","description":null}`},
		[]string{"POST", "/v1/categories/1/members", `{"contacts":[1,2]}`},
		[]string{"POST", "/v1/categories/2/members", `{"contacts":[1]}`},
		[]string{"POST", "/v1/categories/1/members/remove", `{"contacts":[2]}`},
		[]string{"GET", "/v1/contacts/2/consents"},
		[]string{"GET", "/v1/categories"},
		[]string{"GET", "/v1/categories/1/members"},
		[]string{"GET", "/v1/groups"},
		[]string{"DELETE", "/v1/labels/2"},
		[]string{"GET", "/v1/labels/2"},
		[]string{"GET", "/v1/audit?limit=3"},
	))
}

func TestBulk(t *testing.T) {
	s := newServer(t)
	s.contact("Ada", "ada@example.org")
	s.contact("Bob", "bob@example.org")
	s.ok("POST", "/v1/labels", `{"name":"Hot"}`)
	s.ok("POST", "/v1/properties", `{"key":"age","type":"number","rule":"<=130"}`)
	golden(t, "bulk.txt", s.transcript(
		[]string{"POST", "/v1/contacts/bulk", `{"action":"add","list":1,"contacts":[1,2],"dry_run":true}`},
		[]string{"POST", "/v1/contacts/bulk", `{"action":"add","list":1,"contacts":[1,2,99]}`},
		[]string{"POST", "/v1/contacts/bulk", `{"action":"set","property":"age","value":36,"all":true}`},
		[]string{"GET", "/v1/jobs/1"},
	))
	for range 3 {
		_, err := s.store.RunJobBatch(t.Context())
		require.NoError(t, err)
	}
	golden(t, "bulk_done.txt", s.transcript(
		[]string{"GET", "/v1/jobs"},
		[]string{"GET", "/v1/jobs/99"},
		[]string{"GET", "/v1/labels/1"},
		[]string{"GET", "/v1/contacts/2"},
		[]string{"POST", "/v1/contacts/bulk", `{"action":"add","contacts":[1]}`},
		[]string{"POST", "/v1/contacts/bulk", `{"action":"set","property":"age","value":131,"all":true}`},
		[]string{"POST", "/v1/contacts/bulk", `{"action":"set","property":"age","value":null,"contacts":[1],"all":true}`},
		[]string{"POST", "/v1/contacts/bulk", `{"action":"explode","all":true}`},
		[]string{"POST", "/v1/contacts/bulk", `{"action":"stop","dry_run":true,"rule":{"condition":"AND","rules":[{"field":"first_name","operator":"equal",` +
			`"value":"ADA"}]}}`},
		[]string{"POST", "/v1/contacts/bulk", `{"action":"stop","dry_run":true,"rule":{"condition":"AND","rules":[{"field":"height","operator":"equal",` +
			`"value":1}]}}`},
		[]string{"POST", "/v1/contacts/bulk", `{"action":"stop","dry_run":true,"targeting":9}`},
		[]string{"POST", "/v1/contacts/bulk", `{"action":"stop","dry_run":true,"q":"ada@"}`},
		[]string{"POST", "/v1/contacts/bulk", `{"action":"stop","dry_run":true,"q":"ada@","all":true}`},
		[]string{"POST", "/v1/contacts/bulk", `{"action":"block","q":"BOB"}`},
		[]string{"GET", "/v1/contacts/1/memberships"},
		[]string{"GET", "/v1/contacts/99/memberships"},
		[]string{"POST", "/v1/contacts/bulk", `{"action":"stop"}`},
		[]string{"GET", "/v1/audit?limit=2"},
	))
}

func TestMergeContacts(t *testing.T) {
	s := newServer(t)
	s.contact("Ada", "ada@example.org")
	s.ok("POST", "/v1/contacts", `{"last_name":"Lovelace","addresses":{"email":"other@example.org","telegram":"42"}}`)
	golden(t, "merge.txt", s.transcript(
		[]string{"POST", "/v1/contacts/1/merge", `{"from":2,"dry_run":true}`},
		[]string{"POST", "/v1/contacts/1/merge", `{"from":1}`},
		[]string{"POST", "/v1/contacts/1/merge", `{"from":9}`},
		[]string{"POST", "/v1/contacts/1/merge", `{"from":2}`},
		[]string{"GET", "/v1/contacts/2"},
		[]string{"POST", "/v1/contacts/1/merge", `{"from":2}`},
		[]string{"GET", "/v1/audit?limit=1"},
	))
}
