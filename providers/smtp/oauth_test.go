package smtp_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	reference "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/smtp"
)

// bears checks the user and the token of a mechanism.
func (s *session) bears(mechanism string) func(user, token string) error {
	return func(user, token string) error {
		if user != "sender@example.org" || !s.good(token) {
			return &reference.SMTPError{Code: 535, EnhancedCode: reference.EnhancedCode{5, 7, 8}, Message: "not accepted: " + token}
		}
		s.user = user
		s.mu.Lock()
		defer s.mu.Unlock()
		s.signedIn = mechanism
		return nil
	}
}

// bearer is the server's side of XOAUTH2, as Google's documents say.
type bearer struct {
	check func(user, token string) error
	wrong error
}

func (b *bearer) Next(response []byte) ([]byte, bool, error) {
	if b.wrong != nil {
		return nil, true, b.wrong // the client has seen why not
	}
	user, rest, ok := strings.Cut(string(response), "\x01")
	token, after, ends := strings.Cut(rest, "\x01")
	if !ok || !ends || after != "\x01" || !strings.HasPrefix(user, "user=") || !strings.HasPrefix(token, "auth=Bearer ") {
		return nil, true, errors.New("it is no XOAUTH2")
	}
	if b.wrong = b.check(strings.TrimPrefix(user, "user="), strings.TrimPrefix(token, "auth=Bearer ")); b.wrong == nil {
		return nil, true, nil
	}
	return []byte(`{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}`), false, nil
}

// refusing says with the code for it that who signs in is not taken.
type refusing struct{ sasl.Server }

func (r refusing) Next(response []byte) ([]byte, bool, error) {
	challenge, done, err := r.Server.Next(response)
	if err != nil {
		err = &reference.SMTPError{Code: 535, EnhancedCode: reference.EnhancedCode{5, 7, 8}, Message: err.Error()}
	}
	return challenge, done, err
}

const (
	clientSecret = "the-secret-of-the-application"
	refreshToken = "the-refresh-token-of-the-user"
)

// desk sells access tokens.
type desk struct {
	mu    sync.Mutex
	asked []url.Values
	// refuse is answered in place of a token, with a status.
	refuse string
	status int
	// ended are those that were good once.
	ended map[string]bool
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = r.ParseForm()
	d.asked = append(d.asked, r.PostForm)
	w.Header().Set("Content-Type", "application/json")
	if d.refuse != "" {
		w.WriteHeader(d.status)
		_, _ = w.Write([]byte(d.refuse))
		return
	}
	_, _ = fmt.Fprintf(w, `{"access_token":"access-token-%d","expires_in":3600,"token_type":"Bearer"}`, len(d.asked))
}

func (d *desk) good(token string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return token == fmt.Sprintf("access-token-%d", len(d.asked)) && !d.ended[token]
}

func (d *desk) end(token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = map[string]bool{token: true}
}

func (d *desk) forms() []url.Values {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked
}

// startOAuth runs the reference server and a desk, and returns the adapter for both with its clock.
func startOAuth(t *testing.T, mechanisms ...string) (reached, *desk, func() (providers.Provider, *clock.Fake)) {
	t.Helper()
	d := &desk{}
	seller := httptest.NewServer(d)
	t.Cleanup(seller.Close)
	s := start(t, "starttls", mechanisms...)
	s.good = d.good
	maps.Copy(s.config, map[string]any{
		"username": "sender@example.org", "oauth_client_id": "the-application", "oauth_client_secret": clientSecret,
		"oauth_refresh_token": refreshToken, "oauth_token_url": seller.URL + "/token",
	})
	delete(s.config, "password")
	return s, d, func() (providers.Provider, *clock.Fake) {
		c := clock.NewFake(providertest.Now)
		raw, err := json.Marshal(s.config)
		require.NoError(t, err)
		p, err := smtp.Kind().New(raw, providers.Deps{Concurrency: 4, Dialer: providers.Dialer{AllowPrivate: true}, Clock: c})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		return p, c
	}
}

// A token is bought once for all who sign in, again before it ends, and again when the server
// takes the one no more.
func TestSignInWithTokens(t *testing.T) {
	for _, mechanism := range []string{"XOAUTH2", sasl.OAuthBearer} {
		t.Run(mechanism, func(t *testing.T) {
			s, d, open := startOAuth(t, "PLAIN", mechanism)
			p, c := open()
			var group sync.WaitGroup
			for id := range int64(4) {
				group.Go(func() {
					_, err := p.Send(t.Context(), providertest.Message(providers.Email, id+1))
					require.NoError(t, err)
				})
			}
			group.Wait()
			require.Equal(t, []url.Values{{
				"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}, "client_id": {"the-application"}, "client_secret": {clientSecret},
			}}, d.forms())
			s.mu.Lock()
			require.Equal(t, mechanism, s.signedIn)
			require.Len(t, s.messages, 4)
			s.mu.Unlock()
			check := func() { require.NoError(t, p.(providers.Checker).Check(t.Context())) }
			check()
			require.Len(t, d.forms(), 1, "it is good still")
			d.end("access-token-1")
			check()
			require.Len(t, d.forms(), 2, "the server took the first no more")
			c.Advance(59*time.Minute + time.Second)
			check()
			require.Len(t, d.forms(), 3, "a minute before its end")
		})
	}
}

// An application signs in by itself, for a scope.
func TestSignInAsTheApplication(t *testing.T) {
	s, d, open := startOAuth(t, "XOAUTH2")
	delete(s.config, "oauth_refresh_token")
	s.config["oauth_scope"] = "mail.send"
	p, _ := open()
	require.NoError(t, p.(providers.Checker).Check(t.Context()))
	require.Equal(t, []url.Values{{
		"grant_type": {"client_credentials"}, "client_id": {"the-application"}, "client_secret": {clientSecret}, "scope": {"mail.send"},
	}}, d.forms())
}

// Who is not taken stops the channel and hears what to do; who sells no tokens now is asked later.
// No secret shows.
func TestNoTokens(t *testing.T) {
	for _, c := range []struct {
		status int
		answer string
		kind   providers.ErrorKind
		says   string
	}{
		{400, `{"error":"invalid_grant","error_description":"Token has been expired or revoked: ` + refreshToken + `"}`, providers.ErrorAuth, "invalid_grant"},
		{401, `{"error":"invalid_client","error_description":"` + clientSecret + `"}`, providers.ErrorAuth, "set the new config.oauth_refresh_token"},
		{503, `{}`, providers.ErrorTemporary, "503"},
		{429, `{}`, providers.ErrorThrottled, "429"},
		{200, `{}`, providers.ErrorTemporary, "config.oauth_token_url"},
		{200, `<html>`, providers.ErrorTemporary, "config.oauth_token_url"},
	} {
		s, d, open := startOAuth(t, "XOAUTH2")
		d.status, d.refuse = c.status, c.answer
		p, _ := open()
		_, err := p.Send(t.Context(), providertest.Message(providers.Email, 1))
		require.Equal(t, c.kind, providers.AsError(err).Kind, c.answer)
		require.ErrorContains(t, err, c.says)
		require.NotContains(t, err.Error(), "the-refresh-token")
		require.NotContains(t, err.Error(), "the-secret")
		require.Empty(t, s.messages)
	}
	for _, mechanism := range []string{"XOAUTH2", sasl.OAuthBearer} {
		s, d, open := startOAuth(t, mechanism)
		s.good = func(string) bool { return false }
		p, _ := open()
		_, err := p.Send(t.Context(), providertest.Message(providers.Email, 1))
		require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, mechanism)
		require.ErrorContains(t, err, "535")
		require.NotContains(t, err.Error(), "access-token")
		require.Len(t, d.forms(), 2, "another one is no better")
	}
	_, _, open := startOAuth(t, "PLAIN")
	p, _ := open()
	require.ErrorContains(t, p.(providers.Checker).Check(t.Context()), "does not take access tokens")
}

func TestOAuthConfig(t *testing.T) {
	const user = `,"from":"a@example.org","username":"a@example.org"`
	for config, field := range map[string]string{
		`{"host":"smtp.gmail.com"` + user + `,"oauth_client_id":"x","oauth_refresh_token":"y","password":"z"}`:                     "config.password",
		`{"host":"smtp.gmail.com"` + user + `,"oauth_client_id":"x","oauth_refresh_token":"y","tls":"none"}`:                       "config.tls",
		`{"host":"smtp.gmail.com"` + user + `,"oauth_client_id":"x"}`:                                                              "config.oauth_refresh_token",
		`{"host":"smtp.gmail.com"` + user + `,"oauth_refresh_token":"y"}`:                                                          "config.oauth_client_id",
		`{"host":"mail.example.org"` + user + `,"oauth_client_id":"x","oauth_refresh_token":"y"}`:                                  "config.oauth_token_url",
		`{"host":"mail.example.org"` + user + `,"oauth_client_id":"x","oauth_refresh_token":"y","oauth_token_url":"ftp://x.org/"}`: "config.oauth_token_url",
		`{"host":"smtp.office365.com"` + user + `,"oauth_client_id":"x","oauth_client_secret":"y"}`:                                "config.oauth_token_url",
		`{"host":"smtp.gmail.com","from":"a@example.org","oauth_client_id":"x","oauth_refresh_token":"y"}`:                         "config.username",
	} {
		err := smtp.Kind().Validate(json.RawMessage(config))
		require.True(t, fault.Is(err, fault.Invalid), config)
		require.ErrorContains(t, err, field)
	}
	for _, config := range []string{
		`{"host":"SMTP.gmail.com"` + user + `,"oauth_client_id":"x","oauth_client_secret":"z","oauth_refresh_token":"y"}`,
		`{"host":"smtp.office365.com"` + user + `,"oauth_client_id":"x","oauth_refresh_token":"y"}`,
		`{"host":"smtp.office365.com"` + user + `,"oauth_client_id":"x","oauth_client_secret":"y",
			"oauth_token_url":"https://login.microsoftonline.com/t/oauth2/v2.0/token"}`,
	} {
		require.NoError(t, smtp.Kind().Validate(json.RawMessage(config)), config)
	}
}
