package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/campaigns/schedule"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/storetest"
	"carillon/targeting"
)

// testDraft is a campaign of the account's that the store has not seen.
func testDraft(t *testing.T, s *storetest.Store, account int64) campaigns.Campaign {
	channel, err := s.CreateChannel(t.Context(), providers.Channel{AccountID: account, Name: "drafts", Provider: "sandbox", Address: providers.Email,
		Config: []byte(`{}`)})
	require.NoError(t, err)
	return campaigns.Campaign{
		AccountID: account, Name: "Spring", ChannelID: channel.ID, Audience: targeting.Audience{All: true},
		Content:  providers.Content{Subject: "s", Text: "t", Attachment: &providers.Attachment{URL: "https://example.org/x"}},
		Schedule: campaigns.Schedule{At: "2026-12-01T09:00", Schedule: schedule.Schedule{Timezone: "Europe/Berlin"}},
		Throttle: campaigns.Throttle{PerSecond: 3, MaxAttempts: 2}, Weight: 7,
	}
}

func TestCampaigns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		clock := s.FakeTime()
		account, other := s.Account("one"), s.Account("two")
		draft := testDraft(t, s, account)
		made, err := s.CreateCampaign(ctx, draft)
		require.NoError(t, err)
		want := draft
		want.ID, want.Status, want.Version, want.CreatedAt, want.UpdatedAt = made.ID, campaigns.Draft, 1, clock.Now(), clock.Now()
		want.Number = 1 // the account's first
		want.Audience.Of.CampaignID = made.ID
		require.Equal(t, want, made)
		got, err := s.GetCampaign(ctx, account, made.ID)
		require.NoError(t, err)
		require.Equal(t, want, got)
		_, err = s.GetCampaign(ctx, other, made.ID)
		require.True(t, fault.Is(err, fault.NotFound))

		clock.Advance(time.Minute)
		want.Name, want.Audience, want.Version, want.UpdatedAt = "Summer", targeting.Audience{Contacts: []int64{1}, Of: want.Audience.Of}, 2, clock.Now()
		got, err = s.UpdateCampaign(ctx, want)
		require.NoError(t, err)
		require.Equal(t, want, got)
		stranger := want
		stranger.AccountID = other
		_, err = s.UpdateCampaign(ctx, stranger)
		require.True(t, fault.Is(err, fault.NotFound))

		second, err := s.CreateCampaign(ctx, draft)
		require.NoError(t, err)
		list, err := s.ListCampaigns(ctx, campaigns.Filter{AccountID: account, Limit: 10})
		require.NoError(t, err)
		require.Equal(t, []int64{second.ID, made.ID}, []int64{list[0].ID, list[1].ID})
		list, err = s.ListCampaigns(ctx, campaigns.Filter{AccountID: account, Status: campaigns.Draft, Before: second.ID, Limit: 10})
		require.NoError(t, err)
		require.Len(t, list, 1)
		list, err = s.ListCampaigns(ctx, campaigns.Filter{AccountID: account, Status: campaigns.Running, Limit: 10})
		require.NoError(t, err)
		require.Empty(t, list)

		// What became scheduled meanwhile is not overwritten by an older view.
		require.NoError(t, s.ScheduleCampaign(ctx, account, made.ID, clock.Now().Add(time.Hour)))
		_, err = s.UpdateCampaign(ctx, want)
		require.True(t, fault.Is(err, fault.Conflict))
		require.True(t, fault.Is(s.DeleteCampaign(ctx, account, made.ID), fault.Conflict))
		require.True(t, fault.Is(s.DeleteCampaign(ctx, other, second.ID), fault.NotFound))
		require.NoError(t, s.DeleteCampaign(ctx, account, second.ID))
		_, err = s.StartRun(ctx, account, made.ID, clock.Now())
		require.NoError(t, err)
		// What is under way keeps what it says and to whom, and can be slowed down.
		running, err := s.GetCampaign(ctx, account, made.ID)
		require.NoError(t, err)
		slower := running
		slower.Name, slower.Throttle.PerSecond, slower.Weight = "renamed", 7, 3
		slower, err = s.UpdateCampaign(ctx, slower)
		require.NoError(t, err)
		require.Equal(t, []any{"renamed", 7.0, 3, running.Version}, []any{slower.Name, slower.Throttle.PerSecond, slower.Weight, slower.Version})
		said, whom := slower, slower
		said.Content.Text = "another"
		_, err = s.UpdateCampaign(ctx, said)
		require.ErrorContains(t, err, "/correct")
		whom.Audience.All = !whom.Audience.All
		_, err = s.UpdateCampaign(ctx, whom)
		require.ErrorContains(t, err, "--rest")
	})
}

// What is scheduled and paused before it fires can be changed as if it were not paused, and
// fires at its time once it is resumed.
func TestAScheduledCampaignIsChangedWhilePaused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 3)
		now := s.FakeTime().Now()
		at, later := now.Add(time.Hour), now.Add(2*time.Hour)
		require.NoError(t, s.ScheduleCampaign(t.Context(), j.AccountID, j.Campaign, at))
		j.pause()
		c, err := s.GetCampaign(t.Context(), j.AccountID, j.Campaign)
		require.NoError(t, err)
		c.Content.Text, c.NextFireAt = "another", &later
		_, err = s.UpdateCampaign(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, 0, s.Int("SELECT COUNT(*) FROM campaigns WHERE id = ? AND look_at IS NOT NULL", j.Campaign), "nothing fires while it is paused")
		j.resume()
		c, err = s.GetCampaign(t.Context(), j.AccountID, j.Campaign)
		require.NoError(t, err)
		require.Equal(t, later.UnixMilli(), c.NextFireAt.UnixMilli())
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM campaigns WHERE id = ? AND look_at = next_fire_at", j.Campaign))
	})
}

func TestCheckAudience(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account, other := s.Account("one"), s.Account("two")
		group, err := s.CreateGroup(ctx, account, "g")
		require.NoError(t, err)
		foreign, err := s.CreateGroup(ctx, other, "g")
		require.NoError(t, err)
		made, err := s.CreateCampaign(ctx, testDraft(t, s, account))
		require.NoError(t, err)
		wrong, err := s.CheckAudience(ctx, account, &targeting.Audience{Groups: []int64{group.ID}, Exclude: &targeting.Exclude{Campaigns: []int64{made.ID}}})
		require.NoError(t, err)
		require.Empty(t, wrong)
		wrong, err = s.CheckAudience(ctx, account, &targeting.Audience{
			Groups: []int64{group.ID, foreign.ID}, Uploads: []int64{group.ID}, Contacts: []int64{1},
			Exclude: &targeting.Exclude{Groups: []int64{99}, Uploads: []int64{98}, Contacts: []int64{97}, Campaigns: []int64{96}},
		})
		require.NoError(t, err)
		var where []string
		for _, f := range wrong {
			where = append(where, f.Location)
		}
		require.Equal(t, []string{
			"audience.uploads[0]", "audience.groups[1]", "audience.contacts[0]", "audience.exclude.uploads[0]",
			"audience.exclude.groups[0]", "audience.exclude.contacts[0]", "audience.exclude.campaigns[0]",
		}, where)
		unfinished, err := s.UnfinishedUploads(ctx, account, []int64{1, 2})
		require.NoError(t, err)
		require.Empty(t, unfinished)
	})
}
