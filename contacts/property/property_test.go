package property_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts/property"
)

func TestFoldJoinsCaseAndComposition(t *testing.T) {
	require.Equal(t, property.Fold("ÉCOLE"), property.Fold("e\u0301cole"))
	require.Equal(t, property.Fold("Straße"), property.Fold("STRAßE"))
	require.Equal(t, property.Fold("J\u030c"), property.Fold("\u01f0"))
	require.Equal(t, property.Fold("ΟΔΥΣΣΕΥΣ"), property.Fold("Οδυσσευς"))
	require.NotEqual(t, property.Fold("ecole"), property.Fold("école"), "accents count")
}

func TestCollapseLeavesSingleSpaces(t *testing.T) {
	for given, want := range map[string]string{
		"": "", " ": " ", " \t": " ", "Anna Maria": "Anna Maria", "Anna \u00a0 Maria": "Anna Maria", "  Anna\n": " Anna ", "a  b ": "a b ",
	} {
		require.Equal(t, want, property.Collapse(given), "%q", given)
	}
}

func FuzzFold(f *testing.F) {
	f.Add("J\u030c")
	f.Add("ÉCOLE e\u0301 İ ς Σ \u212a \xff")
	f.Fuzz(func(t *testing.T, s string) {
		folded := property.Fold(s)
		require.Equal(t, folded, property.Fold(folded), "%q", s)
	})
}

func TestEveryTypeIsCompared(t *testing.T) {
	want := map[property.Type]property.Comparison{
		property.Number: property.AsNumber, property.Currency: property.AsNumber, property.Percent: property.AsNumber,
		property.Checkbox: property.AsBoolean, property.Date: property.AsDate, property.Time: property.AsTime,
		property.Collection: property.AsSet, property.Text: property.AsText, property.Word: property.AsText,
		property.Enum: property.AsText, property.List: property.AsText, property.Link: property.AsText, property.Location: property.AsText,
	}
	require.Len(t, property.Types(), len(want))
	for _, typ := range property.Types() {
		require.Equal(t, want[typ], typ.Comparison(), typ)
	}
}
