package access

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

func goodProvider() IdentityProvider {
	return IdentityProvider{
		Name: "corp", Issuer: "https://login.example.org/realms/corp", ClientID: "carillon", Secret: secret.New("s"), Scopes: []string{"email"},
		GroupClaim: "https://example.org/groups", Roles: []GroupRole{{"staff", Viewer}, {"it", Admin}}, Domains: []string{" Example.ORG "},
	}
}

func TestWhatAnIdentityProviderMayBe(t *testing.T) {
	p := goodProvider()
	require.NoError(t, p.Check())
	require.Equal(t, []string{"example.org"}, p.Domains)
	for field, spoil := range map[string]func(*IdentityProvider){
		"name":                  func(p *IdentityProvider) { p.Name = "a\nb" },
		"client_id":             func(p *IdentityProvider) { p.ClientID = "" },
		"client_secret":         func(p *IdentityProvider) { p.Secret = secret.New(strings.Repeat("s", 501)) },
		"group_claim":           func(p *IdentityProvider) { p.GroupClaim = "" },
		"issuer":                func(p *IdentityProvider) { p.Issuer = "http://login.example.org" },
		"issuer, with a query":  func(p *IdentityProvider) { p.Issuer += "?a=b" },
		"issuer, with somebody": func(p *IdentityProvider) { p.Issuer = "https://a:b@login.example.org" },
		"issuer, no address":    func(p *IdentityProvider) { p.Issuer = "login.example.org" },
		"scopes":                func(p *IdentityProvider) { p.Scopes = []string{"two words"} },
		"roles":                 func(p *IdentityProvider) { p.Roles[1].Group = "staff" },
		"roles, no group":       func(p *IdentityProvider) { p.Roles[1].Group = "" },
		"role":                  func(p *IdentityProvider) { p.Roles[1].Role = "king" },
		"role, of others":       func(p *IdentityProvider) { p.DefaultRole = "king" },
		"domains":               func(p *IdentityProvider) { p.Domains = []string{"*.example.org"} },
		"domains, with a name":  func(p *IdentityProvider) { p.Domains = []string{"a@example.org"} },
	} {
		p := goodProvider()
		spoil(&p)
		err := p.Check()
		require.True(t, fault.Is(err, fault.Invalid), field)
		name, _, _ := strings.Cut(field, ",")
		require.Contains(t, err.Error(), name)
		require.NotContains(t, err.Error(), "sss")
	}
	local := goodProvider()
	local.Issuer = "http://127.0.0.1:8081"
	require.NoError(t, local.Check())
}

func TestTheRoleThatAProviderGives(t *testing.T) {
	p := goodProvider()
	require.Equal(t, Admin, p.roleOf([]string{"staff", "it"}))
	require.Equal(t, Viewer, p.roleOf([]string{"staff", "IT"}))
	require.Empty(t, p.roleOf(nil))
	p.DefaultRole = Sender
	require.Equal(t, Sender, p.roleOf([]string{"guests"}))
	said := Claims{Subject: "1", Email: "Ada@Example.org", EmailVerified: true}
	require.NoError(t, p.Check())
	a, err := admissionOf(p, said)
	require.NoError(t, err)
	require.Equal(t, Admission{Provider: p, Subject: "1", Email: "ada@example.org", Name: "ada@example.org", Role: Sender}, a)
	// Where a provider gives no roles those stand that there are; where it gives none, nobody is in.
	p.DefaultRole = ""
	a, err = admissionOf(p, said)
	require.NoError(t, err)
	require.True(t, a.Barred)
	p.Roles = nil
	a, err = admissionOf(p, said)
	require.NoError(t, err)
	require.False(t, a.Barred)
	require.Empty(t, a.Role)
}
