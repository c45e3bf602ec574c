package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/store/storetest"
	"carillon/templates"
)

// Whoever asks is answered once, by however many that answer; what is taken down of it
// is forgotten in time.
func TestAPullIsAnsweredOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 3)
		fake := s.FakeTime()
		_, err := s.SaveSnippet(ctx, templates.Snippet{AccountID: j.AccountID, Name: "footer", Text: "Yours"}, true)
		require.NoError(t, err)
		s.Exec(`UPDATE campaigns SET content = '{"text":"Menu {% render ''footer'' %}"}' WHERE id = ?`, j.Campaign)
		require.NoError(t, s.Publish(ctx, j.AccountID, campaigns.Publication{
			CampaignID: j.Campaign, ChannelID: j.Channel.ID, Keywords: []string{"menu"}, From: fake.Now(), By: "me",
		}))
		taken, err := s.TakeReplies(ctx, []contacts.Reply{{AccountID: j.AccountID, ChannelID: j.Channel.ID, Kind: j.Channel.Address, Address: "p1@example.com",
			ProviderID: "a", Text: "Menu", Word: "menu", At: fake.Now()}})
		require.NoError(t, err)
		require.Equal(t, 1, taken)
		pulls, err := s.OpenPulls(ctx)
		require.NoError(t, err)
		require.Len(t, pulls, 1)
		p := pulls[0]
		require.Equal(t, [3]any{j.Campaign, int64(1), "p1@example.com"}, [3]any{p.CampaignID, p.ContactID, p.Address})
		require.Equal(t, map[string]string{"footer": "Yours"}, p.Snippets, "as it was when it was published")

		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = s.CreateMessage(ctx, messages.Outgoing{AccountID: j.AccountID, ChannelID: j.Channel.ID, Address: p.Address, Content: []byte(`{"text":"x"}`),
					ReplyID: p.ReplyID})
			})
		}
		wg.Wait()
		failed := 0
		for _, err := range errs {
			if err != nil {
				require.True(t, fault.Is(err, fault.Conflict), "%v", err)
				failed++
			}
		}
		require.Equal(t, len(errs)-1, failed)
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM messages"))
		require.NoError(t, s.FailPull(ctx, p.ReplyID, "late"), "it changes nothing")
		got, err := s.GetPublication(ctx, j.AccountID, j.Campaign)
		require.NoError(t, err)
		require.Equal(t, [2]int64{1, 0}, [2]int64{got.Answered, got.Failed})
		pulls, err = s.OpenPulls(ctx)
		require.NoError(t, err)
		require.Empty(t, pulls)

		fake.Advance(31 * 24 * time.Hour)
		for more := true; more; {
			more, err = s.Housekeep(ctx)
			require.NoError(t, err)
		}
		require.Zero(t, s.Int("SELECT COUNT(*) FROM pulls"))
	})
}
