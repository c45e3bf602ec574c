package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/messages"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/store/storetest"
)

func TestSlotsAreKeptAndNeverTakenBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		noon := s.FakeTime().Now()
		latest, err := s.LatestSlots(t.Context(), 7, 3)
		require.NoError(t, err)
		require.Zero(t, latest)
		require.NoError(t, s.NoteSlots(t.Context(), 7, 3, messages.LatestSlots{Channel: noon.Add(time.Hour), Campaign: noon}))
		require.NoError(t, s.NoteSlots(t.Context(), 7, 3, messages.LatestSlots{Channel: noon}))
		require.NoError(t, s.NoteSlots(t.Context(), 7, 4, messages.LatestSlots{Campaign: noon.Add(time.Minute)}))
		require.NoError(t, s.NoteSlots(t.Context(), 8, 3, messages.LatestSlots{Channel: noon.Add(2 * time.Hour)}))
		for campaign, want := range map[int64]messages.LatestSlots{
			3: {Channel: noon.Add(time.Hour), Campaign: noon}, 4: {Channel: noon.Add(time.Hour), Campaign: noon.Add(time.Minute)},
			5: {Channel: noon.Add(time.Hour)},
		} {
			latest, err = s.LatestSlots(t.Context(), 7, campaign)
			require.NoError(t, err)
			require.Equal(t, want, latest)
		}
	})
}

func TestAnEpochCountsResumptionsAndConfigurations(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("one")
		c, err := s.CreateChannel(t.Context(), providers.Channel{AccountID: account, Name: "mail", Provider: "smtp", Config: json.RawMessage(`{"host":"a"}`),
			Address: providers.Email})
		require.NoError(t, err)
		c.Limits.PerSecond = 50
		c, err = s.UpdateChannel(t.Context(), c)
		require.NoError(t, err)
		require.Zero(t, c.Epoch, "the same service as before")
		c.Config = json.RawMessage(`{"host":"b"}`)
		c, err = s.UpdateChannel(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, int64(1), c.Epoch)
		require.NoError(t, s.PauseChannel(t.Context(), account, c.ID, "test"))
		require.NoError(t, s.ResumeChannel(t.Context(), account, c.ID, "test"))
		c, err = s.GetChannel(t.Context(), account, c.ID)
		require.NoError(t, err)
		require.Equal(t, int64(2), c.Epoch)
	})
}

// What waits by limits that have changed may go now; what waits for other reasons
// goes on waiting, unless the channel begins anew.
func TestReconsider(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		now := s.FakeTime()
		account := s.Account("one")
		c, err := s.CreateChannel(t.Context(), providers.Channel{AccountID: account, Name: "mail", Provider: "smtp", Config: json.RawMessage(`{"host":"a"}`),
			Address: providers.Email})
		require.NoError(t, err)
		reasons := map[string]string{"a": messages.ReasonThrottled, "b": messages.ReasonRecipientPerDay, "c": messages.ReasonRecipientSpacing,
			"d": messages.ReasonTemporary, "e": messages.ReasonCapped, "f": ""}
		for address, reason := range reasons {
			m, err := s.CreateMessage(t.Context(), messages.Outgoing{AccountID: account, ChannelID: c.ID, Address: address, Content: []byte(`{}`)})
			require.NoError(t, err)
			later := now.Now().Add(time.Hour)
			s.Exec("UPDATE messages SET due_at = ?, reason = NULLIF(?, '') WHERE id = ?", sqldb.Millis(later), reason, m.ID)
		}
		due := func() string {
			for range 20 {
				more, err := s.Reconsider(t.Context())
				require.NoError(t, err)
				if !more {
					break
				}
			}
			list, err := s.ListMessages(t.Context(), messages.MessageFilter{AccountID: account, Limit: 10})
			require.NoError(t, err)
			var addresses [6]bool
			for _, m := range list {
				addresses[m.Address[0]-'a'] = m.DueAt == nil || !m.DueAt.After(now.Now())
			}
			text := ""
			for i, is := range addresses {
				if is {
					text += string(rune('a' + i))
				}
			}
			return text
		}
		require.Empty(t, due(), "nothing has changed")
		c.Limits.PerSecond = 50
		c, err = s.UpdateChannel(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, "abc", due())
		c.Name = "post"
		_, err = s.UpdateChannel(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, "abc", due())
		require.NoError(t, s.ResumeChannel(t.Context(), account, c.ID, "test"))
		require.Equal(t, "abcd", due())
	})
}

// A due time that an old limit gave does not come after the change.
func TestWhatIsGivenBackByAnOldLimitDoesNotWaitByIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		now := s.FakeTime()
		account := s.Account("one")
		c, err := s.CreateChannel(t.Context(), providers.Channel{AccountID: account, Name: "mail", Provider: "smtp", Config: json.RawMessage(`{}`),
			Address: providers.Email})
		require.NoError(t, err)
		m, err := s.CreateMessage(t.Context(), messages.Outgoing{AccountID: account, ChannelID: c.ID, Address: "a", Content: []byte(`{}`)})
		require.NoError(t, err)
		giveBack := func(asOf time.Time) time.Time {
			fed, err := s.Feed(t.Context(), messages.FeedRequest{ChannelID: c.ID, Envelopes: []int64{9}, PerEnvelope: 1})
			require.NoError(t, err)
			require.Len(t, fed, 1)
			require.NoError(t, s.Unqueue(t.Context(), messages.Unqueuing{RunID: 0, ChannelID: c.ID, EnvelopeID: 9, MessageIDs: []int64{m.ID},
				Due: messages.Due{At: now.Now().Add(time.Hour), Reason: messages.ReasonRecipientPerDay, AsOf: asOf}}))
			m, err := s.GetMessage(t.Context(), account, m.ID)
			require.NoError(t, err)
			require.NotNil(t, m.DueAt)
			return m.DueAt.UTC()
		}
		old := c.UpdatedAt
		c.Limits.RecipientsPerDay = 5
		c, err = s.UpdateChannel(t.Context(), c)
		require.NoError(t, err)
		require.Equal(t, now.Now(), giveBack(old))
		require.Equal(t, now.Now().Add(time.Hour), giveBack(c.UpdatedAt))
	})
}

func TestPooledChannelsAreThoseOfAName(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		account := s.Account("one")
		of := func(account int64, name, pool string) int64 {
			c, err := s.CreateChannel(t.Context(), providers.Channel{AccountID: account, Name: name, Provider: "whatsapp", Config: json.RawMessage(`{}`),
				Limits: providers.Limits{RecipientsPerDay: 5, RecipientsPool: pool}})
			require.NoError(t, err)
			return c.ID
		}
		first, second := of(account, "a", "shop"), of(account, "b", "shop")
		of(account, "c", "another")
		of(account, "d", "")
		of(s.Account("another"), "a", "shop")
		require.NoError(t, s.DeleteChannel(t.Context(), account, second))
		members, err := s.PooledChannels(t.Context(), account, "shop")
		require.NoError(t, err)
		require.Equal(t, []int64{first, second}, members, "what a deleted one has sent counts, too")
	})
}
