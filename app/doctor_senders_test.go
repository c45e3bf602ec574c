package app

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"carillon/api"
	"carillon/providers"
)

// nameServer answers for texts on loopback as a name server does: with a failure for names
// that begin with "broken", and that there are none of others.
func nameServer(t *testing.T, texts map[string]string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			name := strings.TrimSuffix(q.Name.String(), ".")
			m.Response, m.Additionals = true, nil
			switch text, known := texts[name]; {
			case strings.Contains(name, "broken"):
				m.RCode = dnsmessage.RCodeServerFailure
			case known && q.Type == dnsmessage.TypeTXT:
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}, Body: &dnsmessage.TXTResource{TXT: []string{text}},
				}}
			default:
				m.RCode = dnsmessage.RCodeNameError
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// Domains that mails come from are looked up, and what they lack is named.
func TestTheDoctorLooksAtSenderDomains(t *testing.T) {
	c := startConfig(t)
	s, err := Start(t.Context(), c, AllRoles, Notices{Say: func(string) {}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	d := &doctor{s, s.Engine, c, nameServer(t, map[string]string{
		"good.example.org": "v=spf1 mx -all", "_dmarc.good.example.org": "v=DMARC1; p=none",
		"below.example.com": "V=SPF1 -all", "_dmarc.example.com": "v=DMARC1; p=reject",
		"half.example.net": "v=spf1 -all", "_dmarc.half.example.net": "something else",
	})}
	require.Empty(t, d.senders(t.Context()).Name, "no channel has a domain")
	add := func(domain string) api.Finding {
		t.Helper()
		_, err := s.Engine.Store.CreateChannel(t.Context(), providers.Channel{
			AccountID: 1, Name: domain, Provider: "smtp", Address: providers.Email,
			Config: json.RawMessage(`{"host":"127.0.0.1","port":9,"from":"news@` + domain + `"}`),
		})
		require.NoError(t, err)
		return d.senders(t.Context())
	}
	require.Equal(t, api.FindingOK, add("good.example.org").State)
	found := add("below.example.com")
	require.Equal(t, api.FindingOK, found.State, "%+v: a domain's policy holds below it", found)
	found = add("half.example.net")
	require.Equal(t, api.FindingWarning, found.State)
	require.Equal(t, "half.example.net has no DMARC record", found.Found)
	require.Contains(t, found.Remedy, "Publish")
	require.Contains(t, add("nothing.example.net").Found, "nothing.example.net has no SPF and no DMARC record")
	require.Contains(t, add("broken.example.net").Found, "broken.example.net could not be looked up")
}
