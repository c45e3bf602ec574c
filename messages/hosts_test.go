package messages_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/secret"
	"carillon/messages"
	"carillon/providers"
)

// The links of an account lead to its own address, and others' to the installation's.
func TestEachAccountHasItsHost(t *testing.T) {
	hosts := messages.NewHosts("https://all.example.org/")
	tokens := messages.NewTokens(secret.NewRing(secret.New("a master key for tests")), hosts)
	of := func(account int64) messages.Links {
		return tokens.Links(messages.Unsubscriber{AccountID: account, Kind: providers.Email, Address: "ada@example.org"})
	}
	hosts.Set(2, "https://shop.example.org")
	require.Regexp(t, "^https://all.example.org/u/", of(1).UnsubscribeURL)
	shop := of(2)
	require.Regexp(t, "^https://shop.example.org/u/", shop.UnsubscribeURL)
	require.Regexp(t, "^https://shop.example.org/p/", shop.PreferencesURL())
	require.Regexp(t, "^https://shop.example.org/v/", shop.ViewURL())
	require.Regexp(t, "^https://shop.example.org/o/", shop.Tracked(7).OpenURL())
	files := messages.NewFiles(nil, hosts)
	require.Equal(t, "https://shop.example.org/files/t/a.png", files.Address(messages.File{AccountID: 2, Token: "t", Name: "a.png"}, "x"))

	hosts.Learn(map[int64]string{1: "https://one.example.org"})
	require.Equal(t, "https://one.example.org", hosts.Of(1))
	require.Equal(t, "https://all.example.org", hosts.Of(2))
	hosts.Set(1, "")
	require.Equal(t, "https://all.example.org", hosts.Of(1))
}
