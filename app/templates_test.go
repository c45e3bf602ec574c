package app

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/configs"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
)

// costly is a template that works until it may not any more, for every recipient.
var costly = "{% assign x='ab,'%}" + strings.Repeat("{% assign x=x|append: x %}", 8) +
	"{% for i in (1..9999) %}{% assign y=x|split:','|sort|join:',' %}{% endfor %}"

// A campaign whose template costs too much stops nothing but itself, and says why.
func TestACostlyTemplateStopsNothingButItsCampaign(t *testing.T) {
	eachEngine(t, func(t *testing.T, config configs.Config) {
		e := startTestEngine(t, config, AllRoles)
		f := newFixture(t, e, testChannel{provider: "sandbox", config: `{"receipts":"none"}`}, 200)
		quick := f
		var err error
		quick.channel, err = e.Store.CreateChannel(t.Context(), providers.Channel{
			AccountID: f.account, Name: "quick", Provider: "sandbox", Config: []byte(`{"receipts":"none"}`), Address: f.channel.Address, Timezone: "UTC",
			Status: providers.ChannelActive,
		})
		require.NoError(t, err)
		bad, good := f.campaign(t, e, costly), quick.campaign(t, e, "Hi {{ contact.first_name }}")
		for _, c := range []campaigns.Campaign{bad, good} {
			_, err := e.Campaigns.Start(t.Context(), f.account, c.ID, true)
			require.NoError(t, err)
		}
		m, err := e.Messages.Send(t.Context(), messages.Notification{AccountID: f.account, ChannelID: f.channel.ID, To: "x@example.com",
			Content: providers.Content{Subject: "s", Text: "your code"}})
		require.NoError(t, err)
		e.Wake()
		finish(t, e, good)
		require.Eventually(t, func() bool {
			m, err = e.Store.GetMessage(t.Context(), f.account, m.ID)
			require.NoError(t, err)
			return m.State == messages.Sent
		}, time.Minute, 5*time.Millisecond, "a message of the same channel does not wait for the campaign's")
		var run campaigns.Run
		require.Eventually(t, func() bool {
			runs, err := e.Store.ListRuns(t.Context(), f.account, bad.ID, 0, 1)
			require.NoError(t, err)
			run = runs[0]
			return run.Status == campaigns.RunPaused
		}, time.Minute, 5*time.Millisecond)
		require.Contains(t, run.Reason, "10 recipients in a row were skipped: content.text: the template takes more than")
		require.Equal(t, int64(10), run.Counts[messages.Skipped])
		require.Zero(t, run.Counts[messages.Sent])
		skipped, err := e.Store.ListMessages(t.Context(), messages.MessageFilter{AccountID: f.account, RunID: run.ID, Reason: messages.ReasonRenderExceeded})
		require.NoError(t, err)
		require.Len(t, skipped, 10)
		require.Contains(t, skipped[0].Detail, "content.text: ")

		// Neither one message nor a test of it gets through.
		_, err = e.Messages.Send(t.Context(), messages.Notification{AccountID: f.account, ChannelID: f.channel.ID, To: "x@example.com",
			Content: providers.Content{Subject: "s", Text: costly}})
		require.True(t, fault.Is(err, fault.Invalid), "%v", err)

		// Canceling works while it renders.
		require.NoError(t, e.Store.ResumeCampaign(t.Context(), f.account, bad.ID, "test"))
		e.Wake()
		require.NoError(t, e.Store.CancelCampaign(t.Context(), f.account, bad.ID, "test"))
		require.Eventually(t, func() bool {
			run, err = e.Store.GetRun(t.Context(), f.account, run.ID)
			require.NoError(t, err)
			return run.FinishedAt != nil
		}, time.Minute, 5*time.Millisecond)
		require.Equal(t, int64(200), run.Counts[messages.Skipped]+run.Counts[messages.Canceled])
	})
}
