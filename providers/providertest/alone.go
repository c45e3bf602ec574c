package providertest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// place and card hold what tends to be escaped twice, or cut.
var (
	place = providers.Location{
		Latitude: -12.909091, Longitude: 6.5, Name: `Größe "1" & <2>`, Address: "1 Hacker Way, Menlo Park", URL: "https://example.com/a?x=1&y=2",
	}
	card = providers.Card{
		Name: providers.CardName{Formatted: "Zoë Smith", First: "Zoë", Last: "Smith"}, Birthday: "2000-01-31",
		Phones: []providers.CardPhone{{Phone: "+1 (940) 555-1234", Type: "HOME", WaID: "16505551234"}},
		Emails: []providers.CardEmail{{Email: "zoe@example.com", Type: "WORK"}}, Org: &providers.CardOrg{Company: `"W" & <D>`, Title: "M"},
	}
)

// location sends a place: it arrives as one.
func (s Subject) location(t testing.TB) {
	got := s.alone(t, providers.Content{Location: &place})
	if got != nil {
		require.Equal(t, &place, got.Location, "Capabilities.Location promises that a place arrives as one")
	}
}

// cards sends contact cards: they arrive as such, in their order.
func (s Subject) cards(t testing.TB) {
	second := providers.Card{Name: providers.CardName{Formatted: "Second"}}
	got := s.alone(t, providers.Content{Cards: []providers.Card{card, second}})
	if got != nil {
		require.Equal(t, []providers.Card{card, second}, got.Cards, "Capabilities.Cards promises that contact cards arrive as such")
	}
}

// alone sends what is a message of its own, and is what arrives; nil where nobody is asked.
func (s Subject) alone(t testing.TB, c providers.Content) *providers.Content {
	t.Helper()
	var arrived seen
	p := s.open(t, s.serve(t, sink.Options{Seen: arrived.add}).Config)
	m := s.message(1)
	m.Content = c
	_, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	if s.Serve == nil {
		return nil
	}
	got := s.arrived(t, m.To, arrived.get(t, 0)).Content
	return &got
}
