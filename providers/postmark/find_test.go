package postmark

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/providers"
)

func TestOnlyOurOwnMessageIsFound(t *testing.T) {
	for list, fate := range map[string]providers.Fate{
		`{"TotalCount":1,"Messages":[{"MessageID":"a","Metadata":{"carillon":"7-x"}}]}`: providers.FateTaken,
		`{"TotalCount":0,"Messages":[]}`:                                                providers.FateNotTaken,
		// Whoever answers does not filter by the metadata, so that nothing follows from its list.
		`{"TotalCount":9,"Messages":[{"MessageID":"a","Metadata":{"carillon":"8-x"}}]}`:   providers.FateUntold,
		`{"TotalCount":1,"Messages":[{"MessageID":"a b","Metadata":{"carillon":"7-x"}}]}`: providers.FateUntold,
		`{"TotalCount":1,"Messages":[]}`:                                                  providers.FateUntold,
	} {
		found, err := listed([]byte(list), "7-x")
		require.NoError(t, err)
		require.Equal(t, fate, found.Fate, list)
		require.Equal(t, fate == providers.FateUntold, found.Detail != "", list)
	}
	for _, list := range []string{``, `{}`, `[]`, `{"Messages":[]}`} {
		_, err := listed([]byte(list), "7-x")
		require.Error(t, err, list)
	}
}

func FuzzListed(f *testing.F) {
	f.Add(`{"TotalCount":1,"Messages":[{"MessageID":"a","Metadata":{"carillon":"7-x"}}]}`)
	f.Add(`{"TotalCount":0,"Messages":null}`)
	f.Fuzz(func(t *testing.T, list string) {
		found, err := listed([]byte(list), "7-x")
		if err == nil && found.Fate == providers.FateTaken {
			require.True(t, providers.Key(found.ProviderID))
		}
	})
}
