package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/campaigns/schedule"
	"carillon/internal/fault"
	"carillon/store/storetest"
	"carillon/targeting"
	"carillon/templates"
)

// Campaigns are found by name in any case, tag, kind and status, page by page.
func TestCampaignsAreFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account, other := s.Account("a"), s.Account("b")
		channel := testChannel(t, s, account, "news").ID
		create := func(account int64, c campaigns.Campaign) int64 {
			c.AccountID, c.ChannelID, c.Weight, c.Audience = account, channel, 1, targeting.Audience{All: true}
			made, err := s.CreateCampaign(ctx, c)
			require.NoError(t, err)
			return made.ID
		}
		found := func(f campaigns.Filter) []int64 {
			f.AccountID = account
			if f.Limit == 0 {
				f.Limit = 10
			}
			list, err := s.ListCampaigns(ctx, f)
			require.NoError(t, err)
			ids := []int64{}
			for _, c := range list {
				ids = append(ids, c.ID)
			}
			return ids
		}
		about := func(tags ...string) campaigns.About { return campaigns.About{Tags: tags, Notes: "n"} }
		letter := create(account, campaigns.Campaign{Name: "GRÜSSE im Mai", About: about("mai", "spring")})
		notice := create(account, campaigns.Campaign{Name: "100% Grüße", Template: &templates.Use{Name: "x"}, About: about("spring")})
		weekly := create(account, campaigns.Campaign{Name: "Weekly", Schedule: campaigns.Schedule{Schedule: schedule.Schedule{Every: "2h"}}})
		create(other, campaigns.Campaign{Name: "Grüsse", About: about("spring")})

		require.Equal(t, []int64{weekly, notice, letter}, found(campaigns.Filter{}))
		require.Equal(t, []int64{letter}, found(campaigns.Filter{Search: "grüsse IM"}))
		require.Equal(t, []int64{notice}, found(campaigns.Filter{Search: "100%"}))
		require.Empty(t, found(campaigns.Filter{Search: "1_0"}))
		require.Equal(t, []int64{notice, letter}, found(campaigns.Filter{Tag: " Spring "}))
		require.Equal(t, []int64{letter}, found(campaigns.Filter{Tag: "spring", Search: "mai"}))
		for kind, id := range map[campaigns.Kind]int64{campaigns.Newsletter: letter, campaigns.NotificationKind: notice, campaigns.RecurringKind: weekly} {
			require.Equal(t, []int64{id}, found(campaigns.Filter{Kind: kind}))
		}
		require.Equal(t, []int64{notice}, found(campaigns.Filter{Search: "GRÜ", Limit: 1}))
		require.Equal(t, []int64{letter}, found(campaigns.Filter{Search: "GRÜ", Limit: 1, Before: notice}))
		require.Empty(t, found(campaigns.Filter{Search: "GRÜ", Before: letter}))

		// What they are found by changes with them.
		require.NoError(t, s.DescribeCampaign(ctx, account, letter, about("autumn")))
		require.Equal(t, []int64{notice}, found(campaigns.Filter{Tag: "spring"}))
		require.Equal(t, []int64{letter}, found(campaigns.Filter{Tag: "autumn"}))
		c, err := s.GetCampaign(ctx, account, letter)
		require.NoError(t, err)
		require.Equal(t, about("autumn"), c.About)
		c.Schedule.Every = "3h"
		_, err = s.UpdateCampaign(ctx, c)
		require.NoError(t, err)
		require.Equal(t, []int64{weekly, letter}, found(campaigns.Filter{Kind: campaigns.RecurringKind}))
		require.True(t, fault.Is(s.DescribeCampaign(ctx, other, letter, about()), fault.NotFound))
		require.NoError(t, s.DeleteCampaign(ctx, account, letter))
		require.Empty(t, found(campaigns.Filter{Tag: "autumn"}))
	})
}

// A search reads on until it has its page, however few have the name.
func TestASearchReadsOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("a")
		channel := testChannel(t, s, account, "news").ID
		var first int64
		for i := range 3 {
			c, err := s.CreateCampaign(t.Context(), campaigns.Campaign{AccountID: account, ChannelID: channel, Name: fmt.Sprintf("Needle %d", i), Weight: 1,
				Audience: targeting.Audience{All: true}})
			require.NoError(t, err)
			if i == 0 {
				first = c.ID
				s.Exec(`INSERT INTO campaigns (account_id, name, channel_id, audience, content, schedule, throttle, status, created_at, updated_at)
					WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
					SELECT account_id, 'hay', channel_id, audience, content, schedule, throttle, status, created_at, updated_at FROM campaigns, n`)
			}
		}
		list, err := s.ListCampaigns(t.Context(), campaigns.Filter{AccountID: account, Search: "needle", Limit: 3})
		require.NoError(t, err)
		require.Len(t, list, 3)
		require.Equal(t, first, list[2].ID)
	})
}

// A campaign that has ended is archived, and listed no more unless it is asked for.
func TestArchive(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, now := t.Context(), time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
		account := s.Account("a")
		c, err := s.CreateCampaign(ctx, campaigns.Campaign{AccountID: account, ChannelID: testChannel(t, s, account, "news").ID, Name: "x", Weight: 1,
			Audience: targeting.Audience{All: true}})
		require.NoError(t, err)
		listed := func(a campaigns.Archival) int {
			list, err := s.ListCampaigns(ctx, campaigns.Filter{AccountID: account, Archived: a, Limit: 10})
			require.NoError(t, err)
			return len(list)
		}
		require.True(t, fault.Is(s.ArchiveCampaign(ctx, account, c.ID, &now), fault.Conflict), "a draft is deleted instead")
		for _, status := range []string{"finished", "canceled", "failed"} {
			s.Exec("UPDATE campaigns SET status = ?", status)
			require.NoError(t, s.ArchiveCampaign(ctx, account, c.ID, &now))
			require.Equal(t, []int{0, 1, 1}, []int{listed(campaigns.NotArchived), listed(campaigns.OnlyArchived), listed(campaigns.AndArchived)})
			kept, err := s.GetCampaign(ctx, account, c.ID)
			require.NoError(t, err)
			require.Equal(t, now, kept.ArchivedAt.UTC())
			s.Exec("UPDATE campaigns SET status = 'running'")
			require.Equal(t, []int{1, 0, 1}, []int{listed(campaigns.NotArchived), listed(campaigns.OnlyArchived), listed(campaigns.AndArchived)},
				"what is sent again is listed")
			s.Exec("UPDATE campaigns SET status = ?", status)
			require.NoError(t, s.ArchiveCampaign(ctx, account, c.ID, nil))
			require.Equal(t, 1, listed(campaigns.NotArchived))
		}
	})
}
