package docstest

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"carillon/internal/testenv"
)

// mailServer is a complete mail server, of somebody else's making, as a
// newcomer has one: it wants STARTTLS and a password.
type mailServer struct {
	user, password string
	port           string
	certificate    string // file that holds it

	mu      sync.Mutex
	letters []letter
}

// letter is a message that arrived.
type letter struct {
	to, id, subject, from, body string
	// returns is the sender on the envelope, to which it comes back.
	returns string
}

func newMailServer(t *testing.T, user, password string) *mailServer {
	t.Helper()
	m := &mailServer{user: user, password: password, certificate: filepath.Join(t.TempDir(), "certificate.pem")}
	own, ca := testenv.Certificate(t)
	require.NoError(t, os.WriteFile(m.certificate, []byte(ca), 0o600))
	s := smtp.NewServer(m)
	s.Domain, s.ErrorLog = "127.0.0.1", log.New(io.Discard, "", 0)
	s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{own}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	m.port = strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	var group sync.WaitGroup
	group.Go(func() { _ = s.Serve(listener) })
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		group.Wait()
	})
	return m
}

// NewSession begins a conversation.
func (m *mailServer) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &conversation{server: m}, nil
}

// arrived are the letters so far.
func (m *mailServer) arrived() []letter {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]letter(nil), m.letters...)
}

type conversation struct {
	server   *mailServer
	signedIn bool
	from, to string
}

func (c *conversation) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *conversation) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		c.signedIn = user == c.server.user && password == c.server.password
		if !c.signedIn {
			return errors.New("wrong password")
		}
		return nil
	}), nil
}

func (c *conversation) Mail(from string, _ *smtp.MailOptions) error {
	if !c.signedIn {
		return smtp.ErrAuthRequired
	}
	c.from = from
	return nil
}

func (c *conversation) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to = to
	return nil
}

func (c *conversation) Data(r io.Reader) error {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(message.Body)
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.letters = append(c.server.letters, letter{
		to: c.to, id: message.Header.Get("Message-Id"), subject: message.Header.Get("Subject"), from: message.Header.Get("From"),
		body: strings.ReplaceAll(string(body), "\r\n", "\n"), returns: c.from,
	})
	return err
}

func (c *conversation) Reset()        {}
func (c *conversation) Logout() error { return nil }
