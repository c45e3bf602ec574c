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

	"carillon/configs"
	"carillon/internal/secret"
	"carillon/internal/sink"
	"carillon/internal/testenv"
)

// mailed is a server, and what arrives at a mail server that its channels send to.
type mailed struct {
	t       *testing.T
	config  configs.Config
	server  *Server
	smtp    int
	arrived chan sink.Delivery
	// names are what senders' domains publish.
	names *testenv.Names
}

const configuredKey = "admin-key-0123456789"

func startMailed(t *testing.T) *mailed {
	m := &mailed{t: t, config: startConfig(t), arrived: make(chan sink.Delivery, 8), names: testenv.StartNames(t)}
	receiver, err := sink.NewSMTP(sink.Options{Seen: func(d sink.Delivery) { m.arrived <- d }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, receiver.Close()) })
	m.smtp = receiver.Port()
	m.config.AdminKey, m.config.AllowPrivateAddresses, m.config.PublicURL = secret.New(configuredKey), true, "https://news.example.org"
	m.config.DNSServer, m.config.BounceListen = m.names.Addr, "127.0.0.1:0"
	m.start()
	t.Cleanup(func() { require.NoError(t, m.server.Stop()) })
	return m
}

func (m *mailed) start() {
	var err error
	m.server, err = Start(m.t.Context(), m.config, AllRoles, Notices{Say: func(string) {}})
	require.NoError(m.t, err)
}

func (m *mailed) answer(key, method, path, body string) (int, []byte) {
	r, err := http.NewRequestWithContext(m.t.Context(), method, m.server.URL+path, bytes.NewReader([]byte(body)))
	require.NoError(m.t, err)
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	require.NoError(m.t, err)
	content, err := io.ReadAll(response.Body)
	require.NoError(m.t, err)
	require.NoError(m.t, response.Body.Close())
	return response.StatusCode, content
}

func (m *mailed) ask(key, method, path, body string) []byte {
	code, content := m.answer(key, method, path, body)
	require.Less(m.t, code, 300, "%s %s: %s", method, path, content)
	return content
}

func (m *mailed) read(content []byte, into any) { require.NoError(m.t, json.Unmarshal(content, into)) }

// office makes a channel for mails about an account.
func (m *mailed) office(key string) {
	var made struct {
		ID int64 `json:"id"`
	}
	m.read(m.ask(key, "POST", "/v1/channels", fmt.Sprintf(`{"name":"office","provider":"smtp",
		"config":{"host":"127.0.0.1","port":%d,"tls":"none","from":"office@example.org"}}`, m.smtp)), &made)
	m.ask(key, "PATCH", "/v1/settings", fmt.Sprintf(`{"report_mail":{"channel_id":%d}}`, made.ID))
}

// joins has somebody accept an invitation to the account of a key.
func (m *mailed) joins(key, email string) (userID int64) {
	var invited struct {
		Token string `json:"token"`
	}
	m.read(m.ask(key, "POST", "/v1/invitations", fmt.Sprintf(`{"email":%q,"role":"viewer"}`, email)), &invited)
	m.ask(key, "POST", "/v1/invitation/accept", fmt.Sprintf(`{"token":%q,"name":"Ada","password":"a sentence nobody else says"}`, invited.Token))
	var users struct {
		Items []struct {
			ID    int64  `json:"id"`
			Email string `json:"email"`
		} `json:"items"`
	}
	m.read(m.ask(key, "GET", "/v1/users", ""), &users)
	for _, u := range users.Items {
		if u.Email == email {
			return u.ID
		}
	}
	require.Fail(m.t, "nobody has joined")
	return 0
}

func (m *mailed) forgotten(email string) {
	m.ask(configuredKey, "POST", "/v1/password/forgotten", fmt.Sprintf(`{"email":%q}`, email))
}

func (m *mailed) mail() sink.Delivery {
	select {
	case d := <-m.arrived:
		return d
	case <-time.After(20 * time.Second):
		require.Fail(m.t, "no mail came")
		return sink.Delivery{}
	}
}

// Who has forgotten a password gets a link by mail, through a real SMTP conversation, and no
// message of the account holds it.
func TestAForgottenPasswordIsMailed(t *testing.T) {
	m := startMailed(t)
	m.office(configuredKey)
	m.joins(configuredKey, "ada@example.org")

	m.forgotten("nobody@example.org")
	m.forgotten("ada@example.org")
	mail := m.mail()
	require.Equal(t, "ada@example.org", mail.To)
	token := regexp.MustCompile(`https://news\.example\.org/reset#([A-Za-z0-9_=-]+)`).FindSubmatch(bytes.ReplaceAll(mail.Body, []byte("=\r\n"), nil))
	require.NotNil(t, token, string(mail.Body))
	m.ask(configuredKey, "POST", "/v1/password/reset", fmt.Sprintf(`{"token":%q,"password":"another sentence nobody says"}`, token[1]))
	m.ask(configuredKey, "POST", "/v1/session", `{"email":"ada@example.org","password":"another sentence nobody says"}`)
	var messages struct {
		Items []any `json:"items"`
	}
	m.read(m.ask(configuredKey, "GET", "/v1/messages", ""), &messages)
	require.Empty(t, messages.Items)
	require.Empty(t, m.arrived, "one mail, to whom there is")
}

// A link for a new password opens all accounts of a person: it goes through no channel whose
// admins have one of them alone, but through the one that the installation names.
func TestNoAccountMailsALinkThatOpensAnother(t *testing.T) {
	m := startMailed(t)
	var shop struct {
		Key string `json:"key"`
	}
	m.read(m.ask(configuredKey, "POST", "/v1/accounts", `{"name":"shop"}`), &shop)
	m.office(configuredKey)
	m.office(shop.Key)
	var home struct {
		Name string `json:"name"`
	}
	m.read(m.ask(configuredKey, "GET", "/v1/account", ""), &home)
	ada := m.joins(configuredKey, "ada@example.org")
	code, body := m.answer(shop.Key, "POST", "/v1/invitations", `{"email":"ada@example.org","role":"viewer"}`)
	require.Equal(t, http.StatusCreated, code, string(body))
	var invited struct {
		Token string `json:"token"`
	}
	require.NoError(t, json.Unmarshal(body, &invited))
	m.ask(configuredKey, "POST", "/v1/invitation/accept", fmt.Sprintf(`{"token":%q,"password":"a sentence nobody else says"}`, invited.Token))
	m.joins(shop.Key, "ben@example.org")

	m.forgotten("ada@example.org")
	m.forgotten("ben@example.org") // one after the other: Ada's would have come first
	require.Equal(t, "ben@example.org", m.mail().To)

	code, body = m.answer(shop.Key, "POST", fmt.Sprintf("/v1/users/%d/reset", ada), "")
	require.Equal(t, http.StatusConflict, code)
	require.Contains(t, string(body), "operator's key")
	m.ask(configuredKey, "POST", fmt.Sprintf("/v1/users/%d/reset", ada), "")

	require.NoError(t, m.server.Stop())
	m.config.PeopleChannel = home.Name + "/office"
	m.start()
	m.forgotten("ada@example.org")
	mail := m.mail()
	require.Equal(t, "ada@example.org", mail.To)
	require.Contains(t, string(mail.Body), "https://news.example.org/reset#")
}
