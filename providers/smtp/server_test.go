package smtp_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	reference "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"carillon/internal/testenv"

	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/smtp"
)

// backend is a complete mail server of somebody else's making.
type backend struct {
	mechanisms []string
	// good reports whether an access token is.
	good func(token string) bool

	mu       sync.Mutex
	signedIn string
	messages []string
}

type session struct {
	*backend
	user string
}

func (b *backend) NewSession(*reference.Conn) (reference.Session, error) {
	return &session{backend: b}, nil
}

func (s *session) AuthMechanisms() []string { return s.mechanisms }

func (s *session) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, given string) error {
		if user != "sender" || given != password {
			return &reference.SMTPError{
				Code: 535, EnhancedCode: reference.EnhancedCode{5, 7, 8}, Message: "wrong password: " + given,
			}
		}
		s.user = user
		s.mu.Lock()
		defer s.mu.Unlock()
		s.signedIn = mechanism
		return nil
	}
	switch mechanism {
	case "LOGIN":
		return &login{check: check}, nil
	case "XOAUTH2":
		return &bearer{check: s.bears(mechanism)}, nil
	case sasl.OAuthBearer:
		check := s.bears(mechanism)
		return refusing{sasl.NewOAuthBearerServer(func(o sasl.OAuthBearerOptions) *sasl.OAuthBearerError {
			if check(o.Username, o.Token) != nil {
				return &sasl.OAuthBearerError{Status: "invalid_token", Schemes: "bearer"}
			}
			return nil
		})}, nil
	}
	return sasl.NewPlainServer(func(_, user, given string) error { return check(user, given) }), nil
}

// login is the server's side of LOGIN, which go-sasl no longer has.
type login struct {
	user  string
	step  int
	check func(user, password string) error
}

func (l *login) Next(response []byte) ([]byte, bool, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	default:
		return nil, true, l.check(l.user, string(response))
	}
}

func (s *session) Mail(string, *reference.MailOptions) error {
	if s.user == "" {
		return reference.ErrAuthRequired
	}
	return nil
}

func (s *session) Rcpt(string, *reference.RcptOptions) error { return nil }

func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, string(raw))
	return err
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

type reached struct {
	*backend
	config map[string]any
}

// start runs the reference server: encrypted from the start, or after STARTTLS,
// or, without a certificate offered, not at all.
func start(t *testing.T, mode string, mechanisms ...string) reached {
	t.Helper()
	own, ca := testenv.Certificate(t)
	b := &backend{mechanisms: mechanisms}
	s := reference.NewServer(b)
	s.Domain = "127.0.0.1"
	s.ErrorLog = log.New(io.Discard, "", 0)
	s.AllowInsecureAuth = mode == "none"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	switch mode {
	case "implicit":
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{own}})
	case "starttls":
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{own}}
	}
	var group sync.WaitGroup
	group.Go(func() { _ = s.Serve(listener) })
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		group.Wait()
	})
	return reached{b, map[string]any{
		"host": "127.0.0.1", "port": port, "tls": mode, "username": "sender", "password": password,
		"from": "news@example.org", "ca_certificates": ca,
	}}
}

func open(t *testing.T, config map[string]any, keys ...providers.SigningKey) providers.Provider {
	t.Helper()
	raw, err := json.Marshal(config)
	require.NoError(t, err)
	require.NoError(t, smtp.Kind().Validate(raw))
	p, err := smtp.Kind().New(raw, providers.Deps{
		ChannelID: 3, Concurrency: 4, Dialer: providers.Dialer{AllowPrivate: true}, SigningKeys: keys,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func TestReferenceServer(t *testing.T) {
	for _, c := range []struct{ mode, mechanism string }{
		{"starttls", "PLAIN"}, {"starttls", "LOGIN"}, {"implicit", "PLAIN"}, {"implicit", "LOGIN"}, {"none", "PLAIN"},
	} {
		t.Run(c.mode+" "+c.mechanism, func(t *testing.T) {
			s := start(t, c.mode, c.mechanism)
			p := open(t, s.config)
			require.NoError(t, p.(providers.Checker).Check(t.Context()))
			require.Empty(t, s.messages, "a check sends nothing")
			for id := range int64(3) {
				accepted, err := p.Send(t.Context(), providertest.Message(providers.Email, id+1))
				require.NoError(t, err)
				require.Contains(t, accepted.Response, "250 2.0.0")
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			require.Equal(t, c.mechanism, s.signedIn)
			require.Len(t, s.messages, 3)
			require.Contains(t, s.messages[2], "Message-ID: <3@example.org>\r\n")
		})
	}
}

func TestReferenceServerRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		mode   string
		change map[string]any
		want   string
	}{
		"wrong password":    {"starttls", map[string]any{"password": "wr0ng-horse"}, "535 5.7.8"},
		"no sign-in":        {"starttls", map[string]any{"username": "", "password": ""}, "502 5.7.0"},
		"unknown authority": {"starttls", map[string]any{"ca_certificates": ""}, "certificate"},
		"implicit likewise": {"implicit", map[string]any{"ca_certificates": ""}, "certificate"},
		"no STARTTLS":       {"none", map[string]any{"tls": "starttls"}, "doesn't offer STARTTLS"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, c.mode, "PLAIN")
			for setting, value := range c.change {
				s.config[setting] = value
			}
			p := open(t, s.config)
			_, err := p.Send(t.Context(), providertest.Message(providers.Email, 1))
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "horse")
			require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, "the channel stops: %v", err)
			require.Empty(t, s.messages)
		})
	}
}

// A mechanism that would send the password in the clear is not used with
// another machine, and one that nobody knows is said.
func TestSignInNotPossible(t *testing.T) {
	s := start(t, "starttls", "GSSAPI")
	p := open(t, s.config)
	err := p.(providers.Checker).Check(t.Context())
	require.ErrorContains(t, err, `it offers "GSSAPI"`)
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
}

func TestConfigRefused(t *testing.T) {
	for config, field := range map[string]string{
		`{"from": "a@example.org"}`:                                            "config.host",
		`{"host": "h"}`:                                                        "config.from",
		`{"host": "h h", "from": "a@example.org"}`:                             "config.host",
		`{"host": "h", "from": "nobody"}`:                                      "config.from",
		`{"host": "h", "from": "a@example.org\r\nBcc: b@example.org"}`:         "config.from",
		`{"host": "h", "from": "ä@example.org"}`:                               "config.from",
		`{"host": "h", "from": "a@example.org", "reply_to": "x"}`:              "config.reply_to",
		`{"host": "h", "from": "a@example.org", "reply_to": "ä@example.org"}`:  "config.reply_to",
		`{"host": "h", "from": "a@example.org", "from_name": "a\r\nBcc: b"}`:   "config.from_name",
		`{"host": "h", "from": "a@example.org", "helo": "a b"}`:                "config.helo",
		`{"host": "h", "from": "a@example.org", "username": "a\r\nQUIT"}`:      "config.username",
		`{"host": "h", "from": "a@example.org", "password": "x"}`:              "config.username",
		`{"host": "h", "from": "a@example.org", "tls": "maybe"}`:               "config.tls",
		`{"host": "h", "from": "a@example.org", "ca_certificates": "x"}`:       "config.ca_certificates",
		`{"host": "h", "from": "a@example.org", "max_connections": 0}`:         "config.max_connections",
		`{"host": "h", "from": "a@example.org", "port": 65536}`:                "config.port",
		`{"host": "h", "from": "a@example.org", "insecure_skip_verify": true}`: "config.insecure_skip_verify",
		`{"host": "h", "from": "a@example.org", "timeout_ms": 1}`:              "config.timeout_ms",

		`{"host": "h", "from": "a@example.org", "bounce_token": "too short"}`:                                                        "config.bounce_token",
		`{"host": "h", "from": "a@example.org", "bounce_address": "b@example.org"}`:                                                  "config.bounce_token",
		`{"host": "h", "from": "a@example.org", "bounce_address": "b", "bounce_token": "0123456789abcdef"}`:                          "config.bounce_address",
		`{"host": "h", "from": "a@example.org", "bounce_address": "ä@example.org", "bounce_token": "0123456789abcdef"}`:              "config.bounce_address",
		`{"host": "h", "from": "a@example.org", "bounce_address": "b@[192.0.2.1]", "bounce_token": "0123456789abcdef"}`:              "config.bounce_address",
		`{"host": "h", "from": "a@example.org", "bounce_address": "twenty-is-too-long-x@b.org", "bounce_token": "0123456789abcdef"}`: "config.bounce_address",
		`{"host": "` + strings.Repeat("h", 3) + `/", "from": "a@example.org"}`:                                                       "config.host",
	} {
		require.ErrorContains(t, smtp.Kind().Validate(json.RawMessage(config)), field, config)
	}
}
