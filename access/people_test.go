package access_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// counted remembers whose guesses were asked for, and lets none through.
type counted struct{ names *[]string }

// Take uses none up.
func (c counted) Take(_ context.Context, guesses ...access.Guess) (time.Duration, error) {
	for _, g := range guesses {
		*c.names = append(*c.names, g.Name)
	}
	return time.Second, nil
}

// GiveBack has nothing to give.
func (counted) GiveBack(context.Context, ...access.Guess) error { return nil }

// Who has a network of IPv6 addresses has no more guesses than who has one address of IPv4.
func TestGuessesAreThoseOfANetwork(t *testing.T) {
	var names []string
	people := access.NewPeople(access.PeopleDeps{Brake: counted{&names}})
	from := func(source string) string {
		names = nil
		require.True(t, fault.Is(people.Forgotten(t.Context(), "ada@example.org", source), fault.RateLimited))
		return names[1]
	}
	require.Equal(t, from("2001:db8::1"), from("2001:db8:0:0:ffff::9"))
	require.NotEqual(t, from("2001:db8::1"), from("2001:db8:0:1::1"))
	require.NotEqual(t, from("192.0.2.1"), from("192.0.2.2"))
	require.NotEqual(t, from("192.0.2.1"), from("@"))
}

func TestPasswordsThatAnybodyGuessesAreRefused(t *testing.T) {
	for _, weak := range []string{
		"short", "password123", "Password123!", "1234567890", "qwertyuiop", "aaaaaaaaaaaa", "iloveyou2024", "ada.lovelace", "Ada.Lovelace1!",
		"ada.lovelace@example.org",
		strings.Repeat("x y", 100), "bad\xffbytes-bad",
	} {
		err := access.CheckPassword(secret.New(weak), "ada.lovelace@example.org", "Ada Lovelace")
		require.True(t, fault.Is(err, fault.Invalid), weak)
		require.NotContains(t, err.Error(), weak)
	}
	for _, good := range []string{"correct horse battery staple", "zwölf Boxkämpfer", "🔔🔔 bells over Bremen", "Tr0ub4dor&3x"} {
		require.NoError(t, access.CheckPassword(secret.New(good), "ada.lovelace@example.org", "Ada Lovelace"), good)
	}
}

func TestOnlyTheRightPasswordMatches(t *testing.T) {
	h := access.NewHasher()
	password := secret.New("correct horse battery staple")
	hash, err := h.Hash(t.Context(), password)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(hash.Reveal(), "$argon2id$v=19$m=19456,t=2,p=1$"), hash.Reveal())
	again, err := h.Hash(t.Context(), password)
	require.NoError(t, err)
	require.NotEqual(t, hash.Reveal(), again.Reveal(), "each has its own salt")
	for given, want := range map[string]bool{
		"correct horse battery staple": true, "correct horse battery stapl": false, "": false, strings.Repeat("x", 1000): false,
	} {
		matches, err := h.Matches(t.Context(), secret.New(given), hash)
		require.NoError(t, err)
		require.Equal(t, want, matches, given)
	}
	// Who has no password signs in with none, not even the one that nobody has.
	for _, given := range []string{"", "nobody's password"} {
		matches, err := h.Matches(t.Context(), secret.New(given), secret.String{})
		require.NoError(t, err)
		require.False(t, matches)
	}
}

func TestAddressesOfPeople(t *testing.T) {
	for _, given := range []string{"ada@example.org", "\tAda@Example.ORG "} {
		email, err := access.NormalEmail("email", given)
		require.NoError(t, err, given)
		require.Equal(t, "ada@example.org", email)
	}
	for _, bad := range []string{
		"", "ada", "ada@localhost", "Ada <ada@example.org>", "a@b@example.org", "a\r\nbcc: x@example.org", strings.Repeat("x", 250) + "@example.org",
	} {
		_, err := access.NormalEmail("email", bad)
		require.True(t, fault.Is(err, fault.Invalid), bad)
	}
}

func TestWhoACallerIs(t *testing.T) {
	key := access.Key{ID: 3, Name: "deploy", Role: access.Editor}.Caller()
	require.False(t, key.Person())
	require.Zero(t, key.UserID())
	require.Equal(t, "key 3 (deploy)", key.Actor())
	require.True(t, key.MayApprove())
	require.False(t, access.Caller{ID: 3, Role: access.Viewer}.MayApprove())
	ada := access.Caller{ID: -7, Name: "ada@example.org", Role: access.Admin}
	require.True(t, ada.Person())
	require.EqualValues(t, 7, ada.UserID())
	require.Equal(t, "user 7 (ada@example.org)", ada.Actor())
	require.False(t, ada.MayApprove(), "approvers are named")
	ada.Role, ada.Approver = access.Viewer, true
	require.True(t, ada.MayApprove())
}
