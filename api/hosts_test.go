package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Messages of an account that has an address of its own lead there.
func TestLinksLeadToTheAccountsOwnAddress(t *testing.T) {
	s := newServer(t)
	channel := s.channel()
	s.contact("Ada", "ada@example.org")
	campaign := s.campaign(channel, "")
	s.ok("PATCH", "/v1/campaigns/"+idOf(map[string]any{"id": float64(campaign)}), `{"content":{"subject":"Hi","text":"{{ unsubscribe_url }}"}}`)
	preview := func() string { return s.do("GET", "/v1/campaigns/1/preview", "").Body.String() }
	require.Contains(t, preview(), "https://n.example.org/u/")
	set := s.ok("PATCH", "/v1/settings", `{"public_url":"https://news.shop.example.org/"}`)
	require.Equal(t, "https://news.shop.example.org", set["public_url"])
	require.Contains(t, preview(), "https://news.shop.example.org/u/")
	for _, wrong := range []string{"news.shop.example.org", "ftp://x.example.org", "https://x.example.org/?a=b", "https://ada@x.example.org"} {
		answer := s.do("PATCH", "/v1/settings", `{"public_url":"`+wrong+`"}`)
		require.Equal(t, 422, answer.Code, wrong)
		require.Contains(t, answer.Body.String(), "is no address such as")
	}
	require.NotContains(t, s.ok("PATCH", "/v1/settings", `{"public_url":""}`), "public_url")
	require.Contains(t, preview(), "https://n.example.org/u/")
}
