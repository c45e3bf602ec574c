package smtp_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/smtp"
)

// service answers each connection with its greeting, and every line with its
// reply.
func service(t *testing.T, greeting, reply string) net.Addr {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer func() { _ = conn.Close() }()
				_, _ = fmt.Fprintf(conn, "%s\r\n", greeting)
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					_, _ = fmt.Fprintf(conn, "%s\r\n", reply)
				}
			})
		}
	})
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		group.Wait()
	})
	return listener.Addr()
}

// A mail server inside is reached only if the configuration names it.
func TestPrivateServerIsRefusedUnlessItIsNamed(t *testing.T) {
	s := receiver(t, sink.Options{})
	p, err := smtp.Kind().New([]byte(fmt.Sprintf(`{"host": "127.0.0.1", "port": %d, "tls": "none", "from": "news@example.org"}`, s.Port())),
		providers.Deps{Concurrency: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	err = send(t, p, 1)
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, "the channel stops: no retry can help")
	require.ErrorContains(t, err, "CARILLON_ALLOW_RELAYS="+s.Addr())
	require.Zero(t, s.Connections())
	require.NoError(t, send(t, to(t, s, providers.Deps{Concurrency: 1}, ""), 2), "named")
}

// Whatever answers inside, a channel does not say what it is; a relay that the
// configuration names is quoted as any mail server is.
func TestInnerServicesAreNotQuoted(t *testing.T) {
	for _, c := range []struct{ greeting, reply, quoted string }{
		{"SSH-2.0-HiddenService", "", ""},
		{"+HiddenService", "-ERR", ""},
		{"554 HiddenService has no room", "", "554 HiddenService has no room"},
		{"220 hello", "530 HiddenService wants a login", "530 HiddenService wants a login"},
	} {
		t.Run(c.greeting+" "+c.reply, func(t *testing.T) {
			at := service(t, c.greeting, c.reply)
			for named, d := range map[bool]providers.Dialer{true: {Relays: []string{at.String()}}, false: {AllowPrivate: true}} {
				p, err := smtp.Kind().New([]byte(fmt.Sprintf(`{"host": "127.0.0.1", "port": %d, "tls": "none", "from": "news@example.org", "timeout_ms": 300}`,
					at.(*net.TCPAddr).Port)), providers.Deps{Concurrency: 1, Dialer: d})
				require.NoError(t, err)
				err = send(t, p, 1)
				require.Error(t, err)
				if named && c.quoted != "" {
					require.ErrorContains(t, err, c.quoted)
				} else {
					require.NotContains(t, err.Error(), "HiddenService")
					require.NotContains(t, err.Error(), "ERR")
				}
				require.NoError(t, p.Close())
			}
		})
	}
}

// A warm-up is of the domain that messages come from.
func TestTheSenderDomainIsThatOfFrom(t *testing.T) {
	domain := smtp.Kind().SenderDomain
	require.Equal(t, "news.example.org", domain(json.RawMessage(`{"host":"h","from":"a@News.Example.org"}`)))
	require.Empty(t, domain(json.RawMessage(`{"host":`)))
	signed := smtp.Kind().SignedDomain
	require.Equal(t, "example.org", signed(json.RawMessage(`{"host":"h","from":"a@b.example","username":"news@Example.org"}`)))
	require.Empty(t, signed(json.RawMessage(`{"host":"h","from":"a@b.example","username":"apikey"}`)), "nobody knows")
}
