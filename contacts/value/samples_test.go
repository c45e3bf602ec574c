package value_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts/value"
	"carillon/providers/providertest"
)

// The addresses with which adapters are tested are of the form in which contacts keep
// them: every kind has one, and none of them changes when it is read.
func TestSampleAddressesAreNormal(t *testing.T) {
	for _, kind := range value.Kinds() {
		for _, n := range []int64{1, 42, 999_999} {
			address := providertest.Address(kind, n)
			normal, err := value.Normal(kind, address, "")
			require.NoError(t, err)
			require.Equal(t, address, normal, kind)
		}
	}
}
