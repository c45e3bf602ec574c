package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
)

// People turn pages of contacts in several orders, and are told how many there are.
func TestContactsArePaged(t *testing.T) {
	s := newServer(t)
	s.ok("POST", "/v1/properties", `{"key":"score","type":"number"}`)
	for _, body := range []string{
		`{"name":"Cy","addresses":{"email":"b@example.org"},"attributes":{"score":3}}`,
		`{"name":"ada","addresses":{"email":"c@example.org","phone":"+4915112345678"},"status":"inactive"}`,
		`{"name":"Bob","addresses":{"email":"a@example.org"},"attributes":{"score":20}}`,
		`{"external_id":"x","attributes":{"score":7}}`,
	} {
		s.ok("POST", "/v1/contacts", body)
	}
	bare := "Nobody"
	_, err := s.Contacts.Create(t.Context(), contacts.Contact{AccountID: s.account, Name: bare, Bare: true}, "")
	require.NoError(t, err)
	s.ok("POST", "/v1/groups", `{"name":"some"}`)
	s.ok("POST", "/v1/groups/1/members", `{"contacts":[1,2]}`)
	ids := func(method, query, body string) string {
		s.t.Helper()
		page := s.ok(method, query, body)
		var ids []string
		for _, item := range page["items"].([]any) {
			ids = append(ids, fmt.Sprint(item.(map[string]any)["id"]))
		}
		require.Empty(t, page["next_cursor"])
		return strings.Join(ids, " ") + " of " + fmt.Sprint(page["total"])
	}
	for query, want := range map[string]string{
		"page=1":                             "1 2 3 4 of 4",
		"page=1&bare=true":                   "1 2 3 4 5 of 5",
		"page=2&limit=3":                     "4 of 4",
		"page=3&limit=3":                     " of 4",
		"order=name":                         "2 3 1 4 of 4",
		"order=-name":                        "1 3 2 4 of 4",
		"order=email&limit=2&page=2":         "2 4 of 4",
		"order=phone":                        "2 1 3 4 of 4",
		"order=-id&limit=1":                  "4 of 4",
		"order=-attributes.score":            "3 4 1 2 of 4",
		"order=name&group=1":                 "2 1 of 2",
		"order=name&status=active":           "3 1 4 of 3",
		"order=name&q=example":               "2 3 1 of 3",
		"order=last_activity_at&limit=1":     "1 of 4",
		"page=1000000&limit=500&order=-name": " of 4",
	} {
		require.Equal(t, want, ids("GET", "/v1/contacts?"+query, ""), query)
	}
	scored := `{"rule":{"condition":"AND","rules":[{"field":"attributes.score","operator":"is_not_null"}]}}`
	require.Equal(t, "3 1 of 3", ids("POST", "/v1/contacts/search?order=name&limit=2", scored))
	require.NotContains(t, s.ok("GET", "/v1/contacts", ""), "total", "who goes on by a cursor has nothing counted")
	for query, want := range map[string]string{
		"order=colour": "last_activity_at", "order=attributes.colour": "no property", "page=0": "query.page", "page=1&cursor=MQ": "not both",
		"order=name&email=a@example.org": "query.email", "order=name&status=deleted": "query.status",
	} {
		w := s.do("GET", "/v1/contacts?"+query, "")
		require.Equal(t, 422, w.Code, query)
		require.Contains(t, w.Body.String(), want, query)
	}
	require.Equal(t, 422, s.do("POST", "/v1/contacts/search?page=1", `{"rule":{}}`).Code)
	// Whoever goes on from page to page reads people in bulk.
	s.ok("GET", "/v1/contacts?page=2&limit=1", "")
	require.Equal(t, "list-contacts", s.ok("GET", "/v1/audit?limit=1", "")["items"].([]any)[0].(map[string]any)["action"])
}
