package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
	"carillon/store"
	"carillon/store/storetest"
)

// Whatever withdraws messages changes the version, and what was withdrawn may not
// be sent any more although it was claimed.
func TestWhatIsWithdrawnAfterItsClaimIsNotSendable(t *testing.T) {
	for name, withdraw := range map[string]struct {
		do   func(t *testing.T, j *journey)
		left int // of six
	}{
		"pause": {func(t *testing.T, j *journey) {
			require.NoError(t, j.PauseCampaign(t.Context(), j.AccountID, j.Campaign, "me"))
		}, 0},
		"cancel": {func(t *testing.T, j *journey) {
			require.NoError(t, j.CancelCampaign(t.Context(), j.AccountID, j.Campaign, "me"))
		}, 0},
		"pause of the channel": {func(t *testing.T, j *journey) {
			require.NoError(t, j.PauseChannel(t.Context(), j.AccountID, j.Channel.ID, "me"))
		}, 0},
		"opt-out": {func(t *testing.T, j *journey) {
			_, err := j.OptOut(t.Context(), contacts.ConsentChange{AccountID: j.AccountID, Kind: providers.Email, Address: "p2@example.com", Source: "test",
				Actor: "me"})
			require.NoError(t, err)
		}, 5},
		"suppression": {func(t *testing.T, j *journey) {
			_, err := j.SuppressAll(t.Context(), j.AccountID, []contacts.Suppression{{Kind: providers.Email, Address: "p2@example.com", Reason: "complained"}},
				"test", "me")
			require.NoError(t, err)
		}, 5},
		"deletion": {func(t *testing.T, j *journey) {
			c, err := j.FindContact(t.Context(), j.AccountID, providers.Email, "p2@example.com")
			require.NoError(t, err)
			require.NoError(t, j.DeleteContact(t.Context(), j.AccountID, c.ID))
		}, 5},
		"block": {func(t *testing.T, j *journey) {
			c, err := j.FindContact(t.Context(), j.AccountID, providers.Email, "p2@example.com")
			require.NoError(t, err)
			_, err = j.UpdateContact(t.Context(), j.AccountID, c.ID, func(c *contacts.Contact) error { c.Status = contacts.Blocked; return nil })
			require.NoError(t, err)
		}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *storetest.Store) {
				j := newJourney(t, s, 6)
				run := j.Start()
				j.PlanAll(run.ID, 100)
				before, err := s.HaltVersion(t.Context())
				require.NoError(t, err)
				claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
				same, err := s.HaltVersion(t.Context())
				require.NoError(t, err)
				require.Equal(t, before, same)
				allowed, err := s.Sendable(t.Context(), j.Channel.ID, j.Revision(), run.ID, claimed)
				require.NoError(t, err)
				require.Len(t, allowed, 6)
				withdraw.do(t, j)
				after, err := s.HaltVersion(t.Context())
				require.NoError(t, err)
				require.NotEqual(t, before, after)
				allowed, err = s.Sendable(t.Context(), j.Channel.ID, j.Revision(), run.ID, claimed)
				require.NoError(t, err)
				require.Len(t, allowed, withdraw.left)
				require.NoError(t, j.Writer.Record(t.Context(), j.notAsked(run.ID, 1, claimed)))
				j.Balanced(run.ID)
				for _, id := range claimed {
					require.Zero(t, j.message(id).Attempt, "at no cost")
				}
			})
		})
	}
}

// A process that knows nothing of a withdrawal sees it within HaltSeen, for which
// whoever withdraws waits if anything is in flight.
func TestAWithdrawalIsSeenByOtherProcessesBeforeItsAnswer(t *testing.T) {
	dsn := storetest.Postgres(t)
	here, there := storetest.Open(t, dsn), storetest.Open(t, dsn)
	j := newJourney(t, here, 6)
	run := j.Start()
	j.PlanAll(run.ID, 100)
	j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 100))
	for range 5 {
		before, err := there.HaltVersion(t.Context())
		require.NoError(t, err)
		began := clock.System{}.Now()
		_, err = here.SuppressAll(t.Context(), j.AccountID, []contacts.Suppression{{Kind: providers.Email, Address: began.String(), Reason: "complained"}},
			"test", "me")
		require.NoError(t, err)
		require.GreaterOrEqual(t, clock.System{}.Now().Sub(began), store.HaltSeen)
		after, err := there.HaltVersion(t.Context())
		require.NoError(t, err)
		require.Greater(t, after, before)
	}
	require.Equal(t, int64(6), j.Counts(run.ID)[messages.Sending])
}

// What was claimed for another configuration, or got its slots by other limits, is not
// sent so, and the workers look when there is a change.
func TestAChangedConfigurationWithdrawsClaims(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 9)
		sealed, err := storetest.Box(t).Seal([]byte("{}"))
		require.NoError(t, err)
		s.Exec("UPDATE channels SET config = ? WHERE id = ?", sealed, j.Channel.ID)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		claimed := j.Claim(run.ID, 1, j.Feed(run.ID, []int64{1}, 4))
		c, err := s.GetChannel(ctx, j.AccountID, j.Channel.ID)
		require.NoError(t, err)
		before, err := s.HaltVersion(ctx)
		require.NoError(t, err)
		allowed, err := s.Sendable(ctx, c.ID, c.UpdatedAt, run.ID, claimed)
		require.NoError(t, err)
		require.ElementsMatch(t, claimed, allowed)
		for _, change := range []func(){
			func() { c.Config = []byte(`{"latency_ms":1}`) },
			func() { c.Limits.PerSecond = 3 },
		} {
			old := c.UpdatedAt
			change()
			c, err = s.UpdateChannel(ctx, c)
			require.NoError(t, err)
			after, err := s.HaltVersion(ctx)
			require.NoError(t, err)
			require.NotEqual(t, before, after)
			before = after
			revision, err := s.ChannelRevision(ctx, c.ID)
			require.NoError(t, err)
			require.True(t, revision.Equal(c.UpdatedAt))
			require.False(t, revision.Equal(old))
			allowed, err = s.Sendable(ctx, c.ID, old, run.ID, claimed)
			require.NoError(t, err)
			require.Empty(t, allowed)
			allowed, err = s.Sendable(ctx, c.ID, revision, run.ID, claimed)
			require.NoError(t, err)
			require.ElementsMatch(t, claimed, allowed)
		}
		c.Name = "renamed"
		_, err = s.UpdateChannel(ctx, c)
		require.NoError(t, err)
		after, err := s.HaltVersion(ctx)
		require.NoError(t, err)
		require.Equal(t, before, after, "nobody need look")
	})
}
