package api_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/secret"
)

const operatorKey = "operator-key-0123456789"

// operator makes an operator's key and is the header that presents it.
func (s *server) operator() []string {
	s.t.Helper()
	_, err := s.store.AddKey(s.t.Context(), access.Key{AccountID: s.account, Name: "operator", Role: access.Viewer, Operator: true}, secret.New(operatorKey))
	require.NoError(s.t, err)
	return presenting(operatorKey)
}

func presenting(key string) []string { return []string{"Authorization", "Bearer " + key} }

func TestAccountsAreMadeByOperatorsAlone(t *testing.T) {
	s := newServer(t)
	w := s.do("POST", "/v1/accounts", `{"name":"shop"}`)
	require.Equal(t, 403, w.Code, w.Body)
	require.Contains(t, w.Body.String(), "no operator's key")
	operator := s.operator()
	made := s.ok("POST", "/v1/accounts", `{"name":"shop"}`, append(operator, "Idempotency-Key", "once")...)
	again := s.ok("POST", "/v1/accounts", `{"name":"shop"}`, append(operator, "Idempotency-Key", "once")...)
	require.Equal(t, made["id"], again["id"])
	require.Empty(t, again["key"], "it is shown once")
	key := presenting(made["key"].(string))

	require.Equal(t, "shop", s.ok("GET", "/v1/account", "", key...)["name"])
	require.Equal(t, "tests", s.ok("GET", "/v1/account", "", as(access.Sender)...)["name"])
	require.Empty(t, s.ok("GET", "/v1/contacts", "", key...)["items"])
	for body, want := range map[string]string{
		`{"name":"shop"}`: "the name is taken", `{"name":"12"}`: "digits alone", `{"name":"a/b"}`: "slash", `{"name":" "}`: "needs a name",
	} {
		w := s.do("POST", "/v1/accounts", body, operator...)
		require.GreaterOrEqual(t, w.Code, 409, "%s: %s", body, w.Body)
		require.Contains(t, w.Body.String(), want)
	}
	require.Equal(t, "trade", s.ok("PATCH", "/v1/accounts/shop", `{"name":"trade"}`, operator...)["name"])
	require.Equal(t, 404, s.do("GET", "/v1/accounts/shop", "", operator...).Code)
	require.Len(t, s.ok("GET", "/v1/accounts", "", operator...)["items"], 2)
	require.Equal(t, 403, s.do("GET", "/v1/accounts/trade", "", key...).Code, "its own admin is no operator")
}

// Nobody becomes an operator whom none has made one.
func TestOnlyOperatorsMakeOperators(t *testing.T) {
	s := newServer(t)
	w := s.do("POST", "/v1/keys", `{"name":"deploy","role":"admin","operator":true}`)
	require.Equal(t, 403, w.Code, w.Body)
	s.operator()
	operators := s.ok("GET", "/v1/keys", "")["items"].([]any)
	own := idOf(operators[len(operators)-1])
	w = s.do("POST", "/v1/keys/"+own+"/rotate", "")
	require.Equal(t, 403, w.Code, "another admin can't have an operator's key by replacing it: %s", w.Body)
	w = s.do("DELETE", "/v1/keys/"+own, "")
	require.Equal(t, 409, w.Code, w.Body)
	require.Contains(t, w.Body.String(), "last operator's key")
	w = s.do("POST", "/v1/keys", `{"name":"deploy","role":"admin","operator":true,"api":"chatapi"}`, presenting(operatorKey)...)
	require.Equal(t, 403, w.Code, "a viewer makes no keys: %s", w.Body)
}

func TestAClosedAccountOpensToNobodyUntilItIsRestored(t *testing.T) {
	s := newServer(t)
	operator := s.operator()
	made := s.ok("POST", "/v1/accounts", `{"name":"shop"}`, operator...)
	key := presenting(made["key"].(string))
	s.ok("POST", "/v1/channels", `{"name":"news","provider":"sandbox","timezone":"UTC"}`, key...)
	s.ok("POST", "/v1/channels", `{"name":"paused","provider":"sandbox","timezone":"UTC"}`, key...)
	second := idOf(s.ok("GET", "/v1/channels", "", key...)["items"].([]any)[1])
	s.ok("POST", "/v1/channels/"+second+"/pause", "", key...)

	preview := s.ok("DELETE", "/v1/accounts/shop?dry_run=true", "", operator...)
	require.EqualValues(t, 2, preview["contents"].(map[string]any)["channels"])
	require.Equal(t, 200, s.do("GET", "/v1/channels", "", key...).Code)
	w := s.do("DELETE", "/v1/accounts/shop?confirm=other", "", operator...)
	require.Equal(t, 422, w.Code, w.Body)
	require.Contains(t, w.Body.String(), "write the account's name")
	w = s.do("DELETE", "/v1/accounts/tests?confirm=tests", "", operator...)
	require.Equal(t, 409, w.Code, w.Body)

	closed := s.ok("DELETE", "/v1/accounts/shop?confirm=shop&wait_hours=24", "", operator...)["account"].(map[string]any)
	require.Equal(t, noon.Add(24*time.Hour).Format(time.RFC3339), closed["deletes_at"])
	w = s.do("GET", "/v1/channels", "", key...)
	require.Equal(t, 403, w.Code, w.Body)
	require.Contains(t, w.Body.String(), "2026-03-02 12:00 UTC")
	require.Contains(t, w.Body.String(), "an operator")
	require.Equal(t, 409, s.do("DELETE", "/v1/accounts/shop?confirm=shop", "", operator...).Code)

	s.ok("POST", "/v1/accounts/shop/restore", "", operator...)
	channels := s.ok("GET", "/v1/channels", "", key...)["items"].([]any)
	require.Equal(t, "active", channels[0].(map[string]any)["status"])
	require.Equal(t, "paused", channels[1].(map[string]any)["status"], "who paused it did so")
	require.Equal(t, 409, s.do("POST", "/v1/accounts/shop/restore", "", operator...).Code)
}

// idOf is the id of an item of a list.
func idOf(item any) string { return fmt.Sprintf("%.0f", item.(map[string]any)["id"]) }
