package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/configs"
)

// What another process sets as an account's address, this one writes into links soon.
func TestTheAddressesOfAccountsAreLearned(t *testing.T) {
	bothEngines(t, func(t *testing.T, config configs.Config) {
		config.PublicURL = "https://all.example.org"
		e, err := StartEngine(t.Context(), Options{Config: config, Roles: AllRoles})
		require.NoError(t, err)
		account, _, err := e.Store.EnsureAccount(t.Context(), "shop")
		require.NoError(t, err)
		require.Equal(t, "https://all.example.org", e.Hosts.Of(account.ID))
		_, err = e.Store.SetSettings(t.Context(), campaigns.Settings{AccountID: account.ID, PublicURL: "https://shop.example.org"})
		require.NoError(t, err)
		require.Eventually(t, func() bool { return e.Hosts.Of(account.ID) == "https://shop.example.org" }, 20*time.Second, 10*time.Millisecond)
		require.NoError(t, e.Stop())

		e, err = StartEngine(t.Context(), Options{Config: config, Roles: AllRoles})
		require.NoError(t, err)
		require.Equal(t, "https://shop.example.org", e.Hosts.Of(account.ID), "before anything is sent")
		require.NoError(t, e.Stop())
	})
}
