package access_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// noKeys knows no key.
type noKeys struct{ access.KeyStore }

func (noKeys) LookupKey(context.Context, secret.String, string) (access.Key, error) {
	return access.Key{}, fault.New(fault.Unauthorized, "the API key is unknown")
}

// Whatever one character of a key is changed to, left out or doubled: it is told from a key that
// is wrong.
func TestATypoIsToldFromAWrongKey(t *testing.T) {
	keys := access.NewKeys(noKeys{})
	why := func(presented string) string {
		_, err := keys.Lookup(t.Context(), secret.New(presented), "")
		require.True(t, fault.Is(err, fault.Unauthorized))
		return err.Error()
	}
	seen := map[string]bool{}
	for range 50 {
		key := access.NewSecret().Reveal()
		require.Regexp(t, `^car_[0-9A-Za-z]{38}$`, key)
		require.False(t, seen[key])
		seen[key] = true
		require.Contains(t, why(key), "unknown")
		for i := len("car_"); i < len(key); i++ {
			other := "x"
			if key[i] == 'x' {
				other = "y"
			}
			for _, typo := range []string{key[:i] + other + key[i+1:], key[:i] + key[i+1:], key[:i] + key[i:i+1] + key[i:]} {
				require.Contains(t, why(typo), "mistyped", "%s of %s", typo, key)
			}
		}
	}
	for _, chosen := range []string{"0123456789abcdef-chosen", "car_" + strings.Repeat("a", 32), "car_" + strings.Repeat("A", 52)} {
		require.Contains(t, why(chosen), "unknown", "keys that people chose, and those of older versions, have no checksum")
	}
}

func TestScopes(t *testing.T) {
	resources := []string{"contacts", "keys", "messages"}
	s := access.ScopesOf(" messages  contacts:read ")
	require.NoError(t, s.Check(resources))
	require.Equal(t, s, access.ScopesOf(s.String()))
	for _, c := range []struct {
		resource    string
		reads, want bool
	}{
		{"messages", true, true}, {"messages", false, true}, {"contacts", true, true}, {"contacts", false, false}, {"keys", true, false}, {"", false, false},
	} {
		require.Equal(t, c.want, s.Allow(c.resource, c.reads), "%+v", c)
		require.True(t, access.Scopes(nil).Allow(c.resource, c.reads), "without any it has all")
	}
	for _, wrong := range []access.Scopes{
		{"contact"}, {"contacts:write"}, {"contacts:read:read"}, {""}, {"keys"}, {"messages", "messages"}, make(access.Scopes, 51),
	} {
		require.True(t, fault.Is(wrong.Check(resources), fault.Invalid), "%q", wrong)
	}
	require.NoError(t, access.Scopes{"keys:read"}.Check(resources))
}

func FuzzParseNetworks(f *testing.F) {
	for _, seed := range []string{"192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "::1", "192.0.2.7/24", "fe80::1%eth0", "/", "::ffff:192.0.2.0/120"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		networks, err := access.ParseNetworks("networks", []string{text})
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid))
			return
		}
		again, err := access.ParseNetworks("networks", strings.Fields(access.NetworksText(networks)))
		require.NoError(t, err, "what is kept is read again")
		require.Equal(t, networks, again)
		require.NoError(t, access.Key{Networks: networks}.CheckFrom(networks[0].Addr().String()), "its first address is of it")
	})
}

// resets keeps the links that are made.
type resets struct {
	access.PeopleStore
	made []string
}

func (*resets) GetMember(context.Context, int64, int64) (access.Member, error) {
	return access.Member{}, nil
}

func (*resets) Memberships(context.Context, int64) ([]access.Member, error) { return nil, nil }

func (r *resets) AddReset(_ context.Context, of access.Reset) error {
	r.made = append(r.made, of.Token.Reveal())
	return nil
}

// A token is written behind a command: it must never be taken for a flag.
func TestATokenIsNoFlag(t *testing.T) {
	r := &resets{}
	people := access.NewPeople(access.PeopleDeps{Store: r, Clock: clock.System{}})
	for range 300 {
		_, _, err := people.HelpIn(t.Context(), access.Caller{AccountID: 1}, 1, false)
		require.NoError(t, err)
	}
	for _, token := range r.made {
		require.Regexp(t, `^[0-9A-Za-z]{43}$`, token)
	}
}
