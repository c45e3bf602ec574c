package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
)

// What people are shown of attributes is read and changed; values of which no property knows
// stay beside the contact's.
func TestAttributesOfPrograms(t *testing.T) {
	s := newServer(t)
	golden(t, "definitions.txt", s.transcript(
		[]string{"GET", "/v1/attributes"},
		[]string{"POST", "/v1/attributes", `{"key":"Shoe-Size","name":"Shoe size","display":"number","description":"European","pattern":"^\\d+$","cue":"A number"}`},
		[]string{"POST", "/v1/attributes", `{"model":"conversation","key":"topic","display":"list","choices":["refund","praise"]}`},
		[]string{"POST", "/v1/attributes", `{"key":"Shoe-Size"}`},
		[]string{"POST", "/v1/attributes", `{"key":"shoe size"}`},
		[]string{"GET", "/v1/attributes/1"},
		[]string{"POST", "/v1/contacts", `{"external_id":"a","attributes":{"shoexx2dsize":42,"unknown":1}}`},
		[]string{"POST", "/v1/contacts",
			`{"external_id":"a","number":"+4915112345678","loose":true,"attributes":{"shoex2dsize":42,"unknown":1},"additional":{"source":"shop"}}`},
		[]string{"PATCH", "/v1/contacts/1", `{"loose":true,"attributes":{"unknown":null,"other":[1]},"additional":{"source":null},"number":null}`},
		[]string{"PATCH", "/v1/attributes/1", `{"display":"text","description":null}`},
		[]string{"PATCH", "/v1/attributes/1", `{"display":"checkbox"}`},
		[]string{"PATCH", "/v1/attributes/9", `{"name":"x"}`},
		[]string{"DELETE", "/v1/attributes/1"},
		[]string{"GET", "/v1/properties"},
		[]string{"DELETE", "/v1/attributes/9"},
	))
}

// A key's holder saves filters; one of contacts stands for a targeting list.
func TestSavedFilters(t *testing.T) {
	s := newServer(t)
	s.contact("Ada", "ada@example.org")
	s.contact("Bob", "bob@example.org")
	const ada = `{"condition":"AND","rules":[{"field":"first_name","operator":"equal","value":"Ada"}]}`
	golden(t, "filters.txt", s.transcript(
		[]string{"POST", "/v1/filters", `{"name":"Adas","rule":` + ada + `}`},
		[]string{"POST", "/v1/filters", `{"kind":"report","name":"Week","query":{"days":7}}`},
		[]string{"POST", "/v1/filters", `{"name":"None"}`},
		[]string{"POST", "/v1/filters", `{"name":"Wrong","rule":{"condition":"AND","rules":[{"field":"colour","operator":"equal","value":"red"}]}}`},
		[]string{"POST", "/v1/filters", `{"kind":"report","name":"Wrong","rule":` + ada + `}`},
		[]string{"GET", "/v1/filters"},
		[]string{"GET", "/v1/filters?kind=report"},
		[]string{"GET", "/v1/filters/1/count?kind=email"},
		[]string{"GET", "/v1/filters/1/contacts"},
		[]string{"GET", "/v1/filters/2/count"},
		[]string{"PATCH", "/v1/filters/1", `{"name":"Bobs","rule":{"condition":"AND","rules":[{"field":"first_name","operator":"equal","value":"Bob"}]}}`},
		[]string{"GET", "/v1/filters/1/count"},
		[]string{"DELETE", "/v1/filters/1"},
		[]string{"GET", "/v1/filters/1"},
		[]string{"GET", "/v1/targeting"},
	))
	require.Equal(t, 404, s.do("GET", "/v1/filters/2", "", as(access.Editor)...).Code, "filters are the key's that saved them")
}

// How programs wrote what is kept in another form, and values for several contacts at once.
func TestWhatProgramsWrote(t *testing.T) {
	s := newServer(t)
	s.ok("POST", "/v1/properties", `{"key":"plan","type":"enum","rule":"free,plus"}`)
	golden(t, "written.txt", s.transcript(
		[]string{"POST", "/v1/contacts", `{"addresses":{"phone":"+4915112345678","email":"ada@example.org"}}`},
		[]string{"POST", "/v1/contacts", `{"external_id":"b"}`},
		[]string{"PUT", "/v1/contacts/1/addresses/phone", `{"written":"0151 1234-5678"}`},
		[]string{"GET", "/v1/contacts/1/addresses"},
		[]string{"PUT", "/v1/contacts/1/addresses/phone", `{"written":""}`},
		[]string{"PUT", "/v1/contacts/1/addresses/phone", `{"written":"a\u0001"}`},
		[]string{"PUT", "/v1/contacts/1/addresses/sms", `{"written":"0151"}`},
		[]string{"PUT", "/v1/contacts/9/addresses/phone", `{"written":"0151"}`},
		[]string{"POST", "/v1/contacts/values", `{"contacts":[1,2,9],"property":"plan","value":"plus"}`},
		[]string{"POST", "/v1/contacts/values", `{"contacts":[1,2],"property":"plan","value":"gold"}`},
		[]string{"POST", "/v1/contacts/values", `{"contacts":[1],"property":"plan"}`},
		[]string{"POST", "/v1/contacts/values", `{"contacts":[1],"property":"colour","value":"red"}`},
		[]string{"POST", "/v1/groups", `{"name":"Readers"}`},
		[]string{"POST", "/v1/groups", `{"name":"Readers","alike":true}`},
		[]string{"POST", "/v1/groups", `{"name":"Writers"}`},
		[]string{"PATCH", "/v1/groups/3", `{"name":"Readers","alike":true,"description":"More"}`},
		[]string{"PATCH", "/v1/groups/3", `{"name":"Others"}`},
	))
	require.Equal(t, 403, s.do("POST", "/v1/contacts/values", `{"contacts":[1],"property":"plan"}`, as(access.Viewer)...).Code)
}
