package smtp_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/smtp"
)

func receiver(t *testing.T, o sink.Options) *sink.SMTP {
	t.Helper()
	s, err := sink.NewSMTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func to(t *testing.T, s *sink.SMTP, deps providers.Deps, settings string) providers.Provider {
	t.Helper()
	deps.Dialer.Relays = []string{s.Addr()}
	p, err := smtp.Kind().New([]byte(fmt.Sprintf(
		`{"host": "127.0.0.1", "port": %d, "tls": "none", "from": "news@example.org"%s}`, s.Port(), settings)), deps)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func send(t *testing.T, p providers.Provider, id int64) error {
	t.Helper()
	_, err := p.Send(t.Context(), providertest.Message(providers.Email, id))
	return err
}

// A connection that the server has closed in the meantime is replaced: it was
// never asked.
func TestStaleConnectionIsReplaced(t *testing.T) {
	for name, plain := range map[string]bool{"Pipelining": false, "Plain": true} {
		t.Run(name, func(t *testing.T) {
			s := receiver(t, sink.Options{Record: true, Plain: plain})
			p := to(t, s, providers.Deps{Concurrency: 1}, "")
			require.NoError(t, send(t, p, 1))
			s.Disconnect()
			require.NoError(t, send(t, p, 2))
			require.Equal(t, int64(2), s.Connections())
			require.Equal(t, int64(2), s.Count())
			require.Empty(t, s.Duplicates())
		})
	}
}

// A server may bound the messages of one connection: 421 to the next MAIL then
// means a new connection, not a failure.
func TestTiredServer(t *testing.T) {
	var mails atomic.Int64
	s := receiver(t, sink.Options{Record: true, Command: func(line string) string {
		if strings.HasPrefix(line, "MAIL") && mails.Add(1)%4 == 0 {
			return "421 4.7.0 too many messages in this connection"
		}
		return ""
	}})
	p := to(t, s, providers.Deps{Concurrency: 1}, "")
	for id := range int64(20) {
		require.NoError(t, send(t, p, id+1))
	}
	require.Equal(t, int64(20), s.Count())
	require.Empty(t, s.Duplicates())
}

// A server that refuses every connection's first MAIL is asked once, not for
// ever.
func TestFreshConnectionIsNotReplaced(t *testing.T) {
	s := receiver(t, sink.Options{Command: func(line string) string {
		if strings.HasPrefix(line, "MAIL") {
			return "421 4.3.2 not now"
		}
		return ""
	}})
	p := to(t, s, providers.Deps{Concurrency: 1}, "")
	require.Equal(t, providers.ErrorTemporary, providers.AsError(send(t, p, 1)).Kind)
	require.Equal(t, int64(1), s.Connections())
}

// Whatever a server drops, refuses and closes, each message is accepted at most
// once, and whoever was told so was.
func TestHostileServer(t *testing.T) {
	for name, plain := range map[string]bool{"Pipelining": false, "Plain": true} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int64
			s := receiver(t, sink.Options{
				Record: true, Plain: plain,
				Command: func(line string) string {
					switch k := n.Add(1); {
					case strings.HasPrefix(line, "EHLO"), strings.HasPrefix(line, "QUIT"), strings.HasPrefix(line, "RSET"):
						return ""
					case k%97 == 0:
						return "drop"
					case k%89 == 0:
						return "421 4.3.2 closing"
					case k%41 == 0:
						return "451 4.3.0 later"
					case k%37 == 0 && !strings.HasPrefix(line, "DATA"):
						return "550 5.1.1 no"
					}
					return ""
				},
				Answer: func(n, _ int64) sink.Answer {
					switch {
					case n%67 == 0:
						return sink.Answer{Drop: sink.AfterAccepting}
					case n%61 == 0:
						return sink.Answer{Drop: sink.BeforeAccepting}
					case n%59 == 0:
						return sink.Answer{Code: 421, Text: "4.3.2 closing"}
					case n%53 == 0:
						return sink.Answer{Code: 554, Text: "5.7.1 no"}
					}
					return sink.Answer{}
				},
			})
			p := to(t, s, providers.Deps{Concurrency: 16}, "")
			const each, workers = 100, 16
			var told [each * workers]error
			var group sync.WaitGroup
			for w := range workers {
				group.Go(func() {
					for i := range each {
						id := w*each + i
						_, told[id] = p.Send(t.Context(), providertest.Message(providers.Email, int64(id+1)))
					}
				})
			}
			group.Wait()
			require.Empty(t, s.Duplicates())
			require.Zero(t, s.Violations())
			arrived := map[int64]bool{}
			for _, a := range s.Arrivals() {
				arrived[a.ID] = true
			}
			sent := 0
			for i, err := range told {
				switch id := int64(i + 1); {
				case err == nil:
					sent++
					require.True(t, arrived[id], "message %d was said to be accepted", id)
				case providers.AsError(err).Kind != providers.ErrorInDoubt:
					require.False(t, arrived[id], "message %d was said not to be accepted: %v", id, err)
				}
			}
			require.Greater(t, sent, each*workers/2)
		})
	}
}

// Senders that leave at any moment lose nothing and send nothing twice.
func TestSendersLeave(t *testing.T) {
	s := receiver(t, sink.Options{Record: true})
	p := to(t, s, providers.Deps{Concurrency: 8}, "")
	const each, workers = 200, 8
	var told [each * workers]error
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := range each {
				id := w*each + i
				ctx, cancel := context.WithCancel(t.Context())
				if i%3 == 0 {
					go cancel()
				}
				_, told[id] = p.Send(ctx, providertest.Message(providers.Email, int64(id+1)))
				cancel()
			}
		})
	}
	group.Wait()
	require.NoError(t, p.Close())
	arrived := map[int64]bool{}
	for _, a := range s.Arrivals() {
		arrived[a.ID] = true
	}
	require.Empty(t, s.Duplicates())
	for i, err := range told {
		if err == nil {
			require.True(t, arrived[int64(i+1)])
		} else if providers.AsError(err).Kind == providers.ErrorTemporary {
			require.False(t, arrived[int64(i+1)], "message %d: %v", i+1, err)
		}
	}
}

// The envelope of a message goes out behind the body of the one before.
func TestBodyAndNextEnvelopeInOneGroup(t *testing.T) {
	release := make(chan struct{})
	s := receiver(t, sink.Options{Record: true, Answer: func(n, _ int64) sink.Answer {
		if n == 1 {
			return sink.Answer{Wait: release}
		}
		return sink.Answer{}
	}})
	p := to(t, s, providers.Deps{Concurrency: 2}, `, "max_connections": 1`)
	var group sync.WaitGroup
	for id := range int64(20) {
		group.Go(func() { require.NoError(t, send(t, p, id+1)) })
	}
	close(release)
	group.Wait()
	require.Equal(t, int64(1), s.Connections())
	require.Equal(t, int64(20), s.Count())
	require.Zero(t, s.Violations())
}

func TestIdleConnectionIsClosed(t *testing.T) {
	c := clock.NewFake(providertest.Now)
	s := receiver(t, sink.Options{})
	p := to(t, s, providers.Deps{Concurrency: 1, Clock: c}, "")
	require.NoError(t, send(t, p, 1))
	require.Equal(t, int64(1), s.Open())
	// The connection begins its wait a moment after the answer: time passes until
	// it has seen enough of it.
	require.Eventually(t, func() bool {
		c.Advance(time.Minute)
		return s.Open() == 0
	}, 10*time.Second, time.Millisecond)
	require.NoError(t, send(t, p, 2))
	require.Equal(t, int64(2), s.Connections())
}

// One sender at a time needs one connection, whatever becomes of its messages.
func TestOneSenderOneConnection(t *testing.T) {
	for _, plain := range []bool{false, true} {
		s := receiver(t, sink.Options{Plain: plain, Command: func(line string) string {
			if strings.HasPrefix(line, "RCPT TO:<someone3") {
				return "550 5.1.1 no such user"
			}
			return ""
		}, Answer: func(n, _ int64) sink.Answer {
			if n%3 == 0 {
				return sink.Answer{Code: 554, Text: "5.7.1 no"}
			}
			return sink.Answer{}
		}})
		p := to(t, s, providers.Deps{Concurrency: 8}, "")
		for id := range int64(50) {
			_ = send(t, p, id+1) // what it says is TestContract's
		}
		require.Equal(t, int64(1), s.Connections())
		require.Zero(t, s.Violations())
	}
}

func TestInternationalAddress(t *testing.T) {
	for _, ascii := range []bool{false, true} {
		var envelope atomic.Value
		s := receiver(t, sink.Options{ASCII: ascii, Command: func(line string) string {
			if strings.HasPrefix(line, "MAIL") {
				envelope.Store(line)
			}
			return ""
		}})
		p := to(t, s, providers.Deps{Concurrency: 1}, "")
		m := providertest.Message(providers.Email, 1)
		m.To = "søren@exämple.com"
		_, err := p.Send(t.Context(), m)
		if ascii {
			require.Equal(t, providers.ErrorRecipient, providers.AsError(err).Kind)
			require.Nil(t, envelope.Load(), "the server isn't asked")
			continue
		}
		require.NoError(t, err)
		require.Contains(t, envelope.Load(), "SMTPUTF8 BODY=8BITMIME")
		require.NoError(t, send(t, p, 2))
		require.NotContains(t, envelope.Load(), "SMTPUTF8")
	}
}

func TestHeaderInjectionRefused(t *testing.T) {
	s := receiver(t, sink.Options{})
	p := to(t, s, providers.Deps{Concurrency: 1}, "")
	for name, change := range map[string]func(*providers.Message){
		"to":          func(m *providers.Message) { m.To = "a@example.com>\r\nRCPT TO:<b@example.com" },
		"to name":     func(m *providers.Message) { m.ToName = "a\r\nBcc: b@example.com" },
		"subject":     func(m *providers.Message) { m.Content.Subject = "a\nBcc: b@example.com" },
		"unsubscribe": func(m *providers.Message) { m.UnsubscribeURL = "https://example.com/\r\nBcc: b@example.com" },
		"not a URL":   func(m *providers.Message) { m.UnsubscribeURL = "https://example.com/> <x" },
		"empty":       func(m *providers.Message) { m.Content = providers.Content{Subject: "x"} },
	} {
		m := providertest.Message(providers.Email, 1)
		change(&m)
		_, err := p.Send(t.Context(), m)
		require.Error(t, err, name)
		require.Equal(t, providers.ErrorContent, providers.AsError(err).Kind, name)
	}
	m := providertest.Message(providers.Email, 1)
	m.To = "not an address"
	_, err := p.Send(t.Context(), m)
	require.Equal(t, providers.ErrorRecipient, providers.AsError(err).Kind)
	require.Zero(t, s.Connections())
}
