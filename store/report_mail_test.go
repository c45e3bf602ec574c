package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/reports"
	"carillon/statistics"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/templates/email"
	"carillon/webhooks"
)

// mailbox is a journey whose account gets mails about itself.
type mailbox struct {
	*journey
	reports *reports.Service
}

func newMailbox(t *testing.T, s *storetest.Store) mailbox {
	t.Helper()
	j := newJourney(t, s, 4)
	return mailbox{j, reports.NewService(s.Store, statistics.NewService(s.Store, j.Clock), email.NewBuilder(), j.Clock)}
}

func (m mailbox) set(change func(*campaigns.Settings)) error {
	settings, err := m.GetSettings(m.t.Context(), m.AccountID)
	require.NoError(m.t, err)
	change(&settings)
	_, err = campaigns.NewSettings(m.Store.Store, messages.NewHosts("")).Set(m.t.Context(), settings)
	return err
}

// mails are what was written to an address.
func (m mailbox) mails(to string) (list []providers.Content) {
	m.t.Helper()
	texts, err := sqldb.Column[[]byte](m.t.Context(), m.Reader(),
		"SELECT c.content FROM messages m JOIN message_contents c ON c.message_id = m.id WHERE m.run_id = 0 AND m.address = ? ORDER BY m.id", to)
	require.NoError(m.t, err)
	for _, text := range texts {
		var c providers.Content
		require.NoError(m.t, json.Unmarshal(text, &c))
		list = append(list, c)
	}
	return list
}

// Each week that is over is mailed once, on Monday from seven on by the account's clock,
// however many look and whoever was away for long.
func TestEachWeekIsMailedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, fake := t.Context(), s.FakeTime()
		m := newMailbox(t, s)
		berlin, err := time.LoadLocation("Europe/Berlin")
		require.NoError(t, err)
		at := func(day, hour, minute int) {
			t.Helper()
			next := time.Date(2026, 11, day, hour, minute, 0, 0, berlin)
			require.False(t, next.Before(fake.Now()))
			fake.Advance(next.Sub(fake.Now()))
		}
		begin := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
		fake.Advance(begin.Sub(fake.Now()))
		require.NoError(t, m.set(func(s *campaigns.Settings) {
			s.Timezone = "Europe/Berlin"
			s.ReportMail = campaigns.ReportMail{ChannelID: m.Channel.ID, To: []string{"Boss@Example.org", "ada@example.org", "boss@example.org"}, Weekly: true}
		}))
		look := func() {
			t.Helper()
			for {
				worked, err := m.reports.MailWeeks(ctx)
				require.NoError(t, err)
				if !worked {
					return
				}
			}
		}
		look()
		at(2, 6, 59) // a Monday
		look()
		require.Empty(t, m.mails("boss@example.org"), "it is not seven yet")
		at(2, 7, 0)
		look()
		require.Len(t, m.mails("boss@example.org"), 1, "the week in which it was asked for")
		at(3, 12, 0)
		run := m.Start().ID
		m.PlanAll(run, 100)
		m.Record(run, m.Claim(run, 1, m.Feed(run, []int64{1}, 3)), nil)
		look()
		at(8, 23, 59)
		look()
		require.Len(t, m.mails("boss@example.org"), 1)
		at(9, 7, 30)
		var all sync.WaitGroup
		for range 8 { // a leader that was taken over from, and others
			all.Go(func() {
				if _, err := m.reports.MailWeeks(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		mails := m.mails("boss@example.org")
		require.Len(t, mails, 2)
		require.Len(t, m.mails("ada@example.org"), 2)
		require.Contains(t, mails[1].Subject, "3 messages from 2 Nov to 8 Nov 2026")
		require.Contains(t, mails[1].Text, "3 messages were handed to providers, after none in the week before.")
		require.Contains(t, mails[1].HTML, "data:image/png;base64,")
		at(30, 12, 0) // after three weeks without a leader, the last one
		look()
		require.Len(t, m.mails("boss@example.org"), 3)
		require.Contains(t, m.mails("boss@example.org")[2].Text, "Nothing was sent, nor in the week before.")

		require.NoError(t, m.set(func(s *campaigns.Settings) { s.ReportMail.Weekly = false }))
		fake.Advance(21 * 24 * time.Hour)
		look()
		require.Len(t, m.mails("boss@example.org"), 3)
		require.NoError(t, m.set(func(s *campaigns.Settings) { s.ReportMail.Weekly = true }))
		look()
		require.Len(t, m.mails("boss@example.org"), 3, "weeks of before are not made up for")
	})
}

func TestReportMailsThatCannotBe(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		m := newMailbox(t, s)
		other := m.Channel
		other.ID, other.Name, other.Address = 0, "other", providers.Phone
		other, err := s.CreateChannel(t.Context(), other)
		require.NoError(t, err)
		for _, c := range []struct {
			mail campaigns.ReportMail
			says string
		}{
			{campaigns.ReportMail{Weekly: true, To: []string{"a@example.org"}}, "report_mail.channel_id"},
			{campaigns.ReportMail{Weekly: true, ChannelID: m.Channel.ID}, "report_mail.to"},
			{campaigns.ReportMail{Troubles: true, ChannelID: m.Channel.ID}, "report_mail.to"},
			{campaigns.ReportMail{ChannelID: m.Channel.ID, To: []string{"a@example.org", "nobody"}}, "report_mail.to[1]"},
			{campaigns.ReportMail{ChannelID: other.ID, To: []string{"a@example.org"}}, "is no e-mail channel"},
			{campaigns.ReportMail{ChannelID: 4711, To: []string{"a@example.org"}}, "is no e-mail channel"},
			{campaigns.ReportMail{ChannelID: m.Channel.ID, To: strings.Fields(strings.Repeat("a@example.org ", 21))}, "at most 20"},
		} {
			err := m.set(func(s *campaigns.Settings) { s.ReportMail = c.mail })
			require.True(t, fault.Is(err, fault.Invalid), "%+v: %v", c.mail, err)
			require.ErrorContains(t, err, c.says)
		}
		kept, err := s.GetSettings(t.Context(), m.AccountID)
		require.NoError(t, err)
		require.Zero(t, kept.ReportMail)
	})
}

// Who is to hear of troubles hears once that a webhook was switched off, and why.
func TestAWebhookThatIsSwitchedOffIsMailed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		m := newMailbox(t, s)
		hook, err := s.CreateWebhook(ctx, webhooks.Webhook{
			AccountID: m.AccountID, URL: "https://program.example.org/hook", Description: "the shop",
			Events: []webhooks.Event{webhooks.MessageClicked}, State: webhooks.On,
			Batch: webhooks.Batch{Most: 1},
		}, 10)
		require.NoError(t, err)
		fail := func() {
			t.Helper()
			tried := []webhooks.Delivery{{ID: 1, State: webhooks.Failed, TriedAt: new(m.Clock.Now())}}
			require.NoError(t, s.TriedDeliveries(ctx, hook, tried, "it answered 500 for a day"))
		}
		fail()
		require.Empty(t, m.mails("boss@example.org"), "nobody asked for it")
		hook.State = webhooks.On
		_, err = s.UpdateWebhook(ctx, m.AccountID, hook.ID, func(w *webhooks.Webhook) error { w.State = webhooks.On; return nil })
		require.NoError(t, err)
		require.NoError(t, m.set(func(s *campaigns.Settings) {
			s.ReportMail = campaigns.ReportMail{ChannelID: m.Channel.ID, To: []string{"boss@example.org"}, Troubles: true}
		}))
		fail()
		fail() // another that tells of it at the same time
		mails := m.mails("boss@example.org")
		require.Len(t, mails, 1)
		require.Contains(t, mails[0].Text, "the shop, https://program.example.org/hook")
		require.Contains(t, mails[0].Text, "it answered 500 for a day")
	})
}

// Who is to hear of troubles hears once that a channel was stopped, and why; not through the
// channel itself, where that would come when it is over.
func TestAStoppedChannelIsMailed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		m := newMailbox(t, s)
		channel := func(name string) int64 {
			c := m.Channel
			c.ID, c.Name = 0, name
			c, err := s.CreateChannel(t.Context(), c)
			require.NoError(t, err)
			return c.ID
		}
		spring, office := channel("spring"), channel("office")
		stop := func(id int64) {
			t.Helper()
			c, err := s.GetChannel(t.Context(), m.AccountID, id)
			require.NoError(t, err)
			_, err = s.StopChannel(t.Context(), id, c.Epoch, "wrong password")
			require.NoError(t, err)
		}
		stop(spring)
		require.Empty(t, m.mails("boss@example.org"), "nobody asked for it")
		require.NoError(t, s.ResumeChannel(t.Context(), m.AccountID, spring, "ada"))
		require.NoError(t, m.set(func(s *campaigns.Settings) {
			s.ReportMail = campaigns.ReportMail{ChannelID: office, To: []string{"boss@example.org"}, Troubles: true}
		}))
		stop(spring)
		stop(spring) // another worker that finds it out at the same time
		mails := m.mails("boss@example.org")
		require.Len(t, mails, 1)
		require.Contains(t, mails[0].Subject, "spring")
		require.Contains(t, mails[0].Text, "wrong password")
		stop(office)
		require.Len(t, m.mails("boss@example.org"), 1)
	})
}

// A campaign that pauses itself is told of; one that a person pauses is not.
func TestACampaignThatPausesItselfIsMailed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		m := newMailbox(t, s)
		require.NoError(t, m.set(func(s *campaigns.Settings) {
			s.ReportMail = campaigns.ReportMail{ChannelID: m.Channel.ID, To: []string{"boss@example.org"}, Troubles: true}
		}))
		run := m.Start()
		require.NoError(t, s.PauseCampaign(t.Context(), m.AccountID, run.CampaignID, "ada"))
		require.Empty(t, m.mails("boss@example.org"))
		require.NoError(t, s.ResumeCampaign(t.Context(), m.AccountID, run.CampaignID, "ada"))
		require.NoError(t, s.PauseRun(t.Context(), run.ID, "20 messages were refused alike"))
		require.NoError(t, s.PauseRun(t.Context(), run.ID, "20 messages were refused alike")) // another worker
		mails := m.mails("boss@example.org")
		require.Len(t, mails, 1)
		require.Contains(t, mails[0].Text, fmt.Sprintf("carillon campaign resume %d", run.CampaignID))
		require.Contains(t, mails[0].Text, "20 messages were refused alike")
	})
}
