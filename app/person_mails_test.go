package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/internal/sink"
)

// Who has forgotten a password gets a link by mail, through a real SMTP conversation, and no
// message of the account holds it.
func TestAForgottenPasswordIsMailed(t *testing.T) {
	arrived := make(chan sink.Delivery, 4)
	receiver, err := sink.NewSMTP(sink.Options{Seen: func(d sink.Delivery) { arrived <- d }})
	require.NoError(t, err)
	defer func() { require.NoError(t, receiver.Close()) }()
	c := startConfig(t)
	c.AdminKey, c.AllowPrivateAddresses, c.PublicURL = secret.New("admin-key-0123456789"), true, "https://news.example.org"
	s, err := Start(t.Context(), c, AllRoles, Notices{Say: func(string) {}})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Stop()) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ask := func(method, path, body string, into any) int {
		r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, bytes.NewReader([]byte(body)))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer admin-key-0123456789")
		r.Header.Set("Content-Type", "application/json")
		response, err := client.Do(r)
		require.NoError(t, err)
		content, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Less(t, response.StatusCode, 300, "%s %s: %s", method, path, content)
		if into != nil {
			require.NoError(t, json.Unmarshal(content, into))
		}
		return response.StatusCode
	}
	var made struct {
		ID    int64  `json:"id"`
		Token string `json:"token"`
	}
	ask("POST", "/v1/channels", fmt.Sprintf(`{"name":"office","provider":"smtp",
		"config":{"host":"127.0.0.1","port":%d,"tls":"none","from":"office@example.org"}}`, receiver.Port()), &made)
	ask("PATCH", "/v1/settings", fmt.Sprintf(`{"report_mail":{"channel_id":%d}}`, made.ID), nil)
	ask("POST", "/v1/invitations", `{"email":"ada@example.org","role":"viewer"}`, &made)
	ask("POST", "/v1/invitation/accept", fmt.Sprintf(`{"token":%q,"name":"Ada","password":"a sentence nobody else says"}`, made.Token), nil)

	require.Equal(t, http.StatusAccepted, ask("POST", "/v1/password/forgotten", `{"email":"nobody@example.org"}`, nil))
	require.Equal(t, http.StatusAccepted, ask("POST", "/v1/password/forgotten", `{"email":"ada@example.org"}`, nil))
	var mail sink.Delivery
	select {
	case mail = <-arrived:
	case <-time.After(20 * time.Second):
		require.Fail(t, "no mail came")
	}
	require.Equal(t, "ada@example.org", mail.To)
	token := regexp.MustCompile(`https://news\.example\.org/reset#([A-Za-z0-9_=-]+)`).FindSubmatch(bytes.ReplaceAll(mail.Body, []byte("=\r\n"), nil))
	require.NotNil(t, token, string(mail.Body))
	ask("POST", "/v1/password/reset", fmt.Sprintf(`{"token":%q,"password":"another sentence nobody says"}`, token[1]), nil)
	ask("POST", "/v1/session", `{"email":"ada@example.org","password":"another sentence nobody says"}`, nil)
	var messages struct {
		Items []any `json:"items"`
	}
	ask("GET", "/v1/messages", "", &messages)
	require.Empty(t, messages.Items)
	require.Empty(t, arrived, "one mail, to whom there is")
}
