package testenv

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// Names is a name server on loopback. It fails for names that have "broken" in them.
type Names struct {
	// Addr is where it answers, host:port.
	Addr string

	mu      sync.Mutex
	records map[string][]dnsmessage.ResourceBody
}

// StartNames starts a name server that knows nothing yet; it ends with the test.
func StartNames(t testing.TB) *Names {
	t.Helper()
	conn, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	n := &Names{Addr: conn.LocalAddr().String(), records: map[string][]dnsmessage.ResourceBody{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 2048)
		for {
			size, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if answer := n.answer(b[:size]); answer != nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return n
}

// Resolver asks the server.
func (n *Names) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", n.Addr)
	}}
}

// maxText is the most bytes of one part of a text (RFC 1035, 3.3.14).
const maxText = 255

// Text publishes the texts of a name, in place of those that it had; none takes them away.
func (n *Names) Text(name string, texts ...string) {
	bodies := make([]dnsmessage.ResourceBody, 0, len(texts))
	for _, text := range texts {
		var parts []string
		for ; len(text) > maxText; text = text[maxText:] {
			parts = append(parts, text[:maxText])
		}
		bodies = append(bodies, &dnsmessage.TXTResource{TXT: append(parts, text)})
	}
	n.set(name, dnsmessage.TypeTXT, bodies)
}

// Mail publishes the servers that take a name's mail; "." is none.
func (n *Names) Mail(name string, servers ...string) {
	bodies := make([]dnsmessage.ResourceBody, 0, len(servers))
	for i, server := range servers {
		bodies = append(bodies, &dnsmessage.MXResource{Pref: uint16(i), MX: dnsmessage.MustNewName(strings.TrimSuffix(server, ".") + ".")})
	}
	n.set(name, dnsmessage.TypeMX, bodies)
}

// Address publishes the IPv4 addresses of a name.
func (n *Names) Address(name string, addresses ...string) {
	bodies := make([]dnsmessage.ResourceBody, 0, len(addresses))
	for _, a := range addresses {
		bodies = append(bodies, &dnsmessage.AResource{A: [4]byte(net.ParseIP(a).To4())})
	}
	n.set(name, dnsmessage.TypeA, bodies)
}

// Named publishes the name of an IPv4 address.
func (n *Names) Named(address, name string) {
	ip := net.ParseIP(address).To4()
	reverse := net.IPv4(ip[3], ip[2], ip[1], ip[0]).String() + ".in-addr.arpa"
	n.set(reverse, dnsmessage.TypePTR, []dnsmessage.ResourceBody{&dnsmessage.PTRResource{PTR: dnsmessage.MustNewName(name + ".")}})
}

func (n *Names) set(name string, kind dnsmessage.Type, bodies []dnsmessage.ResourceBody) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.records[kind.String()+" "+strings.ToLower(name)] = bodies
}

func (n *Names) answer(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	m.Response, m.Additionals = true, nil
	n.mu.Lock()
	bodies := n.records[q.Type.String()+" "+name]
	n.mu.Unlock()
	switch {
	case strings.Contains(name, "broken"):
		m.RCode = dnsmessage.RCodeServerFailure
	case len(bodies) == 0:
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, body := range bodies {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}, Body: body,
		})
	}
	answer, err := m.Pack()
	if err != nil {
		return nil
	}
	return answer
}
