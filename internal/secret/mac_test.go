package secret

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMAC(t *testing.T) {
	box, err := NewBox(New("0123456789abcdef"))
	require.NoError(t, err)
	other, err := NewBox(New("another key of 16 bytes"))
	require.NoError(t, err)
	mac := box.MAC("entry", "1", "a")
	right, known := box.CheckMAC(mac, "entry", "1", "a")
	require.True(t, right && known)
	for _, parts := range [][]string{{"entry", "1a", ""}, {"entry", "1", "b"}, {"link", "1", "a"}, {"entry", "1"}} {
		right, known = box.CheckMAC(mac, parts[0], parts[1:]...)
		require.True(t, known)
		require.False(t, right, parts)
	}
	for _, foreign := range []string{other.MAC("entry", "1", "a"), "", "."} {
		right, known = box.CheckMAC(foreign, "entry", "1", "a")
		require.False(t, right || known)
	}
}
