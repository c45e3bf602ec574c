package store_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/campaigns/hours"
	"carillon/campaigns/schedule"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/zone"
	"carillon/messages"
	"carillon/providers"
	"carillon/store"
	"carillon/store/sqldb"
	"carillon/store/storetest"
)

// zonesOf are zones of all kinds of clocks, and what is none.
var zonesOf = []string{
	"", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "Australia/Lord_Howe",
	"America/St_Johns", "Mars/Olympus", "UTC", "Africa/Cairo",
}

// live gives contacts their zones in turn.
func (j *journey) live(zones ...string) {
	j.t.Helper()
	for i, name := range zones {
		j.Exec("UPDATE contacts SET timezone = ? WHERE id % ? = ?", name, len(zones), i)
	}
}

// setSchedule replaces the schedule of the journey's campaign.
func (j *journey) setSchedule(s campaigns.Schedule) {
	j.t.Helper()
	j.Exec("UPDATE campaigns SET schedule = ? WHERE id = ?", mustJSON(s), j.Campaign)
}

// quieten sets quiet hours of the journey's channel.
func (j *journey) quieten(q *providers.QuietHours) error {
	c, err := j.GetChannel(j.t.Context(), j.AccountID, j.Channel.ID)
	if err != nil {
		return err
	}
	c.QuietHours = q
	_, err = j.UpdateChannel(j.t.Context(), c)
	return err
}

// sealed gives the journey's channel a configuration that can be opened.
func (j *journey) sealed() {
	j.t.Helper()
	config, err := storetest.Box(j.t).Seal([]byte("{}"))
	require.NoError(j.t, err)
	j.Exec("UPDATE channels SET config = ? WHERE id = ?", config, j.Channel.ID)
}

// waits is a message that waits, and where its recipient is.
type waits struct {
	id, contactID int64
	state         messages.State
	due           time.Time
	reason, zone  string
}

func (j *journey) waiting(run int64) (list []waits) {
	j.t.Helper()
	require.NoError(j.t, sqldb.Each(j.t.Context(), j.Reader(), func(scan sqldb.Scan) error {
		var w waits
		var due int64
		err := scan(&w.id, &w.contactID, &w.state, &due, &w.reason, &w.zone)
		w.due = time.UnixMilli(due).UTC()
		list = append(list, w)
		return err
	}, `SELECT m.id, m.contact_id, m.state, m.due_at, COALESCE(m.reason, ''), c.timezone FROM messages m JOIN contacts c ON c.id = m.contact_id
		WHERE m.run_id = ? ORDER BY m.id`, run))
	return list
}

var office = hours.Hours{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "09:00", To: "18:00"}

// The planner's INSERT says for every zone on earth, and whoever has none, what the one
// function says.
func TestThePlannersInsertSaysWhatTimingSays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 700)
		j.live(append([]string{"", "Mars/Olympus"}, zone.Names()...)...)
		now := s.FakeTime().Now()
		for name, when := range map[string]campaigns.Schedule{
			"the recipient's time": {At: "2026-03-29T02:30", Schedule: zoned("Europe/Berlin"), Delivery: campaigns.Delivery{RecipientTime: true}},
			"hours":                {Delivery: campaigns.Delivery{Hours: &office}},
			"spread":               {Delivery: campaigns.Delivery{SpreadOver: "168h"}},
			"all of them": {At: "2026-03-06T20:00", Schedule: zoned("America/New_York"), Delivery: campaigns.Delivery{
				RecipientTime: true, Hours: &office, SpreadOver: "90m", ExpiresAfter: "20h",
			}},
			"nothing": {Schedule: zoned("Asia/Tokyo")},
		} {
			j.Campaign = j.NewCampaign(`{"all":true}`)
			j.setSchedule(when)
			instant := now
			if at, ok, err := when.Instant(""); ok {
				require.NoError(t, err)
				instant = when.Fires(at, "UTC")
			}
			run, err := s.StartRun(t.Context(), j.AccountID, j.Campaign, instant)
			require.NoError(t, err)
			j.PlanAll(run.ID, 100)
			timing := campaigns.NewTiming(when, instant, "UTC", campaigns.Quieting{})
			moments := map[time.Time]bool{}
			for _, m := range j.waiting(run.ID) {
				turn := timing.Turn(timing.Zone(m.zone))
				want := turn.Due.Add(timing.Share(m.contactID)).UTC()
				if m.state != messages.Pending || name == "nothing" {
					want = time.UnixMilli(0).UTC()
				}
				require.Equal(t, want, m.due, "%s: %s", name, m.zone)
				if m.state == messages.Pending {
					require.Equal(t, turn.Reason, m.reason, "%s: %s", name, m.zone)
				} else {
					require.Equal(t, messages.ReasonNoAddress, m.reason)
				}
				moments[m.due] = true
			}
			if name != "nothing" {
				require.Greater(t, len(moments), 5, name)
			}
			j.Balanced(run.ID)
		}
	})
}

// open says of a clock what hours mean; it shares no code with what is tested.
func open(h *hours.Hours, quiet []*providers.QuietHours, wall time.Time) bool {
	clock := wall.Format("15:04")
	if h != nil && (clock < h.From || clock >= h.To || len(h.Days) > 0 && (wall.Weekday() == time.Saturday || wall.Weekday() == time.Sunday)) {
		return false
	}
	for _, q := range quiet {
		if q == nil {
			continue
		}
		if q.From < q.To && clock >= q.From && clock < q.To || q.From > q.To && (clock >= q.From || clock < q.To) {
			return false
		}
	}
	return true
}

// Whatever the order of pauses, tries, changed hours and time that passes, no message
// is queued outside of its recipient's hours, and in the end everybody is accounted for.
func TestNobodyIsQueuedOutsideOfTheirHours(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 60)
		j.live(zonesOf...)
		j.sealed()
		fake := s.FakeTime()
		for seed := range uint64(4) {
			w := &wanderer{journey: j, t: t, rand: rand.New(rand.NewPCG(seed, 1)), fake: fake, own: &office}
			w.wander(seed)
		}
	})
}

// wanderer makes a run go wrong in every way, and looks at each message that is queued.
type wanderer struct {
	*journey
	t       *testing.T
	rand    *rand.Rand
	fake    *clock.Fake
	run     int64
	own     *hours.Hours
	channel *providers.QuietHours
	account *providers.QuietHours
	queued  int
	refused int
}

func (w *wanderer) wander(seed uint64) {
	t := w.t
	require.NoError(t, w.quieten(nil))
	_, err := w.SetSettings(t.Context(), campaigns.Settings{AccountID: w.AccountID})
	require.NoError(t, err)
	w.Campaign = w.NewCampaign(`{"all":true}`)
	w.setSchedule(campaigns.Schedule{Schedule: zoned("Europe/Berlin"), Delivery: campaigns.Delivery{
		Hours: w.own, SpreadOver: "3h", RecipientTime: seed%2 == 0,
	}})
	w.run = w.Start().ID
	w.PlanAll(w.run, 7)
	for range 120 {
		w.step()
	}
	// Left alone it comes to its end.
	w.require(w.PauseCampaign(t.Context(), w.AccountID, w.Campaign, "me"), fault.Conflict)
	w.require(w.ResumeCampaign(t.Context(), w.AccountID, w.Campaign, "me"), fault.Conflict)
	for left := 24 * 14; w.Counts(w.run).Active() > 0; left-- {
		require.Positive(t, left, "%v", w.Counts(w.run))
		w.reconsider()
		w.feed(false)
		w.fake.Advance(time.Hour)
	}
	w.Balanced(w.run)
	require.Equal(t, int64(60), w.Counts(w.run).Total())
	require.Positive(t, w.queued)
	require.Positive(t, w.Counts(w.run)[messages.Sent])
}

func (w *wanderer) require(err error, allowed fault.Code) {
	w.t.Helper()
	if !fault.Is(err, allowed) {
		require.NoError(w.t, err)
	}
}

func (w *wanderer) step() {
	ctx := w.t.Context()
	quiet := []*providers.QuietHours{nil, {From: "20:00", To: "08:00"}, {From: "12:00", To: "13:30"}, {From: "10:00", To: "17:00"}}
	switch w.rand.IntN(9) {
	case 0:
		w.require(w.PauseCampaign(ctx, w.AccountID, w.Campaign, "me"), fault.Conflict)
	case 1, 2:
		w.require(w.ResumeCampaign(ctx, w.AccountID, w.Campaign, "me"), fault.Conflict)
	case 3:
		q := quiet[w.rand.IntN(len(quiet))]
		if err := w.quieten(q); err == nil {
			w.rewound(w.channel, q)
			w.channel = q
		} else {
			w.require(err, fault.Invalid)
			w.refused++
		}
	case 4:
		q := quiet[w.rand.IntN(len(quiet))]
		if _, err := w.SetSettings(ctx, campaigns.Settings{AccountID: w.AccountID, QuietHours: q}); err == nil {
			w.rewound(w.account, q)
			w.account = q
		} else {
			w.require(err, fault.Invalid)
			w.refused++
		}
	case 5:
		w.reconsider()
	case 6:
		w.fake.Advance(time.Duration(w.rand.IntN(8*60)) * time.Minute)
	default:
		w.feed(true)
	}
}

// rewound looks whether changed hours have taken back what was in the window.
func (w *wanderer) rewound(before, after *providers.QuietHours) {
	w.t.Helper()
	if mustJSON(before) != mustJSON(after) {
		require.Zero(w.t, w.Counts(w.run)[messages.Queued], "what was in the window is held against the new hours")
	}
}

func (w *wanderer) reconsider() {
	for {
		more, err := w.Reconsider(w.t.Context())
		require.NoError(w.t, err)
		if !more {
			return
		}
	}
}

// feed feeds, and sends what it got, or some of it: the rest has to be tried again.
func (w *wanderer) feed(failing bool) {
	envelope := w.rand.Int64()
	fed := w.Feed(w.run, []int64{envelope}, 5)
	where := map[int64]waits{}
	for _, m := range w.waiting(w.run) {
		where[m.id] = m
	}
	now := w.fake.Now()
	for _, m := range fed {
		w.queued++
		home, ok := zone.Known(where[m.ID].zone)
		if !ok {
			home, _ = zone.Known("Europe/Berlin")
		}
		require.True(w.t, open(w.own, []*providers.QuietHours{w.channel, w.account}, now.In(home)),
			"message %d at %s: %v %v %v", m.ID, now.In(home), w.own, w.channel, w.account)
	}
	if failing && w.rand.IntN(3) == 0 {
		return // it stays in the window: a pause, or changed hours, take it back
	}
	attempts := map[int64]int{}
	for _, m := range fed {
		attempts[m.ID] = m.Attempt
	}
	claimed := w.Claim(w.run, envelope, fed)
	if len(claimed) == 0 {
		return
	}
	w.Record(w.run, claimed, func(o *messages.Outcome) {
		o.Attempt = attempts[o.MessageID]
		if failing && w.rand.IntN(2) == 0 {
			o.State, o.Reason, o.DueAt = messages.Pending, messages.ReasonTemporary, now.Add(time.Duration(w.rand.IntN(600))*time.Minute)
		}
	})
}

// lateness is a run of everybody that was paused until all but Berlin sleep.
func lateness(t *testing.T, s *storetest.Store, people int, when campaigns.Schedule) (*journey, *clock.Fake, campaigns.Run) {
	t.Helper()
	j := newJourney(t, s, people)
	fake := s.FakeTime() // a Sunday, 12:00 in UTC
	j.live("Asia/Tokyo", "America/New_York", "Asia/Kathmandu")
	j.setSchedule(when)
	run := j.Start()
	j.PlanAll(run.ID, people)
	return j, fake, run
}

// What is late is moved on once, whatever there is of it, and not looked at before.
func TestWhatIsLateIsMovedOnAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		people := 2*store.LateBatch + 100
		j, fake, run := lateness(t, s, people, campaigns.Schedule{Delivery: campaigns.Delivery{Hours: &hours.Hours{From: "09:00", To: "18:00"}}})
		waiting := j.Counts(run.ID)[messages.Pending]
		// At 14:00 everybody has become due, or is to begin at 9 tomorrow; then it stands
		// still until the evening of the next day, when nobody's hours are open but New
		// York's.
		require.NoError(t, s.PauseCampaign(t.Context(), j.AccountID, j.Campaign, "me"))
		fake.Advance(34 * time.Hour) // Monday, 22:00: 17:00 in New York
		require.NoError(t, s.ResumeCampaign(t.Context(), j.AccountID, j.Campaign, "me"))
		before := s.Transactions()
		fed := int64(0)
		for range 200 {
			n := j.Feed(run.ID, []int64{rand.Int64(), rand.Int64()}, 100)
			fed += int64(len(n))
		}
		// A third lives in New York.
		require.InDelta(t, waiting/3, fed, float64(people)/20)
		// Two hundred feeds, three batches of what is late, and few more for its beginning.
		require.Less(t, s.Transactions()-before, int64(220))
		tokyo, kathmandu := time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 3, 3, 15, 0, 0, time.UTC)
		for _, m := range j.waiting(run.ID) {
			if m.state != messages.Pending {
				continue
			}
			require.Equal(t, messages.ReasonHours, m.reason)
			if m.zone == "Asia/Tokyo" {
				require.Equal(t, tokyo, m.due)
			} else {
				require.Equal(t, kathmandu, m.due, m.zone)
			}
		}
		due, err := s.NextDue(t.Context(), j.Channel.ID, run.ID)
		require.NoError(t, err)
		require.Equal(t, messages.Due{At: tokyo, Reason: messages.ReasonHours}, due)
		last, err := s.LastDue(t.Context(), j.Channel.ID, run.ID)
		require.NoError(t, err)
		require.Equal(t, kathmandu, last)
		j.Balanced(run.ID)
	})
}

// Nobody is skipped for hours, until it expires; then everybody is at once.
func TestWhatExpiresIsSkipped(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j, fake, run := lateness(t, s, 3*store.LateBatch/2, campaigns.Schedule{Delivery: campaigns.Delivery{
			Hours: &hours.Hours{From: "09:00", To: "18:00"}, ExpiresAfter: "2h",
		}})
		waiting := j.Counts(run.ID)[messages.Pending]
		// It is 21:00 in Tokyo, 17:45 in Kathmandu and 7:00 in New York: 9:00 there is when
		// it expires.
		require.Len(t, j.Feed(run.ID, []int64{1}, 10), 10)
		require.Zero(t, j.Counts(run.ID)[messages.Skipped]-int64(3*store.LateBatch/2)+waiting)
		fake.Advance(2*time.Hour - time.Millisecond)
		require.Empty(t, j.Feed(run.ID, []int64{2}, 10), "Kathmandu's have closed")
		require.Equal(t, waiting-10, j.Counts(run.ID)[messages.Pending], "and nobody is skipped for that")
		fake.Advance(time.Millisecond)
		for range 3 {
			require.Empty(t, j.Feed(run.ID, []int64{3}, 10))
		}
		require.Zero(t, j.Counts(run.ID)[messages.Pending])
		expired := 0
		for _, m := range j.waiting(run.ID) {
			if m.reason == messages.ReasonExpired {
				require.Equal(t, messages.Skipped, m.state)
				expired++
			}
		}
		require.EqualValues(t, waiting-10, expired)
		j.Balanced(run.ID)
	})
}

// Hours that change while a run is under way hold for what waits by the old ones, and a
// time that is meant for somebody stays meant.
func TestChangedHoursTakeEffect(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 9)
		j.sealed()
		s.FakeTime() // 12:00 in UTC
		j.live("UTC", "Asia/Tokyo", "America/New_York")
		require.NoError(t, j.quieten(&providers.QuietHours{From: "11:00", To: "15:00"}))
		j.setSchedule(campaigns.Schedule{At: "2026-03-01T12:00", Delivery: campaigns.Delivery{RecipientTime: true}})
		run := j.Start()
		j.PlanAll(run.ID, 100)
		require.Len(t, j.Feed(run.ID, []int64{1}, 10), 3, "Tokyo's: 12:00 is over there, and so are quiet hours")
		require.NoError(t, j.quieten(nil))
		for more := true; more; {
			var err error
			more, err = s.Reconsider(t.Context())
			require.NoError(t, err)
		}
		for _, m := range j.waiting(run.ID) {
			if m.zone == "America/New_York" {
				require.Equal(t, time.Date(2026, 3, 1, 17, 0, 0, 0, time.UTC), m.due, "12:00 there")
				require.Empty(t, m.reason)
			}
		}
		// What was in the window came back, and goes with those who are allowed now.
		require.Len(t, j.Feed(run.ID, []int64{2}, 10), 6)
		j.Balanced(run.ID)
	})
}

// What lies in a window until hours have ended is not sent, and goes back when its task is
// gone.
func TestAnEnvelopeThatLiesTooLongIsNotSent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 9)
		fake := s.FakeTime() // 12:00 in UTC, 13:00 in Berlin
		j.live("UTC", "Europe/Berlin")
		j.setSchedule(campaigns.Schedule{Delivery: campaigns.Delivery{Hours: &hours.Hours{From: "09:00", To: "14:00"}}})
		run := j.Start()
		j.PlanAll(run.ID, 100)
		fed := j.Feed(run.ID, []int64{7}, 10)
		require.Len(t, fed, 9)
		require.Len(t, j.Load(run.ID, 7, fed), 9)
		fake.Advance(time.Hour)
		loaded := j.Load(run.ID, 7, fed)
		require.Len(t, loaded, 4)
		for _, m := range loaded {
			require.Equal(t, "UTC", m.Recipient.Timezone)
		}
		n, err := s.RequeueLost(t.Context(), j.Channel.ID, []int64{7})
		require.NoError(t, err)
		require.Len(t, j.Feed(run.ID, []int64{8}, 10), 4)
		require.EqualValues(t, 9, n)
		j.Balanced(run.ID)
	})
}

// Hours that leave no time are refused when they are set, and the error says what they
// exclude.
func TestHoursThatExcludeEachOtherAreRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 1)
		j.sealed()
		j.setSchedule(campaigns.Schedule{Delivery: campaigns.Delivery{Hours: &hours.Hours{From: "10:00", To: "12:00"}}})
		require.NoError(t, j.quieten(&providers.QuietHours{From: "09:00", To: "13:00"}), "a draft is checked when it is started")
		require.NoError(t, j.quieten(nil))
		j.Start()
		refused := func(err error, words string) {
			require.True(t, fault.Is(err, fault.Invalid), "%v", err)
			require.ErrorContains(t, err, words)
		}
		refused(j.quieten(&providers.QuietHours{From: "09:00", To: "13:00"}), "together with the hours 10:00-12:00 of campaign")
		set := func(from, to string) error {
			_, err := s.SetSettings(t.Context(), campaigns.Settings{AccountID: j.AccountID, QuietHours: &providers.QuietHours{From: from, To: to}})
			return err
		}
		refused(set("09:00", "13:00"), "together with the hours 10:00-12:00 of campaign")
		require.NoError(t, j.quieten(&providers.QuietHours{From: "12:00", To: "10:00"}))
		refused(set("10:00", "12:00"), "together with the quiet hours 12:00-10:00 of channel")
		require.NoError(t, set("20:00", "08:00"))
		refused(j.quieten(&providers.QuietHours{From: "08:00", To: "20:00"}), "together with the account's quiet hours 20:00-08:00")
		settings, err := s.GetSettings(t.Context(), j.AccountID)
		require.NoError(t, err)
		require.Equal(t, campaigns.Settings{AccountID: j.AccountID, QuietHours: &providers.QuietHours{From: "20:00", To: "08:00"}}, settings)
	})
}

// Transactional messages pass, unless the account says otherwise.
func TestTransactionalMessagesObeyIfTheAccountSaysSo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		j := newJourney(t, s, 0)
		fake := s.FakeTime() // 12:00
		for _, obey := range []bool{false, true} {
			_, err := s.SetSettings(t.Context(), campaigns.Settings{
				AccountID: j.AccountID, QuietHours: &providers.QuietHours{From: "11:00", To: "13:00"}, QuietTransactional: obey,
			})
			require.NoError(t, err)
			_, err = s.CreateMessage(t.Context(), messages.Outgoing{
				AccountID: j.AccountID, ChannelID: j.Channel.ID, Address: "a@example.org", Content: []byte(`{"text":"x"}`),
			})
			require.NoError(t, err)
			fed := j.Feed(0, []int64{rand.Int64()}, 10)
			if !obey {
				require.Len(t, fed, 1)
				continue
			}
			require.Empty(t, fed)
			fake.Advance(time.Hour)
			require.Len(t, j.Feed(0, []int64{rand.Int64()}, 10), 2, "the other was taken back when the hours changed")
		}
	})
}

// zoned is a schedule's zone.
func zoned(name string) schedule.Schedule { return schedule.Schedule{Timezone: name} }
