package words_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/words"
)

func TestNumbersAgreeWithTheirNouns(t *testing.T) {
	for n, want := range map[int64]string{0: "0 messages were, are", 1: "1 message was, is", 2: "2 messages were, are"} {
		require.Equal(t, want, words.Count(n, "message")+" "+words.Was(n)+", "+words.Is(n))
	}
}
