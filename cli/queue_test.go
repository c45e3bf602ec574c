package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/messages"
)

// Before a campaign's audience is expanded nothing of it waits: that must not
// read as if nothing were to come.
func TestQueueSaysWhatIsToCome(t *testing.T) {
	f := newFixture(t)
	f.stdin = "email\nada@example.org\ncy@example.org\n"
	f.ok("import", "-")
	f.ok("channel", "create", "news", "--provider", "sandbox")
	f.ok("campaign", "create", "--name", "Later", "--channel", "news", "--all", "--subject", "s", "--text", "t")
	out := f.ok("queue", "ls")
	require.Contains(t, out, "Nothing waits to be sent.")
	require.Contains(t, out, "carillon campaign start ID")

	f.ok("campaign", "schedule", "1", "--at", "2099-01-01T09:00", "--timezone", "UTC")
	out = f.ok("queue", "ls")
	require.Contains(t, out, "Nothing waits to be sent.")
	require.Contains(t, out, "Campaign 1 (Later) fires at 2099-01-01 09:00:00 UTC.")
	require.NotContains(t, out, "campaign start ID")

	f.idle = true
	f.ok("campaign", "create", "--name", "Spring", "--channel", "news", "--all", "--subject", "s", "--text", "t", "--start")
	out = f.ok("queue", "ls")
	require.NotContains(t, out, "Nothing waits")
	require.Contains(t, out, "Campaign 2 (Spring) is still being planned: 0 messages so far, more are to come; `carillon campaign show 2`")
	code, _, said := f.run("queue", "clear", "--yes")
	require.Equal(t, exitUsage, code, said)
	require.Contains(t, said, "--all")
	code, _, said = f.run("queue", "clear")
	require.Zero(t, code)
	require.Contains(t, said, "still being planned")
	require.Contains(t, said, "--cancel-planning cancels the campaign too")
	code, _, said = f.run("queue", "clear", "--campaign", "2", "--yes")
	require.Zero(t, code)
	require.Contains(t, said, "still being planned", "whoever is not asked is told all the same")
	f.ok("campaign", "pause", "2")
	require.Contains(t, f.ok("queue", "ls", "--campaign", "2"), "once `carillon campaign resume 2` lets it go on")
	require.Contains(t, f.ok("queue", "ls", "--campaign", "1"), "Nothing waits to be sent.", "the other campaign's planning is not this one's")

	f.ok("campaign", "resume", "2")
	f.idle = false
	out = f.ok("queue", "ls")
	require.NotContains(t, out, "planned")
	require.Regexp(t, `news +2 +0 +0`, out)

	f.idle = true
	f.ok("campaign", "create", "--name", "Summer", "--channel", "news", "--all", "--subject", "s", "--text", "t", "--start")
	code, _, said = f.run("queue", "clear", "--all", "--yes", "--cancel-planning")
	require.Zero(t, code)
	require.Contains(t, said, "Campaign 3 was still being planned and is canceled.")
	require.Regexp(t, `Status +canceled`, f.ok("campaign", "show", "3"))
	code, _, said = f.run("queue", "ls", "--channel", "99")
	require.NotZero(t, code)
	require.Contains(t, said, "99")
}

// Each channel is told with what it consists of, how fast it goes and why no faster, and
// what is in doubt.
func TestQueueSaysHowFastAndWhatIsInDoubt(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	f.stdin = "email\nada@example.org\ncy@example.org\n"
	f.ok("import", "-")
	f.ok("channel", "create", "news", "--provider", "sandbox", "--rate", "2.5")
	f.ok("campaign", "create", "--name", "Spring", "--channel", "news", "--all", "--subject", "s", "--text", "t", "--start")
	f.ok("messages", "send", "--channel", "news", "--to", "bo@example.org", "--subject", "s", "--text", "t")
	f.ok("campaign", "show", "1") // plans it
	out := f.ok("queue", "ls")
	require.Regexp(t, `CHANNEL +PENDING +QUEUED +SENDING +OLDEST WAITS +IN DOUBT +A SECOND +AT MOST +WHY NO MORE`, out)
	require.Regexp(t, `news +3 +0 +0 +\S+ +0 +0 +0 +No worker is running`, out)
	require.Regexp(t, `news .*\n +transactional +1 +0 +0 .*\n +bulk +2 +0 +0 `, out)

	worker, err := f.store.RegisterWorker(ctx, "box-1")
	require.NoError(t, err)
	beat := campaigns.Beat{Channels: []int64{1}, Accepted: map[int64]float64{1: 1.25}}
	require.NoError(t, f.store.Heartbeat(ctx, worker, beat))
	_, _, err = f.store.AcquireLease(ctx, "scheduler", "box-2", 1<<40)
	require.NoError(t, err)
	require.Regexp(t, `news +3 +0 +0 +\S+ +0 +1\.25 +2\.5 +The channel's own limit\.`, f.ok("queue", "ls"))

	f.ok("campaign", "cancel", "1")
	fed, err := f.store.Feed(ctx, messages.FeedRequest{ChannelID: 1, Envelopes: []int64{1}, PerEnvelope: 10})
	require.NoError(t, err)
	require.Len(t, fed, 1)
	writer := f.store.StartWriter(worker)
	defer writer.Stop()
	claimed, err := writer.Claim(ctx, messages.Claim{WorkerID: worker, ChannelID: 1, EnvelopeID: 1, MessageIDs: []int64{fed[0].ID}})
	require.NoError(t, err)
	require.NoError(t, writer.Record(ctx, []messages.Outcome{{
		MessageID: claimed[0], ChannelID: 1, WorkerID: worker, EnvelopeID: 1, Attempt: 1, State: messages.Unknown, Reason: messages.ReasonInDoubt,
		Kind: "in_doubt", At: clock.System{}.Now(),
	}}))
	f.ok("queue", "clear", "--all", "--yes")
	out = f.ok("queue", "ls")
	require.Regexp(t, `news +0 +0 +0 +\S* +1 +1\.25 +2\.5`, out)
	require.Contains(t, out, "Nothing waits to be sent.")
	require.Contains(t, f.ok("status"), "Messages in doubt: 1. Whether the provider took them is not known; `carillon messages ls --state unknown`")
}
