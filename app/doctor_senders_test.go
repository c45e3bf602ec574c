package app

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/api"
	"carillon/channels/domains"
	"carillon/internal/testenv"
	"carillon/providers"
)

// Domains that mails come from are looked up, and what they lack is named.
func TestTheDoctorLooksAtSenderDomains(t *testing.T) {
	c := startConfig(t)
	s, err := Start(t.Context(), c, AllRoles, Notices{Say: func(string) {}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	names := testenv.StartNames(t)
	for name, text := range map[string]string{
		"good.example.org": "v=spf1 mx -all", "_dmarc.good.example.org": "v=DMARC1; p=none",
		"below.example.com": "V=SPF1 -all", "_dmarc.example.com": "v=DMARC1; p=reject",
		"half.example.net": "v=spf1 -all", "_dmarc.half.example.net": "something else",
	} {
		names.Text(name, text)
	}
	d := &doctor{s, s.Engine, c, names.Resolver()}
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
	returned := domains.Sender{Domain: "good.example.org", Bounces: "bounces.example.org"}
	require.Equal(t, []string{"SPF of bounces.example.org is missing"}, d.lacks(t.Context(), returned))
	found := add("below.example.com")
	require.Equal(t, api.FindingOK, found.State, "%+v: a domain's policy holds below it", found)
	found = add("half.example.net")
	require.Equal(t, api.FindingWarning, found.State)
	require.Equal(t, "half.example.net: DMARC is missing", found.Found)
	require.Contains(t, found.Remedy, "carillon channel check")
	require.Contains(t, add("nothing.example.net").Found, "nothing.example.net: DMARC is missing, SPF is missing")
	require.Contains(t, add("broken.example.net").Found, "broken.example.net: DMARC is unknown, SPF is unknown")
}
