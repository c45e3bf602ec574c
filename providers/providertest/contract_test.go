package providertest

import (
	"os"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/providers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The messengers keep the contract, each with the abilities that it has.
func TestContract(t *testing.T) {
	for name, st := range map[string]style{"Cloud": {}, "EchoingCloud": {echoes: true}, "Bot": {bot: true}} {
		t.Run(name, func(t *testing.T) { Run(t, st.subject()) })
	}
}

// Every kind of address has samples, and each is told from the others.
func TestAddresses(t *testing.T) {
	require.Len(t, samples, len(providers.AddressKinds()))
	for _, kind := range providers.AddressKinds() {
		require.NotEqual(t, Address(kind, 1), Address(kind, 2))
		for _, n := range []int64{1, 42, 999_999} {
			require.Equal(t, n, Number(kind, Address(kind, n)), kind)
			for _, other := range providers.AddressKinds() {
				if other != kind {
					require.Zero(t, Number(other, Address(kind, n)), "%s read as %s", kind, other)
				}
			}
		}
		require.Zero(t, Number(kind, "x"))
	}
}

// What an adapter can do chooses what is asserted of it.
func TestCapabilitiesChooseTheChecks(t *testing.T) {
	names := func(s Subject) []string {
		var all []string
		for _, c := range s.checks() {
			all = append(all, c.name)
		}
		return all
	}
	for name, take := range map[string]func(*Subject){
		"Receipts":         func(s *Subject) { s.Kind.Capabilities.Receipts = false },
		"Replies":          func(s *Subject) { s.Kind.Capabilities.Replies = false },
		"Batch/All":        func(s *Subject) { s.Kind.Capabilities.MaxBatch = 0 },
		"Media":            func(s *Subject) { s.Kind.Capabilities.Media = false },
		"Within":           func(s *Subject) { s.Kind.Capabilities.Uploads = providers.FileByAddress },
		"Buttons":          func(s *Subject) { s.Kind.Capabilities.Buttons = nil },
		"Location":         func(s *Subject) { s.Kind.Capabilities.Location = false },
		"Cards":            func(s *Subject) { s.Kind.Capabilities.Cards = false },
		"Templates":        func(s *Subject) { s.Kind.Capabilities.Templates = false },
		"Kept":             func(s *Subject) { s.Kind.Capabilities.Templates = false },
		"IDUnreadable":     func(s *Subject) { s.Kind.Capabilities.GivesID = false },
		"TextBound":        func(s *Subject) { s.Kind.Capabilities.MaxTextBytes = 0 },
		"UnitBound":        func(s *Subject) { s.Kind.Capabilities.MaxTextUnits = 0 },
		"CaptionBound":     func(s *Subject) { s.Kind.Capabilities.MaxCaptionUnits = 0 },
		"Tokens/OneForAll": func(s *Subject) { s.Tokens = false },
	} {
		s := style{}.subject()
		s.Kind.Capabilities.MaxTextUnits, s.Kind.Capabilities.MaxCaptionUnits = messengerUnits, messengerUnits
		s.Kind.Capabilities.Uploads = providers.FileWithin
		require.Contains(t, names(s), name)
		take(&s)
		require.NotContains(t, names(s), name)
	}
}

// The page for those who write an adapter speaks of all that the suite wants to know,
// and of all that a kind can say of itself.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/adding-a-provider.md")
	require.NoError(t, err)
	for _, of := range []reflect.Type{reflect.TypeFor[Subject](), reflect.TypeFor[providers.Capabilities]()} {
		for i := range of.NumField() {
			name := of.Field(i).Name
			require.Regexp(t, "\\b"+name+"(:|`)", string(page), "%s.%s", of.Name(), name)
		}
	}
}
