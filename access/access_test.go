package access_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// ring keeps the keys that it is given.
type ring struct {
	access.KeyStore
	secrets []string
}

func (r *ring) AddKey(_ context.Context, k access.Key, key secret.String) (access.Key, error) {
	r.secrets, k.ID = append(r.secrets, key.Reveal()), 1
	return k, access.CheckKey(k, key)
}

func TestARandomKeyIsMadeAndShownOnce(t *testing.T) {
	r := &ring{}
	keys := access.NewKeys(r)
	for range 2 {
		k, key, err := keys.Create(t.Context(), access.Key{AccountID: 3, Name: "deploy", Role: access.Viewer})
		require.NoError(t, err)
		require.Equal(t, access.Key{ID: 1, AccountID: 3, Name: "deploy", Role: access.Viewer}, k)
		require.True(t, strings.HasPrefix(key.Reveal(), "car_"))
	}
	require.NotEqual(t, r.secrets[0], r.secrets[1])
	require.GreaterOrEqual(t, len(r.secrets[0]), 32)
}

func TestKeysThatNobodyCouldBeKnownByAreRefused(t *testing.T) {
	good := secret.New("0123456789abcdef")
	check := func(name string, role access.Role, key secret.String) error {
		return access.CheckKey(access.Key{Name: name, Role: role}, key)
	}
	require.NoError(t, check("deploy", access.Admin, good))
	require.NoError(t, access.CheckKey(access.Key{Name: "shop", Role: access.Sender, API: "chatapi", ChannelID: 3}, good))
	for what, err := range map[string]error{
		"name":                   check("", access.Admin, good),
		"a control character":    check("a\x00b", access.Admin, good),
		"1 to 100 characters":    check(strings.Repeat("x", 101), access.Admin, good),
		"is no role":             check("x", "owner", good),
		"at least 16 characters": check("x", access.Admin, secret.New("short")),
		"is no API":              access.CheckKey(access.Key{Name: "x", Role: access.Admin, API: "telex"}, good),
		"leave one of them out":  access.CheckKey(access.Key{Name: "x", Role: access.Admin, API: "chatapi", Scopes: access.Scopes{"messages"}}, good),
		"0, which is the rate":   access.CheckKey(access.Key{Name: "x", Role: access.Admin, Rate: math.NaN()}, good),
		"nor is bound":           access.CheckKey(access.Key{Name: "x", Role: access.Admin, ChannelID: 3, Operator: true}, good),
		"without spaces":         check("x", access.Admin, secret.New("0123456789 abcdef")),
	} {
		require.True(t, fault.Is(err, fault.Invalid), what)
		require.ErrorContains(t, err, what)
	}
}
