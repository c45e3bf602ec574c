package store_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/store"
	"carillon/store/storetest"
	"carillon/targeting"
	"carillon/tracking"
)

// tracked is a journey whose campaign tracks everything and was sent to everybody.
func tracked(t *testing.T, s *storetest.Store, people int) (j *journey, run int64, sent []int64, fake *clock.Fake) {
	t.Helper()
	fake = clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	s.Clock.Set(fake)
	j = newJourney(t, s, people)
	j.Exec(`UPDATE campaigns SET content = '{"text":"hi","tracking":{"links":true,"opens":true}}' WHERE id = ?`, j.Campaign)
	run = j.Start().ID
	j.PlanAll(run, 1000)
	sent = j.Claim(run, 1, j.Feed(run, []int64{1}, 1000))
	j.Record(run, sent, nil)
	fake.Advance(time.Hour)
	return j, run, sent, fake
}

// engage writes events down at once.
func engage(t *testing.T, s *storetest.Store, events ...tracking.Event) {
	t.Helper()
	w := s.StartEngagementWriter(1)
	for _, e := range events {
		w.Engaged(t.Context(), e)
	}
	w.Stop()
	require.Zero(t, w.Pending())
	require.Zero(t, w.Lost())
}

// What was done with messages is kept with them, of each link, and of the run; a machine's
// is apart, and is taken back where it turns out to be one's.
func TestEngagement(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j, run, sent, fake := tracked(t, s, 9)
		kept, err := s.KeepLinks(ctx, run, []string{"https://a.example/1", "https://a.example/?c=" + tracking.Open},
			[]string{"https://feed.example/1", "https://feed.example/2"})
		require.NoError(t, err)
		again, err := s.KeepLinks(ctx, run, []string{"https://b.example/"}, nil)
		require.NoError(t, err)
		require.Equal(t, kept, again, "whoever comes first says which there are")

		at := fake.Now()
		click := func(message int64, number int, after time.Duration) tracking.Event {
			return tracking.Event{RunID: run, MessageID: message, Link: tracking.Link{Number: number, Place: number + 1, Of: 9}, At: at.Add(after)}
		}
		open := tracking.Event{RunID: run, MessageID: sent[0], Open: true, At: at}
		apple := open
		apple.Why = tracking.ApplePrivacy
		scanned := click(sent[1], 1, 0)
		scanned.Why = tracking.Scanner
		engage(t, s, open, apple, open, click(sent[0], 1, 0), click(sent[0], 1, time.Minute), scanned, click(99999, 1, 0))
		engage(t, s, click(sent[1], 2, time.Hour), click(sent[2], 1, time.Hour))
		r, err := s.GetRun(ctx, j.AccountID, run)
		require.NoError(t, err)
		require.Equal(t, tracking.Counts{Opened: 1, Opens: 2, MachineOpens: 1, Clicked: 3, Clicks: 4, MachineClicks: 1}, r.Engagement)
		links, err := s.CountLinks(ctx, run)
		require.NoError(t, err)
		require.Equal(t, []tracking.LinkCount{
			{Number: 1, Address: kept[0], People: 2, Clicks: 3, Machine: 1}, {Number: 2, Address: kept[1], People: 1, Clicks: 1},
		}, links)
		found, err := s.Engagements(ctx, sent)
		require.NoError(t, err)
		require.Len(t, found, 3)
		require.Equal(t, at, found[sent[0]].OpenedAt)
		require.Equal(t, at.Add(time.Minute), found[sent[0]].LastClickedAt)

		// In another group, by another process: two links within a second.
		engage(t, s, click(sent[2], 0, time.Hour+time.Second))
		r, err = s.GetRun(ctx, j.AccountID, run)
		require.NoError(t, err)
		require.Equal(t, tracking.Counts{Opened: 1, Opens: 2, MachineOpens: 1, Clicked: 2, Clicks: 3, MachineClicks: 3}, r.Engagement)
		events, err := s.EngagementEvents(ctx, sent[2])
		require.NoError(t, err)
		require.Equal(t, []tracking.Kept{
			{At: at.Add(time.Hour), Number: 1, Address: kept[0], Why: tracking.Burst}, {At: at.Add(time.Hour + time.Second), Why: tracking.Burst},
		}, events)
		events, err = s.EngagementEvents(ctx, sent[0])
		require.NoError(t, err)
		require.Len(t, events, 5)
		require.Equal(t, tracking.Kept{At: at, Open: true, Why: tracking.ApplePrivacy}, events[1])

		trace, err := s.Trace(ctx, campaigns.TraceQuery{AccountID: j.AccountID, ContactID: j.message(sent[0]).ContactID})
		require.NoError(t, err)
		require.Contains(t, fmt.Sprint(trace.Says(0)), "; its picture was loaded on 2026-03-01 13:00 UTC, 2 times in all; "+
			"a link was clicked on 2026-03-01 13:00 UTC, 2 times in all; a machine looked at it once")

		// Who clicked is somebody whom audiences name, and a test can be told by it.
		who, err := s.AudienceContacts(ctx, j.AccountID, targeting.Audience{Messages: &targeting.ByMessages{RunID: run, Did: "clicked"}}, 0, 10)
		require.NoError(t, err)
		require.Len(t, who, 2)
		wrong, err := s.CheckAudience(ctx, j.AccountID, &targeting.Audience{Messages: &targeting.ByMessages{RunID: run, Not: "clicked"}})
		require.NoError(t, err)
		require.Empty(t, wrong)
		plain := j.NewCampaign(`{"all":true}`)
		wrong, err = s.CheckAudience(ctx, j.AccountID, &targeting.Audience{Messages: &targeting.ByMessages{CampaignID: plain, Not: "clicked", Did: "opened"}})
		require.NoError(t, err)
		require.Len(t, wrong, 2)
		require.Contains(t, wrong[0].Message, "links are not tracked")

		// A link of the data feed is told of once somebody has followed it.
		engage(t, s, click(sent[3], 3, 9*time.Hour))
		links, err = s.CountLinks(ctx, run)
		require.NoError(t, err)
		require.Equal(t, tracking.LinkCount{Number: 3, Address: "https://feed.example/1", People: 1, Clicks: 1}, links[len(links)-1])

		// Of an erased person nothing stays, and nothing comes.
		_, err = s.EraseContact(ctx, j.AccountID, j.message(sent[0]).ContactID, false)
		require.NoError(t, err)
		engage(t, s, open, click(sent[0], 1, 2*time.Hour))
		found, err = s.Engagements(ctx, sent[:1])
		require.NoError(t, err)
		require.Empty(t, found)
		require.Zero(t, s.Int("SELECT COUNT(*) FROM engagement WHERE message_id = ?", sent[0]))
	})
}

// The counters are what the messages say, whoever wrote them and in whatever groups.
func TestEngagementCountersAddUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j, run, sent, fake := tracked(t, s, 30)
		at := fake.Now()
		s.Clock.Set(nil) // the writers linger
		var writers []*store.EngagementWriter
		var clicking sync.WaitGroup
		const each = 1500
		for w := range int64(2) {
			writer := s.StartEngagementWriter(w)
			writers = append(writers, writer)
			clicking.Go(func() {
				random := rand.New(rand.NewPCG(7, uint64(w)))
				for i := range each {
					why := []tracking.Why{"", "", tracking.Scanner}[random.IntN(3)]
					place := 1 + random.IntN(3)
					writer.Engaged(ctx, tracking.Event{
						RunID: run, MessageID: sent[random.IntN(len(sent))], Open: random.IntN(4) == 0, Why: why,
						Link: tracking.Link{Number: place, Place: place, Of: 3}, At: at.Add(time.Duration(i) * 30 * time.Millisecond),
					})
				}
			})
		}
		clicking.Wait()
		for _, w := range writers {
			w.Stop()
			require.Zero(t, w.Lost())
		}
		r, err := s.GetRun(ctx, j.AccountID, run)
		require.NoError(t, err)
		sum := func(what string) int64 { return int64(s.Int("SELECT COALESCE(SUM(" + what + "), 0) FROM engagement")) }
		require.Equal(t, tracking.Counts{
			Opened: sum("CASE WHEN opened_at IS NULL THEN 0 ELSE 1 END"), Opens: sum("opens"), MachineOpens: sum("machine_opens"),
			Clicked: sum("CASE WHEN clicked_at IS NULL THEN 0 ELSE 1 END"), Clicks: sum("clicks"), MachineClicks: sum("machine_clicks"),
		}, r.Engagement)
		require.EqualValues(t, 2*each, r.Engagement.Opens+r.Engagement.MachineOpens+r.Engagement.Clicks+r.Engagement.MachineClicks)
		require.NotZero(t, r.Engagement.Clicks)
		links, err := s.CountLinks(ctx, run)
		require.NoError(t, err)
		var clicks, machine int64
		for _, l := range links {
			clicks, machine = clicks+l.Clicks, machine+l.Machine
		}
		require.Equal(t, r.Engagement.Clicks, clicks)
		require.Equal(t, r.Engagement.MachineClicks, machine)
		events, err := s.EngagementEvents(ctx, sent[0])
		require.NoError(t, err)
		require.Len(t, events, tracking.MostEvents)
		j.Balanced(run)
	})
}

// What people clicked tells a winner, of those in the test alone.
func TestClicksTellAVariant(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 60)
		j.Exec(`UPDATE campaigns SET content = '{"text":"hi","tracking":{"links":true},"experiment":{"variants":[{"name":"A"},{"name":"B","content":{"text":"ho"}}]}}'
			WHERE id = ?`, j.Campaign)
		run := j.Start().ID
		j.PlanAll(run, 1000)
		sent := j.Claim(run, 1, j.Feed(run, []int64{1}, 1000))
		j.Record(run, sent, nil)
		want := map[int]int64{}
		var events []tracking.Event
		for i, id := range sent {
			if m := j.message(id); i%3 == 0 {
				want[m.Variant]++
				events = append(events, tracking.Event{RunID: run, MessageID: id, Link: tracking.Link{Number: 0, Place: 1, Of: 1}, At: s.Clock.Now()})
			}
		}
		engage(t, s, events...)
		trial, err := s.RunTrial(ctx, j.AccountID, run, campaigns.ByClicked)
		require.NoError(t, err)
		require.Len(t, trial.Tallies, 2)
		for i, tally := range trial.Tallies {
			require.Equal(t, want[i+1], tally.Successes)
		}
		trial, err = s.RunTrial(ctx, j.AccountID, run, campaigns.ByOpened)
		require.NoError(t, err)
		require.Zero(t, trial.Tallies[0].Successes+trial.Tallies[1].Successes)
		links, err := s.CountLinks(ctx, run)
		require.NoError(t, err)
		require.Equal(t, "A", links[0].VariantName)
		require.Equal(t, "B", links[1].VariantName)
	})
}
