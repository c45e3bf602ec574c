package campaigns_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
)

// What is said of a campaign is brought into one form, in every status, and not copied
// where it is the original's alone.
func TestWhatIsSaidOfACampaign(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	made := f.campaign()
	made.About = campaigns.About{Tags: []string{"Spring  SALE", "a", " spring sale "}, Notes: "for Bea"}
	c, err := f.Create(ctx, made)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "spring sale"}, c.About.Tags)
	require.Equal(t, campaigns.Newsletter, c.Kind())
	copied, err := f.Duplicate(ctx, f.Account, c.ID, campaigns.Duplicating{})
	require.NoError(t, err)
	require.Equal(t, campaigns.About{Tags: c.About.Tags}, copied.About)

	_, err = f.Start(ctx, f.Account, c.ID, true)
	require.NoError(t, err)
	_, err = f.Archive(ctx, f.Account, c.ID)
	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	_, err = f.Cancel(ctx, f.Account, c.ID, "tests")
	require.NoError(t, err)
	c, err = f.Describe(ctx, f.Account, c.ID, campaigns.About{Notes: "done"})
	require.NoError(t, err)
	require.Equal(t, campaigns.About{Notes: "done"}, c.About)
	c, err = f.Archive(ctx, f.Account, c.ID)
	require.NoError(t, err)
	require.NotNil(t, c.ArchivedAt)
	c, err = f.Unarchive(ctx, f.Account, c.ID)
	require.NoError(t, err)
	require.Nil(t, c.ArchivedAt)

	_, err = f.Describe(ctx, f.Account, c.ID, campaigns.About{Tags: []string{" ", "a,b", strings.Repeat("x", 41)}, Notes: strings.Repeat("x", 10_001)})
	for _, want := range []string{"tags[0]", "tags[1]", "tags[2]", "notes: at most 10000"} {
		require.ErrorContains(t, err, want)
	}
}
