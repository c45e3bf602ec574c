package campaigns_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
)

// still is why nothing of a run goes out, which must promise no end then.
func (f fixture) still(t *testing.T, run campaigns.Run) campaigns.Standstill {
	t.Helper()
	pace, err := f.Pace(t.Context(), run)
	require.NoError(t, err)
	if pace.Still.Stands() && pace.Still.Reason != campaigns.StillDueLater {
		require.Nil(t, pace.End)
	}
	return pace.Still
}

// Each thing that keeps messages from going out is told in words, with what to do,
// and is gone when it is mended.
func TestAStandstillIsTold(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	run := f.limited(t, providers.Limits{PerSecond: 5}, campaigns.Throttle{})
	run.Counts = messages.Counts{messages.Pending: 50, messages.Sent: 50}
	run.CampaignID = f.create(t).ID
	moving := func() { require.Equal(t, campaigns.Standstill{}, f.still(t, run)) }
	moving()

	require.NoError(t, f.Store.PauseChannel(ctx, f.Account, f.Mail.ID, "me"))
	require.Equal(t, campaigns.Standstill{
		Reason: campaigns.StillChannelPaused, Since: noon,
		Words:  "Channel 1 (news) is paused since 2026-03-01 12:00:00 UTC: paused by me.",
		Remedy: "`carillon channel resume 1` lets it send again.",
	}, f.still(t, run))
	require.NoError(t, f.Store.ResumeChannel(ctx, f.Account, f.Mail.ID, "me"))
	moving()

	epoch := func() int64 {
		c, err := f.Store.GetChannel(ctx, f.Account, f.Mail.ID)
		require.NoError(t, err)
		return c.Epoch
	}
	require.NoError(t, f.Store.NoteHealth(ctx, f.Mail.ID, epoch(),
		providers.Health{State: providers.HealthDegraded, Reason: "no such host", Since: noon, NextTry: noon.Add(time.Minute)}))
	s := f.still(t, run)
	require.Equal(t, campaigns.StillDegraded, s.Reason)
	require.Equal(t, noon.Add(time.Minute), s.Until)
	require.Equal(t, "Channel 1 (news) is degraded since 2026-03-01 12:00:00 UTC, and the provider is asked again at 2026-03-01 12:01:00 UTC: no such host.",
		s.Words)
	require.NoError(t, f.Store.NoteHealth(ctx, f.Mail.ID, epoch(), providers.Health{State: providers.HealthHeld,
		Reason: "held by the provider until 2026-03-01T12:01:00Z", Since: noon, NextTry: noon.Add(time.Minute)}))
	s = f.still(t, run)
	require.Equal(t, campaigns.StillHeld, s.Reason)
	require.Contains(t, s.Words, "held by the provider until")
	f.Clock.Advance(time.Minute)
	require.Contains(t, f.still(t, run).Words, "asked again with the next message", "nothing has succeeded yet")
	f.Clock.Advance(-time.Minute)
	stopped, err := f.Store.StopChannel(ctx, f.Mail.ID, epoch(), "bad password")
	require.NoError(t, err)
	require.True(t, stopped)
	s = f.still(t, run)
	require.Equal(t, campaigns.StillChannelStopped, s.Reason)
	require.Contains(t, s.Remedy, "carillon channel resume 1")
	require.NoError(t, f.Store.ResumeChannel(ctx, f.Account, f.Mail.ID, "me"))
	moving()

	paused := run
	paused.Status, paused.Reason = campaigns.RunPaused, "20 messages were refused alike"
	s = f.still(t, paused)
	require.Equal(t, campaigns.StillCampaignPaused, s.Reason)
	require.Contains(t, s.Words, "is paused since 2026-03-01 12:00:00 UTC: 20 messages were refused alike.")

	for _, over := range []func(*campaigns.Run){
		func(r *campaigns.Run) { r.Status = campaigns.RunCanceled },
		func(r *campaigns.Run) { r.FinishedAt, r.Status = &noon, campaigns.RunFinished },
		func(r *campaigns.Run) { r.Counts = messages.Counts{messages.Sent: 100} },
	} {
		done := run
		over(&done)
		require.NoError(t, f.Store.PauseChannel(ctx, f.Account, f.Mail.ID, "me"))
		require.Empty(t, f.still(t, done).Reason, "it waits for nothing")
		require.NoError(t, f.Store.ResumeChannel(ctx, f.Account, f.Mail.ID, "me"))
	}
}

func TestAStandstillOfEverythingIsTold(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	channels := []providers.Channel{f.Mail, f.Text}
	first := func() campaigns.Standstill {
		t.Helper()
		list, err := f.ChannelsNow(ctx, channels)
		require.NoError(t, err)
		require.Len(t, list, 2)
		return list[1].Still
	}
	require.Equal(t, "No worker is running: nothing is sent.", first().Words, "there never was one")
	worker := f.works(t)
	require.Empty(t, first().Reason)
	require.NoError(t, f.Store.RetireWorker(ctx, worker))
	s := first()
	require.Equal(t, campaigns.StillNoWorker, s.Reason)
	require.WithinDuration(t, clock.System{}.Now(), s.Since, time.Minute, "heartbeats go by the database's clock")
	require.Contains(t, s.Words, "No worker is alive since 20")
	list, err := f.Hindrances(ctx, f.Account)
	require.NoError(t, err)
	require.Equal(t, []campaigns.Hindrance{{Standstill: s}}, list, "once, not of each channel")
	words, err := f.NotSending(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{s.Words}, words)

	require.NoError(t, f.Store.Heartbeat(ctx, worker, campaigns.Beat{}))
	require.Empty(t, first().Reason)
	require.NoError(t, f.Store.ReleaseLease(ctx, "scheduler", "s"))
	require.Empty(t, first().Reason, "another may take over in a moment")
	require.NoError(t, f.Store.PauseChannel(ctx, f.Account, f.Text.ID, "me"))
	list, err = f.Hindrances(ctx, f.Account)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, f.Text.ID, list[0].ChannelID)
	words, err = f.NotSending(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"1 of 2 channels: channel paused. GET /v1/status says why and what to do."}, words)
}

// Who waits for a winner says when it is looked for, or who chooses it; and the run ends no
// sooner.
func TestWhoWaitsForAWinnerSaysSo(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	f.works(t)
	made := f.campaign()
	made.Experiment = pair()
	made.Experiment.TestShare = 1
	c, err := f.Create(ctx, made)
	require.NoError(t, err)
	c, err = f.Start(ctx, f.Account, c.ID, true)
	require.NoError(t, err)
	_, err = f.Store.PlanBatch(ctx, c.RunID, 100)
	require.NoError(t, err)
	run, err := f.Run(ctx, f.Account, c.RunID)
	require.NoError(t, err)
	still := f.still(t, run)
	require.Equal(t, campaigns.StillUndecided, still.Reason)
	require.Equal(t, "Whoever of campaign 1 still waits gets the variant that wins, which a person has to choose.", still.Words)
	require.Contains(t, still.Remedy, "`carillon campaign winner 1`")
	pace, err := f.Pace(ctx, run)
	require.NoError(t, err)
	require.Nil(t, pace.End, "nobody knows")

	list, err := f.Store.ListMessages(ctx, messages.MessageFilter{AccountID: f.Account, RunID: run.ID, Reason: messages.ReasonUndecided})
	require.NoError(t, err)
	require.Len(t, list, 1)
	own, err := f.StandstillOf(ctx, f.Account, list[0])
	require.NoError(t, err)
	require.Equal(t, still, own)
	e, err := f.Explain(ctx, f.Account, c.ID, "ada@example.org")
	require.NoError(t, err)
	require.Equal(t, []string{"campaign 1 (Spring): not yet: it waits, because it is not told yet which variant of the campaign wins"}, e.Says)

	run.LookAt = noon.Add(4 * time.Hour)
	pace, err = f.Pace(ctx, run)
	require.NoError(t, err)
	require.Equal(t, run.LookAt, pace.Still.Until)
	require.Contains(t, pace.Still.Words, "which is looked for at 2026-03-01 16:00:00 UTC.")
	require.NotNil(t, pace.End)
	require.False(t, pace.End.Before(run.LookAt), "nobody who waits goes before")
	run.Undecided = false
	require.Contains(t, f.still(t, run).Words, "which is told.")

	_, err = f.ChooseWinner(ctx, f.Account, c.ID, campaigns.WinnerChoice{Variant: "B"}, "me")
	require.NoError(t, err)
	for more := true; more; {
		more, err = f.Store.GiveWinner(ctx)
		require.NoError(t, err)
	}
	run, err = f.Run(ctx, f.Account, c.RunID)
	require.NoError(t, err)
	require.False(t, run.Undecided)
	require.Empty(t, f.still(t, run).Reason)
}

// A message that waits says what it waits for.
func TestAMessageSaysWhyItWaits(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	f.works(t)
	m, err := f.Messages.Send(ctx, messages.Notification{AccountID: f.Account, ChannelID: f.Text.ID, To: "+4915112345699",
		Content: providers.Content{Text: "x"}, DueAt: noon.Add(time.Hour)})
	require.NoError(t, err)
	s, err := f.StandstillOf(ctx, f.Account, m)
	require.NoError(t, err)
	require.Equal(t, "It is due at 2026-03-01 13:00:00 UTC.", s.Words)
	f.Clock.Advance(time.Hour)
	s, err = f.StandstillOf(ctx, f.Account, m)
	require.NoError(t, err)
	require.Empty(t, s.Reason)
	require.NoError(t, f.Store.PauseChannel(ctx, f.Account, f.Text.ID, "me"))
	s, err = f.StandstillOf(ctx, f.Account, m)
	require.NoError(t, err)
	require.Equal(t, campaigns.StillChannelPaused, s.Reason)
	m.State = messages.Delivered
	s, err = f.StandstillOf(ctx, f.Account, m)
	require.NoError(t, err)
	require.Empty(t, s.Reason)
}
