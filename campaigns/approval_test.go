package campaigns_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/targeting"
)

func TestApproval(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	ann, bob := campaigns.By{KeyID: 1, Actor: "key 1 (ann)"}, campaigns.By{KeyID: 2, Actor: "key 2 (bob)"}
	free := f.create(t)
	_, err := f.Start(ctx, f.Account, free.ID, false)
	require.NoError(t, err, "nothing is asked for")
	settings := campaigns.NewSettings(f.Store, messages.NewHosts(""))
	_, err = settings.Set(ctx, campaigns.Settings{AccountID: f.Account, ApprovalRequired: true})
	require.NoError(t, err)

	c := f.create(t)
	refused := func(want string) {
		t.Helper()
		for _, start := range []func() error{
			func() error { _, err := f.Start(ctx, f.Account, c.ID, false); return err },
			func() error {
				_, err := f.StartWith(ctx, f.Account, c.ID, campaigns.Starting{Undo: time.Second})
				return err
			},
		} {
			err := start()
			require.True(t, fault.Is(err, fault.Conflict), "%v", err)
			require.ErrorContains(t, err, want)
		}
		checks, err := f.Check(ctx, f.Account, c.ID)
		require.NoError(t, err)
		require.Equal(t, []string{"approval "}, coded(checks.Blockers))
		require.Contains(t, checks.Blockers[0].Message, want)
	}
	refused("needs approval before it is started")
	_, err = f.Approve(ctx, f.Account, c.ID, bob)
	require.ErrorContains(t, err, "was not proposed")
	_, err = f.Propose(ctx, f.Account, c.ID, ann)
	require.NoError(t, err)
	refused("waits for approval: it was proposed by key 1 (ann)")
	_, err = f.Approve(ctx, f.Account, c.ID, ann)
	require.True(t, fault.Is(err, fault.Forbidden), "%v", err)
	bob.Note = "the price is wrong"
	_, err = f.Reject(ctx, f.Account, c.ID, bob)
	require.NoError(t, err)
	refused("was rejected by key 2 (bob)")
	_, err = f.Approve(ctx, f.Account, c.ID, campaigns.By{KeyID: 3})
	require.ErrorContains(t, err, "was rejected")

	// Whatever is changed voids it: of what it says, to whom, when and by which channel.
	for what, change := range map[string]func(*campaigns.Campaign){
		"content":  func(c *campaigns.Campaign) { c.Content.Subject += "!" },
		"audience": func(c *campaigns.Campaign) { c.Audience.Exclude = &targeting.Exclude{Contacts: []int64{1}} },
		"schedule": func(c *campaigns.Campaign) { c.Schedule.At = "2027-01-01T09:00" },
		"hours":    func(c *campaigns.Campaign) { c.Schedule.ExpiresAfter = "48h" },
	} {
		_, err = f.Propose(ctx, f.Account, c.ID, ann)
		require.NoError(t, err)
		kept, err := f.Get(ctx, f.Account, c.ID)
		require.NoError(t, err)
		before := kept
		change(&kept)
		_, err = f.Update(ctx, kept)
		require.NoError(t, err, what)
		_, err = f.Approve(ctx, f.Account, c.ID, bob)
		require.ErrorContains(t, err, "has changed since it was proposed", what)
		_, err = f.Update(ctx, before)
		require.NoError(t, err)
		_, err = f.Approve(ctx, f.Account, c.ID, bob)
		require.NoError(t, err, "it is again what was proposed")
		_, err = f.Update(ctx, kept)
		require.NoError(t, err)
		_, err = f.Start(ctx, f.Account, c.ID, false)
		require.ErrorContains(t, err, "is not what was approved", what)
		a, err := f.Approval(ctx, f.Account, c.ID)
		require.NoError(t, err)
		require.Equal(t, [2]any{campaigns.Approved, false}, [2]any{a.State, a.Current})
		_, err = f.Update(ctx, before)
		require.NoError(t, err)
	}
	_, err = f.Schedule(ctx, f.Account, c.ID, campaigns.Schedule{At: "2027-01-01T09:00"})
	require.ErrorContains(t, err, "is not what was approved", "another time")
	kept, err := f.Get(ctx, f.Account, c.ID)
	require.NoError(t, err)
	require.Empty(t, kept.Schedule.At, "nothing was changed")
	a, err := f.Approval(ctx, f.Account, c.ID)
	require.NoError(t, err)
	require.Equal(t, campaigns.Approval{CampaignID: c.ID, State: campaigns.Approved, Current: true, ProposedBy: 1, Proposer: "key 1 (ann)", ProposedAt: noon,
		DecidedBy: 2, Decider: "key 2 (bob)", DecidedAt: &noon, Note: "the price is wrong"}, a)
	started, err := f.StartWith(ctx, f.Account, c.ID, campaigns.Starting{Undo: time.Minute})
	require.NoError(t, err)

	require.Equal(t, campaigns.Scheduled, started.Status)
	_, err = f.Propose(ctx, f.Account, c.ID, ann)
	require.ErrorContains(t, err, "only a draft")
}

// A time that was approved is not to be had sooner.
func TestWhatWasApprovedForATimeIsNotStartedNow(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	_, err := campaigns.NewSettings(f.Store, messages.NewHosts("")).Set(ctx, campaigns.Settings{AccountID: f.Account, ApprovalRequired: true})
	require.NoError(t, err)
	made := f.campaign()
	made.Schedule.At = "2027-01-01T09:00"
	c, err := f.Create(ctx, made)
	require.NoError(t, err)
	_, err = f.Propose(ctx, f.Account, c.ID, campaigns.By{KeyID: 1})
	require.NoError(t, err)
	_, err = f.Approve(ctx, f.Account, c.ID, campaigns.By{KeyID: 2})
	require.NoError(t, err)
	_, err = f.Start(ctx, f.Account, c.ID, true)
	require.ErrorContains(t, err, "is not what was approved")
	started, err := f.Start(ctx, f.Account, c.ID, false)
	require.NoError(t, err)
	require.Equal(t, campaigns.Scheduled, started.Status)
	started.Content.Subject = "Another"
	_, err = f.Update(ctx, started)
	require.ErrorContains(t, err, "is scheduled as it was approved and can't be changed")
}
