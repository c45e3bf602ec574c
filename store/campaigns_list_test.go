package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/store/storetest"
)

// Campaigns are found again by tags, and by what their names and notes contain, in any
// case and any letters, page by page, also among very many.
func TestCampaignsAreFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 1)
		add := func(name, notes string, tags ...string) int64 {
			t.Helper()
			id := j.NewCampaign(`{"all":true}`)
			s.Exec("UPDATE campaigns SET name = ? WHERE id = ?", name, id)
			c, err := s.LabelCampaign(ctx, campaigns.Campaign{ID: id, AccountID: j.AccountID, Tags: tags, Notes: notes})
			require.NoError(t, err)
			require.Equal(t, notes, c.Notes)
			require.ElementsMatch(t, tags, c.Tags)
			return id
		}
		find := func(f campaigns.Filter) (ids []int64) {
			t.Helper()
			for before := int64(0); ; before = ids[len(ids)-1] { // two at a time
				list, err := s.ListCampaigns(ctx, j.AccountID, f.Normal(), before, 2)
				require.NoError(t, err)
				for _, c := range list {
					ids = append(ids, c.ID)
				}
				if len(list) < 2 {
					return ids
				}
			}
		}
		s.Exec("DELETE FROM campaigns")
		spring := add("Frühling ÄRGER", "", "news", "a%b")
		summer := add("Sommer", "for Bea: the FRÜHLING one went well", "news", "new")
		odd := add(`100%_"\`, "", `a"b`, "axb")
		require.Equal(t, []int64{odd, summer, spring}, find(campaigns.Filter{}))
		require.Equal(t, []int64{summer, spring}, find(campaigns.Filter{Search: " frühling "}))
		require.Equal(t, []int64{spring}, find(campaigns.Filter{Search: "ärger"}))
		require.Equal(t, []int64{odd}, find(campaigns.Filter{Search: `0%_"\`}), "nothing in it means something else")
		require.Empty(t, find(campaigns.Filter{Search: "0%s"}))
		require.Equal(t, []int64{summer, spring}, find(campaigns.Filter{Tag: "News"}))
		require.Equal(t, []int64{summer}, find(campaigns.Filter{Tag: "new"}), "not a part of another")
		require.Equal(t, []int64{spring}, find(campaigns.Filter{Tag: "a%b"}))
		require.Equal(t, []int64{odd}, find(campaigns.Filter{Tag: `a"b`}))
		require.Equal(t, []int64{summer}, find(campaigns.Filter{Tag: "news", Search: "bea"}))
		require.Empty(t, find(campaigns.Filter{Tag: "news", Status: campaigns.Running}))
		_, err := s.LabelCampaign(ctx, campaigns.Campaign{ID: spring, AccountID: j.AccountID + 1})
		require.True(t, fault.Is(err, fault.NotFound))

		// What is over can be archived: it is there for whoever asks.
		require.ErrorContains(t, s.ArchiveCampaign(ctx, j.AccountID, spring, true), "only one that is over can")
		s.Exec("UPDATE campaigns SET status = 'finished' WHERE id = ?", spring)
		require.NoError(t, s.ArchiveCampaign(ctx, j.AccountID, spring, true))
		first, err := s.GetCampaign(ctx, j.AccountID, spring)
		require.NoError(t, err)
		require.NotNil(t, first.ArchivedAt)
		require.Equal(t, []int64{odd, summer}, find(campaigns.Filter{}))
		require.Equal(t, []int64{spring}, find(campaigns.Filter{Archived: campaigns.OnlyArchived}))
		require.Equal(t, []int64{summer, spring}, find(campaigns.Filter{Archived: campaigns.AlsoArchived, Search: "frühling"}))
		require.NoError(t, s.ArchiveCampaign(ctx, j.AccountID, spring, false))
		require.Len(t, find(campaigns.Filter{}), 3)

		// A hundred thousand are searched in much less than a second.
		const many = 100_000
		s.Exec(`INSERT INTO campaigns (account_id, name, channel_id, audience, content, schedule, throttle, status, created_at, updated_at)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			SELECT c.account_id, 'Campaign ' || i, c.channel_id, c.audience, c.content, c.schedule, c.throttle, 'draft', 0, 0 FROM campaigns c, n WHERE c.id = ?`,
			many, odd)
		began := clock.System{}.Now()
		require.Equal(t, []int64{summer, spring}, find(campaigns.Filter{Search: "frühling"}))
		took := clock.System{}.Now().Sub(began)
		t.Logf("it took %v", took)
		require.Less(t, took, 3*time.Second, "two looks through all of them")
	})
}

func TestTagsAreKeptAsTheyAreCompared(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 1)
		require.NoError(t, s.ArchiveCampaign(t.Context(), j.AccountID, j.Campaign, false), "nothing is to be done")
		c, err := s.GetCampaign(t.Context(), j.AccountID, j.Campaign)
		require.NoError(t, err)
		require.Empty(t, c.Tags)
		require.Equal(t, campaigns.Filter{Tag: "é", Search: "x"}, campaigns.Filter{Tag: fmt.Sprintf(" %s ", "E\u0301"), Search: strings.ToUpper("x")}.Normal())
	})
}
