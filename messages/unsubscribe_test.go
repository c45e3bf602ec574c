package messages_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/messages"
	"carillon/providers"
)

func TestTokens(t *testing.T) {
	tokens := messages.NewTokens(secret.NewRing(secret.New("a master key for tests")), messages.NewHosts("https://n.example.org/"))
	other := messages.NewTokens(secret.NewRing(secret.New("another master key")), messages.NewHosts(""))
	rapid.Check(t, func(t *rapid.T) {
		u := messages.Unsubscriber{AccountID: rapid.Int64Min(1).Draw(t, "account")}
		if rapid.Bool().Draw(t, "message") {
			u.MessageID = rapid.Int64Min(1).Draw(t, "id")
		} else {
			u.Kind, u.Address = providers.Email, rapid.StringMatching(`[a-z]{1,9}@[a-zé]{1,9}\.org`).Draw(t, "address")
		}
		token := tokens.Make(u)
		parsed, err := tokens.Parse(token)
		require.NoError(t, err)
		require.Equal(t, u, parsed)
		require.Equal(t, "https://n.example.org/u/"+token, tokens.URL(u))
		_, err = other.Parse(token)
		require.True(t, fault.Is(err, fault.NotFound), "signed with another key")
		// One letter changed anywhere is noticed. The last one may carry unused
		// bits and is left alone.
		at := rapid.IntRange(0, len(token)-2).Draw(t, "at")
		changed := []byte(token)
		changed[at] ^= 1
		if string(changed) != token {
			_, err = tokens.Parse(string(changed))
			require.Error(t, err)
		}
	})
	require.Empty(t, other.URL(messages.Unsubscriber{AccountID: 1, MessageID: 1}), "no public address, no link")
}

func FuzzParseToken(f *testing.F) {
	tokens := messages.NewTokens(secret.NewRing(secret.New("a master key for tests")), messages.NewHosts(""))
	f.Add(tokens.Make(messages.Unsubscriber{AccountID: 1, MessageID: 2}))
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		u, err := tokens.Parse(token)
		if err == nil {
			again, err := tokens.Parse(tokens.Make(u))
			require.NoError(t, err)
			require.Equal(t, u, again)
		}
	})
}
