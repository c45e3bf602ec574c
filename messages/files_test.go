package messages_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/messages"
)

// It is no test of the store: so large a file would be counted by its tests of memory.
func TestAFileIsBounded(t *testing.T) {
	_, err := messages.NewFiles(nil, messages.NewHosts("")).Keep(t.Context(), messages.File{Name: "a", Content: make([]byte, messages.MaxFile+1)})
	require.True(t, fault.Is(err, fault.Invalid))
	require.ErrorContains(t, err, "16 MiB")
}

func TestDataURIs(t *testing.T) {
	for text, want := range map[string]string{"data:text/plain;base64,aGk=": "hi", "data: text/plain;base64, aGk": "hi", "data:;base64,aGk=": "hi"} {
		_, content, err := messages.ParseDataURI(text)
		require.NoError(t, err, text)
		require.Equal(t, want, string(content), text)
	}
	for _, text := range []string{"", "data:", "data:text/plain,hi", "data:text/plain;base64,%", "https://example.org"} {
		_, _, err := messages.ParseDataURI(text)
		require.True(t, fault.Is(err, fault.Invalid), text)
	}
}
