package messages

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWordsCanBeReadOnEveryColor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Brand{Color: fmt.Sprintf("#%06x", rapid.IntRange(0, 0xffffff).Draw(t, "color"))}
		require.Empty(t, CheckColor(b.Color))
		require.GreaterOrEqual(t, contrast(string(b.Accent()), string(b.OnAccent())), 4.5)
	})
	for _, wrong := range []string{"red", "#12345", "#1234567", "#12345g", "red;}"} {
		require.NotEmpty(t, CheckColor(wrong))
		require.EqualValues(t, ownColor, Brand{Color: wrong}.Accent())
	}
}
