package providertest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// buttons sends one of each type that the adapter carries: they arrive as they are, in
// their order.
func (s Subject) buttons(t testing.TB) {
	var arrived seen
	p := s.open(t, s.serve(t, sink.Options{Seen: arrived.add}).Config)
	info := map[providers.ButtonType]string{
		providers.ButtonLink: "https://example.com/a%20b?x=1&y=%C3%BC", providers.ButtonPostback: `{"order": 7}`,
		providers.ButtonCall: "+49301234567", providers.ButtonShare: "https://example.com/<s>",
	}
	m := s.message(1)
	for _, kind := range s.Kind.Capabilities.Buttons {
		m.Content.Buttons = append(m.Content.Buttons, providers.MessageButton{Type: kind, Caption: `Größe "1" & <2>`, Info: info[kind]})
	}
	_, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	if s.Serve == nil {
		return
	}
	got := s.arrived(t, m.To, arrived.get(t, 0)).Content
	require.Equal(t, m.Content.Buttons, got.Buttons, "Capabilities.Buttons promises that buttons arrive as such")
}
