package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/api"
)

// A channel's provider is asked whether it takes the settings, and no secret comes back.
func TestAChannelIsCheckedAtItsProvider(t *testing.T) {
	s := newServer(t)
	status := http.StatusOK
	bot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/bot110201543:a-half-that-is-long-enough/getMe", r.URL.Path)
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"ok":%t,"error_code":%d,"description":"it is a-half-that-is-long-enough"}`, status == http.StatusOK, status)
	}))
	defer bot.Close()
	s.ok("POST", "/v1/channels", fmt.Sprintf(`{"name":"bot","provider":"telegram","config":{"api":%q,"token":"110201543:a-half-that-is-long-enough"}}`, bot.URL))
	s.ok("POST", "/v1/channels", `{"name":"box","provider":"sandbox"}`)
	check := func(id int) (c api.ChannelCheck) {
		w := s.do("POST", fmt.Sprintf("/v1/channels/%d/check", id), "")
		require.Equal(t, http.StatusOK, w.Code, w.Body)
		require.NotContains(t, w.Body.String(), "long-enough")
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &c))
		return c
	}
	require.Equal(t, "ok", check(1).State)
	status = http.StatusUnauthorized
	c := check(1)
	require.Equal(t, []string{"refused", "auth", "401"}, []string{c.State, string(c.Kind), c.Code})
	require.Contains(t, c.Detail, "@BotFather")
	bot.Close()
	require.Equal(t, "unreachable", check(1).State)
	require.Equal(t, "untold", check(2).State)

	for _, id := range []string{"1", "2"} {
		w := s.do("POST", "/v1/channels/"+id+"/templates/sync", "")
		require.Equal(t, http.StatusUnprocessableEntity, w.Code, "it keeps none: %s", w.Body)
	}
	require.Equal(t, http.StatusNotFound, s.do("POST", "/v1/channels/99/check", "").Code)
}
