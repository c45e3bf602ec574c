package templates_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/services/servicestest"
	"carillon/templates"
	"carillon/templates/liquid"
)

func TestWrongSnippetsAreNotKept(t *testing.T) {
	f := servicestest.New(t)
	ctx := t.Context()
	for name, c := range map[string]struct {
		name, text string
		want       []string
	}{
		"no name":   {"", "x", []string{"name: must have 1 to 100"}},
		"long name": {strings.Repeat("x", liquid.MaxSnippetName+1), "x", []string{"name: must have 1 to 100"}},
		"upwards":   {"a/../b", "x", []string{"name: must have 1 to 100"}},
		"slash":     {"/a", "x", []string{"name: must have 1 to 100"}},
		"letters":   {"grüße", "x", []string{"name: must have 1 to 100"}},
		"both":      {"a b", strings.Repeat("x", liquid.MaxSnippetBytes+1), []string{"name: must have 1 to 100", "text: at most 64 KiB"}},
		"filter":    {"a", "x\n{{ x | shout }}", []string{`text: line 2: unknown filter "shout"`}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, save := range []func(context.Context, templates.Snippet) (templates.Snippet, error){f.Catalogue.CreateSnippet, f.Catalogue.SetSnippet} {
				_, err := save(ctx, templates.Snippet{AccountID: f.Account, Name: c.name, Text: c.text})
				require.True(t, fault.Is(err, fault.Invalid))
				for _, want := range c.want {
					require.ErrorContains(t, err, want)
				}
			}
		})
	}
	list, err := f.Catalogue.ListSnippets(ctx, f.Account, "", 10)
	require.NoError(t, err)
	require.Empty(t, list)
	for _, fine := range []string{strings.Repeat("x", liquid.MaxSnippetName), "a.b-c_D/9", "..."} {
		_, err := f.Catalogue.CreateSnippet(ctx, templates.Snippet{AccountID: f.Account, Name: fine, Text: strings.Repeat("x", liquid.MaxSnippetBytes)})
		require.NoError(t, err)
		_, err = f.Catalogue.GetSnippet(ctx, f.Account, fine)
		require.NoError(t, err)
		require.NoError(t, f.Catalogue.DeleteSnippet(ctx, f.Account, fine))
	}
}
