package cli

import (
	"fmt"
	"os"
	"reflect"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"carillon/api"
	"carillon/internal/fault"
)

// The API, the command line and the README say the same of how long lists are.
func TestLimitsOfListsAreTheSameEverywhere(t *testing.T) {
	usual, most := fmt.Sprint(api.DefaultLimit), fmt.Sprint(api.MostLimit)
	f, ok := reflect.TypeFor[api.Paged]().FieldByName("Limit")
	require.True(t, ok)
	require.Equal(t, []string{usual, most}, []string{f.Tag.Get("default"), f.Tag.Get("maximum")})
	require.Equal(t, "Most items to return: "+usual+" if absent, at most "+most+".", f.Tag.Get("doc"))

	lists := 0
	var look func(*cobra.Command)
	look = func(cmd *cobra.Command) {
		if flag := cmd.Flags().Lookup("limit"); flag != nil {
			lists++
			require.Equal(t, usual, flag.DefValue, cmd.CommandPath())
			require.Contains(t, flag.Usage, "more than "+most+" are read page by page", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			look(sub)
		}
	}
	look((&cli{}).root())
	require.Greater(t, lists, 20)

	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "Lists are pages of "+usual+" items, or of as many as `limit` says, at most "+most)
	for _, code := range fault.Codes() {
		require.Contains(t, string(readme), "`"+string(code)+"`")
	}
}
