package campaigns

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheSenderIsOfTheSignedDomain(t *testing.T) {
	for _, aligned := range [][2]string{
		{"example.org", "example.org"}, {"news.example.org", "example.org"}, {"example.org", "mg.example.org"}, {"", "example.org"}, {"example.org", ""},
	} {
		require.Empty(t, checkSender(aligned[0], aligned[1]).Warnings, aligned)
	}
	for _, other := range [][2]string{{"example.org", "gmail.example"}, {"badexample.org", "example.org"}} {
		warnings := checkSender(other[0], other[1]).Warnings
		require.Len(t, warnings, 1, other)
		require.Equal(t, CheckSender, warnings[0].Code)
		require.Contains(t, warnings[0].Message, "signed in to as an account of "+other[1])
	}
}
