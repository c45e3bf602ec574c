package near_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/near"
)

func TestNameFindsWhatATypingErrorMeant(t *testing.T) {
	names := []string{"platinum", "gold", "free", "first_name", "München"}
	for given, meant := range map[string]string{
		"platin": "platinum", "glod": "gold", "Free": "free", "firstname": "first_name", "fist-name": "first_name",
		"Munchen": "München", "silver": "", "": "", "x": "", strings.Repeat("gold", 100): "",
	} {
		require.Equal(t, meant, near.Name(given, names), given)
	}
	require.Empty(t, near.Name("gold", nil))
}

func TestHintListsTheNamesWhereNoneIsNear(t *testing.T) {
	require.Equal(t, "did you mean gold?", near.Hint("golld", []string{"gold", "free"}))
	require.Equal(t, "there are gold, free", near.Hint("silver", []string{"gold", "free"}))
	require.Empty(t, near.Hint("silver", nil))
	require.True(t, strings.HasSuffix(near.Hint("nothing like it", strings.Split(strings.Repeat("a ", 30), " ")), " and others"))
}
