package access_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/clock"
	"carillon/internal/fault"
)

// Passkeys hang on the name of a server: where there is none nobody begins anything, and reads what
// to set.
func TestPasskeysNeedAServerWithAName(t *testing.T) {
	for address, says := range map[string]string{
		"": "is not set", "https://192.0.2.1": "is an IP address", "http://127.0.0.1:8080": "is an IP address", "https://[2001:db8::1]:8443": "is an IP address",
		"http://carillon.example.org": "is not https", "https://a_b..example": "has a name that browsers keep no passkeys for",
	} {
		people := access.NewPeople(access.PeopleDeps{Address: address, Clock: clock.System{}})
		_, begin := people.BeginPasskeySignIn(t.Context(), "192.0.2.1")
		_, finish := people.SignInByPasskey(t.Context(), access.Arrival{}, access.PasskeyAnswer{})
		_, register := people.BeginPasskey(t.Context(), access.Caller{ID: -1}, access.Proof{})
		_, _, add := people.AddPasskey(t.Context(), access.Caller{ID: -1}, "Phone", access.PasskeyAnswer{})
		for _, err := range []error{begin, finish, register, add} {
			require.True(t, fault.Is(err, fault.Invalid), "%s: %v", address, err)
			require.ErrorContains(t, err, "public_url: "+says, address)
			require.ErrorContains(t, err, "CARILLON_PUBLIC_URL")
		}
	}
}

// A network that begins many sign-ins is slowed down, and its guesses of passwords are others.
func TestBeginningsWithPasskeysAreThoseOfANetwork(t *testing.T) {
	var names []string
	people := access.NewPeople(access.PeopleDeps{Address: "http://localhost:8080", Brake: counted{&names}, Clock: clock.System{}})
	_, err := people.BeginPasskeySignIn(t.Context(), "2001:db8::1")
	require.True(t, fault.Is(err, fault.RateLimited), err)
	require.Equal(t, []string{"passkey:2001:db8::/64"}, names)
}
