package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/contacts"
	"carillon/contacts/reply"
	"carillon/internal/clock"
	"carillon/messages"
	"carillon/providers"
	"carillon/statistics"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/tracking"
)

// counted adds up what is counted, and reports nothing that differs from the rows.
func counted(t *testing.T, j *journey) {
	t.Helper()
	drifts, compared, err := j.StatisticsDrift(t.Context(), j.AccountID, 100)
	require.NoError(t, err)
	require.Empty(t, drifts)
	require.Positive(t, compared)
}

// fold adds all changes of counts up.
func fold(t *testing.T, s *storetest.Store) {
	t.Helper()
	for {
		more, err := s.FoldStatistics(t.Context())
		require.NoError(t, err)
		if !more {
			return
		}
	}
}

// rowsOf are the rows of a subject.
func rowsOf[Row any](t *testing.T, j *journey, r statistics.Request) (rows []Row) {
	t.Helper()
	r.AccountID = j.AccountID
	require.NoError(t, statistics.NewService(j.Store.Store, j.Clock).Each(t.Context(), r, func(row any) error {
		rows = append(rows, row.(Row))
		return nil
	}))
	return rows
}

// mixed makes campaigns of which everything becomes that can.
type mixed struct {
	*journey
	random   *rand.Rand
	fake     *clock.Fake
	envelope int64
	all      []int64 // messages that were claimed
}

// campaign plans one for everybody, sends some of it, and tells in any order, late, and twice
// what became of these and of messages of campaigns before it; some are sent again, or
// canceled.
func (m *mixed) campaign(t *testing.T) (run int64) {
	t.Helper()
	ctx, random, j := t.Context(), m.random, m.journey
	j.Campaign = j.NewCampaign(`{"all":true}`)
	run = j.Start().ID
	j.PlanAll(run, 25)
	for range 3 {
		m.envelope++
		ids := j.Claim(run, m.envelope, j.Feed(run, []int64{m.envelope}, 1+random.IntN(20)))
		m.fake.Advance(time.Duration(random.IntN(600)) * time.Minute / 10)
		j.Record(run, ids, func(o *messages.Outcome) {
			switch random.IntN(8) {
			case 0:
				o.State, o.Kind, o.Code, o.Reason = messages.Rejected, "recipient", "131026", messages.ReasonRecipient
			case 1:
				o.State, o.Kind, o.Code, o.Reason = messages.Failed, "content", "132000", messages.ReasonRefused
			case 2:
				o.State, o.Kind, o.Code, o.Reason = messages.Pending, "temporary", "504", messages.ReasonTemporary
			case 3:
				o.State, o.Kind, o.Reason = messages.Unknown, "in_doubt", messages.ReasonInDoubt
			}
		})
		m.all = append(m.all, ids...)
		for range 3 {
			var receipts []providers.Receipt
			for range random.IntN(15) {
				status := []providers.ReceiptStatus{
					providers.ReceiptDelivered, providers.ReceiptRead, providers.ReceiptFailed, providers.ReceiptRejected, providers.ReceiptDelivered,
				}[random.IntN(5)]
				receipts = append(receipts, providers.Receipt{
					MessageID: m.all[random.IntN(len(m.all))], Status: status, At: m.fake.Now().Add(-time.Duration(random.IntN(3600)) * time.Second), Code: "x",
				})
			}
			require.NoError(t, j.Writer.Receive(ctx, j.Channel.ID, receipts))
			m.fake.Advance(time.Duration(random.IntN(120)) * time.Minute)
		}
		for range random.IntN(3) { // those that may not are refused
			_, _ = j.ResendMessage(ctx, j.AccountID, m.all[random.IntN(len(m.all))], "ada")
			_, _ = j.CancelMessage(ctx, j.AccountID, m.all[random.IntN(len(m.all))], "ada")
		}
	}
	if random.IntN(2) == 0 {
		require.NoError(t, j.CancelCampaign(ctx, j.AccountID, j.Campaign, "ada"))
	}
	return run
}

// Whatever becomes of messages, in whatever order it is told and how often, is counted as
// the rows say: over days on which the clock changes, before and after it is added up.
func TestStatisticsAreWhatTheRowsSay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 1))
		// The clock goes back on the 29th at 3:00 in Berlin.
		fake := clock.NewFake(time.Date(2028, 10, 27, 22, 0, 0, 0, time.UTC))
		s.Clock.Set(fake)
		j := newJourney(t, s, 60)
		require.NoError(t, s.InTx(ctx, func(tx sqldb.Conn) error {
			_, err := tx.Exec(ctx, "UPDATE contacts SET created_at = ?", fake.Now().UnixMilli())
			return err
		}))
		repaired, err := s.RepairStatistics(ctx, j.AccountID)
		require.NoError(t, err)
		require.EqualValues(t, 1, repaired, "the contacts, that the journey has made without counting them")
		m := mixed{journey: j, random: random, fake: fake}
		for range 6 {
			m.campaign(t)
			counted(t, j)
			if random.IntN(2) == 0 {
				fold(t, s)
				counted(t, j)
			}
		}

		// Days in Berlin add up to what is counted of the rows in Go, and so do hours.
		berlin, err := time.LoadLocation("Europe/Berlin")
		require.NoError(t, err)
		type cell struct {
			day   string
			state messages.State
		}
		want := map[cell]int64{}
		require.NoError(t, sqldb.Each(ctx, s.Reader(), func(scan sqldb.Scan) error {
			var state messages.State
			var at int64
			err := scan(&state, &at)
			want[cell{time.UnixMilli(at).In(berlin).Format(time.DateOnly), state}]++
			return err
		}, "SELECT state, COALESCE(sent_at, final_at, created_at) FROM messages WHERE state >= 3"))
		request := statistics.Request{
			Subject: statistics.Channels, Zone: "Europe/Berlin", From: time.Date(2028, 10, 27, 22, 0, 0, 0, time.UTC), To: fake.Now().Add(time.Hour),
		}
		daily := rowsOf[statistics.ChannelRow](t, j, request)
		var total statistics.Sending
		for _, row := range daily {
			day := row.Start.Format(time.DateOnly)
			of := func(states ...messages.State) (n int64) {
				for _, state := range states {
					n += want[cell{day, state}]
				}
				return n
			}
			require.Equal(t, statistics.Sending{
				Total: of(messages.Sent, messages.Delivered, messages.Read, messages.Failed, messages.Rejected, messages.Unknown),
				Sent:  of(messages.Sent, messages.Delivered, messages.Read), Delivered: of(messages.Delivered, messages.Read), Read: of(messages.Read),
				Failed: of(messages.Failed), Rejected: of(messages.Rejected), Unknown: of(messages.Unknown), Skipped: of(messages.Skipped),
				Canceled: of(messages.Canceled),
			}, row.Sending, day)
			total.Total += row.Total
			total.Read += row.Read
		}
		request.Interval = statistics.Hour
		for _, row := range rowsOf[statistics.ChannelRow](t, j, request) {
			total.Total -= row.Total
			total.Read -= row.Read
		}
		require.Equal(t, statistics.Sending{}, total)
		request.Interval, request.Subject = statistics.Whole, statistics.Errors
		tries := int64(0)
		for _, row := range rowsOf[statistics.ErrorRow](t, j, request) {
			tries += row.Tries
		}
		require.EqualValues(t, s.Int("SELECT SUM(1 + repeats) FROM transitions WHERE kind <> ''"), tries)
		request.Subject = statistics.Arrivals
		arrived := rowsOf[statistics.ArrivalRow](t, j, request)
		if n := s.Int("SELECT COUNT(*) FROM messages WHERE state >= 3 AND sent_at IS NOT NULL AND delivered_at IS NOT NULL"); n > 0 {
			require.EqualValues(t, n, arrived[0].Arrived)
		}

		// What is damaged is found, and put right.
		fold(t, s)
		s.Exec("UPDATE stats SET n = n + 3 WHERE metric = ?", int64(messages.Skipped))
		s.Exec("DELETE FROM stats WHERE metric = ?", int64(messages.Rejected))
		drifts, _, err := s.StatisticsDrift(ctx, j.AccountID, 100)
		require.NoError(t, err)
		require.NotEmpty(t, drifts)
		n, err := s.RepairStatistics(ctx, j.AccountID)
		require.NoError(t, err)
		require.EqualValues(t, len(drifts), n)
		counted(t, j)
	})
}

// What people do is counted, also what turns out to be a program's; who comes and goes; and
// each person once, whatever they get.
func TestStatisticsOfPeople(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j, run, sent, fake := tracked(t, s, 10)
		_, err := s.RepairStatistics(ctx, j.AccountID)
		require.NoError(t, err)
		_, err = s.KeepLinks(ctx, run, []string{"https://a.example/1", "https://a.example/2"}, nil)
		require.NoError(t, err)
		at := fake.Now()
		engage(t, s, tracking.Event{MessageID: sent[0], Open: true, At: at, Why: tracking.Person},
			tracking.Event{MessageID: sent[0], Link: tracking.Link{Number: 1}, At: at.Add(time.Second), Why: tracking.Person},
			tracking.Event{MessageID: sent[0], Link: tracking.Link{Number: 1}, At: at.Add(time.Minute), Why: tracking.Person},
			tracking.Event{MessageID: sent[1], Link: tracking.Link{Number: 2}, At: at.Add(time.Hour), Why: tracking.Person},
			tracking.Event{MessageID: sent[2], Link: tracking.Link{Number: 2}, At: at.Add(2 * time.Hour), Why: tracking.Head})
		again := j.NewCampaign(`{"all":true}`)
		first := j.Campaign
		j.Campaign = again
		second := j.Start().ID
		j.PlanAll(second, 100)
		j.Record(second, j.Claim(second, 7, j.Feed(second, []int64{7}, 4)), nil)
		j.Campaign = first
		counted(t, j)

		whole := statistics.Request{From: at.Add(-24 * time.Hour), To: at.Add(24 * time.Hour), Interval: statistics.Whole}
		ask := func(of statistics.Subject) statistics.Request { whole.Subject = of; return whole }
		rows := rowsOf[statistics.CampaignRow](t, j, ask(statistics.Campaigns))
		require.Len(t, rows, 2)
		require.Equal(t, []int64{9, 1, 2}, []int64{rows[0].Sent, rows[0].Opened, rows[0].Clicked})
		require.InDelta(t, 0.2222, *rows[0].ClickRate, 0.00001)
		require.EqualValues(t, 4, rows[1].Sent)
		links := rowsOf[statistics.LinkRow](t, j, ask(statistics.Links))
		require.Len(t, links, 2)
		require.Equal(t, []string{"1", "https://a.example/1"}, []string{links[0].Link, links[0].Address})
		for i, want := range [][]int64{{1, 2, 0}, {1, 1, 1}} {
			require.Equal(t, want, []int64{links[i].People, links[i].Clicks, links[i].Machine})
		}
		require.Equal(t, []statistics.PeopleRow{{Span: statistics.Span{Start: whole.From}, Reached: 9, Active: 2}},
			rowsOf[statistics.PeopleRow](t, j, ask(statistics.People)), "thirteen messages to nine people")
		week := rowsOf[statistics.HourRow](t, j, ask(statistics.Hours))
		require.Len(t, week, 7*24)
		require.EqualValues(t, 9, week[6*24+12].Sent, "on a Sunday at noon: %v", week[6*24+12])
		did := week[6*24+at.UTC().Hour():]
		require.Equal(t, []int64{1, 1, 1}, []int64{did[0].Opened, did[0].Clicked, did[1].Clicked}, "when people did it")

		require.Len(t, rowsOf[statistics.NotificationRow](t, j, ask(statistics.Notifications)), 1)
		_, err = s.EraseContact(ctx, j.AccountID, 3, false)
		require.NoError(t, err)
		people := rowsOf[statistics.ContactRow](t, j, ask(statistics.Contacts))
		require.Len(t, people, 1)
		require.Equal(t, []int64{1, 9}, []int64{people[0].Removed, people[0].Total})
		counted(t, j)
	})
}

// Who opts out, complains, or whose address comes back, counts for the campaign whose message
// it was; a word to stop for the one that wrote last, unless that is long ago.
func TestStatisticsOfWhatCameOfRuns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, fake := t.Context(), s.FakeTime()
		j := newJourney(t, s, 8)
		_, err := s.RepairStatistics(ctx, j.AccountID) // the journey's contacts are not counted
		require.NoError(t, err)
		run := j.Start().ID
		j.PlanAll(run, 100)
		ids := j.Claim(run, 1, j.Feed(run, []int64{1}, 8))
		require.Len(t, ids, 8)
		j.Record(run, ids, nil)
		address := func(i int) string {
			m, err := s.GetMessage(ctx, j.AccountID, ids[i])
			require.NoError(t, err)
			return m.Address
		}
		stop := func(i int) {
			_, err := s.TakeReplies(ctx, []contacts.Reply{{
				AccountID: j.AccountID, ChannelID: j.Channel.ID, Kind: j.Channel.Address, Address: address(i), Text: "STOP", Meaning: reply.OptOut, At: fake.Now(),
			}})
			require.NoError(t, err)
		}
		_, err = s.OptOut(ctx, contacts.ConsentChange{
			AccountID: j.AccountID, Kind: j.Channel.Address, Address: address(0), RunID: run, Source: contacts.SourceLink, Actor: "recipient",
		})
		require.NoError(t, err)
		fake.Advance(time.Hour)
		stop(1)
		j.receive(providers.Receipt{MessageID: ids[2], Status: providers.ReceiptRejected, Bounce: providers.BounceHard, Code: "5.1.1"},
			providers.Receipt{MessageID: ids[3], Status: providers.ReceiptComplained}, providers.Receipt{MessageID: ids[3], Status: providers.ReceiptComplained})
		_, err = s.OptOut(ctx, contacts.ConsentChange{
			AccountID: j.AccountID, Kind: j.Channel.Address, Address: address(4), Source: contacts.SourceAPI, Actor: "ada",
		})
		require.NoError(t, err)
		fake.Advance(8 * 24 * time.Hour)
		stop(5)
		fold(t, s)

		rows := rowsOf[statistics.CampaignRow](t, j, statistics.Request{Subject: statistics.Campaigns, From: fake.Now().Add(-30 * 24 * time.Hour),
			To: fake.Now().Add(time.Hour), Interval: statistics.Whole})
		require.Len(t, rows, 1)
		require.Equal(t, []int64{8, 2, 1, 1}, []int64{rows[0].Total, rows[0].OptedOut, rows[0].Bounced, rows[0].Complained})
		require.InDelta(t, 0.125, *rows[0].BounceRate, 0.00001)
		require.InDelta(t, 0.2857, *rows[0].OptOutRate, 0.00001, "of seven that were sent")
		people := rowsOf[statistics.ContactRow](t, j, statistics.Request{Subject: statistics.Contacts, From: fake.Now().Add(-30 * 24 * time.Hour),
			To: fake.Now().Add(time.Hour), Interval: statistics.Whole})
		require.EqualValues(t, 6, people[0].OptedOut, "whichever it was for, with what bounces and complaints led to")
		stopped, err := s.GetMessage(ctx, j.AccountID, ids[1])
		require.NoError(t, err)
		kept, err := s.ListConsents(ctx, j.AccountID, stopped.ContactID, 0, 10)
		require.NoError(t, err)
		require.Equal(t, run, kept[0].RunID)
		counted(t, j)
	})
}

// Lists and categories are counted as people come and go, whatever takes them out; uploads
// are not.
func TestStatisticsOfLists(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 6)
		_, err := s.RepairStatistics(ctx, j.AccountID) // the journey's contacts are not counted
		require.NoError(t, err)
		list, err := s.CreateList(ctx, contacts.List{AccountID: j.AccountID, Kind: contacts.Group, Name: "bells"})
		require.NoError(t, err)
		topic, err := s.CreateList(ctx, contacts.List{AccountID: j.AccountID, Kind: contacts.Category, Name: "news"})
		require.NoError(t, err)
		of := func(l contacts.List, ids ...int64) contacts.MemberChange {
			return contacts.MemberChange{AccountID: j.AccountID, Kind: l.Kind, ListID: l.ID, Contacts: ids, Source: contacts.SourceAPI, Actor: "ada"}
		}
		for range 2 { // who is in it joins once
			_, err = s.AddMembers(ctx, of(list, 1, 2, 3, 4))
			require.NoError(t, err)
		}
		_, err = s.AddMembers(ctx, of(topic, 1, 2))
		require.NoError(t, err)
		_, err = s.RemoveMembers(ctx, of(list, 1, 6))
		require.NoError(t, err)
		_, err = s.OptOut(ctx, contacts.ConsentChange{AccountID: j.AccountID, ContactID: 2, CategoryID: topic.ID, Source: contacts.SourceAPI, Actor: "ada"})
		require.NoError(t, err)
		_, err = s.EraseContact(ctx, j.AccountID, 3, false)
		require.NoError(t, err)
		fold(t, s)
		now := clock.System{}.Now() // triggers have the database's
		whole := statistics.Request{Subject: statistics.Lists, From: now.Add(-time.Hour), To: now.Add(time.Hour), Interval: statistics.Whole}
		rows := rowsOf[statistics.ListRow](t, j, whole)
		require.Len(t, rows, 2)
		require.Equal(t, statistics.ListRow{Span: rows[0].Span, ListID: list.ID, List: "bells", Joined: 4, Left: 2, Total: 2}, rows[0])
		require.Equal(t, statistics.ListRow{Span: rows[1].Span, ListID: topic.ID, List: "news", Joined: 2, Left: 1, Total: 1}, rows[1])
		counted(t, j)

		s.Exec("DELETE FROM stats WHERE metric = 63")
		drifts, _, err := s.StatisticsDrift(ctx, j.AccountID, 10)
		require.NoError(t, err)
		require.Len(t, drifts, 2)
		_, err = s.RepairStatistics(ctx, j.AccountID)
		require.NoError(t, err)
		fold(t, s)
		counted(t, j)
	})
}

// A step of a flow is counted by the template that it speaks.
func TestStatisticsOfTemplatesOfFlows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		w := newFlowPeople(t, s, 3)
		_, err := s.CreateTemplate(t.Context(), letterOf(w.AccountID, "hello", "one"))
		require.NoError(t, err)
		w.start(`{"steps": [{"id": "one", "kind": "send", "content": {"template": {"name": "hello"}}}, {"id": "two", "kind": "send", "content": {"text": "Hi"}},
			{"id": "end", "kind": "end", "outcome": "done"}]}`, false)
		w.enter(1, 2, 3)
		for range 3 {
			w.move()
			w.deliver()
		}
		fold(t, s)
		rows := rowsOf[statistics.NotificationRow](t, w.journey, statistics.Request{Subject: statistics.Notifications, From: w.time.Now().Add(-time.Hour),
			To: w.time.Now().Add(time.Hour), Interval: statistics.Whole})
		got := map[string]int64{}
		for _, r := range rows {
			got[r.Template] = r.TotalSent
		}
		require.Equal(t, map[string]int64{"hello": 3, "": 3}, got)
	})
}

// Where there is nothing, or too much is asked for, it is said.
func TestStatisticsThatCannotBe(t *testing.T) {
	j := newJourney(t, storetest.Open(t, storetest.SQLite(t)), 1)
	service := statistics.NewService(j.Store.Store, j.Clock)
	none := func(any) error { return fmt.Errorf("a row of nothing") }
	for _, of := range []statistics.Subject{statistics.Campaigns, statistics.Channels, statistics.Errors, statistics.Links, statistics.Flows,
		statistics.Arrivals} {
		require.NoError(t, service.Each(t.Context(), statistics.Request{AccountID: j.AccountID, Subject: of}, none))
	}
	now := j.Clock.Now()
	for _, r := range []statistics.Request{
		{Subject: statistics.Channels, Zone: "Mars/Olympus"},
		{Subject: statistics.Channels, From: now, To: now.Add(-time.Hour)},
		{Subject: statistics.Channels, From: now.AddDate(-3, 0, 0), Interval: statistics.Hour},
		{Subject: statistics.People, From: now.AddDate(-1, 0, 0), Interval: statistics.Day},
		{Subject: "weather"},
	} {
		require.Error(t, service.Each(t.Context(), r, none), "%+v", r)
	}
}

// More refusals than usual are said in words, with since when and with which code; few
// messages, and what is usual, are not.
func TestNotesOfWhatIsOutOfTheOrdinary(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		fake := clock.NewFake(time.Date(2028, 10, 20, 6, 0, 0, 0, time.UTC))
		s.Clock.Set(fake)
		j := newJourney(t, s, 444)
		service := statistics.NewService(j.Store.Store, j.Clock)
		_, err := s.SetSettings(t.Context(), campaigns.Settings{AccountID: j.AccountID, Timezone: "Europe/Berlin"})
		require.NoError(t, err)
		envelope := int64(0)
		send := func(n int, refused float64) {
			j.Campaign = j.NewCampaign(`{"all":true}`)
			run := j.Start().ID
			j.PlanAll(run, 1000)
			envelope++
			i := 0
			j.Record(run, j.Claim(run, envelope, j.Feed(run, []int64{envelope}, n)), func(o *messages.Outcome) {
				if i++; float64(i) <= refused*float64(n) {
					o.State, o.Kind, o.Code, o.Reason = messages.Rejected, "recipient", "131049", messages.ReasonRecipient
				}
			})
		}
		notes := func() []statistics.Note {
			list, err := service.Notes(t.Context(), j.AccountID)
			require.NoError(t, err)
			return list
		}
		require.Empty(t, notes())
		for range 5 {
			send(200, 0.02)
			fake.Advance(24 * time.Hour)
		}
		require.Empty(t, notes(), "as always")
		send(40, 0.5)
		require.Empty(t, notes(), "too few to say anything")
		fake.Advance(time.Hour)
		send(200, 0.12)
		fake.Advance(30 * time.Minute)
		list := notes()
		require.Len(t, list, 1)
		require.Equal(t, "rejections 18 % at channel c since 07:45 (2 % before): code 131049", list[0].Words)
		require.InDelta(t, 44.0/240, list[0].Rate, 0.001)
		fake.Advance(time.Hour)
		send(200, 0.02)
		require.Empty(t, notes(), "it has passed")
	})
}
