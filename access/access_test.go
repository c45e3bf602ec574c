package access_test

import (
	"context"
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

func (r *ring) AddKey(_ context.Context, accountID int64, name string, role access.Role, key secret.String) (access.Key, error) {
	r.secrets = append(r.secrets, key.Reveal())
	return access.Key{ID: 1, AccountID: accountID, Name: name, Role: role}, access.CheckKey(name, role, key)
}

func TestARandomKeyIsMadeAndShownOnce(t *testing.T) {
	r := &ring{}
	keys := access.NewKeys(r)
	for range 2 {
		k, key, err := keys.Create(t.Context(), 3, "deploy", access.Viewer)
		require.NoError(t, err)
		require.Equal(t, access.Key{ID: 1, AccountID: 3, Name: "deploy", Role: access.Viewer}, k)
		require.True(t, strings.HasPrefix(key.Reveal(), "car_"))
	}
	require.NotEqual(t, r.secrets[0], r.secrets[1])
	require.GreaterOrEqual(t, len(r.secrets[0]), 32)
}

func TestKeysThatNobodyCouldBeKnownByAreRefused(t *testing.T) {
	good := secret.New("0123456789abcdef")
	require.NoError(t, access.CheckKey("deploy", access.Admin, good))
	for what, err := range map[string]error{
		"name":                   access.CheckKey("", access.Admin, good),
		"a control character":    access.CheckKey("a\x00b", access.Admin, good),
		"1 to 100 characters":    access.CheckKey(strings.Repeat("x", 101), access.Admin, good),
		"is no role":             access.CheckKey("x", "owner", good),
		"at least 16 characters": access.CheckKey("x", access.Admin, secret.New("short")),
		"without spaces":         access.CheckKey("x", access.Admin, secret.New("0123456789 abcdef")),
	} {
		require.True(t, fault.Is(err, fault.Invalid), what)
		require.ErrorContains(t, err, what)
	}
}
