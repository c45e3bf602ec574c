package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/api"
	"carillon/campaigns"
	"carillon/providers"
	"carillon/templates"
)

func TestVariantsAsTheyAreTyped(t *testing.T) {
	own := api.MessageContent{Content: providers.Content{
		Subject: "Spring", Text: "Hello", Attachment: &providers.Attachment{URL: "https://example.org/a.pdf"},
	}}
	file := filepath.Join(t.TempDir(), "b.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"text": "Other", "attachment": {"url": "https://example.org/b.pdf"}}`), 0o600))
	c := &cli{}
	for said, want := range map[string]campaigns.Variant{
		"A":     {Name: "A"},
		" A :9": {Name: "A", Share: 9},
		`B={"subject": "Tulips"}`: {Name: "B", Content: &campaigns.Wording{Content: providers.Content{
			Subject: "Tulips", Text: "Hello", Attachment: own.Attachment}}},
		"B:30%=" + file: {Name: "B", Share: 30, Content: &campaigns.Wording{Content: providers.Content{
			Subject: "Spring", Text: "Other", Attachment: &providers.Attachment{URL: "https://example.org/b.pdf"}}}},
		`B={"template": {"name": "x"}}`: {Name: "B", Content: &campaigns.Wording{Template: &templates.Use{Name: "x"}}},
	} {
		v, err := c.variant(said, own)
		require.NoError(t, err)
		require.Equal(t, want, v, said)
		require.Equal(t, "https://example.org/a.pdf", own.Attachment.URL, "the campaign's own stays as it is")
	}
	for said, want := range map[string]string{
		"A:many": "write its share in percent, such as A:30", "B={": "--variant B: unexpected end of JSON", "B=none.json": "no such file",
	} {
		_, err := c.variant(said, own)
		require.ErrorContains(t, err, want)
	}
}

// Flags are laid over what a file says, and leave it alone where none is given.
func TestExperimentFlagsWinOverAFile(t *testing.T) {
	var f experimentFlags
	kept := &campaigns.Experiment{Holdout: 3}
	require.NoError(t, f.into(&cli{}, api.MessageContent{}, &kept))
	require.Equal(t, &campaigns.Experiment{Holdout: 3}, kept)
	f = experimentFlags{variants: []string{"A", `B={"text": "x"}`}, testShare: 20, by: "read", holdout: 5}
	f.winner.After = "4h"
	require.NoError(t, f.into(&cli{}, api.MessageContent{}, &kept))
	require.Equal(t, []string{"A", "B"}, kept.Names())
	require.Equal(t, "A 50%, B 50%; 20% first, the others get the winner by read after 4h; 5% held out", experimentWords(kept))
	require.Empty(t, experimentWords(nil))
}
