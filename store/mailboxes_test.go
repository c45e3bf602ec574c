package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/messages"
	"carillon/providers"
	"carillon/store/storetest"
	"carillon/targeting"
)

// Each mailbox provider warms up by itself: it grows with its use, is slowed by its own trouble, and
// is forgotten when the warm-up is taken away.
func TestMailboxProvidersWarmUpByThemselves(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, fake := t.Context(), s.FakeTime()
		j := newJourney(t, s, 10)
		sealed, err := storetest.Box(t).Seal([]byte("{}"))
		require.NoError(t, err)
		s.Exec("UPDATE channels SET config = ? WHERE id = ?", sealed, j.Channel.ID)
		channel := func() providers.Channel {
			t.Helper()
			c, err := s.GetChannel(ctx, j.AccountID, j.Channel.ID)
			require.NoError(t, err)
			return c
		}
		step := func() (moved bool) {
			t.Helper()
			changed, err := s.WarmUp(ctx)
			require.NoError(t, err)
			return len(changed) == 1
		}
		note := func(name string, n providers.Traffic) {
			t.Helper()
			require.NoError(t, s.NoteMailboxes(ctx, j.Channel.ID, map[string]providers.Traffic{name: n}))
		}
		allows := func(name string) int { return channel().Bounds().Mailboxes[name].RecipientsPerDay }

		c := channel()
		up := providers.WarmUp{First: 100, Ceiling: 1000, Factor: 2}
		c.Limits.Mailboxes = providers.Mailboxes{"google": {WarmUp: up, PerSecond: 5}, "gmx": {WarmUp: up, RecipientsPerDay: 80}, "yahoo": {PerSecond: 1}}
		_, err = s.UpdateChannel(ctx, c)
		require.NoError(t, err)
		require.Equal(t, 100, allows("google"))
		require.Equal(t, 80, allows("gmx"), "the lower one holds")
		require.Zero(t, allows("yahoo"))
		require.Len(t, channel().MailboxWarmth, 2)
		require.False(t, step())

		note("google", providers.Traffic{Asked: 60})
		note("gmx", providers.Traffic{Asked: 10})
		note("yahoo", providers.Traffic{Asked: 10})
		require.False(t, step(), "the day has begun")
		fake.Advance(24 * time.Hour)
		require.True(t, step())
		require.Equal(t, 200, allows("google"), "more than half of the day was used")
		require.Equal(t, 100, channel().MailboxWarmth["gmx"].Allowance, "and here not")
		fake.Advance(24 * time.Hour)
		note("google", providers.Traffic{Asked: 150})
		require.True(t, step())
		require.Equal(t, 400, allows("google"))

		note("google", providers.Traffic{Asked: 100, Deferred: 30})
		require.True(t, step())
		require.Equal(t, 200, allows("google"))
		require.Equal(t, "the provider deferred 30 of 100 messages, more than 25 %", channel().MailboxWarmth["google"].Slowed)
		require.Empty(t, channel().MailboxWarmth["gmx"].Slowed)

		c = channel()
		delete(c.Limits.Mailboxes, "gmx")
		_, err = s.UpdateChannel(ctx, c)
		require.NoError(t, err)
		require.Equal(t, 1, s.Int("SELECT COUNT(*) FROM channel_mailboxes"))
		require.Equal(t, 200, channel().MailboxWarmth["google"].Allowance, "the others go on")
		c.Limits.Mailboxes = nil
		_, err = s.UpdateChannel(ctx, c)
		require.NoError(t, err)
		require.Empty(t, channel().MailboxWarmth)
		require.Zero(t, s.Int("SELECT COUNT(*) FROM channel_mailboxes"))
	})
}

// Complaints slow the warm-up of the mailbox provider whose people complain, beyond the share that
// Gmail and Yahoo ask senders to stay below.
func TestComplaintsSlowTheirMailboxProvider(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 30)
		sealed, err := storetest.Box(t).Seal([]byte("{}"))
		require.NoError(t, err)
		s.Exec("UPDATE channels SET config = ? WHERE id = ?", sealed, j.Channel.ID)
		run := j.Start()
		j.PlanAll(run.ID, 1000)
		fed := j.Feed(run.ID, []int64{1}, 20)
		j.Record(run.ID, j.Claim(run.ID, 1, fed), nil)
		s.Exec("UPDATE messages SET address = 'p' || id || '@yahoo.de' WHERE run_id = ?", run.ID)
		c, err := s.GetChannel(ctx, j.AccountID, j.Channel.ID)
		require.NoError(t, err)
		up := providers.WarmUp{First: 100, Ceiling: 1000}
		c.Limits.Mailboxes = providers.Mailboxes{"google": {WarmUp: up}, "yahoo": {WarmUp: up}}
		_, err = s.UpdateChannel(ctx, c)
		require.NoError(t, err)
		asked := map[string]providers.Traffic{"google": {Asked: 500}, "yahoo": {Asked: 500}}
		require.NoError(t, s.NoteMailboxes(ctx, c.ID, asked))
		_, err = s.WarmUp(ctx)
		require.NoError(t, err)
		var receipts []providers.Receipt
		for _, m := range fed[:2] {
			receipts = append(receipts, providers.Receipt{MessageID: m.ID, Status: providers.ReceiptComplained})
		}
		j.receive(receipts...)
		changed, err := s.WarmUp(ctx)
		require.NoError(t, err)
		require.Len(t, changed, 1)
		require.Equal(t, "2 of 500 people complained, more than 0.3 %", changed[0].MailboxWarmth["yahoo"].Slowed)
		require.Empty(t, changed[0].MailboxWarmth["google"].Slowed)
	})
}

// Messages that are given back together may wait until times of their own; by limits that have
// changed meanwhile they wait no longer.
func TestMessagesWaitUntilTimesOfTheirOwn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, fake := t.Context(), s.FakeTime()
		j := newJourney(t, s, 30)
		run := j.Start()
		j.PlanAll(run.ID, 1000)
		updated := s.Int("SELECT updated_at FROM channels WHERE id = ?", j.Channel.ID)
		for _, current := range []bool{true, false} {
			envelope := int64(1)
			if !current {
				envelope = 2
			}
			fed := j.Feed(run.ID, []int64{envelope}, 3)
			require.Len(t, fed, 3)
			asOf := time.UnixMilli(int64(updated))
			if !current {
				asOf = asOf.Add(-time.Second)
			}
			u := messages.Unqueuing{RunID: run.ID, ChannelID: j.Channel.ID, EnvelopeID: envelope,
				Due: messages.Due{At: fake.Now().Add(time.Hour), Reason: messages.ReasonMailbox, AsOf: asOf}, At: map[int64]time.Time{}}
			for i, m := range fed {
				u.MessageIDs = append(u.MessageIDs, m.ID)
				if i < 2 {
					u.At[m.ID] = fake.Now().Add(time.Duration(i+1) * time.Minute)
				}
			}
			require.NoError(t, s.Unqueue(ctx, u))
			for i, m := range fed {
				want := []time.Duration{time.Minute, 2 * time.Minute, time.Hour}[i]
				if !current {
					want = 0
				}
				got, err := s.GetMessage(ctx, j.AccountID, m.ID)
				require.NoError(t, err)
				require.Equal(t, messages.ReasonMailbox, got.Reason)
				require.WithinDuration(t, fake.Now().Add(want), *got.DueAt, time.Millisecond, "%d", i)
			}
		}
	})
}

// Those are counted who will be sent to, at the domains that are a large mailbox provider's own.
func TestTheMailboxesOfAnAudience(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 25) // three have no address
		ids := s.IDs("SELECT contact_id FROM addresses WHERE kind = 'email' ORDER BY contact_id")
		for i, domain := range []string{"gmail.com", "googlemail.com", "gmx.de", "web.de", "web.de", "notgmail.com", "mail.gmail.com"} {
			s.Exec("UPDATE addresses SET address = ? WHERE kind = 'email' AND contact_id = ?", fmt.Sprintf("eve%d@%s", i, domain), ids[i])
		}
		count := func(audience targeting.Audience) map[string]int64 {
			people, err := s.MailboxesOfAudience(t.Context(), j.Channel, audience, 0)
			require.NoError(t, err)
			return people
		}
		require.Equal(t, map[string]int64{"google": 2, "gmx": 3}, count(targeting.Audience{All: true}))
		s.Exec("UPDATE contacts SET status = 'inactive' WHERE id = ?", ids[2])
		require.Equal(t, map[string]int64{"google": 1, "gmx": 2}, count(targeting.Audience{All: true, Exclude: &targeting.Exclude{Contacts: ids[:1]}}))
		require.Empty(t, count(targeting.Audience{Contacts: ids[7:]}))
	})
}
