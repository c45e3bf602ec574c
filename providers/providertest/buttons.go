package providertest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// buttons sends one of each type that the adapter carries: they arrive as they are, in
// their order. Where types can't stand together each does alone, and of those that are put
// together none is lost.
func (s Subject) buttons(t testing.TB) {
	info := map[providers.ButtonType]string{
		providers.ButtonLink: "https://example.com/a%20b?x=1&y=%C3%BC", providers.ButtonPostback: `{"order": 7}`,
		providers.ButtonCall: "+49301234567", providers.ButtonShare: "https://example.com/<s>",
	}
	var all []providers.MessageButton
	for _, kind := range s.Kind.Capabilities.Buttons {
		all = append(all, providers.MessageButton{Type: kind, Caption: `Größe "1" & <2>`, Info: info[kind]})
	}
	if !s.Apart {
		s.pressable(t, all)
		return
	}
	for i := range all {
		s.pressable(t, all[i:i+1])
	}
	got := s.below(t, all)
	if got == nil {
		return
	}
	for _, b := range all {
		if !slices.Contains(got.Buttons, b) {
			require.Contains(t, got.Text, b.Words(), "what can't be a button stands in the text")
		}
	}
}

// pressable sends buttons that arrive as such.
func (s Subject) pressable(t testing.TB, buttons []providers.MessageButton) {
	t.Helper()
	if got := s.below(t, buttons); got != nil {
		require.Equal(t, buttons, got.Buttons, "Capabilities.Buttons promises that buttons arrive as such")
	}
}

// below sends buttons below a text, and is what arrives; nil where nobody is asked.
func (s Subject) below(t testing.TB, buttons []providers.MessageButton) *providers.Content {
	t.Helper()
	var arrived seen
	p := s.open(t, s.serve(t, sink.Options{Seen: arrived.add}).Config)
	m := s.message(1)
	m.Content.Buttons = buttons
	_, err := p.Send(t.Context(), m)
	require.NoError(t, err)
	if s.Serve == nil {
		return nil
	}
	got := s.arrived(t, m.To, arrived.get(t, 0)).Content
	return &got
}
