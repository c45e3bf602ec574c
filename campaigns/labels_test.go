package campaigns_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
)

// Tags and notes may be changed whatever became of the campaign; what is archived comes
// back when it is sent again.
func TestLabelsOfCampaigns(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	c := f.campaign()
	c.Tags, c.Notes = []string{" Black   Friday", "news", "NEWS"}, " for Bea "
	made, err := f.Create(ctx, c)
	require.NoError(t, err)
	require.Equal(t, []string{"black friday", "news"}, made.Tags)
	require.Equal(t, "for Bea", made.Notes)
	copied, err := f.Duplicate(ctx, f.Account, made.ID, "")
	require.NoError(t, err)
	require.Equal(t, made.Tags, copied.Tags)
	require.Empty(t, copied.Notes)

	for field, wrong := range map[string]campaigns.Campaign{
		"tags[1]": {Tags: []string{"a", "  "}}, "tags[0]": {Tags: []string{strings.Repeat("x", 51)}}, "tags": {Tags: strings.Split("abcdefghijklmnopqrstu", "")},
		"notes": {Notes: strings.Repeat("x", 10_001)},
	} {
		wrong.ID, wrong.AccountID = made.ID, f.Account
		_, err := f.Label(ctx, wrong)
		require.True(t, fault.Is(err, fault.Invalid), field)
		require.ErrorContains(t, err, field)
	}
	_, err = f.Start(ctx, f.Account, made.ID, true)
	require.NoError(t, err)
	_, err = f.Archive(ctx, f.Account, made.ID, "me")
	require.True(t, fault.Is(err, fault.Conflict), "it is running")
	_, err = f.Cancel(ctx, f.Account, made.ID, "me")
	require.NoError(t, err)
	made.Tags, made.Notes = []string{"over"}, ""
	made, err = f.Label(ctx, made)
	require.NoError(t, err)
	require.Equal(t, []string{"over"}, made.Tags)
	made, err = f.Archive(ctx, f.Account, made.ID, "me")
	require.NoError(t, err)
	require.NotNil(t, made.ArchivedAt)
	list, err := f.List(ctx, f.Account, campaigns.Filter{Tag: "OVER"}, 0, 10)
	require.NoError(t, err)
	require.Empty(t, list)
	made, err = f.Unarchive(ctx, f.Account, made.ID, "me")
	require.NoError(t, err)
	require.Nil(t, made.ArchivedAt)
}
